"""What is said to hotplates, byte for byte, and what readings mean."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autolab.drivers import ika_protocol as wire
from autolab.drivers.arrival import Arrival
from autolab.drivers.fading import Fading
from autolab.drivers.query import ReadUntil, Sleep, Write
from autolab.drivers.testing import play
from autolab.model.errors import GarbledReply, InstrumentTimeout


def line(text: str) -> bytes:
    return text.encode() + b"\r\n"


@pytest.mark.parametrize(
    ("command", "said", "number"),
    [
        ("IN_PV_1", "23.4 1", 23.4),
        ("IN_PV_1", "-3.5 1 ", -3.5),
        ("IN_PV_2", "23.4 2", 23.4),
        ("IN_PV_4", "400 4", 400.0),
        ("IN_PV_4", "400. 4", 400.0),
        ("IN_PV_5", "101.3 5", 101.3),
        ("IN_SP_1", "50.0  1", 50.0),
        ("IN_SP_3", "360.0 3", 360.0),
        ("IN_SP_4", "\n800 4", 800.0),
    ],
)
def test_a_number_is_asked_for_and_understood(command: str, said: str, number: float) -> None:
    assert play(wire.value(command), [(">", line(command)), ("<", line(said))]) == number


@pytest.mark.parametrize(
    "said", ["23.4 2", "23.4", "1", "", "RCT digital", "x 1", "nan 1", "23.4 11", "23,4 1", "1e3 1"]
)
def test_a_line_of_another_channel_is_no_answer(said: str) -> None:
    with pytest.raises(GarbledReply, match="the reply to IN_PV_1 is not a number and the channel 1"):
        play(wire.value("IN_PV_1"), [(">", b"IN_PV_1\r\n"), ("<", line(said))])


def test_several_numbers_are_asked_for_one_after_the_other() -> None:
    transcript = [(">", b"IN_SP_1\r\n"), ("<", b"50.0 1\r\n"), (">", b"IN_PV_2\r\n"), ("<", b"61.5 2\r\n")]
    assert play(wire.values("IN_SP_1", "IN_PV_2"), transcript) == [50.0, 61.5]


@pytest.mark.parametrize("name", ["RCT digital", "C-MAG HS7", "X"])
def test_the_name_is_freed_from_its_line_end(name: str) -> None:
    assert play(wire.name(), [(">", b"IN_NAME\r\n"), ("<", line(f"{name} "))]) == name


@pytest.mark.parametrize("said", ["", "23.4 1", "\x07RCT", "RCT\xff"])
def test_a_belated_number_is_no_name(said: str) -> None:
    with pytest.raises(GarbledReply, match="the reply to IN_NAME is no name"):
        play(wire.name(), [(">", b"IN_NAME\r\n"), ("<", said.encode("latin-1") + b"\r\n")])


@pytest.mark.parametrize(
    ("mode", "orders"),
    [
        ("stop", ["OUT_WD1@600"]),
        ("fallback", ["OUT_SP_12@25.0", "OUT_SP_42@100", "OUT_WD2@600"]),
    ],
)
def test_the_watchdog_is_armed_and_seen_to_be_heard(mode: str, orders: list[str]) -> None:
    assert wire.watchdog(mode, 600.0, (25.0, 100.0)) == orders
    transcript = [*((">", line(order)) for order in orders), (">", b"IN_PV_2\r\n"), ("<", b"21.0 2\r\n")]
    assert play(wire.change(orders, "IN_PV_2"), transcript) == 21.0


@pytest.mark.parametrize("echo", [["600"], ["25.0", "100", "600"], ["OUT_WD1@600", "600 1"]])
def test_echoes_are_passed_over(echo: list[str]) -> None:
    transcript = [(">", b"OUT_WD1@600\r\n"), (">", b"IN_PV_2\r\n"), *(("<", line(said)) for said in echo)]
    assert play(wire.change(["OUT_WD1@600"], "IN_PV_2"), [*transcript, ("<", b"21.0 2\r\n")]) == 21.0


def test_a_talker_without_an_answer_is_garbled() -> None:
    transcript = [(">", b"STOP_1\r\n"), (">", b"IN_SP_1\r\n"), *[("<", b"9.9 2\r\n")] * 4]
    with pytest.raises(GarbledReply, match="the reply to IN_SP_1 after STOP_1 does not come"):
        play(wire.change(["STOP_1"], "IN_SP_1"), transcript)


def test_silence_times_out() -> None:
    with pytest.raises(InstrumentTimeout):
        play(wire.value("IN_PV_1"), [(">", b"IN_PV_1\r\n")])


@pytest.mark.parametrize("query", [wire.order("START_1", "STOP_4"), wire.change(["A", "B"], "IN_PV_2"), wire.name()])
def test_every_write_waits_for_the_pace(query: Any) -> None:
    effects = [next(query)]
    while not isinstance(effects[-1], ReadUntil):
        try:
            effects.append(query.send(None))
        except StopIteration:
            break
    writes = [place for place, effect in enumerate(effects) if isinstance(effect, Write)]
    assert writes
    assert all(effects[place - 1] == Sleep(0.12) for place in writes)


@given(st.floats(-100, 500, allow_nan=False), st.integers(1, 5))
def test_every_number_is_read_on_its_channel_alone(value: float, channel: int) -> None:
    said = line(f"{value:.1f} {channel}")
    assert wire.parse(said, channel=channel) == pytest.approx(value, abs=0.0501)
    assert all(wire.parse(said, channel=other) is None for other in range(1, 6) if other != channel)


@given(st.binary(max_size=30))
def test_rubbish_is_never_an_error(said: bytes) -> None:
    number = wire.parse(said, channel=1)
    assert number is None or (number == float(said.split()[0]) and said.split()[1] == b"1")


# ---- what readings mean --------------------------------------------------------------------------------------------


def test_arrival_is_staying_near_for_the_dwell() -> None:
    arrival = Arrival(50.0, 0.5, 30.0)
    seen = [(0, 48.0), (10, 49.5), (20, 50.4), (30, 50.6), (40, 50.5), (60, 50.0), (70, 49.6)]
    assert [arrival.see(now, value) for now, value in seen] == [False] * 6 + [True]


def test_arrival_without_a_dwell_is_at_once() -> None:
    assert Arrival(400.0, 10.0).see(0.0, 391.0)


def test_near_is_within_six_tolerances() -> None:
    arrival = Arrival(50.0, 0.5, 30.0)
    assert not arrival.near
    arrival.see(0.0, 46.9)
    assert not arrival.near
    arrival.see(1.0, 47.1)
    assert arrival.near


@given(st.floats(-2, 2, allow_nan=False), st.integers(2, 60))
def test_the_rate_is_the_slope_of_late(slope: float, step: int) -> None:
    arrival = Arrival(1e6, 0.5)
    for look in range(40):
        arrival.see(float(look * step), 1000.0 if look * step < 39 * step - 300 else slope * look * step)
    assert arrival.rate == pytest.approx(60 * slope, abs=1e-6)


def test_a_heater_is_called_off_when_all_cools_below_its_set_point() -> None:
    fading = Fading()
    looks = [(45.0, 80.0), (44.8, 75.0), (44.5, 70.0), (43.9, 66.0)]
    assert [fading.see(liquid, plate, 50.0) for liquid, plate in looks] == [False, False, False, True]


@pytest.mark.parametrize(
    "looks",
    [
        [(45.0, 80.0), (40.0, 90.0), (38.0, 100.0), (39.0, 110.0), (41.0, 112.0)],  # cold liquid was poured in
        [(49.0, 60.0), (48.9, 59.0), (48.7, 58.0), (48.4, 57.0), (48.1, 56.0)],  # near: the controller rests
        [(45.0, 80.0), (46.0, 78.0), (47.0, 76.0), (47.5, 74.0), (47.9, 72.0)],  # the liquid still warms
        [(45.0, 60.0), (44.9, 59.9), (44.8, 59.8), (44.7, 59.7), (44.6, 59.6)],  # hardly anything happens
    ],
)
def test_a_heater_that_may_be_on_is_left_alone(looks: list[tuple[float, float]]) -> None:
    fading = Fading()
    assert not any(fading.see(liquid, plate, 50.0) for liquid, plate in looks)
