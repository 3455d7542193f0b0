"""One line to one or more instruments, without I/O: stepping queries, distrust, and how trust is regained.

A `Line` turns a query into primitives (`Open`, `Send`, `Receive`, ...) that a runner carries out, in a thread or
on an event loop. All that is subtle about a wire is here, once for both runners:

- bytes that nobody asked for are taken before a command goes out, never as its answer;
- after a late, missing, garbled or surplus reply the line is drained until it is quiet, and the instrument must
  answer its identity query before it hears the next command;
- after the line was lost it is opened again, and the instrument must still be the same one.
"""

from __future__ import annotations

from collections.abc import Callable, Generator
from dataclasses import dataclass
from typing import Final, Protocol, TypeAlias, TypeVar

from autolab.drivers.query import Effect, Query, ReadUntil, Sleep, Write
from autolab.model.errors import (
    GarbledReply,
    InstrumentDisconnected,
    InstrumentError,
    InstrumentTimeout,
    LinkError,
    WrongInstrument,
)

T = TypeVar("T")
QUIET: Final = 0.1
"""The line is quiet when nothing came for so long, s: longer than a USB adapter or device server holds bytes back."""
DRAIN_LIMIT: Final = 1.0
"""Draining ends after so long even if the instrument talks on, s."""
REPLY_LIMIT: Final = 65536
_EPSILON: Final = 1e-6  # below this a deadline is over: lab time is kept to 1e-9 s
_RESYNCHRONISATIONS: Final = 2


@dataclass(frozen=True)
class Open:
    """Open the channel."""


@dataclass(frozen=True)
class Close:
    """Close the channel."""


@dataclass(frozen=True)
class Send:
    """Write all of `data`."""

    data: bytes


@dataclass(frozen=True)
class Receive:
    """Return what is there, waiting up to `timeout` s for the first byte; `b""` at the timeout."""

    timeout: float


@dataclass(frozen=True)
class Pause:
    """Wait."""

    seconds: float


Primitive: TypeAlias = Open | Close | Send | Receive | Pause
Steps: TypeAlias = Generator[Primitive, bytes, T]


class Speaker(Protocol):
    """An instrument on the line, as the line sees it.

    Attributes:
        name: For errors.
        identify: Makes the cheap query whose answer tells one instrument from another.
        identity: What `identify` answered when the instrument was met; None before.
        takes: Shown each complete frame and the bytes last written; True says that the frame was unsolicited
            and is dealt with.
        terminator: What ends an unsolicited frame.
        synchronised: Whether its next reply will be the answer to its next command.
    """

    name: str
    identify: Callable[[], Query[object]] | None
    identity: object
    takes: Callable[[bytes, bytes], bool] | None
    terminator: bytes
    synchronised: bool


class Line:
    """The state of one port.

    Args:
        url: The port's address, for errors.
        now: The time that deadlines are measured in, s.
        note: Told what happens to the line, in words.
    """

    def __init__(self, url: str, now: Callable[[], float], note: Callable[[str], None]) -> None:
        self.url = url
        self.speakers: list[Speaker] = []
        self.is_open = False
        self._now, self._note = now, note
        self._received = bytearray()
        self._sent = b""
        self._seen = b""

    def perform(self, speaker: Speaker, query: Query[T], command: bytes = b"") -> Steps[T]:
        """Carry one query out for one instrument.

        Raises:
            InstrumentError: With instrument, port, command and the bytes seen filled in.
        """
        self._sent, self._seen = b"", b""
        try:
            yield from self._make_ready(speaker)
            result = yield from self._step(speaker, query)
        except InstrumentDisconnected as error:
            yield from self._lose(error)
            raise self._filled(error, speaker, command) from error.__cause__
        except InstrumentError as error:
            if isinstance(error, LinkError | WrongInstrument):
                speaker.synchronised = False
            raise self._filled(error, speaker, command) from error.__cause__
        except Exception:
            speaker.synchronised = False
            raise
        return result

    def _filled(self, error: InstrumentError, speaker: Speaker, command: bytes) -> InstrumentError:
        error.instrument = error.instrument or speaker.name
        error.port = error.port or self.url
        error.command = self._sent or error.command or command
        error.seen = error.seen or self._seen or bytes(self._received)
        return error

    def _step(self, speaker: Speaker, query: Query[T]) -> Steps[T]:
        """Resume the query with each effect's answer, or its error, until it returns."""
        answer: bytes | None = None
        error: InstrumentError | None = None
        try:
            while True:
                try:
                    effect = query.send(answer) if error is None else query.throw(error)
                except StopIteration as stop:
                    result: T = stop.value
                    return result
                answer, error = None, None
                try:
                    answer = yield from self._effect(speaker, effect)
                except LinkError as caught:
                    speaker.synchronised = False  # even if the query goes on: its late reply may still come
                    error = caught
        finally:
            query.close()

    def _effect(self, speaker: Speaker, effect: Effect) -> Steps[bytes | None]:
        if isinstance(effect, Write):
            self._sent = effect.data
            yield Send(effect.data)
        elif isinstance(effect, Sleep):
            yield Pause(effect.seconds)
        else:
            reply = yield from self._reply(speaker, effect)
            return reply
        return None

    def _reply(self, speaker: Speaker, wanted: ReadUntil) -> Steps[bytes]:
        until = self._now() + wanted.deadline
        while True:
            end = wanted.end(bytes(self._received))
            if end:
                frame = bytes(self._received[:end])
                del self._received[:end]
                self._seen = frame
                if speaker.takes is None or not speaker.takes(frame, self._sent):
                    return frame
                continue
            if len(self._received) > REPLY_LIMIT:
                msg = f"babbles: {len(self._received)} bytes without the end of a reply"
                raise GarbledReply(msg, seen=bytes(self._received[-80:]))
            left = until - self._now()
            if left <= _EPSILON:
                what = "reply incomplete" if self._received else "no reply"
                raise InstrumentTimeout(f"{what} within {wanted.deadline:g} s", seen=bytes(self._received))
            self._received += yield Receive(left)

    def _make_ready(self, speaker: Speaker) -> Steps[None]:
        if self.is_open:
            try:
                yield from self._take_strays(speaker)
                yield from self._regain_trust(speaker)
            except (
                InstrumentDisconnected
            ) as error:  # the command was not sent yet: one attempt to reconnect is harmless
                yield from self._lose(error)
        if not self.is_open:
            yield Open()
            self.is_open = True
            self._note("opened")
            yield from self._regain_trust(speaker)

    def _regain_trust(self, speaker: Speaker) -> Steps[None]:
        if not speaker.synchronised:
            yield from self._drain(speaker)
            yield from self._resynchronise(speaker)

    def _take_strays(self, speaker: Speaker) -> Steps[None]:
        """Deal with bytes that came behind the last reply, or since."""
        self._received += yield Receive(0.0)
        if not self._received:
            return
        self._offer(speaker)
        if self._received:
            self._distrust(bytes(self._received))

    def _offer(self, speaker: Speaker) -> None:
        """Let the instruments take the complete frames that they sent unasked."""
        for other in [speaker, *(other for other in self.speakers if other is not speaker)]:
            while other.takes is not None and other.terminator in self._received:
                end = self._received.index(other.terminator) + len(other.terminator)
                if not other.takes(bytes(self._received[:end]), b""):
                    break
                del self._received[:end]

    def _distrust(self, stray: bytes) -> None:
        self._note(f"stray bytes {stray!r}: draining and re-synchronising before the next command")
        self._received.clear()
        for speaker in self.speakers:
            speaker.synchronised = False

    def _drain(self, speaker: Speaker) -> Steps[None]:
        until = self._now() + DRAIN_LIMIT
        drained = bytes(self._received)
        while self._now() < until:
            piece = yield Receive(QUIET)
            if not piece:
                break
            self._received += piece
            drained += piece
        self._offer(speaker)
        self._received.clear()
        if drained:
            self._note(f"drained {drained!r}")

    def _resynchronise(self, speaker: Speaker) -> Steps[None]:
        """Have the instrument say who it is, unless it was never met.

        Raises:
            WrongInstrument: Another one answers.
        """
        for attempt in range(1, _RESYNCHRONISATIONS + 1):
            if speaker.identify is None or speaker.identity is None:
                break
            try:
                identity = yield from self._step(speaker, speaker.identify())
            except InstrumentDisconnected:
                raise
            except LinkError:
                if attempt == _RESYNCHRONISATIONS:
                    raise
                yield from self._drain(speaker)
                continue
            if identity != speaker.identity:
                msg = f"another instrument answers: {identity!r} instead of {speaker.identity!r}. Check the cables"
                raise WrongInstrument(msg)
            self._note(f"{speaker.name} re-synchronised")
            break
        self._sent = self._seen = b""
        speaker.synchronised = True

    def _lose(self, error: InstrumentDisconnected) -> Steps[None]:
        self.is_open = False
        self._received.clear()
        for speaker in self.speakers:
            speaker.synchronised = False
        self._note(f"lost: {error.message}")
        yield Close()
