"""What ends a run: people, failures, and whatever of the budget is used up or reached."""

from __future__ import annotations

from typing import TYPE_CHECKING

from autolab.model.objectives import OutcomeConstraint

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from autolab.loop.budget import Budget
    from autolab.loop.interrupts import StopSwitch
    from autolab.loop.progress import StopReason
    from autolab.loop.record import Record
    from autolab.loop.supplies import Supplies
    from autolab.model.problem import Problem
    from autolab.model.trial import Point, Trial


class Ends:
    """Says whether a run should end, and why.

    Args:
        budget: When to stop.
        problem: Says which trials are feasible.
        record: The journal and its history.
        switch: Ends the run early.
        now: Lab time, s.
        supplies: What bottles still hold; None where nothing is drawn from any.
    """

    def __init__(
        self,
        budget: Budget,
        problem: Problem,
        record: Record,
        switch: StopSwitch,
        now: Callable[[], float],
        supplies: Supplies | None = None,
    ) -> None:
        self._budget, self._problem, self._record = budget, problem, record
        self._switch, self._now, self._supplies = switch, now, supplies
        self._old_streak = record.history.failure_streak  # of earlier runs: whoever runs again has looked at it
        self._lacking = ""

    def reason(self) -> tuple[StopReason, str] | None:
        """Return why the run should end now, with words; None while it may go on."""
        if self._switch.level:
            return self._switch.reason or "interrupted", self._switch.detail
        return self._failing() or self._reached() or self._used_up()

    def supplied(self, point: Point) -> bool:
        """Return whether bottles and budget suffice for an attempt; where not, `reason` says so from now on."""
        self._lacking = self._supplies.lacking(point) if self._supplies is not None else ""
        return not self._lacking

    @property
    def drawn(self) -> Mapping[str, tuple[float, float | None]]:
        """Stock -> (mL drawn so far, mL loaded or None)."""
        return self._supplies.drawn if self._supplies is not None else {}

    def _failing(self) -> tuple[StopReason, str] | None:
        history = self._record.history
        if history.failure_streak < self._old_streak:
            self._old_streak = 0
        streak = history.failure_streak - self._old_streak
        if streak < self._budget.failure_streak:
            return None
        last = next((trial for trial in reversed(history.trials) if trial.attempts), None)
        why = last.attempts[-1].reason if last is not None else ""
        return "failure_streak", f"{streak} attempts in a row did not complete; the last: {why}"

    def _reached(self) -> tuple[StopReason, str] | None:
        target = [one for one in self._budget.target if isinstance(one, OutcomeConstraint)]
        if not target:
            return None
        for trial in self._record.history.trials:
            if self._reaches(trial, target):
                values = ", ".join(f"{one.name} = {trial.outcome[one.name].value:.4g}" for one in target)
                wanted = " and ".join(str(one) for one in target)
                return "target", f"trial {trial.number} reached the target {wanted} with {values}"
        return None

    def _reaches(self, trial: Trial, target: list[OutcomeConstraint]) -> bool:
        outcome = trial.outcome
        return (
            trial.usable
            and self._problem.feasible(outcome)
            and all(one.name in outcome and one.holds(outcome[one.name].value) for one in target)
        )

    def _used_up(self) -> tuple[StopReason, str] | None:
        if self._budget.hours is not None and self._now() >= self._budget.hours * 3600:
            return "budget_hours", f"the budget of {self._budget.hours:g} hours is used up"
        lacking = self._lacking or (self._supplies.spent() if self._supplies is not None else "")
        return ("budget_consumables", lacking) if lacking else None
