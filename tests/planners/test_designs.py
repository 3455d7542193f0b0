import numpy as np
import pytest
from scipy.stats import qmc

from autolab.model.candidates import Candidates
from autolab.model.errors import PlannerError
from autolab.model.objectives import Objective
from autolab.model.parameters import Categorical, Mixture, Real
from autolab.model.problem import Problem
from autolab.model.space import Space
from autolab.model.trial import Trial
from autolab.planners.bayes import Bayes
from autolab.planners.designs import evenest, farthest, fill
from autolab.planners.preference import Preference
from autolab.planners.sobol import Sobol

BOX = Space([Real("x", 0, 1), Real("y", -10, 10), Real("z", 0.01, 100, log=True)])
NONE = np.zeros((0, 3))


def test_a_first_design_is_a_balanced_sobol_sequence() -> None:
    encoded = BOX.encode(fill(BOX, 16, NONE, frozenset(), 3))
    for column in encoded.T:  # one point in each sixteenth, as a scrambled Sobol sequence has it
        assert sorted((column * 16).astype(int)) == list(range(16))


def test_points_added_one_by_one_are_more_even_than_random_ones() -> None:
    problem = Problem(BOX, [Objective("q")])
    history: list[Trial] = []
    for step in range(16):
        (point,) = Sobol().suggest(problem, history, n=1, seed=step)
        history.append(Trial.completed(point.point, {"q": 0.0}))
    ours = qmc.discrepancy(BOX.encode([trial.point for trial in history]))
    random = [qmc.discrepancy(BOX.encode(BOX.sample(16, seed))) for seed in range(20)]
    assert ours < min(random)


def test_farthest_points_of_a_square_are_its_corners() -> None:
    grid = np.array([[i, j] for i in range(5) for j in range(5)]) / 4
    chosen = grid[farthest(grid, 5, np.zeros((0, 2)))]
    assert chosen[0].tolist() == [0.5, 0.5]
    assert sorted(map(tuple, chosen[1:])) == [(0, 0), (0, 1), (1, 0), (1, 1)]
    assert grid[farthest(grid, 1, np.array([[0.0, 0.0]]))[0]].tolist() == [1.0, 1.0]


def test_the_evenest_point_beside_one_half_is_in_the_other() -> None:
    pool = np.array([[0.1], [0.3], [0.74], [0.99]])
    assert pool[evenest(pool, 1, np.array([[0.25]]))[0]] == 0.74


def test_a_constrained_space_is_filled_to_its_corners() -> None:
    space = Space([Mixture(["a", "b", "c"])])
    points = space.encode(fill(space, 4, NONE, frozenset(), 0))
    for corner in np.eye(3):
        assert np.abs(points - corner).sum(axis=1).min() < 0.5


def test_a_design_covers_every_category() -> None:
    space = Space([Categorical("c", list("pqrs")), Real("x", 0, 1)])
    assert {point["c"] for point in fill(space, 4, np.zeros((0, 5)), frozenset(), 0)} == set("pqrs")
    pool = Candidates({"c": ["p"] * 50 + ["q"], "x": [i / 50 for i in range(51)]})
    assert {point["c"] for point in fill(pool, 3, np.zeros((0, 3)), frozenset(), 0)} == {"p", "q"}


@pytest.mark.parametrize("seed", [0, 1])
def test_points_taken_are_left_out(seed: int) -> None:
    pool = Candidates({"x": list(range(10))})
    taken = frozenset(pool.key(point) for point in pool.points[:8])
    assert {p["x"] for p in fill(pool, 2, pool.encoded[:8], taken, seed)} == {8, 9}


# -- the middle first


@pytest.mark.parametrize("n", [1, 5])
def test_a_box_has_its_center_first(n: int) -> None:
    first, *rest = fill(BOX, n, NONE, frozenset(), 3, centered=True)
    np.testing.assert_allclose([float(value) for value in first.values()], [0.5, 0.0, 1.0], atol=1e-12)
    assert len({BOX.key(point) for point in (first, *rest)}) == n


def test_a_pool_and_a_mixture_have_what_lies_amid_the_others_first() -> None:
    pool = Candidates({"x": [float(x) for x in range(41)]})
    assert fill(pool, 3, np.zeros((0, 1)), frozenset(), 0, centered=True)[0] == {"x": 20.0}
    mixture = Space([Mixture(["a", "b", "c"])])
    point, _ = fill(mixture, 2, NONE, frozenset(), 0, centered=True)
    np.testing.assert_allclose([float(value) for value in point.values()], [1 / 3] * 3, atol=0.1)


@pytest.mark.parametrize(("there", "again"), [([0.5, 0.5, 0.6], False), ([0.9, 0.1, 0.9], True)])
def test_it_is_not_asked_for_where_something_is_known_near_it(there: list[float], again: bool) -> None:
    known = np.array([there])
    (point,) = fill(BOX, 1, known, frozenset(), 0, centered=True)
    assert (np.abs(BOX.encode([point])[0] - 0.5).max() < 1e-9) == again


def test_a_middle_that_is_taken_is_left_out() -> None:
    pool = Candidates({"x": [0.0, 1.0, 2.0]})
    found = fill(pool, 2, np.zeros((0, 1)), frozenset({pool.key({"x": 1.0})}), 0, centered=True)
    assert sorted(float(point["x"]) for point in found) == [0.0, 2.0]
    with pytest.raises(PlannerError, match=r"4 distinct points .* has 3 left \(0 are tried"):
        fill(pool, 4, np.zeros((0, 1)), frozenset(), 0, centered=True)


@pytest.mark.parametrize("planner", [Bayes(), Preference()])
def test_planners_with_a_model_begin_there(planner: Bayes | Preference) -> None:
    (found,) = planner.suggest(Problem(BOX, [Objective("q")]), [], n=1, seed=1)
    np.testing.assert_allclose(BOX.encode([found.point]), 0.5)
