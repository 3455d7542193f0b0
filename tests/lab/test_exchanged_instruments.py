"""Every driver on every other instrument's line: it is never taken for its own, and the error says what is wrong."""

from __future__ import annotations

import pytest

from autolab.drivers.wire import Ports
from autolab.lab.driver_kit import example_settings, tried
from autolab.lab.plugins import resolve
from autolab.model.clock import Clock
from autolab.model.errors import InstrumentError
from autolab.simulators.bench import Bench

KEYS = tried()


@pytest.mark.parametrize("key", KEYS)
def test_another_instrument_is_never_taken_for_its_own(key: str) -> None:
    taken, silent = [], []
    for other in KEYS:
        if other == key:
            continue
        clock = Clock("virtual")
        ports = Ports(clock)
        try:
            with Bench.single(other, clock=clock, settings=example_settings(other)) as bench:
                channel = bench.channel("instrument")
                made = resolve("drivers", key)
                device = made(
                    "one",
                    address="memory://instrument",
                    clock=clock,
                    channel=channel,
                    ports=ports,
                    **example_settings(key),
                )
                try:
                    device.connect()
                    taken.append(other)
                except InstrumentError as error:
                    if not (error.instrument and error.port):
                        silent.append(f"{other}: {error!r}")
                device.disconnect()
                assert bench.is_safe()["instrument"], f"{other} was set in motion by {key}"
        finally:
            ports.close()
            clock.close()
    assert (taken, silent) == ([], [])
