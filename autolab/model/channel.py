"""The byte channel: the one contract between a driver and whatever carries its bytes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol, runtime_checkable


@runtime_checkable
class ByteChannel(Protocol):
    """A line to an instrument: serial port, TCP connection, or memory.

    `open`, `write`, `read` and `close` are called by one thread at a time (the port's I/O thread).

    Raises:
        InstrumentDisconnected: From every method, when the line is gone or held by another process.
    """

    url: str

    def open(self) -> None:
        """Open the line exclusively; does nothing when it is open."""

    def close(self) -> None:
        """Close the line; does nothing when it is closed."""

    def write(self, data: bytes) -> None:
        """Send all of `data`."""

    def read(self, timeout: float) -> bytes:
        """Return the bytes that are there, waiting up to `timeout` wall seconds for the first; `b""` at the timeout."""


@runtime_checkable
class LoopChannel(ByteChannel, Protocol):
    """A channel that can also be used by a task on an event loop, without a thread: what virtual time needs."""

    def on_bytes(self, receive: Callable[[bytes], None] | None) -> None:
        """Call `receive` on the loop with each piece that arrives; None ends it."""
