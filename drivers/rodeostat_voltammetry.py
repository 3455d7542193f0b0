"""The tests that a Rodeostat runs, in words of the field, and their parameters in the firmware's."""

from __future__ import annotations

import math
from typing import Annotated, Any, ClassVar, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

Volt = Annotated[float, Field(ge=-10, le=10)]


class Voltammetry(BaseModel):
    """Base of the tests: before each may come a quiet time at a potential of its own.

    Attributes:
        wire: The firmware's name.
        last_may_lack: Whether it may end one sample early.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")
    wire: ClassVar[str]
    last_may_lack: ClassVar[bool] = False

    quiet_s: float = Field(default=0.0, ge=0, le=36000, description="time at quiet_V before it begins, s")
    quiet_V: Volt = Field(default=0.0, description="potential meanwhile, V")  # noqa: N815  the unit's symbol

    def parameters(self) -> dict[str, Any]:
        """Return the parameters as the firmware wants them: V, and whole ms."""
        raise NotImplementedError

    def all_parameters(self) -> dict[str, Any]:
        """Return them with the quiet time's."""
        return {"quietValue": float(self.quiet_V), "quietTime": ms(self.quiet_s), **self.parameters()}

    def span(self) -> tuple[float, float]:
        """Return the lowest and the highest potential of the test itself, V."""
        raise NotImplementedError

    def lasts_ms(self, sample_ms: int) -> int:
        """Return how long the test itself takes, ms."""
        raise NotImplementedError


class Cyclic(Voltammetry):
    """Cyclic voltammetry: up from `start_V` to `high_V`, down to `low_V`, up again, and so on."""

    wire: ClassVar[str] = "cyclic"

    kind: Literal["cyclic"] = "cyclic"
    low_V: Volt = Field(description="lowest potential, V")  # noqa: N815  the unit's symbol
    high_V: Volt = Field(description="highest potential, V")  # noqa: N815  the unit's symbol
    start_V: Volt | None = Field(default=None, description="where it begins, V; by default the lowest")  # noqa: N815  the unit's symbol
    scan_rate_V_s: float = Field(gt=0, le=100, description="V/s")  # noqa: N815  the unit's symbol
    cycles: int = Field(default=1, ge=1, le=10000)

    @model_validator(mode="after")
    def _in_order(self) -> Cyclic:
        if not self.low_V < self.high_V:
            msg = f"low_V {self.low_V:g} must be less than high_V {self.high_V:g}"
            raise ValueError(msg)
        if self.start_V is not None and not self.low_V <= self.start_V <= self.high_V:
            msg = f"start_V {self.start_V:g} must be between low_V and high_V"
            raise ValueError(msg)
        return self

    @property
    def _period(self) -> int:
        return ms(2 * (self.high_V - self.low_V) / self.scan_rate_V_s)

    def parameters(self) -> dict[str, Any]:
        """Return the triangle's."""
        start = self.low_V if self.start_V is None else self.start_V
        return {
            "amplitude": (self.high_V - self.low_V) / 2,
            "offset": (self.high_V + self.low_V) / 2,
            "period": self._period,
            "numCycles": self.cycles,
            "shift": (start - self.low_V) / (self.high_V - self.low_V) / 2,
        }

    def span(self) -> tuple[float, float]:
        """Return its ends, V."""
        return self.low_V, self.high_V

    def lasts_ms(self, sample_ms: int) -> int:
        """Return all cycles' time, ms."""
        return self.cycles * self._period


class Sinusoid(Voltammetry):
    """A sine."""

    wire: ClassVar[str] = "sinusoid"

    kind: Literal["sinusoid"] = "sinusoid"
    amplitude_V: float = Field(gt=0, le=10, description="V")  # noqa: N815  the unit's symbol
    offset_V: Volt = Field(default=0.0, description="V")  # noqa: N815  the unit's symbol
    period_s: float = Field(ge=0.002, le=36000, description="s")
    cycles: int = Field(default=1, ge=1, le=10000)

    def parameters(self) -> dict[str, Any]:
        """Return the sine's."""
        return {
            "amplitude": float(self.amplitude_V),
            "offset": float(self.offset_V),
            "period": ms(self.period_s),
            "numCycles": self.cycles,
            "shift": 0.0,
        }

    def span(self) -> tuple[float, float]:
        """Return offset less and more amplitude, V."""
        return self.offset_V - self.amplitude_V, self.offset_V + self.amplitude_V

    def lasts_ms(self, sample_ms: int) -> int:
        """Return all cycles' time, ms."""
        return self.cycles * ms(self.period_s)


class Constant(Voltammetry):
    """One potential."""

    wire: ClassVar[str] = "constant"

    kind: Literal["constant"] = "constant"
    value_V: Volt = Field(description="V")  # noqa: N815  the unit's symbol
    duration_s: float = Field(gt=0, le=36000, description="s")

    def parameters(self) -> dict[str, Any]:
        """Return value and duration."""
        return {"value": float(self.value_V), "duration": ms(self.duration_s)}

    def span(self) -> tuple[float, float]:
        """Return the value twice, V."""
        return self.value_V, self.value_V

    def lasts_ms(self, sample_ms: int) -> int:
        """Return the duration, ms."""
        return ms(self.duration_s)


class LinearSweep(Voltammetry):
    """A straight line between two potentials."""

    wire: ClassVar[str] = "linearSweep"

    kind: Literal["linear_sweep"] = "linear_sweep"
    start_V: Volt = Field(description="V")  # noqa: N815  the unit's symbol
    end_V: Volt = Field(description="V")  # noqa: N815  the unit's symbol
    scan_rate_V_s: float = Field(gt=0, le=100, description="V/s")  # noqa: N815  the unit's symbol

    @model_validator(mode="after")
    def _leads_somewhere(self) -> LinearSweep:
        if self.start_V == self.end_V:
            msg = "start_V and end_V are the same: use `kind: constant`"
            raise ValueError(msg)
        return self

    def parameters(self) -> dict[str, Any]:
        """Return ends and duration."""
        return {"startValue": float(self.start_V), "finalValue": float(self.end_V), "duration": self.lasts_ms(0)}

    def span(self) -> tuple[float, float]:
        """Return its ends, V."""
        return min(self.start_V, self.end_V), max(self.start_V, self.end_V)

    def lasts_ms(self, sample_ms: int) -> int:
        """Return the duration, ms."""
        return ms(abs(self.end_V - self.start_V) / self.scan_rate_V_s)


class Steps(Voltammetry):
    """Potentials one after the other; chronoamperometry with two."""

    wire: ClassVar[str] = "multiStep"

    kind: Literal["steps"] = "steps"
    steps: tuple[tuple[Annotated[float, Field(gt=0, le=36000)], Volt], ...] = Field(
        min_length=1, max_length=50, description="duration (s) and potential (V) of each"
    )

    def parameters(self) -> dict[str, Any]:
        """Return the steps."""
        return {"step": [[ms(seconds), float(volts)] for seconds, volts in self.steps]}

    def span(self) -> tuple[float, float]:
        """Return the extremes, V."""
        values = [volts for _, volts in self.steps]
        return min(values), max(values)

    def lasts_ms(self, sample_ms: int) -> int:
        """Return the durations' sum, ms."""
        return sum(ms(seconds) for seconds, _ in self.steps)


class Chronoamperometry(Steps):
    """Two potentials, one after the other."""

    wire: ClassVar[str] = "chronoamp"

    kind: Literal["chronoamperometry"] = "chronoamperometry"  # type: ignore[assignment]  # another of the union
    steps: tuple[tuple[Annotated[float, Field(gt=0, le=36000)], Volt], ...] = Field(
        min_length=2, max_length=2, description="duration (s) and potential (V) of both"
    )


class SquareWave(Voltammetry):
    """Square-wave voltammetry upwards: a stair each sample period, with a square wave on it."""

    wire: ClassVar[str] = "squareWave"
    last_may_lack: ClassVar[bool] = True  # without a quiet time its samples come a tick after the end of each stair

    kind: Literal["square_wave"] = "square_wave"
    start_V: Volt = Field(description="V")  # noqa: N815  the unit's symbol
    end_V: Volt = Field(description="V, higher than start_V: the firmware only climbs")  # noqa: N815  the unit's symbol
    step_V: float = Field(default=0.005, gt=0, le=1, description="of the stairs, V")  # noqa: N815  the unit's symbol
    amplitude_V: float = Field(default=0.025, gt=0, le=1, description="of the square wave, V")  # noqa: N815  the unit's symbol
    window: float = Field(default=0.2, gt=0, le=1, description="part of each half at its end that is averaged")

    @model_validator(mode="after")
    def _climbs(self) -> SquareWave:
        if self.end_V - self.start_V < self.step_V:
            msg = f"end_V {self.end_V:g} must be a step above start_V {self.start_V:g}: the firmware only climbs"
            raise ValueError(msg)
        return self

    def parameters(self) -> dict[str, Any]:
        """Return the stairs' and the wave's."""
        return {
            "startValue": float(self.start_V),
            "finalValue": float(self.end_V),
            "stepValue": float(self.step_V),
            "amplitude": float(self.amplitude_V),
            "window": float(self.window),
        }

    def span(self) -> tuple[float, float]:
        """Return the ends with the amplitude, V."""
        return self.start_V - self.amplitude_V, self.end_V + self.amplitude_V

    def lasts_ms(self, sample_ms: int) -> int:
        """Return the stairs' time, ms; in single precision the firmware may count one stair more or less."""
        return math.floor((self.end_V - self.start_V) / self.step_V + 1e-9) * sample_ms


AnyTest = Annotated[
    Cyclic | Sinusoid | Constant | LinearSweep | Steps | Chronoamperometry | SquareWave, Field(discriminator="kind")
]


def ms(seconds: float) -> int:
    """Return whole milliseconds.

    >>> ms(0.0105)
    10
    """
    return round(seconds * 1000)
