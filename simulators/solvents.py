"""What the species of carbonate electrolytes are like: how heavy, how warm, how volatile, how they mix.

| property | EC | PC | EMC | LiPF6 | source |
|---|---|---|---|---|---|
| density, g/mL | 1.32 | 1.205 | 1.006 | 2.84 | CRC Handbook (EC at 40 degC; the salt as a crystal) |
| heat capacity, J/(g K) | 1.5 | 1.64 | 1.8 | 1.0 | liquids near 25 degC, molar 134, 168 and, between its neighbours DMC and DEC, 187 J/(mol K); to 10 % |

Evaporation is that of `vessels` (water in a beaker), times the volatility of EMC there, its share of the solvent
(Raoult's law: the three have molar masses of 88 to 104 g/mol) and exp(H/R (1/T0 - 1/T)) with H = 41 kJ/mol (between
dimethyl and diethyl carbonate: Kozlova et al., J. Chem. Thermodyn. 40 (2008) 1136). The others do not evaporate: their
vapour pressures are below a hundredth of that.

Mixing: what was poured lies in layers, by density, until it is stirred. The layered share decays with a time constant
of 25 s at 400 rpm and 250 s unstirred, at rates that are linear in the speed between and beyond [orders of magnitude].
A probe near the bottom sees the heavy species enriched: by a share of 0.15 for each unit of density above EMC's,
relative to that, in a liquid that is wholly layered.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from autolab.model.stocks import MOLAR_MASS
from autolab.simulators.vessels import FLUX, LIQUIDS

if TYPE_CHECKING:
    from autolab.simulators.fluids import Fluid, Vessel

DENSITY: Final[Mapping[str, float]] = MappingProxyType({"EC": 1.32, "PC": 1.205, "EMC": 1.006, "LiPF6": 2.84})
HEAT: Final[Mapping[str, float]] = MappingProxyType({"EC": 1.5, "PC": 1.64, "EMC": 1.8, "LiPF6": 1.0})
VOLATILE: Final = "EMC"
WARMER: Final = 41_000.0 / 8.314  # K: enthalpy of vaporization over the gas constant
KELVIN: Final = 273.15
REFERENCE: Final = 294.15  # K: 21 degC, where the evaporation of `vessels` holds
STIRRED, SPEED = 1.0 / 25.0, 400.0  # 1/s at so many rpm
UNSTIRRED: Final = 1.0 / 250.0  # 1/s
LAYERED: Final = 0.15


def heat_capacity(fluid: Fluid) -> float:
    """Return the heat capacity of a fluid, J/K."""
    return sum(mass * HEAT[species] for species, mass in fluid.grams.items())


def drying(vessel: Vessel, temperature: float) -> float:
    """Return how fast a vessel loses EMC to the air at a temperature (degC), g/s.

    A fuller vessel dries faster, its surface being nearer to the rim.
    """
    grams = vessel.fluid.grams
    volatile = grams.get(VOLATILE, 0.0)
    if vessel.area <= 0.0 or volatile <= 0.0:
        return 0.0
    share = volatile / (vessel.fluid.mass - grams.get("LiPF6", 0.0))
    warm = math.exp(WARMER * (1.0 / REFERENCE - 1.0 / (temperature + KELVIN)))
    return FLUX * vessel.area * LIQUIDS[VOLATILE].volatility * share * warm * (0.7 + 0.3 * vessel.filled)


@dataclass(slots=True)
class Layers:
    """How well mixed a vessel is.

    Attributes:
        mixed: The share of it that is: 1 is homogeneous.
    """

    mixed: float = 1.0

    def poured(self, volume: float, held: float) -> None:
        """Note that `volume` mL came to `held` mL."""
        self.mixed *= held / (held + volume)

    def relax(self, seconds: float, speed: float) -> None:
        """Mix for a time at a stirrer's speed (rpm)."""
        rate = UNSTIRRED + (STIRRED - UNSTIRRED) * max(0.0, speed) / SPEED
        self.mixed = 1.0 - (1.0 - self.mixed) * math.exp(-rate * seconds)

    def at_tip(self, fluid: Fluid) -> tuple[float, float, float, float]:
        """Return molality (mol/kg) and mass fractions of EC, PC and EMC at a probe's tip, near the bottom."""
        layered = LAYERED * (1.0 - self.mixed)
        held = {
            species: mass * (1.0 + layered * (DENSITY[species] / DENSITY[VOLATILE] - 1.0))
            for species, mass in fluid.grams.items()
        }
        ec, pc, emc = (held.get(species, 0.0) for species in ("EC", "PC", "EMC"))
        solvent = ec + pc + emc
        if solvent <= 0.0:
            return 0.0, 0.0, 0.0, 0.0
        molality = held.get("LiPF6", 0.0) / MOLAR_MASS["LiPF6"] / (solvent / 1000.0)
        return molality, ec / solvent, pc / solvent, emc / solvent
