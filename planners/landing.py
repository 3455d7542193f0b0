"""From the point that somebody asks for to the nearest point of the space that is not taken."""

from __future__ import annotations

from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from autolab.model.candidates import Candidates

if TYPE_CHECKING:
    from autolab.model.space import Space
    from autolab.model.trial import Value

_AT_ONCE = 65_536  # rows
_DRAWN = 256
_AROUND = 16
_STEPS = (0.01, 0.05, 0.2)  # of the encoded cube


def land(
    space: Space | Candidates, asked: Mapping[str, Any], taken: AbstractSet[tuple[Value, ...]], seed: int
) -> dict[str, Value] | None:
    """Return the point of the space to try where `asked` is asked for; None where every point is taken.

    Of a table: the nearest candidate that is not taken. Otherwise the nearest point of the space, which keeps its
    bounds, grids and constraints; where that is taken, the nearest of some drawn close by, and where those are too, of
    many drawn from the whole space: of a small one, of all its points.

    Args:
        space: Where to land.
        asked: Every key of the space: numbers that may miss bounds, grids and constraints, categories of the space.
        taken: Keys of points that must not be returned.
        seed: Of the points that are drawn.
    """
    if isinstance(space, Candidates):
        rows = space.rows_without(taken)
        return space.point(int(rows[_nearest(space.encoded, space.encode([asked]), rows)])) if len(rows) else None
    point = space.snap(asked)
    if space.key(point) not in taken and space.contains(point):
        return point
    for draw in (_near, _anywhere):
        pool = [one for one in draw(space, point, len(taken), seed) if space.key(one) not in taken]
        pool = [one for one in pool if space.contains(one)]
        if pool:
            return pool[_nearest(space.encode(pool), space.encode([asked]), np.arange(len(pool)))]
    return None


def _nearest(pool: NDArray[np.float64], to: NDArray[np.float64], rows: NDArray[np.int64]) -> int:
    """Return the place in `rows` of the row of the pool that is nearest; a part at a time: tables may be large."""
    gaps = np.empty(len(rows))
    for start in range(0, len(rows), _AT_ONCE):
        part = slice(start, start + _AT_ONCE)
        gaps[part] = ((pool[rows[part]] - to) ** 2).sum(axis=1)
    return int(gaps.argmin())


def _near(space: Space, point: Mapping[str, Any], taken: int, seed: int) -> list[dict[str, Value]]:
    del taken
    rng = np.random.default_rng(seed)
    center = space.encode([point])
    moved = [center + step * rng.standard_normal((_AROUND, center.shape[1])) for step in _STEPS]
    return space.decode(np.clip(np.vstack(moved), 0.0, 1.0))


def _anywhere(space: Space, point: Mapping[str, Any], taken: int, seed: int) -> list[dict[str, Value]]:
    del point
    return space.sample(_DRAWN + taken, seed)
