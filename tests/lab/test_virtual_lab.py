"""Drivers, simulators and the gravimetric protocol together, through leased handles, in virtual time."""

import asyncio
from collections.abc import Callable, Generator, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from bluesky import plan_stubs as bps
from bluesky.run_engine import RunEngine
from bluesky.run_engine import _ensure_event_loop_running as bluesky_loops

from autolab.lab.declaration import LabDeclaration
from autolab.lab.lab import Lab
from autolab.model.clock import Clock
from autolab.model.errors import InDoubt, LeaseOver
from autolab.model.roles import Withdraw
from autolab.protocols import stubs
from autolab.protocols.gravimetric import Gravimetric
from autolab.simulators.bench import Bench

LAB = yaml.safe_load(Path(__file__).parents[2].joinpath("examples/dosing/lab.yaml").read_text("utf-8"))
ROLES = {"pump": "dosing", "waste": "waste", "balance": "balance"}
POINT = {"rate": 4.0, "suck_back": 15.0, "dwell": 3.0}
Plan = Generator[Any, Any, Any]


class Station:
    """A virtual lab, connected, and a plain RunEngine beside it."""

    def __init__(self, seed: int) -> None:
        self.clock = Clock("virtual")
        self.clock.start()
        threads: Any = bluesky_loops  # bluesky 1.15 looks the thread of a running loop up here
        threads.loop_to_thread.setdefault(self.clock.loop, self.clock.thread)
        declaration = LabDeclaration.from_json(LAB)
        self.bench = Bench(declaration.to_json(addresses=True), clock=self.clock, seed=seed)
        self.lab = Lab.build(declaration, clock=self.clock, bench=self.bench)
        self.lab.connect()
        self.engine = RunEngine({}, loop=self.clock.loop, context_managers=[], call_returns_result=True)

    def run(self, plan: Plan) -> Any:
        with self.clock.running():
            result: Any = self.engine(plan)
        return result.plan_result

    def in_beaker(self) -> float:
        """Return what the vessel truly holds, mL."""
        world: Any = self.bench.world
        return float(world.containers["beaker"].volume)

    def close(self) -> None:
        self.lab.disconnect()
        self.bench.close()
        self.clock.close()


@pytest.fixture
def station() -> Iterator[Callable[[int], Station]]:
    made: list[Station] = []

    def make(seed: int) -> Station:
        made.append(Station(seed))
        return made[-1]

    yield make
    for one in made:
        one.close()


def attempt(protocol: Gravimetric, lab: Any, point: dict[str, float]) -> Plan:
    yield from bps.open_run()
    outcome = yield from protocol.perform(lab, point)
    yield from bps.close_run()
    return outcome


def campaign(station: Station, attempts: int) -> list[Any]:
    protocol, outcomes = Gravimetric(), []
    station.lab.check_roles(protocol.needs, ROLES)
    for number in range(1, attempts + 1):
        station.bench.reseed(number, 1)
        with station.lab.lease(ROLES, holder=f"trial {number}") as lease:
            if number == 1:
                station.run(protocol.recover(lease.lab))
            began = station.clock.now()
            outcomes.append(station.run(attempt(protocol, lease.lab, POINT)))
            outcomes.append(station.clock.now() - began)
    return outcomes


def test_doses_are_plausible_and_an_attempt_takes_ten_minutes(station: Callable[[int], Station]) -> None:
    outcome, seconds = campaign(station(1), 1)
    assert 0 < outcome["error"][0] < 10
    assert outcome["seconds"] == pytest.approx(15 + 3 + 1, abs=2)
    assert seconds >= 600


def test_two_labs_with_one_seed_do_the_same(station: Callable[[int], Station]) -> None:
    first, again, other = campaign(station(1), 2), campaign(station(1), 2), campaign(station(2), 2)
    assert first == again
    assert first != other


def test_the_vessel_is_empty_after_each_attempt(station: Callable[[int], Station]) -> None:
    one = station(3)
    campaign(one, 2)
    assert one.in_beaker() < 0.5


def test_recover_empties_a_vessel_that_nobody_knows_about(station: Callable[[int], Station]) -> None:
    one = station(4)

    def soil() -> Plan:
        yield from stubs.refill(lease.lab.pump, 5.0)
        yield from stubs.dispense(lease.lab.pump, 9.0, 8.0)
        yield from stubs.withdraw(lease.lab.waste, 3.0, 20.0)

    with one.lab.lease(ROLES) as lease:
        one.run(soil())
        one.run(Gravimetric().recover(lease.lab))
    assert one.in_beaker() < 0.5
    assert one.lab.find("waste").contents_mL.get() == pytest.approx(0.0, abs=0.01)
    assert one.lab.find("dosing").contents_mL.get() == pytest.approx(10.0, abs=0.01)


def test_an_interlock_of_the_lab_file_sees_the_weight(station: Callable[[int], Station]) -> None:
    one = station(5)
    trips: list[tuple[str, str]] = []
    one.lab.interlocks.watch(lambda name, why: trips.append((name, why)))
    one.lab.find("balance").weight.tell(195.0)
    assert trips == [("balance.weight >= 190", "balance.weight is 195.0")]


def test_the_lab_is_safe_although_a_pump_was_running(station: Callable[[int], Station]) -> None:
    one = station(6)

    async def begin_and_make_safe() -> tuple[bool, bool, BaseException | None]:
        status = one.lab.find("dosing").set(Withdraw(9.0, 1.0))
        await asyncio.sleep(60)
        moving = all(one.bench.is_safe().values())
        report = await one.lab.do_make_safe()
        await asyncio.sleep(0)
        return moving, report.ok, status.exception(0)

    still, ok, error = one.clock.run(begin_and_make_safe())
    assert not still
    assert ok
    assert isinstance(error, InDoubt)
    assert all(one.bench.is_safe().values())


def test_a_late_protocol_cannot_touch_the_next_attempt(station: Callable[[int], Station]) -> None:
    one = station(7)
    lease = one.lab.lease(ROLES, holder="trial 1")
    late = lease.lab.pump
    lease.release()
    with one.lab.lease(ROLES, holder="trial 2"), pytest.raises(LeaseOver, match="the lease of trial 1 is over"):
        one.run(stubs.withdraw(late, 1.0, 1.0))
    assert one.lab.find("dosing").contents_mL.get() == 0.0
