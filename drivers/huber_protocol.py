"""Huber's PB commands: `{M01****` asks for variable 01, `{M0009C4` sets variable 00, `{S0109C4` answers.

Each answer names its variable, so that only an answer to the same question could be taken for another. Every query here
is a sentence that ends with a part of the serial number, which never changes: with an answer too many before it, it gets
another variable's, and nothing of the sentence is believed.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from autolab.drivers.query import Query, ask
from autolab.model.errors import GarbledReply, Refused

END: Final = b"\r\n"
SETPOINT, INTERNAL, RETURN, POWER, ERROR, WARNING, PROCESS = 0x00, 0x01, 0x02, 0x04, 0x05, 0x06, 0x07
STATUS, TEMPERING, CIRCULATION, SERIAL_HIGH, SERIAL_LOW, LOWEST, HIGHEST = 0x0A, 0x14, 0x16, 0x1B, 0x1C, 0x30, 0x31
NO_PROBE: Final = -151.0
_UNAVAILABLE: Final = 0x7FFF
_COLDEST: Final = -15111  # lower numbers are high ones without a sign
_ANSWER: Final = re.compile(rb"\{S([0-9A-Fa-f]{2})([0-9A-Fa-f]{4})\r\n")


@dataclass(frozen=True)
class Status:
    """The status word (variable 0A), whose bits are counted from its low end.

    Attributes:
        word: 16 bits.
    """

    word: int

    @property
    def tempering(self) -> bool:
        """Whether it controls the temperature."""
        return bool(self.word & 1 << 0)

    @property
    def circulating(self) -> bool:
        """Whether it circulates, with or without controlling."""
        return bool(self.word & 1 << 1)

    @property
    def error(self) -> bool:
        """Whether it has an error; variable 05 has its number."""
        return bool(self.word & 1 << 8)

    @property
    def warning(self) -> bool:
        """Whether it has a warning; variable 06 has its number."""
        return bool(self.word & 1 << 9)


def sentence(*questions: int) -> Query[tuple[int, ...]]:
    """Ask for variables, and for the serial number's end behind them."""
    words: list[int] = []
    for variable in questions:
        told = yield from _exchange(variable, "****")
        words.append(told)
    yield from _exchange(SERIAL_LOW, "****")
    return tuple(words)


def change(variable: int, word: int) -> Query[int]:
    """Set a variable and return what it is then, which the answer tells."""
    told = yield from _exchange(variable, f"{word & 0xFFFF:04X}")
    yield from _exchange(SERIAL_LOW, "****")
    return told


def serial_number() -> Query[int]:
    """Ask who it is."""
    high = yield from _exchange(SERIAL_HIGH, "****")
    low = yield from _exchange(SERIAL_LOW, "****")
    return high << 16 | low


def _exchange(variable: int, data: str) -> Query[int]:
    reply = yield from ask(f"{{M{variable:02X}{data}".encode("ascii") + END, END)
    return parse(reply, variable)


def parse(reply: bytes, variable: int) -> int:
    """Return the word that an answer tells.

    Raises:
        GarbledReply: It is no answer, or one about another variable.
        Refused: There is no such variable in this model, or it is locked.
    """
    found = _ANSWER.fullmatch(reply)
    if found is None:
        raise GarbledReply(f"{reply!r} is no answer: {{S, variable and word in hexadecimal were expected", seen=reply)
    if int(found[1], 16) != variable:
        raise GarbledReply(f"{reply!r} is about another variable than {variable:02X}", seen=reply)
    word = int(found[2], 16)
    if word == _UNAVAILABLE:
        msg = f"has no variable {variable:02X}, or keeps it locked (7FFF): look at its model and its E-grade"
        raise Refused(msg, seen=reply)
    return word


def signed(word: int) -> int:
    """Return a word as a number with its sign.

    >>> signed(0xFFFF), signed(0x7FFE)
    (-1, 32766)
    """
    return word - 0x10000 if word & 0x8000 else word


def celsius(word: int) -> float:
    """Return a temperature, degC.

    >>> celsius(0x09C4), celsius(0xFC18), celsius(0xC504)
    (25.0, -10.0, -151.0)
    """
    number = signed(word)
    return (word if number < _COLDEST else number) / 100


def word(temperature: float) -> int:
    """Return what goes over the wire for a temperature.

    >>> f"{word(-23.15):04X}"
    'F6F5'
    """
    return round(temperature * 100) & 0xFFFF
