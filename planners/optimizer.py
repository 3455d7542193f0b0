"""Planners as optimizers of bluesky-adaptive and blop: `suggest`, `ingest`, and what else their plans make use of.

bluesky-adaptive 1.0 and blop 1.2 share one contract (their module `protocols`): `Optimizer`, and for what an optimizer
can do besides `CanRegisterSuggestions`, `TrialFaultAware`, `Checkpointable`, `SupportsStoppingCriteria`. They are
structural: nothing of either package is needed here.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from autolab.model.errors import InputError
from autolab.model.names import did_you_mean
from autolab.model.ranges import plain
from autolab.model.seeds import decision_seed
from autolab.model.trial import Trial, as_outcome
from autolab.planners.checks import check_asked
from autolab.planners.optimizer_state import read, saved, write

if TYPE_CHECKING:
    from autolab.model.contracts import Planner
    from autolab.model.problem import Problem
    from autolab.model.trial import OutcomeLike, Point

ID = "_id"
BASELINE = "baseline"
Stop = Callable[["Problem", "Sequence[Trial]"], "str | None"]
"""Problem and trials -> why to stop now, or None to go on."""


def as_optimizer(
    problem: Problem,
    planner: Planner,
    *,
    seed: int,
    history: Iterable[Trial] = (),
    checkpoint: str | Path | None = None,
    stop: Stop | None = None,
) -> PlannerOptimizer:
    """Return an optimizer that proposes by a planner, for the plans of bluesky-adaptive and blop.

    Args:
        problem: Space, objectives and outcome constraints. Keys of a point are the names of actuators.
        planner: Any planner.
        seed: Of the whole optimization: each call of `suggest` derives its own from it.
        history: Trials from before.
        checkpoint: The file that `checkpoint()` writes. Where it is there already, `PlannerOptimizer.restore` reads it.
        stop: When to stop; with it the optimizer has `should_stop` too. Without it it has not, so that a plan without
            a number of iterations refuses it, instead of running for ever.

    >>> from autolab.model.objectives import Objective
    >>> from autolab.model.parameters import Real
    >>> from autolab.model.problem import Problem
    >>> from autolab.model.space import Space
    >>> from autolab.planners.sobol import Sobol
    >>> optimizer = as_optimizer(Problem(Space([Real("x", 0.0, 1.0)]), Objective("y")), Sobol(), seed=7)
    >>> [first, second] = optimizer.suggest(2)
    >>> optimizer.ingest([{"_id": first["_id"], "y": 3.0}, {"_id": second["_id"], "y": (2.0, 0.1)}])
    >>> optimizer.get_best_points()[0][2]
    {'y': 3.0}
    """
    kind = PlannerOptimizer if stop is None else StoppingOptimizer
    return kind(problem, planner, seed=seed, history=history, checkpoint=checkpoint, stop=stop)


class PlannerOptimizer:
    """A planner with a memory: what was suggested, and what became of it.

    Ids are whole numbers from 1, in the order of suggestion or registration. A call that is refused changes nothing.

    Attributes:
        problem: As given.
        planner: As given.
        seed: As given.
        checkpoint_path: The file that `checkpoint` writes, or None.
    """

    def __init__(
        self,
        problem: Problem,
        planner: Planner,
        *,
        seed: int,
        history: Iterable[Trial] = (),
        checkpoint: str | Path | None = None,
        stop: Stop | None = None,
    ) -> None:
        if not hasattr(planner, "suggest"):
            msg = f"the planner of an optimizer must be able to suggest, got {planner!r}; problem first, then planner"
            raise InputError(msg)
        check_asked(1, seed)
        self.problem, self.planner, self.seed = problem, planner, seed
        self.checkpoint_path = None if checkpoint is None else Path(checkpoint)
        self._stop = stop
        self._trials: dict[int, Trial] = {}
        self._decisions = 0
        for trial in history:
            self._add(trial)

    # -- Optimizer

    def suggest(self, num_points: int | None = None) -> list[dict[str, Any]]:
        """Return points to try next, each with its `_id`; they are under way until ingested, failed or withdrawn.

        Args:
            num_points: How many; 1 by default.

        Raises:
            PlannerError: The planner cannot propose as many.
            ValueError: Fewer than 1.
        """
        n = 1 if num_points is None else num_points
        history = [trial for trial in self.trials if trial.state != "running"]
        seed = decision_seed(self.seed, self._decisions)
        found = self.planner.suggest(self.problem, history, n=n, pending=list(self.pending.values()), seed=seed)
        self._decisions += 1
        return [{ID: self._add(Trial(0, one.point, "running", info=dict(one.info))), **one.point} for one in found]

    def ingest(self, points: Sequence[Mapping[str, Any]]) -> None:
        """Learn what became of points.

        A point with the `_id` of a suggestion that is under way needs the outcomes only; what it says of parameters
        counts for nothing: the point as suggested does. One without `_id`, or with the `_id` `baseline`, comes from
        elsewhere and needs its parameters too. An outcome is a number or (number, standard error); one that is not
        finite makes the trial a failed one. Keys that are neither parameter nor wanted outcome are passed over.

        Raises:
            InputError: An id that is unknown, or whose trial has ended; an outcome or a parameter that is missing.
                Then none of the points is taken.
        """
        if isinstance(points, Mapping):
            msg = f"ingest takes a list of points, got one: {points!r}; put it in brackets"
            raise InputError(msg)
        taken: set[int] = set()
        ended = [self._ended(point, taken) for point in points]
        for number, trial in ended:
            if number is None:
                self._add(trial)
            else:
                self._trials[number] = trial

    def get_best_points(self) -> list[tuple[int, dict[str, Any], dict[str, Any]]]:
        """Return (id, point, outcome) of the best trial, or of those on the Pareto front; empty before there is one.

        Trials that break an outcome constraint are left out. An outcome is a number or (number, standard error).
        """
        return [(trial.number, dict(trial.point), _told(trial)) for trial in self.problem.front(self.trials)]

    # -- CanRegisterSuggestions, TrialFaultAware

    def register_suggestions(self, suggestions: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
        """Take points of somebody else as suggested, and return them with an `_id` (a new one, where they have one).

        They may lie outside the space: what the planner then makes of them is its own affair.

        Raises:
            InputError: A parameter is missing or unknown, or a category unknown.
        """
        found = [self._point({key: value for key, value in one.items() if key != ID}) for one in suggestions]
        return [{ID: self._add(Trial(0, point, "running")), **point} for point in found]

    def register_failures(self, suggestions: Sequence[Mapping[str, Any]]) -> None:
        """Note that experiments failed; the planner learns from it. What failed before stays failed.

        Args:
            suggestions: Each with its `_id`, and where it is known with a text `reason`.

        Raises:
            InputError: An id is missing or unknown, or its trial has ended in another way.
        """
        failed = []
        for one in suggestions:
            number = self._number(one.get(ID))
            if self._trials[number].state != "failed":
                failed.append((number, str(one.get("reason", "the acquisition or its evaluation failed"))))
                self._check_under_way(number)
        for number, reason in failed:
            self._trials[number] = self._trials[number].to("failed", reason=reason)

    # -- Checkpointable

    def checkpoint(self) -> None:
        """Write the state to `checkpoint_path`: whole or not at all, also when the process dies meanwhile.

        Raises:
            InputError: There is no path.
        """
        if self.checkpoint_path is None:
            msg = "there is no file to write to: give as_optimizer(..., checkpoint='run.json'), or set checkpoint_path"
            raise InputError(msg)
        write(self.checkpoint_path, self.state())

    def state(self) -> dict[str, Any]:
        """Return all that `restore` needs, as JSON can hold it."""
        return saved(self.problem, self.seed, self._decisions, self._trials.values())

    def restore(self, state: Mapping[str, Any] | str | Path | None = None) -> None:
        """Go on from a state: trials, points under way, and the seeds of the suggestions to come.

        Args:
            state: As `state` returned it, or a file of `checkpoint`; `checkpoint_path` by default.

        Raises:
            InputError: It is none, of a later version, or of another problem. Then nothing changes.
        """
        source = self.checkpoint_path if state is None else state
        if source is None:
            msg = "there is nothing to restore from: give a state or a file"
            raise InputError(msg)
        self.seed, self._decisions, trials = read(source, self.problem)
        self._trials = {trial.number: trial for trial in trials}

    # -- more

    @property
    def trials(self) -> list[Trial]:
        """Every trial, in the order of ids; those under way are `running`."""
        return list(self._trials.values())

    @property
    def pending(self) -> dict[int, Point]:
        """Points under way, by id."""
        return {number: trial.point for number, trial in self._trials.items() if trial.state == "running"}

    def withdraw(self, ids: Iterable[object]) -> None:
        """Give up suggestions that are under way: nothing is learned from them.

        Raises:
            InputError: An id is unknown, or its trial has ended.
        """
        numbers = [self._number(one) for one in ids]
        for number in numbers:
            self._check_under_way(number)
        for number in numbers:
            self._trials[number] = self._trials[number].to("abandoned", reason="withdrawn")

    # -- within

    def _add(self, trial: Trial) -> int:
        number = len(self._trials) + 1
        self._trials[number] = replace(trial, number=number)
        return number

    def _number(self, given: object) -> int:
        number = plain(given)
        if isinstance(number, bool) or not isinstance(number, int) or number not in self._trials:
            known = ", ".join(map(str, self.pending)) or "none"
            msg = f"there is no suggestion with the {ID} {given!r}; under way: {known}"
            raise InputError(msg)
        return number

    def _check_under_way(self, number: int) -> None:
        state = self._trials[number].state
        if state != "running":
            msg = f"suggestion {number} is {state} already: it can be told once only"
            raise InputError(msg)

    def _ended(self, point: Mapping[str, Any], taken: set[int]) -> tuple[int | None, Trial]:
        given = point.get(ID)
        number = None if given is None or given == BASELINE else self._number(given)
        if number is None:
            trial = Trial(0, self._point(point, others=True), "running", source="import")
        else:
            self._check_under_way(number)
            if number in taken:
                msg = f"suggestion {number} is told twice in one call"
                raise InputError(msg)
            taken.add(number)
            trial = self._trials[number]
        outcome = self._outcome(point)
        wrong = [name for name, value in outcome.items() if not _is_finite(value)]
        if wrong:
            return number, trial.to("failed", reason=f"{wrong[0]} is {outcome[wrong[0]]!r}")
        try:
            return number, trial.to("completed", outcome=as_outcome(outcome))
        except (TypeError, ValueError) as error:
            raise InputError(str(error)) from None

    def _outcome(self, point: Mapping[str, Any]) -> OutcomeLike:
        missing = [name for name in self.problem.outcome_names if name not in point]
        if missing:
            msg = f"an outcome needs {', '.join(self.problem.outcome_names)}; {', '.join(missing)} missing in {dict(point)!r}"
            raise InputError(msg)
        return {name: _bare(point[name]) for name in self.problem.outcome_names}

    def _point(self, given: Mapping[str, Any], *, others: bool = False) -> dict[str, Any]:
        names = self.problem.space.names
        missing = [name for name in names if name not in given]
        if missing:
            msg = f"a point needs {', '.join(names)}; {', '.join(missing)} missing in {dict(given)!r}"
            raise InputError(msg)
        unknown = [str(name) for name in given if name not in names]
        if unknown and not others:
            msg = f"there is no parameter {unknown[0]!r}: {did_you_mean(unknown[0], names)}"
            raise InputError(msg)
        point = {name: plain(given[name]) for name in names}
        self.problem.space.encode([point])
        return point


class StoppingOptimizer(PlannerOptimizer):
    """A planner with a memory and a rule when to stop."""

    def should_stop(self) -> tuple[bool, str | None]:
        """Return whether to stop now, and why."""
        reason = None if self._stop is None else self._stop(self.problem, self.trials)
        return reason is not None, reason


def _bare(value: Any) -> Any:  # noqa: ANN401  a number or a pair of numbers
    """Return numpy's numbers, also one alone in an array, as Python's; a standard error that is NaN is not known."""
    if isinstance(value, tuple | list):
        bare = tuple(map(plain, value))
        unknown = len(bare) == 2 and isinstance(bare[1], float) and math.isnan(bare[1])
        return (bare[0], None) if unknown else bare
    return value.item() if getattr(value, "shape", None) in {(), (1,)} else value


def _is_finite(value: Any) -> bool:  # noqa: ANN401  a number or a pair of numbers
    number = value[0] if isinstance(value, tuple) and value else value
    return not isinstance(number, int | float) or math.isfinite(number)


def _told(trial: Trial) -> dict[str, Any]:
    return {
        name: one.value if one.standard_error is None else (one.value, one.standard_error)
        for name, one in trial.outcome.items()
    }
