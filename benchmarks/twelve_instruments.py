"""A bench of twelve instruments on twelve ports: the doctor, reading all at once, and what an idle bench costs.

    python benchmarks/twelve_instruments.py [--listen pty|tcp]

The instruments are simulated in a process of their own, in real time and at the speed of their lines.

* `autolab lab doctor`, the whole command, from its start to its end;
* reading all twelve at the same time, against the slowest of them alone, in the same run;
* processor time of this process while all twelve are connected and nobody asks anything.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import yaml

from autolab.lab.driver_kit import example_settings
from autolab.lab.lab import Lab
from autolab.model.clock import Clock
from autolab.spec.addresses import load_addresses
from autolab.spec.lab import load_lab, role_of

DRIVERS = (
    "new_era.NE1000", "mettler_toledo.Balance", "ika.RCT", "atlas_ezo.EC", "harvard.Elite11", "tecan.XCalibur",
    "vici.Valve", "julabo.Circulator", "alicat.FlowController", "sartorius.Balance", "scpi.Multimeter", "zaber.Stage",
)  # fmt: skip
ROUNDS = 9
IDLE_S = 10.0


def lab_file(folder: Path) -> Path:
    """Write a lab file with one instrument of each driver, each on a port of its own."""
    instruments = {
        key.partition(".")[0]: {"driver": key, "address": f"serial:///dev/ttyUSB{number}", **example_settings(key)}
        for number, key in enumerate(DRIVERS)
    }
    vessels = {name: {"volume_mL": 1000} for name in ("bench", "bottle")}
    roles = {name: role_of(key) for name, key in zip(instruments, DRIVERS, strict=True)}
    plumbing = {name: ["bottle", "bench"] if role == "pump" else "bench" for name, role in roles.items()}
    lab = {
        "autolab": 1,
        "instruments": instruments,
        "plumbing": plumbing,
        "virtual": {"world": "dosing", "vessels": vessels},
    }
    path = folder / "lab.yaml"
    path.write_text(yaml.safe_dump(lab, sort_keys=False))
    return path


@contextmanager
def simulated(lab: Path, listen: str) -> Iterator[Path]:
    """Serve the lab by a process of its own until the block ends."""
    addresses = lab.with_name("addresses.yaml")
    command = [sys.executable, "-m", "autolab", "simulate", str(lab), "--listen", listen, "--addresses", str(addresses)]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    try:
        while not addresses.exists():
            assert process.poll() is None, "the simulator did not start"
            time.sleep(0.02)
        yield addresses
    finally:
        process.terminate()
        process.wait(10)


def doctor(lab: Path, addresses: Path) -> tuple[float, int]:
    """Return how long the command took, s, and its exit code."""
    command = [sys.executable, "-m", "autolab", "lab", "doctor", str(lab), "--addresses", str(addresses)]
    begun = time.perf_counter()
    ended = subprocess.run(command, capture_output=True, text=True, check=False)
    if ended.returncode:
        print(ended.stdout + ended.stderr)
    return time.perf_counter() - begun, ended.returncode


async def read_all(lab: Lab) -> tuple[float, dict[str, float]]:
    """Return the median time of reading all at once, and of each alone, s."""
    together: list[float] = []
    alone: dict[str, list[float]] = {name: [] for name in lab.instruments}
    for _ in range(ROUNDS):
        for name, instrument in lab.instruments.items():
            alone[name].append(await _read(instrument))
        begun = time.perf_counter()
        await asyncio.gather(*(_read(instrument) for instrument in lab.instruments.values()))
        together.append(time.perf_counter() - begun)
    return statistics.median(together), {name: statistics.median(times) for name, times in alone.items()}


async def _read(instrument: Any) -> float:
    begun = time.perf_counter()
    over = asyncio.Event()
    loop = asyncio.get_running_loop()
    status = instrument.trigger()
    status.add_callback(lambda _: loop.call_soon_threadsafe(over.set))
    await over.wait()
    assert status.success, status.exception()
    return time.perf_counter() - begun


def main() -> int:
    """Measure and print; exit code 1 when a figure is missed."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--listen", choices=("pty", "tcp"), default="pty" if os.name == "posix" else "tcp")
    listen = parser.parse_args().listen
    with tempfile.TemporaryDirectory() as folder:
        path = lab_file(Path(folder))
        with simulated(path, "pty" if listen == "pty" else "tcp://127.0.0.1:0") as addresses:
            took, code = min(doctor(path, addresses) for _ in range(3))
            clock = Clock("real")
            lab = Lab.build(load_lab(path), clock=clock, addresses=load_addresses(addresses).instruments)
            clock.start()
            clock.run(lab.do_connect())
            together, alone = clock.run(read_all(lab))
            before = time.process_time()
            time.sleep(IDLE_S)
            idle = (time.process_time() - before) / IDLE_S
            lab.disconnect()
            clock.close()
    slowest = max(alone, key=lambda name: alone[name])
    ratio = together / alone[slowest]
    print(f"{len(alone)} instruments over {listen}")
    print(f"lab doctor: {took:.2f} s (exit {code}); wanted below 3 s")
    print(
        f"reading all at once: {1000 * together:.0f} ms = {ratio:.2f} x the slowest ({slowest}, {1000 * alone[slowest]:.0f} ms); wanted 1.3"
    )
    print(f"idle: {100 * idle:.2f} % of a core; wanted below 2 %")
    return 0 if code == 0 and took < 3 and ratio <= 1.3 and idle < 0.02 else 1


if __name__ == "__main__":
    sys.exit(main())
