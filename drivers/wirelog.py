"""The wire log: every byte that passed, with its direction, port and both times."""

from __future__ import annotations

import logging
import threading
import time
from collections import deque
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

_log = logging.getLogger("autolab.wire")
_ARROWS = {"out": ">", "in": "<", "note": "#"}


@dataclass(frozen=True)
class WireRecord:
    """One piece of traffic.

    Attributes:
        wall: Seconds since the epoch.
        lab: Lab time, s.
        port: Address of the port.
        direction: `out` to the instrument, `in` from it, `note` for what happened to the line.
        data: The bytes; a note's text as ASCII.
    """

    wall: float
    lab: float
    port: str
    direction: Literal["out", "in", "note"]
    data: bytes

    def __str__(self) -> str:
        shown = self.data.decode("ascii", "replace") if self.direction == "note" else repr(self.data)
        return f"{self.wall:.6f} {self.lab:.6f} {self.port} {_ARROWS[self.direction]} {shown}"


class WireLog:
    """Keeps the last records in memory, appends all to a file if asked, and tells the logger `autolab.wire`.

    Args:
        size: Records kept in memory.
        path: File to append to, one line a record; None for none.
    """

    def __init__(self, size: int = 2000, path: str | Path | None = None) -> None:
        self.records: deque[WireRecord] = deque(maxlen=size)
        self._lock = threading.Lock()
        self._file = Path(path).open("a", encoding="utf-8", buffering=1) if path is not None else None  # noqa: SIM115  closed by close()

    def add(self, lab: float, port: str, direction: Literal["out", "in", "note"], data: bytes) -> None:
        """Record one piece of traffic; called by any thread."""
        record = WireRecord(time.time(), lab, port, direction, data)
        with self._lock:
            self.records.append(record)
            if self._file is not None:
                self._file.write(f"{record}\n")
        _log.debug("%s", record)

    def tail(self, port: str, count: int = 20) -> list[WireRecord]:
        """Return the last `count` records of one port, oldest first."""
        with self._lock:
            return [record for record in self.records if record.port == port][-count:]

    def close(self) -> None:
        """Close the file, if there is one."""
        with self._lock:
            if self._file is not None:
                self._file.close()
                self._file = None
