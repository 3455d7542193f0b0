"""Asking an instrument that is described in the lab file: lines, patterns, numbers."""

from __future__ import annotations

import math
import re
from typing import Final

from autolab.drivers.generic_settings import QuerySettings, Question
from autolab.drivers.query import Query, ReadUntil, Sleep, Write
from autolab.model.errors import GarbledReply

_NUMBER: Final = re.compile(r"[-+]?(\d+\.?\d*|\.\d+)([eE][-+]?\d+)?")


def text(settings: QuerySettings, question: Question, pace: float) -> Query[str]:
    """Ask, and return the group `value` of the answer.

    Args:
        settings: Ends and deadline.
        question: What to send, and what the whole answer looks like.
        pace: Left before the next text, s.

    Raises:
        GarbledReply: The answer looks otherwise.
    """
    sent, end = settings.ends
    yield Write(question.query.encode("ascii") + sent)
    reply = (yield ReadUntil(end, settings.deadline_s)) or b""
    yield Sleep(pace)
    return match(reply, end, question.pattern, question.query)["value"]


def match(reply: bytes, end: bytes, pattern: str, command: str) -> re.Match[str]:
    """Return what a pattern finds in a whole answer.

    Raises:
        GarbledReply: It does not fit.
    """
    try:
        said = reply.removesuffix(end).decode("ascii")
    except UnicodeDecodeError:
        said = ""
    found = re.fullmatch(pattern, said)
    if found is None or found.groupdict().get("value", "") is None:
        msg = f"{command!r} is answered by {reply!r}, which is not {pattern!r}"
        raise GarbledReply(msg, command=command, seen=reply)
    return found


def number(said: str, command: str) -> float:
    """Return a finite number.

    Raises:
        GarbledReply: It is none.
    """
    value = float(said) if _NUMBER.fullmatch(said.strip()) else math.nan
    if not math.isfinite(value):
        comma = "; a decimal comma is not understood" if "," in said else ""
        msg = f"{command!r} is answered by {said!r}, which is no number{comma}"
        raise GarbledReply(msg, command=command)
    return value


def reading(settings: QuerySettings, question: Question, name: str | None, pace: float) -> Query[float]:
    """Ask for a number; the instrument's name behind it proves that it was not a late answer to another question.

    Args:
        settings: Ends and deadline.
        question: For the number.
        name: As it was met; None where it cannot be asked.
        pace: Left before the next text, s.

    Raises:
        GarbledReply: It is no number, or the name does not come.
    """
    value = number((yield from text(settings, question, pace)), question.query)
    if settings.identify is not None:
        found = yield from text(settings, settings.identify, pace)
        if found != name:
            msg = f"{found!r} stands where the name {name!r} must: it is the late answer to an earlier question"
            raise GarbledReply(msg, command=settings.identify.query)
    return value


def order(settings: QuerySettings, command: str, answer: str | None, pace: float) -> Query[None]:
    """Send a command, and take its answer where one is expected.

    Raises:
        GarbledReply: It is answered otherwise.
    """
    sent, end = settings.ends
    yield Write(command.encode("ascii") + sent)
    if answer is not None:
        reply = (yield ReadUntil(end, settings.deadline_s)) or b""
        match(reply, end, answer, command)
    yield Sleep(pace)
