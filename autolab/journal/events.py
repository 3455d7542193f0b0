"""Facts as the journal holds them: what happened, when, and to which action of which attempt of which trial."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal, get_args

if TYPE_CHECKING:
    from autolab.model.actions import JSON

EventKind = Literal[
    "opened",
    "owned",
    "amended",
    "change_accepted",
    "imported",
    "decided",
    "reviewed",
    "rejected",
    "abandoned",
    "attempt_started",
    "intent",
    "outcome",
    "settled",
    "attempt_ended",
    "observed",
    "trial_failed",
    "held",
    "answered",
    "invalidated",
    "preferred",
    "safed",
    "interlock",
    "stopped",
    "request_answered",
]
RequestKind = Literal["stop", "approve", "reject", "resolve", "invalidate", "answer", "prefer"]

KINDS: frozenset[str] = frozenset(get_args(EventKind))
REQUEST_KINDS: tuple[str, ...] = get_args(RequestKind)
OF_TRIAL: frozenset[str] = frozenset(
    {"reviewed", "rejected", "abandoned", "observed", "trial_failed", "invalidated", "preferred"}
)
OF_ATTEMPT: frozenset[str] = frozenset({"attempt_started", "attempt_ended"})
OF_ACTION: frozenset[str] = frozenset({"intent", "outcome", "settled"})


@dataclass(frozen=True)
class Event:
    """One recorded fact.

    Attributes:
        seq: Its place in the journal, from 1, never reused by another recorded fact.
        campaign: Number of the campaign within the journal, from 1; 0 before the first is opened.
        epoch: Which ownership of the journal recorded it, from 1.
        trial: Number of the trial; None where no single trial is meant.
        attempt: Number of the attempt in its trial.
        action: Number of the action in its attempt, by order of first handling.
        lab_time: s since the campaign began.
        wall_time: s since 1970 (UTC).
        body: What the kind says, as parsed JSON.
    """

    seq: int
    campaign: int
    epoch: int
    kind: EventKind
    trial: int | None
    attempt: int | None
    action: int | None
    lab_time: float
    wall_time: float
    body: Mapping[str, JSON]


@dataclass(frozen=True)
class Entry:
    """A fact about to be recorded.

    Attributes:
        kind: One of `EventKind`.
        body: JSON; numpy numbers and tuples are converted.
        trial: Number of the trial, where the kind is about one.
        attempt: Number of the attempt, where the kind is about one.
        action: Number of the action, where the kind is about one.

    Raises:
        ValueError: An unknown kind, or a number that the kind needs and that is missing or not a whole number.

    >>> Entry("intent", {"instrument": "pump"}, trial=1, attempt=1)
    Traceback (most recent call last):
    ...
    ValueError: an 'intent' needs the number of its action, got None
    """

    kind: EventKind
    body: Mapping[str, object] = field(default_factory=dict)
    trial: int | None = None
    attempt: int | None = None
    action: int | None = None

    def __post_init__(self) -> None:
        check_choice("event kind", self.kind, KINDS)
        for name in _needed(self.kind):
            number = getattr(self, name)
            if not isinstance(number, int) or isinstance(number, bool):
                article = "an" if self.kind[0] in "aeio" else "a"
                msg = f"{article} {self.kind!r} needs the number of its {name}, got {number!r}"
                raise ValueError(msg)


@dataclass(frozen=True)
class Request:
    """What another process asks of the owner.

    Attributes:
        id: Number within the journal, from 1.
        by: Who asks.
        wall_time: When, s since 1970 (UTC).
        answer: The owner's answer; None while there is none.
    """

    id: int
    kind: RequestKind
    body: Mapping[str, JSON]
    by: str
    wall_time: float
    answer: Mapping[str, JSON] | None = None


@dataclass(frozen=True)
class StoredDocument:
    """One bluesky document, kept beside the facts.

    Attributes:
        id: Its place among the documents.
        name: `start`, `descriptor`, `event`, `stop`...
        document: As parsed JSON; NaN and infinities of a reading are kept.
    """

    id: int
    campaign: int
    trial: int | None
    attempt: int | None
    name: str
    document: Mapping[str, JSON]


def check_choice(what: str, value: object, allowed: frozenset[str] | tuple[str, ...]) -> None:
    """Raise ValueError for a value that is not among those allowed, and name the nearest.

    >>> check_choice("event kind", "observd", KINDS)
    Traceback (most recent call last):
    ...
    ValueError: unknown event kind 'observd'; did you mean 'observed'?
    """
    if value in allowed:
        return
    near = difflib.get_close_matches(str(value), sorted(allowed), 1)
    hint = f"did you mean {near[0]!r}?" if near else f"allowed: {', '.join(sorted(allowed))}"
    msg = f"unknown {what} {value!r}; {hint}"
    raise ValueError(msg)


def _needed(kind: str) -> tuple[str, ...]:
    if kind in OF_ACTION:
        return ("trial", "attempt", "action")
    if kind in OF_ATTEMPT:
        return ("trial", "attempt")
    return ("trial",) if kind in OF_TRIAL else ()
