"""Every way out of a campaign on the electrolyte bench, in every phase of an attempt: safe, journaled, done once.

Each test disturbs one campaign in one phase after the other, so that every attempt recovers from what the last one left,
and then lets it go: the trial is completed, once.
"""

import signal
from collections.abc import Callable, Generator, Mapping
from dataclasses import dataclass, replace
from typing import Any

import pytest
from bluesky import plan_stubs as bps

from autolab.lab.declaration import InterlockDeclaration
from autolab.loop import clerk
from autolab.loop.budget import Budget
from autolab.model.errors import LabNotReady, TrialFailed
from autolab.protocols.formulation import Formulation

Plan = Generator[Any, Any, Any]
Make = Callable[..., Any]
Act = Callable[[], object]


@dataclass(frozen=True)
class Moment:
    """An instant of an attempt.

    Attributes:
        phase: Of the protocol.
        text: How the action that is under way is told; or the phase itself, in which nothing is under way.
        after: Lab time since it was begun, s.
        pumping: Whether a pump moves.
    """

    phase: str
    text: str
    after: float
    pumping: bool = False

    @property
    def instrument(self) -> str:
        """What is under way, or would be looked at next."""
        return self.text.partition(":")[0] if self.text != f"phase: {self.phase}" else "plate"

    def arrange(self, campaign: Any, act: Act) -> None:
        """Let `act` happen then, the first time that a campaign comes to it."""
        campaign.during(self.text, act, after=self.after, within=self.phase)

    def begun_by(self, message: Any, phase: str) -> bool:
        """Say whether a plan's message begins what this is an instant of."""
        if self.text == f"phase: {self.phase}":
            return bool(message.kwargs.get("phase") == self.phase)
        verb, *command = self.text.partition(": ")[2].split()
        if phase != self.phase or message.command != verb or message.obj.name != self.instrument:
            return False
        return not command or type(message.args[0]).__name__ == command[0]


MOMENTS = [
    Moment("recover", "waste: set Withdraw", 20.0, pumping=True),
    Moment("dose", "pump_salt: set Dispense", 2.0, pumping=True),
    Moment("transfer", "transfer: set Dispense", 10.0, pumping=True),
    Moment("heat", "plate_heater: set", 60.0),
    Moment("equilibrate", "phase: equilibrate", 5.0),
    Moment("measure", "probe: trigger", 1.0),
    Moment("rinse", "pump_rinse: set Dispense", 8.0, pumping=True),
]
DOSE, HEAT = MOMENTS[1], MOMENTS[3]
LONG = Budget(trials=1, failure_streak=9)


def in_each(campaign: Any, act: Callable[[Moment], object]) -> None:
    """Arrange for something in each phase: the next one is reached by the attempt after, if the first does not go on."""

    def arrange(moment: Moment) -> None:
        moment.arrange(campaign, lambda: act(moment))

    for moment in MOMENTS:
        arrange(moment)


def pausing(campaign: Any, following: str) -> list[str]:
    """Arrange for a pause in each phase, and for what follows it; return the list of what followed."""
    followed: list[str] = []

    def follow() -> str:
        followed.append(following)
        return following

    in_each(campaign, lambda _moment: coroutine_of(campaign, "_request_pause_coro"))
    campaign.when_ready.append(lambda: setattr(campaign.executor.engine, "on_pause", follow))
    return followed


def coroutine_of(campaign: Any, name: str, *arguments: object) -> None:
    """Begin one of the RunEngine's coroutines on the loop."""
    engine = campaign.executor.engine.RE
    campaign.spawn(lambda: getattr(engine, name)(*arguments))()


# ---- what must be true


def endings(campaign: Any) -> list[str]:
    return [event.body["ending"] for event in campaign.events("attempt_ended")]


def assert_safe(campaign: Any) -> None:
    """All promises are kept, and of what can move or heat nothing does."""
    assert campaign.broken_promises() == []
    plate = campaign.bench.instrument("plate")
    assert (plate.heater.on, plate.motor.on, plate.plate.power) == (False, False, 0.0)
    assert not any(plunger.flow for plunger in campaign.bench.world.plungers.values())


def assert_each_attempt_ends_safely(campaign: Any) -> None:
    """Arrange to look at the bench after every attempt of a run."""
    seen = campaign.shown

    def look(progress: Any) -> None:
        if progress.kind == "trial" and not all(campaign.bench.is_safe().values()):
            seen.append("NOT SAFE")

    campaign._arranged.append(look)


def assert_came_to_its_end(campaign: Any, ending: str, found: Mapping[str, str] | None = None) -> None:
    """One attempt a phase ended so, in that phase or where it was `found`; the next completed the trial; all recovered."""
    assert endings(campaign) == [ending] * len(MOMENTS) + ["completed"]
    ends = [event.body["phase_order"][-2] for event in campaign.events("attempt_ended")]  # the last is making safe
    assert ends[:-1] == [(found or {}).get(moment.phase, moment.phase) for moment in MOMENTS]
    assert "NOT SAFE" not in campaign.shown
    assert [event.attempt for event in campaign.events("observed")] == [len(MOMENTS) + 1]
    assert all(event.body["recover"] for event in campaign.events("attempt_started"))
    assert_safe(campaign)


def assert_settled_by_counters(campaign: Any) -> None:
    """What a pump did of a movement that was cut short is known by its counter; nothing else was in doubt."""
    settled = [event for event in campaign.events("settled") if event.body["verdict"] != "not"]
    assert {(event.body["verdict"], event.body["by"]) for event in settled} == {("partial", "reconcile")}
    assert [event.attempt for event in settled] == [n for n, moment in enumerate(MOMENTS, 1) if moment.pumping]
    assert all(event.body["amount"] > 0.1 for event in settled)


def assert_nothing_was_cut_short(campaign: Any) -> None:
    """Whatever a pump began, it ended."""
    assert {event.body["verdict"] for event in campaign.events("settled")} <= {"not"}
    moved = [event.body["result"] for event in campaign.events("outcome") if "volume_mL" in event.body["result"]]
    assert len(moved) > len(MOMENTS)
    assert all(one["volume_mL"] == pytest.approx(one["commanded_mL"], abs=0.011) for one in moved)


# ---- the plan and the instruments


def breaking(error: Exception, *moments: Moment) -> Callable[..., Formulation]:
    """Return what makes a formulation that raises at each moment once, in their order."""
    left = list(moments)

    class Breaking(Formulation):
        def perform(self, lab: Any, point: Any) -> Plan:
            return (yield from broken(super().perform(lab, point), ""))

        def recover(self, lab: Any) -> Plan:
            return (yield from broken(super().recover(lab), "recover"))

    def broken(plan: Plan, phase: str) -> Plan:
        answer = None
        while True:
            try:
                message = plan.send(answer)
            except StopIteration as end:
                return end.value
            phase = message.kwargs.get("phase", phase)
            answer = yield message
            if left and left[0].begun_by(message, phase):
                yield from bps.sleep(left.pop(0).after)
                raise error

    return Breaking


@pytest.mark.slow
def test_exceptions_in_the_plan(formulating: Make) -> None:
    campaign = formulating(kind=breaking(RuntimeError("a bug in the plan"), *MOMENTS), budget=LONG)
    assert_each_attempt_ends_safely(campaign)
    assert campaign.go().completed == 1
    assert_settled_by_counters(campaign)
    assert_came_to_its_end(campaign, "machine_failed")
    reasons = [event.body["reason"] for event in campaign.events("attempt_ended")[:-1]]
    assert set(reasons) == {"RuntimeError: a bug in the plan"}


def test_exceptions_in_a_row_end_the_run(formulating: Make) -> None:
    campaign = formulating(
        kind=breaking(RuntimeError("a bug in the plan"), DOSE, HEAT), budget=Budget(failure_streak=2)
    )
    result = campaign.go(1)
    assert (result.reason, result.completed) == ("failure_streak", 0)
    assert "a bug in the plan" in result.detail
    assert_safe(campaign)


def test_a_trial_that_fails_is_over_and_the_next_one_recovers(formulating: Make) -> None:
    campaign = formulating(kind=breaking(TrialFailed("it boiled"), HEAT))
    result = campaign.go(2)
    assert (result.completed, result.failed) == (1, 1)
    assert [trial.state for trial in campaign.history.trials] == ["failed", "completed"]
    assert [event.body["recover"] for event in campaign.events("attempt_started")] == [True, True]
    assert_safe(campaign)


@pytest.mark.slow
def test_instruments_that_fail(formulating: Make) -> None:
    campaign = formulating(budget=LONG)

    def get_in_the_way(moment: Moment) -> None:
        simulator = campaign.bench.instrument(moment.instrument.partition("_heater")[0])
        if moment.pumping:
            simulator.receive(f"{simulator.place.bus:02d}STP\r".encode())  # somebody at the pump
        elif moment.phase == "measure":
            campaign.bench.inject("probe", "hang")
            campaign.on("trial", lambda: campaign.bench.wire("probe").mend())
        else:
            simulator.receive(b"OUT_SP_1 0\r\n")  # somebody at the hotplate's panel

    in_each(campaign, get_in_the_way)
    assert_each_attempt_ends_safely(campaign)
    assert campaign.go().completed == 1
    assert_settled_by_counters(campaign)
    reasons = [event.body["reason"] for event in campaign.events("attempt_ended")]
    assert [moment.instrument in reason for moment, reason in zip(MOMENTS, reasons, strict=False)] == [True] * 7
    # a set point that was changed while nobody waited for the heater is found when it is looked at
    assert_came_to_its_end(campaign, "machine_failed", found={"equilibrate": "measure"})


# ---- the RunEngine


@pytest.mark.slow
@pytest.mark.parametrize("way", ["_abort_coro", "_halt_coro", "_stop_coro"])
def test_the_run_engine_is_ended_by_somebody(way: str, formulating: Make) -> None:
    campaign = formulating(budget=LONG)
    reason = ("why not",) if way == "_abort_coro" else ()
    in_each(campaign, lambda _moment: coroutine_of(campaign, way, *reason))
    assert_each_attempt_ends_safely(campaign)
    assert campaign.go().completed == 1
    assert_settled_by_counters(campaign)
    assert_came_to_its_end(campaign, "interrupted")


@pytest.mark.slow
def test_pause_then_abort(formulating: Make) -> None:
    campaign = formulating(budget=LONG)
    pausing(campaign, "abort")
    assert_each_attempt_ends_safely(campaign)
    assert campaign.go().completed == 1
    assert_settled_by_counters(campaign)
    assert_came_to_its_end(campaign, "interrupted")


def test_pause_then_resume_in_every_phase_does_nothing_twice(formulating: Make) -> None:
    plain, paused = formulating("plain.sqlite"), formulating()
    pauses = pausing(paused, "resume")
    assert plain.go(1).completed == paused.go(1).completed == 1
    assert pauses == ["resume"] * len(MOMENTS)
    assert endings(paused) == ["completed"]
    flowed = [[(one.instrument, one.direction) for one in campaign.bench.ledger] for campaign in (plain, paused)]
    assert flowed[0] == flowed[1]
    pumped = [entry.volume for entry in plain.bench.ledger]
    assert [entry.volume for entry in paused.bench.ledger] == pytest.approx(pumped, abs=0.011)  # by weight, at times
    assert_safe(paused)


# ---- people


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_the_first_signal_finishes_what_pumps_do(number: signal.Signals, formulating: Make) -> None:
    campaign = formulating(budget=LONG)
    in_each(campaign, lambda _moment: campaign.send_signal(number))
    for _moment in MOMENTS:
        result = campaign.go()
        assert (result.reason, result.ok, result.detail) == ("interrupted", False, f"{number.name} received")
        assert_safe(campaign)
    assert campaign.go().completed == 1
    assert_nothing_was_cut_short(campaign)
    assert_came_to_its_end(campaign, "interrupted")


@pytest.mark.slow
def test_the_second_signal_makes_safe_at_once(formulating: Make) -> None:
    campaign = formulating(budget=LONG)
    in_each(campaign, lambda _moment: campaign.send_signal(signal.SIGINT))
    for moment in MOMENTS:
        later = replace(moment, after=moment.after + 0.5)
        later.arrange(campaign, lambda: campaign.send_signal(signal.SIGTERM))
    for _moment in MOMENTS:
        assert campaign.go().reason == "interrupted"
        assert_safe(campaign)
    assert campaign.go().completed == 1
    assert_settled_by_counters(campaign)
    assert_came_to_its_end(campaign, "interrupted")


@pytest.mark.slow
def test_a_stop_is_requested_by_another_process(formulating: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clerk, "POLL_SECONDS", 0.01)  # requests are looked for in wall time, which is short here
    campaign = formulating(budget=LONG)
    in_each(campaign, lambda _moment: campaign.request_stop())
    for _moment in MOMENTS:
        result = campaign.go()
        assert (result.reason, result.ok, result.detail) == ("stop_requested", True, "ada@lab-pc asked to stop")
        assert_safe(campaign)
    assert campaign.go().completed == 1
    assert_nothing_was_cut_short(campaign)
    assert_came_to_its_end(campaign, "interrupted")


# ---- the lab and the budget


@pytest.mark.slow
def test_an_interlock_trips_and_latches(formulating: Make) -> None:
    campaign = formulating(budget=LONG)
    in_each(campaign, lambda _moment: campaign.executor.lab.find("plate").heater.readback.tell(70.5))
    for moment in MOMENTS:
        result = campaign.go(reset_interlocks=moment is not MOMENTS[0], by="ada")
        assert (result.reason, result.ok) == ("interlock", False)
        assert "plate.heater is 70.5" in result.detail
        assert_safe(campaign)
    with pytest.raises(LabNotReady, match=r"plate\.heater > 65.*--reset-interlocks"):
        campaign.go()
    assert campaign.go(reset_interlocks=True, by="ada").completed == 1
    assert_settled_by_counters(campaign)
    assert_came_to_its_end(campaign, "interrupted")


def test_an_interlock_trips_by_what_the_plate_tells(formulating: Make) -> None:
    campaign = formulating()
    campaign.lab = replace(campaign.lab, interlocks=(InterlockDeclaration("plate.heater > 24"),))
    result = campaign.go(1)
    assert result.reason == "interlock"
    assert endings(campaign) == ["interrupted"]
    last = campaign.events("intent")[-1].body
    assert (last["phase"], last["instrument"]) == ("heat", "plate_heater")
    assert 24 < campaign.bench.world.plates["plate"].vessel < 26
    assert_safe(campaign)


def test_hours_that_are_over_in_mid_attempt_let_it_end(formulating: Make) -> None:
    campaign = formulating(budget=Budget(hours=0.05))
    result = campaign.go()
    assert (result.reason, result.completed, result.ok) == ("budget_hours", 1, True)
    assert endings(campaign) == ["completed"]
    assert campaign.history.last_lab_time > 0.05 * 3600
    assert_safe(campaign)


def test_the_budget_of_trials_leaves_the_lab_clean_and_cold(formulating: Make) -> None:
    campaign = formulating()
    assert campaign.go(2).reason == "budget_trials"
    assert [event.body["recover"] for event in campaign.events("attempt_started")] == [True, False]
    safe: list[Mapping[str, Any]] = [event.body["safe"] for event in campaign.events("attempt_ended")]
    assert all(report["ok"] and report["order"][0] == "plate" for report in safe)
    assert campaign.bench.world.containers["cell"].volume < 0.5
    assert_safe(campaign)
