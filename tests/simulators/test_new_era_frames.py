"""The bytes of New Era pumps."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autolab.simulators.new_era_frames import FrameReader, Packet, four_digits, frame, number_in

NESP_FIRST = bytes.fromhex("02 09 30 53 41 46 30 59 AD 03")  # what nesp-lib's constructor sends
MANUAL = b"\x02\x08SAF0\x55\x43\x03"  # the maker's way back to basic mode


@pytest.mark.parametrize(("data", "text"), [(NESP_FIRST, "0SAF0"), (MANUAL, "SAF0")])
def test_published_safe_frames_are_read(data: bytes, text: str) -> None:
    assert list(FrameReader().feed(data, 0.0)) == [Packet(text, safe=True)]


def test_safe_frame_is_written_as_published() -> None:
    assert frame("0SAF0", safe=True) == NESP_FIRST


@pytest.mark.parametrize(
    ("data", "text"),
    [(b"0DIR WDR\r", "0DIRWDR"), (b"0dirwdr\r", "0DIRWDR"), (b"\t 12 vol\x00 0.5\r", "12VOL0.5"), (b"\r", "")],
)
def test_basic_command_is_stripped_and_upper_case(data: bytes, text: str) -> None:
    assert list(FrameReader().feed(data, 0.0)) == [Packet(text)]


def test_line_feeds_of_a_terminal_are_ignored() -> None:
    assert [packet.text for packet in FrameReader().feed(b"VER\r\nDIA\r\n", 0.0)] == ["VER", "DIA"]


@given(st.lists(st.sampled_from([b"0VER\r", NESP_FIRST, b"1DIA 14.5\r", MANUAL]), max_size=5), st.data())
def test_frames_may_come_in_any_pieces(frames: list[bytes], data: st.DataObject) -> None:
    whole = b"".join(frames)
    reader, packets, rest = FrameReader(), [], whole
    while rest:
        size = data.draw(st.integers(1, len(rest)))
        packets += list(reader.feed(rest[:size], 0.0))
        rest = rest[size:]
    assert packets == list(FrameReader().feed(whole, 0.0))
    assert len(packets) == len(frames)


def test_damaged_safe_frame_is_told_apart() -> None:
    damaged = NESP_FIRST[:-3] + b"\x00\x00\x03"
    (packet,) = FrameReader().feed(damaged, 0.0)
    assert not packet.intact


def test_safe_frame_with_impossible_length_is_damaged() -> None:
    (packet,) = FrameReader().feed(b"\x02\x03", 0.0)
    assert not packet.intact


def test_unfinished_safe_frame_is_thrown_away_after_half_a_second() -> None:
    reader = FrameReader()
    assert list(reader.feed(NESP_FIRST[:6], 0.0)) == []
    assert list(reader.feed(b"VER\r", 0.6)) == [Packet("VER")]


def test_slow_safe_frame_is_read_when_no_gap_is_too_long() -> None:
    reader = FrameReader()
    assert list(reader.feed(NESP_FIRST[:6], 0.0)) == []
    assert list(reader.feed(NESP_FIRST[6:], 0.4)) == [Packet("0SAF0", safe=True)]


def test_safe_frame_after_noise_is_read() -> None:
    assert list(FrameReader().feed(b"x#" + NESP_FIRST, 0.0)) == [Packet("0SAF0", safe=True)]


def test_endless_noise_is_not_kept() -> None:
    reader = FrameReader()
    assert list(reader.feed(b"x" * 5000, 0.0)) == []
    (packet,) = reader.feed(b"\r", 0.0)
    assert len(packet.text) < 300


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.0, "0.000"), (0.25, "0.250"), (0.2999, "0.299"), (9.9999, "9.999"), (10.0, "10.00"), (14.5, "14.50"),
        (99.999, "99.99"), (100.0, "100.0"), (999.99, "999.9"), (1000.0, "1000."), (9999.9, "9999."), (10000.5, "0.500"),
    ],
)  # fmt: skip
def test_numbers_have_four_digits_cut_off(value: float, text: str) -> None:
    assert four_digits(value) == text


@given(st.integers(0, 9999), st.integers(0, 3))
def test_what_the_pump_writes_it_reads(digits: int, decimals: int) -> None:
    value = digits / 10**decimals
    text = four_digits(value)
    read = number_in(text)
    assert len(text) <= 5
    assert read is not None
    assert 0 <= value - read < 10.0 ** -(len(text.partition(".")[2])) + 1e-9


@pytest.mark.parametrize("text", ["", ".", "12345", "1.0000", "-1", "1e3", "1.2.3", "12.345"])
def test_numbers_that_the_pump_cannot_take(text: str) -> None:
    assert number_in(text) is None
