"""Huber thermostats: frames of the fact sheet, and what only they do."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autolab.drivers import huber_protocol as wire
from autolab.drivers.huber import Circulator
from autolab.drivers.testing import play
from autolab.model.clock import Clock
from autolab.model.errors import GarbledReply, InstrumentAlarm, OutsideLimits, Refused

MARK = [(">", b"{M1C****\r\n"), ("<", b"{S1CE240\r\n")]


# ---- the commands --------------------------------------------------------------------------------------------------


def test_readings_end_with_a_part_of_the_serial_number() -> None:
    transcript = [(">", b"{M00****\r\n"), ("<", b"{S0009C4\r\n"), (">", b"{M01****\r\n"), ("<", b"{S01FC18\r\n"), *MARK]
    setpoint, internal = play(wire.sentence(wire.SETPOINT, wire.INTERNAL), transcript)
    assert (wire.celsius(setpoint), wire.celsius(internal)) == (25.0, -10.0)


def test_a_set_point_is_answered_by_what_it_is_then() -> None:
    transcript = [(">", b"{M0009C4\r\n"), ("<", b"{S0009C4\r\n"), *MARK]
    assert wire.celsius(play(wire.change(wire.SETPOINT, wire.word(25.0)), transcript)) == 25.0


def test_tempering_on_and_off() -> None:
    for value in (0, 1):
        transcript = [(">", b"{M14000%d\r\n" % value), ("<", b"{S14000%d\r\n" % value), *MARK]
        assert play(wire.change(wire.TEMPERING, value), transcript) == value


def test_the_serial_number_has_two_parts() -> None:
    assert play(wire.serial_number(), [(">", b"{M1B****\r\n"), ("<", b"{S1B0001\r\n"), *MARK]) == 123456


def test_small_letters_are_hexadecimal_too() -> None:
    assert wire.parse(b"{S030a00\r\n", 3) == 0x0A00


@pytest.mark.parametrize(
    ("reply", "match"),
    [
        (b"{S0209C4\r\n", "about another variable than 01"),
        (b"{M0109C4\r\n", "is no answer"),
        (b"{S01****\r\n", "is no answer"),
        (b"{S0109C\r\n", "is no answer"),
        (b"{S0109C44\r\n", "is no answer"),
        (b"{S01 9C4\r\n", "is no answer"),
        (b"{S01-9C4\r\n", "is no answer"),
        (b"25.00\r\n", "is no answer"),
        (b"x{S0109C4\r\n", "is no answer"),
        (b"\r\n", "is no answer"),
    ],
)
def test_what_is_no_answer_is_garbled(reply: bytes, match: str) -> None:
    with pytest.raises(GarbledReply, match=match):
        play(wire.sentence(wire.INTERNAL), [(">", b"{M01****\r\n"), ("<", reply)])


def test_an_answer_before_its_question_spoils_the_whole_sentence() -> None:
    transcript = [(">", b"{M01****\r\n"), ("<", b"{S0109C4\r\n"), (">", b"{M1C****\r\n"), ("<", b"{S0109C5\r\n")]
    with pytest.raises(GarbledReply, match="about another variable than 1C"):
        play(wire.sentence(wire.INTERNAL), transcript)


def test_what_there_is_not_is_refused() -> None:
    with pytest.raises(Refused, match=r"has no variable 48, or keeps it locked .7FFF."):
        play(wire.sentence(0x48), [(">", b"{M48****\r\n"), ("<", b"{S487FFF\r\n")])


@pytest.mark.parametrize(
    ("word", "celsius"), [(0x0000, 0.0), (0xF6F5, -23.15), (0xC504, -151.0), (0x7530, 300.0), (0x9C40, 400.0)]
)
def test_temperatures(word: int, celsius: float) -> None:
    assert wire.celsius(word) == celsius
    assert wire.word(celsius) == word


@given(st.integers(-15100, 32700))
def test_temperatures_round_trip(hundredths: int) -> None:
    assert wire.celsius(wire.word(hundredths / 100)) == pytest.approx(hundredths / 100)


@given(st.binary(max_size=12))
def test_any_bytes_are_an_answer_or_garbled(data: bytes) -> None:
    try:
        found = wire.parse(data, 1)
    except GarbledReply:
        return
    assert 0 <= found < 0x10000


def test_the_status_word() -> None:
    status = wire.Status(0x0303)
    assert (status.tempering, status.circulating, status.error, status.warning) == (True, True, True, True)
    status = wire.Status(0x40FC)
    assert (status.tempering, status.circulating, status.error, status.warning) == (False, False, False, False)


# ---- the thermostat on a scripted line -----------------------------------------------------------------------------


class Far:
    """A thermostat's variables, which tests change.

    Attributes:
        heard: Commands as received.
        words: Variable -> word.
        fixed: Variables that are not changed by commands.
    """

    def __init__(self) -> None:
        self.heard: list[str] = []
        self.words = {
            "00": 0x07D0, "01": 0x0834, "04": 0xFF9C, "05": 0, "06": 0, "07": 0x0898, "0A": 0x4000, "14": 0, "16": 0,
            "1B": 1, "1C": 0xE240, "30": 0xF060, "31": 0x4E20,
        }  # fmt: skip
        self.fixed: set[str] = set()

    def answer(self, data: bytes) -> list[bytes]:
        command = data.decode().strip()
        self.heard.append(command)
        name, value = command[2:4], command[4:]
        if value != "****" and name not in self.fixed:
            self.words[name] = int(value, 16)
            if name == "14":
                self.words["0A"] = self.words["0A"] & ~3 | 3 * int(value)
        return [f"{{S{name}{self.words.get(name, 0x7FFF):04X}\r\n".encode()]


Met = tuple[Circulator, Far]
Do = Callable[[Any, object], dict[str, Any]]


@pytest.fixture
def make(virtual: Clock, scripted_device: Callable[..., Any]) -> Callable[..., Met]:
    def one(**settings: Any) -> Met:
        far = Far()
        return scripted_device(Circulator, far.answer, virtual, "bath", "memory://b", **settings), far

    return one


def test_it_is_met_without_setting_anything(make: Callable[..., Met]) -> None:
    circulator, far = make()
    assert circulator.identify() == {"model": "Huber", "firmware": None, "serial_number": "123456"}
    assert all(command.endswith("****") for command in far.heard)
    assert circulator.range == (-40.0, 200.0)


def test_readings_and_their_signs(make: Callable[..., Met], do: Do) -> None:
    circulator, _ = make()
    assert do(circulator, None) == {"temperature_C": 21.0, "setpoint_C": 20.0, "on": False}
    assert circulator.power.get() == -100
    process, _ = make(sensor="process")
    assert do(process, None)["temperature_C"] == 22.0
    assert process.bath.get() == 21.0


def test_an_absent_probe_is_no_temperature(make: Callable[..., Met], do: Do) -> None:
    circulator, far = make(sensor="process")
    far.words["07"] = 0xC504
    with pytest.raises(InstrumentAlarm, match=r"tells -151 degC: the process probe is absent: plug it in"):
        do(circulator, None)
    internal, far = make()
    far.words["01"] = 0xC504
    with pytest.raises(InstrumentAlarm, match="its own sensor is broken"):
        do(internal, None)


def test_an_error_is_told_with_its_number_and_it_is_off(make: Callable[..., Met], do: Do) -> None:
    circulator, far = make()
    circulator.connect()
    far.words["0A"], far.words["05"] = 0x4100, 0xFFFB
    with pytest.raises(InstrumentAlarm, match="has an error, number -5"):
        do(circulator, None)
    with pytest.raises(InstrumentAlarm, match="has an error, number -5"):
        do(circulator, 21.0)
    assert "{M140000" in far.heard


def test_a_warning_is_logged(make: Callable[..., Met], caplog: pytest.LogCaptureFixture, do: Do) -> None:
    circulator, far = make()
    far.words["0A"], far.words["06"] = 0x4200, 0x0002
    with caplog.at_level(logging.WARNING):
        do(circulator, None)
    assert "warning 2" in caplog.text


def test_it_reaches_where_it_is_and_is_off_again(make: Callable[..., Met], do: Do) -> None:
    circulator, far = make()
    assert do(circulator, 21.0)["commanded_C"] == 21.0
    assert [command for command in far.heard if "*" not in command] == ["{M000834", "{M140001"]
    far.heard.clear()
    do(circulator, "off")
    assert [command for command in far.heard if "*" not in command] == ["{M140000", "{M160000"]


def test_a_set_point_that_is_cut_is_refused(make: Callable[..., Met], do: Do) -> None:
    circulator, far = make()
    circulator.connect()
    far.fixed.add("00")
    with pytest.raises(Refused, match=r"does not take 40 degC: its set point reads 20; it tells no error"):
        do(circulator, 40)
    assert "{M140001" not in far.heard


def test_a_locked_set_point_is_refused(make: Callable[..., Met], do: Do) -> None:
    circulator, far = make()
    circulator.connect()
    far.words["00"] = 0x7FFF
    far.fixed.add("00")
    with pytest.raises(Refused, match="E-grade"):
        do(circulator, 40)


def test_one_that_does_not_start_is_an_alarm(make: Callable[..., Met], do: Do) -> None:
    circulator, far = make()
    circulator.connect()
    far.fixed.add("14")
    with pytest.raises(InstrumentAlarm, match="did not go on"):
        do(circulator, 40)


def test_one_that_circulates_on_is_not_safe(make: Callable[..., Met]) -> None:
    circulator, far = make()
    circulator.connect()
    far.words["0A"] = 0x4002
    far.fixed.add("14")
    with pytest.raises(InstrumentAlarm, match="is still on after it was told to be off"):
        circulator.make_safe()


def test_its_limits_are_kept(make: Callable[..., Met]) -> None:
    circulator, _ = make()
    circulator.connect()
    with pytest.raises(OutsideLimits, match=r"201 degC is outside what it takes, -40..200 degC"):
        circulator.set(201)
