"""The long proof: `kill -9` at random instants within one campaign loses nothing and does nothing twice.

    python tests/loop/proof_of_kills.py [--example electrolyte|dosing] [--kills 20] [--trials 6] [--speed 300] [--seed 1]

The example's lab is served by a process of its own (`autolab simulate`), which lives on when the campaign is killed, as
hardware does; all bytes go over pseudo-terminals (TCP on Windows), and lab time is scaled. In the end

* every trial of the budget is there, completed once;
* each entry of the world's ledger (what truly flowed) matches exactly one journaled action (trial, attempt, action),
  in order, and the amounts agree within the resolution of the pump's counter;
* every decision equals its replay;
* whatever a kill left switched on (heater, stirrer) was off before the next process did anything, by the hotplate's own
  watchdog or by making safe, and all is off in the end.
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
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from autolab.journal.reading import JournalReader

HERE = Path(__file__).parent
AUTOLAB = [sys.executable, "-m", "autolab"]
TELLING = [sys.executable, str(HERE / "telling_plates.py")]
RESOLUTION = 0.0016
"""mL: the counters' last digit up to 9.999 mL is 0.001; up to 99.99 mL it is ten times that."""


@dataclass(frozen=True)
class Example:
    """A campaign of the examples in a short form, and how it is killed by default.

    Attributes:
        trials: Of the budget.
        speed: Lab seconds a wall second.
        longest: Latest kill after a start, s of wall time: about what recovery and an attempt take.
        protocol: Settings that make it short.
        phases: Of an attempt, with the lab time that each lasts about, s: every other kill is to fall into one of them.
    """

    trials: int
    speed: float
    longest: float
    protocol: Mapping[str, Any]
    phases: Mapping[str, float] = field(default_factory=dict)


EXAMPLES = {
    "dosing": Example(trials=12, speed=200, longest=4.0, protocol={"repeats": 2, "rest_s": 5}),
    "electrolyte": Example(
        trials=8,
        speed=300,
        longest=12.0,
        protocol={
            "batch_mL": 6,
            "replicates": 2,
            "rest_s": 2,
            "mix_s": 20,
            "equilibrate_s": 20,
            "replicate_s": 5,
            "refill_rate": 25,
        },
        phases={
            "recover": 800,
            "prepare": 150,
            "dose": 90,
            "transfer": 70,
            "heat": 300,
            "measure": 30,
            "empty": 70,
            "rinse": 250,
        },
    ),
}


@dataclass
class Bench:
    """A folder with the campaign's files, and the simulator process that serves its lab.

    Attributes:
        killed: When the campaign was killed, s of wall time.
    """

    folder: Path
    example: str
    trials: int
    planner: str = "bayes"
    speed: float = 0.0
    killed: list[float] = field(default_factory=list)
    process: subprocess.Popen[bytes] = field(init=False)

    def __post_init__(self) -> None:
        source, chosen = HERE.parents[1] / "examples" / self.example, EXAMPLES[self.example]
        campaign = yaml.safe_load((source / "campaign.yaml").read_text())
        campaign["protocol"] |= chosen.protocol
        campaign["budget"] |= {"trials": self.trials, "failure_streak": 9}
        campaign["planner"] = {"use": self.planner}
        (self.folder / "campaign.yaml").write_text(yaml.safe_dump(campaign, sort_keys=False))
        (self.folder / "lab.yaml").write_text((source / "lab.yaml").read_text())
        self.speed = self.speed or chosen.speed
        self._serve("pty" if os.name == "posix" else "tcp://127.0.0.1:0")

    def _serve(self, listen: str) -> None:
        command: list[str | Path] = [*TELLING, "--tell", self.folder / "plates.jsonl", "--"]
        command += ["simulate", self.folder / "lab.yaml", "--listen", listen, "--speed", str(self.speed)]
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

    def last_event(self) -> int:
        """Return the number of the journal's last event; 0 before there is one."""
        if not self.journal.exists():
            return 0
        with JournalReader.open(self.journal) as reader:
            return max((event.seq for event in reader.events()), default=0)

    def close(self) -> None:
        """End the simulator."""
        self.process.terminate()
        self.process.wait(10)

    def ledger(self) -> list[dict[str, Any]]:
        """Return what truly flowed."""
        return self._lines("ledger.jsonl")

    def switched(self) -> list[dict[str, Any]]:
        """Return what was truly switched on and off at hotplates: part, whether on, by what, when."""
        return self._lines("plates.jsonl")

    def _lines(self, name: str) -> list[dict[str, Any]]:
        path = self.folder / name
        return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


def kill_at_random(
    bench: Bench, kills: int, chance: random.Random, longest: float, phases: Sequence[str] = ()
) -> Counter[str]:
    """Kill the campaign so many times, then let it end; return what it was doing each time.

    Every other kill comes at any instant up to `longest` s after the start; the first, the third, ... in `phases` by
    turns, or in all phases of the example.
    """
    doing: Counter[str] = Counter()
    lasting = EXAMPLES[bench.example].phases
    phases = phases or chance.sample(sorted(lasting), len(lasting))
    for number in range(kills):
        before = bench.last_event()
        process = bench.run()
        _wait_for_owner(bench, process)
        seconds = chance.uniform(0, longest)
        if phases and number % 2 == 0:
            phase = phases[number // 2 % len(phases)]
            _wait_for_phase(bench, process, phase, before)
            seconds = chance.uniform(0, lasting[phase] / bench.speed)
        try:
            process.wait(seconds)
            message = f"the campaign ended (exit {process.returncode}) before it was killed often enough: more --trials"
            raise RuntimeError(message)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            bench.killed.append(time.time())
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


def _wait_for_phase(bench: Bench, process: subprocess.Popen[bytes], phase: str, seen: int) -> None:
    """Return when this process has begun an action of a phase, or is over; `seen` is the last event before it began.

    Recovery comes first or not at all, so any action ends the wait for it.
    """
    while process.poll() is None:
        with JournalReader.open(bench.journal) as reader:
            for event in reader.events(after=seen, kinds=["intent"]):
                seen = event.seq
                if phase in ("recover", event.body.get("phase")):
                    return
        time.sleep(0.005)


def _doing(bench: Bench) -> str:
    """Return the phase in which the journal ends, in words."""
    with JournalReader.open(bench.journal) as reader:
        events = list(reader.events())
    last = next((event for event in reversed(events) if event.kind not in ("outcome", "settled")), None)
    if last is None or last.kind != "intent":
        return f"outside an attempt ({last.kind if last else 'nothing'})"
    going_on = (
        "between two actions" if events[-1].kind == "outcome" else f"{last.body['instrument']} {last.body['verb']}"
    )
    return f"{last.body.get('phase', 'an attempt')}, {going_on}"


def faults(bench: Bench) -> list[str]:
    """Return what is wrong with the campaign's end, in words; nothing when all promises were kept."""
    with JournalReader.open(bench.journal) as reader:
        events = list(reader.events())
    observed = Counter(event.trial for event in events if event.kind == "observed")
    wrong = [f"trial {n} was observed {observed[n]} times" for n in range(1, bench.trials + 1) if observed[n] != 1]
    wrong += unmatched(bench.ledger(), moved(events))
    wrong += unsafe(bench.switched(), [*left_on(bench, events), (float("inf"), "the end")])
    replayed = subprocess.run([*AUTOLAB, "replay", bench.journal], capture_output=True, text=True, check=False)
    if replayed.returncode != 0:
        wrong.append(f"replay: {replayed.stdout[-1500:]}{replayed.stderr[-500:]}")
    return wrong


def left_on(bench: Bench, events: list[Any]) -> list[tuple[float, str]]:
    """Return when, after each kill, the next process did its first action, with words for it."""
    begun = [event.wall_time for event in events if event.kind == "intent"]
    firsts = ((killed, next((wall for wall in begun if wall > killed), None)) for killed in bench.killed)
    return [(wall, f"the first action after the kill at {killed:.2f}") for killed, wall in firsts if wall is not None]


def unsafe(switched: list[dict[str, Any]], moments: list[tuple[float, str]]) -> list[str]:
    """Return what was on at moments when nothing may be."""
    wrong = []
    for wall, moment in moments:
        now = {(entry["plate"], entry["part"]): entry["on"] for entry in switched if entry["wall"] < wall}
        wrong += [f"{plate}.{part} is on at {moment}" for (plate, part), on in now.items() if on]
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
    parser.add_argument("--example", choices=EXAMPLES, default="electrolyte")
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--trials", type=int, help="of the budget; by default what suits the example")
    parser.add_argument("--speed", type=float, default=0.0, help="lab seconds a wall second; likewise")
    parser.add_argument("--longest", type=float, help="latest kill after a start, s of wall time; likewise")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--planner", default="bayes")
    chosen = parser.parse_args()
    example = EXAMPLES[chosen.example]
    with tempfile.TemporaryDirectory() as folder:
        bench = Bench(Path(folder), chosen.example, chosen.trials or example.trials, chosen.planner, chosen.speed)
        try:
            longest = chosen.longest or example.longest
            doing = kill_at_random(bench, chosen.kills, random.Random(chosen.seed), longest)
            wrong = faults(bench)
        finally:
            bench.close()
        told = [*_settled(bench), *_off(bench)]
    sys.stdout.write(f"{chosen.kills} kills over {bench.trials} trials of {chosen.example}; {'; '.join(told)}\n")
    for what, times in doing.most_common():
        sys.stdout.write(f"  killed {times} times in: {what}\n")
    sys.stdout.write("\n".join(wrong) + "\n" if wrong else "nothing lost, nothing done twice, every decision replays\n")
    return 1 if wrong else 0


def _settled(bench: Bench) -> list[str]:
    with JournalReader.open(bench.journal) as reader:
        verdicts = Counter(str(event.body["verdict"]) for event in reader.events(kinds=["settled"]))
    return [f"{len(bench.ledger())} movements", f"settled: {dict(verdicts)}"]


def _off(bench: Bench) -> list[str]:
    """Return what switched off what kills had left on, in words."""
    off: Counter[str] = Counter()
    switched = bench.switched()
    for killed in bench.killed:
        now = {entry["part"]: entry["on"] for entry in switched if entry["wall"] <= killed}
        for part in (part for part, on in now.items() if on):
            ended = next((e for e in switched if e["wall"] > killed and e["part"] == part and not e["on"]), None)
            off[f"{part} by {ended['by'] if ended else 'nothing'}"] += 1
    return [f"left on by kills and switched off: {dict(off)}"] if off else []


if __name__ == "__main__":
    sys.exit(main())
