import pytest
from hypothesis import given
from hypothesis import strategies as st

from autolab.model.candidates import Candidates
from autolab.model.objectives import Objective
from autolab.model.parameters import Mixture, Real
from autolab.model.problem import Problem
from autolab.model.space import Space
from autolab.model.trial import Trial
from autolab.plots.dimensions import dimensions
from autolab.plots.slicing import along, independent, moved, place_to_look

PARTS = Problem(Space([Mixture(["a", "b", "c"]), Real("t", 0, 1)]), [Objective("y")])
START = {"a": 0.2, "b": 0.2, "c": 0.6, "t": 0.5}


def test_others_keep_their_ratio() -> None:
    assert moved(PARTS, START, {"a": 0.6}) == pytest.approx({"a": 0.6, "b": 0.1, "c": 0.3, "t": 0.5})


def test_two_can_be_set_at_once() -> None:
    assert moved(PARTS, START, {"a": 0.1, "t": 0.9, "b": 0.3}) == pytest.approx(
        {"a": 0.1, "b": 0.3, "c": 0.6, "t": 0.9}
    )


def test_others_that_are_absent_share_alike() -> None:
    assert moved(PARTS, {"a": 1.0, "b": 0.0, "c": 0.0, "t": 0.0}, {"a": 0.5}) == {
        "a": 0.5,
        "b": 0.25,
        "c": 0.25,
        "t": 0.0,
    }


@pytest.mark.parametrize("changes", [{"a": 0.8, "b": 0.4}, {"t": 1.5}, {"a": -0.1}])
def test_outside_the_space_is_nowhere(changes: dict[str, float]) -> None:
    assert moved(PARTS, START, changes) is None


def test_constraints_end_a_slice() -> None:
    problem = Problem(Space([Mixture(["a", "b", "c"])], ["a <= 0.5"]), [Objective("y")])
    (a, *_) = dimensions(problem, 5)
    points = along(problem, {"a": 0.2, "b": 0.2, "c": 0.6}, a)

    assert [None if one is None else one["a"] for one in points] == [0.0, 0.25, 0.5, None, None]


@given(st.floats(0, 1), st.lists(st.floats(0.001, 1), min_size=3, max_size=3))
def test_a_mixture_keeps_its_total(share: float, raw: list[float]) -> None:
    start = {name: value / sum(raw) for name, value in zip("abc", raw, strict=True)} | {"t": 0.0}
    found = moved(PARTS, start, {"b": share})

    assert found is not None
    assert sum(float(found[name]) for name in "abc") == pytest.approx(1)
    assert float(found["a"]) * start["c"] == pytest.approx(float(found["c"]) * start["a"])


def test_two_parts_of_a_mixture_of_two_move_as_one() -> None:
    space = Space([Mixture(["p", "q"]), Mixture(["a", "b", "c"]), Real("t", 0, 1)])
    p, q, a, b, _, t = dimensions(Problem(space, [Objective("y")]))

    assert not independent(p, q)
    assert not independent(p, p)
    assert independent(p, a)
    assert independent(a, b)
    assert independent(a, t)


def trial(x: float, **outcome: float) -> Trial:
    return Trial.completed({"x": x}, outcome)


def test_where_to_look() -> None:
    one = Problem(Space([Real("x", 0, 1)]), [Objective("y")])
    two = Problem(Space([Real("x", 0, 1)]), [Objective("y"), Objective("z")])
    corners = [trial(0.1, y=0, z=10), trial(0.2, y=8, z=8), trial(0.3, y=10, z=0)]

    assert place_to_look(one, [trial(0.1, y=1), trial(0.2, y=3), trial(5.0, y=9)]) == trial(0.2, y=3)  # 5 is outside
    assert place_to_look(two, corners) is corners[1]  # the one nearest to the best of both
    assert place_to_look(one, [Trial.failed({"x": 0.5}, "no")]) is None


def test_where_to_look_without_a_feasible_trial() -> None:
    problem = Problem(Space([Real("x", 0, 1)]), [Objective("y")], ["cost <= 1"])

    assert place_to_look(problem, [trial(0.1, y=1, cost=2), trial(0.2, y=3, cost=2)]) == trial(0.2, y=3, cost=2)


def test_a_candidate_is_a_place() -> None:
    problem = Problem(Candidates({"x": [1.0, 2.0]}), [Objective("y")])

    assert place_to_look(problem, [trial(1.0, y=1), trial(3.0, y=5)]) == trial(1.0, y=1)
