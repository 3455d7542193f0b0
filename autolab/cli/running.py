"""`autolab run`."""

from __future__ import annotations

import contextlib
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from autolab.cli.console import say, say_json, say_table
from autolab.cli.failures import WORK_FAILED, command, refuse
from autolab.cli.targets import AsJson
from autolab.loop.display import duration, number

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from autolab.campaign import Campaign
    from autolab.loop.progress import RunResult
    from autolab.model.trial import Trial

NEXT: dict[str, str] = {
    "budget_trials": "To go on, raise `budget.trials` and run again.",
    "budget_hours": "To go on, raise `budget.hours` and run again.",
    "budget_consumables": "Then run again: nothing is lost.",
    "target": "To go on, raise or remove `budget.target` and run again.",
    "gain": "To go on, lower or remove `budget.gain` and run again.",
    "regret": "To go on, lower or remove `budget.regret` and run again.",
    "space_exhausted": "To go on, widen the space or take another planner.",
    "stop_requested": "Run again to go on where it stopped.",
    "interrupted": "Run again to go on where it stopped.",
    "failure_streak": "Look at the reasons with `autolab status`, remove the cause, and run again.",
    "interlock": "Look at the lab, remove the cause, and run again with --reset-interlocks.",
    "waiting": "Answer with `autolab approve`, `autolab reject` or `autolab resolve` (`autolab status` lists what is open).",
    "error": "Remove the cause and run again: the journal holds all that happened.",
}


@command
def run(
    campaign: Annotated[Path, typer.Argument(help="The campaign file.")],
    trials: Annotated[int | None, typer.Option(min=1, help="Trials in all, in place of the budget's.")] = None,
    journal: Annotated[Path | None, typer.Option(help="The record; beside the campaign file by default.")] = None,
    addresses: Annotated[
        Path | None, typer.Option(help="File that `autolab simulate --addresses` wrote: its simulators answer.")
    ] = None,
    time: Annotated[
        str | None, typer.Option(help="virtual, real, or a factor such as x60.", metavar="virtual|real|xN")
    ] = None,
    physical: Annotated[
        bool, typer.Option("--physical", help="Use the lab file's own addresses: HARDWARE MOVES.")
    ] = False,
    confirm: Annotated[
        str | None, typer.Option(metavar="LAB", help="With --physical: the lab's name, where nobody can type it.")
    ] = None,
    accept_change: Annotated[
        bool, typer.Option("--accept-change", help="Go on although the files changed; this is recorded.")
    ] = False,
    supersede: Annotated[
        bool, typer.Option("--supersede", help="Begin a new campaign that inherits the journal's history.")
    ] = False,
    wait: Annotated[bool, typer.Option(help="Wait for people when only they can go on.")] = True,
    wire_log: Annotated[
        Path | None, typer.Option(help="Append all that passes over the ports: `autolab lab wire` shows it.")
    ] = None,
    reset_interlocks: Annotated[
        bool, typer.Option("--reset-interlocks", help="The cause of a tripped interlock was found and removed.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Run a campaign, or go on where its journal ends.

    Virtual, unless you say --physical and confirm. The first Ctrl-C finishes actions that must not be cut off, ends
    waits and makes safe; the second makes safe at once.
    """
    from autolab.campaign import Campaign

    if accept_change and supersede:
        raise refuse("--accept-change and --supersede exclude each other: choose one")
    if physical and addresses is not None:
        raise refuse("--physical and --addresses exclude each other: hardware answers, or simulators do")
    loaded = Campaign.from_file(campaign, addresses=addresses, physical=physical, journal=journal, time=time)
    loaded.wire_log = wire_log
    if physical:
        confirm_physical(_lab_name(campaign), confirm)
    on_change = "accept" if accept_change else "supersede" if supersede else "refuse"
    result = _watched(loaded, as_json, trials=trials, on_change=on_change, wait=wait, reset_interlocks=reset_interlocks)
    _tell_result(loaded, result, as_json)
    if not result.ok:
        raise typer.Exit(WORK_FAILED)


def _watched(loaded: Campaign, quiet: bool, **how: Any) -> RunResult:  # noqa: ANN401  passed on to Campaign.run
    from autolab.loop.display import Display

    with Display(loaded.problem, quiet=quiet) as display, contextlib.redirect_stdout(sys.stderr):
        return loaded.run(progress=display.show, **how)  # bluesky prints when it aborts; our output is the result only


def confirm_physical(lab: str, given: str | None) -> None:
    """Make sure that a person wants hardware to move.

    Args:
        lab: Name of the lab: its file's name without the ending.
        given: What the person gave with --confirm.

    Raises:
        Exit: They do not, or nobody could be asked.
    """
    if given is None and not sys.stdin.isatty():
        raise refuse(f"--physical moves hardware, and nobody can be asked here. Say --confirm {lab} if that is meant")
    if given is None:
        say("Hardware will move. Stand beside it, and know where the emergency stop is.")
        given = str(typer.prompt(f"Type the lab's name ({lab}) to go on", default="", show_default=False))
    if given.strip() != lab:
        raise refuse(f"{given!r} is not the lab's name, which is {lab!r}: nothing was moved")


def _lab_name(campaign: Path) -> str:
    from autolab.spec.campaign_file import load_campaign

    lab = load_campaign(campaign).lab_path
    if lab is None:
        raise refuse("this campaign names no lab, so there is no hardware to move: leave --physical out")
    return lab.stem


def _tell_result(loaded: Campaign, result: RunResult, as_json: bool) -> None:
    best = loaded.best
    front = best if isinstance(best, list) else [best] if best is not None else []
    if as_json:
        say_json(
            {
                "reason": result.reason,
                "detail": result.detail,
                "ok": result.ok,
                "completed": result.completed,
                "failed": result.failed,
                "best": [trial_json(trial, loaded.problem.space.names) for trial in front],
                "journal": str(loaded.journal_path),
            }
        )
        return
    lab_time = duration(loaded.history.last_lab_time)
    say(f"\n{result.completed} completed, {result.failed} failed or rejected, {lab_time} of lab time")
    if front:
        say_best(loaded.problem, front, getattr(loaded.protocol, "outcomes", None))
    else:
        say("No trial is feasible yet.")
    say(f"Stopped: {result.detail or result.reason}. {NEXT.get(result.reason, '')}".rstrip())
    say(f"Journal: {loaded.journal_path}")


def say_best(problem: Any, front: list[Trial], outcomes: Mapping[str, str] | None = None) -> None:  # noqa: ANN401  a Problem
    """Print the best trial, or the Pareto set, with units; `outcomes` has those of the protocol."""
    title = "Best trial" if len(front) == 1 else "Best trials (none is better in everything)"
    say_trials(problem, front, title=title, outcomes=outcomes)


def say_trials(
    problem: Any,  # noqa: ANN401  a Problem
    trials: Sequence[Trial],
    *,
    title: str,
    outcomes: Mapping[str, str] | None = None,
) -> None:
    """Print trials with their points and what was measured, with units; `outcomes` has those of the protocol."""
    units = dict(outcomes or {})
    units |= {axis.name: getattr(axis, "unit", "") for axis in getattr(problem.space, "axes", ())}
    units |= {objective.name: objective.unit for objective in problem.objectives if objective.unit}
    names = [*problem.space.names, *problem.outcome_names]
    columns = ["trial", *(f"{name} ({units[name]})" if units.get(name) else name for name in names)]
    rows = [[trial.number, *(_cell(trial, name) for name in names)] for trial in trials]
    say_table(columns, rows, title=title)


def _cell(trial: Trial, name: str) -> str | None:
    if name in trial.point:
        return number(trial.point[name])
    measured = trial.outcome.get(name)
    if measured is None:
        return None
    error = f" ± {measured.standard_error:.2g}" if measured.standard_error else ""
    return f"{number(measured.value)}{error}"


def trial_json(trial: Trial, names: Iterable[str] = ()) -> dict[str, object]:
    """Return a trial as JSON shows it; its point in the order of `names`, which the journal does not keep."""
    outcome = {name: [value.value, value.standard_error] for name, value in trial.outcome.items()}
    point = {name: trial.point[name] for name in names if name in trial.point} or dict(trial.point)
    return {"trial": trial.number, "state": trial.state, "point": point, "outcome": outcome}
