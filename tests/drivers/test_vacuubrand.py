"""The CVC 3000 driver on its simulator in virtual time: every verb, limits, faults of line and apparatus."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import pytest

from autolab.drivers.instrument import OphydInstrument
from autolab.drivers.testing import DriverContract
from autolab.drivers.vacuubrand import CVC3000
from autolab.model.actions import Intent
from autolab.model.clock import Clock
from autolab.model.errors import (
    InDoubt,
    InstrumentAlarm,
    InstrumentDisconnected,
    InstrumentTimeout,
    LinkError,
    OutsideLimits,
    Refused,
    WrongInstrument,
)

if TYPE_CHECKING:
    from tests.drivers.conftest import Rig

KEY = "vacuubrand.CVC3000"


def met(rigs: Callable[..., Rig], clock: Clock, settings: dict[str, Any] | None = None, **options: Any) -> Rig:
    return rigs(
        KEY,
        CVC3000,
        clock,
        name="vacuum",
        settings=settings,
        options={"strict_pacing": clock.mode == "virtual", **options},
    )


def bar(at: Rig) -> float:
    """The true pressure."""
    return float(at.look().body.pressure) / 1000


@pytest.fixture
def desk(virtual: Clock, rigs: Callable[..., Rig]) -> Callable[..., Rig]:
    return functools.partial(met, rigs, virtual)


class TestContract(DriverContract):
    @pytest.fixture
    def instrument(self, lab_clock: Clock, rigs: Callable[..., Rig]) -> Iterator[OphydInstrument]:
        made = met(rigs, lab_clock).device
        with lab_clock.running():
            lab_clock.start()
            yield made
        made.disconnect()

    @pytest.fixture
    def command(self) -> object:
        return 0.5


def test_a_pressure_is_reached_and_held(desk: Callable[..., Rig]) -> None:
    at = desk(leak_L_s=0.005)
    result = at.set(0.2)
    assert abs(result["pressure_bar"] - 0.2) <= 0.005
    assert (result["setpoint_bar"], result["venting"]) == (0.2, False)
    assert result["state"] == "set vacuum reached"
    assert result["seconds"] >= 10
    at.wait(600)
    assert abs(at.read()["pressure_bar"] - 0.2) <= 0.005
    assert at.device.locate()["setpoint"] == 0.2


def test_a_deeper_set_point_is_given_without_a_stop(desk: Callable[..., Rig]) -> None:
    at = desk()
    at.set(0.5)
    assert at.set(0.1)["pressure_bar"] == pytest.approx(0.1, abs=0.005)
    assert at.far.running


def test_off_stops_and_leaves_the_vessel_evacuated(desk: Callable[..., Rig]) -> None:
    at = desk()
    at.set(0.3)
    result = at.set("off")
    assert (result["state"], result["venting"]) == ("off", False)
    assert at.far.is_safe()
    assert bar(at) < 0.35
    assert at.device.locate()["setpoint"] is None


def test_venting_stops_and_lets_air_in(desk: Callable[..., Rig]) -> None:
    at = desk()
    at.set(0.1)
    result = at.set("vent")
    assert result["pressure_bar"] >= 0.95
    assert (result["venting"], result["state"]) == (True, "off")
    assert at.set(0.5)["venting"] is False


def test_samples_are_carried_out(desk: Callable[..., Rig]) -> None:
    at = desk()
    for value in at.device.samples():
        at.set(value)
    assert at.far.is_safe()


def test_it_is_put_into_vacuum_control(desk: Callable[..., Rig]) -> None:
    at = desk()
    at.far.mode = 1
    at.far._run(running=True)
    at.set(0.5)
    assert (at.far.mode, at.far.setpoint) == (2, 500)


@pytest.mark.parametrize("value", [0.0001, 1.07, -1, float("nan"), True, "on", None])
def test_what_must_not_be_sent_is_not(desk: Callable[..., Rig], value: object) -> None:
    with pytest.raises(OutsideLimits, match="nothing was sent"):
        desk().device.set(value)


def test_limits_of_the_lab(desk: Callable[..., Rig]) -> None:
    at = desk({"limits": {"pressure": [0.05, 1.0]}})
    with pytest.raises(OutsideLimits, match=r"pressure 0\.01 bar is outside the limits 0\.05\.\.1 bar"):
        at.device.set(0.01)
    at.set("vent")


# ---- who it is


def test_identity(desk: Callable[..., Rig]) -> None:
    assert desk().device.identify() == {"model": "CVC 3000", "firmware": "V2.30", "serial_number": None}


@pytest.mark.parametrize(
    ("settings", "options", "why"),
    [
        ({}, {"firmware": "VNC 2 V1.00"}, "'VNC 2 V1.00' answers, wanted is CVC 3000"),
        ({"firmware": "CVC 3000 V9.99"}, {}, "wanted is CVC 3000 V9.99"),
        ({}, {"unit": "Torr"}, "shows Torr|no pressure in mbar"),
    ],
)
def test_another_one_is_refused(desk: Callable[..., Rig], settings: Any, options: Any, why: str) -> None:
    with pytest.raises(WrongInstrument, match=why):
        desk(settings, **options).device.connect()


def test_hectopascal_and_whole_millibars_are_taken(desk: Callable[..., Rig]) -> None:
    assert desk(unit="hPa", decimals=0).set(0.5)["pressure_bar"] == pytest.approx(0.5, abs=0.005)


@pytest.mark.parametrize("echo", [False, True])
@pytest.mark.parametrize("remote", [False, True])
@pytest.mark.parametrize("dialect", [2, 3])
def test_control_is_taken_however_it_was_left(desk: Callable[..., Rig], echo: bool, remote: bool, dialect: int) -> None:
    at = desk()
    at.far.echo, at.far.remote, at.far.dialect = echo, remote, dialect
    at.device.connect()
    assert (at.far.echo, at.far.remote, at.far.dialect) == (True, True, 3)
    assert at.set("off")["state"] == "off"


def test_connecting_changes_nothing(desk: Callable[..., Rig]) -> None:
    at = desk()
    at.far.setpoint = 300
    at.far._run(running=True)
    at.wait(60)
    at.device.connect()
    assert (at.far.running, at.far.setpoint) == (True, 300)
    assert bar(at) == pytest.approx(0.3, abs=0.005)


# ---- halt and safety


@pytest.mark.parametrize("how", ["halt", "make_safe"])
def test_it_is_stopped_in_mid_change(desk: Callable[..., Rig], how: str) -> None:
    at = desk()
    status = at.device.set(0.05)
    at.wait(8)
    assert not at.far.is_safe()
    getattr(at.device, how)()
    assert isinstance(status.exception(1), InDoubt)
    assert at.far.is_safe()
    assert not at.device.venting.get()
    assert at.set(0.1)["state"] != "off"


# ---- what can be wrong with the apparatus


def test_a_leak_is_an_alarm_and_the_pump_is_stopped(desk: Callable[..., Rig]) -> None:
    at = desk({"timeout_s": 300}, leak_L_s=0.2)
    with pytest.raises(InstrumentAlarm, match=r"did not stay within 0\.005 bar of 0\.05 bar.*look for a leak"):
        at.set(0.05)
    assert at.far.is_safe()


def test_a_pressure_above_is_an_alarm_that_says_vent(desk: Callable[..., Rig]) -> None:
    at = desk({"timeout_s": 60})
    at.set(0.1)
    with pytest.raises(InstrumentAlarm, match=r'cannot raise it: set\("vent"\) first'):
        at.set(0.5)


def test_a_venting_valve_that_sticks_is_an_alarm(desk: Callable[..., Rig]) -> None:
    at = desk({"vent_s": 60})
    at.set(0.1)
    at.far.faults = ["vent"]
    with pytest.raises(InstrumentAlarm, match="is not vented after 60 s"):
        at.set("vent")


def test_faults_are_told(desk: Callable[..., Rig]) -> None:
    at = desk(faults=["sensor", "catchpot"])
    with pytest.raises(InstrumentAlarm, match="fault of the pressure transducer, catch pot full"):
        at.read()
    at.device.make_safe()


def test_a_fault_in_mid_change_stops_it(desk: Callable[..., Rig]) -> None:
    at = desk()
    status = at.device.set(0.05)
    at.wait(8)
    at.far.faults = ["catchpot"]
    with pytest.raises(InstrumentAlarm, match=r"reports: catch pot full.*It was stopped"):
        at.done(status)
    assert at.far.is_safe()


def test_a_pump_that_does_not_start_is_an_alarm(desk: Callable[..., Rig]) -> None:
    with pytest.raises(InstrumentAlarm, match=r"does not start towards 500 mbar.*fault of the pump"):
        desk(faults=["pump"]).set(0.5)


def test_power_lost_is_told_once_and_control_is_taken_again(desk: Callable[..., Rig]) -> None:
    at = desk()
    at.set(0.3)
    at.far.power_cycle()
    with pytest.raises(InstrumentAlarm, match=r"its control is off.*its power was interrupted"):
        at.read()
    assert at.read()["state"] == "off"
    assert not at.far.remote
    assert at.set(0.2)["pressure_bar"] == pytest.approx(0.2, abs=0.005)


def test_what_it_cannot_do_is_refused(desk: Callable[..., Rig]) -> None:
    at = desk()
    at.device.connect()
    taken = at.far._taken
    at.far._taken = lambda word, argument: None if word == "OUT_SP_1" else taken(word, argument)
    with pytest.raises(Refused, match="does not carry out 'OUT_SP_1 500'"):
        at.set(0.5)


def test_what_became_of_a_set_point(desk: Callable[..., Rig]) -> None:
    at = desk()
    at.set(0.5)
    verdicts: dict[Any, str] = {0.5: "partial", 0.4: "not", "off": "not", "vent": "not"}
    for value, verdict in verdicts.items():
        assert at.clock.run(at.device.do_reconcile(Intent("v", "set", value, "idempotent"))).verdict == verdict
    at.set("vent")
    assert at.clock.run(at.device.do_reconcile(Intent("v", "set", "vent", "idempotent"))).verdict == "partial"
    assert at.clock.run(at.device.do_reconcile(Intent("v", "trigger", None, "read"))).verdict == "not"
    assert (at.device.action_class("set", 1.0), at.device.action_class("trigger", None)) == ("idempotent", "read")


# ---- what can be wrong with the line


@pytest.mark.parametrize("nth", range(1, 8))
@pytest.mark.parametrize("kind", ["drop", "late", "garble"])
def test_one_bad_reply_is_overcome_and_the_reading_is_right(desk: Callable[..., Rig], kind: Any, nth: int) -> None:
    at = desk(leak_L_s=0.0)
    at.set(0.5)
    at.bench.inject("instrument", kind, nth=nth)
    told = at.read()
    assert (told["pressure_bar"], told["setpoint_bar"]) == (pytest.approx(bar(at), abs=1e-4), 0.5)


@pytest.mark.parametrize("nth", range(1, 12))
@pytest.mark.parametrize("kind", ["drop", "late", "garble"])
def test_one_bad_reply_to_a_set_point_is_overcome(desk: Callable[..., Rig], kind: Any, nth: int) -> None:
    at = desk()
    at.device.connect()
    at.bench.inject("instrument", kind, nth=nth)
    assert at.set(0.5)["pressure_bar"] == pytest.approx(0.5, abs=0.005)


@pytest.mark.parametrize("delay", [0.02 * step for step in range(1, 45, 3)] + [1.0, 1.05, 1.1, 1.2])
@pytest.mark.parametrize("how", ["late", "twice"])
@pytest.mark.parametrize("nth", range(7, 13))
def test_an_answer_that_comes_late_or_twice_is_never_believed(
    desk: Callable[..., Rig], nth: int, how: str, delay: float
) -> None:
    at = desk(leak_L_s=0.0)
    at.device.connect()
    send, count = at.far.say, [0]

    def say(data: bytes) -> None:
        count[0] += 1
        if count[0] != nth:
            send(data)
            return
        if how == "twice":
            send(data)
        at.far.later(delay, lambda: send(data))

    at.far.say = say

    async def look() -> int:
        seen = 0
        for step in range(12):
            at.far.setpoint, at.far.body.pressure = 100 + step, 300.0 + step
            try:
                await at.device.look()
            except LinkError:
                continue
            assert at.device.pressure.get() == pytest.approx(0.3 + step / 1000)
            assert at.device.setpoint.get() == pytest.approx(0.1 + step / 1000)
            seen += 1
        return seen

    assert at.clock.run(look()) > 8


def test_a_dead_line_is_told_and_the_next_command_is_right(desk: Callable[..., Rig]) -> None:
    at = desk()
    at.set(0.5)
    at.bench.inject("instrument", "hang")
    with pytest.raises(InstrumentTimeout):
        at.read()
    at.bench.wire("instrument").mend()
    assert at.read()["setpoint_bar"] == 0.5


def test_a_lost_line_is_opened_again(desk: Callable[..., Rig]) -> None:
    at = desk()
    at.set(0.5)
    for _ in range(3):
        at.bench.inject("instrument", "disconnect")
    with pytest.raises(InstrumentDisconnected):
        at.read()
    at.bench.wire("instrument").mend()
    assert at.set("off")["state"] == "off"
