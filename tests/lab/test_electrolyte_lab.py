"""The example's electrolyte lab and the formulation protocol: drivers and simulators, leased handles, virtual time."""

import copy
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
from autolab.model.errors import InstrumentError
from autolab.protocols.formulation import Formulation
from autolab.protocols.liquids import DoseOff, NotEmpty
from autolab.protocols.rinsing import ProbeDrifts
from autolab.simulators.bench import Bench
from autolab.simulators.conductivity import conductivity

EXAMPLE = Path(__file__).parents[2] / "examples" / "electrolyte"
LAB = yaml.safe_load((EXAMPLE / "lab.yaml").read_text("utf-8"))
PROTOCOL = yaml.safe_load((EXAMPLE / "campaign.yaml").read_text("utf-8"))["protocol"]
POINT = {"ec_emc": 0.3, "pc": 0.1, "emc": 0.2, "salt": 0.4, "temperature": 35.0}
BOTTLES = {"ec_emc": "EC_EMC", "pc": "PC", "emc": "EMC", "salt": "LiPF6_2m"}
SPECIES = ("EC", "PC", "EMC", "LiPF6")
Plan = Generator[Any, Any, Any]


def made(**changed: Any) -> Formulation:
    told = {key: value for key, value in PROTOCOL.items() if key not in ("use", "with")}
    return Formulation(**told, **changed)


class Station:
    """The virtual lab, connected, and a plain RunEngine beside it."""

    def __init__(self, **virtual: Any) -> None:
        self.clock = Clock("virtual")
        self.clock.start()
        threads: Any = bluesky_loops  # bluesky 1.15 looks the thread of a running loop up here
        threads.loop_to_thread.setdefault(self.clock.loop, self.clock.thread)
        file = copy.deepcopy(LAB)
        file["virtual"] |= virtual
        declaration = LabDeclaration.from_json(file)
        self.bench = Bench(declaration.to_json(addresses=True), clock=self.clock, seed=3)
        self.lab = Lab.build(declaration, clock=self.clock, bench=self.bench)
        self.lab.connect()
        self.roles = self.lab.lease(PROTOCOL["with"]).lab
        engine: Any = RunEngine({}, loop=self.clock.loop, context_managers=[], call_returns_result=True)
        self.engine = engine
        self.movements = 0
        self.engine.msg_hook = self._note

    def _note(self, message: Any) -> None:
        self.movements += message.command == "set" and getattr(message.obj, "role", "") == "pump"

    def run(self, plan: Plan) -> Any:
        with self.clock.running():
            try:
                result: Any = self.engine(plan)
            except Exception as error:
                raise error.__cause__ if isinstance(error.__cause__, InstrumentError) else error from None
        return result.plan_result

    def attempt(self, point: dict[str, float], protocol: Formulation) -> Any:
        def plan() -> Plan:
            yield from bps.open_run()
            outcome = yield from protocol.perform(self.roles, point)
            yield from bps.close_run()
            return outcome

        protocol.check(self.roles, point)
        return self.run(plan())

    def volume(self, vessel: str) -> float:
        """Return what a vessel truly holds, mL."""
        world: Any = self.bench.world
        return float(world.containers[vessel].volume)

    def close(self) -> None:
        self.lab.make_safe()
        self.lab.disconnect()
        self.bench.close()
        self.clock.close()


@pytest.fixture
def station() -> Iterator[Callable[..., Station]]:
    built: list[Station] = []

    def build(**virtual: Any) -> Station:
        built.append(Station(**virtual))
        return built[-1]

    yield build
    for one in built:
        one.close()


def truth(protocol: Formulation, point: dict[str, float], stocks: Any) -> tuple[float, dict[str, float]]:
    """Return what a point's mixture conducts and is made of, without noise."""
    asked = protocol.composition_of(point, stocks)
    amounts = {name: asked.amount(name) for name in SPECIES}
    return conductivity(amounts["LiPF6"], amounts["EC"], amounts["PC"], amounts["EMC"], point["temperature"]), amounts


def test_two_attempts_come_near_to_the_truth_and_end_clean(station: Callable[..., Station]) -> None:
    bench, protocol = station(), made()
    bench.run(protocol.recover(bench.roles))
    for point in (POINT, {"ec_emc": 0.2, "pc": 0.0, "emc": 0.1, "salt": 0.7, "temperature": 45.0}):
        bench.movements, began = 0, bench.clock.now()
        outcome = bench.attempt(point, protocol)
        expected, amounts = truth(protocol, point, bench.roles.stocks)
        assert outcome["conductivity"][0] == pytest.approx(expected, rel=0.02)
        assert 0 < outcome["conductivity"][1] < 0.01 * expected
        assert {name: outcome[name] for name in SPECIES} == pytest.approx(amounts, abs=0.01)
        assert outcome["temperature_measured"] == pytest.approx(point["temperature"], abs=0.5)
        prices = {name: LAB["stocks"][stock]["price_per_mL"] for name, stock in BOTTLES.items()}
        assert outcome["cost"] == pytest.approx(sum(point[name] * price for name, price in prices.items()))
        assert bench.volume("mixer") < 0.3
        assert bench.volume("cell") < 0.3
        assert bench.movements <= 14 + 4  # four pumps refill in the first attempt
        assert 600 < bench.clock.now() - began < 1800


def test_a_clogged_line_fails_the_attempt_and_is_recovered_from(station: Callable[..., Station]) -> None:
    bench, protocol = station(), made()
    world: Any = bench.bench.world
    bench.run(protocol.recover(bench.roles))
    world.clog("pump_pc", 0.5)
    with pytest.raises(
        DoseOff, match=r"pump_pc: dosed 0\.\d+ g of PC instead of 0\.964 g .* is the line or its nozzle"
    ):
        bench.attempt(POINT, protocol)
    world.clog("pump_pc", 1.0)
    assert bench.volume("mixer") > 2
    bench.run(protocol.recover(bench.roles))
    assert bench.volume("mixer") < 0.3
    expected, _amounts = truth(protocol, POINT, bench.roles.stocks)
    # What the syringe of the clogged pump holds is not known: it must be enough for one more dose.
    assert bench.attempt(POINT, protocol)["conductivity"][0] == pytest.approx(expected, rel=0.03)


def test_a_bottle_that_runs_dry_is_told_by_weight(station: Callable[..., Station]) -> None:
    bench, protocol = station(stock_mL={"LiPF6_2m": 5.0}), made()
    bench.run(protocol.recover(bench.roles))
    bench.attempt(POINT, protocol)
    with pytest.raises(DoseOff, match=r"pump_salt: dosed \d\.\d+ g of LiPF6_2m instead of 4\.128 g .* bottle empty"):
        bench.attempt(POINT, protocol)


def test_a_probe_that_drifts_fails_the_attempt(station: Callable[..., Station]) -> None:
    bench, protocol = station(instruments={"probe": {"trend_per_h": 5.0}}), made(clean_mS_cm=2.0)
    bench.run(protocol.recover(bench.roles))
    with pytest.raises(ProbeDrifts, match="probe: "):
        bench.attempt(POINT, protocol)


def test_a_waste_line_that_is_clogged_is_seen_by_the_probe(station: Callable[..., Station]) -> None:
    bench, protocol = station(), made()
    world: Any = bench.bench.world
    bench.run(protocol.recover(bench.roles))
    world.clog("waste", 0.0)
    with pytest.raises(NotEmpty, match=r"waste: the cell is not empty: the probe still reads"):
        bench.attempt(POINT, protocol)
    world.clog("waste", 1.0)
    bench.run(protocol.recover(bench.roles))
    assert bench.volume("cell") < 0.3


def test_recover_begins_with_full_vessels(station: Callable[..., Station]) -> None:
    vessels = {
        "mixer": {"volume_mL": 20, "contents_mL": 19, "stock": "LiPF6_2m"},
        "cell": {"volume_mL": 20, "contents_mL": 19, "stock": "LiPF6_2m"},
    }
    bench, protocol = station(vessels=vessels), made()
    bench.run(protocol.recover(bench.roles))
    assert bench.volume("mixer") < 0.3
    assert bench.volume("cell") < 0.3
    world: Any = bench.bench.world
    assert world.parts.spilled.volume == 0
    expected, _amounts = truth(protocol, POINT, bench.roles.stocks)
    assert bench.attempt(POINT, protocol)["conductivity"][0] == pytest.approx(expected, rel=0.02)
