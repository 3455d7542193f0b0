"""Latin hypercubes where levels cannot be chosen freely: of a pool, the points that spread each column as it should be.

Conditioned Latin hypercubes (Minasny, McBratney 2006): each encoded column is cut into as many equally likely strata
as there are runs (or has its values as strata where these are fewer), and points are chosen by exchange so that each
stratum holds its share. Among equals the point farthest from the others is taken.

Notation: `N` points of the pool, `d` columns, `r` runs, `b` strata in all columns together.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from autolab.planners.pool import greatest

Array = NDArray[np.float64]
Places = NDArray[np.int64]

_PASSES = 10
_APART = 1e-3  # weight of the distance to the others against a stratum held once too often


class Strata:
    """The strata of each column of a pool, and the share of `r` runs that each should hold.

    Args:
        pool: `N x d`.
        runs: `r`.
    """

    def __init__(self, pool: Array, runs: int) -> None:
        self._cuts = [_cuts(column, runs) for column in pool.T]
        self._start = np.cumsum([0, *(len(cut) + 1 for cut in self._cuts)])
        self.wanted = runs * self.counts(self.places(pool)) / len(pool)

    def places(self, points: Array) -> Places:
        """Return `n x d`: the stratum of each column, numbered through all columns."""
        inside = [np.searchsorted(cut, column, side="right") for cut, column in zip(self._cuts, points.T, strict=True)]
        return np.asarray(np.stack(inside, axis=1) + self._start[:-1])

    def counts(self, places: Places) -> Array:
        """Return `b`: how many of the points each stratum holds."""
        return np.bincount(places.ravel(), minlength=int(self._start[-1])).astype(float)

    def misfit(self, points: Array) -> float:
        """Return the sum over strata of the squared difference between points held and wanted."""
        return float(((self.counts(self.places(points)) - self.wanted) ** 2).sum())


def _cuts(column: Array, runs: int) -> Array:
    values = np.unique(column)
    if len(values) <= runs:
        return np.asarray((values[1:] + values[:-1]) / 2)
    return np.unique(np.quantile(column, np.arange(1, runs) / runs))


def conditioned(pool: Array, n: int, runs: int, known: Array, rng: np.random.Generator) -> list[int]:
    """Return `n` places in `pool` (`N x d`) that with `known` (`k x d`) come nearest to a Latin hypercube of `runs`.

    Where nothing is known the search starts from a point at random.
    """
    strata = Strata(np.vstack([pool, known]), runs)
    places = strata.places(pool)
    counts = strata.counts(strata.places(known))
    chosen = [] if len(known) else [int(rng.integers(len(pool)))]
    for place in chosen:
        counts[places[place]] += 1
    while len(chosen) < n:
        best = _best(pool, places, counts - strata.wanted, chosen, known)[0]
        chosen.append(best)
        counts[places[best]] += 1
    for _ in range(_PASSES):
        changed = False
        for i in range(n):
            counts[places[chosen[i]]] -= 1
            others = chosen[:i] + chosen[i + 1 :]
            best, costs = _best(pool, places, counts - strata.wanted, others, known)
            if costs[best] < costs[chosen[i]] - 1e-9:
                chosen[i], changed = best, True
            counts[places[chosen[i]]] += 1
        if not changed:
            break
    return chosen


def _best(pool: Array, places: Places, excess: Array, others: list[int], known: Array) -> tuple[int, Array]:
    """Return the place whose point costs least to add, and what each costs."""
    costs = (2 * excess + 1)[places].sum(axis=1)
    near = np.vstack([known, pool[others]])
    if len(near):
        from scipy.spatial import KDTree  # loaded late: tenths of a second

        costs = costs - _APART * np.asarray(KDTree(near).query(pool)[0])
    costs[others] = np.inf
    return greatest(-costs), costs
