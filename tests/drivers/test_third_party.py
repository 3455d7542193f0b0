"""Drivers work with simulators by other people, which run in environments of their own (see the simulators' tests).

Each is started by a script `<simulator>_server.py` beside the clients. It prints `listening on <url>`, the address for a
lab file, and serves until its standard input ends.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from autolab.drivers.generic import Query
from autolab.drivers.wire import Ports
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


def test_a_circulator_of_lewis_is_read_and_set_as_a_lab_file_describes_it(served: Served) -> None:
    address = served("lewis", "generic")
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
