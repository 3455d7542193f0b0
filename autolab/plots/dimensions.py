"""What a space varies, one entry a key of a point, alike for a `Space` and for `Candidates`."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from autolab.model.candidates import Candidates
from autolab.model.mixture import Mixture
from autolab.model.parameters import Categorical, Real
from autolab.plots.style import titled, words

if TYPE_CHECKING:
    from autolab.model.parameters import Axis
    from autolab.model.problem import Problem
    from autolab.model.trial import Value


@dataclass(frozen=True)
class Dimension:
    """One key of a point.

    Attributes:
        name: Key.
        unit: Empty where there is none.
        log: Shown on a logarithmic scale.
        labels: Its labels as texts, where it is a choice and has no number; else empty.
        values: Where a picture looks: all values of a grid, or evenly spread ones.
        mixture: The mixture that it is a component of.
    """

    name: str
    unit: str
    log: bool
    labels: tuple[str, ...]
    values: tuple[Value, ...]
    mixture: Mixture | None = None


def dimensions(problem: Problem, steps: int = 41) -> list[Dimension]:
    """Return the keys of a point, in order.

    Args:
        problem: Tells the space.
        steps: How many values at most a number is looked at.
    """
    space = problem.space
    if isinstance(space, Candidates):
        return [_column(name, space.table[name], steps) for name in space.names]
    owners = {name: one for one in space.parameters if isinstance(one, Mixture) for name in one.names}
    return [_axis(axis, owners.get(axis.name), steps) for axis in space.axes]


def _column(name: str, values: object, steps: int) -> Dimension:
    found = tuple(dict.fromkeys(values))  # type: ignore[call-overload]  # a column of a table: a tuple of values
    if any(isinstance(value, str) for value in found):
        return Dimension(name, "", False, tuple(map(str, found)), found)
    return Dimension(name, "", False, (), tuple(_thinned(sorted(found), steps)))


def _axis(axis: Axis, mixture: Mixture | None, steps: int) -> Dimension:
    unit = getattr(axis, "unit", "")
    if isinstance(axis, Categorical):
        return Dimension(axis.name, unit, False, tuple(map(str, axis.values)), tuple(axis.values))
    if isinstance(axis, Real):
        return Dimension(axis.name, unit, axis.log, (), tuple(axis.quantile(np.linspace(0, 1, steps))))
    if mixture is not None:
        low = 0.0 if axis.fault(0.0) is None else axis.low
        values = [float(x) for x in np.linspace(axis.low, axis.high, steps)]
        return Dimension(axis.name, unit, False, (), tuple(values if low == axis.low else [low, *values]), mixture)
    return Dimension(axis.name, unit, False, (), tuple(_thinned(list(axis.grid or ()), steps)))


def _thinned(values: list[Value], steps: int) -> list[Value]:
    """Return at most `steps` of the values, evenly spread, ends included."""
    if len(values) <= steps:
        return values
    return [values[round(i)] for i in np.linspace(0, len(values) - 1, steps)]


def axis_settings(axis: Dimension) -> dict[str, Any]:
    """Return how plotly shows a dimension: its title, its scale, and its ticks where the scale is logarithmic."""
    told: dict[str, Any] = {"title_text": titled(axis.name, axis.unit), "type": "linear"}
    if axis.labels:
        return told | {"type": "category", "categoryorder": "array", "categoryarray": [label(v) for v in axis.labels]}
    if axis.log:
        ticks = _log_ticks(float(axis.values[0]), float(axis.values[-1]))
        return told | {"type": "log", "tickvals": ticks, "ticktext": [f"{tick:.4g}" for tick in ticks]}
    return told


def label(value: object) -> str:
    """Return a choice's label as it stands at an axis."""
    return words(value, 24)


def _log_ticks(low: float, high: float) -> list[float]:
    """Return the 1, 2 and 5 of each decade in a range; where that is many, its powers of ten alone."""
    decades = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    digits = (1.0, 2.0, 5.0) if len(decades) <= 4 else (1.0,)
    return [digit * 10.0**power for power in decades for digit in digits if low <= digit * 10.0**power <= high]
