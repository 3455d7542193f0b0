"""What a study's results say: curves, intervals, paired differences, acceleration and enhancement.

Notation: `n` seeds, `T` trials. Intervals are 95 % percentile bootstrap intervals over seeds (Efron and Tibshirani 1993);
a difference between planners is taken seed by seed, for both had the same starts and the same noise.

| quantity | means |
|---|---|
| quality | score as a share of the way from the space's median (0) to the optimum (1); for several objectives the hypervolume's share of the greatest |
| area | mean quality over the trials after the starts: area under the best-so-far |
| share | of a pool's best 5 %, how much was found |
| progress | share where there is a pool, else quality: what acceleration is measured on |
| AF | trials that the baseline needs for a progress, over those that the planner needs (Liang et al. 2021) |
| EF | progress of the planner, over that of the baseline after as many trials (Liang et al. 2021) |

AF is taken at the greatest progress that both reach; EF at the end of the budget.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from autolab.study.curves import Curves, gathered
from autolab.study.factors import acceleration, enhancement
from autolab.study.intervals import RESAMPLES, Interval, interval

if TYPE_CHECKING:
    from autolab.study.runs import Result

Array = NDArray[Any]
BASELINE = "random"


@dataclass(frozen=True)
class Row:
    """One planner on one problem.

    Attributes:
        problem: Its name.
        planner: Its name.
        seeds: How many.
        best: Last score, in the objective's unit; None where a seed found nothing that counts.
        minimized: Whether a smaller `best` is better.
        quality: At the end.
        area: Over all trials after the starts.
        share: Of the pool's best 5 %, at the end; None where there is no pool.
        difference: Area less that of the planner compared with, seed by seed; None for that planner itself.
        acceleration: AF against the baseline; None without the baseline.
        enhancement: EF against the baseline; None without the baseline.
        seconds: Median time of a call of the planner, s.
        memory_MB: Median of the runs' greatest memory.
        errors: Runs that ended early.
        fallbacks: Suggestions that were a design for want of a model.
    """

    problem: str
    planner: str
    seeds: int
    best: Interval | None
    minimized: bool
    quality: Interval
    area: Interval
    share: Interval | None
    difference: Interval | None
    acceleration: Interval | None
    enhancement: Interval | None
    seconds: float | None
    memory_MB: float | None  # noqa: N815  a unit
    errors: int
    fallbacks: int


@dataclass(frozen=True)
class Comparison:
    """What a study says.

    Attributes:
        rows: Problem by problem, planner by planner.
        ranks: Planner -> mean rank by area over the problems that all planners have results of (1 is the best).
        against: The planner that differences are taken from.
    """

    rows: tuple[Row, ...]
    ranks: Mapping[str, Interval]
    against: str


def compare(results: Sequence[Result], against: str | None = None, baseline: str = BASELINE) -> Comparison:
    """Return what results say.

    Args:
        results: Any; each planner, problem and seed once.
        against: Planner that differences are taken from; the first one when None.
        baseline: Planner that acceleration and enhancement are measured against, where it is there.
    """
    by_problem = gathered(results)
    first = against or (results[0].planner if results else "")
    rows = [_row(curves, by.get(first), by.get(baseline)) for by in by_problem.values() for curves in by.values()]
    return Comparison(tuple(rows), mean_ranks(list(by_problem.values())), first)


def _row(curves: Curves, other: Curves | None, baseline: Curves | None) -> Row:
    n, results = len(curves.seeds), curves.results
    best = [one.best for one in results]
    known = np.array([one for one in best if one is not None])
    seconds = [second for one in results for second in one.seconds]
    memory = [one.memory_MB for one in results if one.memory_MB is not None]
    share, areas = curves.share, curves.areas
    return Row(
        problem=curves.setting.problem,
        planner=curves.planner,
        seeds=n,
        best=interval(n, lambda seeds: known[seeds].mean(axis=-1)) if len(known) == n else None,
        minimized=results[0].minimized,
        quality=interval(n, lambda seeds: curves.quality[seeds, -1].mean(axis=-1)),
        area=interval(n, lambda seeds: areas[seeds].mean(axis=-1)),
        share=interval(n, lambda seeds: share[seeds, -1].mean(axis=-1)) if share.size else None,
        difference=_difference(curves, other),
        acceleration=_paired(curves, baseline, acceleration),
        enhancement=_paired(curves, baseline, enhancement),
        seconds=float(np.median(seconds)) if seconds else None,
        memory_MB=float(np.median(memory)) if memory else None,
        errors=sum(bool(one.error) for one in results),
        fallbacks=sum(one.fallbacks for one in results),
    )


def _shared(one: Curves, other: Curves | None) -> tuple[Curves, Curves] | None:
    """Return both, of the seeds that they share; None for one planner with itself, or without a shared seed."""
    if other is None or one.planner == other.planner:
        return None
    seeds = [seed for seed in one.seeds if seed in set(other.seeds)]
    return (one.on(seeds), other.on(seeds)) if seeds else None


def _difference(one: Curves, other: Curves | None) -> Interval | None:
    both = _shared(one, other)
    if both is None:
        return None
    gaps = both[0].areas - both[1].areas
    return interval(len(gaps), lambda seeds: gaps[seeds].mean(axis=-1))


def _paired(one: Curves, other: Curves | None, ratio: Callable[[Array, Array], Array]) -> Interval | None:
    both = _shared(one, other)
    if both is None:
        return None
    mine, theirs = both[0].progress, both[1].progress
    if mine.shape != theirs.shape:
        return None
    found = interval(len(mine), lambda seeds: ratio(mine[seeds].mean(axis=-2), theirs[seeds].mean(axis=-2)))
    return found if np.isfinite(found.value) else None


def mean_ranks(problems: Sequence[Mapping[str, Curves]]) -> dict[str, Interval]:
    """Return planner -> mean rank by area (ties share theirs), over problems and seeds that all planners share.

    Seeds are resampled within each problem.
    """
    from scipy.stats import rankdata  # loaded late: a second

    names = list(dict.fromkeys(name for by in problems for name in by))
    areas = []  # planners x n, one a problem
    for by in problems:
        shared = [seed for seed in next(iter(by.values())).seeds if all(seed in one.seeds for one in by.values())]
        if set(by) == set(names) and shared:
            areas.append(np.array([by[name].on(shared).areas for name in names]))
    if not areas or len(names) < 2:
        return {}

    def ranks(random: np.random.Generator | None) -> Array:
        found = []
        for one in areas:
            n = one.shape[1]
            seeds = np.arange(n) if random is None else random.integers(0, n, n)
            found.append(rankdata(-one[:, seeds].mean(axis=1).round(12)))
        return np.asarray(np.mean(found, axis=0))

    value = ranks(None)
    if any(one.shape[1] < 2 for one in areas):
        return {name: Interval(float(mean)) for name, mean in zip(names, value, strict=True)}
    random = np.random.default_rng(0)
    low, high = np.percentile([ranks(random) for _ in range(RESAMPLES)], [2.5, 97.5], axis=0)
    return {name: Interval(float(value[i]), float(low[i]), float(high[i])) for i, name in enumerate(names)}
