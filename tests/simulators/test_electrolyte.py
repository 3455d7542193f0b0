"""The world of the electrolyte bench."""

from __future__ import annotations

import copy
import json
import math
import statistics
from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from autolab.model.clock import Clock
from autolab.model.errors import InputError
from autolab.model.stocks import Composition
from autolab.simulators.bench import Bench
from autolab.simulators.conductivity import conductivity
from autolab.simulators.electrolyte import BACKLASH, SPREAD, ElectrolyteWorld
from autolab.simulators.electrolyte_conditions import IMMERSED
from autolab.simulators.fluids import RESIDUE, Fluid
from autolab.simulators.heating import HotPlate
from autolab.simulators.plunger import Syringe
from autolab.simulators.solvents import HEAT, drying
from autolab.simulators.tubes import FILM, WET
from autolab.simulators.weighing import CellOptions, WeighingCell

PUMPS = ("ec_emc", "pc", "emc", "salt", "rinse", "transfer", "waste")
STOCK_OF = {"ec_emc": "EC_EMC", "pc": "PC", "emc": "EMC", "salt": "LiPF6_2m", "rinse": "EMC"}


def pump(bus: int, **settings_: Any) -> dict[str, Any]:
    address = f"serial:///dev/ttyUSB0?bus={bus}"
    entry = {"driver": "new_era.NE1000", "address": address, "syringe_mm": 26.7, "volume_mL": 50.0}
    return {**entry, "refill": "check_valve", **settings_}


LAB: dict[str, Any] = {
    "stocks": {
        "EC_EMC": {"solvents": {"EC": 0.5, "EMC": 0.5}, "density": 1.142, "loaded_mL": 500},
        "PC": {"solvents": {"PC": 1.0}, "density": 1.205, "loaded_mL": 500},
        "EMC": {"solvents": {"EMC": 1.0}, "density": 1.006},
        "LiPF6_2m": {"solvents": {"EC": 0.3, "EMC": 0.7}, "salts": {"LiPF6": 2.0}, "density": 1.29, "loaded_mL": 500},
    },
    "instruments": {
        **{
            name: pump(bus, **({"stock": STOCK_OF[name]} if name in STOCK_OF else {})) for bus, name in enumerate(PUMPS)
        },
        "balance": {"driver": "mettler_toledo.Balance", "address": "serial:///dev/ttyUSB1"},
    },
    "plumbing": {
        **dict.fromkeys(STOCK_OF, "mixer"),
        "transfer": ["mixer", "cell"],
        "waste": ["cell", "drain"],
        "balance": "mixer",
        "plate": "cell",
        "probe": "cell",
    },
    "virtual": {
        "world": "electrolyte",
        "vessels": {"mixer": {"volume_mL": 20, "area_cm2": 0}, "cell": {"volume_mL": 20, "area_cm2": 0}},
        "noise": 0.0,
    },
}


@pytest.fixture
def lab() -> dict[str, Any]:
    """Return a lab whose vessels are closed and whose pumps are exact, with a plate and a probe for the world alone."""
    lab = copy.deepcopy(LAB)
    lab["instruments"] |= {"plate": {}, "probe": {}}
    return lab


def world_of(lab: dict[str, Any], clock: Clock, seed: int = 7) -> ElectrolyteWorld:
    world = ElectrolyteWorld(lab, clock=clock, seed=seed)
    for name in PUMPS:
        world.plunger(name, Syringe(26.7, 50.0, 20.0 if name in STOCK_OF else 0.0))
    world.pan("balance")
    world.plate("plate")
    world.site("probe")
    return world


def start(world: ElectrolyteWorld, name: str, volume: float, rate: float) -> float:
    """Let a plunger begin to sweep a volume (mL, positive outwards) at a rate (mL/min); return when it is over."""
    plunger = world.plungers[name]
    area = plunger.syringe.area
    plunger.start(math.copysign(rate / 60.0 / area, volume), abs(volume) / area, lambda ended: None)
    assert plunger.end is not None
    return plunger.end


def sweep(world: ElectrolyteWorld, name: str, volume: float, rate: float = 20.0) -> None:
    """Let a plunger sweep a volume, and wait for it."""
    world.advance(start(world, name, volume, rate))


def carry(world: ElectrolyteWorld, name: str, volume: float, rate: float = 20.0) -> None:
    """Draw a volume and push it, with 2 mL of air after it."""
    sweep(world, name, -volume - 2.0, rate)
    sweep(world, name, volume + 2.0, rate)


def wait(world: ElectrolyteWorld, seconds: float) -> None:
    world.advance(world.time + seconds)


def fill_cell(world: ElectrolyteWorld, volume: float = 8.0) -> None:
    """Put salt stock into the cell, mixed."""
    world.containers["cell"].fluid = Fluid.of(world.parts.stocks["LiPF6_2m"], volume)
    world.plates["plate"].contents = volume * 1.29 * 1.55
    wait(world, 60.0)


# ---- liquids and lines


def test_doses_land_in_the_mixer(lab: dict[str, Any], clock: Clock) -> None:
    world = world_of(lab, clock)
    for name in ("ec_emc", "pc", "emc", "salt"):
        sweep(world, name, 2.0)
    mixer = world.containers["mixer"]
    expected = 2.0 * (1.142 + 1.205 + 1.006 + 1.29)
    assert mixer.volume == pytest.approx(8.0, abs=1e-9)
    assert mixer.fluid.mass == pytest.approx(expected, abs=1e-9)
    assert world.pans["balance"].load == pytest.approx(mixer.tare + expected, abs=1e-9)
    assert mixer.fluid.grams["PC"] == pytest.approx(2.0 * 1.205, abs=1e-9)


def test_load_grows_evenly(lab: dict[str, Any], clock: Clock) -> None:
    world = world_of(lab, clock)
    empty = world.pans["balance"].load
    end = start(world, "pc", 2.0, 6.0)
    for share in (0.013, 0.37, 0.5, 0.999, 1.0):
        world.advance(end * share)
        assert world.pans["balance"].load == pytest.approx(empty + share * 2.0 * 1.205, abs=1e-9)


def test_movement_that_is_stopped_gives_its_share(lab: dict[str, Any], clock: Clock) -> None:
    world = world_of(lab, clock)
    end = start(world, "pc", 2.0, 6.0)
    world.advance(0.41 * end)
    world.plungers["pc"].stop()
    wait(world, 5.0)
    assert world.containers["mixer"].volume == pytest.approx(0.82, abs=1e-9)


def test_refill_comes_from_the_bottle(lab: dict[str, Any], clock: Clock) -> None:
    world = world_of(lab, clock)
    sweep(world, "pc", 8.0)
    sweep(world, "pc", -30.0)
    assert world.stock["PC"].volume == pytest.approx(470.0, abs=1e-9)
    assert world.containers["mixer"].volume == pytest.approx(8.0, abs=1e-9)


def test_bottle_of_which_nobody_says_holds_a_litre(lab: dict[str, Any], clock: Clock) -> None:
    lab["virtual"]["stock_mL"] = {"PC": 33.0}
    world = world_of(lab, clock)
    assert (world.stock["EMC"].volume, world.stock["PC"].volume) == (1000.0, 33.0)


def test_pumps_of_one_stock_share_its_bottle(lab: dict[str, Any], clock: Clock) -> None:
    world = world_of(lab, clock)
    sweep(world, "emc", -10.0)
    sweep(world, "rinse", -5.0)
    assert world.stock["EMC"].volume == pytest.approx(985.0, abs=1e-9)


def test_transfer_leaves_residue_and_films(lab: dict[str, Any], clock: Clock) -> None:
    world = world_of(lab, clock)
    sweep(world, "salt", 8.0)
    carry(world, "transfer", 8.0)
    films = 2 * FILM * 0.25 + WET  # in both tubes and the syringe
    assert world.containers["mixer"].volume == pytest.approx(RESIDUE, abs=1e-9)
    assert world.containers["cell"].volume == pytest.approx(8.0 - RESIDUE - films, abs=5e-4)
    assert world.lines["transfer"].liquid.volume == pytest.approx(films, abs=5e-4)


def test_what_stays_behind_is_carried_over(lab: dict[str, Any], clock: Clock) -> None:
    world = world_of(lab, clock)
    sweep(world, "salt", 8.0)
    carry(world, "transfer", 8.0)
    carry(world, "waste", 8.0)
    sweep(world, "emc", 8.0)
    carry(world, "transfer", 8.1)
    salt = world.parts.stocks["LiPF6_2m"].grams(1.0)["LiPF6"]  # g/mL
    left = 2 * RESIDUE + FILM * 0.25 * 2 + WET
    grams = world.containers["cell"].fluid.grams["LiPF6"]
    assert grams == pytest.approx(salt * left, rel=0.02)  # all but what stays behind again, about 1 % of it
    assert grams < salt * left


def test_cell_is_emptied_into_the_drain(lab: dict[str, Any], clock: Clock) -> None:
    world = world_of(lab, clock)
    fill_cell(world)
    carry(world, "waste", 8.0)
    assert world.containers["cell"].volume == pytest.approx(RESIDUE, abs=1e-9)
    films = 2 * FILM * 0.25 + WET
    assert world.stock["drain"].volume == pytest.approx(8.0 - RESIDUE - films, abs=5e-4)


def test_residue_is_declared(lab: dict[str, Any], clock: Clock) -> None:
    lab["virtual"]["vessels"]["cell"]["residue_mL"] = 0.5
    world = world_of(lab, clock)
    fill_cell(world)
    carry(world, "waste", 8.0)
    assert world.containers["cell"].volume == pytest.approx(0.5, abs=1e-9)


def test_first_transfer_meets_dry_tubes(lab: dict[str, Any], clock: Clock) -> None:
    world = world_of(lab, clock)
    sweep(world, "salt", 8.0)
    sweep(world, "transfer", -4.0)
    assert world.containers["mixer"].volume == pytest.approx(4.0, abs=1e-9)
    assert world.lines["transfer"].barrel.liquid.volume == pytest.approx(4.0 - 0.25, abs=1e-9)


def test_dead_volumes_are_declared(lab: dict[str, Any], clock: Clock) -> None:
    lab["virtual"]["lines"] = {"transfer": {"inlet_mL": 0.5, "outlet_mL": 1.0}, "pc": {"dead_mL": 0.1}}
    world = world_of(lab, clock)
    assert world.lines["pc"].liquid.volume == pytest.approx(20.0 + 0.5 + 0.2)  # barrel, hub, tubes
    sweep(world, "salt", 8.0)
    sweep(world, "transfer", -4.0)
    assert world.lines["transfer"].barrel.liquid.volume == pytest.approx(3.5, abs=1e-9)


def test_mixer_overflows(lab: dict[str, Any], clock: Clock) -> None:
    world = world_of(lab, clock)
    sweep(world, "pc", 18.0)
    sweep(world, "emc", 5.0)
    wait(world, 2.0)
    assert world.containers["mixer"].volume == pytest.approx(20.0, abs=1e-9)
    assert world.parts.spilled.volume == pytest.approx(3.0, abs=1e-9)
    assert world.pans["balance"].load == pytest.approx(world.containers["mixer"].load, abs=1e-12)


def test_only_emc_dries(lab: dict[str, Any], clock: Clock) -> None:
    lab["virtual"]["vessels"]["mixer"]["area_cm2"] = 5.0
    world = world_of(lab, clock)
    sweep(world, "salt", 8.0)
    wait(world, 1.0)
    before, gone = dict(world.containers["mixer"].fluid.grams), world.parts.air.fluid.mass
    rate = drying(world.containers["mixer"], 21.0)
    wait(world, 600.0)
    after = world.containers["mixer"].fluid.grams
    assert before["EMC"] - after["EMC"] == pytest.approx(rate * 600.0, rel=0.005)
    assert (after["EC"], after["LiPF6"]) == (before["EC"], before["LiPF6"])
    assert world.pans["balance"].load == pytest.approx(10.0 + sum(after.values()), abs=1e-9)
    assert world.parts.air.fluid.mass - gone == pytest.approx(before["EMC"] - after["EMC"], abs=1e-12)


def test_warm_cell_dries_faster(lab: dict[str, Any], clock: Clock) -> None:
    lab["virtual"]["vessels"]["cell"]["area_cm2"] = 5.0
    lost = []
    for warmth in (21.0, 50.0):
        world = world_of(lab, clock)
        fill_cell(world)
        hold(world, warmth)
        wait(world, 300.0)
        lost.append(world.parts.air.fluid.mass)
    assert 2.5 < lost[1] / lost[0] < 4.5


# ---- trouble


def test_bottle_runs_dry(lab: dict[str, Any], clock: Clock) -> None:
    lab["virtual"]["stock_mL"] = {"PC": 3.0}
    world = world_of(lab, clock)
    empty = world.pans["balance"].load
    sweep(world, "pc", 18.0)
    sweep(world, "transfer", -18.0)
    sweep(world, "pc", -18.0)
    assert world.stock["PC"].volume == 0.0
    held = world.lines["pc"].liquid.volume
    assert held == pytest.approx(20.5 - 18.0 + 3.0 + 0.6, abs=1e-6)
    sweep(world, "pc", 8.0)
    grams = world.pans["balance"].load - empty - RESIDUE * 1.205
    assert 3.0 * 1.205 < grams < held * 1.205 < 8.0 * 1.205  # the dose is short


def test_clogged_line_is_short_by_weight(lab: dict[str, Any], clock: Clock) -> None:
    lab["virtual"]["lines"] = {"pc": {"clogged": 0.6}}
    world = world_of(lab, clock)
    sweep(world, "pc", 2.0)
    sweep(world, "emc", 2.0)
    assert world.containers["mixer"].fluid.grams == pytest.approx({"PC": 1.2 * 1.205, "EMC": 2.0 * 1.006}, abs=1e-9)
    assert world.parts.leaked.volume == pytest.approx(0.8, abs=1e-9)


def test_line_clogs_in_mid_dose(lab: dict[str, Any], clock: Clock) -> None:
    world = world_of(lab, clock)
    end = start(world, "pc", 2.0, 6.0)
    clock.loop.call_later(end / 2, lambda: None)
    world.advance(end / 2)
    world.clog("pc", 0.0)
    world.advance(end)
    assert world.containers["mixer"].volume == pytest.approx(1.0, abs=1e-9)
    world.clog("pc", 1.0)
    sweep(world, "pc", 1.0)
    assert world.containers["mixer"].volume == pytest.approx(2.0, abs=1e-9)


@pytest.mark.parametrize(("name", "passes", "message"), [("pcc", 0.5, "Did you mean 'pc'"), ("pc", 1.5, "is no share")])
def test_senseless_clogs_are_refused(lab: dict[str, Any], clock: Clock, name: str, passes: float, message: str) -> None:
    with pytest.raises(InputError, match=message):
        world_of(lab, clock).clog(name, passes)


def test_cell_that_was_not_emptied_overflows(lab: dict[str, Any], clock: Clock) -> None:
    world = world_of(lab, clock)
    fill_cell(world, 15.0)
    sweep(world, "emc", 8.0)
    carry(world, "transfer", 8.0)
    assert world.containers["cell"].volume == pytest.approx(20.0, abs=1e-9)
    assert world.parts.spilled.volume == pytest.approx(3.0, abs=0.2)


# ---- errors of dosing


def test_doses_scatter_by_attempt(lab: dict[str, Any], clock: Clock) -> None:
    lab["virtual"]["noise"] = 1.0
    world = world_of(lab, clock)
    doses = []
    for trial in range(60):
        world.reseed(trial, 1)
        sweep(world, "pc", 2.0)
        doses.append(world.containers["mixer"].fluid.pour_out().volume)
        sweep(world, "pc", -2.0)
    spread = math.hypot(SPREAD, BACKLASH / 2.0)
    assert statistics.stdev(doses) / 2.0 == pytest.approx(spread, rel=0.35)
    assert statistics.fmean(doses) == pytest.approx(2.0, abs=4 * 2.0 * spread / math.sqrt(60))
    assert world.lines["pc"].barrel.volume == pytest.approx(20.5, abs=1e-6)  # each draw made good what was missed


def test_doses_are_drawn_from_the_attempts_seed(lab: dict[str, Any], clock: Clock) -> None:
    lab["virtual"]["noise"] = 1.0
    doses = []
    for trial, attempt in ((1, 1), (1, 1), (1, 2), (2, 1)):
        world = world_of(lab, clock)
        world.reseed(trial, attempt)
        sweep(world, "pc", 1.0)
        sweep(world, "pc", 1.0)
        doses.append(world.containers["mixer"].volume)
    assert doses[0] == doses[1]
    assert len(set(doses)) == 3


# ---- heat, mixing, probe


def hold(world: ElectrolyteWorld, warmth: float) -> None:
    """Let the cell and all around it have a temperature, degC, and be stirred."""
    plate = world.plates["plate"]
    plate.options = replace(plate.options, ambient=warmth)
    plate.plate = plate.vessel = warmth
    plate.rpm = 400.0


def test_what_is_poured_cools_the_cell(lab: dict[str, Any], clock: Clock) -> None:
    world = world_of(lab, clock)
    fill_cell(world, 4.0)
    plate = world.plates["plate"]
    plate.plate = plate.vessel = 50.0
    sweep(world, "pc", 4.0)
    sweep(world, "transfer", -4.0, 28.0)
    plate.plate = plate.vessel = 50.0
    sweep(world, "transfer", 4.0, 28.0)
    warm = plate.options.vessel_capacity + 4.0 * 1.29 * 1.55
    cold = (4.0 - RESIDUE - 0.25) * 1.205 * HEAT["PC"]
    expected = (warm * 50.0 + cold * 21.0) / (warm + cold)
    assert plate.vessel == pytest.approx(expected, abs=0.8)  # some heat comes from the plate meanwhile
    assert plate.contents == pytest.approx(
        sum(mass * HEAT[species] for species, mass in world.containers["cell"].fluid.grams.items())
    )


def test_room_is_declared(lab: dict[str, Any], clock: Clock) -> None:
    lab["virtual"]["room"] = {"celsius": 25.0, "swing_K": 0.5}
    world = world_of(lab, clock)
    assert world.plates["plate"].vessel == 25.0
    world.advance(6 * 3600.0)
    assert world.room == pytest.approx(25.5)
    assert 25.2 < world.plates["plate"].vessel < 25.5  # follows with its lag


def test_probe_sees_the_model(lab: dict[str, Any], clock: Clock) -> None:
    world = world_of(lab, clock)
    hold(world, 40.0)
    fill_cell(world)
    wait(world, 600.0)
    assert world.sites["probe"].truth() == pytest.approx(
        {"conductivity": conductivity(2.0, 0.3, 0.0, 0.7, 40.0), "temperature": 40.0}, rel=1e-6
    )
    assert world.sites["probe"].seen == pytest.approx(world.sites["probe"].truth(), rel=1e-6)


@pytest.mark.parametrize(("volume", "dry"), [(IMMERSED - 0.01, True), (IMMERSED, False)])
def test_probe_needs_to_be_immersed(lab: dict[str, Any], clock: Clock, volume: float, dry: bool) -> None:
    world = world_of(lab, clock)
    fill_cell(world, volume)
    assert (world.sites["probe"].truth()["conductivity"] == 0.0) is dry


def test_depth_of_immersion_is_declared(lab: dict[str, Any], clock: Clock) -> None:
    lab["virtual"]["immersion_mL"] = 9.0
    world = world_of(lab, clock)
    fill_cell(world, 8.0)
    assert world.sites["probe"].truth()["conductivity"] == 0.0


def test_stirring_mixes_faster(lab: dict[str, Any], clock: Clock) -> None:
    wrong = {}
    for speed in (0.0, 400.0):
        world = world_of(lab, clock)
        sweep(world, "salt", 4.0)
        sweep(world, "pc", 4.0)
        carry(world, "transfer", 8.0)
        world.plates["plate"].rpm = speed
        wait(world, 50.0)
        found = world.sites["probe"].truth()["conductivity"]
        wait(world, 5000.0)
        wrong[speed] = abs(found / world.sites["probe"].truth()["conductivity"] - 1.0)
    assert wrong[400.0] < 0.2 * wrong[0.0]
    assert wrong[0.0] > 0.005


def test_rinsing_cleans_the_cell(lab: dict[str, Any], clock: Clock) -> None:
    world = world_of(lab, clock)
    hold(world, 25.0)
    seen = []
    sweep(world, "salt", 8.0)
    for _ in range(4):
        carry(world, "transfer", 8.0)
        wait(world, 120.0)
        seen.append(world.sites["probe"].seen["conductivity"])
        carry(world, "waste", 8.0)
        sweep(world, "rinse", -10.0)
        sweep(world, "rinse", 8.0)
    assert seen[0] > 5.0
    assert all(after < before / 20 for before, after in pairwise(seen))


def test_what_the_data_do_not_cover_is_flagged(lab: dict[str, Any], clock: Clock) -> None:
    world = world_of(lab, clock)
    assert world.outside_hull == []  # a dry probe measures nothing
    fill_cell(world)
    wait(world, 3000.0)
    assert world.outside_hull == []
    world.containers["cell"].fluid = Fluid.of(world.parts.stocks["PC"], 8.0)
    assert any("LiPF6" in fault for fault in world.outside_hull)
    assert math.isfinite(world.sites["probe"].truth()["conductivity"])


# ---- promises

MOVES = st.lists(
    st.tuples(
        st.sampled_from(PUMPS), st.floats(-25.0, 25.0).filter(lambda volume: abs(volume) > 0.001), st.floats(1.0, 28.0)
    ),
    min_size=1,
    max_size=8,
)  # fmt: skip


def open_lab() -> dict[str, Any]:
    lab = copy.deepcopy(LAB)
    lab["instruments"] |= {"plate": {}, "probe": {}}
    lab["virtual"] |= {"noise": 1.0, "stock_mL": {"PC": 12.0}, "lines": {"emc": {"clogged": 0.7}}}
    lab["virtual"]["vessels"] = {
        "mixer": {"volume_mL": 20, "contents_mL": 3, "stock": "LiPF6_2m"},
        "cell": {"volume_mL": 20, "contents_mL": 9, "stock": "EC_EMC"},
    }
    return lab


@settings(max_examples=40)
@given(MOVES)
def test_every_gram_is_somewhere(moves: list[tuple[str, float, float]]) -> None:
    clock = Clock("virtual")
    try:
        world = world_of(open_lab(), clock)
        before = world.total()
        for name, volume, rate in moves:
            sweep(world, name, volume, rate)
        wait(world, 30.0)
        assert world.total() == pytest.approx(before, abs=1e-9)
        assert all(vessel.volume >= 0 for vessel in world.containers.values())
        assert all(vessel.volume <= vessel.capacity + 1e-9 for vessel in world.containers.values())
        world.snapshot()  # brings vessels up to the moment, as the load is
        assert world.pans["balance"].load == pytest.approx(world.containers["mixer"].load, abs=1e-9)
    finally:
        clock.close()


def thermostat(plate: HotPlate, _seconds: float) -> None:
    """Control a plate crudely."""
    plate.power, plate.rpm = (300.0 if plate.vessel < 45.0 else 0.0), 300.0


def run(looks: list[float]) -> dict[str, Any]:
    """Perform some overlapping movements with heat, looking at given shares of the time; return all there is to see."""
    clock = Clock("virtual")
    try:
        world = world_of(open_lab(), clock)
        pan = world.pan("balance")
        cell = pan.cell = WeighingCell(CellOptions(noise=0.0), world, load=pan.load, seed=1)
        world.plates["plate"].controller = thermostat
        start(world, "salt", 9.0, 20.0)
        start(world, "transfer", -9.0, 15.0)
        start(world, "waste", -12.0, 25.0)
        start(world, "pc", -20.0, 28.0)
        for share in sorted(looks):
            world.advance(share * 90.0)
        world.advance(90.0)
        start(world, "transfer", 9.0, 18.3)
        start(world, "pc", 7.0, 11.0)
        for share in sorted(looks):
            world.advance(90.0 + share * 80.0)
        world.advance(170.0)
        weighed = [cell.level, cell.reading()]
        return {"state": world.snapshot(), "seen": dict(world.sites["probe"].seen), "weighed": weighed}
    finally:
        clock.close()


def numbers(value: Any) -> list[float]:
    """Return every number of a JSON value, in order."""
    if isinstance(value, dict):
        return [number for key in sorted(value) for number in numbers(value[key])]
    if isinstance(value, list):
        return [number for one in value for number in numbers(one)]
    return [float(value)]


@settings(max_examples=25)
@given(st.lists(st.floats(0.0, 1.0), max_size=12))
def test_looking_changes_nothing(looks: list[float]) -> None:
    assert numbers(run(looks)) == pytest.approx(numbers(run([])), abs=1e-9, rel=1e-9)


def test_restored_world_goes_on_alike(clock: Clock) -> None:
    world = world_of(open_lab(), clock)
    hold(world, 45.0)
    world.reseed(3, 1)
    sweep(world, "salt", 4.0)
    wait(world, 7.3)
    state = json.loads(json.dumps(world.snapshot()))

    def go_on(one: ElectrolyteWorld) -> list[float]:
        sweep(one, "pc", 3.0)
        carry(one, "transfer", 7.0)
        wait(one, 11.1)
        return numbers({**one.snapshot(), "seen": dict(one.sites["probe"].seen)})

    expected = go_on(world)
    other = world_of(open_lab(), clock)
    hold(other, 45.0)
    other.restore(state)
    assert other.total() == pytest.approx(world.total(), abs=1e-9)
    assert go_on(other) == pytest.approx(expected, abs=1e-9, rel=1e-9)


def test_what_the_lab_file_says_otherwise_was_done_by_a_person_before_the_restore(
    lab: dict[str, Any], clock: Clock
) -> None:
    lab["virtual"] |= {"stock_mL": {"PC": 40.0, "EC_EMC": 40.0}, "lines": {"pc": {"clogged": 0.5}}}
    world = world_of(lab, clock)
    world.clog("emc", 0.7)
    for name in ("pc", "ec_emc"):
        sweep(world, name, -10.0)
    state = json.loads(json.dumps(world.snapshot()))
    lab["virtual"] |= {"stock_mL": {"PC": 140.0, "EC_EMC": 25.0}, "lines": {}}
    other = world_of(lab, clock)
    other.restore(state)
    assert other.stock["PC"].volume == pytest.approx(40.0 - 5.0 + 100.0)
    assert other.stock["PC"].fluid.grams == pytest.approx({"PC": 135.0 * 1.205})
    assert other.stock["EC_EMC"].volume == pytest.approx(40.0 - 10.0 - 15.0)
    assert (other.lines["pc"].passes, other.lines["emc"].passes) == (1.0, 0.7)


def test_snapshot_changes_nothing(clock: Clock) -> None:
    def perform(*, snapshots: bool) -> list[float]:
        world = world_of(open_lab(), clock)
        for _ in range(5):
            sweep(world, "salt", 1.0)
            wait(world, 3.21)
            if snapshots:
                world.snapshot()
        return numbers(world.snapshot())

    assert perform(snapshots=True) == pytest.approx(perform(snapshots=False), abs=1e-9, rel=1e-9)


def test_no_snapshot_while_something_moves(lab: dict[str, Any], clock: Clock) -> None:
    world = world_of(lab, clock)
    start(world, "pc", 1.0, 1.0)
    with pytest.raises(ValueError, match="pc is moving"):
        world.snapshot()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"plumbing": {"pc": "mixxer"}}, "Did you mean 'mixer'"),
        ({"plumbing": {"pcc": "mixer"}}, "Did you mean 'pc'"),
        ({"plumbing": {"pc": "mixer"}}, "'ec_emc' is a pump and leads nowhere"),
        ({"plumbing": {**LAB["plumbing"], "balance": "drain"}}, "'drain' is not one vessel to weigh"),
        ({"plumbing": {**LAB["plumbing"], "plate": ["mixer", "cell"]}}, "is not one vessel to heat"),
        ({"plumbing": {**LAB["plumbing"], "probe": "PC"}}, "'PC' is not one vessel to sense"),
        ({"stocks": {}}, "instruments.ec_emc.stock: 'EC_EMC' is not under `stocks`"),
        ({"stocks": {**LAB["stocks"], "DMC": {"solvents": {"DMC": 1}, "density": 1.07}}}, "this world knows no 'DMC'. Did you mean 'EMC'"),
        ({"stocks": {**LAB["stocks"], "S": {"solvents": {"EC": 1}, "salts": {"LiFSI": 1}, "density": 1}}}, "this world knows no 'LiFSI'"),
        ({"stocks": {**LAB["stocks"], "PC": {"solvents": {"PC": 0.5}, "density": 1.2}}}, "must add up to 1"),
        ({"virtual": {"vessel": {}}}, "Did you mean 'vessels'"),
        ({"virtual": {**LAB["virtual"], "stock_mL": {"PCC": 3}}}, "Did you mean 'PC'"),
        ({"virtual": {**LAB["virtual"], "lines": {"pcc": {}}}}, "Did you mean 'pc'"),
        ({"virtual": {**LAB["virtual"], "lines": {"pc": {"clog": 1}}}}, "Did you mean 'clogged'"),
        ({"virtual": {**LAB["virtual"], "lines": {"pc": {"clogged": 2}}}}, "`clogged` is the share that still passes"),
        ({"virtual": {**LAB["virtual"], "lines": {"pc": {"outlet_mL": 0}}}}, "tubes have more than 0 mL"),
        ({"virtual": {**LAB["virtual"], "room": {"temperature": 20}}}, "'temperature' is not known here"),
        ({"virtual": {**LAB["virtual"], "vessels": {"mixer": {"liquid": "PC"}}}}, "'liquid' is not known here"),
    ],
)  # fmt: skip
def test_senseless_labs_are_refused(lab: dict[str, Any], clock: Clock, change: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        world_of({**lab, **change}, clock)


def test_a_vessel_stands_on_one_plate(lab: dict[str, Any], clock: Clock) -> None:
    lab["instruments"]["oven"] = {}
    lab["plumbing"]["oven"] = "cell"
    world = world_of(lab, clock)
    assert world.plate("plate") is world.plates["plate"]
    with pytest.raises(InputError, match="'cell' stands on two hotplates"):
        world.plate("oven")


# ---- with instruments


def test_bench_doses_weighs_transfers_and_empties(clock: Clock, talk: Callable[[Bench, str], Any]) -> None:
    lab = copy.deepcopy(LAB)
    lab["plumbing"] = {name: place for name, place in lab["plumbing"].items() if name not in ("plate", "probe")}
    lab["virtual"]["noise"] = 1.0
    for name in STOCK_OF:
        lab["instruments"][name]["contents_mL"] = 20.0
    bench = Bench(lab, clock=clock, seed=7)
    pumps, balance = talk(bench, "pc"), talk(bench, "balance")
    for address in range(len(PUMPS)):
        assert pumps.ask(f"{address}")[2:] == "A?R"

    def weigh() -> float:
        text = balance.say(b"S\r\n", 0.3)
        while not text:
            balance.wait(0.5)
            text = balance.heard
        assert text.startswith(b"S S "), text
        return float(text.split()[2])

    before = weigh()
    for name, density in (("pc", 1.205), ("salt", 1.29)):
        pumps.move("INF", 2.0, 10.0, PUMPS.index(name))
        after = weigh()
        assert after - before == pytest.approx(2.0 * density, abs=4 * (2.0 * SPREAD + BACKLASH) * density)
        before = after
    assert bench.world.total()["PC"] > 600.0  # type: ignore[attr-defined]
    pumps.move("WDR", 6.0, 15.0, PUMPS.index("transfer"))
    assert before - weigh() == pytest.approx((4.0 - RESIDUE) * 1.2475, abs=0.05)
    pumps.move("INF", 6.0, 15.0, PUMPS.index("transfer"))
    cell = bench.world.containers["cell"]  # type: ignore[attr-defined]
    assert cell.volume == pytest.approx(4.0 - RESIDUE - 0.04, abs=0.05)
    assert cell.fluid.grams["PC"] == pytest.approx(cell.fluid.mass * 1.205 / (1.205 + 1.29), rel=0.02)
    bench.restore(bench.snapshot())
    pumps.move("WDR", 6.0, 15.0, PUMPS.index("waste"))
    pumps.move("INF", 6.0, 15.0, PUMPS.index("waste"))
    assert cell.volume == pytest.approx(RESIDUE, abs=1e-6)


def test_bench_of_the_example_heats_and_senses(clock: Clock, talk: Callable[[Bench, str], Any]) -> None:
    lab = yaml.safe_load((Path(__file__).parents[2] / "examples/electrolyte/lab.yaml").read_text(encoding="utf-8"))
    lab["virtual"]["vessels"]["cell"] |= {"contents_mL": 8, "stock": "LiPF6_2m"}
    bench = Bench(lab, clock=clock, seed=7)
    plate, probe = talk(bench, "plate"), talk(bench, "probe")
    for command in (b"OUT_SP_1 40", b"START_1", b"OUT_SP_4 400", b"START_4"):
        plate.say(command + b"\r\n")
    probe.say(b"C,0\r", 2.0)
    plate.wait(1200.0)
    assert float(plate.say(b"IN_PV_1\r\n").split()[0]) == pytest.approx(40.0, abs=0.5)
    fluid = bench.world.containers["cell"].fluid  # type: ignore[attr-defined]
    made = Composition.of(fluid.grams)
    assert made.amount("LiPF6") > 2.0  # EMC has dried
    true = conductivity(made.amount("LiPF6"), made.amount("EC"), made.amount("PC"), made.amount("EMC"), 40.0)
    reading = float(probe.say(b"R\r", 2.0).split(b"\r")[0]) / 1000.0  # from uS/cm
    assert reading == pytest.approx(true, rel=0.05)
    assert bench.world.outside_hull == []  # type: ignore[attr-defined]
    for command in (b"STOP_1", b"STOP_4"):
        plate.say(command + b"\r\n")
    state = bench.snapshot()
    bench.restore(state)
    assert numbers(bench.snapshot()["world"]) == pytest.approx(numbers(state["world"]), abs=1e-9, rel=1e-9)
