"""Whether past campaigns save experiments, and what misleading ones cost.

    python benchmarks/planners/transfer.py [DATA] [--seeds 20] [--first 1000] [--only CASE ...] [--source NAME ...]

DATA is a folder with `direct_arylation.csv`; without it the functions alone are run. A run ends when a point is reached
that is worth 95 % of the way from the median of the space to its optimum, or after `budget` trials, which then count.
Each source is compared with none on the same seeds: the ratio of mean trials, and a 95 % bootstrap interval of it over
pairs. Targets: useful ones <= 0.6, misleading ones <= 1.1.

| source | is |
|---|---|
| `same` | the table at 90 and 120 degC for 105 degC, or the function shifted, stretched and noisy |
| `two` | the same as two campaigns, told apart |
| `shuffled` | the useful one with its outcomes in another order |
| `negated` | the useful one with its outcomes upside down |
| `relabelled` | the table with ligands and bases exchanged, or the function mirrored: smooth, and wrong |
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from autolab.model.candidates import Candidates
from autolab.model.objectives import Objective
from autolab.model.problem import Problem
from autolab.model.seeds import decision_seed
from autolab.model.trial import Point, Trial, Value
from autolab.planners.bayes import Bayes
from autolab.study.functions import branin, hartmann6
from autolab.study.pools import pool

REACHED = 0.95
USEFUL, MISLEADING = ("same", "two"), ("shuffled", "negated", "relabelled")


@dataclass(frozen=True)
class Transfer:
    """A problem, its truth, and sources of what may be known of it.

    Attributes:
        name: What people call it.
        problem: One objective.
        truth: Of a point.
        goal: Utility that ends a run.
        budget: Trials after which it is given up.
        sources: Name -> seed -> trials of past campaigns.
    """

    name: str
    problem: Problem
    truth: Callable[[Point], float]
    goal: float
    budget: int
    sources: dict[str, Callable[[int], list[Trial]]]

    def trials(self, planner: Bayes, source: str | None, seed: int) -> int:
        """Return how many trials a run needs."""
        (objective,) = self.problem.objectives
        history = [] if source is None else self.sources[source](seed)
        for number in range(1, self.budget):
            (suggestion,) = planner.suggest(self.problem, history, n=1, seed=decision_seed(seed, number))
            value = self.truth(suggestion.point)
            if objective.utility(value) >= self.goal:
                return number
            history.append(Trial.completed(suggestion.point, {objective.name: value}, source="campaign"))
        return self.budget


def _changed(trials: Sequence[Trial], values: Sequence[float]) -> list[Trial]:
    (name,) = trials[0].outcome
    made = [Trial.completed(one.point, {name: v}, source="prior") for one, v in zip(trials, values, strict=True)]
    return [replace(one, info=old.info) for one, old in zip(made, trials, strict=True)]


def _misled(useful: Callable[[int], list[Trial]]) -> dict[str, Callable[[int], list[Trial]]]:
    """Return the useful source with outcomes in another order, and upside down."""

    def values(seed: int) -> tuple[list[Trial], np.ndarray]:
        trials = useful(seed)
        return trials, np.array([next(iter(one.outcome.values())).value for one in trials])

    def shuffled(seed: int) -> list[Trial]:
        trials, told = values(seed)
        return _changed(trials, np.random.default_rng(seed).permutation(told).tolist())

    def negated(seed: int) -> list[Trial]:
        trials, told = values(seed)
        return _changed(trials, (told.max() + told.min() - told).tolist())

    return {"shuffled": shuffled, "negated": negated}


def arylation(folder: Path) -> Transfer:
    """Return direct arylation at 105 degC as a pool, with what was measured at 90 and 120 degC as source."""
    table = pool("direct_arylation", folder)
    points = [dict(zip(table.problem.space.names, key, strict=True)) for key in table.truth.values]  # type: ignore[attr-defined]  # a table
    worth = [table.truth(point)["percent"] for point in points]
    keys = [name for name in table.problem.space.names if name != "temperature"]

    def at(temperature: float) -> list[tuple[dict[str, Value], float]]:
        return [
            ({k: p[k] for k in keys}, w) for p, w in zip(points, worth, strict=True) if p["temperature"] == temperature
        ]

    here = at(105)
    truth = {tuple(point[k] for k in keys): value for point, value in here}
    problem = Problem(Candidates([point for point, _ in here]), [Objective("percent", "maximize", unit="%")])

    def told(*, apart: bool) -> list[Trial]:
        made = []
        for temperature in (90, 120):
            for point, value in at(temperature):
                one = Trial.completed(point, {"percent": value}, source="prior")
                made.append(replace(one, info={"campaign": temperature}) if apart else one)
        return made

    def relabelled(seed: int) -> list[Trial]:
        rng, moved = np.random.default_rng(seed), {}
        for key in ("ligand", "base"):
            labels = sorted({str(point[key]) for point, _ in here})
            moved[key] = dict(zip(labels, rng.permutation(labels).tolist(), strict=True))
        return [
            replace(one, point={**one.point, **{k: moved[k][str(one.point[k])] for k in moved}}) for one in together
        ]

    together = told(apart=False)
    parts = told(apart=True)
    sources = {
        "same": lambda _: together,
        "two": lambda _: parts,
        **_misled(lambda _: together),
        "relabelled": relabelled,
    }
    values = np.array(list(truth.values()))
    goal = float(np.median(values) + REACHED * (values.max() - np.median(values)))
    return Transfer("arylation", problem, lambda point: truth[tuple(point[k] for k in keys)], goal, 80, sources)


def function(name: str, trials: int, budget: int) -> Transfer:
    """Return a test function, with the same one shifted, stretched and noisy as source."""
    case = {"branin": branin, "hartmann6": hartmann6}[name]()
    space, (objective,) = case.problem.space, case.problem.objectives
    columns = len(space.columns)

    def past(seed: int, *, mirrored: bool = False) -> list[Trial]:
        rng = np.random.default_rng([seed, 7])
        shift = 0.05 * rng.choice([-1.0, 1.0], columns)
        points = space.sample(trials, decision_seed(seed, 10**6))
        moved = space.encode(points) + shift
        asked = space.decode(np.clip(1.0 - moved if mirrored else moved, 0.0, 1.0))
        values = np.array([case.truth(point)[objective.name] for point in asked])
        values = 1.3 * values + 0.05 * values.std() * rng.standard_normal(len(values)) + 2.0
        return [
            Trial.completed(point, {objective.name: float(value)}, source="prior")
            for point, value in zip(points, values, strict=True)
        ]

    sources = {"same": past, **_misled(past), "relabelled": lambda seed: past(seed, mirrored=True)}
    goal = case.low + REACHED * (case.high - case.low)
    return Transfer(name, case.problem, lambda point: case.truth(point)[objective.name], goal, budget, sources)


def ratio(given: Sequence[int], without: Sequence[int]) -> tuple[float, float, float]:
    """Return the ratio of mean trials, and a 95 % interval by bootstrap of pairs."""
    a, b = np.array(given, dtype=float), np.array(without, dtype=float)
    drawn = np.random.default_rng(0).integers(len(a), size=(10_000, len(a)))
    low, high = np.quantile(a[drawn].mean(axis=1) / b[drawn].mean(axis=1), [0.025, 0.975])
    return float(a.mean() / b.mean()), float(low), float(high)


def cases(folder: Path | None) -> list[Transfer]:
    """Return all problems that can be run."""
    made = [function("branin", 30, 60), function("hartmann6", 100, 100)]
    return made if folder is None else [arylation(folder), *made]


def main() -> None:
    """Print one row a problem and source."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("data", type=Path, nargs="?")
    parser.add_argument("--seeds", type=int, default=20)
    parser.add_argument("--first", type=int, default=1000)
    parser.add_argument("--only", nargs="*")
    parser.add_argument("--source", nargs="*")
    asked = parser.parse_args()
    seeds = range(asked.first, asked.first + asked.seeds)
    print("| problem | source | trials | without | ratio | 95 % | target |\n|---|---|---|---|---|---|---|")
    for case in cases(asked.data):
        if asked.only and case.name not in asked.only:
            continue
        without = [case.trials(Bayes(), None, seed) for seed in seeds]
        for source in case.sources:
            if asked.source and source not in asked.source:
                continue
            given = [case.trials(Bayes(), source, seed) for seed in seeds]
            found, low, high = ratio(given, without)
            target = 0.6 if source in USEFUL else 1.1
            print(
                f"| {case.name} | {source} | {np.mean(given):.1f} | {np.mean(without):.1f} | {found:.2f} "
                f"| {low:.2f} to {high:.2f} | {target} |",
                flush=True,
            )


if __name__ == "__main__":
    main()
