from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest

from autolab.model.objectives import Objective, OutcomeConstraint
from autolab.model.parameters import Real
from autolab.model.problem import Problem
from autolab.model.space import Space
from autolab.model.trial import Trial
from autolab.plots import progress
from autolab.plots.marks import kind_of
from autolab.plots.progress import best_so_far


def trace(figure: Any, name: str, panel: str = "y") -> Any:
    (found,) = [one for one in figure.data if one.name == name and one.yaxis in {panel, None}]
    return found


def texts(figure: Any) -> list[str]:
    return [one.text for one in figure.layout.annotations]


def on_a_line(
    values: Sequence[float], goal: Any = "maximize", target: float | None = None
) -> tuple[Problem, list[Trial]]:
    problem = Problem(Space([Real("x", 0, 1)]), [Objective("y", goal, target=target)])
    return problem, [replace(Trial.completed({"x": 0.5}, {"y": y}), number=i) for i, y in enumerate(values, 1)]


def test_kinds(problem: Problem, trials: list[Trial]) -> None:
    assert [kind_of(problem, trial) for trial in trials] == ["good", "breaks", "failed", "good", "invalidated", "open"]


def test_each_trial_is_marked_by_its_kind(problem: Problem, trials: list[Trial]) -> None:
    figure = progress(problem, trials)
    good, breaks = trace(figure, "completed (bars: 95 %)"), trace(figure, "breaks an outcome constraint")

    assert (list(good.x), list(good.y)) == ([1, 4], [2.0, 3.0])
    assert list(good.error_y.array) == pytest.approx([1.96 * 0.1, 1.96 * 0.2])
    assert (list(breaks.x), list(breaks.y)) == ([2], [9.0])
    assert list(trace(figure, "failed or rejected").x) == [3]
    assert list(trace(figure, "invalidated").x) == [5]


def test_failed_trials_stand_below_all_values(problem: Problem, trials: list[Trial]) -> None:
    (height,) = trace(progress(problem, trials), "failed or rejected").y

    assert height < 2.0


def test_the_best_so_far_ignores_what_is_not_feasible(problem: Problem, trials: list[Trial]) -> None:
    x, y = best_so_far(problem, problem.objectives[0], trials)

    assert (x, y) == ([1, 2, 3, 4, 5, 6], [2.0, 2.0, 2.0, 3.0, 3.0, 3.0])


@pytest.mark.parametrize(
    ("goal", "target", "expected"),
    [
        ("maximize", None, [3.0, 3.0, 5.0, 5.0]),
        ("minimize", None, [3.0, 1.0, 1.0, 1.0]),
        ("match", 4.2, [3.0, 3.0, 5.0, 4.0]),
    ],
)
def test_the_best_so_far_follows_the_goal(goal: str, target: float | None, expected: list[float]) -> None:
    problem, trials = on_a_line([3.0, 1.0, 5.0, 4.0], goal, target)

    assert best_so_far(problem, problem.objectives[0], trials)[1] == expected
    assert list(trace(progress(problem, trials), "best so far").y)[:-1] == expected


def test_the_best_so_far_begins_with_the_first_feasible(problem: Problem, trials: list[Trial]) -> None:
    assert best_so_far(problem, problem.objectives[0], trials[1:3]) == ([], [])
    assert best_so_far(problem, problem.objectives[0], trials[1:4]) == ([4], [3.0])


def test_axes_tell_names_and_units(problem: Problem, trials: list[Trial]) -> None:
    layout = progress(problem, trials, units={"cost": "EUR"}).layout

    assert (layout.yaxis.title.text, layout.yaxis2.title.text) == ("y (mS/cm)", "cost (EUR)")
    assert layout.xaxis2.title.text == "trial"


def test_bounds_and_targets_have_lines(problem: Problem, trials: list[Trial]) -> None:
    figure = progress(problem, trials, target=[OutcomeConstraint("y", ">=", 2.5)])

    assert texts(figure) == ["target &gt;= 2.5", "keep &lt;= 0.5"]
    assert [one.y0 for one in figure.layout.shapes] == [2.5, 0.5]


def test_a_matched_value_has_its_line() -> None:
    assert texts(progress(*on_a_line([1.0], "match", 4.2))) == ["target 4.2"]


def test_what_was_known_before_has_a_line() -> None:
    problem, trials = on_a_line([1.0, 2.0])
    before = [Trial.completed({"x": 0.1}, {"y": 0.0}), Trial.failed({"x": 0.2}, "no")]

    assert texts(progress(problem, trials, before=before)) == ["best before 0"]
    assert texts(progress(problem, trials, before=before[1:])) == []


def test_two_objectives_have_their_pareto_set() -> None:
    problem = Problem(Space([Real("x", 0, 1)]), [Objective("up"), Objective("down", "minimize", unit="s")])
    values = [(1.0, 1.0), (3.0, 3.0), (2.0, 2.0), (1.5, 2.5)]
    trials = [
        replace(Trial.completed({"x": 0.5}, {"up": (u, 0.1), "down": d}), number=i)
        for i, (u, d) in enumerate(values, 1)
    ]
    figure = progress(problem, trials)
    front = trace(figure, "Pareto set", "y3")

    assert (list(front.x), list(front.y)) == ([1.0, 2.0, 3.0], [1.0, 2.0, 3.0])
    assert (figure.layout.xaxis3.title.text, figure.layout.yaxis3.title.text) == ("up", "down (s)")
    assert figure.layout.xaxis2.title.text == "trial"


def test_three_objectives_are_rows() -> None:
    problem = Problem(Space([Real("x", 0, 1)]), [Objective("p"), Objective("q"), Objective("r")])
    trial = replace(Trial.completed({"x": 0.5}, {"p": 1.0, "q": 2.0, "r": 3.0}), number=1)
    figure = progress(problem, [trial])

    assert [one.title.text for one in (figure.layout.yaxis, figure.layout.yaxis2, figure.layout.yaxis3)] == [
        "p",
        "q",
        "r",
    ]
    assert sum(one.showlegend is not False for one in figure.data) == 2  # each kind of mark once


def test_nothing_yet_is_an_empty_figure(problem: Problem) -> None:
    figure = progress(problem, [])

    assert len(figure.data) == 0
    assert figure.layout.yaxis.title.text == "y (mS/cm)"


def test_only_failures_are_shown(problem: Problem, trials: list[Trial]) -> None:
    figure = progress(problem, [trials[2]])

    assert [one.name for one in figure.data] == ["failed or rejected"] * 2


def test_reasons_are_no_markup(problem: Problem, trials: list[Trial]) -> None:
    (told,) = trace(progress(problem, trials), "failed or rejected").text

    assert "it &lt;b&gt;clogged&lt;/b&gt;" in told
    assert "<b>trial 3</b> failed" in told


def test_a_pointer_reads_the_point_in_the_order_of_the_space(problem: Problem, trials: list[Trial]) -> None:
    shuffled = replace(trials[0], point=dict(reversed(list(trials[0].point.items()))))
    (told,) = trace(progress(problem, [shuffled]), "completed (bars: 95 %)").text

    assert told.split("<br>") == [
        "<b>trial 1</b> completed",
        "a = 0.2 ",
        "b = 0.3 ",
        "c = 0.5 ",
        "t = 30 °C",
        "<b>y 2.00 ± 0.20 mS/cm</b>",
        "<b>cost 0.2</b>",
    ]
