"""The line from syringe to nozzle against closed forms and its own bookkeeping."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autolab.simulators.line import FILL, NECKING, Line, LineOptions
from autolab.simulators.vessels import Container

TAU = 0.5
PLAIN = LineOptions(tau=TAU, spread=0.0, weep=0.0)
DRAIN = replace(PLAIN, drop=0.0)


def line_of(options: LineOptions, contents: float = 5.0, stock: float = 1000.0) -> Line:
    source = Container("stock", volume=stock, mass=stock)
    ends = (source, Container("beaker", capacity=100.0), Container("spilled"))
    return Line(options, contents, ends, (1.0, 1.0, 1.0), lambda kind, number: 0.0)


def run(line: Line, swept: float, seconds: float, look: float = math.inf) -> None:
    """Let the plunger sweep for some time, from event to event, looking every `look` s."""
    left = seconds
    while left > 1e-12:
        step = min(left, look, *(event for event in line.events(swept, left) if event > 0))
        line.step(swept, step)
        left -= step


def inventory(line: Line) -> float:
    return line.liquid + line.source.volume + line.destination.volume + line.spilled.volume


@pytest.mark.parametrize("seconds", [0.1, 0.5, 2.0])
def test_flow_lags_the_plunger_by_tau(seconds: float) -> None:
    line = line_of(DRAIN)
    run(line, 0.05, seconds)
    assert line.flow == pytest.approx(0.05 * (1 - math.exp(-seconds / TAU)), rel=1e-9)
    passed = 0.05 * seconds - 0.05 * TAU * (1 - math.exp(-seconds / TAU))
    assert line.destination.volume == pytest.approx(passed, rel=1e-9)


def test_what_is_stored_drips_after_the_stop() -> None:
    line = line_of(DRAIN)
    run(line, 0.05, 10.0)
    landed = line.destination.volume
    run(line, 0.0, 1.0)
    stored = 0.05 * TAU * (1 - math.exp(-10 / TAU))
    assert line.destination.volume - landed == pytest.approx(stored * (1 - math.exp(-1.0 / TAU)), rel=1e-9)
    run(line, 0.0, 60.0)
    assert line.destination.volume == pytest.approx(0.5, rel=1e-9)
    assert line.quiet(0.0)


def test_slow_flow_comes_in_drops() -> None:
    line = line_of(replace(PLAIN, drop=0.020))
    run(line, 1e-6, 21000.0)
    assert line.drops == 1
    assert line.destination.volume == pytest.approx(0.020, rel=1e-3)
    assert line.outside == pytest.approx(0.001, rel=0.01)


def test_drops_are_smaller_in_a_faster_flow() -> None:
    line = line_of(PLAIN)
    run(line, 0.05, 20.0)
    expected = PLAIN.drop * (1 - NECKING * 0.05 / PLAIN.jet)
    assert line.next_drop == pytest.approx(expected, rel=1e-6)


def test_fast_flow_leaves_in_a_jet_and_splashes() -> None:
    line = line_of(PLAIN)
    run(line, 0.2, 5.0)
    spilled = line.spilled.volume
    assert line.drops <= 2
    assert spilled > 0
    assert spilled / line.destination.volume < 0.01
    slow = line_of(PLAIN)
    run(slow, 0.05, 20.0)
    assert slow.spilled.volume == 0.0


def test_withdrawing_draws_back_first_then_from_the_stock() -> None:
    line = line_of(PLAIN)
    run(line, -0.01, 100.0)
    assert line.outside == pytest.approx(-PLAIN.shut, abs=1e-9)
    assert line.closings == 1
    drawn = 1000.0 - line.source.volume
    assert drawn == pytest.approx(1.0 - PLAIN.shut - 0.01 * TAU, abs=1e-4)


def test_valve_opens_again_with_forward_flow() -> None:
    line = line_of(PLAIN)
    run(line, -0.01, 10.0)
    run(line, 0.01, 10.0)
    run(line, 0.0, 20.0)
    assert line.backflow == 0.0
    run(line, -0.01, 10.0)
    assert line.closings == 2


def test_small_suck_back_is_given_back() -> None:
    line = line_of(PLAIN)
    run(line, 0.0, 1.0)
    run(line, -0.005, 2.0)
    run(line, 0.0, 30.0)
    assert line.outside == pytest.approx(-0.010, abs=1e-9)
    run(line, 0.005, 2.0)
    run(line, 0.0, 30.0)
    assert line.outside == pytest.approx(0.0, abs=1e-9)
    assert line.source.volume == 1000.0


def test_single_port_draws_through_its_nozzle() -> None:
    line = line_of(replace(PLAIN, shut=math.inf))
    run(line, -0.01, 20.0)
    run(line, 0.0, 30.0)
    assert line.outside == pytest.approx(-0.2, abs=1e-9)
    assert line.source.volume == 1000.0


def test_empty_stock_gives_air() -> None:
    line = line_of(PLAIN, stock=0.5)
    run(line, -0.02, 100.0)
    run(line, 0.0, 10.0)
    assert line.source.volume == 0.0
    assert line.air == pytest.approx(2.0 - PLAIN.shut - 0.5, abs=1e-6)
    before = line.destination.volume
    run(line, 0.02, 100.0)
    run(line, 0.0, 10.0)
    wet = line.destination.volume - before
    held = 5.0 + FILL + 2.0 - PLAIN.shut
    assert wet < 2.0 * (held - line.air) / held + 0.05


def test_hanging_drop_weeps_until_it_falls_and_no_further() -> None:
    line = line_of(replace(PLAIN, weep=0.001))
    line.outside = 0.005
    run(line, 0.0, 5.0)
    assert line.outside == pytest.approx(0.010, abs=1e-9)
    run(line, 0.0, 3600.0)
    assert line.drops == 1
    assert line.outside == pytest.approx(0.0, abs=1e-6)
    assert line.quiet(0.0)


def test_meniscus_in_the_nozzle_does_not_weep() -> None:
    line = line_of(replace(PLAIN, weep=0.001))
    line.outside = -0.002
    assert line.quiet(0.0)


MOVES = st.lists(st.tuples(st.floats(-0.25, 0.25), st.floats(0.01, 20.0)), min_size=1, max_size=6)


@given(MOVES, st.sampled_from([PLAIN, LineOptions(), DRAIN, replace(LineOptions(), shut=math.inf)]))
def test_nothing_is_made_or_lost(moves: list[tuple[float, float]], options: LineOptions) -> None:
    line = line_of(options, contents=5.0)
    before, position, pushed_through = inventory(line), 5.0, False
    for swept, seconds in moves:
        run(line, swept, seconds)
        position -= swept * seconds
        pushed_through |= position < 0.05  # the syringe of this test has no end stop: the plunger is past its end
        run(line, 0.0, 1.0)
    assert inventory(line) == pytest.approx(before, abs=1e-9)
    held = line.liquid + line.air
    if min(line.liquid, held) > 0.01 and not pushed_through:
        assert held == pytest.approx(position + FILL + line.squeezed + line.outside, abs=1e-6)


@given(MOVES, st.floats(0.05, 3.0))
def test_looking_changes_nothing(moves: list[tuple[float, float]], look: float) -> None:
    seldom, often = line_of(LineOptions(), contents=20.0), line_of(LineOptions(), contents=20.0)
    for swept, seconds in moves:
        swept = min(swept, 0.09)  # below the jet: splashes are integrated by steps
        run(seldom, swept, seconds)
        run(often, swept, seconds, look)
    assert often.outside + often.squeezed == pytest.approx(seldom.outside + seldom.squeezed, abs=2e-2)
    assert often.liquid == pytest.approx(seldom.liquid, abs=2e-2)  # a drop more or less at the last moment


def test_state_survives_a_snapshot() -> None:
    line, other = line_of(LineOptions()), line_of(LineOptions())
    run(line, 0.05, 3.3)
    other.restore(line.snapshot())
    for each in (line, other):
        run(each, 0.0, 5.0)
    assert other.snapshot() == line.snapshot()
