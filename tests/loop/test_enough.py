"""A campaign ends when too little is left to gain: journaled, and the same when it is run again."""

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from autolab.campaign import Campaign
from autolab.journal.reading import JournalReader
from autolab.loop.budget import Budget
from autolab.model.errors import InputError, PlannerError
from autolab.model.objectives import Objective
from autolab.model.parameters import Real
from autolab.model.problem import Problem
from autolab.model.space import Space
from autolab.model.suggestion import Suggestion
from autolab.model.trial import Point, Trial
from autolab.planners.bayes import Bayes
from autolab.planners.sobol import Sobol
from autolab.spec.objects import from_data, to_data

PROBLEM = Problem(Space([Real("x", 0, 1)]), [Objective("y", unit="g")])


class Telling:
    """Tells gains and regrets as it is told to; a None is not told."""

    def __init__(self, gains: Sequence[float | None] = (), regrets: Sequence[float | Exception] = ()) -> None:
        self._gains, self._regrets = gains, regrets

    def suggest(
        self, problem: Problem, history: Sequence[Trial], *, n: int, pending: Sequence[Point] = (), seed: int
    ) -> list[Suggestion]:
        points = [{"x": (len(history) + i + 1) / 32} for i in range(n)]
        gains = [self._gains[len(history) + i] if self._gains else None for i in range(n)]
        return [Suggestion(p, {} if g is None else {"gain": g}) for p, g in zip(points, gains, strict=True)]

    def regret(self, problem: Problem, history: Sequence[Trial], *, seed: int) -> float:
        told = self._regrets[len(history)]
        if isinstance(told, Exception):
            raise told
        return told


def measure(point: Mapping[str, Any]) -> dict[str, float]:
    return {"y": math.sin(5 * float(point["x"]))}


def campaign(tmp_path: Path, planner: Any, *, batch: int = 1, **rules: Any) -> Campaign:
    budget = Budget(20, **rules)
    return Campaign(
        PROBLEM, planner=planner, evaluate=measure, journal=tmp_path / "y.sqlite", budget=budget, batch=batch
    )


def test_little_to_gain_ends_the_run_before_anything_is_decided(tmp_path: Path) -> None:
    made = campaign(tmp_path, Telling([None, 0.5, 0.1, 0.09]), gain=0.1)
    result = made.run(progress=False)
    assert (result.reason, result.completed, result.ok) == ("gain", 3, True)
    assert result.detail == "the best of the next points is expected to gain 0.09 g of y; the limit is 0.1"
    with JournalReader.open(made.journal_path) as reader:
        (stopped,) = reader.events(kinds=["stopped"])
        assert stopped.body["reason"] == "gain"
        assert len(list(reader.events(kinds=["decided"]))) == 3


def test_it_ends_again_when_run_again_and_goes_on_with_a_lower_limit(tmp_path: Path) -> None:
    gains = [None, 0.5, 0.01, 0.004]
    campaign(tmp_path, Telling(gains), gain=0.1).run(progress=False)
    again = campaign(tmp_path, Telling(gains), gain=0.1).run(progress=False)
    assert (again.reason, again.completed) == ("gain", 2)
    lower = campaign(tmp_path, Telling(gains), gain=0.005).run(progress=False)
    assert (lower.reason, lower.completed) == ("gain", 3)


def test_of_a_batch_all_must_gain_little(tmp_path: Path) -> None:
    gains = [0.5, 0.01, 0.01, 0.5, 0.01, 0.02]
    assert campaign(tmp_path, Telling(gains), batch=2, gain=0.1).run(progress=False).completed == 4


def test_a_planner_that_tells_no_gain_is_ended_by_the_rest_of_the_budget(tmp_path: Path) -> None:
    assert campaign(tmp_path, Sobol(), gain=1e9).run(5, progress=False).reason == "budget_trials"


def test_little_regret_ends_the_run_and_trouble_in_telling_it_does_not(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    regrets: list[float | Exception] = [PlannerError("too few"), 3.0, ArithmeticError("singular"), 0.2]
    result = campaign(tmp_path, Telling(regrets=regrets), regret=0.25).run(progress=False)
    assert (result.reason, result.completed, result.ok) == ("regret", 3, True)
    assert result.detail == "with 95 % probability the best trial lacks at most 0.2 g of y; the limit is 0.25"
    assert "the bound on regret could not be told" in caplog.text
    assert "too few" not in caplog.text


@pytest.mark.slow
@pytest.mark.parametrize("rule", ["gain", "regret"])
def test_the_default_planner_stops_by_itself_near_the_optimum(tmp_path: Path, rule: str) -> None:
    result = campaign(tmp_path, Bayes(), **dict[str, Any]({rule: 0.02})).run(progress=False)
    assert result.reason == rule
    assert result.completed < 20
    (best,) = PROBLEM.front(campaign(tmp_path, Bayes()).history.trials)
    assert best.outcome["y"].value > 0.98


@pytest.mark.slow
def test_another_planner_is_judged_by_the_default_model(tmp_path: Path) -> None:
    result = campaign(tmp_path, Sobol(), regret=0.1).run(progress=False)
    assert result.reason == "regret"


@pytest.mark.parametrize("rule", ["gain", "regret"])
def test_limits_that_make_no_sense_are_refused(rule: str) -> None:
    for wrong in (0.0, -1.0, math.nan, math.inf):
        with pytest.raises(ValueError, match=f"budget.{rule} must be positive and finite"):
            Budget(5, **{rule: wrong})  # type: ignore[arg-type]


def test_several_objectives_have_no_such_rule() -> None:
    two = Problem(PROBLEM.space, [Objective("y"), Objective("z")])
    with pytest.raises(InputError, match="needs one objective, and there are y, z"):
        Campaign(two, planner=Sobol(), evaluate=measure, budget=Budget(5, gain=0.1))


def test_the_rules_survive_being_written() -> None:
    budget = Budget(5, gain=0.1, regret=0.5)
    assert from_data(to_data(budget)) == budget
