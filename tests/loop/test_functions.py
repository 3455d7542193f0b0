"""Campaigns of a plain function instead of a lab."""

import os
import signal
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from autolab.campaign import Campaign
from autolab.loop.budget import Budget
from autolab.loop.progress import Progress
from autolab.model.errors import InputError, TrialFailed
from autolab.model.objectives import Objective, OutcomeConstraint
from autolab.model.parameters import Real
from autolab.model.problem import Problem
from autolab.model.space import Space
from autolab.model.trial import Measurement
from autolab.planners.sobol import Sobol

SPACE = Space([Real("x", 0, 1)])
ONE = Problem(SPACE, [Objective("y", "minimize")])
TWO = Problem(SPACE, [Objective("y", "minimize"), Objective("z", "maximize")])
CONSTRAINED = Problem(SPACE, [Objective("y", "minimize")], [OutcomeConstraint("cost", "<=", 1.0)])
Make = Callable[..., Campaign]


@pytest.fixture
def make(tmp_path: Path) -> Make:
    def campaign(evaluate: Callable[[dict[str, Any]], Any], problem: Problem = ONE, **how: Any) -> Campaign:
        how = {"planner": Sobol(), "journal": tmp_path / "function.sqlite", **how}
        return Campaign(problem, evaluate=evaluate, **how)

    return campaign


def reasons(campaign: Campaign) -> list[str]:
    return [trial.reason for trial in campaign.history.trials]


def test_a_function_is_called_with_a_point_of_its_own(make: Make) -> None:
    seen: list[dict[str, Any]] = []

    def evaluate(point: dict[str, Any]) -> float:
        seen.append(dict(point))
        point["x"] = "spoiled"
        return 1.0

    campaign = make(evaluate)
    assert campaign.run(3).completed == 3
    assert [dict(trial.point) for trial in campaign.history.trials] == seen


@pytest.mark.parametrize(
    ("returned", "value", "error"),
    [
        (0.5, 0.5, None),
        (2, 2.0, None),
        (np.float32(0.5), 0.5, None),
        (np.float64(0.25), 0.25, None),
        ({"y": 0.5}, 0.5, None),
        ({"y": (0.5, 0.1)}, 0.5, 0.1),
        ((0.5, 0.1), 0.5, 0.1),
        ([0.5, None], 0.5, None),
        (Measurement(0.5, 0.2), 0.5, 0.2),
        ({"y": np.float64(0.5), "note": 3.0}, 0.5, None),
    ],
    ids=repr,
)
def test_what_a_function_may_return(returned: Any, value: float, error: float | None, make: Make) -> None:
    campaign = make(lambda _point: returned)
    assert campaign.run(1).completed == 1
    measured = campaign.history.trial(1).outcome["y"]
    assert (measured.value, measured.standard_error) == (value, error)


@pytest.mark.parametrize(
    ("returned", "reason"),
    [
        (float("nan"), "y is nan: not a measured value"),
        (np.float32("inf"), "y is inf: not a measured value"),
        ({"y": (float("nan"), 0.1)}, "y is nan: not a measured value"),
        ({"z": 1.0}, "the function's outcome lacks y; it has z"),
        ({}, "the function's outcome lacks y; it has nothing"),
        (None, "TypeError: outcome 'y' must be a number or (number, standard error), got None"),
        ("0.5 g", "outcome 'y': could not convert string to float: '0.5 g'"),
        ((0.5, -1.0), "outcome 'y': a standard error must be finite and not negative, got -1.0"),
        ((1.0, 2.0, 3.0), "outcome 'y' must be a number or (number, standard error), got (1.0, 2.0, 3.0)"),
    ],
    ids=repr,
)
def test_what_is_no_outcome_is_a_failed_trial(returned: Any, reason: str, make: Make) -> None:
    campaign = make(lambda _point: returned)
    result = campaign.run(1)
    assert (result.completed, result.failed) == (0, 1)
    assert reason in reasons(campaign)[0]


def test_with_several_names_a_number_is_no_outcome(make: Make) -> None:
    campaign = make(lambda _point: 1.0, TWO)
    campaign.run(1)
    assert reasons(campaign) == ["the function returned 1.0; expected a mapping with y, z"]


def test_constraints_must_be_measured_too(make: Make) -> None:
    campaign = make(lambda _point: {"y": 1.0}, CONSTRAINED)
    campaign.run(1)
    assert reasons(campaign) == ["the function's outcome lacks cost; it has y"]


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (ValueError("negative volume"), "ValueError: negative volume"),
        (TrialFailed("it foamed"), "it foamed"),
        (ZeroDivisionError(), "ZeroDivisionError: "),
    ],
    ids=repr,
)
def test_an_exception_is_a_failed_trial(error: Exception, reason: str, make: Make) -> None:
    def evaluate(_point: Any) -> float:
        if not done:
            done.append(1)
            raise error
        return 1.0

    done: list[int] = []
    campaign = make(evaluate)
    result = campaign.run(2)
    assert (result.completed, result.failed) == (1, 1)
    assert reasons(campaign) == [reason, ""]


def test_it_goes_on_where_the_journal_ends(make: Make) -> None:
    calls: list[float] = []

    def evaluate(point: dict[str, Any]) -> float:
        calls.append(point["x"])
        return float((point["x"] - 0.3) ** 2)

    whole = make(evaluate, journal=None)
    whole.run(5)
    expected, calls[:] = list(calls), []
    for trials in (2, 2, 5):
        make(evaluate).run(trials)
    assert calls == expected


def test_an_edited_function_is_refused(make: Make) -> None:
    from autolab.model.errors import CampaignChanged

    make(lambda _point: 1.0).run(1)
    with pytest.raises(CampaignChanged, match="protocol source"):
        make(lambda _point: 1.0 + 1.0).run(2)


def test_a_function_without_source_can_be_used(make: Make) -> None:
    campaign = make(len, journal=None)
    assert campaign.run(2).completed == 2  # len(point) is the number of parameters


def test_a_journal_of_no_name_lives_as_long_as_the_campaign(make: Make) -> None:
    campaign = make(lambda point: point["x"], journal=None)
    campaign.run(1)
    assert campaign.run(3).completed == 3
    path = campaign.journal_path
    assert path.exists()
    assert path != make(lambda point: point["x"], journal=None).journal_path


def test_the_first_signal_lets_the_function_finish(make: Make) -> None:
    def evaluate(_point: Any) -> float:
        calls.append(1)
        os.kill(os.getpid(), signal.SIGINT)
        return 1.0

    calls: list[int] = []
    campaign = make(evaluate)
    result = campaign.run(3)
    assert (result.reason, result.completed, len(calls)) == ("interrupted", 1, 1)


def test_the_second_signal_breaks_into_the_function(make: Make) -> None:
    def evaluate(point: dict[str, Any]) -> float:
        calls.append(point["x"])
        if len(calls) == 1:
            for _ in range(2):
                os.kill(os.getpid(), signal.SIGINT)
            threading.Event().wait(60)
        return 1.0

    calls: list[float] = []
    campaign = make(evaluate)
    assert campaign.run(2).reason == "interrupted"
    (trial,) = campaign.history.trials
    assert [attempt.ending for attempt in trial.attempts] == ["interrupted"]
    assert make(evaluate).run(2).completed == 2
    assert calls[0] == calls[1]


def test_the_second_signal_breaks_into_the_planner_and_decides_nothing(make: Make) -> None:
    class Slow(Sobol):
        def suggest(self, problem: Any, history: Any, *, n: int, pending: Any = (), seed: int) -> Any:
            if len(history) == 1 and not broken:
                broken.append(1)
                for _ in range(2):
                    os.kill(os.getpid(), signal.SIGTERM)
                threading.Event().wait(60)
            return super().suggest(problem, history, n=n, pending=pending, seed=seed)

    broken: list[int] = []
    campaign = make(lambda _point: 1.0, planner=Slow())
    result = campaign.run(3)
    assert (result.reason, result.completed) == ("interrupted", 1)
    assert len(campaign.history.decisions) == 1
    assert campaign.run(3).completed == 3
    assert [decision.fallback for decision in campaign.history.decisions] == [None] * 3


def test_an_exception_that_ends_python_leaves_an_attempt_that_is_done_again(make: Make) -> None:
    def evaluate(_point: Any) -> float:
        calls.append(1)
        if len(calls) == 1:
            raise SystemExit
        return 1.0

    calls: list[int] = []
    with pytest.raises(SystemExit):
        make(evaluate).run(1)
    campaign = make(evaluate)
    assert campaign.run(1).completed == 1
    assert [attempt.ending for attempt in campaign.history.trial(1).attempts] == ["lost", "completed"]


def test_trials_and_best(make: Make) -> None:
    campaign = make(lambda point: {"y": ((point["x"] - 0.3) ** 2, 0.01)} if point["x"] < 0.8 else float("nan"))
    assert campaign.best is None
    assert list(campaign.trials.columns) == ["trial", "state", "x"]
    campaign.run(8)
    table = campaign.trials
    assert list(table["trial"]) == list(range(1, 9))
    assert set(table.columns) >= {"x", "y", "y_se", "state", "attempts", "invalidated", "reason"}
    done = table[table["state"] == "completed"]
    assert done["y"].to_numpy() == pytest.approx(((done["x"] - 0.3) ** 2).to_numpy())
    assert set(done["y_se"]) == {0.01}
    failed = table[table["state"] == "failed"]
    assert len(failed) > 0
    assert failed["y"].isna().all()
    best: Any = campaign.best
    assert best.number == done.sort_values("y").iloc[0]["trial"]


def test_best_of_two_objectives_is_the_pareto_set(make: Make) -> None:
    campaign = make(lambda point: {"y": point["x"], "z": point["x"] * (1 - point["x"])}, TWO)
    campaign.run(8)
    best: Any = campaign.best
    assert isinstance(best, list)
    assert max(trial.point["x"] for trial in best) <= 0.55  # beyond 0.5 both get worse
    assert min(trial.point["x"] for trial in best) == min(trial.point["x"] for trial in campaign.history.trials)


def test_best_must_be_feasible(make: Make) -> None:
    campaign = make(lambda point: {"y": point["x"], "cost": 2 - 2 * point["x"]}, CONSTRAINED)
    campaign.run(8)
    best: Any = campaign.best
    assert best.point["x"] == min(x for trial in campaign.history.trials if (x := float(trial.point["x"])) >= 0.5)


def test_progress_tells_in_order(make: Make) -> None:
    told: list[Progress] = []
    make(lambda point: point["x"]).run(2, progress=told.append)
    assert [one.kind for one in told] == ["deciding", "attempt", "trial"] * 2 + ["stopped"]
    assert [(one.done, one.of) for one in told if one.kind == "trial"] == [(1, 2), (2, 2)]
    assert told[-1].best["y"] == pytest.approx(
        min(float(one.text[4:]) for one in told if one.kind == "trial"), rel=1e-3
    )


def test_the_budget_of_hours_ends_a_function_too(make: Make) -> None:
    assert make(lambda _point: 1.0, budget=Budget(hours=1e-9)).run().reason == "budget_hours"


@pytest.mark.parametrize(
    "how",
    [{}, {"evaluate": len, "lab": object(), "protocol": object()}, {"lab": object()}, {"protocol": object()}],
    ids=["nothing", "both", "no protocol", "no lab"],
)
def test_a_campaign_needs_one_way_to_perform_a_trial(how: dict[str, Any]) -> None:
    with pytest.raises(InputError, match="either evaluate=f, or both protocol= and lab="):
        Campaign(ONE, **how)


@pytest.mark.parametrize("time", ["fast", "x0", "x-2", "xx"])
def test_a_time_that_is_none(time: str, make: Make) -> None:
    with pytest.raises(InputError, match="time must be 'virtual', 'real' or a factor such as 'x60'"):
        make(lambda _point: 1.0, time=time)
