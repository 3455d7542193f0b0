"""`Random`: what every planner must beat, and what acceleration is measured against."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from autolab.model.errors import PlannerError
from autolab.model.suggestion import Suggestion

if TYPE_CHECKING:
    from autolab.model.problem import Problem
    from autolab.model.trial import Point, Trial


@dataclass(frozen=True)
class Random:
    """Points of the space at random, never one that history holds or that is pending."""

    def suggest(
        self, problem: Problem, history: Sequence[Trial], *, n: int, pending: Sequence[Point] = (), seed: int
    ) -> list[Suggestion]:
        """Return `n` distinct points.

        Raises:
            PlannerError: Fewer than `n` points are left in the space.
            ValueError: `n` is less than 1.
        """
        if n < 1:
            msg = f"n must be 1 or more, got {n!r}"
            raise ValueError(msg)
        space = problem.space
        tried = [trial.point for trial in history if not trial.invalidated and not _strange(trial.point, space.names)]
        taken = {space.key(point) for point in [*tried, *pending]}
        drawn = space.sample(n + len(taken), seed)
        fresh = [point for point in drawn if space.key(point) not in taken][:n]
        if len(fresh) < n:
            msg = (
                f"{n} distinct points were asked for and the space has {len(fresh)} left ({len(taken)} are tried or "
                "under way). Ask for fewer, or widen the space"
            )
            raise PlannerError(msg)
        return [Suggestion(point, {"rule": "random"}) for point in fresh]


def _strange(point: Point, names: Sequence[str]) -> bool:
    return any(name not in point for name in names)
