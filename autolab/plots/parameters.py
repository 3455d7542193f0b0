"""Each objective against each parameter: where the campaign looked, and what it found there."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import plotly.graph_objects as go

from autolab.plots.dimensions import axis_settings, dimensions, label
from autolab.plots.marks import by_kind, error_bars, hover
from autolab.plots.style import INK, ORDER, VERMILION, key_entry, panels, side_by_side, titled, units_of

if TYPE_CHECKING:
    from autolab.model.problem import Problem
    from autolab.model.trial import Trial
    from autolab.plots.dimensions import Dimension
    from autolab.plots.marks import Kind

SYMBOLS: dict[Kind, str] = {"good": "circle", "breaks": "circle-open"}


def parameters(
    problem: Problem, trials: Sequence[Trial], *, units: Mapping[str, str] | None = None, columns: int = 3
) -> Any:  # noqa: ANN401  a plotly Figure: plotly ships no types
    """Return a figure with one panel for each objective and parameter, coloured by the number of the trial.

    Trials that break an outcome constraint are open circles; those without an outcome are crosses at the bottom; the
    best is a star.

    Args:
        problem: Tells parameters and objectives.
        trials: In order.
        units: Units of quantities that the problem does not tell.
        columns: Panels side by side, at most.
    """
    axes = dimensions(problem)
    pairs = [(objective.name, axis) for objective in problem.objectives for axis in axes]
    columns = side_by_side(len(axes), columns)
    figure = panels(math.ceil(len(pairs) / columns), columns)
    known = units_of(problem, units)
    front = {id(trial) for trial in problem.front(trials)}
    for i, (name, axis) in enumerate(pairs):
        place = {"row": i // columns + 1, "col": i % columns + 1}
        _draw(figure, place, problem, trials, name, axis, known, front)
        figure.update_xaxes(**axis_settings(axis), **place)
        figure.update_yaxes(title_text=titled(name, known.get(name, "")) if i % columns == 0 else None, **place)
    _explain(figure, problem, trials)
    return figure


def _at(axis: Dimension, trial: Trial) -> object:
    value = trial.point.get(axis.name)
    return label(value) if axis.labels else value


def _draw(
    figure: Any,  # noqa: ANN401
    place: Mapping[str, int],
    problem: Problem,
    trials: Sequence[Trial],
    name: str,
    axis: Dimension,
    units: Mapping[str, str],
    front: set[int],
) -> None:
    sorted_ = by_kind(problem, trials)
    for kind, symbol in SYMBOLS.items():
        some = sorted_[kind]
        if not some:
            continue
        best = [id(trial) in front for trial in some]
        trace = go.Scatter(
            x=[_at(axis, trial) for trial in some],
            y=[trial.outcome[name].value for trial in some],
            mode="markers",
            error_y=_pale(error_bars(some, name)),
            marker={
                "symbol": ["star" if one else symbol for one in best],
                "size": [15 if one else 8 for one in best],
                "color": [trial.number for trial in some],
                "coloraxis": "coloraxis",
                "line": {"width": 2}
                if kind == "breaks"
                else {"width": [1.2 if one else 0.5 for one in best], "color": INK},
            },
            text=[hover(problem, trial, units) for trial in some],
            hovertemplate="%{text}<extra></extra>",
            showlegend=False,
        )
        figure.add_trace(trace, **place)
    if sorted_["failed"]:
        values = [trial.outcome[name].value for kind in SYMBOLS for trial in sorted_[kind]]
        _draw_failed(figure, place, problem, axis, sorted_["failed"], values, units)


def _draw_failed(
    figure: Any,  # noqa: ANN401
    place: Mapping[str, int],
    problem: Problem,
    axis: Dimension,
    failed: Sequence[Trial],
    values: Sequence[float],
    units: Mapping[str, str],
) -> None:
    low, span = (min(values), max(values) - min(values)) if values else (0.0, 1.0)
    trace = go.Scatter(
        x=[_at(axis, trial) for trial in failed],
        y=[low - 0.12 * (span or 1.0)] * len(failed),
        mode="markers",
        marker={"symbol": "x", "size": 9, "color": VERMILION},
        text=[hover(problem, trial, units) for trial in failed],
        hovertemplate="%{text}<extra></extra>",
        showlegend=False,
    )
    figure.add_trace(trace, **place)


def _pale(bars: dict[str, Any] | None) -> dict[str, Any] | None:
    return None if bars is None else bars | {"color": "#9ca3af"}


def _explain(figure: Any, problem: Problem, trials: Sequence[Trial]) -> None:  # noqa: ANN401
    sorted_ = by_kind(problem, trials)
    if sorted_["good"]:
        key_entry(figure, "completed", mode="markers", marker={"symbol": "circle", "size": 8, "color": "#7c7b78"})
        key_entry(figure, "best", mode="markers", marker={"symbol": "star", "size": 13, "color": "#7c7b78"})
    if sorted_["breaks"]:
        open_ = {"symbol": "circle-open", "size": 8, "color": "#7c7b78", "line": {"width": 2}}
        key_entry(figure, "breaks an outcome constraint", mode="markers", marker=open_)
    if sorted_["failed"]:
        key_entry(figure, "failed or rejected", mode="markers", marker={"symbol": "x", "size": 9, "color": VERMILION})
    figure.update_layout(
        coloraxis={
            "colorscale": ORDER,
            "cmin": 1,
            "cmax": max((trial.number for trial in trials), default=1),
            "colorbar": {
                "title": {"text": "trial"},
                "thickness": 12,
                "outlinewidth": 0,
                "tickformat": "d",
                "lenmode": "pixels",
                "len": 220,
                "y": 1,
                "yanchor": "top",
            },
        }
    )
