"""Trials, their attempts and outcomes, and the transitions between their states."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Literal, get_args

from autolab.model.errors import InputError

Value = float | int | str
Point = Mapping[str, Value]

TrialState = Literal[
    "proposed", "in_review", "approved", "running", "held", "completed", "failed", "rejected", "abandoned"
]
AttemptEnding = Literal["completed", "trial_failed", "machine_failed", "interrupted", "lost"]
Source = Literal["campaign", "import", "prior"]
Fidelity = Literal["physical", "virtual"]

TRANSITIONS: Mapping[TrialState, frozenset[TrialState]] = MappingProxyType(
    {
        "proposed": frozenset({"in_review", "approved", "rejected", "abandoned"}),
        "in_review": frozenset({"approved", "rejected", "abandoned"}),
        "approved": frozenset({"running", "rejected", "abandoned"}),
        "running": frozenset({"completed", "failed", "held", "abandoned"}),
        "held": frozenset({"running", "failed", "abandoned"}),
        "completed": frozenset(),
        "failed": frozenset(),
        "rejected": frozenset(),
        "abandoned": frozenset(),
    }
)
FINAL: frozenset[TrialState] = frozenset(state for state, following in TRANSITIONS.items() if not following)


@dataclass(frozen=True)
class Measurement:
    """One measured quantity of an outcome.

    Attributes:
        value: Finite, in the objective's unit.
        standard_error: Of the value, in the same unit; None when unknown.
    """

    value: float
    standard_error: float | None = None

    def __post_init__(self) -> None:
        if not math.isfinite(self.value):
            msg = f"a measurement must be finite, got {self.value!r}: report a failure with its reason instead"
            raise ValueError(msg)
        if self.standard_error is not None and not (math.isfinite(self.standard_error) and self.standard_error >= 0):
            msg = f"a standard error must be finite and not negative, got {self.standard_error!r}"
            raise ValueError(msg)

    def __str__(self) -> str:
        error = "" if self.standard_error is None else f" (standard error {self.standard_error:.2g})"
        return f"{_shown(float(self.value))}{error}"


def _shown(value: object) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)


OutcomeLike = Mapping[str, "float | tuple[float, float | None] | Measurement"]
Outcome = Mapping[str, Measurement]


def as_outcome(values: OutcomeLike) -> Outcome:
    """Return `{name: value or (value, standard error)}` as measurements.

    Raises:
        ValueError: A value that is not finite.
        TypeError: A value that is not a number, or no mapping at all.

    >>> as_outcome({"error": 1.5, "seconds": (60.0, 0.5)})["seconds"].standard_error
    0.5
    """
    if not isinstance(values, Mapping):
        msg = f"an outcome is a mapping of quantities, such as {{'conductivity': 1.5}}, got {values!r}"
        raise TypeError(msg)
    return MappingProxyType({name: _as_measurement(name, value) for name, value in values.items()})


def _as_measurement(name: str, value: object) -> Measurement:
    if isinstance(value, Measurement):
        return value
    pair = value if isinstance(value, tuple | list) and len(value) == 2 else (value, None)
    try:
        error = pair[1]
        return Measurement(float(pair[0]), None if error is None else float(error))  # type: ignore[arg-type]  # checked by float itself
    except TypeError:
        msg = f"outcome {name!r} must be a number or (number, standard error), got {value!r}"
        raise TypeError(msg) from None
    except ValueError as error_:
        msg = f"outcome {name!r}: {error_}"
        raise ValueError(msg) from None


@dataclass(frozen=True)
class Attempt:
    """One physical execution of a trial.

    Attributes:
        number: From 1 in its trial.
        ending: None while it goes on.
        reason: Why it ended, where it did not complete.
        started: Lab time, s.
        ended: Lab time, s.
    """

    number: int
    ending: AttemptEnding | None = None
    reason: str = ""
    started: float = 0.0
    ended: float | None = None


@dataclass(frozen=True)
class Trial:
    """One decision: a point of the space chosen once, and all that became of it.

    Attributes:
        number: From 1 in its campaign; 0 for one made by hand.
        point: In the user's units.
        outcome: Measurements by name; empty unless completed.
        reason: Why it failed or was rejected or abandoned.
        invalidated: Completed, but found to be wrong later; planners leave it out.
        info: What its planner told of it when it was proposed.
        better_than: Numbers of the trials of the same campaign that a person, who compared them, found worse. A field
            of its own and not a part of `info`: that is the planner's word, and final; this is people's, comes later,
            and may be taken back. By numbers, because a person says "3 is better than 1", and a point may be tried twice.
    """

    number: int
    point: Point
    state: TrialState = "proposed"
    outcome: Outcome = field(default_factory=dict)
    reason: str = ""
    source: Source = "campaign"
    fidelity: Fidelity = "physical"
    invalidated: bool = False
    attempts: tuple[Attempt, ...] = ()
    info: Mapping[str, object] = field(default_factory=dict)
    better_than: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        if self.source not in get_args(Source):
            msg = f"the source of a trial must be one of {', '.join(get_args(Source))}, got {self.source!r}"
            raise InputError(msg)

    @classmethod
    def completed(
        cls,
        point: Point,
        outcome: OutcomeLike,
        *,
        source: Source = "import",
        fidelity: Fidelity = "physical",
        number: int = 0,
    ) -> Trial:
        """Make a completed trial by hand, as history for a planner; with a number, it can be compared with others."""
        return cls(number, dict(point), "completed", as_outcome(outcome), source=source, fidelity=fidelity)

    @classmethod
    def failed(cls, point: Point, reason: str, *, source: Source = "import", fidelity: Fidelity = "physical") -> Trial:
        """Make a failed trial by hand, as history for a planner."""
        return cls(0, dict(point), "failed", reason=reason, source=source, fidelity=fidelity)

    def to(self, state: TrialState, *, reason: str = "", outcome: OutcomeLike | None = None) -> Trial:
        """Return this trial in another state.

        Raises:
            ValueError: A transition that does not exist.
        """
        if state not in TRANSITIONS[self.state]:
            allowed = ", ".join(sorted(TRANSITIONS[self.state])) or "none: it is final"
            msg = f"trial {self.number} cannot go from {self.state!r} to {state!r}; allowed: {allowed}"
            raise ValueError(msg)
        if (state == "completed") != (outcome is not None):
            msg = f"trial {self.number}: an outcome belongs to 'completed' and to no other state, got {state!r}"
            raise ValueError(msg)
        return replace(self, state=state, reason=reason, outcome=as_outcome(outcome or {}))

    def invalidate(self, reason: str) -> Trial:
        """Return this completed trial marked as wrong.

        Raises:
            ValueError: It is not completed.
        """
        if self.state != "completed":
            msg = f"trial {self.number} is {self.state!r}: only a completed trial can be invalidated"
            raise ValueError(msg)
        return replace(self, invalidated=True, reason=reason)

    def preferred_to(self, worse: Trial) -> tuple[Trial, Trial]:
        """Return this trial and a worse one, once a person has found this one better; the contrary word is forgotten.

        Raises:
            ValueError: One of them is not completed, or invalidated, or has no number; or both are the same, or of
                different sources: numbers count within a campaign.

        >>> one, two = (Trial.completed({"x": x}, {}, number=n) for n, x in ((1, 0.2), (2, 0.7)))
        >>> two, one = two.preferred_to(one)
        >>> two.better_than, one.better_than
        ((1,), ())
        """
        for trial in (self, worse):
            if not trial.number:
                msg = "a trial without a number cannot be compared: give it one, as in Trial.completed(..., number=3)"
                raise ValueError(msg)
            if not trial.usable:
                state = "invalidated" if trial.invalidated else trial.state
                msg = f"trial {trial.number} is {state}: only completed trials can be compared"
                raise ValueError(msg)
        if self.source != worse.source:
            msg = f"trial {self.number} ({self.source}) cannot be compared with trial {worse.number} ({worse.source})"
            raise ValueError(msg)
        if self.number == worse.number:
            msg = f"trial {self.number} cannot be compared with itself"
            raise ValueError(msg)
        others = tuple(sorted({*self.better_than, worse.number}))
        forgotten = tuple(number for number in worse.better_than if number != self.number)
        return replace(self, better_than=others), replace(worse, better_than=forgotten)

    def __str__(self) -> str:
        name = f"trial {self.number}" if self.number else "trial"
        state = f"{self.state}, invalidated" if self.invalidated else self.state
        point = ", ".join(f"{key} = {_shown(value)}" for key, value in self.point.items())
        outcome = ", ".join(f"{key} = {value}" for key, value in self.outcome.items())
        told = f"{name} ({state}): {point}{f' -> {outcome}' if outcome else ''}"
        return f"{told}: {self.reason}" if self.reason else told

    @property
    def usable(self) -> bool:
        """Whether a planner may learn an outcome from it."""
        return self.state == "completed" and not self.invalidated
