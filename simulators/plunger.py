"""A syringe's plunger: the one thing that a syringe pump truly moves."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from autolab.model.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Callable

    from autolab.model.actions import JSON
    from autolab.simulators.ledger import Ended
    from autolab.simulators.world import World

HEADROOM = 0.05  # a syringe has 5-10 % of travel above its last mark (measured on common plastic syringes)
HUB = 0.01  # and can be pressed about 1 % of its volume below its zero mark, into the hub


@dataclass(frozen=True)
class Syringe:
    """A syringe and where it is connected.

    Attributes:
        diameter: Inner diameter, mm.
        volume: Nominal volume, mL.
        contents: Plunger position at the start, mL.
        source: Where it draws from.
        destination: Where it pushes to.
        valve: Whether the pump's own valve joins it to the one while drawing and to the other while pushing.
    """

    diameter: float
    volume: float
    contents: float = 0.0
    source: str = "air"
    destination: str = "air"
    valve: bool = False

    def __post_init__(self) -> None:
        if not (self.diameter > 0 and self.volume > 0 and 0 <= self.contents <= self.volume):
            msg = (
                f"syringe of {self.diameter!r} mm and {self.volume!r} mL holding {self.contents!r} mL: diameter and "
                "volume must be positive and the contents between 0 and the volume"
            )
            raise InputError(msg)

    @property
    def area(self) -> float:
        """Cross section, mL of volume for each mm of travel."""
        return math.pi * self.diameter**2 / 4000.0


class Plunger:
    """A plunger between two end stops, moving at constant speed or standing.

    Positions and volumes are mL in front of the plunger; travel and speed are mm and mm/s, positive pushing out.

    Args:
        world: Whose time it keeps.
        instrument: Name of the pump that moves it.
        syringe: Its syringe.
    """

    def __init__(self, world: World, instrument: str, syringe: Syringe) -> None:
        self.world, self.instrument, self.syringe = world, instrument, syringe
        self.position = syringe.contents
        self.flow = 0.0  # mL/s, positive pushing out
        self._stuck = False
        self.end: float | None = None  # loop time at which the movement ends by itself, s
        self._goal: float | None = None  # position to reach, mL
        self._stalls = False
        self._begun: tuple[float, float] = (0.0, 0.0)  # position (mL) and lab time (s) at the start
        self._on_end: Callable[[Ended], None] | None = None

    @property
    def moving(self) -> bool:
        """Whether it moves now (as of the world's time)."""
        return self._goal is not None

    @property
    def stuck(self) -> bool:
        """Whether it cannot move: its motor stalls at once."""
        return self._stuck

    @stuck.setter
    def stuck(self, value: bool) -> None:
        self._stuck = value
        if value and self.moving:
            self._seize()

    def _seize(self) -> None:
        self._goal, self._stalls, self.end, self.flow = self.position, True, self.world.time, 0.0

    @property
    def travelled(self) -> float:
        """How far it has gone since the last start, mm."""
        return abs(self._begun[0] - self.position) / self.syringe.area

    def start(self, speed: float, travel: float | None, on_end: Callable[[Ended], None]) -> None:
        """Start to move; `on_end` is called at the moment when the movement ends by itself.

        Args:
            speed: mm/s, positive pushing out.
            travel: mm to go; None goes on until an end stop.
            on_end: Called with `done` or `stalled`.
        """
        self._begun = (self.position, self.world.lab_time)
        self._on_end = on_end
        self._aim(speed, travel)

    def change_speed(self, speed: float, travel: float | None) -> None:
        """Go on at another speed (mm/s), same direction, with `travel` mm left to go."""
        self._aim(speed, travel)

    def stop(self) -> None:
        """Stop where it is."""
        if self.moving:
            self._finish("stopped")

    def integrate(self, dt: float) -> None:
        """Move on for `dt` s; never beyond the end of the movement."""
        self.position -= self.flow * dt

    def finish_if_due(self, now: float) -> None:
        """End the movement when its end has come."""
        if self.end is None or now < self.end:
            return
        if self._goal is not None:
            self.position = self._goal
        on_end = self._on_end
        ended: Ended = "stalled" if self._stalls else "done"
        self._finish(ended)
        if on_end is not None:
            on_end(ended)

    def snapshot(self) -> dict[str, JSON]:
        """Return its state; only at a standstill.

        Raises:
            ValueError: While it moves.
        """
        if self.moving:
            msg = f"the plunger of {self.instrument} is moving: take a snapshot when every instrument stands still"
            raise ValueError(msg)
        return {"position": self.position}

    def restore(self, state: dict[str, JSON]) -> None:
        """Put it where `snapshot` saw it, at a standstill."""
        self._goal = self.end = self._on_end = None
        self.flow = 0.0
        self.position = float(str(state["position"]))

    def _aim(self, speed: float, travel: float | None) -> None:
        area, volume = self.syringe.area, self.syringe.volume
        self.flow = speed * area
        stop = -HUB * volume if speed > 0 else (1 + HEADROOM) * volume
        goal = stop if travel is None else self.position - math.copysign(travel * area, speed)
        self._stalls = (goal <= stop) if speed > 0 else (goal >= stop)
        self._goal = stop if self._stalls else goal
        self.end = self.world.time + max(0.0, abs(self._goal - self.position)) / abs(self.flow)
        if self._stuck:
            self._seize()

    def _finish(self, ended: Ended) -> None:
        begun, start = self._begun
        self._goal = self.end = self._on_end = None
        self.flow = 0.0
        syringe = self.syringe
        swept = begun - self.position
        route = (syringe.source, self.instrument) if swept < 0 else (self.instrument, syringe.destination)
        self.world.ledger.write(self.instrument, swept, (start, self.world.lab_time), route, ended)
