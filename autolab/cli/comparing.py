"""`autolab prefer`: which of two trials is better, said by a person; or which two a person should compare next."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from autolab.cli.asking import Patience, Why, ask
from autolab.cli.console import say, say_json
from autolab.cli.failures import command, refuse
from autolab.cli.running import say_trials, trial_json
from autolab.cli.targets import AsJson, Target, journal_of, problem_of
from autolab.loop.comparing import compared, heard

if TYPE_CHECKING:
    from pathlib import Path

    from autolab.journal.history import History
    from autolab.model.trial import Trial


@command
def prefer(
    target: Target,
    better: Annotated[
        int | None, typer.Argument(metavar="BETTER", help="Number of the better trial; with none, a question.")
    ] = None,
    worse: Annotated[int | None, typer.Argument(metavar="WORSE", help="Number of the worse trial.")] = None,
    why: Why = "",
    patience: Patience = 5.0,
    as_json: AsJson = False,
) -> None:
    """Say that one completed trial is better than another; without numbers: show which two to compare next."""
    path = journal_of(target)
    history, trials = _known(path)
    if better is None:
        _ask_person(target, history, trials, as_json)
        return
    if worse is None:
        raise refuse(f"trial {better} is better than which? Say two numbers: the better one, and the worse one")
    compared(trials, better, worse)
    ask(path, "prefer", {"better": better, "worse": worse, "why": why}, patience, as_json)


def _known(path: Path) -> tuple[History, list[Trial]]:
    """Return the history, and the campaign's own trials with the words that still wait in the journal."""
    from autolab.journal.history import fold
    from autolab.journal.reading import JournalReader

    with JournalReader.open(path) as reader:
        history = fold(reader.events())
        return history, heard(history.trials, reader.pending_requests())


def _ask_person(target: Path, history: History, trials: list[Trial], as_json: bool) -> None:
    from autolab.planners.preference import Preference

    problem: Any = problem_of(history)
    if problem is None:
        raise refuse("the journal does not tell what the campaign varies, so no question can be made: say two numbers")
    known, seed = (*history.inherited, *history.imported, *trials), int(history.opened.get("seed") or 0)
    planner = Preference()
    pair = planner.question(problem, known, seed=seed)
    said = [[trial.number, worse] for trial in trials for worse in trial.better_than]
    ranked = planner.ranked(problem, known, seed=seed) if said else []
    best = [trial.number for trial in ranked if trial.source == "campaign"]
    if as_json:
        names = problem.space.names
        question = None if pair is None else [trial_json(trial, names) for trial in pair]
        say_json({"question": question, "better": said, "best": best})
        return
    if pair is None:
        say("No two completed trials are left to compare.")
    else:
        first, second = pair
        say_trials(problem, pair, title=f"Which is better, trial {first.number} or trial {second.number}?")
        say(f"Answer: autolab prefer {target} {first.number} {second.number}, or the other way round")
    if best:
        count = len(said)
        say(f"Best so far, by {count} comparison{'s' * (count != 1)}: trial {best[0]}")
