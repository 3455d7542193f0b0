"""The weighing cell against closed forms."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from autolab.model.clock import Clock
from autolab.simulators.weighing import PERIOD, CellOptions, Noise, WeighingCell
from autolab.simulators.world import Pan, World

QUIET = CellOptions(noise=0.0)
TAU = QUIET.tau


def cell_on(
    clock: Clock, options: CellOptions = QUIET, load: float = 0.0, seed: int = 1
) -> tuple[World, Pan, WeighingCell]:
    world = World({}, clock=clock)
    pan = world.pan("balance")
    pan.load = load
    cell = WeighingCell(options, world, load=load, seed=seed)
    pan.cell = cell
    return world, pan, cell


@pytest.mark.parametrize("after", [0.05, 0.35, 1.0, 3.0, 30.0])
def test_step_response_is_exponential(clock: Clock, after: float) -> None:
    world, pan, cell = cell_on(clock)
    pan.load = 10.0
    world.advance(after)
    assert cell.level == pytest.approx(10.0 * (1.0 - math.exp(-after / TAU)), abs=1e-9)


def test_ramp_is_followed_with_a_lag_of_tau(clock: Clock) -> None:
    _, _, cell = cell_on(clock)
    cell.feel((0.0, 2.0), (0.0, 4.0))
    assert cell.level == pytest.approx(4.0 - 2.0 * TAU + 2.0 * TAU * math.exp(-2.0 / TAU), abs=1e-12)


@given(st.lists(st.floats(0.01, 3.0), min_size=1, max_size=8), st.floats(-2.0, 2.0))
def test_response_does_not_depend_on_how_often_one_looks(steps: list[float], slope: float) -> None:
    clock = Clock("virtual")
    try:
        _, _, often = cell_on(clock)
        _, _, once = cell_on(clock)
        now = 0.0
        for step in steps:
            often.feel((now, now + step), (slope * now, slope * (now + step)))
            now += step
        once.feel((0.0, now), (0.0, slope * now))
        assert often.level == pytest.approx(once.level, abs=1e-9)
    finally:
        clock.close()


@pytest.mark.parametrize("constant", [0.05, TAU, 0.5, 3.0])
def test_curved_load_is_followed_exactly(clock: Clock, constant: float) -> None:
    """One step with a bend equals very many straight ones."""
    _, _, cell = cell_on(clock)
    _, _, fine = cell_on(clock)

    def load(when: float) -> float:
        return 0.3 * when + 2.0 * (1.0 - math.exp(-when / constant))

    cell.feel((0.0, 1.5), (0.0, load(1.5)), 0.0, [(2.0, constant)])
    count = 20000
    for number in range(count):
        begin, end = 1.5 * number / count, 1.5 * (number + 1) / count
        fine.feel((begin, end), (load(begin), load(end)))
    assert cell.level == pytest.approx(fine.level, abs=1e-6)


def test_falling_drop_hits_harder_than_it_weighs(clock: Clock) -> None:
    _, _, cell = cell_on(clock)
    cell.feel((0.0, 0.0), (0.024, 0.024), 0.1 * 0.024)
    assert cell.level == pytest.approx(0.1 * 0.024 / TAU)


def test_unsettled_weight_is_unstable_until_the_window_is_quiet(clock: Clock) -> None:
    world, pan, cell = cell_on(clock)
    world.advance(10.0)
    assert cell.stable()
    pan.load = 1.0
    became_stable = None
    for tenth in range(1, 100):
        world.advance(10.0 + tenth / 10)
        if cell.stable():
            became_stable = tenth / 10
            break
        assert abs(cell.reading() - 1.0) > 0 or tenth < 90
    assert became_stable is not None
    quiet_from = became_stable - 1.5  # over the window before, the exponential must have changed by less than the limit
    assert math.exp(-quiet_from / TAU) <= QUIET.within * 1.05
    assert math.exp(-(quiet_from - 0.2) / TAU) > QUIET.within * 0.9


def test_noise_has_the_size_that_was_asked_for() -> None:
    options = CellOptions(white=2e-4, sway=0.0, drift=0.0)
    samples = np.array([Noise(options, 5, 0.0).at(number) for number in range(0, 2000)])
    assert samples.std() == pytest.approx(2e-4, rel=0.1)
    assert abs(samples.mean()) < 3e-5


def test_drift_is_slow_and_of_the_size_that_was_asked_for() -> None:
    options = CellOptions(white=0.0, sway=0.0, drift=6e-4)
    spread = []
    for seed in range(20):
        noise = Noise(options, seed, 0.0)
        hours = np.array([noise.at(round(when / PERIOD)) for when in np.linspace(0, 2 * 3600, 200)])
        second = abs(noise.at(10) - noise.at(0))
        spread.append(hours.std())
        assert second < 1e-4
    assert np.mean(spread) == pytest.approx(6e-4, rel=0.4)


def test_noise_depends_on_seed_and_time_alone() -> None:
    options = CellOptions()
    forwards = [Noise(options, 3, 0.0).at(number) for number in range(600)]
    noise = Noise(options, 3, 0.0)
    backwards = [noise.at(number) for number in reversed(range(600))][::-1]
    assert forwards == backwards
    assert forwards != [Noise(options, 4, 0.0).at(number) for number in range(600)]


def test_noise_begins_anew_with_its_seed(clock: Clock) -> None:
    world, _, cell = cell_on(clock, CellOptions(), seed=1)
    world.advance(3.0)
    first = cell.reading()
    world.advance(50.0)
    cell.reseed(1)
    world.advance(53.0)
    assert cell.reading() == pytest.approx(first, abs=1e-12)


def test_a_sample_is_taken_once(clock: Clock) -> None:
    world, pan, cell = cell_on(clock)
    world.advance(1.0)
    first = cell.reading()
    pan.load = 5.0
    world.advance(1.0 + 0.4 * PERIOD)
    assert cell.reading() == first


def test_state_survives_a_snapshot(clock: Clock) -> None:
    world, pan, cell = cell_on(clock, CellOptions(), seed=1)
    pan.load = 2.0
    world.advance(1.0)
    state = cell.snapshot()
    other_world, _, other = cell_on(clock, CellOptions(), seed=9)
    other_world.time = 100.0
    other.restore(state)
    for later in (0.0, 0.3, 2.0):
        cell.feel((world.time, 1.0 + later), (2.0, 2.0))
        other.feel((other_world.time, 100.0 + later), (2.0, 2.0))
        world.time, other_world.time = 1.0 + later, 100.0 + later
        assert other.reading() == pytest.approx(cell.reading(), abs=1e-9)
        assert other.stable() == cell.stable()
