"""Plumbing: what a lab file says of where instruments stand, what they draw from and where they push to."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

from autolab.model.errors import InputError
from autolab.simulators.simulator import check_keys, choices
from autolab.simulators.world import part

if TYPE_CHECKING:
    from autolab.model.actions import JSON

SINKS = ("drain", "waste", "air")
"""Places that need no declaration: what goes there is gone, and only air comes back."""


class Plumbing:
    """The plumbing of a lab, as worlds read it.

    Args:
        lab: The lab file's mapping.

    Raises:
        InputError: For an instrument that the lab does not have.
    """

    def __init__(self, lab: Mapping[str, JSON]) -> None:
        self.instruments = part(lab, "instruments")
        self.given = part(lab, "plumbing")
        check_keys("plumbing", self.given, self.instruments)

    def check(self, known: Iterable[str]) -> None:
        """Refuse places that there are not.

        Raises:
            InputError: At the first place that is neither in `known`, nor a stock of a pump, nor a sink.
        """
        known = [*known, *SINKS, *(str(self.stock_of(name)) for name in self.instruments)]
        for instrument in self.given:
            for place in self.places(instrument):
                if place not in known:
                    msg = f"plumbing.{instrument}: {place!r} is neither a vessel nor a drain. {choices(place, known)}"
                    raise InputError(msg)

    def places(self, instrument: str) -> list[str]:
        """Return the places an instrument is joined to: none, one, or [from, to].

        Raises:
            InputError: When something else is there.
        """
        value = self.given.get(instrument)
        given = value if isinstance(value, list) else [] if value is None else [value]
        if len(given) > 2 or not all(isinstance(place, str) for place in given):
            msg = f"plumbing.{instrument}: {value!r} is not a name or a list [from, to]"
            raise InputError(msg)
        return [str(place) for place in given]

    def ends(self, instrument: str) -> tuple[str | None, str]:
        """Return what a pump draws from and pushes to; it draws from its own stock where only a destination is named.

        Returns:
            Source (None: its own stock's bottle, or air when it has none) and destination.

        Raises:
            InputError: When it leads nowhere.
        """
        places = self.places(instrument)
        if not places:
            msg = f"plumbing: {instrument!r} is a pump and leads nowhere; write `{instrument}: <vessel>`"
            raise InputError(msg)
        return places[0] if len(places) == 2 else None, places[-1]

    def vessel_of(self, instrument: str, vessels: Mapping[str, object], doing: str) -> str:
        """Return the one vessel at which an instrument stands.

        Args:
            instrument: Its name.
            vessels: What there is.
            doing: What it does to the vessel, for the message: `weigh`.

        Raises:
            InputError: When it is none of them, or not one.
        """
        places = self.places(instrument)
        if len(places) != 1 or places[0] not in vessels:
            msg = (
                f"plumbing.{instrument}: {self.given.get(instrument)!r} is not one vessel to {doing}. "
                f"{choices(str(places[0]) if places else '', vessels)}"
            )
            raise InputError(msg)
        return places[0]

    def stock_of(self, instrument: str) -> str | None:
        """Return the stock that a pump is connected to, if any."""
        stock = part(self.instruments, instrument).get("stock")
        return None if stock is None else str(stock)

    def has_check_valves(self, instrument: str) -> bool:
        """Whether a pump draws through an inlet of its own."""
        return part(self.instruments, instrument).get("refill") == "check_valve"
