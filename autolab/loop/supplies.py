"""What bottles still hold, and whether that suffices for the next attempt."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from autolab.loop.consumption import Tally

if TYPE_CHECKING:
    from collections.abc import Mapping

    from autolab.journal.journal import Journal
    from autolab.lab.declaration import LabDeclaration
    from autolab.lab.lab import Lab
    from autolab.model.contracts import Procedure
    from autolab.model.trial import Point

logger = logging.getLogger(__name__)

_NOTHING = 1e-6  # mL: what is left of a budget by rounding is nothing


class Supplies:
    """Compares what was drawn with what bottles held and what the budget allows.

    Args:
        declaration: Says which pump draws from which stock, and what was loaded.
        budget: Stock -> mL that may be drawn.
        journal: Says what was drawn.
        procedure: May say by `draws` what an attempt will draw.
        roles: Role name in the protocol -> instrument in the lab.
        lab: Whose pumps say what they hold; None where they cannot be asked.
    """

    def __init__(
        self,
        declaration: LabDeclaration,
        budget: Mapping[str, float],
        journal: Journal,
        procedure: Procedure | None = None,
        roles: Mapping[str, str] | None = None,
        lab: Lab | None = None,
    ) -> None:
        self._declaration, self._budget, self._journal = declaration, dict(budget), journal
        self._procedure, self._roles, self._lab = procedure, dict(roles or {}), lab
        self._tally = Tally(declaration)

    @property
    def drawn(self) -> dict[str, tuple[float, float | None]]:
        """Stock -> (mL drawn so far, mL loaded or None)."""
        loaded = self._declaration.loaded
        return {name: (volume, loaded.get(name)) for name, volume in self._volumes().items()}

    def spent(self) -> str:
        """Return in words which stock's budget is used up; empty where none is."""
        for stock, volume in self._volumes().items():
            allowed = self._budget.get(stock)
            if allowed is not None and volume >= allowed - _NOTHING:
                told = f"{volume:.4g} of {allowed:.4g} mL"
                return f"the budget of {stock!r} is used up: {told}. Raise budget.consumables.{stock} to go on"
        return ""

    def lacking(self, point: Point) -> str:
        """Return in words which stock does not suffice for an attempt at `point`; empty where all do."""
        drawn = self._volumes()
        for stock, needed in self._needed(point).items():
            words = self._short(stock, needed, drawn.get(stock, 0.0))
            if words:
                return words
        return ""

    def _short(self, stock: str, needed: float, drawn: float) -> str:
        loaded, allowed = self._declaration.loaded.get(stock), self._budget.get(stock)
        if loaded is not None and needed > loaded - drawn + _NOTHING:
            left = max(loaded - drawn, 0.0)
            return (
                f"the bottle of {stock!r} holds {left:.4g} mL (loaded {loaded:.4g}, drawn {drawn:.4g}), and the next "
                f"attempt draws {needed:.4g} mL. Load more, and raise stocks.{stock}.loaded_mL by what you loaded"
            )
        if allowed is not None and needed > allowed - drawn + _NOTHING:
            left = max(allowed - drawn, 0.0)
            return (
                f"the budget of {stock!r} has {left:.4g} mL left ({drawn:.4g} of {allowed:.4g} drawn), and the next "
                f"attempt draws {needed:.4g} mL. Raise budget.consumables.{stock} to go on"
            )
        return ""

    def _needed(self, point: Point) -> dict[str, float]:
        """Return what an attempt will draw, by stock, mL; empty where the protocol cannot tell."""
        draws = getattr(self._procedure, "draws", None)
        stocks = self._declaration.stocks_of(self._roles)
        if draws is None or self._lab is None or not stocks:
            return {}
        contents = self._syringes("contents_mL")
        capacities = {role: volume for role, volume in self._syringes("capacity").items() if role in contents}
        try:
            told: Mapping[str, float] = draws(point, contents, capacities)
        except Exception:  # what a protocol tells beforehand must not end a campaign that it can perform
            logger.exception("%s could not tell what it will draw", type(self._procedure).__name__)
            return {}
        needed: dict[str, float] = {}
        for role, volume in told.items():
            if role in stocks:
                needed[stocks[role].name] = needed.get(stocks[role].name, 0.0) + volume
        return needed

    def _syringes(self, field: str) -> dict[str, float]:
        """Return what each role's pump holds or can hold, mL; without roles whose instrument does not tell."""
        found = {}
        for role, name in self._roles.items():
            signal: Any = getattr(self._lab.find(name), field, None) if self._lab is not None else None
            value = signal.get() if hasattr(signal, "get") else None
            if isinstance(value, int | float):
                found[role] = float(value)
        return found

    def _volumes(self) -> dict[str, float]:
        for event in self._journal.events(after=self._tally.last_seq):
            self._tally.apply(event)
        return self._tally.drawn
