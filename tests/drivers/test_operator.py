"""The operator: a person as an instrument, by an asker and over the wire to a simulated one."""

from __future__ import annotations

import asyncio
import io
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from autolab.drivers import operator
from autolab.drivers.operator import Person, ask_at_terminal, ask_wire
from autolab.drivers.testing import DriverContract, play
from autolab.model.actions import Intent
from autolab.model.clock import Clock
from autolab.model.errors import GarbledReply, InDoubt, InstrumentTimeout, OutsideLimits, Refused
from autolab.model.people import LONGEST, Said
from autolab.simulators.bench import Bench

DO = "Fill bottle PC"


@pytest.fixture
def clock() -> Iterator[Clock]:
    clock = Clock("virtual")
    yield clock
    clock.close()


Make = Callable[..., Person]


@pytest.fixture
def make(clock: Clock) -> Iterator[Make]:
    made: list[tuple[Bench, Person]] = []

    def person(settings: dict[str, Any] | None = None, **options: Any) -> Person:
        bench = Bench.single("operator.Person", clock=clock, options=options)
        channel = bench.channel("instrument")
        one = Person("ada", address="memory://instrument", channel=channel, clock=clock, **(settings or {}))
        made.append((bench, one))
        return one

    yield person
    for bench, one in made:
        one.disconnect()
        bench.close()


def done(person: Person, text: str) -> Any:
    async def wait() -> Any:
        status = person.set(text)
        while not status.done:
            await asyncio.sleep(1)
        return status

    status = person.clock.run(wait())
    if status.exception() is not None:
        raise status.exception()
    return status.result


class TestPerson(DriverContract):
    @pytest.fixture
    def instrument(self) -> Iterator[Person]:
        clock = Clock("scaled", scale=500)
        with Bench.single("operator.Person", clock=clock, options={"takes_s": 20.0}) as bench:
            one = Person("ada", address="memory://instrument", channel=bench.channel("instrument"), clock=clock)
            yield one
            one.disconnect()
        clock.close()

    @pytest.fixture
    def command(self) -> str:
        return DO


def test_a_simulated_person_does_it_after_a_while(make: Make, clock: Clock) -> None:
    person = make(name="Grace", takes_s=90.0)
    begun = clock.now()
    result = done(person, DO)
    assert (result["answer"], result["by"]) == ("done", "Grace")
    assert 90 <= clock.now() - begun < 95
    assert person.locate() == {"setpoint": DO, "readback": "done"}
    assert person.identify()["model"] == "Grace"


def test_what_cannot_be_done_is_refused_with_the_reason(make: Make) -> None:
    with pytest.raises(Refused, match="simulated person says that it cannot be done: there is no PC"):
        done(make(cannot=["PC"]), DO)


def test_nobody_answers(make: Make) -> None:
    with pytest.raises(InstrumentTimeout, match="nobody answered within 60 s"):
        done(make({"patience_s": 60.0}, takes_s=1000.0), DO)


def test_halting_withdraws_the_question(make: Make, clock: Clock) -> None:
    person = make(takes_s=1000.0)

    async def begin_and_halt() -> Any:
        status = person.set(DO)
        await asyncio.sleep(10)
        await person.do_make_safe()
        while not status.done:
            await asyncio.sleep(1)
        return status

    status = clock.run(begin_and_halt())
    assert isinstance(status.exception(), InDoubt)


def test_only_a_person_can_settle_what_a_person_did(make: Make, clock: Clock) -> None:
    person = make()
    assert person.action_class("set", DO) == "once"
    context = clock.run(person.do_prepare("set", DO))
    assert context == {"asked": DO, "who": ""}
    assert clock.run(person.do_reconcile(Intent("ada", "set", DO, "once", context))).verdict == "unknown"


@pytest.mark.parametrize("value", ["", "  ", 3, None, "two\nlines", "\x1b[2J", "x" * (LONGEST + 1)])
def test_what_is_no_instruction_is_refused(make: Make, value: object) -> None:
    with pytest.raises(OutsideLimits, match=r"is no instruction.*nothing was sent"):
        make().set(value)


@pytest.mark.parametrize("kind", ["late", "drop", "truncate", "garble", "duplicate", "hang", "disconnect", "unheard"])
@pytest.mark.parametrize("nth", [1, 2, 3])
def test_a_fault_on_the_wire_asks_nobody_twice(clock: Clock, kind: Any, nth: int) -> None:
    with Bench.single("operator.Person", clock=clock, options={"takes_s": 30.0}) as bench:
        person = Person("ada", address="memory://instrument", channel=bench.channel("instrument"), clock=clock)
        person.connect()
        bench.inject("instrument", kind, nth=nth, **({"seconds": 2.0} if kind in ("late", "hang") else {}))
        assert done(person, DO)["answer"] == "done"
        assert bench.instrument("instrument").asked == 1
        person.disconnect()


# ---- the wire, byte for byte ---------------------------------------------------------------------------------------------


def test_lines() -> None:
    assert play(ask_wire("WHO", r"PERSON (.*)"), [(">", b"WHO\n"), ("<", b"PERSON Ada\n")])[1] == "Ada"
    with pytest.raises(GarbledReply, match="'WHAT' is no answer to STATE"):
        play(ask_wire("STATE 3", r"WAITING (\d+)"), [(">", b"STATE 3\n"), ("<", b"WHAT\n")])


@pytest.mark.parametrize("said", ["DONE 1", "DONE 1 {}", 'DONE 1 {"by": '])
def test_an_answer_without_its_parts_is_garbled(said: str) -> None:
    found = operator._SAID.fullmatch(said) or operator._SAID.fullmatch(said + "}")
    if found is not None:
        with pytest.raises(GarbledReply, match="what was said cannot be read"):
            operator._read(found)


# ---- askers --------------------------------------------------------------------------------------------------------------


def test_an_asker_is_asked_instead_of_the_wire(clock: Clock) -> None:
    asked: list[tuple[str, str]] = []

    async def asker(name: str, text: str) -> Said:
        asked.append((name, text))
        return Said(True, "grace@lab", "topped up", 1000.0)

    person = Person("ada", address="people://bench", clock=clock, asker=asker, who="Grace, 5th floor")
    assert done(person, DO) == {"answer": "topped up", "by": "grace@lab", "wall_time": 1000.0}
    assert asked == [("ada", DO)]
    assert person.identify()["model"] == "Grace, 5th floor"
    assert person.read()["ada_by"]["value"] == "grace@lab"
    person.make_safe()


def test_without_an_asker_a_person_cannot_be_asked(clock: Clock) -> None:
    person = Person("ada", address="people://bench", clock=clock)
    with pytest.raises(Refused, match="nobody can be asked here: run the campaign with autolab"):
        person.connect()


@pytest.mark.parametrize(("typed", "done_"), [("\n", True), ("no bottle left\n", False)])
def test_somebody_at_the_terminal(
    typed: str, done_: bool, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO(typed))
    said = asyncio.run(ask_at_terminal("ada", DO))
    assert (said.done, said.text) == (done_, typed.strip())
    assert f"ada: {DO}" in capsys.readouterr().err
