from dataclasses import replace
from typing import Any

import pytest

from autolab.model.candidates import Candidates
from autolab.model.objectives import Objective
from autolab.model.parameters import Categorical, Integer, Mixture, Ordinal, Real
from autolab.model.problem import Problem
from autolab.model.space import Space
from autolab.model.trial import Trial
from autolab.plots import parameters
from autolab.plots.dimensions import axis_settings, dimensions


def of_panel(figure: Any, i: int) -> list[Any]:
    name = "x" if i == 1 else f"x{i}"
    return [one for one in figure.data if one.xaxis == name and one.x[0] is not None]


def test_one_panel_each_parameter(problem: Problem, trials: list[Trial]) -> None:
    figure = parameters(problem, trials)
    axes = [figure.layout[f"xaxis{i}" if i > 1 else "xaxis"].title.text for i in range(1, 5)]

    assert axes == ["a", "b", "c", "t (°C)"]
    assert figure.layout.yaxis.title.text == "y (mS/cm)"


def test_marks_tell_feasible_infeasible_failed_and_best(problem: Problem, trials: list[Trial]) -> None:
    good, breaks, failed = of_panel(parameters(problem, trials), 4)

    assert (list(good.x), list(good.y), list(good.marker.symbol)) == ([30.0, 45.0], [2.0, 3.0], ["circle", "star"])
    assert (list(breaks.x), list(breaks.marker.symbol)) == ([30.0], ["circle-open"])
    assert (list(failed.x), failed.marker.symbol) == ([40.0], "x")
    assert failed.y[0] < 2.0


def test_colour_is_the_number_of_the_trial(problem: Problem, trials: list[Trial]) -> None:
    figure = parameters(problem, trials)

    assert list(of_panel(figure, 1)[0].marker.color) == [1, 4]
    assert (figure.layout.coloraxis.cmin, figure.layout.coloraxis.cmax) == (1, 6)


@pytest.mark.parametrize(("columns", "rows"), [(1, 4), (2, 2), (3, 2), (9, 1)])
def test_columns(problem: Problem, trials: list[Trial], columns: int, rows: int) -> None:
    figure = parameters(problem, trials, columns=columns)
    heights = {round(figure.layout[f"yaxis{i}" if i > 1 else "yaxis"].domain[0], 6) for i in range(1, 5)}

    assert len(heights) == rows


def test_choices_stand_in_their_order() -> None:
    problem = Problem(Space([Categorical("solvent", ["water", "<i>DMSO</i>"])]), [Objective("y")])
    figure = parameters(problem, [replace(Trial.completed({"solvent": "<i>DMSO</i>"}, {"y": 1.0}), number=1)])

    assert figure.layout.xaxis.type == "category"
    assert list(figure.layout.xaxis.categoryarray) == ["water", "&lt;i&gt;DMSO&lt;/i&gt;"]
    assert list(of_panel(figure, 1)[0].x) == ["&lt;i&gt;DMSO&lt;/i&gt;"]


def test_a_table_of_candidates_has_its_columns() -> None:
    problem = Problem(Candidates({"name": ["p", "q"], "size": [1.0, 2.0]}), [Objective("y")])
    figure = parameters(problem, [replace(Trial.completed({"name": "p", "size": 1.0}, {"y": 1.0}), number=1)])

    assert (figure.layout.xaxis.type, figure.layout.xaxis2.type) == ("category", "linear")


def test_nothing_yet(problem: Problem) -> None:
    figure = parameters(problem, [])

    assert [one for one in figure.data if one.x[0] is not None] == []
    assert figure.layout.coloraxis.cmax == 1


def test_dimensions_look_at_whole_ranges() -> None:
    space = Space(
        [Real("r", 1, 100, log=True), Integer("i", 0, 3), Ordinal("o", [1, 5, 7]), Mixture(["p", "q"], at_most=1)],
    )
    real, whole, ordinal, part, _ = dimensions(Problem(space, [Objective("y")]), steps=3)

    assert real.values == pytest.approx((1, 10, 100))
    assert whole.values == (0, 2, 3)  # thinned to three, ends included
    assert ordinal.values == (1, 5, 7)
    assert part.values == (0.0, 0.5, 1.0)
    assert part.mixture is space.parameters[3]


def test_a_part_that_may_be_absent_is_looked_at_there() -> None:
    space = Space([Mixture(["p", "q"], bounds={"p": [0.2, 1.0]}, at_most=2)])

    assert dimensions(Problem(space, [Objective("y")]), steps=3)[0].values == pytest.approx((0.0, 0.2, 0.6, 1.0))


@pytest.mark.parametrize(
    ("low", "high", "ticks"),
    [(0.5, 8, ["0.5", "1", "2", "5"]), (1, 100, ["1", "2", "5", "10", "20", "50", "100"]), (1e-6, 1, None)],
)
def test_ticks_of_a_logarithmic_axis(low: float, high: float, ticks: list[str] | None) -> None:
    (axis,) = dimensions(Problem(Space([Real("r", low, high, log=True)]), [Objective("y")]))
    told = axis_settings(axis)["ticktext"]

    assert (
        told == ticks if ticks else [float(one) for one in told] == pytest.approx([10.0**-i for i in range(6, -1, -1)])
    )
