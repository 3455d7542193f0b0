from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from autolab.journal.imported import imported_body, trial_from_json, trial_to_json
from autolab.journal.journal import Journal
from autolab.model.trial import Trial

GOOD = [
    Trial.completed({"rate": 1.0, "solvent": "water"}, {"error": (2.0, 0.1), "seconds": 60.0}),
    Trial.completed({"rate": 1.0}, {"error": 2.0}, fidelity="virtual"),
    Trial.failed({"rate": 1.0}, "overflowed"),
]


@pytest.mark.parametrize("trial", GOOD)
def test_a_trial_comes_back_as_it_was(trial: Trial) -> None:
    assert trial_from_json(trial_to_json(trial)) == trial


def test_trials_of_another_campaign_become_imported_ones() -> None:
    trial = Trial(7, {"rate": 1.0}, "proposed").to("approved").to("running").to("completed", outcome={"error": 1.0})
    back = trial_from_json(trial_to_json(trial))
    assert (back.number, back.source, back.outcome) == (0, "import", trial.outcome)


def test_imported_trials_are_history(journal: Journal, begin: Callable[..., Any]) -> None:
    begin(journal)
    journal.append("imported", imported_body(GOOD))
    assert journal.history.usable_history() == tuple(GOOD)
    assert journal.history.trials == ()


@pytest.mark.parametrize(
    ("trial", "state"),
    [(Trial(1, {}), "proposed"), (Trial.completed({}, {"y": 1.0}).invalidate("leak"), "invalidated")],
)
def test_nothing_is_learnt_from_others(trial: Trial, state: str) -> None:
    with pytest.raises(ValueError, match=f"a trial that is {state} cannot be imported"):
        imported_body([trial])
