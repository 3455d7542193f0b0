"""The simulated GRBL controller, byte for byte and in lab time."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

if TYPE_CHECKING:
    from tests.simulators.conftest import Speaker
from autolab.simulators.grbl_gcode import GcodeError, Parser

BANNER = "\r\nGrbl 1.1h ['$' for help]\r\n"
LOCKED = "[MSG:'$H'|'$X' to unlock]\r\n"


def raw(far: Speaker, data: bytes, wait: float = 0.05) -> str:
    return far.say(data, wait).decode()


def ask(far: Speaker, command: str, wait: float = 0.05) -> str:
    return raw(far, command.encode() + b"\n", wait)


def report(far: Speaker) -> list[str]:
    return raw(far, b"?").strip()[1:-1].split("|")


@pytest.fixture
def make(meet_one: Callable[..., Speaker]) -> Callable[..., Speaker]:
    def one(**options: Any) -> Speaker:
        return meet_one("grbl.Gantry", None, {"homed": True, **options}, pause=0.05)

    return one


@pytest.mark.parametrize(
    ("sent", "answer"),
    [
        ("", "ok\r\n"),
        ("(a comment)", "ok\r\n"),
        ("; another", "ok\r\n"),
        ("g21 g90", "ok\r\n"),
        ("G1 Q", "error:2\r\n"),
        ("foo", "error:2\r\n"),
        ("1", "error:1\r\n"),
        ("G1 X1", "error:22\r\n"),
        ("G2 X1 R4", "error:20\r\n"),
        ("G0 G1 X1", "error:21\r\n"),
        ("G0 X1 X2", "error:25\r\n"),
        ("G53", "error:26\r\n"),
        ("G80 X1", "error:31\r\n"),
        ("G80 G53 X1", "error:30\r\n"),
        ("G0 X1 P4", "error:36\r\n"),
        ("G4", "error:28\r\n"),
        ("G4 P-1", "error:4\r\n"),
        ("G92", "error:26\r\n"),
        ("G10 L2 P9 X1", "error:29\r\n"),
        ("G10 L2 X1", "error:28\r\n"),
        ("G10 P1 L3 X1", "error:20\r\n"),
        ("$Q", "error:3\r\n"),
        ("$999=1", "error:3\r\n"),
        ("$110=x", "error:2\r\n"),
        ("$110=-1", "error:4\r\n"),
        ("$J=G1X1", "error:16\r\n"),
        ("$J=X1", "error:22\r\n"),
        ("$J=F100", "error:26\r\n"),
        ("$", "[HLP:$$ $# $G $I $N $x=val $Nx=line $J=line $SLP $C $X $H ~ ! ? ctrl-x]\r\nok\r\n"),
        ("$G", "[GC:G0 G54 G17 G21 G90 G94 M5 M9 T0 F0 S0]\r\nok\r\n"),
        ("$I", "[VER:1.1h.20190830:]\r\n[OPT:V,15,128]\r\nok\r\n"),
        ("$N", "$N0=\r\n$N1=\r\nok\r\n"),
        ("X" * 90, "error:11\r\n"),
    ],
)
def test_answers(make: Callable[..., Speaker], sent: str, answer: str) -> None:
    assert ask(make(), sent) == answer


def test_settings_are_told_and_kept(make: Callable[..., Speaker]) -> None:
    far = make()
    told = ask(far, "$$")
    assert told.startswith("$0=10\r\n$1=25\r\n")
    assert told.endswith("$132=80.000\r\nok\r\n")
    assert ask(far, "$110=1500") == "ok\r\n"
    far.inside.power_cycle()
    far.wait(0.1)
    assert "$110=1500.000\r\n" in ask(far, "$$")
    ask(far, "$22=0")
    assert ask(far, "$20=1") == "error:10\r\n"


def test_ok_means_accepted(make: Callable[..., Speaker]) -> None:
    far = make()
    assert ask(far, "G0X0") == "ok\r\n"  # 50 mm at 50 mm/s
    assert report(far)[0] == "Run"
    far.wait(2)
    assert report(far)[:2] == ["Idle", "MPos:0.000,-40.000,-20.000"]


def test_a_feed_and_units(make: Callable[..., Speaker]) -> None:
    far = make()
    ask(far, "G1 F600 X-40")  # 10 mm at 10 mm/s
    far.wait(0.5)
    assert report(far)[2] == "FS:600,0"
    far.wait(1)
    ask(far, "G20 G0 X-1", 1)
    assert report(far)[1] == "MPos:-25.400,-40.000,-20.000"
    ask(far, "G21 G91 G0 X-4.6", 1)
    assert report(far)[1] == "MPos:-30.000,-40.000,-20.000"


def test_motions_wait_in_the_planner_and_a_dwell_waits_for_them(make: Callable[..., Speaker]) -> None:
    far = make()
    assert ask(far, "G1F600X-40") == "ok\r\n"
    assert ask(far, "X-50") == "ok\r\n"
    assert ask(far, "G4P0.01") == ""
    assert raw(far, b"?").startswith("<Run|")
    assert ask(far, "", 3) == "ok\r\nok\r\n"
    assert report(far)[:2] == ["Idle", "MPos:-50.000,-40.000,-20.000"]


def test_a_full_planner_keeps_the_line_waiting(make: Callable[..., Speaker]) -> None:
    far = make(status_mask=3)
    ask(far, "G1F600G91")
    assert raw(far, b"X1\n" * 20, 0.05) == "ok\r\n" * 16  # one moves, 15 wait
    assert report(far)[2] == "Bf:0,116"
    assert raw(far, b"", 30) == "ok\r\n" * 4
    assert report(far)[:3] == ["Idle", "MPos:-30.000,-40.000,-20.000", "Bf:15,128"]


def test_what_does_not_fit_is_lost(make: Callable[..., Speaker]) -> None:
    far = make()
    ask(far, "G1F60G91")
    told = raw(far, b"X.1\n" * 100, 60)
    assert told.count("ok") < 100


def test_hold_resume_and_reset(make: Callable[..., Speaker]) -> None:
    far = make()
    ask(far, "G1F600X0")
    ask(far, "Y0")
    far.wait(1)
    raw(far, b"!", 0.01)
    assert report(far)[0] == "Hold:1"
    far.wait(0.5)
    state, place = report(far)[:2]
    assert state == "Hold:0"
    far.wait(5)
    assert report(far)[1] == place
    raw(far, b"~")
    assert report(far)[0] == "Run"
    raw(far, b"!", 1)
    assert not far.inside.is_safe()
    assert raw(far, b"\x18") == BANNER
    assert report(far)[0] == "Idle"
    far.wait(9)
    assert far.inside.is_safe()
    assert report(far)[0] == "Idle"


def test_a_reset_in_motion_loses_the_position(make: Callable[..., Speaker]) -> None:
    far = make()
    ask(far, "G1F600X0", 1)
    assert raw(far, b"\x18") == "ALARM:3\r\n" + BANNER + LOCKED
    assert ask(far, "G0X0") == "error:9\r\n"
    assert ask(far, "$X") == "[MSG:Caution: Unlocked]\r\nok\r\n"
    assert ask(far, "G0X0") == "ok\r\n"


def test_it_wakes_locked_and_homes(make: Callable[..., Speaker]) -> None:
    far = make(homed=False)
    assert report(far)[:2] == ["Alarm", "MPos:0.000,0.000,0.000"]
    assert ask(far, "G0X1") == "error:9\r\n"
    assert ask(far, "$H") == ""
    assert raw(far, b"?") == ""  # nobody looks while it homes
    assert raw(far, b"", 20) == "ok\r\n"
    assert report(far)[:2] == ["Idle", "MPos:-1.000,-1.000,-1.000"]
    assert far.inside.body.position == (-1, -1, -1)
    ask(far, "G0X-10", 1)
    far.inside.power_cycle()
    far.wait(0.1)
    assert report(far)[:2] == ["Alarm", "MPos:0.000,0.000,0.000"]


def test_homing_needs_switches_and_a_free_way(make: Callable[..., Speaker]) -> None:
    assert ask(make(homing=False, homed=False), "$H") == "error:5\r\n"
    far = make(stuck=True)
    assert ask(far, "$H", 2) == "ALARM:9\r\n"
    far.inside.body.blocked = False
    ask(far, "$H", 0.5)
    assert raw(far, b"\x18") == "ALARM:6\r\n" + BANNER + LOCKED


def test_soft_limits_lock_until_a_reset(make: Callable[..., Speaker]) -> None:
    far = make(soft_limits=True)
    assert ask(far, "G0X5") == "ALARM:2\r\n[MSG:Reset to continue]\r\n"
    assert ask(far, "$X") == ""
    assert raw(far, b"\x18") == BANNER + LOCKED
    assert ask(far, "$X").endswith("ok\r\n")
    assert report(far)[1] == "MPos:-50.000,-40.000,-20.000"
    assert ask(far, "$J=X5F100") == "error:15\r\n"


def test_hard_limits_and_lost_steps(make: Callable[..., Speaker]) -> None:
    far = make(hard_limits=True)
    assert ask(far, "G0X50", 5) == "ok\r\nALARM:1\r\n[MSG:Reset to continue]\r\n"
    far = make()
    ask(far, "G0X50", 5)
    assert report(far)[:2] == ["Idle", "MPos:50.000,-40.000,-20.000"]  # it does not know better
    assert far.inside.body.position[0] == pytest.approx(3)


def test_jogging(make: Callable[..., Speaker]) -> None:
    far = make()
    assert ask(far, "$J=G91X10F600") == "ok\r\n"
    assert report(far)[0] == "Jog"
    assert ask(far, "G0X0") == "error:9\r\n"
    raw(far, b"\x85", 1)
    state, place = report(far)[:2]
    assert state == "Idle"
    assert -50 < float(place[5:].split(",")[0]) < -42
    ask(far, "$J=X-60F600")
    raw(far, b"!", 1)
    assert report(far)[0] == "Idle"
    assert ask(far, "$G").startswith("[GC:G0 G54 G17 G21 G90 ")


def test_offsets(make: Callable[..., Speaker]) -> None:
    far = make(status_mask=0)
    ask(far, "G10 L20 P1 X0 Y0 Z0")
    assert report(far)[1:4] == ["WPos:0.000,0.000,0.000", "FS:0,0", "WCO:-50.000,-40.000,-20.000"]
    ask(far, "G0X10", 1)
    assert report(far)[1] == "WPos:10.000,0.000,0.000"
    ask(far, "G53G0X-50", 1)
    assert report(far)[1] == "WPos:0.000,0.000,0.000"
    ask(far, "G92X7")
    assert report(far)[1] == "WPos:7.000,0.000,0.000"
    assert "[G92:-7.000,0.000,0.000]\r\n" in ask(far, "$#")
    ask(far, "G10 L2 P0 X1")
    assert "[G54:1.000,-40.000,-20.000]\r\n" in ask(far, "$#")


def test_sleep_check_and_door(make: Callable[..., Speaker]) -> None:
    far = make()
    assert ask(far, "$C") == "[MSG:Enabled]\r\nok\r\n"
    assert ask(far, "G0X0") == "ok\r\n"
    assert report(far)[:2] == ["Check", "MPos:-50.000,-40.000,-20.000"]
    assert ask(far, "$C") == "[MSG:Disabled]\r\nok\r\n" + BANNER
    assert raw(far, b"\x84") == "[MSG:Check Door]\r\n"
    assert report(far)[0] == "Door:0"
    raw(far, b"~")
    assert report(far)[0] == "Idle"
    assert ask(far, "$SLP") == "[MSG:Sleeping]\r\nok\r\n"
    assert ask(far, "G0X0") == ""
    assert raw(far, b"\x18") == BANNER + LOCKED


def test_inches(make: Callable[..., Speaker]) -> None:
    assert report(make(inches=True))[1] == "MPos:-1.9685,-1.5748,-0.7874"


def test_commands_that_need_rest(make: Callable[..., Speaker]) -> None:
    far = make()
    ask(far, "G1F60X0")
    assert ask(far, "$$") == "error:8\r\n"
    assert ask(far, "$I") == "error:8\r\n"
    assert ask(far, "$J=X1F60") == "error:8\r\n"
    assert ask(far, "$G").startswith("[GC:G1 ")


def test_it_can_be_kept_and_put_back(make: Callable[..., Speaker]) -> None:
    far = make()
    ask(far, "G0X-10", 3)
    state = far.bench.snapshot()
    ask(far, "$100=300")
    far.inside.power_cycle()
    far.wait(0.1)
    far.bench.restore(state)
    assert report(far)[:2] == ["Idle", "MPos:-10.000,-40.000,-20.000"]
    assert "$100=250.000" in ask(far, "$$")


@given(st.text(alphabet="GMXYZFPLSTN.-+0123456789Q ", max_size=30))
def test_any_line_is_executed_or_refused_and_a_refused_one_changes_nothing(line: str) -> None:
    parser = Parser([0.0] * 3)
    parser.reset()
    before = (dict(parser.modes), parser.feed)
    try:
        parser.execute(line.replace(" ", ""))
    except GcodeError as error:
        assert str(error).isdigit()  # noqa: PT017  what it is refused with
        assert (parser.modes, parser.feed) == before
