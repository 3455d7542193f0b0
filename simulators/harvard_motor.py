"""The motor of a Harvard Apparatus Pump 11 Elite: rates, a target, counters, and how a run ends."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from autolab.simulators.world import part

if TYPE_CHECKING:
    import asyncio

    from autolab.model.actions import JSON
    from autolab.model.clock import Clock
    from autolab.simulators.ledger import Ended
    from autolab.simulators.plunger import Plunger

STEP = 25.4 / 24 / (400 * 16 * 2.4)  # mm: 24 threads per inch, 400 steps in 16, pulleys 2.4:1 (its own `metrics`)
SLOWEST, FASTEST = STEP / 27.0, STEP / 26e-6  # mm/s: one step in 27 s, in 26 us (its own `metrics`)


class Motor:
    """What the pump does with its plunger; `i` stands for infusing, `w` for withdrawing.

    Args:
        plunger: What it moves.
        clock: For the ends of movements.
        diameter: Of the syringe that it believes in, mm.
        stalls: It stalls after so much in one run, mL; negative for never.
        announce: Called when a run has ended by itself.

    Attributes:
        moving: `i`, `w`, or nothing.
        ended: The prompt at a standstill: `:`, `T*` (target reached) or `*` (stalled).
        target: mL; 0 is none.
        rates: By direction, mL/min.
    """

    def __init__(
        self, plunger: Plunger, clock: Clock, diameter: float, stalls: float, announce: Callable[[], None]
    ) -> None:
        self.plunger, self.clock, self.diameter, self.stalls = plunger, clock, diameter, stalls
        self._announce = announce
        self.rates = {"i": 1.0, "w": 1.0}
        self.moving = ""
        self._stalling = False
        self._timer: asyncio.TimerHandle | None = None
        self.forget()

    def forget(self) -> None:
        """Forget what a power cut takes; the motor must stand."""
        self.target, self.ended = 0.0, ":"
        self._counted = {"i": 0.0, "w": 0.0}

    @property
    def area(self) -> float:
        """Cross section of the syringe that it believes in, mL a mm."""
        return math.pi * self.diameter**2 / 4000.0

    @property
    def range(self) -> tuple[float, float]:
        """Lowest and highest rate, mL/min."""
        return 60.0 * SLOWEST * self.area, 60.0 * FASTEST * self.area

    def moved(self, way: str) -> float:
        """Return the volume that the counter of a direction shows, mL."""
        return self._counted[way] + (self.plunger.travelled * self.area if self.moving == way else 0.0)

    def clear(self, ways: str) -> None:
        """Set counters to zero; a target that was reached no longer is."""
        self._counted.update(dict.fromkeys(ways, 0.0))
        if self.ended == "T*":
            self.ended = ":"

    def run(self, way: str) -> None:
        """Begin, or turn round; a run in progress goes on."""
        if self.moving == way:
            return
        self.halt()
        left = self._left(way)
        if left == 0.0 and not self._stalling:
            self.ended = "T*"
            return
        self.moving, self.ended = way, ":"
        speed = self.rates[way] / 60.0 / self.area
        self.plunger.start(speed if way == "i" else -speed, self._travel(left), self._end)
        self._wake_at_end()

    def set_rate(self, way: str, rate: float) -> None:
        """Set a rate; a run in progress goes on at it."""
        self.rates[way] = rate
        if self.moving == way:
            speed = math.copysign(rate / 60.0 / self.area, self.plunger.flow)
            self.plunger.change_speed(speed, self._travel(self._left(way)))
            self._wake_at_end()

    def halt(self) -> None:
        """Stand still."""
        if self.moving:
            self._count()
            self.plunger.stop()
        self.moving, self.ended = "", ":"
        self._cancel()

    def snapshot(self) -> dict[str, JSON]:
        """Return its state; it must stand."""
        counted: dict[str, JSON] = dict(self._counted)
        rates: dict[str, JSON] = dict(self.rates)
        return {
            "diameter": self.diameter, "target": self.target, "ended": self.ended, "counted": counted, "rates": rates,
        }  # fmt: skip

    def restore(self, state: Mapping[str, JSON]) -> None:
        """Go back to `snapshot`, at a standstill."""
        self._cancel()
        self.moving = ""
        self.diameter, self.target = float(str(state["diameter"])), float(str(state["target"]))
        self.ended = str(state["ended"])
        self._counted = {way: float(str(volume)) for way, volume in part(state, "counted").items()}
        self.rates = {way: float(str(rate)) for way, rate in part(state, "rates").items()}

    def _left(self, way: str) -> float | None:
        """Return how far it may go, mL; None where no target is set."""
        left = max(0.0, self.target - self.moved(way)) if self.target > 0 else None
        self._stalling = self.stalls >= 0 and (left is None or self.stalls < left)
        if left is not None and left < 1e-9:
            left = 0.0  # a target that was reached, but for the noise of binary fractions
        return self.stalls if self._stalling else left

    def _travel(self, left: float | None) -> float | None:
        return None if left is None else left / self.area

    def _end(self, ended: Ended) -> None:
        self._count()
        self.moving = ""
        self._cancel()
        self.ended = "*" if ended == "stalled" or self._stalling else "T*"
        self._announce()

    def _count(self) -> None:
        self._counted[self.moving] = self.moved(self.moving)

    def _wake_at_end(self) -> None:
        """See to it that the end of the movement does not wait for somebody to look."""
        self._cancel()
        end = self.plunger.end
        if end is not None:
            self._timer = self.clock.loop.call_at(end, self.plunger.world.advance, end)

    def _cancel(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
