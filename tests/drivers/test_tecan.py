"""What is the Cavro driver's own: modes, numbered valves, initialising, its errors, and repeats that are not done twice."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import pytest

from autolab.drivers.tecan import XCalibur
from autolab.drivers.testing import ScriptedChannel
from autolab.drivers.wire import Ports
from autolab.model.clock import Clock
from autolab.model.errors import (
    GarbledReply,
    InputError,
    InstrumentAlarm,
    InstrumentTimeout,
    Refused,
    WrongInstrument,
)
from autolab.model.roles import Dispense, Withdraw

if TYPE_CHECKING:
    from tests.drivers.conftest import Rig


def held(rig: Rig) -> float:
    """What the syringe truly holds, mL."""
    rig.look()
    return round(float(rig.far.drive.plunger.position), 4)


@pytest.fixture
def make(virtual: Clock, rigs: Callable[..., Rig]) -> Callable[..., Rig]:
    """Make a pump of 1 mL that holds half of it."""

    def one(options: dict[str, Any] | None = None, **settings: Any) -> Rig:
        settings = {"volume_mL": 1.0, "contents_mL": 0.5, **settings}
        return rigs("tecan.XCalibur", XCalibur, virtual, name="pump", settings=settings, options=options)

    return one


# ---- what is said --------------------------------------------------------------------------------------------------


def test_a_movement_says_what_the_sheet_says(virtual: Clock) -> None:
    """From the sheet alone: valve, speed, then the plunger, each read back; every report has a status behind it."""
    valve, position, speed, said = "o", 0, 1400, []

    def answer(data: bytes) -> list[bytes]:
        nonlocal valve, position, speed
        text = data.decode()[2:-1]
        said.append(text)
        if text == "IR":
            valve = "i"
        if text[:1] in "AV" and text.endswith("R"):
            position, speed = (int(text[1:-1]), speed) if text[0] == "A" else (position, int(text[1:-1]))
        reports = {"&": "P/N 730873 REV A", "?": str(position), "?6": valve, "?2": str(speed), "?28": "1", "?19": "1"}
        return [b"/0`" + reports.get(text, "").encode() + b"\x03\r\n"]

    channel = ScriptedChannel(answer, clock=virtual)
    pump = XCalibur(
        "pump", address="memory://x", clock=virtual, ports=Ports(virtual), channel=channel, volume_mL=5.0, protocol="dt"
    )
    pump.connect()
    assert said == ["&", "&", "Q", "Q", "?28", "?19", "?", "Q", "?6", "Q", "&", "&", "Q", "&", "&", "Q"]
    said.clear()
    status = pump.set(Withdraw(2.5, 10.0))
    virtual.run(asyncio.sleep(60.0))
    assert status.success
    assert [text for text in said if text.endswith("R")] == ["IR", "V200R", "A12000R"]
    pump.disconnect()


@pytest.mark.parametrize(
    ("settings", "command"),
    [
        ({}, "Z0"), ({"volume_mL": 0.25}, "Z1"), ({"volume_mL": 0.05}, "Z2"), ({"home": "Y", "force": 12}, "Y12"),
        ({"home": "W"}, "W0"), ({"home_in": 1, "home_out": 6}, "Z0,1,6"),
    ],
)  # fmt: skip
def test_initialising_is_as_strong_as_the_syringe_needs(settings: dict[str, Any], command: str) -> None:
    model = XCalibur.settings_model(**{"volume_mL": 1.0, **settings})
    assert model.home_command == command


@pytest.mark.parametrize(
    ("model", "steps", "fastest"), [("xcalibur", 24000, 60.0), ("xlp6000", 48000, 60.0), ("c3000", 24000, 120.0)]
)
def test_models_have_their_steps_and_rates(make: Callable[..., Rig], model: str, steps: int, fastest: float) -> None:
    pump = make(model=model).device
    assert (pump.strokes, pump.rate_range[1]) == (steps, fastest)
    assert pump.rate_range[0] == pytest.approx(fastest * 5 / 6000)
    assert pump.nearest_rate(1.0) == pytest.approx(1.0, rel=0.01)


# ---- modes ---------------------------------------------------------------------------------------------------------


def test_another_mode_is_read_as_it_is_and_set_before_a_movement(make: Callable[..., Rig]) -> None:
    rig = make()
    rig.far.drive.values["mode"] = 0
    rig.device.connect()
    assert rig.device.contents_mL.get() == 0.5
    assert rig.far.drive.values["mode"] == 0  # meeting it sets nothing
    assert rig.set(Withdraw(0.1, 12.0))["contents_mL"] == pytest.approx(0.6)
    assert rig.far.drive.values["mode"] == 1
    assert held(rig) == pytest.approx(0.6)


def test_a_pump_that_tells_neither_mode_nor_initialising_says_error_7_at_a_movement(make: Callable[..., Rig]) -> None:
    rig = make(options={"tells_mode": False, "tells_initialized": False, "initialized": False})
    with pytest.raises(Refused, match="error 7: not initialised"):
        rig.set(Withdraw(0.1, 12.0))
    rig.set("initialize")
    assert rig.set(Withdraw(0.1, 12.0))["contents_mL"] == pytest.approx(0.1)
    assert held(rig) == pytest.approx(0.1)


# ---- valves --------------------------------------------------------------------------------------------------------


def test_a_numbered_valve_is_turned_by_its_ports_names(make: Callable[..., Rig]) -> None:
    rig = make(valve_ports={"water": 2, "vial": 3, "waste": "6"}, inlet="water", outlet="vial")
    assert rig.set(Withdraw(0.1, 12.0))["port"] == "water"
    assert rig.far.drive.valve == "2"
    assert rig.set(Dispense(0.1, 12.0))["port"] == "vial"
    assert rig.run(lambda: rig.device.valve.set("waste")) == {"position": "waste"}
    rig.far.drive.valve = "4"
    assert rig.run(rig.device.valve.trigger) == {"position": "4"}  # no name: the pump's own word


def test_at_bypass_the_valve_turns_before_the_plunger(make: Callable[..., Rig]) -> None:
    rig = make()
    rig.run(lambda: rig.device.valve.set("bypass"))
    assert rig.far.drive.valve == "b"
    assert rig.set(Dispense(0.1, 12.0))["port"] == "out"


def test_a_valve_that_does_not_turn_is_a_refusal_before_the_plunger_moves(
    make: Callable[..., Rig], monkeypatch: pytest.MonkeyPatch
) -> None:
    rig = make()
    monkeypatch.setattr(rig.far.drive, "_turn", lambda letter, number: 0)
    with pytest.raises(Refused, match="plunger was not moved: its valve is at 'in' instead of 'out'"):
        rig.set(Dispense(0.1, 12.0))
    assert held(rig) == 0.5


# ---- trouble -------------------------------------------------------------------------------------------------------


def test_a_blocked_plunger_is_an_alarm_with_what_was_reached(make: Callable[..., Rig]) -> None:
    rig = make(options={"stuck": True})
    with pytest.raises(InstrumentAlarm, match=r"moved 0.2 of 0.4 mL: error 9: plunger overload.*initialise it again"):
        rig.set(Dispense(0.4, 12.0))
    with pytest.raises(InstrumentAlarm, match=r"cannot carry out .*error 9.*initialise it again"):
        rig.set(Dispense(0.1, 12.0))
    rig.set("initialize")
    assert held(rig) == 0.0


def test_a_movement_that_does_not_end_is_stopped(make: Callable[..., Rig], monkeypatch: pytest.MonkeyPatch) -> None:
    rig = make()
    rig.far.drive.pulses = 60000  # ten times as slow as it should be
    with pytest.raises(InstrumentTimeout, match=r"still moved after .*; 0.4 mL at 6 mL/min take 4.0 s; stopped"):
        rig.set(Dispense(0.4, 6.0))
    assert rig.far.is_safe()


def test_another_firmware_than_wanted_is_refused(make: Callable[..., Rig]) -> None:
    with pytest.raises(WrongInstrument, match=r"'XCALIBUR V2.07' answers, wanted .* begins with 'XLP'"):
        make(firmware="XLP").device.connect()
    assert make(firmware="XCALIBUR").device.identify()["firmware"] == "XCALIBUR V2.07"


def test_a_bus_address_beyond_the_switch_is_told(virtual: Clock) -> None:
    with pytest.raises(InputError, match=r"bus address 15 does not exist.*0\.\.14"):
        XCalibur("pump", address="serial:///dev/ttyUSB0?bus=15", clock=virtual, volume_mL=1.0)


@pytest.mark.parametrize(
    ("valve_ports", "match"),
    [
        ({"in": "i", "out": True}, "valid string"),
        ({"in": "i", "out": "x"}, "i, o, b, e or numbers"),
        ({"in": "i", "out": "3"}, "all letters.*or all numbers"),
    ],
)
def test_ports_must_be_the_pump_s(virtual: Clock, valve_ports: dict[str, str], match: str) -> None:
    with pytest.raises(InputError, match=match):
        XCalibur("pump", address="memory://x", clock=virtual, volume_mL=1.0, valve_ports=valve_ports)


@pytest.mark.parametrize("fault", ["drop", "garble"])
def test_in_frames_a_movement_whose_answer_is_lost_is_repeated_and_done_once(
    make: Callable[..., Rig], fault: Any
) -> None:
    rig = make(protocol="oem")
    rig.device.connect()
    before = rig.device.clock.run(rig.device.do_prepare("set", Dispense(0.1, 12.0)))
    assert before["contents_mL"] == 0.5
    hear, heard = rig.far.hear, []

    def lose_answers_to_the_movement(frame: bytes) -> None:
        if frame[3:4] == b"A":
            heard.append(frame)
            if len(heard) == 1:
                rig.bench.inject("instrument", fault)
        hear(frame)

    rig.far.hear = lose_answers_to_the_movement
    assert rig.set(Dispense(0.1, 12.0))["contents_mL"] == pytest.approx(0.4)
    assert [frame[2] & 0x08 for frame in heard] == [0, 8]
    assert heard[0][2] & 7 == heard[1][2] & 7
    assert rig.far.drive.counts["plunger"] == 1


def test_initialising_that_fails_is_an_alarm(make: Callable[..., Rig], monkeypatch: pytest.MonkeyPatch) -> None:
    rig = make(options={"initialized": False})
    monkeypatch.setattr(rig.far.drive, "_initialize", lambda *arguments: 1)
    with pytest.raises(InstrumentAlarm, match="error 1: initialising failed: look at syringe, valve and tubes"):
        rig.set("initialize")
    monkeypatch.setattr(rig.far.drive, "_initialize", lambda *arguments: 0)  # heard, and nothing is done
    with pytest.raises(InstrumentAlarm, match="says that it is not initialised"):
        rig.set("initialize")
    assert held(rig) == 0.5


def test_a_pump_that_cannot_be_stopped_is_an_alarm(make: Callable[..., Rig], monkeypatch: pytest.MonkeyPatch) -> None:
    rig = make()
    rig.device.connect()
    rig.far.receive(b"\x02\x31\x31V50A0R\x03" + bytes([2 ^ 0x31 ^ 0x31 ^ _xor(b"V50A0R") ^ 3]))
    assert not rig.far.is_safe()
    with monkeypatch.context() as patch:
        patch.setattr(rig.far.drive, "terminate", lambda: None)
        with pytest.raises(InstrumentAlarm, match=r"does not stop\. Switch it off"):
            rig.device.halt()
    rig.device.halt()
    assert rig.far.is_safe()


def _xor(data: bytes) -> int:
    total = 0
    for byte in data:
        total ^= byte
    return total


def test_a_valve_whose_answer_was_lost_is_where_it_says_and_is_not_turned_twice(make: Callable[..., Rig]) -> None:
    rig = make(protocol="dt")
    rig.device.connect()
    hear, turns = rig.far.hear, []

    def lose_answers_to_turns(frame: bytes) -> None:
        if frame[2:-1] in (b"OR", b"IR"):
            turns.append(frame)
            rig.bench.inject("instrument", "drop")
        hear(frame)

    rig.far.hear = lose_answers_to_turns
    assert rig.set(Dispense(0.1, 12.0))["port"] == "out"
    assert (len(turns), rig.far.drive.counts["valve"]) == (1, 1)
    rig.far.hear = lambda frame: None if frame[2:-1] == b"IR" else hear(frame)  # not heard at all
    with pytest.raises(Refused, match="plunger was not moved: no reply"):
        rig.set(Withdraw(0.1, 12.0))
    with pytest.raises(InstrumentTimeout, match="no reply"):
        rig.run(lambda: rig.device.valve.set("in"))


def test_a_valve_that_turns_for_ever_is_an_alarm(make: Callable[..., Rig], monkeypatch: pytest.MonkeyPatch) -> None:
    rig = make(valve_s=3.0)
    monkeypatch.setattr("autolab.simulators.tecan_program.TURN", 60.0)
    with pytest.raises(InstrumentAlarm, match="does not stop"):  # T does not stop a valve
        rig.run(lambda: rig.device.valve.set("out"))


@pytest.mark.parametrize(
    ("command", "wrong", "match"),
    [("V", "?2", "top speed reads back 77 after"), ("N", "?28", "mode reads back 0 after")],
)
def test_a_setting_that_reads_back_otherwise_is_refused_before_the_plunger_moves(
    make: Callable[..., Rig], monkeypatch: pytest.MonkeyPatch, command: str, wrong: str, match: str
) -> None:
    rig = make()
    rig.device.connect()
    reports = rig.far._reports
    told = {"?2": "77", "?28": "0"}[wrong]
    monkeypatch.setattr(rig.far, "_reports", lambda: {**reports(), wrong: lambda: told})
    with pytest.raises((Refused, GarbledReply), match=match):
        rig.set(Dispense(0.1, 12.0))
    assert held(rig) == 0.5
