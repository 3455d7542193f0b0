"""What instruments behind EPICS have in common: Channel Access through ophyd's own classes, one control layer for all.

Nothing of EPICS is imported, and no network touched, before such an instrument connects.
"""

from __future__ import annotations

import asyncio
import math
import os
from collections.abc import Callable, Coroutine, Mapping
from typing import Any, ClassVar, Final, TypeVar

import ophyd
from ophyd import Device
from ophyd.utils.errors import DisconnectedError, LimitError, ReadOnlyError
from pydantic import BaseModel

from autolab.drivers.acting import Acting
from autolab.drivers.addresses import Address
from autolab.drivers.epics_settings import EpicsSettings
from autolab.drivers.instrument import checked_settings, default_clock
from autolab.model.actions import JSON
from autolab.model.clock import Clock
from autolab.model.errors import (
    InputError,
    InstrumentDisconnected,
    InstrumentError,
    InstrumentTimeout,
    MissingExtra,
    OutsideLimits,
    Refused,
)
from autolab.model.roles import Role

T = TypeVar("T")
INSTALL: Final = "pip install 'autolab-sdl[epics]'"
_SERVERS: Final = "EPICS_CA_ADDR_LIST"


def choose_channel_access() -> None:
    """Have ophyd speak Channel Access, unless it does so already: by pyepics, or whatever the person chose.

    Raises:
        MissingExtra: Neither caproto nor pyepics is there.
    """
    if ophyd.get_cl().name != "dummy":
        return
    try:
        ophyd.set_cl("caproto")
    except ImportError as error:
        msg = f"instruments behind EPICS need caproto, which is not installed. {INSTALL}"
        raise MissingExtra(msg) from error


def look_at(server: str) -> None:
    """Have names looked for at a server also, `host:port`, beside those that the environment names."""
    known = os.environ.get(_SERVERS, "").split()
    if server not in known:
        os.environ[_SERVERS] = " ".join([*known, server])


class EpicsInstrument(Acting, Device):  # type: ignore[misc]  # ophyd ships no types
    """An instrument whose control system is reached by Channel Access: `epics://NAME`, or `epics://NAME?server=host:port`.

    It lives in wall time: a virtual lab in memory cannot have it, one that is served (`autolab simulate`) can.
    A driver implements `open_record` and `greet`, and the verbs.

    Args:
        name: Name in the lab.
        address: `epics://` and the name of the record.
        clock: Lab time, real or scaled; None for the process's own real clock.
        channel: None: there is no line in memory to it.
        ports: Not used: Channel Access has its own.
        limits: Quantity -> (low, high), in the record's unit.
        settings: The driver's own, as its settings model declares them.

    Raises:
        InputError: Settings or an address that cannot be, or a virtual lab in memory.
    """

    role: ClassVar[Role]
    settings_model: ClassVar[type[BaseModel]]
    settings: EpicsSettings

    def __init__(
        self,
        name: str,
        *,
        address: str,
        clock: Clock | None = None,
        channel: object = None,
        ports: object = None,
        limits: Mapping[str, Any] | None = None,
        **settings: Any,  # noqa: ANN401  checked by the settings model
    ) -> None:
        super().__init__("", name=name)
        self.clock = clock or default_clock()
        if channel is not None or self.clock.mode == "virtual":
            msg = (
                f"{name}: EPICS is a network in real time; a virtual lab in memory or in virtual time cannot have it. "
                "Serve the lab with `autolab simulate LAB --addresses FILE`, and use it with `--addresses FILE`"
            )
            raise InputError(msg)
        self.address = Address.parse(address)
        if self.address.scheme != "epics":
            msg = f"{name}: address {address!r} is none of EPICS: write epics://NAME or epics://NAME?server=host:port"
            raise InputError(msg)
        self.settings = checked_settings(type(self), name, {**settings, "limits": dict(limits or {})})  # type: ignore[assignment]  # of the settings model
        self._record: Any = None
        self._meeting: asyncio.Lock | None = None
        self.start_acting()

    # ---- what a driver implements ------------------------------------------------------------------------------

    def open_record(self) -> Any:  # noqa: ANN401  an ophyd object
        """Return an ophyd object for what the address names, not connected yet."""
        raise NotImplementedError

    async def greet(self) -> None:
        """Learn what it is and how it stands; change nothing."""

    async def do_identify(self) -> Mapping[str, JSON]:
        """Return what the record tells of itself."""
        raise NotImplementedError

    # ---- connecting --------------------------------------------------------------------------------------------

    async def do_connect(self) -> None:
        """Find its names, and see that it is what was declared, without changing anything.

        Raises:
            MissingExtra: Neither caproto nor pyepics is installed.
            InstrumentTimeout: Nobody answers to its names.
            WrongInstrument: It is another record, or has another unit.
        """
        if self._meeting is None:
            self._meeting = asyncio.Lock()
        async with self._meeting:
            if self._record is not None:
                return
            self._record = await self.blocking(self._found)
            try:
                await self.greet()
                await self.do_identify()
            except BaseException:
                self.disconnect()
                raise

    def _found(self) -> Any:  # noqa: ANN401  an ophyd object
        choose_channel_access()
        server = self.address.settings.get("server")
        if server:
            look_at(server)
        record = self.open_record()
        try:
            self._wait_for(record)
        except TimeoutError as error:
            record.destroy()
            where = server or os.environ.get(_SERVERS) or "this network"
            msg = (
                f"nobody answers to {self.address.target} within {self.settings.connect_s:g} s, asked at {where}. "
                f"Is its server running? Say where it is with `?server=host:port` or {_SERVERS}"
            )
            raise self.named(InstrumentTimeout(msg)) from error
        return record

    def _wait_for(self, record: Any) -> None:  # noqa: ANN401  an ophyd object
        if isinstance(record, Device):
            record.wait_for_connection(all_signals=True, timeout=self.settings.connect_s)
        else:
            record.wait_for_connection(timeout=self.settings.connect_s)

    def disconnect(self) -> None:
        """Let its names go; the next verb connects again."""
        record, self._record = self._record, None
        if record is not None:
            record.destroy()

    async def ready(self) -> None:
        """Connect unless that was done."""
        if self._record is None:
            await self.do_connect()

    # ---- for people, never on the loop -------------------------------------------------------------------------

    def connect(self) -> None:
        """Connect, and wait for it."""
        self.clock.run(self.do_connect())

    def identify(self) -> Mapping[str, JSON]:
        """Return what the record tells of itself."""
        return self.clock.run(self._when_ready(self.do_identify))

    def halt(self) -> None:
        """Stop all motion now, and wait for it."""
        self.clock.run(self.do_halt())

    def make_safe(self) -> None:
        """Bring it to its safe state, and wait for it."""
        self.clock.run(self.do_make_safe())

    async def _when_ready(self, what: Callable[[], Coroutine[Any, Any, T]]) -> T:
        await self.ready()
        return await what()

    # ---- for drivers -------------------------------------------------------------------------------------------

    async def get(self, signal: Any) -> Any:  # noqa: ANN401  an ophyd signal, and what it holds
        """Ask the server for a value: no cached one."""
        limit = self.settings.reply_s
        return await self.blocking(lambda: signal.get(use_monitor=False, timeout=limit, connection_timeout=limit))

    async def put(self, signal: Any, value: object, *, wait: bool = True) -> None:  # noqa: ANN401  an ophyd signal
        """Write a value, once; with `wait`, until the server says that it took it."""
        limit = self.settings.reply_s
        await self.blocking(lambda: signal.put(value, wait=wait, timeout=limit, connection_timeout=limit, force=True))

    async def blocking(self, call: Callable[[], T]) -> T:
        """Call something that blocks in a thread, and tell its errors as ours.

        Raises:
            InstrumentError: A typed one, with name and address.
        """
        try:
            return await asyncio.to_thread(call)
        except InstrumentError:
            raise
        except TimeoutError as error:
            raise self.named(InstrumentTimeout(f"does not answer: {error}")) from error
        except DisconnectedError as error:
            raise self.named(InstrumentDisconnected(f"its server is gone: {error}")) from error
        except ReadOnlyError as error:
            raise self.named(Refused(f"cannot be written: {error}")) from error
        except LimitError as error:
            raise self.named(OutsideLimits(f"{error}; nothing was sent")) from error

    def named(self, error: InstrumentError) -> InstrumentError:
        """Fill in whose error it is."""
        error.instrument, error.port = self.name, self.address.port
        return error

    def check_limit(self, quantity: str, value: float) -> None:
        """Raise OutsideLimits when the lab's limits forbid a value."""
        bounds = getattr(self.settings, "limits", {}).get(quantity)
        if bounds is not None and not bounds[0] <= value <= bounds[1]:
            raise self.outside(f"{quantity} {value:g} is outside the limits {bounds[0]:g}..{bounds[1]:g}")


def known(value: object) -> float | None:
    """Return a number that a signal holds; None while it holds none."""
    number = float(str(value))
    return number if math.isfinite(number) else None
