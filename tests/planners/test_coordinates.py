"""Search coordinates: there and back, linear constraints, and derivatives against differences."""

import math
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from autolab.model.parameters import Categorical, Integer, Mixture, Ordinal, Real
from autolab.model.space import Space
from autolab.planners.coordinates import Coordinates

Array = NDArray[np.float64]

OF_ALL_KINDS = Space(
    [
        Mixture(["a", "b", "s"], at_most=2, bounds={"s": (0.2, 0.8)}),
        Real("T", 20, 50, log=True),
        Real("rate", 0.01, 10, log=True),
        Integer("k", 0, 9),
        Categorical("c", ["p", "q"], {"p": {"u": 1, "v": 5}, "q": {"u": 2, "v": 3}}),
        Categorical("d", ["p", "q", "r"]),
    ],
    ["T + 10*a + k <= 55"],
)
CHOICES = Space([Categorical("c", ["p", "q", "r"]), Integer("k", -2, 3), Ordinal("d", [0.1, 0.5, 7.0])])


def test_search_coordinates_go_round_and_encode_as_the_space_does() -> None:
    coordinates, points = Coordinates(OF_ALL_KINDS), OF_ALL_KINDS.sample(30, 0)
    s = coordinates.of(points)
    assert s.shape == (30, 8)
    np.testing.assert_allclose(coordinates.encode(s), OF_ALL_KINDS.encode(points), atol=1e-12)
    for point, one in zip(points, s, strict=True):
        assert OF_ALL_KINDS.key(OF_ALL_KINDS.snap(coordinates.point(one))) == OF_ALL_KINDS.key(point)
        lower, upper = coordinates.bounds(one)
        assert ((one >= lower - 1e-12) & (one <= upper + 1e-12)).all()
    assert coordinates.of([]).shape == (0, 8)


def test_points_of_the_space_keep_the_constraints_of_what_is_free() -> None:
    coordinates = Coordinates(OF_ALL_KINDS)
    for s in coordinates.of(OF_ALL_KINDS.sample(30, 1)):
        free = np.flatnonzero(~coordinates.held(s))
        a, least, b, equal = coordinates.constraints(s, free)
        assert a.shape == (len(least), len(free))
        assert b.shape == (len(equal), len(free)) == (1, len(free))  # the mixture's sum
        assert (a @ s[free] >= least - 1e-9).all()
        np.testing.assert_allclose(b @ s[free], equal, atol=1e-9)


def test_constraints_are_those_of_the_space_also_on_a_logarithmic_axis() -> None:
    space = Space([Real("T", 20, 50, log=True), Real("x", 0, 1)], ["T + 40*x <= 70"])
    coordinates = Coordinates(space)
    (s,) = coordinates.of([{"T": 30.0, "x": 0.5}])
    a, least, _, _ = coordinates.constraints(s, np.arange(2))
    for u in np.random.default_rng(0).random((50, 2)):
        temperature, x = 20 + 30 * u[0], u[1]  # linear where it is constrained
        assert coordinates.point(u) == pytest.approx({"T": temperature, "x": x})
        assert (a @ u >= least).all() == (temperature + 40 * x <= 70)


def test_an_equality_that_says_nothing_new_is_left_out() -> None:
    space = Space([Real("x", 0, 1), Real("y", 0, 1), Real("z", 0, 1)], ["x + y == 1", "2*x + 2*y == 2", "y - z == 0"])
    coordinates = Coordinates(space)
    (s,) = coordinates.of(space.sample(1, 0))
    a, least, b, equal = coordinates.constraints(s, np.arange(3))
    assert (a.shape, least.shape, b.shape, equal.shape) == ((0, 3), (0,), (2, 3), (2,))


def test_what_is_held_is_left_out_of_the_constraints_with_its_share() -> None:
    space = Space([Integer("k", 0, 10), Real("x", 0, 1), Real("free", 0, 1)], ["k + 4*x <= 8"])
    coordinates = Coordinates(space)
    (s,) = coordinates.of([{"k": 6, "x": 0.2, "free": 0.9}])
    assert list(coordinates.held(s)) == [True, False, False]
    a, least, _, _ = coordinates.constraints(s, np.array([1, 2]))
    assert ((a @ np.array([0.5 - 1e-9, 0.0])) >= least).all()
    assert not ((a @ np.array([0.5 + 1e-6, 0.0])) >= least).all()


# -- derivatives


@pytest.mark.parametrize("space", [OF_ALL_KINDS, Space([Real("r", 0.01, 10, log=True), Real("x", -3, 4)])], ids=str)
def test_derivatives_are_those_of_differences(space: Space) -> None:
    coordinates = Coordinates(space)
    s = coordinates.of(space.sample(12, 3))
    gradient = np.random.default_rng(0).standard_normal((12, len(space.columns)))
    ours = coordinates.pulled(s, gradient)
    for i, axis in enumerate(space.axes):
        if isinstance(axis, Categorical):
            assert (ours[:, i] == 0).all()
            continue
        step = 1e-6 * np.eye(len(space.axes))[i]
        up, down = coordinates.encode(s + step), coordinates.encode(s - step)
        inside = s[:, i] > 1e-5  # encoded values end at 0
        expected = ((up - down) * gradient).sum(axis=1) / 2e-6
        np.testing.assert_allclose(ours[inside, i], expected[inside], rtol=1e-6, atol=1e-9)


def test_a_logarithmic_axis_bends_only_where_it_is_constrained() -> None:
    free, tied = (Coordinates(Space([Real("T", 1, 100, log=True)], limits)) for limits in ([], ["T <= 80"]))
    s = np.array([[0.0], [0.2], [1.0]])
    np.testing.assert_array_equal(free.encode(s), s)
    np.testing.assert_allclose(tied.encode(s)[:, 0], np.log([1.0, 20.8, 100.0]) / math.log(100))
    np.testing.assert_array_equal(free.pulled(s, np.ones((3, 1))), np.ones((3, 1)))
    np.testing.assert_allclose(tied.pulled(s, np.ones((3, 1)))[:, 0], 99 / np.array([1.0, 20.8, 100.0]) / math.log(100))


# -- choices


def test_all_combinations_are_written_down_only_where_they_are_few() -> None:
    coordinates = Coordinates(CHOICES)
    every = coordinates.combinations(54)
    assert every is not None
    points = [CHOICES.snap(coordinates.point(s)) for s in every]
    assert len({CHOICES.key(point) for point in points}) == len(points) == 3 * 6 * 3
    assert coordinates.combinations(53) is None
    assert Coordinates(Space([Integer("k", 0, 3), Real("x", 0, 1)])).combinations(1000) is None
    assert Coordinates(Space([Integer("k", 0, 3), Integer("j", 0, 3)], ["k + j <= 4"])).combinations(1000) is None
    vast = Coordinates(Space([Integer(f"k{i}", 0, 99) for i in range(6)]))
    assert vast.combinations(20_000) is None


@pytest.mark.parametrize("size", [0.02, 0.1, 3.0])
def test_points_at_random_and_near_others_are_choices_and_inside(size: float) -> None:
    space = Space([*CHOICES.parameters, Real("x", 0, 1), Real("r", 1, 10, log=True)])
    coordinates, rng = Coordinates(space), np.random.default_rng(0)
    spread = coordinates.cloud(400, rng)
    near = coordinates.shaken(np.repeat(spread[:4], 100, axis=0), size, rng)
    for cloud in (spread, near):
        assert ((cloud[:, 3:] >= 0) & (cloud[:, 3:] <= 1)).all()
        for i, levels in enumerate(coordinates.levels[:3]):
            assert levels is not None
            assert set(cloud[:, i]) <= set(levels)
            assert set(spread[:, i]) == set(levels)
            assert (near[:, i] != np.repeat(spread[:4, i], 100)).any()
    if size < 1:
        assert np.abs(near[:, 3:] - np.repeat(spread[:4, 3:], 100, axis=0)).max() < 6 * size


def test_what_is_held_and_the_bounds_depend_on_what_is_present() -> None:
    space = Space([Mixture(["a", "b", "w"], at_most=2, bounds={"a": (0.1, 0.9), "w": (0.3, 0.3)}), Integer("k", 0, 3)])
    coordinates = Coordinates(space)
    points: list[Any] = [{"a": 0.5, "b": 0.2, "w": 0.3, "k": 1}, {"a": 0.0, "b": 0.7, "w": 0.3, "k": 1}]
    with_a, without = coordinates.of(points)
    assert list(coordinates.held(with_a)) == [False, False, False, True]
    assert list(coordinates.held(without)) == [True, False, False, True]
    lower, upper = coordinates.bounds(with_a)
    assert lower == pytest.approx([1 / 9, 0, 1, 0])  # w is there or is not, and cannot vary
    assert upper == pytest.approx([1, 1, 1, 1])
    assert coordinates.bounds(without)[0][0] == 0.0
    assert (coordinates.bounds(with_a)[0] <= with_a).all()
