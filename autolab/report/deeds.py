"""What was done, and what went wrong: attempts, actions, questions, interlocks, time and stock."""

from __future__ import annotations

import statistics
from collections import Counter
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, cast

from autolab.loop.display import duration
from autolab.plots.style import shown
from autolab.report.markup import Cell, Html, bullets, heading, number_cell, paragraph, section, table, text
from autolab.report.values import count, moment

if TYPE_CHECKING:
    from autolab.journal.events import Event
    from autolab.report.facts import Facts

ENDINGS = {
    "completed": "completed",
    "trial_failed": "the experiment failed",
    "machine_failed": "the machine failed",
    "interrupted": "interrupted by a stop",
    "lost": "lost: the process ended in the middle",
    "under way": "under way",
}


def deeds(facts: Facts) -> Html:
    """Return the section of actions and failures."""
    parts = [_attempts(facts), _reasons(facts), _questions(facts), _compared(facts)]
    parts += [_settled(facts), _interlocks(facts), _phases(facts), _actions(facts), _stocks(facts)]
    told = "".join(parts) or paragraph("Nothing was done yet.", "note")
    return section("deeds", "Actions and failures", told)


def _attempts(facts: Facts) -> Html:
    if not facts.endings:
        return ""
    rows: list[list[Cell | str]] = [
        [ENDINGS.get(name, name), number_cell(number, str(number))] for name, number in facts.endings.most_common()
    ]
    return table("Attempts by how they ended", ["ending", "attempts"], rows)


def _reasons(facts: Facts) -> Html:
    """Return reasons of attempts and trials that did not complete, the most frequent first."""
    told = Counter[str]()
    where: dict[str, list[int]] = {}
    for trial in facts.trials:
        reasons = [attempt.reason for attempt in trial.attempts if attempt.ending != "completed" and attempt.reason]
        if not reasons and trial.reason:
            reasons = [trial.reason]
        for reason in reasons:
            told[reason] += 1
            where.setdefault(reason, []).append(trial.number)
    rows: list[list[Cell | str]] = [
        [Cell(f'<span class="reason">{text(reason)}</span>'), number_cell(number, str(number)), _numbers(where[reason])]
        for reason, number in told.most_common(50)
    ]
    return table("Why attempts did not complete", ["reason", "times", "trials"], rows) if rows else ""


def _numbers(numbers: list[int], most: int = 12) -> str:
    found = [str(one) for one in dict.fromkeys(numbers)]
    return ", ".join(found[:most]) + (", …" if len(found) > most else "")


def _questions(facts: Facts) -> Html:
    asked = [(event.trial, cast("Mapping[str, Any]", event.body["question"])) for event in facts.of("held")]
    answers: dict[str, list[Event]] = {}
    for event in facts.of("answered"):
        answers.setdefault(str(event.body["question"]), []).append(event)
    rows: list[list[Cell | str]] = []
    for trial, one in asked:
        given = answers.get(str(one["id"]), [])
        answer = given.pop(0).body if given else {}
        words = ", ".join(str(answer[key]) for key in ("choice", "then") if answer.get(key))
        rows.append([str(trial or ""), str(one["text"]), words or "open", *_who(answer)])
    return table("Questions to people", ["trial", "question", "answer", "by", "why"], rows) if rows else ""


def _compared(facts: Facts) -> Html:
    """Return what people said of trials that no number tells apart; a later word about two trials replaces one before."""
    rows: list[list[Cell | str]] = [
        [moment(event.wall_time), str(event.trial), str(event.body["worse"]), *_who(event.body)]
        for event in facts.of("preferred")
    ]
    return table("Trials compared by people", ["when", "better", "worse", "by", "why"], rows) if rows else ""


def _who(body: Mapping[str, Any]) -> tuple[str, str]:
    return str(body.get("by") or ""), str(body.get("why") or "")


def _settled(facts: Facts) -> Html:
    events = facts.of("settled")
    if not events:
        return ""
    rows: list[list[Cell | str]] = [
        [
            f"{event.trial}.{event.attempt}.{event.action}",
            str(event.body.get("verdict")),
            "" if event.body.get("amount") is None else shown(event.body["amount"]),
            *_who(event.body),
        ]
        for event in events
    ]
    columns = ["trial.attempt.action", "verdict", "amount", "by", "why"]
    return table("Actions in doubt, and how they were settled", columns, rows)


def _interlocks(facts: Facts) -> Html:
    rows: list[list[Cell | str]] = [
        [
            moment(event.wall_time),
            str(event.body.get("name")),
            str(event.body.get("state")),
            *reversed(_who(event.body)),
        ]
        for event in facts.of("interlock")
    ]
    return table("Interlocks", ["when", "interlock", "became", "why", "by"], rows) if rows else ""


def _phases(facts: Facts) -> Html:
    spans = [one.ended - one.started for trial in facts.trials for one in trial.attempts if one.ended is not None]
    if not facts.phases:
        if not spans or facts.kind == "function":
            return ""
        return paragraph(f"An attempt took {text(duration(statistics.fmean(spans)))} of lab time on average.")
    whole = sum(sum(seconds) for seconds in facts.phases.values()) or 1.0
    rows: list[list[Cell | str]] = []
    for name, seconds in facts.phases.items():
        share = 100 * sum(seconds) / whole
        bar = f'<span class="bar" style="--share:{share:.1f}%"></span>{share:.0f} %'
        numbers = (statistics.fmean(seconds), min(seconds), max(seconds))
        rows.append([name, *(number_cell(one, duration(one)) for one in numbers), Cell(bar, share)])
    return table("Lab time by phase of an attempt", ["phase", "mean", "least", "most", "share of all"], rows)


def _actions(facts: Facts) -> Html:
    """Return a table of actions by instrument and verb."""
    asked: dict[tuple[int | None, int | None, int | None], tuple[str, str]] = {}
    told: dict[tuple[str, str], Counter[str]] = {}
    for event in facts.of("intent", "outcome"):
        place = (event.trial, event.attempt, event.action)
        if event.kind == "intent":
            asked[place] = (str(event.body["instrument"]), str(event.body["verb"]))
            told.setdefault(asked[place], Counter())["all"] += 1
        elif place in asked:
            told[asked[place]][str(event.body.get("status"))] += 1
    rows: list[list[Cell | str]] = [
        [*key, *(number_cell(float(counts[one]), str(counts[one])) for one in ("all", "done", "refused", "in_doubt"))]
        for key, counts in sorted(told.items())
    ]
    columns = ["instrument", "verb", "actions", "done", "refused", "in doubt"]
    return table("Actions by instrument", columns, rows, sortable=True) if rows else ""


def _stocks(facts: Facts) -> Html:
    if not facts.drawn:
        return ""
    declared = facts.declaration.get("lab") or {}
    stocks, total = declared.get("stocks") or {}, 0.0
    loaded: Mapping[str, float] = facts.settings.get("loaded_mL") or {}
    done = max(1, sum(trial.state == "completed" for trial in facts.trials))
    rows: list[list[Cell | str]] = []
    for name, volume in facts.drawn.items():
        cost = volume * float((stocks.get(name) or {}).get("price_per_mL") or 0.0)
        total += cost
        numbers = (volume, loaded.get(name), volume / done, cost)
        rows.append([name, *(number_cell(one, "" if one is None else shown(one)) for one in numbers)])
    columns = ["stock", "drawn (mL)", "loaded (mL)", "for each completed trial (mL)", "cost"]
    return table("Consumption by stock", columns, rows) + paragraph(
        f"In all {text(shown(total))} at the stocks' prices."
    )


def open_words(facts: Facts) -> Html:
    """Return what waits for a person now; empty where nothing does."""
    history = facts.history
    told = [f"Question {text(one.id)}: {text(one.text)}" for one in history.questions]
    told += [f"Trial {trial.number} waits for approval." for trial in facts.trials if trial.state == "in_review"]
    told += [f"Interlock {text(name)} is tripped." for name, state in history.interlocks.items() if state == "tripped"]
    if not told:
        return ""
    return f'<div class="waiting">{heading(count(len(told), "matter") + " for a person")}{bullets(told)}</div>\n'
