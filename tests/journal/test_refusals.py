"""What cannot be used as a journal, and a disk that refuses: each a clear error, and nothing is harmed."""

from __future__ import annotations

import errno
import itertools
import os
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from autolab.journal import connections, schema
from autolab.journal.faults import explained, from_os
from autolab.journal.history import fold
from autolab.journal.journal import Journal
from autolab.journal.reading import JournalReader
from autolab.journal.requests import request
from autolab.model.errors import (
    AutolabError,
    InputError,
    JournalContradiction,
    JournalLocked,
    JournalNotWritable,
    JournalRefused,
    JournalTooNew,
)

Step = Callable[..., Any]


def ask(path: Path) -> object:
    return request(path, "stop", by="test")


WAYS: list[Callable[[Path], object]] = [Journal.open, JournalReader.open, ask]
every_way = pytest.mark.parametrize("way", WAYS, ids=["owner", "reader", "request"])


@pytest.fixture
def made(path: Path, begin: Step, perform: Step) -> Path:
    """A journal with ten trials, closed."""
    with Journal.open(path, durable=False) as journal:
        begin(journal)
        for value in range(10):
            perform(journal, float(value))
    path.with_name(f"{path.name}.lock").unlink()
    return path


def untouched(path: Path, way: Callable[[Path], object], error: type[AutolabError], match: str) -> None:
    before, beside = path.read_bytes(), sorted(path.parent.iterdir())
    with pytest.raises(error, match=match):
        way(path)
    assert path.read_bytes() == before
    assert sorted(path.parent.iterdir()) == beside


@every_way
def test_a_text_is_no_journal(path: Path, way: Callable[[Path], object]) -> None:
    path.write_text("name: dosing\n" * 500, encoding="utf-8")
    untouched(path, way, JournalRefused, "not a journal.*give the path of a campaign's journal")


@every_way
def test_another_programs_database_is_no_journal(path: Path, way: Callable[[Path], object]) -> None:
    connection = sqlite3.connect(path)
    connection.execute("CREATE TABLE samples (id INTEGER)")
    connection.commit()
    connection.close()
    untouched(path, way, JournalRefused, "a database of another program")


@every_way
def test_an_empty_file_is_not_overwritten(path: Path, way: Callable[[Path], object]) -> None:
    path.touch()
    untouched(path, way, JournalRefused, "the file is empty.*move it away")


@every_way
def test_an_empty_database_is_no_journal(path: Path, way: Callable[[Path], object]) -> None:
    connection = sqlite3.connect(path)
    connection.execute("PRAGMA user_version = 3")
    connection.close()
    untouched(path, way, JournalRefused, "not a journal but an empty file")


@every_way
def test_a_newer_journal(made: Path, way: Callable[[Path], object]) -> None:
    connection = sqlite3.connect(made)
    connection.execute(f"PRAGMA user_version = {schema.VERSION + 1}")
    connection.execute("PRAGMA journal_mode = DELETE")
    connection.close()
    untouched(made, way, JournalTooNew, r"format 2, and this autolab reads formats up to 1; upgrade it \(pip install")


@every_way
def test_a_journal_without_its_tables(path: Path, way: Callable[[Path], object]) -> None:
    connection = sqlite3.connect(path)
    connection.execute(f"PRAGMA application_id = {schema.APPLICATION_ID}")
    connection.execute("PRAGMA user_version = 1")
    connection.close()
    untouched(path, way, JournalRefused, "damaged .without the tables answers, documents, epochs, events, requests")


@every_way
@pytest.mark.parametrize("keep", [0.9, 0.5, 0.1])
def test_a_journal_cut_short(made: Path, way: Callable[[Path], object], keep: float) -> None:
    pages = made.stat().st_size // 4096
    os.truncate(made, int(pages * keep) * 4096)
    with pytest.raises(JournalRefused, match=r"damaged \(.*malformed.*Keep this file.*\.recover"):
        way(made)


def test_a_header_cut_short(made: Path) -> None:
    os.truncate(made, 60)
    with pytest.raises(JournalRefused, match="damaged"):
        Journal.open(made)


def test_a_journal_with_a_garbled_page(made: Path) -> None:
    with made.open("r+b") as file:
        file.seek(4096)
        file.write(b"\xa5" * (made.stat().st_size - 4096))
    with pytest.raises(JournalRefused, match="damaged"):
        Journal.open(made)


@every_way
def test_a_folder_is_no_journal(tmp_path: Path, way: Callable[[Path], object]) -> None:
    with pytest.raises(JournalRefused, match=r"this is a folder; a journal is one file, such as .*campaign\.sqlite"):
        way(tmp_path)


@every_way
def test_a_folder_that_does_not_exist(tmp_path: Path, way: Callable[[Path], object]) -> None:
    with pytest.raises(JournalRefused, match=r"folder .*nowhere does not exist; make it first"):
        way(tmp_path / "nowhere" / "c.sqlite")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("way", WAYS[1:])
def test_only_an_owner_makes_a_journal(path: Path, way: Callable[[Path], object]) -> None:
    with pytest.raises(JournalRefused, match="there is no journal here"):
        way(path)
    assert not path.exists()


def test_a_log_without_its_journal_is_kept(path: Path) -> None:
    log = path.with_name(f"{path.name}-wal")
    log.write_bytes(b"results")
    with pytest.raises(JournalRefused, match=r"without its journal campaign\.sqlite.*Put the journal back"):
        Journal.open(path)
    assert log.read_bytes() == b"results"
    assert not path.exists()


def test_a_network_file_system(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connections, "file_system", lambda _: "nfs4")
    with pytest.raises(JournalNotWritable, match=r"\(nfs4\).*keep the journal on a local disk"):
        Journal.open(path)
    assert list(path.parent.iterdir()) == []


def test_a_rehearsal_on_a_network_file_system_is_only_warned(
    path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(connections, "file_system", lambda _: "cifs")
    Journal.open(path, durable=False).close()
    assert "(cifs)" in caplog.text


def test_a_journal_in_memory_is_warned_of(
    path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(connections, "file_system", lambda _: "tmpfs")
    Journal.open(path).close()
    assert "will not survive a power cut" in caplog.text


def test_a_file_system_without_a_log(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real = sqlite3.connect

    class NoLog(sqlite3.Connection):
        def execute(self, sql: str, *values: Any) -> sqlite3.Cursor:
            return super().execute("PRAGMA journal_mode = MEMORY" if "journal_mode" in sql else sql, *values)

    monkeypatch.setattr(sqlite3, "connect", lambda *a, **k: real(*a, **{**k, "factory": NoLog}))
    with pytest.raises(JournalNotWritable, match="does not allow a write-ahead log"):
        Journal.open(path)


def limit_pages(journal: Journal, more: int) -> None:
    """Let the database grow by `more` pages only: SQLite then answers as it does on a full disk."""
    pages = journal._connection.execute("PRAGMA page_count").fetchone()[0]
    journal._connection.execute(f"PRAGMA max_page_count = {pages + more}")


def test_a_full_database_loses_nothing_and_goes_on_when_there_is_space(
    journal: Journal, begin: Step, decide: Step, perform: Step
) -> None:
    begin(journal)
    perform(journal)
    before = list(journal.events())
    limit_pages(journal, 0)
    with pytest.raises(JournalNotWritable, match=r"disk is full \(.* MB free\).*Nothing recorded.*it resumes"):
        decide(journal, {"rate": 1.0, "padding": "x" * 50_000})
    assert list(journal.events()) == before
    assert journal.history == fold(before)
    limit_pages(journal, 1000)
    decide(journal, {"rate": 1.0, "padding": "x" * 50_000})
    assert journal.last_seq == len(before) + 1


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of 300 kB, or a skip where none may be mounted."""
    place = tmp_path / "disk"
    place.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=300k", "tmpfs", str(place)]
    if sys.platform != "linux" or os.geteuid() or subprocess.run(command, capture_output=True, check=False).returncode:
        pytest.skip("mounting a small disk needs Linux and root")
    yield place
    subprocess.run(["umount", "-l", str(place)], check=True)


def test_a_full_disk_loses_nothing_and_goes_on_when_there_is_space(
    small_disk: Path, begin: Step, perform: Step
) -> None:
    ballast = small_disk / "ballast"
    with Journal.open(small_disk / "c.sqlite") as journal:
        begin(journal)
        ballast.write_bytes(b"x" * max(0, shutil.disk_usage(small_disk).free - 40_000))
        with pytest.raises(JournalNotWritable, match=r"disk (is full|reported an error)"):
            list(map(perform, itertools.repeat(journal, 1000)))
        kept = journal.last_seq
        assert [event.seq for event in journal.events()] == list(range(1, kept + 1))
        ballast.unlink()
        journal.append("stopped", {"reason": "journal"})
    with Journal.open(small_disk / "c.sqlite") as journal:
        assert journal.last_seq == kept + 1
        assert journal.history == fold(journal.events())


def test_no_journal_is_begun_on_a_full_disk(small_disk: Path) -> None:
    (small_disk / "ballast").write_bytes(b"x" * shutil.disk_usage(small_disk).free)
    with pytest.raises(JournalNotWritable, match=r"disk (is full|reported an error)"):
        Journal.open(small_disk / "c.sqlite")
    assert sorted(each.name for each in small_disk.iterdir()) == ["ballast", "c.sqlite.lock"]
    (small_disk / "ballast").unlink()
    Journal.open(small_disk / "c.sqlite").close()


@pytest.fixture
def read_only(tmp_path: Path, made: Path) -> Iterator[Path]:
    """The journal on a disk that cannot be written, or a skip where none may be mounted."""
    place = tmp_path / "archive"
    place.mkdir()
    shutil.copy(made, place)
    commands = [["mount", "--bind", str(place), str(place)], ["mount", "-o", "remount,ro,bind", str(place)]]
    may = sys.platform == "linux" and not os.geteuid()
    if not may or any(subprocess.run(each, capture_output=True, check=False).returncode for each in commands):
        pytest.skip("mounting a read-only disk needs Linux and root")
    yield place / made.name
    subprocess.run(["umount", "-l", str(place)], check=True)


@pytest.mark.parametrize("way", [Journal.open, ask], ids=["owner", "request"])
def test_a_read_only_disk(read_only: Path, way: Callable[[Path], object]) -> None:
    with pytest.raises(JournalNotWritable, match=r"cannot be written.*copy the journal elsewhere"):
        way(read_only)


def test_no_journal_is_begun_on_a_read_only_disk(read_only: Path) -> None:
    with pytest.raises(JournalNotWritable, match=r"cannot be written \(EROFS\)"):
        Journal.open(read_only.with_name("new.sqlite"))


def test_a_journal_on_a_read_only_disk_can_be_read(read_only: Path) -> None:
    with JournalReader.open(read_only) as reader:
        assert len(fold(reader.events()).trials) == 10


def test_a_connection_that_may_only_read(journal: Journal) -> None:
    journal._connection.execute("PRAGMA query_only = 1")
    with pytest.raises(JournalNotWritable, match=r"cannot be written \(SQLITE_READONLY\)"):
        journal.append("safed", {"ok": True})
    journal._connection.execute("PRAGMA query_only = 0")
    assert journal.append("safed", {"ok": True}).seq == 1


def test_a_lock_that_cannot_be_made(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise PermissionError(errno.EACCES, "denied")

    monkeypatch.setattr("filelock.FileLock.acquire", refuse)
    with pytest.raises(JournalNotWritable, match=r"campaign\.sqlite\.lock.*\(EACCES\)"):
        Journal.open(path)


def fault(name: str) -> sqlite3.Error:
    error = sqlite3.OperationalError("said so")
    error.sqlite_errorname, error.sqlite_errorcode = name, getattr(sqlite3, name)
    return error


@pytest.mark.parametrize(
    ("name", "kind", "match"),
    [
        ("SQLITE_FULL", JournalNotWritable, "disk is full"),
        ("SQLITE_READONLY", JournalNotWritable, "cannot be written"),
        ("SQLITE_READONLY_DIRECTORY", JournalNotWritable, "cannot be written"),
        ("SQLITE_CANTOPEN", JournalNotWritable, "cannot be written"),
        ("SQLITE_IOERR_FSYNC", JournalNotWritable, "reported an error .SQLITE_IOERR_FSYNC.*Check the disk"),
        ("SQLITE_IOERR_WRITE", JournalNotWritable, "reported an error"),
        ("SQLITE_BUSY", JournalLocked, "another program keeps the file locked"),
        ("SQLITE_NOTADB", JournalRefused, "not a journal"),
        ("SQLITE_CORRUPT", JournalRefused, "damaged .said so"),
        ("SQLITE_CONSTRAINT_UNIQUE", JournalContradiction, "holds already"),
        ("SQLITE_TOOBIG", JournalRefused, "SQLite says: said so"),
    ],
)
def test_each_complaint_of_sqlite_is_told_as_what_to_do(
    path: Path, name: str, kind: type[AutolabError], match: str
) -> None:
    error = explained(fault(name), path)
    assert type(error) is kind
    with pytest.raises(kind, match=match):
        raise error


def test_what_a_person_can_mend_is_an_input_error(path: Path) -> None:
    assert isinstance(explained(fault("SQLITE_FULL"), path), InputError)
    assert isinstance(from_os(OSError(errno.ENOSPC, "full"), path), InputError)


def test_an_error_of_the_disk_at_the_commit_records_nothing(journal: Journal, monkeypatch: pytest.MonkeyPatch) -> None:
    """The flush fails: what was written is not acknowledged, and the next fact takes its place."""

    class Failing:
        def __init__(self, real: sqlite3.Connection) -> None:
            self.real, self.failed = real, False

        def execute(self, sql: str, *values: Any) -> sqlite3.Cursor:
            if sql == "COMMIT" and not self.failed:
                self.failed = True
                raise fault("SQLITE_IOERR_FSYNC")
            return self.real.execute(sql, *values)

        def __getattr__(self, name: str) -> object:
            return getattr(self.real, name)

    monkeypatch.setattr(journal, "_connection", Failing(journal._connection))
    with pytest.raises(JournalNotWritable, match="SQLITE_IOERR_FSYNC"):
        journal.append("safed", {"ok": True})
    assert journal.commits == 0
    assert journal.append("safed", {"ok": False}).seq == 1
    assert [event.body for event in journal.events()] == [{"ok": False}]
