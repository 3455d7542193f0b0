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
    from autolab.loop.consumption import levels
    from autolab.loop.pinning import settings_in_force

    alive = running(reader, history)
    problem = problem_of(history)
    settings = settings_in_force(reader, history.campaign)
    names = problem.space.names if problem is not None else ()
    front = problem.front(history.trials) if problem is not None else []
    return {
        "name": history.opened.get("name"),
        "campaign": history.campaign,
        "fidelity": history.fidelity if history.campaign else None,
        "state": _state(alive, history),
        "running": alive,
        "owner": reader.owner(),
        "lab_time": history.last_lab_time,
        "now": _now(reader, history),
        "trials": dict(Counter(trial.state for trial in history.trials)),
        "invalidated": [trial.number for trial in history.trials if trial.invalidated],
        "better": [[trial.number, worse] for trial in history.trials for worse in trial.better_than],
        "budget": settings.get("budget"),
        "units": _units(problem, settings.get("units")),
        "stocks": levels(reader, history.campaign),
        "failure_streak": history.failure_streak,
        "best": [trial_json(trial, names) for trial in front],
        "in_review": [trial_json(trial, names) for trial in history.trials if trial.state == "in_review"],
        "questions": [
            {"id": one.id, "text": one.text, "choices": list(one.choices), "trial": one.trial}
            for one in history.questions
        ],
        "asked": [
            {"operator": one.intent.instrument, "text": one.intent.context["asked"], "trial": one.trial}
            for one in history.open_actions
            if alive and "asked" in one.intent.context
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


def _units(problem: Any, told: Any) -> dict[str, str]:  # noqa: ANN401  a Problem or None; a part of a journal's JSON
    """Return the units of outcomes: the protocol's, and the problem's where it names them."""
    units = {str(name): str(unit) for name, unit in told.items()} if isinstance(told, dict) else {}
    if problem is not None:
        units |= {objective.name: objective.unit for objective in problem.objectives if objective.unit}
    return {name: unit for name, unit in units.items() if unit}


def _now(reader: JournalReader, history: History) -> dict[str, Any] | None:
    """Return the attempt under way, and the phase of the last action in it that left a mark before it was over."""
    trial = next((one for one in history.trials if one.attempts and one.attempts[-1].ending is None), None)
    if trial is None:
        return None
    number = trial.attempts[-1].number
    begun = reader.events(campaign=history.campaign, kinds=["intent"])
    phases = [one.body.get("phase") for one in begun if (one.trial, one.attempt) == (trial.number, number)]
    return {"trial": trial.number, "attempt": number, "phase": phases[-1] if phases else None}


def _state(alive: bool | None, history: History) -> str:
    if not history.campaign:
        return "not begun"
    if history.stopped is not None:
        return f"stopped: {history.stopped.reason}"
    if alive is None:
        return "owned by another machine"
    if not alive:
        return "ended without a word (killed, or the power failed): run it again to go on"
    asked = any("asked" in one.intent.context for one in history.open_actions)
    waiting = history.questions or asked or any(trial.state == "in_review" for trial in history.trials)
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
    if told["now"]:
        phase = f", phase {told['now']['phase']}" if told["now"]["phase"] else ""
        say(f"  trial {told['now']['trial']}, attempt {told['now']['attempt']}{phase}")
    counts = ", ".join(f"{count} {state}" for state, count in told["trials"].items()) or "none yet"
    of = (told["budget"] or {}).get("trials")
    say(f"  trials: {counts}{f' (budget {of})' if of else ''}")
    if told["stopped"] and told["stopped"]["detail"]:
        say(f"  {told['stopped']['detail']}")
    if told["better"]:
        say(f"  compared by people: {', '.join(f'{one} better than {other}' for one, other in told['better'])}")
    _say_open(told)
    _say_stocks(told["stocks"])
    problem = problem_of(history)
    front = problem.front(history.trials) if problem is not None else []
    if front:
        say_best(problem, front, told["units"])
    _say_trials(history, told["units"])
    for event in told["last_events"]:
        place = ".".join(str(event[key]) for key in ("trial", "attempt", "action") if event[key] is not None)
        say(f"  {event['seq']:>6} {duration(event['lab_time']):>10} {event['kind']} {place}")


def _say_open(told: dict[str, Any]) -> None:
    for question in told["questions"]:
        say(f"  question {question['id']}: {question['text']}", style="yellow")
        say(
            f"    answer: autolab resolve {told['journal']} {question['id']} --happened|--did-not --redo|--discard --why ..."
        )
    for one in told["asked"]:
        say(f"  {one['operator']} is asked (trial {one['trial']}): {one['text']}", style="yellow")
        say(f"    answer: autolab answer {told['journal']} {one['operator']} --done|--cannot [--why ...]")
    for trial in told["in_review"]:
        say(f"  trial {trial['trial']} waits for approval: {trial['point']}", style="yellow")
    for request in told["waiting_requests"]:
        say(f"  request {request['id']} ({request['kind']} by {request['by']}) waits for an answer")
    for name, state in told["interlocks"].items():
        say(f"  interlock {name}: {state}", style="yellow")


def _say_stocks(stocks: Mapping[str, Mapping[str, Any]]) -> None:
    for name, level in stocks.items():
        of = (
            ""
            if level["loaded_mL"] is None
            else f" of {level['loaded_mL']:g} mL loaded, {level['left_mL']:.4g} mL left"
        )
        budget = "" if level["budget_mL"] is None else f" (budget {level['budget_mL']:g} mL)"
        say(f"  stock {name}: {level['drawn_mL']:.4g} mL drawn{of}{budget}")


def _say_trials(history: History, units: Mapping[str, str]) -> None:
    latest = history.trials[-SHOWN_TRIALS:]
    rows = [
        [
            trial.number,
            trial.state + (", invalidated" if trial.invalidated else ""),
            len(trial.attempts),
            ", ".join(
                f"{name} {value.value:.4g} {units.get(name, '')}".rstrip() for name, value in trial.outcome.items()
            )
            or trial.reason,
        ]
        for trial in latest
    ]
    if rows:
        say_table(["trial", "state", "attempts", "outcome"], rows)
