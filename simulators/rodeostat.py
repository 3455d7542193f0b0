"""IO Rodeo's Rodeostat: a potentiostat that speaks JSON, one object a line, after its firmware FW0.0.7.

Source: iorodeo/potentiostat, firmware/libraries/potentiostat. The 200 Hz filter of the current is passed over.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, ClassVar

from autolab.simulators.electrics import Cell, cell_of
from autolab.simulators.rodeostat_waveforms import TICK, SquareWave, Waveform, waveforms
from autolab.simulators.talker import Talker

if TYPE_CHECKING:
    from collections.abc import Mapping

    from autolab.model.actions import JSON
    from autolab.simulators.simulator import Place

FIRMWARE, VARIANT, HARDWARE = "FW0.0.7", "10V_microAmpV0.2", "V0.2"
VOLT_RANGES = {"1V": 1.0, "2V": 2.0, "5V": 5.0, "10V": 10.0}
CURR_RANGES = {
    "nano": {"1uA": 1.0, "10uA": 10.0, "100nA": 0.1, "60nA": 0.06},
    "micro": {"1uA": 1.0, "10uA": 10.0, "100uA": 100.0, "1000uA": 1000.0},
    "milli": {"100uA": 100.0, "1000uA": 1000.0, "12000uA": 12024.0, "24000uA": 24048.0},
}  # uA
CHANNELS = 7
PACKET = 64  # bytes: a message of a multiple of it stays in the USB's buffer
ELECTRODES = ("Ref", "Ctr", "Wrk")


class Refusal(Exception):
    """What a reply with `success` false says."""


class RodeostatSimulator(Talker):
    """A Rodeostat with a cell at its electrodes.

    Options: `firmware`, `variant`, `device_id`, `usb_bug` (messages whose length is a multiple of 64 bytes stay in its
    buffer until four of them are there), `stuck` (`stopTest` is heard and does nothing), and the cell: `cell`
    (couple, randles, resistor) with `ohm`; `series_ohm`, `transfer_ohm`, `farad`; `formal_V`, `millimolar`, `area_cm2`.
    """

    frame_end: ClassVar[tuple[bytes, ...]] = (b"\n",)
    longest: ClassVar[int] = 4096
    options: ClassVar[tuple[str, ...]] = (
        "firmware", "variant", "device_id", "usb_bug", "stuck", "cell", "ohm", "series_ohm", "transfer_ohm", "farad",
        "formal_V", "millimolar", "area_cm2",
    )  # fmt: skip
    baud = 12_000_000  # USB full speed, whatever the port is opened with
    reaction = 0.001

    def __init__(self, place: Place) -> None:
        super().__init__(place)
        self.variant = str(place.options.get("variant", VARIANT))
        self.device_id = int(str(place.options.get("device_id", 1)))
        self.cell: Cell = cell_of(place.options)
        kind = "nano" if "nano" in self.variant else "milli" if "illi" in self.variant else "micro"
        self.curr_ranges = CURR_RANGES[kind]
        self._held: list[bytes] = []
        self.wake()

    def wake(self) -> None:
        """Come up: 0 V, no electrode connected, the parameters that the firmware begins with."""
        self.tests = waveforms()
        self.volt, self.volt_range = 0.0, "1V"
        self.curr_range = "1000uA" if "1uA" not in self.curr_ranges else "10uA"
        self.ref_range = "1V"
        self.period = 10_000  # us
        self.connected = dict.fromkeys(ELECTRODES, False)
        self.auto = True
        self.mux: dict[str, Any] = {"enabled": False, "channels": [], "Ref": False, "Ctr": False, "Wrk": 0}
        self.test: Waveform | None = None
        self.t = 0  # us
        self._sums = [0.0, 0.0]
        self._counts = [0, 0]
        self._place = 0
        self._rested = self.place.clock.loop.time()
        self._held.clear()

    # ---- hearing -----------------------------------------------------------------------------------------------

    def hear(self, frame: bytes) -> None:
        """Take one message; with the USB's fault, a message of full packets stays until four of them are there."""
        self._held.append(frame)
        if self.place.options.get("usb_bug") and (len(frame) + 1) % PACKET == 0 and len(self._held) < 4:
            return
        frames, self._held = self._held, []
        for message in frames:
            self._answer(message)

    def _answer(self, frame: bytes) -> None:
        response: dict[str, Any] = {}
        reply: dict[str, Any] = {"success": True}
        try:
            self._obey(_message(frame), response)
        except Refusal as refusal:
            reply = {"success": False, "message": str(refusal)}
        self._send_object({**reply, "response": response})
        if response.get("command") == "stopTest":
            self._end()

    def _send_object(self, value: Mapping[str, Any]) -> None:
        self.say(json.dumps(value, separators=(",", ":")).encode() + b"\r\n")

    def _obey(self, message: Mapping[str, Any], response: dict[str, Any]) -> None:
        if "command" not in message:
            raise Refusal("CommandTable: command not found")
        command = str(message["command"]).strip()
        handler = getattr(self, f"_on_{command}", None)
        if handler is not None:
            response["command"] = message["command"]
            handler(message, response)
            return
        for part in ELECTRODES:
            for prefix, states in (("Mux", self.mux), ("", self.connected)):
                if command in (f"set{prefix}{part}ElectConnected", f"get{prefix}{part}ElectConnected"):
                    response["command"] = message["command"]
                    self._electrode(command, part, states, message, response)
                    return
        raise Refusal(f"command, {command}, not found")

    # ---- voltage, current, ranges ------------------------------------------------------------------------------

    def _on_getVolt(self, message: Mapping[str, Any], response: dict[str, Any]) -> None:  # noqa: N802
        response["v"] = self._dac(self.volt)

    def _on_setVolt(self, message: Mapping[str, Any], response: dict[str, Any]) -> None:  # noqa: N802
        value = _needed(message, "v")
        if not _is_number(value):
            raise Refusal("unable to convert volt to float")
        self._go_on()
        self.volt = float(value)
        response["v"] = self._dac(self.volt)

    def _on_getCurr(self, message: Mapping[str, Any], response: dict[str, Any]) -> None:  # noqa: N802
        response["i"] = self._adc(self._go_on())

    def _on_getRefVolt(self, message: Mapping[str, Any], response: dict[str, Any]) -> None:  # noqa: N802
        most = VOLT_RANGES[self.ref_range]
        response["r"] = max(-most, min(most, self._dac(self.volt) if self.connected["Ref"] else 0.0))

    def _range(self, key: str, attribute: str, known: Mapping[str, float], message: Any, response: Any) -> None:  # noqa: ANN401
        name = _needed(message, key)
        if name in known:
            setattr(self, attribute, name)
        response[key] = getattr(self, attribute)
        if name not in known:
            raise Refusal(f"{key}, {name}, not found")

    def _on_setVoltRange(self, message: Mapping[str, Any], response: dict[str, Any]) -> None:  # noqa: N802
        self._range("voltRange", "volt_range", VOLT_RANGES, message, response)

    def _on_getVoltRange(self, message: Mapping[str, Any], response: dict[str, Any]) -> None:  # noqa: N802
        response["voltRange"] = self.volt_range

    def _on_setRefElectVoltRange(self, message: Mapping[str, Any], response: dict[str, Any]) -> None:  # noqa: N802
        self._range("voltRange", "ref_range", VOLT_RANGES, message, response)

    def _on_getRefElectVoltRange(self, message: Mapping[str, Any], response: dict[str, Any]) -> None:  # noqa: N802
        response["voltRange"] = self.ref_range

    def _on_setCurrRange(self, message: Mapping[str, Any], response: dict[str, Any]) -> None:  # noqa: N802
        self._range("currRange", "curr_range", self.curr_ranges, message, response)

    def _on_getCurrRange(self, message: Mapping[str, Any], response: dict[str, Any]) -> None:  # noqa: N802
        response["currRange"] = self.curr_range

    # ---- who it is ---------------------------------------------------------------------------------------------

    def _on_getDeviceId(self, message: Mapping[str, Any], response: dict[str, Any]) -> None:  # noqa: N802
        response["deviceId"] = self.device_id

    def _on_setDeviceId(self, message: Mapping[str, Any], response: dict[str, Any]) -> None:  # noqa: N802
        value = _needed(message, "deviceId")
        if not isinstance(value, int) or isinstance(value, bool) or value < 0:
            raise Refusal("deviceId is not integer")
        self.device_id = response["deviceId"] = value

    def _on_getVersion(self, message: Mapping[str, Any], response: dict[str, Any]) -> None:  # noqa: N802
        response["version"] = self.place.options.get("firmware", FIRMWARE)

    def _on_getVariant(self, message: Mapping[str, Any], response: dict[str, Any]) -> None:  # noqa: N802
        response["variant"] = self.variant

    def _on_getHardwareVersion(self, message: Mapping[str, Any], response: dict[str, Any]) -> None:  # noqa: N802
        response["version"] = HARDWARE

    # ---- tests -------------------------------------------------------------------------------------------------

    def _on_setSamplePeriod(self, message: Mapping[str, Any], response: dict[str, Any]) -> None:  # noqa: N802
        value = _needed(message, "samplePeriod")
        if not isinstance(value, int) or isinstance(value, bool) or value < 0:
            raise Refusal("json samplePeriod value is not uin32_t")
        if not 1 <= value <= 1000:
            raise Refusal(f"json samplePeriod value is too {'large' if value > 1000 else 'small'}")
        self.period = value * 1000
        response["samplePeriod"] = value

    def _on_getSamplePeriod(self, message: Mapping[str, Any], response: dict[str, Any]) -> None:  # noqa: N802
        response["samplePeriod"] = self.period // 1000

    def _named(self, message: Mapping[str, Any], response: dict[str, Any]) -> Waveform:
        name = _needed(message, "test")
        response["test"] = name
        if name not in self.tests:
            raise Refusal("test not found")
        return self.tests[name]

    def _on_getTestNames(self, message: Mapping[str, Any], response: dict[str, Any]) -> None:  # noqa: N802
        response["testNames"] = list(self.tests)

    def _on_getMuxTestNames(self, message: Mapping[str, Any], response: dict[str, Any]) -> None:  # noqa: N802
        response["testNames"] = [name for name, test in self.tests.items() if test.mux]

    def _on_getTestDoneTime(self, message: Mapping[str, Any], response: dict[str, Any]) -> None:  # noqa: N802
        response["testDoneTime"] = self._named(message, response).done(self.period) // 1000

    def _on_getParam(self, message: Mapping[str, Any], response: dict[str, Any]) -> None:  # noqa: N802
        response["param"] = self._named(message, response).values

    def _on_setParam(self, message: Mapping[str, Any], response: dict[str, Any]) -> None:  # noqa: N802
        test = self._named(message, response)
        if "param" not in message:
            raise Refusal("key param missing")
        if not isinstance(message["param"], dict):
            raise Refusal("param not JsonObject")
        response["param"], wrong = test.set(message["param"])
        if wrong:
            raise Refusal(wrong)

    def _on_runTest(self, message: Mapping[str, Any], response: dict[str, Any]) -> None:  # noqa: N802
        test = self._named(message, response)
        if self.mux["enabled"]:
            if not test.mux:
                raise Refusal(f"test, {test.name}, is not mux compatible")
            if not self.mux["channels"]:
                raise Refusal("mux running, but no enabled working electrode channels")
            self.mux.update(Ref=True, Ctr=True, Wrk=self.mux["channels"][0])
        self._go_on()
        self.forget_timers()
        if self.auto:
            self.connected = dict.fromkeys(ELECTRODES, True)
        low, high = test.reach()
        fits = [name for name, most in VOLT_RANGES.items() if -most <= low and high <= most]
        self.volt_range = fits[0] if fits else self.volt_range
        self.test, self.t, self._place = test, 0, 0
        self._sums, self._counts = [0.0, 0.0], [0, 0]
        self.later(min(self.period, max(TICK, test.done(self.period))) * 1e-6, self._sample)

    def _on_stopTest(self, message: Mapping[str, Any], response: dict[str, Any]) -> None:  # noqa: N802
        """Do nothing yet: the end follows the reply."""

    def _sample(self) -> None:
        """Come to the next sample, say it, and end the test with the last one."""
        test = self.test
        if test is None:
            return
        begin, self.t = self.t, self.t + self.period
        done = test.done(self.period)
        end = min(self.t, max(done, TICK))
        current = self._through(test, begin, end)
        early = (
            isinstance(test, SquareWave) and test.quiet == 0
        )  # its samples come a tick late: it is done before the last
        if end == self.t and not (early and self.t >= done):
            self._say_sample(test, current)
        if self.t >= done:
            self._end()
        else:
            self.later(min(self.period, max(TICK, done - self.t)) * 1e-6, self._sample)

    def _through(self, test: Waveform, begin: int, end: int) -> float:
        """Bring the cell from one time (us) to another and return the last current, uA."""
        most = TICK if test.steps else max(TICK, self.period // 4)
        piece = max(most, min(end - begin, int(min(self.cell.finest, 1.0) * 1e6)) // TICK * TICK)
        piece = min(piece, self.period // 10 // TICK * TICK or TICK) if isinstance(test, SquareWave) else piece
        microamperes = 0.0
        while begin < end:
            until = min(end, begin + piece)
            first, last = self._wanted(test, begin), self._wanted(test, until)
            first = last if test.steps else first
            amperes = self._follow((first, last), (until - begin) * 1e-6)
            microamperes = self._adc(amperes)
            self._square(test, until, microamperes)
            begin = until
        self.volt = self._wanted(test, end)
        self._rested = self.place.clock.loop.time()
        return microamperes

    def _wanted(self, test: Waveform, t: int) -> float:
        return test.wave(t - TICK, self.period) if isinstance(test, SquareWave) else test.volts(t)

    def _square(self, test: Waveform, t: int, microamperes: float) -> None:
        """Gather a square wave's currents near the end of each half."""
        if isinstance(test, SquareWave) and t > test.quiet:
            half = self.period // 2
            place = (t - TICK - test.quiet) % self.period
            which = 0 if place < half else 1
            if half - place % half - 1 < max(TICK, int((half - 1) * float(test.values["window"]))):
                self._sums[which] += microamperes
                self._counts[which] += 1

    def _say_sample(self, test: Waveform, microamperes: float) -> None:
        volts = test.volts(self.t) if not isinstance(test, SquareWave) else float(test.values["quietValue"])
        if isinstance(test, SquareWave):
            microamperes = 0.0
            if self.t > test.quiet:
                volts = test.stair(self.t - test.quiet, self.period)
                forward, reverse = (total / max(1, n) for total, n in zip(self._sums, self._counts, strict=True))
                microamperes, self._sums, self._counts = forward - reverse, [0.0, 0.0], [0, 0]
        sample: dict[str, Any] = {"t": self.t // 1000, "v": round(volts, 6), "i": round(microamperes, 6)}
        if self.mux["enabled"]:
            channels = self.mux["channels"]
            sample["n"] = self.mux["Wrk"]
            self._place = (self._place + 1) % len(channels)
            self.mux["Wrk"] = channels[self._place]
        self._send_object(sample)

    def _end(self) -> None:
        """Stop what runs: 0 V, electrodes off, and the empty object that ends the samples."""
        if self.place.options.get("stuck") and self.test is not None:
            return
        self.forget_timers()
        self._go_on()
        self.test, self.volt = None, 0.0
        if self.auto:
            self.connected = dict.fromkeys(ELECTRODES, False)
        if self.mux["enabled"]:
            self.mux.update(Ref=False, Ctr=False, Wrk=0)
        self._send_object({})

    # ---- electrodes and multiplexer ----------------------------------------------------------------------------

    def _electrode(self, command: str, part: str, states: dict[str, Any], message: Any, response: Any) -> None:  # noqa: ANN401
        if command.startswith("get"):
            response["connected"] = (states[part] or False) if states is not self.mux or self.mux["enabled"] else False
            return
        value = _needed(message, "connected")
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

    def _on_setAllElectConnected(self, message: Mapping[str, Any], response: dict[str, Any]) -> None:  # noqa: N802
        value = _needed(message, "connected")
        if not isinstance(value, bool):
            raise Refusal("unable to convert 'connected' to bool")
        self._go_on()
        self.connected = dict.fromkeys(ELECTRODES, value)
        response["connected"] = value

    def _on_getAllElectConnected(self, message: Mapping[str, Any], response: dict[str, Any]) -> None:  # noqa: N802
        response["connected"] = all(self.connected.values())

    def _on_setElectAutoConnect(self, message: Mapping[str, Any], response: dict[str, Any]) -> None:  # noqa: N802
        value = _needed(message, "autoConnect")
        if not isinstance(value, bool):
            raise Refusal("unable to convert 'autoConnect' to bool")
        self.auto = response["autoConnect"] = value

    def _on_getElectAutoConnect(self, message: Mapping[str, Any], response: dict[str, Any]) -> None:  # noqa: N802
        response["autoConnect"] = self.auto

    def _on_setMuxEnabled(self, message: Mapping[str, Any], response: dict[str, Any]) -> None:  # noqa: N802
        value = _needed(message, "muxEnabled")
        if not isinstance(value, bool):
            raise Refusal("unable to convert muxEnabled to bool")
        self.mux.update(enabled=value, Ref=False, Ctr=False, Wrk=0)
        response["muxEnabled"] = value

    def _on_getMuxEnabled(self, message: Mapping[str, Any], response: dict[str, Any]) -> None:  # noqa: N802
        response["muxEnabled"] = self.mux["enabled"]

    def _on_setEnabledMuxChannels(self, message: Mapping[str, Any], response: dict[str, Any]) -> None:  # noqa: N802
        channels = _needed(message, "muxChannel")
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

    def _on_getEnabledMuxChannels(self, message: Mapping[str, Any], response: dict[str, Any]) -> None:  # noqa: N802
        response["muxChannel"] = self.mux["channels"]

    def _on_disconnectAllMuxElect(self, message: Mapping[str, Any], response: dict[str, Any]) -> None:  # noqa: N802
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

    # ---- its life ----------------------------------------------------------------------------------------------

    def is_safe(self) -> bool:
        """Say whether no test runs and 0 V are asked for."""
        return self.test is None and self._dac(self.volt) == self._dac(0.0)

    def snapshot(self) -> dict[str, JSON]:
        """Return its state as JSON.

        Raises:
            ValueError: While a test runs.
        """
        if self.test is not None:
            msg = f"{self.name}: a test runs; its state cannot be kept"
            raise ValueError(msg)
        kept = {name: getattr(self, name) for name in _KEPT}
        return {**kept, "tests": {name: test.values for name, test in self.tests.items()}, "cell": self.cell.snapshot()}

    def restore(self, state: Mapping[str, JSON]) -> None:
        """Go on from `snapshot`."""
        self.forget_timers()
        self.wake()
        copy: Any = json.loads(json.dumps(state))
        for name in _KEPT:
            setattr(self, name, copy[name])
        for name, values in copy["tests"].items():
            self.tests[name].values = values
        self.cell.restore(copy["cell"])


_KEPT = ("volt", "volt_range", "curr_range", "ref_range", "period", "connected", "auto", "mux", "device_id")


def _message(frame: bytes) -> Mapping[str, Any]:
    try:
        message = json.loads(frame)
    except ValueError:
        message = None
    if not isinstance(message, dict):
        raise Refusal("unable to parse json")
    return message


def _needed(message: Mapping[str, Any], key: str) -> Any:  # noqa: ANN401  JSON
    if key not in message:
        raise Refusal(f"json does not contain key: {key}")
    return message[key]


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
