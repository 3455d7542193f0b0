"""`autolab export`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from autolab.cli.console import console
from autolab.cli.failures import command
from autolab.cli.targets import Target, journal_of, problem_of

File = Path | None


@command
def export(
    target: Target = Path("campaign.yaml"),
    trials: Annotated[File, typer.Option(metavar="FILE", help="CSV of the trials; - for standard output.")] = None,
    documents: Annotated[File, typer.Option(metavar="FILE", help="JSON Lines of bluesky documents.")] = None,
    events: Annotated[File, typer.Option(metavar="FILE", help="JSON Lines of the journal's events.")] = None,
    everything: Annotated[bool, typer.Option("--all", help="Imported and inherited trials, too.")] = False,
    force: Annotated[bool, typer.Option("--force", help="Replace files that are there.")] = False,
) -> None:
    """Write trials, documents or events for other programs; the journal may be in use."""
    from autolab.journal.history import fold
    from autolab.journal.reading import JournalReader
    from autolab.loop.export import STANDARD_OUTPUT
    from autolab.loop.export import export as write

    path = journal_of(target)
    with JournalReader.open(path) as reader:
        problem = problem_of(fold(reader.events()))
    written = write(
        path, problem=problem, trials=trials, documents=documents, events=events, force=force, everything=everything
    )
    for one in written:
        if one != STANDARD_OUTPUT:
            tell_beside(f"wrote {one}")


def tell_beside(text: str) -> None:
    """Print to standard error: standard output may be the export itself."""
    console(error=True).print(text, markup=False, soft_wrap=True)
