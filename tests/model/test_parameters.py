import math
from dataclasses import fields
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from autolab.model.errors import InvalidSpace
from autolab.model.mixture import Component
from autolab.model.parameters import Categorical, Integer, Mixture, Ordinal, Real

unit = st.floats(0, 1)


@pytest.mark.parametrize(
    ("make", "told"),
    [
        (lambda: Real("x", 1, 1), "'x': low must be less than high, got 1 and 1"),
        (lambda: Real("x", 2, 1), "low must be less than high"),
        (lambda: Real("x", math.nan, 1), "bounds must be finite numbers, got nan"),
        (lambda: Real("x", 0, math.inf), "bounds must be finite numbers, got inf"),
        (lambda: Real("x", "0", 1), "bounds must be finite numbers, got '0'"),  # type: ignore[arg-type]
        (lambda: Real("x", False, 1), "bounds must be finite numbers, got False"),
        (lambda: Real("x", 0, 1, log=True), "needs low > 0, got 0"),
        (lambda: Real("state", 0, 1), "reserved"),
        (lambda: Integer("k", 1, 1), "low must be less than high"),
        (lambda: Integer("k", 0.5, 2), "whole numbers, got 0.5"),  # type: ignore[arg-type]
        (lambda: Integer("k", 0, math.inf), "whole numbers, got inf"),  # type: ignore[arg-type]
        (lambda: Ordinal("v", [1]), "at least two ordinal values"),
        (lambda: Ordinal("v", [2, 1]), "each greater than the one before"),
        (lambda: Ordinal("v", [1, 1]), "each greater than the one before"),
        (lambda: Ordinal("v", [1, math.nan]), "finite numbers, got nan"),
        (lambda: Ordinal("v", ["s", "m"]), "labels need a Categorical"),  # type: ignore[list-item]
        (lambda: Categorical("c", ["a"]), "at least two different categories"),
        (lambda: Categorical("c", "abc"), "at least two different categories"),
        (lambda: Categorical("c", ["a", "a"]), "at least two different categories"),
        (lambda: Categorical("c", ["a", True]), "got True; quote yes, no, on and off"),
        (lambda: Categorical("c", ["a", None]), "a text or a number, got None"),  # type: ignore[list-item]
        (lambda: Categorical("c", ["a", math.nan]), "got nan"),
        (lambda: Categorical("c", ["a", "b"], {"a": {"p": 1}}), r"missing \['b'\]"),
        (lambda: Categorical("c", ["a", "b"], {"a": {"p": 1}, "b": {"p": 2}, "z": {"p": 1}}), r"unknown \['z'\]"),
        (lambda: Categorical("c", ["a", "b"], {"a": {"p": 1}, "b": {"q": 2}}), r"must have the descriptors \['p'\]"),
        (lambda: Categorical("c", ["a", "b"], {"a": {}, "b": {}}), "must have the descriptors"),
        (lambda: Categorical("c", ["a", "b"], {"a": {"p": 1}, "b": {"p": math.inf}}), "finite number, got inf"),
        (lambda: Categorical("c", ["a", "b"], {"a": {"p": 1}, "b": {"p": 1}}), "equal descriptors"),
        (lambda: Mixture(["a"]), "at least two components"),
        (lambda: Mixture("ab"), "at least two components"),
        (lambda: Mixture(["a", "a"]), "more than one component"),
        (lambda: Mixture(["a", "b c"]), "cannot name a component"),
        (lambda: Mixture(["a", "b"], total=0), "must be a positive number, got 0"),
        (lambda: Mixture(["a", "b"], bounds={"z": (0, 1)}), "there is no component 'z'"),
        (lambda: Mixture(["a", "b"], bounds={"a": (0.5, 0.4)}), "0 <= low <= high"),
        (lambda: Mixture(["a", "b"], bounds={"a": (-0.1, 0.4)}), "0 <= low <= high"),
        (lambda: Mixture(["a", "b"], bounds={"a": (0, 0)}), "high > 0"),
        (lambda: Mixture(["a", "b"], bounds={"a": (0.1,)}), "two finite numbers"),
        (lambda: Mixture(["a", "b"], bounds={"a": (2, 3)}), "low must not exceed the mixture's total"),
        (lambda: Real("x", -1.7e308, 1.7e308), "too wide to be calculated with; use another unit"),
        (lambda: Mixture(["a", "b"], bounds={"a": 0.5}), "component 'a': bounds must be two finite numbers, got 0.5"),  # type: ignore[dict-item]
        (lambda: Mixture(["a", "b"], at_most=0), "at_most of mixture a, b must be 1 to 2, got 0"),
        (lambda: Mixture(["a", "b"], at_most=3), "must be 1 to 2, got 3"),
        (lambda: Mixture(["a", "b"], at_most=True), "must be 1 to 2, got True"),
    ],
)
def test_a_parameter_that_contradicts_itself_is_refused(make: Any, told: str) -> None:
    with pytest.raises(InvalidSpace, match=told):
        make()


@pytest.mark.parametrize(
    ("axis", "value", "told"),
    [
        (Real("x", 0, 1, unit="mL"), 1.5, "x = 1.5 is outside 0.0 to 1.0 mL"),
        (Real("x", 0, 1), math.nan, "not a finite number"),
        (Real("x", 0, 1), "0.5", "not a finite number"),
        (Real("x", 0, 1), True, "not a finite number"),
        (Real("x", 1e-13, 1, log=True), 0, "x = 0 is outside 1e-13 to 1.0"),
        (Real("x", 1e-13, 1, log=True), 9e-14, "outside"),
        (Integer("k", 1, 5), 2.5, "k = 2.5 is not a whole number"),
        (Integer("k", 1, 5), 6, "outside 1 to 5"),
        (Ordinal("v", [1, 2, 5]), 3, "v = 3 is not one of 1, 2, 5"),
        (Ordinal("v", [1, 2]), True, "not one of"),
        (Categorical("c", ["water", "DMSO"]), "DMS", "did you mean 'DMSO'"),
        (Categorical("c", [1, 2]), True, "is not a category"),
        (Categorical("c", ["a", "b"]), [], "is not a category"),
        (Component("s", 0.2, 0.8), 0, "s = 0 is outside 0.2 to 0.8"),
        (Component("s", 0.2, 0.8, optional=True), 0.1, "outside"),
    ],
)
def test_a_value_outside_is_told_with_what_is_allowed(axis: Any, value: object, told: str) -> None:
    assert told in (axis.fault(value) or "")


@pytest.mark.parametrize(
    ("axis", "value"),
    [
        (Real("x", 0, 1), 1),
        (Real("x", 0, 1), 1 + 1e-10),
        (Real("x", 0, 1), np.float64(0.5)),
        (Real("x", 1e-13, 1, log=True), 1e-13 * (1 - 1e-10)),
        (Integer("k", 1, 5), 5.0),
        (Integer("k", 1, 5), np.int64(3)),
        (Ordinal("v", [1, 2.5]), 2.5),
        (Categorical("c", ["a", 2]), 2),
        (Component("s", 0.2, 0.8, optional=True), 0),
    ],
)
def test_a_value_inside_has_no_fault(axis: Any, value: object) -> None:
    assert axis.fault(value) is None


@given(unit)
def test_a_logarithmic_range_is_even_in_the_logarithm(u: float) -> None:
    axis = Real("x", 1e-3, 1e3, log=True)
    (value,) = axis.quantile(np.array([u]))
    assert value == pytest.approx(10 ** (6 * u - 3))
    assert axis.encode([value])[0, 0] == pytest.approx(u, abs=1e-12)


@given(st.lists(unit, min_size=1, max_size=8))
def test_values_come_back_from_their_columns(us: list[float]) -> None:
    u = np.array(us)
    for axis in (
        Real("x", -3, 5),
        Real("x", 0.1, 5, log=True),
        Integer("k", -2, 7),
        Ordinal("v", [1, 1.5, 40]),
        Categorical("c", ["a", "b", "c"]),
        Categorical("c", ["a", "b", "c"], {"a": {"p": 1, "q": 3}, "b": {"p": 2, "q": 3}, "c": {"p": 2, "q": 1}}),
    ):
        values = axis.quantile(u)
        columns = axis.encode(values)
        assert columns.shape == (len(us), axis.width)
        assert ((columns >= 0) & (columns <= 1)).all()
        assert all(axis.fault(value) is None for value in values)
        back = axis.decode(columns)
        assert back == pytest.approx(values) if isinstance(axis, Real) else back == values


def test_each_value_of_a_grid_holds_an_equal_share() -> None:
    u = (np.arange(600) + 0.5) / 600
    for axis in (Integer("k", 1, 6), Ordinal("v", [1, 2, 30, 31, 32, 33]), Categorical("c", list("abcdef"))):
        values = axis.quantile(u)
        assert [values.count(value) for value in axis.grid] == [100] * 6  # type: ignore[arg-type]


def test_a_number_is_decoded_to_the_nearest_of_the_grid() -> None:
    assert Integer("k", 0, 10).decode(np.array([[0.249], [0.251], [-3.0], [9.0]])) == [2, 3, 0, 10]
    assert Ordinal("v", [0, 1, 10]).decode(np.array([[0.04], [0.06], [0.54], [0.56]])) == [0, 1, 1, 10]


def test_the_largest_one_hot_column_wins() -> None:
    assert Categorical("c", ["a", "b"]).decode(np.array([[0.4, 0.6], [0.9, 0.8]])) == ["b", "a"]


def test_descriptors_are_scaled_and_a_constant_one_is_zero() -> None:
    choice = Categorical("c", ["a", "b", "d"], {"a": {"p": 10, "q": 1}, "b": {"p": 20, "q": 1}, "d": {"p": 12, "q": 1}})
    np.testing.assert_allclose(choice.codes, [[0.0, 0.0], [1.0, 0.0], [0.2, 0.0]])


def test_a_mixture_has_a_component_a_name() -> None:
    mixture = Mixture(["a", "b", "c"], total=2, bounds={"a": [0.2, 0.8], "b": [0.5, 9]})
    assert mixture.components == (Component("a", 0.2, 0.8), Component("b", 0.5, 2.0), Component("c", 0.0, 2.0))
    assert mixture.components[0].floor == 0.2
    assert Mixture(["a", "b"], bounds={"a": (0.2, 0.8)}, at_most=1).components[0].floor == 0.0


def test_equal_parameters_are_equal_and_hash_alike() -> None:
    for make in (
        lambda: Real("x", 0, 1),
        lambda: Categorical("c", ["a", "b"], {"a": {"p": 1}, "b": {"p": 2}}),
        lambda: Mixture(["a", "b"], bounds={"a": [0, 1]}),
    ):
        assert make() == make()
        assert hash(make()) == hash(make())


def test_a_parameter_has_the_fields_that_a_file_gives_it() -> None:
    names = {kind: [one.name for one in fields(kind)] for kind in (Real, Integer, Ordinal, Categorical, Mixture)}
    assert names == {
        Real: ["name", "low", "high", "unit", "log"],
        Integer: ["name", "low", "high", "unit"],
        Ordinal: ["name", "values", "unit"],
        Categorical: ["name", "values", "descriptors"],
        Mixture: ["names", "total", "bounds", "at_most"],
    }
