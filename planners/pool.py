"""Feasible points to choose a design from: a table's, or drawn from a space, with its corners where they matter."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from autolab.model.candidates import Candidates
from autolab.model.errors import PlannerError
from autolab.model.parameters import Categorical

if TYPE_CHECKING:
    from autolab.model.parameters import Axis
    from autolab.model.space import Space
    from autolab.model.trial import Point, Value

Array = NDArray[np.float64]
Key = tuple["Value", ...]

_GRID = 3000
_ROWS = 20_000
_SNAPPED = 600
_FAR = 10.0
_FEW = 5  # a grid of so many values is taken whole


def untried(
    space: Space | Candidates, n: int, taken: frozenset[Key], seed: int, *, most: int
) -> list[dict[str, Value]]:
    """Return points that were not tried: a table's rows, or points drawn evenly from a space; `n` to `most` of them.

    Raises:
        PlannerError: Fewer than `n` are left.
    """
    if isinstance(space, Candidates):
        rows = space.rows_without(taken)
        if len(rows) > most:
            rows = np.sort(np.random.default_rng(seed).choice(rows, max(n, most), replace=False))
        points = space.points_of(rows)
    else:
        points = [point for point in space.sample(max(n, most) + len(taken), seed) if space.key(point) not in taken]
    return enough(points, n, taken)


def enough(points: list[dict[str, Value]], n: int, taken: frozenset[Key]) -> list[dict[str, Value]]:
    """Return `points`, the ones that a space has left.

    Raises:
        PlannerError: They are fewer than `n`.
    """
    if len(points) < n:
        msg = (
            f"{n} distinct points were asked for and the space has {len(points)} left ({len(taken)} are tried or under "
            "way). Ask for fewer, or widen the space"
        )
        raise PlannerError(msg)
    return points


def with_corners(
    space: Space | Candidates, n: int, taken: frozenset[Key], seed: int, drawn: Sequence[Point]
) -> list[dict[str, Value]]:
    """Return untried points (`n` or more) that hold the extremes of a space, where optimal designs have their runs.

    A table: its rows. A space without constraints: the ends and the middle of each axis, all its values where they are
    few, combined; and some points between. A space with constraints: the feasible points nearest to such combinations
    and to points far outside in all directions (its corners and edges); and some points between.

    Args:
        space: The space.
        n: How many are needed.
        taken: Points that were tried.
        seed: Of what is drawn.
        drawn: Points spread over the space, to take some between.

    Raises:
        PlannerError: Fewer than `n` are left.
    """
    if isinstance(space, Candidates):
        return untried(space, n, taken, seed, most=_ROWS)
    rng = np.random.default_rng(seed)
    found = _combinations(space, rng) if space.coupling is None else _snapped(space, rng)
    points = [(key, dict(point)) for key, point in {space.key(one): one for one in (*found, *drawn)}.items()]
    if sum(key not in taken for key, _ in points) < n:
        points += [(space.key(point), point) for point in space.sample(n + len(points) + len(taken), seed)]
        points = list(dict(points).items())
    return enough([point for key, point in points if key not in taken], n, taken)


def _combinations(space: Space, rng: np.random.Generator) -> list[dict[str, Value]]:
    values = [_few(axis) for axis in space.axes]
    if math.prod(map(len, values)) <= _GRID:
        rows = list(itertools.product(*values))
    else:
        drawn = [[one[i] for i in rng.integers(len(one), size=_GRID)] for one in values]
        ends = [[(one[0], one[-1])[i] for i in rng.integers(2, size=_GRID // 3)] for one in values]
        rows = [*zip(*drawn, strict=True), *zip(*ends, strict=True)]
    return [dict(zip(space.names, row, strict=True)) for row in rows]


def _few(axis: Axis) -> list[Value]:
    """Return an axis's ends and middle, or all its values where they are few."""
    if isinstance(axis, Categorical) or (axis.grid is not None and len(axis.grid) <= _FEW):
        return list(axis.grid or ())
    return list(dict.fromkeys(axis.decode(np.array([[0.0], [0.5], [1.0]]))))  # type: ignore[union-attr]  # components are tied


def _snapped(space: Space, rng: np.random.Generator) -> list[dict[str, Value]]:
    """Return feasible points nearest to combinations of ends and middles, and to points far outside."""
    width = len(space.columns)
    count = _SNAPPED // 2
    grid: Array = np.array(list(itertools.islice(itertools.product((0.0, 1.0, 0.5), repeat=width), 4 * count)))
    if 3**width > 4 * count:
        grid = rng.choice([0.0, 0.5, 1.0], size=(count, width))
    elif len(grid) > count:
        grid = grid[rng.choice(len(grid), count, replace=False)]
    outward = rng.normal(size=(count, width))
    far = 0.5 + _FAR * outward / np.linalg.norm(outward, axis=1, keepdims=True)
    return space.decode(np.vstack([np.eye(width), grid, far]))


def encoded(space: Space | Candidates, points: Sequence[Point]) -> Array:
    """Return `N x d` columns; no row for no point."""
    return space.encode(points) if points else np.zeros((0, len(space.columns)))


def greatest(values: Array) -> int:
    """Return the first place of the greatest value.

    Of values that rounding alone tells apart the first, so that it does not depend on how sums were split up: designs
    are full of symmetric choices.
    """
    top = float(values.max())
    return int(np.flatnonzero(values >= top - 1e-9 * abs(top))[0])
