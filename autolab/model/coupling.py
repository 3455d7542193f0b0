"""The axes that constraints tie together: which choices are possible, points within, the nearest point.

Coordinates: `u` (`K`), one an axis, 0 at its least value and 1 at its greatest, linear in the user's unit (also for
a logarithmic parameter, since constraints are). A **decision** is a discrete choice: the value of a whole-number or
ordinal axis, or whether a component is present. Decisions come first (asked of a mixed-integer program, never by
trial and error alone); what is left is a polytope for each assignment.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from autolab.model.polytope import Polytope
from autolab.model.program import Assignment, Decision, Program

if TYPE_CHECKING:
    from autolab.model.parameters import NumericAxis

Array = NDArray[np.float64]
_EXACT = 1e-10
_REMEMBERED = 20_000


@dataclass(frozen=True)
class Row:
    """One constraint in the user's units: `low <= sum(weight * value) <= high`."""

    weights: Mapping[str, float]
    low: float
    high: float
    text: str


class Coupling:
    """Axes tied together by constraints.

    Args:
        axes: The `K` numeric axes.
        rows: Constraints between them.
        groups: (component names, how many of them may be present at most).
    """

    def __init__(
        self, axes: Sequence[NumericAxis], rows: Sequence[Row], groups: Sequence[tuple[Sequence[str], int]] = ()
    ) -> None:
        self.names = tuple(axis.name for axis in axes)
        self.low = np.array([_least(axis) for axis in axes], dtype=float)
        span = np.array([axis.high for axis in axes], dtype=float) - self.low
        self._top = np.where(span > 0, 1.0, 0.0)  # a fixed component has no range
        self.span = np.where(span > 0, span, 1.0)
        weights = np.array([[row.weights.get(name, 0.0) for name in self.names] for row in rows], dtype=float)
        weights = weights.reshape(len(rows), len(axes))
        shift = weights @ self.low
        norm = np.maximum(np.linalg.norm(weights * self.span, axis=1), 1e-300)
        self._w = weights * self.span / norm[:, None]
        self._from = (np.array([row.low for row in rows]) - shift) / norm
        self._to = (np.array([row.high for row in rows]) - shift) / norm
        self.decisions = tuple(d for i, axis in enumerate(axes) if (d := _decision(i, axis, self)) is not None)
        self._axis_decision = {decision.axis: j for j, decision in enumerate(self.decisions)}
        self._groups = [([self._axis_decision[self.names.index(name)] for name in names], k) for names, k in groups]
        self._known: dict[Assignment, bool] = {}
        self._slices: dict[Assignment, Polytope | Array | None] = {}
        self._ends: dict[tuple[Assignment, int], list[int]] = {}  # of what a decision can be
        self._witnesses = self._search_witnesses()

    # -- emptiness

    @property
    def empty(self) -> bool:
        """Whether no point satisfies all constraints; exact: a witness, an interval bound or (integer) programs."""
        return not len(self._witnesses) and next(self.assignments(np.random.default_rng(0)), None) is None

    @property
    def rows(self) -> tuple[Array, Array, Array]:
        """The constraints on `u`: weights (`R x K`, each row of length 1), least and greatest sums (`R`)."""
        return self._w, self._from, self._to

    def _search_witnesses(self) -> NDArray[np.int64]:
        """Return assignments (`w x decisions`) that alternating projections prove to be possible."""
        rng = np.random.default_rng(0)
        count = 64
        chosen = np.stack([self._any_assignment(rng) for _ in range(count)])
        lower, upper = self._bounds(chosen)
        u = lower + (upper - lower) * rng.random(lower.shape)
        u[:3] = lower[:3] + (upper[:3] - lower[:3]) * np.array([[0.0], [0.5], [1.0]])
        free = upper > lower
        for _ in range(100):
            for w, low, high in zip(self._w, self._from, self._to, strict=True):
                level = u @ w
                size = (w**2 * free).sum(axis=1)
                step = np.where(size > 0, (np.clip(level, low, high) - level) / np.where(size > 0, size, 1.0), 0.0)
                u = np.clip(u + step[:, None] * (w * free), lower, upper)
        return np.asarray(chosen[self._holds(u)])

    def _any_assignment(self, rng: np.random.Generator) -> NDArray[np.int64]:
        chosen = np.array([rng.integers(len(d.options)) for d in self.decisions], dtype=np.int64)
        for members, most in self._groups:
            present = rng.permutation(members)[: rng.integers(1, most + 1)]
            chosen[members] = 0
            chosen[present] = 1
        return chosen

    def _holds(self, u: Array, slack: float = _EXACT) -> NDArray[np.bool_]:
        level = u @ self._w.T
        return np.asarray(((level >= self._from - slack) & (level <= self._to + slack)).all(axis=1))

    def _bounds(self, chosen: NDArray[np.int64]) -> tuple[Array, Array]:
        """Return the bounds (`n x K` each) that assignments (`n x decisions`, open ones -1) leave."""
        lower = np.zeros((len(chosen), len(self.names)))
        upper = np.tile(self._top, (len(chosen), 1))
        for j, decision in enumerate(self.decisions):
            picked, made = chosen[:, j], chosen[:, j] >= 0
            if decision.presence:
                lower[picked == 1, decision.axis] = decision.least
                upper[picked == 0, decision.axis] = 0.0
            else:
                lower[made, decision.axis] = upper[made, decision.axis] = decision.options[picked[made]]
        return lower, upper

    # -- which choices are possible

    def possible(self, chosen: Assignment) -> bool:
        """Return whether the open decisions and the rest can be completed; exact."""
        if chosen not in self._known:
            if len(self._known) > _REMEMBERED:
                self._known.clear()
            self._known[chosen] = self._ask(chosen)
        return self._known[chosen]

    def _ask(self, chosen: Assignment) -> bool:
        if not self._plausible(np.array([chosen], dtype=np.int64))[0]:
            return False
        made = np.array(chosen, dtype=np.int64)
        if len(self._witnesses) and ((self._witnesses == made) | (made < 0)).all(axis=1).any():
            return True
        if (made >= 0).all():
            return self.slice(chosen) is not None
        found = self._program(chosen)
        if found is None:
            return False
        if self.slice(found) is not None:
            self._witnesses = np.vstack([self._witnesses.reshape(-1, len(made)), np.array(found)])
        return True

    def _plausible(self, chosen: NDArray[np.int64]) -> NDArray[np.bool_]:
        """Return which assignments (`n x decisions`) pass the bounds of each row and group by itself."""
        lower, upper = self._bounds(chosen)
        up, down = np.maximum(self._w, 0.0).T, np.minimum(self._w, 0.0).T
        least, most = lower @ up + upper @ down, upper @ up + lower @ down
        good = ((most >= self._from - _EXACT) & (least <= self._to + _EXACT)).all(axis=1)
        for members, limit in self._groups:
            good &= (chosen[:, members] == 1).sum(axis=1) <= limit
        return np.asarray(good)

    def _options(self, chosen: Assignment, j: int) -> NDArray[np.int64]:
        """Return the options of decision `j` that pass the quick test."""
        count = len(self.decisions[j].options)
        table = np.tile(np.array(chosen, dtype=np.int64), (count, 1))
        table[:, j] = np.arange(count)
        return np.flatnonzero(self._plausible(table))

    def _narrowed(self, chosen: Assignment, j: int, options: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return the options between the least and greatest that can be completed."""
        if (chosen, j) not in self._ends:
            if len(self._ends) > _REMEMBERED:
                self._ends.clear()
            made = [self._program(chosen, favour=(self.decisions[j].axis, sign)) for sign in (1.0, -1.0)]
            self._ends[chosen, j] = [end[j] for end in made if end is not None]
        places = self._ends[chosen, j]
        return options[(options >= min(places)) & (options <= max(places))] if places else options[:0]

    def assignments(self, rng: np.random.Generator) -> Iterator[Assignment]:
        """Yield every possible assignment once, in an order that `rng` shuffles."""
        yield from self._below((-1,) * len(self.decisions), 0, rng)

    def _below(self, chosen: Assignment, j: int, rng: np.random.Generator) -> Iterator[Assignment]:
        if not self.possible(chosen):
            return
        if j == len(self.decisions):
            if self.slice(chosen) is not None:
                yield chosen
            return
        options = self._options(chosen, j)
        if len(options) > 8:
            options = self._narrowed(chosen, j, options)
        for option in rng.permutation(options):
            yield from self._below((*chosen[:j], int(option), *chosen[j + 1 :]), j + 1, rng)

    def draw(self, rng: np.random.Generator) -> Assignment | None:
        """Return one possible assignment, decided in random order; None only where the exhaustive search must serve."""
        chosen: Assignment = (-1,) * len(self.decisions)
        sizes = {j: members for members, _ in self._groups for j in members}
        wanted = {id(members): int(rng.integers(1, most + 1)) for members, most in self._groups}
        for j in rng.permutation(len(self.decisions)):
            options = rng.permutation(self._options(chosen, j))
            if j in sizes:  # prefer presence until a random number of components is reached
                have = sum(chosen[i] == 1 for i in sizes[j])
                options = np.sort(options)[:: -1 if have < wanted[id(sizes[j])] else 1]
            following = self._first_possible(chosen, int(j), options)
            if following is None:
                return None
            chosen = following
        return chosen if self.slice(chosen) is not None else None

    def _first_possible(self, chosen: Assignment, j: int, options: NDArray[np.int64]) -> Assignment | None:
        for tried, option in enumerate(options):
            following = (*chosen[:j], int(option), *chosen[j + 1 :])
            if self.possible(following):
                return following
            if tried == 2 and len(options) > 8:
                return self._first_possible(chosen, j, self._narrowed(chosen, j, options[3:]))
        return None

    # -- points

    def slice(self, chosen: Assignment) -> Polytope | Array | None:
        """Return what a complete assignment leaves: a polytope in the free axes, a bare `u`, or None."""
        if chosen not in self._slices:
            if len(self._slices) > _REMEMBERED:
                self._slices.clear()
            self._slices[chosen] = self._cut(chosen)
        return self._slices[chosen]

    def _cut(self, chosen: Assignment) -> Polytope | Array | None:
        lower, upper = (side[0] for side in self._bounds(np.array([chosen], dtype=np.int64)))
        free = upper > lower
        if any(sum(chosen[j] == 1 for j in members) > most for members, most in self._groups):
            return None
        if not free.any():
            return lower if self._holds(lower[None])[0] else None
        fixed = self._w[:, ~free] @ lower[~free]
        w, low, high = self._w[:, free], self._from - fixed, self._to - fixed
        live = np.abs(w).max(axis=1) > 1e-13
        if ((low[~live] > _EXACT) | (high[~live] < -_EXACT)).any():
            return None
        equal, below, above = live & (low == high), live & (low != high) & np.isfinite(high), live & (low != high)
        above &= np.isfinite(low)
        eye = np.eye(int(free.sum()))
        a = np.vstack([w[below], -w[above], eye, -eye])
        b = np.concatenate([high[below], -low[above], upper[free], -lower[free]])
        return Polytope.of(a, b, w[equal], low[equal])

    def sample(self, n: int, rng: np.random.Generator) -> Array:
        """Return `n x K` points, not all distinct where decisions alone make a point."""
        picks = [self.draw(rng) for _ in range(min(n, 64) if self._has_freedom else n)]
        made = [pick for pick in picks if pick is not None]
        if not made:
            made = [next(self.assignments(rng))]
        counts: dict[Assignment, int] = {}
        for i in range(n):
            counts[made[i % len(made)]] = counts.get(made[i % len(made)], 0) + 1
        return np.vstack([self.points_of(chosen, count, rng) for chosen, count in counts.items()])[rng.permutation(n)]

    @property
    def _has_freedom(self) -> bool:
        grids = sum(not decision.presence for decision in self.decisions)
        return grids < len(self.names)

    def points_of(self, chosen: Assignment, n: int, rng: np.random.Generator) -> Array:
        """Return `n x K` points of one assignment."""
        cut = self.slice(chosen)
        if isinstance(cut, Polytope):
            return np.array([self._filled(chosen, x) for x in cut.sample(n, rng)])
        return np.tile(np.asarray(cut), (n, 1))

    def is_single(self, chosen: Assignment) -> bool:
        """Return whether an assignment leaves one point only."""
        cut = self.slice(chosen)
        return not isinstance(cut, Polytope) or cut.dimension == 0

    def _filled(self, chosen: Assignment, x: Array) -> Array:
        lower, upper = (side[0] for side in self._bounds(np.array([chosen], dtype=np.int64)))
        u: Array = lower.copy()
        free = upper > lower
        u[free] = np.clip(x, lower[free], upper[free])
        return u

    def nearest(self, u: Array) -> Array:
        """Return a point (`K`) near to `u`: rounded decisions where they can stand, else those of least change."""
        chosen = self._rounded(u)
        cut = self.slice(chosen)
        if cut is None:
            found = self._program((-1,) * len(self.decisions), target=np.clip(u, 0.0, 1.0))
            if found is None or self.slice(found) is None:
                found = next(self.assignments(np.random.default_rng(0)))
            chosen, cut = found, self.slice(found)
        if not isinstance(cut, Polytope):
            return np.asarray(cut)
        lower, upper = (side[0] for side in self._bounds(np.array([chosen], dtype=np.int64)))
        return self._filled(chosen, cut.project(u[upper > lower]))

    def _rounded(self, u: Array) -> Assignment:
        chosen = [0] * len(self.decisions)
        for j, decision in enumerate(self.decisions):
            if decision.presence:
                chosen[j] = int(u[decision.axis] > max(decision.least / 2, 1e-6))
            else:
                chosen[j] = int(np.abs(decision.options - u[decision.axis]).argmin())
        for members, most in self._groups:
            amount = [u[self.decisions[j].axis] * self.span[self.decisions[j].axis] for j in members]
            for place in np.argsort(amount, kind="stable")[: len(members) - most]:
                chosen[members[int(place)]] = 0
        return tuple(chosen)

    def _program(
        self, chosen: Assignment, *, favour: tuple[int, float] | None = None, target: Array | None = None
    ) -> Assignment | None:
        """Return how the open decisions can be made (for the least cost), or None when they cannot."""
        groups = tuple((tuple(members), most) for members, most in self._groups)
        program = Program(len(self.names), self._top, self.decisions, groups, (self._w, self._from, self._to))
        return program.solve(chosen, favour=favour, target=target)


def _least(axis: NumericAxis) -> float:
    return getattr(axis, "floor", axis.low)


def _decision(i: int, axis: NumericAxis, coupling: Coupling) -> Decision | None:
    if axis.grid is not None:
        values = np.asarray(axis.grid, dtype=float)
        return Decision(i, np.asarray((values - coupling.low[i]) / coupling.span[i]))
    if getattr(axis, "optional", False):
        return Decision(i, np.array([0.0, 1.0]), presence=True, least=float((axis.low - 0.0) / coupling.span[i]))
    return None
