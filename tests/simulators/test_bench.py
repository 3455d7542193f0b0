"""The bench: a virtual lab from the lab file's mapping."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from typing import Any

import pytest

from autolab.model.channel import ByteChannel, LoopChannel
from autolab.model.clock import Clock
from autolab.model.errors import InputError, UnknownPlugin
from autolab.simulators.bench import Bench
from autolab.simulators.simulator import Simulator

Talk = Callable[[Bench, str], Any]


def story(bench: Bench, talk: Talk, until: int = 99) -> list[str]:
    """Do a few things that depend on physics and noise; return everything that was heard."""
    speaker, balance = talk(bench, "dosing"), talk(bench, "balance")
    heard: list[str] = [speaker.ask("0"), speaker.ask("1")]
    steps: list[Callable[[], Any]] = [
        lambda: balance.say(b"T\r\n", 6.0),
        lambda: speaker.move("INF", 1.0, 4.0),
        lambda: balance.say(b"SI\r\n", 0.2),
        lambda: speaker.move("WDR", 0.03, 2.0),
        lambda: balance.say(b"S\r\n", 12.0),
        lambda: speaker.ask("DIS"),
        lambda: speaker.move("WDR", 0.9, 8.0, 1),
        lambda: balance.say(b"SIR\r\n", 2.0),
        lambda: balance.say(b"@\r\n", 1.0),
        lambda: balance.say(b"SI\r\n", 0.2),
    ]
    return heard + [str(step()) for step in steps[:until]]


def test_instruments_on_one_port_share_a_wire(bench: Bench) -> None:
    assert bench.channel("dosing") is bench.channel("waste")
    assert bench.channel("dosing") is not bench.channel("balance")
    assert bench.names == ["dosing", "waste", "balance"]
    assert len(bench.wires) == 2


def test_channel_meets_the_contract(bench: Bench) -> None:
    assert isinstance(bench.channel("dosing"), LoopChannel)
    assert isinstance(bench.channel("dosing"), ByteChannel)
    assert bench.channel("dosing").url == "memory://ttyUSB0"


def test_simulators_meet_their_contract(bench: Bench) -> None:
    assert all(isinstance(bench.instrument(name), Simulator) for name in bench.names)


def test_same_seed_same_story(lab: dict[str, Any], talk: Talk) -> None:
    stories = []
    for seed in (7, 7, 8):
        clock = Clock("virtual")
        stories.append(story(Bench(lab, clock=clock, seed=seed), talk))
        clock.close()
    assert stories[0] == stories[1]
    assert stories[0] != stories[2]


def test_somebody_who_looks_changes_nothing(lab: dict[str, Any], talk: Talk) -> None:
    stories = []
    for looks in (False, True):
        clock = Clock("virtual")
        bench = Bench(lab, clock=clock, seed=7)

        async def look(bench: Bench = bench) -> None:
            while True:
                bench.is_safe()
                await asyncio.sleep(1.0)

        if looks:
            clock.start()
            asyncio.run_coroutine_threadsafe(look(), clock.loop)
        stories.append(story(bench, talk))
        clock.close()
    assert stories[0] == stories[1]


def test_reseeding_an_attempt_repeats_its_noise(lab: dict[str, Any], talk: Talk, clock: Clock) -> None:
    bench = Bench(lab, clock=clock, seed=7)
    balance = talk(bench, "balance")
    heard: dict[tuple[int, int], list[bytes]] = {}
    for attempt in ((1, 1), (1, 2), (1, 1)):
        bench.reseed(*attempt)
        balance.wait(5.0)
        answer = balance.say(b"SIR\r\n", 3.05)
        balance.say(b"@\r\n", 1.0)
        heard.setdefault(attempt, []).append(answer)
    (first, third), (second,) = heard[1, 1], heard[1, 2]
    assert first == third
    assert first != second


@pytest.mark.parametrize("later", [0.0, 1234.5])
def test_restored_bench_goes_on_as_the_unbroken_one(lab: dict[str, Any], talk: Talk, later: float) -> None:
    clock = Clock("virtual")
    bench = Bench(lab, clock=clock, seed=7)
    story(bench, talk, until=5)
    state = bench.snapshot()
    assert json.loads(json.dumps(state)) == state
    unbroken = story(bench, talk)
    clock.close()

    clock = Clock("virtual")
    restored = Bench(lab, clock=clock, seed=99)
    clock.run(asyncio.sleep(later))
    for name in ("dosing", "waste"):
        restored.instrument(name).alarm = "S"
    restored.restore(state)
    assert story(restored, talk) == unbroken
    clock.close()


def test_snapshot_of_the_same_bench_undoes_what_came_after(lab: dict[str, Any], talk: Talk, clock: Clock) -> None:
    bench = Bench(lab, clock=clock, seed=7)
    story(bench, talk, until=5)
    state = bench.snapshot()
    first = story(bench, talk)
    bench.restore(state)
    assert story(bench, talk) == first


def test_no_snapshot_while_a_pump_runs(bench: Bench, speaker: Any) -> None:
    for command in ("RAT1MM", "VOL2"):
        speaker.ask(command)
    speaker.ask("RUN", 1.0)
    with pytest.raises(ValueError, match="dosing is infusing"):
        bench.snapshot()


def test_safe_means_that_nothing_moves(bench: Bench, speaker: Any) -> None:
    assert bench.is_safe() == {"dosing": True, "waste": True, "balance": True}
    for command in ("1RAT5MM", "1VOL2"):
        speaker.ask(command)
    speaker.ask("1RUN", 1.0)
    assert bench.is_safe() == {"dosing": True, "waste": False, "balance": True}
    speaker.ask("1STP")
    assert bench.is_safe()["waste"]


def test_blocking_thread_and_virtual_time(bench: Bench, clock: Clock) -> None:
    channel = bench.channel("dosing")
    channel.open()
    with clock.running():  # lab time may go on while this thread waits for the answer
        channel.write(b"0\r")
        assert channel.read(5.0) == b"\x0200A?R\x03"
        assert channel.read(0.01) == b""
    channel.close()


def test_bytes_that_came_before_are_handed_over(bench: Bench, clock: Clock) -> None:
    channel = bench.channel("dosing")
    channel.open()
    channel.write(b"0\r")
    clock.run(asyncio.sleep(1.0))
    heard: list[bytes] = []
    channel.on_bytes(heard.append)
    clock.run(asyncio.sleep(0.0))
    assert heard == [b"\x0200A?R\x03"]
    channel.on_bytes(None)
    channel.write(b"0\r")
    clock.run(asyncio.sleep(1.0))
    assert channel.read(0.0) == b"\x0200S\x03"


def test_single_instrument_needs_no_lab(clock: Clock, talk: Talk) -> None:
    bench = Bench.single("new_era.NE1000", clock=clock)
    assert bench.names == ["instrument"]
    assert talk(bench, "instrument").ask("") == "00A?R"


def test_lab_without_world_has_pumps_that_move_air(lab: dict[str, Any], clock: Clock, talk: Talk) -> None:
    lab["virtual"] = {}
    bench = Bench(lab, clock=clock)
    speaker = talk(bench, "waste")
    speaker.ask("1")
    speaker.move("WDR", 1.0, 20.0, 1)
    assert (bench.ledger[0].source, bench.ledger[0].direction) == ("air", "withdraw")


def test_options_reach_the_instrument(lab: dict[str, Any], clock: Clock, talk: Talk) -> None:
    lab["virtual"]["instruments"] = {"balance": {"serial_number": "C42"}}
    bench = Bench(lab, clock=clock)
    assert talk(bench, "balance").say(b"I4\r\n") == b'I4 A "C42"\r\n'


def test_settings_of_the_virtual_section_may_be_nested(lab: dict[str, Any], clock: Clock) -> None:
    lab["virtual"]["settings"] = {"instruments": {"balance": {"serial_number": "C43"}}, "stock": {"water": 5.0}}
    bench = Bench(lab, clock=clock)
    assert bench.instrument("balance").serial_number == "C43"


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        ({"virtual": {"world": "dosingg"}}, UnknownPlugin, "no world is named 'dosingg'. Did you mean 'dosing'"),
        ({"instruments": {"a": {"driver": "new_era.NE100", "address": "x"}}, "plumbing": {}}, UnknownPlugin, "Did you mean 'new_era.NE1000'"),
        ({"instruments": {"a": {"driver": "new_era.NE1000", "address": "serial:///x?bus=y"}}, "plumbing": {}}, InputError, "bus='y'"),
        ({"virtual": {"instruments": {"balanse": {}}}}, InputError, "Did you mean 'balance'"),
        ({"instruments": []}, InputError, "is not a mapping"),
    ],
)  # fmt: skip
def test_senseless_mappings_are_refused(
    lab: dict[str, Any], clock: Clock, change: dict[str, Any], error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        Bench({**lab, **change}, clock=clock)


def test_unknown_instrument_is_refused(bench: Bench) -> None:
    with pytest.raises(InputError, match="Did you mean 'dosing'"):
        bench.channel("dosin")
