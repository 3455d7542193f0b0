"""The hotplate's bodies: closed forms, conservation, and that it does not matter who looks when."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autolab.simulators.heating import STEP, HeatOptions, HotPlate
from autolab.simulators.hotplate_body import HeatControl


def heated(power: float, contents: float = 0.0, options: HeatOptions | None = None) -> HotPlate:
    plate = HotPlate(options)
    plate.power, plate.contents = power, contents
    return plate


def numerically(plate: HotPlate, seconds: float) -> tuple[float, float]:
    """Return plate and vessel after a time, by Heun's method with small steps: another way to the same numbers."""
    o, p, v, dt = plate.options, plate.plate, plate.vessel, 1e-3

    def slopes(p: float, v: float) -> tuple[float, float]:
        across = o.contact * (p - v)
        return (
            (plate.power - across - o.plate_loss * (p - o.ambient)) / o.plate_capacity,
            (across - o.vessel_loss * (v - o.ambient)) / (o.vessel_capacity + plate.contents),
        )

    for _ in range(round(seconds / dt)):
        first = slopes(p, v)
        second = slopes(p + dt * first[0], v + dt * first[1])
        p, v = p + 0.5 * dt * (first[0] + second[0]), v + 0.5 * dt * (first[1] + second[1])
    return p, v


def test_it_agrees_with_small_steps() -> None:
    plate = heated(300.0, 40.0)
    plate.plate, plate.vessel = 80.0, 35.0
    expected = numerically(plate, 20.0)
    plate.integrate(20.0)
    assert (plate.plate, plate.vessel) == pytest.approx(expected, abs=1e-5)


def test_it_comes_to_where_gain_and_loss_are_equal() -> None:
    plate = heated(50.0)
    plate.integrate(50_000.0)
    o = plate.options
    assert o.contact * (plate.plate - plate.vessel) == pytest.approx(o.vessel_loss * (plate.vessel - o.ambient))
    losses = o.plate_loss * (plate.plate - o.ambient) + o.vessel_loss * (plate.vessel - o.ambient)
    assert losses == pytest.approx(50.0)


def test_without_losses_all_heat_stays() -> None:
    plate = heated(100.0, 60.0, HeatOptions(plate_loss=0.0, vessel_loss=1e-9))
    before = 900.0 * plate.plate + 85.0 * plate.vessel
    plate.integrate(100.0)
    assert 900.0 * plate.plate + 85.0 * plate.vessel == pytest.approx(before + 100.0 * 100.0, rel=1e-5)


def test_a_plate_alone_cools_along_an_exponential() -> None:
    plate = HotPlate(HeatOptions(contact=1e-9))
    plate.plate = 100.0
    plate.integrate(600.0)
    assert plate.plate == pytest.approx(21.0 + 79.0 * math.exp(-600.0 * 1.2 / 900.0), abs=1e-4)


def test_a_cold_plate_stays_at_the_temperature_of_the_room() -> None:
    plate = HotPlate()
    plate.integrate(3600.0)
    assert (plate.plate, plate.vessel) == pytest.approx((21.0, 21.0), abs=1e-12)


@given(st.floats(1.0, 100.0), st.floats(0.0, 90.0), st.floats(0.0, 100.0))
def test_what_is_poured_in_mixes_by_its_heat(heat: float, temperature: float, contents: float) -> None:
    plate = heated(0.0, contents)
    plate.vessel = 50.0
    held = 25.0 + contents
    plate.pour(heat, temperature)
    assert (held + heat) * plate.vessel == pytest.approx(held * 50.0 + heat * temperature)


def controlled() -> HotPlate:
    plate = heated(0.0, 18.0)
    control = HeatControl(360.0, 1.0, probe=True)
    control.on, control.setpoint = True, 50.0
    plate.controller = control
    return plate


@given(st.lists(st.floats(1e-3, 300.0), min_size=1, max_size=30))
def test_it_does_not_matter_how_often_somebody_looks(pieces: list[float]) -> None:
    often, once = controlled(), controlled()
    for piece in pieces:
        often.integrate(piece)
    once.integrate(math.fsum(pieces))
    assert (often.plate, often.vessel) == pytest.approx((once.plate, once.vessel), abs=1e-6)


def test_a_look_every_second_or_once_an_hour_gives_the_same() -> None:
    often, once = controlled(), controlled()
    for _ in range(3600):
        often.integrate(1.0)
    once.integrate(3600.0)
    assert (often.plate, often.vessel) == pytest.approx((once.plate, once.vessel), abs=1e-6)
    assert once.vessel == pytest.approx(50.0, abs=0.01)


def test_the_controller_looks_at_its_own_times() -> None:
    plate, looks = HotPlate(), []
    plate.controller = lambda _, dt: looks.append(dt)
    for _ in range(10):
        plate.integrate(0.35)
    assert looks == [STEP] * 4  # at 0, 1, 2 and 3 s of 3.5


def test_a_snapshot_in_the_middle_changes_nothing() -> None:
    plate, other = controlled(), controlled()
    plate.integrate(100.4)
    other.restore(plate.snapshot())
    assert isinstance(plate.controller, HeatControl)
    assert isinstance(other.controller, HeatControl)
    other.controller.restore(plate.controller.snapshot())
    for each in (plate, other):
        each.integrate(77.7)
    assert other.snapshot() == plate.snapshot()
