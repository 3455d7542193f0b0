"""What a protocol may know of its lab before anything is connected, and what it has to say about it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from autolab.model.actions import JSON
    from autolab.model.stocks import Stock

Key = tuple[str | int, ...]


@dataclass(frozen=True)
class LabFacts:
    """A lab file as a protocol sees it: by its own roles.

    Attributes:
        stocks: Role -> what its pump draws from; without those whose pump names no stock of the lab.
        settings: Role -> settings of the instrument that plays it, as the lab file gives them.
        places: Role -> the vessels that its instrument is joined to: `("mixer",)`, or `("mixer", "cell")` from and to.
        vessels: Vessel of the virtual lab -> its volume, mL, where it is told.
    """

    stocks: Mapping[str, Stock] = field(default_factory=dict)
    settings: Mapping[str, Mapping[str, JSON]] = field(default_factory=dict)
    places: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    vessels: Mapping[str, float] = field(default_factory=dict)

    def volume(self, role: str, setting: str = "volume_mL") -> float | None:
        """Return a volume among an instrument's settings, mL; None where it tells none."""
        told = self.settings.get(role, {}).get(setting)
        return float(told) if isinstance(told, int | float) and not isinstance(told, bool) else None


@dataclass(frozen=True)
class Remark:
    """Something that a person should know of a campaign on its lab.

    Attributes:
        key: Where, in the campaign file: `("protocol", "batch_mL")`.
        problem: What is wrong, with the value.
        remedy: What is allowed, and what to do.
        fatal: Whether the campaign cannot be done; else it is a note.
    """

    key: Key
    problem: str
    remedy: str = ""
    fatal: bool = True
