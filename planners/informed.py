"""A Gaussian process that follows trends, and whether it should: transfer that must not harm.

The quantity is `a + sum of rho_k m_k(x) + g(x)`: `m_k` what is known beforehand, `g` a Gaussian process of what that
leaves, in the form of Kennedy and O'Hagan 2000 (Biometrika 87, 1). The offset `a` is free; the factors `rho_k` are
normal around 1 (1 / K of K trends) with a deviation of 0.5, and free to go to 0. What a source does not know of its own
mean counts with the square of its factor.

Following is weighed against leaving aside by how well each foretells the campaign's own trials, each left out in turn
(the idea of Feurer et al. 2018, arXiv 1802.02219). The likelier one is what is told; improvements are expected by both,
weighed: a source that keeps a planner away from where it is wrong would otherwise never be found out. For the weighing an
offset is most likely small, so that the first trial already tells a source that promised far too much there.

Notation: `n` trials, `d` encoded columns, `K` trends, `N` points. Values are standardized unless said otherwise.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from autolab.planners.factors import cholesky, inverted
from autolab.planners.fitting import Fitting, Regressors, fit
from autolab.planners.priors import Spread, priors
from autolab.planners.process import Hyperparameters, Process
from autolab.planners.surrogate import Kind, Models, Surrogate, Trust, noise_of, surrogate_of

if TYPE_CHECKING:
    from autolab.planners.evidence import Evidence
    from autolab.planners.kernels import Shape
    from autolab.planners.process import Pull
    from autolab.planners.trends import Trend

Array = NDArray[np.float64]

HELPS = 0.7
"""Probability that what is known beforehand helps, before any trial."""
DEVIATION = 0.5
"""Of a factor, before any trial."""
_REST = Spread(math.log(0.3), 1.0)  # variance of what trends leave, in units of the quantity's own
_OFFSETS = ((0.8, 1.0), (0.2, 100.0))
"""Probabilities, and variances of an offset from the middle of what was known: few campaigns lie far from one another."""
_FAINT = 0.1  # a factor is less where a past is in another unit: what it leaves must not be measured by its spread
_FITTED = 3  # trials from which hyperparameters are fitted
_STEADY = 3.0  # trials that a source's deviation counts as


class Informed(Process):
    """A process whose mean follows trends.

    Args:
        x: `n x d` encoded points.
        y: `n` standardized outcomes.
        shape: Of the covariance of what trends leave.
        hyper: Hyperparameters, with a factor a trend.
        trends: In the quantity's unit.
        center: What was taken off the outcomes.
        scale: What they were divided by then.

    Attributes:
        unsure: Trends with a covariance, each after the factor of that covariance in standardized values.
    """

    def __init__(
        self,
        x: Array,
        y: Array,
        shape: Shape,
        hyper: Hyperparameters,
        trends: Sequence[Trend],
        center: float,
        scale: float,
    ) -> None:
        self.trends, self.center, self.scale = tuple(trends), center, scale
        self._follows = list(zip(hyper.factors, self.trends, strict=True))
        self.unsure = [(factor**2 / scale**2, one) for factor, one in self._follows if not one.sure]
        super().__init__(x, y, shape, hyper)

    def mean(self, x: Array) -> Array:
        """Return the prior mean `N`: offset and trends."""
        told = [factor * (one.mean(x) - self.center) / self.scale for factor, one in self._follows]
        return np.asarray(self.hyper.mean + np.sum(told, axis=0))

    def mean_slopes(self, x: Array) -> Array:
        """Return its derivative `N x d`."""
        return np.asarray(np.sum([factor / self.scale * one.slopes(x) for factor, one in self._follows], axis=0))

    def variance(self, x: Array) -> Array:
        """Return the prior variance `N`."""
        return super().variance(x) + self._summed([unit * one.variance(x) for unit, one in self.unsure])

    def variance_slopes(self, x: Array) -> Array:
        """Return its derivative `N x d`."""
        return super().variance_slopes(x) + self._summed([unit * one.variance_slopes(x) for unit, one in self.unsure])

    def covariance(self, a: Array, b: Array) -> Array:
        """Return the prior covariance `N x M`."""
        return self.stationary(a, b) + self._summed([unit * one.covariance(a, b) for unit, one in self.unsure])

    def across(self, a: Array, b: Array) -> tuple[Array, Pull]:
        """Return the prior covariance, and what makes its derivatives."""
        own, pull_own = super().across(a, b)
        others = [(unit, *one.across(a, b)) for unit, one in self.unsure]

        def pull(weights: Array) -> Array:
            return pull_own(weights) + self._summed([unit * one(weights) for unit, _, one in others])

        return own + self._summed([unit * value for unit, value, _ in others]), pull

    def _summed(self, parts: list[Array]) -> Array | float:
        return np.sum(parts, axis=0) if parts else 0.0


def informed_models(evidence: Evidence, kind: Kind, trends: Sequence[Sequence[Trend]]) -> Models:
    """Return a fitted model of each quantity, that follows its trends where this foretells better.

    Args:
        evidence: What is known; where it has fewer than 2 trials every quantity must have a trend.
        kind: What is supposed of each quantity.
        trends: Of each quantity, in the order of `Problem.outcome_names`.
    """
    return Models(tuple(_chosen(evidence, i, kind, some) for i, some in enumerate(trends)))


def _chosen(evidence: Evidence, i: int, kind: Kind, trends: Sequence[Trend]) -> Surrogate:
    x, values, error = evidence.x, evidence.y[:, i], evidence.error[:, i]
    if not trends:
        return surrogate_of(x, values, error, kind)
    follows = following(x, values, error, kind, trends)
    factors = follows.process.hyper.factors
    if not len(x):
        return replace(follows, trust=Trust(HELPS, factors))
    if len(x) >= _FITTED and max(map(abs, factors)) < _FAINT and not all(one.sure for one in trends):
        return replace(surrogate_of(x, values, error, kind), trust=Trust(0.0, factors))
    aside = _aside(x, values, error, follows)
    odds = math.log(HELPS / (1 - HELPS)) + foresight(follows, trends) - foresight(aside, trends)
    trust = Trust(1.0 / (1.0 + math.exp(-min(max(odds, -500.0), 500.0))), factors)
    if len(x) < 2:
        return replace(follows, trust=trust)
    plain = surrogate_of(x, values, error, kind)
    one, other = (follows, plain) if trust.followed else (plain, follows)
    return replace(one, trust=trust, other=other)


def _aside(x: Array, values: Array, error: Array, follows: Surrogate) -> Surrogate:
    """Return the model that leaves trends aside, with the other's unit: its own would be told by what it foretells."""
    center, scale, kind = follows.center, follows.scale, follows.kind
    process = fit(x, (values - center) / scale, noise_of(error / scale), kind.shape, kind.prior)
    return Surrogate(process, center, scale, kind)


def following(x: Array, values: Array, error: Array, kind: Kind, trends: Sequence[Trend]) -> Surrogate:
    """Return the fitted model that follows trends.

    Args:
        x: `n x d` encoded points; none will do.
        values: `n`, in the user's unit.
        error: `n` standard errors; NaN where unknown.
        kind: What is supposed of what the trends leave.
        trends: Of the quantity.
    """
    center, scale = _unit(values, trends)
    y, noise = (values - center) / scale, noise_of(error / scale)
    prior = replace(priors(kind.prior, x.shape[1]), outputscale=_REST)
    factors = np.full(len(trends), 1.0 / len(trends))
    for _ in range(1 if all(one.sure for one in trends) else 2):  # what is not known grows with the factors
        told = _regressors(x, trends, factors, center, scale)
        task = Fitting(x, y, noise, kind.shape, prior, told)
        hyper = task.hyper(task.best() if len(x) >= _FITTED else task.start) if len(x) else _before(task, factors)
        factors = np.array(hyper.factors)
    return Surrogate(Informed(x, y, kind.shape, hyper, trends, center, scale), center, scale, kind)


def _unit(values: Array, trends: Sequence[Trend]) -> tuple[float, float]:
    """Return center and scale: those of a few trials say less than those of what was known before."""
    spread = float(np.mean([one.spread for one in trends]))
    n = len(values)
    if n >= _FITTED and all(one.sure for one in trends):  # a formula may be right but for its unit
        own = float(values.std(ddof=1))
        return float(values.mean()), own if own > 0 else 1.0
    center = float(values.mean()) if n else float(np.mean([one.center for one in trends]))
    own = float(values.var()) if n else 0.0
    return center, math.sqrt((n * own + _STEADY * spread**2) / (n + _STEADY)) or 1.0


def _regressors(x: Array, trends: Sequence[Trend], factors: Array, center: float, scale: float) -> Regressors:
    columns = np.column_stack([(one.mean(x) - center) / scale for one in trends])
    unsure = np.zeros((len(x), len(x)))
    for factor, one in zip(factors, trends, strict=True):
        unsure += (factor / scale) ** 2 * one.covariance(x, x)
    k = len(trends)
    return Regressors(columns, unsure, np.full(k, 1.0 / k), np.full(k, DEVIATION**-2))


def _before(task: Fitting, factors: Array) -> Hyperparameters:
    """Return the hyperparameters before any trial."""
    scales, outputscale = task.expected
    return Hyperparameters(scales, outputscale, np.zeros(0), 0.0, True, tuple(factors.tolist()))


def foresight(model: Surrogate, trends: Sequence[Trend]) -> float:
    """Return the log density of trials, each left out in turn, in the quantity's unit.

    Offset and factors are averaged over, so that a model with more of them has no advantage from that.

    Args:
        model: That follows the trends, or leaves them aside.
        trends: Around whose middle the offset is expected.
    """
    process = model.process
    columns, factor = [np.ones(len(process.x))], 0.0
    if isinstance(process, Informed):
        columns += [(one.mean(process.x) - one.center) / model.scale for one in trends]
        factor = 1.0 / len(trends)
    basis, others = np.column_stack(columns), len(columns) - 1
    middle = (float(np.mean([one.center for one in trends])) - model.center) / model.scale
    y = process.y - basis @ np.array([middle, *[factor] * others])
    covariance = process.covariance(process.x, process.x) + np.diag(process.hyper.noise)
    told = []
    for probability, offset in _OFFSETS:
        inverse = inverted(cholesky(covariance + (basis * [offset, *[DEVIATION**2] * others]) @ basis.T))
        variance = 1.0 / np.diag(inverse)
        missed = variance * (inverse @ y)
        density = -0.5 * missed**2 / variance - 0.5 * np.log(2 * np.pi * variance) - math.log(model.scale)
        told.append(math.log(probability) + float(density.sum()))
    return float(np.logaddexp.reduce(told))
