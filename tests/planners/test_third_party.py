"""Planners made of other people's packages, and plans by other people, in an environment of their own.

`make cross-env/.ready` sets `cross-env/planners` up, from tests/simulators/third_party/requirements/planners.txt. There
nothing that needs a package is left out; here it is, where the package is missing. The contract of planners takes Ax and
BayBE minutes: `make proof`.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PYTHON = "Scripts/python.exe" if sys.platform == "win32" else "bin/python"
ASKED = {
    "ax": ["test_ax.py"],
    "baybe": ["test_baybe.py"],
    "optuna": ["test_optuna.py", "test_contract.py", "-k", "test_optuna or TestOptuna"],
    "plans": ["test_bluesky_adaptive.py"],
}
LEFT_OUT = {"ax": 1, "baybe": 1, "optuna": 1, "plans": 0}
"""What a missing package is told by cannot be tried where it is there."""


@pytest.mark.slow
@pytest.mark.parametrize("name", ASKED)
def test_in_an_environment_of_their_own(name: str) -> None:
    python = ROOT / "cross-env" / "planners" / PYTHON
    if not python.exists():
        pytest.skip(f"no {python.relative_to(ROOT)}: `make cross-env/.ready`")
    command = [str(python), "-m", "pytest", "-q", "-p", "no:cacheprovider", *ASKED[name]]
    threads = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
    ran = subprocess.run(
        command,
        cwd=Path(__file__).parent,
        env={**os.environ, "PYTHONPATH": str(ROOT), **threads},
        capture_output=True,
        text=True,
        check=False,
        timeout=1800,
    )
    assert ran.returncode == 0, ran.stdout[-4000:] + ran.stderr[-2000:]
    skipped = re.search(r"(\d+) skipped", ran.stdout)
    assert int(skipped[1] if skipped else 0) == LEFT_OUT[name], ran.stdout[-4000:]
