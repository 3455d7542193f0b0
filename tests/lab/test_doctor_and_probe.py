"""How a lab is, and what answers on its ports: asked without moving anything."""

from __future__ import annotations

import copy
import datetime
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from autolab.lab.declaration import LabDeclaration
from autolab.lab.doctor import Health, examine
from autolab.lab.lab import Lab
from autolab.lab.probe import Answer, probe
from autolab.model.clock import Clock
from autolab.simulators.bench import Bench

LAB: dict[str, Any] = {
    "instruments": {
        "dosing": {
            "driver": "new_era.NE1000", "address": "serial:///dev/ttyUSB0?bus=0", "syringe_mm": 14.5, "volume_mL": 10,
            "stock": "water", "refill": "check_valve",
        },
        "balance": {
            "driver": "mettler_toledo.Balance", "address": "serial:///dev/ttyUSB1", "calibrated": "2026-01-10",
            "calibrate_every_days": 365,
        },
        "plate": {"driver": "ika.RCT", "address": "serial:///dev/ttyUSB2"},
        "probe": {"driver": "atlas_ezo.EC", "address": "serial:///dev/ttyUSB3"},
    },
    "plumbing": {"dosing": "beaker", "balance": "beaker", "plate": "beaker", "probe": "beaker"},
    "virtual": {"world": "dosing", "vessels": {"beaker": {"volume_mL": 100}}},
}  # fmt: skip
TODAY = datetime.date(2026, 11, 3)

Made = tuple[Bench, Lab]


@pytest.fixture
def lab_file() -> dict[str, Any]:
    return copy.deepcopy(LAB)


@pytest.fixture
def make(lab_file: dict[str, Any]) -> Iterator[Callable[[], Made]]:
    made: list[Made] = []

    def lab() -> Made:
        clock = Clock("virtual")
        bench = Bench(lab_file, clock=clock)
        made.append((bench, Lab.build(LabDeclaration.from_json(lab_file), clock=clock, bench=bench)))
        return made[-1]

    yield lab
    for bench, built in made:
        built.disconnect()
        bench.close()
        built.clock.close()


def asked(lab: Lab) -> dict[str, Health]:
    return {one.instrument: one for one in lab.clock.run(examine(lab, TODAY))}


def test_a_lab_that_is_well(make: Callable[[], Made]) -> None:
    bench, lab = make()
    found = asked(lab)
    assert {name: one.trouble for name, one in found.items()} == dict.fromkeys(LAB["instruments"], "")
    assert found["balance"].identity["serial_number"] == "B207696838"
    assert found["balance"].calibration == "297 days ago, due every 365"
    assert found["probe"].state["calibration_points"] == 1
    assert all(one.round_trip_s is not None for one in found.values())
    assert all(bench.is_safe().values())
    assert bench.ledger.entries == []


def test_each_trouble_is_told_with_what_to_try(make: Callable[[], Made], lab_file: dict[str, Any]) -> None:
    lab_file["instruments"]["plate"]["model"] = "C-MAG HS7"
    lab_file["instruments"]["balance"]["calibrate_every_days"] = 100
    bench, lab = make()
    bench.inject("probe", "hang")
    found = asked(lab)
    assert found["dosing"].ok
    assert found["plate"].trouble.startswith("WrongInstrument: 'RCT digital' answers, wanted is C-MAG HS7")
    assert "two cables may be exchanged" in found["plate"].remedy
    assert "InstrumentTimeout: no reply within" in found["probe"].trouble
    assert "saw b''" in found["probe"].trouble
    assert "is it switched on" in found["probe"].remedy
    assert found["balance"].trouble == "calibration is overdue: 297 days ago, due every 100"


def test_health_as_json(make: Callable[[], Made]) -> None:
    _, lab = make()
    told = asked(lab)["dosing"].to_json()
    assert (told["driver"], told["ok"], told["address"]) == ("new_era.NE1000", True, "serial:///dev/ttyUSB0?bus=0")


# ---- probing -----------------------------------------------------------------------------------------------------------


@pytest.fixture
def served(lab_file: dict[str, Any]) -> Iterator[tuple[LabDeclaration, dict[str, str], Clock]]:
    """Serve the lab on TCP ports; give its declaration, the addresses, and a clock to ask with."""
    simulated, clock = Clock("real"), Clock("real")
    with Bench(lab_file, clock=simulated) as bench:
        addresses = bench.serve()
        clock.start()
        yield LabDeclaration.from_json(lab_file), addresses, clock
    clock.close()
    simulated.close()


def found_at(declared: LabDeclaration, addresses: dict[str, str], clock: Clock) -> dict[str, Answer]:
    return {one.instrument: one for one in clock.run(probe(declared.instruments, addresses, clock))}


Served = tuple[LabDeclaration, dict[str, str], Clock]


@pytest.mark.slow
def test_exchanged_cables_and_an_absent_instrument_are_found(served: Served) -> None:
    declared, addresses, clock = served
    addresses["balance"], addresses["plate"] = addresses["plate"], addresses["balance"]
    addresses["probe"] = "tcp://127.0.0.1:1"
    found = found_at(declared, addresses, clock)
    assert found["dosing"].ok
    assert "NE1000" in found["dosing"].identity
    assert (found["balance"].driver, found["plate"].driver) == ("ika.RCT", "mettler_toledo.Balance")
    assert not found["balance"].ok
    assert (found["probe"].driver, found["probe"].ok) == ("", False)
    assert "cannot connect" in found["probe"].trouble
    assert found["balance"].to_json()["answers"] == "ika.RCT"


@pytest.mark.slow
def test_a_port_that_answers_is_asked_nothing_else(lab_file: dict[str, Any]) -> None:
    clock = Clock("real")
    with Bench(lab_file, clock=clock) as bench:
        heard: list[bytes] = []
        balance = bench.instrument("balance")
        receive = balance.receive

        def listen(data: bytes) -> None:
            heard.append(data)
            receive(data)

        balance.receive = listen
        asking = Clock("real")
        found = found_at(LabDeclaration.from_json(lab_file), bench.serve(), asking)
        asking.close()
    clock.close()
    assert found["balance"].ok
    assert heard == [b"I4\r\n"]
