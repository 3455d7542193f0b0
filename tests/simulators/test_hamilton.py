"""The Microlab 600: its answers byte for byte, its movements in time, its buffer, its status bytes."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import pytest

from autolab.model.clock import Clock
from autolab.model.errors import InputError
from autolab.simulators.bench import Bench

if TYPE_CHECKING:
    from tests.simulators.conftest import Speaker
from autolab.simulators.simulator import Simulator

ACK, NAK = b"\x06", b"\x15"


def ask(pump: Speaker, text: str, wait: float = 0.1) -> str:
    """Say something to unit a and return what stands behind ACK, or `NAK`."""
    said = pump.say(f"a{text}\r", wait)
    assert said[-1:] == b"\r", said
    return "NAK" if said[:1] == NAK else said[1:-1].decode()


@pytest.fixture
def make(meet_one: Callable[..., Speaker]) -> Callable[..., Speaker]:
    def one(settings: dict[str, Any] | None = None, **options: Any) -> Speaker:
        return meet_one("hamilton.ML600", {"volume_mL": 1.0, **(settings or {})}, options)

    return one


@pytest.fixture
def pump(make: Callable[..., Speaker]) -> Speaker:
    return make()


def test_it_is_a_simulator(pump: Speaker) -> None:
    assert isinstance(pump.inside, Simulator)
    assert pump.inside.is_safe()


def test_the_bytes_of_the_sheet(pump: Speaker) -> None:
    assert pump.say(b"1a\r") == b"1b\r"
    assert pump.say(b"aUR\r") == ACK + b"NV01.02.A\r"
    assert pump.say(b"bUR\r") == b""
    assert pump.say(b"aF\r") == ACK + b"Y\r"
    assert pump.say(b"aH\r") == ACK + b"Y\r"
    assert pump.say(b"aE1\r") == ACK + b"@\r"
    assert pump.say(b"aM24000S60R\r") == ACK + b"\r"
    assert pump.say(b"aF\r") == ACK + b"*\r"
    pump.wait(30.0)
    assert pump.say(b"aYQPR\r") == ACK + b"24000\r"


def test_it_is_silent_until_the_chain_has_addresses(make: Callable[..., Speaker]) -> None:
    pump = make(addressed=False, chain=3)
    assert pump.say(b"aUR\r") == b""
    assert pump.say(b"1a\r") == b"1d\r"
    assert pump.say(b"aUR\r") == ACK + b"NV01.02.A\r"


def test_what_is_said_to_everybody_is_done_and_not_answered(pump: Speaker) -> None:
    assert pump.say(b":M4800S20R\r", 3.0) == b""
    assert ask(pump, "YQP") == "4800"


def test_an_older_device_says_each_command_first(make: Callable[..., Speaker]) -> None:
    assert make(echo=True).say(b"aF\r") == b"aF\r" + ACK + b"Y\r"


@pytest.mark.parametrize(
    "nonsense", ["", "Q", "M", "M1.5R", "YQ", "M100S1R", "M100S4000R", "M52801R", "LP09R", "LA0360R", "S10R"]
)
def test_nonsense_is_refused_and_told_once(pump: Speaker, nonsense: str) -> None:
    assert ask(pump, nonsense) == "NAK"
    assert ask(pump, "E1") == "H"
    assert ask(pump, "E1") == "@"


# ---- movements -----------------------------------------------------------------------------------------------------


def test_a_stroke_takes_as_many_seconds_as_it_is_told(pump: Speaker) -> None:
    assert ask(pump, "M48000S10R") == ""
    pump.wait(4.8)
    assert int(ask(pump, "YQP")) == pytest.approx(24000, rel=0.03)
    pump.wait(5.2)
    assert (ask(pump, "YQP"), ask(pump, "F")) == ("48000", "Y")
    assert pump.inside.sides["B"].plunger.position == pytest.approx(1.0)


def test_relative_ways_go_one_after_the_other(pump: Speaker) -> None:
    assert ask(pump, "P9600S10P4800S10D2400S10R", 6.0) == ""
    assert ask(pump, "YQP") == "12000"


def test_without_r_a_command_waits(pump: Speaker) -> None:
    assert ask(pump, "P4800") == ""
    assert (ask(pump, "F"), ask(pump, "E1"), ask(pump, "YQP")) == ("N", "A", "0")
    assert ask(pump, "S10R") == "NAK"
    assert ask(pump, "P4800R", 4.0) == ""
    assert ask(pump, "YQP") == "9600"


def test_k_halts_and_resume_goes_on_and_v_forgets(pump: Speaker) -> None:
    ask(pump, "M48000S20R", 5.0)
    assert ask(pump, "K") == ""
    halted = int(ask(pump, "YQP"))
    assert (ask(pump, "F"), 10000 < halted < 14000) == ("N", True)
    pump.wait(5.0)
    assert int(ask(pump, "YQP")) == halted
    assert ask(pump, "$", 1.0) == ""
    assert int(ask(pump, "YQP")) > halted
    ask(pump, "K")
    ask(pump, "V")
    assert ask(pump, "F") == "Y"
    stopped = ask(pump, "YQP")
    ask(pump, "$", 2.0)
    assert ask(pump, "YQP") == stopped


def test_the_valve_by_place_by_angle_and_by_letter(pump: Speaker) -> None:
    assert ask(pump, "LP04R", 1.0) == ""
    assert (ask(pump, "LQP"), ask(pump, "LQAR")) == ("4", "135")
    assert ask(pump, "LA1270R", 1.0) == ""
    assert (ask(pump, "LQP"), ask(pump, "LQA")) == ("7", "270")
    for letter, place in (("I", "1"), ("O", "2"), ("W", "3")):
        ask(pump, f"{letter}R", 1.0)
        assert ask(pump, "LQP") == place


def test_settings_are_told_back(pump: Speaker) -> None:
    for put, asked, told in (
        ("YSS20", "YQS", "20"),
        ("YSN24", "YQN", "24"),
        ("YSB80", "YQB", "80"),
        ("LSF90", "LQF", "90"),
    ):
        assert ask(pump, put + "R") == ""
        assert ask(pump, asked) == told
    assert ask(pump, "P24000R", 9.0) == ""
    assert ask(pump, "F") == "*"
    pump.wait(1.5)
    assert ask(pump, "F") == "Y"


def test_while_at_work_movements_are_refused_and_questions_answered(pump: Speaker) -> None:
    ask(pump, "M48000S20R", 1.0)
    assert ask(pump, "M0R") == "NAK"
    assert (ask(pump, "F"), ask(pump, "E1"), ask(pump, "T1")) == ("*", "B", "}")
    ask(pump, "K")
    ask(pump, "V")
    assert (ask(pump, "T1"), pump.inside.is_safe()) == ("\x7f", True)
    pump.say(b"aLP05R\r", 0.05)
    assert (ask(pump, "E1", 0.03), ask(pump, "T1", 0.03)) == ("D", "~")


# ---- initialising --------------------------------------------------------------------------------------------------


def test_after_power_came_it_must_be_addressed_and_initialised(pump: Speaker) -> None:
    ask(pump, "M24000S10R", 6.0)
    pump.inside.power_cycle()
    assert pump.say(b"aF\r") == b""
    pump.say(b"1a\r")
    assert (ask(pump, "E2"), ask(pump, "Z"), ask(pump, "G"), ask(pump, "E1")) == ("AAPP", "Y", "Y", "P")
    assert (ask(pump, "YQP"), ask(pump, "M100R")) == ("0", "NAK")
    assert pump.inside.sides["B"].plunger.position == pytest.approx(0.5)
    assert ask(pump, "XR", 6.0) == ""
    assert (ask(pump, "E2"), ask(pump, "Z"), ask(pump, "LQP")) == ("@@PP", "N", "1")
    assert pump.inside.sides["B"].plunger.position == 0.0


def test_valve_and_syringe_are_initialised_each(pump: Speaker) -> None:
    pump.inside.power_cycle()
    pump.say(b"1a\r")
    assert ask(pump, "LXR", 1.0) == ""
    assert ask(pump, "E2") == "A@PP"
    assert ask(pump, "X1S60R", 1.0) == ""
    assert ask(pump, "E2") == "@@PP"


def test_halting_while_it_initialises_leaves_it_not_initialised(pump: Speaker) -> None:
    ask(pump, "M24000S10R", 6.0)
    ask(pump, "X1S60R", 5.0)
    ask(pump, "K")
    ask(pump, "V")
    pump.wait(60.0)
    assert (ask(pump, "E2"), pump.inside.is_safe()) == ("A@PP", True)


def test_a_stuck_plunger_is_overloaded_until_it_is_initialised(make: Callable[..., Speaker]) -> None:
    pump = make(stuck=True)
    ask(pump, "M24000S10R", 6.0)
    assert (ask(pump, "E2"), ask(pump, "Z"), ask(pump, "YQP"), ask(pump, "M0R")) == ("H@PP", "Y", "12000", "NAK")
    ask(pump, "XR", 6.0)
    assert ask(pump, "E2") == "@@PP"


# ---- two syringes --------------------------------------------------------------------------------------------------


def test_two_syringes_are_chosen_by_b_and_c(make: Callable[..., Speaker]) -> None:
    pump = make(dual=True)
    assert (ask(pump, "H"), ask(pump, "E2")) == ("N", "@@@@")
    ask(pump, "BM4800S10R", 2.0)
    ask(pump, "CM9600S10R", 3.0)
    assert (ask(pump, "BYQP"), ask(pump, "CYQP"), ask(pump, "YQP")) == ("4800", "9600", "4800")
    ask(pump, "CLP03R", 1.0)
    assert (ask(pump, "BLQP"), ask(pump, "CLQP")) == ("1", "3")
    ask(pump, "XR", 6.0)
    assert (ask(pump, "BYQP"), ask(pump, "CYQP")) == ("0", "0")
    assert ask(make(), "CM100R") == "NAK"


# ---- options and state ---------------------------------------------------------------------------------------------


def test_options_that_nobody_reads_are_refused(make: Callable[..., Speaker]) -> None:
    with pytest.raises(InputError, match=r"duel.*dual"):
        make(duel=True)


def test_its_state_can_be_kept(pump: Speaker) -> None:
    ask(pump, "LP03M4800S10R", 3.0)
    kept = json.loads(json.dumps(pump.bench.snapshot()))
    ask(pump, "LP01M0R", 5.0)
    pump.inside.power_cycle()
    pump.bench.restore(kept)
    assert (ask(pump, "YQP"), ask(pump, "LQP"), ask(pump, "E2")) == ("4800", "3", "@@PP")


def test_in_a_world_with_liquid_it_draws_from_its_source_and_pushes_to_the_vessel(clock: Clock) -> None:
    lab: dict[str, Any] = {
        "instruments": {
            "instrument": {
                "driver": "hamilton.ML600", "address": "memory://instrument", "volume_mL": 1.0, "contents_mL": 0.5, "stock": "water",
            }
        },
        "plumbing": {"instrument": "beaker"},
        "virtual": {"world": "dosing", "vessels": {"beaker": {"volume_mL": 20, "area_cm2": 0.0}}, "noise": 0.0},
    }  # fmt: skip
    bench = Bench(lab, clock=clock, seed=7)
    channel = bench.channel("instrument")
    channel.open()
    world: Any = bench.world
    for line, held in ((b"aLP02M0S10R\r", 0.0), (b"aLP01M24000S10R\r", 0.5)):
        channel.write(line)
        clock.run(asyncio.sleep(30.0))
        world.advance()
        assert world.plungers["instrument"].position == pytest.approx(held, abs=1e-6)
    assert world.containers["beaker"].volume == pytest.approx(0.5, abs=0.05)
