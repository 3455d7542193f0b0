"""The lines of Atlas Scientific EZO circuits on a serial port: readings, codes, and a query for each kind of command.

> COMMAND[,argument...] CR            upper or lower case
< 1413                                a reading: numbers joined by commas; in continuous mode unasked, once a second
< ?K,1.0                              the answer to a question
< *OK | *ER                           done, and not understood; with response codes on, *OK stands behind data too
< *OV *UV *RS *RE *SL *WA             unasked: see `NEWS`

Whether a circuit says *OK behind the data of a command is learned (`Manners`): public descriptions disagree.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final, TypeVar

from autolab.drivers.query import Query, ReadUntil, Sleep, Write
from autolab.model.errors import GarbledReply, InstrumentTimeout, Refused

T = TypeVar("T")
CR: Final = b"\r"
DEADLINE: Final = 2.0  # a command takes 0.3 s, a reading 0.6 s, a calibration 1.6 s [M]; and the way there and back
CALIBRATION: Final = 5.0
BEHIND: Final = 0.5  # how long to wait for the *OK behind data, s
WAKING: Final = 0.4  # after the first byte to a circuit that may sleep, or be in the middle of something, s
NEWS: Final = {
    "*OV": "its supply voltage is too high",
    "*UV": "its supply voltage is too low",
    "*RS": "it was reset",
    "*RE": "it has started up",
    "*SL": "it went to sleep",
    "*WA": "it woke up",
}
RESTARTS: Final = ("*RS", "*RE")
REASONS: Final = {  # of the last restart, as `Status` tells it
    "P": "power was switched off",
    "S": "reset by software",
    "B": "power sagged",
    "W": "reset by its watchdog",
    "U": "unknown",
}
_NUMBER: Final = re.compile(r"[+-]?\d+(?:\.\d*)?")
_READING: Final = re.compile(r"[+-]?\d+(?:\.\d*)?(?:,[+-]?\d+(?:\.\d*)?)*")
_LINES: Final = 5  # that may come before the awaited one
_MICRO: Final = re.compile(rb",(?:\xc2?\xb5|\xce\xbc)S$")  # in Latin-1 or UTF-8: the one unit that is no ASCII


class NotUnderstood(Refused):
    """The circuit answered *ER: it does not know the command, or does not allow its argument."""


@dataclass
class Manners:
    """Whether the circuit says *OK behind data; learned command by command.

    Attributes:
        usual: What it does with commands not met yet; None while nothing is known.
        learned: By the command's word, such as `K`.
    """

    usual: bool | None = None
    learned: dict[str, bool] = field(default_factory=dict)

    def says_ok(self, word: str) -> bool | None:
        """Say whether *OK follows the data of a command; None if that is to be found out."""
        return False if self.usual is False else self.learned.get(word)

    def learn(self, word: str, *, said: bool) -> None:
        """Take over what it did."""
        self.usual = said if self.usual is None else self.usual
        self.learned[word] = said


def text(frame: bytes) -> str:
    """Return a line without its end.

    Raises:
        GarbledReply: It holds what no EZO circuit sends.
    """
    said = _MICRO.sub(b",uS", frame.strip(b"\r\n \x00"))
    if not said or not frame.endswith(CR) or any(not 0x20 <= byte < 0x7F for byte in said):
        msg = "the reply is no line of an EZO circuit"
        raise GarbledReply(msg, seen=frame)
    return said.decode("ascii")


def is_reading(said: str) -> bool:
    """Say whether a line is a reading.

    >>> is_reading("1413,763,0.7,1.000"), is_reading("?K,1.0"), is_reading("12.3.4")
    (True, False, False)
    """
    return _READING.fullmatch(said) is not None


def number(said: str, what: str) -> float:
    """Read a number.

    Raises:
        GarbledReply: It is none.
    """
    if _NUMBER.fullmatch(said) is None or not math.isfinite(float(said)):
        msg = f"{what}: {said!r} is no number"
        raise GarbledReply(msg)
    return float(said)


def listen() -> Query[None]:
    """Say nothing: the line only takes what came unasked, and regains trust where it has lost it."""
    yield from ()


def hush() -> Query[None]:
    """Wake the circuit and end continuous mode; whatever comes is drained.

    A circuit that slept, or had a line that somebody left unfinished, does not hear it: it is told again when it answers.
    """
    yield Write(b"C,0" + CR)
    yield Sleep(WAKING)


def info() -> Query[tuple[str, str]]:
    """Ask for kind and firmware (`?I,EC,2.10`), whatever else comes before; an *OK behind it is left to be drained.

    Raises:
        GarbledReply: What answers is no EZO circuit.
    """
    yield Write(b"i" + CR)
    for _ in range(_LINES):
        said = yield from _line()
        found = _fields(said, "I")
        if found is not None and len(found) == 2:
            yield Sleep(BEHIND / 2)
            return found[0].upper().replace(".", ""), found[1]  # an EZO-DO says D.O.
    msg = f"does not say what it is (?I,...): {said!r}"
    raise GarbledReply(msg, command="i")


def put(command: str, deadline: float = DEADLINE) -> Query[None]:
    """Send a command that only acknowledges, and wait for its *OK.

    Raises:
        NotUnderstood: It answers *ER.
        GarbledReply: It answers something else.
    """
    yield Write(command.encode("ascii") + CR)
    said = yield from _line(deadline)
    if said.upper() == "*ER":
        raise _not_understood(command)
    if said.upper() != "*OK":
        msg = f"the reply to {command!r} is {said!r} and not *OK"
        raise GarbledReply(msg, command=command)


def inquire(command: str, manners: Manners) -> Query[tuple[str, ...]]:
    """Ask (`K,?`, `Status`) and return what stands behind the word of the reply (`?K,1.0`).

    Raises:
        NotUnderstood: It answers *ER.
        GarbledReply: It answers another question.
    """
    word = command.partition(",")[0]

    def wanted(said: str) -> tuple[str, ...] | None:
        return _fields(said, word)

    return (yield from _data(command, wanted, manners))


def read(count: int, manners: Manners, command: str = "R") -> Query[tuple[float, ...]]:
    """Take one reading of `count` numbers.

    Raises:
        NotUnderstood: It answers *ER.
        GarbledReply: No such reading.
    """

    def wanted(said: str) -> tuple[float, ...] | None:
        return tuple(float(part) for part in said.split(",")) if is_reading(said) else None

    values = yield from _data(command, wanted, manners)
    if len(values) != count:
        msg = f"a reading holds {len(values)} numbers instead of {count}: its outputs were changed"
        raise GarbledReply(msg, command=command)
    return values


def _data(command: str, wanted: Callable[[str], T | None], manners: Manners) -> Query[T]:
    word = command.partition(",")[0]
    yield Write(command.encode("ascii") + CR)
    for _ in range(_LINES):
        said = yield from _line()
        if said.upper() == "*OK":
            continue  # behind the data of the command before
        if said.upper() == "*ER":
            raise _not_understood(command)
        found = wanted(said)
        if found is None:
            msg = f"the reply to {command!r} is {said!r}"
            raise GarbledReply(msg, command=command)
        if manners.says_ok(word) is not False:
            yield from _ok_behind(word, manners)
        return found
    msg = f"it talks without answering {command!r}"
    raise GarbledReply(msg, command=command)


def _ok_behind(word: str, manners: Manners) -> Query[None]:
    """Wait for the *OK behind data; a circuit that says none is remembered for it."""
    try:
        said = yield from _line(BEHIND)
    except InstrumentTimeout:
        if manners.says_ok(word):
            raise
        manners.learn(word, said=False)
        return
    if said.upper() != "*OK":
        msg = f"behind the reply to {word!r} stands {said!r} and not *OK"
        raise GarbledReply(msg, command=word)
    manners.learn(word, said=True)


def _line(deadline: float = DEADLINE) -> Query[str]:
    return text((yield ReadUntil(CR, deadline)) or b"")


def _fields(said: str, word: str) -> tuple[str, ...] | None:
    """Return what stands behind `?WORD,`, in any case; some firmware writes `?,WORD,`. None for another line."""
    if not said.startswith("?"):
        return None
    found, *fields = said[1:].removeprefix(",").split(",")
    return tuple(fields) if found.upper() == word.upper() else None


def _not_understood(command: str) -> NotUnderstood:
    return NotUnderstood(f"does not understand {command!r}, or does not allow its argument", command=command)
