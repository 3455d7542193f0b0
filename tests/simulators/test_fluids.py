"""Fluids of several species, and what holds them."""

from __future__ import annotations

import json
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autolab.model.errors import InputError
from autolab.model.stocks import Stock, grams_of
from autolab.simulators.fluids import GLASS, RESIDUE, Fluid, Vessel, sum_of, vessel
from autolab.simulators.solvents import (
    DENSITY,
    HEAT,
    LAYERED,
    Layers,
    drying,
    heat_capacity,
)
from autolab.simulators.vessels import FLUX, LIQUIDS

SALT = Stock("salt", {"EC": 0.3, "EMC": 0.7}, {"LiPF6": 2.0}, density=1.29)
PC = Stock("PC", {"PC": 1.0}, density=1.205)
EMC = Stock("EMC", {"EMC": 1.0}, density=1.006)
STOCKS = {stock.name: stock for stock in (SALT, PC, EMC)}


def test_fluid_of_a_stock() -> None:
    fluid = Fluid.of(SALT, 3.0)
    assert fluid.mass == pytest.approx(3.0 * 1.29, rel=1e-12)
    assert fluid.density == pytest.approx(1.29, rel=1e-12)
    assert fluid.grams["EMC"] / fluid.grams["EC"] == pytest.approx(7 / 3, rel=1e-12)


def test_fluids_mix() -> None:
    fluid = Fluid.of(SALT, 3.0)
    fluid.add(Fluid.of(PC, 1.0))
    assert fluid.volume == 4.0
    assert fluid.grams == pytest.approx(grams_of({"salt": 3.0, "PC": 1.0}, STOCKS), rel=1e-12)


def test_what_is_taken_is_gone() -> None:
    fluid = Fluid.of(SALT, 4.0)
    taken = fluid.take(1.0)
    assert (taken.volume, fluid.volume) == (1.0, 3.0)
    assert taken.grams == pytest.approx(SALT.grams(1.0), rel=1e-12)
    assert fluid.grams == pytest.approx(SALT.grams(3.0), rel=1e-12)


def test_more_than_all_is_all() -> None:
    fluid = Fluid.of(PC, 1.0)
    assert fluid.take(5.0).volume == 1.0
    assert (fluid.grams, fluid.volume, fluid.density) == ({}, 0.0, 0.0)
    assert fluid.take(1.0) == Fluid()


@pytest.mark.parametrize("volume", [0.0, -1.0])
def test_nothing_can_be_taken(volume: float) -> None:
    fluid = Fluid.of(PC, 1.0)
    assert fluid.take(volume) == Fluid()
    assert fluid.volume == 1.0


def test_a_copy_is_independent() -> None:
    fluid = Fluid.of(PC, 1.0)
    fluid.copy().pour_out()
    assert fluid.volume == 1.0


def test_one_species_is_lost() -> None:
    fluid = Fluid.of(SALT, 1.0)
    emc = fluid.grams["EMC"]
    lost = fluid.lose("EMC", 0.1, 1.006)
    assert lost.grams == {"EMC": 0.1}
    assert fluid.grams["EMC"] == pytest.approx(emc - 0.1, rel=1e-12)
    assert fluid.volume == pytest.approx(1.0 - 0.1 / 1.006, rel=1e-12)
    assert fluid.lose("PC", 0.1, 1.2) == Fluid()
    assert fluid.lose("EMC", 9.0, 1.006).grams["EMC"] == pytest.approx(emc - 0.1)
    assert fluid.grams["EMC"] == 0.0


def test_likeness_is_by_volume() -> None:
    assert Fluid.of(PC, 1.0).resembles(Fluid.of(PC, 0.2))
    assert not Fluid.of(PC, 1.0).resembles(Fluid.of(EMC, 1.0))
    assert not Fluid.of(PC, 1.0).resembles(Fluid({}, 1.0))
    assert not Fluid.of(PC, 1.0).resembles(Fluid())


def test_fluid_survives_json() -> None:
    fluid, again = Fluid.of(SALT, 1.0 / 3.0), Fluid()
    again.restore(json.loads(json.dumps(fluid.snapshot())))
    assert again == fluid


@given(st.lists(st.tuples(st.booleans(), st.floats(0.0, 3.0)), max_size=30))
def test_neither_mass_nor_volume_is_lost(moves: list[tuple[bool, float]]) -> None:
    left, right = Fluid.of(SALT, 2.0), Fluid.of(PC, 3.0)
    before = sum_of([left, right])
    for leftwards, volume in moves:
        source, sink = (right, left) if leftwards else (left, right)
        sink.add(source.take(volume))
    after = sum_of([left, right])
    assert after.grams == pytest.approx(before.grams, abs=1e-9)
    assert after.volume == pytest.approx(5.0, abs=1e-9)
    assert min(left.volume, right.volume) >= 0.0


def test_vessel_overflows() -> None:
    cup = Vessel("cup", capacity=3.0, tare=10.0)
    assert cup.add(Fluid.of(PC, 2.0)).volume == 0.0
    over = cup.add(Fluid.of(PC, 2.0))
    assert over.volume == pytest.approx(1.0)
    assert (cup.volume, cup.room, cup.filled) == pytest.approx((3.0, 0.0, 1.0))
    assert cup.load == pytest.approx(10.0 + 3.0 * 1.205)


def test_dip_tube_leaves_a_residue() -> None:
    cup = Vessel("cup", Fluid.of(PC, 2.0), capacity=3.0, residue=0.5)
    assert cup.available == 1.5
    assert cup.take(5.0).volume == 1.5
    assert cup.take(5.0).volume == 0.0
    assert cup.volume == 0.5


def test_declared_vessel() -> None:
    made = vessel("cell", {"volume_mL": 8, "contents_mL": 2, "stock": "PC", "area_cm2": 3}, STOCKS)
    assert (made.capacity, made.area, made.tare, made.residue) == (8.0, 3.0, GLASS * 8, RESIDUE)
    assert made.load == pytest.approx(GLASS * 8 + 2 * 1.205)


@pytest.mark.parametrize(
    ("given_", "message"),
    [
        ({"volume": 3}, "Did you mean 'volume_mL'"),
        ({"volume_mL": 3, "contents_mL": 4, "stock": "PC"}, "4.0 mL in 3.0 mL; the contents lie between"),
        ({"contents_mL": 1}, "of what. Say `stock: <name>`, one of: EMC, PC, salt"),
        ({"contents_mL": 1, "stock": "PCC"}, "Did you mean 'PC'"),
        ({"residue_mL": -1}, "residue_mL: -1.0 must be 0 or more"),
        ({"area_cm2": True}, "is not a number"),
    ],
)
def test_senseless_vessels_are_refused(given_: dict[str, float | str], message: str) -> None:
    with pytest.raises(InputError, match=message):
        vessel("cell", {**given_}, STOCKS)


def test_heat_capacity_adds_up() -> None:
    assert heat_capacity(Fluid.of(PC, 2.0)) == pytest.approx(2.0 * 1.205 * HEAT["PC"])
    mixed = Fluid.of(SALT, 1.0)
    assert 1.4 < heat_capacity(mixed) / mixed.mass < 1.8  # J/(g K)


def test_emc_dries_by_share_and_warmth() -> None:
    full = Vessel("cup", Fluid.of(EMC, 10.0), capacity=10.0, area=4.0)
    assert drying(full, 21.0) == pytest.approx(FLUX * 4.0 * LIQUIDS["EMC"].volatility)
    assert drying(full, 50.0) / drying(full, 21.0) == pytest.approx(math.exp(41000 / 8.314 * (1 / 294.15 - 1 / 323.15)))
    salt = Vessel("cup", Fluid.of(SALT, 10.0), capacity=10.0, area=4.0)
    assert drying(salt, 21.0) == pytest.approx(0.7 * drying(full, 21.0))
    half = Vessel("cup", Fluid.of(EMC, 5.0), capacity=10.0, area=4.0)
    assert drying(half, 21.0) == pytest.approx(0.85 * drying(full, 21.0))


def test_others_do_not_dry() -> None:
    assert drying(Vessel("cup", Fluid.of(PC, 10.0), capacity=10.0, area=4.0), 50.0) == 0.0
    assert drying(Vessel("cup", Fluid.of(EMC, 10.0), capacity=10.0, area=0.0), 50.0) == 0.0
    assert drying(Vessel("cup", area=4.0, capacity=10.0), 50.0) == 0.0


def test_layers_vanish() -> None:
    stirred, standing = Layers(0.0), Layers(0.0)
    stirred.relax(25.0, 400.0)
    standing.relax(250.0, 0.0)
    assert (stirred.mixed, standing.mixed) == pytest.approx((1 - math.exp(-1), 1 - math.exp(-1)))
    pieces = Layers(0.0)
    for _ in range(25):
        pieces.relax(1.0, 400.0)
    assert pieces.mixed == pytest.approx(stirred.mixed, rel=1e-12)


def test_what_is_poured_lies_in_layers() -> None:
    layers = Layers()
    layers.poured(6.0, 2.0)
    assert layers.mixed == 0.25
    layers.poured(1.0, 0.0)
    assert layers.mixed == 0.0


def test_tip_sees_the_mixture_when_mixed() -> None:
    assert Layers().at_tip(Fluid.of(SALT, 3.0)) == pytest.approx((2.0, 0.3, 0.0, 0.7))
    assert Layers().at_tip(Fluid()) == (0.0, 0.0, 0.0, 0.0)


def test_tip_sees_more_of_what_is_heavy() -> None:
    molality, ec, pc, emc = Layers(0.0).at_tip(Fluid.of(SALT, 3.0))
    heavier = 0.3 * (1 + LAYERED * (DENSITY["EC"] / 1.006 - 1))
    assert ec == pytest.approx(heavier / (heavier + 0.7))
    assert (pc, emc) == pytest.approx((0.0, 1 - ec))
    assert molality == pytest.approx(2.0 * (1 + LAYERED * (2.84 / 1.006 - 1)) / (heavier + 0.7))
