import math
import pickle

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from autolab.model.candidates import Candidates
from autolab.model.cost import Cost
from autolab.model.errors import InputError
from autolab.model.objectives import Objective
from autolab.model.parameters import Categorical, Integer, Mixture, Real
from autolab.model.problem import Problem
from autolab.model.space import Space
from autolab.model.trial import Point

SPACE = Space(
    [
        Real("T", 20, 120),
        Real("flow", 0.1, 10, log=True),
        Integer("k", 1, 5),
        Categorical("s", ["u", "v"]),
        Mixture(["a", "b"]),
    ]
)
CHANGE = {"T": 10.0, "flow": 0.5, "k": 4.0, "s": 3.0, "a": 2.0}
COST = Cost(base=1.0, change=CHANGE, unit="min").over(SPACE)
BEFORE: Point = {"T": 20.0, "flow": 10.0, "k": 1, "s": "u", "a": 0.0, "b": 1.0}


@pytest.mark.parametrize(
    ("moved", "wanted"),
    [
        ({}, 1.0),
        ({"T": 120.0}, 11.0),
        ({"T": 70.0}, 6.0),
        ({"flow": 0.1}, 1.5),
        ({"flow": 5.05}, 1.25),  # by the share of the range, also where it is logarithmic
        ({"k": 3}, 3.0),
        ({"s": "v"}, 4.0),
        ({"a": 0.5, "b": 0.5}, 2.0),
        ({"T": 70.0, "s": "v"}, 9.0),
    ],
)
def test_a_trial_costs_what_has_to_change(moved: dict[str, float | str], wanted: float) -> None:
    assert COST.of([{**BEFORE, **moved}], BEFORE).tolist() == pytest.approx([wanted])


def test_many_points_at_once_and_none_before() -> None:
    points = SPACE.sample(50, 0)
    one_by_one = [float(COST.of([point], BEFORE)[0]) for point in points]
    assert COST.of(points, BEFORE).tolist() == one_by_one
    assert COST.of(points, None).tolist() == [1.0] * 50
    assert COST.of([], BEFORE).tolist() == []


@pytest.mark.parametrize("before", [{}, {**BEFORE, "T": math.nan}, {**BEFORE, "T": "warm"}])
def test_what_is_not_known_to_be_the_same_counts_as_changed(before: Point) -> None:
    (cost,) = Cost(base=1.0, change={"T": 10.0}).over(SPACE).of([BEFORE], before)
    assert cost == 11.0


def test_the_ranges_of_a_table_are_its_own_and_a_part_keeps_them() -> None:
    table = Candidates({"T": [20, 40, 60], "s": ["u", "v", "w"], "fixed": [1, 1, 1]})
    cost = Cost(change={"T": 8.0, "s": 1.0, "fixed": 5.0})
    points: list[Point] = [{"T": 40, "s": "v", "fixed": 1}]
    before: Point = {"T": 20, "s": "u", "fixed": 1}
    assert cost.over(table).of(points, before).tolist() == [6.0]
    assert cost.over(table.narrowed({"s": "v"})).of(points, before).tolist() == [6.0]


def test_a_narrowed_space_keeps_the_ranges() -> None:
    part = SPACE.narrowed({"T": 70.0, "a": 0.5})
    assert Cost(change=CHANGE).over(part).spans == COST.spans


def test_a_function_tells_each_cost() -> None:
    def by_heat(point: Point, previous: Point | None) -> float:
        return 5.0 if previous is None else 1.0 + abs(float(point["T"]) - float(previous["T"]))

    cost = Cost(by_heat, unit="EUR")
    points: list[Point] = [{"T": 20.0}, {"T": 25.0}]
    assert cost.of(points, None).tolist() == [5.0, 5.0]
    assert cost.of(points, {"T": 22.0}).tolist() == [3.0, 4.0]


@pytest.mark.parametrize(
    ("function", "told"),
    [
        (lambda point, previous: -1.0, "must be a positive number, got -1.0"),
        (lambda point, previous: 0, "must be a positive number, got 0"),
        (lambda point, previous: math.inf, "got inf"),
        (lambda point, previous: math.nan, "got nan"),
        (lambda point, previous: "dear", "got 'dear'"),
        (lambda point, previous: point["q"], "cannot be told: KeyError: 'q'"),
        (lambda point: 1.0, "cannot be told: TypeError"),
    ],
)
def test_a_function_that_tells_no_cost_is_named_with_the_point(function: object, told: str) -> None:
    with pytest.raises(InputError, match=rf"the cost of \{{'T': 1.0\}} after None .*{told}"):
        Cost(function).of([{"T": 1.0}], None)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("given_", "told"),
    [
        ({"base": 0}, "base of a cost must be a positive number"),
        ({"base": math.inf}, "got inf"),
        ({"base": True}, "got True"),
        ({"change": {"T": -1}}, "a change of 'T' costs must be 0 or more, got -1"),
        ({"change": {"T": math.nan}}, "got nan"),
        ({"function": 7}, "must be called with a point"),
        ({"function": max, "base": 2.0}, "give one of the two"),
        ({"function": max, "change": {"T": 1}}, "give one of the two"),
    ],
)
def test_a_cost_that_makes_no_sense_is_refused(given_: dict[str, object], told: str) -> None:
    with pytest.raises(InputError, match=told):
        Cost(**given_)  # type: ignore[arg-type]


def test_names_are_checked_where_the_space_is_known() -> None:
    with pytest.raises(InputError, match="cost: there is no 'Temp' to change"):
        Problem(SPACE, Objective("y"), cost=Cost(change={"Temp": 1}))
    with pytest.raises(InputError, match="part of a problem"):
        Cost(change={"T": 1.0}).of([BEFORE], BEFORE)
    with pytest.raises(InputError, match="a point lacks 'T'"):
        COST.of([{"flow": 1.0}], BEFORE)


def test_a_problem_holds_the_cost_with_its_ranges() -> None:
    problem = Problem(SPACE, Objective("y"), cost=Cost(base=1.0, change=CHANGE, unit="min"))
    assert problem.cost == Cost(base=1.0, change=CHANGE, unit="min")
    assert problem.cost is not None
    assert problem.cost.of([BEFORE], BEFORE).tolist() == [1.0]
    assert hash(problem) == hash(Problem(SPACE, Objective("y"), cost=Cost(base=1.0, change=CHANGE, unit="min")))
    assert pickle.loads(pickle.dumps(problem)) == problem  # noqa: S301
    assert problem != Problem(SPACE, Objective("y"))


def test_the_order_is_that_of_the_nearest_next() -> None:
    cost = Cost(change={"T": 10.0}).over(SPACE)
    points: list[Point] = [{"T": 100.0}, {"T": 20.0}, {"T": 40.0}, {"T": 100.0}]
    assert cost.order(points, {"T": 30.0}) == [1, 2, 0, 3]
    assert cost.order(points, {"T": 110.0}) == [0, 3, 2, 1]
    assert cost.order(points, None) == [0, 3, 2, 1]
    assert cost.order([], None) == []


@given(st.lists(st.integers(0, 8), min_size=1, max_size=7), st.integers(0, 8))
def test_an_order_holds_each_place_once_and_never_much_dearer_than_the_best(values: list[int], start: int) -> None:
    """On a line the best way goes to the nearer end first; the nearest next may turn back and forth on its way."""
    cost = Cost(base=1e-9, change={"x": 8.0}).over(Space([Real("x", 0, 8)]))
    points: list[Point] = [{"x": float(value)} for value in values]
    order = cost.order(points, {"x": float(start)})
    assert sorted(order) == list(range(len(values)))
    walk = np.abs(np.diff([start, *(values[i] for i in order)])).sum()
    low, high = min(*values, start), max(*values, start)
    best = high - low + min(start - low, high - start)
    assert best <= walk <= 3 * best
