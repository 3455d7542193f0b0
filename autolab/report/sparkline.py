"""A small picture of the progress that needs no script: SVG, for places where none runs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from autolab.plots.marks import by_kind
from autolab.plots.progress import best_so_far
from autolab.plots.style import BLUE, INK, ORANGE, VERMILION, shown, unit_text
from autolab.report.markup import Html, text

if TYPE_CHECKING:
    from autolab.model.problem import Problem
    from autolab.model.trial import Trial

WIDE, HIGH, LEFT, EDGE = 460, 150, 62, 14


def sparkline(problem: Problem, trials: Sequence[Trial]) -> Html:
    """Return a small plot of the first objective over the trials; empty where none has an outcome."""
    objective = problem.objectives[0]
    sorted_ = by_kind(problem, trials)
    measured = [*sorted_["good"], *sorted_["breaks"]]
    if not measured:
        return ""
    values = [trial.outcome[objective.name].value for trial in measured]
    low, span = min(values), (max(values) - min(values)) or 1.0
    last = max(trial.number for trial in trials)

    def x(number: int) -> float:
        return round(LEFT + (WIDE - LEFT - EDGE) * (number - 1) / max(last - 1, 1), 1)

    def y(value: float) -> float:
        return round(HIGH - 24 - (HIGH - 24 - EDGE) * (value - low) / span, 1)

    marks = [_circle(x(t.number), y(t.outcome[objective.name].value), BLUE, BLUE) for t in sorted_["good"]]
    marks += [_circle(x(t.number), y(t.outcome[objective.name].value), "white", ORANGE) for t in sorted_["breaks"]]
    marks += [_cross(x(t.number), HIGH - 18) for t in sorted_["failed"]]
    numbers, best = best_so_far(problem, objective, trials)
    steps = "".join(f"H{x(number)}V{y(value)}" for number, value in zip(numbers[1:], best[1:], strict=True))
    line = f"M{x(numbers[0])},{y(best[0])}{steps}H{x(last)}" if numbers else ""
    unit = unit_text(objective.unit)
    title = f"{objective.name} of {len(measured)} trials, from {shown(low)} to {shown(max(values))} {unit}".rstrip()
    return (
        f'<svg role="img" aria-label="{text(title)}" viewBox="0 0 {WIDE} {HIGH}" width="{WIDE}" height="{HIGH}" '
        'style="max-width:100%;background:white" font-family="sans-serif" font-size="11">'
        f'<path d="M{LEFT - 6},{EDGE - 6}V{HIGH - 10}H{WIDE - 4}" fill="none" stroke="#9ca3af"/>'
        f"{_label(y(max(values)), max(values))}{_label(y(low), low) if max(values) > low else ''}"
        f'<text x="{WIDE - 6}" y="{HIGH - 1}" text-anchor="end" fill="{INK}">trial {last}</text>'
        f'<path d="{line}" fill="none" stroke="{INK}" stroke-width="1.5"/>{"".join(marks)}</svg>'
    )


def _circle(x: float, y: float, fill: str, stroke: str) -> Html:
    return f'<circle cx="{x}" cy="{y}" r="3" fill="{fill}" stroke="{stroke}" stroke-width="1.5"/>'


def _cross(x: float, y: float) -> Html:
    return f'<path d="M{x - 3},{y - 3}l6,6m0,-6l-6,6" stroke="{VERMILION}" stroke-width="2"/>'


def _label(y: float, value: float) -> Html:
    return f'<text x="{LEFT - 10}" y="{y + 4}" text-anchor="end" fill="{INK}">{text(shown(value))}</text>'
