"""What failures, noise and slips cost: experiments to 95 % of the way to the optimum, with and without.

    python benchmarks/planners/trouble.py failures --seeds 20
    python benchmarks/planners/trouble.py noise --data DATA --seeds 50
    python benchmarks/planners/trouble.py slips --seeds 20

`failures`: a fifth of the space fails without warning, in three forms: a half-space, a ball at the flank of the
optimum, scattered cells. `noise`: a pool is measured by one of its replicates, and the target is a true mean within 5 %
of the best one; the planner is told the standard errors, or nothing. `slips`: of a tenth of the trials a wrong value is
told: one far on the bad side, one a little too good, or that of some other point, as where two samples are mixed up. Runs that do not arrive count with the budget.
Seeds from 1000 are for reporting; settings were chosen on others. Intervals are paired bootstrap ones (95 %).
"""

from __future__ import annotations

import argparse
import itertools
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from autolab.model.contracts import Planner
from autolab.model.errors import TrialFailed
from autolab.model.trial import Point, Trial, as_outcome
from autolab.planners.bayes import Bayes
from autolab.study.case import Case
from autolab.study.cases import make_case
from autolab.study.intervals import interval

Array = NDArray[np.float64]

FIRST = 1000
STARTS = 2
SHARE = 0.2
SLIPS = 0.1
BUDGETS = {"branin": 40, "hartmann6": 80, "agnp": 60, "crossed_barrel": 150}
OPTIMA = {"branin": (0.5428, 0.1517), "hartmann6": (0.2017, 0.15, 0.4769, 0.2753, 0.3117, 0.6573)}
"""Where an optimum lies, in the unit cube."""


@dataclass(frozen=True)
class Failing:
    """A truth that fails where `region` says so."""

    case: Case
    region: Callable[[Array], bool]

    def __call__(self, point: Point) -> dict[str, float]:
        """Return the truth.

        Raises:
            TrialFailed: The point lies where experiments fail.
        """
        if self.region(self.case.problem.space.encode([point])[0]):
            raise TrialFailed("it fails here")
        return self.case.truth(point)


def half_space(best: Array) -> Callable[[Array], bool]:
    """Return a fifth cut off by a plane, on the side away from the optimum."""
    rng = np.random.default_rng(0)
    normal = rng.standard_normal(len(best))
    normal *= -1.0 if normal @ (best - 0.5) > 0 else 1.0
    cut = np.quantile(rng.random((20_000, len(best))) @ normal, 1 - SHARE)
    return lambda x: bool(x @ normal > cut)


def ball(best: Array) -> Callable[[Array], bool]:
    """Return a ball that holds a fifth of the space and whose surface passes the optimum by a little."""
    rng = np.random.default_rng(1)
    points = rng.random((20_000, len(best)))
    way = rng.standard_normal(len(best))
    way /= np.linalg.norm(way)
    for radius in np.linspace(0.05, 1.5, 300):
        center = best + way * (radius + 0.05)
        if (np.linalg.norm(points - center, axis=1) < radius).mean() >= SHARE:
            break
    return lambda x: bool(np.linalg.norm(x - center) < radius)


def cells(best: Array) -> Callable[[Array], bool]:
    """Return scattered cells of a grid of thirds (in the first 4 dimensions) that hold a fifth; not the optimum's."""
    d = min(len(best), 4)
    own = tuple(np.minimum((best[:d] * 3).astype(int), 2))
    all_cells = [one for one in itertools.product(range(3), repeat=d) if one != own]
    rng = np.random.default_rng(2)
    picked = {all_cells[i] for i in rng.permutation(len(all_cells))[: round(SHARE * 3**d)]}
    return lambda x: tuple(int(i) for i in np.minimum((x[:d] * 3).astype(int), 2)) in picked


def run(
    case: Case,
    seed: int,
    budget: int,
    planner: Planner | None = None,
    told: Callable[[Trial], Trial] = lambda trial: trial,
) -> list[Trial]:
    """Return the trials of one campaign, of the default planner if none is given, as they are `told`."""
    planner = planner or Bayes()
    trials: list[Trial] = []
    for point in case.starts(STARTS, seed):
        trials.append(told(case.perform(point, seed, len(trials) + 1)))
    while len(trials) < budget:
        (suggestion,) = planner.suggest(case.problem, trials, n=1, seed=seed * 1000 + len(trials))
        trials.append(told(case.perform(suggestion.point, seed, len(trials) + 1)))
    return trials


def slipping(case: Case, seed: int, kind: str) -> Callable[[Trial], Trial]:
    """Return what tells of a tenth of the trials a wrong value: `far off`, `too good` or `mixed up`."""
    rng = np.random.default_rng([seed, 7])
    (objective,) = case.problem.objectives
    others = np.array([case.truth(point)[objective.name] for point in case.problem.space.sample(200, 0)])
    better = 1.0 if objective.goal == "maximize" else -1.0

    def told(trial: Trial) -> Trial:
        slips, other = rng.random() < SLIPS, rng.integers(len(others))
        if not slips:
            return trial
        value = trial.outcome[objective.name].value
        wrong = {
            "far off": value - better * 10 * others.std(),
            "too good": value + better * others.std(),
            "mixed up": others[other],
        }
        return replace(trial, outcome=as_outcome({objective.name: float(wrong[kind])}))

    return told


def arrival(case: Case, trials: Sequence[Trial], level: float) -> int:
    """Return how many experiments it took to reach a level of the true utility; one more than there are if none did."""
    for i, trial in enumerate(trials, 1):
        worth = case.utilities(trial.point)
        if worth is not None and worth[0] >= level:
            return i
    return len(trials) + 1


def ratio(mine: Sequence[float], other: Sequence[float]) -> str:
    """Return the ratio of two means over the same seeds, with a paired bootstrap interval."""
    a, b = np.array(mine, dtype=float), np.array(other, dtype=float)
    found = interval(len(a), lambda seeds: a[seeds].mean(axis=-1) / b[seeds].mean(axis=-1))
    return f"{found.value:.2f}" if found.low is None else f"{found.value:.2f} ({found.low:.2f} to {found.high:.2f})"


def failing_cases(name: str) -> dict[str, Case]:
    """Return the case of a function with a fifth of its space failing, by the form of that fifth."""
    case = make_case(name)
    return {
        region.__name__.replace("_", "-"): replace(case, truth=Failing(case, region(np.array(OPTIMA[name]))))
        for region in (half_space, ball, cells)
    }


def target(case: Case) -> float:
    """Return the utility that is 95 % of the way from the median to the optimum."""
    return case.low + 0.95 * (case.high - case.low)


def failures(seeds: range) -> None:
    """Print what failing regions cost."""
    print("| function | a fifth fails as | experiments | without failures | ratio | failed trials a run |")
    print("|---|---|---|---|---|---|")
    for name in ("branin", "hartmann6"):
        case = make_case(name)
        level, budget = target(case), BUDGETS[name]
        plain = [arrival(case, run(case, seed, budget), level) for seed in seeds]
        for region, failing in failing_cases(name).items():
            runs = [run(failing, seed, budget) for seed in seeds]
            taken = [arrival(failing, trials, level) for trials in runs]
            wasted = np.mean([sum(trial.state == "failed" for trial in trials) for trials in runs])
            told = f"{np.mean(taken):.1f} | {np.mean(plain):.1f} | {ratio(taken, plain)} | {wasted:.1f} of {budget}"
            print(f"| {name} | {region} | {told} |", flush=True)


def slips(seeds: range) -> None:
    """Print what values told wrong cost."""
    print("| function | a tenth is told | experiments | without | ratio |")
    print("|---|---|---|---|---|")
    for name in ("branin", "hartmann6"):
        case = make_case(name)
        level, budget = target(case), BUDGETS[name]
        plain = [arrival(case, run(case, seed, budget), level) for seed in seeds]
        for kind in ("far off", "mixed up", "too good"):
            runs = [run(case, seed, budget, told=slipping(case, seed, kind)) for seed in seeds]
            taken = [arrival(case, trials, level) for trials in runs]
            told = f"{np.mean(taken):.1f} | {np.mean(plain):.1f} | {ratio(taken, plain)}"
            print(f"| {name} | {kind} | {told} |", flush=True)


def noise(seeds: range, data: Path) -> None:
    """Print what it is worth to be told standard errors."""
    print("| pool | experiments, told | told nothing | ratio |")
    print("|---|---|---|---|")
    for name in ("agnp", "crossed_barrel"):
        case = make_case(name, data)
        level, budget = case.high - 0.05 * abs(case.high), BUDGETS[name]
        found = {}
        for told in (True, False):
            noisy = make_case(name, data, "replicates", told=told)
            found[told] = [arrival(noisy, run(noisy, seed, budget), level) for seed in seeds]
        print(
            f"| {name} | {np.mean(found[True]):.1f} | {np.mean(found[False]):.1f} | {ratio(found[True], found[False])} |",
            flush=True,
        )


def main() -> None:
    """Measure."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=["failures", "noise", "slips"])
    parser.add_argument("--seeds", type=int, default=20)
    parser.add_argument("--data", type=Path, help="folder with the files of pools, for noise")
    told = parser.parse_args()
    seeds = range(FIRST, FIRST + told.seeds)
    if told.what == "failures":
        failures(seeds)
    elif told.what == "slips":
        slips(seeds)
    elif told.data is None:
        parser.error("noise is measured on pools: give their folder with --data")
    else:
        noise(seeds, told.data)


if __name__ == "__main__":
    main()
