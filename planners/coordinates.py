"""Coordinates to search in: continuous where the space is, and linear where its constraints are.

`s` (`K`), one an axis: a constrained axis in the linear unit of its constraints, a free number as it is encoded, a
category by its place. They make every linear constraint linear, also on a logarithmic parameter, and a category one
choice instead of several columns.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from autolab.model.parameters import Categorical, Component, Real

if TYPE_CHECKING:
    from autolab.model.space import Space
    from autolab.model.trial import Point

Array = NDArray[np.float64]
Mask = NDArray[np.bool_]

_FINE = 1000  # a grid of more numbers is searched as if it were continuous, and rounded at the end


class Coordinates:
    """Between points, search coordinates `s` and encoded columns."""

    def __init__(self, space: Space) -> None:
        self.space = space
        coupling = space.coupling
        self._tied = {} if coupling is None else {name: i for i, name in enumerate(coupling.names)}
        self._places = [space.names.index(name) for name in self._tied]
        self._starts = np.cumsum([0, *(axis.width for axis in space.axes)])
        self.levels: list[Array | None] = [self._levels(axis) for axis in space.axes]
        """Of each axis the coordinates it can have; None where it is continuous, or as good as that."""
        self.discrete = any(
            levels is not None or getattr(axis, "optional", False)
            for axis, levels in zip(space.axes, self.levels, strict=True)
        )

    def _levels(self, axis: Any) -> Array | None:  # noqa: ANN401  any axis
        if axis.grid is None or (len(axis.grid) > _FINE and not isinstance(axis, Categorical)):
            return None
        return np.array([self._at(axis, value) for value in axis.grid])

    def of(self, points: Sequence[Point]) -> Array:
        """Return `s` (`N x K`) of points."""
        rows = [[self._at(axis, point[axis.name]) for axis in self.space.axes] for point in points]
        return np.array(rows).reshape(len(points), len(self.space.axes))

    def _at(self, axis: Any, value: Any) -> float:  # noqa: ANN401  any axis and its value
        if isinstance(axis, Categorical):
            return float(axis.values.index(value))
        coupling = self.space.coupling
        if coupling is not None and axis.name in self._tied:
            i = self._tied[axis.name]
            return float((value - coupling.low[i]) / coupling.span[i])
        return float(axis.encode([value])[0, 0])

    def point(self, s: Array) -> dict[str, Any]:
        """Return the bare values of `s` (`K`), for `Space.snap`."""
        found: dict[str, Any] = {}
        coupling = self.space.coupling
        for i, axis in enumerate(self.space.axes):
            if isinstance(axis, Categorical):
                found[axis.name] = axis.values[round(s[i])]
            elif coupling is not None and axis.name in self._tied:
                j = self._tied[axis.name]
                found[axis.name] = float(coupling.low[j] + coupling.span[j] * s[i])
            else:
                found[axis.name] = axis.decode(np.array([[s[i]]]))[0]  # type: ignore[union-attr]  # components are all tied
        return found

    def combinations(self, most: int) -> Array | None:
        """Return all points of a space of choices without constraints, `N x K`; None where it is another or larger."""
        levels = [one for one in self.levels if one is not None]
        if self.space.coupling is not None or len(levels) < len(self.levels):
            return None
        if math.prod(map(len, levels)) > most:
            return None
        return np.stack(np.meshgrid(*levels, indexing="ij"), axis=-1).reshape(-1, len(levels))

    def cloud(self, n: int, rng: np.random.Generator) -> Array:
        """Return `n` points at random (`n x K`) of a space without constraints, even over the encoded cube."""
        u = rng.random((n, len(self.levels)))
        for i, levels in enumerate(self.levels):
            if levels is not None:
                u[:, i] = levels[rng.integers(len(levels), size=n)]
        return u

    def shaken(self, s: Array, size: float, rng: np.random.Generator) -> Array:
        """Return points (`N x K`) near to `s` in a space without constraints.

        A few coordinates of each are moved: continuous ones by about `size`, choices to another at random.
        """
        n, k = s.shape
        moves = rng.random((n, k)) < min(1.0, max(20.0, k / 4) / k) * (0.5 if self.discrete else 1.0)
        moved = np.clip(s + size * rng.standard_normal((n, k)), 0.0, 1.0)
        for i, levels in enumerate(self.levels):
            if levels is None:
                continue
            if isinstance(self.space.axes[i], Categorical):
                moved[:, i] = levels[rng.integers(len(levels), size=n)]
            else:
                aim = np.abs(s[:, i] + max(size, 1.0 / len(levels)) * rng.standard_normal(n))[:, None]
                moved[:, i] = levels[np.abs(levels - aim).argmin(axis=1)]
        return np.where(moves, moved, s)

    def held(self, s: Array) -> Mask:
        """Return which axes gradient ascent must not change: choices, absent and fixed components."""
        return np.array(
            [
                self.levels[i] is not None
                or (isinstance(axis, Component) and (axis.high <= axis.floor or (axis.optional and s[i] == 0)))
                for i, axis in enumerate(self.space.axes)
            ]
        )

    def bounds(self, s: Array) -> tuple[Array, Array]:
        """Return the least and greatest coordinates around `s`; a present component keeps its lower bound.

        A category's greatest is its last place.
        """
        lower = np.array([_least(axis) if s[i] > 0 else 0.0 for i, axis in enumerate(self.space.axes)])
        upper = np.array([1.0 if levels is None else levels.max() for levels in self.levels])
        return lower, np.maximum(upper, lower)

    def constraints(self, s: Array, free: NDArray[np.int64]) -> tuple[Array, Array, Array, Array]:
        """Return what constrains the free axes, the others held at `s`.

        Returns:
            Weights and least sums of inequalities (`>=`), weights and sums of independent equalities.
        """
        least: list[tuple[Array, float]] = []
        equal: list[tuple[Array, float]] = []
        if self.space.coupling is not None:
            tied = np.zeros(len(s))
            for weights, low, high in zip(*self.space.coupling.rows, strict=True):
                tied[self._places] = weights
                row = tied[free]
                if not (np.abs(row) > 1e-12).any():
                    continue
                rest = float(tied @ s - row @ s[free])
                if low == high:
                    if _is_independent(row, [other for other, _ in equal]):
                        equal.append((row, low - rest))
                    continue
                least += [(row, low - rest)] if math.isfinite(low) else []
                least += [(-row, rest - high)] if math.isfinite(high) else []
        return (*_stacked(least, len(free)), *_stacked(equal, len(free)))

    def encode(self, s: Array) -> Array:
        """Return `N x d` encoded columns of `N x K` coordinates."""
        parts = []
        for i, axis in enumerate(self.space.axes):
            column = s[:, i : i + 1]
            if isinstance(axis, Categorical):
                column = axis.codes[np.rint(column[:, 0]).astype(int)]
            elif self._bent(axis):
                ratio = axis.high / axis.low
                column = np.log1p(np.maximum(column, 0.0) * (ratio - 1)) / math.log(ratio)
            parts.append(column)
        return np.hstack(parts)

    def pulled(self, s: Array, gradient: Array) -> Array:
        """Return `N x K` derivatives by the coordinates (0 by a category) of `N x d` ones by encoded columns."""
        found = np.zeros_like(s)
        for i, axis in enumerate(self.space.axes):
            if isinstance(axis, Categorical):
                continue
            found[:, i] = gradient[:, self._starts[i]]
            if self._bent(axis):
                ratio = axis.high / axis.low
                found[:, i] *= (ratio - 1) / (1 + np.maximum(s[:, i], 0.0) * (ratio - 1)) / math.log(ratio)
        return found

    def _bent(self, axis: Any) -> bool:  # noqa: ANN401  any axis
        """Return whether an axis is encoded by its logarithm, and searched linearly."""
        return isinstance(axis, Real) and axis.log and axis.name in self._tied


def _stacked(rows: list[tuple[Array, float]], width: int) -> tuple[Array, Array]:
    if not rows:
        return np.zeros((0, width)), np.zeros(0)
    return np.array([row for row, _ in rows]), np.array([value for _, value in rows])


def _is_independent(row: Array, others: Sequence[Array]) -> bool:
    """Return whether an equality says something new; optimizers solve for all of them at once and must not divide by 0."""
    known = np.array([one / np.linalg.norm(one) for one in (*others, row)])
    return bool(np.linalg.matrix_rank(known, tol=1e-8) == len(known))


def _least(axis: Any) -> float:  # noqa: ANN401  any axis
    return float(axis.low / axis.high) if isinstance(axis, Component) and axis.optional else 0.0
