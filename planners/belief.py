"""What `Bayes` believes once it has learned: the models, the worth of a point, and what it tells of it.

`suggest` and `explain` both go through here, so that an explanation cannot differ from what was done.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from autolab.planners.explaining import rule_of
from autolab.planners.prediction import WIDE, fitted, kind_of, kind_tried, margin_asked

if TYPE_CHECKING:
    from autolab.model.problem import Problem
    from autolab.model.trial import Point
    from autolab.planners.evidence import Evidence
    from autolab.planners.feasibility import Success
    from autolab.planners.field import Worth
    from autolab.planners.output_warping import Warped
    from autolab.planners.stated import Mean
    from autolab.planners.surrogate import Models

_SUREST = 1.0 - 1e-7  # what one of two models counts at most: its logarithm must have a counterpart


@dataclass(frozen=True)
class Belief:
    """Fitted models and what they make of points.

    Attributes:
        problem: Goals and outcome constraints.
        evidence: What was learned from.
        models: Of all quantities.
        success: Probability of success; None while nothing has failed.
        worth: Of a point, with what is pending counted in.
        gain: The worth without the margin that is asked for: what is told of a point.
        warped: The objective on the scale on which points are weighed; None for its own.
        margin: By how much the best is to be surpassed, in the objective's unit.
    """

    problem: Problem
    evidence: Evidence
    models: Models
    success: Success | None
    worth: Worth
    gain: Worth
    warped: Warped | None
    margin: float = 0.0

    @classmethod
    def learned(
        cls, problem: Problem, evidence: Evidence, seed: int, means: Mapping[str, Mean] | None = None
    ) -> Belief:
        """Fit the models. To be called where numerical work is isolated, with the same seed."""
        from autolab.planners.slips import without_slips

        kind, margin = kind_tried(problem, evidence), 0.0 if sampled(problem) else margin_asked(problem, evidence)
        evidence = without_slips(problem, evidence)
        models, success = fitted(problem, evidence, means, kind)
        bent = None
        if not sampled(problem):
            from autolab.planners.output_warping import warped

            bent = warped(problem, evidence, models)
        gain = worth = worth_of(problem, evidence, models, success, seed, bent)
        if margin:
            worth = worth_of(problem, evidence, models, success, seed, bent, margin)
        unit = models.each[0].scale if bent is None else bent.unit
        return cls(problem, evidence, models, success, worth, gain, bent, margin * unit)

    @property
    def rule(self) -> str:
        """The rule of the dispatch that points are chosen by."""
        return rule_of(self.problem)

    @property
    def trusted(self) -> dict[str, dict[str, Any]]:
        """Quantity -> how far what was known beforehand is trusted; quantities of which something was."""
        named = zip(self.problem.outcome_names, self.models.each, strict=True)
        return {
            name: {"weight": one.trust.weight, "followed": one.trust.followed, "factors": list(one.trust.factors)}
            for name, one in named
            if one.trust is not None
        }

    @property
    def besides(self) -> dict[str, float]:
        """Quantity -> standard deviation of the noise learned besides told standard errors; quantities that have some."""
        found = zip(self.problem.outcome_names, self.models.each, strict=True)
        return {name: one.besides for name, one in found if one.besides}

    @property
    def stretched(self) -> dict[str, dict[str, float]]:
        """Quantity -> encoded column -> warp of its axis (see `input_warping`); those that are warped."""
        found = {}
        for name, one in zip(self.problem.outcome_names, self.models.each, strict=True):
            warps = one.process.hyper.warps
            if warps is not None:
                told = zip(self.problem.space.columns, warps.tolist(), strict=True)
                found[name] = {column: b for column, b in told if b}
        return found

    @property
    def misled(self) -> bool:
        """Whether what was known of any quantity beforehand does not foretell its trials."""
        return any(one.trust is not None and not one.trust.followed for one in self.models.each)

    def gains(self, points: Sequence[Point]) -> list[float]:
        """Return the log of the gain that is expected of each point."""
        return [float(one) for one in self.gain.values(self.problem.space.encode(points))]

    def gains_in_turn(self, points: Sequence[Point]) -> list[float]:
        """Return the same, each point with those before it under way; from then on all of them are."""
        found = []
        for point in points:
            found += self.gains([point])
            self.gain.add_pending(self.problem.space.encode([point]))
        return found

    def infos(self, points: Sequence[Point], gains: Sequence[float]) -> list[dict[str, Any]]:
        """Return what a suggestion tells of each point.

        Args:
            points: In the user's units.
            gains: The log of the gain that is expected of each.
        """
        encoded = self.problem.space.encode(points)
        means, spreads = self.models.widened(encoded)
        chances = self.success.probabilities(encoded) if self.success is not None else None
        trusted, kind = self.trusted, self.models.each[0].kind
        besides, stretched = self.besides, self.stretched
        told = []
        for i, gain in enumerate(gains):
            info: dict[str, Any] = {"rule": self.rule, "predicted": self._predicted(means[i], spreads[i])}
            info |= {"gain": math.exp(min(gain, 700.0)), **self.evidence.not_used}
            if kind != kind_of(self.problem.space):
                info["supposed"] = str(kind)
            if self.margin:
                info["margin"] = self.margin
            if besides:
                info["noise_besides"] = besides
            if stretched:
                info["input_warped"] = stretched
            if self.warped is not None and self.warped.power is not None:
                info["warped"] = self.warped.power
            if self.warped is not None and self.warped.drawn_in:
                info["drawn_in"] = self.warped.drawn_in
            if self.evidence.slips:
                info["slips"] = [dict(point) for point in self.evidence.slips]
            if trusted:
                info["prior"] = trusted
            if chances is not None:
                info["success"] = float(chances[i])
            told.append(info)
        return told

    def _predicted(self, means: Sequence[float], spreads: Sequence[float]) -> dict[str, dict[str, float]]:
        """Return mean and 95 % interval of each quantity, in the user's units."""
        return {
            name: {"mean": float(mean), "low": float(mean - WIDE * spread), "high": float(mean + WIDE * spread)}
            for name, mean, spread in zip(self.problem.outcome_names, means, spreads, strict=True)
        }


def sampled(problem: Problem) -> bool:
    """Return whether the worth of a point has no closed form, and needs torch."""
    return len(problem.objectives) > 1 or problem.objectives[0].target is not None


def worth_of(
    problem: Problem,
    evidence: Evidence,
    models: Models,
    success: Success | None,
    seed: int,
    warped: Warped | None = None,
    margin: float = 0.0,
) -> Worth:
    """Return what points are worth: in closed form where there is one, else by samples (and then without a margin)."""
    seed %= 2**31
    if not sampled(problem):
        from autolab.planners.improvement import Improvement, Weighed

        if warped is not None:
            return Improvement(problem, evidence, warped.models, success, seed, warped.unit, margin)
        first = Improvement(problem, evidence, models, success, seed, margin=margin)
        if models.others is None:
            return first
        other = Improvement(problem, evidence, models.others, success, seed, margin=margin)
        return Weighed(first, other, min(models.weight, _SUREST))
    from autolab.planners.acquisition import Sampled

    return Sampled(problem, evidence, models, success, seed)
