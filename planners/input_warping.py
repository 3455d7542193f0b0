"""Input warping: axes on which a quantity changes mostly near one end.

A rate over three decades that was declared on a linear scale, a voltage where all happens near breakdown: one
lengthscale fits neither end. Such an axis is stretched where much happens and drawn together where little does, by an
exponential with one number for each axis (Snoek et al. 2014, arXiv 1402.0929, take two: few trials tell no two).

Notation: `N` points, `d` encoded columns, `b` (`d`) the warps: 0 leaves an axis as it is, below 0 the low end is
stretched, above 0 the high end, by `exp(b)` against the other.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

DEVIATION = 1.5
"""Of a warp, before any trial; normal around 0."""
WIDEST = 6.0
"""A warp's greatest size: one end is stretched 400 times as much as the other."""

_NONE = 1e-4  # a warp so small is as good as none, and a series is exact where the closed form is not


def warp(x: Array, b: Array) -> tuple[Array, Array]:
    """Return warped points `N x d`, and the derivative of each coordinate (`N x d`, above 0).

    0 and 1 stay where they are; beyond them it goes on as a straight line.

    >>> places, slopes = warp(np.array([[0.0, 0.1], [0.5, 0.5], [1.0, 2.0]]), np.array([-3.0, 0.0]))
    >>> places.round(2).tolist(), slopes.round(2).tolist()
    ([[0.0, 0.1], [0.82, 0.5], [1.0, 2.0]], [[3.16, 1.0], [0.7, 1.0], [0.16, 1.0]])
    """
    z = np.clip(x, 0.0, 1.0)
    none = np.abs(b) < _NONE
    safe = np.where(none, 1.0, b)
    place = np.where(none, z + 0.5 * b * z * (z - 1.0), np.expm1(safe * z) / np.expm1(safe))
    slope = np.where(none, 1.0 + b * (z - 0.5), safe * np.exp(safe * z) / np.expm1(safe))
    return place + slope * (x - z), slope


def by_warps(x: Array, b: Array) -> Array:
    """Return the derivative `N x d` of each coordinate of warped points by its warp.

    >>> x, b, step = np.array([[0.3, -0.5]]), np.array([-2.0, 1.0]), 1e-6
    >>> numeric = (warp(x, b + step)[0] - warp(x, b - step)[0]) / (2 * step)
    >>> bool(np.allclose(by_warps(x, b), numeric, atol=1e-6))
    True
    """
    z = np.clip(x, 0.0, 1.0)
    none = np.abs(b) < _NONE
    safe = np.where(none, 1.0, b)
    whole, end = np.expm1(safe), np.exp(safe)
    grown = np.exp(safe * z)
    place = np.where(none, 0.5 * z * (z - 1.0), (z * grown * whole - np.expm1(safe * z) * end) / whole**2)
    slope = np.where(none, z - 0.5, grown * ((1.0 + safe * z) * whole - safe * end) / whole**2)
    return np.asarray(place + slope * (x - z))
