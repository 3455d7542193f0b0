"""The expected improvement of one objective on noisy data, in closed form, with its derivative.

What is improved on is the best of the values that the model expects where something was measured, for the best value that
was measured may be lucky. What is pending is not known: its true values are sampled from the posterior. Given a sample the
rest is closed: expected improvement in its log form (Ament et al. 2023), times the probability that the outcome constraints
hold. Its mean over the samples, times the share of the variance there that one measurement would explain, is the worth of a
point: beside a trial noise hides what is left to learn (Huang et al. 2006 take the share of the deviation).

Once nothing gets better the best may be asked to be surpassed by a margin (Lizotte 2008): then a point is worth more whose
value is less known.

botorch samples the true values at the trials, too (Letham et al. 2019): that was measured and left, see decision 0022.

Notation: `B` points that are measured or pending, `S` samples (1 where nothing is sampled), `N` points asked about, `d`
encoded columns. Values are standardized, and turned so that more is better.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import erfcx, log_ndtr, ndtr

from autolab.planners.factors import cholesky, halved, solve
from autolab.planners.windows import windows

if TYPE_CHECKING:
    from autolab.model.problem import Problem
    from autolab.planners.evidence import Evidence
    from autolab.planners.feasibility import Success
    from autolab.planners.surrogate import Models, Surrogate

Array = NDArray[np.float64]

_SAMPLES = 32
_JITTER = 1e-6
_CHUNK = 4096
CAUTION = 8.0
"""The power of the probability of success that a gain is weighed by; 1 more for each of the last trials that failed.

Of 2, 4, 8 and 16: up to 8 fewer trials fail, where failures have a place, with as many experiments to the optimum; 16
was not clearly better.
"""
_LOG_ROOT_2PI = 0.5 * math.log(2 * math.pi)


class Improvement:
    """Log of the expected improvement in the objective's unit, times what it is weighed by: see this module.

    Args:
        problem: One objective without a target, and outcome constraints.
        evidence: What is known.
        models: Of all quantities.
        success: Probability of success; None while nothing has failed.
        seed: Of the samples.
        unit: The gain's, in the objective's unit; None for the model's scale.
        margin: By how much the best is to be surpassed for anything to be gained, in the models' standardized values.
    """

    starts = 8

    def __init__(
        self,
        problem: Problem,
        evidence: Evidence,
        models: Models,
        success: Success | None,
        seed: int,
        unit: float | None = None,
        margin: float = 0.0,
    ) -> None:
        self._problem, self._models, self._success, self._seed = problem, models, success, seed
        self._caution = CAUTION + evidence.streak  # a planner that goes on failing grows more careful
        self._known = np.unique(evidence.x[evidence.inside], axis=0)
        self._pending = evidence.pending
        self._unit = math.log(models.each[0].scale if unit is None else unit)
        self._sign, self._margin = problem.objectives[0].sign, margin
        self._noise = (models.each[0].noise / models.each[0].scale) ** 2
        units = [(one.center, one.scale) for one in models.each]
        self._windows = [one.scaled(*units[one.place]) for one in windows(problem)]
        self._sample()

    def add_pending(self, x: Array) -> None:
        """Count encoded points (`q x d`) as under way."""
        self._pending = np.vstack([self._pending, x])
        self._sample()

    def _sample(self) -> None:
        """Draw the true values of what is pending, and note the best that is known in each sample."""
        rng = np.random.default_rng(self._seed)
        self._sampled = [_Sampled(one, self._known, self._pending, rng) for one in self._models.each]
        goal = self._sign * self._sampled[0].values
        kept = np.ones_like(goal, dtype=bool)
        for window in self._windows:
            kept &= window.holds(self._sampled[window.place].values)
        if not len(goal):  # nothing but what is known beforehand: better than its middle is an improvement
            self._best = np.full(goal.shape[1], self._margin)
            return
        best = np.where(kept, goal, -np.inf).max(axis=0)
        # where nothing keeps the constraints any point that does is an improvement, a good one more so
        self._best = np.where(np.isfinite(best), best, goal.min(axis=0) - 1.0) + self._margin

    def values(self, x: Array) -> Array:
        """Return the log worth `N` of encoded points `N x d`."""
        parts = [self._worth(x[i : i + _CHUNK]) for i in range(0, len(x), _CHUNK)]
        return np.concatenate(parts) if parts else np.zeros(0)

    def _worth(self, x: Array) -> Array:
        means, variance = self._sampled[0].at(x)
        deviation = np.sqrt(variance)[:, None]
        logs = log_h((self._sign * means - self._best) / deviation) + np.log(deviation)
        explained, _ = self._explained(variance)
        for window in self._windows:
            means, variance = self._sampled[window.place].at(x)
            logs = logs + window.log_chance(means, np.sqrt(variance)[:, None])
        total = self._unit + _log_mean(logs) + explained
        if self._success is not None:
            total = total + self._caution * self._success.log_probability(x)
        return np.asarray(np.nan_to_num(total, nan=-1e300, neginf=-1e300))

    def _explained(self, variance: Array) -> tuple[Array, Array]:
        """Return the log of the share of a variance that one measurement explains, and its derivative by it."""
        both = variance + self._noise
        return np.log(variance / both), self._noise / (variance * both)

    def slopes(self, x: Array) -> tuple[Array, Array]:
        """Return the log worth `N`, and its derivative `N x d` by the encoded columns."""
        means, variance, by_mean, by_variance = self._sampled[0].slopes(x)
        deviation = np.sqrt(variance)[:, None]
        z = (self._sign * means - self._best) / deviation
        log_of_h = log_h(z)
        explained, by_explained = self._explained(variance)
        logs = log_of_h + np.log(deviation)
        # of EI = s h(z): Phi(z) by the mean, phi(z) by the deviation s
        to_mean = [(0, self._sign * np.exp(log_ndtr(z) - log_of_h) / deviation)]
        to_deviation = [(0, np.exp(-0.5 * z**2 - _LOG_ROOT_2PI - log_of_h) / deviation)]
        derivatives = {0: (by_mean, by_variance / (2 * deviation))}
        gradient = by_explained[:, None] * by_variance
        for window in self._windows:
            means, variance, by_mean, by_variance = self._sampled[window.place].slopes(x)
            deviation = np.sqrt(variance)[:, None]
            chance, of_mean, of_deviation = window.slopes(means, deviation)
            logs = logs + chance
            to_mean.append((window.place, of_mean))
            to_deviation.append((window.place, of_deviation))
            derivatives[window.place] = (by_mean, by_variance / (2 * deviation))
        total = self._unit + _log_mean(logs) + explained
        weights = np.exp(logs - logs.max(axis=1, keepdims=True))
        weights /= weights.sum(axis=1, keepdims=True)
        for place, factor in to_mean:
            gradient += derivatives[place][0](weights * factor)
        for place, factor in to_deviation:
            gradient += (weights * factor).sum(axis=1, keepdims=True) * derivatives[place][1]
        if self._success is not None:
            chance, by_x = self._success.slopes(x)
            total, gradient = total + self._caution * chance, gradient + self._caution * by_x
        return np.nan_to_num(total, nan=-1e300, neginf=-1e300), np.nan_to_num(gradient)


class Weighed:
    """Log of the improvement expected by two models, weighed.

    Args:
        first: By one model.
        other: By the other.
        weight: Of the first.
    """

    starts = 8

    def __init__(self, first: Improvement, other: Improvement, weight: float) -> None:
        self._parts = [(math.log(weight), first), (math.log1p(-weight), other)]

    def values(self, x: Array) -> Array:
        """Return the log worth `N` of encoded points `N x d`."""
        return np.asarray(np.logaddexp(*(log + one.values(x) for log, one in self._parts)))

    def slopes(self, x: Array) -> tuple[Array, Array]:
        """Return the log worth `N`, and its derivative `N x d` by the encoded columns."""
        (first, by_first), (other, by_other) = (one.slopes(x) for _, one in self._parts)
        first, other = first + self._parts[0][0], other + self._parts[1][0]
        total: Array = np.logaddexp(first, other)
        share = np.exp(first - total)[:, None]
        return total, share * by_first + (1.0 - share) * by_other

    def add_pending(self, x: Array) -> None:
        """Count encoded points (`q x d`) as under way."""
        for _, one in self._parts:
            one.add_pending(x)


class _Sampled:
    """A quantity's process, given samples of its true values at pending points.

    Args:
        surrogate: Of the quantity.
        known: Encoded points at which the expected value counts.
        pending: Encoded points at which samples do.
        rng: Of the samples.

    Attributes:
        values: `B x S`: what is expected, then the samples.
    """

    def __init__(self, surrogate: Surrogate, known: Array, pending: Array, rng: np.random.Generator) -> None:
        process = self._process = surrogate.process
        self._least = _JITTER * process.hyper.outputscale
        self._base, self._factor, self._weights = process.x, process.factor, process.weights[:, None]
        self.values = process.posterior(known)[0][:, None]
        if not len(pending):
            return
        mean, covariance = process.joint(pending)
        draws = rng.standard_normal((len(pending), _SAMPLES // 2))
        drawn = mean[:, None] + cholesky(covariance + self._least * np.eye(len(pending))) @ np.hstack([draws, -draws])
        self.values = np.vstack([np.repeat(self.values, _SAMPLES, axis=1), drawn])
        self._base = np.vstack([process.x, pending])
        y = np.vstack([np.repeat(process.y[:, None], _SAMPLES, axis=1), drawn])
        noise = np.concatenate([process.hyper.noise, np.full(len(pending), self._least)])
        self._factor = cholesky(process.covariance(self._base, self._base) + np.diag(noise))
        self._weights = solve(self._factor, y - process.mean(self._base)[:, None])

    def at(self, x: Array) -> tuple[Array, Array]:
        """Return the means `N x S` and the variance `N` (the same in each sample)."""
        across = self._process.covariance(x, self._base)
        half = halved(self._factor, across.T)
        variance = self._process.variance(x) - np.einsum("ij,ij->j", half, half)
        return self._process.mean(x)[:, None] + across @ self._weights, np.maximum(variance, self._least)

    def slopes(self, x: Array) -> tuple[Array, Array, Any, Array]:
        """Return means, variance, a function of factors `N x S` on the means' derivatives, the variance's `N x d`.

        The function returns the derivative `N x d` of the factors' sum with the means.
        """
        process, base = self._process, self._base
        across, pull = process.across(x, base)
        solved = solve(self._factor, across.T)
        variance = process.variance(x) - np.einsum("ij,ji->i", across, solved)
        by_variance = process.variance_slopes(x) - 2.0 * pull(solved.T)
        by_variance[variance < self._least] = 0.0
        of_mean = process.mean_slopes(x)

        def by_mean(factors: Array) -> Array:
            return np.asarray(pull(factors @ self._weights.T) + factors.sum(axis=1, keepdims=True) * of_mean)

        means = process.mean(x)[:, None] + across @ self._weights
        return means, np.maximum(variance, self._least), by_mean, by_variance


def log_h(z: Array) -> Array:
    """Return the log of `phi(z) + z Phi(z)`, also far below 0 (Ament et al. 2023, eq. 9).

    >>> log_h(np.array([0.0, -30.0])).round(3)
    array([  -0.919, -457.725])
    """
    near = z > -1.0
    safe = np.where(near, z, 0.0)
    above = np.log(np.exp(-0.5 * safe**2 - _LOG_ROOT_2PI) + safe * ndtr(safe))
    far = np.where(near, -1.0, z)
    tail = np.sqrt(0.5 * np.pi) * erfcx(-far / np.sqrt(2.0)) * np.abs(far)
    with np.errstate(divide="ignore"):
        rest = np.where(far > -1e5, np.log1p(-np.minimum(tail, 1.0)), -2.0 * np.log(np.abs(far)))
    return np.where(near, above, -0.5 * far**2 - _LOG_ROOT_2PI + rest)


def _log_mean(logs: Array) -> Array:
    top = logs.max(axis=1)
    return np.asarray(top + np.log(np.exp(logs - top[:, None]).mean(axis=1)))
