"""The bytes of both Cavro protocols, against transcripts made by hand from the fact sheet."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autolab.drivers import tecan_protocol as wire
from autolab.drivers.tecan_protocol import PumpLine, Reply
from autolab.drivers.testing import play
from autolab.model.errors import GarbledReply, InstrumentAlarm, InstrumentTimeout, Refused

DT, END = False, b"\x03\r\n"


def test_a_status_in_terminal_lines() -> None:
    idle = play(PumpLine(0, oem=DT).exchange("Q"), [(">", b"/1Q\r"), ("<", b"/0`" + END)])
    assert (idle.ready, idle.error, idle.data) == (True, 0, "")
    busy = play(PumpLine(14, oem=DT).exchange("Q"), [(">", b"/?Q\r"), ("<", b"/0@" + END)])
    assert (busy.ready, busy.error) == (False, 0)


def test_a_status_in_frames() -> None:
    script = [(">", bytes.fromhex("02 31 31 51 03 50")), ("<", bytes.fromhex("02 30 60 03 51"))]
    assert play(PumpLine(0, oem=True).exchange("Q"), script) == Reply(0x60, "")


def test_sequence_numbers_go_round_from_1_to_7() -> None:
    line = PumpLine(0, oem=True)
    seen = []
    for _ in range(8):
        query = line.exchange("Q")
        seen.append(next(query).data[2])  # type: ignore[union-attr]  # the first effect writes
        query.close()
    assert seen == [0x31, 0x32, 0x33, 0x34, 0x35, 0x36, 0x37, 0x31]


def test_a_command_without_an_answer_is_repeated_with_its_number_and_the_repeat_flag() -> None:
    first, again = bytes.fromhex("02 31 31 54 52 03 07"), bytes.fromhex("02 31 39 54 52 03 0f")
    assert first == wire.frame(0x31, 1, "TR")
    play(PumpLine(0, oem=True).command("TR"), [(">", first), (">", again), ("<", bytes.fromhex("02 30 60 03 51"))])
    broken = bytes.fromhex("02 cf 60 03 51")
    script = [(">", first), ("<", broken), (">", again), ("<", bytes.fromhex("02 30 40 03 71"))]
    play(PumpLine(0, oem=True).command("TR"), script)
    with pytest.raises(InstrumentTimeout):
        play(PumpLine(0, oem=True).command("TR"), [(">", first), (">", again), (">", again)])


def test_terminal_lines_are_never_repeated() -> None:
    with pytest.raises(InstrumentTimeout):
        play(PumpLine(0, oem=DT).command("A100R"), [(">", b"/1A100R\r")])


@pytest.mark.parametrize("answer", [b"/0`1500" + END, b"\xff/0`1500" + END])
def test_a_position_and_the_byte_that_some_adapters_let_pass(answer: bytes) -> None:
    script = [(">", b"/1?\r"), ("<", answer), (">", b"/1Q\r"), ("<", b"/0`" + END)]
    assert play(PumpLine(0, oem=DT).report("?", r"\d+"), script) == "1500"


def test_a_belated_answer_is_noticed_by_the_status_behind_it() -> None:
    script = [(">", b"/1?\r"), ("<", b"/0`1" + END), (">", b"/1Q\r"), ("<", b"/0`1500" + END)]
    with pytest.raises(GarbledReply, match=r"Q has data.*'1500'"):
        play(PumpLine(0, oem=DT).report("?", r"\d+"), script)


@pytest.mark.parametrize(
    ("code", "kind", "match"),
    [
        (1, InstrumentAlarm, "initialising failed"), (2, Refused, "invalid command"), (3, Refused, "invalid operand"),
        (4, Refused, "sequence"), (6, InstrumentAlarm, "EEPROM"), (7, Refused, "not initialised.*initialize"),
        (8, InstrumentAlarm, "does not name it"), (9, InstrumentAlarm, "plunger overload"),
        (10, InstrumentAlarm, "valve overload"), (11, Refused, "bypass"), (15, Refused, "at work"),
    ],
)  # fmt: skip
def test_errors_are_told_in_words(code: int, kind: type[Exception], match: str) -> None:
    answer = b"/0" + bytes([0x60 | code]) + END
    with pytest.raises(kind, match=f"error {code}: .*{match}"):
        play(PumpLine(0, oem=DT).command("A100R"), [(">", b"/1A100R\r"), ("<", answer)])


@pytest.mark.parametrize(
    "answer",
    [
        b"/1`" + END, b"0`" + END, b"/0\x20" + END, b"/0\x70" + END, b"/0\xe0" + END, b"/0" + END, b"x/0`" + END,
        b"/0`15\xcf0" + END, b"/0`1\r0" + END,
    ],
)  # fmt: skip
def test_what_is_no_line_is_garbled(answer: bytes) -> None:
    with pytest.raises(GarbledReply):
        play(PumpLine(0, oem=DT).exchange("?"), [(">", b"/1?\r"), ("<", answer)])


@pytest.mark.parametrize("data", [b"", b"15,0", b"1e3", b"i", b" 15", b"-", b"1500000000"])
def test_what_is_no_position_is_garbled(data: bytes) -> None:
    with pytest.raises(GarbledReply):
        play(PumpLine(0, oem=DT).report("?", r"-?\d{1,6}"), [(">", b"/1?\r"), ("<", b"/0`" + data + END)])


def test_data_behind_a_command_is_garbled() -> None:
    with pytest.raises(GarbledReply, match="as if to a report"):
        play(PumpLine(0, oem=DT).command("A100R"), [(">", b"/1A100R\r"), ("<", b"/0`100" + END)])


@pytest.mark.parametrize("unknown", [b"b", b"`"])
def test_what_an_older_pump_does_not_tell_is_none(unknown: bytes) -> None:
    script = [
        (">", b"/1Q\r"), ("<", b"/0@" + END), (">", b"/1?28\r"), ("<", b"/0" + unknown + END),
        (">", b"/1?19\r"), ("<", b"/0" + unknown + END), (">", b"/1?\r"), ("<", b"/0@300" + END),
        (">", b"/1Q\r"), ("<", b"/0`" + END),
    ]  # fmt: skip
    status, mode, initialized, position = play(PumpLine(0, oem=DT).state(), script)
    assert (status.ready, mode, initialized, position) == (False, None, None, 300)


def test_the_firmware_is_asked_for_twice_and_must_be_the_same() -> None:
    def answers(one: bytes, other: bytes) -> list[tuple[str, bytes]]:
        return [(">", b"/1&\r"), ("<", b"/0`" + one + END), (">", b"/1&\r"), ("<", b"/0`" + other + END), *behind]

    behind = [(">", b"/1Q\r"), ("<", b"/0`" + END)]
    assert play(PumpLine(0, oem=DT).firmware(), answers(b"XLP V4.1", b"XLP V4.1")) == "XLP V4.1"
    with pytest.raises(GarbledReply, match="two firmwares"):
        play(PumpLine(0, oem=DT).firmware(), answers(b"XLP V4.1", b"XLP V4.3"))
    with pytest.raises(GarbledReply):
        play(PumpLine(0, oem=DT).firmware(), [(">", b"/1&\r"), ("<", b"/0`1500" + END)])


@given(st.integers(0x40, 0x4F) | st.integers(0x60, 0x6F), st.text("0123456789iobe.V ", max_size=20))
def test_answers_in_frames_are_read_as_they_were_made(status: int, data: str) -> None:
    made = wire.with_checksum(b"\x020" + bytes([status]) + data.encode() + b"\x03")
    assert wire.frame_end(made) == len(made)
    assert all(wire.frame_end(made[:end]) == 0 for end in range(len(made)))
    assert wire.parse_frame(made) == Reply(status, data)


@given(st.data())
def test_no_single_wrong_byte_of_a_frame_passes(data: st.DataObject) -> None:
    made = bytearray(wire.with_checksum(b"\x020\x601234\x03"))
    made[data.draw(st.integers(0, len(made) - 1))] ^= data.draw(st.integers(1, 255))
    with pytest.raises(GarbledReply):
        wire.parse_frame(bytes(made))
