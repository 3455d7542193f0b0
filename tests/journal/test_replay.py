from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, cast

import numpy as np
import pytest

from autolab.journal.journal import Journal
from autolab.journal.reading import JournalReader
from autolab.journal.replay import replay
from autolab.journal.situation import situation
from autolab.model.errors import PlannerError
from autolab.model.trial import Point, Trial

Step = Callable[..., Any]
PROBLEM = cast("Any", object())


class Suggested(Mapping[str, float]):
    """A suggestion as planners make them: a read-only mapping."""

    def __init__(self, point: Mapping[str, float]) -> None:
        self._point = dict(point)
        self.info: dict[str, object] = {}

    def __getitem__(self, name: str) -> float:
        return self._point[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._point)

    def __len__(self) -> int:
        return len(self._point)


class Counting:
    """A planner whose points depend on all that it may depend on."""

    def __init__(self, offset: float = 0.0, change: Callable[[list[Any]], list[Any]] = list) -> None:
        self.offset, self.change = offset, change
        self.shown: list[int] = []

    def suggest(
        self, problem: object, history: Sequence[Trial], *, n: int, pending: Sequence[Point] = (), seed: int
    ) -> list[Any]:
        assert problem is PROBLEM
        self.shown.append(len(history))
        learnt = sum(trial.outcome["error"].value for trial in history if trial.usable)
        first = learnt + 0.125 * len(pending) + seed / 1024 + self.offset  # exact in binary
        return self.change([Suggested({"rate": np.float64(first + index)}) for index in range(n)])


@pytest.fixture
def planned(journal: Journal, begin: Step, decide: Step, start: Step, end: Step) -> Journal:
    """Three decisions by a counting planner, the second with a failure and a pending point before it."""
    begin(journal)
    for number, count in enumerate((2, 1, 1)):
        history = journal.history
        points = Counting().suggest(
            PROBLEM, history.usable_history(), n=count, pending=history.pending, seed=100 + number
        )
        trials = decide(journal, *(dict(point) for point in points))
        end(
            journal, trials[0], start(journal, trials[0]), "trial_failed" if number == 1 else "completed", number + 0.25
        )
    return journal


def test_every_decision_is_made_again(planned: Journal) -> None:
    planner = Counting()
    with JournalReader.open(planned.path) as reader:
        checks = replay(reader, PROBLEM, planner)
    assert [(check.decision, check.status, check.how) for check in checks] == [
        (number, "equal", "") for number in range(3)
    ]
    assert [check.trials for check in checks] == [(1, 2), (3,), (4,)]
    assert planner.shown == [0, 1, 2]
    assert [check.seq for check in checks] == [event.seq for event in planned.events(kinds=["decided"])]


def test_another_planner_is_told_apart(planned: Journal) -> None:
    checks = replay(planned, PROBLEM, Counting(0.5))
    assert {check.status for check in checks} == {"different"}
    assert checks[1].how == "trial 3: rate 0.4736328125 then, 0.9736328125 now (by 0.5)"


def test_the_smallest_difference_is_seen(planned: Journal) -> None:
    checks = replay(planned, PROBLEM, Counting(1e-15))
    assert checks[0].status == "different"
    assert "trial 1: rate 0.09765625 then" in checks[0].how


def test_a_changed_result_is_seen_in_later_decisions(planned: Journal) -> None:
    """An invalidation after a decision does not count against it; one before it does, for the planner saw it."""
    planned.append("invalidated", {"by": "ada", "why": "leak"}, trial=1)
    assert {check.status for check in replay(planned, PROBLEM, Counting())} == {"equal"}


@pytest.mark.parametrize("upto", [True, False])
def test_what_people_say_while_the_planner_thinks_is_not_shown_to_it(
    planned: Journal, decide: Step, *, upto: bool
) -> None:
    before = planned.history
    (point,) = Counting().suggest(
        PROBLEM, before.usable_history(), n=1, pending=before.pending, seed=100 + len(before.decisions)
    )
    planned.append("invalidated", {"by": "ada", "why": "leak"}, trial=1)  # the planner learned from it
    asked = {"history": len(before.usable_history()), "pending": [dict(one) for one in before.pending]}
    (number,) = decide(planned, dict(point), asked=asked | ({"upto": before.last_seq} if upto else {}))
    checks = replay(planned, PROBLEM, Counting())
    assert [check.status for check in checks] == ["equal"] * 3 + ["equal" if upto else "different"]
    assert situation(planned, number).history[0].usable == upto


def test_other_numbers_of_points(planned: Journal) -> None:
    checks = replay(planned, PROBLEM, Counting(change=lambda points: points[:1]))
    assert (checks[0].status, checks[0].how) == ("different", "2 points then, 1 now")
    assert checks[1].status == "equal"


def test_another_parameter_is_seen(planned: Journal) -> None:
    renaming = Counting(change=lambda points: [{"flow": point["rate"]} for point in points])
    checks = replay(planned, PROBLEM, renaming)
    assert checks[1].how == "trial 3: flow None then, 0.4736328125 now, rate 0.4736328125 then, None now"


def test_a_planner_that_fails_now(planned: Journal) -> None:
    def fail(_: object) -> list[Any]:
        raise PlannerError("no point left")

    checks = replay(planned, PROBLEM, Counting(change=fail))
    assert {(check.status, check.how) for check in checks} == {
        ("different", "the planner raises PlannerError: no point left")
    }


def test_a_fallback_is_not_asked_again(journal: Journal, begin: Step, decide: Step) -> None:
    begin(journal)
    decide(journal, {"rate": 1.0}, fallback="the fit failed")
    planner = Counting()
    (check,) = replay(journal, PROBLEM, planner)
    assert (check.status, check.how) == ("fallback", "the fit failed")
    assert planner.shown == []


def test_decisions_before_an_accepted_change_are_not_compared(planned: Journal, decide: Step) -> None:
    planned.append("change_accepted", {"changes": {"planner": {"old": "a", "new": "b"}}, "by": "ada"})
    history = planned.history
    (point,) = Counting(9.0).suggest(PROBLEM, history.usable_history(), n=1, pending=history.pending, seed=103)
    decide(planned, dict(point))
    checks = replay(planned, PROBLEM, Counting(9.0))
    assert [check.status for check in checks] == ["changed", "changed", "changed", "equal"]
    assert "changed later, by event" in checks[0].how


def test_a_change_of_the_lab_changes_no_decision(planned: Journal) -> None:
    planned.append("change_accepted", {"changes": {"lab": {"old": "a", "new": "b"}}, "by": "ada"})
    assert {check.status for check in replay(planned, PROBLEM, Counting())} == {"equal"}


@pytest.mark.parametrize(
    ("asked", "how"),
    [
        ({"history": 5, "pending": []}, "was shown 5 trials, and the journal before holds 0"),
        ({"history": 0, "pending": [{"rate": 1.0}]}, "told of 1 pending points that are not the 0 in the journal"),
    ],
)
def test_a_planner_that_was_shown_something_else(
    journal: Journal, begin: Step, decide: Step, asked: dict[str, object], how: str
) -> None:
    begin(journal)
    decide(journal, {"rate": 0.1}, asked=asked)
    (check,) = replay(journal, PROBLEM, Counting())
    assert check.status == "different"
    assert how in check.how


def test_only_the_last_campaign_is_replayed(planned: Journal, begin: Step, decide: Step) -> None:
    begin(planned, supersedes=1)
    history = planned.history
    (point,) = Counting().suggest(PROBLEM, history.usable_history(), n=1, seed=100)
    decide(planned, dict(point))
    (check,) = replay(planned, PROBLEM, Counting())
    assert (check.decision, check.status) == (0, "equal")


def test_an_empty_journal_has_no_decisions(journal: Journal) -> None:
    assert replay(journal, PROBLEM, Counting()) == []
