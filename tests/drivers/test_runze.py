"""The driver of Runze valves: its bytes as published, and what it does on a simulator in virtual time."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autolab.drivers import runze_protocol as wire
from autolab.drivers.runze import Valve
from autolab.drivers.runze_settings import ValveSettings
from autolab.drivers.testing import DriverContract, play
from autolab.model.actions import Intent
from autolab.model.clock import Clock
from autolab.model.errors import (
    GarbledReply,
    InDoubt,
    InstrumentAlarm,
    InstrumentTimeout,
    LinkError,
    OutsideLimits,
    Refused,
    WrongInstrument,
)

if TYPE_CHECKING:
    from tests.drivers.conftest import Rig

ASK_PORT = bytes.fromhex("cc003e0000dde701")
ASK_MOTOR = bytes.fromhex("cc004a0000ddf301")


def answer(status: int, value: int = 0, address: int = 0) -> bytes:
    body = bytes([0xCC, address, status, value & 0xFF, value >> 8, 0xDD])
    return body + sum(body).to_bytes(2, "little")


def met(rigs: Callable[..., Rig], clock: Clock, options: dict[str, Any] | None = None, **settings: Any) -> Rig:
    settings = {"positions": 10, **settings}
    known, options = {"positions": settings["positions"]}, {"at": 1, **(options or {})}
    return rigs("runze.Valve", Valve, clock, name="valve", settings=settings, far_settings=known, options=options)


@pytest.fixture
def rig(virtual: Clock, rigs: Callable[..., Rig]) -> Callable[..., Rig]:
    return functools.partial(met, rigs, virtual)


# ---- frames --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("command", "bytes_"),
    [
        ((0, 0x20), "cc 00 20 00 00 dd c9 01"),
        ((0, 0x44, 1), "cc 00 44 01 00 dd ee 01"),
        ((0, 0x3E), "cc 00 3e 00 00 dd e7 01"),
        ((1, 0x45), "cc 01 45 00 00 dd ef 01"),
        ((0, 0xA4, 2, 1), "cc 00 a4 02 01 dd 50 02"),
    ],
)
def test_frames_as_they_are_published(command: tuple[int, ...], bytes_: str) -> None:
    assert wire.frame(*command).hex(" ") == bytes_


@given(st.integers(0, 127), st.integers(0, 255), st.integers(0, 255), st.integers(0, 255))
def test_a_frame_is_read_as_it_was_made(address: int, status: int, low: int, high: int) -> None:
    assert wire.parse(wire.frame(address, status, low, high), address) == (status, low | high << 8)


@given(st.integers(0, 7), st.integers(1, 255))
def test_one_wrong_byte_is_garbled(place: int, change: int) -> None:
    frame = bytearray(answer(0, 3))
    frame[place] ^= change
    with pytest.raises(GarbledReply):
        wire.parse(bytes(frame), 0)


def test_another_address_is_garbled() -> None:
    with pytest.raises(GarbledReply, match="address 2 answers instead of 0"):
        wire.parse(answer(0, 3, address=2), 0)


@pytest.mark.parametrize(
    ("reply", "port"),
    [(answer(0, 3), 3), (answer(6), None), (answer(4), None), (answer(0xFE), None)],
)
def test_a_port(reply: bytes, port: int | None) -> None:
    assert play(wire.port(0, 10), [(">", ASK_PORT), ("<", reply)]) == port


@pytest.mark.parametrize(("reply", "port"), [(answer(0), None), (answer(0, 3), 3)])
def test_no_port_is_asked_again_for_it_may_be_the_motors_doubled_answer(reply: bytes, port: int | None) -> None:
    exchanges = [(">", ASK_PORT), ("<", answer(0)), (">", ASK_PORT), ("<", reply)]
    assert play(wire.port(0, 10), exchanges) == port


@pytest.mark.parametrize(
    ("status", "error", "match"),
    [
        (1, Refused, "0x01, a frame error"),
        (2, Refused, "0x02, a parameter error"),
        (3, InstrumentAlarm, "0x03, an error of its position sensor"),
        (5, InstrumentAlarm, "0x05, a stalled motor"),
        (0xFF, InstrumentAlarm, "0xff, an unknown error"),
        (0x42, GarbledReply, "status 0x42 that does not exist"),
    ],
)
def test_a_status_is_an_error_in_words(status: int, error: type[Exception], match: str) -> None:
    with pytest.raises(error, match=match):
        play(wire.port(0, 10), [(">", ASK_PORT), ("<", answer(status))])
    with pytest.raises(error, match=match):
        play(wire.motor(0), [(">", ASK_MOTOR), ("<", answer(status))])
    with pytest.raises(error, match=match):
        play(wire.move(0, 0x44, 1), [(">", wire.frame(0, 0x44, 1)), ("<", answer(status))])


def test_busy_is_no_time_to_move() -> None:
    with pytest.raises(Refused, match="0x04, busy"):
        play(wire.move(0, 0x44, 1), [(">", wire.frame(0, 0x44, 1)), ("<", answer(4))])
    with pytest.raises(InstrumentAlarm, match=r"0x06, a place that it does not know. Home it"):
        play(wire.move(0, 0x44, 1), [(">", wire.frame(0, 0x44, 1)), ("<", answer(6))])


@pytest.mark.parametrize(("status", "turns"), [(0, False), (4, True), (0xFE, True), (6, False)])
def test_whether_its_motor_turns(status: int, turns: bool) -> None:
    assert play(wire.motor(0), [(">", ASK_MOTOR), ("<", answer(status))]) is turns


def test_a_port_beyond_the_last_is_garbled() -> None:
    with pytest.raises(GarbledReply, match=r"port 11, of 10. Check `positions`"):
        play(wire.port(0, 10), [(">", ASK_PORT), ("<", answer(0, 11))])


def test_who_it_is() -> None:
    said = [
        (">", bytes.fromhex("cc00200000ddc901")), ("<", answer(0, 0)),
        (">", bytes.fromhex("cc003f0000dde801")), ("<", answer(0, 0x0109)),
    ]  # fmt: skip
    assert play(wire.version(0), said) == (0, 0x0109)
    assert play(wire.identity(0, None), said) == (0, 0x0109)
    with pytest.raises(GarbledReply, match="says that its address is 3, not 0"):
        play(wire.version(0), [(said[0][0], said[0][1]), ("<", answer(0, 3))])


def test_a_known_one_is_asked_who_it_is_after_a_silence() -> None:
    one, two = bytes.fromhex("cc01200000ddca01"), bytes.fromhex("cc013f0000dde901")
    late = [("<", answer(0, 1, 1)), ("<", answer(0, 1, 1))]  # what was asked for long ago
    told = [(">", one), ("<", answer(0, 1, 1)), (">", two), ("<", answer(0, 0x0109, 1))]
    assert play(wire.identity(1, (1, 0x0109)), [*late, *told]) == (1, 0x0109)
    assert play(wire.identity(1, None), told) == (1, 0x0109)


# ---- meeting it ----------------------------------------------------------------------------------------------------


def test_it_is_met_without_a_movement(rig: Callable[..., Rig]) -> None:
    one = rig({"at": 4})
    assert one.device.identify() == {"model": None, "firmware": "1.9", "serial_number": None}
    assert (one.device.readback.get(), one.far.rotor.opened) == ("4", [])
    assert one.device.locate() == {"setpoint": None, "readback": 4}


def test_nobody_at_its_address(rig: Callable[..., Rig]) -> None:
    with pytest.raises(InstrumentTimeout):
        rig(device_address=3).device.connect()


def test_its_address(virtual: Clock) -> None:
    made = [
        Valve("valve", address=address, clock=virtual, positions=6, device_address=4).number_on_bus
        for address in ("memory://x", "memory://x?bus=2", "memory://x?bus=0")
    ]
    assert made == [4, 2, 0]


def test_another_version_behind_the_same_port_is_another_valve(rig: Callable[..., Rig]) -> None:
    one = rig()
    one.device.connect()
    one.far.version = 0x0203
    one.bench.inject("instrument", "disconnect")
    with pytest.raises(WrongInstrument, match="another instrument answers"):
        one.read()


# ---- going somewhere -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("direction", "opened"), [("shortest", [2, 3, 4]), ("ccw", [2, 3, 4]), ("cw", [10, 9, 8, 7, 6, 5, 4])]
)
def test_it_goes_to_a_port_the_way_that_is_declared(rig: Callable[..., Rig], direction: str, opened: list[int]) -> None:
    one = rig(direction=direction)
    assert one.set(4) == {"position": 4}
    assert one.far.rotor.opened == opened
    assert one.device.locate() == {"setpoint": 4, "readback": 4}
    assert one.read() == {"position": 4, "moving": False}


@pytest.mark.parametrize("direction", ["shortest", "cw", "ccw"])
def test_every_port_from_every_port(rig: Callable[..., Rig], direction: str) -> None:
    one = rig(direction=direction, positions=6)
    for place in (6, 1, 2, 6, 5, 3, 1, 4):
        assert one.set(place) == {"position": place}
        assert one.far.rotor.at == place


def test_where_it_stands_nothing_is_sent(rig: Callable[..., Rig]) -> None:
    one = rig(direction="cw")
    assert one.set(1) == {"position": 1}
    assert one.far.rotor.opened == []


def test_homed_it_connects_no_port(rig: Callable[..., Rig]) -> None:
    one = rig({"at": 3})
    assert one.set("home") == {"position": "home"}
    assert one.far.homed
    assert one.read() == {"position": "home", "moving": False}
    assert one.device.locate() == {"setpoint": "home", "readback": "home"}
    one.far.rotor.opened.clear()
    assert one.set("home") == {"position": "home"}
    assert one.far.rotor.opened == []
    assert one.set(2) == {"position": 2}
    assert one.read()["position"] == 2


def test_a_place_that_it_does_not_know_is_told_as_none(rig: Callable[..., Rig]) -> None:
    one = rig({"at": 0})
    assert one.read() == {"position": None, "moving": False}
    assert one.device.locate()["readback"] is None
    assert one.set(3) == {"position": 3}


def test_turned_by_somebody_else_it_is_not_home(rig: Callable[..., Rig]) -> None:
    one = rig()
    one.set("home")
    one.far.rotor.stand(5)
    assert one.read()["position"] == 5
    one.far.rotor.stand(5, between=True)
    assert one.read()["position"] is None


def test_it_does_not_take_a_command_while_it_turns(rig: Callable[..., Rig]) -> None:
    one = rig({"step_s": 1.0})
    one.device.connect()
    one.far.rotor.go(5, "up", lambda: None)
    with pytest.raises(Refused, match="busy: its motor turns"):
        one.set(3)


@pytest.mark.parametrize("place", [4, "home"])
def test_a_stuck_rotor_is_an_alarm(rig: Callable[..., Rig], place: object) -> None:
    one = rig({"stuck": True})
    with pytest.raises(InstrumentAlarm, match=r"stalled motor. Look for a rotor that is stuck"):
        one.set(place)


def test_a_head_with_fewer_ports_refuses(rig: Callable[..., Rig]) -> None:
    one = rig({"positions": 6}, positions=10)
    with pytest.raises(Refused, match=r"it has no such port. Check `positions`"):
        one.set(8)
    assert one.far.rotor.opened == []


# ---- what must not be set ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("value", [0, 11, -1, 2.0, True, "3", "A", "Home", None])
def test_what_is_no_position(rig: Callable[..., Rig], value: object) -> None:
    with pytest.raises(OutsideLimits, match=r"it has 1 to 10, home; nothing was sent"):
        rig().device.set(value)


def test_positions_that_may_not_be_opened(rig: Callable[..., Rig]) -> None:
    one = rig(allowed=[1, 2, 10])
    for value in (3, "home"):
        with pytest.raises(OutsideLimits, match="is not among those that may be set"):
            one.device.set(value)
    bounded = rig(limits={"position": (2, 4)})
    assert bounded.set("home") == {"position": "home"}
    with pytest.raises(OutsideLimits):
        bounded.device.set(1)


@pytest.mark.parametrize(
    "settings", [{"positions": 1}, {"positions": 6, "allowed": [7]}, {"positions": 6, "device_address": 128}]
)
def test_settings_that_cannot_be(settings: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"positions|allowed|device_address"):
        ValveSettings(**settings)


# ---- stopping and trouble ------------------------------------------------------------------------------------------


def test_halting_waits_until_the_rotor_stands(rig: Callable[..., Rig]) -> None:
    one = rig({"step_s": 1.0})
    one.device.connect()
    status = one.device.set(4)
    one.wait(1.0)
    assert not one.far.is_safe()
    one.device.halt()
    assert (one.far.is_safe(), one.far.rotor.at, one.device.readback.get()) == (True, 4, "4")
    with pytest.raises(InDoubt):
        one.done(status)


def test_made_safe_in_the_middle_of_a_turn(rig: Callable[..., Rig]) -> None:
    one = rig({"step_s": 1.0})
    one.device.connect()
    one.device.set("home")
    one.wait(0.5)
    one.device.make_safe()
    assert one.bench.is_safe() == {"instrument": True}
    assert one.read()["position"] == "home"


def test_a_valve_that_turns_on_and_on_is_not_safe(rig: Callable[..., Rig]) -> None:
    one = rig({"step_s": 10.0}, timeout_s=3)
    one.device.connect()
    one.device.set(4)
    one.wait(1)
    with pytest.raises(InstrumentAlarm, match="still turns after 3 s"):
        one.device.make_safe()


def test_an_action_in_doubt_is_settled_by_the_position(rig: Callable[..., Rig]) -> None:
    one = rig()
    one.set(4)
    happened = one.clock.run(one.device.do_reconcile(Intent("valve", "set", 4, "idempotent")))
    assert (happened.verdict, happened.result) == ("happened", {"position": 4})
    one.far.rotor.stand(4, between=True)
    missed = one.clock.run(one.device.do_reconcile(Intent("valve", "set", 7, "idempotent")))
    assert (missed.verdict, missed.why) == ("not", "it stands at an unknown place; it can be told again")


@pytest.mark.parametrize("kind", ["drop", "late", "garble", "disconnect"])
@pytest.mark.parametrize("nth", [1, 2, 4, 5])
def test_a_fault_while_it_looks_is_survived(rig: Callable[..., Rig], kind: Any, nth: int) -> None:
    one = rig({"step_s": 0.1})
    one.device.connect()
    one.bench.inject("instrument", kind, nth=nth, seconds=1.2)
    assert one.set(4) == {"position": 4}
    assert one.far.rotor.opened == [2, 3, 4]
    assert one.set(6) == {"position": 6}


@pytest.mark.parametrize("kind", ["drop", "late", "garble", "disconnect"])
def test_a_fault_behind_the_movement_is_told_and_the_movement_not_sent_again(
    rig: Callable[..., Rig], kind: Any
) -> None:
    one = rig()
    one.device.connect()
    one.bench.inject("instrument", kind, nth=3, seconds=1.2)  # motor, port, movement
    with pytest.raises(LinkError):
        one.set(4)
    one.wait(5)
    assert one.read() == {"position": 4, "moving": False}
    assert one.far.rotor.opened == [2, 3, 4]


def test_a_line_that_hangs_is_told_and_then_right_again(rig: Callable[..., Rig]) -> None:
    one = rig(timeout_s=5)
    one.device.connect()
    one.bench.inject("instrument", "hang", nth=4)
    with pytest.raises(LinkError):
        one.set(4)
    one.bench.wire("instrument").mend()
    assert one.read() == {"position": 4, "moving": False}


@pytest.mark.parametrize("seconds", [1.02, 1.05, 1.15, 1.4, 2.0, 2.9])
def test_late_answers_are_never_taken_for_others(rig: Callable[..., Rig], seconds: float) -> None:
    one = rig()
    one.set(3)
    for nth in (1, 2):
        one.bench.inject("instrument", "late", nth=nth, seconds=seconds)
        assert one.read() == {"position": 3, "moving": False}
        one.far.rotor.stand(5)
        assert one.read()["position"] == 5
        one.far.rotor.stand(3)
        assert one.read()["position"] == 3


def test_a_power_cycle_in_the_middle_of_a_turn_is_told(rig: Callable[..., Rig]) -> None:
    one = rig({"step_s": 1.0}, timeout_s=15)
    one.device.connect()
    status = one.device.set(5)
    one.wait(2.5)
    one.far.power_cycle()
    with pytest.raises(InstrumentAlarm, match="has not come to 5 within 15 s: it is at an unknown place"):
        one.done(status)
    assert one.set(5) == {"position": 5}


class TestValve(DriverContract):
    """A valve keeps what every driver must keep."""

    @pytest.fixture
    def instrument(self, virtual: Clock, rigs: Callable[..., Rig]) -> Iterator[Any]:
        rig = met(rigs, virtual)
        with virtual.running():
            virtual.start()
            yield rig.device
        rig.device.disconnect()

    @pytest.fixture
    def command(self) -> object:
        return 3


def test_samples_can_be_set(rig: Callable[..., Rig]) -> None:
    one = rig()
    for value in one.device.samples():
        assert one.set(value) == {"position": value}
