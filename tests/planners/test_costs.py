"""Changes that cost: they become rare, the optimum is found all the same, and each suggestion tells its price."""

import functools
import itertools
import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from autolab.model.candidates import Candidates
from autolab.model.cost import Cost
from autolab.model.errors import InputError
from autolab.model.objectives import Objective
from autolab.model.parameters import Categorical, Integer, Mixture, Real
from autolab.model.problem import Problem
from autolab.model.space import Space
from autolab.model.trial import Point, Trial
from autolab.planners.bayes import Bayes
from autolab.planners.evidence import gather
from autolab.planners.field import Toll
from autolab.planners.search import most_worth

Array = NDArray[np.float64]
PLANE = Space([Real("T", 20, 120), Real("rate", 0, 1)])
DEAR = Cost(base=1.0, change={"T": 20.0}, unit="min")


class Slope:
    """A worth of which the logarithm is linear in the encoded columns."""

    starts = 8

    def __init__(self, *weights: float) -> None:
        self._weights = np.array(weights)

    def values(self, x: Array) -> Array:
        return np.asarray(x @ self._weights)

    def slopes(self, x: Array) -> tuple[Array, Array]:
        return self.values(x), np.tile(self._weights, (len(x), 1))

    def add_pending(self, x: Array) -> None:
        """What is pending does not matter here."""


def best(space: Space | Candidates, worth: Slope, cost: Cost, previous: Point | None, n: int = 1) -> list[Point]:
    evidence = gather(Problem(space, Objective("y")), [], [])
    return [point for point, _ in most_worth(space, worth, n, evidence, 0, Toll(cost.over(space), previous))]


# -- the search


def test_what_is_gained_must_pay_for_the_change() -> None:
    # the worth of T doubles over its range, but going there costs 21 times as much
    ((here),) = best(PLANE, Slope(math.log(2), 0.1), DEAR, {"T": 45.0, "rate": 0.3})
    assert here == {"T": pytest.approx(45.0, abs=0.5), "rate": pytest.approx(1.0, abs=1e-3)}
    ((there),) = best(PLANE, Slope(math.log(1000), 0.1), DEAR, {"T": 45.0, "rate": 0.3})
    assert there == {"T": pytest.approx(120.0, abs=0.1), "rate": pytest.approx(1.0, abs=1e-3)}


def test_the_first_trial_costs_the_same_everywhere() -> None:
    ((first),) = best(PLANE, Slope(0.1, 0.1), DEAR, None)
    assert first == {"T": pytest.approx(120.0, abs=0.1), "rate": pytest.approx(1.0, abs=1e-3)}


def test_the_second_point_of_a_batch_costs_from_the_first_on() -> None:
    labels = Space([Categorical("s", ["u", "v", "w"]), Integer("k", 0, 9)])
    cost = Cost(change={"s": 100.0})
    points = best(labels, Slope(0.0, 0.5, 1.0, 0.5), cost, {"s": "u", "k": 0}, 12)
    assert [point["s"] for point in points[:10]] == ["u"] * 10  # e is not worth 101
    assert points[10]["s"] == points[11]["s"] == "w"
    table = Candidates({"s": ["u", "v", "w"] * 10, "k": [i // 3 for i in range(30)]})
    ((first), *rest) = best(table, Slope(0.0, 0.5, 1.0, 0.5), cost, {"s": "v", "k": 0}, 11)
    assert {one["s"] for one in (first, *rest[:9])} == {"v"}
    assert rest[9]["s"] == "w"


def test_a_dear_setting_is_left_alone_within_constraints() -> None:
    space = Space([Mixture(["a", "b", "c"]), Real("T", 20, 120)], ["T + 50*a <= 130", "a * b <= 0.2"])
    previous: Point = {"a": 0.2, "b": 0.2, "c": 0.6, "T": 77.0}
    ((found),) = best(space, Slope(0.1, 0.3, 0.0, 0.5), DEAR, previous)
    space.check(found)
    assert found["T"] == pytest.approx(77.0, abs=0.5)
    assert found["b"] == pytest.approx(1.0, abs=0.01)


@pytest.mark.parametrize("change", [{"T": 20.0}, {"s": 3.0}, {"a": 5.0, "T": 1.0}])
def test_any_key_may_be_dear_and_a_key_that_the_point_before_lacks_counts_as_changed(change: dict[str, float]) -> None:
    space = Space([Real("T", 20, 120), Categorical("s", ["u", "v"]), Mixture(["a", "b"])])
    for previous in (None, space.sample(1, 0)[0], {"other": 1.0}):
        ((found),) = best(space, Slope(0.1, 0.2, 0.0, 0.4, 0.0), Cost(change=change), previous)
        space.check(found)


# -- campaigns


@functools.cache
def campaign(dear: bool, number: int = 0, n: int = 18) -> tuple[tuple[Trial, ...], tuple[dict[str, Any], ...]]:
    """Return trials, one at a time, of a hill at 71 and 0.3, and what was told of each."""
    problem = Problem(PLANE, Objective("y"), cost=DEAR if dear else None)
    history: list[Trial] = []
    told = []
    for step in range(n):
        (one,) = Bayes().suggest(problem, history, n=1, seed=100 * number + step)
        hill = math.exp(-(((float(one["T"]) - 71) / 40) ** 2) - (float(one["rate"]) - 0.3) ** 2 / 0.1)
        told.append(dict(one.info))
        history.append(Trial.completed(one.point, {"y": hill}))
    return tuple(history), tuple(told)


def moved(history: Sequence[Trial]) -> float:
    """Return by how many degrees a campaign changed the temperature in all."""
    return float(np.abs(np.diff([float(trial.point["T"]) for trial in history])).sum())


@pytest.mark.slow
def test_dear_changes_become_small_and_the_optimum_is_found() -> None:
    cheap, dear = ([campaign(kind, number)[0] for number in range(4)] for kind in (False, True))
    assert sum(moved(one[3:]) for one in dear) < 0.85 * sum(moved(one[3:]) for one in cheap)
    for history in (*cheap, *dear):
        assert max(trial.outcome["y"].value for trial in history) > 0.99


@pytest.mark.slow
def test_each_suggestion_tells_what_it_costs_after_the_one_before() -> None:
    history, told = campaign(True)
    cost = Problem(PLANE, Objective("y"), cost=DEAR).cost
    assert cost is not None
    before: Point | None = None
    for trial, info in zip(history, told, strict=True):
        assert info["cost"] == pytest.approx(float(cost.of([trial.point], before)[0]))
        before = trial.point
    assert all("cost" not in info for info in campaign(False)[1])


@pytest.mark.slow
def test_labels_that_are_dear_are_changed_rarely() -> None:
    space = Space([Categorical("s", ["u", "v", "w"]), Real("x", 0, 1)])
    heights = {"u": 0.0, "v": 1.0, "w": 0.4}

    def changes(cost: Cost | None) -> tuple[int, float]:
        history: list[Trial] = []
        for step in range(14):
            (one,) = Bayes().suggest(Problem(space, Objective("y"), cost=cost), history, n=1, seed=step)
            y = heights[str(one["s"])] - 2 * (float(one["x"]) - 0.6) ** 2
            history.append(Trial.completed(one.point, {"y": y}))
        labels = [trial.point["s"] for trial in history]
        return sum(a != b for a, b in itertools.pairwise(labels[3:])), max(
            trial.outcome["y"].value for trial in history
        )

    dear, reached = changes(Cost(change={"s": 30.0}))
    cheap, _ = changes(None)
    assert dear <= cheap
    assert dear <= 3
    assert reached > 0.95


@pytest.mark.slow
def test_the_points_of_a_batch_come_in_an_order_that_costs_little() -> None:
    problem = Problem(PLANE, Objective("y"), cost=DEAR)
    history = list(campaign(False, n=6)[0])
    found = Bayes().suggest(problem, history, n=5, seed=1)
    assert problem.cost is not None
    befores = [history[-1].point, *(one.point for one in found)]
    for one, before in zip(found, befores, strict=False):
        assert one.info["cost"] == pytest.approx(float(problem.cost.of([one], before)[0]))
    assert problem.cost.order(found, history[-1].point) == list(range(5))


def test_a_function_that_cannot_tell_is_no_trouble_with_numbers() -> None:
    def broken(point: Point, before: Point | None) -> float:
        raise KeyError("T")

    problem = Problem(PLANE, Objective("y"), cost=Cost(broken))
    history = [Trial.completed(p, {"y": float(i)}) for i, p in enumerate(PLANE.sample(5, 0))]
    with pytest.raises(InputError, match="cannot be told: KeyError"):
        Bayes().suggest(problem, history, n=1, seed=0)
