"""The chance of lying between two limits, against SciPy's and finite differences."""

import math

import numpy as np
import pytest
from scipy import optimize, stats

from autolab.model.objectives import Objective
from autolab.model.parameters import Real
from autolab.model.problem import Problem
from autolab.model.space import Space
from autolab.model.trial import Trial
from autolab.planners.evidence import gather
from autolab.planners.gains import Gains
from autolab.planners.trees import Trees
from autolab.planners.windows import Window, windows

WINDOWS = [
    Window(0, -0.5, 0.4),
    Window(0, 2.0, 2.1),
    Window(0, -math.inf, -0.3),
    Window(0, 1.0, math.inf),
    Window(0, -9.0, 0.0),
]


def test_limits_on_one_quantity_are_one_window() -> None:
    problem = Problem(Space([Real("x", 0, 1)]), Objective("y"), ["c <= 4", "y >= 1", "c >= 0", "c <= 3", "c >= -1"])
    assert windows(problem) == [Window(1, 0.0, 3.0), Window(0, 1.0, math.inf)]
    assert Window(1, 0.0, 3.0).scaled(1.0, 2.0) == Window(1, -0.5, 1.0)
    assert Window(1, 0.0, 3.0).holds(np.array([-0.1, 0.0, 3.0, 3.1])).tolist() == [False, True, True, False]


@pytest.mark.parametrize("window", WINDOWS, ids=str)
def test_the_chance_is_scipys(window: Window) -> None:
    mean, deviation = np.linspace(-3, 3, 25)[:, None], np.array([0.3, 1.0, 4.0])
    theirs = stats.norm.cdf(window.high, mean, deviation) - stats.norm.cdf(window.low, mean, deviation)
    np.testing.assert_allclose(np.exp(window.log_chance(mean, deviation)), theirs, rtol=1e-8, atol=1e-15)


@pytest.mark.parametrize("mean", [-40.0, 40.0, -1e4, 1e4])
def test_far_away_its_log_is_as_the_nearer_tail(mean: float) -> None:
    (far,) = Window(0, -1.0, 1.0).log_chance(np.array([mean]), np.ones(1))
    assert far == pytest.approx(stats.norm.logsf(abs(mean) - 1.0), rel=1e-12)


def test_a_narrow_window_keeps_its_digits() -> None:
    (log,) = Window(0, 5.0, 5.0 + 1e-6).log_chance(np.zeros(1), np.ones(1))
    assert log == pytest.approx(stats.norm.logpdf(5.0) + math.log(1e-6), abs=1e-4)


@pytest.mark.parametrize("window", WINDOWS, ids=str)
def test_slopes_are_those_of_the_chance(window: Window) -> None:
    for mean, deviation in ((0.1, 0.7), (-2.0, 0.5), (6.0, 1.5), (30.0, 1.0)):
        at = np.array([mean, deviation])

        def log(both: np.ndarray) -> float:
            return float(window.log_chance(both[:1], both[1:])[0])

        told, by_mean, by_deviation = window.slopes(at[:1], at[1:])
        assert told[0] == log(at)
        np.testing.assert_allclose(
            [by_mean[0], by_deviation[0]], optimize.approx_fprime(at, log, 1e-7), rtol=1e-4, atol=1e-5
        )


def test_a_forest_gives_a_narrow_window_its_own_chance() -> None:
    space = Space([Real("x", 0, 1)])
    problem = Problem(space, Objective("y"), ["c >= 0.5", "c <= 0.501"])
    rng = np.random.default_rng(0)
    trials = [Trial.completed({"x": x}, {"y": x, "c": rng.random()}) for x in np.linspace(0, 1, 12)]
    evidence = gather(problem, trials, ())
    gains = Gains(problem, evidence, Trees(evidence, "random", 20, 0), 0)
    told = gains.of(evidence.x)  # no trial keeps the limits: the chance alone
    assert ((told > 0) & (told < 0.01)).all()
