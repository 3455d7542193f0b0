"""What other processes may ask of a running campaign: stop, approve, reject, resolve, answer, invalidate (prefer: `comparing`)."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from autolab.cli.console import complain, say, say_json
from autolab.cli.failures import WORK_FAILED, command, refuse
from autolab.cli.targets import AsJson, Target, journal_of, myself, running

if TYPE_CHECKING:
    from collections.abc import Mapping

    from autolab.journal.events import RequestKind
    from autolab.journal.history import History

POLL_SECONDS = 0.1

Patience = Annotated[float, typer.Option(min=0, help="How long to wait for the answer, s.")]
Why = Annotated[str, typer.Option(help="The reason, for the record.")]
Trials = Annotated[list[int] | None, typer.Argument(metavar="TRIAL...", help="Numbers of trials.")]


@command
def stop(target: Target = Path("campaign.yaml"), patience: Patience = 5.0, as_json: AsJson = False) -> None:
    """Ask a running campaign to end: it finishes what must not be cut off and makes safe."""
    path = journal_of(target)
    alive, _ = owner(path)
    if alive is False:  # such a request would wait and end the next run as it begins
        _tell({"running": False, "ok": True, "text": "nobody runs this campaign: there is nothing to stop"}, as_json)
        return
    ask(path, "stop", {}, patience, as_json)


@command
def approve(
    target: Target,
    trials: Trials = None,
    everything: Annotated[bool, typer.Option("--all", help="All trials that wait.")] = False,
    why: Why = "",
    patience: Patience = 5.0,
    as_json: AsJson = False,
) -> None:
    """Approve trials that wait for a person."""
    ask(journal_of(target), "approve", _which(trials, everything) | {"why": why}, patience, as_json)


@command
def reject(
    target: Target,
    trials: Trials = None,
    everything: Annotated[bool, typer.Option("--all", help="All trials that wait.")] = False,
    why: Why = "",
    patience: Patience = 5.0,
    as_json: AsJson = False,
) -> None:
    """Reject trials that wait for a person; the planner is told."""
    ask(journal_of(target), "reject", _which(trials, everything) | {"why": why}, patience, as_json)


@command
def resolve(
    target: Target,
    question: Annotated[str, typer.Argument(help="The question's name, as `autolab status` shows it.")],
    happened: Annotated[
        bool | None, typer.Option("--happened/--did-not", help="Whether the action in doubt happened.")
    ] = None,
    redo: Annotated[
        bool | None, typer.Option("--redo/--discard", help="Perform the trial again, or give it up.")
    ] = None,
    why: Why = "",
    patience: Patience = 5.0,
    as_json: AsJson = False,
) -> None:
    """Say what became of an action in doubt, and what shall become of its trial."""
    if happened is None or redo is None:
        raise refuse("say --happened or --did-not (look at the lab), and --redo or --discard")
    if not why:
        raise refuse("say --why: the record must tell what was seen, such as --why 'the beaker is full'")
    path = journal_of(target)
    _, history = owner(path)
    open_now = [one.id for one in history.questions]
    if question not in open_now:
        raise refuse(f"there is no open question {question!r}; open: {', '.join(open_now) or 'none'}")
    body = {
        "question": question,
        "choice": "happened" if happened else "did_not",
        "then": "redo" if redo else "discard",
        "why": why,
    }
    ask(path, "resolve", body, patience, as_json)


@command
def answer(
    target: Target,
    operator: Annotated[str, typer.Argument(help="Who was asked: the operator's name in the lab.")],
    done: Annotated[
        bool | None, typer.Option("--done/--cannot", help="It was done, or cannot be done and was not.")
    ] = None,
    why: Why = "",
    patience: Patience = 5.0,
    as_json: AsJson = False,
) -> None:
    """Answer what an operator is asked: that it was done, or that it cannot be done. Who and when is recorded."""
    if done is None:
        raise refuse("say --done or --cannot")
    if not done and not why:
        raise refuse("say --why it cannot be done: the record must tell")
    path = journal_of(target)
    alive, history = owner(path)
    asked = [one.intent.instrument for one in history.open_actions if "asked" in one.intent.context]
    if alive is False or operator not in asked:
        raise refuse(f"{operator!r} is not asked anything now; asked now: {', '.join(asked) or 'nobody'}")
    ask(path, "answer", {"operator": operator, "done": done, "why": why}, patience, as_json)


@command
def invalidate(
    target: Target,
    trial: Annotated[int, typer.Argument(help="Number of a completed trial.")],
    why: Annotated[str, typer.Option(help="What is wrong with it, for the record.")],
    patience: Patience = 5.0,
    as_json: AsJson = False,
) -> None:
    """Mark a completed trial as wrong; the planner leaves it out from then on, and the record keeps it."""
    path = journal_of(target)
    _, history = owner(path)
    completed = {one.number: one for one in history.trials if one.state == "completed"}
    if trial not in completed:
        numbers = ", ".join(str(number) for number in completed) or "none"
        raise refuse(f"trial {trial} is not completed, so there is nothing to invalidate; completed: {numbers}")
    if completed[trial].invalidated:
        raise refuse(f"trial {trial} is invalidated already: {completed[trial].reason}")
    ask(path, "invalidate", {"trial": trial, "why": why}, patience, as_json)


def _which(trials: list[int] | None, everything: bool) -> dict[str, Any]:
    if everything == bool(trials):
        raise refuse("name the trials, or say --all")
    return {"all": True} if everything else {"trials": list(trials or [])}


def owner(path: Path) -> tuple[bool | None, History]:
    """Return whether the owner of a journal is at work now (None where nobody knows), and its history."""
    from autolab.journal.history import fold
    from autolab.journal.reading import JournalReader

    with JournalReader.open(path) as reader:
        history = fold(reader.events())
        return running(reader, history), history


def ask(path: Path, kind: RequestKind, body: Mapping[str, object], patience: float, as_json: bool) -> None:
    """Put a request into the journal, and wait for its answer where somebody is there to give one."""
    from autolab.journal.requests import request

    alive, _ = owner(path)
    number = request(path, kind, body, by=myself())
    answer = _answer(path, number, patience) if alive is not False else None
    if answer is not None:
        _tell({"request": number, "running": True, **answer}, as_json)
        if not answer.get("ok"):
            raise typer.Exit(WORK_FAILED)
        return
    if alive is False:
        text = f"nobody runs this campaign now: request {number} waits in the journal for the next run"
    else:
        text = f"request {number} is in the journal; no answer within {patience:g} s (see `autolab status`)"
    _tell({"request": number, "running": alive, "ok": None, "text": text}, as_json)


def _answer(path: Path, number: int, patience: float) -> dict[str, Any] | None:
    from autolab.journal.reading import JournalReader

    deadline = time.monotonic() + patience
    with JournalReader.open(path) as reader:
        while True:
            found = next((one.answer for one in reader.requests() if one.id == number), None)
            if found is not None:
                return dict(found)
            if time.monotonic() >= deadline:
                return None
            time.sleep(POLL_SECONDS)


def _tell(told: dict[str, Any], as_json: bool) -> None:
    if as_json:
        say_json(told)
    elif told.get("ok") is False:
        complain(str(told.get("text", "refused")))
    else:
        say(str(told.get("text", "done")))
