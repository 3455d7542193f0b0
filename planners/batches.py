"""Batches: what all points of one call share, and the order in which they cost least.

Every planner's `suggest` goes through `as_batch`; a planner of one's own does so by one line:

    class Mine:
        @as_batch
        def suggest(self, problem, history, *, n, pending=(), seed): ...

With `Problem.same_in_batch` the first point is chosen in the whole space, the others in the part of it that has the
first one's values, with the first as pending. With `Problem.cost` the points come in the order in which the changes
between them cost little.
"""

from __future__ import annotations

import functools
import itertools
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, TypeVar, cast

import numpy as np

from autolab.model.candidates import Candidates
from autolab.model.errors import BatchTooLarge, DesignUsedUp, EmptySpace
from autolab.model.suggestion import Suggestion
from autolab.planners.checks import check_asked
from autolab.planners.evidence import gather

if TYPE_CHECKING:
    from autolab.model.problem import Problem
    from autolab.model.space import Key, Space
    from autolab.model.trial import Point, Trial, Value

Suggest = Callable[..., "list[Suggestion]"]
"""A planner's `suggest`: (problem, history, *, n, pending, seed) -> suggestions."""
Values = dict[str, "Value"]
Counted = dict[tuple["Value", ...], Sequence["Point"]]
"""Values that constraints tie to others -> all points that they leave, where these could be counted out."""
F = TypeVar("F", bound=Callable[..., Any])

_TRIED = 128  # values of the shared keys; more are not tried one by one


def as_batch(suggest: F) -> F:
    """Make a planner's `suggest` keep what a batch shares, and order it by cost (a decorator of the method).

    It is not asked for what is no number of points, nor by what is no seed.
    """

    @functools.wraps(suggest)
    def batched(
        self: object,
        problem: Problem,
        history: Sequence[Trial],
        *,
        n: int,
        pending: Sequence[Point] = (),
        seed: int,
    ) -> list[Suggestion]:
        check_asked(n, seed)
        asked = functools.partial(suggest, self)
        found = together(asked, problem, history, n=n, pending=pending, seed=seed)
        return in_order(problem, history, pending, found)

    return cast("F", batched)


def together(
    suggest: Suggest, problem: Problem, history: Sequence[Trial], *, n: int, pending: Sequence[Point] = (), seed: int
) -> list[Suggestion]:
    """Return `n` points that share the values of `problem.same_in_batch`.

    Where the first point's values leave fewer than `n` points, the nearest values that leave enough are taken.

    Args:
        suggest: Of any planner.
        problem: What must be the same is kept here; `suggest` is asked without it.
        history: As for `suggest`.
        n: As for `suggest`.
        pending: As for `suggest`.
        seed: As for `suggest`.

    Raises:
        BatchTooLarge: No values leave `n` points.
        PlannerError: As `suggest`.
    """
    if n <= 1 or not problem.same_in_batch:
        return suggest(problem, history, n=n, pending=pending, seed=seed)
    whole = problem.within(problem.space)
    (first,) = suggest(whole, history, n=1, pending=pending, seed=seed)
    taken = gather(whole, history, pending).taken | {problem.space.key(first)}
    shared = {name: first[name] for name in problem.same_in_batch}
    part, _ = _part(problem.space, shared, n - 1, taken, {})
    if part is None:
        part = _nearest_with(problem, first, n, taken - {problem.space.key(first)})
        return suggest(whole.within(part), history, n=n, pending=pending, seed=seed)
    try:
        rest = suggest(whole.within(part), history, n=n - 1, pending=[*pending, first.point], seed=seed)
    except DesignUsedUp as done:
        raise DesignUsedUp(str(done), done.left + 1) from None
    return [first, *rest]


def _nearest_with(problem: Problem, first: Point, n: int, taken: frozenset[Key]) -> Space | Candidates:
    """Return the part of the space with the values nearest to those of a point that leave `n` points.

    Raises:
        BatchTooLarge: No values do.
    """
    space, names = problem.space, problem.same_in_batch
    others, most = _of_table(space, names, n, taken) if isinstance(space, Candidates) else (_of_space(space, names), 0)
    counted: Counted = {}
    for values in sorted(others, key=functools.partial(_gap, space, first)):
        part, left = _part(space, values, n, taken, counted)
        if part is not None:
            return part
        most = max(most, left)
    shared = ", ".join(names)
    msg = (
        f"{n} distinct points with the same {shared} were asked for, and no value of {shared} that was tried has more "
        f"than {most} left ({len(taken)} points are tried or under way). Ask for {most} or fewer at once, or widen the "
        "space"
    )
    raise BatchTooLarge(msg, most)


def _part(
    space: Space | Candidates, values: Values, n: int, taken: frozenset[Key], counted: Counted
) -> tuple[Space | Candidates | None, int]:
    """Return the part of the space with these values where it has `n` points left, else None; and how many it has."""
    if isinstance(space, Candidates):
        left = int(space.having(values)[space.rows_without(taken)].sum())
        return (space.narrowed(values) if left >= n else None), left
    tied = _tied(space, values)
    if tied in counted:
        left = _left(space, [{**point, **values} for point in counted[tied]], taken)
        if left < n:
            return None, left
    try:
        part = space.narrowed(values)
    except EmptySpace:
        counted[tied] = []
        return None, 0
    asked = n + 1
    while True:  # ask for few points first: of many that are taken few have these values
        drawn = part.sample(asked, 0)
        left = _left(part, drawn, taken)
        if left >= n:
            return part, left
        if len(drawn) < asked:
            counted[tied] = drawn
            return None, left
        if asked > n + len(taken):
            return None, left
        asked *= 4


def _tied(space: Space, values: Values) -> tuple[Value, ...]:
    """Return those of the values that a constraint may have a say in: the others can be exchanged in every point."""
    names = {*(space.coupling.names if space.coupling is not None else ())}
    for one in space.nonlinear:
        names |= {*(one.names or space.names)}  # a function does not tell what it looks at
    return tuple(value for name, value in values.items() if name in names)


def _left(space: Space, points: Sequence[Point], taken: frozenset[Key]) -> int:
    return sum(space.key(point) not in taken for point in points)


def _of_table(table: Candidates, names: Sequence[str], n: int, taken: frozenset[Key]) -> tuple[list[Values], int]:
    """Return the values that `n` candidates have which are left, and how many the most frequent ones have."""
    rows = table.rows_without(taken)
    _, firsts, counts = np.unique(table.alike(names)[rows], return_index=True, return_counts=True)
    points = table.points_of(rows[firsts[counts >= n]])
    return [{name: point[name] for name in names} for point in points], int(counts.max(initial=0))


def _of_space(space: Space, names: Sequence[str]) -> list[Values]:
    """Return values of keys: all combinations, where they are few; else those of points drawn."""
    grids = [space.axes[space.names.index(name)].grid for name in names]
    if all(grid is not None and len(grid) <= _TRIED for grid in grids):
        rows = list(itertools.product(*(grid for grid in grids if grid is not None)))
        if len(rows) <= _TRIED:
            return [dict(zip(names, row, strict=True)) for row in rows]
    points = space.sample(_TRIED, 0)
    return list(
        {tuple(point[name] for name in names): {name: point[name] for name in names} for point in points}.values()
    )


def _gap(space: Space | Candidates, first: Point, values: Values) -> float:
    """Return how far values are from those of a point, squared, in the encoded cube."""
    one, other = space.encode([{**first}, {**first, **values}])
    return float(((one - other) ** 2).sum())


def in_order(
    problem: Problem, history: Sequence[Trial], pending: Sequence[Point], suggestions: Sequence[Suggestion]
) -> list[Suggestion]:
    """Return suggestions in an order in which the changes between them cost little; as they are without a cost.

    Each tells in `info["cost"]` what it costs after the one before it.

    Raises:
        InputError: The cost cannot be told: see `Cost.of`.
    """
    if problem.cost is None or not suggestions:
        return list(suggestions)
    previous = previous_of(history, pending)
    ordered = [suggestions[i] for i in problem.cost.order(suggestions, previous)]
    befores = [previous, *(one.point for one in ordered)]
    return [
        Suggestion(one.point, {**one.info, "cost": float(problem.cost.of([one], before)[0])})
        for one, before in zip(ordered, befores, strict=False)
    ]


def previous_of(history: Sequence[Trial], pending: Sequence[Point]) -> Point | None:
    """Return the point that the lab will have been at when the next trial begins; None where nothing tells.

    The last that is pending; else of the last trial that was not rejected, abandoned or another campaign's.
    """
    if pending:
        return pending[-1]
    done = (one for one in reversed(history) if one.state not in {"rejected", "abandoned"} and one.source != "prior")
    return next((one.point for one in done), None)
