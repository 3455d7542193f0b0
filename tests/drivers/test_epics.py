"""Instruments behind EPICS: on a simulated record that is served on the loopback, and without any network."""

from __future__ import annotations

import math
import os
import time
from collections.abc import Callable, Iterator
from types import SimpleNamespace
from typing import Any

import ophyd
import pytest

from autolab.drivers import epics_instrument
from autolab.drivers.addresses import Address
from autolab.drivers.epics import PV, Motor
from autolab.drivers.epics_settings import MotorSettings, PVSettings
from autolab.drivers.testing import TRIGGER, DriverContract
from autolab.lab import building
from autolab.lab.building import is_simulated
from autolab.model.actions import Intent
from autolab.model.clock import Clock
from autolab.model.errors import (
    InDoubt,
    InputError,
    InstrumentAlarm,
    InstrumentTimeout,
    LinkError,
    MissingExtra,
    OutsideLimits,
    Refused,
    WrongInstrument,
)
from autolab.simulators import epics as simulated
from autolab.simulators.bench import Bench

# ---- without a network -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "target", "settings"),
    [
        ("epics://IOC:m1", "IOC:m1", {}),
        ("epics://13IDA:m1.VAL", "13IDA:m1.VAL", {}),
        ("epics://XF:11{Mtr}Mtr?server=10.0.0.7:5064", "XF:11{Mtr}Mtr", {"server": "10.0.0.7:5064"}),
    ],
)
def test_an_address(text: str, target: str, settings: dict[str, str]) -> None:
    address = Address.parse(text)
    assert (address.scheme, address.target, dict(address.settings), address.bus) == ("epics", target, settings, None)


@pytest.mark.parametrize(
    "text",
    ["epics://", "epics://x?server=10.0.0.7", "epics://x?server=h:99999", "epics://x?bus=1", "epics://x?server=:5064"],
)
def test_no_address(text: str) -> None:
    with pytest.raises(InputError, match="Allowed forms"):
        Address.parse(text)


@pytest.mark.parametrize(
    ("address", "wanted"),
    [
        ("epics://autolab-sim-1:m?server=127.0.0.1:5064", True),
        ("epics://autolab-sim-1:m?server=localhost:5064", True),
        ("epics://autolab-sim-1:m?server=10.0.0.7:5064", False),
        ("epics://autolab-sim-1:m", False),
        ("epics://IOC:m1?server=127.0.0.1:5064", False),
        ("epics://IOC:m1", False),
    ],
)
def test_only_a_simulated_record_on_this_machine_is_simulated(address: str, wanted: bool) -> None:
    assert is_simulated(address) is wanted


def test_both_sides_know_simulated_records_by_the_same_name() -> None:
    assert building.SIMULATED_RECORDS == simulated.RECORDS


def test_a_virtual_lab_in_memory_is_refused_with_what_works(virtual: Clock, real: Clock) -> None:
    for clock, channel in ((virtual, None), (real, object())):
        with pytest.raises(InputError, match=r"stage: EPICS is a network in real time.*autolab simulate LAB"):
            Motor("stage", address="epics://IOC:m1", clock=clock, channel=channel)


def test_another_address_is_refused(real: Clock) -> None:
    with pytest.raises(InputError, match="stage: address 'tcp://h:1' is none of EPICS"):
        Motor("stage", address="tcp://h:1", clock=real)


def test_settings_that_cannot_be(real: Clock) -> None:
    with pytest.raises(InputError, match=r"stage \(Motor\): tolerance.*Settings: unit"):
        Motor("stage", address="epics://IOC:m1", clock=real, tolerance=-1)
    with pytest.raises(ValueError, match="low <= high"):
        MotorSettings(limits={"position": (3, 1)})
    with pytest.raises(ValueError, match="write"):
        PVSettings(write="maybe")  # type: ignore[arg-type]  # what is tested


def test_without_caproto_connecting_says_what_to_install(real: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(layer: str) -> None:
        raise ImportError(layer)

    monkeypatch.setattr(ophyd, "get_cl", lambda: SimpleNamespace(name="dummy"))
    monkeypatch.setattr(ophyd, "set_cl", refuse)
    stage = Motor("stage", address="epics://IOC:m1", clock=real)
    with pytest.raises(MissingExtra, match=r"need caproto, which is not installed. pip install 'autolab-sdl\[epics\]'"):
        stage.connect()


def test_a_layer_that_the_person_chose_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ophyd, "get_cl", lambda: SimpleNamespace(name="pyepics"))
    monkeypatch.setattr(ophyd, "set_cl", lambda layer: pytest.fail(layer))
    epics_instrument.choose_channel_access()


def test_servers_are_added_to_those_of_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EPICS_CA_ADDR_LIST", "10.0.0.1 10.0.0.2:5070")
    for _ in range(2):
        epics_instrument.look_at("127.0.0.1:5071")
    assert os.environ["EPICS_CA_ADDR_LIST"] == "10.0.0.1 10.0.0.2:5070 127.0.0.1:5071"


@pytest.mark.parametrize("value", [True, "3", None, math.nan, math.inf, [1]])
def test_what_is_no_position(real: Clock, value: object) -> None:
    stage = Motor("stage", address="epics://IOC:m1", clock=real)
    with pytest.raises(OutsideLimits, match=r"is no set point: a position.*nothing was sent"):
        stage.set(value)


def test_limits_of_the_lab_hold_before_it_is_connected(real: Clock) -> None:
    stage = Motor("stage", address="epics://IOC:m1", clock=real, limits={"position": (0, 5)})
    with pytest.raises(OutsideLimits, match=r"position 5\.1 is outside the limits 0..5"):
        stage.check_value(5.1)
    assert stage.locate() == {"setpoint": None, "readback": None}
    assert (stage.action_class("set", 1.0), stage.action_class("trigger", None)) == ("queryable", "read")


@pytest.mark.parametrize(
    ("settings", "value", "match"),
    [
        ({}, 1.0, "it is read only. Say `write: absolute`"),
        ({"write": "absolute"}, "x", "is no set point"),
        ({"write": "absolute", "limits": {"value": (0, 5)}}, 6, "value 6 is outside the limits 0..5"),
        ({"write": "once", "kind": "text"}, 3, "3 is no text"),
    ],
)
def test_what_must_not_be_written(real: Clock, settings: dict[str, Any], value: object, match: str) -> None:
    with pytest.raises(OutsideLimits, match=match):
        PV("level", address="epics://IOC:level", clock=real, **settings).set(value)


@pytest.mark.parametrize(("write", "wanted"), [("absolute", "idempotent"), ("once", "once")])
def test_the_class_of_writing(real: Clock, write: Any, wanted: str) -> None:
    assert PV("level", address="epics://IOC:level", clock=real, write=write).action_class("set", 1.0) == wanted


# ---- on a served simulator -------------------------------------------------------------------------------------------

slow = pytest.mark.slow  # real sockets and threads


class Rig:
    """A simulated record, served, and the driver on it."""

    def __init__(self, key: str, clock: Clock, options: dict[str, Any], settings: dict[str, Any]) -> None:
        self.clock = clock
        entry = {name: value for name, value in settings.items() if name in ("kind", "unit")}
        self.bench = Bench.single(key, clock=clock, options=options, settings=entry)
        self.far = self.bench.instrument("instrument")
        address = self.bench.serve()["instrument"]
        driver: Any = Motor if key == "epics.Motor" else PV
        self.device = driver("device", address=address, clock=clock, poll_s=0.05, **settings)

    def set(self, value: object) -> Any:
        status = self.device.set(value)
        status.wait(20)
        return status.result

    def read(self) -> Any:
        status = self.device.trigger()
        status.wait(20)
        return status.result

    def close(self) -> None:
        self.device.disconnect()
        self.bench.close()


@pytest.fixture
def network(monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep to this machine."""
    pytest.importorskip("caproto")
    monkeypatch.setenv("EPICS_CA_AUTO_ADDR_LIST", "NO")
    monkeypatch.setenv("EPICS_CA_ADDR_LIST", "127.0.0.1:9")


@pytest.fixture
def served(network: None, real: Clock) -> Iterator[Callable[..., Rig]]:
    made: list[Rig] = []

    def make(key: str = "epics.Motor", options: dict[str, Any] | None = None, **settings: Any) -> Rig:
        usual = {"velocity": 20.0} if key == "epics.Motor" else {}
        made.append(Rig(key, real, {**usual, **(options or {})}, settings))
        return made[-1]

    yield make
    for one in made:
        one.close()


@slow
def test_an_axis_goes_to_a_position(served: Callable[..., Rig]) -> None:
    one = served(unit="mm")
    assert one.device.identify() == {
        "model": "motor record", "firmware": None, "serial_number": None, "description": "instrument", "unit": "mm",
    }  # fmt: skip
    assert one.set(5) == {"position": 5.0, "unit": "mm"}
    assert one.far.is_safe()
    assert one.device.locate() == {"setpoint": 5.0, "readback": 5.0}
    assert one.read() == {"position": 5.0, "unit": "mm"}
    before = one.far._begun
    assert one.set(5.0)["position"] == 5.0
    assert one.far._begun == before, "it was told to go where it stands"


@slow
def test_limits_of_the_record_hold(served: Callable[..., Rig]) -> None:
    one = served(options={"low": -1, "high": 10})
    one.device.connect()
    with pytest.raises(
        OutsideLimits, match=r"position 10\.5 is outside the record's soft limits -1..10; nothing was sent"
    ):
        one.device.set(10.5)
    one.far.high = 4.0
    time.sleep(0.2)  # until the server has told
    with pytest.raises(OutsideLimits, match=r"soft limits -1..4"):
        one.set(5)
    assert one.far.is_safe()


@slow
def test_another_record_or_unit_is_refused(served: Callable[..., Rig]) -> None:
    with pytest.raises(WrongInstrument, match="is a record of type 'ai', not a motor"):
        served(options={"type": "ai"}).device.connect()
    with pytest.raises(WrongInstrument, match="counts in 'deg', declared is 'mm'"):
        served(options={"unit": "deg"}, unit="mm").device.connect()


@slow
def test_nobody_there_is_a_timeout(network: None, real: Clock) -> None:
    stage = Motor("stage", address="epics://nobody:m1?server=127.0.0.1:9", clock=real, connect_s=0.5)
    begun = time.monotonic()
    with pytest.raises(
        InstrumentTimeout, match=r"stage on epics://nobody:m1: nobody answers to nobody:m1 within 0\.5 s"
    ):
        stage.connect()
    assert time.monotonic() - begun < 5


@slow
def test_halted_and_made_safe_in_mid_motion(served: Callable[..., Rig]) -> None:
    one = served()
    one.device.connect()
    for stop, target in ((one.device.halt, 90.0), (one.device.make_safe, 60.0)):
        status = one.device.set(target)
        time.sleep(0.5)
        assert not one.far.is_safe()
        stop()
        assert one.bench.is_safe() == {"instrument": True}
        with pytest.raises(InDoubt):
            status.wait(5)
    assert one.set(one.device.locate()["readback"] + 1)["unit"] == "mm"


@slow
def test_an_axis_that_moves_takes_no_second_command(served: Callable[..., Rig]) -> None:
    one = served()
    one.device.connect()
    one.far.put("VAL", 60.0)
    time.sleep(0.2)  # until the server has told
    with pytest.raises(Refused, match=r"moves already. Halt it first"):
        one.set(5)


@slow
@pytest.mark.parametrize(
    ("options", "match"),
    [
        ({"switch": 3.0}, "stands at 3 instead of 5: its high limit switch is reached"),
        ({"stuck": True}, "stands at 0 instead of 5: it was stopped by somebody, or its motor does not turn"),
    ],
)
def test_an_axis_that_does_not_come_there_is_an_alarm(
    served: Callable[..., Rig], options: dict[str, Any], match: str
) -> None:
    with pytest.raises(InstrumentAlarm, match=match):
        served(options=options, settle_s=0.3).set(5)


@slow
def test_an_axis_that_takes_too_long_is_an_alarm(served: Callable[..., Rig]) -> None:
    with pytest.raises(InstrumentAlarm, match=r"has not come to rest within 0.5 s on its way to 50"):
        served(timeout_s=0.5).set(50)


@slow
def test_what_became_of_a_movement(served: Callable[..., Rig]) -> None:
    one = served()
    context = one.clock.run(one.device.do_prepare("set", 8.0))
    assert context == {"position": 0.0}

    def settle() -> Any:
        return one.clock.run(one.device.do_reconcile(Intent("device", "set", 8.0, "queryable", context)))

    assert settle().verdict == "not"
    one.set(4)
    assert (settle().verdict, settle().amount) == ("partial", 4.0)
    one.set(8)
    assert (settle().verdict, settle().result) == ("happened", {"position": 8.0, "unit": "mm"})


@slow
def test_a_server_that_goes_is_an_error_of_the_link(served: Callable[..., Rig]) -> None:
    one = served(reply_s=0.5)
    one.device.connect()
    one.bench.close()
    with pytest.raises(LinkError):
        one.read()


@slow
def test_a_variable_is_read(served: Callable[..., Rig]) -> None:
    one = served("epics.PV", options={"value": 21.5, "unit": "degC"}, unit="degC")
    assert one.read() == {"value": 21.5, "unit": "degC"}
    assert one.device.read()["device_readback"]["value"] == 21.5
    assert one.device.identify()["unit"] == "degC"
    with pytest.raises(WrongInstrument, match="counts in 'K', declared is 'degC'"):
        served("epics.PV", options={"unit": "K"}, unit="degC").device.connect()


@slow
def test_a_variable_is_written(served: Callable[..., Rig]) -> None:
    one = served("epics.PV", options={"low": 0, "high": 50}, write="absolute", safe_value=20.0)
    assert one.set(30.5) == {"value": 30.5, "unit": ""}
    assert one.device.locate() == {"setpoint": 30.5, "readback": 30.5}
    with pytest.raises(OutsideLimits, match=r"51 is outside its own limits 0..50"):
        one.device.set(51)
    one.device.make_safe()
    assert one.read()["value"] == 20.0
    done = one.clock.run(one.device.do_reconcile(Intent("device", "set", 20.0, "idempotent")))
    other = one.clock.run(one.device.do_reconcile(Intent("device", "set", 21.0, "idempotent")))
    assert (done.verdict, other.verdict) == ("happened", "not")


@slow
def test_a_variable_that_does_not_follow_is_an_alarm(served: Callable[..., Rig]) -> None:
    one = served("epics.PV", options={"frozen": True}, write="absolute", timeout_s=0.5)
    with pytest.raises(InstrumentAlarm, match=r"tells 0\.0 0\.5 s after 3\.0 was written"):
        one.set(3.0)


@slow
def test_what_does_something_each_time_is_not_settled_by_its_value(served: Callable[..., Rig]) -> None:
    one = served("epics.PV", write="once")
    one.set(1)
    assert one.clock.run(one.device.do_reconcile(Intent("device", "set", 1, "once"))).verdict == "unknown"


@slow
def test_a_set_point_and_its_readback_may_be_two_variables(served: Callable[..., Rig]) -> None:
    one = served()
    settings: dict[str, Any] = {"write": "absolute", "readback": f"{one.far.pv}.RBV", "tolerance": 0.01, "poll_s": 0.05}
    level = PV("level", address=one.device.address.text.replace("?", ".VAL?"), clock=one.clock, **settings)
    status = level.set(12.0)
    status.wait(20)
    assert status.result["value"] == pytest.approx(12.0, abs=0.02)
    assert one.far.position == pytest.approx(12.0, abs=0.02)
    level.disconnect()


@slow
def test_a_text(served: Callable[..., Rig]) -> None:
    one = served("epics.PV", options={"value": "idle"}, kind="text", write="absolute")
    assert one.read() == {"value": "idle", "unit": ""}
    assert one.set("busy") == {"value": "busy", "unit": ""}
    assert one.device.locate() == {"setpoint": "busy", "readback": "busy"}


@slow
def test_in_scaled_time(network: None) -> None:
    clock = Clock("scaled", scale=50.0)
    one = Rig("epics.Motor", clock, {"velocity": 0.5}, {})
    try:
        begun = time.monotonic()
        assert one.set(20)["position"] == 20.0
        assert time.monotonic() - begun < 10
    finally:
        one.close()
        clock.close()


class RecordContract(DriverContract):
    """A record keeps what every driver must keep."""

    key: str
    settings: dict[str, Any]
    value: object

    @pytest.fixture
    def instrument(self, served: Callable[..., Rig]) -> Any:
        return served(self.key, **self.settings).device

    @pytest.fixture
    def command(self) -> object:
        return self.value


@slow
class TestMotor(RecordContract):
    key, settings, value = "epics.Motor", {}, 3.0


@slow
class TestReadOnlyPV(RecordContract):
    key, settings, value = "epics.PV", {}, TRIGGER


@slow
class TestWrittenPV(RecordContract):
    key, settings, value = "epics.PV", {"write": "absolute"}, 3.0
