"""Models, acquisition and coordinates against closed forms."""

import numpy as np
import pytest
import torch
from botorch.acquisition.analytic import ExpectedImprovement

from autolab.model.objectives import Objective, OutcomeConstraint
from autolab.model.parameters import Categorical, Integer, Mixture, Real
from autolab.model.problem import Problem
from autolab.model.space import Space
from autolab.model.trial import Trial
from autolab.planners.acquisition import Worth, values
from autolab.planners.coordinates import Coordinates
from autolab.planners.evidence import gather
from autolab.planners.feasibility import Success
from autolab.planners.isolation import isolated
from autolab.planners.surrogate import outcome_model, predictions

GRID = np.linspace(0, 1, 9)
LINE = Space([Real("x", 0, 1)])


def told(problem: Problem, f, error: float | None = 1e-3):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN201
    history = [Trial.completed({"x": float(x)}, {k: (v, error) for k, v in f(x).items()}) for x in GRID]
    return gather(problem, history, [])


def test_a_model_agrees_with_the_equations_of_gaussian_process_regression() -> None:
    evidence = told(Problem(LINE, [Objective("y")]), lambda x: {"y": 40 + 7 * np.sin(5 * x)}, 0.5)
    with isolated(0):
        model = outcome_model(evidence)
        x = np.linspace(0, 1, 5)[:, None]
        mean, spread = predictions(model, x)
        kernel = model.covar_module
        with torch.no_grad():
            k = kernel(torch.as_tensor(evidence.x)).to_dense().numpy()
            cross = kernel(torch.as_tensor(x), torch.as_tensor(evidence.x)).to_dense().numpy()
            prior = kernel(torch.as_tensor(x)).to_dense().numpy()
            center = float(model.mean_module.constant)
    y = evidence.y[:, 0]
    scale = y.std(ddof=1)
    z = (y - y.mean()) / scale
    gain = np.linalg.solve(k + np.eye(9) * (0.5 / scale) ** 2, np.column_stack([z - center, cross.T]))
    np.testing.assert_allclose(mean[:, 0], y.mean() + scale * (center + cross @ gain[:, 0]), rtol=1e-6)
    variance = np.diag(prior - cross @ gain[:, 1:])
    np.testing.assert_allclose(spread[:, 0], scale * np.sqrt(variance), rtol=1e-4)


@pytest.mark.parametrize(("goal", "sign"), [("maximize", 1.0), ("minimize", -1.0)])
def test_worth_is_expected_improvement_where_noise_is_nothing(goal: str, sign: float) -> None:
    problem = Problem(LINE, [Objective("y", goal)])  # type: ignore[arg-type]
    evidence = told(problem, lambda x: {"y": np.sin(6 * x)}, 1e-3)
    x = np.array([[0.05], [0.3], [0.55], [0.83]])
    with isolated(0):
        model = outcome_model(evidence)
        ours = np.exp(values(Worth(problem, evidence, model, None, 0), x))
        best = float((sign * evidence.y).max())
        closed = ExpectedImprovement(model, best_f=sign * best, maximize=sign > 0)
        with torch.no_grad():
            expected = closed(torch.as_tensor(x)[:, None, :]).numpy()
    np.testing.assert_allclose(ours, expected, atol=0.02 * expected.max() + 1e-3)


def test_an_outcome_constraint_weighs_by_the_probability_that_it_holds() -> None:
    plain = Problem(LINE, [Objective("y")])
    limited = Problem(LINE, [Objective("y")], [OutcomeConstraint("c", "<=", 0.6)])

    def f(x: float) -> dict[str, float]:
        return {"y": float(np.sin(6 * x)), "c": float(x)}

    x = np.array([[0.1], [0.95]])
    with isolated(0):
        one = told(plain, f)
        free = values(Worth(plain, one, outcome_model(one), None, 0), x)
        two = told(limited, f)
        kept = values(Worth(limited, two, outcome_model(two), None, 0), x)
    assert kept[0] == pytest.approx(free[0], abs=0.6)
    assert kept[1] < free[1] - 5  # c = 0.95 breaks the bound for certain


def test_matching_a_target_is_worth_most_where_it_is_met() -> None:
    problem = Problem(LINE, [Objective("y", "match", target=0.44)])
    evidence = told(problem, lambda x: {"y": float(x)})
    x = np.linspace(0, 1, 101)[:, None]
    with isolated(0):
        worth = values(Worth(problem, evidence, outcome_model(evidence), None, 0), x)
    assert x[int(np.argmax(worth)), 0] == pytest.approx(0.44, abs=0.011)


@pytest.mark.parametrize("streak", [0, 2])
def test_worth_is_improvement_times_success_with_care_after_failures_in_a_row(streak: int) -> None:
    problem = Problem(LINE, [Objective("y")])
    good = [Trial.completed({"x": float(x)}, {"y": float(np.sin(6 * x))}) for x in GRID[:6]]
    bad = [Trial.failed({"x": float(x)}, "clogged") for x in GRID[6:8]]
    evidence, x = gather(problem, good + bad if streak else bad + good, []), np.array([[0.33], [0.8]])
    with isolated(0):
        model, success = outcome_model(evidence), Success(evidence.x, evidence.failed)
        alone = values(Worth(problem, evidence, model, None, 0), x)
        both = values(Worth(problem, evidence, model, success, 0), x)
        chances = success.probabilities(x)
    np.testing.assert_allclose(both, np.array(alone) + (1 + streak) * np.log(chances), rtol=1e-6)


def test_a_pending_point_lowers_the_worth_around_it() -> None:
    problem = Problem(LINE, [Objective("y")])
    evidence = told(problem, lambda x: {"y": float(np.sin(3 * x))}, 0.1)
    x = np.linspace(0, 1, 101)[:, None]
    with isolated(0):
        worth = Worth(problem, evidence, outcome_model(evidence), None, 0)
        x = x[[int(np.argmax(values(worth, x)))]]
        before = values(worth, x)[0]
        worth.add_pending(torch.as_tensor(x))
        assert values(worth, x)[0] < before - 0.5


def test_an_equality_that_says_nothing_new_is_left_out() -> None:
    space = Space([Real("x", 0, 1), Real("y", 0, 1), Real("z", 0, 1)], ["x + y == 1", "2*x + 2*y == 2", "y - z == 0"])
    s = Coordinates(space).of(space.sample(1, 0)[0])
    inequalities, equalities = Coordinates(space).constraints(s, np.arange(3))
    assert (len(inequalities), len(equalities)) == (0, 2)


def test_search_coordinates_go_round_and_encode_as_the_space_does() -> None:
    space = Space(
        [
            Mixture(["a", "b", "s"], at_most=2, bounds={"s": (0.2, 0.8)}),
            Real("T", 20, 50, log=True),
            Real("rate", 0.01, 10, log=True),
            Integer("k", 0, 9),
            Categorical("c", ["p", "q"], {"p": {"u": 1, "v": 5}, "q": {"u": 2, "v": 3}}),
        ],
        ["T + 10*a + k <= 55"],
    )
    coordinates = Coordinates(space)
    for point in space.sample(20, 0):
        s = coordinates.of(point)
        assert space.key(space.snap(coordinates.point(s))) == space.key(point)
        np.testing.assert_allclose(coordinates.encode(torch.as_tensor(s)).numpy(), space.encode([point])[0], atol=1e-12)
        free = np.flatnonzero(~coordinates.held(s))
        inequalities, equalities = coordinates.constraints(s, free)
        for index, weights, bound in inequalities:
            assert float(weights @ torch.as_tensor(s[free])[index]) >= bound - 1e-9
        for index, weights, bound in equalities:
            assert float(weights @ torch.as_tensor(s[free])[index]) == pytest.approx(bound, abs=1e-9)
        lower, upper = coordinates.bounds(s)
        assert ((s >= lower - 1e-12) & (s <= upper + 1e-12)).all()
