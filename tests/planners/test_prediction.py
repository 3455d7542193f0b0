import numpy as np
import pytest

from autolab.model.candidates import Candidates
from autolab.model.errors import OutsideSpace, PlannerError
from autolab.model.objectives import Objective, OutcomeConstraint
from autolab.model.parameters import Real
from autolab.model.problem import Problem
from autolab.model.space import Space
from autolab.model.trial import Trial
from autolab.planners.bayes import Bayes
from autolab.planners.prediction import Prediction

LINE = Problem(Space([Real("x", 0, 1)]), [Objective("y", unit="g")], [OutcomeConstraint("cost", "<=", 1)])


def history(n: int, error: float | None = 0.01) -> list[Trial]:
    return [Trial.completed({"x": x}, {"y": (3 * x, error), "cost": x}) for x in np.linspace(0, 1, n).tolist()]


def test_an_interval_is_95_percent() -> None:
    assert Prediction({"x": 0.5}, {"y": 1.0}, {"y": 0.5}).interval("y") == pytest.approx((0.02, 1.98))


@pytest.mark.parametrize("trials", [[], history(1), history(2)])
def test_too_few_trials(trials: list[Trial]) -> None:
    with pytest.raises(
        PlannerError, match=f"no model is trusted before 3 trials.*{len(trials)} completed and 0 failed"
    ):
        Bayes().predict(LINE, trials, [{"x": 0.5}])


def test_failures_count_but_two_must_be_completed() -> None:
    failed = [Trial.failed({"x": x}, "no") for x in (0.1, 0.2, 0.3, 0.4)]

    with pytest.raises(PlannerError, match="2 of them completed; there are 1 completed and 4 failed"):
        Bayes().predict(LINE, [*history(1), *failed], [{"x": 0.5}])


def test_trust_can_come_sooner() -> None:
    with pytest.raises(PlannerError, match="before 3 trials"):
        Bayes(initial=3).predict(LINE, history(2), [{"x": 0.5}])


@pytest.mark.slow  # it fits models
def test_a_line_is_learned() -> None:
    told = Bayes().predict(LINE, history(8), [{"x": 0.25}, {"x": 0.75}])

    assert [one.mean["y"] for one in told] == pytest.approx([0.75, 2.25], abs=0.05)
    assert [one.mean["cost"] for one in told] == pytest.approx([0.25, 0.75], abs=0.05)
    assert all(one.interval("y")[0] < 3 * float(one.point["x"]) < one.interval("y")[1] for one in told)
    assert all(one.success is None for one in told)


@pytest.mark.slow
def test_it_is_the_model_that_suggests() -> None:
    trials = [*history(6), Trial.failed({"x": 0.95}, "it clogged")]
    (suggestion,) = Bayes().suggest(LINE, trials, n=1, seed=3)
    (told,) = Bayes().predict(LINE, trials, [suggestion.point])

    assert told.success == suggestion.info["success"]
    for name, known in suggestion.info["predicted"].items():
        assert (told.mean[name], *told.interval(name)) == (known["mean"], known["low"], known["high"])


@pytest.mark.slow
def test_it_is_deterministic_and_leaves_random_numbers_alone() -> None:
    import torch

    torch.manual_seed(5)
    first = Bayes().predict(LINE, history(6), [{"x": 0.3}])
    drawn = torch.rand(1)
    torch.manual_seed(5)

    assert torch.rand(1) == drawn
    assert Bayes().predict(LINE, history(6), [{"x": 0.3}]) == first


@pytest.mark.slow
def test_failures_teach_where_not_to_go() -> None:
    trials = history(6) + [Trial.failed({"x": x}, "no") for x in (0.9, 0.93, 0.96, 0.99)]
    near, far = Bayes().predict(LINE, trials, [{"x": 0.95}, {"x": 0.1}])

    assert near.success is not None
    assert far.success is not None
    assert near.success < 0.5 < far.success


@pytest.mark.slow
def test_one_fit_answers_many_questions() -> None:
    predict = Bayes().predictor(LINE, history(6))

    assert predict([]) == []
    assert predict([{"x": 0.3}]) == Bayes().predict(LINE, history(6), [{"x": 0.3}])
    assert [one.point["x"] for one in predict([{"x": 0.9}, {"x": 0.1}])] == [0.9, 0.1]
    with pytest.raises(OutsideSpace, match="x is missing"):
        predict([{}])


@pytest.mark.slow
def test_candidates() -> None:
    problem = Problem(Candidates({"x": [0.0, 0.25, 0.5, 0.75, 1.0]}), [Objective("y")])
    trials = [Trial.completed({"x": x}, {"y": (2 * x, 0.01)}) for x in (0.0, 0.25, 0.75, 1.0)]
    (told,) = Bayes().predict(problem, trials, [{"x": 0.5}])

    assert told.mean["y"] == pytest.approx(1.0, abs=0.1)


def test_a_fit_that_fails_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(*_: object) -> None:
        raise ArithmeticError("not positive definite")

    monkeypatch.setattr("autolab.planners.prediction.fitted", fails)
    with pytest.raises(
        PlannerError, match="no model fits the 6 completed trials: ArithmeticError: not positive definite"
    ):
        Bayes().predict(LINE, history(6), [{"x": 0.5}])
