"""Who carries a line's primitives out: the port's one I/O thread, or a task on the clock's loop."""

from __future__ import annotations

import asyncio
import contextlib
import threading
import time
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Any, Final, Literal, Protocol

from autolab.drivers.line import Close, Open, Pause, Primitive, Receive, Send, Steps
from autolab.model.channel import ByteChannel, LoopChannel
from autolab.model.errors import InstrumentDisconnected, InstrumentError

Record = Callable[[Literal["out", "in"], bytes], None]
_SLICE: Final = 0.2
"""How long the thread waits for bytes before it looks whether the port is being closed, s."""


@dataclass(frozen=True)
class Job:
    """A query on its way: its steps and who waits for the finding."""

    steps: Steps[Any]
    future: Future[Any]


class Runner(Protocol):
    """Carries jobs out, one after the other."""

    def submit(self, job: Job, *, urgent: bool = False) -> None:
        """Queue a job, or put it first."""

    def stop(self) -> None:
        """Close the channel; what still waits fails with InstrumentDisconnected."""


def _closed(url: str) -> InstrumentDisconnected:
    return InstrumentDisconnected("the port was closed", port=url)


def _drop(jobs: deque[Job], url: str) -> None:
    while jobs:
        job = jobs.popleft()
        job.steps.close()
        if job.future.set_running_or_notify_cancel():
            job.future.set_exception(_closed(url))


class ThreadRunner:
    """One thread that alone reads and writes the channel; it sleeps on a condition while there is nothing to do.

    Args:
        channel: The line.
        record: Told each piece of traffic.
    """

    def __init__(self, channel: ByteChannel, record: Record) -> None:
        self._channel, self._record = channel, record
        self._jobs: deque[Job] = deque()
        self._wake = threading.Condition()
        self._stopping = False
        self._thread: threading.Thread | None = None

    def submit(self, job: Job, *, urgent: bool = False) -> None:
        """Queue a job, or put it first; starts the thread with the first one."""
        with self._wake:
            if self._stopping:
                job.future.set_exception(_closed(self._channel.url))
                return
            (self._jobs.appendleft if urgent else self._jobs.append)(job)
            if self._thread is None:
                name = f"autolab-port {self._channel.url}"
                self._thread = threading.Thread(target=self._work, name=name, daemon=True)
                self._thread.start()
            self._wake.notify()

    def stop(self) -> None:
        """Have the thread close the channel, and wait a moment for it."""
        with self._wake:
            self._stopping = True
            self._wake.notify()
        if self._thread is None:
            self._channel.close()
        elif self._thread is not threading.current_thread():
            self._thread.join(2.0)

    def _work(self) -> None:
        while True:
            with self._wake:
                self._wake.wait_for(lambda: self._jobs or self._stopping)
                if self._stopping:
                    break
                job = self._jobs.popleft()
            if job.future.set_running_or_notify_cancel():
                self._finish(job)
            else:
                job.steps.close()
        self._channel.close()
        _drop(self._jobs, self._channel.url)

    def _finish(self, job: Job) -> None:
        try:
            result = self._run(job.steps)
        except Exception as error:
            job.future.set_exception(error)
        else:
            job.future.set_result(result)

    def _run(self, steps: Steps[Any]) -> Any:  # noqa: ANN401  the query's own finding
        answer, error = b"", None
        primitive: Primitive = next(steps)
        while True:
            try:
                answer, error = self._do(primitive), None
            except InstrumentError as caught:
                error = caught
            except OSError as caught:
                error = InstrumentDisconnected(f"line lost: {caught}", port=self._channel.url)
            try:
                primitive = steps.send(answer) if error is None else steps.throw(error)
            except StopIteration as stop:
                return stop.value

    def _do(self, primitive: Primitive) -> bytes:
        match primitive:
            case Open():
                self._channel.open()
            case Close():
                self._channel.close()
            case Send(data):
                self._record("out", data)
                self._channel.write(data)
            case Pause(seconds):
                time.sleep(seconds)
            case Receive(timeout):
                return self._receive(timeout)
        return b""

    def _receive(self, timeout: float) -> bytes:
        until = time.monotonic() + timeout
        while True:
            left = max(0.0, until - time.monotonic())
            piece = self._channel.read(min(left, _SLICE))
            if piece:
                self._record("in", piece)
                return piece
            if self._stopping:
                raise _closed(self._channel.url)
            if left <= _SLICE:
                return b""


class LoopRunner:
    """A task on the clock's loop, there only while there are jobs; deadlines are the loop's own time.

    Args:
        channel: A line that can be used without a thread.
        record: Told each piece of traffic.
        loop: The clock's.
    """

    def __init__(self, channel: LoopChannel, record: Record, loop: asyncio.AbstractEventLoop) -> None:
        self._channel, self._record, self._loop = channel, record, loop
        self._jobs: deque[Job] = deque()
        self._inbox = bytearray()
        self._arrived: asyncio.Future[None] | None = None
        self._task: asyncio.Task[None] | None = None
        self._stopping = False

    def submit(self, job: Job, *, urgent: bool = False) -> None:
        """Queue a job, or put it first; called on the loop."""
        if self._stopping:
            job.future.set_exception(_closed(self._channel.url))
            return
        (self._jobs.appendleft if urgent else self._jobs.append)(job)
        if self._task is None or self._task.done():
            self._task = self._loop.create_task(self._work())

    def stop(self) -> None:
        """Close the channel, on the loop if that still runs."""
        self._stopping = True
        if self._loop.is_running():
            self._loop.call_soon_threadsafe(self._close)
        else:
            self._close()

    def _close(self) -> None:
        if self._task is not None and not self._loop.is_closed():
            self._task.cancel()
        self._channel.on_bytes(None)
        self._channel.close()
        _drop(self._jobs, self._channel.url)

    async def _work(self) -> None:
        while self._jobs:
            job = self._jobs.popleft()
            if not job.future.set_running_or_notify_cancel():
                job.steps.close()
                continue
            try:
                result = await self._run(job.steps)
            except asyncio.CancelledError:
                job.future.set_exception(_closed(self._channel.url))
                raise
            except Exception as error:
                job.future.set_exception(error)
            else:
                job.future.set_result(result)

    async def _run(self, steps: Steps[Any]) -> Any:  # noqa: ANN401  the query's own finding
        answer, error = b"", None
        primitive: Primitive = next(steps)
        while True:
            try:
                answer, error = await self._do(primitive), None
            except InstrumentError as caught:
                error = caught
            except OSError as caught:
                error = InstrumentDisconnected(f"line lost: {caught}", port=self._channel.url)
            try:
                primitive = steps.send(answer) if error is None else steps.throw(error)
            except StopIteration as stop:
                return stop.value

    async def _do(self, primitive: Primitive) -> bytes:
        match primitive:
            case Open():
                self._channel.open()
                self._channel.on_bytes(self._take)
            case Close():
                self._channel.on_bytes(None)
                self._channel.close()
            case Send(data):
                self._record("out", data)
                self._channel.write(data)
            case Pause(seconds):
                await asyncio.sleep(seconds)
            case Receive(timeout):
                return await self._receive(timeout)
        return b""

    async def _receive(self, timeout: float) -> bytes:
        if not self._inbox and timeout > 0:
            self._arrived = self._loop.create_future()
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._arrived, timeout)
            self._arrived = None
        piece = bytes(self._inbox)
        self._inbox.clear()
        if piece:
            self._record("in", piece)
        return piece

    def _take(self, piece: bytes) -> None:
        self._inbox += piece
        if self._arrived is not None and not self._arrived.done():
            self._arrived.set_result(None)
