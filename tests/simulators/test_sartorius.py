"""The Sartorius balance: its lines byte for byte, stability, taring and zeroing, status and errors."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import pytest

from autolab.model.errors import InputError

if TYPE_CHECKING:
    from tests.simulators.conftest import Speaker
from autolab.simulators.simulator import Simulator


def put(talk: Speaker, grams: float, wait: float = 10.0) -> None:
    """Have so much on the pan, and wait."""

    def change() -> None:
        talk.inside.world.advance()
        talk.inside.pan.load = grams

    talk.do(change)
    talk.wait(wait)


@pytest.fixture
def make(meet_one: Callable[..., Speaker]) -> Callable[..., Speaker]:
    """Make a balance without noise."""

    def one(**options: Any) -> Speaker:
        options = {"white_g": 0.0, "sway_g": 0.0, "drift_g": 0.0, **options}
        talk = meet_one("sartorius.Balance", None, options, seed=5, pause=0.2)
        talk.wait(3.0)
        return talk

    return one


@pytest.fixture
def talk(make: Callable[..., Speaker]) -> Speaker:
    return make()


# ---- lines ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "grams", "line"),
    [
        ({}, 123.4567, b"N     + 123.4567 g  \r\n"),
        ({}, -1.5, b"N     -   1.5000 g  \r\n"),
        ({}, 0.0, b"N         0.0000 g  \r\n"),
        ({"columns": 16}, 123.4567, b"+ 123.4567 g  \r\n"),
        ({"unit": "mg"}, 1.5, b"N     +   1500.0 mg \r\n"),
        ({"unit": "kg", "resolution_g": 0.01, "capacity_g": 4000}, 1255.7, b"N     +  1.25570 kg \r\n"),
    ],
)
def test_a_stable_weight(make: Callable[..., Speaker], options: Any, grams: float, line: bytes) -> None:
    talk = make(**options)
    put(talk, grams)
    assert len(line) == (16 if "columns" in options else 22)
    assert talk.say(b"\x1bP\r\n") == line
    assert isinstance(talk.bench.instrument("instrument"), Simulator)


def test_the_unit_is_blank_until_the_weight_is_stable(talk: Speaker) -> None:
    put(talk, 50.0, wait=0.5)
    told = talk.say(b"\x1bP\r\n", wait=0.1)
    assert (len(told), told[:7], told[17:20]) == (22, b"N     +", b"   ")
    talk.wait(10.0)
    assert talk.say(b"\x1bP\r\n") == b"N     +  50.0000 g  \r\n"


@pytest.mark.parametrize("end", [b"", b"\r\n", b"\r", b"\n"])
def test_the_end_of_a_command_may_be_left_out(talk: Speaker, end: bytes) -> None:
    assert talk.say(b"\x1bP" + end) == b"N         0.0000 g  \r\n"
    assert talk.say(b"\x1bkP_" + end) == b"N         0.0000 g  \r\n"


@pytest.mark.parametrize(
    ("command", "told"), [(b"\x1bx1_", "ENTRIS224I-1S"), (b"\x1bx2_", "0037454321"), (b"\x1bx3_\r\n", "00-37-09")]
)
def test_who_it_is(talk: Speaker, command: bytes, told: str) -> None:
    assert talk.say(command) == f"{told:>20}\r\n".encode()


@pytest.mark.parametrize(
    "command",
    [
        b"nonsense\r\n",
        b"P\r\n",
        b"\x1b",
        b"\x1bx9_",
        b"\x1bxyz12_",
        b"\x1b#",
        b"\x1bK",
        b"\x1bO",
        b"\x1bQ",
        b"\x1bx\r\n",
    ],
)
def test_what_is_not_answered_disturbs_nothing(talk: Speaker, command: bytes) -> None:
    assert talk.say(command) == b""
    assert talk.say(b"\x1bP\r\n") == b"N         0.0000 g  \r\n"


def test_commands_may_come_in_pieces_and_together(talk: Speaker) -> None:
    assert [talk.say(piece) for piece in (b"\x1b", b"x", b"2", b"_")][:3] == [b"", b"", b""]
    assert talk.say(b"\x1bx2_\x1bx3_", wait=0.5).split() == [b"0037454321", b"00-37-09"]


def test_keys_and_filters(talk: Speaker) -> None:
    talk.say(b"\x1bO\x1bN")
    assert (talk.inside.locked, talk.inside.filter) == (True, "N")
    talk.say(b"\x1bR\x1bK")
    assert (talk.inside.locked, talk.inside.filter) == (False, "K")


# ---- taring and zeroing --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("command", [b"\x1bT", b"\x1bU\r\n", b"\x1bf4_"])
def test_taring_says_nothing_and_the_weight_is_zero(talk: Speaker, command: bytes) -> None:
    put(talk, 50.0)
    assert talk.say(command) == b""
    assert talk.say(b"\x1bP") == b"N         0.0000 g  \r\n"
    put(talk, 0.0)
    assert talk.say(b"\x1bP") == b"N     -  50.0000 g  \r\n"


def test_taring_waits_for_stability(talk: Speaker) -> None:
    put(talk, 50.0, wait=0.3)
    talk.say(b"\x1bT", wait=0.3)
    assert talk.say(b"\x1bP", wait=0.1)[17:20] == b"   "
    talk.wait(10.0)
    assert talk.say(b"\x1bP") == b"N         0.0000 g  \r\n"


def test_zeroing_within_its_range_only(talk: Speaker) -> None:
    put(talk, 3.0)
    assert talk.say(b"\x1bV") == b""
    assert talk.say(b"\x1bP") == b"N         0.0000 g  \r\n"
    put(talk, 53.0)
    talk.say(b"\x1bf3_")
    assert talk.say(b"\x1bP") == b"N     +  50.0000 g  \r\n"


def test_the_tare_command_zeroes_near_zero(talk: Speaker) -> None:
    put(talk, 3.0)
    talk.say(b"\x1bT")
    assert (talk.inside.zero, talk.inside.tare) == (pytest.approx(3.0, abs=1e-4), 0.0)


def test_a_balance_that_says_its_weight_after_taring(make: Callable[..., Speaker]) -> None:
    talk = make(tare_line=True)
    put(talk, 50.0)
    assert talk.say(b"\x1bT") == b"N         0.0000 g  \r\n"


def test_a_balance_that_waits_for_stability_before_it_prints(make: Callable[..., Speaker]) -> None:
    talk = make(prints="stable")
    put(talk, 50.0, wait=0.3)
    assert talk.say(b"\x1bP") == b""
    assert talk.wait(10.0) == b"N     +  50.0000 g  \r\n"


def test_what_never_becomes_stable_is_given_up(make: Callable[..., Speaker]) -> None:
    talk = make(white_g=0.05, prints="stable")
    assert talk.say(b"\x1bP", wait=60.0) == b""
    assert talk.inside._waiting == []


# ---- instead of a weight -------------------------------------------------------------------------------------------


def test_overload_underload_and_standby(talk: Speaker) -> None:
    put(talk, 500.0)
    assert talk.say(b"\x1bP") == b"Stat     ERR  55    \r\n"
    assert len(b"Stat     ERR  55    \r\n") == 22
    put(talk, -20.0)
    assert talk.say(b"\x1bP") == b"Stat     ERR  54    \r\n"
    talk.do(lambda: setattr(talk.inside, "on", False))
    assert talk.say(b"\x1bP")[:14] == b"Stat       OFF"


def test_an_adjustment_is_told_until_it_is_over(talk: Speaker) -> None:
    talk.say(b"\x1bZ")
    assert talk.say(b"\x1bP") == b"Stat     Cal.Int.   \r\n"
    talk.wait(8.0)
    assert talk.say(b"\x1bP") == b"N         0.0000 g  \r\n"


@pytest.mark.parametrize(
    ("options", "match"), [({"unit": "stone"}, "unit: 'stone' is none"), ({"colour": 1}, "colour")]
)
def test_options_that_cannot_be(make: Callable[..., Speaker], options: Any, match: str) -> None:
    with pytest.raises(InputError, match=match):
        make(**options)


# ---- power, state --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("how", ["power", "restart"])
def test_a_power_cut_loses_the_tare(talk: Speaker, how: str) -> None:
    put(talk, 50.0)
    talk.say(b"\x1bU")
    put(talk, 60.0)
    if how == "power":
        talk.do(talk.inside.power_cycle)
    else:
        talk.say(b"\x1bS")
    assert talk.say(b"\x1bP") == b"N         0.0000 g  \r\n"
    put(talk, 10.0)
    assert talk.say(b"\x1bP") == b"N     -  50.0000 g  \r\n"


def test_a_snapshot_is_gone_back_to(make: Callable[..., Speaker]) -> None:
    talk = make(white_g=0.00008)
    put(talk, 50.0)
    talk.say(b"\x1bU")
    state = talk.do(talk.inside.snapshot)
    json.dumps(state)
    talk.say(b"\x1bS")
    talk.do(lambda: talk.inside.restore(state))
    assert talk.inside.tare == pytest.approx(50.0, abs=0.001)
    assert talk.inside.is_safe()


def test_noise_is_drawn_from_the_seed(make: Callable[..., Speaker]) -> None:
    talk = make(white_g=0.01)
    told = []
    for _ in range(2):
        talk.do(lambda: talk.inside.reseed(11))
        told.append([talk.say(b"\x1bP") for _ in range(5)])
    assert told[0] == told[1]
    assert len(set(told[0])) > 1
