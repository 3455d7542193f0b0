"""Seeded faults on the wire of every driver: what becomes of the command that meets one, and of the next.

    python benchmarks/fault_runs.py [--runs 5000] [--seed 1] [--drivers new_era.NE1000,...] [--json FILE]

Each run makes an instrument on its simulator in virtual time, connects it, and lets one fault happen at a random reply of
a short script: a reading, one of its commands, a reading. The same script without the fault is the reference. A step is

* `right`: as in the reference;
* `told`: it ended in a typed error within its time, or says that it is in doubt;
* `WRONG`: it returned something else than the reference: a silently wrong value;
* `HUNG`: it did not end within its time, or with an error that is none of autolab's;
* `NEXT`: after the fault was over, the next identity or reading was wrong or failed.

Exit code 1 where there is one of the last three.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import random
import sys
import time
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from autolab.drivers.contract import FAULTS, Broken, act, commands, lasting, read
from autolab.lab.driver_kit import SimulatedRig, example_settings, rig, tried
from autolab.model.errors import AutolabError, InDoubt

KINDS = (*FAULTS, "unheard", "power_cycle")
LATEST = 16
STEP_S = 3 * 3600.0
TOLERANCE = 0.01  # of a value, and
SLACK = 0.01  # in its unit; more where an apparatus at rest still moves, or its noise is larger
NOT_COMPARED = ("seconds", "state", "resistance_Ohm")  # times; a quotient of what is compared, noise where both are 0
SLACKS = {"C": 0.6, "rpm": 15.0, "percent": 3.0}


@dataclass(frozen=True)
class Plan:
    """One run: which driver, which of its commands, which fault where."""

    key: str
    command: int
    kind: str
    nth: int
    seconds: float


@dataclass(frozen=True)
class Outcome:
    """What became of a run, and in words what was not as it should be."""

    verdict: str
    words: str = ""


def script(one: SimulatedRig, command: int) -> list[Any]:
    """Return the steps: what to act on, and the value (None reads)."""
    known = commands(one.instrument)
    reading = [] if not one.instrument.role or _spends(one) else [(one.instrument, None)]
    if not reading and not one.instrument.role:
        reading = [(actor, None) for actor, _ in known[:1]]
    place = command % len(known) if known else 0
    before = known[:place]  # from where they lead, the chosen one can begin
    chosen = known[place : place + 1]
    return [*reading, *before, *chosen, *reading]


def _spends(one: SimulatedRig) -> bool:
    return bool(one.instrument.action_class("trigger", None) != "read")


def play(one: SimulatedRig, plan: Plan, *, faulty: bool) -> list[Any]:
    """Carry the script out; return each step's result or error. It ends with the first error."""
    lasting(one, one.instrument.do_connect())
    if faulty:
        lasts = {"seconds": plan.seconds} if plan.kind in ("late", "hang", "disconnect") else {}
        one.inject(plan.kind, nth=plan.nth, **lasts)
    told: list[Any] = []
    for actor, value in script(one, plan.command):
        try:
            told.append(dict(read(one, actor, STEP_S) if value is None else act(one, actor, value, STEP_S)))
        except Exception as error:
            told.append(error)
            break
    return told


def differs(expected: Mapping[str, Any], told: Mapping[str, Any]) -> str:
    """Return what a result has that the reference does not; empty when they agree. Times may differ."""
    if list(expected) != list(told):
        return f"{list(told)} instead of {list(expected)}"
    for name, value in expected.items():
        other = told[name]
        if name in NOT_COMPARED or isinstance(value, list | dict):
            continue
        if isinstance(value, bool | str) or not isinstance(value, int | float):
            if other != value and not isinstance(value, bool):
                return f"{name} {other!r} instead of {value!r}"
        elif not isinstance(other, int | float) or abs(other - value) > _allowed(name, value):
            return f"{name} {other!r} instead of {value!r}"
    return ""


def _allowed(name: str, value: float) -> float:
    return TOLERANCE * abs(value) + SLACKS.get(name.rpartition("_")[2], SLACK)


def judge(plan: Plan, reference: list[Any]) -> Outcome:
    """Carry a run out and say what became of it."""
    with rig(plan.key, "memory", example_settings(plan.key)) as one:
        told = play(one, plan, faulty=True)
        for step, (expected, result) in enumerate(zip(reference, told, strict=False)):
            if isinstance(result, Broken) or (isinstance(result, Exception) and not isinstance(result, AutolabError)):
                return Outcome("HUNG", f"step {step}: {type(result).__name__}: {result}")
            if isinstance(result, AutolabError):
                break
            wrong = differs(expected, result)
            if wrong and plan.kind != "power_cycle":  # it may well stand elsewhere after that
                return Outcome("WRONG", f"step {step}: {wrong}")
        one.mend()
        lasting(one, asyncio.sleep(plan.seconds + 1))  # what was late is over then
        trouble = next_is_right(one)
        if trouble and plan.kind != "power_cycle":
            return Outcome("NEXT", trouble)
        failed = isinstance(told[-1], AutolabError)
    return Outcome(("in doubt" if isinstance(told[-1], InDoubt) else "told") if failed else "right")


def next_is_right(one: SimulatedRig) -> str:
    """Return what is wrong with the next identity and reading; empty when they are right."""
    instrument = one.instrument
    try:
        first = lasting(one, instrument.do_identify(), 600)
        if lasting(one, instrument.do_identify(), 600) != first:
            return f"does not say {first} at the second time"
        if _spends(one) or not instrument.role:
            return ""
        now = dict(read(one, instrument, 600))
        again = dict(read(one, instrument, 600))
    except Exception as error:
        return f"{type(error).__name__}: {error}"
    return differs(now, again)


def main() -> int:
    """Run, and print a table by driver and one by fault."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--runs", type=int, default=5000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--drivers", default="")
    parser.add_argument("--json", type=Path)
    chosen = parser.parse_args()
    keys = chosen.drivers.split(",") if chosen.drivers else tried()
    chance, references = random.Random(chosen.seed), {}  # noqa: S311  no secret
    by_driver: dict[str, Counter[str]] = {key: Counter() for key in keys}
    by_kind: dict[str, Counter[str]] = {kind: Counter() for kind in KINDS}
    begun, bad = time.perf_counter(), []
    for number in range(chosen.runs):
        key = keys[number % len(keys)]
        plan = Plan(
            key, chance.randrange(4), chance.choice(KINDS), chance.randint(1, LATEST), round(chance.uniform(0.2, 6), 2)
        )
        if (key, plan.command) not in references:
            with rig(key, "memory", example_settings(key)) as one:
                references[key, plan.command] = play(one, plan, faulty=False)
        outcome = judge(plan, references[key, plan.command])
        by_driver[key][outcome.verdict] += 1
        by_kind[plan.kind][outcome.verdict] += 1
        if outcome.words:
            bad.append({"run": number, **vars(plan), "verdict": outcome.verdict, "words": outcome.words})
            print(f"run {number}: {plan}: {outcome.verdict}: {outcome.words}", flush=True)
        if sys.stderr.isatty() and number % 50 == 0:
            print(f"\r{number} of {chosen.runs}", end="", file=sys.stderr, flush=True)
    for title, table in (("driver", by_driver), ("fault", by_kind)):
        print("\n".join(_table(title, table)) + "\n")
    print(
        f"{chosen.runs} runs, seed {chosen.seed}, {len(keys)} drivers, {time.perf_counter() - begun:.0f} s: {len(bad)} bad"
    )
    if chosen.json:
        chosen.json.write_text(json.dumps({"runs": chosen.runs, "seed": chosen.seed, "bad": bad}, indent=1))
    return 1 if bad else 0


def _table(title: str, counts: Mapping[str, Counter[str]]) -> list[str]:
    columns = ("right", "told", "in doubt", "WRONG", "HUNG", "NEXT")
    rows = [f"| {title} | " + " | ".join(columns) + " |", "|---|" + "---|" * len(columns)]
    return rows + [
        f"| {name} | " + " | ".join(str(row[column]) for column in columns) + " |" for name, row in counts.items()
    ]


if __name__ == "__main__":
    sys.exit(main())
