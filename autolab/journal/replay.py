"""Replay: every recorded decision, made again from the journal before it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, cast

from autolab.journal.canonical import as_json
from autolab.journal.history import Decision, Fold, History, shown
from autolab.model.errors import AutolabError

if TYPE_CHECKING:
    from autolab.journal.reading import Readable
    from autolab.model.actions import JSON
    from autolab.model.contracts import Planner
    from autolab.model.problem import Problem
    from autolab.model.trial import Point

Status = Literal["equal", "different", "fallback", "changed"]
DECIDING = frozenset({"problem", "planner", "planner source"})


@dataclass(frozen=True)
class DecisionCheck:
    """One decision and what became of it when made again.

    Attributes:
        decision: Its number, from 0.
        seq: Of its event.
        status: `equal`; `different`; `fallback` (another rule stood in then, so the planner was not asked again); or
            `changed` (problem or planner were changed later, so that today's cannot be asked).
        how: What differs, or why it was not compared; empty when equal.
    """

    decision: int
    seq: int
    trials: tuple[int, ...]
    status: Status
    how: str = ""


def replay(reader: Readable, problem: Problem, planner: Planner) -> list[DecisionCheck]:
    """Make every decision of the last campaign again and compare.

    Args:
        reader: A `JournalReader`, or the owner's `Journal`.
        problem: As the campaign declares it.
        planner: As the campaign declares it.
    """
    last, changed, checks = reader.campaign, _last_change(reader), list[DecisionCheck]()
    folded = Fold()
    for event in reader.events():
        before = folded.history if event.kind == "decided" and event.campaign == last else None
        folded.apply(event)
        if before is not None:
            decision = folded.history.decisions[-1]
            checks.append(_check(decision, shown(reader, event, before), problem, planner, changed))
    return checks


def _last_change(reader: Readable) -> int:
    changes = reader.events(campaign=reader.campaign, kinds=["change_accepted"])
    return max(
        (event.seq for event in changes if DECIDING & set(cast("dict[str, JSON]", event.body["changes"]))), default=0
    )


def _check(decision: Decision, before: History, problem: Problem, planner: Planner, changed: int) -> DecisionCheck:
    status, how = _compared(decision, before, problem, planner, changed)
    return DecisionCheck(decision.number, decision.seq, decision.trials, status, how)


def _compared(
    decision: Decision, before: History, problem: Problem, planner: Planner, changed: int
) -> tuple[Status, str]:
    if decision.fallback is not None:
        return "fallback", decision.fallback
    if decision.seq < changed:
        return "changed", f"problem or planner were changed later, by event {changed}"
    history = before.usable_history()
    asked = _asked_otherwise(decision, history, before.pending)
    if asked:
        return "different", asked
    try:
        again = planner.suggest(problem, history, n=decision.n, pending=before.pending, seed=decision.seed)
    except AutolabError as error:
        return "different", f"the planner raises {type(error).__name__}: {error}"
    how = _differences(decision, [dict(point) for point in again])
    return ("different", how) if how else ("equal", "")


def _asked_otherwise(decision: Decision, history: Sequence[object], pending: Sequence[Point]) -> str:
    if decision.history != len(history):
        return f"the planner was shown {decision.history} trials, and the journal before holds {len(history)}"
    if list(decision.pending) != list(pending):
        return f"the planner was told of {len(decision.pending)} pending points that are not the {len(pending)} in the journal"
    return ""


def _differences(decision: Decision, again: Sequence[Mapping[str, object]]) -> str:
    if len(again) != len(decision.points):
        return f"{len(decision.points)} points then, {len(again)} now"
    told = []
    for number, then, now in zip(decision.trials, decision.points, again, strict=True):
        plain = cast("dict[str, JSON]", as_json(now, strict=False))
        changes = [_change(name, then.get(name), plain.get(name)) for name in sorted({*then, *plain})]
        if changed := [change for change in changes if change]:
            told.append(f"trial {number}: {', '.join(changed)}")
    return "; ".join(told)


def _change(name: str, then: object, now: object) -> str:
    if then == now:
        return ""
    if isinstance(then, int | float) and isinstance(now, int | float):
        return f"{name} {then!r} then, {now!r} now (by {abs(then - now):.3g})"
    return f"{name} {then!r} then, {now!r} now"
