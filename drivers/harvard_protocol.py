"""The pump chain commands of Harvard Apparatus and KDS pumps in polling mode: replies, quantities, a query for each.

> <address><command> <arguments> CR LF             no address for pump 0
< LF, lines that end in CR LF, prompt XON          with `NN:` before each line and `NN` before the prompt, unless pump 0

Without polling mode a reply ends in its prompt alone: nothing tells the end from the beginning of a line (`06:` of
`06:1 ml`), nor `T` from `T*`, and prompts come unasked. With `poll on` XON ends each reply, and none comes unasked.
Each reply has a prompt, so that `ver`, whose answer is unlike any other, also tells what the pump does.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from typing import Final, Literal

from autolab.drivers.query import Query, ReadUntil, Write
from autolab.model.errors import GarbledReply, Refused

XON: Final = b"\x11"
DEADLINE: Final = 1.0
STATUSES: Final = {
    ":": "idle",
    ">": "infusing",
    "<": "withdrawing",
    "*": "stalled",
    "T*": "at its target",
}
MOVING: Final = frozenset("<>")
RUN_PROMPT: Final = {"i": ">", "w": "<"}
Way = Literal["i", "w"]
"""Infusing or withdrawing."""

_PROMPT: Final = r"(T\*|[:<>*])"
_LAST: Final = re.compile(rf"(\d\d)?{_PROMPT}")
_LINE: Final = re.compile(rf"(\d\d){_PROMPT}(.*)")
_VERSION: Final = re.compile(r"(\S.*?) +v?(\d+\.\d+(?:\.\d+)?)")
_NUMBER: Final = r"(\d+\.?\d*|\.\d+)"
_QUANTITY: Final = re.compile(rf"{_NUMBER} ?([a-z/]+)", re.IGNORECASE)
_LIMITS: Final = re.compile(rf"{_NUMBER} ?([a-z/]+) to {_NUMBER} ?([a-z/]+)", re.IGNORECASE)
_ERROR: Final = re.compile(r"(Command|Argument|Range) error|Unknown command|Out of range", re.IGNORECASE)
_VOLUMES: Final = {"pl": 1e-9, "nl": 1e-6, "ul": 1e-3, "ml": 1.0, "l": 1e3}
_TIMES: Final = {"sec": 60.0, "s": 60.0, "min": 1.0, "m": 1.0, "hr": 1 / 60, "h": 1 / 60}
UNITS: Final = {
    "volume": _VOLUMES,
    "rate": {f"{volume}/{time}": ml * per for volume, ml in _VOLUMES.items() for time, per in _TIMES.items()},
    "length": {"mm": 1.0},
}
"""What one of a unit is in mL, mL/min, mm."""
Kind = Literal["volume", "rate", "length"]


@dataclass(frozen=True)
class Reply:
    """One reply.

    Attributes:
        prompt: What the pump does: see `STATUSES`.
        lines: What it says, without its address.
    """

    prompt: str
    lines: tuple[str, ...]


@dataclass(frozen=True)
class Version:
    """What `ver` tells, and the prompt behind it.

    Attributes:
        model: Name.
        firmware: Version.
        prompt: What the pump does: see `STATUSES`.
    """

    model: str
    firmware: str
    prompt: str

    @property
    def identity(self) -> dict[str, str]:
        """What does not change."""
        return {"model": self.model, "firmware": self.firmware}


def line(address: int, text: str) -> bytes:
    r"""Return a command as it goes over the wire.

    >>> line(0, "irun"), line(6, "irate 1 ml/min"), line(6, "")
    (b'irun\r\n', b'6irate 1 ml/min\r\n', b'6\r\n')
    """
    return f"{address or ''}{text}\r\n".encode("ascii")


def parse(frame: bytes, address: int) -> Reply:
    """Read a reply up to its XON.

    Raises:
        GarbledReply: It is none of this pump.
    """
    try:
        text = frame.decode("ascii").removesuffix("\x11")
    except UnicodeDecodeError:
        msg = "the reply has bytes that are no ASCII"
        raise GarbledReply(msg, seen=frame) from None
    if not text.startswith(("\n", "\r\n")) or len(text) == len(frame):
        msg = "the reply is not LF, lines, prompt, XON"
        raise GarbledReply(msg, seen=frame)
    *lines, last = [piece for piece in re.split(r"[\r\n]+", text) if piece] or [""]
    found = _LAST.fullmatch(last)
    if found is None:
        msg = "the reply does not end in a prompt"
        raise GarbledReply(msg, seen=frame)
    own = {f"{address:02d}"} if address else {None, "00"}
    if not {found[1], *map(_tag, lines)} <= own:
        msg = f"the reply is of another pump than {address}"
        raise GarbledReply(msg, seen=frame)
    return Reply(found[2], tuple(_body(each) for each in lines))


def _tag(text: str) -> str | None:
    found = _LINE.fullmatch(text)
    return found[1] if found else None


def _body(text: str) -> str:
    found = _LINE.fullmatch(text)
    return (found[3] if found else text).rstrip()


def command(address: int, text: str, deadline: float = DEADLINE) -> Query[Reply]:
    """Send a command and return its reply.

    Raises:
        Refused: The pump says that it did not do it.
    """
    yield Write(line(address, text))
    frame = (yield ReadUntil(XON, deadline)) or b""
    reply = parse(frame, address)
    lines = reply.lines
    if lines and lines[0] == text:
        lines = lines[1:]  # echoed, if somebody has set that
    if lines and _ERROR.match(lines[0]):
        raise Refused(f"refused {text!r}: {' '.join(each.strip() for each in lines)}", command=text)
    return Reply(reply.prompt, lines)


def order(address: int, text: str) -> Query[str]:
    """Send a command that is answered by the prompt alone, and return the prompt.

    Raises:
        GarbledReply: It says more.
    """
    reply = yield from command(address, text)
    if reply.lines:
        msg = f"{text!r} is answered by {reply.lines!r} instead of a prompt alone"
        raise GarbledReply(msg, command=text)
    return reply.prompt


def version(address: int, deadline: float = DEADLINE) -> Query[Version]:
    """Return model, firmware, and what the pump does."""
    reply = yield from command(address, "ver", deadline)
    found = _VERSION.fullmatch(reply.lines[0]) if len(reply.lines) == 1 else None
    if found is None:
        msg = f"the reply to ver is no name with a version: {reply.lines!r}"
        raise GarbledReply(msg, command="ver")
    return Version(found[1], found[2], reply.prompt)


def poll_on(address: int) -> Query[None]:
    """Turn polling mode on and echo off; what was said before in another mode is passed over."""
    for text in ("poll on", "echo off"):
        yield Write(line(address, text))
        yield ReadUntil(XON, DEADLINE)


def told(address: int, text: str) -> Query[str]:
    """Ask for one line; `ver` behind it proves that it was not the late answer to an earlier question."""
    reply = yield from command(address, text)
    if len(reply.lines) != 1:
        msg = f"the reply to {text!r} is not one line: {reply.lines!r}"
        raise GarbledReply(msg, command=text)
    yield from version(address)
    return reply.lines[0].strip()


def value(number: str, unit: str, kind: Kind) -> float:
    """Return a quantity in mL, mL/min or mm.

    Raises:
        GarbledReply: The unit is none of this kind.
    """
    per = UNITS[kind].get(unit.lower())
    if per is None:
        msg = f"{number} {unit} is no {kind}"
        raise GarbledReply(msg)
    return float(number) * per


def quantity(address: int, text: str, kind: Kind) -> Query[float]:
    """Ask for a quantity: mL, mL/min, mm."""
    said = yield from told(address, text)
    found = _QUANTITY.fullmatch(said)
    if found is None:
        comma = "; a decimal comma is not understood" if "," in said else ""
        msg = f"the reply to {text!r} is no number with its unit: {said!r}{comma}"
        raise GarbledReply(msg, command=text)
    return value(found[1], found[2], kind)


def target(address: int) -> Query[float | None]:
    """Return the target volume, mL, or None where none is set."""
    said = yield from told(address, "tvolume")
    if said.lower().startswith("target volume not set"):
        return None
    found = _QUANTITY.fullmatch(said)
    if found is None:
        msg = f"the reply to 'tvolume' is no volume: {said!r}"
        raise GarbledReply(msg, command="tvolume")
    return value(found[1], found[2], "volume")


def limits(address: int, way: Way) -> Query[tuple[float, float]]:
    """Return lowest and highest rate of a direction, mL/min."""
    said = yield from told(address, f"{way}rate lim")
    found = _LIMITS.fullmatch(said)
    if found is None:
        msg = f"the reply to '{way}rate lim' is not two rates: {said!r}"
        raise GarbledReply(msg, command=f"{way}rate lim")
    return value(found[1], found[2], "rate"), value(found[3], found[4], "rate")


def put(address: int, name: str, text: str, kind: Kind) -> Query[float]:
    """Set a quantity, read it back, and return it: mL, mL/min, mm.

    Raises:
        GarbledReply: It reads back otherwise.
    """
    yield from order(address, f"{name} {text}")
    wanted_number, _, unit = text.partition(" ")
    wanted = value(wanted_number, unit or "mm", kind)
    reads = yield from quantity(address, name, kind)
    if not math.isclose(reads, wanted, rel_tol=2e-5):
        msg = f"{name} reads back {reads:g} after it was set to {text}"
        raise GarbledReply(msg, command=name)
    return reads


def force(address: int) -> Query[int]:
    """Return the force, percent."""
    said = yield from told(address, "force")
    if not re.fullmatch(r"\d{1,3}%", said):
        msg = f"the reply to force is no percentage: {said!r}"
        raise GarbledReply(msg, command="force")
    return int(said[:-1])


def counters(address: int) -> Query[tuple[float, float]]:
    """Return what was infused and withdrawn since the counters were cleared, mL."""
    infused = yield from quantity(address, "ivolume", "volume")
    withdrawn = yield from quantity(address, "wvolume", "volume")
    return infused, withdrawn


def serial_number(address: int) -> Query[str | None]:
    """Return the serial number, or None where the pump does not tell it."""
    reply = yield from command(address, "version")
    found = [each.partition(":")[2].strip() for each in reply.lines if each.lower().startswith("serial number")]
    return found[0] if found and found[0] else None


def run(address: int, way: Way) -> Query[str]:
    """Begin to move, and return the prompt.

    Raises:
        GarbledReply: It is another than that of this movement: whether it moves is not known.
    """
    prompt = yield from order(address, f"{way}run")
    if prompt not in (RUN_PROMPT[way], "T*"):
        msg = f"is {STATUSES[prompt]} behind {way}run"
        raise GarbledReply(msg, command=f"{way}run")
    return prompt


def volume_text(volume: float) -> str:
    """Write a volume (mL) with six digits.

    >>> volume_text(1.23456789), volume_text(0.0125)
    ('1.23457 ml', '12.5 ul')
    """
    return f"{_six(volume)} ml" if volume >= 1 else f"{_six(volume * 1e3)} ul"


def rate_text(rate: float) -> str:
    """Write a rate (mL/min) with six digits.

    >>> rate_text(2.5), rate_text(0.0425), rate_text(3e-5)
    ('2.5 ml/min', '42.5 ul/min', '30 nl/min')
    """
    if rate >= 1:
        return f"{_six(rate)} ml/min"
    return f"{_six(rate * 1e3)} ul/min" if rate >= 1e-3 else f"{_six(rate * 1e6)} nl/min"


def _six(number: float) -> str:
    return f"{float(f'{number:.6g}'):.10f}".rstrip("0").rstrip(".")
