"""What hangs at an electrical instrument: resistors and diodes.

Notation: v is the voltage across a load (V), i the current through it (A), R and r resistances (Ohm).
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Protocol

from scipy.optimize import brentq

from autolab.model.errors import InputError

if TYPE_CHECKING:
    from autolab.model.actions import JSON

THERMAL = 0.025693  # kT/q at 25 degC, V


class Load(Protocol):
    """A load without memory."""

    def current(self, v: float) -> float:
        """Return the current at a voltage, A."""

    def voltage(self, i: float) -> float:
        """Return the voltage at a current, V; infinite where no voltage drives it."""


class Resistor:
    """A resistor: i = v / R.

    >>> Resistor(1000.0).current(2.0)
    0.002
    """

    def __init__(self, ohm: float) -> None:
        if not ohm > 0:
            msg = f"a resistor of {ohm:g} Ohm: give a positive resistance"
            raise InputError(msg)
        self.ohm = ohm

    def current(self, v: float) -> float:
        """Return the current at a voltage, A."""
        return v / self.ohm

    def voltage(self, i: float) -> float:
        """Return the voltage at a current, V."""
        return i * self.ohm


class Diode:
    """A junction with a series resistance: v = n (kT/q) ln(1 + i / I_s) + i R.

    Args:
        saturation: I_s, A.
        ideality: n.
        ohm: R.
    """

    def __init__(self, saturation: float = 1e-9, ideality: float = 1.8, ohm: float = 0.6) -> None:
        self.saturation, self.slope, self.ohm = saturation, ideality * THERMAL, ohm

    def voltage(self, i: float) -> float:
        """Return the voltage at a current, V; minus infinity where more flows backwards than can."""
        if i <= -self.saturation:
            return -math.inf
        return self.slope * math.log1p(i / self.saturation) + i * self.ohm

    def current(self, v: float) -> float:
        """Return the current at a voltage, A."""
        low, high = -self.saturation * (1 - 1e-12), max(v / self.ohm, 0.0) + self.saturation
        if self.voltage(low) >= v:
            return low
        return float(brentq(lambda i: self.voltage(i) - v, low, high, xtol=1e-18, rtol=1e-12))


def source_voltage(load: Load, v: float, limit: float) -> tuple[float, float, bool]:
    """Return voltage (V), current (A) and whether the limit (A) holds, where a source wants `v`.

    >>> source_voltage(Resistor(1000.0), 5.0, 1e-3)
    (1.0, 0.001, True)
    """
    i = load.current(v)
    if abs(i) <= limit:
        return v, i, False
    i = math.copysign(limit, i)
    return load.voltage(i), i, True


def source_current(load: Load, i: float, limit: float) -> tuple[float, float, bool]:
    """Return voltage (V), current (A) and whether the limit (V) holds, where a source wants `i`.

    >>> source_current(Resistor(1000.0), 5e-3, 2.0)
    (2.0, 0.002, True)
    """
    v = load.voltage(i)
    if abs(v) <= limit:
        return v, i, False
    v = math.copysign(limit, v)
    return v, load.current(v), True


def load_of(options: Mapping[str, JSON]) -> Load:
    """Return the load that options (`load`, `ohm`) ask for.

    Raises:
        InputError: There is none of that name.
    """
    kind, ohm = options.get("load", "resistor"), options.get("ohm")
    if kind == "resistor":
        return Resistor(1000.0 if ohm is None else float(str(ohm)))
    if kind == "diode":
        return Diode() if ohm is None else Diode(ohm=float(str(ohm)))
    msg = f"load: {kind!r} is none; there are resistor and diode"
    raise InputError(msg)
