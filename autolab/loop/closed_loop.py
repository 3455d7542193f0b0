"""The closed loop: the nine stations that every trial passes, until a budget, a person or a fault ends the run.

1 history and pending, 2 decision, 3 review gate, 4 envelope, 5 rehearsal gate, 6 dispatch, 7 protocol,
8 making safe and quality gate, 9 observation.
"""

from __future__ import annotations

import contextlib
import time
from dataclasses import replace
from typing import TYPE_CHECKING

from autolab.journal.events import Entry
from autolab.loop.ends import Ends
from autolab.loop.executor import AttemptResult, Executor, Job
from autolab.loop.progress import Progress, RunResult, tell
from autolab.model.errors import EmptySpace, OutsideEnvelope, OutsideSpace, StopRequested
from autolab.model.trial import FINAL

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from autolab.journal.events import EventKind
    from autolab.loop.budget import Budget, Review
    from autolab.loop.clerk import Clerk
    from autolab.loop.deciding import Decider
    from autolab.loop.interrupts import StopSwitch
    from autolab.loop.progress import Kind, StopReason, Watcher
    from autolab.loop.record import Record
    from autolab.loop.supplies import Supplies
    from autolab.model.actions import JSON
    from autolab.model.trial import Trial

WAIT_SECONDS = 0.2


class ClosedLoop:
    """Runs a campaign from what the journal holds to a stop reason.

    Slots: 1. What is open is a list of trials and what performs them is the executor's, so that more slots are an
    addition to `_perform_open`, not another loop.

    Args:
        decider: Stations 1 and 2.
        executor: Stations 6 to 8.
        record: The journal and its history.
        clerk: Answers requests of other processes.
        switch: Ends the run early.
        budget: When to stop.
        review: Who approves.
        batch: Points a decision.
        wait: Whether to wait for people when only they can go on.
        watcher: Is told what happens.
        now: Lab time, s.
        skip: Lets s of lab time pass at once; None where lab time passes by itself.
        supplies: Knows what bottles still hold; None where nothing is drawn from any.
    """

    def __init__(
        self,
        *,
        decider: Decider,
        executor: Executor,
        record: Record,
        clerk: Clerk,
        switch: StopSwitch,
        budget: Budget,
        review: Review,
        batch: int = 1,
        wait: bool = True,
        watcher: Watcher | None = None,
        now: Callable[[], float] = time.monotonic,
        skip: Callable[[float], None] | None = None,
        supplies: Supplies | None = None,
    ) -> None:
        self._decider, self._executor, self._record = decider, executor, record
        self._clerk, self._switch = clerk, switch
        self._budget, self._review, self._batch, self._wait = budget, review, batch, wait
        self._watcher, self._now, self._skip = watcher, now, skip
        self._asked: set[str] = set()
        self._ends = Ends(budget, decider.problem, record, switch, now, supplies)

    def run(self) -> RunResult:
        """Go round until something ends it; the reason is journaled."""
        reason, detail = self._go()
        self._record.write("stopped", {"reason": reason, "detail": detail})
        self._tell("stopped", detail, result=reason)
        states = [trial.state for trial in self._record.history.trials]
        failed = sum(state in ("failed", "rejected") for state in states)
        return RunResult(reason, detail, states.count("completed"), failed)

    def _go(self) -> tuple[StopReason, str]:
        try:
            with self._switch.raising():
                lost = self._executor.start()
        except StopRequested:
            return self._switch.reason or "interrupted", self._switch.detail
        self._close_lost_attempts(lost)
        try:
            return self._rounds()
        except Exception as error:
            detail = f"{type(error).__name__}: {error}"
            with contextlib.suppress(Exception):  # it may be the journal that failed
                self._record.write("stopped", {"reason": "error", "detail": detail})
            with contextlib.suppress(Exception):
                self._tell("stopped", detail, result="error")
            raise

    def _rounds(self) -> tuple[StopReason, str]:
        while True:
            self._clerk.answer_all()
            self._tell_questions()
            ended = self._ends.reason()
            if ended is not None:
                return ended
            if self._perform_open():
                continue
            if self._spent():
                return "budget_trials", f"the budget of {self._budget.trials} trials is used up"
            if self._waiting():
                if self._skip_delay():
                    continue
                if not self._wait:
                    return "waiting", self._waiting_for()
                self._switch.wait(WAIT_SECONDS)
                continue
            try:
                ended = self._decide()
            except EmptySpace as error:
                return "space_exhausted", str(error)
            except StopRequested:
                continue  # the planner was broken into: nothing was decided
            if ended is not None:
                return ended

    def _spent(self) -> bool:
        """Whether every trial of the budget is over."""
        return self._left() == 0 and all(trial.state in FINAL for trial in self._record.history.trials)

    def _left(self) -> int | None:
        if self._budget.trials is None:
            return None
        return max(0, self._budget.trials - len(self._record.history.trials))

    def _decide(self) -> tuple[StopReason, str] | None:
        left = self._left()
        n = self._batch if left is None else min(self._batch, left)
        self._tell("deciding", "the planner is deciding")
        ended = self._decider.decide(self._record, n)
        if ended is None:
            self._open_review()
        return ended

    # station 3

    def _open_review(self) -> None:
        verdict = "approved" if self._review.mode == "auto" else "in_review"
        why = "review: auto" if verdict == "approved" else ""
        entries = [
            Entry("reviewed", {"verdict": verdict, "by": "autolab", "why": why}, trial=trial.number)
            for trial in self._record.history.trials
            if trial.state == "proposed"
        ]
        if entries:
            self._record.write_all(entries)
        if verdict == "in_review":
            self._tell("review", self._waiting_for())

    def _approve_late(self) -> None:
        """Approve what `after` has kept long enough, or what is in review since before `auto` was chosen."""
        after = self._review.mode == "after"
        why = f"nobody objected for {self._review.seconds:g} s" if after else "review: auto"
        for number, left in self._delays().items():
            if left <= 0:
                self._record.write("reviewed", {"verdict": "approved", "by": "autolab", "why": why}, trial=number)

    def _delays(self) -> dict[int, float]:
        """Return how long each trial in review will be kept, s; nothing where only a person approves."""
        waiting = [trial.number for trial in self._record.history.trials if trial.state == "in_review"]
        if self._review.mode == "ask" or not waiting:
            return {}
        journal, now = self._record.journal, self._now()
        since = {event.trial: event.lab_time for event in journal.events(campaign=journal.campaign, kinds=["reviewed"])}
        return {number: since[number] + self._review.seconds - now for number in waiting}

    def _skip_delay(self) -> bool:
        """Let the shortest delay pass, where lab time does not pass by itself while nothing is performed."""
        delays = self._delays()
        if self._skip is None or not delays:
            return False
        self._skip(max(0.0, min(delays.values())) + 1e-6)  # journaled times are rounded to that
        return True

    def _waiting(self) -> bool:
        """Whether only a person (or a delay) can go on: nothing is left to decide, or something is in review."""
        states = {trial.state for trial in self._record.history.trials}
        return "in_review" in states or ("held" in states and self._left() == 0)

    def _waiting_for(self) -> str:
        history = self._record.history
        review = ", ".join(str(trial.number) for trial in history.trials if trial.state == "in_review")
        parts = [f"trial {review} waits for approval (autolab approve)"] if review else []
        parts += [f"{question.text} (autolab resolve {question.id})" for question in history.questions]
        return "; ".join(parts)

    # stations 4 to 9

    def _perform_open(self) -> bool:
        """Perform one attempt of the first trial that may run; return whether there was one."""
        if any(trial.state == "proposed" for trial in self._record.history.trials):
            self._open_review()  # the process died between the decision and its review
        self._approve_late()
        for trial in self._record.history.trials:
            if trial.state in ("approved", "running"):
                if self._envelope(trial) and self._ends.supplied(trial.point):
                    self._attempt(trial)
                return True
        return False

    def _envelope(self, trial: Trial) -> bool:
        try:
            self._decider.problem.space.check(trial.point)
            self._executor.check(trial.point)
        except (OutsideSpace, OutsideEnvelope) as error:
            # a trial that ran already can no longer be rejected, only given up (its lab or space was changed meanwhile)
            kind: EventKind = "rejected" if trial.state == "approved" else "abandoned"
            self._record.write(kind, {"reason": str(error)}, trial=trial.number)
            self._tell("trial", f"{kind}: {error}", trial.number)
            return False
        return True

    def _attempt(self, trial: Trial) -> None:
        job = Job(
            trial=trial.number,
            attempt=len(trial.attempts) + 1,
            concluded=sum(attempt.ending != "lost" for attempt in trial.attempts),
            point=trial.point,
            recover=self._executor.needs_recovery(),
        )
        self._record.write(
            "attempt_started", {"slot": job.slot, "recover": job.recover}, trial=job.trial, attempt=job.attempt
        )
        names = self._decider.problem.space.names
        self._tell("attempt", f"attempt {job.attempt} at {_words(trial, names)}", trial.number)
        self._observe(job, self._plausible(trial.number, self._executor.perform(job)))

    def _plausible(self, trial: int, result: AttemptResult) -> AttemptResult:
        """Turn an outcome that lacks what the problem needs, or rests on an action in doubt, into a failure."""
        if result.ending == "completed" and self._record.history.trial(trial).state == "held":
            return replace(result, ending="machine_failed", outcome={}, reason="the outcome of an action is not known")
        missing = self._decider.problem.missing(result.outcome)
        if result.ending != "completed" or not missing:
            return result
        measured = ", ".join(result.outcome) or "nothing"
        reason = f"the outcome lacks {', '.join(missing)}; it has {measured}"
        return replace(result, ending="trial_failed", outcome={}, reason=reason)

    def _observe(self, job: Job, result: AttemptResult) -> None:
        place = {"trial": job.trial, "attempt": job.attempt}
        body: dict[str, JSON] = {"ending": result.ending, "reason": result.reason, **result.body}
        entries = [Entry("attempt_ended", body, **place)]
        given_up = self._record.history.trial(job.trial).state in FINAL  # by a person, who resolved its question now
        if result.ending == "completed" and not given_up:
            outcome: dict[str, JSON] = {
                name: [each.value, each.standard_error] for name, each in result.outcome.items()
            }
            entries.append(Entry("observed", {"outcome": outcome}, **place))
        elif result.ending == "trial_failed" and not given_up:
            entries.append(Entry("trial_failed", {"reason": result.reason}, **place))
        self._record.write_all(entries)
        self._tell("trial", _result_words(result), job.trial, result=result.ending)

    def _close_lost_attempts(self, lost: Mapping[str, JSON]) -> None:
        """Close attempts that were going on when the last process died: no plan is continued."""
        for trial in self._record.history.trials:
            if trial.attempts and trial.attempts[-1].ending is None:
                body: dict[str, JSON] = {"ending": "lost", "reason": "the process ended in the middle of it", **lost}
                self._record.write("attempt_ended", body, trial=trial.number, attempt=trial.attempts[-1].number)

    def _tell_questions(self) -> None:
        """Tell each open question once in this run, also those that settling at the start has raised."""
        for question in self._record.history.questions:
            if question.id not in self._asked:
                self._asked.add(question.id)
                self._tell("question", f"{question.text} Answer with: autolab resolve {question.id}", question.trial)

    def _tell(self, kind: Kind, text: str, trial: int | None = None, result: str = "") -> None:
        history = self._record.history
        done = sum(each.state in FINAL for each in history.trials)
        best = self._decider.problem.front(history.trials)[:1]
        values = {name: each.value for trial_ in best for name, each in trial_.outcome.items()}
        tell(
            self._watcher,
            Progress(kind, text, trial, done, self._budget.trials, values, self._now(), result, self._ends.drawn),
        )


def _words(trial: Trial, names: Sequence[str]) -> str:
    """Return a point in the space's order: the journal keeps it by the alphabet."""
    return ", ".join(f"{name} = {_short(trial.point[name])}" for name in names)


def _result_words(result: AttemptResult) -> str:
    if result.ending == "completed":
        return ", ".join(f"{name} = {_short(each.value)}" for name, each in result.outcome.items())
    return f"{result.ending.replace('_', ' ')}: {result.reason}"


def _short(value: object) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)
