from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from autolab.lab.building import is_simulated
from autolab.lab.declaration import LabDeclaration
from autolab.lab.lab import Lab
from autolab.model.clock import Clock
from autolab.model.errors import InputError, LabNotReady, UnknownPlugin
from autolab.simulators.bench import Bench

LAB = yaml.safe_load(Path(__file__).parents[2].joinpath("examples/dosing/lab.yaml").read_text("utf-8"))
DECLARATION = LabDeclaration.from_json(LAB)


@pytest.fixture
def clock() -> Iterator[Clock]:
    made = Clock("virtual")
    yield made
    made.close()


@pytest.fixture
def bench(clock: Clock) -> Iterator[Bench]:
    with Bench(DECLARATION.to_json(addresses=True), clock=clock, seed=3) as made:
        yield made


def test_a_virtual_lab_in_memory_connects_and_is_safe(clock: Clock, bench: Bench) -> None:
    lab = Lab.build(DECLARATION, clock=clock, bench=bench)
    lab.connect()
    assert lab.instruments["dosing"].role == "pump"
    assert lab.make_safe().ok
    assert all(bench.is_safe().values())
    lab.disconnect()


def test_a_lab_lets_its_ports_go_and_takes_them_again(clock: Clock, bench: Bench) -> None:
    lab = Lab.build(DECLARATION, clock=clock, bench=bench)
    for _time in range(2):
        lab.connect()
        lab.disconnect()
    assert lab.make_safe().ok


def test_a_silent_instrument_is_reported_and_the_others_are_let_go(clock: Clock, bench: Bench) -> None:
    for nth in range(1, 60):
        bench.inject("balance", "drop", nth=nth)
    lab = Lab.build(DECLARATION, clock=clock, bench=bench)
    with pytest.raises(LabNotReady, match=r"1 of 3 instruments are not ready.*\n  balance on .*Try: "):
        lab.connect()


def test_a_lab_in_another_process_is_reached_by_the_addresses_it_told(bench: Bench) -> None:
    elsewhere = Clock("real")
    served = Bench(DECLARATION.to_json(addresses=True), clock=elsewhere)
    lab = Lab.build(DECLARATION, clock=elsewhere, addresses=served.serve("tcp://127.0.0.1:0"))
    try:
        lab.connect()
        assert lab.instruments["balance"].identify()["model"]
    finally:
        lab.disconnect()
        served.close()
        elsewhere.close()


@pytest.mark.parametrize("given", [{}, {"physical": True, "addresses": {}}, {"bench": object(), "physical": True}])
def test_which_lab_it_is_must_be_said(clock: Clock, given: dict[str, object]) -> None:
    with pytest.raises(InputError, match="say which lab it is"):
        Lab.build(DECLARATION, clock=clock, **given)  # type: ignore[arg-type]


GOOD = {"dosing": "tcp://127.0.0.1:9?bus=0", "waste": "tcp://127.0.0.1:9?bus=1", "balance": "serial:///dev/pts/3"}


@pytest.mark.parametrize(
    ("change", "match"),
    [
        ({"balance": "serial:///dev/ttyUSB1"}, r"addresses\.balance: 'serial:///dev/ttyUSB1' may be hardware"),
        ({"balance": "tcp://192.168.0.7:4001"}, "may be hardware"),
        ({"blance": "serial:///dev/pts/4"}, "'blance' is no instrument of this lab: did you mean 'balance'"),
    ],
)
def test_addresses_that_may_be_hardware_or_nothing_are_refused(
    clock: Clock, change: dict[str, str], match: str
) -> None:
    with pytest.raises(InputError, match=match):
        Lab.build(DECLARATION, clock=clock, addresses={**GOOD, **change})


def test_every_instrument_needs_an_address(clock: Clock) -> None:
    with pytest.raises(InputError, match="addresses: nothing for waste, balance: serve the same lab file again"):
        Lab.build(DECLARATION, clock=clock, addresses={"dosing": GOOD["dosing"]})


@pytest.mark.parametrize(
    ("address", "simulated"),
    [
        ("serial:///dev/pts/12", True),
        ("serial:///dev/pts/12?bus=3&baud=9600", True),
        ("serial:///dev/ttys004", True),
        ("tcp://127.0.0.1:4001", True),
        ("tcp://localhost:4001?bus=0", True),
        ("tcp://[::1]:4001", True),
        ("serial:///dev/ttyUSB0", False),
        ("serial:///dev/ttyS0", False),
        ("serial:///dev/pts/../ttyUSB0", False),
        ("serial://COM4", False),
        ("serial://COM4/dev/pts/1", False),
        ("tcp://10.0.0.1:4001", False),
        ("tcp://localhost.example.org:4001", False),
        ("tcp:///dev/pts/1", False),
        ("socket://127.0.0.1:4001", False),
        ("", False),
    ],
)
def test_only_what_cannot_be_hardware_counts_as_simulated(address: str, simulated: bool) -> None:
    assert is_simulated(address) is simulated


def test_a_physical_lab_uses_the_files_addresses_and_opens_nothing_yet(clock: Clock) -> None:
    lab = Lab.build(DECLARATION, clock=clock, physical=True)
    assert lab.physical
    assert lab.instruments["balance"].address.text == "serial:///dev/ttyUSB1"


def test_a_driver_that_nobody_knows_is_told(clock: Clock) -> None:
    changed = LabDeclaration.from_json({"instruments": {"p": {"driver": "new_era.NE100", "address": "serial://COM1"}}})
    with pytest.raises(UnknownPlugin, match=r"did you mean 'new_era.NE1000'"):
        Lab.build(changed, clock=clock, physical=True)


def test_settings_that_cannot_be_are_told_with_the_instrument(clock: Clock) -> None:
    pump = {"driver": "new_era.NE1000", "address": "serial://COM1", "syringe_mm": -1, "volume_mL": 10}
    with pytest.raises(InputError, match=r"(?s)p .*syringe_mm"):
        Lab.build(LabDeclaration.from_json({"instruments": {"p": pump}}), clock=clock, physical=True)


def test_limits_of_the_lab_file_reach_the_driver(clock: Clock) -> None:
    from autolab.model.errors import OutsideLimits
    from autolab.model.roles import Withdraw

    pump = {"driver": "new_era.NE1000", "address": "serial://COM1", "syringe_mm": 14.5, "volume_mL": 10}
    lab = LabDeclaration.from_json({"instruments": {"p": {**pump, "limits": {"rate": [0.1, 2]}}}})
    with pytest.raises(OutsideLimits, match=r"outside the limits 0.1..2 mL/min"):
        Lab.build(lab, clock=clock, physical=True).instruments["p"].check_value(Withdraw(1.0, 3.0))
