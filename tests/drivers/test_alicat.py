"""The Alicat driver on its simulator in virtual time: every verb, limits, faults of line and apparatus."""

from __future__ import annotations

import asyncio
import functools
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import pytest

from autolab.drivers.alicat import FlowController
from autolab.drivers.instrument import OphydInstrument
from autolab.drivers.testing import TRIGGER, DriverContract, ScriptedChannel
from autolab.model.actions import Intent
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

KEY = "alicat.FlowController"


def met(rigs: Callable[..., Rig], clock: Clock, settings: dict[str, Any] | None = None, **options: Any) -> Rig:
    return rigs(KEY, FlowController, clock, name="gas", settings={"unit": "SCCM", **(settings or {})}, options=options)


def flow(at: Rig) -> float:
    """What truly flows, mL/min."""
    return float(at.look().body.flow)


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
        return 50.0


class TestMeterContract(TestContract):
    @pytest.fixture
    def instrument(self, virtual: Clock, rigs: Callable[..., Rig]) -> Iterator[OphydInstrument]:
        made = met(rigs, virtual, {"kind": "meter"}).device
        with virtual.running():
            virtual.start()
            yield made
        made.disconnect()

    @pytest.fixture
    def command(self) -> object:
        return TRIGGER


def test_a_flow_arrives_and_stays(desk: Callable[..., Rig]) -> None:
    at = desk()
    result = at.set(100)
    assert abs(result["flow_mL_min"] - 100) <= 5
    assert result["setpoint_mL_min"] == 100
    assert result["seconds"] >= 2.0
    assert (result["gas"], result["status"]) == ("N2", "")
    assert flow(at) == pytest.approx(100, abs=0.5)
    assert at.device.locate() == {"setpoint": 100.0, "readback": pytest.approx(100, abs=5)}


@pytest.mark.parametrize("value", [0, "closed"])
def test_zero_and_closed_close(desk: Callable[..., Rig], value: object) -> None:
    at = desk({"limits": {"flow": [10, 200]}})  # closing is allowed whatever the limits
    at.set(100)
    assert not at.far.is_safe()
    assert at.set(value)["flow_mL_min"] <= 5
    assert at.far.is_safe()


def test_samples_are_carried_out(desk: Callable[..., Rig]) -> None:
    at = desk()
    for value in at.device.samples():
        at.set(value)


def test_litres_are_converted_at_the_wire(desk: Callable[..., Rig]) -> None:
    at = desk({"unit": "SLPM"}, full_scale=5.0, decimals=3)
    assert at.set(1234)["setpoint_mL_min"] == pytest.approx(1234)
    assert at.far.setpoint == 1.234
    assert at.device.full_scale.get() == 5000


@pytest.mark.parametrize(
    ("unit", "per"), [("SmL/s", 60), ("NmL/m", 1), ("SL/s", 60000), ("NL/h", 1000 / 60), ("NLPM", 1000), ("SCCS", 60)]
)
def test_other_units(desk: Callable[..., Rig], unit: str, per: float) -> None:
    at = desk({"unit": unit}, full_scale=round(500 / per, 6), decimals=6)
    assert at.set(120)["setpoint_mL_min"] == pytest.approx(120, abs=at.device.step)
    assert flow(at) * per == pytest.approx(120, abs=5)


@pytest.mark.parametrize("value", [-1, float("nan"), True, "open", None, 501])
def test_what_must_not_be_sent_is_not(desk: Callable[..., Rig], value: object) -> None:
    at = desk()
    at.device.connect()
    with pytest.raises(OutsideLimits, match="nothing was sent"):
        at.device.set(value)


def test_the_full_scale_is_checked_even_if_it_is_met_only_now(desk: Callable[..., Rig]) -> None:
    at = desk()
    with pytest.raises(OutsideLimits, match="501 mL/min is more than its full scale, 500"):
        at.set(501)


def test_limits_of_the_lab(desk: Callable[..., Rig]) -> None:
    with pytest.raises(OutsideLimits, match=r"flow 150 mL/min is outside the limits 0\.\.100"):
        desk({"limits": {"flow": [0, 100]}}).device.set(150)


def test_readings(desk: Callable[..., Rig]) -> None:
    at = desk(totaliser=True)
    at.set(60)
    at.wait(60)
    told = at.read()
    assert told["flow_mL_min"] == pytest.approx(60, abs=0.1)
    assert at.device.total.get() == pytest.approx(62, abs=2)
    assert at.device.temperature.get() == 21.89
    with pytest.raises(Refused, match="is not reset with a set point of 60 mL/min"):
        at.clock.run(at.device.do_reset_totaliser())
    at.set(0)
    at.clock.run(at.device.do_reset_totaliser())
    assert at.device.total.get() < 1


def test_a_totaliser_is_reset_only_where_there_is_one_and_nothing_flows(desk: Callable[..., Rig]) -> None:
    at = desk()
    with pytest.raises(Refused, match="has no totaliser"):
        at.clock.run(at.device.do_reset_totaliser())


def test_a_meter_that_counts_is_not_reset_in_the_flow(desk: Callable[..., Rig]) -> None:
    at = desk({"kind": "meter"}, totaliser=True)
    at.far.body.asked = at.far.body.flow = 40.0
    at.wait(60)
    with pytest.raises(Refused, match="40 mL/min flow: its totaliser is reset only while nothing flows"):
        at.clock.run(at.device.do_reset_totaliser())
    at.far.body.asked = at.far.body.flow = 0.0
    at.clock.run(at.device.do_reset_totaliser())
    assert at.device.total.get() == 0


def test_a_total_that_stays_is_told(desk: Callable[..., Rig]) -> None:
    at = desk(totaliser=True)
    at.set(60)
    at.wait(60)
    at.set(0)
    old = at.far._old
    at.far._old = lambda word, argument: at.far._frame() if word == "T" else old(word, argument)
    with pytest.raises(Refused, match="its total stays"):
        at.clock.run(at.device.do_reset_totaliser())


def test_a_meter_only_reads(desk: Callable[..., Rig]) -> None:
    at = desk({"kind": "meter"}, totaliser=True)
    at.far.body.asked = 40.0
    at.wait(10)
    assert at.read() == {"flow_mL_min": 40.0, "gas": "N2", "status": ""}
    with pytest.raises(OutsideLimits, match="this is a meter"):
        at.device.set(10)
    at.device.make_safe()


# ---- who it is


def test_identity(desk: Callable[..., Rig]) -> None:
    assert desk().device.identify() == {
        "model": "MC-500SCCM-D",
        "firmware": "10v20.0-R24 Jan 9 2025,15:04:07",
        "serial_number": "521641",
    }


def test_a_wrong_serial_number_or_unit_is_refused(desk: Callable[..., Rig]) -> None:
    with pytest.raises(WrongInstrument, match="521641 answers, wanted is 1"):
        desk({"serial_number": "1"}).device.connect()
    with pytest.raises(WrongInstrument, match="in SLPM, the settings say SCCM"):
        desk(unit="SLPM").device.connect()


def test_it_must_control_mass_flow(desk: Callable[..., Rig]) -> None:
    at = desk()
    at.far.point = 34
    with pytest.raises(WrongInstrument, match="controls variable 34"):
        at.device.connect()


def test_old_firmware_is_believed_but_needs_its_full_scale(desk: Callable[..., Rig]) -> None:
    with pytest.raises(Refused, match="say `full_scale_mL_min`"):
        desk(modern=False).device.connect()
    at = desk({"full_scale_mL_min": 500}, modern=False)
    assert at.device.identify()["serial_number"] is None
    assert at.set(20)["setpoint_mL_min"] == 20


def test_letters_of_a_bus(virtual: Clock) -> None:
    assert FlowController("gas", address="memory://b?bus=2", clock=virtual, unit="SCCM").unit == "C"
    with pytest.raises(InputError, match="bus=26 is no unit letter"):
        FlowController("gas", address="memory://b?bus=26", clock=virtual, unit="SCCM")


def test_two_units_on_a_line(virtual: Clock) -> None:
    lab: Any = {
        "instruments": {
            name: {"driver": KEY, "address": f"memory://bus?bus={bus}", "unit": "SCCM"}
            for name, bus in (("one", 0), ("two", 25))
        }
    }
    bench = Bench(lab, clock=virtual)
    both = [
        FlowController(name, address=f"memory://bus?bus={bus}", clock=virtual, channel=bench.channel(name), unit="SCCM")
        for name, bus in (("one", 0), ("two", 25))
    ]
    with virtual.running():
        statuses = [device.set(flow) for device, flow in zip(both, (100, 200), strict=True)]
        for status in statuses:
            status.wait(10)
    assert [bench.instrument(name).setpoint for name in ("one", "two")] == [100, 200]
    for device in both:
        device.disconnect()


def test_connecting_changes_nothing(desk: Callable[..., Rig]) -> None:
    at = desk()
    at.far.setpoint = at.far.body.asked = 77.0
    at.device.connect()
    at.wait(5)
    assert [at.far.setpoint, flow(at)] == pytest.approx([77.0, 77.0])


# ---- halt and safety


def test_halt_in_mid_change_closes(desk: Callable[..., Rig]) -> None:
    at = desk()
    status = at.device.set(100)
    at.wait(0.6)
    at.device.halt()
    assert isinstance(status.exception(1), InDoubt)
    assert at.far.is_safe()
    at.wait(5)
    assert flow(at) < 0.1
    assert at.set(20)["setpoint_mL_min"] == 20


def test_make_safe_in_mid_change_sees_that_nothing_flows(desk: Callable[..., Rig]) -> None:
    at = desk(tau_s=3.0)
    at.device.set(400)
    at.wait(5)
    at.device.make_safe()
    assert at.far.is_safe()
    assert flow(at) <= 5


def test_a_valve_that_leaks_is_told(desk: Callable[..., Rig]) -> None:
    at = desk()
    at.far.body.offset = 60.0
    with pytest.raises(InstrumentAlarm, match="60 mL/min still flow"):
        at.device.make_safe()


def test_making_safe_cancels_a_hold(desk: Callable[..., Rig]) -> None:
    at = desk()
    at.set(100)
    at.far._hold("position")
    with pytest.raises(InstrumentAlarm, match="HLD: its valve is held"):
        at.set(50)
    at.device.make_safe()
    assert at.far.held == ""
    assert flow(at) == pytest.approx(0, abs=5)


# ---- what can be wrong with the apparatus


def test_an_empty_bottle_is_an_alarm_and_the_valve_is_closed(desk: Callable[..., Rig]) -> None:
    at = desk(supply=30.0)
    with pytest.raises(
        InstrumentAlarm, match=r"did not stay within 5 mL/min of 100 mL/min.*30 mL/min.*the bottle's valve"
    ):
        at.set(100)
    assert at.far.is_safe()


def test_an_analog_source_is_refused(desk: Callable[..., Rig]) -> None:
    with pytest.raises(Refused, match="does not take 100 mL/min: its set point reads 0"):
        desk(analog=True).set(100)


def test_over_range_is_not_believed(desk: Callable[..., Rig]) -> None:
    at = desk()
    at.device.connect()
    at.far.body.offset = 700.0
    with pytest.raises(InstrumentAlarm, match="MOV: mass flow is over the range"):
        at.read()


def test_over_range_for_a_moment_is_waited_for(desk: Callable[..., Rig]) -> None:
    at = desk(tau_s=2.0)
    at.far.body.flow = 700.0  # a gush, when the bottle was opened
    assert at.set(100)["flow_mL_min"] == pytest.approx(100, abs=5)


def test_over_range_for_ever_closes_the_valve(desk: Callable[..., Rig]) -> None:
    at = desk({"timeout_s": 20})
    at.far.body.offset = 700.0
    with pytest.raises(InstrumentAlarm, match=r"MOV: .*not to be believed. It was closed"):
        at.set(100)
    assert at.far.is_safe()
    with pytest.raises(InstrumentAlarm, match=r"still flow.*MOV"):
        at.device.make_safe()


def test_a_failed_converter_is_told(desk: Callable[..., Rig]) -> None:
    with pytest.raises(InstrumentAlarm, match="ADC: its converter has failed"):
        desk(broken=True).read()


def test_power_lost_is_told_once_and_the_flow_can_be_set_again(desk: Callable[..., Rig]) -> None:
    at = desk()
    at.set(100)
    at.far.power_cycle()
    with pytest.raises(InstrumentAlarm, match="reads 0 instead of 100 mL/min: its power was interrupted"):
        at.read()
    assert at.read()["setpoint_mL_min"] == 0
    assert at.set(100)["setpoint_mL_min"] == 100


def test_power_lost_in_mid_change_is_an_alarm(desk: Callable[..., Rig]) -> None:
    at = desk(tau_s=5.0)
    status = at.device.set(100)
    at.wait(3)
    at.far.power_cycle()
    with pytest.raises(InstrumentAlarm, match="power was interrupted"):
        at.done(status)


def test_a_gas_that_is_not_wanted_is_an_alarm_until_it_is_chosen(desk: Callable[..., Rig]) -> None:
    at = desk({"gas": "Ar"}, gas="N2")
    with pytest.raises(InstrumentAlarm, match="measures for N2, wanted is Ar"):
        at.read()
    with pytest.raises(InstrumentAlarm, match="measures for N2, wanted is Ar"):
        at.set(10)
    assert at.far.setpoint == 0
    at.device.make_safe()
    at.set("closed")
    at.clock.run(at.device.do_gas("Ar"))
    assert at.read()["gas"] == "Ar"
    with pytest.raises(OutsideLimits, match="is no gas that is known here"):
        at.clock.run(at.device.do_gas("Xy"))


def test_taring_needs_a_closed_valve(desk: Callable[..., Rig]) -> None:
    at = desk(drift=1.0)
    at.set(100)
    with pytest.raises(Refused, match="close it first"):
        at.clock.run(at.device.do_tare())
    at.wait(180)
    at.set(0)
    at.clock.run(at.device.do_tare())
    assert abs(at.read()["flow_mL_min"]) < 0.1


def test_keys_are_locked_and_freed(desk: Callable[..., Rig]) -> None:
    at = desk()
    at.clock.run(at.device.do_lock(locked=True))
    assert at.read()["status"] == "LCK"
    at.clock.run(at.device.do_lock(locked=False))
    assert at.read()["status"] == ""
    at.far._hold("closed")
    at.clock.run(at.device.do_release())
    assert at.far.held == ""


def test_what_became_of_a_set_point(desk: Callable[..., Rig]) -> None:
    at = desk()
    at.set(100)
    for value, verdict in ((100.0, "partial"), (50.0, "not"), ("closed", "not")):
        intent = Intent("gas", "set", value, "idempotent")
        assert at.clock.run(at.device.do_reconcile(intent)).verdict == verdict
    assert at.clock.run(at.device.do_reconcile(Intent("gas", "trigger", None, "read"))).verdict == "not"
    assert at.device.action_class("set", 1.0) == "idempotent"


# ---- what can be wrong with the line


@pytest.mark.parametrize("nth", [1, 2, 3])
@pytest.mark.parametrize("kind", ["drop", "late", "garble"])
def test_one_bad_reply_is_overcome_and_the_reading_is_right(desk: Callable[..., Rig], kind: Any, nth: int) -> None:
    at = desk()
    at.set(100)
    at.wait(5)
    at.bench.inject("instrument", kind, nth=nth)
    assert at.read()["flow_mL_min"] == pytest.approx(100, abs=0.01)
    at.far._set(200)
    at.device.target = None
    at.wait(5)
    assert at.read()["flow_mL_min"] == pytest.approx(200, abs=0.01)


@pytest.mark.parametrize("reply", ["version", "frame"])
@pytest.mark.parametrize("how", ["late", "twice"])
@pytest.mark.parametrize("delay", [0.005 * step for step in range(1, 40)] + [0.45, 0.5, 0.55, 0.6, 0.7, 1.1])
def test_a_reply_that_comes_late_or_twice_is_never_believed(virtual: Clock, reply: str, how: str, delay: float) -> None:
    """One reply comes so, and overtakes others: what is read must have been asked for now."""
    counts, first = {b"AVE\r": 0, b"A\r": 0}, 10**9

    def answer(data: bytes) -> list[Any]:
        if data not in counts:
            return [(0.015, b"?\r")]
        counts[data] += 1
        flow = counts[b"A\r"]
        said = b"A   5v12.0\r" if data == b"AVE\r" else b"A +014.62 +021.89 +000.00 %+07.2f +000.00 N2\r" % flow
        if counts[data] != first + 2 or (data == b"A\r") != (reply == "frame"):
            return [(0.015, said)]
        return [(0.015 + delay, said)] if how == "late" else [(0.015, said), (0.015 + delay, said)]

    channel = ScriptedChannel(answer, clock=virtual)
    device = FlowController(
        "gas", address="memory://a", clock=virtual, channel=channel, unit="SCCM", full_scale_mL_min=500
    )

    async def look() -> int:
        nonlocal first
        seen, first = 0, counts[b"AVE\r" if reply == "version" else b"A\r"]
        for pause in 5 * (0.0, 0.0, 0.01, 0.0, 0.03, 0.0, 0.3):
            before = counts[b"A\r"]
            try:
                await device.look()
            except LinkError:
                continue
            assert before < device.flow.get() <= counts[b"A\r"]
            seen += 1
            await asyncio.sleep(pause)
        return seen

    virtual.run(device.do_connect())
    assert virtual.run(look()) > 10
    device.disconnect()


def test_a_dead_line_is_told_and_the_next_command_is_right(desk: Callable[..., Rig]) -> None:
    at = desk()
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
    assert at.set(20)["setpoint_mL_min"] == 20
