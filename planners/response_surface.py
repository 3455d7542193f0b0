"""`CentralComposite` and `BoxBehnken`: enough runs for a quadratic response surface.

Each has one run at the centre: a point is proposed once, and repeats of it are the protocol's or a later choice.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, get_args

import numpy as np
from numpy.typing import NDArray

from autolab.model.errors import DesignUnfit, InputError
from autolab.planners.generators import fraction
from autolab.planners.runs import check_size, give_out, laid_out, plain_factors

if TYPE_CHECKING:
    from autolab.model.problem import Problem
    from autolab.model.suggestion import Suggestion
    from autolab.model.trial import Point, Trial

Array = NDArray[np.float64]
Face = Literal["faced", "inscribed"]


@dataclass(frozen=True)
class CentralComposite:
    """Corners, a star and the centre: a quadratic in few runs (Box, Wilson 1951).

    Attributes:
        face: `faced`: the star lies on the faces of the box, three levels a factor. `inscribed`: the star does, and the
            corners lie inside so that the design is rotatable, five levels a factor. (A star outside the box would
            leave the space.)
        fraction: Take a fraction of resolution 5 of the corners, which still clears all terms of a quadratic.
    """

    face: Face = "faced"
    fraction: bool = False

    def __post_init__(self) -> None:
        if self.face not in get_args(Face):
            msg = f"face must be one of {', '.join(get_args(Face))}, got {self.face!r}"
            raise InputError(msg)

    def suggest(
        self, problem: Problem, history: Sequence[Trial], *, n: int, pending: Sequence[Point] = (), seed: int
    ) -> list[Suggestion]:
        """Return `n` runs that were not tried, in random order.

        Raises:
            DesignUnfit: A pool, a mixture, a categorical factor, fewer than two factors or too few values, or a run
                that violates a constraint.
            DesignUsedUp: Fewer than `n` runs are left.
            ValueError: `n` is less than 1.
        """
        space, axes = plain_factors(problem, "central_composite", 2, labels=0)
        if len(axes) > 26:
            check_size("central_composite", [2] * len(axes))
        coded = composite(len(axes), inscribed=self.face == "inscribed", part=self.fraction)
        design = laid_out(space, "central_composite", coded)
        return give_out(problem, design, history, pending, n, seed, {"rule": "central_composite"})


def composite(k: int, *, inscribed: bool, part: bool) -> Array:
    """Return coded levels of a central composite design, `(corners + 2k + 1) x k`.

    Rotatable: the star is `corners ** 0.25` times as far out as a corner is along each axis (Box, Hunter 1957).
    """
    corners = fraction(k, 5 if part else k + 1, "central_composite")
    inward = len(corners) ** -0.25 if inscribed else 1.0
    return np.vstack([inward * corners, np.eye(k), -np.eye(k), np.zeros((1, k))])


BLOCKS = {
    6: ((0, 1, 3), (1, 2, 4), (2, 3, 5), (0, 3, 4), (1, 4, 5), (0, 2, 5)),
    7: ((3, 4, 5), (0, 5, 6), (1, 4, 6), (0, 1, 3), (2, 3, 6), (0, 2, 4), (1, 2, 5)),
}
"""Factors that vary together; for 6 and 7 of them three at a time take fewer runs than pairs (Box, Behnken 1960)."""


@dataclass(frozen=True)
class BoxBehnken:
    """A quadratic without corners: two or three factors at their ends at a time, the others midway.

    For where all factors at their ends at once would harm or fail. Three levels a factor.
    """

    def suggest(
        self, problem: Problem, history: Sequence[Trial], *, n: int, pending: Sequence[Point] = (), seed: int
    ) -> list[Suggestion]:
        """Return `n` runs that were not tried, in random order.

        Raises:
            DesignUnfit: A pool, a mixture, a categorical factor, fewer than three factors or too few values, or a run
                that violates a constraint.
            DesignUsedUp: Fewer than `n` runs are left.
            ValueError: `n` is less than 1.
        """
        space, axes = plain_factors(problem, "box_behnken", 3, labels=0)
        if len(axes) > 100:
            msg = f"box_behnken is laid out for at most 100 factors, and the space has {len(axes)}; try plackett_burman"
            raise DesignUnfit(msg)
        design = laid_out(space, "box_behnken", edges(len(axes)))
        return give_out(problem, design, history, pending, n, seed, {"rule": "box_behnken"})


def edges(k: int) -> Array:
    """Return coded levels of a Box-Behnken design with one run at the centre, `r x k`; pyDOE3's but for 6 and 7."""
    from pyDOE3 import bbdesign  # loaded late, with scipy

    if k not in BLOCKS:
        return np.asarray(bbdesign(k, center=1), dtype=float)
    rows = []
    for block in BLOCKS[k]:
        for signs in itertools.product((-1.0, 1.0), repeat=len(block)):
            row = np.zeros(k)
            row[list(block)] = signs
            rows.append(row)
    return np.array([*rows, np.zeros(k)])
