"""Covariances `K` by their lower Cholesky factors `L`, with LAPACK: `K = L L^T`. One of no points is a factor, too."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import lapack, solve_triangular

Array = NDArray[np.float64]

_JITTER = 1e-8


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
