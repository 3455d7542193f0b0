"""The watchdog of a hotplate stirrer: does something when the line has been silent for too long."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    import asyncio

    from autolab.model.actions import JSON

SHORTEST, LONGEST = 20.0, 1500.0  # s
KINDS: Final = ("OUT_WD1", "OUT_WD2")  # everything off; other set points


class Watchdog:
    """A timer that runs only while it is armed.

    Args:
        loop: The clock's.
        bite: Called with the kind when the time is over; it is disarmed then.

    Attributes:
        kind: The command that armed it; empty while it is not.
        seconds: Its time, s.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop, bite: Callable[[str], None]) -> None:
        self.kind, self.seconds = "", 0.0
        self._loop, self._bite = loop, bite
        self._timer: asyncio.TimerHandle | None = None

    def arm(self, kind: str, seconds: float, left: float | None = None) -> None:
        """Let it bite after `seconds` s, or after what is `left` of them."""
        self.disarm()
        self.kind, self.seconds = kind, seconds
        self._timer = self._loop.call_later(seconds if left is None else left, self._over)

    def disarm(self) -> None:
        """Call it off."""
        if self._timer is not None:
            self._timer.cancel()
        self._timer, self.kind = None, ""

    def feed(self) -> None:
        """Put its time back, if it is armed."""
        if self.kind:
            self.arm(self.kind, self.seconds)

    def snapshot(self) -> JSON:
        """Return kind, time and what is left of it, s; None while it is not armed."""
        if self._timer is None:
            return None
        return [self.kind, self.seconds, self._timer.when() - self._loop.time()]

    def restore(self, state: JSON) -> None:
        """Go back to `snapshot`."""
        self.disarm()
        if isinstance(state, list):
            self.arm(str(state[0]), float(str(state[1])), float(str(state[2])))

    def _over(self) -> None:
        kind = self.kind
        self.disarm()
        self._bite(kind)
