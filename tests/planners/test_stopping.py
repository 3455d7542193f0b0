"""The bound on regret, against closed forms and truth."""

import math
from types import SimpleNamespace

import numpy as np
import pytest
from scipy.stats import norm

from autolab.model.candidates import Candidates
from autolab.model.errors import InputError, PlannerError
from autolab.model.objectives import Objective
from autolab.model.parameters import Mixture, Real
from autolab.model.problem import Problem
from autolab.model.space import Space
from autolab.model.trial import Trial
from autolab.planners import stopping
from autolab.planners.bayes import Bayes
from autolab.planners.evidence import gather
from autolab.planners.stopping import problem_utility, regret_bound

LINE = Problem(Space([Real("x", 0, 1)]), [Objective("y", unit="g")])


def line(n: int, problem: Problem = LINE) -> list[Trial]:
    return [Trial.completed({"x": x}, {"y": (math.sin(5 * x), 1e-3)}) for x in np.linspace(0, 1, n).tolist()]


@pytest.mark.parametrize("correlation", [0.0, 0.7])
def test_between_two_candidates_the_bound_is_a_quantile_of_a_difference(
    monkeypatch: pytest.MonkeyPatch, correlation: float
) -> None:
    # one trial at mean 1, one candidate at mean 0.4: regret = max(0, difference of two correlated normals)
    problem = Problem(Candidates({"u": [0.0, 1.0]}), [Objective("y")])
    deviation = np.array([0.3, 0.8])
    covariance = np.outer(deviation, deviation) * np.array([[1, correlation], [correlation, 1]])
    models = SimpleNamespace(joint=lambda x: (np.array([[1.0], [0.4]]), covariance[None]))
    monkeypatch.setattr(stopping, "fitted", lambda *given: (models, None))
    monkeypatch.setattr(stopping, "_SAMPLES", 200_000)
    evidence = gather(problem, [Trial.completed({"u": 0.0}, {"y": 1.0})], [])
    told = regret_bound(problem, evidence, 0.95, 0)
    spread = math.sqrt(covariance[0, 0] + covariance[1, 1] - 2 * covariance[0, 1])
    assert told == pytest.approx(max(0.0, norm.ppf(0.95, -0.6, spread)), abs=0.01)


@pytest.mark.slow
def test_the_bound_falls_as_more_is_known_and_holds_the_true_regret() -> None:
    bounds = [Bayes().regret(LINE, line(n), seed=0) for n in (4, 6, 12, 25)]
    assert bounds[:1] + bounds[2:] == sorted(bounds[:1] + bounds[2:], reverse=True)  # 6 trials tell little more than 4
    assert bounds[1] < 1.1 * bounds[0]
    assert bounds[-1] < 0.02
    for n, bound in zip((4, 6, 12, 25), bounds, strict=True):
        assert bound >= 1 - max(trial.outcome["y"].value for trial in line(n)) - 2e-3


@pytest.mark.slow
def test_more_probability_needs_a_wider_bound() -> None:
    bounds = [Bayes().regret(LINE, line(5), seed=0, probability=p) for p in (0.5, 0.9, 0.99)]
    assert bounds == sorted(bounds)
    assert bounds[0] < bounds[-1]


@pytest.mark.slow
def test_minimizing_is_maximizing_the_negative_and_units_scale_it() -> None:
    down = Problem(LINE.space, [Objective("y", "minimize")])
    flipped = [Trial.completed(t.point, {"y": (-1000 * t.outcome["y"].value, 1.0)}) for t in line(6)]
    assert Bayes().regret(down, flipped, seed=0) == pytest.approx(1000 * Bayes().regret(LINE, line(6), seed=0), rel=0.2)


@pytest.mark.slow
def test_a_target_that_is_met_leaves_little_regret() -> None:
    problem = Problem(LINE.space, [Objective("y", "match", target=0.0)])
    trials = [*line(12), Trial.completed({"x": math.pi / 5}, {"y": (0.0, 1e-3)})]
    assert Bayes().regret(problem, trials, seed=0) < 0.02


@pytest.mark.slow
def test_what_breaks_a_constraint_or_fails_is_not_missed() -> None:
    limited = Problem(LINE.space, [Objective("y")], ["cost <= 0.2"])
    trials = [Trial.completed({"x": x}, {"y": (x, 1e-3), "cost": (x, 1e-3)}) for x in (0.0, 0.1, 0.198, 0.5, 0.7, 1.0)]
    assert Bayes().regret(limited, trials, seed=0) < 0.02  # without the limit: 0.8
    good = [Trial.completed({"x": x}, {"y": (x, 1e-3)}) for x in np.linspace(0, 0.4, 6).tolist()]
    failed = [Trial.failed({"x": x}, "no") for x in np.linspace(0.43, 1, 14).tolist()]
    assert Bayes().regret(LINE, [*good, *failed], seed=0) < 0.5 * Bayes().regret(LINE, good, seed=0)


@pytest.mark.slow
def test_spaces_of_all_kinds() -> None:
    mixture = Problem(Space([Mixture(["a", "b", "c"])], ["b <= 0.4"]), [Objective("y")])
    trials = [Trial.completed(p, {"y": float(p["a"])}) for p in mixture.space.sample(8, 0)]
    assert 0 <= Bayes().regret(mixture, trials, seed=0) < 1
    table = Candidates({"x": [0.0, 0.25, 0.5, 0.75, 1.0]})
    pool = Problem(table, [Objective("y")])
    known = [Trial.completed(p, {"y": (float(p["x"]), 1e-4)}) for p in table.points]
    assert Bayes().regret(pool, known, seed=0) == pytest.approx(0.0, abs=1e-3)


@pytest.mark.slow
def test_it_is_pure() -> None:
    assert Bayes().regret(LINE, line(5), seed=3) == Bayes().regret(LINE, line(5), seed=3)
    assert Bayes().regret(LINE, line(5), seed=3) != Bayes().regret(LINE, line(5), seed=4)


def test_what_has_no_bound_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(PlannerError, match="no model is trusted before 3 trials"):
        Bayes().regret(LINE, line(2), seed=0)
    two = Problem(LINE.space, [Objective("y"), Objective("z")])
    trials = [Trial.completed({"x": x / 5}, {"y": x, "z": x}) for x in range(6)]
    with pytest.raises(InputError, match="needs one objective, and there are y, z"):
        Bayes().regret(two, trials, seed=0)
    with pytest.raises(InputError, match=r"between 0 and 1, got 1\.5"):
        Bayes().regret(LINE, line(6), seed=0, probability=1.5)

    def breaks(*given: object) -> None:
        raise RuntimeError("singular")

    monkeypatch.setattr(stopping, "fitted", breaks)
    with pytest.raises(PlannerError, match="no model fits the 6 completed trials: RuntimeError: singular"):
        Bayes().regret(LINE, line(6), seed=0)


@pytest.mark.slow
def test_no_feasible_trial_has_no_regret() -> None:
    limited = Problem(LINE.space, [Objective("y")], ["cost <= -5"])
    trials = [Trial.completed({"x": x / 7}, {"y": x, "cost": float(x)}) for x in range(8)]
    with pytest.raises(PlannerError, match="no trial is expected to keep the outcome constraints"):
        Bayes().regret(limited, trials, seed=0)


def test_utilities_are_the_objectives() -> None:
    y = np.array([[1.0, 9.0], [-2.0, 9.0]])
    for objective in (Objective("y"), Objective("y", "minimize"), Objective("y", "match", target=0.5)):
        ours = problem_utility(Problem(LINE.space, [objective], ["cost <= 1"]), y)
        assert list(ours) == [objective.utility(1.0), objective.utility(-2.0)]
