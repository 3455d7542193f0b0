"""A process that follows trends: against scikit-learn's exact covariance, closed forms, and botorch; and its guard."""

import math
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.stats import multivariate_normal, norm

from autolab.planners.evidence import Evidence
from autolab.planners.fitting import Fitting, Regressors
from autolab.planners.informed import (
    DEVIATION,
    HELPS,
    Informed,
    following,
    foresight,
    informed_models,
)
from autolab.planners.kernels import Shape
from autolab.planners.learned import Displaced, Learned
from autolab.planners.priors import PriorName, priors
from autolab.planners.surrogate import Kind, Surrogate, surrogate_of
from autolab.planners.trends import Trend

Array = NDArray[np.float64]
KIND = Kind("matern", "broad")
KINDS = [KIND, Kind("smooth", "stiff")]


def truth(x: Array) -> Array:
    return np.asarray(50.0 + 12.0 * np.sin(4 * x[:, 0]) + 3.0 * x[:, 1])


def unknown(n: int) -> Array:
    return np.full(n, np.nan)


def source(n: int = 14, *, seed: int = 0, kind: Kind = KIND, sign: float = 1.0) -> Learned:
    x = np.random.default_rng(seed).random((n, 2))
    return Learned(surrogate_of(x, sign * truth(x), unknown(n), kind))


def informed(
    n: int, *, kind: Kind = KIND, factor: float = 1.0, sources: int = 1, moved: bool = False
) -> tuple[Surrogate, Array, Array]:
    x = np.random.default_rng(7).random((n, 2))
    y = factor * truth(x) + 5.0 + np.sin(9 * x[:, 1])
    trends = [source(seed=i, kind=kind) for i in range(sources)]
    if moved:
        trends = [Displaced(one.surrogate, np.array([0.1, 0.05])) for one in trends]
    return following(x, y, unknown(n), kind, trends), x, y


def process_of(model: Surrogate) -> Informed:
    assert isinstance(model.process, Informed)
    return model.process


# -- the model


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("sources", [1, 2])
def test_it_is_the_joint_posterior_of_source_and_target(kind: Kind, sources: int) -> None:
    """Sources' trials and the target's as one normal vector (Kennedy and O'Hagan 2000), conditioned by the book."""
    model, x, y = informed(6, kind=kind, sources=sources)
    process, at = process_of(model), np.random.default_rng(9).random((5, 2))
    hyper = process.hyper
    own = model.scale**2
    trends = [one for one in process.trends if isinstance(one, Learned)]
    blocks, observed, means = [], [], []
    noises = []
    for one in trends:
        inner = one.surrogate
        blocks.append(inner.process.x)
        observed.append(inner.center + inner.scale * inner.process.y)
        means.append(np.full(len(inner.process.x), inner.center + inner.scale * inner.process.hyper.mean))
        noises.append(inner.scale**2 * inner.process.hyper.noise)
    places = np.vstack([x, at])

    def of_source(i: int, a: Array, b: Array) -> Array:
        inner = trends[i].surrogate
        return np.asarray(inner.scale**2 * inner.process.stationary(a, b))

    prior = [trend.surrogate.center + trend.surrogate.scale * trend.surrogate.process.hyper.mean for trend in trends]
    offset = model.center + model.scale * hyper.mean - sum(f * model.center for f in hyper.factors)
    target = np.full(len(places), offset + sum(f * m for f, m in zip(hyper.factors, prior, strict=True)))
    covariance = own * process.stationary(places, places)
    for i, factor in enumerate(hyper.factors):
        covariance = covariance + factor**2 * of_source(i, places, places)
    sizes = [len(block) for block in blocks]
    total = sum(sizes)
    whole = np.zeros((total + len(places), total + len(places)))
    start = 0
    for i, block in enumerate(blocks):
        here = slice(start, start + sizes[i])
        whole[here, here] = of_source(i, block, block) + np.diag(noises[i])
        whole[here, total:] = hyper.factors[i] * of_source(i, block, places)
        whole[total:, here] = whole[here, total:].T
        start += sizes[i]
    whole[total:, total:] = covariance
    known = np.arange(total + len(x))
    asked = np.arange(total + len(x), total + len(places))
    whole[total : total + len(x), total : total + len(x)] += np.diag(own * hyper.noise)
    mean = np.concatenate([*means, target])
    gain = np.linalg.solve(whole[np.ix_(known, known)], whole[np.ix_(known, asked)]).T
    expected = mean[asked] + gain @ (np.concatenate([*observed, y]) - mean[known])
    spread = whole[np.ix_(asked, asked)] - gain @ whole[np.ix_(known, asked)]
    ours, joint = model.joint(at)
    np.testing.assert_allclose(ours, expected, rtol=1e-6)
    np.testing.assert_allclose(joint, spread, atol=1e-5 * own)
    mean_alone, deviation = model.predict(at)
    np.testing.assert_allclose(mean_alone, ours, rtol=1e-10)
    np.testing.assert_allclose(deviation**2, np.diag(joint), rtol=1e-4, atol=1e-8 * own)


@pytest.mark.parametrize("moved", [False, True])
@pytest.mark.parametrize("kind", KINDS)
def test_its_slopes_are_those_of_differences(kind: Kind, moved: bool) -> None:
    model, x, _ = informed(6, kind=kind, sources=2, moved=moved)
    process, at, step = process_of(model), np.random.default_rng(3).random((5, 2)), 1e-6
    weights = np.random.default_rng(4).standard_normal((5, 6))

    def differences(of: Any) -> Array:
        found = np.zeros_like(at)
        for j in range(2):
            up = at.copy()
            down = at.copy()
            up[:, j] += step
            down[:, j] -= step
            found[:, j] = (of(up) - of(down)) / (2 * step)
        return found

    np.testing.assert_allclose(process.mean_slopes(at), differences(process.mean), rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(process.variance_slopes(at), differences(process.variance), rtol=1e-4, atol=1e-6)
    value, pull = process.across(at, x)
    np.testing.assert_allclose(value, process.covariance(at, x), atol=1e-10)
    np.testing.assert_allclose(
        pull(weights), differences(lambda z: (process.covariance(z, x) * weights).sum(axis=1)), rtol=1e-4, atol=1e-6
    )


@pytest.mark.parametrize("moved", [False, True])
@pytest.mark.parametrize("kind", KINDS)
def test_it_is_the_model_that_botorch_is_given(kind: Kind, moved: bool) -> None:
    import torch

    from autolab.planners.bridge import as_botorch

    model, _, _ = informed(7, kind=kind, sources=2, moved=moved)
    twin = as_botorch([model])
    at = torch.tensor(np.random.default_rng(5).random((4, 2)), requires_grad=True)
    posterior = twin.posterior(at)
    mean, joint = model.joint(at.detach().numpy())
    np.testing.assert_allclose(posterior.mean.detach().numpy()[:, 0], mean, rtol=1e-6)
    covariance = posterior.distribution.covariance_matrix.detach().numpy()
    np.testing.assert_allclose(covariance, joint, atol=1e-6 * model.scale**2)
    (slope,) = torch.autograd.grad(posterior.mean.sum(), at)
    step = 1e-5
    for j in range(2):
        up = at.detach().numpy().copy()
        down = up.copy()
        up[:, j] += step
        down[:, j] -= step
        expected = (model.predict(up)[0] - model.predict(down)[0]) / (2 * step)
        np.testing.assert_allclose(slope.numpy()[:, j], expected, rtol=1e-4, atol=1e-4)
    batched = twin.posterior(at.detach()[:, None, :])
    np.testing.assert_allclose(batched.mean[:, 0, 0].detach().numpy(), mean, rtol=1e-6)


def test_before_any_trial_it_expects_the_trend() -> None:
    trend, at = source(), np.random.default_rng(6).random((5, 2))
    model = following(np.zeros((0, 2)), np.zeros(0), np.zeros(0), KIND, [trend])
    mean, deviation = model.predict(at)
    np.testing.assert_allclose(mean, trend.mean(at), rtol=1e-9)
    assert (deviation**2 > trend.variance(at)).all()
    assert model.noise > 0


def test_one_trial_moves_the_offset() -> None:
    trend, x = source(), np.array([[0.4, 0.5]])
    model = following(x, trend.mean(x) + 30.0, unknown(1), KIND, [trend])
    mean, _ = model.predict(np.array([[0.8, 0.1]]))
    assert mean[0] == pytest.approx(trend.mean(np.array([[0.8, 0.1]]))[0] + 30.0, abs=3.0)


@pytest.mark.parametrize("factor", [0.0, 0.5, 1.0, 2.0])
def test_a_factor_is_found_from_trials(factor: float) -> None:
    model, _, _ = informed(30, factor=factor)
    assert model.process.hyper.factors[0] == pytest.approx(factor, abs=0.25)


# -- the fit


@pytest.mark.parametrize("shape", ["matern", "smooth"])
@pytest.mark.parametrize("learn", [True, False])
def test_the_loss_has_the_slope_of_differences(shape: Shape, learn: bool) -> None:
    rng = np.random.default_rng(1)
    x, y = rng.random((8, 2)), rng.standard_normal(8)
    told = Regressors(rng.standard_normal((8, 2)), 0.3 * np.eye(8) + 0.2, np.full(2, 0.5), np.full(2, DEVIATION**-2))
    task = Fitting(x, y, None if learn else np.full(8, 0.1), shape, priors("broad", 2), told)
    u = task.start + 0.3 * rng.standard_normal(len(task.start))
    _, gradient = task.loss(u)
    for i in range(len(u)):
        step = np.zeros_like(u)
        step[i] = 1e-6
        expected = (task.loss(u + step)[0] - task.loss(u - step)[0]) / 2e-6
        assert gradient[i] == pytest.approx(expected, rel=1e-4, abs=1e-5)


@pytest.mark.parametrize("prior", ["broad", "stiff"])
def test_factors_are_the_most_probable_ones(prior: PriorName) -> None:
    rng = np.random.default_rng(2)
    x, y = rng.random((6, 2)), rng.standard_normal(6)
    columns, unsure = rng.standard_normal((6, 1)), 0.1 * np.eye(6)
    task = Fitting(
        x, y, np.full(6, 0.2), "matern", priors(prior, 2), Regressors(columns, unsure, np.ones(1), np.array([4.0]))
    )
    hyper = task.hyper(task.start)
    scaled = x / hyper.lengthscales
    r = np.sqrt(5 * ((scaled[:, None] - scaled[None]) ** 2).sum(axis=2))
    k = hyper.outputscale * (1 + r + r**2 / 3) * np.exp(-r) + unsure + 0.2 * np.eye(6)

    def density(mean: float, factor: float) -> float:
        told = float(multivariate_normal(mean + factor * columns[:, 0], k).logpdf(y))
        return told + float(norm(1.0, 0.5).logpdf(factor))

    best = density(hyper.mean, hyper.factors[0])
    for move in ((0.01, 0.0), (-0.01, 0.0), (0.0, 0.01), (0.0, -0.01)):
        assert density(hyper.mean + move[0], hyper.factors[0] + move[1]) < best


# -- the guard


@pytest.mark.parametrize("follows", [True, False])
def test_foresight_is_the_density_of_trials_left_out_one_by_one(follows: bool) -> None:
    """By the book: each trial by the others, the offset from the middle of what was known near or far."""
    model, x, y = informed(6)
    trend: Trend = source()
    factor, expected = (DEVIATION, 1.0) if follows else (0.0, 0.0)
    if not follows:
        model = surrogate_of(x, y, unknown(6), KIND)
    told = (trend.mean(x) - trend.center) / model.scale
    z = (y - trend.center) / model.scale - expected * told
    k = model.process.covariance(x, x) + np.diag(model.process.hyper.noise) + factor**2 * np.outer(told, told)
    each = []
    for probability, offset in ((0.8, 1.0), (0.2, 100.0)):
        whole, total = k + offset, math.log(probability)
        for i in range(6):
            rest = [j for j in range(6) if j != i]
            gain = np.linalg.solve(whole[np.ix_(rest, rest)], whole[rest, i])
            one = norm(gain @ z[rest], math.sqrt(whole[i, i] - gain @ whole[rest, i]))
            total += one.logpdf(z[i]) - math.log(model.scale)
        each.append(total)
    assert foresight(model, [trend]) == pytest.approx(np.logaddexp.reduce(each), rel=1e-5)


def evidence(n: int, *, sign: float = 1.0, seed: int = 3) -> Evidence:
    x = np.random.default_rng(seed).random((n, 2))
    y = (sign * truth(x) + 4.0)[:, None]
    nothing = np.zeros((0, 2))
    return Evidence(x, y, np.full((n, 1), np.nan), tuple({} for _ in x), nothing, nothing, frozenset(), 0, 0)


def test_before_any_trial_a_source_is_trusted_as_sources_are() -> None:
    (model,) = informed_models(evidence(0), KIND, [[source()]]).each
    assert model.trust is not None
    assert model.trust.weight == HELPS
    assert isinstance(model.process, Informed)


@pytest.mark.parametrize("moved", [0.0, 50.0, 1000.0])
def test_one_trial_that_a_source_foretells_but_for_an_offset_keeps_it_trusted(moved: float) -> None:
    told = evidence(1)
    told = replace(told, y=told.y + moved)
    (model,) = informed_models(told, KIND, [[source()]]).each
    assert model.trust is not None
    assert model.trust.followed


def test_one_trial_finds_out_a_source_that_says_the_opposite() -> None:
    trend, told = source(40), evidence(1)
    x = np.random.default_rng(0).random((200, 2))
    promised = x[[int(np.argmax(trend.mean(x)))]]
    told = replace(told, x=promised, y=np.array([[trend.center - 2 * trend.spread]]))
    (model,) = informed_models(told, KIND, [[trend]]).each
    assert model.trust is not None
    assert not model.trust.followed


def test_a_source_that_foretells_is_followed() -> None:
    (model,) = informed_models(evidence(8), KIND, [[source()]]).each
    assert model.trust is not None
    assert model.trust.weight > 0.95
    assert model.trust.followed
    assert isinstance(model.process, Informed)


def test_a_source_that_misleads_is_left_aside() -> None:
    x = np.random.default_rng(0).random((14, 2))
    wrong = Learned(surrogate_of(x, 50.0 + 40.0 * np.cos(9 * x[:, 1]), unknown(14), KIND))
    (model,) = informed_models(evidence(8), KIND, [[wrong]]).each
    assert model.trust is not None
    assert model.trust.weight < 0.5
    assert not isinstance(model.process, Informed)
    alone = surrogate_of(evidence(8).x, evidence(8).y[:, 0], unknown(8), KIND)
    at = np.random.default_rng(4).random((5, 2))
    np.testing.assert_array_equal(model.predict(at)[0], alone.predict(at)[0])


def test_a_shuffled_source_changes_little_of_what_is_expected() -> None:
    x = np.random.default_rng(0).random((40, 2))
    wrong = Learned(surrogate_of(x, np.random.default_rng(1).permutation(truth(x)), unknown(40), KIND))
    told = evidence(12)
    (model,) = informed_models(told, KIND, [[wrong]]).each
    at = np.random.default_rng(4).random((50, 2))
    missed = model.predict(at)[0] - (truth(at) + 4.0)
    assert np.sqrt((missed**2).mean()) < 0.35 * truth(at).std()


def test_a_quantity_without_a_trend_has_the_plain_model() -> None:
    both = evidence(6)
    both = replace(both, y=np.hstack([both.y, both.y]), error=np.hstack([both.error, both.error]))
    first, second = informed_models(both, KIND, [[source()], []]).each
    assert first.trust is not None
    assert second.trust is None
    assert not isinstance(second.process, Informed)


def test_standard_errors_are_the_noise_of_what_follows() -> None:
    x = np.random.default_rng(7).random((5, 2))
    model = following(x, truth(x), np.array([1.0, 2.0, 1.0, np.nan, 1.0]), KIND, [source()])
    np.testing.assert_allclose(np.sqrt(model.process.hyper.noise) * model.scale, [1.0, 2.0, 1.0, 1.0, 1.0])


def test_constant_outcomes_and_repeated_points_are_borne() -> None:
    x = np.repeat(np.array([[0.5, 0.5]]), 4, axis=0)
    model = following(x, np.full(4, 3.0), unknown(4), KIND, [source()])
    mean, deviation = model.predict(x)
    np.testing.assert_allclose(mean, 3.0, atol=0.5)
    assert np.isfinite(deviation).all()


# -- what both models expect


def test_improvements_are_weighed_and_have_the_slope_of_differences() -> None:
    from autolab.model.objectives import Objective
    from autolab.model.parameters import Real
    from autolab.model.problem import Problem
    from autolab.model.space import Space
    from autolab.planners.improvement import Improvement, Weighed

    problem = Problem(Space([Real("a", 0, 1), Real("b", 0, 1)]), [Objective("y", "maximize")])
    told = evidence(7)
    models = informed_models(told, KIND, [[source()]])
    assert models.others is not None
    assert models.weight == pytest.approx(max(models.each[0].trust.weight, 1 - models.each[0].trust.weight))  # type: ignore[union-attr]  # it has one
    parts = [Improvement(problem, told, one, None, 3) for one in (models, models.others)]
    worth, at = Weighed(parts[0], parts[1], 0.3), np.random.default_rng(8).random((6, 2))
    expected = 0.3 * np.exp(parts[0].values(at)) + 0.7 * np.exp(parts[1].values(at))
    np.testing.assert_allclose(np.exp(worth.values(at)), expected, rtol=1e-9)
    value, gradient = worth.slopes(at)
    np.testing.assert_allclose(value, worth.values(at), rtol=1e-6, atol=1e-6)
    for j in range(2):
        step = np.zeros(2)
        step[j] = 1e-6
        rise = (worth.values(at + step) - worth.values(at - step)) / 2e-6
        np.testing.assert_allclose(gradient[:, j], rise, rtol=1e-3, atol=1e-3)
    before = worth.values(at)
    worth.add_pending(at[:1])
    assert worth.values(at)[0] < before[0]


def test_models_without_a_past_have_no_others() -> None:
    (alone,) = informed_models(evidence(6), KIND, [[]]).each
    assert (alone.trust, alone.other) == (None, None)
    assert informed_models(evidence(6), KIND, [[]]).others is None
    assert informed_models(evidence(6), KIND, [[]]).weight == 1.0
