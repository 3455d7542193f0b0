"""`Preference`: what people find better, where no number says it. A Gaussian process on comparisons of two trials."""

from __future__ import annotations

import logging
import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import TYPE_CHECKING, Any

import numpy as np

from autolab.model.errors import AutolabError, PlannerError
from autolab.model.suggestion import Suggestion
from autolab.planners.batches import as_batch, previous_of
from autolab.planners.bayes import FEW, Bayes
from autolab.planners.comparisons import Comparisons, comparisons
from autolab.planners.designs import designed, fallback
from autolab.planners.explanation import Explanation, explain_plainly

if TYPE_CHECKING:
    from autolab.model.problem import Problem
    from autolab.model.trial import Point, Trial

log = logging.getLogger(__name__)

_LEAST = 3
"""Comparisons, and trials in them, before a model of them is trusted with a point."""
_ASKED = 500
"""Pairs that are weighed for the next question: those that promise most."""


@dataclass(frozen=True)
class Preference:
    """Optimization by comparisons: a person says which of two trials is better. Pure.

    Where the best one shows to the eye, the tongue or the hand, and no number tells it. What was measured is not used:
    goals and outcome constraints of the problem do not matter, and a trial need only be completed. A problem needs an
    objective all the same: name any quantity that is measured anyway.

    It takes `trial.better_than` of the history: `autolab prefer` in a campaign, `Trial.preferred_to` by hand. A trial
    that nobody has compared yet counts as under way.

    Attributes:
        initial: Trials (completed or failed) before the model is trusted; None for 3. It also needs 3
            comparisons among 3 trials.
    """

    initial: int | None = None

    def __post_init__(self) -> None:
        Bayes(self.initial)

    @as_batch
    def suggest(
        self, problem: Problem, history: Sequence[Trial], *, n: int, pending: Sequence[Point] = (), seed: int
    ) -> list[Suggestion]:
        """Return `n` distinct points.

        Raises:
            PlannerError: Fewer than `n` points are left in the space.
            ValueError: `n` is less than 1.
        """
        compared = comparisons(problem, history, pending)
        if self._untrusted(compared):
            return designed(problem, compared.evidence, n, seed, {}, centered=True)
        try:
            return _modelled(problem, compared, n, seed, previous_of(history, pending))
        except AutolabError:
            raise
        except Exception as error:  # numerical trouble must not end a campaign
            log.warning("the model could not propose; a space-filling point is taken instead", exc_info=True)
            return designed(problem, compared.evidence, n, seed, fallback(error), centered=True)

    def question(self, problem: Problem, history: Sequence[Trial], *, seed: int) -> tuple[Trial, Trial] | None:
        """Return the two completed trials whose comparison tells most of which is best; None where all are compared.

        That of which the better one is expected to be best (EUBO: Lin et al. 2022). Before the first comparison: the first
        two. Trials of past campaigns and those without a number are not asked about.

        Args:
            problem: As for `suggest`.
            history: As for `suggest`.
            seed: Of numerical work.
        """
        compared = comparisons(problem, history)
        pairs = _open_pairs(compared)
        if not pairs:
            return None
        first, second = _most_telling(compared, pairs, seed) if len(compared.pairs) else pairs[0]
        return compared.trials[first], compared.trials[second]

    def ranked(self, problem: Problem, history: Sequence[Trial], *, seed: int) -> list[Trial]:
        """Return the completed trials that were compared, the one that is expected to be best first.

        Args:
            problem: As for `suggest`.
            history: As for `suggest`.
            seed: Of numerical work.

        Raises:
            PlannerError: Nothing was compared, or no model fits the comparisons.
        """
        compared = comparisons(problem, history)
        if not len(compared.pairs):
            msg = "no two completed trials were compared, so none is known to be better"
            raise PlannerError(msg)
        try:
            means, _ = _beliefs(compared, seed)
        except Exception as error:
            msg = f"no model fits the {len(compared.pairs)} comparisons: {type(error).__name__}: {error}"
            raise PlannerError(msg) from error
        return [compared.trials[row] for row in sorted(compared.rows, key=lambda row: -means[row])]

    def explain(
        self,
        problem: Problem,
        history: Sequence[Trial],
        point: Point,
        *,
        pending: Sequence[Point] = (),
        seed: int,
        folds: int = 0,
    ) -> Explanation:
        """Return by which rule `suggest` would choose a point, and the trials around it.

        Args:
            problem: As given to `suggest`.
            history: As given to `suggest`.
            point: Any point that can be encoded.
            pending: As given to `suggest`.
            seed: As given to `suggest`; it makes no difference here.
            folds: Nothing is cross-validated: the utility has no unit.

        Raises:
            OutsideSpace: The point lacks a key, or names an unknown category.
        """
        compared = comparisons(problem, history, pending)
        missing = self._untrusted(compared)
        if missing:
            return explain_plainly(problem, history, point, rule="design", because=missing)
        because = f"the point whose utility is expected to gain most, by {_told(compared)}"
        return explain_plainly(problem, history, point, rule="preference", because=because)

    def _untrusted(self, compared: Comparisons) -> str:
        """Return what the model lacks to be trusted; nothing where it is."""
        evidence = compared.evidence
        enough = self.initial if self.initial is not None else FEW
        done = len(evidence.x) + len(evidence.failed)
        if done >= enough and len(compared.pairs) >= _LEAST and len(compared.rows) >= _LEAST:
            return ""
        return (
            f"no model is trusted before {enough} trials and {_LEAST} comparisons among {_LEAST} of them; "
            f"there are {done} trials and {_told(compared)}"
        )


def _told(compared: Comparisons) -> str:
    count = len(compared.pairs)
    return f"{count} comparison{'s' * (count != 1)} among {len(compared.rows)} trials"


def _modelled(problem: Problem, compared: Comparisons, n: int, seed: int, previous: Point | None) -> list[Suggestion]:
    """Propose by the model. Torch is loaded here and not before: it takes seconds."""
    from autolab.planners.field import Toll
    from autolab.planners.isolation import isolated
    from autolab.planners.search import most_worth

    toll = None if problem.cost is None else Toll(problem.cost, previous)
    with isolated(seed, torch=True):
        from autolab.planners.utility import Gain, Utility

        worth = Gain(compared, Utility(compared), seed % 2**31)
        found = most_worth(problem.space, worth, n, compared.evidence, seed, toll)
        success = worth.success
        points = [point for point, _ in found]
        chances = None if success is None else success.probabilities(problem.space.encode(points))
    suggestions = []
    for i, (point, gained) in enumerate(found):
        info: dict[str, Any] = {"rule": "preference", "utility_gain": math.exp(min(gained, 700.0))}
        info |= {"comparisons": len(compared.pairs), **compared.evidence.not_used}
        suggestions.append(Suggestion(point, info if chances is None else {**info, "success": chances[i]}))
    return suggestions


def _beliefs(compared: Comparisons, seed: int) -> tuple[Any, Any]:
    """Return mean and standard deviation of each completed trial's utility, `n` each."""
    from autolab.planners.isolation import isolated

    with isolated(seed, torch=True):
        from autolab.planners.utility import Utility

        return Utility(compared).beliefs()


def _open_pairs(compared: Comparisons) -> list[tuple[int, int]]:
    """Return pairs of rows that a person can be asked about and was not."""
    said = {tuple(sorted(int(row) for row in pair)) for pair in compared.pairs}
    askable = [row for row, trial in enumerate(compared.trials) if trial.number and trial.source != "prior"]
    return [pair for pair in combinations(askable, 2) if pair not in said and compared.apart(*pair)]


def _most_telling(compared: Comparisons, pairs: list[tuple[int, int]], seed: int) -> tuple[int, int]:
    """Return the pair whose comparison tells most; the first, where no model fits what was said so far."""
    from autolab.planners.isolation import isolated

    try:
        with isolated(seed, torch=True):
            from autolab.planners.utility import Utility

            utility = Utility(compared)
            means, deviations = utility.beliefs()
            hopes = means + 2 * deviations
            promising = sorted(pairs, key=lambda pair: -(hopes[pair[0]] + hopes[pair[1]]))[:_ASKED]
            return promising[int(np.argmax(utility.worth_asking(promising)))]
    except Exception:
        log.warning("the model could not weigh questions; the first open one is asked", exc_info=True)
        return pairs[0]
