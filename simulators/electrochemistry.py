"""What hangs at a potentiostat: a dummy cell, a Randles cell, a reversible couple in solution.

Notation: v is the voltage of the working electrode against the reference (V), i the current (A).
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Protocol

import numpy as np
from scipy.linalg import solve_banded

from autolab.model.errors import InputError
from autolab.simulators.electrics import Resistor

if TYPE_CHECKING:
    from autolab.model.actions import JSON

FARADAY = 96485.33212  # C/mol, CODATA 2018
GAS = 8.314462618  # J/(mol K), CODATA 2018


class Cell(Protocol):
    """What hangs at a potentiostat; it remembers. Its open circuit lasts while nobody calls `follow`.

    Attributes:
        finest: Longest time over which the voltage may be taken as a straight line, s.
    """

    finest: float

    def follow(self, v: tuple[float, float], dt: float) -> float:
        """Bring it through `dt` s in which the voltage goes straight between two values; return the last current, A."""

    def rest(self, dt: float) -> None:
        """Leave it unconnected for `dt` s."""

    def snapshot(self) -> JSON:
        """Return what changes."""

    def restore(self, state: JSON) -> None:
        """Go back to `snapshot`."""


class DummyCell:
    """A resistor in the place of a cell: exact, without memory."""

    finest = math.inf

    def __init__(self, ohm: float) -> None:
        self.load = Resistor(ohm)

    def follow(self, v: tuple[float, float], dt: float) -> float:
        """Return the current at the end, A."""
        return self.load.current(v[1])

    def rest(self, dt: float) -> None:
        """Do nothing."""

    def snapshot(self) -> JSON:
        """Return nothing."""
        return None

    def restore(self, state: JSON) -> None:
        """Do nothing."""


class RandlesCell:
    """A solution's resistance in series with a double layer that a charge-transfer resistance bridges.

    With u the voltage of the double layer: C du/dt = (v - u) / Rs - u / Rct. For a straight v(t) the solution is closed:
    u follows its own straight line, plus what is left of the start, e^(-t / tau), tau = C Rs Rct / (Rs + Rct).

    Args:
        series: Rs, Ohm.
        transfer: Rct, Ohm.
        farad: C, F.
    """

    finest = math.inf

    def __init__(self, series: float, transfer: float, farad: float) -> None:
        if min(series, transfer, farad) <= 0:
            msg = f"a Randles cell of {series:g} Ohm, {transfer:g} Ohm and {farad:g} F: give positive values"
            raise InputError(msg)
        self.series, self.transfer, self.farad = series, transfer, farad
        self.tau = farad * series * transfer / (series + transfer)
        self.u = 0.0

    def follow(self, v: tuple[float, float], dt: float) -> float:
        """Go through `dt` s; return the current at its end, A."""
        share = self.transfer / (self.series + self.transfer)
        slope = (v[1] - v[0]) / dt if dt > 0 else 0.0
        begin = share * (v[0] - slope * self.tau)
        end = share * (v[1] - slope * self.tau)
        if dt > 0:
            self.u = end + (self.u - begin) * math.exp(-dt / self.tau)
        return (v[1] - self.u) / self.series

    def rest(self, dt: float) -> None:
        """Let the double layer discharge through the charge transfer."""
        self.u *= math.exp(-dt / (self.farad * self.transfer))

    def snapshot(self) -> JSON:
        """Return the double layer's voltage."""
        return self.u

    def restore(self, state: JSON) -> None:
        """Go back to `snapshot`."""
        self.u = float(str(state))


class ReversibleCouple:
    """A reversible couple R = O + e- at a planar electrode: Nernst at its surface, diffusion without end before it.

    Only R is there at first; D is the same for both, so that O = c - R everywhere. Fick's second law is stepped
    implicitly (backward Euler) on a grid that widens with the distance; the current is what diffuses to the surface.
    Checked against Cottrell's equation and the peak of Randles and Sevcik (A. J. Bard and L. R. Faulkner,
    Electrochemical Methods, 2nd ed. 2001, equations 5.2.11 and 6.2.19).

    Args:
        formal: Formal potential against the reference, V.
        concentration: Of R in the bulk, mol/cm3.
        area: Of the electrode, cm2.
        diffusion: cm2/s.
        celsius: Temperature, degC.
    """

    finest = 2e-3

    def __init__(
        self,
        formal: float = 0.2,
        concentration: float = 1e-6,
        area: float = 0.07,
        diffusion: float = 7e-6,
        celsius: float = 25.0,
    ) -> None:
        self.formal, self.concentration, self.area, self.diffusion = formal, concentration, area, diffusion
        self.per_volt = FARADAY / (GAS * (celsius + 273.15))
        steps = 2e-5 * 1.08 ** np.arange(90)  # cm; the first is well below sqrt(D dt), the last beyond any experiment
        self.x = np.concatenate([[0.0], np.cumsum(steps)])
        self.c = np.full(self.x.size, concentration)  # of R; the last stays the bulk's

    def follow(self, v: tuple[float, float], dt: float) -> float:
        """Go through `dt` s; return the current at its end, A; an oxidation's is positive."""
        surface = self.concentration / (1.0 + math.exp(min(700.0, self.per_volt * (v[1] - self.formal))))
        if dt > 0:
            self._diffuse(surface, dt)
        self.c[0] = surface
        first, second = self.x[1], self.x[2]
        slope = (  # of the parabola through the first three points, at the surface
            -self.c[0] * (first + second) / (first * second)
            + self.c[1] * second / (first * (second - first))
            - self.c[2] * first / (second * (second - first))
        )
        return float(FARADAY * self.area * self.diffusion * slope)

    def rest(self, dt: float) -> None:
        """Let the profile level out: nothing passes the surface."""
        if dt > 0:
            self._diffuse(None, dt)

    def _diffuse(self, surface: float | None, dt: float) -> None:
        h = np.diff(self.x)
        left, right = h[:-1], h[1:]
        low = 2 * self.diffusion * dt / (left * (left + right))
        high = 2 * self.diffusion * dt / (right * (left + right))
        n = self.x.size
        bands = np.zeros((3, n))
        bands[1] = 1.0
        bands[1, 1:-1] += low + high
        bands[0, 2:] = -high
        bands[2, :-2] = -low
        wanted = self.c.copy()
        if surface is None:
            bands[0, 1] = -1.0
            wanted[0] = 0.0
        else:
            wanted[0] = surface
        wanted[-1] = self.concentration
        self.c = solve_banded((1, 1), bands, wanted)

    def snapshot(self) -> JSON:
        """Return the profile, mol/cm3."""
        return [float(value) for value in self.c]

    def restore(self, state: JSON) -> None:
        """Go back to `snapshot`."""
        self.c = np.array(state, dtype=float)


def cell_of(options: Mapping[str, JSON]) -> Cell:
    """Return the cell that options (`cell` and its numbers) ask for.

    Raises:
        InputError: There is none of that name.
    """

    def number(name: str, default: float) -> float:
        return float(str(options.get(name, default)))

    kind = options.get("cell", "couple")
    if kind == "resistor":
        return DummyCell(number("ohm", 100e3))
    if kind == "randles":
        return RandlesCell(number("series_ohm", 1e3), number("transfer_ohm", 100e3), number("farad", 1e-6))
    if kind == "couple":
        return ReversibleCouple(number("formal_V", 0.2), number("millimolar", 1.0) * 1e-6, number("area_cm2", 0.07))
    msg = f"cell: {kind!r} is none; there are resistor, randles and couple"
    raise InputError(msg)
