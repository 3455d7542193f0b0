"""Axes: motions in closed form, against formulas of their own and against time in small steps."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autolab.simulators.axes import Axis, Gantry, Segment, trapezoid

SPEEDS = st.floats(min_value=0.5, max_value=50)


def test_a_long_way_has_a_ramp_a_cruise_and_a_ramp() -> None:
    assert trapezoid(10, 2, 4) == [Segment(0.5, 4.0), Segment(4.5, 0.0), Segment(0.5, -4.0)]
    assert trapezoid(-10, 2, 4) == [Segment(0.5, -4.0), Segment(4.5, 0.0), Segment(0.5, 4.0)]


def test_a_short_way_is_two_ramps() -> None:
    pieces = trapezoid(1, 100, 4)
    assert [piece.acceleration for piece in pieces] == [4.0, -4.0]
    assert sum(piece.seconds for piece in pieces) == pytest.approx(2 * math.sqrt(1 / 4))


def test_no_way_takes_no_time() -> None:
    assert trapezoid(0, 2, 4) == []


def test_turning_round_brakes_first() -> None:
    axis = Axis(-100, 100, 0)
    axis.velocity = 2.0
    axis.go(-1, 2, 4)
    axis.integrate(0.5)
    assert axis.velocity == pytest.approx(0.0)
    assert axis.position == pytest.approx(0.5)
    axis.integrate(60)
    assert (axis.position, axis.velocity, axis.moving) == (-1, 0.0, False)


@given(st.floats(-40, 40), st.floats(-10, 10), SPEEDS, SPEEDS)
def test_it_ends_at_rest_on_its_target_from_any_motion(target: float, before: float, speed: float, ramp: float) -> None:
    axis = Axis(-1e6, 1e6, 0)
    axis.velocity = before
    axis.go(target, speed, ramp)
    pieces = trapezoid(target, speed, ramp, before)
    place, velocity = 0.0, before
    for piece in pieces:
        place += velocity * piece.seconds + piece.acceleration * piece.seconds**2 / 2
        velocity += piece.acceleration * piece.seconds
        assert abs(velocity) <= max(speed, abs(before)) + 1e-6
    assert place == pytest.approx(target, abs=1e-6)
    assert velocity == pytest.approx(0, abs=1e-6)
    axis.integrate(axis.seconds_left + 1)
    assert axis.position == pytest.approx(target, abs=1e-6)
    assert not axis.moving


@given(st.lists(st.floats(0.001, 0.7), min_size=1, max_size=30), st.floats(-8, 8))
def test_how_time_comes_in_changes_nothing(steps: list[float], target: float) -> None:
    once, often = Axis(-5, 5, 0), Axis(-5, 5, 0)
    for axis in (once, often):
        axis.go(target, 3, 6)
    once.integrate(sum(steps))
    for step in steps:
        often.integrate(step)
    assert often.position == pytest.approx(once.position, abs=1e-7)
    assert often.velocity == pytest.approx(once.velocity, abs=1e-6)
    assert often.bumped == once.bumped


@pytest.mark.parametrize(("target", "end", "side"), [(9, 5, 1), (-9, -5, -1)])
def test_an_end_stop_ends_it(target: float, end: float, side: int) -> None:
    axis = Axis(-5, 5, 0)
    axis.go(target, 2, 4)
    axis.integrate(30)
    assert (axis.position, axis.velocity, axis.bumped, axis.moving) == (end, 0.0, side, False)
    axis.go(0, 2, 4)
    axis.integrate(30)
    assert (axis.position, axis.bumped) == (0, 0)


def test_a_motion_that_only_swings_past_a_stop_is_caught_there() -> None:
    axis = Axis(-5, 0.1, 0)
    axis.velocity = 2.0
    axis.go(-1, 2, 4)  # it would come to rest at 0.5 before it turns
    axis.integrate(5)
    assert (axis.position, axis.bumped) == (0.1, 1)


def test_an_obstacle_holds_it() -> None:
    axis = Axis(0, 10, 5)
    axis.blocked = True
    axis.go(8, 2, 4)
    axis.integrate(1)
    assert (axis.position, axis.bumped, axis.moving) == (5, 1, False)


def test_running_and_braking() -> None:
    axis = Axis(0, 1000, 0)
    axis.run(10, 5)
    axis.integrate(4)
    assert axis.position == pytest.approx(10 * 2 / 2 + 10 * 2)
    assert (axis.velocity, axis.seconds_left) == (10, math.inf)
    axis.brake(5)
    axis.integrate(10)
    assert (axis.velocity, axis.moving) == (0.0, False)
    assert axis.position == pytest.approx(30 + 10)
    axis.run(10, 5)
    axis.integrate(1)
    axis.freeze()
    axis.integrate(1)
    assert axis.velocity == 0.0


def test_it_can_be_kept_while_it_stands() -> None:
    axis = Axis(0, 10, 5)
    state = axis.snapshot()
    axis.go(8, 2, 4)
    with pytest.raises(ValueError, match="moves at"):
        axis.snapshot()
    axis.integrate(9)
    axis.restore(state)
    assert (axis.position, axis.moving) == (5, False)


SPEEDS_3, RAMPS_3 = (10.0, 10.0, 2.0), (100.0, 100.0, 20.0)


def test_a_gantry_goes_straight_and_as_fast_as_its_slowest_axis_allows() -> None:
    gantry = Gantry((-50, -50, -50), (50, 50, 50), (0, 0, 0))
    gantry.go((30, 40, 0), SPEEDS_3, RAMPS_3, math.inf)
    speed, ramp = 10 / 0.8, 100 / 0.8
    assert gantry.seconds_left == pytest.approx(50 / speed + speed / ramp)
    gantry.integrate(2.0)
    x, y, z = gantry.position
    assert y / x == pytest.approx(4 / 3)
    assert z == 0
    assert gantry.speed == pytest.approx(speed)
    gantry.integrate(10)
    assert gantry.position == pytest.approx((30, 40, 0))
    assert not gantry.moving
    gantry.go((30, 40, 1), SPEEDS_3, RAMPS_3, 1.0)
    assert gantry.seconds_left == pytest.approx(1 / 1 + 1 / 20)
    gantry.go((30, 40, 0), SPEEDS_3, RAMPS_3, 1.0)
    assert not gantry.moving


def test_a_gantry_stops_at_the_first_end_stop() -> None:
    gantry = Gantry((-50, -50, -50), (50, 20, 50), (0, 0, 0))
    gantry.go((30, 40, 0), SPEEDS_3, RAMPS_3, math.inf)
    gantry.integrate(60)
    assert gantry.position == pytest.approx((15, 20, 0))
    assert gantry.bumped


def test_a_gantry_brakes_freezes_is_blocked_pushed_and_kept() -> None:
    gantry = Gantry((-50, -50), (50, 50), (0, 0))
    gantry.go((40, 0), (10, 10), (100, 100), math.inf)
    gantry.integrate(1)
    with pytest.raises(ValueError, match="moves at"):
        gantry.snapshot()
    gantry.brake(100)
    gantry.integrate(9)
    assert gantry.position == pytest.approx((9.5 + 0.5, 0))
    state = gantry.snapshot()
    gantry.go((40, 0), (10, 10), (100, 100), math.inf)
    gantry.freeze()
    gantry.integrate(5)
    assert gantry.position == pytest.approx((10, 0))
    gantry.blocked = True
    gantry.go((40, 0), (10, 10), (100, 100), math.inf)
    gantry.integrate(5)
    assert gantry.position == pytest.approx((10, 0))
    assert gantry.bumped
    gantry.put((1, 2))
    assert gantry.position == (1, 2)
    gantry.restore(state)
    assert gantry.position == pytest.approx((10, 0))
    assert not gantry.blocked
