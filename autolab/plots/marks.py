"""Trials as marks: which kind each is, what a pointer over it reads, error bars."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, Literal

from autolab.model.trial import FINAL, Measurement
from autolab.plots.style import shown, shown_at, unit_text, words

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from autolab.model.problem import Problem
    from autolab.model.trial import Trial

Kind = Literal["good", "breaks", "invalidated", "failed", "open"]
WIDE = 1.96
"""Standard errors on either side of a measured value that hold 95 % of a normal distribution."""


def kind_of(problem: Problem, trial: Trial) -> Kind:
    """Return what kind of mark a trial gets: `breaks` an outcome constraint, or is still `open`."""
    if trial.state not in FINAL:
        return "open"
    if trial.state != "completed" or problem.missing(trial.outcome):
        return "failed"
    if trial.invalidated:
        return "invalidated"
    return "good" if problem.feasible(trial.outcome) else "breaks"


def by_kind(problem: Problem, trials: Iterable[Trial]) -> dict[Kind, list[Trial]]:
    """Return trials by their kind, in order."""
    sorted_: dict[Kind, list[Trial]] = {"good": [], "breaks": [], "invalidated": [], "failed": [], "open": []}
    for trial in trials:
        sorted_[kind_of(problem, trial)].append(trial)
    return sorted_


def half_width(measured: Measurement) -> float:
    """Return half of the interval that holds the value with 95 %; 0 where no standard error is known."""
    return WIDE * (measured.standard_error or 0.0)


def error_bars(trials: Iterable[Trial], name: str) -> dict[str, Any] | None:
    """Return plotly's error bars of a quantity, 95 %; None where no trial knows an error."""
    halves = [half_width(trial.outcome[name]) for trial in trials]
    if not any(halves):
        return None
    return {"type": "data", "array": halves, "thickness": 1.2, "width": 3}


def measured_text(measured: Measurement, unit: str = "") -> str:
    """Return a measured value with its 95 % interval, where its error is known, and unit.

    The interval has two digits, and the value as many decimals.

    >>> measured_text(Measurement(12.47123, 0.1), "mS/cm"), measured_text(Measurement(1234.5, 60.0))
    ('12.47 ± 0.20 mS/cm', '1234 ± 118')
    """
    half = half_width(measured)
    decimals = 1 - math.floor(math.log10(half)) if half else 99
    if decimals <= 9:
        told = f"{measured.value:.{max(decimals, 0)}f} ± {half:.{max(decimals, 0)}f}"
    else:
        told = shown(float(measured.value))
    return f"{told} {unit_text(unit)}".rstrip()


def hover(problem: Problem, trial: Trial, units: Mapping[str, str]) -> str:
    """Return what a pointer over a trial's mark reads."""
    state = f"{trial.state}, invalidated" if trial.invalidated else trial.state
    name = f"trial {trial.number}" if trial.number else f"earlier trial ({trial.source})"
    lines = [f"<b>{name}</b> {state}"]
    lines += [
        f"{words(key)} = {words(shown_at(problem, key, trial.point[key]))} {words(unit_text(units.get(key, '')))}"
        for key in problem.space.names
        if key in trial.point
    ]
    lines += [
        f"<b>{words(key)} {words(measured_text(value, units.get(key, '')))}</b>" for key, value in trial.outcome.items()
    ]
    if trial.reason:
        lines.append(f"<i>{words(trial.reason, 100)}</i>")
    return "<br>".join(lines)
