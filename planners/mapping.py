"""What a point teaches of a map: of a boundary, or of a whole response surface.

Notation: `b` points asked about, `p` pending ones, `m` quantities, `d` encoded columns.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from autolab.planners.improvement import CAUTION

if TYPE_CHECKING:
    from autolab.planners.evidence import Evidence
    from autolab.planners.feasibility import Success
    from autolab.planners.surrogate import Models

Array = NDArray[np.float64]

_LEAST = 1e-300
_CHUNK = 1024


class Teaching:
    """The log of what a measurement teaches, times the probability of success (to a power, as `Improvement` has it). What is pending counts as measured.

    Args:
        evidence: What is known.
        models: Of all quantities.
        success: Probability of success; None while nothing has failed.
    """

    starts = 4

    def __init__(self, evidence: Evidence, models: Models, success: Success | None) -> None:
        self._success = success
        self._caution = CAUTION + evidence.streak
        models = models.standardized  # quantities count alike, and botorch supposes values of order 1
        model = models.botorch()
        self.models: list[Any] = list(model.models) if hasattr(model, "models") else [model]
        self._pending = torch.as_tensor(evidence.pending)
        means, _ = models.predictions(evidence.x)
        self.scales = [float(one) for one in means.std(axis=0, ddof=1)]
        self._noises = [max(float(one) ** 2, 1e-12) for one in models.noises]

    def values(self, x: Array) -> Array:
        """Return the log of what encoded points (`N x d`) teach, `N`; a chunk at a time, so that memory stays bounded."""
        with torch.no_grad():
            parts = [self.taught(part).clamp_min(_LEAST).log() for part in torch.split(torch.as_tensor(x), _CHUNK)]
        taught = torch.cat(parts).numpy()
        return taught if self._success is None else taught + self._caution * self._success.log_probability(x)

    def slopes(self, x: Array) -> tuple[Array, Array]:
        """Return the same, and its derivative `N x d` by the encoded columns."""
        points = torch.tensor(x, requires_grad=True)
        taught = self.taught(points).clamp_min(_LEAST).log()
        (by_x,) = torch.autograd.grad(taught.sum(), points)
        value, gradient = taught.detach().numpy(), np.nan_to_num(by_x.numpy())
        if self._success is None:
            return value, gradient
        chance, by_chance = self._success.slopes(x)
        return value + self._caution * chance, gradient + self._caution * by_chance

    def taught(self, x: Tensor) -> Tensor:
        """Return `b` for `b x d` encoded points: more is better, not negative."""
        raise NotImplementedError

    def add_pending(self, x: Array) -> None:
        """Count encoded points (`q x d`) as under way."""
        self._pending = torch.cat([self._pending, torch.as_tensor(x)])

    def spread(self, place: int, x: Tensor) -> tuple[Tensor, Tensor]:
        """Return mean and variance of a quantity, standardized, at `b x d` points, once what is pending is measured.

        The mean is expected to stay; the variance is known exactly, whatever will be measured (Schur's complement).
        """
        model, p = self.models[place], len(self._pending)
        if not p:
            posterior = model.posterior(x.unsqueeze(-2))
            return posterior.mean[:, 0, 0], posterior.variance[:, 0, 0].clamp_min(0)
        both = torch.cat([x.unsqueeze(-2), self._pending.expand(len(x), p, -1)], dim=-2)
        posterior = model.posterior(both)
        k = posterior.distribution.covariance_matrix
        waiting = k[:, 1:, 1:] + self._noises[place] * torch.eye(p).to(k)
        across = k[:, :1, 1:]
        known = (across @ torch.linalg.solve(waiting, across.transpose(-1, -2)))[:, 0, 0]
        return posterior.mean[:, 0, 0], (k[:, 0, 0] - known).clamp_min(0)


class Boundary(Teaching):
    """Where it is least sure on which side of a level a quantity lies.

    The expected feasibility function of Bichon et al. 2008 (AIAA Journal 46, 2459), with a band of two standard
    deviations; of several levels the sum, each in units of its quantity.

    Args:
        evidence: What is known.
        models: Of all quantities.
        success: Probability of success; None while nothing has failed.
        levels: Place of a quantity, and its level in the user's unit.
    """

    def __init__(
        self,
        evidence: Evidence,
        models: Models,
        success: Success | None,
        levels: Sequence[tuple[int, float]],
    ) -> None:
        super().__init__(evidence, models, success)
        self._levels = [(place, models.each[place].standardize(level)) for place, level in levels]

    def taught(self, x: Tensor) -> Tensor:
        """Return `b` for `b x d` encoded points."""
        total = torch.zeros(len(x)).to(x)
        for place, level in self._levels:
            mean, variance = self.spread(place, x)
            deviation = variance.clamp_min(1e-18).sqrt()
            total = total + deviation / max(self.scales[place], 1e-12) * expected_feasibility(
                (level - mean) / deviation
            )
        return total


class Surface(Teaching):
    """How much a measurement lowers the variance of all quantities, averaged over the space.

    Active learning of Cohn 1996 for Gaussian processes (Gramacy and Lee 2009): points that teach of their
    surroundings, and not the corners of the space, where the variance itself is greatest.

    Args:
        evidence: What is known.
        models: Of all quantities.
        success: Probability of success; None while nothing has failed.
        places: `N x d` points of the space that the average is taken over.
    """

    def __init__(
        self,
        evidence: Evidence,
        models: Models,
        success: Success | None,
        places: Tensor,
    ) -> None:
        super().__init__(evidence, models, success)
        self._places = places

    def taught(self, x: Tensor) -> Tensor:
        """Return `b` for `b x d` encoded points: the mean fall of variance, in units of each quantity's own."""
        total = torch.zeros(len(x)).to(x)
        for i in range(len(self.models)):
            across, variance = self._covariances(i, x)
            fall = across.pow(2).mean(dim=-1) / (variance + self._noises[i]).clamp_min(1e-18)
            total = total + fall / max(self.scales[i], 1e-12) ** 2
        return total

    def _covariances(self, i: int, x: Tensor) -> tuple[Tensor, Tensor]:
        """Return the covariance with the places (`b x N`) and the variance (`b`), what is pending being measured."""
        n, p = len(self._places), len(self._pending)
        whole = torch.cat([x, self._places, self._pending])
        k = self.models[i].posterior(whole).distribution.covariance_matrix
        b = len(x)
        across, variance = k[:b, b : b + n], k.diagonal()[:b]
        if p:
            waiting = k[b + n :, b + n :] + self._noises[i] * torch.eye(p).to(k)
            solved = torch.linalg.solve(waiting, k[b + n :, : b + n])
            across = across - k[:b, b + n :] @ solved[:, b:]
            variance = variance - (k[:b, b + n :] * solved[:, :b].T).sum(dim=-1)
        return across, variance.clamp_min(0)


def expected_feasibility(u: Tensor) -> Tensor:
    """Return `E max(0, 2 - |Z - u|)` of a standard normal `Z`.

    >>> round(float(expected_feasibility(torch.tensor(0.0))), 4)
    1.2191
    """
    total = 2 * (_cdf(u + 2) - _cdf(u - 2))
    return total - u * (2 * _cdf(u) - _cdf(u - 2) - _cdf(u + 2)) - (2 * _pdf(u) - _pdf(u - 2) - _pdf(u + 2))


def _cdf(u: Tensor) -> Tensor:
    return 0.5 * (1 + torch.erf(u / math.sqrt(2)))


def _pdf(u: Tensor) -> Tensor:
    return (-u.pow(2) / 2).exp() / math.sqrt(2 * math.pi)
