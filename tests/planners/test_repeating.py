"""When a point is measured again: noise against gain."""

import math

import numpy as np
import pytest
from scipy.stats import norm

from autolab.model.candidates import Candidates
from autolab.model.contracts import Planner
from autolab.model.errors import InputError
from autolab.model.objectives import Objective
from autolab.model.parameters import Integer, Real
from autolab.model.problem import Problem
from autolab.model.space import Space
from autolab.model.trial import Trial
from autolab.planners.bayes import Bayes
from autolab.planners.knowledge import knowledge_gradient
from autolab.planners.repeating import Repeating

LINE = Problem(Space([Real("x", 0, 1)]), [Objective("y")])
POOL = Problem(Candidates({"x": [i / 7 for i in range(8)]}), [Objective("y")])


def measured(problem: Problem, x: float, y: float, error: float | None = None) -> Trial:
    return Trial.completed({"x": x}, {"y": (y, error)} | {name: 0.0 for name in problem.outcome_names if name != "y"})


# -- the knowledge gradient


@pytest.mark.parametrize(("gap", "deviation", "noise"), [(0.0, 1.0, 0.0), (0.7, 1.3, 0.5), (2.0, 1.0, 3.0)])
def test_of_two_independent_values_it_is_frazier_powell_dayanik(gap: float, deviation: float, noise: float) -> None:
    # measuring the worse one: s f(-gap / s), with f(u) = u cdf(u) + pdf(u)
    s = deviation**2 / math.hypot(deviation, noise)
    expected = s * (-gap / s * norm.cdf(-gap / s) + norm.pdf(gap / s))
    told = knowledge_gradient(np.array([gap, 0.0]), np.diag([1.0, deviation**2]), noise, 1)
    assert told == pytest.approx(expected, rel=2e-3, abs=1e-6)


def test_of_correlated_values_it_agrees_with_sampling() -> None:
    rng = np.random.default_rng(0)
    root = rng.standard_normal((4, 4))
    covariance, means = root @ root.T, rng.standard_normal(4)
    values = rng.multivariate_normal(means, covariance, 400_000)
    y = values[:, 2] + 0.8 * rng.standard_normal(len(values))
    gain = covariance[:, 2] / (covariance[2, 2] + 0.64)
    after = means + np.outer(y - means[2], gain)
    assert knowledge_gradient(means, covariance, 0.8, 2) == pytest.approx(
        after.max(axis=1).mean() - means.max(), abs=5e-3
    )


def test_what_is_known_or_drowned_in_noise_teaches_nothing() -> None:
    means = np.array([1.0, 0.9])
    assert knowledge_gradient(means, np.zeros((2, 2)), 0.0, 0) == 0
    assert knowledge_gradient(means, np.diag([0.0, 1.0]), 0.0, 0) == pytest.approx(0, abs=1e-12)
    assert knowledge_gradient(means, np.eye(2), 1e6, 0) < 1e-6


# -- the policy


@pytest.mark.slow
def test_without_noise_it_is_bayes() -> None:
    trials = [measured(LINE, x, math.sin(5 * x), 1e-4) for x in np.linspace(0, 1, 7).tolist()]
    assert Repeating().suggest(LINE, trials, n=2, seed=0) == Bayes().suggest(LINE, trials, n=2, seed=0)


@pytest.mark.slow
def test_where_noise_hides_which_of_few_is_best_the_best_are_measured_again() -> None:
    # all but one poor candidate were measured; two lead, and their errors are as large as their difference
    values = [0.0, 0.1, 5.0, 0.2, 0.1, 5.2, 0.0]
    trials = [measured(POOL, i / 7, y, 1.0) for i, y in enumerate(values)]
    (one,) = Repeating().suggest(POOL, trials, n=1, seed=0)
    assert one.info["rule"] == "repeat"
    assert one["x"] in {2 / 7, 5 / 7}
    assert one.info["taught"] > one.info["new_taught"]


@pytest.mark.slow
def test_a_repeat_is_followed_by_new_points_in_a_batch_and_not_doubled_while_pending() -> None:
    pool = Problem(Candidates({"x": [i / 8 for i in range(9)]}), [Objective("y")])
    values = [0.0, 0.1, 5.0, 0.2, 0.1, 5.2, 0.0]
    trials = [measured(pool, i / 8, y, 1.0) for i, y in enumerate(values)]
    first, second = Repeating().suggest(pool, trials, n=2, seed=0)
    assert (first.info["rule"], second.info["rule"]) == ("repeat", "improvement")
    assert second["x"] in {7 / 8, 1.0}
    (other,) = Repeating().suggest(pool, trials, n=1, pending=[first.point], seed=0)
    assert other.point != first.point


@pytest.mark.slow
def test_no_point_is_measured_more_often_than_allowed() -> None:
    trials = [measured(POOL, i / 7, y, 1.0) for i, y in enumerate([0.0, 0.1, 5.0, 0.2, 0.1, 5.2, 0.0])]
    for _ in range(6):
        (one,) = Repeating(most=3).suggest(POOL, trials, n=1, seed=0)
        if one.info["rule"] != "repeat":
            break
        trials.append(measured(POOL, float(one["x"]), 5.1, 1.0))
    counts = [sum(trial.point["x"] == i / 7 for trial in trials) for i in range(8)]
    assert 1 < max(counts) <= 3


@pytest.mark.slow
def test_what_broke_a_constraint_or_lies_outside_is_not_repeated() -> None:
    limited = Problem(POOL.space, [Objective("y")], ["cost <= 0.5"])
    trials = [
        Trial.completed({"x": i / 7}, {"y": (y, 1.0), "cost": (float(y > 5.1), 0.01)})
        for i, y in enumerate([0.0, 0.1, 5.0, 0.2, 0.1, 9.0, 0.0])
    ]
    (one,) = Repeating().suggest(limited, trials, n=1, seed=0)
    assert one["x"] != 5 / 7
    outside = [measured(LINE, x, y, 1.0) for x, y in ((0.1, 0.0), (0.5, 0.1), (0.9, 0.0), (1.4, 9.0), (0.3, 0.1))]
    assert LINE.space.contains(Repeating().suggest(LINE, outside, n=1, seed=0)[0])


@pytest.mark.slow
@pytest.mark.parametrize("objective", [Objective("y", "minimize"), Objective("y", "match", target=-5.1)])
def test_it_follows_the_goal(objective: Objective) -> None:
    problem = Problem(POOL.space, [objective])
    trials = [measured(problem, i / 7, y, 1.0) for i, y in enumerate([0.0, -0.1, -5.0, -0.2, -0.1, -5.2, 0.0])]
    (one,) = Repeating().suggest(problem, trials, n=1, seed=0)
    assert one.info["rule"] == "repeat"
    assert one["x"] in {2 / 7, 5 / 7}


def test_first_designs_and_several_objectives_are_left_to_bayes() -> None:
    assert isinstance(Repeating(), Planner)
    assert Repeating().suggest(LINE, [], n=3, seed=0) == Bayes().suggest(LINE, [], n=3, seed=0)
    two = Problem(LINE.space, [Objective("y"), Objective("z")])
    trials = [measured(two, x, x, 1.0) for x in np.linspace(0, 1, 5).tolist()]
    assert Repeating().suggest(two, trials, n=1, seed=0) == Bayes().suggest(two, trials, n=1, seed=0)


@pytest.mark.parametrize("settings", [{"most": 1}, {"most": True}, {"initial": 1}])
def test_settings_that_make_no_sense_are_refused(settings: dict[str, int]) -> None:
    with pytest.raises(InputError, match="at least 2"):
        Repeating(**settings)
    with pytest.raises(ValueError, match="n must be 1 or more"):
        Repeating().suggest(LINE, [], n=0, seed=0)


@pytest.mark.slow
def test_where_nothing_teaches_anything_rounding_makes_no_repeat() -> None:
    # a plane in x and y and k, and a new point that is sure to be the best: what any measurement teaches is 0
    names = ("x", "y")
    space = Space(
        [Real("x", 0, 1), Real("y", 0, 1), Integer("k", 1, 9)],
        ["x**2 + y**2 <= 1", "x * y * k >= 0.2", "x + 0.1*k <= 1.4"],
    )
    problem = Problem(space, [Objective("z")])
    points = problem.space.sample(16, 0)
    trials = [Trial.completed(p, {"z": float(p["k"]) + sum(float(p[name]) for name in names)}) for p in points[:12]]
    trials += [Trial.failed(p, "clogged") for p in points[12:]]
    assert Repeating().suggest(problem, trials, n=1, seed=1) == Bayes().suggest(problem, trials, n=1, seed=1)
