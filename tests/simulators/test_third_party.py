"""Clients by other people work with the simulators, over a pseudo-terminal and over TCP.

They run in an environment of their own: `python -m venv cross-env && cross-env/bin/pip install -r
tests/simulators/third_party/requirements.txt`.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from autolab.model.clock import Clock
from autolab.simulators.bench import Bench

pytestmark = pytest.mark.slow  # each client starts a process

HERE = Path(__file__).parent / "third_party"
ROOT = Path(__file__).parents[2]
PYTHON = ROOT / "cross-env" / ("Scripts/python.exe" if sys.platform == "win32" else "bin/python")
LISTEN = {
    "tcp": "tcp://127.0.0.1:0",
    "pty": "pty",
}
PUMP, BALANCE, PLATE, PROBE = "new_era.NE1000", "mettler_toledo.Balance", "ika.RCT", "atlas_ezo.EC"
CASES = [
    ("nesp_lib", PUMP, "pty"),
    ("nesp_lib", PUMP, "tcp"),
    ("labmcp_new_era", PUMP, "pty"),
    ("labmcp_new_era", PUMP, "tcp"),
    ("yaqd_new_era", PUMP, "pty"),
    ("mettler_toledo_device", BALANCE, "pty"),
    ("pylabrobot", BALANCE, "pty"),
    ("pylabrobot", BALANCE, "tcp"),
    ("labmcp_mettler_toledo", BALANCE, "pty"),
    ("labmcp_mettler_toledo", BALANCE, "tcp"),
    ("ika", PLATE, "pty"),
    ("ika", PLATE, "tcp"),
    ("labmcp_ika", PLATE, "tcp"),
    ("ezo_driver", PROBE, "pty"),
]
SETTINGS = {PUMP: {"syringe_mm": 20.0, "volume_mL": 20.0, "contents_mL": 5.0}, BALANCE: {}, PLATE: {}, PROBE: {}}


@pytest.mark.parametrize(("client", "key", "over"), CASES)
def test_client_works_with_the_simulator(client: str, key: str, over: str) -> None:
    if not PYTHON.exists():
        pytest.skip(f"no {PYTHON.relative_to(ROOT)}: make it with the requirements in {HERE.relative_to(ROOT)}")
    if over == "pty" and sys.platform == "win32":
        pytest.skip("this system has no pseudo-terminals")
    clock = Clock("real")
    try:
        with Bench.single(key, clock=clock, settings=SETTINGS[key]) as bench:
            url = bench.serve(LISTEN[over])["instrument"]
            ran = subprocess.run(
                [PYTHON, HERE / f"{client}_client.py", url],
                capture_output=True,
                text=True,
                timeout=60,
                cwd=HERE,
                check=False,
            )
    finally:
        clock.close()
    assert (ran.returncode, ran.stdout.strip().splitlines()[-1:]) == (0, ["ok"]), ran.stderr
