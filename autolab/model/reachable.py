"""Which values a ratio of two weighted sums of parameters can have over a space, exactly.

Compositions are such ratios: of the masses of what stocks bring along, both linear in the stocks' volumes. Over a
polytope they are bounded by a linear program in as many variables and one more (A. Charnes, W. W. Cooper, "Programming
with linear fractional functionals", Naval Research Logistics Quarterly 9 (1962) 181).
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from autolab.model.candidates import Candidates
from autolab.model.constraints import Linear
from autolab.model.parameters import Categorical, Mixture
from autolab.model.stocks import MOLAR_MASS

if TYPE_CHECKING:
    from autolab.model.ranges import Array
    from autolab.model.space import Space
    from autolab.model.stocks import Stock
    from autolab.model.trial import Point

DIGITS = 4
"""Significant digits of the constraints that are told; they are rounded to the safe side."""


@dataclass(frozen=True)
class Ratio:
    """A ratio of two weighted sums of parameters.

    Attributes:
        above: Parameter -> weight.
        below: Parameter -> weight; their sum is positive at every point of the space in question.
    """

    above: Mapping[str, float]
    below: Mapping[str, float]

    def at(self, point: Point) -> float:
        """Return its value at a point."""
        above, below = (
            math.fsum(weight * float(point[name]) for name, weight in side.items()) for side in (self.above, self.below)
        )
        return above / below

    def at_most(self, limit: float) -> Linear | None:
        """Return the linear constraint that keeps it at or below a limit; None where no weight is left.

        For parameters that are not negative; rounded so that it keeps a little more than it must.
        """
        names = list(dict.fromkeys((*self.above, *self.below)))
        weights = {name: self.above.get(name, 0.0) - limit * self.below.get(name, 0.0) for name in names}
        return _kept(weights)

    def at_least(self, limit: float) -> Linear | None:
        """Return the linear constraint that keeps it at or above a limit: see `at_most`."""
        names = list(dict.fromkeys((*self.above, *self.below)))
        weights = {name: limit * self.below.get(name, 0.0) - self.above.get(name, 0.0) for name in names}
        return _kept(weights)


def amount_of(species: str, stocks: Mapping[str, Stock]) -> Ratio:
    """Return a species' mass fraction of the solvent (of a salt: its mol/kg) as a ratio of the stocks' volumes.

    Args:
        species: Solvent or salt.
        stocks: Parameter -> stock.
    """
    held = {name: stock.grams(1.0) for name, stock in stocks.items()}
    solvent = {name: sum(m for one, m in grams.items() if one not in MOLAR_MASS) for name, grams in held.items()}
    factor = 1000.0 / MOLAR_MASS[species] if species in MOLAR_MASS else 1.0
    return Ratio({name: factor * grams.get(species, 0.0) for name, grams in held.items()}, solvent)


def reach(space: Space | Candidates, ratio: Ratio) -> tuple[float, float]:
    """Return the least and the greatest value of a ratio over a space.

    Whole and ordinal parameters are taken as continuous, so that the range may be a little wide where they matter.

    Raises:
        ValueError: The ratio weighs something that is no number of this space, or is unbounded in it.
    """
    if isinstance(space, Candidates):
        values = _weighed(space, ratio.above) / _weighed(space, ratio.below)
        return float(values.min()), float(values.max())
    missing = [name for name in (*ratio.above, *ratio.below) if name not in space.names]
    if missing:
        msg = f"{missing[0]!r} is no parameter of the space: {', '.join(space.names)}"
        raise ValueError(msg)
    found = [ends for absent in _absences(space) if (ends := _ends(space, ratio, absent)) is not None]
    if not found:
        msg = "no point of the space gives the ratio a finite value"
        raise ValueError(msg)
    return min(low for low, _ in found), max(high for _, high in found)


def _weighed(table: Candidates, weights: Mapping[str, float]) -> Array:
    return np.asarray(sum(weight * table.column(name).astype(float) for name, weight in weights.items()))


def _absences(space: Space) -> Iterator[frozenset[str]]:
    """Yield which components are absent, in every way that mixtures allow."""
    choices: list[list[frozenset[str]]] = []
    for one in space.parameters:
        if isinstance(one, Mixture) and one.at_most is not None:
            sizes = range(1, one.at_most + 1)
            present = itertools.chain.from_iterable(itertools.combinations(one.names, size) for size in sizes)
            choices.append([frozenset(one.names).difference(names) for names in present])
    for absent in itertools.product(*choices):
        yield frozenset().union(*absent)


def _ends(space: Space, ratio: Ratio, absent: frozenset[str]) -> tuple[float, float] | None:
    """Return the range of a ratio with some components absent; None where no point is like that."""
    from scipy.optimize import linprog  # loaded late: tenths of a second

    axes: list[Any] = [axis for axis in space.axes if not isinstance(axis, Categorical)]
    names = [axis.name for axis in axes]
    inequalities = [*_bounds(axes, absent), *_rows(space, names)]
    below = _vector(ratio.below, names)
    ends = []
    for sign in (1.0, -1.0):
        found = linprog(
            sign * np.append(_vector(ratio.above, names), 0.0),
            A_ub=np.array(inequalities),
            b_ub=np.zeros(len(inequalities)),
            A_eq=np.append(below, 0.0)[None, :],
            b_eq=[1.0],
            bounds=[*((None, None) for _ in names), (0, None)],
        )
        if found.status != 0:
            return None
        ends.append(sign * float(found.fun))
    return ends[0], ends[1]


def _bounds(axes: Sequence[Any], absent: frozenset[str]) -> Iterator[Array]:
    """Yield rows of `A (y, t) <= 0` that keep each axis within its bounds, scaled by `t`."""
    for place, axis in enumerate(axes):
        low, high = (0.0, 0.0) if axis.name in absent else (axis.low, axis.high)
        for sign, bound in ((-1.0, low), (1.0, high)):
            row = np.zeros(len(axes) + 1)
            row[place], row[-1] = sign, -sign * bound
            yield row


def _rows(space: Space, names: Sequence[str]) -> Iterator[Array]:
    """Yield rows of `A (y, t) <= 0` for the space's constraints, totals of mixtures included."""
    for one in space.rows:
        weights = _vector(one.weights, names)
        if math.isfinite(one.high):
            yield np.append(weights, -one.high)
        if math.isfinite(one.low):
            yield np.append(-weights, one.low)


def _vector(weights: Mapping[str, float], names: Iterable[str]) -> Array:
    return np.array([weights.get(name, 0.0) for name in names])


def _kept(weights: Mapping[str, float]) -> Linear | None:
    """Return `weights . x <= 0` with the largest weight 1 and few digits, each rounded up: `x` is not negative."""
    largest = max(abs(weight) for weight in weights.values())
    if largest == 0:
        return None
    rounded = {name: _rounded_up(weight / largest) for name, weight in weights.items()}
    return Linear(rounded, "<=", 0.0) if any(rounded.values()) else None


def _rounded_up(value: float) -> float:
    step = 10.0**-DIGITS
    return round(math.ceil(value / step - 1e-9) * step, DIGITS) + 0.0
