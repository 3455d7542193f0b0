"""A case: a problem together with the truth about it, so that a planner's run can be judged.

Notation: `T` trials, `m` objectives. Utilities are on a scale where more is better (`Problem.utilities`).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from autolab.model.errors import InputError, TrialFailed
from autolab.model.seeds import decision_seed, noise_seed
from autolab.model.trial import Trial, as_outcome

if TYPE_CHECKING:
    from autolab.model.problem import Problem
    from autolab.model.trial import OutcomeLike, Point, Value

Array = NDArray[np.float64]
Truth = Callable[["Point"], "dict[str, float]"]
"""Point -> what is true of it, by quantity. Raises `TrialFailed` where the experiment fails."""
Measure = Callable[["Point", "dict[str, float]", np.random.Generator], "OutcomeLike"]
"""(Point, truth, random numbers) -> what is measured."""

SAMPLED = 1024
"""Points that tell the median of a space."""


@dataclass(frozen=True)
class Case:
    """A problem and the truth about it. It can be pickled when `truth` and `measure` can.

    Attributes:
        name: What people call it.
        problem: What the planner is asked.
        truth: Point -> true quantities, without noise.
        low: Score worth 0: the median of the space (0 for several objectives).
        high: Score worth 1: the optimum's utility (for several objectives the greatest hypervolume).
        reference: Utilities (`m`) from which hypervolume is measured; empty for one objective.
        top: Keys of the best 5 % of a pool; empty where the space is no pool.
        measure: What is measured of the truth; None for the truth itself.
        identity: Changes when the case does: results of another identity are not mixed with it.

    Raises:
        InputError: `high` is not above `low`.
    """

    name: str
    problem: Problem
    truth: Truth
    low: float
    high: float
    reference: tuple[float, ...] = ()
    top: frozenset[tuple[Value, ...]] = frozenset()
    measure: Measure | None = None
    identity: str = ""

    def __post_init__(self) -> None:
        if not self.high > self.low:
            msg = f"case {self.name!r}: the best score must be above the median, got {self.high!r} and {self.low!r}"
            raise InputError(msg)
        if (len(self.problem.objectives) > 1) != bool(self.reference):
            msg = f"case {self.name!r}: several objectives need a reference point, and one objective has none"
            raise InputError(msg)

    @property
    def minimized(self) -> bool:
        """Whether people read its score as a value to make small."""
        return len(self.problem.objectives) == 1 and self.problem.objectives[0].goal == "minimize"

    def starts(self, n: int, seed: int) -> list[dict[str, Value]]:
        """Return `n` points at random that every planner is given: the same for one seed."""
        return self.problem.space.sample(n, decision_seed(seed, 0))

    def perform(self, point: Point, seed: int, number: int) -> Trial:
        """Return the trial that measuring a point gives.

        Args:
            point: Of the space.
            seed: Of the run.
            number: Of the trial, from 1: noise is drawn anew for each, and does not depend on the planner.
        """
        try:
            true = self.truth(point)
        except TrialFailed as failure:
            return Trial(number, dict(point), "failed", reason=failure.reason)
        rng = np.random.default_rng(noise_seed(seed, self.name, number, 1))
        seen = true if self.measure is None else self.measure(point, true, rng)
        return Trial(number, dict(point), "completed", as_outcome(seen))

    def scores(self, points: Sequence[Point]) -> list[float | None]:
        """Return the true score after each of `T` trials: the best utility so far, or the hypervolume so far.

        Points that fail or break an outcome constraint count for nothing; None while there is no other.
        """
        worth = [self.utilities(point) for point in points]
        if self.reference:
            return list(_hypervolumes(worth, self.reference))
        best: float | None = None
        found: list[float | None] = []
        for one in worth:
            if one is not None and (best is None or one[0] > best):
                best = one[0]
            found.append(best)
        return found

    def shares(self, points: Sequence[Point]) -> list[float]:
        """Return the share of the pool's best 5 % found after each of `T` trials; empty where there is no pool."""
        if not self.top:
            return []
        keys = [self.problem.space.key(point) for point in points]
        return [len(self.top.intersection(keys[: i + 1])) / len(self.top) for i in range(len(keys))]

    def utilities(self, point: Point) -> tuple[float, ...] | None:
        """Return the true utilities (`m`) of a point; None where it fails or breaks an outcome constraint."""
        try:
            outcome = as_outcome(self.truth(point))
        except TrialFailed:
            return None
        return self.problem.utilities(outcome) if self.problem.feasible(outcome) else None


@dataclass(frozen=True)
class Noisy:
    """Measures with normal noise.

    Attributes:
        deviation: Standard deviation of each quantity, in its unit.
        told: Whether the standard error is told.
    """

    deviation: float
    told: bool = False

    def __call__(self, point: Point, true: dict[str, float], rng: np.random.Generator) -> OutcomeLike:
        """Return the truth with noise added."""
        error = self.deviation if self.told else None
        return {name: (value + self.deviation * rng.standard_normal(), error) for name, value in true.items()}


def median_utility(problem: Problem, truth: Truth) -> float:
    """Return the median utility of points at random (those that keep the outcome constraints; else the least of all).

    Raises:
        InputError: Every point fails.
    """
    good, others = list[float](), list[float]()
    for point in problem.space.sample(SAMPLED, seed=0):
        try:
            outcome = as_outcome(truth(point))
        except TrialFailed:
            continue
        (good if problem.feasible(outcome) else others).append(problem.utilities(outcome)[0])
    if good:
        return float(np.median(good))
    if others:
        return min(others)
    msg = "no point at random can be measured: nothing tells how good a planner is"
    raise InputError(msg)


def _hypervolumes(worth: Sequence[tuple[float, ...] | None], reference: tuple[float, ...]) -> list[float]:
    """Return the hypervolume of the first 1, 2, ... `T` utilities (`T x m`)."""
    import torch
    from botorch.utils.multi_objective.box_decompositions.dominated import DominatedPartitioning

    front: list[tuple[float, ...]] = []
    volume, found = 0.0, []
    for one in worth:
        if one is not None and all(a > b for a, b in zip(one, reference, strict=True)) and not _covered(one, front):
            front = [other for other in front if not _covers(one, other)] + [one]
            made: Any = DominatedPartitioning(torch.tensor(reference).double(), torch.tensor(front).double())
            volume = float(made.compute_hypervolume())
        found.append(volume)
    return found


def _covers(one: Sequence[float], other: Sequence[float]) -> bool:
    return all(a >= b for a, b in zip(one, other, strict=True))


def _covered(one: Sequence[float], front: Sequence[Sequence[float]]) -> bool:
    return any(_covers(other, one) for other in front)
