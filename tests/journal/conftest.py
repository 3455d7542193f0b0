"""Journals on a lab clock that ticks once a fact, and the usual steps of a trial."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from autolab.journal.events import Entry
from autolab.journal.journal import Journal

Step = Callable[..., Any]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "campaign.sqlite"


@pytest.fixture
def ticking() -> Step:
    """Makes lab clocks that give 1, 2, 3... s."""

    def make(start: int = 1) -> Callable[[], float]:
        count = itertools.count(start)
        return lambda: float(next(count))

    return make


@pytest.fixture
def journal(path: Path, ticking: Step) -> Iterator[Journal]:
    with Journal.open(path, durable=False, now=ticking()) as opened:
        yield opened


@pytest.fixture
def begin() -> Step:
    """Opens a campaign."""

    def do(journal: Journal, **changes: object) -> None:
        body: dict[str, object] = {
            "name": "dosing",
            "seed": 7,
            "fidelity": "virtual",
            "digests": {"lab": "sha256:1"},
            "supersedes": None,
        }
        journal.append("opened", body | changes)

    return do


@pytest.fixture
def decide() -> Step:
    """Records one decision; returns the numbers of its trials."""

    def do(journal: Journal, *points: dict[str, Any], **changes: object) -> list[int]:
        history = journal.history
        first = len(history.trials) + 1
        numbers = list(range(first, first + len(points)))
        body: dict[str, object] = {
            "decision": len(history.decisions),
            "seed": 100 + len(history.decisions),
            "n": len(points),
            "asked": {"history": len(history.usable_history()), "pending": [dict(point) for point in history.pending]},
            "suggestions": [{"point": point, "info": {"rule": "test"}} for point in points],
            "trials": numbers,
            "fallback": None,
        }
        journal.append("decided", body | changes)
        return numbers

    return do


@pytest.fixture
def start() -> Step:
    """Approves a trial where needed and starts its next attempt."""

    def do(journal: Journal, trial: int, **body: object) -> int:
        if journal.history.trial(trial).state == "proposed":
            journal.append("reviewed", {"verdict": "approved", "by": "test", "why": ""}, trial=trial)
        attempt = len(journal.history.trial(trial).attempts) + 1
        journal.append("attempt_started", {"slot": 0, "recover": False, **body}, trial=trial, attempt=attempt)
        return attempt

    return do


@pytest.fixture
def intend() -> Step:
    """Records the intent of one action."""

    def do(
        journal: Journal, trial: int, attempt: int, action: int, instrument: str = "pump", **changes: object
    ) -> None:
        body: dict[str, object] = {
            "instrument": instrument,
            "verb": "set",
            "value": 1.0,
            "action_class": "once",
            "context": {"seen": 2.0},
        }
        journal.append("intent", body | changes, trial=trial, attempt=attempt, action=action)

    return do


@pytest.fixture
def end() -> Step:
    """Ends an attempt, with the observation that belongs to it."""

    def do(journal: Journal, trial: int, attempt: int, ending: str = "completed", value: float = 1.0) -> None:
        place = {"trial": trial, "attempt": attempt}
        entries = [
            Entry("attempt_ended", {"ending": ending, "reason": "" if ending == "completed" else ending}, **place)
        ]
        if ending == "completed":
            entries.append(Entry("observed", {"outcome": {"error": [value, None]}}, trial=trial))
        if ending == "trial_failed":
            entries.append(Entry("trial_failed", {"reason": "overflowed"}, trial=trial))
        journal.append_all(entries)

    return do


@pytest.fixture
def perform(decide: Step, start: Step, end: Step) -> Step:
    """Takes one trial all the way; returns its number."""

    def do(journal: Journal, value: float = 1.0, ending: str = "completed", **point: object) -> int:
        (trial,) = decide(journal, point or {"rate": value})
        end(journal, trial, start(journal, trial), ending, value)
        return int(trial)

    return do
