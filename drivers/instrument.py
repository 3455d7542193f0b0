"""The base of all drivers: bluesky's verbs on one side, coroutines over a wire on the other."""

from __future__ import annotations

import asyncio
import atexit
import functools
import logging
from collections.abc import Callable, Coroutine, Mapping
from typing import Any, ClassVar, TypeVar

from ophyd import Device
from ophyd.status import Status
from pydantic import BaseModel, ValidationError

from autolab.drivers.addresses import Address
from autolab.drivers.query import Query
from autolab.drivers.wire import Link, Ports, ports_of
from autolab.model.actions import JSON, ActionClass, Intent, Reconciled, Verb
from autolab.model.channel import ByteChannel
from autolab.model.clock import Clock
from autolab.model.errors import InDoubt, InputError, OutsideLimits, Refused
from autolab.model.roles import Role

T = TypeVar("T")
_log = logging.getLogger("autolab.drivers")


@functools.cache
def default_clock() -> Clock:
    """Return the process's own real clock, for instruments that were given none."""
    clock = Clock("real")
    atexit.register(clock.close)
    return clock


class ActionStatus(Status):  # type: ignore[misc]  # ophyd ships no types
    """The status of one action.

    It carries no ophyd timeout (that would start a thread, and count wall time); deadlines are the driver's.

    Attributes:
        result: What the action gave, JSON-able; empty until it is done.
    """

    def __init__(self, instrument: OphydInstrument, verb: Verb, value: object) -> None:
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


class OphydInstrument(Device):  # type: ignore[misc]  # ophyd ships no types
    """An ophyd device whose verbs are coroutines on its clock's loop.

    A driver declares `role`, `settings_model`, its signals, and implements `do_greet`, `identify_query`, and of
    `do_prepare`, `do_set`, `do_trigger`, `do_halt`, `do_reconcile` and `do_make_safe` what it can do.

    Args:
        name: Name in the lab.
        address: Such as `serial:///dev/ttyUSB0?bus=1` or `tcp://host:port`.
        clock: Lab time; None for the process's own real clock, which suits anybody's plain RunEngine.
        channel: Used instead of the address's own (a virtual lab's memory).
        ports: The ports of the lab; None for those shared by all instruments of the clock.
        limits: Quantity -> (low, high), in the library's units.
        settings: The driver's own, as its settings model declares them.

    Raises:
        InputError: Settings or an address that cannot be.
    """

    role: ClassVar[Role]
    settings_model: ClassVar[type[BaseModel]]

    def __init__(
        self,
        name: str,
        *,
        address: str,
        clock: Clock | None = None,
        channel: ByteChannel | None = None,
        ports: Ports | None = None,
        limits: Mapping[str, Any] | None = None,
        **settings: Any,  # noqa: ANN401  checked by the settings model
    ) -> None:
        super().__init__("", name=name)
        self.address = Address.parse(address)
        self.clock = clock or default_clock()
        self.settings: Any = _checked(type(self), name, {**settings, "limits": dict(limits or {})})
        self._channel = channel
        self._ports = ports if ports is not None else ports_of(self.clock)
        self._link: Link | None = None
        self._met = False
        self._meeting: asyncio.Lock | None = None
        self._action: asyncio.Task[None] | None = None
        self._tasks: set[asyncio.Task[Any]] = set()

    # ---- what a driver implements ------------------------------------------------------------------------------

    async def do_greet(self) -> None:
        """Wake the instrument, take it under remote control and learn what it can do; move nothing."""

    def identify_query(self) -> Query[object]:
        """Return a cheap query that tells this instrument from every other; asked again after each trouble."""
        raise NotImplementedError

    async def do_identify(self) -> Mapping[str, JSON]:
        """Return model, firmware and serial number where the instrument tells them."""
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
        """Bring the instrument to its safe state."""
        await self.do_halt()

    def restore(self, state: Mapping[str, JSON]) -> None:
        """Take over the `state` of the last known result."""

    def action_class(self, verb: Verb, value: object) -> ActionClass:
        """Return the class of an action."""
        return "read" if verb == "trigger" else "once"

    def check_value(self, value: object) -> None:
        """Raise OutsideLimits for a `set` value that must not be sent."""

    def takes(self, frame: bytes, sent: bytes) -> bool:
        """Say whether a frame was unsolicited and is dealt with; shown every frame, on the port's thread."""
        return False

    frame_end: ClassVar[bytes] = b"\n"

    # ---- connecting --------------------------------------------------------------------------------------------

    async def do_connect(self) -> None:
        """Open the port, identify the instrument, and bring it under remote control without moving anything.

        Raises:
            InstrumentError: It does not answer, or is another; the port has been given back.
        """
        if self._meeting is None:
            self._meeting = asyncio.Lock()
        async with self._meeting:
            if self._met:
                return
            self._link = self._ports.attach(
                self.address,
                self.name,
                identify=self.identify_query,
                takes=self.takes,
                terminator=self.frame_end,
                channel=self._channel,
            )
            try:
                await self.do_greet()
                self._link.identity = await self.query(self.identify_query())
                await self.do_identify()
            except BaseException:
                self.disconnect()
                raise
            self._met = True

    def disconnect(self) -> None:
        """Give the port back; the next verb connects again."""
        link, self._link, self._met = self._link, None, False
        if link is not None:
            link.close()

    async def query(self, query: Query[T], *, command: bytes = b"", urgent: bool = False) -> T:
        """Carry a query out on this instrument's port."""
        if self._link is None:
            await self.do_connect()
        if self._link is None:
            raise Refused("was disconnected meanwhile: nothing was sent", instrument=self.name, command=command)
        return await self._link.ask(query, command=command, urgent=urgent)

    async def ready(self) -> None:
        """Connect unless that was done."""
        if not self._met:
            await self.do_connect()

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
            self._spawn(self.do_halt())

    def _begin(self, verb: Verb, value: object) -> ActionStatus:
        status = ActionStatus(self, verb, value)
        self._spawn(self._perform(status))
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

    def _spawn(self, coroutine: Coroutine[Any, Any, Any]) -> None:
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

    # ---- for people, never on the loop -------------------------------------------------------------------------

    def connect(self) -> None:
        """Connect, and wait for it."""
        self.clock.run(self.do_connect())

    def identify(self) -> Mapping[str, JSON]:
        """Return who the instrument says it is."""
        return self.clock.run(self._when_ready(self.do_identify))

    def halt(self) -> None:
        """Stop all motion now, and wait for it."""
        self.clock.run(self.do_halt())

    def make_safe(self) -> None:
        """Bring the instrument to its safe state, and wait for it."""
        self.clock.run(self.do_make_safe())

    async def _when_ready(self, what: Callable[[], Coroutine[Any, Any, T]]) -> T:
        await self.ready()
        return await what()

    # ---- for drivers -------------------------------------------------------------------------------------------

    def check_limit(self, quantity: str, value: float, unit: str) -> None:
        """Raise OutsideLimits when the lab's limits forbid a value."""
        bounds = self.settings.limits.get(quantity)
        if bounds is not None and not bounds[0] <= value <= bounds[1]:
            raise self.outside(f"{quantity} {value:g} {unit} is outside the limits {bounds[0]:g}..{bounds[1]:g} {unit}")

    def outside(self, message: str) -> OutsideLimits:
        """Return the error for a value that must not be sent."""
        return OutsideLimits(f"{message}; nothing was sent", instrument=self.name, port=self.address.port)


def _checked(driver: type[OphydInstrument], name: str, settings: dict[str, Any]) -> BaseModel:
    try:
        return driver.settings_model(**settings)
    except ValidationError as error:
        faults = "; ".join(f"{'.'.join(map(str, fault['loc']))}: {fault['msg']}" for fault in error.errors())
        known = ", ".join(driver.settings_model.model_fields)
        msg = f"{name} ({driver.__name__}): {faults}. Settings: {known}"
        raise InputError(msg) from None


def _running_loop() -> asyncio.AbstractEventLoop | None:
    try:
        return asyncio.get_running_loop()
    except RuntimeError:
        return None


def _current_task() -> asyncio.Task[Any] | None:
    return asyncio.current_task() if _running_loop() is not None else None
