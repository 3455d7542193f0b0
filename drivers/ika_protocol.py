"""What is said to IKA hotplate stirrers: lines, channels, and a query for each command.

> COMMAND [argument] CR LF          or COMMAND@argument CR LF
< value channel CR LF               `23.4 2`; set, start and stop are not answered

| channel | actual (`IN_PV_`) | set point (`IN_SP_`) |
|---|---|---|
| 1 | external probe, degC | temperature, degC |
| 2 | plate, degC | |
| 3 | | safety temperature, degC |
| 4 | speed, rpm | speed, rpm |
| 5 | viscosity trend, percent | |

What is not answered is read back. Nothing may be written within 0.1 s of the last command, so every query waits
before it writes.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from typing import Final

from autolab.drivers.query import Query, ReadUntil, Sleep, Write
from autolab.model.errors import GarbledReply

CRLF: Final = b"\r\n"
PACE: Final = 0.12
"""Between two writes, s: 0.1 at the instrument, where a short command is there sooner than a long one."""
DEADLINE: Final = 1.0
MARGIN: Final = 50.0
"""The highest set point is so far below the safety temperature, degC."""
MODELS: Final = ("RCT digital", "C-MAG HS7")
_VALUE: Final = re.compile(r"([+-]?\d+(?:\.\d*)?)[ ]+(\d)")
_NAME: Final = re.compile(r"[\x21-\x7e](?:[\x20-\x7e]*[\x21-\x7e])?")
_STRAYS: Final = 2


def order(*commands: str, pace: float = PACE) -> Query[None]:
    """Send commands that are not answered: `START_1`, `OUT_SP_1 50.0`, `RESET`, `SET_MODE_A`."""
    for command in commands:
        yield Sleep(pace)
        yield Write(command.encode("ascii") + CRLF)


def value(command: str, *, pace: float = PACE) -> Query[float]:
    """Return the number that a command such as `IN_PV_1` asks for.

    Raises:
        GarbledReply: It is none, or of another channel.
    """
    line = yield from _asked(command, pace)
    number = parse(line, channel=int(command[-1]))
    if number is None:
        msg = f"the reply to {command} is not a number and the channel {command[-1]}: {line!r}"
        raise GarbledReply(msg, command=command, seen=line)
    return number


def values(*commands: str, pace: float = PACE) -> Query[list[float]]:
    """Return the numbers that several commands ask for."""
    found = []
    for command in commands:
        found.append((yield from value(command, pace=pace)))  # noqa: PERF401  a comprehension cannot yield
    return found


def name(*, pace: float = PACE) -> Query[str]:
    """Return the name that the instrument gives itself.

    Raises:
        GarbledReply: Not one line of text, or a belated number.
    """
    line = yield from _asked("IN_NAME", pace)
    text = line.decode("latin-1").strip()
    if _NAME.fullmatch(text) is None or _VALUE.fullmatch(text) is not None:
        msg = f"the reply to IN_NAME is no name: {line!r}"
        raise GarbledReply(msg, command="IN_NAME", seen=line)
    return text


def change(orders: Sequence[str], command: str, *, pace: float = PACE) -> Query[float]:
    """Send orders and return what `command` reads then: proof that they were heard.

    Some orders are echoed by some instruments (those with `@`), and nobody tells in what form; such lines are
    passed over: they are not of the channel that is read back.
    """
    yield from order(*orders, pace=pace)
    yield Sleep(pace)
    yield Write(command.encode("ascii") + CRLF)
    for _ in range(len(orders) + 1 + _STRAYS):
        line = (yield ReadUntil(CRLF, DEADLINE)) or b""
        number = parse(line, channel=int(command[-1]))
        if number is not None:
            return number
    msg = f"the reply to {command} after {', '.join(orders)} does not come: {line!r}"
    raise GarbledReply(msg, command=command, seen=line)


def parse(line: bytes, *, channel: int) -> float | None:
    r"""Return the number of a line of this channel, or None for every other line.

    >>> parse(b"23.4 2 \r\n", channel=2), parse(b"23.4 2\r\n", channel=1), parse(b"RCT digital\r\n", channel=1)
    (23.4, None, None)
    """
    if not line.endswith(CRLF):
        return None
    found = _VALUE.fullmatch(line.decode("latin-1").strip())
    if found is None or int(found[2]) != channel or not math.isfinite(float(found[1])):
        return None
    return float(found[1])


def temperature(value: float) -> str:
    """Return a temperature as it is sent: to 0.1 degC.

    >>> temperature(50), temperature(37.25)
    ('50.0', '37.2')
    """
    return f"{value:.1f}"


def speed(value: float) -> str:
    """Return a speed as it is sent: to 1 rpm.

    >>> speed(400.4)
    '400'
    """
    return f"{value:.0f}"


def watchdog(mode: str, seconds: float, fallback: tuple[float, float]) -> list[str]:
    """Return the orders that arm the watchdog, or feed it: it must be told again within its time.

    Args:
        mode: `stop` (heater and motor go off, ER 2 on the panel) or `fallback` (to other set points).
        seconds: Silence that trips it, 20..1500 s.
        fallback: Temperature (degC) and speed (rpm) to fall back to.
    """
    if mode == "stop":
        return [f"OUT_WD1@{seconds:.0f}"]
    celsius, rpm = fallback
    return [f"OUT_SP_12@{temperature(celsius)}", f"OUT_SP_42@{speed(rpm)}", f"OUT_WD2@{seconds:.0f}"]


DISARM: Final = "OUT_WD2@0"
"""Ends the watchdog and what it has done."""


def _asked(command: str, pace: float) -> Query[bytes]:
    yield Sleep(pace)
    yield Write(command.encode("ascii") + CRLF)
    return (yield ReadUntil(CRLF, DEADLINE)) or b""
