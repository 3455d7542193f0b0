"""One look for all figures: colours, marks, words on axes.

Colours are those of Okabe and Ito (2008), which people who see red and green alike can tell apart; what matters is
told by a mark's shape or a line's dashes too.
"""

from __future__ import annotations

import html
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

import plotly.graph_objects as go
from plotly.subplots import make_subplots

from autolab.model.mixture import Mixture

if TYPE_CHECKING:
    from autolab.model.problem import Problem

BLUE: Final = "#0072B2"
ORANGE: Final = "#E69F00"
GREEN: Final = "#009E73"
VERMILION: Final = "#D55E00"
GREY: Final = "#6b7280"
INK: Final = "#1f2937"
PALE: Final = "#e5e7eb"
BAND: Final = "rgba(0, 114, 178, 0.18)"
ORDER: Final = "Cividis"
"""Colour scale for the order of trials: even in lightness, and the same for all eyes."""

HEIGHT: Final = [[0.0, "#f4f8fc"], [0.5, "#a9cce8"], [1.0, "#4a90c8"]]
"""Colour scale of maps: light enough for dark letters and strokes to be read on it."""

FONT: Final = "system-ui, -apple-system, 'Segoe UI', Roboto, 'Noto Sans', 'DejaVu Sans', sans-serif"
PANEL: Final = 260
"""Height of one row of panels, px."""
TOP: Final = 62
"""Height of what stands above the panels, the legend; px."""
EDGES: Final = 108
"""Height of what stands above and below the panels: title, legend, axis; px."""

_AXIS: Final = {
    "gridcolor": "#eef0f3",
    "linecolor": "#9ca3af",
    "showline": True,
    "ticks": "outside",
    "tickcolor": "#9ca3af",
    "ticklen": 4,
    "zeroline": False,
    "automargin": True,
    "title": {"standoff": 8, "font": {"size": 13}},
}
TEMPLATE: Final = go.layout.Template(
    layout={
        "font": {"family": FONT, "size": 12, "color": INK},
        "paper_bgcolor": "white",
        "plot_bgcolor": "white",
        "hoverlabel": {"align": "left", "bgcolor": "white", "font": {"size": 12}},
        "hovermode": "closest",
        "xaxis": _AXIS,
        "yaxis": _AXIS,
        "title": {"x": 0, "xref": "paper", "font": {"size": 15}},
        "annotationdefaults": {"font": {"size": 12}},
    }
)


def panels(rows: int, columns: int, heights: list[float] | None = None, gap: int = 84, **how: Any) -> Any:  # noqa: ANN401  a Figure
    """Return a figure of empty panels, `rows x columns`.

    Args:
        rows: At least one.
        columns: At least one.
        heights: Of the rows, relative to one panel; 1 each when None.
        gap: Between rows, px.
        how: Passed on to plotly's `make_subplots`.
    """
    tall = sum(heights or [1.0] * rows)
    how.setdefault("vertical_spacing", min(gap / (PANEL * tall), 0.9 / max(rows - 1, 1)) if rows > 1 else 0)
    how.setdefault("horizontal_spacing", 0.09 if columns > 1 else 0)
    figure = make_subplots(rows, columns, row_heights=heights, **how)
    figure.update_layout(
        template=TEMPLATE,
        height=round(EDGES + PANEL * tall),
        margin={"l": 10, "r": 16, "t": TOP, "b": 40},
        modebar={"orientation": "v", "bgcolor": "rgba(255,255,255,0)"},
        legend={"orientation": "h", "x": 0, "y": 1, "yref": "container", "yanchor": "top", "font": {"size": 12}},
    )
    return figure


def side_by_side(number: int, most: int) -> int:
    """Return how many of a number of panels stand side by side, at most; four stand in a square.

    >>> [side_by_side(number, 3) for number in (1, 3, 4, 5)]
    [1, 3, 2, 3]
    """
    return 2 if number == 4 and most == 3 else max(1, min(number, most))


def words(text: object, most: int = 60) -> str:
    """Return a text as plotly shows it letter by letter: what looks like markup is none.

    >>> words("<b>water</b>")
    '&lt;b&gt;water&lt;/b&gt;'
    """
    told = str(text)
    return html.escape(told if len(told) <= most else told[: most - 1] + "…", quote=False)


def unit_text(unit: str) -> str:
    """Return a unit as it is printed.

    >>> unit_text("degC"), unit_text("mS/cm")
    ('°C', 'mS/cm')
    """
    return {"degC": "°C", "degF": "°F", "uL": "µL", "um": "µm", "uS/cm": "µS/cm"}.get(unit, unit)


def titled(name: str, unit: str = "") -> str:
    """Return what stands at an axis.

    >>> titled("temperature", "degC")
    'temperature (°C)'
    """
    return f"{words(name, 40)} ({words(unit_text(unit))})" if unit else words(name, 40)


def units_of(problem: Problem, outcomes: Mapping[str, str] | None = None) -> dict[str, str]:
    """Return the unit of each key of a point and of each quantity, where there is one.

    Args:
        problem: Tells those of parameters and objectives.
        outcomes: What else is measured -> its unit, as a protocol tells.
    """
    units = {axis.name: getattr(axis, "unit", "") for axis in getattr(problem.space, "axes", ())}
    units |= dict(outcomes or {}) | {one.name: one.unit for one in problem.objectives if one.unit}
    return {name: unit for name, unit in units.items() if unit}


def shown(value: object) -> str:
    """Return a value as people read it.

    >>> shown(0.123456), shown(12), shown("water")
    ('0.1235', '12', 'water')
    """
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def shown_at(problem: Problem, name: str, value: object) -> str:
    """Return a value of a point as people read it; a part of a mixture that is nothing but rounding is 0."""
    for one in getattr(problem.space, "parameters", ()):
        if isinstance(one, Mixture) and name in one.names and isinstance(value, float):
            return shown(value if abs(value) > 1e-9 * one.total else 0.0)
    return shown(value)


def draw_keyed(figure: Any, place: Mapping[str, int], told: set[str], group: str, **how: Any) -> None:  # noqa: ANN401  a Figure
    """Draw a scatter whose name stands in the legend once, however many panels have one of its group.

    Args:
        figure: To draw in.
        place: `row` and `col` of the panel.
        told: Groups that the legend has; added to.
        group: The scatter's.
        how: As plotly's Scatter takes it.
    """
    figure.add_trace(go.Scatter(legendgroup=group, showlegend=group not in told, **how), **place)
    told.add(group)


def key_entry(figure: Any, name: str, **how: Any) -> None:  # noqa: ANN401  a Figure
    """Add an entry to the legend that is no trace of its own: its mark or line is given by `how`."""
    figure.add_trace(go.Scatter(x=[None], y=[None], name=name, hoverinfo="skip", **how))
