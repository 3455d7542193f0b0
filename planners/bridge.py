"""Our Gaussian processes as botorch's, hyperparameters and all: for what is botorch's and not ours.

Tests compare the two: posterior and likelihood agree to rounding.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import torch
from botorch.models.gp_regression import SingleTaskGP
from botorch.models.model_list_gp_regression import ModelListGP
from botorch.models.transforms.outcome import Standardize
from gpytorch.kernels import MaternKernel, RBFKernel, ScaleKernel

if TYPE_CHECKING:
    from autolab.planners.surrogate import Surrogate


def as_botorch(surrogates: Sequence[Surrogate]) -> Any:  # noqa: ANN401  botorch ships no types
    """Return a model of all quantities, in the user's units."""
    models = [_one(surrogate) for surrogate in surrogates]
    return models[0] if len(models) == 1 else ModelListGP(*models)


def _one(surrogate: Surrogate) -> Any:  # noqa: ANN401  botorch ships no types
    process, hyper = surrogate.process, surrogate.process.hyper
    x = torch.as_tensor(process.x)
    y = torch.as_tensor(surrogate.center + surrogate.scale * process.y)[:, None]
    kind = MaternKernel if process.shape == "matern" else RBFKernel
    settings = {"nu": 2.5} if process.shape == "matern" else {}
    kernel = ScaleKernel(kind(ard_num_dims=x.shape[1], **settings)).double()
    noise = torch.as_tensor(hyper.noise)[:, None] * surrogate.scale**2
    model = SingleTaskGP(
        x, y, None if hyper.learned_noise else noise, covar_module=kernel, outcome_transform=Standardize(m=1)
    )
    kernel.base_kernel.lengthscale = torch.as_tensor(hyper.lengthscales)
    kernel.outputscale = hyper.outputscale
    model.mean_module.constant.data.fill_(hyper.mean)
    if hyper.learned_noise:
        model.likelihood.noise = torch.as_tensor([max(float(hyper.noise[0]), 1.0001e-4)])
    model.eval()
    return model
