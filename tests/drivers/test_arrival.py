"""When a quantity has come to its target."""

from __future__ import annotations

from autolab.drivers.arrival import Arrival


def test_it_must_stay_for_the_dwell() -> None:
    arrival = Arrival(10.0, 0.5, 5.0)
    assert [arrival.see(now, 10.2) for now in (0.0, 4.0, 5.0)] == [False, False, True]


def test_leaving_begins_the_dwell_anew() -> None:
    arrival = Arrival(10.0, 0.5, 5.0)
    readings = [(0.0, 10.0), (4.0, 11.0), (5.0, 10.0), (9.0, 10.0), (10.0, 10.0)]
    assert [arrival.see(now, value) for now, value in readings] == [False, False, False, False, True]


def test_what_was_not_read_has_not_arrived() -> None:
    arrival = Arrival(10.0, 0.5)
    assert not arrival.see(0.0, float("nan"))
    assert not arrival.near
    assert arrival.see(1.0, 10.0)
