"""The space: parameters that may vary, and the constraints between them."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from autolab.model.constraints import Linear
from autolab.model.coupling import Coupling, Row
from autolab.model.encoding import column_names, decode_axes, encode_axes, value_at
from autolab.model.errors import EmptySpace, InvalidSpace, OutsideSpace
from autolab.model.held import Only, held
from autolab.model.names import check_distinct, did_you_mean
from autolab.model.nonlinear import Nonlinear, stated
from autolab.model.parameters import Axis, Categorical, Component, Mixture, Parameter
from autolab.model.ranges import TOLERANCE, Array
from autolab.model.region import Region
from autolab.model.tying import contradiction, coupled, rows_of

if TYPE_CHECKING:
    from autolab.model.trial import Point, Value

Key = tuple["Value", ...]
"""What tells two points apart: see `Space.key`."""


@dataclass(frozen=True, init=False)
class Space:
    """Parameters and constraints between them.

    Whether any point satisfies the linear constraints is decided, exactly, when the space is declared. Of nonlinear ones
    nothing is known but by trying: then a point is looked for that satisfies them, too, with a bounded effort.

    Attributes:
        parameters: At least one.
        constraints: Each given as a `Linear`, a `Nonlinear`, or a text such as `2.0 * salt_stock <= 1.6`, which is kept
            as a `Linear` where it is one, else as a `Nonlinear`.
        held: Keys held at one value: see `narrowed`.

    Raises:
        InvalidSpace: A name twice, or a constraint on something that is not a number of this space.
        EmptySpace: No point satisfies the linear constraints, and the message names those that contradict; or none was
            found that satisfies the nonlinear ones, and it says how many were tried.

    >>> from autolab.model.parameters import Real, Integer
    >>> space = Space([Real("volume", 0.1, 2.0), Integer("repeats", 1, 9)], ["volume + 0.1*repeats <= 1"])
    >>> space.contains({"volume": 0.5, "repeats": 5}), space.faults({"volume": 0.5, "repeats": 6})
    (True, ['volume + 0.1 * repeats <= 1.0 is missed by 0.1'])
    """

    parameters: Sequence[Parameter]
    constraints: Sequence[Linear | Nonlinear] = ()
    held: Mapping[str, Value] = field(init=False, default_factory=dict, repr=False, hash=False)

    def __init__(self, parameters: Iterable[Parameter], constraints: Iterable[Linear | Nonlinear | str] = ()) -> None:
        object.__setattr__(self, "parameters", tuple(parameters))
        parsed = tuple(stated(one) if isinstance(one, str) else one for one in constraints)
        object.__setattr__(self, "constraints", parsed)
        object.__setattr__(self, "held", {})
        if not self.parameters:
            msg = "a space needs at least one parameter, such as Real('rate', 0.1, 5.0, unit='mL/min')"
            raise InvalidSpace(msg)
        check_distinct(self.names, "parameter", InvalidSpace)
        for constraint in parsed:
            self._check_constraint(constraint)
        self._check_filled()

    def _check_filled(self) -> None:
        if self.coupling is not None and self.coupling.empty:
            raise EmptySpace(contradiction(self))
        if self._region is not None:
            self._region.references  # noqa: B018  raises where there is none

    def _check_constraint(self, constraint: Linear | Nonlinear) -> None:
        if not isinstance(constraint, Linear | Nonlinear):
            msg = f"a constraint must be a Linear, a Nonlinear or a text such as 'a + 2*b <= 3', got {constraint!r}"
            raise InvalidSpace(msg)
        for name in constraint.coefficients if isinstance(constraint, Linear) else constraint.names:
            if name not in self.names:
                msg = f"constraint {str(constraint)!r}: there is no {name!r}: {did_you_mean(name, self.names)}"
                raise InvalidSpace(msg)
            if isinstance(self.axes[self.names.index(name)], Categorical):
                msg = f"constraint {str(constraint)!r}: {name!r} is categorical and has no number to calculate with"
                raise InvalidSpace(msg)

    def __getstate__(self) -> dict[str, Any]:
        kept = ("parameters", "constraints", "held")  # caches are made anew
        return {name: getattr(self, name) for name in kept}

    # -- what it is made of

    @cached_property
    def axes(self) -> tuple[Axis, ...]:
        """One axis a key of a point: the parameters, mixtures unfolded into their components."""
        whole = [axis for one in self.parameters for axis in (one.components if isinstance(one, Mixture) else (one,))]
        return tuple(held(axis, self.held[axis.name]) if axis.name in self.held else axis for axis in whole)

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
        return rows_of(self.parameters, [one for one in self.constraints if isinstance(one, Linear)])

    @cached_property
    def nonlinear(self) -> tuple[Nonlinear, ...]:
        """The constraints that are not linear."""
        return tuple(one for one in self.constraints if isinstance(one, Nonlinear))

    @property
    def is_box(self) -> bool:
        """Whether each axis may take each of its values whatever the others have: no constraint, no mixture."""
        return self.coupling is None and not self.nonlinear

    @cached_property
    def _region(self) -> Region | None:
        if not self.nonlinear:
            return None
        rest = self._with(self.held, linear=True)
        rest.__dict__["coupling"] = self.coupling  # the same, and dear to make
        return Region(rest, self.nonlinear)

    def _with(self, values: Mapping[str, Value], *, linear: bool = False) -> Space:
        """Return this space, unchecked, with keys held; without nonlinear constraints where only `linear` ones count."""
        made = Space.__new__(Space)
        kept = tuple(one for one in self.constraints if isinstance(one, Linear)) if linear else self.constraints
        object.__setattr__(made, "parameters", self.parameters)
        object.__setattr__(made, "constraints", kept)
        object.__setattr__(made, "held", dict(values))
        return made

    def narrowed(self, values: Mapping[str, Value]) -> Space:
        """Return the part of the space where keys have these values alone, encoded as in the whole.

        Columns and their scaling stay, so that a model of the whole space can be asked about the part.

        Raises:
            InvalidSpace: A key that the space does not have.
            OutsideSpace: A value that the key cannot have.
            EmptySpace: No point of the space has these values.

        >>> from autolab.model.parameters import Real
        >>> space = Space([Real("T", 20, 120), Real("rate", 1, 5)], ["T + 10*rate <= 130"])
        >>> part = space.narrowed({"T": 70})
        >>> {point["T"] for point in part.sample(5, 0)}, part.encode([{"T": 70.0, "rate": 5.0}]).tolist()
        ({70.0}, [[0.5, 1.0]])
        """
        wanted = {**self.held, **{name: self._value(name, value) for name, value in values.items()}}
        for one in self.parameters:
            if isinstance(one, Mixture) and one.at_most is not None:
                present = [name for name in one.names if wanted.get(name, 0) != 0]
                if len(present) == one.at_most:  # the others must be absent
                    wanted = {**dict.fromkeys(one.names, 0.0), **wanted}
        made = self._with(wanted)
        try:
            Space._check_filled(made)
        except EmptySpace as error:
            told = ", ".join(f"{name} = {value!r}" for name, value in values.items())
            msg = f"there is no point with {told} in the space: {error}"
            raise EmptySpace(msg) from None
        return made

    def _value(self, name: str, value: Value) -> Value:
        if name not in self.names:
            msg = f"there is no {name!r} in the space: {did_you_mean(name, self.names)}"
            raise InvalidSpace(msg)
        axis = self.axes[self.names.index(name)]
        fault = axis.fault(value)
        if fault is not None:
            msg = f"the space cannot be narrowed: {fault}"
            raise OutsideSpace(msg)
        if isinstance(axis, Categorical):
            return axis.values[axis.values.index(value)]
        return value_at(axis, float(value))

    @cached_property
    def coupling(self) -> Coupling | None:
        """The axes that constraints tie together; None without constraints."""
        return coupled(self, self.rows) if self.rows else None

    # -- points

    def faults(self, point: Mapping[str, object]) -> list[str]:
        """Return what is wrong with a point, one text a fault; empty when it is in the space."""
        faults = [f"{name} is missing" for name in self.names if name not in point]
        faults += [f"{name!r} is unknown: {did_you_mean(name, self.names)}" for name in point if name not in self.names]
        faults += [
            fault for axis in self.axes if axis.name in point and (fault := axis.fault(point[axis.name])) is not None
        ]
        faults = faults or self._row_faults(point)
        return faults or (self._region.faults(point) if self._region is not None else [])

    def allows(self, points: Sequence[Point]) -> NDArray[np.bool_]:
        """Return which points keep the nonlinear constraints, for many at once; nothing else is looked at.

        Raises:
            KeyError: A key is missing, or a category unknown.
        """
        return self._region.allows(points) if self._region is not None else np.ones(len(points), dtype=bool)

    def allows_encoded(self, encoded: Array) -> NDArray[np.bool_]:
        """Return which rows of `n x d` keep the nonlinear constraints, as they stand: numbers of grids not rounded.

        Raises:
            ValueError: Another number of columns, or a number that is not finite.
        """
        return self.allows(decode_axes(self.axes, np.asarray(encoded, dtype=float)))

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
        """Return whether a point is in the space (within 1e-9 of a bound, of a sum or side of a constraint).

        Not where a nonlinear constraint raises or has no value.
        """
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
        """Return what two points have in common when they are the same experiment (numbers to 1e-9 of their range, or of its decades)."""
        return tuple(axis.key(point[axis.name]) for axis in self.axes)

    # -- designs

    def sample(self, n: int, seed: int) -> list[dict[str, Value]]:
        """Return `n` distinct points at random; all there are, where the space holds fewer.

        Even over the encoded cube where no constraint holds; near to uniform in the user's units within constraints.
        With nonlinear constraints, of a space that cannot be counted out: as many as are found with a bounded effort.
        """
        if self._region is not None:
            return self._region.sample(n, seed)
        rng = np.random.default_rng(seed)
        seen: dict[Key, dict[str, Value]] = {}
        for _ in range(8):  # a space with room yields all at once; what is left over is counted out below
            for point in self.draw(n - len(seen), rng):
                seen.setdefault(self.key(point), point)
            if len(seen) >= n:
                break
        else:
            for point in self.each(rng):
                seen.setdefault(self.key(point), point)
                if len(seen) >= n:
                    break
        return list(seen.values())

    def draw(self, n: int, rng: np.random.Generator) -> list[dict[str, Value]]:
        """Return `n` points at random, not all distinct, that keep all but nonlinear constraints."""
        free = self.at_quantiles(rng.random((n, len(self._free)))) if self._free else [{} for _ in range(n)]
        if self.coupling is not None:
            for point, u in zip(free, self.coupling.sample(n, rng), strict=True):
                point.update(self._coupled_values(u))
        return [self._ordered(point) for point in free]

    def each(self, rng: np.random.Generator) -> Iterator[dict[str, Value]]:
        """Yield the points that keep all but nonlinear constraints one by one, each choice in turn, in random order.

        Endless where a continuous direction is free.
        """
        grids = [_shuffled(axis.grid, rng) for axis in self._free if axis.grid is not None]
        if len(grids) < len(self._free):
            while True:
                yield from self.draw(64, rng)
        for values in itertools.product(*grids):
            free = {axis.name: value for axis, value in zip(self._free, values, strict=True)}
            for tied in self._each_coupled(rng):
                yield self._ordered({**free, **tied})

    def _each_coupled(self, rng: np.random.Generator) -> Iterator[dict[str, Value]]:
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
        """Return points of the space near to rows of `encoded` (`n x d`): see `snap`; constraints hold within 1e-9."""
        points = decode_axes(self.axes, np.asarray(encoded, dtype=float))
        return [self.snap(point) for point in points]

    def snap(self, point: Mapping[str, Any]) -> dict[str, Value]:
        """Return the point of the space nearest to one that may miss bounds, grids and constraints by a little.

        With nonlinear constraints a point near to it: where the way to some known points enters what they allow.

        Args:
            point: Numbers (not rounded yet) and categories of this space.
        """
        values: dict[str, Value] = {
            axis.name: _label(axis, point[axis.name])
            if isinstance(axis, Categorical)
            else value_at(axis, float(point[axis.name]))
            for axis in self._free
        }
        if self.coupling is not None:
            given = np.array([float(point[name]) for name in self.coupling.names])
            values.update(self._coupled_values(self.coupling.nearest((given - self.coupling.low) / self.coupling.span)))
        nearest = self._ordered(values)
        return self._region.nearest(nearest) if self._region is not None else nearest

    def _coupled_values(self, u: Array) -> dict[str, Value]:
        coupling = self.coupling
        if coupling is None:
            return {}
        by_name = dict(zip(self.names, self.axes, strict=True))
        raw = coupling.low + coupling.span * u
        return {name: value_at(by_name[name], float(x)) for name, x in zip(coupling.names, raw, strict=True)}

    def _ordered(self, point: Mapping[str, Value]) -> dict[str, Value]:
        return {name: point[name] for name in self.names}


def _label(axis: Categorical, value: Value) -> Value:
    return axis.only if isinstance(axis, Only) else value


def _shuffled(values: Sequence[Value], rng: np.random.Generator) -> list[Value]:
    return [values[i] for i in rng.permutation(len(values))]
