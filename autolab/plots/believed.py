"""Drawing what a model expects: a slice with its band, a map, and where it expects trouble."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import plotly.graph_objects as go

from autolab.plots.dimensions import axis_settings, label
from autolab.plots.marks import half_width, measured_text
from autolab.plots.style import BAND, BLUE, GREY, HEIGHT, INK, ORANGE, PALE, draw_keyed, key_entry, shown, titled, words

if TYPE_CHECKING:
    from autolab.model.objectives import Objective
    from autolab.model.problem import Problem
    from autolab.model.trial import Trial
    from autolab.planners.prediction import Prediction
    from autolab.plots.dimensions import Dimension

OUTSIDE, TROUBLE = "outside the space", "expected to break a constraint or to fail"
_HATCH = {"shape": "/", "size": 7, "solidity": 0.2, "fgcolor": ORANGE, "bgcolor": "rgba(0,0,0,0)"}
_STAR = {"symbol": "star", "size": 14, "color": "white", "line": {"color": INK, "width": 1.6}}


def expects_trouble(problem: Problem, expected: Prediction) -> bool:
    """Return whether an outcome constraint is expected to be broken, or failure is more likely than not."""
    broken = any(not limit.holds(expected.mean[limit.name]) for limit in problem.outcome_constraints)
    return broken or (expected.success is not None and expected.success < 0.5)


def draw_slice(
    figure: Any,  # noqa: ANN401
    place: Mapping[str, int],
    problem: Problem,
    objective: Objective,
    axis: Dimension,
    expected: Sequence[Prediction | None],
    best: Trial,
    units: Mapping[str, str],
    told: set[str],
) -> None:
    """Draw mean and band of an objective along one key of a point.

    Args:
        figure: To draw in.
        place: `row` and `col` of the panel.
        problem: For its outcome constraints.
        objective: What to show.
        axis: The key that moves.
        expected: At each of its values; None outside the space.
        best: The trial that the slice goes through.
        units: Of keys and quantities.
        told: What the legend has; added to.
    """
    name = objective.name
    reach = _reach([one for one in expected if one is not None], best, name)
    if axis.labels:
        _draw_choices(figure, place, problem, name, axis, expected, told)
    else:
        _draw_line(figure, place, problem, name, axis, expected, reach, told)
    _mark_best(figure, place, axis, best, name, units, told)
    figure.update_xaxes(**axis_settings(axis), **place)
    figure.update_yaxes(title_text=titled(name, units.get(name, "")), range=list(reach), **place)


def _reach(expected: Sequence[Prediction], best: Trial, name: str) -> tuple[float, float]:
    """Return the range of the panel's upright axis: all bands, and what was measured at the best point."""
    ends = [end for one in expected for end in one.interval(name)]
    measured = best.outcome[name]
    ends += [measured.value - half_width(measured), measured.value + half_width(measured)]
    low, high = min(ends), max(ends)
    pad = 0.06 * (high - low) or abs(high) * 0.1 or 1.0
    return low - pad, high + pad


def _draw_line(
    figure: Any,  # noqa: ANN401
    place: Mapping[str, int],
    problem: Problem,
    name: str,
    axis: Dimension,
    expected: Sequence[Prediction | None],
    reach: tuple[float, float],
    told: set[str],
) -> None:
    x = [float(value) for value in axis.values]
    for start, end in _runs([one is None for one in expected]):
        _shade(figure, place, *_span(x, start, end), reach, OUTSIDE, told, {"fillcolor": PALE})
    trouble = [one is not None and expects_trouble(problem, one) for one in expected]
    for start, end in _runs(trouble):
        _shade(figure, place, *_span(x, start, end), reach, TROUBLE, told, {"fillpattern": _HATCH})
    for start, end in _runs([one is not None for one in expected]):
        part = [one for one in expected[start:end] if one is not None]
        band = [one.interval(name) for one in part]
        there = x[start:end]
        edge = go.Scatter(
            x=[*there, *reversed(there)],
            y=[high for _, high in band] + [low for low, _ in reversed(band)],
            fill="toself",
            fillcolor=BAND,
            line={"width": 0},
            mode="lines",
            hoverinfo="skip",
            showlegend=False,
        )
        figure.add_trace(edge, **place)
        draw_keyed(
            figure,
            place,
            told,
            "expected",
            x=there,
            y=[one.mean[name] for one in part],
            mode="lines",
            line={"color": BLUE, "width": 2},
            name="expected, with 95 % band",
            text=[_reading(one, name) for one in part],
            hovertemplate="%{text}<extra></extra>",
        )


def _draw_choices(
    figure: Any,  # noqa: ANN401
    place: Mapping[str, int],
    problem: Problem,
    name: str,
    axis: Dimension,
    expected: Sequence[Prediction | None],
    told: set[str],
) -> None:
    able = [(label(value), one) for value, one in zip(axis.values, expected, strict=True) if one is not None]
    trouble = [expects_trouble(problem, one) for _, one in able]
    draw_keyed(
        figure,
        place,
        told,
        "expected",
        x=[label for label, _ in able],
        y=[one.mean[name] for _, one in able],
        error_y={"type": "data", "array": [one.interval(name)[1] - one.mean[name] for _, one in able]},
        mode="markers",
        marker={
            "symbol": ["circle-open" if one else "circle" for one in trouble],
            "size": 9,
            "color": [ORANGE if one else BLUE for one in trouble],
            "line": {"width": 2},
        },
        name="expected, with 95 % band",
        text=[_reading(one, name) for _, one in able],
        hovertemplate="%{x}: %{text}<extra></extra>",
    )


def _mark_best(
    figure: Any,  # noqa: ANN401
    place: Mapping[str, int],
    axis: Dimension,
    best: Trial,
    name: str,
    units: Mapping[str, str],
    told: set[str],
) -> None:
    measured = best.outcome[name]
    value = best.point[axis.name]
    draw_keyed(
        figure,
        place,
        told,
        "best",
        x=[label(value) if axis.labels else value],
        y=[measured.value],
        error_y={"type": "data", "array": [half_width(measured)], "color": INK} if half_width(measured) else None,
        mode="markers",
        marker=_STAR,
        name="best, as measured",
        hovertemplate=f"trial {best.number}: {words(measured_text(measured, units.get(name, '')))}<extra></extra>",
    )


def _runs(flags: Sequence[bool]) -> Iterator[tuple[int, int]]:
    """Yield start and end of each run of true flags."""
    start: int | None = None
    for i, flag in enumerate([*flags, False]):
        if flag and start is None:
            start = i
        elif not flag and start is not None:
            yield start, i
            start = None


def _span(x: Sequence[float], start: int, end: int) -> tuple[float, float]:
    """Return where a run begins and ends: half-way to its neighbours."""
    low = x[start] if start == 0 else (x[start - 1] + x[start]) / 2
    high = x[end - 1] if end == len(x) else (x[end - 1] + x[end]) / 2
    return low, high


def _shade(
    figure: Any,  # noqa: ANN401
    place: Mapping[str, int],
    left: float,
    right: float,
    reach: tuple[float, float],
    label: str,
    told: set[str],
    how: Mapping[str, Any],
) -> None:
    low, high = reach
    draw_keyed(
        figure,
        place,
        told,
        label,
        x=[left, right, right, left, left],
        y=[low, low, high, high, low],
        fill="toself",
        mode="lines",
        line={"width": 0, "color": GREY},
        hoverinfo="skip",
        name=label,
        **how,
    )


def draw_map(
    figure: Any,  # noqa: ANN401
    place: Mapping[str, int],
    problem: Problem,
    objective: Objective,
    across: Dimension,
    up: Dimension,
    expected: Sequence[Sequence[Prediction | None]],
    best: Trial,
    told: set[str],
) -> None:
    """Draw the expected objective over two keys of a point, as labelled contours.

    Args:
        figure: To draw in.
        place: `row` and `col` of the panel.
        problem: For its outcome constraints.
        objective: What to show.
        across: The key to the right.
        up: The key upwards.
        expected: Rows of columns; None outside the space.
        best: The trial that the map goes through.
        told: What the legend has; added to.
    """
    z = [[None if one is None else one.mean[objective.name] for one in row] for row in expected]
    x, y = _ticks(across), _ticks(up)
    plain = bool(across.labels or up.labels)
    shared: dict[str, Any] = {"x": x, "y": y, "z": z, "colorscale": HEIGHT, "showscale": False, "hoverongaps": False}
    shared["hovertemplate"] = f"{words(across.name)} %{{x}}<br>{words(up.name)} %{{y}}<br>%{{z:.4g}}<extra></extra>"
    if plain:
        figure.add_trace(go.Heatmap(**shared, texttemplate="%{z:.3g}" if len(x) * len(y) <= 80 else None), **place)
    else:
        contours = {"coloring": "heatmap", "showlabels": True, "labelfont": {"size": 10, "color": INK}}
        figure.add_trace(
            go.Contour(**shared, contours=contours, line={"width": 0.6, "color": "rgba(31,41,55,0.45)"}), **place
        )
    _hatch(figure, place, problem, x, y, expected, told)
    star = [label(best.point[one.name]) if one.labels else best.point[one.name] for one in (across, up)]
    figure.add_trace(
        go.Scatter(x=star[:1], y=star[1:], mode="markers", marker=_STAR, showlegend=False, hoverinfo="skip"), **place
    )
    figure.update_xaxes(**axis_settings(across), showgrid=False, **place)
    figure.update_yaxes(**axis_settings(up), showgrid=False, **place)


def _ticks(axis: Dimension) -> list[Any]:
    return [label(value) for value in axis.values] if axis.labels else list(axis.values)


def _hatch(
    figure: Any,  # noqa: ANN401
    place: Mapping[str, int],
    problem: Problem,
    x: Sequence[Any],
    y: Sequence[Any],
    expected: Sequence[Sequence[Prediction | None]],
    told: set[str],
) -> None:
    """Strike through where trouble is expected, one stroke a cell."""
    cells = [
        (x[j], y[i])
        for i, row in enumerate(expected)
        for j, one in enumerate(row)
        if one is not None and expects_trouble(problem, one)
    ]
    if not cells:
        return
    stroke = {"symbol": "line-ne", "size": 6, "line": {"width": 1.2, "color": ORANGE}}
    trace = go.Scatter(
        x=[one for one, _ in cells],
        y=[other for _, other in cells],
        mode="markers",
        marker=stroke,
        hoverinfo="skip",
        showlegend=False,
    )
    figure.add_trace(trace, **place)
    if TROUBLE not in told:
        key_entry(figure, TROUBLE, mode="markers", marker=stroke)
        told.add(TROUBLE)


def _reading(expected: Prediction, name: str) -> str:
    low, high = expected.interval(name)
    success = "" if expected.success is None else f"<br>succeeds with {100 * expected.success:.0f} %"
    return f"{shown(expected.mean[name])} ({shown(low)} to {shown(high)}){success}"
