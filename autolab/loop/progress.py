"""What a running campaign tells whoever watches it, and what it returns when it stops."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Literal

logger = logging.getLogger(__name__)

StopReason = Literal[
    "budget_trials",
    "budget_hours",
    "budget_consumables",
    "target",
    "gain",
    "regret",
    "failure_streak",
    "space_exhausted",
    "stop_requested",
    "interrupted",
    "interlock",
    "waiting",
    "error",
]
"""Why a run ended.

`target`: a trial reached what the budget asks for. `gain`: the planner expects to gain too little. `regret`: the best
trial probably lacks too little. `budget_consumables`: a stock's budget or its bottle does not suffice.
`stop_requested`: a person in another process. `interrupted`: a signal. `waiting`: only a person can go on.
`space_exhausted`: the planner found no point that is left. `error`: an error of autolab or of the machine's disk.
"""

GOOD_ENDS: frozenset[StopReason] = frozenset(
    {
        "budget_trials",
        "budget_hours",
        "budget_consumables",
        "target",
        "gain",
        "regret",
        "space_exhausted",
        "stop_requested",
    }
)

NEEDS_A_LOOK: frozenset[str] = frozenset({"failure_streak", "interlock", "error"})
"""Stop reasons that are failures: of the lab, or of autolab."""

Kind = Literal["deciding", "review", "attempt", "phase", "action", "trial", "question", "stopped"]


@dataclass(frozen=True)
class Progress:
    """One thing that happened.

    Attributes:
        kind: What kind of thing.
        text: In words, for a line on a screen.
        trial: Trial in question, or the last one.
        done: Trials that are over.
        of: Trials in the budget; None when there is no such limit.
        best: Best trial's objectives so far, by name; empty before there is one.
        lab_time: Lab time, s.
        result: How an attempt ended, for `trial`; the stop reason, for `stopped`.
        drawn: Stock -> (mL drawn so far, mL loaded or None).
    """

    kind: Kind
    text: str
    trial: int | None = None
    done: int = 0
    of: int | None = None
    best: Mapping[str, float] = field(default_factory=dict)
    lab_time: float = 0.0
    result: str = ""
    drawn: Mapping[str, tuple[float, float | None]] = field(default_factory=dict)


@dataclass(frozen=True)
class RunResult:
    """How a run ended.

    Attributes:
        reason: Why it stopped.
        detail: The same in words, with what to do next.
        completed: Completed trials in the campaign so far.
        failed: Failed and rejected ones.
    """

    reason: StopReason
    detail: str
    completed: int
    failed: int

    @property
    def ok(self) -> bool:
        """Whether the run ended as planned."""
        return self.reason in GOOD_ENDS

    def __str__(self) -> str:
        return f"{self.completed} completed, {self.failed} failed or rejected; stopped: {self.detail or self.reason}"


Watcher = Callable[[Progress], None]


def tell(watcher: Watcher | None, progress: Progress) -> None:
    """Hand `progress` to the watcher; a watcher that fails harms nothing."""
    if watcher is None:
        return
    try:
        watcher(progress)
    except Exception:
        logger.exception("the progress display failed; the campaign goes on")
