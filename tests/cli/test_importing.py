"""`autolab import` and `Campaign.import_trials`: knowledge for the planner, or every fault and nothing else."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import Result

from autolab.campaign import Campaign
from autolab.journal.journal import Journal
from autolab.journal.reading import JournalReader
from autolab.model.errors import CampaignChanged, FaultyFile, JournalLocked
from autolab.model.objectives import Objective
from autolab.model.parameters import Real
from autolab.model.problem import Problem
from autolab.model.space import Space
from autolab.planners.sobol import Sobol

Autolab = Callable[..., Result]
HEAD = "rate [mL/min],suck_back [uL],dwell [s],error [%],error_se [%],seconds [s],reason"
ROWS = ["1.5,10,5,0.8,0.1,50,", "3.0,20,5,,,,the nozzle dripped"]


@pytest.fixture
def results(files: Path) -> Path:
    path = files / "results.csv"
    path.write_text("\n".join([HEAD, *ROWS]) + "\n", encoding="utf-8")
    return path


def test_results_are_brought_in(autolab: Autolab, files: Path, results: Path) -> None:
    result = autolab("import", files / "campaign.yaml", results)
    assert result.exit_code == 0
    assert f"{results}: 2 trials (1 completed, 1 failed) imported" in result.stdout
    assert "note: they are physical results for a campaign that is not" in result.stdout
    with JournalReader.open(files / "campaign.sqlite") as reader:
        events = list(reader.events())
    assert [event.kind for event in events] == ["opened", "imported", "stopped"]
    body = events[1].body
    assert body["from"] == str(results)
    assert len(str(body["digest"])) == 64
    assert "@" in str(body["by"])
    assert {event.lab_time for event in events[1:]} == {events[0].lab_time}


def test_the_json_tells_scripts_what_was_done(autolab: Autolab, files: Path, results: Path) -> None:
    told = json.loads(autolab("import", files / "campaign.yaml", results, "--json").stdout)
    assert (told["ok"], told["imported"], told["completed"], told["failed"]) == (True, 2, 1, 1)
    assert told["journal"] == str(files / "campaign.sqlite")


def test_a_dry_run_writes_nothing(autolab: Autolab, files: Path, results: Path) -> None:
    result = autolab("import", files / "campaign.yaml", results, "--dry-run")
    assert result.exit_code == 0
    assert "2 trials (1 completed, 1 failed) could be imported; nothing was written" in result.stdout
    assert not (files / "campaign.sqlite").exists()


def test_every_fault_is_told_and_nothing_is_imported(autolab: Autolab, files: Path, results: Path) -> None:
    results.write_text("\n".join([HEAD.replace("dwell [s]", "dwel [s]"), *ROWS, "99,1,1,1,,1,"]) + "\n")
    result = autolab("import", files / "campaign.yaml", results)
    assert result.exit_code == 2
    lines = result.stderr.splitlines()
    assert lines[0].startswith(f"{results}:1: column 3 (dwel [s]): nothing is called 'dwel'. Did you mean 'dwell'?")
    assert lines[1].startswith(f"{results}:1: no column holds the parameter 'dwell'")
    assert lines[-1] == "2 faults"
    assert not (files / "campaign.sqlite").exists()


def test_faults_as_json(autolab: Autolab, files: Path, results: Path) -> None:
    results.write_text("\n".join([HEAD, "99,1,1,1,,1,"]) + "\n")
    result = autolab("import", files / "campaign.yaml", results, "--json")
    (fault,) = json.loads(result.stdout)["faults"]
    assert (fault["line"], fault["key"]) == (2, "column 1 (rate [mL/min])")


def test_conversions_are_told_and_recorded(autolab: Autolab, files: Path, results: Path) -> None:
    results.write_text("\n".join([HEAD.replace("suck_back [uL]", "back"), "1.5,0.01,5,0.8,,50,"]) + "\n")
    asked = ("import", files / "campaign.yaml", results, "--map", "back=suck_back [mL]")
    result = autolab(*asked)
    assert result.exit_code == 2
    assert "Convert it (uL = mL * 1000), or say --convert" in result.stderr
    result = autolab(*asked, "--convert")
    assert "converted: back: uL = mL * 1000" in result.stdout
    with JournalReader.open(files / "campaign.sqlite") as reader:
        (event,) = reader.events(kinds=["imported"])
    assert event.body["converted"] == {"back": "uL = mL * 1000"}
    assert event.body["trials"][0]["point"]["suck_back"] == 10.0  # type: ignore[index,call-overload]


@pytest.mark.parametrize("given", ["rate", "=rate"])
def test_a_map_that_cannot_be_read(autolab: Autolab, files: Path, results: Path, given: str) -> None:
    result = autolab("import", files / "campaign.yaml", results, "--map", given)
    assert result.exit_code == 2
    assert "must be like 'T=temperature'" in result.stderr


def test_twice_is_refused_unless_it_is_meant(autolab: Autolab, files: Path, results: Path) -> None:
    autolab("import", files / "campaign.yaml", results)
    result = autolab("import", files / "campaign.yaml", results)
    assert result.exit_code == 2
    assert "is known already" in result.stderr
    assert autolab("import", files / "campaign.yaml", results, "--again").exit_code == 0


def test_points_outside_are_kept_when_asked(autolab: Autolab, files: Path, results: Path) -> None:
    results.write_text("\n".join([HEAD, "99,1,1,1,,1,"]) + "\n")
    result = autolab("import", files / "campaign.yaml", results, "--keep-outside")
    assert "1 of them outside of the space, kept as knowledge" in result.stdout


def test_what_cannot_be_learnt_from_is_left_out_and_told(autolab: Autolab, files: Path, results: Path) -> None:
    results.write_text("\n".join([f"state,{HEAD}", f"rejected,{ROWS[0]}"]) + "\n")
    result = autolab("import", files / "campaign.yaml", results)
    assert result.exit_code == 0
    assert "left out: line 2: it is rejected" in result.stdout
    assert not (files / "campaign.sqlite").exists()


def test_a_running_campaign_is_left_alone(autolab: Autolab, files: Path, results: Path) -> None:
    with Journal.open(files / "campaign.sqlite") as journal:
        result = autolab("import", files / "campaign.yaml", results)
        assert journal.last_seq == 0
    assert result.exit_code == 2
    assert "this campaign is running already" in result.stderr


def test_status_says_that_nothing_ran(autolab: Autolab, files: Path, results: Path) -> None:
    autolab("import", files / "campaign.yaml", results)
    told = json.loads(autolab("status", files / "campaign.yaml", "--json").stdout)
    assert (told["state"], told["running"]) == ("stopped: imported", False)
    assert told["stopped"]["detail"] == f"2 trials of {results} were brought in"


def test_a_campaign_for_hardware_begins_as_one(autolab: Autolab, files: Path, results: Path) -> None:
    assert autolab("import", files / "campaign.yaml", results, "--physical").exit_code == 0
    assert json.loads(autolab("status", files / "campaign.yaml", "--json").stdout)["fidelity"] == "physical"
    assert autolab("import", files / "campaign.yaml", results, "--again").exit_code == 0  # as the journal has it
    assert autolab("run", files / "campaign.yaml", "--trials", "1").exit_code == 2


# -- in Python

PROBLEM = Problem(Space([Real("x", 0, 1)]), [Objective("y", unit="V")])
KNOWN = [{"x": 0.2, "y": 1.0, "y_se": 0.1}, {"x": 0.9, "y": 3.0}]


def campaign(path: Path, **other: object) -> Campaign:
    told = {"planner": Sobol(), "evaluate": lambda point: point["x"], "seed": 1} | other
    return Campaign(PROBLEM, journal=path / "j.sqlite", **told)  # type: ignore[arg-type]


def test_the_planner_is_shown_what_was_brought_in(tmp_path: Path) -> None:
    one = campaign(tmp_path)
    one.import_trials(KNOWN)
    one.run(1, progress=False)
    history = one.history
    assert history.decisions[0].history == 2
    assert [trial.source for trial in history.usable_history()] == ["import", "import", "campaign"]


def test_an_import_between_two_runs_takes_no_lab_time(tmp_path: Path) -> None:
    one = campaign(tmp_path)
    one.run(1, progress=False)
    before = one.history.last_lab_time
    one.import_trials(KNOWN)
    assert one.history.last_lab_time == before
    assert one.run(2, progress=False).reason == "budget_trials"


def test_faults_in_python(tmp_path: Path) -> None:
    with pytest.raises(FaultyFile, match=r"table:2: column 1 \(x\): x = 3.0 is outside"):
        campaign(tmp_path).import_trials([{"x": 3.0, "y": 1.0}])
    assert not (tmp_path / "j.sqlite").exists()


def test_another_campaigns_journal_is_refused(tmp_path: Path) -> None:
    campaign(tmp_path).run(1, progress=False)
    with pytest.raises(CampaignChanged, match="seed"):
        campaign(tmp_path, seed=2).import_trials(KNOWN)


def test_a_locked_journal_is_refused(tmp_path: Path) -> None:
    one = campaign(tmp_path)
    one.run(1, progress=False)
    with Journal.open(tmp_path / "j.sqlite"), pytest.raises(JournalLocked, match="running already"):
        one.import_trials(KNOWN)


def test_a_dry_run_in_python(tmp_path: Path) -> None:
    results = campaign(tmp_path).import_trials(KNOWN, dry_run=True)
    assert len(results.trials) == 2
    assert results.told()["from"] == "table"
    assert not (tmp_path / "j.sqlite").exists()
