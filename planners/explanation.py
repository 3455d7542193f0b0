"""Why this point: what a planner knew of a point, in numbers and in words."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from autolab.model.candidates import Candidates
from autolab.model.errors import OutsideSpace
from autolab.model.parameters import Categorical
from autolab.planners.sensitivity import ranked

if TYPE_CHECKING:
    from autolab.model.problem import Problem
    from autolab.model.space import Space
    from autolab.model.trial import Point, Trial
    from autolab.planners.calibration import Calibration
    from autolab.planners.prediction import Prediction

_NEAREST = 3


@dataclass(frozen=True)
class Neighbour:
    """A trial near the point.

    Attributes:
        trial: As history holds it.
        distance: Euclidean, each parameter scaled to 0..1; another category counts as 1.
    """

    trial: Trial
    distance: float


@dataclass(frozen=True)
class Explanation:
    """What a planner knew of a point before it was performed.

    Attributes:
        point: In the user's units.
        rule: Of the planner's dispatch, as `suggestion.info["rule"]` has it.
        because: Why that rule, in words.
        nearest: The nearest trials of the history, the nearest first; invalidated ones are left out.
        prediction: Mean and deviation of each quantity, and the probability of success; None without a model.
        gain: What the planner weighed the point by, as `suggestion.info["gain"]`: the expected improvement in the
            objective's unit (of hypervolume, for several), weighed by the probability of success and by what one measurement
            would explain; None without a model.
        kept: Probability that the outcome constraints hold, by each quantity's own interval; None without a model.
        importance: Quantity -> key of a point -> share of the expected variation (`sensitivity.importance`).
        calibration: Whether the intervals can be believed; None where it was not asked for or too few trials are known.
    """

    point: Point
    rule: str
    because: str
    nearest: tuple[Neighbour, ...] = ()
    prediction: Prediction | None = None
    gain: float | None = None
    kept: float | None = None
    importance: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    calibration: Calibration | None = None
    units: Mapping[str, str] = field(default_factory=dict)

    @property
    def feasible(self) -> float | None:
        """Probability that the experiment succeeds and keeps the outcome constraints; None without a model."""
        if self.prediction is None or self.kept is None:
            return None
        return self.kept * (1.0 if self.prediction.success is None else self.prediction.success)

    def interval(self, name: str) -> tuple[float, float] | None:
        """Return bounds that hold a quantity's value with 95 %: the model's, widened where cross-validation asks for it.

        None without a model.
        """
        if self.prediction is None:
            return None
        factor = 1.0 if self.calibration is None else max(1.0, self.calibration.factor.get(name, 1.0))
        low, high = self.prediction.interval(name)
        mean = self.prediction.mean[name]
        return mean - factor * (mean - low), mean + factor * (high - mean)

    def __str__(self) -> str:
        lines = [f"{_words(self.point)}", f"rule: {self.rule}: {self.because}"]
        if self.prediction is not None:
            lines += [self._expected(name) for name in self.prediction.mean]
        if self.gain is not None:
            lines.append(f"expected gain: {self.gain:.3g}")
        if self.feasible is not None:
            lines.append(f"probability of feasibility: {self.feasible:.2f}")
        lines += [f"near ({one.distance:.2g}): {one.trial}" for one in self.nearest]
        for name, shares in self.importance.items():
            told = ", ".join(f"{key} {share:.2f}" for key, share in ranked(shares))
            lines.append(f"what {name} depends on: {told}")
        return "\n".join([*lines, *self._calibrated()])

    def _expected(self, name: str) -> str:
        if self.prediction is None:
            return ""
        low, high = self.interval(name) or self.prediction.interval(name)
        unit = f" {self.units[name]}" if self.units.get(name) else ""
        return f"expected {name}: {self.prediction.mean[name]:.4g}{unit} ({low:.4g} to {high:.4g})"

    def _calibrated(self) -> list[str]:
        if self.calibration is None:
            return []
        told = self.calibration
        return [
            f"95 % intervals of {name} held {share:.0%} of {told.trials} trials left out in turn{_widened(told, name)}"
            for name, share in told.coverage.items()
        ]

    def to_json(self) -> dict[str, Any]:
        """Return all of it as JSON can hold it."""
        prediction = self.prediction
        return {
            "point": dict(self.point),
            "rule": self.rule,
            "because": self.because,
            "predicted": {}
            if prediction is None
            else {
                name: dict(zip(("mean", "low", "high"), (mean, *prediction.interval(name)), strict=True))
                for name, mean in prediction.mean.items()
            },
            "gain": self.gain,
            "feasible": self.feasible,
            "nearest": [
                {"trial": one.trial.number, "point": dict(one.trial.point), "distance": one.distance}
                for one in self.nearest
            ],
            "importance": {name: dict(shares) for name, shares in self.importance.items()},
            "calibrated": {} if prediction is None else {name: self.interval(name) for name in prediction.mean},
            "coverage": {} if self.calibration is None else dict(self.calibration.coverage),
        }


def explain_plainly(
    problem: Problem, history: Sequence[Trial], point: Point, *, rule: str, because: str
) -> Explanation:
    """Return what can be told of any planner's point: its rule and the trials around it.

    Raises:
        OutsideSpace: The point lacks a key, or names an unknown category.
    """
    return Explanation(dict(point), rule, because, nearest(problem.space, history, point), units=units_of(problem))


def units_of(problem: Problem) -> dict[str, str]:
    """Return the units that a problem tells of its quantities."""
    return {objective.name: objective.unit for objective in problem.objectives}


def nearest(
    space: Space | Candidates, history: Sequence[Trial], point: Point, count: int = _NEAREST
) -> tuple[Neighbour, ...]:
    """Return the `count` trials nearest to a point; those that were performed or refused, and not invalidated.

    Raises:
        OutsideSpace: The point lacks a key, or names an unknown category.
    """
    place = space.encode([point])[0]
    weights = _weights(space)
    found = []
    for trial in history:
        if trial.invalidated or trial.state not in {"completed", "failed", "rejected"}:
            continue
        try:
            with np.errstate(all="ignore"):  # a point may be far outside, or have no logarithm
                distance = float(np.sqrt((weights * (space.encode([trial.point])[0] - place) ** 2).sum()))
        except OutsideSpace:
            continue
        if math.isfinite(distance):
            found.append(Neighbour(trial, distance))
    return tuple(sorted(found, key=lambda one: one.distance)[:count])


def _weights(space: Space | Candidates) -> np.ndarray[Any, np.dtype[np.float64]]:
    """Return the weight of each encoded column: two one-hot columns differ for one change of category."""
    if isinstance(space, Candidates):
        texts = [any(isinstance(value, str) for value in space.table[name]) for name in space.names]
        widths = [len(set(space.table[name])) if text else 1 for name, text in zip(space.names, texts, strict=True)]
    else:
        texts = [isinstance(axis, Categorical) and axis.descriptors is None for axis in space.axes]
        widths = [axis.width for axis in space.axes]
    return np.repeat([0.5 if text else 1.0 for text in texts], widths)


def _widened(calibration: Calibration, name: str) -> str:
    factor = calibration.factor.get(name, 1.0)
    return f"; the one above is {factor:.2g} times as wide as the model's" if factor > 1 else ""


def _words(point: Point) -> str:
    return ", ".join(f"{k} = {v:.4g}" if isinstance(v, float) else f"{k} = {v}" for k, v in point.items())
