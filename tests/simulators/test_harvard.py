"""The simulated Pump 11 Elite, byte for byte from the sheet, the makers' manuals, and what a Legato was heard to say."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autolab.model.errors import InputError
from autolab.simulators import harvard_speech as speech

if TYPE_CHECKING:
    from tests.simulators.conftest import Speaker
from autolab.simulators.simulator import Simulator

SETTINGS: dict[str, Any] = {"syringe_mm": 14.43, "volume_mL": 10.0, "contents_mL": 5.0}


def load(talk: Speaker, volume: str, rate: str) -> None:
    for text in ("cvolume", f"tvolume {volume}", f"irate {rate}", f"wrate {rate}"):
        assert b"error" not in talk.say(text, 0.02), text


@pytest.fixture
def make(meet_one: Callable[..., Speaker]) -> Callable[..., Speaker]:
    def one(bus: int = 0, **options: Any) -> Speaker:
        return meet_one(
            "harvard.Elite11", {**SETTINGS, "address": f"memory://instrument?bus={bus}"}, options, end=b"\r\n"
        )

    return one


@pytest.fixture
def talk(make: Callable[..., Speaker]) -> Speaker:
    return make()


def test_it_is_a_simulator(talk: Speaker) -> None:
    assert isinstance(talk.inside, Simulator)


@pytest.mark.parametrize(
    ("said", "heard"),
    [
        ("@poll on", b"\n:\x11"),
        ("@nvram none", b"\n:\x11"),
        ("@irate 199.49 ul/min", b"\n:\x11"),
        ("@irate", b"\n199.49 ul/min\r\n:\x11"),
        ("@irate 1 ml/min", b"\n:\x11"),
        ("@irate", b"\n1 ml/min\r\n:\x11"),
        ("@version", b"\nFirmware:      v3.0.4\r\nPump address:  0\r\nSerial number: D101754\r\n:\x11"),
        ("@force 15", b"\n:\x11"),
        ("@force", b"\n15%\r\n:\x11"),
        ("@svolume 8.6284 ml", b"\n:\x11"),
        ("@svolume", b"\n8.6284 ml\r\n:\x11"),
        ("@diameter 7.262", b"\n:\x11"),
        ("@diameter", b"\n7.2620 mm\r\n:\x11"),
        ("@load", b"\nQuick Start - Infuse/Withdraw (qs iw)\r\n:\x11"),
        ("@time 05/08/23 14:48:23", b"\n05/08/23 14:48:23\r\n:\x11"),
        ("@dim 15", b"\n:\x11"),
        ("@ivolume", b"\n0 ul\r\n:\x11"),
        ("@tvolume", b"\nTarget volume not set\r\n:\x11"),
        ("@addr 2", b"\nPump address set to 2\r\n02:\x11"),
    ],
)
def test_it_says_what_a_legato_was_heard_to_say(talk: Speaker, said: str, heard: bytes) -> None:
    talk.say("poll on")
    for before in ("@irate 199.49 ul/min", "@force 15", "@svolume 8.6284 ml", "@diameter 7.262"):
        if before.split()[0] == said and said != "@irate":
            talk.say(before)
    if said == "@irate":
        talk.say("@irate 1 ml/min" if b"1 ml" in heard else "@irate 199.49 ul/min")
    assert talk.say(said) == heard


def test_the_limits_are_those_of_its_gears(talk: Speaker) -> None:
    low, _, high = talk.say("irate lim").decode().strip().removesuffix("\r\n:").partition(" to ")
    assert float(low.split()[0]) == pytest.approx(25.0404, rel=1e-3)  # of the Legato, with a 10 mL syringe
    assert float(high.split()[0]) == pytest.approx(26.0035, rel=1e-3)
    assert (low.split()[1], high.split()[1]) == ("nl/min", "ml/min")


def test_without_polling_mode_a_reply_ends_in_its_prompt_alone(talk: Speaker) -> None:
    assert talk.say("force 30") == b"\n:"
    assert talk.say("poll") == b"\nOff\r\n:"


def test_in_remote_polling_there_are_no_prompts_and_no_echo(talk: Speaker) -> None:
    talk.say("poll remote")
    assert talk.say("poll") == b"\nRemote\r\n"
    assert b"Command error" in talk.say("echo on")
    assert talk.say("poll on") == b"\n:\x11"


def test_an_echo_stands_before_the_answer(talk: Speaker) -> None:
    talk.say("echo on")
    assert talk.say("force") == b"\nforce\r\n50%\r\n:"
    assert talk.say("echo") == b"\necho\r\nOn\r\n:"


def test_each_line_of_another_address_has_it(make: Callable[..., Speaker]) -> None:
    talk = make(bus=6)
    assert talk.say("6ver") == b"\n06:11 ELITE I/W Single 3.0.4\r\n06:"
    assert talk.say("6 ") == b"\n06:"
    assert talk.say("6:ver") == talk.say("06ver") == b"\n06:11 ELITE I/W Single 3.0.4\r\n06:"
    assert talk.say("ver") == talk.say("7ver") == b""
    assert b"06:Pump address:  6\r\n" in talk.say("6version")


def test_the_first_of_a_chain_listens_without_an_address_whatever_it_was_given(talk: Speaker) -> None:
    assert talk.say("addr 2") == b"\nPump address set to 2\r\n02:"
    assert talk.say("force") == talk.say("2force") == b"\n02:50%\r\n02:"
    assert talk.say("@addr 0") == b"\nPump address set to 0\r\n:"


@pytest.mark.parametrize(
    ("said", "error"),
    [
        ("bogus", "Command error: bogus\r\n   Unknown command"),
        ("!!", "Command error: \r\n   Unknown command"),
        ("irate", None),
        ("irat", None),
        ("ira", "Command error: ira\r\n   Unknown command"),
        ("irate 1", "Argument error: "),
        ("irate x ml/min", "Argument error: x"),
        ("irate 100 ml/min", "Argument error: 100\r\n   Out of range"),
        ("diameter 60", "Argument error: 60\r\n   Out of range"),
        ("force 0", "Argument error: 0\r\n   Out of range"),
        ("tvolume 11 ml", "Argument error: 11\r\n   Out of range"),
        ("tvolume -1 ml", "Argument error: -1"),
        ("poll maybe", "Argument error: maybe"),
        ("address 100", "Argument error: 100"),
    ],
)
def test_it_complains_of_nonsense(talk: Speaker, said: str, error: str | None) -> None:
    heard = talk.say(said).decode()
    assert ("error" in heard) == (error is not None)
    assert (error or "") in heard
    assert heard.endswith("\r\n:")


def test_a_line_that_is_too_long_is_an_error(talk: Speaker) -> None:
    assert b"Command error" in talk.say("x" * 300)


def test_it_moves_to_its_target_in_time(talk: Speaker) -> None:
    load(talk, "2 ml", "8 ml/min")
    assert talk.say("irun") == b"\n>"
    talk.wait(7.4)
    assert talk.say("crate") == b"\nInfusing at 8 ml/min\r\n>"
    assert talk.say("ivolume").startswith(b"\n1.0")
    assert not talk.inside.is_safe()
    talk.heard = b""
    talk.wait(8.0)
    assert talk.heard == b"\r\nT*"  # out of polling mode a prompt comes unasked
    assert talk.say("ivolume") == b"\n2 ml\r\nT*"
    assert talk.say("wvolume") == b"\n0 ul\r\nT*"
    assert talk.say("crate") == b"\nT*"
    entry = talk.bench.ledger[0]
    assert (entry.direction, entry.volume, entry.ended) == ("dispense", 2.0, "done")
    assert entry.end - entry.start == pytest.approx(15.0)


def test_in_polling_mode_no_prompt_comes_unasked(talk: Speaker) -> None:
    talk.say("poll on")
    load(talk, "0.1 ml", "6 ml/min")
    talk.say("wrun")
    talk.heard = b""
    talk.wait(5.0)
    assert talk.heard == b""
    assert talk.say("") == b"\nT*\x11"


def test_a_target_that_is_reached_already_ends_a_run_at_once(talk: Speaker) -> None:
    load(talk, "0.1 ml", "6 ml/min")
    talk.say("irun", 2.0)
    assert talk.say("irun") == b"\nT*"
    talk.say("cvolume")
    assert talk.say("irun") == b"\n>"


def test_stop_leaves_the_counters(talk: Speaker) -> None:
    load(talk, "2 ml", "6 ml/min")
    talk.say("irun", 5.0)
    assert talk.say("stp") == b"\n:"
    assert talk.say("ivolume") == talk.say("ivolume", 3.0)
    assert talk.inside.motor.moved("i") == pytest.approx(0.5, rel=0.01)
    assert talk.say("stp") == b"\n:"


def test_what_cannot_change_while_running_does_not(talk: Speaker) -> None:
    load(talk, "2 ml", "6 ml/min")
    talk.say("irun")
    for text in ("cvolume", "diameter 10", "tvolume 1 ml", "force 20", "svolume 1 ml"):
        assert b"Not valid while running" in talk.say(text), text


def test_a_rate_that_is_changed_on_the_way_holds_at_once(talk: Speaker) -> None:
    load(talk, "2 ml", "6 ml/min")
    talk.say("irun", 10.0)
    talk.say("irate 12 ml/min", 5.2)
    assert talk.say("") == b"\nT*"


def test_it_turns_round_when_told_to(talk: Speaker) -> None:
    talk.say("irun", 3.0)
    assert talk.say("wrun", 3.0) == b"\n<"
    talk.say("stop")
    assert [entry.direction for entry in talk.bench.ledger] == ["dispense", "withdraw"]


def test_without_a_target_it_runs_into_its_stop(talk: Speaker) -> None:
    talk.say("irate 20 ml/min")
    talk.say("irun", 20.0)
    assert talk.say("") == b"\n*"
    assert talk.bench.ledger[0].ended == "stalled"
    assert talk.say("stp") == b"\n:"


def test_a_motor_that_stalls_says_so(make: Callable[..., Speaker]) -> None:
    talk = make(stalls_mL=0.2)
    load(talk, "1 ml", "6 ml/min")
    talk.say("irun", 5.0)
    assert talk.say("ivolume") == b"\n200 ul\r\n*"
    assert talk.say("status").split()[3] == b"i.S.I."


def test_the_raw_status_counts_femtolitres(talk: Speaker) -> None:
    load(talk, "1 ml", "6 ml/min")
    talk.say("irun", 4.9)
    rate, _, volume, flags = talk.say("status").split()[:4]
    assert (int(rate), flags) == (100_000_000_000, b"I...I.")
    assert int(volume) == pytest.approx(0.5e12, rel=0.02)


def test_a_wrong_diameter_moves_another_volume_than_it_counts(make: Callable[..., Speaker]) -> None:
    talk = make(diameter_mm=7.215)
    load(talk, "0.5 ml", "6 ml/min")
    talk.say("irun", 6.0)
    assert talk.say("ivolume") == b"\n500 ul\r\nT*"
    assert talk.bench.ledger[0].volume == pytest.approx(2.0)


def test_a_pump_that_only_infuses_does_not_know_how_to_draw_in(make: Callable[..., Speaker]) -> None:
    talk = make(model="11 ELITE I Single")
    assert b"Unknown command" in talk.say("wrun")
    assert b"Direction          Infuse only" in talk.say("metrics")


def test_a_power_cut_stops_it_and_takes_counters_target_and_polling(talk: Speaker) -> None:
    talk.say("poll on")
    load(talk, "2 ml", "6 ml/min")
    talk.say("irun", 5.0)
    talk.clock.run(_call(talk.inside.power_cycle))
    assert talk.say("tvolume") == b"\nTarget volume not set\r\n:"
    assert talk.say("ivolume") == b"\n0 ul\r\n:"
    assert talk.say("diameter") == b"\n14.4300 mm\r\n:"
    assert talk.bench.ledger[0].ended == "stopped"


def test_a_snapshot_brings_everything_back(talk: Speaker) -> None:
    talk.say("poll on")
    load(talk, "0.1 ml", "6 ml/min")
    talk.say("irun", 3.0)
    state = talk.bench.snapshot()
    load(talk, "2 ml", "7 ml/min")
    talk.say("poll off")
    talk.bench.restore(state)
    assert talk.say("ivolume") == b"\n100 ul\r\nT*\x11"
    assert talk.say("tvolume") == b"\n0.1 ml\r\nT*\x11"
    assert talk.say("irate") == b"\n6 ml/min\r\nT*\x11"


def test_metrics_are_those_of_the_sheet(talk: Speaker) -> None:
    lines = talk.say("metrics").decode().strip().split("\r\n")
    assert lines[:3] == [
        "Pump type          Pump 11",
        "Pump type string   11 ELITE I/W Single",
        "Display type       Sharp",
    ]
    assert lines[-2:] == ["Command set        None", ":"]


def test_addresses_end_at_99(make: Callable[..., Speaker]) -> None:
    with pytest.raises(InputError, match="bus address 100"):
        make(bus=100)


def test_unknown_options_are_refused(make: Callable[..., Speaker]) -> None:
    with pytest.raises(InputError, match="modell"):
        make(modell="x")


@given(st.floats(min_value=1e-7, max_value=100.0))
def test_quantities_are_read_as_they_were_written(value: float) -> None:
    for text, unit_of in (
        (speech.fitting(value), speech.volume_unit),
        (speech.fitting(value, "/min"), speech.rate_unit),
    ):
        number, unit = text.split()
        known, read = unit_of(unit), speech.number(number)
        assert known is not None
        assert read is not None
        assert read * speech.per_unit(known) == pytest.approx(value, rel=1e-5)


async def _call(call: Callable[[], None]) -> None:
    call()
