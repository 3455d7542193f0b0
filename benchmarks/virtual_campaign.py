"""How fast virtual time is: 30 trials of the dosing campaign on the memory wire, without imports and planner.

    python benchmarks/virtual_campaign.py [--trials 30]

The points are a Sobol design's; the time that it takes to propose them is measured and taken off.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from pathlib import Path
from typing import Any

import autolab as al
from autolab.planners.sobol import Sobol
from autolab.protocols.gravimetric import Gravimetric

EXAMPLE = Path(__file__).parents[1] / "examples" / "dosing" / "campaign.yaml"


class Timed:
    """A planner that knows how long it took."""

    def __init__(self) -> None:
        self.inner, self.seconds = Sobol(), 0.0

    def suggest(self, *args: Any, **keywords: Any) -> Any:
        """Propose, and count the time."""
        start = time.perf_counter()
        try:
            return self.inner.suggest(*args, **keywords)
        finally:
            self.seconds += time.perf_counter() - start


def campaign(journal: Path) -> tuple[al.Campaign, Timed]:
    """Return the campaign with five doses a trial and the rests that a balance needs, and its planner."""
    made, planner = al.load(str(EXAMPLE), journal=journal), Timed()
    made.protocol, made.planner = Gravimetric(repeats=5, rest_s=75.0), planner
    return made, planner


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--trials", type=int, default=30)
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        campaign(Path(folder, "imports.sqlite"))[0].run(1, progress=False)
        made, planner = campaign(Path(folder, "journal.sqlite"))
        start = time.perf_counter()
        made.run(chosen.trials, progress=False)
        wall = time.perf_counter() - start - planner.seconds
        hours = made.history.last_lab_time / 3600
    print(
        f"{chosen.trials} trials: {hours:.1f} virtual hours in {wall:.1f} s ({hours * 3600 / wall:,.0f} times faster)"
    )


if __name__ == "__main__":
    main()
