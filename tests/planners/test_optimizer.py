"""A planner with a memory, for other people's plans: ids, failures, checkpoints, and what is refused."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from autolab.model.candidates import Candidates
from autolab.model.errors import InputError, OutsideSpace, PlannerError
from autolab.model.objectives import Objective
from autolab.model.parameters import Categorical, Integer, Real
from autolab.model.problem import Problem
from autolab.model.seeds import decision_seed
from autolab.model.space import Space
from autolab.model.suggestion import Suggestion
from autolab.model.trial import Point, Trial, Value
from autolab.planners import optimizer_state
from autolab.planners.forest import Forest
from autolab.planners.optimizer import PlannerOptimizer, StoppingOptimizer, as_optimizer
from autolab.planners.sobol import Sobol

SPACE = Space([Real("x", 0, 1), Integer("k", 1, 9), Categorical("c", ["p", "q"])])
PROBLEM = Problem(SPACE, [Objective("y")])
POINT: dict[str, Value] = {"x": 0.25, "k": 3, "c": "q"}


class Noted:
    """A planner that notes what it is asked, and proposes as `Sobol` does."""

    def __init__(self) -> None:
        self.heard: list[dict[str, Any]] = []

    def suggest(
        self, problem: Problem, history: Sequence[Trial], *, n: int, pending: Sequence[Point] = (), seed: int
    ) -> list[Suggestion]:
        self.heard.append({"history": list(history), "n": n, "pending": list(pending), "seed": seed})
        return Sobol().suggest(problem, history, n=n, pending=pending, seed=seed)


@pytest.fixture
def optimizer() -> PlannerOptimizer:
    return as_optimizer(PROBLEM, Sobol(), seed=7)


def test_ids_count_up_and_points_are_plain(optimizer: PlannerOptimizer) -> None:
    found = [*optimizer.suggest(), *optimizer.suggest(2)]
    assert [one["_id"] for one in found] == [1, 2, 3]
    assert [set(one) for one in found] == [{"_id", "x", "k", "c"}] * 3
    assert json.loads(json.dumps(found)) == found
    assert list(optimizer.pending) == [1, 2, 3]
    assert len({SPACE.key(one) for one in found}) == 3


def test_the_planner_is_given_history_pending_points_and_a_seed_of_its_own_for_each_decision() -> None:
    planner = Noted()
    before = Trial.completed(POINT, {"y": 5.0})
    optimizer = as_optimizer(PROBLEM, planner, seed=7, history=[before])
    first, second = optimizer.suggest(2)
    optimizer.ingest([{"_id": first["_id"], "y": (2.0, 0.5)}])
    optimizer.suggest()

    one, other = planner.heard
    assert (one["n"], one["pending"], one["seed"]) == (2, [], decision_seed(7, 0))
    assert [dict(trial.point) for trial in one["history"]] == [POINT]
    assert (other["n"], other["seed"]) == (1, decision_seed(7, 1))
    assert other["pending"] == [{key: value for key, value in second.items() if key != "_id"}]
    assert [trial.outcome["y"].value for trial in other["history"]] == [5.0, 2.0]
    assert other["history"][1].outcome["y"].standard_error == 0.5


def test_a_planner_that_cannot_leaves_the_state_as_it_was() -> None:
    problem = Problem(Space([Integer("k", 1, 2)]), [Objective("y")])
    optimizer = as_optimizer(problem, Sobol(), seed=7)
    with pytest.raises(PlannerError, match="3 distinct points were asked for"):
        optimizer.suggest(3)
    assert optimizer.state() == as_optimizer(problem, Sobol(), seed=7).state()


def test_outcomes_come_in_any_order_and_shape(optimizer: PlannerOptimizer) -> None:
    optimizer.suggest(5)
    optimizer.ingest(
        [
            {"_id": np.int64(3), "y": np.float32(3.0), "camera": "x.png"},
            {"_id": 1, "y": (np.float64(1.0), np.float64(0.1)), "x": 0.9, "note": None},
            {"_id": 2, "y": np.array([2.0])},
            {"_id": 4, "y": [4, float("nan")]},
            {"_id": 5, "y": np.array(5)},
        ]
    )
    told = [(trial.outcome["y"].value, trial.outcome["y"].standard_error) for trial in optimizer.trials]
    assert told == [(1.0, 0.1), (2.0, None), (3.0, None), (4.0, None), (5.0, None)]
    assert optimizer.trials[0].point["x"] != 0.9


def test_points_from_elsewhere(optimizer: PlannerOptimizer) -> None:
    optimizer.ingest([{**POINT, "y": 1.0}, {**POINT, "x": np.float64(1.5), "_id": "baseline", "y": 2.0}])
    assert [(dict(t.point), t.source, t.state) for t in optimizer.trials] == [
        (POINT, "import", "completed"),
        ({**POINT, "x": 1.5}, "import", "completed"),
    ]
    assert type(optimizer.trials[1].point["x"]) is float


@pytest.mark.parametrize("value", [float("nan"), float("inf"), (float("nan"), 0.1), np.float64("nan")])
def test_what_is_not_finite_is_a_failure(optimizer: PlannerOptimizer, value: Any) -> None:
    optimizer.suggest()
    optimizer.ingest([{"_id": 1, "y": value}])
    (trial,) = optimizer.trials
    assert trial.state == "failed"
    assert trial.reason.startswith("y is ")


REFUSED: list[tuple[Any, type[Exception], str]] = [
    ({"_id": 9, "y": 1.0}, InputError, "there is no suggestion with the _id 9; under way: 1, 2"),
    ({"_id": "1", "y": 1.0}, InputError, "there is no suggestion with the _id '1'"),
    ({"_id": True, "y": 1.0}, InputError, "there is no suggestion with the _id True"),
    ({"_id": [1], "y": 1.0}, InputError, r"there is no suggestion with the _id \[1\]"),
    ({"_id": 1}, InputError, "an outcome needs y; y missing"),
    ({"_id": 1, "y": None}, InputError, "outcome 'y' must be a number"),
    ({"_id": 1, "y": "three"}, InputError, "outcome 'y'"),
    ({"_id": 1, "y": (1.0, -2.0)}, InputError, "a standard error must be finite and not negative"),
    ({"_id": 2, "y": 1.0}, InputError, "suggestion 2 is told twice in one call"),
    ({"_id": 3, "y": 1.0}, InputError, "suggestion 3 is completed already: it can be told once only"),
    ({"x": 0.5, "y": 1.0}, InputError, "a point needs x, k, c; k, c missing"),
    ({**POINT, "c": "z", "y": 1.0}, OutsideSpace, "cannot be encoded"),
]


@pytest.mark.parametrize(("wrong", "error", "told"), REFUSED)
def test_what_is_wrong_is_told_and_nothing_is_taken(wrong: Any, error: type[Exception], told: str) -> None:
    optimizer = as_optimizer(PROBLEM, Sobol(), seed=7)
    optimizer.suggest(3)
    optimizer.ingest([{"_id": 3, "y": 0.0}])
    before = optimizer.state()
    with pytest.raises(error, match=told):
        optimizer.ingest([{"_id": 2, "y": 1.0}, wrong])
    assert optimizer.state() == before


def test_what_is_swapped_or_no_list_is_told(optimizer: PlannerOptimizer) -> None:
    with pytest.raises(InputError, match=r"must be able to suggest, got Problem.*; problem first, then planner"):
        as_optimizer(Sobol(), PROBLEM, seed=1)  # type: ignore[arg-type]
    with pytest.raises(InputError, match=r"ingest takes a list of points, got one: .*; put it in brackets"):
        optimizer.ingest({"_id": 1, "y": 1.0})  # type: ignore[arg-type]
    with pytest.raises(InputError, match="seed must be a whole number, got 'a'"):
        as_optimizer(PROBLEM, Sobol(), seed="a")  # type: ignore[arg-type]
    with pytest.raises(InputError, match="seed must be 0 or more, got -1"):
        as_optimizer(PROBLEM, Sobol(), seed=-1)
    with pytest.raises(InputError, match="n must be a whole number, got '3'"):
        optimizer.suggest("3")  # type: ignore[arg-type]


def test_points_of_a_person_get_ids(optimizer: PlannerOptimizer) -> None:
    (found,) = optimizer.register_suggestions([{**POINT, "_id": "mine", "x": np.float64(3.0)}])
    assert found == {"_id": 1, **POINT, "x": 3.0}
    assert dict(optimizer.pending[1]) == {**POINT, "x": 3.0}
    for wrong, told in (({**POINT, "kk": 1}, "there is no parameter 'kk'"), ({"x": 1.0}, "k, c missing")):
        with pytest.raises(InputError, match=told):
            optimizer.register_suggestions([POINT, wrong])
    assert len(optimizer.trials) == 1


def test_failures_are_noted_once(optimizer: PlannerOptimizer) -> None:
    found = optimizer.suggest(3)
    optimizer.ingest([{"_id": 3, "y": 1.0}])
    optimizer.register_failures([found[0], {"_id": 2, "reason": "clogged"}])
    optimizer.register_failures([found[0]])
    assert [(trial.state, trial.reason) for trial in optimizer.trials] == [
        ("failed", "the acquisition or its evaluation failed"),
        ("failed", "clogged"),
        ("completed", ""),
    ]
    with pytest.raises(InputError, match="suggestion 3 is completed already"):
        optimizer.register_failures([found[2]])
    with pytest.raises(InputError, match="there is no suggestion with the _id None"):
        optimizer.register_failures([{"x": 1.0}])


def test_suggestions_can_be_withdrawn(optimizer: PlannerOptimizer) -> None:
    optimizer.suggest(3)
    with pytest.raises(InputError, match="_id 8"):
        optimizer.withdraw([1, 8])
    assert list(optimizer.pending) == [1, 2, 3]
    optimizer.withdraw([1, 3])
    assert list(optimizer.pending) == [2]
    with pytest.raises(InputError, match="suggestion 1 is abandoned already"):
        optimizer.ingest([{"_id": 1, "y": 1.0}])


def test_the_best_point_and_the_pareto_front() -> None:
    optimizer = as_optimizer(PROBLEM, Sobol(), seed=7)
    assert optimizer.get_best_points() == []
    optimizer.ingest([{**POINT, "y": 1.0}, {**POINT, "k": 4, "y": (3.0, 0.5)}])
    assert optimizer.get_best_points() == [(2, {**POINT, "k": 4}, {"y": (3.0, 0.5)})]

    both = Problem(SPACE, [Objective("y"), Objective("z", "minimize")], ["w <= 1"])
    optimizer = as_optimizer(both, Sobol(), seed=7)
    rows = [(1.0, 1.0, 0.0), (3.0, 2.0, 0.0), (1.0, 2.0, 0.0), (9.0, 0.0, 2.0)]
    optimizer.ingest([{**POINT, "k": i + 1, "y": y, "z": z, "w": w} for i, (y, z, w) in enumerate(rows)])
    assert [number for number, _, _ in optimizer.get_best_points()] == [1, 2]


def test_a_rule_says_when_to_stop() -> None:
    def enough(problem: Problem, trials: Sequence[Trial]) -> str | None:
        return "two are enough" if len(trials) > 1 else None

    optimizer = as_optimizer(PROBLEM, Sobol(), seed=7, stop=enough)
    assert isinstance(optimizer, StoppingOptimizer)
    assert optimizer.should_stop() == (False, None)
    optimizer.suggest(2)
    assert optimizer.should_stop() == (True, "two are enough")
    assert not hasattr(as_optimizer(PROBLEM, Sobol(), seed=7), "should_stop")


# -- checkpoints


def busy(planner: Any, path: Path | None = None) -> PlannerOptimizer:
    before = Trial.completed({**POINT, "x": np.float64(0.5)}, {"y": 1.0}, fidelity="virtual")
    optimizer = as_optimizer(PROBLEM, planner, seed=7, history=[before, before.invalidate("spilled")], checkpoint=path)
    optimizer.suggest(5)
    optimizer.ingest([{"_id": 3, "y": (2.0, 0.1)}, {"_id": 4, "y": float("nan")}])
    optimizer.register_failures([{"_id": 5}])
    optimizer.withdraw([6])
    return optimizer


def test_a_restored_optimizer_goes_on_as_the_first_would(tmp_path: Path) -> None:
    path = tmp_path / "state.json"
    first = busy(Forest(initial=2), path)
    first.checkpoint()
    again = as_optimizer(PROBLEM, Forest(initial=2), seed=99, checkpoint=path)
    again.restore()

    assert again.trials == first.trials
    assert list(again.pending) == [7]
    assert again.state() == first.state()
    assert again.suggest(2) == first.suggest(2)


def test_a_state_is_a_mapping_too() -> None:
    first = busy(Sobol())
    state = json.loads(json.dumps(first.state()))
    again = as_optimizer(PROBLEM, Sobol(), seed=1)
    again.restore(state)
    assert again.suggest(3) == first.suggest(3)
    assert again.seed == 7


@given(calls=st.lists(st.sampled_from(["suggest", "ingest", "fail", "register", "withdraw"]), max_size=12))
@settings(max_examples=30)
def test_at_any_time_the_state_is_all_there_is(calls: list[str]) -> None:
    optimizer = as_optimizer(PROBLEM, Sobol(), seed=7)
    for i, call in enumerate(calls):
        again = as_optimizer(PROBLEM, Sobol(), seed=0)
        again.restore(optimizer.state())
        for one in (optimizer, again):
            waiting = [{"_id": number, "y": float(i)} for number in list(one.pending)[:1]]
            if call == "suggest":
                one.suggest(2)
            elif call == "register":
                one.register_suggestions([{**POINT, "x": i / 12}])
            elif call == "withdraw":
                one.withdraw([row["_id"] for row in waiting])
            else:
                (one.ingest if call == "ingest" else one.register_failures)(waiting)
        assert again.trials == optimizer.trials


def test_a_checkpoint_is_whole_or_not_at_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "state.json"
    optimizer = busy(Sobol(), path)
    optimizer.checkpoint()
    before = path.read_text(encoding="utf-8")

    def full(handle: int) -> None:
        raise OSError(28, "No space left on device")

    optimizer.suggest()
    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space left"):
        optimizer.checkpoint()
    assert path.read_text(encoding="utf-8") == before
    assert [one.name for one in tmp_path.iterdir()] == ["state.json"]


def test_without_a_file_nothing_is_written() -> None:
    optimizer = as_optimizer(PROBLEM, Sobol(), seed=7)
    with pytest.raises(InputError, match="there is no file to write to: give as_optimizer"):
        optimizer.checkpoint()
    with pytest.raises(InputError, match="there is nothing to restore from"):
        optimizer.restore()


def damaged(**changes: Any) -> dict[str, Any]:
    return {**busy(Sobol()).state(), **changes}


@pytest.mark.parametrize(
    ("state", "told"),
    [
        ({}, "its version is None, not 1"),
        ({"autolab_optimizer": 2}, "its version is 2, not 1"),
        (damaged(problem="0"), "another problem"),
        (damaged(trials=[{}]), "the state is damaged: KeyError: 'outcome'"),
        (damaged(trials=None), "the state is damaged: TypeError"),
        (damaged(seed="x"), "the state is damaged: ValueError"),
    ],
)
def test_a_state_that_is_none_is_refused(state: dict[str, Any], told: str) -> None:
    optimizer = busy(Sobol())
    before = optimizer.state()
    with pytest.raises(InputError, match=told):
        optimizer.restore(state)
    assert optimizer.state() == before


@pytest.mark.parametrize(("text", "told"), [("[1]", "it holds a list"), ("{", "is no state of an optimizer")])
def test_a_file_that_is_none_is_refused(tmp_path: Path, text: str, told: str) -> None:
    path = tmp_path / "state.json"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(InputError, match=told):
        as_optimizer(PROBLEM, Sobol(), seed=7, checkpoint=path).restore()
    with pytest.raises(InputError, match="cannot be read: No such file"):
        as_optimizer(PROBLEM, Sobol(), seed=7).restore(tmp_path / "nowhere.json")


def test_problems_are_told_apart() -> None:
    others = [
        Problem(Space([Real("x", 0, 1)]), [Objective("y")]),
        Problem(Space([Real("x", 0, 2)]), [Objective("y")]),
        Problem(Space([Real("x", 0, 1)]), [Objective("y", "minimize")]),
        Problem(Space([Real("x", 0, 1)]), [Objective("y")], ["y <= 1"]),
        Problem(Candidates({"x": [1.0, 2.0], "c": ["p", "q"]}), [Objective("y")]),
        Problem(Candidates({"x": [1.0, 3.0], "c": ["p", "q"]}), [Objective("y")]),
        Problem(Candidates({"x": [1.0, 2.0], "c": ["p", "r"]}), [Objective("y")]),
    ]
    assert len({optimizer_state.digest(one) for one in others}) == 7
    assert optimizer_state.digest(others[4]) == optimizer_state.digest(
        Problem(Candidates({"x": [1.0, 2.0], "c": ["p", "q"]}), [Objective("y")])
    )


def test_what_cannot_be_saved_is_told() -> None:
    strange = Trial(0, POINT, "running", info={"who": object()})
    with pytest.raises(TypeError, match="cannot be saved"):
        as_optimizer(PROBLEM, Sobol(), seed=7, history=[strange]).state()
