"""The Pump 11 Elite: bytes from the sheet and the makers' manuals, then the driver on its simulator in virtual time."""

from __future__ import annotations

import asyncio
import functools
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autolab.drivers import harvard_protocol as wire
from autolab.drivers.harvard import Elite11
from autolab.drivers.harvard_settings import Elite11Settings
from autolab.drivers.query import ReadUntil
from autolab.drivers.testing import DriverContract, play
from autolab.drivers.wire import Ports
from autolab.model.actions import Intent
from autolab.model.clock import Clock
from autolab.model.errors import (
    GarbledReply,
    InDoubt,
    InputError,
    InstrumentAlarm,
    LinkError,
    OutsideLimits,
    Refused,
    WrongInstrument,
)
from autolab.model.roles import Dispense, Withdraw
from autolab.simulators.bench import Bench

if TYPE_CHECKING:
    from tests.drivers.conftest import Rig

SETTINGS: dict[str, Any] = {"syringe_mm": 14.43, "volume_mL": 10.0, "contents_mL": 5.0}
VER = [(">", b"6ver\r\n"), ("<", b"\n06:11 ELITE I/W Single 3.0.4\r\n06:\x11")]


# ---- bytes ---------------------------------------------------------------------------------------------------------


def test_version() -> None:
    found = play(wire.version(6), VER)
    assert (found.model, found.firmware, found.prompt) == ("11 ELITE I/W Single", "3.0.4", ":")


@pytest.mark.parametrize("prompt", list(wire.STATUSES))
def test_version_tells_what_the_pump_does(prompt: str) -> None:
    frame = f"\n11 ELITE I/W Single 3.0.4\r\n{prompt}\x11".encode()
    assert play(wire.version(0), [(">", b"ver\r\n"), ("<", frame)]).prompt == prompt


@pytest.mark.parametrize(
    ("answer", "value"),
    [
        (b"\n199.49 ul/min\r\n:\x11", 0.19949),
        (b"\n1 ml/min\r\n:\x11", 1.0),
        (b"\r\n25.0404 nl/min\r\n:\x11", 2.50404e-5),
        (b"\n6 ml/hr\r\n:\x11", 0.1),
    ],
)
def test_rates_as_a_legato_tells_them(answer: bytes, value: float) -> None:
    ver = [(">", b"ver\r\n"), ("<", b"\nLEGATO 100 3.0.6\r\n:\x11")]
    query = wire.quantity(0, "irate", "rate")
    assert play(query, [(">", b"irate\r\n"), ("<", answer), *ver]) == pytest.approx(value)


def test_limits_as_the_sheet_has_them() -> None:
    answer = b"\n06:12.7 nl/min to 13.2 ml/min\r\n06:\x11"
    low, high = play(wire.limits(6, "i"), [(">", b"6irate lim\r\n"), ("<", answer), *VER])
    assert low == pytest.approx(12.7e-6)
    assert high == 13.2


def test_a_setting_is_sent_and_read_back() -> None:
    transcript = [
        (">", b"6tvolume 500 ul\r\n"), ("<", b"\n06:\x11"),
        (">", b"6tvolume\r\n"), ("<", b"\n06:0.5 ml\r\n06:\x11"), *VER,
    ]  # fmt: skip
    assert play(wire.put(6, "tvolume", "500 ul", "volume"), transcript) == 0.5


def test_a_setting_that_reads_back_otherwise_is_an_error() -> None:
    transcript = [
        (">", b"6tvolume 500 ul\r\n"), ("<", b"\n06:\x11"),
        (">", b"6tvolume\r\n"), ("<", b"\n06:0.4 ml\r\n06:\x11"), *VER,
    ]  # fmt: skip
    with pytest.raises(GarbledReply, match=r"reads back 0\.4"):
        play(wire.put(6, "tvolume", "500 ul", "volume"), transcript)


def test_a_late_answer_to_an_earlier_question_is_not_believed() -> None:
    with pytest.raises(GarbledReply, match="no name with a version"):
        play(wire.quantity(6, "wvolume", "volume"), [
            (">", b"6wvolume\r\n"), ("<", b"\n06:1.5 ml\r\n06:\x11"),  # of `ivolume`, once more
            (">", b"6ver\r\n"), ("<", b"\n06:0 ul\r\n06:\x11"),
        ])  # fmt: skip


@pytest.mark.parametrize(
    "answer",
    [
        b"\n06:1 ml\r\n06\x11",  # no prompt
        b"\n06:1 ml\r\n:\x11",  # no address
        b"\n07:1 ml\r\n07:\x11",  # of another pump
        b"\n07:1 ml\r\n06:\x11",
        b"\n1 ml\r\n06:\x11",
        b"06:1 ml\r\n06:\x11",  # its beginning is missing
        b"\n06:1 ml/min\r\n06:\x11",  # of another kind
        b"\n06:1,5 ml\r\n06:\x11",
        b"\n06:nan ml\r\n06:\x11",
        b"\n06:-1 ml\r\n06:\x11",
        b"\n06:\x11",
        b"\n06:1 ml\r\n06:2 ml\r\n06:\x11",
        b"\n06:1 \xffl\r\n06:\x11",
    ],
)
def test_what_is_no_answer_to_this_question_is_refused(answer: bytes) -> None:
    with pytest.raises(GarbledReply):
        play(wire.quantity(6, "ivolume", "volume"), [(">", b"6ivolume\r\n"), ("<", answer), *VER])


@given(st.integers(1, 40))
def test_a_reply_is_not_cut_short(cut: int) -> None:
    frame = b"\n06:1 ml\r\n06:2 ml\r\n06T*\x11"
    assert ReadUntil(wire.XON).end(frame[: min(cut, len(frame) - 1)]) == 0
    assert ReadUntil(wire.XON).end(frame + b"\n06:\x11") == len(frame)


@pytest.mark.parametrize(
    "text", ["Argument error: 11\r\n06:   Out of range", "Command error: wrun\r\n06:   Unknown command"]
)
def test_errors_are_told_in_the_pumps_words(text: str) -> None:
    with pytest.raises(Refused, match=text.split("\r\n06:   ", maxsplit=1)[1]):
        play(wire.order(6, "wrun"), [(">", b"6wrun\r\n"), ("<", f"\n06:{text}\r\n06:\x11".encode())])


def test_a_run_must_show_its_own_prompt() -> None:
    assert play(wire.run(6, "i"), [(">", b"6irun\r\n"), ("<", b"\n06>\x11")]) == ">"
    assert play(wire.run(6, "w"), [(">", b"6wrun\r\n"), ("<", b"\n06T*\x11")]) == "T*"
    for prompt in (b"<", b":", b"*"):
        with pytest.raises(GarbledReply, match="behind irun"):
            play(wire.run(6, "i"), [(">", b"6irun\r\n"), ("<", b"\n06" + prompt + b"\x11")])


def test_an_echo_is_passed_over() -> None:
    assert play(wire.force(0), [
        (">", b"force\r\n"), ("<", b"\nforce\r\n30%\r\n:\x11"),
        (">", b"ver\r\n"), ("<", b"\nver\r\nLEGATO 100 v3.0.6\r\n:\x11"),
    ]) == 30  # fmt: skip


def test_the_serial_number_is_told_by_some() -> None:
    legato = b"\nFirmware:      v3.0.6\r\nPump address:  0\r\nSerial number: D101754\r\n:\x11"
    assert play(wire.serial_number(0), [(">", b"version\r\n"), ("<", legato)]) == "D101754"
    assert play(wire.serial_number(0), [(">", b"version\r\n"), ("<", b"\nFirmware: v3.0.4\r\n:\x11")]) is None


@given(st.floats(min_value=1e-4, max_value=100.0))
def test_what_is_written_is_read_to_six_digits(number: float) -> None:
    for text, kind in ((wire.volume_text(number), "volume"), (wire.rate_text(number), "rate")):
        digits, unit = text.split()
        assert wire.value(digits, unit, kind) == pytest.approx(number, rel=1e-5)  # type: ignore[arg-type]  # one of them


# ---- on its simulator ----------------------------------------------------------------------------------------------


def met(
    rigs: Callable[..., Rig], clock: Clock, options: dict[str, Any] | None = None, bus: int = 0, **settings: Any
) -> Rig:
    settings = {**SETTINGS, **settings}
    known = {key: settings[key] for key in SETTINGS}
    return rigs(
        "harvard.Elite11", Elite11, clock, name="pump", settings=settings, far_settings=known, options=options, bus=bus
    )


@pytest.fixture
def make(virtual: Clock, rigs: Callable[..., Rig]) -> Callable[..., Rig]:
    return functools.partial(met, rigs, virtual)


@pytest.fixture
def rig(make: Callable[..., Rig]) -> Rig:
    made = make()
    made.device.connect()
    return made


@pytest.mark.parametrize("bus", [0, 6, 42])
def test_it_is_met_without_moving_anything(make: Callable[..., Rig], bus: int) -> None:
    rig = make(bus=bus)
    assert rig.device.identify() == {"model": "11 ELITE I/W Single", "firmware": "3.0.4", "serial_number": "D101754"}
    assert (rig.far.polling, rig.far.nvram, rig.far.motor.target) == ("on", "none", 0.0)
    assert not len(rig.bench.ledger)


@pytest.mark.parametrize("before", [b"poll remote\r\n", b"echo on\r\n", b"poll on\r\n", b"iru"])
def test_it_is_met_whatever_was_said_before(make: Callable[..., Rig], before: bytes) -> None:
    rig = make()
    channel = rig.bench.channel("instrument")
    channel.open()
    channel.write(before)
    rig.wait(0.2)
    channel.close()
    rig.device.connect()
    assert rig.set(Dispense(0.5, 6.0))["volume_mL"] == 0.5


def test_movements_are_done_when_the_counter_agrees(rig: Rig) -> None:
    result = rig.set(Dispense(2.0, 8.0))
    assert result == {
        "volume_mL": 2.0, "requested_mL": 2.0, "commanded_mL": 2.0, "rate_mL_min": 8.0,
        "seconds": pytest.approx(15.0, abs=0.2), "contents_mL": 3.0, "state": {"contents_mL": 3.0},
    }  # fmt: skip
    assert rig.set(Withdraw(1.5, 5.0))["contents_mL"] == 4.5
    assert rig.device.locate() == {"setpoint": 4.5, "readback": 4.5}
    assert [(entry.direction, entry.volume) for entry in rig.bench.ledger] == [("dispense", 2.0), ("withdraw", 1.5)]
    assert rig.read() == {"status": "at its target", "infused_mL": 0.0, "withdrawn_mL": 1.5, "contents_mL": 4.5}


def test_the_syringe_is_set_where_it_differs(make: Callable[..., Rig]) -> None:
    rig = make({"diameter_mm": 7.0}, force=30)
    assert rig.set(Dispense(0.3, 6.0))["volume_mL"] == 0.3
    assert (rig.far.motor.diameter, rig.far.force) == (14.43, 30)
    assert rig.bench.ledger[0].volume == pytest.approx(0.3)


def test_the_counters_are_cleared_in_prepare_alone(rig: Rig) -> None:
    rig.set(Dispense(1.0, 6.0))
    assert rig.far.motor.moved("i") == pytest.approx(1.0)
    rig.device.halt()
    rig.device.make_safe()
    rig.device.disconnect()
    rig.device.connect()
    assert rig.far.motor.moved("i") == pytest.approx(1.0)
    context = rig.clock.run(rig.device.do_prepare("set", Dispense(1.0, 5.0)))
    assert context == {
        "infused_mL": 0.0,
        "withdrawn_mL": 0.0,
        "contents_mL": 4.0,
        "step_mL": pytest.approx(1.127e-5, rel=1e-3),
    }
    assert rig.far.motor.moved("i") == 0.0
    assert rig.clock.run(rig.device.do_prepare("trigger", None)) == {}


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (Dispense(6.0, 1.0), r"more than the 5 mL that can be pushed out"),
        (Withdraw(6.0, 1.0), r"more than the 5 mL that can be drawn in"),
        (Dispense(1.0, 30.0), r"rate 30 mL/min is outside"),
        (Dispense(1.0, 1e-6), r"rate 1e-06 mL/min is outside"),
        (Dispense(1e-5, 1.0), r"less than ten steps"),
        (Dispense(float("nan"), 1.0), r"must be positive numbers"),
        (Dispense(1.0, 9.0), r"outside the limits 0..8 mL/min"),
        ("go", r"no command of a pump"),
    ],
)
def test_what_must_not_be_sent_is_not(make: Callable[..., Rig], value: object, message: str) -> None:
    rig = make(limits={"rate": (0, 8)} if "limits" in message else {})
    with pytest.raises(OutsideLimits, match=message):
        rig.device.set(value)
    assert not len(rig.bench.ledger)


def test_the_pump_has_the_last_word_on_rates(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(type(rig.far.motor), "range", property(lambda motor: (1e-3, 2.0)))
    assert isinstance(rig.failed(Dispense(1.0, 5.0)), OutsideLimits)
    assert not len(rig.bench.ledger)


def test_a_pump_that_only_infuses_is_not_asked_to_draw_in(make: Callable[..., Rig]) -> None:
    rig = make({"model": "11 ELITE I Single"})
    rig.device.connect()
    with pytest.raises(OutsideLimits, match="cannot draw in"):
        rig.device.set(Withdraw(1.0, 5.0))


@pytest.mark.parametrize("model", ["PHD ULTRA", "Pump 33"])
def test_another_model_must_be_wanted(make: Callable[..., Rig], model: str) -> None:
    with pytest.raises(WrongInstrument, match=model):
        make({"model": model}).device.connect()
    make({"model": model}, model=model).device.connect()


def test_bus_addresses_end_at_99(virtual: Clock) -> None:
    with pytest.raises(InputError, match="bus address 100"):
        Elite11("pump", address="memory://x?bus=100", clock=virtual, **SETTINGS)


def test_settings_are_checked() -> None:
    with pytest.raises(ValueError, match="limits of rate must be 0"):
        Elite11Settings(syringe_mm=10, volume_mL=5, limits={"rate": (-1, 2)})


def test_two_pumps_of_a_chain_run_at_the_same_time(virtual: Clock) -> None:
    where = {"first": "memory://chain?bus=0", "second": "memory://chain?bus=7"}
    lab: Any = {
        "instruments": {name: {**SETTINGS, "driver": "harvard.Elite11", "address": where[name]} for name in where}
    }
    bench, ports = Bench(lab, clock=virtual), Ports(virtual)
    pumps = [
        Elite11(name, address=where[name], clock=virtual, ports=ports, channel=bench.channel(name), **SETTINGS)
        for name in where
    ]

    async def both() -> list[Any]:
        statuses = [pumps[0].set(Dispense(1.0, 6.0)), pumps[1].set(Withdraw(2.0, 6.0))]
        while not all(status.done for status in statuses):
            await asyncio.sleep(0.5)
        return [status.result["contents_mL"] for status in statuses]

    assert virtual.run(both()) == [4.0, 7.0]
    assert {(entry.instrument, entry.volume) for entry in bench.ledger} == {("first", 1.0), ("second", 2.0)}
    for pump in pumps:
        pump.disconnect()


def test_a_virtual_lab_fills_a_beaker_with_it(virtual: Clock) -> None:
    lab: Any = {
        "instruments": {
            "dosing": {
                **SETTINGS, "driver": "harvard.Elite11", "address": "memory://dosing", "stock": "water",
                "refill": "check_valve",
            },
            "balance": {"driver": "mettler_toledo.Balance", "address": "memory://balance"},
        },
        "plumbing": {"dosing": "beaker", "balance": "beaker"},
        "virtual": {"world": "dosing", "vessels": {"beaker": {"volume_mL": 100}}},
    }  # fmt: skip
    bench = Bench(lab, clock=virtual)
    pump = Elite11(
        "dosing", address="memory://dosing", clock=virtual, channel=bench.channel("dosing"), refill="check_valve",
        stock="water", **SETTINGS,
    )  # fmt: skip

    async def dose() -> Any:
        before = bench.world.pans["balance"].load
        status = pump.set(Dispense(2.0, 8.0))
        while not status.done:
            await asyncio.sleep(0.5)
        await asyncio.sleep(30)
        bench.world.advance()
        return bench.world.pans["balance"].load - before

    assert virtual.run(dose()) == pytest.approx(2.0, abs=0.1)
    pump.disconnect()


# ---- halting, stalling, losing power -------------------------------------------------------------------------------


@pytest.mark.parametrize("stop", ["halt", "make_safe"])
def test_it_is_stopped_in_mid_motion(rig: Rig, stop: str) -> None:
    status = rig.begin(Dispense(4.0, 4.0))
    rig.wait(30.0)
    assert rig.bench.is_safe() == {"instrument": False}
    getattr(rig.device, stop)()
    assert rig.bench.is_safe() == {"instrument": True}
    assert isinstance(status.exception(), InDoubt)
    assert float(rig.device.contents_mL.get()) == pytest.approx(3.0, abs=0.05)
    assert rig.set(Withdraw(0.5, 6.0))["volume_mL"] == 0.5


def test_a_stall_is_an_alarm_that_says_how_far_it_came(make: Callable[..., Rig]) -> None:
    rig = make({"stalls_mL": 0.2})
    error = rig.failed(Dispense(1.0, 6.0))
    assert isinstance(error, InstrumentAlarm)
    assert "stalled after 0.2 of 1 mL" in str(error)
    assert float(rig.device.contents_mL.get()) == pytest.approx(4.8)
    rig.far.motor.stalls = -1.0
    assert rig.set(Dispense(1.0, 6.0))["contents_mL"] == pytest.approx(3.8)


def test_somebody_at_the_panel_is_noticed(rig: Rig) -> None:
    status = rig.begin(Dispense(2.0, 6.0))
    rig.wait(5.0)
    rig.clock.run(_call(rig.far.motor.halt))
    rig.wait(30.0)
    assert isinstance(status.exception(), InstrumentAlarm)
    assert "halted, or used by somebody else" in str(status.exception())


def test_a_pump_that_moves_by_itself_is_not_started(rig: Rig) -> None:
    rig.clock.run(_call(lambda: rig.far.motor.run("w")))
    error = rig.failed(Dispense(1.0, 6.0))
    assert isinstance(error, Refused)
    assert "withdrawing though nobody asked" in str(error)


def test_a_power_cut_in_mid_motion_leaves_the_volume_unknown(rig: Rig) -> None:
    intent = rig.intend(Dispense(2.0, 6.0))
    status = rig.begin(Dispense(2.0, 6.0))
    rig.wait(5.0)
    rig.do(rig.far.power_cycle)
    rig.wait(60.0)
    assert isinstance(status.exception(), InstrumentAlarm)
    assert "what it moved is not known" in str(status.exception())
    assert rig.reconcile(intent).verdict == "unknown"
    assert rig.set(Dispense(0.5, 6.0))["volume_mL"] == 0.5


def test_a_power_cut_before_a_start_starts_nothing(rig: Rig) -> None:
    rig.intend(Dispense(2.0, 6.0))
    rig.do(rig.far.power_cycle)
    assert isinstance(rig.failed(Dispense(2.0, 6.0)), Refused)
    assert not len(rig.bench.ledger)


# ---- what is in doubt ----------------------------------------------------------------------------------------------


def test_reconciling_by_the_counters(rig: Rig) -> None:
    intent = rig.intend(Dispense(2.0, 6.0))
    assert rig.reconcile(intent).verdict == "not"
    status = rig.begin(Dispense(2.0, 6.0))
    rig.wait(10.0)
    assert rig.reconcile(intent).verdict == "unknown"  # it still moves
    rig.device.halt()
    found = rig.reconcile(intent)
    assert found.verdict == "partial"
    assert found.amount == pytest.approx(1.0, abs=0.05)
    assert isinstance(status.exception(), InDoubt)
    intent = rig.intend(Withdraw(1.0, 6.0))
    rig.set(Withdraw(1.0, 6.0))
    found = rig.reconcile(intent)
    assert (found.verdict, found.amount) == ("happened", 1.0)
    assert rig.reconcile(Intent("pump", "set", "go", "queryable", {})).verdict == "unknown"


def test_a_new_process_reconciles_what_the_old_one_began(rig: Rig) -> None:
    intent = rig.intend(Dispense(2.0, 6.0))
    rig.begin(Dispense(2.0, 6.0))
    rig.wait(5.0)
    rig.device.end_action()
    rig.device.disconnect()
    rig.device = rig.another()
    rig.device.restore({"contents_mL": 5.0})
    rig.device.halt()
    found = rig.reconcile(intent)
    assert found.verdict == "partial"
    true = rig.bench.ledger[0].volume
    assert found.amount == pytest.approx(true, rel=1e-4)
    assert float(rig.device.contents_mL.get()) == pytest.approx(5.0 - true, rel=1e-4)


def test_a_new_process_does_not_trust_counters_behind_a_power_cut(rig: Rig) -> None:
    intent = rig.intend(Dispense(2.0, 6.0))
    rig.begin(Dispense(2.0, 6.0))
    rig.wait(5.0)
    rig.device.end_action()
    rig.device.disconnect()
    rig.do(rig.far.power_cycle)
    rig.device = rig.another()
    assert rig.reconcile(intent).verdict == "unknown"


def test_a_pump_that_keeps_polling_mode_without_power_is_seen_by_its_target(rig: Rig) -> None:
    intent = rig.intend(Dispense(2.0, 6.0))
    assert rig.reconcile(intent).verdict == "not"
    rig.begin(Dispense(2.0, 6.0))
    rig.wait(5.0)
    rig.device.end_action()
    rig.do(rig.far.power_cycle)
    rig.far.polling = "on"
    found = rig.reconcile(intent)
    assert found.verdict == "unknown"
    assert "target" in found.why


# ---- faults of the wire --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["drop", "late", "garble", "disconnect"])
@pytest.mark.parametrize("nth", [1, 2, 3, 5, 8, 13, 20, 25, 28, 30, 31, 32, 33])
def test_each_fault_is_overcome_or_told_and_the_next_command_is_right(rig: Rig, kind: Any, nth: int) -> None:
    intent = rig.intend(Dispense(1.0, 6.0))
    rig.bench.inject("instrument", kind, nth=nth, **({"seconds": 1.5} if kind == "late" else {}))
    status = rig.act(Dispense(1.0, 6.0))
    rig.settle(status, intent, 1.0, 1e-4)
    true = 5.0 - sum(entry.volume for entry in rig.bench.ledger)
    assert float(rig.device.contents_mL.get()) == pytest.approx(true, abs=1e-4)
    assert rig.set(Withdraw(0.5, 6.0))["contents_mL"] == pytest.approx(true + 0.5, abs=1e-4)


@pytest.mark.parametrize("delay", [0.002, 0.006, 0.015])
def test_a_doubled_reply_is_not_believed(make: Callable[..., Rig], delay: float) -> None:
    for nth in range(1, 36):
        rig = make()
        rig.device.connect()
        intent = rig.intend(Dispense(1.0, 6.0))
        rig.double(nth, delay)
        status = rig.act(Dispense(1.0, 6.0))
        rig.settle(status, intent, 1.0, 1e-4)
        true = 5.0 - sum(entry.volume for entry in rig.bench.ledger)
        assert float(rig.device.contents_mL.get()) == pytest.approx(true, abs=1e-4)
        assert rig.set(Withdraw(0.5, 6.0))["contents_mL"] == pytest.approx(true + 0.5, abs=1e-4)
        rig.device.disconnect()


def test_a_pump_that_hangs_is_told_and_can_be_used_again(rig: Rig) -> None:
    rig.bench.inject("instrument", "hang")
    assert isinstance(rig.failed(None), LinkError)
    rig.bench.wire("instrument").mend()
    assert rig.set(Dispense(0.5, 6.0))["volume_mL"] == 0.5


def test_a_run_is_never_sent_twice(rig: Rig) -> None:
    rig.intend(Dispense(1.0, 6.0))
    rig.heard.clear()
    for nth in range(1, 40):
        rig.bench.inject("instrument", "drop", nth=nth)
        rig.act(Dispense(0.01, 6.0))
        rig.bench.wire("instrument").faults.clear()
        assert rig.heard.count("irun") <= 1
        rig.heard.clear()
        rig.device.restore({"contents_mL": 5.0})


class TestElite11(DriverContract):
    @pytest.fixture
    def instrument(self, lab_clock: Clock, rigs: Callable[..., Rig]) -> Iterator[Elite11]:
        with lab_clock.running():
            rig = met(rigs, lab_clock, poll_s=0.1)
            yield rig.device
            rig.device.disconnect()

    @pytest.fixture
    def command(self) -> object:
        return Dispense(0.5, 20.0)


async def _call(call: Callable[[], None]) -> None:
    call()
