"""Phases of an attempt: how long each took, as the protocol names them.

A protocol yields `Msg("null", phase="dose")`, which does nothing in any RunEngine; ours notes lab time. Nothing is
journaled for it alone: the durations go out with the end of the attempt, and an intent tells the phase that it is in.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from bluesky.utils import Msg

    from autolab.model.actions import JSON

PHASE: Final = "phase: "
"""What the line for a display begins with."""
START: Final = "start"
"""Before the protocol names a phase."""
RECOVER: Final = "recover"
SAFE: Final = "safe"
"""After the plan is over: settling and making safe."""


class Phases:
    """Adds up lab time by phase, from now on.

    Args:
        now: Lab time, s.
        told: Takes a line for the display when the protocol begins a phase.
    """

    def __init__(self, now: Callable[[], float], told: Callable[[str], None] = lambda _text: None) -> None:
        self._now, self._told = now, told
        self._spent: dict[str, float] = {}
        self._since = now()
        self._seen: list[Msg] = []  # kept, so that the identity of none is reused
        self.name = START

    def take(self, message: Msg) -> None:
        """Begin the phase that a message names, if it names one; a rewind sends the same message again in vain."""
        name = message.kwargs.get("phase")
        if name is None or any(seen is message for seen in self._seen):
            return
        self._seen.append(message)
        self.enter(str(name))
        self._told(f"{PHASE}{name}")

    def enter(self, name: str) -> None:
        """Begin a phase; one that comes again goes on where it was."""
        now = self._now()
        self._spent[self.name] = self._spent.get(self.name, 0.0) + now - self._since
        self.name, self._since = name, now

    def end(self) -> dict[str, JSON]:
        """Return what the end of the attempt says: `phases` (name -> s of lab time) and `phase_order` (their names)."""
        self.enter(SAFE)
        told: dict[str, JSON] = {name: round(spent, 6) for name, spent in self._spent.items() if name != START or spent}
        return {"phases": told, "phase_order": list(told)}


def phases_of(body: Mapping[str, Any]) -> dict[str, float]:
    """Return s of lab time by phase, in their order, from the body of an `attempt_ended`; empty where it tells none.

    >>> phases_of({"phases": {"dose": 30.0, "weigh": 12.0}, "phase_order": ["weigh", "dose"]})
    {'weigh': 12.0, 'dose': 30.0}
    """
    spent = body.get("phases") or {}
    order = [name for name in body.get("phase_order") or () if name in spent]
    return {name: float(spent[name]) for name in [*order, *(name for name in spent if name not in order)]}
