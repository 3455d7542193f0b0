"""The journal's tables: facts are only ever inserted, and what must be unique is unique in SQL."""

from __future__ import annotations

import contextlib
import os
import sqlite3
from pathlib import Path

from autolab.journal.faults import damaged, from_os, typed
from autolab.model.errors import JournalNotWritable, JournalRefused, JournalTooNew

APPLICATION_ID = 0x41554C42  # "AULB", in the file's header
VERSION = 1  # PRAGMA user_version

_TABLES = """
CREATE TABLE epochs (
    epoch INTEGER PRIMARY KEY, pid INTEGER NOT NULL, host TEXT NOT NULL, since REAL NOT NULL
);
CREATE TABLE events (
    seq INTEGER PRIMARY KEY,
    campaign INTEGER NOT NULL, epoch INTEGER NOT NULL, kind TEXT NOT NULL,
    trial INTEGER, attempt INTEGER, action INTEGER,
    lab_time REAL NOT NULL, wall_time REAL NOT NULL, body TEXT NOT NULL,
    CHECK (kind NOT IN ('intent', 'outcome', 'settled') OR (trial + attempt + action) IS NOT NULL),
    CHECK (kind NOT IN ('attempt_started', 'attempt_ended') OR (trial + attempt) IS NOT NULL),
    CHECK (kind NOT IN ('observed', 'trial_failed') OR trial IS NOT NULL)
);
CREATE UNIQUE INDEX one_campaign ON events (campaign) WHERE kind = 'opened';
CREATE UNIQUE INDEX one_action ON events (campaign, trial, attempt, action, kind) WHERE kind IN ('intent', 'outcome');
CREATE UNIQUE INDEX one_attempt ON events (campaign, trial, attempt, kind)
    WHERE kind IN ('attempt_started', 'attempt_ended');
CREATE UNIQUE INDEX one_observation ON events (campaign, trial) WHERE kind IN ('observed', 'trial_failed');
CREATE TABLE documents (
    id INTEGER PRIMARY KEY, campaign INTEGER NOT NULL, trial INTEGER, attempt INTEGER,
    name TEXT NOT NULL, document TEXT NOT NULL
);
CREATE INDEX documents_of_trial ON documents (campaign, trial);
CREATE TABLE requests (
    id INTEGER PRIMARY KEY, kind TEXT NOT NULL, body TEXT NOT NULL, asked_by TEXT NOT NULL, wall_time REAL NOT NULL
);
CREATE TABLE answers (request INTEGER PRIMARY KEY REFERENCES requests (id), answer TEXT NOT NULL);
"""
_FOREVER = """
CREATE TRIGGER {table}_stay BEFORE UPDATE ON {table} BEGIN SELECT RAISE(ABORT, '{table} are never changed'); END;
CREATE TRIGGER {table}_last BEFORE DELETE ON {table} BEGIN SELECT RAISE(ABORT, '{table} are never deleted'); END;
CREATE TRIGGER {table}_follow BEFORE INSERT ON {table}
    WHEN NEW.{key} IS NOT NULL AND EXISTS (SELECT 1 FROM {table} WHERE {key} = NEW.{key})
    BEGIN SELECT RAISE(ABORT, '{table} are never replaced'); END;
"""
_KEYS = {"epochs": "epoch", "events": "seq", "documents": "id", "requests": "id", "answers": "request"}


def create(path: Path) -> None:
    """Make an empty journal at `path`, complete and on the disk, or nothing at all.

    It is made under another name and then renamed, so that a power cut leaves no half-made journal.

    Raises:
        JournalRefused: A write-ahead log without its journal lies there.
        JournalNotWritable: The folder cannot be written, or the disk is full.
    """
    _refuse_orphans(path)
    new = path.with_name(f"{path.name}.new")
    try:
        new.unlink(missing_ok=True)
        with typed(path):
            _write(new)
        os.replace(new, path)
        _flush_folder(path.parent)
    except OSError as error:
        raise from_os(error, path) from error
    except JournalNotWritable:
        with contextlib.suppress(OSError):
            new.unlink(missing_ok=True)
        raise


def check(connection: sqlite3.Connection, path: Path) -> None:
    """Raise unless an open connection is to a journal of this version.

    Raises:
        JournalRefused: The file is no journal, empty or damaged.
        JournalTooNew: A newer autolab wrote it.
    """
    with typed(path):
        application = connection.execute("PRAGMA application_id").fetchone()[0]
        version = connection.execute("PRAGMA user_version").fetchone()[0]
        tables = {row[0] for row in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
    if application != APPLICATION_ID:
        what = "a database of another program" if tables else "an empty file"
        raise JournalRefused(f"{path}: this is not a journal but {what}; give another path, or move the file away")
    if version > VERSION:
        raise JournalTooNew(
            f"{path}: the journal has format {version}, and this autolab reads formats up to {VERSION}; "
            "upgrade it (pip install --upgrade autolab-sdl)"
        )
    if missing := _KEYS.keys() - tables:
        raise JournalRefused(damaged(path, f"without the tables {', '.join(sorted(missing))}"))


def _write(new: Path) -> None:
    connection = sqlite3.connect(new, isolation_level=None)
    try:
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute("PRAGMA fullfsync = 1")
        forever = "".join(_FOREVER.format(table=table, key=key) for table, key in _KEYS.items())
        connection.executescript(
            f"BEGIN;{_TABLES}{forever}PRAGMA application_id = {APPLICATION_ID};PRAGMA user_version = {VERSION};COMMIT;"
        )
    finally:
        connection.close()


def _refuse_orphans(path: Path) -> None:
    log = path.with_name(f"{path.name}-wal")
    if log.exists() and log.stat().st_size:
        raise JournalRefused(
            f"{log}: a write-ahead log lies here without its journal {path.name}; it may hold results. "
            "Put the journal back beside it, or move the log away"
        )


def _flush_folder(folder: Path) -> None:
    if os.name != "posix":
        return  # Windows keeps no separate order for folder entries, and cannot open a folder
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
