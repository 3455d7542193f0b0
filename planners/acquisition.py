"""What a point is worth where samples of the posterior are needed: a target to match, or a hypervolume. botorch's.

Ament et al. 2023 (the log forms), Daulton et al. 2021 (noisy hypervolume). Quantities are modelled as measured;
goals are applied to samples of the posterior, so that matching a target needs no model of a distance.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from botorch.acquisition.logei import qLogNoisyExpectedImprovement
from botorch.acquisition.multi_objective.logei import qLogNoisyExpectedHypervolumeImprovement
from botorch.acquisition.multi_objective.objective import GenericMCMultiOutputObjective
from botorch.acquisition.objective import GenericMCObjective
from botorch.sampling.normal import SobolQMCNormalSampler
from botorch.utils.multi_objective.hypervolume import infer_reference_point
from botorch.utils.multi_objective.pareto import is_non_dominated
from numpy.typing import NDArray
from torch import Tensor

from autolab.model.problem import Problem
from autolab.planners.explaining import rule_of
from autolab.planners.improvement import CAUTION

if TYPE_CHECKING:
    from autolab.model.objectives import Objective, OutcomeConstraint
    from autolab.planners.evidence import Evidence
    from autolab.planners.feasibility import Success
    from autolab.planners.surrogate import Models

Array = NDArray[np.float64]

_SAMPLES = 128
_OF_HYPERVOLUME = {2: 64, 3: 32, 4: 16}
"""Objectives -> samples: time and memory grow with both. More objectives are weighed at random instead."""
_ALPHA = 1e-3  # share of the hypervolume left out of its partition, with 4 objectives
_AUGMENTED = 0.05  # of the sum beside the least weighed objective (Knowles 2006)
_CHUNK = 1024
_FAR = 1e100  # deviations: farther is as far


class Weighted:
    """The log of an improvement that botorch samples, times the probability of success to a power.

    Args:
        evidence: What is known.
        success: Probability of success; None while nothing has failed.
        unit: Log of what the improvement is measured in.
    """

    starts = 4

    def __init__(self, evidence: Evidence, success: Success | None, unit: float = 0.0) -> None:
        self._success, self._unit = success, unit
        self._caution = CAUTION + evidence.streak
        self._pending = torch.as_tensor(evidence.pending)

    def weigh(self, improvement: Any) -> None:  # noqa: ANN401  botorch ships no types
        """Take an improvement from now on: of `b x 1 x d` encoded points, `b`."""
        self._improvement = improvement
        if len(self._pending):
            improvement.set_X_pending(self._pending)

    def values(self, x: Array) -> Array:
        """Return the log worth `N` of encoded points `N x d`, a chunk at a time so that memory stays bounded."""
        with torch.no_grad():
            parts = [self._improvement(part[:, None, :]).numpy() for part in torch.split(torch.as_tensor(x), _CHUNK)]
        worth = np.concatenate(parts) + self._unit
        if self._success is not None:
            worth = worth + self._caution * self._success.log_probability(x)
        return np.asarray(np.nan_to_num(worth, nan=-1e300, neginf=-1e300))

    def slopes(self, x: Array) -> tuple[Array, Array]:
        """Return the log worth `N`, and its derivative `N x d` by the encoded columns."""
        points = torch.tensor(x, requires_grad=True)
        worth = self._improvement(points[:, None, :])
        (by_x,) = torch.autograd.grad(worth.sum(), points)
        value, gradient = worth.detach().numpy() + self._unit, by_x.numpy()
        if self._success is not None:
            chance, by_chance = self._success.slopes(x)
            value, gradient = value + self._caution * chance, gradient + self._caution * by_chance
        return np.nan_to_num(value, nan=-1e300, neginf=-1e300), np.nan_to_num(gradient)

    def add_pending(self, x: Array) -> None:
        """Count encoded points (`q x d`) as under way."""
        self._pending = torch.cat([self._pending, torch.as_tensor(x)])
        self._improvement.set_X_pending(self._pending)


class Sampled(Weighted):
    """Log of the expected improvement times the probability of success, the latter to a power.

    With several objectives the improvement is that of hypervolume; with more than 4 that of their sum weighed at random.

    The power is 1, and 1 more for each of the last trials that failed in a row: a planner that goes on failing at a
    border whose far side promises much grows more careful.

    Args:
        problem: Goals and outcome constraints.
        evidence: What is known.
        models: Of all quantities.
        success: Probability of success; None while nothing has failed.
        seed: Of the posterior's samples.
    """

    def __init__(
        self, problem: Problem, evidence: Evidence, models: Models, success: Success | None, seed: int
    ) -> None:
        self._weighed = rule_of(problem) == "scalarized"
        # botorch's smoothing supposes values of order 1: amperes of 1e-9 would be lost in it
        unit = 0.0 if self._weighed else sum(math.log(one.scale) for one in models.each[: len(problem.objectives)])
        super().__init__(evidence, success, unit)
        values = np.column_stack([one.standardize(evidence.y[:, i]) for i, one in enumerate(models.each)])
        self._goals = _standardized(problem, models)
        self._evidence, self._model, self._seed = replace(evidence, y=values), models.standardized.botorch(), seed
        self._make()

    def _make(self) -> None:
        makers = {"improvement": _improvement, "hypervolume": _hypervolume, "scalarized": _scalarized}
        self.weigh(makers[rule_of(self._goals)](self._goals, self._evidence, self._model, self._seed))

    def add_pending(self, x: Array) -> None:
        """Count encoded points (`q x d`) as under way."""
        super().add_pending(x)
        if self._weighed:  # each point of a batch has weights of its own
            self._seed += 1
            self._make()


def _standardized(problem: Problem, models: Models) -> Problem:
    """Return the same goals for the standardized quantities."""
    of = dict(zip(problem.outcome_names, models.each, strict=True))

    def moved(name: str, value: float) -> float:
        return float(np.clip(of[name].standardize(value), -_FAR, _FAR))

    objectives = [
        one if one.target is None else replace(one, target=moved(one.name, one.target)) for one in problem.objectives
    ]
    limits = [replace(limit, bound=moved(limit.name, limit.bound)) for limit in problem.outcome_constraints]
    return Problem(problem.space, objectives, limits)


def _improvement(problem: Problem, evidence: Evidence, model: Any, seed: int) -> Any:  # noqa: ANN401  botorch ships no types
    utility = _utility(problem.objectives[0], problem.outcome_names)

    def objective(y: Tensor, X: Tensor | None = None) -> Tensor:  # noqa: N803  botorch's argument name
        return utility(y)

    return _noisy(problem, evidence, model, seed, objective)


def _noisy(problem: Problem, evidence: Evidence, model: Any, seed: int, objective: Callable[..., Tensor]) -> Any:  # noqa: ANN401  botorch ships no types
    """Return the noisy expected improvement of one number that the quantities come to."""
    return qLogNoisyExpectedImprovement(
        model=model,
        X_baseline=torch.as_tensor(evidence.x[evidence.inside]),
        sampler=SobolQMCNormalSampler(torch.Size([_SAMPLES]), seed=seed),
        objective=GenericMCObjective(objective),
        constraints=_limits(problem),
        prune_baseline=True,
    )


def _hypervolume(problem: Problem, evidence: Evidence, model: Any, seed: int) -> Any:  # noqa: ANN401  botorch ships no types
    utilities = [_utility(objective, problem.outcome_names) for objective in problem.objectives]

    def all_utilities(y: Tensor, X: Tensor | None = None) -> Tensor:  # noqa: N803  botorch's argument name
        return torch.stack([utility(y) for utility in utilities], dim=-1)

    return qLogNoisyExpectedHypervolumeImprovement(
        model=model,
        ref_point=_reference(problem, evidence, all_utilities),
        X_baseline=torch.as_tensor(evidence.x[evidence.inside]),
        sampler=SobolQMCNormalSampler(torch.Size([_OF_HYPERVOLUME[len(utilities)]]), seed=seed),
        objective=GenericMCMultiOutputObjective(all_utilities),
        alpha=_ALPHA if len(utilities) > 3 else 0.0,
        constraints=_limits(problem),
        prune_baseline=True,
    )


def _scalarized(problem: Problem, evidence: Evidence, model: Any, seed: int) -> Any:  # noqa: ANN401  botorch ships no types
    """Return the improvement of an augmented Chebyshev sum of the objectives, weighed at random (Knowles 2006)."""
    utilities = [_utility(objective, problem.outcome_names) for objective in problem.objectives]
    worth = torch.stack([utility(torch.as_tensor(evidence.y)) for utility in utilities], dim=-1)
    low, span = worth.min(dim=0).values, (worth.max(dim=0).values - worth.min(dim=0).values).clamp_min(1e-9)
    weights = torch.as_tensor(np.random.default_rng(seed).dirichlet(np.ones(len(utilities))))

    def weighed(y: Tensor, X: Tensor | None = None) -> Tensor:  # noqa: N803  botorch's argument name
        scaled = weights * (torch.stack([utility(y) for utility in utilities], dim=-1) - low) / span
        return scaled.min(dim=-1).values + _AUGMENTED * scaled.sum(dim=-1)

    return _noisy(problem, evidence, model, seed, weighed)


def _reference(problem: Problem, evidence: Evidence, utilities: Callable[[Tensor], Tensor]) -> Tensor:
    """Return the point that hypervolume is measured from: a tenth of the front's range below its worst."""
    y = torch.as_tensor(evidence.y)
    worth = utilities(y)
    limits = _limits(problem) or []
    kept = torch.stack([limit(y) <= 0 for limit in limits]).all(dim=0) if limits else torch.ones(len(y)).bool()
    pool = worth[kept] if kept.any() else worth
    front = pool[is_non_dominated(pool)]
    reference: Tensor = infer_reference_point(front, scale=0.1)
    flat = front.max(dim=0).values == front.min(dim=0).values
    return torch.where(flat, torch.minimum(reference, worth.min(dim=0).values), reference)


def _utility(objective: Objective, names: tuple[str, ...]) -> Callable[[Tensor], Tensor]:
    """Return `y` (`... x m`) -> utility (`...`), as `Objective.utility` has it."""
    place = names.index(objective.name)
    return lambda y: objective.utility(y[..., place])


def _limits(problem: Problem) -> list[Callable[[Tensor], Tensor]] | None:
    """Return one function an outcome constraint, negative where `y` (`... x m`) keeps it."""

    def one(limit: OutcomeConstraint) -> Callable[[Tensor], Tensor]:
        place, sign = problem.outcome_names.index(limit.name), 1.0 if limit.side == "<=" else -1.0
        return lambda y: sign * (y[..., place] - limit.bound)

    return [one(limit) for limit in problem.outcome_constraints] or None
