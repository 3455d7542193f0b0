"""Test functions with known optima: botorch's, as problems of autolab."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

from autolab.model.objectives import Objective, OutcomeConstraint
from autolab.model.parameters import Categorical, Integer, Ordinal, Real
from autolab.model.problem import Problem
from autolab.model.space import Space
from autolab.study.case import Case, median_utility

if TYPE_CHECKING:
    from autolab.model.trial import Point

LABELS: Mapping[str, float] = {"a": 3.0, "b": -2.0, "c": 0.0, "d": 5.0, "e": -4.0, "f": 1.0}
"""What the labels of `ackley10_mixed` stand for: in no order that a model could guess."""
ACTIVE = (3, 11, 19, 28, 42, 57)
"""The coordinates of `hartmann6_60d` that matter, from 0."""


@dataclass(frozen=True)
class Function:
    """A function of botorch's as truth.

    Attributes:
        kind: Class in `botorch.test_functions`.
        settings: Of that class.
        names: Keys of the point, in the order of the function's coordinates.
        outcomes: Names of its values, in order.
        slacks: Names of its constraints' slacks, in order; not negative where they are kept.
    """

    kind: str
    settings: tuple[tuple[str, int], ...]
    names: tuple[str, ...]
    outcomes: tuple[str, ...] = ("y",)
    slacks: tuple[str, ...] = ()

    def __call__(self, point: Point) -> dict[str, float]:
        """Return the values at a point, and the slacks."""
        import torch

        function = _function(self.kind, self.settings)
        x = torch.tensor([[_number(point[name]) for name in self.names]], dtype=torch.double)
        values = function.evaluate_true(x).reshape(-1).tolist()
        found = dict(zip(self.outcomes, values, strict=True))
        if self.slacks:
            found |= dict(zip(self.slacks, function.evaluate_slack_true(x).reshape(-1).tolist(), strict=True))
        return found


@cache
def _function(kind: str, settings: tuple[tuple[str, int], ...]) -> Any:  # noqa: ANN401  botorch ships no types
    from botorch import test_functions

    return getattr(test_functions, kind)(**dict(settings))


def _number(value: object) -> float:
    return LABELS[value] if isinstance(value, str) else float(value)  # type: ignore[arg-type]  # a number of the point


def branin() -> Case:
    """Return Branin: 2 dimensions, three optima; minimize to 0.397887 (Dixon and Szegö 1978)."""
    space = Space([Real("x1", -5.0, 10.0), Real("x2", 0.0, 15.0)])
    return _single("branin", space, Function("Branin", (), ("x1", "x2")), 0.397887)


def hartmann6() -> Case:
    """Return Hartmann-6: 6 dimensions, six optima; minimize to -3.32237 (Dixon and Szegö 1978)."""
    space = _box(6)
    return _single("hartmann6", space, Function("Hartmann", (("dim", 6),), space.names), -3.32237)


def hartmann6_60d() -> Case:
    """Return Hartmann-6 in 60 dimensions of which 6 matter; minimize to -3.32237."""
    space = _box(60)
    return _single(
        "hartmann6_60d",
        space,
        Function("Hartmann", (("dim", 6),), tuple(space.names[i] for i in ACTIVE)),
        -3.32237,
    )


def ackley10_mixed() -> Case:
    """Return Ackley in 10 dimensions: 5 continuous, 3 whole numbers, 2 choices of 6 labels; minimize to 0.

    The box is not centred on the optimum, and the labels stand for numbers in no order.
    """
    space = Space(
        [
            *(Real(f"x{i}", -5.0, 10.0) for i in range(1, 6)),
            *(Integer(f"k{i}", -5, 10) for i in range(1, 4)),
            *(Categorical(f"c{i}", tuple(LABELS)) for i in range(1, 3)),
        ]
    )
    return _single("ackley10_mixed", space, Function("Ackley", (("dim", 10),), space.names), 0.0)


def pressure_vessel() -> Case:
    """Return the pressure vessel: 4 dimensions, cost to minimize to 6059.714 within 4 outcome constraints.

    Thicknesses are whole sixteenths of an inch (Coello Coello and Mezura Montes 2002).
    """
    names = ("shell", "head", "radius", "length")
    slacks = ("shell_margin", "head_margin", "volume_margin", "length_margin")
    plates = [i / 16 for i in range(1, 161)]
    space = Space(
        [
            Ordinal("shell", plates, unit="in"),
            Ordinal("head", plates, unit="in"),
            Real("radius", 10, 50, unit="in"),
            Real("length", 150, 200, unit="in"),
        ]
    )
    truth = Function("PressureVessel", (), names, ("cost",), slacks)
    return _single("pressure_vessel", space, truth, 6059.714335, "cost")


def dtlz2_2() -> Case:
    """Return DTLZ2 with 2 objectives in 6 dimensions (Deb et al. 2002)."""
    return _dtlz2(6, 2)


def dtlz2_4() -> Case:
    """Return DTLZ2 with 4 objectives in 8 dimensions (Deb et al. 2002)."""
    return _dtlz2(8, 4)


def _dtlz2(dimensions: int, objectives: int) -> Case:
    """Return DTLZ2: its front is the part of the unit sphere with no negative coordinate, seen from 1.1."""
    space = _box(dimensions)
    outcomes = tuple(f"f{i}" for i in range(1, objectives + 1))
    settings = (("dim", dimensions), ("num_objectives", objectives))
    ball = math.pi ** (objectives / 2) / math.gamma(objectives / 2 + 1)
    name = f"dtlz2_{objectives}"
    return Case(
        name,
        Problem(space, [Objective(one, "minimize") for one in outcomes]),
        Function("DTLZ2", settings, space.names, outcomes),
        low=0.0,
        high=1.1**objectives - ball / 2**objectives,
        reference=(-1.1,) * objectives,
        identity=name,
    )


def _box(dimensions: int) -> Space:
    return Space([Real(f"x{i}", 0.0, 1.0) for i in range(1, dimensions + 1)])


def _single(name: str, space: Space, truth: Function, optimum: float, outcome: str = "y") -> Case:
    limits: Sequence[OutcomeConstraint] = [OutcomeConstraint(slack, ">=", 0.0) for slack in truth.slacks]
    problem = Problem(space, [Objective(outcome, "minimize")], limits)
    return Case(name, problem, truth, median_utility(problem, truth), -optimum, identity=name)
