"""What most simulated instruments share: a line of frames, timers on lab time, options, a state that can be kept."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from autolab.simulators.simulator import Place, Send, check_keys

if TYPE_CHECKING:
    import asyncio

    from autolab.model.actions import JSON


class Talker:
    """Base of a simulator: takes frames that end in `frame_end`, and answers them.

    A subclass declares what stands below, sets itself up in `__init__` after the base has, and gives `hear`, `is_safe`
    and, where losing power changes something, `wake`. An instrument whose commands have no common end overrides `take`.

    Args:
        place: Where it stands.

    Attributes:
        frame_end: What ends a command; the first that comes does.
        longest: Longer lines are given to `overflow`, bytes.
        options: Keys known under `virtual.instruments.<name>` in the lab file.
        kept: Attributes that make its state: what JSON can hold, and no times.
        baud: Speed of its line, bit/s.
        reaction: How long it thinks before it answers, s.
        chance: Its noise; drawn anew by `reseed`.
    """

    frame_end: ClassVar[tuple[bytes, ...]] = (b"\r\n",)
    longest: ClassVar[int] = 256
    options: ClassVar[tuple[str, ...]] = ()
    kept: ClassVar[tuple[str, ...]] = ()
    baud: int = 9600
    reaction: float = 0.01

    def __init__(self, place: Place) -> None:
        check_keys(f"virtual.instruments.{place.name}", place.options, self.options)
        self.name, self.place, self.world = place.name, place, place.world
        self.chance = np.random.default_rng(place.seed)
        self._send: Send = _nowhere
        self._line = b""
        self._timers: set[asyncio.TimerHandle] = set()

    # ---- what a simulator implements ---------------------------------------------------------------------------

    def hear(self, frame: bytes) -> None:
        """Take one command, without its end."""
        raise NotImplementedError

    def overflow(self) -> None:
        """Deal with a line that is too long: what was heard of it is forgotten."""

    def wake(self) -> None:
        """Come up after power was lost: forget what is volatile, say what it says by itself."""

    def is_safe(self) -> bool:
        """Say whether it stands still (or is off, closed, cold)."""
        raise NotImplementedError

    # ---- for simulators ----------------------------------------------------------------------------------------

    def say(self, data: bytes) -> None:
        """Send bytes, end of line included."""
        self._send(data)

    def later(self, seconds: float, call: Callable[[], None]) -> asyncio.TimerHandle:
        """Call something in so many seconds of lab time, unless power is lost before."""
        handle: asyncio.TimerHandle

        def due() -> None:
            self._timers.discard(handle)
            call()

        handle = self.place.clock.loop.call_later(seconds, due)
        self._timers.add(handle)
        return handle

    def forget_timers(self) -> None:
        """Call off all that was to come."""
        for handle in self._timers:
            handle.cancel()
        self._timers.clear()

    # ---- the simulator's contract ------------------------------------------------------------------------------

    def attach(self, send: Send) -> None:
        """Let `send` carry its bytes from now on."""
        self._send = send

    def receive(self, data: bytes) -> None:
        """Take bytes from the line, in whatever pieces they come."""
        self._line += data
        while (frame := self.take()) is not None:
            self.hear(frame)
        if len(self._line) > self.longest:
            self._line = b""
            self.overflow()

    def take(self) -> bytes | None:
        """Return the next complete command and forget it; None while there is none."""
        ends = [(at, end) for end in self.frame_end if (at := self._line.find(end)) >= 0]
        if not ends:
            return None
        at, end = min(ends, key=lambda found: (found[0], -len(found[1])))
        frame, self._line = self._line[:at], self._line[at + len(end) :]
        return frame

    def power_cycle(self) -> None:
        """Lose power and come back."""
        self.forget_timers()
        self._line = b""
        self.world.advance()
        self.wake()

    def reseed(self, seed: int) -> None:
        """Draw its noise anew."""
        self.world.advance()
        self.chance = np.random.default_rng(seed)

    def snapshot(self) -> dict[str, JSON]:
        """Return its state as JSON."""
        self.world.advance()
        return {name: getattr(self, name) for name in self.kept}

    def restore(self, state: Mapping[str, JSON]) -> None:
        """Go on from `snapshot`; what was to come is forgotten."""
        self.forget_timers()
        self._line = b""
        for name in self.kept:
            setattr(self, name, state[name])


def _nowhere(data: bytes) -> None:
    """Send nothing: no line is attached."""
