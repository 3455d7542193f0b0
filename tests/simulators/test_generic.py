"""The instrument that is simulated from its description in the lab file."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autolab.model.errors import InputError

if TYPE_CHECKING:
    from tests.simulators.conftest import Speaker
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


@pytest.fixture
def meet(meet_one: Callable[..., Speaker]) -> Callable[..., Speaker]:
    def one(settings: dict[str, Any], **options: Any) -> Speaker:
        return meet_one("generic.Query", settings, options)

    return one


def test_it_is_a_simulator(meet: Callable[..., Speaker]) -> None:
    assert isinstance(meet(METER).inside, Simulator)


def test_it_answers_what_is_declared_and_nothing_else(meet: Callable[..., Speaker]) -> None:
    talk = meet(METER, value=-1.5)
    assert talk.say(b"READ?\r\n") == b"-1.500\r\n"
    assert talk.say(b"READ\r\n") == talk.say(b"\r\n") == talk.say(b"*IDN?\r\n") == b""
    assert talk.inside.is_safe()


def test_it_may_complain(meet: Callable[..., Speaker]) -> None:
    assert meet(METER, unknown="ERR").say(b"what\r\n") == b"ERR\r\n"


def test_ends_and_forms_are_the_lab_files(meet: Callable[..., Speaker]) -> None:
    talk = meet({**OVEN, "send_terminator": ";"}, **FORMS)
    assert talk.say(b"PV;") == b"20.0 C\r"
    assert talk.say(b"ID;") == b"OVEN 7\r"
    assert talk.say(b"SP?;") == b"20.0 C\r"


def test_what_is_set_is_approached(meet: Callable[..., Speaker]) -> None:
    talk = meet(OVEN, **FORMS, response_s=10.0)
    assert talk.inside.is_safe()
    assert talk.say(b"SP 70.0\r") == b"OK\r"
    assert not talk.inside.is_safe()
    assert talk.say(b"SP?\r") == b"70.0 C\r"
    talk.wait(9.8)
    assert float(talk.say(b"PV\r").split()[0]) == pytest.approx(70 - 50 * math.exp(-1), abs=0.3)
    assert talk.say(b"SP hot\r") == b""


def test_an_answer_may_be_an_empty_line_or_none(meet: Callable[..., Speaker]) -> None:
    empty = meet({**OVEN, "set": {**OVEN["set"], "answer": ""}}, **FORMS, answer="")
    assert empty.say(b"SP 70.0\r") == b"\r"
    silent = meet({**OVEN, "set": {**OVEN["set"], "answer": None}}, **FORMS)
    assert silent.say(b"SP 70.0\r") == b""


def test_what_is_stuck_does_not_come(meet: Callable[..., Speaker]) -> None:
    talk = meet(OVEN, **FORMS, stuck=True)
    talk.say(b"SP 70.0\r", 60.0)
    assert talk.say(b"PV\r") == b"20.0 C\r"


def test_it_reads_the_world(meet: Callable[..., Speaker]) -> None:
    talk = meet(METER, quantity="temperature")
    assert talk.say(b"READ?\r\n") == b"25.000\r\n"


def test_its_noise_is_drawn_anew(meet: Callable[..., Speaker]) -> None:
    talk = meet(METER, noise=0.5)
    first = [talk.say(b"READ?\r\n") for _ in range(3)]
    assert len(set(first)) == 3
    talk.bench.reseed(1, 1)
    assert talk.say(b"READ?\r\n") not in first


def test_power_takes_nothing_and_a_snapshot_brings_it_back(meet: Callable[..., Speaker]) -> None:
    talk = meet(OVEN, **FORMS, response_s=0.0)
    talk.say(b"SP 70.0\r")
    state = talk.bench.snapshot()
    talk.say(b"SP 30.0\r")
    talk.do(talk.inside.power_cycle)
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
    meet: Callable[..., Speaker], settings: dict[str, Any], options: dict[str, Any], message: str
) -> None:
    with pytest.raises(InputError, match=message):
        meet(settings, **options)


@given(st.lists(st.floats(0.01, 20.0), min_size=1, max_size=20), st.floats(0.0, 30.0))
def test_a_lag_goes_the_same_way_in_however_many_pieces(pieces: list[float], response: float) -> None:
    lag, once = Lag(20.0, response), Lag(20.0, response)
    lag.aim(70.0)
    once.aim(70.0)
    for piece in pieces:
        lag.integrate(piece)
    once.integrate(sum(pieces))
    assert lag.value == pytest.approx(once.value)
