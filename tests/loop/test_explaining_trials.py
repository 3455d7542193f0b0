"""A campaign tells why a trial was chosen, by what the planner was shown then."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from autolab.campaign import Campaign
from autolab.journal.reading import JournalReader
from autolab.journal.situation import situation
from autolab.model.errors import InputError, JournalRefused
from autolab.model.objectives import Objective
from autolab.model.parameters import Real
from autolab.model.problem import Problem
from autolab.model.space import Space
from autolab.model.suggestion import Suggestion
from autolab.model.trial import Point, Trial
from autolab.planners.bayes import Bayes
from autolab.planners.sobol import Sobol

PROBLEM = Problem(Space([Real("x", 0, 1)]), [Objective("y")])


def parabola(point: Mapping[str, Any]) -> dict[str, float]:
    return {"y": -((float(point["x"]) - 0.3) ** 2)}


class Failing:
    """Fails whenever it is asked."""

    def suggest(
        self, problem: Problem, history: Sequence[Trial], *, n: int, pending: Sequence[Point] = (), seed: int
    ) -> list[Suggestion]:
        raise ArithmeticError("out of ideas")


def campaign(tmp_path: Path, planner: Any, *, batch: int = 1, trials: int = 6) -> Campaign:
    made = Campaign(PROBLEM, planner=planner, evaluate=parabola, journal=tmp_path / "y.sqlite", seed=7, batch=batch)
    made.run(trials, progress=False)
    return made


@pytest.mark.slow
def test_each_trial_of_a_batch_is_explained_as_it_was_suggested(tmp_path: Path) -> None:
    made = campaign(tmp_path, Bayes(), batch=2)
    for number in (1, 2, 5, 6):
        told, trial = made.explain(number, folds=0), made.history.trial(number)
        assert told.rule == trial.info["rule"] == ("design" if number < 5 else "improvement")
        assert told.point == trial.point
        if told.gain is not None:
            assert told.gain == pytest.approx(trial.info["gain"], rel=1e-6)
    assert made.explain(made.history.trial(6), folds=0) == made.explain(6, folds=0)


def test_the_history_is_that_of_the_decision(tmp_path: Path) -> None:
    made = campaign(tmp_path, Sobol(), batch=2)
    with JournalReader.open(made.journal_path) as reader:
        fourth = situation(reader, 4)
    assert [trial.number for trial in fourth.history] == [1, 2]
    assert fourth.pending == (made.history.trial(3).point,)
    assert (fourth.rule, fourth.fallback) == ("sobol", None)


def test_a_planner_that_tells_nothing_is_explained_by_rule_and_neighbours(tmp_path: Path) -> None:
    told = campaign(tmp_path, Sobol()).explain(5)
    assert (told.rule, told.because, told.prediction) == ("sobol", "as Sobol chose it", None)
    assert len(told.nearest) == 3


def test_a_planner_that_failed_is_told(tmp_path: Path) -> None:
    told = campaign(tmp_path, Failing()).explain(3)
    assert (told.rule, told.because) == (
        "sobol",
        "the planner failed and another stood in: ArithmeticError: out of ideas",
    )


def test_a_trial_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="the campaign has no trial 9: it has trials 1 to 6"):
        campaign(tmp_path, Sobol()).explain(9)


def test_a_campaign_that_has_not_begun(tmp_path: Path) -> None:
    with pytest.raises(JournalRefused):
        Campaign(PROBLEM, planner=Sobol(), evaluate=parabola, journal=tmp_path / "y.sqlite").explain(1)
