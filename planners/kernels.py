"""Stationary covariance functions, with what their derivatives need.

Notation: `q` is the squared distance of two points, each coordinate divided by its lengthscale.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Shape = Literal["matern", "smooth"]

_ROOT5 = 5.0**0.5


@dataclass(frozen=True)
class Kernel:
    """A correlation as a function of the squared scaled distance.

    Attributes:
        value: `q` -> correlation, 1 at 0.
        both: `q` -> the correlation, and `-2` times its derivative by `q`.
    """

    value: Callable[[Array], Array]
    both: Callable[[Array], tuple[Array, Array]]


def _matern(q: Array) -> Array:
    return _matern_both(q)[0]


def _matern_both(q: Array) -> tuple[Array, Array]:
    r = _ROOT5 * np.sqrt(q)
    decay = np.exp(-r)
    slope = (5.0 / 3.0) * (1.0 + r) * decay
    return decay * (1.0 + r + (5.0 / 3.0) * q), slope


def _smooth(q: Array) -> Array:
    return np.asarray(np.exp(-0.5 * q))


def _smooth_both(q: Array) -> tuple[Array, Array]:
    value = _smooth(q)
    return value, value


KERNELS: Mapping[Shape, Kernel] = {
    "matern": Kernel(_matern, _matern_both),
    "smooth": Kernel(_smooth, _smooth_both),
}
"""Matern-5/2 (rough), and the squared exponential (smooth)."""


def distances(a: Array, b: Array) -> Array:
    """Return squared Euclidean distances `n x m` of `n x d` with `m x d` points."""
    squares = (a * a).sum(axis=1)[:, None] + (b * b).sum(axis=1)[None, :] - 2.0 * (a @ b.T)
    return np.asarray(np.maximum(squares, 0.0))


def pulled(a: Array, b: Array, weights: Array, scales: Array) -> Array:
    """Return the derivative `N x d`, by the points `a`, of a weighed sum over `b` of a kernel.

    Args:
        a: `N x d`.
        b: `M x d`.
        weights: `N x M`: the weights, times `-2` times the derivative of the kernel by `q`.
        scales: `d`, the lengthscales.
    """
    return np.asarray((weights @ b - weights.sum(axis=1)[:, None] * a) / scales**2)


def stretched(scaled: Array, weighted: Array) -> Array:
    """Return half the derivative `d`, by the logarithms of lengthscales, of a weighed sum of a kernel among `n` points.

    Args:
        scaled: `n x d`, points divided by the lengthscales.
        weighted: `n x n`, symmetric: the weights, times `-2` times the derivative of the kernel by `q`.
    """
    return np.asarray(weighted.sum(axis=1) @ scaled**2 - np.einsum("ij,ij->j", scaled, weighted @ scaled))
