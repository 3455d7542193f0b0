"""Expected improvement of what trees expect, without gradients: closed, or by samples.

Notation: `N` points, `S` normal quantiles or samples, `m` quantities, `k` objectives.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from autolab.planners.trees import Array

if TYPE_CHECKING:
    from autolab.model.problem import Problem
    from autolab.planners.evidence import Evidence
    from autolab.planners.trees import Trees

_SAMPLES = 128
_AUGMENTED = 0.05  # of the sum beside the least weighed objective (Knowles 2006)


class Gains:
    """What a forest expects to gain at points.

    Args:
        problem: Goals and outcome constraints.
        evidence: Measured trials; those that keep the outcome constraints set the best so far.
        trees: Fitted.
        seed: Of the weights and samples where there are several objectives.
    """

    def __init__(self, problem: Problem, evidence: Evidence, trees: Trees, seed: int) -> None:
        from autolab.planners.windows import windows  # SciPy is loaded late: a second

        self._problem, self._trees = problem, trees
        self._caution = 1 + evidence.streak  # a planner that goes on failing grows more careful
        self._windows = windows(problem)
        self._draws = _draws(len(problem.objectives), seed)
        utilities = self._utilities(evidence.y[:, None, :])[:, 0]
        self._low, self._span = utilities.min(axis=0), np.maximum(np.ptp(utilities, axis=0), 1e-12)
        weights = np.random.default_rng(seed).dirichlet(np.ones(len(problem.objectives)))
        self._weights = weights if len(weights) > 1 else None
        kept = evidence.inside & self._kept(evidence.y)
        self._best = float(self._scalar(utilities[kept]).max()) if kept.any() else None

    def of(self, x: Array) -> Array:
        """Return `N`: the expected improvement at encoded points, times the probability that it counts.

        In the objective's unit for one objective; of the weighed sum of scaled objectives for several. Where no trial
        keeps the outcome constraints, the probability alone.
        """
        return self._parts(x)[0]

    def order(self, x: Array) -> Array:
        """Return places of encoded points, the best first; where no gain is expected, the most hopeful first."""
        gain, hope = self._parts(x)
        return np.asarray(np.lexsort((-hope, -gain)))

    def _parts(self, x: Array) -> tuple[Array, Array]:
        means, deviations = self._trees.predict(x)
        chance = self._chance(means, deviations)
        success = self._trees.success(x)
        if success is not None:
            chance = chance * success**self._caution
        wanted = [self._problem.outcome_names.index(one.name) for one in self._problem.objectives]
        samples = means[:, None, wanted] + deviations[:, None, wanted] * self._draws
        scalar = self._scalar(self._utilities(samples))
        hope = scalar.mean(axis=1) + scalar.std(axis=1)
        if self._best is None:
            return chance, hope
        if len(wanted) == 1 and self._problem.objectives[0].target is None:
            worth = self._utilities(means[:, wanted])[:, 0]
            return improvement(worth, deviations[:, wanted[0]], self._best) * chance, hope
        return np.maximum(scalar - self._best, 0).mean(axis=1) * chance, hope

    def _utilities(self, y: Array) -> Array:
        """Return `... x k` utilities of `... x m` quantities (objectives come first)."""
        return np.stack([one.utility(y[..., i]) for i, one in enumerate(self._problem.objectives)], axis=-1)

    def _scalar(self, utilities: Array) -> Array:
        """Return `...` of `... x k`: the utility, or the augmented Chebyshev sum of those scaled to 0..1."""
        if self._weights is None:
            return np.asarray(utilities[..., 0])
        weighed = self._weights * (utilities - self._low) / self._span
        return np.asarray(weighed.min(axis=-1) + _AUGMENTED * weighed.sum(axis=-1))

    def _kept(self, y: Array) -> NDArray[np.bool_]:
        kept = np.ones(len(y), dtype=bool)
        for window in self._windows:
            kept &= window.holds(y[:, window.place])
        return kept

    def _chance(self, means: Array, deviations: Array) -> Array:
        """Return the probability that the outcome constraints hold, `N`."""
        chance = np.ones(len(means))
        for window in self._windows:
            chance *= np.exp(window.log_chance(means[:, window.place], deviations[:, window.place]))
        return chance


def improvement(mean: Array, deviation: Array, best: float) -> Array:
    """Return the expected improvement of normal utilities over the best so far (Jones, Schonlau and Welch 1998).

    >>> improvement(np.array([0.0]), np.array([1.0]), 0.0).round(4)
    array([0.3989])
    """
    from scipy.special import ndtr

    u = (mean - best) / deviation
    return np.asarray(np.maximum(deviation * (u * ndtr(u) + np.exp(-(u**2) / 2) / np.sqrt(2 * np.pi)), 0))


def _draws(k: int, seed: int) -> Array:
    """Return `S x k` standard normal values: even quantiles of one, a scrambled Sobol sequence of several."""
    from scipy.special import ndtri
    from scipy.stats import qmc

    if k == 1:
        return np.asarray(ndtri((np.arange(_SAMPLES) + 0.5) / _SAMPLES))[:, None]
    return np.asarray(ndtri(qmc.Sobol(k, rng=np.random.default_rng(seed)).random(_SAMPLES).clip(1e-9, 1 - 1e-9)))
