"""Polytopes against closed forms and against an independent solver."""

import itertools
import subprocess
import sys
from typing import Any

import botorch.utils.sampling
import numpy as np
import pytest
import scipy.optimize
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import minimize
from scipy.stats import kstest

from autolab.model.polytope import Polytope

NONE = (np.zeros((0, 2)), np.zeros(0))


def box(k: int) -> tuple[np.ndarray, np.ndarray]:
    return np.vstack([np.eye(k), -np.eye(k)]), np.concatenate([np.ones(k), np.zeros(k)])


def simplex(k: int) -> Polytope:
    polytope = Polytope.of(*box(k), np.ones((1, k)), np.ones(1))
    assert polytope is not None
    return polytope


def test_a_simplex_has_one_direction_less_and_its_center_in_the_middle() -> None:
    polytope = simplex(4)
    assert polytope.dimension == 3
    np.testing.assert_allclose(polytope.center, 0.25)


def test_the_center_is_the_analytic_one() -> None:
    # of a box its middle, however thin; of 0 <= x <= 1 with the upper side told twice: 1/x = 2/(1 - x)
    a, b = box(2)
    b[1] = 1e-4
    flat_box = Polytope.of(a, b, *NONE)
    assert flat_box is not None
    np.testing.assert_allclose(flat_box.center, [0.5, 0.5e-4], rtol=1e-6)
    twice = Polytope.of(np.array([[1.0], [1.0], [-1.0]]), np.array([1.0, 1.0, 0.0]), np.zeros((0, 1)), np.zeros(0))
    assert twice is not None
    np.testing.assert_allclose(twice.center, 1 / 3, rtol=1e-6)


def test_points_of_a_simplex_are_uniform() -> None:
    # uniform on a simplex of k components: each follows Beta(1, k-1), with mean 1/k and variance (k-1)/(k^2 (k+1))
    x = simplex(4).sample(4000, np.random.default_rng(1))
    np.testing.assert_allclose(x.sum(axis=1), 1.0, atol=1e-12)
    assert x.min() >= -1e-15
    np.testing.assert_allclose(x.mean(axis=0), 0.25, atol=0.015)
    np.testing.assert_allclose(x.var(axis=0), 3 / 80, rtol=0.12)
    for component in x.T:
        assert kstest(component, "beta", args=(1, 3)).statistic < 0.05  # 1.6 / sqrt(1000): every fourth is independent


def test_points_of_a_segment_are_uniform_and_independent() -> None:
    # x + y = 1 in the unit square: one step from anywhere forgets where it came from
    x = simplex(2).sample(2000, np.random.default_rng(2))[:, 0]
    assert kstest(x, "uniform").statistic < 1.63 / np.sqrt(2000)  # the 1 % level
    assert abs(np.corrcoef(x[1:], x[:-1])[0, 1]) < 3 / np.sqrt(2000)


def test_few_points_are_all_but_independent() -> None:
    # two points of a simplex, 200 times: their covariance is none, and already the first ones vary as all do
    rng = np.random.default_rng(4)
    pairs = np.array([simplex(4).sample(2, rng) for _ in range(200)]) - 0.25  # 200 x 2 x 4
    assert abs((pairs[:, 0] * pairs[:, 1]).mean()) < 0.3 * 3 / 80
    np.testing.assert_allclose((pairs[:, 0] ** 2).mean(), 3 / 80, rtol=0.2)


def test_the_seed_alone_decides_which_points_and_torch_is_left_as_it_was() -> None:
    first = simplex(3).sample(5, np.random.default_rng(8))
    threads = torch.get_num_threads()
    torch.set_num_threads(2)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(123)
        before = torch.random.get_rng_state()
        again = simplex(3).sample(5, np.random.default_rng(8))
        assert torch.equal(torch.random.get_rng_state(), before)
    assert torch.get_num_threads() == 2
    torch.set_num_threads(threads)
    np.testing.assert_array_equal(first, again)
    assert not np.isclose(first, simplex(3).sample(5, np.random.default_rng(9))).any()


def test_the_walk_is_the_library_s_in_double_precision_on_one_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    seen = []
    walk = botorch.utils.sampling.sample_polytope

    def watched(*args: Any, **kwargs: Any) -> Any:
        seen.append((torch.get_num_threads(), {one.dtype for one in args}))
        return walk(*args, **kwargs)

    monkeypatch.setattr(botorch.utils.sampling, "sample_polytope", watched)
    simplex(3).sample(2, np.random.default_rng(0))
    assert seen == [(1, {torch.float64})]


def test_no_points_are_asked_for() -> None:
    assert simplex(3).sample(0, np.random.default_rng(0)).shape == (0, 3)


NEEDS_TORCH = """
import sys
from autolab.model.errors import EmptySpace
from autolab.model.parameters import Integer, Mixture, Real
from autolab.model.space import Space

def loaded():
    return "torch" in sys.modules

mixture = Space([Mixture(["a", "b", "c"])], ["2*a + b <= 1.1"])
mixture.decode([[0.9, 0.9, 0.1]])
try:
    Space([Mixture(["a", "b", "c"]), Integer("k", 1, 9)], ["a + b + 1.0*k <= 0.9"])
except EmptySpace:
    pass
Space([Real("x", 0, 1), Integer("k", 1, 9)]).sample(3, 0)
Space([Integer("j", 1, 9), Integer("k", 1, 9)], ["j + k <= 7"]).sample(3, 0)
Space([Real("x", 0, 1), Real("y", 0, 1)], ["x + y >= 2"]).sample(1, 0)
print(loaded())
print(len(mixture.sample(3, 0)), loaded())
"""


def test_only_a_constrained_continuous_space_that_is_sampled_loads_torch_and_without_a_warning() -> None:
    done = subprocess.run([sys.executable, "-W", "error", "-c", NEEDS_TORCH], capture_output=True, text=True)
    assert (done.stdout.split(), done.stderr) == (["False", "3", "True"], "")


def test_points_of_a_long_thin_polytope_reach_its_ends() -> None:
    # |x - y| <= 1e-3 in the unit square: x is near to uniform on 0..1
    a, b = box(2)
    thin = Polytope.of(np.vstack([a, [[1, -1], [-1, 1]]]), np.concatenate([b, [1e-3, 1e-3]]), *NONE)
    assert thin is not None
    x = np.sort(thin.sample(2000, np.random.default_rng(0))[:, 0])
    assert np.abs(x - (np.arange(2000) + 0.5) / 2000).max() < 0.05  # Kolmogorov-Smirnov distance


@pytest.mark.parametrize(
    ("rows", "bounds", "expected"),
    [
        ([[1, 1]], [0.0], 0),  # x + y <= 0: the origin alone
        ([[1, 1], [-1, -1]], [1.0, -1.0], 1),  # an equality in two halves
        ([[1, 0]], [0.0], 1),  # x fixed at its lower bound
        ([[1, 1]], [1.0], 2),
    ],
)
def test_flat_polytopes_are_found_flat(rows: list[list[float]], bounds: list[float], expected: int) -> None:
    a, b = box(2)
    polytope = Polytope.of(np.vstack([a, rows]), np.concatenate([b, bounds]), *NONE)
    assert polytope is not None
    assert polytope.dimension == expected
    x = polytope.sample(20, np.random.default_rng(0))
    assert (x @ np.array(rows).T <= np.array(bounds) + 1e-12).all()


@pytest.mark.parametrize("exponent", range(2, 15))
def test_slivers_are_met_exactly_whether_they_count_as_flat_or_not(exponent: int) -> None:
    # a strip and a triangle that shrink to a segment and to a point: somewhere below 1e-5 they count as such
    width = 10.0**-exponent
    a, b = box(3)
    strip = np.vstack([a, [[1, 1, 1], [-1, -1, -1]]]), np.concatenate([b, [1 + width / 3, -1 + 2 * width / 3]])
    triangle = np.vstack([a, [[1, 2, 3]]]), np.concatenate([b, [width]])
    for rows, bounds in (strip, triangle):
        polytope = Polytope.of(rows, bounds, np.zeros((0, 3)), np.zeros(0))
        assert polytope is not None
        found = np.vstack(
            [polytope.sample(5, np.random.default_rng(0)), [polytope.project(np.array([2.0, 0.3, -1.0]))]]
        )
        assert (found @ rows.T - bounds).max() < 1e-9


def test_a_flat_polytope_within_an_equality_is_a_point_to_the_last_digits() -> None:
    # a + b + c = 1 with a <= 0.2, b <= 0.3, c <= 0.5: equality everywhere
    a, b = box(3)
    b[:3] = [0.2, 0.3, 0.5]
    point = Polytope.of(a, b, np.ones((1, 3)), np.ones(1))
    assert point is not None
    assert point.dimension == 0
    np.testing.assert_allclose(point.sample(2, np.random.default_rng(0)), [[0.2, 0.3, 0.5]] * 2, atol=1e-12)


def test_a_solver_that_is_stuck_is_not_taken_for_a_contradiction(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[float] = []
    solve = scipy.optimize.linprog

    def stuck_at_first(*args: Any, options: dict[str, float], **kwargs: Any) -> Any:
        asked.append(options["primal_feasibility_tolerance"])
        found = solve(*args, options=options, **kwargs)
        if len(asked) == 1:
            found.x, found.status = None, 4
        return found

    monkeypatch.setattr(scipy.optimize, "linprog", stuck_at_first)
    assert simplex(3).dimension == 2
    assert asked == [1e-10, 1e-9]


def test_a_contradiction_is_no_polytope() -> None:
    a, b = box(2)
    assert Polytope.of(np.vstack([a, [[1, 1]]]), np.concatenate([b, [-1e-6]]), *NONE) is None
    assert Polytope.of(a, b, np.ones((1, 2)), np.array([2.1])) is None


def test_projection_onto_a_simplex_is_the_closed_form() -> None:
    # Duchi et al. 2008: subtract one number from all and clip at 0
    rng = np.random.default_rng(3)
    for target in rng.standard_normal((50, 5)):
        ordered = np.sort(target)[::-1]
        cumulated = (np.cumsum(ordered) - 1) / np.arange(1, 6)
        theta = cumulated[ordered > cumulated][-1]
        np.testing.assert_allclose(simplex(5).project(target), np.maximum(target - theta, 0), atol=1e-9)


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 10**6))
def test_projection_agrees_with_a_general_solver_and_is_inside(seed: int) -> None:
    rng = np.random.default_rng(seed)
    a, b = box(3)
    rows = rng.standard_normal((2, 3))
    bounds = rows @ rng.random(3) + 0.05
    polytope = Polytope.of(np.vstack([a, rows]), np.concatenate([b, bounds]), np.zeros((0, 3)), np.zeros(0))
    assert polytope is not None
    target = 2 * rng.random(3) - 0.5
    found = polytope.project(target)
    assert (rows @ found <= bounds + 1e-12).all()
    assert found.min() >= -1e-12
    assert found.max() <= 1 + 1e-12
    reference = minimize(
        lambda x: ((x - target) ** 2).sum(),
        polytope.center,
        bounds=[(0, 1)] * 3,
        constraints={"type": "ineq", "fun": lambda x: bounds - rows @ x},
        method="SLSQP",
        options={"ftol": 1e-12, "maxiter": 500},
    )
    assert ((found - target) ** 2).sum() <= reference.fun + 1e-6


def test_a_point_inside_is_its_own_projection() -> None:
    for x in simplex(4).sample(10, np.random.default_rng(0)):
        np.testing.assert_allclose(simplex(4).project(x), x, atol=1e-14)


def test_sampling_a_box_by_walking_is_uniform() -> None:
    a, b = box(2)
    square = Polytope.of(a, b, *NONE)
    assert square is not None
    x = square.sample(8000, np.random.default_rng(5))
    cells = np.histogram2d(x[:, 0], x[:, 1], bins=4, range=[[0, 1], [0, 1]])[0]
    # 5 standard deviations of 500 in 8000, every second of which is independent
    assert all(abs(cells[i, j] - 500) < 150 for i, j in itertools.product(range(4), repeat=2))
