"""The driver of VICI actuators: its bytes from the manuals, and what it does on a simulator in virtual time."""

from __future__ import annotations

import asyncio
import functools
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autolab.drivers import vici_protocol as wire
from autolab.drivers.testing import DriverContract, play
from autolab.drivers.vici import Valve
from autolab.drivers.vici_settings import ValveSettings
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
from autolab.simulators.bench import Bench

if TYPE_CHECKING:
    from tests.drivers.conftest import Rig


def met(
    rigs: Callable[..., Rig],
    clock: Clock,
    positions: int = 10,
    options: dict[str, Any] | None = None,
    **settings: Any,
) -> Rig:
    known = {"positions": positions}
    return rigs(
        "vici.Valve", Valve, clock, name="valve", settings=known | settings, far_settings=known, options=options
    )


@pytest.fixture
def rig(virtual: Clock, rigs: Callable[..., Rig]) -> Callable[..., Rig]:
    return functools.partial(met, rigs, virtual)


# ---- the wire, from the manuals ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("prefix", "reply", "place"),
    [
        ("", b"CP03\r", 3),
        ("", b"CP3\r", 3),
        ("", b"CPA\r", "A"),
        ("", b"CP = 3\r", 3),
        ("", b"Position is  = 10\r", 10),
        ("", b'Position is "B"\r', "B"),
        ("", b"\nCP03\r", 3),
        ("3", b"CP03\r", 3),
        ("3", b"3CP03\r", 3),
        ("/3", b"/3CPB\r", "B"),
    ],
)
def test_a_position(prefix: str, reply: bytes, place: object) -> None:
    assert play(wire.position(prefix), [(">", f"{prefix}CP\r".encode()), ("<", reply)]) == place


@pytest.mark.parametrize(
    "reply",
    [b"CPC\r", b"CP\r", b"NP10\r", b"CP123\r", b"CP-1\r", b"CP1,5\r", b"xCP03\r", b"CP\xfc3\r", b"CP0\x003\r", b"\r"],
)
def test_no_position(reply: bytes) -> None:
    with pytest.raises(GarbledReply):
        play(wire.position(""), [(">", b"CP\r"), ("<", reply)])


def test_what_it_does_not_know() -> None:
    for reply in (b"what?\r", b"CP = Bad command\r"):
        with pytest.raises(Refused, match="does not know CP"):
            play(wire.position(""), [(">", b"CP\r"), ("<", reply)])


@pytest.mark.parametrize(
    ("direction", "place", "sent"),
    [("shortest", 3, b"GO3\r"), ("cw", 10, b"CW10\r"), ("ccw", 1, b"CC1\r"), ("shortest", "B", b"GOB\r")],
)
def test_a_movement_is_not_answered(direction: str, place: Any, sent: bytes) -> None:
    play(wire.move("", direction, place), [(">", sent)])
    play(wire.move("/Z4", direction, place), [(">", b"/Z4" + sent)])


def test_questions_at_the_beginning() -> None:
    assert play(wire.count(""), [(">", b"NP\r"), ("<", b"NP10\r")]) == 10
    assert play(wire.count(""), [(">", b"NP\r"), ("<", b"NP = 8\r")]) == 8
    assert play(wire.rotation(""), [(">", b"SM\r"), ("<", b"SMF\r")]) == "F"
    assert play(wire.rotation(""), [(">", b"SM\r"), ("<", b"what?\r")]) is None
    assert play(wire.rotation(""), [(">", b"SM\r")]) is None
    assert play(wire.learn("2"), [(">", b"2LRN\r")]) is None


def test_firmware_has_as_many_lines_as_come() -> None:
    two = [(">", b"VR\r"), ("<", b"I-PD-EDF56RC.7\r"), ("<", b"08/19/2010\r")]
    assert play(wire.firmware(""), two) == ("I-PD-EDF56RC.7", "08/19/2010")
    five = [(">", b"VR\r"), *(("<", f"line {number}\r".encode()) for number in range(5))]
    assert len(play(wire.firmware(""), five)) == 5


@pytest.mark.parametrize("stray", [b"CP03\r", b"NP10\r", b"SMA\r", b"GO3\r", b"what?\r", b"\r"])
def test_what_answers_another_question_is_no_firmware(stray: bytes) -> None:
    with pytest.raises(GarbledReply, match="is no firmware"):
        play(wire.firmware(""), [(">", b"VR\r"), ("<", stray), ("<", b"I-PD-EDF56RC.7\r")])


@given(st.integers(1, 96), st.sampled_from(["", "5", "/5", "/Z5"]))
def test_every_position_comes_back_as_it_was_sent(place: int, prefix: str) -> None:
    said = wire.command(prefix, f"CP{place:02d}")
    assert play(wire.position(prefix), [(">", f"{prefix}CP\r".encode()), ("<", said)]) == place


@given(st.binary(max_size=12))
def test_bytes_are_a_position_or_garbled(noise: bytes) -> None:
    frame = noise.replace(b"\r", b"") + b"\r"
    try:
        place = play(wire.position(""), [(">", b"CP\r"), ("<", frame)])
    except (GarbledReply, Refused):
        return
    assert place in ("A", "B") or 0 <= int(place) <= 99


# ---- meeting it ----------------------------------------------------------------------------------------------------


def test_it_is_met_without_a_movement(rig: Callable[..., Rig]) -> None:
    one = rig()
    assert one.device.identify()["model"] == "UMH-CE-2.3"
    assert "VICI AG" in one.device.firmware.get()
    assert (one.device.readback.get(), one.far.rotor.opened) == ("1", [])
    assert one.device.locate() == {"setpoint": None, "readback": 1}


@pytest.mark.parametrize(
    ("positions", "options", "match"),
    [
        (10, {"positions": 8}, "is set to 8 positions; declared are 10"),
        (10, {"positions": 2}, "stands at A; declared are 1 to 10"),
        (2, {"positions": 10}, "stands at 1; declared are A, B"),
        (4, {"positions": 8, "at": 7}, "stands at 7; declared are 1 to 4"),
    ],
)
def test_another_valve_is_refused(rig: Callable[..., Rig], positions: int, options: dict[str, Any], match: str) -> None:
    with pytest.raises(WrongInstrument, match=match):
        rig(positions, options).device.connect()


def test_a_selector_that_turns_one_way_is_refused_unless_that_is_said(rig: Callable[..., Rig]) -> None:
    with pytest.raises(Refused, match=r"turns forward only \(SMF\).*`direction: cw`"):
        rig(10, {"rotation": "F"}).device.connect()
    with pytest.raises(Refused, match=r"in reverse only \(SMR\).*`direction: ccw`"):
        rig(10, {"rotation": "R"}).device.connect()
    for settings in ({"direction": "cw"}, {"strict_direction": False}):
        rig(10, {"rotation": "F"}, **settings).device.connect()


def test_an_older_dialect_is_understood(rig: Callable[..., Rig]) -> None:
    one = rig(10, {"dialect": "microelectric"})
    assert one.device.identify()["firmware"] == "I-PD-EDF56RC.7 08/19/2010"
    assert one.set(4) == {"position": 4}
    two = rig(2, {"dialect": "microelectric"})
    assert two.set("B") == {"position": "B"}


# ---- going somewhere -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("direction", "opened"),
    [("shortest", [2, 3, 4]), ("cw", [2, 3, 4]), ("ccw", [10, 9, 8, 7, 6, 5, 4])],
)
def test_it_goes_to_a_position_the_way_that_is_declared(
    rig: Callable[..., Rig], direction: str, opened: list[int]
) -> None:
    one = rig(direction=direction)
    assert one.set(4) == {"position": 4}
    assert (one.far.rotor.opened, one.far.rotor.at) == (opened, 4)
    assert one.device.locate() == {"setpoint": 4, "readback": 4}
    assert one.device.read()["valve_readback"]["value"] == "4"


def test_where_it_stands_nothing_is_sent(rig: Callable[..., Rig]) -> None:
    one = rig(direction="cw")
    one.set(3)
    one.far.rotor.opened.clear()
    assert one.set(3) == {"position": 3}
    assert one.far.rotor.opened == []


def test_a_two_position_valve(rig: Callable[..., Rig]) -> None:
    one = rig(2)
    assert [one.set(place)["position"] for place in ("B", "A", "B")] == ["B", "A", "B"]
    assert one.read() == {"position": "B", "moving": False}


@pytest.mark.parametrize("busy", ["live", "silent", "holds"])
def test_it_is_done_when_the_rotor_stands(rig: Callable[..., Rig], busy: str) -> None:
    one = rig(10, {"busy": busy, "step_s": 1.5})
    one.device.connect()
    assert one.set(4) == {"position": 4}
    assert one.bench.is_safe() == {"instrument": True}
    assert one.far.rotor.opened == [2, 3, 4]
    assert one.set(5) == {"position": 5}


@pytest.mark.parametrize("response", [1, 2])
def test_answers_to_movements_are_passed_over(rig: Callable[..., Rig], response: int) -> None:
    one = rig(10, {"response": response})
    for place in (3, 7, 1):
        assert one.set(place) == {"position": place}


def test_a_stuck_rotor_is_an_alarm(rig: Callable[..., Rig]) -> None:
    one = rig(10, {"stuck": True}, timeout_s=5)
    begun = one.clock.now()
    with pytest.raises(InstrumentAlarm, match=r"has not come to 4 within 5 s: it stands at 1. Look for a rotor"):
        one.set(4)
    assert 5 <= one.clock.now() - begun < 8


def test_it_learns_the_stops_of_two_positions(rig: Callable[..., Rig]) -> None:
    one = rig(2, {"at": 2})
    one.device.learn()
    assert one.device.readback.get() == "A"
    with pytest.raises(Refused, match="no stops to learn"):
        rig(10).device.learn()


# ---- what must not be set ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("value", [0, 11, -1, 2.0, True, "3", "A", "home", None, [1]])
def test_what_is_no_position_of_a_selector(rig: Callable[..., Rig], value: object) -> None:
    with pytest.raises(OutsideLimits, match=r"valve.*is no position of it; it has 1 to 10; nothing was sent"):
        rig().device.set(value)


@pytest.mark.parametrize("value", [1, "a", "C", "AB"])
def test_what_is_no_position_of_two(rig: Callable[..., Rig], value: object) -> None:
    with pytest.raises(OutsideLimits, match="it has A, B"):
        rig(2).device.set(value)


def test_positions_that_may_not_be_opened(rig: Callable[..., Rig]) -> None:
    with pytest.raises(OutsideLimits, match="position 3 is not among those that may be set"):
        rig(allowed=[1, 2, 10]).device.set(3)
    with pytest.raises(OutsideLimits, match="position 9"):
        rig(limits={"position": (1, 8)}).device.set(9)
    assert rig(allowed=[2, 10]).set(10) == {"position": 10}


@pytest.mark.parametrize(
    ("settings", "match"),
    [
        ({"positions": 2, "direction": "cw"}, "cannot be chosen with two positions"),
        ({"positions": 4, "allowed": [5]}, "allowed: 5 is no position of it; it has 1 to 4"),
        ({"positions": 2, "safe_position": 1}, "safe_position: 1 is no position of it; it has A, B"),
        ({"positions": 1}, "positions"),
        ({"positions": 4, "device_id": "10"}, "device_id"),
        ({"positions": 4, "limits": {"position": (3, 1)}}, "low <= high"),
    ],
)
def test_settings_that_cannot_be(settings: dict[str, Any], match: str) -> None:
    with pytest.raises(ValueError, match=match):
        ValveSettings(**settings)


def test_a_bus_number_that_is_no_id(virtual: Clock) -> None:
    with pytest.raises(InputError, match="bus=12 is no id of an actuator"):
        Valve("valve", address="memory://x?bus=12", clock=virtual, positions=4)


@pytest.mark.parametrize(
    ("address", "settings", "prefix"),
    [
        ("memory://x", {}, ""),
        ("memory://x?bus=3", {}, "3"),
        ("memory://x?bus=3", {"interface": "rs485"}, "/3"),
        ("memory://x", {"interface": "rs485"}, "/Z"),
        ("memory://x?bus=3", {"interface": "rs485_z"}, "/Z3"),
        ("memory://x?bus=11", {"interface": "rs485", "device_id": "B"}, "/B"),
    ],
)
def test_how_it_is_addressed(virtual: Clock, address: str, settings: dict[str, Any], prefix: str) -> None:
    assert Valve("valve", address=address, clock=virtual, positions=4, **settings).prefix == prefix


def test_two_on_one_bus(virtual: Clock) -> None:
    entry = {"driver": "vici.Valve", "positions": 4}
    lab: dict[str, Any] = {
        "instruments": {
            "one": {**entry, "address": "serial:///dev/ttyUSB0?bus=1"},
            "two": {**entry, "address": "serial:///dev/ttyUSB0?bus=2"},
        }
    }
    bench = Bench(lab, clock=virtual)
    one, two = (
        Valve(
            name, address=f"memory://b?bus={number}", clock=virtual, channel=bench.channel(name), positions=4,
            interface="rs485",
        )
        for number, name in ((1, "one"), (2, "two"))
    )  # fmt: skip

    async def both() -> None:
        statuses = [one.set(3), two.set(2)]
        while not all(status.done for status in statuses):
            await asyncio.sleep(0.1)

    virtual.run(both())
    assert [bench.instrument(name).rotor.at for name in ("one", "two")] == [3, 2]
    one.disconnect()
    two.disconnect()


# ---- stopping and trouble ----------------------------------------------------------------------------------------------


def test_halting_waits_until_the_rotor_stands(rig: Callable[..., Rig]) -> None:
    one = rig(10, {"step_s": 1.0}, poll_s=1.5)
    one.device.connect()
    status = one.device.set(4)
    one.wait(1.0)
    assert not one.far.is_safe()
    one.device.halt()
    assert one.far.is_safe()
    assert one.device.readback.get() == "4"
    with pytest.raises(InDoubt):
        one.done(status)


@pytest.mark.parametrize("busy", ["live", "silent", "holds"])
def test_made_safe_in_the_middle_of_a_turn(rig: Callable[..., Rig], busy: str) -> None:
    one = rig(10, {"step_s": 1.0, "busy": busy}, poll_s=1.5)
    one.device.connect()
    one.device.set(5)
    one.wait(1.0)
    one.device.make_safe()
    assert one.bench.is_safe() == {"instrument": True}
    assert one.set(1) == {"position": 1}


def test_made_safe_it_goes_to_its_safe_position(rig: Callable[..., Rig]) -> None:
    one = rig(safe_position=9, allowed=[1, 2, 3])
    one.set(3)
    one.device.make_safe()
    assert (one.far.rotor.at, one.device.readback.get()) == (9, "9")
    stuck = rig(10, {"stuck": True}, safe_position=9, timeout_s=3)
    with pytest.raises(InstrumentAlarm, match="has not come to 9 within 3 s"):
        stuck.device.make_safe()


def test_a_valve_that_does_not_come_to_rest_is_not_safe(rig: Callable[..., Rig]) -> None:
    one = rig(10, {"step_s": 0.7}, timeout_s=2, poll_s=0.9)
    one.device.connect()
    one.device.set(6)
    one.wait(0.2)
    with pytest.raises(InstrumentAlarm, match="still turns after 2 s"):
        one.device.make_safe()


def test_an_action_in_doubt_is_settled_by_the_position(rig: Callable[..., Rig]) -> None:
    one = rig()
    one.set(4)
    happened = one.clock.run(one.device.do_reconcile(Intent("valve", "set", 4, "idempotent")))
    assert (happened.verdict, happened.result) == ("happened", {"position": 4})
    missed = one.clock.run(one.device.do_reconcile(Intent("valve", "set", 7, "idempotent")))
    assert (missed.verdict, missed.why) == ("not", "it stands at 4; it can be told again")
    assert one.device.action_class("set", 4) == "idempotent"
    assert one.device.action_class("trigger", None) == "read"


@pytest.mark.parametrize("kind", ["drop", "late", "garble", "disconnect"])
@pytest.mark.parametrize("nth", [1, 2, 3])
def test_one_fault_of_the_line_is_survived(rig: Callable[..., Rig], kind: Any, nth: int) -> None:
    one = rig()
    one.device.connect()
    one.bench.inject("instrument", kind, nth=nth, **({"seconds": 1.2} if kind == "late" else {}))
    assert one.set(4) == {"position": 4}
    assert one.far.rotor.opened == [2, 3, 4]
    assert one.set(6) == {"position": 6}


def test_a_late_answer_is_not_taken_for_the_next(rig: Callable[..., Rig]) -> None:
    one = rig()
    one.set(4)
    one.bench.inject("instrument", "late", seconds=1.3)
    assert one.set(5) == {"position": 5}
    one.bench.inject("instrument", "late", seconds=1.05)
    assert one.read()["position"] == 5


def test_a_line_that_hangs_is_told_and_then_right_again(rig: Callable[..., Rig]) -> None:
    one = rig(timeout_s=5)
    one.device.connect()
    one.bench.inject("instrument", "hang", nth=2)
    with pytest.raises(LinkError):
        one.set(4)
    with pytest.raises(LinkError):
        one.read()
    one.bench.wire("instrument").mend()
    assert one.read() == {"position": 4, "moving": False}
    assert one.set(2) == {"position": 2}


def test_a_power_cycle_in_the_middle_of_a_turn_is_an_alarm_that_says_where_it_is(rig: Callable[..., Rig]) -> None:
    one = rig(10, {"step_s": 1.0}, timeout_s=8)
    one.device.connect()
    status = one.device.set(5)
    one.wait(2.5)
    one.far.power_cycle()
    with pytest.raises(InstrumentAlarm, match=r"has not come to 5 within 8 s: it stands at [23]"):
        one.done(status)
    assert one.set(5) == {"position": 5}


class ValveContract(DriverContract):
    """A valve keeps what every driver must keep."""

    positions: int
    place: object

    @pytest.fixture
    def instrument(self, virtual: Clock, rigs: Callable[..., Rig]) -> Iterator[Any]:
        rig = met(rigs, virtual, self.positions)
        with virtual.running():
            virtual.start()
            yield rig.device
        rig.device.disconnect()

    @pytest.fixture
    def command(self) -> object:
        return self.place


class TestSelector(ValveContract):
    positions, place = 10, 3


class TestTwoPositionValve(ValveContract):
    positions, place = 2, "B"


@pytest.mark.parametrize("positions", [10, 2])
def test_samples_can_be_set(rig: Callable[..., Rig], positions: int) -> None:
    one = rig(positions)
    for value in one.device.samples():
        assert one.set(value) == {"position": value}
