"""Exports: what is in the files, and what is never overwritten."""

import csv
import io
import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from event_model import DocumentNames, schema_validators

from autolab.campaign import Campaign
from autolab.journal.journal import Journal
from autolab.journal.reading import JournalReader
from autolab.loop.export import STANDARD_OUTPUT, export
from autolab.model.errors import InputError, JournalRefused, TrialFailed
from autolab.model.objectives import Objective
from autolab.model.parameters import Categorical, Real
from autolab.model.problem import Problem
from autolab.model.space import Space
from autolab.planners.sobol import Sobol

PROBLEM = Problem(
    Space([Real("temperature", 20, 50, unit="degC"), Categorical("salt", ["Li, pure", 'the "other"'])]),
    [Objective("conductivity", unit="mS/cm")],
    ["cost <= 0.9"],
)


def measure(point: dict[str, Any]) -> dict[str, Any]:
    if point["temperature"] > 40:
        msg = "it boiled,\nand was gone"
        raise TrialFailed(msg)
    return {"conductivity": (point["temperature"] / 3, 0.125), "cost": 0.1, "extra": 7.0}


@pytest.fixture
def campaign(tmp_path: Path) -> Campaign:
    """Return a campaign that has performed eight trials."""
    made = Campaign(PROBLEM, planner=Sobol(), evaluate=measure, journal=tmp_path / "j.sqlite", seed=2)
    made.run(8, progress=False)
    return made


def rows_of(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(stream))


def test_trials_have_their_units_in_the_heads(campaign: Campaign, tmp_path: Path) -> None:
    assert campaign.export(tmp_path / "t.csv") == [tmp_path / "t.csv"]
    head = (tmp_path / "t.csv").read_text(encoding="utf-8").splitlines()[0]
    assert head.split(",") == [
        "trial",
        "source",
        "fidelity",
        "state",
        "invalidated",
        "temperature [degC]",
        "salt",
        "conductivity [mS/cm]",
        "conductivity_se [mS/cm]",
        "cost",
        "cost_se",
        "extra",
        "extra_se",
        "attempts",
        "reason",
        "started [s]",
        "ended [s]",
        "started_at",
        "ended_at",
    ]


def test_trials_can_be_read_back_without_loss(campaign: Campaign, tmp_path: Path) -> None:
    campaign.export(tmp_path / "t.csv")
    rows, trials = rows_of(tmp_path / "t.csv"), campaign.history.trials
    assert len(rows) == len(trials) == 8
    assert {row["state"] for row in rows} == {"completed", "failed"}
    for row, trial in zip(rows, trials, strict=True):
        assert (int(row["trial"]), row["state"], row["reason"]) == (trial.number, trial.state, trial.reason)
        assert float(row["temperature [degC]"]) == trial.point["temperature"]
        assert row["salt"] == trial.point["salt"]
        assert float(row["started [s]"]) == trial.attempts[0].started
        if trial.usable:
            assert float(row["conductivity [mS/cm]"]) == trial.outcome["conductivity"].value
            assert float(row["conductivity_se [mS/cm]"]) == 0.125
            assert row["cost_se"] == ""
        else:
            assert row["conductivity [mS/cm]"] == ""
        assert row["started_at"].endswith("+00:00")


def test_what_was_exported_can_be_imported(campaign: Campaign, tmp_path: Path) -> None:
    campaign.export(tmp_path / "t.csv")
    other = Campaign(PROBLEM, planner=Sobol(), evaluate=measure, journal=tmp_path / "k.sqlite", seed=9)
    results = other.import_trials(tmp_path / "t.csv", renamed={"extra": "", "extra_se": ""})
    for told, own in zip(results.trials, campaign.history.trials, strict=True):
        assert (dict(told.point), told.state, told.reason) == (dict(own.point), own.state, own.reason)
        assert {name: told.outcome[name] for name in told.outcome} == {
            name: own.outcome[name] for name in own.outcome if name != "extra"
        }


def test_imported_and_inherited_trials_come_along_when_asked(campaign: Campaign, tmp_path: Path) -> None:
    campaign.import_trials([{"temperature": 25.0, "salt": "Li, pure", "conductivity": 9.0, "cost": 0.5}])
    campaign.export(tmp_path / "own.csv")
    campaign.export(tmp_path / "all.csv", everything=True)
    assert len(rows_of(tmp_path / "own.csv")) == 8
    rows = rows_of(tmp_path / "all.csv")
    assert [row["source"] for row in rows].count("import") == 1
    assert rows[0]["conductivity [mS/cm]"] == "9.0"
    assert rows[0]["started [s]"] == rows[0]["ended_at"] == ""


def test_events_are_those_of_the_journal(campaign: Campaign, tmp_path: Path) -> None:
    campaign.export(events=tmp_path / "e.jsonl")
    lines = [json.loads(line) for line in (tmp_path / "e.jsonl").read_text(encoding="utf-8").splitlines()]
    with JournalReader.open(campaign.journal_path) as reader:
        events = list(reader.events())
    assert [(line["seq"], line["kind"], line["body"]) for line in lines] == [
        (event.seq, event.kind, event.body) for event in events
    ]


def test_documents_are_valid_pairs(dosing: Callable[..., Any], tmp_path: Path) -> None:
    lab = dosing()
    lab.go(1)
    lab.export(tmp_path / "t.csv", documents=tmp_path / "d.jsonl")
    pairs = [json.loads(line) for line in (tmp_path / "d.jsonl").read_text(encoding="utf-8").splitlines()]
    assert [pairs[0][0], pairs[-1][0]] == ["start", "stop"]
    assert {name for name, _document in pairs} >= {"start", "descriptor", "event", "stop"}
    for name, document in pairs:
        schema_validators[DocumentNames[name]].validate(document)
    (row,) = rows_of(tmp_path / "t.csv")
    assert row["fidelity"] == "virtual"
    assert float(row["bias [%]"]) == lab.history.trials[0].outcome["bias"].value  # its unit is the protocol's


def test_a_reading_that_is_no_number_survives(tmp_path: Path) -> None:
    with Journal.open(tmp_path / "j.sqlite") as journal:
        journal.append("opened", {"fidelity": "virtual", "digests": {}})
        journal.add_documents(None, None, [("event", {"data": {"pH": math.nan}})])
    export(tmp_path / "j.sqlite", problem=None, documents=tmp_path / "d.jsonl")
    name, document = json.loads((tmp_path / "d.jsonl").read_text(encoding="utf-8"))
    assert name == "event"
    assert math.isnan(document["data"]["pH"])


def test_a_journal_in_use_and_without_trials(tmp_path: Path) -> None:
    with Journal.open(tmp_path / "j.sqlite") as journal:
        journal.append("opened", {"fidelity": "virtual", "digests": {}})
        export(tmp_path / "j.sqlite", problem=PROBLEM, trials=tmp_path / "t.csv")
    assert len((tmp_path / "t.csv").read_text(encoding="utf-8").splitlines()) == 1


def test_an_attempt_under_way_has_no_end_yet(tmp_path: Path) -> None:
    point = {"temperature": 25.0, "salt": "Li, pure"}
    body = {
        "decision": 0,
        "seed": 1,
        "n": 1,
        "asked": {"history": 0, "pending": []},
        "suggestions": [{"point": point}],
        "trials": [1],
    }
    with Journal.open(tmp_path / "j.sqlite", now=lambda: 5.0) as journal:
        journal.append("opened", {"fidelity": "virtual", "digests": {}})
        journal.append("decided", body)
        journal.append("reviewed", {"verdict": "approved"}, trial=1)
        journal.append("attempt_started", {}, trial=1, attempt=1)
        export(tmp_path / "j.sqlite", problem=PROBLEM, trials=tmp_path / "t.csv")
    (row,) = rows_of(tmp_path / "t.csv")
    assert (row["state"], row["started [s]"], row["ended [s]"], row["ended_at"]) == ("running", "5.0", "", "")
    assert row["started_at"] != ""


def test_nothing_is_overwritten_without_force(campaign: Campaign, tmp_path: Path) -> None:
    target = tmp_path / "t.csv"
    target.write_text("mine", encoding="utf-8")
    with pytest.raises(InputError, match=r"t\.csv: there already, and nothing was written"):
        campaign.export(target, events=tmp_path / "e.jsonl")
    assert target.read_text(encoding="utf-8") == "mine"
    assert not (tmp_path / "e.jsonl").exists()
    campaign.export(target, force=True)
    assert target.read_text(encoding="utf-8").startswith("trial,")


def test_a_file_appears_when_it_is_whole(campaign: Campaign, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from autolab.loop import export as module

    def breaks(*_args: object) -> list[object]:
        raise ZeroDivisionError

    monkeypatch.setattr(module, "row", breaks)
    before = sorted(tmp_path.iterdir())
    with pytest.raises(ZeroDivisionError):
        campaign.export(tmp_path / "t.csv")
    assert [path for path in sorted(tmp_path.iterdir()) if "sqlite" not in path.name] == [
        path for path in before if "sqlite" not in path.name
    ]


def test_standard_output(campaign: Campaign, monkeypatch: pytest.MonkeyPatch) -> None:
    stream = io.StringIO()
    monkeypatch.setattr("sys.stdout", stream)
    assert campaign.export("-") == [STANDARD_OUTPUT]
    assert len(list(csv.DictReader(io.StringIO(stream.getvalue())))) == 8


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        ({}, "say what to export"),
        ({"trials": "-", "events": "-"}, "asked for twice"),
        ({"trials": "absent/t.csv"}, "cannot be written: No such file or directory"),
    ],
)
def test_what_cannot_be_asked(
    campaign: Campaign, asked: dict[str, str], message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(InputError, match=message):
        campaign.export(**asked)  # type: ignore[arg-type]


def test_a_journal_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(JournalRefused, match=r"j\.sqlite"):
        export(tmp_path / "j.sqlite", problem=None, trials=tmp_path / "t.csv")
