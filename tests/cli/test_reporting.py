"""`autolab report`: of a campaign file or its journal, beside it or where asked."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import Result

Autolab = Callable[..., Result]


@pytest.mark.parametrize("target", ["campaign.yaml", "campaign.sqlite"])
def test_beside_the_journal(autolab: Autolab, done: Path, target: str) -> None:
    result = autolab("report", done / target)

    assert result.exit_code == 0, result.output
    assert result.stdout == f"Report: {done / 'campaign.html'}\n"
    told = (done / "campaign.html").read_text(encoding="utf-8")
    assert "<title>dosing: campaign report</title>" in told
    assert "seconds (s)" in told  # the unit that only the protocol knows


def test_where_asked(autolab: Autolab, done: Path) -> None:
    result = autolab("report", done / "campaign.yaml", "-o", done / "told.html", "--json")

    assert json.loads(result.stdout) == {"report": str(done / "told.html"), "journal": str(done / "campaign.sqlite")}
    assert (done / "told.html").exists()


def test_another_file_is_left_alone(autolab: Autolab, done: Path) -> None:
    before = (done / "lab.yaml").read_bytes()
    result = autolab("report", done / "campaign.yaml", "-o", done / "lab.yaml")

    assert result.exit_code == 2
    assert "no report of autolab: it is left as it is" in result.stderr
    assert (done / "lab.yaml").read_bytes() == before


def test_a_campaign_that_has_not_begun(autolab: Autolab, files: Path) -> None:
    result = autolab("report", files / "campaign.yaml")

    assert result.exit_code == 2
    assert "has no journal yet" in result.stderr
