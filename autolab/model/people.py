"""People who do what no instrument does: what they are asked, and what they say."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

LONGEST = 500
"""Characters of an instruction."""


@dataclass(frozen=True)
class Said:
    """What a person said to an instruction.

    Attributes:
        done: Whether it was done.
        by: Who says so.
        text: What else they said.
        wall_time: When, s since the epoch.
    """

    done: bool
    by: str
    text: str
    wall_time: float


Asker = Callable[[str, str], Awaitable[Said]]
"""Asks: (name of the operator in the lab, what to do) -> what was said. A task on the clock's loop; cancelling withdraws it."""
