"""Queries without I/O: what a driver says to its instrument and waits for, as a generator.

A query yields `Write`, `ReadUntil` and `Sleep` and returns what it learned. It never touches a port, so that
one query serves the port's thread (wall time), a task on the clock's loop (virtual time) and a plain test.
"""

from __future__ import annotations

from collections.abc import Callable, Generator
from dataclasses import dataclass
from typing import TypeAlias, TypeVar

T = TypeVar("T")


@dataclass(frozen=True)
class Write:
    """Send bytes.

    Attributes:
        data: As they go over the wire, terminator included.
    """

    data: bytes


@dataclass(frozen=True)
class ReadUntil:
    """Wait for a reply; the query is resumed with its bytes, terminator included.

    Attributes:
        terminator: Bytes that end the reply, or a function that says how many of the bytes received so far
            belong to it (0 while it is incomplete).
        deadline: Seconds to wait for the complete reply, from now. Wall time, but lab time on a virtual clock.
    """

    terminator: bytes | Callable[[bytes], int]
    deadline: float = 1.0

    def end(self, received: bytes) -> int:
        """Return how many bytes of `received` make the reply; 0 while it is incomplete.

        >>> ReadUntil(b";").end(b"S S 1.0 g;S")
        10
        """
        if callable(self.terminator):
            return self.terminator(received)
        at = received.find(self.terminator)
        return at + len(self.terminator) if at >= 0 else 0


@dataclass(frozen=True)
class Sleep:
    """Leave the line alone for a while: pacing that the instrument needs.

    Attributes:
        seconds: Wall time, but lab time on a virtual clock.
    """

    seconds: float


Effect: TypeAlias = Write | ReadUntil | Sleep
Query: TypeAlias = Generator[Effect, bytes | None, T]
"""A query: yields effects, is resumed with a reply's bytes (None after the others), returns its finding."""


def ask(data: bytes, terminator: bytes | Callable[[bytes], int], deadline: float = 1.0) -> Query[bytes]:
    """Write `data` and return the reply: the one exchange that most queries are made of."""
    yield Write(data)
    reply = yield ReadUntil(terminator, deadline)
    return reply or b""
