"""The worth of points as a function of search coordinates: what no constraint forbids, per what it costs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Protocol

import numpy as np
from numpy.typing import NDArray

from autolab.planners.coordinates import Coordinates

if TYPE_CHECKING:
    from autolab.model.cost import Cost
    from autolab.model.space import Space
    from autolab.model.trial import Point

Array = NDArray[np.float64]

FORBIDDEN = -1e305
"""The log of the worth of what a constraint forbids: below that of any point, also of one whose worth is no number."""


class Worth(Protocol):
    """What a point is worth; all of encoded points `N x d`.

    Attributes:
        starts: Climbs that are begun for one point: fewer where each costs much.
    """

    starts: int

    def values(self, x: Array) -> Array:
        """Return the log of the worth, `N`."""

    def slopes(self, x: Array) -> tuple[Array, Array]:
        """Return the log of the worth `N`, and its derivative `N x d`."""

    def add_pending(self, x: Array) -> None:
        """Count points as under way."""


class Toll:
    """What trying a point costs after another one.

    Args:
        cost: Of a trial.
        previous: Where the lab will be when it begins; None for the first.
    """

    def __init__(self, cost: Cost, previous: Point | None) -> None:
        self._cost, self.previous = cost, previous

    @property
    def dear(self) -> tuple[str, ...]:
        """Keys whose change costs something."""
        return tuple(name for name, whole in self._cost.change.items() if whole > 0)

    def costs(self, points: Sequence[Point]) -> Array:
        """Return what each point costs, in the cost's unit."""
        return self._cost.of(points, self.previous)

    def go(self, point: Point) -> None:
        """Count from another point on."""
        self.previous = point


class Field:
    """The log of the worth over coordinates `s` (`N x K`).

    Args:
        space: Where.
        worth: Of encoded points.
        toll: What a point costs; None where all cost the same.
    """

    def __init__(self, space: Space, worth: Worth, toll: Toll | None) -> None:
        self.space, self.worth, self.toll = space, worth, toll
        self.coordinates = Coordinates(space)

    def values(self, s: Array) -> Array:
        """Return `N`; per cost, and `FORBIDDEN` where a nonlinear constraint is broken."""
        worths = self.worth.values(self.coordinates.encode(s))
        if self.toll is None and not self.space.nonlinear:
            return worths
        points = [self.coordinates.point(one) for one in s]
        if self.toll is not None:
            worths = worths - np.log(self.toll.costs(points))
        return np.where(self.space.allows(points), worths, FORBIDDEN)

    def slopes(self, s: Array) -> tuple[Array, Array]:
        """Return `N` and its derivative `N x K`, without cost and nonlinear constraints."""
        value, gradient = self.worth.slopes(self.coordinates.encode(s))
        return value, self.coordinates.pulled(s, gradient)

    def allowed(self, s: Array) -> NDArray[np.bool_]:
        """Return which coordinates keep the nonlinear constraints, `N`."""
        return self.space.allows([self.coordinates.point(one) for one in s])

    def margins(self, s: Array) -> Array:
        """Return by how much one `s` (`K`) keeps each nonlinear constraint, negative where it does not."""
        columns: Mapping[str, Array] = {name: np.array([value]) for name, value in self.coordinates.point(s).items()}
        found = np.array([float(one.margins(columns)[0]) for one in self.space.nonlinear])
        return np.where(np.isfinite(found), found, -1.0)
