"""What history tells a planner: measured points, failed points, and points not to propose again.

Notation: `n` usable trials, `f` failed ones, `p` pending points, `d` encoded columns, `m` measured quantities.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from autolab.model.errors import InputError, OutsideSpace
from autolab.model.ranges import TOLERANCE

if TYPE_CHECKING:
    from autolab.model.problem import Problem
    from autolab.model.trial import Point, Trial, Value

Array = NDArray[np.float64]
Places = NDArray[np.int64]
FAR = 10.0
"""How many ranges outside of its bounds a parameter may lie for a trial to be learned from: a slip of units is farther."""
_MOST = 1200
"""Trials that a model is made of; of more, those best by each objective (a quarter), and others at random."""
_OF_A_SOURCE = 300
"""Trials of a past campaign that its model is made of: it is asked as often as the campaign's own."""
_HAIR = 1e-3
"""Share of the way from the bad quartile to the best by which a better trial is better: beside the best many are by less."""
STALLED = 3
"""Trials without a better one after which nothing gets better."""
_UNDER_WAY = frozenset({"proposed", "in_review", "approved", "running", "held"})


@dataclass(frozen=True)
class Evidence:
    """History in numbers.

    Attributes:
        x: `n x d`, encoded points of usable trials.
        y: `n x m`, their measurements, in the order of `problem.outcome_names`.
        error: `n x m`, standard errors; NaN where unknown.
        points: The `n` points.
        failed: `f x d`, encoded points where the experiment failed or was rejected.
        pending: `p x d`, encoded points under way.
        taken: Keys of all points tried or under way: not to be proposed again.
        streak: How many of the last trials failed in a row.
        stall: How many trials were measured since one was better, by more than a hair; 0 with several objectives.
        left_out: How many trials and pending points could not be used, for a quantity that is missing or not finite, or
            a point of another space or far away from it.
        aside: How many could have been used, but are too many for a model: see `_MOST`.
        slips: Points of trials that are left aside because their value must be wrong; see `slips`.
        sources: What past campaigns tell, one each, where they are kept apart.
    """

    x: Array
    y: Array
    error: Array
    points: tuple[Point, ...]
    failed: Array
    pending: Array
    taken: frozenset[tuple[Value, ...]]
    streak: int
    left_out: int
    aside: int = 0
    stall: int = 0
    slips: tuple[Point, ...] = ()
    sources: tuple[Evidence, ...] = ()

    @property
    def known(self) -> Array:
        """All encoded points tried or under way, `(n + f + p) x d`."""
        return np.vstack([self.x, self.failed, self.pending])

    @property
    def inside(self) -> NDArray[np.bool_]:
        """Which measured points lie within the bounds, `n`; all of them where none does.

        What lies outside is learned from, but nothing that is proposed can be there: it is not what is to be surpassed.
        """
        within = np.asarray((np.abs(self.x - 0.5) <= 0.5 + TOLERANCE).all(axis=1))
        return within if within.any() else np.ones(len(self.x), dtype=bool)

    def only(self, kept: Places) -> Evidence:
        """Return the same of some of the measured trials; what is taken stays whole."""
        return replace(
            self,
            x=self.x[kept],
            y=self.y[kept],
            error=self.error[kept],
            points=tuple(self.points[i] for i in kept),
        )

    @property
    def stalled(self) -> bool:
        """Whether nothing got better for so long that the model is to be doubted."""
        return self.stall >= STALLED

    @property
    def not_used(self) -> dict[str, int]:
        """What a suggestion tells of trials that its model is not made of: those left out or aside, if any."""
        told = {"left_out": self.left_out, "aside": self.aside}
        return {name: count for name, count in told.items() if count}


def gather(
    problem: Problem, history: Sequence[Trial], pending: Sequence[Point], *, apart: bool = False, most: int = _MOST
) -> Evidence:
    """Return what `history` and `pending` tell about `problem`.

    Invalidated trials count for nothing. A trial of this history that is under way counts as pending. A point that
    cannot be encoded (a missing key, an unknown category) is left out, and so is one more than `FAR` ranges outside its bounds, as where units were mixed up; one
    nearer outside the bounds is kept as knowledge. An outcome that is not a finite number is left out.

    Args:
        problem: Names the quantities.
        history: Trials.
        pending: Points under way.
        apart: Whether trials of past campaigns (source `prior`) are no trials of this one, but sources of their own:
            one for each `campaign` in their `info`, all that tell none together. Their points are not taken.
        most: Trials that a model is made of.
    """
    _check(problem, history)
    if apart:
        own = gather(problem, [trial for trial in history if trial.source != "prior"], pending)
        return replace(own, sources=tuple(gather(problem, trials, (), most=_OF_A_SOURCE) for trials in past(history)))
    names = problem.outcome_names
    columns = len(problem.space.columns)
    told = [trial for trial in history if not trial.invalidated]
    placed = _placed(problem, [trial.point for trial in told])
    usable, failed, waiting, left_out = [], [], list(pending), 0
    for trial, has_place in zip(told, placed, strict=True):
        if not has_place:
            left_out += 1
        elif _is_measured(problem, trial):
            usable.append(trial)
        elif trial.state in {"failed", "rejected"}:
            failed.append(trial.point)
        elif trial.state in _UNDER_WAY:
            waiting.append(trial.point)
        else:
            left_out += 1
    waits = _placed(problem, waiting)
    left_out += waits.count(False)
    waiting = [point for point, has_place in zip(waiting, waits, strict=True) if has_place]
    seen = [trial.point for trial, has_place in zip(told, placed, strict=True) if has_place] + waiting
    values = [[trial.outcome[name] for name in names] for trial in usable]
    errors = [[np.nan if one.standard_error is None else one.standard_error for one in row] for row in values]
    evidence = Evidence(
        x=_encoded(problem, [trial.point for trial in usable], columns),
        y=np.array([[one.value for one in row] for row in values], dtype=float).reshape(len(usable), len(names)),
        error=np.array(errors, dtype=float).reshape(len(usable), len(names)),
        points=tuple(trial.point for trial in usable),
        failed=_encoded(problem, failed, columns),
        pending=_encoded(problem, _distinct(problem, waiting), columns),
        taken=frozenset(problem.space.key(point) for point in seen),
        streak=_streak(told),
        left_out=left_out,
        stall=_stall(problem, usable),
    )
    return _thinned(problem, evidence, most)


def _check(problem: Problem, history: Sequence[Trial]) -> None:
    """Refuse what is no problem, and a history of anything but trials.

    Raises:
        InputError: The message says what it is.
    """
    from autolab.model.problem import Problem
    from autolab.model.trial import Trial

    if not isinstance(problem, Problem):
        msg = f"a planner is asked about a Problem, got {problem!r}; make one: Problem(space, objectives)"
        raise InputError(msg)
    for place, trial in enumerate(history):
        if not isinstance(trial, Trial):
            msg = f"history[{place}] must be a Trial, got {trial!r}; make one: Trial.completed(point, outcome)"
            raise InputError(msg)


def past(history: Sequence[Trial]) -> list[list[Trial]]:
    """Return the trials of past campaigns, those of one campaign together."""
    found: dict[str, list[Trial]] = {}
    for trial in history:
        if trial.source == "prior":
            found.setdefault(str(trial.info.get("campaign", "")), []).append(trial)
    return list(found.values())


def _thinned(problem: Problem, evidence: Evidence, most: int) -> Evidence:
    """Return evidence of no more trials than a model is made of."""
    kept, failed = _chosen(problem, evidence.y, most), even(len(evidence.failed), most // 2)
    aside = len(evidence.x) - len(kept) + len(evidence.failed) - len(failed)
    if not aside:
        return evidence
    return replace(evidence.only(kept), failed=evidence.failed[failed], aside=aside)


def _chosen(problem: Problem, y: Array, most: int) -> Places:
    if len(y) <= most:
        return np.arange(len(y))
    share = most // (4 * len(problem.objectives))
    best: set[int] = set()
    for i, objective in enumerate(problem.objectives):
        worth = np.array([objective.utility(value) for value in y[:, i]])
        best.update(int(one) for one in np.argsort(-worth, kind="stable")[:share])
    others = np.array([i for i in range(len(y)) if i not in best])
    return np.sort(np.concatenate([sorted(best), others[even(len(others), most - len(best))]]).astype(int))


def even(n: int, most: int) -> Places:
    """Return `most` of `n` places at random, always the same ones; all where they are fewer."""
    return np.arange(n) if n <= most else np.sort(np.random.default_rng(n).permutation(n)[:most])


def _stall(problem: Problem, trials: Sequence[Trial]) -> int:
    if len(problem.objectives) > 1:
        return 0
    worth = [problem.utilities(one.outcome)[0] if problem.feasible(one.outcome) else -math.inf for one in trials]
    if not worth:
        return 0
    told = [one for one in worth if one > -math.inf]
    hair = _HAIR * (max(told) - float(np.quantile(told, 0.25))) if told else 0.0
    last, surpassed = 0, -math.inf
    for i, one in enumerate(worth):
        if one > surpassed + hair:
            last, surpassed = i, one
    return len(worth) - 1 - last


def _streak(trials: Sequence[Trial]) -> int:
    ended = [trial.state for trial in trials if trial.state in {"completed", "failed", "rejected"}]
    return next((i for i, state in enumerate(reversed(ended)) if state == "completed"), len(ended))


def is_learned_from(problem: Problem, trial: Trial) -> bool:
    """Return whether the outcome of a trial is: every quantity a finite number, at a point with a place."""
    return _is_measured(problem, trial) and _placed(problem, [trial.point])[0]


def _is_measured(problem: Problem, trial: Trial) -> bool:
    if not trial.usable or problem.missing(trial.outcome):
        return False
    return all(math.isfinite(trial.outcome[name].value) for name in problem.outcome_names)


def _placed(problem: Problem, points: Sequence[Point]) -> list[bool]:
    """Return which points can be learned from: those that have a place, not far away from the space."""
    if not points:
        return []
    try:
        with np.errstate(all="ignore"):
            encoded = problem.space.encode(points)
    except OutsideSpace:  # one of them: which?
        if len(points) == 1:
            return [False]
        half = len(points) // 2
        return _placed(problem, points[:half]) + _placed(problem, points[half:])
    return [bool((np.abs(row - 0.5) <= FAR + 0.5).all()) for row in encoded]  # false for NaN


def _encoded(problem: Problem, points: Sequence[Point], columns: int) -> Array:
    return problem.space.encode(points) if points else np.zeros((0, columns))


def _distinct(problem: Problem, points: Sequence[Point]) -> list[Point]:
    return list({problem.space.key(point): point for point in points}.values())
