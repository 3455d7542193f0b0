"""How warm, how well mixed and how fast drying the vessels of the electrolyte bench are, and what probes see in them."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

from autolab.model.errors import InputError
from autolab.simulators.conductivity import conductivity, outside_hull
from autolab.simulators.heating import HotPlate
from autolab.simulators.sensing import Site
from autolab.simulators.simulator import check_keys
from autolab.simulators.solvents import DENSITY, VOLATILE, Layers, drying, heat_capacity
from autolab.simulators.world import number, part

if TYPE_CHECKING:
    from collections.abc import Callable

    from autolab.model.actions import JSON
    from autolab.simulators.fluids import Vessel

IMMERSED = 5.0  # mL in a cell below which a probe's electrodes are dry
DAY = 86400.0  # s


class Conditions:
    """What goes on in vessels while nothing flows.

    Args:
        vessels: By name.
        virtual: The lab file's part `virtual`: `room` ({celsius, swing_K}) and `immersion_mL` are read.
        now: Returns lab time, s.

    Attributes:
        drying: How fast each vessel loses EMC, by name, g/s; as of the last tick.

    Raises:
        InputError: For keys or values that cannot be meant.
    """

    def __init__(self, vessels: Mapping[str, Vessel], virtual: Mapping[str, JSON], now: Callable[[], float]) -> None:
        room = part(virtual, "room")
        check_keys("virtual.room", room, ("celsius", "swing_K"))
        self._mean, self._swing = number(room, "celsius", 21.0), number(room, "swing_K", 0.0)
        self._immersed = number(virtual, "immersion_mL", IMMERSED)
        self._vessels, self._now = vessels, now
        self._heated: dict[str, HotPlate] = {}  # vessel -> what it stands on
        self._sensed: dict[str, Vessel] = {}  # probe -> where it stands
        self._layers = {name: Layers() for name in vessels}
        self.drying = dict.fromkeys(vessels, 0.0)

    @property
    def room(self) -> float:
        """Temperature of the room now, degC."""
        if not self._swing:
            return self._mean
        return self._mean + self._swing * math.sin(2.0 * math.pi * self._now() / DAY)

    def warmth(self, vessel: str) -> float:
        """Return the temperature of a vessel, degC."""
        plate = self._heated.get(vessel)
        return self.room if plate is None else plate.vessel

    def outside_hull(self) -> list[str]:
        """Return in what the liquids around immersed probes lie outside the data behind their conductivity."""
        return [
            fault
            for vessel in self._sensed.values()
            if vessel.volume >= self._immersed
            for fault in outside_hull(*self._layers[vessel.name].at_tip(vessel.fluid), self.warmth(vessel.name))
        ]

    def heat(self, vessel: str) -> HotPlate:
        """Put a vessel on a hotplate, as warm as the room, and return that.

        Raises:
            InputError: When it stands on another.
        """
        if vessel in self._heated:
            msg = f"plumbing: {vessel!r} stands on two hotplates; give the other a vessel of its own"
            raise InputError(msg)
        plate = self._heated[vessel] = HotPlate()
        plate.options = replace(plate.options, ambient=self.room)
        plate.plate = plate.vessel = self.room
        plate.contents = heat_capacity(self._vessels[vessel].fluid)
        return plate

    def sense(self, probe: str, vessel: str) -> Site:
        """Put a probe into a vessel, near the bottom, and return where it stands."""
        self._sensed[probe] = self._vessels[vessel]
        return Site(lambda: self._at_tip(self._vessels[vessel]))

    def dry(self, vessel: str, seconds: float, air: Vessel) -> None:
        """Let EMC go into the air for a time, at the rate of the last tick."""
        rate = self.drying[vessel]
        if rate:
            air.fluid.add(self._vessels[vessel].fluid.lose(VOLATILE, rate * seconds, DENSITY[VOLATILE]))

    def pour(self, held: Mapping[str, float]) -> None:
        """Let layers form and temperatures mix where vessels were filled.

        Args:
            held: What vessels held before, mL.
        """
        for name, before in held.items():
            more = self._vessels[name].volume - before
            if more > 0:
                self._layers[name].poured(more, before)
        for name, plate in self._heated.items():
            heat = heat_capacity(self._vessels[name].fluid)
            if heat > plate.contents:
                plate.pour(heat - plate.contents, self.room)
            plate.contents = heat

    def tick(self, seconds: float) -> None:
        """Let heat flow and layers vanish for a time, and see how fast everything dries now."""
        for plate in self._heated.values():
            if self._swing:
                plate.options = replace(plate.options, ambient=self.room)
            plate.integrate(seconds)
        for name, vessel in self._vessels.items():
            heated = self._heated.get(name)
            self._layers[name].relax(seconds, 0.0 if heated is None else heated.rpm)
            self.drying[name] = drying(vessel, self.warmth(name))

    def snapshot(self) -> dict[str, JSON]:
        """Return what changes, but for plates and sites."""
        return {"layers": {name: layers.mixed for name, layers in self._layers.items()}, "drying": dict(self.drying)}

    def restore(self, state: Mapping[str, JSON]) -> None:
        """Go back to `snapshot`; vessels have been already."""
        for name, layers in self._layers.items():
            layers.mixed = number(part(state, "layers"), name, 1.0)
            self.drying[name] = number(part(state, "drying"), name, 0.0)
        for name, plate in self._heated.items():
            plate.contents = heat_capacity(self._vessels[name].fluid)

    def _at_tip(self, vessel: Vessel) -> dict[str, float]:
        """Return what is true around a probe: nothing conducts where its electrodes are dry."""
        warmth = self.warmth(vessel.name)
        if vessel.volume < self._immersed:
            return {"conductivity": 0.0, "temperature": warmth}
        found = conductivity(*self._layers[vessel.name].at_tip(vessel.fluid), warmth)
        return {"conductivity": found, "temperature": warmth}
