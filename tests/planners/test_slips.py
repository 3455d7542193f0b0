"""Slips: values that must be wrong are left aside and told, others are not; far-out bad values do not set the scale."""

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np
import pytest

from autolab.model.objectives import Objective, OutcomeConstraint
from autolab.model.parameters import Real
from autolab.model.problem import Problem
from autolab.model.space import Space
from autolab.model.trial import Trial
from autolab.planners.bayes import Bayes
from autolab.planners.evidence import gather
from autolab.planners.isolation import isolated
from autolab.planners.output_warping import drawn_in
from autolab.planners.slips import good_sides, without_slips

SQUARE = Space([Real("a", 0, 1), Real("b", 0, 1)])
HIGH = Problem(SQUARE, [Objective("y", "maximize")])
LOW = Problem(SQUARE, [Objective("y", "minimize")])


def hill(a: float, b: float) -> float:
    return float(10.0 * np.exp(-3 * ((a - 0.6) ** 2 + (b - 0.3) ** 2)))


def trials(values: Callable[[float, float], float] = hill, n: int = 24, seed: int = 1) -> list[Trial]:
    points = SQUARE.sample(n, seed)
    return [Trial.completed(point, {"y": values(float(point["a"]), float(point["b"]))}) for point in points]


def slipped(history: Sequence[Trial], wrong: dict[int, float]) -> list[Trial]:
    return [Trial.completed(one.point, {"y": wrong[i]}) if i in wrong else one for i, one in enumerate(history)]


def found(history: Sequence[Trial], problem: Problem = HIGH) -> list[int]:
    evidence = gather(problem, history, ())
    with isolated(0):
        left = without_slips(problem, evidence)
    points = [dict(one.point) for one in history]
    assert len(left.x) == len(left.y) == len(left.error) == len(left.points) == len(history) - len(left.slips)
    return sorted(points.index(dict(point)) for point in left.slips)


@pytest.mark.parametrize("places", [[5], [5, 11], [3, 5, 11, 20]])
def test_values_far_too_bad_are_found(places: list[int]) -> None:
    assert found(slipped(trials(), dict.fromkeys(places, -30.0))) == places


def test_it_is_the_bad_side_that_counts() -> None:
    upside_down = trials(lambda a, b: -hill(a, b))
    assert found(slipped(upside_down, {5: 30.0}), LOW) == [5]
    assert found(slipped(upside_down, {5: 30.0}), HIGH) == []  # too good: it may be the find of the campaign


def test_a_unit_changes_nothing() -> None:
    history = slipped(trials(lambda a, b: 1e-7 * hill(a, b)), {5: -30e-7})
    assert found(history) == [5]


@pytest.mark.parametrize("noise", [0.0, 0.3, 2.0])
def test_honest_values_are_kept(noise: float) -> None:
    taken = []
    for seed in range(10):
        rng = np.random.default_rng(seed)
        taken += found(trials(lambda a, b: hill(a, b) + noise * rng.standard_normal(), seed=seed))  # noqa: B023  at once
    assert len(taken) <= 1, taken


def test_a_bad_place_that_two_trials_tell_of_is_no_slip() -> None:
    history = trials()
    hole = dict(history[5].point)
    beside = {"a": float(hole["a"]) + 0.01, "b": float(hole["b"]) + 0.01}
    assert found([*slipped(history, {5: -30.0}), Trial.completed(beside, {"y": -30.0})]) == []
    corner = [Trial.completed({"a": a, "b": 1 - a}, {"y": -60.0}) for a in (0.0, 0.02)]
    assert found([*trials(), *corner]) == []


def test_few_trials_tell_nothing() -> None:
    assert found(slipped(trials(n=6), {2: -1000.0})) == []


def test_equal_values_tell_nothing() -> None:
    assert found(trials(lambda a, b: 1.0)) == []


def test_more_trials_than_a_slip_matters_among_are_not_searched() -> None:
    assert found(slipped(trials(n=301), {5: -30.0})) == []


def test_sides_are_those_of_objectives_and_limits() -> None:
    problem = Problem(
        SQUARE,
        [Objective("y", "minimize"), Objective("z", "match", target=3.0)],
        [OutcomeConstraint("t", "<=", 60.0), OutcomeConstraint("p", ">=", 1.0), OutcomeConstraint("y", ">=", 0.0)],
    )
    sides = dict(zip(problem.outcome_names, good_sides(problem), strict=True))
    assert sides == {"y": -1.0, "z": 0.0, "t": -1.0, "p": 1.0}


def test_a_suggestion_tells_which_trials_it_left_aside() -> None:
    history = slipped(trials(), {5: -30.0})
    (suggestion,) = Bayes().suggest(HIGH, history, n=1, seed=1)
    assert suggestion.info["slips"] == [dict(history[5].point)]
    (without,) = Bayes().suggest(HIGH, trials(), n=1, seed=1)
    assert "slips" not in without.info
    why = Bayes().explain(HIGH, history, suggestion.point, seed=1, folds=0)
    assert f"left aside, for all others foretell another value there: {dict(history[5].point)}" in why.because
    assert Bayes().regret(HIGH, history, seed=1) < 5.0  # with it all would be noise
    (told,) = Bayes().predict(HIGH, history, [history[5].point])
    assert told.mean["y"] == pytest.approx(hill(*(float(history[5].point[key]) for key in "ab")), abs=0.5)


def test_a_slip_is_not_proposed_again() -> None:
    history = slipped(trials(), {5: -30.0})
    evidence = gather(HIGH, history, ())
    with isolated(0):
        left = without_slips(HIGH, evidence)
    assert left.taken == evidence.taken


def test_a_plateau_is_no_scale() -> None:
    """Most values at the limit of detection: what is below it still tells where not to go."""
    worth = np.array([5.0] * 12 + [1.0, 2.0, 4.0])
    np.testing.assert_array_equal(drawn_in(worth), worth)


def test_how_bad_the_worst_are_changes_no_choice() -> None:
    """Beyond the fence a value is only bad: the same point is proposed, and the plain model tells the value itself."""
    corner = [{"a": 0.0, "b": 1.0}, {"a": 0.02, "b": 0.98}]
    near = [*trials(), *(Trial.completed(point, {"y": -60.0}) for point in corner)]
    far = [
        replace(one, outcome=two.outcome) for one, two in zip(near, slipped(near, {24: -90.0, 25: -90.0}), strict=True)
    ]
    (one,) = Bayes().suggest(HIGH, near, n=1, seed=1)
    (other,) = Bayes().suggest(HIGH, far, n=1, seed=1)
    assert one.info["drawn_in"] >= 2
    assert other.point == pytest.approx(one.point)
    (told,) = Bayes().predict(HIGH, far, [corner[0]])
    assert told.mean["y"] == pytest.approx(-90.0, abs=30.0)
