"""Bad history and broken problems: the right result or a typed error, never a swallowed one."""

import json
import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import pytest

from autolab.campaign import Campaign
from autolab.model.candidates import Candidates
from autolab.model.errors import EmptySpace, InputError, OutsideSpace, PlannerError
from autolab.model.objectives import Objective, OutcomeConstraint
from autolab.model.parameters import Categorical, Integer, Mixture, Real
from autolab.model.problem import Problem
from autolab.model.space import Space
from autolab.model.suggestion import Suggestion
from autolab.model.trial import Outcome, Point, Trial
from autolab.planners.active import Learn, LevelSet
from autolab.planners.bayes import Bayes
from autolab.planners.forest import Forest
from autolab.planners.repeating import Repeating

PLANNERS: list[Any] = [Bayes(), Forest(), Repeating(), LevelSet(), Learn()]
LINE = Problem(Space([Real("x", 0, 1)]), [Objective("y")])
WIDE = Problem(
    Space([Real("x", 0, 1), Real("rate", 0.01, 10, log=True), Categorical("c", ["p", "q"])]), [Objective("y")]
)
TWO = Problem(LINE.space, [Objective("y"), Objective("z", "minimize")], [OutcomeConstraint("cost", "<=", 0.9)])

pytestmark = pytest.mark.slow  # it fits models


@pytest.fixture(params=PLANNERS, ids=lambda planner: type(planner).__name__)
def planner(request: pytest.FixtureRequest) -> Any:
    return request.param


def outcome(problem: Problem, value: float) -> dict[str, float]:
    return dict.fromkeys(problem.outcome_names, value)


def proposed(
    planner: Any, problem: Problem, history: Sequence[Trial], n: int = 2, *, fallback: bool = False
) -> list[Suggestion]:
    """Return suggestions that are sound, and fell back to a design only where they may."""
    found: list[Suggestion] = planner.suggest(problem, history, n=n, seed=0)
    assert len({problem.space.key(one) for one in found}) == n
    for one in found:
        problem.space.check(one)
        json.dumps(dict(one.info), allow_nan=False)
        assert fallback or "fallback" not in one.info, one.info
    return found


# -- outcomes


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_an_outcome_that_is_no_number_is_refused_when_the_trial_is_made(value: float) -> None:
    with pytest.raises(ValueError, match="outcome 'y': a measurement must be finite"):
        Trial.completed({"x": 0.5}, {"y": value})
    with pytest.raises(ValueError, match="a standard error must be finite and not negative"):
        Trial.completed({"x": 0.5}, {"y": (1.0, value)})


def test_a_campaign_records_such_an_outcome_as_a_failure_and_goes_on() -> None:
    def evaluate(point: Mapping[str, Any]) -> dict[str, float]:
        return {"y": math.nan if float(point["x"]) > 0.5 else float(point["x"])}

    campaign = Campaign(LINE, planner=Bayes(), evaluate=evaluate)
    result = campaign.run(8, progress=False)
    assert result.reason in {"budget_trials", "failure_streak"}
    states = {trial.state for trial in campaign.history.trials}
    assert states == {"completed", "failed"}
    failed = next(trial for trial in campaign.history.trials if trial.state == "failed")
    assert failed.reason == "y is nan: not a measured value"


class Unchecked(Mapping[str, Any]):
    """An outcome as somebody's own code may make it, past the check of `Measurement`."""

    def __init__(self, value: float) -> None:
        self._value = value

    def __getitem__(self, name: str) -> Any:
        if name != "y":
            raise KeyError(name)
        return type("Raw", (), {"value": self._value, "standard_error": None})()

    def __iter__(self) -> Any:
        return iter(("y",))

    def __len__(self) -> int:
        return 1


@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_one_that_came_in_all_the_same_is_left_out(planner: Any, value: float) -> None:
    raw: Outcome = Unchecked(value)
    good = [Trial.completed(p, outcome(LINE, float(p["x"]))) for p in LINE.space.sample(8, 0)]
    bad = Trial(0, {"x": 0.123}, "completed", raw)
    found = proposed(planner, LINE, [*good, bad])
    without = planner.suggest(LINE, good, n=2, seed=0)
    assert [one.point for one in found] == [one.point for one in without]


@pytest.mark.parametrize("problem", [LINE, WIDE, TWO], ids=["line", "wide", "two"])
@pytest.mark.parametrize("value", [0.0, 7.25, -1e9, 1e-300])
def test_constant_outcomes_still_give_points(planner: Any, problem: Problem, value: float) -> None:
    history = [Trial.completed(p, outcome(problem, value)) for p in problem.space.sample(10, 0)]
    proposed(planner, problem, history)


@pytest.mark.parametrize("factor", [1e3, 1e-3, -1e3, 1e12])
def test_one_trial_in_other_units_does_no_harm(planner: Any, factor: float) -> None:
    history = [Trial.completed(p, outcome(LINE, 1 + float(p["x"]))) for p in LINE.space.sample(11, 0)]
    mixed = Trial.completed({"x": 0.5}, outcome(LINE, 1.5 * factor))
    proposed(planner, LINE, [*history, mixed])


def test_units_mixed_up_show_in_the_calibration() -> None:
    history = [Trial.completed({"x": x}, {"y": 1 + x}) for x in np.linspace(0, 1, 12).tolist()]
    sound = Bayes().calibration(LINE, history).explained["y"]
    mixed = (
        Bayes()
        .calibration(LINE, [*history[:5], Trial.completed({"x": 0.46}, {"y": 1460.0}), *history[5:]])
        .explained["y"]
    )
    assert mixed < 0.3 < 0.9 < sound


@pytest.mark.parametrize("scale", [1e-12, 1e9])
def test_a_quantity_of_any_size_is_optimized_alike(scale: float) -> None:
    def history(scale: float) -> list[Trial]:
        return [Trial.completed({"x": x}, {"y": -scale * (x - 0.4) ** 2}) for x in (0.0, 0.2, 0.55, 0.7, 1.0)]

    (plain,) = Bayes().suggest(LINE, history(1.0), n=1, seed=0)
    (scaled,) = Bayes().suggest(LINE, history(scale), n=1, seed=0)
    assert "fallback" not in scaled.info
    assert float(scaled["x"]) == pytest.approx(float(plain["x"]), abs=0.12)


# -- how many


def test_no_trial_one_trial_and_only_failures_give_a_design(planner: Any) -> None:
    one = [Trial.completed({"x": 0.5}, outcome(LINE, 1.0))]
    failed = [Trial.failed(p, "clogged") for p in LINE.space.sample(9, 0)]
    rejected = [Trial(0, p, "rejected", reason="too hot") for p in LINE.space.sample(9, 1)]
    for history in ([], one, failed, rejected, [*failed, *one]):
        assert {s.info["rule"] for s in proposed(planner, LINE, history, 3)} == {"design"}
        keys = {LINE.space.key(trial.point) for trial in history}
        assert not keys & {LINE.space.key(s) for s in proposed(planner, LINE, history, 3)}


def test_duplicates_that_agree_and_that_contradict_each_other(planner: Any) -> None:
    points = LINE.space.sample(4, 0)
    agree = [Trial.completed(p, outcome(LINE, float(p["x"]))) for p in points for _ in range(4)]
    differ = [Trial.completed(p, outcome(LINE, float(i))) for p in points for i in range(4)]
    exact = [Trial.completed(p, {"y": (float(i), 0.0)}) for p in points for i in range(4)]
    for history in (agree, differ, exact):
        proposed(planner, LINE, history)


def test_one_and_the_same_point_is_no_reason_to_fall_back(planner: Any) -> None:
    history = [Trial.completed({"x": 0.5}, outcome(LINE, y)) for y in (1.0, 1.1, 0.9, 1.05, 0.95)]
    proposed(planner, LINE, history)


def test_a_point_that_failed_and_completed(planner: Any) -> None:
    history = [Trial.completed(p, outcome(LINE, float(p["x"]))) for p in LINE.space.sample(6, 0)]
    history += [Trial.failed(trial.point, "clogged") for trial in history]
    proposed(planner, LINE, history)


# -- singular covariances


def test_points_a_hair_apart_do_not_make_it_singular(planner: Any) -> None:
    history = [Trial.completed({"x": 0.5 + 1e-12 * i}, outcome(LINE, 1.0 + i % 2)) for i in range(12)]
    proposed(planner, LINE, history)


def test_columns_that_never_vary_and_columns_that_are_one(planner: Any) -> None:
    space = Space([Real("a", 0, 1), Real("b", 0, 1), Real("fixed", 0, 1)], ["a - b == 0", "fixed <= 1e-9"])
    problem = Problem(space, [Objective("y")])
    history = [Trial.completed(p, outcome(problem, float(p["a"]))) for p in space.sample(10, 0)]
    proposed(planner, problem, history)


def test_a_covariance_that_is_singular_all_the_same_is_told(planner: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    import autolab.planners.surrogate as surrogate

    def singular(*given: object, **named: object) -> None:
        raise np.linalg.LinAlgError("the leading minor of order 3 is not positive definite")

    monkeypatch.setattr(surrogate, "outcome_models", singular)
    history = [Trial.completed(p, outcome(LINE, float(p["x"]))) for p in LINE.space.sample(8, 0)]
    found = proposed(planner, LINE, history, fallback=True)
    if not isinstance(planner, Forest):
        assert {one.info["rule"] for one in found} == {"design"}
        assert "LinAlgError: the leading minor" in found[0].info["fallback"]
    with pytest.raises(PlannerError, match="no model fits the 8 completed trials: LinAlgError"):
        Bayes().predict(LINE, history, [{"x": 0.5}])


# -- names and places


def test_outcomes_that_lack_a_quantity_are_left_out_and_counted() -> None:
    full = [Trial.completed(p, {"y": 1.0, "z": float(p["x"]), "cost": 0.5}) for p in TWO.space.sample(8, 0)]
    lacking = [
        Trial.completed({"x": 0.3}, {"y": 1.0}),
        Trial.completed({"x": 0.4}, {}),
        Trial.completed({"x": 0.6}, {"Y": 1.0, "z": 0.0, "cost": 0.0}),
    ]
    (one,) = proposed(Bayes(), TWO, [*full, *lacking], 1)
    assert one.info["left_out"] == 3
    (without,) = proposed(Bayes(), TWO, full, 1)
    assert "left_out" not in without.info


def test_more_than_the_problem_asks_for_is_no_trouble(planner: Any) -> None:
    history = [Trial.completed(p, {"y": float(p["x"]), "smell": 3.0}) for p in LINE.space.sample(8, 0)]
    proposed(planner, LINE, history)


@pytest.mark.parametrize(
    "odd",
    [{"x": 1.7}, {"x": -1e6}, {"x": 1e300}, {}, {"z": 0.5}, {"x": "many"}, {"x": math.nan}, {"x": None}],
    ids=str,
)
def test_a_point_of_another_space_in_the_history(planner: Any, odd: dict[str, Any]) -> None:
    history = [Trial.completed(p, outcome(LINE, float(p["x"]))) for p in LINE.space.sample(8, 0)]
    for trial in (Trial.completed(odd, outcome(LINE, 0.5)), Trial.failed(odd, "no"), Trial(0, odd, "running")):
        proposed(planner, LINE, [*history, trial])


@pytest.mark.parametrize("rate", [0.0, -1.0, 1e-300, 1e300, math.inf])
def test_a_logarithmic_parameter_that_has_no_logarithm_or_a_far_one(planner: Any, rate: float) -> None:
    history = [Trial.completed(p, outcome(WIDE, float(p["x"]))) for p in WIDE.space.sample(10, 0)]
    proposed(planner, WIDE, [*history, Trial.completed({"x": 0.5, "rate": rate, "c": "p"}, outcome(WIDE, 0.5))], 1)


def test_a_slip_of_units_in_a_point_is_left_out_and_counted() -> None:
    problem = Problem(Space([Real("volume", 0, 2, unit="mL")]), [Objective("y")])
    history = [Trial.completed({"volume": v}, {"y": v}) for v in (0.1, 0.6, 1.1, 1.7)]
    microlitres = Trial.completed({"volume": 1500.0}, {"y": 1.5})
    (one,) = Bayes().suggest(problem, [*history, microlitres], n=1, seed=0)
    (without,) = Bayes().suggest(problem, history, n=1, seed=0)
    assert (one.point, one.info["left_out"]) == (without.point, 1)


def test_a_better_point_outside_the_bounds_is_not_what_is_to_be_surpassed() -> None:
    problem = Problem(Space([Real("x", 0, 10)]), Objective("y"))
    inside = [Trial.completed(p, {"y": -((float(p["x"]) - 3) ** 2)}) for p in problem.space.sample(8, seed=1)]
    outside = Trial.completed({"x": 15.0}, {"y": 50.0})
    for planner in (Bayes(), Forest(initial=4)):
        (plain,) = planner.suggest(problem, inside, n=1, seed=0)
        (other,) = planner.suggest(problem, [*inside, outside], n=1, seed=0)
        assert other.info["gain"] > 0.01 * plain.info["gain"]
    two = Problem(problem.space, [Objective("y"), Objective("z")])
    both = [Trial.completed(one.point, {"y": one.outcome["y"], "z": float(one.point["x"])}) for one in inside]
    far = Trial.completed({"x": 15.0}, {"y": 50.0, "z": 50.0})
    (suggestion,) = Bayes().suggest(two, [*both, far], n=1, seed=0)
    assert suggestion.info["rule"] == "hypervolume"
    assert "fallback" not in suggestion.info


def test_a_point_outside_the_bounds_teaches() -> None:
    # beyond the bound y falls again: with that known, the bound itself is no longer the best guess
    inside = [Trial.completed({"x": x}, {"y": (x, 1e-3)}) for x in (0.0, 0.3, 0.6, 0.85)]
    outside = [Trial.completed({"x": x}, {"y": (-3.0, 1e-3)}) for x in (1.05, 1.2)]
    (alone,) = Bayes().predict(LINE, inside, [{"x": 1.0}])
    (taught,) = Bayes().predict(LINE, [*inside, *outside], [{"x": 1.0}])
    assert taught.mean["y"] < alone.mean["y"] - 1


def test_a_candidate_that_is_none_in_the_history(planner: Any) -> None:
    pool = Problem(Candidates({"u": [0.0, 1.0, 2.0, 3.0, 4.0, 5.0], "c": ["p", "q", "r"] * 2}), [Objective("y")])
    history = [Trial.completed(p, outcome(pool, float(p["u"]))) for p in pool.space.sample(4, 0)]
    odd: list[Point] = [{"u": 9.0, "c": "p"}, {"u": 1.0, "c": "unheard of"}, {"u": 1.0}]
    proposed(planner, pool, [*history, *(Trial.completed(p, outcome(pool, 1.0)) for p in odd)])


# -- spaces


@pytest.mark.parametrize(
    ("make", "told"),
    [
        (lambda: Space([Real("a", 0, 1), Real("b", 0, 1)], ["a + b >= 3"]), "a + b >= 3"),
        (lambda: Space([Mixture(["a", "b"]), Real("t", 0, 1)], ["a >= 0.6", "b >= 0.6"]), "a >= 0.6"),
        (lambda: Space([Integer("k", 1, 9)], ["k >= 3.2", "k <= 3.8"]), "k"),
    ],
)
def test_an_over_constrained_space_is_refused_when_it_is_declared(make: Callable[[], Space], told: str) -> None:
    with pytest.raises(EmptySpace, match="no point of the space satisfies") as caught:
        make()
    assert told in str(caught.value)


def test_a_space_of_a_single_point(planner: Any) -> None:
    space = Space([Real("a", 0, 1), Real("b", 0, 1)], ["a + b >= 2"])
    problem = Problem(space, [Objective("y")])
    (only,) = planner.suggest(problem, [], n=1, seed=0)
    assert only.point == {"a": 1.0, "b": 1.0}
    with pytest.raises(PlannerError, match="2 distinct points were asked for"):
        planner.suggest(problem, [], n=2, seed=0)
    with pytest.raises(PlannerError, match="the space has 0 left"):
        planner.suggest(problem, [Trial.completed(only.point, {"y": 1.0})], n=1, seed=0)


def test_a_pending_point_of_another_space_does_no_harm(planner: Any) -> None:
    history = [Trial.completed(p, outcome(LINE, float(p["x"]))) for p in LINE.space.sample(8, 0)]
    found = planner.suggest(LINE, history, n=1, pending=[{"other": 1.0}, {"x": 3.0}], seed=0)
    LINE.space.check(found[0])
    assert found[0].info["left_out"] == 1  # the one that has no place


@pytest.mark.parametrize(
    ("asked", "told"),
    [
        ({"n": 2.5}, "n must be a whole number, got 2.5"),
        ({"n": True}, "n must be a whole number, got True"),
        ({"seed": None}, "seed must be a whole number, got None"),
        ({"seed": -1}, "seed must be 0 or more, got -1"),
        (
            {"history": [{"x": 0.5, "y": 1.0}]},
            r"history\[0\] must be a Trial, got .* Trial.completed\(point, outcome\)",
        ),
        ({"problem": LINE.space}, "a planner is asked about a Problem, got Space"),
    ],
)
def test_a_question_that_is_none_is_refused(planner: Any, asked: dict[str, Any], told: str) -> None:
    whole: dict[str, Any] = {"problem": LINE, "history": [], "n": 1, "seed": 0, **asked}
    problem, history = whole.pop("problem"), whole.pop("history")
    with pytest.raises(InputError, match=told):
        planner.suggest(problem, history, **whole)


@pytest.mark.parametrize("asked", [{}, {"x": "many"}, {"x": math.nan}])
def test_questions_about_points_of_another_space_are_refused(asked: Any) -> None:
    history = [Trial.completed(p, outcome(LINE, float(p["x"]))) for p in LINE.space.sample(8, 0)]
    for planner in (Bayes(), Forest()):
        with pytest.raises(OutsideSpace):
            planner.predict(LINE, history, [asked])
        with pytest.raises(OutsideSpace):
            planner.explain(LINE, history, asked, seed=0)
    assert issubclass(OutsideSpace, InputError)
