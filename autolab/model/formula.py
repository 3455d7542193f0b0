"""Formulas of parameters, read from text and calculated for many points at once.

The text is parsed, never run: what is not listed here is refused. A formula that is not defined at a point (a division
by zero, the logarithm of 0, the root of a negative number, a result beyond what a float holds) is NaN there, also where
later steps would make a number of it again.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from autolab.model.errors import InvalidSpace
from autolab.model.names import did_you_mean

Array = NDArray[np.float64]
Columns = Mapping[str, NDArray[Any]]
"""Parameter -> its values, one a point."""
Formula = Callable[[Columns], Array]

FUNCTIONS: Mapping[str, Callable[..., Any]] = {
    "abs": np.abs,
    "acos": np.arccos,
    "asin": np.arcsin,
    "atan": np.arctan,
    "cos": np.cos,
    "cosh": np.cosh,
    "exp": np.exp,
    "log": np.log,
    "log10": np.log10,
    "log2": np.log2,
    "sin": np.sin,
    "sinh": np.sinh,
    "sqrt": np.sqrt,
    "tan": np.tan,
    "tanh": np.tanh,
}
"""Functions of one number; `log` is the natural logarithm."""
CHOICES: Mapping[str, Callable[..., Any]] = {"max": np.maximum, "min": np.minimum}
"""Functions of two or more numbers."""
_DEEPEST = 200  # levels of a tree: each is a call or two when the formula is calculated
_OPERATORS: Mapping[type[ast.operator], Callable[..., Any]] = {
    ast.Add: np.add,
    ast.Sub: np.subtract,
    ast.Mult: np.multiply,
    ast.Div: np.divide,
    ast.Pow: np.power,
}


def parsed(text: str, example: str) -> ast.expr:
    """Return the tree of a constraint's text.

    Raises:
        InvalidSpace: It cannot be read, or is nested too deep.
    """
    try:
        tree = ast.parse(text.strip(), mode="eval").body
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        msg = f"constraint {shortened(text)} cannot be read; {example}"
        raise InvalidSpace(msg) from None
    level: list[ast.AST] = [tree]
    for _ in range(_DEEPEST):
        level = [inner for one in level for inner in ast.iter_child_nodes(one)]
        if not level:
            return tree
    msg = f"constraint {shortened(text)} is nested deeper than {_DEEPEST} steps; state it as a function, or in parts"
    raise InvalidSpace(msg)


def shortened(text: str) -> str:
    """Return a text in quotes, the beginning of a long one."""
    return repr(text if len(text) <= 200 else text[:197] + "...")


def compiled(node: ast.expr, text: str) -> Formula:
    """Return the formula that an expression states.

    Raises:
        InvalidSpace: It holds something that is not allowed; the message names it.
    """
    match node:
        case ast.Constant(value=int() | float() as number) if not isinstance(number, bool):
            return _constant(number, text)
        case ast.Name(id=name):
            return lambda columns: np.asarray(columns[name], dtype=float)
        case ast.UnaryOp(op=ast.UAdd(), operand=operand):
            return compiled(operand, text)
        case ast.UnaryOp(op=ast.USub(), operand=operand):
            return _applied(np.negative, compiled(operand, text))
        case ast.BinOp(left=left, op=op, right=right) if type(op) in _OPERATORS:
            return _applied(_OPERATORS[type(op)], compiled(left, text), compiled(right, text))
        case ast.Call(func=ast.Name(id=name), args=args, keywords=[]) if not any(
            isinstance(one, ast.Starred) for one in args
        ):
            return _called(name, [compiled(one, text) for one in args], text)
    msg = (
        f"constraint {text!r}: {ast.unparse(node)!r} is not allowed; use parameters, numbers, + - * / ** and "
        f"{', '.join([*FUNCTIONS, *CHOICES])}"
    )
    raise InvalidSpace(msg)


def names_in(node: ast.expr) -> tuple[str, ...]:
    """Return the parameters of an expression, each once, in the order in which they stand."""
    called = {id(one.func) for one in ast.walk(node) if isinstance(one, ast.Call)}
    found = [one for one in ast.walk(node) if isinstance(one, ast.Name) and id(one) not in called]
    found.sort(key=lambda one: (one.lineno, one.col_offset))
    return tuple(dict.fromkeys(one.id for one in found))


def _constant(number: float, text: str) -> Formula:
    try:
        value = np.float64(number)
    except OverflowError:
        value = np.float64(np.inf)
    if not np.isfinite(value):
        msg = f"constraint {text!r}: a formula needs finite numbers, got {float(value)!r}"
        raise InvalidSpace(msg)
    return lambda columns: np.asarray(value)


def _called(name: str, args: list[Formula], text: str) -> Formula:
    if name in FUNCTIONS and len(args) == 1:
        return _applied(FUNCTIONS[name], *args)
    if name in CHOICES and len(args) >= 2:
        joined = args[0]
        for one in args[1:]:
            joined = _applied(CHOICES[name], joined, one)
        return joined
    if name in FUNCTIONS or name in CHOICES:
        wanted = "one number" if name in FUNCTIONS else "two numbers or more"
        msg = f"constraint {text!r}: {name} takes {wanted}, got {len(args)}"
    else:
        msg = f"constraint {text!r}: there is no function {name!r}: {did_you_mean(name, [*FUNCTIONS, *CHOICES])}"
    raise InvalidSpace(msg)


def _applied(function: Callable[..., Any], *args: Formula) -> Formula:
    def formula(columns: Columns) -> Array:
        given = [one(columns) for one in args]
        found = np.asarray(function(*given), dtype=float)
        good = np.isfinite(found)
        for one in given:  # what was not defined stays so: NaN ** 0 were 1
            good = good & np.isfinite(one)
        return np.where(good, found, np.nan)

    return formula
