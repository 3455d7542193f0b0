"""`Bayes`: the default planner. Gaussian processes and expected improvement, on botorch.

What it does by what the problem is (`info["rule"]` says which):

| situation | rule |
|---|---|
| too few trials to learn from | `design`: space-filling points beside what is known |
| one objective | `improvement`: expected improvement on what the model expects where it measured (its log) |
| 2 to 4 | `hypervolume`: noisy expected hypervolume improvement (its log) |
| more | `scalarized`: noisy expected improvement of their sum weighed at random (its log) |
| past campaigns, or a mean that is trusted | a model from the first point on; `info["prior"]` tells how far |
| the fit or the search fails | `design`, and `info["fallback"]` says why |

Outcome constraints weigh the improvement by the probability that they hold; failed and rejected trials by the
probability of success that they teach; and what a trial costs (`Problem.cost`) divides it. A table of candidates is
searched whole.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, ClassVar

from autolab.model.errors import AutolabError, InputError, PlannerError
from autolab.model.names import did_you_mean
from autolab.model.suggestion import Suggestion
from autolab.planners.batches import as_batch, previous_of
from autolab.planners.belief import sampled
from autolab.planners.calibration import Calibration, calibration
from autolab.planners.checks import check_initial
from autolab.planners.designs import designed, fallback
from autolab.planners.evidence import gather
from autolab.planners.explaining import explain
from autolab.planners.explanation import Explanation, explain_plainly
from autolab.planners.prediction import Prediction, predictions_of, predictor, trends_for
from autolab.planners.stated import Mean, check_means, named
from autolab.planners.stopping import regret_bound

if TYPE_CHECKING:
    from autolab.model.problem import Problem
    from autolab.model.trial import Point, Trial
    from autolab.planners.belief import Belief
    from autolab.planners.evidence import Evidence
    from autolab.planners.prediction import Predict

log = logging.getLogger(__name__)

FEW = 3
"""Trials before models are trusted: measured beside 2, and as many as there are keys (decision 0022)."""
LED = 1
"""Trials by which what was known beforehand is found out to mislead: a design of as many more is made then, for they
lie where it led."""


@dataclass(frozen=True)
class Pinned:
    """The settings of a `Bayes` as a journal has them."""

    initial: int | None


@dataclass(frozen=True)
class PinnedWithMean(Pinned):
    """The same, with means as texts."""

    mean: Mapping[str, str]


@dataclass(frozen=True)
class Bayes:
    """Bayesian optimization; pure: the same arguments give the same points in any process.

    A point that history holds, or that is pending, is not proposed again (an invalidated trial does not count).

    Attributes:
        initial: Trials (completed or failed) before models are trusted; None for 3. Where every quantity
            has a past campaign or a mean that is trusted, models are from the start.
        mean: Quantity -> what is expected of it before any trial: a formula of keys of the point, such as
            `3 * a + log10(b)`, or a function of a point, pure (not in a campaign's file). The model follows it up to a
            factor and an offset, and leaves it where trials contradict.
    """

    initial: int | None = None
    mean: Mapping[str, Mean] | None = field(default=None, hash=False)
    apart: ClassVar[bool] = True  # trials of past campaigns are sources, and no trials of this one

    def __post_init__(self) -> None:
        check_means(self.mean or {})
        check_initial(self.initial)

    @property
    def settings(self) -> Pinned:
        """What a journal pins: a function by its name, for its code cannot be written down."""
        if not self.mean:
            return Pinned(self.initial)
        return PinnedWithMean(self.initial, {name: named(mean) for name, mean in self.mean.items()})

    @as_batch
    def suggest(
        self, problem: Problem, history: Sequence[Trial], *, n: int, pending: Sequence[Point] = (), seed: int
    ) -> list[Suggestion]:
        """Return `n` distinct points.

        Raises:
            InputError: A mean names an unknown quantity or key, or is not defined where something was measured.
            PlannerError: Fewer than `n` points are left in the space.
            ValueError: `n` is less than 1.
        """
        evidence = self._gathered(problem, history, pending)
        few = self._too_few(evidence)
        if few and not self._knows(problem, evidence):
            return designed(problem, evidence, n, seed, {}, centered=True)
        try:
            early = self._early(evidence)
            return _modelled(problem, evidence, n, seed, previous_of(history, pending), self.mean, early=early)
        except AutolabError:
            raise
        except Exception as error:  # numerical trouble must not end a campaign
            log.warning("the model could not propose; a space-filling point is taken instead", exc_info=True)
            return designed(problem, evidence, n, seed, fallback(error), centered=True)

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
        return predictor(problem, self._telling(problem, history), self.mean)

    def explain(
        self,
        problem: Problem,
        history: Sequence[Trial],
        point: Point,
        *,
        pending: Sequence[Point] = (),
        seed: int,
        folds: int = 10,
    ) -> Explanation:
        """Return why `suggest`, given the same history, pending points and seed, would choose a point, or would not.

        For the second point of a batch, those before it belong to `pending`.

        Args:
            problem: Goals and outcome constraints.
            history: As given to `suggest`.
            point: Any point that can be encoded, also one that no planner proposed.
            pending: As given to `suggest`.
            seed: As given to `suggest`.
            folds: Of the cross-validation that tells whether the intervals can be believed; 0 to leave it out, which
                is faster: each fold is a fit.

        Raises:
            OutsideSpace: The point lacks a key, or names an unknown category.
        """
        evidence = self._gathered(problem, history, pending)
        problem.space.encode([point])
        few = self._too_few(evidence)
        if few and not self._knows(problem, evidence):
            return explain_plainly(problem, history, point, rule="design", because=self._untrusted(evidence))
        try:
            belief, gain = _believed(problem, evidence, point, seed, self.mean)
        except AutolabError:
            raise
        except Exception as error:  # as in `suggest`
            told = f"no model could be made: {type(error).__name__}: {error}; a space-filling point is taken instead"
            return explain_plainly(problem, history, point, rule="design", because=told[:500])

        if belief.misled and self._early(evidence):
            told = f"what is known beforehand does not foretell the trials: a design up to {self._enough + LED} trials"
            return explain_plainly(problem, history, point, rule="design", because=told)

        def predict(points: Sequence[Point]) -> list[Prediction]:
            return predictions_of(problem, belief.models, belief.success, points)

        return explain(
            problem,
            history,
            point,
            rule=belief.rule,
            gain=gain,
            predict=predict,
            predictor=self.predictor,
            folds=folds,
            seed=seed,
            slips=belief.evidence.slips,
            stretched=belief.stretched,
            margin=belief.margin,
        )

    def calibration(self, problem: Problem, history: Sequence[Trial], *, folds: int = 10, seed: int = 0) -> Calibration:
        """Return how well models that are not shown a trial foretell it: see `calibration.calibration`.

        Raises:
            PlannerError: Too few trials for a model.
        """
        return calibration(problem, history, self.predictor, folds=folds, seed=seed)

    def regret(self, problem: Problem, history: Sequence[Trial], *, seed: int, probability: float = 0.95) -> float:
        """Return what the best trial lacks of the optimum at most, with a probability, in the objective's unit.

        See `stopping.regret_bound`.

        Raises:
            InputError: Several objectives, or a probability outside of 0..1.
            PlannerError: Too few trials for a model, none fits them, or none keeps the outcome constraints.
        """
        evidence = self._telling(problem, history)
        try:
            return regret_bound(problem, evidence, probability, seed, self.mean)
        except AutolabError:
            raise
        except Exception as error:
            msg = f"no model fits the {len(evidence.x)} completed trials: {type(error).__name__}: {error}"
            raise PlannerError(msg) from error

    def _gathered(self, problem: Problem, history: Sequence[Trial], pending: Sequence[Point]) -> Evidence:
        for name in self.mean or {}:
            if name not in problem.outcome_names:
                msg = f"mean: there is no quantity {name!r}: {did_you_mean(name, problem.outcome_names)}"
                raise InputError(msg)
        if self.mean:
            from autolab.planners.stated import Stated

            for name, mean in self.mean.items():
                Stated(name, mean, problem.space).check_space()
        return gather(problem, history, pending, apart=True)

    def _telling(self, problem: Problem, history: Sequence[Trial]) -> Evidence:
        """Return evidence that is enough for a model.

        Raises:
            PlannerError: It is not.
        """
        evidence = self._gathered(problem, history, ())
        if self._too_few(evidence) and not self._knows(problem, evidence):
            raise PlannerError(self._untrusted(evidence))
        return evidence

    def _knows(self, problem: Problem, evidence: Evidence) -> bool:
        """Return whether something is known of every quantity before the first trial."""
        if sampled(problem):
            return False
        if not self.mean and not evidence.sources:
            return False
        from autolab.planners.isolation import isolated

        try:
            with isolated(0):
                return all(trends_for(problem, evidence, self.mean))
        except AutolabError:
            raise
        except Exception:  # numerical trouble with a past campaign must not end this one
            log.warning("past campaigns could not be learned from", exc_info=True)
            return False

    def _untrusted(self, evidence: Evidence) -> str:
        return (
            f"no model is trusted before {self._enough} trials, 2 of them completed; "
            f"there are {len(evidence.x)} completed and {len(evidence.failed)} failed or rejected ones"
        )

    def _too_few(self, evidence: Evidence) -> bool:
        return len(evidence.x) < 2 or len(evidence.x) + len(evidence.failed) < self._enough

    def _early(self, evidence: Evidence) -> bool:
        """Return whether a design is made where what was known beforehand turns out to mislead."""
        return len(evidence.x) + len(evidence.failed) < self._enough + LED

    @property
    def _enough(self) -> int:
        return self.initial if self.initial is not None else FEW


def _modelled(
    problem: Problem,
    evidence: Evidence,
    n: int,
    seed: int,
    previous: Point | None,
    means: Mapping[str, Mean] | None,
    *,
    early: bool,
) -> list[Suggestion]:
    """Propose by the models. SciPy is loaded here and not before: it takes a second.

    Early, a design is made where what is known beforehand turns out to mislead.
    """
    from autolab.planners.belief import Belief
    from autolab.planners.field import Toll
    from autolab.planners.isolation import isolated
    from autolab.planners.search import most_worth

    toll = None if problem.cost is None else Toll(problem.cost, previous)
    with isolated(seed, torch=sampled(problem)):
        belief = Belief.learned(problem, evidence, seed, means)
        if early and belief.misled:
            return designed(problem, evidence, n, seed, {"prior": belief.trusted}, centered=True)
        found = most_worth(problem.space, belief.worth, n, evidence, seed, toll)
        points, worths = zip(*found, strict=True)
        infos = belief.infos(points, belief.gains_in_turn(points) if belief.margin else worths)
    return [Suggestion(point, info) for point, info in zip(points, infos, strict=True)]


def _believed(
    problem: Problem, evidence: Evidence, point: Point, seed: int, means: Mapping[str, Mean] | None
) -> tuple[Belief, float]:
    """Return the models that `suggest` would choose by, and the worth of a point."""
    from autolab.planners.belief import Belief
    from autolab.planners.isolation import isolated

    with isolated(seed, torch=sampled(problem)):
        belief = Belief.learned(problem, evidence, seed, means)
        (info,) = belief.infos([point], belief.gains([point]))
    return belief, float(info["gain"])
