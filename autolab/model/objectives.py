"""What to reach: objectives, and measured quantities to keep within a bound."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Literal, overload

from autolab.model.errors import InputError
from autolab.model.names import check_name

Goal = Literal["maximize", "minimize", "match"]
Side = Literal["<=", ">="]
_BOUND = re.compile(r"\s*(?:(?P<name>[^\W\d]\w*)\s*)?(?P<side><=|>=)\s*(?P<bound>[-+]?[\d.]+(?:[eE][-+]?\d+)?)\s*")


@dataclass(frozen=True)
class Objective:
    """A measured quantity to maximize, minimize or bring to a target.

    Attributes:
        name: Of the quantity, as the outcome names it.
        goal: `maximize`, `minimize` or `match`.
        target: What to match, in `unit`; only for `match`.
        unit: As people write it.
    """

    name: str
    goal: Goal = "maximize"
    target: float | None = None
    unit: str = ""

    def __post_init__(self) -> None:
        check_name(self.name, "objective", InputError)
        if self.goal not in {"maximize", "minimize", "match"}:
            msg = f"objective {self.name!r}: goal must be 'maximize', 'minimize' or 'match', got {self.goal!r}"
            raise InputError(msg)
        if (self.goal == "match") != (self.target is not None):
            msg = f"objective {self.name!r}: 'match' needs a target and no other goal has one, got {self.target!r}"
            raise InputError(msg)
        if self.target is not None:
            object.__setattr__(self, "target", _finite(self.target, f"objective {self.name!r}: target"))

    @property
    def sign(self) -> float:
        """1 where high values are good, -1 where low ones are, 0 where a value is to be matched."""
        return {"maximize": 1.0, "minimize": -1.0, "match": 0.0}[self.goal]

    @overload
    def utility(self, value: float) -> float: ...
    @overload
    def utility(self, value: Any) -> Any: ...  # noqa: ANN401  an array, NumPy's or torch's, and the same again

    def utility(self, value: Any) -> Any:  # a number or an array
        """Return the value on a scale where more is better: itself, its negative, or minus the distance to the target.

        >>> Objective("pH", "match", target=7.0).utility(6.5)
        -0.5
        """
        if self.target is not None:
            return -abs(value - self.target)
        return value if self.goal == "maximize" else -value


@dataclass(frozen=True)
class OutcomeConstraint:
    """A measured quantity to keep within a bound.

    Attributes:
        name: Of the quantity, as the outcome names it.
        side: `<=` or `>=`.
        bound: In the quantity's unit.
    """

    name: str
    side: Side
    bound: float

    def __post_init__(self) -> None:
        check_name(self.name, "outcome constraint", InputError)
        if self.side not in {"<=", ">="}:
            msg = f"outcome constraint {self.name!r}: write '<=' or '>=', got {self.side!r}"
            raise InputError(msg)
        object.__setattr__(self, "bound", _finite(self.bound, f"outcome constraint {self.name!r}: bound"))

    @classmethod
    def parse(cls, text: str, name: str | None = None) -> OutcomeConstraint:
        """Return the constraint that `cost <= 0.9`, or with `name` given `<= 0.9`, states.

        Raises:
            InputError: The text states no bound.

        >>> OutcomeConstraint.parse("<= 0.9", name="cost")
        OutcomeConstraint(name='cost', side='<=', bound=0.9)
        """
        found = _BOUND.fullmatch(text)
        named = (found["name"] or name) if found else name
        if found is None or named is None or (name is not None and named != name):
            what = f"outcome constraint {name!r}" if name else "outcome constraint"
            msg = f"{what}: {text!r} cannot be read; write it like {'' if name else 'cost '}<= 0.9 or >= 0.9"
            raise InputError(msg)
        side: Side = "<=" if found["side"] == "<=" else ">="
        return cls(named, side, _finite(found["bound"], f"outcome constraint {named!r}: bound"))

    def __str__(self) -> str:
        return f"{self.name} {self.side} {self.bound!r}"

    def holds(self, value: float) -> bool:
        """Return whether a value keeps the bound."""
        return value <= self.bound if self.side == "<=" else value >= self.bound


def allowed(limits: Iterable[OutcomeConstraint]) -> dict[str, tuple[float, float]]:
    """Return quantity -> the least and the most that limits allow, infinite where none does.

    >>> allowed([OutcomeConstraint("c", "<=", 4), OutcomeConstraint("c", "<=", 3)])
    {'c': (-inf, 3.0)}
    """
    found: dict[str, tuple[float, float]] = {}
    for one in limits:
        low, high = found.get(one.name, (-math.inf, math.inf))
        found[one.name] = (low, min(high, one.bound)) if one.side == "<=" else (max(low, one.bound), high)
    return found


def check_room(limits: Iterable[OutcomeConstraint]) -> None:
    """Raise where limits on one quantity leave no value between them.

    Raises:
        InputError: The least that one allows is not below the most that another does.
    """
    for name, (low, high) in allowed(limits).items():
        if low >= high:
            msg = f"outcome constraint {name!r}: no value lies between {name} >= {low!r} and {name} <= {high!r}; "
            msg += "to match a value give an objective a target"
            raise InputError(msg)


def _finite(value: object, what: str) -> float:
    try:
        number = math.nan if isinstance(value, bool) else float(value)  # type: ignore[arg-type]  # float itself checks
    except (TypeError, ValueError):
        number = math.nan
    if not math.isfinite(number):
        msg = f"{what} must be a finite number, got {value!r}"
        raise InputError(msg)
    return number
