"""Julabo circulators: lines of the fact sheet, and what only they do."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autolab.drivers import julabo_protocol as wire
from autolab.drivers.addresses import Address
from autolab.drivers.julabo import Circulator
from autolab.drivers.testing import play
from autolab.model.clock import Clock
from autolab.model.errors import GarbledReply, InstrumentAlarm, InstrumentTimeout, LinkError, OutsideLimits, Refused

TONGUE = wire.Tongue()
READY = [(">", b"STATUS\r"), ("<", b"02 REMOTE STOP\r\n")]


# ---- the commands --------------------------------------------------------------------------------------------------


def test_readings_of_the_sheet() -> None:
    told = play(
        TONGUE.read("IN_PV_00", "IN_SP_00", "IN_MODE_05"),
        [
            *READY, (">", b"IN_PV_00\r"), ("<", b"23.45\r\n"),
            (">", b"IN_SP_00\r"), ("<", b"40.00\r\n"),
            (">", b"IN_MODE_05\r"), ("<", b"1\r\n"),
            (">", b"STATUS\r"), ("<", b"03 REMOTE START\r\n"),
        ],
    )  # fmt: skip
    assert told == wire.Told((23.45, 40.0, 1.0), wire.Status(3, "REMOTE START"))


def test_v2_ends_its_answers_with_lf_alone() -> None:
    ready = [(">", b"STATUS\r"), ("<", b"00 MANUAL STOP\n")]
    transcript = [*ready, (">", b"IN_PV_00\r"), ("<", b"-12.3\n"), *ready]
    assert play(TONGUE.read("IN_PV_00"), transcript).numbers == (-12.3,)


def test_small_letters() -> None:
    ready = [(">", b"status\r"), ("<", b"00 MANUAL STOP\n")]
    transcript = [*ready, (">", b"in_pv_00\r"), ("<", b"1.0\n"), *ready]
    assert play(wire.Tongue(lower_case=True).read("IN_PV_00"), transcript).numbers == (1.0,)


def test_an_order_is_not_answered_and_read_back() -> None:
    transcript = [
        *READY, (">", b"OUT_SP_00 15.50\r"), (">", b"IN_SP_00\r"), ("<", b"15.50\r\n"), *READY,
    ]  # fmt: skip
    assert play(TONGUE.change("OUT_SP_00 15.50", "IN_SP_00"), transcript).numbers == (15.5,)


def test_an_empty_line_behind_an_order_is_passed_over() -> None:
    transcript = [
        *READY, (">", b"OUT_MODE_05 1\r"), (">", b"IN_MODE_05\r"), ("<", b"\r\n"), ("<", b"1\r\n"), *READY,
    ]  # fmt: skip
    assert play(TONGUE.change("OUT_MODE_05 1", "IN_MODE_05"), transcript).numbers == (1.0,)


def test_an_empty_line_is_no_number_elsewhere() -> None:
    with pytest.raises(GarbledReply, match="no answer to IN_PV_00"):
        play(TONGUE.read("IN_PV_00"), [*READY, (">", b"IN_PV_00\r"), ("<", b"\r\n")])


def test_flow_control_characters_belong_to_no_answer() -> None:
    assert play(TONGUE.status(), [(">", b"STATUS\r"), ("<", b"\x1303 REMOTE START\x11\r\n")]).code == 3


@pytest.mark.parametrize(
    ("reply", "match"),
    [
        (b"23,45\r\n", "must have a decimal point"),
        (b"---.--\r\n", "is the sensor plugged in"),
        (b"03 REMOTE START\r\n", "a number was expected"),
        (b"nan\r\n", "a number was expected"),
        (b"1e5\r\n", "a number was expected"),
        (b"23.4 C\r\n", "a number was expected"),
        (b"23.4 23.5\r\n", "a number was expected"),
        (b"\xff3.4\r\n", "no line of ASCII"),
    ],
)
def test_what_is_no_number_is_garbled(reply: bytes, match: str) -> None:
    with pytest.raises(GarbledReply, match=match):
        play(TONGUE.read("IN_PV_00"), [*READY, (">", b"IN_PV_00\r"), ("<", reply)])


@pytest.mark.parametrize("reply", [b"23.45\r\n", b"1\r\n", b"\r\n", b"REMOTE START\r\n", b"03\r\n", b"JULABO\r\n"])
def test_a_sentence_must_end_with_a_status(reply: bytes) -> None:
    with pytest.raises(GarbledReply, match="no answer to STATUS"):
        play(TONGUE.status(), [(">", b"STATUS\r"), ("<", reply)])


@pytest.mark.parametrize("reply", [b"23.45\r\n", b"03 REMOTE START\r\n", b"\r\n", b"V\r\n"])
def test_a_version_is_a_name(reply: bytes) -> None:
    with pytest.raises(GarbledReply, match="no answer to VERSION"):
        play(TONGUE.version(), [(">", b"VERSION\r"), ("<", reply)])


@pytest.mark.parametrize(
    ("text", "alarm", "refusal"),
    [
        ("00 MANUAL STOP", False, False),
        ("-01 LOW LEVEL ALARM", True, False),
        ("-03 EXCESS TEMPERATURE WARNING", False, False),
        ("-05 WORKING SENSOR ALARM", True, False),
        ("-07 I2C-BUS ERROR", True, False),
        ("-08 INVALID COMMAND", False, True),
        ("-09 COMMAND NOT ALLOWED IN CURRENT OPERATING MODE", False, True),
        ("-10 VALUE TOO SMALL", False, True),
        ("-11 VALUE TOO LARGE", False, True),
        ("-13 VALUE EXCEEDS TEMPERATURE LIMITS", False, True),
        ("-1109 VISCOSITY", True, False),
    ],
)
def test_status_messages_of_the_manuals(text: str, alarm: bool, refusal: bool) -> None:
    status = wire.parse_status(text)
    assert (status.alarm, bool(status.refusal)) == (alarm, refusal)
    assert status.words.startswith(text if status.code < 0 else text[3:])


@given(st.floats(-999, 999), st.integers(0, 3))
def test_every_number_is_read_as_written(value: float, decimals: int) -> None:
    text = f"{value:.{decimals}f}"
    assert wire.parse_number(text, "IN_PV_00") == float(text)


@given(st.text(max_size=20))
def test_any_line_is_a_number_a_status_or_garbled(text: str) -> None:
    kinds = 0
    for parse in (lambda: wire.parse_number(text, "?"), lambda: wire.parse_status(text)):
        try:
            parse()
        except GarbledReply:
            continue
        kinds += 1
    assert kinds <= 1  # no line is both


# ---- the circulator on a scripted line -----------------------------------------------------------------------------


class Far:
    """A circulator's answers, as a table that tests change.

    Attributes:
        heard: Commands as received.
        says: Question -> answer.
    """

    def __init__(self) -> None:
        self.heard: list[str] = []
        self.obeys = True
        self.says = {
            "VERSION": "JULABO FP50_MH", "STATUS": "02 REMOTE STOP", "IN_PV_00": "21.00", "IN_PV_01": "22.50",
            "IN_PV_02": "30", "IN_SP_00": "20.00", "IN_SP_01": "150.00", "IN_SP_02": "-30.00", "IN_MODE_05": "0",
            "IN_SP_03": "100.00", "IN_SP_04": "5.00",
        }  # fmt: skip

    def answer(self, data: bytes) -> list[Any]:
        command = data.decode().strip()
        self.heard.append(command)
        if command.startswith("OUT_"):
            name, _, value = command[4:].partition(" ")
            if self.obeys:
                self.says[f"IN_{name}"] = value
            return []
        return [self.says[command].encode() + b"\r\n"] if command in self.says else []


Do = Callable[[Any, object], dict[str, Any]]


@pytest.fixture
def make(virtual: Clock, scripted_device: Callable[..., Any]) -> Callable[..., tuple[Circulator, Far]]:
    def one(**settings: Any) -> tuple[Circulator, Far]:
        far = Far()
        return scripted_device(Circulator, far.answer, virtual, "bath", "memory://b", **settings), far

    return one


def test_its_line_is_4800_7e1() -> None:
    address = Address.parse("serial:///dev/ttyUSB0").usually(Circulator.line_settings)
    assert dict(address.settings) == {"baud": "4800", "bits": "7", "parity": "E"}


@pytest.mark.parametrize(
    ("dialect", "limits", "external", "power"),
    [("v1", (-30.0, 150.0), 22.5, 30.0), ("v2", (5.0, 100.0), 30.0, 22.5)],
)
def test_the_dialects_number_their_channels_otherwise(
    make: Any, dialect: str, limits: tuple[float, float], external: float, power: float, do: Do
) -> None:
    circulator, _ = make(dialect=dialect, sensor="external")
    circulator.connect()
    assert circulator.range == limits
    assert do(circulator, None)["temperature_C"] == external
    assert circulator.power.get() == power


def test_it_is_met_without_orders(make: Any) -> None:
    circulator, far = make(dialect="v1")
    circulator.connect()
    assert not [command for command in far.heard if command.startswith("OUT")]
    assert circulator.setpoint.get() == 20.0


def test_one_that_tells_no_limits_is_not_asked(make: Any) -> None:
    circulator, far = make(tells_limits=False)
    circulator.connect()
    assert "IN_SP_03" not in far.heard
    circulator.check_value(500)  # who limits it is the lab


def test_one_that_should_tell_limits_and_does_not_is_told(make: Any) -> None:
    circulator, far = make(dialect="v1")
    del far.says["IN_SP_02"]
    with pytest.raises(InstrumentTimeout):
        circulator.connect()


def test_its_panel_has_it_so_that_nothing_is_ordered(make: Any, do: Do) -> None:
    circulator, far = make(dialect="v1")
    far.says["STATUS"] = "00 MANUAL STOP"
    with pytest.raises(Refused, match="set it to remote control there"):
        do(circulator, 40)
    assert not [command for command in far.heard if command.startswith("OUT")]


def test_what_its_panel_keeps_running_is_an_alarm_when_it_is_made_safe(make: Any) -> None:
    circulator, far = make(dialect="v1")
    far.says["STATUS"], far.says["IN_MODE_05"], far.obeys = "01 MANUAL START", "1", False
    with pytest.raises(InstrumentAlarm, match=r"is still on after it was told to be stopped. Switch it off by hand"):
        circulator.make_safe()


def test_a_set_point_that_is_not_taken_is_refused_in_its_words(make: Any, do: Do) -> None:
    circulator, far = make(dialect="v1")
    circulator.connect()
    far.obeys = False
    with pytest.raises(Refused, match=r"does not take 40 degC: its set point reads 20; it says 'REMOTE STOP'"):
        do(circulator, 40)
    assert "OUT_MODE_05 1" not in far.heard


def test_an_alarm_is_told_with_what_to_do(make: Any, do: Do) -> None:
    circulator, far = make(dialect="v1")
    circulator.connect()
    far.says["STATUS"] = "-01 LOW LEVEL ALARM"
    with pytest.raises(InstrumentAlarm, match=r"-01 LOW LEVEL ALARM .its liquid is too low: top it up"):
        do(circulator, None)
    with pytest.raises(InstrumentAlarm, match="LOW LEVEL"):
        do(circulator, 40)
    assert "OUT_SP_00 40.00" not in far.heard
    assert far.heard[-3:] == ["OUT_MODE_05 0", "IN_MODE_05", "STATUS"]  # it is stopped all the same


def test_a_warning_is_logged_and_no_error(make: Any, caplog: pytest.LogCaptureFixture, do: Do) -> None:
    circulator, far = make(dialect="v1")
    circulator.connect()
    far.says["STATUS"] = "-03 EXCESS TEMPERATURE WARNING"
    with caplog.at_level(logging.WARNING):
        assert do(circulator, None)["temperature_C"] == 21.0
    assert "EXCESS TEMPERATURE WARNING" in caplog.text


def test_limits_that_became_narrower_are_kept(make: Any, do: Do) -> None:
    circulator, far = make(dialect="v1")
    circulator.connect()
    far.says["IN_SP_01"] = "35.00"
    with pytest.raises(OutsideLimits, match=r"40 degC is outside what it takes, -30..35 degC"):
        do(circulator, 40)


@pytest.mark.parametrize("mode", ["2", "-1", "0.5"])
def test_a_mode_is_nothing_but_on_or_off(make: Any, mode: str, do: Do) -> None:
    circulator, far = make(dialect="v1")
    circulator.connect()
    far.says["IN_MODE_05"] = mode
    with pytest.raises(LinkError, match="0 or 1 was expected"):
        do(circulator, None)
