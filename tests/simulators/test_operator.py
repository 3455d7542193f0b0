"""A simulated person: lines byte for byte, time, and forgetting."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from autolab.model.clock import Clock
from autolab.model.errors import InputError
from autolab.simulators.bench import Bench


class Listener:
    def __init__(self, clock: Clock, **options: Any) -> None:
        self.clock = clock
        self.bench = Bench.single("operator.Person", clock=clock, options=options)
        self.heard = b""
        self.channel = self.bench.channel("instrument")
        self.channel.open()
        self.channel.on_bytes(self._hear)

    def _hear(self, data: bytes) -> None:
        self.heard += data

    def say(self, line: str, wait: float = 0.1) -> str:
        self.heard = b""
        self.channel.write(line.encode() + b"\n")
        self.clock.run(asyncio.sleep(wait))
        return self.heard.decode().rstrip("\n")


def test_a_question_takes_its_time(clock: Clock) -> None:
    person = Listener(clock, takes_s=10.0, name="Ada")
    assert person.say("WHO") == "PERSON Ada"
    assert person.say('ASK 1 "Look"') == "ASKED 1"
    assert not person.bench.instrument("instrument").is_safe()
    assert person.say("STATE 1", 5.0) == "WAITING 1"
    assert person.say('ASK 1 "Look"', 6.0) == "ASKED 1"  # the same question: it takes no longer
    assert person.say("STATE 1") == 'DONE 1 {"by": "Ada", "text": ""}'
    assert person.bench.instrument("instrument").is_safe()


def test_what_is_not_there_cannot_be_done(clock: Clock) -> None:
    person = Listener(clock, takes_s=1.0, cannot=["vial"])
    person.say('ASK 4 "Replace the vial"', 2.0)
    assert person.say("STATE 4") == 'CANNOT 4 {"by": "simulated person", "text": "there is no vial"}'


@pytest.mark.parametrize("line", ["", "HELLO", "STATE 1", "STATE x", "ASK", "ASK x y", "ASK 1 unquoted"])
def test_nonsense(clock: Clock, line: str) -> None:
    assert Listener(clock).say(line) == "WHAT"


def test_withdrawn_questions_are_forgotten(clock: Clock) -> None:
    person = Listener(clock)
    person.say('ASK 1 "Look"')
    assert person.say("WITHDRAW") == "WITHDRAWN"
    assert person.say("STATE 1") == "WHAT"


def test_a_person_who_left_has_forgotten(clock: Clock) -> None:
    person = Listener(clock)
    person.say('ASK 1 "Look"')
    state = person.bench.snapshot()
    person.bench.instrument("instrument").power_cycle()
    assert person.say("STATE 1") == "WHAT"
    person.bench.restore(state)
    assert person.say("STATE 1").startswith("DONE 1")


def test_options_that_cannot_be(clock: Clock) -> None:
    with pytest.raises(InputError, match="cannot: 'PC' is no list of texts"):
        Listener(clock, cannot="PC")
