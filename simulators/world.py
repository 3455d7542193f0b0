"""Worlds: the physics behind simulated instruments, integrated from event to event when somebody looks."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol, TypeVar, cast

from autolab.model.errors import InputError
from autolab.model.seeds import noise_seed
from autolab.simulators.heating import STEP, HotPlate
from autolab.simulators.ledger import Ledger
from autolab.simulators.plunger import Plunger, Syringe
from autolab.simulators.sensing import Site

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from autolab.model.actions import JSON
    from autolab.model.clock import Clock

WATER = {"conductivity": 0.001, "temperature": 25.0, "pH": 7.0, "oxygen": 8.26}
"""mS/cm (ASTM D1193 type II), degC, 1, mg/L (in equilibrium with air at 25 degC and 1 atm)."""
LOOK = 4.0  # s before now for which weighing cells must know their level at every sample


class Body(Protocol):
    """A piece of physics of one instrument's own, exact in however many pieces the time comes."""

    def integrate(self, dt: float) -> None:
        """Go on for `dt` s."""

    def snapshot(self) -> dict[str, JSON]:
        """Return what changes."""

    def restore(self, state: Mapping[str, JSON]) -> None:
        """Go back to `snapshot`."""


B = TypeVar("B", bound=Body)


class Cell(Protocol):
    """What lies under a balance's pan and feels its load."""

    def feel(
        self,
        times: tuple[float, float],
        load: tuple[float, float],
        impulse: float = 0.0,
        bends: Iterable[tuple[float, float]] = (),
    ) -> None:
        """Take in what the load did between two times: see `weighing.WeighingCell.feel`."""

    def next_sample(self) -> float:
        """Return the loop time of the next sample, s."""

    @property
    def settled(self) -> bool:
        """Whether it follows its load in a straight line."""

    @property
    def load(self) -> float:
        """The load that it has felt last, g."""


class Pan:
    """A balance's pan: knows the true load, and tells the cell below it.

    Attributes:
        load: True load, g.
        cell: What weighs it; None when no balance is attached.
    """

    def __init__(self, load: float = 0.0) -> None:
        self.load = load
        self.cell: Cell | None = None


class World:
    """A world without chemistry: plungers that move air, pans that carry what somebody puts there, probes in water.

    Everything happens on the clock's loop. `advance` brings the world to the present: it goes from event to event
    (a movement ends, a drop falls), in closed form between them, so that how often somebody looks changes nothing.

    Args:
        lab: The lab file's mapping, in JSON form; may be empty.
        clock: Lab time.
        seed: The campaign's seed.
        ledger: What is told of every movement of a plunger.
    """

    def __init__(self, lab: Mapping[str, JSON], *, clock: Clock, seed: int = 0, ledger: Ledger | None = None) -> None:
        self.lab, self.clock, self.seed = lab, clock, seed
        self.ledger = Ledger() if ledger is None else ledger
        self.time = clock.loop.time()
        self.plungers: dict[str, Plunger] = {}
        self.pans: dict[str, Pan] = {}
        self.plates: dict[str, HotPlate] = {}
        self.sites: dict[str, Site] = {}
        self.bodies: dict[str, Body] = {}
        self._busy = False

    @property
    def lab_time(self) -> float:
        """The lab time to which the world has been brought, s."""
        return self.clock.now() - (self.clock.loop.time() - self.time)

    def plunger(self, instrument: str, syringe: Syringe) -> Plunger:
        """Return the plunger of a pump, putting the syringe in at the first call."""
        if instrument not in self.plungers:
            self.plungers[instrument] = Plunger(self, instrument, syringe)
        return self.plungers[instrument]

    def pan(self, instrument: str) -> Pan:
        """Return the pan of a balance."""
        return self.pans.setdefault(instrument, Pan())

    def plate(self, instrument: str) -> HotPlate:
        """Return the body of a hotplate, with an empty vessel on it."""
        return self.plates.setdefault(instrument, HotPlate())

    def site(self, instrument: str) -> Site:
        """Return where a probe stands: in pure water, here."""
        return self.sites.setdefault(instrument, Site(lambda: dict(WATER)))

    def body(self, instrument: str, make: Callable[[], B]) -> B:
        """Return an instrument's own piece of physics (an axis, a bath, a gas line), making it at the first call."""
        if instrument not in self.bodies:
            self.bodies[instrument] = make()
        return cast("B", self.bodies[instrument])

    def afflict(self, instrument: str, kind: str, begins: bool, amount: float = 0.0) -> bool:
        """Have what an instrument moves be stuck, or what it senses freeze or drift; say whether it has such a part.

        Args:
            instrument: Its name.
            kind: `stuck`, `frozen` or `drift`.
            begins: False ends it.
            amount: Of a drift, as a share of the value an hour.
        """
        self.advance()
        taken = False
        for part in (self.plungers.get(instrument), self.bodies.get(instrument)):
            if kind == "stuck" and part is not None and hasattr(part, "stuck"):
                part.stuck = begins
                taken = True
        site = self.sites.get(instrument)
        if site is not None and kind in ("frozen", "drift"):
            site.trouble(frozen=begins if kind == "frozen" else None, drift=amount if begins else 0.0)
            taken = True
        return taken

    def advance(self, now: float | None = None) -> None:
        """Bring the world to `now` (loop time, s; the present when None)."""
        if self._busy:
            return  # called back at an event, in the middle of an advance: the world is there already
        now = max(self.clock.loop.time() if now is None else now, self.time)
        if now == self.time and all(plunger.end is None or plunger.end > now for plunger in self.plungers.values()):
            return
        self._busy = True
        try:
            self._finish_movements()
            while self.time < now:
                until = min([now, *(event for event in self._events(now) if event > self.time)])
                self._step(self.time, until)
                self._warm_and_sense(until - self.time)
                self.time = until
                self._finish_movements()
        finally:
            self._busy = False

    def reseed(self, trial: int, attempt: int) -> None:
        """Draw all randomness of one attempt from its own seed."""

    def snapshot(self) -> dict[str, JSON]:
        """Return the whole state as JSON, times relative to now; only while every plunger stands still."""
        self.advance()
        return {
            "plungers": {name: plunger.snapshot() for name, plunger in self.plungers.items()},
            "pans": {name: pan.load for name, pan in self.pans.items()},
            "plates": {name: plate.snapshot() for name, plate in self.plates.items()},
            "sites": {name: site.snapshot() for name, site in self.sites.items()},
            "bodies": {name: body.snapshot() for name, body in self.bodies.items()},
        }

    def restore(self, state: Mapping[str, JSON]) -> None:
        """Put everything as `snapshot` saw it; lab time goes on from the present."""
        self.time = self.clock.loop.time()
        for name, plunger in self.plungers.items():
            plunger.restore(part(part(state, "plungers"), name))
        for name, pan in self.pans.items():
            pan.load = float(str(part(state, "pans")[name]))
        for name, plate in self.plates.items():
            plate.restore(part(part(state, "plates"), name))
        for name, site in self.sites.items():
            site.restore(part(part(state, "sites"), name))
        for name, body in self.bodies.items():
            body.restore(part(part(state, "bodies"), name))

    def noise(self, name: str, trial: int, attempt: int) -> int:
        """Return the seed of one source of noise in one attempt."""
        return noise_seed(self.seed, name, trial, attempt)

    def _events(self, now: float) -> Iterator[float]:
        """Yield the loop times (s) at which something changes before `now`, as far as is known now."""
        for plunger in self.plungers.values():
            if plunger.end is not None:
                yield plunger.end
        for pan in self.pans.values():
            if pan.cell is None:
                continue
            if self.time < now - LOOK:
                yield now - LOOK
            elif pan.cell.load != pan.load or self._flowing() or not pan.cell.settled:
                yield pan.cell.next_sample()

    def _flowing(self) -> bool:
        """Say whether a load may change other than evenly."""
        return False

    def _step(self, begin: float, end: float) -> None:
        """Integrate over an interval without an event inside."""
        for plunger in self.plungers.values():
            plunger.integrate(end - begin)
        for pan in self.pans.values():
            if pan.cell is not None:
                pan.cell.feel((begin, end), (pan.load, pan.load))

    def _warm_and_sense(self, dt: float) -> None:
        """Let heat flow, bodies go on and probes follow, for `dt` s."""
        for body in self.bodies.values():
            body.integrate(dt)
        while dt > 1e-9:
            step = min(STEP, dt)
            for plate in self.plates.values():
                plate.integrate(step)
            for site in self.sites.values():
                site.integrate(step)
            dt -= step

    def _finish_movements(self) -> None:
        for plunger in self.plungers.values():
            plunger.finish_if_due(self.time)


def part(mapping: Mapping[str, JSON], key: str) -> dict[str, JSON]:
    """Return the mapping under `key` of a JSON mapping; empty when there is none.

    Raises:
        InputError: When something else than a mapping is there.
    """
    value = mapping.get(key)
    if value is None:
        return {}
    if not isinstance(value, dict):
        msg = f"{key}: {value!r} is not a mapping of names to values; write `{key}: {{name: value}}`"
        raise InputError(msg)
    return value


def number(mapping: Mapping[str, JSON], key: str, default: float) -> float:
    """Return the number under `key` of a JSON mapping.

    Raises:
        InputError: When it is not a finite number.
    """
    value = mapping.get(key, default)
    if isinstance(value, bool) or not isinstance(value, int | float) or value != value or abs(value) == float("inf"):
        msg = f"{key}: {value!r} is not a number; write a number, such as {default:g}"
        raise InputError(msg)
    return float(value)
