"""What parameters of every kind have in common: numbers, ranges and equal shares of one."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, TypeGuard

import numpy as np
from numpy.typing import NDArray

from autolab.model.errors import InvalidSpace

Array = NDArray[np.float64]

TOLERANCE = 1e-9
"""By how much a point may miss a bound (as a share of its range) or a sum and still be in the space."""
LAST_BITS = 1e-14
"""By how much, relatively, numbers differ that are one number but for rounding: 0.3, and 0.1 + 0.2."""


def is_number(value: object) -> TypeGuard[float]:
    """Return whether a value is a number; True and False are none."""
    return isinstance(value, int | float | np.integer | np.floating) and not isinstance(value, bool)


def is_finite(value: object) -> TypeGuard[float]:
    """Return whether a value is a number, not NaN and not infinite."""
    return is_number(value) and math.isfinite(value)


def plain(value: Any) -> Any:  # noqa: ANN401  any value, and the same if it is not numpy's
    """Return numpy's scalars as Python's, all else as it is."""
    return value.item() if isinstance(value, np.generic) else value


def check_range(name: str, low: object, high: object) -> None:
    """Raise unless two bounds make a range.

    Raises:
        InvalidSpace: A bound is no finite number, or low is not below high.
    """
    for bound in (low, high):
        if not is_finite(bound):
            msg = f"{name!r}: bounds must be finite numbers, got {bound!r}"
            raise InvalidSpace(msg)
    if is_finite(low) and is_finite(high) and low >= high:
        msg = f"{name!r}: low must be less than high, got {low!r} and {high!r}; a fixed quantity is no parameter"
        raise InvalidSpace(msg)
    if is_finite(low) and is_finite(high) and not math.isfinite(float(high) - float(low)):
        msg = f"{name!r}: the range from {low!r} to {high!r} is too wide to be calculated with; use another unit"
        raise InvalidSpace(msg)


def range_fault(name: str, low: float, high: float, value: object, unit: str = "") -> str | None:
    """Return what is wrong with a value that must lie within bounds (to `TOLERANCE` of the range), or None."""
    if not is_finite(value):
        return f"{name} = {value!r} is not a finite number"
    slack = TOLERANCE * ((high - low) or high)
    if low - slack <= value <= high + slack:
        return None
    return outside(name, low, high, value, unit)


def outside(name: str, low: float, high: float, value: object, unit: str = "") -> str:
    """Return the text that tells of a value outside of its bounds."""
    return f"{name} = {value!r} is outside {low!r} to {high!r}{f' {unit}' if unit else ''}"


def same_listed(values: Sequence[float], value: float) -> float:
    """Return the value of a list that a number is but for its last bits; the number itself where there is none.

    >>> same_listed([0.1, 0.2, 0.1 + 0.2], 0.3)
    0.30000000000000004
    """
    if value in values:
        return value
    nearest = min(values, key=lambda known: abs(known - value))
    return nearest if math.isclose(nearest, value, rel_tol=LAST_BITS) else value


def bins(u: Array, count: int) -> list[int]:
    """Return which of `count` equal shares of 0..1 each number falls in."""
    return [int(i) for i in np.minimum((np.clip(u, 0.0, 1.0) * count).astype(int), count - 1)]


def listed(values: Sequence[object]) -> str:
    """Return values as text, the first dozen of many."""
    return ", ".join(str(value) for value in values[:12]) + (", ..." if len(values) > 12 else "")
