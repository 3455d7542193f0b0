"""Clients by other people work with the simulators, over a pseudo-terminal and over TCP.

They run in environments of their own, `cross-env/<list>`, one for each list in third_party/requirements:
`make cross-env/.ready`.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from autolab.model.actions import JSON
from autolab.model.clock import Clock
from autolab.simulators.bench import Bench

pytestmark = pytest.mark.slow  # each client starts a process

HERE = Path(__file__).parent / "third_party"
ROOT = Path(__file__).parents[2]
PYTHON = "Scripts/python.exe" if sys.platform == "win32" else "bin/python"
LISTEN = {
    "tcp": "tcp://127.0.0.1:0",
    "pty": "pty",
}
PUMP, BALANCE, PLATE, PROBE = "new_era.NE1000", "mettler_toledo.Balance", "ika.RCT", "atlas_ezo.EC"
CASES = [
    ("nesp_lib", PUMP, "pty", "first"),
    ("nesp_lib", PUMP, "tcp", "first"),
    ("labmcp_new_era", PUMP, "pty", "first"),
    ("labmcp_new_era", PUMP, "tcp", "first"),
    ("yaqd_new_era", PUMP, "pty", "first"),
    ("mettler_toledo_device", BALANCE, "pty", "first"),
    ("pylabrobot", BALANCE, "pty", "first"),
    ("pylabrobot", BALANCE, "tcp", "first"),
    ("labmcp_mettler_toledo", BALANCE, "pty", "first"),
    ("labmcp_mettler_toledo", BALANCE, "tcp", "first"),
    ("ika", PLATE, "pty", "first"),
    ("ika", PLATE, "tcp", "first"),
    ("labmcp_ika", PLATE, "tcp", "first"),
    ("ezo_driver", PROBE, "pty", "first"),
    ("zaber_serial", "zaber.Stage", "pty", "motion"),
    ("zaber_serial", "zaber.Stage", "tcp", "motion"),
    ("zaber_motion", "zaber.Stage", "pty", "motion"),
    ("zaber_motion", "zaber.Stage", "tcp", "motion"),
    ("pygrbl_streamer", "grbl.Gantry", "pty", "motion"),
    ("grbl_link", "grbl.Gantry", "pty", "motion"),
    ("grbl_link", "grbl.Gantry", "tcp", "motion"),
    ("marlin_host", "marlin.Gantry", "pty", "motion"),
    ("marlin_host", "marlin.Gantry", "tcp", "motion"),
]
"""Client (`third_party/<client>_client.py`), simulator, over what, list of requirements."""
SETTINGS: dict[str, dict[str, JSON]] = {
    PUMP: {"syringe_mm": 20.0, "volume_mL": 20.0, "contents_mL": 5.0},
    "zaber.Stage": {"microstep_um": 0.047625},
}
"""Of simulators that need some."""


@pytest.mark.parametrize(("client", "key", "over", "requirements"), CASES)
def test_client_works_with_the_simulator(client: str, key: str, over: str, requirements: str) -> None:
    python = ROOT / "cross-env" / requirements / PYTHON
    if not python.exists():
        pytest.skip(f"no {python.relative_to(ROOT)}: `make cross-env/.ready`")
    if over == "pty" and sys.platform == "win32":
        pytest.skip("this system has no pseudo-terminals")
    clock = Clock("real")
    try:
        with Bench.single(key, clock=clock, settings=SETTINGS.get(key)) as bench:
            url = bench.serve(LISTEN[over])["instrument"]
            ran = subprocess.run(
                [python, HERE / f"{client}_client.py", url],
                capture_output=True,
                text=True,
                timeout=60,
                cwd=HERE,
                check=False,
            )
    finally:
        clock.close()
    assert (ran.returncode, ran.stdout.strip().splitlines()[-1:]) == (0, ["ok"]), ran.stderr
