"""Resume is the same campaign: what is pinned, what may change, and what is refused."""

import dataclasses
import sqlite3
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from autolab.campaign import Campaign
from autolab.journal.reading import JournalReader
from autolab.loop.budget import Budget, Review
from autolab.loop.pinning import settings_of
from autolab.model.errors import CampaignChanged, JournalLocked, JournalNotWritable, JournalRefused, JournalTooNew
from autolab.model.objectives import Objective
from autolab.model.parameters import Real
from autolab.model.problem import Problem
from autolab.model.space import Space
from autolab.planners.bayes import Bayes
from autolab.planners.sobol import Sobol
from autolab.protocols.gravimetric import Gravimetric

MakeDosing = Callable[..., Any]
WIDER = Problem(
    Space([Real("rate", 0.5, 9.0), Real("suck_back", 0, 60), Real("dwell", 0, 20)]), [Objective("error", "minimize")]
)


def quiet_lab(campaign: Any) -> Any:
    return dataclasses.replace(campaign.lab, virtual=dataclasses.replace(campaign.lab.virtual, noise=0.5))


CHANGES: dict[str, Callable[[Any], dict[str, Any]]] = {
    "problem": lambda _: {"problem": WIDER},
    "planner": lambda _: {"planner": Bayes(initial=3)},
    "protocol": lambda _: {"protocol": Gravimetric(repeats=3, rest_s=5.0)},
    "lab": lambda campaign: {"lab": quiet_lab(campaign)},
    "seed": lambda _: {"seed": 8},
    "batch": lambda _: {"batch": 2},
}


@pytest.fixture
def done(dosing: MakeDosing) -> Any:
    """Return a campaign that has performed two trials."""
    campaign = dosing()
    campaign.go(2)
    return campaign


@pytest.mark.parametrize("part", CHANGES)
def test_a_changed_campaign_is_refused_with_what_changed_and_what_to_do(
    part: str, done: Any, dosing: MakeDosing
) -> None:
    facts = len(done.events())
    changed = dosing(**CHANGES[part](done))
    with pytest.raises(CampaignChanged, match=rf"the {part} of this campaign changed .*--supersede.*--accept-change"):
        changed.go(3)
    assert len(done.events()) == facts


@pytest.mark.parametrize("part", ["planner", "protocol", "lab"])
def test_an_accepted_change_is_journaled_and_pinned(part: str, done: Any, dosing: MakeDosing) -> None:
    changes = CHANGES[part](done)
    assert dosing(**changes).go(3, on_change="accept", by="ada").completed == 3
    (accepted,) = done.events("change_accepted")
    assert accepted.body["by"] == "ada"
    assert part in accepted.body["changes"]
    assert dosing(**changes).go(4).completed == 4
    assert len(done.events("change_accepted")) == 1
    with pytest.raises(CampaignChanged, match=part):
        dosing().go(4)


def test_a_campaign_that_supersedes_inherits_the_history_as_prior(done: Any, dosing: MakeDosing) -> None:
    shown: list[list[tuple[int, str]]] = []

    class Looking(Sobol):
        def suggest(self, problem: Any, history: Any, *, n: int, pending: Any = (), seed: int) -> Any:
            shown.append([(trial.number, trial.source) for trial in history])
            return super().suggest(problem, history, n=n, pending=pending, seed=seed)

    campaign = dosing(planner=Looking())
    result = campaign.go(2, on_change="supersede")
    assert (result.completed, result.reason) == (2, "budget_trials")
    assert shown == [[(1, "prior"), (2, "prior")], [(1, "prior"), (2, "prior"), (1, "campaign")]]
    first, second = done.events("opened")
    assert (first.body["supersedes"], second.body["supersedes"]) == (None, 1)
    points = {tuple(trial.point.values()) for trial in (*campaign.history.trials, *campaign.history.inherited)}
    assert len(points) == 4


def test_budget_and_review_may_change_and_are_amended(done: Any, dosing: MakeDosing) -> None:
    dosing(budget=Budget(trials=3, hours=9.0), review=Review("after", 5.0)).go()
    (amended,) = done.events("amended")
    assert amended.body["budget"]["old"]["trials"] == 2
    assert amended.body["budget"]["new"] == {
        "trials": 3,
        "hours": 9.0,
        "failure_streak": 3,
        "consumables": {},
        "target": [],
        "gain": None,
        "regret": None,
    }
    assert amended.body["review"] == {
        "old": {"mode": "auto", "seconds": 0.0},
        "new": {"mode": "after", "seconds": 5.0},
    }
    dosing(budget=Budget(trials=3, hours=9.0), review=Review("after", 5.0)).go()
    assert len(done.events("amended")) == 1


def test_addresses_are_not_pinned(done: Any, dosing: MakeDosing) -> None:
    moved = dataclasses.replace(done.lab.instruments["balance"], address="serial:///dev/ttyUSB7")
    campaign = dosing(lab=dataclasses.replace(done.lab, instruments={**done.lab.instruments, "balance": moved}))
    assert campaign.go(3).completed == 3


def test_another_version_of_a_package_is_amended_not_refused(
    done: Any, dosing: MakeDosing, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("autolab.loop.provenance._version", lambda name: "99" if name == "torch" else None)
    assert dosing().go(3).completed == 3
    (amended,) = done.events("amended")
    assert amended.body["versions.torch"]["new"] == "99"


def test_an_edited_protocol_module_is_a_change(done: Any, dosing: MakeDosing, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("autolab.loop.provenance.module_digest", lambda _name: "another source")
    with pytest.raises(CampaignChanged, match="protocol source"):
        dosing().go(3)


def test_virtual_and_physical_results_are_never_mixed(tmp_path: Path, done: Any) -> None:
    problem = Problem(Space([Real("x", 0, 1)]), [Objective("y")])
    function = Campaign(problem, evaluate=lambda point: point["x"], journal=done.journal_path, planner=Sobol())
    with pytest.raises(CampaignChanged, match="holds a virtual campaign and this run is physical"):
        function.run(1)


def test_what_is_pinned_survives_a_restart_of_python(done: Any, dosing: MakeDosing) -> None:
    again = dosing()
    assert again._declared().digests == done._declared().digests


def test_settings_of_each_kind_of_thing() -> None:
    class Plain:
        def __init__(self) -> None:
            self.depth, self._cache = 3, "left out"

    assert settings_of(Bayes(initial=4)) == {"use": "autolab.planners.bayes:Bayes", "with": {"initial": 4}}
    assert settings_of(Plain())["with"] == {"depth": "3"}
    assert settings_of(Gravimetric(repeats=2))["with"]["repeats"] == 2  # type: ignore[index,call-overload]  # JSON


# ---- the journal itself


def test_two_runs_on_one_journal(dosing: MakeDosing) -> None:
    first, refused = dosing(), list[BaseException]()

    def second() -> None:
        try:
            dosing().go(1)
        except JournalLocked as error:
            refused.append(error)

    def in_another_thread() -> None:
        thread = threading.Thread(target=second)
        thread.start()
        thread.join(30)

    first.on("attempt", in_another_thread)
    assert first.go(1).completed == 1
    assert "is running already" in str(refused[0])
    assert len(first.events("owned")) == 1


def test_a_journal_of_a_newer_version(done: Any, dosing: MakeDosing) -> None:
    with sqlite3.connect(done.journal_path) as connection:
        connection.execute("PRAGMA user_version = 99")
    connection.close()
    with pytest.raises(JournalTooNew, match="newer"):
        dosing().go(3)


def test_a_folder_that_does_not_exist(dosing: MakeDosing) -> None:
    with pytest.raises(JournalRefused, match=r"the folder .*missing does not exist; make it first"):
        dosing("missing/journal.sqlite").go(1)


def test_the_journal_is_free_again_after_a_run(done: Any) -> None:
    with JournalReader.open(done.journal_path) as reader:
        assert reader.last_seq > 0
    assert done.go(3).completed == 3


@pytest.mark.parametrize("number", [5, 8, 9, 12, 20, 31, 45, 46])
def test_a_disk_that_fills_up_ends_the_run_safe_and_the_next_one_goes_on(
    number: int, dosing: MakeDosing, on_commit: Callable[[Callable[[int], None]], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    campaign = dosing()

    def full(commit: int) -> None:
        if commit >= number:
            msg = "no space left on the device"
            raise JournalNotWritable(msg)

    on_commit(full)
    with pytest.raises(JournalNotWritable, match="no space left"):
        campaign.go(2)
    monkeypatch.undo()
    assert all(campaign.bench.is_safe().values())
    assert len(campaign.events()) > 0
    again = dosing()
    assert again.go(2).completed == 2
    assert all(again.bench.is_safe().values())
    assert again.history.open_actions == ()
    whole = dosing("whole.sqlite")
    whole.go(2)
    assert [(dict(t.point), t.outcome) for t in again.history.trials] == [
        (dict(t.point), t.outcome) for t in whole.history.trials
    ]


@pytest.mark.parametrize("number", [9, 12, 20, 31])
def test_a_disk_that_hiccups_ends_the_run_all_the_same(
    number: int, dosing: MakeDosing, on_commit: Callable[[Callable[[int], None]], None]
) -> None:
    campaign = dosing()

    def hiccup(commit: int) -> None:
        if commit == number and not hiccups:
            hiccups.append(commit)
            msg = "disk failing"
            raise JournalNotWritable(msg)

    hiccups: list[int] = []
    on_commit(hiccup)
    with pytest.raises(JournalNotWritable, match="disk failing"):
        campaign.go(1)
    assert campaign.events("stopped")[-1].body["reason"] == "error"
    assert campaign.events("attempt_ended") == []
    assert all(campaign.bench.is_safe().values())
    assert campaign.go(1).completed == 1


def test_a_watcher_that_raises_harms_nothing(dosing: MakeDosing) -> None:
    def show(_progress: Any) -> None:
        msg = "no terminal"
        raise RuntimeError(msg)

    campaign = dosing()
    assert campaign.go(1, progress=show).completed == 1
    assert campaign.broken_promises() == []
