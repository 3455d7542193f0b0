"""A Gaussian process of one quantity: exact, in NumPy, with derivatives by hand.

It is the model that botorch's `SingleTaskGP` is, and agrees with it (posterior and likelihood) to rounding; without
torch's overhead a fit and a search take a fraction of the time. Where more is needed than one quantity's posterior, the
same hyperparameters go into botorch's model: see `surrogate`.

Notation: `n` trials, `d` encoded columns, `N` points, `c` the constant mean, `K` (`n x n`) the covariance of the measured
values with their noise. Outcomes are standardized; what leaves this module is in the user's units unless said otherwise.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import lapack, solve_triangular

from autolab.planners.evidence import even
from autolab.planners.kernels import KERNELS, Shape, distances, pulled, stretched
from autolab.planners.priors import PriorName, Priors, priors

Array = NDArray[np.float64]
Pull = Callable[[Array], Array]
"""Weights `N x M` -> derivative `N x d`, by the `N` points, of the weighed sum over the `M` others."""

LEAST_NOISE = 1e-4  # of the outcomes' variance, as in botorch
_JITTER = 1e-8
_STEPS = 60
_FITTED = 400
_SHORTER = (0.8, 1.6, 2.4)  # by how much the logarithms of lengthscales may begin lower
_WIDEST = 4.5  # how far from its prior's mode a hyperparameter's logarithm is searched


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
    """

    lengthscales: Array
    outputscale: float
    noise: Array
    mean: float
    learned_noise: bool
    factors: tuple[float, ...] = ()


@dataclass(frozen=True)
class Regressors:
    """What the mean of a process may follow, at `n` trials and standardized as the outcomes are.

    Attributes:
        columns: `n x K`.
        unsure: `n x n`: covariance of what is not known of their sum.
        expected: `K`: factors before any trial.
        precision: `K`: of those.
    """

    columns: Array
    unsure: Array
    expected: Array
    precision: Array


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

    def stationary(self, a: Array, b: Array) -> Array:
        """Return the kernel `N x M` of `N x d` with `M x d` points."""
        scales = self.hyper.lengthscales
        return np.asarray(self.hyper.outputscale * self._kernel.value(distances(a / scales, b / scales)))

    def covariances(self, a: Array, b: Array) -> tuple[Array, Array]:
        """Return the kernel `N x M`, and what `pulled` makes its derivatives of."""
        scales = self.hyper.lengthscales
        value, slope = self._kernel.both(distances(a / scales, b / scales))
        return self.hyper.outputscale * value, self.hyper.outputscale * slope

    def pulled(self, a: Array, b: Array, weights: Array) -> Array:
        """Return the derivative `N x d`, by the points `a`, of a weighed sum over `b` of the kernel.

        Args:
            a: `N x d`.
            b: `M x d`.
            weights: `N x M`: the weights, times the second result of `covariances`.
        """
        return pulled(a, b, weights, self.hyper.lengthscales)

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


def fit(x: Array, y: Array, variance: Array | None, shape: Shape, prior: PriorName) -> Process:
    """Return the process with the most probable hyperparameters.

    Args:
        x: `n x d` encoded points.
        y: `n` standardized outcomes.
        variance: `n`: of each outcome's noise, standardized; None where one noise level is to be learned.
        shape: Of the covariance.
        prior: Which priors.
    """
    some = even(len(y), _FITTED)  # hyperparameters are fitted to a share of many
    task = Fitting(x[some], y[some], None if variance is None else variance[some], shape, priors(prior, x.shape[1]))
    hyper = task.hyper(task.best())
    if len(y) > len(some):
        noise = np.full(len(y), float(hyper.noise[0])) if variance is None else variance
        hyper = replace(hyper, noise=noise)
    return Process(x, y, shape, hyper)


class Fitting:
    """The search for hyperparameters: logarithms `u` of lengthscales, noise (where learned), outputscale (where free).

    The constant mean is set to its best for each `u`, in closed form; with it the factors of trends, where there are
    any, each normal before any trial.

    Args:
        x: `n x d` encoded points.
        y: `n` standardized outcomes.
        variance: As for `fit`.
        shape: Of the covariance.
        prior: Of the hyperparameters.
        trends: What the mean may follow; None for a constant.
    """

    def __init__(
        self,
        x: Array,
        y: Array,
        variance: Array | None,
        shape: Shape,
        prior: Priors,
        trends: Regressors | None = None,
    ) -> None:
        self._x, self._y, self._variance = x, y, variance
        self._basis = np.ones((len(y), 1)) if trends is None else np.column_stack([np.ones(len(y)), trends.columns])
        self._unsure = 0.0 if trends is None else trends.unsure
        self._expected = np.concatenate([[0.0], [] if trends is None else trends.expected])
        self._precision = np.diag(np.concatenate([[0.0], [] if trends is None else trends.precision]))
        self._kernel, self._prior = KERNELS[shape], prior
        self._d = x.shape[1]
        self._learn = variance is None
        self._free = prior.outputscale is not None

    def best(self) -> Array:
        """Return the most probable `u`."""
        from scipy.optimize import minimize  # loaded late: half a second

        settings: Any = {"jac": True, "method": "L-BFGS-B", "bounds": self.bounds}
        ends = [minimize(self.loss, u, **settings, options={"maxiter": _STEPS, "ftol": 1e-6}) for u in self.starts]
        found = min(ends, key=lambda end: float(end.fun))
        return np.asarray(found.x) if np.isfinite(found.fun) else self.start

    @property
    def start(self) -> Array:
        """The modes of the priors; lengthscales not longer than 0.75 times the root of the dimension.

        From longer ones the way to short ones is flat.
        """
        first = [min(self._prior.lengthscale.mode, 0.5 * math.log(self._d) - 0.3)] * self._d
        if self._learn:
            first.append(math.log(max(math.exp(self._prior.noise.mode), 2 * LEAST_NOISE)))
        if self._prior.outputscale is not None:
            first.append(self._prior.outputscale.mode)
        return np.array(first)

    @property
    def starts(self) -> list[Array]:
        """The start, and where shorter lengthscales tell more of the trials the best of some such, too.

        Peaks that stand alone are else taken for noise, for between the two the density is low.
        """
        first = self.start
        shorter = [first - shift * (np.arange(len(first)) < self._d) for shift in _SHORTER]
        losses = [self.loss(u)[0] for u in (first, *shorter)]
        best = int(np.argmin(losses))
        return [first] if best == 0 else [first, shorter[best - 1]]

    @property
    def expected(self) -> tuple[Array, float]:
        """Lengthscales (`d`) and variance before any trial."""
        return np.exp(self.start[: self._d]), math.exp(self.start[-1]) if self._free else 1.0

    @property
    def bounds(self) -> list[tuple[float, float]]:
        """Least and greatest of each."""
        middle = self._prior.lengthscale.mode
        found = [(max(middle - _WIDEST, math.log(0.005)), middle + _WIDEST)] * self._d
        if self._learn:
            found.append((math.log(LEAST_NOISE), 3.0))
        if self._prior.outputscale is not None:
            found.append((self._prior.outputscale.mode - _WIDEST, self._prior.outputscale.mode + _WIDEST))
        return found

    def _noise(self, u: Array) -> Array:
        if self._variance is not None:
            return self._variance
        return np.full(len(self._y), math.exp(u[self._d]))

    def loss(self, u: Array) -> tuple[float, Array]:
        """Return the negative log posterior density, and its gradient."""
        scales = np.exp(u[: self._d])
        outputscale = math.exp(u[-1]) if self._free else 1.0
        scaled = self._x / scales
        value, slope = self._kernel.both(distances(scaled, scaled))
        k = outputscale * value
        full = k + self._unsure
        full.flat[:: len(full) + 1] += self._noise(u)
        try:
            factor = cholesky(full)
        except np.linalg.LinAlgError:
            return math.inf, np.zeros_like(u)
        inverse = inverted(factor)
        factors = self._factors(inverse @ self._basis)
        rest, away = self._y - self._basis @ factors, factors - self._expected
        alpha = inverse @ rest
        loss = 0.5 * rest @ alpha + np.log(np.diag(factor)).sum() + 0.5 * len(alpha) * math.log(2 * math.pi)
        loss += 0.5 * away @ self._precision @ away
        w = np.outer(alpha, alpha) - inverse  # twice the derivative of the likelihood by the covariance
        gradient = np.empty_like(u)
        gradient[: self._d] = -stretched(scaled, w * (outputscale * slope))
        if self._learn:
            gradient[self._d] = -0.5 * math.exp(u[self._d]) * np.trace(w)
        if self._free:
            gradient[-1] = -0.5 * float((w * k).sum())
        prior, slopes = self._log_prior(u)
        return float(loss - prior), gradient - slopes

    def _log_prior(self, u: Array) -> tuple[float, Array]:
        slopes = np.empty_like(u)
        value, slopes[: self._d] = self._prior.lengthscale.log(u[: self._d])
        total = float(value.sum())
        if self._learn:
            one, slopes[self._d] = self._prior.noise.log(u[self._d])
            total += float(one)
        if self._prior.outputscale is not None:
            one, slopes[-1] = self._prior.outputscale.log(u[-1])
            total += float(one)
        return total, slopes

    def hyper(self, u: Array) -> Hyperparameters:
        """Return the hyperparameters at `u`."""
        scales, noise = np.exp(u[: self._d]), self._noise(u)
        outputscale = math.exp(u[-1]) if self._free else 1.0
        scaled = self._x / scales
        k = outputscale * self._kernel.value(distances(scaled, scaled)) + self._unsure + np.diag(noise)
        first, *others = self._factors(solve(cholesky(k), self._basis)).tolist()
        return Hyperparameters(scales, outputscale, noise, first, self._learn, tuple(others))

    def _factors(self, solved: Array) -> Array:
        """Return the most probable mean and factors, given `K^-1` times the basis."""
        normal = solved.T @ self._basis + self._precision
        return np.asarray(np.linalg.solve(normal, solved.T @ self._y + self._precision @ self._expected))


def cholesky(k: Array) -> Array:
    """Return the lower factor of a covariance, with a little added to its diagonal where rounding asks for it.

    Raises:
        LinAlgError: It is not positive definite even so.
    """
    if not len(k):
        return k
    size = float(np.mean(np.diag(k)))
    for jitter in (0.0, _JITTER, 100 * _JITTER, 1e4 * _JITTER):
        factor, info = lapack.dpotrf(k + jitter * size * np.eye(len(k)) if jitter else k, lower=1, clean=1)
        if info == 0:
            return np.asarray(factor)
    msg = f"a covariance of {len(k)} points is not positive definite"
    raise np.linalg.LinAlgError(msg)


def solve(factor: Array, b: Array) -> Array:
    """Return `K^-1 b` of a lower factor."""
    if not len(factor):
        return b
    found, _ = lapack.dpotrs(factor, b, lower=1)
    return np.asarray(found)


def halved(factor: Array, b: Array) -> Array:
    """Return `L^-1 b` of a lower factor `L`."""
    return np.asarray(solve_triangular(factor, b, lower=True, check_finite=False)) if len(factor) else b


def inverted(factor: Array) -> Array:
    """Return `K^-1` of a lower factor."""
    inverse, _ = lapack.dpotri(factor, lower=1)
    lower = np.tril(inverse, -1)
    return np.asarray(lower + lower.T + np.diag(np.diag(inverse)))
