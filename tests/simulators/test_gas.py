"""Flow through a controller's valve and pressure in a vessel, against closed forms and small steps."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autolab.simulators.gas import MARGIN, FlowBody, VesselBody


def test_flow_follows_its_valve_with_one_lag() -> None:
    body = FlowBody(tau=0.5, asked=100.0)
    body.integrate(0.5)
    assert body.flow == pytest.approx(100 * (1 - math.exp(-1)))
    body.integrate(20.0)
    assert body.flow == pytest.approx(100.0)


def test_flow_is_no_more_than_the_supply_gives() -> None:
    body = FlowBody(supply=30.0, asked=100.0)
    body.integrate(60.0)
    assert body.shown == pytest.approx(30.0)


def test_the_sensor_drifts_and_the_true_flow_does_not() -> None:
    body = FlowBody(drift=0.6)
    body.integrate(60.0)
    assert [body.flow, body.shown] == pytest.approx([0.0, 0.6])
    assert body.total == pytest.approx(0.3)


def test_the_total_is_the_integral_of_the_flow() -> None:
    body, summed = FlowBody(tau=2.0, asked=60.0), 0.0
    for _ in range(10000):
        before = body.flow
        body.integrate(0.001)
        summed += (before + body.flow) / 2 * 0.001 / 60
    assert body.total == pytest.approx(summed, rel=1e-6)


@given(st.lists(st.floats(0.001, 20.0), min_size=1, max_size=8), st.floats(0, 5))
def test_flow_is_the_same_in_however_many_pieces(pieces: list[float], drift: float) -> None:
    whole, parts = FlowBody(asked=50.0, drift=drift), FlowBody(asked=50.0, drift=drift)
    whole.integrate(sum(pieces))
    for piece in pieces:
        parts.integrate(piece)
    assert parts.shown == pytest.approx(whole.shown)
    assert parts.total == pytest.approx(whole.total)


def test_a_vessel_is_pumped_to_where_pump_and_leak_balance() -> None:
    vessel = VesselBody(speed=1.0, leak=0.1, lowest=5.0, pumping=True)
    vessel.integrate(1000.0)
    assert vessel.pressure == pytest.approx((1.0 * 5.0 + 0.1 * 1000.0) / 1.1)


def test_a_tight_vessel_keeps_its_pressure() -> None:
    vessel = VesselBody(leak=0.0, pressure=50.0)
    vessel.integrate(1e6)
    assert vessel.pressure == 50.0


def test_venting_fills_it() -> None:
    vessel = VesselBody(volume=2.0, vent=0.4, leak=0.0, pressure=0.0, venting=True)
    vessel.integrate(5.0)
    assert vessel.pressure == pytest.approx(1000 * (1 - math.exp(-1)))


def test_the_pump_stops_at_the_set_point_and_starts_again_above_it() -> None:
    vessel = VesselBody(leak=0.01, hold=100.0)
    seen = set[bool]()
    vessel.integrate(30.0)
    for _ in range(600):
        vessel.integrate(0.5)
        seen.add(vessel.pumping)
        assert 100.0 - 1e-3 <= vessel.pressure <= 100.0 + MARGIN + 1e-3
    assert seen == {True, False}


def test_a_set_point_below_what_the_pump_reaches_is_never_reached() -> None:
    vessel = VesselBody(hold=1.0, lowest=5.0)
    vessel.integrate(3600.0)
    assert vessel.pumping
    assert vessel.pressure > 5.0


@given(st.lists(st.floats(0.01, 40.0), min_size=1, max_size=8), st.floats(20, 900), st.floats(0, 0.05))
def test_pressure_is_the_same_in_however_many_pieces(pieces: list[float], hold: float, leak: float) -> None:
    whole, parts = VesselBody(hold=hold, leak=leak), VesselBody(hold=hold, leak=leak)
    whole.integrate(sum(pieces))
    for piece in pieces:
        parts.integrate(piece)
    assert parts.pressure == pytest.approx(whole.pressure, abs=0.02)


def test_both_go_back_to_their_snapshots() -> None:
    flow, vessel = FlowBody(asked=10.0, drift=1.0), VesselBody(hold=100.0)
    kept = flow.snapshot(), vessel.snapshot()
    flow.integrate(9.0)
    vessel.integrate(9.0)
    flow.restore(kept[0])
    vessel.restore(kept[1])
    assert (flow.snapshot(), vessel.snapshot()) == kept
