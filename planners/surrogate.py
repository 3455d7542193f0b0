"""Gaussian processes of the measured quantities, in the user's units.

Notation: `n` trials, `d` encoded columns, `N` points, `m` quantities.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from autolab.planners.calibration import conformal
from autolab.planners.fitting import LEAST_NOISE, fit

if TYPE_CHECKING:
    from autolab.planners.evidence import Evidence
    from autolab.planners.kernels import Shape
    from autolab.planners.priors import PriorName
    from autolab.planners.process import Process

Array = NDArray[np.float64]

_TELLING = 10  # trials that tell how far intervals can be believed
_WIDEST = 3.0

_LEAST = 1e-6  # an error of exactly 0 would make the covariance singular


class Kind(NamedTuple):
    """What is supposed of a quantity.

    Attributes:
        shape: How rough it is.
        prior: On what scale it changes.
    """

    shape: Shape
    prior: PriorName

    def __str__(self) -> str:
        return f"{self.shape}, {self.prior}"


@dataclass(frozen=True)
class Trust:
    """How far a model follows what was known beforehand.

    Attributes:
        weight: Probability that following it foretells trials better than leaving it aside.
        factors: What each trend is multiplied by, were it followed.
    """

    weight: float
    factors: tuple[float, ...]

    @property
    def followed(self) -> bool:
        """Whether the model does."""
        return self.weight >= 0.5


@dataclass(frozen=True)
class Surrogate:
    """The model of one quantity.

    Attributes:
        process: Of the standardized values.
        center: What was taken off the values.
        scale: What they were divided by then.
        kind: What was supposed.
        trust: In what was known beforehand; None where there was nothing.
        other: The model that follows it where this one does not, or the other way round; None where there is none.
    """

    process: Process
    center: float
    scale: float
    kind: Kind
    trust: Trust | None = None
    other: Surrogate | None = None

    def standardize(self, values: Any) -> Any:  # noqa: ANN401  a number or an array, and the same again
        """Return values in the user's unit (a number or an array) as the process has them."""
        return (values - self.center) / self.scale

    @property
    def noise(self) -> float:
        """The standard deviation of one more measurement around the quantity itself."""
        noise = self.process.hyper.noise
        return float(np.sqrt(np.median(noise) if len(noise) else LEAST_NOISE)) * self.scale

    @property
    def besides(self) -> float:
        """The standard deviation of noise that was learned besides told standard errors; 0 where there is none."""
        return float(np.sqrt(self.process.hyper.besides)) * self.scale

    @cached_property
    def widening(self) -> float:
        """What deviations are multiplied by so that 95 % intervals hold 95 %; 1 to 3.

        By what the model would have foretold of each trial, had it not known it (conformal prediction, Vovk, Gammerman and
        Shafer 2005): a model whose hyperparameters are fitted to few trials is too sure of itself. They were fitted to the
        trial that is left out, too: hence by `sqrt(1 + p / n)` more, for `p` lengthscales and `n` trials (as in the final prediction error,
        Akaike 1970). 1 with less than 10 trials.
        """
        n, p = self.process.x.shape
        if n < _TELLING:
            return 1.0
        mean, variance = self.process.left_out()
        told = conformal(np.abs(self.process.y - mean) / np.sqrt(variance)) * np.sqrt(1.0 + p / n)
        return float(np.clip(told, 1.0, _WIDEST))

    def predict(self, x: Array) -> tuple[Array, Array]:
        """Return mean and standard deviation (`N` each) of the quantity itself at encoded points."""
        mean, variance = self.process.posterior(x)
        return self.center + self.scale * mean, self.scale * np.sqrt(variance)

    def joint(self, x: Array) -> tuple[Array, Array]:
        """Return mean (`N`) and covariance (`N x N`) of the quantity itself at encoded points."""
        mean, covariance = self.process.joint(x)
        return self.center + self.scale * mean, self.scale**2 * covariance


@dataclass(frozen=True)
class Models:
    """The models of all quantities, in the order of `Problem.outcome_names`."""

    each: tuple[Surrogate, ...]

    def predictions(self, x: Array) -> tuple[Array, Array]:
        """Return mean and standard deviation of the quantities themselves (without noise), `N x m` each."""
        told = [one.predict(x) for one in self.each]
        return np.column_stack([mean for mean, _ in told]), np.column_stack([deviation for _, deviation in told])

    def widened(self, x: Array) -> tuple[Array, Array]:
        """Return the same, deviations widened so that intervals can be believed."""
        means, deviations = self.predictions(x)
        return means, deviations * self.widenings

    @property
    def widenings(self) -> Array:
        """What deviations are multiplied by for that, `m`."""
        return np.array([one.widening for one in self.each])

    def joint(self, x: Array) -> tuple[Array, Array]:
        """Return mean (`N x m`) and covariance of each quantity (`m x N x N`) of the quantities themselves."""
        told = [one.joint(x) for one in self.each]
        return np.column_stack([mean for mean, _ in told]), np.stack([covariance for _, covariance in told])

    @property
    def noises(self) -> Array:
        """The standard deviation (`m`) of one more measurement around each quantity."""
        return np.array([one.noise for one in self.each])

    @property
    def others(self) -> Models | None:
        """The models that were weighed against these; None where there are none."""
        if all(one.other is None for one in self.each):
            return None
        return Models(tuple(one if one.other is None else one.other for one in self.each))

    @property
    def weight(self) -> float:
        """The probability that these are to be preferred to the others, by the first quantity that has another."""
        told = next((one.trust for one in self.each if one.other is not None), None)
        return 1.0 if told is None else max(told.weight, 1.0 - told.weight)

    @property
    def standardized(self) -> Models:
        """The same models of the standardized quantities: botorch's constants suppose values of order 1."""
        return Models(tuple(replace(one, center=0.0, scale=1.0) for one in self.each))

    def botorch(self) -> Any:  # noqa: ANN401  botorch ships no types
        """Return botorch's model with the same data and hyperparameters. Loads torch, which takes seconds."""
        from autolab.planners.bridge import as_botorch

        return as_botorch(self.each)


def outcome_models(evidence: Evidence, kind: Kind) -> Models:
    """Return a fitted model of each quantity.

    Where a trial tells its standard error this is its noise; a trial without one among such is given their median.
    Where none does, one noise level is learned.

    Args:
        evidence: What is known.
        kind: What is supposed of each.
    """
    columns = range(evidence.y.shape[1])
    return Models(tuple(surrogate_of(evidence.x, evidence.y[:, i], evidence.error[:, i], kind) for i in columns))


def surrogate_of(x: Array, values: Array, error: Array, kind: Kind) -> Surrogate:
    """Return the fitted model of one quantity.

    Args:
        x: `n x d` encoded points, 2 or more.
        values: `n`.
        error: `n` standard errors; NaN where unknown.
        kind: What is supposed of it.
    """
    return _surrogate_of(x.tobytes(), values.tobytes(), error.tobytes(), x.shape[1], kind)


@functools.lru_cache(maxsize=8)
def _surrogate_of(x: bytes, y: bytes, error: bytes, d: int, kind: Kind) -> Surrogate:
    """Fit once what a suggestion asks for more than once."""
    places, values, errors = (np.frombuffer(one).copy() for one in (x, y, error))  # torch wants them writable
    center, scale = float(values.mean()), float(values.std(ddof=1))
    scale = scale if scale > least_scale(center) else 1.0
    noise = noise_of(errors / scale)
    process = fit(places.reshape(-1, d), (values - center) / scale, noise, kind.shape, kind.prior)
    return Surrogate(process, center, scale, kind)


def least_scale(center: float) -> float:
    """Return the deviation of values around a center below which nothing but rounding is left of it."""
    return max(1e-12 * abs(center), 1e-150)


def noise_of(error: Array) -> Array | None:
    """Return each outcome's variance of standard errors, standardized; None where none is told."""
    told = np.isfinite(error)
    if not told.any():
        return None
    filled = np.where(told, error, np.median(error[told]))
    return np.asarray(np.maximum(filled**2, _LEAST))
