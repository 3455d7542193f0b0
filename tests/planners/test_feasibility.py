"""The classifier against scikit-learn's, which is an independent implementation of the same approximation."""

import math

import numpy as np
import pytest
from scipy.integrate import quad
from scipy.special import expit
from scipy.stats import norm
from sklearn.gaussian_process import GaussianProcessClassifier  # type: ignore[import-untyped]
from sklearn.gaussian_process.kernels import ConstantKernel, Matern  # type: ignore[import-untyped]

from autolab.planners import feasibility
from autolab.planners.feasibility import Array, Success, laplace
from autolab.planners.kernels import KERNELS, distances

RNG = np.random.default_rng(0)
X = RNG.random((24, 2))
T = (X[:, 0] + 0.3 * X[:, 1] < 0.6).astype(float)
AT = RNG.random((7, 2))
SCALES = np.array([0.4, 2.0])


NEARBY = np.full(2, 0.2 * math.sqrt(2))  # lengthscales of what holds nearby alone


def matern(a: Array, b: Array, scales: Array, amplitude: float) -> Array:
    return np.asarray(amplitude**2 * KERNELS["matern"].value(distances(a / scales, b / scales)))


def both(a: Array, b: Array, scales: Array, amplitude: float) -> Array:
    return matern(a, b, scales, amplitude) + matern(a, b, NEARBY, 3.0)


def held(scales: Array, amplitude: float, monkeypatch: pytest.MonkeyPatch) -> Success:
    """Return a model whose hyperparameters are set, and not fitted; scikit-learn has a prior mean of 0."""

    def keep(self: Success) -> None:
        self._scales, self._variance = scales, amplitude**2
        self._mode = laplace(both(self._x, self._x, scales, amplitude), self._t)

    monkeypatch.setattr(feasibility, "_MEAN", 0.0)
    monkeypatch.setattr(Success, "_fit", keep)
    return Success(X[T > 0], X[T == 0])


def test_the_covariance_is_that_of_scikit_learn() -> None:
    theirs = 1.7**2 * Matern(length_scale=SCALES, nu=2.5)(X, X[:5])
    np.testing.assert_allclose(matern(X, X[:5], SCALES, 1.7), theirs, rtol=1e-10)


@pytest.mark.parametrize("amplitude", [0.5, 3.0, 20.0])
def test_mode_and_evidence_are_those_of_scikit_learn(monkeypatch: pytest.MonkeyPatch, amplitude: float) -> None:
    monkeypatch.setattr(feasibility, "_MEAN", 0.0)  # scikit-learn's prior mean
    kernel = ConstantKernel(amplitude**2) * Matern(length_scale=SCALES, nu=2.5)
    theirs = GaussianProcessClassifier(kernel, optimizer=None, max_iter_predict=100).fit(X, T)
    mode = laplace(matern(X, X, SCALES, amplitude), T)
    assert mode.evidence == pytest.approx(theirs.log_marginal_likelihood_value_, abs=1e-6)
    np.testing.assert_allclose(T - mode.slope, theirs.base_estimator_.pi_, atol=1e-6)


@pytest.mark.parametrize("amplitude", [0.5, 3.0])
def test_probabilities_are_those_of_scikit_learn(monkeypatch: pytest.MonkeyPatch, amplitude: float) -> None:
    # it averages the logistic function by a sum of error functions, we by MacKay's formula: 0.02 between the two
    kernel = ConstantKernel(amplitude**2) * Matern(length_scale=SCALES, nu=2.5)
    kernel += ConstantKernel(9.0) * Matern(length_scale=NEARBY, nu=2.5)
    theirs = GaussianProcessClassifier(kernel, optimizer=None, max_iter_predict=100).fit(X, T)
    ours = held(SCALES, amplitude, monkeypatch).probabilities(AT)
    np.testing.assert_allclose(ours, theirs.predict_proba(AT)[:, 1], atol=0.02)


def test_the_mode_is_where_the_posterior_is_greatest_with_any_mean() -> None:
    k = matern(X, X, SCALES, 3.0)
    mode = laplace(k, T)
    # its slope is 0: the likelihood pulls as the prior pulls back
    np.testing.assert_allclose(k @ (T - expit(mode.latent)), mode.latent - feasibility._MEAN, atol=1e-8)
    np.testing.assert_allclose(mode.slope, T - expit(mode.latent))
    curvature = mode.root[:, None] * k * mode.root + np.eye(len(T))
    np.testing.assert_allclose(mode.factor @ mode.factor.T, curvature, rtol=1e-10)
    away = mode.latent - feasibility._MEAN
    signs = 2 * T - 1
    by_hand = np.log(expit(signs * mode.latent)).sum() - 0.5 * away @ np.linalg.solve(k, away)
    by_hand -= 0.5 * np.linalg.slogdet(curvature)[1]
    assert mode.evidence == pytest.approx(by_hand, abs=1e-7)


def test_latent_values_are_laplaces() -> None:
    # the posterior of f is normal around the mode, with the precision K^-1 + W
    success = Success(X[T > 0], X[T == 0])
    mean, variance = success._latent(success._covariance(AT)[0])
    x, amplitude = success._x, math.sqrt(success._variance)
    k, across = both(x, x, success._scales, amplitude), both(AT, x, success._scales, amplitude)
    weights = np.linalg.solve(k, across.T)
    spread = np.linalg.inv(np.linalg.inv(k) + np.diag(success._mode.root**2))
    np.testing.assert_allclose(mean, 1 + weights.T @ (success._mode.latent - 1), rtol=1e-6)
    expected = success._variance + 9 - np.diag(across @ weights) + np.diag(weights.T @ spread @ weights)
    np.testing.assert_allclose(variance, expected, rtol=1e-5)


def test_probabilities_follow_from_the_latent_values() -> None:
    success = Success(X[T > 0], X[T == 0])
    mean, variance = success._latent(success._covariance(AT)[0])
    expected = expit(mean / np.sqrt(1 + math.pi * variance / 8))
    np.testing.assert_allclose(success.probabilities(AT), expected, rtol=1e-9)
    np.testing.assert_allclose(np.exp(success.log_probability(AT)), expected, rtol=1e-9)
    for chance, m, v in zip(expected, mean, variance, strict=True):
        exact = quad(lambda z, m=m, v=v: expit(m + math.sqrt(v) * z) * norm.pdf(z), -8, 8)[0]
        assert chance == pytest.approx(exact, abs=0.02)  # the averaged logistic function


# -- derivatives


@pytest.mark.parametrize("logs", [[-0.3, 0.4, 1.1], [0.8, -0.9, 0.2], [2.0, 2.0, 3.0]])
def test_the_slope_of_the_fit_is_that_of_differences(logs: list[float]) -> None:
    success = Success(X[T > 0], X[T == 0])
    u = np.array(logs)
    expected = [(success.loss(u + e)[0] - success.loss(u - e)[0]) / 2e-4 for e in 1e-4 * np.eye(3)]
    np.testing.assert_allclose(success.loss(u)[1], expected, rtol=1e-5, atol=1e-6)


def test_the_loss_is_evidence_and_priors() -> None:
    success, u = Success(X[T > 0], X[T == 0]), np.array([-0.3, 0.4, 1.1])
    mode = laplace(both(success._x, success._x, np.exp(u[:2]), math.exp(1.1)), success._t)
    prior = norm.logpdf(u[:2], math.sqrt(2) + 0.5 * math.log(2), math.sqrt(3)).sum() + norm.logpdf(
        u[2], math.log(3), 0.5
    )
    constant = 2 * norm.logpdf(0, 0, math.sqrt(3)) + norm.logpdf(0, 0, 0.5)
    assert success.loss(u)[0] == pytest.approx(-mode.evidence - prior + constant, rel=1e-9)
    best = np.append(np.log(success._scales), 0.5 * math.log(success._variance))
    assert np.abs(success.loss(best)[1]).max() < 0.02  # an optimum was found
    assert success.loss(best)[0] < success.loss(u)[0]


def test_slopes_are_those_of_differences() -> None:
    success = Success(X[T > 0], X[T == 0])
    value, gradient = success.slopes(AT)
    np.testing.assert_allclose(value, success.log_probability(AT))
    for i in range(2):
        step = 1e-6 * np.eye(2)[i]
        expected = (success.log_probability(AT + step) - success.log_probability(AT - step)) / 2e-6
        np.testing.assert_allclose(gradient[:, i], expected, rtol=1e-5, atol=1e-8)


# -- what it learns


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


def test_only_failures_and_points_tried_twice_are_no_trouble() -> None:
    assert Success(np.zeros((0, 2)), X).probabilities(X[:3]) < [0.5] * 3
    same = np.tile([[0.5, 0.5]], (4, 1))
    (chance,) = Success(same[:2], same[2:]).probabilities(same[:1])
    assert 0.3 < chance < 0.75


def test_beside_an_experiment_that_failed_another_is_less_likely_to_succeed() -> None:
    # failures here and there, which the broad part takes for luck that is the same everywhere
    points = np.random.default_rng(4).random((20, 6))
    failed = np.arange(20) % 2 == 0
    success = Success(points[~failed], points[failed])
    beside, far = points[failed] + 0.01, points[failed]
    far = np.where(far > 0.5, far - 0.5, far + 0.5)
    assert max(success.probabilities(beside)) < 0.4
    assert min(success.probabilities(points[~failed] + 0.01)) > 0.6
    assert np.mean(success.probabilities(far)) > 0.5
