"""The Heidolph plate: bytes from the fact sheet, and heater, stirrer and link watch on its simulator."""

from __future__ import annotations

import asyncio
import json
import math
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autolab.drivers import heidolph_protocol as wire
from autolab.drivers.acting import ActionStatus
from autolab.drivers.heidolph import HeiConnect
from autolab.drivers.heidolph_settings import HeiConnectSettings
from autolab.drivers.testing import TRIGGER, DriverContract, play
from autolab.drivers.wire import Ports
from autolab.model.actions import Intent
from autolab.model.clock import Clock
from autolab.model.errors import (
    GarbledReply,
    InDoubt,
    InputError,
    InstrumentAlarm,
    InstrumentTimeout,
    LinkError,
    OutsideLimits,
    Refused,
    WrongInstrument,
)
from autolab.simulators.bench import Bench

if TYPE_CHECKING:
    from tests.drivers.conftest import Rig


def met(rigs: Callable[..., Rig], clock: Clock, options: dict[str, Any] | None = None, **settings: Any) -> Rig:
    options = {"noise_C": 0.0, "strict_pacing": True, **(options or {})}
    return rigs("heidolph.HeiConnect", HeiConnect, clock, name="plate", settings=settings, options=options, seed=2)


def said(rig: Rig) -> list[str]:
    """What was said since the last call, questions left out."""
    said = [command for command in rig.heard if not command.startswith(("IN_", "STATUS"))]
    rig.heard.clear()
    return said


@pytest.fixture
def make(virtual: Clock, rigs: Callable[..., Rig]) -> Callable[..., Rig]:
    def one(options: dict[str, Any] | None = None, **settings: Any) -> Rig:
        rig = met(rigs, virtual, options, **settings)
        rig.device.connect()
        rig.heard.clear()
        return rig

    return one


@pytest.fixture
def rig(make: Callable[..., Rig]) -> Rig:
    return make(dwell_s=10.0, tolerance_C=1.0)


class HeiContract(DriverContract):
    part = ""

    @pytest.fixture
    def instrument(self, scaled: Clock) -> Iterator[Any]:
        bench = Bench.single("heidolph.HeiConnect", clock=scaled, options={"noise_C": 0.0})
        channel = bench.channel("instrument")
        plate = HeiConnect("plate", address="memory://instrument", channel=channel, clock=scaled, ports=Ports(scaled))
        yield getattr(plate, self.part) if self.part else plate
        plate.make_safe()
        plate.disconnect()
        bench.close()


class TestHeiConnect(HeiContract):
    @pytest.fixture
    def command(self) -> object:
        return TRIGGER


class TestStirrer(HeiContract):
    part = "stirrer"

    @pytest.fixture
    def command(self) -> object:
        return 300.0


# ---- bytes, from the fact sheet ------------------------------------------------------------------------------------


def lines(*transcript: str) -> list[tuple[str, bytes]]:
    return [(line[0], line[1:].encode("latin-1") + b"\r\n") for line in transcript]


@pytest.mark.parametrize(
    ("query", "transcript", "finding"),
    [
        (wire.value("IN_PV_1"), [">IN_PV_1", "<IN_PV_1 23.4"], 23.4),
        (wire.value("IN_PV_5"), [">IN_PV_5", "<IN_PV_5 300"], 300.0),
        (wire.value("IN_SP_1"), [">IN_SP_1", "<IN_SP_1 -1"], -1.0),
        (wire.value("OUT_SP_1 50"), [">OUT_SP_1 50", "<OUT_SP_1 50"], 50.0),
        (wire.value("OUT_MODE_4 1"), [">OUT_MODE_4 1", "<IN_MODE_4 1"], 1.0),
        (wire.values("IN_SP_3", "IN_PV_5"), [">IN_SP_3", "<IN_SP_3 300", ">IN_PV_5", "<IN_PV_5 298"], [300.0, 298.0]),
        (wire.status(), [">STATUS", "<STATUS 2"], 2),
        (wire.status(), [">STATUS", "<STATUS -1"], -1),
        (wire.order("START_1"), [">START_1", "<START_1"], None),
        (wire.order("STOP_2", "STOP_1", "CC_OFF"), [">STOP_2", "<STOP_2", ">STOP_1", "<STOP_1", ">CC_OFF", "<CC_OFF"], None),
        (wire.identity(), [">PA_NEW", "<PA_NEW", ">SW_VERS", "<SW_VERS 1.2"], "1.2"),
        (wire.identity(), [">PA_NEW", "<PA_NEW", ">SW_VERS", "<V1.24 rev. B"], "V1.24 rev. B"),
    ],
)  # fmt: skip
def test_a_query_says_and_understands_this(query: Any, transcript: list[str], finding: object) -> None:
    assert play(query, lines(*transcript)) == finding


@pytest.mark.parametrize(
    ("query", "transcript", "match"),
    [
        (wire.value("IN_PV_1"), [">IN_PV_1", "<IN_PV_3 23.4"], "does not begin with IN_PV_1"),
        (wire.value("IN_PV_1"), [">IN_PV_1", "<23.4"], "does not begin with IN_PV_1"),
        (wire.value("IN_PV_1"), [">IN_PV_1", "<IN_PV_1 23,4"], "no number: '23,4'; it writes a comma"),
        (wire.value("IN_PV_1"), [">IN_PV_1", "<IN_PV_1"], "no number: ''"),
        (wire.value("IN_PV_1"), [">IN_PV_1", "<IN_PV_1 nan"], "no number"),
        (wire.value("IN_PV_1"), [">IN_PV_1", "<IN_PV_1 2\xb73"], "no line"),
        (wire.value("OUT_MODE_4 1"), [">OUT_MODE_4 1", "<OUT_MODE_4 1"], "does not begin with IN_MODE_4"),
        (wire.status(), [">STATUS", "<STATUS 1.5"], "no whole number"),
        (wire.order("START_1"), [">START_1", "<START_1 1"], "says '1' behind the echo"),
        (wire.order("START_1"), [">START_1", "<START_2"], "does not begin with START_1"),
        (wire.identity(), [">PA_NEW", "<PA_NEW", ">SW_VERS", "<IN_PV_1 23.4"], "the reply to SW_VERS is 'IN_PV_1 23.4'"),
        (wire.identity(), [">PA_NEW", "<PA_NEW", ">SW_VERS", "<SW_VERS"], "the reply to SW_VERS is 'SW_VERS'"),
        (wire.identity(), [">PA_NEW", "<PA_NEW", ">SW_VERS", "<PA_NEW"], "the reply to SW_VERS is 'PA_NEW'"),
    ],
)  # fmt: skip
def test_what_is_no_answer_is_garbled(query: Any, transcript: list[str], match: str) -> None:
    with pytest.raises(GarbledReply, match=match):
        play(query, lines(*transcript))


def test_silence_times_out() -> None:
    with pytest.raises(InstrumentTimeout):
        play(wire.value("IN_PV_1"), lines(">IN_PV_1"))


@given(st.floats(-50, 400))
def test_every_temperature_comes_back_to_a_tenth(value: float) -> None:
    sent = wire.temperature(value)
    assert float(sent) == pytest.approx(value, abs=0.0501)
    assert play(wire.value(f"OUT_SP_1 {sent}"), lines(f">OUT_SP_1 {sent}", f"<OUT_SP_1 {sent}")) == float(sent)


@given(st.binary(max_size=30))
def test_any_bytes_are_a_line_or_garbled(data: bytes) -> None:
    query = wire.value("IN_PV_1")
    query.send(None)
    query.send(None)
    query.send(None)
    with pytest.raises((GarbledReply, StopIteration)):
        query.send(data + b"\r\n")


# ---- meeting it ----------------------------------------------------------------------------------------------------


def test_it_is_met_without_a_change(virtual: Clock, rigs: Callable[..., Rig]) -> None:
    rig = met(rigs, virtual)
    assert rig.device.identify() == {"model": "MR Hei-Connect", "firmware": "V1.24", "serial_number": None}
    assert set(said(rig)) == {"PA_NEW", "SW_VERS"}
    assert HeiConnectSettings.components == {
        "heater": HeiConnect.heater.cls.role,
        "stirrer": HeiConnect.stirrer.cls.role,
    }
    json.dumps([rig.device.read_configuration(), HeiConnectSettings().model_dump()])
    assert dict(HeiConnect("x", address="serial:///dev/ttyS9", clock=virtual).address.settings) == {
        "bits": "7",
        "parity": "E",
    }
    rig.device.disconnect()


def test_a_motor_that_turns_already_is_found_on(virtual: Clock, rigs: Callable[..., Rig]) -> None:
    rig = met(rigs, virtual)
    rig.do(lambda: rig.far.motor.change(virtual.loop.time(), on=True, setpoint=300.0))
    rig.wait(5.0)
    rig.device.connect()
    assert (rig.device.stirrer.on.get(), rig.device.stirrer.readback.get()) == (True, 300.0)
    rig.device.make_safe()
    assert rig.far.is_safe()
    rig.device.disconnect()


def test_other_firmware_is_refused(virtual: Clock, rigs: Callable[..., Rig]) -> None:
    rig = met(rigs, virtual, {"firmware": "V2.0"}, firmware="V1.24")
    with pytest.raises(WrongInstrument, match=r"firmware 'V2\.0' answers instead of 'V1\.24'"):
        rig.device.connect()


@pytest.mark.parametrize(
    ("settings", "match"),
    [
        ({"limits": {"heater": [60, 15]}}, "limits of heater must be low <= high"),
        ({"dwell_s": 60, "timeout_s": 60}, "dwell_s 60 must be less than timeout_s 60"),
        ({"watchdog_s": 60}, "Settings: .*link_watch"),
        ({"sensor": "both"}, "sensor"),
    ],
)
def test_settings_that_cannot_be(virtual: Clock, settings: dict[str, Any], match: str) -> None:
    with pytest.raises(InputError, match=match):
        HeiConnect("plate", address="memory://x", clock=virtual, **settings)


# ---- heating -------------------------------------------------------------------------------------------------------


def test_heating_sets_reads_back_starts_and_waits(rig: Rig) -> None:
    told = rig.set(50, "heater")
    assert said(rig) == ["CC_ON", "OUT_SP_1 50", "START_1"]
    assert abs(told["temperature_C"] - 50) <= 1.0
    assert (told["requested_C"], told["commanded_C"]) == (50, 50.0)
    assert told["seconds"] > 60
    assert rig.far.heater.on
    assert rig.device.heater.locate() == {"setpoint": 50.0, "readback": told["temperature_C"]}
    reading = rig.read()
    assert reading["on"] is True
    assert reading["plate_C"] > 50
    assert rig.device.heater.hints == {"fields": ["plate_heater_readback"]}


def test_it_is_polled_while_anything_is_on_and_left_alone_after(rig: Rig) -> None:
    rig.set(300, "stirrer")
    rig.wait(3600)
    assert (rig.far.panel, rig.far.motor.on) == ("", True)
    assert rig.heard.count("STATUS") > 3600 / 10
    assert rig.set("off", "stirrer") == {"speed_rpm": 0.0, "commanded_rpm": 0.0}
    assert said(rig)[-2:] == ["STOP_2", "CC_OFF"]
    rig.wait(3600)
    assert rig.heard == []


def test_without_the_link_watch_it_looks_less_often(make: Callable[..., Rig]) -> None:
    rig = make(link_watch=False)
    rig.set(300, "stirrer")
    assert "CC_ON" not in said(rig)
    rig.wait(3600)
    assert 3600 / 40 < rig.heard.count("IN_PV_5") < 3600 / 29


@pytest.mark.parametrize(
    ("value", "match"),
    [
        (61, r"heater 61 degC is outside the limits 15\.\.60 degC; nothing was sent"),
        ("on", "'on' is no set point"),
        (True, "True is no set point"),
        (math.nan, "nan is no set point"),
        (None, "None is no set point"),
    ],
)
def test_a_temperature_that_must_not_be_sent(make: Callable[..., Rig], value: Any, match: str) -> None:
    rig = make(limits={"heater": [15, 60]})
    with pytest.raises(OutsideLimits, match=match):
        rig.device.heater.set(value)
    assert rig.heard == []


def test_the_plate_has_a_range_of_its_own(rig: Rig) -> None:
    with pytest.raises(OutsideLimits, match="301 degC is more than the 300 degC"):
        rig.device.heater.check_value(301)
    with pytest.raises(OutsideLimits, match="cannot cool"):
        rig.device.heater.check_value(-1)
    with pytest.raises(OutsideLimits, match="1401 rpm is more than the 1400 rpm"):
        rig.device.stirrer.check_value(1401)
    rig.device.heater.check_value("off")
    rig.device.stirrer.check_value("off")


@pytest.mark.parametrize(
    ("probe", "sensor", "match"),
    [
        (False, "external", "controls the temperature of the plate: see to the probe's plug, or say `sensor: plate`"),
        (True, "plate", "controls the temperature of the probe: see to the probe's plug, or say `sensor: external`"),
    ],
)
def test_what_is_controlled_must_be_what_is_waited_for(
    make: Callable[..., Rig], probe: bool, sensor: Any, match: str
) -> None:
    rig = make({"probe": probe}, sensor=sensor)
    with pytest.raises(Refused, match=match):
        rig.set(50, "heater")
    assert said(rig) == []


def test_the_plates_own_sensor_can_be_the_one(make: Callable[..., Rig]) -> None:
    rig = make(sensor="plate", dwell_s=5.0)
    assert rig.set(40, "heater")["temperature_C"] == pytest.approx(40, abs=0.5)


def test_a_probe_that_is_pulled_out_switches_the_heater_off(rig: Rig) -> None:
    with pytest.raises(InstrumentAlarm, match="its external probe is not plugged in"):
        rig.run(lambda: rig.device.heater.set(80), lambda: setattr(rig.far.heater, "probe", False), after=20.0)
    assert not rig.far.heater.on


def test_a_set_point_that_is_not_taken_starts_nothing(rig: Rig) -> None:
    with pytest.raises(Refused, match=r"does not take 50 rpm: its set point stays at 0"):
        rig.set(50, "stirrer")
    assert said(rig) == ["CC_ON", "OUT_SP_3 50", "OUT_SP_3 50", "CC_OFF"]
    assert not rig.device.stirrer.on.get()


def test_a_temperature_that_is_not_reached_is_an_alarm_and_off(make: Callable[..., Rig]) -> None:
    rig = make({"heater_power": 0.05}, timeout_s=600.0)
    with pytest.raises(
        InstrumentAlarm, match=r"did not stay within 0.5 degC of 90 degC in 6\d\d s.*It was switched off"
    ):
        rig.set(90, "heater")
    assert not rig.far.heater.on


# ---- stirring ------------------------------------------------------------------------------------------------------


def test_stirring_sets_starts_and_waits(rig: Rig) -> None:
    assert rig.set(400, "stirrer") == {"speed_rpm": pytest.approx(400, abs=10), "commanded_rpm": 400.0}
    assert said(rig) == ["CC_ON", "OUT_SP_3 400", "START_2"]
    told = rig.read("stirrer")
    assert told == {"speed_rpm": 400.0, "speed_setpoint_rpm": 400.0, "stirring": True}


def test_a_motor_that_jams_is_told_by_the_next_verb(rig: Rig) -> None:
    rig.set(400, "stirrer")
    rig.do(lambda: setattr(rig.far, "jammed", True))
    rig.wait(60)
    assert (rig.far.motor.on, rig.device.stirrer.on.get()) == (False, False)
    with pytest.raises(InstrumentAlarm, match=r"turns at 0 instead of 400 rpm: its motor is blocked.*was switched off"):
        rig.read("stirrer")
    assert rig.read("stirrer")["stirring"] is False


def test_a_jammed_motor_is_an_alarm_and_off(make: Callable[..., Rig]) -> None:
    rig = make({"jammed": True})
    with pytest.raises(InstrumentAlarm, match=r"turns at 0 instead of 400 rpm after 6\d s"):
        rig.set(400, "stirrer")
    assert not rig.far.motor.on


def test_heater_and_stirrer_change_at_the_same_time(rig: Rig) -> None:
    async def both() -> list[ActionStatus]:
        statuses = [rig.device.heater.set(40.0), rig.device.stirrer.set(300)]
        await asyncio.sleep(1200)
        return statuses

    assert [status.exception(0) for status in rig.clock.run(both())] == [None, None]
    assert rig.far.heater.on
    assert rig.far.motor.on
    rig.set("off", "heater")
    assert (rig.far.heater.on, rig.far.motor.on, rig.far.linked) == (False, True, True)


# ---- who is in control ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("trouble", "match"),
    [
        ("stop_at_panel", "not under remote control .blocked: stopped at its panel.: somebody has used its panel"),
        ("power_cycle", "its set point reads 0|not under remote control .manual."),
    ],
)
def test_a_plate_that_somebody_else_stops_is_told_by_the_next_verb(rig: Rig, trouble: str, match: str) -> None:
    rig.set(400, "stirrer")
    rig.do(getattr(rig.far, trouble))
    rig.wait(60)
    assert not rig.device.stirrer.on.get()
    with pytest.raises(InstrumentAlarm, match=match):
        rig.set(300, "stirrer")


def test_an_error_of_the_plate_is_told(rig: Rig) -> None:
    rig.set(400, "stirrer")
    rig.do(lambda: rig.far.fail(-3))
    rig.wait(60)
    with pytest.raises(InstrumentAlarm, match="it reports error -3: look at its panel"):
        rig.read("stirrer")


def test_a_blocked_plate_refuses_to_start_until_it_is_reset(rig: Rig) -> None:
    rig.do(rig.far.stop_at_panel)
    with pytest.raises(Refused, match=r"does not start: it is not under remote control \(blocked"):
        rig.set(400, "stirrer")
    assert not rig.device.stirrer.on.get()
    rig.device.local()
    assert rig.set(400, "stirrer")["speed_rpm"] == pytest.approx(400, abs=10)


def test_a_silent_line_is_told_and_everything_is_off(rig: Rig) -> None:
    rig.set(400, "stirrer")
    rig.bench.inject("instrument", "hang")
    rig.wait(60.0)
    rig.bench.wire("instrument").mend()
    rig.wait(60.0)
    assert (rig.far.motor.on, rig.device.stirrer.on.get()) == (False, False)
    with pytest.raises(
        InstrumentAlarm, match=r"the line was silent for \d+ s, so that its watchdog \(10 s\) has acted"
    ):
        rig.read("stirrer")


# ---- halt, make safe, faults ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("how", ["halt", "make_safe"])
def test_it_is_stopped_in_the_middle(rig: Rig, how: str) -> None:
    async def both() -> tuple[ActionStatus, ActionStatus]:
        heating, stirring = rig.device.heater.set(90.0), rig.device.stirrer.set(1000)
        await asyncio.sleep(4.0)
        await (rig.device.do_halt() if how == "halt" else rig.device.do_make_safe())
        return heating, stirring

    for status in rig.clock.run(both()):
        assert isinstance(status.exception(0), InDoubt)
    assert rig.far.is_safe()
    assert not rig.far.linked
    assert how == "halt" or rig.far.speed() == 0.0
    rig.heard.clear()
    rig.wait(600.0)
    assert said(rig) == []
    assert rig.set(300, "stirrer")["commanded_rpm"] == 300.0


def test_a_plate_that_does_not_stop_is_an_alarm(rig: Rig) -> None:
    rig.set(300, "stirrer")
    rig.far._stop = lambda *, heat: None
    with pytest.raises(
        InstrumentAlarm, match=r"still on \(STATUS 1\) after it was stopped: switch it off at its switch"
    ):
        rig.device.make_safe()


def test_halting_a_part_leaves_the_other(rig: Rig) -> None:
    rig.set(300, "stirrer")
    rig.device.heater.set(60.0)
    rig.wait(5.0)
    rig.device.heater.halt()
    assert (rig.far.heater.on, rig.far.motor.on) == (False, True)


@pytest.mark.parametrize("fault", ["drop", "late", "garble", "disconnect"])
@pytest.mark.parametrize("nth", [1, 2])
def test_a_fault_of_the_line_costs_a_repetition_or_is_typed_and_the_next_reading_is_right(
    rig: Rig, fault: Any, nth: int
) -> None:
    rig.set(300, "stirrer")
    rig.bench.inject("instrument", fault, nth=nth, **({"seconds": 3.0} if fault == "late" else {}))
    try:
        first = rig.read("stirrer")
    except LinkError:
        first = None
    assert first is None or first["speed_rpm"] == 300.0
    rig.wait(6.0)
    assert rig.read("stirrer")["speed_rpm"] == 300.0
    assert rig.read("heater")["temperature_C"] == pytest.approx(21.0, abs=0.1)


def test_a_plate_that_hangs_is_typed_and_right_when_it_is_back(rig: Rig) -> None:
    rig.bench.inject("instrument", "hang")
    with pytest.raises(LinkError):
        rig.read("heater")
    rig.bench.wire("instrument").mend()
    assert rig.read("heater")["temperature_C"] == 21.0


def test_a_power_cycle_with_the_old_protocol_is_found_out(rig: Rig) -> None:
    rig.do(rig.far.power_cycle)
    told = rig.read("heater")
    assert told["temperature_C"] == 21.0
    assert rig.far.enhanced


def test_classes_reconciling_and_the_whole(rig: Rig) -> None:
    assert (rig.device.heater.action_class("set", 50), rig.device.heater.action_class("trigger", None)) == (
        "idempotent",
        "read",
    )
    assert (rig.device.heater.role, rig.device.stirrer.role, rig.device.role) == ("heater", "stirrer", "")
    found = rig.clock.run(rig.device.heater.do_reconcile(Intent("plate.heater", "set", 50.0, "idempotent")))
    assert found.verdict == "not"
    with pytest.raises(OutsideLimits, match="not the whole"):
        rig.device.set(50)
    assert rig.device.heater.samples()
    assert rig.device.stirrer.samples()
