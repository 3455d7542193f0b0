"""The utility behind people's comparisons: a Gaussian process on pairs, and what a point is expected to gain. botorch's.

A person prefers the one of two points whose utility is greater, but for noise (Thurstone's model with a normal error);
the utility is a Gaussian process, its posterior approximated by Laplace's method (Chu and Ghahramani 2005). It has no
unit: the noise of a comparison is its scale.

Notation: `n` completed trials, `m` comparisons, `r` points that were compared, `d` encoded columns.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from botorch.acquisition.logei import qLogNoisyExpectedImprovement
from botorch.acquisition.preference import AnalyticExpectedUtilityOfBestOption
from botorch.models.pairwise_gp import PairwiseGP, PairwiseLaplaceMarginalLogLikelihood
from botorch.optim.fit import fit_gpytorch_mll_scipy
from botorch.sampling.normal import SobolQMCNormalSampler
from gpytorch.constraints import GreaterThan
from gpytorch.kernels import RBFKernel, ScaleKernel
from gpytorch.priors import GammaPrior, LogNormalPrior

from autolab.planners.acquisition import Weighted
from autolab.planners.evidence import even
from autolab.planners.feasibility import Success

if TYPE_CHECKING:
    from autolab.planners.comparisons import Comparisons
    from autolab.planners.evidence import Array

_VARIANCE = LogNormalPrior(2.0, 1.0)
"""Of the utility, in units of a comparison's noise: who compares points of all the space mostly sees the better one."""
_LENGTHSCALE = GammaPrior(2.4, 2.7)
"""Of an encoded column: botorch's for comparisons. On quadratics of 2 and 4 keys it found better points than one that grows with the dimension."""
_STEPS = 100
_SAMPLES = 128
_OTHERS = 100
"""Trials that nobody has compared yet, of which the best might be one: more are not looked at."""


class _Pairwise(PairwiseGP):
    """The same, but its search starts from 0: botorch's start is drawn from a generator that the process shares."""

    def _update(self, datapoints: torch.Tensor, **kwargs: Any) -> None:  # noqa: ANN401  whatever botorch passes on
        if self._x0 is None:
            self._x0 = np.zeros(self.n)  # type: ignore[assignment]  # botorch tells only its first value
        super()._update(datapoints, **kwargs)


class Utility:
    """Fitted to comparisons. To be made and asked where numerical work is isolated.

    Args:
        compared: One comparison at least.
    """

    def __init__(self, compared: Comparisons) -> None:
        rows = compared.rows
        x, pairs = torch.as_tensor(compared.evidence.x[rows]), torch.as_tensor(np.searchsorted(rows, compared.pairs))
        self._x = torch.as_tensor(compared.evidence.x)
        self.model = _Pairwise(x, pairs, covar_module=_kernel(x.shape[1]))
        likelihood = PairwiseLaplaceMarginalLogLikelihood(self.model.likelihood, self.model)
        fit_gpytorch_mll_scipy(
            likelihood, options={"maxiter": _STEPS}
        )  # the other form tries anew where a search ends early
        self.model.set_train_data(x, pairs)  # with what was found, and not what the search tried last

    def beliefs(self) -> tuple[Array, Array]:
        """Return mean and standard deviation of the utility of each completed trial, `n` each."""
        with torch.no_grad():
            posterior: Any = self.model.posterior(self._x.unsqueeze(-2))
        return posterior.mean[:, 0, 0].numpy(), posterior.variance[:, 0, 0].clamp_min(0).sqrt().numpy()

    def worth_asking(self, pairs: Sequence[tuple[int, int]]) -> Array:
        """Return what is expected of the better one of each pair of trials (EUBO: Lin et al. 2022), one each.

        It is greatest where both may be the best and nobody knows which.
        """
        with torch.no_grad():
            best = AnalyticExpectedUtilityOfBestOption(self.model)(self._x[torch.as_tensor(np.array(pairs))])
        return np.asarray(best.numpy())


def _kernel(d: int) -> Any:  # noqa: ANN401  gpytorch ships no types
    """Return botorch's kernel for comparisons but for the variance: a squared exponential, a lengthscale a column.

    Its own prior of the variance is flat up to a wall, where consistent people drive it and the search ends badly.
    """
    mode = (_LENGTHSCALE.concentration - 1) / _LENGTHSCALE.rate
    lengthscales = GreaterThan(1e-4, transform=None, initial_value=mode)
    variance = GreaterThan(1e-2, transform=None, initial_value=_VARIANCE.mode)
    shape = RBFKernel(ard_num_dims=d, lengthscale_prior=_LENGTHSCALE, lengthscale_constraint=lengthscales)
    return ScaleKernel(shape, outputscale_prior=_VARIANCE, outputscale_constraint=variance)


class Gain(Weighted):
    """Log of the expected improvement of the utility, times the probability of success.

    Over samples of the utility at the trials: at those that were not compared it is as little known as at others.

    Args:
        compared: What is known.
        utility: Fitted to it.
        seed: Of the samples.
    """

    def __init__(self, compared: Comparisons, utility: Utility, seed: int) -> None:
        evidence, rows = compared.evidence, compared.rows
        success = Success(evidence.x, evidence.failed) if len(evidence.failed) else None
        super().__init__(evidence, success)
        others = np.setdiff1d(np.arange(len(evidence.x)), rows)
        known = np.concatenate([rows, others[even(len(others), _OTHERS)]])
        self.weigh(
            qLogNoisyExpectedImprovement(
                model=utility.model,
                X_baseline=torch.as_tensor(evidence.x[known]),
                sampler=SobolQMCNormalSampler(torch.Size([_SAMPLES]), seed=seed),
                prune_baseline=True,
                cache_root=False,
            )
        )

    @property
    def success(self) -> Success | None:
        """The probability of success; None while nothing has failed."""
        return self._success
