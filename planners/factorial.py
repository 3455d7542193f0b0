"""`Factorial` and `PlackettBurman`: which factors matter, and which work together."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from autolab.model.errors import DesignUnfit, InputError
from autolab.model.names import did_you_mean
from autolab.model.parameters import Categorical
from autolab.planners.generators import fraction
from autolab.planners.runs import ANY_SPACE, check_number, check_size, give_out, laid_out, plain_factors

if TYPE_CHECKING:
    from autolab.model.parameters import Axis
    from autolab.model.problem import Problem
    from autolab.model.suggestion import Suggestion
    from autolab.model.trial import Point, Trial, Value


@dataclass(frozen=True)
class Factorial:
    """All combinations of levels, or a two-level fraction of a wanted resolution.

    All combinations: a categorical factor has all its labels, a number `levels` evenly spread ones (over the logarithm
    where it is logarithmic) or all its values where it has fewer. Combinations that violate a constraint are left out.
    A fraction that violates one is refused, since it is its balance that lets fewer runs do.

    Attributes:
        levels: Of a number; or parameter -> levels, 2 where left out.
        resolution: 3: main effects clear of one another; 4: also of two-factor interactions; 5: these clear of one
            another as well. None for all combinations.

    Raises:
        InputError: A setting out of range.

    >>> from autolab.model.objectives import Objective
    >>> from autolab.model.parameters import Real
    >>> from autolab.model.problem import Problem
    >>> from autolab.model.space import Space
    >>> problem = Problem(Space([Real("rate", 0.1, 10.0, log=True), Real("T", 20, 60)]), [Objective("yield_")])
    >>> runs = Factorial(levels={"rate": 3}).suggest(problem, [], n=6, seed=0)
    >>> sorted((run["rate"], run["T"]) for run in runs)[2:4]
    [(1.0, 20.0), (1.0, 60.0)]
    """

    levels: int | Mapping[str, int] = 2
    resolution: int | None = None

    def __post_init__(self) -> None:
        if isinstance(self.levels, Mapping):
            object.__setattr__(self, "levels", dict(self.levels))
            for name, count in dict(self.levels).items():
                check_number(f"levels of {name!r}", count, 2)
        else:
            check_number("levels", self.levels, 2)
        if self.resolution is not None:
            check_number("resolution", self.resolution, 3)
            if self.levels != 2:
                msg = f"a fraction has two levels; leave levels out with resolution, got levels = {self.levels!r}"
                raise InputError(msg)

    def __hash__(self) -> int:
        levels = self.levels if isinstance(self.levels, int) else tuple(sorted(self.levels.items()))
        return hash((levels, self.resolution))

    def suggest(
        self, problem: Problem, history: Sequence[Trial], *, n: int, pending: Sequence[Point] = (), seed: int
    ) -> list[Suggestion]:
        """Return `n` runs that were not tried, in random order.

        Raises:
            DesignUnfit: The space is a pool, has a mixture, or (a fraction) violates a constraint.
            DesignUsedUp: Fewer than `n` runs are left.
            ValueError: `n` is less than 1.
        """
        design = self._all(problem) if self.resolution is None else self._part(problem, self.resolution)
        return give_out(problem, design, history, pending, n, seed, {"rule": "factorial"})

    def _all(self, problem: Problem) -> list[dict[str, Value]]:
        space, axes = plain_factors(problem, "factorial", 1)
        self._check_names(space.names)
        values = [self._values(axis) for axis in axes]
        check_size("factorial", [len(one) for one in values])
        points = [dict(zip(space.names, row, strict=True)) for row in itertools.product(*values)]
        kept = [point for point in points if space.contains(point)]
        if not kept:
            msg = f"factorial: none of the {len(points)} combinations satisfies the constraints; {ANY_SPACE}"
            raise DesignUnfit(msg)
        return kept

    def _check_names(self, names: Sequence[str]) -> None:
        for name in self.levels if isinstance(self.levels, Mapping) else ():
            if name not in names:
                msg = f"levels: there is no {name!r}: {did_you_mean(name, names)}"
                raise InputError(msg)

    def _values(self, axis: Axis) -> Sequence[Value]:
        if isinstance(axis, Categorical):
            return axis.values
        count = self.levels if isinstance(self.levels, int) else self.levels.get(axis.name, 2)
        if axis.grid is not None and len(axis.grid) <= count:
            return list(axis.grid)
        return list(dict.fromkeys(axis.decode(np.linspace(0.0, 1.0, count)[:, None])))  # type: ignore[union-attr]  # mixtures are refused before

    def _part(self, problem: Problem, resolution: int) -> list[dict[str, Value]]:
        space, axes = plain_factors(problem, "factorial", 1, labels=2)
        if len(axes) > 26:
            msg = f"a fraction is made of at most 26 factors, and the space has {len(axes)}; plackett_burman takes more"
            raise DesignUnfit(msg)
        return laid_out(space, "factorial", fraction(len(axes), resolution, "factorial"))


@dataclass(frozen=True)
class PlackettBurman:
    """Main effects of many factors in few runs: the next multiple of 4 above their number.

    Each factor at its two ends, all columns orthogonal; main effects are mixed up with interactions (Plackett, Burman
    1946; matrices of pyDOE3, which lacks 28, 36, 44 and 52 runs, where the next size serves).
    """

    def suggest(
        self, problem: Problem, history: Sequence[Trial], *, n: int, pending: Sequence[Point] = (), seed: int
    ) -> list[Suggestion]:
        """Return `n` runs that were not tried, in random order.

        Raises:
            DesignUnfit: A pool, a mixture, a factor of more than two labels, or a run that violates a constraint.
            DesignUsedUp: Fewer than `n` runs are left.
            ValueError: `n` is less than 1.
        """
        space, axes = plain_factors(problem, "plackett_burman", 2, labels=2)
        design = laid_out(space, "plackett_burman", screening(len(axes)))
        return give_out(problem, design, history, pending, n, seed, {"rule": "plackett_burman"})


def screening(k: int) -> np.ndarray[tuple[int, int], np.dtype[np.float64]]:
    """Return the smallest Plackett-Burman matrix for `k` factors that pyDOE3 has, `r x k` of -1 and 1."""
    from pyDOE3 import pbdesign  # loaded late, with scipy

    size = k
    while True:
        try:
            return np.asarray(pbdesign(size), dtype=float)[:, :k]
        except AssertionError:  # it has no matrix of this size
            size += 1
