"""A valve's rotor: it goes from port to port around its circle, and opens each that it passes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

from autolab.simulators.talker import Talker


class Rotor:
    """A rotor with `ports` places, turned by a motor one place at a time.

    Args:
        talker: Whose it is; its timers make it turn.
        ports: How many places there are; they are counted from 1.
        step_s: From one place to the next, s of lab time.

    Attributes:
        at: The place where it is, or which it passed last.
        between: Whether it is between `at` and a next place, so that no port is open.
        stuck: Whether it does not turn although its motor does.
        opened: Every place at which it came by since it was made: what liquid may have gone through.
    """

    def __init__(self, talker: Talker, ports: int, step_s: float) -> None:
        self._talker = talker
        self.ports, self.step_s = ports, step_s
        self.at, self.between, self.stuck = 1, False, False
        self.opened: list[int] = []
        self._left, self._way = 0, 1
        self._done: Callable[[], None] = _nothing

    @property
    def moving(self) -> bool:
        """Whether the motor runs."""
        return self._left > 0

    def go(self, place: int, way: Literal["shortest", "up", "down"], done: Callable[[], None]) -> None:
        """Turn to a place, and call `done` there; upwards means towards higher numbers, and from the last to 1."""
        up = (place - self.at) % self.ports
        down = (self.at - place) % self.ports
        upwards = way == "up" or (way == "shortest" and up <= down)
        self._way, self._left = (1, up) if upwards else (-1, down)
        if self.between and self._left == 0:
            self._left = 1
            self.at = self._next(-self._way)  # back to where it came from
        self._done = done
        if self._left == 0:
            done()
        else:
            self._talker.later(self.step_s, self._step)

    def stop(self) -> None:
        """Stop half-way to the next place: no port is open there."""
        self.between = self.between or self.moving
        self._left, self._done = 0, _nothing

    def stand(self, place: int, *, between: bool = False) -> None:
        """Be at a place, without a movement."""
        self.at, self.between, self._left, self._done = place, between, 0, _nothing

    def _step(self) -> None:
        if not self.moving:
            return
        self._left -= 1
        if not self.stuck:
            self.at, self.between = self._next(self._way), False
            self.opened.append(self.at)
        if self._left > 0:
            self._talker.later(self.step_s, self._step)
        else:
            done, self._done = self._done, _nothing
            done()

    def _next(self, way: int) -> int:
        return (self.at - 1 + way) % self.ports + 1


def _nothing() -> None:
    """Do nothing: nobody waits."""
