"""One run: a planner on a case with one seed, and what is kept of it."""

from __future__ import annotations

import copy
import functools
import hashlib
import inspect
import json
import platform
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from autolab.model.errors import DesignUnfit, InputError
from autolab.model.seeds import decision_seed
from autolab.study.memory import peak_megabytes, start_anew

if TYPE_CHECKING:
    from autolab.model.contracts import Planner
    from autolab.model.trial import Trial
    from autolab.study.case import Case

PACKAGES = ("autolab-sdl", "botorch", "numpy", "scipy", "torch")


@dataclass(frozen=True)
class Setting:
    """What a run is, but for planner and seed: runs of equal settings can be compared.

    Attributes:
        problem: What people call it.
        case: The case's identity.
        budget: Trials, starts included.
        batch: Points asked for at once.
        starts: Points at random that every planner is given first.
    """

    problem: str
    case: str
    budget: int
    batch: int = 1
    starts: int = 0

    def __post_init__(self) -> None:
        if self.batch < 1 or self.starts < 0 or self.budget <= self.starts:
            msg = (
                f"problem {self.problem!r}: budget must be more than starts, batch at least 1 and starts 0 or more, got "
                f"budget {self.budget}, batch {self.batch}, starts {self.starts}"
            )
            raise InputError(msg)


@dataclass(frozen=True)
class Run:
    """A planner on a case with one seed.

    Attributes:
        planner: What people call the planner.
        declared: The planner and its settings, as JSON has them.
        setting: Case, budget, batch, starts.
        seed: All that is random is derived from it.
        asked: The planner itself.
        case: The case itself.
    """

    planner: str
    declared: Mapping[str, Any] = field(hash=False)
    setting: Setting
    seed: int
    asked: Planner = field(compare=False, repr=False)
    case: Case = field(compare=False, repr=False)

    @property
    def key(self) -> str:
        """What tells runs apart."""
        return key_of(self.planner, self.declared, self.setting, self.seed)

    def __str__(self) -> str:
        return f"{self.setting.problem}, {self.planner}, seed {self.seed}"


@dataclass(frozen=True)
class Result:
    """What became of a run: one line of a results file.

    Attributes:
        planner: As `Run`.
        declared: As `Run`.
        setting: As `Run`.
        seed: As `Run`.
        score: After each trial the true score so far (`Case.scores`); None while nothing counts.
        low: Score worth 0.
        high: Score worth 1.
        minimized: Whether people read the score's negative.
        share: After each trial the share of the pool's best 5 % found; empty where there is no pool.
        seconds: Wall time of each call of the planner, s.
        memory_MB: Greatest memory of the process during the run; None where it cannot be known.
        failed: Trials that failed.
        fallbacks: Suggestions for which the planner fell back to a design.
        error: Why the run ended before its budget; empty when it did not.
        versions: Package -> version.
    """

    planner: str
    declared: Mapping[str, Any] = field(hash=False)
    setting: Setting
    seed: int
    score: Sequence[float | None]
    low: float
    high: float
    minimized: bool = False
    share: Sequence[float] = ()
    seconds: Sequence[float] = ()
    memory_MB: float | None = None  # noqa: N815  a unit
    failed: int = 0
    fallbacks: int = 0
    error: str = ""
    versions: Mapping[str, str] = field(default_factory=dict, hash=False)

    @property
    def key(self) -> str:
        """What tells runs apart; equal to that of its `Run`."""
        return key_of(self.planner, self.declared, self.setting, self.seed)

    @property
    def best(self) -> float | None:
        """The last score as people read it: of one objective in its unit, of several the hypervolume."""
        score = self.score[-1] if self.score else None
        return score if score is None or not self.minimized else 0.0 - score

    def to_line(self) -> str:
        """Return it as one line of JSON."""
        told = {one.name: getattr(self, one.name) for one in fields(self)}
        told["setting"] = {one.name: getattr(self.setting, one.name) for one in fields(self.setting)}
        told["score"] = [None if one is None else _short(one) for one in self.score]
        told["share"] = [_short(one) for one in self.share]
        told["seconds"] = [round(one, 5) for one in self.seconds]
        return json.dumps(told, allow_nan=False, ensure_ascii=False)

    @classmethod
    def from_line(cls, line: str) -> Result:
        """Return what a line holds.

        Raises:
            InputError: It holds no result.
        """
        try:
            told = json.loads(line)
            known = {one.name for one in fields(cls)}
            return cls(**{name: value for name, value in told.items() if name in known and name != "setting"}
                       | {"setting": Setting(**told["setting"])})  # fmt: skip
        except (ValueError, TypeError, KeyError, AttributeError) as error:
            msg = f"no result of a study: {type(error).__name__}: {error}"
            raise InputError(msg) from None


def key_of(planner: str, declared: Mapping[str, Any], setting: Setting, seed: int) -> str:
    """Return what tells runs apart: a digest of all that decides what they do."""
    told = [planner, declared, [getattr(setting, one.name) for one in fields(setting)], seed]
    return hashlib.sha256(json.dumps(told, sort_keys=True, default=str).encode()).hexdigest()[:16]


def _short(value: float) -> float:
    return float(f"{value:.7g}")


def perform(run: Run) -> Result:
    """Run a planner on a case: starts, then what it proposes, until the budget is used up.

    One thread throughout, whatever the libraries would take. A planner that fails ends its run early, and the result
    says why. Pure but for times and memory: the same run gives the same scores in any process.

    Raises:
        InputError: The planner refuses the problem when it is first asked: a setting is wrong, or a package missing.
        DesignUnfit: Its design does not fit the space.
    """
    from autolab.planners.isolation import isolated

    start_anew()
    with isolated(run.seed % 2**31):
        return _performed(run)


def _performed(run: Run) -> Result:
    case, setting, planner = run.case, run.setting, copy.deepcopy(run.asked)
    history: list[Trial] = []
    for point in case.starts(setting.starts, run.seed):
        history.append(case.perform(point, run.seed, len(history) + 1))
    seconds: list[float] = []
    fallbacks, error = 0, ""
    while len(history) < setting.budget:
        wanted = min(setting.batch, setting.budget - len(history))
        seed = decision_seed(run.seed, len(seconds) + 1)
        before = time.perf_counter()
        try:
            found = planner.suggest(case.problem, tuple(history), n=wanted, seed=seed)
            seconds.append(time.perf_counter() - before)
            for one in found:
                case.problem.space.check(one)
        except Exception as trouble:  # whatever a planner does, the study goes on and tells it
            if not seconds and isinstance(trouble, InputError | DesignUnfit):
                raise  # it refuses the problem, or a package is missing: what the starts alone found is no result
            error = f"{type(trouble).__name__}: {trouble}"[:500]
            break
        if not found:
            error = "the planner proposed nothing"
            break
        fallbacks += sum("fallback" in getattr(one, "info", {}) for one in found)
        for one in found[:wanted]:
            history.append(case.perform(dict(one), run.seed, len(history) + 1))
    points = [trial.point for trial in history]
    return Result(
        planner=run.planner,
        declared=run.declared,
        setting=setting,
        seed=run.seed,
        score=case.scores(points),
        low=case.low,
        high=case.high,
        minimized=case.minimized,
        share=case.shares(points),
        seconds=seconds,
        memory_MB=peak_megabytes(),
        failed=sum(trial.state == "failed" for trial in history),
        fallbacks=fallbacks,
        error=error,
        versions={**versions(*getattr(planner, "packages", ())), "source": source_of(type(planner))},
    )


@functools.cache
def versions(*more: str) -> dict[str, str]:
    """Return the versions of Python and of the packages that decide what planners propose.

    Args:
        more: Further packages.
    """
    found = {"python": platform.python_version(), "platform": sys.platform}
    for name in (*PACKAGES, *more):
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found


@functools.cache
def source_of(kind: type) -> str:
    """Return the digest of all modules beside that of a class: it changes when a planner's code does; or nothing."""
    try:
        folder = Path(inspect.getfile(kind)).parent
    except (TypeError, OSError):  # made at a prompt
        return ""
    told = hashlib.sha256()
    for path in sorted(folder.glob("*.py")):
        told.update(path.read_bytes())
    return told.hexdigest()[:12]
