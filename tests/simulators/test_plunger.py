"""A plunger between its end stops, in a world without liquids."""

from __future__ import annotations

from typing import Any

import pytest

from autolab.model.clock import Clock
from autolab.model.errors import InputError
from autolab.simulators.plunger import Plunger, Syringe
from autolab.simulators.world import World


@pytest.fixture
def world(clock: Clock) -> World:
    return World({}, clock=clock)


@pytest.fixture
def plunger(world: World) -> Plunger:
    return world.plunger("pump", Syringe(20.0, 10.0, 5.0))


AREA = 3.14159265358979 * 20.0**2 / 4000.0


def test_travel_and_volume(world: World, plunger: Plunger) -> None:
    ended: list[str] = []
    plunger.start(0.5, 4.0, ended.append)
    world.advance(3.0)
    assert plunger.travelled == pytest.approx(1.5)
    assert plunger.position == pytest.approx(5.0 - 1.5 * AREA)
    assert ended == []
    world.advance(100.0)
    assert plunger.travelled == pytest.approx(4.0)
    assert ended == ["done"]
    assert world.ledger[0].end - world.ledger[0].start == pytest.approx(8.0)


@pytest.mark.parametrize(("speed", "position"), [(1.0, -0.1), (-1.0, 10.5)])
def test_end_stops(world: World, plunger: Plunger, speed: float, position: float) -> None:
    ended: list[str] = []
    plunger.start(speed, 1000.0, ended.append)
    world.advance(1000.0)
    assert ended == ["stalled"]
    assert plunger.position == pytest.approx(position)
    plunger.start(speed, 1.0, ended.append)
    world.advance(1001.0)
    assert ended == ["stalled", "stalled"]
    assert plunger.position == pytest.approx(position)


def test_speed_can_change_on_the_way(world: World, plunger: Plunger) -> None:
    ended: list[str] = []
    plunger.start(0.5, 4.0, ended.append)
    world.advance(4.0)
    plunger.change_speed(1.0, 2.0)
    world.advance(5.9)
    assert ended == []
    world.advance(6.1)
    assert ended == ["done"]
    (entry,) = world.ledger
    assert entry.volume == pytest.approx(4.0 * AREA)


def test_stop_leaves_it_where_it_is(world: World, plunger: Plunger) -> None:
    ended: list[str] = []
    plunger.start(-0.5, 4.0, ended.append)
    world.advance(2.0)
    plunger.stop()
    world.advance(10.0)
    assert plunger.position == pytest.approx(5.0 + AREA)
    assert ended == []
    assert (world.ledger[0].ended, world.ledger[0].direction) == ("stopped", "withdraw")
    plunger.stop()
    assert len(world.ledger) == 1


def test_next_movement_may_begin_at_the_end_of_the_last(world: World, plunger: Plunger) -> None:
    ended: list[str] = []

    def again(why: Any) -> None:
        ended.append(why)
        if len(ended) < 3:
            plunger.start(0.5, 1.0, again)

    plunger.start(0.5, 1.0, again)
    world.advance(60.0)
    assert ended == ["done"] * 3
    assert [entry.start for entry in world.ledger] == pytest.approx([0.0, 2.0, 4.0])
    assert plunger.position == pytest.approx(5.0 - 3 * AREA)


def test_no_snapshot_on_the_way(world: World, plunger: Plunger) -> None:
    plunger.start(0.5, 4.0, lambda ended: None)
    with pytest.raises(ValueError, match="the plunger of pump is moving"):
        world.snapshot()
    plunger.stop()
    state = world.snapshot()
    plunger.position = 1.0
    world.restore(state)
    assert plunger.position == 5.0


@pytest.mark.parametrize(
    ("diameter", "volume", "contents"), [(0.0, 10.0, 0.0), (20.0, -1.0, 0.0), (20.0, 10.0, 11.0), (20.0, 10.0, -1.0)]
)
def test_senseless_syringes_are_refused(diameter: float, volume: float, contents: float) -> None:
    with pytest.raises(InputError, match="must be positive"):
        Syringe(diameter, volume, contents)
