"""The two protocols of Cavro pumps: terminal lines (DT), and frames with checksum and sequence number (OEM).

Facts: the maker's manual of the XLP 6000 (734237-C, chapter 3), and benpruitt/tecancavro `tecanapi.py`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import reduce
from typing import Final

from autolab.drivers.query import Query, ReadUntil, Write
from autolab.model.errors import (
    GarbledReply,
    InstrumentAlarm,
    InstrumentDisconnected,
    InstrumentError,
    LinkError,
    Refused,
)

DEADLINE: Final = 1.0  # s; a pump answers at once, whatever it is doing
TRIES: Final = 3  # of one OEM command
NOT_INITIALIZED: Final = 7
MUST_INITIALIZE: Final = (1, 9, 10)
_STX, _ETX, _END = b"\x02", b"\x03", b"\x03\r\n"
_TEXT: Final = re.compile(r"(?=.*[A-Za-z])[ -~]{4,80}")  # no position and no port looks like it
ERRORS: Final = {
    1: "initialising failed: look at syringe, valve and tubes, then initialise again",
    2: "invalid command",
    3: "invalid operand: a number out of range, or a movement beyond the syringe",
    4: "invalid command sequence",
    6: "its EEPROM has failed: it needs service",
    7: 'not initialised, as after its power came: set("initialize") does it, and pushes out what the syringe holds',
    9: "plunger overload: something blocks it or the pressure is too high. Remove that, then initialise it again",
    10: "valve overload: it is blocked. Free it, then initialise the pump again",
    11: "the plunger may not move while the valve is at bypass: turn the valve first",
    15: "a command came while the pump was at work",
}


@dataclass(frozen=True)
class Reply:
    """One answer of a pump.

    Attributes:
        status: Its status byte.
        data: What it reports; empty behind commands.
    """

    status: int
    data: str

    @property
    def ready(self) -> bool:
        """Whether it can take a command; what `Q` says counts."""
        return bool(self.status & 0x20)

    @property
    def error(self) -> int:
        """Number of the error; 0 for none."""
        return self.status & 0x0F


def words(error: int) -> str:
    """Return an error in words."""
    return f"error {error}: {ERRORS.get(error, 'the manual does not name it: it needs service')}"


def error_of(error: int, command: str) -> InstrumentError:
    """Return what an error in the answer to a command means: a refusal, or an alarm."""
    kind = Refused if error in (2, 3, 4, 7, 11, 15) else InstrumentAlarm
    return kind(f"says {words(error)}", command=command)


class PumpLine:
    """What is said to one pump.

    Args:
        bus: Position of its address switch, 0..14.
        oem: Whether in OEM frames.

    Attributes:
        error: What a status told since the last command: the pump tells it once.
    """

    def __init__(self, bus: int, *, oem: bool) -> None:
        self.address, self.oem, self.sequence = 0x31 + bus, oem, 0
        self.error = 0

    def exchange(self, text: str) -> Query[Reply]:
        """Say a command string and return the answer, errors and all.

        In OEM frames it is said again where the answer fails, with its sequence number and the repeat flag: the pump
        answers what it has heard before without doing it again.
        """
        if not self.oem:
            yield Write(bytes([0x2F, self.address]) + text.encode("ascii") + b"\r")
            return parse_line((yield ReadUntil(_END, DEADLINE)) or b"")
        self.sequence = self.sequence % 7 + 1  # another than the last one's, so that it is done for certain
        for attempt in range(1, TRIES + 1):
            yield Write(frame(self.address, self.sequence, text, repeat=attempt > 1))
            try:
                return parse_frame((yield ReadUntil(frame_end, DEADLINE)) or b"")
            except InstrumentDisconnected:
                raise
            except LinkError:
                if attempt == TRIES:
                    raise
        raise AssertionError

    def command(self, text: str) -> Query[None]:
        """Say a command.

        Raises:
            Refused: The pump does not take it.
            InstrumentAlarm: It has a fault.
        """
        self.error = 0
        reply = yield from self.exchange(text)
        if reply.error:
            raise error_of(reply.error, text)
        if reply.data:
            msg = f"the answer to {text} has data, as if to a report: {reply.data!r}"
            raise GarbledReply(msg, command=text)

    def report(self, text: str, pattern: str) -> Query[str]:
        """Ask for a report and return it.

        Raises:
            GarbledReply: It is none of that kind.
        """
        told = yield from self._told(text, pattern)
        if told is None:
            msg = f"the answer to {text} is empty"
            raise GarbledReply(msg, command=text)
        yield from self.status()
        return told

    def status(self) -> Query[Reply]:
        """Ask for the status.

        Its answer is empty, as that to no report is: asked for behind one, it tells a belated answer, which would put
        every answer into the place of the next.

        Raises:
            GarbledReply: The answer is one to something else.
        """
        reply = yield from self.exchange("Q")
        if reply.data:
            msg = f"the answer to Q has data, as one to a report before it: {reply.data!r}"
            raise GarbledReply(msg, command="Q")
        self.error = reply.error or self.error
        return reply

    def state(self) -> Query[tuple[Reply, str | None, str | None, int]]:
        """Return status, mode (None where it is not told), whether it was initialised (likewise), and position.

        The status is the one before: a position read behind `ready` is final. Errors are in `error`.
        """
        status = yield from self.status()
        mode = yield from self._told("?28", "[012]")
        initialized = yield from self._told("?19", "[01]")
        position = yield from self.report("?", r"-?\d{1,6}")
        return status, mode, initialized, int(position)

    def _told(self, text: str, pattern: str) -> Query[str | None]:
        """Ask for a report that not every pump knows; None where this one does not."""
        reply = yield from self.exchange(text)
        if not reply.data:
            return None
        if not re.fullmatch(pattern, reply.data):
            msg = f"the answer to {text} is no report of that kind: {reply.data!r}"
            raise GarbledReply(msg, command=text)
        return reply.data

    def mode(self) -> Query[str | None]:
        """Return the mode, which says how fine positions are; None where it is not told."""
        return (yield from self.state())[1]

    def firmware(self) -> Query[str]:
        """Return the firmware's text, asked for twice: it has no grammar that would tell a damaged one."""
        first = yield from self._told("&", _TEXT.pattern)
        second = yield from self.report("&", _TEXT.pattern)
        if first != second:
            msg = f"tells two firmwares: {first!r}, {second!r}"
            raise GarbledReply(msg, command="&")
        return second


def frame(address: int, sequence: int, text: str, *, repeat: bool = False) -> bytes:
    """Return an OEM frame.

    >>> frame(0x31, 1, "Q").hex(" ")
    '02 31 31 51 03 50'
    """
    head = bytes([0x02, address, 0x30 | (0x08 if repeat else 0) | sequence])
    return with_checksum(head + text.encode("ascii") + _ETX)


def with_checksum(data: bytes) -> bytes:
    """Append the exclusive or of all bytes."""
    return data + bytes([reduce(lambda left, right: left ^ right, data)])


def frame_end(received: bytes) -> int:
    """Return how many bytes make a frame: one more than up to ETX; 0 while it is incomplete."""
    begin = received.find(_STX)
    end = received.find(_ETX, begin + 3) if begin >= 0 else -1
    return end + 2 if 0 <= end < len(received) - 1 else 0


def parse_frame(received: bytes) -> Reply:
    """Read an OEM answer; what a broken one has left before it is passed over.

    Raises:
        GarbledReply: It is none.
    """
    data = received[received.rfind(_STX, 0, max(len(received) - 2, 0)) :]
    if len(data) < 5 or data[:2] != b"\x020" or data[-2:-1] != _ETX:
        msg = f"no OEM answer: {received!r}"
        raise GarbledReply(msg, seen=received)
    if with_checksum(data[:-1]) != data:
        msg = f"the checksum of an OEM answer is wrong: {received!r}"
        raise GarbledReply(msg, seen=received)
    return _reply(data[2], data[3:-2], received)


def parse_line(received: bytes) -> Reply:
    """Read a DT answer; some RS-485 adapters let one byte FF pass before it.

    Raises:
        GarbledReply: It is none.
    """
    data = received.removeprefix(b"\xff")
    if len(data) < 6 or data[:2] != b"/0" or data[-3:] != _END:
        msg = f"no DT answer: {received!r}"
        raise GarbledReply(msg, seen=received)
    return _reply(data[2], data[3:-3], received)


def _reply(status: int, data: bytes, received: bytes) -> Reply:
    if status & 0xD0 != 0x40 or any(not 0x20 <= byte < 0x7F for byte in data):
        msg = f"no status or no text in an answer: {received!r}"
        raise GarbledReply(msg, seen=received)
    return Reply(status, data.decode("ascii"))
