"""What pumps drew from the bottles of stocks, folded from the journal's actions."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from autolab.lab.declaration import LabDeclaration
from autolab.loop.pinning import parts_in_force, settings_in_force
from autolab.model.errors import InputError
from autolab.model.roles import Dispense, Withdraw, command_from_json

if TYPE_CHECKING:
    from autolab.journal.events import Event
    from autolab.journal.reading import Readable
    from autolab.model.actions import JSON

Place = tuple[int | None, int | None, int | None]
"""Trial, attempt, action."""


def consumption(events: Iterable[Event], lab: LabDeclaration) -> dict[str, float]:
    """Return what was drawn from each stock since the campaign opened last was begun, mL.

    Args:
        events: In order; of all campaigns of a journal, or of the last.
        lab: Says which pump draws from which stock, and how.
    """
    tally = Tally(lab)
    for event in events:
        tally.apply(event)
    return tally.drawn


class Tally:
    """Counts event by event what left the bottles.

    A pump with check valves takes from its bottle what it draws in; any other one was filled beforehand, and takes
    from its stock what it pushes out. What moved is told by the pump's own count, where it is there; an action in doubt
    counts once it is settled.

    Args:
        lab: Says which pump draws from which stock, and how.

    Attributes:
        last_seq: Number of the last event taken in.
    """

    def __init__(self, lab: LabDeclaration) -> None:
        self._stocks = tuple(lab.stocks)
        self._counted = {
            name: (stock.name, Withdraw if one.settings.get("refill") == "check_valve" else Dispense)
            for name, one in lab.instruments.items()
            if (stock := lab.stock_of(name)) is not None
        }
        self._open: dict[Place, tuple[str, float]] = {}
        self._moved: dict[Place, tuple[str, float]] = {}
        self.last_seq = 0

    @property
    def drawn(self) -> dict[str, float]:
        """Stock -> mL, in the lab file's order."""
        total = dict.fromkeys(self._stocks, 0.0)
        for stock, volume in self._moved.values():
            total[stock] += volume
        return total

    def apply(self, event: Event) -> None:
        """Take one more event in."""
        self.last_seq = event.seq
        place = (event.trial, event.attempt, event.action)
        if event.kind == "opened":
            self._open, self._moved = {}, {}  # bottles are as loaded when a campaign begins
        elif event.kind == "intent":
            self._intent(place, event.body)
        elif event.kind == "outcome":
            self._outcome(place, event.body)
        elif event.kind == "settled":
            self._settled(place, event.body)
        elif event.kind == "attempt_ended" and "states" in event.body:
            self._forget(event)

    def _intent(self, place: Place, body: Mapping[str, Any]) -> None:
        counted = self._counted.get(str(body["instrument"]))
        command = command_from_json(body.get("value"))
        if counted is not None and isinstance(command, counted[1]):
            self._open[place] = (counted[0], command.volume)

    def _outcome(self, place: Place, body: Mapping[str, Any]) -> None:
        if body["status"] != "in_doubt":
            self._over(place, body, None if body["status"] == "done" else 0.0)

    def _settled(self, place: Place, body: Mapping[str, Any]) -> None:
        verdict, amount = body["verdict"], _number(body.get("amount"))
        if verdict != "unknown":
            self._over(place, body, 0.0 if verdict == "not" else amount)

    def _over(self, place: Place, body: Mapping[str, Any], moved: float | None) -> None:
        if place not in self._open:
            return
        stock, wanted = self._open.pop(place)
        counted = _number((body.get("result") or {}).get("volume_mL")) if moved is None else moved
        self._moved[place] = (stock, wanted if counted is None else counted)

    def _forget(self, event: Event) -> None:
        """Leave an attempt out that was lost with the virtual bench: that was put back to the time before it."""
        lost = (event.trial, event.attempt)
        self._moved = {place: moved for place, moved in self._moved.items() if place[:2] != lost}


def _number(value: object) -> float | None:
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None


def levels(reader: Readable, campaign: int) -> dict[str, dict[str, JSON]]:
    """Return how every stock stands, from a journal alone: mL drawn, loaded, left and budgeted; None where not told.

    Args:
        reader: Of the journal.
        campaign: Number of the campaign in it.
    """
    try:
        lab = LabDeclaration.from_json(_mapping(parts_in_force(reader, campaign).get("lab")))
    except InputError:  # of another autolab, or none
        return {}
    if not lab.stocks:
        return {}
    settings = settings_in_force(reader, campaign)
    loaded, budget = _mapping(settings.get("loaded_mL")), _mapping(settings.get("budget"))
    allowed = _mapping(budget.get("consumables"))
    drawn = consumption(reader.events(campaign=campaign), lab)
    return {
        stock: {
            "drawn_mL": round(volume, 6),
            "loaded_mL": _number(loaded.get(stock)),
            "left_mL": _left(_number(loaded.get(stock)), volume),
            "budget_mL": _number(allowed.get(stock)),
        }
        for stock, volume in drawn.items()
    }


def _left(loaded: float | None, drawn: float) -> float | None:
    return None if loaded is None else round(max(loaded - drawn, 0.0), 6)


def _mapping(value: Any) -> Mapping[str, Any]:  # noqa: ANN401  a part of a journal's JSON
    return value if isinstance(value, Mapping) else {}
