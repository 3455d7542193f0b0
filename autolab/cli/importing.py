"""`autolab import`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from autolab.cli.checking import tell_faults
from autolab.cli.console import say, say_json
from autolab.cli.failures import INPUT_WRONG, command, refuse
from autolab.cli.targets import AsJson

if TYPE_CHECKING:
    from autolab.campaign import Campaign
    from autolab.spec.results import Results


@command
def import_results(
    campaign: Annotated[Path, typer.Argument(help="The campaign file.")],
    results: Annotated[Path, typer.Argument(help="CSV of results: as `autolab export` writes it, or anybody's.")],
    renamed: Annotated[
        list[str] | None,
        typer.Option("--map", metavar="HEAD=NAME", help="What a column means; HEAD= to leave it out. Repeatable."),
    ] = None,
    fidelity: Annotated[
        Literal["physical", "virtual"] | None,
        typer.Option(help="Where the results were measured; physical, unless a column says otherwise."),
    ] = None,
    convert: Annotated[
        bool, typer.Option("--convert", help="Convert known units, decimal commas and sums; this is recorded.")
    ] = False,
    keep_outside: Annotated[
        bool, typer.Option("--keep-outside", help="Keep points outside of the space as knowledge.")
    ] = False,
    again: Annotated[bool, typer.Option("--again", help="Take rows that are known already.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only check.")] = False,
    physical: Annotated[
        bool, typer.Option("--physical", help="For a campaign that will run on hardware; nothing moves now.")
    ] = False,
    journal: Annotated[Path | None, typer.Option(help="The record; beside the campaign file by default.")] = None,
    as_json: AsJson = False,
) -> None:
    """Bring past results into a campaign, as knowledge for its planner.

    Nothing is imported when anything is wrong with the file; every fault is told, with line and column.
    """
    from autolab.model.errors import FaultyFile

    loaded = _load(campaign, journal, physical)
    try:
        brought = loaded.import_trials(
            results,
            renamed=_pairs(renamed or []),
            fidelity=fidelity,
            convert=convert,
            keep_outside=keep_outside,
            again=again,
            dry_run=dry_run,
        )
    except FaultyFile as error:
        tell_faults(error, as_json)
        raise typer.Exit(INPUT_WRONG) from None
    _tell(loaded, brought, dry_run, as_json)


def _load(path: Path, journal: Path | None, physical: bool) -> Campaign:
    """Return the campaign with the fidelity of its journal, where it has one."""
    from autolab.campaign import Campaign

    loaded = Campaign.from_file(path, journal=journal, physical=physical)
    if not physical and loaded.journal_path.exists() and loaded.history.fidelity == "physical":
        return Campaign.from_file(path, journal=journal, physical=True)
    return loaded


def _pairs(given: list[str]) -> dict[str, str]:
    pairs = {}
    for text in given:
        head, equals, name = text.rpartition("=")
        if not equals or not head.strip():
            raise refuse(f"--map {text!r} must be like 'T=temperature', or 'notes=' to leave a column out")
        pairs[head.strip()] = name.strip()
    return pairs


def _tell(loaded: Campaign, brought: Results, dry_run: bool, as_json: bool) -> None:
    completed = sum(trial.state == "completed" for trial in brought.trials)
    told = {
        "ok": True,
        "imported": 0 if dry_run else len(brought.trials),
        "completed": completed,
        "failed": len(brought.trials) - completed,
        **brought.told(),
        "dry_run": dry_run,
        "journal": str(loaded.journal_path),
    }
    if as_json:
        say_json(told)
        return
    what = f"{len(brought.trials)} trials ({completed} completed, {told['failed']} failed)"
    say(f"{brought.name}: {what} {'could be imported; nothing was written' if dry_run else 'imported'}")
    for head, how in brought.converted.items():
        say(f"  converted: {head}: {how}")
    if brought.outside:
        say(f"  {len(brought.outside)} of them outside of the space, kept as knowledge")
    for line in brought.skipped:
        say(f"  left out: {line}")
    other = {trial.fidelity for trial in brought.trials} - {"physical" if loaded.physical else "virtual"}
    if other and loaded.lab is not None:
        say(f"  note: they are {', '.join(sorted(other))} results for a campaign that is not", style="yellow")
