"""A person's formula or function as a trend: values, slopes, faults."""

import math
import pickle
import re
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from autolab.model.candidates import Candidates
from autolab.model.errors import InputError
from autolab.model.parameters import Categorical, Integer, Mixture, Ordinal, Real
from autolab.model.space import Space
from autolab.model.trial import Point
from autolab.planners.stated import Stated, check_means, named

SPACE = Space(
    [
        Real("a", 0, 2),
        Real("b", 0.01, 10, log=True),
        Integer("k", 1, 9),
        Ordinal("v", [1, 2, 5]),
        Categorical("c", ["p", "q"]),
        Mixture(["u", "w"]),
    ]
)
TEXT = "3 * a + log10(b) + 0.1 * k * v - u"
TABLE = Candidates({"a": [0.0, 1.0, 2.0, 0.5], "c": ["p", "q", "r", "p"], "b": [5.0, 3.0, 1e3, 7.0]})


def number(point: Point, key: str) -> float:
    value = point[key]
    assert not isinstance(value, str)
    return float(value)


def by_hand(point: Point) -> float:
    a, b, k, v, u = (number(point, key) for key in "abkvu")
    return 3 * a + math.log10(b) + 0.1 * k * v - u


def labelled(point: Point) -> float:
    return number(point, "a") + (10.0 if point["c"] == "q" else 0.0)


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 10_000))
def test_a_formula_has_its_value_at_points_and_their_codes(seed: int) -> None:
    points = SPACE.sample(5, seed)
    stated = Stated("y", TEXT, SPACE)
    expected = [by_hand(point) for point in points]
    np.testing.assert_allclose(stated.at(points), expected, rtol=1e-9, atol=1e-9)
    np.testing.assert_allclose(stated.mean(SPACE.encode(points)), expected, rtol=1e-7, atol=1e-7)


def test_a_function_has_the_value_of_its_formula() -> None:
    x = SPACE.encode(SPACE.sample(8, 3))
    np.testing.assert_allclose(Stated("y", by_hand, SPACE).mean(x), Stated("y", TEXT, SPACE).mean(x), rtol=1e-12)


def test_a_function_sees_labels() -> None:
    points = SPACE.sample(8, 3)
    assert len({point["c"] for point in points}) == 2
    found = Stated("y", labelled, SPACE).mean(SPACE.encode(points))
    np.testing.assert_allclose(found, [labelled(point) for point in points], rtol=1e-9)


def test_slopes_are_the_derivatives_of_the_formula() -> None:
    space = Space([Real("a", 0, 2), Real("b", 0.01, 10, log=True), Categorical("c", ["p", "q"])])
    stated = Stated("y", "a**2 + 4 * log10(b)", space)
    x = np.array([[0.3, 0.6, 1.0, 0.0], [0.0, 1.0, 0.0, 1.0]])  # the second at the bounds
    np.testing.assert_allclose(stated.slopes(x), [[2 * 0.6 * 2, 12.0, 0, 0], [0.0, 12.0, 0, 0]], atol=1e-4)


def test_where_it_is_not_defined_it_falls_back_to_its_mean() -> None:
    space = Space([Real("a", -1, 1)])
    stated = Stated("y", "sqrt(a)", space)
    found = stated.mean(np.array([[0.1], [0.9], [0.2]]))
    assert found[1] == pytest.approx(math.sqrt(0.8))
    assert found[0] == found[2] == stated.center
    assert stated.center == pytest.approx(2 / 3, abs=0.1)  # of sqrt over 0..1
    assert stated.spread == pytest.approx(math.sqrt(1 / 18), abs=0.05)


def raises(point: Point) -> float:
    if number(point, "a") < 0:
        msg = "no such thing"
        raise RuntimeError(msg)
    return math.inf if number(point, "a") > 0.9 else 7.0


def test_a_function_that_raises_or_has_no_end_is_not_defined_there() -> None:
    stated = Stated("y", raises, Space([Real("a", -1, 1)]))
    np.testing.assert_array_equal(np.isnan(stated.at([{"a": -0.5}, {"a": 0.5}, {"a": 1.0}])), [True, False, True])
    np.testing.assert_allclose(stated.mean(np.array([[0.1], [0.6], [1.0]])), 7.0)
    with pytest.raises(InputError, match=r"mean of 'y': .*raises' is not defined at \{'a': -0.5\}, which was measured"):
        stated.check_trials([{"a": 0.5}, {"a": -0.5}])
    stated.check_trials([{"a": 0.5}])
    stated.check_trials([])


@pytest.mark.parametrize("mean", ["a + 2 * b", lambda point: point["a"] + 2 * point["b"]])
def test_candidates_are_read_back_from_their_codes(mean: Any) -> None:
    stated = Stated("y", mean, TABLE)
    expected = [number(point, "a") + 2 * number(point, "b") for point in TABLE.points]
    np.testing.assert_allclose(stated.mean(TABLE.encoded), expected, rtol=1e-9)
    np.testing.assert_array_equal(stated.slopes(TABLE.encoded), np.zeros_like(TABLE.encoded))


def test_labels_of_candidates_are_read_back_also_in_a_part_of_the_table() -> None:
    seen: list[object] = []

    def look(point: Point) -> float:
        seen.append(point["c"])
        return 1.0

    part = TABLE.narrowed({"c": "p"})
    for table in (TABLE, part):
        seen.clear()
        Stated("y", look, table).mean(TABLE.encoded)
        assert seen[: len(TABLE)] == list(TABLE.table["c"])


def test_nothing_is_unsure_of_it() -> None:
    stated, x = Stated("y", TEXT, SPACE), SPACE.encode(SPACE.sample(3, 0))
    assert stated.sure
    value, pull = stated.across(x, x)
    for zeros in (stated.covariance(x, x), value, pull(value), stated.variance(x), stated.variance_slopes(x)):
        assert not zeros.any()
    assert stated.mean(x[:0]).shape == (0,)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("3 * aa", "mean of 'y': there is no parameter 'aa'.*'?a'?"),
        ("c + 1", "mean of 'y': 'c' is a category and has no number; state the mean as a function"),
        ("__import__('os')", "mean of 'y': "),
        ("3 *", "mean of 'y': '3 \\*' cannot be read; write it like"),
        ("3 * a <= 2", "mean of 'y': "),
    ],
)
def test_what_is_wrong_with_a_formula_is_told(text: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        Stated("y", text, SPACE)


@pytest.mark.parametrize("mean", [3.0, None, ["a"]])
def test_a_mean_is_a_formula_or_a_function(mean: Any) -> None:
    with pytest.raises(
        InputError, match=re.escape(f"the mean of 'y' must be a formula or a function of a point, got {mean!r}")
    ):
        check_means({"y": mean})


def test_a_formula_that_is_defined_nowhere_is_refused() -> None:
    with pytest.raises(InputError, match=r"mean of 'y': 'sqrt\(-1 - a\)' is defined nowhere in the space"):
        Stated("y", "sqrt(-1 - a)", SPACE).center  # noqa: B018  asked for its fault


def test_a_constant_mean_has_a_spread_to_divide_by() -> None:
    stated = Stated("y", "7 + 0 * a", SPACE)
    assert stated.center == pytest.approx(7.0)
    assert stated.spread == 1.0


class Called:
    def __call__(self, point: Point) -> float:
        return 1.0


def test_names_are_those_by_which_a_journal_knows_a_mean() -> None:
    assert named("3 * a") == "3 * a"
    assert named(by_hand) == f"{__name__}:by_hand"
    assert named(Called()) == f"{__name__}:Called"


def test_a_stated_mean_can_be_pickled() -> None:
    again = pickle.loads(pickle.dumps(Stated("y", TEXT, SPACE)))  # noqa: S301  its own
    x = SPACE.encode(SPACE.sample(3, 0))
    np.testing.assert_array_equal(again.mean(x), Stated("y", TEXT, SPACE).mean(x))
