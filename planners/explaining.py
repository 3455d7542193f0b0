"""Explain a point by what a model expects of it, whichever model that is."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from types import MappingProxyType
from typing import TYPE_CHECKING

import numpy as np

from autolab.model.errors import PlannerError
from autolab.planners.calibration import Calibration, Predictor, calibration
from autolab.planners.explanation import Explanation, explain_plainly
from autolab.planners.sensitivity import importance

if TYPE_CHECKING:
    from autolab.model.problem import Problem
    from autolab.model.trial import Point, Trial
    from autolab.planners.prediction import Predict, Prediction

WHY = {
    "improvement": "one objective: the point with the greatest expected improvement",
    "hypervolume": "several objectives: the point with the greatest expected gain of dominated hypervolume",
    "scalarized": "several objectives, weighed at random: the point with the greatest expected improvement",
}


HYPERVOLUME = 4
"""So many objectives at most are weighed by hypervolume: its time grows steeply with them."""


def rule_of(problem: Problem) -> str:
    """Return the rule by which `Bayes` chooses points once it has a model."""
    if len(problem.objectives) == 1:
        return "improvement"
    return "hypervolume" if len(problem.objectives) <= HYPERVOLUME else "scalarized"


def explain(
    problem: Problem,
    history: Sequence[Trial],
    point: Point,
    *,
    rule: str,
    gain: float,
    predict: Predict,
    predictor: Predictor,
    folds: int,
    seed: int,
    slips: Sequence[Point] = (),
    stretched: Mapping[str, Mapping[str, float]] = MappingProxyType({}),
    margin: float = 0.0,
) -> Explanation:
    """Return what is known of a point.

    Args:
        problem: Goals and outcome constraints.
        history: For the nearest trials and cross-validation.
        point: Not necessarily the one that would be proposed.
        rule: A key of `WHY`.
        gain: What the planner weighs the point by.
        predict: The model, fitted to all of the history.
        predictor: Fits the model that is cross-validated.
        folds: Of the cross-validation; 0 to leave it out.
        seed: As given to `suggest`.
        slips: Points of trials that the model leaves aside, for their value must be wrong.
        stretched: Quantity -> encoded column -> warp of its axis.
        margin: By how much the best is to be surpassed, in the objective's unit.
    """
    (prediction,) = predict([point])
    because = _because(problem, rule, prediction, slips) + _of_axes(stretched)
    if margin:
        because += (
            f"; since nothing gets better, that point this time which surpasses the best by {margin:.3g} likeliest"
        )
    plain = explain_plainly(problem, history, point, rule=rule, because=because)
    return replace(
        plain,
        prediction=prediction,
        gain=gain,
        kept=_kept(problem, prediction),
        importance=importance(problem.space, predict, seed),
        calibration=_calibrated(problem, history, predictor, folds, seed),
    )


def _because(problem: Problem, rule: str, prediction: Prediction, slips: Sequence[Point]) -> str:
    weights = ["that the outcome constraints hold"] if problem.outcome_constraints else []
    weights += ["that the experiment succeeds, as failures taught"] if prediction.success is not None else []
    told = WHY[rule] + (f", times the probability {' and '.join(weights)}" if weights else "")
    if slips:
        told += (
            f"; left aside, for all others foretell another value there: {'; '.join(str(dict(one)) for one in slips)}"
        )
    return told


def _of_axes(stretched: Mapping[str, Mapping[str, float]]) -> str:
    """Return what is told of warped axes."""
    return "".join(
        f"; along {column} {name} changes mostly near the {'low' if b < 0 else 'high'} end: that end of the axis is "
        f"stretched {math.exp(abs(b)):.0f} times as much as the other"
        for name, warps in stretched.items()
        for column, b in warps.items()
    )


def _kept(problem: Problem, prediction: Prediction) -> float:
    """Return the probability that all outcome constraints hold, each quantity normal and by itself."""
    from autolab.planners.windows import windows  # SciPy is loaded late: a second

    chance = 1.0
    for window in windows(problem):
        name = problem.outcome_names[window.place]
        mean, deviation = prediction.mean[name], max(prediction.deviation[name], 1e-300)
        chance *= math.exp(window.log_chance(np.array(mean), np.array(deviation)))
    return chance


def _calibrated(
    problem: Problem, history: Sequence[Trial], predictor: Predictor, folds: int, seed: int
) -> Calibration | None:
    try:
        return calibration(problem, history, predictor, folds=folds, seed=seed) if folds else None
    except PlannerError:  # with a fold left out there are too few
        return None
