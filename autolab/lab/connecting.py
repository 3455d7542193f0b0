"""Connecting all instruments at once, with one report for all that is wrong."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from autolab.lab.safety import PATIENCE, patience
from autolab.model.errors import (
    GarbledReply,
    InstrumentAlarm,
    InstrumentDisconnected,
    InstrumentError,
    InstrumentTimeout,
    LabNotReady,
    WrongInstrument,
)

if TYPE_CHECKING:
    from autolab.model.clock import Clock

_TRY: tuple[tuple[type[BaseException], str], ...] = (
    (WrongInstrument, "compare the address with the label on the instrument; two cables may be exchanged"),
    (InstrumentAlarm, "clear the alarm at the instrument and look what caused it"),
    (InstrumentDisconnected, "check cable and address; another program may hold the port"),
    (InstrumentTimeout, "is it switched on, and do baud rate and bus address agree with its menu?"),
    (GarbledReply, "check baud rate, parity and the bus address; something else may be speaking on this line"),
    (TimeoutError, "it opened but did not finish connecting: switch it off and on, then try again"),
)


async def connect_all(instruments: Mapping[str, Any], clock: Clock) -> None:
    """Connect all instruments at the same time.

    Raises:
        LabNotReady: One report for all that are not ready.
    """
    results = await asyncio.gather(*(_connect(one, clock) for one in instruments.values()), return_exceptions=True)
    faults = {name: error for name, error in zip(instruments, results, strict=True) if error is not None}
    for error in faults.values():
        if not isinstance(error, Exception):
            raise error
    if faults:
        lines = [_line(name, instruments[name], error) for name, error in faults.items()]
        heading = f"{len(faults)} of {len(instruments)} instruments are not ready; nothing was started:"
        raise LabNotReady("\n".join((heading, *lines)))


async def _connect(instrument: Any, clock: Clock) -> None:  # noqa: ANN401  an instrument
    await asyncio.wait_for(instrument.do_connect(), patience(clock, PATIENCE))


def advice(error: BaseException) -> str:
    """Return what to try when an instrument cannot be connected; empty where nothing is known."""
    return next((text for kind, text in _TRY if isinstance(error, kind)), "")


def _line(name: str, instrument: object, error: BaseException) -> str:
    port = str(getattr(error, "port", "") or getattr(getattr(instrument, "address", None), "text", "") or "its port")
    what = error.message if isinstance(error, InstrumentError) else str(error) or f"no end within {PATIENCE:g} s"
    seen = getattr(error, "seen", b"")
    bytes_seen = f" (saw {seen!r})" if seen else ""
    remedy = advice(error)
    return f"  {name} on {port}: {type(error).__name__}: {what}{bytes_seen}" + (f". Try: {remedy}" if remedy else "")
