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


def test_a_motor_goes_to_positions_of_caprotos_fake_record(served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("caproto")
    from autolab.drivers.epics import PV, Motor
    from autolab.model.clock import Clock
    from autolab.model.errors import InDoubt, OutsideLimits

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
