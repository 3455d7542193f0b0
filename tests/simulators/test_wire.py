"""The wire: transit times and faults."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from autolab.model.clock import Clock
from autolab.model.errors import InstrumentDisconnected
from autolab.simulators.bench import Bench
from autolab.simulators.wire import garbled

MakePump = Callable[..., tuple[Bench, Any]]


def test_bytes_take_their_time_on_the_line(pump: MakePump, clock: Clock) -> None:
    _, speaker = pump()
    arrivals: list[float] = []
    speaker.channel.on_bytes(lambda data: arrivals.append(clock.now()))
    start = clock.now()
    speaker.channel.write(b"VER\r")
    speaker.wait(1.0)
    answer = len(b"\x0200SNE1000V3.928\x03")
    assert arrivals == [pytest.approx(start + (4 + answer) * 10 / 9600 + 0.005, abs=1e-5)]


def test_replies_queue_on_the_line(pump: MakePump, clock: Clock) -> None:
    _, speaker = pump()
    arrivals: list[float] = []
    speaker.channel.on_bytes(lambda data: arrivals.append(clock.now()))
    speaker.channel.write(b"VER\rVER\rVER\r")
    speaker.wait(1.0)
    assert len(arrivals) == 3
    assert arrivals[2] - arrivals[1] == pytest.approx(17 * 10 / 9600, abs=1e-5)


def test_speed_of_the_line_is_the_instruments(pump: MakePump) -> None:
    bench, _ = pump(baud=19200)
    assert bench.wire("instrument").baud == 19200


def test_reply_can_be_dropped(pump: MakePump) -> None:
    bench, speaker = pump()
    bench.inject("instrument", "drop", nth=2)
    assert [speaker.say(b"VER\r") != b"" for _ in range(4)] == [True, False, True, True]


def test_reply_can_be_late(pump: MakePump) -> None:
    bench, speaker = pump()
    bench.inject("instrument", "late", seconds=3.0)
    assert speaker.say(b"DIA\r", 2.0) == b""
    speaker.wait(2.0)
    assert speaker.heard == b"\x0200S14.50\x03"


def test_reply_can_be_garbled(pump: MakePump) -> None:
    bench, speaker = pump()
    bench.inject("instrument", "garble")
    assert speaker.say(b"DIA\r") == garbled(b"\x0200S14.50\x03")
    assert speaker.say(b"DIA\r") == b"\x0200S14.50\x03"


def test_instrument_can_hang_until_it_is_mended(pump: MakePump) -> None:
    bench, speaker = pump()
    bench.inject("instrument", "hang", nth=2)
    assert [speaker.say(b"VER\r") != b"" for _ in range(4)] == [True, False, False, False]
    bench.wire("instrument").mend()
    assert speaker.say(b"VER\r") != b""


def test_command_is_obeyed_though_its_reply_is_lost(pump: MakePump) -> None:
    bench, speaker = pump()
    bench.inject("instrument", "drop")
    assert speaker.say(b"DIA20\r") == b""
    assert speaker.ask("DIA") == "00S20.00"


def test_line_can_be_unplugged_and_opened_again(pump: MakePump) -> None:
    bench, speaker = pump()
    bench.inject("instrument", "disconnect")
    assert speaker.say(b"VER\r") == b""
    with pytest.raises(InstrumentDisconnected, match="open it again"):
        speaker.channel.write(b"VER\r")
    speaker.channel.open()
    assert speaker.ask("VER") == "00SNE1000V3.928"


def test_faults_are_one_instruments(bench: Bench, speaker: Any) -> None:
    bench.inject("waste", "drop")
    assert speaker.ask("0VER") == "00SNE1000V3.928"
    assert speaker.say(b"1VER\r") == b""
    assert speaker.ask("1VER") == "01SNE1000V3.928"


def test_reply_does_not_reach_the_next_listener(pump: MakePump, clock: Clock) -> None:
    bench, speaker = pump()
    speaker.channel.write(b"VER\r")
    speaker.wait(0.012)  # the pump has it, and has not answered
    speaker.channel.close()
    heard: list[bytes] = []

    async def take_over() -> None:
        bench.wire("instrument").connect(heard.append, lambda: None)
        await asyncio.sleep(1.0)

    clock.run(take_over())
    assert heard == []


@pytest.mark.parametrize("data", [b"x", b"abc", b"\x0200S14.50\x03"])
def test_garbled_bytes_differ(data: bytes) -> None:
    assert garbled(data) != data
    assert len(garbled(data)) == len(data)
    assert garbled(garbled(data)) == data
