"""Apparatus in virtual time, with the least physics that a protocol needs: around one vessel, and to formulate."""

import asyncio
import math
import time
from collections.abc import Callable, Generator, Iterator
from types import SimpleNamespace
from typing import Any

import pytest
from bluesky.run_engine import RunEngine
from bluesky.run_engine import _ensure_event_loop_running as bluesky_loops
from ophyd.status import Status

from autolab.model.clock import Clock
from autolab.model.errors import OutsideLimits
from autolab.model.roles import Dispense, Withdraw
from autolab.model.stocks import Stock


class Vessel:
    """What stands on the balance: g of water, mL being g here."""

    def __init__(self) -> None:
        self.grams = 0.0


class Apparatus:
    """What the pump and the balance have in common; `done` lists what was done."""

    def __init__(self, name: str, clock: Clock, vessel: Any, done: list[tuple[str, object]]) -> None:
        self.name, self.clock, self.vessel, self.done = name, clock, vessel, done
        self.parent = None
        self.hints: dict[str, Any] = {}

    def reading(self, **values: object) -> dict[str, dict[str, object]]:
        return {f"{self.name}_{field}": {"value": value, "timestamp": time.time()} for field, value in values.items()}

    def describe(self) -> dict[str, dict[str, object]]:
        return {
            key: {"source": "here", "dtype": "boolean" if entry["value"] in (True, False) else "number", "shape": []}
            for key, entry in self.read().items()
        }

    def describe_configuration(self) -> dict[str, Any]:
        return {key: {"source": "here", "dtype": "number", "shape": []} for key in self.read_configuration()}

    def read(self) -> dict[str, Any]:
        raise NotImplementedError

    def read_configuration(self) -> dict[str, Any]:
        return {}

    def begin(self, seconds: float, then: Callable[[], None]) -> Status:
        """Return the status of something that takes `seconds` of lab time."""
        status = Status()

        async def last() -> None:
            await asyncio.sleep(seconds)
            then()
            status.set_finished()

        self.tasks = {*getattr(self, "tasks", ()), self.clock.loop.create_task(last())}
        return status


class Pump(Apparatus):
    """A syringe pump between `source` and `sink` (the vessel, or None for elsewhere); `arrives` of a dose arrives."""

    capacity = 10.0

    def __init__(self, name: str, *common: Any, source: Vessel | None, sink: Vessel | None) -> None:
        super().__init__(name, *common)
        self.source, self.sink = source, sink
        self.contents, self.liquid, self.arrives, self.busy = 0.0, 0.0, 1.0, False

    def read(self) -> dict[str, Any]:
        return self.reading(contents_mL=self.contents)

    def read_configuration(self) -> dict[str, Any]:
        return self.reading(capacity=self.capacity)

    def set(self, command: Dispense | Withdraw) -> Status:
        assert not self.busy, "two commands at once"
        room = self.contents if isinstance(command, Dispense) else self.capacity - self.contents
        if command.volume > room + 1e-9:
            msg = f"{command} does not fit"
            raise OutsideLimits(msg, instrument=self.name)
        self.busy = True
        return self.begin(command.volume / command.rate * 60, lambda: self._end(command))

    def _end(self, command: Dispense | Withdraw) -> None:
        self.busy = False
        self.done.append((self.name, command))
        if isinstance(command, Dispense):
            self.contents -= command.volume
            out = min(self.liquid, command.volume)
            self.liquid -= out
            if self.sink is not None:
                self.sink.grams += out * self.arrives
            return
        self.contents += command.volume
        taken = command.volume if self.source is None else min(self.source.grams, command.volume)
        self.liquid += taken
        if self.source is not None:
            self.source.grams -= taken


class Balance(Apparatus):
    """A balance; `errors` are added to the next weighings, one each, `stable` is what it says."""

    def __init__(self, name: str, *common: Any) -> None:
        super().__init__(name, *common)
        self.tare, self.shown, self.stable = 0.0, 0.0, True
        self.errors: Iterator[float] = iter(())

    def read(self) -> dict[str, Any]:
        return self.reading(weight=self.shown, stable=self.stable)

    def trigger(self) -> Status:
        def show() -> None:
            self.shown = self.vessel.grams - self.tare + next(self.errors, 0.0)
            self.done.append((self.name, "weighed"))

        return self.begin(1.5, show)

    def set(self, command: str) -> Status:
        def zero() -> None:
            self.tare = self.vessel.grams
            self.done.append((self.name, command))

        return self.begin(1.5, zero)


class Bench:
    """The apparatus and a RunEngine in virtual time."""

    def __init__(self, clock: Clock) -> None:
        self.clock, self.vessel = clock, Vessel()
        self.done: list[tuple[str, object]] = []
        common = (clock, self.vessel, self.done)
        self.pump = Pump("dosing", *common, source=None, sink=self.vessel)
        self.waste: Any = Pump("waste", *common, source=self.vessel, sink=None)
        self.waste.capacity = 50.0
        self.balance: Any = Balance("balance", *common)
        self.lab: Any = SimpleNamespace(pump=self.pump, waste=self.waste, balance=self.balance, now=clock.now)
        self.engine = RunEngine({}, loop=clock.loop, context_managers=[], call_returns_result=True)
        self.documents: list[tuple[str, dict[str, Any]]] = []
        self.engine.subscribe(self._note)  # type: ignore[no-untyped-call]

    def _note(self, name: str, document: dict[str, Any]) -> None:
        self.documents.append((name, document))

    def run(self, plan: Generator[Any, Any, Any]) -> Any:
        """Run a plan to its end, resuming it whenever it is paused, and return what it returns."""
        with self.clock.running():
            call: Callable[[], Any] = lambda: self.engine(plan)  # noqa: E731  replaced below
            while True:
                try:
                    return call().plan_result
                except Exception as error:
                    if self.engine.state != "paused":
                        raise error.__cause__ if isinstance(error.__cause__, Exception) else error from None
                    call = self.engine.resume

    def commands(self, name: str) -> list[object]:
        """Return what the instrument did, without weighings."""
        return [what for who, what in self.done if who == name and what != "weighed"]

    def events(self) -> list[dict[str, Any]]:
        return [document["data"] for name, document in self.documents if name == "event"]


@pytest.fixture
def clock() -> Iterator[Clock]:
    made = Clock("virtual")
    made.start()
    threads: Any = bluesky_loops  # bluesky 1.15 looks the thread of a running loop up here
    threads.loop_to_thread.setdefault(made.loop, made.thread)
    yield made
    made.close()


@pytest.fixture
def bench(clock: Clock) -> Bench:
    return Bench(clock)


# ---- a bench that formulates: stocks, mixing vessel on the balance, cell on a hotplate


STOCKS = {
    "solvent": Stock("PC", {"PC": 1.0}, density=1.2, price=0.4),
    "blend": Stock("EC_EMC", {"EC": 0.5, "EMC": 0.5}, density=1.1, price=0.5),
    "salt": Stock("LiPF6_2m", {"EC": 0.3, "EMC": 0.7}, {"LiPF6": 2.0}, density=1.3, price=1.5),
    "rinse": Stock("rinse", {"EMC": 1.0}, density=1.0, price=0.1),
}


class Liquid:
    """mL of each stock in a bottle, vessel or syringe; `film` mL stay behind when something is taken."""

    def __init__(self, film: float = 0.0, **volumes: float) -> None:
        self.volumes, self.film = dict(volumes), film

    @property
    def total(self) -> float:
        return sum(self.volumes.values())

    @property
    def grams(self) -> float:
        return sum(volume * STOCKS[name].density for name, volume in self.volumes.items())

    def take(self, volume: float) -> "Liquid":
        share = min(volume, max(self.total - self.film, 0.0)) / self.total if self.total > 0 else 0.0
        taken = Liquid(**{name: one * share for name, one in self.volumes.items()})
        self.volumes = {name: one * (1 - share) for name, one in self.volumes.items()}
        return taken

    def pour(self, other: "Liquid", share: float = 1.0) -> None:
        for name, volume in other.volumes.items():
            self.volumes[name] = self.volumes.get(name, 0.0) + volume * share

    def conductivity(self, celsius: float) -> float:
        """Return mS/cm: 20 in the salt's stock at 25 degC, in proportion to its share; a probe not covered sees none."""
        if self.total < 5.0 - 1e-6:
            return 0.0
        return 20 * self.volumes.get("salt", 0.0) / self.total * (1 + 0.02 * (celsius - 25))


class Syringe(Apparatus):
    """A pump that takes liquid from `source` and pushes it, then air, to `sink`; both may be changed in the tests.

    `arrives` of what is pushed arrives; `spilled` is what it has pushed into a vessel that was full.
    """

    capacity = 50.0

    def __init__(self, name: str, *common: Any, source: Liquid, sink: Liquid | None, room: float = math.inf) -> None:
        super().__init__(name, *common)
        self.source, self.sink, self.room = source, sink, room
        self.contents, self.liquid, self.arrives, self.busy, self.spilled = 0.0, Liquid(), 1.0, False, 0.0

    def read(self) -> dict[str, Any]:
        return self.reading(contents_mL=self.contents)

    def read_configuration(self) -> dict[str, Any]:
        return self.reading(capacity=self.capacity)

    def set(self, command: Dispense | Withdraw) -> Status:
        assert not self.busy, "two commands at once"
        room = self.contents if isinstance(command, Dispense) else self.capacity - self.contents
        assert 0 < command.volume <= room + 1e-9, f"{self.name}: {command} does not fit"
        self.busy = True
        return self.begin(command.volume / command.rate * 60, lambda: self._end(command))

    def _end(self, command: Dispense | Withdraw) -> None:
        self.busy = False
        self.done.append((self.name, command))
        if isinstance(command, Withdraw):
            self.contents += command.volume
            self.liquid.pour(self.source.take(command.volume))
            return
        self.contents -= command.volume
        pushed = self.liquid.take(command.volume)
        if self.sink is not None:
            self.sink.pour(pushed, self.arrives)
            self.spilled = max(self.spilled, self.sink.total - self.room)


class MixerBalance(Balance):
    """A balance that tells its tare, and cannot tare what weighs less than its `zero`, g."""

    zero = 0.0

    def read(self) -> dict[str, Any]:
        return self.reading(weight=self.shown, stable=self.stable, tare=self.tare)

    def trigger(self) -> Status:
        def show() -> None:
            self.shown = self.vessel.grams - self.zero - self.tare + next(self.errors, 0.0)
            self.done.append((self.name, "weighed"))

        return self.begin(1.5, show)

    def set(self, command: str) -> Status:
        def zero() -> None:
            assert self.vessel.grams >= self.zero, "less than nothing cannot be tared"
            self.tare = self.vessel.grams - self.zero
            self.done.append((self.name, command))

        return self.begin(1.5, zero)


class Heater(Apparatus):
    """A heater of the cell: where it goes it gets in `seconds`, unless it fails with `fault`."""

    seconds = 300.0
    fault: Exception | None = None

    def __init__(self, name: str, *common: Any) -> None:
        super().__init__(name, *common)
        self.celsius, self.on = 21.0, False

    def read(self) -> dict[str, Any]:
        return self.reading(readback=self.celsius)

    def trigger(self) -> Status:
        return self.begin(0.1, lambda: None)

    def set(self, value: float | str) -> Status:
        self.done.append((self.name, value))
        self.on = value != "off"
        if self.fault is not None and self.on:
            status = Status()
            status.set_exception(self.fault)
            return status
        return self.begin(self.seconds if self.on else 0.1, lambda: self._reach(value))

    def _reach(self, value: float | str) -> None:
        self.celsius = 21.0 if value == "off" else float(value)


class Stirrer(Apparatus):
    """A stirrer."""

    on = False

    def read(self) -> dict[str, Any]:
        return self.reading(readback=400.0 if self.on else 0.0)

    def set(self, value: float | str) -> Status:
        self.done.append((self.name, value))
        self.on = value != "off"
        return self.begin(2.0, lambda: None)


class Probe(Apparatus):
    """A conductivity probe in the cell; `errors` are added to the next readings, `factor` multiplies them."""

    def __init__(self, name: str, *common: Any, heater: Heater) -> None:
        super().__init__(name, *common)
        self.heater, self.shown, self.stable, self.factor = heater, 0.0, True, 1.0
        self.errors: Iterator[float] = iter(())

    def read(self) -> dict[str, Any]:
        return self.reading(conductivity=self.shown, stable=self.stable)

    def trigger(self) -> Status:
        def show() -> None:
            self.shown = self.factor * self.vessel.conductivity(self.heater.celsius) + next(self.errors, 0.0)
            self.done.append((self.name, "measured"))

        return self.begin(3.0, show)


class FormulationBench(Bench):
    """Seven pumps, balance, hotplate and probe around a mixing vessel and a cell."""

    def __init__(self, clock: Clock) -> None:
        super().__init__(clock)
        self.mixer, self.cell = Liquid(film=0.02), Liquid(film=0.05)
        self.bottles = {name: Liquid(**{name: 10_000.0}) for name in STOCKS}
        common = (clock, self.mixer, self.done)
        pumps = {
            name: Syringe(f"pump_{name}", *common, source=self.bottles[name], sink=self.mixer, room=20.0)
            for name in STOCKS
        }
        self.transfer: Any = Syringe("transfer", *common, source=self.mixer, sink=self.cell, room=20.0)
        self.waste: Any = Syringe("waste", *common, source=self.cell, sink=None)
        self.balance: Any = MixerBalance("balance", *common)
        self.heater, self.stirrer = Heater("plate_heater", *common), Stirrer("plate_stirrer", *common)
        self.probe = Probe("probe", clock, self.cell, self.done, heater=self.heater)
        self.pumps, self.stocks = pumps, STOCKS
        parts: dict[str, Any] = {"balance": self.balance, "heater": self.heater, "stirrer": self.stirrer}
        parts |= {"transfer": self.transfer, "waste": self.waste, "cell": self.probe}
        self.lab = SimpleNamespace(now=clock.now, stocks=STOCKS, **pumps, **parts)

    def movements(self) -> list[tuple[str, object]]:
        """Return what pumps did."""
        return [(who, what) for who, what in self.done if isinstance(what, Dispense | Withdraw)]


@pytest.fixture
def mixing_bench(clock: Clock) -> FormulationBench:
    return FormulationBench(clock)
