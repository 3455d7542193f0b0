"""Coordinates to search in: continuous where the space is, and linear where its constraints are.

`s` (`K`), one an axis: a constrained axis in the linear unit of its constraints, a free number as it is encoded, a
category by its place. They make every constraint linear, also on a logarithmic parameter, and a category one choice
instead of several columns.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from autolab.model.parameters import Categorical, Component, Real

if TYPE_CHECKING:
    from autolab.model.space import Space
    from autolab.model.trial import Point

Array = NDArray[np.float64]


class Coordinates:
    """Between points, search coordinates `s` and encoded columns."""

    def __init__(self, space: Space) -> None:
        self.space = space
        coupling = space.coupling
        self._tied = {} if coupling is None else {name: i for i, name in enumerate(coupling.names)}
        self._places = [space.names.index(name) for name in self._tied]
        self.discrete = any(axis.grid is not None or getattr(axis, "optional", False) for axis in space.axes)

    def of(self, point: Point) -> Array:
        """Return `s` (`K`) of a point."""
        return np.array([self._at(axis, point[axis.name]) for axis in self.space.axes])

    def _at(self, axis: Any, value: Any) -> float:  # noqa: ANN401  any axis and its value
        if isinstance(axis, Categorical):
            return float(axis.values.index(value))
        coupling = self.space.coupling
        if coupling is not None and axis.name in self._tied:
            i = self._tied[axis.name]
            return float((value - coupling.low[i]) / coupling.span[i])
        return float(axis.encode([value])[0, 0])

    def point(self, s: Array) -> dict[str, Any]:
        """Return the bare values of `s`, for `Space.snap`."""
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

    def held(self, s: Array) -> NDArray[np.bool_]:
        """Return which axes gradient ascent must not change: choices, absent and fixed components."""
        return np.array(
            [
                axis.grid is not None
                or (isinstance(axis, Component) and (axis.high <= axis.floor or (axis.optional and s[i] == 0)))
                for i, axis in enumerate(self.space.axes)
            ]
        )

    def bounds(self, s: Array) -> tuple[Array, Array]:
        """Return the least and greatest coordinates around `s`; a present component keeps its lower bound."""
        lower = np.array([_least(axis) if s[i] > 0 else 0.0 for i, axis in enumerate(self.space.axes)])
        return lower, np.maximum(np.ones(len(s)), lower)

    def constraints(
        self, s: Array, free: NDArray[np.int64]
    ) -> tuple[list[tuple[Tensor, Tensor, float]], list[tuple[Tensor, Tensor, float]]]:
        """Return botorch's inequalities (`>=`) and equalities on the free axes, the others held at `s`."""
        inequalities: list[tuple[Tensor, Tensor, float]] = []
        equalities: list[tuple[Tensor, Tensor, float]] = []
        if self.space.coupling is None:
            return inequalities, equalities
        tied = np.zeros(len(s))
        for weights, low, high in zip(*self.space.coupling.rows, strict=True):
            tied[self._places] = weights
            live = np.flatnonzero(np.abs(tied[free]) > 1e-12)
            if not len(live):
                continue
            rest = float(tied @ s - tied[free] @ s[free])
            index, factor = torch.as_tensor(live), torch.as_tensor(tied[free][live])
            if low == high:
                if _is_independent(tied[free], equalities):
                    equalities.append((index, factor, float(low - rest)))
                continue
            if math.isfinite(low):
                inequalities.append((index, factor, float(low - rest)))
            if math.isfinite(high):
                inequalities.append((index, -factor, float(rest - high)))
        return inequalities, equalities

    def encode(self, s: Tensor) -> Tensor:
        """Return `... x d` encoded columns of `... x K` coordinates; differentiable in the continuous ones."""
        parts = []
        for i, axis in enumerate(self.space.axes):
            column = s[..., i : i + 1]
            if isinstance(axis, Categorical):
                column = torch.as_tensor(axis.codes)[column.squeeze(-1).round().long()]
            elif isinstance(axis, Real) and axis.log and axis.name in self._tied:
                ratio = axis.high / axis.low
                column = torch.log1p(column.clamp_min(0) * (ratio - 1)) / math.log(ratio)
            parts.append(column)
        return torch.cat(parts, dim=-1)


def _is_independent(row: Array, others: list[tuple[Tensor, Tensor, float]]) -> bool:
    """Return whether an equality says something new; optimizers solve for all of them at once and must not divide by 0."""
    known = np.zeros((len(others) + 1, len(row)))
    for i, (index, factor, _) in enumerate(others):
        known[i, index.numpy()] = factor.numpy() / np.linalg.norm(factor.numpy())
    known[-1] = row / np.linalg.norm(row)
    return bool(np.linalg.matrix_rank(known, tol=1e-8) == len(known))


def _least(axis: Any) -> float:  # noqa: ANN401  any axis
    return float(axis.low / axis.high) if isinstance(axis, Component) and axis.optional else 0.0
