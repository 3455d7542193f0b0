"""The simulated Reglo ICC, byte for byte from the sheet and the maker's manuals."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autolab.model.clock import Clock
from autolab.model.errors import InputError

if TYPE_CHECKING:
    from tests.simulators.conftest import Speaker
from autolab.simulators.ismatec_channel import TUBES, most_flow
from autolab.simulators.ismatec_commands import from_scientific, scientific, trip
from autolab.simulators.ismatec_hoses import Hose, Hoses
from autolab.simulators.simulator import Simulator
from autolab.simulators.world import World


def load(talk: Speaker, channel: int, volume: str, rate: str, mode: str = "O") -> None:
    for text in (mode, "xf1", f"f{rate}", f"v{volume}", "W"):
        assert b"#" not in talk.say(f"{channel}{text}", 0.03), text


def moved(talk: Speaker) -> list[tuple[str, str, float]]:
    return [(entry.instrument, entry.direction, round(entry.volume, 4)) for entry in talk.bench.ledger]


@pytest.fixture
def make(meet_one: Callable[..., Speaker]) -> Callable[..., Speaker]:
    def one(settings: dict[str, Any] | None = None, **options: Any) -> Speaker:
        return meet_one("ismatec.RegloICC", settings, options, end=b"\r")

    return one


@pytest.fixture
def talk(make: Callable[..., Speaker]) -> Speaker:
    return make()


def test_it_is_a_simulator(talk: Speaker) -> None:
    assert isinstance(talk.inside, Simulator)


@pytest.mark.parametrize(
    ("said", "heard"),
    [
        ("@1", b"*"),
        ("@9", b"#"),
        ("1~", b"1\r\n"),
        ("1~1", b"*"),
        ("1xE", b"0\r\n"),
        ("1xE0", b"*"),
        ("1xE2", b"#"),
        ("1x!", b"8\r\n"),
        ("1#", b"REGLO ICC 0208 408\r\n"),
        ("1(", b"0208\r\n"),
        ("1xS", b"A123456789\r\n"),
        ("1xA", b"4\r\n"),
        ("1xL", b"0\r\n"),
        ("1xL3", b"*"),
        ("1xL7", b"#"),
        ("1xNLucky", b"*"),
        ("1DAtext", b"*"),
        ("1xD", b"J\r\n"),
        ("1K", b"*"),
        ("1xM", b"L\r\n"),
        ("1O", b"*"),
        ("1xf", b"1\r\n"),
        ("1xf0", b"*"),
        ("1S", b"10.00\r\n"),
        ("1S009876", b"*"),
        ("1S98", b"#"),
        ("1f", b"0000E+0\r\n"),
        ("1f1200-2", b"1200E-2\r\n"),
        ("1v1000+0", b"1000E+0\r\n"),
        ("1v1.0", b"#"),
        ("1xT00000150", b"*"),
        ("1xT150", b"#"),
        ("1xT", b"0\r\n"),
        ("1V0105", b"*"),
        ("1VM010", b"*"),
        ('1"0003', b"*"),
        ('1"', b"0\r\n"),
        ("1+", b"1.52 mm\r\n"),
        ("1+0152", b"*"),
        ("1+0150", b"#"),
        ("1E", b"-"),
        ("1:", b"0.000 ul\r\n"),
        ("1W", b"*"),
        ("1xe", b"C 0000E+0\r\n"),
        ("1?", b"13.83 ml/min\r\n"),
        ("1!", b"13.83 ml/min\r\n"),
        ("10", b"*"),
        ("1000000", b"*"),
        ("1*", b"*"),
        ("5E", b"#"),
        ("1zz", b"#"),
        ("nonsense", b"#"),
        ("", b"#"),
        ("1", b"#"),
    ],
)
def test_answers(talk: Speaker, said: str, heard: bytes) -> None:
    assert talk.say(said) == heard


def test_a_line_feed_behind_the_command_does_no_harm(talk: Speaker) -> None:
    assert talk.say(b"1E\r\n") == b"-"
    talk.heard = b""
    for piece in (b"1", b"x", b"S\r", b"\n1E", b"\r\n"):
        talk.channel.write(piece)
    talk.wait(0.2)
    assert talk.heard == b"A123456789\r\n-"


def test_the_flows_of_two_hoses_are_known() -> None:
    assert most_flow(0.13) == pytest.approx(0.138, rel=1e-3)
    assert most_flow(0.19) == pytest.approx(0.281, rel=1e-3)
    assert sorted(TUBES) == list(TUBES)


def test_a_volume_at_a_rate_takes_its_time(talk: Speaker) -> None:
    load(talk, 1, "2000+0", "8000+0")
    assert talk.say("1H") == b"*"
    assert talk.say("1E") == b"+"
    assert not talk.inside.is_safe()
    talk.wait(7.0)
    assert talk.say("1:").startswith((b"9", b"1.0"))
    talk.wait(8.0)
    assert talk.say("1E") == b"-"
    assert talk.say("1:") == b"2.000 ml\r\n"
    assert moved(talk) == [("instrument.ch1", "dispense", 2.0)]
    entry = talk.bench.ledger[0]
    assert entry.end - entry.start == pytest.approx(15.0)
    assert entry.ended == "done"


def test_channels_are_independent_and_draw_in_too(talk: Speaker) -> None:
    load(talk, 1, "1000+0", "6000+0")
    load(talk, 3, "5000-1", "6000+0")
    talk.say("3K")
    talk.say("1H", 0.02)
    talk.say("3H", 20.0)
    assert moved(talk) == [("instrument.ch3", "withdraw", 0.5), ("instrument.ch1", "dispense", 1.0)]
    assert talk.say("2:") == b"0.000 ul\r\n"


def test_address_0_is_all_channels(talk: Speaker) -> None:
    for channel in (1, 2, 3, 4):
        load(talk, channel, "1000+0", "6000+0")
    assert talk.say("0H") == b"*"
    assert {talk.say(f"{channel}E") for channel in (1, 2, 3, 4)} == {b"+"}
    assert talk.say("0I") == b"*"
    assert talk.inside.is_safe()


def test_how_it_says_that_it_cannot_start(talk: Speaker) -> None:
    load(talk, 1, "1000+0", "5000+1")
    assert talk.say("1H") == b"-"
    assert talk.say("1xe") == b"R 1383E+1\r\n"
    talk.say("1f1000+0")
    talk.say("1v0000+0")
    assert talk.say("1H") == b"-"
    assert talk.say("1xe").startswith(b"V ")
    talk.say("1Q")
    assert talk.say("1H") == b"-"
    assert talk.say("1xe") == b"C 0000E+0\r\n"
    talk.say("1M")
    assert talk.say("1H") == b"*"
    assert talk.say("1H") == b"#"  # it runs already


@pytest.mark.parametrize(
    ("settings", "volume", "seconds"),
    [
        (("G", "v1000+0", "xT00000600"), 1.0, 60.0),
        (("N", "f6000+0", "xT00000300"), 3.0, 30.0),
        (("Q", "f6000+0", "v5000-1", "xP00000100", '"0003'), 1.5, 35.0),
        (("P", "f6000+0", "xT00000050", "xP00000100", '"0002'), 1.0, 20.0),
        (("O", "xf0", "S005000", "v1000+0"), 1.0, 8.67),
    ],
)
def test_the_other_modes(talk: Speaker, settings: tuple[str, ...], volume: float, seconds: float) -> None:
    for text in settings:
        assert b"#" not in talk.say(f"1{text}", 0.05), text
    assert talk.say("1H", seconds - 0.5) == b"*"
    assert talk.say("1E") == b"+"
    talk.wait(1.0)
    assert talk.say("1E") == b"-"
    assert sum(entry.volume for entry in talk.bench.ledger) == pytest.approx(volume, rel=1e-3)


def test_flow_mode_goes_on_until_it_is_stopped(talk: Speaker) -> None:
    talk.say("1M")
    talk.say("1f6000+0")
    talk.say("1H", 600.0)
    assert talk.say("1E") == b"+"
    assert talk.say("1I") == b"*"
    assert talk.bench.ledger[0].volume == pytest.approx(60.0, rel=0.01)
    assert talk.bench.ledger[0].ended == "stopped"


def test_events_tell_of_starts_and_ends(talk: Speaker) -> None:
    talk.say("1xE1")
    load(talk, 2, "1000+0", "6000+0")
    heard = talk.say("2H", 2.5)
    assert heard.startswith(b"^U2|A|100|0|0\r\n*") or heard.startswith(b"*^U2|A|100|0|0\r\n")
    assert heard.count(b"^U2|A|") == 3
    talk.heard = b""
    talk.wait(10.0)
    assert talk.heard.endswith(b"^X2|A\r\n")
    talk.say("1xE0")
    assert talk.say("2H", 20.0) == b"*"


def test_in_legacy_mode_the_number_is_the_pumps(make: Callable[..., Speaker]) -> None:
    talk = make(legacy=True)
    assert talk.say("2E") == b""
    assert talk.say("1~") == b"0\r\n"
    talk.say("1M")
    talk.say("1f1000+0")
    assert talk.say("1H") == b"*"
    assert all(channel.running for channel in talk.inside.channels.values())
    talk.say("1I")
    talk.say("1~1")
    assert talk.say("2E") == b"-"


def test_calibration_changes_what_a_turn_moves(talk: Speaker) -> None:
    talk.say("1xU1000+0")
    assert talk.say("1xV9000-1") == b"*"
    assert talk.say("1!") == b"12.45 ml/min\r\n"
    assert talk.say("1?") == b"13.83 ml/min\r\n"
    talk.say("1+0152")
    assert talk.say("1!") == b"13.83 ml/min\r\n"


def test_a_hose_that_slips_moves_less_than_it_counts(make: Callable[..., Speaker]) -> None:
    talk = make(slip=0.1)
    load(talk, 1, "1000+0", "6000+0")
    talk.say("1H", 15.0)
    assert talk.say("1:") == b"1.000 ml\r\n"
    assert moved(talk) == [("instrument.ch1", "dispense", 0.9)]


def test_rollers_that_are_stuck_seem_to_run(make: Callable[..., Speaker]) -> None:
    talk = make(stuck=1)
    load(talk, 1, "1000+0", "6000+0")
    talk.say("1H", 30.0)
    assert talk.say("1E") == b"+"
    assert talk.say("1:") == b"0.000 ul\r\n"


def test_the_hoses_of_the_lab_file_are_set_up(make: Callable[..., Speaker]) -> None:
    talk = make({"channels": {"ch2": {"tubing_mm": 0.51}}})
    assert talk.say("2+") == b"0.51 mm\r\n"


def test_without_power_what_was_not_saved_is_lost(talk: Speaker) -> None:
    talk.say("1xE1")
    load(talk, 1, "1000+0", "6000+0")
    talk.say("1*")
    talk.say("1v2000+0")
    talk.say("1H", 5.0)

    async def cut() -> None:
        talk.inside.power_cycle()

    talk.clock.run(cut())
    assert talk.say("1v") == b"1000E+0\r\n"
    assert talk.say("1xE") == b"1\r\n"
    assert talk.say("1E") == b"-"
    assert talk.say("1:") == b"0.000 ul\r\n"
    assert talk.bench.ledger[0].ended == "stopped"


def test_a_snapshot_brings_everything_back(talk: Speaker) -> None:
    load(talk, 1, "1000+0", "6000+0")
    talk.say("1H", 15.0)
    state = talk.bench.snapshot()
    load(talk, 1, "2000+0", "7000+0", "Q")
    talk.bench.restore(state)
    assert talk.say("1:") == b"1.000 ml\r\n"
    assert talk.say("1v") == b"1000E+0\r\n"
    assert talk.say("1xM") == b"O\r\n"


def test_no_snapshot_while_it_runs(talk: Speaker) -> None:
    load(talk, 1, "1000+0", "6000+0")
    talk.say("1H")
    with pytest.raises(ValueError, match=r"instrument\.ch1 is moving"):
        talk.bench.snapshot()


@pytest.mark.parametrize("count", [0, 5])
def test_it_has_one_to_four_channels(make: Callable[..., Speaker], count: int) -> None:
    with pytest.raises(InputError, match="is not 1 to 4"):
        make(channels=count)


@given(st.lists(st.floats(0.01, 5.0), min_size=1, max_size=20))
def test_a_hose_moves_the_same_in_however_many_pieces(pieces: list[float]) -> None:
    clock = Clock("virtual")
    try:
        hose = Hose(World({}, clock=clock), "hose")
        hoses = Hoses({1: hose})
        hose.start(-0.1, 1.0)
        for piece in pieces:
            hoses.integrate(piece)
        assert hose.total == pytest.approx(min(1.0, 0.1 * sum(pieces)))
        assert hose.moving == (0.1 * sum(pieces) < 1.0 - 1e-9)
    finally:
        clock.close()


@given(st.floats(1e-8, 1e8))
def test_numbers_are_read_as_they_were_written(value: float) -> None:
    written = scientific(value)
    read = from_scientific(written.replace("E", ""))
    assert read == pytest.approx(value, rel=6e-4)


@given(st.floats(0.0, 1e5))
def test_totals_have_four_digits(value: float) -> None:
    digits, unit = trip(value).split()
    assert float(digits) * {"ul": 1e-3, "ml": 1.0, "l": 1e3}[unit] == pytest.approx(value, rel=1e-3, abs=1e-6)
