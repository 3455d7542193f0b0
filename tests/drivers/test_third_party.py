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

from autolab.drivers.scpi import SourceMeter

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
