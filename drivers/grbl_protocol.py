"""What is said to GRBL 1.1, and what it says: lines that end in `ok` or `error:N`, reports, alarms, messages.

> G53G90G21G1X-10.000F600 LF     < ok                                     accepted, not finished
> ?                              < <Idle|MPos:-10.000,0.000,0.000|FS:0,0>   out of band
> $I LF                          < [VER:1.1h.20190830:]  [OPT:V,15,128]  ok
> 0x18                           < Grbl 1.1h ['$' for help]
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from autolab.drivers.query import Query, ReadUntil, Write
from autolab.model.errors import GarbledReply, InstrumentTimeout, Refused

DEADLINE: Final = 1.0
RESET: Final = b"\x18"
STATUS: Final = b"?"
HOLD: Final = b"!"
BANNER: Final = re.compile(rb"Grbl [0-9][\x20-\x7e]*\['\$' for help\]")
_LINES: Final = 100  # in one answer, at most
_PLACE: Final = r"(-?\d{1,5}\.\d{3})"
_REPORT: Final = re.compile(
    r"<(Idle|Run|Hold:[01]|Jog|Alarm|Door:[0-3]|Check|Home|Sleep)"
    rf"\|MPos:{_PLACE},{_PLACE},{_PLACE}(?:,{_PLACE})*(?:\|[A-Za-z]+:[^|<>]*)*>"
)
_SETTING: Final = re.compile(r"\$(\d{1,3})=(\d+(?:\.\d+)?)")
_VERSION: Final = re.compile(r"\[VER:([^:\]]+):([^\]]*)\]")
ERRORS: Final = {
    "1": "a letter is missing", "2": "a number is malformed", "3": "this command is not known", "5": "homing is off ($22=0)",
    "8": "it is not idle", "9": "it is locked by an alarm", "11": "the line is too long",
    "15": "the target is outside its travel", "20": "this G-code is not known", "22": "no feed rate was given",
    "30": "G53 needs G0 or G1", "33": "the target is invalid",
}  # fmt: skip
"""In words; `doc/csv/error_codes_en_US.csv` has them all."""
ALARMS: Final = {
    "1": "a limit switch tripped: its position is lost", "2": "the target was outside its travel",
    "3": "it was reset in motion: its position is lost", "4": "its probe is not as it should be",
    "5": "its probe touched nothing", "6": "homing was reset", "7": "its door was opened while it homed",
    "8": "homing did not clear a switch", "9": "homing found no switch",
}  # fmt: skip


@dataclass(frozen=True)
class Report:
    """A status report.

    Attributes:
        state: `Idle`, `Run`, `Hold:0`, ...
        places: Machine position, mm.
    """

    state: str
    places: tuple[float, ...]


def status() -> Query[Report]:
    """Ask where it is and what it does.

    Raises:
        GarbledReply: The report is damaged, or has no machine position.
    """
    yield Write(STATUS)
    line = yield from _line()
    found = _REPORT.fullmatch(line)
    if found is None:
        why = ": it reports work positions; set $10=1" if "WPos:" in line else ""
        msg = f"the reply to ? is no report{why}: {line!r}"
        raise GarbledReply(msg)
    return Report(found[1], tuple(float(found[part]) for part in (2, 3, 4)))


def steady() -> Query[Report]:
    """Ask where it is and what it does, twice while it is idle: so that a late report is not taken for a fresh one.

    Raises:
        GarbledReply: The two differ.
    """
    first = yield from status()
    if first.state != "Idle":
        return first
    second = yield from status()
    if second.state == "Idle" and second != first:
        msg = f"is idle at {first.places} and at {second.places}: one of these reports is late"
        raise GarbledReply(msg)
    return second


def order(text: str) -> Query[list[str]]:
    """Send a line and return what is said before its `ok`.

    Raises:
        Refused: It is answered by an error.
        GarbledReply: By something else.
    """
    yield Write(f"{text}\n".encode("ascii"))
    lines: list[str] = []
    while len(lines) < _LINES:
        line = yield from _line()
        if line == "ok":
            return lines
        found = re.fullmatch(r"error:(\d{1,2})", line)
        if found is not None:
            msg = f"refuses {text!r}: error {found[1]}: {ERRORS.get(found[1], 'see its documentation')}"
            raise Refused(msg, command=text)
        if line[:1] not in ("$", "["):
            msg = f"the reply to {text!r} is neither ok nor an error: {line!r}"
            raise GarbledReply(msg)
        lines.append(line)
    msg = f"answers {text!r} with more than {_LINES} lines"
    raise GarbledReply(msg)


def who(boot_s: float = 0.0) -> Query[str | None]:
    """Return its version and what its owner has stored; None while it is busy and does not tell.

    Args:
        boot_s: Time that it may need to start before it answers, s.

    Raises:
        GarbledReply: What answers is no GRBL.
    """
    for _ in range(int(boot_s / DEADLINE)):
        try:
            return (yield from _who())
        except InstrumentTimeout:  # its board starts anew when the port is opened
            continue
    return (yield from _who())


def _who() -> Query[str | None]:
    try:
        lines = yield from order("$I")
    except Refused as error:
        if "error 8" not in error.message:
            raise
        return None
    found = _VERSION.fullmatch(lines[0]) if lines else None
    if found is None:
        msg = f"the reply to $I is no version: {lines!r}"
        raise GarbledReply(msg)
    return f"{found[1]}:{found[2]}"


def settings() -> Query[Mapping[int, float]]:
    """Return its settings (`$$`).

    Raises:
        GarbledReply: A line of them is damaged, or one is missing.
    """
    lines = yield from order("$$")
    told: dict[int, float] = {}
    for line in lines:
        found = _SETTING.fullmatch(line)
        if found is None:
            msg = f"a line of $$ is no setting: {line!r}"
            raise GarbledReply(msg)
        told[int(found[1])] = float(found[2])
    missing = [key for key in (10, 13, 22, 27, *range(100, 103), *range(130, 133)) if key not in told]
    if missing:
        msg = f"$$ lacks {missing}"
        raise GarbledReply(msg)
    return told


def hold() -> Query[Report]:
    """Have it slow down and stand, and ask what it does."""
    yield Write(HOLD)
    return (yield from status())


def send(data: bytes) -> Query[None]:
    """Send what is not answered, or not now."""
    yield Write(data)


def reset() -> Query[None]:
    """Reset it, and wait until it has started.

    Raises:
        GarbledReply: It says something else.
    """
    yield Write(RESET)
    for _ in range(_LINES):
        line = yield from _line(3.0)
        if BANNER.fullmatch(line.encode("latin-1")):
            return
        if line not in ("ok", "") and not line.startswith(("error:", "<", "[")):
            msg = f"the reply to a reset is no banner: {line!r}"
            raise GarbledReply(msg)


def _line(deadline: float = DEADLINE) -> Query[str]:
    line = (yield ReadUntil(b"\n", deadline)) or b""
    return line.strip(b"\r\n").decode("latin-1")
