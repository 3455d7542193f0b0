"""The knowledge gradient: what one more measurement is expected to teach (Frazier, Powell and Dayanik 2009)."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

_QUANTILES = 2001


def knowledge_gradient(means: Array, covariance: Array, noise: float, place: int) -> float:
    """Return how much the greatest mean of correlated normal values is expected to grow by one measurement.

    After a measurement of value `place` the means are `means + s Z`, `Z` standard normal and
    `s = covariance[:, place] / sqrt(covariance[place, place] + noise^2)`; the expectation over `Z` is taken at even
    quantiles.

    Args:
        means: `k`, more is better.
        covariance: `k x k`.
        noise: Standard deviation of the measurement.
        place: Of the value that is measured.

    >>> independent = knowledge_gradient(np.zeros(2), np.eye(2), 0.0, 0)
    >>> round(independent, 3)  # E max(Z, 0)
    0.399
    """
    from scipy.special import ndtri

    spread = float(covariance[place, place]) + noise**2
    if spread <= 0:
        return 0.0
    z = ndtri((np.arange(_QUANTILES) + 0.5) / _QUANTILES)
    after = means[:, None] + (covariance[:, place] / np.sqrt(spread))[:, None] * z
    return float(max(0.0, after.max(axis=0).mean() - means.max()))
