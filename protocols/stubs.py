"""Plan stubs of the lab: dispense, withdraw, refill, weigh, tare, heat, stir, sense, wait.

Standard messages only: they work in any RunEngine, with raw instruments or leased handles. Whether a stub may be
rewound by a pause:

| stub | when the RunEngine is paused in the middle |
|---|---|
| `dispense`, `withdraw`, `refill`, `expel` | never sent twice; `resume` goes on waiting for what runs |
| `heat`, `begin_heating`, `stir` and their ends | the same |
| `tare`, `zero`, `trigger` of `weigh` and `sense` | not sent twice either, though it would do no harm |
| reading of `weigh` and `sense` | read again |
| `wait` | begins again: it may last longer, never shorter |

Where `stream` is given, a run must be open and an event is put into that stream.
"""

from __future__ import annotations

import math
from collections.abc import Generator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from bluesky import plan_stubs as bps
from bluesky.utils import Msg

from autolab.model.roles import Dispense, Withdraw
from autolab.protocols.actions import act, begin, finish, message, reading_of
from autolab.protocols.thermal import begin_heating as begin_heating
from autolab.protocols.thermal import heat as heat
from autolab.protocols.thermal import heat_off as heat_off
from autolab.protocols.thermal import stir as stir
from autolab.protocols.thermal import stir_off as stir_off
from autolab.protocols.thermal import until_reached as until_reached

Device = Any  # an ophyd device or a leased handle; ophyd ships no types
SMALLEST = 0.0005
"""Volumes below this many mL are left alone: half the last digit of a common syringe pump."""


@dataclass(frozen=True)
class Weighing:
    """What a balance said.

    Attributes:
        grams: Net weight, g.
        stable: Whether the balance (or `wait_until_stable`) calls it settled.
    """

    grams: float
    stable: bool


@dataclass(frozen=True)
class Sensed:
    """What a sensor said.

    Attributes:
        value: In the unit of the field that was asked for.
        stable: Whether the sensor calls it settled.
    """

    value: float
    stable: bool


def phase(name: str) -> Generator[Msg, Any, None]:
    """Say which part of the attempt begins; nothing else happens.

    >>> [(one.command, one.kwargs) for one in phase("dose")]
    [('null', {'phase': 'dose'})]
    """
    yield message("null", None, phase=name)


def dispense(pump: Device, volume: float, rate: float) -> Generator[Msg, Any, float]:
    """Push `volume` (mL) out at `rate` (mL/min) and return what was moved by the pump's own count, mL.

    >>> from types import SimpleNamespace
    >>> [one.command for one in dispense(SimpleNamespace(name="pump"), 1.0, 2.0)]
    ['rewindable', 'rewindable', 'set', 'rewindable', 'wait', 'checkpoint']
    """
    return (yield from _move(pump, Dispense(volume, rate)))


def withdraw(pump: Device, volume: float, rate: float) -> Generator[Msg, Any, float]:
    """Draw `volume` (mL) in at `rate` (mL/min) and return what was moved by the pump's own count, mL."""
    return (yield from _move(pump, Withdraw(volume, rate)))


def refill(pump: Device, rate: float, *, to: float | None = None) -> Generator[Msg, Any, float]:
    """Draw in what is missing and return it, mL: for pumps whose check valves draw from a stock.

    Args:
        pump: Its reading must tell `contents_mL`.
        rate: mL/min.
        to: What it should hold then, mL; None for its capacity.
    """
    wanted = capacity(pump) if to is None else to
    missing = wanted - (yield from contents(pump))
    if missing < SMALLEST:
        return 0.0
    return (yield from withdraw(pump, missing, rate))


def refill_together(pumps: Mapping[str, Device], needed: Mapping[str, float], rate: float) -> Generator[Msg, Any, None]:
    """Fill up, at the same time, those pumps that hold less than is needed of them (or than they can hold).

    Args:
        pumps: By any name; each draws from its own stock.
        needed: Name -> what is going to be dispensed, mL.
        rate: Of each, mL/min.
    """
    running = []
    for name, volume in needed.items():
        held, most = (yield from contents(pumps[name])), capacity(pumps[name])
        if held + SMALLEST < min(volume, most):
            running.append((yield from begin("set", pumps[name], Withdraw(most - held, rate))))
    for begun in running:
        yield from finish(begun)


def expel(pump: Device, rate: float) -> Generator[Msg, Any, float]:
    """Push out all that a pump holds and return it, mL."""
    held = yield from contents(pump)
    if held < SMALLEST:
        return 0.0
    return (yield from dispense(pump, held, rate))


def contents(pump: Device) -> Generator[Msg, Any, float]:
    """Return what a pump's syringe holds, mL.

    Raises:
        ValueError: The pump does not tell.
    """
    reading = yield from reading_of(pump)
    value = _field(reading, pump, "contents_mL")
    if value is None:
        msg = f"{pump.name} does not tell what its syringe holds: its reading needs '{pump.name}_contents_mL'"
        raise ValueError(msg)
    return float(value)


def capacity(pump: Device) -> float:
    """Return what a pump's syringe can hold, mL.

    Raises:
        ValueError: The pump does not tell.
    """
    value = _field(pump.read_configuration(), pump, "capacity")
    if value is None:
        msg = f"{pump.name} does not tell its capacity: its configuration needs '{pump.name}_capacity'"
        raise ValueError(msg)
    return float(value)


def wait(seconds: float) -> Generator[Msg, Any, None]:
    """Let `seconds` of lab time pass."""
    if seconds > 0:
        yield from bps.sleep(seconds)


def weigh(balance: Device, *, stream: str | None = None) -> Generator[Msg, Any, Weighing]:
    """Take one weighing, as the balance is set up to (stable, or at once).

    Args:
        balance: Its reading must tell `weight` in g; `stable` is taken as True where it is not told.
        stream: Name of the event stream; None for no event.
    """
    yield from act("trigger", balance)
    reading = yield from reading_of(balance)
    if stream is not None:
        yield from _event(stream, balance)
    grams, stable = _field(reading, balance, "weight"), _field(reading, balance, "stable")
    if grams is None:
        msg = f"{balance.name} does not tell a weight: its reading needs '{balance.name}_weight', in g"
        raise ValueError(msg)
    return Weighing(float(grams), True if stable is None else bool(stable))


def wait_until_stable(
    balance: Device,
    within: float = 0.002,
    timeout: float = 60.0,
    *,
    interval: float = 2.0,
    agreeing: int = 3,
    stream: str | None = None,
) -> Generator[Msg, Any, Weighing]:
    """Weigh until the last weighings agree, and return the last one.

    Args:
        balance: As for `weigh`.
        within: Largest less smallest of the agreeing weighings, g.
        timeout: s of waiting between the weighings; what a weighing itself takes is not counted.
        interval: Between two weighings, s.
        agreeing: How many must agree.
        stream: Name of the event stream, for the last weighing alone; None for no event.

    Returns:
        The last weighing; its `stable` is False when the time ran out.
    """
    weights: list[float] = []
    for _poll in range(max(agreeing, math.ceil(timeout / interval) + 1)):
        if weights:
            yield from wait(interval)
        seen = yield from weigh(balance)
        weights = [*weights, seen.grams][-agreeing:]
        if seen.stable and len(weights) == agreeing and max(weights) - min(weights) <= within:
            break
    else:
        seen = Weighing(seen.grams, stable=False)
    if stream is not None:
        yield from _event(stream, balance)
    return seen


def sense(
    sensor: Device, field: str, *, stream: str | None = None, beside: Sequence[Device] = ()
) -> Generator[Msg, Any, Sensed]:
    """Take one measurement, as the sensor is set up to (settled, or at once).

    Args:
        sensor: Its reading must tell `field`; `stable` is taken as True where it is not told.
        field: Such as `conductivity`.
        stream: Name of the event stream; None for no event.
        beside: What else is read into that event.

    Raises:
        ValueError: The sensor does not tell the field.
    """
    yield from act("trigger", sensor)
    reading = yield from reading_of(sensor)
    if stream is not None:
        yield from _event(stream, sensor, *beside)
    value, stable = _field(reading, sensor, field), _field(reading, sensor, "stable")
    if value is None:
        msg = f"{sensor.name} does not tell {field!r}: its reading needs '{sensor.name}_{field}'"
        raise ValueError(msg)
    return Sensed(float(value), True if stable is None else bool(stable))


def tare(balance: Device) -> Generator[Msg, Any, None]:
    """Take what lies on the balance as the new zero."""
    yield from act("set", balance, "tare")


def tared(balance: Device) -> Generator[Msg, Any, float]:
    """Return what a balance's weight is net of, g; 0 where it does not tell."""
    reading = yield from reading_of(balance)
    return float(_field(reading, balance, "tare") or 0.0)


def zero(balance: Device) -> Generator[Msg, Any, None]:
    """Set the balance's zero; nothing may lie on it."""
    yield from act("set", balance, "zero")


def _event(stream: str, *devices: Device) -> Generator[Msg, Any, None]:
    yield message("create", name=stream)
    for device in devices:
        yield message("read", device)
    yield message("save")
    yield message("checkpoint")  # what is in the record is not recorded again


def _move(pump: Device, command: Dispense | Withdraw) -> Generator[Msg, Any, float]:
    status = yield from act("set", pump, command)
    result = getattr(status, "result", None) or {}
    return float(result.get("volume_mL", command.volume))


def _field(reading: Mapping[str, Mapping[str, Any]], device: Device, field: str) -> Any:  # noqa: ANN401  a reading's value
    return (reading.get(f"{device.name}_{field}") or {}).get("value")
