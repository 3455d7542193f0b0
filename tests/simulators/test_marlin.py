"""The simulated Marlin controller, byte for byte and in lab time."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from tests.simulators.conftest import Speaker
from autolab.simulators.marlin import checksum


def ask(far: Speaker, command: str, wait: float = 0.05) -> str:
    return far.say(command.encode() + b"\n", wait).decode()


def numbered(far: Speaker, marker: int, command: str, wait: float = 0.05) -> str:
    text = f"N{marker} {command}"
    return ask(far, f"{text}*{checksum(text)}", wait)


@pytest.fixture
def make(meet_one: Callable[..., Speaker]) -> Callable[..., Speaker]:
    def one(**options: Any) -> Speaker:
        return meet_one("marlin.Gantry", None, {"homed": True, **options}, pause=0.05)

    return one


@pytest.mark.parametrize(
    ("sent", "answer"),
    [
        ("", ""),
        ("; nothing", ""),
        ("G21", "ok\n"),
        ("M105", "ok\n"),
        ("M114", "X:60.00 Y:50.00 Z:20.00 E:0.00 Count X:4800 Y:4000 Z:8000\nok\n"),
        ("M9999", 'echo:Unknown command: "M9999"\nok\n'),
        ("hello", 'echo:Unknown command: "hello"\nok\n'),
        ("M400", "ok\n"),
        ("N0 M110 N0*125", "ok\n"),
        ("N1 G90", "Error:No Checksum with line number, Last Line: 0\nResend: 1\nok\n"),
        ("N1 G90*1", "Error:checksum mismatch, Last Line: 0\nResend: 1\nok\n"),
        ("N1 G90*x", "Error:checksum mismatch, Last Line: 0\nResend: 1\nok\n"),
        ("N7 G90*18", "Error:Line Number is not Last Line Number+1, Last Line: 0\nResend: 1\nok\n"),
        ("N1 G90*17", "ok\n"),
        ("N", "Error:No Checksum with line number, Last Line: 0\nResend: 1\nok\n"),
    ],
)
def test_answers(make: Callable[..., Speaker], sent: str, answer: str) -> None:
    assert ask(make(), sent) == answer


def test_it_introduces_itself(make: Callable[..., Speaker]) -> None:
    told = ask(make(firmware_name="Marlin 1.1.9", uuid="abc"), "M115").splitlines()
    assert told[0].startswith("FIRMWARE_NAME:Marlin 1.1.9 (")
    assert told[0].endswith("UUID:abc")
    assert told[-2:] == ["Cap:EMERGENCY_PARSER:0", "ok"]


def test_numbers_count(make: Callable[..., Speaker]) -> None:
    far = make(advanced_ok=True)
    assert numbered(far, 1, "G90") == "ok N1 P15 B3\n"
    assert numbered(far, 1, "G90").startswith("Error:Line Number is not Last Line Number+1, Last Line: 1\nResend: 2\n")
    assert numbered(far, 2, "G90") == "ok N2 P15 B3\n"
    assert numbered(far, 7, "M110") == "ok N7 P15 B3\n"
    assert numbered(far, 8, "G90") == "ok N8 P15 B3\n"


def test_the_newest_firmware_says_nothing_to_what_comes_twice(make: Callable[..., Speaker]) -> None:
    far = make(duplicates="silent")
    numbered(far, 1, "G91")
    numbered(far, 2, "G1 X1")
    assert numbered(far, 2, "G1 X1", 1) == ""
    assert ask(far, "M114").startswith("X:61.00 ")
    assert numbered(far, 5, "G1 X1").endswith("Resend: 3\nok\n")


def test_ok_means_accepted_and_m400_waits(make: Callable[..., Speaker]) -> None:
    far = make()
    assert ask(far, "G1 X10 F600") == "ok\n"  # 50 mm at 10 mm/s
    told = ask(far, "M114")
    assert told.startswith("X:10.00 Y:50.00 Z:20.00 E:0.00 Count X:")  # planned, and counted
    assert 4000 < int(told.split("X:")[2].split()[0]) < 4800
    assert not far.inside.is_safe()
    assert ask(far, "M400", 4.5) == "echo:busy: processing\necho:busy: processing\n"
    assert ask(far, "", 2) == "ok\n"
    assert far.inside.is_safe()
    assert far.inside.body.position == pytest.approx((10, 50, 20))


def test_without_busy_messages(make: Callable[..., Speaker]) -> None:
    far = make(keepalive=False)
    ask(far, "G1 X10 F600")
    assert ask(far, "M400", 9) == "ok\n"


def test_relative_dwell_and_zero(make: Callable[..., Speaker]) -> None:
    far = make()
    ask(far, "G91")
    ask(far, "G0 X5 Y-5", 2)
    ask(far, "G90")
    ask(far, "G92 Z0")
    assert ask(far, "M114").startswith("X:65.00 Y:45.00 Z:0.00 ")
    assert ask(far, "G4 P500", 0.4) == ""
    assert ask(far, "", 0.2) == "ok\n"
    assert ask(far, "G4") == "ok\n"


def test_a_full_planner_keeps_the_line_waiting(make: Callable[..., Speaker]) -> None:
    far = make()
    ask(far, "G91")
    assert ask(far, "G1 X1 F600\n" + "G1 X1\n" * 19, 0.1).count("ok") == 16
    assert ask(far, "", 10).count("ok\n") == 4
    assert ask(far, "M114").startswith("X:80.00 ")


def test_homing(make: Callable[..., Speaker]) -> None:
    far = make(homed=False, must_home=True)
    assert ask(far, "G1 X5") == "echo:Home XYZ First\nok\n"
    assert ask(far, "M114").startswith("X:0.00 Y:0.00 Z:0.00 ")
    assert ask(far, "G28", 1) == ""
    assert ask(far, "", 9).splitlines() == ["echo:busy: processing", "ok"]
    assert far.inside.body.position == (0, 0, 0)
    ask(far, "G1 X5 F6000", 1)
    assert far.inside.body.position == pytest.approx((5, 0, 0))
    ask(far, "G28 X", 2)
    assert far.inside.body.position == pytest.approx((0, 0, 0))
    ask(far, "M84")
    assert ask(far, "G1 X5") == "echo:Home XYZ First\nok\n"


def test_targets_are_clipped_without_a_word(make: Callable[..., Speaker]) -> None:
    far = make()
    assert ask(far, "G1 X500 F12000", 5) == "ok\n"
    assert ask(far, "M114").startswith("X:200.00 ")


def test_what_blocks_it_is_not_noticed(make: Callable[..., Speaker]) -> None:
    far = make(stuck=True)
    ask(far, "G1 X10 F6000", 3)
    assert ask(far, "M114").startswith("X:10.00 ")
    assert far.inside.body.position == pytest.approx((60, 50, 20))
    assert ask(far, "G28", 3) == "Error:Homing Failed\nError:Printer halted. kill() called!\n"
    assert ask(far, "M114") == ""


@pytest.mark.parametrize("waits", [True, False])
def test_a_quick_stop_acts_at_once(make: Callable[..., Speaker], waits: bool) -> None:
    far = make()
    ask(far, "G1 X10 F600")
    ask(far, "G1 Y10")
    if waits:
        ask(far, "M400", 1)
    assert ask(far, "M410") == ("ok\nok\n" if waits else "ok\n")
    assert far.inside.is_safe()
    place = far.inside.body.position
    assert ask(far, "M114").startswith(f"X:{place[0]:.2f} Y:50.00 ")
    far.wait(9)
    assert far.inside.body.position == place


def test_an_emergency_stop_needs_power(make: Callable[..., Speaker]) -> None:
    far = make()
    ask(far, "G1 X10 F600")
    assert ask(far, "M112") == "Error:Printer halted. kill() called!\n"
    assert ask(far, "M115") == ""
    assert far.inside.is_safe()
    far.inside.power_cycle()
    assert ask(far, "", 0.1).startswith("start\necho:Marlin 2.1.2\n")
    assert ask(far, "M114").startswith("X:0.00 Y:0.00 Z:0.00 ")


def test_it_may_say_that_it_waits(make: Callable[..., Speaker]) -> None:
    assert ask(make(wait=True), "", 3.1) == "wait\nwait\nwait\n"


def test_too_long_a_line_is_forgotten(make: Callable[..., Speaker]) -> None:
    far = make()
    assert ask(far, "X" * 200 + "\nM400") == "ok\n" or ask(far, "M400") == "ok\n"


def test_it_can_be_kept_and_put_back(make: Callable[..., Speaker]) -> None:
    far = make()
    numbered(far, 1, "G1 X10 F6000", 3)
    state = far.bench.snapshot()
    far.inside.power_cycle()
    far.wait(0.1)
    far.bench.restore(state)
    assert ask(far, "M114").startswith("X:10.00 Y:50.00 ")
    assert numbered(far, 2, "G90") == "ok\n"
