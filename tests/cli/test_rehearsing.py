"""`autolab rehearse`: the report, the verdict, the exit code."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import Result

from autolab.campaign import Campaign
from autolab.loop.rehearsal import Rehearsal, SeedRun
from autolab.model.objectives import Objective

Autolab = Callable[..., Result]


@pytest.mark.slow
def test_a_campaign_is_rehearsed(autolab: Autolab, files: Path) -> None:
    result = autolab("rehearse", files / "campaign.yaml", "--seeds", "2", "--trials", "2")
    assert result.exit_code == 0
    assert "Rehearsal of dosing: 30 trials: about" in result.stdout
    for text in ("best error (%)", "Lab time of a trial, by phase", "recover", "after trial"):
        assert text in result.stdout
    assert result.stdout.splitlines()[-1] == "nothing speaks against it"
    assert "[4/4]" in result.stderr
    assert "seed 8 (2 of 2)" in result.stderr
    assert sorted(path.name for path in files.iterdir()) == ["campaign.yaml", "lab.yaml"]


def test_json_and_nothing_else(autolab: Autolab, files: Path) -> None:
    result = autolab("rehearse", files / "campaign.yaml", "--seeds", "1", "--trials", "1", "--json")
    told = json.loads(result.stdout)
    assert (told["ok"], told["planned_trials"], told["rehearsed_trials"]) == (True, 30, 1)
    assert result.stderr == ""


def rehearsed(*runs: SeedRun, asked: int = 1, loaded: float = 500.0) -> Rehearsal:
    objective = (Objective("rate"),)
    return Rehearsal("c", objective, 3, 3, None, {"PC": loaded}, {}, tuple(range(asked)), runs)


GOOD = SeedRun(0, "budget_trials", completed=3, trial_seconds=(1.0,) * 3, consumed={"PC": 310.0})


@pytest.mark.parametrize(
    ("told", "code", "out", "error"),
    [
        (rehearsed(GOOD), 0, "loads: PC needs 310 of 500 mL", ""),
        (rehearsed(GOOD, loaded=300.0), 1, "exceeds: PC needs 310 of 300 mL: load 10 mL more", "cannot be done"),
        (rehearsed(SeedRun(0, "failure_streak", "it broke")), 1, "failure_streak", "after 0 trials (failure_streak)"),
        (rehearsed(GOOD, asked=3), 1, "ended by a person: 1 of 3 seeds were begun", ""),
    ],
)
def test_the_exit_code_is_the_verdict(
    autolab: Autolab,
    files: Path,
    monkeypatch: pytest.MonkeyPatch,
    told: Rehearsal,
    code: int,
    out: str,
    error: str,
) -> None:
    monkeypatch.setattr(Campaign, "rehearse", lambda *_args, **_keywords: told)
    result = autolab("rehearse", files / "campaign.yaml")
    assert result.exit_code == code
    assert out in result.stdout
    assert error in result.stderr


def test_a_faulty_file_is_wrong_input(autolab: Autolab, files: Path) -> None:
    path = files / "campaign.yaml"
    path.write_text(path.read_text(encoding="utf-8").replace("bounds: [0, 60]", "bounds: [60, 0]"), encoding="utf-8")
    result = autolab("rehearse", path)
    assert result.exit_code == 2
    assert "suck_back" in result.stderr
