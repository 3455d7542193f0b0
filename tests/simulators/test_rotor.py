"""A valve's rotor: which way it goes, what it opens on the way, and where it is when it is stopped."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from autolab.model.clock import Clock
from autolab.simulators.rotor import Rotor
from autolab.simulators.simulator import Place
from autolab.simulators.talker import Talker
from autolab.simulators.world import World


@pytest.fixture
def rotor(clock: Clock) -> Rotor:
    return Rotor(Talker(Place("valve", clock, World({}, clock=clock))), 6, 1.0)


def turn(clock: Clock, rotor: Rotor, place: int, way: Any, wait: float = 10.0) -> list[int]:
    rotor.opened = []
    rotor.go(place, way, lambda: None)
    clock.run(asyncio.sleep(wait))
    return rotor.opened


@pytest.mark.parametrize(
    ("start", "place", "way", "opened"),
    [
        (1, 3, "shortest", [2, 3]),
        (1, 5, "shortest", [6, 5]),
        (1, 4, "shortest", [2, 3, 4]),
        (1, 5, "up", [2, 3, 4, 5]),
        (3, 1, "up", [4, 5, 6, 1]),
        (1, 3, "down", [6, 5, 4, 3]),
        (2, 2, "down", []),
    ],
)
def test_it_opens_every_port_on_its_way(
    clock: Clock, rotor: Rotor, start: int, place: int, way: str, opened: list[int]
) -> None:
    rotor.stand(start)
    assert turn(clock, rotor, place, way) == opened
    assert (rotor.at, rotor.moving, rotor.between) == (place, False, False)


def test_it_takes_its_time_and_says_when_it_is_there(clock: Clock, rotor: Rotor) -> None:
    there: list[float] = []
    rotor.go(3, "up", lambda: there.append(clock.now()))
    begun = clock.now()
    clock.run(asyncio.sleep(1.5))
    assert (rotor.moving, rotor.at, there) == (True, 2, [])
    clock.run(asyncio.sleep(1))
    assert there == [pytest.approx(begun + 2.0)]


def test_a_place_where_it_stands_is_reached_at_once(rotor: Rotor) -> None:
    there: list[bool] = []
    rotor.go(1, "down", lambda: there.append(True))
    assert there == [True]


def test_stopped_it_is_between_two_ports_and_goes_on_from_there(clock: Clock, rotor: Rotor) -> None:
    turn(clock, rotor, 4, "up", wait=1.5)
    rotor.stop()
    clock.run(asyncio.sleep(5))
    assert (rotor.moving, rotor.at, rotor.between) == (False, 2, True)
    assert turn(clock, rotor, 2, "shortest") == [2]
    assert not rotor.between


def test_a_stuck_rotor_stays_while_its_motor_runs(clock: Clock, rotor: Rotor) -> None:
    rotor.stuck = True
    rotor.go(3, "up", lambda: None)
    assert rotor.moving
    clock.run(asyncio.sleep(5))
    assert (rotor.moving, rotor.at, rotor.opened) == (False, 1, [])
