"""Commands and answers of EZO circuits: what a command does, what it tells, how numbers are written."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

SPEEDS: Final = (300, 1200, 2400, 9600, 19200, 38400, 57600, 115200)
NAME: Final = re.compile(r"[A-Za-z0-9_]{1,16}")
_NUMBER: Final = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)")
Answer = list[str] | None
"""Lines of data in answer to a command; None where it is an error."""


@dataclass
class Memory:
    """What every circuit keeps without power.

    Attributes:
        name: Given by a person; empty for none.
        codes: Whether response codes are told.
        led: Whether its light is on.
        baud: Speed of its line, bit/s.
    """

    name: str = ""
    codes: bool = True
    led: bool = True
    baud: int = 9600


@dataclass(frozen=True)
class Task:
    """A command on its way.

    Attributes:
        act: Carries it out and returns the answer, after `seconds`.
        seconds: How long it takes.
        code: Told after the answer, where response codes are on.
    """

    act: Callable[[], Answer]
    seconds: float = 0.0
    code: str = "*OK"


def change(owner: object, attribute: str, value: object) -> Task:
    """Return what a command does that only sets something."""

    def act() -> Answer:
        setattr(owner, attribute, value)
        return []

    return Task(act)


def told(line: str) -> Task:
    """Return what a command does that only tells something."""
    return Task(lambda: [line])


def number_in(arguments: list[str]) -> float | None:
    """Return the number of a command with one argument, or None.

    >>> number_in(["19.5"]), number_in(["x"]), number_in(["1", "2"])
    (19.5, None, None)
    """
    if len(arguments) != 1 or _NUMBER.fullmatch(arguments[0]) is None:
        return None
    return float(arguments[0])


def short(value: float) -> str:
    """Return a setting as it is told: no more decimals than it has, but one at least.

    >>> short(25), short(0.54)
    ('25.0', '0.54')
    """
    text = f"{value:.3f}".rstrip("0")
    return f"{text}0" if text.endswith(".") else text
