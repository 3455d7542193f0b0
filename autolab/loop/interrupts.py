"""Ways to end a run early: signals, a person's request, an interlock."""

from __future__ import annotations

import contextlib
import queue
import signal
import threading
from typing import TYPE_CHECKING

from autolab.model.errors import StopRequested

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from types import FrameType

    from autolab.loop.progress import StopReason


class StopSwitch:
    """Says whether the run should end, why, and how fast.

    Level 1 ends gently: non-repeatable actions in hand are finished, waits are cut short. Level 2 makes safe at once.
    """

    def __init__(self) -> None:
        self.level = 0
        self.reason: StopReason | None = None
        self.detail = ""
        self.may_raise = False
        self._listeners: list[Callable[[int], None]] = []
        self._changed: queue.SimpleQueue[int] = queue.SimpleQueue()  # a signal handler may put while `wait` gets

    def raise_to(self, level: int, reason: StopReason, detail: str) -> None:
        """Ask for an end; the first reason given is kept, the level only grows."""
        if self.reason is None:
            self.reason, self.detail = reason, detail
        if level <= self.level:
            return
        self.level = level
        self._changed.put(level)
        for listener in tuple(self._listeners):
            listener(level)

    def wait(self, seconds: float) -> bool:
        """Wait up to `seconds` of wall time; return at once, and True, when the run should end."""
        if not self.level:
            with contextlib.suppress(queue.Empty):
                self._changed.get(timeout=seconds)
        return self.level > 0

    @contextlib.contextmanager
    def listener(self, listen: Callable[[int], None]) -> Iterator[None]:
        """Call `listen(level)` on every change while the block runs."""
        self._listeners.append(listen)
        try:
            if self.level:
                listen(self.level)
            yield
        finally:
            self._listeners.remove(listen)

    @contextlib.contextmanager
    def raising(self) -> Iterator[None]:
        """Let a second Ctrl-C break into the block: nothing in it moves an instrument."""
        before, self.may_raise = self.may_raise, True
        try:
            yield
        finally:
            self.may_raise = before


@contextlib.contextmanager
def signals(switch: StopSwitch) -> Iterator[None]:
    """Turn SIGINT and SIGTERM into the switch's levels while the block runs.

    Outside the main thread Python delivers no signals, and the caller's own handling stays.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def handle(number: int, _frame: FrameType | None) -> None:
        name = signal.Signals(number).name
        switch.raise_to(min(switch.level + 1, 2), "interrupted", f"{name} received")
        if switch.level == 2 and switch.may_raise:
            msg = f"{name} received twice"
            raise StopRequested(msg)

    before = {number: signal.signal(number, handle) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
