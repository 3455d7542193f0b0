"""A finite table of candidates: another kind of space."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any, overload

import numpy as np

from autolab.model.columns import Index, Numbers, Places, alike, column_of
from autolab.model.errors import EmptySpace, InvalidSpace, OutsideSpace
from autolab.model.names import RESERVED, did_you_mean

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

    from autolab.model.columns import Column
    from autolab.model.ranges import Array
    from autolab.model.trial import Point, Value

Key = tuple["Value", ...]
_AT_ONCE = 65_536  # rows


class Candidates:
    """Points to choose from, each once: a table with one row a candidate.

    Columns of numbers are scaled to 0..1 in the encoded cube, columns with texts become one-hot. A table of millions of
    rows is held as arrays; `points` makes the dict of a row when it is asked for.

    Args:
        table: A list of dicts, a dict of columns or a pandas DataFrame.

    Raises:
        InvalidSpace: Columns of different length, a value that is no number or text, or a row twice.
        EmptySpace: No row.

    >>> pool = Candidates({"solvent": ["water", "DMSO"], "polarity": [1.0, 0.44]})
    >>> pool.points[1], pool.columns
    ({'solvent': 'DMSO', 'polarity': 0.44}, ('solvent=water', 'solvent=DMSO', 'polarity'))
    """

    def __init__(self, table: Mapping[str, Iterable[Value]] | Sequence[Mapping[str, Any]] | pd.DataFrame) -> None:
        given = _columns(table)
        _check_names(given)
        lengths = {len(values) for values in given.values()}
        if len(lengths) != 1:
            told = ", ".join(f"{name}: {len(values)}" for name, values in given.items())
            msg = f"the columns of candidates must be of one length, got {told}"
            raise InvalidSpace(msg)
        if lengths == {0}:
            msg = "the table of candidates has no row"
            raise EmptySpace(msg)
        self._parts: Mapping[str, Column] = {name: column_of(name, values) for name, values in given.items()}
        if not self._index.distinct:
            msg = f"a candidate is given twice: {self.point(self._index.twice())!r}; leave one out"
            raise InvalidSpace(msg)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Candidates) and dict(self._parts) == dict(other._parts)

    def __hash__(self) -> int:
        return hash((frozenset(self.names), len(self), *(self.point(0)[name] for name in sorted(self.names))))

    def __len__(self) -> int:
        return len(next(iter(self._parts.values())))

    def __repr__(self) -> str:
        return f"Candidates({len(self)} of {', '.join(self.names)})"

    def __getstate__(self) -> dict[str, Any]:
        return {"_parts": self._parts}  # caches are made anew

    def __setstate__(self, state: Mapping[str, Any]) -> None:
        self.__dict__.update(state)

    @cached_property
    def names(self) -> tuple[str, ...]:
        """Keys of a point, in order."""
        return tuple(self._parts)

    @property
    def table(self) -> Mapping[str, tuple[Value, ...]]:
        """All values by column; a column's are made when it is asked for."""
        return Table(self._parts)

    @property
    def points(self) -> Rows:
        """All candidates, in order."""
        return Rows(self)

    def point(self, row: int) -> dict[str, Value]:
        """Return the candidate of a row."""
        (found,) = self.points_of(np.array([row]))
        return found

    def points_of(self, rows: Places | slice) -> list[dict[str, Value]]:
        """Return the candidates of rows, in their order."""
        values = [part.plain(rows) for part in self._parts.values()]
        return [dict(zip(self.names, row, strict=True)) for row in zip(*values, strict=True)]

    def column(self, name: str) -> NDArray[Any]:
        """Return the `N` values of a column, as an array."""
        part = self._parts[name]
        return part.values if isinstance(part, Numbers) else np.array(part.labels, dtype=object)[part.places]

    def span(self, name: str) -> float | None:
        """Return the range of a column of numbers, that of the whole table where this is a part; None for texts."""
        part = self._parts[name]
        return part.span if isinstance(part, Numbers) else None

    @cached_property
    def columns(self) -> tuple[str, ...]:
        """Names of the `d` encoded columns."""
        return tuple(told for name, part in self._parts.items() for told in part.names(name))

    @cached_property
    def _index(self) -> Index:
        return Index(tuple(self._parts.values()))

    @cached_property
    def encoded(self) -> Array:
        """All candidates in the unit cube, `N x d`."""
        whole, start = np.zeros((len(self), len(self.columns))), 0
        for part in self._parts.values():
            part.write(whole[:, start : start + part.width])
            start += part.width
        return whole

    def faults(self, point: Mapping[str, object]) -> list[str]:
        """Return what is wrong with a point, one text a fault; empty when it is a candidate."""
        faults = [f"{name} is missing" for name in self.names if name not in point]
        faults += [f"{name!r} is unknown: {did_you_mean(name, self.names)}" for name in point if name not in self.names]
        if not faults and self._index.rows([[point[name] for name in self.names]])[0] < 0:
            faults = [f"it is not one of the {len(self)} candidates"]
        return faults

    def contains(self, point: Mapping[str, object]) -> bool:
        """Return whether a point is a candidate."""
        return not self.faults(point)

    def check(self, point: Mapping[str, object]) -> None:
        """Do nothing for a candidate.

        Raises:
            OutsideSpace: It is none.
        """
        faults = self.faults(point)
        if faults:
            msg = f"the point {dict(point)!r} is not in the space: {'; '.join(faults)}"
            raise OutsideSpace(msg)

    def key(self, point: Point) -> Key:
        """Return what tells candidates apart: a candidate's own values, also of one that differs by rounding."""
        return tuple(part.key(point[name]) for name, part in self._parts.items())

    def place(self, point: Point) -> int | None:
        """Return a candidate's row, or None."""
        row = int(self._index.rows([self.key(point)])[0])
        return row if row >= 0 else None

    def rows(self, keys: Collection[Key]) -> Places:
        """Return the rows of the keys that are candidates', rising."""
        found = self._index.rows(list(keys))
        return np.unique(found[found >= 0])

    def rows_without(self, keys: Collection[Key]) -> Places:
        """Return all rows but those of the keys, rising: what is left when these are taken."""
        return np.delete(np.arange(len(self)), self.rows(keys))

    def alike(self, names: Sequence[str]) -> Places:
        """Return a number a row (`N`), equal for rows that have equal values in these columns."""
        return alike([self._parts[name] for name in names])

    def having(self, values: Mapping[str, Value]) -> NDArray[np.bool_]:
        """Return which rows have these values.

        Raises:
            InvalidSpace: A column that the table does not have.
        """
        rows = np.ones(len(self), dtype=bool)
        for name, value in values.items():
            if name not in self._parts:
                msg = f"there is no column {name!r} among the candidates: {did_you_mean(name, self.names)}"
                raise InvalidSpace(msg)
            rows &= self._parts[name].is_(value)
        return rows

    def narrowed(self, values: Mapping[str, Value]) -> Candidates:
        """Return the candidates that have these values, encoded as in the whole table.

        Raises:
            InvalidSpace: A column that the table does not have.
            EmptySpace: No candidate has them.
        """
        rows = self.having(values)
        if not rows.any():
            told = ", ".join(f"{name} = {value!r}" for name, value in values.items())
            msg = f"none of the {len(self)} candidates has {told}"
            raise EmptySpace(msg)
        part = Candidates.__new__(Candidates)
        kept = {name: one.take(np.flatnonzero(rows)) for name, one in self._parts.items()}
        part.__setstate__({"_parts": kept})
        return part

    def sample(self, n: int, seed: int) -> list[dict[str, Value]]:
        """Return `n` distinct candidates at random; all, where there are fewer."""
        return self.points_of(np.random.default_rng(seed).permutation(len(self))[:n])

    def encode(self, points: Sequence[Point]) -> Array:
        """Return `n x d`: points in the unit cube, columns as `columns` names them.

        Raises:
            OutsideSpace: A key is missing, a label unknown, or a number is none.
        """
        parts = []
        for name, part in self._parts.items():
            try:
                parts.append(part.encode([point[name] for point in points]))
            except (KeyError, TypeError, ValueError):
                msg = f"a point cannot be encoded: its {name!r} is missing or none of the table's"
                raise OutsideSpace(msg) from None
            if np.isnan(parts[-1]).any():
                msg = f"a point cannot be encoded: its {name!r} is not a number"
                raise OutsideSpace(msg)
        return np.hstack(parts)

    def decode(self, encoded: Array) -> list[dict[str, Value]]:
        """Return the candidates nearest to rows of `encoded` (`n x d`)."""
        rows = np.asarray(encoded, dtype=float)
        if rows.ndim != 2 or rows.shape[1] != len(self.columns) or not np.isfinite(rows).all():
            msg = f"an encoded table must be n x {len(self.columns)} finite numbers, got shape {rows.shape}"
            raise ValueError(msg)
        return self.points_of(np.array([self._nearest(row) for row in rows], dtype=np.int64))

    def _nearest(self, row: Array) -> int:
        """Return the first of the nearest rows; a part at a time, since differences take as much room as the table."""
        gaps = np.empty(len(self))
        for start in range(0, len(self), _AT_ONCE):
            gaps[start : start + _AT_ONCE] = ((self.encoded[start : start + _AT_ONCE] - row) ** 2).sum(axis=1)
        return int(gaps.argmin())


class Table(Mapping[str, "tuple[Value, ...]"]):
    """The values of a table by column, each column's made when it is asked for."""

    def __init__(self, parts: Mapping[str, Column]) -> None:
        self._parts = parts

    def __getitem__(self, name: str) -> tuple[Value, ...]:
        return tuple(self._parts[name].plain(slice(None)))

    def __iter__(self) -> Iterator[str]:
        return iter(self._parts)

    def __len__(self) -> int:
        return len(self._parts)

    def __repr__(self) -> str:
        return f"<columns {', '.join(self)}>"


class Rows(Sequence["dict[str, Value]"]):
    """The candidates of a table as a sequence of points, each made when it is asked for."""

    def __init__(self, table: Candidates) -> None:
        self._table = table

    def __len__(self) -> int:
        return len(self._table)

    @overload
    def __getitem__(self, place: int) -> dict[str, Value]: ...
    @overload
    def __getitem__(self, place: slice) -> list[dict[str, Value]]: ...
    def __getitem__(self, place: int | slice) -> dict[str, Value] | list[dict[str, Value]]:
        if isinstance(place, slice):
            return self._table.points_of(place)
        return self._table.point(range(len(self))[place])

    def __iter__(self) -> Iterator[dict[str, Value]]:
        for start in range(0, len(self), _AT_ONCE):
            yield from self._table.points_of(slice(start, start + _AT_ONCE))

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Sequence) or isinstance(other, str) or len(self) != len(other):
            return False
        return all(one == two for one, two in zip(self, other, strict=True))

    __hash__ = None  # type: ignore[assignment]  # as a list has none

    def __repr__(self) -> str:
        return f"<{len(self)} candidates>"


def _columns(table: Any) -> dict[str, Any]:  # noqa: ANN401  a DataFrame must not be named here: pandas loads slowly
    if isinstance(table, Mapping):
        return {name: _sized(values) for name, values in table.items()}
    if hasattr(table, "columns") and hasattr(table, "to_dict"):
        return {str(name): _sized(table[name]) for name in table.columns}
    rows = list(table) if isinstance(table, Sequence) and not isinstance(table, str) else None
    if rows is None or not all(isinstance(row, Mapping) for row in rows):
        msg = f"candidates must be a list of dicts, a dict of columns or a DataFrame, got {type(table).__name__}"
        raise InvalidSpace(msg)
    names = list(rows[0]) if rows else []
    for number, row in enumerate(rows, 1):
        if set(row) != set(names):
            msg = f"candidate {number} must have the keys {names!r}, got {list(row)!r}"
            raise InvalidSpace(msg)
    if not rows:
        msg = "the table of candidates has no row"
        raise EmptySpace(msg)
    return {name: [row[name] for row in rows] for name in names}


def _sized(values: Any) -> Any:  # noqa: ANN401  a column of any kind
    """Return a column as an array of numbers, or as a list."""
    numbers = getattr(values, "to_numpy", None)  # a column of pandas
    if numbers is not None:
        values = numbers() if getattr(values.dtype, "kind", "O") in "if" else values.tolist()
    return values if isinstance(values, np.ndarray) and values.ndim == 1 else list(values)


def _check_names(columns: Mapping[str, object]) -> None:
    if not columns:
        msg = "the table of candidates has no column"
        raise InvalidSpace(msg)
    for name in columns:
        if not isinstance(name, str) or not name.strip():
            msg = f"a column of candidates must have a name, got {name!r}"
            raise InvalidSpace(msg)
        if name in RESERVED:
            msg = f"column {name!r} of the candidates: the word is reserved for the table of trials; rename it"
            raise InvalidSpace(msg)
