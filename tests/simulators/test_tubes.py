"""Tubes and syringes that several liquids pass one after the other."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass, field

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autolab.model.stocks import Stock
from autolab.simulators.fluids import Fluid, Vessel, sum_of
from autolab.simulators.tubes import WET, Barrel, SyringeLine, Tube

PC = Stock("PC", {"PC": 1.0}, density=1.2)
EMC = Stock("EMC", {"EMC": 1.0}, density=1.0)


def air(volume: float) -> Fluid:
    return Fluid({}, volume)


def told(fluids: list[Fluid]) -> list[tuple[str, float]]:
    """Say what came out, in order: name of the one species, or air, and mL."""
    return [("".join(fluid.grams) or "air", round(fluid.volume, 9)) for fluid in fluids]


def filled(tube: Tube) -> float:
    return sum(plug.volume for plug in tube.plugs) + tube.film.volume


def test_plugs_follow_one_another() -> None:
    tube = Tube(0.3, Fluid.of(PC, 0.3))
    assert told(tube.push(Fluid.of(EMC, 0.2))) == [("PC", 0.2)]
    assert told(tube.push(Fluid.of(EMC, 0.2))) == [("PC", 0.1), ("EMC", 0.1)]
    assert filled(tube) == pytest.approx(0.3)


def test_more_than_the_tube_passes_through() -> None:
    tube = Tube(0.3, Fluid.of(PC, 0.3))
    assert told(tube.push(Fluid.of(EMC, 1.0))) == [("PC", 0.3), ("EMC", 0.7)]


def test_tube_turns_round() -> None:
    tube = Tube(0.3, Fluid.of(PC, 0.3))
    tube.push(Fluid.of(EMC, 0.1))
    assert told(tube.push(Fluid.of(PC, 0.2), backwards=True)) == [("EMC", 0.1), ("PC", 0.1)]


def test_equals_become_one_plug() -> None:
    tube = Tube(0.3, Fluid.of(PC, 0.3))
    for _ in range(5):
        tube.push(Fluid.of(PC, 0.05))
        tube.push(Fluid.of(PC, 0.05), backwards=True)
    assert len(tube.plugs) == 1
    assert tube.plugs[0].density == pytest.approx(1.2)


def test_air_leaves_a_film() -> None:
    tube = Tube(0.25, Fluid.of(PC, 0.25), film=0.04)
    out = [fluid for _ in range(30) for fluid in tube.push(air(0.05))]
    assert tube.film.volume == pytest.approx(0.04 * 0.25)
    assert sum(fluid.volume for fluid in out if fluid.grams) == pytest.approx(0.96 * 0.25)
    assert filled(tube) == pytest.approx(0.25)
    assert tube.liquid.mass == pytest.approx(0.01 * 1.2)


def test_half_a_tube_of_air_leaves_half_a_film() -> None:
    tube = Tube(0.3, Fluid.of(PC, 0.3), film=0.04)
    tube.push(air(0.15))
    assert tube.film.volume == pytest.approx(0.04 * 0.15)


def test_film_mixes_with_the_next_liquid() -> None:
    tube = Tube(0.25, Fluid.of(PC, 0.25), film=0.04)
    tube.push(air(1.0))
    tube.push(Fluid.of(EMC, 0.1))
    assert tube.film.volume == 0.0
    out = sum_of(fluid for fluid in tube.push(Fluid.of(EMC, 1.0)) if fluid.grams)
    assert out.grams["PC"] == pytest.approx(0.01 * 1.2)


def test_dry_tube_has_no_film() -> None:
    tube = Tube(0.25)
    assert told(tube.push(air(1.0))) == [("air", 1.0)]
    assert tube.liquid == Fluid()


PUSHES = st.lists(st.tuples(st.sampled_from(["PC", "EMC", "air"]), st.floats(1e-6, 1.0), st.booleans()), max_size=25)


@given(PUSHES, st.floats(0.0, 0.3))
def test_tube_stays_full_and_loses_nothing(pushes: list[tuple[str, float, bool]], film: float) -> None:
    tube = Tube(0.3, Fluid.of(PC, 0.3), film=film)
    balance = {"PC": tube.liquid.grams["PC"], "EMC": 0.0}
    for name, volume, backwards in pushes:
        fluid = air(volume) if name == "air" else Fluid.of({"PC": PC, "EMC": EMC}[name], volume)
        for species, mass in fluid.grams.items():
            balance[species] += mass
        out = tube.push(fluid, backwards=backwards)
        assert sum(piece.volume for piece in out) == pytest.approx(volume, abs=1e-9)
        for piece in out:
            for species, mass in piece.grams.items():
                balance[species] -= mass
        assert filled(tube) == pytest.approx(0.3, abs=1e-9)
        assert tube.film.volume <= film * 0.3 + 1e-9
    held = tube.liquid.grams
    assert {species: held.get(species, 0.0) for species in balance} == pytest.approx(balance, abs=1e-9)


def test_tube_survives_json() -> None:
    tube, again = Tube(0.3, Fluid.of(PC, 0.3)), Tube(0.3)
    tube.push(air(0.1))
    tube.push(Fluid.of(EMC, 0.1))
    tube.push(air(0.05))
    again.restore(json.loads(json.dumps(tube.snapshot())))
    assert (again.plugs, again.film) == (tube.plugs, tube.film)


def test_liquid_leaves_a_syringe_before_air() -> None:
    barrel = Barrel(Fluid.of(PC, 2.0), air=1.0)
    assert told(barrel.push(1.5)) == [("PC", 1.5)]
    assert told(barrel.push(1.0)) == [("PC", 0.5 - WET), ("air", 0.5 + WET)]
    assert barrel.liquid.volume == pytest.approx(WET)
    assert barrel.volume == pytest.approx(0.5)


def test_syringe_without_air_gives_all() -> None:
    barrel = Barrel(Fluid.of(PC, 1.0))
    assert told(barrel.push(1.2)) == [("PC", 1.0), ("air", 0.2)]
    assert barrel.volume == 0.0


def test_syringe_draws() -> None:
    barrel = Barrel(Fluid())
    for fluid in (Fluid.of(PC, 1.0), Fluid.of(EMC, 1.0), air(0.5)):
        barrel.draw(fluid)
    assert (barrel.liquid.volume, barrel.air) == (2.0, 0.5)
    assert barrel.liquid.density == pytest.approx(1.1)


@dataclass
class Bench:
    """A bottle of PC, a cup, and a line between them."""

    valves: bool = True
    passes: float = 1.0
    primed: bool = True
    bottle: Vessel = field(default_factory=lambda: Vessel("PC", Fluid.of(PC, 10.0)))
    cup: Vessel = field(default_factory=lambda: Vessel("cup", capacity=3.0))
    spilled: Vessel = field(default_factory=lambda: Vessel("spilled"))
    leaked: Vessel = field(default_factory=lambda: Vessel("leaked"))

    @property
    def line(self) -> SyringeLine:
        def tube() -> Tube:
            return Tube(0.3, Fluid.of(PC, 0.3) if self.primed else None)

        barrel = Barrel(Fluid.of(PC, 1.0)) if self.primed else Barrel(Fluid(), 1.0)
        inlet = tube() if self.valves else None
        return SyringeLine(self.bottle, self.cup, self.spilled, self.leaked, barrel, tube(), inlet, self.passes)


def test_line_draws_and_pushes() -> None:
    bench = Bench()
    line = bench.line
    line.move(-2.0)
    line.move(2.5)
    line.move(0.0)
    assert (bench.bottle.volume, bench.cup.volume) == pytest.approx((8.0, 2.5))
    assert line.liquid.volume == pytest.approx(0.5 + 0.6)


def test_dry_line_takes_its_dead_volume() -> None:
    bench = Bench(primed=False)
    line = bench.line
    line.move(-2.0)
    assert line.barrel.liquid.volume == pytest.approx(1.7)  # the inlet holds the rest
    line.move(2.0)
    assert bench.cup.volume == pytest.approx(1.7 - WET - 0.3 * 0.04)  # air follows, and leaves films


def test_without_valves_one_tube_serves_both_ways() -> None:
    bench = Bench(valves=False)
    line = bench.line
    line.move(-2.0)
    line.move(2.5)
    assert (bench.bottle.volume, bench.cup.volume) == pytest.approx((8.0, 2.5))
    assert line.liquid.volume == pytest.approx(0.5 + 0.3)


def test_empty_source_gives_air() -> None:
    bench = Bench()
    line = bench.line
    line.move(-12.0)
    assert bench.bottle.volume == 0.0
    assert line.barrel.air == pytest.approx(1.7 + 0.3 * 0.04)
    assert line.barrel.liquid.volume == pytest.approx(11.3 - 0.3 * 0.04)  # a film stays in the inlet


def test_what_does_not_fit_is_spilled() -> None:
    bench = Bench()
    line = bench.line
    line.move(-4.0)
    line.move(4.0)
    assert (bench.cup.volume, bench.spilled.volume) == pytest.approx((3.0, 1.0))


def test_clogged_line_passes_a_share() -> None:
    bench = Bench(passes=0.25)
    line = bench.line
    line.move(1.0)
    assert (bench.cup.volume, bench.leaked.volume) == pytest.approx((0.25, 0.75))
    line.move(-2.0)
    assert bench.bottle.volume == pytest.approx(9.5)
    assert line.barrel.air == pytest.approx(1.5)


def test_borders_are_foreseen() -> None:
    bench = Bench()
    line = bench.line
    assert line.until_border(0.1) == pytest.approx(0.3 / 0.1)
    assert line.until_border(-0.5) == pytest.approx(10.0 / 0.5)
    bench.cup.add(Fluid.of(EMC, 2.9))
    assert line.until_border(0.1) == pytest.approx(1.0)
    line.passes = 0.5
    assert line.until_border(0.1) == pytest.approx(2.0)
    line.passes = 0.0
    assert line.until_border(0.1) == math.inf
    line.passes = 1.0
    bench.bottle.fluid.pour_out()
    assert line.until_border(-0.1) == math.inf


def test_weights_flow() -> None:
    bench = Bench(passes=0.5)
    line = bench.line
    assert line.weight_flow(bench.cup, 0.2) == pytest.approx(0.1 * 1.2)
    assert line.weight_flow(bench.bottle, -0.2) == pytest.approx(-0.1 * 1.2)
    assert line.weight_flow(bench.bottle, 0.2) == line.weight_flow(bench.cup, -0.2) == 0.0
    bench.cup.add(Fluid.of(EMC, 3.0))
    assert line.weight_flow(bench.cup, 0.2) == 0.0


def test_line_survives_json() -> None:
    bench = Bench()
    line, again = bench.line, bench.line
    line.move(-1.0)
    line.passes = 0.5
    again.restore(json.loads(json.dumps(line.snapshot())))
    assert again.snapshot() == line.snapshot()
