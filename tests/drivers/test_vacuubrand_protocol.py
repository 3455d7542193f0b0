"""The CVC 3000's lines: bytes against transcripts taken from the fact sheet and the maker's manuals."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autolab.drivers import vacuubrand_protocol as wire
from autolab.drivers.testing import play
from autolab.model.errors import GarbledReply, InstrumentTimeout, Refused

VERSION = "CVC 3000 V2.30"
FENCE = [(">", b"IN_VER\r\n"), ("<", b"CVC 3000 V2.30\r\n")]
ROUND = [
    (">", b"IN_PV_1\r\n"), ("<", b"123 mbar\r\n"), (">", b"IN_STAT\r\n"), ("<", b"110021\r\n"),
    (">", b"IN_ERR\r\n"), ("<", b"000000000\r\n"), (">", b"IN_SP_1\r\n"), ("<", b"0050 mbar\r\n"),
]  # fmt: skip
STATE = wire.State(123.0, 50.0, True, True, False, 2, 1, ())


def test_a_round_stands_between_fences() -> None:
    assert play(wire.fenced(VERSION, wire.state()), [*FENCE, *ROUND, *FENCE]) == STATE


@pytest.mark.parametrize("at", [1, 3, 5, 7])
@pytest.mark.parametrize("stray", [b"CVC 3000 V2.30\r\n", b"0300 mbar\r\n", b"000020\r\n", b"000000001\r\n", b"1\r\n"])
def test_an_answer_out_of_turn_shifts_the_others_and_is_known(at: int, stray: bytes) -> None:
    """A stray comes in place of an answer, and the true ones come after it, each one command too late."""
    said = [reply for way, reply in [*FENCE, *ROUND, *FENCE] if way == "<"]
    turn = (at + 1) // 2
    said = [*said[:turn], stray, *said[turn:]]
    sent = [data for way, data in [*FENCE, *ROUND, *FENCE] if way == ">"]
    transcript = [piece for pair in zip(sent, said, strict=False) for piece in ((">", pair[0]), ("<", pair[1]))]
    with pytest.raises(GarbledReply):
        play(wire.fenced(VERSION, wire.state()), transcript)


def test_faults_in_words() -> None:
    said = [*ROUND[:5], ("<", b"100001011\r\n"), *ROUND[6:]]
    state = play(wire.state(), said)
    assert state.faults == ("fault of the pump", "fault of the pressure transducer", "catch pot full")


@pytest.mark.parametrize(
    ("at", "reply"),
    [
        (1, b"123,4 mbar\r\n"), (1, b"123 Torr\r\n"), (1, b"123\r\n"), (1, b"-12 mbar\r\n"), (1, b"12\xff mbar\r\n"),
        (3, b"11002\r\n"), (3, b"210021\r\n"), (3, b"110029\r\n"), (3, b"2100\r\n"), (5, b"00000000\r\n"),
        (5, b"000000002\r\n"), (7, b"050%\r\n"), (7, b"00:00 h:m\r\n"),
    ],
)  # fmt: skip
def test_what_is_no_answer(at: int, reply: bytes) -> None:
    said = [*ROUND[:at], ("<", reply), *ROUND[at + 1 :]]
    with pytest.raises(GarbledReply):
        play(wire.state(), said)


def test_a_decimal_comma_is_told() -> None:
    with pytest.raises(GarbledReply, match="decimal comma"):
        wire.parse_pressure("0123,4 mbar")


@pytest.mark.parametrize(
    ("command", "echo"),
    [
        ("OUT_SP_1 50", b"0050"), ("START", b"1"), ("STOP 1", b"1"), ("OUT_VENT 0", b"0"), ("OUT_VENT 1", b"1"),
        ("OUT_MODE 2", b"2"), ("OUT_SP_1 1060", b"1060"),
    ],
)  # fmt: skip
def test_an_order_is_believed_by_its_echo(command: str, echo: bytes) -> None:
    play(wire.order(command), [(">", command.encode() + b"\r\n"), ("<", echo + b"\r\n")])


@pytest.mark.parametrize("echo", [b"0051", b"1", b"50 mbar", b"110021", b"CVC 3000 V2.30", b""])
def test_another_echo_is_not(echo: bytes) -> None:
    with pytest.raises(GarbledReply, match="echoes"):
        play(wire.order("OUT_SP_1 50"), [(">", b"OUT_SP_1 50\r\n"), ("<", echo + b"\r\n")])


def test_no_echo_is_a_refusal_only_if_it_says_so() -> None:
    asked = [(">", b"OUT_SP_1 50\r\n"), (">", b"IN_ERR\r\n")]
    with pytest.raises(Refused, match="does not carry out 'OUT_SP_1 50'"):
        play(wire.order("OUT_SP_1 50"), [*asked, ("<", b"000000001\r\n")])
    for reply in (b"000000000\r\n", b"0050\r\n"):
        with pytest.raises(InstrumentTimeout):
            play(wire.order("OUT_SP_1 50"), [*asked, ("<", reply)])


@pytest.mark.parametrize("echoes", [(), (b"1",), (b"1", b"3"), (b"1", b"1", b"3"), (b"1", b"1", b"1", b"3")])
def test_control_is_taken_whatever_is_echoed(echoes: tuple[bytes, ...]) -> None:
    sent = [b"REMOTE 1", b"ECHO 1", b"REMOTE 1", b"CVC 3", b"IN_VER"]
    transcript = [(">", one + b"\r\n") for one in sent] + [("<", one + b"\r\n") for one in (*echoes, b"CVC 3000 V2.30")]
    assert play(wire.take_control(), transcript) == VERSION


def test_control_is_not_taken_from_something_else() -> None:
    sent = [(">", one + b"\r\n") for one in (b"REMOTE 1", b"ECHO 1", b"REMOTE 1", b"CVC 3", b"IN_VER")]
    for reply in (b"0123 mbar\r\n", b"ES\r\n"):
        with pytest.raises(GarbledReply, match="no name and version"):
            play(wire.take_control(), [*sent, ("<", reply)])


def test_configurations() -> None:
    assert play(wire.configuration(), [(">", b"IN_CFG\r\n"), ("<", b"3100010001000111\r\n")])[-1] == "1"
    with pytest.raises(GarbledReply, match="16 digits"):
        play(wire.configuration(), [(">", b"IN_CFG\r\n"), ("<", b"20101\r\n")])


@given(st.integers(0, 9999), st.integers(0, 9), st.sampled_from(["mbar", "hPa"]))
def test_every_pressure_is_read_as_it_was_written(whole: int, tenth: int, unit: str) -> None:
    assert wire.parse_pressure(f"{whole:04d}.{tenth} {unit}") == pytest.approx(whole + tenth / 10)
    assert wire.parse_pressure(f"{whole:04d} {unit}") == whole


@given(st.text(max_size=20))
def test_noise_is_garbled_and_never_something_else(noise: str) -> None:
    with contextlib.suppress(GarbledReply):
        wire.parse_pressure(noise)
