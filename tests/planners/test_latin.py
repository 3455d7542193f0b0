import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.stats import qmc

from autolab.model.candidates import Candidates
from autolab.model.objectives import Objective
from autolab.model.parameters import Categorical, Integer, Mixture, Real
from autolab.model.problem import Problem
from autolab.model.space import Space
from autolab.model.trial import Trial
from autolab.planners.conditioned import Strata, conditioned
from autolab.planners.lhs import LatinHypercube, quantiles

BOX = Problem(Space([Real("x", 0, 1), Real("y", -10, 10), Real("z", 0.01, 100, log=True)]), [Objective("q")])


def strata(encoded: NDArray[np.float64], runs: int) -> list[list[int]]:
    return [sorted((column * runs).astype(int)) for column in encoded.T]


def encoded(problem: Problem, trials: list[Trial]) -> NDArray[np.float64]:
    return problem.space.encode([trial.point for trial in trials])


@pytest.mark.parametrize("runs", [1, 2, 7, 20])
def test_each_parameter_has_one_point_a_stratum(runs: int) -> None:
    found = LatinHypercube(runs).suggest(BOX, [], n=runs, seed=4)
    assert strata(BOX.space.encode([one.point for one in found]), runs) == [list(range(runs))] * 3


def test_it_is_more_even_than_hypercubes_at_random() -> None:
    found = LatinHypercube().suggest(BOX, [], n=16, seed=4)
    ours = qmc.discrepancy(BOX.space.encode([one.point for one in found]))
    plain = [qmc.discrepancy(qmc.LatinHypercube(3, rng=np.random.default_rng(i)).random(16)) for i in range(50)]
    assert ours < min(plain)


@pytest.mark.parametrize("batch", [1, 3])
def test_calls_with_other_seeds_complete_one_hypercube(batch: int) -> None:
    history: list[Trial] = []
    for call in range(12 // batch):
        found = LatinHypercube(12).suggest(BOX, history, n=batch, seed=100 + call)
        history += [Trial.completed(one.point, {"q": 0.0}) for one in found]
    assert strata(encoded(BOX, history), 12) == [list(range(12))] * 3


def test_what_the_journal_tells_of_a_design_lets_other_seeds_go_on_with_it() -> None:
    whole = LatinHypercube(8).suggest(BOX, [], n=8, seed=7)
    history: list[Trial] = []
    for call in range(8):
        (one,) = LatinHypercube(8).suggest(BOX, history, n=1, seed=7 + call)
        history.append(Trial(call + 1, one.point, "failed", info=one.info))
    assert [trial.point for trial in history] == [one.point for one in whole]
    other = [Trial(1, one.point, "failed", info={**one.info, "runs": 9}) for one in whole[:4]]
    found = LatinHypercube(8).suggest(BOX, other, n=4, seed=8)  # of another design: its strata are completed
    assert {one["x"] for one in found}.isdisjoint(one["x"] for one in whole)
    assert strata(encoded(BOX, [*other, *(Trial(0, one.point) for one in found)]), 8) == [list(range(8))] * 3


def test_points_of_others_fill_their_strata() -> None:
    given = [Trial.completed({"x": x, "y": 20 * x - 10, "z": 1.0}, {"q": 0.0}) for x in (0.05, 0.15, 0.55)]
    found = LatinHypercube(10).suggest(BOX, given, n=7, seed=3)
    both = encoded(BOX, given + [Trial.completed(one.point, {"q": 0.0}) for one in found])
    assert strata(both, 10)[:2] == [list(range(10))] * 2
    assert len(set(strata(both, 10)[2])) == 8  # all three lie in one stratum of z


def test_values_of_a_grid_and_labels_come_equally_often() -> None:
    problem = Problem(Space([Integer("k", 1, 3), Categorical("c", list("pqrs")), Real("x", 0, 1)]), [Objective("y")])
    history: list[Trial] = []
    for call in range(4):
        found = LatinHypercube(12).suggest(problem, history, n=3, seed=call)
        history += [Trial.completed(one.point, {"y": 0.0}) for one in found]
    for name, share in (("k", 4), ("c", 3)):
        counts = {value: [t.point[name] for t in history].count(value) for value in {t.point[name] for t in history}}
        assert set(counts.values()) == {share}


def test_points_of_one_value_lie_evenly_over_its_share() -> None:
    space = Space([Integer("k", 1, 2), Real("x", 0, 1)])
    known = space.encode([{"k": 1, "x": 0.3}, {"k": 2, "x": 0.6}, {"k": 1, "x": 0.9}])
    assert quantiles(space, known) == pytest.approx(np.array([[0.125, 0.3], [0.75, 0.6], [0.375, 0.9]]))


def test_more_runs_than_points_give_all_there_are() -> None:
    problem = Problem(Space([Integer("k", 1, 3), Categorical("c", ["p", "q"])]), [Objective("y")])
    found = LatinHypercube(20).suggest(problem, [], n=6, seed=1)
    assert len({problem.space.key(one) for one in found}) == 6


def test_a_pool_that_holds_latin_squares_yields_one() -> None:
    side = 6
    pool = np.array([[i, j] for i in range(side) for j in range(side)]) / (side - 1)
    for seed in range(5):
        chosen = pool[conditioned(pool, side, side, np.zeros((0, 2)), np.random.default_rng(seed))]
        for column in chosen.T:
            assert len(np.unique(column)) == side


def test_strata_want_the_share_of_the_pool_that_they_hold() -> None:
    pool = np.array([[0.0], [0.0], [0.0], [1.0]])
    sought = Strata(pool, 8)
    assert sought.wanted.tolist() == [6.0, 2.0]
    assert sought.misfit(np.array([[0.0]] * 6 + [[1.0]] * 2)) == 0.0
    assert sought.misfit(np.array([[0.0]] * 8)) == 8.0


@pytest.mark.parametrize(
    "problem",
    [
        Problem(Space([Mixture(["a", "b", "c"]), Real("T", 20, 60)], ["a + 0.01*T <= 1.1"]), [Objective("y")]),
        Problem(
            Candidates({"u": [round(x**2, 6) for x in np.linspace(0, 1, 200)], "w": ["e", "e", "f", "g"] * 50}),
            [Objective("y")],
        ),
    ],
    ids=["constrained", "pool"],
)
def test_a_conditioned_hypercube_spreads_better_than_chance(problem: Problem) -> None:
    region = problem.space.encode(problem.space.sample(1000, 1))
    sought = Strata(region, 12)
    found = LatinHypercube(12).suggest(problem, [], n=12, seed=2)
    ours = sought.misfit(problem.space.encode([one.point for one in found]))
    chance = [sought.misfit(problem.space.encode(problem.space.sample(12, seed))) for seed in range(10, 60)]
    assert ours < min(chance)
