"""Measure how long the command line takes to start.

Usage: python benchmarks/cli_start.py [--runs N]
"""

from __future__ import annotations

import argparse
import statistics
import subprocess
import sys
import time
from pathlib import Path

CAMPAIGN = Path(__file__).parents[1] / "examples" / "dosing" / "campaign.yaml"
COMMANDS = {
    "python -c pass": ["-c", "pass"],
    "autolab --help": ["-m", "autolab", "--help"],
    "autolab check campaign.yaml": ["-m", "autolab", "check", str(CAMPAIGN)],
}


def seconds(command: list[str], runs: int) -> list[float]:
    """Return the duration of each of so many runs, after one that does not count."""
    durations = []
    for _run in range(runs + 1):
        start = time.perf_counter()
        subprocess.run([sys.executable, *command], check=True, stdout=subprocess.DEVNULL)
        durations.append(time.perf_counter() - start)
    return durations[1:]


def main() -> None:
    """Measure and print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=15)
    runs = parser.parse_args().runs
    print(f"{f'{runs} runs':30} {'median':>9} {'longest':>9}")
    for name, command in COMMANDS.items():
        taken = seconds(command, runs)
        print(f"{name:30} {statistics.median(taken):7.3f} s {max(taken):7.3f} s")


if __name__ == "__main__":
    main()
