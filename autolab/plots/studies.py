"""Figures of a study: how fast planners come near to the optimum, and how far they are apart."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import plotly.graph_objects as go

from autolab.plots.style import BLUE, GREEN, GREY, INK, ORANGE, VERMILION, draw_keyed, panels, side_by_side, words
from autolab.study.comparison import compare
from autolab.study.curves import Curves, gathered

if TYPE_CHECKING:
    from autolab.study.runs import Result

COLOURS = (BLUE, ORANGE, GREEN, VERMILION, "#CC79A7", "#56B4E9", INK, GREY)
DASHES = ("solid", "dash", "dot", "dashdot", "longdash", "longdashdot")
RESAMPLES = 1000


def curves(results: Sequence[Result]) -> Any:  # noqa: ANN401  a plotly Figure: plotly ships no types
    """Return a figure of the mean quality after each trial, one panel a problem, with 95 % bootstrap bands."""
    by_problem = gathered(results)
    columns = side_by_side(max(len(by_problem), 1), 3)
    titles = [words(setting.problem) for setting in by_problem]
    figure = panels(math.ceil(max(len(by_problem), 1) / columns), columns, subplot_titles=titles)
    looks, told = _looks(results), set[str]()
    for i, (setting, by) in enumerate(by_problem.items()):
        place = {"row": i // columns + 1, "col": i % columns + 1}
        for name, one in by.items():
            _draw(figure, place, one, *looks[name], told)
        figure.update_yaxes(title_text="quality" if place["col"] == 1 else None, **place)
        figure.update_xaxes(title_text="trial", range=[1, setting.budget], **place)
    return figure


def _draw(
    figure: Any,  # noqa: ANN401
    place: Mapping[str, int],
    one: Curves,
    colour: str,
    dash: str,
    told: set[str],
) -> None:
    x = list(range(1, one.quality.shape[1] + 1))
    low, high = band(one.quality)
    figure.add_trace(
        go.Scatter(
            x=[*x, *reversed(x)],
            y=[*high, *reversed(low)],
            fill="toself",
            fillcolor=colour,
            opacity=0.15,
            line={"width": 0},
            hoverinfo="skip",
            showlegend=False,
            legendgroup=one.planner,
        ),
        **place,
    )
    draw_keyed(
        figure,
        place,
        told,
        one.planner,
        x=x,
        y=one.quality.mean(axis=0).tolist(),
        name=words(one.planner),
        mode="lines",
        line={"color": colour, "dash": dash, "width": 2},
        hovertemplate=f"{words(one.planner)}: %{{y:.3f}} after %{{x}} ({len(one.seeds)} seeds)<extra></extra>",
    )


def band(quality: Any) -> tuple[list[float], list[float]]:  # noqa: ANN401  an array
    """Return the 95 % bootstrap interval of the mean after each trial, of `n x T`; the mean itself for one seed."""
    n = len(quality)
    picked = np.random.default_rng(0).integers(0, n, (RESAMPLES, n))
    low, high = np.percentile(np.asarray(quality)[picked].mean(axis=1), [2.5, 97.5], axis=0)
    return low.tolist(), high.tolist()


def differences(results: Sequence[Result], against: str | None = None) -> Any:  # noqa: ANN401  a plotly Figure
    """Return a figure of the paired differences in area to one planner, one panel a problem, with 95 % intervals.

    Args:
        results: Of one study or several.
        against: The planner that the others are compared with; the first when None.
    """
    found = compare(results, against)
    problems = list(dict.fromkeys(row.problem for row in found.rows))
    columns = side_by_side(max(len(problems), 1), 3)
    figure = panels(
        math.ceil(max(len(problems), 1) / columns), columns, subplot_titles=[words(one) for one in problems]
    )
    looks = _looks(results)
    for i, problem in enumerate(problems):
        place = {"row": i // columns + 1, "col": i % columns + 1}
        for row in found.rows:
            gap = row.difference
            if row.problem != problem or gap is None:
                continue
            bars = None
            if gap.low is not None and gap.high is not None:
                bars = {"symmetric": False, "array": [gap.high - gap.value], "arrayminus": [gap.value - gap.low]}
            figure.add_trace(
                go.Scatter(
                    x=[gap.value],
                    y=[words(row.planner)],
                    error_x=bars,
                    mode="markers",
                    showlegend=False,
                    marker={"size": 9, "color": looks[row.planner][0]},
                ),
                **place,
            )
        figure.add_vline(x=0, line={"color": GREY, "width": 1}, **place)
        figure.update_xaxes(title_text=f"area less that of {words(found.against)}", **place)
    return figure


def _looks(results: Sequence[Result]) -> dict[str, tuple[str, str]]:
    """Return planner -> colour and dashes."""
    names = dict.fromkeys(one.planner for one in results)
    return {name: (COLOURS[i % len(COLOURS)], DASHES[i % len(DASHES)]) for i, name in enumerate(names)}


def page(results: Sequence[Result], against: str | None = None) -> str:
    """Return both figures as one page of HTML, complete in itself."""
    parts = [
        figure.to_html(full_html=False, include_plotlyjs=i == 0)
        for i, figure in enumerate((curves(results), differences(results, against)))
    ]
    return f'<!doctype html>\n<html lang="en"><meta charset="utf-8"><title>Study</title><body>{"".join(parts)}</body></html>\n'
