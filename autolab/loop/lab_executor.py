"""Attempts on a lab: leases, one bluesky run an attempt, settling, making safe on every exit."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from autolab.loop.engine import Engine, finished
from autolab.loop.executor import AttemptResult, Job
from autolab.loop.journaled import AttemptActions
from autolab.loop.phases import SAFE, Phases
from autolab.loop.plans import attempt_plan
from autolab.loop.settling import lost_actions, settle
from autolab.model.errors import LabNotReady, LeaseOver, StopRequested, TrialFailed
from autolab.model.trial import as_outcome

if TYPE_CHECKING:
    from collections.abc import Callable

    from autolab.lab.lab import Lab
    from autolab.loop.interrupts import StopSwitch
    from autolab.loop.record import Record
    from autolab.model.actions import JSON
    from autolab.model.clock import Clock
    from autolab.model.contracts import Procedure
    from autolab.model.trial import AttemptEnding, Outcome, Point

logger = logging.getLogger(__name__)

LATE_SECONDS = 10.0
"""How long, in lab time, an action in hand may take to end after motion was stopped."""


class LabExecutor:
    """Performs attempts of a protocol on a lab.

    Args:
        lab: Built, not yet connected.
        procedure: The protocol.
        roles: Role name in the protocol -> instrument in the lab.
        record: The journal.
        clock: Lab time.
        switch: Ends the run early.
        told: Takes a line of text for the display.
        reset_interlocks: Who resets the interlocks that are latched; empty to refuse to start with one.
    """

    def __init__(
        self,
        lab: Lab,
        procedure: Procedure,
        roles: Mapping[str, str],
        record: Record,
        clock: Clock,
        switch: StopSwitch,
        told: Callable[[str], None] = lambda _text: None,
        *,
        reset_interlocks: str = "",
    ) -> None:
        lab.check_roles(procedure.needs, roles)
        self.lab, self.procedure, self.roles = lab, procedure, dict(roles)
        self.record, self.clock, self.switch, self.told = record, clock, switch, told
        self.engine = Engine(clock, switch, record)
        self._clean = False
        self._reset_by = reset_interlocks

    @property
    def instruments(self) -> list[Any]:
        """The lab's instruments."""
        return list(self.lab.instruments.values())

    def start(self) -> dict[str, JSON]:
        """Connect, stop motion, settle what is in doubt, make safe; return what the end of a lost attempt should say.

        Raises:
            LabNotReady: Instruments that are absent or wrong, or an interlock that nobody reset.
        """
        lost = self._start_on_bench() if self.lab.bench is not None else self._start_on_wires()
        self._latch_interlocks()
        self.lab.interlocks.watch(self._trip)
        return lost

    def _start_on_wires(self) -> dict[str, JSON]:
        history = self.record.history
        self._tell_states(history.states)
        self.clock.run(self.lab.do_connect())
        self._safe_after_exit()
        self._clean = history.clean and any(trial.attempts for trial in history.trials)
        return {}

    def _start_on_bench(self) -> dict[str, JSON]:
        """Put the bench back to the snapshot of the last attempt that was over; undo what starting up does to it.

        A virtual lab in this process died with the last one. What the lost attempt did never happened on this bench,
        so that the campaign goes on as if it had not been interrupted.
        """
        snapshot = self.record.history.last_snapshot
        if snapshot is not None:
            self._restore(snapshot)
        elif self.clock.now() > 0:  # no attempt was over: the bench is as new, and its time begins anew with it
            new = self.lab.bench.snapshot()
            self.clock.resume_at(0.0)
            self.lab.bench.restore(new)
        self.clock.run(self.lab.do_connect())
        ready = snapshot or self._snapshot(clean=False, states={})
        for action in lost_actions(self.record.history):
            self.record.write(
                "settled",
                {
                    "verdict": "not",
                    "amount": None,
                    "result": {},
                    "by": "bench",
                    "why": "the virtual bench was put back",
                },
                trial=action.trial,
                attempt=action.attempt,
                action=action.action,
            )
        self._safe_after_exit()
        self._restore(ready)
        return {"states": ready["instruments"]}

    def needs_recovery(self) -> bool:
        """Return whether vessels and lines are in an unknown state."""
        return not self._clean

    def check(self, point: Point) -> None:
        """Raise OutsideEnvelope for a point that the protocol or the lab forbids."""
        check = getattr(self.procedure, "check", None)
        if check is not None:
            check(self.lab.view(self.roles), point)

    def perform(self, job: Job) -> AttemptResult:
        """Perform one attempt, make safe, and say what became of it."""
        if self.lab.bench is not None:
            self.lab.bench.reseed(job.trial, job.concluded + 1)
        phases = Phases(self.clock.now, self.told)
        actions = AttemptActions(
            self.record,
            job.trial,
            job.attempt,
            stopping=lambda: self.switch.level > 0,
            told=self.told,
            phase=lambda: phases.name,
        )
        lease = self.lab.lease(self.roles)
        self._clean = False
        try:
            plan = attempt_plan(self.procedure, lease.lab, job)
            outcome = self.engine.run(plan, actions, {"trial": job.trial, "attempt": job.attempt}, phases)
            result = AttemptResult("completed", _outcome(outcome))
        except Exception as error:
            result = AttemptResult(_ending(error, actions), reason=_reason(error, actions))
        finally:
            lease.release()
        phases.enter(SAFE)
        report = self._safe_after_exit(actions)
        if actions.fatal is not None:
            raise actions.fatal
        self._clean = result.ending == "completed"
        body: dict[str, JSON] = {"safe": report, **phases.end()}
        if self.lab.bench is not None:
            body["snapshot"] = self._snapshot(clean=self._clean, states=self.record.history.states)
        return AttemptResult(result.ending, result.outcome, result.reason, body)

    def close(self) -> None:
        """Make safe and give every port back."""
        try:
            self.clock.run(self.lab.do_make_safe())
        finally:
            self.lab.disconnect()

    def _safe_after_exit(self, actions: AttemptActions | None = None) -> dict[str, JSON]:
        """Stop motion, read counters, settle, then the rest of making safe: in this order, after every exit."""
        return self.clock.run(self._do_safe_after_exit(actions))

    async def _do_safe_after_exit(self, actions: AttemptActions | None) -> dict[str, JSON]:
        in_hand = actions.in_hand() if actions is not None else []
        if in_hand or self.record.history.open_actions or actions is None:
            await self.lab.do_halt()
        for step in in_hand:
            await _at_most(finished(step.status), LATE_SECONDS)
        if actions is not None:
            actions.close()
        for line in await settle(self.lab, self.record):
            self.told(line)
        report = await self.lab.do_make_safe()
        if not report.ok:
            logger.error("making safe: %s", report)
        return report.to_json()

    def _latch_interlocks(self) -> None:
        interlocks = self.lab.interlocks
        for name, state in self.record.history.interlocks.items():
            if state == "tripped":
                interlocks.latch(name, "in an earlier run")
        if interlocks.tripped and not self._reset_by:
            names = ", ".join(repr(name) for name in interlocks.tripped)
            msg = f"interlock {names} is latched: look at the lab, remove the cause, then run with --reset-interlocks"
            raise LabNotReady(msg)
        for name in interlocks.tripped:
            interlocks.reset(name)
            self.record.write("interlock", {"name": name, "state": "reset", "by": self._reset_by})

    def _trip(self, name: str, reading: str) -> None:
        try:
            self.record.write("interlock", {"name": name, "state": "tripped", "why": reading})
        except Exception:
            logger.exception("interlock %r tripped and could not be journaled: the next run will not know", name)
        finally:
            self.switch.raise_to(2, "interlock", f"interlock {name!r} tripped: {reading}")

    def _snapshot(self, *, clean: bool, states: Mapping[str, Mapping[str, JSON]]) -> dict[str, JSON]:
        return {
            "bench": self.lab.bench.snapshot(),
            "instruments": {name: dict(state) for name, state in states.items()},
            "lab_time": self.clock.now(),
            "clean": clean,
        }

    def _restore(self, snapshot: Mapping[str, Any]) -> None:
        self.clock.resume_at(snapshot["lab_time"])  # first: the bench keeps its times relative to now
        self.lab.bench.restore(snapshot["bench"])
        self._tell_states(snapshot["instruments"])
        self._clean = snapshot["clean"]

    def _tell_states(self, states: Mapping[str, Mapping[str, JSON]]) -> None:
        for name, state in states.items():
            self.lab.find(name).restore(state)


async def _at_most(awaitable: Any, seconds: float) -> None:  # noqa: ANN401  any awaitable
    try:
        await asyncio.wait_for(awaitable, seconds)
    except TimeoutError:
        logger.warning("an action in hand did not end within %s s after motion was stopped", seconds)


def _outcome(returned: Any) -> Outcome:  # noqa: ANN401  whatever a protocol returned
    """Return the outcome that a protocol gave.

    Raises:
        TrialFailed: It is none: NaN, say.
    """
    try:
        return as_outcome(returned)
    except (AttributeError, TypeError, ValueError) as error:
        reason = f"{error}" if isinstance(returned, Mapping) else f"the protocol returned {returned!r}, no outcome"
        raise TrialFailed(reason) from error


def _ending(error: Exception, actions: AttemptActions) -> AttemptEnding:
    if isinstance(error, TrialFailed):
        return "trial_failed"
    if isinstance(error, StopRequested | LeaseOver) or isinstance(actions.error, StopRequested):
        return "interrupted"
    return "machine_failed"


def _reason(error: Exception, actions: AttemptActions) -> str:
    if isinstance(error, TrialFailed):
        return error.reason
    cause = actions.error or error
    return f"{type(cause).__name__}: {cause}"
