"""The Huber thermostat's simulator, byte for byte, and its bath."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from autolab.model.clock import Clock
from autolab.simulators.bench import Bench

Met = tuple[Any, Any]


@pytest.fixture
def meet(clock: Clock, talk: Callable[[Bench, str], Any]) -> Callable[..., Met]:
    def one(**options: Any) -> Met:
        options.setdefault("noise_C", 0.0)
        bench = Bench.single("huber.Circulator", clock=clock, options=options)
        return bench, talk(bench, "instrument")

    return one


@pytest.mark.parametrize(
    ("command", "answer"),
    [
        (b"{M00****\r\n", b"{S0007D0\r\n"),
        (b"{M01****\r\n", b"{S010834\r\n"),
        (b"{M02****\r\n", b"{S020834\r\n"),
        (b"{M03****\r\n", b"{S0303E8\r\n"),
        (b"{M04****\r\n", b"{S040000\r\n"),
        (b"{M05****\r\n", b"{S050000\r\n"),
        (b"{M07****\r\n", b"{S07C504\r\n"),  # no probe
        (b"{M14****\r\n", b"{S140000\r\n"),
        (b"{M16****\r\n", b"{S160000\r\n"),
        (b"{M1B****\r\n", b"{S1B0001\r\n"),
        (b"{M1C****\r\n", b"{S1CE240\r\n"),
        (b"{M26****\r\n", b"{S260000\r\n"),
        (b"{M30****\r\n", b"{S30F060\r\n"),
        (b"{M31****\r\n", b"{S314E20\r\n"),
        (b"{M48****\r\n", b"{S4807D0\r\n"),
        (b"{M3C****\r\n", b"{S3C0000\r\n"),
        (b"{M6F****\r\n", b"{S6F0000\r\n"),
        (b"{M70****\r\n", b"{S700000\r\n"),
        (b"{MEE****\r\n", b"{SEE7FFF\r\n"),
        (b"{M0009C4\r\n", b"{S0009C4\r\n"),
        (b"{m01****\r\n", b""),
        (b"{M01***\r\n", b""),
        (b"{M01*****\r\n", b""),
        (b"{MXX****\r\n", b""),
        (b"hello\r\n", b""),
        (b"\r\n", b""),
    ],
)
def test_what_it_answers(meet: Callable[..., Met], command: bytes, answer: bytes) -> None:
    _, speaker = meet()
    assert speaker.say(command) == answer


def test_a_restart_is_told_once(meet: Callable[..., Met]) -> None:
    bench, speaker = meet()
    assert speaker.say(b"{M0A****\r\n") == b"{S0A04A0\r\n"
    assert speaker.say(b"{M0A****\r\n") == b"{S0A44A0\r\n"
    bench.instrument("instrument").power_cycle()
    assert speaker.say(b"{M0A****\r\n") == b"{S0A04A0\r\n"


def test_tempering_circulates_and_is_told(meet: Callable[..., Met]) -> None:
    bench, speaker = meet()
    speaker.say(b"{M0A****\r\n")
    assert bench.is_safe() == {"instrument": True}
    assert speaker.say(b"{M140001\r\n") == b"{S140001\r\n"
    assert bench.is_safe() == {"instrument": False}
    assert speaker.say(b"{M16****\r\n") == b"{S160001\r\n"
    assert int(speaker.say(b"{M0A****\r\n")[4:8], 16) & 0b11 == 0b11
    assert speaker.say(b"{M26****\r\n") == b"{S2607D0\r\n"
    assert speaker.say(b"{M140000\r\n") == b"{S140000\r\n"
    assert bench.is_safe() == {"instrument": True}


def test_circulation_alone_heats_nothing(meet: Callable[..., Met]) -> None:
    bench, speaker = meet()
    speaker.say(b"{M000FA0\r\n")
    assert speaker.say(b"{M160001\r\n", 600) == b"{S160001\r\n"
    assert speaker.say(b"{M01****\r\n") == b"{S010834\r\n"
    assert bench.is_safe() == {"instrument": False}


def test_set_points_are_cut_to_the_limits(meet: Callable[..., Met]) -> None:
    _, speaker = meet(lowest_C=5.0, highest_C=90.0)
    assert speaker.say(b"{M0027100\r\n") == b""
    assert speaker.say(b"{M002710\r\n") == b"{S002328\r\n"
    assert speaker.say(b"{M00FC18\r\n") == b"{S0001F4\r\n"


@pytest.mark.parametrize("name", ["14", "16", "6F", "70"])
def test_switches_are_on_or_off(meet: Callable[..., Met], name: str) -> None:
    bench, speaker = meet()
    assert speaker.say(f"{{M{name}0002\r\n".encode()) == f"{{S{name}0000\r\n".encode()
    assert bench.is_safe() == {"instrument": True}


def test_locked_variables(meet: Callable[..., Met]) -> None:
    _, speaker = meet(locked=["48"])
    assert speaker.say(b"{M480100\r\n") == b"{S487FFF\r\n"


def test_the_bath_goes_to_its_set_point(meet: Callable[..., Met]) -> None:
    _, speaker = meet(probe=True)
    speaker.say(b"{M000FA0\r\n")  # 40 degC
    speaker.say(b"{M140001\r\n", 30)
    assert int(speaker.say(b"{M04****\r\n")[4:8], 16) == 2000
    speaker.wait(900)
    assert int(speaker.say(b"{M01****\r\n")[4:8], 16) == pytest.approx(4000, abs=1)
    assert int(speaker.say(b"{M07****\r\n")[4:8], 16) == pytest.approx(4000, abs=1)
    speaker.say(b"{M0003E8\r\n", 30)
    assert int(speaker.say(b"{M04****\r\n")[4:8], 16) - 0x10000 == -900


def test_a_ramp_moves_the_set_point(meet: Callable[..., Met]) -> None:
    _, speaker = meet()
    speaker.say(b"{M590064\r\n")  # 100 s
    assert speaker.say(b"{M5A0BB8\r\n", 50)[:4] == b"{S5A"  # from 20 to 30 degC
    assert int(speaker.say(b"{M00****\r\n")[4:8], 16) == pytest.approx(2500, abs=20)
    speaker.wait(60)
    assert speaker.say(b"{M00****\r\n") == b"{S000BB8\r\n"


def test_an_error_stops_it_and_keeps_it_from_starting(meet: Callable[..., Met]) -> None:
    bench, speaker = meet()
    speaker.say(b"{M140001\r\n")
    bench.instrument("instrument").trip(-5)
    assert speaker.say(b"{M05****\r\n") == b"{S05FFFB\r\n"
    assert int(speaker.say(b"{M0A****\r\n")[4:8], 16) & 0x100
    assert speaker.say(b"{M140001\r\n") == b"{S140000\r\n"
    assert bench.is_safe() == {"instrument": True}


def test_without_power_it_forgets(meet: Callable[..., Met]) -> None:
    bench, speaker = meet()
    speaker.say(b"{M000FA0\r\n")
    speaker.say(b"{M140001\r\n", 60)
    bench.instrument("instrument").power_cycle()
    assert speaker.say(b"{M00****\r\n") == b"{S0007D0\r\n"
    assert speaker.say(b"{M14****\r\n") == b"{S140000\r\n"


def test_snapshots_go_on_where_they_were(meet: Callable[..., Met]) -> None:
    bench, speaker = meet()
    speaker.say(b"{M590064\r\n")
    speaker.say(b"{M140001\r\n")
    speaker.say(b"{M5A0BB8\r\n", 50)
    kept = bench.snapshot()
    there = [speaker.say(b"{M00****\r\n", 20), speaker.say(b"{M01****\r\n", 100), speaker.say(b"{M00****\r\n")]
    speaker.say(b"{M140000\r\n", 1000)
    speaker.say(b"{M590000\r\n")
    bench.restore(kept)
    again = [speaker.say(b"{M00****\r\n", 20), speaker.say(b"{M01****\r\n", 100), speaker.say(b"{M00****\r\n")]
    for one, other in zip(there, again, strict=True):
        assert int(one[4:8], 16) == pytest.approx(int(other[4:8], 16), abs=12)


def test_commands_may_come_in_pieces(meet: Callable[..., Met]) -> None:
    _, speaker = meet()
    assert speaker.say(b"{M01") == b""
    assert speaker.say(b"****\r\n") == b"{S010834\r\n"
    speaker.say(b"x" * 40)
    assert speaker.say(b"{M01****\r\n") == b"{S010834\r\n"
