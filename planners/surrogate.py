"""Gaussian processes of measured quantities.

Notation: `n` trials, `d` encoded columns, `m` quantities.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from botorch.fit import fit_gpytorch_mll
from botorch.models.gp_regression import SingleTaskGP
from botorch.models.model_list_gp_regression import ModelListGP
from botorch.models.transforms.outcome import Standardize
from botorch.models.utils.gpytorch_modules import get_covar_module_with_dim_scaled_prior
from gpytorch.mlls import ExactMarginalLogLikelihood
from numpy.typing import NDArray
from torch import Tensor

if TYPE_CHECKING:
    from autolab.planners.evidence import Evidence

Array = NDArray[np.float64]


def outcome_model(evidence: Evidence, *, rough: bool = True) -> Any:  # noqa: ANN401  botorch ships no types
    """Return a fitted model of all quantities: one Gaussian process each, in the user's units.

    Outcomes are standardized. Where a trial tells its standard error this is its noise; a trial without one among
    such is given their median. Where none does, one noise level is learned.

    Args:
        evidence: What is known.
        rough: Matern-5/2 kernel; else squared exponential. Both with priors scaled by dimension (Hvarfner et al. 2024).
    """
    x = torch.as_tensor(evidence.x)
    variances = [_variance(evidence, i) for i in range(evidence.y.shape[1])]
    models = [
        _fitted(
            x,
            torch.as_tensor(evidence.y[:, [i]]),
            None if variance is None else torch.as_tensor(variance)[:, None],
            rough=rough,
        )
        for i, variance in enumerate(variances)
    ]
    return models[0] if len(models) == 1 else ModelListGP(*models)


def _fitted(x: Tensor, y: Tensor, variance: Tensor | None, *, rough: bool) -> Any:  # noqa: ANN401  botorch ships no types
    kernel = get_covar_module_with_dim_scaled_prior(ard_num_dims=x.shape[-1], use_rbf_kernel=not rough)
    model = SingleTaskGP(x, y, variance, covar_module=kernel, outcome_transform=Standardize(m=1))
    mll = ExactMarginalLogLikelihood(model.likelihood, model)
    fit_gpytorch_mll(mll, optimizer_kwargs={"options": {"ftol": 1e-6}})  # finer is lost in the samples' noise
    return model


def _variance(evidence: Evidence, i: int) -> Array | None:
    error = evidence.error[:, i]
    told = np.isfinite(error)
    if not told.any():
        return None
    filled = np.where(told, error, np.median(error[told]))
    # an error of exactly 0 would make the covariance singular
    least = 1e-6 * max(float(np.var(evidence.y[:, i])), 1e-12)
    return np.asarray(np.maximum(filled**2, least))


def predictions(model: Any, x: Array) -> tuple[Array, Array]:  # noqa: ANN401  botorch ships no types
    """Return mean and standard deviation of the quantities themselves (without noise), `q x m` each, user's units."""
    with torch.no_grad():
        posterior = model.posterior(torch.as_tensor(x))
        return posterior.mean.numpy(), posterior.variance.clamp_min(0).sqrt().numpy()


def noises(model: Any, x: Array) -> Array:  # noqa: ANN401  botorch ships no types
    """Return the standard deviation of one measurement around the quantity itself, `q x m`, user's units."""
    with torch.no_grad():
        points = torch.as_tensor(x)
        itself = model.posterior(points).variance
        measured = model.posterior(points, observation_noise=True).variance
        return np.asarray((measured - itself).clamp_min(0).sqrt().numpy())
