"""The analog side of a Rodeostat: voltage output, current input, electrodes, multiplexer, and the cell."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from autolab.simulators.electrochemistry import Cell, cell_of
from autolab.simulators.talker import Talker

if TYPE_CHECKING:
    from collections.abc import Mapping

    from autolab.simulators.simulator import Place

VOLT_RANGES = {"1V": 1.0, "2V": 2.0, "5V": 5.0, "10V": 10.0}
CURR_RANGES = {
    "nano": {"1uA": 1.0, "10uA": 10.0, "100nA": 0.1, "60nA": 0.06},
    "micro": {"1uA": 1.0, "10uA": 10.0, "100uA": 100.0, "1000uA": 1000.0},
    "milli": {"100uA": 100.0, "1000uA": 1000.0, "12000uA": 12024.0, "24000uA": 24048.0},
}  # uA
VARIANT = "10V_microAmpV0.2"
CHANNELS = 7
ELECTRODES = ("Ref", "Ctr", "Wrk")


class Refusal(Exception):
    """What a reply with `success` false says."""


class RodeostatBoard(Talker):
    """What is around the processor, and the commands that set it directly.

    Attributes:
        cell: What hangs at the electrodes.
        volt: The voltage that was asked for last, V.
        connected: Whether each electrode is, past the multiplexer.
        mux: The multiplexer: `enabled`, its `channels`, and what it connects.
    """

    cell_options: ClassVar[tuple[str, ...]] = (
        "cell", "ohm", "series_ohm", "transfer_ohm", "farad", "formal_V", "millimolar", "area_cm2",
    )  # fmt: skip

    def __init__(self, place: Place) -> None:
        super().__init__(place)
        self.variant = str(place.options.get("variant", VARIANT))
        self.cell: Cell = cell_of(place.options)
        kind = "nano" if "nano" in self.variant else "milli" if "illi" in self.variant else "micro"
        self.curr_ranges = CURR_RANGES[kind]
        self.switch_on()

    def switch_on(self) -> None:
        """Have 0 V, the ranges that the firmware begins with, and no electrode connected."""
        self.volt, self.volt_range = 0.0, "1V"
        self.curr_range = "1000uA" if "1uA" not in self.curr_ranges else "10uA"
        self.ref_range = "1V"
        self.connected = dict.fromkeys(ELECTRODES, False)
        self.auto = True
        self.mux: dict[str, Any] = {"enabled": False, "channels": [], "Ref": False, "Ctr": False, "Wrk": 0}
        self._rested = self.place.clock.loop.time()

    # ---- voltage, current, ranges ------------------------------------------------------------------------------

    def _on_get_volt(self, message: Mapping[str, Any], response: dict[str, Any]) -> None:
        response["v"] = self._dac(self.volt)

    def _on_set_volt(self, message: Mapping[str, Any], response: dict[str, Any]) -> None:
        value = needed(message, "v")
        if not is_number(value):
            raise Refusal("unable to convert volt to float")
        self._go_on()
        self.volt = float(value)
        response["v"] = self._dac(self.volt)

    def _on_get_curr(self, message: Mapping[str, Any], response: dict[str, Any]) -> None:
        response["i"] = self._adc(self._go_on())

    def _on_get_ref_volt(self, message: Mapping[str, Any], response: dict[str, Any]) -> None:
        most = VOLT_RANGES[self.ref_range]
        response["r"] = max(-most, min(most, self._dac(self.volt) if self.connected["Ref"] else 0.0))

    def _range(self, key: str, attribute: str, known: Mapping[str, float], message: Any, response: Any) -> None:  # noqa: ANN401
        name = needed(message, key)
        if name in known:
            setattr(self, attribute, name)
        response[key] = getattr(self, attribute)
        if name not in known:
            raise Refusal(f"{key}, {name}, not found")

    def _on_set_volt_range(self, message: Mapping[str, Any], response: dict[str, Any]) -> None:
        self._range("voltRange", "volt_range", VOLT_RANGES, message, response)

    def _on_get_volt_range(self, message: Mapping[str, Any], response: dict[str, Any]) -> None:
        response["voltRange"] = self.volt_range

    def _on_set_ref_elect_volt_range(self, message: Mapping[str, Any], response: dict[str, Any]) -> None:
        self._range("voltRange", "ref_range", VOLT_RANGES, message, response)

    def _on_get_ref_elect_volt_range(self, message: Mapping[str, Any], response: dict[str, Any]) -> None:
        response["voltRange"] = self.ref_range

    def _on_set_curr_range(self, message: Mapping[str, Any], response: dict[str, Any]) -> None:
        self._range("currRange", "curr_range", self.curr_ranges, message, response)

    def _on_get_curr_range(self, message: Mapping[str, Any], response: dict[str, Any]) -> None:
        response["currRange"] = self.curr_range

    # ---- electrodes and multiplexer ----------------------------------------------------------------------------

    def _electrode(self, command: str, part: str, states: dict[str, Any], message: Any, response: Any) -> None:  # noqa: ANN401
        if command.startswith("get"):
            response["connected"] = (states[part] or False) if states is not self.mux or self.mux["enabled"] else False
            return
        value = needed(message, "connected")
        wrk = states is self.mux and part == "Wrk"
        if not isinstance(value, bool) and not (wrk and isinstance(value, int)):
            raise Refusal("connected must be bool or int" if wrk else "unable to convert 'connected' to bool")
        if states is self.mux and not self.mux["enabled"]:
            raise Refusal("mux not enabled - unable to connect/disconnect")
        if wrk and value is True:
            raise Refusal("if bool 'connected' must be false")
        if wrk and value and value not in self.mux["channels"]:
            raise Refusal("mux channel is not enabled")
        self._go_on()
        states[part] = value
        response["connected"] = value

    def _on_set_all_elect_connected(self, message: Mapping[str, Any], response: dict[str, Any]) -> None:
        value = needed(message, "connected")
        if not isinstance(value, bool):
            raise Refusal("unable to convert 'connected' to bool")
        self._go_on()
        self.connected = dict.fromkeys(ELECTRODES, value)
        response["connected"] = value

    def _on_get_all_elect_connected(self, message: Mapping[str, Any], response: dict[str, Any]) -> None:
        response["connected"] = all(self.connected.values())

    def _on_set_elect_auto_connect(self, message: Mapping[str, Any], response: dict[str, Any]) -> None:
        value = needed(message, "autoConnect")
        if not isinstance(value, bool):
            raise Refusal("unable to convert 'autoConnect' to bool")
        self.auto = response["autoConnect"] = value

    def _on_get_elect_auto_connect(self, message: Mapping[str, Any], response: dict[str, Any]) -> None:
        response["autoConnect"] = self.auto

    def _on_set_mux_enabled(self, message: Mapping[str, Any], response: dict[str, Any]) -> None:
        value = needed(message, "muxEnabled")
        if not isinstance(value, bool):
            raise Refusal("unable to convert muxEnabled to bool")
        self.mux.update(enabled=value, Ref=False, Ctr=False, Wrk=0)
        response["muxEnabled"] = value

    def _on_get_mux_enabled(self, message: Mapping[str, Any], response: dict[str, Any]) -> None:
        response["muxEnabled"] = self.mux["enabled"]

    def _on_set_enabled_mux_channels(self, message: Mapping[str, Any], response: dict[str, Any]) -> None:
        channels = needed(message, "muxChannel")
        if not isinstance(channels, list):
            raise Refusal("muxChannel not a JsonArray")
        if len(channels) > CHANNELS:
            raise Refusal("muxChannel array too large")
        for channel in channels:
            if not isinstance(channel, int) or isinstance(channel, bool):
                raise Refusal("muxChannel element not an int")
            if not 0 < channel <= CHANNELS:
                raise Refusal("muxChannel element out of range")
        self.mux["channels"] = response["muxChannel"] = channels

    def _on_get_enabled_mux_channels(self, message: Mapping[str, Any], response: dict[str, Any]) -> None:
        response["muxChannel"] = self.mux["channels"]

    def _on_disconnect_all_mux_elect(self, message: Mapping[str, Any], response: dict[str, Any]) -> None:
        self.mux.update(Ref=False, Ctr=False, Wrk=0)

    # ---- the cell ----------------------------------------------------------------------------------------------

    @property
    def live(self) -> bool:
        """Whether the cell is connected."""
        return all(self.connected.values()) or all(self.mux[part] for part in ELECTRODES)

    def _follow(self, volts: tuple[float, float], dt: float) -> float:
        if not self.live:
            self.cell.rest(dt)
            return 0.0
        return self.cell.follow((self._dac(volts[0]), self._dac(volts[1])), dt)

    def _go_on(self) -> float:
        """Bring the cell to the present at the voltage that is set; return the current, A."""
        now = self.place.clock.loop.time()
        dt, self._rested = max(0.0, now - self._rested), now
        current = 0.0
        for _ in range(10):  # a long wait is no reason for a long step at its end
            current = self._follow((self.volt, self.volt), dt / 10)
        return current

    def _dac(self, volts: float) -> float:
        """Return a voltage as 12 bits of the range give it."""
        most = VOLT_RANGES[self.volt_range]
        step = 2 * most / 4095
        return round(max(-most, min(most, round(volts / step) * step)), 9)

    def _adc(self, amperes: float) -> float:
        """Return a current as 16 bits of the range show it, with noise, uA."""
        most = self.curr_ranges[self.curr_range]
        noisy = amperes * 1e6 + self.place.noise * 1e-4 * most * float(self.chance.normal())
        step = 2 * most / 65535
        return round(max(-most, min(most, round(noisy / step) * step)), 9)


def needed(message: Mapping[str, Any], key: str) -> Any:  # noqa: ANN401  JSON
    """Return the value of a key that must be there.

    Raises:
        Refusal: It is not.
    """
    if key not in message:
        raise Refusal(f"json does not contain key: {key}")
    return message[key]


def is_number(value: object) -> bool:
    """Say whether JSON has a number here."""
    return isinstance(value, int | float) and not isinstance(value, bool)
