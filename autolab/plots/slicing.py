"""Moving through a space from one point: along one key of it, or two.

A mixture keeps its total: when components are set, the others share what is left in the ratio that they have at the
point one starts from (evenly, where they are absent there).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from autolab.model.candidates import Candidates
from autolab.model.mixture import Mixture

if TYPE_CHECKING:
    from autolab.model.problem import Problem
    from autolab.model.trial import Point, Trial, Value
    from autolab.plots.dimensions import Dimension


def moved(problem: Problem, start: Point, changes: Mapping[str, Value]) -> dict[str, Value] | None:
    """Return the point that is reached, or None where it lies outside the space."""
    point = {**start, **changes}
    for one in getattr(problem.space, "parameters", ()):
        if isinstance(one, Mixture) and set(one.names) & set(changes):
            point |= _shares(one, start, changes)
    return point if problem.space.contains(point) else None


def _shares(mixture: Mixture, start: Point, changes: Mapping[str, Value]) -> dict[str, Value]:
    others = [name for name in mixture.names if name not in changes]
    left = mixture.total - sum(float(changes[name]) for name in mixture.names if name in changes)
    held = sum(float(start[name]) for name in others)
    if held <= 0:
        return {name: left / len(others) for name in others}
    return {name: left * float(start[name]) / held for name in others}


def along(problem: Problem, start: Point, axis: Dimension) -> list[dict[str, Value] | None]:
    """Return one point for each of a dimension's values, None where it lies outside the space."""
    return [moved(problem, start, {axis.name: value}) for value in axis.values]


def independent(one: Dimension, other: Dimension) -> bool:
    """Return whether two keys can be moved each for itself: two parts of a mixture of two cannot."""
    if one.name == other.name:
        return False
    return one.mixture is None or one.mixture is not other.mixture or len(one.mixture.names) > 2


def place_to_look(problem: Problem, trials: Sequence[Trial]) -> Trial | None:
    """Return the trial that pictures of the model go through.

    The best; of a Pareto set the one nearest to the best of each objective; where none is feasible the one with the
    best objectives; None where none of this space has an outcome.
    """
    able = [
        trial
        for trial in trials
        if trial.usable and not problem.missing(trial.outcome) and problem.space.contains(trial.point)
    ]
    chosen = problem.front(able) or able
    if not chosen:
        return None
    scores = [problem.utilities(trial.outcome) for trial in chosen]
    spans = [(max(column), (max(column) - min(column)) or 1.0) for column in zip(*scores, strict=True)]
    distances = [sum(((top - x) / span) ** 2 for x, (top, span) in zip(row, spans, strict=True)) for row in scores]
    return chosen[distances.index(min(distances))]


def is_table(problem: Problem) -> bool:
    """Return whether the space is a table of candidates: there is nothing between its points."""
    return isinstance(problem.space, Candidates)
