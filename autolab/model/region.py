"""What nonlinear constraints leave of a space: found by trying, since nothing can be known of a formula for certain.

Notation: `m` points, `K` axes; raw points are `m x K` numbers, and choices what is discrete of them: see `raw_points`.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from autolab.model.errors import EmptySpace
from autolab.model.ranges import TOLERANCE, Array
from autolab.model.raw_points import Points, RawPoints

if TYPE_CHECKING:
    from autolab.model.nonlinear import Nonlinear
    from autolab.model.space import Key, Space
    from autolab.model.trial import Point, Value

_COUNTED = 4096  # points; a space that has no more is counted out, so that what is found there is all there is
_TRIES = (64, 512, 3072)  # points drawn to find the first ones
_REFERENCES = 64
_DRAWS, _DEAR_DRAWS = (
    16,
    4,
)  # draws a point wanted, where linear constraints make them dear; less yield is walked through
_CHAINS = 256
_ROUNDS = 200  # of a descent
_SHRINKS = 24  # of a step until it stays inside
_NEAREST = 4  # references that a point is led to
_PARTS = 8  # of a segment, each time that it is narrowed down
_NARROWINGS = 11  # 8 ** -11 of a segment is rounding


class Region:
    """The points of a space that nonlinear constraints allow.

    Args:
        space: With all other constraints.
        constraints: At least one.
    """

    def __init__(self, space: Space, constraints: Sequence[Nonlinear]) -> None:
        self._space, self._constraints = space, constraints
        self._raw = RawPoints(space)

    # -- judging

    def excess(self, columns: Mapping[str, NDArray[Any]]) -> Array:
        """Return by how much each point misses the constraint that it misses most; 0 or less where it keeps all."""
        return np.asarray(np.max([one.excess(columns) for one in self._constraints], axis=0))

    def _excess(self, raw: Array) -> Array:
        return self.excess(self._raw.columns_of(raw))

    def allows(self, points: Sequence[Point]) -> NDArray[np.bool_]:
        """Return which points keep all constraints, to `TOLERANCE`."""
        if not points:
            return np.zeros(0, dtype=bool)
        return self.excess(self._raw.columns(points)) <= TOLERANCE

    def faults(self, point: Mapping[str, Any]) -> list[str]:
        """Return which constraints a point misses, one text each."""
        columns = self._raw.columns([point])
        faults = []
        for one in self._constraints:
            if one.excess(columns)[0] <= TOLERANCE:
                continue
            margin = float(one.margins(columns)[0])
            told = f"is missed by {-margin:.6g}" if math.isfinite(margin) else f"has no value: {one.undefined(point)}"
            faults.append(f"{one} {told}")
        return faults

    # -- finding

    @cached_property
    def all(self) -> Points | None:
        """All points, where the space has few; None where it has more than can be counted."""
        grids = [axis.grid for axis in self._space.axes]
        if any(grid is None for grid in grids) or math.prod(len(grid) for grid in grids if grid is not None) > _COUNTED:
            return None
        points = list(self._space.each(np.random.default_rng(0)))
        return list(itertools.compress(points, self.allows(points)))

    @cached_property
    def references(self) -> Points:
        """Points that keep all constraints, spread over the space; the same for equal spaces.

        Raises:
            EmptySpace: None was found; the message says how many were tried.
        """
        if self.all is not None:
            if not self.all:
                raise EmptySpace(self._none("of all points of the space none keeps"))
            return self.all[:_REFERENCES]
        rng = np.random.default_rng(0)
        raw, tried = np.zeros((0, len(self._raw.grids))), 0
        for count in _TRIES:
            raw = np.vstack([raw, self._raw.of(self._space.draw(count, rng))])
            tried += count
            good = self._excess(raw) <= TOLERANCE
            if good.sum() >= 8:
                return self._raw.points(raw[good][:_REFERENCES])
        found, more = self._descended(raw, rng)
        if not len(found):
            raise EmptySpace(self._none(f"of {tried + more} points tried, {tried} of them at random, none keeps"))
        return self._raw.points(found[:_REFERENCES])

    def _none(self, what: str) -> str:
        (point,) = self._space.draw(1, np.random.default_rng(0))
        columns = self._raw.columns([point])
        told = "; ".join(map(str, self._constraints))
        why = [
            f"{one} has no value at {point!r}: {one.undefined(point)}"
            for one in self._constraints
            if one.function is not None and not np.isfinite(one.margins(columns)[0])
        ]
        return f"{what}: {told}. Widen bounds or loosen one of these constraints" + "".join(f"; {one}" for one in why)

    def sample(self, n: int, seed: int) -> Points:
        """Return up to `n` distinct points; fewer where there are no more, or where no more were found.

        Drawn from the space and kept where allowed, as far as that yields any; the rest by a walk through the region.
        """
        rng = np.random.default_rng(seed)
        if self.all is not None:
            return [dict(self.all[i]) for i in rng.permutation(len(self.all))[:n]]
        found: dict[Key, dict[str, Value]] = {}
        refused, drawn = np.zeros((0, len(self._raw.grids))), 0
        most = 256 + n * (_DRAWS if self._space.is_box else _DEAR_DRAWS)
        while len(found) < n and drawn < most:
            count = max(16, min(2 * (n - len(found)), most - drawn))
            points = self._space.draw(count, rng)
            drawn += count
            good = self.allows(points)
            for point in itertools.compress(points, good):
                found.setdefault(self._space.key(point), point)
            refused = np.vstack([refused, self._raw.of(list(itertools.compress(points, ~good)))])
        if len(found) < n:
            self._walk(found, n, refused, rng)
        return list(found.values())[:n]

    def _descended(self, raw: Array, rng: np.random.Generator) -> tuple[Array, int]:
        """Return points that keep all constraints, and how many were tried: by steps that lessen what is missed.

        Steps lead towards points of the space, of lengths of every order; towards one another; and along the difference
        of two others, which is as long as the points are still apart (differential evolution, Storn and Price 1997).
        """
        excess = self._excess(raw)
        order = np.argsort(excess, kind="stable")[:_CHAINS]
        at, level = raw[order], excess[order]
        tried = 0
        for round_ in range(_ROUNDS):
            if (level <= TOLERANCE).all():
                break
            if round_ % 4 == 0:
                moved = self._raw.between(
                    at, raw[self._raw.partners(at, raw, rng)], 0.5 ** rng.uniform(0, 16, len(at)), rng
                )
            elif round_ % 4 == 2:
                moved = self._raw.between(at, at[self._raw.partners(at, at, rng)], rng.random(len(at)), rng)
            else:
                moved = self._raw.shifted(at, rng)
            gone = self._excess(moved)
            tried += len(moved)
            better = (gone < level) & (level > TOLERANCE)
            at[better], level[better] = moved[better], gone[better]
        return at[level <= TOLERANCE], tried

    def _walk(self, found: dict[Key, dict[str, Value]], n: int, refused: Array, rng: np.random.Generator) -> None:
        """Add points to `found` until there are `n`, or no more are found.

        Each step leads towards a point of the space, and is shortened until it ends inside (as in slice sampling, Neal
        2003).
        """
        inside = self._raw.of([*found.values(), *self.references])
        led = self._descended(refused, rng)[0] if len(refused) else inside[:0]
        at = np.vstack([inside, led])
        at = at[rng.permutation(len(at))[:_CHAINS]]
        aims = np.vstack([refused, inside])
        idle = 0
        while idle < 4 and len(found) < n:
            before = len(found)
            for _ in range(2):
                at = self._stepped(at, aims[self._raw.partners(at, aims, rng)], rng)
            points = self._raw.points(at)
            for point in itertools.compress(points, self.allows(points)):
                if len(found) < n:
                    found.setdefault(self._space.key(point), point)
            idle = idle + 1 if len(found) == before else 0

    def _stepped(self, at: Array, aims: Array, rng: np.random.Generator) -> Array:
        longest, open_ = np.ones(len(at)), np.ones(len(at), dtype=bool)
        ends = at.copy()
        for _ in range(_SHRINKS):
            step = longest * rng.random(len(at))
            moved = self._raw.between(at, aims, step, rng)
            good = open_ & (self._excess(moved) <= 0)
            ends[good] = moved[good]
            open_ &= ~good
            longest = step
            if not open_.any():
                break
        return ends

    # -- the nearest

    def nearest(self, point: Point) -> dict[str, Value]:
        """Return an allowed point near to one that keeps everything else: where segments to known points enter.

        Among the ends of segments to a few references the nearest (in the encoded cube) is taken.
        """
        if self.allows([point])[0]:
            return dict(point)
        space, here = self._space, self._raw.of([point])
        gaps = ((space.encode(self.references) - space.encode([point])) ** 2).sum(axis=1)
        other = self._raw.choices(self._known) != self._raw.choices(here)
        order = np.argsort(gaps, kind="stable")
        chosen = dict.fromkeys([*order[~other[order]][:_NEAREST], *order[:_NEAREST]])
        starts = self._known[list(chosen)]
        ends = np.vstack([self._led(point, here[0], start) for start in starts])
        entered = self._raw.points(self._entered(starts, ends))
        found = list(itertools.compress(entered, self.allows(entered)))
        found += [self.references[i] for i in chosen]
        gaps = ((space.encode(found) - space.encode([point])) ** 2).sum(axis=1)
        return dict(found[int(gaps.argmin())])

    @cached_property
    def _known(self) -> Array:
        return self._raw.of(self.references)

    def _led(self, point: Point, here: Array, start: Array) -> Array:
        """Return the raw point nearest to `point` that has the choices of a reference."""
        if self._raw.choices(here[None])[0] == self._raw.choices(start[None])[0]:
            return here
        values = self._raw.points(start[None])[0]
        wanted = {
            axis.name: values[axis.name]
            if grid or (part and 0 in (values[axis.name], point[axis.name]))
            else point[axis.name]
            for axis, grid, part in zip(self._space.axes, self._raw.grids, self._raw.parts, strict=True)
        }
        end = self._raw.of([self._space.snap(wanted)])[0]
        return end if self._raw.choices(end[None])[0] == self._raw.choices(start[None])[0] else start

    def _entered(self, starts: Array, ends: Array) -> Array:
        """Return, on the segment from each allowed start to its end, an allowed point near to the end."""
        low, high = np.zeros(len(starts)), np.ones(len(starts))
        steps = np.arange(1, _PARTS + 1) / _PARTS
        for _ in range(_NARROWINGS):
            at = low[:, None] + (high - low)[:, None] * steps
            points = starts[:, None] + at[:, :, None] * (ends - starts)[:, None]
            good = (self._excess(points.reshape(-1, starts.shape[1])) <= 0).reshape(at.shape)
            last = np.where(good.any(axis=1), _PARTS - 1 - good[:, ::-1].argmax(axis=1), -1)
            bounds = np.hstack([low[:, None], at])
            rows = np.arange(len(starts))
            low, high = bounds[rows, last + 1], bounds[rows, np.minimum(last + 2, _PARTS)]
        return np.asarray(starts + low[:, None] * (ends - starts))
