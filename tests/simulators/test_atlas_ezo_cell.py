"""Calibration, drift, noise, digits and salinity of the conductivity circuit."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from autolab.simulators.atlas_ezo_cell import Calibration, Wandering, digits, practical_salinity
from autolab.simulators.atlas_ezo_frames import number_in, short

TRUE = st.floats(1.0, 1e5)


@given(TRUE, st.floats(0.5, 2.0), st.floats(0.0, 50.0))
def test_dry_and_one_point_make_a_straight_circuit_right(true: float, slope: float, offset: float) -> None:
    calibration = Calibration()
    calibration.zero = offset  # Cal,dry
    assert calibration.one(slope * 1413.0 + offset, 1413.0)
    assert calibration.correct(slope * true + offset) == pytest.approx(true, rel=1e-9, abs=1e-9)
    assert calibration.points == 1


@given(TRUE, st.floats(0.5, 2.0), st.floats(-50.0, 50.0), st.booleans())
def test_two_points_make_it_right_without_dry(true: float, slope: float, offset: float, low_first: bool) -> None:
    calibration = Calibration()
    points = [("LOW", 84.0), ("HIGH", 12880.0)]
    for which, value in points if low_first else reversed(points):
        assert calibration.points == 0
        assert calibration.end(which, slope * value + offset, value)
    assert calibration.points == 2
    assert calibration.correct(slope * true + offset) == pytest.approx(true, rel=1e-6, abs=1e-6)


def test_points_that_cannot_be_change_nothing() -> None:
    calibration = Calibration(zero=10.0)
    assert not calibration.one(10.0, 1413.0)
    assert not calibration.one(20.0, 0.0)
    assert not calibration.end("LOW", 20.0, -1.0)
    assert calibration == Calibration(zero=10.0)
    assert calibration.end("HIGH", 100.0, 12880.0)
    assert not calibration.end("LOW", 200.0, 84.0)
    assert (calibration.points, calibration.gain) == (0, 1.0)


def test_a_single_point_forgets_the_line() -> None:
    calibration = Calibration()
    calibration.end("LOW", 80.0, 84.0)
    calibration.one(1300.0, 1413.0)
    assert (calibration.low, calibration.points) == (None, 1)


# ---- drift and noise -----------------------------------------------------------------------------------------------


def test_the_walk_spreads_as_told() -> None:
    ends = [Wandering(0.01, 0.0, seed, 100.0).walk(100.0 + 4 * 3600.0) for seed in range(400)]
    assert np.std(ends) == pytest.approx(0.02, rel=0.1)
    assert np.mean(ends) == pytest.approx(0.0, abs=0.004)


@given(st.integers(0, 2**32), st.floats(0, 1e5), st.floats(0, 1e5))
def test_the_walk_depends_on_time_alone(seed: int, one: float, other: float) -> None:
    walked, straight = Wandering(0.01, 0.0, seed, 0.0), Wandering(0.01, 0.0, seed, 0.0)
    walked.walk(other)
    assert walked.walk(one) == straight.walk(one)


@given(st.integers(0, 100), st.floats(0, 5e4))
def test_the_walk_has_no_jumps(seed: int, when: float) -> None:
    walk = Wandering(0.01, 0.0, seed, 0.0)
    assert walk.walk(when + 1.0) == pytest.approx(walk.walk(when), abs=5 * 0.01 / (6**0.5 * 600.0))


def test_the_walk_begins_at_its_base_and_may_be_none() -> None:
    assert Wandering(0.01, 0.0, 7, 50.0, base=0.25).walk(50.0) == 0.25
    assert Wandering(0.01, 0.0, 7, 50.0, base=0.25).walk(40.0) == 0.25
    assert Wandering(0.0, 0.0, 7, 0.0, base=0.25).walk(1e6) == 0.25


def test_noise_has_its_size_and_goes_by_number() -> None:
    one, other = Wandering(0.0, 0.002, 7, 0.0), Wandering(0.0, 0.002, 7, 99.0)
    values = [one.noise() for _ in range(1000)]
    assert values == [other.noise() for _ in range(1000)]
    assert np.std(values) == pytest.approx(0.002, rel=0.1)
    assert Wandering(0.0, 0.0, 7, 0.0).noise() == 0.0


# ---- what is told --------------------------------------------------------------------------------------------------


@given(st.floats(0, 5e5))
def test_digits_are_near_enough(value: float) -> None:
    step = 0.01 if value < 100 else 0.1 if value < 1000 else 1 if value < 10_000 else 10 if value < 100_000 else 100
    assert abs(float(digits(value)) - value) <= step / 2 * (1 + 1e-9)
    assert len(digits(value).replace(".", "").lstrip("0")) <= 6


@pytest.mark.parametrize(
    ("value", "text"), [(0.0, "0.00"), (99.996, "100.0"), (999.96, "1000"), (9999.6, "10000"), (500_000.0, "500000")]
)
def test_digits_at_the_steps(value: float, text: str) -> None:
    assert digits(value) == text


@pytest.mark.parametrize(
    ("conductivity", "salinity"),
    [(53_065.0, 35.0), (0.0, 0.0), (49.0, 0.0), (1e6, 42.0)],  # 42.914 mS/cm at 15 degC times 1.2365 is S = 35
)
def test_salinity_of_known_waters(conductivity: float, salinity: float) -> None:
    assert practical_salinity(conductivity) == pytest.approx(salinity, abs=0.01)


@pytest.mark.parametrize(
    ("value", "text"), [(25.0, "25.0"), (1.0, "1.0"), (0.54, "0.54"), (10.0, "10.0"), (0.1, "0.1")]
)
def test_settings_are_told_shortly(value: float, text: str) -> None:
    assert short(value) == text
    assert number_in([text]) == value


@pytest.mark.parametrize("arguments", [[], ["1", "2"], [""], ["1e3"], ["nan"], ["1,5"], ["--1"]])
def test_what_is_no_number(arguments: list[str]) -> None:
    assert number_in(arguments) is None
