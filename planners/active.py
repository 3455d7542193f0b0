"""Planners that map instead of optimizing: `LevelSet` a boundary, `Learn` a response surface."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from autolab.model.errors import AutolabError, InputError
from autolab.model.names import did_you_mean
from autolab.model.ranges import is_finite
from autolab.model.suggestion import Suggestion
from autolab.planners.batches import as_batch
from autolab.planners.checks import check_initial
from autolab.planners.designs import designed, fallback
from autolab.planners.evidence import gather
from autolab.planners.prediction import fitted, predictions_of

if TYPE_CHECKING:
    from autolab.model.problem import Problem
    from autolab.model.trial import Point, Trial
    from autolab.planners.evidence import Evidence
    from autolab.planners.feasibility import Success
    from autolab.planners.mapping import Teaching
    from autolab.planners.surrogate import Models

log = logging.getLogger(__name__)

_PLACES = 256

Make = Callable[["Models", "Success | None"], "Teaching"]
"""Fitted models -> what a point teaches."""


@dataclass(frozen=True)
class LevelSet:
    """Map where a quantity crosses a level: a phase boundary, the edge of what is allowed. Pure.

    It measures where it is least sure on which side a point lies.

    Attributes:
        quantity: Of the problem's outcomes. None for all that outcome constraints bound, each at its bounds; without
            any, for the first objective.
        level: In the quantity's unit. None for its bounds, or its target, or the middle of what was measured.
        initial: Trials (completed or failed) before models are trusted; None for twice the number of keys of a
            point, but 4 to 16.
    """

    quantity: str | None = None
    level: float | None = None
    initial: int | None = None

    def __post_init__(self) -> None:
        check_initial(self.initial)
        if self.level is not None and (self.quantity is None or not is_finite(self.level)):
            msg = f"a level must be a finite number of a quantity, got level {self.level!r} of {self.quantity!r}"
            raise InputError(msg)

    @as_batch
    def suggest(
        self, problem: Problem, history: Sequence[Trial], *, n: int, pending: Sequence[Point] = (), seed: int
    ) -> list[Suggestion]:
        """Return `n` distinct points.

        Raises:
            InputError: The problem has no such quantity.
            PlannerError: Fewer than `n` points are left in the space.
            ValueError: `n` is less than 1.
        """
        if self.quantity is not None and self.quantity not in problem.outcome_names:
            msg = f"the problem has no quantity {self.quantity!r}: {did_you_mean(self.quantity, problem.outcome_names)}"
            raise InputError(msg)
        evidence = gather(problem, history, pending)

        def make(models: Models, success: Success | None) -> Teaching:
            from autolab.planners.mapping import Boundary

            return Boundary(evidence, models, success, self._levels(problem, evidence))

        return _proposed(problem, evidence, n, seed, _enough(problem, self.initial), "boundary", make)

    def _levels(self, problem: Problem, evidence: Evidence) -> list[tuple[int, float]]:
        names = problem.outcome_names
        if self.level is not None and self.quantity is not None:
            return [(names.index(self.quantity), self.level)]
        wanted = (self.quantity,) if self.quantity is not None else names
        bounds = [(names.index(one.name), one.bound) for one in problem.outcome_constraints if one.name in wanted]
        if bounds:
            return bounds
        place = names.index(self.quantity) if self.quantity is not None else 0
        target = next((one.target for one in problem.objectives if one.name == names[place]), None)
        measured = evidence.y[:, place]
        return [(place, target if target is not None else float(measured.min() + measured.max()) / 2)]


@dataclass(frozen=True)
class Learn:
    """Learn all quantities evenly over the space, so that the model can be trusted everywhere. Pure.

    Each point is the one whose measurement lowers the variance most, averaged over the space. Goals and outcome
    constraints do not matter.

    Attributes:
        initial: As for `LevelSet`.
    """

    initial: int | None = None

    def __post_init__(self) -> None:
        check_initial(self.initial)

    @as_batch
    def suggest(
        self, problem: Problem, history: Sequence[Trial], *, n: int, pending: Sequence[Point] = (), seed: int
    ) -> list[Suggestion]:
        """Return `n` distinct points.

        Raises:
            PlannerError: Fewer than `n` points are left in the space.
            ValueError: `n` is less than 1.
        """
        evidence = gather(problem, history, pending)

        def make(models: Models, success: Success | None) -> Teaching:
            import torch

            from autolab.planners.mapping import Surface

            places = problem.space.encode(problem.space.sample(_PLACES, seed))
            return Surface(evidence, models, success, torch.as_tensor(places))

        return _proposed(problem, evidence, n, seed, _enough(problem, self.initial), "surface", make)


def _proposed(
    problem: Problem, evidence: Evidence, n: int, seed: int, enough: int, rule: str, make: Make
) -> list[Suggestion]:
    if len(evidence.x) < 2 or len(evidence.x) + len(evidence.failed) < enough:
        return designed(problem, evidence, n, seed, {})
    try:
        return _modelled(problem, evidence, n, seed, rule, make)
    except AutolabError:
        raise
    except Exception as error:  # numerical trouble must not end a campaign
        log.warning("the model could not propose; a space-filling point is taken instead", exc_info=True)
        return designed(problem, evidence, n, seed, fallback(error))


def _modelled(problem: Problem, evidence: Evidence, n: int, seed: int, rule: str, make: Make) -> list[Suggestion]:
    """Propose by the models. Torch is loaded here and not before: it takes seconds."""
    from autolab.planners.isolation import isolated
    from autolab.planners.search import most_worth

    with isolated(seed, torch=True):
        models, success = fitted(problem, evidence)
        found = most_worth(problem.space, make(models, success), n, evidence, seed)
    told = predictions_of(problem, models, success, [point for point, _ in found])
    suggestions = []
    for one, (_, taught) in zip(told, found, strict=True):
        predicted = {
            name: dict(zip(("mean", "low", "high"), (mean, *one.interval(name)), strict=True))
            for name, mean in one.mean.items()
        }
        info: dict[str, Any] = {
            "rule": rule,
            "predicted": predicted,
            "taught": float(np.exp(taught)),
            **evidence.not_used,
        }
        suggestions.append(Suggestion(one.point, info if one.success is None else {**info, "success": one.success}))
    return suggestions


def _enough(problem: Problem, initial: int | None) -> int:
    return initial if initial is not None else min(max(2 * len(problem.space.names), 4), 16)
