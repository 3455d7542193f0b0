import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autolab.model.constraints import Linear
from autolab.model.errors import InvalidSpace

weights = st.dictionaries(
    st.sampled_from(["a", "b", "salt", "x1"]), st.floats(-1e6, 1e6).filter(lambda w: w != 0), min_size=1
)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2.0 * salt_stock <= 1.6", Linear({"salt_stock": 2}, "<=", 1.6)),
        ("a + b >= 3", Linear({"a": 1, "b": 1}, ">=", 3)),
        ("x - 2*y == 0", Linear({"x": 1, "y": -2}, "==", 0)),
        ("a*2 - (b + 1)/4 <= 3 - a", Linear({"a": 3, "b": -0.25}, "<=", 3.25)),
        ("1 <= a", Linear({"a": -1}, "<=", -1)),
        ("-a + +b >= -1e-3", Linear({"a": -1, "b": 1}, ">=", -0.001)),
        ("a + b <= b + 2", Linear({"a": 1}, "<=", 2)),
    ],
)
def test_text_states_a_constraint(text: str, expected: Linear) -> None:
    assert Linear.parse(text) == expected


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("a * b <= 1", "'a \\* b' is not linear"),
        ("a / b <= 1", "is not linear"),
        ("a / 0 <= 1", "is not linear"),
        ("a ** 2 <= 1", "is not linear"),
        ("sin(a) <= 1", "'sin\\(a\\)' is not linear"),
        ("a <= 'x'", "is not linear"),
        ("a <= True", "is not linear"),
        ("a < 1", "must compare once"),
        ("a = 1", "cannot be read"),
        ("a", "must compare once"),
        ("0 <= a <= 1", "must compare once"),
        ("a != 1", "must compare once"),
        ("", "cannot be read"),
        ("a <= ", "cannot be read; write it like '2.0 \\* salt"),
        ("1 <= 2", "must weigh at least one parameter"),
        ("a - a <= 2", "must weigh at least one parameter"),
        ("a <= 1e999", "finite numbers, got inf"),
        ("__import__('os').system('true') <= 1", "is not linear"),
    ],
)
def test_text_that_states_none_is_refused(text: str, told: str) -> None:
    with pytest.raises(InvalidSpace, match=told):
        Linear.parse(text)


def test_a_constraint_made_of_numbers_is_checked_too() -> None:
    with pytest.raises(InvalidSpace, match="relation must be <=, >= or =="):
        Linear({"a": 1}, "<", 1)  # type: ignore[arg-type]
    with pytest.raises(InvalidSpace, match="finite numbers, got nan"):
        Linear({"a": math.nan}, "<=", 1)


@given(weights, st.sampled_from(["<=", ">=", "=="]), st.floats(-1e6, 1e6))
def test_a_constraint_reads_back_its_own_text(coefficients: dict[str, float], relation: str, bound: float) -> None:
    constraint = Linear(coefficients, relation, bound)  # type: ignore[arg-type]
    assert Linear.parse(str(constraint)) == constraint


@given(weights, st.floats(-10, 10), st.floats(-10, 10))
def test_excess_is_how_much_the_sum_misses_the_bound(coefficients: dict[str, float], bound: float, at: float) -> None:
    point = dict.fromkeys(["a", "b", "salt", "x1"], at)
    total = math.fsum(weight * at for weight in coefficients.values())
    below, above, equal = (Linear(coefficients, r, bound).excess(point) for r in ("<=", ">=", "=="))
    assert below == pytest.approx(total - bound)
    assert above == -below
    assert equal == abs(below)
