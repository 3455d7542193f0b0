"""Forests: what they expect against scikit-learn's own, what they gain against closed forms, and what they find."""

import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import norm
from sklearn.ensemble import RandomForestRegressor  # type: ignore[import-untyped]  # it ships no types

from autolab.model.candidates import Candidates
from autolab.model.errors import InputError, OutsideSpace, PlannerError
from autolab.model.objectives import Objective, OutcomeConstraint
from autolab.model.parameters import Categorical, Integer, Mixture, Real
from autolab.model.problem import Problem
from autolab.model.space import Space
from autolab.model.trial import Point, Trial
from autolab.planners.evidence import Evidence, gather
from autolab.planners.forest import Forest
from autolab.planners.gains import Gains
from autolab.planners.trees import Array, Trees

LINE = Problem(Space([Real("x", 0, 1)]), [Objective("y")])


def told(problem: Problem, n: int = 12) -> Evidence:
    points = problem.space.sample(n, 0)
    return gather(problem, [Trial.completed(p, outcome(problem, p)) for p in points], [])


def outcome(problem: Problem, point: Point) -> dict[str, float]:
    x = float(point["x"])
    values = {"y": np.sin(5 * x), "z": x, "cost": x}
    return {name: float(values[name]) for name in problem.outcome_names}


class Known:
    """Trees that expect what they are told, whatever the point."""

    def __init__(self, means: Array, deviations: Array, success: Array | None = None) -> None:
        self._told, self._success = (means, deviations), success

    def predict(self, x: Array) -> tuple[Array, Array]:
        return self._told

    def success(self, x: Array) -> Array | None:
        return self._success


def gains(problem: Problem, means: list[list[float]], deviations: list[list[float]], **named: object) -> Gains:
    known = Known(np.array(means), np.array(deviations), **named)  # type: ignore[arg-type]
    return Gains(problem, told(problem), known, 0)  # type: ignore[arg-type]  # stands in for Trees


# -- what trees expect


def test_means_are_scikit_learns() -> None:
    evidence = told(LINE, 20)
    x = np.linspace(0, 1, 50)[:, None]
    ours, _ = Trees(evidence, "random", 30, 7).predict(x)
    theirs = RandomForestRegressor(30, random_state=7, min_samples_split=3, max_features=5 / 6)
    np.testing.assert_allclose(ours[:, 0], theirs.fit(evidence.x, evidence.y[:, 0]).predict(x), rtol=1e-12)


def test_the_variance_is_that_of_the_mixture_of_leaves() -> None:
    evidence = told(LINE, 20)
    x = np.array([[0.31], [0.77]])
    _, deviation = Trees(evidence, "random", 30, 7).predict(x)
    forest = RandomForestRegressor(30, random_state=7, min_samples_split=3, max_features=5 / 6)
    forest.fit(evidence.x, evidence.y[:, 0])
    rng = np.random.default_rng(0)  # drawn: a tree at random, then its leaf's normal
    for place, expected in zip(x, deviation[:, 0], strict=True):
        leaves = [
            (one.predict([place])[0], max(one.tree_.impurity[one.apply([place])[0]], 0)) for one in forest.estimators_
        ]
        drawn = [mean + np.sqrt(var) * rng.standard_normal(2000) for mean, var in leaves]
        assert expected == pytest.approx(np.std(drawn), rel=0.03)


@pytest.mark.parametrize("kind", ["random", "extra"])
def test_it_is_less_sure_away_from_what_is_known(kind: str) -> None:
    points = [{"x": x} for x in (0.0, 0.05, 0.1, 0.15, 0.2, 0.8, 0.85, 0.9, 0.95, 1.0)]
    trials = [Trial.completed(p, {"y": 0.0 if p["x"] < 0.5 else 1.0}) for p in points]
    _, deviation = Trees(gather(LINE, trials, []), kind, 100, 0).predict(np.array([[0.1], [0.5], [0.9]]))  # type: ignore[arg-type]
    assert deviation[1, 0] > 3 * max(deviation[0, 0], deviation[2, 0])


def test_a_vague_trial_counts_little() -> None:
    exact = [Trial.completed({"x": x}, {"y": (0.0, 0.01)}) for x in np.linspace(0, 1, 9).tolist()]
    at = np.array([[0.5]])
    means = [
        Trees(gather(LINE, [*exact, Trial.completed({"x": 0.51}, {"y": (5.0, error)})], []), "random", 100, 0).predict(
            at
        )[0][0, 0]
        for error in (0.01, 50.0)
    ]
    assert means[1] < 0.2 < means[0]


def test_equal_outcomes_leave_a_deviation_above_nothing() -> None:
    trials = [Trial.completed({"x": x}, {"y": 1.0}) for x in (0.1, 0.5, 0.9)]
    _, deviation = Trees(gather(LINE, trials, []), "random", 20, 0).predict(np.array([[0.3]]))
    assert deviation[0, 0] > 0


def test_failures_lower_success_and_never_to_nothing() -> None:
    evidence = replace(told(LINE), failed=np.linspace(0.8, 1, 12)[:, None])
    success = Trees(evidence, "random", 50, 0).success(np.array([[0.05], [0.95]]))
    assert success is not None
    assert 0 < success[1] < 0.4 < 0.7 < success[0] <= 1
    assert Trees(told(LINE), "random", 20, 0).success(np.array([[0.5]])) is None


# -- what is to be gained


@pytest.mark.parametrize(("goal", "sign"), [("maximize", 1.0), ("minimize", -1.0)])
def test_gain_is_jones_expected_improvement(goal: str, sign: float) -> None:
    problem = Problem(LINE.space, [Objective("y", goal)])  # type: ignore[arg-type]
    best = float((sign * told(problem).y).max())
    means, deviations = [0.2, 0.9, 1.4], [0.5, 0.3, 0.05]
    u = (sign * np.array(means) - best) / np.array(deviations)
    closed = np.array(deviations) * (u * norm.cdf(u) + norm.pdf(u))
    ours = gains(problem, [[m] for m in means], [[s] for s in deviations]).of(np.zeros((3, 1)))
    np.testing.assert_allclose(ours, closed, rtol=1e-9, atol=1e-15)


def test_matching_gains_by_distance() -> None:
    problem = Problem(LINE.space, [Objective("y", "match", target=3.0)])
    short = float(np.abs(told(problem).y - 3).min())
    ours = gains(problem, [[3.0], [2.5], [9.0]], [[1e-6]] * 3).of(np.zeros((3, 1)))
    np.testing.assert_allclose(ours, [short, short - 0.5, 0.0], atol=1e-5)


def test_constraints_and_success_weigh_the_gain() -> None:
    problem = Problem(LINE.space, [Objective("y")], [OutcomeConstraint("cost", "<=", 0.6), "cost >= 0.1"])
    free = gains(Problem(LINE.space, [Objective("y")]), [[2.0]], [[0.1]]).of(np.zeros((1, 1)))
    evidence = told(problem)
    known = Known(np.array([[2.0, 0.6]]), np.array([[0.1, 0.2]]), np.array([0.5]))
    weighed = Gains(problem, replace(evidence, streak=1), known, 0).of(np.zeros((1, 1)))  # type: ignore[arg-type]
    best_kept = float(evidence.y[(evidence.y[:, 1] <= 0.6) & (evidence.y[:, 1] >= 0.1), 0].max())
    best = float(evidence.y[:, 0].max())
    chance = 0.5 * (1 - norm.cdf((0.1 - 0.6) / 0.2)) * 0.5**2
    assert weighed[0] == pytest.approx((free[0] + best - best_kept) * chance, rel=0.01)


def test_without_a_feasible_trial_the_likeliest_point_leads() -> None:
    problem = Problem(LINE.space, [Objective("y")], [OutcomeConstraint("cost", "<=", -1.0)])
    ranked = gains(problem, [[9.0, 3.0], [0.0, -0.5], [0.0, -2.0]], [[1.0, 1.0]] * 3).order(np.zeros((3, 1)))
    assert list(ranked) == [2, 1, 0]


def test_where_nothing_is_gained_hope_decides() -> None:
    ranked = gains(LINE, [[-9.0], [-7.0], [-8.0]], [[1e-3]] * 3).order(np.zeros((3, 1)))
    assert list(ranked) == [1, 2, 0]


def test_several_objectives_are_weighed_anew_by_the_seed() -> None:
    problem = Problem(LINE.space, [Objective("y"), Objective("z", "minimize")])
    means = np.array([[2.0, 0.5], [0.5, -1.0]])  # each better than all by one objective
    known = Known(means, np.full((2, 2), 1e-3))
    first = {int(Gains(problem, told(problem), known, seed).order(means)[0]) for seed in range(12)}  # type: ignore[arg-type]
    assert first == {0, 1}


# -- what it proposes


def solved(problem: Problem, f: Callable[[Point], dict[str, float]], n: int, planner: Forest) -> list[Trial]:
    history: list[Trial] = []
    for step in range(n):
        (one,) = planner.suggest(problem, history, n=1, seed=step)
        history.append(Trial.completed(one.point, f(one)))
    return history


@pytest.mark.slow
def test_many_choices_are_solved() -> None:
    rng = np.random.default_rng(3)
    labels = [f"l{i}" for i in range(12)]
    worth = {name: dict(zip(labels, rng.random(12), strict=True)) for name in ("a", "b", "c")}
    problem = Problem(Space([Categorical(name, labels) for name in worth]), [Objective("y")])
    top = sum(max(values.values()) for values in worth.values())

    def f(p: Point) -> dict[str, float]:
        return {"y": sum(worth[name][str(p[name])] for name in worth)}

    history = solved(problem, f, 36, Forest())
    best = max(trial.outcome["y"].value for trial in history)
    at_random = max(f(p)["y"] for p in problem.space.sample(36, 0))
    assert best > max(0.93 * top, at_random)  # 36 of 1728


@pytest.mark.slow
def test_a_mixture_with_a_constraint_is_kept_and_improved() -> None:
    problem = Problem(Space([Mixture(["a", "b", "c"], at_most=2)], ["b <= 0.4"]), [Objective("y")])
    history = solved(problem, lambda p: {"y": float(p["a"]) + 2 * float(p["b"])}, 16, Forest())
    assert all(problem.space.contains(trial.point) for trial in history)
    assert max(trial.outcome["y"].value for trial in history) > 1.3  # of 1.4


@st.composite
def spaces(draw: st.DrawFn) -> Space:
    """Return a space with a mixture, numbers and choices, and constraints that its middle keeps."""
    low = draw(st.floats(0.0, 0.3))
    parts = [Mixture(["a", "b", "s"], bounds={"s": (low, low + 0.4)}, at_most=draw(st.sampled_from([None, 2, 3])))]
    numbers: list[Real | Integer] = [Real("u", 0, 1), Real("v", 0.1, 10, log=True), Integer("k", 0, 4)]
    chosen = draw(st.lists(st.sampled_from(numbers), unique_by=lambda one: one.name))
    tied = [f"{one.name} + a <= {draw(st.floats(1.0, 3.0))!r}" for one in chosen if draw(st.booleans())]
    return Space([*parts, *chosen, Categorical("c", ["p", "q", "r"])], tied)


@pytest.mark.slow
@settings(max_examples=12, deadline=None, derandomize=True)
@given(spaces(), st.integers(0, 2**31))
def test_constraints_hold_exactly_at_every_suggestion(space: Space, seed: int) -> None:
    problem = Problem(space, [Objective("y")])
    points = space.sample(6, seed)
    history = [Trial.completed(p, {"y": float(i % 3)}) for i, p in enumerate(points)]
    found = Forest(initial=2, trees=10).suggest(problem, history, n=4, seed=seed)
    assert len({space.key(one) for one in found} | {space.key(p) for p in points}) == 4 + len(points)
    assert [fault for one in found for fault in space.faults(one)] == []


def test_rules_change_and_predictions_are_what_the_predictor_says() -> None:
    few = [Trial.completed({"x": x}, {"y": x}) for x in (0.1, 0.5, 0.9)]
    assert Forest().suggest(LINE, few, n=1, seed=0)[0].info["rule"] == "design"
    (one,) = Forest(initial=3).suggest(LINE, few, n=1, seed=0)
    assert one.info["rule"] == "improvement"
    (expected,) = Forest(initial=3).predict(LINE, few, [one.point])
    assert one.info["predicted"]["y"]["mean"] == expected.mean["y"]
    assert Forest(initial=3).predictor(LINE, few)([]) == []
    with pytest.raises(PlannerError, match="no forest is trusted before 4 trials"):
        Forest().predict(LINE, few, [{"x": 0.5}])
    with pytest.raises(OutsideSpace):
        Forest(initial=3).predict(LINE, few, [{}])


def test_an_explanation_agrees_with_the_suggestion() -> None:
    problem = Problem(Space([Real("x", 0, 1), Categorical("c", ["p", "q"])]), [Objective("y")], ["cost <= 0.9"])
    history = [Trial.completed(p, outcome(problem, p)) for p in problem.space.sample(14, 0)]
    history.append(Trial.failed({"x": 0.95, "c": "p"}, "clogged"))
    first, second = Forest().suggest(problem, history, n=2, seed=4)
    why = Forest().explain(problem, history, first.point, seed=4, folds=3)
    assert why.rule == first.info["rule"]
    assert why.gain == pytest.approx(first.info["gain"], rel=1e-12)
    assert why.prediction is not None
    assert why.prediction.success == first.info["success"]
    assert why.importance["y"]["x"] > why.importance["y"]["c"]
    assert why.calibration is not None
    assert 0.5 <= why.calibration.coverage["y"] <= 1
    assert second.point != first.point
    assert Forest().explain(problem, history[:2], first.point, seed=4).rule == "design"


def test_a_pool_is_used_up_to_its_last_candidate() -> None:
    problem = Problem(Candidates({"x": [float(i) for i in range(8)]}), [Objective("y")])
    history = [Trial.completed({"x": float(i)}, {"y": float(i)}) for i in range(5)]
    found = Forest(initial=2).suggest(problem, history, n=3, seed=0)
    assert {one["x"] for one in found} == {5.0, 6.0, 7.0}
    assert found[0].info["rule"] == "improvement"


@pytest.mark.parametrize(
    ("options", "told"),
    [({"initial": 1}, "at least 2"), ({"kind": "birch"}, "'random' or 'extra'"), ({"trees": 3}, "at least 10 trees")],
)
def test_settings_that_make_no_sense_are_refused(options: dict[str, object], told: str) -> None:
    with pytest.raises(InputError, match=told):
        Forest(**options)  # type: ignore[arg-type]


def test_it_needs_no_torch() -> None:
    code = (
        "import sys\nfrom autolab.planners.forest import Forest\nfrom autolab.model.objectives import Objective\n"
        "from autolab.model.parameters import Real\nfrom autolab.model.problem import Problem\n"
        "from autolab.model.space import Space\nfrom autolab.model.trial import Trial\n"
        "p = Problem(Space([Real('x', 0, 1)]), [Objective('y')])\n"
        "Forest().suggest(p, [Trial.completed({'x': i / 5}, {'y': i}) for i in range(6)], n=1, seed=0)\n"
        "print('torch' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"


@pytest.mark.parametrize(("unit", "zero"), [(1e-12, 0.0), (1e9, 0.0), (1e300, 0.0), (1.0, 1e6)])
def test_it_learns_in_any_unit(unit: float, zero: float) -> None:
    problem = Problem(Space([Real("x", 0, 10), Real("z", 0, 1)]), Objective("y"))
    points = problem.space.sample(30, seed=1)
    values = [-((float(point["x"]) - 3) ** 2) + float(point["z"]) for point in points]
    plain = [Trial.completed(point, {"y": value}) for point, value in zip(points, values, strict=True)]
    other = [Trial.completed(point, {"y": zero + unit * y}) for point, y in zip(points, values, strict=True)]
    (wanted,), (found,) = (Forest().suggest(problem, trials, n=1, seed=0) for trials in (plain, other))
    assert found.point == wanted.point
    assert found.info["rule"] == "improvement"
    assert found.info["predicted"]["y"]["mean"] == pytest.approx(zero + unit * wanted.info["predicted"]["y"]["mean"])


def test_trials_that_it_cannot_use_are_counted_and_a_vast_error_is_no_fault() -> None:
    problem = Problem(Space([Real("x", 0, 10)]), Objective("y"))
    points = problem.space.sample(8, seed=1)
    history = [Trial.completed(point, {"y": float(point["x"])}) for point in points]
    (one,) = Forest().suggest(problem, [*history, Trial.completed({"x": 1.0}, {"z": 1.0})], n=1, seed=0)
    assert one.info["left_out"] == 1
    vague = [Trial.completed(point, {"y": (float(point["x"]), 1e300)}) for point in points]
    (one,) = Forest().suggest(problem, vague, n=1, seed=0)
    assert one.info["rule"] == "improvement"


def test_a_forest_that_fails_gives_way_to_a_design(monkeypatch: pytest.MonkeyPatch) -> None:
    problem = Problem(Space([Real("x", 0, 10)]), Objective("y"))
    history = [Trial.completed(point, {"y": float(point["x"])}) for point in problem.space.sample(8, seed=1)]

    def fail(*_: object) -> None:
        raise ValueError("no tree grows")

    monkeypatch.setattr("autolab.planners.forest.Trees", fail)
    (one,) = Forest().suggest(problem, history, n=1, seed=0)
    assert one.info == {"rule": "design", "fallback": "ValueError: no tree grows"}


def test_it_leaves_the_generator_of_python_as_it_was() -> None:
    code = """
import random
from autolab.planners.forest import Forest
from autolab.model.objectives import Objective
from autolab.model.parameters import Real
from autolab.model.problem import Problem
from autolab.model.space import Space
from autolab.model.trial import Trial
problem = Problem(Space([Real("x", 0, 10)]), Objective("y"))
history = [Trial.completed(point, {"y": float(point["x"])}) for point in problem.space.sample(8, seed=1)]
before = random.getstate()
Forest().suggest(problem, history, n=1, seed=0)
assert random.getstate() == before
"""
    subprocess.run([sys.executable, "-c", code], check=True, timeout=120)
