"""The Julabo circulator's simulator, byte for byte, and its bath."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from autolab.model.clock import Clock
from autolab.model.errors import InputError
from autolab.simulators.bench import Bench

Met = tuple[Any, Any]


@pytest.fixture
def meet(clock: Clock, talk: Callable[[Bench, str], Any]) -> Callable[..., Met]:
    def one(dialect: str = "v1", **options: Any) -> Met:
        options.setdefault("noise_C", 0.0)
        bench = Bench.single("julabo.Circulator", clock=clock, settings={"dialect": dialect}, options=options)
        return bench, talk(bench, "instrument")

    return one


def test_it_says_who_it_is_and_how(meet: Callable[..., Met]) -> None:
    _, speaker = meet(version="JULABO FP50_MH")
    assert speaker.say(b"VERSION\r") == b"JULABO FP50_MH\r\n"
    assert speaker.say(b"STATUS\r") == b"02 REMOTE STOP\r\n"
    assert speaker.say(b"IN_PV_00\r") == b"21.00\r\n"
    assert speaker.say(b"IN_SP_00\r") == b"20.00\r\n"
    assert speaker.say(b"IN_MODE_05\r") == b"0\r\n"


@pytest.mark.parametrize(
    ("dialect", "end", "answers"),
    [
        ("v1", b"\r\n", {"IN_PV_01": "21.00", "IN_PV_02": "0", "IN_SP_01": "150.00", "IN_SP_02": "-30.00"}),
        ("v2", b"\n", {"IN_PV_02": "21.00", "IN_PV_01": "0", "IN_SP_03": "150.00", "IN_SP_04": "-30.00"}),
    ],
)
def test_dialects(meet: Callable[..., Met], dialect: str, end: bytes, answers: dict[str, str]) -> None:
    _, speaker = meet(dialect)
    for question, answer in answers.items():
        assert speaker.say(question.encode() + b"\r") == answer.encode() + end


def test_a_dialect_that_is_not_known(meet: Callable[..., Met]) -> None:
    with pytest.raises(InputError, match="write v1 or v2"):
        meet("v3")


def test_orders_are_not_answered_and_obeyed(meet: Callable[..., Met]) -> None:
    bench, speaker = meet()
    assert speaker.say(b"OUT_SP_00 55.5\r") == b""
    assert speaker.say(b"IN_SP_00\r") == b"55.50\r\n"
    assert bench.is_safe() == {"instrument": True}
    assert speaker.say(b"OUT_MODE_05 1\r") == b""
    assert speaker.say(b"STATUS\r") == b"03 REMOTE START\r\n"
    assert bench.is_safe() == {"instrument": False}
    assert speaker.say(b"OUT_MODE_05 0\r") == b""
    assert speaker.say(b"IN_MODE_05\r") == b"0\r\n"


@pytest.mark.parametrize(
    ("command", "told"),
    [
        (b"OUT_SP_00 151", b"-11 VALUE TOO LARGE"),
        (b"OUT_SP_00 -31", b"-10 VALUE TOO SMALL"),
        (b"OUT_MODE_05 2", b"-11 VALUE TOO LARGE"),
        (b"OUT_PAR_06 0", b"-10 VALUE TOO SMALL"),
        (b"OUT_SP_00 warm", b"-08 INVALID COMMAND"),
        (b"OUT_SP_00", b"-08 INVALID COMMAND"),
        (b"OUT_XX_00 1", b"-08 INVALID COMMAND"),
        (b"IN_PV_77", b"-08 INVALID COMMAND"),
        (b"IN_PV_00 1", b"-08 INVALID COMMAND"),
        (b"HELLO", b"-08 INVALID COMMAND"),
        (b"OUT_SP_03 50", b"-08 INVALID COMMAND"),  # not in v1
        (b"\xff\xfe", b"-08 INVALID COMMAND"),
    ],
)
def test_what_it_refuses_is_told_by_the_next_status_once(meet: Callable[..., Met], command: bytes, told: bytes) -> None:
    bench, speaker = meet()
    before = bench.instrument("instrument").target
    assert speaker.say(command + b"\r") == b""
    assert speaker.say(b"STATUS\r") == told + b"\r\n"
    assert speaker.say(b"STATUS\r") == b"02 REMOTE STOP\r\n"
    assert bench.instrument("instrument").target == before


def test_under_its_panels_control_it_obeys_nothing(meet: Callable[..., Met]) -> None:
    _, speaker = meet(remote=False)
    speaker.say(b"OUT_MODE_05 1\r")
    assert speaker.say(b"STATUS\r") == b"-09 COMMAND NOT ALLOWED IN CURRENT OPERATING MODE\r\n"
    assert speaker.say(b"STATUS\r") == b"00 MANUAL STOP\r\n"
    assert speaker.say(b"IN_MODE_05\r") == b"0\r\n"


def test_limits_of_v2_can_be_set(meet: Callable[..., Met]) -> None:
    _, speaker = meet("v2")
    speaker.say(b"out_sp_03 60\r")
    assert speaker.say(b"in_sp_03\r") == b"60.00\n"
    speaker.say(b"out_sp_00 61\r")
    assert speaker.say(b"status\r") == b"-11 VALUE TOO LARGE\n"


def test_parameters(meet: Callable[..., Met]) -> None:
    _, speaker = meet()
    for name, sent, told in (("06", "1.5", "1.5"), ("07", "400", "400"), ("12", "60", "60")):
        speaker.say(f"OUT_PAR_{name} {sent}\r".encode())
        assert speaker.say(f"IN_PAR_{name}\r".encode()) == f"{told}\r\n".encode()


def test_an_absent_probe(meet: Callable[..., Met]) -> None:
    _, speaker = meet(probe=False)
    assert speaker.say(b"IN_PV_01\r") == b"---.--\r\n"


def test_the_bath_goes_to_its_set_point_and_back_to_the_room(meet: Callable[..., Met]) -> None:
    _, speaker = meet()
    speaker.say(b"OUT_SP_00 40\r")
    speaker.say(b"OUT_MODE_05 1\r", 30)
    assert speaker.say(b"IN_PV_02\r") == b"100\r\n"
    rising = float(speaker.say(b"IN_PV_00\r"))
    assert 24.0 < rising < 28.0  # 2 kW on 12.6 kJ/K
    speaker.wait(600)
    assert float(speaker.say(b"IN_PV_00\r")) == pytest.approx(40.0, abs=0.01)
    assert 0 < float(speaker.say(b"IN_PV_02\r")) < 10
    speaker.say(b"OUT_SP_00 5\r", 30)
    assert float(speaker.say(b"IN_PV_02\r")) == -100
    speaker.say(b"OUT_MODE_05 0\r", 40000)
    assert float(speaker.say(b"IN_PV_00\r")) == pytest.approx(21.0, abs=0.05)


def test_an_alarm_stops_it_until_it_is_switched_off_and_on(meet: Callable[..., Met]) -> None:
    bench, speaker = meet()
    speaker.say(b"OUT_MODE_05 1\r")
    bench.instrument("instrument").trip(-1)
    assert speaker.say(b"STATUS\r") == b"-01 LOW LEVEL ALARM\r\n"
    assert speaker.say(b"IN_MODE_05\r") == b"0\r\n"
    speaker.say(b"OUT_MODE_05 1\r")
    assert speaker.say(b"STATUS\r").startswith(b"-09")
    bench.instrument("instrument").power_cycle()
    assert speaker.say(b"STATUS\r") == b"02 REMOTE STOP\r\n"


def test_a_warning_does_not_stop_it(meet: Callable[..., Met]) -> None:
    bench, speaker = meet()
    speaker.say(b"OUT_MODE_05 1\r")
    bench.instrument("instrument").trip(-3)
    assert speaker.say(b"STATUS\r") == b"-03 EXCESS TEMPERATURE WARNING\r\n"
    assert speaker.say(b"IN_MODE_05\r") == b"1\r\n"


def test_power_and_what_is_kept(meet: Callable[..., Met]) -> None:
    bench, speaker = meet()
    speaker.say(b"OUT_SP_00 33\r")
    speaker.say(b"OUT_MODE_05 1\r")
    bench.instrument("instrument").power_cycle()
    assert speaker.say(b"IN_SP_00\r") == b"33.00\r\n"
    assert speaker.say(b"IN_MODE_05\r") == b"0\r\n"


def test_snapshots_go_on_where_they_were(meet: Callable[..., Met]) -> None:
    bench, speaker = meet()
    speaker.say(b"OUT_SP_00 60\r")
    speaker.say(b"OUT_PAR_06 2\r")
    speaker.say(b"OUT_MODE_05 1\r", 100)
    kept = bench.snapshot()
    there = speaker.say(b"IN_PV_00\r", 100)
    speaker.say(b"OUT_PAR_06 3\r")
    speaker.say(b"OUT_MODE_05 0\r", 1000)
    bench.restore(kept)
    assert float(speaker.say(b"IN_PV_00\r", 100)) == pytest.approx(float(there), abs=0.1)
    assert speaker.say(b"IN_PAR_06\r") == b"2.0\r\n"
    assert speaker.say(b"IN_MODE_05\r") == b"1\r\n"


def test_noise_is_drawn_anew_for_each_attempt(meet: Callable[..., Met]) -> None:
    bench, speaker = meet(noise_C=0.5)
    seen = []
    for attempt in (1, 2, 1):
        bench.reseed(1, attempt)
        seen.append([speaker.say(b"IN_PV_00\r") for _ in range(3)])
    assert seen[0] == seen[2] != seen[1]


def test_commands_may_come_in_pieces_and_lines_without_end_are_forgotten(meet: Callable[..., Met]) -> None:
    _, speaker = meet()
    assert speaker.say(b"STA") == b""
    assert speaker.say(b"TUS\r") == b"02 REMOTE STOP\r\n"
    speaker.say(b"x" * 300)
    assert speaker.say(b"STATUS\r") == b"02 REMOTE STOP\r\n"
