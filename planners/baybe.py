"""`BayBE`: Merck's Bayesian back end as a planner (extra `[baybe]`), by its `Campaign`.

| of the problem | what BayBE is told |
|---|---|
| numbers, whole numbers and lists, labels | continuous, numerical discrete, categorical parameters |
| descriptors | its own custom encoding |
| a logarithmic number | a linear one: it has no other |
| mixtures, `at_most`, linear constraints between continuous numbers | its own linear and cardinality constraints |
| linear constraints between whole numbers and lists | its own filter on combinations |
| linear constraints between both, constraints that are not linear | nothing: its points are brought to the nearest that keeps them |
| a table of candidates | the same |
| several objectives, one to match | a Pareto objective, its own matching target |
| outcome constraints | it has none: refused, or the worst value so far for a result that breaks one (`breaches`) |
| standard errors | nothing |
| failed and rejected trials | it has none: the worst value so far |
| points under way | pending experiments |

M. Fitzner et al., "BayBE: a Bayesian back end for experimental planning", Digital Discovery 2025.
"""

from __future__ import annotations

import importlib
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, Literal

from autolab.model.candidates import Candidates
from autolab.model.errors import InputError
from autolab.model.parameters import Categorical, Mixture
from autolab.model.ranges import TOLERANCE, plain
from autolab.planners.boxed import Variable, texts, variables
from autolab.planners.foreign import Session, loaded, propose

if TYPE_CHECKING:
    from autolab.model.coupling import Row
    from autolab.model.objectives import Objective
    from autolab.model.problem import Problem
    from autolab.model.space import Space
    from autolab.model.suggestion import Suggestion
    from autolab.model.trial import Outcome, Point, Trial, Value

Breaches = Literal["refuse", "worst"]
LARGEST = 250_000
"""Combinations of whole numbers, lists and labels: it holds them all in memory, and searches each."""


@dataclass(frozen=True)
class BayBE:
    """BayBE's default recommender, its campaign rebuilt for each call; pure.

    `info["asked"]` tells the point that BayBE asked for, where another is proposed (see the table above and `land`);
    `info["ignored"]` what it has no place for, `info["left_out"]` how many trials it could not be told. Where BayBE
    fails, space-filling points are taken and `info["fallback"]` says why.

    Attributes:
        breaches: What is done about outcome constraints, which BayBE does not have: `refuse` the problem, or tell it
            the `worst` value so far where a result breaks one.
    """

    breaches: Breaches = "refuse"

    def __post_init__(self) -> None:
        if self.breaches not in {"refuse", "worst"}:
            msg = f"breaches must be 'refuse' or 'worst', got {self.breaches!r}"
            raise InputError(msg)

    def suggest(
        self, problem: Problem, history: Sequence[Trial], *, n: int, pending: Sequence[Point] = (), seed: int
    ) -> list[Suggestion]:
        """Return `n` distinct points.

        Raises:
            MissingExtra: BayBE is not installed.
            InputError: Outcome constraints, if `breaches` is `refuse`; more than `LARGEST` combinations.
            PlannerError: Fewer than `n` points are left in the space.
            ValueError: `n` is less than 1.
        """
        begin = partial(BayBESession, breaches=self.breaches, anew=True)
        return propose("baybe", BayBESession, begin, problem, history, n=n, pending=pending, seed=seed)


class BayBESession(Session):
    """A BayBE campaign for one problem.

    It draws from the generators of Python, numpy and torch: whoever begins a session seeds them.

    Args:
        problem: To be declared.
        seed: Not used: see above.
        breaches: As that of `BayBE`.
        anew: Whether measured and pending points of a space without continuous numbers are kept from being
            recommended again; BayBE's default is not to.
    """

    def __init__(self, problem: Problem, seed: int, breaches: Breaches = "refuse", *, anew: bool = False) -> None:
        del seed
        super().__init__(problem)
        self.prepare()
        self._pandas = importlib.import_module("pandas")
        if problem.outcome_constraints and breaches == "refuse":
            limits = ", ".join(map(str, problem.outcome_constraints))
            msg = (
                f"BayBE knows no outcome constraints, and the problem has {limits}: take its setting breaches: worst "
                "(BayBE(breaches='worst')), which tells it the worst value so far in place of a result that breaks one, "
                "or a planner that models them, such as Bayes or Ax"
            )
            raise InputError(msg)
        found, self._fixed = variables(problem.space)
        self._variables = {one.name: one for one in found}
        self._labels = {one.name: texts(one.values) for one in found if one.kind == "category"}
        _check_size(problem.space, found)
        space = self._pool(problem.space) if isinstance(problem.space, Candidates) else self._product(problem.space)
        listed = isinstance(problem.space, Candidates) or all(one.kind != "real" for one in found)
        settled = {"allow_recommending_already_measured": False, "allow_recommending_pending_experiments": False}
        self._campaign = _part("campaign").Campaign(
            space, _objective(problem.objectives), **(settled if anew and listed else {})
        )
        self._told: list[dict[str, float]] = []
        self._rows: list[dict[str, Any]] = []
        self._waiting: list[dict[str, Any]] = []

    @classmethod
    def prepare(cls) -> None:
        """Load BayBE, which takes seconds.

        Raises:
            MissingExtra: It is not installed.
        """
        loaded("baybe", "BayBE", "baybe", "baybe")

    def _pool(self, space: Candidates) -> Any:  # noqa: ANN401  BayBE's class
        parameters = _part("parameters")
        made = [
            parameters.CategoricalParameter(one.name, list(self._labels[one.name]))
            if one.kind == "category"
            else parameters.NumericalDiscreteParameter(one.name, sorted(set(map(float, space.table[one.name]))))
            for one in self._variables.values()
        ]
        frame = self._pandas.DataFrame([self._row(point) for point in space.points])
        return _part("searchspace").SearchSpace.from_dataframe(frame, made)

    def _product(self, space: Space) -> Any:  # noqa: ANN401  BayBE's class
        made = [self._parameter(axis) for axis in space.axes if axis.name in self._variables]
        return _part("searchspace").SearchSpace.from_product(made, self._constraints(space))

    def _parameter(self, axis: Any) -> Any:  # noqa: ANN401  BayBE's classes
        parameters, one = _part("parameters"), self._variables[axis.name]
        if isinstance(axis, Categorical) and axis.descriptors is not None:
            rows = {text: axis.descriptors[label] for text, label in self._labels[axis.name].items()}
            return parameters.CustomDiscreteParameter(
                axis.name, self._pandas.DataFrame.from_dict(rows, orient="index").astype(float)
            )
        if one.kind == "category":
            return parameters.CategoricalParameter(axis.name, list(self._labels[axis.name]))
        if one.kind in {"integer", "ordinal"}:
            return parameters.NumericalDiscreteParameter(axis.name, [float(value) for value in axis.grid])
        if one.log:
            self.ignored[f"the logarithmic scale of {axis.name}"] = None
        return parameters.NumericalContinuousParameter(axis.name, (one.low, one.high))

    def _constraints(self, space: Space) -> list[Any]:
        made, found = _part("constraints"), []
        for row in space.rows:
            kinds = {self._variables[name].kind == "real" for name in row.weights if name in self._variables}
            if kinds == {True}:
                found += self._continuous(row)
            elif kinds == {False}:
                found.append(made.DiscreteCustomConstraint(list(row.weights), _keeps(row)))
            elif kinds:
                self.ignored[row.text] = None
        for one in space.parameters:
            if isinstance(one, Mixture) and one.at_most is not None:
                names = [name for name in one.names if name in self._variables]
                if one.at_most < len(names):
                    found.append(made.ContinuousCardinalityConstraint(names, max_cardinality=one.at_most))
        return found

    def _continuous(self, row: Row) -> list[Any]:
        made = _part("constraints").ContinuousLinearConstraint
        names = [name for name in row.weights if name in self._variables]
        weights = [row.weights[name] for name in names]
        known = math.fsum(
            row.weights[name] * float(value) for name, value in self._fixed.items() if name in row.weights
        )
        if row.low == row.high:
            return [made(names, "=", weights, row.low - known)]
        limits = {">=": row.low, "<=": row.high}
        return [made(names, side, weights, bound - known) for side, bound in limits.items() if math.isfinite(bound)]

    def tell(self, point: Point, outcome: Outcome | None) -> None:
        """Add a measurement; of a point that fails or breaks a constraint the worst so far, if there is any yet."""
        goals = self.problem.objectives
        if outcome is not None and any(one.standard_error is not None for one in outcome.values()):
            self.ignored["standard errors"] = None
        good = outcome is not None and self.problem.feasible(outcome)
        measured = None if outcome is None else {one.name: outcome[one.name].value for one in goals}
        if good and measured is not None:
            self._told.append(measured)
        elif self._told:
            worst = [min((told[one.name] for told in self._told), key=one.utility) for one in goals]
            measured = {one.name: value for one, value in zip(goals, worst, strict=True)}
        if measured is not None:
            self._rows.append({**self._row(point), **measured})

    def wait(self, point: Point) -> None:
        """Note a pending experiment."""
        self._waiting.append(self._row(point))

    def ask(self, n: int) -> list[dict[str, Any]]:
        """Return its recommendation."""
        if self._rows:
            self._campaign.add_measurements(self._pandas.DataFrame(self._rows))
            self._rows = []
        pending = {"pending_experiments": self._pandas.DataFrame(self._waiting)} if self._waiting else {}
        frame = self._campaign.recommend(batch_size=n, **pending)
        names = list(self._variables)
        return [
            {**self._meant(dict(zip(names, row, strict=True))), **self._fixed}
            for row in frame[names].itertuples(index=False)
        ]

    def _row(self, point: Point) -> dict[str, Any]:
        """Return what BayBE calls a point."""
        found: dict[str, Any] = {}
        for name, one in self._variables.items():
            if one.kind == "category":
                found[name] = next(text for text, label in self._labels[name].items() if label == point[name])
            else:
                found[name] = float(point[name])
        return found

    def _meant(self, row: Mapping[str, Any]) -> dict[str, Value]:
        """Return the values that a row of BayBE's means."""
        return {
            name: self._labels[name][value] if name in self._labels else plain(value) for name, value in row.items()
        }


def _part(name: str) -> Any:  # noqa: ANN401  a module
    return importlib.import_module(f"baybe.{name}")


def _check_size(space: Space | Candidates, found: Sequence[Variable]) -> None:
    if isinstance(space, Candidates):
        size = len(space)
    else:
        grids = [len(axis.grid) for axis in space.axes if axis.grid is not None]
        size = math.prod(grids)
    if size > LARGEST:
        names = ", ".join(one.name for one in found if isinstance(space, Candidates) or one.kind != "real")
        msg = (
            f"BayBE holds every combination of {names} in memory and searches each: {size} are more than the "
            f"{LARGEST} that it is given. Take fewer values, or a planner that need not, such as Bayes"
        )
        raise InputError(msg)


def _keeps(row: Row) -> Callable[[Any], Any]:
    """Return a function from rows of a table to whether they keep a constraint, as exactly as the space does."""

    def keeps(frame: Any) -> Any:  # noqa: ANN401  pandas is loaded with BayBE
        total = sum(weight * frame[name] for name, weight in row.weights.items())
        slack = TOLERANCE * max(1.0, *(abs(bound) for bound in (row.low, row.high) if math.isfinite(bound)))
        return (total >= row.low - slack) & (total <= row.high + slack)

    return keeps


def _objective(goals: Sequence[Objective]) -> Any:  # noqa: ANN401  BayBE's class
    numerical = _part("targets").NumericalTarget
    made = [
        numerical.match_absolute(one.name, match_value=one.target)
        if one.target is not None
        else numerical(one.name, minimize=one.goal == "minimize")
        for one in goals
    ]
    objectives = _part("objectives")
    return objectives.SingleTargetObjective(made[0]) if len(made) == 1 else objectives.ParetoObjective(tuple(made))
