"""What every simulated instrument is to the wire that carries its bytes and to the bench that owns it."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib.metadata import EntryPoint, entry_points
from typing import TYPE_CHECKING, Protocol, runtime_checkable

from autolab.model.errors import InputError, UnknownPlugin

if TYPE_CHECKING:
    from autolab.model.actions import JSON
    from autolab.model.clock import Clock
    from autolab.simulators.world import World

Send = Callable[[bytes], None]


@dataclass(frozen=True)
class Place:
    """Where a simulated instrument stands.

    Attributes:
        name: Name in the lab.
        clock: Lab time; everything happens on its loop.
        world: The physics behind it.
        bus: Its address on a shared bus.
        settings: Its entry in the lab file, address and driver left out.
        options: Its entry under `virtual.instruments`: serial number, firmware and the like.
        seed: Of its own noise, before any attempt.
        noise: Factor on its noise.
    """

    name: str
    clock: Clock
    world: World
    bus: int = 0
    settings: Mapping[str, JSON] = field(default_factory=dict)
    options: Mapping[str, JSON] = field(default_factory=dict)
    seed: int = 0
    noise: float = 1.0


@runtime_checkable
class Simulator(Protocol):
    """The instrument's own state machine; a class that is called with its `Place` makes one.

    Attributes:
        name: Name in the lab.
        baud: Speed of its line, bit/s.
        reaction: How long it thinks before it answers, s.
    """

    name: str
    baud: int
    reaction: float

    def attach(self, send: Send) -> None:
        """Let `send` carry its bytes from now on."""

    def receive(self, data: bytes) -> None:
        """Take bytes from the line, in whatever pieces they come; called on the clock's loop."""

    def power_cycle(self) -> None:
        """Lose power and come back: volatile state is gone."""

    def is_safe(self) -> bool:
        """Say whether it stands still (or is off, closed, cold)."""

    def reseed(self, seed: int) -> None:
        """Draw its noise anew."""

    def snapshot(self) -> dict[str, JSON]:
        """Return its state as JSON, times relative to now."""

    def restore(self, state: Mapping[str, JSON]) -> None:
        """Go on from `snapshot` at the present time."""


def load(group: str, key: str) -> Callable[..., object]:
    """Return what the entry point `key` of a group names.

    Raises:
        UnknownPlugin: When there is none of that name.
    """
    found = _entry_points(group)
    if key not in found:
        _entry_points.cache_clear()  # a package may have been installed meanwhile
        found = _entry_points(group)
    if key not in found:
        kind = group.rpartition(".")[2].rstrip("s")
        msg = f"no {kind} is named {key!r}. {choices(key, found)}"
        raise UnknownPlugin(msg)
    loaded: Callable[..., object] = found[key].load()
    return loaded


@cache
def _entry_points(group: str) -> dict[str, EntryPoint]:
    """Return a group by name; reading what is installed takes as long as to make a whole bench."""
    return {point.name: point for point in entry_points(group=group)}


def choices(given: str, known: Iterable[str]) -> str:
    """Return a sentence that says what was probably meant and what there is."""
    names = sorted(known)
    close = difflib.get_close_matches(given, names, n=1)
    meant = f"Did you mean {close[0]!r}? " if close else ""
    return f"{meant}There is: {', '.join(names) or 'none'}"


def check_keys(where: str, given: Iterable[str], known: Iterable[str]) -> None:
    """Refuse keys that nobody reads.

    Raises:
        InputError: At the first unknown key.
    """
    known = set(known)
    for key in given:
        if key not in known:
            msg = f"{where}: {key!r} is not known here. {choices(key, known)}"
            raise InputError(msg)
