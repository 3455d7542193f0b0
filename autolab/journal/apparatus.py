"""What facts say of the apparatus: it outlives campaigns, so this part of the fold is never reset."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, ClassVar, cast

from autolab.journal.views import OpenAction
from autolab.model.actions import JSON, Intent

if TYPE_CHECKING:
    from autolab.journal.events import Event


class Apparatus:
    """Actions in doubt, instruments' states, interlocks, the world's snapshot, and whether all is ready.

    Attributes:
        states: Instrument -> `state` of its last result.
        interlocks: Interlock -> its last state.
        snapshot: Of a virtual lab's world, taken last.
        clean: Whether the last attempt completed, or there was none.
    """

    def __init__(self) -> None:
        self._open: dict[tuple[int, int, int], Intent] = {}
        self.states: dict[str, Mapping[str, JSON]] = {}
        self.interlocks: dict[str, JSON] = {}
        self.snapshot: Mapping[str, JSON] | None = None
        self.clean = True

    def apply(self, event: Event) -> None:
        """Take one event in; raise ValueError for one that those before exclude."""
        handler = self._HANDLERS.get(event.kind)
        if handler:
            handler(self, event)

    def open_actions(self) -> tuple[OpenAction, ...]:
        """Return the actions whose outcome is unknown, in the order of their intents."""
        return tuple(OpenAction(*key, intent) for key, intent in self._open.items())

    def _opened(self, event: Event) -> None:
        if self._open:
            trial, _, _, intent = self.open_actions()[0]
            msg = f"{len(self._open)} action(s) are in doubt, such as {intent.verb} on {intent.instrument} in trial {trial}"
            raise ValueError(msg)

    def _attempt_started(self, event: Event) -> None:
        self.clean = False
        self._take_snapshot(event)

    def _attempt_ended(self, event: Event) -> None:
        self.clean = event.body["ending"] == "completed"
        self._take_snapshot(event)
        states = event.body.get("states")
        if isinstance(states, dict):  # a virtual bench was put back: its instruments are in these states again
            self.states = {name: MappingProxyType(state) for name, state in states.items() if isinstance(state, dict)}

    def _intent(self, event: Event) -> None:
        body = cast("Mapping[str, Any]", event.body)
        context = MappingProxyType(dict(body.get("context") or {}))
        intent = Intent(body["instrument"], body["verb"], body.get("value"), body["action_class"], context)
        self._open[_key(event)] = intent

    def _outcome(self, event: Event) -> None:
        self._result(event, open_still=event.body["status"] == "in_doubt")

    def _settled(self, event: Event) -> None:
        self._result(event, open_still=event.body["verdict"] == "unknown")

    def _result(self, event: Event, *, open_still: bool) -> None:
        key = _key(event)
        if key not in self._open:
            msg = f"action {key[2]} of attempt {key[1]} of trial {key[0]} has no intent, or its outcome is known"
            raise ValueError(msg)
        result = event.body.get("result")
        state = result.get("state") if isinstance(result, dict) else None
        if isinstance(state, dict):
            self.states[self._open[key].instrument] = MappingProxyType(state)
        if not open_still:
            del self._open[key]

    def _interlock(self, event: Event) -> None:
        self.interlocks[str(event.body["name"])] = event.body["state"]

    def _take_snapshot(self, event: Event) -> None:
        snapshot = event.body.get("snapshot")
        if isinstance(snapshot, dict):
            self.snapshot = MappingProxyType(snapshot)

    _HANDLERS: ClassVar[Mapping[str, Callable[[Apparatus, Event], None]]] = {
        "opened": _opened,
        "attempt_started": _attempt_started,
        "attempt_ended": _attempt_ended,
        "intent": _intent,
        "outcome": _outcome,
        "settled": _settled,
        "interlock": _interlock,
    }


def _key(event: Event) -> tuple[int, int, int]:
    return cast("tuple[int, int, int]", (event.trial, event.attempt, event.action))
