"""`autolab run`: results, refusals, exit codes; nobody moves hardware by accident."""

import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
from typer.testing import Result

from autolab.loop.progress import RunResult

Autolab = Callable[..., Result]


def test_two_trials_end_with_a_table_and_the_journal(performed: tuple[Path, Result]) -> None:
    folder, result = performed
    assert result.exit_code == 0
    assert "2 completed, 0 failed or rejected" in result.stdout
    assert "rate (mL/min)" in result.stdout
    assert re.search(r"error \(%\)\s+seconds \(s\)", result.stdout)
    assert "Stopped: the budget of 2 trials is used up" in result.stdout
    assert f"Journal: {folder / 'campaign.sqlite'}" in result.stdout


def test_progress_is_told_on_standard_error_in_plain_lines(performed: tuple[Path, Result]) -> None:
    lines = performed[1].stderr.splitlines()
    assert any(re.match(r"\[1/2\] 0:\d\d:\d\d trial 1, trial: error = ", line) for line in lines)
    assert any("trial 2, attempt: attempt 1 at" in line for line in lines)
    assert not any("\x1b" in line for line in lines)


def test_running_again_goes_on_where_it_ended(autolab: Autolab, done: Path) -> None:
    result = autolab("run", done / "campaign.yaml", "--trials", "2", "--json")
    assert result.exit_code == 0
    told = json.loads(result.stdout)
    assert (told["completed"], told["reason"], told["ok"]) == (2, "budget_trials", True)
    assert told["best"][0]["outcome"]["error"][0] > 0
    assert result.stderr == ""


def test_a_changed_campaign_is_refused_with_what_to_do(autolab: Autolab, done: Path) -> None:
    path = done / "campaign.yaml"
    path.write_text(path.read_text(encoding="utf-8").replace("[0, 60]", "[0, 50]"), encoding="utf-8")
    result = autolab("run", path, "--trials", "2")
    assert result.exit_code == 2
    assert "--supersede" in result.stderr
    assert "--accept-change" in result.stderr


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--accept-change", "--supersede"], "exclude each other"),
        (["--physical", "--addresses", "a.json"], "exclude each other"),
        (["--time", "fast"], "time must be 'virtual', 'real' or a factor"),
        (["--trials", "0"], "trials"),
    ],
)
def test_contradictions_are_wrong_input(autolab: Autolab, files: Path, arguments: list[str], message: str) -> None:
    result = autolab("run", files / "campaign.yaml", *arguments)
    assert result.exit_code == 2
    assert message in result.stderr
    assert not list(files.glob("*.sqlite"))


class WouldMoveError(Exception):
    """The campaign would run now."""


@pytest.fixture
def hardware_would_move(monkeypatch: pytest.MonkeyPatch) -> None:
    from autolab.campaign import Campaign

    def run(self: Campaign, *_: object, **__: object) -> RunResult:
        assert self.physical
        raise WouldMoveError

    monkeypatch.setattr(Campaign, "run", run)


@pytest.mark.usefixtures("hardware_would_move")
def test_physical_is_refused_where_nobody_can_be_asked(autolab: Autolab, files: Path) -> None:
    result = autolab("run", files / "campaign.yaml", "--physical")
    assert result.exit_code == 2
    assert "--confirm lab" in result.stderr


@pytest.mark.usefixtures("hardware_would_move")
def test_physical_is_refused_with_another_labs_name(autolab: Autolab, files: Path) -> None:
    result = autolab("run", files / "campaign.yaml", "--physical", "--confirm", "yes")
    assert result.exit_code == 2
    assert "'yes' is not the lab's name, which is 'lab': nothing was moved" in result.stderr


@pytest.mark.usefixtures("hardware_would_move")
def test_physical_with_the_labs_name_runs(autolab: Autolab, files: Path) -> None:
    result = autolab("run", files / "campaign.yaml", "--physical", "--confirm", "lab")
    assert "unexpected WouldMoveError" in result.stderr
    assert result.exit_code == 1


@pytest.mark.parametrize(("typed", "moves"), [("lab\n", True), ("LAB\n", False), ("\n", False)])
def test_a_person_types_the_labs_name(monkeypatch: pytest.MonkeyPatch, typed: str, moves: bool) -> None:
    import io
    import sys

    import typer

    from autolab.cli.running import confirm_physical

    terminal = io.StringIO(typed)
    terminal.isatty = lambda: True  # type: ignore[method-assign]  # as if a person sat there
    monkeypatch.setattr(sys, "stdin", terminal)
    if moves:
        confirm_physical("lab", None)
    else:
        with pytest.raises(typer.Exit, match="2"):
            confirm_physical("lab", None)


@dataclass
class Loaded:
    """As much of a campaign as the result's table needs."""

    journal_path: Path = Path("f.sqlite")
    best: None = None


def test_every_stop_reason_says_what_to_do_next() -> None:
    from typing import get_args

    from autolab.cli.running import NEXT
    from autolab.loop.progress import StopReason

    assert set(NEXT) == set(get_args(StopReason))


def test_a_run_that_did_not_end_as_planned_exits_with_1(
    autolab: Autolab, files: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from autolab.campaign import Campaign

    def run(self: Campaign, *_: object, **__: object) -> RunResult:
        from autolab.journal.journal import Journal

        Journal.open(self.journal_path).close()
        return RunResult("failure_streak", "3 attempts in a row did not complete", 0, 3)

    monkeypatch.setattr(Campaign, "run", run)
    result = autolab("run", files / "campaign.yaml")
    assert result.exit_code == 1
    assert "No trial is feasible yet" in result.stdout
    assert "remove the cause" in result.stdout
