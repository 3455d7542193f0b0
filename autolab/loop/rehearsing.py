"""Rehearsing: a campaign several times from the start, each time with another seed and a journal to be thrown away."""

from __future__ import annotations

import re
import tempfile
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from autolab.journal.history import fold
from autolab.journal.reading import JournalReader
from autolab.loop.phases import phases_of
from autolab.loop.progress import Progress, RunResult, tell
from autolab.loop.rehearsal import CUT_SHORT, Counted, Rehearsal, SeedRun
from autolab.model.errors import AutolabError, InputError
from autolab.model.roles import Dispense, command_from_json

if TYPE_CHECKING:
    from autolab.journal.events import Event
    from autolab.journal.history import History
    from autolab.lab.declaration import LabDeclaration
    from autolab.loop.budget import Budget
    from autolab.loop.progress import Watcher
    from autolab.model.problem import Problem

Run = Callable[[int, Path, "Watcher"], RunResult]
"""Runs the campaign with a seed and a journal, and tells a watcher."""

FORBIDDEN = "the lab forbids it"  # how a plan's own limits are told: see plans.attempt_plan
_NUMBER = re.compile(r"[-+]?\d+(\.\d+)?([eE][-+]?\d+)?")
_FAILED = frozenset({"trial_failed", "machine_failed"})


@dataclass(frozen=True)
class Rehearsed:
    """What is rehearsed.

    Attributes:
        name: Of the campaign.
        budget: The campaign's.
        trials: A seed at most; None for the budget's.
        seeds: In order.
        lab: None for a plain function.
    """

    name: str
    problem: Problem
    budget: Budget
    trials: int | None
    seeds: Sequence[int]
    lab: LabDeclaration | None


def check_seeds(seeds: int | Sequence[int], first: int) -> list[int]:
    """Return the seeds: as they are given, or so many from `first` on.

    Raises:
        InputError: None, or one that is negative or given twice.

    >>> check_seeds(3, 7)
    [7, 8, 9]
    """
    chosen = list(range(first, first + seeds)) if isinstance(seeds, int) else list(seeds)
    if not chosen or len(set(chosen)) < len(chosen) or min(chosen) < 0:
        msg = f"seeds must be a number of 1 or more, or different seeds of 0 or more, got {seeds!r}"
        raise InputError(msg)
    return chosen


def unlimited(what: Rehearsed) -> tuple[LabDeclaration | None, Budget]:
    """Return lab and budget with bottles that do not run dry, so that what the campaign needs can be measured.

    Raises:
        InputError: There is no virtual lab, or no end to the trials.
    """
    lab, budget = what.lab, what.budget
    if what.trials is not None and what.trials < 1:
        msg = f"trials must be at least 1, got {what.trials!r}"
        raise InputError(msg)
    if lab is not None and lab.virtual is None:
        msg = "the lab file has no `virtual:` section, so there is no virtual lab to rehearse on: add one"
        raise InputError(msg)
    if what.trials is None and budget.trials is None and (lab is None or budget.hours is None):
        msg = "this campaign's budget sets no number of trials: say how many to rehearse, such as trials=20"
        raise InputError(msg)
    if lab is not None:
        lab = replace(lab, stocks={name: replace(stock, loaded=None) for name, stock in lab.stocks.items()})
    return lab, replace(budget, consumables={})


def rehearse(what: Rehearsed, run: Run, watcher: Watcher | None = None) -> Rehearsal:
    """Run the campaign once a seed, and return what was seen; a person's Ctrl-C ends it with what there is."""
    begun, runs, passed = time.monotonic(), list[SeedRun](), 0.0
    with tempfile.TemporaryDirectory(prefix="autolab-rehearsal-", ignore_cleanup_errors=True) as folder:
        for place, seed in enumerate(what.seeds):
            journal = Path(folder) / f"seed-{seed}.sqlite"
            shown = _told(watcher, what, place, seed, passed)
            runs.append(_one(what, seed, journal, run, shown))
            passed += runs[-1].lab_seconds
            if runs[-1].reason in CUT_SHORT:
                break
    return Rehearsal(
        name=what.name,
        objectives=tuple(what.problem.objectives),
        planned=what.budget.trials if what.budget.trials is not None else what.trials,
        rehearsed=what.trials if what.trials is not None else what.budget.trials,
        hours=what.budget.hours,
        loaded=dict(what.lab.loaded) if what.lab is not None else {},
        allowed=dict(what.budget.consumables),
        asked=tuple(what.seeds),
        runs=tuple(runs),
        on_lab=what.lab is not None,
        wall_seconds=round(time.monotonic() - begun, 3),
    )


def _told(watcher: Watcher | None, what: Rehearsed, place: int, seed: int, passed: float) -> Watcher:
    """Return a watcher of one seed's run that tells of it as a part of the whole."""
    trials = what.trials if what.trials is not None else what.budget.trials
    of = None if trials is None else trials * len(what.seeds)
    before = 0 if trials is None else trials * place

    def show(progress: Progress) -> None:
        text = progress.text
        if progress.kind in ("trial", "attempt", "stopped"):
            text = f"seed {seed} ({place + 1} of {len(what.seeds)}): {text}"
        together = replace(progress, text=text, done=before + progress.done, of=of, lab_time=passed + progress.lab_time)
        tell(watcher, together)

    return show


def _one(what: Rehearsed, seed: int, journal: Path, run: Run, shown: Watcher) -> SeedRun:
    try:
        result = run(seed, journal, shown)
    except InputError:
        raise
    except AutolabError as error:
        result = RunResult("error", f"{type(error).__name__}: {error}", 0, 0)
    except KeyboardInterrupt:
        result = RunResult("interrupted", "Ctrl-C", 0, 0)
    if not journal.exists():
        return SeedRun(seed, result.reason, result.detail)
    with JournalReader.open(journal) as reader:
        events = list(reader.events())
    return seen(seed, result, events, what)


def seen(seed: int, result: RunResult, events: Sequence[Event], what: Rehearsed) -> SeedRun:
    """Return what a run's journal says."""
    history = fold(events)
    spent, phases = _durations(events)
    return SeedRun(
        seed=seed,
        reason=result.reason,
        detail=result.detail,
        completed=sum(trial.state == "completed" for trial in history.trials),
        failed=sum(trial.state in ("failed", "rejected", "abandoned") for trial in history.trials),
        lab_seconds=history.last_lab_time,
        trial_seconds=tuple(spent.values()),
        phases={name: tuple(each.get(name, 0.0) for each in phases.values()) for name in _names(phases.values())},
        consumed=_consumed(events, what.lab),
        used=_used(events, what.lab),
        best=_best(what.problem, history),
        failures=_counted(_failures(events)),
        violations=_counted(_violations(events)),
    )


def _durations(events: Iterable[Event]) -> tuple[dict[int, float], dict[int, dict[str, float]]]:
    """Return lab time and phases of each trial that was begun, its attempts together, s."""
    spent: dict[int, float] = defaultdict(float)
    phases: dict[int, dict[str, float]] = defaultdict(dict)
    begun = 0.0
    for event in events:
        if event.kind == "attempt_started":
            begun = event.lab_time
        elif event.kind == "attempt_ended" and event.trial is not None:
            spent[event.trial] += event.lab_time - begun
            for name, seconds in phases_of(event.body).items():
                phases[event.trial][name] = phases[event.trial].get(name, 0.0) + seconds
    return dict(spent), {trial: phases.get(trial, {}) for trial in spent}


def _names(rows: Iterable[Mapping[str, float]]) -> list[str]:
    """Return all names, those of the longest row first: it knows their order best."""
    return list(dict.fromkeys(name for row in sorted(rows, key=len, reverse=True) for name in row))


def _consumed(events: Sequence[Event], lab: LabDeclaration | None) -> dict[str, float]:
    if lab is None or not lab.stocks:
        return {}
    from autolab.loop.consumption import consumption

    return consumption(events, lab)


def _used(events: Iterable[Event], lab: LabDeclaration | None) -> dict[str, float]:
    """Return what pumps pushed out of each stock, mL; nothing is in doubt on a virtual lab in this process."""
    used: dict[str, float] = {}
    begun: dict[tuple[int | None, int | None, int | None], tuple[str, float]] = {}
    for event in events:
        place = (event.trial, event.attempt, event.action)
        if event.kind == "intent" and lab is not None:
            stock, command = lab.stock_of(str(event.body["instrument"])), command_from_json(event.body.get("value"))
            if stock is not None and isinstance(command, Dispense):
                begun[place] = (stock.name, command.volume)
        elif event.kind == "outcome" and event.body["status"] == "done" and (pushed := begun.pop(place, None)):
            result: Any = event.body.get("result") or {}
            used[pushed[0]] = used.get(pushed[0], 0.0) + float(result.get("volume_mL", pushed[1]))
    return used


def _best(problem: Problem, history: History) -> dict[str, tuple[float | None, ...]]:
    """Return, by objective, its value in the best feasible trial so far, after each trial.

    Where there are several objectives, each has the best of its own values.
    """
    rows: dict[str, list[float | None]] = {objective.name: [] for objective in problem.objectives}
    good = [each for each in history.trials if each.usable and not problem.missing(each.outcome)]
    feasible = {each.number: each for each in good if problem.feasible(each.outcome)}
    for objective in problem.objectives:
        best: float | None = None
        for trial in history.trials:
            if trial.number in feasible:
                value = feasible[trial.number].outcome[objective.name].value
                best = value if best is None else max(best, value, key=objective.utility)
            rows[objective.name].append(best)
    return {name: tuple(row) for name, row in rows.items()}


def _failures(events: Iterable[Event]) -> Iterable[str]:
    for event in events:
        reason = str(event.body.get("reason") or "")
        if event.kind == "attempt_ended" and event.body["ending"] in _FAILED and not reason.startswith(FORBIDDEN):
            yield reason or str(event.body["ending"])


def _violations(events: Iterable[Event]) -> Iterable[str]:
    for event in events:
        told = _violation(event.kind, event.body)
        if told:
            yield told


def _violation(kind: str, body: Mapping[str, Any]) -> str:
    reason = str(body.get("reason") or "")
    if kind in ("rejected", "abandoned") or (kind == "attempt_ended" and reason.startswith(FORBIDDEN)):
        return reason
    if kind == "interlock" and body.get("state") == "tripped":
        return f"interlock {body.get('name')} tripped: {body.get('why')}"
    return ""


def _counted(texts: Iterable[str]) -> dict[str, Counted]:
    """Count texts that differ in their numbers alone together."""
    counts, first = Counter[str](), dict[str, str]()
    for text in texts:
        pattern = _NUMBER.sub("#", text)
        counts[pattern] += 1
        first.setdefault(pattern, text)
    return {pattern: Counted(count, first[pattern]) for pattern, count in counts.items()}
