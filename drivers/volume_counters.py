"""What a pump's volume counters say about an action in doubt: pure, so that each verdict can be tested."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from autolab.model.actions import JSON, Intent, Reconciled
from autolab.model.roles import Dispense, Withdraw, command_from_json


@dataclass(frozen=True)
class Counted:
    """The volume counters.

    Attributes:
        infused: mL.
        withdrawn: mL.
        resolution: How near a counter is to the truth, mL.
    """

    infused: float
    withdrawn: float
    resolution: float


@dataclass(frozen=True)
class Baseline:
    """The counters, and what the syringe held, before an action.

    Attributes:
        infused: mL.
        withdrawn: mL.
        contents: mL.
    """

    infused: float
    withdrawn: float
    contents: float

    def to_json(self) -> dict[str, JSON]:
        """Return it as an intent's context holds it."""
        return {"infused_mL": self.infused, "withdrawn_mL": self.withdrawn, "contents_mL": self.contents}

    @classmethod
    def of(cls, intent: Intent) -> Baseline | None:
        """Return the baseline in an intent's context, or None."""
        keys = ("infused_mL", "withdrawn_mL", "contents_mL")
        numbers = [intent.context.get(key) for key in keys]
        if any(not isinstance(number, int | float) for number in numbers):
            return None
        return cls(*(float(str(number)) for number in numbers))

    def contents_after(self, counters: Counted, *, swapped: bool) -> float:
        """Return what the syringe holds by the counters, mL; `swapped` where INF draws in."""
        infused, withdrawn = counters.infused - self.infused, counters.withdrawn - self.withdrawn
        out, drawn = (withdrawn, infused) if swapped else (infused, withdrawn)
        return round(self.contents - out + drawn, 6)


def settle(
    intent: Intent,
    counters: Counted,
    *,
    moving: bool,
    lost: str,
    swapped: bool,
    commanded: Callable[[float], float],
) -> Reconciled:
    """Say what became of a pump's action in doubt.

    Args:
        intent: Its command, and the counters before it.
        counters: Now.
        moving: Whether the pump moves, so that the counters are not final.
        lost: Why the counters mean nothing; empty when they count.
        swapped: Whether the pump's INF draws in.
        commanded: Gives the volume (mL) that is really sent for one that was asked for.
    """
    command, before = command_from_json(intent.value), Baseline.of(intent)
    if not isinstance(command, Dispense | Withdraw) or before is None:
        return Reconciled("unknown", why=f"the intent is no pump command with its counters: {intent.value!r}")
    if lost:
        return Reconciled("unknown", why=f"the counters say nothing: {lost}")
    infused, withdrawn = counters.infused - before.infused, counters.withdrawn - before.withdrawn
    forward = isinstance(command, Dispense) != swapped
    moved, opposite = (infused, withdrawn) if forward else (withdrawn, infused)
    told = f"counters: infused {infused:g} mL, withdrawn {withdrawn:g} mL since the intent; asked: {command!r}"
    wanted, exact = commanded(command.volume), counters.resolution * 1.001
    if moving:
        return Reconciled("unknown", why=f"the pump still moves; {told}")
    if opposite or moved < 0 or moved > wanted + exact:
        return Reconciled("unknown", why=f"somebody else has used the pump; {told}")
    held = before.contents_after(counters, swapped=swapped)
    result: dict[str, JSON] = {"volume_mL": moved, "contents_mL": held, "state": {"contents_mL": held}}
    if moved == 0:
        return Reconciled("not", 0.0, result, told)
    if moved >= wanted - exact:
        return Reconciled("happened", moved, result, told)
    return Reconciled("partial", moved, result, told)
