"""What a trial costs: time or money, more where a setting has to change that is slow to change."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from autolab.model.candidates import Candidates
from autolab.model.errors import InputError
from autolab.model.names import did_you_mean
from autolab.model.parameters import Categorical, Component
from autolab.model.ranges import is_finite

if TYPE_CHECKING:
    from autolab.model.space import Space
    from autolab.model.trial import Point

Array = NDArray[np.float64]


@dataclass(frozen=True, init=False)
class Cost:
    """What one trial costs, by its point and by that of the trial before.

    `base`, and for each key of `change` as much of its cost as the setting moves: all of it for the whole range of a
    number or another label, half of it for half the range. Or a function of both points.

    Args:
        function: (point, the point before or None) -> cost, positive; pure. Stands instead of `base` and `change`.
        base: What every trial costs.
        change: Key of the point -> what its change over the whole range costs beside, or that of a label.
        unit: Of the cost, as people write it.

    Raises:
        InputError: `base` is not positive, a change is negative, or both they and a function are given.

    >>> from autolab.model.parameters import Real
    >>> from autolab.model.space import Space
    >>> cost = Cost(base=1.0, change={"T": 5.0}, unit="min").over(Space([Real("T", 20, 120), Real("rate", 1, 5)]))
    >>> points = [{"T": 20.0, "rate": 5.0}, {"T": 70.0, "rate": 1.0}]
    >>> cost.of(points, None).tolist(), cost.of(points, {"T": 20.0, "rate": 1.0}).tolist()
    ([1.0, 1.0], [1.0, 3.5])
    """

    base: float = 1.0
    change: Mapping[str, float] = field(default_factory=dict, hash=False)
    unit: str = ""
    function: Callable[[Point, Point | None], float] | None = None
    spans: Mapping[str, float | None] = field(default_factory=dict, compare=False, repr=False)

    def __init__(
        self,
        function: Callable[[Point, Point | None], float] | None = None,
        *,
        base: float = 1.0,
        change: Mapping[str, float] | None = None,
        unit: str = "",
        spans: Mapping[str, float | None] | None = None,
    ) -> None:
        if function is not None and not callable(function):
            msg = f"the function of a cost must be called with a point and the one before, got {function!r}"
            raise InputError(msg)
        if function is not None and (change or base != 1.0):
            msg = "a cost is a function, or base and change; give one of the two"
            raise InputError(msg)
        if not is_finite(base) or base <= 0:
            msg = f"the base of a cost must be a positive number, for no trial is free, got {base!r}"
            raise InputError(msg)
        for name, value in (change or {}).items():
            if not is_finite(value) or value < 0:
                msg = f"what a change of {name!r} costs must be 0 or more, got {value!r}"
                raise InputError(msg)
        object.__setattr__(self, "function", function)
        object.__setattr__(self, "base", float(base))
        object.__setattr__(self, "change", {name: float(value) for name, value in (change or {}).items()})
        object.__setattr__(self, "unit", unit)
        object.__setattr__(self, "spans", dict(spans or {}))

    def over(self, space: Space | Candidates) -> Cost:
        """Return this cost with the ranges of a space: as a `Problem` holds it.

        Raises:
            InputError: A change of something that does not vary in the space.
        """
        for name in self.change:
            if name not in space.names:
                msg = f"cost: there is no {name!r} to change: {did_you_mean(name, space.names)}"
                raise InputError(msg)
        return replace(self, spans={name: _span(space, name) for name in self.change})

    def of(self, points: Sequence[Point], previous: Point | None) -> Array:
        """Return what each of `n` points would cost if it came next, positive numbers in `unit`.

        Args:
            points: In the user's units.
            previous: Point of the trial before; None for the first, which costs `base`: nothing is known to change. A
                key that it lacks counts as changed.

        Raises:
            InputError: The function raises or gives no positive number, a key is missing, or the ranges are not known
                since the cost belongs to no problem yet.
        """
        if self.function is not None:
            return np.array([self._asked(point, previous) for point in points], dtype=float)
        costs = np.full(len(points), self.base)
        if previous is None:
            return costs
        for name, whole in self.change.items():
            costs += whole * self._moved(name, points, previous)
        return costs

    def _moved(self, name: str, points: Sequence[Point], previous: Point) -> Array:
        """Return the share of its range that a key moves, 1 for another label."""
        if name not in self.spans:
            msg = "a cost knows how far a setting moves once it is part of a problem: ask problem.cost, or cost.over(space)"
            raise InputError(msg)
        try:
            values = [point[name] for point in points]
        except KeyError:
            msg = f"a point lacks {name!r}, whose change costs something"
            raise InputError(msg) from None
        span, before = self.spans[name], previous.get(name)
        if span is None or not is_finite(before):
            return np.array([float(value != before) for value in values])
        return np.abs(np.array(values, dtype=float) - float(before)) / span

    def _asked(self, point: Point, previous: Point | None) -> float:
        told = f"the cost of {dict(point)!r} after {None if previous is None else dict(previous)!r}"
        given: Any = None
        try:
            given = self.function(dict(point), None if previous is None else dict(previous))  # type: ignore[misc]  # there is one
        except Exception as error:  # whatever a person's function raises
            msg = f"{told} cannot be told: {type(error).__name__}: {error}"
            raise InputError(msg) from error
        if not is_finite(given) or given <= 0:
            msg = f"{told} must be a positive number, got {given!r}"
            raise InputError(msg)
        return float(given)

    def order(self, points: Sequence[Point], previous: Point | None) -> list[int]:
        """Return the places of points in an order that costs little: always the cheapest next, the first of equals.

        Args:
            points: To be tried one after another.
            previous: Point of the trial before them.

        Raises:
            InputError: As `of`.
        """
        left, order = list(range(len(points))), list[int]()
        while left:
            costs = self.of([points[i] for i in left], previous)
            order.append(left.pop(int(costs.argmin())))
            previous = points[order[-1]]
        return order


def _span(space: Space | Candidates, name: str) -> float | None:
    """Return the range of a number; None for labels."""
    if isinstance(space, Candidates):
        return space.span(name)
    axis = space.axes[space.names.index(name)]
    if isinstance(axis, Categorical):
        return None
    low = axis.floor if isinstance(axis, Component) else axis.low
    return max(float(axis.high) - float(low), 1e-300)
