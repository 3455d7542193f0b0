"""What may vary: numbers, choices and mixtures.

Each parameter but a mixture is one **axis**: one key of a point, with `width` columns in the encoded unit cube.

| axis | value | columns |
|---|---|---|
| `Real` | float | 1: linear, or logarithmic where `log` |
| `Integer`, `Ordinal` | a number of the grid | 1: linear in the value |
| `Categorical` | a label | one a label (one-hot), or one a descriptor (scaled to 0..1) |
| a component of a `Mixture` | float | 1: linear |
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from autolab.model.categorical import Categorical
from autolab.model.errors import InvalidSpace
from autolab.model.mixture import Component, Mixture
from autolab.model.names import check_name
from autolab.model.ranges import (
    TOLERANCE,
    Array,
    bins,
    check_range,
    is_finite,
    is_number,
    listed,
    outside,
    plain,
    range_fault,
    same_listed,
)

if TYPE_CHECKING:
    from autolab.model.trial import Value

__all__ = ["Axis", "Categorical", "Component", "Integer", "Mixture", "NumericAxis", "Ordinal", "Parameter", "Real"]


@dataclass(frozen=True)
class Real:
    """A continuous quantity.

    Attributes:
        name: Key in the point.
        low: Least value, in `unit`.
        high: Greatest value, in `unit`.
        unit: As people write it, such as `degC`.
        log: Spread designs and models over its logarithm; needs `low` > 0.

    >>> Real("rate", 0.1, 10.0, unit="mL/min", log=True).quantile(np.array([0.5]))
    [1.0]
    """

    name: str
    low: float
    high: float
    unit: str = ""
    log: bool = False

    def __post_init__(self) -> None:
        check_name(self.name, "parameter", InvalidSpace)
        check_range(self.name, self.low, self.high)
        if self.log and self.low <= 0:
            msg = f"{self.name!r}: a logarithmic parameter needs low > 0, got {self.low!r}; raise it or leave log out"
            raise InvalidSpace(msg)
        object.__setattr__(self, "low", float(self.low))
        object.__setattr__(self, "high", float(self.high))

    width: ClassVar[int] = 1
    grid: ClassVar[None] = None

    def fault(self, value: object) -> str | None:
        """Return what is wrong with a value, or None."""
        if self.log and is_finite(value) and value < self.low * (1 - TOLERANCE):  # 0 is far from the least of decades
            return outside(self.name, self.low, self.high, value, self.unit)
        return range_fault(self.name, self.low, self.high, value, self.unit)

    def key(self, value: Value) -> float:
        """Return what two values have in common that are one: their place in the range, to 1e-9."""
        if not self.log:
            return round((float(value) - self.low) / (self.high - self.low), 9) + 0.0
        value = max(float(value), np.finfo(float).tiny)
        return round(math.log(value / self.low) / math.log(self.high / self.low), 9) + 0.0

    def encode(self, values: Sequence[Any]) -> Array:
        """Return `n x 1` in the unit interval for values within the bounds."""
        x = np.asarray(values, dtype=float)[:, None]
        if self.log:
            safe = np.maximum(x, np.finfo(float).tiny)
            return np.asarray(np.log(safe / self.low) / math.log(self.high / self.low))
        return np.asarray((x - self.low) / (self.high - self.low))

    def decode(self, columns: Array) -> list[float]:
        """Return the values nearest to `n x 1` columns, within the bounds."""
        return self.quantile(columns[:, 0])

    def quantile(self, u: Array) -> list[float]:
        """Return values that lie evenly over the range when `u` does over 0..1."""
        u = np.clip(u, 0.0, 1.0)
        x = self.low * (self.high / self.low) ** u if self.log else self.low + (self.high - self.low) * u
        return [float(v) for v in np.clip(x, self.low, self.high)]


@dataclass(frozen=True)
class Integer:
    """A whole number, both bounds included."""

    name: str
    low: int
    high: int
    unit: str = ""

    def __post_init__(self) -> None:
        check_name(self.name, "parameter", InvalidSpace)
        for bound in (self.low, self.high):
            if not is_finite(bound) or bound != int(bound):
                msg = f"{self.name!r}: the bounds of an integer must be whole numbers, got {bound!r}"
                raise InvalidSpace(msg)
        check_range(self.name, self.low, self.high)
        object.__setattr__(self, "low", int(self.low))
        object.__setattr__(self, "high", int(self.high))

    width: ClassVar[int] = 1

    @property
    def grid(self) -> range:
        """All its values."""
        return range(self.low, self.high + 1)

    def fault(self, value: object) -> str | None:
        """Return what is wrong with a value, or None."""
        fault = range_fault(self.name, self.low, self.high, value, self.unit)
        if fault is None and value != int(value):  # type: ignore[call-overload]  # a finite number, or there were a fault
            return f"{self.name} = {value!r} is not a whole number"
        return fault

    def key(self, value: Value) -> float:
        """Return what two values have in common that are one: themselves."""
        return value if isinstance(value, int) else float(value)

    def encode(self, values: Sequence[Any]) -> Array:
        """Return `n x 1`, linear in the value."""
        return np.asarray((np.asarray(values, dtype=float)[:, None] - self.low) / (self.high - self.low))

    def decode(self, columns: Array) -> list[int]:
        """Return the nearest whole numbers."""
        x = self.low + (self.high - self.low) * np.clip(columns[:, 0], 0.0, 1.0)
        return [int(v) for v in np.rint(x)]

    def quantile(self, u: Array) -> list[int]:
        """Return values of which each holds an equal share of 0..1."""
        return [self.grid[i] for i in bins(u, len(self.grid))]


@dataclass(frozen=True)
class Ordinal:
    """A number from an increasing list, such as the volumes of the vials in a rack."""

    name: str
    values: Sequence[float]
    unit: str = ""

    def __post_init__(self) -> None:
        check_name(self.name, "parameter", InvalidSpace)
        values = tuple(plain(value) for value in self.values)
        object.__setattr__(self, "values", values)
        wrong = [value for value in values if not is_finite(value)]
        if wrong:
            msg = f"{self.name!r}: ordinal values must be finite numbers, got {wrong[0]!r}; labels need a Categorical"
            raise InvalidSpace(msg)
        if len(values) < 2 or any(b <= a for a, b in itertools.pairwise(values)):
            msg = f"{self.name!r}: give at least two ordinal values, each greater than the one before, got {values!r}"
            raise InvalidSpace(msg)

    width: ClassVar[int] = 1

    @property
    def low(self) -> float:
        """The least value."""
        return self.values[0]

    @property
    def high(self) -> float:
        """The greatest value."""
        return self.values[-1]

    @property
    def grid(self) -> Sequence[float]:
        """All its values."""
        return self.values

    def fault(self, value: object) -> str | None:
        """Return what is wrong with a value, or None."""
        if is_number(value) and self.key(value) in self.values:
            return None
        return f"{self.name} = {value!r} is not one of {listed(self.values)}"

    def key(self, value: Value) -> float:
        """Return what two values have in common that are one: that of the list which they are but for rounding."""
        return same_listed(self.values, float(value))

    def encode(self, values: Sequence[Any]) -> Array:
        """Return `n x 1`, linear in the value."""
        return np.asarray((np.asarray(values, dtype=float)[:, None] - self.low) / (self.high - self.low))

    def decode(self, columns: Array) -> list[float]:
        """Return the nearest values."""
        known = (np.asarray(self.values, dtype=float) - self.low) / (self.high - self.low)
        return [self.values[i] for i in np.abs(columns - known).argmin(axis=1)]

    def quantile(self, u: Array) -> list[float]:
        """Return values of which each holds an equal share of 0..1."""
        return [self.values[i] for i in bins(u, len(self.values))]


Parameter = Real | Integer | Ordinal | Categorical | Mixture
Axis = Real | Integer | Ordinal | Categorical | Component
NumericAxis = Real | Integer | Ordinal | Component
