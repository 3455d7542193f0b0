"""IO Rodeo's Rodeostat: a potentiostat that speaks JSON, one object a line, after its firmware FW0.0.7.

Source: iorodeo/potentiostat, firmware/libraries/potentiostat. The 200 Hz filter of the current is passed over.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any, ClassVar

from autolab.simulators.rodeostat_board import ELECTRODES, VOLT_RANGES, Refusal, RodeostatBoard, needed
from autolab.simulators.rodeostat_waveforms import TICK, SquareWave, Waveform, waveforms

if TYPE_CHECKING:
    from collections.abc import Mapping

    from autolab.model.actions import JSON
    from autolab.simulators.simulator import Place

FIRMWARE, HARDWARE = "FW0.0.7", "V0.2"
PACKET = 64  # bytes: a message of a multiple of it stays in the USB's buffer


class RodeostatSimulator(RodeostatBoard):
    """A Rodeostat with a cell at its electrodes.

    Options: `firmware`, `variant`, `device_id`, `usb_bug` (messages whose length is a multiple of 64 bytes stay in its
    buffer until four of them are there), `stuck` (`stopTest` is heard and does nothing), and the cell: `cell`
    (couple, randles, resistor) with `ohm`; `series_ohm`, `transfer_ohm`, `farad`; `formal_V`, `millimolar`, `area_cm2`.
    """

    frame_end: ClassVar[tuple[bytes, ...]] = (b"\n",)
    longest: ClassVar[int] = 2000  # its buffer; what does not fit is lost
    options: ClassVar[tuple[str, ...]] = (
        "firmware", "variant", "device_id", "usb_bug", "stuck", *RodeostatBoard.cell_options,
    )  # fmt: skip
    baud = 12_000_000  # USB full speed, whatever the port is opened with
    reaction = 0.001

    def __init__(self, place: Place) -> None:
        super().__init__(place)
        self.device_id = int(str(place.options.get("device_id", 1)))
        self._held: list[bytes] = []
        self.wake()

    def wake(self) -> None:
        """Come up: 0 V, no electrode connected, the parameters that the firmware begins with."""
        self.tests = waveforms()
        self.switch_on()
        self.period = 10_000  # us
        self.test: Waveform | None = None
        self.t = 0  # us
        self._sums = [0.0, 0.0]
        self._counts = [0, 0]
        self._place = 0
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
        known = command.isalnum() and command[:1].islower()
        handler = getattr(self, f"_on_{_snake(command)}", None) if known else None
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

    # ---- who it is ---------------------------------------------------------------------------------------------

    def _on_get_device_id(self, message: Mapping[str, Any], response: dict[str, Any]) -> None:
        response["deviceId"] = self.device_id

    def _on_set_device_id(self, message: Mapping[str, Any], response: dict[str, Any]) -> None:
        value = needed(message, "deviceId")
        if not isinstance(value, int) or isinstance(value, bool) or value < 0:
            raise Refusal("deviceId is not integer")
        self.device_id = response["deviceId"] = value

    def _on_get_version(self, message: Mapping[str, Any], response: dict[str, Any]) -> None:
        response["version"] = self.place.options.get("firmware", FIRMWARE)

    def _on_get_variant(self, message: Mapping[str, Any], response: dict[str, Any]) -> None:
        response["variant"] = self.variant

    def _on_get_hardware_version(self, message: Mapping[str, Any], response: dict[str, Any]) -> None:
        response["version"] = HARDWARE

    # ---- tests -------------------------------------------------------------------------------------------------

    def _on_set_sample_period(self, message: Mapping[str, Any], response: dict[str, Any]) -> None:
        value = needed(message, "samplePeriod")
        if not isinstance(value, int) or isinstance(value, bool) or value < 0:
            raise Refusal("json samplePeriod value is not uin32_t")
        if not 1 <= value <= 1000:
            raise Refusal(f"json samplePeriod value is too {'large' if value > 1000 else 'small'}")
        self.period = value * 1000
        response["samplePeriod"] = value

    def _on_get_sample_period(self, message: Mapping[str, Any], response: dict[str, Any]) -> None:
        response["samplePeriod"] = self.period // 1000

    def _named(self, message: Mapping[str, Any], response: dict[str, Any]) -> Waveform:
        name = needed(message, "test")
        response["test"] = name
        if name not in self.tests:
            raise Refusal("test not found")
        return self.tests[name]

    def _on_get_test_names(self, message: Mapping[str, Any], response: dict[str, Any]) -> None:
        response["testNames"] = list(self.tests)

    def _on_get_mux_test_names(self, message: Mapping[str, Any], response: dict[str, Any]) -> None:
        response["testNames"] = [name for name, test in self.tests.items() if test.mux]

    def _on_get_test_done_time(self, message: Mapping[str, Any], response: dict[str, Any]) -> None:
        response["testDoneTime"] = self._named(message, response).done(self.period) // 1000

    def _on_get_param(self, message: Mapping[str, Any], response: dict[str, Any]) -> None:
        response["param"] = self._named(message, response).values

    def _on_set_param(self, message: Mapping[str, Any], response: dict[str, Any]) -> None:
        test = self._named(message, response)
        if "param" not in message:
            raise Refusal("key param missing")
        if not isinstance(message["param"], dict):
            raise Refusal("param not JsonObject")
        response["param"], wrong = test.set(message["param"])
        if wrong:
            raise Refusal(wrong)

    def _on_run_test(self, message: Mapping[str, Any], response: dict[str, Any]) -> None:
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

    def _on_stop_test(self, message: Mapping[str, Any], response: dict[str, Any]) -> None:
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


def _snake(command: str) -> str:
    """Return a command's name as its handler's here: `getVolt` is `get_volt`."""
    return re.sub(r"[A-Z]", lambda letter: f"_{letter[0].lower()}", command)


def _message(frame: bytes) -> Mapping[str, Any]:
    try:
        message = json.loads(frame)
    except ValueError:
        message = None
    if not isinstance(message, dict):
        raise Refusal("unable to parse json")
    return message
