"""Exact optimal designs by exchange over candidates.

Notation: `N` candidates, `p` terms, `k` known runs, `m` new ones. `G` (`N x p`) holds the candidates' terms, `M`
(`p x p`) the sum of `g g'` over known and new runs: the information.

| criterion | makes | gain of a candidate `g` added to `A = inv(M)` |
|---|---|---|
| `D` | `det M` greatest | `g' A g` |
| `I` | `trace(A B)` least, the mean variance of predictions; `B` the mean of `g g'` over the region | `g' A B A g / (1 + g' A g)` |

Fedorov 1972; an exchange at a time as in Cook, Nachtsheim 1980.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from autolab.planners.pool import greatest

Array = NDArray[np.float64]
Criterion = Literal["D", "I"]

_RIDGE = 1e-6  # of information that fewer runs than terms start from (DuMouchel, Jones 1994)
_PASSES = 30
_STARTS = 8
_DEAR = 2e8  # multiplications in a pass; above, one start must do


@dataclass(frozen=True)
class Exchange:
    """A search for `m` of `N` candidates.

    Attributes:
        terms: `N x p`, of the candidates.
        known: `k x p`, of the runs made.
        moments: `p x p`, the mean of `g g'` over the region that is predicted in.
        criterion: `D` or `I`.
    """

    terms: Array
    known: Array
    moments: Array
    criterion: Criterion

    def best(self, m: int, rng: np.random.Generator) -> list[int]:
        """Return `m` distinct places, in the order in which each adds most; the best of several starts."""
        count, p = self.terms.shape
        starts = [self._added([], m)]
        if m * count * p * p < _DEAR:
            starts += [[int(i) for i in rng.choice(count, m, replace=False)] for _ in range(_STARTS - 1)]
        found = [self._exchanged(start) for start in starts]
        best = found[greatest(np.array([self.score(one) for one in found]))]
        return self._added([], m, among=best)

    def score(self, chosen: list[int]) -> float:
        """Return what the criterion gives known and chosen runs; more is better."""
        information = self._information(chosen)
        if self.criterion == "D":
            return float(np.linalg.slogdet(information)[1])
        return -float(np.trace(np.linalg.solve(information, self.moments)))

    def variance(self, chosen: list[int]) -> float | None:
        """Return the mean variance of predictions, that of one run being 1; None while a term is not settled."""
        g = np.vstack([self.known, self.terms[chosen]])
        if np.linalg.matrix_rank(g) < g.shape[1]:
            return None
        return float(np.trace(np.linalg.solve(g.T @ g, self.moments)))

    def _information(self, chosen: list[int]) -> Array:
        g = np.vstack([self.known, self.terms[chosen]])
        return np.asarray(g.T @ g + _RIDGE * np.eye(g.shape[1]))

    def _gains(self, inverse: Array) -> Array:
        ahead = self.terms @ inverse
        variance = np.einsum("np,np->n", ahead, self.terms)
        if self.criterion == "D":
            return np.asarray(variance)
        return np.asarray(np.einsum("np,np->n", ahead @ self.moments, ahead) / (1 + variance))

    def _added(self, chosen: list[int], m: int, among: list[int] | None = None) -> list[int]:
        """Return `chosen` and one after another the candidates that add most, `m` in all."""
        chosen = list(chosen)
        while len(chosen) < m:
            gains = self._gains(_inverse(self._information(chosen)))
            gains[chosen] = -np.inf
            chosen.append(greatest(gains) if among is None else among[greatest(gains[among])])
        return chosen

    def _exchanged(self, chosen: list[int]) -> list[int]:
        """Return places from which no exchange of one run for a candidate gains any more."""
        chosen = list(chosen)
        for _ in range(_PASSES):
            changed = False
            for i in range(len(chosen)):
                others = chosen[:i] + chosen[i + 1 :]
                gains = self._gains(_inverse(self._information(others)))
                gains[others] = -np.inf
                best = greatest(gains)
                if gains[best] > gains[chosen[i]] * (1 + 1e-7):
                    chosen[i], changed = best, True
            if not changed:
                break
        return chosen


def _inverse(information: Array) -> Array:
    return np.asarray(np.linalg.inv(information), dtype=float)
