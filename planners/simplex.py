"""`SimplexLattice` and `SimplexCentroid`: designs for mixtures (Scheffe 1958, 1963)."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from autolab.model.candidates import Candidates
from autolab.model.errors import DesignUnfit
from autolab.model.parameters import Categorical, Component, Mixture
from autolab.planners.runs import ANY_SPACE, check_number, check_size, give_out, refuse_violations

if TYPE_CHECKING:
    from autolab.model.parameters import Axis
    from autolab.model.problem import Problem
    from autolab.model.suggestion import Suggestion
    from autolab.model.trial import Point, Trial, Value

Blend = tuple[float, ...]
"""Shares of a mixture's components, which add up to 1."""


@dataclass(frozen=True)
class SimplexLattice:
    """Every blend whose shares are multiples of `1 / degree`: a polynomial of this degree in a mixture.

    Where components have lower bounds the lattice spans what these leave free (L-pseudocomponents, Kurotori 1966).
    With `at_most`, blends of more components are left out. Parameters beside the mixture are crossed with it, at their
    ends and all their labels; several mixtures are crossed with one another.

    Attributes:
        degree: 1: pure components; 2: also halves; 3: thirds, and so on.

    >>> from autolab.model.objectives import Objective
    >>> from autolab.model.problem import Problem
    >>> from autolab.model.space import Space
    >>> problem = Problem(Space([Mixture(["a", "b", "c"], bounds={"a": (0.2, 1)})]), [Objective("y")])
    >>> runs = SimplexLattice().suggest(problem, [], n=6, seed=0)
    >>> sorted(tuple(round(x, 6) for x in run.point.values()) for run in runs)[:3]
    [(0.2, 0.0, 0.8), (0.2, 0.4, 0.4), (0.2, 0.8, 0.0)]
    """

    degree: int = 2

    def __post_init__(self) -> None:
        check_number("degree", self.degree, 1)

    def suggest(
        self, problem: Problem, history: Sequence[Trial], *, n: int, pending: Sequence[Point] = (), seed: int
    ) -> list[Suggestion]:
        """Return `n` runs that were not tried, in random order.

        Raises:
            DesignUnfit: No mixture, or upper bounds or constraints that a blend violates.
            DesignUsedUp: Fewer than `n` runs are left.
            ValueError: `n` is less than 1.
        """
        design = crossed(problem, "simplex_lattice", self._size, lambda q, _: lattice(q, self.degree))
        return give_out(problem, design, history, pending, n, seed, {"rule": "simplex_lattice"})

    def _size(self, q: int, most: int) -> int:
        return math.comb(q + self.degree - 1, self.degree)


@dataclass(frozen=True)
class SimplexCentroid:
    """The pure components and the even blends of every two, of every three, and so on.

    Bounds, `at_most` and further parameters are met as `SimplexLattice` meets them.

    Attributes:
        up_to: Components in a blend at most; None for all.
    """

    up_to: int | None = None

    def __post_init__(self) -> None:
        if self.up_to is not None:
            check_number("up_to", self.up_to, 1)

    def suggest(
        self, problem: Problem, history: Sequence[Trial], *, n: int, pending: Sequence[Point] = (), seed: int
    ) -> list[Suggestion]:
        """Return `n` runs that were not tried, in random order.

        Raises:
            DesignUnfit: No mixture, or upper bounds or constraints that a blend violates.
            DesignUsedUp: Fewer than `n` runs are left.
            ValueError: `n` is less than 1.
        """
        design = crossed(problem, "simplex_centroid", self._size, lambda q, most: centroids(q, self._most(q, most)))
        return give_out(problem, design, history, pending, n, seed, {"rule": "simplex_centroid"})

    def _most(self, q: int, most: int) -> int:
        return min(q, most, self.up_to or q)

    def _size(self, q: int, most: int) -> int:
        return sum(math.comb(q, size) for size in range(1, self._most(q, most) + 1))


def lattice(q: int, degree: int) -> Iterator[Blend]:
    """Yield the blends of a {q, degree} simplex lattice, `comb(q + degree - 1, degree)` of them."""
    for bars in itertools.combinations(range(q + degree - 1), q - 1):
        ends = (-1, *bars, q + degree - 1)
        yield tuple((b - a - 1) / degree for a, b in itertools.pairwise(ends))


def centroids(q: int, most: int) -> Iterator[Blend]:
    """Yield the even blends of 1 to `most` of `q` components."""
    for size in range(1, most + 1):
        for present in itertools.combinations(range(q), size):
            yield tuple(1 / size if i in present else 0.0 for i in range(q))


def crossed(
    problem: Problem, rule: str, size: Callable[[int, int], int], blends: Callable[[int, int], Iterator[Blend]]
) -> list[dict[str, Value]]:
    """Return the blends of each mixture, crossed with one another and with the ends of all other parameters.

    Args:
        problem: Its space is laid over.
        rule: The design, for messages.
        size: (components, how many may be present) -> number of blends.
        blends: The same -> the blends.

    Raises:
        DesignUnfit: No mixture, too many runs, or a run outside the space.
    """
    space = problem.space
    mixtures = () if isinstance(space, Candidates) else [p for p in space.parameters if isinstance(p, Mixture)]
    if isinstance(space, Candidates) or not mixtures:
        msg = f"{rule} needs a mixture and the space declares none; factorial is for free parameters, {ANY_SPACE}"
        raise DesignUnfit(msg)
    others = [axis for axis in space.axes if not isinstance(axis, Component)]
    levels = [_ends(axis) for axis in others]
    check_size(rule, [*(size(len(m.names), m.at_most or len(m.names)) for m in mixtures), *map(len, levels)])
    parts: list[list[dict[str, Value]]] = [
        [_amounts(mixture, blend) for blend in blends(len(mixture.names), mixture.at_most or len(mixture.names))]
        for mixture in mixtures
    ]
    for mixture, part in zip(mixtures, parts, strict=True):
        part[:] = [one for one in part if sum(x != 0 for x in one.values()) <= (mixture.at_most or len(one))]
    parts += [[{axis.name: value} for value in values] for axis, values in zip(others, levels, strict=True)]
    joined = [{k: v for one in row for k, v in one.items()} for row in itertools.product(*parts)]
    points = [{name: point[name] for name in space.names} for point in joined]
    refuse_violations(space, rule, points)
    return list({space.key(point): point for point in points}.values())


def _ends(axis: Axis) -> Sequence[Value]:
    if isinstance(axis, Categorical):
        return axis.values
    return axis.decode(np.array([[0.0], [1.0]]))  # type: ignore[union-attr]  # components are left out before


def _amounts(mixture: Mixture, blend: Blend) -> dict[str, Value]:
    """Return the amounts of a blend of L-pseudocomponents: what lower bounds leave free is shared out."""
    least = [0.0 if one.optional else one.low for one in mixture.components]
    free = mixture.total - math.fsum(least)
    return {name: low + free * share for name, low, share in zip(mixture.names, least, blend, strict=True)}
