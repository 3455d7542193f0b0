"""Hoses under the rollers of a peristaltic pump: volume that moves evenly until it is done, in closed form."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from autolab.model.actions import JSON
    from autolab.simulators.ledger import Ended
    from autolab.simulators.world import World


class Hose:
    """One channel's hose.

    Volumes are nominal, as the pump believes them; the ledger is told the true ones.

    Args:
        world: Whose time it keeps, and whose ledger it tells.
        name: In the ledger, such as `feed.ch1`.
        slip: What is truly moved is less than nominal by this fraction.

    Attributes:
        flow: mL/s, positive pushing out; 0 at a standstill.
        moved: Since the last start, mL, never negative.
        total: Since the counter was cleared, mL, never negative.
    """

    def __init__(self, world: World, name: str, slip: float = 0.0) -> None:
        self.world, self.name, self.slip = world, name, slip
        self.flow = self.moved = self.total = 0.0
        self._left: float | None = None
        self._begun = 0.0
        self._run = 0.0

    @property
    def moving(self) -> bool:
        """Whether the rollers turn."""
        return self.flow != 0.0

    def start(self, flow: float, volume: float | None) -> None:
        """Begin to move.

        Args:
            flow: mL/s, positive pushing out.
            volume: mL to go; None goes on until stopped.
        """
        self.flow, self._left = flow, volume
        self.moved = self._run = 0.0
        self._begun = self.world.lab_time

    def stop(self) -> None:
        """Stand still."""
        if self.moving:
            self._finish("stopped")

    def integrate(self, dt: float) -> None:
        """Go on for `dt` s; not beyond the volume that was to go."""
        if not self.moving:
            return
        step = abs(self.flow) * dt
        done = self._left is not None and step >= self._left - 1e-12
        if self._left is not None:
            step = min(step, self._left)
            self._left -= step
        self.moved += step
        self.total += step
        self._run += step / abs(self.flow)
        if done:
            self._finish("done")

    def snapshot(self) -> dict[str, JSON]:
        """Return its state; only at a standstill.

        Raises:
            ValueError: While it moves.
        """
        if self.moving:
            msg = f"{self.name} is moving: take a snapshot when every instrument stands still"
            raise ValueError(msg)
        return {"moved": self.moved, "total": self.total}

    def restore(self, state: Mapping[str, JSON]) -> None:
        """Go back to `snapshot`, at a standstill."""
        self.flow, self._left = 0.0, None
        self.moved, self.total = float(str(state["moved"])), float(str(state["total"]))

    def _finish(self, ended: Ended) -> None:
        swept = self.moved * (1 - self.slip) * (1 if self.flow > 0 else -1)
        route = (self.name, "air") if swept >= 0 else ("air", self.name)
        self.flow, self._left = 0.0, None
        self.world.ledger.write(self.name, swept, (self._begun, self._begun + self._run), route, ended)


class Hoses:
    """The hoses of one pump: the piece of physics that the world keeps.

    Args:
        hoses: By channel.
    """

    def __init__(self, hoses: dict[int, Hose]) -> None:
        self.hoses = hoses

    def integrate(self, dt: float) -> None:
        """Go on for `dt` s."""
        for hose in self.hoses.values():
            hose.integrate(dt)

    def snapshot(self) -> dict[str, JSON]:
        """Return what changes."""
        return {str(channel): hose.snapshot() for channel, hose in self.hoses.items()}

    def restore(self, state: Mapping[str, JSON]) -> None:
        """Go back to `snapshot`."""
        for channel, hose in self.hoses.items():
            kept = state[str(channel)]
            if isinstance(kept, dict):
                hose.restore(kept)
