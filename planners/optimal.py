"""`DOptimal` and `IOptimal`: the most informative runs for a declared model, in a space of any shape."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, get_args

import numpy as np

from autolab.model.errors import DesignUnfit, InputError
from autolab.model.suggestion import Suggestion
from autolab.planners.batches import as_batch
from autolab.planners.evidence import gather
from autolab.planners.exchange import Criterion, Exchange
from autolab.planners.pool import with_corners
from autolab.planners.runs import check_number, used_up
from autolab.planners.terms import Model, Terms

if TYPE_CHECKING:
    from autolab.model.problem import Problem
    from autolab.model.trial import Point, Trial

_REGION = 500  # points that the mean over a space is taken of


@dataclass(frozen=True)
class DOptimal:
    """The runs that settle a model's coefficients best, those completed or under way included.

    Trials that failed have told nothing and do not count. Runs are distinct; candidates are the ends and middles of
    parameters, corners and edges that constraints make, a table's rows.

    Attributes:
        model: `linear`, `interactions` (products of two parameters as well) or `quadratic` (squares as well).
        runs: Points in all, those of history and pending included, planned as one design and completed at each call;
            None for no end: each call adds the points that tell most.
    """

    model: Model = "quadratic"
    runs: int | None = None

    def __post_init__(self) -> None:
        check_settings(self.model, self.runs)

    @as_batch
    def suggest(
        self, problem: Problem, history: Sequence[Trial], *, n: int, pending: Sequence[Point] = (), seed: int
    ) -> list[Suggestion]:
        """Return `n` distinct points, the most telling first.

        Raises:
            DesignUnfit: `runs` are fewer than the model's terms.
            DesignUsedUp: Fewer than `n` of `runs` are left.
            PlannerError: Fewer than `n` points are left in the space.
            ValueError: `n` is less than 1.
        """
        return optimal(problem, history, pending, n, seed, model=self.model, runs=self.runs, criterion="D")


@dataclass(frozen=True)
class IOptimal:
    """The runs that make predictions over the whole space most certain on average; else as `DOptimal`.

    Attributes:
        model: See `DOptimal`.
        runs: See `DOptimal`.
    """

    model: Model = "quadratic"
    runs: int | None = None

    def __post_init__(self) -> None:
        check_settings(self.model, self.runs)

    @as_batch
    def suggest(
        self, problem: Problem, history: Sequence[Trial], *, n: int, pending: Sequence[Point] = (), seed: int
    ) -> list[Suggestion]:
        """Return `n` distinct points, the most telling first.

        Raises:
            DesignUnfit: `runs` are fewer than the model's terms.
            DesignUsedUp: Fewer than `n` of `runs` are left.
            PlannerError: Fewer than `n` points are left in the space.
            ValueError: `n` is less than 1.
        """
        return optimal(problem, history, pending, n, seed, model=self.model, runs=self.runs, criterion="I")


def check_settings(model: str, runs: int | None) -> None:
    """Refuse settings that are not allowed.

    Raises:
        InputError: Such a setting.
    """
    if model not in get_args(Model):
        msg = f"model must be one of {', '.join(get_args(Model))}, got {model!r}"
        raise InputError(msg)
    if runs is not None:
        check_number("runs", runs, 1)


def optimal(
    problem: Problem,
    history: Sequence[Trial],
    pending: Sequence[Point],
    n: int,
    seed: int,
    *,
    model: Model,
    runs: int | None,
    criterion: Criterion,
) -> list[Suggestion]:
    """Return `n` points of the design that completes what is known best; see `DOptimal.suggest`."""
    evidence, space = gather(problem, history, pending), problem.space
    rule = f"{criterion.lower()}_optimal"
    left = n if runs is None else max(0, runs - len(evidence.taken))
    if runs is not None and left < n:
        raise used_up(n, left, runs, rule)
    drawn = space.sample(_REGION + len(evidence.taken), seed)
    points = with_corners(space, n, evidence.taken, seed, drawn)
    candidates = space.encode(points)
    told = np.vstack([evidence.x, evidence.pending])
    region = space.encode(drawn)
    terms = Terms(model, np.vstack([candidates, told, region]))
    if runs is not None and runs < terms.count:
        msg = (
            f"{rule}: {runs} runs cannot settle the {terms.count} terms of a {model} model; take more, or a simpler one"
        )
        raise DesignUnfit(msg)
    over = terms.at(region)
    search = Exchange(terms.at(candidates), terms.at(told), over.T @ over / len(over), criterion)
    chosen = search.best(min(left, len(points)), np.random.default_rng(seed))
    info: dict[str, Any] = {"rule": rule, "model": model, "terms": terms.count}
    variance = search.variance(chosen)
    if variance is not None:
        info["variance"] = variance
    return [Suggestion(points[i], info) for i in chosen[:n]]
