"""Drivers work with simulators by other people, which run in environments of their own (see the simulators' tests).

Each is started by a script `<simulator>_server.py` beside the clients. It prints `listening on <url>`, the address for a
lab file, and serves until its standard input ends.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from autolab.drivers.alicat import FlowController as Alicat
from autolab.drivers.bronkhorst import FlowController as Bronkhorst
from autolab.drivers.generic import Query
from autolab.drivers.instrument import ActionStatus
from autolab.drivers.marlin import Gantry
from autolab.drivers.scpi import SourceMeter
from autolab.drivers.tecan import XCalibur
from autolab.drivers.thermostat import Thermostat
from autolab.drivers.wire import Ports
from autolab.lab import plugins
from autolab.model.actions import JSON
from autolab.model.clock import Clock
from autolab.model.errors import InDoubt, OutsideLimits
from autolab.model.roles import Dispense, Withdraw
from autolab.simulators.simulator import load

pytestmark = pytest.mark.slow  # each simulator is a process

ROOT = Path(__file__).parents[2]
HERE = ROOT / "tests/simulators/third_party"
PYTHON = "Scripts/python.exe" if sys.platform == "win32" else "bin/python"
Served = Callable[[str, str], str]


@pytest.fixture
def served() -> Iterator[Served]:
    """Start a simulator by its script, with a list of requirements, and return its address."""
    processes: list[subprocess.Popen[str]] = []

    def serve(simulator: str, requirements: str) -> str:
        python = ROOT / "cross-env" / requirements / PYTHON
        if not python.exists():
            pytest.skip(f"no {python.relative_to(ROOT)}: `make cross-env/.ready`")
        command = [str(python), f"{simulator}_server.py"]
        pipe = subprocess.PIPE
        processes.append(subprocess.Popen(command, cwd=HERE, text=True, stdin=pipe, stdout=pipe, stderr=pipe))
        line = str(processes[-1].stdout.readline())  # type: ignore[union-attr]  # a pipe was asked for
        if not line.startswith("listening on "):
            processes[-1].kill()
            pytest.fail(f"{simulator} did not start: {line}{processes[-1].communicate()[1]}")
        return line.removeprefix("listening on ").strip()

    yield serve
    for process in processes:
        process.kill()
        process.communicate()


THERMOSTATS: list[tuple[str, str, dict[str, Any], float]] = [
    ("labmcp_julabo", "julabo.Circulator", {"dialect": "v2"}, 30.0),
    ("lewis_julabo_v1", "julabo.Circulator", {"dialect": "v1"}, 26.0),
    ("lewis_julabo_v2", "julabo.Circulator", {"dialect": "v2"}, 26.0),
    ("pymodbus_tcp", "modbus.Controller", {"map": "eurotherm_2400", "framing": "tcp"}, 40.0),
    ("pymodbus_rtu", "modbus.Controller", {"map": "eurotherm_2400", "framing": "rtu"}, 40.0),
]
"""Simulator (`third_party/<simulator>_server.py`), driver, its settings, a temperature to go to."""


@pytest.mark.parametrize(("simulator", "key", "settings", "celsius"), THERMOSTATS)
def test_a_thermostat_goes_to_a_temperature_on_somebody_elses_simulator(
    served: Served, simulator: str, key: str, settings: dict[str, Any], celsius: float
) -> None:
    clock = Clock("real")
    device = load("autolab.drivers", key)(
        "bath", address=served(simulator, "temperature"), clock=clock, tolerance_C=0.5, dwell_s=0.5, poll_s=0.1,
        timeout_s=30, **settings,
    )  # fmt: skip
    assert isinstance(device, Thermostat)
    try:
        assert device.identify()["model"]
        status = device.set(celsius)
        status.wait(40)
        assert status.result["temperature_C"] == pytest.approx(celsius, abs=0.6)
        status = device.trigger()
        status.wait(10)
        assert status.result["on"] is True
        assert status.result["setpoint_C"] == celsius
        device.make_safe()
        status = device.trigger()
        status.wait(10)
        assert status.result["on"] is False
    finally:
        device.disconnect()
        clock.close()


def test_a_cavro_pump_works_with_the_simulator_of_labmcp_cavro(served: Served) -> None:
    clock = Clock("scaled", scale=10.0)
    settings = {"model": "xlp6000", "protocol": "dt", "volume_mL": 5.0, "poll_s": 0.5}
    pump = XCalibur("pump", address=served("labmcp_cavro", "flowchem"), clock=clock, **settings)
    try:
        assert pump.identify()["firmware"] == "XLP6000 V1.2.3 sim"
        pump.set("initialize").wait(20)
        drawn = _done(pump.set(Withdraw(2.0, 60.0)))
        pushed = _done(pump.set(Dispense(0.5, 30.0)))
        assert (drawn["volume_mL"], pushed["contents_mL"], pushed["port"]) == (2.0, 1.5, "out")
        _done(pump.valve.set("bypass"))
        pump.make_safe()
        assert _done(pump.trigger())["position_steps"] == 14400
    finally:
        pump.disconnect()
        clock.close()


def _done(status: ActionStatus) -> Mapping[str, JSON]:
    status.wait(20)
    return status.result


@pytest.fixture
def clock() -> Iterator[Clock]:
    made = Clock("real")
    yield made
    made.close()


def test_alicat_with_the_simulator_of_labmcp(served: Served, clock: Clock) -> None:
    """It takes set points with a blank only, does not tell what it controls, and its zero is off."""
    device = Alicat("gas", address=served("labmcp_alicat", "first"), clock=clock, unit="SCCM", dwell_s=0.5)
    assert device.identify()["serial_number"] == "521641"
    assert device.full_scale.get() == 500
    status = device.set(100)
    status.wait(20)
    assert status.result["setpoint_mL_min"] == 100
    status = device.set("closed")
    status.wait(20)
    clock.run(device.do_tare())
    device.trigger().wait(10)
    assert abs(device.flow.get()) < 0.6
    device.make_safe()
    device.disconnect()


def test_alicat_with_the_mock_of_alicat(served: Served, clock: Clock) -> None:
    """It writes set points without a sign, tells its version without its letter, and blanks behind the gas."""
    device = Alicat(
        "gas", address=served("alicat_mock", "first"), clock=clock, unit="SCCM", full_scale_mL_min=100, dwell_s=0.2
    )
    assert device.identify()["firmware"] == "6v21.0-R22 Nov 30 2016,16:04:20"
    status = device.set(10)
    status.wait(20)
    assert status.result["setpoint_mL_min"] == 10
    clock.run(device.do_gas("Ar"))
    clock.run(device.do_lock(locked=True))
    status = device.trigger()
    status.wait(10)
    assert (status.result["gas"], status.result["status"]) == ("Ar", "LCK")
    device.disconnect()


@pytest.mark.parametrize(("server", "framing"), [("propar", "binary"), ("propar_ascii", "ascii")])
def test_bronkhorst_with_messages_of_propar(served: Served, clock: Clock, server: str, framing: str) -> None:
    """The maker's own code reads the driver's messages and builds the answers, indices and all."""
    device = Bronkhorst("gas", address=served(server, "first"), clock=clock, framing=framing, dwell_s=0.2)
    assert device.identify() == {"model": "F-201CV", "firmware": "V1.00", "serial_number": "M123"}
    assert (device.full_scale.get(), device.gas.get()) == (500, "N2")
    status = device.set(123.25)
    status.wait(20)
    assert status.result["flow_mL_min"] == 123.25
    device.make_safe()
    assert device.setpoint.get() == 0
    device.disconnect()


@pytest.mark.parametrize(
    ("key", "simulator", "quantity", "low", "high"),
    [
        ("atlas_ezo.PH", "labmcp_atlas_ezo_ph", "pH", 7.2, 7.4),
        ("atlas_ezo.DO", "labmcp_atlas_ezo_do", "oxygen_mg_L", 8.5, 8.9),
        ("atlas_ezo.RTD", "labmcp_atlas_ezo_rtd", "temperature_C", 25.3, 25.6),
    ],
)
def test_ezo_probes_are_read(served: Served, key: str, simulator: str, quantity: str, low: float, high: float) -> None:
    clock = Clock("real")
    try:
        driver = plugins.resolve("drivers", key)
        probe: Any = driver("probe", address=served(simulator, "first"), clock=clock, readings_s=0.1)
        assert probe.identify()["model"] == key.replace("atlas_ezo.", "EZO-")
        status = probe.trigger()
        status.wait(20)
        assert low < status.result[quantity] < high
        assert status.result["stable"] is True
        assert probe.clear_calibration() == 0
        probe.disconnect()
    finally:
        clock.close()


def test_a_heidolph_plate_heats_and_stirs(served: Served) -> None:
    clock = Clock("real")
    try:
        address = served("flowchem_heidolph", "flowchem")
        driver = plugins.resolve("drivers", "heidolph.HeiConnect")
        plate: Any = driver("plate", address=address, clock=clock, sensor="plate", dwell_s=0.5, poll_s=0.2)
        assert plate.identify()["firmware"] == "Simulated MR Hei-Connect 1.0"
        heating, stirring = plate.heater.set(45.0), plate.stirrer.set(300.0)
        heating.wait(20)
        stirring.wait(20)
        assert (heating.result["temperature_C"], stirring.result["speed_rpm"]) == (45.0, 300.0)
        plate.make_safe()
        assert (plate.stirrer.readback.get(), plate.heater.on.get()) == (0.0, False)
        plate.disconnect()
    finally:
        clock.close()


def test_a_sartorius_balance_is_read_and_tared(served: Served) -> None:
    clock = Clock("real")
    try:
        driver = plugins.resolve("drivers", "sartorius.Balance")
        balance: Any = driver("balance", address=served("labmcp_sartorius", "first"), clock=clock)
        told = {"model": "QUINTIX224-1S", "firmware": "00-20-12.01", "serial_number": "0037402012"}
        assert balance.identify() == told
        weighing = balance.trigger()
        weighing.wait(20)
        assert weighing.result == {"weight_g": pytest.approx(52.1873, abs=0.001), "stable": True}
        taring = balance.set("tare")
        taring.wait(20)
        assert abs(taring.result["weight_g"]) < 0.002
        balance.disconnect()
    finally:
        clock.close()


def test_a_circulator_of_lewis_is_read_and_set_as_a_lab_file_describes_it(served: Served) -> None:
    address = served("lewis", "temperature")
    clock = Clock("real")
    ports = Ports(clock)
    common = {
        "send_terminator": "\r",
        "identify": {"query": "VERSION", "pattern": "JULABO (?P<value>.+)"},
    }
    mode = {"template": "OUT_MODE_05 {value:.0f}", "answer": "", "tolerance": 0.1, "poll_s": 0.1}
    number = r"(?P<value>-?\d+\.\d+)"
    point = {"query": "IN_SP_00", "pattern": number}
    target = {"template": "OUT_SP_00 {value:.1f}", "answer": "", "tolerance": 0.05, "readback": point, "poll_s": 0.1}
    bath = Query(
        "bath",
        address=f"{address}?bus=1",
        clock=clock,
        ports=ports,
        query="IN_PV_00",
        pattern=number,
        unit="degC",
        set=target,
        **common,
    )
    running = Query(
        "running", address=f"{address}?bus=2", clock=clock, ports=ports, query="IN_MODE_05", pattern=r"(?P<value>[01])", set=mode, **common
    )  # fmt: skip
    try:
        assert "FP50" in str(bath.identify()["model"])
        reading = bath.trigger()
        reading.wait(10)
        assert reading.result == {"value": 24.0, "unit": "degC"}
        for device, value in ((bath, 30.0), (running, 1)):
            status = device.set(value)
            status.wait(10)
            assert status.result["readback"] == value
        for _ in range(20):
            status = bath.trigger()
            status.wait(10)
            if float(str(status.result["value"])) > 24.0:
                break
        else:
            pytest.fail("the bath does not get warmer")
    finally:
        bath.disconnect()
        running.disconnect()
        ports.close()
        clock.close()


def test_source_meters_of_labmcp(served: Served) -> None:
    for model, address in zip(("2400", "2450"), served("labmcp_keithley", "electrics").split(), strict=True):
        meter = SourceMeter(
            "meter", address=address, source="voltage", compliance=0.01, model=model, settle_s=0.0, nplc=0.1
        )
        meter.make_safe()
        assert meter.identify()["model"] == model
        for volts, held in ((2.0, False), (-3.0, False), (20.0, True)):
            status = meter.set(volts)
            status.wait(20)
            assert status.result["in_compliance"] is held
            reached = volts if not held else 10.0
            assert status.result["current_A"] == pytest.approx(reached / 1000, rel=1e-3)
        status = meter.trigger()
        status.wait(20)
        assert status.result["voltage_V"] == pytest.approx(10.0, rel=1e-3)
        meter.make_safe()
        assert meter.output.get() is False
        meter.disconnect()


def test_a_motor_goes_to_positions_of_caprotos_fake_record(served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("caproto")
    from autolab.drivers.epics import PV, Motor

    monkeypatch.setenv("EPICS_CA_AUTO_ADDR_LIST", "NO")
    monkeypatch.setenv("EPICS_CA_ADDR_LIST", "127.0.0.1:9")
    address = served("fake_motor_record", "epics")
    clock = Clock("real")
    stage = Motor("stage", address=address, clock=clock, connect_s=10, poll_s=0.05)
    speed = PV("speed", address=address.replace("?", ".VELO?"), clock=clock, write="absolute")
    try:
        assert stage.identify()["model"] == "motor record"
        for target in (2.0, -1.5, 0.0):
            status = stage.set(target)
            status.wait(30)
            assert stage.locate()["readback"] == pytest.approx(target, abs=0.01)
        with pytest.raises(OutsideLimits, match=r"soft limits -10..20"):
            stage.set(20.5)
        status = speed.set(4.0)
        status.wait(10)
        assert status.result["value"] == 4.0
        status = stage.set(19.0)
        with pytest.raises(TimeoutError):
            status.wait(1.5)
        stage.make_safe()
        assert 1 < stage.locate()["readback"] < 18
        with pytest.raises(InDoubt):
            status.wait(5)
    finally:
        stage.disconnect()
        speed.disconnect()
        clock.close()


def test_marlin_works_with_octoprints_virtual_printer(served: Served) -> None:
    """It asks for lines again, in words of its own, and says position and ok in one line."""
    address, clock = served("octoprint", "octoprint"), Clock("real")
    ports = Ports(clock)
    try:
        gantry = Gantry("gantry", address=address, clock=clock, ports=ports, speed_mm_s=50)
        assert str(gantry.identify()["firmware"]).startswith("Virtual Marlin 1.0")
        for place in ("home", 30.0, 5.0, 12.5):
            gantry.x.set(place).wait(60)
        assert gantry.x.locate() == {"setpoint": 12.5, "readback": 12.5}
        assert sum(b"Resend" in record.data for record in ports.log.records) == 3
        gantry.make_safe()
        gantry.y.set(5.0).wait(60)
        gantry.disconnect()
    finally:
        ports.close()
        clock.close()
