"""A space as packages see it that know boxes, choices and linear inequalities."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from autolab.model.candidates import Candidates
from autolab.model.parameters import Categorical, Component, Integer, Ordinal, Real

if TYPE_CHECKING:
    from autolab.model.parameters import Axis
    from autolab.model.space import Space
    from autolab.model.trial import Point, Value

Kind = Literal["real", "integer", "ordinal", "category"]
_SMALL = 1e-12


@dataclass(frozen=True)
class Variable:
    """One key of a point that can take more than one value.

    Attributes:
        name: Key in the point.
        kind: Continuous, whole numbers, numbers of a list, or labels.
        values: Of a list or of labels; empty for the others.
        low: Least value; of labels 0.
        high: Greatest value; of labels 0.
        log: Whether it is spread over its logarithm.
        tied: Whether a linear constraint or a mixture weighs it.
        share: Whether it is a component of a mixture.
    """

    name: str
    kind: Kind
    values: tuple[Value, ...] = ()
    low: float = 0.0
    high: float = 0.0
    log: bool = False
    tied: bool = False
    share: bool = False


def variables(space: Space | Candidates) -> tuple[list[Variable], dict[str, Value]]:
    """Return what varies, in the order of the keys, and the values of keys that can take but one.

    Of a table of candidates a column of numbers is continuous, one with texts a choice.
    """
    if isinstance(space, Candidates):
        found = [_of_column(name, tuple(values)) for name, values in space.table.items() if len(set(values)) > 1]
        return found, {name: values[0] for name, values in space.table.items() if len(set(values)) == 1}
    tied = {name for row in space.rows for name in row.weights}
    fixed = {axis.name: axis.high for axis in space.axes if isinstance(axis, Component) and axis.high <= axis.floor}
    return [_of_axis(axis, axis.name in tied) for axis in space.axes if axis.name not in fixed], dict(fixed)


def _of_column(name: str, values: tuple[Any, ...]) -> Variable:
    if any(isinstance(value, str) for value in values):
        return Variable(name, "category", tuple(sorted(set(values), key=str)))
    return Variable(name, "real", (), float(min(values)), float(max(values)))


def _of_axis(axis: Axis, tied: bool) -> Variable:
    if isinstance(axis, Categorical):
        return Variable(axis.name, "category", tuple(axis.values))
    if isinstance(axis, Ordinal):
        return Variable(axis.name, "ordinal", tuple(axis.values), axis.low, axis.high, tied=tied)
    if isinstance(axis, Integer):
        return Variable(axis.name, "integer", (), axis.low, axis.high, tied=tied)
    if isinstance(axis, Real):
        return Variable(axis.name, "real", (), axis.low, axis.high, axis.log, tied)
    return Variable(axis.name, "real", (), axis.floor, axis.high, tied=tied, share=True)


def texts(values: Sequence[Value]) -> dict[str, Value]:
    """Return labels by a text each, for packages whose categories are texts.

    >>> texts(["DMSO", 1, 2.5]), texts([1, "1"])
    ({'DMSO': 'DMSO', '1': 1, '2.5': 2.5}, {'0: 1': 1, '1: 1': '1'})
    """
    plain = {str(value): value for value in values}
    return plain if len(plain) == len(values) else {f"{i}: {value}": value for i, value in enumerate(values)}


@dataclass(frozen=True)
class Sum:
    """`constant + sum(weight * value)`.

    >>> Sum({"a": -1.0}, 1.0).at({"a": 0.25})
    0.75
    """

    weights: Mapping[str, float]
    constant: float = 0.0

    def at(self, values: Mapping[str, Any]) -> float:
        """Return the sum for values."""
        return self.constant + math.fsum(weight * float(values[name]) for name, weight in self.weights.items())

    def with_(self, name: str, other: Sum) -> Sum:
        """Return this sum with another in place of one of its values."""
        factor = self.weights.get(name, 0.0)
        if factor == 0.0:
            return self
        names = dict.fromkeys([*self.weights, *other.weights])
        both = {n: self.weights.get(n, 0.0) * (n != name) + factor * other.weights.get(n, 0.0) for n in names}
        return Sum(
            {n: weight for n, weight in both.items() if abs(weight) > _SMALL}, self.constant + factor * other.constant
        )


class Reduced:
    """A space with each equality solved for one continuous number, which then no longer varies on its own.

    A mixture is solved for its last component.

    Attributes:
        free: The variables that are left.
        fixed: Values of keys that can take but one.
        solved: Key -> the sum of free variables that it equals.
        inequalities: Sums of free variables that must not be positive. Those that bounds imply are left out.
        unsolved: Equalities between whole numbers or lists, in words: nothing continuous to solve them for.
    """

    def __init__(self, space: Space) -> None:
        free, self.fixed = variables(space)
        self._by_name = {one.name: one for one in free}
        self.solved: dict[str, Sum] = {}
        self.unsolved: list[str] = []
        rows = [(self._without_fixed(Sum(row.weights)), row) for row in space.rows]
        for total, row in rows:
            if row.low == row.high:
                self._solve(Sum(total.weights, total.constant - row.low), row.text)
        self.free = [one for one in free if one.name not in self.solved]
        limits: list[Sum] = []
        for total, row in rows:
            if row.low != row.high:
                limits += _limits(total, row.low, row.high)
        for name, total in self.solved.items():
            limits += _limits(total, self._by_name[name].low, self._by_name[name].high)
        reduced = [self._substituted(one) for one in limits]
        self.inequalities = [one for one in reduced if one.weights and self._greatest(one) > _SMALL]

    def _without_fixed(self, total: Sum) -> Sum:
        for name, value in self.fixed.items():
            total = total.with_(name, Sum({}, float(value)))
        return total

    def _substituted(self, total: Sum) -> Sum:
        for name, other in self.solved.items():
            total = total.with_(name, other)
        return total

    def _solve(self, zero: Sum, text: str) -> None:
        zero = self._substituted(zero)
        most = max(map(abs, zero.weights.values()), default=0.0)
        order = list(self._by_name)
        able = [n for n, w in zero.weights.items() if self._by_name[n].kind == "real" and abs(w) > 0.1 * most]
        if not able:
            if zero.weights:
                self.unsolved.append(text)
            return
        name = max(able, key=order.index)
        factor = -1.0 / zero.weights[name]
        other = {n: factor * weight for n, weight in zero.weights.items() if n != name}
        found = Sum(other, factor * zero.constant)
        self.solved = {n: total.with_(name, found) for n, total in self.solved.items()} | {name: found}

    def _greatest(self, total: Sum) -> float:
        """Return the greatest value of a sum within the bounds of the variables."""
        bounds = [(w, self._by_name[name]) for name, w in total.weights.items()]
        return total.constant + math.fsum(w * (one.high if w > 0 else one.low) for w, one in bounds)

    def whole(self, values: Mapping[str, Any]) -> dict[str, Any]:
        """Return a point from values of the free variables: it keeps every equality, but for the unsolved."""
        return {**values, **self.fixed, **{name: total.at(values) for name, total in self.solved.items()}}

    def part(self, point: Point) -> dict[str, Any]:
        """Return the values that a point gives the free variables."""
        return {one.name: point[one.name] for one in self.free}


def _limits(total: Sum, low: float, high: float) -> list[Sum]:
    found = []
    if math.isfinite(high):
        found.append(Sum(total.weights, total.constant - high))
    if math.isfinite(low):
        found.append(Sum({name: -w for name, w in total.weights.items()}, low - total.constant))
    return found
