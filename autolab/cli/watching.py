"""`autolab status`."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from autolab.cli.console import say, say_json, say_table
from autolab.cli.failures import command
from autolab.cli.running import say_best, trial_json
from autolab.cli.targets import AsJson, Target, journal_of, problem_of, running
from autolab.loop.display import duration

if TYPE_CHECKING:
    from collections.abc import Mapping

    from autolab.journal.events import Event
    from autolab.journal.history import History
    from autolab.journal.reading import JournalReader

SHOWN_TRIALS = 10


@command
def status(
    target: Target = Path("campaign.yaml"),
    events: Annotated[int, typer.Option(min=0, help="How many of the last events to show.")] = 5,
    as_json: AsJson = False,
) -> None:
    """Show what a campaign does now: state, trials, best point, open questions, last events."""
    from autolab.journal.history import fold
    from autolab.journal.reading import JournalReader

    path = journal_of(target)
    with JournalReader.open(path) as reader:
        history = fold(reader.events())
        told = _told(reader, history, events)
    told["journal"] = str(path)
    if as_json:
        say_json(told)
        return
    _say(told, history)


def _told(reader: JournalReader, history: History, events: int) -> dict[str, Any]:
    alive = running(reader, history)
    problem = problem_of(history)
    front = problem.front(history.trials) if problem is not None else []
    return {
        "name": history.opened.get("name"),
        "campaign": history.campaign,
        "fidelity": history.fidelity if history.campaign else None,
        "state": _state(alive, history),
        "running": alive,
        "owner": reader.owner(),
        "lab_time": history.last_lab_time,
        "trials": dict(Counter(trial.state for trial in history.trials)),
        "invalidated": [trial.number for trial in history.trials if trial.invalidated],
        "budget": (history.opened.get("settings") or {}).get("budget"),
        "failure_streak": history.failure_streak,
        "best": [trial_json(trial) for trial in front],
        "in_review": [trial_json(trial) for trial in history.trials if trial.state == "in_review"],
        "questions": [
            {"id": one.id, "text": one.text, "choices": list(one.choices), "trial": one.trial}
            for one in history.questions
        ],
        "in_doubt": [
            {"trial": one.trial, "attempt": one.attempt, "action": one.action, "instrument": one.intent.instrument}
            for one in history.open_actions
        ],
        "interlocks": dict(history.interlocks),
        "stopped": None
        if history.stopped is None
        else {"reason": history.stopped.reason, "detail": history.stopped.detail},
        "waiting_requests": [
            {"id": one.id, "kind": one.kind, "body": dict(one.body), "by": one.by} for one in reader.pending_requests()
        ],
        "last_events": [_event(event) for event in reader.events(after=max(0, reader.last_seq - events))],
    }


def _state(alive: bool | None, history: History) -> str:
    if not history.campaign:
        return "not begun"
    if history.stopped is not None:
        return f"stopped: {history.stopped.reason}"
    if alive is None:
        return "owned by another machine"
    if not alive:
        return "ended without a word (killed, or the power failed): run it again to go on"
    waiting = history.questions or any(trial.state == "in_review" for trial in history.trials)
    return "running, and waits for a person" if waiting else "running"


def _event(event: Event) -> dict[str, object]:
    keys = ("seq", "kind", "trial", "attempt", "action", "lab_time", "wall_time")
    return {key: getattr(event, key) for key in keys} | {"body": _brief(event.body)}


def _brief(body: Mapping[str, object]) -> dict[str, object]:
    """Return a body without what fills screens."""
    return {key: value for key, value in body.items() if key not in {"snapshot", "declaration", "versions", "digests"}}


def _say(told: dict[str, Any], history: History) -> None:
    say(f"{told['name'] or 'campaign'} ({told['fidelity']}): {told['state']}")
    owner = told["owner"]
    if owner and told["running"]:
        say(f"  process {owner['pid']} on {owner['host']}, {duration(told['lab_time'])} of lab time")
    counts = ", ".join(f"{count} {state}" for state, count in told["trials"].items()) or "none yet"
    of = (told["budget"] or {}).get("trials")
    say(f"  trials: {counts}{f' (budget {of})' if of else ''}")
    if told["stopped"] and told["stopped"]["detail"]:
        say(f"  {told['stopped']['detail']}")
    _say_open(told)
    problem = problem_of(history)
    front = problem.front(history.trials) if problem is not None else []
    if front:
        say_best(problem, front)
    _say_trials(history)
    for event in told["last_events"]:
        place = ".".join(str(event[key]) for key in ("trial", "attempt", "action") if event[key] is not None)
        say(f"  {event['seq']:>6} {duration(event['lab_time']):>10} {event['kind']} {place}")


def _say_open(told: dict[str, Any]) -> None:
    for question in told["questions"]:
        say(f"  question {question['id']}: {question['text']}", style="yellow")
        say(
            f"    answer: autolab resolve {told['journal']} {question['id']} --happened|--did-not --redo|--discard --why ..."
        )
    for trial in told["in_review"]:
        say(f"  trial {trial['trial']} waits for approval: {trial['point']}", style="yellow")
    for request in told["waiting_requests"]:
        say(f"  request {request['id']} ({request['kind']} by {request['by']}) waits for an answer")
    for name, state in told["interlocks"].items():
        say(f"  interlock {name}: {state}", style="yellow")


def _say_trials(history: History) -> None:
    latest = history.trials[-SHOWN_TRIALS:]
    rows = [
        [
            trial.number,
            trial.state + (", invalidated" if trial.invalidated else ""),
            len(trial.attempts),
            ", ".join(f"{name} {value.value:.4g}" for name, value in trial.outcome.items()) or trial.reason,
        ]
        for trial in latest
    ]
    if rows:
        say_table(["trial", "state", "attempts", "outcome"], rows)
