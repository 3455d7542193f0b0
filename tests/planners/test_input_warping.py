"""Input warping: an axis declared on the wrong scale is found out, and one declared rightly is left as it is."""

from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from autolab.model.objectives import Objective
from autolab.model.parameters import Categorical, Real
from autolab.model.problem import Problem
from autolab.model.space import Space
from autolab.model.trial import Trial
from autolab.planners import fitting
from autolab.planners.bayes import Bayes
from autolab.planners.bridge import as_botorch
from autolab.planners.fitting import Fitting, fit
from autolab.planners.input_warping import WIDEST, warp
from autolab.planners.kernels import Shape
from autolab.planners.priors import priors
from autolab.planners.process import Hyperparameters, Process
from autolab.planners.surrogate import Kind, Surrogate

Array = NDArray[np.float64]

WARPS = np.array([-3.0, 0.0, 2.0])


def decades(n: int, seed: int, d: int = 4) -> tuple[Array, Array]:
    """Return `n x d` points, and values over three decades of each of the first two keys, declared linear."""
    x = np.random.default_rng(seed).random((n, d))
    log = np.log10(1 + 999 * x[:, :2]) / 3
    return x, np.sin(4 * log[:, 0]) * np.cos(3 * log[:, 1]) + 0.5 * (x[:, 2] - 0.3) ** 2 + 0.3 * log[:, 0] * x[:, 3]


def standardized(y: Array) -> Array:
    return np.asarray((y - y.mean()) / y.std(ddof=1))


def error_of(process: Process, x: Array, y: Array) -> float:
    return float(((process.posterior(x)[0] - y) ** 2).mean())


# -- the warp


@pytest.mark.parametrize("b", [-WIDEST, -1.0, -1e-5, 0.0, 1e-5, 1.0, WIDEST])
def test_a_warp_rises_keeps_both_ends_and_goes_on_beyond_them(b: float) -> None:
    x = np.linspace(-10, 11, 400)[:, None]
    places, slopes = warp(x, np.array([b]))
    assert (np.diff(places[:, 0]) > 0).all()
    assert (slopes > 0).all()
    ends, ratio = warp(np.array([[0.0], [1.0]]), np.array([b]))
    np.testing.assert_allclose(ends, [[0.0], [1.0]], atol=1e-12)
    assert ratio[1, 0] / ratio[0, 0] == pytest.approx(np.exp(b), rel=1e-6)


# -- the process


@pytest.mark.parametrize("shape", ["matern", "smooth"])
def test_the_bridge_makes_the_same_warped_model_of_botorch(shape: Shape) -> None:
    rng = np.random.default_rng(0)
    x, y = rng.random((14, 3)), standardized(rng.standard_normal(14))
    h = Hyperparameters(np.array([0.5, 0.8, 1.2]), 1.7, np.full(14, 0.02), 0.1, True, warps=WARPS)
    surrogate = Surrogate(Process(x, y, shape, h), 40.0, 3.0, Kind(shape, "broad"))
    model: Any = as_botorch([surrogate])
    at = torch.as_tensor(rng.random((5, 3))).requires_grad_()
    posterior = model.posterior(at)
    mean, deviation = surrogate.predict(at.detach().numpy())
    np.testing.assert_allclose(posterior.mean[:, 0].detach().numpy(), mean, rtol=1e-6)
    np.testing.assert_allclose(posterior.variance[:, 0].sqrt().detach().numpy(), deviation, rtol=1e-5)
    (slopes,) = torch.autograd.grad(posterior.mean.sum(), at)
    places = at.detach().numpy()
    for i in range(3):
        step = np.zeros(3)
        step[i] = 1e-6
        numeric = (surrogate.predict(places + step)[0] - surrogate.predict(places - step)[0]) / 2e-6
        np.testing.assert_allclose(slopes[:, i].numpy(), numeric, rtol=1e-5, atol=1e-6)


def test_derivatives_by_points_are_those_of_differences() -> None:
    rng = np.random.default_rng(1)
    x, weights, a = rng.random((6, 3)), rng.standard_normal((4, 6)), rng.random((4, 3))
    h = Hyperparameters(np.array([0.5, 0.8, 1.2]), 1.7, np.full(6, 0.02), 0.1, True, warps=WARPS)
    process = Process(x, rng.standard_normal(6), "matern", h)
    value, pull = process.across(a, x)
    np.testing.assert_array_equal(value, process.covariance(a, x))
    ours = pull(weights)
    for i in range(3):
        step = np.zeros(3)
        step[i] = 1e-6
        up, down = process.covariance(a + step, x), process.covariance(a - step, x)
        np.testing.assert_allclose(ours[:, i], (weights * (up - down)).sum(axis=1) / 2e-6, rtol=1e-6, atol=1e-8)


# -- the fit


@pytest.mark.parametrize("seed", [4, 11, 12])
def test_axes_over_decades_are_found_and_the_model_foretells_better(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    x, y = decades(200, seed)
    y = standardized(y)
    known, others = slice(0, 50), slice(50, None)
    found = fit(x[known], y[known], None, "matern", "broad")
    warps = found.hyper.warps
    assert warps is not None
    assert set(np.flatnonzero(warps)) <= {0, 1}  # the two that are over decades, and no other
    assert warps.min() < -2
    monkeypatch.setattr(fitting, "_WARPED", 10**9)
    plain = fit(x[known], y[known], None, "matern", "broad")
    assert plain.hyper.warps is None
    assert error_of(found, x[others], y[others]) < 0.8 * error_of(plain, x[others], y[others])


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("n", [14, 40])
def test_axes_declared_rightly_are_left_as_they_are(n: int, seed: int) -> None:
    x = np.random.default_rng(seed).random((n, 4))
    y = np.sin(4 * x[:, 0]) * np.cos(3 * x[:, 1]) + 0.5 * (x[:, 2] - 0.3) ** 2 + 0.3 * x[:, 0] * x[:, 3]
    assert fit(x, standardized(y), None, "matern", "broad").hyper.warps is None


def test_columns_of_two_values_are_never_warped() -> None:
    x, y = decades(40, 0)
    x[:, 2], x[:, 3] = np.round(x[:, 2]), 0.25
    task = Fitting(x, standardized(y), None, "matern", priors("broad", 4))
    assert task.straight == [0, 1]
    assert task.like(warped=(1,)).straight == [0]


# -- the planner


def test_a_suggestion_and_its_explanation_tell_which_axis_is_warped() -> None:
    space = Space([Real("rate", 1, 1000), Real("T", 20, 80), Categorical("solvent", ("water", "DMSO"))])
    problem = Problem(space, [Objective("yield")])

    def measure(rate: float, temperature: float, solvent: str) -> float:
        wet = 10 if solvent == "water" else 0
        return float(50 + 30 * np.sin(4 * np.log10(rate)) - 0.01 * (temperature - 50) ** 2 + wet)

    history = [
        Trial.completed(point, {"yield": measure(float(point["rate"]), float(point["T"]), str(point["solvent"]))})
        for point in space.sample(40, 3)
    ]
    (suggestion,) = Bayes().suggest(problem, history, n=1, seed=1)
    assert set(suggestion.info["input_warped"]["yield"]) == {"rate"}
    assert suggestion.info["input_warped"]["yield"]["rate"] < -1
    (again,) = Bayes().suggest(problem, history, n=1, seed=1)
    assert again == suggestion
    told = Bayes().explain(problem, history, suggestion.point, seed=1, folds=0)
    assert "along rate yield changes mostly near the low end" in told.because
