"""Factorial, screening, response-surface and simplex designs against what is published and what defines them."""

import itertools
import math

import numpy as np
import pytest
from numpy.typing import NDArray
from pyDOE3 import bbdesign

from autolab.model.objectives import Objective
from autolab.model.parameters import Categorical, Integer, Mixture, Ordinal, Real
from autolab.model.problem import Problem
from autolab.model.space import Space
from autolab.model.suggestion import Suggestion
from autolab.planners.factorial import Factorial, PlackettBurman, screening
from autolab.planners.generators import fraction
from autolab.planners.response_surface import BoxBehnken, CentralComposite, composite, edges
from autolab.planners.simplex import SimplexCentroid, SimplexLattice, centroids, lattice

Array = NDArray[np.float64]


def cube(k: int, *, constraints: tuple[str, ...] = ()) -> Problem:
    return Problem(Space([Real(f"x{i}", -1, 1) for i in range(k)], constraints), [Objective("y")])


def coded(points: list[Suggestion]) -> Array:
    return np.array([[float(x) for x in point.point.values()] for point in points])


# -- factorial


def resolution(design: Array) -> int:
    """Return the length of the shortest product of columns that is constant, by trying all."""
    k = int(design.shape[1])
    for size in range(1, k + 1):
        for columns in itertools.combinations(range(k), size):
            if abs(design[:, columns].prod(axis=1).sum()) == len(design):
                return int(size)
    return k + 1


@pytest.mark.parametrize(
    ("k", "wanted", "runs"),  # Montgomery, Design and Analysis of Experiments, table 8.14
    [
        (3, 3, 4),
        (5, 3, 8),
        (7, 3, 8),
        (9, 3, 16),
        (15, 3, 16),
        (4, 4, 8),
        (6, 4, 16),
        (8, 4, 16),
        (9, 4, 32),
        (16, 4, 32),
        (26, 4, 64),
        (5, 5, 16),
        (6, 5, 32),
        (7, 5, 64),
        (8, 5, 64),
        (9, 5, 128),
        (10, 5, 128),
        (3, 5, 8),
        (2, 3, 4),
        (1, 3, 2),
    ],
)
def test_fractions_have_the_published_size_and_the_resolution(k: int, wanted: int, runs: int) -> None:
    design = fraction(k, wanted, "factorial")
    assert design.shape == (runs, k)
    assert set(np.unique(design)) == {-1.0, 1.0}
    assert len(np.unique(design, axis=0)) == runs
    assert np.array_equal(design.T @ design, runs * np.eye(k))
    if k <= 10:
        assert resolution(design) >= min(wanted, k + 1)


def test_a_full_factorial_has_every_combination_of_levels() -> None:
    space = Space(
        [
            Real("rate", 0.01, 1.0, log=True),
            Integer("k", 1, 2),
            Ordinal("v", [1, 2, 5, 9]),
            Categorical("c", ["p", "q", "r"]),
        ]
    )
    problem = Problem(space, [Objective("y")])
    found = Factorial(levels=3).suggest(problem, [], n=54, seed=1)
    rates = sorted({float(one["rate"]) for one in found})
    assert rates == pytest.approx([0.01, 0.1, 1.0])
    combinations = {(one["k"], one["v"], one["c"]) for one in found}
    assert combinations == set(itertools.product([1, 2], [1, 5, 9], ["p", "q", "r"]))
    assert len(Factorial({"v": 4}).suggest(problem, [], n=48, seed=1)) == 48


def test_combinations_that_violate_a_constraint_are_left_out() -> None:
    found = coded(Factorial(3).suggest(cube(2, constraints=("x0 + x1 <= 0",)), [], n=6, seed=1))
    wanted = [(a, b) for a in (-1, 0, 1) for b in (-1, 0, 1) if a + b <= 0]
    assert sorted(map(tuple, found)) == wanted


def test_a_fraction_over_a_space_has_the_ends_of_each_axis() -> None:
    space = Space([Categorical("c", ["p", "q"]), Real("rate", 0.1, 10, log=True), Integer("k", 3, 9)])
    found = Factorial(resolution=3).suggest(Problem(space, [Objective("y")]), [], n=4, seed=1)
    assert {one["c"] for one in found} == {"p", "q"}
    assert {one["rate"] for one in found} == {0.1, 10.0}
    assert {one["k"] for one in found} == {3, 9}


# -- screening


@pytest.mark.parametrize("k", [2, 3, 4, 7, 8, 11, 12, 19, 23, 24, 25, 27, 28, 35, 47])
def test_screening_designs_are_orthogonal_and_of_the_next_size(k: int) -> None:
    design = screening(k)
    runs = 4 * (k // 4 + 1)
    lacking = {28: 32, 36: 40}
    assert design.shape == (lacking.get(runs, runs), k)
    assert np.array_equal(design.T @ design, len(design) * np.eye(k))
    assert np.array_equal(design.sum(axis=0), np.zeros(k))


def test_the_twelve_runs_are_those_of_plackett_and_burman() -> None:
    first = [1, 1, -1, 1, 1, 1, -1, -1, -1, 1, -1]  # their row, shifted round, and a row of -1
    rows = [tuple(np.roll(first, i)) for i in range(11)] + [(-1,) * 11]
    theirs, ours = np.array(rows), screening(11)
    # equal up to the order of rows, columns and signs: what defines it is that any two columns meet equally often
    for design in (theirs, ours):
        for a, b in itertools.combinations(design.T, 2):
            assert [int(((a == s) & (b == t)).sum()) for s in (-1, 1) for t in (-1, 1)] == [3, 3, 3, 3]
    found = coded(PlackettBurman().suggest(cube(11), [], n=12, seed=1))
    assert sorted(map(tuple, found)) == sorted(map(tuple, ours))


# -- response surfaces


@pytest.mark.parametrize("k", [2, 3, 4, 5])
def test_an_inscribed_composite_is_rotatable_and_within_the_box(k: int) -> None:
    design = composite(k, inscribed=True, part=False)
    assert len(design) == 2**k + 2 * k + 1
    assert np.abs(design).max() == 1.0
    fourth, mixed = (design[:, 0] ** 4).sum(), (design[:, 0] ** 2 * design[:, 1] ** 2).sum()
    assert fourth == pytest.approx(3 * mixed)  # Box, Hunter 1957


@pytest.mark.parametrize(("k", "corners"), [(5, 16), (6, 32), (8, 64)])
def test_a_composite_of_a_fraction_still_settles_a_quadratic(k: int, corners: int) -> None:
    design = composite(k, inscribed=False, part=True)
    assert len(design) == corners + 2 * k + 1
    pairs = list(itertools.combinations(range(k), 2))
    terms = [np.ones(len(design)), *design.T, *(design.T**2), *(design[:, a] * design[:, b] for a, b in pairs)]
    assert np.linalg.matrix_rank(np.stack(terms, axis=1)) == 1 + 2 * k + len(pairs)


def test_a_faced_composite_of_two_factors_is_the_grid_of_three_levels() -> None:
    found = coded(CentralComposite().suggest(cube(2), [], n=9, seed=1))
    assert sorted(map(tuple, found)) == list(itertools.product((-1.0, 0.0, 1.0), repeat=2))


@pytest.mark.parametrize(("k", "runs"), [(3, 12), (4, 24), (5, 40), (6, 48), (7, 56)])  # Box, Behnken 1960
def test_box_behnken_designs_have_the_published_runs(k: int, runs: int) -> None:
    design = edges(k)
    assert len(np.unique(design, axis=0)) == len(design) == runs + 1
    assert set(np.unique(design)) == {-1.0, 0.0, 1.0}
    assert np.array_equal(design.T @ design, (design**2).sum(axis=0) * np.eye(k))
    assert len(set((design**2).sum(axis=0))) == 1  # each factor is at its ends equally often
    if k < 6:
        assert sorted(map(tuple, design)) == sorted(map(tuple, bbdesign(k, center=1)))
    else:
        assert set(np.abs(design).sum(axis=1)) == {0.0, 3.0}


def test_box_behnken_never_has_all_factors_at_their_ends() -> None:
    found = coded(BoxBehnken().suggest(cube(4), [], n=25, seed=1))
    assert np.abs(found).sum(axis=1).max() == 2


# -- mixtures


@pytest.mark.parametrize(("q", "degree"), [(2, 1), (3, 2), (3, 3), (4, 2), (6, 4)])
def test_a_lattice_has_every_blend_of_its_steps(q: int, degree: int) -> None:
    steps = itertools.product(range(degree + 1), repeat=q)
    wanted = sorted(tuple(i / degree for i in one) for one in steps if sum(one) == degree)
    assert sorted(lattice(q, degree)) == wanted
    assert len(wanted) == math.comb(q + degree - 1, degree)


@pytest.mark.parametrize("q", [2, 3, 5])
def test_centroids_are_one_a_subset(q: int) -> None:
    found = list(centroids(q, q))
    assert len(found) == len(set(found)) == 2**q - 1
    assert all(sum(one) == pytest.approx(1) and len({x for x in one if x}) == 1 for one in found)


def test_lower_bounds_shrink_the_simplex() -> None:
    space = Space([Mixture(["a", "b", "c"], total=2.0, bounds={"a": (0.2, 2), "b": (0.8, 2)})])
    found = coded(SimplexLattice(1).suggest(Problem(space, [Objective("y")]), [], n=3, seed=1))
    assert np.array(sorted(map(tuple, found))) == pytest.approx(
        np.array([[0.2, 0.8, 1.0], [0.2, 1.8, 0.0], [1.2, 0.8, 0.0]])
    )


def test_at_most_leaves_larger_blends_out() -> None:
    problem = Problem(Space([Mixture(list("abcd"), at_most=2)]), [Objective("y")])
    found = coded(SimplexCentroid().suggest(problem, [], n=10, seed=1))
    assert (found > 0).sum(axis=1).max() == 2
    assert len(SimplexLattice(3).suggest(problem, [], n=4 + 2 * 6, seed=1)) == 16


def test_mixtures_are_crossed_with_each_other_and_with_what_stands_beside_them() -> None:
    space = Space(
        [
            Mixture(["a", "b"]),
            Real("T", 20, 60),
            Mixture(["u", "v"], total=3.0),
            Categorical("c", ["p", "q", "r"]),
            Integer("k", 1, 9),
        ]
    )
    runs = 3 * 3 * 2 * 3 * 2
    found = SimplexLattice(2).suggest(Problem(space, [Objective("y")]), [], n=runs, seed=1)
    assert {one["T"] for one in found} == {20.0, 60.0}
    assert {(one["u"], one["v"]) for one in found} == {(0.0, 3.0), (1.5, 1.5), (3.0, 0.0)}
    assert {(one["c"], one["k"]) for one in found} == set(itertools.product("pqr", [1, 9]))
