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


def range_fault(name: str, low: float, high: float, value: object, unit: str = "") -> str | None:
    """Return what is wrong with a value that must lie within bounds (to `TOLERANCE` of the range), or None."""
    if not is_finite(value):
        return f"{name} = {value!r} is not a finite number"
    slack = TOLERANCE * max(high - low, TOLERANCE)
    if low - slack <= value <= high + slack:
        return None
    return f"{name} = {value!r} is outside {low!r} to {high!r}{f' {unit}' if unit else ''}"


def bins(u: Array, count: int) -> list[int]:
    """Return which of `count` equal shares of 0..1 each number falls in."""
    return [int(i) for i in np.minimum((np.clip(u, 0.0, 1.0) * count).astype(int), count - 1)]


def listed(values: Sequence[object]) -> str:
    """Return values as text, the first dozen of many."""
    return ", ".join(str(value) for value in values[:12]) + (", ..." if len(values) > 12 else "")
