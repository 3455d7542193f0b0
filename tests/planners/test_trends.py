"""What past campaigns tell, against scikit-learn and against differences."""

import numpy as np
import pytest
from numpy.typing import NDArray

from autolab.model.candidates import Candidates
from autolab.model.objectives import Objective
from autolab.model.parameters import Categorical, Integer, Mixture, Real
from autolab.model.problem import Problem
from autolab.model.space import Space
from autolab.model.trial import Trial
from autolab.planners.evidence import gather
from autolab.planners.informed import following
from autolab.planners.kernels import Shape
from autolab.planners.learned import DEVIATION, Displaced, Learned
from autolab.planners.prediction import trends_for
from autolab.planners.priors import PriorName
from autolab.planners.surrogate import Kind, surrogate_of
from autolab.planners.trends import LEAST, explained, trends_of

Array = NDArray[np.float64]
KINDS: list[tuple[Shape, PriorName]] = [("matern", "broad"), ("smooth", "stiff")]
STEP = 1e-6


STILL = np.zeros(1)
DISPLACED = np.array([DEVIATION, 0.5 * DEVIATION])


def learned(shape: Shape, prior: PriorName, n: int = 9) -> Learned:
    x = np.random.default_rng(0).random((n, 2))
    return Learned(surrogate_of(x, truth(x), np.full(n, np.nan), Kind(shape, prior)))


def truth(x: Array) -> Array:
    return np.asarray(40.0 + 7.0 * np.sin(5 * x[:, 0]) + x[:, 1])


def differences(of: object, x: Array) -> Array:
    found = np.zeros_like(x)
    for j in range(x.shape[1]):
        step = np.zeros(x.shape[1])
        step[j] = STEP
        found[:, j] = (of(x + step) - of(x - step)) / (2 * STEP)  # type: ignore[operator]  # a function
    return found


@pytest.fixture(params=[(kind, moved) for kind in KINDS for moved in (False, True)], ids=str)
def trend(request: pytest.FixtureRequest) -> Learned:
    kind, moved = request.param
    one = learned(*kind)
    return Displaced(one.surrogate, DISPLACED) if moved else one


@pytest.fixture
def at() -> Array:
    return np.random.default_rng(1).random((6, 2))


@pytest.mark.parametrize(("shape", "prior"), KINDS)
def test_it_is_the_posterior_of_a_process_of_its_own(shape: Shape, prior: PriorName, at: Array) -> None:
    from sklearn.gaussian_process import GaussianProcessRegressor  # type: ignore[import-untyped]  # it ships no types
    from sklearn.gaussian_process.kernels import RBF, ConstantKernel, Matern  # type: ignore[import-untyped]  # as above

    trend = learned(shape, prior)
    surrogate, process = trend.surrogate, trend.surrogate.process
    scales = process.hyper.lengthscales
    kernel = ConstantKernel(process.hyper.outputscale) * (Matern(scales, nu=2.5) if shape == "matern" else RBF(scales))
    twin = GaussianProcessRegressor(kernel, alpha=process.hyper.noise, optimizer=None)
    twin.fit(process.x, process.y - process.hyper.mean)
    mean, covariance = twin.predict(at, return_cov=True)
    unit = surrogate.scale
    np.testing.assert_allclose(trend.mean(at), surrogate.center + unit * (process.hyper.mean + mean), rtol=1e-9)
    np.testing.assert_allclose(trend.covariance(at, at), unit**2 * covariance, atol=1e-6 * unit**2)
    np.testing.assert_allclose(trend.variance(at), np.diag(trend.covariance(at, at)), atol=1e-9 * unit**2)
    assert (trend.center, trend.spread) == (surrogate.center, surrogate.scale)
    assert not trend.sure


def test_slopes_are_those_of_mean_and_variance(trend: Learned, at: Array) -> None:
    np.testing.assert_allclose(trend.slopes(at), differences(trend.mean, at), rtol=1e-5, atol=1e-5)
    np.testing.assert_allclose(trend.variance_slopes(at), differences(trend.variance, at), rtol=1e-4, atol=1e-4)


def test_what_is_pulled_is_the_slope_of_weighed_covariances(trend: Learned, at: Array) -> None:
    others = np.random.default_rng(2).random((4, 2))
    weights = np.random.default_rng(3).standard_normal((6, 4))
    value, pull = trend.across(at, others)
    np.testing.assert_allclose(value, trend.covariance(at, others), atol=1e-9 * trend.spread**2)
    expected = differences(lambda x: (trend.covariance(x, others) * weights).sum(axis=1), at)
    np.testing.assert_allclose(pull(weights), expected, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize(("shape", "prior"), KINDS)
def test_it_is_sure_at_its_trials_and_not_far_away(shape: Shape, prior: PriorName) -> None:
    trend = learned(shape, prior)
    known = trend.variance(trend.surrogate.process.x)
    away = trend.variance(np.full((1, 2), 40.0))
    assert known.max() < 0.05 * away[0]
    assert away[0] == pytest.approx(trend.spread**2 * trend.surrogate.process.hyper.outputscale)


@pytest.mark.parametrize(("shape", "prior"), KINDS)
def test_a_displacement_adds_the_covariance_of_displaced_means(shape: Shape, prior: PriorName, at: Array) -> None:
    trend = learned(shape, prior)
    small = 0.02 * DISPLACED  # slopes stand for the mean there
    drawn = np.random.default_rng(5).standard_normal((4000, 2)) * small
    moved = np.array([trend.mean(at + one) for one in drawn])
    added = Displaced(trend.surrogate, small).covariance(at, at) - trend.covariance(at, at)
    np.testing.assert_allclose(added, np.cov(moved.T), atol=0.08 * added.max())


def test_a_displacement_is_found_from_trials(at: Array) -> None:
    """What lies by 0.06 beside is foretold far better where it may."""
    trend = learned("smooth", "short", 25)
    x = np.random.default_rng(6).random((6, 2))
    beside = np.array([0.06, 0.0])
    missed = []
    for one in (trend, Displaced(trend.surrogate, DISPLACED)):
        model = following(x, truth(x + beside), np.full(6, np.nan), Kind("matern", "short"), [one])
        missed.append(np.abs(model.predict(at)[0] - truth(at + beside)).mean())
    assert missed[1] < 0.6 * missed[0]


def test_numbers_may_be_displaced_and_labels_not() -> None:
    space = Space([Categorical("s", ["u", "v", "w"]), Real("a", 0, 1), Mixture(["b", "c"]), Integer("k", 1, 9)])
    table = Candidates({"a": [0.0, 0.5, 1.0], "s": ["u", "v", "w"], "k": [1, 2, 5]})
    for whole in (space, table):
        problem = Problem(whole, Objective("y"))
        points = whole.sample(3, 0)
        history = [Trial.completed(one, {"y": float(i)}, source="prior") for i, one in enumerate(points)]
        with_few = gather(problem, [*history, *history], (), apart=True)
        ((trend,),) = trends_for(problem, with_few)
        assert isinstance(trend, Displaced)
        expected = [DEVIATION if name in {"a", "b", "c", "k"} else 0.0 for name in whole.columns]
        np.testing.assert_array_equal(trend.deviations, expected)


PROBLEM = Problem(Space([Real("a", 0, 1)]), [Objective("y"), Objective("z")])


def past(values: list[float]) -> list[Trial]:
    return [Trial.completed({"a": a}, {"y": a, "z": 10 - a}, source="prior") for a in values]


def test_each_quantity_has_its_own() -> None:
    evidence = gather(PROBLEM, past([0.0, 0.3, 0.6, 1.0]), (), apart=True)
    y, z = (trends_of(evidence.sources, i, Kind("matern", "broad"), None, STILL) for i in (0, 1))
    assert len(y) == len(z) == 1
    assert y[0].mean(np.array([[0.5]]))[0] == pytest.approx(0.5, abs=0.1)
    assert z[0].mean(np.array([[0.5]]))[0] == pytest.approx(9.5, abs=0.1)


def test_a_source_of_one_trial_teaches_nothing() -> None:
    evidence = gather(PROBLEM, past([0.3]), (), apart=True)
    assert trends_of(evidence.sources, 0, Kind("matern", "broad"), None, STILL) == ()


def test_a_source_is_fitted_once_for_equal_trials() -> None:
    kind = Kind("matern", "broad")
    one, other = (gather(PROBLEM, past([0.0, 0.4, 1.0]), (), apart=True) for _ in range(2))
    (first,), (second,) = (trends_of(evidence.sources, 0, kind, None, STILL) for evidence in (one, other))
    assert isinstance(first, Learned)
    assert isinstance(second, Learned)
    assert first.surrogate is second.surrogate
    (third,) = trends_of(gather(PROBLEM, past([0.0, 0.5, 1.0]), (), apart=True).sources, 0, kind, None, STILL)
    assert isinstance(third, Learned)
    assert third.surrogate is not first.surrogate


def test_what_a_source_explains_is_found_by_leaving_trials_out() -> None:
    x = np.random.default_rng(0).random((12, 1))
    y = np.sin(6 * x[:, 0])
    surrogate = surrogate_of(x, y, np.full(12, np.nan), Kind("matern", "broad"))
    process, missed = surrogate.process, 0.0
    k = process.covariance(x, x) + np.diag(process.hyper.noise)
    for i in range(12):
        rest = [j for j in range(12) if j != i]
        foretold = process.hyper.mean + k[i, rest] @ np.linalg.solve(
            k[np.ix_(rest, rest)], process.y[rest] - process.hyper.mean
        )
        missed += (process.y[i] - foretold) ** 2
    assert explained(surrogate) == pytest.approx(1 - missed / (process.y**2).sum(), abs=1e-9)
    assert explained(surrogate) > 0.8


def test_a_source_of_noise_or_of_one_value_teaches_nothing() -> None:
    rng, kind = np.random.default_rng(0), Kind("matern", "broad")
    for values in (rng.standard_normal(30), np.full(30, 4.0)):
        history = [
            Trial.completed({"a": float(a)}, {"y": float(y), "z": float(a)}, source="prior")
            for a, y in zip(rng.random(30), values, strict=True)
        ]
        evidence = gather(PROBLEM, history, (), apart=True)
        assert trends_of(evidence.sources, 0, kind, None, STILL) == ()
        (other,) = trends_of(evidence.sources, 1, kind, None, STILL)
        assert isinstance(other, Learned)
        assert explained(other.surrogate) > LEAST
