"""What is known of a quantity before a campaign's own trials, as a trend that its model may follow.

A trend has a mean and, where it was learned from trials of a past campaign, a covariance: what these trials leave open.
A virtual lab fits in as one more class with these methods: its simulated outcomes, or a process fitted to them.

Notation: `N` and `M` points, `d` encoded columns, `s` trials of a source. All in the quantity's own unit.
"""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Protocol

import numpy as np
from numpy.typing import NDArray

from autolab.planners.learned import Displaced
from autolab.planners.surrogate import Kind, Surrogate, surrogate_of

if TYPE_CHECKING:
    from autolab.planners.evidence import Evidence
    from autolab.planners.process import Pull
    from autolab.planners.stated import Stated

Array = NDArray[np.float64]

LEAST = 0.1
"""Share of its own trials' variance that a source must foretell."""


class Trend(Protocol):
    """What a quantity is expected to be, up to a factor and an offset."""

    @property
    def center(self) -> float:
        """Its middle."""

    @property
    def spread(self) -> float:
        """Its standard deviation over the space, or over its trials."""

    @property
    def sure(self) -> bool:
        """Whether its covariance is 0 everywhere."""

    def mean(self, x: Array) -> Array:
        """Return `N` of encoded points `N x d`."""

    def slopes(self, x: Array) -> Array:
        """Return the derivative `N x d` of the mean by the points."""

    def covariance(self, a: Array, b: Array) -> Array:
        """Return what is not known of it: `N x M` of `N x d` and `M x d` points."""

    def across(self, a: Array, b: Array) -> tuple[Array, Pull]:
        """Return the covariance, and what makes derivatives by `a` of weighed sums over `b` of it."""

    def variance(self, x: Array) -> Array:
        """Return the covariance of each point with itself, `N`."""

    def variance_slopes(self, x: Array) -> Array:
        """Return its derivative, `N x d`."""


def trends_of(
    sources: tuple[Evidence, ...], i: int, kind: Kind, stated: Stated | None, deviations: Array
) -> tuple[Trend, ...]:
    """Return the trends of one quantity.

    Args:
        sources: Trials of past campaigns. One that does not foretell its own trials, each left out in turn, better than
            their mean does teaches nothing.
        i: Place of the quantity in `Problem.outcome_names`.
        kind: What is supposed of it.
        stated: A person's formula or function, where there is one.
        deviations: `d`: by how much each encoded column may be displaced from what it was.
    """
    learned = [
        _learned(one.x.tobytes(), one.y[:, i].tobytes(), one.error[:, i].tobytes(), one.x.shape[1], kind)
        for one in sources
        if len(one.x) > 1
    ]
    telling: list[Trend] = [Displaced(one, deviations) for one in learned if explained(one) >= LEAST]
    return (*telling, *([] if stated is None else [stated]))


def explained(surrogate: Surrogate) -> float:
    """Return the share of the trials' variance that a model foretells, each trial left out in turn; 0 or less: none."""
    process = surrogate.process
    foretold, _ = process.left_out()
    spread = float(((process.y - process.y.mean()) ** 2).sum())
    return 1.0 - float(((process.y - foretold) ** 2).sum()) / spread if spread > 0 else 0.0


@functools.lru_cache(maxsize=16)
def _learned(x: bytes, y: bytes, error: bytes, d: int, kind: Kind) -> Surrogate:
    """Fit a source, once for all suggestions of a campaign: the trials of a past one do not change."""
    values = [np.frombuffer(one) for one in (x, y, error)]
    return surrogate_of(values[0].reshape(-1, d), values[1], values[2], kind)
