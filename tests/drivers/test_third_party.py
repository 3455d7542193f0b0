"""Drivers work with simulators by other people, which run in environments of their own (see the simulators' tests).

Each is started by a script `<simulator>_server.py` beside the clients. It prints `listening on <url>`, the address for a
lab file, and serves until its standard input ends.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from autolab.lab import plugins
from autolab.model.clock import Clock

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
        probe: Any = driver("probe", address=served(simulator, "plates"), clock=clock, readings_s=0.1)
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
        balance: Any = driver("balance", address=served("labmcp_sartorius", "plates"), clock=clock)
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
