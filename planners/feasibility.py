"""How probable it is that an experiment succeeds: Gaussian process classification.

Laplace's approximation with a logistic likelihood (Rasmussen and Williams 2006, algorithms 3.1, 3.2, 5.1; the
averaged probability after MacKay 1992). A classifier, and not a regression on labels: failures begin at a border, and
next to it a regression needs lengthscales so short that it learns nothing beyond.

Notation: `n` experiments, `d` encoded columns, `t` (`n`) 1 for success and 0 for failure, `f` (`n`) the latent values
at the mode, `K` (`n x n`) their prior covariance, `W` the curvature of the likelihood there.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

Array = NDArray[np.float64]

_MEAN = 1.0  # latent value where nothing is known: more likely than not to succeed, and worth a try
_AMPLITUDE = 3.0  # typical latent value far from the border: a probability of 0.95
_STEPS = 12


@dataclass(frozen=True)
class _Mode:
    """Laplace's approximation at given hyperparameters."""

    slope: Tensor  # t - p, n
    root: Tensor  # sqrt(W), n
    factor: Tensor  # Cholesky factor of I + sqrt(W) K sqrt(W), n x n
    evidence: Tensor  # log marginal likelihood


def matern(a: Tensor, b: Tensor, scales: Tensor, amplitude: Tensor) -> Tensor:
    """Return the Matern-5/2 covariance of `... x n x d` with `... x m x d` points."""
    gap = (a / scales).unsqueeze(-2) - (b / scales).unsqueeze(-3)
    r = (gap.pow(2).sum(-1) * 5 + 1e-20).sqrt()  # the root of exactly 0 has no gradient
    return amplitude.pow(2) * (1 + r + r.pow(2) / 3) * (-r).exp()


def laplace(k: Tensor, t: Tensor) -> _Mode:
    """Return the approximation for a covariance and labels, by Newton's method."""
    eye = torch.eye(len(t), dtype=k.dtype)
    f = torch.full_like(t, _MEAN)
    for _ in range(_STEPS):
        p = torch.sigmoid(f)
        root = (p * (1 - p)).clamp_min(1e-10).sqrt()
        factor = torch.linalg.cholesky(eye + root[:, None] * k * root[None, :])
        b = root.pow(2) * (f - _MEAN) + (t - p)
        inner = torch.cholesky_solve((root * (k @ b))[:, None], factor)[:, 0]
        a = b - root * inner
        f = _MEAN + k @ a
    p = torch.sigmoid(f)
    likelihood = torch.nn.functional.logsigmoid(torch.where(t > 0, f, -f)).sum()
    evidence = likelihood - 0.5 * a @ (f - _MEAN) - factor.diagonal().log().sum()
    return _Mode(t - p, (p * (1 - p)).clamp_min(1e-10).sqrt(), factor, evidence)


class Success:
    """The probability of success, learned from experiments that succeeded and those that failed.

    Args:
        succeeded: `s x d` encoded points.
        failed: `f x d` encoded points.
    """

    def __init__(self, succeeded: Array, failed: Array) -> None:
        self._x = torch.as_tensor(np.vstack([succeeded, failed]))
        self._t = torch.cat([torch.ones(len(succeeded)), torch.zeros(len(failed))]).to(self._x)
        self._fit()

    def _fit(self) -> None:
        """Set lengthscales and amplitude to those most probable, given the labels and their priors."""
        from scipy.optimize import minimize  # loaded late: half a second

        d = self._x.shape[1]
        start = np.concatenate([np.full(d, 0.5 * math.log(d) - 0.5), [math.log(_AMPLITUDE)]])
        found: Any = minimize(self._loss, start, jac=True, method="L-BFGS-B", bounds=[(-4, 6)] * (d + 1), tol=1e-4)
        best = found.x if np.isfinite(found.fun) else start
        with torch.no_grad():
            self._scales, self._amplitude = torch.as_tensor(best[:-1]).exp(), torch.as_tensor(best[-1]).exp()
            self._mode = laplace(matern(self._x, self._x, self._scales, self._amplitude), self._t)

    def _loss(self, logs: Array) -> tuple[float, Array]:
        d = self._x.shape[1]
        variables = torch.tensor(logs, requires_grad=True)
        k = matern(self._x, self._x, variables[:-1].exp(), variables[-1].exp())
        # log-normal priors: lengthscales that grow with the root of the dimension, an amplitude around its own
        scales = ((variables[:-1] - math.sqrt(2) - 0.5 * math.log(d)).pow(2) / 6).sum()
        loss = -laplace(k, self._t).evidence + scales + 2 * (variables[-1] - math.log(_AMPLITUDE)).pow(2)
        (gradient,) = torch.autograd.grad(loss, variables)
        return float(loss.detach()), gradient.numpy()

    def latent(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Return mean and variance (`...` each) of the latent value at `... x d` points."""
        k = matern(x.unsqueeze(-2), self._x, self._scales, self._amplitude).squeeze(-2)
        mean = _MEAN + k @ self._mode.slope
        v = torch.linalg.solve_triangular(self._mode.factor, (k * self._mode.root).unsqueeze(-1), upper=False)
        return mean, (self._amplitude.pow(2) - v.squeeze(-1).pow(2).sum(-1)).clamp_min(0)

    def log_probability(self, x: Tensor) -> Tensor:
        """Return `...` for `... x d` encoded points."""
        mean, variance = self.latent(x)
        return torch.nn.functional.logsigmoid(mean / (1 + math.pi * variance / 8).sqrt())

    def probabilities(self, x: Array) -> list[float]:
        """Return the probability of success of encoded points (`q x d`)."""
        with torch.no_grad():
            return [float(one) for one in self.log_probability(torch.as_tensor(x)).exp()]
