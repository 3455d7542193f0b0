"""The bath against its own differential equation, and against itself in pieces."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autolab.simulators.baths import Bath, BathOptions


def stepped(bath: Bath, seconds: float, step: float = 0.05) -> float:
    """Integrate the equation by small steps, independently of the closed form."""
    o, temperature = bath.options, bath.temperature
    for _ in range(round(seconds / step)):
        power = 0.0
        if bath.manual is not None:
            power = bath.manual
        elif bath.target is not None:
            power = o.gain * (bath.target - temperature) + o.loss * (bath.target - o.room)
        power = min(max(power, -o.cooler * bath.strength), o.heater * bath.strength)
        temperature += step * (power - o.loss * (temperature - o.room)) / o.capacity
    return temperature


@pytest.mark.parametrize("begin", [5.0, 21.0, 39.0, 43.0, 90.0])
@pytest.mark.parametrize("target", [None, 10.0, 40.0, 2000.0])
@pytest.mark.parametrize("seconds", [10.0, 100.0, 1000.0])
def test_it_follows_its_equation(begin: float, target: float | None, seconds: float) -> None:
    bath = Bath()
    bath.temperature, bath.target = begin, target
    expected = stepped(bath, seconds)
    bath.integrate(seconds)
    assert bath.temperature == pytest.approx(expected, abs=0.02)


@given(
    st.floats(-20, 150), st.floats(-20, 150), st.lists(st.floats(0.01, 500), min_size=1, max_size=8), st.floats(0, 1)
)
def test_pieces_make_no_difference(begin: float, target: float, pieces: list[float], strength: float) -> None:
    whole, parts = Bath(), Bath()
    for bath in (whole, parts):
        bath.temperature, bath.target, bath.strength = begin, target, strength
    whole.integrate(sum(pieces))
    for piece in pieces:
        parts.integrate(piece)
    assert parts.temperature == pytest.approx(whole.temperature, abs=1e-6)


def test_it_comes_to_its_target_exactly_within_its_power() -> None:
    bath = Bath()
    for target in (60.0, 0.0):
        bath.target = target
        bath.integrate(20000)
        assert bath.temperature == pytest.approx(target, abs=1e-6)
        assert bath.power == pytest.approx(bath.options.loss * (target - bath.options.room), abs=1e-3)


def test_beyond_its_power_it_ends_where_losses_meet_it() -> None:
    bath = Bath(BathOptions(cooler=30.0))
    bath.target = 0.0
    bath.integrate(1e6)
    assert bath.temperature == pytest.approx(21.0 - 30.0 / 3.0)


def test_manual_power_goes_before_the_target_and_within_what_there_is() -> None:
    bath = Bath()
    bath.target, bath.manual = 40.0, 1e9
    assert bath.power == bath.options.heater
    bath.manual = 300.0
    bath.integrate(1e6)
    assert bath.temperature == pytest.approx(121.0)


def test_off_goes_to_the_room() -> None:
    bath = Bath()
    bath.temperature = 90.0
    assert bath.power == 0.0
    bath.integrate(1e6)
    assert bath.temperature == pytest.approx(21.0)


@pytest.mark.parametrize("target", [None, 55.0])
@pytest.mark.parametrize("manual", [None, 10.0])
def test_snapshots(target: float | None, manual: float | None) -> None:
    bath, other = Bath(), Bath()
    bath.target, bath.manual, bath.strength = target, manual, 0.5
    bath.integrate(100)
    other.restore(bath.snapshot())
    for one in (bath, other):
        one.integrate(100)
    assert other.snapshot() == bath.snapshot()
