from __future__ import annotations

import os
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from autolab.journal.journal import Journal
from autolab.journal.reading import JournalReader
from autolab.model.errors import AutolabError, JournalLocked, NotOwner

Step = Callable[..., Any]

HOLD = "import sys; from autolab.journal.journal import Journal; j = Journal.open(sys.argv[1]); print('open', flush=True); sys.stdin.read()"
TRY = """
import sys
from autolab.journal.journal import Journal
from autolab.model.errors import AutolabError
try:
    Journal.open(sys.argv[1]).close()
    print("opened")
except AutolabError as error:
    print(type(error).__name__, error)
"""


@pytest.fixture
def holder(path: Path) -> Iterator[subprocess.Popen[str]]:
    """Another process that owns the journal."""
    with subprocess.Popen(
        [sys.executable, "-c", HOLD, path], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "open\n"
        yield process
        process.kill()


def test_a_second_process_is_told_who_owns_the_journal(path: Path, holder: subprocess.Popen[str]) -> None:
    with pytest.raises(JournalLocked, match=rf"process {holder.pid} on {socket.gethostname()}, since 20.*autolab stop"):
        Journal.open(path)


def test_a_second_process_changes_nothing(path: Path, holder: subprocess.Popen[str]) -> None:
    with pytest.raises(JournalLocked):
        Journal.open(path)
    with JournalReader.open(path) as reader:
        owner = reader.owner()
    assert owner is not None
    assert (owner["epoch"], owner["pid"]) == (1, holder.pid)


def test_another_process_meets_the_lock_of_this_one(journal: Journal) -> None:
    told = subprocess.run([sys.executable, "-c", TRY, journal.path], capture_output=True, text=True, check=True).stdout
    assert told.startswith("JournalLocked")
    assert f"process {os.getpid()} " in told


def test_the_same_process_cannot_open_it_twice(journal: Journal) -> None:
    with pytest.raises(JournalLocked, match=f"process {os.getpid()} "):
        Journal.open(journal.path)
    journal.append("safed", {"ok": True})


@pytest.mark.skipif(os.name != "posix", reason="links need rights on Windows")
def test_a_link_is_the_same_journal(journal: Journal, tmp_path: Path) -> None:
    other = tmp_path / "elsewhere" / "link.sqlite"
    other.parent.mkdir()
    other.symlink_to(journal.path)
    with pytest.raises(JournalLocked):
        Journal.open(other)
    assert list(other.parent.iterdir()) == [other]


def test_the_lock_is_free_when_its_holder_was_killed(path: Path, holder: subprocess.Popen[str]) -> None:
    holder.kill()
    holder.wait()
    with Journal.open(path, durable=False) as journal:
        assert journal.epoch == 2


def test_the_lock_is_free_after_closing_in_another_thread(path: Path) -> None:
    import threading

    journal = Journal.open(path, durable=False)
    thread = threading.Thread(target=journal.close)
    thread.start()
    thread.join()
    Journal.open(path, durable=False).close()


def test_the_lock_is_free_after_a_refusal(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise AutolabError("no")

    monkeypatch.setattr("autolab.journal.schema.create", refuse)
    with pytest.raises(AutolabError, match="no"):
        Journal.open(path)
    monkeypatch.undo()
    Journal.open(path, durable=False).close()


def test_an_owner_that_was_replaced_writes_nothing(path: Path) -> None:
    """Whoever removes the lock's file gets a second owner; the epoch inside the transaction stops the first."""
    first = Journal.open(path, durable=False)
    first.append("safed", {"report": "first"})
    path.with_name(f"{path.name}.lock").unlink()
    second = Journal.open(path, durable=False)
    second.append("safed", {"report": "second"})
    with pytest.raises(NotOwner, match=r"taken this journal over \(epoch 2, ours was 1\)"):
        first.append("safed", {"report": "late"})
    with pytest.raises(NotOwner):
        first.add_documents(None, None, [("event", {})])
    second.append("safed", {"report": "third"})
    assert [event.body["report"] for event in second.events()] == ["first", "second", "third"]
    assert list(second.documents()) == []
    first.close()
    second.close()


def test_nobody_owned_a_fresh_journal_before(path: Path) -> None:
    with Journal.open(path, durable=False) as journal:
        owner = journal.owner()
    assert owner is not None
    assert (owner["epoch"], owner["pid"], owner["host"]) == (1, os.getpid(), socket.gethostname())
