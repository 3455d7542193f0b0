"""The syringe pump on its line: transcripts after the maker's manual and the instrument sheet."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import pytest

from autolab.model.clock import Clock
from autolab.model.errors import InputError
from autolab.simulators.bench import Bench
from autolab.simulators.new_era_frames import frame

MakePump = Callable[..., tuple[Bench, Any]]
AREA = math.pi * 14.5**2 / 4000.0  # mL a mm
FASTEST = 5.1005 * 10 * AREA  # mL/min, from the maker's 5.1005 cm/min


def test_transcript_of_settings(pump: MakePump) -> None:
    _, speaker = pump()
    transcript = [
        ("", "00S"), ("0", "00S"), ("VER", "00SNE1000V3.928"), ("DIA", "00S14.50"), ("DIA20", "00S"), ("DIA", "00S20.00"),
        ("0 DIR WDR", "00S"), ("DIR", "00SWDR"), ("DIR REV", "00S"), ("dir", "00SINF"), ("VOL", "00S0.000ML"),
        ("VOL0.25", "00S"), ("VOL", "00S0.250ML"), ("VOL UL", "00S"), ("VOL", "00S0.250UL"), ("VOL ML", "00S"),
        ("RAT1.5MM", "00S"), ("RAT", "00S1.500MM"), ("RAT 900 UM", "00S"), ("RAT", "00S900.0UM"), ("RAT 950", "00S"),
        ("RAT", "00S950.0UM"), ("RAT C 2 MM", "00S"), ("RAT", "00S2.000MM"), ("FUN", "00SRAT"), ("PHN", "00S01"),
        ("DIS", "00SI0.000W0.000ML"), ("SAF", "00S0"), ("*ADR", "00S00"),
    ]  # fmt: skip
    assert [(command, speaker.ask(command)) for command, _ in transcript] == transcript


@pytest.mark.parametrize(
    ("command", "error"),
    [
        ("FOO", "?"), ("X", "?"), ("VOL0.5ML", "?OOR"), ("VOL12345", "?OOR"), ("DIA0.05", "?OOR"), ("DIA51", "?OOR"),
        ("DIAx", "?OOR"), ("RAT100MM", "?OOR"), ("RAT0MM", "?OOR"), ("RAT0.001UH", "?OOR"), ("DIRUP", "?"), ("CLD", "?"),
        ("CLDFOO", "?"), ("SAF256", "?OOR"), ("SAFx", "?OOR"), ("STP", "?NA"), ("STPX", "?"), ("RUN", "?OOR"),
        ("RUN42", "?OOR"), ("PHN0", "?OOR"), ("PHN42", "?OOR"), ("FUNFOO", "?"), ("FUNPAS0", "?OOR"), ("FUNJMP42", "?OOR"),
        ("VERX", "?"), ("DISX", "?"), ("PURX", "?"), ("*ADR100", "?OOR"), ("*ADRx", "?OOR"),
    ],
)  # fmt: skip
def test_refusals_of_a_stopped_pump(pump: MakePump, command: str, error: str) -> None:
    _, speaker = pump()
    assert speaker.ask(command) == f"00S{error}"


@pytest.mark.parametrize(("diameter", "unit"), [("14.00", "UL"), ("14.01", "ML"), ("4.699", "UL"), ("26.59", "ML")])
def test_unit_of_volume_follows_the_diameter(pump: MakePump, diameter: str, unit: str) -> None:
    _, speaker = pump()
    assert speaker.ask(f"DIA{diameter}") == "00S"
    assert speaker.ask("VOL") == f"00S0.000{unit}"


def test_rate_is_limited_by_the_motor(pump: MakePump) -> None:
    _, speaker = pump()
    assert pytest.approx(8.422, abs=1e-3) == FASTEST
    assert speaker.ask(f"RAT{FASTEST - 0.001:.3f}MM") == "00S"
    assert speaker.ask(f"RAT{FASTEST + 0.002:.3f}MM") == "00S?OOR"


def test_run_takes_lab_time_and_ends_stopped(pump: MakePump) -> None:
    _, speaker = pump()
    for command in ("DIRINF", "RAT6MM", "VOL0.5"):
        assert speaker.ask(command) == "00S"
    assert speaker.ask("RUN", 0.1) == "00I"
    assert speaker.ask("", 3.0) == "00I"
    assert speaker.ask("", 2.5) == "00I"  # after about 3.1 of 5 s
    assert speaker.ask("") == "00S"
    assert speaker.ask("DIS") == "00SI0.500W0.000ML"


def test_volume_counted_while_running_is_what_has_passed(pump: MakePump, clock: Clock) -> None:
    bench, speaker = pump()
    speaker.move("INF", 1.0, 6.0)
    speaker.ask("VOL2")
    speaker.ask("RUN", 5.0)
    assert not bench.is_safe()["instrument"]  # looking brings the world to the present
    moved = 5.0 - bench.instrument("instrument").plunger.position
    counted = float(speaker.ask("DIS", 0.05)[4:9])
    assert moved == pytest.approx(1.5, abs=0.01)
    assert moved - 0.001 <= counted <= moved + 0.1 * 0.2  # the answer came a little later


def test_first_stop_pauses_second_stops(pump: MakePump) -> None:
    _, speaker = pump()
    for command in ("RAT6MM", "VOL1"):
        speaker.ask(command)
    speaker.ask("RUN", 2.0)
    assert speaker.ask("STP") == "00P"
    paused = speaker.ask("DIS")
    assert speaker.ask("", 5.0) == "00P"
    assert speaker.ask("DIS") == paused
    assert speaker.ask("STP") == "00S"
    assert speaker.ask("STP") == "00S?NA"


def test_run_after_a_pause_gives_the_rest(pump: MakePump) -> None:
    bench, speaker = pump()
    for command in ("RAT6MM", "VOL1"):
        speaker.ask(command)
    speaker.ask("RUN", 2.0)
    speaker.ask("STP")
    assert speaker.ask("RUN", 9.0) == "00I"
    assert speaker.ask("DIS") == "00SI1.000W0.000ML"
    assert sum(entry.volume for entry in bench.ledger) == pytest.approx(1.0, abs=1e-9)
    assert [entry.ended for entry in bench.ledger] == ["stopped", "done"]


def test_run_after_a_stop_begins_afresh(pump: MakePump) -> None:
    _, speaker = pump()
    for command in ("RAT6MM", "VOL1"):
        speaker.ask(command)
    speaker.ask("RUN", 2.0)
    speaker.ask("STP")
    speaker.ask("STP")
    before = float(speaker.ask("DIS")[4:9])
    speaker.ask("RUN", 10.5)
    assert float(speaker.ask("DIS")[4:9]) == pytest.approx(before + 1.0, abs=2e-3)


def test_new_volume_during_a_pause_begins_afresh(pump: MakePump) -> None:
    bench, speaker = pump()
    for command in ("RAT6MM", "VOL1"):
        speaker.ask(command)
    speaker.ask("RUN", 2.0)
    speaker.ask("STP")
    assert speaker.ask("VOL0.5") == "00P"
    speaker.ask("RUN", 6.0)
    assert bench.ledger[1].volume == pytest.approx(0.5, abs=1e-6)


@pytest.mark.parametrize("command", ["DIA20", "VOL2", "DIRWDR", "RUN", "PUR", "CLDINF", "FUNSTP", "PHN2", "RAT5UM"])
def test_not_applicable_while_running(pump: MakePump, command: str) -> None:
    _, speaker = pump()
    for setting in ("RAT6MM", "VOL1"):
        speaker.ask(setting)
    speaker.ask("RUN", 1.0)
    assert speaker.ask(command) == "00I?NA"


def test_rate_changes_at_once_and_is_not_kept(pump: MakePump) -> None:
    bench, speaker = pump()
    for command in ("RAT3MM", "VOL1"):
        speaker.ask(command)
    speaker.ask("RUN", 10.0)
    assert speaker.ask("RAT6", 5.2) == "00I"
    assert speaker.ask("") == "00S"
    assert speaker.ask("RAT") == "00S3.000MM"
    (entry,) = bench.ledger
    assert entry.volume == pytest.approx(1.0, abs=1e-9)
    assert entry.end - entry.start == pytest.approx(15.0, abs=0.05)


def test_continuous_pumping_turns_round(pump: MakePump) -> None:
    bench, speaker = pump()
    for command in ("RAT6MM", "VOL0", "DIRINF"):
        speaker.ask(command)
    assert speaker.ask("RUN", 2.0) == "00I"
    assert speaker.ask("DIRREV", 2.0) == "00W"
    assert speaker.ask("STP") == "00P"
    assert [entry.direction for entry in bench.ledger] == ["dispense", "withdraw"]
    infused, withdrawn = (float(text) for text in speaker.ask("DIS")[4:-2].split("W"))
    assert (infused, withdrawn) == pytest.approx((0.2, 0.2), abs=0.03)


def test_purge_goes_at_full_speed_until_stopped(pump: MakePump) -> None:
    bench, speaker = pump()
    assert speaker.ask("PUR", 6.0) == "00X"
    assert speaker.ask("STP") == "00S"
    (entry,) = bench.ledger
    assert entry.volume / (entry.end - entry.start) * 60.0 == pytest.approx(FASTEST, rel=1e-4)
    assert speaker.ask("") == "00S"


def test_counters_are_cleared_one_by_one(pump: MakePump) -> None:
    _, speaker = pump()
    speaker.move("INF", 0.3, 6.0)
    speaker.move("WDR", 0.2, 6.0)
    assert speaker.ask("DIS") == "00SI0.300W0.200ML"
    assert speaker.ask("CLDINF") == "00S"
    assert speaker.ask("DIS") == "00SI0.000W0.200ML"
    assert speaker.ask("CLD WDR") == "00S"
    assert speaker.ask("DIS") == "00SI0.000W0.000ML"


def test_counters_speak_the_unit_in_force(pump: MakePump) -> None:
    _, speaker = pump()
    speaker.move("INF", 0.3, 6.0)
    speaker.ask("VOLUL")
    assert speaker.ask("DIS") == "00SI300.0W0.000UL"


def test_another_diameter_clears_the_counters(pump: MakePump) -> None:
    _, speaker = pump()
    speaker.move("INF", 0.3, 6.0)
    speaker.ask("DIA14.5")
    assert speaker.ask("DIS") == "00SI0.300W0.000ML"
    speaker.ask("DIA14.6")
    assert speaker.ask("DIS") == "00SI0.000W0.000ML"


def test_wrong_diameter_gives_a_wrong_volume(pump: MakePump) -> None:
    bench, speaker = pump(diameter_mm=20.0)
    assert speaker.ask("DIA") == "00S20.00"
    speaker.move("INF", 1.0, 6.0)
    assert speaker.ask("DIS") == "00SI1.000W0.000ML"
    assert bench.ledger[0].volume == pytest.approx((14.5 / 20.0) ** 2, abs=1e-9)


def test_end_stop_stalls_the_motor(pump: MakePump) -> None:
    bench, speaker = pump()
    for command in ("RAT8MM", "VOL9", "DIRINF"):
        speaker.ask(command)
    speaker.ask("RUN", 60.0)
    (entry,) = bench.ledger
    assert entry.ended == "stalled"
    assert entry.volume == pytest.approx(5.1, abs=1e-9)  # 5 mL and 1 % of 10 mL
    assert speaker.ask("DIS") == "00A?S"
    assert speaker.ask("") == "00S"
    assert speaker.ask("DIS") == "00SI5.100W0.000ML"


def test_withdrawing_ends_above_the_last_mark(pump: MakePump) -> None:
    bench, speaker = pump()
    for command in ("RAT8MM", "VOL0", "DIRWDR"):
        speaker.ask(command)
    speaker.ask("RUN", 60.0)
    assert bench.ledger[0].volume == pytest.approx(5.5, abs=1e-9)
    assert speaker.ask("") == "00A?S"


def test_reset_alarm_answers_the_first_exchange_once(pump: MakePump) -> None:
    _, speaker = pump(acknowledged=False)
    assert speaker.ask("DIA20") == "00A?R"
    assert speaker.ask("DIA") == "00S14.50"  # what was asked with the alarm was not done


def test_some_pumps_are_deaf_to_the_first_packet(pump: MakePump) -> None:
    _, speaker = pump(acknowledged=False, ignores_first=True)
    assert speaker.say(b"DIA\r") == b""
    assert speaker.ask("DIA") == "00A?R"
    assert speaker.ask("DIA") == "00S14.50"


def test_power_cycle_keeps_settings_and_loses_counters(pump: MakePump) -> None:
    bench, speaker = pump()
    speaker.move("INF", 0.3, 6.0)
    speaker.ask("VOLUL")
    speaker.ask("VOL200")
    speaker.ask("RUN", 0.5)
    bench.instrument("instrument").power_cycle()
    assert bench.is_safe() == {"instrument": True}
    assert bench.ledger[1].ended == "stopped"
    assert speaker.ask("") == "00A?R"
    assert speaker.ask("DIS") == "00SI0.000W0.000UL"
    assert speaker.ask("RAT") == "00S6.000MM"
    assert speaker.ask("VOL") == "00S200.0UL"


def test_pumps_share_a_wire_by_address(bench: Bench, speaker: Any) -> None:
    assert speaker.ask("0VER") == "00SNE1000V3.928"
    assert speaker.ask("1DIA") == "01S26.70"
    assert speaker.ask("01DIA") == "01S26.70"
    assert speaker.say(b"2VER\r") == b""
    assert speaker.say(b"99VER\r") == b""


def test_burst_reaches_several_pumps(bench: Bench, speaker: Any) -> None:
    answers = speaker.say(b"0 RAT 5 MM * 1 RAT 7 MM *\r")
    assert answers == frame("00S", safe=False) + frame("01S", safe=False)
    assert speaker.ask("1RAT") == "01S7.000MM"


def test_address_can_be_changed(pump: MakePump) -> None:
    _, speaker = pump()
    assert speaker.ask("*ADR 7") == "07S"
    assert speaker.say(b"0VER\r") == b""
    assert speaker.ask("7VER") == "07SNE1000V3.928"
    assert speaker.ask("*VER") == "07SNE1000V3.928"
    assert speaker.ask("*RESET") == "00S"


def test_safe_mode_answers_in_safe_frames(pump: MakePump) -> None:
    _, speaker = pump()
    assert speaker.say(bytes.fromhex("02 09 30 53 41 46 30 59 AD 03")) == frame("00S", safe=False)
    assert speaker.say(frame("0SAF20", safe=True)) == frame("00S", safe=True)
    assert speaker.say(frame("0SAF", safe=True)) == frame("00S20", safe=True)
    assert speaker.say(b"0DIA\r") == frame("00S14.50", safe=True)  # basic commands are understood all the same
    assert speaker.say(b"\x02\x08SAF0\x55\x43\x03") == frame("00S", safe=False)


def test_damaged_frame_is_answered_and_not_done(pump: MakePump) -> None:
    _, speaker = pump()
    damaged = bytearray(frame("0DIA20", safe=True))
    damaged[4] ^= 1
    assert speaker.say(bytes(damaged)) == frame("00S?COM", safe=False)
    assert speaker.ask("DIA") == "00S14.50"


def test_silence_in_safe_mode_stops_the_pump_and_tells(pump: MakePump) -> None:
    bench, speaker = pump()
    for command in ("RAT1MM", "VOL4"):
        speaker.ask(command)
    speaker.say(frame("0SAF10", safe=True))
    speaker.say(frame("0RUN", safe=True), 8.0)
    assert speaker.say(frame("0", safe=True), 8.0) == frame("00I", safe=True)
    assert not bench.is_safe()["instrument"]
    assert speaker.say(frame("0", safe=True), 12.0) == frame("00I", safe=True) + frame("00A?T", safe=True)
    assert bench.is_safe()["instrument"]
    assert speaker.say(frame("0", safe=True)) == frame("00A?T", safe=True)  # telling by itself acknowledges nothing
    assert speaker.say(frame("0", safe=True)) == frame("00S", safe=True)


def test_watchdog_waits_for_the_first_packet_after_power_up(pump: MakePump) -> None:
    bench, speaker = pump()
    speaker.say(frame("0SAF5", safe=True))
    bench.instrument("instrument").power_cycle()
    speaker.heard = b""
    speaker.wait(60.0)
    assert speaker.heard == frame("00A?R", safe=True)


def test_program_of_phases_runs_through(pump: MakePump) -> None:
    bench, speaker = pump()
    for command in (
        "PHN1", "FUNRAT", "RAT6MM", "VOL0.5", "DIRINF", "PHN2", "FUNPAS5", "PHN3", "FUNBEP", "PHN4", "FUNINC", "RAT1MM",
        "VOL0.7", "DIRINF", "PHN5", "FUNRAT", "RAT6MM", "VOL0.1", "DIRWDR", "PHN6", "FUNSTP", "PHN1",
    ):  # fmt: skip
        assert speaker.ask(command) == "00S", command
    assert speaker.ask("FUN") == "00SRAT"
    assert speaker.ask("RUN", 6.0) == "00I"
    assert speaker.ask("", 6.5) == "00T"
    assert speaker.ask("RAT", 10.0) == "00I7.000MM"
    assert speaker.ask("") == "00S"
    assert [(entry.direction, round(entry.volume, 3)) for entry in bench.ledger] == [
        ("dispense", 0.5), ("dispense", 0.7), ("withdraw", 0.1),
    ]  # fmt: skip


@pytest.mark.parametrize(("commands", "alarm"), [
    (["FUNJMP2", "PHN2", "FUNJMP1"], "E"),
    (["FUNINC"], "E"),
    (["PHN41", "FUNBEP", "PHN1", "FUNJMP41"], "O"),
])  # fmt: skip
def test_senseless_programs_raise_alarms(pump: MakePump, commands: list[str], alarm: str) -> None:
    _, speaker = pump()
    for command in commands:
        assert speaker.ask(command) == "00S"
    speaker.ask("RUN")
    assert speaker.ask("") == f"00A?{alarm}"


def test_pause_phase_can_be_stopped(pump: MakePump) -> None:
    bench, speaker = pump()
    for command in ("FUNPAS10", "PHN2", "FUNSTP"):
        speaker.ask(command)
    assert speaker.ask("RUN", 2.0) == "00T"
    assert not bench.is_safe()["instrument"]
    assert speaker.ask("STP") == "00P"
    assert bench.is_safe()["instrument"]


def test_clear_phase_clears_a_counter(pump: MakePump) -> None:
    _, speaker = pump()
    speaker.move("INF", 0.3, 6.0)
    for command in ("FUNCLD", "PHN2", "FUNSTP"):
        speaker.ask(command)
    speaker.ask("RUN")
    assert speaker.ask("DIS") == "00SI0.000W0.000ML"


def test_impossible_bus_address_is_refused(clock: Clock) -> None:
    with pytest.raises(InputError, match="bus address 100"):
        Bench.single("new_era.NE1000", clock=clock, settings={"address": "memory://pump?bus=100"})


def test_unknown_option_is_refused(clock: Clock) -> None:
    with pytest.raises(InputError, match="Did you mean 'firmware'"):
        Bench.single("new_era.NE1000", clock=clock, options={"firmwear": "1"})
