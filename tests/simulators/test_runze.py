"""A Runze valve, byte for byte: its frames, its states, what factory commands set."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from autolab.model.clock import Clock
from autolab.simulators.bench import Bench

FINE, FRAME, PARAMETER, BUSY, STALLED, LOST, UNDER_WAY = 0, 1, 2, 4, 5, 6, 0xFE


class Far:
    """Somebody on the valve's line."""

    def __init__(self, clock: Clock, talk: Any, ports: int, **options: Any) -> None:
        self.bench = Bench.single("runze.Valve", clock=clock, settings={"positions": ports}, options=options)
        self.valve = self.bench.instrument("instrument")
        self._talk = talk(self.bench, "instrument")

    def say(self, data: str, wait: float = 0.1) -> str:
        return str(self._talk.say(bytes.fromhex(data), wait).hex(" "))

    def ask(self, function: int, low: int = 0, high: int = 0, wait: float = 0.1, address: int = 0) -> tuple[int, int]:
        """Send a command and return status and parameter."""
        body = [0xCC, address, function, low, high, 0xDD]
        total = sum(body)
        reply = self._talk.say(bytes([*body, total & 0xFF, total >> 8]), wait)
        assert (len(reply), reply[0], reply[5]) == (8, 0xCC, 0xDD), reply
        assert sum(reply[:6]) == reply[6] | reply[7] << 8
        return reply[2], reply[3] | reply[4] << 8


@pytest.fixture
def far(clock: Clock, talk: Any) -> Callable[..., Far]:
    def make(ports: int = 10, **options: Any) -> Far:
        return Far(clock, talk, ports, **options)

    return make


# ---- frames --------------------------------------------------------------------------------------------------------


def test_frames_as_they_are_published(far: Callable[..., Far]) -> None:
    one = far(at=3)
    assert one.say("cc 00 20 00 00 dd c9 01") == "cc 00 00 00 00 dd a9 01"
    assert one.say("cc 00 3e 00 00 dd e7 01") == "cc 00 00 03 00 dd ac 01"
    assert one.say("cc 00 4a 00 00 dd f3 01") == "cc 00 00 00 00 dd a9 01"
    assert one.say("cc 00 44 01 00 dd ee 01") == "cc 00 fe 00 00 dd a7 02"
    assert one.say("cc 00 4a 00 00 dd f3 01") == "cc 00 04 00 00 dd ad 01"


def test_a_wrong_sum_is_a_frame_error(far: Callable[..., Far]) -> None:
    one = far()
    assert one.say("cc 00 44 01 00 dd ef 01").startswith("cc 00 01")
    assert one.valve.is_safe()


@pytest.mark.parametrize(
    ("noise", "answers"),
    [("00 11 22", 1), ("cc", 1), ("cc 00 3e", 1), ("aa bb dd", 1), ("cc cc cc cc", 1), ("cc 00 3e 00 00 dd e7 01", 2)],
)
def test_noise_before_a_frame_is_passed_over(far: Callable[..., Far], noise: str, answers: int) -> None:
    one = far(at=3)
    assert len(one.say(f"{noise} cc 00 3e 00 00 dd e7 01").split()) == 8 * answers


def test_half_a_frame_waits_for_its_end(far: Callable[..., Far]) -> None:
    one = far(at=3)
    assert one.say("cc 00 3e 00") == ""
    assert one.say("00 dd e7 01") == "cc 00 00 03 00 dd ac 01"


def test_only_its_own_address_is_answered(far: Callable[..., Far]) -> None:
    assert far().say("cc 01 20 00 00 dd ca 01") == ""


@pytest.mark.parametrize("function", [0x00, 0x42, 0x66, 0x99])
def test_functions_that_it_does_not_know(far: Callable[..., Far], function: int) -> None:
    assert far().ask(function) == (FRAME, 0)


# ---- turning -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("start", "function", "low", "high", "opened"),
    [
        (1, 0x44, 3, 0, [2, 3]),
        (1, 0x44, 9, 0, [10, 9]),
        (3, 0x44, 3, 0, []),
        (1, 0xA4, 4, 3, [10, 9, 8, 7, 6, 5, 4, 3]),
        (1, 0xA4, 2, 3, [2, 3]),
        (1, 0xA4, 1, 10, [10]),
        (9, 0xA4, 10, 1, [10, 1]),
    ],
)
def test_it_goes_to_a_port(
    far: Callable[..., Far], start: int, function: int, low: int, high: int, opened: list[int]
) -> None:
    one = far(at=start)
    assert one.ask(function, low, high, wait=6)[0] == UNDER_WAY
    assert one.valve.rotor.opened == opened
    assert one.ask(0x4A) == (FINE, 0)
    assert one.ask(0x3E) == (FINE, (high if function == 0xA4 else low))


@pytest.mark.parametrize(
    ("function", "low", "high"), [(0x44, 0, 0), (0x44, 11, 0), (0x44, 1, 1), (0xA4, 5, 3), (0xA4, 1, 11), (0xB4, 3, 5)]
)
def test_ports_that_there_are_not(far: Callable[..., Far], function: int, low: int, high: int) -> None:
    one = far(at=1)
    assert one.ask(function, low, high, wait=6) == (PARAMETER, 0)
    assert one.valve.rotor.opened == []


def test_while_it_turns_it_is_busy(far: Callable[..., Far]) -> None:
    one = far(at=1, step_s=1.0)
    assert one.ask(0x44, 4) == (UNDER_WAY, 0)
    assert [one.ask(function, 1) for function in (0x4A, 0x3E, 0x44, 0x45, 0xA4)] == [(BUSY, 0)] * 5
    assert not one.valve.is_safe()
    assert one.ask(0x20, wait=4) == (FINE, 0)
    assert (one.ask(0x4A), one.ask(0x3E)) == ((FINE, 0), (FINE, 4))


@pytest.mark.parametrize("function", [0x45, 0x4F])
def test_homed_it_connects_no_port(far: Callable[..., Far], function: int) -> None:
    one = far(at=3)
    assert one.ask(function, wait=6) == (UNDER_WAY, 0)
    assert (one.valve.homed, one.ask(0x3E), one.ask(0x4A)) == (True, (LOST, 0), (FINE, 0))
    assert one.valve.rotor.opened == [2, 1, 10]
    assert one.ask(function, wait=0.1)[0] == UNDER_WAY
    assert one.ask(0x44, 1, wait=6)[0] == UNDER_WAY
    assert one.ask(0x3E) == (FINE, 1)


def test_between_two_ports_and_stopped_it_knows_no_place(far: Callable[..., Far]) -> None:
    one = far(at=1)
    assert one.ask(0xB4, 3, 4, wait=6)[0] == UNDER_WAY
    assert one.ask(0x3E) == (LOST, 0)
    assert one.ask(0x44, 5, wait=6)[0] == UNDER_WAY
    assert one.ask(0x3E) == (FINE, 5)
    one.ask(0x44, 8, wait=0.2)
    assert one.ask(0x49) == (FINE, 0)
    assert (one.valve.is_safe(), one.ask(0x3E)) == (True, (LOST, 0))


def test_a_stuck_rotor_stalls_its_motor(far: Callable[..., Far]) -> None:
    one = far(at=1, stuck=True)
    assert one.ask(0x44, 3, wait=6)[0] == UNDER_WAY
    assert (one.ask(0x4A), one.ask(0x3E)) == ((STALLED, 0), (FINE, 1))


# ---- factory commands, power, snapshots ----------------------------------------------------------------------------


def factory(address: int, function: int, value: int, key: str = "ff ee bb aa") -> str:
    body = bytes([0xCC, address, function, *bytes.fromhex(key), value, 0, 0, 0, 0xDD])
    return (body + sum(body).to_bytes(2, "little")).hex(" ")


def test_its_address_can_be_set_with_the_password(far: Callable[..., Far]) -> None:
    one = far(at=2)
    assert one.say(factory(0, 0x00, 5)) == "cc 00 00 00 00 dd a9 01"
    assert one.ask(0x20, address=5) == (FINE, 5)
    one.valve.power_cycle()
    assert one.ask(0x20, address=5) == (FINE, 5)
    assert one.say(factory(5, 0xFF, 0)).startswith("cc 05 00")
    assert one.ask(0x20) == (FINE, 0)


def test_without_the_password_nothing_is_set(far: Callable[..., Far]) -> None:
    one = far()
    assert one.say(factory(0, 0x00, 5, "ff ee bb ab")) == ""
    assert one.ask(0x20) == (FINE, 0)


@pytest.mark.parametrize(
    ("function", "value", "status", "question"),
    [
        (0x02, 0, FINE, 0x22),
        (0x01, 4, FINE, 0x21),
        (0x02, 5, PARAMETER, 0x22),
        (0x0E, 0, FINE, 0x2E),
        (0x33, 0, PARAMETER, 0x20),
    ],
)
def test_other_factory_settings(far: Callable[..., Far], function: int, value: int, status: int, question: int) -> None:
    one = far()
    before = one.ask(question)[1]
    assert int(one.say(factory(0, function, value)).split()[2], 16) == status
    assert one.ask(question)[1] == (value if status == FINE else before)


def test_when_power_comes_it_homes_itself_unless_told_not_to(far: Callable[..., Far]) -> None:
    one = far(at=3)
    one.valve.power_cycle()
    assert one.ask(0x4A, wait=6) == (BUSY, 0)
    assert one.valve.homed
    other = far(at=3, reset=False)
    other.valve.power_cycle()
    assert (other.ask(0x4A), other.ask(0x3E)) == ((FINE, 0), (FINE, 3))


def test_without_power_in_a_turn_it_is_lost(far: Callable[..., Far]) -> None:
    one = far(at=1, reset=False)
    one.ask(0x44, 5, wait=0.7)
    one.valve.power_cycle()
    assert (one.ask(0x4A), one.ask(0x3E)) == ((FINE, 0), (LOST, 0))


def test_a_snapshot_has_what_there_is_to_know(far: Callable[..., Far]) -> None:
    one, other = far(at=1), far()
    one.ask(0x44, 7, wait=6)
    other.bench.restore(one.bench.snapshot())
    assert other.ask(0x3E) == (FINE, 7)
    one.ask(0x45, wait=6)
    other.bench.restore(one.bench.snapshot())
    assert other.valve.homed


def test_its_version(far: Callable[..., Far]) -> None:
    assert far().ask(0x3F) == (FINE, 0x0109)
    assert far(version=0x0203).ask(0x3F) == (FINE, 0x0203)
