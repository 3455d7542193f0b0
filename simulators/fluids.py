"""Fluids of several species, and what holds them: mass is neither made nor lost, and volumes add."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from autolab.model.errors import InputError
from autolab.simulators.simulator import check_keys
from autolab.simulators.world import number, part

if TYPE_CHECKING:
    from autolab.model.actions import JSON
    from autolab.model.stocks import Stock

VESSEL_KEYS = ("volume_mL", "contents_mL", "stock", "tare_g", "area_cm2", "residue_mL")
GLASS = 0.5  # g of glass for each mL of a beaker (100 mL: 50 g)
SLENDERNESS = 1.4  # height over diameter of a beaker
RESIDUE = 0.08  # mL below a dip tube that stands on the bottom, and on the walls
NOTHING = 1e-12  # mL: rounding, no liquid


@dataclass(slots=True)
class Fluid:
    """Some liquid: how much of each species, and its volume.

    Volumes add up on mixing, as densities do not: the volume is kept beside the masses and goes with them.

    Attributes:
        grams: Species -> g.
        volume: mL.
    """

    grams: dict[str, float] = field(default_factory=dict)
    volume: float = 0.0

    @classmethod
    def of(cls, stock: Stock, volume: float) -> Fluid:
        """Return `volume` mL of a stock."""
        return cls(stock.grams(volume), volume)

    @property
    def mass(self) -> float:
        """All of it, g."""
        return sum(self.grams.values())

    @property
    def density(self) -> float:
        """In g/mL; 0 of nothing."""
        return self.mass / self.volume if self.volume > NOTHING else 0.0

    def copy(self) -> Fluid:
        """Return as much of the same."""
        return Fluid(dict(self.grams), self.volume)

    def add(self, other: Fluid) -> None:
        """Mix all of `other` in."""
        held = self.grams
        for species, mass in other.grams.items():
            held[species] = held.get(species, 0.0) + mass
        self.volume += other.volume

    def take(self, volume: float) -> Fluid:
        """Take up to `volume` mL of it out."""
        if volume <= 0.0 or self.volume <= 0.0:
            return Fluid()
        if volume >= self.volume - NOTHING:
            return self.pour_out()
        share = volume / self.volume
        taken = {species: mass * share for species, mass in self.grams.items()}
        for species, mass in taken.items():
            self.grams[species] -= mass
        self.volume -= volume
        return Fluid(taken, volume)

    def pour_out(self) -> Fluid:
        """Take everything out."""
        grams, volume = self.grams, self.volume
        self.grams, self.volume = {}, 0.0
        return Fluid(grams, volume)

    def lose(self, species: str, mass: float, density: float) -> Fluid:
        """Let up to `mass` g of one species go into the air, of which 1 mL of liquid weighs `density` g; return it."""
        gone = min(mass, self.grams.get(species, 0.0))
        if gone <= 0.0:
            return Fluid()
        self.grams[species] -= gone
        shrunk = min(gone / density, self.volume)
        self.volume -= shrunk
        return Fluid({species: gone}, shrunk)

    def resembles(self, other: Fluid, within: float = 1e-6) -> bool:
        """Say whether 1 mL of both holds the same, to `within` g of each species."""
        if self.volume <= NOTHING or other.volume <= NOTHING:
            return False
        mine, its = self.grams, other.grams
        return all(
            abs(mine.get(species, 0.0) / self.volume - its.get(species, 0.0) / other.volume) <= within
            for species in mine.keys() | its.keys()
        )

    def snapshot(self) -> dict[str, JSON]:
        """Return it as JSON."""
        return {"grams": dict(self.grams), "volume": self.volume}

    def restore(self, state: Mapping[str, JSON]) -> None:
        """Become what `snapshot` saw."""
        self.grams = {species: float(str(mass)) for species, mass in part(state, "grams").items()}
        self.volume = float(str(state["volume"]))


@dataclass(slots=True)
class Vessel:
    """What holds liquid: a vessel, a bottle, a drain.

    Attributes:
        name: For messages and the ledger.
        fluid: What is in it.
        capacity: mL it can hold; infinite for a drain.
        area: Free surface, cm2; 0 does not evaporate.
        tare: Mass when empty, g.
        residue: mL that a dip tube cannot reach.
    """

    name: str
    fluid: Fluid = field(default_factory=Fluid)
    capacity: float = math.inf
    area: float = 0.0
    tare: float = 0.0
    residue: float = 0.0

    @property
    def volume(self) -> float:
        """Of what is in it, mL."""
        return self.fluid.volume

    @property
    def load(self) -> float:
        """What a balance below it would feel, g."""
        return self.tare + self.fluid.mass

    @property
    def available(self) -> float:
        """What can be drawn from it, mL."""
        return max(0.0, self.fluid.volume - self.residue)

    @property
    def room(self) -> float:
        """What still fits, mL."""
        return max(0.0, self.capacity - self.fluid.volume)

    @property
    def filled(self) -> float:
        """How full it is, 0 to 1."""
        return min(1.0, self.fluid.volume / self.capacity)

    def add(self, fluid: Fluid) -> Fluid:
        """Pour a fluid in; return what does not fit."""
        over = fluid.take(fluid.volume - self.room) if fluid.volume > self.room else Fluid()
        self.fluid.add(fluid)
        return over

    def take(self, volume: float) -> Fluid:
        """Draw up to `volume` mL from it; what is missing is air."""
        return self.fluid.take(min(volume, self.available))


def vessel(name: str, given: Mapping[str, JSON], stocks: Mapping[str, Stock]) -> Vessel:
    """Return a vessel from its entry under `virtual.vessels`.

    Raises:
        InputError: For unknown keys, or contents that do not fit or are no stock.
    """
    where = f"virtual.vessels.{name}"
    check_keys(where, given, VESSEL_KEYS)
    capacity, contents = number(given, "volume_mL", 20.0), number(given, "contents_mL", 0.0)
    if not (capacity > 0 and 0 <= contents <= capacity):
        msg = f"{where}: {contents!r} mL in {capacity!r} mL; the contents lie between 0 and the volume"
        raise InputError(msg)
    stock = given.get("stock")
    if contents > 0 and stock is None:
        msg = f"{where}: {contents!r} mL of what? Say `stock: <name>`, one of: {', '.join(sorted(stocks)) or 'none'}"
        raise InputError(msg)
    if stock is not None:
        check_keys(f"{where}.stock", [str(stock)], stocks)
    diameter = (4.0 * capacity / (math.pi * SLENDERNESS)) ** (1 / 3)  # cm
    made = Vessel(
        name,
        capacity=capacity,
        area=number(given, "area_cm2", math.pi * diameter**2 / 4.0),
        tare=number(given, "tare_g", GLASS * capacity),
        residue=number(given, "residue_mL", RESIDUE),
    )
    for key, value in (("area_cm2", made.area), ("tare_g", made.tare), ("residue_mL", made.residue)):
        if value < 0:
            msg = f"{where}.{key}: {value!r} must be 0 or more"
            raise InputError(msg)
    if contents > 0:
        made.fluid = Fluid.of(stocks[str(stock)], contents)
    return made


def sum_of(fluids: Iterable[Fluid]) -> Fluid:
    """Return what fluids hold together."""
    total = Fluid()
    for fluid in fluids:
        total.add(fluid)
    return total
