"""`autolab init`: what it writes works, and nothing is overwritten."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import Result

from autolab.cli.starting import NEXT
from autolab.spec.schema import schema_text

Autolab = Callable[..., Result]
COMMON = {".gitignore", "README.md"}
FILES = {
    "function": COMMON | {"campaign.py"},
    "virtual": COMMON | {"campaign.yaml", "lab.yaml", ".autolab/campaign.schema.json", ".autolab/lab.schema.json"},
}
FILES["physical"] = FILES["virtual"]


@pytest.fixture(params=["virtual", "physical"])
def project(request: pytest.FixtureRequest, autolab: Autolab, tmp_path: Path) -> Path:
    folder = tmp_path / str(request.param)
    assert autolab("init", folder, "--template", request.param).exit_code == 0
    return folder


@pytest.mark.parametrize("template", FILES)
def test_what_is_written(autolab: Autolab, tmp_path: Path, template: str) -> None:
    result = autolab("init", tmp_path / "a" / "b", "--template", template)
    assert result.exit_code == 0
    there = {
        path.relative_to(tmp_path / "a" / "b").as_posix()
        for path in (tmp_path / "a" / "b").rglob("*.*")
        if path.is_file()
    }
    assert there == FILES[template]
    assert NEXT[template] in result.stdout  # type: ignore[index]
    assert "*.sqlite" in (tmp_path / "a" / "b" / ".gitignore").read_text(encoding="utf-8")


def test_virtual_is_the_default(autolab: Autolab, tmp_path: Path) -> None:
    told = json.loads(autolab("init", tmp_path, "--json").stdout)
    assert told["template"] == "virtual"
    assert sorted(told["files"]) == sorted(str(tmp_path / name) for name in FILES["virtual"])


def test_editors_find_the_schemas(project: Path) -> None:
    for kind in ("campaign", "lab"):
        first = (project / f"{kind}.yaml").read_text(encoding="utf-8").splitlines()[0]
        assert first == f"# yaml-language-server: $schema=.autolab/{kind}.schema.json"
        assert (project / ".autolab" / f"{kind}.schema.json").read_text(encoding="utf-8") == schema_text(kind)


def test_both_files_are_without_fault(autolab: Autolab, project: Path) -> None:
    for name in ("campaign.yaml", "lab.yaml"):
        result = autolab("check", project / name)
        assert result.exit_code == 0, result.stderr


@pytest.mark.slow
def test_it_is_rehearsed(autolab: Autolab, project: Path) -> None:
    result = autolab("rehearse", project / "campaign.yaml", "--seeds", "1", "--trials", "2")
    assert result.exit_code == 0
    assert "loads: water needs" in result.stdout


@pytest.mark.slow
def test_the_virtual_project_runs(autolab: Autolab, tmp_path: Path) -> None:
    autolab("init", tmp_path)
    result = autolab("run", tmp_path / "campaign.yaml", "--trials", "2", "--json")
    assert json.loads(result.stdout)["completed"] == 2


def test_hardware_moves_only_after_confirmation_and_with_addresses(autolab: Autolab, tmp_path: Path) -> None:
    autolab("init", tmp_path, "--template", "physical")
    result = autolab("run", tmp_path / "campaign.yaml", "--physical")
    assert result.exit_code == 2
    assert "--physical moves hardware" in result.stderr
    result = autolab("run", tmp_path / "campaign.yaml", "--physical", "--confirm", "lab", "--no-wait")
    assert result.exit_code == 1
    assert "FILL_IN" in result.stderr
    assert "3 of 3 instruments are not ready; nothing was started" in result.stderr


@pytest.mark.slow
def test_the_function_project_runs_and_goes_on(autolab: Autolab, tmp_path: Path) -> None:
    autolab("init", tmp_path, "--template", "function")
    for trials in ("3", "4"):
        ran = subprocess.run(
            [sys.executable, "campaign.py", trials],
            cwd=tmp_path,
            env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1"},
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )
        assert ran.returncode == 0, ran.stderr
        assert len([line for line in ran.stdout.splitlines() if " completed " in line]) <= int(trials)
    told = json.loads(autolab("status", tmp_path / "campaign.sqlite", "--json").stdout)
    assert sum(told["trials"].values()) == 4


def test_nothing_is_overwritten(autolab: Autolab, tmp_path: Path) -> None:
    (tmp_path / "lab.yaml").write_text("mine", encoding="utf-8")
    result = autolab("init", tmp_path)
    assert result.exit_code == 2
    assert f"{tmp_path / 'lab.yaml'}: there already, and nothing was written" in result.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["lab.yaml"]


def test_a_file_is_no_folder(autolab: Autolab, tmp_path: Path) -> None:
    (tmp_path / "f").write_text("", encoding="utf-8")
    result = autolab("init", tmp_path / "f")
    assert result.exit_code == 2
    assert "is a file: name a folder" in result.stderr


def test_a_folder_that_cannot_be_made(autolab: Autolab, tmp_path: Path) -> None:
    (tmp_path / "f").write_text("", encoding="utf-8")
    result = autolab("init", tmp_path / "f" / "g")
    assert result.exit_code == 2
    assert "cannot be written" in result.stderr


def test_an_unknown_template(autolab: Autolab, tmp_path: Path) -> None:
    result = autolab("init", tmp_path, "--template", "real")
    assert result.exit_code == 2
    assert "function" in result.stderr
