"""`FarthestPoint` and `KMedoids`: points that stand for a pool or a space, whatever its shape.

Distances are Euclidean between encoded points. Points that were tried or are under way count as chosen already.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from autolab.model.suggestion import Suggestion
from autolab.planners.batches import as_batch
from autolab.planners.designs import farthest
from autolab.planners.evidence import gather
from autolab.planners.pool import greatest, untried

if TYPE_CHECKING:
    from autolab.model.problem import Problem
    from autolab.model.trial import Point, Trial

Array = NDArray[np.float64]

_OBJECTS = 1500
_POOL = 50_000
_DRAWN = 2048
_PASSES = 20


@dataclass(frozen=True)
class FarthestPoint:
    """One after another the point farthest from all others: the ends of a space and a pool first (Gonzalez 1985).

    The worst distance of any point to its nearest chosen one is at most twice the least possible.
    """

    @as_batch
    def suggest(
        self, problem: Problem, history: Sequence[Trial], *, n: int, pending: Sequence[Point] = (), seed: int
    ) -> list[Suggestion]:
        """Return `n` distinct points.

        Raises:
            PlannerError: Fewer than `n` points are left in the space.
            ValueError: `n` is less than 1.
        """
        evidence, space = gather(problem, history, pending), problem.space
        most = _POOL if hasattr(space, "table") else max(_DRAWN, 16 * n)
        points = untried(space, n, evidence.taken, seed, most=most)
        chosen = farthest(space.encode(points), n, evidence.known)
        return [Suggestion(points[i], {"rule": "farthest"}) for i in chosen]


@dataclass(frozen=True)
class KMedoids:
    """The `n` points which the others lie nearest to: one amid each cluster of a pool.

    Kaufman, Rousseeuw 1987 (build, then swap); of more than 1500 points a random part of so many stands for the pool
    (their CLARA, 1990). Where clusters were tried already, the rest is stood for.
    """

    @as_batch
    def suggest(
        self, problem: Problem, history: Sequence[Trial], *, n: int, pending: Sequence[Point] = (), seed: int
    ) -> list[Suggestion]:
        """Return `n` distinct points, the one that stands for most first.

        Raises:
            PlannerError: Fewer than `n` points are left in the space.
            ValueError: `n` is less than 1.
        """
        evidence, space = gather(problem, history, pending), problem.space
        points = untried(space, n, evidence.taken, seed, most=_OBJECTS)
        chosen = medoids(space.encode(points), n, evidence.known)
        return [Suggestion(points[i], {"rule": "k_medoids"}) for i in chosen]


def medoids(objects: Array, n: int, known: Array) -> list[int]:
    """Return `n` places in `objects` (`N x d`) whose points, with `known` (`k x d`) ones, have all others near.

    Least sum over the objects of the distance to the nearest of them, to where no single exchange lessens it.
    """
    apart = _distances(objects, objects)
    start = _distances(objects, known).min(axis=1) if len(known) else np.full(len(objects), np.inf)
    chosen: list[int] = []
    near = start
    for _ in range(n):
        totals = np.minimum(near[:, None], apart).sum(axis=0)
        totals[chosen] = np.inf
        chosen.append(greatest(-totals))
        near = np.minimum(near, apart[:, chosen[-1]])
    for _ in range(_PASSES):
        if not _swapped(apart, start, chosen):
            break
    return chosen


def _swapped(apart: Array, start: Array, chosen: list[int]) -> bool:
    """Exchange each chosen place for the best other one, in place; return whether any exchange paid."""
    changed = False
    for i in range(len(chosen)):
        others = chosen[:i] + chosen[i + 1 :]
        rest = np.minimum(start, apart[:, others].min(axis=1)) if others else start
        totals = np.minimum(rest[:, None], apart).sum(axis=0)
        totals[others] = np.inf
        best = greatest(-totals)
        if totals[best] < totals[chosen[i]] * (1 - 1e-9):
            chosen[i], changed = best, True
    return changed


def _distances(a: Array, b: Array) -> Array:
    """Return Euclidean distances, `len(a) x len(b)`."""
    from scipy.spatial.distance import cdist  # loaded late: tenths of a second

    return np.asarray(cdist(a, b))
