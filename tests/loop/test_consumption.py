"""What was drawn from bottles, by the journal: every way an action can end, and whole campaigns."""

import dataclasses
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from autolab.journal.events import Event
from autolab.journal.reading import JournalReader
from autolab.lab.declaration import LabDeclaration
from autolab.loop.consumption import Tally, consumption, levels
from autolab.model.roles import Dispense, Withdraw, command_to_json
from autolab.model.stocks import Stock

MakeDosing = Callable[..., Any]
PUMP = {"driver": "new_era.NE1000"}
LAB = LabDeclaration.from_json(
    {
        "instruments": {
            "valved": {**PUMP, "stock": "PC", "refill": "check_valve"},
            "filled": {**PUMP, "stock": "salt"},
            "second": {**PUMP, "stock": "PC", "refill": "check_valve"},
            "other": {**PUMP, "stock": "unknown", "refill": "check_valve"},
            "waste": PUMP,
        },
        "stocks": {
            "PC": {"solvents": {"PC": 1.0}, "density": 1.205, "loaded_mL": 100},
            "salt": {"solvents": {"EMC": 1.0}, "density": 1.0},
        },
    }
)


class Facts:
    """Events, numbered as they come."""

    def __init__(self) -> None:
        self.events: list[Event] = []
        self.action = 0

    def add(self, kind: Any, attempt: int = 1, action: int | None = None, **body: Any) -> None:
        self.events.append(Event(len(self.events) + 1, 1, 1, kind, 1, attempt, action, 0.0, 0.0, body))

    def intent(self, instrument: str, command: Any, attempt: int = 1) -> int:
        self.action += 1
        value = command_to_json(command)
        self.add("intent", attempt, self.action, instrument=instrument, value=value, verb="set")
        return self.action

    def done(self, instrument: str, command: Any, attempt: int = 1, status: str = "done", **result: Any) -> int:
        number = self.intent(instrument, command, attempt)
        self.add("outcome", attempt, number, status=status, result=result, error=None)
        return number

    @property
    def drawn(self) -> dict[str, float]:
        return consumption(self.events, LAB)


@pytest.fixture
def facts() -> Facts:
    return Facts()


def test_a_pump_with_check_valves_takes_what_it_draws_in_by_its_own_count(facts: Facts) -> None:
    facts.done("valved", Withdraw(10.0, 5.0), volume_mL=9.98)
    facts.done("valved", Dispense(4.0, 5.0), volume_mL=4.0)
    facts.done("second", Withdraw(1.0, 5.0), volume_mL=1.0)
    assert facts.drawn == pytest.approx({"PC": 10.98, "salt": 0.0})


def test_a_pump_without_takes_what_it_pushes_out(facts: Facts) -> None:
    facts.done("filled", Withdraw(10.0, 5.0), volume_mL=10.0)
    facts.done("filled", Dispense(4.0, 5.0), volume_mL=4.0)
    assert facts.drawn == {"PC": 0.0, "salt": 4.0}


def test_pumps_without_a_declared_stock_and_other_actions_count_nothing(facts: Facts) -> None:
    for name in ("other", "waste"):
        facts.done(name, Withdraw(10.0, 5.0), volume_mL=10.0)
    facts.done("valved", None)
    assert facts.drawn == {"PC": 0.0, "salt": 0.0}


def test_where_the_pump_tells_no_count_the_command_stands(facts: Facts) -> None:
    facts.done("valved", Withdraw(3.0, 5.0))
    assert facts.drawn["PC"] == 3.0


def test_what_was_refused_or_is_in_doubt_does_not_count(facts: Facts) -> None:
    facts.done("valved", Withdraw(3.0, 5.0), status="refused")
    facts.done("valved", Withdraw(3.0, 5.0), status="in_doubt")
    facts.intent("valved", Withdraw(3.0, 5.0))
    assert facts.drawn["PC"] == 0.0


@pytest.mark.parametrize(
    ("body", "drawn"),
    [
        ({"verdict": "happened", "amount": None, "result": {}}, 8.0),
        ({"verdict": "happened", "amount": None, "result": {"volume_mL": 7.9}}, 7.9),
        ({"verdict": "partial", "amount": 2.5, "result": {}}, 2.5),
        ({"verdict": "not", "amount": None, "result": {}}, 0.0),
        ({"verdict": "unknown", "amount": None, "result": {}}, 0.0),
    ],
)
@pytest.mark.parametrize("told", [True, False])
def test_what_was_in_doubt_counts_as_it_was_settled(
    facts: Facts, body: dict[str, Any], drawn: float, told: bool
) -> None:
    number = facts.intent("valved", Withdraw(8.0, 5.0))
    if told:
        facts.add("outcome", 1, number, status="in_doubt", result={}, error="InstrumentTimeout")
    facts.add("settled", 1, number, by="reconcile", why="", **body)
    assert facts.drawn["PC"] == drawn


def test_an_attempt_lost_with_the_virtual_bench_is_left_out_and_others_stay(facts: Facts) -> None:
    facts.done("valved", Withdraw(1.0, 5.0), attempt=1, volume_mL=1.0)
    facts.add("attempt_ended", 1, ending="lost")
    facts.done("valved", Withdraw(2.0, 5.0), attempt=2, volume_mL=2.0)
    facts.add("attempt_ended", 2, ending="lost", states={"valved": {"contents_mL": 1.0}})
    assert facts.drawn["PC"] == 1.0


def test_bottles_are_as_loaded_when_a_campaign_is_opened(facts: Facts) -> None:
    facts.done("valved", Withdraw(1.0, 5.0), volume_mL=1.0)
    facts.add("opened")
    facts.done("valved", Withdraw(2.0, 5.0), volume_mL=2.0)
    assert facts.drawn["PC"] == 2.0


def test_a_tally_goes_on_where_it_was(facts: Facts) -> None:
    tally = Tally(LAB)
    facts.done("valved", Withdraw(1.0, 5.0), volume_mL=1.0)
    number = facts.intent("valved", Withdraw(2.0, 5.0))
    for event in facts.events:
        tally.apply(event)
    assert tally.last_seq == 3
    facts.add("outcome", 1, number, status="done", result={"volume_mL": 2.0})
    tally.apply(facts.events[-1])
    assert tally.drawn == facts.drawn == {"PC": 3.0, "salt": 0.0}


WATER = {"water": Stock("water", {"water": 1.0}, density=0.998, loaded=500.0)}


def with_water(lab: LabDeclaration, loaded: float | None = 500.0) -> LabDeclaration:
    stocks = {"water": dataclasses.replace(WATER["water"], loaded=loaded)}
    return dataclasses.replace(lab, stocks=stocks)


def stocked(dosing: MakeDosing, loaded: float | None = 500.0, **attributes: Any) -> Any:
    return dosing(**attributes, lab=with_water(dosing().lab, loaded))


def test_a_campaigns_consumption_is_told_while_it_runs_and_afterwards(dosing: MakeDosing) -> None:
    campaign = stocked(dosing)
    campaign.go(2)
    drawn = consumption(campaign.events(), campaign.lab)["water"]
    commands = [event.body["value"] for event in campaign.events("intent") if event.body["instrument"] == "dosing"]
    asked = sum(value["withdraw"]["volume"] for value in commands if "withdraw" in (value or {}))
    assert drawn == pytest.approx(asked, rel=1e-3)
    assert drawn > 1
    assert campaign.shown[-1].drawn == {"water": (drawn, 500.0)}
    with JournalReader.open(campaign.journal_path) as reader:
        level = levels(reader, 1)["water"]
    assert level == {
        "drawn_mL": round(drawn, 6),
        "loaded_mL": 500.0,
        "left_mL": round(500 - drawn, 6),
        "budget_mL": None,
    }


def test_what_is_loaded_is_not_pinned_and_its_change_is_journaled(dosing: MakeDosing) -> None:
    stocked(dosing).go(1)
    later = stocked(dosing, loaded=900.0)
    later.go(2)
    (amended,) = [event for event in later.events("amended") if "loaded_mL" in event.body]
    assert amended.body["loaded_mL"] == {"old": {"water": 500.0}, "new": {"water": 900.0}}
    with JournalReader.open(later.journal_path) as reader:
        assert levels(reader, 1)["water"]["loaded_mL"] == 900.0


def test_a_journal_without_stocks_has_no_levels(dosing: MakeDosing, tmp_path: Path) -> None:
    campaign = dosing()
    campaign.go(1)
    with JournalReader.open(tmp_path / "journal.sqlite") as reader:
        assert levels(reader, 1) == {}
