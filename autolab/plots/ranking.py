"""What the model believes of a table of candidates: those it expects most of, with those that were tried."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import plotly.graph_objects as go

from autolab.model.candidates import Candidates
from autolab.plots.believed import expects_trouble
from autolab.plots.marks import half_width, hover
from autolab.plots.style import BLUE, INK, ORANGE, panels, shown, titled, words

if TYPE_CHECKING:
    from autolab.model.objectives import Objective
    from autolab.model.problem import Problem
    from autolab.model.trial import Trial
    from autolab.planners.prediction import Predict, Prediction

MOST = 20
"""How many candidates are shown."""


def ranking(problem: Problem, trials: Sequence[Trial], predict: Predict, *, units: Mapping[str, str]) -> Any:  # noqa: ANN401  a plotly Figure
    """Return a figure of the candidates that a model expects most of, the most promising on top, one panel an objective.

    Args:
        problem: Its space is a table.
        trials: What was measured is drawn beside what is expected.
        predict: What the model expects.
        units: Of keys and quantities.
    """
    space = problem.space
    points = space.points if isinstance(space, Candidates) else ()
    expected = predict(points)
    tried = {space.key(trial.point): trial for trial in trials if trial.usable and not problem.missing(trial.outcome)}
    rows = max(1, min(MOST, len(points)))
    objectives = problem.objectives
    figure = panels(len(objectives), 1, [max(0.5, rows * 26 / 260)] * len(objectives))
    for number, objective in enumerate(objectives, 1):
        best = sorted(expected, key=lambda one: -_merit(problem, objective, one))[:rows]
        _draw(figure, number, problem, objective, list(reversed(best)), tried, units)
    return figure


def _merit(problem: Problem, objective: Objective, one: Prediction) -> float:
    return objective.utility(one.mean[objective.name]) - (1e9 if expects_trouble(problem, one) else 0.0)


def _draw(
    figure: Any,  # noqa: ANN401
    number: int,
    problem: Problem,
    objective: Objective,
    best: Sequence[Prediction],
    tried: Mapping[Any, Trial],
    units: Mapping[str, str],
) -> None:
    name = objective.name
    trouble = [expects_trouble(problem, one) for one in best]
    labels = [_label(problem, one) for one in best]
    trace = go.Scatter(
        x=[one.mean[name] for one in best],
        y=labels,
        error_x={"type": "data", "array": [one.interval(name)[1] - one.mean[name] for one in best]},
        mode="markers",
        marker={
            "symbol": ["circle-open" if one else "circle" for one in trouble],
            "color": [ORANGE if one else BLUE for one in trouble],
            "size": 8,
        },
        name="expected, with 95 % band (open: trouble expected)",
        showlegend=number == 1,
        hovertemplate="%{x:.4g}<extra></extra>",
    )
    figure.add_trace(trace, row=number, col=1)
    known = [(label, tried[problem.space.key(one.point)]) for label, one in zip(labels, best, strict=True)
             if problem.space.key(one.point) in tried]  # fmt: skip
    measured = go.Scatter(
        x=[trial.outcome[name].value for _, trial in known],
        y=[label for label, _ in known],
        error_x={"type": "data", "array": [half_width(trial.outcome[name]) for _, trial in known], "color": INK},
        mode="markers",
        marker={"symbol": "diamond-open", "size": 11, "color": INK, "line": {"width": 1.6}},
        name="as measured",
        showlegend=number == 1 and bool(known),
        text=[hover(problem, trial, units) for _, trial in known],
        hovertemplate="%{text}<extra></extra>",
    )
    figure.add_trace(measured, row=number, col=1)
    figure.update_xaxes(title_text=titled(name, units.get(name, "")), row=number, col=1)
    figure.update_yaxes(type="category", categoryorder="array", categoryarray=labels, row=number, col=1)


def _label(problem: Problem, one: Prediction) -> str:
    """Return a candidate's row, from 1, and its values as far as they have room."""
    space = problem.space
    row = space.place(one.point) if isinstance(space, Candidates) else None
    values = ", ".join(shown(value) for value in one.point.values())
    return words(f"{row + 1 if row is not None else '?'}: {values}", 34)
