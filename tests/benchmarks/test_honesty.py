"""Random problems asked of `Bayes`: no fault in some hundreds of points; and a judge that misses no planted fault."""

import importlib.util
import sys
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from autolab.model.errors import AutolabError, PlannerError
from autolab.model.objectives import Objective
from autolab.model.parameters import Categorical, Integer, Mixture, Ordinal, Real
from autolab.model.problem import Problem
from autolab.model.space import Space
from autolab.model.suggestion import Suggestion
from autolab.model.trial import Trial, Value
from autolab.planners.bayes import Bayes

SPACE = Space(
    [
        Mixture(["a", "b", "c"], bounds={"a": (0.1, 0.8)}, at_most=2),
        Real("x", 1, 3),
        Integer("k", 0, 4),
        Ordinal("v", [1, 2, 5]),
        Categorical("s", ["p", "q"]),
    ]
)
GOOD: dict[str, Value] = {"a": 0.25, "b": 0.75, "c": 0.0, "x": 2.0, "k": 3, "v": 2, "s": "q"}


@pytest.fixture(scope="module")
def script() -> ModuleType:
    path = Path(__file__).parents[2] / "benchmarks" / "planners" / "honesty.py"
    spec = importlib.util.spec_from_file_location("honesty_script", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["honesty_script"] = module  # its dataclasses look themselves up
    spec.loader.exec_module(module)
    return module


def answered(script: ModuleType, *points: dict[str, Any], n: int | None = None, **changes: Any) -> set[str]:
    """Return the faults found in an answer."""
    asked = script.Case(
        "box", Problem(SPACE, Objective("y")), [], [], [], len(points) if n is None else n, 0, script.Bayes()
    )
    found = [Suggestion(point, {"rule": "design"}) for point in points]
    return {what for what, _ in script.judged(replace(asked, **changes), found)}


# -- the judge


def test_a_good_answer_has_no_fault(script: ModuleType) -> None:
    assert answered(script, GOOD, {**GOOD, "s": "p"}) == set()


@pytest.mark.parametrize(
    "wrong",
    [
        {"x": 3.00001},
        {"x": 1 - 1e-8},
        {"k": 5},
        {"k": 3.0},
        {"v": 3},
        {"s": "r"},
        {"a": 0.05, "b": 0.95},
        {"a": 0.85, "b": 0.15},
        {"a": 0.25, "b": 0.7499999},
        {"a": 0.25, "b": 0.5, "c": 0.25},
        {"x": float("nan")},
        {"b": -0.1, "a": 0.8, "c": 0.3},
    ],
)
def test_a_value_outside_is_seen(script: ModuleType, wrong: dict[str, Any]) -> None:
    assert answered(script, {**GOOD, **wrong}) == {"outside bounds"}


def test_rounding_is_no_fault(script: ModuleType) -> None:
    assert answered(script, {**GOOD, "x": 3 + 1e-10, "b": 0.75 + 1e-10}) == set()


def test_a_broken_constraint_is_seen(script: ModuleType) -> None:
    rules = [("x <= 1.5", lambda point: point["x"] - 1.5)]
    assert answered(script, GOOD, rules=rules) == {"constraint broken"}
    assert answered(script, GOOD, rules=[("undefined", lambda point: float("nan"))]) == {"constraint broken"}
    assert answered(script, GOOD, rules=[("x <= 2", lambda point: point["x"] - 2 - 1e-10)]) == set()


def test_the_same_again_is_seen(script: ModuleType) -> None:
    assert answered(script, GOOD, GOOD) == {"twice in a batch"}
    other = {**GOOD, "s": "p"}
    trial = Trial.completed(GOOD, {"y": 1.0})
    assert answered(script, GOOD, other, history=[trial]) == {"tried before"}
    assert answered(script, GOOD, history=[Trial.failed(GOOD, "no")]) == {"tried before"}
    assert answered(script, GOOD, history=[trial.invalidate("spilled")]) == set()
    assert answered(script, GOOD, pending=[GOOD]) == {"tried before"}


def test_what_is_not_shared_or_not_counted_right_is_seen(script: ModuleType) -> None:
    shared = Problem(SPACE, Objective("y"), same_in_batch=["s"])
    assert answered(script, GOOD, {**GOOD, "s": "p"}, problem=shared) == {"not shared"}
    assert answered(script, GOOD, n=2) == {"wrong count"}


def test_a_fallback_is_seen(script: ModuleType) -> None:
    asked = script.Case("box", Problem(SPACE, Objective("y")), [], [], [], 1, 0, script.Bayes())
    found = [Suggestion(GOOD, {"rule": "design", "fallback": "singular"})]
    assert [what for what, _ in script.judged(asked, found)] == ["fell back"]


class Broken:
    """A planner that does something wrong."""

    def __init__(self, error: Exception | None = None) -> None:
        self._error, self._calls = error, 0

    def suggest(self, problem: Problem, history: object, *, n: int, pending: object, seed: int) -> list[Suggestion]:
        if self._error is not None:
            raise self._error
        self._calls += 1
        return [Suggestion(point, {"rule": "design"}) for point in problem.space.sample(n, self._calls)]


@pytest.mark.parametrize(
    ("planner", "fault", "refusal"),
    [
        (Broken(ZeroDivisionError("by 0")), "other error", ""),
        (Broken(PlannerError("the space has 0 left")), "refused in vain", "PlannerError"),
        (Broken(), "not pure", ""),
    ],
    ids=["untyped", "in-vain", "impure"],
)
def test_a_planner_that_goes_wrong_is_seen(
    script: ModuleType, monkeypatch: pytest.MonkeyPatch, planner: Broken, fault: str, refusal: str
) -> None:
    asked = script.Case("box", Problem(SPACE, Objective("y")), [], [], [], 2, 0, planner)
    monkeypatch.setattr(script, "case", lambda seed: asked)
    tally = script.try_one(20)
    assert tally.counts["box", fault] == tally.faults == 1
    assert list(tally.refusals) == ([refusal] if refusal else [])
    assert tally.examples[fault][0].startswith("--only 20: ")


def test_a_refusal_that_is_right_is_counted_and_no_fault(script: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    small = Problem(Space([Integer("k", 1, 3)]), Objective("y"))
    monkeypatch.setattr(script, "case", lambda seed: script.Case("box", small, [], [], [], 5, 0, Bayes()))
    tally = script.try_one(1)
    assert (tally.faults, tally.suggestions, dict(tally.refusals)) == (0, 0, {"PlannerError": 1})


# -- the cases


def test_cases_are_the_same_again_and_of_all_kinds(script: ModuleType) -> None:
    kinds, states, pending = set(), set(), 0
    for seed in range(0, 600, 10):
        try:
            asked, again = script.case(seed), script.case(seed)
        except AutolabError:
            continue
        assert (asked.history, asked.pending, asked.n, asked.planner) == (
            again.history,
            again.pending,
            again.n,
            again.planner,
        )
        kinds.add(asked.kind)
        states |= {trial.state for trial in asked.history}
        pending += len(asked.pending)
        for point in asked.problem.space.sample(6, 1):  # the space and the judge understand constraints alike
            assert all(judge(point) <= 1e-9 for _, judge in asked.rules), (seed, point)
    assert kinds == {"box", "linear", "nonlinear", "mixture", "pool"}
    assert states >= {"completed", "failed", "running", "rejected", "abandoned"}
    assert pending > 0


# -- the whole


@pytest.mark.slow
def test_some_hundreds_of_points_are_honest(script: ModuleType, capsys: pytest.CaptureFixture[str]) -> None:
    tally = script.try_many(range(5_000_000, 5_000_120))
    script.show(tally)
    assert tally.faults == 0, capsys.readouterr().out
    assert tally.suggestions > 300


def test_the_command_tells_by_its_status_whether_there_was_a_fault(
    script: ModuleType, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    good = script.Case("box", Problem(SPACE, Objective("y")), [], [], [], 2, 0, Bayes())
    monkeypatch.setattr(script, "case", lambda seed: good)
    assert script.main(["--only", "7"]) == 0
    assert "| all | 2 | 2 |" in capsys.readouterr().out
    monkeypatch.setattr(script, "case", lambda seed: replace(good, planner=Broken(ZeroDivisionError("by 0"))))
    assert script.main(["--only", "7"]) == 1
    assert "other error:\n  --only 7: ZeroDivisionError: by 0" in capsys.readouterr().out
