"""A problem: all that a planner needs besides history."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from autolab.model.errors import InputError
from autolab.model.names import check_distinct, did_you_mean
from autolab.model.objectives import Objective, OutcomeConstraint, check_room

if TYPE_CHECKING:
    from autolab.model.candidates import Candidates
    from autolab.model.cost import Cost
    from autolab.model.space import Space
    from autolab.model.trial import Outcome, Trial


@dataclass(frozen=True, init=False)
class Problem:
    """A space, what to reach in it, and what to keep within bounds.

    Attributes:
        space: A `Space` or `Candidates`.
        objectives: One or more; a single one may be given bare.
        outcome_constraints: Each given as an `OutcomeConstraint` or a text such as `cost <= 0.9`.
        same_in_batch: Keys of the point that must be equal in all points of one batch (of one call of a planner's
            `suggest`), as the temperature of a plate is for all its wells.
        cost: What a trial costs; None where all cost the same.

    Raises:
        InputError: No objective, a name twice, a name that the space does not have, or outcome constraints that exclude
            each other.
    """

    space: Space | Candidates
    objectives: Sequence[Objective]
    outcome_constraints: Sequence[OutcomeConstraint] = ()
    same_in_batch: Sequence[str] = ()
    cost: Cost | None = None

    def __init__(
        self,
        space: Space | Candidates,
        objectives: Objective | Iterable[Objective],
        outcome_constraints: Iterable[OutcomeConstraint | str] = (),
        *,
        same_in_batch: Iterable[str] = (),
        cost: Cost | None = None,
    ) -> None:
        if not hasattr(space, "names") or not hasattr(space, "encode"):
            msg = f"a problem needs a Space or Candidates, got {space!r}; make one: Space([Real('rate', 0.1, 5.0)])"
            raise InputError(msg)
        wanted = (objectives,) if isinstance(objectives, Objective | str) else tuple(objectives)
        for one in wanted:
            if not isinstance(one, Objective):
                msg = f"an objective is an Objective, got {one!r}; make one: Objective('conductivity', 'maximize')"
                raise InputError(msg)
        if cost is not None and not hasattr(cost, "over"):
            msg = f"the cost of a problem is a Cost, got {cost!r}; make one: Cost(function) or Cost(base=1.0)"
            raise InputError(msg)
        limits = tuple(OutcomeConstraint.parse(one) if isinstance(one, str) else one for one in outcome_constraints)
        object.__setattr__(self, "space", space)
        object.__setattr__(self, "objectives", wanted)
        object.__setattr__(self, "outcome_constraints", limits)
        check_room(limits)
        if not wanted:
            msg = "a problem needs at least one objective, such as Objective('conductivity', 'maximize')"
            raise InputError(msg)
        check_distinct([objective.name for objective in wanted], "objective", InputError)
        both = [name for name in self.outcome_names if name in self.space.names]
        if both:
            msg = f"{both[0]!r} is a parameter and cannot be an outcome too: rename one of them"
            raise InputError(msg)
        shared = (same_in_batch,) if isinstance(same_in_batch, str) else tuple(same_in_batch)
        object.__setattr__(self, "same_in_batch", shared)
        check_distinct(shared, "key of same_in_batch", InputError)
        for name in shared:
            if name not in space.names:
                msg = f"same_in_batch: there is no {name!r} in the space: {did_you_mean(name, space.names)}"
                raise InputError(msg)
        object.__setattr__(self, "cost", None if cost is None else cost.over(space))

    def within(self, space: Space | Candidates) -> Problem:
        """Return the same goals over another space, such as a part of this one; nothing need be the same in a batch."""
        return Problem(space, self.objectives, self.outcome_constraints, cost=self.cost)

    @property
    def outcome_names(self) -> tuple[str, ...]:
        """Quantities that an outcome must hold: objectives first, each once."""
        names = [one.name for one in self.objectives] + [limit.name for limit in self.outcome_constraints]
        return tuple(dict.fromkeys(names))

    def missing(self, outcome: Outcome) -> list[str]:
        """Return the needed quantities that an outcome lacks."""
        return [name for name in self.outcome_names if name not in outcome]

    def feasible(self, outcome: Outcome) -> bool:
        """Return whether an outcome keeps every outcome constraint; one that was not measured is not kept."""
        return all(
            limit.name in outcome and limit.holds(outcome[limit.name].value) for limit in self.outcome_constraints
        )

    def utilities(self, outcome: Outcome) -> tuple[float, ...]:
        """Return one number an objective, more is better."""
        return tuple(objective.utility(outcome[objective.name].value) for objective in self.objectives)

    def front(self, trials: Iterable[Trial]) -> list[Trial]:
        """Return the best trials, in the order given: the Pareto set, or for one objective the first best alone.

        Trials that are not usable, lack a quantity or break an outcome constraint are left out.
        """
        good = [t for t in trials if t.usable and not self.missing(t.outcome) and self.feasible(t.outcome)]
        if len(self.objectives) == 1:
            return [max(good, key=lambda trial: self.utilities(trial.outcome))] if good else []
        scores = [self.utilities(trial.outcome) for trial in good]
        return [trial for trial, score in zip(good, scores, strict=True) if not any(_beats(o, score) for o in scores)]

    def best(self, trials: Iterable[Trial]) -> Trial | list[Trial] | None:
        """Return the best usable and feasible trial (None without one); for several objectives the Pareto set."""
        front = self.front(trials)
        if len(self.objectives) > 1:
            return front
        return front[0] if front else None


def _beats(one: tuple[float, ...], other: tuple[float, ...]) -> bool:
    return one != other and all(a >= b for a, b in zip(one, other, strict=True))
