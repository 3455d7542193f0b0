"""Two pumps and a balance around one vessel, in virtual time, with the least physics that a protocol needs."""

import asyncio
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


class Vessel:
    """What stands on the balance: g of water, mL being g here."""

    def __init__(self) -> None:
        self.grams = 0.0


class Apparatus:
    """What the pump and the balance have in common; `done` lists what was done."""

    def __init__(self, name: str, clock: Clock, vessel: Vessel, done: list[tuple[str, object]]) -> None:
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
        self.waste = Pump("waste", *common, source=self.vessel, sink=None)
        self.waste.capacity = 50.0
        self.balance = Balance("balance", *common)
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
