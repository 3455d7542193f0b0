"""Ports: one for each physical line, shared by the instruments of a bus; the only place that touches a channel.

    instrument -- Link --\
                          Port -- Line (what to do) -- runner (who does it) -- byte channel
    instrument -- Link --/

Two runners: the port's one I/O thread (real and scaled clocks; deadlines are wall time), and a task on the clock's
loop (virtual clock; deadlines are lab time, the channel must be a `LoopChannel`).
"""

from __future__ import annotations

import asyncio
import threading
import time
import weakref
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any, TypeVar

from autolab.drivers.addresses import Address
from autolab.drivers.channels import open_channel
from autolab.drivers.line import Line
from autolab.drivers.query import Query
from autolab.drivers.runners import Job, LoopRunner, Runner, ThreadRunner
from autolab.drivers.wirelog import WireLog
from autolab.model.channel import ByteChannel, LoopChannel
from autolab.model.clock import Clock
from autolab.model.errors import InputError, InstrumentDisconnected

T = TypeVar("T")


class Link:
    """One instrument's hold on its port; made by `Ports.attach`, given back by `close`.

    Attributes:
        name: The instrument's.
        bus: Its address on a shared bus, or None.
        identity: What its identity query answered when it was met; set it to have every later answer compared.
        synchronised: Whether its next reply will be the answer to its next command.
    """

    def __init__(
        self,
        port: Port,
        name: str,
        bus: int | None,
        identify: Callable[[], Query[object]] | None,
        takes: Callable[[bytes, bytes], bool] | None,
        terminator: bytes,
    ) -> None:
        self.port, self.name, self.bus = port, name, bus
        self.identify, self.takes, self.terminator = identify, takes, terminator
        self.identity: object = None
        self.synchronised = False

    async def ask(self, query: Query[T], *, command: bytes = b"", urgent: bool = False) -> T:
        """Carry a query out and return its finding.

        A cancelled caller withdraws a query that has not begun; one that has begun runs to its end, so that the
        line stays in step.

        Args:
            query: What to say and to wait for.
            command: Named in errors that come before the first byte is written.
            urgent: Go before all that waits for the port.

        Raises:
            InstrumentError: With instrument, port, command and the bytes seen.
        """
        return await self.port.ask(query, link=self, command=command, urgent=urgent)

    def close(self) -> None:
        """Give the port back; the last one to do so closes it."""
        self.port.release(self)


class Port:
    """One physical line and the instruments on it."""

    def __init__(self, channel: ByteChannel, clock: Clock, log: WireLog, on_idle: Callable[[], None]) -> None:
        self.url = channel.url
        self.log = log
        self._clock, self._on_idle = clock, on_idle
        self.links: list[Link] = []
        in_wall_time = clock.mode != "virtual"
        self.line = Line(self.url, time.monotonic if in_wall_time else clock.loop.time, self._note)
        self._runner: Runner
        if in_wall_time:
            self._runner = ThreadRunner(channel, self._record)
        elif isinstance(channel, LoopChannel):
            self._runner = LoopRunner(channel, self._record, clock.loop)
        else:
            msg = f"port {self.url}: virtual time needs a virtual lab in memory; use a real or scaled clock here"
            raise InputError(msg)

    async def ask(self, query: Query[T], *, link: Link, command: bytes = b"", urgent: bool = False) -> T:
        """Carry a query out for one of the instruments; see `Link.ask`."""
        if link not in self.links:
            msg = "the port was given back: connect the instrument again"
            raise InstrumentDisconnected(msg, instrument=link.name, port=self.url, command=command)
        future: Future[T] = Future()
        self._runner.submit(Job(self.line.perform(link, query, command), future), urgent=urgent)
        return await asyncio.wrap_future(future)

    def add(self, link: Link) -> None:
        """Take an instrument on.

        Raises:
            InputError: Another one has its place.
        """
        for other in self.links:
            if None in (link.bus, other.bus) or link.bus == other.bus:
                msg = (
                    f"{link.name!r} and {other.name!r} are both on {self.url} at bus address {link.bus}: "
                    "give each instrument of a bus its own address (?bus=N)"
                )
                raise InputError(msg)
        self.links.append(link)
        self.line.speakers.append(link)

    def release(self, link: Link) -> None:
        """Let an instrument go; close the line after the last one."""
        if link in self.links:
            self.links.remove(link)
            self.line.speakers.remove(link)
            if not self.links:
                self.close()

    def close(self) -> None:
        """Close the line; what still waits for it fails with InstrumentDisconnected."""
        self._runner.stop()
        self._on_idle()

    def _record(self, direction: Any, data: bytes) -> None:  # noqa: ANN401  the log's own literal
        self.log.add(self._clock.now(), self.url, direction, data)

    def _note(self, text: str) -> None:
        self._record("note", text.encode("ascii", "replace"))


class Ports:
    """The ports in use with one clock: usually those of one lab.

    Args:
        clock: Decides who runs the queries.
        log: Where the traffic is recorded; by default in memory.
    """

    def __init__(self, clock: Clock, log: WireLog | None = None) -> None:
        self.log = log or WireLog()
        # Weak, because the ports of a clock are kept as long as the clock (`ports_of`), not the reverse.
        self._clock = weakref.ref(clock)
        self._ports: dict[str, tuple[Port, dict[str, str]]] = {}
        self._lock = threading.RLock()

    def __len__(self) -> int:
        return len(self._ports)

    def attach(
        self,
        address: Address | str,
        name: str,
        *,
        identify: Callable[[], Query[object]] | None = None,
        takes: Callable[[bytes, bytes], bool] | None = None,
        terminator: bytes = b"\n",
        channel: ByteChannel | None = None,
    ) -> Link:
        """Return a hold on the port at `address`, which is shared if it is in use already. Opens nothing yet.

        Args:
            address: Where the instrument is.
            name: The instrument's.
            identify: Makes its cheap identity query.
            takes: Shown frames that nobody may have asked for, and the bytes last written; True takes one.
            terminator: What ends such a frame.
            channel: Used instead of the address's own, as in a virtual lab; its `url` says which port it is.

        Raises:
            InputError: An address that cannot be, a place that is taken, or line settings that contradict.
        """
        place = Address.parse(address) if isinstance(address, str) else address
        with self._lock:
            port = self._port(place, channel)
            link = Link(port, name, place.bus, identify, takes, terminator)
            port.add(link)
        return link

    def close(self) -> None:
        """Close all ports."""
        with self._lock:
            for port, _ in list(self._ports.values()):
                port.close()

    def _port(self, place: Address, channel: ByteChannel | None) -> Port:
        clock = self._clock()
        if clock is None:
            msg = "the clock of these ports is gone: keep it as long as its instruments"
            raise RuntimeError(msg)
        key = channel.url if channel is not None else place.port
        settings = dict(place.settings)
        if key not in self._ports:
            port = Port(channel or open_channel(place), clock, self.log, lambda: self._forget(key))
            self._ports[key] = (port, settings)
        port, others = self._ports[key]
        if settings != others:
            msg = f"{place.text}: another instrument uses {key} with {others or 'default settings'}; give both the same"
            raise InputError(msg)
        return port

    def _forget(self, key: str) -> None:
        with self._lock:
            self._ports.pop(key, None)
            if not self._ports:
                self.log.close()


_PORTS: weakref.WeakKeyDictionary[Clock, Ports] = weakref.WeakKeyDictionary()
_PORTS_LOCK = threading.Lock()


def ports_of(clock: Clock) -> Ports:
    """Return the ports that instruments of a clock share unless they were given others."""
    with _PORTS_LOCK:
        if clock not in _PORTS:
            _PORTS[clock] = Ports(clock)
        return _PORTS[clock]
