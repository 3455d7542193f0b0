from __future__ import annotations

import json
import os
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from autolab.journal import journal as room
from autolab.journal.events import KINDS, Entry, EventKind
from autolab.journal.history import fold
from autolab.journal.journal import Journal
from autolab.model.errors import JournalContradiction, JournalRefused, NotOwner

Step = Callable[..., Any]


def test_a_fact_comes_back_as_it_was_appended(journal: Journal) -> None:
    event = journal.append("safed", {"ok": True, "report": {"pump": "stopped"}})
    assert event in list(journal.events())
    assert (event.seq, event.campaign, event.epoch, event.kind) == (1, 0, 1, "safed")
    assert event.body == {"ok": True, "report": {"pump": "stopped"}}
    assert event.lab_time == 1.0


def test_numpy_numbers_and_tuples_become_json(journal: Journal) -> None:
    event = journal.append("safed", {"ok": np.bool_(True), "report": (np.int64(3), np.float32(0.5), np.arange(2))})
    assert event.body == {"ok": True, "report": [3, 0.5, [0, 1]]}
    assert list(journal.events()) == [event]


def test_bodies_are_stored_as_canonical_json(journal: Journal) -> None:
    journal.append("safed", {"b": 1, "a": 2})
    with sqlite3.connect(journal.path) as raw:
        assert raw.execute("SELECT body FROM events").fetchone()[0] == '{"a":2,"b":1}'
    raw.close()


@pytest.mark.parametrize("value", [float("nan"), float("inf"), np.float64("nan")])
def test_a_body_with_a_number_that_is_not_finite_is_refused(journal: Journal, value: float) -> None:
    with pytest.raises(ValueError, match=r"report\.pump is .*finite numbers only"):
        journal.append("safed", {"ok": True, "report": {"pump": value}})
    assert journal.commits == 0
    assert journal.last_seq == 0


def test_a_body_that_is_not_json_is_refused(journal: Journal) -> None:
    with pytest.raises(TypeError, match=r"report\[1\] is .* of type object"):
        journal.append("safed", {"ok": True, "report": [1, object()]})


def test_unknown_kind(journal: Journal) -> None:
    with pytest.raises(ValueError, match="unknown event kind 'observd'; did you mean 'observed'"):
        journal.append("observd", {})  # type: ignore[arg-type]  # what is tested


@pytest.mark.parametrize(("kind", "lacks"), [("intent", "trial"), ("attempt_ended", "trial"), ("observed", "trial")])
def test_a_missing_number_is_refused(journal: Journal, kind: EventKind, lacks: str) -> None:
    with pytest.raises(ValueError, match=f"{kind!r} needs the number of its {lacks}, got None"):
        journal.append(kind, {})


def test_several_facts_are_one_commit(journal: Journal, begin: Step) -> None:
    begin(journal)
    events = journal.append_all([Entry("safed", {"ok": True}), Entry("stopped", {"reason": "budget_trials"})])
    assert [event.seq for event in events] == [2, 3]
    assert journal.commits == 2


def test_of_several_facts_all_or_none_are_recorded(journal: Journal, begin: Step, decide: Step, start: Step) -> None:
    begin(journal)
    (trial,) = decide(journal, {"rate": 1.0})
    start(journal, trial)
    before, commits = list(journal.events()), journal.commits
    twice = Entry("observed", {"outcome": {"y": 1.0}}, trial=trial)
    with pytest.raises(JournalContradiction, match="'completed' to 'completed'"):
        journal.append_all([twice, twice], documents=[("event", {})])
    assert list(journal.events()) == before
    assert list(journal.documents()) == []
    assert journal.commits == commits
    assert journal.history.trial(trial).state == "running"


def test_the_journal_can_be_used_on_after_a_refusal(journal: Journal, begin: Step, perform: Step) -> None:
    begin(journal)
    trial = perform(journal)
    with pytest.raises(JournalContradiction):
        journal.append("observed", {"outcome": {"error": 2.0}}, trial=trial)
    assert journal.history.trial(trial).outcome["error"].value == 1.0
    perform(journal, 3.0)
    assert [event.seq for event in journal.events()] == list(range(1, journal.last_seq + 1))
    assert fold(journal.events()) == journal.history


def test_one_outcome_an_action(journal: Journal, begin: Step, decide: Step, start: Step, intend: Step) -> None:
    begin(journal)
    start(journal, *decide(journal, {"rate": 1.0}))
    intend(journal, 1, 1, 1)
    journal.append("outcome", {"status": "done", "result": {}, "error": None}, trial=1, attempt=1, action=1)
    with pytest.raises(JournalContradiction, match="its outcome is known"):
        journal.append("outcome", {"status": "done", "result": {}, "error": None}, trial=1, attempt=1, action=1)


def test_the_same_intent_twice_is_stopped_by_the_table(
    journal: Journal, begin: Step, decide: Step, start: Step, intend: Step
) -> None:
    begin(journal)
    start(journal, *decide(journal, {"rate": 1.0}))
    intend(journal, 1, 1, 1)
    with pytest.raises(JournalContradiction, match=r"holds already.*UNIQUE.*Nothing recorded so far is lost"):
        intend(journal, 1, 1, 1)
    assert len(list(journal.events(kinds=["intent"]))) == 1
    assert len(journal.history.open_actions) == 1


def test_commits_are_counted_and_announced(journal: Journal) -> None:
    seen: list[tuple[str, int, int]] = []

    def durable() -> int:
        told = "import sqlite3, sys; print(*sqlite3.connect(sys.argv[1]).execute('SELECT count(*) FROM events').fetchone())"
        command = [sys.executable, "-c", told, str(journal.path)]
        return int(subprocess.run(command, capture_output=True, text=True, check=True).stdout)

    journal.before_commit = lambda number: seen.append(("before", number, durable()))
    journal.after_commit = lambda number: seen.append(("after", number, durable()))
    journal.append("safed", {"ok": True})
    assert seen == [("before", 1, 0), ("after", 1, 1)]


def test_a_hook_that_raises_before_the_commit_undoes_it(journal: Journal) -> None:
    def refuse(number: int) -> None:
        raise RuntimeError(number)

    journal.append("safed", {"ok": True})
    journal.before_commit = refuse
    with pytest.raises(RuntimeError, match="2"):
        journal.append("stopped", {"reason": "stop_requested"})
    journal.before_commit = None
    assert journal.history.stopped is None
    assert journal.append("safed", {"ok": False}).seq == 2


def test_a_hook_that_raises_before_the_commit_undoes_a_new_campaign(journal: Journal, begin: Step) -> None:
    def refuse(_number: int) -> None:
        raise KeyboardInterrupt

    journal.before_commit = refuse
    with pytest.raises(KeyboardInterrupt):
        begin(journal)
    assert journal.campaign == 0
    journal.before_commit = None
    begin(journal)
    assert journal.campaign == 1


def test_a_hook_that_raises_after_the_commit_undoes_nothing(journal: Journal) -> None:
    def die(number: int) -> None:
        raise RuntimeError(number)

    journal.after_commit = die
    with pytest.raises(RuntimeError, match="1"):
        journal.append("stopped", {"reason": "stop_requested"})
    assert journal.history.stopped is not None
    assert journal.last_seq == 1


def test_campaigns_are_numbered(journal: Journal, begin: Step) -> None:
    assert journal.campaign == 0
    begin(journal)
    begin(journal, supersedes=1)
    assert journal.campaign == 2
    assert [event.campaign for event in journal.events()] == [1, 2]


def test_a_campaign_is_not_opened_over_actions_in_doubt(
    journal: Journal, begin: Step, decide: Step, start: Step, intend: Step
) -> None:
    begin(journal)
    start(journal, *decide(journal, {"rate": 1.0}))
    intend(journal, 1, 1, 1)
    with pytest.raises(JournalRefused, match=r"actions in doubt \(trial 1: set on pump\).*autolab resolve"):
        begin(journal, supersedes=1)
    assert journal.campaign == 1


def test_history_goes_on_after_reopening(path: Path, ticking: Step, begin: Step, perform: Step) -> None:
    with Journal.open(path, durable=False, now=ticking()) as first:
        begin(first)
        perform(first)
        before = first.history
    with Journal.open(path, durable=False, now=ticking(50)) as second:
        assert second.history == before
        assert second.epoch == 2
        assert second.campaign == 1
        assert second.commits == 0
        assert second.append("safed", {"ok": True}).epoch == 2


def test_lab_time_goes_on_by_itself(path: Path) -> None:
    with Journal.open(path, durable=False, now=lambda: 1000.0) as first:
        first.append("safed", {"ok": True})
    with Journal.open(path, durable=False) as second:
        assert 1000.0 <= second.append("safed", {"ok": True}).lab_time < 2000.0


def test_threads_append_side_by_side(journal: Journal) -> None:
    def work(name: str) -> None:
        for count in range(20):
            journal.append("safed", {"ok": True, "report": [name, count]})

    threads = [threading.Thread(target=work, args=(name,)) for name in "abcd"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    reports = [event.body["report"] for event in journal.events()]
    assert [event.seq for event in journal.events()] == list(range(1, 81))
    for name in "abcd":
        assert [report for report in reports if report[0] == name] == [[name, count] for count in range(20)]  # type: ignore[index]  # a list
    assert journal.commits == 80


def test_documents_lie_beside_the_facts(journal: Journal, begin: Step, decide: Step, start: Step) -> None:
    begin(journal)
    start(journal, *decide(journal, {"rate": 1.0}))
    commits = journal.commits
    journal.append_all(
        [Entry("attempt_ended", {"ending": "completed"}, 1, 1), Entry("observed", {"outcome": {"y": 1.0}}, 1)],
        documents=[("start", {"uid": "u1"}), ("event", {"data": {"x": np.float64(2.0)}})],
    )
    journal.add_documents(1, 1, [("stop", {"exit_status": "success"})])
    stored = list(journal.documents(trial=1, attempt=1))
    assert [(each.name, each.campaign, each.trial, each.attempt) for each in stored] == [
        (name, 1, 1, 1) for name in ("start", "event", "stop")
    ]
    assert stored[1].document == {"data": {"x": 2.0}}
    assert journal.commits == commits + 2
    assert list(journal.documents(trial=2)) == []
    assert [each.name for each in journal.documents(after=stored[0].id, campaign=1)] == ["event", "stop"]


def test_no_reading_is_lost_because_a_document_is_odd(journal: Journal) -> None:
    odd: Any = {"data": {"ph": float("nan"), "who": Path("x")}, 3: float("-inf")}
    journal.add_documents(None, None, [("event", odd)])
    (stored,) = journal.documents()
    assert json.dumps(stored.document, sort_keys=True) == '{"3": -Infinity, "data": {"ph": NaN, "who": "x"}}'


def test_the_log_is_moved_into_the_file_now_and_then(journal: Journal, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(room, "CHECKPOINT_COMMITS", 3)
    size = journal.path.stat().st_size
    for _ in range(2):
        journal.append("safed", {"report": "x" * 20_000})
    assert journal.path.stat().st_size == size
    journal.append("safed", {"report": "x" * 20_000})
    assert journal.path.stat().st_size > size + 50_000
    assert journal.last_seq == 3


def test_much_text_is_moved_earlier(journal: Journal, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(room, "CHECKPOINT_BYTES", 10_000)
    size = journal.path.stat().st_size
    journal.add_documents(None, None, [("event", {"data": "x" * 20_000})])
    assert journal.path.stat().st_size > size + 15_000


def test_a_log_that_cannot_be_moved_now_costs_nothing(
    journal: Journal, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def refuse(*_: object, **__: object) -> sqlite3.Connection:
        raise sqlite3.OperationalError("no more files")

    monkeypatch.setattr(room, "CHECKPOINT_COMMITS", 1)
    monkeypatch.setattr(sqlite3, "connect", refuse)
    journal.append("safed", {"ok": True})
    assert "could not be moved into the file now (no more files)" in caplog.text
    assert journal.last_seq == 1


def test_nobody_can_write_while_the_log_is_moved(journal: Journal, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(room, "CHECKPOINT_COMMITS", 1)
    tried: list[str] = []
    told = (
        "import sqlite3\n"
        f"c = sqlite3.connect({str(journal.path)!r}, timeout=0)\n"
        "try: c.execute('BEGIN IMMEDIATE'); print('wrote')\n"
        "except sqlite3.OperationalError as e: print(e)"
    )

    def look(statement: str) -> None:
        if "wal_checkpoint" in statement:
            done = subprocess.run([sys.executable, "-c", told], capture_output=True, text=True, check=True)
            tried.append(done.stdout.strip())

    journal._connection.set_trace_callback(look)
    journal.append("safed", {"ok": True})
    assert tried == ["database is locked"]


def test_one_file_is_left(path: Path) -> None:
    with Journal.open(path) as journal:
        journal.append("safed", {"ok": True})
    assert sorted(each.name for each in path.parent.iterdir()) == [path.name, f"{path.name}.lock"]


def test_a_closed_journal_takes_nothing(path: Path) -> None:
    journal = Journal.open(path, durable=False)
    journal.close()
    journal.close()
    with pytest.raises(NotOwner, match="has been closed"):
        journal.append("safed", {"ok": True})


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_a_forked_child_must_not_write(path: Path, tmp_path: Path) -> None:
    said = tmp_path / "said"
    program = f"""
import os
from autolab.journal.journal import Journal
from autolab.model.errors import NotOwner
journal = Journal.open({str(path)!r})
if os.fork() == 0:
    try:
        journal.append("safed", {{"ok": True}})
    except NotOwner as error:
        open({str(said)!r}, "w").write(str(error))
    os._exit(0)
os.wait()
assert journal.last_seq == 0
"""
    subprocess.run([sys.executable, "-W", "ignore::DeprecationWarning", "-c", program], check=True)
    assert "of which this one was forked" in said.read_text()


def test_every_kind_of_fact_is_known() -> None:
    assert len(KINDS) == 24
