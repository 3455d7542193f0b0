"""Waiting for a pump: rarely at first, often near the end, never for ever."""

from __future__ import annotations

from typing import Any

import pytest

from autolab.drivers.pump_run import Run
from autolab.model.clock import Clock


class Told:
    """Takes progress."""

    def __init__(self) -> None:
        self.seen: list[float] = []

    def progress(self, current: float, target: float, unit: str) -> None:
        assert unit == "mL"
        self.seen.append(round(current / target, 3))


def wait(clock: Clock, run: Run, lasts: float) -> tuple[bool, list[float], list[float]]:
    """Return what `over` says of a pump that moves for so long, the progress, and when it was looked at."""
    looks: list[float] = []
    told: Any = Told()

    async def go() -> bool:
        begun = clock.now()

        async def moving() -> bool:
            looks.append(round(clock.now() - begun, 3))
            return clock.now() - begun < lasts - 1e-9

        return await run.over(clock, moving, told)

    return clock.run(go()), told.seen, looks


def test_a_short_run_is_looked_at_when_it_should_be_over(virtual: Clock) -> None:
    assert wait(virtual, Run(1.0, 6.0, 0.5, 15.0), 10.0) == (True, [1.0], [10.0])


def test_a_long_run_is_watched(virtual: Clock) -> None:
    over, told, looks = wait(virtual, Run(5.0, 5.0, 0.5, 25.0), 60.0)
    assert over
    assert looks == [25.0, 50.0, 60.0]
    assert told == [0.417, 0.833, 1.0]


def test_a_slow_pump_is_looked_at_often_and_given_a_margin(virtual: Clock) -> None:
    over, _, looks = wait(virtual, Run(1.0, 6.0, 0.5, 15.0), 12.2)
    assert over
    assert looks == [10.0, 10.5, 11.0, 11.5, 12.0, 12.5]


def test_a_pump_that_ends_early_is_over(virtual: Clock) -> None:
    assert wait(virtual, Run(5.0, 5.0, 0.5, 25.0), 3.0)[::2] == (True, [25.0])


def test_a_pump_that_never_ends_is_told(virtual: Clock) -> None:
    over, told, looks = wait(virtual, Run(1.0, 6.0, 0.5, 15.0), 1e9)
    assert not over
    assert looks[-1] == pytest.approx(16.0)  # 5 percent and 5 s later
    assert told[-1] == 1.0


def test_in_scaled_time_a_hiccup_of_the_computer_is_no_trouble() -> None:
    clock = Clock("scaled", scale=100.0)
    try:
        over, _, looks = wait(clock, Run(1.0, 60.0, 5.0, 15.0), 60.0)
        assert over
        assert looks[-1] >= 60.0
    finally:
        clock.close()
