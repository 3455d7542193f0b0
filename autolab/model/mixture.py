"""Mixtures: amounts that add up."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from autolab.model.errors import InvalidSpace
from autolab.model.names import check_distinct, check_name, did_you_mean
from autolab.model.ranges import Array, is_finite, is_number, range_fault

if TYPE_CHECKING:
    from autolab.model.trial import Value


@dataclass(frozen=True)
class Component:
    """One component of a mixture: an axis that a `Mixture` brings along, never declared by itself.

    Attributes:
        name: Key in the point.
        low: Least amount when present.
        high: Greatest amount.
        optional: May be absent: 0, also where `low` is greater.
    """

    name: str
    low: float
    high: float
    optional: bool = False

    width: ClassVar[int] = 1
    grid: ClassVar[None] = None
    log: ClassVar[bool] = False

    @property
    def floor(self) -> float:
        """The least value that can occur."""
        return 0.0 if self.optional else self.low

    def fault(self, value: object) -> str | None:
        """Return what is wrong with a value, or None."""
        if self.optional and is_number(value) and value == 0:
            return None
        return range_fault(self.name, self.low, self.high, value)

    def key(self, value: Value) -> float:
        """Return what two amounts have in common that are one: their place in the range, to 1e-9."""
        return round((float(value) - self.floor) / ((self.high - self.floor) or 1.0), 9) + 0.0

    def encode(self, values: Sequence[Any]) -> Array:
        """Return `n x 1`, linear in the amount; a fixed component is 0."""
        span = self.high - self.floor
        return np.asarray((np.asarray(values, dtype=float)[:, None] - self.floor) / (span if span > 0 else 1.0))


@dataclass(frozen=True)
class Mixture:
    """Amounts that add up to a total, such as the shares of solvents in an electrolyte.

    Each component is a key of the point. Without `at_most` each component keeps within its bounds always. With
    it, at most so many components are present; an absent one is exactly 0 and its lower bound does not apply.
    (To let any component be absent, give `at_most` the number of components.)

    Attributes:
        names: The components.
        total: What they add up to.
        bounds: Component -> (low, high); 0 to `total` where left out.
        at_most: How many components may be present at once.
    """

    names: Sequence[str]
    total: float = 1.0
    bounds: Mapping[str, Sequence[float]] | None = field(default=None, hash=False)
    at_most: int | None = None

    def __post_init__(self) -> None:
        names = (self.names,) if isinstance(self.names, str) else tuple(self.names)
        object.__setattr__(self, "names", names)
        for name in names:
            check_name(name, "component", InvalidSpace)
        check_distinct(names, "component", InvalidSpace)
        if len(names) < 2:
            msg = f"a mixture needs at least two components, got {list(names)!r}"
            raise InvalidSpace(msg)
        if not is_finite(self.total) or self.total <= 0:
            msg = f"the total of mixture {', '.join(names)} must be a positive number, got {self.total!r}"
            raise InvalidSpace(msg)
        object.__setattr__(self, "total", float(self.total))
        bounds = {name: pair if is_number(pair) else tuple(pair) for name, pair in (self.bounds or {}).items()}
        object.__setattr__(self, "bounds", bounds or None)
        self._check_bounds()
        if self.at_most is not None and (
            isinstance(self.at_most, bool) or not isinstance(self.at_most, int) or not 1 <= self.at_most <= len(names)
        ):
            msg = f"at_most of mixture {', '.join(names)} must be 1 to {len(names)}, got {self.at_most!r}"
            raise InvalidSpace(msg)

    def _check_bounds(self) -> None:
        for name, pair in (self.bounds or {}).items():
            if name not in self.names:
                msg = f"mixture bounds: there is no component {name!r}: {did_you_mean(name, self.names)}"
                raise InvalidSpace(msg)
            if is_number(pair) or len(pair) != 2 or not all(is_finite(bound) for bound in pair):
                told = pair if is_number(pair) else list(pair)
                msg = f"component {name!r}: bounds must be two finite numbers, got {told!r}"
                raise InvalidSpace(msg)
            if not 0 <= pair[0] <= pair[1] or pair[1] == 0:
                msg = f"component {name!r}: bounds must be 0 <= low <= high and high > 0, got {list(pair)!r}"
                raise InvalidSpace(msg)
            if pair[0] > self.total:
                msg = f"component {name!r}: low must not exceed the mixture's total {self.total!r}, got {pair[0]!r}"
                raise InvalidSpace(msg)

    @property
    def components(self) -> tuple[Component, ...]:
        """Its axes."""
        pairs = {name: (self.bounds or {}).get(name, (0.0, self.total)) for name in self.names}
        return tuple(
            Component(name, float(low), min(float(high), self.total), self.at_most is not None)
            for name, (low, high) in pairs.items()
        )
