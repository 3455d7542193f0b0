"""What the model believes: slices through the best point, and a map of the two keys that matter most."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from autolab.model.errors import InputError
from autolab.plots.believed import draw_map, draw_slice
from autolab.plots.dimensions import dimensions
from autolab.plots.ranking import ranking
from autolab.plots.slicing import along, independent, is_table, moved, place_to_look
from autolab.plots.style import panels, side_by_side, unit_text, units_of, words

if TYPE_CHECKING:
    from autolab.model.objectives import Objective
    from autolab.model.problem import Problem
    from autolab.model.trial import Trial
    from autolab.planners.prediction import Predict, Prediction
    from autolab.plots.dimensions import Dimension

STEPS = 33
"""Values of a number that are looked at: fine enough for the eye, and a map is this many squared."""

Slices = dict[str, "list[Prediction | None]"]
"""Key of a point -> what is expected at each value of its dimension, None outside the space."""


@dataclass(frozen=True)
class Map:
    """What is expected over two dimensions.

    Attributes:
        across: Columns.
        up: Rows.
        expected: Rows of columns, None outside the space.
    """

    across: Dimension
    up: Dimension
    expected: list[list[Prediction | None]]


def surface(
    problem: Problem,
    trials: Sequence[Trial],
    predict: Predict,
    *,
    units: Mapping[str, str] | None = None,
    columns: int = 3,
) -> Any:  # noqa: ANN401  a plotly Figure: plotly ships no types
    """Return a figure of what a model expects of each objective, around the best point so far.

    One panel a key of a point: mean and 95 % band while this key moves and the others stay; of a mixture the other
    components keep their ratio. Then a map over the two keys that move the mean most. Hatched is where an outcome
    constraint is expected to be broken or failure is more likely than not; grey is outside the space. A table of
    candidates has a ranking instead.

    Args:
        problem: Tells space and objectives.
        trials: Those that may be the best; the model knows its own.
        predict: What the model expects, such as `Bayes().predictor(problem, trials)`.
        units: Units of quantities that the problem does not tell.
        columns: Panels side by side, at most.

    Raises:
        InputError: No trial has an outcome that the pictures could go through.
    """
    best = place_to_look(problem, trials)
    if best is None:
        msg = "no trial is completed, so there is no point to look around: run the campaign first"
        raise InputError(msg)
    known = units_of(problem, units)
    if is_table(problem):
        return ranking(problem, trials, predict, units=known)
    axes = dimensions(problem, STEPS)
    slices = _slices(problem, best, axes, predict)
    maps = {one.name: _map(problem, best, axes, slices, predict, one) for one in problem.objectives}
    return _drawn(problem, best, axes, slices, maps, known, columns)


def _slices(problem: Problem, best: Trial, axes: Sequence[Dimension], predict: Predict) -> Slices:
    points = [point for axis in axes for point in along(problem, best.point, axis)]
    expected = iter(_where(points, predict))
    return {axis.name: [next(expected) for _ in axis.values] for axis in axes}


def _where(points: Sequence[dict[str, Any] | None], predict: Predict) -> list[Prediction | None]:
    """Ask for all points that are in the space in one go."""
    told = iter(predict([point for point in points if point is not None]))
    return [None if point is None else next(told) for point in points]


def matter_most(axes: Sequence[Dimension], slices: Slices, objective: Objective) -> tuple[Dimension, Dimension] | None:
    """Return the two keys along whose slices the expected objective moves most, which can be moved each for itself."""
    ranked = sorted(axes, key=lambda axis: -_reach(slices[axis.name], objective))
    pairs = [(one, other) for i, one in enumerate(ranked) for other in ranked[i + 1 :] if independent(one, other)]
    return pairs[0] if pairs else None


def _reach(expected: Sequence[Prediction | None], objective: Objective) -> float:
    found = [objective.utility(one.mean[objective.name]) for one in expected if one is not None]
    return max(found) - min(found) if found else 0.0


def _map(
    problem: Problem, best: Trial, axes: Sequence[Dimension], slices: Slices, predict: Predict, objective: Objective
) -> Map | None:
    pair = matter_most(axes, slices, objective)
    if pair is None:
        return None
    across, up = pair
    points = [moved(problem, best.point, {across.name: x, up.name: y}) for y in up.values for x in across.values]
    expected = _where(points, predict)
    width = len(across.values)
    return Map(across, up, [expected[i : i + width] for i in range(0, len(expected), width)])


def _drawn(
    problem: Problem,
    best: Trial,
    axes: Sequence[Dimension],
    slices: Slices,
    maps: Mapping[str, Map | None],
    units: Mapping[str, str],
    columns: int,
) -> Any:  # noqa: ANN401  a Figure
    wanted = [
        (objective, axis)
        for objective in problem.objectives
        for axis in [*axes, *([None] if maps[objective.name] else [])]
    ]
    columns = side_by_side(len(wanted) // len(problem.objectives), columns)
    titles = [_title(objective, axis, units) for objective, axis in wanted]
    figure = panels(math.ceil(len(wanted) / columns), columns, subplot_titles=titles)
    figure.update_annotations(font_size=12)
    told: set[str] = set()
    for i, (objective, axis) in enumerate(wanted):
        place = {"row": i // columns + 1, "col": i % columns + 1}
        known = maps[objective.name]
        if axis is not None:
            draw_slice(figure, place, problem, objective, axis, slices[axis.name], best, units, told)
        elif known is not None:
            draw_map(figure, place, problem, objective, known.across, known.up, known.expected, best, told)
    return figure


def _title(objective: Objective, axis: Dimension | None, units: Mapping[str, str]) -> str:
    if axis is not None:
        return ""
    unit = units.get(objective.name, "")
    return f"expected {words(objective.name, 30)}{f' ({words(unit_text(unit))})' if unit else ''}"
