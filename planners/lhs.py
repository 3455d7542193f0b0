"""`LatinHypercube`: each parameter evenly covered by as many levels as there are runs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from autolab.model.candidates import Candidates
from autolab.model.parameters import Categorical
from autolab.model.suggestion import Suggestion
from autolab.planners.batches import as_batch
from autolab.planners.conditioned import conditioned
from autolab.planners.designs import evenest, farthest
from autolab.planners.evidence import gather
from autolab.planners.pool import encoded, enough, untried
from autolab.planners.runs import check_number, used_up

if TYPE_CHECKING:
    from autolab.model.problem import Problem
    from autolab.model.space import Space
    from autolab.model.trial import Point, Trial, Value

Array = NDArray[np.float64]
Key = tuple["Value", ...]

_POOL = 20_000
_DRAWN = 1024
_ORDERED = 64  # points; more are given out as they were drawn
_EVEN_UP_TO = 12  # columns: see designs


@dataclass(frozen=True)
class LatinHypercube:
    """A Latin hypercube (McKay, Beckman, Conover 1979) of least centered discrepancy, begun or completed.

    With `runs`, that many strata a parameter are filled by all calls together, one point in each. A call goes on with the
    design that history was begun with (`info["drawn"]`, its seed); where that cannot be told, or points of others are
    there, the strata that are not filled yet are. Without `runs`, the points asked for fill the strata that those tried
    leave open. In a space with constraints or mixtures, and in a table of candidates, the
    points are chosen from feasible ones (a conditioned Latin hypercube): strata are filled as far as the space allows.

    Attributes:
        runs: Points in all, those of history and pending included; None for no end.

    >>> from autolab.model.objectives import Objective
    >>> from autolab.model.parameters import Real
    >>> from autolab.model.problem import Problem
    >>> from autolab.model.space import Space
    >>> problem = Problem(Space([Real("rate", 0.0, 1.0), Real("T", 20.0, 60.0)]), [Objective("yield_")])
    >>> sorted(int(5 * point["rate"]) for point in LatinHypercube().suggest(problem, [], n=5, seed=7))
    [0, 1, 2, 3, 4]
    """

    runs: int | None = None

    def __post_init__(self) -> None:
        if self.runs is not None:
            check_number("runs", self.runs, 1)

    @as_batch
    def suggest(
        self, problem: Problem, history: Sequence[Trial], *, n: int, pending: Sequence[Point] = (), seed: int
    ) -> list[Suggestion]:
        """Return `n` distinct points.

        Raises:
            DesignUsedUp: Fewer than `n` of `runs` are left.
            PlannerError: Fewer than `n` points are left in the space.
            ValueError: `n` is less than 1.
        """
        evidence, space = gather(problem, history, pending), problem.space
        strata = self.runs if self.runs is not None else len(evidence.taken) + n
        left = max(0, strata - len(evidence.taken))
        if n > left:
            raise used_up(n, left, strata, "lhs")
        drawn = self._drawn(history, seed)
        points = self._begun(space, evidence.taken, drawn) or _completed(
            space, left, strata, evidence.known, evidence.taken, seed
        )
        enough(points, n, evidence.taken)
        return [Suggestion(point, {"rule": "lhs", "runs": strata, "drawn": drawn}) for point in points[:n]]

    def _drawn(self, history: Sequence[Trial], seed: int) -> int:
        """Return the seed that a design of as many runs in history was drawn with, or this call's."""
        for trial in history:
            info = trial.info
            ours = not trial.invalidated and info.get("rule") == "lhs" and info.get("runs") == self.runs
            if ours and isinstance(drawn := info.get("drawn"), int):
                return drawn
        return seed

    def _begun(self, space: Space | Candidates, taken: frozenset[Key], seed: int) -> list[dict[str, Value]]:
        """Return the rest of the design that this seed draws, where all that was tried is of it; else nothing."""
        if self.runs is None or not taken:
            return []
        whole = _completed(space, self.runs, self.runs, encoded(space, []), frozenset(), seed)
        rest = [point for point in whole if space.key(point) not in taken]
        return rest if len(rest) == len(whole) - len(taken) else []


def _completed(
    space: Space | Candidates, m: int, strata: int, known: Array, taken: frozenset[Key], seed: int
) -> list[dict[str, Value]]:
    """Return `m` points (fewer where the space has no more) that complete a hypercube, the most telling first."""
    if isinstance(space, Candidates) or not space.is_box:
        most = _POOL if isinstance(space, Candidates) else max(_DRAWN, 8 * m)
        points = untried(space, 0, taken, seed, most=most)
        if not points:
            return []
        count, rng = min(m, len(points)), np.random.default_rng(seed)
        return [points[i] for i in conditioned(space.encode(points), count, strata, known, rng)]
    points = _distinct(space, _in_open_strata(space, m, strata, known, seed), taken, m, seed)
    numeric = len(space.columns) <= _EVEN_UP_TO and not any(isinstance(axis, Categorical) for axis in space.axes)
    if not numeric or len(points) > _ORDERED:
        return points
    return [points[i] for i in evenest(space.encode(points), len(points), known)]


def _in_open_strata(space: Space, m: int, strata: int, known: Array, seed: int) -> list[dict[str, Value]]:
    """Return `m` points, on each axis one in each of `m` strata that no known point lies in."""
    from scipy.stats import qmc  # loaded late: a second

    rng = np.random.default_rng(seed)
    at = quantiles(space, known)
    spread = qmc.LatinHypercube(len(space.axes), optimization="random-cd" if m > 1 else None, rng=rng).random(m)
    ranks = np.minimum((spread * m).astype(int), m - 1)
    within = spread * m - ranks
    for i in range(len(space.axes)):
        held = np.minimum((np.clip(at[:, i], 0.0, 1.0) * strata).astype(int), strata - 1)
        free = np.setdiff1d(np.arange(strata), held)
        free = np.sort(rng.choice(free, m, replace=False))  # known points may share strata, which leaves more open
        spread[:, i] = (free[ranks[:, i]] + within[:, i]) / strata
    return space.at_quantiles(spread)


def quantiles(space: Space, known: Array) -> Array:
    """Return where encoded points (`k x d`) of a space without constraints lie on each axis's share of 0..1, `k x K`.

    A value of a grid has an equal share of 0..1; points of one value lie evenly over its share.
    """
    at, start = np.zeros((len(known), len(space.axes))), 0
    for i, axis in enumerate(space.axes):
        columns = known[:, start : start + axis.width]
        start += axis.width
        if axis.grid is None:
            at[:, i] = columns[:, 0]
            continue
        values = axis.encode(list(axis.grid))
        places = ((columns[:, None, :] - values[None]) ** 2).sum(axis=2).argmin(axis=1)
        for value in np.unique(places):
            (same,) = np.nonzero(places == value)
            at[same, i] = (value + (np.arange(len(same)) + 0.5) / len(same)) / len(axis.grid)
    return at


def _distinct(
    space: Space, points: list[dict[str, Value]], taken: frozenset[Key], m: int, seed: int
) -> list[dict[str, Value]]:
    """Return the points that are new, and in the place of others (grids have few values) the farthest from all."""
    new = {space.key(point): point for point in points}
    kept = [point for key, point in new.items() if key not in taken]
    if len(kept) < m:
        known = taken | frozenset(new)
        rest = [point for point in space.sample(len(known) + max(256, m), seed) if space.key(point) not in known]
        more = min(m - len(kept), len(rest))
        kept += [rest[i] for i in (farthest(space.encode(rest), more, encoded(space, kept)) if more else [])]
    return kept
