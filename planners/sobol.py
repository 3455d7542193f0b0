"""`Sobol`: an even design that learns nothing from outcomes, but keeps clear of what was tried."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from autolab.model.suggestion import Suggestion
from autolab.planners.batches import as_batch
from autolab.planners.designs import fill
from autolab.planners.evidence import gather

if TYPE_CHECKING:
    from autolab.model.problem import Problem
    from autolab.model.trial import Point, Trial


@dataclass(frozen=True)
class Sobol:
    """Space-filling points, never one that history holds or that is pending.

    >>> from autolab.model.objectives import Objective
    >>> from autolab.model.parameters import Real
    >>> from autolab.model.problem import Problem
    >>> from autolab.model.space import Space
    >>> problem = Problem(Space([Real("rate", 0.0, 1.0)]), [Objective("yield_")])
    >>> sorted(int(4 * point["rate"]) for point in Sobol().suggest(problem, [], n=4, seed=7))
    [0, 1, 2, 3]
    """

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
        points = fill(problem.space, n, evidence.known, evidence.taken, seed)
        return [Suggestion(point, {"rule": "sobol"}) for point in points]
