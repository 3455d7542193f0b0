"""The world of gravimetric dosing: syringes, check valves, tubing that gives way, drops, and open vessels.

How well a volume is dosed depends on the rate (slow: single drops, and more evaporates; fast: the tubing stores what
it is given and drips afterwards, a jet splashes), on the volume sucked back (too little leaves that store under
pressure; too much draws past the check valve from the stock) and on the time waited (too short misses the last drop;
too long evaporates). Constants with their reasons stand in `line`, `vessels` and `weighing`.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from autolab.simulators.line import Line, LineOptions
from autolab.simulators.plumbing import SINKS, Plumbing
from autolab.simulators.plunger import Plunger, Syringe
from autolab.simulators.simulator import check_keys
from autolab.simulators.vessels import Container, declared_liquids, liquid, vessel
from autolab.simulators.world import Pan, World, number, part

if TYPE_CHECKING:
    from autolab.model.actions import JSON
    from autolab.model.clock import Clock
    from autolab.simulators.ledger import Ledger

FALL = 0.1  # s: speed after a fall of 5 cm (1 m/s) over gravity; a drop of mass M hits with an impulse of M * FALL
STOCK = 1000.0  # mL in a stock bottle, unless `virtual.stock` says otherwise
KEYS = ("world", "vessels", "noise", "settings", "liquids", "stock", "instruments", "faults", "line")
LINE_KEYS = ("relaxation_s", "drop_uL", "jet_mL_min", "backflow_uL", "weep_uL_s", "spread")
KINDS = {"drop": 1}


class DosingWorld(World):
    """Pumps that dose into vessels, on balances.

    Args:
        lab: The lab file's mapping. Of it are read `plumbing` (a pump's destination, or its [source, destination]; a
            balance's vessel), each pump's `stock` and `refill`, and under `virtual`: `vessels` ({name: {volume_mL,
            contents_mL, liquid, tare_g, area_cm2, residue_mL}}), `stock` ({liquid: mL}), `liquids` ({name: {density,
            viscosity, volatility}}), `line` ({relaxation_s, drop_uL, jet_mL_min, backflow_uL, weep_uL_s, spread}), `noise`.
        clock: Lab time.
        seed: The campaign's seed.
        ledger: What is told of every movement of a plunger.

    Raises:
        InputError: For names, keys or values that cannot be meant.
    """

    def __init__(self, lab: Mapping[str, JSON], *, clock: Clock, seed: int = 0, ledger: Ledger | None = None) -> None:
        super().__init__(lab, clock=clock, seed=seed, ledger=ledger)
        virtual = part(lab, "virtual")
        virtual = {**virtual, **part(virtual, "settings")}
        check_keys("virtual", virtual, KEYS)
        self.noise_factor = number(virtual, "noise", 1.0)
        self.liquids = declared_liquids(part(virtual, "liquids"))
        self.containers = {
            name: vessel(name, part(part(virtual, "vessels"), name), self.liquids) for name in part(virtual, "vessels")
        }
        self._options = _line_options(part(virtual, "line"), self.noise_factor)
        self._stock_volumes = part(virtual, "stock")
        check_keys("virtual.stock", self._stock_volumes, self.liquids)
        self.plumbing = Plumbing(lab)
        self.plumbing.check(self.containers)
        self.spilled = Container("spilled")
        self.lines: dict[str, Line] = {}
        self.stock: dict[str, Container] = {}
        self._below: dict[str, Container] = {}  # the vessel on each balance
        self._seed_of_drops = self.noise("world", 0, 0)
        self._chances: dict[tuple[str, int], list[float]] = {}

    def plunger(self, instrument: str, syringe: Syringe) -> Plunger:
        """Return the plunger of a pump, connecting it as the plumbing says at the first call."""
        if instrument not in self.plungers:
            source, destination = self._ends(instrument)
            syringe = replace(syringe, source=source.name, destination=destination.name)
            self.plungers[instrument] = Plunger(self, instrument, syringe)
            self.lines[instrument] = self._line(instrument, syringe, source, destination)
        return self.plungers[instrument]

    def pan(self, instrument: str) -> Pan:
        """Return the pan of a balance, with its vessel on it."""
        if instrument not in self.pans:
            below = self.plumbing.vessel_of(instrument, self.containers, "weigh")
            self._below[instrument] = self.containers[below]
            self.pans[instrument] = Pan(self._below[instrument].load)
        return self.pans[instrument]

    def total(self) -> float:
        """Return all liquid there is, mL: it is neither made nor lost."""
        containers = [*self.containers.values(), *self.stock.values(), self.spilled]
        held = sum(container.volume + container.evaporated_volume for container in containers)
        return held + sum(line.liquid for line in self.lines.values())

    def reseed(self, trial: int, attempt: int) -> None:
        """Draw all randomness of one attempt from its own seed."""
        self.advance()
        self._seed_of_drops = self.noise("world", trial, attempt)
        self._chances.clear()
        for line in self.lines.values():
            line.drops = line.closings = 0

    def chance(self, kind: str, place: int) -> float:
        """Return the standard normal number of one event, scaled by the world's noise."""
        block, within = divmod(place, 64)
        if (kind, block) not in self._chances:
            rng = np.random.default_rng([self._seed_of_drops, KINDS[kind], block])
            self._chances[kind, block] = rng.standard_normal(64).tolist()
        return self._chances[kind, block][within]

    def snapshot(self) -> dict[str, JSON]:
        """Return the whole state as JSON, times relative to now; only while every plunger stands still."""
        state = super().snapshot()
        return state | {
            "lines": {name: line.snapshot() for name, line in self.lines.items()},
            "containers": {name: container.snapshot() for name, container in self._all_containers().items()},
            "seed": self._seed_of_drops,
        }

    def restore(self, state: Mapping[str, JSON]) -> None:
        """Put everything as `snapshot` saw it; lab time goes on from the present."""
        super().restore(state)
        for name, line in self.lines.items():
            line.restore(part(part(state, "lines"), name))
        for name, container in self._all_containers().items():
            container.restore(part(part(state, "containers"), name))
        self._seed_of_drops = int(str(state["seed"]))
        self._chances.clear()

    # ---- integration

    def _events(self, now: float) -> Iterator[float]:
        yield from super()._events(now)
        for name, line in self.lines.items():
            swept = self.plungers[name].flow
            if not line.quiet(swept):
                for after in line.events(swept, now - self.time):
                    yield self.time + after

    def _flowing(self) -> bool:
        return any(line.squeezed or self.plungers[name].flow for name, line in self.lines.items())

    def _step(self, begin: float, end: float) -> None:
        dt = end - begin
        for container in self.containers.values():
            container.evaporate(dt)  # first: what lands at the end has not evaporated meanwhile
        for name, line in self.lines.items():
            line.fell, line.bends = 0.0, (0.0, 0.0)
            swept = self.plungers[name].flow
            if not line.quiet(swept):
                line.step(swept, dt)
        for plunger in self.plungers.values():
            plunger.integrate(dt)
        for name, pan in self.pans.items():
            self._weigh(self._below[name], pan, (begin, end))

    def _weigh(self, container: Container, pan: Pan, times: tuple[float, float]) -> None:
        """Tell a pan's cell what has changed: what flowed over the step, what fell at its end."""
        fell, bends = 0.0, []
        for line in self.lines.values():
            if line.destination is container:
                fell += line.fell
                bends.append((line.bends[1], line.tau))
            if line.source is container:
                bends.append((line.bends[0], line.tau))
        if pan.cell is not None:
            pan.cell.feel(times, (pan.load, container.load - fell), 0.0, bends)
            if fell:
                pan.cell.feel((times[1], times[1]), (container.load, container.load), FALL * fell)
        pan.load = container.load

    # ---- plumbing

    def _ends(self, instrument: str) -> tuple[Container, Container]:
        source, destination = self.plumbing.ends(instrument)
        drawn = self._bottle(self.plumbing.stock_of(instrument) or "air") if source is None else self._container(source)
        return drawn, self._container(destination)

    def _container(self, name: str) -> Container:
        return self.containers[name] if name in self.containers else self._bottle(name)

    def _bottle(self, name: str) -> Container:
        """Return a stock bottle or a drain, which are shared by all that name them."""
        if name not in self.stock:
            self.stock[name] = Container(name)
            if name not in SINKS:
                inside = liquid(name, self.liquids)
                volume = number(self._stock_volumes, name, STOCK)
                self.stock[name].add(volume, inside.density, inside.volatility)
        return self.stock[name]

    def _line(self, instrument: str, syringe: Syringe, source: Container, destination: Container) -> Line:
        inside = self.liquids[self.plumbing.stock_of(instrument) or "water"]
        options = self._options
        if destination.name not in self.containers:
            options = replace(options, drop=0.0)
        if not (syringe.valve or self.plumbing.has_check_valves(instrument)):
            options = replace(options, shut=math.inf)
        properties = (inside.density, inside.viscosity, inside.volatility)
        return Line(options, syringe.contents, (source, destination, self.spilled), properties, self.chance)

    def _all_containers(self) -> dict[str, Container]:
        return {**self.containers, **self.stock, "(spilled)": self.spilled}


def _line_options(given: Mapping[str, JSON], noise: float) -> LineOptions:
    check_keys("virtual.line", given, LINE_KEYS)
    usual = LineOptions()
    return LineOptions(
        tau=number(given, "relaxation_s", usual.tau),
        drop=number(given, "drop_uL", usual.drop * 1000.0) / 1000.0,
        jet=number(given, "jet_mL_min", usual.jet * 60.0) / 60.0,
        shut=number(given, "backflow_uL", usual.shut * 1000.0) / 1000.0,
        weep=number(given, "weep_uL_s", usual.weep * 1000.0) / 1000.0,
        spread=number(given, "spread", usual.spread) * noise,
    )
