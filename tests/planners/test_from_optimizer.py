"""An optimizer with the contract of bluesky-adaptive, as a planner: rebuilt by replay."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from autolab.campaign import Campaign
from autolab.model.contracts import Planner
from autolab.model.errors import InputError
from autolab.model.objectives import Objective, OutcomeConstraint
from autolab.model.parameters import Integer, Mixture, Real
from autolab.model.problem import Problem
from autolab.model.space import Space
from autolab.model.trial import Trial
from autolab.planners.forest import Forest
from autolab.planners.from_optimizer import FromOptimizer
from autolab.planners.optimizer import as_optimizer

SPACE = Space([Real("x", 0, 1), Integer("k", 1, 9)])
PROBLEM = Problem(SPACE, [Objective("y")], [OutcomeConstraint("z", "<=", 1)])
MADE: list[Any] = []


class Least:
    """The least that the contract asks for: it goes half the way to the best point."""

    def __init__(self, problem: Problem, seed: int) -> None:
        self.seed, self.told = seed, list[dict[str, Any]]()
        MADE.append(self)

    def suggest(self, num_points: int | None = None) -> Sequence[Mapping[str, Any]]:
        best = max(self.told, key=lambda one: one["y"], default={"x": 0.0, "k": 1})
        return [{"_id": i, "x": (best["x"] + 1 - i / 10) / 2, "k": best["k"] + 0.3} for i in range(num_points or 1)]

    def ingest(self, points: Sequence[Mapping[str, Any]]) -> None:
        self.told += [dict(one) for one in points]


class Most(Least):
    """One that can be told more."""

    def __init__(self, problem: Problem, seed: int) -> None:
        super().__init__(problem, seed)
        self.registered: list[dict[str, Any]] = []
        self.failed: list[dict[str, Any]] = []

    def register_suggestions(self, suggestions: Sequence[Mapping[str, Any]]) -> Sequence[Mapping[str, Any]]:
        found = [{**one, "_id": len(self.registered) + i} for i, one in enumerate(suggestions)]
        self.registered += found
        return found

    def register_failures(self, suggestions: Sequence[Mapping[str, Any]]) -> None:
        self.failed += [dict(one) for one in suggestions]


HISTORY = [
    Trial.completed({"x": 0.5, "k": 2}, {"y": (1.0, 0.1), "z": 0.5, "else": 9.0}),
    Trial.failed({"x": 0.1, "k": 3}, "clogged"),
]


def test_it_is_a_planner() -> None:
    assert isinstance(FromOptimizer(Least), Planner)
    assert FromOptimizer(Least) == FromOptimizer(Least)
    assert FromOptimizer("a.b:c").factory == "a.b:c"


def test_a_journal_can_hold_where_its_factory_is_from() -> None:
    assert FromOptimizer("a.b:c").settings.factory == "a.b:c"
    assert FromOptimizer(Least).settings.factory == f"{Least.__module__}:Least"
    assert FromOptimizer(partial(Least)).settings.factory == "functools:partial"


def test_a_campaign_goes_on_with_it(tmp_path: Path) -> None:
    def goes(journal: str, n: int) -> Campaign:
        problem = Problem(SPACE, [Objective("y")])
        campaign = Campaign(problem, planner=FromOptimizer(Least), evaluate=lambda p: {"y": p["x"]}, journal=journal)
        campaign.run(n)
        return campaign

    goes(str(tmp_path / "a.sqlite"), 3)
    in_two, at_once = goes(str(tmp_path / "a.sqlite"), 5), goes(str(tmp_path / "b.sqlite"), 5)
    assert len(in_two.trials) == 5
    assert isinstance(in_two.best, Trial)
    assert isinstance(at_once.best, Trial)
    assert in_two.best.point == at_once.best.point


def test_the_least_is_told_outcomes_and_nothing_else() -> None:
    (found,) = FromOptimizer(Least).suggest(PROBLEM, HISTORY, n=1, pending=[{"x": 0.9, "k": 9}], seed=5)

    assert MADE[-1].told == [{"x": 0.5, "k": 2, "y": (1.0, 0.1), "z": 0.5}]
    assert MADE[-1].seed == 8  # 5, moved on by the three points that are taken
    assert dict(found) == {"x": 0.75, "k": 2}
    assert dict(found.info) == {
        "rule": "optimizer",
        "ignored": ["failures", "points under way"],
        "asked": {"x": 0.75, "k": 2.3},
    }


def test_more_is_told_to_one_that_can_be_told() -> None:
    (found,) = FromOptimizer(Most).suggest(PROBLEM, HISTORY, n=1, pending=[{"x": 0.9, "k": 9}], seed=5)

    assert MADE[-1].registered == [{"x": 0.1, "k": 3, "_id": 0}, {"x": 0.9, "k": 9, "_id": 1}]
    assert MADE[-1].failed == [{"x": 0.1, "k": 3, "_id": 0}]
    assert "ignored" not in found.info


def test_each_call_begins_anew() -> None:
    planner = FromOptimizer(Least)
    first = planner.suggest(PROBLEM, HISTORY, n=2, seed=5)
    planner.suggest(PROBLEM, [], n=2, seed=6)
    assert planner.suggest(PROBLEM, HISTORY, n=2, seed=5) == first
    assert len({id(one) for one in MADE[-3:]}) == 3


def test_its_points_keep_the_space() -> None:
    space = Space([Mixture(["x", "s"]), Integer("k", 1, 9)], ["x + 0.1*k <= 0.9"])
    problem = Problem(space, [Objective("y")])
    with_s = type("WithS", (Least,), {"suggest": lambda self, n: [{"x": 0.9, "s": 0.9, "k": 9.0}] * n})
    found = FromOptimizer(with_s).suggest(problem, [], n=3, seed=1)
    assert all(space.contains(one) for one in found)
    assert len({space.key(one) for one in found}) == 3


def test_a_planner_there_and_back_again() -> None:
    problem = Problem(SPACE, [Objective("y")])
    history = [Trial.completed(one, {"y": float(one["x"])}) for one in SPACE.sample(8, 0)]
    planner = FromOptimizer(lambda problem, seed: as_optimizer(problem, Forest(), seed=seed))
    found = planner.suggest(problem, history, n=2, pending=SPACE.sample(9, 0)[8:], seed=5)
    assert found == planner.suggest(problem, history, n=2, pending=SPACE.sample(9, 0)[8:], seed=5)
    assert not {SPACE.key(one) for one in found} & {SPACE.key(one) for one in SPACE.sample(9, 0)}
    assert dict(found[0].info) == {"rule": "optimizer"}


def test_trouble_ends_in_a_design() -> None:
    def trouble(self: Least, points: Sequence[Mapping[str, Any]]) -> None:
        msg = "singular"
        raise ArithmeticError(msg)

    kind = type("Trouble", (Least,), {"ingest": trouble})
    (found,) = FromOptimizer(kind).suggest(PROBLEM, HISTORY, n=1, seed=1)
    assert dict(found.info) == {"rule": "design", "fallback": "ArithmeticError: singular"}


def test_a_factory_is_found_by_name(monkeypatch: pytest.MonkeyPatch) -> None:
    module = ModuleType("my_optimizers")
    module.make = Least  # type: ignore[attr-defined]  # made here
    module.constant = 3  # type: ignore[attr-defined]  # made here
    monkeypatch.setitem(sys.modules, "my_optimizers", module)
    by_name = FromOptimizer("my_optimizers:make").suggest(PROBLEM, HISTORY, n=1, seed=5)
    assert by_name == FromOptimizer(Least).suggest(PROBLEM, HISTORY, n=1, seed=5)
    for wrong, told in (
        ("my_optimizers:nothing", "cannot be found: module 'my_optimizers' has no attribute"),
        ("nowhere_at_all:make", "cannot be found: No module named"),
        ("my_optimizers:constant", r"must be a function of \(problem, seed\), got 3"),
    ):
        with pytest.raises(InputError, match=told):
            FromOptimizer(wrong).suggest(PROBLEM, [], n=1, seed=1)


@pytest.mark.parametrize("wrong", ["make", "a:", ":b", "a:b c", None, 3])
def test_a_reference_that_is_none_is_refused(wrong: Any) -> None:
    with pytest.raises(InputError, match="factory must be a function"):
        FromOptimizer(wrong)


@pytest.mark.parametrize("lacking", ["suggest", "ingest"])
def test_what_is_no_optimizer_is_refused(lacking: str) -> None:
    kind = type("Half", (), {name: (lambda self: None) for name in {"suggest", "ingest"} - {lacking}})
    with pytest.raises(InputError, match=f"Half lacks {lacking}"):
        FromOptimizer(lambda problem, seed: kind()).suggest(PROBLEM, [], n=1, seed=1)
