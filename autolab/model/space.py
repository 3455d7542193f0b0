"""The space: parameters that may vary, and the constraints between them."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from autolab.model.constraints import Linear
from autolab.model.coupling import Coupling, Row
from autolab.model.encoding import column_names, decode_axes, encode_axes, value_at
from autolab.model.errors import EmptySpace, InvalidSpace, OutsideSpace
from autolab.model.names import check_distinct, did_you_mean
from autolab.model.parameters import Axis, Categorical, Component, Mixture, NumericAxis, Parameter
from autolab.model.ranges import TOLERANCE, Array

if TYPE_CHECKING:
    from autolab.model.trial import Point, Value

Key = tuple["Value", ...]
"""What tells two points apart: see `Space.key`."""


@dataclass(frozen=True, init=False)
class Space:
    """Parameters and linear constraints between them.

    Whether any point satisfies all constraints is decided, exactly, when the space is declared.

    Attributes:
        parameters: At least one.
        constraints: Each given as a `Linear` or a text such as `2.0 * salt_stock <= 1.6`; kept as `Linear`.

    Raises:
        InvalidSpace: A name twice, or a constraint on something that is not a number of this space.
        EmptySpace: No point satisfies the constraints; the message names those that contradict.

    >>> from autolab.model.parameters import Real, Integer
    >>> space = Space([Real("volume", 0.1, 2.0), Integer("repeats", 1, 9)], ["volume + 0.1*repeats <= 1"])
    >>> space.contains({"volume": 0.5, "repeats": 5}), space.faults({"volume": 0.5, "repeats": 6})
    (True, ['volume + 0.1 * repeats <= 1.0 is missed by 0.1'])
    """

    parameters: Sequence[Parameter]
    constraints: Sequence[Linear] = ()

    def __init__(self, parameters: Iterable[Parameter], constraints: Iterable[Linear | str] = ()) -> None:
        object.__setattr__(self, "parameters", tuple(parameters))
        parsed = tuple(Linear.parse(one) if isinstance(one, str) else one for one in constraints)
        object.__setattr__(self, "constraints", parsed)
        if not self.parameters:
            msg = "a space needs at least one parameter, such as Real('rate', 0.1, 5.0, unit='mL/min')"
            raise InvalidSpace(msg)
        check_distinct(self.names, "parameter", InvalidSpace)
        for constraint in parsed:
            self._check_constraint(constraint)
        if self.coupling is not None and self.coupling.empty:
            raise EmptySpace(self._contradiction())

    def _check_constraint(self, constraint: Linear) -> None:
        for name in constraint.coefficients:
            if name not in self.names:
                msg = f"constraint {str(constraint)!r}: there is no {name!r}: {did_you_mean(name, self.names)}"
                raise InvalidSpace(msg)
            if isinstance(self.axes[self.names.index(name)], Categorical):
                msg = f"constraint {str(constraint)!r}: {name!r} is categorical and has no number to add up"
                raise InvalidSpace(msg)

    def __getstate__(self) -> dict[str, Any]:
        return {"parameters": self.parameters, "constraints": self.constraints}  # caches are made anew

    # -- what it is made of

    @cached_property
    def axes(self) -> tuple[Axis, ...]:
        """One axis a key of a point: the parameters, mixtures unfolded into their components."""
        return tuple(
            axis for one in self.parameters for axis in (one.components if isinstance(one, Mixture) else (one,))
        )

    @cached_property
    def names(self) -> tuple[str, ...]:
        """Keys of a point, in order."""
        return tuple(axis.name for axis in self.axes)

    @cached_property
    def columns(self) -> tuple[str, ...]:
        """Names of the `d` encoded columns: `rate`, `solvent=DMSO` (one-hot), `solvent.polarity` (descriptor)."""
        return tuple(name for axis in self.axes for name in column_names(axis))

    @cached_property
    def rows(self) -> tuple[Row, ...]:
        """Every linear constraint in the user's units, totals of mixtures included."""
        totals = [
            Row(dict.fromkeys(one.names, 1.0), one.total, one.total, f"{' + '.join(one.names)} == {one.total!r}")
            for one in self.parameters
            if isinstance(one, Mixture)
        ]
        return (*totals, *(_row(constraint) for constraint in self.constraints))

    @cached_property
    def coupling(self) -> Coupling | None:
        """The axes that constraints tie together; None without constraints."""
        return self._couple(self.rows) if self.rows else None

    def _couple(self, rows: Sequence[Row]) -> Coupling:
        tied = {name for row in rows for name in row.weights}
        axes: list[NumericAxis] = [
            axis for axis in self.axes if axis.name in tied and not isinstance(axis, Categorical)
        ]
        groups = [
            (one.names, one.at_most)
            for one in self.parameters
            if isinstance(one, Mixture) and one.at_most is not None and tied.issuperset(one.names)
        ]
        return Coupling(axes, rows, groups)

    def _contradiction(self) -> str:
        """Return the message that names a smallest set of constraints which contradict each other."""
        needed = list(self.rows)
        for row in self.rows:
            rest = [one for one in needed if one is not row]
            if rest and self._couple(rest).empty:
                needed = rest
        tied = {name for row in needed for name in row.weights}
        told = [row.text for row in needed] + [
            f"at most {one.at_most} of {', '.join(one.names)}"
            for one in self.parameters
            if isinstance(one, Mixture) and one.at_most is not None and tied.intersection(one.names)
        ]
        return (
            f"no point of the space satisfies: {'; '.join(told)} (within the bounds of its parameters). "
            "Widen bounds or loosen one of these constraints"
        )

    # -- points

    def faults(self, point: Mapping[str, object]) -> list[str]:
        """Return what is wrong with a point, one text a fault; empty when it is in the space."""
        faults = [f"{name} is missing" for name in self.names if name not in point]
        faults += [f"{name!r} is unknown: {did_you_mean(name, self.names)}" for name in point if name not in self.names]
        faults += [
            fault for axis in self.axes if axis.name in point and (fault := axis.fault(point[axis.name])) is not None
        ]
        return faults or self._row_faults(point)

    def _row_faults(self, point: Mapping[str, Any]) -> list[str]:
        faults = []
        for row in self.rows:
            terms = [weight * float(point[name]) for name, weight in row.weights.items()]
            total = math.fsum(terms)
            excess = max(row.low - total, total - row.high)
            bound = row.high if math.isfinite(row.high) else row.low
            if excess > TOLERANCE * max(1.0, abs(bound), max(abs(term) for term in terms)):
                faults.append(f"{row.text} is missed by {excess:.6g}")
        for one in self.parameters:
            if isinstance(one, Mixture) and one.at_most is not None:
                present = [name for name in one.names if point[name] != 0]
                if len(present) > one.at_most:
                    faults.append(f"at most {one.at_most} of {', '.join(one.names)} may be present, not {len(present)}")
        return faults

    def contains(self, point: Mapping[str, object]) -> bool:
        """Return whether a point is in the space (within 1e-9 of a bound)."""
        return not self.faults(point)

    def check(self, point: Mapping[str, object]) -> None:
        """Do nothing for a point of the space.

        Raises:
            OutsideSpace: It is not in the space; the message names every fault.
        """
        faults = self.faults(point)
        if faults:
            msg = f"the point {dict(point)!r} is not in the space: {'; '.join(faults)}"
            raise OutsideSpace(msg)

    def key(self, point: Point) -> Key:
        """Return what two points have in common when they are the same experiment (numbers to 1e-9 of their range)."""
        return tuple(_key(axis, point[axis.name]) for axis in self.axes)

    # -- designs

    def sample(self, n: int, seed: int) -> list[dict[str, Value]]:
        """Return `n` distinct points at random; all there are, where the space holds fewer.

        Even over the encoded cube where no constraint holds; near to uniform in the user's units within constraints.
        """
        rng = np.random.default_rng(seed)
        seen: dict[Key, dict[str, Value]] = {}
        for _ in range(8):  # a space with room yields all at once; what is left over is counted out below
            for point in self._draw(n - len(seen), rng):
                seen.setdefault(self.key(point), point)
            if len(seen) >= n:
                break
        else:
            for point in self._count_out(rng):
                seen.setdefault(self.key(point), point)
                if len(seen) >= n:
                    break
        return list(seen.values())

    def _draw(self, n: int, rng: np.random.Generator) -> list[dict[str, Value]]:
        free = self.at_quantiles(rng.random((n, len(self._free)))) if self._free else [{} for _ in range(n)]
        if self.coupling is not None:
            for point, u in zip(free, self.coupling.sample(n, rng), strict=True):
                point.update(self._coupled_values(u))
        return [self._ordered(point) for point in free]

    def _count_out(self, rng: np.random.Generator) -> Iterator[dict[str, Value]]:
        """Yield the points one by one, each choice in turn; endless where a continuous direction is free."""
        grids = [_shuffled(axis.grid, rng) for axis in self._free if axis.grid is not None]
        if len(grids) < len(self._free):
            while True:
                yield from self._draw(64, rng)
        for values in itertools.product(*grids):
            free = {axis.name: value for axis, value in zip(self._free, values, strict=True)}
            for coupled in self._count_out_coupled(rng):
                yield self._ordered({**free, **coupled})

    def _count_out_coupled(self, rng: np.random.Generator) -> Iterator[dict[str, Value]]:
        if self.coupling is None:
            yield {}
            return
        for chosen in self.coupling.assignments(rng):
            while True:
                for u in self.coupling.points_of(chosen, 1 if self.coupling.is_single(chosen) else 64, rng):
                    yield self._coupled_values(u)
                if self.coupling.is_single(chosen):
                    break

    @cached_property
    def _free(self) -> tuple[Axis, ...]:
        tied = self.coupling.names if self.coupling is not None else ()
        return tuple(axis for axis in self.axes if axis.name not in tied)

    def at_quantiles(self, u: Array) -> list[dict[str, Value]]:
        """Return values of the unconstrained axes, evenly spread when the rows of `u` (`n x free axes`) are."""
        columns = [axis.quantile(u[:, i]) for i, axis in enumerate(self._free) if not isinstance(axis, Component)]
        names = [axis.name for axis in self._free]
        return [dict(zip(names, values, strict=True)) for values in zip(*columns, strict=True)]

    # -- the encoded cube

    def encode(self, points: Sequence[Point]) -> Array:
        """Return `n x d`: points in the unit cube, columns as `columns` names them.

        Bounds are not checked: a point outside them lies outside the cube.

        Raises:
            OutsideSpace: A key is missing, or a category unknown.
        """
        return encode_axes(self.axes, points)

    def decode(self, encoded: Array) -> list[dict[str, Value]]:
        """Return the points of the space nearest to rows of `encoded` (`n x d`); constraints hold within 1e-9."""
        points = decode_axes(self.axes, np.asarray(encoded, dtype=float))
        return [self.snap(point) for point in points]

    def snap(self, point: Mapping[str, Any]) -> dict[str, Value]:
        """Return the point of the space nearest to one that may miss bounds, grids and constraints by a little.

        Args:
            point: Numbers (not rounded yet) and categories of this space.
        """
        values: dict[str, Value] = {
            axis.name: point[axis.name] if isinstance(axis, Categorical) else value_at(axis, float(point[axis.name]))
            for axis in self._free
        }
        if self.coupling is not None:
            given = np.array([float(point[name]) for name in self.coupling.names])
            values.update(self._coupled_values(self.coupling.nearest((given - self.coupling.low) / self.coupling.span)))
        return self._ordered(values)

    def _coupled_values(self, u: Array) -> dict[str, Value]:
        coupling = self.coupling
        if coupling is None:
            return {}
        by_name = dict(zip(self.names, self.axes, strict=True))
        raw = coupling.low + coupling.span * u
        return {name: value_at(by_name[name], float(x)) for name, x in zip(coupling.names, raw, strict=True)}

    def _ordered(self, point: Mapping[str, Value]) -> dict[str, Value]:
        return {name: point[name] for name in self.names}


def _row(constraint: Linear) -> Row:
    low = constraint.bound if constraint.relation != "<=" else -math.inf
    high = constraint.bound if constraint.relation != ">=" else math.inf
    return Row(constraint.coefficients, low, high, str(constraint))


def _key(axis: Axis, value: Value) -> Value:
    if axis.grid is not None:
        return value
    low = axis.floor if isinstance(axis, Component) else axis.low
    return round((float(value) - low) / max(axis.high - low, TOLERANCE), 9) + 0.0


def _shuffled(values: Sequence[Value], rng: np.random.Generator) -> list[Value]:
    return [values[i] for i in rng.permutation(len(values))]
