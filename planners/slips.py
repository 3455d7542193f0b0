"""Slips: trials whose value must be wrong, for all others foretell another one.

A sample that was dropped, a line that lost a digit: one value ten deviations too bad tells a Gaussian process that all is
noise. So each value is supposed to be a slip with a small probability, and then to be anything within the range of values.
Suspects are left out one by one, the worst foretold from the others first, and the model is fitted anew; what makes all
values together likeliest is kept (the idea of Ament et al. 2024, arXiv 2410.24222, with trials left out instead of noise
added).

Two that lie beside one another confirm each other: then it is the place, not a slip. A value that is too good is never
taken for one: it may be the find of the campaign, and the next trials tell.

Notation: `n` trials, `m` quantities.
"""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from autolab.planners.prediction import kind_doubting
from autolab.planners.surrogate import Kind, Surrogate, surrogate_of

if TYPE_CHECKING:
    from autolab.model.problem import Problem
    from autolab.planners.evidence import Evidence

Array = NDArray[np.float64]

_TELLING = 6  # trials that tell of another
_MOST = 300  # trials; among more a slip tells little, and fits take long
_SHARE = 0.34  # of the trials that may be left out
_BESIDE = 0.99  # correlation of two that confirm each other
_PATIENCE = 3  # suspects left out in vain, one after the other: slips hide one another
_PROBABLE = 0.01  # of a slip
_ASKED = 5.0  # by how much the log density must be better: models of few trials are too sure of themselves
_SUSPECT = (2.5, 2.0)  # deviations from what the others foretell: the first, and the next
_SURE = 0.85  # deviation of what is foretold, of the deviation where nothing is known


def without_slips(problem: Problem, evidence: Evidence) -> Evidence:
    """Return evidence without slips. To be called where numerical work is isolated.

    Args:
        problem: Tells which side of each quantity is bad.
        evidence: What is known.
    """
    wrong, kind = np.zeros(len(evidence.x), dtype=bool), kind_doubting(problem.space)
    for i, side in enumerate(good_sides(problem)):
        if side:
            wrong |= slips(evidence.x, evidence.y[:, i], evidence.error[:, i], kind, side)
    if not wrong.any():
        return evidence
    left = tuple(evidence.points[i] for i in np.flatnonzero(wrong))
    return replace(evidence.only(np.flatnonzero(~wrong)), slips=left)


def good_sides(problem: Problem) -> list[float]:
    """Return 1 for each quantity that is to be high, -1 for one that is to be low, 0 for one with a value to match."""
    sides = {limit.name: 1.0 if limit.side == ">=" else -1.0 for limit in problem.outcome_constraints}
    sides |= {one.name: one.sign for one in problem.objectives}
    return [sides[name] for name in problem.outcome_names]


def slips(x: Array, values: Array, error: Array, kind: Kind, side: float) -> NDArray[np.bool_]:
    """Return which of `n` values are slips.

    Args:
        x: `n x d` encoded points.
        values: `n`.
        error: `n` standard errors; NaN where unknown.
        kind: What is supposed of them.
        side: 1 where high values are good, -1 where low ones are.
    """
    kept = np.ones(len(x), dtype=bool)
    best, found, most, vain = None, kept, -math.inf, 0
    if not _TELLING < len(x) <= _MOST or not np.ptp(values) > 0:
        return ~found
    fewest = max(_TELLING, len(x) - math.ceil(_SHARE * len(x)))
    while kept.sum() >= fewest:
        model = surrogate_of(x[kept], values[kept], error[kept], kind)
        told = _likelihood(model, kept, float(np.ptp(values)))
        if kept.all():
            most = told + _ASKED
        elif told > most:
            best, found, most, vain = model, kept, told, 0
        else:
            vain += 1
        suspect = _suspect(model, side, _SUSPECT[0] if kept.all() else _SUSPECT[1])
        if suspect is None or vain == _PATIENCE:
            break
        kept = kept.copy()
        kept[np.flatnonzero(kept)[suspect]] = False
    wrong = ~found
    if best is not None:
        wrong[wrong] = ~_confirmed(best, x[wrong])
    return wrong


def _likelihood(model: Surrogate, kept: NDArray[np.bool_], spread: float) -> float:
    """Return the log density of all values, those left out being anything within the range of values."""
    left_out = len(kept) - kept.sum()
    told = model.process.likelihood - kept.sum() * (math.log(model.scale) - math.log1p(-_PROBABLE))
    return float(told + left_out * (math.log(_PROBABLE) - math.log(spread)))


def _suspect(model: Surrogate, side: float, least: float) -> int | None:
    """Return the value farthest on the bad side of what the others foretell, where they tell; None where none is."""
    process = model.process
    mean, variance = process.left_out()
    away = side * (mean - process.y) / np.sqrt(variance)
    away[variance - process.hyper.noise >= _SURE**2 * process.variance(process.x)] = 0.0
    worst = int(np.argmax(away))
    return worst if away[worst] > least else None


def _confirmed(model: Surrogate, x: Array) -> NDArray[np.bool_]:
    """Return which of some trials left out have another of them beside them."""
    beside = model.process.stationary(x, x) > _BESIDE * model.process.hyper.outputscale
    return np.asarray(beside.sum(axis=1) > 1)
