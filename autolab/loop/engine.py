"""A RunEngine of ours: on the clock's loop, its actions journaled, and ended in order.

Only standard messages are understood, so every plan that runs here runs in anybody's RunEngine.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import threading
from functools import partial
from typing import TYPE_CHECKING, Any, Literal

from bluesky import run_engine
from bluesky._vendor.super_state_machine.errors import TransitionError
from bluesky.run_engine import RunEngine
from bluesky.utils import DuringTask, RunEngineInterrupted

from autolab.loop.journaled import VERBS, AttemptActions
from autolab.model.errors import StopRequested

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from bluesky.utils import Msg

    from autolab.loop.interrupts import StopSwitch
    from autolab.loop.phases import Phases
    from autolab.loop.record import Record
    from autolab.model.actions import Verb
    from autolab.model.clock import Clock
    from autolab.model.contracts import Plan

OnPause = Literal["resume", "abort", "halt", "stop"]
# bluesky logs each aborted run with its traceback; the journal and the display tell people instead.
logging.getLogger("bluesky").addHandler(logging.NullHandler())


class Engine:
    """Runs plans, one at a time.

    Args:
        clock: Its loop carries the RunEngine; virtual time advances while a plan runs.
        switch: Ends a plan early.
        record: Takes the documents.

    Attributes:
        RE: The RunEngine.
        on_pause: What follows when somebody pauses the RunEngine.
    """

    def __init__(self, clock: Clock, switch: StopSwitch, record: Record) -> None:
        self._clock, self._switch = clock, switch
        clock.start()
        self._wait = _Wait(clock)
        self.RE: Any = _run_engine(clock, self._wait)
        self.RE.state_hook = self._follow
        self.RE.subscribe(record.add_document)
        self.on_pause: Callable[[], OnPause] = lambda: "abort"
        self._actions: AttemptActions | None = None
        self._phases: Phases | None = None
        self._counted = False
        for verb in VERBS:
            default = self.RE._command_registry[verb]  # noqa: SLF001  bluesky offers no public way to wrap a handler
            self.RE.register_command(verb, partial(self._handle, verb=verb, default=default))
        self.RE.register_command("null", self._note)

    def run(self, plan: Plan, actions: AttemptActions, metadata: dict[str, Any], phases: Phases | None = None) -> Any:  # noqa: ANN401  what the plan returns
        """Run `plan` to its end and return what it returns; `phases` is told those that the plan names.

        Raises:
            StopRequested: It was stopped, aborted or halted.
            Exception: What the plan raised.
        """
        self._actions, self._phases = actions, phases
        try:
            with self._switch.listener(self._on_switch):
                return self._until_idle(partial(self.RE, plan, **metadata))
        finally:
            self._actions = self._phases = None

    def _until_idle(self, call: Callable[[], Any]) -> Any:  # noqa: ANN401  what the plan returns
        while True:
            try:
                result = call()
            except RunEngineInterrupted:
                if self.RE.state != "paused":
                    msg = self._switch.detail or "the run was aborted"
                    raise StopRequested(msg) from None
                following = self.on_pause()
                if following != "resume":
                    with contextlib.suppress(RunEngineInterrupted), self._wait.held():
                        getattr(self.RE, following)()
                    msg = f"the run was paused and ended by {following}"
                    raise StopRequested(msg) from None
                call = self.RE.resume
                continue
            if result.exit_status != "success" or result.plan_result is self.RE.NO_PLAN_RETURN:
                msg = result.reason or "the plan was ended before it returned"
                raise StopRequested(msg)
            return result.plan_result

    async def _handle(self, message: Msg, *, verb: Verb, default: Callable[[Msg], Any]) -> Any:  # noqa: ANN401  as the default
        if self._actions is None:
            return await default(message)
        return await self._actions.handle(message, verb, default)

    async def _note(self, message: Msg) -> None:
        if self._phases is not None:
            self._phases.take(message)

    def _follow(self, new: str, _old: str) -> None:
        """Let virtual time advance in every state but idle and paused."""
        counts = str(new) not in ("idle", "paused", "panicked")
        if counts and not self._counted:
            self._clock.plan_started()
        elif self._counted and not counts:
            self._clock.plan_ended()
        self._counted = counts
        if str(new) == "running" and self._switch.level:
            self._on_switch(self._switch.level)  # asked for while there was nothing yet (or nothing now) to interrupt

    def _on_switch(self, level: int) -> None:
        self._clock.loop.call_soon_threadsafe(self._end, level)

    def _end(self, level: int) -> None:
        if level >= 2 and str(self.RE.state) == "aborting" and self.RE._plan_stack:  # noqa: SLF001  see below
            self.RE._task.cancel()  # noqa: SLF001  bluesky cannot halt what it aborts: break into the plan's cleanup
        elif level >= 2:
            self._interrupt(self.RE.halt)
        else:
            task = self._clock.loop.create_task(self._end_gently())
            task.add_done_callback(lambda done: done.cancelled() or done.exception())

    async def _end_gently(self) -> None:
        actions = self._actions
        if actions is None:
            return
        for step in actions.in_hand():
            if not step.repeatable:
                await finished(step.status)
        self._interrupt(partial(self.RE.abort, self._switch.detail))

    def _interrupt(self, call: Callable[[], Any]) -> None:
        """Call a blocking RunEngine method from a thread of its own, virtual time held from now until it took effect."""
        held = contextlib.ExitStack()
        held.enter_context(self._clock.hold())

        def act() -> None:
            with held, contextlib.suppress(TransitionError):
                call()

        threading.Thread(target=act, name="autolab-interrupt", daemon=True).start()


def _run_engine(clock: Clock, wait: _Wait) -> Any:  # noqa: ANN401  bluesky's types do not cover what is used here
    # a RunEngine on a loop that runs already looks its thread up here and fails without it (bluesky 1.15)
    threads: Any = run_engine._ensure_event_loop_running  # noqa: SLF001  there is no public way
    threads.loop_to_thread.setdefault(clock.loop, clock.thread)
    return RunEngine({}, loop=clock.loop, context_managers=[], during_task=wait, call_returns_result=True)


async def finished(status: Any) -> None:  # noqa: ANN401  any bluesky Status
    """Return when `status` is over, well or not."""
    loop = asyncio.get_running_loop()
    over = asyncio.Event()
    status.add_callback(lambda _status: loop.call_soon_threadsafe(over.set))
    await over.wait()


class _Wait(DuringTask):
    """Waits for the RunEngine in short turns, so that signals are handled on every platform."""

    def __init__(self, clock: Clock) -> None:
        self._clock, self._hold = clock, contextlib.ExitStack()

    @contextlib.contextmanager
    def held(self) -> Iterator[None]:
        """Hold virtual time until the RunEngine, ended while paused, goes on: it says so before it can."""
        with self._hold:
            self._hold.enter_context(self._clock.hold())
            yield

    def block(self, blocking_event: threading.Event) -> None:
        """Return when the event is set."""
        self._clock.loop.call_soon_threadsafe(self._hold.close)  # behind what lets the RunEngine go on
        while not blocking_event.wait(0.1):
            pass
