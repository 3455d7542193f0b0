"""Whether a model's intervals can be believed: cross-validation on the history."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from autolab.model.errors import InputError, PlannerError
from autolab.model.names import did_you_mean
from autolab.planners.evidence import is_learned_from
from autolab.planners.prediction import WIDE

if TYPE_CHECKING:
    from autolab.model.problem import Problem
    from autolab.model.trial import Trial
    from autolab.planners.prediction import Predict

Array = NDArray[np.float64]
Predictor = Callable[["Problem", Sequence["Trial"]], "Predict"]
"""Problem and history -> what predicts."""


@dataclass(frozen=True)
class Calibration:
    """How well trials are foretold by a model that was not shown them.

    Attributes:
        trials: How many were foretold.
        coverage: Quantity -> share of the measured values that lie within the model's 95 % interval for a
            measurement: near 0.95 where the model knows how much it does not know.
        error: Quantity -> root mean square of measured minus expected, in the quantity's unit.
        explained: Quantity -> 1 - error^2 / variance of the measured values: 1 is perfect, 0 no better than their
            mean, NaN where they are all the same.
        factor: Quantity -> what the intervals' width is to be multiplied by to hold 95 % (split conformal prediction,
            Vovk, Gammerman and Shafer 2005): above 1 where the model is too sure of itself.
    """

    trials: int
    coverage: Mapping[str, float]
    error: Mapping[str, float]
    explained: Mapping[str, float]
    factor: Mapping[str, float] = field(default_factory=dict)

    def likely(self, name: str) -> tuple[float, float]:
        """Return the true coverages that this one is compatible with (95 %, Wilson 1927).

        Raises:
            InputError: No such quantity was foretold.

        >>> low, high = Calibration(20, {"y": 0.95}, {"y": 0.1}, {"y": 0.9}).likely("y")
        >>> round(low, 2), round(high, 2)
        (0.76, 0.99)
        """
        if name not in self.coverage:
            msg = f"there is no quantity {name!r}: {did_you_mean(name, list(self.coverage))}"
            raise InputError(msg)
        n, share = self.trials, self.coverage[name]
        scale = 1 + WIDE**2 / n
        center = (share + WIDE**2 / (2 * n)) / scale
        half = WIDE / scale * math.sqrt(share * (1 - share) / n + WIDE**2 / (4 * n**2))
        return max(0.0, center - half), min(1.0, center + half)


def calibration(
    problem: Problem, history: Sequence[Trial], predictor: Predictor, *, folds: int = 10, seed: int = 0
) -> Calibration:
    """Return how well each trial is foretold by models fitted anew to the others.

    Trials at one and the same point are left out together: a repeat would foretell itself.

    Args:
        problem: Names the quantities.
        history: Trials that failed, or are of past campaigns, teach but are not foretold.
        predictor: Fits a model, such as `Bayes().predictor`.
        folds: Fits; each foretells about a `folds`-th of the trials.
        seed: Of the division.

    Raises:
        InputError: Fewer than 2 folds.
        PlannerError: Too few trials for a model.
    """
    if folds < 2:
        msg = f"cross-validation needs at least 2 folds, got {folds!r}"
        raise InputError(msg)
    groups = _groups(problem, history)
    folds = min(folds, len(groups))
    if folds < 2:
        msg = f"cross-validation needs completed trials at 2 points or more, there are {len(groups)}"
        raise PlannerError(msg)
    order = np.random.default_rng(seed).permutation(len(groups))
    rows: list[dict[str, tuple[float, float, float]]] = []
    for part in np.array_split(order, folds):
        left = [place for i in part for place in groups[i]]
        shown = [trial for place, trial in enumerate(history) if place not in set(left)]
        rows += _foretold(problem, [history[place] for place in left], predictor(problem, shown))
    return _summed(problem, rows)


def _groups(problem: Problem, history: Sequence[Trial]) -> list[list[int]]:
    """Return places of trials of this campaign that can be foretold, those at one point together."""
    found: dict[object, list[int]] = {}
    for place, trial in enumerate(history):
        if trial.source != "prior" and is_learned_from(problem, trial):
            found.setdefault(problem.space.key(trial.point), []).append(place)
    return list(found.values())


def _foretold(
    problem: Problem, trials: Sequence[Trial], predict: Predict
) -> list[dict[str, tuple[float, float, float]]]:
    """Return quantity -> (measured, expected, deviation of a measurement), one mapping a trial."""
    rows = []
    for trial, told in zip(trials, predict([trial.point for trial in trials]), strict=True):
        row = {}
        for name in problem.outcome_names:
            measured = trial.outcome[name]
            noise = told.noise_with(name, measured.standard_error)
            row[name] = (measured.value, told.mean[name], math.hypot(told.deviation[name], noise))
        rows.append(row)
    return rows


def _summed(problem: Problem, rows: list[dict[str, tuple[float, float, float]]]) -> Calibration:
    coverage, error, explained, factor = {}, {}, {}, {}
    for name in problem.outcome_names:
        measured, expected, deviation = np.array([row[name] for row in rows]).T
        coverage[name] = float(np.mean(np.abs(measured - expected) <= WIDE * deviation))
        error[name] = float(np.sqrt(np.mean((measured - expected) ** 2)))
        variance = float(np.var(measured))
        explained[name] = 1 - error[name] ** 2 / variance if variance > 0 else math.nan
        factor[name] = conformal(np.abs(measured - expected) / np.maximum(deviation, 1e-300))
    return Calibration(len(rows), coverage, error, explained, factor)


def conformal(z: Array) -> float:
    """Return what 95 % intervals must be multiplied by to hold 95 % of errors, told in standard deviations.

    The `ceil(0.95 (n + 1))`-th smallest of `n`; the greatest, where there are too few for that.
    """
    rank = min(len(z), math.ceil(0.95 * (len(z) + 1)))
    return float(np.sort(z)[rank - 1] / WIDE)
