"""A choice between labels."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from autolab.model.errors import InvalidSpace
from autolab.model.names import check_name, did_you_mean
from autolab.model.ranges import Array, bins, is_finite, plain

if TYPE_CHECKING:
    from autolab.model.trial import Value


@dataclass(frozen=True)
class Categorical:
    """A choice between labels.

    Attributes:
        name: Key in the point.
        values: The labels (texts or numbers).
        descriptors: Label -> {descriptor: number}, the same descriptors for each label; they replace the one-hot
            columns, so that a model can tell which labels are alike.
    """

    name: str
    values: Sequence[Value]
    descriptors: Mapping[Value, Mapping[str, float]] | None = field(default=None, hash=False)

    def __post_init__(self) -> None:
        check_name(self.name, "parameter", InvalidSpace)
        values = (self.values,) if isinstance(self.values, str) else tuple(plain(value) for value in self.values)
        object.__setattr__(self, "values", values)
        for value in values:
            if not isinstance(value, str) and not is_finite(value):
                msg = f"{self.name!r}: a category must be a text or a number, got {value!r}; quote yes, no, on and off"
                raise InvalidSpace(msg)
        if len(values) < 2 or len(set(values)) < len(values):
            msg = f"{self.name!r}: give at least two different categories, got {values!r}"
            raise InvalidSpace(msg)
        if self.descriptors is not None:
            rows = {value: dict(row) for value, row in self.descriptors.items()}
            object.__setattr__(self, "descriptors", rows)
            _check_descriptors(self)

    @property
    def grid(self) -> Sequence[Value]:
        """All its values."""
        return self.values

    def key(self, value: Value) -> Value:
        """Return what two values have in common that are one: themselves."""
        return value

    @property
    def width(self) -> int:
        """Columns in the encoded cube."""
        return int(self.codes.shape[1])

    @property
    def codes(self) -> Array:
        """One row a label in the encoded cube, `k x width`."""
        if self.descriptors is None:
            return np.eye(len(self.values))
        keys = list(self.descriptors[self.values[0]])
        table = np.array([[self.descriptors[value][key] for key in keys] for value in self.values], dtype=float)
        span = np.ptp(table, axis=0)
        return np.asarray((table - table.min(axis=0)) / np.where(span > 0, span, 1.0))

    def fault(self, value: object) -> str | None:
        """Return what is wrong with a value, or None."""
        if isinstance(value, str | int | float) and not isinstance(value, bool) and value in self.values:
            return None
        return f"{self.name} = {value!r} is not a category: {did_you_mean(value, [str(v) for v in self.values])}"

    def encode(self, values: Sequence[Any]) -> Array:
        """Return `n x width`: each label's row of `codes`."""
        codes, places = self.codes, {value: i for i, value in enumerate(self.values)}
        return np.asarray(codes[[places[value] for value in values]])

    def decode(self, columns: Array) -> list[Value]:
        """Return the labels whose rows are nearest (for one-hot columns: the largest)."""
        distance = ((columns[:, None, :] - self.codes[None]) ** 2).sum(axis=2)
        return [self.values[i] for i in distance.argmin(axis=1)]

    def quantile(self, u: Array) -> list[Value]:
        """Return labels of which each holds an equal share of 0..1."""
        return [self.values[i] for i in bins(u, len(self.values))]


def _check_descriptors(choice: Categorical) -> None:
    name, values, rows = choice.name, choice.values, choice.descriptors or {}
    unknown = [value for value in rows if value not in values]
    missing = [value for value in values if value not in rows]
    if unknown or missing:
        msg = f"{name!r}: descriptors must cover each category; missing {missing!r}, unknown {unknown!r}"
        raise InvalidSpace(msg)
    keys = list(rows[values[0]])
    for value in values:
        if not keys or sorted(rows[value]) != sorted(keys):
            msg = f"{name!r}: category {value!r} must have the descriptors {keys!r}, got {list(rows[value])!r}"
            raise InvalidSpace(msg)
        for key, number in rows[value].items():
            if not is_finite(number):
                msg = f"{name!r}: descriptor {key!r} of {value!r} must be a finite number, got {number!r}"
                raise InvalidSpace(msg)
    told = {tuple(rows[value][key] for key in keys) for value in values}
    if len(told) < len(values):
        msg = f"{name!r}: two categories have equal descriptors; add a descriptor that tells them apart"
        raise InvalidSpace(msg)
