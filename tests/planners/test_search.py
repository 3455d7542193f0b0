"""The search for the point of most worth, on functions whose best point is known."""

import itertools
import tracemalloc
from collections.abc import Callable, Sequence

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy.optimize import linprog

from autolab.model.candidates import Candidates
from autolab.model.errors import PlannerError
from autolab.model.nonlinear import Nonlinear
from autolab.model.objectives import Objective
from autolab.model.parameters import Categorical, Integer, Mixture, Ordinal, Real
from autolab.model.problem import Problem
from autolab.model.space import Space
from autolab.model.trial import Point, Trial
from autolab.planners import climbing, search
from autolab.planners.climbing import Climb
from autolab.planners.evidence import Evidence, gather
from autolab.planners.field import Field
from autolab.planners.search import Found, most_worth

Array = NDArray[np.float64]


class Known:
    """A worth that is a function of encoded points, and counts what it is asked for."""

    starts = 8

    def __init__(self, value: Callable[[Array], Array], slope: Callable[[Array], Array] = np.zeros_like) -> None:
        self._value, self._slope = value, slope
        self.asked = 0
        self.pending: list[Array] = []

    def values(self, x: Array) -> Array:
        self.asked += len(x)
        return self._value(x)

    def slopes(self, x: Array) -> tuple[Array, Array]:
        return self.values(x), self._slope(x)

    def add_pending(self, x: Array) -> None:
        self.pending.append(x)


def linear(weights: Sequence[float]) -> Known:
    w = np.array(weights)
    return Known(lambda x: x @ w, lambda x: np.tile(w, (len(x), 1)))


def peak(at: Sequence[float], widths: Sequence[float] | float = 1.0) -> Known:
    a, s = np.array(at), np.broadcast_to(widths, (len(at),)) ** 2
    return Known(lambda x: -((x - a) ** 2 / s).sum(axis=1), lambda x: -2 * (x - a) / s)


def nothing(space: Space | Candidates, tried: Sequence[Point] = ()) -> Evidence:
    return gather(Problem(space, [Objective("y")]), [Trial.completed(point, {"y": 0.0}) for point in tried], [])


def best(
    space: Space | Candidates, worth: Known, n: int = 1, tried: Sequence[Point] = (), seed: int = 0
) -> list[Found]:
    return most_worth(space, worth, n, nothing(space, tried), seed)


# -- choices


def test_a_space_of_few_choices_is_searched_whole() -> None:
    space = Space([Categorical("c", list("pqrst")), Integer("k", 0, 9), Ordinal("d", [1.0, 2.0, 8.0])])
    points: list[Point] = [
        dict(zip(space.names, one, strict=True)) for one in itertools.product("pqrst", range(10), [1.0, 2.0, 8.0])
    ]
    weights = np.random.default_rng(0).standard_normal((7, 40))
    worth = Known(lambda x: np.sin(30 * x @ weights).sum(axis=1))  # rough: nothing but trying all finds its best
    order = np.argsort(-worth.values(space.encode(points)))
    ranked = [space.key(points[i]) for i in order]
    found = best(space, worth, 4)
    assert [space.key(point) for point, _ in found] == ranked[:4]
    assert [told for _, told in found] == pytest.approx(np.sort(-worth.values(space.encode(points)))[:4] * -1)
    assert len(worth.pending) == 3
    tried = [points[i] for i in order[[0, 1, 3]]]
    assert [space.key(point) for point, _ in best(space, worth, 2, tried)] == [ranked[2], ranked[4]]
    with pytest.raises(
        PlannerError, match=r"2 distinct points were asked for and the space has 1 left \(149 are tried"
    ):
        best(space, worth, 2, [points[i] for i in order[:149]])


@pytest.mark.parametrize(("axes", "levels"), [(6, 100), (12, 10), (40, 2)])
def test_a_product_of_a_million_million_choices_is_never_written_down(axes: int, levels: int) -> None:
    names = [f"v{i}" for i in range(levels)]
    space = Space([Categorical(f"c{i}", names) for i in range(axes)])
    scores = np.random.default_rng(1).standard_normal(axes * levels)
    worth = linear(scores.tolist())  # of each axis its best choice is the best: that can be known
    tracemalloc.start()
    ((point, told),) = best(space, worth)
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert told == pytest.approx(scores.reshape(axes, levels).max(axis=1).sum())
    assert list(point.values()) == [names[i] for i in scores.reshape(axes, levels).argmax(axis=1)]
    assert most < 64e6
    assert worth.asked < 60_000


def test_choices_that_go_together_are_found_with_numbers() -> None:
    # the place of the numeric peak, and its height, depend on the label
    space = Space([Categorical("c", list("pqrst")), Real("x", 0, 1), Real("z", 0, 1)])
    places = np.linspace(0.1, 0.9, 5)
    heights = np.array([0.0, 0.3, 0.1, 1.0, 0.2])

    def value(x: Array) -> Array:
        label = x[:, :5].argmax(axis=1)
        return np.asarray(heights[label] - 40 * (x[:, 5] - places[label]) ** 2 - (x[:, 6] - 0.25) ** 2)

    def slope(x: Array) -> Array:
        label, found = x[:, :5].argmax(axis=1), np.zeros_like(x)
        found[:, 5], found[:, 6] = -80 * (x[:, 5] - places[label]), -2 * (x[:, 6] - 0.25)
        return found

    for seed in range(5):
        ((point, told),) = best(space, Known(value, slope), seed=seed)
        assert point == {"c": "s", "x": pytest.approx(0.7, abs=1e-3), "z": pytest.approx(0.25, abs=1e-2)}
        assert told == pytest.approx(1.0, abs=1e-3)


def test_an_ascent_leaves_the_choices_where_they_are() -> None:
    space = Space([Categorical("c", list("pqrst")), Integer("k", 0, 9), Real("x", 0, 1)])
    worth = Known(lambda x: x[:, -1], lambda x: np.eye(x.shape[1])[[-1] * len(x)])
    field = Field(space, worth, None)
    climber = Climb(field, np.random.default_rng(0))
    points: list[Point] = [{"c": c, "k": k, "x": 0.3} for c, k in zip("pqrst", (0, 3, 5, 8, 9), strict=True)]
    start = field.coordinates.of(points)
    end = climber._ascended(start)
    np.testing.assert_array_equal(end[:, :2], start[:, :2])
    np.testing.assert_allclose(end[:, 2], 1.0)


def test_a_whole_number_of_many_values_is_found() -> None:
    for most in (50, 1000, 10**9):
        space = Space([Integer("k", 0, most), Real("x", 0, 1), Categorical("c", ["p", "q"])])
        ((point, _),) = best(space, peak([0.61742, 0.5, 1.0, 0.0]))
        assert point == {
            "k": pytest.approx(0.61742 * most, abs=max(0.5, 1e-3 * most)),
            "x": pytest.approx(0.5, abs=1e-3),
            "c": "p",
        }
        space.check(point)
    tied = Space([Integer("k", 0, 2000), Real("x", 0, 1)], ["k + 2*x <= 800"])
    ((point, _),) = best(tied, linear([1.0, 1e-9]))
    tied.check(point)
    assert point["k"] == pytest.approx(800, abs=2)


def test_choices_of_the_last_axes_are_changed_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(climbing, "_NEIGHBOURS", 60)
    monkeypatch.setattr(search, "_WHOLE", 10)
    space = Space([Categorical(f"c{i}", [f"v{j}" for j in range(50)]) for i in range(3)])
    scores = np.zeros(150)
    scores[[3, 70, 140]] = [0.1, 0.2, 1.0]
    ((point, _),) = best(space, linear(scores.tolist()))
    assert point["c2"] == "v40"


# -- boxes and linear constraints


@pytest.mark.parametrize("d", [1, 2, 6, 20])
def test_the_peak_of_a_box_is_found(d: int) -> None:
    space = Space([Real(f"x{i}", 0, 1) for i in range(d)])
    at = np.random.default_rng(d).random(d)
    at[0] = 1.4  # beyond a bound: the best is on it
    ((point, told),) = best(space, peak(at.tolist(), np.geomspace(0.3, 3, d).tolist()))
    np.testing.assert_allclose(list(map(float, point.values())), np.clip(at, 0, 1), atol=2e-3)
    assert told == pytest.approx(
        float(peak(at.tolist(), np.geomspace(0.3, 3, d).tolist()).values(np.clip(at, 0, 1)[None])[0]), abs=1e-3
    )


@pytest.mark.parametrize("seed", range(4))
def test_the_best_corner_of_linear_constraints_is_linear_programmings(seed: int) -> None:
    limits = ["a + b + c <= 1.7", "a - b >= -0.4", "2*c + d <= 1.9", "a + d >= 0.3"]
    space = Space([Real(name, 0, 1) for name in "abcd"], limits)
    weights = np.random.default_rng(seed).standard_normal(4)
    rows = np.array([[1, 1, 1, 0], [-1, 1, 0, 0], [0, 0, 2, 1], [-1, 0, 0, -1]])
    corner = linprog(-weights, rows, [1.7, 0.4, 1.9, -0.3], bounds=[(0, 1)] * 4)
    ((point, told),) = best(space, linear(weights.tolist()), seed=seed)
    space.check(point)
    assert told == pytest.approx(-corner.fun, abs=1e-4)


def test_the_best_of_a_mixture_is_found_with_its_components_chosen() -> None:
    # at most two of five: the best pair, and its proportion
    space = Space([Mixture(list("abcde"), at_most=2), Real("T", 10, 100, log=True)], ["10*b + T <= 60"])
    goal = np.array([0.0, 0.6, 0.0, 0.4, 0.0, 0.3])
    ((point, _),) = best(space, peak(goal.tolist()))
    space.check(point)
    assert {name for name in "abcde" if point[name]} == {"b", "d"}
    np.testing.assert_allclose(space.encode([point])[0], goal, atol=5e-3)


@pytest.mark.slow
@settings(max_examples=6)
@given(st.integers(0, 2**31 - 1), st.integers(1, 3))
def test_batches_are_distinct_new_and_keep_the_constraints(seed: int, n: int) -> None:
    space = Space(
        [
            Mixture(["a", "b", "s"], at_most=2),
            Integer("k", 0, 3),
            Categorical("c", ["p", "q"]),
            Real("T", 1, 50, log=True),
        ],
        ["T + 10*a + k <= 40", "b <= 0.7"],
    )
    weights = np.random.default_rng(seed).standard_normal(7)
    tried = space.sample(5, seed)
    first = [point for point, _ in best(space, linear(weights.tolist()), 1, tried, seed)]
    found = [point for point, _ in best(space, linear(weights.tolist()), n, [*tried, *first], seed)]
    keys = {space.key(point) for point in found}
    assert len(keys) == n
    assert not keys & {space.key(point) for point in (*tried, *first)}
    for point in found:
        space.check(point)


def test_the_same_worth_again_gives_other_points_than_those_taken() -> None:
    # the worth does not fall by what is pending here: only what is taken keeps the points apart
    space = Space([Real("x", 0, 1), Integer("k", 0, 5)])
    found = best(space, peak([0.37, 0.6]), 6)
    assert len({space.key(point) for point, _ in found}) == 6
    assert found[0][0] == {"x": pytest.approx(0.37, abs=1e-3), "k": 3}


@pytest.mark.slow
def test_the_last_point_left_is_found_and_then_none() -> None:
    space = Space([Integer("k", 1, 150), Categorical("c", [f"v{i}" for i in range(150)])])  # too many for one look
    points: list[Point] = [{"k": k, "c": f"v{i}"} for k in range(1, 151) for i in range(150)]
    last = points.pop(7777)
    ((point, _),) = best(space, linear([0.0] * 151), 1, points)
    assert point == last
    with pytest.raises(PlannerError, match=r"1 distinct points were asked for and the space has 0 left \(22500"):
        best(space, linear([0.0] * 151), 1, [*points, last])


def test_a_space_of_fewer_points_than_climbs_is_searched() -> None:
    coupled = Space(
        [Integer("a", 0, 999), Integer("b", 0, 999)],
        ["a + b >= 1997", Nonlinear(lambda p: float(p["a"]) - 1, text="a is 1 at least")],
    )
    found = best(coupled, linear([1.0, 2.0]), n=3, tried=[{"a": 3, "b": 9}])
    assert [(point["a"], point["b"]) for point, _ in found] == [(999, 999), (998, 999), (999, 998)]
    with pytest.raises(PlannerError, match="the space has 3 left"):
        best(coupled, linear([1.0, 2.0]), n=4)


def test_points_near_the_best_known_that_are_taken_do_not_use_a_space_up() -> None:
    # half of the points shaken around a known one are copies of it
    space = Space([Categorical("c", list("pqr")), Integer("k", 0, 10), Real("x", 0, 1)])
    tried: list[Point] = [{"c": "q", "k": 7, "x": 1.0}, {"c": "q", "k": 8, "x": 1.0}]
    ((point, _),) = best(space, linear([0.0, 1.0, 0.0, 0.0, 1.0]), 1, tried)
    assert space.key(point) not in {space.key(one) for one in tried}
    assert (point["c"], point["x"]) == ("q", 1.0)


# -- tables


def test_the_best_candidates_are_found_in_order() -> None:
    u, v = np.random.default_rng(0).random((2, 5000))
    table = Candidates({"u": u.tolist(), "v": v.tolist()})
    worth = peak([0.3, 0.8])
    order = np.argsort(-worth.values(table.encoded))
    tried = [table.point(int(order[1]))]
    found = best(table, worth, 5, tried)
    assert [point for point, _ in found] == [table.point(int(i)) for i in order[[0, 2, 3, 4, 5]]]
    assert [told for _, told in found] == pytest.approx(worth.values(table.encoded[order[[0, 2, 3, 4, 5]]]).tolist())
    np.testing.assert_array_equal(np.vstack(worth.pending), table.encoded[order[[0, 2, 3, 4]]])


def test_of_a_long_table_the_best_are_kept_for_what_follows(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(search, "_SHORTLIST", 50)
    table = Candidates({"u": np.random.default_rng(0).random(4000).tolist()})
    worth = linear([1.0])
    found = best(table, worth, 6)
    assert [point["u"] for point, _ in found] == sorted(table.table["u"], reverse=True)[:6]
    assert worth.asked <= 4000 + 5 * 50


def test_a_table_that_is_used_up_is_told() -> None:
    table = Candidates({"u": [0.0, 1.0, 2.0]})
    assert len(best(table, linear([1.0]), 2, [{"u": 1.0}])) == 2
    with pytest.raises(PlannerError, match=r"3 distinct points were asked for and the space has 2 left \(1 are tried"):
        best(table, linear([1.0]), 3, [{"u": 1.0}])


def test_it_is_pure() -> None:
    space = Space([Real("x", 0, 1), Categorical("c", ["p", "q"])])
    worth = [
        Known(
            lambda x: np.sin(25 * x[:, 0]) + x[:, 1],
            lambda x: np.column_stack([25 * np.cos(25 * x[:, 0]), 0 * x[:, 1:]]),
        )
        for _ in "ab"
    ]
    assert best(space, worth[0], 3, seed=4) == best(space, worth[1], 3, seed=4)
