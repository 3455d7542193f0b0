"""The simulated CVC 3000, byte for byte after the fact sheet and the maker's manuals, and in time."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from autolab.model.clock import Clock
from autolab.model.errors import InputError
from autolab.simulators.bench import Bench

KEY = "vacuubrand.CVC3000"
Made = Callable[..., tuple[Bench, Any]]


@pytest.fixture
def cvc(clock: Clock, talk: Callable[[Bench, str], Any]) -> Made:
    def make(*, remote: bool = True, **options: Any) -> tuple[Bench, Any]:
        bench = Bench.single(KEY, clock=clock, options=options)
        line = talk(bench, "instrument")
        if remote:
            line.say(b"ECHO 1\r\n")
            line.say(b"REMOTE 1\r\n")
        return bench, line

    return make


def ask(line: Any, command: str, wait: float = 0.2) -> str:
    said = line.say(command.encode() + b"\r\n", wait).decode()
    assert said.endswith("\r\n"), said
    return str(said[:-2])


def test_what_it_tells_at_first(cvc: Made) -> None:
    _, line = cvc(remote=False)
    assert line.say(b"IN_VER\r\n") == b"CVC 3000 V2.30\r\n"
    assert line.say(b"IN_PV_1\r\n") == b"1000.0 mbar\r\n"
    assert line.say(b"IN_SP_1\r\n") == b"0100 mbar\r\n"
    assert line.say(b"IN_STAT\r\n") == b"000020\r\n"
    assert line.say(b"IN_ERR\r\n") == b"000000000\r\n"
    assert line.say(b"IN_CFG\r\n") == b"2100010101000110\r\n"
    assert line.say(b"IN_PV_2\r\n") == b"000%\r\n"


def test_a_command_ends_with_carriage_return_line_feed_or_both(cvc: Made) -> None:
    _, line = cvc(remote=False)
    for end in (b"\r\n", b"\r", b"\n"):
        assert line.say(b"IN_STAT" + end) == b"000020\r\n"


def test_without_echo_writes_are_silent_and_without_remote_they_do_nothing(cvc: Made) -> None:
    bench, line = cvc(remote=False)
    inside = bench.instrument("instrument")
    assert line.say(b"OUT_SP_1 50\r\n") == b""
    assert (inside.setpoint, ask(line, "IN_ERR")) == (100, "000000001")
    assert line.say(b"REMOTE 1\r\n") == b""
    assert line.say(b"OUT_SP_1 50\r\n") == b""
    assert (inside.setpoint, ask(line, "IN_ERR")) == (50, "000000000")
    assert line.say(b"ECHO 1\r\n") == b"1\r\n"
    assert line.say(b"OUT_SP_1 75\r\n") == b"0075\r\n"


@pytest.mark.parametrize(
    ("command", "echo"),
    [
        ("CVC 3", "3"), ("CVC 3000", "3"), ("STORE", "1"), ("ECHO 1", "1"), ("REMOTE 1", "1"), ("OUT_CFG 00001", "00001"),
        ("OUT_SP_1 123", "0123"), ("OUT_SP_2 90", "090"), ("OUT_SP_5 7", "0007"), ("OUT_MODE 1", "1"), ("OUT_VENT 0", "0"),
        ("START", "1"), ("START 1", "1"), ("STOP 1", "1"), ("STOP 0", "0"),
    ],
)  # fmt: skip
def test_echoes(cvc: Made, command: str, echo: str) -> None:
    assert ask(cvc()[1], command) == echo


@pytest.mark.parametrize(
    "command", ["OUT_SP_1 2000", "OUT_SP_1", "out_sp_1 50", "OUT_SP_2 0", "OUT_VENT 3", "OUT_MODE 9", "STOP 7", "XYZ", "IN_PV_9", "REMOTE 2", "CVC 4"]
)  # fmt: skip
def test_what_is_not_carried_out_is_not_answered_but_noted(cvc: Made, command: str) -> None:
    _, line = cvc()
    assert line.say(command.encode() + b"\r\n") == b""
    assert ask(line, "IN_ERR") == "000000001"


def test_the_mode_is_not_changed_while_it_runs(cvc: Made) -> None:
    _, line = cvc()
    ask(line, "START")
    assert line.say(b"OUT_MODE 1\r\n") == b""
    ask(line, "STOP 1")
    assert ask(line, "OUT_MODE 1") == "1"


def test_it_pumps_to_the_set_point_and_holds_it(cvc: Made) -> None:
    _, line = cvc(leak_L_s=0.01)
    ask(line, "OUT_SP_1 200")
    ask(line, "START")
    assert ask(line, "IN_STAT") == "110021"
    assert ask(line, "IN_PV_2") == "100%"
    line.wait(60)
    assert 199 <= float(ask(line, "IN_PV_1").split()[0]) <= 203
    assert ask(line, "IN_STAT")[5] == "2"
    seen = set()
    for _ in range(60):
        line.wait(1)
        seen.add(ask(line, "IN_STAT")[0])
    assert seen == {"0", "1"}


def test_it_stops_and_the_leak_fills_the_vessel(cvc: Made) -> None:
    bench, line = cvc(leak_L_s=0.01)
    ask(line, "START")
    line.wait(60)
    assert not bench.instrument("instrument").is_safe()
    ask(line, "STOP 1")
    assert bench.instrument("instrument").is_safe()
    assert ask(line, "IN_STAT") == "000020"
    line.wait(100)
    assert float(ask(line, "IN_PV_1").split()[0]) > 300


def test_stop_2_takes_the_pressure_over_as_set_point(cvc: Made) -> None:
    _, line = cvc()
    ask(line, "START", 5.0)
    ask(line, "STOP 2")
    pressure = float(ask(line, "IN_PV_1").split()[0])
    assert abs(int(ask(line, "IN_SP_1").split()[0]) - pressure) <= 1


def test_pumping_down_goes_on_below_the_set_point(cvc: Made) -> None:
    _, line = cvc(lowest_mbar=3.0)
    ask(line, "OUT_MODE 1")
    ask(line, "START", 120.0)
    assert float(ask(line, "IN_PV_1").split()[0]) == pytest.approx(3.4, abs=0.2)
    assert ask(line, "IN_STAT") == "110011"


def test_venting_ends_control_and_fills_the_vessel(cvc: Made) -> None:
    _, line = cvc()
    ask(line, "START", 60.0)
    assert ask(line, "OUT_VENT 1") == "1"
    assert ask(line, "IN_STAT") == "000120"
    line.wait(60)
    assert float(ask(line, "IN_PV_1").split()[0]) > 990
    assert ask(line, "IN_STAT")[3] == "1"
    ask(line, "START")
    assert ask(line, "IN_STAT")[3] == "0"


def test_venting_to_atmosphere_closes_by_itself(cvc: Made) -> None:
    _, line = cvc()
    ask(line, "START", 60.0)
    ask(line, "OUT_VENT 2", 60.0)
    assert ask(line, "IN_STAT")[3] == "0"


def test_a_broken_pump_does_not_run(cvc: Made) -> None:
    _, line = cvc(faults=["pump", "sensor"])
    ask(line, "START")
    assert ask(line, "IN_ERR") == "100001000"
    assert ask(line, "IN_STAT") == "000020"
    ask(line, "STOP 0")
    assert ask(line, "IN_ERR") == "000000000"


def test_the_old_dialect(cvc: Made) -> None:
    _, line = cvc()
    assert ask(line, "CVC 2") == "2"
    assert ask(line, "IN_STAT") == "2000"
    assert ask(line, "IN_CFG") == "20101"


def test_what_comes_too_early_is_lost(cvc: Made) -> None:
    _, line = cvc(remote=False, strict_pacing=True)
    assert line.say(b"IN_VER\r\nIN_STAT\r\n") == b"CVC 3000 V2.30\r\n"
    assert line.say(b"IN_STAT\r\n") == b"000020\r\n"


def test_power_takes_remote_and_echo_and_stops_it(cvc: Made) -> None:
    bench, line = cvc()
    ask(line, "OUT_SP_1 50")
    ask(line, "START", 5.0)
    bench.instrument("instrument").power_cycle()
    assert bench.instrument("instrument").is_safe()
    assert ask(line, "IN_CFG")[-1] == "0"
    assert line.say(b"START\r\n") == b""
    assert ask(line, "IN_SP_1") == "0050 mbar"


def test_it_goes_on_from_a_snapshot(cvc: Made) -> None:
    bench, line = cvc()
    ask(line, "START", 5.0)
    before = ask(line, "IN_PV_1")
    kept = json.loads(json.dumps([bench.world.snapshot(), bench.instrument("instrument").snapshot()]))
    ask(line, "OUT_VENT 1", 30.0)
    bench.world.restore(kept[0])
    bench.instrument("instrument").restore(kept[1])
    after = line.say(b"IN_PV_1\r\n", 0.03).decode().strip()
    assert float(after.split()[0]) == pytest.approx(float(before.split()[0]), abs=25)
    line.wait(60)
    assert ask(line, "IN_STAT") in ("000022", "110022")


def test_an_option_that_nobody_knows_is_refused(cvc: Made) -> None:
    with pytest.raises(InputError, match="colour"):
        cvc(colour="red")
