"""What designs with a fixed set of runs have in common: laid over a space, and given out a few at a time.

Notation: `r` runs of a design, `k` factors. A coded level is -1 at an axis's low end, 1 at its high end, 0 between.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from autolab.model.candidates import Candidates
from autolab.model.errors import BatchTooLarge, DesignUnfit, DesignUsedUp, InputError
from autolab.model.parameters import Categorical, Component
from autolab.model.suggestion import Suggestion
from autolab.planners.batches import in_order
from autolab.planners.checks import check_asked
from autolab.planners.evidence import gather

if TYPE_CHECKING:
    from autolab.model.parameters import Axis
    from autolab.model.problem import Problem
    from autolab.model.space import Space
    from autolab.model.trial import Point, Trial, Value

Array = NDArray[np.float64]

MOST_RUNS = 100_000
"""More runs than this are not laid out."""

ANY_SPACE = "d_optimal, lhs, k_medoids and farthest take any space"


def give_out(
    problem: Problem,
    design: Sequence[Point],
    history: Sequence[Trial],
    pending: Sequence[Point],
    n: int,
    seed: int,
    info: dict[str, Any],
) -> list[Suggestion]:
    """Return `n` runs of a design that were not tried and are not pending, in an order that `seed` shuffles.

    Runs are told apart as points: whatever was tried before is not given again, and what was invalidated is. So the
    calls of a campaign, whatever their seeds, give each run of the design once. Where a batch must share values, runs of
    the first values in that order that have `n` left (the design is run plot by plot); where changes cost, in the order
    in which they cost little.

    Raises:
        BatchTooLarge: No values that a batch must share have `n` runs left.
        DesignUsedUp: Fewer than `n` are left.
        ValueError: `n` is less than 1.
    """
    check_asked(n, seed)
    taken = gather(problem, history, pending).taken
    order = np.random.default_rng(seed).permutation(len(design))
    left = [design[i] for i in order if problem.space.key(design[i]) not in taken]
    if len(left) < n:
        raise used_up(n, len(left), len(design), info["rule"])
    chosen = _sharing(problem, left, n, info["rule"])[:n]
    return in_order(problem, history, pending, [Suggestion(point, {**info, "runs": len(design)}) for point in chosen])


def _sharing(problem: Problem, left: Sequence[Point], n: int, rule: str) -> Sequence[Point]:
    """Return the runs of the first values that `n` of them share, where a batch must share values."""
    if n == 1 or not problem.same_in_batch:
        return left
    plots: dict[tuple[Value, ...], list[Point]] = {}
    for point in left:
        plots.setdefault(tuple(point[name] for name in problem.same_in_batch), []).append(point)
    for plot in plots.values():
        if len(plot) >= n:
            return plot
    most, shared = max(map(len, plots.values())), ", ".join(problem.same_in_batch)
    msg = (
        f"{n} distinct points with the same {shared} were asked for, and the design {rule} has at most {most} left of one "
        f"{shared}. Ask for {most} or fewer at once, or take a planner that chooses freely, such as lhs or bayes"
    )
    raise BatchTooLarge(msg, most)


def used_up(n: int, left: int, runs: int, rule: str) -> DesignUsedUp:
    """Return the error that tells that a design has fewer runs left than were asked for."""
    msg = (
        f"{n} distinct points were asked for and the design {rule} has {left} of its {runs} runs left. "
        + (f"Ask for {left} or fewer" if left else "It is done")
        + "; for more points take larger settings or another planner, such as bayes"
    )
    return DesignUsedUp(msg, left)


def check_number(name: str, value: object, least: int, most: int | None = None) -> None:
    """Refuse a setting that is no whole number of its range.

    Raises:
        InputError: It is not.
    """
    good = isinstance(value, int) and not isinstance(value, bool) and value >= least
    if not good or (most is not None and isinstance(value, int) and value > most):
        allowed = f"of at least {least}" if most is None else f"from {least} to {most}"
        msg = f"{name} must be a whole number {allowed}, got {value!r}"
        raise InputError(msg)


def plain_factors(problem: Problem, rule: str, least: int, *, labels: int | None = None) -> tuple[Space, list[Axis]]:
    """Return the space and its `k` axes as factors that vary freely of one another.

    Args:
        problem: Its space is laid over.
        rule: The design, for the message.
        least: Fewest factors that the design knows.
        labels: How many labels a categorical factor must have; None for any number; 0 for no such factor.

    Raises:
        DesignUnfit: A pool of candidates, a mixture, too few factors, or a categorical one that the design lacks.
    """
    space = problem.space
    if isinstance(space, Candidates):
        msg = f"{rule} chooses levels freely, which a table of candidates does not allow; {ANY_SPACE}"
        raise DesignUnfit(msg)
    for axis in space.axes:
        if isinstance(axis, Component):
            msg = (
                f"{rule} varies each factor by itself, and component {axis.name!r} of a mixture cannot vary by itself; "
                f"simplex_lattice and simplex_centroid are made for mixtures, {ANY_SPACE}"
            )
            raise DesignUnfit(msg)
        if isinstance(axis, Categorical) and labels is not None and len(axis.values) != labels:
            wanted = f"exactly {labels} labels" if labels else "numbers alone"
            msg = f"{rule} takes factors of {wanted}, and {axis.name!r} has {len(axis.values)} labels; {ANY_SPACE}"
            raise DesignUnfit(msg)
    if len(space.axes) < least:
        msg = f"{rule} needs at least {least} factors and the space has {len(space.axes)}; factorial takes any number"
        raise DesignUnfit(msg)
    return space, list(space.axes)


def laid_out(space: Space, rule: str, coded: Array) -> list[dict[str, Value]]:
    """Return the points of coded levels (`r x k`, -1 to 1), equal rows once.

    Raises:
        DesignUnfit: A run violates a constraint, or an axis has fewer values than the design has levels.
    """
    rows = np.unique(np.round(coded, 12), axis=0)
    columns = [_values(axis, rows[:, i]) for i, axis in enumerate(space.axes)]
    for name, values, levels in zip(space.names, columns, rows.T, strict=True):
        if len(set(values)) < len(set(levels)):
            msg = f"{rule} has {len(set(levels))} levels, and {name!r} too few values for them; {ANY_SPACE}"
            raise DesignUnfit(msg)
    points = [dict(zip(space.names, values, strict=True)) for values in zip(*columns, strict=True)]
    refuse_violations(space, rule, points)
    return points


def _values(axis: Axis, coded: Array) -> Sequence[Value]:
    if isinstance(axis, Categorical):
        return [axis.values[int(level > 0)] for level in coded]
    if isinstance(axis, Component):
        msg = f"{axis.name!r} is a component of a mixture"
        raise TypeError(msg)
    return axis.decode(((coded + 1) / 2)[:, None])


def refuse_violations(space: Space, rule: str, points: Sequence[Point]) -> None:
    """Refuse a design of which a run lies outside the space: without it the design loses what it is chosen for.

    Raises:
        DesignUnfit: Such a run; the message names it, its faults, and designs that keep within constraints.
    """
    for point in points:
        faults = space.faults(point)
        if faults:
            msg = f"{rule}: its run {dict(point)!r} is not in the space: {'; '.join(faults)}; {ANY_SPACE}"
            raise DesignUnfit(msg)


def check_size(rule: str, sizes: Iterable[int]) -> int:
    """Return the product of `sizes`, the runs of a design.

    Raises:
        DesignUnfit: More than `MOST_RUNS`.
    """
    runs = math.prod(sizes)
    if runs > MOST_RUNS:
        msg = f"{rule} has {runs} runs here, more than {MOST_RUNS}; take fewer levels, a fraction, or d_optimal"
        raise DesignUnfit(msg)
    return runs
