"""The columns of a table of candidates, and where a row lies among them.

A column of numbers is kept as an array, one with texts as codes of its labels: a table of millions of rows stays small,
and nothing here goes through its rows one by one.

Notation: `N` rows.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from autolab.model.errors import InvalidSpace
from autolab.model.ranges import LAST_BITS, is_finite, plain

if TYPE_CHECKING:
    from autolab.model.ranges import Array
    from autolab.model.trial import Value

Places = NDArray[np.int64]

_WHOLE = 2**63  # an integer of an array is smaller
_EXACT = 2**53  # a float holds each whole number below
_ROOM = 2**62  # codes of rows stay below


@dataclass(frozen=True, eq=False)
class Numbers:
    """A column of numbers, one column of the encoded cube.

    Attributes:
        values: `N`, whole numbers or floats.
        low: What is encoded as 0.
        span: What above `low` is encoded as 1.
    """

    values: NDArray[Any]
    low: float
    span: float

    @classmethod
    def of(cls, values: NDArray[Any]) -> Numbers:
        """Return the column that is scaled by its own least and greatest value."""
        low, high = float(values.min()), float(values.max())
        return cls(values, low, high - low if high > low else 1.0)

    width = 1

    def __len__(self) -> int:
        return len(self.values)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Numbers) or (self.low, self.span) != (other.low, other.span):
            return False
        return np.array_equal(self.values, other.values)

    __hash__ = None  # type: ignore[assignment]  # the table has its own

    def names(self, name: str) -> list[str]:
        """Return the names of its encoded columns."""
        return [name]

    def take(self, rows: Places) -> Numbers:
        """Return the column of some rows, encoded as in the whole."""
        return Numbers(self.values[rows], self.low, self.span)

    def plain(self, rows: Places | slice) -> list[Value]:
        """Return the values of rows as Python's numbers."""
        values: list[Value] = self.values[rows].tolist()
        return values

    def write(self, into: Array) -> None:
        """Write the encoded rows into `N x 1`."""
        np.subtract(self.values, self.low, out=into[:, 0])
        into[:, 0] /= self.span

    def encode(self, values: Sequence[Any]) -> Array:
        """Return `n x 1`.

        Raises:
            TypeError: A value is no number.
            ValueError: A text that reads as none.
        """
        return np.asarray((np.asarray(values, dtype=float)[:, None] - self.low) / self.span)

    @cached_property
    def known(self) -> NDArray[Any]:
        """The different values, rising."""
        return np.unique(self.values)

    @property
    def codes(self) -> Places:
        """A code a row, equal for equal values, less than `count`."""
        return np.searchsorted(self.known, self.values).astype(np.int64)

    @property
    def count(self) -> int:
        """How many codes there are."""
        return len(self.known)

    def is_(self, value: object) -> NDArray[np.bool_]:
        """Return which rows hold a value."""
        (code,) = self.codes_of([value])
        return np.asarray(self.values == self.known[code]) if code >= 0 else np.zeros(len(self), dtype=bool)

    def codes_of(self, values: Sequence[object]) -> Places:
        """Return the codes of any values, -1 for those that the column does not hold, be it but for rounding."""
        whole = self.values.dtype.kind == "i"
        asked, good = np.zeros(len(values), dtype=self.values.dtype), np.zeros(len(values), dtype=bool)
        for i, value in enumerate(values):
            if is_finite(value) and not (whole and (value != int(value) or abs(value) >= _WHOLE)):
                asked[i], good[i] = value, True
        at = np.minimum(np.searchsorted(self.known, asked), len(self.known) - 1)
        if whole:
            good &= self.known[at] == asked
        else:  # the one before may be nearer
            before = np.maximum(at - 1, 0)
            at = np.where(np.abs(self.known[before] - asked) < np.abs(self.known[at] - asked), before, at)
            good &= np.abs(self.known[at] - asked) <= LAST_BITS * np.abs(asked)
        return np.where(good, at, -1).astype(np.int64)

    def key(self, value: Value) -> Value:
        """Return the value of the column that a number is but for rounding; the number itself where there is none."""
        if not isinstance(value, float) or self.values.dtype.kind == "i":
            return value
        at = self.known.searchsorted(value)
        if at < len(self.known) and self.known[at] == value:  # as nearly always, and ten times as fast as below
            return value
        (code,) = self.codes_of([value])
        return value if code < 0 else float(self.known[code])


@dataclass(frozen=True, eq=False)
class Labels:
    """A column with texts, one-hot in the encoded cube.

    Attributes:
        places: `N`: each row's place among the labels.
        labels: All that are encoded; rows need not have each of them.
    """

    places: NDArray[np.int32]
    labels: tuple[Value, ...]

    @classmethod
    def of(cls, values: Sequence[Value]) -> Labels:
        """Return the column of values, labels in the order in which they come first."""
        codes = {label: i for i, label in enumerate(dict.fromkeys(values))}
        return cls(np.fromiter(map(codes.__getitem__, values), dtype=np.int32, count=len(values)), tuple(codes))

    @property
    def width(self) -> int:
        """Encoded columns."""
        return len(self.labels)

    def __len__(self) -> int:
        return len(self.places)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Labels) or self.labels != other.labels:
            return False
        return np.array_equal(self.places, other.places)

    __hash__ = None  # type: ignore[assignment]  # the table has its own

    def names(self, name: str) -> list[str]:
        """Return the names of its encoded columns."""
        return [f"{name}={label}" for label in self.labels]

    def take(self, rows: Places) -> Labels:
        """Return the column of some rows, encoded as in the whole."""
        return Labels(self.places[rows], self.labels)

    def plain(self, rows: Places | slice) -> list[Value]:
        """Return the labels of rows."""
        return [self.labels[i] for i in self.places[rows].tolist()]

    def write(self, into: Array) -> None:
        """Write the encoded rows into `N x width`, which is 0."""
        into[np.arange(len(self.places)), self.places] = 1.0

    def encode(self, values: Sequence[Any]) -> Array:
        """Return `n x width`.

        Raises:
            KeyError: A label that the column does not know.
        """
        encoded = np.zeros((len(values), self.width))
        encoded[np.arange(len(values)), [self._codes[value] for value in values]] = 1.0
        return encoded

    @cached_property
    def _codes(self) -> dict[Value, int]:
        return {label: i for i, label in enumerate(self.labels)}

    @property
    def codes(self) -> Places:
        """A code a row, equal for equal values, less than `count`."""
        return self.places.astype(np.int64)

    @property
    def count(self) -> int:
        """How many codes there are."""
        return len(self.labels)

    def is_(self, value: object) -> NDArray[np.bool_]:
        """Return which rows hold a value."""
        return np.asarray(self.places == self._code(value))

    def key(self, value: Value) -> Value:
        """Return a value as it is."""
        return value

    def codes_of(self, values: Sequence[Any]) -> Places:
        """Return the codes of any values, -1 for those that the column does not know."""
        return np.array([self._code(value) for value in values], dtype=np.int64).reshape(len(values))

    def _code(self, value: Any) -> int:  # noqa: ANN401  any value of a point
        try:
            return self._codes.get(value, -1)
        except TypeError:  # not hashable, so no label
            return -1


Column = Numbers | Labels


def alike(columns: Sequence[Column]) -> Places:
    """Return a number a row, equal for rows that have equal values in all columns; the numbers are 0, 1, 2 ..."""
    numbers = np.zeros(len(columns[0]), dtype=np.int64)
    for column in columns:
        numbers = np.unique(numbers * column.count + column.codes, return_inverse=True)[1]
    return numbers


class Index:
    """Finds rows by what they hold: each row has one number, made of the codes of its values.

    Args:
        columns: Of one length.

    Attributes:
        distinct: Whether no row is there twice.
    """

    def __init__(self, columns: Sequence[Column]) -> None:
        self._columns = columns
        self._ranks: list[Places | None] = []
        numbers, count = np.zeros(len(columns[0]), dtype=np.int64), 1
        for column in columns:
            known = None
            if count * column.count >= _ROOM:  # give the numbers that occur their ranks, of which there are few
                known, numbers = np.unique(numbers, return_inverse=True)
                count = len(known)
            self._ranks.append(known)
            numbers, count = numbers * column.count + column.codes, count * column.count
        self._order = np.argsort(numbers, kind="stable")
        self._sorted = numbers[self._order]

    @property
    def distinct(self) -> bool:
        """Whether no row is there twice."""
        return not (self._sorted[1:] == self._sorted[:-1]).any()

    def twice(self) -> int:
        """Return the first row, in order, that a row before it equals."""
        (again,) = np.nonzero(self._sorted[1:] == self._sorted[:-1])
        return int(self._order[again + 1].min())

    def rows(self, keys: Sequence[Sequence[object]]) -> Places:
        """Return the row of each key (its values, a column each), -1 where there is none."""
        if not keys:
            return np.zeros(0, dtype=np.int64)
        numbers, good = np.zeros(len(keys), dtype=np.int64), np.ones(len(keys), dtype=bool)
        for column, known, values in zip(self._columns, self._ranks, zip(*keys, strict=True), strict=True):
            if known is not None:
                at = np.minimum(np.searchsorted(known, numbers), len(known) - 1)
                good &= known[at] == numbers
                numbers = at.astype(np.int64)
            codes = column.codes_of(values)
            good &= codes >= 0
            numbers = numbers * column.count + np.maximum(codes, 0)
        at = np.minimum(np.searchsorted(self._sorted, numbers), len(self._sorted) - 1)
        return np.where(good & (self._sorted[at] == numbers), self._order[at], -1).astype(np.int64)


def column_of(name: str, given: Sequence[Any] | NDArray[Any]) -> Column:
    """Return a column as it is kept.

    Args:
        name: For messages.
        given: One value at least.

    Raises:
        InvalidSpace: A value that is neither a finite number nor a text; the message names its row.
    """
    if isinstance(given, np.ndarray) and given.dtype.kind in "if" and np.isfinite(given).all():
        return Numbers.of(given.astype(np.int64 if given.dtype.kind == "i" else np.float64))
    values = list(given.tolist() if isinstance(given, np.ndarray) else given)
    if not set(map(type, values)) <= {int, float, str}:
        values = [plain(value) for value in values]
    kinds = set(map(type, values))
    if kinds == {str}:
        return Labels.of(values)
    numbers = _array(values, whole=kinds == {int}) if kinds <= {int, float} else None
    if numbers is not None:
        return Numbers.of(numbers)
    for row, value in enumerate(values, 1):
        if not isinstance(value, str) and not is_finite(value):
            msg = f"candidate {row}: {name!r} must be a finite number or a text, got {value!r}"
            raise InvalidSpace(msg)
    if kinds <= {int, float}:
        wrong = next(value for value in values if isinstance(value, int) and abs(value) >= _EXACT)
        msg = f"column {name!r} of the candidates: {wrong!r} is too large to be calculated with exactly; quote it"
        raise InvalidSpace(msg)
    return Labels.of(values)


def _array(values: Sequence[Any], *, whole: bool) -> NDArray[Any] | None:
    """Return numbers as an array; None where it cannot hold them as they are."""
    try:
        numbers = np.array(values, dtype=np.int64 if whole else np.float64)
    except OverflowError:
        return None
    if not np.isfinite(numbers).all():
        return None
    rounded = not whole and float(np.abs(numbers).max()) >= _EXACT and any(isinstance(value, int) for value in values)
    return None if rounded else numbers
