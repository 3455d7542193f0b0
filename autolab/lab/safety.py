"""Stopping and making safe: every instrument is tried, whatever becomes of the others.

This is software. It is a second line of defence: what must never happen needs hardware that prevents it.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from autolab.model.errors import InputError
from autolab.model.names import did_you_mean

if TYPE_CHECKING:
    from autolab.model.actions import JSON
    from autolab.model.clock import Clock

logger = logging.getLogger(__name__)

PATIENCE = 30.0
"""Longest time one instrument is waited for, s: of lab time, and of wall time where the lab's runs faster."""

GRACE = 5.0
"""After this time, counted likewise, the next instrument's turn comes even if one does not answer."""

OFF = (False, "off", None)
"""Values of `safe` that ask for nothing beyond the driver's own safe state."""


@dataclass(frozen=True)
class SafeEntry:
    """What became of one instrument.

    Attributes:
        instrument: Name in the lab.
        error: Empty when all is well.
        seconds: Lab time it took.
    """

    instrument: str
    error: str = ""
    seconds: float = 0.0

    @property
    def ok(self) -> bool:
        """Whether the instrument did what was asked."""
        return not self.error


@dataclass(frozen=True)
class SafeReport:
    """What became of each instrument, in the order in which they were asked."""

    entries: tuple[SafeEntry, ...] = ()

    @property
    def ok(self) -> bool:
        """Whether all instruments did what was asked."""
        return all(entry.ok for entry in self.entries)

    def to_json(self) -> dict[str, JSON]:
        """Return it for the journal; only what went wrong has words."""
        faults: dict[str, JSON] = {entry.instrument: entry.error for entry in self.entries if not entry.ok}
        return {"ok": self.ok, "order": [entry.instrument for entry in self.entries], "faults": faults}

    def __str__(self) -> str:
        return "; ".join(f"{entry.instrument}: {entry.error or 'ok'}" for entry in self.entries) or "no instruments"


Act = Callable[[str], Awaitable[None]]


async def in_turn(names: Sequence[str], act: Act, clock: Clock) -> SafeReport:
    """Do `act` to each instrument, one after the other; one that hangs delays the next by `GRACE` at most."""
    tasks = []
    for name in names:
        task = asyncio.ensure_future(_tried(name, act, clock))
        tasks.append(task)
        await asyncio.wait({task}, timeout=patience(clock, GRACE))
    return SafeReport(tuple(await asyncio.gather(*tasks)))


async def at_once(names: Sequence[str], act: Act, clock: Clock) -> SafeReport:
    """Do `act` to all instruments at the same time."""
    return SafeReport(tuple(await asyncio.gather(*(_tried(name, act, clock) for name in names))))


async def _tried(name: str, act: Act, clock: Clock) -> SafeEntry:
    began = clock.now()
    error = ""
    try:
        await asyncio.wait_for(act(name), patience(clock, PATIENCE))
    except TimeoutError as late:
        error = str(late) or f"did not answer within {PATIENCE:g} s: go and look at it"
    except Exception as trouble:  # noqa: BLE001, RUF100  the next instrument must be tried whatever this one did
        error = f"{type(trouble).__name__}: {trouble}"
    if error:
        logger.error("%s: %s", name, error)
    return SafeEntry(name, error, round(clock.now() - began, 6))


def patience(clock: Clock, seconds: float) -> float:
    """Return `seconds` of lab time, but no less of wall time: replies take wall time however fast the lab's runs."""
    return seconds * max(1.0, clock.scale)


def safe_sequence(order: Sequence[str], roles: Mapping[str, str]) -> list[str]:
    """Return all instruments: those that `order` names first, then the rest.

    Args:
        order: Instruments, or roles in the plural.
        roles: Instrument -> role, in the lab file's order.

    Raises:
        InputError: A word of `order` that is neither.

    >>> safe_sequence(["plate", "pumps"], {"b": "pump", "scale": "balance", "a": "pump", "plate": "heater"})
    ['plate', 'b', 'a', 'scale']
    """
    plurals = {f"{role}s": role for role in roles.values() if role}
    sequence: list[str] = []
    for word in order:
        if word not in roles and word not in plurals:
            msg = f"safe_order: {word!r} is no instrument: {did_you_mean(word, [*roles, *plurals])}"
            raise InputError(msg)
        named = [word] if word in roles else [name for name, role in roles.items() if role == plurals[word]]
        sequence += [name for name in named if name not in sequence]
    return sequence + [name for name in roles if name not in sequence]


async def reach_declared(instrument: Any, safe: Mapping[str, JSON]) -> None:  # noqa: ANN401  any ophyd device
    """Bring components to the values that the lab file declares as safe, beyond the driver's own safe state."""
    for component, value in safe.items():
        if value not in OFF:
            await settled(getattr(instrument, component).set(value))


async def settled(status: Any) -> None:  # noqa: ANN401  any bluesky Status
    """Return when a status is done.

    Raises:
        Exception: What the status failed with.
    """
    loop, over = asyncio.get_running_loop(), asyncio.Event()
    status.add_callback(lambda _status: loop.call_soon_threadsafe(over.set))
    await over.wait()
    error = status.exception(0)
    if error is not None:
        raise error
