"""Where the worth of a point is greatest, within the space exactly.

A table, or a space of few choices, is searched whole. Any other in the coordinates `s` (`K`) of `coordinates`: many
points of the space, and climbs from several of the best. A product of choices is never written down, however large.

Where trials cost differently, the worth is divided by the cost; the search also tries to leave alone what is dear to
change.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from autolab.model.candidates import Candidates
from autolab.model.errors import PlannerError
from autolab.planners.climbing import Climb
from autolab.planners.field import FORBIDDEN, Field

if TYPE_CHECKING:
    from autolab.model.space import Space
    from autolab.model.trial import Point, Value
    from autolab.planners.evidence import Evidence
    from autolab.planners.field import Toll, Worth

Array = NDArray[np.float64]
Key = tuple["Value", ...]
Found = tuple[dict[str, "Value"], float]
"""A point and the log of its worth."""

_WHOLE = 20_000  # combinations of choices that are searched whole
_SHORTLIST = 20_000  # candidates that the second and later points of a batch are chosen from
_CLOUD = 128  # points for each climb
_COUPLED = 256  # within constraints: each costs more


def most_worth(
    space: Space | Candidates, worth: Worth, n: int, evidence: Evidence, seed: int, toll: Toll | None = None
) -> list[Found]:
    """Return `n` distinct points not taken yet, one after another, each counting those before it as under way.

    Args:
        space: Where to search.
        worth: Of a point.
        n: How many.
        evidence: What is taken, and where to search nearby.
        seed: Of the search.
        toll: What a point costs; None where all cost the same.

    Raises:
        PlannerError: Fewer than `n` points are left.
    """
    made = _Table if isinstance(space, Candidates) else _Space
    search = made(space, worth, evidence, toll)  # type: ignore[arg-type]  # mypy does not see which goes with which
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
        if toll is not None:
            toll.go(one[0])
        if i + 1 < n:
            worth.add_pending(space.encode([one[0]]))
    return chosen


class _Table:
    """The search of a table of candidates: all of it, the first time; a long one's best for what follows."""

    def __init__(self, space: Candidates, worth: Worth, evidence: Evidence, toll: Toll | None) -> None:
        self._space, self._worth, self._toll = space, worth, toll
        self._rows = space.rows_without(evidence.taken)
        self._others = np.zeros(0, dtype=np.int64)

    def best(self, seed: int) -> Found | None:
        """Return the best candidate that is not taken, or None when all are."""
        if not len(self._rows):  # the shortlist is used up
            self._rows, self._others = self._others, self._rows
        if not len(self._rows):
            return None
        worths = self._worth.values(self._space.encoded[self._rows])
        if len(self._rows) > _SHORTLIST:
            order = np.argpartition(-worths, _SHORTLIST)
            self._others, self._rows = self._rows[order[_SHORTLIST:]], self._rows[order[:_SHORTLIST]]
            worths = worths[order[:_SHORTLIST]]
        ranked = worths
        if self._toll is not None:
            ranked = worths - np.log(self._toll.costs(self._space.points_of(self._rows)))
        best = int(np.flatnonzero(ranked == ranked.max())[np.argmin(self._rows[ranked == ranked.max()])])
        return self._space.point(int(self._rows[best])), float(worths[best])

    def take(self, point: Point) -> None:
        """Leave a candidate out from now on."""
        self._rows = self._rows[self._rows != self._space.place(point)]


class _Space:
    """The search for the best points of a space."""

    def __init__(self, space: Space, worth: Worth, evidence: Evidence, toll: Toll | None) -> None:
        self._space, self._toll = space, toll
        self._field = Field(space, worth, toll)
        self._coordinates = self._field.coordinates
        self._taken = set(evidence.taken)
        self._points = evidence.points
        self._known = evidence.x
        self._drawn: list[dict[str, Value]] = []
        self._counted = False
        self._all = self._coordinates.combinations(_WHOLE)

    def take(self, point: Point) -> None:
        """Leave a point out from now on."""
        self._taken.add(self._space.key(point))

    def best(self, seed: int) -> Found | None:
        """Return the best point found that is not taken, or None when all are."""
        if self._all is not None:
            return self._first(self._all, self._field.values(self._all))
        rng = np.random.default_rng(seed)
        s, whole = self._cloud(seed, rng)
        worths = self._field.values(s)
        if whole:  # nothing is left to search for
            return self._first(s, worths)
        starts = s[self._starts(worths, rng)]
        ends = np.vstack([Climb(self._field, rng).climbed(starts), *self._staying(starts, rng)])
        found = self._first(np.vstack([ends, s]), np.concatenate([self._field.values(ends), worths]))
        return found if found is not None else self._any_left(seed)

    def _any_left(self, seed: int) -> Found | None:
        """Return the best of some points that are left, where all that were looked at are taken."""
        drawn = self._space.sample(_COUPLED + len(self._taken), seed)
        s = self._coordinates.of([point for point in drawn if self._space.key(point) not in self._taken])
        return self._first(s, self._field.values(s)) if len(s) else None

    def _first(self, s: Array, worths: Array) -> Found | None:
        """Return the best of some points, snapped into the space, that is not taken."""
        for i in np.argsort(-worths, kind="stable"):
            if worths[i] <= FORBIDDEN:
                return None
            point = self._space.snap(self._coordinates.point(s[i]))
            if self._space.key(point) not in self._taken:
                return point, float(self._field.worth.values(self._space.encode([point]))[0])
        return None

    # -- where to begin

    def _cloud(self, seed: int, rng: np.random.Generator) -> tuple[Array, bool]:
        """Return points of the space (`N x K`), and whether they are all that are left."""
        near = self._best_known()
        if self._space.is_box:
            spread = self._coordinates.cloud(_CLOUD * self._field.worth.starts, rng)
            around = [self._coordinates.shaken(np.repeat(near, 48, axis=0), size, rng) for size in (0.02, 0.1)]
            return np.vstack([spread, *around]), False
        spread = self._coordinates.of(self._untaken(seed))
        if self._counted or not len(spread):
            return spread, True
        return np.vstack([spread, *self._between(near, spread, rng)]), False

    def _untaken(self, seed: int) -> list[dict[str, Value]]:
        """Return points of a space with constraints that are not taken: drawn once a batch, for it takes long."""
        self._drawn = [point for point in self._drawn if self._space.key(point) not in self._taken]
        if not self._drawn:
            asked = _COUPLED + len(self._taken)
            drawn = self._space.sample(asked, seed)
            self._counted = len(drawn) < asked and not self._space.nonlinear
            self._drawn = [point for point in drawn if self._space.key(point) not in self._taken]
        return self._drawn

    def _best_known(self) -> Array:
        """Return the known points (`b x K`) that are worth most: near to them improvements often lie."""
        if not len(self._known):
            return self._coordinates.of([])
        order = np.argsort(-self._field.worth.values(self._known), kind="stable")[:6]
        return self._coordinates.of([self._points[i] for i in order if self._space.contains(self._points[i])][:2])

    def _between(self, near: Array, spread: Array, rng: np.random.Generator) -> list[Array]:
        """Return points on short ways from `near` ones to others: linear constraints hold all along."""
        found = []
        others = np.array([self._coordinates.held(one) for one in spread])
        for s in near:
            held = self._coordinates.held(s)
            alike = spread[(others == held).all(axis=1)]
            alike = alike[(alike[:, held] == s[held]).all(axis=1)][:48]
            found.append(s + 0.2 * rng.random((len(alike), 1)) * (alike - s))
        return found

    def _starts(self, worths: Array, rng: np.random.Generator) -> NDArray[np.int64]:
        """Return the best places and as many others, the better the likelier."""
        half = self._field.worth.starts // 2
        order = np.argsort(-worths, kind="stable")
        rest = order[half:]
        if not len(rest):
            return order
        spread = float(np.std(worths[rest])) or 1.0
        chance = np.exp((worths[rest] - worths[rest].max()) / spread)
        picked = rng.choice(rest, size=min(half, len(rest)), replace=False, p=chance / chance.sum())
        return np.concatenate([order[:half], picked])

    def _staying(self, starts: Array, rng: np.random.Generator) -> list[Array]:
        """Return places climbed to with what is dear to change left as it was, as far as constraints let it."""
        previous = None if self._toll is None else self._toll.previous
        if self._toll is None or previous is None or not all(name in previous for name in self._toll.dear):
            return []
        still = np.isin(self._space.names, self._toll.dear)
        moved = [
            self._space.snap({**self._coordinates.point(one), **{name: previous[name] for name in self._toll.dear}})
            for one in starts
        ]
        return [Climb(self._field, rng, still).climbed(self._coordinates.of(moved))]
