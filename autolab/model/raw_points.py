"""Points as bare numbers, and the steps that lead from some to others without leaving what is linear.

Notation: `m` points, `K` axes. **Raw** points are `m x K` numbers: values in the user's unit, the place of a label. The
**choices** of a point are its labels, the values of its grids and which components are absent. Between two points of
equal choices every point of the segment keeps all linear constraints.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from autolab.model.encoding import value_at
from autolab.model.parameters import Axis, Categorical, Component, Integer
from autolab.model.ranges import Array

if TYPE_CHECKING:
    from autolab.model.space import Space
    from autolab.model.trial import Point, Value

Points = list["dict[str, Value]"]

_ROUNDING = 1e-12  # of a sum; what drifts farther in a step is not followed


class RawPoints:
    """Between points of a space and raw ones.

    Args:
        space: Its linear constraints count, no others.

    Attributes:
        grids: `K`: which axes are labels or have grids.
        parts: `K`: which are components of mixtures.
    """

    def __init__(self, space: Space) -> None:
        self._space = space
        self._places = {
            axis.name: {label: i for i, label in enumerate(axis.values)}
            for axis in space.axes
            if isinstance(axis, Categorical)
        }
        self.grids = np.array([axis.grid is not None for axis in space.axes])
        self.parts = np.array([isinstance(axis, Component) for axis in space.axes])
        self._optional = np.array([getattr(axis, "optional", False) for axis in space.axes])
        self._low, self._high = np.array([_ends(axis) for axis in space.axes], dtype=float).T
        tied = space.coupling.names if space.coupling is not None else ()
        self._tied = np.array([axis.name in tied for axis in space.axes])

    def columns(self, points: Sequence[Point]) -> dict[str, NDArray[Any]]:
        """Return each axis's values, in arrays whose elements are of the kind that a point holds."""
        return {axis.name: _column(axis, [point[axis.name] for point in points]) for axis in self._space.axes}

    def of(self, points: Sequence[Point]) -> Array:
        """Return points as raw ones."""
        columns = [
            [self._places[axis.name][point[axis.name]] for point in points]
            if isinstance(axis, Categorical)
            else [point[axis.name] for point in points]
            for axis in self._space.axes
        ]
        return np.array(columns, dtype=float).reshape(len(columns), len(points)).T

    def points(self, raw: Array) -> Points:
        """Return raw points as points, numbers rounded to what their axes allow."""
        columns = [
            [axis.values[int(i)] for i in column]
            if isinstance(axis, Categorical)
            else [value_at(axis, x) for x in column.tolist()]
            for axis, column in zip(self._space.axes, raw.T, strict=True)
        ]
        return [dict(zip(self._space.names, row, strict=True)) for row in zip(*columns, strict=True)]

    def columns_of(self, raw: Array) -> dict[str, NDArray[Any]]:
        """Return each axis's values of raw points, as `columns` does."""
        columns = {}
        for axis, column in zip(self._space.axes, raw.T, strict=True):
            values = [axis.values[int(i)] for i in column] if isinstance(axis, Categorical) else column
            columns[axis.name] = _column(axis, values)
        return columns

    def choices(self, raw: Array) -> NDArray[np.object_]:
        """Return one bytes object a point, equal where choices are."""
        made = np.where(self.grids, raw, np.where(self.parts, (raw == 0).astype(float), 0.0)) + 0.0
        found = np.empty(len(raw), dtype=object)
        found[:] = [row.tobytes() for row in made]
        return found

    def partners(self, at: Array, pool: Array, rng: np.random.Generator) -> NDArray[np.int64]:
        """Return a place in the pool for each point, at random, three of four times one of equal choices."""
        places = rng.integers(len(pool), size=len(at))
        alike: dict[bytes, list[int]] = {}
        for i, choice in enumerate(self.choices(pool)):
            alike.setdefault(choice, []).append(i)
        for i, choice in enumerate(self.choices(at)):
            if choice in alike and rng.random() < 0.75:
                places[i] = alike[choice][int(rng.integers(len(alike[choice])))]
        return places

    def between(self, at: Array, aims: Array, step: Array, rng: np.random.Generator) -> Array:
        """Return a point a step (0..1) of the way from each point to its aim, choices of one or the other.

        Axes that constraints tie go together: where their choices differ all are taken of the one or of the other.
        """
        moved = at + step[:, None] * (aims - at)
        taken = rng.random(at.shape) < step[:, None]
        moved = np.where(self.grids & ~self._tied, np.where(taken, aims, at), moved)
        if self._tied.any():
            differ = self.choices(np.where(self._tied, at, 0.0)) != self.choices(np.where(self._tied, aims, 0.0))
            whole = np.where((rng.random(len(at)) < step)[:, None], aims, at)
            moved = np.where(self._tied & differ[:, None], whole, moved)
        return np.asarray(moved)

    def shifted(self, at: Array, rng: np.random.Generator) -> Array:
        """Return each point shifted by the difference of two others, where it then keeps what is linear."""
        one, other = (at[self.partners(at, at, rng)] for _ in range(2))
        some = rng.random(at.shape) < 0.9
        moved = at + np.where(
            self.grids | ~some & ~self._tied, 0.0, rng.uniform(0.4, 0.9, (len(at), 1)) * (one - other)
        )
        moved = np.where(self._tied, moved, np.clip(moved, self._low, self._high))
        least = np.where(self._optional & (moved == 0), 0.0, self._low)
        good = ((moved >= least) & (moved <= self._high)).all(axis=1) & (self.choices(moved) == self.choices(at))
        for row in self._space.rows:
            total = sum(weight * moved[:, self._space.names.index(name)] for name, weight in row.weights.items())
            slack = _ROUNDING * np.maximum(1.0, np.abs(total))
            good &= (total >= row.low - slack) & (total <= row.high + slack)
        return np.where(good[:, None], moved, at)


def _ends(axis: Axis) -> tuple[float, float]:
    return (0, len(axis.values) - 1) if isinstance(axis, Categorical) else (axis.low, axis.high)


def _column(axis: Axis, values: Sequence[Any] | Array) -> NDArray[Any]:
    """Return values as an array whose elements are of the kind that a point holds."""
    if isinstance(axis, Categorical):
        column = np.empty(len(values), dtype=object)
        column[:] = values
        return column
    numbers = np.asarray(values, dtype=np.float64)
    whole = isinstance(axis, Integer) and bool((numbers == np.rint(numbers)).all())
    return numbers.astype(np.int64) if whole else numbers
