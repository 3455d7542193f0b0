import math
import pickle

import numpy as np
import pytest

from autolab.model.constraints import Linear
from autolab.model.errors import InvalidSpace
from autolab.model.nonlinear import Nonlinear, stated
from autolab.model.trial import Point


def rule(point: Point) -> float:
    return 1.0 - float(point["a"])


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("2 * a + b <= 3", Linear),
        ("a == b", Linear),
        ("a / 2 >= b", Linear),
        ("a * b <= 3", Nonlinear),
        ("sqrt(x1**2 + x2**2) <= 1", Nonlinear),
        ("log10(conc) + 0.1*T >= 2", Nonlinear),
        ("3 >= a / b", Nonlinear),
        ("min(a, b) >= 0.1", Nonlinear),
        ("abs(a - b) <= 1", Nonlinear),
    ],
)
def test_a_text_is_linear_where_it_can_be(text: str, kind: type) -> None:
    assert type(stated(text)) is kind


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("a * b == 3", "an equality that is not linear .* give two constraints, <= and >="),
        ("a * b < 3", "must compare once"),
        ("a * b", "must compare once"),
        ("1 <= a * b <= 2", "must compare once"),
        ("a * b <=", "cannot be read"),
        ("sqrt(2) <= 3", "must hold at least one parameter"),
        ("1 <= 2", "must weigh at least one parameter"),
        ("a * b <= 'x'", "not allowed"),
    ],
)
def test_a_text_that_states_nothing_is_refused(text: str, told: str) -> None:
    with pytest.raises(InvalidSpace, match=told):
        stated(text)


@pytest.mark.parametrize("text", ["a * b != 3", "a * b > 3", "a * b in c"])
def test_only_two_comparisons_are_known(text: str) -> None:
    with pytest.raises(InvalidSpace, match="must compare by <= or >="):
        Nonlinear(text)


def test_what_is_neither_text_nor_function_is_refused() -> None:
    with pytest.raises(InvalidSpace, match="a text or a function of a point, got 7"):
        Nonlinear(7)  # type: ignore[arg-type]
    with pytest.raises(InvalidSpace, match="is its own text"):
        Nonlinear("a * b <= 1", text="product")


def test_margins_are_the_difference_of_the_sides() -> None:
    columns = {"a": np.array([1.0, 2.0, 3.0]), "b": np.array([1.0, 2.0, 1.0])}
    assert Nonlinear("a * b <= 3").margins(columns).tolist() == [2.0, -1.0, 0.0]
    assert Nonlinear("a * b >= 3").margins(columns).tolist() == [-2.0, 1.0, 0.0]
    assert Nonlinear("3 >= a * b").margins(columns).tolist() == [2.0, -1.0, 0.0]
    assert Nonlinear(rule).margins(columns).tolist() == [0.0, -1.0, -2.0]


def test_excess_is_relative_to_large_sides_so_that_rounding_can_be_told_from_a_miss() -> None:
    columns = {"a": np.array([1e6, 0.5])}
    assert Nonlinear("a * a <= 1").excess(columns) == pytest.approx([1 - 1e-12, -0.75])
    assert Nonlinear("1e12 >= a * a").excess({"a": np.array([1e6 * (1 + 1e-12)])})[0] < 1e-9


def test_no_value_is_a_miss_without_end() -> None:
    columns = {"a": np.array([0.0, 1.0])}
    assert Nonlinear("log(a) <= 5").excess(columns).tolist() == [math.inf, -1.0]
    assert Nonlinear("1 / a >= 0").excess(columns)[0] == math.inf


@pytest.mark.parametrize(
    ("function", "told"),
    [
        (lambda point: 1 / (point["a"] - 1), "ZeroDivisionError"),
        (lambda point: point["b"], "KeyError: 'b'"),
        (lambda _: math.nan, "it gives nan"),
        (lambda _: math.inf, "it gives inf"),
        (lambda _: "much", "ValueError"),
        (lambda _: None, "TypeError"),
        (lambda point: point["a"] > 2, "it gives False, where a number is wanted: 0 or more where kept"),
        (lambda point: np.bool_(point["a"] < 2), "it gives True"),
    ],
)
def test_a_function_that_raises_or_gives_no_number_has_no_value(function: object, told: str) -> None:
    constraint = Nonlinear(function)  # type: ignore[arg-type]
    assert math.isnan(constraint.margins({"a": np.array([1.0])})[0])
    assert constraint.excess({"a": np.array([1.0])})[0] == math.inf
    assert told in constraint.undefined({"a": 1.0})


def test_a_function_gets_points_as_a_campaign_would_give_them() -> None:
    seen = []
    constraint = Nonlinear(lambda point: seen.append(dict(point)) or 1.0)  # type: ignore[func-returns-value]
    labels = np.empty(2, dtype=object)
    labels[:] = ["water", "DMSO"]
    constraint.margins({"k": np.array([1, 2]), "x": np.array([0.5, 1.0]), "s": labels})
    assert seen == [{"k": 1, "x": 0.5, "s": "water"}, {"k": 2, "x": 1.0, "s": "DMSO"}]
    assert [type(value) for value in seen[0].values()] == [int, float, str]


def test_names_texts_and_equality() -> None:
    one = Nonlinear("b*sqrt( a )<=3")
    assert str(one) == "b * sqrt(a) <= 3"
    assert Nonlinear(str(one)) == one
    assert hash(Nonlinear("b * sqrt(a) <= 3")) == hash(one)
    assert one.names == ("b", "a")
    assert one != Nonlinear("b * sqrt(a) <= 4")
    assert str(Nonlinear(rule)) == "rule"
    assert Nonlinear(rule, text="not too much a") == Nonlinear(rule, "not too much a") != Nonlinear(rule)
    assert Nonlinear(rule).names == ()


@pytest.mark.parametrize("constraint", [Nonlinear("a * b <= 3"), Nonlinear(rule, text="few")])
def test_it_survives_pickling(constraint: Nonlinear) -> None:
    constraint.margins({"a": np.ones(1), "b": np.ones(1)})  # what is remembered must not be in the way
    again = pickle.loads(pickle.dumps(constraint))  # noqa: S301
    assert again == constraint
    assert str(again) == str(constraint)
