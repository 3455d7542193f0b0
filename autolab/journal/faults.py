"""What SQLite and the operating system complain of, told as what a person can do about it."""

from __future__ import annotations

import contextlib
import errno
import shutil
import sqlite3
from pathlib import Path
from typing import TYPE_CHECKING

from autolab.model.errors import (
    AutolabError,
    JournalContradiction,
    JournalLocked,
    JournalNotWritable,
    JournalRefused,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

KEPT = "Nothing recorded so far is lost; what was being recorded is not."


@contextlib.contextmanager
def typed(path: Path) -> Iterator[None]:
    """Turn SQLite's errors into autolab's."""
    try:
        yield
    except sqlite3.Error as error:
        raise explained(error, path) from error


def explained(error: sqlite3.Error, path: Path) -> AutolabError:
    """Return the typed error for an error of SQLite."""
    code = getattr(error, "sqlite_errorcode", None)
    name = getattr(error, "sqlite_errorname", type(error).__name__)
    match None if code is None else code & 0xFF:  # the low byte is the primary code; the rest says where
        case sqlite3.SQLITE_FULL:
            return JournalNotWritable(_full(path))
        case sqlite3.SQLITE_READONLY | sqlite3.SQLITE_PERM | sqlite3.SQLITE_CANTOPEN | sqlite3.SQLITE_AUTH:
            return JournalNotWritable(_read_only(path, name))
        case sqlite3.SQLITE_IOERR:
            return JournalNotWritable(_disk(path, name))
        case sqlite3.SQLITE_BUSY | sqlite3.SQLITE_LOCKED | sqlite3.SQLITE_PROTOCOL:
            return JournalLocked(
                f"{path}: another program keeps the file locked ({name}); close it and try again. {KEPT}"
            )
        case sqlite3.SQLITE_NOTADB:
            return JournalRefused(
                f"{path}: this is not a journal (not even a database); give the path of a campaign's journal"
            )
        case sqlite3.SQLITE_CORRUPT:
            return JournalRefused(damaged(path, str(error)))
        case sqlite3.SQLITE_CONSTRAINT:
            return JournalContradiction(f"{path}: a fact that the journal holds already, or forbids: {error}. {KEPT}")
        case _:
            return JournalRefused(f"{path}: SQLite says: {error} ({name}). {KEPT}")


def from_os(error: OSError, path: Path) -> JournalNotWritable:
    """Return the typed error for the operating system's."""
    if error.errno in {errno.ENOSPC, errno.EDQUOT}:
        return JournalNotWritable(_full(path))
    if error.errno in {errno.EROFS, errno.EACCES, errno.EPERM}:
        return JournalNotWritable(_read_only(path, errno.errorcode[error.errno]))
    return JournalNotWritable(_disk(path, str(error)))


def damaged(path: Path, how: str) -> str:
    """Return what to say of a file that was a journal and is no longer whole."""
    return (
        f"{path}: the journal is damaged ({how}). Keep this file and its -wal and -shm companions as they are, "
        "and work on a copy: restore a backup, or save what is readable with `sqlite3 FILE .recover`"
    )


def _full(path: Path) -> str:
    return f"{path}: the disk is full ({_free(path)}). {KEPT} Free some space and start the campaign again: it resumes"


def _read_only(path: Path, name: str) -> str:
    return f"{path}: the file or its folder cannot be written ({name}). {KEPT} Give yourself the right to write both, or copy the journal elsewhere"


def _disk(path: Path, name: str) -> str:
    return f"{path}: the disk reported an error ({name}; {_free(path)}). {KEPT} Check the disk, then start the campaign again: it resumes"


def _free(path: Path) -> str:
    try:
        return f"{shutil.disk_usage(path.parent).free / 1e6:.1f} MB free"
    except OSError:
        return "free space unknown"
