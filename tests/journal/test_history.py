from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from autolab.journal.events import Entry, Event, EventKind
from autolab.journal.history import Fold, OpenAction, Stop, fold
from autolab.journal.imported import imported_body
from autolab.journal.journal import Journal
from autolab.journal.reading import JournalReader
from autolab.model.actions import Intent
from autolab.model.errors import JournalContradiction
from autolab.model.trial import Trial

Step = Callable[..., Any]


def test_nothing_is_known_before_the_first_fact() -> None:
    history = fold([])
    assert (history.campaign, history.trials, history.pending, history.usable_history()) == (0, (), (), ())
    assert history.clean
    assert history.last_snapshot is None


def test_a_trial_all_the_way(journal: Journal, begin: Step, decide: Step, start: Step, end: Step) -> None:
    begin(journal)
    states = []
    (number,) = decide(journal, {"rate": 2.0})
    journal.after_commit = lambda _: states.append(journal.history.trial(1).state)
    start(journal, number)
    end(journal, number, 1, value=0.5)
    trial = journal.history.trial(1)
    assert states == ["approved", "running", "completed"]
    assert (trial.point, trial.info, trial.fidelity, trial.source) == (
        {"rate": 2.0},
        {"rule": "test"},
        "virtual",
        "campaign",
    )
    assert trial.outcome["error"].value == 0.5
    assert [(each.number, each.ending, each.started, each.ended) for each in trial.attempts] == [
        (1, "completed", 4.0, 5.0)
    ]


def test_a_physical_campaign_gives_physical_trials(journal: Journal, begin: Step, perform: Step) -> None:
    begin(journal, fidelity="physical")
    perform(journal)
    assert journal.history.fidelity == "physical"
    assert journal.history.trials[0].fidelity == "physical"


def test_a_review_by_a_person(journal: Journal, begin: Step, decide: Step) -> None:
    begin(journal)
    decide(journal, {"rate": 1.0}, {"rate": 2.0})
    for trial in (1, 2):
        journal.append("reviewed", {"verdict": "in_review", "by": "autolab"}, trial=trial)
    journal.append("reviewed", {"verdict": "approved", "by": "ada"}, trial=1)
    journal.append("reviewed", {"verdict": "rejected", "by": "ada", "why": "too fast"}, trial=2)
    first, second = journal.history.trials
    assert (first.state, second.state, second.reason) == ("approved", "rejected", "too fast")
    assert journal.history.pending == ({"rate": 1.0},)


def test_rejected_and_abandoned(journal: Journal, begin: Step, decide: Step, start: Step, end: Step) -> None:
    begin(journal)
    decide(journal, {"rate": 1.0}, {"rate": 2.0})
    journal.append("rejected", {"reason": "above the limit"}, trial=1)
    start(journal, 2)
    end(journal, 2, 1, "machine_failed")
    journal.append("abandoned", {"reason": "given up"}, trial=2)
    assert [(trial.state, trial.reason) for trial in journal.history.trials] == [
        ("rejected", "above the limit"),
        ("abandoned", "given up"),
    ]


def test_a_lost_attempt_leads_to_another(journal: Journal, begin: Step, decide: Step, start: Step, end: Step) -> None:
    begin(journal)
    (trial,) = decide(journal, {"rate": 1.0})
    start(journal, trial)
    end(journal, trial, 1, "lost")
    assert not journal.history.clean
    assert start(journal, trial) == 2
    end(journal, trial, 2)
    assert [each.ending for each in journal.history.trial(trial).attempts] == ["lost", "completed"]
    assert journal.history.clean


def test_a_failed_trial_keeps_its_reason(journal: Journal, begin: Step, perform: Step) -> None:
    begin(journal)
    trial = perform(journal, ending="trial_failed")
    history = journal.history
    assert (history.trial(trial).state, history.trial(trial).reason) == ("failed", "overflowed")
    assert not history.clean
    assert history.usable_history() == history.trials


@pytest.mark.parametrize(
    ("endings", "streak"),
    [
        ([], 0),
        (["trial_failed"], 1),
        (["trial_failed", "machine_failed"], 2),
        (["machine_failed", "lost", "interrupted"], 1),
        (["trial_failed", "machine_failed", "completed"], 0),
        (["completed", "lost", "trial_failed", "lost", "trial_failed"], 2),
    ],
)
def test_the_failure_streak(journal: Journal, begin: Step, perform: Step, endings: list[str], streak: int) -> None:
    begin(journal)
    for ending in endings:
        perform(journal, ending=ending)
    assert journal.history.failure_streak == streak


def test_pending_points_in_the_order_of_their_decisions(
    journal: Journal, begin: Step, decide: Step, start: Step, end: Step
) -> None:
    begin(journal)
    decide(journal, {"rate": 1.0}, {"rate": 2.0}, {"rate": 3.0})
    start(journal, 2)
    assert [point["rate"] for point in journal.history.pending] == [1.0, 2.0, 3.0]
    end(journal, 2, 1)
    assert [point["rate"] for point in journal.history.pending] == [1.0, 3.0]
    assert [trial.number for trial in journal.history.usable_history()] == [2]


# actions


@pytest.fixture
def acting(journal: Journal, begin: Step, decide: Step, start: Step) -> Journal:
    """A journal with one attempt under way."""
    begin(journal)
    start(journal, *decide(journal, {"rate": 1.0}))
    return journal


def outcome(journal: Journal, action: int, status: str, **result: object) -> None:
    body = {"status": status, "result": result, "error": None if status == "done" else "no reply"}
    journal.append("outcome", body, trial=1, attempt=1, action=action)


def settle(journal: Journal, action: int, verdict: str, **result: object) -> None:
    body = {"verdict": verdict, "amount": None, "result": result, "by": "reconcile", "why": "the counter"}
    journal.append("settled", body, trial=1, attempt=1, action=action)


def test_an_intent_is_open_until_its_outcome(acting: Journal, intend: Step) -> None:
    intend(acting, 1, 1, 1)
    intent = Intent("pump", "set", 1.0, "once", {"seen": 2.0})
    assert list(acting.history.open_actions) == [OpenAction(1, 1, 1, intent)]
    outcome(acting, 1, "done")
    assert not acting.history.open_actions


@pytest.mark.parametrize("status", ["done", "refused"])
def test_a_known_outcome_closes_an_action(acting: Journal, intend: Step, status: str) -> None:
    intend(acting, 1, 1, 1)
    outcome(acting, 1, status)
    assert acting.history.open_actions == ()


def test_an_action_in_doubt_stays_open_until_settled(acting: Journal, intend: Step) -> None:
    intend(acting, 1, 1, 1)
    intend(acting, 1, 1, 2, "valve")
    outcome(acting, 1, "in_doubt")
    settle(acting, 1, "unknown")
    assert [(trial, attempt, action) for trial, attempt, action, _ in acting.history.open_actions] == [
        (1, 1, 1),
        (1, 1, 2),
    ]
    settle(acting, 1, "happened")
    assert [open_action.intent.instrument for open_action in acting.history.open_actions] == ["valve"]


@pytest.mark.parametrize("verdict", ["happened", "not", "partial"])
def test_an_action_without_any_outcome_can_be_settled_after_its_attempt(
    acting: Journal, intend: Step, end: Step, verdict: str
) -> None:
    intend(acting, 1, 1, 1)
    end(acting, 1, 1, "lost")
    settle(acting, 1, verdict)
    assert acting.history.open_actions == ()


def test_states_of_instruments_come_from_results(acting: Journal, intend: Step) -> None:
    intend(acting, 1, 1, 1)
    intend(acting, 1, 1, 2, "plate.heater")
    intend(acting, 1, 1, 3)
    outcome(acting, 1, "done", state={"contents": 9.0})
    outcome(acting, 2, "done", temperature=30.0)
    assert acting.history.states == {"pump": {"contents": 9.0}}
    outcome(acting, 3, "in_doubt")
    settle(acting, 3, "partial", state={"contents": 8.4})
    assert acting.history.states == {"pump": {"contents": 8.4}}


def test_states_outlive_a_campaign(acting: Journal, intend: Step, begin: Step) -> None:
    intend(acting, 1, 1, 1)
    outcome(acting, 1, "done", state={"contents": 9.0})
    acting.append("interlock", {"name": "hot", "state": "tripped"})
    begin(acting, supersedes=1)
    assert acting.history.states == {"pump": {"contents": 9.0}}
    assert acting.history.interlocks == {"hot": "tripped"}
    assert not acting.history.clean


# questions


def ask(journal: Journal, name: str, trial: int | None = 1) -> None:
    question = {"id": name, "text": f"did {name} happen?", "choices": ["happened", "did_not"]}
    journal.append("held", {"question": question}, trial=trial, attempt=1, action=1)


def reply(journal: Journal, name: str) -> None:
    journal.append("answered", {"question": name, "choice": "happened", "by": "ada", "why": "seen"})


def test_a_held_trial_runs_again_when_all_is_answered(acting: Journal) -> None:
    ask(acting, "1.1.1")
    ask(acting, "1.1.2")
    assert acting.history.trial(1).state == "held"
    assert [(each.id, each.choices, each.trial) for each in acting.history.questions] == [
        ("1.1.1", ("happened", "did_not"), 1),
        ("1.1.2", ("happened", "did_not"), 1),
    ]
    assert acting.history.pending == ({"rate": 1.0},)
    reply(acting, "1.1.1")
    assert acting.history.trial(1).state == "held"
    reply(acting, "1.1.2")
    assert acting.history.trial(1).state == "running"
    assert acting.history.questions == ()


def test_a_held_trial_may_be_given_up(acting: Journal, end: Step) -> None:
    ask(acting, "1.1.1")
    end(acting, 1, 1, "machine_failed")
    acting.append_all(
        [
            Entry("answered", {"question": "1.1.1", "choice": "happened"}),
            Entry("abandoned", {"reason": "discard"}, trial=1),
        ]
    )
    assert acting.history.trial(1).state == "abandoned"


def test_a_question_about_no_trial(acting: Journal) -> None:
    ask(acting, "interlock", None)
    assert acting.history.trial(1).state == "running"
    reply(acting, "interlock")
    assert acting.history.questions == ()


# runs, snapshots, interlocks


def test_a_stop_is_known_until_the_next_owner_writes(acting: Journal) -> None:
    acting.append("stopped", {"reason": "budget_trials", "detail": "30 trials"})
    history = acting.history
    assert history.stopped == Stop("budget_trials", "30 trials")
    later = Event(history.last_seq + 1, 1, history.epoch + 1, "owned", None, None, None, 9.0, 9.0, {"pid": 1})
    assert fold([*acting.events(), later]).stopped is None


def test_the_last_snapshot_is_of_an_attempts_start_or_end(
    journal: Journal, begin: Step, decide: Step, start: Step
) -> None:
    begin(journal)
    decide(journal, {"rate": 1.0}, {"rate": 2.0})
    start(journal, 1, snapshot={"world": 1})
    assert journal.history.last_snapshot == {"world": 1}
    journal.append("attempt_ended", {"ending": "completed", "snapshot": {"world": 2}}, trial=1, attempt=1)
    start(journal, 2, snapshot=None)
    assert journal.history.last_snapshot == {"world": 2}
    journal.append("attempt_ended", {"ending": "lost", "reason": "killed"}, trial=2, attempt=1)
    assert journal.history.last_snapshot == {"world": 2}


@pytest.mark.parametrize(("lab", "kept"), [("sha256:1", True), ("sha256:2", False)])
def test_a_snapshot_fits_the_same_lab_only(
    journal: Journal, begin: Step, decide: Step, start: Step, lab: str, kept: bool
) -> None:
    begin(journal)
    start(journal, *decide(journal, {"rate": 1.0}), snapshot={"world": 1})
    begin(journal, supersedes=1, digests={"lab": lab})
    assert (journal.history.last_snapshot is not None) is kept


def test_interlocks_say_their_last_state(acting: Journal) -> None:
    acting.append("interlock", {"name": "hot", "state": "tripped"})
    acting.append("interlock", {"name": "full", "state": "tripped"})
    acting.append("interlock", {"name": "hot", "state": "reset"})
    assert acting.history.interlocks == {"hot": "reset", "full": "tripped"}


def test_lab_time_is_the_latest_of_the_campaign(acting: Journal, begin: Step) -> None:
    last = acting.history.last_lab_time
    event = next(iter(acting.events()))
    early = replace(event, seq=acting.last_seq + 1, kind="amended", lab_time=0.0, body={})
    assert fold([*acting.events(), early]).last_lab_time == last
    reopened = replace(event, seq=acting.last_seq + 1, campaign=2, lab_time=0.5)
    assert fold([*acting.events(), reopened]).last_lab_time == 0.5


def test_accepted_changes_are_pinned(acting: Journal) -> None:
    acting.append("change_accepted", {"changes": {"lab": {"old": "sha256:1", "new": "sha256:9"}}, "by": "ada"})
    assert acting.history.digests == {"lab": "sha256:9"}
    assert acting.history.opened["digests"] == {"lab": "sha256:1"}


# several campaigns


def test_a_campaign_inherits_what_it_supersedes(journal: Journal, begin: Step, perform: Step, decide: Step) -> None:
    begin(journal)
    journal.append("imported", imported_body([Trial.completed({"rate": 9.0}, {"error": 9.0})]))
    perform(journal, 1.0)
    decide(journal, {"rate": 50.0})
    begin(journal, supersedes=1)
    perform(journal, 2.0)
    begin(journal, supersedes=2)
    perform(journal, 3.0)
    history = journal.history
    assert [trial.number for trial in history.trials] == [1]
    assert [(trial.source, trial.point["rate"]) for trial in history.usable_history()] == [
        ("prior", 9.0),
        ("prior", 1.0),
        ("prior", 2.0),
        ("campaign", 3.0),
    ]
    assert history.pending == ()
    assert len(history.decisions) == 1


def test_a_campaign_that_supersedes_none_inherits_nothing(journal: Journal, begin: Step, perform: Step) -> None:
    begin(journal)
    perform(journal)
    begin(journal)
    assert journal.history.usable_history() == ()


def test_an_inherited_trial_can_be_invalidated(journal: Journal, begin: Step, perform: Step) -> None:
    begin(journal)
    perform(journal)
    begin(journal, supersedes=1)
    perform(journal)
    journal.append("invalidated", {"by": "ada", "why": "leak", "campaign": 1}, trial=1)
    prior, own = journal.history.usable_history()
    assert (prior.invalidated, prior.reason, prior.usable) == (True, "leak", False)
    assert own.usable


def test_an_invalidated_trial_stays_in_the_history(journal: Journal, begin: Step, perform: Step) -> None:
    begin(journal)
    perform(journal)
    journal.append("invalidated", {"by": "ada", "why": "leak"}, trial=1)
    (trial,) = journal.history.usable_history()
    assert (trial.state, trial.invalidated, trial.reason) == ("completed", True, "leak")


def preferred(journal: Journal, better: int, worse: int) -> None:
    journal.append("preferred", {"worse": worse, "by": "ada", "why": "no streaks"}, trial=better)


def test_what_people_find_better_is_known_and_the_last_word_counts(
    journal: Journal, begin: Step, perform: Step
) -> None:
    begin(journal)
    for value in (1.0, 2.0, 3.0):
        perform(journal, value)
    for better, worse in ((3, 1), (3, 2), (1, 2)):
        preferred(journal, better, worse)
    assert [trial.better_than for trial in journal.history.usable_history()] == [(2,), (), (1, 2)]
    preferred(journal, 2, 3)
    assert [trial.better_than for trial in journal.history.usable_history()] == [(2,), (3,), (1,)]
    with JournalReader.open(journal.path) as reader:
        assert fold(reader.events()) == journal.history
        told = [(one.trial, dict(one.body)) for one in reader.events(kinds=["preferred"])][-1]
    assert told == (2, {"worse": 3, "by": "ada", "why": "no streaks"})


def test_what_people_said_is_inherited(journal: Journal, begin: Step, perform: Step) -> None:
    begin(journal)
    perform(journal)
    perform(journal, 2.0)
    preferred(journal, 1, 2)
    begin(journal, supersedes=1)
    perform(journal, 3.0)
    assert [(one.source, one.number, one.better_than) for one in journal.history.usable_history()] == [
        ("prior", 1, (2,)),
        ("prior", 2, ()),
        ("campaign", 1, ()),
    ]
    with pytest.raises(JournalContradiction, match="there is no trial 2 in campaign 2"):
        preferred(journal, 1, 2)


# contradictions


def event(
    kind: EventKind, body: Mapping[str, Any], *numbers: int
) -> tuple[EventKind, Mapping[str, Any], tuple[int, ...]]:
    return kind, body, numbers


CONTRADICTIONS = [
    (event("observed", {"outcome": {"y": 1.0}}, 2), "there is no trial 2 in campaign 1"),
    (event("observed", {}, 1), "its body lacks 'outcome'"),
    (event("observed", {"outcome": {"y": None}}, 1), "outcome 'y' must be a number"),
    (event("trial_failed", {"reason": "x"}, 2), "there is no trial 2"),
    (event("reviewed", {"verdict": "approved"}, 1), "cannot go from 'running' to 'approved'"),
    (event("rejected", {"reason": "x"}, 1), "cannot go from 'running' to 'rejected'"),
    (event("invalidated", {"why": "x"}, 1), "only a completed trial can be invalidated"),
    (event("invalidated", {"why": "x", "campaign": 7}, 1), "there is no campaign 7"),
    (event("preferred", {"worse": 2}, 1), "there is no trial 2 in campaign 1"),
    (event("preferred", {"worse": 1}, 1), "trial 1 is running: only completed trials can be compared"),
    (event("preferred", {}, 1), "its body lacks 'worse'"),
    (event("attempt_started", {}, 1, 2), "attempt 1 of trial 1 has not ended"),
    (event("attempt_ended", {"ending": "lost"}, 1, 2), "attempt 2 of trial 1 is not under way"),
    (
        event("intent", {"instrument": "p", "verb": "set", "action_class": "once"}, 1, 2, 1),
        "attempt 2 of trial 1 is not under",
    ),
    (event("outcome", {"status": "done"}, 1, 1, 7), "action 7 of attempt 1 of trial 1 has no intent"),
    (event("settled", {"verdict": "happened"}, 1, 1, 7), "has no intent, or its outcome is known"),
    (event("answered", {"question": "none"}), "question 'none' is not open; open: none"),
    (event("opened", {"supersedes": 5}), "there is no campaign 5"),
    (event("imported", {"trials": [{"point": {}}]}), "its body lacks 'reason'"),
]


@pytest.mark.parametrize(("fact", "match"), CONTRADICTIONS)
def test_what_the_facts_before_exclude(
    acting: Journal, fact: tuple[EventKind, Mapping[str, Any], tuple[int, ...]], match: str
) -> None:
    kind, body, numbers = fact
    before = list(acting.events())
    with pytest.raises(JournalContradiction, match=rf"event {len(before) + 1} \('{kind}'.*{match}"):
        acting.append_all([Entry(kind, body, *numbers)])
    assert list(acting.events()) == before
    assert acting.history == fold(before)


def test_attempts_are_numbered_without_gaps(acting: Journal, end: Step) -> None:
    end(acting, 1, 1, "lost")
    with pytest.raises(JournalContradiction, match="attempt 3 is recorded where 2 is next"):
        acting.append("attempt_started", {}, trial=1, attempt=3)


def test_a_question_is_asked_once(acting: Journal) -> None:
    ask(acting, "1.1.1")
    with pytest.raises(JournalContradiction, match=r"question '1\.1\.1' is open already"):
        ask(acting, "1.1.1")


def test_decisions_are_numbered_without_gaps(journal: Journal, begin: Step, decide: Step) -> None:
    begin(journal)
    with pytest.raises(JournalContradiction, match="decision 1 is recorded where 0 is next"):
        decide(journal, {"rate": 1.0}, decision=1)
    decide(journal, {"rate": 1.0})
    with pytest.raises(JournalContradiction, match="trial 1 has been decided already"):
        decide(journal, {"rate": 1.0}, trials=[1])


def test_nothing_is_decided_before_a_campaign_is_opened(journal: Journal, decide: Step) -> None:
    with pytest.raises(JournalContradiction, match="no campaign has been opened"):
        decide(journal, {"rate": 1.0})


def test_a_campaign_is_opened_once_and_not_over_doubts(acting: Journal, intend: Step) -> None:
    opened = replace(next(iter(acting.events())), seq=acting.last_seq + 1)
    with pytest.raises(JournalContradiction, match="campaign 1 has been opened already"):
        fold([*acting.events(), opened])
    intend(acting, 1, 1, 1)
    over = replace(opened, seq=acting.last_seq + 1, campaign=2)
    with pytest.raises(JournalContradiction, match=r"1 action\(s\) are in doubt, such as set on pump in trial 1"):
        fold([*acting.events(), over])


def test_events_are_folded_in_order(acting: Journal) -> None:
    events = list(acting.events())
    with pytest.raises(JournalContradiction, match="event 1 comes after event 2"):
        fold([replace(events[0], seq=2), events[0]])


def test_an_unknown_trial(acting: Journal) -> None:
    with pytest.raises(KeyError, match="there is no trial 9 in campaign 1; it has 1"):
        acting.history.trial(9)


# the fold itself


def test_a_fold_stops_where_asked(journal: Journal, begin: Step, perform: Step) -> None:
    begin(journal)
    perform(journal)
    seen = [fold(journal.events(), upto=seq) for seq in range(journal.last_seq + 1)]
    assert [history.last_seq for history in seen] == list(range(journal.last_seq + 1))
    assert seen[-1] == journal.history
    assert [len(history.usable_history()) for history in seen] == [0] * journal.last_seq + [1]


def test_a_history_does_not_change_afterwards(journal: Journal, begin: Step, perform: Step, intend: Step) -> None:
    begin(journal)
    perform(journal)
    before = journal.history
    trials, states, pending = before.trials, dict(before.states), before.pending
    perform(journal, ending="trial_failed")
    assert (before.trials, dict(before.states), before.pending, before.failure_streak) == (trials, states, pending, 0)
    with pytest.raises(TypeError, match="does not support item assignment"):
        before.digests["lab"] = "other"  # type: ignore[index]  # what is tested


ENDINGS = st.lists(st.sampled_from(["completed", "trial_failed", "machine_failed", "lost", "interrupted"]), max_size=8)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=25)
@given(ENDINGS)
def test_folding_bit_by_bit_is_folding_at_once(
    tmp_path_factory: pytest.TempPathFactory, begin: Step, perform: Step, endings: list[str]
) -> None:
    with Journal.open(tmp_path_factory.mktemp("fold") / "c.sqlite", durable=False) as journal:
        begin(journal)
        for ending in endings:
            perform(journal, ending=ending)
        events = list(journal.events())
        folded = Fold()
        for each in events:
            folded.apply(each)
            assert folded.history is folded.history
        assert folded.history == fold(events) == journal.history
        assert len(folded.history.trials) == len(endings)
        assert folded.history.failure_streak == streak_of(endings)


def streak_of(endings: list[str]) -> int:
    since = endings[len(endings) - endings[::-1].index("completed") :] if "completed" in endings else endings
    return sum(ending in ("trial_failed", "machine_failed") for ending in since)
