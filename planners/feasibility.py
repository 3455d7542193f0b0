"""How probable it is that an experiment succeeds: Gaussian process classification.

Laplace's approximation with a logistic likelihood (Rasmussen and Williams 2006, algorithms 3.1, 3.2, 5.1; the
averaged probability after MacKay 1992). A classifier, and not a regression on labels: failures begin at a border, and
next to it a regression needs lengthscales so short that it learns nothing beyond.

The latent value is a sum: what holds broadly, with a learned lengthscale for each column, and what holds nearby alone, with a
short one that is given. Without the second, failures here and there pass for luck that is the same everywhere, and
experiments beside one that failed look as good as any: nine failed in a row so, a hundredth of the space apart (decision 0022).

Notation: `n` experiments, `d` encoded columns, `t` (`n`) 1 for success and 0 for failure, `f` (`n`) the latent values
at the mode, `K` (`n x n`) their prior covariance, `W` the curvature of the likelihood there.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import solve_triangular
from scipy.special import expit, log_expit

from autolab.planners.factors import cholesky, inverted, solve
from autolab.planners.kernels import KERNELS, distances, pulled, stretched

Array = NDArray[np.float64]

_MEAN = 1.0  # latent value where nothing is known: more likely than not to succeed, and worth a try
_AMPLITUDE = 3.0  # typical latent value far from the border: a probability of 0.95
_NEARBY = 0.2  # lengthscale of what holds nearby alone, in roots of the dimension
_STEPS = 30
_STILL = 1e-10
_KERNEL = KERNELS["matern"]


@dataclass(frozen=True)
class Mode:
    """Laplace's approximation at given hyperparameters.

    Attributes:
        latent: `f`, `n`.
        slope: `t - p`, `n`.
        root: The root of `W`, `n`.
        factor: Cholesky factor of `I + sqrt(W) K sqrt(W)`, `n x n`.
        evidence: Log marginal likelihood.
    """

    latent: Array
    slope: Array
    root: Array
    factor: Array
    evidence: float


def laplace(k: Array, t: Array) -> Mode:
    """Return the approximation for a covariance and labels, by Newton's method."""
    eye, f = np.eye(len(t)), np.full(len(t), _MEAN)
    root, factor, a = _newton(k, t, f, eye)
    for _ in range(_STEPS):
        following = _MEAN + k @ a
        moved = float(np.abs(following - f).max())
        f = following
        root, factor, a = _newton(k, t, f, eye)
        if moved < _STILL:
            break
    p = expit(f)
    likelihood = float(log_expit(np.where(t > 0, f, -f)).sum())
    evidence = likelihood - 0.5 * float(a @ (f - _MEAN)) - float(np.log(np.diag(factor)).sum())
    return Mode(f, t - p, root, factor, evidence)


def _newton(k: Array, t: Array, f: Array, eye: Array) -> tuple[Array, Array, Array]:
    """Return the root of the curvature at `f`, the factor, and the weights `a` that the next `f` is made of."""
    p = expit(f)
    root = np.sqrt(np.maximum(p * (1 - p), 1e-10))
    factor = cholesky(eye + root[:, None] * k * root)
    b = root**2 * (f - _MEAN) + (t - p)
    return root, factor, b - root * solve(factor, root * (k @ b))


class Success:
    """The probability of success, learned from experiments that succeeded and those that failed.

    Args:
        succeeded: `s x d` encoded points.
        failed: `f x d` encoded points.
    """

    def __init__(self, succeeded: Array, failed: Array) -> None:
        self._x = np.vstack([succeeded, failed])
        self._t = np.concatenate([np.ones(len(succeeded)), np.zeros(len(failed))])
        self._nearby = np.full(self._x.shape[1], _NEARBY * math.sqrt(self._x.shape[1]))
        self._among = _AMPLITUDE**2 * self._correlated(self._x, self._nearby)[0]
        self._fit()

    def _fit(self) -> None:
        """Set lengthscales and amplitude to those most probable, given the labels and their priors."""
        from scipy.optimize import minimize  # loaded late: half a second

        d = self._x.shape[1]
        start = np.concatenate([np.full(d, 0.5 * math.log(d) - 0.5), [math.log(_AMPLITUDE)]])
        found: Any = minimize(
            self.loss, start, jac=True, method="L-BFGS-B", bounds=[(-4, 6)] * (d + 1), options={"ftol": 1e-5}
        )
        best = found.x if np.isfinite(found.fun) else start
        self._scales, self._variance = np.exp(best[:-1]), math.exp(2 * best[-1])
        k = self._variance * self._correlated(self._x, self._scales)[0]
        self._mode = laplace(k + self._among, self._t)

    def _correlated(self, x: Array, scales: Array) -> tuple[Array, Array]:
        """Return the correlation of points `N x d` with the experiments, `N x n`, and `-2` times its derivative by `q`."""
        return _KERNEL.both(distances(x / scales, self._x / scales))

    def loss(self, logs: Array) -> tuple[float, Array]:
        """Return the negative log posterior density at logarithms of lengthscales and amplitude, and its gradient."""
        d = self._x.shape[1]
        scaled, variance = self._x / np.exp(logs[:-1]), math.exp(2 * logs[-1])
        value, slope = _KERNEL.both(distances(scaled, scaled))
        k = variance * value
        mode = laplace(k + self._among, self._t)
        w = _by_covariance(mode, k + self._among)
        weighted = (w + w.T) * (0.5 * variance * slope)
        gradient = np.empty_like(logs)
        gradient[:-1] = 2 * stretched(scaled, weighted)
        gradient[-1] = 2 * float((w * k).sum())
        # log-normal priors: lengthscales that grow with the root of the dimension, an amplitude around its own
        away, louder = logs[:-1] - math.sqrt(2) - 0.5 * math.log(d), logs[-1] - math.log(_AMPLITUDE)
        loss = -mode.evidence + float((away**2).sum()) / 6 + 2 * louder**2
        return loss, -gradient + np.append(away / 3, 4 * louder)

    def _covariance(self, x: Array) -> tuple[Array, Callable[[Array], Array]]:
        """Return the covariance `N x n` of the latent value with the experiments, and what turns weights into slopes.

        The latter takes `N x n` weights of the covariances and returns the derivative `N x d` of their sum.
        """
        parts = []
        for variance, scales in ((self._variance, self._scales), (_AMPLITUDE**2, self._nearby)):
            value, slope = self._correlated(x, scales)
            parts.append((variance * value, variance * slope, scales))

        def slopes(weights: Array) -> Array:
            return sum((pulled(x, self._x, slope * weights, scales) for _, slope, scales in parts), np.zeros_like(x))

        return sum((k for k, _, _ in parts), np.zeros((len(x), len(self._x)))), slopes

    def _latent(self, k: Array) -> tuple[Array, Array]:
        """Return mean and variance (`N` each) of the latent value where its covariance with the experiments is `k`."""
        half = solve_triangular(self._mode.factor, (k * self._mode.root).T, lower=True, check_finite=False)
        variance = np.maximum(self._variance + _AMPLITUDE**2 - np.einsum("ij,ij->j", half, half), 0.0)
        return _MEAN + k @ self._mode.slope, variance

    def log_probability(self, x: Array) -> Array:
        """Return the log of the probability of success `N` of encoded points `N x d`."""
        mean, variance = self._latent(self._covariance(x)[0])
        return np.asarray(log_expit(mean / np.sqrt(1 + math.pi * variance / 8)))

    def slopes(self, x: Array) -> tuple[Array, Array]:
        """Return the log of the probability of success `N`, and its derivative `N x d` by the encoded columns."""
        k, slopes = self._covariance(x)
        mean, variance = self._latent(k)
        root = self._mode.root
        solved = root * solve(self._mode.factor, (k * root).T).T
        width = np.sqrt(1 + math.pi * variance / 8)
        by_mean, by_variance = slopes(self._mode.slope[None, :]), slopes(-2 * solved)
        u = mean / width
        gradient = by_mean / width[:, None] - (u * math.pi / 16 / width**2)[:, None] * by_variance
        return np.asarray(log_expit(u)), np.asarray(expit(-u)[:, None] * gradient)

    def probabilities(self, x: Array) -> list[float]:
        """Return the probability of success of encoded points (`N x d`)."""
        return [float(one) for one in np.exp(self.log_probability(x))]


def _by_covariance(mode: Mode, k: Array) -> Array:
    """Return the derivative of the evidence by each entry of `K` (`n x n`, not symmetric: add its transpose).

    The explicit part, and the one through the mode that moves (algorithm 5.1).
    """
    inner = mode.root[:, None] * inverted(mode.factor) * mode.root
    half = solve_triangular(mode.factor, mode.root[:, None] * k, lower=True, check_finite=False)
    p = expit(mode.latent)
    third = -p * (1 - p) * (1 - 2 * p)
    moved = -0.5 * (np.diag(k) - np.einsum("ij,ij->j", half, half)) * -third
    explicit = 0.5 * (np.outer(mode.slope, mode.slope) - inner)
    return np.asarray(explicit + np.outer(moved - inner @ (k @ moved), mode.slope))
