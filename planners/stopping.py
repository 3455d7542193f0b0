"""When to stop: how much there may still be to gain, in the objective's unit.

Two measures. The expected improvement left is what `suggest` tells as `gain`: the campaign loop compares it. Here: the
bound on regret, which the best trial keeps with a given probability (the rule of Wilson 2024, arXiv 2402.16811:
stop once the probability that the regret exceeds a tolerance is small).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from autolab.model.candidates import Candidates
from autolab.model.errors import InputError, PlannerError
from autolab.planners.prediction import fitted

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from autolab.model.problem import Problem
    from autolab.planners.evidence import Evidence
    from autolab.planners.stated import Mean

    Array = NDArray[np.float64]

_POINTS = 768
_SAMPLES = 512


def regret_bound(
    problem: Problem, evidence: Evidence, probability: float, seed: int, means: Mapping[str, Mean] | None = None
) -> float:
    """Return the regret of the best trial that is not exceeded with a probability, in the objective's unit.

    The posterior is sampled jointly at the trials, and at points of the space: drawn at random, and around the best
    trials. In each sample the regret is the best of all points minus the trial with the best expected value. The
    space between the points is left out, so in many dimensions the bound is somewhat low. What breaks an outcome
    constraint in a sample does not count in it; neither does a point that is likelier to fail than to succeed.

    Args:
        problem: One objective.
        evidence: Enough for a model.
        probability: That the regret is not greater.
        seed: Of points and samples.
        means: Quantity -> what a person expects of it.

    Raises:
        InputError: Several objectives, or a probability outside of 0..1.
        PlannerError: No trial keeps the outcome constraints.
    """
    check_single(problem)
    if not 0 < probability < 1:
        msg = f"a probability must lie between 0 and 1, got {probability!r}"
        raise InputError(msg)
    from autolab.planners.isolation import isolated
    from autolab.planners.slips import without_slips

    with isolated(seed):
        evidence = without_slips(problem, evidence)
        models, success = fitted(problem, evidence, means)
        x = _points(problem, evidence, seed)
        mean, covariance = models.joint(x)
        chances = np.ones(len(x)) if success is None else np.exp(success.log_probability(x))
    utility = np.where(chances >= 0.5, 1.0, np.nan)  # nan: does not count
    utility[: len(evidence.x)] = 1.0
    samples = _samples(mean, covariance, seed)
    values = _utilities(problem, samples) * utility
    held = _utilities(problem, mean[None])[0, : len(evidence.x)]
    if np.isnan(held).all():
        msg = "no trial is expected to keep the outcome constraints: there is no best one to have a regret"
        raise PlannerError(msg)
    best = int(np.nanargmax(held))
    reached = np.where(np.isnan(values[:, best]), np.nanmin(values, axis=1), values[:, best])
    return float(np.quantile(np.nanmax(values, axis=1) - reached, probability))


def check_single(problem: Problem) -> None:
    """Refuse what has no single best trial.

    Raises:
        InputError: There are several objectives.
    """
    if len(problem.objectives) > 1:
        names = ", ".join(one.name for one in problem.objectives)
        msg = f"a gain or regret in the objective's unit needs one objective, and there are {names}: leave the rule out"
        raise InputError(msg)


def _points(problem: Problem, evidence: Evidence, seed: int) -> Array:
    """Return the trials, and points of the space not tried, `N x d`."""
    space = problem.space
    drawn = space.sample(_POINTS, seed)
    if not isinstance(space, Candidates) and len(drawn) == _POINTS:
        rng = np.random.default_rng(seed)
        places = np.repeat(evidence.x[_best(problem, evidence)], 32, axis=0)
        drawn += space.decode(places + rng.choice([0.02, 0.1], (len(places), 1)) * rng.standard_normal(places.shape))
    fresh = {key: point for point in drawn if (key := space.key(point)) not in evidence.taken}
    return np.vstack([evidence.x, space.encode(list(fresh.values()))]) if fresh else evidence.x


def _best(problem: Problem, evidence: Evidence) -> NDArray[np.int64]:
    return np.argsort(-problem_utility(problem, evidence.y), kind="stable")[:4]


def problem_utility(problem: Problem, y: Array) -> Array:
    """Return the utility by the only objective, `...` of `... x m` quantities."""
    return np.asarray(problem.objectives[0].utility(y[..., 0]))


def _utilities(problem: Problem, y: Array) -> Array:
    """Return `S x N` utilities of `S x N x m` quantities; NaN where an outcome constraint is broken."""
    from autolab.planners.windows import windows  # SciPy is loaded late: a second

    kept = np.ones(y.shape[:-1], dtype=bool)
    for window in windows(problem):
        kept &= window.holds(y[..., window.place])
    return np.where(kept, problem_utility(problem, y), np.nan)


def _samples(mean: Array, covariance: Array, seed: int) -> Array:
    """Return `S x N x m` samples of the posterior."""
    rng = np.random.default_rng(seed)
    columns = []
    for i, one in enumerate(covariance):
        values, vectors = np.linalg.eigh(one)  # a covariance at near points is singular: no Cholesky factor
        root = vectors * np.sqrt(np.maximum(values, 0))
        columns.append(mean[:, i] + rng.standard_normal((_SAMPLES, len(mean))) @ root.T)
    return np.stack(columns, axis=-1)
