# ruff: noqa: S608  the tables' names are this file's own
"""Settings and keys on which the promises stand: a change of any of them must be seen."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from autolab.journal import schema
from autolab.journal.connections import for_request
from autolab.journal.journal import Journal
from autolab.journal.requests import request

Step = Callable[..., Any]
FULL, NORMAL = 2, 1


def setting(connection: sqlite3.Connection, name: str) -> object:
    return connection.execute(f"PRAGMA {name}").fetchone()[0]


def test_an_owner_flushes_at_each_commit(path: Path) -> None:
    with Journal.open(path) as journal:
        connection = journal._connection
        assert setting(connection, "journal_mode") == "wal"
        assert setting(connection, "synchronous") == FULL
        assert setting(connection, "fullfsync") == 1
        assert setting(connection, "checkpoint_fullfsync") == 1
        assert setting(connection, "wal_autocheckpoint") == 0


def test_a_rehearsal_may_flush_less(path: Path) -> None:
    with Journal.open(path, durable=False) as journal:
        assert setting(journal._connection, "synchronous") == NORMAL
        assert setting(journal._connection, "journal_mode") == "wal"


def test_a_request_is_flushed_and_never_moves_the_log(path: Path) -> None:
    Journal.open(path).close()
    connection = for_request(path)
    try:
        assert setting(connection, "synchronous") == FULL
        assert setting(connection, "wal_autocheckpoint") == 0
    finally:
        connection.close()


def test_the_file_says_what_it_is(path: Path) -> None:
    Journal.open(path).close()
    header = path.read_bytes()[:100]
    assert int.from_bytes(header[68:72]) == schema.APPLICATION_ID
    assert int.from_bytes(header[60:64]) == schema.VERSION


@pytest.fixture
def raw(path: Path, begin: Step, decide: Step, start: Step, intend: Step, end: Step) -> Iterator[sqlite3.Connection]:
    """The bare tables of a journal with a bit of everything, past all that Python checks."""
    with Journal.open(path, durable=False) as journal:
        begin(journal)
        start(journal, *decide(journal, {"rate": 1.0}))
        intend(journal, 1, 1, 1)
        journal.append("outcome", {"status": "done", "result": {}, "error": None}, trial=1, attempt=1, action=1)
        end(journal, 1, 1)
        journal.add_documents(1, 1, [("stop", {})])
        request(path, "stop", by="test")
        journal.answer(1, {"ok": True})
    connection = sqlite3.connect(path, isolation_level=None)
    yield connection
    connection.close()


TABLES = ["epochs", "events", "documents", "requests", "answers"]


@pytest.mark.parametrize("table", TABLES)
def test_facts_are_never_changed(raw: sqlite3.Connection, table: str) -> None:
    column = raw.execute(f"SELECT name FROM pragma_table_info('{table}') ORDER BY cid DESC").fetchone()[0]
    with pytest.raises(sqlite3.IntegrityError, match=f"{table} are never changed"):
        raw.execute(f"UPDATE {table} SET {column} = {column}")


@pytest.mark.parametrize("table", TABLES)
def test_facts_are_never_deleted(raw: sqlite3.Connection, table: str) -> None:
    with pytest.raises(sqlite3.IntegrityError, match=f"{table} are never deleted"):
        raw.execute(f"DELETE FROM {table}")


@pytest.mark.parametrize("table", TABLES)
def test_facts_are_never_replaced(raw: sqlite3.Connection, table: str) -> None:
    with pytest.raises(sqlite3.IntegrityError, match=f"{table} are never replaced"):
        raw.execute(f"INSERT OR REPLACE INTO {table} SELECT * FROM {table} LIMIT 1")


def insert(raw: sqlite3.Connection, kind: str, *numbers: int | None, campaign: int = 1) -> None:
    raw.execute(
        "INSERT INTO events (campaign, epoch, kind, trial, attempt, action, lab_time, wall_time, body)"
        " VALUES (?, 1, ?, ?, ?, ?, 0, 0, '{}')",
        (campaign, kind, *numbers),
    )


@pytest.mark.parametrize(
    ("kind", "numbers"),
    [
        ("opened", (None, None, None)),
        ("intent", (1, 1, 1)),
        ("outcome", (1, 1, 1)),
        ("attempt_started", (1, 1, None)),
        ("attempt_ended", (1, 1, None)),
        ("observed", (1, None, None)),
        ("observed", (1, 7, None)),
        ("trial_failed", (1, None, None)),
    ],
)
def test_what_happens_once_is_recorded_once(
    raw: sqlite3.Connection, kind: str, numbers: tuple[int | None, ...]
) -> None:
    with pytest.raises(sqlite3.IntegrityError, match="UNIQUE constraint failed"):
        insert(raw, kind, *numbers)


@pytest.mark.parametrize(
    ("kind", "numbers"),
    [
        ("intent", (1, 1, 2)),
        ("intent", (1, 2, 1)),
        ("intent", (2, 1, 1)),
        ("outcome", (1, 1, 2)),
        ("settled", (1, 1, 1)),
        ("attempt_started", (1, 2, None)),
        ("observed", (2, None, None)),
        ("safed", (None, None, None)),
    ],
)
def test_what_differs_in_one_number_is_another_fact(
    raw: sqlite3.Connection, kind: str, numbers: tuple[int | None, ...]
) -> None:
    insert(raw, kind, *numbers)


def test_another_campaign_has_its_own_numbers(raw: sqlite3.Connection) -> None:
    insert(raw, "intent", 1, 1, 1, campaign=2)
    insert(raw, "observed", 1, None, None, campaign=2)


@pytest.mark.parametrize("kind", ["intent", "outcome", "settled", "attempt_started", "observed", "trial_failed"])
def test_a_key_cannot_be_dodged_by_leaving_numbers_out(raw: sqlite3.Connection, kind: str) -> None:
    with pytest.raises(sqlite3.IntegrityError, match="CHECK constraint failed"):
        insert(raw, kind, None, None, None)


def test_a_new_journal_appears_whole_or_not_at_all(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A cut before the renaming leaves nothing that looks like a journal; the next start makes a fresh one."""

    def cut(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "replace", cut)
    with pytest.raises(KeyboardInterrupt):
        Journal.open(path)
    assert not path.exists()
    monkeypatch.undo()
    with Journal.open(path) as journal:
        assert journal.last_seq == 0
    assert not path.with_name(f"{path.name}.new").exists()
