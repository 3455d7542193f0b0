"""Which discrete choices can be made together: a mixed-integer linear program."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from autolab.model.ranges import Array

Assignment = tuple[int, ...]
"""One option's place a decision; -1 where it is still open."""


@dataclass(frozen=True)
class Decision:
    """A discrete choice on axis `axis`: `options` (unit values), or present/absent with `least` when present."""

    axis: int
    options: Array
    presence: bool = False
    least: float = 0.0


@dataclass(frozen=True)
class Program:
    """The program over axes `u` (`K`, each 0 to 1) and decisions.

    Attributes:
        k: Number of axes.
        top: `K`, the greatest `u`: 1, or 0 for an axis without a range.
        decisions: Discrete choices.
        groups: (places of presence decisions, how many may be made "present").
        rows: Weights (`R x K`), least and greatest sums (`R`).
    """

    k: int
    top: Array
    decisions: Sequence[Decision]
    groups: Sequence[tuple[Sequence[int], int]]
    rows: tuple[Array, Array, Array]

    def solve(
        self, chosen: Assignment, *, favour: tuple[int, float] | None = None, target: Array | None = None
    ) -> Assignment | None:
        """Return a complete assignment that keeps `chosen`, or None when there is none.

        Args:
            chosen: Decisions made already.
            favour: (axis, sign): make this `u` least (1) or greatest (-1).
            target: `K`; make the sum of distances from it least.
        """
        from scipy.optimize import Bounds, LinearConstraint, milp  # loaded late: half a second

        model = _Columns(self.k)
        places = [model.add(decision) for decision in self.decisions]
        self._tie(model, places, chosen)
        cost = np.zeros(model.width)
        if favour is not None:
            cost[favour[0]] = favour[1]
        if target is not None:
            model.distances(target)
            cost = np.concatenate([cost, np.ones(self.k)])
        upper = np.concatenate([self.top, model.upper[self.k :]])
        matrix, lows, highs = model.matrix()
        found: Any = milp(
            cost,
            constraints=LinearConstraint(matrix, lows, highs),
            integrality=np.array(model.whole),
            bounds=Bounds(np.array(model.lower), upper),
            options={"presolve": False},  # small programs; and presolve now and then prints to the standard output
        )
        if found.x is None:
            return None
        return tuple(_read(found.x, place) for place in places)

    def _tie(self, model: _Columns, places: Sequence[Sequence[int]], chosen: Assignment) -> None:
        for decision, place, option in zip(self.decisions, places, chosen, strict=True):
            model.tie(decision, place, option)
        for members, most in self.groups:
            model.row({places[j][0]: 1.0 for j in members}, -np.inf, float(most))
        for w, low, high in zip(*self.rows, strict=True):
            model.row(dict(enumerate(w)), low, high)


class _Columns:
    """The columns and rows of a mixed-integer program, as they are put together."""

    def __init__(self, k: int) -> None:
        self.k = k
        self.lower, self.upper, self.whole = [0.0] * k, [1.0] * k, [0] * k
        self._rows: list[tuple[dict[int, float], float, float]] = []

    @property
    def width(self) -> int:
        return len(self.lower)

    def add(self, decision: Decision) -> list[int]:
        """Add a decision's columns and return their places."""
        even = decision.presence or _is_even(decision.options)
        tops = [float(len(decision.options) - 1)] if even else [1.0] * len(decision.options)
        places = list(range(self.width, self.width + len(tops)))
        self.lower += [0.0] * len(tops)
        self.upper += tops
        self.whole += [1] * len(tops)
        return places

    def tie(self, decision: Decision, places: Sequence[int], option: int) -> None:
        """Tie a decision's columns to its axis, and fix them when it is made (`option` >= 0)."""
        axis = decision.axis
        if decision.presence:  # least * z <= u <= z
            self.row({axis: 1.0, places[0]: -1.0}, -np.inf, 0.0)
            self.row({axis: 1.0, places[0]: -decision.least}, 0.0, np.inf)
        elif len(decision.options) == 1:
            self.row({axis: 1.0}, float(decision.options[0]), float(decision.options[0]))
        elif len(places) == 1:
            self.row({axis: 1.0, places[0]: -1.0 / self.upper[places[0]]}, 0.0, 0.0)
        else:
            values = {place: -float(value) for place, value in zip(places, decision.options, strict=True)}
            self.row({axis: 1.0, **values}, 0.0, 0.0)
            self.row(dict.fromkeys(places, 1.0), 1.0, 1.0)
        if option >= 0 and len(places) == 1:
            self.lower[places[0]] = self.upper[places[0]] = float(option)
        elif option >= 0:
            for i, place in enumerate(places):
                self.lower[place] = self.upper[place] = float(i == option)

    def distances(self, target: Array) -> None:
        """Add `K` columns, each at least the distance of its `u` from the target."""
        start = self.width
        self.lower += [0.0] * self.k
        self.upper += [np.inf] * self.k
        self.whole += [0] * self.k
        for i, value in enumerate(target):
            self.row({start + i: 1.0, i: -1.0}, -float(value), np.inf)
            self.row({start + i: 1.0, i: 1.0}, float(value), np.inf)

    def row(self, weights: Mapping[int, float], low: float, high: float) -> None:
        """Add `low <= sum(weights * columns) <= high`."""
        self._rows.append((dict(weights), low, high))

    def matrix(self) -> tuple[Array, Array, Array]:
        """Return all rows as (matrix, lows, highs)."""
        dense = np.zeros((len(self._rows), self.width))
        for i, (weights, _, _) in enumerate(self._rows):
            dense[i, list(weights)] = list(weights.values())
        return dense, np.array([row[1] for row in self._rows]), np.array([row[2] for row in self._rows])


def _read(x: Array, places: Sequence[int]) -> int:
    return int(np.rint(x[places[0]])) if len(places) == 1 else int(np.argmax(x[list(places)]))


def _is_even(options: Array) -> bool:
    return bool(np.allclose(np.diff(options), 1.0 / max(len(options) - 1, 1), rtol=0, atol=1e-12))
