"""`Optuna` as a planner (extra `[optuna]`), by ask and tell.

| of the problem | what Optuna is told |
|---|---|
| numbers, whole numbers, lists, labels | floats, whole numbers, places in the list, choices |
| mixtures | a number in 0..1 for each component; its share is that of an exponential draw (the way of Optuna's own FAQ) |
| constraints of every kind, bounds of components | nothing: its points are brought to the nearest that keeps them |
| a table of candidates | a box around it: its points are brought to the nearest candidate that is not taken |
| several objectives, outcome constraints | the same |
| an objective to match | the distance from its target, to be minimized |
| standard errors | nothing |
| failed and rejected trials | failed trials, from which its samplers learn nothing |
| points under way | running trials |

T. Akiba et al., "Optuna: a next-generation hyperparameter optimization framework", KDD 2019.
"""

from __future__ import annotations

import importlib
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, Literal

from autolab.model.candidates import Candidates
from autolab.model.errors import InputError
from autolab.model.parameters import Mixture
from autolab.planners.boxed import Variable, variables
from autolab.planners.foreign import Session, loaded, propose

if TYPE_CHECKING:
    from autolab.model.problem import Problem
    from autolab.model.suggestion import Suggestion
    from autolab.model.trial import Outcome, Point, Trial

Sampler = Literal["gp", "tpe"]
_SAMPLERS: Mapping[str, str] = {"gp": "GPSampler", "tpe": "TPESampler"}


@dataclass(frozen=True)
class Optuna:
    """One of Optuna's samplers, with its defaults, its study rebuilt for each call; pure.

    `info["asked"]` tells the point that Optuna asked for, where another is proposed (see the table above and `land`);
    `info["ignored"]` what it has no place for, `info["left_out"]` how many trials it could not be told. Where Optuna
    fails, space-filling points are taken and `info["fallback"]` says why.

    Attributes:
        sampler: `gp`: Gaussian processes and the logarithm of expected improvement; `tpe`: tree-structured Parzen
            estimators.
    """

    sampler: Sampler = "gp"

    def __post_init__(self) -> None:
        if self.sampler not in _SAMPLERS:
            msg = f"sampler must be 'gp' or 'tpe', got {self.sampler!r}"
            raise InputError(msg)

    def suggest(
        self, problem: Problem, history: Sequence[Trial], *, n: int, pending: Sequence[Point] = (), seed: int
    ) -> list[Suggestion]:
        """Return `n` distinct points.

        Raises:
            MissingExtra: Optuna is not installed.
            PlannerError: Fewer than `n` points are left in the space.
            ValueError: `n` is less than 1.
        """
        begin = partial(OptunaSession, sampler=self.sampler)
        return propose(
            f"optuna_{self.sampler}", OptunaSession, begin, problem, history, n=n, pending=pending, seed=seed
        )


class OptunaSession(Session):
    """An Optuna study for one problem."""

    def __init__(self, problem: Problem, seed: int, sampler: Sampler) -> None:
        super().__init__(problem)
        self.prepare()
        self._optuna = importlib.import_module("optuna")
        directions = ["maximize" if one.goal == "maximize" else "minimize" for one in problem.objectives]
        self._study = self._optuna.create_study(
            sampler=getattr(self._optuna.samplers, _SAMPLERS[sampler])(seed=seed), directions=directions
        )
        space = problem.space
        self._mixtures = (
            [] if isinstance(space, Candidates) else [m for m in space.parameters if isinstance(m, Mixture)]
        )
        found, self._fixed = variables(space)
        shares = {name for one in self._mixtures for name in one.names}
        self._variables = {one.name: one for one in found if one.name not in shares}
        made = self._optuna.distributions
        self._distributions = {name: _distribution(made, one) for name, one in self._variables.items()}
        self._distributions |= {name: made.FloatDistribution(0.0, 1.0) for one in self._mixtures for name in one.names}
        self._open: dict[Any, Any] = {}
        self._asked: list[Any] = []

    @classmethod
    def prepare(cls) -> None:
        """Load Optuna.

        Raises:
            MissingExtra: It is not installed.
        """
        loaded("optuna", "Optuna", "optuna", "optuna")

    def tell(self, point: Point, outcome: Outcome | None) -> None:
        """Tell the trial that was asked for, or add one."""
        trial = self._open.pop(self.problem.space.key(point), None)
        states = self._optuna.trial.TrialState
        values = None if outcome is None else [self._valued(i, outcome) for i in range(len(self.problem.objectives))]
        limits = {} if outcome is None else self._excesses(outcome)
        if outcome is not None and any(one.standard_error is not None for one in outcome.values()):
            self.ignored["standard errors"] = None
        state = states.FAIL if outcome is None else states.COMPLETE
        if trial is None:
            self._add(point, state=state, values=values, constraints=limits or None)
            return
        for name, excess in limits.items():
            trial.set_constraint(name, excess)
        self._study.tell(trial, values, state=state)

    def wait(self, point: Point) -> None:
        """Add a running trial."""
        self._add(point, state=self._optuna.trial.TrialState.RUNNING)

    def ask(self, n: int) -> list[dict[str, Any]]:
        """Return its next trials."""
        self._asked = [self._study.ask(self._distributions) for _ in range(n)]
        return [self._meant(trial.params) for trial in self._asked]

    def lands(self, point: Point) -> None:
        """Keep a trial open where its own point is measured; let it fail where another candidate of a table is."""
        trial = self._asked.pop(0)
        space = self.problem.space
        if isinstance(space, Candidates) and any(
            self._meant(trial.params)[name] != point[name] for name in space.names
        ):
            self._study.tell(trial, state=self._optuna.trial.TrialState.FAIL)
        else:
            self._open[space.key(point)] = trial

    def _add(self, point: Point, **told: Any) -> None:  # noqa: ANN401  Optuna's own arguments
        made = self._optuna.trial.create_trial(params=self._values(point), distributions=self._distributions, **told)
        self._study.add_trial(made)

    def _valued(self, i: int, outcome: Outcome) -> float:
        goal = self.problem.objectives[i]
        value = outcome[goal.name].value
        return abs(value - goal.target) if goal.target is not None else value

    def _excesses(self, outcome: Outcome) -> dict[str, float]:
        found = {}
        for i, limit in enumerate(self.problem.outcome_constraints):
            excess = outcome[limit.name].value - limit.bound
            found[f"{limit.name}{i}"] = excess if limit.side == "<=" else -excess
        return found

    def _meant(self, given: Mapping[str, Any]) -> dict[str, Any]:
        """Return the point that Optuna's values mean."""
        found = {**given, **self._fixed}
        for name, one in self._variables.items():
            if one.kind == "ordinal":
                found[name] = one.values[given[name]]
        for mixture in self._mixtures:
            draws = {name: -math.log(max(given[name], 1e-12)) for name in mixture.names}
            whole = sum(draws.values()) or 1.0
            found |= {name: mixture.total * draw / whole for name, draw in draws.items()}
        return found

    def _values(self, point: Point) -> dict[str, Any]:
        """Return Optuna's values for a point: one of those that mean it."""
        found: dict[str, Any] = {}
        for name, one in self._variables.items():
            value = point[name]
            found[name] = one.values.index(value) if one.kind == "ordinal" else value
            if one.kind == "real":
                found[name] = float(value)
        for mixture in self._mixtures:
            found |= {name: math.exp(-float(point[name]) / mixture.total) for name in mixture.names}
        return found


def _distribution(made: Any, one: Variable) -> Any:  # noqa: ANN401  Optuna's classes
    if one.kind == "category":
        return made.CategoricalDistribution(list(one.values))
    if one.kind == "ordinal":
        return made.IntDistribution(0, len(one.values) - 1)
    if one.kind == "integer":
        return made.IntDistribution(int(one.low), int(one.high))
    return made.FloatDistribution(one.low, one.high, log=one.log)
