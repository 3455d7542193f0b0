"""The Reglo ICC: bytes from the sheet and the maker's manuals, then the driver on its simulator in virtual time."""

from __future__ import annotations

import asyncio
import functools
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autolab.drivers import ismatec_protocol as wire
from autolab.drivers.ismatec import RegloICC
from autolab.drivers.ismatec_settings import RegloICCSettings
from autolab.drivers.testing import TRIGGER, DriverContract, play
from autolab.model.actions import Intent
from autolab.model.clock import Clock
from autolab.model.errors import (
    GarbledReply,
    InDoubt,
    InputError,
    InstrumentAlarm,
    InstrumentError,
    InstrumentTimeout,
    LinkError,
    OutsideLimits,
    Refused,
    WrongInstrument,
)
from autolab.model.roles import Dispense, Withdraw

if TYPE_CHECKING:
    from tests.drivers.conftest import Rig

SERIAL = "A123456789"
GUARD = [(">", b"1xS\r"), ("<", b"A123456789\r\n")]


# ---- bytes ---------------------------------------------------------------------------------------------------------


def test_numbers_are_packed_as_the_manual_has_it() -> None:
    assert (wire.pack(0.012), wire.pack(1.0), wire.pack(99.996)) == ("1200-2", "1000+0", "1000+2")
    assert play(wire.number("1f", SERIAL), [(">", b"1f\r"), ("<", b"1200E-2\r\n"), *GUARD]) == 0.012
    for value in (0.0, -1.0, 1e-12, 1e12):
        with pytest.raises(ValueError, match="cannot be sent"):
            wire.pack(value)


@given(st.floats(1e-8, 1e8))
def test_packed_numbers_keep_four_digits(value: float) -> None:
    assert wire.unpack(wire.pack(value)) == pytest.approx(value, rel=6e-4)


def test_a_number_is_set_and_read_back() -> None:
    transcript = [(">", b"2v5000-1\r"), ("<", b"5000E-1\r\n"), (">", b"2v\r"), ("<", b"5000E-1\r\n"), *GUARD]
    assert play(wire.put_number(2, "v", 0.5, SERIAL), transcript) == 0.5
    transcript[3] = ("<", b"4000E-1\r\n")
    with pytest.raises(GarbledReply, match="reads back"):
        play(wire.put_number(2, "v", 0.5, SERIAL), transcript)


def test_a_hose_is_set_and_read_back() -> None:
    transcript = [(">", b"1+0152\r"), ("<", b"*"), (">", b"1+\r"), ("<", b"1.52 mm\r\n"), *GUARD]
    play(wire.put("1+", "0152", "1.52 mm", SERIAL), transcript)
    assert play(wire.tubing(1, SERIAL), [(">", b"1+\r"), ("<", b"0.19 mm\r\n"), *GUARD]) == 0.19


def test_the_highest_flow() -> None:
    assert play(wire.most(1, SERIAL), [(">", b"1!\r"), ("<", b"0.138 ml/min\r\n"), *GUARD]) == 0.138


@pytest.mark.parametrize(
    ("answer", "volume", "digit"),
    [(b"4.983 ml\r\n", 4.983, 1e-3), (b"50.00 ul\r\n", 0.05, 1e-5), (b"1.500 l\r\n", 1500.0, 1.0)],
)
def test_the_counter_and_its_last_digit(answer: bytes, volume: float, digit: float) -> None:
    found = play(wire.trip(1, SERIAL), [(">", b"1:\r"), ("<", answer), *GUARD])
    assert found[0] == pytest.approx(volume)
    assert found[1] == pytest.approx(digit)


@pytest.mark.parametrize(("answer", "runs"), [(b"+", True), (b"-", False)])
def test_running(answer: bytes, runs: bool) -> None:
    assert play(wire.running(1, SERIAL), [(">", b"1E\r"), ("<", answer), *GUARD]) is runs


def test_a_start_that_is_refused_says_why() -> None:
    play(wire.start(1, SERIAL), [(">", b"1H\r"), ("<", b"*"), *GUARD])
    for cause, why in (
        (b"R 1386E-1", r"more than 0\.1386 mL/min"),
        (b"C 0000E+1", "cycle count"),
        (b"V 8308E+3", "8308 mL"),
    ):
        transcript = [(">", b"1H\r"), ("<", b"-"), (">", b"1xe\r"), ("<", cause + b"\r\n"), *GUARD]
        with pytest.raises(Refused, match=why):
            play(wire.start(1, SERIAL), transcript)


def test_a_late_answer_to_an_earlier_question_is_not_believed() -> None:
    with pytest.raises(GarbledReply, match="late answer to an earlier question"):
        play(wire.trip(2, SERIAL), [(">", b"2:\r"), ("<", b"1.000 ml\r\n"), (">", b"1xS\r"), ("<", b"0.000 ul\r\n")])
    with pytest.raises(GarbledReply, match="instead of a line"):
        play(wire.trip(2, SERIAL), [(">", b"2:\r"), ("<", b"*")])
    with pytest.raises(GarbledReply, match="instead of a sign"):
        play(wire.running(2, SERIAL), [(">", b"2E\r"), ("<", b"1.000 ml\r\n")])
    with pytest.raises(GarbledReply, match="instead of '\\+' or '-'"):
        play(wire.running(2, SERIAL), [(">", b"2E\r"), ("<", b"*"), *GUARD])
    with pytest.raises(GarbledReply, match="instead of '\\*'"):
        play(wire.order("2W"), [(">", b"2W\r"), ("<", b"+")])


@pytest.mark.parametrize("answer", [b"1,000 ml\r\n", b"1.000\r\n", b"nan ml\r\n", b"\r\n", b"1.0 m\xffl\r\n"])
def test_what_is_no_volume_is_refused(answer: bytes) -> None:
    with pytest.raises(GarbledReply):
        play(wire.trip(1, SERIAL), [(">", b"1:\r"), ("<", answer), *GUARD])


def test_a_refusal_is_told() -> None:
    with pytest.raises(Refused, match="refused '1\\+0150'"):
        play(wire.order("1+0150"), [(">", b"1+0150\r"), ("<", b"#")])
    with pytest.raises(Refused, match="refused '1xS'"):
        play(wire.serial_number(), [(">", b"1xS\r"), ("<", b"#")])


@pytest.mark.parametrize(
    ("frame", "event"),
    [
        (b"^U1|A|100|0|0\r\n", ("U", 1)),
        (b"^X4|A\r\n", ("X", 4)),
        (b"^X2\r\n", ("X", 2)),
        (b"*", None),
        (b"^Y1\r\n", None),
        (b"1.52 mm\r\n", None),
        (b"*^X2|A\r\n", None),
    ],
)
def test_events(frame: bytes, event: tuple[str, int] | None) -> None:
    assert wire.event(frame) == event


# ---- on its simulator ----------------------------------------------------------------------------------------------


def met(rigs: Callable[..., Rig], clock: Clock, options: dict[str, Any] | None = None, **settings: Any) -> Rig:
    return rigs("ismatec.RegloICC", RegloICC, clock, name="pump", settings=settings, far_settings={}, options=options)


def moved(rig: Rig) -> list[tuple[str, str, float]]:
    return [(entry.instrument, entry.direction, entry.volume) for entry in rig.bench.ledger]


@pytest.fixture
def make(virtual: Clock, rigs: Callable[..., Rig]) -> Callable[..., Rig]:
    return functools.partial(met, rigs, virtual)


@pytest.fixture
def rig(make: Callable[..., Rig]) -> Rig:
    made = make()
    made.device.connect()
    return made


def test_it_is_met_without_moving_anything(make: Callable[..., Rig]) -> None:
    rig = make({"events": True})
    assert rig.device.identify() == {"model": "REGLO ICC", "firmware": "0208", "serial_number": SERIAL, "channels": 4}
    assert not rig.far.events
    assert float(rig.device.ch1.tubing.get()) == 1.52
    assert float(rig.device.ch1.most.get()) == pytest.approx(13.83)
    assert moved(rig) == []


def test_channels_dispense_and_draw_in(rig: Rig) -> None:
    result = rig.set(Dispense(2.0, 8.0), "ch1")
    assert result == {
        "volume_mL": 2.0, "requested_mL": 2.0, "commanded_mL": 2.0, "rate_mL_min": 8.0,
        "seconds": pytest.approx(15.0, abs=0.6),
    }  # fmt: skip
    assert rig.set(Withdraw(0.5, 5.0), "ch3")["volume_mL"] == 0.5
    assert moved(rig) == [("instrument.ch1", "dispense", 2.0), ("instrument.ch3", "withdraw", 0.5)]
    assert rig.device.ch1.locate() == {"setpoint": 2.0, "readback": 2.0}
    assert rig.read("ch1") == {"running": False, "counter_mL": 2.0}
    assert rig.read()["ch3"] == {"running": False, "counter_mL": 0.5}
    assert rig.device.read()["pump_ch1_volume"]["value"] == 2.0


def test_channels_run_at_the_same_time(rig: Rig) -> None:
    async def both() -> list[Any]:
        statuses = [rig.device.ch1.set(Dispense(1.0, 6.0)), rig.device.ch2.set(Withdraw(0.5, 2.0))]
        while not all(status.done for status in statuses):
            await asyncio.sleep(0.5)
        return [status.result["volume_mL"] for status in statuses]

    begun = rig.clock.now()
    assert rig.clock.run(both()) == [1.0, 0.5]
    assert rig.clock.now() - begun < 20.0


def test_direction_and_hose_are_the_lab_files(make: Callable[..., Rig]) -> None:
    rig = make(channels={"ch2": {"tubing_mm": 0.51, "dispense": "ccw"}})
    assert rig.set(Dispense(0.1, 1.0), "ch2")["volume_mL"] == 0.1
    assert not rig.far.channels[2].settings.clockwise
    assert rig.far.channels[2].settings.tube == 0.51
    assert moved(rig) == [("instrument.ch2", "withdraw", 0.1)]  # to the simulator, clockwise pushes


def test_numbers_have_four_digits(rig: Rig) -> None:
    result = rig.set(Dispense(0.123456, 3.14159), "ch1")
    assert (result["requested_mL"], result["commanded_mL"], result["rate_mL_min"]) == (0.123456, 0.1235, 3.142)


def test_a_calibration_is_kept(rig: Rig) -> None:
    rig.far.channels[1].settings.factor = 0.9
    assert rig.set(Dispense(1.0, 6.0), "ch1")["volume_mL"] == 1.0
    assert rig.far.channels[1].settings.factor == 0.9
    with pytest.raises(OutsideLimits, match=r"more than the 12\.45 mL/min of this hose"):
        rig.device.ch1.set(Dispense(1.0, 13.0))


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (Dispense(1.0, 20.0), "of this hose"),
        (Dispense(0.0, 1.0), "must be positive numbers"),
        (Dispense(float("inf"), 1.0), "must be positive numbers"),
        (Dispense(1e-12, 1.0), "cannot be sent"),
        (Dispense(3.0, 1.0), r"volume 3 mL is outside the limits 0\.01..2 mL"),
        ("go", "no command of a pump"),
    ],
)
def test_what_must_not_be_sent_is_not(make: Callable[..., Rig], value: object, message: str) -> None:
    rig = make(limits={"volume": (0.01, 2.0)} if "limits" in message else {})
    rig.device.connect()
    with pytest.raises(OutsideLimits, match=message):
        rig.device.ch1.set(value)


def test_a_rate_is_refused_once_the_pump_was_asked(make: Callable[..., Rig]) -> None:
    rig = make()
    assert isinstance(rig.failed(Dispense(1.0, 20.0), "ch1"), OutsideLimits)
    assert isinstance(rig.failed(Dispense(1.0, 1e-6), "ch1"), Refused)  # slower than it turns: the pump's own word
    assert moved(rig) == []


def test_a_channel_that_is_not_there_refuses(make: Callable[..., Rig]) -> None:
    rig = make({"channels": 2})
    rig.device.connect()
    with pytest.raises(OutsideLimits, match="has 2 channels"):
        rig.device.ch3.set(Dispense(1.0, 1.0))
    assert set(rig.read()) == {"ch1", "ch2"}


def test_the_whole_is_not_set(rig: Rig) -> None:
    with pytest.raises(OutsideLimits, match=r"set pump\.ch1"):
        rig.device.set(Dispense(1.0, 1.0))


def test_another_pump_is_refused(make: Callable[..., Rig]) -> None:
    with pytest.raises(WrongInstrument, match="wanted is 'B1'"):
        make(serial_number="B1").device.connect()
    rig = make()
    rig.device.connect()
    rig.far.serial = "B2"
    rig.bench.inject("instrument", "drop")
    with pytest.raises(InstrumentError):
        rig.device.identify()
    with pytest.raises(WrongInstrument, match="another instrument answers"):
        rig.device.identify()


def test_a_bus_address_is_refused(virtual: Clock) -> None:
    with pytest.raises(InputError, match="leave"):
        RegloICC("pump", address="memory://x?bus=1", clock=virtual)


def test_settings_are_checked() -> None:
    with pytest.raises(ValueError, match="limits of volume"):
        RegloICCSettings(limits={"volume": (-1, 2)})
    with pytest.raises(ValueError, match="tubing"):
        RegloICCSettings.model_validate({"channels": {"ch1": {"tubing": 1}}})


def test_a_hose_that_the_pump_does_not_know_is_refused(make: Callable[..., Rig]) -> None:
    rig = make(channels={"ch1": {"tubing_mm": 1.5}})
    assert isinstance(rig.failed(Dispense(1.0, 1.0), "ch1"), Refused)


# ---- halting, events, losing power ---------------------------------------------------------------------------------


@pytest.mark.parametrize("stop", ["halt", "make_safe"])
def test_all_channels_are_stopped_in_mid_motion(rig: Rig, stop: str) -> None:
    statuses = [rig.begin(Dispense(4.0, 4.0), part="ch1"), rig.begin(Dispense(4.0, 4.0), part="ch4")]
    rig.wait(30.0)
    assert rig.bench.is_safe() == {"instrument": False}
    getattr(rig.device, stop)()
    assert rig.bench.is_safe() == {"instrument": True}
    assert all(isinstance(status.exception(), InDoubt) for status in statuses)
    assert rig.set(Withdraw(0.5, 6.0), "ch1")["volume_mL"] == 0.5


def test_one_channel_is_stopped_alone(rig: Rig) -> None:
    rig.begin(Dispense(4.0, 4.0), part="ch1")
    other = rig.begin(Dispense(1.0, 4.0), part="ch2")
    rig.wait(5.0)
    rig.device.ch1.halt()
    rig.wait(30.0)
    assert other.result["volume_mL"] == 1.0


def test_events_are_taken_wherever_they_come(rig: Rig) -> None:
    rig.far.events = True  # somebody has turned them on
    for volume in (0.5, 0.1):
        assert rig.set(Dispense(volume, 6.0), "ch1")["volume_mL"] == volume
    rig.do(lambda: rig.far.channels[2].start())
    rig.do(lambda: rig.far.say(b"^U2|A|100|0|0\r\n"))
    rig.wait(0.1)
    rig.read("ch1")
    assert rig.device.ch2.running.get() is True
    rig.do(lambda: rig.far.say(b"^X2|A\r\n"))
    rig.wait(0.1)
    rig.read("ch1")
    assert rig.device.ch2.running.get() is False


def test_somebody_at_the_panel_is_noticed(rig: Rig) -> None:
    status = rig.begin(Dispense(2.0, 6.0), part="ch1")
    rig.wait(5.0)
    rig.do(rig.far.channels[1].stop)
    rig.wait(30.0)
    assert isinstance(status.exception(), InstrumentAlarm)
    assert "halted, or used by somebody else" in str(status.exception())


def test_a_channel_that_runs_by_itself_is_not_started(rig: Rig) -> None:
    rig.far.channels[1].settings.mode = "L"
    rig.do(rig.far.channels[1].start)
    assert "runs though nobody asked" in str(rig.failed(Dispense(1.0, 6.0), "ch1"))


def test_rollers_that_do_not_turn_are_a_timeout_and_stopped(make: Callable[..., Rig]) -> None:
    rig = make({"stuck": 1})
    error = rig.failed(Dispense(1.0, 6.0), "ch1")
    assert isinstance(error, InstrumentTimeout)
    assert "Do its rollers turn" in str(error)
    assert rig.bench.is_safe() == {"instrument": True}


def test_a_power_cut_in_mid_motion_leaves_the_volume_unknown(rig: Rig) -> None:
    intent = rig.intend(Dispense(2.0, 6.0), "ch1")
    status = rig.begin(Dispense(2.0, 6.0), part="ch1")
    rig.wait(5.0)
    rig.do(rig.far.power_cycle)
    rig.wait(60.0)
    assert isinstance(status.exception(), InstrumentAlarm)
    assert "power of the pump was interrupted" in str(status.exception())
    assert rig.reconcile(intent).verdict == "unknown"
    assert rig.set(Dispense(0.5, 6.0), "ch1")["volume_mL"] == 0.5


def test_a_pump_that_fell_back_to_legacy_mode_is_never_started_so(make: Callable[..., Rig]) -> None:
    rig = make({"legacy": True})
    rig.intend(Dispense(2.0, 6.0), "ch1")
    rig.do(rig.far.power_cycle)
    assert not rig.far.addressing
    assert isinstance(rig.failed(Dispense(2.0, 6.0), "ch1"), InstrumentError)
    assert moved(rig) == []
    assert rig.set(Dispense(0.5, 6.0), "ch1")["volume_mL"] == 0.5
    assert moved(rig) == [("instrument.ch1", "dispense", 0.5)]


def test_settings_can_be_saved_while_it_rests(rig: Rig) -> None:
    rig.clock.run(rig.device.do_save())
    rig.begin(Dispense(2.0, 6.0), part="ch1")
    rig.wait(3.0)
    with pytest.raises(Refused, match=r"ch1 runs"):
        rig.clock.run(rig.device.do_save())


# ---- what is in doubt ----------------------------------------------------------------------------------------------


def test_reconciling_by_the_counter(rig: Rig) -> None:
    intent = rig.intend(Dispense(2.0, 6.0), "ch1")
    assert rig.reconcile(intent).verdict == "not"
    rig.begin(Dispense(2.0, 6.0), part="ch1")
    rig.wait(10.0)
    assert rig.reconcile(intent).verdict == "unknown"  # it still runs
    rig.device.halt()
    found = rig.reconcile(intent)
    assert found.verdict == "partial"
    assert found.amount == pytest.approx(rig.bench.ledger[0].volume, abs=1e-3)
    intent = rig.intend(Withdraw(1.0, 6.0), "ch2")
    rig.set(Withdraw(1.0, 6.0), "ch2")
    assert rig.reconcile(intent).verdict == "happened"
    rig.far.channels[2].hose.total = 1.5
    assert "somebody else" in rig.reconcile(intent).why
    assert rig.reconcile(Intent("pump.ch1", "set", "go", "queryable", {})).verdict == "unknown"


def test_a_new_process_reconciles_what_the_old_one_began(rig: Rig) -> None:
    intent = rig.intend(Dispense(2.0, 6.0), "ch1")
    rig.begin(Dispense(2.0, 6.0), part="ch1")
    rig.wait(5.0)
    rig.device.ch1.end_action()
    rig.device.disconnect()
    rig.device = rig.another()
    rig.device.halt()
    found = rig.reconcile(intent)
    assert found.verdict == "partial"
    assert found.amount == pytest.approx(rig.bench.ledger[0].volume, abs=1e-3)


# ---- faults of the wire --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["drop", "late", "garble", "disconnect"])
@pytest.mark.parametrize("nth", [1, 2, 3, 4, 7, 12, 20, 28, 36, 44, 48, 50, 51, 52, 53, 54, 55, 56, 57, 58, 59, 60])
def test_each_fault_is_overcome_or_told_and_the_next_command_is_right(rig: Rig, kind: Any, nth: int) -> None:
    intent = rig.intend(Dispense(1.0, 6.0), "ch1")
    rig.bench.inject("instrument", kind, nth=nth, **({"seconds": 1.5} if kind == "late" else {}))
    status = rig.act(Dispense(1.0, 6.0), "ch1")
    rig.settle(status, intent, 1.0, 1e-3)
    rig.bench.wire("instrument").faults.clear()
    assert rig.set(Withdraw(0.5, 6.0), "ch1")["volume_mL"] == 0.5
    assert moved(rig)[-1] == ("instrument.ch1", "withdraw", 0.5)


def test_a_start_is_never_sent_twice(rig: Rig) -> None:
    rig.heard.clear()
    for nth in range(1, 70):
        rig.bench.inject("instrument", "drop", nth=nth)
        rig.act(Dispense(0.01, 6.0), "ch1")
        rig.bench.wire("instrument").faults.clear()
        assert rig.heard.count("1H") <= 1
        rig.heard.clear()


@pytest.mark.parametrize("delay", [0.002, 0.006, 0.015])
def test_a_doubled_reply_is_not_believed(make: Callable[..., Rig], delay: float) -> None:
    for nth in range(1, 64):
        rig = make()
        rig.device.connect()
        intent = rig.intend(Dispense(1.0, 6.0), "ch1")
        rig.double(nth, delay)
        status = rig.act(Dispense(1.0, 6.0), "ch1")
        rig.settle(status, intent, 1.0, 1e-3)
        assert rig.set(Withdraw(0.5, 6.0), "ch1")["volume_mL"] == 0.5
        rig.device.disconnect()


def test_a_pump_that_hangs_is_told_and_can_be_used_again(rig: Rig) -> None:
    rig.bench.inject("instrument", "hang")
    assert isinstance(rig.failed(None, "ch1"), LinkError)
    rig.bench.wire("instrument").mend()
    assert rig.set(Dispense(0.5, 6.0), "ch1")["volume_mL"] == 0.5


class PumpContract(DriverContract):
    part = ""

    @pytest.fixture
    def instrument(self, lab_clock: Clock, rigs: Callable[..., Rig]) -> Iterator[Any]:
        with lab_clock.running():
            rig = met(rigs, lab_clock, poll_s=0.1)
            yield rig.part(self.part)
            rig.device.disconnect()


class TestRegloICC(PumpContract):
    @pytest.fixture
    def command(self) -> object:
        return TRIGGER


class TestChannel(PumpContract):
    part = "ch2"

    @pytest.fixture
    def command(self) -> object:
        return Dispense(0.5, 10.0)
