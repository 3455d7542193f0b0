"""The world of the electrolyte bench: stocks are dosed, weighed, carried over, warmed, stirred, and their conductivity seen.

Time goes in steps that no onlooker changes. Liquids move, dry, mix, warm and are sensed at the *ticks*, one a second,
and wherever a flow changes (a movement begins or ends, a border between two liquids leaves its tube, a source is empty,
a vessel full); in between everything flows evenly, and so does what a balance feels. What is seen of a plate or a probe
is what was true at the last tick.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from autolab.model.errors import InputError
from autolab.simulators.electrolyte_conditions import Conditions
from autolab.simulators.electrolyte_parts import KEYS, Parts
from autolab.simulators.heating import STEP, HotPlate
from autolab.simulators.plumbing import Plumbing
from autolab.simulators.plunger import HUB, Plunger, Syringe
from autolab.simulators.sensing import Site
from autolab.simulators.simulator import check_keys
from autolab.simulators.world import Pan, World, number, part

if TYPE_CHECKING:
    from autolab.model.actions import JSON
    from autolab.model.clock import Clock
    from autolab.simulators.fluids import Vessel
    from autolab.simulators.ledger import Ledger

SPREAD = 0.003  # relative standard deviation of a pushed volume (maker's accuracy is 1 %, repeatability 0.1 %)
BACKLASH = 0.002  # mL, standard deviation of what play in nut and seal take from or give to a push
UNEVEN = 1e-4  # g/s: a load that changes more slowly moves a cell below it in a straight line


class ElectrolyteWorld(World):
    """Stocks, tubes, a vessel on a balance, a cell on a hotplate with a probe in it.

    Args:
        lab: The lab file's mapping. Of it are read `stocks`, each pump's `stock` and `refill`, `plumbing` (a pump's
            destination or its [source, destination]; the vessel of a balance, a hotplate, a probe), and under
            `virtual`: `vessels` ({name: {volume_mL, contents_mL, stock, tare_g, area_cm2, residue_mL}}), `stock_mL`
            ({stock: mL in its bottle}, instead of its `loaded_mL`), `lines` ({pump: {dead_mL, inlet_mL, outlet_mL,
            film, clogged}}), `room` ({celsius, swing_K}), `immersion_mL`, `noise`.
        clock: Lab time.
        seed: The campaign's seed.
        ledger: What is told of every movement of a plunger.

    Attributes:
        containers: The vessels by name.
        stock: Bottles and drains by name.
        lines: Syringes and their tubes, by pump.

    Raises:
        InputError: For names, keys or values that cannot be meant.
    """

    def __init__(self, lab: Mapping[str, JSON], *, clock: Clock, seed: int = 0, ledger: Ledger | None = None) -> None:
        super().__init__(lab, clock=clock, seed=seed, ledger=ledger)
        virtual = part(lab, "virtual")
        virtual = {**virtual, **part(virtual, "settings")}
        check_keys("virtual", virtual, KEYS)
        self.noise_factor = number(virtual, "noise", 1.0)
        self.plumbing = Plumbing(lab)
        self.parts = Parts(lab, virtual, self.plumbing)
        self.containers, self.stock, self.lines = self.parts.vessels, self.parts.bottles, self.parts.lines
        self.conditions = Conditions(self.containers, virtual, lambda: self.lab_time)
        self._below: dict[str, Vessel] = {}  # the vessel on each balance
        self._seed, self._movements = self.noise("world", 0, 0), dict[str, int]()
        self._seen: list[tuple[float, float | None]] = []  # flow and end of each movement
        self._rates = dict[str, float]()  # mL/s that truly leave (or, negative, enter) each syringe
        self._heavier = dict[str, float]()  # g/s by which each balance's load grows
        self._settled = self._tick = self.time
        self._due = self.time + STEP

    # ---- what instruments ask for

    def plunger(self, instrument: str, syringe: Syringe) -> Plunger:
        """Return the plunger of a pump, connecting it as the plumbing says at the first call."""
        if instrument not in self.plungers:
            line = self.parts.line(instrument, syringe)
            syringe = replace(syringe, source=line.source.name, destination=line.destination.name)
            self.plungers[instrument] = Plunger(self, instrument, syringe)
            self._rates[instrument] = 0.0
            self._seen.append((0.0, None))
        return self.plungers[instrument]

    def pan(self, instrument: str) -> Pan:
        """Return the pan of a balance, with its vessel on it."""
        if instrument not in self.pans:
            self._below[instrument] = self.containers[self.plumbing.vessel_of(instrument, self.containers, "weigh")]
            self.pans[instrument] = Pan(self._below[instrument].load)
            self._heavier[instrument] = 0.0
        return self.pans[instrument]

    def plate(self, instrument: str) -> HotPlate:
        """Return the body of a hotplate, with its vessel on it."""
        if instrument not in self.plates:
            vessel = self.plumbing.vessel_of(instrument, self.containers, "heat")
            self.plates[instrument] = self.conditions.heat(vessel)
        return self.plates[instrument]

    def site(self, instrument: str) -> Site:
        """Return where a probe stands: in its vessel, near the bottom."""
        if instrument not in self.sites:
            vessel = self.plumbing.vessel_of(instrument, self.containers, "sense")
            self.sites[instrument] = self.conditions.sense(instrument, vessel)
        return self.sites[instrument]

    # ---- what tests and reports ask for

    @property
    def room(self) -> float:
        """Temperature of the room now, degC."""
        return self.conditions.room

    @property
    def outside_hull(self) -> list[str]:
        """In what the liquids around the probes lie outside the data behind their conductivity; empty: nowhere."""
        self.advance()
        return self.conditions.outside_hull()

    def total(self) -> dict[str, float]:
        """Return how much there is of each species, g, wherever it is: it is neither made nor lost."""
        return self.parts.total()

    def clog(self, pump: str, passes: float) -> None:
        """Let a pump's line pass only a share of what is pushed or drawn, from now on; 1 is a clean line.

        Raises:
            InputError: When there is no such pump, or the share is none.
        """
        check_keys("clog", [pump], self.lines)
        if not 0.0 <= passes <= 1.0:
            msg = f"clog: {passes!r} of {pump} is no share; give 0 (nothing passes) to 1 (everything)"
            raise InputError(msg)
        self.advance()
        self._settle(self.time)
        self.lines[pump].passes = passes
        self._foresee()

    # ---- time

    def advance(self, now: float | None = None) -> None:
        """Bring the world to `now` (loop time, s; the present when None)."""
        super().advance(now)
        if not self._busy:
            self._notice(self.time)

    def reseed(self, trial: int, attempt: int) -> None:
        """Draw all randomness of one attempt from its own seed."""
        self.advance()
        self._seed = self.noise("world", trial, attempt)
        self._movements.clear()

    def snapshot(self) -> dict[str, JSON]:
        """Return the whole state as JSON, times relative to now; only while every plunger stands still."""
        self.advance()
        if not any(self._rates.values()):
            self._settle(self.time)  # else it is refused
        return super().snapshot() | {
            "parts": self.parts.snapshot(),
            "conditions": self.conditions.snapshot(),
            "tick": self._tick - self.time,
            "seed": self._seed,
            "movements": dict(self._movements),
        }

    def restore(self, state: Mapping[str, JSON]) -> None:
        """Put everything as `snapshot` saw it; lab time goes on from the present."""
        super().restore(state)
        self.parts.restore(part(state, "parts"))
        self.conditions.restore(part(state, "conditions"))
        self._seed = int(str(state["seed"]))
        self._movements = {name: int(str(count)) for name, count in part(state, "movements").items()}
        self._seen = [(0.0, None) for _ in self.plungers]
        self._rates = dict.fromkeys(self.plungers, 0.0)
        self._settled, self._tick = self.time, self.time + number(state, "tick", 0.0)
        self._foresee()

    def _events(self, now: float) -> Iterator[float]:
        self._notice(self.time)
        yield from super()._events(now)
        yield self._due

    def _flowing(self) -> bool:
        return any(abs(rate) > UNEVEN for rate in self._heavier.values())

    def _step(self, begin: float, end: float) -> None:
        dt = end - begin
        for plunger in self.plungers.values():
            if plunger.flow:
                plunger.integrate(dt)
        for name, pan in self.pans.items():
            load = pan.load + self._heavier[name] * dt
            if pan.cell is not None:
                pan.cell.feel((begin, end), (pan.load, load))
            pan.load = load
        if end >= self._due:
            self.time = end
            self._settle(end)

    def _warm_and_sense(self, dt: float) -> None:
        """Do nothing: heat and probes go by ticks."""

    def _notice(self, now: float) -> None:
        """See whether movements began, changed or ended; what flowed until now did so at the old rates."""
        seen = [(plunger.flow, plunger.end) for plunger in self.plungers.values()]
        if seen == self._seen:
            return
        self._settle(now)
        for (name, plunger), before, after in zip(self.plungers.items(), self._seen, seen, strict=True):
            if before != after:
                self._rates[name] = self._rate(name, plunger, now)
        self._seen = seen
        self._foresee()

    def _rate(self, name: str, plunger: Plunger, now: float) -> float:
        """Return what leaves (or enters) a syringe, mL/s, during the movement that begins now.

        A push misses by the pump's error; what it missed is made good by the next draw, which fills the syringe.
        """
        if not plunger.flow or plunger.end is None:
            return 0.0
        sweep = max(1e-9, abs(plunger.flow) * (plunger.end - now))
        if plunger.flow > 0:
            share, fixed = self._chance(name)
            wrong = self.noise_factor * (SPREAD * share + BACKLASH * fixed / sweep)
            return plunger.flow * max(0.0, 1.0 + wrong)
        missing = plunger.position + HUB * plunger.syringe.volume - self.lines[name].barrel.volume
        return plunger.flow * max(0.0, 1.0 + missing / sweep)

    def _chance(self, name: str) -> list[float]:
        """Return two standard normal numbers for a pump's next movement of this attempt."""
        count = self._movements[name] = self._movements.get(name, 0) + 1
        rng = np.random.default_rng([self._seed, zlib.crc32(name.encode()), count])
        return [float(value) for value in rng.standard_normal(2)]

    # ---- physics

    def _settle(self, now: float) -> None:
        """Do all that happened since the last time, at the rates that held."""
        dt, self._settled = now - self._settled, now
        if dt > 0:
            held = {name: vessel.volume for name, vessel in self.containers.items()}
            for name in held:
                self.conditions.dry(name, dt, self.parts.air)
            for name, rate in self._rates.items():
                if rate:
                    self.lines[name].move(rate * dt)
            self.conditions.pour(held)
        if now >= self._tick + STEP:
            self.conditions.tick(now - self._tick)
            for site in self.sites.values():
                site.integrate(now - self._tick)
            self._tick = now
        self._foresee()

    def _foresee(self) -> None:
        """Find out how loads change from now on, and when that ends."""
        self._due = self._tick + STEP
        moving = [(self.lines[name], rate) for name, rate in self._rates.items() if rate]
        for line, rate in moving:
            self._due = min(self._due, self._settled + line.until_border(rate))
        for name, pan in self.pans.items():
            vessel = self._below[name]
            self._heavier[name] = -self.conditions.drying[vessel.name] + sum(
                line.weight_flow(vessel, rate) for line, rate in moving
            )
            if abs(vessel.load - pan.load) > 1e-12:
                pan.load = vessel.load
                if pan.cell is not None:
                    pan.cell.feel((self._settled, self._settled), (pan.load, pan.load))
