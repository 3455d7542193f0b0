"""`autolab check` and `autolab schema`."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Literal

import pytest
from typer.testing import Result

Autolab = Callable[..., Result]

BROKEN = [("goal: minimize", "goal: minimise"), ("[0, 60]", "[60, 0]")]


def broken(files: Path) -> Path:
    path = files / "campaign.yaml"
    text = path.read_text(encoding="utf-8")
    for old, new in BROKEN:
        assert old in text
        text = text.replace(old, new)
    path.write_text(text, encoding="utf-8")
    return path


def test_a_good_campaign(autolab: Autolab, files: Path) -> None:
    result = autolab("check", files / "campaign.yaml")
    assert result.exit_code == 0
    assert "no fault found" in result.stdout
    assert "3 instruments, virtual lab" in result.stdout
    assert not list(files.glob("*.sqlite"))


def test_a_good_lab(autolab: Autolab, files: Path) -> None:
    result = autolab("check", files / "lab.yaml")
    assert result.exit_code == 0
    assert "dosing, waste, balance" in result.stdout


def test_faults_go_to_standard_error_one_a_line_and_exit_2(autolab: Autolab, files: Path) -> None:
    path = broken(files)
    result = autolab("check", path)
    assert result.exit_code == 2
    assert result.stdout == ""
    first, second, count = result.stderr.splitlines()
    assert first.startswith(f"{path}:8: space.suck_back.bounds: low must be less than high, got [60.0, 0.0]")
    assert second.startswith(f"{path}:12: objectives.error.goal: got 'minimise'. Did you mean 'minimize'?")
    assert count == "2 faults"


@pytest.mark.parametrize(
    ("planner", "told"),
    [
        (
            "{use: level_set, quantity: eror, level: 3}",
            "planner: the problem has no quantity 'eror': did you mean 'error'?",
        ),
        ("{use: bayes, mean: {error: 3 * rat}}", "planner: mean of 'error': there is no parameter 'rat'"),
        (
            "{use: bayes, mean: {error: log(rate - 2)}}",
            "planner: mean of 'error': 'log(rate - 2)' is not defined at {'rate': ",
        ),
        ("{use: simplex_lattice}", "planner: simplex_lattice needs a mixture and the space declares none; "),
        ("{use: bayes, initial: one}", "planner.initial: must be a whole number, got 'one'"),
        ("{use: forest, kind: oak}", "planner.kind: must be one of 'random', 'extra', got 'oak'"),
        ("{use: level_set, quantity: error, level: high}", "planner.level: must be a number, got 'high'"),
        ("{use: bayes, mean: 3}", "planner.mean: must be a mapping of keys to values, got 3"),
    ],
)
def test_a_planner_that_cannot_be_for_the_problem_is_a_fault(
    planner: str, told: str, autolab: Autolab, files: Path
) -> None:
    path = files / "campaign.yaml"
    lines = path.read_text(encoding="utf-8").splitlines()
    (at,) = [i for i, line in enumerate(lines) if line.startswith("planner:")]
    lines[at] = f"planner: {planner}"
    path.write_text("\n".join(lines), encoding="utf-8")
    result = autolab("check", path)
    assert result.exit_code == 2
    first, count = result.stderr.splitlines()
    assert first.startswith(f"{path}:{at + 1}: {told}")
    assert count == "1 fault"


def test_faults_as_json(autolab: Autolab, files: Path) -> None:
    result = autolab("check", broken(files), "--json")
    assert result.exit_code == 2
    told = json.loads(result.stdout)
    assert told["ok"] is False
    assert [(fault["line"], fault["key"]) for fault in told["faults"]] == [
        (8, "space.suck_back.bounds"),
        (12, "objectives.error.goal"),
    ]


def test_a_good_campaign_as_json(autolab: Autolab, files: Path) -> None:
    told = json.loads(autolab("check", files / "campaign.yaml", "--json").stdout)
    assert told["ok"] is True
    assert told["notes"]


def test_a_file_that_is_not_there(autolab: Autolab, tmp_path: Path) -> None:
    result = autolab("check", tmp_path / "no.yaml")
    assert result.exit_code == 2
    assert "No such file" in result.stderr


def test_brackets_in_messages_are_printed_as_they_are(autolab: Autolab, files: Path) -> None:
    path = files / "campaign.yaml"
    path.write_text(path.read_text(encoding="utf-8").replace("name: dosing", "name: [bold]"), encoding="utf-8")
    assert "got ['bold']" in autolab("check", path).stderr


@pytest.mark.parametrize("kind", ["campaign", "lab", "addresses"])
def test_the_schema_is_json(autolab: Autolab, kind: Literal["campaign", "lab", "addresses"]) -> None:
    from autolab.spec.schema import schema

    result = autolab("schema", kind)
    assert result.exit_code == 0
    assert json.loads(result.stdout) == schema(kind)


def test_schemas_are_written(autolab: Autolab, tmp_path: Path) -> None:
    assert autolab("schema", "lab", "--write", tmp_path / "out").exit_code == 0
    assert len(list((tmp_path / "out").glob("*.schema.json"))) == 3


def test_a_kind_that_there_is_not(autolab: Autolab) -> None:
    result = autolab("schema", "planner")
    assert result.exit_code == 2
    assert "campaign" in result.stderr
