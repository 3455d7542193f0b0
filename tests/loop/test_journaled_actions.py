"""Journaled actions in our RunEngine, also of devices that know nothing of autolab."""

import asyncio
from collections.abc import Generator, Iterator
from pathlib import Path
from typing import Any

import pytest
from bluesky import plan_stubs as bps
from bluesky import plans as bp
from bluesky.utils import FailedStatus, Msg
from ophyd import Device
from ophyd.sim import SynAxis, SynGauss, TrivialFlyer
from ophyd.status import Status

from autolab.journal.journal import Journal
from autolab.loop.engine import Engine
from autolab.loop.interrupts import StopSwitch
from autolab.loop.journaled import AttemptActions
from autolab.loop.record import Record
from autolab.model.clock import Clock
from autolab.model.errors import JournalNotWritable, Refused, StopRequested

Plan = Generator[Any, Any, Any]


class Valve(Device):  # type: ignore[misc]  # ophyd ships no types
    """A device that knows autolab: its class by verb, and what it does when it is set."""

    def __init__(self, name: str, action_class: str = "queryable") -> None:
        super().__init__("", name=name)
        self._class = action_class
        self.moves: list[Any] = []
        self.statuses: list[Status] = []
        self.at_once = True
        self.trouble: Exception | None = None

    def action_class(self, verb: str, value: object) -> str:
        return self._class

    async def do_prepare(self, verb: str, value: object) -> dict[str, Any]:
        return {"moves": len(self.moves)}

    def set(self, value: Any) -> Status:
        if self.trouble is not None:
            raise self.trouble
        self.moves.append(value)
        status = Status()
        status.result = {"state": {"position": value}}
        self.statuses.append(status)
        if self.at_once:
            status.set_finished()
        return status


class Bench:
    """An engine with a journal in which attempt 1 of trial 1 is under way."""

    def __init__(self, path: Path) -> None:
        self.clock = Clock("virtual")
        self.journal = Journal.open(path, now=self.clock.now)
        self.journal.append("opened", {"name": "a", "digests": {}})
        decided = {"decision": 0, "seed": 1, "n": 1, "asked": {"history": 0, "pending": []}, "trials": [1]}
        self.journal.append("decided", decided | {"suggestions": [{"point": {"x": 1}}]})
        self.journal.append("reviewed", {"verdict": "approved"}, trial=1)
        self.journal.append("attempt_started", {}, trial=1, attempt=1)
        self.record, self.switch = Record(self.journal), StopSwitch()
        self.engine = Engine(self.clock, self.switch, self.record)
        self.told: list[str] = []
        self.actions = AttemptActions(self.record, 1, 1, stopping=lambda: self.switch.level > 0, told=self.told.append)

    def run(self, plan: Plan) -> Any:
        return self.engine.run(plan, self.actions, {})

    def facts(self, *kinds: Any) -> list[Any]:
        return list(self.journal.events(kinds=list(kinds) or ["intent", "outcome"]))

    def close(self) -> None:
        self.clock.close()
        self.journal.close()


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    made = Bench(tmp_path / "journal.sqlite")
    yield made
    made.close()


@pytest.fixture
def motor() -> SynAxis:
    return SynAxis(name="motor")


def test_a_foreign_device_is_journaled_as_once(bench: Bench, motor: SynAxis) -> None:
    bench.run(bps.mv(motor, 3.0))
    intent, outcome = bench.facts()
    assert (intent.trial, intent.attempt, intent.action) == (1, 1, 1)
    assert intent.body == {
        "instrument": "motor",
        "verb": "set",
        "value": 3.0,
        "action_class": "once",
        "context": {},
    }
    assert outcome.body == {"status": "done", "result": {}, "error": None}
    assert motor.readback.get() == 3.0
    assert bench.told == ["motor: set 3.0"]


def test_a_trigger_of_a_foreign_device_is_once_too(bench: Bench, motor: SynAxis) -> None:
    det = SynGauss("det", motor, "motor", center=0, Imax=1)
    bench.run(bp.count([det], 2))
    assert [(e.kind, e.action, e.body.get("action_class")) for e in bench.facts()] == [
        ("intent", 1, "once"),
        ("outcome", 1, None),
        ("intent", 2, "once"),
        ("outcome", 2, None),
    ]
    bench.record.write("attempt_ended", {"ending": "completed"}, trial=1, attempt=1)
    assert [d.name for d in bench.journal.documents()] == ["start", "descriptor", "event", "event", "stop"]


def test_a_foreign_flyer_is_journaled(bench: Bench) -> None:
    flyer = TrivialFlyer()

    def fly() -> Plan:
        yield from bps.open_run()
        yield from bps.kickoff(flyer, wait=True)
        yield from bps.complete(flyer, wait=True)
        yield from bps.close_run()

    bench.run(fly())
    assert [(e.action, e.body["verb"]) for e in bench.facts("intent")] == [(1, "kickoff"), (2, "complete")]
    assert [e.body["status"] for e in bench.facts("outcome")] == ["done", "done"]


def test_actions_are_numbered_in_the_order_of_handling(bench: Bench) -> None:
    one, other = Valve("one"), Valve("other")
    bench.run(bps.mv(one, "a", other, "b"))
    assert [(e.action, e.body["instrument"]) for e in bench.facts("intent")] == [(1, "one"), (2, "other")]


def test_prepare_and_result_are_journaled(bench: Bench) -> None:
    valve = Valve("valve")
    bench.run(bps.mv(valve, "waste"))
    intent, outcome = bench.facts()
    assert intent.body["context"] == {"moves": 0}
    assert outcome.body["result"] == {"state": {"position": "waste"}}
    assert bench.journal.history.states["valve"] == {"position": "waste"}


def test_the_intent_is_durable_before_the_device_is_asked(bench: Bench) -> None:
    seen: list[int] = []

    class Looking(Valve):
        def set(self, value: Any) -> Status:
            seen.append(len(bench.facts("intent")))
            return super().set(value)

    bench.run(bps.mv(Looking("valve"), 1))
    assert seen == [1]


def test_the_plan_goes_on_only_after_the_outcome_is_durable(bench: Bench) -> None:
    def plan() -> Plan:
        yield from bps.mv(Valve("valve"), 1)
        return len(bench.facts("outcome"))

    assert bench.run(plan()) == 1


def test_a_read_needs_no_intent_of_its_own(bench: Bench) -> None:
    commits = bench.journal.commits
    bench.run(bps.mv(Valve("sensor", "read"), 1))
    assert [e.kind for e in bench.facts()] == ["intent", "outcome"]
    assert bench.journal.commits == commits + 1


def test_what_was_done_is_not_sent_again_when_a_plan_is_rewound(bench: Bench) -> None:
    valve, pauses = Valve("valve"), []

    def pausing() -> str:
        pauses.append(len(valve.moves))
        return "resume"

    bench.engine.on_pause = pausing  # type: ignore[assignment]  # a Literal

    def plan() -> Plan:
        yield from bps.checkpoint()
        yield from bps.mv(valve, 1)
        yield from bps.mv(valve, 2)
        if not pauses:
            yield from bps.pause()
        yield from bps.mv(valve, 3)

    bench.run(plan())
    assert pauses == [2]
    assert valve.moves == [1, 2, 3]
    assert [e.action for e in bench.facts("intent")] == [1, 2, 3]


@pytest.mark.parametrize("index", range(8))
def test_a_pause_at_any_message_repeats_nothing(index: int, bench: Bench) -> None:
    valve, paused = Valve("valve"), []
    valve.at_once = False
    bench.engine.on_pause = lambda: paused.append(1) or "resume"  # type: ignore[func-returns-value]  # short

    def finish_later() -> None:
        loop = bench.clock.loop
        for status in valve.statuses:
            if not status.done:
                loop.call_later(5.0, status.set_finished)

    def plan() -> Plan:
        for value in (1, 2):
            yield from bps.checkpoint()
            group = f"move {value}"
            status = yield from bps.abs_set(valve, value, group=group)
            finish_later()
            yield from bps.sleep(1)
            yield from bps.wait(group)
            while not status.done:  # bluesky finds a group empty after a rewind
                yield from bps.sleep(1)

    seen: list[str] = []

    def hook(message: Msg) -> None:
        seen.append(message.command)
        if len(seen) == index + 1:
            asyncio.run_coroutine_threadsafe(bench.engine.RE._request_pause_coro(), bench.clock.loop)

    bench.engine.RE.msg_hook = hook
    bench.run(plan())
    assert paused == [1]
    assert valve.moves == [1, 2]
    assert [e.body["status"] for e in bench.facts("outcome")] == ["done", "done"]


def test_a_device_that_fails_leaves_its_action_in_doubt(bench: Bench) -> None:
    valve = Valve("valve")
    valve.trouble = RuntimeError("stuck")
    with pytest.raises(FailedStatus, match="success=False"):
        bench.run(bps.mv(valve, 1))
    (outcome,) = bench.facts("outcome")
    assert (outcome.body["status"], outcome.body["error"]) == ("in_doubt", "RuntimeError: stuck")
    assert isinstance(bench.actions.error, RuntimeError)
    assert [action.action for action in bench.journal.history.open_actions] == [1]


def test_a_device_that_refuses_leaves_nothing_in_doubt(bench: Bench) -> None:
    valve = Valve("valve")
    valve.trouble = Refused("not now", instrument="valve")
    with pytest.raises(FailedStatus, match="success=False"):
        bench.run(bps.mv(valve, 1))
    assert bench.facts("outcome")[0].body["status"] == "refused"
    assert bench.journal.history.open_actions == ()


def test_a_value_that_cannot_be_journaled_is_not_sent(bench: Bench) -> None:
    valve = Valve("valve")
    with pytest.raises(TypeError, match="cannot be journaled"):
        bench.run(bps.mv(valve, object()))
    assert valve.moves == []
    assert bench.facts() == []


def test_while_stopping_nothing_new_is_begun_that_cannot_be_repeated(bench: Bench) -> None:
    valve, sensor, done = Valve("valve"), Valve("sensor", "idempotent"), []

    def plan() -> Plan:
        bench.switch.level = 1  # as if asked this instant: the abort itself is not what is looked at here
        done.append((yield from bps.mv(sensor, 1)))
        yield from bps.mv(valve, 1)

    with pytest.raises(StopRequested, match="the run is stopping: set of valve was not begun"):
        bench.run(plan())
    assert len(done) == 1
    assert (sensor.moves, valve.moves) == ([1], [])


def test_a_stop_asked_for_before_the_plan_begins_ends_it(bench: Bench) -> None:
    bench.switch.raise_to(1, "stop_requested", "ada asked to stop")
    with pytest.raises(StopRequested, match="ada asked to stop"):
        bench.run(bps.sleep(1e9))
    assert bench.clock.now() < 1e9


@pytest.mark.parametrize("level", [1, 2])
def test_a_stop_in_a_wait_ends_the_plan(level: int, bench: Bench) -> None:
    bench.clock.loop.call_later(100.0, bench.switch.raise_to, level, "stop_requested", "enough")
    with pytest.raises(StopRequested, match="enough"):
        bench.run(bps.sleep(1e9))
    assert bench.clock.now() < 1e9


def test_level_one_waits_for_what_is_in_hand_and_level_two_does_not(bench: Bench) -> None:
    valve = Valve("valve")
    valve.at_once = False

    def plan() -> Plan:
        yield from bps.abs_set(valve, 1, group="a")
        bench.clock.loop.call_later(50.0, bench.switch.raise_to, 1, "stop_requested", "enough")
        bench.clock.loop.call_later(90.0, valve.statuses[0].set_finished)
        yield from bps.sleep(1e9)

    with pytest.raises(StopRequested, match="enough"):
        bench.run(plan())
    assert bench.clock.now() == pytest.approx(90, abs=0.1)
    assert [e.body["status"] for e in bench.facts("outcome")] == ["done"]
    assert bench.actions.in_hand() == []


def test_what_ends_after_the_attempt_was_closed_is_not_recorded(bench: Bench) -> None:
    valve = Valve("valve")
    valve.at_once = False
    bench.run(bps.abs_set(valve, 1, group="a"))
    assert len(bench.actions.in_hand()) == 1
    bench.actions.close()
    valve.statuses[0].set_finished()
    assert bench.actions.in_hand() == []
    assert bench.facts("outcome") == []


@pytest.mark.parametrize("number", [1, 2])
def test_a_journal_that_cannot_be_written_is_fatal(number: int, bench: Bench) -> None:
    valve, first = Valve("valve"), bench.journal.commits

    def full(commit: int) -> None:
        if commit == first + number:
            msg = "disk full"
            raise JournalNotWritable(msg)

    bench.journal.before_commit = full
    with pytest.raises(Exception, match=r"disk full|success=False"):
        bench.run(bps.mv(valve, 1))
    assert isinstance(bench.actions.fatal, JournalNotWritable)
    assert len(valve.moves) == number - 1  # without a durable intent nothing is sent


def test_the_plans_own_value_is_returned(bench: Bench) -> None:
    def plan() -> Plan:
        yield from bps.null()
        return {"y": 1.0}

    assert bench.run(plan()) == {"y": 1.0}


def test_a_plan_outside_an_attempt_is_not_journaled(bench: Bench, motor: SynAxis) -> None:
    with bench.clock.running():
        bench.engine.RE(bps.mv(motor, 1.0))
    assert bench.facts() == []


def test_time_stands_still_while_paused(bench: Bench) -> None:
    times: list[float] = []

    def pausing() -> str:
        times.append(bench.clock.now())
        assert not bench.clock.may_advance
        return "resume"

    bench.engine.on_pause = pausing  # type: ignore[assignment]  # a Literal
    bench.clock.loop.call_later(1000.0, times.append, -1.0)

    def plan() -> Plan:
        yield from bps.sleep(10)
        yield from bps.checkpoint()
        yield from bps.pause()

    bench.run(plan())
    assert times == [10.0]


def test_documents_go_out_with_the_next_fact_of_the_attempt(bench: Bench) -> None:
    def plan() -> Plan:
        yield from bps.open_run()
        yield from bps.mv(Valve("valve"), 1)
        yield from bps.close_run()

    bench.run(plan())
    assert [(d.name, d.trial, d.attempt) for d in bench.journal.documents()] == [("start", 1, 1)]
    bench.record.write("interlock", {"name": "hot", "state": "tripped"})
    assert len(list(bench.journal.documents())) == 1
    bench.record.write("attempt_ended", {"ending": "completed"}, trial=1, attempt=1)
    assert [d.name for d in bench.journal.documents()] == ["start", "stop"]
