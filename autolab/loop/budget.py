"""How long a campaign may go on, and whether a person looks at a point before it is performed."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from autolab.model.objectives import OutcomeConstraint


@dataclass(frozen=True)
class Budget:
    """What a campaign may use up.

    Attributes:
        trials: Decisions, whatever became of them; None for no limit.
        hours: Lab time since the campaign began, h; None for no limit.
        failure_streak: The campaign stops after so many attempts in a row that did not complete.
        consumables: Stock -> mL that may be drawn from its bottle in all.
        target: The campaign stops once a feasible trial keeps all of these: reached. Each given as an
            `OutcomeConstraint` or a text such as `conductivity >= 14`.
        gain: The campaign stops once the planner expects no point to gain more than this, in the objective's unit.
        regret: The campaign stops once the best trial lacks at most this of the optimum with a probability of 95 %,
            as the planner's model has it, in the objective's unit.

    >>> Budget(40, target=["conductivity >= 14"]).target
    (OutcomeConstraint(name='conductivity', side='>=', bound=14.0),)
    """

    trials: int | None = None
    hours: float | None = None
    failure_streak: int = 3
    consumables: Mapping[str, float] = field(default_factory=dict, hash=False)
    target: Sequence[OutcomeConstraint | str] = ()
    gain: float | None = None
    regret: float | None = None

    def __post_init__(self) -> None:
        reached = tuple(OutcomeConstraint.parse(one) if isinstance(one, str) else one for one in self.target)
        object.__setattr__(self, "target", reached)
        object.__setattr__(self, "consumables", dict(self.consumables))
        for stock, volume in self.consumables.items():
            if not (volume > 0 and math.isfinite(volume)):
                msg = f"budget.consumables of {stock!r} must be a positive number of mL, got {volume!r}"
                raise ValueError(msg)
        for rule, limit in {"gain": self.gain, "regret": self.regret}.items():
            if limit is not None and not (limit > 0 and math.isfinite(limit)):
                msg = f"budget.{rule} must be positive and finite, in the objective's unit, got {limit!r}"
                raise ValueError(msg)
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
