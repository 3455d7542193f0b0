from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import pytest

from autolab.model.candidates import Candidates
from autolab.model.errors import InputError
from autolab.model.objectives import Objective
from autolab.model.parameters import Categorical, Mixture, Real
from autolab.model.problem import Problem
from autolab.model.space import Space
from autolab.model.trial import Point, Trial
from autolab.planners.prediction import Predict
from autolab.plots import surface
from autolab.plots.believed import OUTSIDE, TROUBLE
from autolab.plots.surface import matter_most

Expecting = Callable[..., Predict]
STAR = "best, as measured"


def number(point: Point, name: str) -> float:
    return float(point[name])


def flat(problem: Problem, point: dict[str, Any], **outcome: Any) -> list[Trial]:
    problem.space.check(point)
    return [replace(Trial.completed(point, outcome), number=1)]


def panel(figure: Any, i: int) -> list[Any]:
    name = "x" if i == 1 else f"x{i}"
    return [one for one in figure.data if (one.xaxis or "x") == name]


def line(figure: Any, i: int) -> Any:
    (found,) = [one for one in panel(figure, i) if one.legendgroup == "expected"]
    return found


def plane(point: Point) -> dict[str, float]:
    return {"y": 2 * number(point, "u") - number(point, "v") + 0.1 * number(point, "w")}


CUBE = Problem(Space([Real("u", 0, 1), Real("v", 0, 1), Real("w", 0, 10)]), [Objective("y", unit="g")])
BEST = {"u": 0.5, "v": 0.25, "w": 1.0}


def test_slices_go_through_the_best_point(expecting: Expecting) -> None:
    figure = surface(CUBE, flat(CUBE, BEST, y=(0.9, 0.1)), expecting(plane))
    u = line(figure, 1)

    assert list(u.y) == pytest.approx([2 * x - 0.25 + 0.1 for x in u.x])
    assert (u.x[0], u.x[-1]) == (0.0, 1.0)
    assert list(line(figure, 3).y) == pytest.approx([1 - 0.25 + 0.1 * x for x in line(figure, 3).x])
    assert figure.layout.xaxis3.title.text == "w"
    assert figure.layout.yaxis3.title.text == "y (g)"


def test_the_band_is_95_percent(expecting: Expecting) -> None:
    figure = surface(CUBE, flat(CUBE, BEST, y=0.9), expecting(plane))
    (band,) = [one for one in panel(figure, 1) if one.fill == "toself"]
    n = len(line(figure, 1).x)

    assert list(band.y[:n]) == pytest.approx([y + 1.96 * 0.5 for y in line(figure, 1).y])
    assert list(band.y[n:])[::-1] == pytest.approx([y - 1.96 * 0.5 for y in line(figure, 1).y])


def test_the_measured_best_is_marked(expecting: Expecting) -> None:
    figure = surface(CUBE, flat(CUBE, BEST, y=(0.9, 0.1)), expecting(plane))
    (star,) = [one for one in panel(figure, 2) if one.name == STAR]

    assert (star.x[0], star.y[0], star.error_y.array[0]) == pytest.approx((0.25, 0.9, 0.196))


def test_the_map_is_over_the_two_that_matter_most(expecting: Expecting) -> None:
    figure = surface(CUBE, flat(CUBE, BEST, y=0.9), expecting(plane))
    (drawn,) = [one for one in figure.data if one.type == "contour"]

    assert [figure.layout.xaxis4.title.text, figure.layout.yaxis4.title.text] == ["u", "v"]
    assert drawn.z[0][-1] == pytest.approx(2 - 0 + 0.1)
    assert drawn.z[-1][0] == pytest.approx(0 - 1 + 0.1)


def test_the_model_is_asked_twice_only(expecting: Expecting) -> None:
    asked = []

    def predict(points: Sequence[Point]) -> Any:
        asked.append(len(points))
        return expecting(plane)(points)

    surface(CUBE, flat(CUBE, BEST, y=0.9), predict)

    assert asked == [3 * 33, 33 * 33]


def test_outside_the_space_is_grey_and_has_no_line(expecting: Expecting) -> None:
    problem = Problem(Space([Mixture(["a", "b", "c"], bounds={"c": [0.5, 1.0]})]), [Objective("y")])
    figure = surface(problem, flat(problem, {"a": 0.2, "b": 0.3, "c": 0.5}, y=1.0), expecting(lambda p: {"y": 1.0}))
    (grey,) = [one for one in panel(figure, 1) if one.name == OUTSIDE]

    # with a at x, b and c share 1 - x as 3 to 5: c >= 0.5 wants x <= 0.2
    assert max(line(figure, 1).x) <= 0.2 + 1e-9
    assert max(grey.x) == pytest.approx(1.0)
    assert 0.15 < min(grey.x) < 0.25


def test_trouble_is_hatched(problem: Problem, trials: list[Trial], expecting: Expecting) -> None:
    model = expecting(lambda p: {"y": number(p, "a"), "cost": number(p, "t") / 60})  # 0.5 is at 30 degC
    figure = surface(problem, trials, model)
    (hatched,) = [one for one in panel(figure, 4) if one.name == TROUBLE]

    assert min(hatched.x) == pytest.approx(30, abs=1)
    assert max(hatched.x) == 50
    assert hatched.fillpattern.shape == "/"


def test_probable_failure_is_trouble(expecting: Expecting) -> None:
    model = expecting(plane, lambda p: 0.9 if number(p, "v") < 0.5 else 0.1)
    figure = surface(CUBE, flat(CUBE, BEST, y=0.9), model)
    strokes = [one for one in panel(figure, 4) if one.type == "scatter" and one.marker.symbol == "line-ne"]

    assert min(x for one in panel(figure, 2) if one.legendgroup == TROUBLE for x in one.x) == pytest.approx(
        0.5, abs=0.04
    )
    assert min(strokes[0].y) >= 0.5
    assert "succeeds with 90 %" in line(figure, 1).text[0]


def test_choices_have_marks_and_cells(expecting: Expecting) -> None:
    problem = Problem(Space([Categorical("s", ["p", "q"]), Real("x", 0, 1)]), [Objective("y")])
    worth = {"p": 1.0, "q": 4.0}
    model = expecting(lambda point: {"y": worth[str(point["s"])] + number(point, "x")})
    figure = surface(problem, flat(problem, {"s": "q", "x": 0.5}, y=4.5), model)
    (drawn,) = [one for one in figure.data if one.type == "heatmap"]

    assert list(line(figure, 1).y) == [1.5, 4.5]
    assert list(line(figure, 1).error_y.array) == pytest.approx([0.98, 0.98])
    assert list(drawn.x) == ["p", "q"]


def test_one_dimension_has_no_map(expecting: Expecting) -> None:
    problem = Problem(Space([Real("u", 0, 1)]), [Objective("y")])
    figure = surface(problem, flat(problem, {"u": 0.5}, y=1.0), expecting(lambda p: {"y": number(p, "u")}))

    assert {one.type for one in figure.data} == {"scatter"}


def test_a_mixture_of_two_has_no_map_of_itself(expecting: Expecting) -> None:
    problem = Problem(Space([Mixture(["a", "b"])]), [Objective("y")])
    figure = surface(problem, flat(problem, {"a": 0.5, "b": 0.5}, y=1.0), expecting(lambda p: {"y": number(p, "a")}))

    assert "contour" not in {one.type for one in figure.data}
    assert matter_most([], {}, problem.objectives[0]) is None


def test_each_objective_has_its_slices(expecting: Expecting) -> None:
    problem = Problem(CUBE.space, [Objective("y"), Objective("z")])
    model = expecting(lambda p: plane(p) | {"z": number(p, "w")})
    figure = surface(problem, flat(problem, BEST, y=0.9, z=1.0), model)

    assert sum(one.type == "contour" for one in figure.data) == 2
    assert sum(one.legendgroup == "expected" for one in figure.data) == 6
    assert sum(one.showlegend is not False and one.legendgroup == "expected" for one in figure.data) == 1


def test_candidates_are_ranked(expecting: Expecting) -> None:
    problem = Problem(Candidates([{"x": float(i), "name": f"<b>{i}"} for i in range(30)]), [Objective("y")])
    trials = flat(problem, {"x": 29.0, "name": "<b>29"}, y=(5.0, 0.1))
    figure = surface(problem, trials, expecting(lambda p: {"y": number(p, "x")}))
    expected, measured = figure.data

    assert list(expected.x) == [float(i) for i in range(10, 30)]  # the best on top: drawn last
    assert expected.y[-1] == "30: 29, &lt;b&gt;29"
    assert (list(measured.x), list(measured.y)) == ([5.0], ["30: 29, &lt;b&gt;29"])


def test_candidates_that_break_a_bound_come_last(expecting: Expecting) -> None:
    problem = Problem(Candidates({"x": [1.0, 2.0, 3.0]}), [Objective("y")], ["cost <= 2.5"])
    model = expecting(lambda p: {"y": number(p, "x"), "cost": number(p, "x")})
    figure = surface(problem, flat(problem, {"x": 1.0}, y=1.0, cost=1.0), model)

    assert list(figure.data[0].x) == [3.0, 1.0, 2.0]
    assert list(figure.data[0].marker.symbol) == ["circle-open", "circle", "circle"]


def test_without_a_result_there_is_nothing_to_look_around(expecting: Expecting) -> None:
    with pytest.raises(InputError, match="no trial is completed"):
        surface(CUBE, [Trial.failed(BEST, "no")], expecting(plane))
