"""Connections to a journal's file: the owner's, an asker's, a reader's."""

from __future__ import annotations

import logging
import os
import sqlite3
from pathlib import Path
from urllib.parse import quote

from autolab.journal import schema
from autolab.journal.faults import explained, typed
from autolab.journal.filesystem import MEMORY, file_system, is_network
from autolab.model.errors import JournalNotWritable, JournalRefused

BUSY = 10.0  # s; a commit of another process takes milliseconds

_log = logging.getLogger(__name__)


def real_path(path: str | os.PathLike[str], *, must_exist: bool) -> Path:
    """Return the journal's own path, links resolved, so that all its companions have one name.

    Raises:
        JournalRefused: It is a folder or empty, or lies nowhere; or it must exist and does not.
    """
    real = Path(os.path.realpath(path))
    if real.is_dir():
        raise JournalRefused(
            f"{path}: this is a folder; a journal is one file, such as {Path(path) / 'campaign.sqlite'}"
        )
    if not real.parent.is_dir():
        raise JournalRefused(f"{path}: the folder {real.parent} does not exist; make it first")
    if real.exists():
        if not real.stat().st_size:
            raise JournalRefused(
                f"{path}: the file is empty: no journal, or one cut short. Restore it, or move it away to begin a new one"
            )
    elif must_exist:
        raise JournalRefused(f"{path}: there is no journal here; `autolab run` makes one, or give the path of another")
    return real


def refuse_network(path: Path, *, durable: bool) -> None:
    """Refuse a journal on a network file system; with `durable=False`, only warn.

    Raises:
        JournalNotWritable: It lies on one.
    """
    kind = file_system(path.parent)
    if is_network(kind):
        msg = (
            f"{path}: {path.parent} lies on a network or shared file system ({kind}), where neither locks nor flushes can "
            "be trusted; keep the journal on a local disk and copy it when the campaign is done"
        )
        if durable:
            raise JournalNotWritable(msg)
        _log.warning(msg)
    elif kind in MEMORY and durable:
        _log.warning("%s: %s lies in memory (%s): the journal will not survive a power cut", path, path.parent, kind)


def for_owner(path: Path, *, durable: bool) -> sqlite3.Connection:
    """Return the owner's connection: WAL, flushed at each commit where `durable`, otherwise only when it is moved."""
    connection = _writing(path)
    connection.execute(f"PRAGMA synchronous = {'FULL' if durable else 'NORMAL'}")
    return connection


def for_request(path: Path) -> sqlite3.Connection:
    """Return a connection for one request of another process."""
    connection = _writing(path)
    connection.execute("PRAGMA synchronous = FULL")
    return connection


def _writing(path: Path) -> sqlite3.Connection:
    connection = _connect(path, "rw")
    try:
        schema.check(connection, path)
        with typed(path):
            mode = connection.execute("PRAGMA journal_mode = WAL").fetchone()[0]
            connection.execute("PRAGMA fullfsync = 1")  # macOS: through the drive's own cache
            connection.execute("PRAGMA checkpoint_fullfsync = 1")
            connection.execute("PRAGMA wal_autocheckpoint = 0")  # see Journal._checkpoint
            connection.execute("PRAGMA trusted_schema = OFF")
        if mode != "wal":
            raise JournalNotWritable(
                f"{path}: the file system does not allow a write-ahead log (it gave {mode!r}); use a local disk"
            )
    except BaseException:
        connection.close()
        raise
    return connection


def for_reader(path: Path) -> sqlite3.Connection:
    """Return a read-only connection, also to a journal in a folder that cannot be written.

    Raises:
        JournalRefused: No journal of this version.
    """
    connection = _connect(path, "ro")
    try:
        connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
    except sqlite3.Error as error:
        connection.close()
        if not _archived(path):
            raise explained(error, path) from error
        # Nobody can write here and no log is left: the file is all there is, and SQLite needs no companion files.
        connection = _connect(path, "ro", "&immutable=1")
    try:
        schema.check(connection, path)
    except BaseException:
        connection.close()
        raise
    return connection


def _connect(path: Path, mode: str, more: str = "") -> sqlite3.Connection:
    with typed(path):
        posix = path.as_posix()
        slash = "" if posix.startswith("/") else "/"  # C:/lab/c.sqlite is file:///C:/lab/c.sqlite
        address = f"file://{slash}{quote(posix, safe='/:')}?mode={mode}{more}"
        return sqlite3.connect(address, uri=True, timeout=BUSY, isolation_level=None, check_same_thread=False)


def _archived(path: Path) -> bool:
    log = path.with_name(f"{path.name}-wal")
    return not os.access(path.parent, os.W_OK) and not (log.exists() and log.stat().st_size)
