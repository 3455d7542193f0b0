"""Formulas from text: calculated as Python would, for many points at once, and nothing else gets through."""

import ast
import math
import operator
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from autolab.model.errors import InvalidSpace
from autolab.model.formula import CHOICES, FUNCTIONS, compiled, names_in, parsed

KNOWN: dict[str, Any] = {
    **{name: getattr(math, name) for name in FUNCTIONS if name != "abs"},
    "abs": abs,
    "min": min,
    "max": max,
}
OPERATORS: dict[type[ast.operator], Any] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.Pow: math.pow,
}
numbers = st.floats(-1e3, 1e3)


def value(text: str, **columns: list[float]) -> list[float]:
    formula = compiled(parsed(text, ""), text)
    found = formula({name: np.array(values) for name, values in columns.items()})
    return [float(one) for one in np.atleast_1d(found)]


@st.composite
def expressions(draw: st.DrawFn, depth: int = 3) -> str:
    if depth == 0 or draw(st.integers(0, 3)) == 0:
        return draw(st.sampled_from(["a", "b", "c", "2", "0.5", "3"]))
    inner = expressions(depth - 1)
    kind = draw(st.sampled_from(["binary", "sign", "function", "choice"]))
    if kind == "binary":
        return f"({draw(inner)} {draw(st.sampled_from(['+', '-', '*', '/', '**']))} {draw(inner)})"
    if kind == "sign":
        return f"{draw(st.sampled_from('+-'))}({draw(inner)})"
    if kind == "function":
        return f"{draw(st.sampled_from(sorted(FUNCTIONS)))}({draw(inner)})"
    return f"{draw(st.sampled_from(sorted(CHOICES)))}({draw(inner)}, {draw(inner)})"


def by_python(text: str, values: dict[str, float]) -> float:
    """Return what Python's math makes of the text, a number at a time; NaN where it makes no finite number."""
    try:
        found = _scalar(ast.parse(text, mode="eval").body, values)
    except (ValueError, ZeroDivisionError, OverflowError):
        return math.nan
    return found if math.isfinite(found) else math.nan


def _scalar(node: ast.expr, values: dict[str, float]) -> float:
    match node:
        case ast.Constant(value=int() | float() as number):
            return float(number)
        case ast.Name(id=name):
            return values[name]
        case ast.UnaryOp(op=op, operand=inner):
            return -_scalar(inner, values) if isinstance(op, ast.USub) else _scalar(inner, values)
        case ast.BinOp(left=left, op=op, right=right):
            found: float = OPERATORS[type(op)](_scalar(left, values), _scalar(right, values))
            return found
        case ast.Call(func=ast.Name(id=name), args=args):
            return float(KNOWN[name](*(_scalar(one, values) for one in args)))
    raise AssertionError(ast.dump(node))


@given(expressions(), st.lists(st.tuples(numbers, numbers, numbers), min_size=1, max_size=4))
def test_a_formula_is_what_python_calculates(text: str, rows: list[tuple[float, float, float]]) -> None:
    columns = {name: [row[i] for row in rows] for i, name in enumerate("abc")}
    with np.errstate(all="ignore"):
        found = np.broadcast_to(value(text, **columns), len(rows))
    wanted = [by_python(text, dict(zip("abc", row, strict=True))) for row in rows]
    for one, other in zip(found, wanted, strict=True):
        if math.isfinite(other) and math.isfinite(one):
            assert one == pytest.approx(other, rel=1e-6, abs=1e-9)
        else:  # one of the two overflows or underflows a rounding sooner
            assert math.isnan(one) == math.isnan(other) or rounded(text)


def rounded(text: str) -> bool:
    """Return whether a formula has steps where rounding decides if there is a value: poles, ends of domains, overflow."""
    return any(step in text for step in ("exp", "cosh", "sinh", "**", "tan", "/", "log", "sqrt", "asin", "acos"))


@pytest.mark.parametrize(
    ("text", "columns"),
    [
        ("1 / a", {"a": [0.0]}),
        ("log(a)", {"a": [0.0]}),
        ("log10(a)", {"a": [-1.0]}),
        ("sqrt(a)", {"a": [-1e-9]}),
        ("asin(a)", {"a": [1.1]}),
        ("a ** 0.5", {"a": [-1.0]}),
        ("exp(a)", {"a": [800.0]}),
        ("(1 / a) ** 0", {"a": [0.0]}),
        ("1 / (1 / a)", {"a": [0.0]}),
        ("min(1 / a, 2)", {"a": [0.0]}),
        ("tanh(exp(a))", {"a": [1e6]}),
        ("0 * log(a)", {"a": [0.0]}),
    ],
)
def test_what_is_not_defined_is_nan_to_the_end(text: str, columns: dict[str, list[float]]) -> None:
    with np.errstate(all="ignore"):
        assert all(math.isnan(one) for one in value(text, **columns))


def test_one_undefined_point_does_not_touch_the_others() -> None:
    with np.errstate(all="ignore"):
        assert value("log10(a)", a=[100.0, 0.0, 10.0])[::2] == [2.0, 1.0]


def test_whole_numbers_are_calculated_with_as_floats() -> None:
    formula = compiled(parsed("k ** -1", ""), "")
    assert formula({"k": np.array([1, 2, 4])}).tolist() == [1.0, 0.5, 0.25]


def test_names_stand_in_their_order_and_functions_are_none() -> None:
    assert names_in(parsed("b * sqrt(a) + min(b, sqrt) <= c", "")) == ("b", "a", "sqrt", "c")


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("a @ b", "'a @ b' is not allowed; use parameters, numbers"),
        ("a // b", "not allowed"),
        ("a % b", "not allowed"),
        ("a if b else c", "not allowed"),
        ("a.real", "'a.real' is not allowed"),
        ("a[0]", "not allowed"),
        ("[a for a in b]", "not allowed"),
        ("lambda: a", "not allowed"),
        ("'a'", "not allowed"),
        ("True", "not allowed"),
        ("1j", "not allowed"),
        ("None", "not allowed"),
        ("not a", "not allowed"),
        ("a and b", "not allowed"),
        ("(a := 2)", "not allowed"),
        ("a.b()", "not allowed"),
        ("sqrt(*a)", "not allowed"),
        ("sqrt(x=a)", "not allowed"),
        ("f'{a}'", "not allowed"),
        ("__import__('os')", "not allowed|no function"),
        ("eval(a)", "there is no function 'eval'"),
        ("logg(a)", "did you mean 'log'"),
        ("sqrt(a, b)", "sqrt takes one number, got 2"),
        ("min(a)", "min takes two numbers or more, got 1"),
        ("1e999 * a", "needs finite numbers, got inf"),
        ("9" * 400 + " * a", "needs finite numbers, got inf"),
    ],
)
def test_anything_else_is_refused(text: str, told: str) -> None:
    with pytest.raises(InvalidSpace, match=told):
        compiled(parsed(text, ""), text)


@pytest.mark.parametrize(
    "text", ["-" * 100_000 + "a", "(" * 500 + "a" + ")" * 500, "a" + " + a" * 300, "-" * 400 + "a"]
)
def test_a_text_that_is_nested_too_deep_is_refused(text: str) -> None:
    with pytest.raises(InvalidSpace, match=r"cannot be read|nested deeper than 200"):
        compiled(parsed(text, ""), text)


def test_a_long_sum_of_parameters_is_allowed() -> None:
    text = " + ".join(f"x{i} * x{i}" for i in range(100))
    assert value(text, **{f"x{i}": [1.0, 2.0] for i in range(100)}) == [100.0, 400.0]


def test_parsing_makes_a_tree_and_runs_nothing() -> None:
    assert isinstance(parsed(" a <= print(1) ", ""), ast.Compare)
