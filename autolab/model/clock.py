"""Lab time: real, scaled or virtual, and the event loop that keeps it.

Everything that lasts (motion, dwell, polling, watchdogs, budgets) is timed by the clock's loop, so that
one piece of code serves all three. Virtual time advances only while a plan runs and nobody holds the clock;
it jumps from timer to timer and depends on nothing but the timers. Reply deadlines and port pacing are not
lab time: in real and scaled mode they keep wall time.
"""

from __future__ import annotations

import asyncio
import contextlib
import selectors
import threading
import time
from typing import TYPE_CHECKING, Any, Literal, TypeVar

if TYPE_CHECKING:
    from collections.abc import Coroutine, Iterator

T = TypeVar("T")
Mode = Literal["real", "scaled", "virtual"]


class Clock:
    """A source of lab time with an event loop of its own.

    Args:
        mode: `real` (1 s is 1 s), `scaled` (lab time runs `scale` times faster), or `virtual`.
        scale: Lab seconds a wall second; only for `scaled`.

    >>> clock = Clock("virtual")
    >>> clock.run(asyncio.sleep(3600))
    >>> clock.now()
    3600.0
    >>> clock.close()
    """

    def __init__(self, mode: Mode = "real", *, scale: float = 1.0) -> None:
        if scale <= 0 or (mode != "scaled" and scale != 1.0):
            msg = f"scale must be positive, and 1 unless the mode is 'scaled': got mode={mode!r}, scale={scale!r}"
            raise ValueError(msg)
        self.mode: Mode = mode
        self.scale = scale
        self.loop: asyncio.AbstractEventLoop = _ClockLoop(self)
        self.thread: threading.Thread | None = None
        self._holds = 0
        self._running = 0
        self._counts = threading.Lock()
        self._virtual_now = 0.0
        self._wall_start = time.monotonic()
        self._offset = 0.0

    def __repr__(self) -> str:
        return f"Clock({self.mode!r}, scale={self.scale!r})" if self.mode == "scaled" else f"Clock({self.mode!r})"

    def now(self) -> float:
        """Return lab time in seconds since the campaign began (or since the clock was made)."""
        return self._virtual_now if self.mode == "virtual" else round(self.loop.time() + self._offset, 6)

    def resume_at(self, lab_time: float) -> None:
        """Let `now()` go on from `lab_time` (s).

        Virtual time is set itself, to the bit, so that what follows is the same as if it had never been interrupted:
        the loop must be idle. In real and scaled mode the loop's own time goes on and timers keep their distance.
        """
        if self.mode == "virtual":
            self._virtual_now = lab_time
        else:
            self._offset = lab_time - self.loop.time()

    def start(self) -> None:
        """Run the loop in a daemon thread, and return when it runs; does nothing when it runs already."""
        with self._counts:
            if self.thread is not None or self.loop.is_running():
                return
            runs = threading.Event()
            self.loop.call_soon(runs.set)
            self.thread = threading.Thread(target=self.loop.run_forever, name="autolab-clock", daemon=True)
            self.thread.start()
        runs.wait()  # a RunEngine that finds its loop at rest starts it a second time

    def close(self) -> None:
        """Cancel what is left on the loop, stop its thread and free it."""
        if self.loop.is_closed():
            return
        if self.thread is not None:
            asyncio.run_coroutine_threadsafe(_cancel_all(), self.loop).result(5)
            self.loop.call_soon_threadsafe(self.loop.stop)
            self.thread.join(5)
        self.loop.close()

    @contextlib.contextmanager
    def hold(self) -> Iterator[None]:
        """Freeze virtual time while work goes on that the loop does not see (a planner, a file, a person)."""
        self._count(holds=1)
        try:
            yield
        finally:
            self._count(holds=-1)

    @contextlib.contextmanager
    def running(self) -> Iterator[None]:
        """Let virtual time advance; enter this on the loop, where the timers are set."""
        self.plan_started()
        try:
            yield
        finally:
            self.plan_ended()

    def plan_started(self) -> None:
        """Note that one more plan runs (or was resumed)."""
        self._count(running=1)

    def plan_ended(self) -> None:
        """Note that one plan fewer runs (it ended or was paused)."""
        self._count(running=-1)

    def run(self, coroutine: Coroutine[Any, Any, T]) -> T:
        """Run a coroutine on the loop from any other thread and return its result; lab time passes meanwhile.

        Raises:
            RuntimeError: When called on the loop's own thread, which would wait for itself.
        """
        if threading.current_thread() is self.thread or _on_loop(self.loop):
            coroutine.close()
            msg = "a blocking call was made on the clock's own loop: await the coroutine instead"
            raise RuntimeError(msg)
        self.start()
        future = asyncio.run_coroutine_threadsafe(self._bracketed(coroutine), self.loop)
        try:
            return future.result()
        except BaseException:
            future.cancel()
            raise

    async def _bracketed(self, coroutine: Coroutine[Any, Any, T]) -> T:
        with self.running():
            return await coroutine

    @property
    def may_advance(self) -> bool:
        """Whether virtual time may jump now."""
        return self._running > 0 and self._holds == 0

    def _count(self, *, holds: int = 0, running: int = 0) -> None:
        with self._counts:
            self._holds += holds
            self._running += running
        if self.mode == "virtual" and not _on_loop(self.loop) and not self.loop.is_closed():
            self.loop.call_soon_threadsafe(_nothing)  # the selector may be waiting for leave to advance

    def loop_time(self) -> float:
        """Return the loop's own time in lab seconds."""
        if self.mode == "virtual":
            return self._virtual_now
        return (time.monotonic() - self._wall_start) * self.scale

    def advance(self, seconds: float) -> None:
        """Move virtual time on; called by the loop's selector alone."""
        self._virtual_now = round(self._virtual_now + seconds, 9)


class _ClockLoop(asyncio.SelectorEventLoop):
    """An event loop whose time is the clock's."""

    def __init__(self, clock: Clock) -> None:
        self._autolab_clock = clock
        super().__init__(_ClockSelector(clock))

    def time(self) -> float:
        return self._autolab_clock.loop_time()


class _ClockSelector(selectors.BaseSelector):
    """A selector that waits in lab time: shorter when scaled, not at all when virtual."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._inner = selectors.DefaultSelector()

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        if timeout is None or timeout <= 0:
            return self._inner.select(timeout)
        if self._clock.mode != "virtual":
            return self._inner.select(timeout / self._clock.scale)
        ready = self._inner.select(0)
        if ready:
            return ready
        if self._clock.may_advance:
            self._clock.advance(timeout)
            return []
        return self._inner.select(None)

    def register(self, fileobj: Any, events: int, data: Any = None) -> selectors.SelectorKey:  # noqa: ANN401  the base class's signature
        return self._inner.register(fileobj, events, data)

    def unregister(self, fileobj: Any) -> selectors.SelectorKey:  # noqa: ANN401  the base class's signature
        return self._inner.unregister(fileobj)

    def modify(self, fileobj: Any, events: int, data: Any = None) -> selectors.SelectorKey:  # noqa: ANN401  the base class's signature
        return self._inner.modify(fileobj, events, data)

    def get_map(self) -> Any:  # noqa: ANN401  the base class's signature
        return self._inner.get_map()

    def close(self) -> None:
        self._inner.close()


def _on_loop(loop: asyncio.AbstractEventLoop) -> bool:
    try:
        return asyncio.get_running_loop() is loop
    except RuntimeError:
        return False


def _nothing() -> None:
    """Do nothing: scheduled to wake the selector."""


async def _cancel_all() -> None:
    tasks = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
