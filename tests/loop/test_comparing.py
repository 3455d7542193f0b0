"""What people find better, said to a campaign: checked, journaled, shown to the planner, and replayed exactly."""

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from autolab.campaign import Campaign
from autolab.journal.events import Request
from autolab.journal.reading import JournalReader
from autolab.journal.replay import replay
from autolab.journal.requests import request
from autolab.loop.comparing import compared, heard
from autolab.model.errors import InputError
from autolab.model.objectives import Objective
from autolab.model.parameters import Real
from autolab.model.problem import Problem
from autolab.model.space import Space
from autolab.model.suggestion import Suggestion
from autolab.model.trial import Trial
from autolab.planners.preference import Preference
from autolab.planners.sobol import Sobol

PROBLEM = Problem(Space([Real("x", 0, 1), Real("y", 0, 1)]), [Objective("seen")])
TRIALS = [
    Trial.completed({"x": 0.1, "y": 0.1}, {"seen": 1.0}, number=1),
    Trial.completed({"x": 0.2, "y": 0.1}, {"seen": 1.0}, number=2).invalidate("spilled"),
    Trial(3, {"x": 0.3, "y": 0.1}, "failed", source="import", reason="clog"),
    Trial.completed({"x": 0.4, "y": 0.1}, {"seen": 1.0}, number=4),
]


def campaign_of(path: Path, planner: Any) -> Campaign:
    return Campaign(PROBLEM, planner=planner, evaluate=lambda _: {"seen": 1.0}, journal=path, seed=3)


def say(campaign: Campaign, better: int, worse: int) -> None:
    request(campaign.journal_path, "prefer", {"better": better, "worse": worse, "why": "no streaks"}, by="ada")


def facts(campaign: Campaign, kind: str) -> list[tuple[int | None, dict[str, Any]]]:
    with JournalReader.open(campaign.journal_path) as reader:
        return [(event.trial, dict(event.body)) for event in reader.events(kinds=[kind])]


def asked(number: int, better: object, worse: object) -> Request:
    return Request(number, "prefer", {"better": better, "worse": worse}, "ada", 0.0)  # type: ignore[dict-item]  # what is tested


@pytest.mark.parametrize(
    ("better", "worse", "message"),
    [
        (9, 1, "there is no trial 9; completed: 1, 4"),
        (1, 9, "there is no trial 9; completed: 1, 4"),
        (1, 1, "trial 1 cannot be compared with itself; completed: 1, 4"),
        (2, 1, "trial 2 is invalidated: only completed trials can be compared; completed: 1, 4"),
        (1, 3, "trial 3 is failed: only completed trials can be compared; completed: 1, 4"),
        (None, 1, "there is no trial None"),
        ("1", 4, "there is no trial 1; completed"),
    ],
)
def test_what_cannot_be_compared(better: object, worse: object, message: str) -> None:
    with pytest.raises(InputError, match=message):
        compared(TRIALS, better, worse)


def test_what_waits_is_heard_and_nonsense_is_not() -> None:
    waiting = [asked(1, 4, 1), asked(2, 9, 1), asked(3, 1, 4), Request(4, "stop", {}, "ada", 0.0)]
    assert [trial.better_than for trial in heard(TRIALS, waiting[:2])] == [(), (), (), (1,)]
    assert [trial.better_than for trial in heard(TRIALS, waiting)] == [(4,), (), (), ()]
    assert heard(TRIALS, []) == TRIALS


def test_words_reach_the_planner_and_every_decision_is_made_again(tmp_path: Path) -> None:
    planner = Preference(initial=3)
    campaign = campaign_of(tmp_path / "c.sqlite", planner)
    campaign.run(4, progress=False)
    for better, worse in ((1, 2), (3, 2), (3, 4), (2, 4), (9, 1), (2, 2)):
        say(campaign, better, worse)
    campaign.run(5, progress=False)
    say(campaign, 2, 3)  # the contrary of what was said
    campaign.run(6, progress=False)
    answers = [body["answer"] for _, body in facts(campaign, "request_answered")]
    assert [one["ok"] for one in answers] == [True] * 4 + [False] * 2 + [True]
    assert answers[0]["text"] == "trial 1 is better than trial 2; planners that learn from comparisons are told"
    assert answers[4]["text"] == "there is no trial 9; completed: 1, 2, 3, 4"
    assert facts(campaign, "preferred")[0] == (1, {"worse": 2, "by": "ada", "why": "no streaks"})
    trials = campaign.history.trials
    assert [trial.better_than for trial in trials] == [(2,), (3, 4), (4,), (), (), ()]
    assert [trial.info["rule"] for trial in trials] == ["design"] * 4 + ["preference"] * 2
    with JournalReader.open(campaign.journal_path) as reader:
        checks = replay(reader, PROBLEM, planner)
    assert [check.status for check in checks] == ["equal"] * 6
    assert campaign.explain(5).because.endswith("by 4 comparisons among 4 trials")


class Interrupted(Sobol):
    """A planner that thinks until somebody's word is in the journal; its points depend on the words that it was shown."""

    campaign: Campaign

    def suggest(self, problem: Any, history: Any, *, n: int, pending: Any = (), seed: int) -> list[Suggestion]:
        words = sum(len(trial.better_than) for trial in history)
        if len(history) == 2 and not facts(self.campaign, "preferred"):
            say(self.campaign, 2, 1)
            until = time.monotonic() + 30
            while not facts(self.campaign, "preferred"):
                assert time.monotonic() < until
        return super().suggest(problem, history, n=n, pending=pending, seed=seed + words)


def test_a_word_that_comes_while_the_planner_thinks_was_not_shown_to_it(tmp_path: Path) -> None:
    planner = Interrupted()
    campaign = Interrupted.campaign = campaign_of(tmp_path / "c.sqlite", planner)
    campaign.run(4, progress=False)
    assert len(facts(campaign, "preferred")) == 1
    with JournalReader.open(campaign.journal_path) as reader:
        kinds = [event.kind for event in reader.events() if event.kind in ("decided", "preferred")]
        checks = replay(reader, PROBLEM, planner)
    assert kinds == ["decided", "decided", "preferred", "decided", "decided"]
    assert [check.status for check in checks] == ["equal"] * 4


def test_what_reads_a_journal_reads_words_too(tmp_path: Path) -> None:
    campaign = campaign_of(tmp_path / "c.sqlite", Preference())
    campaign.run(3, progress=False)
    say(campaign, 3, 1)
    campaign.run(4, progress=False)
    assert list(campaign.trials["trial"]) == [1, 2, 3, 4]
    files = campaign.export(tmp_path / "t.csv", events=tmp_path / "e.jsonl")
    assert '"preferred"' in files[1].read_text(encoding="utf-8")
    assert "no streaks" in campaign.report(tmp_path / "r.html").read_text(encoding="utf-8")
    assert campaign._repr_html_()


def test_a_campaign_that_supersedes_another_goes_on_with_its_words(tmp_path: Path) -> None:
    make: Callable[[Any], Campaign] = lambda planner: campaign_of(tmp_path / "c.sqlite", planner)  # noqa: E731  short
    campaign = make(Preference(initial=3))
    campaign.run(4, progress=False)
    for better, worse in ((1, 2), (3, 2), (3, 4)):
        say(campaign, better, worse)
    campaign.run(5, progress=False)
    campaign = make(Preference(initial=2))
    campaign.run(1, progress=False, on_change="supersede")
    (trial,) = campaign.history.trials
    assert trial.info["rule"] == "preference"
    assert trial.info["comparisons"] == 3
