"""The ledger: what every plunger truly did, whatever the instruments and the journal believe."""

from __future__ import annotations

import json
import time
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Literal, TextIO

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

Ended = Literal["done", "stopped", "stalled"]


@dataclass(frozen=True)
class Entry:
    """One movement of one plunger, from standstill to standstill.

    Attributes:
        number: Order in the ledger, from 0.
        instrument: Name in the lab.
        direction: `dispense` (the plunger pushed) or `withdraw` (it drew).
        volume: True volume swept by the plunger, mL.
        start: Lab time at the start, s.
        end: Lab time at the end, s.
        wall: Wall time when it was written, s since the epoch.
        source: Where the liquid came from.
        destination: Where it went.
        ended: `done` (the commanded travel), `stopped` (by a command or by power), `stalled` (at an end stop).
    """

    number: int
    instrument: str
    direction: Literal["dispense", "withdraw"]
    volume: float
    start: float
    end: float
    wall: float
    source: str
    destination: str
    ended: Ended


class Ledger:
    """Entries in memory and, if asked, as lines of JSON in a file that survives the process.

    Args:
        path: File to append to, a line for each entry, flushed at once; None keeps them in memory only.
    """

    def __init__(self, path: Path | None = None) -> None:
        self.path = path
        self.entries: list[Entry] = []
        self._file: TextIO | None = None

    def __len__(self) -> int:
        return len(self.entries)

    def __iter__(self) -> Iterator[Entry]:
        return iter(self.entries)

    def __getitem__(self, number: int) -> Entry:
        return self.entries[number]

    def of(self, instrument: str) -> list[Entry]:
        """Return the movements of one instrument, in order."""
        return [entry for entry in self.entries if entry.instrument == instrument]

    def write(
        self,
        instrument: str,
        swept: float,
        times: tuple[float, float],
        route: tuple[str, str],
        ended: Ended,
    ) -> Entry:
        """Append one movement.

        Args:
            instrument: Name in the lab.
            swept: Volume, mL; positive pushed, negative drew.
            times: Lab time of start and end, s.
            route: Source and destination.
            ended: Why the movement ended.
        """
        entry = Entry(
            number=len(self.entries),
            instrument=instrument,
            direction="dispense" if swept >= 0 else "withdraw",
            volume=round(abs(swept), 9),
            start=round(times[0], 6),
            end=round(times[1], 6),
            wall=round(time.time(), 6),
            source=route[0],
            destination=route[1],
            ended=ended,
        )
        self.entries.append(entry)
        self._append(entry)
        return entry

    def close(self) -> None:
        """Close the file; later entries open it again."""
        if self._file is not None:
            self._file.close()
            self._file = None

    def _append(self, entry: Entry) -> None:
        if self.path is None:
            return
        if self._file is None:
            self._file = self.path.open("a", encoding="utf-8")
        self._file.write(json.dumps(asdict(entry)) + "\n")
        self._file.flush()


def read_ledger(path: Path) -> list[Entry]:
    """Return the entries of a ledger's file; a line that a kill cut short is left out."""
    lines = path.read_text(encoding="utf-8").splitlines(keepends=True)
    return [Entry(**json.loads(line)) for line in lines if line.endswith("\n")]
