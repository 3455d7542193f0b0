"""Budgets and reviews that cannot be, and the switch that ends a run."""

import math
import threading
from typing import Any

import pytest

from autolab.loop.budget import Budget, Review
from autolab.loop.interrupts import StopSwitch, signals
from autolab.model.errors import InputError
from autolab.model.objectives import OutcomeConstraint


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"trials": 0}, "budget.trials must be at least 1, got 0"),
        ({"hours": 0.0}, "budget.hours must be positive and finite, got 0.0"),
        ({"hours": math.inf}, "budget.hours must be positive and finite, got inf"),
        ({"failure_streak": 0}, "budget.failure_streak must be at least 1, got 0"),
        ({"consumables": {"PC": 0.0}}, "budget.consumables of 'PC' must be a positive number of mL, got 0.0"),
        ({"consumables": {"PC": math.nan}}, "budget.consumables of 'PC' must be a positive number of mL, got nan"),
    ],
)
def test_a_budget_that_cannot_be(given: dict[str, Any], says: str) -> None:
    with pytest.raises(ValueError, match=says):
        Budget(**given)


@pytest.mark.parametrize("seconds", [-1.0, math.nan, math.inf])
def test_a_delay_that_cannot_be(seconds: float) -> None:
    with pytest.raises(ValueError, match=r"review\.after must be a number of seconds, not negative"):
        Review("after", seconds)


def test_the_switch_keeps_the_first_reason_and_its_level_only_grows() -> None:
    switch, levels = StopSwitch(), list[int]()
    with switch.listener(levels.append):
        switch.raise_to(1, "stop_requested", "ada")
        switch.raise_to(2, "interrupted", "SIGINT")
        switch.raise_to(1, "interlock", "hot")
    switch.raise_to(3, "interlock", "hot")
    assert (switch.level, switch.reason, switch.detail) == (3, "stop_requested", "ada")
    assert levels == [1, 2]


def test_a_listener_that_comes_late_is_told_at_once() -> None:
    switch, levels = StopSwitch(), list[int]()
    switch.raise_to(2, "interrupted", "SIGINT")
    with switch.listener(levels.append):
        assert levels == [2]


def test_waiting_ends_when_the_switch_is_raised() -> None:
    switch = StopSwitch()
    assert not switch.wait(0.001)
    threading.Timer(0.01, switch.raise_to, (1, "interrupted", "SIGINT")).start()
    assert switch.wait(60)
    assert switch.wait(60)


def test_outside_the_main_thread_signals_are_left_alone() -> None:
    done: list[bool] = []

    def use() -> None:
        with signals(StopSwitch()):
            done.append(True)

    thread = threading.Thread(target=use)
    thread.start()
    thread.join()
    assert done == [True]


def test_a_target_may_be_given_in_words_and_is_kept_as_what_it_states() -> None:
    given = Budget(3, target=["y >= 7", OutcomeConstraint("cost", "<=", 0.5)], consumables={"PC": 20})
    assert given.target == (OutcomeConstraint("y", ">=", 7.0), OutcomeConstraint("cost", "<=", 0.5))
    assert hash(given) == hash(Budget(3, target=["y >= 7", "cost <= 0.5"], consumables={"salt": 1}))
    assert given != Budget(3, target=["y >= 7", "cost <= 0.5"])


def test_a_target_that_states_no_bound_is_refused() -> None:
    with pytest.raises(InputError, match="'conductivity > 14' cannot be read"):
        Budget(3, target=["conductivity > 14"])
