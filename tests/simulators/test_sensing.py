"""What a probe's tip sees, against the closed form of a first-order lag."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autolab.simulators.sensing import Site


def site(response: float, conductivity: float = 0.0) -> tuple[Site, dict[str, float]]:
    truth = {"conductivity": conductivity, "temperature": 25.0}
    return Site(lambda: truth, response), truth


@given(st.floats(0.1, 100), st.floats(0, 300), st.floats(0, 20), st.floats(0, 20))
def test_a_step_is_followed_by_an_exponential(response: float, seconds: float, before: float, after: float) -> None:
    tip, truth = site(response, before)
    truth["conductivity"] = after
    tip.integrate(seconds)
    wanted = after + (before - after) * math.exp(-seconds / response)
    assert tip.seen["conductivity"] == pytest.approx(wanted, abs=1e-9)


@given(st.lists(st.floats(0, 10), min_size=1, max_size=30))
def test_looking_often_changes_nothing(steps: list[float]) -> None:
    often, truth = site(3.0, 1.0)
    once, other = site(3.0, 1.0)
    truth["conductivity"] = other["conductivity"] = 9.0
    for step in steps:
        often.integrate(step)
    once.integrate(sum(steps))
    assert often.seen["conductivity"] == pytest.approx(once.seen["conductivity"], abs=1e-9)


def test_temperature_and_a_tip_without_a_lag_follow_at_once() -> None:
    slow, truth = site(10.0, 1.0)
    truth.update(conductivity=2.0, temperature=50.0)
    slow.integrate(1.0)
    assert slow.seen["temperature"] == 50.0
    assert slow.seen["conductivity"] < 1.2
    quick, truth = site(0.0, 1.0)
    truth["conductivity"] = 2.0
    quick.integrate(1e-6)
    assert quick.seen["conductivity"] == 2.0


def test_what_is_new_in_the_truth_is_seen_as_it_is() -> None:
    tip, truth = site(10.0)
    truth["pH"] = 7.0
    tip.integrate(1.0)
    assert tip.seen["pH"] == 7.0


def test_it_goes_on_from_a_snapshot() -> None:
    tip, truth = site(3.0)
    truth["conductivity"] = 8.0
    tip.integrate(2.0)
    taken = tip.snapshot()
    tip.integrate(5.0)
    later = dict(tip.seen)
    tip.restore(taken)
    tip.integrate(5.0)
    assert tip.seen == later
