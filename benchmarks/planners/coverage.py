"""Whether 95 % intervals hold 95 %: cross-validation of planners' models on measured tables.

    python benchmarks/planners/coverage.py DATA [--trials 60] [--seeds 5]

DATA is a folder with the tables that `TABLES` names. Of each, so many distinct candidates are drawn at random a seed,
and each is foretold by models that were not shown it (10 folds): `coverage`. `fresh` is the share of as many other
candidates within the intervals, `widened` that within intervals widened as the cross-validation asks for. A table with replicates is tried with and without
their standard errors.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from autolab.model.candidates import Candidates
from autolab.model.objectives import Objective
from autolab.model.problem import Problem
from autolab.model.trial import OutcomeLike, Trial
from autolab.planners.bayes import Bayes
from autolab.planners.calibration import Calibration, Predictor, calibration
from autolab.planners.forest import Forest
from autolab.planners.prediction import WIDE


@dataclass(frozen=True)
class Table:
    """A file, its columns that vary, and what was measured; replicates told apart by equal points."""

    file: str
    outcome: str
    leave_out: tuple[str, ...] = ()


TABLES = (
    Table("crossed_barrel.csv", "toughness"),
    Table("p3ht.csv", "Conductivity (measured) (S/cm)"),
    Table("agnp.csv", "loss"),
    Table("direct_arylation.csv", "yield", ("entry",)),
    Table("suzuki_edbo.csv", "yield", ("entry",)),
)
MODELS: dict[str, Callable[[], Predictor]] = {
    "bayes": lambda: Bayes(initial=4).predictor,
    "forest": lambda: Forest(initial=4).predictor,
}


def read(table: Table, folder: Path) -> tuple[Problem, pd.DataFrame]:
    """Return the problem and one row a candidate: its point, `mean`, `error` (NaN without replicates)."""
    data = pd.read_csv(folder / table.file).drop(columns=list(table.leave_out))
    names = [str(name) for name in data.columns if name != table.outcome]
    data = data.dropna(subset=[*names, table.outcome])
    grouped = data.groupby(names, sort=False)[table.outcome]
    rows = grouped.agg(["mean", "sem", "count"]).reset_index().rename(columns={"sem": "error"})
    return Problem(Candidates(rows[names]), [Objective("measured")]), rows


def trials(rows: pd.DataFrame, problem: Problem, count: int, seed: int, *, told: bool) -> list[Trial]:
    """Return `count` of the candidates at random as trials."""
    drawn = rows.sample(frac=1, random_state=seed)[:count]
    made = []
    for _, row in drawn.iterrows():
        error = float(row["error"]) if told and np.isfinite(row["error"]) else None
        outcome: OutcomeLike = {"measured": (float(row["mean"]), error)}
        made.append(Trial.completed({name: row[name] for name in problem.space.names}, outcome))
    return made


def fresh(problem: Problem, shown: list[Trial], others: list[Trial], model: Predictor, factor: float) -> float:
    """Return the share of trials never shown within intervals for a measurement, widened by a factor."""
    told = model(problem, shown)([trial.point for trial in others])
    held = []
    for trial, one in zip(others, told, strict=True):
        measured = trial.outcome["measured"]
        noise = one.noise_with("measured", measured.standard_error)
        half = factor * WIDE * np.hypot(one.deviation["measured"], noise)
        held.append(abs(measured.value - one.mean["measured"]) <= half)
    return float(np.mean(held))


def tried(
    problem: Problem, rows: pd.DataFrame, model: Predictor, count: int, seed: int, *, told: bool
) -> tuple[Calibration, float, float]:
    """Return the cross-validation of one seed, and the coverage of fresh candidates, plain and widened."""
    drawn = trials(rows, problem, 2 * count, seed, told=told)
    shown, others = drawn[:count], drawn[count:]
    found = calibration(problem, shown, model, seed=seed)
    factor = max(1.0, found.factor["measured"])
    return found, fresh(problem, shown, others, model, 1.0), fresh(problem, shown, others, model, factor)


def main() -> None:
    """Print one row a table, model and way of telling errors."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("data", type=Path)
    parser.add_argument("--trials", type=int, default=60)
    parser.add_argument("--seeds", type=int, default=5)
    asked = parser.parse_args()
    print(
        "| table | model | errors told | coverage | least, most | fresh | widened | explained | s |\n|---|---|---|---|---|---|---|---|---|"
    )
    for table in TABLES:
        problem, rows = read(table, asked.data)
        for name, make in MODELS.items():
            for told in (False, True) if rows["error"].notna().any() else (False,):
                began = time.perf_counter()
                found = [tried(problem, rows, make(), asked.trials, seed, told=told) for seed in range(asked.seeds)]
                shares = [one.coverage["measured"] for one, *_ in found]
                explained = float(np.mean([one.explained["measured"] for one, *_ in found]))
                plain, widened = np.mean([rest for _, *rest in found], axis=0)
                seconds = (time.perf_counter() - began) / asked.seeds
                print(
                    f"| {table.file.removesuffix('.csv')} | {name} | {'yes' if told else 'no'} | {np.mean(shares):.3f} "
                    f"| {min(shares):.2f}, {max(shares):.2f} | {plain:.3f} | {widened:.3f} | {explained:.2f} | {seconds:.1f} |",
                    flush=True,
                )


if __name__ == "__main__":
    main()
