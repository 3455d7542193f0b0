"""Output warping: an objective on a scale on which a Gaussian process foretells it better, for the choice of points.

How bad the worst trials are does not matter for what is best: values far out on the bad side are drawn in to Tukey's
inner fence (1977), so that they do not set the unit of all others.

Yields pile up at an end, losses span decades: where that is so, a power of the values (Yeo, Johnson 2000) lies nearer to
what the process supposes. The power is the most probable for the values alone; it is taken where the trials, each foretold
from the others, are likelier by it, and while things get better: what is left to find then lies among the best, which the
plain scale tells apart. Predictions that a person is told stay on the plain scale.

Notation: `n` trials, `z` standardized values, `w` warped ones.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from autolab.model.candidates import Candidates
from autolab.planners.prediction import varied
from autolab.planners.surrogate import Models, Surrogate, surrogate_of

if TYPE_CHECKING:
    from autolab.model.problem import Problem
    from autolab.planners.evidence import Evidence

Array = NDArray[np.float64]

_LEAST = 4  # trials that tell a power
_ASKED = 1.0  # by how much the log likelihood must be better
_FENCE = 1.5  # interquartile ranges beyond the bad quartile
_POWERS = (-2.0, 4.0)  # 1 leaves values as they are


@dataclass(frozen=True)
class Warped:
    """An objective on another scale.

    Attributes:
        models: Of all quantities, the objective's warped.
        unit: What one of the warped model's deviations is at the best trial, in the objective's unit, to first order.
        drawn_in: How many values were.
        power: Below 1 high values are drawn together, above 1 low ones; None where none is better.
    """

    models: Models
    unit: float
    drawn_in: int = 0
    power: float | None = None


def warped(problem: Problem, evidence: Evidence, models: Models) -> Warped | None:
    """Return models for the choice of points, or None where the plain ones are to be taken.

    Not where something is known beforehand (the process follows it on the plain scale), nor where the objective is
    itself bounded.

    Args:
        problem: One objective without a target.
        evidence: What was learned from.
        models: Of the plain quantities.
    """
    (objective,) = problem.objectives
    plain = models.each[0]
    bounded = any(limit.name == objective.name for limit in problem.outcome_constraints)
    if bounded or plain.trust is not None or len(evidence.y) < _LEAST or not np.ptp(evidence.y[:, 0]) > 0:
        return None
    if varied(problem, evidence) and not isinstance(problem.space, Candidates):
        return None  # trials crowded beside the best narrow the fence, and what lies elsewhere looks flat
    error, side = evidence.error[:, 0], objective.sign
    values = side * drawn_in(side * evidence.y[:, 0])
    moved = int((values != evidence.y[:, 0]).sum())
    base = surrogate_of(evidence.x, values, error, plain.kind) if moved else plain
    found = None if evidence.stalled else _bent(base, error, side)
    if found is None:
        return Warped(replace(models, each=(base, *models.each[1:])), base.scale, moved) if moved else None
    model, unit, power = found
    return Warped(replace(models, each=(model, *models.each[1:])), unit, moved, power)


def drawn_in(worth: Array) -> Array:
    """Return values, none farther on the low side than the inner fence; as they are where half of them are equal.

    >>> drawn_in(np.array([1.0, 2.0, 3.0, 4.0, -30.0, 90.0]))
    array([ 1. ,  2. ,  3. ,  4. , -2.5, 90. ])
    """
    low, high = np.quantile(worth, [0.25, 0.75])
    return np.asarray(np.maximum(worth, low - _FENCE * (high - low))) if high > low else worth


def _bent(plain: Surrogate, error: Array, side: float) -> tuple[Surrogate, float, float] | None:
    """Return the model of a power of the values, its unit and the power; None where the trials are not likelier by it.

    Args:
        plain: Model of the values.
        error: `n` standard errors, in the user's unit; NaN where unknown.
        side: 1 where high values are good, -1 where low ones are.
    """
    z = plain.process.y
    if not np.ptp(z) > 0:
        return None
    power = likeliest_power(z)
    w, slope = yeo_johnson(z, power)
    if not (np.isfinite(w).all() and (slope > 0).all() and np.ptp(w) > 0):
        return None
    other = surrogate_of(plain.process.x, w, error / plain.scale * slope, plain.kind)
    if _foretold(other) + np.log(slope / other.scale).sum() < _foretold(plain) + _ASKED:
        return None
    return other, plain.scale * other.scale / float(slope[np.argmax(side * z)]), power


def likeliest_power(z: Array) -> float:
    """Return the power by which values are likeliest to be normal, within -2 to 4."""
    from scipy.stats import yeojohnson_normmax  # loaded late: a second

    with np.errstate(all="ignore"):
        return float(np.clip(np.nan_to_num(yeojohnson_normmax(z), nan=1.0), *_POWERS))


def yeo_johnson(z: Array, power: float) -> tuple[Array, Array]:
    """Return warped values, and the slope of the warping at each (`n`, above 0).

    >>> values, slopes = yeo_johnson(np.array([-1.0, 0.0, 3.0]), 0.5)
    >>> values.round(2), slopes.round(2)
    (array([-1.22,  0.  ,  2.  ]), array([1.41, 1.  , 0.5 ]))
    """
    from scipy.stats import yeojohnson

    with np.errstate(all="ignore"):
        return np.asarray(yeojohnson(z, lmbda=power)), (1.0 + np.abs(z)) ** ((power - 1.0) * np.where(z < 0, -1.0, 1.0))


def _foretold(model: Surrogate) -> float:
    """Return the log likelihood of the trials, each foretold from the others, up to a constant."""
    mean, variance = model.process.left_out()
    return float(-0.5 * (np.log(variance) + (model.process.y - mean) ** 2 / variance).sum())
