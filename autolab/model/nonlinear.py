"""Constraints between parameters that are not linear: formulas, or functions of a point."""

from __future__ import annotations

import ast
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from autolab.model.constraints import Linear, NotLinear
from autolab.model.errors import InvalidSpace
from autolab.model.formula import Columns, Formula, compiled, names_in, parsed

if TYPE_CHECKING:
    from autolab.model.trial import Point

Array = NDArray[np.float64]
_EXAMPLE = "write it like 'a * b <= 3' or 'sqrt(x**2 + y**2) >= 1'"


@dataclass(frozen=True, init=False)
class Nonlinear:
    """A formula of parameters kept above or below another, or a function of the point kept at or above 0.

    Where the formula is not defined (a division by zero, the logarithm of 0), or the function raises or gives no finite
    number, the constraint is not kept: a point that nobody can judge is not allowed.

    Args:
        stated: A text such as `a * b <= 3`, of numbers, numeric parameters, `+ - * / **`, `sqrt`, `exp`, `log`, `log10`,
            `log2`, `abs`, `min`, `max` and the trigonometric and hyperbolic functions. It is parsed, never run. Or a
            function: point -> number (not True or False), 0 or more where kept; pure, for planners ask it often and in any order.
        text: What a function is called in messages; its own name without it.

    Attributes:
        function: The function; None for a formula.
        text: The formula, or what the function is called.

    Raises:
        InvalidSpace: The text holds something else, no parameter, or compares in another way than once by <= or >=.

    >>> print(Nonlinear("a*b<=3"))
    a * b <= 3
    >>> Nonlinear("log10(a) >= 2").margins({"a": np.array([1000.0, 10.0, 0.0])})
    array([ 1., -1., nan])
    >>> print(Nonlinear(lambda point: 3 - point["a"] * point["b"], text="little of both"))
    little of both
    """

    function: Callable[[Point], float] | None
    text: str

    def __init__(self, stated: str | Callable[[Point], float], text: str | None = None) -> None:
        if isinstance(stated, str):
            if text is not None:
                msg = f"a formula such as {stated!r} is its own text; leave text out"
                raise InvalidSpace(msg)
            object.__setattr__(self, "function", None)
            object.__setattr__(self, "text", ast.unparse(_compared(stated)))
            self._sides  # noqa: B018  refused here, and not when first asked
            if not self.names:
                msg = f"constraint {stated!r} must hold at least one parameter; {_EXAMPLE}"
                raise InvalidSpace(msg)
            return
        if not callable(stated):
            msg = f"a nonlinear constraint is a text or a function of a point, got {stated!r}; {_EXAMPLE}"
            raise InvalidSpace(msg)
        object.__setattr__(self, "function", stated)
        object.__setattr__(self, "text", text or getattr(stated, "__name__", type(stated).__name__))

    def __str__(self) -> str:
        """Return the text; `Nonlinear` reads that of a formula back."""
        return self.text

    def __reduce__(self) -> tuple[type[Nonlinear], tuple[Any, ...]]:
        return type(self), ((self.text,) if self.function is None else (self.function, self.text))

    @cached_property
    def names(self) -> tuple[str, ...]:
        """The parameters of the formula; none for a function, which may look at any."""
        return () if self.function is not None else names_in(_compared(self.text))

    @cached_property
    def _sides(self) -> tuple[Formula, Formula, float]:
        tree = _compared(self.text)
        sign = 1.0 if isinstance(tree.ops[0], ast.LtE) else -1.0
        return compiled(tree.left, self.text), compiled(tree.comparators[0], self.text), sign

    def margins(self, columns: Columns) -> Array:
        """Return by how much each point keeps the constraint: negative where it does not, NaN where undefined.

        Of a formula the difference of its sides, of a function its value.

        Args:
            columns: Each parameter's `n` values.
        """
        return self._told(columns)[0]

    def excess(self, columns: Columns) -> Array:
        """Return by how much each point misses the constraint, relative to the sides where these are more than 1.

        So that rounding can be told from a miss: 0 or less where kept, infinite where the formula is not defined.
        """
        margins, scale = self._told(columns)
        return np.where(np.isfinite(margins), -margins / scale, np.inf)

    def _told(self, columns: Columns) -> tuple[Array, Array | float]:
        size = len(next(iter(columns.values())))
        if self.function is not None:
            names = list(columns)
            rows = zip(*(_plain(columns[name]) for name in names), strict=True)
            return np.array([self._asked(dict(zip(names, row, strict=True)))[0] for row in rows]), 1.0
        left, right, sign = self._sides
        with np.errstate(all="ignore"):
            first, second = np.broadcast_to(left(columns), size), np.broadcast_to(right(columns), size)
            return sign * (second - first), np.maximum(1.0, np.fmax(np.abs(first), np.abs(second)))

    def _asked(self, point: Point) -> tuple[float, str]:
        """Return the value of the function at a point, NaN without one, and why there is none."""
        if self.function is None:
            return math.nan, ""
        try:
            told = self.function(point)
            value = float(told)
        except Exception as error:  # whatever a person's function raises
            return math.nan, f"{type(error).__name__}: {error}"
        if isinstance(told, bool | np.bool_):  # False would be 0, and so kept
            return math.nan, f"it gives {told}, where a number is wanted: 0 or more where kept, such as 3 - point['a']"
        return (value, "") if math.isfinite(value) else (math.nan, f"it gives {value!r}")

    def undefined(self, point: Point) -> str:
        """Return why the constraint cannot be judged at a point where it has no value."""
        return "the formula is not defined here" if self.function is None else self._asked(dict(point))[1]


def stated(text: str) -> Linear | Nonlinear:
    """Return the constraint that a text states: a `Linear` where it is one, else a `Nonlinear`.

    Raises:
        InvalidSpace: It states neither.

    >>> stated("2 * a + b / 4 <= 3"), stated("a * b <= 3")
    (Linear(coefficients={'a': 2.0, 'b': 0.25}, relation='<=', bound=3.0), Nonlinear(function=None, text='a * b <= 3'))
    """
    try:
        return Linear.parse(text)
    except NotLinear:
        return Nonlinear(text)


def _compared(text: str) -> ast.Compare:
    tree = parsed(text, _EXAMPLE)
    if not isinstance(tree, ast.Compare) or len(tree.ops) != 1:
        msg = f"constraint {text!r} must compare once; {_EXAMPLE}"
        raise InvalidSpace(msg)
    if isinstance(tree.ops[0], ast.Eq):
        msg = (
            f"constraint {text!r}: an equality that is not linear leaves nothing that can be found by trying; give two "
            "constraints, <= and >=, as far apart as you can bear, or leave out the parameter that follows from the rest"
        )
        raise InvalidSpace(msg)
    if not isinstance(tree.ops[0], ast.LtE | ast.GtE):
        msg = f"constraint {text!r} must compare by <= or >=; {_EXAMPLE}"
        raise InvalidSpace(msg)
    return tree


def _plain(values: NDArray[Any] | Sequence[Any]) -> list[Any]:
    return values.tolist() if isinstance(values, np.ndarray) else list(values)
