"""The Bronkhorst driver on its simulator in virtual time: every verb, limits, faults of line and apparatus."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import pytest

from autolab.drivers.bronkhorst import FlowController
from autolab.drivers.instrument import OphydInstrument
from autolab.drivers.testing import DriverContract
from autolab.model.clock import Clock
from autolab.model.errors import (
    InDoubt,
    InputError,
    InstrumentAlarm,
    InstrumentDisconnected,
    InstrumentTimeout,
    LinkError,
    OutsideLimits,
    Refused,
    WrongInstrument,
)
from autolab.simulators.bench import Bench

if TYPE_CHECKING:
    from tests.drivers.conftest import Rig

KEY = "bronkhorst.FlowController"


def met(rigs: Callable[..., Rig], clock: Clock, settings: dict[str, Any] | None = None, **options: Any) -> Rig:
    return rigs(KEY, FlowController, clock, name="gas", settings=settings, options=options)


def flow(at: Rig) -> float:
    """What truly flows, mL/min."""
    return float(at.look().body.flow)


@pytest.fixture
def desk(virtual: Clock, rigs: Callable[..., Rig]) -> Callable[..., Rig]:
    return functools.partial(met, rigs, virtual)


@pytest.fixture(params=["binary", "ascii"])
def framing(request: pytest.FixtureRequest) -> str:
    return str(request.param)


class TestContract(DriverContract):
    @pytest.fixture
    def instrument(self, lab_clock: Clock, rigs: Callable[..., Rig], framing: str) -> Iterator[OphydInstrument]:
        made = met(rigs, lab_clock, {"framing": framing}).device
        with lab_clock.running():
            lab_clock.start()
            yield made
        made.disconnect()

    @pytest.fixture
    def command(self) -> object:
        return 50.0


def test_a_flow_arrives_and_stays(desk: Callable[..., Rig], framing: str) -> None:
    at = desk({"framing": framing})
    result = at.set(100)
    assert abs(result["flow_mL_min"] - 100) <= 5
    assert result["setpoint_mL_min"] == pytest.approx(100)
    assert result["valve_percent"] > 20
    assert flow(at) == pytest.approx(100, abs=0.5)
    assert at.read()["alarms"] == ""
    assert at.device.mode.get() == "0 (set point from the bus)"


def test_samples_are_carried_out(desk: Callable[..., Rig], framing: str) -> None:
    at = desk({"framing": framing})
    for value in at.device.samples():
        at.set(value)
    assert at.far.is_safe()


def test_an_old_one_is_set_in_words(desk: Callable[..., Rig], framing: str) -> None:
    at = desk({"framing": framing}, floats=False)
    result = at.set(123.4567)
    assert not at.device.floats
    assert result["setpoint_mL_min"] == pytest.approx(123.4567, abs=at.device.step)
    at.set("closed")
    assert at.far.is_safe()


@pytest.mark.parametrize(("unit", "per"), [("ln/min", 1000), ("mls/min", 1), ("ln/h", 1000 / 60), ("mln/s", 60)])
def test_units_are_converted_at_the_wire(desk: Callable[..., Rig], unit: str, per: float) -> None:
    at = desk(unit=unit, capacity=500 / per)
    assert at.set(100)["setpoint_mL_min"] == pytest.approx(100, abs=0.01)
    assert at.far.setpoint == pytest.approx(100 / per, rel=1e-6)
    assert at.device.full_scale.get() == pytest.approx(500)


@pytest.mark.parametrize("value", [-1, float("inf"), False, "open", None, 501])
def test_what_must_not_be_sent_is_not(desk: Callable[..., Rig], value: object) -> None:
    at = desk()
    at.device.connect()
    with pytest.raises(OutsideLimits, match="nothing was sent"):
        at.device.set(value)


# ---- who it is


def test_identity(desk: Callable[..., Rig], framing: str) -> None:
    at = desk({"framing": framing})
    assert at.device.identify() == {"model": "F-201CV-500-AAD-33-V", "firmware": "V8.42", "serial_number": "M6212345A"}
    assert (at.device.unit.get(), at.device.gas.get()) == ("mln/min", "N2")


@pytest.mark.parametrize(
    ("settings", "options", "why"),
    [
        ({"serial_number": "M1"}, {}, "serial number M6212345A answers, wanted is M1"),
        ({"unit": "ln/min"}, {}, "capacity is in 'mln/min', wanted is ln/min"),
        ({}, {"unit": "kg/h"}, "capacity is in 'kg/h', wanted is one of"),
        ({"gas": "Ar"}, {}, "fluid 'N2', wanted is 'Ar'"),
    ],
)
def test_another_one_is_refused(desk: Callable[..., Rig], settings: Any, options: Any, why: str) -> None:
    with pytest.raises(WrongInstrument, match=why):
        desk(settings, **options).device.connect()


def test_nodes_of_a_bus(virtual: Clock) -> None:
    lab: Any = {
        "instruments": {
            name: {"driver": KEY, "address": f"memory://bus?bus={bus}"} for name, bus in (("one", 3), ("two", 16))
        }
    }
    bench = Bench(lab, clock=virtual)
    both = [
        FlowController(name, address=f"memory://bus?bus={bus}", clock=virtual, channel=bench.channel(name))
        for name, bus in (("one", 3), ("two", 16))
    ]
    with virtual.running():
        statuses = [device.set(flow) for device, flow in zip(both, (100, 200), strict=True)]
        for status in statuses:
            status.wait(10)
    assert [bench.instrument(name).setpoint for name in ("one", "two")] == pytest.approx([100, 200])
    for device in both:
        device.disconnect()
    for bus in (0, 129):
        with pytest.raises(InputError, match="is no node"):
            FlowController("gas", address=f"memory://bus?bus={bus}", clock=virtual)


def test_connecting_changes_nothing(desk: Callable[..., Rig]) -> None:
    at = desk()
    at.far._set(77.0)
    at.far._steer()
    at.device.connect()
    at.wait(5)
    assert [at.far.setpoint, flow(at)] == pytest.approx([77.0, 77.0])


# ---- halt and safety


def test_halt_in_mid_change_closes(desk: Callable[..., Rig], framing: str) -> None:
    at = desk({"framing": framing})
    status = at.device.set(100)
    at.wait(0.6)
    assert not at.far.is_safe()
    at.device.halt()
    assert isinstance(status.exception(1), InDoubt)
    assert at.far.is_safe()
    assert at.set(20)["setpoint_mL_min"] == pytest.approx(20)


def test_make_safe_sees_that_nothing_flows(desk: Callable[..., Rig]) -> None:
    at = desk(tau_s=3.0)
    at.device.set(400)
    at.wait(5)
    at.device.make_safe()
    assert at.far.is_safe()
    assert flow(at) <= 5
    at.far.body.offset = 60.0
    with pytest.raises(InstrumentAlarm, match=r"60\S* mL/min still flow"):
        at.device.make_safe()


def test_a_valve_that_was_opened_by_its_control_mode_is_closed(desk: Callable[..., Rig]) -> None:
    at = desk(control_mode=8)
    at.wait(5)
    assert flow(at) > 500
    with pytest.raises(Refused, match=r"control mode 8 \(valve fully open\).*do_listen"):
        at.set(100)
    at.device.make_safe()
    assert (at.far.mode, at.far.is_safe()) == (0, True)
    assert at.set(100)["setpoint_mL_min"] == pytest.approx(100)


def test_it_is_made_to_listen(desk: Callable[..., Rig]) -> None:
    at = desk(control_mode=1)
    with pytest.raises(Refused, match="set point from the analog input"):
        at.set(100)
    at.clock.run(at.device.do_listen())
    at.set(100)


# ---- what can be wrong with the apparatus


def test_an_empty_bottle_is_an_alarm_and_the_valve_is_closed(desk: Callable[..., Rig]) -> None:
    at = desk(supply=30.0)
    with pytest.raises(InstrumentAlarm, match=r"did not stay within 5 mL/min of 100 mL/min.*the bottle's valve"):
        at.set(100)
    assert at.far.is_safe()


def test_alarms(desk: Callable[..., Rig]) -> None:
    at = desk()
    at.far.alarm = 0b00101010
    assert at.read()["alarms"] == "warning, maximum alarm, response alarm"
    at.far.alarm = 0b10000001
    with pytest.raises(InstrumentAlarm, match="reports: error, hardware error"):
        at.read()


def test_power_lost_is_told_once(desk: Callable[..., Rig]) -> None:
    at = desk()
    at.set(100)
    at.far.power_cycle()
    with pytest.raises(InstrumentAlarm, match="reads 0 instead of 100 mL/min"):
        at.read()
    assert at.read()["setpoint_mL_min"] == 0
    at.set(100)


def test_it_winks(desk: Callable[..., Rig], framing: str) -> None:
    at = desk({"framing": framing})
    at.clock.run(at.device.do_wink(5))
    assert at.far.winks == 1
    with pytest.raises(OutsideLimits, match="1 to 9 s"):
        at.clock.run(at.device.do_wink(10))


# ---- what can be wrong with the line


@pytest.mark.parametrize("nth", [1, 2, 3, 4, 5])
@pytest.mark.parametrize("kind", ["drop", "late", "garble"])
def test_one_bad_reply_is_overcome_and_the_reading_is_right(
    desk: Callable[..., Rig], framing: str, kind: Any, nth: int
) -> None:
    at = desk({"framing": framing})
    at.set(100)
    at.wait(5)
    at.bench.inject("instrument", kind, nth=nth)
    assert at.read()["flow_mL_min"] == pytest.approx(100, abs=0.01)
    at.far._set(200)
    at.far._steer()
    at.device.target = None
    at.wait(5)
    assert at.read()["flow_mL_min"] == pytest.approx(200, abs=0.01)


@pytest.mark.parametrize("nth", [1, 2, 3])
@pytest.mark.parametrize("kind", ["drop", "late", "garble"])
def test_one_bad_reply_to_a_set_point_is_overcome(desk: Callable[..., Rig], framing: str, kind: Any, nth: int) -> None:
    at = desk({"framing": framing})
    at.device.connect()
    at.bench.inject("instrument", kind, nth=nth)
    assert at.set(100)["setpoint_mL_min"] == pytest.approx(100)
    assert flow(at) == pytest.approx(100, abs=5)


@pytest.mark.parametrize("delay", [0.0, 0.002, 0.005, 0.01, 0.02, 0.3, 0.45, 0.5, 0.55, 0.6, 0.65, 0.7, 1.1])
@pytest.mark.parametrize("how", ["late", "twice"])
def test_an_answer_that_comes_late_or_twice_is_never_believed(
    desk: Callable[..., Rig], framing: str, delay: float, how: str
) -> None:
    at = desk({"framing": framing})
    at.device.connect()
    flows, send, count = [0.0], at.far.say, [0]

    def say(data: bytes) -> None:
        count[0] += 1
        if count[0] % 17:
            send(data)
            return
        if how == "twice":
            send(data)
        at.far.later(delay, lambda: send(data))

    at.far.say = say

    async def look() -> int:
        seen = 0
        for _ in range(60):
            flows[0] += 1.0
            at.far.body.asked = at.far.body.flow = flows[0]
            try:
                await at.device.look()
            except LinkError:
                continue
            assert at.device.flow.get() == flows[0]
            seen += 1
        return seen

    assert at.clock.run(look()) > 30


def test_a_dead_line_is_told_and_the_next_command_is_right(desk: Callable[..., Rig], framing: str) -> None:
    at = desk({"framing": framing})
    at.set(100)
    at.bench.inject("instrument", "hang")
    with pytest.raises(InstrumentTimeout):
        at.read()
    at.bench.wire("instrument").mend()
    assert at.read()["flow_mL_min"] == pytest.approx(100, abs=1)


def test_a_lost_line_is_opened_again(desk: Callable[..., Rig]) -> None:
    at = desk()
    at.set(100)
    for _ in range(3):
        at.bench.inject("instrument", "disconnect")
    with pytest.raises(InstrumentDisconnected):
        at.read()
    at.bench.wire("instrument").mend()
    assert at.set(20)["setpoint_mL_min"] == pytest.approx(20)


def test_another_instrument_on_the_cable_is_not_spoken_to(desk: Callable[..., Rig]) -> None:
    at = desk()
    at.set(100)
    at.far.parameters[113, 3] = type(at.far.parameters[113, 3])("s", lambda: "M999")
    at.bench.inject("instrument", "drop")
    with pytest.raises(WrongInstrument, match="another instrument answers: 'M999'"):
        at.set(50)
    assert at.far.setpoint == pytest.approx(100)
