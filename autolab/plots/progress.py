"""How far a campaign has come: each trial's quantities, and the best so far."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import plotly.graph_objects as go

from autolab.plots.marks import by_kind, error_bars, hover
from autolab.plots.style import (
    BLUE,
    GREEN,
    GREY,
    INK,
    ORANGE,
    VERMILION,
    draw_keyed,
    panels,
    shown,
    titled,
    units_of,
    words,
)

if TYPE_CHECKING:
    from autolab.model.objectives import Objective, OutcomeConstraint
    from autolab.model.problem import Problem
    from autolab.model.trial import Trial
    from autolab.plots.marks import Kind

MARKS: dict[Kind, tuple[str, dict[str, Any]]] = {
    "good": ("completed (bars: 95 %)", {"symbol": "circle", "size": 8, "color": BLUE}),
    "breaks": (
        "breaks an outcome constraint",
        {"symbol": "circle-open", "size": 8, "color": ORANGE, "line": {"width": 2}},
    ),
    "invalidated": ("invalidated", {"symbol": "x-thin", "size": 8, "line": {"width": 2, "color": GREY}}),
    "failed": ("failed or rejected", {"symbol": "x", "size": 9, "color": VERMILION}),
}


class _Row(NamedTuple):
    """One panel over the trials' numbers."""

    name: str
    objective: Objective | None
    bounds: tuple[OutcomeConstraint, ...]


def progress(
    problem: Problem,
    trials: Sequence[Trial],
    *,
    units: Mapping[str, str] | None = None,
    target: Sequence[OutcomeConstraint] = (),
    before: Sequence[Trial] = (),
) -> Any:  # noqa: ANN401  a plotly Figure: plotly ships no types
    """Return a figure of the quantities of each trial, in the order of the trials.

    One row a quantity: objectives with the best so far among trials that keep every outcome constraint (for several
    objectives each for itself), then what is to be kept within a bound. Two objectives have their Pareto set in a row
    of its own.

    Args:
        problem: Tells the quantities.
        trials: In order.
        units: Units of quantities that the problem does not tell.
        target: What the campaign is content with, such as `conductivity >= 14`.
        before: Imported and earlier trials: the best of them is where this campaign began.
    """
    rows = _rows(problem)
    both = len(problem.objectives) == 2
    heights = [1.0 if row.objective else 0.65 for row in rows] + ([1.5] if both else [])
    figure = panels(len(heights), 1, heights, gap=72 if both else 44)
    known = units_of(problem, units)
    told: set[str] = set()
    for number, row in enumerate(rows, 1):
        _draw_row(figure, number, row, problem, trials, known, told)
        _draw_lines(figure, number, row, problem, trials, before, told)
        for one in target:
            if one.name == row.name:
                _line(figure, number, one.bound, f"target {one.side} {shown(one.bound)}", GREEN)
        figure.update_yaxes(title_text=titled(row.name, known.get(row.name, "")), row=number, col=1)
        figure.update_xaxes(range=[0.3, max(len(trials), 1) + 0.7], tickformat="d", row=number, col=1)
    figure.update_xaxes(title_text="trial", row=len(rows), col=1)
    if both:
        _draw_front(figure, len(heights), problem, trials, known, told)
    return figure


def _rows(problem: Problem) -> list[_Row]:
    objectives = {one.name: one for one in problem.objectives}
    return [
        _Row(name, objectives.get(name), tuple(one for one in problem.outcome_constraints if one.name == name))
        for name in problem.outcome_names
    ]


def _draw_row(
    figure: Any,  # noqa: ANN401
    number: int,
    row: _Row,
    problem: Problem,
    trials: Sequence[Trial],
    units: Mapping[str, str],
    told: set[str],
) -> None:
    sorted_ = by_kind(problem, trials)
    measured = [trial for trial in trials if row.name in trial.outcome]
    values = [trial.outcome[row.name].value for trial in measured]
    bottom = _below(values)
    for kind, (label, mark) in MARKS.items():
        some = sorted_[kind]
        if not some:
            continue
        y = [trial.outcome[row.name].value if row.name in trial.outcome else bottom for trial in some]
        bars = error_bars(some, row.name) if all(row.name in trial.outcome for trial in some) else None
        draw_keyed(
            figure,
            {"row": number, "col": 1},
            told,
            kind,
            x=[trial.number for trial in some],
            y=y,
            mode="markers",
            marker=mark,
            error_y=bars,
            name=label,
            text=[hover(problem, trial, units) for trial in some],
            hovertemplate="%{text}<extra></extra>",
        )


def _below(values: Sequence[float]) -> float:
    """Return a height just below all values, where trials without a value are marked."""
    if not values:
        return 0.0
    span = max(values) - min(values)
    return min(values) - 0.12 * (span or abs(min(values)) or 1.0)


def _draw_lines(
    figure: Any,  # noqa: ANN401
    number: int,
    row: _Row,
    problem: Problem,
    trials: Sequence[Trial],
    before: Sequence[Trial],
    told: set[str],
) -> None:
    for bound in row.bounds:
        _line(figure, number, bound.bound, f"keep {bound.side} {shown(bound.bound)}", VERMILION)
    if row.objective is None:
        return
    if row.objective.target is not None:
        _line(figure, number, row.objective.target, f"target {shown(row.objective.target)}", GREEN)
    if (start := best_of(problem, row.objective, before)) is not None:
        _line(figure, number, start, f"best before {shown(start)}", GREY)
    x, y = best_so_far(problem, row.objective, trials)
    if x:
        draw_keyed(
            figure,
            {"row": number, "col": 1},
            told,
            "best",
            x=[*x, max(trial.number for trial in trials)],
            y=[*y, y[-1]],
            mode="lines",
            line={"shape": "hv", "color": INK, "width": 1.8},
            name="best so far",
            hovertemplate="best so far %{y:.4g}<extra></extra>",
        )


def best_so_far(problem: Problem, objective: Objective, trials: Sequence[Trial]) -> tuple[list[int], list[float]]:
    """Return numbers of trials and the best value of an objective up to each, from the first that has one.

    Only trials that a planner may use and that keep every outcome constraint count.
    """
    x, y = list[int](), list[float]()
    for trial in trials:
        if trial.usable and not problem.missing(trial.outcome) and problem.feasible(trial.outcome):
            value = trial.outcome[objective.name].value
            y.append(max([value, *y[-1:]], key=objective.utility))
            x.append(trial.number)
        elif y:
            y.append(y[-1])
            x.append(trial.number)
    return x, y


def best_of(problem: Problem, objective: Objective, trials: Sequence[Trial]) -> float | None:
    """Return the best value of an objective among trials, or None."""
    _, y = best_so_far(problem, objective, trials)
    return y[-1] if y else None


def _line(figure: Any, number: int, y: float, text: str, colour: str) -> None:  # noqa: ANN401
    figure.add_hline(
        y=y,
        row=number,
        col=1,
        line={"color": colour, "width": 1.4, "dash": "dash"},
        annotation={
            "text": words(text),
            "font": {"color": colour, "size": 11},
            "xanchor": "left",
            "x": 0.005,
            "bgcolor": "rgba(255,255,255,0.75)",
        },
    )


def _draw_front(
    figure: Any,  # noqa: ANN401
    number: int,
    problem: Problem,
    trials: Sequence[Trial],
    units: Mapping[str, str],
    told: set[str],
) -> None:
    """Draw two objectives against one another, with the Pareto set joined by steps."""
    one, other = problem.objectives
    sorted_ = by_kind(problem, trials)
    for kind in ("good", "breaks", "invalidated"):
        some = sorted_[kind]
        if some:
            trace = go.Scatter(
                x=[trial.outcome[one.name].value for trial in some],
                y=[trial.outcome[other.name].value for trial in some],
                mode="markers",
                marker=MARKS[kind][1],
                error_x=error_bars(some, one.name),
                error_y=error_bars(some, other.name),
                legendgroup=kind,
                showlegend=False,
                text=[hover(problem, trial, units) for trial in some],
                hovertemplate="%{text}<extra></extra>",
            )
            figure.add_trace(trace, row=number, col=1)
    front = sorted(problem.front(trials), key=lambda trial: trial.outcome[one.name].value)
    if front:
        trace = go.Scatter(
            x=[trial.outcome[one.name].value for trial in front],
            y=[trial.outcome[other.name].value for trial in front],
            mode="lines+markers",
            line={"color": INK, "width": 1.4, "dash": "dot"},
            marker={"symbol": "diamond", "size": 11, "color": "rgba(0,0,0,0)", "line": {"color": INK, "width": 1.6}},
            name="Pareto set",
            hoverinfo="skip",
        )
        figure.add_trace(trace, row=number, col=1)
        told.add("front")
    figure.update_xaxes(title_text=titled(one.name, units.get(one.name, "")), row=number, col=1)
    figure.update_yaxes(title_text=titled(other.name, units.get(other.name, "")), row=number, col=1)
