"""Models of the quantities, and what points are worth by them, against closed forms."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from botorch.acquisition.multi_objective.analytic import ExpectedHypervolumeImprovement
from botorch.utils.multi_objective.box_decompositions.non_dominated import FastNondominatedPartitioning
from numpy.typing import NDArray
from scipy.stats import norm

from autolab.model.candidates import Candidates
from autolab.model.objectives import Goal, Objective, OutcomeConstraint
from autolab.model.parameters import Categorical, Integer, Mixture, Real
from autolab.model.problem import Problem
from autolab.model.space import Space
from autolab.model.trial import Trial
from autolab.planners.acquisition import Sampled, _reference
from autolab.planners.active import Learn, LevelSet
from autolab.planners.bayes import Bayes
from autolab.planners.belief import sampled, worth_of
from autolab.planners.evidence import Evidence, gather
from autolab.planners.field import Worth
from autolab.planners.improvement import CAUTION, Improvement
from autolab.planners.isolation import isolated
from autolab.planners.prediction import fitted, kind_of
from autolab.planners.surrogate import Kind, Models, outcome_models, surrogate_of

Array = NDArray[np.float64]

GRID = np.linspace(0, 1, 9)
LINE = Space([Real("x", 0, 1)])
AT = np.array([[0.05], [0.33], [0.55], [0.83]])
TWO = Problem(LINE, [Objective("y"), Objective("z", "minimize")])


def told(problem: Problem, f: Callable[[float], dict[str, float]], error: float | None = 1e-3) -> Evidence:
    history = [Trial.completed({"x": float(x)}, {k: (v, error) for k, v in f(x).items()}) for x in GRID]
    return gather(problem, history, [])


def waves(x: float) -> dict[str, float]:
    return {"y": float(np.sin(6 * x)), "z": float(x**2), "c": float(x)}


def learned(problem: Problem, evidence: Evidence, seed: int = 0) -> Worth:
    with isolated(0, torch=True):
        return worth_of(problem, evidence, *fitted(problem, evidence), seed)


# -- models


def test_a_model_agrees_with_the_equations_of_gaussian_process_regression() -> None:
    problem = Problem(LINE, [Objective("y")])
    evidence = told(problem, lambda x: {"y": 40 + 7 * np.sin(5 * x)}, 0.5)
    (model,) = outcome_models(evidence, kind_of(problem.space)).each
    hyper, x = model.process.hyper, np.linspace(0, 1, 5)[:, None]

    def kernel(a: Array, b: Array) -> Array:  # Matern 5/2
        r = np.sqrt(5) * np.abs(a - b.T) / hyper.lengthscales
        return np.asarray(hyper.outputscale * (1 + r + r**2 / 3) * np.exp(-r))

    y = evidence.y[:, 0]
    scale = y.std(ddof=1)
    z, cross = (y - y.mean()) / scale, kernel(x, evidence.x)
    k = kernel(evidence.x, evidence.x) + np.eye(9) * (0.5 / scale) ** 2
    gain = np.linalg.solve(k, np.column_stack([z - hyper.mean, cross.T]))
    mean, spread = model.predict(x)
    np.testing.assert_allclose(mean, y.mean() + scale * (hyper.mean + cross @ gain[:, 0]), rtol=1e-8)
    covariance = scale**2 * (kernel(x, x) - cross @ gain[:, 1:])
    np.testing.assert_allclose(spread, np.sqrt(np.diag(covariance)), rtol=1e-6)
    np.testing.assert_allclose(model.joint(x)[1], covariance, atol=1e-9)
    assert model.noise == pytest.approx(0.5)


def test_deviations_are_widened_by_what_trials_left_out_and_their_fit_ask_for() -> None:
    rng = np.random.default_rng(5)
    x = rng.random((19, 3))
    y = np.sin(9 * x[:, 0]) + np.sign(x[:, 1] - 0.5) + 0.3 * rng.standard_normal(19)
    model = surrogate_of(x, y, np.full(19, np.nan), Kind("matern", "short"))
    process = model.process
    k = process.covariance(x, x) + np.diag(process.hyper.noise)
    z = []
    for i in range(19):
        rest = np.arange(19) != i
        gain = np.linalg.solve(k[np.ix_(rest, rest)], k[rest, i])
        missed = process.y[i] - process.hyper.mean - gain @ (process.y[rest] - process.hyper.mean)
        z.append(abs(missed) / np.sqrt(k[i, i] - gain @ k[rest, i]))
    expected = max(z) / 1.96 * np.sqrt(1 + 3 / 19)  # of 19 and one to come the greatest bounds 95 %
    assert model.widening == pytest.approx(np.clip(expected, 1, 3), rel=1e-6)
    assert model.widening > 1
    widened = Models((model,)).widened(x)[1][:, 0]
    np.testing.assert_allclose(widened, model.widening * model.predict(x)[1])
    assert surrogate_of(x[:9], y[:9], np.full(9, np.nan), Kind("matern", "short")).widening == 1.0


def test_widened_intervals_hold_what_was_never_shown() -> None:
    """Labels with effects that multiply, few trials: what plain intervals hold too little of."""
    space = Space([Categorical("a", [f"a{i}" for i in range(9)]), Categorical("b", [f"b{i}" for i in range(9)])])
    plain, widened = [], []
    for seed in range(12):
        rng = np.random.default_rng(seed)
        effect = np.exp(0.7 * rng.standard_normal((2, 9)))
        points = space.sample(60, seed)
        x = space.encode(points)
        y = np.array([effect[0, int(str(p["a"])[1])] * effect[1, int(str(p["b"])[1])] for p in points])
        model = surrogate_of(x[:30], y[:30], np.full(30, np.nan), kind_of(space))
        mean, deviation = model.predict(x[30:])
        away = np.abs(mean - y[30:]) / np.hypot(deviation, model.noise)
        plain.append((away <= 1.96).mean())
        widened.append((away <= 1.96 * model.widening).mean())
    assert np.mean(widened) >= 0.9
    assert np.mean(widened) > np.mean(plain) + 0.05


def test_quantities_are_modelled_each_by_itself_in_their_order() -> None:
    problem = Problem(LINE, [Objective("y"), Objective("z")], [OutcomeConstraint("c", "<=", 0.6)])
    evidence = told(problem, waves, 0.1)
    models = outcome_models(evidence, kind_of(problem.space))
    means, spreads = models.predictions(AT)
    joint, covariance = models.joint(AT)
    assert (means.shape, spreads.shape, covariance.shape) == ((4, 3), (4, 3), (3, 4, 4))
    np.testing.assert_allclose(joint, means)
    np.testing.assert_allclose(np.sqrt(np.diagonal(covariance, axis1=1, axis2=2)).T, spreads, rtol=1e-6)
    np.testing.assert_allclose(models.noises, [0.1, 0.1, 0.1])
    for i, name in enumerate("yzc"):
        (alone,) = outcome_models(told(Problem(LINE, [Objective(name)]), waves, 0.1), kind_of(problem.space)).each
        np.testing.assert_array_equal(alone.predict(AT)[0], means[:, i])


def test_an_unknown_error_among_known_ones_is_their_median() -> None:
    problem, errors = Problem(LINE, [Objective("y")]), [0.1, None, 0.2, 0.4, None, 0.2, 0.0, 0.3, 0.1]
    history = [Trial.completed({"x": float(x)}, {"y": (float(x), e)}) for x, e in zip(GRID, errors, strict=True)]
    (model,) = outcome_models(gather(problem, history, []), kind_of(problem.space)).each
    expected = np.array([0.1, 0.2, 0.2, 0.4, 0.2, 0.2, 1e-3 * model.scale, 0.3, 0.1])
    np.testing.assert_allclose(np.sqrt(model.process.hyper.noise) * model.scale, expected)
    assert not model.process.hyper.learned_noise


@pytest.mark.parametrize(
    ("space", "expected"),
    [
        (LINE, Kind("matern", "short")),
        (Space([Real("x", 0, 1), Integer("k", 0, 3), Categorical("c", ["p", "q"])]), Kind("matern", "short")),
        (Space([Real("x", 0, 1), Categorical("c", ["p", "q"])]), Kind("matern", "short")),
        (Space([Integer("k", 0, 3), Categorical("c", ["p", "q"])]), Kind("smooth", "stiff")),
        (Space([Mixture(["a", "b", "c"])]), Kind("matern", "short")),
        (Space([Real(f"x{i}", 0, 1) for i in range(8)]), Kind("matern", "short")),
        (Space([*(Real(f"x{i}", 0, 1) for i in range(8)), Categorical("c", ["p", "q"])]), Kind("matern", "sparse")),
        (Candidates({"u": [0.0, 1.0], "v": [2, 3]}), Kind("matern", "short")),
        (Candidates({"u": [0.0, 1.0], "v": ["p", "q"], "w": ["p", "r"]}), Kind("smooth", "stiff")),
    ],
)
def test_labels_are_supposed_to_have_broad_trends_and_numbers_rough_ones(
    space: Space | Candidates, expected: Kind
) -> None:
    assert kind_of(space) == expected
    history = [Trial.completed(p, {"y": float(i)}) for i, p in enumerate(space.sample(4, 0))]
    models, success = fitted(Problem(space, [Objective("y")]), gather(Problem(space, [Objective("y")]), history, []))
    assert [one.kind for one in models.each] == [expected]
    assert success is None
    assert str(expected) == f"{expected.shape}, {expected.prior}"


# -- worth


def test_samples_are_taken_only_where_there_is_no_closed_form() -> None:
    target = Problem(LINE, [Objective("y", "match", target=0.44)])
    plain = Problem(LINE, [Objective("y", "minimize")], [OutcomeConstraint("c", "<=", 0.6)])
    assert (sampled(TWO), sampled(target), sampled(plain)) == (True, True, False)
    for problem, kind in ((TWO, Sampled), (target, Sampled), (plain, Improvement)):
        assert isinstance(learned(problem, told(problem, waves)), kind)


def test_an_outcome_constraint_weighs_by_the_probability_that_it_holds() -> None:
    plain, limited = (Problem(LINE, [Objective("y")], limits) for limits in ([], [OutcomeConstraint("c", "<=", 0.6)]))
    x = np.array([[0.1], [0.95]])
    free = learned(plain, told(plain, waves)).values(x)
    kept = learned(limited, told(limited, waves)).values(x)
    assert kept[0] == pytest.approx(free[0], abs=0.6)
    assert kept[1] < free[1] - 5  # c = 0.95 breaks the bound for certain


def test_matching_a_target_is_worth_most_where_it_is_met() -> None:
    problem = Problem(LINE, [Objective("y", "match", target=0.44)])
    x = np.linspace(0, 1, 101)[:, None]
    with isolated(0, torch=True):
        worth = learned(problem, told(problem, lambda x: {"y": float(x)})).values(x)
    assert x[int(np.argmax(worth)), 0] == pytest.approx(0.44, abs=0.011)


@pytest.mark.slow
def test_matching_a_target_is_worth_the_expected_approach() -> None:
    # of a normal value: E max(0, best - |y - target|), the best being known
    problem = Problem(LINE, [Objective("y", "match", target=0.44)])
    evidence = told(problem, lambda x: {"y": float(np.sin(6 * x))})
    ours = np.exp(learned(problem, evidence).values(AT))
    (mean, spread), best = fitted(problem, evidence)[0].each[0].predict(AT), np.abs(evidence.y - 0.44).min()
    z = norm.ppf((np.arange(20_000) + 0.5) / 20_000)
    expected = np.maximum(best - np.abs(mean[:, None] + spread[:, None] * z - 0.44), 0).mean(axis=1)
    assert expected.max() > 1e-3
    np.testing.assert_allclose(ours, expected, rtol=0.05, atol=0.02 * expected.max())


@pytest.mark.slow
def test_two_objectives_are_worth_the_hypervolume() -> None:
    evidence = told(TWO, lambda x: {"y": float(np.sin(6 * x)), "z": float(x**2 - x)})
    ours = np.exp(learned(TWO, evidence).values(AT))
    signs = torch.tensor([1.0, -1.0]).double()
    y = torch.as_tensor(evidence.y) * signs
    with isolated(0, torch=True), torch.no_grad():
        reference = _reference(TWO, evidence, lambda y: y * signs)
        analytic: Any = ExpectedHypervolumeImprovement
        closed = analytic(
            _Turned(fitted(TWO, evidence)[0].botorch(), signs),
            reference.tolist(),
            FastNondominatedPartitioning(reference, y),
        )
        expected = closed(torch.as_tensor(AT)[:, None, :]).numpy()
    assert expected.max() > 1e-3
    np.testing.assert_allclose(ours, expected, rtol=0.1, atol=0.05 * expected.max())


class _Turned(torch.nn.Module):
    """A model whose second quantity is to be maximized, as botorch wants it."""

    num_outputs = 2

    def __init__(self, model: Any, signs: torch.Tensor) -> None:
        super().__init__()
        self._model, self._signs = model, signs

    def posterior(self, x: torch.Tensor, **given: Any) -> Any:
        posterior = self._model.posterior(x)

        class Turned:
            mean = posterior.mean * self._signs
            variance = posterior.variance

        return Turned()


@pytest.mark.parametrize("streak", [0, 2])
@pytest.mark.parametrize("goal", ["maximize", "match"])
def test_worth_is_improvement_times_success_with_care_after_failures_in_a_row(streak: int, goal: Goal) -> None:
    problem = Problem(LINE, [Objective("y", goal, target=0.4 if goal == "match" else None)])
    good = [Trial.completed({"x": float(x)}, {"y": float(np.sin(6 * x))}) for x in GRID[:6]]
    bad = [Trial.failed({"x": float(x)}, "clogged") for x in GRID[6:8]]
    evidence = gather(problem, good + bad if streak else bad + good, [])
    with isolated(0, torch=True):
        models, success = fitted(problem, evidence)
        assert success is not None
        alone = worth_of(problem, evidence, models, None, 0).values(AT)
        both = worth_of(problem, evidence, models, success, 0).values(AT)
    np.testing.assert_allclose(both, alone + (CAUTION + streak) * success.log_probability(AT), rtol=1e-6)


@pytest.mark.parametrize("failures", [0, 2])
@pytest.mark.parametrize("problem", [Problem(LINE, [Objective("y", "match", target=0.4)]), TWO], ids=["target", "two"])
def test_slopes_are_those_of_differences(problem: Problem, failures: int) -> None:
    history = [Trial.completed({"x": float(x)}, waves(float(x))) for x in GRID]
    history += [Trial.failed({"x": 0.9 + 0.05 * i}, "no") for i in range(failures)]
    worth = learned(problem, gather(problem, history, [{"x": 0.61}]))
    with isolated(0, torch=True):
        value, gradient = worth.slopes(AT)
        np.testing.assert_allclose(value, worth.values(AT), rtol=1e-6, atol=1e-6)
        difference = (worth.values(AT + 1e-5) - worth.values(AT - 1e-5)) / 2e-5
    np.testing.assert_allclose(gradient[:, 0], difference, rtol=1e-2, atol=1e-3 * np.abs(difference).max())


@pytest.mark.parametrize(
    "problem",
    [Problem(LINE, [Objective("y")]), Problem(LINE, [Objective("y", "match", target=2.0)]), TWO],
    ids=["one", "target", "two"],
)
def test_a_pending_point_lowers_the_worth_around_it(problem: Problem) -> None:
    evidence = told(problem, lambda x: {"y": float(np.sin(3 * x)), "z": float(x)}, 0.1)
    worth = learned(problem, evidence)
    x = np.linspace(0, 1, 101)[:, None]
    with isolated(0, torch=True):
        x = x[[int(np.argmax(worth.values(x)))]]
        before = worth.values(x)[0]
        worth.add_pending(x)
        assert worth.values(x)[0] < before - 0.5


@pytest.mark.slow
@pytest.mark.parametrize("unit", [1e-12, 1e-6, 1e6])
@pytest.mark.parametrize(
    "planner", [Bayes(), LevelSet("y", 0.7), Learn()], ids=lambda planner: type(planner).__name__.lower()
)
def test_quantities_of_any_size_are_handled_alike(planner: Any, unit: float) -> None:
    # botorch's smoothing, jitter and least variances are in the unit of what it is given
    space = Space([Real("x", 0, 1), Real("v", 0, 1)])

    def proposed(unit: float, *objectives: Objective) -> Any:
        history = []
        for point in space.sample(10, 0):
            x, v = float(point["x"]), float(point["v"])
            history.append(Trial.completed(point, {"y": unit * (np.sin(4 * x) + v), "z": unit * x * (1 + v)}))
        asked = LevelSet("y", 0.7 * unit) if isinstance(planner, LevelSet) else planner
        (one,) = asked.suggest(Problem(space, objectives), history, n=1, seed=0)
        assert "fallback" not in one.info
        return one

    for plain, scaled, power in (
        ([Objective("y"), Objective("z", "minimize")],) * 2 + (2,),
        ([Objective("y", "match", target=0.5)], [Objective("y", "match", target=0.5 * unit)], 1),
    ):
        ours, expected = proposed(unit, *scaled), proposed(1.0, *plain)
        assert ours.point == pytest.approx(dict(expected.point), abs=0.01)
        told = "gain" if isinstance(planner, Bayes) else "taught"
        factor = unit**power if told == "gain" else 1.0
        assert ours.info[told] == pytest.approx(factor * expected.info[told], rel=0.01)
