"""A space as packages see it: what varies, and what is left once equalities are solved."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from autolab.model.candidates import Candidates
from autolab.model.parameters import Categorical, Integer, Mixture, Ordinal, Real
from autolab.model.space import Space
from autolab.planners.boxed import Reduced, Sum, Variable, texts, variables


def test_axes_become_variables() -> None:
    space = Space(
        [
            Real("r", 1, 10, log=True),
            Integer("k", 1, 9),
            Ordinal("v", [1, 2, 5]),
            Categorical("c", ["p", "q"]),
            Mixture(["a", "b"], at_most=2, bounds={"a": (0.2, 0.8)}),
        ],
        ["r + k <= 12"],
    )
    assert variables(space) == (
        [
            Variable("r", "real", (), 1.0, 10.0, log=True, tied=True),
            Variable("k", "integer", (), 1, 9, tied=True),
            Variable("v", "ordinal", (1, 2, 5), 1, 5),
            Variable("c", "category", ("p", "q")),
            Variable("a", "real", (), 0.0, 0.8, tied=True, share=True),
            Variable("b", "real", (), 0.0, 1.0, tied=True, share=True),
        ],
        {},
    )


def test_what_cannot_vary_is_told_apart() -> None:
    pool = Candidates({"x": [1.0, 2.0, 3.0], "same": [4, 4, 4], "c": ["q", "p", "q"], "one": ["z", "z", "z"]})
    assert variables(pool) == (
        [Variable("x", "real", (), 1.0, 3.0), Variable("c", "category", ("p", "q"))],
        {"same": 4, "one": "z"},
    )
    space = Space([Mixture(["a", "b", "s"], bounds={"s": (0.25, 0.25)})])
    assert variables(space)[1] == {"s": 0.25}
    assert [one.name for one in variables(space)[0]] == ["a", "b"]


def test_labels_that_read_alike_stay_apart() -> None:
    assert list(texts(["1", 1]).values()) == ["1", 1]
    assert len(texts(["1", 1])) == 2


def test_a_sum_with_another_in_place() -> None:
    total = Sum({"a": 2.0, "b": 1.0}, 3.0).with_("a", Sum({"b": -0.5, "c": 1.0}, 1.0))
    assert (dict(total.weights), total.constant) == ({"c": 2.0}, 5.0)
    assert Sum({"a": 2.0}).with_("z", Sum({}, 7.0)) == Sum({"a": 2.0})


def test_a_mixture_is_solved_for_its_last_component() -> None:
    reduced = Reduced(Space([Mixture(["a", "b", "s"], bounds={"s": (0.2, 0.8)})]))
    assert [one.name for one in reduced.free] == ["a", "b"]
    assert reduced.whole({"a": 0.25, "b": 0.25}) == {"a": 0.25, "b": 0.25, "s": 0.5}
    upper, lower = reduced.inequalities
    assert (dict(upper.weights), dict(lower.weights)) == ({"a": -1.0, "b": -1.0}, {"a": 1.0, "b": 1.0})
    assert [upper.constant, lower.constant] == pytest.approx([0.2, -0.8])  # s <= 0.8, s >= 0.2


def test_limits_that_bounds_imply_are_left_out() -> None:
    reduced = Reduced(Space([Mixture(["a", "b", "s"])]))
    assert [(dict(one.weights), one.constant) for one in reduced.inequalities] == [({"a": 1.0, "b": 1.0}, -1.0)]
    assert not Reduced(Space([Mixture(["a", "s"])])).inequalities


def test_fixed_components_count_in_sums() -> None:
    reduced = Reduced(Space([Mixture(["a", "b", "s"], bounds={"s": (0.25, 0.25)})]))
    assert reduced.whole({"a": 0.5}) == {"a": 0.5, "s": 0.25, "b": 0.25}


def test_an_equality_of_whole_numbers_is_told() -> None:
    reduced = Reduced(Space([Integer("k", 0, 4), Integer("m", 0, 4), Real("x", 0, 1)], ["k + m == 4"]))
    assert (reduced.unsolved, [one.name for one in reduced.free]) == (["k + m == 4.0"], ["k", "m", "x"])


def test_an_equality_that_says_nothing_new_is_passed_over() -> None:
    reduced = Reduced(Space([Mixture(["a", "b"])], ["a + b == 1"]))
    assert (list(reduced.solved), reduced.unsolved) == (["b"], [])


SPACES = [
    Space([Mixture(["a", "b", "c", "s"], total=2.0, bounds={"s": (0.2, 1.5), "a": (0.1, 1)})], ["a + 2*b <= 1.5"]),
    Space(
        [Real("x", -1, 2), Real("y", 0, 5), Integer("k", 0, 7), Mixture(["a", "b", "c"])],
        ["x + y + 0.5*k == 3", "y >= 2*a", "a - b == 0.1"],
    ),
    Space([Mixture(list("abcd"), at_most=2, bounds={"a": (0.1, 0.8)})]),
    Space([Real("x", 0.1, 1, log=True), Ordinal("v", [1, 2, 5])], ["v + 3*x <= 5", "v - x >= 0.5"]),
]


@pytest.mark.parametrize("space", SPACES)
@settings(max_examples=10)
@given(seed=st.integers(0, 2**32))
def test_points_go_to_and_fro_and_keep_every_limit(space: Space, seed: int) -> None:
    reduced = Reduced(space)
    for point in space.sample(5, seed):
        part = reduced.part(point)
        assert set(part) | set(reduced.solved) | set(reduced.fixed) == set(space.names)
        assert reduced.whole(part) == pytest.approx(point, abs=1e-8)
        assert all(one.at(part) <= 1e-8 for one in reduced.inequalities)


@pytest.mark.parametrize("space", SPACES[:2])
@settings(max_examples=40)
@given(shares=st.lists(st.floats(0, 1), min_size=8, max_size=8))
def test_what_keeps_the_limits_is_in_the_space(space: Space, shares: list[float]) -> None:
    """The other way: nothing that the space forbids is left out of the inequalities."""
    reduced = Reduced(space)
    values = {
        one.name: round(one.low + u * (one.high - one.low))
        if one.kind == "integer"
        else one.low + u * (one.high - one.low)
        for one, u in zip(reduced.free, shares, strict=False)
    }
    inside = all(one.at(values) <= -1e-9 for one in reduced.inequalities)
    outside = any(one.at(values) > 1e-6 for one in reduced.inequalities)
    if inside:
        assert space.contains(space.snap(reduced.whole(values)))
        assert space.snap(reduced.whole(values)) == pytest.approx(reduced.whole(values), abs=1e-6)
    if outside:
        assert not space.contains(reduced.whole(values))
