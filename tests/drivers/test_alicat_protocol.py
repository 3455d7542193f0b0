"""Alicat's lines: bytes against transcripts taken from the fact sheet and the maker's primer."""

from __future__ import annotations

import contextlib
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autolab.drivers import alicat_protocol as wire
from autolab.drivers.testing import play
from autolab.model.errors import GarbledReply, InstrumentTimeout, Refused

VERSION = "6v21.0-R22 Nov 30 2016,16:04:20"
FENCE = [(">", b"AVE\r"), ("<", b"A   6v21.0-R22 Nov 30 2016,16:04:20\r")]
FRAME = b"A +014.70 +024.00 +000.000 +000.000 +000.000 N2\r"


def test_a_poll_stands_between_fences() -> None:
    frame = play(wire.fenced("A", VERSION, ""), [*FENCE, (">", b"A\r"), ("<", FRAME), *FENCE])
    assert frame == wire.Frame(14.7, 24.0, 0.0, 0.0, 0.0, None, "N2", ())


def test_a_set_point_and_the_frame_that_answers_it() -> None:
    said = b"A +014.70 +024.00 +000.000 +000.000 +012.500 N2\r"
    assert (
        play(wire.fenced("A", VERSION, "S12.50"), [*FENCE, (">", b"AS12.50\r"), ("<", said), *FENCE]).setpoint == 12.5
    )


def test_another_form_is_tried_when_the_first_is_refused() -> None:
    transcript = [*FENCE, (">", b"AS12.50\r"), ("<", b"?\r"), (">", b"AS 12.50\r"), ("<", FRAME), *FENCE]
    assert play(wire.fenced("A", VERSION, "S12.50", "S 12.50"), transcript).setpoint == 0.0
    with pytest.raises(Refused, match=r"does not understand 'AT'"):
        play(wire.fenced("A", VERSION, "T"), [*FENCE, (">", b"AT\r"), ("<", b"?\r")])


def test_a_late_frame_is_not_believed() -> None:
    with pytest.raises(GarbledReply, match="no firmware version"):
        play(wire.fenced("A", VERSION, ""), [(">", b"AVE\r"), ("<", FRAME)])


def test_a_late_version_is_not_believed() -> None:
    with pytest.raises(GarbledReply, match=r"frame of|no number|no gas"):
        play(wire.fenced("A", VERSION, ""), [*FENCE, (">", b"A\r"), FENCE[1], *FENCE])


def test_a_frame_that_pushes_the_true_one_back_is_not_believed() -> None:
    with pytest.raises(GarbledReply, match="no firmware version"):
        play(wire.fenced("A", VERSION, ""), [*FENCE, (">", b"A\r"), ("<", FRAME), (">", b"AVE\r"), ("<", FRAME)])


def test_another_version_is_not_believed() -> None:
    with pytest.raises(GarbledReply, match="instead of '6v21"):
        play(wire.fenced("A", VERSION, ""), [(">", b"AVE\r"), ("<", b"A   10v20.0-R24\r")])


def test_silence_is_a_timeout() -> None:
    with pytest.raises(InstrumentTimeout):
        play(wire.version("A"), [(">", b"AVE\r")])


@pytest.mark.parametrize(
    "line", [b"6v21.0-R22 Nov 30 2016,16:04:20\r", b"A   6v21.0-R22 Nov 30 2016,16:04:20\r", b"A 6v21.0-R22  Nov 30 2016,16:04:20\r"]
)  # fmt: skip
def test_versions_with_and_without_the_letter(line: bytes) -> None:
    assert wire.parse_version(line, "A") == VERSION


@pytest.mark.parametrize("line", [b"B   6v21.0-R22\r", FRAME, b"?\r", b"\r", b"A   122 = 37\r", b"A 6v\xff1\r"])
def test_no_versions(line: bytes) -> None:
    with pytest.raises(GarbledReply):
        wire.parse_version(line, "A")


def test_frames_of_five_six_and_seven_values() -> None:
    meter = wire.parse_frame(b"A +014.70 +024.00 +001.000 +002.000 N2\r", "A", meter=True)
    assert (meter.mass, meter.setpoint, meter.total, meter.gas) == (2.0, None, None, "N2")
    counting = wire.parse_frame(b"A +014.70 +024.00 +001.000 +002.000 +0000009 Air\r", "A", meter=True)
    assert (counting.setpoint, counting.total) == (None, 9.0)
    seven = wire.parse_frame(b"A +014.70 +024.00 +001.000 +002.000 +003.000 +0000009 Ar MOV LCK\r", "A")
    assert (seven.setpoint, seven.total, seven.gas, seven.status) == (3.0, 9.0, "Ar", ("MOV", "LCK"))


def test_real_columns_and_mix_names() -> None:
    frame = wire.parse_frame(b"A +014.62 +021.89 +000.00 +000.00 +078.95     N2\r", "A")
    assert frame.setpoint == 78.95
    assert wire.parse_frame(b"A 1 2 3 4 5 C-25\r", "A").gas == "C-25"
    assert wire.parse_frame(b"\nA 1 2 3 4 5 N2 \x00\r", "A").mass == 4.0


@pytest.mark.parametrize(
    ("line", "why"),
    [
        (b"B +014.70 +024.00 +000.000 +000.000 +000.000 N2\r", "unit A"),
        (b"A +014.70 +024.00 +000.000 +000.000 N2\r", "frame of 5 values"),
        (b"A +014.70 +024.00 +000.000 +000.000 +000.000 +0 +0 N2\r", "frame of 8 values"),
        (b"A +014,70 +024.00 +000.000 +000.000 +000.000 N2\r", "decimal comma"),
        (b"A +014.70 +024.00 ------- +000.000 +000.000 N2\r", "is no number"),
        (b"A +014.70 +024.00 nan +000.000 +000.000 N2\r", "is no number"),
        (b"A +014.70 +024.00 +000.000 +000.000 +000.000 12\r", "is no gas"),
        (b"A +014.70 +024.00 +000.000 +000.000 +000.000 N2 XYZ\r", "is no number"),
        (b"A +014.70 +024.00 +000.000 \xff000.000 +000.000 N2\r", "printable"),
        (b"\r", "unit A"),
        (b"A\r", "frame of 0 values"),
    ],
)
def test_what_is_no_frame(line: bytes, why: str) -> None:
    with pytest.raises(GarbledReply, match=why):
        wire.parse_frame(line, "A")


def test_registers_name_themselves() -> None:
    assert play(wire.register("A", VERSION, 122), [*FENCE, (">", b"AR122\r"), ("<", b"A   122 = 37\r"), *FENCE]) == 37
    transcript = [*FENCE, (">", b"A$$W46=8\r"), ("<", b"A   046 = 8\r"), *FENCE]
    assert play(wire.register("A", VERSION, 46, write=8, prefix="$$"), transcript) == 8
    for wrong in (b"A   046 = 8\r", b"B   122 = 37\r", FRAME, b"A   122 = x\r"):
        with pytest.raises(GarbledReply, match="register 122"):
            play(wire.register("A", VERSION, 122), [*FENCE, (">", b"AR122\r"), ("<", wrong), *FENCE])


def test_full_scale_and_its_unit() -> None:
    said: list[Any] = [*FENCE, (">", b"AFPF 5\r"), ("<", b"A +500.00 12 SCCM\r"), *FENCE]
    assert play(wire.full_scale("A", VERSION), said) == (500.0, "SCCM")
    with pytest.raises(GarbledReply, match="full scale"):
        play(wire.full_scale("A", VERSION), [*FENCE, (">", b"AFPF 5\r"), ("<", FRAME), *FENCE])


def test_the_makers_table() -> None:
    rows = [b"A  M%02d x\r" % at for at in range(10)]
    rows[4], rows[5] = b"A  M04 Model Number MC-500SCCM-D\r", b"A  M05 Serial Number 521641\r"
    transcript = [*FENCE, (">", b"A??M*\r"), *(("<", row) for row in rows)]
    assert play(wire.maker("A", VERSION), transcript) == {"model": "MC-500SCCM-D", "serial_number": "521641"}
    with pytest.raises(GarbledReply, match="table of the maker"):
        play(wire.maker("A", VERSION), [*FENCE, (">", b"A??M*\r"), ("<", FRAME)])


@given(
    st.lists(st.floats(-9999, 9999), min_size=5, max_size=6),
    st.sampled_from(wire.GASES),
    st.lists(st.sampled_from(sorted(wire.STATUS)), max_size=3),
)
def test_every_frame_is_read_as_it_was_written(values: list[float], gas: str, status: list[str]) -> None:
    words = ["Q", *(f"{value:+010.3f}" for value in values), gas, *status]
    frame = wire.parse_frame(" ".join(words).encode() + b"\r", "Q")
    told = [frame.pressure, frame.temperature, frame.volumetric, frame.mass, frame.setpoint, frame.total][: len(values)]
    assert told == [pytest.approx(round(value, 3)) for value in values]
    assert (frame.gas, frame.status) == (gas, tuple(status))


@given(st.binary(max_size=60))
def test_noise_is_garbled_or_a_frame_and_never_something_else(noise: bytes) -> None:
    with contextlib.suppress(GarbledReply):
        wire.parse_frame(noise + b"\r", "A")
