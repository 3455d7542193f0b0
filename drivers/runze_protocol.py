"""What is said to a Runze valve: frames of eight bytes with a sum, each of which is answered by one.

`CC address function low high DD sum-low sum-high`; in an answer a status stands in the function's place.
"""

from __future__ import annotations

from typing import Final

from autolab.drivers.query import Query, ReadUntil, ask
from autolab.model.errors import GarbledReply, InstrumentAlarm, InstrumentError, InstrumentTimeout, Refused

BEGIN: Final = 0xCC
END: Final = 0xDD
LENGTH: Final = 8
DEADLINE: Final = 1.0  # the maker says that an answer takes less than a second
_QUIET: Final = 2.0  # s; twice what an answer takes at most
_STRAYS: Final = 8
OK: Final = 0x00
BUSY: Final = 0x04
UNKNOWN_PLACE: Final = 0x06
EXECUTING: Final = 0xFE
ADDRESS, PORT, VERSION, GO, HOME, MOTOR, GO_BY = 0x20, 0x3E, 0x3F, 0x44, 0x45, 0x4A, 0xA4
_REFUSALS: Final = {
    0x01: "a frame error: it could not read the command. Check the speed of the line",
    0x02: "a parameter error: it has no such port. Check `positions`",
    0x04: "busy: its motor turns",
}
_ALARMS: Final = {
    0x03: "an error of its position sensor (optocoupler). Home it; if that does not help it needs repair",
    0x05: "a stalled motor. Look for a rotor that is stuck, or a pressure beyond its rating",
    0x06: "a place that it does not know. Home it: `set('home')`",
    0xFF: "an unknown error. Switch it off and on",
}


def frame(address: int, function: int, low: int = 0, high: int = 0) -> bytes:
    """Return a command as it goes over the wire.

    >>> frame(0, 0x44, 1).hex(" ")
    'cc 00 44 01 00 dd ee 01'
    """
    body = bytes((BEGIN, address, function, low, high, END))
    return body + sum(body).to_bytes(2, "little")


def parse(reply: bytes, address: int) -> tuple[int, int]:
    """Return status and parameter of an answer.

    Raises:
        GarbledReply: It is no answer of this device.
    """
    if len(reply) != LENGTH or reply[0] != BEGIN or reply[5] != END:
        raise GarbledReply("no frame of eight bytes from CC to DD", seen=reply)
    if sum(reply[:6]) != int.from_bytes(reply[6:], "little"):
        raise GarbledReply("a wrong sum", seen=reply)
    if reply[1] != address:
        msg = f"address {reply[1]} answers instead of {address}"
        raise GarbledReply(msg, seen=reply)
    return reply[2], int.from_bytes(reply[3:5], "little")


def trouble(status: int, command: bytes) -> InstrumentError | None:
    """Return the error that a status stands for; None for those that are none."""
    if status in (OK, EXECUTING):
        return None
    if status in _REFUSALS:
        return Refused(f"answers {status:#04x}, {_REFUSALS[status]}", command=command)
    if status in _ALARMS:
        return InstrumentAlarm(f"answers {status:#04x}, {_ALARMS[status]}", command=command)
    return GarbledReply(f"a status {status:#04x} that does not exist")


def exchange(address: int, function: int, low: int = 0, high: int = 0) -> Query[tuple[int, int]]:
    """Send a command and return status and parameter of its answer."""
    reply = yield from ask(frame(address, function, low, high), _whole, DEADLINE)
    return parse(reply, address)


def motor(address: int) -> Query[bool]:
    """Ask whether the motor turns.

    Raises:
        InstrumentAlarm: It has stalled, or its sensor failed.
    """
    status, _ = yield from exchange(address, MOTOR)
    if status in (BUSY, EXECUTING):
        return True
    if status == UNKNOWN_PLACE:
        return False
    error = trouble(status, frame(address, MOTOR))
    if error is not None:
        raise error
    return False


def port(address: int, ports: int) -> Query[int | None]:
    """Ask at which port the rotor stands; None for between two, or where it does not know.

    Raises:
        GarbledReply: There is no such port.
        InstrumentAlarm: Its sensor failed.
    """
    status, place = yield from exchange(address, PORT)
    if status == OK and place == 0:  # so answers the motor, too: a doubled answer may have come before this one
        status, place = yield from exchange(address, PORT)
    if status in (UNKNOWN_PLACE, BUSY, EXECUTING):
        return None
    error = trouble(status, frame(address, PORT))
    if error is not None:
        raise error
    if place == 0:
        return None
    if place > ports:
        msg = f"stands at port {place}, of {ports}. Check `positions`"
        raise GarbledReply(msg)
    return place


def version(address: int) -> Query[tuple[int, int]]:
    """Ask for its address and its version, in one query: an answer that no port has."""
    status, told = yield from exchange(address, ADDRESS)
    error = trouble(status, frame(address, ADDRESS))
    if error is not None:
        raise error
    if told & 0xFF != address:
        msg = f"says that its address is {told & 0xFF}, not {address}"
        raise GarbledReply(msg)
    status, number = yield from exchange(address, VERSION)
    error = trouble(status, frame(address, VERSION))
    if error is not None:
        raise error
    return told & 0xFF, number


def identity(address: int, known: object) -> Query[tuple[int, int]]:
    """Ask for its address and version; where it is known already, listen before that until nothing comes.

    All answers look alike, and nothing in them says to which question they belong: one that comes late would be taken
    for that to the next question, and so would all that follow.
    """
    if known is not None:
        yield from _silence()
    return (yield from version(address))


def _silence() -> Query[None]:
    for _ in range(_STRAYS):
        try:
            yield ReadUntil(_whole, _QUIET)
        except InstrumentTimeout:
            return


def move(address: int, function: int, low: int = 0, high: int = 0) -> Query[None]:
    """Send it somewhere; it answers that it begins, or that it is there already.

    Raises:
        Refused: It does not.
        InstrumentAlarm: It cannot.
    """
    status, _ = yield from exchange(address, function, low, high)
    error = trouble(status, frame(address, function, low, high))
    if error is not None:
        raise error


def _whole(received: bytes) -> int:
    return LENGTH if len(received) >= LENGTH else 0
