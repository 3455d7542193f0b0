"""Trials wasted where a fifth of the space fails: autolab's default planner beside Ax that learns where trials fail.

    PYTHONPATH=. peers-env/bin/python benchmarks/planners/waste.py --ask --seeds 8
    python benchmarks/planners/waste.py

(`peers-env` as at the head of `peers.py`.) The first runs Ax on what `waste.jsonl` lacks, and goes on where it was
stopped; the second needs no Ax: it runs autolab on the same starts, seeds and budgets and prints both. A trial is
wasted when it fails; the functions, and how they fail, are those of `trouble.py failures`. How Ax is asked is told in
`peers.py`, `AxViability`. Intervals are paired bootstrap ones (95 %).
"""

from __future__ import annotations

import argparse
import importlib.metadata
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from peers import AxViability  # type: ignore[import-not-found]  # beside this file
from trouble import (  # type: ignore[import-not-found]  # beside this file
    BUDGETS,
    FIRST,
    arrival,
    failing_cases,
    ratio,
    run,
    target,
)

from autolab.model.contracts import Planner
from autolab.model.trial import Trial
from autolab.study.case import Case

RESULTS = Path(__file__).with_name("waste.jsonl")
FUNCTIONS = ("branin", "hartmann6")


@dataclass(frozen=True)
class Campaign:
    """What is kept of a campaign.

    Attributes:
        function: Its name.
        region: The form of what fails.
        seed: Of the run.
        budget: Trials.
        failed: Numbers of the trials that failed, from 1.
        arrival: Number of the first trial at 95 % of the way to the optimum; one more than the budget if there is none.
    """

    function: str
    region: str
    seed: int
    budget: int
    failed: tuple[int, ...]
    arrival: int

    @property
    def key(self) -> tuple[str, str, int, int]:
        """What it is known by."""
        return self.function, self.region, self.seed, self.budget

    @property
    def wasted(self) -> int:
        """Trials that failed."""
        return len(self.failed)

    @property
    def wasted_before(self) -> int:
        """Trials that failed before arrival."""
        return sum(number < self.arrival for number in self.failed)


Pair = tuple[Campaign, Campaign]
"""autolab's and Ax's, of the same function, form and seed."""


def campaign(function: str, region: str, case: Case, seed: int, planner: Planner | None = None) -> Campaign:
    """Return a campaign of a planner, autolab's default one if none is given."""
    trials: Sequence[Trial] = run(case, seed, BUDGETS[function], planner)
    failed = tuple(i for i, trial in enumerate(trials, 1) if trial.state == "failed")
    return Campaign(function, region, seed, BUDGETS[function], failed, arrival(case, trials, target(case)))


def kept(path: Path) -> dict[tuple[str, str, int, int], Campaign]:
    """Return the campaigns of Ax that are there."""
    if not path.exists():
        return {}
    told = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    found = [Campaign(**{**one["campaign"], "failed": tuple(one["campaign"]["failed"])}) for one in told]
    return {one.key: one for one in found}


def ask(functions: Sequence[str], seeds: range, path: Path) -> None:
    """Run Ax on what is lacking; seed by seed, so that what is there is even over the forms."""
    versions = {one: importlib.metadata.version(one) for one in ("ax-platform", "botorch", "torch")}
    for function in functions:
        cases = failing_cases(function)
        for seed in seeds:
            for region, case in cases.items():
                if (function, region, seed, BUDGETS[function]) in kept(path):
                    continue
                found = campaign(function, region, case, seed, AxViability())
                line = {"campaign": asdict(found), "versions": versions}
                with path.open("a", encoding="utf-8") as file:
                    file.write(json.dumps(line) + "\n")
                print(found, flush=True)


def compare(functions: Sequence[str], path: Path) -> None:
    """Print what is wasted."""
    print("| function | what fails | seeds | wasted | Ax | ratio | wasted before | Ax | ratio | arrival | Ax | ratio |")
    print("|---|---|---|---|---|---|---|---|---|---|---|---|")
    theirs = kept(path)
    for function in functions:
        cases = failing_cases(function)
        pairs: dict[tuple[str, int], Pair] = {}
        for region, case in cases.items():
            there = sorted(key for key in theirs if key[:2] == (function, region) and key[3] == BUDGETS[function])
            new = {(region, key[2]): (campaign(function, region, case, key[2]), theirs[key]) for key in there}
            show(function, region, [[pair] for pair in new.values()])
            pairs |= new
        seeds = dict.fromkeys(seed for _, seed in pairs)
        even = [seed for seed in seeds if all((region, seed) in pairs for region in cases)]
        show(function, "all three", [[pairs[region, seed] for region in cases] for seed in even])


def show(function: str, region: str, by_seed: Sequence[Sequence[Pair]]) -> None:
    """Print a line of the table, of pairs seed by seed: what one seed gives is not independent."""
    if not by_seed:
        return
    cells = [f"{function} | {region} | {len(by_seed)}"]
    for what in ("wasted", "wasted_before", "arrival"):
        mine, other = (
            [float(np.mean([getattr(pair[side], what) for pair in pairs])) for pairs in by_seed] for side in (0, 1)
        )
        cells.append(f"{np.mean(mine):.1f} | {np.mean(other):.1f} | {ratio(mine, other)}")
    print(f"| {' | '.join(cells)} |", flush=True)


def main() -> None:
    """Measure."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--ask", action="store_true", help="run Ax on what the results lack (in its environment)")
    parser.add_argument("--functions", nargs="+", choices=FUNCTIONS, default=list(FUNCTIONS))
    parser.add_argument("--seeds", type=int, default=8, help="how many are asked, from 1000")
    parser.add_argument("--results", type=Path, default=RESULTS)
    told = parser.parse_args()
    if told.ask:
        ask(told.functions, range(FIRST, FIRST + told.seeds), told.results)
    else:
        compare(told.functions, told.results)


if __name__ == "__main__":
    main()
