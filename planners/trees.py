"""Forests of decision trees: what they expect, and how unsure they are.

Notation: `n` trials, `d` encoded columns, `m` quantities, `N` points asked about, `T` trees.

Uncertainty is that of the mixture of the trees (law of total variance): between their means, and within their leaves
(Hutter, Xu, Hoos and Leyton-Brown 2014, section 4.3.2).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from autolab.planners.evidence import Evidence

Array = NDArray[np.float64]
Kind = Literal["random", "extra"]

_MOST = 1e6  # ranges: a greater standard error is none
_LEAST = 1e-6  # of a quantity's range: the least deviation, so that trees that agree do not claim to be certain


class Trees:
    """One forest a quantity, fitted; and one that tells successes from failures.

    Args:
        evidence: What is known.
        kind: Splits that are searched on bootstrapped trials (`random`, Breiman 2001) or drawn on all (`extra`,
            Geurts 2006).
        count: Trees a forest.
        seed: Of all that is random in them.
    """

    def __init__(self, evidence: Evidence, kind: Kind, count: int, seed: int) -> None:
        from sklearn import ensemble  # type: ignore[import-untyped]  # it ships no types; loaded late: a second

        options: dict[str, Any] = {"n_estimators": count, "random_state": seed % 2**32, "n_jobs": 1}
        make = ensemble.RandomForestRegressor if kind == "random" else ensemble.ExtraTreesRegressor
        # values of order 1: a tree stops where they differ by less than 1e-8, which amperes always do
        self._center, span = np.median(evidence.y, axis=0), np.ptp(evidence.y, axis=0)
        self._scale = np.where(span > 0, span, 1.0)
        y, error = (evidence.y - self._center) / self._scale, evidence.error / self._scale
        self._forests = [
            make(min_samples_split=3, max_features=5 / 6, **options).fit(
                evidence.x, y[:, i], sample_weight=_weights(error[:, i], y[:, i])
            )
            for i in range(y.shape[1])
        ]
        self._judge: Any = None
        if len(evidence.failed):
            x = np.vstack([evidence.x, evidence.failed])
            labels = np.repeat([1, 0], [len(evidence.x), len(evidence.failed)])
            self._judge = ensemble.RandomForestClassifier(min_samples_leaf=2, **options).fit(x, labels)

    def predict(self, x: Array) -> tuple[Array, Array]:
        """Return mean and standard deviation of each quantity, `N x m` each, at encoded points (`N x d`)."""
        told = [_mixture(forest.estimators_, x) for forest in self._forests]
        means = np.column_stack([mean for mean, _ in told])
        deviations = np.maximum(np.column_stack([deviation for _, deviation in told]), _LEAST)
        return self._center + self._scale * means, self._scale * deviations

    def success(self, x: Array) -> Array | None:
        """Return the probability of success at encoded points, `N`; None while nothing has failed."""
        if self._judge is None:
            return None
        share = self._judge.predict_proba(x)[:, list(self._judge.classes_).index(1)]
        return np.asarray(0.02 + 0.98 * share)  # never certain: a region must not be closed for good


def _mixture(trees: Sequence[Any], x: Array) -> tuple[Array, Array]:
    """Return mean and standard deviation of a mixture of trees, `N` each."""
    rows = np.ascontiguousarray(x, dtype=np.float32)
    total, squares, within = np.zeros(len(x)), np.zeros(len(x)), np.zeros(len(x))
    for one in trees:
        leaves = one.tree_.apply(rows)
        value = one.tree_.value[:, 0, 0][leaves]
        total += value
        squares += value**2
        within += one.tree_.impurity[leaves]
    mean = total / len(trees)
    between = np.maximum(squares / len(trees) - mean**2, 0)
    return mean, np.sqrt(between + np.maximum(within / len(trees), 0))


def _weights(error: Array, y: Array) -> Array | None:
    """Return the weight of each trial, of errors and values in ranges; None where no standard error is known.

    The inverse of its variance, beside that of the quantity: exact trials are not to outweigh all others.
    """
    told = np.isfinite(error)
    if not told.any():
        return None
    filled = np.minimum(np.where(told, error, np.median(error[told])), _MOST)
    spread = max(float(np.var(y)), _LEAST)
    return np.asarray(1 / (1 + filled**2 / (0.1 * spread)))
