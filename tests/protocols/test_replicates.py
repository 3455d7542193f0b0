import math
import statistics

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from autolab.protocols.replicates import BEYOND, Series


def test_mean_and_standard_error_by_hand() -> None:
    series = Series([0, 10, 20], [9.0, 10.0, 11.0])
    assert series.mean == 10.0
    assert series.standard_error == pytest.approx(1 / math.sqrt(3))
    assert series.change == pytest.approx(2.0)


@given(st.lists(st.tuples(st.floats(1, 60), st.floats(0, 50)), min_size=2, max_size=8))
def test_the_change_is_that_of_the_line_of_least_squares(steps: list[tuple[float, float]]) -> None:
    seconds = np.cumsum([step for step, _value in steps])
    values = [value for _step, value in steps]
    slope = np.polyfit(seconds - seconds[0], values, 1)[0]
    wanted = slope * (seconds[-1] - seconds[0])
    assert Series(list(seconds), values).change == pytest.approx(wanted, abs=1e-6)


def test_what_noise_explains_depends_on_the_times() -> None:
    """Of the ends of three readings one standard deviation apart, the line has sqrt(2) standard deviations."""
    explained = BEYOND * 0.1 * math.sqrt(2)
    just, more = explained * 0.999, explained * 1.001
    assert Series([0, 10, 20], [1.0, 1 + just / 2, 1 + just]).fault(0.1) == ""
    fault = Series([0, 10, 20], [1.0, 1 + more / 2, 1 + more]).fault(0.1)
    assert fault == "they change by +0.5663 in 20 s, and noise explains no more than 0.5657"


def test_a_fall_is_a_drift_too() -> None:
    assert Series([0, 10], [2.0, 1.0]).fault(0.01).startswith("they change by -1 in 10 s")


def test_scatter_without_a_trend_is_told() -> None:
    fault = Series([0, 10, 20], [1.0, 1.9, 1.0]).fault(0.1)
    assert fault == "they scatter by 0.5196 (standard deviation), and noise explains 0.1"


def test_readings_at_one_time_have_no_trend() -> None:
    series = Series([5, 5], [1.0, 1.1])
    assert series.change == 0.0
    assert series.fault(0.1) == ""


@pytest.mark.parametrize("count", [2, 3, 5])
def test_a_probe_that_does_not_drift_is_hardly_ever_blamed(count: int) -> None:
    noise = np.random.default_rng(7).normal(10.0, 0.05, (2000, count))
    blamed = sum(Series([15.0 * n for n in range(count)], list(row)).fault(0.05) != "" for row in noise)
    assert blamed <= 2


def test_a_probe_that_drifts_is_always_blamed() -> None:
    noise = np.random.default_rng(8).normal(10.0, 0.05, (500, 3)) + np.array([0.0, 0.35, 0.7])
    found = [Series([0, 15, 30], list(row)).fault(0.05) for row in noise]
    assert all("they change by +" in fault for fault in found)


@given(st.lists(st.floats(0, 100), min_size=2, max_size=9))
def test_the_standard_error_shrinks_with_the_number(values: list[float]) -> None:
    series = Series(list(range(len(values))), values)
    assert series.standard_error == pytest.approx(statistics.stdev(values) / math.sqrt(len(values)))
    assert min(values) - 1e-9 <= series.mean <= max(values) + 1e-9
