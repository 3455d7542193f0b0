"""Between points and the encoded unit cube, axis by axis (see `parameters` for the columns of each)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from autolab.model.errors import OutsideSpace
from autolab.model.held import Only
from autolab.model.parameters import Axis, Categorical, Component, Integer, Ordinal, Real
from autolab.model.ranges import Array

if TYPE_CHECKING:
    from autolab.model.trial import Value

ROUNDING = 1e-11  # of a range: less than this away from its end is rounding, not meant


def column_names(axis: Axis) -> list[str]:
    """Return the names of an axis's encoded columns."""
    if not isinstance(axis, Categorical):
        return [axis.name]
    if axis.descriptors is None:
        return [f"{axis.name}={value}" for value in axis.values]
    return [f"{axis.name}.{key}" for key in axis.descriptors[axis.values[0]]]


def encode_axes(axes: Sequence[Axis], points: Sequence[Mapping[str, Any]]) -> Array:
    """Return `n x d` columns of points.

    Raises:
        OutsideSpace: A key is missing, a category unknown, or a number is none.
    """
    parts = []
    for axis in axes:
        try:
            parts.append(axis.encode([point[axis.name] for point in points]))
        except (KeyError, TypeError, ValueError):
            wrong = next(point for point in points if axis.name not in point or axis.fault(point[axis.name]))
            raise _not_encoded(wrong, axis) from None
        nowhere = np.isnan(parts[-1]).any(axis=1)
        if nowhere.any():
            raise _not_encoded(points[int(nowhere.argmax())], axis)
    return np.hstack(parts).reshape(len(points), -1) if parts else np.zeros((len(points), 0))


def _not_encoded(point: Mapping[str, Any], axis: Axis) -> OutsideSpace:
    """Return the error of a point whose value on an axis has no place."""
    told = axis.fault(point[axis.name]) if axis.name in point else f"{axis.name} is missing"
    return OutsideSpace(f"the point {dict(point)!r} cannot be encoded: {told}")


def decode_axes(axes: Sequence[Axis], encoded: Array) -> list[dict[str, Any]]:
    """Return what rows of `n x d` columns say, before numbers are rounded: categories, and bare floats.

    Raises:
        ValueError: Another number of columns, or a number that is not finite.
    """
    width = sum(axis.width for axis in axes)
    if encoded.ndim != 2 or encoded.shape[1] != width or not np.isfinite(encoded).all():
        msg = f"an encoded table must be n x {width} finite numbers, got shape {encoded.shape}"
        raise ValueError(msg)
    values: dict[str, Sequence[Any]] = {}
    start = 0
    for axis in axes:
        columns = encoded[:, start : start + axis.width]
        start += axis.width
        values[axis.name] = axis.decode(columns) if isinstance(axis, Categorical | Real) else _bare(axis, columns)
    return [dict(zip(values, row, strict=True)) for row in zip(*values.values(), strict=True)]


def _bare(axis: Integer | Ordinal | Component, columns: Array) -> list[float]:
    low = axis.floor if isinstance(axis, Component) else axis.low
    return [float(x) for x in low + (axis.high - low) * columns[:, 0]]


def value_at(axis: Axis | Only, x: float) -> Value:
    """Return the value of a numeric axis nearest to a number."""
    if isinstance(axis, Only):
        only: Value = axis.only
        return only
    if isinstance(axis, Real):
        return _within(x, axis.low, axis.high, ROUNDING * (axis.low if axis.log else axis.high - axis.low))
    if isinstance(axis, Integer):
        return round(min(max(x, axis.low), axis.high))
    if isinstance(axis, Ordinal):
        return min(axis.values, key=lambda value: abs(value - x))
    if isinstance(axis, Component):
        absent = axis.optional and x <= max(axis.low / 2, 0.0)
        return 0.0 if absent else _within(x, axis.low, axis.high, ROUNDING * (axis.high - axis.low))
    msg = f"{axis.name!r} is categorical and has no number"
    raise TypeError(msg)


def _within(x: float, low: float, high: float, rounding: float) -> float:
    """Return the number of a range nearest to `x`; its end where only rounding keeps `x` from it (0, not 2e-16)."""
    if x <= low + rounding:
        return low
    return high if x >= high - rounding else x
