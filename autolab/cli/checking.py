"""`autolab check` and `autolab schema`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from autolab.cli.console import complain, say, say_json, say_line
from autolab.cli.failures import INPUT_WRONG, command
from autolab.cli.targets import AsJson

FileKind = Literal["campaign", "lab", "addresses"]


@command
def check(
    file: Annotated[Path, typer.Argument(help="A campaign file or a lab file.")],
    as_json: AsJson = False,
) -> None:
    """Check a campaign file (and its lab file), or a lab file, and name every fault with its line."""
    from autolab.model.errors import FaultyFile

    try:
        notes = _notes(file)
    except FaultyFile as error:
        tell_faults(error, as_json)
        raise typer.Exit(INPUT_WRONG) from None
    if as_json:
        say_json({"ok": True, "file": str(file), "notes": notes})
        return
    say(f"{file}: no fault found")
    for note in notes:
        say(f"  {note}")


def _notes(file: Path) -> list[str]:
    from autolab.spec.lab import load_lab

    if _is_lab(file):
        lab = load_lab(file)
        return [f"lab of {len(lab.instruments)} instruments: {', '.join(lab.instruments)}"]
    from autolab.campaign import Campaign
    from autolab.model.errors import DesignUnfit, InputError
    from autolab.spec.campaign_file import faulty_planner

    loaded = Campaign.from_file(file)
    try:
        return loaded.check()
    except (DesignUnfit, InputError) as error:
        raise faulty_planner(file, error) from None


def _is_lab(file: Path) -> bool:
    """Return whether a file looks like a lab file; anything else is checked as a campaign file."""
    from autolab.spec.document import read_document

    document = read_document(file, [])
    return document is not None and "instruments" in document.data and "space" not in document.data


def tell_faults(error: object, as_json: bool) -> None:
    """Print all faults of a file."""
    from dataclasses import asdict

    faults = getattr(error, "faults", ())
    if as_json:
        say_json({"ok": False, "faults": [asdict(fault) for fault in faults]})
        return
    for fault in faults:
        complain(str(fault))
    complain(f"{len(faults)} fault{'s' if len(faults) != 1 else ''}")


@command
def schema(
    kind: Annotated[FileKind, typer.Argument(help="Kind of file.")],
    write: Annotated[
        Path | None, typer.Option(help="Write the schemas of all kinds into this folder instead of printing one.")
    ] = None,
) -> None:
    """Print the JSON Schema of campaign, lab or addresses files, for editors that complete and check YAML."""
    from autolab.spec.schema import schema_text, write_schemas

    if write is None:
        say_line(schema_text(kind).rstrip("\n"))
        return
    for path in write_schemas(write):
        say(f"wrote {path}")
