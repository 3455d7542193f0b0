"""Axes of which one value alone may be taken, encoded as the whole axis is.

A model that learned from the whole space can then be asked about the part of it where, say, the temperature is 80 °C.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any

from autolab.model.categorical import Categorical
from autolab.model.mixture import Component
from autolab.model.parameters import Axis, Integer, Ordinal, Real

if TYPE_CHECKING:
    from autolab.model.ranges import Array
    from autolab.model.trial import Value


class Only:
    """What held axes of every kind have in common; `only` is the value."""

    name: str
    only: Any

    @property
    def grid(self) -> tuple[Any, ...]:
        """The one value."""
        return (self.only,)

    def fault(self, value: object) -> str | None:
        """Return what is wrong with a value, or None."""
        return None if value == self.only else f"{self.name} = {value!r} is not {self.only!r}, at which it is held"

    def decode(self, columns: Array) -> list[Any]:
        """Return the one value for each row of `n x width` columns."""
        return [self.only] * len(columns)

    def quantile(self, u: Array) -> list[Any]:
        """Return the one value for each of `n` shares."""
        return [self.only] * len(u)


# Each has a `grid` of one value where the whole axis has none or all of them, and says so: that is what is meant.
@dataclass(frozen=True)
class HeldReal(Only, Real):  # type: ignore[misc]
    """A `Real` held at one value."""

    only: float = math.nan


@dataclass(frozen=True)
class HeldInteger(Only, Integer):  # type: ignore[misc]
    """An `Integer` held at one value."""

    only: int = 0


@dataclass(frozen=True)
class HeldOrdinal(Only, Ordinal):
    """An `Ordinal` held at one value."""

    only: float = math.nan


@dataclass(frozen=True)
class HeldCategorical(Only, Categorical):
    """A `Categorical` held at one label; all labels keep their columns."""

    only: Value = ""


@dataclass(frozen=True)
class HeldComponent(Only, Component):  # type: ignore[misc]
    """A component of a mixture held at one amount."""

    only: float = math.nan


_KINDS: dict[type, Any] = {
    Real: HeldReal,
    Integer: HeldInteger,
    Ordinal: HeldOrdinal,
    Categorical: HeldCategorical,
    Component: HeldComponent,
}


def held(axis: Axis, value: Value) -> Axis:
    """Return an axis that may take one of its values alone."""
    made: Axis = _KINDS[type(axis)](**{one.name: getattr(axis, one.name) for one in fields(axis)}, only=value)
    return made
