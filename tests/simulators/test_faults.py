"""Faults: when they are due, what they do to replies, lines and apparatus, and that a lab file can declare them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from autolab.model.clock import Clock
from autolab.model.errors import InputError, InstrumentDisconnected
from autolab.simulators.bench import Bench
from autolab.simulators.faults import AFFLICTIONS, KINDS, Fault
from autolab.spec.lab_model import FaultModel

MakePump = Callable[..., tuple[Bench, Any]]
DIA = b"\x0200S14.50\x03"


def due(fault: Fault, operations: int = 12, command: bytes = b"DIA\r", elapsed: float = 0.0) -> list[int]:
    return [n for n in range(1, operations + 1) if fault.due("pump", elapsed, command)]


def test_without_a_condition_it_is_due_once_at_the_first_operation() -> None:
    assert due(Fault("drop")) == [1]


@pytest.mark.parametrize(
    ("when", "operations"),
    [
        ({"nth": 3}, [3]),
        ({"every": 4}, [4, 8, 12]),
        ({"every": 4, "times": 2}, [4, 8]),
        ({"probability": 1.0, "times": 2}, [1, 2]),
        ({"probability": 0.0}, []),
        ({"nth": 2, "instrument": "pump"}, [2]),
        ({"nth": 2, "instrument": "balance"}, []),
        ({"matches": "^DIA"}, list(range(1, 13))),
        ({"matches": "RUN"}, []),
        ({"window": (0.0, 1.0)}, list(range(1, 13))),
        ({"window": (5.0, 6.0)}, []),
    ],
)
def test_conditions_say_at_which_operations(when: dict[str, Any], operations: list[int]) -> None:
    assert due(Fault("drop", **when)) == operations


def test_only_operations_that_meet_the_other_conditions_count() -> None:
    fault = Fault("drop", nth=2, matches="RUN")
    commands = [b"RUN\r", b"DIA\r", b"RUN\r", b"RUN\r"]
    assert [fault.due("pump", 0.0, command) for command in commands] == [False, False, True, False]


def test_chance_is_the_same_each_time_and_another_with_another_seed() -> None:
    draws = [tuple(due(Fault("drop", probability=0.3, seed=seed), 200)) for seed in (1, 1, 2)]
    assert draws[0] == draws[1] != draws[2]
    assert len(draws[0]) == pytest.approx(60, abs=20)


@pytest.mark.parametrize(
    ("when", "message"),
    [
        ({"kind": "dropp"}, "no fault is called 'dropp'. Did you mean 'drop'"),
        ({"nth": 0}, "nth: 0 must be 1 or more"),
        ({"probability": 1.5}, "probability: 1.5 must be from 0 to 1"),
        ({"window": (5.0, 5.0)}, "window: .* must be .begin, end. in s"),
        ({"matches": "("}, "matches: '\\(' is no regular expression"),
        ({"seconds": -1.0}, "seconds: -1.0 must be 0 or more"),
    ],
)
def test_what_cannot_be_is_refused(when: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        Fault(**{"kind": "drop", **when})


def test_the_lab_files_grammar_knows_every_kind() -> None:
    kinds = FaultModel.model_json_schema()["properties"]["kind"]["enum"]
    assert sorted(kinds) == sorted(KINDS)


# ---- replies and lines -----------------------------------------------------------------------------------------------


def test_a_truncated_reply_ends_early(pump: MakePump) -> None:
    bench, speaker = pump()
    bench.inject("instrument", "truncate")
    assert speaker.say(b"DIA\r") == DIA[: len(DIA) // 2]
    assert speaker.say(b"DIA\r") == DIA


def test_a_duplicated_reply_comes_twice(pump: MakePump) -> None:
    bench, speaker = pump()
    bench.inject("instrument", "duplicate")
    assert speaker.say(b"DIA\r") == DIA * 2


def test_an_unheard_command_changes_nothing(pump: MakePump) -> None:
    bench, speaker = pump()
    bench.inject("instrument", "unheard")
    assert speaker.say(b"DIA20\r") == b""
    assert speaker.say(b"DIA\r") == DIA


def test_a_hang_ends_by_itself(pump: MakePump) -> None:
    bench, speaker = pump()
    bench.inject("instrument", "hang", seconds=2.0)
    assert [speaker.say(b"DIA\r") for _ in range(4)] == [b"", b"", b"", b""]
    assert speaker.say(b"DIA\r") == DIA


def test_a_line_stays_dead_for_a_while(pump: MakePump) -> None:
    bench, speaker = pump()
    bench.inject("instrument", "disconnect", seconds=2.0)
    assert speaker.say(b"DIA\r") == b""
    with pytest.raises(InstrumentDisconnected, match="its plug is pulled"):
        speaker.channel.open()
    speaker.wait(2.0)
    speaker.channel.open()
    assert speaker.say(b"DIA\r") == DIA


def test_two_faults_at_once_come_one_after_the_other(pump: MakePump) -> None:
    bench, speaker = pump()
    bench.inject("instrument", "drop")
    bench.inject("instrument", "garble")
    assert speaker.say(b"DIA\r") == b""
    assert speaker.say(b"DIA\r") not in (b"", DIA)
    assert speaker.say(b"DIA\r") == DIA


def test_power_is_lost_before_the_command_is_heard(pump: MakePump) -> None:
    bench, speaker = pump()
    assert speaker.ask("DIA20") == "00S"
    bench.inject("instrument", "power_cycle")
    assert speaker.say(b"VOL1.0\r") == b""
    assert b"A?R" in speaker.say(b"VOL\r")


# ---- the apparatus -----------------------------------------------------------------------------------------------------


def test_a_stuck_plunger_stalls_its_motor(pump: MakePump) -> None:
    bench, speaker = pump()
    bench.afflict("instrument", "stuck")
    for command in ("VOL1.0", "RAT5.0MM", "DIRINF", "RUN"):
        speaker.ask(command)
    speaker.wait(1.0)
    assert "A?S" in speaker.ask("")
    assert [entry.volume for entry in bench.ledger.entries] in ([], [0.0])


def test_a_plunger_that_moves_gets_stuck(pump: MakePump) -> None:
    bench, speaker = pump()
    for command in ("VOL1.0", "RAT5.0MM", "DIRINF", "RUN"):
        speaker.ask(command)
    speaker.wait(3.0)
    bench.afflict("instrument", "stuck")
    speaker.wait(1.0)
    assert "A?S" in speaker.ask("")
    assert 0.2 < bench.ledger.entries[0].volume < 0.5


def test_a_frozen_probe_stays_and_a_drifting_one_goes_away(clock: Clock) -> None:
    with Bench.single("atlas_ezo.EC", clock=clock) as bench:
        site = bench.world.site("instrument")
        before = site.seen["conductivity"]
        bench.afflict("instrument", "drift", amount=0.5)
        clock.run(asyncio.sleep(3600))
        bench.world.advance()
        drifted = site.seen["conductivity"]
        assert drifted == pytest.approx(before * 1.5, rel=0.2)
        bench.afflict("instrument", "frozen")
        bench.afflict("instrument", "drift", False)
        clock.run(asyncio.sleep(3600))
        bench.world.advance()
        assert site.seen["conductivity"] == drifted
        bench.afflict("instrument", "frozen", False)
        clock.run(asyncio.sleep(60))
        bench.world.advance()
        assert site.seen["conductivity"] == pytest.approx(before)


def test_what_cannot_be_afflicted_says_so(clock: Clock) -> None:
    with Bench.single("mettler_toledo.Balance", clock=clock) as bench:
        for kind in AFFLICTIONS:
            with pytest.raises(InputError, match=f"'instrument' has nothing that can be '{kind}'"):
                bench.afflict("instrument", kind)


# ---- declared in a lab file --------------------------------------------------------------------------------------------


def test_a_lab_declares_faults_and_they_go_on_where_they_were(clock: Clock, lab: dict[str, Any]) -> None:
    lab["virtual"]["faults"] = [
        {"kind": "drop", "instrument": "dosing", "nth": 3},
        {"kind": "stuck", "instrument": "waste", "window": [100.0, 200.0]},
    ]
    with Bench(lab, clock=clock) as bench:
        heard = _listen(bench, "dosing")
        assert [heard(b"0VER\r") != b"" for _ in range(2)] == [True, True]
        state = bench.snapshot()
        assert heard(b"0VER\r") == b""
        bench.restore(state)
        assert heard(b"0VER\r") == b""
        assert heard(b"0VER\r") != b""
        plunger = bench.world.plungers["waste"]
        clock.run(asyncio.sleep(120))
        assert plunger.stuck
        clock.run(asyncio.sleep(100))
        assert not plunger.stuck


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        ({"kind": "drop", "instrument": "dosin"}, "virtual.faults.0.instrument: 'dosin' is no instrument.*'dosing'"),
        ({"kind": "drop", "nht": 3}, "virtual.faults.0: 'nht' is not known here. Did you mean 'nth'"),
        ({"nth": 3}, "virtual.faults.0: .* is no fault"),
        ({"kind": "drop", "nth": 0}, "virtual.faults.0: nth: 0 must be 1 or more"),
    ],
)
def test_a_faulty_fault_is_told(entry: dict[str, Any], message: str, clock: Clock, lab: dict[str, Any]) -> None:
    lab["virtual"]["faults"] = [entry]
    with pytest.raises(InputError, match=message):
        Bench(lab, clock=clock)


def _listen(bench: Bench, name: str) -> Callable[[bytes], bytes]:
    heard = bytearray()
    channel = bench.channel(name)
    channel.open()
    channel.on_bytes(heard.extend)

    def say(data: bytes) -> bytes:
        heard.clear()
        channel.write(data)
        bench.clock.run(asyncio.sleep(0.5))
        return bytes(heard)

    return say
