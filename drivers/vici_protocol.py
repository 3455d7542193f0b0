"""What is said to a VICI actuator: short commands that end with CR, of which those that move it are not answered."""

from __future__ import annotations

import re
from typing import Final

from autolab.drivers.query import Query, ReadUntil, Write, ask
from autolab.drivers.rotary_valve_settings import Place
from autolab.model.errors import GarbledReply, InstrumentTimeout, Refused

CR: Final = b"\r"
DEADLINE: Final = 1.0
BETWEEN_LINES: Final = 0.15  # s of silence after which no further line of a reply comes
LINES: Final = 5  # at most, of VR
MOVES: Final = {"shortest": "GO", "cw": "CW", "ccw": "CC"}
_ECHO: Final = re.compile(r"(GO|CW|CC|TO|HM|LRN|TT|IFM)(\d{0,5}|[AB])")
_POSITION: Final = re.compile(r'(?:CP ?=? ?|Position is\s*=?\s*)"?(\d{1,2}|[AB])"?')
_COUNT: Final = re.compile(r"NP ?=? ?(\d{1,2})")
_ROTATION: Final = re.compile(r"SM ?=? ?([FRA])")
_UNKNOWN: Final = re.compile(r"(what\?|bad command.*|.*invalid.*|.*= bad command)", re.IGNORECASE)


def prefix_of(interface: str, device_id: str) -> str:
    """Return what stands before each command.

    >>> prefix_of("rs232", "3"), prefix_of("rs485", "3"), prefix_of("rs485", ""), prefix_of("rs485_z", "3")
    ('3', '/3', '/Z', '/Z3')
    """
    if interface == "rs232":
        return device_id
    return f"/Z{device_id}" if interface == "rs485_z" else f"/{device_id or 'Z'}"


def command(prefix: str, text: str) -> bytes:
    """Return a command as it goes over the wire."""
    return f"{prefix}{text}".encode("ascii") + CR


def move(prefix: str, direction: str, place: Place) -> Query[None]:
    """Send it to a position; there is no answer, so that only a look can tell what became of it."""
    yield Write(command(prefix, f"{MOVES[direction]}{place}"))


def learn(prefix: str) -> Query[None]:
    """Have it find the stops of a two-position valve; there is no answer."""
    yield Write(command(prefix, "LRN"))


def position(prefix: str) -> Query[Place]:
    """Ask where it is."""
    found = yield from _asked(prefix, "CP", _POSITION)
    place: Place = int(found) if found.isdigit() else found  # type: ignore[assignment]  # A or B, by the pattern
    return place


def count(prefix: str) -> Query[int]:
    """Ask how many positions it is set to."""
    found = yield from _asked(prefix, "NP", _COUNT)
    return int(found)


def rotation(prefix: str) -> Query[str | None]:
    """Ask which way GO turns: F, R, or A for the shortest; None where it does not know the question."""
    try:
        found = yield from _asked(prefix, "SM", _ROTATION)
    except (Refused, InstrumentTimeout):
        return None
    return found


def firmware(prefix: str) -> Query[tuple[str, ...]]:
    """Ask for its firmware: one to five lines, of which none looks like the answer to another question."""
    lines = [(yield from _line(prefix, command(prefix, "VR")))]
    while len(lines) < LINES:
        try:
            more = yield ReadUntil(CR, BETWEEN_LINES)
        except InstrumentTimeout:
            break
        lines.append(_text(prefix, more or b""))
    for line in lines:
        if not line or any(form.fullmatch(line) for form in (_POSITION, _COUNT, _ROTATION, _ECHO, _UNKNOWN)):
            msg = f"{line!r} is no firmware"
            raise GarbledReply(msg, seen=line.encode())
    return tuple(lines)


def is_echo(frame: bytes, prefix: str) -> bool:
    """Say whether a line is the answer to a movement, which an actuator set to IFM1 or IFM2 gives."""
    try:
        return _ECHO.fullmatch(_text(prefix, frame)) is not None
    except GarbledReply:
        return False


def _asked(prefix: str, word: str, form: re.Pattern[str]) -> Query[str]:
    """Ask something and return what the reply holds.

    Raises:
        GarbledReply: It is no answer to this question.
        Refused: It does not know the question.
    """
    line = yield from _line(prefix, command(prefix, word))
    if _UNKNOWN.fullmatch(line):
        msg = f"does not know {word}: {line!r}"
        raise Refused(msg, command=command(prefix, word))
    found = form.fullmatch(line)
    if found is None:
        msg = f"{line!r} is no answer to {word}"
        raise GarbledReply(msg, seen=line.encode())
    return found[1]


def _line(prefix: str, data: bytes) -> Query[str]:
    reply = yield from ask(data, CR, DEADLINE)
    return _text(prefix, reply)


def _text(prefix: str, frame: bytes) -> str:
    """Return a line without its end, and without the id that some firmware sets before it."""
    try:
        text = frame.decode("ascii").strip("\r\n ")
    except UnicodeDecodeError:
        raise GarbledReply("bytes that are no text", seen=frame) from None
    if not text.isprintable():
        raise GarbledReply("control characters in a line", seen=frame)
    return text.removeprefix(prefix) if prefix else text
