"""`Ax`: Meta's adaptive experimentation platform as a planner (extra `[ax]`), by its `Client`.

| of the problem | what Ax is told |
|---|---|
| numbers, whole numbers, lists, labels | ranges, whole ranges, ordered choices, unordered choices |
| mixtures, linear equalities | one component (number) less, linear constraints on the others |
| linear constraints | the same; a logarithmic number in one is declared linear, a list a range |
| `at_most`, equalities between whole numbers, constraints that are not linear | nothing: its points are brought to the nearest that keeps them |
| a table of candidates | a box around it: its points are brought to the nearest candidate that is not taken |
| several objectives, outcome constraints, standard errors | the same |
| an objective to match | the distance from its target, to be minimized |
| failed and rejected trials | failed trials, whose points it does not ask for again |
| points under way | running trials |

M. Olson et al., "Ax: a platform for adaptive experimentation", AutoML 2025.
"""

from __future__ import annotations

import importlib
import logging
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from autolab.model.candidates import Candidates
from autolab.planners.boxed import Reduced, Sum, Variable, texts, variables
from autolab.planners.foreign import Session, loaded, propose

if TYPE_CHECKING:
    from autolab.model.objectives import Objective
    from autolab.model.problem import Problem
    from autolab.model.suggestion import Suggestion
    from autolab.model.trial import Outcome, Point, Trial


@dataclass(frozen=True)
class Ax:
    """Ax's default generation strategy, its state rebuilt for each call; pure.

    That has a price: its first points are the start of a new quasi-random sequence at each call, not one sequence
    that goes on.

    `info["asked"]` tells the point that Ax asked for, where another is proposed (see the table above and `land`);
    `info["left_out"]` how many trials it could not be told. Where Ax fails, space-filling points are taken and
    `info["fallback"]` says why.
    """

    def suggest(
        self, problem: Problem, history: Sequence[Trial], *, n: int, pending: Sequence[Point] = (), seed: int
    ) -> list[Suggestion]:
        """Return `n` distinct points.

        Raises:
            MissingExtra: Ax is not installed.
            PlannerError: Fewer than `n` points are left in the space.
            ValueError: `n` is less than 1.
        """
        return propose(
            "ax", AxSession, partial(AxSession, rebuilt=True), problem, history, n=n, pending=pending, seed=seed
        )


class AxSession(Session):
    """An Ax client for one problem.

    Its expressions are read by a computer algebra system, in which names such as `E` have a meaning, so parameters
    are called `p0`, `p1`... there, and measured quantities `m0`, `m1`...

    Args:
        problem: To be declared.
        seed: Of Ax's first points and of its acquisition.
        rebuilt: Whether the trials that it is told before it is asked are a history of its own, so that it goes on
            where they end. Ax itself, given trials, begins with one quasi-random point all the same: rebuilt at each
            call it would never come to its model.
    """

    def __init__(self, problem: Problem, seed: int, *, rebuilt: bool = False) -> None:
        super().__init__(problem)
        self.prepare()
        self._configs = importlib.import_module("ax.api.configs")
        self._client = importlib.import_module("ax.api.client").Client(random_seed=seed)
        self._seed, self._rebuilt, self._count = seed, rebuilt, 0
        self._open: dict[Any, int] = {}
        self._asked: list[tuple[int, dict[str, Any]]] = []
        space = problem.space
        self._reduced = None if isinstance(space, Candidates) else Reduced(space)
        free, self._fixed = variables(space) if self._reduced is None else (self._reduced.free, {})
        self._free = {f"p{i}": one for i, one in enumerate(free)}
        self._labels = {alias: texts(one.values) for alias, one in self._free.items() if one.kind == "category"}
        self._client.configure_experiment(
            parameters=[self._parameter(alias, one) for alias, one in self._free.items()],
            parameter_constraints=self._constraints(),
        )
        self._metrics = {name: f"m{i}" for i, name in enumerate(problem.outcome_names)}
        limits, self._doubled = self._limits()
        self._client.configure_optimization(objective=self._goals(), outcome_constraints=limits or None)

    @classmethod
    def prepare(cls) -> None:
        """Load Ax, without the line that it logs about a database that is not used.

        Raises:
            MissingExtra: It is not installed.
        """
        talker = logging.getLogger("ax.storage.sqa_store.with_db_settings_base")
        talker.addFilter(_is_serious)
        try:
            loaded("ax.api.client", "Ax", "ax-platform", "ax")
        finally:
            talker.removeFilter(_is_serious)

    def _parameter(self, alias: str, one: Variable) -> Any:  # noqa: ANN401  one of Ax's classes
        if one.kind == "category":
            return self._configs.ChoiceParameterConfig(
                name=alias, values=list(self._labels[alias]), parameter_type="str", is_ordered=False
            )
        if one.kind == "ordinal" and not one.tied:
            values = [float(value) for value in one.values]
            return self._configs.ChoiceParameterConfig(
                name=alias, values=values, parameter_type="float", is_ordered=True
            )
        kind = int if one.kind == "integer" else float
        return self._configs.RangeParameterConfig(
            name=alias,
            bounds=(kind(one.low), kind(one.high)),
            parameter_type=kind.__name__,
            scaling="log" if one.log and not one.tied else None,
        )

    def _constraints(self) -> list[str] | None:
        if self._reduced is None:
            return None
        alias = {one.name: name for name, one in self._free.items()}
        return [_written(one, alias) for one in self._reduced.inequalities] or None

    def _goals(self) -> str:
        return ", ".join(
            f"{'' if one.goal == 'maximize' else '-'}{self._metrics[one.name]}" for one in self.problem.objectives
        )

    def _limits(self) -> tuple[list[str], dict[str, str]]:
        """Return outcome constraints, and second names of quantities that cannot have both goal and bound by one.

        Ax refuses a bound on its only objective, of several takes one on the bad side of each, and an objective to match
        is told as a distance.
        """
        goals = {one.name: one for one in self.problem.objectives}
        bad = {"maximize": ">=", "minimize": "<=", "match": ""}
        limits = self.problem.outcome_constraints
        found, doubled = [], dict[str, str]()
        for limit in limits:
            goal = goals.get(limit.name)
            metric = self._metrics[limit.name]
            alone = sum(one.name == limit.name for one in limits) == 1
            if goal is not None and (len(goals) == 1 or limit.side != bad[goal.goal] or not alone):
                metric = doubled[limit.name] = f"{metric}b"
            found.append(f"{metric} {limit.side} {limit.bound!r}")
        return found, doubled

    def tell(self, point: Point, outcome: Outcome | None) -> None:
        """Complete the trial that was asked for, or attach one."""
        index = self._open.pop(self.problem.space.key(point), None)
        if index is None:
            index = self._attached(point)
        if outcome is None:
            self._client.mark_trial_failed(trial_index=index)
            return
        goals = {one.name: one for one in self.problem.objectives}
        data: dict[str, Any] = {}
        for name, metric in self._metrics.items():
            one = outcome[name]
            value = one.value if name not in goals else _valued(goals[name], one.value)
            data[metric] = value if one.standard_error is None else (value, one.standard_error)
            if name in self._doubled:
                data[self._doubled[name]] = one.value if one.standard_error is None else (one.value, one.standard_error)
        self._client.complete_trial(trial_index=index, raw_data=data)

    def wait(self, point: Point) -> None:
        """Attach a running trial."""
        self._attached(point)

    def _attached(self, point: Point) -> int:
        self._count += 1
        return int(self._client.attach_trial(parameters=self._part(point)))

    def ask(self, n: int) -> list[dict[str, Any]]:
        """Return its next trials: fewer than `n` where it finds no more in a small space."""
        if self._rebuilt:
            self._client.configure_generation_strategy(
                initialization_random_seed=self._seed,
                initialize_with_center=not self._count,
                allow_exceeding_initialization_budget=True,
            )
        self._asked = list(self._client.get_next_trials(max_trials=n).items())
        return [self._whole(given) for _, given in self._asked]

    def lands(self, point: Point) -> None:
        """Keep a trial open where its own point is measured; abandon it where another is."""
        index, given = self._asked.pop(0)
        mine = self._part(point)
        if all(_same(mine[name], value) for name, value in given.items()):
            self._open[self.problem.space.key(point)] = index
        else:
            self._client.mark_trial_abandoned(trial_index=index)

    def _part(self, point: Point) -> dict[str, Any]:
        """Return what Ax calls a point."""
        found: dict[str, Any] = {}
        for alias, one in self._free.items():
            value = point[one.name]
            if one.kind == "category":
                found[alias] = next(text for text, label in self._labels[alias].items() if label == value)
            else:
                found[alias] = int(value) if one.kind == "integer" else float(value)
        return found

    def _whole(self, given: Mapping[str, Any]) -> dict[str, Any]:
        """Return the point that Ax's values mean."""
        values = {
            one.name: self._labels[alias][given[alias]] if one.kind == "category" else given[alias]
            for alias, one in self._free.items()
        }
        return {**values, **self._fixed} if self._reduced is None else self._reduced.whole(values)


def _written(total: Sum, alias: Mapping[str, str]) -> str:
    """Return `weight * p0 + ... <= bound`: the sum is not positive."""
    terms = " + ".join(f"{weight!r}*{alias[name]}" for name, weight in total.weights.items())
    return f"{terms} <= {-total.constant!r}"


def _valued(goal: Objective, value: float) -> float:
    return abs(value - goal.target) if goal.target is not None else value


def _same(mine: Any, asked: Any) -> bool:  # noqa: ANN401  a number or a text
    return bool(mine == asked) if isinstance(asked, str) else math.isclose(mine, asked, abs_tol=1e-9)


def _is_serious(record: logging.LogRecord) -> bool:
    return record.levelno >= logging.WARNING
