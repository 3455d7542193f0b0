"""The command line, with simulated hotplates that write down whenever heater or stirrer are switched, and by what.

    python tests/loop/telling_plates.py --tell FILE -- simulate lab.yaml --listen pty

Nothing on a hotplate's wire tells whether it heats; a proof must not guess. Each line of the file is JSON: `plate`,
`part`, `on`, `by` (`line` or `watchdog`), `lab` and `wall` time in s, and what the plate's temperature was (degC).
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Callable
from pathlib import Path

from autolab.cli import main as autolab
from autolab.simulators.ika import RCTSimulator


def tell(file: Path) -> None:
    """Append a line to `file` whenever a part of a hotplate is switched."""
    on: dict[tuple[str, str], bool] = {}
    biting: set[str] = set()

    def watched(method: str, part: str) -> Callable[..., None]:
        switch = getattr(RCTSimulator, method)

        def told(self: RCTSimulator, *, on_: bool) -> None:
            switch(self, on=on_)
            if on.get((self.name, part), False) == on_:
                return
            on[self.name, part] = on_
            line = {"plate": self.name, "part": part, "on": on_, "by": "watchdog" if self.name in biting else "line"}
            line |= {"lab": self.place.clock.now(), "wall": time.time(), "celsius": round(self.plate.plate, 3)}
            with file.open("a", encoding="utf-8") as lines:
                lines.write(json.dumps(line) + "\n")

        return lambda self, *, on: told(self, on_=on)

    bite = RCTSimulator._bite

    def bitten(self: RCTSimulator, kind: str) -> None:
        biting.add(self.name)
        bite(self, kind)
        biting.discard(self.name)

    # the seams of this proof
    RCTSimulator._heat = watched("_heat", "heater")  # type: ignore[method-assign]
    RCTSimulator._stir = watched("_stir", "stirrer")  # type: ignore[method-assign]
    RCTSimulator._bite = bitten  # type: ignore[method-assign]


def main() -> None:
    """Let plates tell and run the command line."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--tell", type=Path, required=True)
    parser.add_argument("command", nargs="+")
    chosen = parser.parse_args()
    tell(chosen.tell)
    sys.argv = ["autolab", *chosen.command]
    autolab()


if __name__ == "__main__":
    main()
