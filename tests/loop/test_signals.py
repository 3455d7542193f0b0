"""Ctrl-C and SIGTERM at the command line, against a simulator process over pseudo-terminals, in scaled time."""

import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from autolab.journal.reading import JournalReader

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(sys.platform == "win32", reason="pseudo-terminals are POSIX"),
]


@pytest.fixture
def bench(matching: ModuleType, tmp_path: Path) -> Iterator[Any]:
    made = matching.Bench(tmp_path, "dosing", trials=1, planner="sobol", speed=200)
    yield made
    made.close()


def facts(bench: Any) -> list[Any]:
    if not bench.journal.exists():
        return []
    with JournalReader.open(bench.journal) as reader:
        return list(reader.events())


def in_a_dose(bench: Any, process: subprocess.Popen[bytes]) -> Any:
    """Return the intent of the first dose, as soon as it is journaled."""
    until = time.monotonic() + 60
    while time.monotonic() < until and process.poll() is None:
        last = next((fact for fact in reversed(facts(bench)) if fact.kind == "intent"), None)
        command = last.body["value"] if last is not None and last.body["instrument"] == "dosing" else {}
        if command.get("dispense", {"volume": 0})["volume"] > 1:  # a counted dose: the longest
            return last
        time.sleep(0.01)
    pytest.fail((bench.folder / "run.log").read_text()[-2000:])


def ended(bench: Any, matching: ModuleType, process: subprocess.Popen[bytes]) -> list[Any]:
    """Return what is journaled when the process has ended as it should after a signal."""
    assert process.wait(60) == 1, (bench.folder / "run.log").read_text()[-2000:]
    told = facts(bench)
    assert told[-1].kind == "stopped"
    assert told[-1].body["reason"] == "interrupted"
    assert matching.unmatched(bench.ledger(), matching.moved(told)) == []  # a pump that still moved had no entry
    (attempt,) = [fact for fact in told if fact.kind == "attempt_ended"]
    assert attempt.body["ending"] == "interrupted"
    assert attempt.body["safe"]["ok"]
    return told


def test_the_first_signal_finishes_the_dose(bench: Any, matching: ModuleType) -> None:
    process = bench.run()
    dose = in_a_dose(bench, process)
    process.send_signal(signal.SIGTERM)
    told = ended(bench, matching, process)
    (outcome,) = [fact for fact in told if fact.kind == "outcome" and fact.action == dose.action]
    assert outcome.body["status"] == "done"
    assert not [fact for fact in told if fact.kind == "settled"]


def test_the_second_signal_stops_the_dose_and_its_counter_settles_it(bench: Any, matching: ModuleType) -> None:
    process = bench.run()
    dose = in_a_dose(bench, process)
    process.send_signal(signal.SIGINT)
    time.sleep(0.05)  # two of the same kind at once are one
    process.send_signal(signal.SIGINT)
    told = ended(bench, matching, process)
    (settled,) = [fact for fact in told if fact.kind == "settled"]
    assert (settled.action, settled.body["by"]) == (dose.action, "reconcile")
    assert settled.body["verdict"] in ("partial", "not")
    assert bench.run().wait(120) == 0
    assert matching.faults(bench) == []
