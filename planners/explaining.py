"""Explain a point by the very models that `Bayes` proposes by."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from autolab.model.errors import PlannerError
from autolab.planners.belief import Belief
from autolab.planners.calibration import Calibration, Predictor, calibration
from autolab.planners.explanation import Explanation, explain_plainly
from autolab.planners.isolation import isolated
from autolab.planners.prediction import Prediction, predictions_of
from autolab.planners.sensitivity import importance

if TYPE_CHECKING:
    from autolab.model.problem import Problem
    from autolab.model.trial import Point, Trial
    from autolab.planners.evidence import Evidence

WHY = {
    "improvement": "one objective: the point with the greatest expected improvement",
    "hypervolume": "several objectives: the point with the greatest expected gain of dominated hypervolume",
}


def explain(
    problem: Problem,
    history: Sequence[Trial],
    evidence: Evidence,
    point: Point,
    *,
    seed: int,
    folds: int,
    predictor: Predictor,
) -> Explanation:
    """Return what is known of a point by models fitted to `evidence`.

    Args:
        problem: Goals and outcome constraints.
        history: For the nearest trials and cross-validation.
        evidence: The same, in numbers.
        point: Not necessarily the one that would be proposed.
        seed: As given to `suggest`.
        folds: Of the cross-validation; 0 to leave it out.
        predictor: Fits the model that is cross-validated.
    """
    with isolated(seed):
        belief = Belief.learned(problem, evidence, seed)
        (info,) = belief.infos([point], belief.worths([point]))

    def predict(points: Sequence[Point]) -> list[Prediction]:
        return predictions_of(problem, belief.model, belief.success, points)

    (prediction,) = predict([point])
    plain = explain_plainly(problem, history, point, rule=belief.rule, because=_because(belief))
    return replace(
        plain,
        prediction=prediction,
        gain=info["gain"],
        kept=_kept(problem, prediction),
        importance=importance(problem.space, predict, seed),
        calibration=_calibrated(problem, history, predictor, folds, seed),
    )


def _because(belief: Belief) -> str:
    weights = ["that the outcome constraints hold"] if belief.problem.outcome_constraints else []
    weights += ["that the experiment succeeds, as failures taught"] if belief.success is not None else []
    return WHY[belief.rule] + (f", times the probability {' and '.join(weights)}" if weights else "")


def _kept(problem: Problem, prediction: Prediction) -> float:
    """Return the probability that all outcome constraints hold, each quantity normal and by itself."""
    from scipy.stats import norm  # loaded late: a second

    chance = 1.0
    for name in dict.fromkeys(limit.name for limit in problem.outcome_constraints):
        mean, deviation = prediction.mean[name], max(prediction.deviation[name], 1e-300)
        limits = [limit for limit in problem.outcome_constraints if limit.name == name]
        upper = min((norm.cdf((one.bound - mean) / deviation) for one in limits if one.side == "<="), default=1.0)
        lower = max((norm.cdf((one.bound - mean) / deviation) for one in limits if one.side == ">="), default=0.0)
        chance *= max(0.0, float(upper - lower))
    return chance


def _calibrated(
    problem: Problem, history: Sequence[Trial], predictor: Predictor, folds: int, seed: int
) -> Calibration | None:
    try:
        return calibration(problem, history, predictor, folds=folds, seed=seed) if folds else None
    except PlannerError:  # with a fold left out there are too few
        return None
