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

from autolab.drivers.marlin import Gantry
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
