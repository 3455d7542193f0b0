"""The commands of an Ismatec Reglo ICC with channel addressing: replies, packed numbers, a query for each.

> <channel><command><argument> CR
< one of `*` (done), `#` (not done), `+`, `-`      without an end of its own
< data CR LF
< ^U... CR LF, ^X... CR LF                         events, unasked, between replies

`*` is the answer to most commands, and one number looks like another. So what was set is read back, and behind each
number the serial number is asked: a late answer to an earlier question stands where it must, and is not believed.
"""

from __future__ import annotations

import math
import re
from typing import Final

from autolab.drivers.query import Query, ReadUntil, Write
from autolab.model.errors import GarbledReply, Refused

DEADLINE: Final = 1.0
END: Final = b"\r\n"
SIGNS: Final = b"*#+-"
CAUSES: Final = {
    "C": "the cycle count is 0",
    "R": "the flow is 0 or more than {limit:g} mL/min",
    "V": "the volume is more than {limit:g} mL",
}
_DATA: Final = re.compile(rb"[\x20-\x7e]{0,80}\r\n")
_EVENT: Final = re.compile(rb"\^([UX])([1-4])(\|[0-9A-Z|]*)?\r\n")
_VOLUME: Final = re.compile(r"(\d{4})E([+-]\d)")
_TRIP: Final = re.compile(r"(\d+\.\d+|\d+) ?(ul|ml|l)")
_FLOW: Final = re.compile(r"(\d+\.?\d*) ?ml/min", re.IGNORECASE)
_LENGTH: Final = re.compile(r"(\d+\.\d+) ?mm")
_CAUSE: Final = re.compile(r"([CRV]) (\d{4}E[+-]\d)")
_PER_UNIT: Final = {"ul": 1e-3, "ml": 1.0, "l": 1e3}


def end(received: bytes) -> int:
    """Return how many bytes make the first reply: a sign, or a line; 0 while it is incomplete.

    >>> end(b"*1.52 mm"), end(b"1.52 mm"), end(b"^X1|A" + END + b"-"), end(b"")
    (1, 0, 7, 0)
    """
    if received[:1] and received[:1] in SIGNS:
        return 1
    at = received.find(END)
    return at + len(END) if at >= 0 else 0


def event(frame: bytes) -> tuple[str, int] | None:
    """Return an event's letter (U it runs, X it has stopped) and channel, or None for another frame."""
    found = _EVENT.fullmatch(frame)
    return (found[1].decode(), int(found[2])) if found else None


def sign(command: str) -> Query[str]:
    """Send a command and return the sign that answers it.

    Raises:
        GarbledReply: It is answered by data.
        Refused: The pump did not do it (`#`).
    """
    yield Write(command.encode("ascii") + b"\r")
    reply = (yield ReadUntil(end, DEADLINE)) or b""
    if len(reply) != 1:
        msg = f"{command!r} is answered by {reply!r} instead of a sign"
        raise GarbledReply(msg, command=command, seen=reply)
    if reply == b"#":
        raise Refused(f"refused {command!r}", command=command)
    return reply.decode()


def order(command: str) -> Query[None]:
    """Send a command that is answered by `*`.

    Raises:
        Refused: It cannot be carried out.
    """
    answer = yield from sign(command)
    if answer != "*":
        msg = f"{command!r} is answered by {answer!r} instead of '*'"
        raise GarbledReply(msg, command=command)


def data(command: str) -> Query[str]:
    """Ask for one line.

    Raises:
        GarbledReply: It is none.
        Refused: The pump does not know the question (`#`).
    """
    yield Write(command.encode("ascii") + b"\r")
    reply = (yield ReadUntil(end, DEADLINE)) or b""
    if reply == b"#":
        raise Refused(f"refused {command!r}", command=command)
    if not _DATA.fullmatch(reply):
        msg = f"{command!r} is answered by {reply!r} instead of a line"
        raise GarbledReply(msg, command=command, seen=reply)
    return reply.decode("ascii").strip()


def serial_number() -> Query[str]:
    """Return the pump's serial number."""
    return (yield from data("1xS"))


def guard(serial: str) -> Query[None]:
    """Prove that replies are not shifted: the pump must tell its serial number now."""
    found = yield from serial_number()
    if found != serial:
        msg = f"{found!r} stands where the serial number {serial!r} must: it is the late answer to an earlier question"
        raise GarbledReply(msg, command="1xS")


def told(command: str, serial: str) -> Query[str]:
    """Ask for one line that is not a late answer to an earlier question."""
    said = yield from data(command)
    yield from guard(serial)
    return said


def running(channel: int, serial: str) -> Query[bool]:
    """Say whether a channel runs."""
    answer = yield from sign(f"{channel}E")
    yield from guard(serial)
    if answer not in "+-":
        msg = f"'{channel}E' is answered by {answer!r} instead of '+' or '-'"
        raise GarbledReply(msg, command=f"{channel}E")
    return answer == "+"


def put(command: str, argument: str, reads: str, serial: str) -> Query[None]:
    """Send a setting that is answered by `*`, and see that it reads so.

    Args:
        command: Asks for it, with the channel.
        argument: Sent behind it.
        reads: What it must read then.
        serial: The pump's.
    """
    yield from order(command + argument)
    found = yield from told(command, serial)
    _agree(command, reads, found)


def turn(channel: int, letter: str, serial: str) -> Query[None]:
    """Set the direction: J is clockwise, K counter-clockwise."""
    yield from order(f"{channel}{letter}")
    _agree(f"{channel}xD", letter, (yield from told(f"{channel}xD", serial)))


def mode(channel: int, letter: str, serial: str) -> Query[None]:
    """Set the mode: O is a volume at a rate."""
    yield from order(f"{channel}{letter}")
    _agree(f"{channel}xM", letter, (yield from told(f"{channel}xM", serial)))


def put_number(channel: int, letter: str, value: float, serial: str) -> Query[float]:
    """Set flow (`f`, mL/min) or volume (`v`, mL) in four digits, and return what it reads then."""
    command = f"{channel}{letter}"
    yield from data(command + pack(value))
    reads = yield from number(command, serial)
    if not math.isclose(reads, unpack(pack(value)), rel_tol=1e-6):
        msg = f"{command} reads back {reads:g} after it was set to {value:g}"
        raise GarbledReply(msg, command=command)
    return reads


def number(command: str, serial: str) -> Query[float]:
    """Return a flow (mL/min) or volume (mL)."""
    return from_data((yield from told(command, serial)), command)


def most(channel: int, serial: str) -> Query[float]:
    """Return the highest flow of a channel, mL/min, by its calibration."""
    said = yield from told(f"{channel}!", serial)
    found = _FLOW.fullmatch(said)
    if found is None:
        raise _nonsense(f"{channel}!", said, "a flow in ml/min")
    return float(found[1])


def tubing(channel: int, serial: str) -> Query[float]:
    """Return the inner diameter of a channel's hose, mm."""
    said = yield from told(f"{channel}+", serial)
    found = _LENGTH.fullmatch(said)
    if found is None:
        raise _nonsense(f"{channel}+", said, "a diameter in mm")
    return float(found[1])


def trip(channel: int, serial: str) -> Query[tuple[float, float]]:
    """Return a channel's volume since its counter was cleared, and the last of its digits; mL."""
    said = yield from told(f"{channel}:", serial)
    found = _TRIP.fullmatch(said)
    if found is None:
        raise _nonsense(f"{channel}:", said, "a volume")
    per = _PER_UNIT[found[2]]
    return float(found[1]) * per, per * 10.0 ** -len(found[1].partition(".")[2])


def start(channel: int, serial: str) -> Query[None]:
    """Start a channel.

    Raises:
        Refused: It says why it cannot.
    """
    answer = yield from sign(f"{channel}H")
    if answer == "*":
        yield from guard(serial)
        return
    said = yield from told(f"{channel}xe", serial)
    found = _CAUSE.fullmatch(said)
    if answer != "-" or found is None:
        raise _nonsense(f"{channel}H", f"{answer} {said}", "'*', or '-' with a cause")
    why = CAUSES[found[1]].format(limit=from_data(found[2], f"{channel}xe"))
    raise Refused(f"cannot start: {why}", command=f"{channel}H")


def from_data(said: str, command: str) -> float:
    """Read a volume of type 1: m.mmm x 10^e, without its point."""
    found = _VOLUME.fullmatch(said)
    if found is None:
        raise _nonsense(command, said, "a number such as 1200E-2")
    return float(f"{found[1]}e{int(found[2]) - 3}")


def pack(value: float) -> str:
    """Write a volume of type 2: four digits and a signed exponent.

    >>> pack(0.012), pack(12.3456)
    ('1200-2', '1235+1')

    Raises:
        ValueError: It has no such form.
    """
    mantissa, _, exponent = f"{value:.3e}".partition("e")
    if not value > 0 or not -9 <= int(exponent) <= 9:
        msg = f"{value!r} cannot be sent: the pump takes four digits and an exponent from -9 to 9"
        raise ValueError(msg)
    return f"{mantissa.replace('.', '')}{int(exponent):+d}"


def unpack(packed: str) -> float:
    """Return what `pack` wrote.

    >>> unpack("1235+1")
    12.35
    """
    return float(f"{packed[:4]}e{int(packed[4:]) - 3}")


def _agree(command: str, wanted: str, found: str) -> None:
    if found != wanted:
        msg = f"{command} reads back {found!r} after it was set to {wanted!r}"
        raise GarbledReply(msg, command=command)


def _nonsense(command: str, said: str, wanted: str) -> GarbledReply:
    comma = "; a decimal comma is not understood" if "," in said else ""
    return GarbledReply(f"{command!r} is answered by {said!r} instead of {wanted}{comma}", command=command)
