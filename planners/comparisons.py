"""What people's comparisons tell a planner: which points were found better than which.

Notation: `n` completed trials, `m` comparisons, `d` encoded columns.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from autolab.model.trial import as_outcome
from autolab.planners.evidence import gather

if TYPE_CHECKING:
    from autolab.model.problem import Problem
    from autolab.model.trial import Point, Trial
    from autolab.planners.evidence import Array, Evidence

Places = NDArray[np.int64]

_SAME = 1e-3
"""Points that differ less in every encoded column are one point: a person cannot have compared them by it."""


@dataclass(frozen=True)
class Comparisons:
    """Trials and what people said of them, in numbers.

    Attributes:
        evidence: Of all completed trials, whatever was measured; its `y` means nothing.
        trials: The `n` completed trials, in the order of `evidence.x`.
        pairs: `m x 2` rows of `evidence.x`, the better one first; each pair once.
    """

    evidence: Evidence
    trials: tuple[Trial, ...]
    pairs: Places

    @property
    def rows(self) -> Places:
        """The rows that were compared with any other, ascending."""
        return np.unique(self.pairs)

    def apart(self, one: int, other: int) -> bool:
        """Return whether two rows are different points."""
        return are_apart(self.evidence.x[one], self.evidence.x[other])


def are_apart(one: Array, other: Array) -> bool:
    """Return whether two encoded points (`d`) are different ones."""
    return bool((np.abs(one - other) > _SAME).any())


def comparisons(problem: Problem, history: Sequence[Trial], pending: Sequence[Point] = ()) -> Comparisons:
    """Return what was compared.

    A word about a trial that is invalidated, or whose point has no place in the space, counts for nothing; nor does
    one about two trials of the same point.

    Args:
        problem: Its space is what counts; its goals do not.
        history: Trials, those of one campaign in the order of their numbers.
        pending: Points under way.
    """
    names = problem.outcome_names
    marked = [  # the place of a trial stands for what was measured: it leads back from a row to its trial
        replace(trial, outcome=as_outcome(dict.fromkeys(names, float(place)))) if trial.usable else trial
        for place, trial in enumerate(history)
    ]
    evidence = gather(problem, marked, pending, most=sys.maxsize)
    places = evidence.y[:, 0].astype(np.int64)
    row_of = {int(place): row for row, place in enumerate(places)}
    rows = [(row_of.get(better, -1), row_of.get(worse, -1)) for better, worse in _said(history)]
    pairs = [
        (better, worse)
        for better, worse in dict.fromkeys(rows)
        if min(better, worse) >= 0 and are_apart(evidence.x[better], evidence.x[worse])
    ]
    trials = tuple(history[int(place)] for place in places)
    return Comparisons(evidence, trials, np.array(pairs, dtype=np.int64).reshape(len(pairs), 2))


def _said(history: Sequence[Trial]) -> list[tuple[int, int]]:
    """Return pairs of places in history, the better one first."""
    found: dict[tuple[str, int], list[int]] = {}
    for place, trial in enumerate(history):
        found.setdefault((trial.source, trial.number), []).append(place)
    said = []
    for place, trial in enumerate(history):
        for number in trial.better_than:
            places = found.get((trial.source, number), [])
            if places:
                said.append((place, min(places, key=lambda one: _strangeness(place, one, number < trial.number))))
    return said


def _strangeness(place: int, other: int, earlier: bool) -> tuple[bool, int]:
    """Return how unlikely it is that a trial belongs to the same campaign as another.

    Several past campaigns in one history each have a trial 1. Within a campaign numbers ascend: so it is the nearest
    trial of that number on the side where it must lie.
    """
    return (other < place) != earlier, abs(other - place)
