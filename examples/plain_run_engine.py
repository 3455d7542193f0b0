"""The same instruments and plan stubs in an ordinary bluesky RunEngine: no campaign, no journal.

    python examples/plain_run_engine.py

A process of its own serves the virtual lab of `dosing/lab.yaml`; the instruments talk to it as they would to
hardware. BestEffortCallback prints what bluesky prints; it needs matplotlib: `pip install "autolab-sdl[examples]"`.
"""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Generator, Iterator
from pathlib import Path
from typing import Any

from bluesky import RunEngine
from bluesky import plan_stubs as bps
from bluesky.callbacks.best_effort import BestEffortCallback

from autolab.drivers.mettler_toledo import Balance
from autolab.drivers.new_era import NE1000
from autolab.model.clock import Clock
from autolab.protocols import stubs
from autolab.spec.addresses import load_addresses

LAB = Path(__file__).parent / "dosing" / "lab.yaml"
SPEED = 50  # lab seconds a wall second; for hardware leave out both this and `clock=`


def calibrate(pump: NE1000, balance: Balance, volumes: list[float]) -> Generator[Any, Any, None]:
    """Dispense each volume (mL) and record what the pump counted and the balance saw."""
    yield from stubs.refill(pump, 8)
    yield from stubs.tare(balance)
    yield from bps.open_run({"purpose": "calibration"})
    for volume in volumes:
        yield from stubs.dispense(pump, volume, 4)
        yield from bps.trigger_and_read([pump, balance])
    yield from bps.close_run()


def main() -> None:
    """Serve the lab, run the plan, make safe."""
    with served(LAB) as addresses:
        clock = Clock("scaled", scale=SPEED)
        pump = NE1000("dosing", address=addresses["dosing"], clock=clock, syringe_mm=14.5, volume_mL=10)
        balance = Balance("balance", address=addresses["balance"], clock=clock)
        print("pump:", pump.identify())
        print("balance:", balance.identify())
        engine = RunEngine()
        table = BestEffortCallback()  # type: ignore[no-untyped-call]  # bluesky ships few types
        table.disable_plots()  # type: ignore[no-untyped-call]
        engine.subscribe(table)  # type: ignore[no-untyped-call]
        try:
            engine(calibrate(pump, balance, [0.5, 1.0, 2.0]))
        finally:  # a RunEngine does not make anything safe
            for instrument in (pump, balance):
                instrument.make_safe()
                instrument.disconnect()
            clock.close()


@contextlib.contextmanager
def served(lab: Path) -> Iterator[dict[str, str]]:
    """Serve a virtual lab in another process while the block runs, and give its instruments' addresses."""
    listen = "pty" if os.name == "posix" else "tcp://127.0.0.1:0"
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "addresses.yaml")
        options = ["--listen", listen, "--speed", str(SPEED), "--addresses", str(file)]
        simulator = subprocess.Popen([sys.executable, "-m", "autolab", "simulate", str(lab), *options])
        try:
            while not file.exists():
                if simulator.poll() is not None:
                    sys.exit("the simulator ended before it served its instruments; its message is above")
                time.sleep(0.05)
            yield dict(load_addresses(file).instruments)
        finally:
            simulator.terminate()
            simulator.wait()


if __name__ == "__main__":
    main()
