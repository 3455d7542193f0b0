"""From a place to a better one: gradient ascent of the continuous axes, and single changes of choice, in turn.

Notation: `s` are search coordinates (see `coordinates`), `K` of a point.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from autolab.model.parameters import Categorical, Component

if TYPE_CHECKING:
    from autolab.planners.field import Field

Array = NDArray[np.float64]
Mask = NDArray[np.bool_]

_ROUNDS = 6
_CHANGES = 100
_NEIGHBOURS = 2000
_COUPLED_NEIGHBOURS = 96
_TRACE = 1e-6
_BETTER = 1e-4
_BACK = (1e-9, 1e-6, 1e-4, 1e-3, 1e-2, 0.1, 0.5)  # shares of the way back from where a constraint is broken


class Climb:
    """Climbs over a field.

    Args:
        field: The worth over coordinates.
        rng: Chooses among very many changes.
        still: Axes not to be changed besides; none for None.
    """

    def __init__(self, field: Field, rng: np.random.Generator, still: Mask | None = None) -> None:
        self._field, self._rng = field, rng
        self._coordinates, self._space = field.coordinates, field.space
        self._still = np.zeros(len(field.space.axes), dtype=bool) if still is None else still

    def climbed(self, s: Array) -> Array:
        """Return `r x K` places that are not worse than `r x K` starts."""
        groups: dict[tuple[bool, ...], list[int]] = {}
        for i, one in enumerate(s):
            groups.setdefault(tuple(self._coordinates.held(one)), []).append(i)
        ends = s.copy()
        for places in groups.values():  # starts that hold the same axes climb at once
            ends[places] = self._turns(s[places])
        return ends

    def _turns(self, s: Array) -> Array:
        """Climb from starts that hold the same axes: ascents and changes of choice in turn."""
        s = self._ascended(s)
        if not self._coordinates.discrete:
            return s
        worths = self._field.values(s)
        open_ = np.ones(len(s), dtype=bool)
        for _ in range(_ROUNDS):
            for i in np.flatnonzero(open_):
                s[i], worths[i], open_[i] = self._changed(s[i], worths[i])
            if not open_.any():
                break
            for group in np.flatnonzero(open_):
                end = self._ascended(s[group : group + 1])[0]
                value = float(self._field.values(end[None])[0])
                if value > worths[group]:
                    s[group], worths[group] = end, value
        return s

    def _ascended(self, s: Array) -> Array:
        """Return the ends of gradient ascent from `r x K` starts that hold the same axes."""
        free = np.flatnonzero(~(self._coordinates.held(s[0]) | self._still))
        if not len(free):
            return s.copy()
        lower, upper = self._coordinates.bounds(s[0])
        if self._space.is_box:
            ends = self._boxed(s, free)
        else:
            ends = np.array([self._bound(one, free, lower, upper) for one in s])
        ends = np.where(ends - lower < _TRACE, np.where(ends > lower, lower, ends), ends)  # 1e-8 of a component is none
        return np.where(upper - ends < _TRACE, upper, ends)

    def _boxed(self, s: Array, free: NDArray[np.int64]) -> Array:
        """Climb all starts at once: their sum is greatest where each of them is."""
        from scipy.optimize import minimize  # loaded late: half a second

        r, k = len(s), len(free)

        def down(z: Array) -> tuple[float, Array]:
            here = s.copy()
            here[:, free] = z.reshape(r, k)
            value, gradient = self._field.slopes(here)
            return -float(value.sum()), -gradient[:, free].ravel()

        found: Any = minimize(
            down,
            np.clip(s[:, free], 0.0, 1.0).ravel(),
            jac=True,
            method="L-BFGS-B",
            bounds=[(0.0, 1.0)] * (r * k),
            options={"maxiter": 40, "ftol": 1e-7},
        )
        ends = s.copy()
        ends[:, free] = found.x.reshape(r, k)
        return self._better(s, ends)

    def _bound(self, s: Array, free: NDArray[np.int64], lower: Array, upper: Array) -> Array:
        """Climb from one start within constraints."""
        from scipy.optimize import minimize  # loaded late: half a second

        a, least, b, equal = self._coordinates.constraints(s, free)

        def down(z: Array) -> tuple[float, Array]:
            here = _put(s, free, z)
            value, gradient = self._field.slopes(here[None])
            return -float(value[0]), -gradient[0, free]

        constraints = [{"type": "ineq", "fun": lambda z: a @ z - least, "jac": lambda z: a}] if len(a) else []
        constraints += [{"type": "eq", "fun": lambda z: b @ z - equal, "jac": lambda z: b}] if len(b) else []
        if self._space.nonlinear:
            constraints.append({"type": "ineq", "fun": lambda z: self._field.margins(_put(s, free, z))})
        found: Any = minimize(
            down,
            np.clip(s[free], lower[free], upper[free]),
            jac=True,
            method="SLSQP",
            bounds=list(zip(lower[free], upper[free], strict=True)),
            constraints=constraints,
            options={"maxiter": 30, "ftol": 1e-5},
        )
        if not np.isfinite(found.x).all():
            return s
        end = self._allowed(s, _put(s, free, np.clip(found.x, lower[free], upper[free])))
        return np.asarray(self._better(s[None], end[None])[0])

    def _allowed(self, start: Array, end: Array) -> Array:
        """Return the end, or where it breaks a nonlinear constraint by a little a place shortly before it."""
        if not self._space.nonlinear or self._field.allowed(end[None])[0]:
            return end
        way = np.array([end + share * (start - end) for share in _BACK])
        good = np.flatnonzero(self._field.allowed(way))
        return way[good[0]] if len(good) else start

    def _better(self, starts: Array, ends: Array) -> Array:
        better = self._field.values(ends) >= self._field.values(starts)
        return np.asarray(np.where(better[:, None], ends, starts))

    # -- the choices

    def _changed(self, s: Array, worth: float) -> tuple[Array, float, bool]:
        """Return the end of single changes of choice, each the best, its worth, and whether there was one."""
        changed = False
        for _ in range(_CHANGES if self._space.is_box else 1):  # within constraints each costs much
            moved = self._stepped(s, worth)
            if moved is None:
                break
            (s, worth), changed = moved, True
        return s, worth, changed

    def _stepped(self, s: Array, worth: float) -> tuple[Array, float] | None:
        """Return the best place one choice away and its worth; None where none is better."""
        moves = self._neighbours(s)
        if not len(moves):
            return None
        worths = self._field.values(moves)
        best = int(np.argmax(worths))
        return (moves[best], float(worths[best])) if worths[best] > worth + _BETTER else None

    def _neighbours(self, s: Array) -> Array:
        """Return places one choice away: other numbers of a grid, other categories, a component gone or exchanged."""
        moves: list[Array] = []
        for i, axis in enumerate(self._space.axes):
            if self._still[i]:
                continue
            levels = self._coordinates.levels[i]
            if levels is not None:
                moves += self._to_levels(s, i, levels, isinstance(axis, Categorical))
            elif isinstance(axis, Component) and axis.optional and s[i] > 0:
                moves += self._exchanges(s, i)
        if not self._space.is_box:  # a change may break a constraint: to the nearest that keeps it
            some = self._some(moves, _COUPLED_NEIGHBOURS)
            return self._coordinates.of([self._space.snap(self._coordinates.point(one)) for one in some])
        return np.array(self._some(moves, _NEIGHBOURS)).reshape(-1, len(s))

    def _some(self, moves: list[Array], most: int) -> list[Array]:
        """Return at most so many of the moves, at random: of each axis some."""
        if len(moves) <= most:
            return moves
        return [moves[i] for i in self._rng.choice(len(moves), most, replace=False)]

    def _to_levels(self, s: Array, i: int, levels: Array, labels: bool) -> list[Array]:
        places = np.arange(len(levels))
        if not labels and len(levels) > 32:
            at = int(np.abs(levels - s[i]).argmin())
            ahead = 2 ** np.arange(int(np.log2(len(levels))))
            steps = np.concatenate([-ahead, ahead])
            places = np.unique(np.clip(np.concatenate([at + steps, [0, len(levels) - 1]]), 0, len(levels) - 1))
        return [_with(s, {i: levels[j]}) for j in places if levels[j] != s[i]]

    def _exchanges(self, s: Array, i: int) -> list[Array]:
        absent = [j for j, one in enumerate(self._space.axes) if isinstance(one, Component) and s[j] == 0]
        return [_with(s, {i: 0.0}), *(_with(s, {i: 0.0, j: s[i]}) for j in absent)]


def _with(s: Array, changes: dict[int, float]) -> Array:
    changed = s.copy()
    for place, value in changes.items():
        changed[place] = value
    return changed


def _put(s: Array, places: NDArray[np.int64], values: Array) -> Array:
    changed = s.copy()
    changed[places] = values
    return changed
