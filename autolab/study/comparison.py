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

import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from autolab.study.runs import Result, Setting

Array = NDArray[Any]
RESAMPLES = 2000
BATCH = 100
"""Resamples at once: of 50 seeds of 100 trials they take 4 MB."""
BASELINE = "random"


@dataclass(frozen=True)
class Interval:
    """An estimate and its 95 % interval; `low` and `high` are None where too few seeds tell it."""

    value: float
    low: float | None = None
    high: float | None = None

    @property
    def apart_from_zero(self) -> bool:
        """Whether the interval lies on one side of 0."""
        return self.low is not None and self.high is not None and (self.low > 0 or self.high < 0)


def interval(n: int, statistic: Callable[[Array], Array]) -> Interval:
    """Return a statistic of `n` seeds with its bootstrap interval.

    Args:
        n: Seeds.
        statistic: Takes indices of seeds (`... x n`), some of them more than once, and returns `...`.

    >>> values = np.array([1.0, 2.0, 3.0])
    >>> one = interval(3, lambda seeds: values[seeds].mean(axis=-1))
    >>> one.value, one.low <= one.value <= one.high
    (2.0, True)
    """
    from scipy.stats import bootstrap  # loaded late: a second

    seeds = np.arange(n)
    value = float(statistic(seeds))
    if n < 2:
        return Interval(value)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of resamples without a value: they are met below
        found = bootstrap(
            (seeds,),
            lambda some, axis: statistic(some),  # the seeds are the last axis, which scipy means too
            vectorized=True,
            batch=BATCH,
            n_resamples=RESAMPLES,
            method="percentile",
            rng=np.random.default_rng(0),
        ).confidence_interval
    if not np.isfinite([found.low, found.high]).all():
        return Interval(value)
    return Interval(value, float(found.low), float(found.high))


@dataclass(frozen=True)
class Curves:
    """All seeds of one planner on one problem.

    Attributes:
        planner: Its name.
        setting: Problem, budget, batch, starts.
        seeds: `n`.
        quality: `n x T`.
        share: `n x T`; `n x 0` where there is no pool.
        results: `n`, in the order of the seeds.
    """

    planner: str
    setting: Setting
    seeds: tuple[int, ...]
    quality: Array
    share: Array
    results: tuple[Result, ...]

    @classmethod
    def of(cls, results: Sequence[Result]) -> Curves:
        """Gather the results of one planner on one problem."""
        ordered = sorted(results, key=lambda one: one.seed)
        budget = ordered[0].setting.budget
        shares = [_held(one.share, budget) for one in ordered if one.share]
        return cls(
            ordered[0].planner,
            ordered[0].setting,
            tuple(one.seed for one in ordered),
            np.array([quality(one) for one in ordered]),
            np.array(shares) if len(shares) == len(ordered) else np.zeros((len(ordered), 0)),
            tuple(ordered),
        )

    @property
    def progress(self) -> Array:
        """Share where there is a pool, else quality; `n x T`."""
        return self.share if self.share.size else self.quality

    @property
    def areas(self) -> Array:
        """Area of each seed, `n`."""
        return np.asarray(self.quality[:, self.setting.starts :].mean(axis=1))

    def on(self, seeds: Sequence[int]) -> Curves:
        """Return those of some seeds alone."""
        return Curves.of([one for one in self.results if one.seed in set(seeds)])


def quality(result: Result) -> Array:
    """Return the quality after each trial, `T`: 0 to 1; a run that ended early stays where it was."""
    scores = [0.0 if one is None else (one - result.low) / (result.high - result.low) for one in result.score]
    return np.clip(_held(scores, result.setting.budget), 0.0, 1.0)


def _held(values: Sequence[float], length: int) -> Array:
    """Return values with the last one held on."""
    kept = list(values[:length]) or [0.0]
    return np.array(kept + kept[-1:] * (length - len(kept)), dtype=float)


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


def gathered(results: Sequence[Result]) -> dict[Setting, dict[str, Curves]]:
    """Return problem -> planner -> curves, in the order of the results."""
    found: dict[Setting, dict[str, list[Result]]] = {}
    for one in results:
        found.setdefault(one.setting, {}).setdefault(one.planner, []).append(one)
    return {setting: {name: Curves.of(some) for name, some in by.items()} for setting, by in found.items()}


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


def acceleration(mine: Array, baseline: Array) -> Array:
    """Return AF of mean curves of progress (`... x T` each), at the greatest progress that both reach.

    NaN where that is nothing.

    >>> float(acceleration(np.array([0.2, 0.6, 0.8, 0.8]), np.array([0.1, 0.2, 0.4, 0.6])))
    2.0
    """
    level = np.minimum(mine.max(axis=-1), baseline.max(axis=-1))[..., None]
    ratio = _reached(baseline, level) / _reached(mine, level)
    return np.where(level[..., 0] > 0, ratio, np.nan)


def _reached(curve: Array, level: Array) -> Array:
    return np.asarray((curve >= level - 1e-12).argmax(axis=-1) + 1)


def enhancement(mine: Array, baseline: Array) -> Array:
    """Return EF of mean curves of progress (`... x T` each) at their end; NaN where the baseline made none.

    >>> float(enhancement(np.array([0.2, 0.6]), np.array([0.1, 0.3])))
    2.0
    """
    last = baseline[..., -1]
    return np.where(last > 0, mine[..., -1] / np.where(last > 0, last, 1.0), np.nan)


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
