"""Values, points and times in words."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from autolab.plots.marks import measured_text
from autolab.plots.style import shown, shown_at, unit_text
from autolab.report.markup import NOTHING, Cell, Html, number_cell, text

if TYPE_CHECKING:
    from autolab.model.problem import Problem
    from autolab.model.trial import Measurement, Outcome, Trial


def with_unit(value: object, unit: str = "") -> str:
    """Return a value with its unit.

    >>> with_unit(25.0, "degC")
    '25 °C'
    """
    return f"{shown(value)} {unit_text(unit)}".rstrip()


def point_words(problem: Problem, point: Mapping[str, object], units: Mapping[str, str]) -> Html:
    """Return a point in words, in the space's order."""
    told = []
    for name in (name for name in problem.space.names if name in point):
        value = f"{shown_at(problem, name, point[name])} {unit_text(units.get(name, ''))}".rstrip()
        told.append(f"{text(name)}&nbsp;=&nbsp;<b>{text(value)}</b>")
    return ", ".join(told)


def value_cell(problem: Problem | None, trial: Trial, name: str) -> Cell:
    """Return the cell of a value of a trial's point; empty where it lacks it."""
    value = trial.point.get(name)
    if value is None:
        return NOTHING
    told = shown(value) if problem is None else shown_at(problem, name, value)
    return number_cell(float(value), told) if isinstance(value, int | float) else Cell(text(value), str(value))


def in_order(problem: Problem, outcome: Outcome) -> list[tuple[str, Measurement]]:
    """Return what was measured: what the problem is about first, in its order."""
    names = dict.fromkeys([*problem.outcome_names, *outcome])
    return [(name, outcome[name]) for name in names if name in outcome]


def outcome_cell(trial: Trial, name: str) -> Cell:
    """Return the cell of a measured quantity; empty where the trial lacks it."""
    one = trial.outcome.get(name)
    return NOTHING if one is None else number_cell(one.value, measured_text(one))


def column(name: str, units: Mapping[str, str]) -> str:
    """Return the heading of a quantity's column."""
    unit = unit_text(units.get(name, ""))
    return f"{name} ({unit})" if unit else name


def moment(wall_time: float) -> str:
    """Return a point in time.

    >>> moment(0.0)
    '1970-01-01 00:00:00 UTC'
    """
    return datetime.fromtimestamp(wall_time, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")


def count(number: int, one: str, many: str = "") -> str:
    """Return a number with its noun.

    >>> count(1, "trial"), count(2, "trial")
    ('1 trial', '2 trials')
    """
    return f"{number} {one if number == 1 else many or one + 's'}"
