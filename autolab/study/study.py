"""A study: planners x problems x seeds, and the loop that performs what is not done yet."""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from autolab.model.errors import InputError
from autolab.study import cluster, workers
from autolab.study.runs import Result, Run, Setting

if TYPE_CHECKING:
    from autolab.model.contracts import Planner
    from autolab.study.case import Case
    from autolab.study.results import ResultsFile
    from autolab.study.workers import Lost

Told = Callable[["Result | Lost"], None]


@dataclass(frozen=True)
class Entrant:
    """A planner of a study.

    Attributes:
        name: What people call it.
        planner: The planner.
        declared: It and its settings, as JSON has them: results of other settings are not mixed with these.
    """

    name: str
    planner: Planner
    declared: Mapping[str, Any] = field(default_factory=dict, hash=False)


@dataclass(frozen=True)
class Ask:
    """A problem of a study.

    Attributes:
        name: What people call it.
        case: Problem and truth.
        budget: Trials, starts included.
        batch: Points asked for at once.
        starts: Points at random that every planner is given first.
    """

    name: str
    case: Case
    budget: int
    batch: int = 1
    starts: int = 0

    @property
    def setting(self) -> Setting:
        """What its runs share."""
        return Setting(self.name, self.case.identity or self.case.name, self.budget, self.batch, self.starts)


@dataclass(frozen=True)
class Study:
    """Planners x problems x seeds.

    Attributes:
        planners: At least one.
        problems: At least one.
        seeds: Each once.

    Raises:
        InputError: Nothing to do, or a name or seed twice.
    """

    planners: Sequence[Entrant]
    problems: Sequence[Ask]
    seeds: Sequence[int]

    def __post_init__(self) -> None:
        named = {"planners": [one.name for one in self.planners], "problems": [one.name for one in self.problems]}
        for what, some in {**named, "seeds": [str(seed) for seed in self.seeds]}.items():
            if not some or len(set(some)) < len(some):
                msg = f"a study needs at least one of its {what}, each once, got {', '.join(some) or 'none'}"
                raise InputError(msg)
        for one in self.problems:
            _ = one.setting  # checks it

    @property
    def runs(self) -> list[Run]:
        """All runs: seed by seed, so that what is there early says something of everything."""
        return [
            Run(planner.name, planner.declared, problem.setting, seed, planner.planner, problem.case)
            for seed in self.seeds
            for problem in self.problems
            for planner in self.planners
        ]

    def left(self, results: Sequence[Result]) -> list[Run]:
        """Return the runs without a result."""
        done = {one.key for one in results}
        return [run for run in self.runs if run.key not in done]

    def of(self, results: Sequence[Result]) -> list[Result]:
        """Return those results that are this study's, in the order of its runs."""
        by_key = {one.key: one for one in results}
        return [by_key[run.key] for run in self.runs if run.key in by_key]


def run_study(
    study: Study, file: ResultsFile, *, jobs: int = 1, dask: str | None = None, told: Told = lambda one: None
) -> list[Lost]:
    """Perform the runs that a results file lacks; each is on disk before it is told.

    It may be ended at any time: what is finished is kept, and the next call goes on.

    Args:
        study: What to do.
        file: Gets the results.
        jobs: Processes; 1 for this one.
        dask: Address of a Dask scheduler, in place of processes.
        told: Called with each result.

    Returns:
        The runs that were lost; call again to repeat them.

    Raises:
        MissingExtra: Dask is asked for and not installed.
        InputError: The file belongs to another study that runs, or no scheduler answers.
    """
    lost: list[Lost] = []
    with file.owned(), closing(_all(study.left(file.read()), jobs, dask)) as ends:
        for end in ends:
            if isinstance(end, Result):
                file.add(end)
            else:
                lost.append(end)
            told(end)
    return lost


def _all(runs: Sequence[Run], jobs: int, dask: str | None) -> Generator[Result | Lost, None, None]:
    if not runs:
        return
    if dask is not None:
        yield from cluster.on_cluster(runs, dask)
    elif jobs > 1:
        yield from workers.in_processes(runs, jobs)
    else:
        yield from workers.here(runs)
