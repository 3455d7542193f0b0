"""Phases: lab time by the names that a protocol gives, journaled with the end of the attempt and nothing else."""

from collections.abc import Callable, Generator
from typing import Any

import pytest
from bluesky.utils import Msg

from autolab.loop.phases import Phases, phases_of
from autolab.protocols import stubs
from autolab.protocols.gravimetric import Gravimetric


class Hand:
    """A clock that is set by hand."""

    def __init__(self) -> None:
        self.time = 0.0

    def now(self) -> float:
        return self.time


def phase(name: str) -> Msg:
    (message,) = stubs.phase(name)
    return message


def ended(phases: Phases) -> dict[str, Any]:
    return phases_of(phases.end())


def test_time_is_added_up_by_phase_in_order() -> None:
    hand, told = Hand(), list[str]()
    phases = Phases(hand.now, told.append)
    for name, seconds in [("weigh", 2.0), ("dose", 30.0), ("weigh", 3.0), ("rinse", 0.5)]:
        phases.take(phase(name))
        hand.time += seconds
    assert ended(phases) == {"weigh": 5.0, "dose": 30.0, "rinse": 0.5}
    assert told == ["phase: weigh", "phase: dose", "phase: weigh", "phase: rinse"]


def test_what_comes_before_the_first_is_the_start() -> None:
    hand = Hand()
    phases = Phases(hand.now)
    hand.time = 4.0
    phases.take(phase("dose"))
    hand.time = 5.0
    assert list(ended(phases).items()) == [("start", 4.0), ("dose", 1.0)]


def test_a_phase_that_takes_no_time_is_told_and_an_empty_start_is_not() -> None:
    phases = Phases(Hand().now)
    phases.take(phase("dose"))
    assert ended(phases) == {"dose": 0.0}


def test_a_rewind_sends_the_same_messages_in_vain() -> None:
    hand = Hand()
    phases = Phases(hand.now)
    first, second = phase("dose"), phase("weigh")
    for message in (first, second, first, second):  # paused in the second, and resumed from before the first
        phases.take(message)
        hand.time += 1.0
    assert ended(phases) == {"dose": 1.0, "weigh": 3.0}


def test_a_null_without_a_phase_is_none() -> None:
    phases = Phases(Hand().now)
    phases.take(Msg("null"))  # type: ignore[no-untyped-call]
    assert phases.name == "start"


def test_order_survives_the_journals_sorting() -> None:
    body = {"phases": {"a": 1.0, "b": 2.0, "c": 3.0}, "phase_order": ["c", "a", "b"]}
    assert list(phases_of(body)) == ["c", "a", "b"]
    assert phases_of({}) == {}
    assert list(phases_of({"phases": {"b": 1.0, "a": 2.0}})) == ["b", "a"]


class Phased(Gravimetric):
    """The gravimetric protocol in two phases."""

    def perform(self, lab: Any, point: Any) -> Generator[Any, Any, Any]:
        yield phase("work")
        outcome = yield from super().perform(lab, point)
        yield phase("rest")
        yield Msg("sleep", None, 30.0)  # type: ignore[no-untyped-call]
        return outcome


@pytest.fixture
def phased(dosing: Callable[..., Any]) -> Any:
    campaign = dosing(protocol=Phased(repeats=2, rest_s=5.0))
    campaign.go(2)
    return campaign


def test_attempts_intents_and_the_display_tell_the_phases(phased: Any) -> None:
    first, second = (phases_of(event.body) for event in phased.events("attempt_ended"))
    assert list(first) == ["recover", "work", "rest", "safe"]
    assert list(second) == ["work", "rest", "safe"]
    assert first["rest"] == second["rest"] == pytest.approx(30.0, abs=1e-6)
    for event, phases in zip(phased.events("attempt_ended"), (first, second), strict=True):
        begun = next(one for one in phased.events("attempt_started") if one.trial == event.trial)
        assert sum(phases.values()) == pytest.approx(event.lab_time - begun.lab_time, abs=1e-3)
    intents = phased.events("intent")
    assert {event.body["phase"] for event in intents if event.trial == 1} == {"recover", "work"}
    assert {event.body["phase"] for event in intents if event.trial == 2} == {"work"}
    told = [progress.text for progress in phased.shown if progress.kind == "phase"]
    assert told == ["phase: recover", "phase: start", "phase: work", "phase: rest", "phase: work", "phase: rest"]


def test_phases_cost_no_commit(phased: Any, dosing: Callable[..., Any]) -> None:
    plain = dosing("plain.sqlite", protocol=Gravimetric(repeats=2, rest_s=5.0))
    plain.go(2)
    kinds = [[event.kind for event in campaign.events()] for campaign in (phased, plain)]
    assert kinds[0] == kinds[1]
