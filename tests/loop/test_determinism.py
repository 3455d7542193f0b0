"""Two runs with one seed tell the same: all journal fields but uids and wall times."""

import threading
from collections.abc import Callable, Mapping
from typing import Any

import pytest

from autolab.journal.reading import JournalReader
from autolab.planners.bayes import Bayes
from autolab.planners.sobol import Sobol

MakeDosing = Callable[..., Any]
OWN = ("uid", "run_start", "descriptor", "time", "timestamps", "timestamp", "pid")
"""Keys that hold uids, wall times, or the process."""


def without(value: Any) -> Any:
    """Return JSON without what may differ between two runs, at every depth."""
    if isinstance(value, Mapping):
        return {key: without(entry) for key, entry in value.items() if key not in OWN}
    return [without(entry) for entry in value] if isinstance(value, list) else value


def told(campaign: Any) -> tuple[list[Any], list[Any]]:
    """Return the facts and the documents of a journal, but for uids and wall times."""
    with JournalReader.open(campaign.journal_path) as reader:
        facts = [
            (e.seq, e.campaign, e.epoch, e.kind, e.trial, e.attempt, e.action, e.lab_time, without(e.body))
            for e in reader.events()
        ]
        documents = [(d.campaign, d.trial, d.attempt, d.name, without(d.document)) for d in reader.documents()]
    return facts, documents


def tick(campaign: Any) -> list[float]:
    """Let a timer fire every lab second while the campaign runs; return the list of when it did."""
    ticks: list[float] = []

    def ticking() -> None:
        loop = campaign.executor.clock.loop

        def once() -> None:
            ticks.append(loop.time())
            loop.call_later(1.0, once)

        loop.call_soon_threadsafe(once)

    campaign.when_ready.append(ticking)
    return ticks


@pytest.mark.parametrize(
    "make_planner",
    [pytest.param(Sobol, id="sobol"), pytest.param(lambda: Bayes(initial=2), id="bayes", marks=pytest.mark.slow)],
)
def test_two_runs_with_one_seed_tell_the_same(make_planner: Callable[[], Any], dosing: MakeDosing) -> None:
    one, other = (dosing(name, planner=make_planner()) for name in ("one.sqlite", "other.sqlite"))
    assert one.go(4).completed == other.go(4).completed == 4
    assert told(one) == told(other)
    assert one.bench.ledger.entries[-1].end == other.bench.ledger.entries[-1].end


@pytest.mark.slow
@pytest.mark.parametrize("attributes", [{}, {"planner": Sobol()}], ids=["listed", "sobol"])
def test_two_formulations_with_one_seed_tell_the_same(attributes: dict[str, Any], formulating: MakeDosing) -> None:
    one, other = (formulating(name, **attributes) for name in ("one.sqlite", "other.sqlite"))
    assert one.go(2).completed == other.go(2).completed == 2
    assert told(one) == told(other)
    assert one.bench.ledger.entries[-1].end == other.bench.ledger.entries[-1].end


@pytest.mark.slow
def test_a_ticker_changes_nothing_on_the_electrolyte_bench(formulating: MakeDosing) -> None:
    plain, ticked = formulating("plain.sqlite"), formulating("ticked.sqlite")
    ticks = tick(ticked)
    plain.go(1)
    ticked.go(1)
    assert told(plain) == told(ticked)
    assert len(ticks) == pytest.approx(plain.history.last_lab_time, abs=60)


def test_formulations_with_another_seed_measure_otherwise(formulating: MakeDosing) -> None:
    one, other = formulating("one.sqlite"), formulating("other.sqlite", seed=8)
    one.go(1)
    other.go(1)
    (a,), (b,) = one.history.trials, other.history.trials
    assert dict(a.point) == dict(b.point)
    assert a.outcome["conductivity"].value != b.outcome["conductivity"].value
    assert a.outcome["cost"].value == b.outcome["cost"].value  # by the point's fractions alone


def test_a_ticker_and_a_slow_planner_change_nothing(dosing: MakeDosing, monkeypatch: pytest.MonkeyPatch) -> None:
    plain, ticked = dosing("plain.sqlite"), dosing("ticked.sqlite")
    ticks = tick(ticked)
    plain.go(3)
    suggest = Sobol.suggest

    def slow(*args: Any, **keywords: Any) -> Any:
        threading.Event().wait(0.3)
        return suggest(*args, **keywords)

    monkeypatch.setattr(Sobol, "suggest", slow)
    ticked.go(3)
    assert told(plain) == told(ticked)
    assert len(ticks) == pytest.approx(plain.history.last_lab_time, abs=60)


def test_another_seed_tells_otherwise(dosing: MakeDosing) -> None:
    one, other = dosing("one.sqlite"), dosing("other.sqlite", seed=8)
    one.go(2)
    other.go(2)
    assert one.history.trials[0].point != other.history.trials[0].point


def test_noise_depends_on_the_seed_alone(dosing: MakeDosing) -> None:
    """The same points, another seed: other outcomes."""

    class Fixed(Sobol):
        def suggest(self, problem: Any, history: Any, *, n: int, pending: Any = (), seed: int) -> Any:
            return super().suggest(problem, history, n=n, pending=pending, seed=1)

    outcomes = []
    for name, seed in (("a.sqlite", 1), ("b.sqlite", 1), ("c.sqlite", 2)):
        campaign = dosing(name, seed=seed, planner=Fixed())
        campaign.go(1)
        (trial,) = campaign.history.trials
        outcomes.append((dict(trial.point), trial.outcome["error"].value))
    assert outcomes[0] == outcomes[1]
    assert outcomes[0][0] == outcomes[2][0]
    assert outcomes[0][1] != outcomes[2][1]


def test_a_campaign_in_parts_measures_what_one_in_one_piece_does(dosing: MakeDosing) -> None:
    whole, parts = dosing("whole.sqlite"), dosing("parts.sqlite")
    whole.go(3)
    for trials in (1, 2, 3):
        parts.go(trials)
    assert [(dict(t.point), t.outcome) for t in whole.history.trials] == [
        (dict(t.point), t.outcome) for t in parts.history.trials
    ]
    times = [[event.lab_time for event in one.events("observed")] for one in (whole, parts)]
    assert times[0] == pytest.approx(times[1], abs=1e-4)


def test_formulations_in_parts_measure_what_they_do_in_one_piece(formulating: MakeDosing) -> None:
    whole, parts = formulating("whole.sqlite"), formulating("parts.sqlite")
    whole.go(2)
    for trials in (1, 2):
        parts.go(trials)
    assert [(dict(t.point), t.outcome) for t in whole.history.trials] == [
        (dict(t.point), t.outcome) for t in parts.history.trials
    ]
    times = [[event.lab_time for event in one.events("observed")] for one in (whole, parts)]
    assert times[0] == pytest.approx(times[1], abs=1e-4)
