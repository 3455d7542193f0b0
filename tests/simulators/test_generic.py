"""The instrument that is simulated from its description in the lab file."""

from __future__ import annotations

import asyncio
import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autolab.model.clock import Clock
from autolab.model.errors import InputError
from autolab.simulators.bench import Bench
from autolab.simulators.generic import Lag
from autolab.simulators.simulator import Simulator

METER: dict[str, Any] = {"query": "READ?", "pattern": r"(?P<value>[-+]?\d+\.\d+)"}
OVEN: dict[str, Any] = {
    "query": "PV",
    "pattern": r"(?P<value>\d+\.\d) C",
    "terminator": "\r",
    "identify": {"query": "ID", "pattern": "OVEN (?P<value>.+)"},
    "set": {
        "template": "SP {value:.1f}",
        "answer": "OK",
        "readback": {"query": "SP?", "pattern": r"(?P<value>\d+\.\d) C"},
        "safe": 20.0,
    },
}
FORMS = {"reply": "{value:.1f} C", "identity": "OVEN 7"}


class Talk:
    """Somebody at the other end of the line, in lab time."""

    def __init__(self, clock: Clock, settings: dict[str, Any], **options: Any) -> None:
        self.clock = clock
        self.bench = Bench.single("generic.Query", clock=clock, settings=settings, options=options)
        self.far = self.bench.instrument("instrument")
        self.channel = self.bench.channel("instrument")
        self.channel.open()
        self.channel.on_bytes(self._hear)
        self.heard = b""

    def _hear(self, data: bytes) -> None:
        self.heard += data

    def say(self, data: bytes, wait: float = 0.1) -> bytes:
        self.heard = b""
        self.channel.write(data)
        self.wait(wait)
        return self.heard

    def wait(self, seconds: float) -> None:
        self.clock.run(asyncio.sleep(seconds))


def test_it_is_a_simulator(clock: Clock) -> None:
    assert isinstance(Talk(clock, METER).far, Simulator)


def test_it_answers_what_is_declared_and_nothing_else(clock: Clock) -> None:
    talk = Talk(clock, METER, value=-1.5)
    assert talk.say(b"READ?\r\n") == b"-1.500\r\n"
    assert talk.say(b"READ\r\n") == talk.say(b"\r\n") == talk.say(b"*IDN?\r\n") == b""
    assert talk.far.is_safe()


def test_it_may_complain(clock: Clock) -> None:
    assert Talk(clock, METER, unknown="ERR").say(b"what\r\n") == b"ERR\r\n"


def test_ends_and_forms_are_the_lab_files(clock: Clock) -> None:
    talk = Talk(clock, {**OVEN, "send_terminator": ";"}, **FORMS)
    assert talk.say(b"PV;") == b"20.0 C\r"
    assert talk.say(b"ID;") == b"OVEN 7\r"
    assert talk.say(b"SP?;") == b"20.0 C\r"


def test_what_is_set_is_approached(clock: Clock) -> None:
    talk = Talk(clock, OVEN, **FORMS, response_s=10.0)
    assert talk.far.is_safe()
    assert talk.say(b"SP 70.0\r") == b"OK\r"
    assert not talk.far.is_safe()
    assert talk.say(b"SP?\r") == b"70.0 C\r"
    talk.wait(9.8)
    assert float(talk.say(b"PV\r").split()[0]) == pytest.approx(70 - 50 * math.exp(-1), abs=0.3)
    assert talk.say(b"SP hot\r") == b""


def test_an_answer_may_be_an_empty_line_or_none(clock: Clock) -> None:
    empty = Talk(clock, {**OVEN, "set": {**OVEN["set"], "answer": ""}}, **FORMS, answer="")
    assert empty.say(b"SP 70.0\r") == b"\r"
    silent = Talk(clock, {**OVEN, "set": {**OVEN["set"], "answer": None}}, **FORMS)
    assert silent.say(b"SP 70.0\r") == b""


def test_what_is_stuck_does_not_come(clock: Clock) -> None:
    talk = Talk(clock, OVEN, **FORMS, stuck=True)
    talk.say(b"SP 70.0\r", 60.0)
    assert talk.say(b"PV\r") == b"20.0 C\r"


def test_it_reads_the_world(clock: Clock) -> None:
    talk = Talk(clock, METER, quantity="temperature")
    assert talk.say(b"READ?\r\n") == b"25.000\r\n"


def test_its_noise_is_drawn_anew(clock: Clock) -> None:
    talk = Talk(clock, METER, noise=0.5)
    first = [talk.say(b"READ?\r\n") for _ in range(3)]
    assert len(set(first)) == 3
    talk.bench.reseed(1, 1)
    assert talk.say(b"READ?\r\n") not in first


def test_power_takes_nothing_and_a_snapshot_brings_it_back(clock: Clock) -> None:
    talk = Talk(clock, OVEN, **FORMS, response_s=0.0)
    talk.say(b"SP 70.0\r")
    state = talk.bench.snapshot()
    talk.say(b"SP 30.0\r")

    async def cut() -> None:
        talk.far.power_cycle()

    clock.run(cut())
    assert talk.say(b"PV\r") == b"30.0 C\r"
    talk.bench.restore(state)
    assert talk.say(b"PV\r") == b"70.0 C\r"


@pytest.mark.parametrize(
    ("settings", "options", "message"),
    [
        (METER, {"reply": "{value:.0f}"}, r"would say '20', which is not"),
        (METER, {"reply": "{volume}"}, r"is no form such as"),
        (METER, {"quantity": "colour"}, r"'colour' is not seen there"),
        (METER, {"values": 1}, r"'values' is not known here"),
        (OVEN, {"reply": "{value:.1f} C"}, r"identity: the simulator would say 'SIMULATED'"),
        (OVEN, {**FORMS, "answer": "NO"}, r"answer: the simulator would say 'NO'"),
        (OVEN, {**FORMS, "quantity": "temperature"}, r"cannot be set"),
    ],
)
def test_a_description_that_does_not_fit_is_refused(
    clock: Clock, settings: dict[str, Any], options: dict[str, Any], message: str
) -> None:
    with pytest.raises(InputError, match=message):
        Talk(clock, settings, **options)


@given(st.lists(st.floats(0.01, 20.0), min_size=1, max_size=20), st.floats(0.0, 30.0))
def test_a_lag_goes_the_same_way_in_however_many_pieces(pieces: list[float], response: float) -> None:
    lag, once = Lag(20.0, response), Lag(20.0, response)
    lag.aim(70.0)
    once.aim(70.0)
    for piece in pieces:
        lag.integrate(piece)
    once.integrate(sum(pieces))
    assert lag.value == pytest.approx(once.value)
