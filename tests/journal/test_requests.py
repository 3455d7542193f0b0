from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from autolab.journal.journal import Journal
from autolab.journal.reading import JournalReader
from autolab.journal.requests import request
from autolab.model.errors import JournalContradiction


def test_a_request_reaches_the_owner(journal: Journal) -> None:
    number = request(journal.path, "approve", {"trials": [3]}, by="ada@lab")
    (asked,) = journal.pending_requests()
    assert (asked.id, asked.kind, asked.body, asked.by, asked.answer) == (
        number,
        "approve",
        {"trials": [3]},
        "ada@lab",
        None,
    )
    assert asked.wall_time > 1.7e9
    assert journal.last_seq == 0


def test_requests_of_another_process(journal: Journal) -> None:
    program = (
        "import sys; from autolab.journal.requests import request; print(request(sys.argv[1], 'stop', by='other'))"
    )
    for number in (1, 2):
        told = subprocess.run([sys.executable, "-c", program, journal.path], capture_output=True, text=True, check=True)
        assert told.stdout == f"{number}\n"
    assert [asked.id for asked in journal.pending_requests()] == [1, 2]
    journal.append("safed", {"ok": True})


def test_an_answer_is_a_fact_of_the_same_commit(journal: Journal) -> None:
    number = request(journal.path, "stop", by="ada@lab")
    event = journal.answer(number, {"ok": True, "text": "stopping"})
    assert (event.kind, journal.commits) == ("request_answered", 1)
    assert event.body == {"request": number, "kind": "stop", "answer": {"ok": True, "text": "stopping"}}
    assert journal.pending_requests() == []
    with JournalReader.open(journal.path) as reader:
        assert [asked.answer for asked in reader.requests()] == [{"ok": True, "text": "stopping"}]
        assert list(reader.events()) == [event]


def test_an_answer_that_is_not_committed_leaves_the_request_open(journal: Journal) -> None:
    def cut(_: int) -> None:
        raise KeyboardInterrupt

    number = request(journal.path, "stop", by="ada@lab")
    journal.before_commit = cut
    with pytest.raises(KeyboardInterrupt):
        journal.answer(number, {"ok": True})
    assert [asked.id for asked in journal.pending_requests()] == [number]
    assert journal.last_seq == 0


def test_a_request_is_answered_once(journal: Journal) -> None:
    first, second = (request(journal.path, "stop", by="ada@lab") for _ in range(2))
    journal.answer(first, {"ok": True})
    with pytest.raises(
        JournalContradiction, match=rf"request {first} has been answered.*waiting for an answer: {second}"
    ):
        journal.answer(first, {"ok": False})
    with pytest.raises(JournalContradiction, match=r"request 99 does not exist"):
        journal.answer(99, {"ok": True})
    assert len(list(journal.events())) == 1


def test_a_request_waits_for_the_next_owner(path: Path) -> None:
    Journal.open(path).close()
    request(path, "invalidate", {"trial": 2, "why": "leak"}, by="ada@lab")
    with Journal.open(path) as journal:
        assert [asked.kind for asked in journal.pending_requests()] == ["invalidate"]


def test_an_unknown_request(path: Path) -> None:
    with pytest.raises(ValueError, match="unknown request kind 'aprove'; did you mean 'approve'"):
        request(path, "aprove", by="ada@lab")  # type: ignore[arg-type]  # what is tested


def test_a_request_takes_no_ownership(journal: Journal) -> None:
    request(journal.path, "stop", by="ada@lab")
    owner = journal.owner()
    assert owner is not None
    assert owner["epoch"] == journal.epoch
