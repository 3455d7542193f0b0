"""MT-SICS, the command set of Mettler Toledo balances: lines, weights, and a query for each command.

> COMMAND [parameters] CR LF        one command at a time
< ID STATUS [fields] CR LF          or ES, ET, EL alone; status B announces more lines, A is the last
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from autolab.drivers.query import Query, ReadUntil, Write
from autolab.model.errors import GarbledReply, InstrumentAlarm, InstrumentTimeout, Refused

CRLF: Final = b"\r\n"
DEADLINE: Final = 2.0
BASIC: Final = frozenset({"@", "I0", "I1", "I2", "I3", "I4", "S", "SI", "SIR", "Z", "ZI", "T", "TI", "TA", "TAC"})
"""Taken for granted of a balance that cannot list its commands (levels 0 and 1, without what bridges lack)."""
_GRAMS: Final = {
    "g": 1.0,
    "kg": 1e3,
    "mg": 1e-3,
    "ug": 1e-6,
    "t": 1e6,
    "ct": 0.2,
    "lb": 453.59237,
    "oz": 28.349523125,
    "ozt": 31.1034768,
}
_ALONE: Final = {
    "ES": "does not know the command",
    "ET": "received the command damaged",
    "EL": "cannot execute the command",
}
_STATUS: Final = {"I": "is busy or cannot do this now", "L": "does not allow this parameter"}
_FAULTS: Final = {  # of a weight field; general knowledge besides what PyLabRobot's driver tells
    "1": "boot error",
    "2": "brand error",
    "3": "checksum error",
    "9": "option fails",
    "10": "EEPROM error",
    "11": "device mismatch",
    "12": "module unplugged under power",
    "14": "weighing module and electronics do not match",
    "15": "adjustment needed",
}
_TOKENS: Final = re.compile(r'"([^"]*)"|(\S+)')
_LINE: Final = re.compile(r'(?:"[^"]*"|[^"])*')
_NUMBER: Final = re.compile(r"[+-]?\d+(?:\.\d*)?")
_MAX_LINES: Final = 400


class SicsError(Refused):
    """The balance did not do it.

    Attributes:
        code: ES, ET, EL, I (busy) or L (parameter).
    """

    code: str = ""


class Overload(InstrumentAlarm):
    """More than the balance can weigh, zero or tare."""


class Underload(InstrumentAlarm):
    """Less than the balance can weigh, zero or tare: often its pan is missing."""


class BalanceFault(InstrumentAlarm):
    """The balance reports a hardware fault instead of a weight."""


@dataclass(frozen=True)
class Answer:
    """One line.

    Attributes:
        id: What it answers.
        status: One of A B S D I L + -; empty for ES, ET, EL.
        fields: What follows; quotes removed.
    """

    id: str
    status: str
    fields: tuple[str, ...]


@dataclass(frozen=True)
class Weight:
    """A weight.

    Attributes:
        grams: g.
        stable: Whether the balance calls it stable.
        decimals: Of the number, as shown in its unit.
    """

    grams: float
    stable: bool
    decimals: int


def parse(line: bytes) -> Answer:
    """Read a line.

    Raises:
        GarbledReply: It is none.
    """
    try:
        text = line.decode("ascii").rstrip("\r\n")
    except UnicodeDecodeError:
        text = ""
    tokens = [quoted or bare for quoted, bare in _TOKENS.findall(text)]
    if _LINE.fullmatch(text) is None or not tokens or not line.endswith(CRLF):
        msg = "the reply is no MT-SICS line"
        raise GarbledReply(msg, seen=line)
    if len(tokens) == 1 and tokens[0] in _ALONE:
        return Answer(tokens[0], "", ())
    if len(tokens) < 2 or tokens[1] not in {*"ABSDIL+-"}:
        msg = "the reply has no status"
        raise GarbledReply(msg, seen=line)
    return Answer(tokens[0], tokens[1], tuple(tokens[2:]))


def reply_id(command: str) -> str:
    """Return what the reply to a command begins with.

    >>> reply_id("SC 5000"), reply_id("@"), reply_id("TA")
    ('S', 'I4', 'TA')
    """
    word = command.partition(" ")[0]
    return {"SI": "S", "SC": "S", "SIR": "S", "@": "I4"}.get(word, word)


def exchange(command: str, deadline: float = DEADLINE) -> Query[Answer]:
    """Send a command and return its (first) line.

    Raises:
        SicsError, Overload, Underload: As the line says.
        GarbledReply: The line answers something else.
    """
    yield Write(command.encode("ascii") + CRLF)
    return (yield from _line(command, deadline))


def _line(command: str, deadline: float = DEADLINE) -> Query[Answer]:
    answer = parse((yield ReadUntil(CRLF, deadline)) or b"")
    if answer.id in _ALONE:
        raise _refusal(answer.id, f"{_ALONE[answer.id]} {command!r}", command)
    if answer.id != reply_id(command):
        msg = f"the reply begins with {answer.id!r} and not with {reply_id(command)!r}"
        raise GarbledReply(msg, command=command)
    if answer.status in _STATUS:
        raise _refusal(answer.status, _STATUS[answer.status], command)
    if answer.status == "+":
        msg = "overload: take something off, or zero it within its range"
        raise Overload(msg, command=command)
    if answer.status == "-":
        msg = "underload: put the pan on, or zero it within its range"
        raise Underload(msg, command=command)
    if answer.id in ("S", "T", "TA"):
        weight(answer)  # here, so that a line without a sound weight is distrusted
    return answer


def _refusal(code: str, message: str, command: str) -> SicsError:
    error = SicsError(message, command=command)
    error.code = code
    return error


def lines(command: str) -> Query[list[Answer]]:
    """Send a command and return all its lines, to the one with status A."""
    answers = [(yield from exchange(command))]
    while answers[-1].status == "B":
        if len(answers) >= _MAX_LINES:
            msg = f"the reply to {command!r} does not end"
            raise GarbledReply(msg, command=command)
        answers.append((yield from _line(command)))
    return answers


def weight(answer: Answer) -> Weight:
    """Read the weight of a line.

    Raises:
        BalanceFault: An error stands in its place.
        GarbledReply: No number, or a unit that is none of mass.
    """
    fields = answer.fields
    if len(fields) == 2 and fields[0] == "Error":
        number, place = fields[1][:-1], {"t": "terminal", "b": "balance"}.get(fields[1][-1:], "?")
        msg = f"hardware fault {fields[1]} ({place}): {_FAULTS.get(number, 'see its manual')}"
        raise BalanceFault(msg)
    if len(fields) != 2 or _NUMBER.fullmatch(fields[0]) is None:
        msg = f"no weight: {' '.join(fields)!r}"
        raise GarbledReply(msg)
    if fields[1] not in _GRAMS:
        msg = f"the weight is in {fields[1]!r}; known are {', '.join(_GRAMS)}. Set the host unit to g"
        raise GarbledReply(msg)
    decimals = len(fields[0].partition(".")[2])
    grams = round(float(fields[0]) * _GRAMS[fields[1]], 9)
    return Weight(grams, answer.status in "SA", decimals)


def weigh(command: str, deadline: float = DEADLINE) -> Query[Weight]:
    """Weigh by `S`, `SI`, `SC <ms>`, tare by `T`, `TI`, `TC <ms>`, or read the tare by `TA`."""
    return weight((yield from exchange(command, deadline)))


def within(command: str, deadline: float, cancel: str) -> Query[Answer | None]:
    """Send a command that waits for stability; None, with the wait cancelled, if that does not come in time.

    Args:
        command: `S`, `T` or `Z`.
        deadline: s.
        cancel: `C`, or `@` where `C` is not known.
    """
    try:
        return (yield from exchange(command, deadline))
    except InstrumentTimeout:
        yield Write(cancel.encode("ascii") + CRLF)
        yield from _until(lambda answer: answer.id == reply_id(cancel) and answer.status == "A")
        return None
    except SicsError as error:
        if error.code != "I":
            raise
        return None  # the balance itself gave up waiting


def _until(wanted: Callable[[Answer], bool]) -> Query[Answer]:
    """Pass over lines until the wanted one; what is garbled or belated is passed over too."""
    for _ in range(_MAX_LINES):
        try:
            answer = parse((yield ReadUntil(CRLF, DEADLINE)) or b"")
        except GarbledReply:
            continue
        if wanted(answer):
            return answer
    msg = "it talks without answering"
    raise GarbledReply(msg)


def serial_number(command: str = "I4") -> Query[str]:
    """Return the serial number, by `I4` or with a reset by `@`; belated lines and streams are passed over."""
    yield Write(command.encode("ascii") + CRLF)
    answer = yield from _until(lambda answer: answer.id == "I4" and answer.status == "A")
    return " ".join(answer.fields)


def commands() -> Query[frozenset[str]]:
    """Return the commands that the balance lists by `I0`; `BASIC` for one that cannot."""
    try:
        answers = yield from lines("I0")
    except SicsError:
        return BASIC
    return frozenset(answer.fields[-1] for answer in answers if answer.fields)


def model() -> Query[tuple[str, float]]:
    """Return type and capacity (g) by `I2`, whose one text is read from the right: a type may have spaces."""
    answer = yield from exchange("I2")
    words = " ".join(answer.fields).split()
    if len(words) < 3 or words[-1] not in _GRAMS or _NUMBER.fullmatch(words[-2]) is None:
        msg = f"the reply to I2 is not type, capacity, unit: {' '.join(words)!r}"
        raise GarbledReply(msg, command="I2")
    return " ".join(words[:-2]), float(words[-2]) * _GRAMS[words[-1]]


def text(command: str) -> Query[str]:
    """Return the text of a one-line reply: `I1` (levels), `I3` (software), `I5` (its number)."""
    return " ".join((yield from exchange(command)).fields)


def do(command: str) -> Query[None]:
    """Carry out a command that only acknowledges: `TAC`, `M21 0 0`, `D "text"`, `DW`, `TA 1.5 g`."""
    yield from exchange(command)


def stream(count: int, stop: str) -> Query[list[Weight]]:
    """Return `count` weights as fast as the balance sends them (`SIR`), then end that by `C` or `@`."""
    weights = [(yield from weigh("SIR"))]
    while len(weights) < count:
        weights.append(weight((yield from _line("SIR"))))
    yield Write(stop.encode("ascii") + CRLF)
    yield from _until(lambda answer: answer.id == reply_id(stop) and answer.status == "A")
    return weights
