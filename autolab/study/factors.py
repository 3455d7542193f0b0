"""Acceleration and enhancement factor (Liang et al. 2021, npj Computational Materials 7, 188).

Notation: `T` trials. Curves are mean curves of progress over seeds.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]


def acceleration(mine: Array, baseline: Array) -> Array:
    """Return AF of mean curves of progress (`... x T` each), at the greatest progress that both reach.

    NaN where that is nothing.

    >>> float(acceleration(np.array([0.2, 0.6, 0.8, 0.8]), np.array([0.1, 0.2, 0.4, 0.6])))
    2.0
    """
    level = np.minimum(mine.max(axis=-1), baseline.max(axis=-1))[..., None]
    ratio = _reached(baseline, level) / _reached(mine, level)
    return np.where(level[..., 0] > 0, ratio, np.nan)


def _reached(curve: Array, level: Array) -> Array:
    return np.asarray((curve >= level - 1e-12).argmax(axis=-1) + 1)


def enhancement(mine: Array, baseline: Array) -> Array:
    """Return EF of mean curves of progress (`... x T` each) at their end; NaN where the baseline made none.

    >>> float(enhancement(np.array([0.2, 0.6]), np.array([0.1, 0.3])))
    2.0
    """
    last = baseline[..., -1]
    return np.where(last > 0, mine[..., -1] / np.where(last > 0, last, 1.0), np.nan)
