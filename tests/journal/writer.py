"""A process that owns a journal and says which facts are durable: killed, stopped and cut off by the tests.

Usage: writer.py JOURNAL TRIALS ACKS [--relaxed] [--checkpoint N]. After each commit, its last event's number is
appended to the file ACKS (to standard output when ACKS is `-`).
"""

from __future__ import annotations

import argparse
import os
from pathlib import Path

from autolab.journal import journal as room
from autolab.journal.events import Entry
from autolab.journal.journal import Journal


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("journal", type=Path)
    parser.add_argument("trials", type=int)
    parser.add_argument("acks")
    parser.add_argument("--relaxed", action="store_true")
    parser.add_argument("--checkpoint", type=int, default=room.CHECKPOINT_COMMITS)
    told = parser.parse_args()
    room.CHECKPOINT_COMMITS = told.checkpoint
    acks = 1 if told.acks == "-" else os.open(told.acks, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    with Journal.open(told.journal, durable=not told.relaxed) as journal:

        def acknowledge(_number: int) -> None:
            os.write(acks, b"%d\n" % journal.last_seq)

        journal.after_commit = acknowledge
        write(journal, told.trials)


def write(journal: Journal, trials: int) -> None:
    if journal.campaign == 0:
        journal.append("opened", {"name": "written", "seed": 1, "fidelity": "virtual", "digests": {}})
    for trial in journal.history.trials:
        if trial.attempts and trial.attempts[-1].ending is None:
            finish(journal, trial.number, len(trial.attempts))
    for _ in range(trials):
        first = len(journal.history.trials)
        asked = {"history": first, "pending": []}
        suggestions = [{"point": {"rate": 1.5}, "info": {"padding": "x" * 500}}]
        body = {"decision": len(journal.history.decisions), "seed": 1, "n": 1, "asked": asked, "fallback": None}
        journal.append_all(
            [
                Entry("decided", {**body, "suggestions": suggestions, "trials": [first + 1]}),
                Entry("reviewed", {"verdict": "approved", "by": "writer"}, first + 1),
            ]
        )
        journal.append("attempt_started", {"slot": 0, "recover": False}, trial=first + 1, attempt=1)
        finish(journal, first + 1, 1)


def finish(journal: Journal, trial: int, attempt: int) -> None:
    place = {"trial": trial, "attempt": attempt}
    journal.append_all(
        [Entry("attempt_ended", {"ending": "completed"}, **place), Entry("observed", {"outcome": {"y": 1.0}}, trial)],
        documents=[("event", {"data": {"y": 1.0}})],
    )


if __name__ == "__main__":
    main()
