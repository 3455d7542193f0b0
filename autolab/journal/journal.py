"""The owner's journal: durable, append-only, exclusive."""

from __future__ import annotations

import contextlib
import json
import logging
import os
import sqlite3
import time
from typing import TYPE_CHECKING, TypeVar

from autolab.journal import ownership, schema
from autolab.journal.canonical import canonical_text, document_text
from autolab.journal.connections import for_owner, real_path, refuse_network
from autolab.journal.events import Entry, Event, EventKind, Request
from autolab.journal.faults import typed
from autolab.journal.history import Fold, History
from autolab.journal.reading import JournalReader, Readable
from autolab.journal.requests import request
from autolab.model.errors import AutolabError, JournalContradiction, JournalRefused, NotOwner

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from pathlib import Path

    from filelock import BaseFileLock

__all__ = ["Journal", "JournalReader", "request"]

CHECKPOINT_COMMITS = 256
CHECKPOINT_BYTES = 4_000_000

T = TypeVar("T")
_log = logging.getLogger(__name__)


class Journal(Readable):
    """The journal as its owner has it. Make one with `Journal.open`.

    Every method may be called from any thread. Each appending method is one durable commit: when it returns, what
    was appended survives a power cut; when it raises, nothing of it was recorded and the journal can be used on.

    Attributes:
        epoch: Which ownership this is, from 1.
        commits: Number of commits so far by this owner.
        before_commit: Called with the number of a commit (from 1) when all is written and nothing is durable.
        after_commit: Called with the number of a commit when it is durable.
    """

    def __init__(
        self, path: Path, connection: sqlite3.Connection, held: BaseFileLock, now: Callable[[], float] | None
    ) -> None:
        super().__init__(path, connection)
        self._held = held
        self._pid = os.getpid()
        self._fold: Fold | None = None
        self._closed = False
        self._unchecked = [0, 0]  # commits and bytes since the last checkpoint
        self.epoch = ownership.take(connection, path)
        self._campaign = super().campaign
        self.now = now or _going_on_from(self.history.last_lab_time)
        self.commits = 0
        self.before_commit: Callable[[int], None] | None = None
        self.after_commit: Callable[[int], None] | None = None

    @classmethod
    def open(
        cls, path: str | os.PathLike[str], *, durable: bool = True, now: Callable[[], float] | None = None
    ) -> Journal:
        """Open a journal, or make a new one, and become its owner.

        Args:
            path: Of the file; links are followed.
            durable: Flush at each commit. False is for rehearsals: a power cut may then cost the last facts, but nothing
                else, and a kill costs nothing.
            now: Gives lab time, s; without it, lab time goes on from the last event in real seconds.

        Raises:
            JournalLocked: Another process owns it; the message says which.
            JournalTooNew: A newer autolab wrote it.
            JournalNotWritable: Read-only, full, or on a network file system.
            JournalRefused: The file is no journal, or damaged.
        """
        real = real_path(path, must_exist=False)
        refuse_network(real, durable=durable)
        if real.exists():
            JournalReader.open(real).close()  # refuse what is no journal before anything is laid beside it
        held = ownership.lock(real)
        try:
            if not real.exists():
                schema.create(real)
            connection = for_owner(real, durable=durable)
            try:
                return cls(real, connection, held, now)
            except BaseException:
                connection.close()
                raise
        except BaseException:
            held.release()
            raise

    @property
    def campaign(self) -> int:
        """Number of the campaign opened last; 0 before the first."""
        return self._campaign

    @property
    def history(self) -> History:
        """All that the journal says, as of the last commit."""
        with self._lock:
            return self._folded().history

    def append(
        self,
        kind: EventKind,
        body: Mapping[str, object] | None = None,
        *,
        trial: int | None = None,
        attempt: int | None = None,
        action: int | None = None,
    ) -> Event:
        """Append one fact in one durable commit.

        Raises:
            JournalContradiction: Facts recorded before exclude it.
            JournalNotWritable: The disk is full, read-only or failing.
            NotOwner: Another process has taken the journal over.
            ValueError: An unknown kind, a missing number, or a body with NaN.
            TypeError: A body that is not JSON.
        """
        return self.append_all([Entry(kind, body or {}, trial, attempt, action)])[0]

    def append_all(
        self, entries: Sequence[Entry], *, documents: Sequence[tuple[str, Mapping[str, object]]] = ()
    ) -> list[Event]:
        """Append facts, and documents beside them, in one durable commit: all or none.

        Args:
            entries: In order.
            documents: Pairs of (name, document); they belong to the trial and attempt of the first entry.

        Raises:
            JournalContradiction: Facts recorded before exclude one of them.
            JournalNotWritable: The disk is full, read-only or failing.
            NotOwner: Another process has taken the journal over.
        """
        texts = [canonical_text(entry.body) for entry in entries]
        papers = [(name, document_text(document)) for name, document in documents]

        def write() -> list[Event]:
            events = [self._insert(entry, text) for entry, text in zip(entries, texts, strict=True)]
            if papers:
                self._insert_documents(entries[0].trial, entries[0].attempt, papers)
            return events

        return self._commit(write, sum(map(len, texts)) + sum(len(text) for _, text in papers))

    def add_documents(
        self, trial: int | None, attempt: int | None, documents: Iterable[tuple[str, Mapping[str, object]]]
    ) -> None:
        """Store bluesky documents in one durable commit."""
        papers = [(name, document_text(document)) for name, document in documents]
        self._commit(lambda: self._insert_documents(trial, attempt, papers), sum(len(text) for _, text in papers))

    def answer(self, request_id: int, answer: Mapping[str, object]) -> Event:
        """Answer a request, and record that as a fact, in one durable commit.

        Raises:
            JournalContradiction: There is no such request, or it has an answer already.
        """
        asked = {asked.id: asked for asked in self.requests()}.get(request_id)
        if asked is None or asked.answer is not None:
            state = "does not exist" if asked is None else f"has been answered: {asked.answer}"
            open_ones = ", ".join(str(pending.id) for pending in self.pending_requests()) or "none"
            raise JournalContradiction(f"{self.path}: request {request_id} {state}; waiting for an answer: {open_ones}")
        return self._commit(lambda: self._insert_answer(asked, answer), 0)

    def close(self) -> None:
        """Give the journal back: another process may own it, and once nobody reads it, all of it is in its one file."""
        with self._lock:
            if not self._closed:
                self._closed = True
                try:
                    super().close()
                finally:
                    self._held.release()

    def _commit(self, write: Callable[[], T], size: int) -> T:
        with self._lock:
            self._check_usable()
            number = self.commits + 1
            try:
                with typed(self.path):
                    self._connection.execute("BEGIN IMMEDIATE")
                    self._check_epoch()
                    result = write()
                if self.before_commit:
                    self.before_commit(number)
                with typed(self.path):
                    self._connection.execute("COMMIT")
            except BaseException:
                self._roll_back()
                raise
            self.commits = number
            if self.after_commit:
                self.after_commit(number)
            self._checkpoint(size)
            return result

    def _insert(self, entry: Entry, text: str) -> Event:
        if entry.kind == "opened":
            self._refuse_doubts()
        campaign = self._campaign + (entry.kind == "opened")
        numbers = (entry.trial, entry.attempt, entry.action)
        seq = self._folded().last_seq + 1
        row = (seq, campaign, self.epoch, entry.kind, *numbers, float(self.now()), time.time())
        event = Event(*row, json.loads(text))
        self._folded().apply(event)  # before the table's own keys see it: it says better what is wrong
        self._connection.execute("INSERT INTO events VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", (*row, text))
        self._campaign = campaign
        return event

    def _insert_documents(self, trial: int | None, attempt: int | None, papers: Sequence[tuple[str, str]]) -> None:
        self._connection.executemany(
            "INSERT INTO documents (campaign, trial, attempt, name, document) VALUES (?, ?, ?, ?, ?)",
            [(self._campaign, trial, attempt, name, text) for name, text in papers],
        )

    def _insert_answer(self, asked: Request, answer: Mapping[str, object]) -> Event:
        self._connection.execute(
            "INSERT INTO answers (request, answer) VALUES (?, ?)", (asked.id, canonical_text(answer))
        )
        body = {"request": asked.id, "kind": asked.kind, "answer": answer}
        return self._insert(Entry("request_answered", body), canonical_text(body))

    def _folded(self) -> Fold:
        if self._fold is None:
            fold = Fold()
            for event in self.events():
                fold.apply(event)
            self._fold = fold
        return self._fold

    def _refuse_doubts(self) -> None:
        doubts = self._folded().history.open_actions
        if doubts:
            places = ", ".join(
                f"trial {doubt.trial}: {doubt.intent.verb} on {doubt.intent.instrument}" for doubt in doubts
            )
            raise JournalRefused(
                f"{self.path}: campaign {self._campaign} has actions in doubt ({places}); no other campaign can be opened in "
                "this journal before they are settled. Run it once more as it was, settle them (`autolab resolve`), "
                "and then begin the new one"
            )

    def _check_usable(self) -> None:
        if self._closed:
            raise NotOwner(f"{self.path}: this journal has been closed; open it again")
        if os.getpid() != self._pid:
            raise NotOwner(f"{self.path}: the journal belongs to process {self._pid}, of which this one was forked")

    def _check_epoch(self) -> None:
        epoch = ownership.current(self._connection)
        if epoch != self.epoch:
            raise NotOwner(
                f"{self.path}: another process has taken this journal over (epoch {epoch}, ours was {self.epoch}); "
                "this one must not write any more: end it, and look at the other with `autolab status`"
            )

    def _roll_back(self) -> None:
        self._fold = None  # it may have applied what is now undone: it is read again when next needed
        with contextlib.suppress(sqlite3.Error, AutolabError):
            self._connection.rollback()
            self._campaign = super().campaign

    def _checkpoint(self, size: int) -> None:
        """Move the log into the file, now and then, while nobody can write.

        A second connection holds the write lock meanwhile, and no other process ever checkpoints: a checkpoint that
        runs while another connection resets the log can lose pages in SQLite 3.7.0 to 3.51.2
        (https://sqlite.org/wal.html#walresetbug). What goes wrong here costs nothing: the log holds all.
        """
        self._unchecked = [self._unchecked[0] + 1, self._unchecked[1] + size]
        if self._unchecked[0] < CHECKPOINT_COMMITS and self._unchecked[1] < CHECKPOINT_BYTES:
            return
        self._unchecked = [0, 0]
        try:
            with contextlib.closing(sqlite3.connect(self.path, timeout=0, isolation_level=None)) as gate:
                gate.execute("PRAGMA wal_autocheckpoint = 0")
                gate.execute("BEGIN IMMEDIATE")
                self._connection.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchall()
        except sqlite3.Error as error:
            _log.warning(
                "%s: the log could not be moved into the file now (%s); it will be tried again", self.path, error
            )


def _going_on_from(lab_time: float) -> Callable[[], float]:
    start = time.monotonic() - lab_time
    return lambda: round(time.monotonic() - start, 6)
