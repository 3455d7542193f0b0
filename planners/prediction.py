"""What a planner believes: the model that it proposes by, asked about points of one's own choice."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from autolab.model.candidates import Candidates
from autolab.model.errors import AutolabError, PlannerError
from autolab.model.parameters import Categorical
from autolab.planners.evidence import STALLED

if TYPE_CHECKING:
    from autolab.model.problem import Problem
    from autolab.model.space import Space
    from autolab.model.trial import Point
    from autolab.planners.evidence import Evidence
    from autolab.planners.feasibility import Success
    from autolab.planners.stated import Mean
    from autolab.planners.surrogate import Kind, Models
    from autolab.planners.trends import Trend

Array = NDArray[np.float64]

WIDE = 1.96
"""Standard deviations on either side of the mean that hold 95 % of a normal distribution."""
MARGIN = 2.0
"""Deviations of the trials by which the best one is to be surpassed, once nothing gets better (decision 0022)."""


@dataclass(frozen=True)
class Prediction:
    """What the model expects at one point.

    Attributes:
        point: In the user's units.
        mean: Quantity -> expected value of the quantity itself, without the noise of measuring it, in the user's unit.
        deviation: Quantity -> standard deviation of that value, in the same unit.
        success: Probability that the experiment succeeds; None where no failure has taught it anything.
        noise: Quantity -> standard deviation of one measurement around that value, as far as the trials tell it.
        besides: Quantity -> the part of it that is not in the standard errors that trials tell.

    >>> Prediction({"x": 1.0}, {"y": 2.0}, {"y": 0.5}).interval("y")
    (1.02, 2.98)
    """

    point: Point
    mean: Mapping[str, float]
    deviation: Mapping[str, float]
    success: float | None = None
    noise: Mapping[str, float] = field(default_factory=dict)
    besides: Mapping[str, float] = field(default_factory=dict)

    def noise_with(self, name: str, error: float | None) -> float:
        """Return the standard deviation of a measurement that tells its standard error, or tells none."""
        return self.noise.get(name, 0.0) if error is None else math.hypot(error, self.besides.get(name, 0.0))

    def interval(self, name: str) -> tuple[float, float]:
        """Return the bounds that hold a quantity's value with a probability of 95 %."""
        half = WIDE * self.deviation[name]
        return self.mean[name] - half, self.mean[name] + half


_MANY = 8
"""Keys beyond which most of the numbers of a space may not matter (decision 0022)."""

Predict = Callable[[Sequence["Point"]], "list[Prediction]"]
"""Points -> one prediction each, in their order."""


def fitted(
    problem: Problem, evidence: Evidence, means: Mapping[str, Mean] | None = None, kind: Kind | None = None
) -> tuple[Models, Success | None]:
    """Return the models of the quantities, and that of success (None without a failure).

    To be called where numerical work is isolated. An experiment that failed in a past campaign counts as one that
    failed in this.

    Args:
        problem: Names the quantities.
        evidence: What is known.
        means: Quantity -> what a person expects of it.
        kind: What is supposed of the quantities; None for what their space suggests.

    Raises:
        InputError: A mean is not defined where something was measured.
    """
    from autolab.planners import surrogate
    from autolab.planners.feasibility import Success

    kind = kind or kind_of(problem.space)
    trends = trends_for(problem, evidence, means)
    if any(trends):
        from autolab.planners.informed import informed_models

        models = informed_models(evidence, kind, trends)
    else:
        models = surrogate.outcome_models(evidence, kind)
    every = (evidence, *evidence.sources)
    failed = np.vstack([one.failed for one in every])
    return models, Success(np.vstack([one.x for one in every]), failed) if len(failed) else None


def trends_for(
    problem: Problem, evidence: Evidence, means: Mapping[str, Mean] | None = None
) -> list[tuple[Trend, ...]]:
    """Return what is known of each quantity beforehand. To be called where numerical work is isolated.

    Raises:
        InputError: A mean is not defined where something was measured.
    """
    from autolab.planners.stated import Stated
    from autolab.planners.trends import trends_of

    stated = {name: Stated(name, mean, problem.space) for name, mean in (means or {}).items()}
    for one in stated.values():
        one.check_trials(evidence.points)
    kind, deviations = kind_of(problem.space), _displaced(problem.space)
    return [
        trends_of(evidence.sources, i, kind, stated.get(name), deviations)
        for i, name in enumerate(problem.outcome_names)
    ]


def _displaced(space: Space | Candidates) -> Array:
    """Return by how much each encoded column may be displaced from what it was in a past campaign: labels cannot."""
    from autolab.planners.learned import DEVIATION

    if isinstance(space, Candidates):
        numbers = {name for name in space.names if space.span(name) is not None}
    else:
        numbers = {axis.name for axis in space.axes if not isinstance(axis, Categorical)}
    return np.array([DEVIATION if column in numbers else 0.0 for column in space.columns])


def kind_of(space: Space | Candidates) -> Kind:
    """Return what is supposed of quantities over a space: where labels are many broad trends, else roughness.

    With many keys that few of them matter.

    Measured on tables of reactions and of materials, and on functions: see docs/reference/planners/bayes.md.
    """
    from autolab.planners.surrogate import Kind

    if isinstance(space, Candidates):
        labelled, finite = sum(isinstance(space.point(0)[name], str) for name in space.names), True
    else:
        labelled = sum(isinstance(axis, Categorical) for axis in space.axes)
        # along a number, trends would lead to its end and stay
        finite = all(axis.grid is not None for axis in space.axes)
    if finite and 2 * labelled >= len(space.names):
        return Kind("smooth", "stiff")
    return Kind("matern", "sparse" if len(space.names) > _MANY else "short")


def kind_doubting(space: Space | Candidates) -> Kind:
    """Return what is supposed where trials or the usual model are doubted: along numbers longer lengthscales.

    With short ones a slip passes for a peak.
    """
    from autolab.planners.surrogate import Kind

    usual = kind_of(space)
    return usual if usual.prior == "stiff" else Kind("matern", "broad")


def varied(problem: Problem, evidence: Evidence) -> bool:
    """Return whether the next point is chosen otherwise than usual: every second time, once nothing gets better.

    Not where trials cost differently: elsewhere is dear.
    """
    return problem.cost is None and evidence.stalled and (evidence.stall - STALLED) % 2 == 0


def kind_tried(problem: Problem, evidence: Evidence) -> Kind:
    """Return what is supposed for the next point: along numbers, where it is `varied`, another scale.

    A model that takes a hill for noise, or noise for hills, puts one trial beside the other and learns nothing from it;
    one with longer lengthscales looks elsewhere.
    """
    return (kind_doubting if varied(problem, evidence) else kind_of)(problem.space)


def margin_asked(problem: Problem, evidence: Evidence) -> float:
    """Return by how much the next point is to surpass the best one, in deviations of the trials.

    Among labels there is no nearer or farther, and what looks best again and again is a change of one label; where it is
    `varied` a point is chosen that may be far better.
    """
    return MARGIN if kind_of(problem.space).prior == "stiff" and varied(problem, evidence) else 0.0


def predictor(problem: Problem, evidence: Evidence, means: Mapping[str, Mean] | None = None) -> Predict:
    """Fit once, and return what predicts.

    Raises:
        PlannerError: The model cannot be fitted to these trials.
    """
    from autolab.planners.isolation import isolated
    from autolab.planners.slips import without_slips

    try:
        with isolated(0):
            evidence = without_slips(problem, evidence)
            models, success = fitted(problem, evidence, means)
    except AutolabError:
        raise
    except Exception as error:
        msg = f"no model fits the {len(evidence.x)} completed trials: {type(error).__name__}: {error}"
        raise PlannerError(msg) from error
    return lambda points: predictions_of(problem, models, success, points)


def predictions_of(
    problem: Problem, models: Models, success: Success | None, points: Sequence[Point]
) -> list[Prediction]:
    """Return what fitted models expect at points, in their order."""
    from autolab.planners.isolation import isolated

    if not points:
        return []
    encoded = problem.space.encode(points)
    with isolated(0):
        means, deviations = models.widened(encoded)
        chances = success.probabilities(encoded) if success is not None else [None] * len(points)
    names = problem.outcome_names
    noise = _named(names, models.noises * models.widenings)
    besides = _named(names, np.array([one.besides for one in models.each]) * models.widenings)
    return [
        Prediction(dict(point), _named(names, mean), _named(names, deviation), chance, noise, besides)
        for point, mean, deviation, chance in zip(points, means, deviations, chances, strict=True)
    ]


def _named(names: Sequence[str], row: Iterable[float]) -> dict[str, float]:
    return {name: float(value) for name, value in zip(names, row, strict=True)}
