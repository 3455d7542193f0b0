"""Requests: what processes that do not own a journal may put into it."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from autolab.journal.canonical import canonical_text
from autolab.journal.connections import for_request, real_path
from autolab.journal.events import REQUEST_KINDS, RequestKind, check_choice
from autolab.journal.faults import typed

if TYPE_CHECKING:
    import os
    from collections.abc import Mapping


def request(
    path: str | os.PathLike[str], kind: RequestKind, body: Mapping[str, object] | None = None, *, by: str
) -> int:
    """Ask the owner of a journal for something, and return the request's number once it is on the disk.

    The request waits in the journal; the owner answers it while it runs, or when it next starts.

    Args:
        path: Of the journal, which must exist.
        kind: What is asked.
        body: What about, as JSON.
        by: Who asks, such as `ada@lab-pc`.

    Raises:
        ValueError: An unknown kind.
        JournalRefused: There is no journal, or it cannot be written.
    """
    check_choice("request kind", kind, REQUEST_KINDS)
    values = (kind, canonical_text(body or {}), by, time.time())
    real = real_path(path, must_exist=True)
    connection = for_request(real)
    try:
        with typed(real):
            cursor = connection.execute(
                "INSERT INTO requests (kind, body, asked_by, wall_time) VALUES (?, ?, ?, ?)", values
            )
            return int(cursor.lastrowid or 0)
    finally:
        connection.close()
