"""A VICI actuator, byte for byte from the maker's manuals."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from autolab.model.clock import Clock
from autolab.model.errors import InputError
from autolab.simulators.bench import Bench

Say = Callable[..., bytes]


class Far:
    """Somebody on the actuator's line."""

    def __init__(self, clock: Clock, talk: Any, positions: int, **options: Any) -> None:
        self.bench = Bench.single("vici.Valve", clock=clock, settings={"positions": positions}, options=options)
        self.valve = self.bench.instrument("instrument")
        self._talk = talk(self.bench, "instrument")

    def say(self, command: str, wait: float = 0.1) -> str:
        return str(self._talk.say(command.encode() + b"\r", wait).decode())


@pytest.fixture
def far(clock: Clock, talk: Any) -> Callable[..., Far]:
    def make(positions: int = 10, **options: Any) -> Far:
        return Far(clock, talk, positions, **options)

    return make


# ---- what it says ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("positions", "options", "command", "answer"),
    [
        (10, {}, "CP", "CP01\r"),
        (10, {}, "NP", "NP10\r"),
        (10, {}, "AM", "AM3\r"),
        (10, {}, "SM", "SMA\r"),
        (10, {"rotation": "F"}, "SM", "SMF\r"),
        (10, {}, "IFM", "IFM0\r"),
        (10, {}, "SO", "SO1\r"),
        (10, {}, "SB", "SB9600\r"),
        (10, {}, "ID", "ID = not used\r"),
        (10, {}, "STAT", "CP01\rAM3\rNP10\rSMA\r"),
        (10, {"dialect": "microelectric", "at": 3}, "CP", "Position is  = 3\r"),
        (10, {"dialect": "microelectric"}, "NP", "NP = 10\r"),
        (10, {"dialect": "microelectric"}, "VR", "I-PD-EDF56RC.7\r08/19/2010\r"),
        (2, {}, "CP", "CPA\r"),
        (2, {"at": 2}, "CP", "CPB\r"),
        (2, {"dialect": "microelectric"}, "CP", 'Position is "A"\r'),
        (2, {}, "AM", "AM1\r"),
        (2, {}, "DT", "DT0\r"),
    ],
)
def test_what_it_tells(
    far: Callable[..., Far], positions: int, options: dict[str, Any], command: str, answer: str
) -> None:
    assert far(positions, **options).say(command) == answer


def test_its_firmware_has_five_lines(far: Callable[..., Far]) -> None:
    assert far().say("VR").count("\r") == 5
    assert far().say("VR2").count("\r") == 5


@pytest.mark.parametrize(
    "command", ["GO11", "GO0", "GOA", "CWx", "CP3", "XY", "NP1", "NP97", "SMX", "VR3", "hello", "TO"]
)
def test_nonsense_is_bad_and_moves_nothing(far: Callable[..., Far], command: str) -> None:
    one = far()
    assert one.say(command, 5) == f"{command} = Bad command\r"
    assert one.valve.rotor.opened == []


def test_a_microelectric_one_says_what(far: Callable[..., Far]) -> None:
    one = far(dialect="microelectric")
    assert [one.say(command) for command in ("XY", "GO77", "AM")] == ["what?\r"] * 3


def test_an_empty_line_is_nothing(far: Callable[..., Far]) -> None:
    assert far().say("") == ""


def test_a_line_that_never_ends_is_forgotten(far: Callable[..., Far]) -> None:
    one = far()
    assert one.say("C" * 600, 3) in ("", f"{'C' * 600} = Bad command\r")
    assert one.say("CP") == "CP01\r"


# ---- turning -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("command", "options", "opened"),
    [
        ("GO3", {}, [2, 3]),
        ("GO9", {}, [10, 9]),
        ("GO09", {}, [10, 9]),
        ("GO3", {"rotation": "R"}, [10, 9, 8, 7, 6, 5, 4, 3]),
        ("GO9", {"rotation": "F"}, [2, 3, 4, 5, 6, 7, 8, 9]),
        ("CW3", {}, [2, 3]),
        ("CW", {}, [2]),
        ("CC3", {}, [10, 9, 8, 7, 6, 5, 4, 3]),
        ("CC", {}, [10]),
        ("GO", {}, [2]),
        ("HM", {"at": 9}, [10, 1]),
        ("GO1", {}, []),
    ],
)
def test_a_selector_turns_silently(
    far: Callable[..., Far], command: str, options: dict[str, Any], opened: list[int]
) -> None:
    one = far(**options)
    assert one.say(command, 5) == ""
    assert one.valve.rotor.opened == opened


def test_while_it_turns_it_tells_the_position_that_it_passed(far: Callable[..., Far]) -> None:
    one = far(step_s=1.0)
    one.say("GO4", 1.5)
    assert (one.say("CP"), one.valve.is_safe()) == ("CP02\r", False)
    one.say("", 3)
    assert (one.say("CP"), one.valve.is_safe()) == ("CP04\r", True)


def test_it_may_be_silent_or_hold_its_answers_while_it_turns(far: Callable[..., Far]) -> None:
    silent = far(busy="silent", step_s=1.0)
    silent.say("GO3")
    assert (silent.say("CP", 1.0), silent.say("CP", 0.1)) == ("", "")
    silent.say("", 2)
    assert silent.say("CP") == "CP03\r"
    holds = far(busy="holds", step_s=1.0)
    holds.say("GO3")
    assert (holds.say("CP", 1.0), holds.say("", 1.5)) == ("", "CP01\r")


def test_a_two_position_valve(far: Callable[..., Far]) -> None:
    one = far(2)
    for command, place in (("GOB", "B"), ("CW", "A"), ("CC", "B"), ("TO", "A"), ("GO", "B"), ("HM", "A")):
        assert one.say(command, 1) == ""
        assert one.say("CP") == f"CP{place}\r", command
    for command in ("GO1", "CW1", "SMF"):
        assert one.say(command) == f"{command} = Bad command\r"


def test_a_timed_toggle_comes_back_by_itself(far: Callable[..., Far]) -> None:
    one = far(2)
    assert (one.say("TT", 1), one.say("CP")) == ("", "CPA\r")
    assert (one.say("DT2000"), one.say("DT")) == ("", "DT2000\r")
    one.say("TT", 1)
    assert one.say("CP") == "CPB\r"
    one.say("", 2)
    assert one.say("CP") == "CPA\r"
    assert one.say("DT65536") == "DT65536 = Bad command\r"


def test_it_learns_its_stops_and_ends_at_a(far: Callable[..., Far]) -> None:
    one = far(2)
    assert one.say("LRN", 1) == ""
    assert one.say("CP", 2.5) == "CPB\r"
    assert one.say("CP") == "CPA\r"
    assert far(10).say("LRN") == "LRN = Bad command\r"


def test_with_ifm_1_movements_are_answered(far: Callable[..., Far]) -> None:
    one = far(2)
    assert one.say("IFM1") == "IFM1\r"
    assert one.say("GOB", 1) == "GOB\r"
    assert one.say("TO", 1) == "CPA\r"
    assert one.say("HM", 1) == ""
    assert one.say("CW", 1) == ""
    assert one.say("CC", 1) == "CC\r"
    assert one.say("HM", 1) == "CPA\r"
    assert one.say("LRN", 5) == "CPA\r"
    assert (one.say("IFM0"), one.say("GOB", 1)) == ("", "")


def test_a_stuck_rotor_stays(far: Callable[..., Far]) -> None:
    one = far(stuck=True)
    assert (one.say("GO3", 5), one.say("CP")) == ("", "CP01\r")


# ---- settings ----------------------------------------------------------------------------------------------------


def test_an_id_addresses_it(far: Callable[..., Far]) -> None:
    one = far(id="3")
    assert [one.say(command) for command in ("CP", "4CP", "/4CP", "/ZCP")] == [""] * 4
    assert [one.say(command) for command in ("3CP", "/3CP", "/Z3CP", "*CP")] == ["CP01\r"] * 4
    one.say("3ID5")
    assert (one.say("3CP"), one.say("5CP")) == ("", "CP01\r")
    one.say("*ID*")
    assert one.say("CP") == "CP01\r"


def test_without_an_id_it_is_z_on_rs_485(far: Callable[..., Far]) -> None:
    assert [far().say(command) for command in ("/ZCP", "/1CP")] == ["CP01\r", ""]


def test_an_offset_shifts_the_numbers(far: Callable[..., Far]) -> None:
    one = far()
    one.say("SO10")
    assert (one.say("CP"), one.say("GO9")) == ("CP10\r", "GO9 = Bad command\r")
    one.say("GO12", 2)
    assert (one.say("CP"), one.valve.rotor.at) == ("CP12\r", 3)


def test_it_counts_its_movements(far: Callable[..., Far]) -> None:
    one = far()
    one.say("GO2", 1)
    one.say("GO2", 1)
    assert one.say("CNT") == "CNT1\r"
    one.say("CNT0")
    assert one.say("CNT") == "CNT0\r"


def test_its_positions_can_be_set(far: Callable[..., Far]) -> None:
    one = far(2)
    one.say("AM3")
    one.say("NP6")
    assert (one.say("AM"), one.say("NP"), one.say("CP")) == ("AM3\r", "NP06\r", "CP01\r")
    one.say("GO6", 2)
    assert one.valve.rotor.opened == [6]
    assert one.say("LG1") == ""
    assert one.say("CP") == "Position is  = 6\r"


# ---- power, snapshots, options -----------------------------------------------------------------------------------


def test_without_power_it_stays_where_it_was(far: Callable[..., Far]) -> None:
    one = far(step_s=1.0)
    one.say("SMF")
    one.say("GO5", 2.5)
    one.valve.power_cycle()
    assert one.valve.is_safe()
    assert (one.say("CP", 5), one.say("SM"), one.say("CP")) == ("CP03\r", "SMF\r", "CP03\r")


def test_a_snapshot_has_what_there_is_to_know(far: Callable[..., Far]) -> None:
    one, other = far(), far()
    one.say("GO7", 5)
    one.say("SO5")
    other.bench.restore(one.bench.snapshot())
    assert other.say("CP") == "CP11\r"


@pytest.mark.parametrize(
    ("options", "match"),
    [
        ({"busy": "maybe"}, "busy: 'maybe' is none; write live, silent, holds"),
        ({"dialect": "x"}, "dialect"),
        ({"colour": 1}, "'colour' is not known here"),
    ],
)
def test_options_that_cannot_be(far: Callable[..., Far], options: dict[str, Any], match: str) -> None:
    with pytest.raises(InputError, match=match):
        far(**options)
