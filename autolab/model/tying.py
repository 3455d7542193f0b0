"""Which axes of a space linear constraints tie together, and which constraints contradict."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

from autolab.model.coupling import Coupling, Row
from autolab.model.parameters import Categorical, Mixture, Parameter

if TYPE_CHECKING:
    from autolab.model.constraints import Linear
    from autolab.model.space import Space


def rows_of(parameters: Sequence[Parameter], constraints: Sequence[Linear]) -> tuple[Row, ...]:
    """Return linear constraints as rows, the totals of mixtures first."""
    totals = [
        Row(dict.fromkeys(one.names, 1.0), one.total, one.total, f"{' + '.join(one.names)} == {one.total!r}")
        for one in parameters
        if isinstance(one, Mixture)
    ]
    return (*totals, *map(_row, constraints))


def _row(constraint: Linear) -> Row:
    low = constraint.bound if constraint.relation != "<=" else -math.inf
    high = constraint.bound if constraint.relation != ">=" else math.inf
    return Row(constraint.coefficients, low, high, str(constraint))


def coupled(space: Space, rows: Sequence[Row]) -> Coupling:
    """Return the axes that rows tie together; a component that is held counts among those present, if it is."""
    tied = {name for row in rows for name in row.weights}
    axes = [axis for axis in space.axes if axis.name in tied and not isinstance(axis, Categorical)]
    groups = []
    for one in space.parameters:
        if isinstance(one, Mixture) and one.at_most is not None and tied.issuperset(one.names):
            present = sum(space.held.get(name, 0) != 0 for name in one.names)
            groups.append(([name for name in one.names if name not in space.held], one.at_most - present))
    return Coupling(axes, rows, [(names, most) for names, most in groups if names])


def contradiction(space: Space) -> str:
    """Return the message that names a smallest set of constraints which contradict each other."""
    needed = list(space.rows)
    for row in space.rows:
        rest = [one for one in needed if one is not row]
        if rest and coupled(space, rest).empty:
            needed = rest
    tied = {name for row in needed for name in row.weights}
    told = [row.text for row in needed] + [
        f"at most {one.at_most} of {', '.join(one.names)}"
        for one in space.parameters
        if isinstance(one, Mixture) and one.at_most is not None and tied.intersection(one.names)
    ]
    return (
        f"no point of the space satisfies: {'; '.join(told)} (within the bounds of its parameters). "
        "Widen bounds or loosen one of these constraints"
    )
