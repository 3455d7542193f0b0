"""The wire log: every byte that passed, with its direction, port and both times."""

from __future__ import annotations

import ast
import logging
import threading
import time
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, TextIO

Direction = Literal["out", "in", "note"]
_log = logging.getLogger("autolab.wire")
_ARROWS = {"out": ">", "in": "<", "note": "#"}
_DIRECTIONS: dict[str, Direction] = {">": "out", "<": "in", "#": "note"}


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
    direction: Direction
    data: bytes

    def __str__(self) -> str:
        shown = self.data.decode("ascii", "replace") if self.direction == "note" else repr(self.data)
        return f"{self.wall:.6f} {self.lab:.6f} {self.port} {_ARROWS[self.direction]} {shown}"


def parse_record(line: str) -> WireRecord | None:
    r"""Return the record that a line of a log's file holds; None for what is none (the end of a file that was cut).

    >>> parse_record("1.500000 2.000000 serial://COM4 > b'VER\\r'\n").data
    b'VER\r'
    """
    parts = line.rstrip("\n").split(" ", 4)
    if len(parts) != 5 or parts[3] not in _DIRECTIONS or not line.endswith("\n"):
        return None
    direction = _DIRECTIONS[parts[3]]
    try:
        data = parts[4].encode() if direction == "note" else ast.literal_eval(parts[4])
        return WireRecord(float(parts[0]), float(parts[1]), parts[2], direction, data)
    except (ValueError, SyntaxError):
        return None


def read_log(path: str | Path) -> Iterator[WireRecord]:
    """Yield the records of a log's file, oldest first."""
    with Path(path).open(encoding="utf-8", errors="replace") as file:
        for line in file:
            record = parse_record(line)
            if record is not None:
                yield record


class WireLog:
    """Keeps the last records in memory, appends all to a file if asked, and tells the logger `autolab.wire`.

    Args:
        size: Records kept in memory.
        path: File to append to, one line a record; None for none.
    """

    def __init__(self, size: int = 2000, path: str | Path | None = None) -> None:
        self.records: deque[WireRecord] = deque(maxlen=size)
        self._lock = threading.Lock()
        self._path = Path(path) if path is not None else None
        self._file: TextIO | None = None

    def add(self, lab: float, port: str, direction: Direction, data: bytes) -> None:
        """Record one piece of traffic; called by any thread."""
        record = WireRecord(time.time(), lab, port, direction, data)
        with self._lock:
            self.records.append(record)
            if self._path is not None:
                self._file = self._file or self._path.open("a", encoding="utf-8", buffering=1)
                self._file.write(f"{record}\n")
        _log.debug("%s", record)

    def tail(self, port: str, count: int = 20) -> list[WireRecord]:
        """Return the last `count` records of one port, oldest first."""
        with self._lock:
            return [record for record in self.records if record.port == port][-count:]

    def close(self) -> None:
        """Close the file, if there is one; the next record opens it again."""
        with self._lock:
            if self._file is not None:
                self._file.close()
                self._file = None
