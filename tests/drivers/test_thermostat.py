"""What every circulator and temperature controller does, on its simulator in virtual time."""

from __future__ import annotations

import asyncio
import functools
import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pytest

from autolab.drivers.instrument import OphydInstrument
from autolab.drivers.testing import DriverContract
from autolab.drivers.thermostat import Thermostat
from autolab.drivers.wire import Ports
from autolab.model.actions import Intent
from autolab.model.clock import Clock
from autolab.model.errors import (
    InDoubt,
    InputError,
    InstrumentAlarm,
    InstrumentTimeout,
    LinkError,
    OutsideLimits,
    WrongInstrument,
)
from autolab.simulators.bench import Bench

if TYPE_CHECKING:
    from tests.drivers.conftest import Rig
from autolab.simulators.simulator import load


@dataclass(frozen=True)
class Family:
    """A driver on its simulator.

    Attributes:
        key: Of both.
        settings: Of the driver.
        options: Of the simulator, so that it tells what is true.
        wrong: A setting that the simulator does not meet,
        wrong_options: with these options of it.
        bus: Its address, where it has one.
    """

    key: str
    settings: dict[str, Any] = field(default_factory=dict)
    options: dict[str, Any] = field(default_factory=dict)
    wrong: dict[str, Any] = field(default_factory=dict)
    wrong_options: dict[str, Any] = field(default_factory=dict)
    bus: int | None = None


QUIET: dict[str, Any] = {"noise_C": 0.0}
FAMILIES = {
    "julabo-v1": Family("julabo.Circulator", {"dialect": "v1"}, QUIET, {"version": "HUBER"}),
    "julabo-v2": Family("julabo.Circulator", {"dialect": "v2", "lower_case": True}, QUIET, {"version": "HUBER"}),
    "huber": Family("huber.Circulator", {}, QUIET, {"serial_number": 7}, wrong_options={"serial_number": 8}),
    "huber-process": Family(
        "huber.Circulator", {"sensor": "process"}, QUIET, {"serial_number": 7}, {"serial_number": 8}
    ),
    "modbus-eurotherm": Family(
        "modbus.Controller",
        {"map": "eurotherm_2400", "tolerance_C": 0.2},
        {**QUIET, "after_power": "off"},
        {"identity": (1, 2)},
        bus=7,
    ),
    "modbus-watlow": Family(
        "modbus.Controller",
        {"map": "watlow_pm", "tolerance_C": 0.2},
        {**QUIET, "after_power": "off"},
        {"map": "watlow_pm"},
        {"make": "eurotherm_2400"},
    ),
    "modbus-tcp": Family(
        "modbus.Controller",
        {"map": "eurotherm_2400", "framing": "tcp", "tolerance_C": 0.2},
        {**QUIET, "after_power": "off"},
        {"identity": (1, 2)},
        bus=3,
    ),
    "eurotherm": Family(
        "eurotherm.Controller",
        {"tolerance_C": 0.2},
        {**QUIET, "after_power": "off"},
        {"identity": ">0800"},
        {"identity": ">2480"},
        bus=12,
    ),
}


def met(
    rigs: Callable[..., Rig], clock: Clock, family: Family, options: dict[str, Any] | None = None, **settings: Any
) -> Rig:
    given = {**family.settings, **settings}
    return rigs(
        family.key, load("autolab.drivers", family.key), clock, name="bath", settings=given, bus=family.bus,
        far_settings={key: list(x) if isinstance(x, tuple) else x for key, x in given.items()},
        options={**family.options, **(options or {})},
    )  # fmt: skip


def temperature(rig: Rig) -> float:
    """The truth, degC."""
    return float(rig.look().bath.temperature)


def safe(rig: Rig) -> bool:
    return rig.bench.is_safe()["instrument"]


@pytest.fixture(params=FAMILIES)
def family(request: pytest.FixtureRequest) -> Family:
    return FAMILIES[request.param]


@pytest.fixture
def make(virtual: Clock, rigs: Callable[..., Rig], family: Family) -> Callable[..., Rig]:
    return functools.partial(met, rigs, virtual, family)


@pytest.fixture
def rig(make: Callable[..., Rig]) -> Rig:
    rig = make()
    rig.device.connect()
    return rig


@pytest.mark.parametrize(("name", "mode"), [*((name, "virtual") for name in FAMILIES), ("julabo-v1", "scaled")])
class TestContract(DriverContract):
    @pytest.fixture
    def instrument(
        self, name: str, mode: str, request: pytest.FixtureRequest, rig_class: Callable[..., Rig]
    ) -> Iterator[OphydInstrument]:
        clock: Clock = request.getfixturevalue(mode)
        rig = met(rig_class, clock, FAMILIES[name])
        with clock.running():
            clock.start()
            yield rig.device
        rig.device.disconnect()

    @pytest.fixture
    def command(self) -> object:
        return 30.0


# ---- meeting it ----------------------------------------------------------------------------------------------------


def test_meeting_it_changes_nothing_and_tells_who_it_is(rig: Rig) -> None:
    before = rig.far.snapshot()
    who = rig.device.identify()
    assert who["model"]
    assert set(who) >= {"model", "firmware", "serial_number"}
    assert rig.device.read_configuration()["bath_model"]["value"] == who["model"]
    assert rig.far.snapshot() == before
    assert safe(rig)


def test_another_instrument_is_not_taken(make: Callable[..., Rig], family: Family) -> None:
    strange = make(family.wrong_options, **family.wrong)
    with pytest.raises(WrongInstrument, match="Check the cables"):
        strange.device.connect()


def test_one_that_is_absent_is_told(make: Callable[..., Rig]) -> None:
    rig = make()
    rig.bench.inject("instrument", "hang")
    with pytest.raises(InstrumentTimeout, match="no reply"):
        rig.device.connect()


def test_settings_that_contradict_each_other_are_refused(make: Callable[..., Rig]) -> None:
    with pytest.raises(InputError, match=r"dwell_s 60 must be less than timeout_s 30"):
        make(timeout_s=30, dwell_s=60)
    with pytest.raises(InputError, match=r"limits of temperature must be low <= high"):
        make(limits={"temperature": (50, 20)})


# ---- going somewhere -----------------------------------------------------------------------------------------------


def test_a_temperature_is_reached_and_stays(rig: Rig) -> None:
    begun = rig.clock.now()
    result = rig.set(40.0)
    assert result["temperature_C"] == pytest.approx(40.0, abs=0.25)
    assert (result["requested_C"], result["commanded_C"]) == (40.0, 40.0)
    assert result["seconds"] == pytest.approx(rig.clock.now() - begun, abs=1.0)
    assert result["seconds"] >= 60.0  # the dwell
    assert temperature(rig) == pytest.approx(40.0, abs=0.25)
    assert not safe(rig)
    assert rig.device.locate() == {"setpoint": 40.0, "readback": result["temperature_C"]}
    assert rig.set("off") == {"on": False}
    assert safe(rig)
    assert rig.device.locate()["setpoint"] is None


def test_it_keeps_the_temperature_afterwards(rig: Rig) -> None:
    rig.set(45.0)
    rig.wait(3600)
    assert temperature(rig) == pytest.approx(45.0, abs=0.1)
    told = rig.read()
    assert told["on"] is True
    assert told["temperature_C"] == pytest.approx(45.0, abs=0.1)
    assert told["setpoint_C"] == pytest.approx(45.0, abs=0.05)


def test_a_new_set_point_while_it_is_on(rig: Rig) -> None:
    rig.set(40.0)
    assert rig.set(50.0)["temperature_C"] == pytest.approx(50.0, abs=0.25)


def test_set_points_are_sent_in_steps_of_the_wire(rig: Rig) -> None:
    assert rig.set(35.0049)["commanded_C"] == pytest.approx(35.0)


def test_progress_is_told(rig: Rig) -> None:
    seen: list[tuple[float, float]] = []
    status = rig.begin(40.0, 1.0)
    status.watch(lambda **told: seen.append((told["current"], told["target"])))
    rig.wait(200)
    assert seen
    assert all(target == 40.0 for _, target in seen)
    assert seen == sorted(seen)
    rig.device.halt()


def test_samples_are_carried_out(rig: Rig) -> None:
    for value in rig.device.samples():
        rig.device.check_value(value)
        rig.set(value)
    assert safe(rig)


@pytest.mark.parametrize("value", [math.nan, math.inf, True, None, "on", "40", [40], {}])
def test_nonsense_is_refused_before_anything_is_sent(rig: Rig, value: Any) -> None:
    with pytest.raises(OutsideLimits, match="nothing was sent"):
        rig.device.set(value)


def test_limits_of_the_lab_and_of_the_apparatus(make: Callable[..., Rig]) -> None:
    rig = make(limits={"temperature": (15, 60)})
    rig.device.connect()
    with pytest.raises(OutsideLimits, match=r"temperature 61 degC is outside the limits 15..60 degC"):
        rig.device.set(61)
    with pytest.raises(OutsideLimits, match=r"temperature 14 degC is outside the limits"):
        rig.device.set(14)
    free = make()
    free.device.connect()
    if math.isinf(free.device.range[1]):
        return  # it tells none
    with pytest.raises(OutsideLimits, match=r"2000 degC is outside what it takes"):
        free.device.set(2000)
    assert safe(free)


def test_rounding_does_not_lead_beyond_a_limit(make: Callable[..., Rig]) -> None:
    rig = make(limits={"temperature": (20.0, 59.996)})
    rig.device.connect()
    with pytest.raises(OutsideLimits, match=r"temperature 60 degC is outside the limits"):
        rig.device.set(59.996)
    assert rig.device.samples() == (30.0, "off")
    assert make(limits={"temperature": (35, 50)}).device.samples() == (35, "off")


# ---- ending it -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("how", ["halt", "make_safe"])
@pytest.mark.parametrize("seconds", [0.05, 0.4, 1.0, 60.0])
def test_it_is_off_after_halt_and_make_safe_in_the_middle(rig: Rig, how: str, seconds: float) -> None:
    status = rig.begin(70.0, seconds)
    getattr(rig.device, how)()
    rig.wait(10)
    assert safe(rig)
    with pytest.raises(InDoubt, match="cut short"):
        raise status.exception(0)
    assert rig.read()["on"] is False
    assert rig.device.locate()["setpoint"] is None


def test_make_safe_of_one_that_was_on_before_this_process(rig: Rig) -> None:
    rig.set(40.0)
    rig.device.disconnect()
    rig.device.make_safe()
    assert safe(rig)


def test_what_is_not_reached_in_time_is_an_alarm_and_off(make: Callable[..., Rig]) -> None:
    rig = make({"strength": 0.0}, timeout_s=900)
    with pytest.raises(InstrumentAlarm, match=r"did not stay within 0.2 degC of 80 degC in 9.. s: .*switched off"):
        rig.set(80.0)
    assert safe(rig)


def test_a_power_cut_is_noticed(rig: Rig) -> None:
    status = rig.begin(70.0, 60.0)
    rig.far.power_cycle()
    rig.wait(60)
    with pytest.raises(InstrumentAlarm, match=r"power was interrupted|has an alarm"):
        raise status.exception(0)
    assert safe(rig)
    assert rig.set(30.0)["temperature_C"] == pytest.approx(30.0, abs=0.25)


def test_somebody_at_the_panel_is_noticed(rig: Rig) -> None:
    status = rig.begin(70.0, 60.0)
    rig.far.world.advance()
    rig.far.press(33.0)
    rig.wait(60)
    with pytest.raises(InstrumentAlarm, match=r"has 33 instead of 70 degC as its set point: somebody used its panel"):
        raise status.exception(0)
    assert safe(rig)


def test_what_is_in_doubt_can_be_done_again(rig: Rig) -> None:
    found = rig.clock.run(rig.device.do_reconcile(Intent("bath", "set", 40.0, "idempotent")))
    assert found.verdict == "not"


def test_classes(rig: Rig) -> None:
    assert rig.device.action_class("trigger", None) == "read"
    assert rig.device.action_class("set", 40.0) == "idempotent"


# ---- the wire ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "seconds"), [("drop", 1.0), ("garble", 1.0), ("late", 1.02), ("late", 1.3), ("late", 2.5)]
)
@pytest.mark.parametrize("nth", range(1, 7))
def test_a_fault_never_gives_a_wrong_reading(rig: Rig, kind: Any, nth: int, seconds: float) -> None:
    rig.set(40.0)
    rig.far.bath.temperature = 55.0
    rig.bench.inject("instrument", kind, nth=nth, seconds=seconds)
    for _ in range(4):
        told = rig.read()
        assert told["temperature_C"] == pytest.approx(temperature(rig), abs=0.3)
        assert told["setpoint_C"] == pytest.approx(40.0, abs=0.05)
        assert told["on"] is True


@pytest.mark.parametrize("delay", [0.0, 0.02, 0.07, 0.3])
@pytest.mark.parametrize("nth", range(1, 8))
def test_a_reply_that_comes_twice_is_never_taken_for_another(rig: Rig, nth: int, delay: float) -> None:
    rig.set(40.0)
    send, count = rig.far._send, 0

    def twice(data: bytes) -> None:
        nonlocal count
        count += 1
        send(data)
        if count == nth:
            rig.clock.loop.call_later(delay, send, data)

    rig.far.attach(twice)
    for celsius in (55.0, 25.0, 33.0):
        rig.far.bath.temperature = celsius
        told = rig.read()
        assert told["temperature_C"] == pytest.approx(temperature(rig), abs=0.3)
        assert told["setpoint_C"] == pytest.approx(40.0, abs=0.05)
        assert told["on"] is True


@pytest.mark.parametrize("kind", ["drop", "late", "garble"])
@pytest.mark.parametrize("nth", [1, 2, 3, 5, 8])
def test_a_fault_while_it_is_set_does_no_harm(rig: Rig, kind: Any, nth: int) -> None:
    rig.bench.inject("instrument", kind, nth=nth, seconds=1.4)
    assert rig.set(32.0)["temperature_C"] == pytest.approx(32.0, abs=0.25)
    assert temperature(rig) == pytest.approx(32.0, abs=0.25)
    rig.bench.inject("instrument", kind, nth=nth, seconds=1.4)
    rig.device.make_safe()
    assert safe(rig)


def test_a_line_that_hangs_is_an_error_and_then_right_again(rig: Rig) -> None:
    rig.set(40.0)
    rig.bench.inject("instrument", "hang")
    with pytest.raises(LinkError) as caught:
        rig.read()
    assert caught.value.instrument == "bath"
    rig.bench.wire("instrument").mend()
    assert rig.read()["temperature_C"] == pytest.approx(temperature(rig), abs=0.1)


def test_a_line_that_is_lost_is_opened_again(rig: Rig) -> None:
    rig.set(40.0)
    rig.bench.inject("instrument", "disconnect")
    assert rig.read()["temperature_C"] == pytest.approx(temperature(rig), abs=0.1)
    rig.bench.inject("instrument", "disconnect", nth=3)
    rig.device.make_safe()
    assert safe(rig)


def test_two_on_one_bus_do_not_hear_each_other(virtual: Clock) -> None:
    for key, settings in (("modbus.Controller", {"map": "eurotherm_2400"}), ("eurotherm.Controller", {})):
        entries: dict[str, Any] = {
            name: {"driver": key, "address": f"memory://bus?bus={unit}", **settings}
            for name, unit in (("left", 11), ("right", 12))
        }
        bench = Bench({"instruments": entries}, clock=virtual)
        ports = Ports(virtual)
        left, right = (
            load("autolab.drivers", key)(
                name,
                address=entries[name]["address"],
                clock=virtual,
                ports=ports,
                channel=bench.channel(name),
                **settings,
            )
            for name in entries
        )
        assert isinstance(left, Thermostat)
        assert isinstance(right, Thermostat)

        async def both(one: Thermostat, other: Thermostat) -> list[float]:
            begun = [one.set(35.0), other.set(45.0)]
            while not all(status.done for status in begun):
                await asyncio.sleep(1)
            return [float(str(status.result["temperature_C"])) for status in begun]

        assert virtual.run(both(left, right)) == pytest.approx([35.0, 45.0], abs=0.6)
        bench.inject("left", "late", seconds=1.02)
        assert virtual.run(both(left, right)) == pytest.approx([35.0, 45.0], abs=0.6)
        left.make_safe()
        assert bench.is_safe() == {"left": True, "right": False}
        for device in (left, right):
            device.disconnect()
