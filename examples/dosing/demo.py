"""Run the dosing campaign against its virtual lab in a process of its own, over pseudo-terminals.

    python examples/dosing/demo.py

The simulator process serves the pumps and the balance; the campaign talks to them as it would to hardware. Lab time
runs 150 times faster than the wall's. Stop it with Ctrl-C and start it again: it goes on where it was, as long as
you keep the folder `build/demo`; delete that folder to begin anew.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

HERE = Path(__file__).parent
WORK = Path("build/demo")
SPEED = 150


def main() -> int:
    """Start the simulator, run the campaign, stop the simulator; return the campaign's exit code."""
    WORK.mkdir(parents=True, exist_ok=True)
    journal, addresses = WORK / "dosing.sqlite", WORK / "addresses.yaml"
    addresses.unlink(missing_ok=True)
    listen = "pty" if os.name == "posix" else "tcp://127.0.0.1:0"
    autolab = [sys.executable, "-m", "autolab"]
    simulator = subprocess.Popen(
        [*autolab, "simulate", HERE / "lab.yaml", "--listen", listen, "--speed", str(SPEED), "--addresses", addresses]
    )
    try:
        wait_for(addresses, simulator)
        return subprocess.call(
            [*autolab, "run", HERE / "campaign.yaml", "--journal", journal, "--addresses", addresses]
        )
    except KeyboardInterrupt:
        return 1
    finally:
        simulator.terminate()
        simulator.wait()


def wait_for(addresses: Path, simulator: subprocess.Popen[bytes]) -> None:
    """Return when the simulator has written its addresses."""
    while not addresses.exists():
        if simulator.poll() is not None:
            sys.exit("the simulator ended before it served its instruments; its message is above")
        time.sleep(0.05)


if __name__ == "__main__":
    sys.exit(main())
