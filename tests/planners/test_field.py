"""The worth over search coordinates, what trials cost, and climbs: one by one, on functions that are known."""

from collections.abc import Callable

import numpy as np
import pytest
from numpy.typing import NDArray

from autolab.model.cost import Cost
from autolab.model.parameters import Categorical, Integer, Mixture, Ordinal, Real
from autolab.model.space import Space
from autolab.model.trial import Point
from autolab.planners import climbing
from autolab.planners.climbing import Climb
from autolab.planners.field import FORBIDDEN, Field, Toll

Array = NDArray[np.float64]
PLANE = Space([Real("x", 0, 1), Real("z", 0, 1)])
DISC = Space([Real("x", -1, 1), Real("z", -1, 1)], ["x**2 + z**2 <= 1"])
MIXED = Space([Real("T", 20, 120), Integer("k", 0, 9), Categorical("c", ["p", "q", "r"])])
SPREAD = np.random.default_rng(0)


class Known:
    """A worth that is a function of encoded points."""

    starts = 8

    def __init__(self, value: Callable[[Array], Array], slope: Callable[[Array], Array] = np.zeros_like) -> None:
        self.values = value
        self._slope = slope

    def slopes(self, x: Array) -> tuple[Array, Array]:
        return self.values(x), self._slope(x)

    def add_pending(self, x: Array) -> None:
        raise AssertionError("nothing is pending here")


def linear(*weights: float) -> Known:
    w = np.array(weights)
    return Known(lambda x: x @ w, lambda x: np.tile(w, (len(x), 1)))


def peak(*at: float) -> Known:
    a = np.array(at)
    return Known(lambda x: -((x - a) ** 2).sum(axis=1), lambda x: -2 * (x - a))


# -- what a trial costs


def test_a_toll_counts_from_the_point_before() -> None:
    toll = Toll(Cost(base=2.0, change={"T": 10.0, "c": 4.0, "k": 0.0}).over(MIXED), {"T": 20.0, "k": 0, "c": "p"})
    assert toll.dear == ("T", "c")
    points: list[Point] = [{"T": 20.0, "k": 9, "c": "p"}, {"T": 70.0, "k": 0, "c": "q"}]
    assert toll.costs(points).tolist() == [2.0, 2.0 + 5.0 + 4.0]
    toll.go(points[1])
    assert toll.costs(points).tolist() == [11.0, 2.0]
    assert toll.previous == points[1]


def test_a_toll_by_a_function_knows_of_nothing_that_is_dear() -> None:
    toll = Toll(Cost(lambda point, before: 1.0 if before is None else 3.0).over(MIXED), None)
    assert toll.dear == ()
    assert toll.costs([{"T": 20.0, "k": 0, "c": "p"}]).tolist() == [1.0]


# -- the field


def test_a_field_is_the_worth_of_encoded_points() -> None:
    field = Field(MIXED, linear(1.0, 10.0, 100.0, 200.0, 300.0), None)
    points: list[Point] = [{"T": 70.0, "k": 9, "c": "p"}, {"T": 20.0, "k": 0, "c": "r"}]
    s = field.coordinates.of(points)
    np.testing.assert_allclose(field.values(s), [110.5, 300.0])
    assert field.allowed(s).tolist() == [True, True]


def test_worth_is_divided_by_cost() -> None:
    cost = Cost(base=1.0, change={"T": 7.0}).over(MIXED)
    toll = Toll(cost, {"T": 20.0, "k": 0, "c": "p"})
    plain, dear = Field(MIXED, linear(1.0, 0, 0, 0, 0), None), Field(MIXED, linear(1.0, 0, 0, 0, 0), toll)
    s = plain.coordinates.of([{"T": 20.0, "k": 5, "c": "p"}, {"T": 120.0, "k": 5, "c": "p"}])
    np.testing.assert_allclose(np.exp(dear.values(s)), np.exp(plain.values(s)) / [1.0, 8.0])
    np.testing.assert_array_equal(dear.slopes(s)[1], plain.slopes(s)[1])


def test_what_a_constraint_forbids_is_worth_nothing() -> None:
    field = Field(DISC, linear(1.0, 1.0), None)
    s = field.coordinates.of([{"x": 0.6, "z": 0.8}, {"x": 0.9, "z": 0.9}, {"x": 0.0, "z": 0.0}])
    assert field.allowed(s).tolist() == [True, False, True]
    values = field.values(s)
    assert values[1] == FORBIDDEN
    assert values[[0, 2]] == pytest.approx([0.8 + 0.9, 1.0])


def test_margins_tell_how_far_a_border_is_and_that_undefined_is_beyond_it() -> None:
    field = Field(Space([Real("x", -1, 1), Real("z", -1, 1)], ["x**2 + z**2 <= 1", "log(x) >= -2"]), linear(1, 1), None)
    inside, outside = field.coordinates.of([{"x": 0.6, "z": 0.0}, {"x": -0.5, "z": 1.0}])
    np.testing.assert_allclose(field.margins(inside), [0.64, np.log(0.6) + 2])
    np.testing.assert_allclose(field.margins(outside), [-0.25, -1.0])


@pytest.mark.parametrize("constraints", [[], ["T + 8*rate <= 90"]], ids=["encoded", "linear"])
def test_slopes_by_coordinates_are_those_of_differences(constraints: list[str]) -> None:
    space = Space([Real("T", 20, 120, log=True), Real("rate", 0, 10), Categorical("c", ["p", "q"])], constraints)
    worth = Known(
        lambda x: np.sin(3 * x[:, 0]) + x[:, 1] ** 2,
        lambda x: np.column_stack([3 * np.cos(3 * x[:, 0]), 2 * x[:, 1], 0 * x[:, 2:]]),
    )
    field = Field(space, worth, None)
    s = field.coordinates.of(space.sample(6, 0))
    value, gradient = field.slopes(s)
    np.testing.assert_allclose(value, field.values(s))
    for i in range(2):
        step = 1e-6 * np.eye(3)[i]
        np.testing.assert_allclose(
            gradient[:, i], (field.values(s + step) - field.values(s - step)) / 2e-6, rtol=1e-5, atol=1e-7
        )
    np.testing.assert_array_equal(gradient[:, 2], 0)


# -- climbs


SPACES = {
    "box": PLANE,
    "choices": MIXED,
    "linear": Space([Real("x", 0, 1), Real("z", 0, 1), Integer("k", 0, 4)], ["x + z + 0.2*k <= 1.3", "x - z >= -0.5"]),
    "disc": DISC,
    "mixture": Space([Mixture(["a", "b", "c"], at_most=2, bounds={"c": (0.2, 0.7)}), Ordinal("v", [1, 2, 5])]),
    "bent": Space([Mixture(["a", "b", "c"]), Integer("k", 1, 9)], ["a * b * k >= 0.2", "a + 0.1*k <= 1.2"]),
}


@pytest.mark.parametrize("name", list(SPACES))
def test_a_climb_ends_no_lower_than_it_began_and_inside(name: str) -> None:
    space = SPACES[name]
    weights = np.random.default_rng(3).standard_normal((len(space.columns), 5))
    worth = Known(lambda x: np.sin(4 * x @ weights).sum(axis=1), lambda x: 4 * np.cos(4 * x @ weights) @ weights.T)
    field = Field(space, worth, None)
    starts = field.coordinates.of(space.sample(8, 1))
    kept = starts.copy()
    ends = Climb(field, np.random.default_rng(0)).climbed(starts)
    np.testing.assert_array_equal(starts, kept)
    gained = field.values(ends) - field.values(starts)
    assert (gained >= 0).all()
    assert gained.max() > 0.1
    assert field.allowed(ends).all()
    for end in ends:
        point = field.coordinates.point(end)
        near = space.snap(point)
        space.check(near)
        np.testing.assert_allclose(space.encode([near]), field.coordinates.encode(end[None]), atol=1e-6)


def test_a_climb_to_the_border_of_a_disc_ends_on_it() -> None:
    field = Field(DISC, linear(1.0, 2.0), None)
    starts = field.coordinates.of([{"x": 0.0, "z": 0.0}, {"x": -0.6, "z": 0.3}])
    ends = Climb(field, np.random.default_rng(0)).climbed(starts)
    found = np.array([[field.coordinates.point(end)[name] for name in ("x", "z")] for end in ends])
    np.testing.assert_allclose(found, [[1 / 5**0.5, 2 / 5**0.5]] * 2, atol=2e-3)
    assert field.allowed(ends).all()


def test_an_end_beyond_a_border_is_taken_back_by_as_little_as_is_tried() -> None:
    field = Field(DISC, linear(1.0, 0.0), None)
    climb = Climb(field, np.random.default_rng(0))
    start, border = field.coordinates.of([{"x": 0.0, "z": 0.0}, {"x": 1.0, "z": 0.0}])
    beyond = border + 1e-7 * (border - start)
    end = climb._allowed(start, beyond)
    assert field.allowed(end[None])[0]
    np.testing.assert_allclose(end, border, atol=1e-5)
    np.testing.assert_array_equal(climb._allowed(start, border), border)
    corner = field.coordinates.of([{"x": 1.0, "z": 1.0}])[0]
    assert field.allowed(climb._allowed(start, corner)[None])[0]
    np.testing.assert_array_equal(climb._allowed(start, start + 9 * (corner - start)), start)


def test_what_is_still_is_not_moved() -> None:
    # the best is elsewhere in every coordinate
    field = Field(MIXED, peak(0.9, 1.0, 0.0, 0.0, 1.0), None)
    starts = field.coordinates.of([{"T": 50.0, "k": 2, "c": "p"}, {"T": 30.0, "k": 7, "c": "q"}])
    for still in ([True, False, False], [False, True, True], [False, False, True]):
        ends = Climb(field, np.random.default_rng(0), np.array(still)).climbed(starts)
        np.testing.assert_array_equal(ends[:, still], starts[:, still])
        best = field.coordinates.of([{"T": 110.0, "k": 9, "c": "r"}])[0]
        moved = ~np.array(still)
        np.testing.assert_allclose(ends[:, moved], np.tile(best[moved], (2, 1)), atol=1e-3)


def test_components_go_and_are_exchanged() -> None:
    space = Space([Mixture(list("abcd"), at_most=2)])
    field = Field(space, peak(0.0, 0.7, 0.0, 0.3), None)
    starts = field.coordinates.of([{"a": 0.5, "b": 0.0, "c": 0.5, "d": 0.0}])
    (end,) = Climb(field, np.random.default_rng(0)).climbed(starts)
    found = field.coordinates.point(end)
    assert {name for name, amount in found.items() if amount} == {"b", "d"}
    assert found["b"] == pytest.approx(0.7, abs=5e-3)


def test_of_very_many_changes_some_are_tried(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(climbing, "_NEIGHBOURS", 7)
    space = Space([Categorical(f"c{i}", list("pqrstuvw")) for i in range(5)])
    field = Field(space, linear(*SPREAD.standard_normal(40)), None)
    climb = Climb(field, np.random.default_rng(0))
    (start,) = field.coordinates.of(space.sample(1, 0))
    moves = climb._neighbours(start)
    assert len(moves) == 7
    assert ((moves != start).sum(axis=1) == 1).all()


def test_steps_on_a_long_grid_are_of_every_length_and_reach_its_ends() -> None:
    space = Space([Integer("k", 0, 500), Real("x", 0, 1)])
    field = Field(space, peak(0.7, 0.5), None)
    (start,) = field.coordinates.of([{"k": 100, "x": 0.5}])
    reached = {round(500 * float(one[0])) for one in Climb(field, np.random.default_rng(0))._neighbours(start)}
    assert {0, 500, 99, 101, 98, 102, 36, 164, 228} <= reached
    assert 100 not in reached
    (end,) = Climb(field, np.random.default_rng(0)).climbed(start[None])
    assert abs(field.coordinates.point(end)["k"] - 350) <= 2  # steps that gain less than 1e-4 are not taken
