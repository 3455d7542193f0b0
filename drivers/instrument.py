"""The base of all drivers: bluesky's verbs on one side, coroutines over a wire on the other."""

from __future__ import annotations

import asyncio
import atexit
import functools
import logging
import time
from collections.abc import Callable, Coroutine, Mapping
from typing import Any, ClassVar, Literal, TypeVar

from ophyd import Device
from pydantic import BaseModel, ValidationError

from autolab.drivers.acting import Acting, ActionStatus
from autolab.drivers.addresses import Address
from autolab.drivers.query import Query
from autolab.drivers.wire import Link, Ports, ports_of
from autolab.model.actions import JSON
from autolab.model.channel import ByteChannel
from autolab.model.clock import Clock
from autolab.model.errors import InputError, InstrumentError, LinkError, Refused
from autolab.model.roles import Role

__all__ = ["ActionStatus", "OphydInstrument", "checked_settings", "default_clock"]

T = TypeVar("T")
_log = logging.getLogger("autolab.drivers")


@functools.cache
def default_clock() -> Clock:
    """Return the process's own real clock, for instruments that were given none."""
    clock = Clock("real")
    atexit.register(clock.close)
    return clock


class OphydInstrument(Acting, Device):  # type: ignore[misc]  # ophyd ships no types
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

    Attributes:
        told: What `identify` gave when the instrument was met; empty before.
        round_trip_s: How long its identity query took then, s of wall time; others on the line may have been in its way.

    Raises:
        InputError: Settings or an address that cannot be.
    """

    role: ClassVar[Role | Literal[""]]
    """Empty for an instrument whose components have the roles."""
    settings_model: ClassVar[type[BaseModel]]
    line_settings: ClassVar[Mapping[str, str]] = {}
    """Serial settings that it usually has, where they are not 9600 8N1; as in an address: `{"bits": "7"}`."""

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
        self.address = Address.parse(address).usually(self.line_settings)
        self.clock = clock or default_clock()
        given = {**settings, "limits": dict(limits)} if limits else settings
        self.settings: Any = checked_settings(type(self), name, given)
        self._channel = channel
        self._ports = ports if ports is not None else ports_of(self.clock)
        self._link: Link | None = None
        self._met = False
        self.told: Mapping[str, JSON] = {}
        self.round_trip_s = 0.0
        self._meeting: asyncio.Lock | None = None
        self.start_acting()

    # ---- what a driver implements ------------------------------------------------------------------------------

    async def do_greet(self) -> None:
        """Wake the instrument, take it under remote control and learn what it can do; move nothing."""

    def identify_query(self) -> Query[object]:
        """Return a cheap query that tells this instrument from every other; asked again after each trouble."""
        raise NotImplementedError

    def recognises(self, identity: object) -> bool:
        """Say whether an answer to `identify_query` is one of this driver's instruments; for probing unknown ports."""
        return True

    async def do_identify(self) -> Mapping[str, JSON]:
        """Return model, firmware and serial number where the instrument tells them."""
        raise NotImplementedError

    async def do_diagnose(self) -> Mapping[str, JSON]:
        """Return what a person at the bench should know of its state; `alarm` in words where it has one. Reads only."""
        return {}

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
                begun = time.perf_counter()
                self._link.identity = await self.query(self.identify_query())
                self.round_trip_s = time.perf_counter() - begun
                self.told = dict(await self.do_identify())
            except InstrumentError as error:
                self.disconnect()
                error.instrument, error.port = error.instrument or self.name, error.port or self.address.port
                raise
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

    async def again(self, query: Callable[[], Query[T]], *, tries: int = 3, urgent: bool = False) -> T:
        """Carry a query out, again if the line fails it: for what may be sent twice (readings, absolute set points).

        Args:
            query: Makes it anew for each try.
            tries: How often at most.
            urgent: Go before all that waits for the port.
        """
        for _ in range(tries - 1):
            try:
                return await self.query(query(), urgent=urgent)
            except LinkError as error:
                _log.info("%s: asking again after: %s", self.name, error)
        return await self.query(query(), urgent=urgent)

    @property
    def met(self) -> bool:
        """Whether it is connected and was identified."""
        return self._met

    @property
    def identity(self) -> object:
        """What its identity query answered when it was met; None before."""
        return None if self._link is None else self._link.identity

    async def ready(self) -> None:
        """Connect unless that was done."""
        if not self._met:
            await self.do_connect()

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


def checked_settings(driver: Any, name: str, settings: dict[str, Any]) -> BaseModel:  # noqa: ANN401  a driver
    """Return settings by a driver's `settings_model`.

    Raises:
        InputError: They cannot be, with all faults and what settings there are.
    """
    model: type[BaseModel] = driver.settings_model
    try:
        return model(**settings)
    except ValidationError as error:
        faults = "; ".join(f"{'.'.join(map(str, fault['loc']))}: {fault['msg']}" for fault in error.errors())
        known = ", ".join(model.model_fields)
        msg = f"{name} ({driver.__name__}): {faults}. Settings: {known}"
        raise InputError(msg) from None
