"""The simulated Bronkhorst, byte for byte after the fact sheet and the maker's manual, and in time."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autolab.model.clock import Clock
from autolab.simulators import bronkhorst_frames as frames
from autolab.simulators.bench import Bench

KEY = "bronkhorst.FlowController"
Made = Callable[..., tuple[Bench, Any]]


@pytest.fixture
def bronkhorst(clock: Clock, talk: Callable[[Bench, str], Any]) -> Made:
    def make(**options: Any) -> tuple[Bench, Any]:
        bench = Bench.single(KEY, clock=clock, options=options)
        return bench, talk(bench, "instrument")

    return make


def hexed(line: Any, text: str, wait: float = 0.2) -> str:
    return str(line.say(bytes.fromhex(text), wait).hex(" "))


def test_measure_in_binary_as_the_sheet_has_it(bronkhorst: Made) -> None:
    bench, line = bronkhorst(capacity=32000.0)
    bench.instrument("instrument").body.flow = bench.instrument("instrument").body.asked = 12000.0
    assert hexed(line, "10 02 01 03 05 04 01 20 01 20 10 03") == "10 02 01 03 05 02 01 20 2e e0 10 03"


def test_set_points_in_binary_as_the_sheet_has_them(bronkhorst: Made) -> None:
    bench, line = bronkhorst()
    assert hexed(line, "10 02 01 03 05 01 01 21 3e 80 10 03") == "10 02 01 03 03 00 00 04 10 03"
    assert bench.instrument("instrument").setpoint == 250.0
    assert hexed(line, "10 02 02 03 07 01 21 43 3f a0 00 00 10 03") == "10 02 02 03 03 00 00 06 10 03"
    assert bench.instrument("instrument").setpoint == 1.25


def test_float_measure_and_serial_number(bronkhorst: Made) -> None:
    bench, line = bronkhorst()
    bench.instrument("instrument").body.flow = bench.instrument("instrument").body.asked = 1.25
    assert hexed(line, "10 02 05 80 05 04 21 40 21 40 10 03") == "10 02 05 80 07 02 21 40 3f a0 00 00 10 03"
    said = line.say(bytes.fromhex("10 02 06 80 06 04 71 63 71 63 00 10 03"))
    assert said == b"\x10\x02\x06\x80\x0e\x02\x71\x63\x00M6212345A\x00\x10\x03"


def test_a_ten_is_doubled_both_ways(bronkhorst: Made) -> None:
    _, line = bronkhorst(node=16)
    assert hexed(line, "10 02 10 10 10 10 05 04 01 20 01 20 10 03") == "10 02 10 10 10 10 05 02 01 20 00 00 10 03"


def test_ascii_as_the_manual_has_it(bronkhorst: Made) -> None:
    bench, line = bronkhorst()
    bench.instrument("instrument")._set(250.0)
    assert line.say(b":06030401210121\r\n") == b":06030201213E80\r\n"
    assert line.say(b":06030401210120\r\n") == b":06030201210000\r\n"  # measure, behind the index 1 that was asked for
    assert line.say(b":06800101213E80\r\n") == b":0480000005\r\n"
    assert line.say(b":058001010412\r\n") == b":0480000004\r\n"


def test_a_chain_as_the_manual_has_it(bronkhorst: Made) -> None:
    bench, line = bronkhorst(capacity=1.0)
    inside = bench.instrument("instrument")
    inside.body.flow = inside.body.asked = 7384 / 32000
    said = line.say(b":1A0304F1EC7163006D71660001AE0120CF014DF0017F077101710A\r\n")
    assert said == (
        b":370302F1EC004D3632313233343541006D00555345525441470001AE1CD8CF3F800000F007"
        b"6D6C6E2F6D696E710A4E322020202020202020\r\n"
    )


def test_a_written_chain(bronkhorst: Made) -> None:
    bench, line = bronkhorst()
    assert line.say(b":0B8001010412A13E80\r\n") == b":0104\r\n"  # its length is wrong
    assert line.say(b":098001018400213E80\r\n") == b":0104\r\n"
    assert line.say(b":088001018412213E80\r\n") == b":0480000007\r\n"
    assert (bench.instrument("instrument").mode, bench.instrument("instrument").setpoint) == (18, 250.0)


@pytest.mark.parametrize(
    ("request_", "status"),
    [
        (":06800405210520", "03"),
        (":0680040121013E", "04"),
        (":06800401200100", "05"),
        (":0680010121FFFF", "06"),
        (":058001010099", "05"),
        (":0680010120000A", "0D"),
        (":058001010499", "06"),
        (":03800701", "02"),
        (":0480040121", "22"),
    ],
)
def test_refusals_have_a_status(bronkhorst: Made, request_: str, status: str) -> None:
    _, line = bronkhorst()
    said = line.say(request_.encode() + b"\r\n").decode()
    assert said[:9] == f":048000{status}"


def test_nonsense_and_other_nodes_are_not_answered(bronkhorst: Made) -> None:
    _, line = bronkhorst()
    for text in (
        "10 02 01 04 05 04 01 20 01 20 10 03",
        "10 02 01 03 06 04 01 20 01 20 10 03",
        "00 ff 41",
        "10 02 10 03",
    ):
        assert hexed(line, text) == ""
    assert line.say(b":0x\r\n") == b":0104\r\n"
    assert line.say(b"junk:06030401210121\r\n") == b":06030201210000\r\n"


def test_write_without_acknowledgement_is_silent(bronkhorst: Made) -> None:
    bench, line = bronkhorst()
    assert line.say(b":06800201213E80\r\n") == b""
    assert bench.instrument("instrument").setpoint == 250.0


def test_flow_follows_and_the_valve_tells(bronkhorst: Made) -> None:
    _, line = bronkhorst()
    line.say(b":06800101213E80\r\n", 5.0)
    assert line.say(b":06800401200120\r\n") == b":06800201203E80\r\n"
    assert line.say(b":06800472417241\r\n") == b":088002724100800000\r\n"


@pytest.mark.parametrize(("mode", "flow"), [(0, 250), (18, 250), (1, 0), (3, 0), (12, 0), (7, 500), (8, 650)])
def test_control_modes(bronkhorst: Made, mode: int, flow: float) -> None:
    bench, line = bronkhorst()
    line.say(b":06800101213E80\r\n")
    line.say(b":0580010104%02X\r\n" % mode, 10.0)
    bench.world.advance()
    assert bench.instrument("instrument").body.flow == pytest.approx(flow, abs=0.1)


def test_an_idle_controller_keeps_its_valve(bronkhorst: Made) -> None:
    bench, line = bronkhorst()
    line.say(b":06800101213E80\r\n", 5.0)
    line.say(b":058001010404\r\n")
    line.say(b":06800101210000\r\n", 5.0)
    assert not bench.instrument("instrument").is_safe()


def test_below_zero_is_told_as_sixteen_bits(bronkhorst: Made) -> None:
    bench, line = bronkhorst()
    bench.instrument("instrument").body.offset = -5.0
    assert line.say(b":06800401200120\r\n") == b":0680020120FEC0\r\n"


def test_it_winks(bronkhorst: Made) -> None:
    bench, line = bronkhorst()
    assert line.say(b":06800100600139\r\n") == b":0480000005\r\n"
    assert line.say(b":0780010060003900\r\n") == b":0480000006\r\n"
    assert line.say(b":06800100600141\r\n") == b":0480000605\r\n"
    assert bench.instrument("instrument").winks == 2


def test_an_old_one_has_no_floats(bronkhorst: Made) -> None:
    _, line = bronkhorst(floats=False)
    assert line.say(b":06800421402140\r\n")[:9] == b":04800003"


def test_power_closes_the_valve(bronkhorst: Made) -> None:
    bench, line = bronkhorst()
    line.say(b":06800101213E80\r\n", 5.0)
    bench.instrument("instrument").power_cycle()
    assert bench.instrument("instrument").is_safe()
    assert line.say(b":06030401210121\r\n") == b":06030201210000\r\n"


def test_it_goes_on_from_a_snapshot(bronkhorst: Made) -> None:
    bench, line = bronkhorst()
    line.say(b":06800101213E80\r\n", 5.0)
    kept = json.loads(json.dumps([bench.world.snapshot(), bench.instrument("instrument").snapshot()]))
    line.say(b":06800101210000\r\n", 5.0)
    bench.world.restore(kept[0])
    bench.instrument("instrument").restore(kept[1])
    assert line.say(b":06800401200120\r\n") == b":06800201203E80\r\n"


@given(st.integers(0, 255) | st.none(), st.integers(0, 255), st.binary(min_size=1, max_size=200))
def test_every_message_is_read_as_it_was_written(seq: int | None, node: int, data: bytes) -> None:
    message = frames.Message(seq, node, data)
    frame, left = frames.split(frames.written(message) + b"rest")
    assert frame is not None
    assert left == b"rest"
    assert frames.read(frame) == message


@given(st.binary(max_size=100))
def test_any_bytes_are_survived(data: bytes) -> None:
    clock = Clock("virtual")
    simulator = Bench.single(KEY, clock=clock).instrument("instrument")
    simulator.receive(data)
    simulator.receive(b"\x10\x02" + data + b"\x10\x03")
    simulator.receive(b":" + data.hex().encode() + b"\r\n")
    clock.close()
