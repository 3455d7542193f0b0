"""The long proof: a virtual campaign killed at every commit of its journal goes on as the unbroken one.

    python tests/loop/proof_of_commits.py [--example dosing|electrolyte] [--trials 10] [--every 1] [--moments after]

Each case forks: a first process runs the campaign and dies (`os._exit`) at the Nth commit, just before or just after it
became durable; a second one types the command again. The trajectory (points, outcomes, and the actions of the attempts
that completed) must equal that of a run that nobody killed. POSIX only: it forks.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import autolab as al
from autolab.campaign import Campaign
from autolab.journal.journal import Journal
from autolab.journal.reading import JournalReader
from autolab.planners.bayes import Bayes
from autolab.planners.sobol import Sobol
from autolab.protocols.formulation import Formulation
from autolab.protocols.gravimetric import Gravimetric

EXAMPLES = Path(__file__).parents[2] / "examples"
Moment = Literal["before", "after"]


@dataclass(frozen=True)
class Short:
    """The short form of an example's campaign: settings of its protocol, and trials by default."""

    protocol: Callable[..., Any]
    settings: Mapping[str, Any]
    trials: int


SHORT = {
    "dosing": Short(Gravimetric, {"repeats": 2, "rest_s": 5.0}, trials=10),
    "electrolyte": Short(
        Formulation,
        {"batch_mL": 6, "replicates": 2, "rest_s": 2, "mix_s": 20, "equilibrate_s": 20, "replicate_s": 5},
        trials=1,
    ),
}


def campaign(journal: Path, example: str = "dosing", planner: str = "sobol") -> Campaign:
    """Return an example's campaign in its short form."""
    made = al.load(str(EXAMPLES / example / "campaign.yaml"), journal=journal)
    declared: Any = made.protocol
    short = SHORT[example]
    made.protocol = short.protocol(**{**declared.settings.model_dump(), **short.settings})
    made.planner = Sobol() if planner == "sobol" else Bayes(initial=3)
    return made


def trajectory(journal: Path) -> list[Any]:
    """Return what a trial is about: point, outcome, and the actions of the attempt that completed."""
    with JournalReader.open(journal) as reader:
        events = list(reader.events())
    concluded = {(event.trial, event.attempt) for event in events if event.kind == "observed"}
    told: list[Any] = []
    for event in events:
        if event.kind == "decided":
            told.append(("point", event.body["suggestions"]))
        elif event.kind == "observed":
            told.append(("outcome", event.trial, event.body))
        elif event.kind in ("intent", "outcome") and (event.trial, event.attempt) in concluded:
            told.append((event.kind, event.trial, event.action, event.body))
    return told


def commits(journal: Path, trials: int, example: str = "dosing", planner: str = "sobol") -> int:
    """Run the unbroken campaign and return how many commits it took."""
    counted = []
    made = campaign(journal, example, planner)
    _hooked(made, trials, lambda _moment, number: counted.append(number))
    return max(counted)


def killed_at(
    number: int, moment: Moment, journal: Path, trials: int, example: str = "dosing", planner: str = "sobol"
) -> None:
    """Run the campaign in a forked process that dies at a commit, then again to its end in another."""

    def die(now: Moment, commit: int) -> None:
        if (now, commit) == (moment, number):
            os._exit(9)

    _forked(lambda: _hooked(campaign(journal, example, planner), trials, die), expect=9)
    _forked(lambda: _hooked(campaign(journal, example, planner), trials, lambda _moment, _number: None), expect=0)


def _hooked(made: Campaign, trials: int, hook: Callable[[Moment, int], None]) -> None:
    opened = Journal.open

    def open_hooked(*args: Any, **keywords: Any) -> Journal:
        journal = opened(*args, **keywords)
        journal.before_commit = lambda number: hook("before", number)
        journal.after_commit = lambda number: hook("after", number)
        return journal

    Journal.open = open_hooked  # type: ignore[method-assign]  # the seam of this proof
    try:
        made.run(trials, wait=False, progress=False)
    finally:
        Journal.open = opened  # type: ignore[method-assign]


def _forked(act: Callable[[], None], expect: int) -> None:
    child = os.fork()
    if child == 0:
        try:
            act()
        except BaseException:
            sys.excepthook(*sys.exc_info())
            os._exit(1)
        os._exit(0)
    _, status = os.waitpid(child, 0)
    code = os.waitstatus_to_exitcode(status)
    if code != expect:
        message = f"a process ended with {code}, expected {expect}"
        raise RuntimeError(message)


def main() -> int:
    """Run the proof and print one line a failure."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--example", choices=SHORT, default="dosing")
    parser.add_argument("--trials", type=int, help="by default what suits the example")
    parser.add_argument("--every", type=int, default=1, help="kill at every Kth commit")
    parser.add_argument("--planner", choices=["sobol", "bayes"], default="sobol")
    parser.add_argument("--moments", nargs="+", choices=["before", "after"], default=["before", "after"])
    chosen = parser.parse_args()
    trials = chosen.trials or SHORT[chosen.example].trials
    of = (trials, chosen.example, chosen.planner)
    with tempfile.TemporaryDirectory() as folder:
        unbroken = Path(folder, "unbroken.sqlite")
        total = commits(unbroken, *of)
        expected = trajectory(unbroken)
        wrong = 0
        cases = [(n, moment) for n in range(1, total + 1, chosen.every) for moment in chosen.moments]
        for done, (number, moment) in enumerate(cases, 1):
            journal = Path(folder, f"{number}-{moment}.sqlite")
            killed_at(number, moment, journal, *of)
            if trajectory(journal) != expected:
                wrong += 1
                sys.stdout.write(f"killed {moment} commit {number}: another trajectory\n")
            journal.unlink()
            if done % 50 == 0:
                sys.stdout.write(f"{done} of {len(cases)} kills, {wrong} wrong\n")
                sys.stdout.flush()
        sys.stdout.write(
            f"{len(cases)} kills over {total} commits of {trials} trials of {chosen.example}: {wrong} wrong\n"
        )
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
