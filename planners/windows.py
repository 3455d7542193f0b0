"""The chance that a normal value lies between two limits, in its log, with its derivatives.

Two limits on one quantity are one event: weighed by each as if they were independent, a quantity of which little is known
would be given a quarter where a window much narrower than its deviation has next to nothing.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from scipy.special import log_ndtr

from autolab.model.objectives import allowed

if TYPE_CHECKING:
    from autolab.model.problem import Problem

Array = NDArray[np.float64]

_LOG_ROOT_2PI = 0.5 * math.log(2 * math.pi)


@dataclass(frozen=True)
class Window:
    """What the outcome constraints leave to one quantity.

    Attributes:
        place: Of the quantity in `Problem.outcome_names`.
        low: The least that is allowed, or minus infinity.
        high: The most, or infinity.
    """

    place: int
    low: float
    high: float

    def scaled(self, center: float, scale: float) -> Window:
        """Return the window of `(value - center) / scale`."""
        return Window(self.place, (self.low - center) / scale, (self.high - center) / scale)

    def holds(self, values: Array) -> NDArray[np.bool_]:
        """Return whether values lie in it."""
        return (values >= self.low) & (values <= self.high)

    def log_chance(self, mean: Array, deviation: Array) -> Array:
        """Return the log of the probability that a normal value lies in it; minus infinity where none can.

        >>> window = Window(0, -1.0, 1.0)
        >>> float(np.exp(window.log_chance(np.array([0.0]), np.array([1.0])))[0].round(4))
        0.6827
        """
        return _log_mass((self.low - mean) / deviation, (self.high - mean) / deviation)

    def slopes(self, mean: Array, deviation: Array) -> tuple[Array, Array, Array]:
        """Return the log of that probability, and its derivatives by mean and deviation."""
        low, high = (self.low - mean) / deviation, (self.high - mean) / deviation
        log = _log_mass(low, high)
        at_low, at_high = _hazard(low, log), _hazard(high, log)
        by_deviation = np.zeros_like(log)
        for at, edge in ((at_low, low), (-at_high, high)):
            by_deviation += at * np.where(np.isfinite(edge), edge, 0.0)
        return log, (at_low - at_high) / deviation, by_deviation / deviation


def windows(problem: Problem) -> list[Window]:
    """Return what the outcome constraints leave to each quantity that has any."""
    found = allowed(problem.outcome_constraints)
    return [Window(problem.outcome_names.index(name), low, high) for name, (low, high) in found.items()]


def _log_mass(low: Array, high: Array) -> Array:
    """Return the log of `Phi(high) - Phi(low)`, on the side of 0 where the tails are small."""
    swap = low + high > 0
    below, above = np.where(swap, -high, low), np.where(swap, -low, high)
    top = log_ndtr(above)
    with np.errstate(divide="ignore", invalid="ignore"):
        rest = np.log1p(-np.exp(np.minimum(log_ndtr(below) - top, 0.0)))
    return np.where(high > low, top + rest, -np.inf)


def _hazard(edge: Array, log: Array) -> Array:
    """Return the density at an edge over the mass; 0 at no edge, and where there is no mass."""
    with np.errstate(invalid="ignore", over="ignore"):
        found = np.exp(-0.5 * edge**2 - _LOG_ROOT_2PI - log)
    return np.where(np.isfinite(edge) & np.isfinite(log), found, 0.0)
