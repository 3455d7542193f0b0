"""What a pump's plunger position says: where a command leads to, and what became of one in doubt. Pure."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

from autolab.model.actions import JSON, Reconciled
from autolab.model.roles import Dispense, Withdraw


@dataclass(frozen=True)
class PumpState:
    """What a pump tells of itself.

    Attributes:
        position: Of the plunger, as a part of the full stroke: 0 is empty.
        moving: Whether plunger or valve move, or the pump has something left to do.
        initialized: Whether the position means anything; None where the pump does not say.
        trouble: An error that stands, in words; empty for none.
    """

    position: float
    moving: bool
    initialized: bool | None = True
    trouble: str = ""


@dataclass(frozen=True)
class Scale:
    """How positions are counted.

    Attributes:
        full: Steps of a full stroke.
        volume: Of the syringe, mL.
    """

    full: int
    volume: float

    def mL(self, steps: int) -> float:  # noqa: N802  the unit's symbol
        """Return the volume of so many steps."""
        return round(steps * self.volume / self.full, 9)

    def steps(self, volume: float) -> int:
        """Return the steps that come nearest to a volume (mL)."""
        return round(volume / self.volume * self.full)

    def goal(self, command: Dispense | Withdraw, before: int) -> int:
        """Return the position (steps) that a command leads to; one step beyond an end is the end.

        >>> Scale(3000, 1.0).goal(Withdraw(0.5, 1.0), 100)
        1600
        """
        steps = self.steps(command.volume)
        goal = before - steps if isinstance(command, Dispense) else before + steps
        return 0 if goal == -1 else self.full if goal == self.full + 1 else goal

    def settle(self, command: Dispense | Withdraw, before: int, state: PumpState) -> Reconciled:
        """Say what became of a movement.

        Args:
            command: As it was asked.
            before: Position then, steps.
            state: Now.
        """
        now, goal = round(state.position * self.full), self.goal(command, before)
        told = f"position: step {now}, {before} before; asked: {command!r}, to step {goal}"
        if state.moving:
            return Reconciled("unknown", why=f"the pump still moves; {told}")
        if not min(before, goal) <= now <= max(before, goal):
            return Reconciled("unknown", why=f"somebody else has used the pump; {told}")
        held, moved = self.mL(now), self.mL(abs(now - before))
        result: dict[str, JSON] = {"volume_mL": moved, "contents_mL": held, "state": {"contents_mL": held}}
        if now == before:
            return Reconciled("not", 0.0, result, told)
        return Reconciled("happened" if now == goal else "partial", moved, result, told)


def with_trouble(state: PumpState, before: Sequence[PumpState]) -> PumpState:
    """Return a state with the trouble that was told before it: pumps tell it once."""
    return replace(state, trouble=state.trouble or (before[0].trouble if before else ""))


def whole_steps(rate: float, volume: float, pulses: int) -> int:
    """Return a rate in pulses a second.

    Args:
        rate: mL/min.
        volume: Of the syringe, mL.
        pulses: Of a full stroke.

    >>> whole_steps(6.0, 1.0, 6000)
    600
    """
    return max(1, math.floor(rate / 60.0 / volume * pulses + 0.5))
