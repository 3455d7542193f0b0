"""Serving a wire: in memory, over TCP, on a pseudo-terminal.

All of it runs on the clock's loop. One listener at a time; the next may take over.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import threading
from collections.abc import Callable
from typing import TYPE_CHECKING, Protocol
from urllib.parse import urlsplit

from autolab.model.errors import InputError, InstrumentDisconnected

if TYPE_CHECKING:
    from autolab.simulators.wire import Wire

logger = logging.getLogger(__name__)


class Served(Protocol):
    """A wire that is served somewhere.

    Attributes:
        url: Where, without a bus address: `tcp://127.0.0.1:40123`, `serial:///dev/pts/7`.
    """

    url: str

    async def close(self) -> None:
        """Stop serving; call it on the clock's loop."""


class MemoryChannel:
    """A line in memory, for a task on the clock's loop or for a blocking thread.

    Args:
        wire: What is at the other end.
        name: For the URL and messages.
    """

    def __init__(self, wire: Wire, name: str) -> None:
        self.wire = wire
        self.url = f"memory://{name}"
        self._open = False
        self._arrived = threading.Condition()
        self._bytes = bytearray()
        self._receive: Callable[[bytes], None] | None = None

    def open(self) -> None:
        """Open the line; does nothing when it is open."""
        self.wire.clock.start()
        with self._arrived:
            if self._open:
                return
            if self.wire.dead:
                msg = "cannot be opened: its plug is pulled"
                raise InstrumentDisconnected(msg, port=self.url)
            self._open = True
            self._bytes.clear()
        self._on_loop(lambda: self.wire.connect(self._deliver, self.cut))

    def close(self) -> None:
        """Close the line; does nothing when it is closed."""
        with self._arrived:
            was_open, self._open = self._open, False
            self._bytes.clear()
            self._arrived.notify_all()
        if was_open and not self.wire.clock.loop.is_closed():
            self._on_loop(lambda: self.wire.disconnect(self._deliver))

    def cut(self) -> None:
        """Lose the line, as when a plug is pulled: everything fails until it is opened again."""
        self.close()

    def write(self, data: bytes) -> None:
        """Send all of `data`.

        Raises:
            InstrumentDisconnected: When the line is not open.
        """
        self._check()
        self._on_loop(lambda: self.wire.receive(data))

    def read(self, timeout: float) -> bytes:
        """Return the bytes that are there, waiting up to `timeout` wall seconds for the first.

        Raises:
            InstrumentDisconnected: When the line is not open, or is lost meanwhile.
        """
        with self._arrived:
            self._check()
            self._arrived.wait_for(lambda: bool(self._bytes) or not self._open, timeout)
            self._check()
            data = bytes(self._bytes)
            self._bytes.clear()
        return data

    def on_bytes(self, receive: Callable[[bytes], None] | None) -> None:
        """Call `receive` on the loop with each piece that arrives; None ends it."""
        with self._arrived:
            self._receive = receive
            waiting = bytes(self._bytes) if receive is not None else b""
            if receive is not None:
                self._bytes.clear()
        if receive is not None and waiting:
            self._on_loop(lambda: receive(waiting))

    def _deliver(self, data: bytes) -> None:
        with self._arrived:
            receive = self._receive
            if receive is None:
                self._bytes += data
                self._arrived.notify_all()
        if receive is not None:
            receive(data)

    def _check(self) -> None:
        if not self._open:
            msg = "the line is not open (closed, or its plug was pulled): open it again"
            raise InstrumentDisconnected(msg, port=self.url)

    def _on_loop(self, call: Callable[[], None]) -> None:
        loop = self.wire.clock.loop
        if on_loop(loop):
            call()
        else:
            loop.call_soon_threadsafe(call)


class TcpServer:
    """A wire on a TCP port; a second client takes over from the first.

    Args:
        wire: What is served.
        server: The listening server.
    """

    def __init__(self, wire: Wire) -> None:
        self.wire = wire
        self.url = ""
        self._server: asyncio.Server | None = None
        self._current: asyncio.StreamWriter | None = None

    async def listen(self, host: str, port: int) -> None:
        """Begin to listen; port 0 lets the system choose."""
        self._server = await asyncio.start_server(self._client, host, port)
        bound = self._server.sockets[0].getsockname()
        self.url = f"tcp://{host}:{bound[1]}"

    async def close(self) -> None:
        """Stop listening and end the connection."""
        if self._server is not None:
            self._server.close()
        if self._current is not None:
            self._current.close()
            with contextlib.suppress(ConnectionError, OSError):
                await self._current.wait_closed()

    async def _client(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self.wire.dead:
            writer.close()
            return
        if self._current is not None:
            self._current.close()
        self._current = writer
        listener = writer.write
        self.wire.connect(listener, writer.close)
        try:
            while data := await reader.read(4096):
                if self._current is not writer:
                    return
                self.wire.receive(data)
        except (ConnectionError, OSError) as error:
            logger.info("%s: the client is gone: %s", self.url, error)
        finally:
            self.wire.disconnect(listener)
            writer.close()
            if self._current is writer:
                self._current = None


class PtyServer:
    """A wire on a pseudo-terminal: to a client, a serial port. POSIX only.

    Args:
        wire: What is served.
    """

    def __init__(self, wire: Wire) -> None:
        import pty
        import tty

        self.wire = wire
        self._master, self._slave = pty.openpty()  # our own slave descriptor keeps the line up between clients
        tty.setraw(self._slave)
        os.set_blocking(self._master, False)
        self.url = f"serial://{os.ttyname(self._slave)}"
        self._send = self._write
        wire.connect(self._send, self._cannot_hang_up)
        wire.clock.loop.add_reader(self._master, self._readable)

    async def close(self) -> None:
        """Remove the pseudo-terminal."""
        self.wire.clock.loop.remove_reader(self._master)
        self.wire.disconnect(self._send)
        os.close(self._master)
        os.close(self._slave)

    def _readable(self) -> None:
        with contextlib.suppress(BlockingIOError):
            self.wire.receive(os.read(self._master, 4096))

    def _write(self, data: bytes) -> None:
        with contextlib.suppress(BlockingIOError):  # nobody reads and the buffer is full: lost, as on a real line
            os.write(self._master, data)

    def _cannot_hang_up(self) -> None:
        logger.warning("%s: a pseudo-terminal cannot be unplugged; the reply is lost instead", self.url)


async def serve(wire: Wire, listen: str) -> Served:
    """Serve a wire; call it on the clock's loop.

    Args:
        wire: What is served.
        listen: `pty`, or `tcp://host:port` (port 0 lets the system choose).

    Raises:
        InputError: For another form, or `pty` where the system has none.
    """
    if listen == "pty":
        try:
            return PtyServer(wire)
        except ImportError as error:
            msg = "pty: this system has no pseudo-terminals; listen on tcp://127.0.0.1:0 instead"
            raise InputError(msg) from error
    host, port = listening(listen)
    server = TcpServer(wire)
    try:
        await server.listen(host, port)
    except OSError as error:
        msg = f"{listen}: cannot listen there ({error.strerror or error}); choose a free port, or 0 for any"
        raise InputError(msg) from error
    return server


def on_loop(loop: asyncio.AbstractEventLoop) -> bool:
    """Say whether the caller runs on a loop."""
    try:
        return asyncio.get_running_loop() is loop
    except RuntimeError:
        return False


def listening(listen: str) -> tuple[str, int]:
    """Return host and port of a `tcp://host:port`.

    Raises:
        InputError: For anything else.
    """
    try:
        parts = urlsplit(listen)
        port = parts.port
    except ValueError:
        parts, port = urlsplit(""), None
    if parts.scheme != "tcp" or not parts.hostname or port is None:
        msg = f"{listen!r} is nothing to listen on; write pty, or tcp://127.0.0.1:0 (0: any free port)"
        raise InputError(msg)
    return parts.hostname, port
