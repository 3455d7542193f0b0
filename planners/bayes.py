"""`Bayes`: the default planner. Gaussian processes and expected improvement, on botorch.

What it does by what the problem is (`info["rule"]` says which):

| situation | rule |
|---|---|
| too few trials to learn from | `design`: space-filling points beside what is known |
| one objective | `improvement`: noisy expected improvement (its log) |
| several | `hypervolume`: noisy expected hypervolume improvement (its log) |
| the fit or the search fails | `design`, and `info["fallback"]` says why |

Outcome constraints weigh the improvement by the probability that they hold; failed and rejected trials by the
probability of success that they teach. A table of candidates is searched whole.
"""

from __future__ import annotations

import logging
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from autolab.model.errors import AutolabError, InputError, PlannerError
from autolab.model.suggestion import Suggestion
from autolab.planners.designs import fill
from autolab.planners.evidence import gather
from autolab.planners.prediction import WIDE, Prediction, fitted, predictor
from autolab.planners.sobol import check_count

if TYPE_CHECKING:
    from autolab.model.problem import Problem
    from autolab.model.trial import Point, Trial
    from autolab.planners.evidence import Evidence
    from autolab.planners.prediction import Predict

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Bayes:
    """Bayesian optimization; pure: the same arguments give the same points in any process.

    A point that history holds, or that is pending, is not proposed again (an invalidated trial does not count).

    Attributes:
        initial: Trials (completed or failed) before models are trusted; None for twice the number of keys of a
            point, but 4 to 16.
    """

    initial: int | None = None

    def __post_init__(self) -> None:
        if self.initial is not None and (isinstance(self.initial, bool) or self.initial < 2):
            msg = f"initial must be a whole number of at least 2, got {self.initial!r}; leave it out for the default"
            raise InputError(msg)

    def suggest(
        self, problem: Problem, history: Sequence[Trial], *, n: int, pending: Sequence[Point] = (), seed: int
    ) -> list[Suggestion]:
        """Return `n` distinct points.

        Raises:
            PlannerError: Fewer than `n` points are left in the space.
            ValueError: `n` is less than 1.
        """
        check_count(n)
        evidence = gather(problem, history, pending)
        if self._too_few(problem, evidence):
            return _design(problem, evidence, n, seed, {})
        try:
            return _modelled(problem, evidence, n, seed)
        except AutolabError:
            raise
        except Exception as error:  # numerical trouble must not end a campaign
            log.warning("the model could not propose; a space-filling point is taken instead", exc_info=True)
            return _design(problem, evidence, n, seed, {"fallback": f"{type(error).__name__}: {error}"[:500]})

    def predict(self, problem: Problem, history: Sequence[Trial], points: Sequence[Point]) -> list[Prediction]:
        """Return what the model that the next suggestion would be made by expects at `points`, in their order.

        Raises:
            PlannerError: Too few trials for a model, or none fits them.
            OutsideSpace: A point lacks a key, or names an unknown category.
        """
        return self.predictor(problem, history)(points)

    def predictor(self, problem: Problem, history: Sequence[Trial]) -> Predict:
        """Fit the model once, for many questions: `predict` is `predictor(problem, history)(points)`.

        Raises:
            PlannerError: Too few trials for a model, or none fits them.
        """
        evidence = gather(problem, history, ())
        if self._too_few(problem, evidence):
            msg = (
                f"no model is trusted before {self._enough(problem)} trials, 2 of them completed; "
                f"there are {len(evidence.x)} completed and {len(evidence.failed)} failed or rejected ones"
            )
            raise PlannerError(msg)
        return predictor(problem, evidence)

    def _too_few(self, problem: Problem, evidence: Evidence) -> bool:
        return len(evidence.x) < 2 or len(evidence.x) + len(evidence.failed) < self._enough(problem)

    def _enough(self, problem: Problem) -> int:
        return self.initial if self.initial is not None else min(max(2 * len(problem.space.names), 4), 16)


def _design(problem: Problem, evidence: Evidence, n: int, seed: int, info: dict[str, Any]) -> list[Suggestion]:
    points = fill(problem.space, n, evidence.known, evidence.taken, seed)
    return [Suggestion(point, {"rule": "design", **_left_out(evidence), **info}) for point in points]


def _modelled(problem: Problem, evidence: Evidence, n: int, seed: int) -> list[Suggestion]:
    """Propose by the models. Torch is loaded here and not before: it takes seconds."""
    from autolab.planners.isolation import isolated

    with isolated(seed):
        from autolab.planners.acquisition import Worth
        from autolab.planners.search import most_worth
        from autolab.planners.surrogate import predictions

        model, success = fitted(problem, evidence)
        worth = Worth(problem, evidence, model, success, seed % 2**31)
        found = most_worth(problem.space, worth, n, evidence, seed)
        encoded = problem.space.encode([point for point, _ in found])
        means, spreads = predictions(model, encoded)
        chances = success.probabilities(encoded) if success is not None else None
    rule = "improvement" if len(problem.objectives) == 1 else "hypervolume"
    suggestions = []
    for i, (point, value) in enumerate(found):
        info: dict[str, Any] = {"rule": rule, "predicted": _predicted(problem, means[i], spreads[i])}
        info |= {"gain": _exp(value), **_left_out(evidence)}
        if chances is not None:
            info["success"] = float(chances[i])
        suggestions.append(Suggestion(point, info))
    return suggestions


def _predicted(problem: Problem, means: Sequence[float], spreads: Sequence[float]) -> dict[str, dict[str, float]]:
    """Return mean and 95 % interval of each quantity, in the user's units."""
    return {
        name: {"mean": float(mean), "low": float(mean - WIDE * spread), "high": float(mean + WIDE * spread)}
        for name, mean, spread in zip(problem.outcome_names, means, spreads, strict=True)
    }


def _left_out(evidence: Evidence) -> dict[str, int]:
    return {"left_out": evidence.left_out} if evidence.left_out else {}


def _exp(value: float) -> float:
    return math.exp(min(value, 700.0))
