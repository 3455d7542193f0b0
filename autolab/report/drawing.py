"""The figures of a campaign by their names."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final, cast

from autolab.model.errors import InputError
from autolab.model.names import did_you_mean
from autolab.model.objectives import OutcomeConstraint

if TYPE_CHECKING:
    from autolab.journal.history import History
    from autolab.loop.budget import Budget
    from autolab.model.problem import Problem
    from autolab.model.trial import Trial
    from autolab.planners.prediction import Predict

FIGURES: Final = ("progress", "parameters", "surface")


def draw(
    what: str, problem: Problem, history: History, planner: object, units: Mapping[str, str], budget: Budget
) -> Any:  # noqa: ANN401  a plotly Figure: plotly ships no types
    """Return a figure.

    Args:
        what: One of `FIGURES`.
        problem: Of the campaign.
        history: As the journal tells it.
        planner: Whose model the surface shows; the default planner's where it tells none.
        units: Of quantities that the problem does not tell.
        budget: May name a target.

    Raises:
        InputError: No such figure, or no completed trial to draw the surface around.
        PlannerError: Too few trials for a model.
    """
    from autolab.plots import parameters, progress, surface

    if what not in FIGURES:
        msg = f"there is no figure {what!r}: {did_you_mean(what, FIGURES)}"
        raise InputError(msg)
    before = history.inherited + history.imported
    if what == "progress":
        target = [one for one in budget.target if isinstance(one, OutcomeConstraint)]
        return progress(problem, history.trials, units=units, target=target, before=before)
    if what == "parameters":
        return parameters(problem, history.trials, units=units)
    trials = [*history.trials, *before]
    return surface(problem, trials, predictor_of(planner, problem, history.usable_history()), units=units)


def predictor_of(planner: object, problem: Problem, trials: Sequence[Trial]) -> Predict:
    """Return what a planner expects; where it does not say, the default planner's model.

    Raises:
        PlannerError: Too few trials for a model, or none fits them.
    """
    from autolab.planners.bayes import Bayes

    asked: Any = planner if hasattr(planner, "predictor") else Bayes()
    return cast("Predict", asked.predictor(problem, trials))
