"""`autolab replay`: decisions made again, by the campaign file or by the journal alone."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import Result

from autolab.planners.sobol import Sobol

Autolab = Callable[..., Result]


@pytest.mark.parametrize("target", ["campaign.yaml", "campaign.sqlite"])
def test_equal_decisions(autolab: Autolab, done: Path, target: str) -> None:
    result = autolab("replay", done / target)
    assert result.exit_code == 0
    assert "2 equal" in result.stdout


def test_as_json(autolab: Autolab, done: Path) -> None:
    told = json.loads(autolab("replay", done / "campaign.yaml", "--json").stdout)
    assert told["counts"] == {"equal": 2}
    assert [one["decision"] for one in told["decisions"]] == [0, 1]


def test_a_decision_that_differs_is_shown_and_exits_with_1(autolab: Autolab, done: Path) -> None:
    path = done / "campaign.yaml"
    path.write_text(path.read_text(encoding="utf-8").replace("[0, 60]", "[0, 50]"), encoding="utf-8")
    result = autolab("replay", path)
    assert result.exit_code == 1
    assert "different" in result.stdout
    assert "suck_back" in result.stdout


def test_the_journal_tells_its_planner() -> None:
    from autolab.cli.replaying import planner_of
    from autolab.journal.history import History

    declared = {"planner": {"use": "autolab.planners.sobol:Sobol", "with": {}}}
    assert planner_of(History(opened={"declaration": declared})) == Sobol()
    assert planner_of(History(opened={"declaration": {"planner": {"use": "gone.away:Planner"}}})) is None
    assert planner_of(History()) is None


def test_a_journal_that_does_not_tell_is_wrong_input(autolab: Autolab, tmp_path: Path) -> None:
    from autolab.journal.journal import Journal

    path = tmp_path / "f.sqlite"
    Journal.open(path).close()
    result = autolab("replay", path)
    assert result.exit_code == 2
    assert "give the campaign file instead" in result.stderr
