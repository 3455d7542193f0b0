"""The fit of a Gaussian process: its most probable hyperparameters.

Notation: `n` trials, `d` encoded columns, `u` the hyperparameters as they are searched (logarithms, and warps), `K`
(`n x n`) the covariance of the measured values with their noise. Outcomes are standardized.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from autolab.planners.evidence import even
from autolab.planners.factors import cholesky, inverted, solve
from autolab.planners.input_warping import DEVIATION, WIDEST, by_warps, warp
from autolab.planners.kernels import KERNELS, Shape, distances, pulled, stretched
from autolab.planners.priors import PriorName, Priors, priors
from autolab.planners.process import Hyperparameters, Process

Array = NDArray[np.float64]

LEAST_NOISE = 1e-4  # of the outcomes' variance, as in botorch
_STEPS = 60
_FITTED = 400
_SHORTER = (0.8, 1.6, 2.4)  # by how much the logarithms of lengthscales may begin lower
_WIDEST = 4.5  # how far from its prior's mode a hyperparameter's logarithm is searched
_WARPED = 15  # trials that tell a warped axis
_STEEP = 3.0  # slope of the log density by its warp from which an axis is tried: gentler ones never gained enough
_ASKED = 6.0  # by how much the log density must be better for an axis to be warped, or for noise besides what is told


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


def fit(x: Array, y: Array, variance: Array | None, shape: Shape, prior: PriorName) -> Process:
    """Return the process with the most probable hyperparameters.

    Args:
        x: `n x d` encoded points.
        y: `n` standardized outcomes.
        variance: `n`: of each outcome's noise, standardized; None where one noise level is to be learned.
            Where the trials ask for it, one is learned besides.
        shape: Of the covariance.
        prior: Which priors.
    """
    some = even(len(y), _FITTED)  # hyperparameters are fitted to a share of many
    task = Fitting(x[some], y[some], None if variance is None else variance[some], shape, priors(prior, x.shape[1]))
    u = task.best()
    if variance is not None:
        task, u = _noisier(task, u)
    if len(some) >= _WARPED:
        task, u = _warped(task, u)
    hyper = task.hyper(u)
    if len(y) > len(some):
        hyper = replace(hyper, noise=task.noise(u, np.zeros(len(y)) if variance is None else variance))
    return Process(x, y, shape, hyper)


def _noisier(task: Fitting, u: Array) -> tuple[Fitting, Array]:
    """Return the search with noise besides what is told, where the trials ask for it, and what it found.

    The standard error of two or three replicates may be far too small by chance, and what differs from one day to the
    next is not in it: a model that must meet each such value learns nothing from the others.
    """
    other = task.like(besides=True)
    v = other.best()
    return (other, v) if task.loss(u)[0] - other.loss(v)[0] >= _ASKED else (task, u)


def _warped(task: Fitting, u: Array) -> tuple[Fitting, Array]:
    """Return the search with as many axes warped as the trials ask for, and what it found.

    One axis after another, that of the steepest slope first: all at once fit any trials better, and foretell others worse.
    """
    now = task.loss(u)[0]
    while task.straight:
        every = task.like(warped=(*task.warped, *task.straight))
        steep = np.abs(every.loss(np.concatenate([u, np.zeros(len(task.straight))]))[1][-len(task.straight) :])
        if not steep.max() >= _STEEP:
            break
        other = task.like(warped=(*task.warped, task.straight[int(np.argmax(steep))]))
        found = other.search(np.append(u, 0.0))
        if not now - found.fun >= _ASKED:
            break
        task, u, now = other, np.asarray(found.x), float(found.fun)
    return task, u


class Fitting:
    """The search for hyperparameters.

    `u` are the logarithms of lengthscales, noise (where learned) and outputscale (where free), and the warps of axes.

    The constant mean is set to its best for each `u`, in closed form; with it the factors of trends, where there are
    any, each normal before any trial.

    Args:
        x: `n x d` encoded points.
        y: `n` standardized outcomes.
        variance: As for `fit`.
        shape: Of the covariance.
        prior: Of the hyperparameters.
        trends: What the mean may follow; None for a constant.
        warped: Columns whose axes are warped.
        besides: Whether a noise level is learned besides the variances that are told.
    """

    def __init__(
        self,
        x: Array,
        y: Array,
        variance: Array | None,
        shape: Shape,
        prior: Priors,
        trends: Regressors | None = None,
        warped: tuple[int, ...] = (),
        *,
        besides: bool = False,
    ) -> None:
        self._given = (x, y, variance, shape, prior, trends)
        self._x, self._y = x, y
        self._told = np.zeros(len(y)) if variance is None else variance
        self._basis = np.ones((len(y), 1)) if trends is None else np.column_stack([np.ones(len(y)), trends.columns])
        self._unsure = 0.0 if trends is None else trends.unsure
        self._expected = np.concatenate([[0.0], [] if trends is None else trends.expected])
        self._precision = np.diag(np.concatenate([[0.0], [] if trends is None else trends.precision]))
        self._kernel, self._prior, self.warped = KERNELS[shape], prior, warped
        self._besides = besides and variance is not None
        self._all_noise = variance is None  # that is learned
        self._d = x.shape[1]
        self._learn = self._all_noise or self._besides
        self._free = prior.outputscale is not None
        self._plain = self._d + self._learn + self._free  # where the warps begin

    def like(self, *, warped: tuple[int, ...] | None = None, besides: bool | None = None) -> Fitting:
        """Return the same search with other axes warped, or with noise besides what is told or without."""
        some = self.warped if warped is None else warped
        return Fitting(*self._given, some, besides=self._besides if besides is None else besides)

    @cached_property
    def straight(self) -> list[int]:
        """Columns that are not warped and could be: two values tell nothing of what lies between them."""
        return [i for i in range(self._d) if i not in self.warped and len(np.unique(self._x[:, i])) > 2]

    def best(self) -> Array:
        """Return the most probable `u`."""
        found = min((self.search(u) for u in self.starts), key=lambda end: float(end.fun))
        return np.asarray(found.x) if np.isfinite(found.fun) else self.start

    def search(self, u: Array) -> Any:  # noqa: ANN401  SciPy's result
        """Return what is found from `u`: `x`, and `fun` there."""
        from scipy.optimize import minimize  # loaded late: half a second

        settings: Any = {"jac": True, "method": "L-BFGS-B", "bounds": self.bounds}
        return minimize(self.loss, u, **settings, options={"maxiter": _STEPS, "ftol": 1e-6})

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
        return np.array([*first, *[0.0] * len(self.warped)])

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
        return np.exp(self.start[: self._d]), self._outputscale(self.start)

    @property
    def bounds(self) -> list[tuple[float, float]]:
        """Least and greatest of each."""
        middle = self._prior.lengthscale.mode
        found = [(max(middle - _WIDEST, math.log(0.005)), middle + _WIDEST)] * self._d
        if self._learn:
            found.append((math.log(LEAST_NOISE), 3.0))
        if self._prior.outputscale is not None:
            found.append((self._prior.outputscale.mode - _WIDEST, self._prior.outputscale.mode + _WIDEST))
        return [*found, *[(-WIDEST, WIDEST)] * len(self.warped)]

    def noise(self, u: Array, variance: Array) -> Array:
        """Return the variances `n` of noise, given those that are told (0 where none are)."""
        return variance + math.exp(u[self._d]) if self._learn else variance

    def _outputscale(self, u: Array) -> float:
        return math.exp(u[self._plain - 1]) if self._free else 1.0

    def _warps(self, u: Array) -> Array | None:
        """Return the warps, one a column; None where no axis is warped."""
        if not self.warped:
            return None
        every = np.zeros(self._d)
        every[list(self.warped)] = u[self._plain :]
        return every

    def loss(self, u: Array) -> tuple[float, Array]:
        """Return the negative log posterior density, and its gradient."""
        scales = np.exp(u[: self._d])
        outputscale, warps = self._outputscale(u), self._warps(u)
        x = self._x if warps is None else warp(self._x, warps)[0]
        scaled = x / scales
        value, slope = self._kernel.both(distances(scaled, scaled))
        k = outputscale * value
        full = k + self._unsure
        full.flat[:: len(full) + 1] += self.noise(u, self._told)
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
        weights = w * (outputscale * slope)
        gradient[: self._d] = -stretched(scaled, weights)
        if self._learn:
            gradient[self._d] = -0.5 * math.exp(u[self._d]) * np.trace(w)
        if self._free:
            gradient[self._plain - 1] = -0.5 * float((w * k).sum())
        if warps is not None:
            moved = (pulled(x, x, weights, scales) * by_warps(self._x, warps)).sum(axis=0)
            gradient[self._plain :] = -moved[list(self.warped)]
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
            at = self._plain - 1
            one, slopes[at] = self._prior.outputscale.log(u[at])
            total += float(one)
        away = u[self._plain :] / DEVIATION
        total, slopes[self._plain :] = total - 0.5 * float(away @ away), -away / DEVIATION
        return total, slopes

    def hyper(self, u: Array) -> Hyperparameters:
        """Return the hyperparameters at `u`."""
        scales, noise = np.exp(u[: self._d]), self.noise(u, self._told)
        outputscale, warps = self._outputscale(u), self._warps(u)
        scaled = (self._x if warps is None else warp(self._x, warps)[0]) / scales
        k = outputscale * self._kernel.value(distances(scaled, scaled)) + self._unsure + np.diag(noise)
        first, *others = self._factors(solve(cholesky(k), self._basis)).tolist()
        besides = math.exp(u[self._d]) if self._besides else 0.0
        return Hyperparameters(scales, outputscale, noise, first, self._all_noise, tuple(others), besides, warps)

    def _factors(self, solved: Array) -> Array:
        """Return the most probable mean and factors, given `K^-1` times the basis."""
        normal = solved.T @ self._basis + self._precision
        return np.asarray(np.linalg.solve(normal, solved.T @ self._y + self._precision @ self._expected))
