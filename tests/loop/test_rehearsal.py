"""Rehearsals: what is reckoned from what was seen, and the verdict on it."""

import json
import math
import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from autolab.campaign import Campaign
from autolab.lab.declaration import LabDeclaration
from autolab.loop.budget import Budget
from autolab.loop.progress import Progress
from autolab.loop.rehearsal import Counted, Need, Rehearsal, SeedRun, added_up, mean_and_sd
from autolab.loop.rehearsal_report import as_html, headline, loads, tables, verdicts
from autolab.loop.rehearsing import check_seeds
from autolab.model.errors import InputError, TrialFailed
from autolab.model.objectives import Objective
from autolab.model.parameters import Real
from autolab.model.problem import Problem
from autolab.model.space import Space
from autolab.planners.sobol import Sobol

RATE = Objective("rate", "maximize", unit="mL/min")
RUNS = (
    SeedRun(
        seed=7,
        reason="budget_trials",
        completed=3,
        lab_seconds=400.0,
        trial_seconds=(200.0, 100.0, 100.0),
        phases={"recover": (100.0, 0.0, 0.0), "dose": (100.0, 100.0, 100.0)},
        consumed={"PC": 30.0},
        best={"rate": (None, 1.0, 3.0)},
    ),
    SeedRun(
        seed=8,
        reason="budget_trials",
        completed=2,
        failed=1,
        lab_seconds=460.0,
        trial_seconds=(260.0, 120.0, 80.0),
        phases={"recover": (160.0, 0.0, 0.0), "dose": (100.0, 120.0, 80.0)},
        consumed={"PC": 36.0},
        best={"rate": (2.0, 2.0, 2.0)},
        failures={"short by # g": Counted(1, "short by 0.2 g")},
    ),
)


def rehearsal(*runs: SeedRun, **other: Any) -> Rehearsal:
    """Return a rehearsal of three trials a seed, of so many planned."""
    told: dict[str, Any] = {
        "name": "c",
        "objectives": (RATE,),
        "planned": 3,
        "rehearsed": 3,
        "hours": None,
        "loaded": {},
        "allowed": {},
        "runs": runs or RUNS,
    }
    told["asked"] = tuple(run.seed for run in told["runs"])
    return Rehearsal(**(told | other))


def ended(reason: str, **other: Any) -> SeedRun:
    return SeedRun(seed=7, reason=reason, detail="because", **other)


def test_phases_are_told_with_mean_and_sd_over_all_trials() -> None:
    phases = rehearsal().phases
    assert phases["dose"] == pytest.approx((100.0, math.sqrt(160.0)))
    assert phases["recover"][0] == pytest.approx(260.0 / 6)
    assert rehearsal().trial_seconds[0] == pytest.approx(860.0 / 6)


def test_the_whole_budget_takes_what_was_seen() -> None:
    assert rehearsal().whole_seconds == (430.0, 400.0, 460.0)


def test_what_was_not_rehearsed_is_reckoned_from_the_later_trials() -> None:
    assert rehearsal(planned=13, rehearsed=3).whole_seconds == (1430.0, 1400.0, 1460.0)
    assert "13 are reckoned from them" in rehearsal(planned=13).notes[0]
    assert headline(rehearsal(planned=13)) == "13 trials: about 0:23:50 of lab time (0:23:20 to 0:24:20), 2 seed(s)"


@pytest.mark.parametrize("reason", ["target", "space_exhausted", "budget_hours"])
def test_a_run_that_ended_by_itself_is_not_lengthened(reason: str) -> None:
    whole = rehearsal(ended(reason, lab_seconds=100.0, trial_seconds=(100.0,), completed=1), planned=10, hours=0.1)
    assert whole.whole_seconds[0] == 100.0


@pytest.mark.parametrize(
    ("planned", "loaded", "allowed", "line"),
    [
        (3, 500, None, "loads: PC needs 36 of 500 mL"),
        (30, 500, None, "loads: PC needs 360 of 500 mL"),
        (50, 500, None, "exceeds: PC needs 600 of 500 mL: load 100 mL more, or plan fewer trials"),
        (30, 500, 300, "exceeds: PC needs 360 mL and the budget allows 300 mL: raise budget.consumables.PC"),
        (30, None, None, "loads: PC needs 360 mL (the lab file does not say what is loaded)"),
    ],
)
def test_what_is_needed_of_a_stock(planned: int, loaded: float | None, allowed: float | None, line: str) -> None:
    told = rehearsal(
        planned=planned,
        loaded={} if loaded is None else {"PC": loaded},
        allowed={} if allowed is None else {"PC": allowed},
    )
    (need,) = told.needs
    assert need.per_trial == pytest.approx(11.0)
    assert loads(told)[0].startswith(line)
    assert told.ok == (not line.startswith("exceeds"))


def test_a_syringe_filled_once_is_not_multiplied() -> None:
    filled = ended("budget_trials", completed=2, trial_seconds=(1.0,) * 2, consumed={"PC": 50.0}, used={"PC": 8.0})
    (need,) = rehearsal(filled, planned=12, rehearsed=2).needs
    assert (need.per_trial, need.whole) == (4.0, 90.0)


def test_exactly_enough_is_enough() -> None:
    assert Need("PC", 1.0, 500.0, 500.0).problem == ""


def test_progress_has_the_spread_over_the_seeds() -> None:
    first, second, third = rehearsal().progress("rate")
    assert (first.trial, first.median, first.seeds) == (1, 2.0, 1)
    assert (second.median, second.low, second.high, second.seeds) == (1.5, 1.0, 2.0, 2)
    assert (third.median, third.low, third.high) == (2.5, 2.0, 3.0)


def test_a_seed_that_ended_sooner_keeps_its_best() -> None:
    short = ended("target", completed=1, trial_seconds=(1.0,), best={"rate": (4.0,)})
    assert rehearsal(RUNS[0], short).progress("rate")[2].high == 4.0


@pytest.mark.parametrize("reason", ["failure_streak", "interlock", "error", "waiting"])
def test_a_bad_end_of_any_seed_is_told(reason: str) -> None:
    told = rehearsal(RUNS[0], ended(reason, completed=1, trial_seconds=(1.0, 1.0)))
    assert told.problems == [f"seed 7 ended after 2 trials ({reason}): because"]
    assert verdicts(told)[0].startswith("cannot be done as declared: seed 7")


def test_no_completed_trial_is_told_with_the_most_frequent_reason() -> None:
    failures = {"a #": Counted(2, "a 1"), "b": Counted(5, "b")}
    told = rehearsal(ended("budget_trials", failed=7, trial_seconds=(1.0,) * 7, failures=failures))
    assert told.problems == ["no trial completed; the most frequent reason: b"]


def test_points_that_were_all_rejected_are_told_as_well() -> None:
    violations = {"too hot": Counted(3, "too hot")}
    told = rehearsal(ended("budget_trials", failed=3, violations=violations))
    assert told.problems == ["no trial completed; the most frequent reason: too hot"]


def test_hours_that_do_not_suffice_are_noted() -> None:
    told = rehearsal(ended("budget_hours", completed=5, trial_seconds=(1.0,) * 5), planned=9, hours=2.0)
    assert told.ok
    assert told.notes[0] == "budget.hours (2 h) ends 1 of 1 runs, after 5 of 9 trials"
    assert "exceeds: 300 trials take up to 8:22:40 of 8 h" in rehearsal(planned=300, hours=8.0).notes[0]


def test_nothing_feasible_is_noted() -> None:
    told = rehearsal(ended("budget_trials", completed=2, trial_seconds=(1.0, 1.0), best={"rate": (None, None)}))
    assert "no feasible trial was found with seed 7" in told.notes[0]
    assert "none feasible" in str(told)


def test_equal_reasons_of_several_seeds_are_one() -> None:
    one, other = {"a #": Counted(2, "a 1"), "b": Counted(1, "b")}, {"a #": Counted(3, "a 2")}
    assert added_up([one, other]) == [Counted(5, "a 1"), Counted(1, "b")]


def test_mean_and_sd_of_few() -> None:
    assert mean_and_sd([]) == (0.0, 0.0)
    assert mean_and_sd([2.0]) == (2.0, 0.0)


def test_html_is_escaped_and_text_has_every_table() -> None:
    told = rehearsal(ended("budget_trials", completed=1, failures={"x": Counted(1, "<script>alert(1)</script>")}))
    assert "<script>" not in as_html(told)
    assert "&lt;script&gt;" in told._repr_html_()
    titles = [table.title for table in tables(rehearsal())]
    assert [title for title in titles if title not in str(rehearsal())] == []
    assert "Stocks" in titles


def test_json_is_json_and_has_what_scripts_need() -> None:
    told = json.loads(json.dumps(rehearsal(loaded={"PC": 40.0}, planned=13).to_json(), allow_nan=False))
    assert (told["ok"], told["planned_trials"], told["rehearsed_trials"]) == (False, 13, 3)
    assert told["stocks"][0] | {"verdict": ""} == {
        "stock": "PC",
        "per_trial": 11.0,
        "whole": pytest.approx(156.0),
        "loaded": 40.0,
        "allowed": None,
        "verdict": "",
    }
    assert told["progress"]["rate"][1]["median"] == 1.5
    assert told["phases"]["dose"]["mean_s"] == 100.0
    assert told["seeds"][0]["best"] == {"rate": 3.0}


@pytest.mark.parametrize(("given", "seeds"), [(1, [5]), (3, [5, 6, 7]), ([9, 2], [9, 2])])
def test_seeds(given: Any, seeds: list[int]) -> None:
    assert check_seeds(given, 5) == seeds


@pytest.mark.parametrize("given", [0, -1, [], [1, 1], [-3]])
def test_seeds_that_are_none(given: Any) -> None:
    with pytest.raises(InputError, match="different seeds of 0 or more"):
        check_seeds(given, 5)


# -- of a function


def height(point: dict[str, float]) -> float:
    if point["x"] > 0.9:
        msg = f"it boils at {point['x']:.3f}"
        raise TrialFailed(msg)
    return 3 - (point["x"] - 0.3) ** 2


def function(**other: Any) -> Campaign:
    problem = Problem(Space([Real("x", 0, 1)]), [Objective("h")])
    told: dict[str, Any] = {"evaluate": height, "planner": Sobol(), "budget": Budget(8), "seed": 3}
    return Campaign(problem, **(told | other))


def test_a_function_is_rehearsed_from_the_start_and_its_journal_is_not_touched(tmp_path: Path) -> None:
    campaign = function(journal=tmp_path / "own.sqlite")
    told = campaign.rehearse(2, progress=False)
    assert [run.seed for run in told.runs] == [3, 4]
    assert [run.completed + run.failed for run in told.runs] == [8, 8]
    assert not list(tmp_path.iterdir())
    assert told.ok
    assert "a plain function was called" in told.notes[-1]
    campaign.run(8, progress=False)
    assert campaign.best is not None
    assert told.runs[0].best["h"][-1] == campaign.best.outcome["h"].value  # type: ignore[union-attr]


def test_failures_that_differ_in_numbers_alone_are_one_reason() -> None:
    told = function(seed=0).rehearse(3, progress=False)
    (counted,) = told.failures
    assert counted.count == sum(run.failed for run in told.runs) > 1
    assert counted.example.startswith("it boils at 0.9")


def test_a_stand_in_is_called_in_place_of_the_function() -> None:
    def moves(_point: dict[str, float]) -> float:
        raise AssertionError

    told = function(evaluate=moves).rehearse(1, 4, progress=False, evaluate=lambda point: point["x"])
    assert told.runs[0].completed == 4


def test_all_that_fails_cannot_be_done() -> None:
    told = function(evaluate=lambda _point: math.nan, budget=Budget(8, failure_streak=3)).rehearse(1, progress=False)
    assert not told.ok
    assert "failure_streak" in told.problems[0]
    assert told.problems[1] == "no trial completed; the most frequent reason: h is nan: not a measured value"


def test_progress_is_that_of_the_whole() -> None:
    seen: list[Progress] = []
    function().rehearse(2, 2, progress=seen.append)
    trials = [progress for progress in seen if progress.kind == "trial"]
    assert [(one.done, one.of) for one in trials] == [(1, 4), (2, 4), (3, 4), (4, 4)]
    assert trials[2].text.startswith("seed 4 (2 of 2): h = ")


@pytest.mark.skipif(sys.platform == "win32", reason="there a process cannot send itself SIGINT alone")
def test_ctrl_c_ends_it_with_what_there_is() -> None:
    def interrupted(point: dict[str, float]) -> float:
        calls.append(1)
        if len(calls) == 5:
            os.kill(os.getpid(), signal.SIGINT)
        return point["x"]

    calls: list[int] = []
    told = function(evaluate=interrupted).rehearse(3, 4, progress=False)
    assert told.interrupted
    assert [run.reason for run in told.runs] == ["budget_trials", "interrupted"]
    assert told.runs[1].completed == 1
    assert "ended by a person: 2 of 3 seeds were begun" in told.notes


@pytest.mark.parametrize(
    ("budget", "trials", "message"),
    [(Budget(), None, "say how many"), (Budget(hours=1.0), None, "say how many"), (Budget(3), 0, "at least 1")],
)
def test_there_must_be_an_end(budget: Budget, trials: int | None, message: str) -> None:
    with pytest.raises(InputError, match=message):
        function(budget=budget).rehearse(1, trials, progress=False)


# -- of a lab


def test_a_lab_is_rehearsed_without_limits_of_bottles(dosing: Callable[..., Any]) -> None:
    campaign = dosing()
    stocked = campaign.lab.to_json(addresses=True) | {
        "stocks": {"water": {"solvents": {"water": 1.0}, "density": 0.998, "loaded_mL": 10.0}}
    }
    campaign.lab = LabDeclaration.from_json(stocked)
    told = campaign.rehearse([11], 2, progress=False)
    assert told.runs[0].reason == "budget_trials"
    assert not campaign.journal_path.exists()
    (need,) = told.needs
    assert need.whole > 10.0
    assert 0 < need.per_trial * 2 < need.whole
    assert told.problems == [need.problem]
    assert sum(each[0] for each in told.phases.values()) == pytest.approx(told.trial_seconds[0], abs=0.01)
    assert set(told.runs[0].phases) == {"start", "recover", "safe"}


def test_without_a_virtual_lab_there_is_nothing_to_rehearse_on(dosing: Callable[..., Any]) -> None:
    campaign = dosing()
    bare = campaign.lab.to_json(addresses=True)
    del bare["virtual"]
    campaign.lab = LabDeclaration.from_json(bare)
    with pytest.raises(InputError, match="no `virtual:` section"):
        campaign.rehearse(1, progress=False)


def test_a_stand_in_is_for_functions_alone(dosing: Callable[..., Any]) -> None:
    with pytest.raises(InputError, match="this one runs on a lab"):
        dosing().rehearse(1, evaluate=height, progress=False)


def test_a_lab_that_cannot_start_is_told_as_a_reason(dosing: Callable[..., Any]) -> None:
    campaign = dosing()
    data = campaign.lab.to_json(addresses=True)
    data["interlocks"] = [{"if": "balance.weight >= -1000", "then": "make_safe"}]
    campaign.lab = LabDeclaration.from_json(data)
    told = campaign.rehearse(1, 2, progress=False)
    assert not told.ok
    assert [run.reason for run in told.runs] == ["interlock"]
