"""The Gaussian process against botorch's and gpytorch's, which are independent implementations of the same model."""

import math
from typing import Any

import gpytorch
import numpy as np
import pytest
import torch
from botorch.models import SingleTaskGP
from gpytorch.kernels import MaternKernel, RBFKernel, ScaleKernel
from numpy.typing import NDArray

from autolab.model.objectives import Objective
from autolab.model.parameters import Real
from autolab.model.problem import Problem
from autolab.model.space import Space
from autolab.model.trial import Trial
from autolab.planners.bridge import as_botorch
from autolab.planners.evidence import gather
from autolab.planners.factors import cholesky, inverted, solve
from autolab.planners.kernels import KERNELS, Shape, distances
from autolab.planners.prediction import fitted
from autolab.planners.process import Hyperparameters, Process
from autolab.planners.surrogate import Kind, Surrogate

Array = NDArray[np.float64]

SHAPES: list[Shape] = ["matern", "smooth"]


def data(n: int = 18, d: int = 3, seed: int = 0, noise: float = 0.1) -> tuple[Array, Array]:
    """Return `n x d` points, and standardized outcomes of a function with noise."""
    rng = np.random.default_rng(seed)
    x = rng.random((n, d))
    y = np.sin(5 * x[:, 0]) + x[:, -1] ** 2 + noise * rng.standard_normal(n)
    return x, (y - y.mean()) / y.std(ddof=1)


def hyper(n: int, d: int, *, told: bool, outputscale: float) -> Hyperparameters:
    rng = np.random.default_rng(7)
    noise = rng.uniform(0.01, 0.3, n) if told else np.full(n, 0.037)
    return Hyperparameters(rng.uniform(0.3, 2.0, d), outputscale, noise, -0.21, not told)


def gpytorch_twin(process: Process) -> Any:
    """Return gpytorch's model of a process, made here and not by the bridge."""
    x, h = torch.as_tensor(process.x), process.hyper

    class Twin(gpytorch.models.ExactGP):  # type: ignore[misc]  # gpytorch ships no types
        def __init__(self) -> None:
            noise = torch.as_tensor(h.noise)
            super().__init__(x, torch.as_tensor(process.y), gpytorch.likelihoods.FixedNoiseGaussianLikelihood(noise))
            base = RBFKernel(ard_num_dims=x.shape[1])
            if process.shape == "matern":
                base = MaternKernel(nu=2.5, ard_num_dims=x.shape[1])
            self.mean_module = gpytorch.means.ConstantMean()
            self.covar_module = ScaleKernel(base)
            self.double()
            base.lengthscale = torch.as_tensor(h.lengthscales)
            self.covar_module.outputscale = torch.tensor(h.outputscale).double()
            self.mean_module.constant.data.fill_(h.mean)

        def forward(self, z: torch.Tensor) -> Any:
            return gpytorch.distributions.MultivariateNormal(self.mean_module(z), self.covar_module(z))

    return Twin()


CASES = [
    (shape, told, outputscale) for shape in SHAPES for told, outputscale in ((False, 1.0), (True, 1.0), (True, 2.7))
]


@pytest.mark.parametrize(("shape", "told", "outputscale"), CASES)
def test_posterior_and_likelihood_are_gpytorchs(shape: Shape, told: bool, outputscale: float) -> None:
    x, y = data()
    process = Process(x, y, shape, hyper(len(x), 3, told=told, outputscale=outputscale))
    twin = gpytorch_twin(process)
    at = np.vstack([np.random.default_rng(1).random((9, 3)), x[:3], [[4.0, -2.0, 0.5]]])
    with torch.no_grad(), gpytorch.settings.fast_computations(False, False, False):
        mll = gpytorch.mlls.ExactMarginalLogLikelihood(twin.likelihood, twin)
        likelihood = len(x) * float(mll(twin(torch.as_tensor(x)), torch.as_tensor(y)))
        twin.eval()
        posterior = twin(torch.as_tensor(at))
        mean, covariance = posterior.mean.numpy(), posterior.covariance_matrix.numpy()
    ours, joint = process.joint(at)
    np.testing.assert_allclose(ours, mean, rtol=1e-6, atol=1e-8)
    np.testing.assert_allclose(joint, covariance, rtol=1e-6, atol=1e-8)
    each, variance = process.posterior(at)
    np.testing.assert_allclose(each, mean, rtol=1e-6, atol=1e-8)
    np.testing.assert_allclose(variance, np.diag(covariance), rtol=1e-6, atol=1e-8)
    assert process.likelihood == pytest.approx(likelihood, rel=1e-8)


@pytest.mark.parametrize(("shape", "told", "outputscale"), CASES)
def test_the_bridge_makes_the_same_model_of_botorch_in_the_users_units(
    shape: Shape, told: bool, outputscale: float
) -> None:
    x, y = data()
    process = Process(x, y, shape, hyper(len(x), 3, told=told, outputscale=outputscale))
    surrogate = Surrogate(process, 400.0, 25.0, Kind(shape, "scaled"))
    model = as_botorch([surrogate])
    assert isinstance(model, SingleTaskGP)
    at = np.random.default_rng(1).random((9, 3))
    with torch.no_grad():
        posterior: Any = model.posterior(torch.as_tensor(at))
        mean, covariance = posterior.mean[:, 0].numpy(), posterior.mvn.covariance_matrix.numpy()
    ours, joint = surrogate.joint(at)
    np.testing.assert_allclose(ours, mean, rtol=1e-6)
    np.testing.assert_allclose(joint, covariance, rtol=1e-6, atol=25**2 * 1e-7)
    each, deviation = surrogate.predict(at)
    np.testing.assert_allclose(each, mean, rtol=1e-6)
    np.testing.assert_allclose(deviation, np.sqrt(np.diag(covariance)), rtol=1e-5)
    told_noise = model.likelihood.noise.detach().numpy()
    expected = process.hyper.noise if told else process.hyper.noise[:1]
    np.testing.assert_allclose(told_noise, expected, rtol=1e-6)
    assert surrogate.noise == pytest.approx(25 * math.sqrt(np.median(process.hyper.noise)))


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("told", [True, False])
def test_a_value_left_out_is_foretold_by_the_others(shape: Shape, told: bool) -> None:
    x, y = data(10)
    h = hyper(10, 3, told=told, outputscale=1.3)
    process = Process(x, y, shape, h)
    mean, variance = process.left_out()
    for i in range(10):
        rest = np.arange(10) != i
        less = Process(x[rest], y[rest], shape, Hyperparameters(h.lengthscales, 1.3, h.noise[rest], h.mean, not told))
        (m,), (v,) = less.posterior(x[i : i + 1])
        assert mean[i] == pytest.approx(m, abs=1e-9)
        assert variance[i] == pytest.approx(v + h.noise[i], rel=1e-8)


# -- covariances


@pytest.mark.parametrize("shape", SHAPES)
def test_slopes_of_a_kernel_are_those_of_differences(shape: Shape) -> None:
    q = np.array([1e-3, 0.2, 1.0, 3.7, 25.0])
    value, slope = KERNELS[shape].both(q)
    np.testing.assert_array_equal(value, KERNELS[shape].value(q))
    step = 1e-6 * q
    difference = (KERNELS[shape].value(q + step) - KERNELS[shape].value(q - step)) / (2 * step)
    np.testing.assert_allclose(slope, -2 * difference, rtol=1e-6)
    at_zero, slope_at_zero = KERNELS[shape].both(np.zeros(1))
    assert at_zero[0] == 1
    assert slope_at_zero[0] == pytest.approx({"matern": 5 / 3, "smooth": 1.0}[shape])


@pytest.mark.parametrize("shape", SHAPES)
def test_derivatives_of_covariances_by_points_are_those_of_differences(shape: Shape) -> None:
    x, y = data(6)
    process = Process(x, y, shape, hyper(6, 3, told=True, outputscale=1.9))
    a, weights = np.random.default_rng(3).random((4, 3)), np.random.default_rng(4).standard_normal((4, 6))
    value, slope = process.covariances(a, x)
    np.testing.assert_array_equal(value, process.covariance(a, x))
    ours = process.pulled(a, x, weights * slope)
    for i in range(3):
        step = np.zeros(3)
        step[i] = 1e-6
        up, down = process.covariance(a + step, x), process.covariance(a - step, x)
        np.testing.assert_allclose(ours[:, i], (weights * (up - down)).sum(axis=1) / 2e-6, rtol=1e-6, atol=1e-8)


def test_distances_are_not_negative_where_rounding_would_have_it() -> None:
    a = 1e3 + 1e-9 * np.random.default_rng(0).random((50, 4))
    assert distances(a, a).min() >= 0
    rng = np.random.default_rng(1)
    a, b = rng.random((5, 3)), rng.random((7, 3))
    np.testing.assert_allclose(distances(a, b), ((a[:, None] - b) ** 2).sum(axis=2), atol=1e-14)


# -- linear algebra


def test_factors_solve_and_invert() -> None:
    root = np.random.default_rng(0).standard_normal((6, 6))
    k, b = root @ root.T + np.eye(6), np.arange(12.0).reshape(6, 2)
    factor = cholesky(k)
    np.testing.assert_allclose(factor @ factor.T, k)
    np.testing.assert_allclose(solve(factor, b), np.linalg.solve(k, b))
    np.testing.assert_allclose(inverted(factor), np.linalg.inv(k), atol=1e-12)


def test_a_singular_covariance_is_helped_and_an_indefinite_one_refused() -> None:
    ones = np.ones((5, 5))
    factor = cholesky(ones)
    np.testing.assert_allclose(factor @ factor.T, ones, atol=1e-3)
    with pytest.raises(np.linalg.LinAlgError, match="a covariance of 2 points is not positive definite"):
        cholesky(np.array([[1.0, 2.0], [2.0, 1.0]]))


# -- units


@pytest.mark.parametrize("told", [None, 0.05, 0.0])
@pytest.mark.parametrize(("center", "scale"), [(0.0, 1e-12), (3e-9, 1e-9), (1e6, 1.0), (-1e12, 1e9)])
def test_a_quantity_of_any_size_has_the_same_model(center: float, scale: float, told: float | None) -> None:
    problem = Problem(Space([Real("x", 0, 1)]), [Objective("y")])
    x, y = data(9, 1)

    def model(center: float, scale: float) -> Surrogate:
        outcomes = [(float(center + scale * one), None if told is None else scale * told) for one in y]
        trials = [Trial.completed({"x": float(a)}, {"y": b}) for a, b in zip(x[:, 0], outcomes, strict=True)]
        return fitted(problem, gather(problem, trials, []))[0].each[0]

    plain, ours, at = model(0.0, 1.0), model(center, scale), np.linspace(0, 1, 7)[:, None]
    (mean, deviation), (expected, spread) = ours.predict(at), plain.predict(at)
    np.testing.assert_allclose((mean - center) / scale, expected, rtol=1e-3, atol=1e-3)
    np.testing.assert_allclose(deviation / scale, spread, rtol=1e-3)


@pytest.mark.parametrize("value", [0.0, 7.25, -1e9, 0.1 + 0.2])
def test_values_that_are_all_the_same_have_a_model(value: float) -> None:
    problem = Problem(Space([Real("x", 0, 1)]), [Objective("y")])
    trials = [Trial.completed({"x": x}, {"y": value}) for x in np.linspace(0, 1, 6).tolist()]
    (one,) = fitted(problem, gather(problem, trials, []))[0].each
    mean, _ = one.predict(np.array([[0.3]]))
    assert (one.scale, mean[0]) == (1.0, pytest.approx(value))
    with torch.no_grad():
        told = as_botorch([one]).posterior(torch.tensor([[0.3]]).double()).mean
    assert float(told) == pytest.approx(value)
