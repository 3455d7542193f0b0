"""Many runs at once: in this process, or in processes of their own."""

from __future__ import annotations

import contextlib
import multiprocessing
import signal
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from typing import TYPE_CHECKING, cast

from autolab.model.errors import DesignUnfit, InputError
from autolab.study.runs import Result, Run, perform

if TYPE_CHECKING:
    from multiprocessing.context import SpawnContext
    from multiprocessing.process import BaseProcess


@dataclass(frozen=True)
class Lost:
    """A run of which there is no result: its planner refused the problem, or the process around it failed.

    Attributes:
        run: What was lost; the next start does it again.
        reason: Why.
    """

    run: Run
    reason: str


def here(runs: Sequence[Run]) -> Iterator[Result | Lost]:
    """Perform runs one after another in this process."""
    for run in runs:
        try:
            done: Result | Lost = perform(run)
        except (DesignUnfit, InputError) as refusal:
            done = Lost(run, f"{type(refusal).__name__}: {refusal}")
        yield done


def in_processes(runs: Sequence[Run], jobs: int) -> Iterator[Result | Lost]:
    """Perform runs in processes of their own, and yield what becomes of them as it does.

    A process that dies loses its run alone: another takes its place. When the iteration ends early, all processes are
    ended at once.

    Args:
        runs: In the order to begin them.
        jobs: Processes.
    """
    waiting = deque(runs)
    context = multiprocessing.get_context("spawn")  # a fork of a process with torch's threads may hang
    busy: dict[Connection, _Worker] = {}
    idle: list[_Worker] = []
    try:
        while waiting or busy:
            while waiting and len(busy) < jobs:
                worker = idle.pop() if idle else _Worker(context)
                worker.begin(waiting.popleft())
                busy[worker.pipe] = worker
            for pipe in wait(list(busy)):
                worker = busy.pop(cast("Connection", pipe))
                done = worker.end()
                if isinstance(done, Result):
                    idle.append(worker)
                yield done
    finally:
        for worker in [*busy.values(), *idle]:
            worker.stop()


class _Worker:
    """A process that performs one run after another."""

    def __init__(self, context: SpawnContext) -> None:
        self.pipe, theirs = context.Pipe()
        self.process: BaseProcess = context.Process(target=_work, args=(theirs,), daemon=True)
        self.process.start()
        theirs.close()
        self._run: Run | None = None

    def begin(self, run: Run) -> None:
        self._run = run
        with contextlib.suppress(OSError):  # a process that is gone is told by `end`
            self.pipe.send(run)

    def end(self) -> Result | Lost:
        """Return what became of the run, once the pipe is ready."""
        run = self._run
        if run is None:
            msg = "nothing was begun"
            raise RuntimeError(msg)
        try:
            done = self.pipe.recv()
        except (EOFError, OSError):
            self.process.join(10)
            return Lost(run, f"its process ended with exit code {self.process.exitcode}")
        return done if isinstance(done, Result) else Lost(run, str(done))

    def stop(self) -> None:
        self.process.terminate()
        self.process.join(10)
        self.pipe.close()


def _work(pipe: Connection) -> None:
    """Perform what comes through a pipe, until that is closed. Ctrl-C is for the process that asked."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    with contextlib.suppress(EOFError, OSError):  # the process that asked is gone
        while True:
            run = pipe.recv()
            try:
                done: Result | str = perform(run)
            except Exception as error:
                done = f"{type(error).__name__}: {error}"
            pipe.send(done)
