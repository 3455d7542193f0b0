"""Cases: what is measured, what counts, and what it is worth."""

from __future__ import annotations

import math
import pickle
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from autolab.model.errors import InputError, TrialFailed
from autolab.model.objectives import Objective, OutcomeConstraint
from autolab.model.parameters import Integer, Real
from autolab.model.problem import Problem
from autolab.model.space import Space
from autolab.model.trial import Measurement, Point
from autolab.study.case import Case, Noisy, median_utility

PLANE = Space([Real("a", 0, 2), Real("b", 0, 2)])


def two(point: Point) -> dict[str, float]:
    return {"a_": float(point["a"]), "b_": float(point["b"])}


def plane(goal: str = "maximize", reference: tuple[float, ...] = (0.0, 0.0)) -> Case:
    objectives = [Objective("a_", goal), Objective("b_", goal)]  # type: ignore[arg-type]  # a goal
    return Case("plane", Problem(PLANE, objectives), two, 0.0, 4.0, reference)


def test_the_best_so_far(case: Case) -> None:
    assert case.scores([{"k": k} for k in (3, 1, 5, 4)]) == [9.0, 9.0, 25.0, 25.0]


def test_failures_count_for_nothing(case: Case) -> None:
    assert case.scores([{"k": k} for k in (7, 2, 7)]) == [None, 4.0, 4.0]


def test_a_value_to_minimize_has_its_negative_as_score(case: Case) -> None:
    down = replace(case, problem=Problem(case.problem.space, [Objective("y", "minimize")]))

    assert down.scores([{"k": k} for k in (3, 5, 1)]) == [-9.0, -9.0, -1.0]
    assert (down.minimized, case.minimized) == (True, False)


def test_points_that_break_an_outcome_constraint_count_for_nothing(case: Case) -> None:
    limit = [OutcomeConstraint("y", "<=", 20.0)]
    limited = replace(case, problem=Problem(case.problem.space, [Objective("y")], limit))

    assert limited.scores([{"k": k} for k in (9, 3, 5, 4)]) == [None, 9.0, 9.0, 16.0]


def test_the_hypervolume_so_far_is_that_of_a_staircase() -> None:
    points: list[Point] = [
        {"a": 1.0, "b": 1.0},
        {"a": 0.5, "b": 0.5},
        {"a": 2.0, "b": 0.5},
        {"a": 0.5, "b": 2.0},
        {"a": 2, "b": 2},
    ]

    assert plane().scores(points) == pytest.approx([1.0, 1.0, 1.5, 2.0, 4.0])


def test_the_hypervolume_of_what_is_minimized_and_of_points_beyond_the_reference() -> None:
    points: list[Point] = [{"a": 1.5, "b": 0.1}, {"a": 0.5, "b": 0.5}, {"a": 0.0, "b": 1.0}]

    assert plane("minimize", (-1.0, -1.0)).scores(points) == pytest.approx([0.0, 0.25, 0.25])


def test_hypervolumes_agree_with_counting_random_points() -> None:
    random = np.random.default_rng(3)
    points = [{"a": float(a), "b": float(b)} for a, b in random.random((12, 2)) * 2]
    thrown = random.random((200_000, 2)) * 2
    under = np.any([(thrown <= [point["a"], point["b"]]).all(axis=1) for point in points], axis=0).mean() * 4

    assert plane().scores(points)[-1] == pytest.approx(under, abs=0.02)


def test_the_share_of_the_best(pool: Case, case: Case) -> None:
    assert pool.shares([{"k": k} for k in (3, 9, 9, 8)]) == [0.0, 0.5, 0.5, 1.0]
    assert case.shares([{"k": 9}]) == []


def test_a_trial_is_measured_or_fails(case: Case) -> None:
    good, bad = case.perform({"k": 3}, seed=1, number=4), case.perform({"k": 7}, seed=1, number=5)

    assert (good.number, good.state, good.outcome["y"]) == (4, "completed", Measurement(9.0))
    assert (bad.state, bad.reason) == ("failed", "the seventh clogs")


def test_noise_depends_on_seed_and_number_alone(case: Case) -> None:
    noisy = replace(case, measure=Noisy(2.0))
    seen = [
        noisy.perform({"k": 3}, seed, number).outcome["y"].value for seed, number in [(1, 1), (1, 1), (1, 2), (2, 1)]
    ]
    other = noisy.perform({"k": 4}, 1, 1).outcome["y"].value

    assert seen[0] == seen[1]
    assert len(set(seen)) == 3
    assert other - 16.0 == pytest.approx(seen[0] - 9.0)


def test_noise_has_its_deviation_and_may_be_told(case: Case) -> None:
    noisy = replace(case, measure=Noisy(2.0, told=True))
    outcomes = [noisy.perform({"k": 3}, 0, number).outcome["y"] for number in range(1, 401)]
    values = np.array([one.value for one in outcomes]) - 9.0

    assert {one.standard_error for one in outcomes} == {2.0}
    assert abs(values.mean()) < 4 * 2.0 / math.sqrt(400)
    assert values.std() == pytest.approx(2.0, rel=0.15)


def test_the_score_is_of_the_truth_and_not_of_the_noise(case: Case) -> None:
    assert replace(case, measure=Noisy(50.0)).scores([{"k": 3}]) == [9.0]


def test_starts_are_the_same_for_one_seed(case: Case) -> None:
    assert case.starts(4, 1) == case.starts(4, 1) != case.starts(4, 2)
    assert case.starts(0, 1) == []
    assert len({point["k"] for point in case.starts(10, 1)}) == 10


def test_a_case_can_be_sent_to_another_process(pool: Case) -> None:
    pool.problem.space.encode([{"k": 1}])
    again = pickle.loads(pickle.dumps(replace(pool, problem=pool.problem)))  # noqa: S301  our own

    assert again == pool


@pytest.mark.parametrize("high", [0.0, -1.0, math.nan])
def test_an_optimum_must_be_above_the_median(case: Case, high: float) -> None:
    with pytest.raises(InputError, match="case 'squares': the best score must be above the median"):
        replace(case, high=high)


def test_a_reference_is_for_several_objectives(case: Case) -> None:
    with pytest.raises(InputError, match="several objectives need a reference point"):
        replace(case, reference=(0.0,))
    with pytest.raises(InputError, match="several objectives need a reference point"):
        plane(reference=())


def linear(point: Point) -> dict[str, float]:
    return {"y": float(point["k"])}


def test_the_median_of_a_space() -> None:
    problem = Problem(Space([Integer("k", 0, 100)]), [Objective("y")])

    assert median_utility(problem, linear) == 50.0


def test_the_median_is_of_what_keeps_the_constraints() -> None:
    space = Space([Integer("k", 0, 100)])

    assert median_utility(Problem(space, [Objective("y")], [OutcomeConstraint("y", "<=", 20.0)]), linear) == 10.0
    assert median_utility(Problem(space, [Objective("y")], [OutcomeConstraint("y", ">=", 101.0)]), linear) == 0.0


def failing(at: int) -> Callable[[Point], dict[str, float]]:
    def truth(point: Point) -> dict[str, float]:
        if float(point["k"]) >= at:
            raise TrialFailed("clogged")
        return {"y": float(point["k"])}

    return truth


def test_the_median_leaves_failures_out() -> None:
    problem = Problem(Space([Integer("k", 0, 100)]), [Objective("y")])

    assert median_utility(problem, failing(11)) == 5.0
    with pytest.raises(InputError, match="no point at random can be measured"):
        median_utility(problem, failing(0))
