"""Whether there is enough left to gain: the stopping rules that ask the planner's model."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from autolab.model.errors import PlannerError
from autolab.planners.stopping import check_single

logger = logging.getLogger(__name__)

if TYPE_CHECKING:
    from autolab.loop.budget import Budget
    from autolab.loop.progress import StopReason
    from autolab.model.problem import Problem
    from autolab.model.suggestion import Suggestion
    from autolab.model.trial import Trial


class Enough:
    """Says at a decision whether going on is worth it.

    Args:
        budget: With `gain`, `regret`, both or neither.
        problem: One objective, where there is such a rule.
        planner: Its suggestions tell a `gain`; its `regret` is asked, or the default planner's where it has none.

    Raises:
        InputError: There is a rule, and several objectives.
    """

    def __init__(self, budget: Budget, problem: Problem, planner: object) -> None:
        self._budget, self._problem, self._planner = budget, problem, planner
        if budget.gain is not None or budget.regret is not None:
            check_single(problem)

    def reason(
        self, history: Sequence[Trial], suggestions: Sequence[Suggestion], seed: int
    ) -> tuple[StopReason, str] | None:
        """Return why not to perform these suggestions, with words; None where they are worth it.

        Args:
            history: That they were made by.
            suggestions: Of this decision.
            seed: Of this decision.
        """
        return self._little_gain(suggestions) or self._little_regret(history, seed)

    def _little_gain(self, suggestions: Sequence[Suggestion]) -> tuple[StopReason, str] | None:
        if self._budget.gain is None:
            return None
        gains = [one.info.get("gain") for one in suggestions]
        told = [float(one) for one in gains if isinstance(one, int | float)]
        if len(told) < len(gains) or not told or max(told) >= self._budget.gain:
            return None  # a design tells no gain: nothing is known yet
        return (
            "gain",
            f"the best of the next points is expected to gain {max(told):.3g}{self._limit(self._budget.gain)}",
        )

    def _little_regret(self, history: Sequence[Trial], seed: int) -> tuple[StopReason, str] | None:
        if self._budget.regret is None:
            return None
        from autolab.planners.bayes import Bayes

        asked: Any = self._planner if hasattr(self._planner, "regret") else Bayes()
        try:
            bound = float(asked.regret(self._problem, history, seed=seed))
        except PlannerError:
            return None  # no model yet
        except Exception:  # as when a planner fails: that never ends a campaign
            logger.exception("the bound on regret could not be told; the campaign goes on")
            return None
        if bound > self._budget.regret:
            return None
        return (
            "regret",
            f"with 95 % probability the best trial lacks at most {bound:.3g}{self._limit(self._budget.regret)}",
        )

    def _limit(self, limit: float) -> str:
        unit = self._problem.objectives[0].unit
        return f"{f' {unit}' if unit else ''} of {self._problem.objectives[0].name}; the limit is {limit:g}"
