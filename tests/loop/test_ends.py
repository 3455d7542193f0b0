"""Targets and consumables end a run as they should: by a feasible trial, by a budget, by a bottle."""

import dataclasses
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from autolab.campaign import Campaign
from autolab.cli.running import NEXT
from autolab.journal.reading import JournalReader
from autolab.journal.requests import request
from autolab.loop.budget import Budget
from autolab.loop.consumption import consumption
from autolab.loop.progress import GOOD_ENDS
from autolab.model.objectives import Objective
from autolab.model.parameters import Real
from autolab.model.problem import Problem
from autolab.model.space import Space
from autolab.model.stocks import Stock
from autolab.planners.sobol import Sobol
from autolab.protocols.gravimetric import Gravimetric

MakeDosing = Callable[..., Any]
PROBLEM = Problem(Space([Real("zeta", 0, 1), Real("alpha", 0, 1)]), [Objective("y", "maximize")], ["cost <= 0.5"])


def outcomes(*values: tuple[float, float]) -> Callable[[Mapping[str, Any]], dict[str, float]]:
    """Return a function that gives one (y, cost) after the other."""
    left = list(values)
    return lambda _point: dict(zip(("y", "cost"), left.pop(0), strict=True))


def campaign(tmp_path: Path, evaluate: Any, target: list[str], trials: int = 4) -> Campaign:
    budget = Budget(trials, target=target)
    return Campaign(PROBLEM, planner=Sobol(), evaluate=evaluate, journal=tmp_path / "y.sqlite", budget=budget)


def test_a_feasible_trial_that_reaches_the_target_ends_the_run_well(tmp_path: Path) -> None:
    made = campaign(tmp_path, outcomes((1.0, 0.1), (9.0, 0.9), (7.0, 0.2), (8.0, 0.2)), ["y >= 7"])
    result = made.run(progress=False)
    assert (result.reason, result.completed, result.ok) == ("target", 3, True)
    assert result.detail == "trial 3 reached the target y >= 7.0 with y = 7"


def test_all_of_a_target_must_be_reached_by_one_trial(tmp_path: Path) -> None:
    made = campaign(tmp_path, outcomes((9.0, 0.4), (1.0, 0.1), (8.0, 0.2)), ["y >= 7", "cost <= 0.3"], trials=3)
    assert made.run(progress=False).detail.startswith("trial 3 reached the target y >= 7.0 and cost <= 0.3")


def test_a_target_that_nothing_reaches_leaves_the_budget_to_end_the_run(tmp_path: Path) -> None:
    assert campaign(tmp_path, outcomes(*[(1.0, 0.1)] * 4), ["y >= 7"]).run(progress=False).reason == "budget_trials"


def test_an_invalidated_trial_reaches_nothing(tmp_path: Path) -> None:
    first = campaign(tmp_path, outcomes((9.0, 0.1)), ["y >= 7"])
    assert first.run(progress=False).reason == "target"
    assert campaign(tmp_path, outcomes(), ["y >= 7"]).run(progress=False).reason == "target", "it is still reached"
    request(first.journal_path, "invalidate", {"trial": 1, "why": "wrong vial"}, by="ada")
    again = campaign(tmp_path, outcomes((1.0, 0.1), (8.0, 0.1)), ["y >= 7"])
    assert again.run(progress=False).detail.startswith("trial 3 reached")


def test_every_good_end_says_what_to_do_next() -> None:
    assert NEXT.keys() >= GOOD_ENDS


def test_points_are_told_in_the_spaces_order(tmp_path: Path) -> None:
    told: list[str] = []
    made = campaign(tmp_path, outcomes((1.0, 0.1)), [])
    made.run(1, progress=lambda progress: told.append(progress.text) if progress.kind == "attempt" else None)
    assert told[0].index("zeta") < told[0].index("alpha")


def test_trials_given_to_run_are_journaled_as_an_amendment(tmp_path: Path) -> None:
    campaign(tmp_path, outcomes((1.0, 0.1)), []).run(1, progress=False)
    made = campaign(tmp_path, outcomes((1.0, 0.1)), [])
    made.run(2, progress=False)
    with JournalReader.open(made.journal_path) as reader:
        opened, amended = reader.events(kinds=["opened", "amended"])
    assert opened.body["settings"]["budget"]["trials"] == 1  # type: ignore[call-overload, index]
    assert amended.body["budget"]["new"]["trials"] == 2  # type: ignore[call-overload, index]


def test_a_target_that_stays_the_same_is_no_amendment(tmp_path: Path) -> None:
    for _run in range(2):
        made = campaign(tmp_path, outcomes(*[(1.0, 0.1)] * 4), ["y >= 7"])
        made.run(progress=False)
    with JournalReader.open(made.journal_path) as reader:
        assert list(reader.events(kinds=["amended"])) == []


class Foretelling(Gravimetric):
    """Tells what an attempt draws: what is missing in the dosing syringe."""

    asked: list[tuple[dict[str, float], dict[str, float]]] = []  # noqa: RUF012  one test looks at it

    def draws(self, _point: Any, contents: dict[str, float], capacities: dict[str, float]) -> dict[str, float]:
        self.asked.append((contents, capacities))
        return {"pump": capacities["pump"] - contents["pump"], "waste": 99.0}


@pytest.fixture
def bench(dosing: MakeDosing) -> Callable[..., Any]:
    """Return a function that makes a dosing campaign with so much water loaded and so much allowed."""

    def make(loaded: float | None, allowed: float | None = None, protocol: Any = None, **attributes: Any) -> Any:
        water = Stock("water", {"water": 1.0}, density=0.998, loaded=loaded)
        budget = Budget(4, consumables={} if allowed is None else {"water": allowed})
        protocol = protocol or Foretelling(repeats=2, rest_s=5.0)
        campaign = dosing(budget=budget, protocol=protocol, **attributes)
        campaign.lab = dataclasses.replace(campaign.lab, stocks={"water": water})
        return campaign

    return make


def test_a_bottle_that_does_not_suffice_ends_the_run_before_anything_moves(bench: Callable[..., Any]) -> None:
    campaign = bench(8.0)
    result = campaign.go()
    assert (result.reason, result.ok, result.completed) == ("budget_consumables", True, 0)
    assert "the bottle of 'water' holds 8 mL (loaded 8, drawn 0), and the next attempt draws 10 mL" in result.detail
    assert "raise stocks.water.loaded_mL" in result.detail
    assert campaign.events("intent") == []
    assert [trial.state for trial in campaign.history.trials] == ["approved"]


def test_the_same_trial_goes_on_when_more_was_loaded(bench: Callable[..., Any]) -> None:
    assert bench(15.0).go().completed >= 1
    before = bench(15.0).history.trials
    waiting = before[-1]
    assert waiting.state == "approved"
    more = bench(500.0)
    assert more.go().reason == "budget_trials"
    assert more.history.trial(waiting.number).point == waiting.point


def test_the_budget_of_a_stock_ends_the_run_before_it_is_overdrawn(bench: Callable[..., Any]) -> None:
    campaign = bench(None, 15.0)
    result = campaign.go()
    assert result.reason == "budget_consumables"
    assert "Raise budget.consumables.water to go on" in result.detail
    assert 0 < consumption(campaign.events(), campaign.lab)["water"] <= 15.0


def test_a_protocol_that_cannot_foretell_is_ended_when_the_budget_is_used_up(bench: Callable[..., Any]) -> None:
    campaign = bench(None, 9.0, Gravimetric(repeats=2, rest_s=5.0))
    result = campaign.go()
    assert result.reason == "budget_consumables"
    assert "the budget of 'water' is used up" in result.detail
    assert consumption(campaign.events(), campaign.lab)["water"] >= 9.0
    assert result.completed == 1


def test_a_protocol_is_asked_with_what_syringes_hold_now(bench: Callable[..., Any]) -> None:
    Foretelling.asked.clear()
    bench(500.0).go(2)
    (first, capacities), (second, _) = Foretelling.asked
    assert first["pump"] == 0.0
    assert 0 < second["pump"] < 10.0
    assert capacities == {"pump": 10.0, "waste": 50.0}


class Broken(Foretelling):
    def draws(self, _point: Any, _contents: Any, _capacities: Any) -> dict[str, float]:
        msg = "no idea"
        raise RuntimeError(msg)


def test_a_protocol_that_fails_to_foretell_ends_nothing(
    bench: Callable[..., Any], caplog: pytest.LogCaptureFixture
) -> None:
    assert bench(500.0, protocol=Broken(repeats=2, rest_s=5.0)).go(1).reason == "budget_trials"
    assert "Broken could not tell what it will draw" in caplog.text
