"""A New Era pump's program: its phases, its motor, its counters."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Literal, cast

from autolab.model.errors import InputError

if TYPE_CHECKING:
    import asyncio

    from autolab.model.actions import JSON
    from autolab.model.clock import Clock
    from autolab.simulators.ledger import Ended
    from autolab.simulators.plunger import Plunger

FASTEST = 51.005 / 60.0  # mm/s: 5.1005 cm/min (maker's specification of the NE-1000)
SLOWEST = 0.04205 / 3600.0  # mm/s: 0.004205 cm/h (the same)
SMALL = 14.0  # mm: at and below, volumes are in uL
PHASES = 41
PER_MIN = {"UM": 0.001, "MM": 1.0, "UH": 0.001 / 60, "MH": 1.0 / 60}  # mL/min
PER_ML = {"UL": 1000.0, "ML": 1.0}
PUMPING = ("RAT", "INC", "DEC")
FUNCTIONS = (*PUMPING, "STP", "PAS", "JMP", "CLD", "BEP")
Doing = Literal["stopped", "infusing", "withdrawing", "purging", "paused", "pausing"]


@dataclass
class Phase:
    """One phase of the pumping program: rate in `unit`, volume in the unit in force."""

    function: str = "STP"
    argument: int = 0
    rate: float = 0.0
    unit: str = "MH"
    volume: float = 0.0
    direction: str = "INF"


@dataclass
class Memory:
    """What the pump keeps without power, besides its phases.

    Attributes:
        diameter: Of the syringe that it believes in, mm.
        address: 0 to 99.
        unit: Of volume, when set by hand; empty follows the diameter.
        timeout: Of the safe mode, s; 0 is the basic mode.
    """

    diameter: float
    address: int
    unit: str = ""
    timeout: int = 0


class Program:
    """What the pump does with its plunger.

    Args:
        plunger: What it moves.
        memory: The pump's.
        clock: For the ends of movements and pauses.
        alarm: Called with `S` (stalled), `E` (program error) or `O` (phase out of range).
    """

    def __init__(self, plunger: Plunger, memory: Memory, clock: Clock, alarm: Callable[[str], None]) -> None:
        self.plunger, self.memory, self.clock, self._alarm = plunger, memory, clock, alarm
        self.phases = factory_phases()
        self.doing: Doing = "stopped"
        self.at = self.selected = 1
        self.rate_now: float | None = None  # while pumping, in the phase's unit
        self._left: float | None = None  # mm that a paused phase still has to go
        self._goal: float | None = None  # mm that the present movement is to go
        self._counted = {"INF": 0.0, "WDR": 0.0}  # mL by the diameter it believes in
        self._counting = "INF"
        self._timer: asyncio.TimerHandle | None = None

    @property
    def running(self) -> bool:
        """Whether the program operates (or a purge does)."""
        return self.doing not in ("stopped", "paused")

    @property
    def phase(self) -> Phase:
        """The phase that commands are about: the one in operation, else the selected one."""
        return self.phases[self.at if self.running else self.selected]

    @property
    def unit(self) -> str:
        """Unit of volume in force."""
        return self.memory.unit or ("UL" if self.memory.diameter <= SMALL else "ML")

    def possible(self, rate: float, unit: str) -> bool:
        """Say whether the motor can turn for a rate."""
        return SLOWEST <= self._speed(rate, unit) <= FASTEST * (1 + 1e-9)

    def run(self, first: int) -> None:
        """Begin at a phase, or go on with it where it was paused."""
        left = self._left if self.doing == "paused" and first == self.at else None
        self._begin(first, left)

    def purge(self) -> None:
        """Go at full speed until stopped."""
        direction = self.phases[self.selected].direction
        self.doing, self._goal = "purging", None
        self._start(FASTEST if direction == "INF" else -FASTEST, None, direction)

    def stop(self) -> None:
        """Pause a running program; end a paused one, or a purge."""
        doing, at = self.doing, self.at
        left = None if self._goal is None or doing == "pausing" else max(0.0, self._goal - self.plunger.travelled)
        self.halt()
        if doing in ("infusing", "withdrawing", "pausing"):
            self.doing, self.at, self._left = "paused", at, left

    def halt(self) -> None:
        """Stop the motor and end the program."""
        self._cancel_timer()
        if self.plunger.moving:
            self._count()
            self.plunger.stop()
        self._stopped()

    def forget_pause(self) -> None:
        """Let a paused phase begin afresh, its values having changed."""
        self._left = None

    def change_rate(self, value: float, unit: str) -> None:
        """Change the rate while pumping: at once, and not in memory."""
        self.rate_now = value
        left = None if self._goal is None else max(0.0, self._goal - self.plunger.travelled)
        self.plunger.change_speed(math.copysign(self._speed(value, unit), self.plunger.flow), left)
        self._wake_at_end()

    def turn(self) -> None:
        """Go on in the phase's new direction."""
        self._count()
        self.plunger.stop()
        self._move(self.phase, self.rate_now or self.phase.rate)

    def counted(self, direction: str) -> float:
        """Return the volume dispensed in a direction (INF, WDR) since its counter was cleared, mL."""
        moving = self.plunger.travelled * self._area if self.plunger.moving and direction == self._counting else 0.0
        return self._counted[direction] + moving

    def clear(self, *directions: str) -> None:
        """Set counters to zero."""
        self._counted.update(dict.fromkeys(directions, 0.0))

    def power_up(self) -> None:
        """Begin as after power came: standing, counters at zero."""
        self.halt()
        self.selected = 1
        self.clear("INF", "WDR")

    def snapshot(self) -> dict[str, JSON]:
        """Return its state; it must not run."""
        return {
            "phases": {str(place): asdict(phase) for place, phase in self.phases.items()},
            "doing": self.doing,
            "at": self.at,
            "selected": self.selected,
            "left": self._left,
            "goal": self._goal,
            "counted": dict(self._counted),
        }

    def restore(self, state: Mapping[str, JSON]) -> None:
        """Go back to `snapshot`, with the motor at a standstill."""
        self._cancel_timer()
        phases, counted = state.get("phases"), state.get("counted")
        if not (isinstance(phases, dict) and isinstance(counted, dict)):
            msg = f"this is no snapshot of a New Era pump: {state!r:.80}"
            raise InputError(msg)
        self.phases = {int(place): Phase(**cast("dict[str, str]", phase)) for place, phase in phases.items()}  # type: ignore[arg-type]  # as asdict wrote it
        self.doing = "paused" if state["doing"] == "paused" else "stopped"
        self.at, self.selected = int(str(state["at"])), int(str(state["selected"]))
        self._left = None if state["left"] is None else float(str(state["left"]))
        self._goal = None if state["goal"] is None else float(str(state["goal"]))
        self._counted = {direction: float(str(volume)) for direction, volume in counted.items()}
        self.rate_now = None

    # ---- phases

    @property
    def _area(self) -> float:
        """Cross section of the syringe that the pump believes in, mL a mm."""
        return math.pi * self.memory.diameter**2 / 4000.0

    def _speed(self, rate: float, unit: str) -> float:
        return rate * PER_MIN[unit] / 60.0 / self._area

    def _begin(self, place: int, left: float | None = None) -> None:
        """Carry out phases from here until one takes time or the program ends."""
        for _ in range(2 * PHASES):
            if place > PHASES:
                self._stopped(alarm="O")
                return
            phase, self.at = self.phases[place], place
            if phase.function == "STP":
                self._stopped()
                return
            if phase.function == "PAS":
                self.doing = "pausing"
                self._timer = self.clock.loop.call_later(phase.argument, self._pause_over)
                return
            if phase.function in PUMPING:
                self._pump(phase, left)
                return
            if phase.function == "CLD":
                self.clear(phase.direction)
            place = phase.argument if phase.function == "JMP" else place + 1
        self._stopped(alarm="E")  # it jumps in a circle

    def _pump(self, phase: Phase, left: float | None) -> None:
        before = self.rate_now or 0.0
        rate = {"RAT": phase.rate, "INC": before + phase.rate, "DEC": before - phase.rate}[phase.function]
        if not self.possible(rate, phase.unit):
            self._stopped(alarm="E")
            return
        self._move(phase, rate, left)

    def _move(self, phase: Phase, rate: float, left: float | None = None) -> None:
        self.doing = "infusing" if phase.direction == "INF" else "withdrawing"
        whole = phase.volume / PER_ML[self.unit] / self._area
        self._goal = None if whole <= 0 else whole if left is None else left
        self.rate_now = rate
        speed = self._speed(rate, phase.unit)
        self._start(speed if phase.direction == "INF" else -speed, self._goal, phase.direction)

    def _start(self, speed: float, travel: float | None, counting: str) -> None:
        self._counting = counting
        self.plunger.start(speed, travel, self._ended)
        self._wake_at_end()

    def _wake_at_end(self) -> None:
        """See to it that the end of the movement does not wait for somebody to look."""
        self._cancel_timer()
        end = self.plunger.end
        if end is not None:
            self._timer = self.clock.loop.call_at(end, self.plunger.world.advance, end)

    def _ended(self, ended: Ended) -> None:
        self._count()
        self._cancel_timer()
        if ended == "stalled":
            self._stopped(alarm="S")
        else:
            self._next()

    def _pause_over(self) -> None:
        self.plunger.world.advance()
        self._next()

    def _next(self) -> None:
        self._timer = None
        self._begin(self.at + 1)

    def _stopped(self, alarm: str = "") -> None:
        self.doing, self.at, self._left, self.rate_now = "stopped", 1, None, None
        if alarm:
            self._alarm(alarm)

    def _count(self) -> None:
        """Add what the plunger has gone since its start to the counter of its direction."""
        self._counted[self._counting] += self.plunger.travelled * self._area

    def _cancel_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None


def factory_phases() -> dict[int, Phase]:
    """Return the program of a pump as it leaves the factory: one phase that pumps, then it stops."""
    return {1: Phase("RAT")} | {place: Phase() for place in range(2, PHASES + 1)}
