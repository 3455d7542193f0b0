"""What is known of a quantity before a campaign's own trials, as a trend that its model may follow.

A trend has a mean and, where it was learned from trials of a past campaign, a covariance: what these trials leave open.
A virtual lab fits in as one more class with these methods: its simulated outcomes, or a process fitted to them.

Notation: `N` and `M` points, `d` encoded columns, `s` trials of a source. All in the quantity's own unit.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import numpy as np
from numpy.typing import NDArray

from autolab.planners.factors import halved, solve
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


@dataclass(frozen=True)
class Learned:
    """What the trials of a past campaign tell: the posterior of a Gaussian process of their own.

    Attributes:
        surrogate: Fitted to those trials.
    """

    surrogate: Surrogate
    sure = False

    @property
    def center(self) -> float:
        """The mean of the trials."""
        return self.surrogate.center

    @property
    def spread(self) -> float:
        """The standard deviation of the trials."""
        return self.surrogate.scale

    def mean(self, x: Array) -> Array:
        """Return the posterior mean."""
        process = self.surrogate.process
        told = process.mean(x) + process.stationary(x, process.x) @ process.weights
        return np.asarray(self.surrogate.center + self.surrogate.scale * told)

    def slopes(self, x: Array) -> Array:
        """Return the derivative of the posterior mean."""
        process = self.surrogate.process
        _, pull = process.across(x, process.x)
        return self.surrogate.scale * pull(np.broadcast_to(process.weights, (len(x), len(process.x))))

    def covariance(self, a: Array, b: Array) -> Array:
        """Return the posterior covariance."""
        process = self.surrogate.process
        one, other = self._half(a), self._half(b)
        return np.asarray(self.surrogate.scale**2 * (process.stationary(a, b) - one.T @ other))

    def across(self, a: Array, b: Array) -> tuple[Array, Pull]:
        """Return the posterior covariance, and what makes its derivatives."""
        process, unit = self.surrogate.process, self.surrogate.scale**2
        prior, pull_prior = process.across(a, b)
        here, pull_here = process.across(a, process.x)
        solved = solve(process.factor, process.stationary(process.x, b))  # s x M

        def pull(weights: Array) -> Array:
            return np.asarray(unit * (pull_prior(weights) - pull_here(weights @ solved.T)))

        return unit * (prior - here @ solved), pull

    def variance(self, x: Array) -> Array:
        """Return the posterior variance."""
        process = self.surrogate.process
        half = self._half(x)
        rest = process.variance(x) - np.einsum("ij,ij->j", half, half)
        return np.asarray(self.surrogate.scale**2 * np.maximum(rest, 0.0))

    def variance_slopes(self, x: Array) -> Array:
        """Return the derivative of the posterior variance."""
        process = self.surrogate.process
        here, pull = process.across(x, process.x)
        return -2.0 * self.surrogate.scale**2 * pull(solve(process.factor, here.T).T)

    def _half(self, x: Array) -> Array:
        process = self.surrogate.process
        return halved(process.factor, process.stationary(process.x, x))


def trends_of(sources: tuple[Evidence, ...], i: int, kind: Kind, stated: Stated | None) -> tuple[Trend, ...]:
    """Return the trends of one quantity.

    Args:
        sources: Trials of past campaigns. One that does not foretell its own trials, each left out in turn, better than
            their mean does teaches nothing.
        i: Place of the quantity in `Problem.outcome_names`.
        kind: What is supposed of it.
        stated: A person's formula or function, where there is one.
    """
    learned = [
        _learned(one.x.tobytes(), one.y[:, i].tobytes(), one.error[:, i].tobytes(), one.x.shape[1], kind)
        for one in sources
        if len(one.x) > 1
    ]
    telling: list[Trend] = [Learned(one) for one in learned if explained(one) >= LEAST]
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
