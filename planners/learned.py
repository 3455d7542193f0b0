"""What the trials of a past campaign tell, as a trend: as it was, and where its axes may have been displaced since.

A sensor may have read high then, a stock may have been stronger: what was learned at `x` holds at `x + delta` now, with one
small `delta` for all points. To first order a trend `m(x)` is then `m(x) + slopes(x) . delta`, so that an unknown `delta`
adds a covariance `sum_j s_j^2 m_j'(a) m_j'(b)`, `s_j` the deviation of `delta_j` (input errors by slopes, as McHutchon and
Rasmussen 2011, here one error that all points share). Trials then tell `delta` as they tell all else: a flank that lies a
little off moves the summit.

Notation: `N` and `M` points, `d` encoded columns, `s` trials of a source. All in the quantity's own unit.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from autolab.planners.factors import halved, solve

if TYPE_CHECKING:
    from autolab.planners.process import Pull
    from autolab.planners.surrogate import Surrogate

Array = NDArray[np.float64]

DEVIATION = 0.07
"""Of the displacement of a number's axis before any trial, as a share of its range. Labels are not displaced."""
_STEP = 1e-4  # of differences of slopes


@dataclass(frozen=True)
class Learned:
    """What the trials of a past campaign tell: the posterior of a Gaussian process of their own.

    Attributes:
        surrogate: Fitted to those trials.
    """

    surrogate: Surrogate
    sure = False

    @property
    def center(self) -> float:
        """The mean of the trials."""
        return self.surrogate.center

    @property
    def spread(self) -> float:
        """The standard deviation of the trials."""
        return self.surrogate.scale

    def mean(self, x: Array) -> Array:
        """Return the posterior mean."""
        process = self.surrogate.process
        told = process.mean(x) + process.stationary(x, process.x) @ process.weights
        return np.asarray(self.surrogate.center + self.surrogate.scale * told)

    def slopes(self, x: Array) -> Array:
        """Return the derivative of the posterior mean."""
        process = self.surrogate.process
        _, pull = process.across(x, process.x)
        return self.surrogate.scale * pull(np.broadcast_to(process.weights, (len(x), len(process.x))))

    def covariance(self, a: Array, b: Array) -> Array:
        """Return the posterior covariance."""
        process = self.surrogate.process
        one, other = self._half(a), self._half(b)
        return np.asarray(self.surrogate.scale**2 * (process.stationary(a, b) - one.T @ other))

    def across(self, a: Array, b: Array) -> tuple[Array, Pull]:
        """Return the posterior covariance, and what makes its derivatives."""
        process, unit = self.surrogate.process, self.surrogate.scale**2
        prior, pull_prior = process.across(a, b)
        here, pull_here = process.across(a, process.x)
        solved = solve(process.factor, process.stationary(process.x, b))  # s x M

        def pull(weights: Array) -> Array:
            return np.asarray(unit * (pull_prior(weights) - pull_here(weights @ solved.T)))

        return unit * (prior - here @ solved), pull

    def variance(self, x: Array) -> Array:
        """Return the posterior variance."""
        process = self.surrogate.process
        half = self._half(x)
        rest = process.variance(x) - np.einsum("ij,ij->j", half, half)
        return np.asarray(self.surrogate.scale**2 * np.maximum(rest, 0.0))

    def variance_slopes(self, x: Array) -> Array:
        """Return the derivative of the posterior variance."""
        process = self.surrogate.process
        here, pull = process.across(x, process.x)
        return -2.0 * self.surrogate.scale**2 * pull(solve(process.factor, here.T).T)

    def _half(self, x: Array) -> Array:
        process = self.surrogate.process
        return halved(process.factor, process.stationary(process.x, x))


@dataclass(frozen=True, eq=False)
class Displaced(Learned):
    """What the trials of a past campaign tell of points that may have been somewhere near.

    Attributes:
        deviations: `d`: of the displacement of each encoded column.
    """

    deviations: Array

    def covariance(self, a: Array, b: Array) -> Array:
        """Return the posterior covariance, with what a displacement would change."""
        return super().covariance(a, b) + self.leans(a) @ self.leans(b).T

    def across(self, a: Array, b: Array) -> tuple[Array, Pull]:
        """Return that covariance, and what makes its derivatives."""
        value, pull_posterior = super().across(a, b)
        there = self.leans(b)

        def pull(weights: Array) -> Array:
            return np.asarray(pull_posterior(weights) + self.leans_slopes(a, weights @ there))

        return value + self.leans(a) @ there.T, pull

    def variance(self, x: Array) -> Array:
        """Return that variance."""
        return np.asarray(super().variance(x) + (self.leans(x) ** 2).sum(axis=1))

    def variance_slopes(self, x: Array) -> Array:
        """Return its derivative."""
        return super().variance_slopes(x) + 2.0 * self.leans_slopes(x, self.leans(x))

    def leans(self, x: Array) -> Array:
        """Return by how much the mean changes with a displacement of one deviation along each column, `N x d`."""
        return self.slopes(x) * self.deviations

    def leans_slopes(self, x: Array, weights: Array) -> Array:
        """Return the derivative `N x d` of sums over `leans`, weighed by `N x d`: by differences along the weights."""
        ways = weights * self.deviations
        size = np.linalg.norm(ways, axis=1, keepdims=True)
        step = _STEP * ways / np.where(size > 0, size, 1.0)
        return np.asarray((self.slopes(x + step) - self.slopes(x - step)) * size / (2 * _STEP))
