"""What results say: against figures worked out by hand."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from autolab.study.comparison import compare, mean_ranks
from autolab.study.curves import Curves, gathered, quality
from autolab.study.factors import acceleration, enhancement
from autolab.study.intervals import Interval, interval
from autolab.study.runs import Result

Made = Callable[..., Result]


def test_quality_is_the_way_from_median_to_optimum(result: Made) -> None:
    one = result("a", 0, [None, -8.0, -4.0, -3.0], low=-6.0, high=-2.0)

    assert quality(one).tolist() == [0.0, 0.0, 0.5, 0.75]


def test_a_run_that_ended_early_stays_where_it_was(result: Made) -> None:
    full = result("a", 0, [0.0] * 5)

    assert quality(replace(full, score=[0.25, 0.5])).tolist() == [0.25, 0.5, 0.5, 0.5, 0.5]
    assert quality(replace(full, score=[])).tolist() == [0.0] * 5


def test_the_area_leaves_the_starts_out(result: Made) -> None:
    results = [result("a", 0, [0.0, 0.0, 0.5, 1.0], starts=2), result("a", 1, [1.0, 1.0, 1.0, 1.0], starts=2)]

    assert Curves.of(results).areas.tolist() == [0.75, 1.0]


def test_seeds_are_in_order_whatever_the_files(result: Made) -> None:
    curves = Curves.of([result("a", 2, [0.2]), result("a", 0, [0.0]), result("a", 1, [0.1])])

    assert curves.seeds == (0, 1, 2)
    assert curves.quality[:, 0].tolist() == [0.0, 0.1, 0.2]
    assert curves.on([2, 0]).quality[:, 0].tolist() == [0.0, 0.2]


def test_problems_of_other_settings_are_kept_apart(result: Made) -> None:
    found = gathered([result("a", 0, [0.1]), result("a", 0, [0.1, 0.2]), result("b", 0, [0.1])])

    assert [(setting.budget, list(by)) for setting, by in found.items()] == [(1, ["a", "b"]), (2, ["a"])]


# -- intervals


def test_the_interval_of_a_mean_is_near_to_the_normal_one() -> None:
    values = np.random.default_rng(1).normal(5.0, 2.0, 200)
    found = interval(200, lambda seeds: values[seeds].mean(axis=-1))
    half = 1.96 * values.std() / math.sqrt(200)

    assert found.value == pytest.approx(values.mean())
    assert found.low == pytest.approx(values.mean() - half, abs=0.1 * half)
    assert found.high == pytest.approx(values.mean() + half, abs=0.1 * half)


def test_intervals_cover_the_truth_about_as_often_as_they_say() -> None:
    random = np.random.default_rng(7)
    covered = 0
    for _ in range(60):
        values = random.exponential(1.0, 30)
        found = interval(30, lambda seeds, values=values: values[seeds].mean(axis=-1))  # type: ignore[misc]  # bound here
        covered += (found.low or 9) <= 1.0 <= (found.high or 0)

    assert 46 <= covered <= 60  # 85 to 95 % are to be expected of 30 skewed values


def test_one_seed_has_no_interval() -> None:
    assert interval(1, lambda seeds: np.full(seeds.shape[:-1], 3.0)) == Interval(3.0)
    assert not Interval(3.0).apart_from_zero


def test_equal_seeds_have_an_interval_of_no_width() -> None:
    assert interval(4, lambda seeds: np.full(seeds.shape[:-1], 3.0)) == Interval(3.0, 3.0, 3.0)


def test_a_statistic_that_some_resamples_lack_has_no_interval() -> None:
    values = np.array([0.0, 1.0])

    def inverse(seeds: Any) -> Any:
        mean = values[seeds].mean(axis=-1)
        return np.where(mean > 0, 1.0 / np.where(mean > 0, mean, 1.0), math.nan)

    assert interval(2, inverse) == Interval(2.0)


@pytest.mark.parametrize(("low", "high", "apart"), [(0.1, 0.2, True), (-0.2, -0.1, True), (-0.1, 0.2, False)])
def test_what_is_not_chance(low: float, high: float, apart: bool) -> None:
    assert Interval(0.1, low, high).apart_from_zero is apart


# -- acceleration and enhancement


def test_a_planner_is_as_fast_as_itself() -> None:
    curve = np.array([0.1, 0.3, 0.3, 0.8])

    assert float(acceleration(curve, curve)) == float(enhancement(curve, curve)) == 1.0


def test_acceleration_below_one() -> None:
    assert acceleration(np.array([0.0, 0.1, 0.2, 0.3]), np.array([0.3, 0.4, 0.4, 0.5])) == 0.25


def test_nothing_reached_tells_nothing() -> None:
    flat = np.zeros(3)

    assert math.isnan(acceleration(flat, np.array([0.1, 0.2, 0.3])))
    assert math.isnan(enhancement(np.array([0.1, 0.2, 0.3]), flat))


Rising = st.lists(st.floats(0.001, 1.0), min_size=2, max_size=12).map(lambda some: np.array(sorted(some)))


@given(Rising, Rising)
def test_acceleration_of_one_is_the_inverse_of_the_other(one: Any, other: Any) -> None:
    length = min(len(one), len(other))
    one, other = one[:length], other[:length]

    assert acceleration(one, other) == pytest.approx(1 / acceleration(other, one))
    assert enhancement(one, other) == pytest.approx(1 / enhancement(other, one))
    assert 1 / length <= acceleration(one, other) <= length


def test_many_curves_at_once_are_as_one_by_one() -> None:
    curves = np.sort(np.random.default_rng(2).random((2, 5, 8)), axis=-1)

    for ratio in (acceleration, enhancement):
        assert ratio(*curves).tolist() == [float(ratio(one, other)) for one, other in zip(*curves, strict=True)]


# -- the whole


@pytest.fixture
def two(result: Made) -> list[Result]:
    """Return results of a planner that is 0.25 ahead of random at each trial, on 5 seeds that differ by much."""
    found = []
    for seed in range(5):
        base = [0.1 * seed, 0.1 * seed + 0.05, 0.1 * seed + 0.1, 0.1 * seed + 0.2]
        found.append(
            result("good", seed, [one + 0.25 for one in base], seconds=[0.1, 0.2, 0.9], memory_MB=200.0 + seed)
        )
        found.append(result("random", seed, base, memory_MB=None, fallbacks=1, error="x" if seed else ""))
    return found


def test_differences_are_taken_seed_by_seed(two: list[Result]) -> None:
    found = compare(two, against="random")
    good, random = found.rows

    assert good.difference is not None
    assert good.difference.value == pytest.approx(0.25)
    assert good.difference.apart_from_zero
    assert good.difference.high == pytest.approx(0.25)  # paired: the spread of the seeds is gone
    assert good.area.high is not None
    assert good.area.high - good.area.value > 0.05
    assert random.difference is None
    assert found.against == "random"


def test_the_first_planner_is_the_one_compared_with(two: list[Result]) -> None:
    found = compare(two)

    assert found.against == "good"
    assert found.rows[1].difference is not None
    assert found.rows[1].difference.value == pytest.approx(-0.25)


def test_the_row_of_a_planner(two: list[Result]) -> None:
    good, random = compare(two).rows

    assert (good.problem, good.planner, good.seeds, good.minimized) == ("p", "good", 5, False)
    assert good.best is not None
    assert good.best.value == good.quality.value == pytest.approx(0.65)
    assert (good.seconds, good.memory_MB, good.errors, good.fallbacks) == (0.2, 202.0, 0, 0)
    assert (random.memory_MB, random.errors, random.fallbacks) == (None, 4, 5)
    assert good.share is None


def test_acceleration_is_that_of_the_mean_curves(two: list[Result]) -> None:
    good, random = compare(two).rows

    assert good.acceleration is not None
    assert good.acceleration.value == 4.0  # random ends at 0.4 on average; the planner begins at 0.45
    assert good.enhancement is not None
    assert good.enhancement.value == pytest.approx(0.65 / 0.4)
    assert random.acceleration is random.enhancement is None
    assert compare([one for one in two if one.planner == "good"]).rows[0].acceleration is None


def test_pools_are_measured_on_the_share_of_the_best(result: Made) -> None:
    results = [
        result("good", 0, [0.9] * 3, share=[0.0, 0.5, 0.6]),
        result("random", 0, [0.9] * 3, share=[0.0, 0.1, 0.2]),
    ]
    good = compare(results).rows[0]

    assert good.share == Interval(0.6)
    assert good.acceleration == Interval(1.5)
    assert good.enhancement is not None
    assert good.enhancement.value == pytest.approx(3.0)


def test_only_seeds_that_both_have_are_paired(result: Made) -> None:
    results = [result("a", 0, [0.5]), result("a", 1, [0.9]), result("b", 1, [0.8]), result("b", 2, [0.1])]
    gap = compare(results).rows[1].difference

    assert gap is not None
    assert gap.value == pytest.approx(-0.1)
    assert compare([results[0], results[3]]).rows[1].difference is None


def test_a_seed_that_found_nothing_leaves_no_mean_of_the_best(result: Made) -> None:
    row = compare([result("a", 0, [None]), result("a", 1, [0.5])]).rows[0]

    assert row.best is None
    assert row.quality.value == 0.25


def test_nothing_says_nothing() -> None:
    assert compare([]).rows == ()
    assert compare([]).ranks == {}


def test_mean_ranks(result: Made) -> None:
    table = {
        "p": {"a": [0.9, 0.8], "b": [0.5, 0.4], "c": [0.5, 0.4]},
        "q": {"a": [0.1, 0.1], "b": [0.6, 0.6], "c": [0.3, 0.3]},
    }
    results = [
        result(planner, seed, [score], problem=problem)
        for problem, by in table.items()
        for planner, scores in by.items()
        for seed, score in enumerate(scores)
    ]
    ranks = compare(results).ranks

    assert {name: rank.value for name, rank in ranks.items()} == {"a": 2.0, "b": 1.75, "c": 2.25}
    assert all((rank.low, rank.high) == (rank.value, rank.value) for rank in ranks.values())


def test_ranks_vary_as_seeds_do(result: Made) -> None:
    scores = {"a": [0.9, 0.1, 0.8, 0.2], "b": [0.5, 0.5, 0.5, 0.4]}
    results = [result(name, seed, [score]) for name, some in scores.items() for seed, score in enumerate(some)]
    rank = compare(results).ranks["a"]

    assert (rank.value, rank.low, rank.high) == (1.0, 1.0, 2.0)


def test_problems_that_some_planner_lacks_are_left_out_of_ranks(result: Made) -> None:
    results = [result("a", 0, [0.9]), result("b", 0, [0.5]), result("b", 0, [0.5], problem="q")]

    assert compare(results).ranks == {"a": Interval(1.0), "b": Interval(2.0)}
    assert mean_ranks([]) == {}
