"""Where the worth of a point is greatest, within the space exactly.

A table, or a space of few choices, is searched whole. Any other in the coordinates `s` (`K`) of `coordinates`: many
points of the space, then in turn gradient ascent of the continuous axes (the choices held) and single changes of choice,
from several of the best, and so on while it pays. A product of choices is never written down, however large.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
from numpy.typing import NDArray

from autolab.model.candidates import Candidates
from autolab.model.errors import PlannerError
from autolab.model.parameters import Categorical, Component
from autolab.planners.coordinates import Coordinates

if TYPE_CHECKING:
    from autolab.model.space import Space
    from autolab.model.trial import Point, Value
    from autolab.planners.evidence import Evidence

Array = NDArray[np.float64]
Key = tuple["Value", ...]
Found = tuple[dict[str, "Value"], float]
"""A point and the log of its worth."""

log = logging.getLogger(__name__)

_WHOLE = 20_000  # combinations of choices that are searched whole
_SHORTLIST = 20_000  # candidates that the second and later points of a batch are chosen from
_CLOUD = 1024
_COUPLED = 256  # fewer: each costs more
_STARTS = 4
_CHANCES = 4
_ROUNDS = 6
_CHANGES = 100
_NEIGHBOURS = 2000
_COUPLED_NEIGHBOURS = 96
_TRACE = 1e-6
_BETTER = 1e-4


class Worth(Protocol):
    """What a point is worth; all of encoded points `N x d`."""

    def values(self, x: Array) -> Array:
        """Return the log of the worth, `N`."""

    def slopes(self, x: Array) -> tuple[Array, Array]:
        """Return the log of the worth `N`, and its derivative `N x d`."""

    def add_pending(self, x: Array) -> None:
        """Count points as under way."""


def most_worth(space: Space | Candidates, worth: Worth, n: int, evidence: Evidence, seed: int) -> list[Found]:
    """Return `n` distinct points not taken yet, one after another, each counting those before it as under way.

    Raises:
        PlannerError: Fewer than `n` points are left.
    """
    search = _Table(space, worth, evidence) if isinstance(space, Candidates) else _Search(space, worth, evidence)
    chosen: list[Found] = []
    for i in range(n):
        one = search.best((seed + i) % 2**53)
        if one is None:
            msg = (
                f"{n} distinct points were asked for and the space has {i} left ({len(evidence.taken)} are tried or "
                "under way). Ask for fewer, or widen the space"
            )
            raise PlannerError(msg)
        chosen.append(one)
        search.take(one[0])
        if i + 1 < n:
            worth.add_pending(space.encode([one[0]]))
    return chosen


class _Table:
    """The search of a table of candidates: all of it, the first time; a long one's best for what follows."""

    def __init__(self, space: Candidates, worth: Worth, evidence: Evidence) -> None:
        self._space, self._worth = space, worth
        open_ = np.ones(len(space), dtype=bool)
        open_[space.rows(evidence.taken)] = False
        self._rows = np.flatnonzero(open_)
        self._left = len(self._rows)
        self._short = False

    def best(self, seed: int) -> Found | None:
        if not self._left:
            return None
        if not len(self._rows):  # the best ones are used up
            msg = "a batch cannot have more points than the shortlist of candidates"
            raise PlannerError(msg)
        worths = self._worth.values(self._space.encoded[self._rows])
        best = int(np.argmax(worths))
        found = self._space.point(int(self._rows[best])), float(worths[best])
        if not self._short and len(self._rows) > _SHORTLIST:
            self._rows = np.sort(self._rows[np.argpartition(-worths, _SHORTLIST)[:_SHORTLIST]])
        self._short = True
        return found

    def take(self, point: Point) -> None:
        row = self._space.place(point)
        self._rows, self._left = self._rows[self._rows != row], self._left - 1


class _Search:
    """The search for the best points of a space."""

    def __init__(self, space: Space, worth: Worth, evidence: Evidence) -> None:
        self._space, self._worth = space, worth
        self._taken = set(evidence.taken)
        self._known = evidence.x
        self._points = evidence.points
        self._coordinates = Coordinates(space)
        self._all = self._coordinates.combinations(_WHOLE)
        self._rng = np.random.default_rng(0)

    def take(self, point: Point) -> None:
        """Leave a point out from now on."""
        self._taken.add(self._space.key(point))

    def best(self, seed: int) -> Found | None:
        """Return the best point found that is not taken, or None when all are."""
        if self._all is not None:
            return self._first(self._all, self._values(self._all))
        rng = self._rng = np.random.default_rng(seed)
        s, whole = self._cloud(seed, rng)
        worths = self._values(s)
        if whole:  # nothing is left to search for
            return self._first(s, worths)
        ends = [self._climbed(group) for group in self._groups(s[self._starts(worths, rng)])]
        ended = np.vstack(ends)
        found = self._first(np.vstack([ended, s]), np.concatenate([self._values(ended), worths]))
        return found if found is not None else self._any_left(seed)

    def _any_left(self, seed: int) -> Found | None:
        """Return the best of some points that are left, where all that were looked at are taken."""
        drawn = self._space.sample(_COUPLED + len(self._taken), seed)
        s = self._coordinates.of([point for point in drawn if self._space.key(point) not in self._taken])
        return self._first(s, self._values(s)) if len(s) else None

    def _values(self, s: Array) -> Array:
        return self._worth.values(self._coordinates.encode(s))

    def _first(self, s: Array, worths: Array) -> Found | None:
        """Return the best of some points, snapped into the space, that is not taken."""
        for i in np.argsort(-worths, kind="stable"):
            point = self._space.snap(self._coordinates.point(s[i]))
            if self._space.key(point) not in self._taken:
                return point, float(self._worth.values(self._space.encode([point]))[0])
        return None

    # -- where to begin

    def _cloud(self, seed: int, rng: np.random.Generator) -> tuple[Array, bool]:
        """Return points of the space (`N x K`), and whether they are all that are left."""
        near = self._best_known()
        if self._space.coupling is None:
            spread = self._coordinates.cloud(_CLOUD, rng)
            around = [self._coordinates.shaken(np.repeat(near, 48, axis=0), size, rng) for size in (0.02, 0.1)]
            return np.vstack([spread, *around]), False
        asked = _COUPLED + len(self._taken)
        drawn = self._space.sample(asked, seed)
        fresh = [point for point in drawn if self._space.key(point) not in self._taken]
        spread = self._coordinates.of(fresh)
        if len(drawn) < asked:
            return spread, True
        return np.vstack([spread, *self._between(near, spread, rng)]), False

    def _best_known(self) -> Array:
        """Return the known points (`b x K`) that are worth most: near to them improvements often lie."""
        inside = [point for point in self._points if self._space.contains(point)] if len(self._points) <= 200 else []
        if not inside:
            return self._coordinates.of([])
        s = self._coordinates.of(inside)
        return s[np.argsort(-self._values(s), kind="stable")[:2]]

    def _between(self, near: Array, spread: Array, rng: np.random.Generator) -> list[Array]:
        """Return points on short ways from `near` ones to others: linear constraints hold all along."""
        found = []
        for s in near:
            alike = spread[(self._coordinates.held(s) == [self._coordinates.held(one) for one in spread]).all(axis=1)]
            held = self._coordinates.held(s)
            alike = alike[(alike[:, held] == s[held]).all(axis=1)][:48]
            found.append(s + 0.2 * rng.random((len(alike), 1)) * (alike - s))
        return found

    def _starts(self, worths: Array, rng: np.random.Generator) -> NDArray[np.int64]:
        """Return the best places and some others, the better the likelier."""
        order = np.argsort(-worths, kind="stable")
        rest = order[_STARTS:]
        spread = float(np.std(worths[rest])) or 1.0
        chance = np.exp((worths[rest] - worths[rest].max()) / spread)
        picked = rng.choice(rest, size=min(_CHANCES, len(rest)), replace=False, p=chance / chance.sum())
        return np.concatenate([order[:_STARTS], picked])

    # -- climbing

    def _groups(self, s: Array) -> list[Array]:
        """Return starts that hold the same axes together: they climb at once."""
        groups: dict[tuple[bool, ...], list[Array]] = {}
        for one in s:
            groups.setdefault(tuple(self._coordinates.held(one)), []).append(one)
        return [np.array(group) for group in groups.values()]

    def _climbed(self, s: Array) -> Array:
        """Return `r x K` better places for `r x K` starts: ascents and changes of choice in turn."""
        s = self._ascended(s)
        if not self._coordinates.discrete:
            return s
        worths = self._values(s)
        open_ = np.ones(len(s), dtype=bool)
        for _ in range(_ROUNDS):
            for i in np.flatnonzero(open_):
                s[i], worths[i], open_[i] = self._changed(s[i], worths[i])
            if not open_.any():
                break
            for group in np.flatnonzero(open_):
                end = self._ascended(s[group : group + 1])[0]
                value = float(self._values(end[None])[0])
                if value > worths[group]:
                    s[group], worths[group] = end, value
        return s

    def _ascended(self, s: Array) -> Array:
        """Return the ends of gradient ascent from `r x K` starts that hold the same axes."""
        free = np.flatnonzero(~self._coordinates.held(s[0]))
        if not len(free):
            return s.copy()
        lower, upper = self._coordinates.bounds(s[0])
        if self._space.coupling is None:
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
            value, gradient = self._slopes(here)
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
        """Climb from one start within linear constraints."""
        from scipy.optimize import minimize  # loaded late: half a second

        a, least, b, equal = self._coordinates.constraints(s, free)

        def down(z: Array) -> tuple[float, Array]:
            here = s.copy()
            here[free] = z
            value, gradient = self._slopes(here[None])
            return -float(value[0]), -gradient[0, free]

        constraints = [{"type": "ineq", "fun": lambda z: a @ z - least, "jac": lambda z: a}] if len(a) else []
        constraints += [{"type": "eq", "fun": lambda z: b @ z - equal, "jac": lambda z: b}] if len(b) else []
        found: Any = minimize(
            down,
            np.clip(s[free], lower[free], upper[free]),
            jac=True,
            method="SLSQP",
            bounds=list(zip(lower[free], upper[free], strict=True)),
            constraints=constraints,
            options={"maxiter": 30, "ftol": 1e-5},
        )
        end = s.copy()
        if np.isfinite(found.x).all():
            end[free] = np.clip(found.x, lower[free], upper[free])
        return np.asarray(self._better(s[None], end[None])[0])

    def _slopes(self, s: Array) -> tuple[Array, Array]:
        value, gradient = self._worth.slopes(self._coordinates.encode(s))
        return value, self._coordinates.pulled(s, gradient)

    def _better(self, starts: Array, ends: Array) -> Array:
        better = self._values(ends) >= self._values(starts)
        return np.asarray(np.where(better[:, None], ends, starts))

    # -- the choices

    def _changed(self, s: Array, worth: float) -> tuple[Array, float, bool]:
        """Return the end of single changes of choice, each the best, its worth, and whether there was one."""
        changed = False
        for _ in range(_CHANGES if self._space.coupling is None else 1):  # within constraints each costs much
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
        worths = self._values(moves)
        best = int(np.argmax(worths))
        return (moves[best], float(worths[best])) if worths[best] > worth + _BETTER else None

    def _neighbours(self, s: Array) -> Array:
        """Return places one choice away: other numbers of a grid, other categories, a component gone or exchanged."""
        moves: list[Array] = []
        for i, axis in enumerate(self._space.axes):
            levels = self._coordinates.levels[i]
            if levels is not None:
                moves += self._to_levels(s, i, levels, isinstance(axis, Categorical))
            elif isinstance(axis, Component) and axis.optional and s[i] > 0:
                moves += self._exchanges(s, i)
        if self._space.coupling is not None:  # a change may break a constraint: to the nearest that keeps it
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
