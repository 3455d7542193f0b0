"""The classifier against scikit-learn's, which is an independent implementation of the same approximation."""

import math

import numpy as np
import pytest
import torch
from sklearn.gaussian_process import GaussianProcessClassifier  # type: ignore[import-untyped]
from sklearn.gaussian_process.kernels import ConstantKernel, Matern  # type: ignore[import-untyped]

from autolab.planners import feasibility
from autolab.planners.feasibility import Success, laplace, matern

RNG = np.random.default_rng(0)
X = RNG.random((24, 2))
T = (X[:, 0] + 0.3 * X[:, 1] < 0.6).astype(float)


def test_the_covariance_is_that_of_scikit_learn() -> None:
    scales = np.array([0.4, 2.0])
    ours = matern(torch.as_tensor(X), torch.as_tensor(X[:5]), torch.as_tensor(scales), torch.tensor(1.7))
    theirs = 1.7**2 * Matern(length_scale=scales, nu=2.5)(X, X[:5])
    np.testing.assert_allclose(ours.numpy(), theirs, atol=1e-6)


def test_mode_and_evidence_are_those_of_scikit_learn(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(feasibility, "_MEAN", 0.0)  # scikit-learn's prior mean
    kernel = ConstantKernel(9.0) * Matern(length_scale=[0.4, 2.0], nu=2.5)
    theirs = GaussianProcessClassifier(kernel, optimizer=None, max_iter_predict=100).fit(X, T)
    covariance = matern(torch.as_tensor(X), torch.as_tensor(X), torch.tensor([0.4, 2.0]), torch.tensor(3.0))
    mode = laplace(covariance, torch.as_tensor(T))
    assert float(mode.evidence) == pytest.approx(theirs.log_marginal_likelihood_value_, abs=1e-5)
    np.testing.assert_allclose(torch.as_tensor(T) - mode.slope, theirs.base_estimator_.pi_, atol=1e-6)


def test_probabilities_follow_from_the_latent_values() -> None:
    success = Success(X[T > 0], X[T == 0])
    at = RNG.random((7, 2))
    mean, variance = (one.numpy() for one in success.latent(torch.as_tensor(at)))
    expected = 1 / (1 + np.exp(-mean / np.sqrt(1 + math.pi * variance / 8)))
    np.testing.assert_allclose(success.probabilities(at), expected, rtol=1e-9)
    exact = [
        np.mean(1 / (1 + np.exp(-(m + np.sqrt(v) * RNG.standard_normal(20000)))))
        for m, v in zip(mean, variance, strict=True)
    ]
    np.testing.assert_allclose(success.probabilities(at), exact, atol=0.03)  # the averaged logistic function


def test_success_is_likely_where_it_was_seen_and_open_where_nothing_is_known() -> None:
    x = np.linspace(0, 1, 12)[:, None]
    success = Success(x[x[:, 0] < 0.4], x[x[:, 0] > 0.6])
    seen, failed = success.probabilities(np.array([[0.15], [0.85]]))
    assert seen > 0.8
    assert failed < 0.2
    (far,) = success.probabilities(np.array([[50.0]]))
    assert 0.5 < far < 0.75


def test_a_column_that_does_not_matter_is_found_out() -> None:
    points = RNG.random((40, 2))
    good = points[:, 0] < 0.5
    success = Success(points[good], points[~good])
    left = success.probabilities(np.array([[0.2, z] for z in (0.0, 0.5, 1.0)]))
    right = success.probabilities(np.array([[0.8, z] for z in (0.0, 0.5, 1.0)]))
    assert min(left) > 0.75
    assert max(right) < 0.25


def test_gradients_are_those_of_differences() -> None:
    success = Success(X[T > 0], X[T == 0])
    at = torch.tensor([[0.5, 0.3]], dtype=torch.double, requires_grad=True)
    (gradient,) = torch.autograd.grad(success.log_probability(at).sum(), at)
    step = 1e-6
    for i in range(2):
        move = torch.zeros(1, 2, dtype=torch.double)
        move[0, i] = step
        with torch.no_grad():
            slope = (success.log_probability(at + move) - success.log_probability(at - move)) / (2 * step)
        assert float(gradient[0, i]) == pytest.approx(float(slope[0]), rel=1e-4)


def test_only_failures_and_points_tried_twice_are_no_trouble() -> None:
    assert Success(np.zeros((0, 2)), X).probabilities(X[:3]) < [0.5] * 3
    same = np.tile([[0.5, 0.5]], (4, 1))
    (chance,) = Success(same[:2], same[2:]).probabilities(same[:1])
    assert 0.3 < chance < 0.75
