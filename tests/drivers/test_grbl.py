"""The GRBL driver: bytes against transcripts, and the gantry on its simulator in virtual time."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autolab.drivers import grbl_protocol as wire
from autolab.drivers.grbl import Gantry
from autolab.drivers.grbl_settings import GantrySettings
from autolab.drivers.instrument import ActionStatus
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


def test_a_report_by_the_documentation() -> None:
    line = b"<Idle|MPos:-10.000,0.000,3.250|FS:0,0|WCO:0.000,1.551,5.664>\r\n"
    assert play(wire.status(), [(">", b"?"), ("<", line)]) == wire.Report("Idle", (-10.0, 0.0, 3.25))
    told = play(wire.status(), [(">", b"?"), ("<", b"<Hold:1|MPos:1.000,2.000,3.000,4.000|Bf:15,128|F:5>\r\n")])
    assert told == wire.Report("Hold:1", (1.0, 2.0, 3.0))
    assert play(wire.hold(), [(">", b"!"), (">", b"?"), ("<", line)]).state == "Idle"


@pytest.mark.parametrize(
    "line",
    [
        b"<Idle|WPos:-10.000,0.000,0.000|FS:0,0>\r\n",
        b"<Idle|MPos:-10.000,0.000|FS:0,0>\r\n",
        b"<Idle|MPos:-10,000,0.000,0.000|FS:0,0>\r\n",
        b"<Idle|MPos:-10.0,0.000,0.000|FS:0,0>\r\n",
        b"<Idle|MPos:nan,0.000,0.000|FS:0,0>\r\n",
        b"<Idel|MPos:0.000,0.000,0.000|FS:0,0>\r\n",
        b"<Hold|MPos:0.000,0.000,0.000|FS:0,0>\r\n",
        b"<Idle|MPos:0.000,0.000,0.000|FS:0,0\r\n",
        b"Idle|MPos:0.000,0.000,0.000|FS:0,0>\r\n",
        b"ok\r\n",
        b"\xff\r\n",
    ],
)
def test_damaged_reports_are_none(line: bytes) -> None:
    with pytest.raises(GarbledReply, match="is no report"):
        play(wire.status(), [(">", b"?"), ("<", line)])


def test_two_reports_of_an_idle_machine_must_agree() -> None:
    here, there = b"<Idle|MPos:1.000,0.000,0.000|FS:0,0>\r\n", b"<Idle|MPos:2.000,0.000,0.000|FS:0,0>\r\n"
    assert play(wire.steady(), [(">", b"?"), ("<", here), (">", b"?"), ("<", here)]).places[0] == 1.0
    assert play(wire.steady(), [(">", b"?"), ("<", here.replace(b"Idle", b"Run"))]).state == "Run"
    with pytest.raises(GarbledReply, match="one of these reports is late"):
        play(wire.steady(), [(">", b"?"), ("<", here), (">", b"?"), ("<", there)])


def test_lines_end_in_ok_or_an_error() -> None:
    sent = (">", b"$G\n")
    assert play(wire.order("$G"), [sent, ("<", b"[GC:G0 G54]\r\n"), ("<", b"ok\r\n")]) == ["[GC:G0 G54]"]
    with pytest.raises(Refused, match=r"refuses '\$G': error 9: it is locked by an alarm"):
        play(wire.order("$G"), [sent, ("<", b"error:9\r\n")])
    with pytest.raises(Refused, match="error 99: see its documentation"):
        play(wire.order("$G"), [sent, ("<", b"error:99\r\n")])
    with pytest.raises(GarbledReply, match="neither ok nor an error"):
        play(wire.order("$G"), [sent, ("<", b"okay\r\n")])
    with pytest.raises(GarbledReply, match="more than 100 lines"):
        play(wire.order("$G"), [sent, *[("<", b"$1=2\r\n")] * 100])


def test_who_it_is() -> None:
    sent, told = (
        (">", b"$I\n"),
        [("<", b"[VER:1.1h.20190830:bench 3]\r\n"), ("<", b"[OPT:V,15,128]\r\n"), ("<", b"ok\r\n")],
    )
    assert play(wire.who(), [sent, *told]) == "1.1h.20190830:bench 3"
    assert play(wire.who(), [sent, ("<", b"error:8\r\n")]) is None
    assert play(wire.who(2.0), [sent, sent, sent, *told]) == "1.1h.20190830:bench 3"
    with pytest.raises(InstrumentTimeout):
        play(wire.who(1.0), [sent, sent])
    with pytest.raises(GarbledReply, match="no version"):
        play(wire.who(), [sent, ("<", b"[OPT:V]\r\n"), ("<", b"ok\r\n")])
    with pytest.raises(Refused):
        play(wire.who(), [sent, ("<", b"error:3\r\n")])


def test_settings_are_whole_and_undamaged() -> None:
    keys = (10, 13, 22, 27, 100, 101, 102, 130, 131, 132)
    lines = [("<", f"${key}={key}.500\r\n".encode()) for key in keys]
    assert play(wire.settings(), [(">", b"$$\n"), *lines, ("<", b"ok\r\n")])[130] == 130.5
    with pytest.raises(GarbledReply, match=r"lacks \[132\]"):
        play(wire.settings(), [(">", b"$$\n"), *lines[:-1], ("<", b"ok\r\n")])
    with pytest.raises(GarbledReply, match="no setting"):
        play(wire.settings(), [(">", b"$$\n"), ("<", b"$1O=3\r\n"), ("<", b"ok\r\n")])


def test_a_reset_is_over_with_its_banner() -> None:
    play(
        wire.reset(),
        [(">", b"\x18"), ("<", b"ok\r\n"), ("<", b"\r\n"), ("<", b"Grbl 1.1h ['$' for help]\r\n")],
    )
    with pytest.raises(GarbledReply, match="no banner"):
        play(wire.reset(), [(">", b"\x18"), ("<", b"Gxbl\r\n")])


PLACES = st.floats(-9999, 9999, allow_nan=False).map(lambda place: round(place, 3))


@given(st.tuples(PLACES, PLACES, PLACES), st.sampled_from(["Idle", "Run", "Hold:0", "Alarm"]))
def test_a_report_round_trips(places: tuple[float, ...], state: str) -> None:
    text = ",".join(f"{place:.3f}" for place in places)
    told = play(wire.status(), [(">", b"?"), ("<", f"<{state}|MPos:{text}|FS:0,0>\r\n".encode())])
    assert told == wire.Report(state, places)


# ---- on the simulator ----------------------------------------------------------------------------------------------


def met(rigs: Callable[..., Rig], clock: Clock, options: Any = None, **settings: Any) -> Rig:
    return rigs(
        "grbl.Gantry", Gantry, clock, name="gantry", settings=settings, options={"homed": True, **(options or {})}
    )


def said(rig: Rig) -> bytes:
    """All that was sent, but for the questions where it is."""
    return b"".join(rig.sent()).replace(b"?", b"")


@pytest.fixture
def make(virtual: Clock, rigs: Callable[..., Rig]) -> Callable[..., Rig]:
    def one(options: Any = None, **settings: Any) -> Rig:
        rig = met(rigs, virtual, options, **settings)
        rig.device.connect()
        return rig

    return one


@pytest.fixture
def rig(make: Callable[..., Rig]) -> Rig:
    return make()


def test_meeting_it_changes_nothing(make: Callable[..., Rig]) -> None:
    rig = make({"homed": False, "info": "bench 3"})
    told = rig.device.identify()
    assert told == {"model": "GRBL", "firmware": "1.1h.20190830", "serial_number": "bench 3"}
    assert set(said(rig).split()) == {b"$I", b"$$"}
    assert rig.device.state.get() == "Alarm"
    assert rig.device.read_configuration()["gantry_version"]["value"] == "1.1h.20190830"


def test_a_machine_in_motion_can_be_met(virtual: Clock, rigs: Callable[..., Rig]) -> None:
    rig = met(rigs, virtual)
    rig.far.receive(b"G1F60X0\n")
    rig.device.connect()
    assert rig.device.state.get() == "Run"
    found = rig.clock.run(rig.device.x.do_reconcile(Intent("gantry.x", "set", 0.0, "queryable")))
    assert (found.verdict, found.why) == ("unknown", "it still moves (Run): halt it first")
    rig.device.halt()
    assert (rig.device.home_of(rig.device.x), rig.device.travel(rig.device.x)) == (-1.0, (-200.0, 0.0))
    assert rig.set(-20, "x")["position_mm"] == pytest.approx(-20)
    rig.device.disconnect()


@pytest.mark.parametrize(
    ("options", "remedy"), [({"status_mask": 0}, r"set \$10=1"), ({"inches": True}, r"set \$13=0")]
)
def test_reports_that_are_not_understood(virtual: Clock, rigs: Callable[..., Rig], options: Any, remedy: str) -> None:
    with pytest.raises(Refused, match=remedy):
        met(rigs, virtual, options).device.connect()


@pytest.mark.parametrize(
    ("settings", "match"),
    [
        ({"speed_mm_s": 0}, "speed_mm_s"),
        ({"limits": {"a": [0, 1]}}, "limits"),
        ({"poll_s": 0.1}, "poll_s"),
        ({"b": 1}, "b"),
    ],
)
def test_settings_that_cannot_be(virtual: Clock, settings: dict[str, Any], match: str) -> None:
    with pytest.raises(InputError, match=match):
        Gantry("gantry", address="memory://x", clock=virtual, **settings)


def test_roles_and_line(virtual: Clock) -> None:
    gantry = Gantry("gantry", address="serial:///dev/ttyUSB0", clock=virtual)
    assert gantry.address.settings == {"baud": "115200"}
    assert {axis.attr_name: axis.role for axis in gantry.axes} == GantrySettings.components
    assert Gantry.role == GantrySettings.role == ""
    with pytest.raises(OutsideLimits, match=r"set gantry.x, gantry.y or gantry.z, not the whole; nothing was sent"):
        gantry.set(3)


def test_a_move_is_done_when_it_stands_there(rig: Rig) -> None:
    seen = list[dict[str, Any]]()

    def begin() -> ActionStatus:
        status: ActionStatus = rig.device.x.set(-10.0)
        status.watch(lambda **told: seen.append(told))
        return status

    begun = rig.clock.now()
    assert rig.run(begin) == {"position_mm": -10.0, "commanded_mm": -10.0}
    assert 4.0 < rig.clock.now() - begun < 5.5  # 40 mm at 10 mm/s
    assert rig.far.body.position == pytest.approx((-10, -40, -20))
    assert rig.device.x.locate() == {"setpoint": -10.0, "readback": -10.0}
    assert b"G53G90G21G1X-10.000F600\n" in said(rig)
    assert seen[0]["current"] < seen[-1]["current"]
    assert rig.device.describe()["gantry_x_readback"]["units"] == "mm"


def test_offsets_of_others_do_not_matter(rig: Rig) -> None:
    rig.far.receive(b"G10 L20 P1 X0 Y0 Z0\nG91\nG20\n")
    rig.wait(0.1)
    assert rig.set(-30, "y")["position_mm"] == -30.0
    assert rig.far.body.position[1] == pytest.approx(-30)


def test_axes_may_be_set_together(rig: Rig) -> None:
    first = rig.begin(-40.0, 0.1, "x")
    assert rig.set(-30.0, "y")["position_mm"] == -30.0
    rig.wait(1)
    assert first.exception(0) is None
    assert rig.run(rig.device.trigger) == {"x_mm": -40.0, "y_mm": -30.0, "z_mm": -20.0}
    assert rig.run(rig.device.z.trigger) == {"position_mm": -20.0}


def test_home_then_move(make: Callable[..., Rig]) -> None:
    rig = make({"homed": False})
    with pytest.raises(Refused, match=r'locked by an alarm .*switched on.*Home it: set\("home"\); nothing was moved'):
        rig.set(-10, "x")
    assert rig.set("home", "x") == {"position_mm": -1.0, "homed": True}
    assert rig.far.body.position == (-1, -1, -1)
    assert rig.set(-10, "x")["position_mm"] == -10.0


def test_homing_that_fails(make: Callable[..., Rig]) -> None:
    rig = make({"stuck": True})
    with pytest.raises(InstrumentAlarm, match="was not homed: alarm 9: homing found no switch"):
        rig.set("home", "z")
    with pytest.raises(Refused, match="homing found no switch"):
        rig.set(-5, "z")
    without = make({"homing": False}, homing=False)
    with pytest.raises(Refused, match=r"does not home: error 5: homing is off"):
        without.set("home", "z")
    assert without.set(-30, "z")["position_mm"] == -30.0


def test_a_machine_without_switches_says_so(make: Callable[..., Rig]) -> None:
    rig = make({"homing": False})
    with pytest.raises(Refused, match=r"no homing switches .*`homing: false`"):
        rig.set(-10, "x")


@pytest.mark.parametrize(
    ("value", "match"),
    [
        (-61, r"x -61 mm is outside the limits -60\.\.-1 mm; nothing was sent"),
        (float("inf"), "a position in mm, or 'home'"),
        ("left", "a position in mm, or 'home'"),
    ],
)
def test_what_must_not_be_sent(make: Callable[..., Rig], value: Any, match: str) -> None:
    rig = make(limits={"x": [-60, -1]})
    with pytest.raises(OutsideLimits, match=match):
        rig.device.x.set(value)
    with pytest.raises(OutsideLimits, match=r"z -80\.1 mm is outside its travel -80\.\.0 mm"):
        rig.device.z.set(-80.1)
    assert b"G1" not in said(rig)


@pytest.mark.parametrize("verb", ["halt", "make_safe"])
@pytest.mark.parametrize("whole", [True, False])
def test_halting_leaves_nothing_that_goes_on(rig: Rig, verb: str, whole: bool) -> None:
    first, second = rig.begin(-5.0, 0.1, "x"), rig.begin(-5.0, 1.5, "y")
    getattr(rig.device if whole else rig.device.z, verb)()
    assert isinstance(first.exception(1), InDoubt)
    assert isinstance(second.exception(1), InDoubt)
    assert rig.bench.is_safe() == {"instrument": True}
    place = rig.far.body.position
    assert -50 < place[0] < -6
    rig.wait(20)
    assert rig.far.body.position == place
    assert rig.device.state.get() == "Idle"
    assert rig.set(-20, "x")["position_mm"] == -20.0  # it still knows where it is
    assert rig.far.body.position[0] == pytest.approx(-20)


def test_halting_while_it_homes(make: Callable[..., Rig]) -> None:
    rig = make({"homed": False})
    status = rig.begin("home", 1.0, "x")
    rig.device.halt()
    assert isinstance(status.exception(1), InDoubt)
    assert rig.bench.is_safe() == {"instrument": True}
    with pytest.raises(Refused, match="homing was reset"):
        rig.set(-10, "x")
    assert rig.set("home", "x")["homed"] is True


def test_a_machine_that_homes_for_somebody_else_can_be_halted(virtual: Clock, rigs: Callable[..., Rig]) -> None:
    rig = met(rigs, virtual, {"homed": False}, boot_s=0)
    rig.far.receive(b"$H\n")
    with pytest.raises(InstrumentTimeout):
        rig.device.connect()
    rig.far.reset()
    rig.far.receive(b"$H\n")
    rig.device.halt()
    assert rig.bench.is_safe() == {"instrument": True}
    rig.device.disconnect()


def test_power_that_goes_in_the_middle_of_a_move(rig: Rig) -> None:
    status = rig.begin(-5.0, 1.5, "x")
    rig.far.power_cycle()
    rig.wait(2)
    error = status.exception(1)
    assert isinstance(error, InstrumentAlarm)
    assert "was locked on its way" in str(error)
    with pytest.raises(Refused, match="locked by an alarm"):
        rig.set(-10, "x")


def test_a_board_that_starts_over_without_a_lock(make: Callable[..., Rig]) -> None:
    rig = make({"homing": False}, homing=False)
    status = rig.begin(5.0, 1.5, "x")
    rig.far.power_cycle()
    rig.wait(2)
    assert "started over on its way" in str(status.exception(1))


def test_limits_of_the_machine_lock_it(make: Callable[..., Rig]) -> None:
    rig = make({"soft_limits": True})
    rig.far.dollar[130] = "30.000"
    with pytest.raises(
        InstrumentAlarm, match="was locked instead of moving: alarm 2: the target was outside its travel"
    ):
        rig.set(-40, "x")
    rig.device.make_safe()
    rig.device.unlock()
    assert rig.set(-25, "x")["position_mm"] == -25.0


def test_a_switch_that_trips_on_the_way(make: Callable[..., Rig]) -> None:
    rig = make({"stuck": True, "hard_limits": True})
    with pytest.raises(InstrumentAlarm, match="alarm 1: a limit switch tripped"):
        rig.set(-10, "x")


def test_one_that_is_held_is_waited_for(make: Callable[..., Rig]) -> None:
    rig = make(timeout_s=20)
    status = rig.begin(-10.0, 1.0, "x")
    rig.far.receive(b"!")
    rig.wait(5)
    assert not status.done
    rig.far.receive(b"~")
    rig.wait(6)
    assert status.exception(1) is None
    status = rig.begin(-40.0, 1.0, "x")
    rig.far.receive(b"!")
    rig.wait(40)
    error = str(status.exception(1))
    assert "was not there after 20 s (Hold:0)" in error
    assert "was halted" in error
    rig.far.receive(b"!")
    with pytest.raises(Refused, match="is Hold:0: release or halt it first"):
        rig.set(-10, "x")
    with pytest.raises(Refused, match="is not idle"):
        rig.set("home", "x")


def test_one_that_stands_elsewhere(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rig.far.body, "go", lambda *_: None)
    with pytest.raises(InstrumentAlarm, match="stands still, x at -50 instead of -10 mm"):
        rig.set(-10, "x")


@pytest.mark.parametrize("kind", ["drop", "late", "garble", "hang", "disconnect"])
def test_a_fault_behind_a_move_leaves_it_in_doubt_and_the_next_command_is_right(rig: Rig, kind: Any) -> None:
    rig.bench.inject("instrument", kind, nth=3, seconds=1.3)  # two answer the look before
    with pytest.raises(LinkError):
        rig.set(-10, "x")
    rig.bench.wire("instrument").mend()
    rig.wait(6)
    assert said(rig).count(b"X-10.000") == 1
    found = rig.clock.run(rig.device.x.do_reconcile(Intent("x", "set", -10.0, "queryable", {"position_mm": -50.0})))
    assert found.verdict == "happened"
    assert rig.set(-20, "x")["position_mm"] == -20.0


@pytest.mark.parametrize("kind", ["drop", "late", "garble"])
@pytest.mark.parametrize("nth", [1, 2, 3, 5])
def test_a_fault_behind_a_look_is_overcome(rig: Rig, kind: Any, nth: int) -> None:
    rig.set(-45, "x")
    rig.bench.inject("instrument", kind, nth=nth, seconds=1.3)
    for _ in range(4):
        assert rig.run(rig.device.trigger) == {"x_mm": -45.0, "y_mm": -40.0, "z_mm": -20.0}
    assert rig.set(-48, "x")["position_mm"] == -48.0


@pytest.mark.parametrize("kind", ["drop", "late", "garble", "disconnect"])
@pytest.mark.parametrize("nth", [1, 2, 3, 4, 6, 9, 14, 18])
def test_a_fault_anywhere_moves_once_or_says_so(rig: Rig, kind: Any, nth: int) -> None:
    rig.bench.inject("instrument", kind, nth=nth, seconds=1.3)
    try:
        assert rig.set(-30, "x")["position_mm"] == -30.0
    except LinkError:
        rig.wait(5)
        intent = Intent("gantry.x", "set", -30.0, "queryable", {"position_mm": -50.0})
        assert rig.clock.run(rig.device.x.do_reconcile(intent)).verdict in ("happened", "not")
    assert said(rig).count(b"X-30.000") <= 1
    rig.bench.wire("instrument").mend()  # one that has not come yet does not come any more
    assert rig.set(-40, "x")["position_mm"] == -40.0
    assert rig.far.body.position == pytest.approx((-40, -40, -20))


def test_homing_whose_end_is_lost(make: Callable[..., Rig]) -> None:
    rig = make(home_timeout_s=30)
    rig.bench.inject("instrument", "drop", nth=3)
    with pytest.raises(InstrumentTimeout, match="says nothing 30 s after homing was begun"):
        rig.set("home", "x")
    assert rig.run(rig.device.x.trigger) == {"position_mm": -1.0}


def test_another_controller(rig: Rig) -> None:
    rig.far.info = "another"
    rig.bench.inject("instrument", "disconnect")
    with pytest.raises(WrongInstrument, match="another controller answers"):
        rig.run(rig.device.x.trigger)


@pytest.mark.parametrize(("at", "verdict"), [(-10.0, "happened"), (-50.0, "not"), (-30.0, "partial")])
def test_reconciling_by_position(rig: Rig, at: float, verdict: str) -> None:
    assert rig.clock.run(rig.device.x.do_prepare("set", -10.0)) == {"position_mm": -50.0}
    assert rig.clock.run(rig.device.x.do_prepare("trigger", None)) == {}
    rig.far.body.put((at, -40, -20))
    intent = Intent("gantry.x", "set", -10.0, "queryable", {"position_mm": -50.0})
    assert rig.clock.run(rig.device.x.do_reconcile(intent)).verdict == verdict


def test_reconciling_homing_and_what_cannot_be(rig: Rig) -> None:
    rig.set("home", "x")
    intent = Intent("gantry.x", "set", "home", "queryable", {"position_mm": -50.0})
    assert rig.clock.run(rig.device.x.do_reconcile(intent)).verdict == "happened"
    rig.far.power_cycle()
    rig.wait(0.5)
    assert rig.clock.run(rig.device.x.do_reconcile(intent)).verdict == "unknown"


def test_homing_at_the_other_end(rig: Rig) -> None:
    rig.device._told = {**rig.device._told, 23: 1.0}
    assert [rig.device.home_of(axis) for axis in rig.device.axes] == [-199.0, -1.0, -1.0]


def test_classes(rig: Rig) -> None:
    for part in (rig.device, rig.device.x):
        assert (part.action_class("trigger", None), part.action_class("set", 1)) == ("read", "queryable")


def test_samples_are_carried_out(make: Callable[..., Rig]) -> None:
    rig = make({"homed": False})
    for axis in rig.device.axes:
        for value in axis.samples():
            rig.set(value, axis.attr_name)


class TestAxis(DriverContract):
    @pytest.fixture
    def instrument(self, scaled: Clock, rigs: Callable[..., Rig]) -> Iterator[Any]:
        rig = met(rigs, scaled)
        yield rig.device.x
        rig.device.disconnect()
        rig.bench.close()

    @pytest.fixture
    def command(self) -> float:
        return -12.5


@pytest.mark.slow
@pytest.mark.parametrize("listen", ["tcp://127.0.0.1:0", "pty"])
def test_over_a_real_port(real: Clock, listen: str) -> None:
    with Bench.single("grbl.Gantry", clock=real) as bench:
        gantry = Gantry(
            "gantry", address=bench.serve(listen)["instrument"], clock=real, ports=Ports(real), speed_mm_s=40
        )
        for value in ("home", -3.0, -5.0):
            gantry.x.set(value).wait(30)
        assert gantry.x.locate()["readback"] == -5.0
        gantry.make_safe()
        gantry.disconnect()
        gantry.x.set(-3.0).wait(30)  # opened anew
        gantry.disconnect()
