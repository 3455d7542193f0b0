"""A Gaussian process of one quantity: exact, in NumPy, with derivatives by hand.

It is the model that botorch's `SingleTaskGP` is, and agrees with it (posterior and likelihood) to rounding; without
torch's overhead a search takes a fraction of the time. Where more is needed than one quantity's posterior, the same
hyperparameters go into botorch's model: see `surrogate`.

Notation: `n` trials, `d` encoded columns, `N` points, `K` (`n x n`) the covariance of the measured values with their
noise. Outcomes are standardized; what leaves this module is in the user's units unless said otherwise.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from autolab.planners.factors import cholesky, halved, inverted, solve
from autolab.planners.input_warping import warp
from autolab.planners.kernels import KERNELS, Shape, distances, pulled

Array = NDArray[np.float64]
Pull = Callable[[Array], Array]
"""Weights `N x M` -> derivative `N x d`, by the `N` points, of the weighed sum over the `M` others."""


@dataclass(frozen=True)
class Hyperparameters:
    """What a fit sets, in standardized outcomes.

    Attributes:
        lengthscales: `d`.
        outputscale: Variance of the process.
        noise: `n`: variance of each measured value's noise.
        mean: The constant mean.
        learned_noise: Whether one noise level was learned.
        factors: Of each trend that the mean follows.
        besides: The part of `noise` that was learned besides what was told.
        warps: `d`, of each column's axis (see `input_warping`); None where none is warped.
    """

    lengthscales: Array
    outputscale: float
    noise: Array
    mean: float
    learned_noise: bool
    factors: tuple[float, ...] = ()
    besides: float = 0.0
    warps: Array | None = None


class Process:
    """A process with its data.

    Args:
        x: `n x d` encoded points.
        y: `n` standardized outcomes.
        shape: Of the covariance.
        hyper: Hyperparameters.
    """

    def __init__(self, x: Array, y: Array, shape: Shape, hyper: Hyperparameters) -> None:
        self.x, self.y, self.shape, self.hyper = x, y, shape, hyper
        self._kernel = KERNELS[shape]
        self.factor = cholesky(self.covariance(x, x) + np.diag(hyper.noise))
        self._rest = y - self.mean(x)
        self.weights = solve(self.factor, self._rest)

    # -- before any trial; a process with a trend overrides these

    def mean(self, x: Array) -> Array:
        """Return the prior mean `N` of `N x d` points."""
        return np.full(len(x), self.hyper.mean)

    def mean_slopes(self, x: Array) -> Array:
        """Return the derivative `N x d` of the prior mean by the points."""
        return np.zeros_like(x)

    def variance(self, x: Array) -> Array:
        """Return the prior variance `N` of `N x d` points."""
        return np.full(len(x), self.hyper.outputscale)

    def variance_slopes(self, x: Array) -> Array:
        """Return the derivative `N x d` of the prior variance by the points."""
        return np.zeros_like(x)

    def covariance(self, a: Array, b: Array) -> Array:
        """Return the prior covariance `N x M` of `N x d` with `M x d` points."""
        return self.stationary(a, b)

    def across(self, a: Array, b: Array) -> tuple[Array, Pull]:
        """Return the prior covariance `N x M`, and what makes derivatives by `a` of weighed sums over `b` of it."""
        value, slope = self.covariances(a, b)
        return value, lambda weights: self.pulled(a, b, slope * weights)

    # -- the kernel

    def placed(self, x: Array) -> Array:
        """Return `N x d` points where their axes are warped to."""
        return x if self.hyper.warps is None else warp(x, self.hyper.warps)[0]

    def stationary(self, a: Array, b: Array) -> Array:
        """Return the kernel `N x M` of `N x d` with `M x d` points."""
        return np.asarray(self.hyper.outputscale * self._kernel.value(self._apart(a, b)))

    def covariances(self, a: Array, b: Array) -> tuple[Array, Array]:
        """Return the kernel `N x M`, and what `pulled` makes its derivatives of."""
        value, slope = self._kernel.both(self._apart(a, b))
        return self.hyper.outputscale * value, self.hyper.outputscale * slope

    def pulled(self, a: Array, b: Array, weights: Array) -> Array:
        """Return the derivative `N x d`, by the points `a`, of a weighed sum over `b` of the kernel.

        Args:
            a: `N x d`.
            b: `M x d`.
            weights: `N x M`: the weights, times the second result of `covariances`.
        """
        if self.hyper.warps is None:
            return pulled(a, b, weights, self.hyper.lengthscales)
        places, slopes = warp(a, self.hyper.warps)
        return slopes * pulled(places, self.placed(b), weights, self.hyper.lengthscales)

    def _apart(self, a: Array, b: Array) -> Array:
        scales = self.hyper.lengthscales
        return distances(self.placed(a) / scales, self.placed(b) / scales)

    # -- after the trials

    def posterior(self, x: Array) -> tuple[Array, Array]:
        """Return mean and variance (`N` each) of the quantity itself, without noise, standardized."""
        across = self.covariance(x, self.x)
        half = halved(self.factor, across.T)
        variance = self.variance(x) - np.einsum("ij,ij->j", half, half)
        return self.mean(x) + across @ self.weights, np.maximum(variance, 1e-12)

    def joint(self, x: Array) -> tuple[Array, Array]:
        """Return mean (`N`) and covariance (`N x N`) of the quantity itself, standardized."""
        across = self.covariance(x, self.x)
        half = halved(self.factor, across.T)
        return self.mean(x) + across @ self.weights, self.covariance(x, x) - half.T @ half

    def left_out(self) -> tuple[Array, Array]:
        """Return mean and variance of each measured value, were it not known (Rasmussen, Williams 2006, eq. 5.12)."""
        inverse = inverted(self.factor)
        variance = 1.0 / np.diag(inverse)
        return self.y - self.weights * variance, variance

    @property
    def likelihood(self) -> float:
        """The log marginal likelihood of the standardized outcomes."""
        return float(
            -0.5 * self._rest @ self.weights
            - np.log(np.diag(self.factor)).sum()
            - 0.5 * len(self.y) * math.log(2 * math.pi)
        )
