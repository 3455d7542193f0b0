"""Other packages on the problems of a study file: same starts, same budgets, one thread each, in their own environment.

    python -m venv peers-env && peers-env/bin/pip install -r benchmarks/planners/requirements.txt
    PYTHONPATH=. peers-env/bin/python benchmarks/planners/peers.py benchmarks/planners/all.yaml --data DATA --jobs 2
    autolab study benchmarks/planners/all.yaml --data DATA --also benchmarks/planners/peers.jsonl

Each package is used as its own users would: it keeps its state from one suggestion to the next, at the versions in the
results and with its defaults. How a problem is put to it is said once, in `planners/ax.py`, `baybe.py` and `optuna.py`,
which rebuild that state at each call. Where a package lacks something, this is what its users do:

| | Ax | BayBE | Optuna (GP, TPE) |
|---|---|---|---|
| a pool of candidates | box; the nearest candidate not tried is measured and told | its own | box; the nearest, as Ax |
| mixture | one component less, a linear constraint on the others | its own linear constraint | shares of exponential draws, brought into the bounds |
| outcome constraint | its own | none: a point that breaks one is told the worst value so far | its own |
| descriptors | none: labels | its own | none: labels |
| a failed trial | marked as failed | none: told the worst value so far | marked as failed |

A line of results stands for each finished run; the same command goes on where it was stopped.
"""

from __future__ import annotations

import argparse
import importlib
import logging
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import yaml

from autolab.model.candidates import Candidates
from autolab.model.problem import Problem
from autolab.model.suggestion import Suggestion
from autolab.model.trial import Outcome, Point, Trial
from autolab.planners.ax import AxSession
from autolab.planners.baybe import BayBESession
from autolab.planners.foreign import Session
from autolab.planners.landing import land
from autolab.planners.optuna import OptunaSession, Sampler
from autolab.spec.study_file import study_of
from autolab.study.baseline import Random
from autolab.study.results import ResultsFile
from autolab.study.study import Entrant, Study, run_study

HERE = Path(__file__).parent


class Peer:
    """A package with a memory of its own, asked like a planner: it is told what is new, and then asked.

    What it is told and asked is what the planner of that name tells and asks (`autolab.planners`); that one, being
    pure, begins anew at each call. Here one session goes on: so its own users have it, and so it may keep what it
    learned, such as where in a quasi-random sequence it is.

    Attributes:
        packages: Whose versions stand in the results.
    """

    packages: ClassVar[tuple[str, ...]] = ()

    def __init__(self) -> None:
        self.session: Any = None
        self._told: tuple[Trial, ...] = ()

    def begin(self, problem: Problem, seed: int) -> Session:
        """Declare the problem to the package."""
        raise NotImplementedError

    def suggest(
        self, problem: Problem, history: Sequence[Trial], *, n: int, pending: Sequence[Point] = (), seed: int
    ) -> list[Suggestion]:
        """Return `n` points; a history that does not go on from the last one begins anew."""
        if self.session is None or tuple(history[: len(self._told)]) != self._told:
            self._told = ()
            self.session = self.begin(problem, seed % 2**31)
        for trial in history[len(self._told) :]:
            self.session.tell(dict(trial.point), trial.outcome if trial.usable else None)
        self._told = tuple(history)
        taken = {problem.space.key(trial.point) for trial in history}
        found = []
        for asked in self.session.ask(n):
            point = landed(problem, asked, taken)
            taken.add(problem.space.key(point))
            self.session.lands(point)
            found.append(Suggestion(point, {"rule": type(self).__name__.lower()}))
        return found


def landed(problem: Problem, asked: Mapping[str, Any], taken: set[Any]) -> dict[str, Any]:
    """Return the point of the space nearest to one asked for; of a pool the nearest that is not taken."""
    space = problem.space
    if isinstance(space, Candidates):
        point = land(space, asked, taken, 0)
        assert point is not None, "the pool is used up"
        return dict(point)
    return dict(space.snap(asked))


class Ax(Peer):
    """Ax, by its `Client`."""

    packages = ("ax-platform",)

    def begin(self, problem: Problem, seed: int) -> Session:
        """Declare parameters, constraints, objective."""
        logging.disable(logging.INFO)  # each of its loggers tells every trial
        return AxSession(problem, seed)


class AxViability(Ax):
    """Ax that learns where trials fail: its transform `AddExecutionViability`, which its defaults leave out.

    Failed trials are abandoned, as the transform wants it; from the third on it adds a metric that is 0 for them and 1
    for the others, and constrains it to 0.8 (both its defaults). Ax 1.3.1 looks that metric up among those of the
    experiment, so it must be declared too.
    """

    def begin(self, problem: Problem, seed: int) -> Session:
        """Declare all, and put the transform before those that Ax has by default."""
        logging.disable(logging.INFO)
        return _Abandoning(problem, seed)


class _Abandoning(AxSession):
    def __init__(self, problem: Problem, seed: int) -> None:
        super().__init__(problem, seed)
        viability = importlib.import_module("ax.adapter.transforms.add_execution_viability")
        registry = importlib.import_module("ax.adapter.registry")
        dispatch = importlib.import_module("ax.api.utils.generation_strategy_dispatch")
        structs = importlib.import_module("ax.api.utils.structs")
        strategy = dispatch.choose_generation_strategy(struct=structs.GenerationStrategyDispatchStruct())
        (spec,) = strategy.nodes_by_name["MBM"].generator_specs
        spec.generator_kwargs["transforms"] = [
            viability.AddExecutionViability,
            *registry.MBM_X_trans,
            *registry.Y_trans,
        ]
        self._client.configure_tracking_metrics([viability.EXECUTION_VIABLE_METRIC_NAME])
        self._client.set_generation_strategy(strategy)

    def tell(self, point: Point, outcome: Outcome | None) -> None:
        """Complete a trial, or abandon it where it failed."""
        if outcome is not None:
            super().tell(point, outcome)
            return
        index = self._open.pop(self.problem.space.key(point), None)
        self._client.mark_trial_abandoned(trial_index=self._attached(point) if index is None else index)


class BayBE(Peer):
    """BayBE, by its `Campaign`."""

    packages = ("baybe",)

    def begin(self, problem: Problem, seed: int) -> Session:
        """Declare the search space and the objective."""
        importlib.import_module("baybe.settings").active_settings.random_seed = seed
        return BayBESession(problem, seed, "worst")


class OptunaGP(Peer):
    """Optuna's Gaussian processes, by ask and tell."""

    packages = ("optuna",)
    sampler: ClassVar[Sampler] = "gp"

    def begin(self, problem: Problem, seed: int) -> Session:
        """Make a study with its sampler."""
        optuna = importlib.import_module("optuna")
        optuna.logging.set_verbosity(optuna.logging.ERROR)
        return OptunaSession(problem, seed, self.sampler)


class OptunaTPE(OptunaGP):
    """Optuna's default: tree-structured Parzen estimators."""

    sampler: ClassVar[Sampler] = "tpe"


PEERS: dict[str, type[Any]] = {
    "ax": Ax,
    "baybe": BayBE,
    "optuna_gp": OptunaGP,
    "optuna_tpe": OptunaTPE,
    "random": Random,
}


@dataclass(frozen=True)
class Show:
    """Tells each finished run."""

    total: int

    def __call__(self, end: Any) -> None:
        """Print a line."""
        who = f"{end.setting.problem}, {end.planner}, seed {end.seed}" if hasattr(end, "score") else str(end.run)
        what = f"best {end.best}, {sum(end.seconds):.1f} s {end.error}" if hasattr(end, "score") else end.reason
        print(f"{who}: {what}", flush=True)


def study_for(path: Path, peers: Sequence[str], data: Path | None, seeds: int | None, problems: Sequence[str]) -> Study:
    """Return the study of a file with peers in place of its planners."""
    told = yaml.safe_load(path.read_text(encoding="utf-8"))
    told["planners"] = {"random": {}}
    told["problems"] = {name: one for name, one in told["problems"].items() if not problems or name in problems}
    told["seeds"] = seeds or told.get("seeds", 20)
    if data is None and "data" in told:
        data = path.parent / told["data"]
    asked = study_of(told, data, str(path)).study
    return Study([Entrant(name, PEERS[name](), {"use": name}) for name in peers], asked.problems, asked.seeds)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run what the results file lacks."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("study", type=Path, help="the study file whose problems and seeds are taken")
    parser.add_argument("--peers", nargs="+", choices=list(PEERS), default=list(PEERS))
    parser.add_argument("--problems", nargs="+", default=[], help="only these of the study file")
    parser.add_argument("--seeds", type=int, help="in place of the study file's")
    parser.add_argument("--data", type=Path, help="folder with the files of pools")
    parser.add_argument("--jobs", type=int, default=1, help="processes")
    parser.add_argument("--results", type=Path, default=HERE / "peers.jsonl")
    told = parser.parse_args(arguments)
    study = study_for(told.study, told.peers, told.data, told.seeds, told.problems)
    file = ResultsFile(told.results)
    lost = run_study(study, file, jobs=told.jobs, told=Show(len(study.runs)))
    return 1 if lost else 0


if __name__ == "__main__":
    sys.exit(main())
