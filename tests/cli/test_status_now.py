"""`autolab status` while an attempt is under way: trial, attempt and phase, from what the journal holds anyway."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from typer.testing import Result

from autolab.journal.journal import Journal

Autolab = Callable[..., Result]
INTENT: dict[str, Any] = {"instrument": "pump", "verb": "set", "value": None, "action_class": "once", "context": {}}


@pytest.fixture
def journal(tmp_path: Path) -> Any:
    """Yield a journal in use, with the first attempt of its only trial under way."""
    decided = {
        "decision": 0,
        "seed": 1,
        "n": 1,
        "asked": {"history": 0, "pending": []},
        "suggestions": [{"point": {"x": 0.5}}],
        "trials": [1],
    }
    with Journal.open(tmp_path / "j.sqlite") as made:
        made.append("opened", {"name": "c", "fidelity": "virtual", "digests": {}})
        made.append("decided", decided)
        made.append("reviewed", {"verdict": "approved"}, trial=1)
        made.append("attempt_started", {}, trial=1, attempt=1)
        yield made


def now(autolab: Autolab, journal: Journal) -> Any:
    return json.loads(autolab("status", journal.path, "--json").stdout)["now"]


def test_before_the_first_action_no_phase_is_known(autolab: Autolab, journal: Journal) -> None:
    assert now(autolab, journal) == {"trial": 1, "attempt": 1, "phase": None}


def test_the_phase_is_that_of_the_last_intent(autolab: Autolab, journal: Journal) -> None:
    for number, phase in enumerate(("dose", "measure"), 1):
        journal.append("intent", INTENT | {"phase": phase}, trial=1, attempt=1, action=number)
        journal.append("outcome", {"status": "done", "result": {}}, trial=1, attempt=1, action=number)
    assert now(autolab, journal) == {"trial": 1, "attempt": 1, "phase": "measure"}
    assert "  trial 1, attempt 1, phase measure\n" in autolab("status", journal.path).stdout


def test_after_the_attempt_there_is_none(autolab: Autolab, journal: Journal) -> None:
    journal.append("attempt_ended", {"ending": "machine_failed", "reason": "it broke"}, trial=1, attempt=1)
    assert now(autolab, journal) is None


def test_a_second_attempt_does_not_show_the_firsts_phase(autolab: Autolab, journal: Journal) -> None:
    journal.append("intent", INTENT | {"phase": "dose"}, trial=1, attempt=1, action=1)
    journal.append("outcome", {"status": "done", "result": {}}, trial=1, attempt=1, action=1)
    journal.append("attempt_ended", {"ending": "machine_failed", "reason": "it broke"}, trial=1, attempt=1)
    journal.append("attempt_started", {}, trial=1, attempt=2)
    assert now(autolab, journal) == {"trial": 1, "attempt": 2, "phase": None}
