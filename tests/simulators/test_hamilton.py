"""The Microlab 600: its answers byte for byte, its movements in time, its buffer, its status bytes."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from typing import Any

import pytest

from autolab.model.clock import Clock
from autolab.model.errors import InputError
from autolab.simulators.bench import Bench
from autolab.simulators.hamilton import ML600Simulator
from autolab.simulators.simulator import Simulator

ACK, NAK = b"\x06", b"\x15"


class Pump:
    """Somebody who talks to a Microlab of 1 mL in lab time, and looks inside."""

    def __init__(self, clock: Clock, settings: dict[str, Any] | None = None, **options: Any) -> None:
        self.clock = clock
        settings = {"volume_mL": 1.0, **(settings or {})}
        self.bench = Bench.single("hamilton.ML600", clock=clock, settings=settings, options=options)
        self.inside: ML600Simulator = self.bench.instrument("instrument")
        self.heard = b""
        self.channel = self.bench.channel("instrument")
        self.channel.open()
        self.channel.on_bytes(self._hear)

    def _hear(self, data: bytes) -> None:
        self.heard += data

    def say(self, data: bytes, wait: float = 0.1) -> bytes:
        self.heard = b""
        self.channel.write(data)
        self.wait(wait)
        return self.heard

    def ask(self, text: str, wait: float = 0.1) -> str:
        """Say something to unit a and return what stands behind ACK, or `NAK`."""
        said = self.say(f"a{text}\r".encode(), wait)
        assert said[-1:] == b"\r", said
        return "NAK" if said[:1] == NAK else said[1:-1].decode()

    def wait(self, seconds: float) -> None:
        self.clock.run(asyncio.sleep(seconds))


@pytest.fixture
def make(clock: Clock) -> Callable[..., Pump]:
    return lambda **options: Pump(clock, **options)


@pytest.fixture
def pump(make: Callable[..., Pump]) -> Pump:
    return make()


def test_it_is_a_simulator(pump: Pump) -> None:
    assert isinstance(pump.inside, Simulator)
    assert pump.inside.is_safe()


def test_the_bytes_of_the_sheet(pump: Pump) -> None:
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


def test_it_is_silent_until_the_chain_has_addresses(make: Callable[..., Pump]) -> None:
    pump = make(addressed=False, chain=3)
    assert pump.say(b"aUR\r") == b""
    assert pump.say(b"1a\r") == b"1d\r"
    assert pump.say(b"aUR\r") == ACK + b"NV01.02.A\r"


def test_what_is_said_to_everybody_is_done_and_not_answered(pump: Pump) -> None:
    assert pump.say(b":M4800S20R\r", 3.0) == b""
    assert pump.ask("YQP") == "4800"


def test_an_older_device_says_each_command_first(make: Callable[..., Pump]) -> None:
    assert make(echo=True).say(b"aF\r") == b"aF\r" + ACK + b"Y\r"


@pytest.mark.parametrize(
    "nonsense", ["", "Q", "M", "M1.5R", "YQ", "M100S1R", "M100S4000R", "M52801R", "LP09R", "LA0360R", "S10R"]
)
def test_nonsense_is_refused_and_told_once(pump: Pump, nonsense: str) -> None:
    assert pump.ask(nonsense) == "NAK"
    assert pump.ask("E1") == "H"
    assert pump.ask("E1") == "@"


# ---- movements -----------------------------------------------------------------------------------------------------


def test_a_stroke_takes_as_many_seconds_as_it_is_told(pump: Pump) -> None:
    assert pump.ask("M48000S10R") == ""
    pump.wait(4.8)
    assert int(pump.ask("YQP")) == pytest.approx(24000, rel=0.03)
    pump.wait(5.2)
    assert (pump.ask("YQP"), pump.ask("F")) == ("48000", "Y")
    assert pump.inside.sides["B"].plunger.position == pytest.approx(1.0)


def test_relative_ways_go_one_after_the_other(pump: Pump) -> None:
    assert pump.ask("P9600S10P4800S10D2400S10R", 6.0) == ""
    assert pump.ask("YQP") == "12000"


def test_without_r_a_command_waits(pump: Pump) -> None:
    assert pump.ask("P4800") == ""
    assert (pump.ask("F"), pump.ask("E1"), pump.ask("YQP")) == ("N", "A", "0")
    assert pump.ask("S10R") == "NAK"
    assert pump.ask("P4800R", 4.0) == ""
    assert pump.ask("YQP") == "9600"


def test_k_halts_and_resume_goes_on_and_v_forgets(pump: Pump) -> None:
    pump.ask("M48000S20R", 5.0)
    assert pump.ask("K") == ""
    halted = int(pump.ask("YQP"))
    assert (pump.ask("F"), 10000 < halted < 14000) == ("N", True)
    pump.wait(5.0)
    assert int(pump.ask("YQP")) == halted
    assert pump.ask("$", 1.0) == ""
    assert int(pump.ask("YQP")) > halted
    pump.ask("K")
    pump.ask("V")
    assert pump.ask("F") == "Y"
    stopped = pump.ask("YQP")
    pump.ask("$", 2.0)
    assert pump.ask("YQP") == stopped


def test_the_valve_by_place_by_angle_and_by_letter(pump: Pump) -> None:
    assert pump.ask("LP04R", 1.0) == ""
    assert (pump.ask("LQP"), pump.ask("LQAR")) == ("4", "135")
    assert pump.ask("LA1270R", 1.0) == ""
    assert (pump.ask("LQP"), pump.ask("LQA")) == ("7", "270")
    for letter, place in (("I", "1"), ("O", "2"), ("W", "3")):
        pump.ask(f"{letter}R", 1.0)
        assert pump.ask("LQP") == place


def test_settings_are_told_back(pump: Pump) -> None:
    for put, asked, told in (
        ("YSS20", "YQS", "20"),
        ("YSN24", "YQN", "24"),
        ("YSB80", "YQB", "80"),
        ("LSF90", "LQF", "90"),
    ):
        assert pump.ask(put + "R") == ""
        assert pump.ask(asked) == told
    assert pump.ask("P24000R", 9.0) == ""
    assert pump.ask("F") == "*"
    pump.wait(1.5)
    assert pump.ask("F") == "Y"


def test_while_at_work_movements_are_refused_and_questions_answered(pump: Pump) -> None:
    pump.ask("M48000S20R", 1.0)
    assert pump.ask("M0R") == "NAK"
    assert (pump.ask("F"), pump.ask("E1"), pump.ask("T1")) == ("*", "B", "}")
    pump.ask("K")
    pump.ask("V")
    assert (pump.ask("T1"), pump.inside.is_safe()) == ("\x7f", True)
    pump.say(b"aLP05R\r", 0.05)
    assert (pump.ask("E1", 0.03), pump.ask("T1", 0.03)) == ("D", "~")


# ---- initialising --------------------------------------------------------------------------------------------------


def test_after_power_came_it_must_be_addressed_and_initialised(pump: Pump) -> None:
    pump.ask("M24000S10R", 6.0)
    pump.inside.power_cycle()
    assert pump.say(b"aF\r") == b""
    pump.say(b"1a\r")
    assert (pump.ask("E2"), pump.ask("Z"), pump.ask("G"), pump.ask("E1")) == ("AAPP", "Y", "Y", "P")
    assert (pump.ask("YQP"), pump.ask("M100R")) == ("0", "NAK")
    assert pump.inside.sides["B"].plunger.position == pytest.approx(0.5)
    assert pump.ask("XR", 6.0) == ""
    assert (pump.ask("E2"), pump.ask("Z"), pump.ask("LQP")) == ("@@PP", "N", "1")
    assert pump.inside.sides["B"].plunger.position == 0.0


def test_valve_and_syringe_are_initialised_each(pump: Pump) -> None:
    pump.inside.power_cycle()
    pump.say(b"1a\r")
    assert pump.ask("LXR", 1.0) == ""
    assert pump.ask("E2") == "A@PP"
    assert pump.ask("X1S60R", 1.0) == ""
    assert pump.ask("E2") == "@@PP"


def test_halting_while_it_initialises_leaves_it_not_initialised(pump: Pump) -> None:
    pump.ask("M24000S10R", 6.0)
    pump.ask("X1S60R", 5.0)
    pump.ask("K")
    pump.ask("V")
    pump.wait(60.0)
    assert (pump.ask("E2"), pump.inside.is_safe()) == ("A@PP", True)


def test_a_stuck_plunger_is_overloaded_until_it_is_initialised(make: Callable[..., Pump]) -> None:
    pump = make(stuck=True)
    pump.ask("M24000S10R", 6.0)
    assert (pump.ask("E2"), pump.ask("Z"), pump.ask("YQP"), pump.ask("M0R")) == ("H@PP", "Y", "12000", "NAK")
    pump.ask("XR", 6.0)
    assert pump.ask("E2") == "@@PP"


# ---- two syringes --------------------------------------------------------------------------------------------------


def test_two_syringes_are_chosen_by_b_and_c(make: Callable[..., Pump]) -> None:
    pump = make(dual=True)
    assert (pump.ask("H"), pump.ask("E2")) == ("N", "@@@@")
    pump.ask("BM4800S10R", 2.0)
    pump.ask("CM9600S10R", 3.0)
    assert (pump.ask("BYQP"), pump.ask("CYQP"), pump.ask("YQP")) == ("4800", "9600", "4800")
    pump.ask("CLP03R", 1.0)
    assert (pump.ask("BLQP"), pump.ask("CLQP")) == ("1", "3")
    pump.ask("XR", 6.0)
    assert (pump.ask("BYQP"), pump.ask("CYQP")) == ("0", "0")
    assert make().ask("CM100R") == "NAK"


# ---- options and state ---------------------------------------------------------------------------------------------


def test_options_that_nobody_reads_are_refused(make: Callable[..., Pump]) -> None:
    with pytest.raises(InputError, match=r"duel.*dual"):
        make(duel=True)


def test_its_state_can_be_kept(pump: Pump) -> None:
    pump.ask("LP03M4800S10R", 3.0)
    kept = json.loads(json.dumps(pump.bench.snapshot()))
    pump.ask("LP01M0R", 5.0)
    pump.inside.power_cycle()
    pump.bench.restore(kept)
    assert (pump.ask("YQP"), pump.ask("LQP"), pump.ask("E2")) == ("4800", "3", "@@PP")


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
