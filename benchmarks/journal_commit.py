"""Measure what one durable commit costs on a disk, against the same fact without a flush.

Usage: python benchmarks/journal_commit.py [FOLDER] [--commits N]
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from pathlib import Path

from autolab.journal.filesystem import file_system
from autolab.journal.journal import Journal


def measure(path: Path, commits: int, *, durable: bool) -> list[float]:
    """Return the duration of each of `commits` commits of one fact, ms, in order."""
    durations = []
    with Journal.open(path, durable=durable) as journal:
        for number in range(commits):
            start = time.perf_counter()
            journal.append("safed", {"ok": True, "report": {"pump": "stopped", "number": number}})
            durations.append(1e3 * (time.perf_counter() - start))
    return durations


def main() -> None:
    """Measure in a scratch folder and print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path, nargs="?", default=Path.cwd(), help="on the disk to measure")
    parser.add_argument("--commits", type=int, default=2000)
    told = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=told.folder, prefix="journal-") as scratch:
        print(f"{told.commits} commits of one fact each, in {told.folder} ({file_system(told.folder) or 'unknown'})")
        print(f"{'':12} {'commits/s':>10} {'median ms':>10} {'99 % ms':>10} {'longest ms':>10}")
        for name, durable in (("FULL", True), ("NORMAL", False)):
            durations = measure(Path(scratch, f"{name}.sqlite"), told.commits, durable=durable)
            rate, late = 1e3 * len(durations) / sum(durations), statistics.quantiles(durations, n=100)[98]
            print(f"{name:12} {rate:10.0f} {statistics.median(durations):10.3f} {late:10.3f} {max(durations):10.3f}")


if __name__ == "__main__":
    main()
