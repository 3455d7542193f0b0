"""Measure what the closed loop costs: all nine stations, instant instruments, fixed points instead of a planner.

Usage: python benchmarks/loop_overhead.py [FOLDER] [--trials N]

The journal lies in FOLDER: its disk decides what a commit costs. Three things are timed in the same process: one FULL
commit of one fact, the bare RunEngine's run of the same plan with the same instruments, and a trial of the loop.
"""

from __future__ import annotations

import argparse
import itertools
import statistics
import tempfile
import time
from collections.abc import Generator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any, ClassVar

from bluesky import RunEngine
from ophyd import Device
from ophyd.status import Status

from autolab.journal.events import Entry
from autolab.journal.filesystem import file_system
from autolab.journal.journal import Journal
from autolab.lab.declaration import InstrumentDeclaration, LabDeclaration
from autolab.lab.lab import Lab
from autolab.loop.budget import Budget, Review
from autolab.loop.clerk import Clerk
from autolab.loop.closed_loop import ClosedLoop
from autolab.loop.deciding import Decider
from autolab.loop.executor import Job
from autolab.loop.interrupts import StopSwitch
from autolab.loop.lab_executor import LabExecutor
from autolab.loop.people import People
from autolab.loop.pinning import Declared, pin
from autolab.loop.plans import attempt_plan
from autolab.loop.progress import Progress
from autolab.loop.record import Record
from autolab.model.clock import Clock
from autolab.model.objectives import Objective
from autolab.model.parameters import Real
from autolab.model.problem import Problem
from autolab.model.space import Space
from autolab.model.suggestion import Suggestion
from autolab.protocols import stubs
from autolab.protocols.protocol import Protocol

PROBLEM = Problem(Space([Real("x", 0.0, 1.0)]), [Objective("y")])


class Instant(Device):  # type: ignore[misc]  # ophyd ships no types
    """A pump that has always done already what it is told."""

    role: ClassVar = "pump"

    def __init__(self, name: str) -> None:
        super().__init__("", name=name)

    def set(self, _value: object) -> Status:
        """Be done."""
        status = Status()
        status.set_finished()
        return status

    def action_class(self, _verb: str, _value: object) -> str:
        """Return the class that costs most: intent and outcome are two commits."""
        return "queryable"

    async def do_nothing(self, *_: object) -> Mapping[str, Any]:
        """Return at once."""
        return {}

    do_connect = do_prepare = do_halt = do_make_safe = do_nothing

    def disconnect(self) -> None:
        """Do nothing."""


class Doses(Protocol):
    """So many doses, and a result."""

    needs: Mapping[str, str] = {"pump": "pump"}

    def __init__(self, doses: int) -> None:
        super().__init__()
        self.doses = doses

    def perform(self, lab: Any, point: Mapping[str, Any]) -> Generator[Any, Any, dict[str, float]]:
        """Dose."""
        for _dose in range(self.doses):
            yield from stubs.dispense(lab.pump, 1.0, 1.0)
        return {"y": float(point["x"])}

    def recover(self, lab: object) -> Generator[Any, Any, None]:
        """Do nothing."""
        yield from ()


class Fixed:
    """Points that are known beforehand."""

    def suggest(
        self,
        problem: Problem,
        history: Sequence[object],
        *,
        n: int,
        pending: Sequence[object] = (),
        seed: int,
    ) -> list[Suggestion]:
        """Return the next one."""
        return [Suggestion({"x": len(history) % 101 / 100})]


@dataclass(frozen=True)
class Times:
    """Medians, ms, and how many commits a trial takes."""

    commit: float
    bare: float
    trial: float
    commits: float


def measure(folder: Path, doses: int, trials: int) -> Times:
    """Time a trial with so many doses, its plan in a bare RunEngine, and a commit."""
    commits = [1e3 * each for each in commit_seconds(folder / f"commits-{doses}.sqlite", 200)]
    bare = [1e3 * each for each in bare_seconds(doses, trials)]
    seconds, of_a_trial = trial_seconds(folder / f"loop-{doses}.sqlite", doses, trials)
    loop = [1e3 * each for each in seconds]
    return Times(statistics.median(commits), statistics.median(bare), statistics.median(loop), of_a_trial)


def commit_seconds(path: Path, commits: int) -> list[float]:
    """Return the duration of each of so many FULL commits of one fact."""
    seconds = []
    with Journal.open(path) as journal:
        for number in range(commits):
            start = time.perf_counter()
            journal.append("safed", {"ok": True, "report": {"number": number}})
            seconds.append(time.perf_counter() - start)
    return seconds


def bare_seconds(doses: int, runs: int) -> list[float]:
    """Return the duration of each run of the trial's plan in a RunEngine of bluesky's own."""
    engine: Any = RunEngine({}, context_managers=[])
    protocol: Any = Doses(doses)
    lab: Any = SimpleNamespace(pump=Instant("pump"), now=time.monotonic)
    seconds = []
    for number in range(runs):
        start = time.perf_counter()
        engine(attempt_plan(protocol, lab, Job(number + 1, 1, 0, {"x": 0.5})))
        seconds.append(time.perf_counter() - start)
    return seconds


class CountingRecord(Record):
    """Counts the commits of a campaign."""

    commits = 0

    def write_all(self, entries: Sequence[Entry]) -> None:
        """Append in one commit, and count it."""
        self.commits += 1
        super().write_all(entries)


def trial_seconds(path: Path, doses: int, trials: int) -> tuple[list[float], float]:
    """Return the duration of each trial of a campaign, from one trial's end to the next one's, and commits a trial."""
    ends: list[float] = []

    def watch(progress: Progress) -> None:
        if progress.kind == "trial":
            ends.append(time.perf_counter())

    clock = Clock("real")
    with Journal.open(path, now=clock.now) as journal:
        pin(journal, Declared("overhead", 7, "virtual", {"problem": "fixed"}), "refuse", "benchmark")
        record, switch = CountingRecord(journal), StopSwitch()
        lab = Lab(
            LabDeclaration({"pump": InstrumentDeclaration("pump", "instant", "")}),
            {"pump": Instant("pump")},
            clock=clock,
        )
        executor = LabExecutor(lab, Doses(doses), {"pump": "pump"}, record, clock, switch)
        clerk = Clerk(record, switch, People(lambda _text: None))
        loop = ClosedLoop(
            decider=Decider(PROBLEM, Fixed(), Fixed(), 7),
            executor=executor,
            record=record,
            clerk=clerk,
            switch=switch,
            budget=Budget(trials + 1),
            review=Review(),
            watcher=watch,
            now=clock.now,
        )
        with clerk.watching():
            result = loop.run()
        executor.close()
    clock.close()
    assert result.completed == trials + 1, result
    return [after - before for before, after in itertools.pairwise(ends)], record.commits / len(ends)


def main() -> None:
    """Measure with 0, 10 and 30 doses a trial, and print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path, nargs="?", default=Path.cwd(), help="on the disk to measure")
    parser.add_argument("--trials", type=int, default=100)
    told = parser.parse_args()
    print(f"medians of {told.trials} trials, journal in {told.folder} ({file_system(told.folder) or 'unknown'})")
    heads = ("doses", "commits", "one commit", "bare run", "trial", "in commits", "in bare runs")
    print("  ".join(f"{head:>12}" for head in heads))
    with tempfile.TemporaryDirectory(dir=told.folder, prefix="overhead-") as scratch:
        for doses in (0, 10, 30):
            found = measure(Path(scratch), doses, told.trials)
            cells = (f"{found.commits:.0f}", f"{found.commit:.2f} ms", f"{found.bare:.2f} ms", f"{found.trial:.2f} ms")
            ratios = (f"{found.trial / found.commit:.1f}", f"{found.trial / found.bare:.1f}")
            print("  ".join(f"{cell:>12}" for cell in (doses, *cells, *ratios)))


if __name__ == "__main__":
    main()
