"""The stations of the closed loop: review, envelope, budget, streak, fallback, quality gate, questions."""

import dataclasses
from collections.abc import Callable, Generator
from pathlib import Path
from typing import Any, ClassVar

import pytest
from bluesky import plan_stubs as bps

from autolab.campaign import Campaign
from autolab.journal.reading import JournalReader
from autolab.journal.requests import request
from autolab.loop.budget import Budget, Review
from autolab.loop.progress import Progress
from autolab.model.candidates import Candidates
from autolab.model.errors import DesignUnfit, InputError, PlannerError, TrialFailed
from autolab.model.objectives import Objective
from autolab.model.parameters import Integer, Real
from autolab.model.problem import Problem
from autolab.model.space import Space
from autolab.planners.factorial import Factorial
from autolab.planners.lhs import LatinHypercube
from autolab.planners.simplex import SimplexLattice
from autolab.planners.sobol import Sobol
from autolab.protocols.gravimetric import Gravimetric

MakeDosing = Callable[..., Any]
DOSE = "dosing: set Dispense"


class Spy(Sobol):
    """Sobol that notes what it was shown: the usable trials, the failed ones, and how many are pending."""

    shown: ClassVar[list[tuple[list[int], list[int], int]]] = []

    def suggest(self, problem: Any, history: Any, *, n: int, pending: Any = (), seed: int) -> Any:
        usable = [trial.number for trial in history if trial.usable]
        failed = [trial.number for trial in history if trial.state in ("failed", "rejected")]
        self.shown.append((usable, failed, len(pending)))
        return super().suggest(problem, history, n=n, pending=pending, seed=seed)


@pytest.fixture
def spy() -> Spy:
    Spy.shown.clear()
    return Spy()


@pytest.fixture
def simple(tmp_path: Path) -> Callable[..., Campaign]:
    """Return a function that makes a campaign of a function of x."""

    def make(evaluate: Callable[[dict[str, Any]], Any] = lambda point: point["x"], **how: Any) -> Campaign:
        problem = Problem(how.pop("space", Space([Real("x", 0, 1)])), [Objective("y", "maximize")])
        how = {"planner": Sobol(), "journal": tmp_path / "simple.sqlite", **how}
        return Campaign(problem, evaluate=evaluate, **how)

    return make


def states(campaign: Campaign) -> list[str]:
    return [trial.state for trial in campaign.history.trials]


def events(campaign: Campaign, *kinds: Any) -> list[Any]:
    with JournalReader.open(campaign.journal_path) as reader:
        return list(reader.events(kinds=list(kinds)))


def ask(campaign: Campaign, kind: Any, **body: Any) -> int:
    return request(campaign.journal_path, kind, body, by="ada")


def answers(campaign: Campaign) -> list[tuple[bool, str]]:
    return [(e.body["answer"]["ok"], e.body["answer"]["text"]) for e in events(campaign, "request_answered")]


# ---- station 2: deciding


def test_a_planner_that_raises_is_replaced_and_the_journal_says_so(simple: Callable[..., Campaign]) -> None:
    class Broken(Sobol):
        def suggest(self, problem: Any, history: Any, *, n: int, pending: Any = (), seed: int) -> Any:
            if history:
                msg = "no idea"
                raise RuntimeError(msg)
            return super().suggest(problem, history, n=n, pending=pending, seed=seed)

    campaign = simple(planner=Broken())
    assert campaign.run(3).completed == 3
    assert [decision.fallback for decision in campaign.history.decisions] == [None, *["RuntimeError: no idea"] * 2]
    points = [trial.point["x"] for trial in campaign.history.trials]
    assert len(set(points)) == 3


def test_a_planner_that_refuses_the_problem_ends_the_first_run_and_no_later_one(
    simple: Callable[..., Campaign],
) -> None:
    class Misspelt(Sobol):
        def suggest(self, problem: Any, history: Any, *, n: int, pending: Any = (), seed: int) -> Any:
            msg = "the problem has no quantity 'yy'"
            raise InputError(msg)

    campaign = simple(planner=Misspelt())
    with pytest.raises(InputError, match="no quantity 'yy'"):
        campaign.check()
    with pytest.raises(InputError, match="no quantity 'yy'"):
        campaign.run(3)
    (stopped,) = events(campaign, "stopped")
    assert "no quantity 'yy'" in stopped.body["detail"]
    assert campaign.history.trials == ()

    class Later(Misspelt):
        def suggest(self, problem: Any, history: Any, **asked: Any) -> Any:
            return super().suggest(problem, history, **asked) if history else Sobol().suggest(problem, history, **asked)

    campaign = simple(planner=Later(), journal=campaign.journal_path.with_name("later.sqlite"))
    assert campaign.run(3).completed == 3  # a campaign under way goes on
    assert [bool(decision.fallback) for decision in campaign.history.decisions] == [False, True, True]


@pytest.mark.parametrize("count", [0, 1, 3])
def test_a_planner_that_gives_another_number_of_points_is_replaced(count: int, simple: Callable[..., Campaign]) -> None:
    class Miscounting(Sobol):
        def suggest(self, problem: Any, history: Any, *, n: int, pending: Any = (), seed: int) -> Any:
            return super().suggest(problem, history, n=3, pending=pending, seed=seed)[:count]

    campaign = simple(planner=Miscounting(), batch=2)
    assert campaign.run(2).completed == 2
    (decision,) = campaign.history.decisions
    assert decision.fallback == f"PlannerError: Miscounting suggested {count} points where 2 were asked for"


def test_the_error_when_nobody_can_propose_is_journaled(
    simple: Callable[..., Campaign], monkeypatch: pytest.MonkeyPatch
) -> None:
    def suggest(*_args: Any, **_keywords: Any) -> Any:
        msg = "no idea"
        raise RuntimeError(msg)

    monkeypatch.setattr(Sobol, "suggest", suggest)
    campaign = simple()
    with pytest.raises(PlannerError, match=r"neither the planner \(RuntimeError: no idea\) nor the fallback"):
        campaign.run(3)
    (stopped,) = events(campaign, "stopped")
    assert stopped.body["reason"] == "error"
    assert "no idea" in stopped.body["detail"]


@pytest.mark.parametrize("batch", [1, 2, 5])
def test_a_design_that_is_used_up_ends_the_run_well(batch: int, simple: Callable[..., Campaign]) -> None:
    campaign = simple(planner=Factorial(levels=3), batch=batch)
    result = campaign.run(10)
    assert (result.reason, result.completed, result.ok) == ("space_exhausted", 3, True)
    assert "the design factorial has 0 of its 3 runs left. It is done" in result.detail
    assert sorted(trial.point["x"] for trial in campaign.history.trials) == [0.0, 0.5, 1.0]
    assert [decision.fallback for decision in campaign.history.decisions if decision.fallback] == []
    assert campaign.run(10).reason == "space_exhausted"


def test_a_hypercube_is_one_design_whatever_the_seeds_of_the_decisions(simple: Callable[..., Campaign]) -> None:
    campaign = simple(planner=LatinHypercube(runs=5))
    campaign.run(9)
    first = campaign.history.decisions[0]
    whole = LatinHypercube(runs=5).suggest(campaign.problem, [], n=5, seed=first.seed)
    assert [dict(trial.point) for trial in campaign.history.trials] == [one.point for one in whole]


def test_a_design_that_does_not_fit_is_not_replaced_by_other_points(simple: Callable[..., Campaign]) -> None:
    campaign = simple(planner=SimplexLattice())
    with pytest.raises(DesignUnfit, match="simplex_lattice needs a mixture"):
        campaign.run(3)
    assert campaign.history.trials == ()
    (stopped,) = events(campaign, "stopped")
    assert stopped.body["reason"] == "error"
    assert "factorial is for free parameters" in stopped.body["detail"]


@pytest.mark.parametrize("batch", [1, 2, 5])
@pytest.mark.parametrize(
    "space", [Candidates({"x": [0.1, 0.2, 0.3]}), Space([Integer("x", 1, 3)])], ids=["table", "integers"]
)
def test_a_space_that_is_used_up_ends_the_run_well(batch: int, space: Any, simple: Callable[..., Campaign]) -> None:
    campaign = simple(space=space, batch=batch)
    result = campaign.run(10)
    assert (result.reason, result.completed, result.ok) == ("space_exhausted", 3, True)
    assert "every point of the space was tried" in result.detail
    assert sorted(trial.point["x"] for trial in campaign.history.trials) == sorted(
        {trial.point["x"] for trial in campaign.history.trials}
    )
    assert [decision.fallback for decision in campaign.history.decisions if decision.fallback] == []
    assert campaign.run(10).reason == "space_exhausted"


def test_a_batch_is_decided_together_and_cut_to_the_budget(spy: Spy, simple: Callable[..., Campaign]) -> None:
    campaign = simple(planner=spy, batch=3)
    assert campaign.run(5).completed == 5
    assert [decision.trials for decision in campaign.history.decisions] == [(1, 2, 3), (4, 5)]
    assert spy.shown == [([], [], 0), ([1, 2, 3], [], 0)]


# ---- station 3: review


def test_asking_without_waiting_says_who_is_waited_for(simple: Callable[..., Campaign]) -> None:
    performed = []
    campaign = simple(lambda point: performed.append(point), review=Review("ask"), batch=2)
    result = campaign.run(2, wait=False)
    assert (result.reason, result.ok) == ("waiting", False)
    assert result.detail == "trial 1, 2 waits for approval (autolab approve)"
    assert states(campaign) == ["in_review", "in_review"]
    assert performed == []


def test_a_person_approves_and_rejects(spy: Spy, simple: Callable[..., Campaign]) -> None:
    campaign = simple(review=Review("ask"), batch=3, planner=spy)
    campaign.run(4, wait=False)
    ask(campaign, "approve", trials=[1, 3])
    ask(campaign, "reject", trials=[2], why="too hot")
    ask(campaign, "approve", trials=[9])
    assert campaign.run(4, wait=False).reason == "waiting"
    assert states(campaign) == ["completed", "rejected", "completed", "in_review"]
    assert campaign.history.trial(2).reason == "too hot"
    assert answers(campaign)[:2] == [(True, "approved: 1, 3"), (True, "rejected: 2")]
    ok, text = answers(campaign)[2]
    assert not ok
    assert text == "not in review: trial 9; in review now: none"
    assert spy.shown[-1] == ([1, 3], [2], 0)
    ask(campaign, "approve", all=True)
    assert campaign.run(4, wait=False).reason == "budget_trials"


def test_waiting_for_a_person_goes_on_when_they_answer(simple: Callable[..., Campaign]) -> None:
    campaign = simple(review=Review("ask"))
    told: list[Progress] = []

    def show(progress: Progress) -> None:
        told.append(progress)
        if progress.kind == "review":
            ask(campaign, "approve", all=True)

    assert campaign.run(2, progress=show).completed == 2
    assert [one.text for one in told if one.kind == "review"] == [
        "trial 1 waits for approval (autolab approve)",
        "trial 2 waits for approval (autolab approve)",
    ]


def test_waiting_for_a_person_ends_when_asked_to(simple: Callable[..., Campaign]) -> None:
    campaign = simple(review=Review("ask"))
    result = campaign.run(2, progress=lambda progress: campaign.stop() if progress.kind == "review" else None)
    assert result.reason == "stop_requested"


def test_after_a_delay_a_point_approves_itself(dosing: MakeDosing) -> None:
    campaign = dosing(review=Review("after", 3600.0))
    assert campaign.go(2, wait=True).completed == 2
    assert [e.body["verdict"] for e in campaign.events("reviewed")] == ["in_review", "approved"] * 2
    first, approved = campaign.events("reviewed")[:2]
    assert approved.lab_time - first.lab_time == pytest.approx(3600, abs=0.01)
    assert approved.body["why"] == "nobody objected for 3600 s"


def test_within_the_delay_a_person_may_reject(dosing: MakeDosing) -> None:
    campaign = dosing(review=Review("after", 3600.0))
    campaign.on("review", lambda: request(campaign.journal_path, "reject", {"trials": [1]}, by="ada"))
    assert campaign.go(2).completed == 1
    assert [trial.state for trial in campaign.history.trials] == ["rejected", "completed"]


def test_a_delay_in_real_time(simple: Callable[..., Campaign]) -> None:
    campaign = simple(review=Review("after", 0.05))
    assert campaign.run(2).completed == 2


def test_what_is_in_review_is_approved_when_review_is_no_longer_wanted(simple: Callable[..., Campaign]) -> None:
    simple(review=Review("ask")).run(2, wait=False)
    campaign = simple(review=Review("auto"))
    assert campaign.run(2, wait=False).completed == 2
    (amended,) = events(campaign, "amended")
    assert amended.body["review"]["new"]["mode"] == "auto"


# ---- station 4: envelope


def test_a_point_that_the_lab_forbids_is_rejected_and_told(spy: Spy, dosing: MakeDosing) -> None:
    class Careful(Gravimetric):
        def check(self, lab: object, point: Any) -> None:
            from autolab.model.errors import OutsideEnvelope

            if point["dwell"] > 10:
                msg = f"dwell {point['dwell']:.1f} s is too long"
                raise OutsideEnvelope(msg)

    campaign = dosing(protocol=Careful(repeats=2, rest_s=5.0), planner=spy)
    result = campaign.go(4)
    rejected = [trial.number for trial in campaign.history.trials if trial.state == "rejected"]
    assert rejected
    assert len(rejected) == result.failed == 4 - result.completed
    assert all(campaign.history.trial(number).point["dwell"] > 10 for number in rejected)
    assert all(campaign.history.trial(number).attempts == () for number in rejected)
    assert "is too long" in campaign.history.trial(rejected[0]).reason
    assert spy.shown[-1][1] == [number for number in rejected if number < 4]


def test_a_point_outside_the_labs_limits_fails_and_the_campaign_goes_on(dosing: MakeDosing) -> None:
    campaign = dosing()
    instruments = dict(campaign.lab.instruments)
    instruments["dosing"] = dataclasses.replace(instruments["dosing"], limits={"rate": [0.1, 3.0]})
    campaign.lab = dataclasses.replace(campaign.lab, instruments=instruments)
    result = campaign.go(4)
    assert result.reason == "budget_trials"
    for trial in campaign.history.trials:
        assert trial.state == ("failed" if trial.point["rate"] > 3 else "completed")
    failed = [trial for trial in campaign.history.trials if trial.state == "failed"]
    assert result.failed == len(failed) > 0
    assert "outside the limits 0.1..3 mL/min" in failed[0].reason
    assert [len(trial.attempts) for trial in failed] == [1] * len(failed)
    assert campaign.broken_promises() == []


def test_a_point_that_the_space_no_longer_holds_is_not_performed(simple: Callable[..., Campaign]) -> None:
    simple(review=Review("ask")).run(1, wait=False)
    campaign = simple(space=Space([Real("x", 2, 3)]))
    ask(campaign, "approve", all=True)
    campaign.run(2, on_change="accept")
    assert states(campaign) == ["rejected", "completed"]
    assert "x" in campaign.history.trial(1).reason


# ---- budget and streak


def test_the_budget_of_hours_is_lab_time(dosing: MakeDosing) -> None:
    campaign = dosing(budget=Budget(hours=0.25))
    result = campaign.go()
    assert (result.reason, result.ok) == ("budget_hours", True)
    starts = [event.lab_time for event in campaign.events("attempt_started")]
    assert max(starts) < 900 <= campaign.history.last_lab_time
    assert campaign.go().reason == "budget_hours"
    assert len(campaign.events("attempt_started")) == len(starts)


def test_the_streak_counts_attempts_and_a_completed_one_begins_it_anew(simple: Callable[..., Campaign]) -> None:
    outcomes = iter(
        [1.0, TrialFailed("a"), TrialFailed("b"), 1.0, TrialFailed("c"), TrialFailed("d"), TrialFailed("e")]
    )

    def evaluate(_point: Any) -> Any:
        outcome = next(outcomes)
        if isinstance(outcome, Exception):
            raise outcome
        return outcome

    campaign = simple(evaluate)
    result = campaign.run(100)
    assert (result.reason, result.completed, result.failed) == ("failure_streak", 2, 5)
    assert result.detail == "3 attempts in a row did not complete; the last: e"


def test_each_run_begins_the_streak_anew(simple: Callable[..., Campaign]) -> None:
    calls = []

    def evaluate(_point: Any) -> Any:
        calls.append(1)
        msg = f"failure {len(calls)}"
        raise TrialFailed(msg)

    campaign = simple(evaluate, budget=Budget(failure_streak=2))
    assert campaign.run().detail.endswith("failure 2")
    assert campaign.run().detail == "2 attempts in a row did not complete; the last: failure 4"
    assert len(calls) == 4


def test_a_streak_of_an_earlier_run_does_not_shorten_that_after_a_success(simple: Callable[..., Campaign]) -> None:
    outcomes = iter([0, 0, 1, 0, 0])
    campaign = simple(lambda _point: 1 / next(outcomes), budget=Budget(failure_streak=2))
    assert campaign.run(100).failed == 2
    result = campaign.run(100)
    assert (result.reason, result.completed, result.failed) == ("failure_streak", 1, 4)


# ---- stations 7 to 9


def test_an_outcome_without_an_objective_is_a_failed_trial(dosing: MakeDosing) -> None:
    class Forgetful(Gravimetric):
        def perform(self, lab: Any, point: Any) -> Generator[Any, Any, Any]:
            outcome = yield from super().perform(lab, point)
            return {name: value for name, value in outcome.items() if name != "seconds"}

    campaign = dosing(protocol=Forgetful(repeats=2, rest_s=5.0))
    result = campaign.go(2)
    assert (result.completed, result.failed) == (0, 2)
    assert campaign.history.trial(1).reason == "the outcome lacks seconds; it has error, bias, spread"
    assert campaign.broken_promises() == []


@pytest.mark.parametrize("outcome", [None, 3.0, {"error": float("nan"), "seconds": 1.0}, {"error": "much"}])
def test_a_protocol_that_returns_no_outcome_is_told_so(outcome: Any, dosing: MakeDosing) -> None:
    class Odd(Gravimetric):
        def perform(self, lab: Any, point: Any) -> Generator[Any, Any, Any]:
            yield from bps.sleep(1)
            return outcome

    campaign = dosing(protocol=Odd(repeats=2))
    assert campaign.go(1).failed == 1
    assert [attempt.ending for attempt in campaign.history.trial(1).attempts] == ["trial_failed"]
    assert campaign.history.trial(1).reason
    assert campaign.broken_promises() == []


def test_a_machine_failure_leads_to_a_new_attempt_that_recovers_first(dosing: MakeDosing) -> None:
    campaign = dosing()
    campaign.during("balance: trigger", lambda: campaign.bench.inject("balance", "hang"), nth=25)
    campaign.on("trial", lambda: None)
    told = []

    def show(progress: Progress) -> None:
        campaign._show(progress)
        told.append(progress.text)
        if progress.text.startswith("machine failed"):
            campaign.bench.wire("balance").mend()

    assert campaign.go(2, progress=show).completed == 2
    starts = [(e.trial, e.attempt, e.body["recover"]) for e in campaign.events("attempt_started")]
    assert len(starts) == 3
    assert starts[0] == (1, 1, True)  # nobody knows what an earlier campaign left behind
    assert [recover for _, attempt, recover in starts[1:]] == [attempt > 1 for _, attempt, _ in starts[1:]]
    assert campaign.broken_promises() == []


# ---- questions


def interrupted(dosing: MakeDosing, **attributes: Any) -> Any:
    """Return a campaign whose pump lost power in the middle of a dose of trial 1, run until only a person can go on."""
    campaign = dosing(**attributes)
    campaign.during(DOSE, lambda: campaign.bench.instrument("dosing").power_cycle(), nth=3, after=5.0)
    result = campaign.go(3)
    assert result.reason == "waiting"
    return campaign


def test_an_action_that_nobody_can_settle_holds_its_trial_and_others_go_on(dosing: MakeDosing) -> None:
    campaign = interrupted(dosing)
    assert [trial.state for trial in campaign.history.trials] == ["held", "completed", "completed"]
    (question,) = campaign.history.questions
    assert question.id.startswith("1.1.")
    assert "did set {'dispense'" in question.text
    assert question.choices == ("happened", "did_not")
    told = [progress for progress in campaign.shown if progress.kind == "question"]
    assert [(progress.trial, question.text in progress.text) for progress in told] == [(1, True)]
    assert "autolab resolve" in campaign.events("stopped")[-1].body["detail"]
    assert campaign.events("intent")[-1].trial == 3
    assert all(campaign.bench.is_safe().values())


@pytest.mark.parametrize("choice", ["happened", "did_not"])
def test_a_person_resolves_and_the_trial_is_redone(choice: str, dosing: MakeDosing) -> None:
    campaign = interrupted(dosing)
    (question,) = campaign.history.questions
    ask(campaign, "resolve", question=question.id, choice=choice, then="redo", why="I looked")
    assert campaign.go(3).reason == "budget_trials"
    assert [trial.state for trial in campaign.history.trials] == ["completed"] * 3
    assert [attempt.ending for attempt in campaign.history.trial(1).attempts] == ["machine_failed", "completed"]
    (settled,) = campaign.events("settled")
    assert settled.body["verdict"] == {"happened": "happened", "did_not": "not"}[choice]
    assert (settled.body["by"], settled.body["why"]) == ("ada", "I looked")
    assert campaign.history.questions == ()
    assert all(campaign.bench.is_safe().values())


@pytest.mark.parametrize("choice", ["happened", "did_not"])
def test_a_person_resolves_and_the_trial_is_given_up(choice: str, spy: Spy, dosing: MakeDosing) -> None:
    campaign = interrupted(dosing, planner=spy)
    (question,) = campaign.history.questions
    ask(campaign, "resolve", question=question.id, choice=choice, then="discard", why="spilled")
    assert campaign.go(4).completed == 3
    assert [trial.state for trial in campaign.history.trials] == ["abandoned", "completed", "completed", "completed"]
    assert campaign.history.trial(1).reason == "spilled"
    assert spy.shown[-1] == ([2, 3], [], 0)
    assert len(campaign.history.trial(1).attempts) == 1


def test_a_question_is_answered_while_the_campaign_waits(dosing: MakeDosing) -> None:
    campaign = dosing()
    campaign.during(DOSE, lambda: campaign.bench.instrument("dosing").power_cycle(), nth=3, after=5.0)

    def answer() -> None:
        (question,) = campaign.history.questions
        ask(campaign, "resolve", question=question.id, choice="did_not")

    campaign.on("question", answer)
    assert campaign.go(1, wait=True).completed == 1


@pytest.mark.parametrize(
    ("body", "says"),
    [
        ({"question": "9.9.9", "choice": "happened"}, "no open question '9.9.9'; open: 1.1."),
        ({"choice": "perhaps"}, "choice must be 'happened' or 'did_not', got 'perhaps'"),
        ({"choice": "happened", "then": "forget"}, "then must be 'redo' or 'discard', got 'forget'"),
    ],
)
def test_an_answer_that_makes_no_sense_changes_nothing(body: dict[str, Any], says: str, dosing: MakeDosing) -> None:
    campaign = interrupted(dosing)
    (question,) = campaign.history.questions
    ask(campaign, "resolve", **({"question": question.id} | body))
    assert campaign.go(3).reason == "waiting"
    (ok, text) = answers(campaign)[-1]
    assert not ok
    assert text.startswith(says)
    assert campaign.history.questions == (question,)


# ---- invalidating


def test_an_invalidated_trial_is_left_out_from_then_on(spy: Spy, simple: Callable[..., Campaign]) -> None:
    campaign = simple(planner=spy)
    campaign.run(3)
    ask(campaign, "invalidate", trial=2, why="wrong bottle")
    ask(campaign, "invalidate", trial=9)
    campaign.run(4)
    assert [usable for usable, _, _ in spy.shown] == [[], [1], [1, 2], [1, 3]]
    assert campaign.history.trial(2).invalidated
    assert [ok for ok, _ in answers(campaign)] == [True, False]
    assert "there is no trial 9" in answers(campaign)[1][1]


def test_only_a_completed_trial_can_be_invalidated(simple: Callable[..., Campaign]) -> None:
    campaign = simple(review=Review("ask"))
    campaign.run(1, wait=False)
    ask(campaign, "invalidate", trial=1)
    campaign.run(1, wait=False)
    assert answers(campaign) == [(False, "trial 1 is 'in_review': only a completed trial can be invalidated")]
