"""`autolab report`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from autolab.cli.console import say, say_json
from autolab.cli.failures import command
from autolab.cli.targets import AsJson, Target, journal_of


@command
def report(
    target: Target = Path("campaign.yaml"),
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", help="The file to write; beside the journal, ending in .html, by default."),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Write a campaign's report: one HTML file, complete in itself, also while the campaign runs."""
    from autolab.report import write_report

    journal = journal_of(target)
    path = write_report(journal, output)
    if as_json:
        say_json({"report": str(path), "journal": str(journal)})
    else:
        say(f"Report: {path}")
