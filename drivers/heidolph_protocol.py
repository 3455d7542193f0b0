"""What is said to Heidolph MR Hei-Connect hotplate stirrers: lines, channels, and a query for each command.

> COMMAND [argument] CR LF
< COMMAND [value] CR LF             every command is echoed, also those that only do something (new protocol, `PA_NEW`)

| number | actual (`IN_PV_`) | set point (`IN_SP_`, `OUT_SP_`) |
|---|---|---|
| 1 | external probe, degC; 999.9 without one | temperature, degC |
| 2 | its safety sensor, degC | safety delta, degC |
| 3 | plate, degC | speed, rpm |
| 4 | its safety sensor, degC | |
| 5 | speed, rpm | |

Nothing may be written within 0.1 s of the last command, so every query waits before it writes.
"""

from __future__ import annotations

import math
import re
from typing import Final

from autolab.drivers.query import Query, ReadUntil, Sleep, Write
from autolab.model.errors import GarbledReply

CRLF: Final = b"\r\n"
PACE: Final = 0.12
"""Between two writes, s: 0.1 at the instrument, where a short command is there sooner than a long one."""
DEADLINE: Final = 1.0
NO_PROBE: Final = 999.0
"""An unplugged probe reads 999.9, degC."""
MANUAL, STARTED, STOPPED, BLOCKED = 0, 1, 2, -1
"""What `STATUS` says; below -1 it is an error code."""
_NUMBER: Final = re.compile(r"[+-]?\d+(?:\.\d*)?")
_LINE: Final = re.compile(r"[\x21-\x7e](?:[\x20-\x7e]*[\x21-\x7e])?")
_ECHOES: Final = {"OUT_MODE_4": "IN_MODE_4"}
"""Where the echo is another word."""
_WORDS: Final = re.compile(r"(?:IN|OUT)_[A-Z]+_\d.*|(?:START|STOP)_\d.*|STATUS.*|PA_\w+.*|CC_\w+.*|RESET.*")


def line(command: str, pace: float = PACE) -> Query[str]:
    """Send a command and return what it is answered, as it stands.

    Raises:
        GarbledReply: No line of text.
    """
    yield Sleep(pace)
    yield Write(command.encode("ascii") + CRLF)
    reply = (yield ReadUntil(CRLF, DEADLINE)) or b""
    text = reply.decode("latin-1").strip()
    if not reply.endswith(CRLF) or _LINE.fullmatch(text) is None:
        msg = f"the reply to {command} is no line: {reply!r}"
        raise GarbledReply(msg, command=command, seen=reply)
    return text


def ask(command: str, *, pace: float = PACE) -> Query[str]:
    """Send a command and return what stands behind its echo.

    Raises:
        GarbledReply: It echoes another.
    """
    word = command.partition(" ")[0]
    wanted = _ECHOES.get(word, word)
    text = yield from line(command, pace)
    echo, _, rest = text.partition(" ")
    if echo != wanted:
        msg = f"the reply to {command} is {text!r} and does not begin with {wanted}"
        raise GarbledReply(msg, command=command)
    return rest.strip()


def order(*commands: str, pace: float = PACE) -> Query[None]:
    """Have commands carried out that are echoed and no more: `START_1`, `STOP_2`, `CC_ON`.

    Raises:
        GarbledReply: It says more, or something else.
    """
    for command in commands:
        rest = yield from ask(command, pace=pace)
        if rest:
            msg = f"the reply to {command} says {rest!r} behind the echo"
            raise GarbledReply(msg, command=command)


def value(command: str, *, pace: float = PACE) -> Query[float]:
    """Return the number that a command such as `IN_PV_1` asks for, or that `OUT_SP_1 50` is answered.

    Raises:
        GarbledReply: It is none.
    """
    rest = yield from ask(command, pace=pace)
    if _NUMBER.fullmatch(rest) is None or not math.isfinite(float(rest)):
        hint = "; it writes a comma, and needs a point" if "," in rest else ""
        msg = f"the reply to {command} is no number: {rest!r}{hint}"
        raise GarbledReply(msg, command=command)
    return float(rest)


def values(*commands: str, pace: float = PACE) -> Query[list[float]]:
    """Return the numbers that several commands ask for."""
    found = []
    for command in commands:
        found.append((yield from value(command, pace=pace)))  # noqa: PERF401  a comprehension cannot yield
    return found


def status(*, pace: float = PACE) -> Query[int]:
    """Return what `STATUS` says.

    Raises:
        GarbledReply: No whole number.
    """
    told = yield from value("STATUS", pace=pace)
    if told != int(told):
        msg = f"the reply to STATUS is no whole number: {told:g}"
        raise GarbledReply(msg, command="STATUS")
    return int(told)


def identity(*, pace: float = PACE) -> Query[str]:
    """Have it speak the new protocol, and return its firmware, with or without the echo.

    Raises:
        GarbledReply: It is the answer to another command.
    """
    yield from order("PA_NEW", pace=pace)
    text = yield from line("SW_VERS", pace)
    told = text.removeprefix("SW_VERS").strip()
    if not told or _WORDS.fullmatch(text) is not None:
        msg = f"the reply to SW_VERS is {text!r}"
        raise GarbledReply(msg, command="SW_VERS")
    return told


def temperature(value: float) -> str:
    """Return a temperature as it is sent: whole degrees as such, others to 0.1 degC.

    >>> temperature(50.0), temperature(37.25)
    ('50', '37.2')
    """
    return f"{value:.1f}".removesuffix(".0")


def speed(value: float) -> str:
    """Return a speed as it is sent: to 1 rpm.

    >>> speed(400.4)
    '400'
    """
    return f"{value:.0f}"
