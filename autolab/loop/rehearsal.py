"""What a rehearsal showed: how a campaign goes on the virtual lab, over several seeds."""

from __future__ import annotations

import statistics
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

from autolab.loop.display import duration
from autolab.loop.progress import GOOD_ENDS

if TYPE_CHECKING:
    from autolab.model.objectives import Objective

CUT_SHORT = frozenset({"interrupted", "stop_requested"})
"""Ends that say nothing about the campaign: a person ended the rehearsal."""


@dataclass(frozen=True)
class Counted:
    """Things of one kind that happened: their number, and the first of them in words."""

    count: int
    example: str


@dataclass(frozen=True)
class SeedRun:
    """The campaign once, from the first trial to its end.

    Attributes:
        seed: Of the campaign and of the virtual lab's noise.
        reason: Why it ended.
        detail: The same in words.
        completed: Trials.
        failed: Failed, rejected and abandoned ones.
        lab_seconds: Lab time in all, s.
        trial_seconds: Lab time of each trial that was begun, all its attempts together, s.
        phases: Phase -> lab time of each trial that was begun, s.
        consumed: Stock -> mL drawn from its bottle.
        used: Stock -> mL that pumps pushed out; the rest is in their syringes.
        best: Objective -> its value in the best feasible trial so far, after each trial; None before there is one.
        failures: Attempts that failed, by the pattern of their reason.
        violations: What limits, envelope or interlocks forbade, by pattern.
    """

    seed: int
    reason: str
    detail: str = ""
    completed: int = 0
    failed: int = 0
    lab_seconds: float = 0.0
    trial_seconds: Sequence[float] = ()
    phases: Mapping[str, Sequence[float]] = field(default_factory=dict)
    consumed: Mapping[str, float] = field(default_factory=dict)
    used: Mapping[str, float] = field(default_factory=dict)
    best: Mapping[str, Sequence[float | None]] = field(default_factory=dict)
    failures: Mapping[str, Counted] = field(default_factory=dict)
    violations: Mapping[str, Counted] = field(default_factory=dict)

    @property
    def trials(self) -> int:
        """How many were begun."""
        return len(self.trial_seconds)


@dataclass(frozen=True)
class Need:
    """What the whole campaign takes of one stock.

    Attributes:
        per_trial: Mean of what is used, mL.
        whole: What is drawn from the bottle for all trials of the budget, the most over the seeds, mL.
        loaded: What the lab file says is there, mL; None where it does not say.
        allowed: The budget's limit, mL; None without one.
    """

    stock: str
    per_trial: float
    whole: float
    loaded: float | None = None
    allowed: float | None = None

    @property
    def problem(self) -> str:
        """Why it is not enough, and what to do; empty where it is."""
        if self.loaded is not None and self.whole > self.loaded:
            more = self.whole - self.loaded
            return f"{self.stock} needs {self.whole:.0f} of {self.loaded:g} mL: load {more:.0f} mL more, or plan fewer trials"
        if self.allowed is not None and self.whole > self.allowed:
            return (
                f"{self.stock} needs {self.whole:.0f} mL and the budget allows {self.allowed:g} mL: raise "
                f"budget.consumables.{self.stock}, or plan fewer trials"
            )
        return ""

    @property
    def verdict(self) -> str:
        """In words."""
        if self.problem:
            return f"exceeds: {self.problem}"
        if self.loaded is None:
            return f"{self.stock} needs {self.whole:.0f} mL (the lab file does not say what is loaded)"
        return f"{self.stock} needs {self.whole:.0f} of {self.loaded:g} mL"


@dataclass(frozen=True)
class Spread:
    """The best feasible value after so many trials, over the seeds."""

    trial: int
    median: float
    low: float
    high: float
    seeds: int


@dataclass(frozen=True)
class Rehearsal:
    """A campaign rehearsed.

    Attributes:
        name: Of the campaign.
        objectives: Of the problem.
        planned: Trials of the budget; None without such a limit.
        rehearsed: Trials a seed at most; None without a limit.
        hours: The budget's, h; None without.
        loaded: Stock -> mL.
        allowed: Stock -> mL that the budget allows.
        asked: Seeds that were asked for.
        runs: One a seed that was begun.
        on_lab: Whether the virtual lab was rehearsed, and not a plain function.
        wall_seconds: What it took.
    """

    name: str
    objectives: Sequence[Objective]
    planned: int | None
    rehearsed: int | None
    hours: float | None
    loaded: Mapping[str, float]
    allowed: Mapping[str, float]
    asked: Sequence[int]
    runs: Sequence[SeedRun]
    on_lab: bool = True
    wall_seconds: float = 0.0

    @property
    def interrupted(self) -> bool:
        """Whether a person ended it before it was over."""
        return any(run.reason in CUT_SHORT for run in self.runs) or len(self.runs) < len(self.asked)

    @property
    def ok(self) -> bool:
        """Whether nothing speaks against the campaign as it is declared."""
        return not self.problems

    @property
    def shortened(self) -> bool:
        """Whether fewer trials were rehearsed than are planned, so that the whole is reckoned from them."""
        return self.planned is not None and self.rehearsed is not None and self.rehearsed < self.planned

    def _more(self, run: SeedRun) -> int:
        """Return how many trials of the budget a run did not come to, because fewer were asked for."""
        cut = run.reason == "budget_trials" or run.reason in CUT_SHORT
        if self.planned is None or not run.trials or not cut:
            return 0
        return max(0, self.planned - run.trials)

    def _whole_seconds(self, run: SeedRun) -> float:
        later = run.trial_seconds[1:] or run.trial_seconds  # the first one begins by recovering
        return run.lab_seconds + (self._more(run) * statistics.fmean(later) if later else 0.0)

    def _whole_volume(self, run: SeedRun, stock: str) -> float:
        drawn = run.consumed.get(stock, 0.0)  # a syringe filled once serves many trials: these are not to be multiplied
        return drawn + self._more(run) * run.used.get(stock, drawn) / max(run.trials, 1)

    @cached_property
    def phases(self) -> dict[str, tuple[float, float]]:
        """Phase -> mean and standard deviation over all trials, s."""
        names = dict.fromkeys(name for run in self.runs for name in run.phases)
        return {name: mean_and_sd([one for run in self.runs for one in run.phases.get(name, ())]) for name in names}

    @cached_property
    def trial_seconds(self) -> tuple[float, float]:
        """Mean and standard deviation of a trial's lab time, s."""
        return mean_and_sd([one for run in self.runs for one in run.trial_seconds])

    @cached_property
    def whole_seconds(self) -> tuple[float, float, float]:
        """Lab time of the whole budget: mean, least and most over the seeds, s."""
        whole = [self._whole_seconds(run) for run in self.runs] or [0.0]
        return statistics.fmean(whole), min(whole), max(whole)

    @cached_property
    def needs(self) -> list[Need]:
        """What the campaign takes of each stock."""
        names = dict.fromkeys(name for run in self.runs for name in run.consumed)
        begun = sum(run.trials for run in self.runs)
        return [
            Need(
                name,
                sum(run.used.get(name, run.consumed.get(name, 0.0)) for run in self.runs) / max(begun, 1),
                max(self._whole_volume(run, name) for run in self.runs),
                self.loaded.get(name),
                self.allowed.get(name),
            )
            for name in names
        ]

    def progress(self, objective: str) -> list[Spread]:
        """Return the best feasible value of an objective by trial; trials before any seed had one are left out."""
        rows = [run.best.get(objective, ()) for run in self.runs]
        told = []
        for number in range(1, max((len(row) for row in rows), default=0) + 1):
            values = [value for row in rows if row and (value := row[min(number, len(row)) - 1]) is not None]
            if values:
                told.append(Spread(number, statistics.median(values), min(values), max(values), len(values)))
        return told

    @cached_property
    def failures(self) -> list[Counted]:
        """Attempts that failed, the most frequent reason first."""
        return added_up([run.failures for run in self.runs])

    @cached_property
    def violations(self) -> list[Counted]:
        """What was forbidden, the most frequent first."""
        return added_up([run.violations for run in self.runs])

    @cached_property
    def problems(self) -> list[str]:
        """What makes the campaign impossible as it is declared, with what to do."""
        told = [
            f"seed {run.seed} ended after {run.trials} trial{'s' * (run.trials != 1)} ({run.reason}): {run.detail}"
            for run in self.runs
            if run.reason not in GOOD_ENDS | CUT_SHORT
        ]
        begun = sum(run.trials + run.failed for run in self.runs)
        if begun and not any(run.completed for run in self.runs):
            why = [*self.failures, *self.violations]
            told.append(f"no trial completed; the most frequent reason: {why[0].example if why else 'none was told'}")
        return told + [need.problem for need in self.needs if need.problem]

    @cached_property
    def notes(self) -> list[str]:
        """What a person should know before the real run."""
        told = []
        short = [run for run in self.runs if run.reason == "budget_hours"]
        if short:
            done = ", ".join(str(run.trials) for run in short)
            of = f" of {self.planned}" if self.planned else ""
            told.append(
                f"budget.hours ({self.hours:g} h) ends {len(short)} of {len(self.runs)} runs, after {done}{of} trials"
            )
        elif self.hours is not None and self.whole_seconds[2] > self.hours * 3600:
            told.append(
                f"exceeds: {self.planned} trials take up to {duration(self.whole_seconds[2])} of {self.hours:g} h"
            )
        none = [str(run.seed) for run in self.runs if run.completed and not _last_best(run)]
        if none:
            told.append(f"no feasible trial was found with seed {', '.join(none)}: look at the outcome constraints")
        if self.interrupted:
            told.append(f"ended by a person: {len(self.runs)} of {len(self.asked)} seeds were begun")
        if self.shortened:
            told.append(f"{self.rehearsed} trials a seed were rehearsed; {self.planned} are reckoned from them")
        if not self.on_lab:
            told.append(
                "a plain function was called: durations are those of its calls, and no instrument was rehearsed"
            )
        return told

    def to_json(self) -> dict[str, Any]:
        """Return it as JSON."""
        mean, low, high = self.whole_seconds
        return {
            "name": self.name,
            "ok": self.ok,
            "interrupted": self.interrupted,
            "problems": self.problems,
            "notes": self.notes,
            "planned_trials": self.planned,
            "rehearsed_trials": self.rehearsed,
            "seeds": [_run_json(run) for run in self.runs],
            "trial_seconds": dict(zip(("mean", "sd"), self.trial_seconds, strict=True)),
            "phases": {name: {"mean_s": each[0], "sd_s": each[1]} for name, each in self.phases.items()},
            "whole_seconds": {"mean": mean, "low": low, "high": high},
            "stocks": [asdict(need) | {"verdict": need.verdict} for need in self.needs],
            "progress": {one.name: [asdict(each) for each in self.progress(one.name)] for one in self.objectives},
            "failures": [asdict(one) for one in self.failures],
            "violations": [asdict(one) for one in self.violations],
            "wall_seconds": self.wall_seconds,
        }

    def __str__(self) -> str:
        from autolab.loop.rehearsal_report import as_text

        return as_text(self)

    def _repr_html_(self) -> str:
        from autolab.loop.rehearsal_report import as_html

        return as_html(self)


def mean_and_sd(values: Sequence[float]) -> tuple[float, float]:
    """Return mean and sample standard deviation; zeros where there are too few values.

    >>> mean_and_sd([1.0, 3.0])
    (2.0, 1.4142135623730951)
    """
    mean = statistics.fmean(values) if values else 0.0
    return mean, statistics.stdev(values) if len(values) > 1 else 0.0


def added_up(counts: Sequence[Mapping[str, Counted]]) -> list[Counted]:
    """Return what was counted in several runs together, the most frequent first."""
    total, example = Counter[str](), dict[str, str]()
    for one in counts:
        for pattern, counted in one.items():
            total[pattern] += counted.count
            example.setdefault(pattern, counted.example)
    return [Counted(count, example[pattern]) for pattern, count in total.most_common()]


def _last_best(run: SeedRun) -> bool:
    return any(row and row[-1] is not None for row in run.best.values())


def _run_json(run: SeedRun) -> dict[str, Any]:
    told = asdict(run)
    told["best"] = {name: row[-1] if row else None for name, row in run.best.items()}
    return told | {"trials": run.trials}
