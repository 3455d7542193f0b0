"""What holds liquid: vessels, stock bottles, drains."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from autolab.model.errors import InputError
from autolab.simulators.simulator import check_keys, choices
from autolab.simulators.world import number

if TYPE_CHECKING:
    from collections.abc import Mapping

    from autolab.model.actions import JSON

VESSEL_KEYS = ("volume_mL", "contents_mL", "liquid", "tare_g", "area_cm2", "residue_mL")
FLUX = 1.0e-2 / 3600.0  # g/(s cm2): 100 g/(m2 h), still water at 21 degC and 40-50 % humidity (50-150 is usual)
GLASS = 0.5  # g of glass for each mL of a beaker (100 mL: 50 g)
SLENDERNESS = 1.4  # height over diameter of a beaker


@dataclass(frozen=True)
class Liquid:
    """A liquid.

    Attributes:
        density: g/mL.
        viscosity: mPa s.
        volatility: Evaporation relative to water.
    """

    density: float
    viscosity: float
    volatility: float = 1.0

    def __post_init__(self) -> None:
        if not (self.density > 0 and self.viscosity > 0 and self.volatility >= 0):
            msg = f"{self}: density and viscosity must be positive, and volatility not negative"
            raise InputError(msg)


LIQUIDS = {  # at 20 degC, CRC Handbook; volatility by vapour pressure and diffusivity, to half an order of magnitude
    "water": Liquid(0.9982, 1.00),
    "ethanol": Liquid(0.7893, 1.19, 4.0),
    "acetone": Liquid(0.7900, 0.32, 20.0),
    "ethylene_glycol": Liquid(1.1135, 19.9, 0.005),
    "glycerol_50": Liquid(1.1263, 6.0, 0.8),
    "PC": Liquid(1.2047, 2.76, 0.003),
    "EMC": Liquid(1.0063, 0.65, 1.5),
}


@dataclass
class Container:
    """Something with liquid in it.

    Attributes:
        name: For messages and the ledger.
        volume: mL in it.
        mass: g in it.
        capacity: mL it can hold; infinite for a drain.
        area: Free surface, cm2; 0 does not evaporate.
        tare: Mass when empty, g.
        residue: mL that a dip tube cannot reach.
        volatility: Of what was last put in.
        evaporated: g lost to the air so far.
    """

    name: str
    volume: float = 0.0
    mass: float = 0.0
    capacity: float = math.inf
    area: float = 0.0
    tare: float = 0.0
    residue: float = 0.0
    volatility: float = 1.0
    evaporated: float = 0.0
    evaporated_volume: float = 0.0

    @property
    def density(self) -> float:
        """Of the mixture in it, g/mL; of water when it is empty."""
        return self.mass / self.volume if self.volume > 0 else LIQUIDS["water"].density

    @property
    def load(self) -> float:
        """What a balance below it would feel, g."""
        return self.tare + self.mass

    @property
    def available(self) -> float:
        """What can be drawn from it, mL."""
        return max(0.0, self.volume - self.residue)

    @property
    def loss(self) -> float:
        """Rate of evaporation, g/s; a fuller vessel evaporates faster, its surface being nearer to the rim.

        By tenths of the capacity, so that it stays constant between events.
        """
        if self.volume <= 0 or self.area <= 0:
            return 0.0
        filled = math.floor(10.0 * min(1.0, self.volume / self.capacity)) / 10.0
        return FLUX * self.area * self.volatility * (0.7 + 0.3 * filled)

    def add(self, volume: float, density: float, volatility: float = 1.0) -> float:
        """Pour `volume` mL in; return what does not fit, mL."""
        fits = max(0.0, min(volume, self.capacity - self.volume))
        self.volume += fits
        self.mass += fits * density
        self.volatility = volatility
        return volume - fits

    def take(self, volume: float) -> float:
        """Take up to `volume` mL out; return how much came, mL."""
        taken = min(volume, self.available)
        self.mass -= taken * self.density
        self.volume -= taken
        return taken

    def evaporate(self, dt: float) -> None:
        """Lose what evaporates in `dt` s."""
        lost = min(self.mass, self.loss * dt)
        if lost <= 0:
            return
        volume = self.volume * lost / self.mass
        self.mass -= lost
        self.volume = max(0.0, self.volume - volume)
        self.evaporated += lost
        self.evaporated_volume += volume

    def snapshot(self) -> dict[str, JSON]:
        """Return what changes."""
        return {
            "volume": self.volume,
            "mass": self.mass,
            "volatility": self.volatility,
            "evaporated": self.evaporated,
            "evaporated_volume": self.evaporated_volume,
        }

    def restore(self, state: Mapping[str, JSON]) -> None:
        """Go back to `snapshot`."""
        self.volume, self.mass = float(str(state["volume"])), float(str(state["mass"]))
        self.volatility, self.evaporated = float(str(state["volatility"])), float(str(state["evaporated"]))
        self.evaporated_volume = float(str(state["evaporated_volume"]))


def vessel(name: str, given: Mapping[str, JSON], liquids: Mapping[str, Liquid]) -> Container:
    """Return a vessel from its entry under `virtual.vessels`.

    Raises:
        InputError: For unknown keys, or contents that do not fit.
    """
    check_keys(f"virtual.vessels.{name}", given, VESSEL_KEYS)
    capacity = number(given, "volume_mL", 100.0)
    contents = number(given, "contents_mL", 0.0)
    if not (capacity > 0 and 0 <= contents <= capacity):
        msg = f"virtual.vessels.{name}: {contents!r} mL in {capacity!r} mL; the contents lie between 0 and the volume"
        raise InputError(msg)
    diameter = (4.0 * capacity / (math.pi * SLENDERNESS)) ** (1 / 3)  # cm
    inside = liquid(str(given.get("liquid", "water")), liquids)
    return Container(
        name,
        volume=contents,
        mass=contents * inside.density,
        capacity=capacity,
        area=number(given, "area_cm2", math.pi * diameter**2 / 4.0),
        tare=number(given, "tare_g", GLASS * capacity),
        residue=number(given, "residue_mL", 0.02),
        volatility=inside.volatility,
    )


def liquid(name: str, liquids: Mapping[str, Liquid]) -> Liquid:
    """Return a liquid by name.

    Raises:
        InputError: For an unknown one.
    """
    if name not in liquids:
        msg = (
            f"the liquid {name!r} is not known to this world. {choices(name, liquids)}. "
            "Declare others under virtual.liquids: {name: {density: g/mL, viscosity: mPa s}}"
        )
        raise InputError(msg)
    return liquids[name]


def declared_liquids(given: Mapping[str, JSON]) -> dict[str, Liquid]:
    """Return the liquids known to a world: the usual ones and those of `virtual.liquids`.

    Raises:
        InputError: For an entry that is not a mapping, or with unknown keys.
    """
    known = dict(LIQUIDS)
    for name, entry in given.items():
        if not isinstance(entry, dict):
            msg = f"virtual.liquids.{name}: {entry!r} is not a mapping; write {{density: 1.0, viscosity: 1.0}}"
            raise InputError(msg)
        check_keys(f"virtual.liquids.{name}", entry, ("density", "viscosity", "volatility"))
        known[name] = Liquid(
            number(entry, "density", 1.0), number(entry, "viscosity", 1.0), number(entry, "volatility", 1.0)
        )
    return known
