"""The simulated Zaber stage, byte for byte and in lab time."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import pytest

from autolab.model.clock import Clock
from autolab.simulators.bench import Bench

if TYPE_CHECKING:
    from tests.simulators.conftest import Speaker
from autolab.simulators.zaber import checksum

STEP = 0.047625e-3  # mm
SETTINGS: Any = {"microstep_um": 0.047625}


def ask(far: Speaker, command: str, wait: float = 0.05) -> str:
    return far.say(command.encode() + b"\r\n", wait).decode()


@pytest.fixture
def make(meet_one: Callable[..., Speaker]) -> Callable[..., Speaker]:
    def one(settings: Any = SETTINGS, **options: Any) -> Speaker:
        return meet_one("zaber.Stage", settings, options, pause=0.05)

    return one


@pytest.mark.parametrize(
    ("sent", "answer"),
    [
        ("/1 get pos", "@01 0 OK IDLE -- 629921\r\n"),
        ("/", "@01 0 OK IDLE -- 0\r\n"),
        ("/1", "@01 0 OK IDLE -- 0\r\n"),
        ("/1 0", "@01 0 OK IDLE -- 0\r\n"),
        ("/1 1 7 get pos", "@01 1 07 OK IDLE -- 629921\r\n"),
        ("/1 0 05 get system.serial", "@01 0 05 OK IDLE -- 73412\r\n"),
        ("/get version", "@01 0 OK IDLE -- 7.34\r\n"),
        ("/1 get device.id", "@01 0 OK IDLE -- 50081\r\n"),
        ("/1 get limit.max", "@01 0 OK IDLE -- 2099738\r\n"),
        ("/1 1 get version", "@01 1 RJ IDLE -- DEVICEONLY\r\n"),
        ("/1 2 get pos", "@01 2 RJ IDLE -- BADAXIS\r\n"),
        ("/1 1 100 get pos", "@01 1 RJ IDLE -- BADMESSAGEID\r\n"),
        ("/1 get nonsense", "@01 0 RJ IDLE -- BADCOMMAND\r\n"),
        ("/1 dance", "@01 0 RJ IDLE -- BADCOMMAND\r\n"),
        ("/1 move abs", "@01 0 RJ IDLE -- BADDATA\r\n"),
        ("/1 move abs 1.5", "@01 0 RJ IDLE -- BADDATA\r\n"),
        ("/1 move abs 2099739", "@01 0 RJ IDLE -- BADDATA\r\n"),
        ("/1 move abs -1", "@01 0 RJ IDLE -- BADDATA\r\n"),
        ("/1 move sideways", "@01 0 RJ IDLE -- BADCOMMAND\r\n"),
        ("/1 set maxspeed 0", "@01 0 RJ IDLE -- BADDATA\r\n"),
        ("/1 set version 8", "@01 0 RJ IDLE -- BADCOMMAND\r\n"),
        ("/1 set maxspeed fast", "@01 0 RJ IDLE -- BADDATA\r\n"),
        ("/1 1 set comm.alert 1", "@01 1 RJ IDLE -- DEVICEONLY\r\n"),
        ("/1 warnings", "@01 0 OK IDLE -- 00\r\n"),
        ("/1 tools echo ABC", "@01 0 OK IDLE -- ABC\r\n"),
        ("noise/1 get pos", "@01 0 OK IDLE -- 629921\r\n"),
        ("get pos", ""),
        ("/2 get pos", ""),
    ],
)
def test_answers(make: Callable[..., Speaker], sent: str, answer: str) -> None:
    assert ask(make(homed=True), sent) == answer


def test_checksums_come_with_those_who_send_them(make: Callable[..., Speaker]) -> None:
    far = make(homed=True)
    assert checksum("01 0 OK IDLE -- 0") == "8D"
    assert ask(far, f"/1:{checksum('1')}") == "@01 0 OK IDLE -- 0:8D\r\n"
    assert ask(far, "/1:00") == ""  # damaged: not answered
    assert ask(far, "/1") == "@01 0 OK IDLE -- 0\r\n"
    assert ask(make(homed=True, checksums=True), "/1") == "@01 0 OK IDLE -- 0:8D\r\n"
    assert ask(far, "/1 set comm.checksum 1") == f"@01 0 OK IDLE -- 0:{checksum('01 0 OK IDLE -- 0')}\r\n"


def test_a_move_takes_its_time(make: Callable[..., Speaker]) -> None:
    far = make(homed=True, start_mm=0)
    assert ask(far, "/1 1 move abs 419948") == "@01 1 OK BUSY -- 0\r\n"  # 20 mm at 20 mm/s and 200 mm/s^2: 1.1 s
    far.wait(0.5)
    told = ask(far, "/1 1 get pos")
    assert told.startswith("@01 1 OK BUSY -- ")
    assert 8 < int(told.split()[-1]) * STEP < 12
    assert not far.inside.is_safe()
    far.wait(0.6)
    assert ask(far, "/1 1 get pos") == "@01 1 OK IDLE -- 419948\r\n"
    assert far.inside.is_safe()


def test_relative_ends_and_speed(make: Callable[..., Speaker]) -> None:
    far = make(homed=True)
    ask(far, "/1 move rel -1000", 1)
    assert ask(far, "/1 get pos").endswith(" 628921\r\n")
    ask(far, "/1 move max", 10)
    assert ask(far, "/1 get pos").endswith("IDLE -- 2099738\r\n")
    ask(far, "/1 move min", 10)
    assert ask(far, "/1 get pos").endswith("IDLE -- 0\r\n")
    ask(far, f"/1 move vel {round(10 / STEP * 1.6384)}", 2.0)
    assert int(ask(far, "/1 get pos").split()[-1]) * STEP == pytest.approx(20, abs=1)
    ask(far, "/1 stop", 1)
    assert "OK IDLE NI" in ask(far, "/1 get pos")
    assert ask(far, "/1 warnings clear") == "@01 0 OK IDLE -- 01 NI\r\n"
    ask(far, f"/1 set maxspeed {round(1 / STEP * 1.6384)}")
    ask(far, "/1 move min", 5)
    assert ask(far, "/1").startswith("@01 0 OK BUSY")
    assert ask(far, "/1 estop") == "@01 0 OK IDLE NI 0\r\n"


def test_a_velocity_ends_at_the_end_of_travel(make: Callable[..., Speaker]) -> None:
    far = make(homed=True)
    ask(far, f"/1 move vel -{round(10 / STEP * 1.6384)}", 20)
    assert ask(far, "/1 get pos") == "@01 0 OK IDLE -- 0\r\n"
    assert ask(far, "/1 move vel 0") == "@01 0 OK IDLE -- 0\r\n"


def test_without_reference_it_goes_nowhere_in_particular(make: Callable[..., Speaker]) -> None:
    far = make()
    assert ask(far, "/1 get pos") == "@01 0 OK IDLE WR 0\r\n"
    assert ask(far, "/1 warnings") == "@01 0 OK IDLE WR 01 WR\r\n"
    assert ask(far, "/1 warnings clear") == "@01 0 OK IDLE WR 01 WR\r\n"
    assert ask(far, "/1 move abs 1000") == "@01 0 RJ IDLE WR BADDATA\r\n"
    assert ask(far, "/1 move max") == "@01 0 RJ IDLE WR BADDATA\r\n"
    ask(far, "/1 move rel 1000", 1)
    assert ask(far, "/1 get pos") == "@01 0 OK IDLE WR 1000\r\n"
    assert ask(far, "/1 home") == "@01 0 OK BUSY WR 0\r\n"
    far.wait(5)
    assert ask(far, "/1 get pos") == "@01 0 OK IDLE -- 0\r\n"
    assert far.inside.axis.position == 0


def test_a_position_can_be_set(make: Callable[..., Speaker]) -> None:
    far = make()
    ask(far, "/1 set pos 5000")
    assert ask(far, "/1 get pos") == "@01 0 OK IDLE -- 5000\r\n"


def test_running_into_the_end_stalls(make: Callable[..., Speaker]) -> None:
    far = make()
    ask(far, f"/1 move vel {round(20 / STEP * 1.6384)}", 30)
    assert "OK IDLE FS" in ask(far, "/1")
    assert far.inside.axis.position == 100.5
    assert ask(far, "/1 warnings") == "@01 0 OK IDLE FS 02 FS WR\r\n"


def test_something_in_the_way(make: Callable[..., Speaker]) -> None:
    far = make(homed=True, stuck=True)
    ask(far, "/1 move abs 0", 2)
    assert ask(far, "/1 get pos") == "@01 0 OK IDLE FS 629921\r\n"
    ask(far, "/1 home", 2)
    assert "FS" in ask(far, "/1")
    far.inside.axis.blocked = False
    ask(far, "/1 move abs 1000", 3)
    assert ask(far, "/1 get pos") == "@01 0 OK IDLE -- 1000\r\n"


def test_a_second_move_interrupts_the_first(make: Callable[..., Speaker]) -> None:
    far = make(homed=True)
    ask(far, "/1 move min", 0.5)
    assert ask(far, "/1 move abs 1000000") == "@01 0 OK BUSY NI 0\r\n"
    far.wait(5)
    assert ask(far, "/1 get pos") == "@01 0 OK IDLE NI 1000000\r\n"


def test_it_tells_the_end_of_a_motion_where_that_is_wanted(make: Callable[..., Speaker]) -> None:
    far = make(homed=True, start_mm=0, alerts=True)
    assert ask(far, "/1 move rel 100", 1) == "@01 0 OK BUSY -- 0\r\n!01 1 IDLE --\r\n"


def test_power_and_reset(make: Callable[..., Speaker]) -> None:
    far = make(homed=True)
    ask(far, "/1 set maxspeed 5000")
    ask(far, "/1 move min", 0.1)
    far.inside.power_cycle()
    assert ask(far, "/1 get pos") == "@01 0 OK IDLE WR 0\r\n"
    assert ask(far, "/1 get maxspeed").endswith(" 5000\r\n")
    assert far.inside.axis.position > 20
    ask(far, "/1 home", 600)
    assert ask(far, "/1 system reset") == "@01 0 OK IDLE -- 0\r\n"
    assert "WR" in ask(far, "/1")


def test_it_can_be_kept_and_put_back(make: Callable[..., Speaker]) -> None:
    far = make()
    ask(far, "/1 home", 10)
    ask(far, "/1 move abs 1000", 1)
    state = far.bench.snapshot()
    ask(far, "/1 move abs 9000", 1)
    far.inside.power_cycle()
    far.bench.restore(state)
    assert ask(far, "/1 get pos") == "@01 0 OK IDLE -- 1000\r\n"
    ask(far, "/1 move abs 9000", 0.01)
    with pytest.raises(ValueError, match="moves at"):
        far.bench.snapshot()


def test_two_on_one_line(clock: Clock, talk: Callable[[Bench, str], Any]) -> None:
    entry = {"driver": "zaber.Stage", "microstep_um": 0.1}
    lab: Any = {
        "instruments": {
            "a": {**entry, "address": "serial:///dev/ttyUSB0?bus=1"},
            "b": {**entry, "address": "serial:///dev/ttyUSB0?bus=2", "axis": 2},
        }
    }
    line = talk(Bench(lab, clock=clock), "a")
    assert line.say(b"/get pos\n") == b"@01 0 OK IDLE WR 0\r\n@02 0 OK IDLE WR 0\r\n"
    assert line.say(b"/2 2 get pos\n") == b"@02 2 OK IDLE WR 0\r\n"
