"""`autolab rehearse`."""

from __future__ import annotations

import contextlib
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from autolab.cli.console import complain, say, say_json, say_table
from autolab.cli.failures import WORK_FAILED, command
from autolab.cli.targets import AsJson

if TYPE_CHECKING:
    from autolab.loop.rehearsal import Rehearsal


@command
def rehearse(
    campaign: Annotated[Path, typer.Argument(help="The campaign file.")] = Path("campaign.yaml"),
    seeds: Annotated[int, typer.Option(min=1, help="How often, each time with another seed.")] = 3,
    trials: Annotated[int | None, typer.Option(min=1, help="Trials a seed, in place of the budget's.")] = None,
    as_json: AsJson = False,
) -> None:
    """Run a campaign on the virtual lab in virtual time, and tell what the real one will take.

    Nothing moves, and the campaign's journal is not touched. Exit code 1: it cannot be done as it is declared.
    Ctrl-C ends it with what there is.
    """
    from autolab.campaign import Campaign
    from autolab.loop.display import Display

    loaded = Campaign.from_file(campaign)
    with Display(loaded.problem, quiet=as_json) as display, contextlib.redirect_stdout(sys.stderr):
        told = loaded.rehearse(seeds, trials, progress=display.show)
    if as_json:
        say_json(told.to_json())
    else:
        _say(told)
    if not told.ok or told.interrupted:
        raise typer.Exit(WORK_FAILED)


def _say(told: Rehearsal) -> None:
    from autolab.loop.rehearsal_report import headline, loads, tables, verdicts

    say(f"\nRehearsal of {told.name}: {headline(told)}")
    for table in tables(told):
        say_table(table.columns, table.rows, title=table.title)
    for line in loads(told):
        say(line, style="red" if line.startswith("exceeds") else None)
    for note in told.notes:
        say(note, style="yellow")
    for line in verdicts(told):
        (say if told.ok else complain)(line)
