"""What history tells a planner: measured points, failed points, and points not to propose again.

Notation: `n` usable trials, `f` failed ones, `p` pending points, `d` encoded columns, `m` measured quantities.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from autolab.model.errors import OutsideSpace

if TYPE_CHECKING:
    from autolab.model.problem import Problem
    from autolab.model.trial import Point, Trial, Value

Array = NDArray[np.float64]
FAR = 10.0
"""How many ranges outside of its bounds a parameter may lie for a trial to be learned from: a slip of units is farther."""
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
        left_out: How many trials could not be used, for a quantity that is missing or not finite, or a
            point of another space or far away from it.
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

    @property
    def known(self) -> Array:
        """All encoded points tried or under way, `(n + f + p) x d`."""
        return np.vstack([self.x, self.failed, self.pending])


def gather(problem: Problem, history: Sequence[Trial], pending: Sequence[Point]) -> Evidence:
    """Return what `history` and `pending` tell about `problem`.

    Invalidated trials count for nothing. A trial of this history that is under way counts as pending. A point that
    cannot be encoded (a missing key, an unknown category) is left out, and so is one more than `FAR` ranges outside its bounds, as where units were mixed up; one
    nearer outside the bounds is kept as knowledge. An outcome that is not a finite number is left out.
    """
    names = problem.outcome_names
    columns = len(problem.space.columns)
    told = [trial for trial in history if not trial.invalidated]
    usable, failed, waiting, left_out = [], [], list(pending), 0
    for trial in told:
        if not _encodable(problem, trial.point):
            left_out += 1
        elif is_learned_from(problem, trial):
            usable.append(trial)
        elif trial.state in {"failed", "rejected"}:
            failed.append(trial.point)
        elif trial.state in _UNDER_WAY:
            waiting.append(trial.point)
        else:
            left_out += 1
    waiting = [point for point in waiting if _encodable(problem, point)]
    seen = [trial.point for trial in told if _encodable(problem, trial.point)] + waiting
    values = [[trial.outcome[name] for name in names] for trial in usable]
    errors = [[np.nan if one.standard_error is None else one.standard_error for one in row] for row in values]
    return Evidence(
        x=_encoded(problem, [trial.point for trial in usable], columns),
        y=np.array([[one.value for one in row] for row in values], dtype=float).reshape(len(usable), len(names)),
        error=np.array(errors, dtype=float).reshape(len(usable), len(names)),
        points=tuple(trial.point for trial in usable),
        failed=_encoded(problem, failed, columns),
        pending=_encoded(problem, _distinct(problem, waiting), columns),
        taken=frozenset(problem.space.key(point) for point in seen),
        streak=_streak(told),
        left_out=left_out,
    )


def _streak(trials: Sequence[Trial]) -> int:
    ended = [trial.state for trial in trials if trial.state in {"completed", "failed", "rejected"}]
    return next((i for i, state in enumerate(reversed(ended)) if state == "completed"), len(ended))


def is_learned_from(problem: Problem, trial: Trial) -> bool:
    """Return whether the outcome of a trial is: every quantity a finite number, at a point with a place."""
    if not trial.usable or problem.missing(trial.outcome) or not _encodable(problem, trial.point):
        return False
    return all(bool(np.isfinite(trial.outcome[name].value)) for name in problem.outcome_names)


def _encodable(problem: Problem, point: Point) -> bool:
    """Return whether a point can be learned from: it has a place, and that is not far away from the space."""
    try:
        with np.errstate(all="ignore"):
            encoded = problem.space.encode([point])
    except OutsideSpace:
        return False
    return bool((np.abs(encoded - 0.5) <= FAR + 0.5).all())  # false for NaN


def _encoded(problem: Problem, points: Sequence[Point], columns: int) -> Array:
    return problem.space.encode(points) if points else np.zeros((0, columns))


def _distinct(problem: Problem, points: Sequence[Point]) -> list[Point]:
    return list({problem.space.key(point): point for point in points}.values())
