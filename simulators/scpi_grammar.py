"""The grammar of IEEE 488.2 and SCPI: program messages, headers in their short and long forms, parameters.

Sources: SCPI-99, volume 1, chapters 5 to 7; IEEE 488.2, chapter 7.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final

ERRORS: Final = {
    0: "No error",
    -101: "Invalid character",
    -102: "Syntax error",
    -104: "Data type error",
    -108: "Parameter not allowed",
    -109: "Missing parameter",
    -113: "Undefined header",
    -131: "Invalid suffix",
    -213: "Init ignored",
    -221: "Settings conflict",
    -222: "Parameter data out of range",
    -224: "Illegal parameter value",
    -230: "Data corrupt or stale",
    -350: "Queue overflow",
    -363: "Input buffer overrun",
    802: "Not permitted with OUTPUT off",
}
_NUMBER = re.compile(r"([+-]?(?:\d+\.?\d*|\.\d+)(?:\s*E\s*[+-]?\d+)?)\s*([A-Z]*)")
_MULTIPLIERS: Final = {
    "": 1.0, "G": 1e9, "MA": 1e6, "K": 1e3, "M": 1e-3, "U": 1e-6, "N": 1e-9, "P": 1e-12,
}  # fmt: skip
_HEADER = re.compile(r"(:?[A-Z][A-Z0-9_]*(?::[A-Z][A-Z0-9_]*)*|\*[A-Z]+)(\?)?", re.IGNORECASE)


class Fault(Exception):
    """Something that goes into the error queue.

    Attributes:
        code: As SCPI numbers it.
    """

    def __init__(self, code: int) -> None:
        self.code = code
        super().__init__(ERRORS[code])


@dataclass(frozen=True)
class Command:
    """One unit of a program message.

    Attributes:
        header: `:SOUR:VOLT` from the root, or `*IDN`; upper case.
        query: Whether it ends in `?`.
        arguments: As written.
    """

    header: str
    query: bool
    arguments: tuple[str, ...]


def split(text: str, separator: str) -> list[str]:
    """Split outside quotes and parentheses, and strip.

    >>> split("A 'x;y';B (@1,2)", ";")
    ["A 'x;y'", 'B (@1,2)']
    """
    parts, quote, depth = [""], "", 0
    for letter in text:
        if quote:
            quote = "" if letter == quote else quote
        elif letter in "'\"":
            quote = letter
        else:
            depth += (letter == "(") - (letter == ")")
        if letter == separator and not quote and depth == 0:
            parts.append("")
        else:
            parts[-1] += letter
    return [part.strip() for part in parts]


def commands(message: str) -> Iterator[Command]:
    """Yield the units of a program message; a header without a colon goes on where the one before stood.

    >>> [command.header for command in commands(":SOUR:VOLT:RANG 1;LEV 2;*OPC?;:OUTP 1")]
    [':SOUR:VOLT:RANG', ':SOUR:VOLT:LEV', '*OPC', ':OUTP']

    Raises:
        Fault: A unit without a header; those before it have been yielded.
    """
    path = ""
    for text in split(message, ";"):
        if not text:
            continue
        found = _HEADER.match(text)
        rest = text[found.end() :] if found else ""
        if found is None or (rest and not rest[0].isspace()):
            raise Fault(-102 if text.isascii() and text.isprintable() else -101)
        header = found[1].upper()
        if not header.startswith("*"):
            header = header if header.startswith(":") else f"{path}:{header}"
            path = header.rpartition(":")[0]
        arguments = tuple(split(rest.strip(), ",")) if rest.strip() else ()
        yield Command(header, found[2] is not None, arguments)


def pattern(text: str) -> re.Pattern[str]:
    """Return what matches all forms of a header as manuals write it.

    >>> source = pattern("[:SOURce[1]]:VOLTage[:LEVel]")
    >>> [bool(source.fullmatch(header)) for header in (":SOUR:VOLT", ":SOURCE1:VOLTAGE:LEV", ":VOLT", ":VOLTA")]
    [True, True, True, False]
    """
    text = re.sub(r"\[(\d+)\]", r"(?:\1)?", text)
    text = re.sub(r"\[(?=:)", "(?:", text).replace("]", ")?")
    text = re.sub(r"([A-Z]+)([a-z]*)", lambda word: f"{word[1]}(?:{word[2].upper()})?" if word[2] else word[1], text)
    return re.compile(text.replace("*", r"\*"))


def number(text: str, unit: str, low: float, high: float, default: float) -> float:
    """Return a numeric parameter: digits with a suffix, or MIN, MAX, DEF.

    >>> number("2.5 mA", "A", -1, 1, 0), number("3MOHM", "OHM", 0, 1e8, 0), number("MAX", "V", 0, 21, 0)
    (0.0025, 3000000.0, 21)

    Raises:
        Fault: It is none, has another unit, or is out of range.
    """
    word = text.strip().upper()
    for name, value in (("MINIMUM", low), ("MAXIMUM", high), ("DEFAULT", default)):
        if word in (name, name[:3]):
            return value
    found = _NUMBER.fullmatch(word)
    if found is None:
        raise Fault(-104)
    value = float(found[1].replace(" ", "")) * _multiplier(found[2], unit)
    if not low <= value <= high:
        raise Fault(-222)
    return value


def _multiplier(suffix: str, unit: str) -> float:
    if suffix and unit and suffix.endswith(unit):
        prefix = suffix.removesuffix(unit)
        if prefix == "M" and unit in ("OHM", "HZ"):
            return 1e6
    else:
        prefix = suffix
    if prefix not in _MULTIPLIERS:
        raise Fault(-131)
    return _MULTIPLIERS[prefix]


def boolean(text: str) -> bool:
    """Return ON, OFF or a number as a boolean.

    Raises:
        Fault: It is neither.
    """
    word = text.strip().upper()
    if word in ("ON", "OFF"):
        return word == "ON"
    return round(number(word, "", -32768, 32767, 0)) != 0


def choice(text: str, options: Iterable[str]) -> str:
    """Return the short form of one of the options, which are written as manuals do (`FRONt`); quotes do not count.

    >>> choice("'front'", ["FRONt", "REAR"])
    'FRON'

    Raises:
        Fault: It is none of them.
    """
    word = text.strip().strip("'\"").upper()
    for option in options:
        if pattern(option).fullmatch(word):
            return re.sub(r"\[.*?\]|[a-z]", "", option)
    raise Fault(-224)
