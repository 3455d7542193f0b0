"""Golden transcripts of the fact sheet, and numbers."""

from __future__ import annotations

import binascii
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autolab.drivers import new_era_protocol as wire
from autolab.drivers.new_era_settings import NE1000Settings
from autolab.drivers.testing import play
from autolab.drivers.volume_counters import Baseline, settle
from autolab.model.actions import Intent
from autolab.model.errors import GarbledReply, Refused
from autolab.model.roles import Dispense, Withdraw, command_to_json

STOPPED = b"\x0200S\x03"


@pytest.mark.parametrize(
    ("query", "sent", "reply", "finding"),
    [
        (wire.status(0), b"0\r", b"\x0200I\x03", "I"),
        (wire.status(7), b"7\r", b"\x0207X\x03", "X"),
        (wire.status(42), b"42\r", b"\x0242T\x03", "T"),
        (wire.quantity(0, "VOL"), b"0VOL\r", b"\x0200S0.250ML\x03", (0.25, "ML")),
        (wire.quantity(0, "VOL"), b"0VOL\r", b"\x0200S1234.UL\x03", (1234.0, "UL")),
        (wire.quantity(0, "RAT"), b"0RAT\r", b"\x0200S2.500MM\x03", (2.5, "MM")),
        (wire.quantity(0, "DIA"), b"0DIA\r", b"\x0200S14.50\x03", (14.5, "")),
        (wire.word(0, "DIR"), b"0DIR\r", b"\x0200SWDR\x03", "WDR"),
        (wire.word(0, "FUN"), b"0FUN\r", b"\x0200SRAT\x03", "RAT"),
        (wire.dispensed(0), b"0DIS\r", b"\x0200SI1.000W0.500ML\x03", wire.Dispensed(1.0, 0.5, 0.001, "ML")),
        (wire.dispensed(0), b"0DIS\r", b"\x0200II12.50W.000UL\x03", wire.Dispensed(0.0125, 0.0, 1e-5, "UL")),
    ],
)
def test_a_query_says_and_understands_this(query: Any, sent: bytes, reply: bytes, finding: object) -> None:
    assert play(query, [(">", sent), ("<", reply)]) == finding


@pytest.mark.parametrize(
    "text", ["DIA14.50", "VOL0.250", "VOLML", "RAT2.500MM", "DIRINF", "CLDINF", "RUN", "PUR", "STP", "SAF0"]
)
def test_a_command_is_its_address_its_words_and_a_return(text: str) -> None:
    reply = play(wire.command(3, text), [(">", b"3" + text.encode() + b"\r"), ("<", b"\x0203S\x03")])
    assert (reply.status, reply.data) == ("S", "")


@pytest.mark.parametrize("version", ["NE1000V3.928", "NE1010V3.61", "NE1002XV3.9", "NE4000X2V3.928"])
def test_versions_are_told_apart(version: str) -> None:
    found = wire.version(wire.parse(b"\x0200S" + version.encode() + b"\x03"))
    assert found is not None
    assert f"{found['model']}V{found['firmware']}" == version


@pytest.mark.parametrize("letter", "RSTEO")
def test_an_alarm_is_raised_with_its_letter(letter: str) -> None:
    with pytest.raises(wire.PumpAlarm, match=f"alarm {letter}: ") as caught:
        play(wire.status(0), [(">", b"0\r"), ("<", b"\x0200A?" + letter.encode() + b"\x03")])
    assert caught.value.alarm == letter


@pytest.mark.parametrize("error", ["?", "?NA", "?OOR", "?COM", "?IGN"])
def test_an_error_is_a_refusal(error: str) -> None:
    with pytest.raises(Refused, match="refused 'RUN'"):
        play(wire.command(0, "RUN"), [(">", b"0RUN\r"), ("<", b"\x0200S" + error.encode() + b"\x03")])


@pytest.mark.parametrize(
    "frame",
    [
        b"",
        b"\x03",
        b"00S\x03",
        b"\x020S\x03",
        b"\x0200Q\x03",
        b"\x0200A?X\x03",
        b"\x0200S\xff\x03",
        b"\xff\x0200S\x03",
        b"\x0200S\x0200S\x03",
    ],
)
def test_what_is_no_frame_is_garbled(frame: bytes) -> None:
    with pytest.raises(GarbledReply):
        wire.parse(frame)


@pytest.mark.parametrize(
    ("query", "data"),
    [
        (wire.dispensed(0), "I1.0W"),
        (wire.quantity(0, "VOL"), "ML"),
        (wire.quantity(0, "RAT"), "1.0XX"),
        (wire.word(0, "DIR"), "1"),
    ],
)
def test_data_of_another_kind_is_garbled(query: Any, data: str) -> None:
    sent = next(query).data
    with pytest.raises(GarbledReply):
        query.send(None), query.send(b"\x0200S" + data.encode() + b"\x03")
    assert sent.startswith(b"0")


def test_frames_of_other_pumps_of_the_bus_are_passed_over() -> None:
    assert play(wire.status(1), [(">", b"1\r"), ("<", b"\x0200I\x03"), ("<", b"\x0201S\x03")]) == "S"


def test_leaving_safe_mode_sends_the_frame_of_the_fact_sheet() -> None:
    frame = bytes.fromhex("02 09 30 53 41 46 30 59 AD 03")
    play(wire.leave_safe_mode(0), [(">", frame), ("<", STOPPED)])
    play(wire.leave_safe_mode(0), [(">", frame)])  # no reply is no trouble
    assert binascii.crc_hqx(b"0SAF0", 0) == 0x59AD


def test_flushing_returns_what_was_said() -> None:
    assert play(wire.flush(0), [(">", b"\r"), ("<", b"\x0200A?R\x03")]) == b"\x0200A?R\x03"


@given(st.floats(0.001, 9999))
def test_a_number_has_four_digits_three_decimals_and_the_nearest_value(value: float) -> None:
    text = wire.fit(value)
    digits, _, decimals = text.partition(".")
    assert len(text.replace(".", "")) <= 4
    assert len(decimals) <= 3
    step = 10.0 ** -(len(decimals))
    assert abs(float(text) - value) <= step / 2 * (1 + 1e-9)
    assert len(decimals) == 3 or float(text) >= 10 ** (3 - len(decimals)) * (1 - 1e-9)
    assert digits


@pytest.mark.parametrize("value", [0.0, -1.0, 0.0004, 9999.6, 1e9])
def test_a_number_that_cannot_be_sent_is_an_error(value: float) -> None:
    with pytest.raises(ValueError, match=r"the pump takes 0.001 to 9999"):
        wire.fit(value)


@given(st.floats(1e-5, 9999))
def test_a_rate_keeps_its_value_to_half_a_thousandth(rate: float) -> None:
    number, unit = wire.fit_rate(rate)
    sent = float(number) / wire.PER_ML_MIN[unit]
    assert sent == pytest.approx(rate, rel=5.1e-4) or rate < 1.7e-5


def test_the_unit_follows_the_diameter() -> None:
    assert [wire.unit_for(mm) for mm in (4.6, 14.0, 14.01, 26.7)] == ["UL", "UL", "ML", "ML"]


def test_the_rate_range_follows_the_plunger() -> None:
    low, high = NE1000Settings(syringe_mm=26.60, volume_mL=60).rate_range
    assert high * 60 == pytest.approx(1699, rel=2e-3)  # mL/h, as the pump's data sheet has it
    low, _ = NE1000Settings(syringe_mm=4.699, volume_mL=1).rate_range
    assert low * 60e3 == pytest.approx(0.73, rel=2e-2)  # uL/h


# ---- what the counters say -----------------------------------------------------------------------------------------


def verdict(
    command: Dispense | Withdraw,
    infused: float,
    withdrawn: float = 0.0,
    **changes: Any,
) -> tuple[str, float | None]:
    intent = Intent("pump", "set", command_to_json(command), "queryable", Baseline(0.0, 0.0, 5.0).to_json())
    facts: dict[str, Any] = {
        "moving": False,
        "lost": "",
        "swapped": False,
        "commanded": lambda volume: volume,
        **changes,
    }
    found = settle(intent, wire.Dispensed(infused, withdrawn, 0.001, "ML"), **facts)
    assert found.why
    return found.verdict, found.amount


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        (verdict(Dispense(1.0, 1.0), 0.0), ("not", 0.0)),
        (verdict(Dispense(1.0, 1.0), 1.0), ("happened", 1.0)),
        (verdict(Dispense(1.0, 1.0), 0.999), ("happened", 0.999)),
        (verdict(Dispense(1.0, 1.0), 0.998), ("partial", 0.998)),
        (verdict(Dispense(1.0, 1.0), 0.001), ("partial", 0.001)),
        (verdict(Dispense(1.0, 1.0), 1.002), ("unknown", None)),
        (verdict(Dispense(1.0, 1.0), 0.5, 0.001), ("unknown", None)),
        (verdict(Dispense(1.0, 1.0), 0.5, moving=True), ("unknown", None)),
        (verdict(Dispense(1.0, 1.0), 0.0, lost="power"), ("unknown", None)),
        (verdict(Withdraw(1.0, 1.0), 0.0, 1.0), ("happened", 1.0)),
        (verdict(Withdraw(1.0, 1.0), 1.0), ("unknown", None)),
        (verdict(Dispense(1.0, 1.0), 0.0, 1.0, swapped=True), ("happened", 1.0)),
    ],
)
def test_each_verdict(found: tuple[str, float | None], expected: tuple[str, float | None]) -> None:
    assert found == expected


def test_an_intent_without_counters_settles_nothing() -> None:
    counters = wire.Dispensed(0.0, 0.0, 0.001, "ML")
    intent = Intent("pump", "set", command_to_json(Dispense(1.0, 1.0)), "queryable", {})
    found = settle(intent, counters, moving=False, lost="", swapped=False, commanded=lambda volume: volume)
    assert found.verdict == "unknown"


@given(st.floats(0, 5), st.floats(0, 5), st.booleans())
def test_contents_are_what_was_held_less_what_left_plus_what_came(
    infused: float, withdrawn: float, swapped: bool
) -> None:
    after = Baseline(0.0, 0.0, 5.0).contents_after(wire.Dispensed(infused, withdrawn, 0.001, "ML"), swapped=swapped)
    sign = 1 if swapped else -1
    assert after == pytest.approx(5.0 + sign * (infused - withdrawn), abs=1e-6)
