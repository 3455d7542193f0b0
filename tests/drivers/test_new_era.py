"""The pump as a device: commands, contents, faults, stopping, and what is in doubt."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from autolab.drivers.instrument import ActionStatus
from autolab.drivers.new_era import NE1000
from autolab.drivers.testing import ScriptedChannel
from autolab.drivers.wire import Ports
from autolab.model.actions import Intent, Reconciled
from autolab.model.clock import Clock
from autolab.model.errors import (
    GarbledReply,
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
from autolab.model.roles import Dispense, Withdraw, command_to_json


class Rig:
    """A pump in virtual time on a scripted line."""

    def __init__(self, clock: Clock, model: Any, **settings: Any) -> None:
        self.clock = clock
        self.far = model(clock)
        self.channel = ScriptedChannel(self.far.answer, clock=clock)
        self.settings = {"syringe_mm": 14.5, "volume_mL": 10, "contents_mL": 10, **settings}
        self.pump = self.again()

    def again(self) -> NE1000:
        """Make the device anew, as after the process died."""
        return NE1000(
            "pump",
            address="memory://bench",
            clock=self.clock,
            ports=Ports(self.clock),
            channel=self.channel,
            **self.settings,
        )

    def act(self, value: Any) -> ActionStatus:
        """Set and wait; returns the status, failed or not."""

        async def wait() -> ActionStatus:
            status = self.pump.set(value)
            done = asyncio.Event()
            status.add_callback(lambda _: done.set())
            await done.wait()
            return status

        return self.clock.run(wait())

    def done(self, value: Any) -> dict[str, Any]:
        status = self.act(value)
        assert status.exception() is None, status.exception()
        return dict(status.result)

    def failed(self, value: Any) -> Exception:
        error = self.act(value).exception()
        assert isinstance(error, Exception)
        return error

    def heard(self) -> list[str]:
        heard, self.far.heard = self.far.heard, []
        return list(heard)


@pytest.fixture
def make(virtual: Clock, pump_model: Any) -> Callable[..., Rig]:
    return lambda **settings: Rig(virtual, pump_model, **settings)


@pytest.fixture
def rig(make: Callable[..., Rig]) -> Iterator[Rig]:
    made = make()
    made.pump.connect()
    made.heard()
    yield made
    made.pump.disconnect()


# ---- meeting it ----------------------------------------------------------------------------------------------------


def test_it_is_met_without_moving_or_changing_anything(make: Callable[..., Rig]) -> None:
    rig = make()
    assert rig.pump.identify() == {"model": "NE1000", "firmware": "3.928", "serial_number": None}
    assert set(rig.heard()) == {"VER", "", "DIS"}
    assert rig.pump.read_configuration()["pump_model"]["value"] == "NE1000"


def test_the_alarm_of_the_first_exchange_after_power_up_is_tolerated(make: Callable[..., Rig]) -> None:
    rig = make()
    rig.far.power_cycle()
    rig.pump.connect()
    assert rig.pump.alarm.get() == "R"
    assert rig.done(Dispense(1.0, 6.0))["volume_mL"] == 1.0


def test_a_lost_first_command_is_tolerated(make: Callable[..., Rig]) -> None:
    rig = make()
    deaf = iter([True])
    rig.far.fault = lambda command, reply: [] if next(deaf, False) else [reply]
    rig.pump.connect()
    assert rig.far.heard[:2] == ["VER", "VER"]


def test_half_a_command_from_before_does_no_harm(make: Callable[..., Rig]) -> None:
    rig = make()
    rig.far.answer(b"0VO")  # what a killed process had written
    rig.pump.connect()
    assert rig.pump.model.get() == "NE1000"


def test_a_pump_in_safe_mode_is_brought_out_of_it(make: Callable[..., Rig]) -> None:
    rig = make()
    basic = rig.far.answer
    safe = [True]

    def answer(data: bytes) -> list[Any]:
        if data == bytes.fromhex("02 09 30 53 41 46 30 59 ad 03"):
            safe[0] = False
            return [b"\x0200S\x03"]
        return [] if safe[0] else list(basic(data))

    rig.channel.answer = answer
    rig.pump.connect()
    assert not safe[0]


def test_an_absent_pump_is_a_timeout_and_the_port_is_given_back(make: Callable[..., Rig]) -> None:
    rig = make()
    rig.channel.answer = lambda data: []
    with pytest.raises(InstrumentTimeout, match="pump on memory://scripted: no reply within 1 s"):
        rig.pump.connect()
    rig.channel.answer = rig.far.answer
    rig.pump.connect()


def test_what_is_no_new_era_pump_is_refused(make: Callable[..., Rig]) -> None:
    rig = make()
    rig.far.version = "SP2000"
    rig.far.fault = lambda command, reply: [reply] * 12 if command == "VER" else [reply]
    with pytest.raises(WrongInstrument, match="does not say that it is a New Era pump"):
        rig.pump.connect()


def test_another_pump_after_a_reconnect_is_refused(rig: Rig) -> None:
    rig.channel.die()
    with pytest.raises(InstrumentDisconnected):
        rig.pump.identify()
    rig.channel.revive()
    rig.far.version = "NE1010V1.000"
    with pytest.raises(WrongInstrument, match="NE1010"):
        rig.pump.identify()


# ---- commands ------------------------------------------------------------------------------------------------------


def test_a_dispense_sends_this_and_nothing_else(rig: Rig) -> None:
    result = rig.done(Dispense(0.5, 2.0))
    assert rig.heard() == [
        "", "DIS", "DIA", "DIA14.50", "DIA", "VOL", "CLDINF", "CLDWDR", "DIS",
        "VOL0.500", "VOL", "RAT2.000MM", "RAT", "DIRINF", "DIR", "DIS", "RUN", "", "DIS",
    ]  # fmt: skip
    assert result == {
        "volume_mL": 0.5,
        "requested_mL": 0.5,
        "commanded_mL": 0.5,
        "rate_mL_min": 2.0,
        "seconds": pytest.approx(15.0, abs=0.001),
        "contents_mL": 9.5,
        "state": {"contents_mL": 9.5},
    }
    assert rig.pump.locate() == {"setpoint": 9.5, "readback": 9.5}
    assert rig.pump.read()["pump_volume"]["value"] == 0.5


def test_a_withdrawal_fills_and_the_counters_are_kept_apart(rig: Rig) -> None:
    rig.done(Dispense(2.0, 8.0))
    assert rig.done(Withdraw(1.5, 5.0))["contents_mL"] == 9.5
    assert rig.far.counters == {"INF": 0.0, "WDR": pytest.approx(1.5)}


def test_the_counters_are_cleared_in_prepare_alone(rig: Rig) -> None:
    context = rig.clock.run(rig.pump.do_prepare("set", Dispense(1.0, 5.0)))
    assert context == {"infused_mL": 0, "withdrawn_mL": 0, "contents_mL": 10, "unit": "ML", "resolution_mL": 0.001}
    assert [command for command in rig.heard() if command.startswith("CLD")] == ["CLDINF", "CLDWDR"]
    rig.done(Dispense(1.0, 5.0))
    rig.pump.halt()
    rig.pump.make_safe()
    rig.pump.disconnect()
    rig.pump.connect()
    assert not [command for command in rig.heard() if command.startswith("CLD")]


def test_rounding_to_four_digits_is_reported(rig: Rig) -> None:
    result = rig.done(Dispense(1.23456, 3.14159))
    assert (result["requested_mL"], result["commanded_mL"], result["volume_mL"]) == (1.23456, 1.235, 1.235)
    assert result["rate_mL_min"] == 3.142


def test_a_narrow_syringe_is_spoken_to_in_microlitres(make: Callable[..., Rig]) -> None:
    rig = make(syringe_mm=4.6, volume_mL=1, contents_mL=1)
    assert rig.done(Dispense(0.0123, 0.05))["volume_mL"] == 0.0123
    assert {"VOL12.30", "RAT50.00UM"} <= set(rig.far.heard)


def test_a_volume_beyond_four_digits_is_split_into_runs(make: Callable[..., Rig]) -> None:
    rig = make(syringe_mm=14.0, volume_mL=20, contents_mL=20, max_rate=20)
    result = rig.done(Dispense(15.0, 10.0))
    assert result["volume_mL"] == 15.0
    assert rig.far.heard.count("RUN") == 2
    assert rig.far.heard.count("VOL7500") == 2


def test_a_reversed_syringe_pushes_by_withdrawing(make: Callable[..., Rig]) -> None:
    rig = make(reversed=True)
    assert rig.done(Dispense(1.0, 8.0))["contents_mL"] == 9.0
    assert rig.far.counters["WDR"] == pytest.approx(1.0)


def test_long_runs_are_watched_and_progress_is_told(rig: Rig) -> None:
    told: list[float] = []

    async def watched() -> None:
        status = rig.pump.set(Dispense(5.0, 5.0))
        status.watch(lambda **progress: told.append(progress["current"]))
        done = asyncio.Event()
        status.add_callback(lambda _: done.set())
        await done.wait()

    rig.clock.run(watched())
    assert told == pytest.approx([1.25, 2.5, 3.75, 5.0], rel=0.01)


@pytest.mark.parametrize(
    ("value", "match"),
    [
        (Dispense(11.0, 5.0), r"volume 11 mL is more than the 10 mL that can be pushed out: .* 10 of 10 mL"),
        (Withdraw(0.1, 5.0), "more than the 0 mL that can be drawn in"),
        (Dispense(0.0004, 5.0), "below what the pump can express in ML"),
        (Dispense(1.0, 8.5), r"rate 8.5 mL/min is outside .*\.\.8.422 mL/min of a 14.5 mm syringe"),
        (Dispense(1.0, 1e-6), "rate 1e-06 mL/min is outside"),
        (Dispense(-1.0, 5.0), "must be positive numbers"),
        (Dispense(math.nan, 5.0), "must be positive numbers"),
        (Dispense(1.0, math.inf), "must be positive numbers"),
        (1.0, "1.0 is no command of a pump"),
        ("dispense", "'dispense' is no command of a pump"),
    ],
)
def test_what_must_not_be_sent_is_refused_before_anything_is(rig: Rig, value: Any, match: str) -> None:
    with pytest.raises(OutsideLimits, match=match):
        rig.pump.set(value)
    assert rig.heard() == []


def test_the_labs_limits_narrow_the_pumps(make: Callable[..., Rig]) -> None:
    rig = make(limits={"rate": [0.5, 5], "volume": [0.01, 2]})
    rig.pump.check_value(Dispense(1.0, 5.0))
    with pytest.raises(OutsideLimits, match=r"rate 6 mL/min is outside the limits 0.5..5 mL/min"):
        rig.pump.check_value(Dispense(1.0, 6.0))
    with pytest.raises(OutsideLimits, match=r"volume 3 mL is outside the limits 0.01..2 mL"):
        rig.pump.check_value(Dispense(3.0, 5.0))


@pytest.mark.parametrize(
    ("settings", "match"),
    [
        ({"syringe_mm": 0}, "pump .NE1000.: syringe_mm: .*greater than or equal to 0.1"),
        ({"contents_mL": 11}, "contents_mL 11 is more than the syringe holds"),
        ({"colour": "red"}, "colour: Extra inputs are not permitted.*Settings: volume_mL, contents_mL"),
        ({"limits": {"rate": [5, 1]}}, "low <= high"),
    ],
)
def test_faulty_settings_say_what_is_allowed(make: Callable[..., Rig], settings: dict[str, Any], match: str) -> None:
    with pytest.raises(InputError, match=match):
        make(**settings)


def test_a_bus_address_that_does_not_exist_is_refused(real: Clock) -> None:
    with pytest.raises(InputError, match=r"bus address 100 does not exist; these pumps have 0\.\.99"):
        NE1000("pump", address="tcp://127.0.0.1:9?bus=100", clock=real, syringe_mm=10, volume_mL=5)


def test_a_second_command_meanwhile_is_refused(rig: Rig) -> None:
    async def both() -> tuple[Exception | None, Exception | None]:
        first, second = rig.pump.set(Dispense(1.0, 5.0)), rig.pump.set(Dispense(2.0, 5.0))
        done = asyncio.Event()
        first.add_callback(lambda _: done.set())
        await done.wait()
        return first.exception(), second.exception()

    first, second = rig.clock.run(both())
    assert first is None
    assert isinstance(second, Refused)
    assert rig.far.counters["INF"] == pytest.approx(1.0)


# ---- faults --------------------------------------------------------------------------------------------------------


def on(command: str, instead: Callable[[bytes], list[Any]], times: int = 1) -> Callable[[str, bytes], list[Any]]:
    """Answer `command` otherwise, so many times."""
    left = [times]

    def fault(heard: str, reply: bytes) -> list[Any]:
        if heard == command and left[0] > 0:
            left[0] -= 1
            return instead(reply)
        return [reply]

    return fault


FAULTS = {
    "late": lambda reply: [(1.3, reply)],
    "dropped": lambda reply: [],
    "truncated": lambda reply: [reply[:-1]],
    "garbled": lambda reply: [reply[:2] + b"\x7f" + reply[3:]],
    "duplicated": lambda reply: [reply, reply],
}


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("command", ["VOL0.500", "RAT", "DIS", "CLDINF"])
def test_a_fault_before_run_leaves_the_pump_alone_and_the_next_command_is_right(
    rig: Rig, command: str, fault: str
) -> None:
    rig.far.fault = on(command, FAULTS[fault])
    status = rig.act(Dispense(0.5, 2.0))
    if fault != "duplicated":
        assert isinstance(status.exception(), Refused | LinkError)
        assert "RUN" not in rig.heard()
    assert rig.done(Dispense(0.25, 2.0))["volume_mL"] == 0.25


@pytest.mark.parametrize("fault", ["late", "dropped", "truncated", "garbled"])
def test_a_fault_of_runs_own_reply_is_never_answered_by_a_second_run(rig: Rig, fault: str) -> None:
    rig.far.fault = on("RUN", FAULTS[fault])
    error = rig.failed(Dispense(0.5, 2.0))
    assert isinstance(error, LinkError)
    assert not isinstance(error, Refused)
    assert error.command == b"0RUN\r"
    assert rig.far.heard.count("RUN") == 1


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("command", ["", "DIS"])
def test_a_fault_while_it_runs_is_asked_again_since_that_only_reads(rig: Rig, command: str, fault: str) -> None:
    running = [False]

    def faulty(heard: str, reply: bytes) -> list[Any]:
        if heard == "RUN":
            running[0] = True
        elif heard == command and running[0]:
            running[0] = False
            return list(FAULTS[fault](reply))  # type: ignore[no-untyped-call]  # lambdas
        return [reply]

    rig.far.fault = faulty
    assert rig.done(Dispense(0.5, 2.0))["volume_mL"] == 0.5
    assert rig.far.heard.count("RUN") == 1


def test_a_line_lost_while_it_runs_is_a_link_error(rig: Rig) -> None:
    rig.far.fault = on("RUN", lambda reply: [reply, (0.5, b"")])
    rig.clock.loop.call_soon_threadsafe(rig.clock.loop.call_later, 1.0, rig.channel.die)
    error = rig.failed(Dispense(5.0, 5.0))
    assert isinstance(error, InstrumentDisconnected)


@pytest.mark.parametrize(
    ("told", "match"),
    [
        ("?OOR", "out of range for this pump"),
        ("?NA", "not applicable now"),
        ("?", "does not know the command"),
        ("?IGN", "ignored"),
        ("?COM", "damaged"),
    ],
)
def test_the_pumps_own_refusal_is_refused(rig: Rig, told: str, match: str) -> None:
    rig.far.fault = on("RAT2.000MM", lambda reply: [b"\x0200S" + told.encode() + b"\x03"])
    error = rig.failed(Dispense(0.5, 2.0))
    assert isinstance(error, Refused)
    assert match in str(error)
    assert "pump on memory://scripted" in str(error)


def test_a_setting_that_reads_back_otherwise_is_not_run(rig: Rig) -> None:
    rig.far.fault = on("VOL", lambda reply: [b"\x0200S0.600ML\x03"], times=9)
    error = rig.failed(Dispense(0.5, 2.0))
    assert isinstance(error, Refused)
    assert "VOL reads back '0.6' after it was set to '0.500'" in str(error)
    assert "RUN" not in rig.heard()


@pytest.mark.parametrize("letter", "RSTEO")
def test_an_alarm_before_a_command_is_typed_and_the_next_command_goes(rig: Rig, letter: str) -> None:
    rig.far.alarm = letter
    error = rig.failed(Dispense(0.5, 2.0))
    assert isinstance(error, InstrumentAlarm)
    assert f"alarm {letter}" in str(error)
    assert rig.pump.alarm.get() == letter
    assert rig.done(Dispense(0.5, 2.0))["volume_mL"] == 0.5


def test_a_stall_is_an_alarm_and_the_contents_are_by_the_counter(rig: Rig) -> None:
    rig.far.stall_at = 0.3
    error = rig.failed(Dispense(1.0, 5.0))
    assert isinstance(error, InstrumentAlarm)
    assert "motor stalled" in str(error)
    rig.far.stall_at = None
    rig.pump.halt()
    assert rig.pump.contents_mL.get() == pytest.approx(9.7)


def test_a_run_that_ends_short_is_an_alarm(rig: Rig) -> None:
    async def meddled() -> Any:
        status = rig.pump.set(Dispense(1.0, 5.0))
        done = asyncio.Event()
        status.add_callback(lambda _: done.set())
        await asyncio.sleep(3)
        rig.far._move()
        rig.far.state = "P"  # somebody pressed the key
        await done.wait()
        return status.exception()

    error = rig.clock.run(meddled())
    assert isinstance(error, InstrumentAlarm)
    assert "of 1 mL and is paused" in str(error)


def test_a_run_that_does_not_end_is_stopped_in_time(rig: Rig) -> None:
    slow = rig.far._move
    rig.far._move = lambda: None if rig.far.state in "IW" else slow()
    begun = rig.clock.now()
    error = rig.failed(Dispense(1.0, 5.0))
    assert isinstance(error, InstrumentTimeout)
    assert "still moved after" in str(error)
    assert rig.far.state == "S"
    assert rig.clock.now() - begun < 12 * 1.05 + 5 + 2 + 2


def test_a_pump_that_moves_by_itself_is_not_commanded(rig: Rig) -> None:
    rig.far.volume, rig.far.state, rig.far._begun = "9.000", "I", rig.clock.now()
    error = rig.failed(Dispense(1.0, 5.0))
    assert isinstance(error, Refused)
    assert "is infusing though nobody asked" in str(error)


# ---- stopping ------------------------------------------------------------------------------------------------------


def interrupt(rig: Rig, after: float, how: Callable[[], Any]) -> ActionStatus:
    async def interrupted() -> ActionStatus:
        status = rig.pump.set(Dispense(5.0, 5.0))
        await asyncio.sleep(after)
        await how()
        return status

    return rig.clock.run(interrupted())


def test_halting_stops_the_motor_keeps_the_counter_and_leaves_the_action_in_doubt(rig: Rig) -> None:
    status = interrupt(rig, 20.5, rig.pump.do_halt)
    assert isinstance(status.exception(2), InDoubt)
    assert rig.far.state == "S"
    assert rig.far.heard.count("STP") == 2
    assert rig.pump.contents_mL.get() == pytest.approx(10 - 20.5 / 12, abs=0.01)


def test_making_safe_in_the_middle_of_a_motion_stops_it(rig: Rig) -> None:
    interrupt(rig, 5.0, rig.pump.do_make_safe)
    assert rig.far.state == "S"


def test_halting_a_stopped_pump_does_nothing(rig: Rig) -> None:
    rig.pump.halt()
    assert rig.far.state == "S"
    assert rig.heard() == ["STP", "DIS"]


@pytest.mark.parametrize("fault", FAULTS)
def test_stopping_is_asked_again_until_it_is_heard(rig: Rig, fault: str) -> None:
    rig.far.fault = on("STP", FAULTS[fault])
    interrupt(rig, 5.0, rig.pump.do_halt)
    assert rig.far.state == "S"


def test_a_pump_that_does_not_stop_is_reported(rig: Rig) -> None:
    rig.far.fault = on("STP", lambda reply: [b"\x0200X\x03"], times=99)
    with pytest.raises(InstrumentAlarm, match=r"does not stop: it is purging\. Switch it off"):
        rig.pump.halt()


def test_stop_with_success_changes_nothing_and_without_halts(rig: Rig) -> None:
    async def stopped(success: bool) -> ActionStatus:
        status = rig.pump.set(Dispense(1.0, 5.0))
        done = asyncio.Event()
        status.add_callback(lambda _: done.set())
        await asyncio.sleep(3)
        rig.pump.stop(success=success)
        await done.wait()
        return status

    assert rig.clock.run(stopped(True)).exception() is None
    assert "STP" not in rig.heard()
    assert isinstance(rig.clock.run(stopped(False)).exception(), InDoubt)


# ---- in doubt ------------------------------------------------------------------------------------------------------


def reconcile(rig: Rig, intent: Intent) -> Reconciled:
    async def settled() -> Reconciled:
        await rig.pump.do_halt()
        return await rig.pump.do_reconcile(intent)

    return rig.clock.run(settled())


def killed(rig: Rig, value: Any, after: float | None) -> Intent:
    """Prepare a command, let it run so long (None: never begin), and make the driver anew."""

    async def cut() -> Intent:
        context = await rig.pump.do_prepare("set", value)
        if after is not None:
            rig.pump.set(value)
            await asyncio.sleep(after)
        return Intent("pump", "set", command_to_json(value), "queryable", context)

    intent = rig.clock.run(cut())
    rig.pump.end_action()
    rig.pump.disconnect()
    rig.heard()
    rig.pump = rig.again()
    rig.pump.restore({"contents_mL": 10.0})
    return intent


@pytest.mark.parametrize(
    ("after", "verdict", "amount"),
    [(None, "not", 0.0), (20.0, "partial", 20 / 12), (500.0, "happened", 5.0)],
)
def test_an_action_in_doubt_is_settled_by_the_counter(
    rig: Rig, after: float | None, verdict: str, amount: float
) -> None:
    found = reconcile(rig, killed(rig, Dispense(5.0, 5.0), after))
    assert found.verdict == verdict
    assert found.amount == pytest.approx(amount, abs=0.05)
    state: Any = found.result["state"]
    assert state == {"contents_mL": pytest.approx(10 - amount, abs=0.05)}
    assert "counters: infused" in found.why
    assert rig.pump.contents_mL.get() == pytest.approx(10 - amount, abs=0.05)
    assert not [command for command in rig.heard() if command.startswith("CLD")]


def test_a_withdrawal_in_doubt_is_settled_too(make: Callable[..., Rig]) -> None:
    rig = make(contents_mL=2)
    intent = killed(rig, Withdraw(3.0, 6.0), 100.0)
    found = reconcile(rig, intent)
    assert found.verdict == "happened"
    assert found.amount == pytest.approx(3.0)
    assert found.result["state"] == {"contents_mL": 5.0}


def test_counters_lost_with_the_power_settle_nothing(rig: Rig) -> None:
    intent = killed(rig, Dispense(5.0, 5.0), 20.0)
    rig.far.power_cycle()
    found = reconcile(rig, intent)
    assert found.verdict == "unknown"
    assert "its power was interrupted" in found.why


def test_a_lost_first_command_may_mean_a_power_cycle_and_settles_nothing(rig: Rig) -> None:
    intent = killed(rig, Dispense(5.0, 5.0), 20.0)
    rig.far.power_cycle()
    rig.far.alarm = ""  # its alarm went with the lost reply
    deaf = iter([True])
    rig.far.fault = lambda command, reply: [] if next(deaf, False) else [reply]
    found = reconcile(rig, intent)
    assert found.verdict == "unknown"
    assert "its first command went unanswered" in found.why


def test_power_lost_under_a_running_driver_settles_nothing_either(rig: Rig) -> None:
    context = rig.clock.run(rig.pump.do_prepare("set", Dispense(5.0, 5.0)))
    rig.far.power_cycle()
    intent = Intent("pump", "set", command_to_json(Dispense(5.0, 5.0)), "queryable", context)
    assert reconcile(rig, intent).verdict == "unknown"


def test_power_lost_in_the_middle_ends_the_action_with_the_alarm(rig: Rig) -> None:
    async def cut() -> Any:
        status = rig.pump.set(Dispense(5.0, 5.0))
        done = asyncio.Event()
        status.add_callback(lambda _: done.set())
        await asyncio.sleep(5)
        rig.far.power_cycle()
        await done.wait()
        return status.exception()

    error = rig.clock.run(cut())
    assert isinstance(error, InstrumentAlarm)
    assert "its counters are lost" in str(error)


def test_a_power_cycle_noticed_while_reconnecting_keeps_the_next_command_from_going_out(rig: Rig) -> None:
    rig.channel.die()
    with pytest.raises(InstrumentDisconnected):
        rig.pump.identify()
    rig.channel.revive()
    rig.far.power_cycle()
    error = rig.failed(Dispense(1.0, 5.0))
    assert isinstance(error, InstrumentAlarm)
    assert "RUN" not in rig.far.heard


def test_somebody_elses_use_of_the_pump_settles_nothing(rig: Rig) -> None:
    intent = killed(rig, Dispense(5.0, 5.0), None)
    rig.far.counters["WDR"] = 0.4
    found = reconcile(rig, intent)
    assert found.verdict == "unknown"
    assert "somebody else has used the pump" in found.why


def test_what_happened_after_a_failed_action_is_counted_before_the_counters_are_cleared(rig: Rig) -> None:
    rig.far.fault = on("RUN", FAULTS["dropped"])
    assert isinstance(rig.failed(Dispense(1.0, 5.0)), LinkError)
    rig.clock.run(asyncio.sleep(30))  # it ran, though nobody heard so
    assert rig.done(Dispense(0.5, 5.0))["contents_mL"] == pytest.approx(8.5)


def test_the_class_of_a_command_is_queryable_and_of_a_reading_read(rig: Rig) -> None:
    assert rig.pump.action_class("set", Dispense(1.0, 1.0)) == "queryable"
    assert rig.pump.action_class("trigger", None) == "read"


def test_garbled_is_not_taken_for_another_pumps_frame(rig: Rig) -> None:
    rig.far.fault = on("VER", lambda reply: [b"\x0207S\x03", reply])
    assert rig.pump.identify()["model"] == "NE1000"
    rig.far.fault = on("", lambda reply: [b"junk\x03"], times=99)
    with pytest.raises(GarbledReply, match="not STX, address, status, data, ETX"):
        rig.clock.run(rig.pump.do_prepare("set", Dispense(1.0, 1.0)))
