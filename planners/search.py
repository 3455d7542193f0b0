"""Where the worth of a point is greatest, within the space exactly.

In the coordinates `s` (`K`) of `coordinates`. The search: many points of the space, gradient ascent of the continuous axes
from the best ones (their choices held), single changes of choice, and so on while it pays.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from botorch.acquisition.acquisition import AcquisitionFunction
from botorch.optim.optimize import optimize_acqf
from numpy.typing import NDArray
from torch import Tensor

from autolab.model.candidates import Candidates
from autolab.model.errors import PlannerError
from autolab.model.parameters import Categorical, Component
from autolab.planners.acquisition import values
from autolab.planners.coordinates import Coordinates

if TYPE_CHECKING:
    from autolab.model.space import Space
    from autolab.model.trial import Point, Value
    from autolab.planners.acquisition import Worth
    from autolab.planners.evidence import Evidence

Array = NDArray[np.float64]
Key = tuple["Value", ...]
Found = tuple[dict[str, "Value"], float]
"""A point and the log of its worth."""

log = logging.getLogger(__name__)

_POOL = 512
_STARTS = 4
_ROUNDS = 3
_NEIGHBOURS = 96
_TRACE = 1e-6


def most_worth(space: Space | Candidates, worth: Worth, n: int, evidence: Evidence, seed: int) -> list[Found]:
    """Return `n` distinct points not taken yet, one after another, each counting those before it as under way.

    Raises:
        PlannerError: Fewer than `n` points are left.
    """
    taken = set(evidence.taken)
    chosen: list[Found] = []
    for i in range(n):
        one = _pick(space, worth, taken, evidence, (seed + i) % 2**53)
        if one is None:
            msg = (
                f"{n} distinct points were asked for and the space has {i} left ({len(evidence.taken)} are tried or "
                "under way). Ask for fewer, or widen the space"
            )
            raise PlannerError(msg)
        chosen.append(one)
        taken.add(space.key(one[0]))
        if i + 1 < n:
            worth.add_pending(torch.as_tensor(space.encode([one[0]])))
    return chosen


def _pick(space: Space | Candidates, worth: Worth, taken: set[Key], evidence: Evidence, seed: int) -> Found | None:
    if isinstance(space, Candidates):
        open_ = [i for i, point in enumerate(space.points) if space.key(point) not in taken]
        if not open_:
            return None
        worths = values(worth, space.encoded[open_])
        best = int(np.argmax(worths))
        return dict(space.points[open_[best]]), worths[best]
    return _Search(space, worth, taken).best(evidence, seed)


class _Search:
    """One search for the best point of a space."""

    def __init__(self, space: Space, worth: Worth, taken: set[Key]) -> None:
        self.space, self.worth, self.taken = space, worth, taken
        self.coordinates = Coordinates(space)
        self._ends: set[Key] = set()  # where an ascent began or ended: nothing to gain there

    def best(self, evidence: Evidence, seed: int) -> Found | None:
        """Return the best point found that is not taken, or None when all are."""
        asked = _POOL + len(self.taken)
        pool = self.space.sample(asked, seed)
        whole = len(pool) < asked  # the space has no more: nothing is left to search for
        if not whole:
            pool += self._near(evidence, np.random.default_rng(seed))
        ranked = self._ranked(pool)
        if whole or not ranked:
            return ranked[0] if ranked else None
        for _ in range(_ROUNDS):
            before = ranked[0][1]
            starts = [point for point, _ in ranked[:_STARTS] if self.space.key(point) not in self._ends]
            ranked = self._merged(ranked, self._ascended(starts))
            if not self.coordinates.discrete:
                break
            ranked = self._merged(ranked, self._ranked(self._neighbours(ranked[0][0])))
            if ranked[0][1] <= before + 1e-3:
                break
        return ranked[0]

    def _ranked(self, points: Sequence[dict[str, Value]]) -> list[Found]:
        """Return the points that are not taken, each once, the best first."""
        fresh = list({key: p for p in points if (key := self.space.key(p)) not in self.taken}.values())
        if not fresh:
            return []
        worths = values(self.worth, self.space.encode(fresh))
        return sorted(zip(fresh, worths, strict=True), key=lambda pair: -pair[1])

    def _merged(self, one: list[Found], other: list[Found]) -> list[Found]:
        return sorted(one + other, key=lambda pair: -pair[1])[: 4 * _STARTS]

    def _near(self, evidence: Evidence, rng: np.random.Generator) -> list[dict[str, Value]]:
        """Return points near to those measured that are worth most: where improvements often lie."""
        if not evidence.points:
            return []
        best = np.argsort(values(self.worth, evidence.x))[::-1][:2]
        places = np.repeat(evidence.x[best], 12, axis=0)
        return self.space.decode(places + 0.1 * rng.standard_normal(places.shape))

    # -- the continuous axes

    def _ascended(self, starts: Sequence[Point]) -> list[Found]:
        """Return the ends of gradient ascent from `starts`, snapped into the space."""
        groups: dict[tuple[float, ...], list[Array]] = {}
        for start in starts:
            self._ends.add(self.space.key(start))
            s = self.coordinates.of(start)
            groups.setdefault(tuple(s[self.coordinates.held(s)]), []).append(s)
        ends = [end for group in groups.values() for end in self._ascend(np.array(group))]
        points = [self.space.snap(self.coordinates.point(s)) for s in ends]
        self._ends.update(self.space.key(point) for point in points)
        return self._ranked(points)

    def _ascend(self, starts: Array) -> Array:
        """Return `r x K` better coordinates for `r x K` starts that share their held values."""
        free = np.flatnonzero(~self.coordinates.held(starts[0]))
        if not len(free):
            return starts
        lower, upper = self.coordinates.bounds(starts[0])
        inequalities, equalities = self.coordinates.constraints(starts[0], free)
        constrained = bool(inequalities or equalities)
        try:
            found, _ = optimize_acqf(
                _Partial(self.worth, self.coordinates, starts[0], free),
                bounds=torch.as_tensor(np.stack([lower[free], upper[free]])),
                q=1,
                num_restarts=len(starts),
                batch_initial_conditions=torch.as_tensor(np.clip(starts, lower, upper)[:, None, free]),
                inequality_constraints=inequalities or None,
                equality_constraints=equalities or None,
                return_best_only=False,
                retry_on_optimization_warning=False,
                options={"maxiter": 40, "batch_limit": 1, "ftol": 1e-4} if constrained else {"maxiter": 40},
            )
        except (RuntimeError, ValueError):
            log.info("an ascent failed; its starts stand as they are", exc_info=True)
            return starts
        ends = np.repeat(starts[:1], len(starts), axis=0)
        ends[:, free] = np.where(np.isfinite(found[:, 0].numpy()), found[:, 0].numpy(), starts[:, free])
        ends = np.where(ends - lower < _TRACE, lower, ends)  # an optimizer's 1e-8 of a component is none
        return np.where(upper - ends < _TRACE, upper, ends)

    # -- the choices

    def _neighbours(self, point: Point) -> list[dict[str, Value]]:
        """Return points one choice away: the next numbers, other categories, a component gone or exchanged."""
        moves: list[dict[str, Any]] = []
        for axis in self.space.axes:
            if isinstance(axis, Component):
                moves += self._exchanges(axis, point) if axis.optional else []
            elif isinstance(axis, Categorical):
                moves += [{axis.name: value} for value in axis.values if value != point[axis.name]]
            elif axis.grid is not None:
                at = axis.grid.index(point[axis.name])  # type: ignore[arg-type]  # a value of this axis
                moves += [{axis.name: axis.grid[i]} for i in (at - 1, at + 1) if 0 <= i < len(axis.grid)]
        return [self.space.snap({**point, **move}) for move in moves[:_NEIGHBOURS]]

    def _exchanges(self, axis: Component, point: Point) -> list[dict[str, Any]]:
        if point[axis.name] == 0:
            return []
        absent = [one.name for one in self.space.axes if isinstance(one, Component) and point[one.name] == 0]
        return [{axis.name: 0.0}, *({axis.name: 0.0, name: point[axis.name]} for name in absent)]


class _Partial(AcquisitionFunction):
    """The worth as a function of the free coordinates alone."""

    def __init__(self, worth: Worth, coordinates: Coordinates, s: Array, free: NDArray[np.int64]) -> None:
        super().__init__(model=worth.model)
        self.worth, self._coordinates = worth, coordinates
        self._template, self._free = torch.as_tensor(s), torch.as_tensor(free)

    def forward(self, z: Tensor) -> Tensor:
        s = self._template.expand(*z.shape[:-1], -1).clone()
        s[..., self._free] = z
        worth: Tensor = self.worth(self._coordinates.encode(s))
        return worth
