"""Our Gaussian processes as botorch's, hyperparameters and all: for what is botorch's and not ours.

Tests compare the two: posterior and likelihood agree to rounding.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from botorch.models.gp_regression import SingleTaskGP
from botorch.models.model_list_gp_regression import ModelListGP
from botorch.models.transforms.outcome import Standardize
from gpytorch.kernels import Kernel, MaternKernel, RBFKernel, ScaleKernel
from gpytorch.means import Mean
from numpy.typing import NDArray
from torch import Tensor

from autolab.planners.informed import Informed
from autolab.planners.input_warping import warp
from autolab.planners.learned import Displaced, Learned

if TYPE_CHECKING:
    from autolab.planners.process import Process
    from autolab.planners.surrogate import Surrogate
    from autolab.planners.trends import Trend

Array = NDArray[np.float64]


def as_botorch(surrogates: Sequence[Surrogate]) -> Any:  # noqa: ANN401  botorch ships no types
    """Return a model of all quantities, in the user's units."""
    models = [_one(surrogate) for surrogate in surrogates]
    return models[0] if len(models) == 1 else ModelListGP(*models)


def _one(surrogate: Surrogate) -> Any:  # noqa: ANN401  botorch ships no types
    process, hyper = surrogate.process, surrogate.process.hyper
    if isinstance(process, Informed):
        return _following(process, surrogate.center, surrogate.scale)
    x = torch.as_tensor(process.x)
    y = torch.as_tensor(surrogate.center + surrogate.scale * process.y)[:, None]
    kernel = _kernel(process)
    noise = torch.as_tensor(hyper.noise)[:, None] * surrogate.scale**2
    model = SingleTaskGP(
        x, y, None if hyper.learned_noise else noise, covar_module=kernel, outcome_transform=Standardize(m=1)
    )
    _set(kernel, process)  # after the model: it draws start values of its own
    model.mean_module.constant.data.fill_(hyper.mean)
    if hyper.learned_noise:
        model.likelihood.noise = torch.as_tensor([max(float(hyper.noise[0]), 1.0001e-4)])
    model.eval()
    return model


def _kernel(process: Process) -> Any:  # noqa: ANN401  gpytorch ships no types
    kind = MaternKernel if process.shape == "matern" else RBFKernel
    settings = {"nu": 2.5} if process.shape == "matern" else {}
    kernel = ScaleKernel(kind(ard_num_dims=process.x.shape[1], **settings)).double()
    return kernel if process.hyper.warps is None else _Warped(kernel, process.hyper.warps)


def _set(kernel: Any, process: Process) -> None:  # noqa: ANN401  gpytorch ships no types
    if isinstance(kernel, _Warped):
        kernel = kernel.inner
    kernel.base_kernel.lengthscale = torch.as_tensor(process.hyper.lengthscales)
    kernel.outputscale = process.hyper.outputscale


class _Warped(Kernel):  # type: ignore[misc]  # gpytorch ships no types
    """A kernel of points whose axes are warped."""

    has_lengthscale = False

    def __init__(self, inner: Any, warps: Array) -> None:  # noqa: ANN401  gpytorch's
        super().__init__()
        self.inner, self._warps = inner, warps

    def forward(self, x1: Tensor, x2: Tensor, diag: bool = False, **settings: Any) -> Any:  # noqa: ANN401  as gpytorch calls it
        """Return the covariance `... x N x M` of `... x N x d` and `... x M x d` points."""
        one, other = (_Placed.apply(x, self._warps) for x in (x1, x2))  # type: ignore[no-untyped-call]  # torch's
        return self.inner(one, other, diag=diag, **settings)


class _Placed(torch.autograd.Function):
    """Points `... x d` where their axes are warped to."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, warps: Array) -> Tensor:  # noqa: ANN401  torch's context
        places, slopes = warp(x.detach().numpy(), warps)
        ctx.save_for_backward(torch.as_tensor(slopes))
        return torch.as_tensor(places)

    @staticmethod
    def backward(ctx: Any, *given: Tensor) -> tuple[Tensor, None]:  # noqa: ANN401  torch's context
        (slopes,) = ctx.saved_tensors
        return given[0] * slopes, None


def _following(process: Informed, center: float, scale: float) -> Any:  # noqa: ANN401  botorch ships no types
    """Return a model that follows trends. It is not standardized by botorch, which would take a unit of its own."""
    x, y = torch.as_tensor(process.x), torch.as_tensor(center + scale * process.y)[:, None]
    noise = torch.as_tensor(process.hyper.noise)[:, None] * scale**2
    model = SingleTaskGP(
        x,
        y,
        noise,
        mean_module=_Follows(process, center, scale),
        covar_module=_Rest(process, scale),
        outcome_transform=None,
    )
    model.eval()
    return model


class _Follows(Mean):  # type: ignore[misc]  # gpytorch ships no types
    """The prior mean of a process with trends."""

    def __init__(self, process: Informed, center: float, scale: float) -> None:
        super().__init__()
        self._process, self._center, self._scale = process, center, scale

    def forward(self, x: Tensor) -> Tensor:
        """Return `...` of `... x d` points."""
        told: Tensor = _PriorMean.apply(x.reshape(-1, x.shape[-1]), self._process)  # type: ignore[no-untyped-call]  # torch's
        return self._center + self._scale * told.reshape(x.shape[:-1])


class _PriorMean(torch.autograd.Function):
    """The prior mean `N` of points `N x d`, with the derivative that the process tells."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, process: Informed) -> Tensor:  # noqa: ANN401  torch's context
        ctx.save_for_backward(x)
        ctx.process = process
        return torch.as_tensor(process.mean(x.detach().numpy()))

    @staticmethod
    def backward(ctx: Any, *given: Tensor) -> tuple[Tensor, None]:  # noqa: ANN401  torch's context
        (x,) = ctx.saved_tensors
        slopes = torch.as_tensor(ctx.process.mean_slopes(x.detach().numpy()))
        return given[0][:, None] * slopes, None


class _Rest(Kernel):  # type: ignore[misc]  # gpytorch ships no types
    """The prior covariance of a process with trends: what they leave, and what is not known of them."""

    has_lengthscale = False

    def __init__(self, process: Informed, scale: float) -> None:
        super().__init__()
        self._unit = scale**2
        self._parts: list[tuple[float, Any, tuple[Tensor, Tensor] | None]] = [(1.0, _kernel_set(process), None)]
        self._displaced: list[tuple[float, Displaced]] = []
        for weight, one in process.unsure:
            kernel, known, unit = _posterior(one)
            self._parts.append((weight * unit, kernel, known))
            if isinstance(one, Displaced):
                self._displaced.append((weight, one))

    def forward(self, x1: Tensor, x2: Tensor, diag: bool = False, **_: Any) -> Tensor:  # noqa: ANN401  as gpytorch calls it
        """Return `... x N x M` of `... x N x d` and `... x M x d` points; `... x N` for the diagonal."""
        total = torch.stack([weight * _left(kernel, known, x1, x2) for weight, kernel, known in self._parts]).sum(dim=0)
        for weight, one in self._displaced:
            here, there = (_leans(x, one) for x in (x1, x2))
            total = total + weight * here @ there.transpose(-1, -2)
        whole = self._unit * total
        return whole.diagonal(dim1=-2, dim2=-1) if diag else whole


class _Leans(torch.autograd.Function):
    """What a displacement changes at points `N x d`, with the derivative that the trend tells."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, trend: Displaced) -> Tensor:  # noqa: ANN401  torch's context
        ctx.save_for_backward(x)
        ctx.trend = trend
        return torch.as_tensor(trend.leans(x.detach().numpy()))

    @staticmethod
    def backward(ctx: Any, *given: Tensor) -> tuple[Tensor, None]:  # noqa: ANN401  torch's context
        (x,) = ctx.saved_tensors
        return torch.as_tensor(ctx.trend.leans_slopes(x.detach().numpy(), given[0].numpy())), None


def _leans(x: Tensor, trend: Displaced) -> Tensor:
    """Return `... x d` of `... x d` points."""
    told: Tensor = _Leans.apply(x.reshape(-1, x.shape[-1]), trend)  # type: ignore[no-untyped-call]  # torch's
    return told.reshape(x.shape)


def _kernel_set(process: Process) -> Any:  # noqa: ANN401  gpytorch ships no types
    kernel = _kernel(process)
    _set(kernel, process)
    return kernel.eval().requires_grad_(requires_grad=False)


def _posterior(trend: Trend) -> tuple[Any, tuple[Tensor, Tensor], float]:
    """Return the standardized kernel of a source, its trials with their factor, and the square of its unit."""
    if not isinstance(trend, Learned):
        msg = f"only what was learned from trials can be unsure, got {type(trend).__name__}"
        raise TypeError(msg)
    surrogate = trend.surrogate
    kernel = _kernel_set(surrogate.process)
    process = surrogate.process
    return kernel, (torch.as_tensor(process.x), torch.as_tensor(process.factor)), surrogate.scale**2


def _left(kernel: Any, known: tuple[Tensor, Tensor] | None, x1: Tensor, x2: Tensor) -> Tensor:  # noqa: ANN401  gpytorch's
    prior: Tensor = kernel(x1, x2).to_dense()
    if known is None:
        return prior
    x, factor = known
    one, other = (torch.linalg.solve_triangular(factor, kernel(x, to).to_dense(), upper=False) for to in (x1, x2))
    known_of: Tensor = one.transpose(-1, -2) @ other
    return prior - known_of
