"""Other packages on the problems of a study file: same starts, same budgets, one thread each, in their own environment.

    python -m venv peers-env && peers-env/bin/pip install -r benchmarks/planners/requirements.txt
    PYTHONPATH=. peers-env/bin/python benchmarks/planners/peers.py benchmarks/planners/all.yaml --data DATA --jobs 2
    autolab study benchmarks/planners/all.yaml --data DATA --also benchmarks/planners/peers.jsonl

Each package is used as its own users would, at the versions in the results and with its defaults. Where a package lacks
something, this is what its users do:

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
import math
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import yaml

from autolab.model.candidates import Candidates
from autolab.model.parameters import Categorical, Component, Integer, Mixture, Ordinal, Real
from autolab.model.problem import Problem
from autolab.model.suggestion import Suggestion
from autolab.model.trial import Outcome, Point, Trial
from autolab.spec.study_file import study_of
from autolab.study.baseline import Random
from autolab.study.results import ResultsFile
from autolab.study.study import Entrant, Study, run_study

HERE = Path(__file__).parent


class Peer:
    """A package with a memory of its own, asked like a planner: it is told what is new, and then asked.

    Attributes:
        packages: Whose versions stand in the results.
    """

    packages: ClassVar[tuple[str, ...]] = ()

    def __init__(self) -> None:
        self.problem: Any = None
        self._told: tuple[Trial, ...] = ()

    def suggest(
        self, problem: Problem, history: Sequence[Trial], *, n: int, pending: Sequence[Point] = (), seed: int
    ) -> list[Suggestion]:
        """Return `n` points; a history that does not go on from the last one begins anew."""
        if self.problem is None or tuple(history[: len(self._told)]) != self._told:
            self.problem, self._told = problem, ()
            self.begin(seed % 2**31)
        for trial in history[len(self._told) :]:
            self.tell(dict(trial.point), trial.outcome if trial.usable else None)
        self._told = tuple(history)
        taken = {problem.space.key(trial.point) for trial in history}
        found = []
        for asked in self.ask(n):
            point = self.landed(asked, taken)
            taken.add(problem.space.key(point))
            self.lands(asked, point)
            found.append(Suggestion(point, {"rule": type(self).__name__.lower()}))
        return found

    def begin(self, seed: int) -> None:
        """Declare the problem to the package."""
        raise NotImplementedError

    def tell(self, point: dict[str, Any], outcome: Outcome | None) -> None:
        """Tell an outcome; None for a failure."""
        raise NotImplementedError

    def ask(self, n: int) -> list[dict[str, Any]]:
        """Return `n` points as the package means them."""
        raise NotImplementedError

    def lands(self, asked: dict[str, Any], point: dict[str, Any]) -> None:
        """Note which point is measured in place of one that was asked for."""

    def landed(self, asked: Mapping[str, Any], taken: set[Any]) -> dict[str, Any]:
        """Return the point of the space nearest to one asked for; of a pool the nearest that is not taken."""
        space = self.problem.space
        if not isinstance(space, Candidates):
            return dict(space.snap(asked))
        free = [i for i, point in enumerate(space.points) if space.key(point) not in taken]
        gaps = ((space.encoded[free] - space.encode([asked])) ** 2).sum(axis=1)
        return dict(space.points[free[int(np.argmin(gaps))]])

    @property
    def mixtures(self) -> list[Mixture]:
        """The mixtures of the space."""
        return [one for one in getattr(self.problem.space, "parameters", ()) if isinstance(one, Mixture)]

    def columns(self) -> dict[str, tuple[Any, ...]]:
        """Return the columns of a pool; empty for another space."""
        space = self.problem.space
        return {name: tuple(values) for name, values in space.table.items()} if isinstance(space, Candidates) else {}


def _texts(values: Sequence[Any]) -> bool:
    return any(isinstance(value, str) for value in values)


class Ax(Peer):
    """Ax, by its `Client`."""

    packages = ("ax-platform",)

    def begin(self, seed: int) -> None:
        """Declare parameters, constraints, objective."""
        api = importlib.import_module("ax.api.client")
        logging.disable(logging.INFO)  # each of its loggers tells every trial
        self._configs = importlib.import_module("ax.api.configs")
        self._client = api.Client(random_seed=seed)
        self._open: dict[Any, int] = {}
        self._left = {one.names[-1]: one for one in self.mixtures}  # the rest of its mixture
        self._client.configure_experiment(
            parameters=[*self._of_pool(), *self._of_space()], parameter_constraints=self._constraints()
        )
        goals = ", ".join(f"{'-' if one.goal == 'minimize' else ''}{one.name}" for one in self.problem.objectives)
        limits = [str(one) for one in self.problem.outcome_constraints]
        self._client.configure_optimization(objective=goals, outcome_constraints=limits or None)

    def _of_pool(self) -> list[Any]:
        return [
            self._choice(name, sorted(set(values)), ordered=False) if _texts(values) else self._range(name, min(values), max(values))
            for name, values in self.columns().items()
        ]  # fmt: skip

    def _of_space(self) -> list[Any]:
        found = []
        for axis in getattr(self.problem.space, "axes", ()):
            if isinstance(axis, Categorical | Ordinal):
                found.append(self._choice(axis.name, list(axis.values), ordered=isinstance(axis, Ordinal)))
            elif axis.name not in self._left:
                found.append(self._range(axis.name, axis.low, axis.high, isinstance(axis, Integer), axis))
        return found

    def _range(self, name: str, low: float, high: float, whole: bool = False, axis: Any = None) -> Any:
        scaling = "log" if isinstance(axis, Real) and axis.log else None
        kind = int if whole else float
        return self._configs.RangeParameterConfig(
            name=name, bounds=(kind(low), kind(high)), parameter_type=kind.__name__, scaling=scaling
        )

    def _choice(self, name: str, values: list[Any], *, ordered: bool) -> Any:
        kind = "str" if _texts(values) else "float"
        return self._configs.ChoiceParameterConfig(
            name=name, values=values if kind == "str" else [float(v) for v in values], parameter_type=kind, is_ordered=ordered
        )  # fmt: skip

    def _constraints(self) -> list[str] | None:
        found = []
        for one in self.mixtures:
            last = one.components[-1]
            rest = " + ".join(one.names[:-1])
            found += [f"{rest} <= {one.total - last.low}", f"{rest} >= {one.total - last.high}"]
        return found or None

    def _reduced(self, point: Mapping[str, Any]) -> dict[str, Any]:
        kinds = {axis.name: axis for axis in getattr(self.problem.space, "axes", ())}
        return {
            name: value if isinstance(value, str) or isinstance(kinds.get(name), Integer) else float(value)
            for name, value in point.items()
            if name not in self._left
        }

    def tell(self, point: dict[str, Any], outcome: Outcome | None) -> None:
        """Complete the trial that was asked for, or attach one."""
        index = self._open.pop(self.problem.space.key(point), None)
        if index is None:
            index = self._client.attach_trial(parameters=self._reduced(point))
        if outcome is None:
            self._client.mark_trial_failed(trial_index=index)
            return
        data = {
            name: one.value if one.standard_error is None else (one.value, one.standard_error)
            for name, one in outcome.items()
            if name in self.problem.outcome_names
        }
        self._client.complete_trial(trial_index=index, raw_data=data)

    def ask(self, n: int) -> list[dict[str, Any]]:
        """Return its next trials."""
        self._asked = list(self._client.get_next_trials(max_trials=n).items())
        found = []
        for _, given in self._asked:
            whole = {one.names[-1]: one.total - sum(given[name] for name in one.names[:-1]) for one in self.mixtures}
            found.append({**given, **whole})
        return found

    def lands(self, asked: dict[str, Any], point: dict[str, Any]) -> None:
        """Keep a trial open where its own point is measured; abandon it where another is."""
        index, given = self._asked.pop(0)
        mine = self._reduced(point)
        same = all(
            mine[name] == value if isinstance(value, str) else math.isclose(mine[name], value, abs_tol=1e-9)
            for name, value in given.items()
        )
        if same:
            self._open[self.problem.space.key(point)] = index
        else:
            self._client.mark_trial_abandoned(trial_index=index)


class BayBE(Peer):
    """BayBE, by its `Campaign`."""

    packages = ("baybe",)

    def begin(self, seed: int) -> None:
        """Declare the search space and the objective."""
        self._pandas = importlib.import_module("pandas")
        settings = importlib.import_module("baybe.settings")
        settings.active_settings.random_seed = seed
        objectives = importlib.import_module("baybe.objectives")
        targets = importlib.import_module("baybe.targets")
        made = [targets.NumericalTarget(one.name, minimize=one.goal == "minimize") for one in self.problem.objectives]
        objective = (
            objectives.SingleTargetObjective(made[0]) if len(made) == 1 else objectives.ParetoObjective(tuple(made))
        )
        self._campaign = importlib.import_module("baybe").Campaign(self._space(), objective)
        self._values: list[dict[str, float]] = []

    def _space(self) -> Any:
        parameters = importlib.import_module("baybe.parameters")
        search = importlib.import_module("baybe.searchspace")
        columns = self.columns()
        if columns:
            made = [
                parameters.CategoricalParameter(name, sorted(set(values)))
                if _texts(values)
                else parameters.NumericalDiscreteParameter(name, sorted(set(values)))
                for name, values in columns.items()
            ]
            return search.SearchSpace.from_dataframe(self._pandas.DataFrame(columns), made)
        constraints = importlib.import_module("baybe.constraints")
        made = [self._parameter(parameters, axis) for axis in self.problem.space.axes]
        totals = [
            constraints.ContinuousLinearConstraint(list(one.names), "=", [1.0] * len(one.names), one.total)
            for one in self.mixtures
        ]
        return search.SearchSpace.from_product(made, totals)

    def _parameter(self, parameters: Any, axis: Any) -> Any:
        if isinstance(axis, Categorical) and axis.descriptors is not None:
            data = self._pandas.DataFrame.from_dict(axis.descriptors, orient="index")
            return parameters.CustomDiscreteParameter(axis.name, data)
        if isinstance(axis, Categorical):
            return parameters.CategoricalParameter(axis.name, list(axis.values))
        if isinstance(axis, Integer | Ordinal):
            return parameters.NumericalDiscreteParameter(axis.name, list(axis.grid))
        return parameters.NumericalContinuousParameter(axis.name, (axis.low, axis.high))

    def tell(self, point: dict[str, Any], outcome: Outcome | None) -> None:
        """Add a measurement; of a point that fails or breaks a constraint the worst so far, if there is any yet."""
        good = outcome is not None and self.problem.feasible(outcome)
        if outcome is not None and good:
            values = {one.name: outcome[one.name].value for one in self.problem.objectives}
            self._values.append(values)
        elif self._values:
            values = {
                one.name: (max if one.goal == "minimize" else min)(told[one.name] for told in self._values)
                for one in self.problem.objectives
            }
        elif outcome is not None:
            values = {one.name: outcome[one.name].value for one in self.problem.objectives}
        else:
            return
        self._campaign.add_measurements(self._pandas.DataFrame([{**point, **values}]))

    def ask(self, n: int) -> list[dict[str, Any]]:
        """Return its recommendation."""
        frame = self._campaign.recommend(batch_size=n)
        names = self.problem.space.names
        return [
            {name: value.item() if hasattr(value, "item") else value for name, value in zip(names, row, strict=True)}
            for row in frame[list(names)].itertuples(index=False)
        ]


class Optuna(Peer):
    """Optuna, by ask and tell."""

    packages = ("optuna",)
    sampler: ClassVar[str]

    def begin(self, seed: int) -> None:
        """Make a study with its sampler."""
        self._optuna = importlib.import_module("optuna")
        self._optuna.logging.set_verbosity(self._optuna.logging.ERROR)
        sampler = getattr(self._optuna.samplers, self.sampler)(seed=seed)
        directions = [f"{one.goal}" for one in self.problem.objectives]
        self._study = self._optuna.create_study(sampler=sampler, directions=directions)
        self._open: dict[Any, Any] = {}
        self._distributions = self._declared()

    def _declared(self) -> dict[str, Any]:
        made = self._optuna.distributions
        found: dict[str, Any] = {}
        for name, values in self.columns().items():
            if _texts(values):
                found[name] = made.CategoricalDistribution(sorted(set(values)))
            else:
                found[name] = made.FloatDistribution(float(min(values)), float(max(values)))
        for axis in getattr(self.problem.space, "axes", ()):
            if isinstance(axis, Categorical):
                found[axis.name] = made.CategoricalDistribution(list(axis.values))
            elif isinstance(axis, Integer):
                found[axis.name] = made.IntDistribution(axis.low, axis.high)
            elif isinstance(axis, Ordinal):
                found[axis.name] = made.IntDistribution(0, len(axis.values) - 1)
            elif isinstance(axis, Component):
                found[axis.name] = made.FloatDistribution(0.0, 1.0)  # its documentation's way to proportions
            else:
                found[axis.name] = made.FloatDistribution(axis.low, axis.high, log=axis.log)
        return found

    def _point(self, given: Mapping[str, Any]) -> dict[str, Any]:
        """Return the point that Optuna's values mean."""
        found = dict(given)
        for axis in getattr(self.problem.space, "axes", ()):
            if isinstance(axis, Ordinal):
                found[axis.name] = axis.values[given[axis.name]]
        for one in self.mixtures:
            draws = {name: -math.log(max(given[name], 1e-12)) for name in one.names}
            found |= {name: one.total * draw / sum(draws.values()) for name, draw in draws.items()}
        return found

    def _values(self, point: Mapping[str, Any]) -> dict[str, Any]:
        """Return Optuna's values for a point: one of those that mean it."""
        found = dict(point)
        for axis in getattr(self.problem.space, "axes", ()):
            if isinstance(axis, Ordinal):
                found[axis.name] = list(axis.values).index(point[axis.name])
        for one in self.mixtures:
            found |= {name: math.exp(-point[name] / one.total) for name in one.names}
        for name, value in found.items():
            if isinstance(self._distributions[name], self._optuna.distributions.FloatDistribution):
                found[name] = float(value)
        return found

    def tell(self, point: dict[str, Any], outcome: Outcome | None) -> None:
        """Tell the trial that was asked for, or one enqueued with the point."""
        trial = self._open.pop(self.problem.space.key(point), None)
        if trial is None:
            self._study.enqueue_trial(self._values(point))
            trial = self._study.ask(self._distributions)
        if outcome is None:
            self._study.tell(trial, state=self._optuna.trial.TrialState.FAIL)
            return
        for i, limit in enumerate(self.problem.outcome_constraints):
            excess = outcome[limit.name].value - limit.bound
            trial.set_constraint(f"{limit.name}{i}", excess if limit.side == "<=" else -excess)
        self._study.tell(trial, [outcome[one.name].value for one in self.problem.objectives])

    def ask(self, n: int) -> list[dict[str, Any]]:
        """Return its next trials."""
        self._asked = [self._study.ask(self._distributions) for _ in range(n)]
        return [self._point(trial.params) for trial in self._asked]

    def lands(self, asked: dict[str, Any], point: dict[str, Any]) -> None:
        """Keep a trial open where its own point is measured; let it fail where another of a pool is."""
        trial = self._asked.pop(0)
        if isinstance(self.problem.space, Candidates) and any(asked[name] != value for name, value in point.items()):
            self._study.tell(trial, state=self._optuna.trial.TrialState.FAIL)
        else:
            self._open[self.problem.space.key(point)] = trial


class OptunaGP(Optuna):
    """Optuna's Gaussian processes."""

    packages = ("optuna",)
    sampler = "GPSampler"


class OptunaTPE(Optuna):
    """Optuna's default: tree-structured Parzen estimators."""

    packages = ("optuna",)
    sampler = "TPESampler"


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
