"""Stations 1 and 2: history from the journal, suggestions from the planner, the decision into the journal."""

from __future__ import annotations

import logging
from contextlib import nullcontext
from typing import TYPE_CHECKING

from autolab.journal.events import Entry
from autolab.model.errors import DesignUnfit, DesignUsedUp, EmptySpace, InputError, PlannerError, StopRequested
from autolab.model.seeds import decision_seed
from autolab.planners.evidence import gather

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from contextlib import AbstractContextManager

    from autolab.loop.enough import Enough
    from autolab.loop.progress import StopReason
    from autolab.loop.record import Record
    from autolab.model.actions import JSON
    from autolab.model.contracts import Planner
    from autolab.model.problem import Problem
    from autolab.model.suggestion import Suggestion
    from autolab.model.trial import Trial, Value

logger = logging.getLogger(__name__)

Points = list[dict[str, "Value"]]
Suggested = tuple[list["Suggestion"], str | None]


class Decider:
    """Asks the planner and journals what it decided, before anything moves.

    A planner that fails never ends a campaign: the fallback proposes with the same arguments, and the journal says so.

    Args:
        problem: What to reach.
        planner: Proposes points.
        fallback: Proposes when the planner fails.
        seed: The campaign's.
        breaking: Lets a second Ctrl-C break into the block it guards, which is the planner's work and nothing else.
        enough: Says when there is too little left to gain; None where nobody asked.
    """

    def __init__(
        self,
        problem: Problem,
        planner: Planner,
        fallback: Planner,
        seed: int,
        breaking: Callable[[], AbstractContextManager[None]] = nullcontext,
        enough: Enough | None = None,
    ) -> None:
        self.problem, self.planner, self.fallback, self.seed = problem, planner, fallback, seed
        self._breaking, self._enough = breaking, enough

    def decide(self, record: Record, n: int) -> tuple[StopReason, str] | None:
        """Propose `n` points, or as many as are left, and journal them as trials.

        Returns:
            Why not to go on, where too little is to be gained; then nothing was decided.

        Raises:
            EmptySpace: No point is left that was not tried.
            PlannerError: Planner and fallback failed.
            StopRequested: A person broke into the planner; nothing was decided.
        """
        history = record.history
        decision = len(history.decisions)
        seed = decision_seed(self.seed, decision)
        pending = [dict(point) for point in history.pending]
        asked = history.usable_history()
        suggestions, fallback = self._suggest_what_is_left(asked, n, pending, seed, first=not decision)
        if self._enough is not None:
            with self._breaking():
                ended = self._enough.reason(history.usable_history(), suggestions, seed)
            if ended is not None:
                return ended
        first = len(history.trials) + 1
        points: list[JSON] = [{"point": dict(each), "info": dict(each.info)} for each in suggestions]
        body: dict[str, JSON] = {
            "decision": decision,
            "seed": seed,
            "n": len(suggestions),
            "asked": {
                "history": len(history.usable_history()),
                "pending": [dict(point) for point in pending],
                "upto": history.last_seq,  # what people say while the planner thinks is recorded before, and not shown
            },
            "suggestions": points,
            "trials": list(range(first, first + len(points))),
            "fallback": fallback,
        }
        record.write_all([Entry("decided", body)])
        return None

    def _suggest_what_is_left(
        self, history: Sequence[Trial], n: int, pending: Points, seed: int, *, first: bool
    ) -> Suggested:
        try:
            return self._suggest(history, n, pending, seed, first=first)
        except DesignUnfit:
            raise  # other points in its place would not be the design that was asked for
        except DesignUsedUp as done:
            if done.left == 0:
                raise EmptySpace(str(done)) from None
            return self._suggest(history, done.left, pending, seed, first=first)
        except PlannerError:
            left = self._left(history, n, pending)
            if left == n:
                raise
        if left == 0:
            msg = "every point of the space was tried: widen the space to go on"
            raise EmptySpace(msg)
        return self._suggest(history, left, pending, seed, first=first)

    def _left(self, history: Sequence[Trial], n: int, pending: Points) -> int:
        """Return how many of `n` points can be found that were not tried."""
        taken, space = gather(self.problem, history, pending).taken, self.problem.space
        drawn = space.sample(n + len(taken), 0)
        return min(n, sum(space.key(point) not in taken for point in drawn))

    def _suggest(self, history: Sequence[Trial], n: int, pending: Points, seed: int, *, first: bool) -> Suggested:
        try:
            return self._ask(self.planner, history, n, pending, seed), None
        except (DesignUnfit, DesignUsedUp, EmptySpace, StopRequested):
            raise
        except Exception as error:
            if first and isinstance(error, InputError):
                raise  # a setting is wrong: nothing is lost yet, and a fallback would hide it for days
            reason = f"{type(error).__name__}: {error}"
            failure = error
        try:
            suggestions = self._ask(self.fallback, history, n, pending, seed)
        except (EmptySpace, StopRequested):
            raise
        except Exception as error:
            msg = f"neither the planner ({reason}) nor the fallback ({error}) could propose a point"
            raise PlannerError(msg) from error
        logger.error("the planner failed; %s proposes instead", type(self.fallback).__name__, exc_info=failure)
        return suggestions, reason

    def _ask(self, planner: Planner, history: Sequence[Trial], n: int, pending: Points, seed: int) -> list[Suggestion]:
        """Ask a planner, and see that it answered what was asked.

        Raises:
            PlannerError: It did not.
        """
        with self._breaking():
            suggestions = planner.suggest(self.problem, history, n=n, pending=pending, seed=seed)
        if len(suggestions) != n:
            msg = f"{type(planner).__name__} suggested {len(suggestions)} points where {n} were asked for"
            raise PlannerError(msg)
        return suggestions
