"""The bytes of Protocol 1/RNO+, against transcripts made by hand from the fact sheet."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autolab.drivers.hamilton_protocol import DriveLine, State
from autolab.drivers.testing import play
from autolab.model.errors import GarbledReply, InstrumentTimeout, Refused, WrongInstrument

ACK, NAK = b"\x06", b"\x15"
ONE, LEFT, RIGHT = DriveLine(0, ""), DriveLine(0, "B"), DriveLine(1, "C")
DONE = [(">", b"aF\r"), ("<", ACK + b"Y\r")]


def state(errors: bytes, position: bytes = b"24000", done: bytes = b"Y") -> list[tuple[str, bytes]]:
    return [
        (">", b"aF\r"), ("<", ACK + done + b"\r"), (">", b"aE2\r"), ("<", ACK + errors + b"\r"),
        (">", b"aYQPR\r"), ("<", ACK + position + b"\r"), (">", b"aF\r"), ("<", ACK + b"Y\r"),
    ]  # fmt: skip


def test_a_movement() -> None:
    play(ONE.command("M24000S60R"), [(">", b"aM24000S60R\r"), ("<", ACK + b"\r")])
    play(RIGHT.command("M0S2R"), [(">", b"bCM0S2R\r"), ("<", ACK + b"\r")])
    play(LEFT.command("K"), [(">", b"aBK\r"), ("<", ACK + b"\r")])


def test_the_last_unit_of_a_chain_is_p() -> None:
    play(DriveLine(15, "").command("K"), [(">", b"pK\r"), ("<", ACK + b"\r")])


def test_a_refusal() -> None:
    with pytest.raises(Refused, match=r"refused M60000S2R \(NAK\)"):
        play(ONE.command("M60000S2R"), [(">", b"aM60000S2R\r"), ("<", NAK + b"\r")])


def test_an_echo_is_passed_over_and_another_is_not() -> None:
    play(ONE.command("K"), [(">", b"aK\r"), ("<", b"aK\r"), ("<", ACK + b"\r")])
    with pytest.raises(GarbledReply):
        play(ONE.command("K"), [(">", b"aK\r"), ("<", b"bK\r")])


def test_a_question_has_another_of_another_shape_behind_it() -> None:
    script = [(">", b"aLQAR\r"), ("<", ACK + b"135\r"), *DONE]
    assert play(ONE.question("LQAR", r"\d{1,3}"), script) == "135"
    with pytest.raises(GarbledReply, match="F is none to that question: '135'"):
        play(ONE.question("LQAR", r"\d{1,3}"), [*script[:1], ("<", ACK + b"45\r"), DONE[0], ("<", ACK + b"135\r")])


def test_a_state_at_rest() -> None:
    told = play(ONE.state(), state(b"@@PP"))
    assert told == State(moving=False, position=24000, syringe=0, valve=0)
    assert (told.initialized, told.trouble) == (True, "")


@pytest.mark.parametrize(("done", "moving"), [(b"Y", False), (b"N", True), (b"*", True)])
def test_what_waits_in_the_buffer_counts_as_at_work(done: bytes, moving: bool) -> None:
    assert play(ONE.state(), state(b"@@PP", done=done)).moving is moving


@pytest.mark.parametrize(
    ("errors", "initialized", "trouble"),
    [
        (b"A@PP", False, ""), (b"@APP", False, ""), (b"H@PP", False, "syringe is overloaded"),
        (b"D@PP", False, "initialising its syringe failed"), (b"B@PP", True, "stroke is too large"),
        (b"@DPP", False, "valve is overloaded"), (b"@BPP", False, "initialising its valve failed"),
        (b"HDPP", False, "syringe is overloaded and its valve is overloaded"),
    ],
)  # fmt: skip
def test_errors_are_told_in_words(errors: bytes, initialized: bool, trouble: str) -> None:
    told = play(ONE.state(), state(errors))
    assert told.initialized is initialized
    assert trouble in told.trouble


def test_the_right_drive_has_the_other_half_of_the_errors() -> None:
    script = [(sent, data.replace(b"a", b"b").replace(b"YQP", b"CYQP")) for sent, data in state(b"@@HA")]
    told = play(RIGHT.state(), script)
    assert (told.syringe, told.valve) == (8, 1)


def test_a_side_without_a_syringe_is_another_apparatus() -> None:
    with pytest.raises(WrongInstrument, match="no syringe on this side"):
        play(ONE.state(), state(b"PPPP"))


def test_a_firmware_is_asked_for_twice() -> None:
    def answers(one: bytes, other: bytes) -> list[tuple[str, bytes]]:
        return [(">", b"aUR\r"), ("<", ACK + one + b"\r"), (">", b"aUR\r"), ("<", ACK + other + b"\r"), *DONE]

    assert play(ONE.firmware(), answers(b"NV01.02.A", b"NV01.02.A")) == "NV01.02.A"
    with pytest.raises(GarbledReply, match="two firmwares"):
        play(ONE.firmware(), answers(b"NV01.02.A", b"NV01.03.A"))
    with pytest.raises(WrongInstrument, match=r"'OM01.02.A' answers"):
        play(ONE.firmware(), answers(b"OM01.02.A", b"OM01.02.A"))


def test_a_chain_without_addresses_is_given_them() -> None:
    script = [
        (">", b"aUR\r"), (">", b"1a\r"), ("<", b"1a\r"), (">", b"1a\r"), ("<", b"1b\r"), (">", b"aUR\r"),
        ("<", ACK + b"NV01.02.A\r"), (">", b"aUR\r"), ("<", ACK + b"NV01.02.A\r"), *DONE,
    ]  # fmt: skip
    assert play(ONE.firmware(), script) == "NV01.02.A"
    with pytest.raises(InstrumentTimeout):
        play(ONE.firmware(), [(">", b"aUR\r"), (">", b"1a\r"), (">", b"1a\r"), (">", b"aUR\r")])


@pytest.mark.parametrize(("said", "one"), [(b"Y", True), (b"N", False)])
def test_how_many_syringes_it_has(said: bytes, one: bool) -> None:
    assert play(ONE.single(), [(">", b"aH\r"), ("<", ACK + said + b"\r")]) is one


@pytest.mark.parametrize(
    "answer",
    [
        b"\r",
        b"24000\r",
        b"\x0724000\r",
        ACK + b"24,00\r",
        ACK + b"2e3\r",
        ACK + b"\xcd4000\r",
        ACK + b"Y\r",
        NAK + b"1\r",
    ],
)
def test_what_is_no_position_is_garbled(answer: bytes) -> None:
    with pytest.raises(GarbledReply):
        play(ONE.question("YQPR", r"-?\d{1,5}"), [(">", b"aYQPR\r"), ("<", answer)])


def test_data_behind_a_command_is_garbled() -> None:
    with pytest.raises(GarbledReply, match="as if to a question"):
        play(ONE.command("M0S2R"), [(">", b"aM0S2R\r"), ("<", ACK + b"24000\r")])


@given(st.integers(0, 52800))
def test_positions_are_read_as_they_were_told(steps: int) -> None:
    assert play(ONE.state(), state(b"@@PP", str(steps).encode())).position == steps
