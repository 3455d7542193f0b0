"""What is known after a certain event: frozen views, as the fold makes them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from types import MappingProxyType
from typing import Any, NamedTuple, cast

from autolab.model.actions import JSON, Intent
from autolab.model.trial import FINAL, Fidelity, Point, Trial

NOTHING: Mapping[str, Any] = MappingProxyType({})


class OpenAction(NamedTuple):
    """An action in doubt (or still under way): an intent whose outcome nobody knows."""

    trial: int
    attempt: int
    action: int
    intent: Intent


@dataclass(frozen=True)
class Decision:
    """One call of the planner.

    Attributes:
        number: From 0 in its campaign.
        seq: Of its event.
        n: How many points were asked for.
        history: How many trials the planner was shown.
        pending: Points it was told to be under way.
        points: What it suggested.
        trials: Numbers that the points got.
        fallback: Why another rule had to stand in; None where the planner answered.
    """

    number: int
    seq: int
    seed: int
    n: int
    history: int
    pending: tuple[Point, ...]
    points: tuple[Point, ...]
    trials: tuple[int, ...]
    fallback: str | None


@dataclass(frozen=True)
class Question:
    """What a person must decide.

    Attributes:
        trial: Number of the trial that waits; None where all wait.
        seq: Of its event.
    """

    id: str
    text: str
    choices: tuple[str, ...]
    trial: int | None
    attempt: int | None
    action: int | None
    seq: int


@dataclass(frozen=True)
class Stop:
    """Why a run ended."""

    reason: str
    detail: str


@dataclass(frozen=True)
class History:
    """All that is known after a certain event; of the campaign opened last, where nothing else is said.

    Attributes:
        campaign: Its number in the journal; 0 before the first.
        epoch: Of the last event.
        last_seq: Number of the last event.
        last_lab_time: The latest of the campaign's events, s.
        opened: Body of its `opened` event: name, seed, declaration, versions...
        digests: What is pinned, with the changes that were accepted since.
        trials: In the order of their decisions.
        inherited: Final trials of the campaigns that it supersedes, with source `prior`.
        imported: Trials brought in, with source `import`.
        decisions: In order.
        open_actions: In the order of their intents.
        questions: Those open, in order.
        states: Of the instruments, by name, as their last results told them; over all campaigns.
        interlocks: State by name, as last told; over all campaigns.
        failure_streak: Attempts that failed (by experiment or machine) since one completed; those lost or
            interrupted are not counted.
        stopped: Why the present epoch's run ended; None while it has not.
        last_snapshot: Of a virtual lab's world, as an `attempt_started` or `attempt_ended` told it last; None before the
            first, and once a campaign with another lab is opened.
        clean: Whether the last attempt of all completed (or there was none), so that nothing needs recovery.
    """

    campaign: int = 0
    epoch: int = 0
    last_seq: int = 0
    last_lab_time: float = 0.0
    opened: Mapping[str, Any] = field(default_factory=dict)
    digests: Mapping[str, JSON] = field(default_factory=dict)
    trials: tuple[Trial, ...] = ()
    inherited: tuple[Trial, ...] = ()
    imported: tuple[Trial, ...] = ()
    decisions: tuple[Decision, ...] = ()
    open_actions: tuple[OpenAction, ...] = ()
    questions: tuple[Question, ...] = ()
    states: Mapping[str, Mapping[str, JSON]] = field(default_factory=dict)
    interlocks: Mapping[str, JSON] = field(default_factory=dict)
    failure_streak: int = 0
    stopped: Stop | None = None
    last_snapshot: Mapping[str, JSON] | None = None
    clean: bool = True

    @property
    def fidelity(self) -> Fidelity:
        """Whether its trials are performed on hardware."""
        return cast("Fidelity", self.opened.get("fidelity", "physical"))

    @cached_property
    def pending(self) -> tuple[Point, ...]:
        """Points of the trials that are neither final nor forgotten, in the order of their decisions."""
        return tuple(trial.point for trial in self.trials if trial.state not in FINAL)

    def usable_history(self) -> tuple[Trial, ...]:
        """Return what a planner is shown: final trials, inherited ones first, then imported ones, then its own."""
        return self.inherited + self.imported + tuple(trial for trial in self.trials if trial.state in FINAL)

    def trial(self, number: int) -> Trial:
        """Return a trial by its number.

        Raises:
            KeyError: There is none.
        """
        if number not in self._by_number:
            msg = f"there is no trial {number} in campaign {self.campaign}; it has {len(self.trials)}"
            raise KeyError(msg)
        return self._by_number[number]

    @cached_property
    def _by_number(self) -> dict[int, Trial]:
        return {trial.number: trial for trial in self.trials}
