"""Nonlinear constraints in the search and in `Bayes`: optima that are known, and no point outside."""

import itertools
import math
from collections.abc import Callable, Sequence

import numpy as np
import pytest
from numpy.typing import NDArray

from autolab.model.nonlinear import Nonlinear
from autolab.model.objectives import Objective
from autolab.model.parameters import Categorical, Integer, Mixture, Ordinal, Real
from autolab.model.problem import Problem
from autolab.model.space import Space
from autolab.model.trial import Point, Trial
from autolab.planners.bayes import Bayes
from autolab.planners.evidence import gather
from autolab.planners.search import Found, most_worth

Array = NDArray[np.float64]
DISC = Space([Real("a", -1, 1), Real("b", -1, 1)], ["a**2 + b**2 <= 1"])


class Known:
    """A worth that is a function of encoded points."""

    starts = 8

    def __init__(self, value: Callable[[Array], Array], slope: Callable[[Array], Array]) -> None:
        self.values, self._slope = value, slope

    def slopes(self, x: Array) -> tuple[Array, Array]:
        return self.values(x), self._slope(x)

    def add_pending(self, x: Array) -> None:
        """What is pending does not matter here."""


def linear(weights: Sequence[float]) -> Known:
    w = np.array(weights)
    return Known(lambda x: x @ w, lambda x: np.tile(w, (len(x), 1)))


def peak(at: Sequence[float]) -> Known:
    a = np.array(at)
    return Known(lambda x: -((x - a) ** 2).sum(axis=1), lambda x: -2 * (x - a))


def best(space: Space, worth: Known, n: int = 1, tried: Sequence[Point] = (), seed: int = 0) -> list[Found]:
    known = [Trial.completed(point, {"y": 0.0}) for point in tried]
    return most_worth(space, worth, n, gather(Problem(space, Objective("y")), known, []), seed)


def campaign(problem: Problem, f: Callable[[Point], float], n: int, batch: int = 1) -> list[Trial]:
    history: list[Trial] = []
    while len(history) < n:
        for one in Bayes().suggest(problem, history, n=batch, seed=len(history)):
            assert "fallback" not in one.info
            problem.space.check(one)
            history.append(Trial.completed(one.point, {"y": f(one)}))
    return history


# -- the search alone


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("weights", [(1.0, 2.0), (-1.0, 0.3), (0.0, -1.0)])
def test_a_linear_worth_is_greatest_on_the_circle(weights: tuple[float, float], seed: int) -> None:
    ((point, told),) = best(DISC, linear(weights), seed=seed)
    direction = np.array(weights) / np.linalg.norm(weights)
    np.testing.assert_allclose([float(point["a"]), float(point["b"])], direction, atol=0.02)
    # encoded columns are half as long, and begin at -1
    assert told == pytest.approx((np.linalg.norm(weights) + sum(weights)) / 2, abs=1e-4)
    DISC.check(point)


@pytest.mark.parametrize("form", ["formula", "function"])
def test_a_ring_is_kept_from_within_and_without(form: str) -> None:
    inner: str | Nonlinear = "a**2 + b**2 >= 0.81"
    if form == "function":
        inner = Nonlinear(lambda p: float(p["a"]) ** 2 + float(p["b"]) ** 2 - 0.81, text="outside the hole")
    ring = Space([Real("a", -1, 1), Real("b", -1, 1)], ["a**2 + b**2 <= 1", inner])
    ((point, told),) = best(ring, peak([0.5, 0.6]))  # the peak, at (0, 0.2), lies in the hole
    assert told == pytest.approx(-(0.35**2), abs=1e-3)
    assert math.hypot(float(point["a"]), float(point["b"])) == pytest.approx(0.9, abs=1e-3)
    ring.check(point)


@pytest.mark.parametrize("seed", range(3))
def test_a_mixture_with_a_bent_row_is_solved_as_by_trying_all(seed: int) -> None:
    space = Space([Mixture(["a", "b", "c"])], ["a * b <= 0.1", "c <= 0.5"])
    at = np.array([0.6, 0.5, 0.1])
    grid = [(i / 1000, j / 1000) for i in range(1001) for j in range(1001 - i)]
    tried = np.array([(a, b, 1 - a - b) for a, b in grid if a * b <= 0.1 and a + b >= 0.5])
    expected = -((tried - at) ** 2).sum(axis=1).min()
    ((point, told),) = best(space, peak(at.tolist()), seed=seed)
    space.check(point)
    assert told == pytest.approx(expected, abs=2e-3)


@pytest.mark.parametrize("seed", range(3))
def test_a_grid_within_a_bent_border_is_solved_as_by_trying_all(seed: int) -> None:
    space = Space([Integer("k", 1, 9), Ordinal("v", [0.5, 1.0, 3.0]), Real("x", 0, 2)], ["k * v * x <= 3"])
    weights = np.array([0.5, 0.6, 1.0])
    values = []
    for k, v in itertools.product(range(1, 10), [0.5, 1.0, 3.0]):
        point: Point = {"k": k, "v": v, "x": min(2.0, 3 / (k * v))}
        values.append(float(space.encode([point])[0] @ weights))
    ((point, told),) = best(space, linear(weights.tolist()), seed=seed)
    space.check(point)
    assert told == pytest.approx(max(values), abs=1e-3)


def test_a_grid_alone_is_counted_out_and_used_up() -> None:
    space = Space([Integer("i", 0, 30), Integer("j", 0, 30)], ["i**2 + j**2 <= 25"])
    inside: list[Point] = [{"i": i, "j": j} for i in range(31) for j in range(31) if i * i + j * j <= 25]
    worth = linear([1.0, 1.7])
    order = sorted(inside, key=lambda point: -float(worth.values(space.encode([point]))[0]))
    assert [point for point, _ in best(space, worth, 4)] == order[:4]
    assert [point for point, _ in best(space, worth, 2, order[:-2])] == order[-2:]


def test_components_are_chosen_within_a_bent_border() -> None:
    space = Space([Mixture(list("abcd"), at_most=2), Categorical("s", ["p", "q"])], ["(a - 0.5)**2 + d**2 <= 0.3"])
    goal = np.array([0.0, 0.6, 0.0, 0.4, 0.0, 1.0])
    ((point, _),) = best(space, peak(goal.tolist()))
    space.check(point)
    assert {name for name in "abcd" if point[name]} in ({"b", "d"}, {"b", "a"}, {"a", "d"}, {"b", "c"})
    grid = np.linspace(0, 1, 401)
    pairs = itertools.permutations(range(4), 2)
    tried = [np.eye(4)[i] * t + np.eye(4)[j] * (1 - t) for i, j in pairs for t in grid]
    kept = [one for one in tried if (one[0] - 0.5) ** 2 + one[3] ** 2 <= 0.3]
    expected = max(-float(((one - goal[:4]) ** 2).sum()) for one in kept)
    assert -float(((space.encode([point])[0] - goal) ** 2).sum()) == pytest.approx(expected, abs=5e-3)


def test_points_of_a_batch_are_distinct_new_and_inside() -> None:
    space = Space([Real("a", 0, 1), Integer("k", 1, 5), Categorical("c", ["p", "q"])], ["a * k <= 1.5", "a + k >= 1.5"])
    tried = space.sample(6, 0)
    found = best(space, linear([1.0, 1.0, 0.5, 0.2]), 6, tried)
    keys = {space.key(point) for point, _ in found}
    assert len(keys) == 6
    assert keys.isdisjoint(space.key(point) for point in tried)
    for point, _ in found:
        space.check(point)


# -- campaigns


@pytest.mark.slow
def test_the_best_point_of_a_disc_is_found_in_20_trials() -> None:
    history = campaign(Problem(DISC, Objective("y")), lambda p: float(p["a"]) + 2 * float(p["b"]), 20)
    assert max(trial.outcome["y"].value for trial in history) > math.sqrt(5) - 1e-3


@pytest.mark.slow
def test_so_it_is_where_the_constraint_is_a_function_and_batches_are_asked_for() -> None:
    space = Space(
        [Real("a", -1, 1), Real("b", -1, 1)], [Nonlinear(lambda p: 1 - math.hypot(float(p["a"]), float(p["b"])))]
    )
    history = campaign(Problem(space, Objective("y")), lambda p: float(p["a"]) + 2 * float(p["b"]), 20, 4)
    assert max(trial.outcome["y"].value for trial in history) > math.sqrt(5) - 1e-2


@pytest.mark.slow
def test_a_blend_at_a_solubility_limit_is_found() -> None:
    # salt dissolves the less the more oil there is; conductivity grows with salt, but for oil
    space = Space([Mixture(["salt", "oil", "water"])], ["salt <= 0.4 * exp(-3 * oil)"])

    def conductivity(point: Point) -> float:
        return float(point["salt"]) * (1 + 2 * float(point["oil"]))

    grid = np.linspace(0, 1, 2001)
    expected = float(np.max(np.minimum(0.4 * np.exp(-3 * grid), 1 - grid) * (1 + 2 * grid)))
    history = campaign(Problem(space, Objective("y")), conductivity, 18)
    assert max(trial.outcome["y"].value for trial in history) > expected - 5e-3


@pytest.mark.slow
def test_whole_numbers_within_a_bent_border_are_found() -> None:
    space = Space([Integer("k", 1, 20), Real("x", 0, 1), Categorical("c", ["p", "q"])], ["k * x <= 4"])

    def height(point: Point) -> float:
        k, x = float(point["k"]), float(point["x"])
        return 3 * x + 0.1 * k - 0.5 * (point["c"] == "p")

    expected = max(3 * min(1, 4 / k) + 0.1 * k for k in range(1, 21))
    history = campaign(Problem(space, Objective("y")), height, 20)
    assert max(trial.outcome["y"].value for trial in history) > expected - 0.02
