"""Settling actions in doubt: by their class, by asking the instrument, or by asking a person."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from autolab.model.actions import Reconciled
from autolab.model.errors import AutolabError

if TYPE_CHECKING:
    from autolab.journal.views import History, OpenAction
    from autolab.lab.lab import Lab
    from autolab.loop.record import Record
    from autolab.model.actions import JSON

RECONCILE_SECONDS = 60.0
"""Longest time, in lab time, that an instrument may take to say what happened."""


async def settle(lab: Lab, record: Record) -> list[str]:
    """Settle every open action that is not yet a person's question; return a line of text for each.

    Motion must have been stopped before, and no counter reset since.
    """
    lines = []
    for action in record.history.open_actions:
        if question_id(action) in {question.id for question in record.history.questions}:
            continue
        found = await reconcile(lab, action)
        if found.verdict == "unknown":
            _ask(record, action, found)
        else:
            _write(record, action, found)
        lines.append(f"{_name(action)}: {found.verdict}. {found.why}")
    return lines


async def reconcile(lab: Lab, action: OpenAction) -> Reconciled:
    """Return what became of one action, by its class."""
    intent = action.intent
    if intent.action_class in ("read", "idempotent"):
        return Reconciled("not", why=f"its class is {intent.action_class!r}: it may be done again")
    if intent.action_class == "once":
        return Reconciled("unknown", why="nothing can tell what became of a 'once' action")
    try:
        return await asyncio.wait_for(lab.find(intent.instrument).do_reconcile(intent), RECONCILE_SECONDS)
    except (AutolabError, TimeoutError) as error:
        return Reconciled("unknown", why=f"the instrument could not be asked: {error or type(error).__name__}")


def lost_actions(history: History) -> list[OpenAction]:
    """Return the open actions of attempts that were going on when the process died."""
    lost = {trial.number for trial in history.trials if trial.attempts and trial.attempts[-1].ending is None}
    return [
        action
        for action in history.open_actions
        if action.trial in lost and action.attempt == history.trial(action.trial).attempts[-1].number
    ]


def question_id(action: OpenAction) -> str:
    """Return the name of the question that asks a person about `action`."""
    return f"{action.trial}.{action.attempt}.{action.action}"


def _name(action: OpenAction) -> str:
    return f"trial {action.trial}, attempt {action.attempt}, action {action.action} ({action.intent.instrument})"


def _write(record: Record, action: OpenAction, found: Reconciled) -> None:
    body: dict[str, JSON] = {
        "verdict": found.verdict,
        "amount": found.amount,
        "result": dict(found.result),
        "by": "reconcile",
        "why": found.why,
    }
    record.write("settled", body, trial=action.trial, attempt=action.attempt, action=action.action)


def _ask(record: Record, action: OpenAction, found: Reconciled) -> None:
    question: dict[str, JSON] = {
        "id": question_id(action),
        "text": f"{_name(action)}: did {action.intent.verb} {action.intent.value!r} happen? {found.why}",
        "choices": ["happened", "did_not"],
    }
    record.write("held", {"question": question}, trial=action.trial, attempt=action.attempt, action=action.action)
