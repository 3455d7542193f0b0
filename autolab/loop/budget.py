"""How long a campaign may go on, and whether a person looks at a point before it is performed."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class Budget:
    """What a campaign may use up.

    Attributes:
        trials: Decisions, whatever became of them; None for no limit.
        hours: Lab time since the campaign began, h; None for no limit.
        failure_streak: The campaign stops after so many attempts in a row that did not complete.
    """

    trials: int | None = None
    hours: float | None = None
    failure_streak: int = 3

    def __post_init__(self) -> None:
        if self.trials is not None and self.trials < 1:
            msg = f"budget.trials must be at least 1, got {self.trials!r}"
            raise ValueError(msg)
        if self.hours is not None and not (self.hours > 0 and math.isfinite(self.hours)):
            msg = f"budget.hours must be positive and finite, got {self.hours!r}"
            raise ValueError(msg)
        if self.failure_streak < 1:
            msg = f"budget.failure_streak must be at least 1, got {self.failure_streak!r}"
            raise ValueError(msg)


@dataclass(frozen=True)
class Review:
    """Who approves a proposed point.

    Attributes:
        mode: `auto` (at once), `ask` (a person), `after` (a person, or by itself after a delay).
        seconds: The delay of `after`, in lab time.
    """

    mode: Literal["auto", "ask", "after"] = "auto"
    seconds: float = 0.0

    def __post_init__(self) -> None:
        if not (self.seconds >= 0 and math.isfinite(self.seconds)):
            msg = f"review.after must be a number of seconds, not negative, got {self.seconds!r}"
            raise ValueError(msg)
