"""The Marlin driver: bytes against transcripts, and the gantry on its simulator in virtual time."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autolab.drivers import marlin_protocol as wire
from autolab.drivers.marlin import Gantry
from autolab.drivers.marlin_settings import GantrySettings
from autolab.drivers.testing import DriverContract, play
from autolab.drivers.wire import Ports
from autolab.model.actions import Intent
from autolab.model.clock import Clock
from autolab.model.errors import (
    GarbledReply,
    InDoubt,
    InputError,
    InstrumentAlarm,
    InstrumentTimeout,
    LinkError,
    OutsideLimits,
    Refused,
    WrongInstrument,
)
from autolab.simulators.bench import Bench

if TYPE_CHECKING:
    from tests.drivers.conftest import Rig

# ---- bytes ---------------------------------------------------------------------------------------------------------

G90_1, G90_2 = b"N1 G90*17\n", b"N2 G90*18\n"


def test_a_line_and_its_ok() -> None:
    count = wire.Count()
    assert play(wire.order(count, "G90", once=True), [(">", G90_1), ("<", b"ok\n")]) == []
    assert count == wire.Count(1, 1, None, True)
    said = [(">", G90_2), ("<", b"ok N1 P15 B3\n"), ("<", b"echo:odd\n"), ("<", b"ok N2 P15 B3\n")]
    assert play(wire.order(count, "G90"), said) == ["echo:odd"]  # the ok of line 1 is late


def test_a_line_that_was_damaged_goes_again() -> None:
    again = [("<", b"Error:checksum mismatch, Last Line: 0\n"), ("<", b"Resend: 1\n"), ("<", b"ok\n")]
    count = wire.Count()
    assert play(wire.order(count, "G90"), [(">", G90_1), *again, (">", G90_1), ("<", b"ok\n")]) == []
    count = wire.Count()
    with pytest.raises(GarbledReply, match="'G90' was damaged on its way 3 times"):
        play(wire.order(count, "G90", once=True), [(">", G90_1), *again] * 3)
    assert count == wire.Count(0, 0, None, False)


def lost(*, silent: int = 1) -> wire.Count:
    """Return the count behind a line without an answer, and questions without one."""
    count = wire.Count()
    with pytest.raises(InstrumentTimeout):
        play(wire.order(count, "G90", once=True), [(">", G90_1)])
    for marker in range(2, silent + 1):
        with pytest.raises(InstrumentTimeout):
            play(wire.order(count, "M115"), [(">", wire.encode(marker, "M115"))])
    assert count == wire.Count(0, silent, 1, None)
    return count


@pytest.mark.parametrize("silent", [1, 2, 3])
def test_a_line_without_an_answer_is_in_doubt_until_the_next_tells(silent: int) -> None:
    def ask(marker: int) -> tuple[str, bytes]:
        return (">", wire.encode(marker, "M115"))

    refused = [
        ("<", b"Error:Line Number is not Last Line Number+1, Last Line: 0\n"),
        ("<", b"Resend: 1\n"),
        ("<", b"ok\n"),
    ]
    count = lost(silent=silent)
    assert play(wire.order(count, "M115"), [ask(silent + 1), ("<", b"x\n"), ("<", b"ok\n")]) == ["x"]
    assert count == wire.Count(silent + 1, silent + 1, None, True)
    count = lost(silent=silent)
    play(wire.order(count, "M115"), [ask(silent + 1), *refused, ask(1), ("<", b"ok\n")])
    assert count == wire.Count(1, 1, None, False)
    count = lost(silent=silent)  # the question itself is damaged: the line before was taken
    again = [("<", f"Resend:{silent + 1}\n".encode()), ("<", b"ok\n")]
    play(wire.order(count, "M115"), [ask(silent + 1), *again, ask(silent + 1), ("<", b"ok\n")])
    assert count == wire.Count(silent + 1, silent + 1, None, True)


def test_one_that_counts_otherwise_has_started_over() -> None:
    count = wire.Count(4, 4)
    with pytest.raises(wire.StartedOver, match="wants line 1 instead of 5"):
        play(wire.order(count, "G90", once=True), [(">", b"N5 G90*21\n"), ("<", b"Resend: 1\n"), ("<", b"ok\n")])
    assert count == wire.Count(0, 0, None, None)
    with pytest.raises(wire.StartedOver, match="wants line 9 instead of 1"):
        play(wire.order(count, "G90"), [(">", G90_1), ("<", b"Resend: 9\n"), ("<", b"ok\n")])


def test_a_line_that_is_wanted_again() -> None:
    count = wire.Count(4, 6, 5)
    wire.refused(count, b"Resend: 6")
    assert count == wire.Count(5, 5, None, True)
    with pytest.raises(GarbledReply, match="does not say which line"):
        wire.refused(count, b"Resend: x")
    with pytest.raises(wire.StartedOver):
        wire.refused(count, b"Resend: 1")


def test_counting_from_0() -> None:
    count, line = wire.Count(9, 10, 10), b"N0 M110 N0*125\n"
    play(wire.patiently(count, 3.0), [(">", line), (">", line), (">", line), ("<", b"ok\n")])
    assert count == wire.Count()
    with pytest.raises(InstrumentTimeout):
        play(wire.patiently(count, 1.0), [(">", line)])
    with pytest.raises(GarbledReply, match="does not count from 0"):
        play(wire.restart(count), [(">", line), ("<", b"Resend: 4\n"), ("<", b"ok\n")])


@pytest.mark.parametrize(
    ("lines", "places"),
    [
        (["X:10.00 Y:0.00 Z:-5.25 E:0.00 Count X:800 Y:0 Z:0"], (10.0, 0.0, -5.25)),
        (["echo:odd", "X:1.00 Y:2.00 Z:3.00"], (1.0, 2.0, 3.0)),
        (["ok X:1.0 Y:0 Z:3.0 E:0.0 Count: A:100 B:0 C:300"], (1.0, 0.0, 3.0)),
    ],
)
def test_positions(lines: list[str], places: tuple[float, ...]) -> None:
    assert wire.places(lines) == places


@pytest.mark.parametrize(
    "lines",
    [
        [],
        ["X:10.00 Y:0.00"],
        ["X:10,00 Y:0.00 Z:0.00"],
        ["X:1O.00 Y:0.00 Z:0.00"],
        ["X:nan Y:0.00 Z:0.00"],
        ["X:10.00 Y:0.00 Z:0.00 E:0.00 Count X:8\xff0"],
        ["X:10.00 Y:0.00 Z:0.00", "X:20.00 Y:0.00 Z:0.00"],
    ],
)
def test_damaged_positions_are_none(lines: list[str]) -> None:
    with pytest.raises(GarbledReply, match="no position"):
        wire.places(lines)


def test_position_and_ok_in_one_line() -> None:
    line = "ok X:1.0 Y:0 Z:3.0 E:0.0 Count: A:100 B:0 C:300"
    assert play(wire.order(wire.Count(), "G90"), [(">", G90_1), ("<", f"{line}\n".encode())]) == [line]
    with pytest.raises(GarbledReply, match="without an ok"):
        play(wire.order(wire.Count(), "G90"), [(">", G90_1), *[("<", b"x\n")] * 100])


def test_names() -> None:
    assert wire.name(["FIRMWARE_NAME:Marlin 2 UUID:1", "Cap:EEPROM:1"]) == "Marlin 2 UUID:1"
    for lines in ([], ["FIRMWARE_NAME:Mar\xfflin"], ["FIRMWARE_NAME:a", "FIRMWARE_NAME:b"]):
        with pytest.raises(GarbledReply, match="no one FIRMWARE_NAME"):
            wire.name(lines)


@given(st.integers(0, 10**6), st.text(alphabet="GMXYZ0123456789. -", min_size=1, max_size=40))
def test_checksums_are_exclusive_or(marker: int, command: str) -> None:
    line, _, told = wire.encode(marker, command).rstrip(b"\n").rpartition(b"*")
    assert line == f"N{marker} {command}".encode()
    total = 0
    for byte in line:
        total ^= byte
    assert int(told) == total


# ---- on the simulator ----------------------------------------------------------------------------------------------


def met(rigs: Callable[..., Rig], clock: Clock, options: Any = None, **settings: Any) -> Rig:
    return rigs("marlin.Gantry", Gantry, clock, name="gantry", settings=settings, options=options)


def said(rig: Rig) -> bytes:
    return b"".join(rig.sent())


@pytest.fixture
def make(virtual: Clock, rigs: Callable[..., Rig]) -> Callable[..., Rig]:
    def one(options: Any = None, *, home: bool = True, **settings: Any) -> Rig:
        rig = met(rigs, virtual, options, **settings)
        rig.device.connect()
        if home:
            rig.set("home", "x")
        return rig

    return one


@pytest.fixture
def rig(make: Callable[..., Rig]) -> Rig:
    return make()


def test_meeting_it_moves_nothing(make: Callable[..., Rig]) -> None:
    rig = make(home=False)
    told = rig.device.identify()
    assert told == {
        "model": "Marlin", "firmware": "Marlin 2.1.2 (Dec 17 2022 12:00:00)",
        "serial_number": "cede2a2f-41a2-4748-9b12-c55c62f367ff",
    }  # fmt: skip
    commands = {line.split(b"*")[0].split(b" ", 1)[1] for line in said(rig).splitlines()}
    assert commands == {b"M110 N0", b"M115", b"M114"}
    assert rig.far.body.position == (60, 50, 20)
    with pytest.raises(Refused, match=r'was not homed.*set\("home"\); nothing was moved'):
        rig.set(5, "x")


@pytest.mark.parametrize("kind", ["drop", "late", "garble"])
@pytest.mark.parametrize("nth", [1, 2, 3, 4])
def test_a_damaged_meeting_is_none_or_the_right_one(
    virtual: Clock, rigs: Callable[..., Rig], kind: Any, nth: int
) -> None:
    rig = met(rigs, virtual)
    rig.bench.inject("instrument", kind, nth=nth, seconds=2.0)
    try:
        rig.device.connect()
    except LinkError:
        rig.device.connect()
    assert rig.device.identify()["firmware"] == "Marlin 2.1.2 (Dec 17 2022 12:00:00)"
    rig.device.disconnect()


@pytest.mark.parametrize(
    ("settings", "match"), [({"speed_mm_s": 0}, "speed_mm_s"), ({"limits": {"a": [0, 1]}}, "limits"), ({"b": 1}, "b")]
)
def test_settings_that_cannot_be(virtual: Clock, settings: dict[str, Any], match: str) -> None:
    with pytest.raises(InputError, match=match):
        Gantry("gantry", address="memory://x", clock=virtual, **settings)


def test_roles_and_line(virtual: Clock) -> None:
    gantry = Gantry("gantry", address="serial:///dev/ttyUSB0", clock=virtual)
    assert gantry.address.settings == {"baud": "115200"}
    assert {axis.attr_name: axis.role for axis in gantry.axes} == GantrySettings.components
    with pytest.raises(OutsideLimits, match="not the whole; nothing was sent"):
        gantry.set(3)


@pytest.mark.parametrize(
    "options",
    [{}, {"advanced_ok": True}, {"duplicates": "silent"}, {"keepalive": False}, {"must_home": True}, {"wait": True}],
)
def test_home_then_move_in_any_dialect(make: Callable[..., Rig], options: Any) -> None:
    rig = make(options, home=False)
    assert rig.set("home", "x") == {"position_mm": 0.0, "homed": True}
    assert rig.far.body.position == (0, 0, 0)
    begun = rig.clock.now()
    assert rig.set(40, "x") == {"position_mm": 40.0, "commanded_mm": 40.0}
    assert 4.0 < rig.clock.now() - begun < 7.0
    assert rig.far.body.position == pytest.approx((40, 0, 0))
    assert rig.device.x.locate() == {"setpoint": 40.0, "readback": 40.0}
    assert rig.run(rig.device.trigger) == {"x_mm": 40.0, "y_mm": 0.0, "z_mm": 0.0}


def test_axes_set_together_go_one_after_the_other(rig: Rig) -> None:
    first = rig.begin(20.0, 0.1, "x")
    assert rig.set(5.0, "y")["position_mm"] == 5.0
    assert first.exception(0) is None
    assert rig.far.body.position == pytest.approx((20, 5, 0))


def test_modes_of_others_do_not_matter(rig: Rig) -> None:
    rig.far.receive(b"G91\n")
    rig.wait(0.1)
    rig.set(10, "x")
    assert rig.set(20, "x")["position_mm"] == 20.0


@pytest.mark.parametrize(
    ("value", "match"),
    [(61, r"x 61 mm is outside the limits 0\.\.60 mm; nothing was sent"), ("left", "in mm, or 'home'")],
)
def test_what_must_not_be_sent(make: Callable[..., Rig], value: Any, match: str) -> None:
    rig = make(limits={"x": [0, 60]})
    with pytest.raises(OutsideLimits, match=match):
        rig.device.x.set(value)
    assert b"G1" not in said(rig)


def test_a_target_that_the_firmware_clips_is_an_alarm(rig: Rig) -> None:
    with pytest.raises(InstrumentAlarm, match="z stands at 180 instead of 200 mm"):
        rig.set(200, "z")


def test_one_that_wants_to_be_homed(make: Callable[..., Rig]) -> None:
    rig = make({"must_home": True})
    rig.far.homed = False  # its motors were released meanwhile
    with pytest.raises(Refused, match="wants to be homed first"):
        rig.set(5, "x")
    rig = make({"must_home": True}, home=False, homing=False)
    with pytest.raises(Refused, match="wants to be homed first"):
        rig.set(5, "x")


def test_homing_that_fails_shuts_it_down(make: Callable[..., Rig]) -> None:
    rig = make({"stuck": True}, home=False)
    with pytest.raises(InstrumentAlarm, match="shut down during homing"):
        rig.set("home", "z")
    rig.device.make_safe()
    assert rig.bench.is_safe() == {"instrument": True}
    with pytest.raises(LinkError):
        rig.set(5, "z")


@pytest.mark.parametrize("verb", ["halt", "make_safe"])
def test_halting_leaves_nothing_that_goes_on(rig: Rig, verb: str) -> None:
    first, second = rig.begin(50.0, 0.1, "x"), rig.begin(5.0, 1.5, "y")
    getattr(rig.device, verb)()
    assert isinstance(first.exception(1), InDoubt)
    assert isinstance(second.exception(1), InDoubt)
    place = rig.far.body.position
    assert 1 < place[0] < 49
    rig.wait(20)
    assert rig.far.body.position == place
    assert rig.device.x.at == pytest.approx(place[0], abs=0.01)
    with pytest.raises(Refused, match="halted in motion"):
        rig.set(5, "x")
    rig.set("home", "x")
    assert rig.set(5, "x")["position_mm"] == 5.0


def test_halting_while_it_homes(make: Callable[..., Rig]) -> None:
    rig = make(home=False)
    status = rig.begin("home", 0.8, "x")
    rig.device.x.halt()
    assert isinstance(status.exception(1), InDoubt)
    assert rig.bench.is_safe() == {"instrument": True}
    assert rig.set("home", "x")["homed"] is True


def test_a_machine_that_somebody_else_has_busy_is_met_by_halting_it(virtual: Clock, rigs: Callable[..., Rig]) -> None:
    rig = met(rigs, virtual, {"homed": True}, boot_s=0)
    rig.far.receive(b"G1 X150 F60\nM400\n")
    rig.wait(0.5)
    with pytest.raises(InstrumentTimeout):
        rig.device.connect()
    rig.device.halt()
    assert rig.bench.is_safe() == {"instrument": True}
    rig.device.disconnect()


def test_a_move_whose_end_was_not_heard_can_be_halted(make: Callable[..., Rig]) -> None:
    rig = make(timeout_s=5, speed_mm_s=1)
    with pytest.raises(InstrumentTimeout, match="says nothing 5 s after the move"):
        rig.set(100, "x")
    assert rig.bench.is_safe() == {"instrument": False}
    rig.device.halt()
    assert rig.bench.is_safe() == {"instrument": True}
    with pytest.raises(Refused, match="halted in motion"):
        rig.set(5, "x")


def test_halting_between_a_move_and_the_wait_for_it(rig: Rig) -> None:
    status = rig.begin(100.0, 0.03, "x")
    rig.device.halt()
    assert isinstance(status.exception(1), InDoubt)
    assert rig.bench.is_safe() == {"instrument": True}
    with pytest.raises(Refused, match="halted in motion"):
        rig.set(5, "x")


def test_halting_at_rest_keeps_the_reference(rig: Rig) -> None:
    rig.device.halt()
    rig.device.make_safe()
    assert rig.set(5, "x")["position_mm"] == 5.0


def test_one_that_does_not_stop_is_shut_down(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rig.far, "_at_once", lambda command: command == "M112" and rig.far.body.freeze())
    rig.far.receive(b"G1 X100 F60\n")
    rig.wait(0.2)
    with pytest.raises(InstrumentAlarm, match=r"was shut down \(M112\): reset it"):
        rig.device.make_safe()
    assert said(rig).endswith(b"M112\n")


def test_power_that_goes_in_the_middle_of_a_move(rig: Rig) -> None:
    status = rig.begin(50.0, 1.5, "x")
    rig.far.power_cycle()
    rig.wait(3)
    error = status.exception(1)
    assert isinstance(error, InstrumentAlarm)
    assert "started over during the move of x to 50 mm" in str(error)
    with pytest.raises(Refused, match="was not homed"):
        rig.set(10, "x")
    rig.set("home", "x")
    assert rig.set(10, "x")["position_mm"] == 10.0


def test_power_that_goes_unheard(rig: Rig) -> None:
    rig.bench.inject("instrument", "drop")
    rig.far.power_cycle()  # its banner is lost
    rig.wait(0.5)
    with pytest.raises(Refused, match="was not homed"):
        rig.set(10, "x")
    assert rig.far.body.position == (0, 0, 0)


@pytest.mark.parametrize("options", [{}, {"duplicates": "silent"}, {"advanced_ok": True}])
@pytest.mark.parametrize("kind", ["drop", "late", "garble"])
@pytest.mark.parametrize("nth", range(1, 9))
def test_a_fault_on_the_way_moves_once_and_arrives(make: Callable[..., Rig], options: Any, kind: Any, nth: int) -> None:
    rig = make(options, timeout_s=20)
    rig.bench.inject("instrument", kind, nth=nth, seconds=2.0)
    try:
        assert rig.set(30, "x")["position_mm"] == 30.0
    except InstrumentTimeout as error:  # the word at the end of all motions was lost: in doubt, settled by position
        assert "says nothing 20 s after the move of x" in str(error)  # noqa: PT017  it need not come
    rig.wait(5)
    assert rig.far.body.position == pytest.approx((30, 0, 0))
    intent = Intent("gantry.x", "set", 30.0, "queryable", {"position_mm": 0.0})
    assert rig.clock.run(rig.device.x.do_reconcile(intent)).verdict == "happened"
    assert rig.set(35, "x")["position_mm"] == 35.0


def test_lines_that_are_damaged_on_their_way_there(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    take, seen = rig.far.hear, list[bytes]()

    def damaged(frame: bytes) -> None:
        seen.append(frame)
        take(frame.replace(b"M", b"W", 1) if len(seen) % 3 == 0 else frame)

    monkeypatch.setattr(rig.far, "hear", damaged)
    for place in (10, 20, 5):
        assert rig.set(place, "x")["position_mm"] == place
        assert rig.far.body.position == pytest.approx((place, 0, 0))


@pytest.mark.parametrize("kind", ["hang", "disconnect"])
def test_a_line_that_dies(rig: Rig, kind: Any) -> None:
    rig.bench.inject("instrument", kind, nth=4)
    if kind == "hang":
        with pytest.raises(LinkError):
            rig.set(30, "x")
    else:
        assert rig.set(30, "x")["position_mm"] == 30.0  # opened again, and the numbers told what it had taken
    rig.bench.wire("instrument").mend()
    rig.wait(10)
    assert rig.set(5, "x")["position_mm"] == 5.0


def test_another_controller(rig: Rig) -> None:
    rig.far.uuid = "another"
    rig.bench.inject("instrument", "disconnect")
    with pytest.raises(WrongInstrument, match="another controller answers"):
        rig.run(rig.device.x.trigger)


def test_two_introductions_that_differ(
    virtual: Clock, rigs: Callable[..., Rig], monkeypatch: pytest.MonkeyPatch
) -> None:
    rig, names = met(rigs, virtual), iter(["Marlin 2", "Marlan 2", "Marlin 2", "Marlin 2"])
    introduce = rig.far._introduce

    def another() -> None:
        rig.far.firmware = next(names)
        introduce()

    monkeypatch.setattr(rig.far, "_introduce", another)
    with pytest.raises(GarbledReply, match=r"introduces itself as 'Marlin 2 .* and as 'Marlan 2"):
        rig.device.connect()


@pytest.mark.parametrize(("at", "verdict"), [(30.0, "happened"), (0.0, "not"), (11.0, "partial")])
def test_reconciling_by_position(rig: Rig, at: float, verdict: str) -> None:
    assert rig.clock.run(rig.device.x.do_prepare("set", 30.0)) == {"position_mm": 0.0}
    rig.far.planned[0] = at
    intent = Intent("gantry.x", "set", 30.0, "queryable", {"position_mm": 0.0})
    assert rig.clock.run(rig.device.x.do_reconcile(intent)).verdict == verdict


def test_nothing_to_reconcile_by(make: Callable[..., Rig]) -> None:
    rig = make(home=False)
    found = rig.clock.run(rig.device.x.do_reconcile(Intent("gantry.x", "set", 30.0, "queryable")))
    assert found.verdict == "unknown"
    assert "home it" in found.why


def test_samples_are_carried_out(make: Callable[..., Rig]) -> None:
    rig = make(home=False)
    for axis in rig.device.axes:
        for value in axis.samples():
            rig.set(value, axis.attr_name)


class TestAxis(DriverContract):
    @pytest.fixture
    def instrument(self, scaled: Clock, rigs: Callable[..., Rig]) -> Iterator[Any]:
        rig = met(rigs, scaled, {"homed": True}, homing=False)
        yield rig.device.x
        rig.device.disconnect()
        rig.bench.close()

    @pytest.fixture
    def command(self) -> float:
        return 12.5


@pytest.mark.slow
@pytest.mark.parametrize("listen", ["tcp://127.0.0.1:0", "pty"])
def test_over_a_real_port(real: Clock, listen: str) -> None:
    with Bench.single("marlin.Gantry", clock=real) as bench:
        gantry = Gantry(
            "gantry", address=bench.serve(listen)["instrument"], clock=real, ports=Ports(real), speed_mm_s=40
        )
        for value in ("home", 3.0, 5.0):
            gantry.x.set(value).wait(30)
        assert gantry.x.locate()["readback"] == 5.0
        gantry.make_safe()
        gantry.disconnect()
        gantry.x.set(3.0).wait(30)  # opened anew
        halted = gantry.x.set(100.0)
        real.run(asyncio.sleep(1))
        gantry.halt()
        with pytest.raises(InDoubt):
            halted.wait(5)
        assert bench.is_safe() == {"instrument": True}
        gantry.disconnect()
