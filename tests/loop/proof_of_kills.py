"""The long proof: `kill -9` at random instants within one campaign loses nothing and does nothing twice.

    python tests/loop/proof_of_kills.py [--kills 20] [--trials 12] [--speed 200] [--seed 1]

The dosing lab is served by a process of its own (`autolab simulate`), which lives on when the campaign is killed, as
hardware does; all bytes go over pseudo-terminals (TCP on Windows), and lab time is scaled. In the end

* every trial of the budget is there, completed once;
* each entry of the world's ledger (what truly flowed) matches exactly one journaled action (trial, attempt, action),
  in order, and the amounts agree within the resolution of the pump's counter;
* every decision equals its replay.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import subprocess
import sys
import tempfile
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from autolab.journal.reading import JournalReader

EXAMPLE = Path(__file__).parents[2] / "examples" / "dosing"
AUTOLAB = [sys.executable, "-m", "autolab"]
RESOLUTION = 0.0016
"""mL: the counters' last digit up to 9.999 mL is 0.001; up to 99.99 mL it is ten times that."""


@dataclass
class Bench:
    """A folder with the campaign's files, and the simulator process that serves its lab."""

    folder: Path
    speed: float
    trials: int
    planner: str
    process: subprocess.Popen[bytes] = field(init=False)

    def __post_init__(self) -> None:
        text = (EXAMPLE / "campaign.yaml").read_text()
        text = text.replace("trials: 30", f"trials: {self.trials}").replace("use: bayes", f"use: {self.planner}")
        text = text.replace("repeats: 3 ", "repeats: 2 ").replace("rest_s: 40 ", "rest_s: 5 ")
        text = text.replace("failure_streak: 3", "failure_streak: 9")
        (self.folder / "campaign.yaml").write_text(text)
        (self.folder / "lab.yaml").write_text((EXAMPLE / "lab.yaml").read_text())
        listen = "pty" if os.name == "posix" else "tcp://127.0.0.1:0"
        command: list[str | Path] = [
            *AUTOLAB,
            "simulate",
            self.folder / "lab.yaml",
            "--listen",
            listen,
            "--speed",
            str(self.speed),
        ]
        command += ["--ledger", self.folder / "ledger.jsonl", "--addresses", self.folder / "addresses.yaml"]
        with (self.folder / "simulator.log").open("wb") as log:
            self.process = subprocess.Popen(command, stdout=log, stderr=log)
        while not (self.folder / "addresses.yaml").exists():
            if self.process.poll() is not None:
                raise RuntimeError((self.folder / "simulator.log").read_text())
            time.sleep(0.02)

    @property
    def journal(self) -> Path:
        """Where the campaign's journal lies."""
        return self.folder / "campaign.sqlite"

    def run(self, *program: str | Path) -> subprocess.Popen[bytes]:
        """Type the command: begin the campaign, or go on with it; `program` stands in for `autolab`."""
        command: list[str | Path] = [*(program or AUTOLAB), "run", self.folder / "campaign.yaml"]
        command += ["--addresses", self.folder / "addresses.yaml"]
        with (self.folder / "run.log").open("ab") as log:
            return subprocess.Popen(command, stdout=log, stderr=log, stdin=subprocess.DEVNULL)

    def close(self) -> None:
        """End the simulator."""
        self.process.terminate()
        self.process.wait(10)

    def ledger(self) -> list[dict[str, Any]]:
        """Return what truly flowed."""
        path = self.folder / "ledger.jsonl"
        return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


def kill_at_random(bench: Bench, kills: int, chance: random.Random, longest: float) -> Counter[str]:
    """Kill the campaign so many times, then let it end; return what it was doing each time."""
    doing: Counter[str] = Counter()
    for _ in range(kills):
        process = bench.run()
        _wait_for_owner(bench, process)
        try:
            process.wait(chance.uniform(0, longest))
            message = f"the campaign ended (exit {process.returncode}) before it was killed often enough: more --trials"
            raise RuntimeError(message)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        doing[_doing(bench)] += 1
    code = bench.run().wait(600)
    if code != 0:
        message = f"the last run ended with {code}: {(bench.folder / 'run.log').read_text()[-2000:]}"
        raise RuntimeError(message)
    return doing


def _wait_for_owner(bench: Bench, process: subprocess.Popen[bytes]) -> None:
    """Return when this process has taken the journal: what comes before are imports, and nothing can be lost there."""
    while process.poll() is None:
        if bench.journal.exists():
            with JournalReader.open(bench.journal) as reader:
                owner = reader.owner()
            if owner is not None and owner["pid"] == process.pid:
                return
        time.sleep(0.01)
    message = f"the campaign did not start: {(bench.folder / 'run.log').read_text()[-2000:]}"
    raise RuntimeError(message)


def _doing(bench: Bench) -> str:
    with JournalReader.open(bench.journal) as reader:
        last = list(reader.events())[-1]
    return f"{last.kind} {last.body.get('verb', '')} {last.body.get('instrument', '')}".strip()


def faults(bench: Bench) -> list[str]:
    """Return what is wrong with the campaign's end, in words; nothing when all promises were kept."""
    with JournalReader.open(bench.journal) as reader:
        events = list(reader.events())
    observed = Counter(event.trial for event in events if event.kind == "observed")
    wrong = [f"trial {n} was observed {observed[n]} times" for n in range(1, bench.trials + 1) if observed[n] != 1]
    wrong += unmatched(bench.ledger(), moved(events))
    replayed = subprocess.run([*AUTOLAB, "replay", bench.journal], capture_output=True, text=True, check=False)
    if replayed.returncode != 0:
        wrong.append(f"replay: {replayed.stdout[-1500:]}{replayed.stderr[-500:]}")
    return wrong


def moved(events: list[Any]) -> dict[str, list[tuple[str, str, float]]]:
    """Return what the journal says was moved: instrument -> (action, direction, mL), in the order of the intents."""
    intents = {
        _key(event): event for event in events if event.kind == "intent" and isinstance(event.body["value"], dict)
    }
    amounts: dict[Any, float] = {}
    for event in events:
        if _key(event) not in intents:
            continue
        if event.kind == "outcome" and event.body["status"] == "done":
            amounts[_key(event)] = event.body["result"]["volume_mL"]
        elif event.kind == "settled":
            amounts[_key(event)] = event.body["amount"] or 0.0
    told: dict[str, list[tuple[str, str, float]]] = {}
    for key, event in intents.items():
        if amounts.get(key, 0.0) > 0:
            (direction,) = event.body["value"]
            told.setdefault(event.body["instrument"], []).append((".".join(map(str, key)), direction, amounts[key]))
        elif key not in amounts:
            told.setdefault(event.body["instrument"], []).append((".".join(map(str, key)), "unsettled", 0.0))
    return told


def unmatched(ledger: list[dict[str, Any]], told: dict[str, list[tuple[str, str, float]]]) -> list[str]:
    """Return where ledger and journal disagree, instrument by instrument, entry by entry."""
    wrong = []
    for instrument in {entry["instrument"] for entry in ledger} | set(told):
        flowed = [entry for entry in ledger if entry["instrument"] == instrument and entry["volume"] > RESOLUTION / 2]
        actions = [
            action for action in told.get(instrument, []) if action[2] > RESOLUTION / 2 or action[1] == "unsettled"
        ]
        if len(flowed) != len(actions):
            wrong.append(f"{instrument}: {len(flowed)} movements in the ledger, {len(actions)} in the journal")
        for entry, (name, direction, amount) in zip(flowed, actions, strict=False):
            allowed = RESOLUTION * (10 if max(amount, entry["volume"]) > 9.999 else 1)
            if entry["direction"] != direction or abs(entry["volume"] - amount) > allowed:
                wrong.append(f"{instrument}: action {name} says {direction} {amount} mL, the ledger {entry}")
                break
    return wrong


def _key(event: Any) -> tuple[int, int, int]:
    return (event.trial, event.attempt, event.action)


def main() -> int:
    """Run the proof and print what was found."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--trials", type=int, default=12)
    parser.add_argument("--speed", type=float, default=200)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--planner", default="bayes")
    parser.add_argument("--longest", type=float, default=4.0, help="latest kill after a start, s of wall time")
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        bench = Bench(Path(folder), chosen.speed, chosen.trials, chosen.planner)
        try:
            doing = kill_at_random(bench, chosen.kills, random.Random(chosen.seed), chosen.longest)
            wrong = faults(bench)
        finally:
            bench.close()
        settled = _settled(bench)
    sys.stdout.write(f"{chosen.kills} kills over {chosen.trials} trials; {settled}\n")
    for what, times in doing.most_common():
        sys.stdout.write(f"  killed {times} times after: {what}\n")
    sys.stdout.write("\n".join(wrong) + "\n" if wrong else "nothing lost, nothing done twice, every decision replays\n")
    return 1 if wrong else 0


def _settled(bench: Bench) -> str:
    with JournalReader.open(bench.journal) as reader:
        verdicts = Counter(str(event.body["verdict"]) for event in reader.events(kinds=["settled"]))
        moves = len(bench.ledger())
    return f"{moves} movements; settled: {dict(verdicts)}"


if __name__ == "__main__":
    sys.exit(main())
