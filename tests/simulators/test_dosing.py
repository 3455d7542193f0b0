"""The world of gravimetric dosing."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from autolab.model.clock import Clock
from autolab.model.errors import InputError
from autolab.simulators.bench import Bench
from autolab.simulators.dosing import DosingWorld
from autolab.simulators.plunger import Syringe
from autolab.simulators.vessels import FLUX, LIQUIDS, Container


def world_of(lab: dict[str, Any], clock: Clock) -> DosingWorld:
    world = DosingWorld(lab, clock=clock, seed=7)
    world.plunger("dosing", Syringe(14.5, 10.0, 5.0))
    world.plunger("waste", Syringe(26.7, 50.0))
    world.pan("balance")
    return world


def sweep(world: DosingWorld, name: str, volume: float, rate: float) -> None:
    """Let a plunger sweep a volume (mL, positive outwards) at a rate (mL/min) and stop."""
    plunger = world.plungers[name]
    area = plunger.syringe.area
    plunger.start(math.copysign(rate / 60.0 / area, volume), abs(volume) / area, lambda ended: None)
    world.advance(world.time + 60.0 * abs(volume) / rate)


def test_volume_dosed_lands_in_the_vessel(lab: dict[str, Any], clock: Clock) -> None:
    lab["virtual"]["vessels"]["beaker"]["area_cm2"] = 0.0
    world = world_of(lab, clock)
    sweep(world, "dosing", 2.0, 3.0)
    world.advance(world.time + 60.0)
    beaker = world.containers["beaker"]
    hanging = world.lines["dosing"].outside
    wept = world.plungers["dosing"].position  # what wept from the stock is what the line holds beyond the plunger
    assert 0 <= hanging < 0.02
    assert beaker.volume == pytest.approx(2.0, abs=0.02)
    assert beaker.mass == pytest.approx(beaker.volume * LIQUIDS["water"].density, rel=1e-12)
    assert wept == pytest.approx(3.0, abs=1e-9)
    assert world.pans["balance"].load == pytest.approx(50.0 + beaker.mass, abs=1e-12)


@pytest.mark.parametrize(("valve", "drawn"), [(True, 1.0), (False, 0.0)])
def test_a_pump_with_a_valve_of_its_own_draws_from_its_stock(
    lab: dict[str, Any], clock: Clock, valve: bool, drawn: float
) -> None:
    del lab["instruments"]["dosing"]["refill"]
    world = DosingWorld(lab, clock=clock, seed=7)
    world.plunger("dosing", Syringe(14.5, 10.0, 5.0, valve=valve))
    sweep(world, "dosing", 2.0, 3.0)
    before = world.stock["water"].volume
    sweep(world, "dosing", -1.0, 3.0)
    world.advance(world.time + 60.0)
    assert before - world.stock["water"].volume == pytest.approx(drawn, abs=0.05)


def test_vessel_is_emptied_into_the_drain(lab: dict[str, Any], clock: Clock) -> None:
    lab["virtual"]["vessels"]["beaker"].update(contents_mL=10.0, area_cm2=0.0)
    world = world_of(lab, clock)
    sweep(world, "waste", -20.0, 20.0)
    assert world.containers["beaker"].volume == pytest.approx(0.02, abs=1e-6)  # what the tube does not reach
    assert world.lines["waste"].air > 5.0
    sweep(world, "waste", 20.0, 20.0)
    world.advance(world.time + 10.0)
    assert world.stock["drain"].volume > 9.0


def test_evaporation_by_the_area(lab: dict[str, Any], clock: Clock) -> None:
    lab["virtual"]["vessels"]["beaker"] = {"volume_mL": 100, "contents_mL": 100, "area_cm2": 10.0}
    world = world_of(lab, clock)
    world.advance(3600.0)
    beaker = world.containers["beaker"]
    assert beaker.evaporated == pytest.approx(FLUX * 10.0 * 3600.0, rel=1e-3)
    assert beaker.evaporated == pytest.approx(0.1, rel=1e-3)  # 100 g/(m2 h) on 10 cm2
    assert beaker.mass == pytest.approx(100 * 0.9982 - beaker.evaporated, abs=1e-9)


def test_dry_vessel_does_not_evaporate(lab: dict[str, Any], clock: Clock) -> None:
    lab["virtual"]["vessels"]["beaker"] = {"volume_mL": 100, "contents_mL": 0.01}
    world = world_of(lab, clock)
    for hour in range(1, 20):
        world.advance(3600.0 * hour)
    beaker = world.containers["beaker"]
    assert (beaker.volume, beaker.mass) == pytest.approx((0.0, 0.0), abs=1e-9)
    assert beaker.evaporated_volume == pytest.approx(0.01, abs=1e-9)


def test_fuller_vessel_evaporates_faster() -> None:
    full = Container("full", volume=100, mass=100, capacity=100, area=10)
    nearly_empty = Container("low", volume=1, mass=1, capacity=100, area=10)
    assert full.loss > 1.3 * nearly_empty.loss > 0


def test_vessel_overflows(lab: dict[str, Any], clock: Clock) -> None:
    lab["virtual"]["vessels"]["beaker"] = {"volume_mL": 3, "contents_mL": 2.5, "area_cm2": 0}
    world = world_of(lab, clock)
    sweep(world, "dosing", 2.0, 3.0)
    world.advance(world.time + 60.0)
    assert world.containers["beaker"].volume == 3.0
    assert world.spilled.volume == pytest.approx(1.5, abs=0.02)


def test_stock_runs_empty(lab: dict[str, Any], clock: Clock) -> None:
    lab["virtual"]["stock"] = {"water": 2.0}
    world = world_of(lab, clock)
    sweep(world, "dosing", -4.0, 8.0)
    world.advance(world.time + 10.0)
    assert world.stock["water"].volume == 0.0
    assert world.lines["dosing"].air == pytest.approx(2.0 - 0.015, abs=0.01)


def test_thicker_liquid_drips_longer(lab: dict[str, Any], clock: Clock) -> None:
    lab["instruments"]["dosing"]["stock"] = "ethylene_glycol"
    world = world_of(lab, clock)
    sweep(world, "dosing", 1.0, 3.0)
    assert world.lines["dosing"].tau == pytest.approx(0.5 * 19.9)
    stored = world.lines["dosing"].squeezed
    assert stored > 0.2
    world.advance(world.time + 60.0)
    assert world.lines["dosing"].squeezed < 0.02 * stored


def test_declared_liquid(lab: dict[str, Any], clock: Clock) -> None:
    lab["virtual"]["liquids"] = {"brine": {"density": 1.2, "viscosity": 2.0, "volatility": 0.5}}
    lab["instruments"]["dosing"]["stock"] = "brine"
    world = world_of(lab, clock)
    sweep(world, "dosing", 2.0, 3.0)
    world.advance(world.time + 60.0)
    beaker = world.containers["beaker"]
    assert beaker.density == pytest.approx(1.2, rel=1e-9)
    assert beaker.volatility == 0.5


MOVES = st.lists(
    st.tuples(
        st.sampled_from(["dosing", "waste"]),
        st.floats(-6.0, 6.0).filter(lambda volume: abs(volume) > 0.001),
        st.floats(0.5, 8.0),
    ),
    min_size=1,
    max_size=6,
)


@settings(max_examples=40, deadline=None)
@given(MOVES, st.floats(0.0, 1.0))
def test_liquid_is_neither_made_nor_lost(moves: list[tuple[str, float, float]], contents: float) -> None:
    clock = Clock("virtual")
    try:
        lab: dict[str, Any] = {
            "instruments": {
                "dosing": {"stock": "water", "refill": "check_valve"},
                "waste": {"refill": "check_valve"},
                "balance": {},
            },
            "plumbing": {"dosing": "beaker", "waste": ["beaker", "drain"], "balance": "beaker"},
            "virtual": {"vessels": {"beaker": {"volume_mL": 8, "contents_mL": contents}}, "stock": {"water": 6.0}},
        }
        world = world_of(lab, clock)
        before = world.total()
        for name, volume, rate in moves:
            sweep(world, name, volume, rate)
        world.advance(world.time + 30.0)
        assert world.total() == pytest.approx(before, abs=1e-8)
        assert all(container.volume >= 0 for container in world.containers.values())
        for name, line in world.lines.items():
            assert line.liquid + line.air == pytest.approx(
                world.plungers[name].position + 0.5 + line.squeezed + line.outside, abs=1e-6
            )
    finally:
        clock.close()


def test_movements_are_simultaneous(lab: dict[str, Any], clock: Clock) -> None:
    world = world_of(lab, clock)
    for name, speed in (("dosing", 0.3), ("waste", -0.2)):
        world.plungers[name].start(speed, 5.0, lambda ended: None)
    world.advance(30.0)
    entries = {entry.instrument: entry for entry in world.ledger}
    assert entries["dosing"].end == pytest.approx(5.0 / 0.3, abs=1e-6)
    assert entries["waste"].end == pytest.approx(5.0 / 0.2, abs=1e-6)
    assert (entries["dosing"].source, entries["dosing"].destination) == ("dosing", "beaker")
    assert (entries["waste"].source, entries["waste"].destination) == ("beaker", "waste")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"plumbing": {"dosing": "beeker", "balance": "beaker"}}, "Did you mean 'beaker'"),
        ({"plumbing": {"doseing": "beaker"}}, "Did you mean 'dosing'"),
        ({"plumbing": {"waste": ["beaker", "drain"], "balance": "beaker"}}, "'dosing' is a pump and leads nowhere"),
        ({"plumbing": {"dosing": "beaker", "waste": ["beaker", "drain"], "balance": "drain"}}, "not one vessel to weigh"),
        ({"plumbing": {"dosing": 3, "balance": "beaker"}}, "is not a name or a list"),
        ({"virtual": {"world": "dosing", "vessel": {}}}, "Did you mean 'vessels'"),
        ({"virtual": {"world": "dosing", "vessels": {"beaker": {"volume": 3}}}}, "Did you mean 'volume_mL'"),
        ({"virtual": {"world": "dosing", "vessels": {"beaker": {"volume_mL": "3"}}}}, "is not a number"),
        ({"virtual": {"world": "dosing", "vessels": {"beaker": {"volume_mL": 3, "contents_mL": 4}}}}, "between 0 and the volume"),
        ({"virtual": {"world": "dosing", "vessels": []}}, "is not a mapping"),
        ({"virtual": {"world": "dosing", "vessels": {"beaker": {}}, "line": {"drops": 3}}}, "drop_uL"),
        ({"virtual": {"world": "dosing", "vessels": {"beaker": {}}, "stock": {"watr": 3}}}, "Did you mean 'water'"),
        ({"virtual": {"world": "dosing", "vessels": {"beaker": {}}, "liquids": {"x": {"densty": 3}}}}, "Did you mean 'density'"),
        ({"virtual": {"world": "dosing", "vessels": {"beaker": {}}, "liquids": {"x": 3}}}, "is not a mapping"),
        ({"virtual": {"world": "dosing", "vessels": {"beaker": {}}, "liquids": {"x": {"density": -3}}}}, "must be positive"),
        ({"virtual": {"world": "dosing", "vessels": {"beaker": {"liquid": "watr"}}}}, "Did you mean 'water'"),
    ],
)  # fmt: skip
def test_senseless_labs_are_refused(lab: dict[str, Any], clock: Clock, change: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        Bench({**lab, **change}, clock=clock)


def test_unknown_stock_is_refused(lab: dict[str, Any], clock: Clock) -> None:
    lab["instruments"]["dosing"]["stock"] = "watr"
    with pytest.raises(InputError, match=r"Did you mean 'water'.*virtual\.liquids"):
        Bench(lab, clock=clock)


def test_drops_of_an_attempt_are_drawn_from_its_seed(lab: dict[str, Any], clock: Clock) -> None:
    volumes = []
    for trial, attempt in ((1, 1), (1, 1), (1, 2), (2, 1)):
        world = world_of(lab, clock)
        world.reseed(trial, attempt)
        sweep(world, "dosing", 1.0, 2.0)
        volumes.append(world.containers["beaker"].volume)
    assert volumes[0] == volumes[1]
    assert len(set(volumes)) == 3


def test_without_noise_seeds_change_nothing(lab: dict[str, Any], clock: Clock) -> None:
    lab["virtual"]["noise"] = 0.0
    volumes = []
    for trial in (1, 2):
        world = world_of(lab, clock)
        world.reseed(trial, 1)
        sweep(world, "dosing", 1.0, 2.0)
        volumes.append(world.containers["beaker"].volume)
    assert volumes[0] == volumes[1]


def dose(bench: Bench, speaker: Any, balance: Any, rate: float, suck_back: float, dwell: float, trial: int) -> float:
    """Dose 1 mL five times and return the mean absolute error, %, as a protocol would."""

    def weigh() -> float:
        text = balance.say(b"S\r\n", 0.3)
        while not text:
            balance.wait(0.5)
            text = balance.heard
        return float(text.split()[2])

    def draw(volume: float, rate: float) -> None:
        if volume:
            speaker.move("WDR", volume, rate)

    bench.reseed(trial, 1)
    speaker.move("INF", 0.5, 5.0)
    speaker.wait(5.0)
    draw(suck_back, 3.0)
    speaker.wait(dwell)
    errors, before = [], weigh()
    for _ in range(5):
        speaker.move("INF", 1.0 + suck_back, rate)
        draw(suck_back, 3.0)
        speaker.wait(dwell)
        after = weigh()
        errors.append(abs((after - before) / 0.9982 - 1.0) * 100.0)
        before = after
    speaker.move("WDR", 5.5, 8.0)
    return sum(errors) / len(errors)


def test_best_dosing_lies_inside_the_ranges(
    lab: dict[str, Any], clock: Clock, talk: Callable[[Bench, str], Any]
) -> None:
    """Fast, slow, without suck-back and with too much of it are all worse than the middle."""
    lab["instruments"]["dosing"].update(volume_mL=20, syringe_mm=20.0, contents_mL=10)
    bench = Bench(lab, clock=clock, seed=3)
    speaker, balance = talk(bench, "dosing"), talk(bench, "balance")
    speaker.ask("0")

    def mean(rate: float, suck_back: float, dwell: float) -> float:
        return sum(dose(bench, speaker, balance, rate, suck_back, dwell, trial) for trial in range(4)) / 4

    middle = mean(3.5, 0.025, 4.0)
    others = {
        point: mean(*point) for point in [(15.0, 0.025, 4.0), (3.5, 0.060, 4.0), (0.6, 0.025, 4.0), (3.5, 0.0, 20.0)]
    }
    assert middle < 0.6
    assert {point: error > 1.15 * middle for point, error in others.items()} == dict.fromkeys(others, True), (
        middle,
        others,
    )
