"""The command line, with a process that kills itself in mid-dispense, or with a promise broken on purpose.

    python tests/loop/crashing.py [--die-in 7] [--broken intent|counters] -- run campaign.yaml --addresses FILE

`--die-in N` sends SIGKILL to itself in a pump's Nth movement that lasts a while. `--broken` takes one line of
the safety away: proofs that do not fail then prove nothing.
"""

from __future__ import annotations

import argparse
import os
import signal
import sys
import threading
from collections.abc import Sequence
from typing import Any

from autolab.cli import main as autolab
from autolab.drivers.new_era import NE1000
from autolab.journal.events import Entry
from autolab.loop import lab_executor
from autolab.loop.record import Record
from autolab.model.roles import Dispense

LONG_SECONDS = 4.0
"""Lab time that a movement must last to be counted: a shorter one may be over before the kill comes."""

DYING_SECONDS = 0.01
"""Wall time between a pump's start and the kill: in scaled time a second or more of its movement."""


def die_in(number: int) -> None:
    """Kill this process in the Nth movement of a pump that lasts a while."""
    begun = 0
    wait = NE1000._wait

    async def waited(self: NE1000, volume: float, rate: float, status: Any) -> None:
        nonlocal begun
        begun += volume / rate * 60 >= LONG_SECONDS
        if begun == number:
            threading.Timer(DYING_SECONDS, os.kill, (os.getpid(), signal.SIGKILL)).start()
        await wait(self, volume, rate, status)

    NE1000._wait = waited  # type: ignore[method-assign]  # the seam of this proof


def skip_intents() -> None:
    """Keep every intent back until something else is written, as if its own commit were left out."""
    write_all, kept = Record.write_all, list[Entry]()

    def late(self: Record, entries: Sequence[Entry]) -> None:
        if len(entries) == 1 and entries[0].kind == "intent":
            kept.append(entries[0])
            return
        write_all(self, [*kept, *entries])
        kept.clear()

    Record.write_all = late  # type: ignore[method-assign]  # the seam of this proof


def reset_counters_early() -> None:
    """Clear the pumps' counters at the start, before anybody has read them."""
    settle = lab_executor.settle  # type: ignore[attr-defined]

    async def settle_too_late(lab: Any, record: Any) -> list[str]:
        if record.history.open_actions:
            for instrument in lab.instruments.values():
                if instrument.role == "pump":
                    await instrument.do_prepare("set", Dispense(0.1, 1.0))
        return await settle(lab, record)

    lab_executor.settle = settle_too_late  # type: ignore[attr-defined]  # the seam of this proof


BREAKAGES = {"intent": skip_intents, "counters": reset_counters_early}


def main() -> None:
    """Break what is to be broken and run the command line."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--die-in", type=int)
    parser.add_argument("--broken", choices=BREAKAGES)
    parser.add_argument("command", nargs="+")
    chosen = parser.parse_args()
    if chosen.die_in is not None:
        die_in(chosen.die_in)
    if chosen.broken is not None:
        BREAKAGES[chosen.broken]()
    sys.argv = ["autolab", *chosen.command]
    autolab()


if __name__ == "__main__":
    main()
