"""`Repeating`: when to measure a good point again, and when to go on to a new one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from autolab.model.errors import InputError
from autolab.model.suggestion import Suggestion
from autolab.planners.batches import as_batch
from autolab.planners.bayes import Bayes
from autolab.planners.evidence import gather
from autolab.planners.knowledge import knowledge_gradient

if TYPE_CHECKING:
    from autolab.model.problem import Problem
    from autolab.model.trial import Point, Trial, Value
    from autolab.planners.evidence import Array, Evidence

_ROUNDING = 1e-9  # of the values' deviation: where nothing teaches anything, no repeat does either


@dataclass(frozen=True)
class Repeating:
    """Bayesian optimization that may measure a point again: where noise hides which point is best.

    Each time, what a measurement teaches is compared: of the point that `Bayes` proposes, and of the best few that
    were measured. It is the knowledge gradient: how much the greatest expected value among all of them is expected to
    grow by it. Where noise is small a repeat teaches nothing, and no point is ever repeated. For several objectives,
    while nothing is modelled, and for all points of a batch but the first: as `Bayes`.

    Attributes:
        initial: As for `Bayes`.
        most: Measurements of one point in all.
    """

    initial: int | None = None
    most: int = 5

    def __post_init__(self) -> None:
        Bayes(self.initial)
        if isinstance(self.most, bool) or self.most < 2:
            msg = f"most must be at least 2, or no point is ever repeated, got {self.most!r}; use Bayes for that"
            raise InputError(msg)

    @as_batch
    def suggest(
        self, problem: Problem, history: Sequence[Trial], *, n: int, pending: Sequence[Point] = (), seed: int
    ) -> list[Suggestion]:
        """Return `n` distinct points; the first may be one that history holds, with the rule `repeat`.

        Raises:
            PlannerError: Fewer than `n` points are left in the space.
            ValueError: `n` is less than 1.
        """
        fresh = Bayes(self.initial).suggest(problem, history, n=n, pending=pending, seed=seed)
        if fresh[0].info["rule"] != "improvement":
            return fresh
        again = self._again(problem, gather(problem, history, pending), fresh[0], seed)
        return fresh if again is None else [again, *fresh[: n - 1]]

    def _again(self, problem: Problem, evidence: Evidence, fresh: Suggestion, seed: int) -> Suggestion | None:
        """Return the repeat that teaches more than the new point; None where none does."""
        open_ = self._repeatable(problem, evidence)
        if not open_:
            return None
        from autolab.planners.isolation import isolated

        with isolated(seed):
            from autolab.planners.belief import Belief

            belief = Belief.learned(problem, evidence, seed)
            points = [*open_.values(), fresh.point]
            x = problem.space.encode(points)
            means, covariance = belief.models.joint(x)
            noise = belief.models.noises[0]
            infos = belief.infos(points, belief.gains(points))
        values, slopes = _toward(problem, means[:, 0])
        toward = covariance[0] * np.outer(slopes, slopes)
        taught = [knowledge_gradient(values, toward, noise, i) for i in range(len(points))]
        best = int(np.argmax(taught))
        if taught[best] <= taught[-1] + _ROUNDING * belief.models.each[0].scale:
            return None
        info: dict[str, Any] = {**infos[best], "rule": "repeat", "taught": taught[best], "new_taught": taught[-1]}
        return Suggestion(points[best], info)

    def _repeatable(self, problem: Problem, evidence: Evidence) -> dict[object, dict[str, Value]]:
        """Return the points whose repeats may pay: kept the constraints, in the space, not measured too often."""
        counts: dict[object, int] = {}
        good: dict[object, tuple[float, dict[str, Value]]] = {}
        for point, row in zip(evidence.points, evidence.y, strict=True):
            key = problem.space.key(point)
            counts[key] = counts.get(key, 0) + 1
            outcome = dict(zip(problem.outcome_names, row, strict=True))
            kept = all(limit.holds(outcome[limit.name]) for limit in problem.outcome_constraints)
            if kept and problem.space.contains(point):
                utility = problem.objectives[0].utility(float(row[0]))
                good[key] = max((utility, dict(point)), good.get(key, (utility, dict(point))), key=lambda one: one[0])
        waiting = {tuple(row) for row in evidence.pending}
        ranked = sorted(good.items(), key=lambda pair: -pair[1][0])
        return {
            key: point
            for key, (_, point) in ranked
            if counts[key] < self.most and tuple(problem.space.encode([point])[0]) not in waiting
        }


def _toward(problem: Problem, means: Array) -> tuple[Array, Array]:
    """Return means on a scale where more is better, and its slopes; a target is approached from each mean's side."""
    objective = problem.objectives[0]
    toward = np.where(means > objective.target, -1.0, 1.0) if objective.target is not None else objective.sign
    return objective.utility(means), np.broadcast_to(toward, means.shape)
