"""Waiting for a pump that moves a known volume at a known rate: rarely at first, often near the end, never for ever."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final

from autolab.drivers.acting import WALL_MARGIN, ActionStatus
from autolab.model.clock import Clock

_SLOW: Final = 1.05  # a run may last so much longer than volume / rate
_MARGIN: Final = 5.0  # and so many lab seconds more


@dataclass(frozen=True)
class Run:
    """One run of a pump.

    Attributes:
        volume: mL.
        rate: mL/min.
        poll_s: Between two looks once it should have ended, s of lab time.
        watch_s: Between two looks before, s of lab time.
    """

    volume: float
    rate: float
    poll_s: float
    watch_s: float

    @property
    def seconds(self) -> float:
        """How long it should take, s."""
        return self.volume / self.rate * 60

    async def over(self, clock: Clock, moving: Callable[[], Awaitable[bool]], status: ActionStatus) -> bool:
        """Wait until the pump does not move any more, telling progress; False if it goes on well after its end.

        Args:
            clock: Lab time.
            moving: Looks at the pump.
            status: Whose progress is told.
        """
        begun, pause = clock.now(), min(self.seconds, self.watch_s)
        scaled = WALL_MARGIN * clock.scale if clock.mode == "scaled" else 0.0
        latest = self.seconds * _SLOW + _MARGIN + scaled
        while True:
            await asyncio.sleep(pause)
            still = await moving()
            elapsed = clock.now() - begun
            status.progress(min(elapsed / self.seconds, 1.0) * self.volume, self.volume, "mL")
            if not still:
                return True
            if elapsed > latest:
                return False
            left = self.seconds - elapsed
            pause = min(self.watch_s, left) if left > self.poll_s else self.poll_s
