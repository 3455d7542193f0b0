"""Loads and cells against closed forms."""

from __future__ import annotations

import itertools
import json
import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from autolab.model.errors import InputError
from autolab.simulators.electrics import THERMAL, Diode, Resistor, load_of, source_current, source_voltage
from autolab.simulators.electrochemistry import FARADAY, GAS, DummyCell, RandlesCell, ReversibleCouple, cell_of


@given(st.floats(-20, 20))
def test_a_diode_is_its_own_inverse(v: float) -> None:
    diode = Diode(ohm=2.0)
    i = diode.current(v)
    if v > -0.3:  # beyond, the current is the saturation's to all digits
        assert diode.voltage(i) == pytest.approx(v, abs=1e-6)
    assert -diode.saturation <= i <= max(v, 0) / 2.0 + diode.saturation


def test_a_diode_is_shockleys_where_its_resistance_does_not_count() -> None:
    diode = Diode(1e-12, 1.0, 1e-6)
    assert diode.current(0.4) == pytest.approx(1e-12 * math.expm1(0.4 / THERMAL), rel=1e-3)
    assert diode.voltage(-1.0) == -math.inf


def test_sources_clamp_at_the_limit() -> None:
    assert source_voltage(Resistor(100.0), -3.0, 0.01) == (-1.0, -0.01, True)
    assert source_voltage(Resistor(100.0), 0.5, 0.01) == (0.5, 0.005, False)
    assert source_current(Resistor(100.0), 0.5, 10.0) == (10.0, 0.1, True)
    v, i, held = source_current(Diode(), -1e-3, 5.0)
    assert (v, held) == (-5.0, True)
    assert i == pytest.approx(-1e-9)


def test_randles_after_a_step() -> None:
    cell = RandlesCell(1e3, 9e3, 1e-6)
    tau = 1e-6 * 1e3 * 9e3 / 1e4
    assert cell.follow((1.0, 1.0), 0.0) == pytest.approx(1e-3)  # all over Rs at first
    for _ in range(10):
        current = cell.follow((1.0, 1.0), tau / 10)
    assert current == pytest.approx(1e-4 + 9e-4 * math.exp(-1.0), rel=1e-12)


def test_randles_on_a_ramp_charges_its_double_layer() -> None:
    cell = RandlesCell(100.0, 1e9, 1e-6)
    current = cell.follow((0.0, 1.0), 10.0)  # 0.1 V/s
    assert current == pytest.approx(1e-6 * 0.1 + 1.0 / 1e9, rel=1e-3)


@given(st.integers(1, 50))
def test_randles_is_exact_in_any_pieces(pieces: int) -> None:
    whole, parts = RandlesCell(1e3, 1e4, 1e-5), RandlesCell(1e3, 1e4, 1e-5)
    once = whole.follow((0.2, 0.8), 0.5)
    volts = np.linspace(0.2, 0.8, pieces + 1)
    for v in itertools.pairwise(volts):
        last = parts.follow((float(v[0]), float(v[1])), 0.5 / pieces)
    assert last == pytest.approx(once, rel=1e-9)


def test_randles_discharges_at_rest() -> None:
    cell = RandlesCell(1e3, 1e4, 1e-5)
    cell.follow((1.0, 1.0), 10.0)
    before = cell.u
    cell.rest(0.1)
    assert cell.u == pytest.approx(before * math.exp(-1.0))


def test_cottrell() -> None:
    cell = ReversibleCouple()
    t, dt = 0.0, 2e-3
    for _ in range(2000):
        t += dt
        current = cell.follow((1.0, 1.0), dt)
    wanted = FARADAY * cell.area * cell.concentration * math.sqrt(cell.diffusion / (math.pi * t))
    assert current == pytest.approx(wanted, rel=0.01)


@pytest.mark.parametrize("rate", [0.02, 0.1, 0.5])
def test_randles_and_sevcik(rate: float) -> None:
    cell = ReversibleCouple()
    dt = min(cell.finest, 2e-3)
    volts = np.arange(-0.2, 0.6, rate * dt)
    currents = np.array([cell.follow((float(v), float(v)), dt) for v in volts])
    per_volt = FARADAY / (GAS * 298.15)
    wanted = 0.4463 * FARADAY * cell.area * cell.concentration * math.sqrt(per_volt * rate * cell.diffusion)
    assert currents.max() == pytest.approx(wanted, rel=0.02)
    assert volts[currents.argmax()] == pytest.approx(cell.formal + 0.0285, abs=0.004)  # 28.5 mV beyond


def test_nothing_flows_far_below_the_formal_potential_and_after_rest_all_is_as_before() -> None:
    cell = ReversibleCouple()
    assert abs(cell.follow((-0.3, -0.3), 1.0)) < 1e-12
    cell.follow((1.0, 1.0), 0.1)
    for _ in range(600):
        cell.rest(10.0)
    assert cell.c == pytest.approx(cell.concentration, rel=0.02)


@pytest.mark.parametrize("options", [{"cell": "resistor"}, {"cell": "randles"}, {"cell": "couple"}, {}])
def test_cells_by_name_and_their_state(options: Any) -> None:
    cell = cell_of(options)
    cell.follow((0.5, 0.5), 0.05)
    state = json.loads(json.dumps(cell.snapshot()))
    after = cell.follow((0.4, 0.4), 0.05)
    other = cell_of(options)
    other.restore(state)
    assert other.follow((0.4, 0.4), 0.05) == pytest.approx(after)
    cell.rest(1.0)


def test_what_cannot_be() -> None:
    for make in (lambda: Resistor(0.0), lambda: RandlesCell(1.0, -1.0, 1.0), lambda: DummyCell(-5.0)):
        with pytest.raises(InputError, match=r"give .*positive"):
            make()
    with pytest.raises(InputError, match="cell: 'battery' is none"):
        cell_of({"cell": "battery"})
    with pytest.raises(InputError, match="load: 1 is none"):
        load_of({"load": 1})
    assert load_of({"load": "diode", "ohm": 3.0}).voltage(1.0) > 3.0
