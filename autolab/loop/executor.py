"""The contract of an executor: what performs an attempt, whatever it runs on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from autolab.model.trial import AttemptEnding, Point

if TYPE_CHECKING:
    from autolab.model.actions import JSON
    from autolab.model.trial import Outcome


@dataclass(frozen=True)
class Job:
    """One attempt to be performed.

    Attributes:
        trial: Number of the trial.
        attempt: Number of the attempt in its trial, from 1.
        concluded: Attempts of this trial that ran to an end of their own before; seeds the noise of a world.
        point: What to perform.
        recover: Whether vessels and lines are in an unknown state.
        slot: Where it runs, from 0.
    """

    trial: int
    attempt: int
    concluded: int
    point: Point
    recover: bool = False
    slot: int = 0


@dataclass(frozen=True)
class AttemptResult:
    """What became of an attempt.

    Attributes:
        ending: How it ended.
        outcome: Only for `completed`.
        reason: Why it did not complete.
        body: Joined to the journal's `attempt_ended`: the report of making safe, `phases` (name -> s of lab time), their
            order, a virtual lab's snapshot.
    """

    ending: AttemptEnding
    outcome: Outcome = field(default_factory=dict)
    reason: str = ""
    body: Mapping[str, JSON] = field(default_factory=dict)


class Executor(Protocol):
    """Performs attempts; has a start and an end."""

    def start(self) -> Mapping[str, JSON]:
        """Get ready: connect, settle what is in doubt, make safe; return what the end of a lost attempt should say.

        Raises:
            LabNotReady: One report for all instruments that are not.
        """
        ...

    def needs_recovery(self) -> bool:
        """Return whether the next attempt must begin by recovering."""
        ...

    def check(self, point: Point) -> None:
        """Raise OutsideEnvelope for a point that must not be performed."""

    def perform(self, job: Job) -> AttemptResult:
        """Perform one attempt, make safe, and say what became of it; only faults of autolab itself raise."""
        ...

    def close(self) -> None:
        """Make safe and give everything back."""
