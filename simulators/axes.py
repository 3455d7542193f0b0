"""Axes that move things: constant acceleration to a constant speed and back, between two end stops, in closed form."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from autolab.model.actions import JSON

_NOW: Final = 1e-12  # s; what lasts no longer is over


@dataclass(frozen=True)
class Segment:
    """A piece of a motion.

    Attributes:
        seconds: How long it lasts; infinite for a motion that only an end stop or a command ends.
        acceleration: mm/s^2.
    """

    seconds: float
    acceleration: float


def trapezoid(distance: float, speed: float, acceleration: float, before: float = 0.0) -> list[Segment]:
    """Return the fastest motion that ends at rest after `distance`.

    Args:
        distance: Signed, mm.
        speed: Highest, mm/s.
        acceleration: mm/s^2.
        before: Velocity at its begin, mm/s.

    >>> [(round(piece.seconds, 3), piece.acceleration) for piece in trapezoid(10.0, 2.0, 4.0)]
    [(0.5, 4.0), (4.5, 0.0), (0.5, -4.0)]
    """
    brake = before * abs(before) / (2 * acceleration)  # where it would come to rest if it braked at once
    way = math.copysign(1.0, distance - brake)
    peak = min(speed, math.sqrt(max(0.0, way * acceleration * distance + before**2 / 2))) * way
    first = math.copysign(acceleration, peak - before)
    reached = (peak**2 - before**2) / (2 * first) + peak * abs(peak) / (2 * acceleration)
    cruise = (distance - reached) / peak if peak else 0.0
    pieces = (
        Segment(abs(peak - before) / acceleration, first),
        Segment(cruise, 0.0),
        Segment(abs(peak) / acceleration, -way * acceleration),
    )
    return [piece for piece in pieces if piece.seconds > _NOW]


class Axis:
    """A carriage on a screw: a `world.Body`, exact in however many pieces the time comes.

    Args:
        low: Where the lower end stop is, mm.
        high: Where the upper one is, mm.
        position: Where the carriage stands, mm.

    Attributes:
        velocity: mm/s.
        blocked: An obstacle that the carriage cannot leave or pass holds it where it is.
        bumped: Which end it has run into since the last command: -1, 1, or 0; an obstacle counts as the end on its way.
    """

    def __init__(self, low: float, high: float, position: float) -> None:
        self.low, self.high, self.position = low, high, position
        self.velocity = 0.0
        self.blocked = False
        self.bumped = 0
        self._motion: list[Segment] = []
        self._target: float | None = None

    @property
    def moving(self) -> bool:
        """Whether a motion is going on."""
        return bool(self._motion)

    @property
    def seconds_left(self) -> float:
        """Time to the end of the motion, s, if nothing is in its way."""
        return sum(piece.seconds for piece in self._motion)

    # ---- commands ----------------------------------------------------------------------------------------------

    def go(self, target: float, speed: float, acceleration: float) -> None:
        """Move to a place (mm), from whatever motion there is."""
        self.bumped, self._target = 0, target
        self._motion = trapezoid(target - self.position, speed, acceleration, self.velocity)

    def run(self, velocity: float, acceleration: float) -> None:
        """Come to a velocity (mm/s) and keep it."""
        self.bumped, self._target = 0, None
        change = velocity - self.velocity
        ramp = Segment(abs(change) / acceleration, math.copysign(acceleration, change))
        self._motion = [piece for piece in (ramp, Segment(math.inf if velocity else 0.0, 0.0)) if piece.seconds > _NOW]

    def brake(self, acceleration: float) -> None:
        """Come to rest."""
        self.run(0.0, acceleration)

    def freeze(self) -> None:
        """Stand still at once: the motor is cut off, or steps no more."""
        self._motion, self._target, self.velocity = [], None, 0.0

    # ---- a body ------------------------------------------------------------------------------------------------

    def integrate(self, dt: float) -> None:
        """Go on for `dt` s."""
        while dt > 0 and self._motion:
            piece = self._motion[0]
            step = min(dt, piece.seconds)
            if self._hits(step, piece.acceleration):
                return
            self.position += self.velocity * step + piece.acceleration * step**2 / 2
            self.velocity += piece.acceleration * step
            dt -= step
            left = piece.seconds - step
            self._motion[:1] = [Segment(left, piece.acceleration)] if left > _NOW else []
        if not self._motion:
            self._arrive()

    def _arrive(self) -> None:
        if self._target is not None:
            self.position = self._target  # exactly, not but for rounding
        self.velocity, self._target = 0.0, None

    def _hits(self, step: float, acceleration: float) -> bool:
        """Say whether it runs into something within a step; it stands there then."""
        low, high = (self.position, self.position) if self.blocked else (self.low, self.high)
        turn = -self.velocity / acceleration if acceleration else math.inf
        times = [step] + ([turn] if 0 < turn < step else [])
        for at in sorted(times):
            place = self.position + self.velocity * at + acceleration * at**2 / 2
            if not low - 1e-9 <= place <= high + 1e-9:
                self.bumped = 1 if place > high else -1
                self.position = high if place > high else low
                self.freeze()
                return True
        return False

    def snapshot(self) -> dict[str, JSON]:
        """Return what changes; only while it stands still.

        Raises:
            ValueError: It moves.
        """
        if self._motion:
            msg = f"an axis moves at {self.velocity:g} mm/s: wait until it stands still"
            raise ValueError(msg)
        return {"position": self.position, "blocked": self.blocked, "bumped": self.bumped}

    def restore(self, state: Mapping[str, JSON]) -> None:
        """Go back to `snapshot`."""
        self.freeze()
        self.position, self.blocked = float(str(state["position"])), bool(state["blocked"])
        self.bumped = int(str(state["bumped"]))


class Gantry:
    """A tool that several axes carry along straight lines: a `world.Body`.

    Args:
        low: Where the lower end stops are, mm.
        high: Where the upper ones are, mm.
        position: Where the tool stands, mm.
    """

    def __init__(self, low: Sequence[float], high: Sequence[float], position: Sequence[float]) -> None:
        self.low, self.high = tuple(low), tuple(high)
        self.blocked = False
        self._start, self._way = tuple(position), tuple(0.0 for _ in position)
        self._path = Axis(0.0, 0.0, 0.0)  # along the line, from its start

    @property
    def position(self) -> tuple[float, ...]:
        """Where the tool is, mm."""
        return tuple(start + way * self._path.position for start, way in zip(self._start, self._way, strict=True))

    @property
    def moving(self) -> bool:
        """Whether a motion is going on."""
        return self._path.moving

    @property
    def seconds_left(self) -> float:
        """Time to the end of the motion, s, if nothing is in its way."""
        return self._path.seconds_left

    @property
    def speed(self) -> float:
        """How fast it goes along its line, mm/s."""
        return abs(self._path.velocity)

    @property
    def bumped(self) -> bool:
        """Whether it has run into an end stop or an obstacle since the last command."""
        return self._path.bumped != 0

    def go(self, target: Sequence[float], speeds: Sequence[float], ramps: Sequence[float], feed: float) -> None:
        """Move along a straight line, from rest.

        Args:
            target: mm.
            speeds: Highest speed of each axis, mm/s.
            ramps: Highest acceleration of each axis, mm/s^2.
            feed: Speed along the line, mm/s; infinite for as fast as it can.
        """
        self._start = self.position
        length = math.dist(self._start, target)
        self._way = tuple(
            (to - start) / length if length else 0.0 for start, to in zip(self._start, target, strict=True)
        )
        shares = [abs(part) for part in self._way]
        speed = min([feed, *(most / share for most, share in zip(speeds, shares, strict=True) if share > _NOW)])
        ramp = min([most / share for most, share in zip(ramps, shares, strict=True) if share > _NOW], default=1.0)
        self._path = Axis(0.0, self._room(), 0.0)
        self._path.blocked = self.blocked
        if length:
            self._path.go(length, speed, ramp)

    def _room(self) -> float:
        """Return how far the line goes before an end stop, mm."""
        room = math.inf
        for start, way, low, high in zip(self._start, self._way, self.low, self.high, strict=True):
            if way:
                room = min(room, ((high if way > 0 else low) - start) / way)
        return max(0.0, room)

    def brake(self, ramp: float) -> None:
        """Come to rest on the line."""
        self._path.brake(ramp)

    def freeze(self) -> None:
        """Stand still at once."""
        self._path.freeze()

    def put(self, position: Sequence[float]) -> None:
        """Stand elsewhere: somebody has pushed it."""
        self._path = Axis(0.0, 0.0, 0.0)
        self._start, self._way = tuple(position), tuple(0.0 for _ in position)

    def integrate(self, dt: float) -> None:
        """Go on for `dt` s."""
        self._path.integrate(dt)

    def snapshot(self) -> dict[str, JSON]:
        """Return what changes; only while it stands still.

        Raises:
            ValueError: It moves.
        """
        self._path.snapshot()
        return {"position": list(self.position), "blocked": self.blocked}

    def restore(self, state: Mapping[str, JSON]) -> None:
        """Go back to `snapshot`."""
        places = state["position"]
        self.put([float(str(place)) for place in places] if isinstance(places, list) else self.position)
        self.blocked = bool(state["blocked"])
