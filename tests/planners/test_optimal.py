"""Optimal designs against closed forms, exhaustive search and other ways to write the same model down."""

import itertools
import math
from typing import Literal

import numpy as np
import pytest
from numpy.typing import NDArray

from autolab.model.candidates import Candidates
from autolab.model.errors import DesignUnfit
from autolab.model.objectives import Objective
from autolab.model.parameters import Categorical, Integer, Mixture, Real
from autolab.model.problem import Problem
from autolab.model.space import Space
from autolab.model.trial import Trial
from autolab.planners.exchange import Exchange
from autolab.planners.optimal import DOptimal, IOptimal
from autolab.planners.pool import greatest, with_corners
from autolab.planners.terms import Terms, independent, products

Array = NDArray[np.float64]
NONE = np.zeros((0, 0))


def problem(*parameters: Real | Integer | Categorical | Mixture, constraints: tuple[str, ...] = ()) -> Problem:
    return Problem(Space(parameters, constraints), [Objective("q")])


def numbers(
    p: Problem, planner: DOptimal | IOptimal, n: int, history: tuple[Trial, ...] = ()
) -> list[tuple[float, ...]]:
    found = planner.suggest(p, history, n=n, seed=1)
    return sorted(tuple(float(x) for x in one.point.values()) for one in found)


# -- closed forms


def test_a_parabola_is_settled_at_the_ends_and_the_middle() -> None:
    assert numbers(problem(Real("x", -1, 1)), DOptimal(runs=3), 3) == [(-1.0,), (0.0,), (1.0,)]


def test_a_line_is_settled_at_its_ends_and_evenly_spread_runs_there() -> None:
    pool = Problem(Candidates({"x": list(np.linspace(-1, 1, 21))}), [Objective("q")])
    assert numbers(pool, DOptimal("linear", runs=2), 2) == [(-1.0,), (1.0,)]
    assert [x for (x,) in numbers(pool, DOptimal("linear", runs=4), 4)] == pytest.approx([-1.0, -0.9, 0.9, 1.0])


def test_four_runs_for_three_main_effects_are_half_a_cube() -> None:
    found = numbers(problem(*(Real(name, -1, 1) for name in "xyz")), DOptimal("linear", runs=4), 4)
    design = np.hstack([np.ones((4, 1)), np.array(found)])
    assert np.allclose(design.T @ design, 4 * np.eye(4))  # Hadamard's bound


def test_eight_runs_for_interactions_of_three_are_the_cube() -> None:
    found = numbers(problem(*(Real(name, -1, 1) for name in "xyz")), DOptimal("interactions", runs=8), 8)
    assert found == list(itertools.product((-1.0, 1.0), repeat=3))


def test_a_quadratic_blend_is_settled_at_corners_and_halves() -> None:
    found = numbers(problem(Mixture(["a", "b", "c"])), DOptimal(runs=6), 6)
    lattice = [(0, 0, 1), (0, 0.5, 0.5), (0, 1, 0), (0.5, 0, 0.5), (0.5, 0.5, 0), (1, 0, 0)]  # Kiefer 1961
    assert np.array(found) == pytest.approx(np.array(lattice), abs=1e-9)


def test_constrained_designs_lie_on_the_corners_that_constraints_make() -> None:
    p = problem(Real("x", 0, 1), Real("y", 0, 1), constraints=("x + y <= 1.5",))
    corners = np.array([(0, 0), (0, 1), (0.5, 1), (1, 0), (1, 0.5)])
    assert isinstance(p.space, Space)
    held = p.space.encode(with_corners(p.space, 1, frozenset(), 0, []))
    for corner in corners:
        assert np.abs(held - corner).max(axis=1).min() < 1e-9
    found = np.array(numbers(p, DOptimal("linear", runs=3), 3))  # the triangle of greatest area
    areas = [area(corners[list(some)]) for some in itertools.combinations(range(5), 3)]
    assert area(found) == pytest.approx(max(areas), rel=1e-9)


def area(triangle: Array) -> float:
    return abs(float(np.linalg.det(np.hstack([np.ones((3, 1)), triangle])))) / 2


# -- exhaustive search


@pytest.mark.parametrize("criterion", ["D", "I"])
@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("k", [0, 2])
def test_exchange_finds_what_exhaustive_search_does(criterion: Literal["D", "I"], seed: int, k: int) -> None:
    rng = np.random.default_rng(seed)
    points = rng.random((11, 2))
    terms = Terms("linear", points)
    g = terms.at(points)
    search = Exchange(g, terms.at(rng.random((k, 2))), g.T @ g / len(g), criterion)
    found = search.best(4, rng)
    best = max(itertools.combinations(range(11), 4), key=lambda some: search.score(list(some)))
    assert search.score(found) == pytest.approx(search.score(list(best)), rel=1e-9)


def test_scores_are_what_they_are_named_after() -> None:
    rng = np.random.default_rng(0)
    g, region = rng.normal(size=(8, 3)), rng.normal(size=(500, 3))
    moments = region.T @ region / len(region)
    information = g.T @ g
    for criterion, wanted in (
        ("D", math.log(np.linalg.det(information))),
        ("I", -float(np.mean([r @ np.linalg.inv(information) @ r for r in region]))),
    ):
        search = Exchange(g, np.zeros((0, 3)), moments, criterion)  # type: ignore[arg-type]  # both are criteria
        assert search.score(list(range(8))) == pytest.approx(wanted, abs=1e-4)
    assert search.variance(list(range(8))) == pytest.approx(-wanted, rel=1e-9)
    assert search.variance([0, 1]) is None


def test_the_variance_told_is_that_of_predictions_by_least_squares() -> None:
    p = problem(Real("x", -1, 1))
    found = DOptimal("linear", runs=2).suggest(p, [], n=2, seed=1)
    assert found[0].info["terms"] == 2
    # runs at -1 and 1: Var(x) = (1 + x^2) / 2, on average over -1..1 that is 2/3
    assert found[0].info["variance"] == pytest.approx(2 / 3, abs=0.02)


# -- the model


@pytest.mark.parametrize("q", [2, 3, 5])
def test_terms_of_a_mixture_are_as_many_as_scheffes(q: int) -> None:
    points = np.random.default_rng(0).dirichlet(np.ones(q), 300)
    assert Terms("linear", points).count == q
    assert Terms("quadratic", points).count == Terms("interactions", points).count == q * (q + 1) // 2


def test_terms_of_numbers_and_choices_are_counted() -> None:
    space = Space([Real("x", 0, 1), Integer("k", 1, 2), Categorical("c", ["p", "q", "r"])])
    points = space.encode(space.sample(200, 0))
    assert Terms("linear", points).count == 1 + 1 + 1 + 2
    assert Terms("interactions", points).count == 5 + 1 + 2 + 2
    assert Terms("quadratic", points).count == 10 + 1  # the square of a factor with two values is constant


def test_terms_are_orthonormal_over_the_points_and_span_the_products() -> None:
    points = np.random.default_rng(0).random((100, 3))
    at = Terms("quadratic", points).at(points)
    assert at.T @ at / 100 == pytest.approx(np.eye(10), abs=1e-9)
    raw = products(points, "quadratic")
    assert np.linalg.matrix_rank(np.hstack([at, raw])) == 10


def test_dependent_columns_are_left_out_and_earlier_ones_stay() -> None:
    rng = np.random.default_rng(0)
    a, b = rng.normal(size=(2, 50))
    assert independent(np.stack([a, 2 * a, b, a - 3 * b, np.zeros(50), a * b], axis=1)) == [0, 2, 5]


def test_designs_for_a_mixture_do_not_depend_on_how_the_model_is_written() -> None:
    space = Space([Mixture(["a", "b", "c"], bounds={"a": (0.1, 0.6), "b": (0.0, 0.7)})])
    points = space.encode(with_corners(space, 1, frozenset(), 0, space.sample(200, 0)))
    amounts = np.array([[float(x) for x in point.values()] for point in space.decode(points)])
    pairs = [amounts[:, i] * amounts[:, j] for i, j in ((0, 1), (0, 2), (1, 2))]
    scheffe = np.hstack([amounts, np.stack(pairs, axis=1)])
    ours = Terms("quadratic", points).at(points)
    some = [np.random.default_rng(i).choice(len(points), 8, replace=False) for i in range(6)]
    ratio = [np.linalg.slogdet(ours[s].T @ ours[s])[1] - np.linalg.slogdet(scheffe[s].T @ scheffe[s])[1] for s in some]
    assert ratio == pytest.approx([ratio[0]] * 6, abs=1e-5)


# -- a design in several calls


@pytest.mark.parametrize("planner", [DOptimal(runs=14), IOptimal(runs=14)], ids=str)
def test_a_design_that_comes_one_by_one_is_nearly_as_good_as_one_planned_at_once(planner: DOptimal | IOptimal) -> None:
    p = problem(Real("x", 0, 1), Real("y", 0, 1), Integer("k", 1, 9))
    whole = planner.suggest(p, [], n=14, seed=0)
    history: list[Trial] = []
    for call in range(14):
        (one,) = planner.suggest(p, history, n=1, seed=call)
        history.append(Trial.completed(one.point, {"q": 0.0}))
    region = p.space.encode(p.space.sample(2000, 3))
    terms = Terms("quadratic", region)
    candidates = terms.at(p.space.encode([*(one.point for one in whole), *(trial.point for trial in history)]))
    search = Exchange(
        candidates, np.zeros((0, terms.count)), np.eye(terms.count), "D" if planner == DOptimal(runs=14) else "I"
    )
    at_once, one_by_one = search.score(list(range(14))), search.score(list(range(14, 28)))
    if isinstance(planner, DOptimal):
        assert math.exp((one_by_one - at_once) / terms.count) > 0.97
    else:
        assert at_once / one_by_one > 0.95


def test_imported_points_count_as_runs_and_failed_ones_tell_nothing() -> None:
    p = problem(Real("x", -1, 1))
    ends = [{"x": -1.0}, {"x": 1.0}]
    done = tuple(Trial.completed(point, {"q": 1.0}) for point in ends)
    assert numbers(p, DOptimal(), 1, done) == [(0.0,)]
    failed = tuple(Trial.failed(point, "clogged") for point in ends)
    (told,) = DOptimal().suggest(p, [*failed, Trial.completed({"x": 0.0}, {"q": 1.0})], n=1, seed=1)
    assert "variance" not in told.info  # two runs that count, three terms
    assert abs(float(told["x"])) > 0.9


def test_fewer_runs_than_terms_are_refused() -> None:
    with pytest.raises(DesignUnfit, match=r"d_optimal: 5 runs cannot settle the 6 terms of a quadratic model"):
        DOptimal(runs=5).suggest(problem(Real("x", 0, 1), Real("y", 0, 1)), [], n=1, seed=1)


def test_i_optimal_predicts_better_and_d_optimal_settles_better() -> None:
    p = problem(Real("x", -1, 1), Real("y", -1, 1))
    d, i = (kind(runs=9).suggest(p, [], n=9, seed=1) for kind in (DOptimal, IOptimal))
    assert i[0].info["variance"] <= d[0].info["variance"]
    terms = [products(p.space.encode([one.point for one in found]), "quadratic") for found in (d, i)]
    at_d, at_i = (np.linalg.slogdet(g.T @ g)[1] for g in terms)
    assert at_d >= at_i - 1e-9


def test_of_values_that_rounding_tells_apart_the_first_is_taken() -> None:
    assert greatest(np.array([1.0, 3.0, 3.0 + 1e-12, 2.0])) == 1
    assert greatest(np.array([-np.inf, -2.0, -1.0])) == 2
    assert greatest(np.array([0.0, 0.0])) == 0
