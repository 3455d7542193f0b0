"""The balance on its line: transcripts after the MT-SICS manuals and the instrument sheet."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable
from typing import Any

import pytest

from autolab.model.clock import Clock
from autolab.model.errors import InputError
from autolab.simulators.bench import Bench

MakeBalance = Callable[..., tuple[Bench, Any]]


def put(bench: Bench, grams: float) -> None:
    """Put so much on the pan, by hand."""

    async def lay() -> None:
        bench.world.advance()
        bench.world.pans["instrument"].load = grams
        await asyncio.sleep(0.25)  # the hand needs so long to leave, and the cell to take its next sample

    bench.clock.run(lay())


def lines(speaker: Any, command: str, wait: float = 0.5) -> list[str]:
    """Send a command and return the lines of the answer."""
    answer: bytes = speaker.say(command.encode("latin-1") + b"\r\n", wait)
    assert answer == b"" or answer.endswith(b"\r\n"), answer
    return answer.decode("latin-1").splitlines()


def test_transcript_of_identity(balance: MakeBalance) -> None:
    _, speaker = balance()
    transcript = [
        ("@", 'I4 A "B207696838"'), ("I1", 'I1 A "01" "2.30" "2.22" "" ""'), ("I2", 'I2 A "XS204 Excellence 220.0000 g"'),
        ("I3", 'I3 A "1.10 18.6.4.1361.772"'), ("I4", 'I4 A "B207696838"'), ("I5", 'I5 A "12121306C"'),
        ("M21 0 0", "M21 A"), ('D "hello"', "D A"), ("DW", "DW A"), ("TAC", "TAC A"), ("TA", "TA A     0.0000 g"),
        ("Z", "Z A"), ("ZI", "ZI S"), ("S", "S S     0.0000 g"), ("SI", "S S     0.0000 g"), ("SC 500", "S S     0.0000 g"),
        ("T", "T S     0.0000 g"), ("TI", "TI S     0.0000 g"), ("TC 500", "TC S     0.0000 g"), ("ZC 500", "ZC S"),
    ]  # fmt: skip
    assert [(command, lines(speaker, command, 1.0)) for command, _ in transcript] == [
        (command, [answer]) for command, answer in transcript
    ]


def test_identity_can_be_chosen(balance: MakeBalance) -> None:
    _, speaker = balance(model="MS204TS", serial_number="C111", firmware="2.0 x", software_id="S9", capacity_g=100)
    assert lines(speaker, "I4") == ['I4 A "C111"']
    assert lines(speaker, "I2") == ['I2 A "MS204TS 100.0000 g"']
    assert lines(speaker, "I3") == ['I3 A "2.0 x"']
    assert lines(speaker, "I5") == ['I5 A "S9"']


def test_list_of_commands_is_true(balance: MakeBalance) -> None:
    _, speaker = balance()
    listed = [re.fullmatch(r'I0 ([AB]) (\d) "(.+)"', line) for line in lines(speaker, "I0", 2.0)]
    assert [match[1] for match in listed if match] == ["B"] * (len(listed) - 1) + ["A"]
    for match in listed:
        assert match is not None
        assert lines(speaker, match[3], 2.0) != ["ES"], match[3]
        lines(speaker, "@")


@pytest.mark.parametrize("command", ["C", "SC 100", "ZC 100", "TC 100", 'D "x"', "DW", "I50"])
def test_bridge_does_not_know_some_commands(balance: MakeBalance, command: str) -> None:
    _, speaker = balance(bridge=True)
    assert lines(speaker, command) == ["ES"]
    assert lines(speaker, "I2") == ['I2 A "WXS205SDU WXA-Bridge 220.0000 g"']
    assert f'"{command.split()[0]}"' not in " ".join(lines(speaker, "I0", 2.0))


@pytest.mark.parametrize("command", ["", "s", "si", "FOO", " S", "S 1", "SI 1", "@ 1", "SIR 1", "I9"])
def test_unknown_commands_are_syntax_errors(balance: MakeBalance, command: str) -> None:
    _, speaker = balance()
    assert lines(speaker, command) == ["ES"]


@pytest.mark.parametrize(
    ("command", "answer"),
    [
        ("I4 x", "I4 L"), ("SC", "SC L"), ("SC x", "SC L"), ("SC 99999", "SC L"), ("D hello", "D L"), ("TA x", "TA L"),
        ("TA 1 kg", "TA L"), ("TA 999 g", "TA L"), ("M21 0 9", "M21 L"), ("M21 5 0", "M21 L"), ("TAC 1", "TAC L"), ("DW 1", "DW L"),
    ],
)  # fmt: skip
def test_wrong_parameters(balance: MakeBalance, command: str, answer: str) -> None:
    _, speaker = balance()
    assert lines(speaker, command) == [answer]


def test_control_characters_are_transmission_errors(balance: MakeBalance) -> None:
    _, speaker = balance()
    assert lines(speaker, "S\x01I") == ["ET"]


def test_endless_line_is_a_syntax_error(balance: MakeBalance) -> None:
    _, speaker = balance()
    assert speaker.say(b"x" * 300) == b"ES\r\n"
    assert lines(speaker, "I4") == ['I4 A "B207696838"']


def test_commands_may_come_in_pieces(balance: MakeBalance) -> None:
    _, speaker = balance()
    assert speaker.say(b"I") == b""
    assert speaker.say(b"4\r") == b""
    assert speaker.say(b"\n") == b'I4 A "B207696838"\r\n'


@pytest.mark.parametrize(
    ("grams", "field"), [(12.3456, "   12.3456"), (100.0012, "  100.0012"), (-1.5, "   -1.5000"), (0.0, "    0.0000")]
)
def test_weights_stand_in_ten_columns(balance: MakeBalance, grams: float, field: str) -> None:
    bench, speaker = balance()
    put(bench, grams)
    assert lines(speaker, "S", 10.0) == [f"S S {field} g"]


def test_coarser_balance_shows_fewer_digits(balance: MakeBalance) -> None:
    bench, speaker = balance(resolution_g=0.001)
    put(bench, 12.3456)
    assert lines(speaker, "S", 10.0) == ["S S     12.346 g"]


def test_stable_weight_waits_for_stability(balance: MakeBalance) -> None:
    bench, speaker = balance()
    speaker.wait(5.0)
    put(bench, 10.0)
    assert lines(speaker, "SI", 0.2)[0].startswith("S D")
    start = bench.clock.now()
    speaker.heard = b""
    speaker.channel.write(b"S\r\n")
    speaker.wait(1.0)
    assert speaker.heard == b""
    speaker.wait(6.0)
    assert speaker.heard == b"S S    10.0000 g\r\n"
    assert bench.clock.now() - start == pytest.approx(7.0)


def test_one_command_at_a_time(balance: MakeBalance) -> None:
    bench, speaker = balance()
    speaker.wait(5.0)
    put(bench, 10.0)
    assert lines(speaker, "S", 0.2) == []
    assert lines(speaker, "SI", 0.2) == ["SI I"]
    assert lines(speaker, "I4", 0.2) == ["I4 I"]
    assert lines(speaker, "@", 0.2) == ['I4 A "B207696838"']
    assert lines(speaker, "SI", 0.2)[0].startswith("S D")
    assert lines(speaker, "S", 0.1) == []
    assert lines(speaker, "C", 0.2) == ["C B", "C A"]
    assert lines(speaker, "I4", 20.0) == ['I4 A "B207696838"']  # the weight that was asked for does not come any more


def test_patience_ends_without_stability(balance: MakeBalance) -> None:
    bench, speaker = balance(white_g=0.1)
    assert lines(speaker, "S", 39.0) == []
    speaker.wait(2.0)
    assert speaker.heard == b"S I\r\n"
    assert lines(speaker, "T", 41.0) == ["T I"]
    assert lines(speaker, "SC 2000", 3.0)[0].startswith("S D")
    assert lines(speaker, "TC 2000", 3.0)[0].startswith("TC D")
    assert lines(speaker, "ZC 2000", 3.0) == ["ZC D"]
    assert bench.is_safe() == {"instrument": True}


def test_tare_and_its_memory(balance: MakeBalance) -> None:
    bench, speaker = balance()
    put(bench, 50.0)
    assert lines(speaker, "T", 10.0) == ["T S    50.0000 g"]
    assert lines(speaker, "S", 2.0) == ["S S     0.0000 g"]
    put(bench, 51.5)
    assert lines(speaker, "S", 10.0) == ["S S     1.5000 g"]
    assert lines(speaker, "TA") == ["TA A    50.0000 g"]
    assert lines(speaker, "TA 51.5 g") == ["TA A    51.5000 g"]
    assert lines(speaker, "S", 2.0) == ["S S     0.0000 g"]
    assert lines(speaker, "TAC") == ["TAC A"]
    assert lines(speaker, "S", 2.0) == ["S S    51.5000 g"]
    lines(speaker, "TA 10 g")
    lines(speaker, "@")
    assert lines(speaker, "TA") == ["TA A     0.0000 g"]


def test_zero_clears_the_tare_within_its_range(balance: MakeBalance) -> None:
    bench, speaker = balance()
    put(bench, 4.0)
    lines(speaker, "TA 1 g")
    assert lines(speaker, "Z", 10.0) == ["Z A"]
    assert lines(speaker, "TA") == ["TA A     0.0000 g"]
    assert lines(speaker, "S", 2.0) == ["S S     0.0000 g"]
    put(bench, 10.0)
    assert lines(speaker, "Z", 10.0) == ["Z +"]
    put(bench, -4.9)
    assert lines(speaker, "Z", 10.0) == ["Z -"]
    assert lines(speaker, "T", 10.0) == ["T -"]


@pytest.mark.parametrize(("grams", "sign"), [(250.0, "+"), (-20.0, "-")])
def test_overload_and_underload(balance: MakeBalance, grams: float, sign: str) -> None:
    bench, speaker = balance()
    put(bench, grams)
    speaker.wait(5.0)
    assert lines(speaker, "S") == [f"S {sign}"]
    assert lines(speaker, "SI") == [f"S {sign}"]
    assert lines(speaker, "T") == [f"T {sign}"]


def test_stream_of_weights_ends_with_the_next_weighing(balance: MakeBalance) -> None:
    _, speaker = balance()
    streamed = lines(speaker, "SIR", 2.05)
    assert 18 <= len(streamed) <= 21
    assert set(streamed) == {"S S     0.0000 g"}
    assert len(lines(speaker, "SI", 1.0)) <= 2  # its own answer, and one that was on the way
    speaker.heard = b""
    speaker.wait(2.0)
    assert speaker.heard == b""


@pytest.mark.parametrize("stopper", ["@", "C", "S"])
def test_stream_can_be_stopped(balance: MakeBalance, stopper: str) -> None:
    _, speaker = balance()
    lines(speaker, "SIR", 1.0)
    lines(speaker, stopper, 1.0)
    speaker.heard = b""
    speaker.wait(2.0)
    assert speaker.heard == b""


def test_unit_is_kept_without_power(balance: MakeBalance) -> None:
    bench, speaker = balance()
    put(bench, 12.3456)
    speaker.wait(8.0)
    assert lines(speaker, "M21 0 3") == ["M21 A"]
    assert lines(speaker, "S") == ["S S    12345.6 mg"]
    assert lines(speaker, "M21 0 1") == ["M21 A"]
    assert lines(speaker, "S") == ["S S  0.0123456 kg"]
    assert lines(speaker, "M21 1 0") == ["M21 A"]
    bench.instrument("instrument").power_cycle()
    speaker.wait(0.5)
    assert lines(speaker, "M21") == ["M21 B 0 1", "M21 A 1 1"]


def test_power_cycle_zeroes_and_tells_the_serial_number(balance: MakeBalance, clock: Clock) -> None:
    bench, speaker = balance()
    put(bench, 30.0)
    lines(speaker, "T", 10.0)
    speaker.heard = b""

    async def cycle() -> None:
        bench.instrument("instrument").power_cycle()
        await asyncio.sleep(0.5)

    clock.run(cycle())
    assert speaker.heard == b'I4 A "B207696838"\r\n'
    assert lines(speaker, "TA") == ["TA A     0.0000 g"]
    assert lines(speaker, "S", 2.0) == ["S S     0.0000 g"]  # zeroed with what lay on it


def test_remaining_range_has_three_lines(balance: MakeBalance) -> None:
    bench, speaker = balance()
    put(bench, 20.0)
    speaker.wait(8.0)
    answer = lines(speaker, "I50")
    assert [line.split()[:3] for line in answer] == [["I50", "B", "0"], ["I50", "B", "1"], ["I50", "A", "2"]]
    assert float(answer[0].split()[3]) == pytest.approx(200.0, abs=1e-3)


def test_unknown_command_to_refuse_is_refused(clock: Clock) -> None:
    with pytest.raises(InputError, match="refuses: \\['FOO'\\]"):
        Bench.single("mettler_toledo.Balance", clock=clock, options={"refuses": ["FOO"]})


def test_chosen_commands_are_refused(balance: MakeBalance) -> None:
    _, speaker = balance(refuses=["TI"])
    assert lines(speaker, "TI") == ["ES"]
    assert lines(speaker, "T", 1.0) == ["T S     0.0000 g"]
