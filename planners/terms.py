"""The terms of a declared polynomial model, as columns that are independent over the points at hand.

Notation: `N` points, `d` encoded columns, `p` terms.

All products that the model names are written down and those which earlier ones add up to are left out: the intercept
beside a mixture that adds up (what stays spans the same functions as Scheffe's polynomial), the last label of a
category, the square of a factor with two levels. D- and I-optimality do not depend on which of equivalent terms stay.
"""

from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Model = Literal["linear", "interactions", "quadratic"]

_DEPENDENT = 1e-7  # what is left of a term once earlier ones are taken out, relative to it


class Terms:
    """A model's terms, orthonormal over a set of points.

    Args:
        model: `linear`: intercept and main effects; `interactions`: also products of two; `quadratic`: also squares.
        points: `N x d`, encoded; they decide which terms are independent.

    Attributes:
        count: `p`.
    """

    def __init__(self, model: Model, points: Array) -> None:
        self._model: Model = model
        raw = products(points, model)
        self._kept = independent(raw)
        triangle = np.linalg.qr(raw[:, self._kept], mode="r")
        self._to_orthonormal = np.linalg.inv(triangle) * np.sqrt(len(points))
        self.count = len(self._kept)

    def at(self, points: Array) -> Array:
        """Return `n x p`; over the points that made this the mean square of each term is 1, of two terms 0."""
        return np.asarray(products(points, self._model)[:, self._kept] @ self._to_orthonormal)


def products(points: Array, model: Model) -> Array:
    """Return the terms as they are written down: 1, each column (as -1 to 1), products of two, squares."""
    x = 2 * points - 1
    parts = [np.ones((len(x), 1)), x]
    if model != "linear":
        first, second = np.triu_indices(x.shape[1], 1)
        parts.append(x[:, first] * x[:, second])
    if model == "quadratic":
        parts.append(x**2)
    return np.hstack(parts)


def independent(columns: Array) -> list[int]:
    """Return which columns (`N x c`) are no weighted sum of those before them (Gram, Schmidt, twice for rounding)."""
    basis = np.zeros((columns.shape[0], 0))
    kept: list[int] = []
    for i, column in enumerate(columns.T):
        size = float(np.linalg.norm(column))
        rest = column / size if size > 0 else column
        for _ in range(2):
            rest = rest - basis @ (basis.T @ rest)
        left = float(np.linalg.norm(rest))
        if left > _DEPENDENT:
            basis = np.hstack([basis, (rest / left)[:, None]])
            kept.append(i)
    return kept
