"""`autolab export`: files, standard output, refusals."""

import csv
import io
import json
from collections.abc import Callable
from pathlib import Path

from typer.testing import Result

Autolab = Callable[..., Result]


def test_three_files(autolab: Autolab, done: Path) -> None:
    paths = [done / name for name in ("t.csv", "d.jsonl", "e.jsonl")]
    result = autolab(
        "export", done / "campaign.yaml", "--trials", paths[0], "--documents", paths[1], "--events", paths[2]
    )
    assert result.exit_code == 0
    assert result.stdout == ""
    assert result.stderr.splitlines() == [f"wrote {path}" for path in paths]
    assert "rate [mL/min]" in paths[0].read_text(encoding="utf-8")
    assert json.loads(paths[1].read_text(encoding="utf-8").splitlines()[0])[0] == "start"
    assert json.loads(paths[2].read_text(encoding="utf-8").splitlines()[0])["kind"] == "opened"


def test_standard_output_holds_the_export_and_nothing_else(autolab: Autolab, done: Path) -> None:
    result = autolab("export", done / "campaign.sqlite", "--trials", "-")
    rows = list(csv.DictReader(io.StringIO(result.stdout)))
    assert [row["trial"] for row in rows] == ["1", "2"]
    assert float(rows[0]["error [%]"]) > 0
    assert "spread_se [%]" in rows[0]
    assert result.stderr == ""


def test_a_file_that_is_there_is_kept(autolab: Autolab, done: Path) -> None:
    target = done / "t.csv"
    target.write_text("mine", encoding="utf-8")
    result = autolab("export", done / "campaign.yaml", "--trials", target)
    assert result.exit_code == 2
    assert "say --force" in result.stderr
    assert target.read_text(encoding="utf-8") == "mine"
    assert autolab("export", done / "campaign.yaml", "--trials", target, "--force").exit_code == 0


def test_nothing_asked_for(autolab: Autolab, done: Path) -> None:
    result = autolab("export", done / "campaign.yaml")
    assert result.exit_code == 2
    assert "say what to export" in result.stderr


def test_no_journal_yet(autolab: Autolab, files: Path) -> None:
    result = autolab("export", files / "campaign.yaml", "--trials", "-")
    assert result.exit_code == 2
    assert "this campaign has no journal yet" in result.stderr
