"""The Cavro pump: its answers byte for byte, its movements in time, its errors, its repeats."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autolab.model.clock import Clock
from autolab.model.errors import InputError
from autolab.simulators.bench import Bench

if TYPE_CHECKING:
    from tests.simulators.conftest import Speaker
from autolab.simulators.simulator import Simulator
from autolab.simulators.tecan_program import SPEEDS, read

READY, BUSY = 0x60, 0x40


def ask(pump: Speaker, text: str, wait: float = 0.1) -> str:
    """Say something in DT and return what stands behind the status, or the error."""
    said = pump.say(f"/1{text}\r", wait)
    assert (said[:2], said[-3:]) == (b"/0", b"\x03\r\n"), said
    return f"error {said[2] & 15}" if said[2] & 15 else said[3:-3].decode()


def busy(pump: Speaker) -> bool:
    return pump.say(b"/1Q\r")[2] & 0x20 == 0


@pytest.fixture
def make(meet_one: Callable[..., Speaker]) -> Callable[..., Speaker]:
    def one(settings: dict[str, Any] | None = None, **options: Any) -> Speaker:
        return meet_one("tecan.XCalibur", {"volume_mL": 1.0, "resolution": "standard", **(settings or {})}, options)

    return one


@pytest.fixture
def pump(make: Callable[..., Speaker]) -> Speaker:
    return make()


def test_it_is_a_simulator(pump: Speaker) -> None:
    assert isinstance(pump.inside, Simulator)
    assert pump.inside.is_safe()


# ---- frames --------------------------------------------------------------------------------------------------------


def test_terminal_lines_are_those_of_the_sheet(pump: Speaker) -> None:
    assert pump.say(b"/1Q\r") == b"/0`\x03\r\n"
    assert pump.say(b"/1?\r") == b"/0`0\x03\r\n"
    assert pump.say(b"/1A300R\r", 0.01) == b""
    pump.wait(0.05)
    assert pump.heard == b"/0@\x03\r\n"
    assert pump.say(b"/1&\r") == b"/0@XCALIBUR V2.07\x03\r\n"


def test_oem_frames_are_those_of_the_sheet(pump: Speaker) -> None:
    assert pump.say(bytes.fromhex("02 31 31 51 03 50")) == bytes.fromhex("02 30 60 03 51")
    assert pump.say(bytes.fromhex("02 31 32 3f 03 3d")) == bytes.fromhex("02 30 60 30 03 61")


def test_a_wrong_checksum_and_another_address_are_not_answered(pump: Speaker) -> None:
    assert pump.say(bytes.fromhex("02 31 31 51 03 51")) == b""
    assert pump.say(b"/2Q\r") == b""
    assert pump.say(b"noise\r\n/1Q\r") == b"/0`\x03\r\n"


def test_it_keeps_to_the_protocol_that_it_heard_first_until_its_power_goes(pump: Speaker) -> None:
    assert pump.say(b"/1Q\r")
    assert pump.say(bytes.fromhex("02 31 31 51 03 50")) == b""
    pump.inside.power_cycle()
    assert pump.say(bytes.fromhex("02 31 31 51 03 50"))
    assert pump.say(b"/1Q\r") == b""


def test_the_address_follows_the_switch(clock: Clock) -> None:
    lab: dict[str, Any] = {
        "instruments": {
            name: {"driver": "tecan.XCalibur", "address": f"serial:///dev/ttyUSB0?bus={bus}", "volume_mL": 1}
            for name, bus in (("one", 0), ("other", 10))
        }
    }
    bench = Bench(lab, clock=clock)
    heard: list[bytes] = []
    channel = bench.channel("one")
    channel.open()
    channel.on_bytes(heard.append)
    for line in (b"/1Q\r", b"/;Q\r", b"/_V900R\r"):
        channel.write(line)
    clock.run(asyncio.sleep(0.2))
    assert b"".join(heard) == b"/0`\x03\r\n" * 2
    assert [bench.instrument(name).drive.values["top"] for name in ("one", "other")] == [900, 900]


def test_a_repeated_command_is_acknowledged_and_not_done_twice(pump: Speaker) -> None:
    def frame(sequence: int, text: bytes) -> bytes:
        data = b"\x021" + bytes([sequence]) + text + b"\x03"
        check = 0
        for byte in data:
            check ^= byte
        return data + bytes([check])

    assert pump.say(frame(0x31, b"P300R"), 2.0)[2] == BUSY
    assert pump.say(frame(0x39, b"P300R"), 2.0)[2] == READY
    assert pump.say(frame(0x32, b"?"))[3:-2] == b"300"
    assert pump.say(frame(0x3B, b"P300R"), 2.0)[2] == BUSY  # repeat flag, but a number not heard before: done
    assert pump.say(frame(0x3B, b"?"))[3:-2] == b"600"  # a report is answered again
    assert pump.say(frame(0x33, b"P300R"), 2.0)[2] == BUSY  # the number again, without the flag: done
    assert pump.say(frame(0x34, b"?"))[3:-2] == b"900"


# ---- movements -----------------------------------------------------------------------------------------------------


def test_a_stroke_takes_as_long_as_its_speed_says(pump: Speaker) -> None:
    assert ask(pump, "V6000A3000R") == ""
    pump.wait(0.4)
    assert busy(pump)
    assert 1500 <= int(ask(pump, "?")) <= 2200
    pump.wait(0.5)
    assert not busy(pump)
    assert ask(pump, "?") == "3000"
    assert pump.inside.drive.plunger.position == pytest.approx(1.0)


def test_fine_steps_are_eight_times_as_many_and_as_fast(pump: Speaker) -> None:
    assert ask(pump, "N1V6000A12000R", 0.6) == ""
    assert (ask(pump, "?"), ask(pump, "?28")) == ("12000", "1")
    assert pump.inside.drive.plunger.position == pytest.approx(0.5)
    assert ask(pump, "N2V6000D6000R", 0.6) == ""
    assert busy(pump)  # speeds are in small steps too
    pump.wait(1.5)
    assert ask(pump, "?") == "6000"


def test_relative_ways_and_the_valve(pump: Speaker) -> None:
    assert ask(pump, "IP600R", 1.0) == ""
    assert (ask(pump, "?"), ask(pump, "?6")) == ("600", "i")
    assert ask(pump, "OD200R", 1.0) == ""
    assert (ask(pump, "?"), ask(pump, "?6")) == ("400", "o")
    assert ask(pump, "BA0R", 1.0) == ""
    assert ask(pump, "Q") == "error 11"
    assert ask(pump, "?") == "400"


def test_a_numbered_valve_turns_to_its_ports(make: Callable[..., Speaker]) -> None:
    pump = make(numbered_ports=6)
    assert ask(pump, "I3R", 0.5) == ""
    assert ask(pump, "?6") == "3"
    assert ask(pump, "O6R", 0.5) == ""
    assert (ask(pump, "?6"), ask(pump, "?17")) == ("6", "2")
    ask(pump, "I7R")
    assert ask(pump, "Q") == "error 3"
    assert ask(pump, "Z0,2,5R", 5.0) == ""
    assert ask(pump, "?6") == "5"


def test_small_letters_move_without_being_busy_and_v_changes_their_speed(pump: Speaker) -> None:
    assert ask(pump, "V5R") == ""
    assert pump.say(b"/1a3000R\r")[2] == READY
    assert not pump.inside.is_safe()
    assert ask(pump, "V6000R") == ""
    assert ask(pump, "A0R") == "error 15"


def test_loops_delays_and_halts(pump: Speaker) -> None:
    assert ask(pump, "V6000gP100M500G4R") == ""
    pump.wait(1.2)
    assert ask(pump, "?") == "300"
    pump.wait(1.5)
    assert (ask(pump, "?"), busy(pump)) == ("400", False)
    assert ask(pump, "P100HP100R", 1.0) == ""
    assert (ask(pump, "?"), busy(pump)) == ("500", True)
    assert ask(pump, "R", 1.0) == ""
    assert (ask(pump, "?"), busy(pump)) == ("600", False)
    assert ask(pump, "XR", 1.0) == ""
    assert ask(pump, "?") == "700"


def test_a_loop_for_ever_ends_by_t(pump: Speaker) -> None:
    assert ask(pump, "V6000gP10D10G0R") == ""
    pump.wait(5.0)
    assert busy(pump)
    ask(pump, "T")
    assert not busy(pump)
    assert ask(pump, "gV900G0R") == ""  # in which nothing takes time
    assert busy(pump)
    ask(pump, "T")
    assert not busy(pump)


def test_a_string_without_r_waits_for_it(pump: Speaker) -> None:
    assert ask(pump, "P300") == ""
    assert (ask(pump, "?10"), ask(pump, "?")) == ("1", "0")
    assert ask(pump, "R", 1.0) == ""
    assert (ask(pump, "?10"), ask(pump, "?")) == ("0", "300")


def test_t_stops_the_plunger_and_not_the_valve(pump: Speaker) -> None:
    ask(pump, "V500A3000R", 1.0)
    assert pump.say(b"/1T\r")[2] == READY
    stopped = int(ask(pump, "?"))
    assert 200 < stopped < 320
    pump.wait(5.0)
    assert int(ask(pump, "?")) == stopped
    pump.say(b"/1OR\r", 0.05)
    ask(pump, "T", 0.5)
    assert ask(pump, "?6") == "o"


# ---- errors --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("nonsense", ["!R", "A1.5R", "&x", "A-1R", "UR", "jR"])
def test_an_unknown_command_is_refused_at_once_and_nothing_is_done(pump: Speaker, nonsense: str) -> None:
    assert ask(pump, nonsense) == "error 2"
    assert ask(pump, "?") == "0"


@pytest.mark.parametrize(
    "operand", ["A3001R", "AR", "D11R", "P3001R", "V4R", "V6001R", "S41R", "N3R", "L21R", "M30001R", "v1500R"]
)
def test_a_wrong_number_is_told_by_q_and_then_over(pump: Speaker, operand: str) -> None:
    assert ask(pump, f"P10{operand}", 0.5) == ""
    assert ask(pump, "Q") == "error 3"
    assert ask(pump, "Q") == ""
    assert ask(pump, "?") == "10"  # what stood before it was done


def test_speed_codes_are_the_sheet_s(pump: Speaker) -> None:
    assert len(SPEEDS) == 41
    for code, speed in ((0, 6000), (17, 200), (27, 100), (40, 10)):
        assert ask(pump, f"S{code}R") == ""
        assert ask(pump, "?2") == str(speed)


def test_while_at_work_only_reports_and_t_and_v_are_taken(pump: Speaker) -> None:
    ask(pump, "V500A3000R")
    assert ask(pump, "A0R") == "error 15"
    assert ask(pump, "IR") == "error 15"
    assert ask(pump, "V600R") == ""
    assert int(ask(pump, "?")) > 0
    ask(pump, "T")


def test_after_power_came_it_must_be_initialised(pump: Speaker) -> None:
    ask(pump, "V6000A1500R", 2.0)
    pump.inside.power_cycle()
    assert (ask(pump, "?19"), ask(pump, "?"), ask(pump, "?2")) == ("0", "0", "1400")
    assert ask(pump, "A100R") == "error 7"
    assert ask(pump, "IR") == "error 7"
    assert ask(pump, "Q") == "error 7"
    assert ask(pump, "Q") == ""
    begun = pump.inside.drive.plunger.position
    assert begun == pytest.approx(0.5)
    assert ask(pump, "Z1R") == ""
    pump.wait(5.0)
    assert not busy(pump)
    assert (ask(pump, "?19"), ask(pump, "?"), ask(pump, "?6"), ask(pump, "?15")) == ("1", "0", "i", "1")
    assert pump.inside.drive.plunger.position == 0.0  # and what it held was pushed out


def test_losing_power_in_motion_stops_it_where_it_is(pump: Speaker) -> None:
    ask(pump, "V500A3000R", 1.0)
    pump.inside.power_cycle()
    assert pump.inside.is_safe()
    assert 0.05 < pump.inside.drive.plunger.position < 0.15


def test_a_stuck_plunger_is_overloaded_until_it_is_initialised(make: Callable[..., Speaker]) -> None:
    pump = make(stuck=True)
    ask(pump, "A1000R", 2.0)
    assert ask(pump, "?") == "error 9"
    assert ask(pump, "Q") == "error 9"
    assert ask(pump, "?") == "500"
    assert ask(pump, "A1000R") == "error 9"
    assert ask(pump, "Z0R", 5.0) == ""
    assert ask(pump, "?19") == "1"


@pytest.mark.parametrize(("option", "report"), [("tells_initialized", "?19"), ("tells_mode", "?28")])
def test_an_older_one_knows_less(make: Callable[..., Speaker], option: str, report: str) -> None:
    assert ask(make(**{option: False}), report) == "error 2"


# ---- options and state ---------------------------------------------------------------------------------------------


def test_models_differ_in_steps_and_names(make: Callable[..., Speaker]) -> None:
    pump = make(settings={"model": "xlp6000"}, firmware="XLP6000 V9")
    assert ask(pump, "A6000R") == ""
    assert ask(pump, "&") == "XLP6000 V9"
    with pytest.raises(InputError, match=r"xcalibre.*xcalibur"):
        make(settings={"model": "xcalibre"})
    with pytest.raises(InputError, match=r"stuk.*stuck"):
        make(stuk=True)


def test_its_state_can_be_kept(pump: Speaker) -> None:
    ask(pump, "OV900A600R", 2.0)
    kept = json.loads(json.dumps(pump.bench.snapshot()))
    ask(pump, "IA0R", 2.0)
    pump.inside.power_cycle()
    pump.bench.restore(kept)
    assert (ask(pump, "?"), ask(pump, "?6"), ask(pump, "?2"), ask(pump, "?19")) == ("600", "o", "900", "1")


@given(st.lists(st.tuples(st.sampled_from("APDV"), st.integers(0, 99999)), min_size=1, max_size=8))
def test_command_strings_are_read_as_they_were_written(steps: list[tuple[str, int]]) -> None:
    text = "".join(f"{letter}{number}" for letter, number in steps)
    assert read(text) == [(letter, [number]) for letter, number in steps]


def test_in_a_world_with_liquid_it_draws_from_its_source_and_pushes_to_the_vessel(clock: Clock) -> None:
    lab: dict[str, Any] = {
        "instruments": {
            "instrument": {
                "driver": "tecan.XCalibur", "address": "memory://instrument", "volume_mL": 1.0, "contents_mL": 0.5, "stock": "water",
            }
        },
        "plumbing": {"instrument": "beaker"},
        "virtual": {"world": "dosing", "vessels": {"beaker": {"volume_mL": 20, "area_cm2": 0.0}}, "noise": 0.0},
    }  # fmt: skip
    bench = Bench(lab, clock=clock, seed=7)
    channel = bench.channel("instrument")
    channel.open()
    world: Any = bench.world
    for line, held in ((b"/1N0OV3000A0R\r", 0.0), (b"/1IV3000A1500R\r", 0.5)):
        channel.write(line)
        clock.run(asyncio.sleep(30.0))
        world.advance()
        assert world.plungers["instrument"].position == pytest.approx(held, abs=1e-6)
    assert world.containers["beaker"].volume == pytest.approx(0.5, abs=0.05)
