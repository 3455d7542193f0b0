"""Reading a journal: by its owner, and by any process while it is written."""

from __future__ import annotations

import json
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any

from autolab.journal.connections import for_reader, real_path
from autolab.journal.events import KINDS, Event, Request, StoredDocument, check_choice
from autolab.journal.faults import typed

if TYPE_CHECKING:
    import os
    import sqlite3
    from collections.abc import Iterable, Iterator
    from types import TracebackType
    from typing import Self

BATCH = 1000  # rows a query: no read transaction stays open while somebody thinks about an event


class Readable:
    """What owner and readers have in common.

    Attributes:
        path: Of the journal, links resolved.
    """

    def __init__(self, path: Path, connection: sqlite3.Connection) -> None:
        self.path = path
        self._connection = connection
        self._lock = threading.RLock()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Give the file back."""
        with self._lock, typed(self.path):
            self._connection.close()

    @property
    def campaign(self) -> int:
        """Number of the campaign opened last; 0 before the first."""
        return int(self._rows("SELECT coalesce(max(campaign), 0) FROM events")[0][0])

    @property
    def last_seq(self) -> int:
        """Number of the last event; 0 in an empty journal."""
        return int(self._rows("SELECT coalesce(max(seq), 0) FROM events")[0][0])

    def owner(self) -> dict[str, Any] | None:
        """Return who owned the journal last: epoch, pid, host, since (s since 1970); None before the first."""
        rows = self._rows("SELECT epoch, pid, host, since FROM epochs ORDER BY epoch DESC LIMIT 1")
        return dict(zip(("epoch", "pid", "host", "since"), rows[0], strict=True)) if rows else None

    def events(
        self, *, after: int = 0, campaign: int | None = None, kinds: Iterable[str] | None = None
    ) -> Iterator[Event]:
        """Yield events in order.

        Args:
            after: Leave out all up to this number.
            campaign: Only this campaign's.
            kinds: Only these.

        Raises:
            ValueError: An unknown kind.
        """
        where, values = _chosen(campaign, None, None, sorted(set(kinds)) if kinds is not None else None)
        query = (
            "SELECT seq, campaign, epoch, kind, trial, attempt, action, lab_time, wall_time, body"  # noqa: S608  no user text in it
            f" FROM events WHERE seq > ?{where} ORDER BY seq LIMIT {BATCH}"
        )
        for row in self._batches(query, after, values):
            yield Event(*_parsed(row))

    def documents(
        self, *, trial: int | None = None, attempt: int | None = None, campaign: int | None = None, after: int = 0
    ) -> Iterator[StoredDocument]:
        """Yield bluesky documents in the order in which they were stored.

        Args:
            trial: Only this trial's.
            attempt: Only this attempt's.
            campaign: Only this campaign's.
            after: Leave out all up to this id.
        """
        where, values = _chosen(campaign, trial, attempt, None)
        query = (
            "SELECT id, campaign, trial, attempt, name, document"  # noqa: S608  no user text in it
            f" FROM documents WHERE id > ?{where} ORDER BY id LIMIT {BATCH}"
        )
        for row in self._batches(query, after, values):
            yield StoredDocument(*_parsed(row))

    def requests(self) -> list[Request]:
        """Return all requests, with the owner's answers where there are some."""
        return self._requests("")

    def pending_requests(self) -> list[Request]:
        """Return the requests that the owner has not answered, the oldest first."""
        return self._requests(" WHERE answer IS NULL")

    def _requests(self, where: str) -> list[Request]:
        query = (
            "SELECT id, kind, body, asked_by, wall_time, answer"  # noqa: S608  no user text in it
            f" FROM requests LEFT JOIN answers ON request = id{where} ORDER BY id"
        )
        return [
            Request(number, kind, json.loads(body), by, when, None if answer is None else json.loads(answer))
            for number, kind, body, by, when, answer in self._rows(query)
        ]

    def _batches(self, query: str, after: int, values: list[Any]) -> Iterator[tuple[Any, ...]]:
        while rows := self._rows(query, after, *values):
            yield from rows
            after = rows[-1][0]
            if len(rows) < BATCH:
                return

    def _rows(self, query: str, *values: object) -> list[Any]:
        with self._lock, typed(self.path):
            return self._connection.execute(query, values).fetchall()


class JournalReader(Readable):
    """A read-only view of a journal, for any process, while the owner writes it.

    It sees each commit whole, and never holds the owner up.
    """

    @classmethod
    def open(cls, path: str | os.PathLike[str]) -> JournalReader:
        """Open an existing journal for reading.

        Raises:
            JournalRefused: There is none, or the file is no journal or damaged.
            JournalTooNew: A newer autolab wrote it.
        """
        real = real_path(path, must_exist=True)
        return cls(real, for_reader(real))


def _parsed(row: tuple[Any, ...]) -> tuple[Any, ...]:
    return (*row[:-1], json.loads(row[-1]))


def _chosen(
    campaign: int | None, trial: int | None, attempt: int | None, kinds: list[str] | None
) -> tuple[str, list[Any]]:
    where, values = "", list[Any]()
    for name, value in (("campaign", campaign), ("trial", trial), ("attempt", attempt)):
        if value is not None:
            where += f" AND {name} = ?"
            values.append(value)
    if kinds is not None:
        for kind in kinds:
            check_choice("event kind", kind, KINDS)
        where += f" AND kind IN ({', '.join('?' * len(kinds))})"
        values += kinds
    return where, values
