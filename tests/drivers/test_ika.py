"""The hotplate: its heater, its stirrer and its watchdog, in virtual time against a far end written for these tests."""

from __future__ import annotations

import asyncio
import logging
import math
import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from autolab.drivers.addresses import Address
from autolab.drivers.ika import RCT
from autolab.drivers.ika_settings import RCTSettings
from autolab.drivers.instrument import ActionStatus
from autolab.drivers.testing import DriverContract, ScriptedChannel
from autolab.drivers.wire import Ports
from autolab.lab.declaration import InstrumentDeclaration, InterlockDeclaration, LabDeclaration
from autolab.lab.lab import Lab
from autolab.model.actions import Intent
from autolab.model.clock import Clock
from autolab.model.contracts import Instrument
from autolab.model.errors import (
    InDoubt,
    InputError,
    InstrumentAlarm,
    InstrumentTimeout,
    LabNotReady,
    LinkError,
    OutsideLimits,
    Refused,
    WrongInstrument,
)


class PlateModel:
    """A plate after the fact sheet: the liquid goes straight towards its set point, the plate is 20 degC hotter.

    Attributes:
        heard: Commands as received.
        rate: How fast liquid and plate change, degC/s.
        dead: The heater gives nothing: all cools.
        blocked: The motor does not turn.
        coasts: The motor goes on turning after it was stopped.
        replies: Command -> pieces to say instead.
    """

    def __init__(self, clock: Clock) -> None:
        self.clock = clock
        self.heard: list[str] = []
        self.name, self.safety, self.top = "RCT digital", 360.0, 310.0
        self.rate, self.dead, self.blocked, self.coasts = 0.2, False, False, False
        self.replies: dict[str, list[Any]] = {}
        self.liquid, self.heating, self.target = 21.0, False, 0.0
        self.stirring, self.wanted_rpm, self.last_rpm = False, 0.0, 0.0
        self.watchdog: tuple[str, float] | None = None
        self.fallback = {"OUT_SP_12": 0.0, "OUT_SP_42": 0.0}
        self.error = ""
        self._fed = self._looked = clock.now()
        self._held = b""

    def answer(self, data: bytes) -> list[Any]:
        self._held += data
        out: list[Any] = []
        while b"\r\n" in self._held:
            line, _, self._held = self._held.partition(b"\r\n")
            command = line.decode()
            self.heard.append(command)
            self._pass_time()
            said = self.replies[command] if command in self.replies else self._obey(command)
            out += [piece if isinstance(piece, tuple | bytes) else f"{piece}\r\n".encode() for piece in said]
        return out

    def power_cycle(self) -> None:
        self._pass_time()
        self.heating = self.stirring = False
        self.target, self.wanted_rpm, self.watchdog = 0.0, 0.0, None

    def _pass_time(self) -> None:
        now = self.clock.now()
        if self.watchdog is not None and now - self._fed > self.watchdog[1]:
            self._trip()
        way = self.target - self.liquid if self.heating and not self.dead else 21.0 - self.liquid
        self.liquid += math.copysign(min(abs(way), self.rate * (now - self._looked)), way)
        self._looked = now

    def _trip(self) -> None:
        assert self.watchdog is not None
        self.error = "ER 2"
        if self.watchdog[0] == "OUT_WD1":
            self.heating = self.stirring = False
        else:
            self.target, self.wanted_rpm = self.fallback["OUT_SP_12"], self.fallback["OUT_SP_42"]
        self.watchdog = None

    @property
    def rpm(self) -> float:
        if self.coasts and not self.stirring:
            return self.last_rpm
        self.last_rpm = self.wanted_rpm if self.stirring and not self.blocked else 0.0
        return self.last_rpm

    def _obey(self, command: str) -> list[str]:
        found = re.fullmatch(r"(OUT_(?:SP_\d+|WD\d))[ @]([0-9.]+)", command)
        if found is not None:
            self._take(found[1], float(found[2]))
            return []
        plate = self.liquid + (20.0 if self.heating and not self.dead else 1.0)
        answers = {
            "IN_NAME": self.name, "IN_PV_1": f"{self.liquid:.1f} 1", "IN_PV_2": f"{plate:.1f} 2",
            "IN_PV_4": f"{self.rpm:.0f} 4", "IN_PV_5": "100 5", "IN_SP_1": f"{self.target:.1f} 1",
            "IN_SP_3": f"{self.safety:.1f} 3", "IN_SP_4": f"{self.wanted_rpm:.0f} 4",
        }  # fmt: skip
        match command:
            case "START_1" | "STOP_1":
                self.heating = command == "START_1" and not self.error
            case "START_4" | "STOP_4":
                self.stirring = command == "START_4" and not self.error
        return [answers[command]] if command in answers else []

    def _take(self, name: str, value: float) -> None:
        if name == "OUT_SP_1" and value <= min(self.top, self.safety - 50):
            self.target = value
        elif name == "OUT_SP_4" and value <= 1500:
            self.wanted_rpm = value
        elif name in self.fallback:
            self.fallback[name] = value
        elif name == "OUT_WD2" and value == 0:
            self.watchdog, self.error = None, ""
        elif name in ("OUT_WD1", "OUT_WD2") and 20 <= value <= 1500:
            self.watchdog, self._fed = (name, value), self.clock.now()


class Rig:
    """A hotplate, its far end, and a person."""

    def __init__(self, clock: Clock, **settings: Any) -> None:
        self.clock, self.far = clock, PlateModel(clock)
        self.channel = ScriptedChannel(self.far.answer, clock=clock)
        self.plate = RCT(
            "plate", address="memory://bench", clock=clock, ports=Ports(clock), channel=self.channel, **settings
        )
        self.heater, self.stirrer = self.plate.heater, self.plate.stirrer

    def wait(self, status: Callable[[], ActionStatus]) -> dict[str, Any]:
        """Begin an action and return its result when it is done, or raise what it failed with."""

        async def done() -> ActionStatus:
            begun, event = status(), asyncio.Event()
            begun.add_callback(lambda _: self.clock.loop.call_soon_threadsafe(event.set))
            await event.wait()
            return begun

        over = self.clock.run(done())
        error = over.exception(0)
        if error is not None:
            raise error
        return dict(over.result)

    def heat(self, value: float | str) -> dict[str, Any]:
        return self.wait(lambda: self.heater.set(value))

    def stir(self, value: float | str) -> dict[str, Any]:
        return self.wait(lambda: self.stirrer.set(value))

    def sleep(self, seconds: float) -> None:
        self.clock.run(asyncio.sleep(seconds))

    def watched(self) -> list[str]:
        """Return what was said since the last call, readings left out."""
        said = [command for command in self.far.heard if not command.startswith("IN_")]
        self.far.heard.clear()
        return said


@pytest.fixture
def make(virtual: Clock) -> Iterator[Callable[..., Rig]]:
    made: list[Rig] = []

    def one(**settings: Any) -> Rig:
        rig = Rig(virtual, **settings)
        rig.plate.connect()
        rig.far.heard.clear()
        made.append(rig)
        return rig

    yield one
    for rig in made:
        rig.plate.disconnect()


@pytest.fixture
def rig(make: Callable[..., Rig]) -> Rig:
    return make()


# ---- meeting it ----------------------------------------------------------------------------------------------------


def test_it_is_met_without_a_change(virtual: Clock) -> None:
    rig = Rig(virtual)
    rig.far.heating, rig.far.target, rig.far.stirring, rig.far.wanted_rpm = True, 40.0, True, 300.0
    rig.far.watchdog = ("OUT_WD1", 600.0)  # of a process that died: it goes on guarding until made safe
    told = {"model": "RCT digital", "firmware": None, "serial_number": None, "safety_temperature_C": 360.0}
    assert rig.plate.identify() == told
    assert rig.watched() == []
    assert rig.far.watchdog == ("OUT_WD1", 600.0)
    assert (rig.far.heating, rig.heater.on.get(), rig.heater.setpoint.get()) == (True, False, 40.0)
    assert (rig.stirrer.on.get(), rig.stirrer.readback.get()) == (True, 300.0)
    assert rig.plate.read_configuration()["plate_safety_temperature"]["value"] == 360.0
    rig.plate.disconnect()


@pytest.mark.parametrize(("name", "setting"), [("C-MAG HS7", None), ("RCT basic", "RCT basic")])
def test_known_and_wanted_names_are_taken(virtual: Clock, name: str, setting: str | None) -> None:
    rig = Rig(virtual, model=setting)
    rig.far.name = name
    assert rig.plate.identify()["model"] == name
    rig.plate.disconnect()


@pytest.mark.parametrize(("name", "setting"), [("RW 20", None), ("RCT digital", "C-MAG HS7")])
def test_others_are_refused(virtual: Clock, name: str, setting: str | None) -> None:
    rig = Rig(virtual, model=setting)
    rig.far.name = name
    with pytest.raises(WrongInstrument, match=f"'{name}' answers, wanted is .*C-MAG HS7.*say `model: {name}`"):
        rig.plate.connect()


def test_half_a_command_of_somebody_else_costs_one_attempt(virtual: Clock) -> None:
    rig = Rig(virtual)
    rig.far.answer(b"OUT_SP_1 5")
    rig.plate.connect()
    assert rig.far.heard[:2] == ["OUT_SP_1 5IN_NAME", "IN_NAME"]
    rig.plate.disconnect()


def test_its_line_is_7e1_unless_the_address_says_otherwise(virtual: Clock) -> None:
    def settings(address: str) -> dict[str, str]:
        return dict(RCT("plate", address=address, clock=virtual, ports=Ports(virtual)).address.settings)

    assert settings("serial:///dev/ttyUSB2") == {"bits": "7", "parity": "E"}
    assert settings("serial://COM4?bits=8&baud=19200") == {"bits": "8", "parity": "E", "baud": "19200"}
    assert settings("serial:///dev/pts/7") == settings("tcp://127.0.0.1:4001") == {}


def test_usual_settings_give_way_to_those_that_were_given() -> None:
    address = Address.parse("serial:///dev/ttyUSB2?parity=N")
    assert address.usually({}).settings == {"parity": "N"}
    usual = address.usually({"bits": "7", "parity": "E"})
    assert (usual.settings, usual.port, usual.text) == ({"bits": "7", "parity": "N"}, address.port, address.text)


@pytest.mark.parametrize(
    ("settings", "match"),
    [
        ({"limits": {"heater": [60, 15]}}, "limits of heater must be low <= high"),
        ({"limits": {"pump": [0, 1]}}, "limits"),
        ({"watchdog_s": 10}, "watchdog_s.*greater than or equal to 20"),
        ({"watchdog_s": 1501}, "watchdog_s.*less than or equal to 1500"),
        ({"watchdog": "maybe"}, "watchdog"),
        ({"dwell_s": 60, "timeout_s": 60}, "dwell_s 60 must be less than timeout_s 60"),
        ({"ramp": 2}, "ramp"),
    ],
)
def test_settings_that_cannot_be(virtual: Clock, settings: dict[str, Any], match: str) -> None:
    with pytest.raises(InputError, match=match):
        Rig(virtual, **settings)


def test_settings_tell_the_roles_without_the_driver() -> None:
    assert RCTSettings.components == {"heater": RCT.heater.cls.role, "stirrer": RCT.stirrer.cls.role}
    assert (RCT.role, RCTSettings(watchdog_s=None).guarded, RCTSettings(watchdog="off").guarded) == ("", False, False)


# ---- heating -------------------------------------------------------------------------------------------------------


def test_heating_sets_reads_back_starts_and_waits(rig: Rig) -> None:
    told = rig.heat(50.04)
    assert rig.far.heard[:8] == [
        "IN_SP_3", "OUT_WD2@0", "OUT_WD1@300", "IN_PV_2", "OUT_SP_1 50.0", "IN_SP_1", "START_1", "IN_SP_1",
    ]  # fmt: skip
    assert told["commanded_C"] == 50.0
    assert told["requested_C"] == 50.04
    assert abs(told["temperature_C"] - 50.04) <= 0.5
    assert 145 - 2.5 + 30 <= told["seconds"] < 145 + 30 + 20  # 29 degC at 0.2 degC/s, and the dwell
    assert rig.heater.locate() == {"setpoint": 50.04, "readback": told["temperature_C"]}
    reading = rig.plate.read()
    assert reading["plate_heater_readback"]["value"] == told["temperature_C"]
    assert reading["plate_heater_on"]["value"] is True
    assert rig.plate.describe()["plate_heater_plate"]["units"] == "degC"
    assert rig.heater.hints == {"fields": ["plate_heater_readback"]}


def test_the_plates_own_sensor_can_be_the_one(make: Callable[..., Rig]) -> None:
    rig = make(sensor="plate", dwell_s=0)
    rig.far.liquid = 29.9
    assert rig.heat(50)["temperature_C"] == pytest.approx(50, abs=0.5)
    assert "IN_PV_1" not in rig.far.heard


def test_a_change_of_the_set_point_keeps_the_watchdog(make: Callable[..., Rig]) -> None:
    rig = make(dwell_s=0)
    rig.heat(30)
    rig.watched()
    rig.heat(35)
    assert [said for said in rig.watched() if "WD" not in said] == ["OUT_SP_1 35.0", "START_1"]


def test_progress_is_told(make: Callable[..., Rig]) -> None:
    rig, seen = make(dwell_s=0), list[dict[str, Any]]()

    def begin() -> ActionStatus:
        status: ActionStatus = rig.heater.set(30.0)
        status.watch(lambda **told: seen.append(told))
        return status

    rig.wait(begin)
    assert seen[0]["current"] < seen[-1]["current"] <= 30.0
    assert {(told["target"], told["unit"]) for told in seen} == {(30.0, "degC")}


@pytest.mark.parametrize(
    ("value", "match"),
    [
        (61, r"heater 61 degC is outside the limits 15\.\.60 degC; nothing was sent"),
        (14.9, r"outside the limits 15\.\.60"),
        ("on", "'on' is no set point: a number of degC, or 'off'"),
        (True, "True is no set point"),
        (None, "None is no set point"),
        (float("nan"), "nan is no set point"),
        ([50], r"\[50\] is no set point"),
    ],
)
def test_a_temperature_that_must_not_be_sent(make: Callable[..., Rig], value: Any, match: str) -> None:
    rig = make(limits={"heater": [15, 60]})
    with pytest.raises(OutsideLimits, match=match):
        rig.heater.set(value)
    assert rig.far.heard == []


def test_without_limits_the_plate_has_its_own(rig: Rig) -> None:
    with pytest.raises(OutsideLimits, match="-1 degC: a hotplate cannot cool"):
        rig.heater.check_value(-1)
    with pytest.raises(OutsideLimits, match=r"311 degC is more than 310 degC.*safety temperature at 360 degC"):
        rig.heater.check_value(311)
    rig.heater.check_value(310)
    rig.heater.check_value("off")


def test_a_safety_temperature_turned_down_meanwhile_is_seen_before_anything_is_set(rig: Rig) -> None:
    rig.far.safety = 95.0
    with pytest.raises(OutsideLimits, match="50 degC is more than 45 degC"):
        rig.heat(50)
    assert rig.watched() == []
    assert rig.plate.safety_temperature.get() == 95.0


def test_a_set_point_that_is_not_taken_starts_nothing(rig: Rig) -> None:
    rig.far.top = 40.0
    with pytest.raises(Refused, match=r"does not take 50.0 degC: its set point stays at 0"):
        rig.heat(50)
    assert rig.watched() == ["OUT_WD2@0", "OUT_WD1@300", "OUT_SP_1 50.0", "OUT_SP_1 50.0", "OUT_WD2@0"]
    assert not rig.heater.on.get()
    rig.sleep(3600)
    assert rig.far.heard == []


def test_off_is_off_at_once_and_nothing_is_said_any_more(make: Callable[..., Rig]) -> None:
    rig = make(dwell_s=0)
    rig.heat(30)
    rig.watched()
    assert rig.heat("off") == {"on": False}
    assert rig.watched() == ["STOP_1", "OUT_WD2@0"]
    assert (rig.far.heating, rig.heater.locate()["setpoint"]) == (False, None)
    rig.sleep(86400)
    assert rig.far.heard == []


@pytest.mark.parametrize(
    ("trouble", "match"),
    [
        ({"rate": 0.01}, r"did not stay within 0.5 degC of 60 degC in 6\d\d s: 2\d\.?\d* degC by the external probe, which rises by 0\.\d+ degC/min; the plate is at .*allow more time"),
        ({"replies": {"IN_PV_1": ["24.0 1"], "IN_PV_2": ["180.0 2"]}}, "is the probe in the liquid"),
        ({"replies": {"IN_PV_1": ["24.0 1"], "IN_PV_2": ["311.0 2"]}}, r"at its safety temperature \(360 degC\)"),
        ({"replies": {"IN_PV_1": ["75.0 1"]}}, "a hotplate cannot cool"),
        ({"replies": {"IN_PV_1": ["24.0 1"], "IN_PV_2": ["25.0 2"]}}, r"ER 2 \(watchdog\)"),
    ],
)  # fmt: skip
def test_a_temperature_that_is_not_reached_is_an_alarm_and_off(
    make: Callable[..., Rig], trouble: dict[str, Any], match: str
) -> None:
    rig = make(timeout_s=600)
    for name, value in trouble.items():
        setattr(rig.far, name, value)
    with pytest.raises(InstrumentAlarm, match=match) as caught:
        rig.heat(60)
    assert caught.value.instrument == "plate_heater"
    assert rig.watched()[-2:] == ["STOP_1", "OUT_WD2@0"]
    assert not rig.far.heating


def test_readings(rig: Rig) -> None:
    assert rig.wait(rig.heater.trigger) == {"temperature_C": 21.0, "plate_C": 22.0, "setpoint_C": 0.0, "on": False}
    assert rig.wait(rig.stirrer.trigger) == {
        "speed_rpm": 0.0, "speed_setpoint_rpm": 0.0, "viscosity_percent": 100.0, "stirring": False,
    }  # fmt: skip
    assert set(rig.wait(rig.plate.trigger)) >= {"temperature_C", "speed_rpm"}
    assert rig.watched() == []


# ---- stirring ------------------------------------------------------------------------------------------------------


def test_stirring_sets_reads_back_starts_and_waits(rig: Rig) -> None:
    assert rig.stir(400.4) == {"speed_rpm": 400.0, "commanded_rpm": 400.0}
    assert rig.far.heard == [
        "OUT_WD2@0", "OUT_WD1@300", "IN_PV_2", "OUT_SP_4 400", "IN_SP_4", "START_4", "IN_SP_4", "IN_PV_4",
    ]  # fmt: skip
    assert rig.stirrer.locate() == {"setpoint": 400.4, "readback": 400.0}


@pytest.mark.parametrize("value", [0, "off"])
def test_standing_still(rig: Rig, value: float | str) -> None:
    rig.stir(400)
    rig.watched()
    assert rig.stir(value) == {"speed_rpm": 0.0, "commanded_rpm": 0.0}
    assert rig.watched() == ["STOP_4", "OUT_WD2@0"]
    assert rig.stirrer.locate() == {"setpoint": 0.0, "readback": 0.0}


@pytest.mark.parametrize(
    ("value", "match"),
    [
        (900, r"stirrer 900 rpm is outside the limits 100\.\.800 rpm"),
        (50, r"outside the limits 100\.\.800"),
        (-5, "-5 rpm: it turns one way only"),
        ("fast", "'fast' is no set point: a number of rpm"),
    ],
)
def test_a_speed_that_must_not_be_sent(make: Callable[..., Rig], value: Any, match: str) -> None:
    rig = make(limits={"stirrer": [100, 800]})
    with pytest.raises(OutsideLimits, match=match):
        rig.stirrer.set(value)
    rig.stirrer.check_value(0)
    assert rig.far.heard == []


def test_a_speed_below_what_can_be_told(rig: Rig) -> None:
    with pytest.raises(OutsideLimits, match=r"0.4 rpm is less than the 1 rpm"):
        rig.stirrer.set(0.4)


def test_a_speed_that_is_not_taken(rig: Rig) -> None:
    with pytest.raises(Refused, match="does not take 2000 rpm: its set point stays at 0"):
        rig.stir(2000)


def test_a_blocked_motor_is_an_alarm_and_off(rig: Rig) -> None:
    rig.far.blocked = True
    with pytest.raises(InstrumentAlarm, match=r"turns at 0 instead of 400 rpm after 6\d s. Try: look for a stir bar"):
        rig.stir(400)
    assert not rig.far.stirring


def test_a_motor_that_stops_by_itself_is_told_by_the_next_verb(rig: Rig) -> None:
    rig.stir(400)
    rig.far.blocked = True
    rig.sleep(100)
    assert (rig.far.stirring, rig.stirrer.on.get()) == (False, False)
    with pytest.raises(InstrumentAlarm, match=r"turns at 0 instead of 400 rpm: its motor is blocked.*was switched off"):
        rig.wait(rig.stirrer.trigger)
    assert rig.wait(rig.stirrer.trigger)["stirring"] is False


def test_heater_and_stirrer_change_at_the_same_time(rig: Rig) -> None:
    async def both() -> tuple[ActionStatus, ActionStatus]:
        statuses = (rig.heater.set(30.0), rig.stirrer.set(300))
        await asyncio.sleep(150)
        return statuses

    heating, stirring = rig.clock.run(both())
    assert (heating.exception(0), stirring.exception(0)) == (None, None)
    assert rig.heater.on.get()
    assert rig.stirrer.on.get()


def test_one_action_at_a_time(rig: Rig) -> None:
    rig.heater.set(50.0)
    with pytest.raises(Refused, match=r"plate_heater.*is busy with another action"):
        rig.heat(40)


# ---- the watchdog --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("settings", "orders", "pause"),
    [
        ({}, ["OUT_WD1@300"], 30),
        ({"watchdog_s": 60}, ["OUT_WD1@60"], 20),
        ({"watch_s": 600, "watchdog_s": 1500}, ["OUT_WD1@1500"], 500),
        ({"watchdog": "fallback", "fallback_C": 30, "fallback_rpm": 200}, ["OUT_SP_12@30.0", "OUT_SP_42@200", "OUT_WD2@300"], 30),
    ],
)  # fmt: skip
def test_the_watchdog_is_fed_while_anything_is_on(
    make: Callable[..., Rig], settings: dict[str, Any], orders: list[str], pause: float
) -> None:
    rig = make(**settings)
    rig.stir(300)
    rig.watched()
    rig.sleep(3600)
    said = rig.watched()
    assert said == orders * (len(said) // len(orders))
    assert 3600 / pause * 0.9 < len(said) / len(orders) <= 3600 / pause  # its own talk takes time
    assert (rig.far.error, rig.far.stirring) == ("", True)


@pytest.mark.parametrize("settings", [{"watchdog": "off"}, {"watchdog_s": None}])
def test_without_a_watchdog_it_is_watched_all_the_same(make: Callable[..., Rig], settings: dict[str, Any]) -> None:
    rig = make(**settings, dwell_s=0)
    rig.heat(30)
    assert not any("WD1" in said for said in rig.watched())
    rig.far.replies["IN_PV_1"] = ["66.6 1"]
    rig.sleep(31)
    assert rig.heater.readback.get() == 66.6


def test_a_disconnected_plate_is_left_to_its_own_watchdog(make: Callable[..., Rig]) -> None:
    rig = make(dwell_s=0)
    rig.heat(30)
    rig.plate.disconnect()
    rig.watched()
    rig.sleep(301)
    assert rig.far.heard == []
    rig.plate.connect()  # it is met as it is, and watched again
    assert rig.far.error == "ER 2"
    rig.sleep(31)
    with pytest.raises(InstrumentAlarm, match=r"silent for 3\d\d s, so that its watchdog \(300 s\) has acted"):
        rig.wait(rig.heater.trigger)
    assert rig.watched()[-1] == "OUT_WD2@0"
    assert rig.heat(30)["temperature_C"] > 29  # what the watchdog had locked is free again


def test_a_line_that_is_down_for_long_is_told_too(make: Callable[..., Rig], caplog: pytest.LogCaptureFixture) -> None:
    rig = make(dwell_s=0)
    rig.heat(30)
    rig.channel.die()
    rig.sleep(400)
    assert "cannot be watched, is tried again in 30 s" in caplog.text
    rig.channel.revive()
    rig.sleep(60)
    with pytest.raises(InstrumentAlarm, match=r"its watchdog .* has acted"):
        rig.heat(40)
    assert rig.heat(40)["temperature_C"] > 39


def test_a_motor_that_its_watchdog_stopped_while_nobody_was_there_is_told(rig: Rig) -> None:
    rig.stir(300)
    rig.plate.disconnect()
    rig.sleep(400)
    rig.plate.connect()
    assert not rig.far.stirring
    rig.sleep(31)
    with pytest.raises(InstrumentAlarm, match=r"its watchdog .300 s. has acted"):
        rig.stir(300)


def test_a_probe_that_is_pulled_out_switches_the_heater_off(make: Callable[..., Rig]) -> None:
    rig = make(dwell_s=0)
    rig.heat(30)
    rig.far.replies["IN_PV_1"] = []
    rig.sleep(60)
    assert not rig.far.heating
    rig.far.replies.clear()
    with pytest.raises(
        InstrumentAlarm, match=r"its readings do not come \(no reply within 1 s; .*plug it in, or say `sensor: plate`"
    ):
        rig.heat(30)


def test_a_probe_that_is_not_there_is_told_when_the_plate_is_met(virtual: Clock) -> None:
    rig = Rig(virtual)
    rig.far.replies["IN_PV_1"] = []
    with pytest.raises(InstrumentTimeout) as caught:
        rig.plate.connect()
    assert "its external probe is not: plug it in" in caught.value.message
    Rig(virtual, sensor="plate").plate.connect()


def test_a_short_loss_of_the_line_does_no_harm(make: Callable[..., Rig]) -> None:
    rig = make(dwell_s=0)
    rig.heat(30)
    rig.channel.die()
    rig.sleep(100)
    rig.channel.revive()
    rig.sleep(60)
    assert rig.wait(rig.heater.trigger)["on"] is True
    assert rig.far.heating


def test_a_power_cut_is_told_by_the_next_verb(make: Callable[..., Rig], caplog: pytest.LogCaptureFixture) -> None:
    rig = make(dwell_s=0)
    rig.heat(30)
    rig.far.power_cycle()
    with caplog.at_level(logging.ERROR):
        rig.sleep(31)
    assert "its set point reads 0 instead of 30 degC" in caplog.text
    with pytest.raises(InstrumentAlarm, match="its power was interrupted, its watchdog has acted, or somebody"):
        rig.heat(30)
    assert rig.heat(30)["commanded_C"] == 30.0


def test_falling_back_is_told_too(make: Callable[..., Rig]) -> None:
    rig = make(dwell_s=0, watchdog="fallback")
    rig.stir(300)
    rig.far.wanted_rpm = 100.0
    rig.sleep(31)
    with pytest.raises(InstrumentAlarm, match="its set point reads 100 instead of 300 rpm"):
        rig.stir(300)


def test_a_heater_that_fades_while_it_is_waited_for_ends_the_wait(rig: Rig) -> None:
    rig.far.liquid, rig.far.dead, rig.far.rate = 45.0, True, 0.02
    with pytest.raises(InstrumentAlarm, match=r"liquid and plate cool though 4\d.* below its set point 50 degC"):
        rig.heat(50)
    assert rig.clock.now() < 300
    assert not rig.far.heating


def test_in_scaled_time_the_watchdog_outlasts_a_hiccup(scaled: Clock) -> None:
    plate = RCT("plate", address="memory://bench", clock=scaled, ports=Ports(scaled), watchdog_s=60)
    assert (plate.watchdog_s, plate.pace) == (600.0, 0.12 / 200)


# ---- stopping ------------------------------------------------------------------------------------------------------


def test_halting_ends_all_and_its_waits(rig: Rig) -> None:
    async def interrupted() -> ActionStatus:
        status: ActionStatus = rig.heater.set(50.0)
        await asyncio.sleep(40)
        await rig.plate.do_halt()
        await asyncio.sleep(0)
        return status

    rig.stir(300)
    status = rig.clock.run(interrupted())
    assert isinstance(status.exception(0), InDoubt)
    assert (rig.far.heating, rig.far.stirring, rig.far.watchdog) == (False, False, None)
    assert rig.watched()[-3:] == ["STOP_4", "STOP_1", "OUT_WD2@0"]
    rig.sleep(3600)
    assert rig.far.heard == []


def test_halting_a_part_leaves_the_other(rig: Rig) -> None:
    rig.stir(300)
    rig.heater.set(50.0)
    rig.sleep(10)
    rig.heater.halt()
    assert (rig.far.heating, rig.far.stirring) == (False, True)
    rig.stirrer.stop(success=True)
    rig.sleep(1)
    assert rig.far.stirring
    rig.stirrer.stop()
    rig.sleep(1)
    assert not rig.far.stirring


def test_a_halt_that_is_not_heard_goes_on_watching(make: Callable[..., Rig]) -> None:
    rig = make(dwell_s=0)
    rig.heat(30)
    rig.channel.die()
    with pytest.raises(LinkError):
        rig.plate.halt()
    assert rig.heater.on.get()
    rig.channel.revive()
    rig.sleep(31)
    assert rig.far.watchdog is not None
    rig.plate.halt()
    assert rig.watched()[-3:] == ["STOP_4", "STOP_1", "OUT_WD2@0"]
    assert not rig.far.heating


def test_making_safe_leaves_nothing_to_heat_for(make: Callable[..., Rig]) -> None:
    rig = make(dwell_s=0)
    rig.heat(30)
    rig.stir(300)
    rig.far.power_cycle()
    rig.sleep(31)
    rig.watched()
    rig.plate.make_safe()
    assert rig.watched() == ["STOP_4", "STOP_1", "OUT_WD2@0", "OUT_SP_1 0.0"]
    assert rig.heater.setpoint.get() == 0.0
    assert rig.wait(rig.heater.trigger)["on"] is False  # the trouble before is no trouble any more


def test_a_motor_that_does_not_come_to_rest_is_an_alarm(rig: Rig) -> None:
    rig.stir(300)
    rig.far.coasts = True
    with pytest.raises(InstrumentAlarm, match="still turns at 300 rpm 20 s after it was stopped"):
        rig.plate.make_safe()


def test_after_a_kill_making_safe_frees_what_the_watchdog_locked(virtual: Clock) -> None:
    rig = Rig(virtual)
    rig.far.error, rig.far.heating, rig.far.target = "ER 2", True, 50.0
    rig.plate.make_safe()
    assert (rig.far.error, rig.far.heating, rig.far.target) == ("", False, 0.0)
    rig.plate.disconnect()


def test_given_back_to_its_panel(rig: Rig) -> None:
    rig.clock.run(rig.plate.do_mode("A"))
    rig.clock.run(rig.plate.do_local())
    assert rig.far.heard == ["SET_MODE_A", "RESET"]


# ---- faults of the line --------------------------------------------------------------------------------------------

FAULTS: dict[str, list[Any]] = {
    "late": [(1.15, b"25.0 1\r\n")],
    "lost": [],
    "truncated": [b"25.0 1"],
    "garbled": ["2\xff.0 1".encode("latin-1") + b"\r\n"],
    "of another channel": ["25.0 2"],
    "surplus": ["25.0 1", "25.0 1"],
}


class Once(dict[str, list[Any]]):
    """Replies that are said once."""

    def __getitem__(self, key: str) -> list[Any]:
        return self.pop(key)


@pytest.mark.parametrize("fault", FAULTS)
def test_a_reading_is_asked_for_again(rig: Rig, fault: str) -> None:
    rig.far.replies = Once({"IN_PV_1": FAULTS[fault]})
    told = rig.wait(rig.heater.trigger)
    assert told["temperature_C"] == (25.0 if fault == "surplus" else 21.0)
    assert rig.wait(rig.heater.trigger)["temperature_C"] == 21.0


@pytest.mark.parametrize("fault", [fault for fault in FAULTS if fault != "surplus"])
def test_a_fault_that_stays_is_typed(rig: Rig, fault: str) -> None:
    rig.far.replies = {"IN_PV_1": FAULTS[fault]}
    with pytest.raises(LinkError) as caught:
        rig.wait(rig.heater.trigger)
    assert (caught.value.instrument, caught.value.command) == ("plate", b"IN_PV_1\r\n")
    rig.far.replies = {}
    assert rig.wait(rig.heater.trigger)["temperature_C"] == 21.0


def test_a_lost_set_point_is_sent_again(make: Callable[..., Rig]) -> None:
    rig = make(dwell_s=0)
    rig.far.replies = Once({"OUT_SP_1 30.0": []})
    assert rig.heat(30)["commanded_C"] == 30.0
    assert rig.far.heard.count("OUT_SP_1 30.0") == 2


def test_silence_is_a_timeout(rig: Rig) -> None:
    rig.far.replies = {"IN_SP_3": []}
    with pytest.raises(InstrumentTimeout, match="no reply within 1 s"):
        rig.heat(30)
    assert rig.watched() == []


# ---- as a lab uses it ----------------------------------------------------------------------------------------------


@pytest.fixture
def lab(make: Callable[..., Rig]) -> tuple[Lab, Rig]:
    rig = make(dwell_s=0, limits={"heater": [15, 60]})
    declared = {
        "plate": InstrumentDeclaration("plate", "ika.RCT", "serial://COM4", safe={"heater": "off", "stirrer": 0})
    }
    interlocks = (InterlockDeclaration("plate.heater > 65"),)
    declaration = LabDeclaration(declared, interlocks=interlocks, safe_order=("plate",))
    return Lab(declaration, {"plate": rig.plate}, clock=rig.clock), rig


def test_a_lab_finds_checks_and_leases_its_parts(lab: tuple[Lab, Rig]) -> None:
    built, rig = lab
    assert built.find("plate.heater") is built.find("plate_heater") is rig.heater
    built.check_roles({"hot": "heater", "stir": "stirrer"}, {"hot": "plate.heater", "stir": "plate.stirrer"})
    with pytest.raises(InputError, match="'hot' must be a heater, but 'plate' is a part without a role"):
        built.check_roles({"hot": "heater"}, {"hot": "plate"})
    with built.lease({"hot": "plate.heater", "stir": "plate.stirrer"}) as lease:
        assert lease.lab.hot.role == "heater"
        assert rig.wait(lambda: lease.lab.hot.set(30.0))["commanded_C"] == 30.0
        lease.lab.hot.stop(success=False)
    rig.sleep(1)
    assert rig.far.heating


def test_an_interlock_sees_the_temperature_that_nobody_asked_for(lab: tuple[Lab, Rig]) -> None:
    built, rig = lab
    tripped: list[str] = []
    built.interlocks.watch(lambda name, _why: tripped.append(name))
    rig.heat(30)
    rig.far.replies["IN_PV_1"] = ["65.1 1"]
    rig.sleep(31)
    assert tripped == ["plate.heater > 65"]
    with pytest.raises(LabNotReady, match=r"plate.heater is 65.1"):
        built.lease({"hot": "plate.heater"})


def test_a_lab_makes_it_safe(lab: tuple[Lab, Rig]) -> None:
    built, rig = lab
    rig.heat(30)
    assert built.make_safe().ok
    assert not rig.far.heating


def test_the_whole_has_no_commands(rig: Rig) -> None:
    with pytest.raises(OutsideLimits, match=r"set plate.heater or plate.stirrer, not the whole; nothing was sent"):
        rig.plate.set(30.0)
    assert isinstance(rig.plate, Instrument)


def test_classes_and_reconciling(rig: Rig) -> None:
    for part in (rig.plate, rig.heater, rig.stirrer):
        assert part.action_class("trigger", None) == "read"
        assert part.action_class("set", 30.0) == "idempotent"
    found = rig.clock.run(rig.heater.do_reconcile(Intent("plate_heater", "set", 30.0, "idempotent")))
    assert (found.verdict, found.why) == ("not", "set of plate_heater can be done again")


def test_parts_speak_for_the_whole(rig: Rig) -> None:
    assert rig.heater.identify() == rig.plate.identify()
    assert rig.stirrer.address is rig.plate.address
    assert rig.clock.run(rig.heater.do_identify())["model"] == "RCT digital"
    rig.stirrer.disconnect()
    rig.heater.connect()
    assert rig.wait(rig.heater.trigger)["on"] is False


@pytest.mark.parametrize("part", ["heater", "stirrer"])
def test_a_part_is_made_safe_alone(make: Callable[..., Rig], part: str) -> None:
    rig = make(dwell_s=0)
    rig.heat(30)
    rig.stir(300)
    getattr(rig.plate, part).make_safe()
    assert (rig.far.heating, rig.far.stirring) == (part != "heater", part != "stirrer")


class PartContract(DriverContract):
    """A part keeps what every driver must keep; in scaled time, where a thread serves the line."""

    part: str
    value: float

    @pytest.fixture
    def instrument(self, scaled: Clock) -> Iterator[Any]:
        rig = Rig(scaled, dwell_s=0)
        rig.far.liquid, rig.far.rate = 29.0, 10.0
        yield getattr(rig.plate, self.part)
        rig.plate.disconnect()

    @pytest.fixture
    def command(self) -> float:
        return self.value


class TestHeater(PartContract):
    part, value = "heater", 30.0


class TestStirrer(PartContract):
    part, value = "stirrer", 300.0
