"""The owner's journal as the loop uses it: facts, with the bluesky documents beside them."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

from autolab.journal.events import Entry

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from autolab.journal.events import EventKind
    from autolab.journal.history import History
    from autolab.journal.journal import Journal
    from autolab.model.actions import JSON


class Record:
    """Appends facts, and buffers documents: they go out with the attempt's next fact and cost no commit of their own.

    Safe to use from any thread.
    """

    def __init__(self, journal: Journal) -> None:
        self.journal = journal
        self._documents: list[tuple[str, Mapping[str, Any]]] = []
        self._lock = threading.Lock()

    @property
    def history(self) -> History:
        """All that the journal says, as of the last commit."""
        return self.journal.history

    def write(
        self,
        kind: EventKind,
        body: Mapping[str, JSON] | None = None,
        *,
        trial: int | None = None,
        attempt: int | None = None,
        action: int | None = None,
    ) -> None:
        """Append one fact, durably."""
        self.write_all([Entry(kind, body or {}, trial, attempt, action)])

    def write_all(self, entries: Sequence[Entry]) -> None:
        """Append several facts in one durable commit."""
        with self._lock:
            documents = self._documents if entries[0].attempt is not None else []
            self.journal.append_all(entries, documents=documents)
            if documents:
                self._documents = []

    def add_document(self, name: str, document: Mapping[str, Any]) -> None:
        """Keep a bluesky document for the next fact of the attempt in hand."""
        with self._lock:
            self._documents.append((name, document))
