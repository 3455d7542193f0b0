import itertools

import numpy as np
import pytest

from autolab.model.parameters import Integer, Mixture, Ordinal, Real
from autolab.model.space import Space


def coupling_of(space: Space):  # type: ignore[no-untyped-def]  # noqa: ANN201  the test's own shorthand
    assert space.coupling is not None
    return space.coupling


def test_assignments_are_exactly_those_that_brute_force_finds() -> None:
    space = Space([Integer("a", 0, 4), Ordinal("v", [1, 2, 5]), Real("x", 0, 1)], ["a + v + 2*x <= 4", "a >= 2*x + 1"])
    coupling = coupling_of(space)
    found = {
        (coupling.decisions[0].options[i] * 4, [1, 2, 5][j]) for i, j in coupling.assignments(np.random.default_rng(0))
    }
    expected = {
        (a, v)
        for a, v in itertools.product(range(5), [1, 2, 5])
        if a + v <= 4 and a >= 1  # x = 0 serves best for both
    }
    assert found == expected


def test_supports_of_a_mixture_are_exactly_those_that_can_reach_the_total() -> None:
    bounds = {"a": (0.1, 0.5), "b": (0.1, 0.5), "c": (0.1, 0.3), "d": (0.6, 0.7)}
    coupling = coupling_of(Space([Mixture(list("abcd"), bounds=bounds, at_most=2)]))
    found = {
        "".join(n for n, i in zip("abcd", chosen, strict=True) if i)
        for chosen in coupling.assignments(np.random.default_rng(0))
    }
    assert found == {"ab", "ad", "bd", "cd"}


def test_a_drawn_assignment_is_possible_and_all_come_up() -> None:
    coupling = coupling_of(Space([Mixture(list("abc"), at_most=2)]))
    rng = np.random.default_rng(0)
    drawn = {coupling.draw(rng) for _ in range(200)}
    assert drawn == {(1, 0, 0), (0, 1, 0), (0, 0, 1), (1, 1, 0), (1, 0, 1), (0, 1, 1)}


def test_an_impossible_partial_choice_is_known_as_such() -> None:
    coupling = coupling_of(Space([Integer("a", 0, 3), Integer("b", 0, 3)], ["2*a + 4*b == 6"]))
    assert coupling.possible((-1, -1))
    assert coupling.possible((1, -1))
    assert not coupling.possible((0, -1))  # 4 b = 6 has no whole solution
    assert not coupling.possible((2, -1))
    assert coupling.possible((3, 0))


def test_the_rows_hold_for_every_sampled_point() -> None:
    space = Space([Real("x", -5, 5), Real("y", 1, 100, log=True)], ["x + 0.1*y <= 3", "x >= -2"])
    coupling = coupling_of(space)
    weights, low, high = coupling.rows
    np.testing.assert_allclose(np.linalg.norm(weights, axis=1), 1.0)
    u = coupling.sample(100, np.random.default_rng(0))
    assert ((u @ weights.T >= low - 1e-12) & (u @ weights.T <= high + 1e-12)).all()


@pytest.mark.parametrize("target", [[0.1, 0.9], [2.0, -1.0], [0.5, 0.5]])
def test_the_nearest_point_is_no_farther_than_any_sampled_one(target: list[float]) -> None:
    coupling = coupling_of(Space([Real("x", 0, 1), Real("y", 0, 1)], ["x + 2*y <= 1.2"]))
    nearest = ((coupling.nearest(np.array(target)) - target) ** 2).sum()
    others = ((coupling.sample(500, np.random.default_rng(0)) - target) ** 2).sum(axis=1)
    assert nearest <= others.min() + 1e-12
