"""Linear constraints between parameters, exact, in the user's units."""

from __future__ import annotations

import ast
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from autolab.model.errors import InvalidSpace
from autolab.model.formula import parsed

Relation = Literal["<=", ">=", "=="]
_OPERATORS: Mapping[type[ast.cmpop], Relation] = {ast.LtE: "<=", ast.GtE: ">=", ast.Eq: "=="}
_EXAMPLE = "write it like '2.0 * salt + acid <= 1.6', with <=, >= or =="


class NotLinear(InvalidSpace):
    """A constraint that is not linear, and may be stated as another kind."""


@dataclass(frozen=True)
class Linear:
    """A weighted sum of parameters kept at, below or above a bound.

    Attributes:
        coefficients: Parameter (or mixture component) -> weight.
        relation: `<=`, `>=` or `==`.
        bound: Right-hand side.

    >>> Linear({"a": 2.0, "b": -1.0}, "<=", 1.6)
    Linear(coefficients={'a': 2.0, 'b': -1.0}, relation='<=', bound=1.6)
    >>> print(Linear.parse("2*a <= b + 1.6"))
    2.0 * a - b <= 1.6
    """

    coefficients: Mapping[str, float] = field(hash=False)
    relation: Relation
    bound: float

    def __post_init__(self) -> None:
        weights = {name: float(weight) for name, weight in self.coefficients.items()}
        object.__setattr__(self, "coefficients", {name: weight for name, weight in weights.items() if weight != 0})
        object.__setattr__(self, "bound", float(self.bound))
        if self.relation not in {"<=", ">=", "=="}:
            msg = f"a linear constraint's relation must be <=, >= or ==, got {self.relation!r}"
            raise InvalidSpace(msg)
        wrong = [value for value in (*weights.values(), self.bound) if not math.isfinite(value)]
        if wrong:
            msg = f"a linear constraint needs finite numbers, got {wrong[0]!r}"
            raise InvalidSpace(msg)
        if not self.coefficients:
            msg = f"a linear constraint must weigh at least one parameter; {_EXAMPLE}"
            raise InvalidSpace(msg)

    @classmethod
    def parse(cls, text: str) -> Linear:
        """Return the constraint that a text such as `a + 2*b <= 3` states.

        Both sides may be sums of products of numbers with parameters.

        Raises:
            InvalidSpace: The text is not a linear constraint.
        """
        tree = parsed(text, _EXAMPLE)
        if not isinstance(tree, ast.Compare) or len(tree.ops) != 1 or type(tree.ops[0]) not in _OPERATORS:
            msg = f"constraint {text!r} must compare once; {_EXAMPLE}"
            raise InvalidSpace(msg)
        left, left_number = _affine(tree.left, text)
        right, right_number = _affine(tree.comparators[0], text)
        weights = dict(left)
        for name, weight in right.items():
            weights[name] = weights.get(name, 0.0) - weight
        return cls(weights, _OPERATORS[type(tree.ops[0])], right_number - left_number)

    def __str__(self) -> str:
        """Return text that `parse` reads back."""
        terms = " + ".join(
            name if weight == 1 else f"-{name}" if weight == -1 else f"{weight!r} * {name}"
            for name, weight in self.coefficients.items()
        )
        return f"{terms} {self.relation} {self.bound!r}".replace("+ -", "- ")

    def excess(self, point: Mapping[str, object]) -> float:
        """Return by how much a point misses the bound, in the bound's unit; 0 or less where it is kept."""
        total = math.fsum(weight * float(point[name]) for name, weight in self.coefficients.items())  # type: ignore[arg-type]  # numbers: the space has checked
        if self.relation == "==":
            return abs(total - self.bound)
        return total - self.bound if self.relation == "<=" else self.bound - total


def _affine(node: ast.expr, text: str) -> tuple[dict[str, float], float]:
    """Return (weights, number) of an expression that is a weighted sum."""
    match node:
        case ast.Constant(value=int() | float() as number) if not isinstance(number, bool):
            return {}, float(number)
        case ast.Name(id=name):
            return {name: 1.0}, 0.0
        case ast.UnaryOp(op=ast.USub(), operand=operand):
            return _scaled(_affine(operand, text), -1.0)
        case ast.UnaryOp(op=ast.UAdd(), operand=operand):
            return _affine(operand, text)
        case ast.BinOp(left=left, op=ast.Add() | ast.Sub() as op, right=right):
            sign = 1.0 if isinstance(op, ast.Add) else -1.0
            return _added(_affine(left, text), _scaled(_affine(right, text), sign))
        case ast.BinOp(left=left, op=ast.Mult(), right=right):
            first, second = _affine(left, text), _affine(right, text)
            if not first[0]:
                return _scaled(second, first[1])
            if not second[0]:
                return _scaled(first, second[1])
        case ast.BinOp(left=left, op=ast.Div(), right=right):
            divisor = _affine(right, text)
            if not divisor[0] and divisor[1] != 0:
                return _scaled(_affine(left, text), 1.0 / divisor[1])
    msg = f"constraint {text!r}: {ast.unparse(node)!r} is not linear; {_EXAMPLE}"
    raise NotLinear(msg)


def _scaled(form: tuple[dict[str, float], float], factor: float) -> tuple[dict[str, float], float]:
    return {name: weight * factor for name, weight in form[0].items()}, form[1] * factor


def _added(a: tuple[dict[str, float], float], b: tuple[dict[str, float], float]) -> tuple[dict[str, float], float]:
    weights = dict(a[0])
    for name, weight in b[0].items():
        weights[name] = weights.get(name, 0.0) + weight
    return weights, a[1] + b[1]
