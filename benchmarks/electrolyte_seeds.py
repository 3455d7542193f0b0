"""How often 40 trials find the best electrolyte: seeds x planners, judged by the world's own noiseless truth.

    python benchmarks/electrolyte_seeds.py --direct --seeds 20 --jobs 2
    python benchmarks/electrolyte_seeds.py --bench --seeds 20 --jobs 2 --planners bayes sobol random

`--bench` runs examples/electrolyte on the virtual lab in virtual time: pumps, balance, hotplate and probe, about a
minute a campaign. `--direct` gives the planner the true outcome with the noise of replicate readings instead: the same
search without the lab. A seed counts when the recommended point (`campaign.best`) conducts, without noise and within
all bounds, at least 98 % of what the best possible one does.

Each campaign is a line in the results file as soon as it is done; the same command goes on where it was stopped, and
tells the table. Lines of other campaign files, lab files or settings are left alone.
"""

from __future__ import annotations

import argparse
import json
import math
import multiprocessing
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import asdict, dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
import yaml

import autolab as al
from autolab.planners.bayes import Bayes
from autolab.planners.sobol import Sobol
from autolab.simulators.formulations import Formulations

EXAMPLE = Path(__file__).parents[1] / "examples" / "electrolyte" / "campaign.yaml"
ENOUGH = 0.98  # of the optimum
REPLICATES = 3
Z95 = 1.959964


@dataclass(frozen=True)
class Random:
    """Uniform points of the space: what every planner must beat."""

    def suggest(
        self, problem: al.Problem, history: Sequence[object], *, n: int, pending: Sequence[object] = (), seed: int
    ) -> list[al.Suggestion]:
        """Return `n` points."""
        return [al.Suggestion(point, {"rule": "random"}) for point in problem.space.sample(n, seed)]


PLANNERS: Mapping[str, Callable[[], Any]] = {"bayes": Bayes, "sobol": Sobol, "random": Random}


@dataclass
class Timed:
    """A planner that knows how long it took, s."""

    inner: Any
    seconds: float = field(default=0.0, repr=False)

    def suggest(self, *args: Any, **keywords: Any) -> Any:
        """Propose, and count the time."""
        start = time.perf_counter()
        try:
            return self.inner.suggest(*args, **keywords)
        finally:
            self.seconds += time.perf_counter() - start


@dataclass(frozen=True)
class Task:
    """One campaign to run.

    Attributes:
        mode: `bench` or `direct`.
        noise: Relative standard deviation of one of three readings; of `direct` alone.
        files: Digest of the campaign file and its lab file.
    """

    mode: str
    planner: str
    seed: int
    trials: int
    noise: float
    files: str


@dataclass(frozen=True)
class Row:
    """What became of a campaign.

    Attributes:
        value: Noiseless feasible value of the recommended point, mS/cm; 0 where it breaks a bound or there is none.
        share: That, of the true optimum.
        best: The highest noiseless feasible value among all points tried, of the true optimum.
        completed: Trials with an outcome.
        hours: Lab time.
        wall: s, without imports and planner.
        planner: s in the planner.
        point: What was recommended.
    """

    task: Task
    value: float
    share: float
    best: float
    completed: int
    hours: float
    wall: float
    planner: float
    point: Mapping[str, float]

    @classmethod
    def read(cls, line: str) -> Row:
        """Return what a line of a results file holds."""
        told = json.loads(line)
        return cls(**{**told, "task": Task(**told["task"])})


def truth(path: Path) -> Formulations:
    """Return what is true of the formulations of a campaign file."""
    campaign = yaml.safe_load(path.read_text(encoding="utf-8"))
    return Formulations.declared(campaign, yaml.safe_load((path.parent / campaign["lab"]).read_text(encoding="utf-8")))


def digest(path: Path) -> str:
    """Return the digest of a campaign file's contents and its lab file's, comments aside."""
    campaign = yaml.safe_load(path.read_text(encoding="utf-8"))
    lab = yaml.safe_load((path.parent / campaign["lab"]).read_text(encoding="utf-8"))
    return sha256(json.dumps([campaign, lab], sort_keys=True, default=str).encode()).hexdigest()[:12]


def measured(true: Formulations, noise: float, seed: int) -> Callable[[dict[str, Any]], dict[str, Any]]:
    """Return a function that measures like the bench: the mean of three readings, with the standard error they tell."""
    random = np.random.default_rng([seed, 0xE1])

    def evaluate(point: dict[str, Any]) -> dict[str, Any]:
        outcome = true.outcome(point)
        readings = outcome["conductivity"] * (1.0 + noise * random.standard_normal(REPLICATES))
        error = float(np.std(readings, ddof=1) / math.sqrt(REPLICATES))
        return {"conductivity": (float(np.mean(readings)), error), "cost": outcome["cost"]}

    return evaluate


def campaign_of(task: Task, path: Path, true: Formulations, journal: Path) -> tuple[al.Campaign, Timed]:
    """Return a task's campaign, and its planner."""
    planner = Timed(PLANNERS[task.planner]())
    made = al.load(str(path), journal=journal)
    made.seed, made.planner = task.seed, planner
    if task.mode == "direct":
        evaluate = measured(true, task.noise, task.seed)
        made = al.Campaign(made.problem, evaluate=evaluate, planner=planner, seed=task.seed, journal=journal)
    return made, planner


def perform(task: Task, path: Path) -> Row:
    """Run one campaign, and judge what it recommends."""
    true = truth(path)
    _, optimum = true.optimum()
    with tempfile.TemporaryDirectory() as folder:
        campaign, planner = campaign_of(task, path, true, Path(folder, "journal.sqlite"))
        start = time.perf_counter()
        campaign.run(task.trials, progress=False, wait=False)
        wall = time.perf_counter() - start - planner.seconds
        history = campaign.history
        best = campaign.problem.best(history.trials)
    point = dict(best.point) if isinstance(best, al.Trial) else {}
    value = true.value(point) if point else 0.0
    tried = [true.value(trial.point) for trial in history.trials]
    return Row(
        task,
        value=value,
        share=value / optimum["conductivity"],
        best=max(tried, default=0.0) / optimum["conductivity"],
        completed=sum(trial.usable for trial in history.trials),
        hours=history.last_lab_time / 3600.0 if task.mode == "bench" else 0.0,
        wall=wall,
        planner=planner.seconds,
        point={name: float(one) for name, one in point.items()},
    )


def warm(mode: str, path: Path, files: str) -> None:
    """Load in this process what a campaign needs, so that no campaign's time holds imports."""
    perform(Task(mode, "bayes", 0, 1, 0.01, files), path)
    import botorch  # noqa: F401  the first proposals need no model, and would leave it to be loaded later


def work(tasks: Sequence[Task], path: Path, jobs: int) -> Iterator[Row]:
    """Run campaigns in so many processes; yield each as it is done."""
    if not tasks:
        return
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(jobs, context, warm, (tasks[0].mode, path, tasks[0].files)) as pool:
        waiting = [pool.submit(perform, task, path) for task in tasks]
        try:
            for done in as_completed(waiting):
                yield done.result()
        finally:
            pool.shutdown(wait=False, cancel_futures=True)


def known(results: Path) -> dict[Task, Row]:
    """Return what a results file holds; a line that was cut off by a kill is left out."""
    rows: dict[Task, Row] = {}
    for line in results.read_text(encoding="utf-8").splitlines() if results.exists() else ():
        try:
            row = Row.read(line)
        except (ValueError, TypeError, KeyError):
            continue  # cut off, empty, or of another version: run again
        rows[row.task] = row
    return rows


def wilson(hits: int, of: int) -> tuple[float, float]:
    """Return the 95 % interval of a share by Wilson's score (J. Am. Stat. Assoc. 22 (1927) 209)."""
    share, z2 = hits / of, Z95**2
    middle = (share + z2 / (2 * of)) / (1 + z2 / of)
    half = Z95 / (1 + z2 / of) * math.sqrt(share * (1 - share) / of + z2 / (4 * of**2))
    return max(0.0, middle - half), min(1.0, middle + half)


def table(rows: Sequence[Row]) -> str:
    """Return the results as Markdown, one planner a row; shares are of the optimum, times are medians."""
    lines = [
        f"| planner | seeds | >= {ENOUGH:.0%} of the optimum | 95 % interval | median | worst | best tried, median "
        "| fewest trials | virtual h | wall s | planner s |",
        "|---|---|---|---|---|---|---|---|---|---|---|",
    ]
    for name in dict.fromkeys(row.task.planner for row in rows):
        mine = [row for row in rows if row.task.planner == name]
        shares = [row.share for row in mine]
        hits = sum(share >= ENOUGH for share in shares)
        low, high = wilson(hits, len(mine))
        hours, wall, planner = (
            statistics.median(getattr(row, of) for row in mine) for of in ("hours", "wall", "planner")
        )
        lines.append(
            f"| {name} | {len(mine)} | {hits} | {low:.0%} to {high:.0%} | {statistics.median(shares):.1%} "
            f"| {min(shares):.1%} | {statistics.median(row.best for row in mine):.1%} "
            f"| {min(row.completed for row in mine)} | {hours:.1f} | {wall:.1f} | {planner:.1f} |"
        )
    return "\n".join(lines)


def arguments(given: Sequence[str] | None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    mode = parser.add_mutually_exclusive_group(required=True)
    mode.add_argument("--direct", dest="mode", action="store_const", const="direct", help="without the lab")
    mode.add_argument("--bench", dest="mode", action="store_const", const="bench", help="on the virtual lab")
    parser.add_argument("--seeds", type=int, default=20, help="how many (default: 20)")
    parser.add_argument("--first", type=int, default=1, help="the first seed (default: 1)")
    parser.add_argument("--planners", nargs="+", choices=PLANNERS, default=list(PLANNERS))
    parser.add_argument("--trials", type=int, default=40)
    parser.add_argument("--noise", type=float, default=0.01, help="of one reading, with --direct (default: 0.01)")
    parser.add_argument("--jobs", type=int, default=2, help="processes (default: 2)")
    parser.add_argument("--campaign", type=Path, default=EXAMPLE, help="the campaign file")
    parser.add_argument("--results", type=Path, help="file of results (default: electrolyte_seeds.jsonl)")
    return parser.parse_args(given)


def main(given: Sequence[str] | None = None) -> None:
    """Run what is missing, show progress, print the table."""
    chosen = arguments(given)
    results = chosen.results or Path("electrolyte_seeds.jsonl")
    files, noise = digest(chosen.campaign), chosen.noise if chosen.mode == "direct" else 0.0
    seeds = range(chosen.first, chosen.first + chosen.seeds)
    tasks = [Task(chosen.mode, name, seed, chosen.trials, noise, files) for seed in seeds for name in chosen.planners]
    rows = known(results)
    missing = [task for task in tasks if task not in rows]
    with results.open("a", encoding="utf-8") as file:
        file.write("\n" if rows else "")  # ends a line that a kill cut off
        for number, row in enumerate(work(missing, chosen.campaign, chosen.jobs), 1):
            rows[row.task] = row
            file.write(json.dumps(asdict(row)) + "\n")
            file.flush()
            print(
                f"[{number}/{len(missing)}] {row.task.planner} seed {row.task.seed}: {row.share:.1%} of the optimum, "
                f"{row.wall + row.planner:.0f} s",
                file=sys.stderr,
            )
    point, optimum = truth(chosen.campaign).optimum()
    at = ", ".join(f"{name} {value:.3f}" for name, value in point.items())
    print(f"true optimum: {optimum['conductivity']:.3f} mS/cm, cost {optimum['cost']:.3f}, at {at}\n")
    print(table([rows[task] for task in sorted(tasks, key=lambda task: chosen.planners.index(task.planner))]))


if __name__ == "__main__":
    main()
