"""The voltammetric tests of the Rodeostat's firmware: their parameters, and the voltage that each asks for in time.

Source: iorodeo/potentiostat, firmware/libraries/potentiostat, ps_*_test.h and .cpp. Times are integers in us there and
here, in ms on the wire; voltages in V.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, ClassVar

TICK = 200  # us, of the firmware's timer


class Waveform:
    """Base of the tests: a quiet time at a quiet value comes first.

    Attributes:
        name: As the wire has it.
        values: Its parameters as the wire has them: ms and V.
        steps: Whether the voltage jumps from tick to tick, or goes straight between them.
        mux: Whether it can run on the multiplexer.
    """

    kinds: ClassVar[Mapping[str, tuple[str, Any]]] = {}
    steps: ClassVar[bool] = False
    mux: ClassVar[bool] = True

    def __init__(self, name: str) -> None:
        self.name = name
        self.values: dict[str, Any] = {"quietValue": 0.0, "quietTime": 0}
        self.values |= {key: default for key, (_, default) in self.kinds.items()}

    @property
    def quiet(self) -> int:
        """The quiet time, us."""
        return int(self.values["quietTime"]) * 1000

    def set(self, given: Mapping[str, Any]) -> tuple[dict[str, Any], str]:
        """Take parameters over; return those taken, and what was wrong with others."""
        taken, wrong = dict[str, Any](), list[str]()
        kinds = {"quietValue": ("float", 0.0), "quietTime": ("uint32", 0), **self.kinds}
        for key, (kind, _) in kinds.items():
            if key not in given:
                continue
            value = given[key]
            number = isinstance(value, int | float) and not isinstance(value, bool)
            if kind == "float" and number:
                self.values[key] = taken[key] = self.constrained(key, float(value))
            elif kind == "uint32" and number and isinstance(value, int) and value >= 0:
                self.values[key] = taken[key] = value
            else:
                wrong.append(f"{key} not {'a float' if kind == 'float' else 'uint32'}")
        return taken, ", ".join(wrong)

    def constrained(self, key: str, value: float) -> float:
        """Return a voltage or ratio as the firmware keeps it."""
        return value

    def volts(self, t: int) -> float:
        """Return the voltage at a time (us)."""
        return float(self.values["quietValue"]) if t < self.quiet else self.shape(t - self.quiet)

    def shape(self, t: int) -> float:
        """Return the voltage at a time after the quiet one (us)."""
        raise NotImplementedError

    def lasts(self, period: int) -> int:
        """Return how long it takes without the quiet time, us; `period` is that of the samples."""
        raise NotImplementedError

    def done(self, period: int) -> int:
        """Return when it is done, us."""
        return self.quiet + self.lasts(period)

    def reach(self) -> tuple[float, float]:
        """Return the lowest and the highest voltage, as the firmware reckons to choose a range."""
        raise NotImplementedError


class Periodic(Waveform):
    """What repeats: cyclic voltammetry is a triangle."""

    kinds: ClassVar[Mapping[str, tuple[str, Any]]] = {
        "amplitude": ("float", 1.0), "offset": ("float", 0.0), "period": ("uint32", 1000), "numCycles": ("uint32", 10),
        "shift": ("float", 0.0),
    }  # fmt: skip

    def shape(self, t: int) -> float:
        """Return the voltage of the triangle; it begins at its lowest."""
        period = int(self.values["period"]) * 1000
        s = (t + int(self.values["shift"] * period)) % period
        rising = s if s < period // 2 else period - s
        low = float(self.values["offset"]) - float(self.values["amplitude"])
        return 4.0 * float(self.values["amplitude"]) * rising / period + low

    def lasts(self, period: int) -> int:
        """Return all cycles' time, us."""
        return int(self.values["numCycles"]) * int(self.values["period"]) * 1000

    def reach(self) -> tuple[float, float]:
        """Return offset less and more amplitude."""
        amplitude, offset = float(self.values["amplitude"]), float(self.values["offset"])
        return offset - amplitude, offset + amplitude


class Sinusoid(Periodic):
    """A sine; the firmware takes it from a table, which is passed over here."""

    def shape(self, t: int) -> float:
        """Return the voltage of the sine."""
        period = int(self.values["period"]) * 1000
        s = ((t + int(self.values["shift"] * period)) % period) / period
        return float(self.values["amplitude"]) * math.sin(2 * math.pi * s) + float(self.values["offset"])


class Constant(Waveform):
    """One voltage."""

    kinds: ClassVar[Mapping[str, tuple[str, Any]]] = {"value": ("float", 1.0), "duration": ("uint32", 5000)}
    steps = True

    def shape(self, t: int) -> float:
        """Return the value."""
        return float(self.values["value"])

    def lasts(self, period: int) -> int:
        """Return the duration, us."""
        return int(self.values["duration"]) * 1000

    def reach(self) -> tuple[float, float]:
        """Return value and quiet value, in order."""
        pair = sorted([float(self.values["value"]), float(self.values["quietValue"])])
        return pair[0], pair[1]


class LinearSweep(Waveform):
    """A straight line between two voltages."""

    kinds: ClassVar[Mapping[str, tuple[str, Any]]] = {
        "startValue": ("float", -0.5),
        "finalValue": ("float", 0.5),
        "duration": ("uint32", 2000),
    }

    def shape(self, t: int) -> float:
        """Return the voltage on the line."""
        start, final = float(self.values["startValue"]), float(self.values["finalValue"])
        return (final - start) * t / max(1, self.lasts(0)) + start

    def lasts(self, period: int) -> int:
        """Return the duration, us."""
        return int(self.values["duration"]) * 1000

    def reach(self) -> tuple[float, float]:
        """Return the extremes of start, end and quiet value."""
        three = [float(self.values[key]) for key in ("startValue", "finalValue", "quietValue")]
        return min(three), max(three)


class MultiStep(Waveform):
    """Voltages one after the other; chronoamperometry has two."""

    steps = True

    def __init__(self, name: str, count: int) -> None:
        super().__init__(name)
        self.most = 2 if name == "chronoamp" else 50
        self.values["step"] = [[1000, 0.5 if place % 2 == 0 else -0.5] for place in range(count)]

    def set(self, given: Mapping[str, Any]) -> tuple[dict[str, Any], str]:
        """Take quiet value, quiet time and steps over; steps must be there."""
        taken, wrong = super().set(given)
        steps = given.get("step")
        if "step" not in given:
            return taken, wrong or "step key not found"
        if not isinstance(steps, list):
            return taken, wrong or "step not a JsonArray"
        if len(steps) > self.most:
            return taken, wrong or "step array too large"
        for step in steps:
            if not isinstance(step, list):
                return taken, wrong or "step item not JsonArary"
            if len(step) != 2:
                return taken, wrong or "step item size!=2"
            if not isinstance(step[0], int) or isinstance(step[0], bool) or step[0] < 0:
                return taken, wrong or "step item[0] not uint32"
            if not isinstance(step[1], float):  # a whole number without a point is none to this firmware
                return taken, wrong or "step item[1] not float"
        if not wrong:
            self.values["step"] = taken["step"] = steps
        return taken, wrong

    def shape(self, t: int) -> float:
        """Return the voltage of the step; 0 behind the last one."""
        end = 0
        for duration, value in self.values["step"]:
            end += duration * 1000
            if t <= end:
                return float(value)
        return 0.0

    def lasts(self, period: int) -> int:
        """Return the durations' sum, us."""
        return 1000 * sum(int(duration) for duration, _ in self.values["step"])

    def reach(self) -> tuple[float, float]:
        """Return the extremes of the steps; the firmware forgets the quiet value here."""
        values = [float(value) for _, value in self.values["step"]] or [0.0]
        return min(values), max(values)


class SquareWave(Waveform):
    """A staircase with a square wave on it; one sample a stair: forward less reverse current."""

    kinds: ClassVar[Mapping[str, tuple[str, Any]]] = {
        "startValue": ("float", -0.5), "finalValue": ("float", 0.5), "stepValue": ("float", 0.005),
        "amplitude": ("float", 0.025), "window": ("float", 0.2),
    }  # fmt: skip
    steps = True
    mux = False

    def constrained(self, key: str, value: float) -> float:
        """Keep the window within 0 and 1."""
        return min(1.0, max(0.0, value)) if key == "window" else value

    def stair(self, t: int, period: int) -> float:
        """Return the stair at a time after the quiet one (us)."""
        start, final = float(self.values["startValue"]), float(self.values["finalValue"])
        value = start + (t // period) * float(self.values["stepValue"])
        return min(max(value, min(start, final)), max(start, final))

    def wave(self, t: int, period: int) -> float:
        """Return the voltage at a time (us)."""
        if t < self.quiet:
            return float(self.values["quietValue"])
        forward = (t - self.quiet) % period < period // 2
        amplitude = float(self.values["amplitude"])
        return self.stair(t - self.quiet, period) + (amplitude if forward else -amplitude)

    def lasts(self, period: int) -> int:
        """Return the stairs' time, us."""
        step = float(self.values["stepValue"])
        span = abs(float(self.values["finalValue"]) - float(self.values["startValue"]))
        return math.floor(span / step) * period if step > 0 else 0

    def reach(self) -> tuple[float, float]:
        """Return the extremes of start, end with the amplitude, and of the quiet value."""
        ends = [float(self.values["startValue"]), float(self.values["finalValue"])]
        amplitude, quiet = float(self.values["amplitude"]), float(self.values["quietValue"])
        return min(min(ends) - amplitude, quiet), max(max(ends) + amplitude, quiet)


def waveforms() -> dict[str, Waveform]:
    """Return the tests by name, in the firmware's order."""
    tests = [
        Periodic("cyclic"), Sinusoid("sinusoid"), Constant("constant"), SquareWave("squareWave"),
        LinearSweep("linearSweep"), MultiStep("chronoamp", 2), MultiStep("multiStep", 5),
    ]  # fmt: skip
    return {test.name: test for test in tests}
