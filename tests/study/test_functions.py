"""Test functions: against their formulas, at their optima, and against botorch's own figures."""

from __future__ import annotations

import math
import pickle
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from autolab.model.parameters import Axis, Categorical, Integer, Real
from autolab.model.space import Space
from autolab.model.trial import as_outcome
from autolab.study import functions
from autolab.study.case import Case

SINGLE: list[Callable[[], Case]] = [
    functions.branin,
    functions.hartmann6,
    functions.hartmann6_60d,
    functions.ackley10_mixed,
    functions.pressure_vessel,
]
SEVERAL: list[Callable[[], Case]] = [functions.dtlz2_2, functions.dtlz2_4]
HARTMANN = [0.20169, 0.150011, 0.476874, 0.275332, 0.311652, 0.6573]


def axes_of(case: Case) -> tuple[Axis, ...]:
    assert isinstance(case.problem.space, Space)
    return case.problem.space.axes


def test_branin_is_its_formula() -> None:
    case = functions.branin()
    for point in case.problem.space.sample(20, 1):
        x, y = float(point["x1"]), float(point["x2"])
        value = (y - 5.1 * x**2 / (4 * math.pi**2) + 5 * x / math.pi - 6) ** 2
        value += 10 * (1 - 1 / (8 * math.pi)) * math.cos(x) + 10
        assert case.truth(point) == pytest.approx({"y": value})


@pytest.mark.parametrize(("x1", "x2"), [(-math.pi, 12.275), (math.pi, 2.275), (9.42478, 2.475)])
def test_the_three_optima_of_branin(x1: float, x2: float) -> None:
    case = functions.branin()

    assert case.scores([{"x1": x1, "x2": x2}])[0] == pytest.approx(case.high, abs=1e-5)


def test_the_optimum_of_hartmann() -> None:
    case = functions.hartmann6()

    assert case.scores([{f"x{i}": x for i, x in enumerate(HARTMANN, 1)}])[0] == pytest.approx(case.high, abs=1e-4)


def test_in_60_dimensions_6_matter() -> None:
    case = functions.hartmann6_60d()
    best = dict.fromkeys(case.problem.space.names, 0.5) | {
        case.problem.space.names[i]: x for i, x in zip(functions.ACTIVE, HARTMANN, strict=True)
    }
    moved = {name: best[name] if i in functions.ACTIVE else 0.9 for i, name in enumerate(best)}

    assert len(axes_of(case)) == 60
    assert case.scores([best]) == case.scores([moved]) == pytest.approx([case.high], abs=1e-4)
    assert case.truth({**best, case.problem.space.names[3]: 0.9}) != case.truth(best)


def test_ackley_is_its_formula_and_labels_stand_for_numbers() -> None:
    case = functions.ackley10_mixed()
    kinds = [type(axis) for axis in axes_of(case)]
    assert kinds == [Real] * 5 + [Integer] * 3 + [Categorical] * 2
    for point in case.problem.space.sample(20, 1):
        x = np.array([functions.LABELS[v] if isinstance(v, str) else float(v) for v in point.values()])
        value = -20 * math.exp(-0.2 * math.sqrt((x**2).mean())) - math.exp(np.cos(2 * math.pi * x).mean()) + 20 + math.e
        assert case.truth(point)["y"] == pytest.approx(value)
    best = {axis.name: "c" if isinstance(axis, Categorical) else 0 for axis in axes_of(case)}
    assert case.scores([best])[0] == pytest.approx(0.0, abs=1e-12)


def vessel(a: float, b: float, radius: Any, length: Any) -> tuple[Any, list[Any]]:
    """Return cost and margins as Coello Coello and Mezura Montes have them; numbers or arrays."""
    cost = 0.6224 * a * radius * length + 1.7781 * b * radius**2 + 3.1661 * a**2 * length + 19.84 * a**2 * radius
    volume = math.pi * radius**2 * length + 4 / 3 * math.pi * radius**3
    return cost, [a - 0.0193 * radius, b - 0.00954 * radius, volume - 1_296_000, 240 - length]


def test_the_pressure_vessel_is_its_formula() -> None:
    case = functions.pressure_vessel()
    for point in case.problem.space.sample(20, 1):
        cost, margins = vessel(*(float(value) for value in point.values()))
        found = case.truth(point)
        assert found["cost"] == pytest.approx(cost)
        assert [found[limit.name] for limit in case.problem.outcome_constraints] == pytest.approx(margins)


def test_no_pressure_vessel_is_cheaper_than_the_known_optimum() -> None:
    case = functions.pressure_vessel()
    best = min(_cheapest(shell / 16, head / 16) for shell in range(1, 25) for head in range(1, 25))

    assert -case.high == pytest.approx(best, rel=1e-5)


def _cheapest(shell: float, head: float) -> float:
    """Return the least cost for two thicknesses: at any radius the shortest vessel that holds enough."""
    radius = (
        np.linspace(10, min(50, shell / 0.0193, head / 0.00954), 4001) if shell > 0.2 and head > 0.1 else np.ones(0)
    )
    length = np.maximum((1_296_000 - 4 / 3 * math.pi * radius**3) / (math.pi * radius**2), 150)
    cost = vessel(shell, head, radius, length)[0][length <= 200]
    return float(cost.min()) if cost.size else math.inf


@pytest.mark.parametrize("make", SEVERAL)
def test_the_front_of_dtlz2_is_a_sphere(make: Callable[[], Case]) -> None:
    case = make()
    m = len(case.problem.objectives)
    random = np.random.default_rng(0).random((30, m - 1))
    for angles in random:
        point = dict.fromkeys(case.problem.space.names, 0.5) | {f"x{i + 1}": float(a) for i, a in enumerate(angles)}
        assert math.hypot(*case.truth(point).values()) == pytest.approx(1.0)


@pytest.mark.parametrize(("make", "m", "d"), [(functions.dtlz2_2, 2, 6), (functions.dtlz2_4, 4, 8)])
def test_the_greatest_hypervolume_is_botorchs(make: Callable[[], Case], m: int, d: int) -> None:
    from botorch.test_functions.multi_objective import DTLZ2

    case = make()

    assert case.high == pytest.approx(DTLZ2(dim=d, num_objectives=m)._max_hv)
    assert case.reference == (-1.1,) * m


def test_many_points_of_the_front_come_near_to_the_greatest_hypervolume() -> None:
    case = functions.dtlz2_2()
    front = [dict.fromkeys(case.problem.space.names, 0.5) | {"x1": i / 200} for i in range(201)]

    assert case.scores(front)[-1] == pytest.approx(case.high, rel=0.01)


@pytest.mark.parametrize("make", SINGLE)
def test_the_median_is_between_and_reached_by_half(make: Callable[[], Case]) -> None:
    case = make()
    points = case.problem.space.sample(300, 5)
    utilities = [one[0] for point in points if (one := case.utilities(point)) is not None]

    assert max(utilities) <= case.high + 1e-9
    assert 0.35 < np.mean(np.array(utilities) > case.low) < 0.65


@pytest.mark.parametrize("make", [*SINGLE, *SEVERAL])
def test_a_case_is_whole(make: Callable[[], Case]) -> None:
    case = make()
    point = case.starts(1, 0)[0]
    outcome = as_outcome(case.truth(point))

    assert case.problem.missing(outcome) == []
    assert case.identity
    again = pickle.loads(pickle.dumps(case))  # noqa: S301  our own
    assert again.truth(point) == case.truth(point)
