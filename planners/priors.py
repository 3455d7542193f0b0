"""What is believed of a Gaussian process's hyperparameters before any trial.

Notation: `d` encoded columns, `u` the logarithm of a hyperparameter, which the fit searches over.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
PriorName = Literal["short", "sparse", "broad", "stiff", "scaled"]


@dataclass(frozen=True)
class Spread:
    """A normal density of the logarithm, as the fit sees it.

    The density of the value itself has its mode far lower, by the square of the deviation, and a fit that maximizes that
    one supposes short lengthscales wherever trials say little.

    Attributes:
        mean: Of the logarithm.
        deviation: Of the logarithm.
    """

    mean: float
    deviation: float

    @property
    def mode(self) -> float:
        """The logarithm at the mode."""
        return self.mean

    def log(self, u: Array) -> tuple[Array, Array]:
        """Return the log density of `u`, and its derivative by `u`."""
        z = (u - self.mean) / self.deviation
        return -0.5 * z**2 - math.log(self.deviation) - 0.5 * math.log(2 * math.pi), -z / self.deviation


@dataclass(frozen=True)
class LogNormal:
    """A log-normal density of the value itself, as botorch takes it.

    Attributes:
        mean: Of the logarithm.
        deviation: Of the logarithm.
    """

    mean: float
    deviation: float

    @property
    def mode(self) -> float:
        """The logarithm of its mode."""
        return self.mean - self.deviation**2

    def log(self, u: Array) -> tuple[Array, Array]:
        """Return the log density at `exp(u)`, and its derivative by `u`."""
        z = (u - self.mean) / self.deviation
        value = -0.5 * z**2 - u - math.log(self.deviation) - 0.5 * math.log(2 * math.pi)
        return value, -z / self.deviation - 1.0


@dataclass(frozen=True)
class Gamma:
    """A gamma density.

    Attributes:
        shape: Above 1.
        rate: Of the decay.
    """

    shape: float
    rate: float

    @property
    def mode(self) -> float:
        """The logarithm of its mode."""
        return math.log((self.shape - 1.0) / self.rate)

    def log(self, u: Array) -> tuple[Array, Array]:
        """Return the log density at `exp(u)`, and its derivative by `u`."""
        x = np.exp(u)
        constant = self.shape * math.log(self.rate) - math.lgamma(self.shape)
        return constant + (self.shape - 1.0) * u - self.rate * x, (self.shape - 1.0) - self.rate * x


@dataclass(frozen=True)
class Priors:
    """Of all hyperparameters of one process, whose outcomes have a variance of 1.

    Attributes:
        lengthscale: Of each column.
        outputscale: Variance of the process; None where it is 1.
        noise: Variance of one measurement's noise.
    """

    lengthscale: Spread | LogNormal | Gamma
    outputscale: Spread | Gamma | None
    noise: LogNormal = LogNormal(-4.0, 1.0)


def priors(name: PriorName, d: int) -> Priors:
    """Return priors for `d` columns.

    | name | lengthscales | for |
    |---|---|---|
    | `short` | around a third of the root of the dimension, a variance of its own | numbers |
    | `sparse` | shorter by e, and far less sure of it: few keys may matter, and those much | numbers, many keys |
    | `broad` | longer than `short` by e | numbers, when nothing gets better |
    | `stiff` | long ones that hardly differ, a variance of its own | labels and descriptors |
    | `scaled` | botorch's: the same center, far wider, and a fit that goes to the short end | comparison |

    The center of all but `stiff` grows with the root of the dimension (Hvarfner, Hellsten and Nardi 2024). `stiff`
    is what the chemists' packages take (around 4 ranges in 5 dimensions). Which one for what was measured: see the page
    on the default planner.
    """
    center = math.sqrt(2.0) + 0.5 * math.log(d)
    if name == "short":
        return Priors(Spread(center - 2.5, 1.0), Spread(0.0, 0.7))
    if name == "sparse":
        return Priors(Spread(center - 3.5, 1.5), Spread(0.0, 0.7))
    if name == "broad":
        return Priors(Spread(center - 1.5, 1.0), Spread(0.0, 0.7))
    if name == "scaled":
        return Priors(LogNormal(center, math.sqrt(3.0)), None)
    level = 0.4 * math.sqrt(d) + 4.0
    return Priors(Gamma(2.0 * level, 2.0), Gamma(level, 1.0))
