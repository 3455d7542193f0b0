"""A finite table of candidates: another kind of space."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from autolab.model.errors import EmptySpace, InvalidSpace, OutsideSpace
from autolab.model.names import RESERVED, did_you_mean
from autolab.model.ranges import is_finite, plain

if TYPE_CHECKING:
    import pandas as pd

    from autolab.model.ranges import Array
    from autolab.model.trial import Point, Value

Key = tuple["Value", ...]


@dataclass(frozen=True, init=False)
class Candidates:
    """Points to choose from, each once: a table with one row a candidate.

    Columns of numbers are scaled to 0..1 in the encoded cube, columns with texts become one-hot.

    Attributes:
        table: Given as a list of dicts, a dict of columns or a pandas DataFrame; kept as a dict of columns.

    Raises:
        InvalidSpace: Columns of different length, a value that is no number or text, or a row twice.
        EmptySpace: No row.

    >>> pool = Candidates({"solvent": ["water", "DMSO"], "polarity": [1.0, 0.44]})
    >>> pool.points[1], pool.columns
    ({'solvent': 'DMSO', 'polarity': 0.44}, ('solvent=water', 'solvent=DMSO', 'polarity'))
    """

    table: Mapping[str, Sequence[Value]]

    def __init__(self, table: Mapping[str, Iterable[Value]] | Sequence[Mapping[str, Any]] | pd.DataFrame) -> None:
        columns = {name: tuple(map(plain, values)) for name, values in _columns(table).items()}
        object.__setattr__(self, "table", columns)
        _check_names(columns)
        lengths = {len(values) for values in columns.values()}
        if len(lengths) != 1:
            told = ", ".join(f"{name}: {len(values)}" for name, values in columns.items())
            msg = f"the columns of candidates must be of one length, got {told}"
            raise InvalidSpace(msg)
        if lengths == {0}:
            msg = "the table of candidates has no row"
            raise EmptySpace(msg)
        for name, values in columns.items():
            _check_column(name, values)
        if len(self._places) < len(self):
            seen: set[Key] = set()
            twice = next(key for key in map(self.key, self.points) if key in seen or seen.add(key))  # type: ignore[func-returns-value]  # set.add gives None on purpose
            msg = f"a candidate is given twice: {dict(zip(self.names, twice, strict=True))!r}; leave one out"
            raise InvalidSpace(msg)

    def __hash__(self) -> int:
        return hash(tuple(self.table.items()))

    def __len__(self) -> int:
        return len(next(iter(self.table.values())))

    def __getstate__(self) -> dict[str, Any]:
        return {"table": self.table}  # caches are made anew

    @cached_property
    def names(self) -> tuple[str, ...]:
        """Keys of a point, in order."""
        return tuple(self.table)

    @cached_property
    def points(self) -> tuple[dict[str, Value], ...]:
        """All candidates, in order."""
        return tuple(dict(zip(self.names, row, strict=True)) for row in zip(*self.table.values(), strict=True))

    @cached_property
    def columns(self) -> tuple[str, ...]:
        """Names of the `d` encoded columns."""
        return tuple(
            name
            for key, labels in self._labels.items()
            for name in ([key] if labels is None else [f"{key}={label}" for label in labels])
        )

    @cached_property
    def _labels(self) -> dict[str, tuple[Value, ...] | None]:
        """Column -> its labels, or None for a column of numbers."""
        texts = {name: any(isinstance(value, str) for value in values) for name, values in self.table.items()}
        return {name: tuple(dict.fromkeys(self.table[name])) if text else None for name, text in texts.items()}

    @cached_property
    def _places(self) -> dict[Key, int]:
        return {self.key(point): i for i, point in enumerate(self.points)}

    @cached_property
    def encoded(self) -> Array:
        """All candidates in the unit cube, `N x d`."""
        return self.encode(self.points)

    def faults(self, point: Mapping[str, object]) -> list[str]:
        """Return what is wrong with a point, one text a fault; empty when it is a candidate."""
        faults = [f"{name} is missing" for name in self.names if name not in point]
        faults += [f"{name!r} is unknown: {did_you_mean(name, self.names)}" for name in point if name not in self.names]
        if not faults and tuple(point[name] for name in self.names) not in self._places:
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
        """Return what tells candidates apart."""
        return tuple(point[name] for name in self.names)

    def place(self, point: Point) -> int | None:
        """Return a candidate's row, or None."""
        return self._places.get(self.key(point))

    def sample(self, n: int, seed: int) -> list[dict[str, Value]]:
        """Return `n` distinct candidates at random; all, where there are fewer."""
        picked = np.random.default_rng(seed).permutation(len(self))[:n]
        return [dict(self.points[i]) for i in picked]

    def encode(self, points: Sequence[Point]) -> Array:
        """Return `n x d`: points in the unit cube, columns as `columns` names them.

        Raises:
            OutsideSpace: A key is missing, a label unknown, or a number is none.
        """
        parts = []
        for name, labels in self._labels.items():
            try:
                values = [point[name] for point in points]
                if labels is None:
                    parts.append(self._scaled(name, np.asarray(values, dtype=float))[:, None])
                else:
                    places = {label: i for i, label in enumerate(labels)}
                    parts.append(np.eye(len(labels))[[places[value] for value in values]].reshape(-1, len(labels)))
            except (KeyError, TypeError, ValueError):
                msg = f"a point cannot be encoded: its {name!r} is missing or none of the table's"
                raise OutsideSpace(msg) from None
        return np.hstack(parts)

    def _scaled(self, name: str, values: Array) -> Array:
        known = np.asarray(self.table[name], dtype=float)
        span = float(np.ptp(known))
        return np.asarray((values - known.min()) / (span if span > 0 else 1.0))

    def decode(self, encoded: Array) -> list[dict[str, Value]]:
        """Return the candidates nearest to rows of `encoded` (`n x d`)."""
        rows = np.asarray(encoded, dtype=float)
        if rows.ndim != 2 or rows.shape[1] != self.encoded.shape[1] or not np.isfinite(rows).all():
            msg = f"an encoded table must be n x {self.encoded.shape[1]} finite numbers, got shape {rows.shape}"
            raise ValueError(msg)
        return [dict(self.points[int(((self.encoded - row) ** 2).sum(axis=1).argmin())]) for row in rows]


def _columns(table: Any) -> dict[str, Sequence[Any]]:  # noqa: ANN401  a DataFrame must not be named here: pandas loads slowly
    if isinstance(table, Mapping):
        return dict(table)
    if hasattr(table, "columns") and hasattr(table, "to_dict"):
        return {str(name): table[name].tolist() for name in table.columns}
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


def _check_column(name: str, values: Sequence[object]) -> None:
    for row, value in enumerate(values, 1):
        if not isinstance(value, str) and not is_finite(value):
            msg = f"candidate {row}: {name!r} must be a finite number or a text, got {value!r}"
            raise InvalidSpace(msg)
