"""The Heidolph plate: its lines byte for byte, its heat, its motor, its link watch."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import pytest

from autolab.model.errors import InputError

if TYPE_CHECKING:
    from tests.simulators.conftest import Speaker
from autolab.simulators.simulator import Simulator


def say(talk: Speaker, command: str, wait: float = 0.2) -> str:
    """Send a command and return the line that came, without its end."""
    return talk.say(command, wait).decode().removesuffix("\r\n")


@pytest.fixture
def make(meet_one: Callable[..., Speaker]) -> Callable[..., Speaker]:
    """Make a plate without noise that speaks the new protocol."""

    def one(settings: dict[str, Any] | None = None, **options: Any) -> Speaker:
        talk = meet_one("heidolph.HeiConnect", settings, {"noise_C": 0.0, **options}, seed=5, end=b"\r\n")
        assert say(talk, "PA_NEW") == "PA_NEW"
        return talk

    return one


@pytest.fixture
def talk(make: Callable[..., Speaker]) -> Speaker:
    return make()


# ---- commands ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("command", "answer"),
    [
        ("SW_VERS", "SW_VERS V1.24"), ("STATUS", "STATUS 0"), ("IN_PV_1", "IN_PV_1 21.0"), ("IN_PV_2", "IN_PV_2 21.0"),
        ("IN_PV_3", "IN_PV_3 21.0"), ("IN_PV_4", "IN_PV_4 21.0"), ("IN_PV_5", "IN_PV_5 0"), ("IN_SP_1", "IN_SP_1 0.0"),
        ("IN_SP_2", "IN_SP_2 50"), ("IN_SP_3", "IN_SP_3 0"), ("IN_MODE_1", "IN_MODE_1 1"), ("IN_MODE_2", "IN_MODE_2 0"),
        ("IN_MODE_4", "IN_MODE_4 1"), ("OUT_SP_1 50", "OUT_SP_1 50.0"), ("OUT_SP_1 37.5", "OUT_SP_1 37.5"),
        ("OUT_SP_1 400", "OUT_SP_1 0.0"), ("OUT_SP_3 300", "OUT_SP_3 300"), ("OUT_SP_3 50", "OUT_SP_3 0"),
        ("OUT_SP_2 25", "OUT_SP_2 25"), ("OUT_MODE_4 0", "IN_MODE_4 0"), ("START_1", "START_1"), ("STOP_1", "STOP_1"),
        ("START_2", "START_2"), ("STOP_2", "STOP_2"), ("CC_ON", "CC_ON"), ("CC_OFF", "CC_OFF"), ("RESET", "RESET"),
        ("PA_NEW", "PA_NEW"), ("PA_OLD", "PA_OLD"),
        ("", ""), ("nonsense", ""), ("OUT_SP_1 x", ""), ("OUT_SP_9 1", ""), ("OUT_MODE_4 7", ""), ("IN_PV_9", ""),
    ],
)  # fmt: skip
def test_commands_and_their_answers(talk: Speaker, command: str, answer: str) -> None:
    assert say(talk, command) == answer
    assert say(talk, "SW_VERS").endswith("V1.24")


def test_lines_end_with_both_characters(talk: Speaker) -> None:
    talk.channel.write(b"STATUS\r\n")
    assert talk.wait(0.2) == b"STATUS 0\r\n"


def test_it_comes_up_with_the_old_protocol_and_its_motor_still(meet_one: Callable[..., Speaker]) -> None:
    talk = meet_one("heidolph.HeiConnect", None, {"noise_C": 0.0}, seed=5, end=b"\r\n")
    assert isinstance(talk.inside, Simulator)
    assert say(talk, "IN_PV_1") == "21.0"
    assert say(talk, "STATUS") == "0"
    assert talk.inside.is_safe()


@pytest.mark.parametrize(("strict", "said"), [(True, b"STATUS 0\r\n"), (False, b"STATUS 0\r\nIN_PV_3 21.0\r\n")])
def test_commands_that_come_too_soon(make: Callable[..., Speaker], strict: bool, said: bytes) -> None:
    talk = make(strict_pacing=strict)
    talk.channel.write(b"STATUS\r\nIN_PV_3\r\n")
    assert talk.wait(0.5) == said


def test_seven_bits_count(talk: Speaker) -> None:
    talk.channel.write(bytes(byte | 0x80 for byte in b"STATUS") + b"\r\n")
    assert talk.wait(0.2) == b"STATUS 0\r\n"


def test_without_a_probe_it_reads_too_much(make: Callable[..., Speaker]) -> None:
    talk = make(probe=False)
    assert (say(talk, "IN_PV_1"), say(talk, "IN_MODE_1")) == ("IN_PV_1 999.9", "IN_MODE_1 0")
    assert say(make({"sensor": "plate"}), "IN_MODE_1") == "IN_MODE_1 0"


@pytest.mark.parametrize(
    ("options", "match"), [({"heater_power": 2}, "heater_power: 2 is no part"), ({"colour": 1}, "colour")]
)
def test_options_that_cannot_be(make: Callable[..., Speaker], options: Any, match: str) -> None:
    with pytest.raises(InputError, match=match):
        make(**options)


# ---- heater and motor ----------------------------------------------------------------------------------------------


def test_it_heats_the_vessel_to_its_set_point_and_stays(talk: Speaker) -> None:
    say(talk, "OUT_SP_1 50")
    say(talk, "START_1")
    assert say(talk, "STATUS") == "STATUS 1"
    talk.wait(1800.0)
    assert float(say(talk, "IN_PV_1").split()[1]) == pytest.approx(50.0, abs=0.3)
    assert float(say(talk, "IN_PV_3").split()[1]) > 50.0
    say(talk, "STOP_1")
    assert say(talk, "STATUS") == "STATUS 2"
    talk.wait(600.0)
    assert float(say(talk, "IN_PV_1").split()[1]) < 50.0


def test_a_weak_heater_does_not_get_there(make: Callable[..., Speaker]) -> None:
    talk = make(heater_power=0.05)
    say(talk, "OUT_SP_1 150")
    say(talk, "START_1")
    talk.wait(1800.0)
    assert float(say(talk, "IN_PV_1").split()[1]) < 60.0


def test_the_motor_ramps_up_and_down(talk: Speaker) -> None:
    say(talk, "OUT_SP_3 600")
    assert say(talk, "IN_PV_5") == "IN_PV_5 0"
    say(talk, "START_2", wait=2.0)
    assert 200 < float(say(talk, "IN_PV_5").split()[1]) < 400
    talk.wait(10.0)
    assert say(talk, "IN_PV_5") == "IN_PV_5 600"
    say(talk, "STOP_2", wait=10.0)
    assert say(talk, "IN_PV_5") == "IN_PV_5 0"
    assert talk.inside.is_safe()


def test_a_jammed_motor_does_not_turn(make: Callable[..., Speaker]) -> None:
    talk = make(jammed=True)
    say(talk, "OUT_SP_3 600")
    say(talk, "START_2", wait=10.0)
    assert say(talk, "IN_PV_5") == "IN_PV_5 0"
    assert say(talk, "STATUS") == "STATUS 1"


def test_stopped_by_hand_it_is_blocked_until_reset(talk: Speaker) -> None:
    say(talk, "OUT_SP_3 600")
    say(talk, "START_2")
    talk.do(talk.inside.stop_at_panel)
    assert say(talk, "STATUS") == "STATUS -1"
    assert say(talk, "START_2") == "START_2"
    assert talk.inside.is_safe()
    say(talk, "RESET")
    say(talk, "START_2")
    assert say(talk, "STATUS") == "STATUS 1"


def test_an_error_is_a_status_of_its_own(talk: Speaker) -> None:
    talk.do(lambda: talk.inside.fail(-3))
    assert say(talk, "STATUS") == "STATUS -3"


# ---- the link watch ------------------------------------------------------------------------------------------------


def test_silence_while_something_is_on_stops_it_and_a_word_lets_it_go_on(talk: Speaker) -> None:
    say(talk, "CC_ON", wait=60.0)  # nothing is on: nothing to watch over
    say(talk, "OUT_SP_3 600")
    say(talk, "START_2", wait=9.0)
    assert talk.inside.panel == ""
    talk.wait(2.0)
    assert (talk.inside.panel, talk.inside.is_safe()) == ("PC Err", True)
    assert say(talk, "STATUS") == "STATUS 1"
    assert (talk.inside.panel, talk.inside.motor.on) == ("", True)
    talk.wait(11.0)
    assert talk.inside.panel == "PC Err"
    say(talk, "RESET")
    assert (talk.inside.panel, talk.inside.is_safe()) == ("", True)
    assert say(talk, "STATUS") == "STATUS 0"


def test_polling_keeps_it_going_and_without_the_watch_nothing_is_needed(talk: Speaker) -> None:
    say(talk, "CC_ON")
    say(talk, "OUT_SP_3 600")
    say(talk, "START_2")
    for _ in range(10):
        say(talk, "STATUS", wait=8.0)
    assert talk.inside.motor.on
    say(talk, "CC_OFF", wait=3600.0)
    assert talk.inside.motor.on


# ---- power, state --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("resume", [False, True])
def test_a_power_cut(make: Callable[..., Speaker], resume: bool) -> None:
    talk = make(resume=resume)
    assert say(talk, "IN_MODE_2") == f"IN_MODE_2 {resume:d}"
    say(talk, "OUT_SP_3 600")
    say(talk, "CC_ON")
    say(talk, "START_2")
    talk.do(talk.inside.power_cycle)
    assert say(talk, "IN_SP_3") == "600"  # the old protocol again
    assert talk.inside.motor.on is resume
    assert say(talk, "STATUS") == "0"
    talk.wait(60.0)
    assert talk.inside.panel == ""


def test_a_snapshot_is_gone_back_to(make: Callable[..., Speaker]) -> None:
    talk = make(noise_C=0.5)
    for command in ("OUT_SP_1 80", "OUT_SP_3 600", "START_1", "START_2", "CC_ON"):
        say(talk, command)
    state = talk.do(talk.inside.snapshot)
    json.dumps(state)
    first = say(talk, "IN_PV_3")
    say(talk, "RESET")
    talk.do(lambda: talk.inside.restore(state))
    assert talk.inside.heater.on
    assert say(talk, "IN_SP_3") == "IN_SP_3 600"
    assert first.startswith("IN_PV_3 ")
    talk.wait(11.0)
    assert talk.inside.panel == "PC Err"


def test_noise_is_drawn_from_the_seed(make: Callable[..., Speaker]) -> None:
    talk = make(noise_C=1.0)
    told = []
    for _ in range(2):
        talk.do(lambda: talk.inside.reseed(11))
        told.append([say(talk, "IN_PV_3") for _ in range(5)])
    assert told[0] == told[1]
    assert len(set(told[0])) > 1
