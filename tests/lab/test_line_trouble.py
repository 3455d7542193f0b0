"""Trouble that every instrument may meet on its line: each is a typed error that says where, what was sent and seen."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import Any

import pytest

from autolab.drivers.contract import act, actors, read
from autolab.drivers.wire import Ports
from autolab.lab.connecting import advice
from autolab.lab.driver_kit import SimulatedRig, rig, tried
from autolab.lab.driver_kit import example_settings as examples
from autolab.model.clock import Clock
from autolab.model.errors import AutolabError, InputError, InstrumentDisconnected, InstrumentError
from autolab.simulators.serving import MemoryChannel

KEYS = tried()


def reader(one: SimulatedRig) -> Any:
    players = (actor for actor in actors(one.instrument) if actor is not one.instrument)
    return one.instrument if one.instrument.role else next(players)


def reading(one: SimulatedRig) -> Mapping[str, Any]:
    actor = reader(one)
    if actor.action_class("trigger", None) != "read":
        return act(one, actor, None)
    return read(one, actor)


@pytest.mark.parametrize("key", KEYS)
def test_a_wrong_baud_rate_is_told_with_bytes_seen_and_what_to_try(key: str) -> None:
    with rig(key, "memory", examples(key)) as one:
        one.inject("garble", every=1)
        with pytest.raises(InstrumentError) as caught:
            one.instrument.connect()
        error = caught.value
        assert error.instrument == "one"
        assert error.port
        assert error.command
        assert advice(error)
        assert error.seen or "no reply" in error.message or "incomplete" in error.message
        one.mend()
        one.instrument.connect()


@pytest.mark.parametrize("key", KEYS)
def test_decimal_commas_are_never_taken_for_something_else(key: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with rig(key, "memory", examples(key)) as one:
        right = reading(one)
    deliver = MemoryChannel._deliver
    monkeypatch.setattr(MemoryChannel, "_deliver", lambda self, data: deliver(self, data.replace(b".", b",")))
    with rig(key, "memory", examples(key)) as one:
        try:
            told = reading(one)
        except AutolabError:
            return
    for name, value in right.items():
        if isinstance(value, float) and name not in ("resistance_Ohm", "wall_time"):
            assert told[name] == pytest.approx(value, rel=0.05, abs=0.5), name


@pytest.mark.parametrize("key", KEYS)
def test_a_line_that_dies_while_it_is_met_is_told(key: str) -> None:
    with rig(key, "memory", examples(key)) as one:
        one.inject("disconnect", nth=2, seconds=30.0)
        told: list[InstrumentError] = []
        try:
            one.instrument.connect()  # a greeting may ask again
        except InstrumentError as error:
            told.append(error)
        assert all(error.instrument == "one" and error.port for error in told)
        one.mend()
        one.instrument.connect()


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no pseudo-terminals")
def test_a_port_that_another_program_holds_is_told() -> None:
    import serial

    from autolab.drivers.mettler_toledo import Balance
    from autolab.simulators.bench import Bench

    clock = Clock("real")
    with Bench.single("mettler_toledo.Balance", clock=clock) as bench:
        url = bench.serve("pty")["instrument"]
        with serial.Serial(url.removeprefix("serial://"), exclusive=True):
            balance = Balance("scale", address=url, clock=clock)
            with pytest.raises(InstrumentDisconnected, match="no other program has it open") as caught:
                balance.connect()
            assert (caught.value.instrument, caught.value.port) == ("scale", url)
        balance.connect()
        balance.disconnect()
    clock.close()


def test_two_instruments_at_one_address_of_a_bus_are_refused() -> None:
    clock = Clock("real")
    ports = Ports(clock)
    ports.attach("tcp://127.0.0.1:9?bus=3", "first")
    with pytest.raises(InputError, match=r"'second' and 'first' are both on tcp://127\.0\.0\.1:9 at bus address 3"):
        ports.attach("tcp://127.0.0.1:9?bus=3", "second")
    ports.close()
    clock.close()
