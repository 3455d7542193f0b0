"""Ownership of a journal: a lock on a file beside it, and an epoch that each new owner counts up."""

from __future__ import annotations

import contextlib
import datetime
import os
import socket
import time
from typing import TYPE_CHECKING

from autolab.journal.faults import from_os, typed
from autolab.journal.reading import JournalReader
from autolab.model.errors import AutolabError, JournalLocked

if TYPE_CHECKING:
    import sqlite3
    from pathlib import Path

    from filelock import BaseFileLock


def lock(path: Path) -> BaseFileLock:
    """Take the lock of a journal; it is free again when its holder dies, however that happens.

    Raises:
        JournalLocked: Another process (or another `Journal` of this one) holds it; the message names the owner.
        JournalNotWritable: The lock's file cannot be made.
    """
    import filelock  # here: it takes 30 ms, and readers do not need it

    beside = path.with_name(f"{path.name}.lock")
    held = filelock.FileLock(beside, timeout=0, thread_local=False)
    try:
        held.acquire()
    except filelock.Timeout:
        raise JournalLocked(_locked(path)) from None
    except OSError as error:
        raise from_os(error, beside) from error
    return held


def take(connection: sqlite3.Connection, path: Path) -> int:
    """Record this process as the owner and return its epoch."""
    with typed(path):
        connection.execute("BEGIN IMMEDIATE")
        try:
            connection.execute(
                "INSERT INTO epochs SELECT coalesce(max(epoch), 0) + 1, ?, ?, ? FROM epochs",
                (os.getpid(), socket.gethostname(), time.time()),
            )
            epoch = current(connection)
            connection.execute("COMMIT")
        except BaseException:
            with contextlib.suppress(Exception):
                connection.rollback()
            raise
    return epoch


def current(connection: sqlite3.Connection) -> int:
    """Return the epoch of the journal's present owner."""
    return int(connection.execute("SELECT coalesce(max(epoch), 0) FROM epochs").fetchone()[0])


def _locked(path: Path) -> str:
    owner = None
    with contextlib.suppress(AutolabError), JournalReader.open(path) as reader:
        owner = reader.owner()
    who = "another process"
    if owner:
        since = datetime.datetime.fromtimestamp(owner["since"]).astimezone().isoformat(" ", "seconds")
        who = f"process {owner['pid']} on {owner['host']}, since {since}"
    return (
        f"{path}: this campaign is running already: the journal belongs to {who}. "
        "Look at it with `autolab status`, or end it with `autolab stop`, and try again"
    )
