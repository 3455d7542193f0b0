"""Measured tables as cases: pools of candidates, or full factorials, read from CSV files in a folder of the person's.

Rows of one point are its replicates; the truth is their mean.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from autolab.model.candidates import Candidates
from autolab.model.errors import InputError
from autolab.model.parameters import Categorical, Ordinal, Parameter
from autolab.model.problem import Problem
from autolab.model.space import Space
from autolab.study.case import Case
from autolab.study.sources import SOURCES, Source

if TYPE_CHECKING:
    import pandas as pd

    from autolab.model.trial import OutcomeLike, Point, Value

Key = tuple["Value", ...]
TOP = 0.05
"""The share of a pool that counts as its best (Liang et al. 2021)."""
ALIKE = 0.95
"""Correlation from which a descriptor adds nothing to those before it (as Shields et al. 2021)."""
ASIDE = ("vibration", "correlation", "Rydberg", "correction", "atom_number", "E-M_angle", "MEAN", "MAXG", "STDEV")
"""Words in the names of descriptors that Shields et al. 2021 leave aside."""


@dataclass(frozen=True)
class Table:
    """What was measured, as truth.

    Attributes:
        names: Keys of the point.
        outcome: Name of the quantity.
        values: Point's values in the order of `names` -> its replicates.
    """

    names: tuple[str, ...]
    outcome: str
    values: Mapping[Key, tuple[float, ...]] = field(hash=False)

    def __call__(self, point: Point) -> dict[str, float]:
        """Return the mean of a point's replicates."""
        return {self.outcome: float(np.mean(self.replicates(point)))}

    def replicates(self, point: Point) -> tuple[float, ...]:
        """Return all that was measured at a point."""
        return self.values[tuple(point[name] for name in self.names)]


@dataclass(frozen=True)
class Replicates:
    """Measures one of a point's replicates, drawn at random.

    Attributes:
        table: Has the replicates.
        told: Whether the standard error is told: their standard deviation (that of the whole table for a point
            measured once).
    """

    table: Table
    told: bool = False

    def __call__(self, point: Point, true: dict[str, float], rng: np.random.Generator) -> OutcomeLike:
        """Return one replicate."""
        values = self.table.replicates(point)
        return {self.table.outcome: (float(rng.choice(values)), self._error(values) if self.told else None)}

    def _error(self, values: Sequence[float]) -> float:
        if len(values) > 1:
            return float(np.std(values, ddof=1))
        spreads = [np.var(some, ddof=1) for some in self.table.values.values() if len(some) > 1]
        return float(np.sqrt(np.mean(spreads))) if spreads else 0.0


def pool(name: str, folder: Path) -> Case:
    """Return the case of a measured table.

    Args:
        name: One of `SOURCES`.
        folder: Where its files are.

    Raises:
        InputError: A file cannot be read, or lacks a column.
    """
    source = SOURCES[name]
    frame, digest = _read(folder / source.file, source)
    keys = tuple(source.columns.values())
    values: dict[Key, list[float]] = {}
    for row in frame.itertuples(index=False):
        *key, measured = (one.item() if hasattr(one, "item") else one for one in row)
        values.setdefault(tuple(key), []).append(float(measured))
    table = Table(keys, source.objective.name, {key: tuple(some) for key, some in values.items()})
    points = [dict(zip(keys, key, strict=True)) for key in values]
    space, more = _space(source, points, folder)
    problem = Problem(space, [source.objective])
    worth = np.array([source.objective.utility(float(np.mean(some))) for some in values.values()])
    best = np.argsort(-worth, kind="stable")[: int(np.ceil(TOP * len(worth)))]
    return Case(
        name,
        problem,
        table,
        low=float(np.median(worth)),
        high=float(worth.max()),
        top=frozenset(space.key(points[i]) for i in best),
        identity=f"{name}#{hashlib.sha256((digest + more).encode()).hexdigest()[:12]}",
    )


def _read(path: Path, source: Source) -> tuple[pd.DataFrame, str]:
    """Return the columns of the point, then the outcome; and the digest of the file."""
    frame, digest = read_csv(path, head=all(isinstance(head, str) for head in source.columns))
    wanted = [*source.columns, source.outcome]
    missing = [str(head) for head in wanted if head not in frame.columns]
    if missing:
        msg = f"{path}: there is no column {', '.join(missing)}; it has {', '.join(map(str, frame.columns))}"
        raise InputError(msg)
    frame = frame[wanted].dropna()
    for head in wanted:
        _check_numbers(path, frame[head], must=head == source.outcome, below=2 if isinstance(head, str) else 1)
    return frame, digest


def _check_numbers(path: Path, column: pd.Series[Any], *, must: bool, below: int) -> None:
    """Refuse a column of numbers that holds something else.

    Args:
        path: Of the file.
        column: With the rows of the file as its index.
        must: Whether it must be numbers; else it is one of numbers if half of it is.
        below: Line of the first row.

    Raises:
        InputError: The message says where.
    """
    import pandas as pd  # loaded late: a second

    numbers = pd.to_numeric(column, errors="coerce")
    wrong = column[~np.isfinite(numbers.to_numpy(dtype=float))]
    if len(wrong) and (must or 2 * len(wrong) < len(column)):
        msg = (
            f"{path}:{int(wrong.index[0]) + below}: column {column.name!r}: {str(wrong.iloc[0])!r} is no finite number"
        )
        raise InputError(msg)


def read_csv(path: Path, *, head: bool = True) -> tuple[pd.DataFrame, str]:
    """Return a table and the digest of its file.

    Raises:
        InputError: It cannot be read.
    """
    import pandas as pd  # loaded late: a second

    try:
        raw = path.read_bytes()
        frame = pd.read_csv(path, header=0 if head else None)
    except (OSError, ValueError) as error:
        why = error.strerror if isinstance(error, OSError) and error.strerror else error
        msg = f"{path} cannot be read: {why}. Give the folder that holds the data with --data"
        raise InputError(msg) from None
    return frame, hashlib.sha256(raw).hexdigest()


def _space(source: Source, points: Sequence[dict[str, Any]], folder: Path) -> tuple[Space | Candidates, str]:
    """Return the space, and the digest of what describes its labels."""
    if not source.factorial:
        return Candidates(points), ""
    parameters: list[Parameter] = []
    told = ""
    for key in points[0]:
        values = list(dict.fromkeys(point[key] for point in points))
        if not isinstance(values[0], str):
            parameters.append(Ordinal(key, sorted(values)))
            continue
        rows = None
        if key in source.descriptors:
            rows, digest = _descriptors(folder / source.descriptors[key], values)
            told += digest
        parameters.append(Categorical(key, values, descriptors=rows))
    space = Space(parameters)
    combinations = int(np.prod([len(axis.grid or ()) for axis in space.axes]))
    if combinations != len(points):
        msg = f"{source.file}: {len(points)} points are measured of {combinations} combinations: the file is not whole"
        raise InputError(msg)
    return space, told


def _descriptors(path: Path, labels: Sequence[str]) -> tuple[dict[Value, Mapping[str, float]], str]:
    """Return label -> {descriptor: number}; descriptors that vary, and are not alike one before them."""
    frame, digest = read_csv(path)
    smiles = next((name for name in frame.columns if str(name).endswith("_SMILES")), None)
    if smiles is None or not set(labels) <= set(frame[smiles]):
        msg = f"{path}: it must describe each of {', '.join(labels)} in a column that ends with _SMILES"
        raise InputError(msg)
    numbers = frame.drop_duplicates(smiles).set_index(smiles).loc[list(labels)].select_dtypes("number").dropna(axis=1)
    numbers = numbers[[name for name in numbers.columns if not any(word in str(name) for word in ASIDE)]]
    unit = numbers.to_numpy(dtype=float) - numbers.to_numpy(dtype=float).mean(axis=0)
    spread = np.linalg.norm(unit, axis=0)
    alike = np.abs(unit.T @ unit) >= ALIKE * np.outer(spread, spread)
    kept = list[int]()
    for i in np.flatnonzero(spread > 1e-9):
        if not alike[i, kept].any():
            kept.append(int(i))
    numbers = numbers.iloc[:, kept]
    return {
        label: dict(zip(map(str, numbers.columns), map(float, row), strict=True))
        for label, row in zip(labels, numbers.to_numpy(dtype=float), strict=True)
    }, digest
