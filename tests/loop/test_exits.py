"""Every way out of a campaign: the lab is safe, the reason is journaled, nothing is lost and nothing done twice."""

import signal
import threading
import time
from collections.abc import Callable, Generator
from typing import Any

import pytest
from bluesky import plan_stubs as bps

from autolab.journal.requests import request
from autolab.lab.declaration import InterlockDeclaration
from autolab.loop.budget import Budget
from autolab.model.errors import LabNotReady, TrialFailed
from autolab.protocols import stubs
from autolab.protocols.gravimetric import Gravimetric

Plan = Generator[Any, Any, Any]
MakeDosing = Callable[..., Any]
DOSE = "dosing: set Dispense"


class Troubled(Gravimetric):
    """Gravimetric with `trouble(lab)` instead of its end, while a dispense is under way where that is wanted."""

    def __init__(self, trouble: Callable[[Any], Plan], **settings: Any) -> None:
        super().__init__(repeats=2, rest_s=5.0, **settings)
        self.trouble = trouble

    def perform(self, lab: Any, point: Any) -> Plan:
        outcome = yield from super().perform(lab, point)
        yield from stubs.refill(lab.pump, 3.0)
        yield from self.trouble(lab)
        return outcome


def dispense_and_raise(error: Exception) -> Callable[[Any], Plan]:
    def trouble(lab: Any) -> Plan:
        from autolab.model.roles import Dispense

        yield from bps.abs_set(lab.pump, Dispense(2.0, 1.0), group="dose")
        yield from bps.sleep(30)
        raise error

    return trouble


def stopped(campaign: Any) -> tuple[str, str]:
    """Return reason and detail of the last `stopped`."""
    body = campaign.events("stopped")[-1].body
    return body["reason"], body["detail"]


def endings(campaign: Any) -> list[str]:
    return [event.body["ending"] for event in campaign.events("attempt_ended")]


def test_the_end_of_the_budget(dosing: MakeDosing) -> None:
    campaign = dosing()
    result = campaign.go(2)
    assert (result.reason, result.completed, result.failed, result.ok) == ("budget_trials", 2, 0, True)
    assert stopped(campaign) == (result.reason, result.detail)
    assert endings(campaign) == ["completed", "completed"]
    assert campaign.events("settled") == []
    assert campaign.broken_promises() == []


def test_promises_can_be_broken(dosing: MakeDosing) -> None:
    campaign = dosing()
    campaign.go(1)
    campaign.bench.ledger.entries.pop(3)
    assert any("movements in the ledger" in broken for broken in campaign.broken_promises())


@pytest.mark.parametrize("error", [RuntimeError("a bug in the plan"), TrialFailed("it foamed")], ids=["bug", "trial"])
def test_an_exception_in_the_plan_while_a_pump_runs(error: Exception, dosing: MakeDosing) -> None:
    campaign = dosing(protocol=Troubled(dispense_and_raise(error)))
    campaign.budget = Budget(failure_streak=2)
    result = campaign.go()
    assert result.reason == "failure_streak"
    assert str(error) in result.detail
    settled = [(event.body["verdict"], event.body["amount"]) for event in campaign.events("settled")]
    assert settled == [("partial", pytest.approx(0.5, abs=0.01))] * 2
    trial_failed = isinstance(error, TrialFailed)
    assert endings(campaign) == ["trial_failed" if trial_failed else "machine_failed"] * 2
    assert [trial.state for trial in campaign.history.trials] == (["failed"] * 2 if trial_failed else ["running"])
    assert campaign.broken_promises() == []


def test_a_failed_status_of_an_instrument(dosing: MakeDosing) -> None:
    campaign = dosing()
    campaign.during("balance: trigger", lambda: campaign.bench.inject("balance", "hang"), nth=8, after=0.0)
    campaign.on("trial", lambda: campaign.bench.wire("balance").mend())
    result = campaign.go(1)
    assert endings(campaign) == ["machine_failed", "completed"]
    assert "balance" in campaign.events("attempt_ended")[0].body["reason"]
    assert result.completed == 1
    assert campaign.broken_promises() == []


def test_a_dispense_cut_short_by_a_person_at_the_pump(dosing: MakeDosing) -> None:
    campaign = dosing()
    campaign.during(DOSE, lambda: campaign.bench.instrument("dosing").receive(b"00STP\r"), nth=3, after=10.0)
    assert campaign.go(1).completed == 1
    assert endings(campaign) == ["machine_failed", "completed"]
    (settled,) = campaign.events("settled")
    assert settled.body["verdict"] == "partial"
    assert campaign.broken_promises() == []


def test_pause_then_resume_does_nothing_twice(dosing: MakeDosing) -> None:
    plain, paused = dosing("plain.sqlite"), dosing()
    paused.during(DOSE, paused.spawn(lambda: paused.executor.engine.RE._request_pause_coro()), nth=3, after=5.0)
    paused.during("balance: trigger", paused.spawn(lambda: paused.executor.engine.RE._request_pause_coro()), after=0.1)
    pauses = []

    def resume() -> str:
        pauses.append(paused.executor.clock.may_advance)
        return "resume"

    paused.when_ready.append(lambda: setattr(paused.executor.engine, "on_pause", resume))
    assert plain.go(1).completed == paused.go(1).completed == 1
    assert pauses == [False, False]
    flowed = [[(entry.instrument, entry.direction) for entry in one.bench.ledger] for one in (plain, paused)]
    assert flowed[0] == flowed[1]
    told = [[(e.action, e.body["instrument"], e.body["verb"]) for e in one.events("intent")] for one in (plain, paused)]
    assert told[0] == told[1]
    assert paused.broken_promises() == []


@pytest.mark.parametrize("following", ["abort", "halt", "stop"])
def test_pause_then_an_end(following: str, dosing: MakeDosing) -> None:
    campaign = dosing()
    campaign.budget = Budget(trials=1)
    campaign.during(DOSE, campaign.spawn(lambda: campaign.executor.engine.RE._request_pause_coro()), nth=3, after=5.0)
    campaign.when_ready.append(lambda: setattr(campaign.executor.engine, "on_pause", lambda: following))
    assert campaign.go().completed == 1
    assert endings(campaign) == ["interrupted", "completed"]
    (settled,) = campaign.events("settled")
    assert settled.body["verdict"] == "partial"
    assert 0 < settled.body["amount"] < 1
    assert campaign.broken_promises() == []


@pytest.mark.parametrize("way", ["_abort_coro", "_halt_coro", "_stop_coro"])
def test_the_run_engine_is_ended_by_somebody(way: str, dosing: MakeDosing) -> None:
    campaign = dosing()
    reason = ("why not",) if way == "_abort_coro" else ()
    campaign.during(DOSE, campaign.spawn(lambda: getattr(campaign.executor.engine.RE, way)(*reason)), nth=2)
    assert campaign.go(1).completed == 1
    assert endings(campaign) == ["interrupted", "completed"]
    assert [event.body["verdict"] for event in campaign.events("settled")] == ["partial"]
    assert campaign.broken_promises() == []


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_the_first_signal_finishes_the_dispense_in_hand(number: signal.Signals, dosing: MakeDosing) -> None:
    campaign = dosing()
    campaign.during(DOSE, lambda: campaign.send_signal(number), nth=3)
    result = campaign.go(3)
    assert (result.reason, result.ok) == ("interrupted", False)
    assert stopped(campaign) == ("interrupted", f"{number.name} received")
    assert endings(campaign) == ["interrupted"]
    assert campaign.events("settled") == []
    last = campaign.events("outcome")[-1]
    assert last.body["status"] == "done"
    assert last.body["result"]["volume_mL"] == pytest.approx(last.body["result"]["commanded_mL"])
    assert campaign.broken_promises() == []
    assert campaign.go(3).completed == 3
    assert endings(campaign) == ["interrupted", "completed", "completed", "completed"]
    assert campaign.broken_promises() == []


def test_a_signal_cuts_a_wait_short(dosing: MakeDosing) -> None:
    campaign = dosing(protocol=Troubled(lambda _lab: bps.sleep(1e6)))
    campaign.during("balance: trigger", lambda: campaign.send_signal(signal.SIGINT), nth=20, after=1000.0)
    assert campaign.go(1).reason == "interrupted"
    assert campaign.history.last_lab_time < 1e5
    assert campaign.broken_promises() == []


@pytest.mark.parametrize("second", [signal.SIGINT, signal.SIGTERM])
def test_the_second_signal_stops_the_dispense_at_once(second: signal.Signals, dosing: MakeDosing) -> None:
    campaign = dosing()
    campaign.during(DOSE, lambda: campaign.send_signal(signal.SIGINT), nth=3, after=2.0)
    campaign.during(DOSE, lambda: campaign.send_signal(second), nth=3, after=9.0)
    assert campaign.go(3).reason == "interrupted"
    assert endings(campaign) == ["interrupted"]
    (settled,) = campaign.events("settled")
    assert (settled.body["verdict"], settled.body["by"]) == ("partial", "reconcile")
    point = campaign.history.trials[0].point
    assert settled.body["amount"] == pytest.approx(9 / 60 * point["rate"], abs=0.01)
    assert campaign.broken_promises() == []


def test_the_second_signal_breaks_into_a_cleanup_that_hangs(dosing: MakeDosing) -> None:
    def trouble(lab: Any) -> Plan:
        try:
            yield from bps.sleep(1e6)
        finally:
            yield from bps.sleep(1e7)

    campaign = dosing(protocol=Troubled(trouble))
    campaign.during("balance: trigger", lambda: campaign.send_signal(signal.SIGINT), nth=20, after=1000.0)
    campaign.during("balance: trigger", lambda: campaign.send_signal(signal.SIGINT), nth=20, after=3000.0)
    assert campaign.go(1).reason == "interrupted"
    assert 3000 < campaign.history.last_lab_time < 1e5
    assert campaign.broken_promises() == []


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_signals_are_the_callers_again_afterwards(number: signal.Signals, dosing: MakeDosing) -> None:
    before = signal.getsignal(number)
    dosing().go(1)
    assert signal.getsignal(number) is before


def test_stop_from_another_thread(dosing: MakeDosing) -> None:
    campaign = dosing()
    campaign.during(DOSE, campaign.stop, nth=3)
    result = campaign.go(3)
    assert (result.reason, result.ok) == ("stop_requested", True)
    assert campaign.events("settled") == []
    assert campaign.broken_promises() == []


def test_stop_twice_stops_at_once(dosing: MakeDosing) -> None:
    campaign = dosing()
    campaign.during(DOSE, campaign.stop, nth=3, after=2.0)
    campaign.during(DOSE, campaign.stop, nth=3, after=4.0)
    assert campaign.go(3).reason == "stop_requested"
    assert [event.body["verdict"] for event in campaign.events("settled")] == ["partial"]
    assert campaign.broken_promises() == []


def test_stop_of_what_does_not_run_does_nothing(dosing: MakeDosing) -> None:
    campaign = dosing()
    campaign.stop()
    assert campaign.go(1).reason == "budget_trials"


def test_a_campaign_runs_and_stops_outside_the_main_thread(dosing: MakeDosing) -> None:
    campaign, results = dosing(), list[Any]()
    campaign.during(DOSE, campaign.stop, nth=3)
    thread = threading.Thread(target=lambda: results.append(campaign.go(3)))
    thread.start()
    thread.join(60)
    assert [result.reason for result in results] == ["stop_requested"]
    assert campaign.broken_promises() == []


def test_a_stop_is_requested_by_another_process(dosing: MakeDosing) -> None:
    campaign = dosing()
    campaign.on("attempt", lambda: request(campaign.journal_path, "stop", by="ada@lab-pc"))
    result = campaign.go(1000)
    assert (result.reason, result.detail) == ("stop_requested", "ada@lab-pc asked to stop")
    (answered,) = campaign.events("request_answered")
    assert answered.body["answer"]["ok"]
    assert campaign.broken_promises() == []


def test_an_interlock_trips_in_mid_dispense_and_latches(dosing: MakeDosing) -> None:
    campaign = dosing()
    trip = "balance.weight >= 190"
    campaign.during(DOSE, lambda: campaign.executor.lab.find("balance").weight.tell(195.0), nth=3, after=10.0)
    result = campaign.go(2)
    assert (result.reason, result.ok) == ("interlock", False)
    assert "balance.weight is 195.0" in result.detail
    assert [event.body["verdict"] for event in campaign.events("settled")] == ["partial"]
    assert campaign.broken_promises() == []

    moved = len(campaign.events("intent"))
    with pytest.raises(LabNotReady, match=r"balance\.weight >= 190.*--reset-interlocks"):
        campaign.go(2)
    assert len(campaign.events("intent")) == moved
    assert campaign.history.interlocks == {trip: "tripped"}

    assert campaign.go(2, reset_interlocks=True, by="ada").completed == 2
    assert [(e.body["state"], e.body.get("by")) for e in campaign.events("interlock")] == [
        ("tripped", None),
        ("reset", "ada"),
    ]
    assert campaign.broken_promises() == []


def test_an_interlock_trips_through_the_wire(dosing: MakeDosing) -> None:
    campaign = dosing()
    campaign.lab = campaign.lab.__class__(
        **{**vars(campaign.lab), "interlocks": (InterlockDeclaration("balance.weight > 0.8"),)}
    )
    assert campaign.go(2).reason == "interlock"
    assert endings(campaign) == ["interrupted"]
    assert campaign.broken_promises() == []


def test_an_interlock_that_cannot_be_journaled_stops_the_run_all_the_same(
    dosing: MakeDosing, monkeypatch: pytest.MonkeyPatch
) -> None:
    campaign = dosing()

    def trip() -> None:
        write = campaign.executor.record.write

        def refuse(kind: str, *args: Any, **keywords: Any) -> None:
            if kind == "interlock":
                raise OSError("disk full")
            write(kind, *args, **keywords)

        monkeypatch.setattr(campaign.executor.record, "write", refuse)
        campaign.executor.lab.find("balance").weight.tell(195.0)

    campaign.during(DOSE, trip, nth=3)
    assert campaign.go(2).reason == "interlock"
    assert campaign.broken_promises() == []


def test_making_safe_is_reported_for_each_attempt_in_the_labs_order(dosing: MakeDosing) -> None:
    campaign = dosing()
    campaign.go(1)
    (ended,) = campaign.events("attempt_ended")
    assert ended.body["safe"] == {"ok": True, "order": ["dosing", "waste", "balance"], "faults": {}}


def test_a_run_takes_no_wall_time_for_lab_time(dosing: MakeDosing) -> None:
    began = time.monotonic()
    campaign = dosing(protocol=Troubled(lambda _lab: bps.sleep(1e6)))
    campaign.go(1)
    assert campaign.history.last_lab_time > 1e6
    assert time.monotonic() - began < 60
