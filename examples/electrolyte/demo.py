"""Run the electrolyte campaign against its virtual lab in a process of its own, over pseudo-terminals.

    python examples/electrolyte/demo.py

The simulator process serves seven pumps, balance, hotplate and probe; the campaign talks to them as it would to
hardware. Lab time runs 600 times faster than the wall's. Stop it with Ctrl-C and start it again: it goes on where it
was, as long as you keep the folder `build/demo`; delete that folder to begin anew.

In the end the recommended formulation stands beside the best one there is: the virtual lab's physics is known.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path

import yaml

import autolab as al
from autolab.simulators.formulations import Formulations

HERE = Path(__file__).parent
WORK = Path("build/demo")
SPEED = 600


def main() -> int:
    """Start the simulator, run the campaign, stop the simulator, compare; return the campaign's exit code."""
    WORK.mkdir(parents=True, exist_ok=True)
    journal, addresses = WORK / "electrolyte.sqlite", WORK / "addresses.yaml"
    addresses.unlink(missing_ok=True)
    listen = "pty" if os.name == "posix" else "tcp://127.0.0.1:0"
    autolab = [sys.executable, "-m", "autolab"]
    simulator = subprocess.Popen(
        [*autolab, "simulate", HERE / "lab.yaml", "--listen", listen, "--speed", str(SPEED), "--addresses", addresses]
    )
    try:
        wait_for(addresses, simulator)
        code = subprocess.call(
            [*autolab, "run", HERE / "campaign.yaml", "--journal", journal, "--addresses", addresses]
        )
    except KeyboardInterrupt:
        return 1
    finally:
        simulator.terminate()
        simulator.wait()
    if code == 0:
        compare(journal)
    return code


def wait_for(addresses: Path, simulator: subprocess.Popen[bytes]) -> None:
    """Return when the simulator has written its addresses."""
    while not addresses.exists():
        if simulator.poll() is not None:
            sys.exit("the simulator ended before it served its instruments; its message is above")
        time.sleep(0.05)


def compare(journal: Path) -> None:
    """Print the recommended formulation beside the best one, both as the virtual lab's physics has them: no noise."""
    files = (HERE / name for name in ("campaign.yaml", "lab.yaml"))
    truth = Formulations.declared(*(yaml.safe_load(file.read_text(encoding="utf-8")) for file in files))
    best = al.load(str(HERE / "campaign.yaml"), journal=journal).best
    if not isinstance(best, al.Trial):
        print("\nNo trial kept all bounds: nothing is recommended.")
        return
    optimum, outcome = truth.optimum()
    reached = truth.value(best.point)
    print(f"\nRecommended (trial {best.number}): {words({name: best.point[name] for name in optimum})}")
    print(f"  measured {best.outcome['conductivity'].value:.2f} mS/cm; without noise, feasible: {reached:.2f} mS/cm")
    print(f"The true optimum: {words(optimum)}")
    print(
        f"  {outcome['conductivity']:.2f} mS/cm: the campaign reached {100 * reached / outcome['conductivity']:.1f} %"
    )


def words(point: Mapping[str, object]) -> str:
    """Return a point in words."""
    return ", ".join(f"{name} {value:.3f}" for name, value in point.items() if isinstance(value, float))


if __name__ == "__main__":
    sys.exit(main())
