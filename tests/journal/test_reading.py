from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from autolab.journal import reading
from autolab.journal.events import Event
from autolab.journal.history import fold
from autolab.journal.journal import Journal
from autolab.journal.reading import JournalReader
from autolab.model.errors import JournalRefused

Step = Callable[..., Any]


def test_a_reader_sees_what_the_owner_sees(journal: Journal, begin: Step, perform: Step) -> None:
    begin(journal)
    perform(journal)
    with JournalReader.open(journal.path) as reader:
        assert list(reader.events()) == list(journal.events())
        assert (reader.campaign, reader.last_seq) == (journal.campaign, journal.last_seq)
        assert fold(reader.events()) == journal.history
        perform(journal)
        assert list(reader.events()) == list(journal.events())


def test_a_reader_sees_each_commit_whole(journal: Journal, begin: Step) -> None:
    """While a commit is written and not durable, a reader sees none of it."""
    begin(journal)
    seen: list[int] = []
    with JournalReader.open(journal.path) as reader:
        journal.before_commit = lambda _: seen.append(reader.last_seq)
        journal.after_commit = lambda _: seen.append(reader.last_seq)
        journal.append("safed", {"ok": True})
    assert seen == [1, 2]


def test_a_reader_does_not_hold_the_owner_up(journal: Journal) -> None:
    for _ in range(3):
        journal.append("safed", {"ok": True})
    with JournalReader.open(journal.path) as reader:
        reading_on = reader.events()
        assert next(reading_on).seq == 1
        journal.append("safed", {"ok": True})
        assert [event.seq for event in reading_on][:2] == [2, 3]


@pytest.mark.parametrize("batch", [1, 2, 3, 100])
def test_events_come_in_order_whatever_the_batch(
    journal: Journal, begin: Step, perform: Step, monkeypatch: pytest.MonkeyPatch, batch: int
) -> None:
    monkeypatch.setattr(reading, "BATCH", batch)
    begin(journal)
    perform(journal)
    assert [event.seq for event in journal.events()] == list(range(1, journal.last_seq + 1))


def test_events_can_be_chosen(journal: Journal, begin: Step, perform: Step) -> None:
    begin(journal)
    perform(journal)
    begin(journal, supersedes=1)
    perform(journal)
    chosen = list(journal.events(campaign=2, kinds=["observed", "decided"]))
    assert [event.kind for event in chosen] == ["decided", "observed"]
    assert {event.campaign for event in chosen} == {2}
    last = journal.last_seq
    assert [event.seq for event in journal.events(after=last - 2)] == [last - 1, last]
    assert list(journal.events(kinds=[])) == []
    assert list(journal.events(after=last)) == []


def test_an_unknown_kind_cannot_be_chosen(journal: Journal) -> None:
    with pytest.raises(ValueError, match="did you mean 'decided'"):
        list(journal.events(kinds=["decide"]))


def test_a_reader_writes_nothing(path: Path) -> None:
    with Journal.open(path) as journal:
        journal.append("safed", {"ok": True})
    before = path.read_bytes()
    with JournalReader.open(path) as reader, pytest.raises(JournalRefused, match="cannot be written"):
        reader._rows("INSERT INTO requests VALUES (1, 'stop', '{}', 'me', 0)")
    assert path.read_bytes() == before


def test_a_reader_can_be_asked_from_any_folder_name(tmp_path: Path) -> None:
    odd = tmp_path / "50 % of #1? ü"
    odd.mkdir()
    with Journal.open(odd / "c&d=e.sqlite", durable=False) as journal:
        journal.append("safed", {"ok": True})
        with JournalReader.open(odd / "c&d=e.sqlite") as reader:
            assert reader.last_seq == 1
    assert sorted(each.name for each in odd.iterdir()) == ["c&d=e.sqlite", "c&d=e.sqlite.lock"]


def test_a_closed_reader_says_so(journal: Journal) -> None:
    reader = JournalReader.open(journal.path)
    reader.close()
    with pytest.raises(JournalRefused, match="closed"):
        list(reader.events())


def test_nobody_has_owned_it(path: Path) -> None:
    from autolab.journal import schema

    schema.create(path)
    with JournalReader.open(path) as reader:
        assert reader.owner() is None
        assert (reader.campaign, reader.last_seq) == (0, 0)


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() != 0, reason="only root can run as somebody else")
def test_a_reader_without_the_right_to_write(begin: Step) -> None:
    """A colleague may read a finished campaign in a folder that is not theirs."""
    with tempfile.TemporaryDirectory(dir="/tmp") as name:  # others may enter it, and not pytest's own
        folder = Path(name)
        with Journal.open(folder / "c.sqlite") as journal:
            begin(journal)
        folder.chmod(0o711)
        (folder / "c.sqlite").chmod(0o444)
        program = (
            "import os, sys; from autolab.journal.reading import JournalReader\n"
            "os.setuid(65534); print(JournalReader.open(sys.argv[1]).last_seq)"
        )
        command = [sys.executable, "-c", program, str(folder / "c.sqlite")]
        assert subprocess.run(command, capture_output=True, text=True, check=True).stdout == "1\n"


def test_events_are_facts(journal: Journal) -> None:
    event = journal.append("safed", {"ok": True})
    assert isinstance(event, Event)
    with pytest.raises(AttributeError, match="cannot assign"):
        event.seq = 2  # type: ignore[misc]  # what is tested
