"""Time per suggestion: autolab's default planner beside Ax, BayBE and Optuna, in one run, one thread each.

    python benchmarks/planners/speed.py --peers-python peers-env/bin/python
    python benchmarks/planners/speed.py --growth
    python docs/make_images.py --growth

(`peers-env` as at the head of `peers.py`.) Every package gets the same trials at random and is asked once before it is
timed, so that imports and what it compiles do not count. Each measurement is a process of its own; rounds go through
all packages in turn, so that a busy machine hinders them alike, and the median of the rounds is told. Peers keep their
state between calls, as their own users' scripts do; autolab's planner has none. `--growth` measures autolab alone, with
more and more trials and dimensions, in seconds of the processor; the last command measures the same and draws it.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from autolab.model.candidates import Candidates
from autolab.model.objectives import Objective
from autolab.model.parameters import Categorical, Real
from autolab.model.problem import Problem
from autolab.model.space import Space
from autolab.model.trial import Trial
from autolab.plots.style import BLUE, panels

HERE = Path(__file__).parent
ONE_THREAD = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}
SEED = 20260901
TRIALS = (10, 30, 100, 300, 1000, 3000, 10_000)
GROWTH_DIMENSIONS = 6
DIMENSIONS = (2, 6, 20, 60, 100)
GROWTH_TRIALS = 100
"""How many trials in how many dimensions, and in which dimensions with how many trials, growth is measured."""


@dataclass(frozen=True)
class Asked:
    """What is timed.

    Attributes:
        problem: Makes the problem.
        trials: In the history.
        batch: Points asked for at once.
        peers: Who else is asked.
    """

    problem: Callable[[], Problem]
    trials: int
    batch: int = 1
    peers: tuple[str, ...] = ("optuna_gp", "baybe", "ax")


def box(d: int, objectives: Sequence[str] = ("y",)) -> Problem:
    """Return a cube of `d` numbers."""
    return Problem(Space([Real(f"x{i}", 0, 1) for i in range(d)]), [Objective(name) for name in objectives])


def hybrid() -> Problem:
    """Return 6 numbers and 48 combinations of labels."""
    numbers = [Real(f"x{i}", 0, 1) for i in range(6)]
    return Problem(
        Space([*numbers, Categorical("a", list("abcdefgh")), Categorical("b", list("uvwxyz"))]), [Objective("y")]
    )


def pool() -> Problem:
    """Return a table of 15,625 candidates."""
    grid = np.meshgrid(*[np.linspace(0, 1, 5)] * 6, indexing="ij")
    return Problem(Candidates({f"x{i}": one.ravel().tolist() for i, one in enumerate(grid)}), [Objective("y")])


CASES: Mapping[str, Asked] = {
    "6 numbers, 40 trials": Asked(lambda: box(6), 40),
    "6 numbers, 100 trials": Asked(lambda: box(6), 100),
    "6 numbers x 48 labels": Asked(hybrid, 40, peers=("baybe",)),
    "15,625 candidates, 8 at once": Asked(pool, 40, 8, peers=("baybe",)),
    "two objectives": Asked(lambda: box(6, ("y", "z")), 40, peers=("ax",)),
    "10,000 trials": Asked(lambda: box(6), 10_000, peers=()),
}


def history(problem: Problem, n: int) -> list[Trial]:
    """Return trials at random of a smooth function with some noise."""
    rng = np.random.default_rng(SEED)
    points = problem.space.sample(n, SEED)
    x = problem.space.encode(points)
    phase = rng.uniform(0, 2 * math.pi, x.shape[1])
    values = {
        one.name: np.sin(3 * x + phase + i).mean(axis=1)
        - ((x - 0.3 - 0.3 * i) ** 2).mean(axis=1)
        + 0.01 * rng.standard_normal(n)
        for i, one in enumerate(problem.objectives)
    }
    return [
        Trial.completed(point, {name: float(column[i]) for name, column in values.items()})
        for i, point in enumerate(points)
    ]


def timed(who: str, problem: Problem, trials: Sequence[Trial], batch: int) -> tuple[float, float]:
    """Return the seconds of one suggestion, and the processor's, after one that is not counted."""
    if who == "bayes":
        from autolab.planners.bayes import Bayes

        planner: Any = Bayes()
    else:
        sys.path.insert(0, str(HERE))
        from peers import PEERS  # type: ignore[import-not-found]  # beside this file

        planner = PEERS[who]()
    planner.suggest(problem, trials[:-1], n=batch, seed=1)
    start, busy = time.perf_counter(), time.process_time()
    planner.suggest(problem, trials, n=batch, seed=2)
    return time.perf_counter() - start, time.process_time() - busy


def worker(who: str, case: str) -> None:
    """Print seconds, the processor's seconds, and the greatest memory of this process (GB) as JSON."""
    asked = CASES[case] if case in CASES else sized(case)
    problem = asked.problem()
    seconds, busy = timed(who, problem, history(problem, asked.trials), asked.batch)
    print(json.dumps([seconds, busy, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6]))


def measured(python: str, who: str, case: str) -> tuple[float, float, float]:
    """Return what a worker prints."""
    environment = {**os.environ, **ONE_THREAD, "PYTHONPATH": str(HERE.parent.parent)}
    command = [python, str(Path(__file__).resolve()), "--worker", who, case]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    seconds, busy, memory = json.loads(done.stdout.strip().splitlines()[-1])
    return seconds, busy, memory


def compare(peers_python: str | None, cases: Sequence[str], rounds: int) -> None:
    """Print the table."""
    print("| case | who | seconds a suggestion | autolab's share of it | memory, GB |")
    print("|---|---|---|---|---|")
    for case in cases:
        who = ["bayes", *(CASES[case].peers if peers_python else ())]
        found: dict[str, list[tuple[float, float, float]]] = {one: [] for one in who}
        for _ in range(rounds):
            for one in who:
                python = sys.executable if one == "bayes" else str(peers_python)
                found[one].append(measured(python, one, case))
        mine = statistics.median(seconds for seconds, _, _ in found["bayes"])
        for one, rows in found.items():
            seconds = statistics.median(row[0] for row in rows)
            memory = max(row[2] for row in rows)
            print(f"| {case} | {one} | {seconds:.3f} | {mine / seconds:.2f} | {memory:.2f} |", flush=True)


def sized(case: str) -> Asked:
    """Return a cube of so many dimensions with so many trials, told as `trials,dimensions`."""
    trials, d = (int(one) for one in case.split(","))
    return Asked(lambda: box(d), trials)


def growth(rounds: int) -> list[tuple[int, int, float]]:
    """Print and return trials, dimensions, and the processor's seconds of a suggestion: others' work is not in them."""
    print("| trials | dimensions | processor's seconds |")
    print("|---|---|---|")
    found = []
    for n, d in (*((n, GROWTH_DIMENSIONS) for n in TRIALS), *((GROWTH_TRIALS, d) for d in DIMENSIONS)):
        seconds = statistics.median(measured(sys.executable, "bayes", f"{n},{d}")[1] for _ in range(rounds))
        print(f"| {n} | {d} | {seconds:.3f} |", flush=True)
        found.append((n, d, seconds))
    return found


def drawn(found: Sequence[tuple[int, int, float]]) -> Any:
    """Return the figure of what `growth` returns, both axes logarithmic."""
    figure = panels(1, 2, shared_yaxes=True)
    of_trials, of_dimensions = found[: len(TRIALS)], found[len(TRIALS) :]
    x = ([n for n, _, _ in of_trials], [d for _, d, _ in of_dimensions])
    names = (f"trials, in {GROWTH_DIMENSIONS} dimensions", f"dimensions, with {GROWTH_TRIALS} trials")
    for column, (numbers, part, name) in enumerate(zip(x, (of_trials, of_dimensions), names, strict=True), 1):
        seconds = [one for _, _, one in part]
        figure.add_scatter(
            x=numbers, y=seconds, mode="lines+markers", line={"color": BLUE}, showlegend=False, row=1, col=column
        )
        told = [f"{one:,}" for one in numbers]
        figure.update_xaxes(type="log", tickvals=numbers, ticktext=told, title_text=name, row=1, col=column)
    low, high = min(one for _, _, one in found), max(one for _, _, one in found)
    edges = [math.floor(math.log10(low) * 2) / 2, math.ceil(math.log10(high) * 2) / 2]
    figure.update_yaxes(type="log", range=edges, tickvals=[0.01, 0.03, 0.1, 0.3, 1, 3, 10])
    figure.update_yaxes(title_text="processor's seconds a suggestion", row=1, col=1)
    figure.update_layout(margin={"t": 12}, height=320)
    return figure


def main() -> None:
    """Measure."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--peers-python", help="the Python of the peers' environment; autolab alone without it")
    parser.add_argument("--cases", nargs="+", choices=list(CASES), default=list(CASES))
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--growth", action="store_true", help="autolab alone, with more trials and dimensions")
    parser.add_argument("--worker", nargs=2, help=argparse.SUPPRESS)
    told = parser.parse_args()
    if told.worker:
        worker(*told.worker)
    elif told.growth:
        growth(told.rounds)
    else:
        compare(told.peers_python, told.cases, told.rounds)


if __name__ == "__main__":
    main()
