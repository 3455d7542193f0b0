"""Actions: bluesky's `set`, `trigger` and `stop` as coroutines on a clock's loop, one at a time, each with its status."""

from __future__ import annotations

import asyncio
import logging
import math
from collections.abc import Awaitable, Callable, Coroutine, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

from ophyd.status import Status

from autolab.model.actions import JSON, ActionClass, Intent, Reconciled, Verb
from autolab.model.clock import Clock
from autolab.model.errors import InDoubt, OutsideLimits, Refused

if TYPE_CHECKING:
    from autolab.drivers.addresses import Address

_log = logging.getLogger("autolab.drivers")
WALL_MARGIN: Final = 2.0
"""So many wall seconds are a hiccup of the computer, no trouble of the instrument: in scaled time that is long."""


class ActionStatus(Status):  # type: ignore[misc]  # ophyd ships no types
    """The status of one action.

    It carries no ophyd timeout (that would start a thread, and count wall time); deadlines are the driver's.

    Attributes:
        result: What the action gave, JSON-able; empty until it is done.
    """

    def __init__(self, instrument: Acting, verb: Verb, value: object) -> None:
        self.result: Mapping[str, JSON] = {}
        self.verb, self.value = verb, value
        self._watchers: list[Callable[..., None]] = []
        super().__init__(obj=instrument)

    def watch(self, watcher: Callable[..., None]) -> None:
        """Have `watcher` told of progress, as bluesky's progress bars want it."""
        self._watchers.append(watcher)

    def progress(self, current: float, target: float, unit: str) -> None:
        """Tell the watchers how far it is."""
        fraction = 1 - current / target if target else 0.0  # bluesky's: what is left
        for watcher in self._watchers:
            watcher(name=self.obj.name, current=current, initial=0.0, target=target, unit=unit, fraction=fraction)

    def finish(self, result: Mapping[str, JSON]) -> None:
        """Mark the action as done, with its result."""
        self.result = dict(result)
        self.set_finished()


class Acting:
    """What an ophyd device needs to act: put it before `Device` among the bases, and call `start_acting` once.

    Whoever acts has a `name` and a `clock`, says in `ready` how it is connected, and implements of `do_prepare`,
    `do_set`, `do_trigger`, `do_halt`, `do_reconcile` and `do_make_safe` what it can do.
    """

    name: str
    clock: Clock
    address: Address
    _action: asyncio.Task[None] | None
    _tasks: set[asyncio.Task[Any]]

    def start_acting(self) -> None:
        """Have no action in progress."""
        self._action, self._tasks = None, set()

    # ---- what a driver implements ------------------------------------------------------------------------------

    async def ready(self) -> None:
        """Connect unless that was done."""
        raise NotImplementedError

    async def do_prepare(self, verb: Verb, value: object) -> Mapping[str, JSON]:
        """Return what `do_reconcile` needs to know of the time before."""
        return {}

    async def do_set(self, value: Any, status: ActionStatus) -> Mapping[str, JSON]:  # noqa: ANN401  the driver's own
        """Perform a command and return its result."""
        raise Refused(f"cannot be set to {value!r}: it has no commands", instrument=self.name)

    async def do_trigger(self, status: ActionStatus) -> Mapping[str, JSON]:
        """Take a reading and return it."""
        return {}

    async def do_halt(self) -> None:
        """Stop all motion now; touch no counter."""
        self.end_action()

    async def do_reconcile(self, intent: Intent) -> Reconciled:
        """Say what became of an action in doubt."""
        return Reconciled("unknown", why=f"{self.name} keeps no record of what it did")

    async def do_make_safe(self) -> None:
        """Bring it to its safe state."""
        await self.do_halt()

    def restore(self, state: Mapping[str, JSON]) -> None:
        """Take over the `state` of the last known result."""

    def action_class(self, verb: Verb, value: object) -> ActionClass:
        """Return the class of an action."""
        return "read" if verb == "trigger" else "once"

    def check_value(self, value: object) -> None:
        """Raise OutsideLimits for a `set` value that must not be sent."""

    def samples(self) -> Sequence[object]:
        """Return values that `set` takes with these settings, for the contract kit; none where nothing can be set.

        They are carried out one after the other on a simulator, each from where the one before has led.
        """
        return ()

    # ---- for drivers -------------------------------------------------------------------------------------------

    def outside(self, message: str) -> OutsideLimits:
        """Return the error for a value that must not be sent."""
        return OutsideLimits(f"{message}; nothing was sent", instrument=self.name, port=self.address.port)

    def number(self, value: object, what: str) -> float:
        """Return a `set` value as a finite number.

        Args:
            value: As given.
            what: What it should be, for the error: `a number of degC, or 'off'`.

        Raises:
            OutsideLimits: It is none.
        """
        if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
            raise self.outside(f"{value!r} is no set point: {what}")
        return float(value)

    async def until(self, look: Callable[[], Awaitable[bool]], *, poll_s: float, timeout_s: float) -> bool:
        """Look again and again whether something has come, and say whether it has within a time.

        Args:
            look: Says so.
            poll_s: Between two looks, s of lab time.
            timeout_s: s of lab time; in scaled time some seconds of wall time are added, for hiccups of the computer.
        """
        latest = self.clock.now() + timeout_s + (WALL_MARGIN * self.clock.scale if self.clock.mode == "scaled" else 0.0)
        while not await look():
            if self.clock.now() >= latest:
                return False
            await asyncio.sleep(poll_s)
        return True

    # ---- bluesky's verbs ---------------------------------------------------------------------------------------

    def set(self, value: Any) -> ActionStatus:  # noqa: ANN401  the role's commands
        """Begin a command and return at once; the status is done when the apparatus is.

        Raises:
            OutsideLimits: Before anything is sent.
        """
        self.check_value(value)
        return self._begin("set", value)

    def trigger(self) -> ActionStatus:
        """Begin a reading and return at once; `read` gives it when the status is done."""
        return self._begin("trigger", None)

    def locate(self) -> Mapping[str, Any]:
        """Return the last set point and readback, without touching the wire."""
        return {"setpoint": None, "readback": None}

    def stop(self, *, success: bool = False) -> None:
        """Halt, without waiting for it; with `success=True`, which a RunEngine says at each of its ends, do nothing."""
        if not success:
            self.spawn(self.do_halt())

    def _begin(self, verb: Verb, value: object) -> ActionStatus:
        status = ActionStatus(self, verb, value)
        self.spawn(self._perform(status))
        return status

    async def _perform(self, status: ActionStatus) -> None:
        if self._action is not None and not self._action.done():
            busy = f"is busy with another action: {status.verb} was not begun. Wait for its status first"
            status.set_exception(Refused(busy, instrument=self.name))
            return
        self._action = asyncio.current_task()
        try:
            await self.ready()
            if status.verb == "set":
                result = await self.do_set(status.value, status)
            else:
                result = await self.do_trigger(status)
        except asyncio.CancelledError:
            # Ended on purpose (`end_action`): the task is over, its caller hears it by the status.
            status.set_exception(InDoubt(f"{self.name}: {status.verb} was cut short; what it did is not known"))
        except Exception as error:
            _log.debug("%s: %s failed", self.name, status.verb, exc_info=True)
            status.set_exception(error)
        else:
            status.finish(result)

    def end_action(self) -> None:
        """End the action in progress on our side, so that nothing of it comes later; its status fails with InDoubt."""
        task, self._action = self._action, None
        if task is not None and not task.done() and task is not _current_task():
            task.cancel()

    def spawn(self, coroutine: Coroutine[Any, Any, Any]) -> None:
        """Run a coroutine on the clock's loop and do not wait for it; it deals with its own errors."""
        loop = self.clock.loop

        def begin() -> None:
            task = loop.create_task(coroutine)
            self._tasks.add(task)  # the loop keeps tasks by weak reference only
            task.add_done_callback(self._tasks.discard)

        if _running_loop() is loop:
            begin()
        else:
            self.clock.start()
            loop.call_soon_threadsafe(begin)


def _running_loop() -> asyncio.AbstractEventLoop | None:
    try:
        return asyncio.get_running_loop()
    except RuntimeError:
        return None


def _current_task() -> asyncio.Task[Any] | None:
    return asyncio.current_task() if _running_loop() is not None else None
