"""Propar: bytes against the fact sheet and the transcripts of the maker's manual 9.17.027."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autolab.drivers import bronkhorst_protocol as wire
from autolab.drivers.testing import play
from autolab.model.errors import GarbledReply, InstrumentAlarm, InstrumentError, InstrumentTimeout, Refused

ASCII = wire.Line("ascii", 3, 1)
BINARY = wire.Line("binary", 3, 1)


def hexed(text: str) -> bytes:
    return bytes.fromhex(text)


def test_measure_in_ascii_as_the_manual_has_it() -> None:
    transcript = [(">", b":06030401210120\r\n"), ("<", b":06030201213E80\r\n")]
    assert play(wire.number(ASCII, wire.MEASURE), transcript) == 16000


def test_set_point_in_ascii_as_the_manual_has_it() -> None:
    transcript = [(">", b":06030401210121\r\n"), ("<", b":06030201213E80\r\n")]
    assert play(wire.number(ASCII, wire.SETPOINT), transcript) == 16000


def test_a_float_in_ascii_as_the_manual_has_it() -> None:
    counter = wire.Parameter(104, 1, "float")
    transcript = [(">", b":06030468416841\r\n"), ("<", b":0803026841459CFFAE\r\n")]
    assert play(wire.number(ASCII, counter), transcript) == pytest.approx(5023.96, abs=0.01)


def test_measure_in_binary_as_the_sheet_has_it() -> None:
    line = wire.Line("binary", 3, 1)
    transcript = [
        (">", hexed("10 02 01 03 05 04 01 21 01 20 10 03")),  # of the sheet but for the index, which is 1 here
        ("<", hexed("10 02 01 03 05 02 01 21 2e e0 10 03")),
    ]
    assert play(wire.number(line, wire.MEASURE), transcript) == 12000
    line = wire.Line("binary", 3, 0x20)
    transcript = [
        (">", hexed("10 02 20 03 05 04 01 20 01 20 10 03")),
        ("<", hexed("10 02 20 03 05 02 01 20 2e e0 10 03")),
    ]
    assert play(wire.number(line, wire.MEASURE), transcript) == 12000


def test_writes_in_binary_as_the_sheet_has_them() -> None:
    written = [(">", hexed("10 02 01 03 05 01 01 21 3e 80 10 03")), ("<", hexed("10 02 01 03 03 00 00 04 10 03"))]
    play(wire.write(BINARY, wire.SETPOINT, 16000), written)
    written = [(">", hexed("10 02 01 03 07 01 21 43 3f a0 00 00 10 03")), ("<", hexed("10 02 01 03 03 00 00 06 10 03"))]
    play(wire.write(BINARY, wire.FSETPOINT, 1.25), written)


def test_a_write_in_ascii() -> None:
    line = wire.Line("ascii", 128, 9)
    play(wire.write(line, wire.SETPOINT, 16000), [(">", b":06800101213E80\r\n"), ("<", b":0480000005\r\n")])
    play(wire.write(line, wire.CONTROL_MODE, 18), [(">", b":058001010412\r\n"), ("<", b":0480000004\r\n")])
    play(wire.write(line, wire.WINK, "9"), [(">", b":06800100600139\r\n"), ("<", b":0480000005\r\n")])


def test_texts_with_a_length_and_with_a_zero() -> None:
    line = wire.Line("binary", 128, 3)
    transcript = [
        (">", hexed("10 02 03 80 06 04 71 63 71 63 00 10 03")),
        ("<", hexed("10 02 03 80 0e 02 71 63 00 4d 36 32 31 32 33 34 35 41 00 10 03")),
    ]
    assert play(wire.text(line, wire.SERIAL_NUMBER), transcript) == "M6212345A"
    line = wire.Line("ascii", 3, 31)
    transcript = [(">", b":070304017F017F07\r\n"), ("<", b":0C0302017F076D6C6E2F6D696E\r\n")]
    assert play(wire.text(line, wire.UNIT), transcript) == "mln/min"


def test_tens_are_doubled_both_ways() -> None:
    line = wire.Line("binary", 16, 16)
    transcript = [
        (">", hexed("10 02 10 10 10 10 05 04 01 30 01 20 10 03")),
        ("<", hexed("10 02 10 10 10 10 05 02 01 30 10 10 10 10 10 03")),
    ]
    assert play(wire.number(line, wire.MEASURE), transcript) == 0x1010


def test_words_above_the_range_are_negative() -> None:
    for said, value in ((b"A3D6", 41942), (b"A3D7", -23593), (b"FEC0", -320), (b"0000", 0)):
        transcript = [(">", b":06030401210120\r\n"), ("<", b":0603020121" + said + b"\r\n")]
        assert play(wire.number(ASCII, wire.MEASURE), transcript) == value


@pytest.mark.parametrize(
    ("reply", "why"),
    [
        ("10 02 02 03 05 02 01 21 2e e0 10 03", "message 2 instead of 1"),
        ("10 02 01 04 05 02 01 21 2e e0 10 03", "node 4 answers instead of 3"),
        ("10 02 01 03 05 02 01 20 2e e0 10 03", "answers another question"),
        ("10 02 01 03 05 02 02 21 2e e0 10 03", "answers another question"),
        ("10 02 01 03 05 02 01 41 2e e0 10 03", "answers another question"),
        ("10 02 01 03 06 02 01 21 2e e0 10 03", "another length"),
        ("10 02 01 03 07 02 01 21 2e e0 00 00 10 03", "4 bytes for process 1"),
        ("10 02 01 03 03 00 00 04 10 03", "a status answers"),
        ("10 02 01 03 02 00 00 10 03", "status of another length"),
        ("10 02 01 10 03", "no binary message"),
        ("10 07", "no binary message"),
        ("ff 00", "no binary message"),
        ("10 02 01 03 05 01 01 21 2e e0 10 03", "answers another question"),
    ],
)
def test_what_is_no_answer_in_binary(reply: str, why: str) -> None:
    sent = hexed("10 02 01 03 05 04 01 21 01 20 10 03")
    with pytest.raises(GarbledReply, match=why):
        play(wire.number(BINARY, wire.MEASURE), [(">", sent), ("<", hexed(reply))])


@pytest.mark.parametrize(
    ("reply", "why"),
    [
        (b":06030201223E80\r\n", "answers another question"),  # late: the index of the message before
        (b":06040201213E80\r\n", "node 4"),
        (b":07030201213E80\r\n", "another length"),
        (b":06030201213E8\r\n", "no message in ASCII"),
        (b"06030201213E80\r\n", "no message in ASCII"),
        (b":0104\r\n", "error 4: the message was wrong"),
        (b":0403000005\r\n", "a status answers"),
        (b":04030000\r\n", "another length"),
    ],
)
def test_what_is_no_answer_in_ascii(reply: bytes, why: str) -> None:
    with pytest.raises(GarbledReply, match=why):
        play(wire.number(ASCII, wire.MEASURE), [(">", b":06030401210120\r\n"), ("<", reply)])


def test_a_number_must_be_finite_and_a_text_printable() -> None:
    for said in (b"7FC00000", b"7F800000"):
        with pytest.raises(GarbledReply, match="for process 33, parameter 0"):
            play(
                wire.number(ASCII, wire.FMEASURE),
                [(">", b":06030421412140\r\n"), ("<", b":0803022141" + said + b"\r\n")],
            )
    with pytest.raises(GarbledReply):
        play(wire.text(ASCII, wire.MODEL), [(">", b":0703047161716200\r\n"), ("<", b":0703027161020103\r\n")])


@pytest.mark.parametrize("status", range(36))
def test_every_status_is_a_typed_error(status: int) -> None:
    reply = f":040300{status:02X}05\r\n".encode()
    transcript = [(">", b":06030101213E80\r\n"), ("<", reply)]
    if status == 0:
        play(wire.write(ASCII, wire.SETPOINT, 16000), transcript)
        return
    expected: type[InstrumentError] = GarbledReply
    if status in (1, 2, 3, 4, 5, 6, 7, 13, 17):
        expected = Refused
    elif status in (8, 9, 25, 30):
        expected = InstrumentTimeout
    elif status == 10:
        expected = InstrumentAlarm
    with pytest.raises(expected, match=f"status {status} for process 1, parameter 1"):
        play(wire.write(ASCII, wire.SETPOINT, 16000), transcript)


def test_errors_of_the_interface() -> None:
    for code, expected in (
        (1, GarbledReply),
        (3, GarbledReply),
        (5, InstrumentTimeout),
        (8, InstrumentTimeout),
        (9, InstrumentTimeout),
    ):
        with pytest.raises(expected, match=f"error {code}"):
            play(wire.number(ASCII, wire.MEASURE), [(">", b":06030401210120\r\n"), ("<", b":01%02X\r\n" % code)])
    sent = hexed("10 02 01 03 05 04 01 21 01 20 10 03")
    with pytest.raises(InstrumentTimeout, match="error 9"):
        play(wire.number(BINARY, wire.MEASURE), [(">", sent), ("<", hexed("10 02 01 03 01 09 10 03"))])
    with pytest.raises(GarbledReply, match="no acknowledgement"):
        play(wire.write(ASCII, wire.SETPOINT, 1), [(">", b":06030101210001\r\n"), ("<", b":06030201213E80\r\n")])


@given(st.integers(0, 255), st.integers(1, 128), st.binary(min_size=2, max_size=120))
def test_every_message_is_read_as_it_was_written(tag: int, node: int, data: bytes) -> None:
    for framing in ("binary", "ascii"):
        line = wire.Line(framing, node, tag)
        said = wire.frame(line, data)
        assert wire.unframe(line, said) == data
        if framing == "binary":
            assert wire.end_of_frame(said + b"\x10") == len(said)
            assert not any(wire.end_of_frame(said[:end]) for end in range(len(said)))


@given(st.binary(max_size=60))
def test_noise_is_garbled_and_never_something_else(noise: bytes) -> None:
    for line in (ASCII, BINARY):
        with contextlib.suppress(GarbledReply, InstrumentTimeout):
            wire.unframe(line, noise)
    assert 0 <= wire.end_of_frame(noise) <= len(noise)


@given(st.floats(0, 1e6, width=32))
def test_floats_are_sent_as_they_are(value: float) -> None:
    line = wire.Line("binary", 3, 3)
    packed = wire.packed(wire.FSETPOINT, value)
    reply = wire.frame(line, bytes.fromhex("022143") + packed)
    sent = wire.frame(line, bytes.fromhex("0421432143"))
    assert play(wire.number(line, wire.FSETPOINT), [(">", sent), ("<", reply)]) == value
