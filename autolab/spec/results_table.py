"""Tables of past results as text: from a CSV file, a DataFrame, or rows."""

from __future__ import annotations

import csv
import hashlib
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from autolab.model.errors import Fault

DELIMITERS = (",", ";", "\t")


@dataclass(frozen=True)
class ResultsTable:
    """Texts in rows and columns.

    Attributes:
        name: Of the file, for faults; `table` where there is none.
        heads: Of the columns, as written.
        rows: (line, cells): as many cells as heads; line 1 is that of the heads.
        digest: SHA-256 of the content, so that the record can say which file it was.
    """

    name: str
    heads: tuple[str, ...]
    rows: tuple[tuple[int, tuple[str, ...]], ...]
    digest: str


def read_table(source: Any, faults: list[Fault]) -> ResultsTable | None:  # noqa: ANN401  a DataFrame must not be named here
    """Return a table, or None with the faults of its form noted.

    Args:
        source: Path of a CSV file (comma, semicolon or tab between cells), a DataFrame, or a list of dicts.
        faults: Those found are added.
    """
    if isinstance(source, str | Path):
        return _from_file(Path(source), faults)
    if hasattr(source, "columns") and hasattr(source, "to_dict"):
        return _from_rows([str(one) for one in source.columns], source.to_numpy(dtype=object).tolist(), faults)
    if isinstance(source, Sequence) and source and all(isinstance(row, Mapping) for row in source):
        heads = list(dict.fromkeys(str(name) for row in source for name in row))
        return _from_rows(heads, [[row.get(name) for name in heads] for row in source], faults)
    told = f"{type(source).__name__} is no table"
    faults.append(Fault("table", 0, "", told, "Give the path of a CSV file, a DataFrame, or a list of dicts"))
    return None


def _from_file(path: Path, faults: list[Fault]) -> ResultsTable | None:
    try:
        content = path.read_bytes()
        text = content.decode("utf-8-sig")
    except OSError as error:
        faults.append(Fault(str(path), 0, "", f"cannot be read: {error.strerror}", "Give the path of a CSV file"))
        return None
    except UnicodeDecodeError:
        faults.append(Fault(str(path), 0, "", "is not UTF-8 text", "Save it as CSV UTF-8"))
        return None
    digest = hashlib.sha256(content).hexdigest()
    first = next((line for line in text.splitlines() if line.strip()), "")
    delimiter = max(DELIMITERS, key=first.count)
    rows, before = list[tuple[int, tuple[str, ...]]](), 0
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    try:
        for cells in reader:
            if any(cell.strip() for cell in cells):
                rows.append((before + 1, tuple(cell.strip() for cell in cells)))
            before = reader.line_num
    except csv.Error as error:
        problem = f"is no CSV from here on: {error}"
        faults.append(Fault(str(path), reader.line_num, "", problem, "Look for a quote that is not closed"))
        return None
    return _checked(str(path), rows, delimiter, digest, faults)


def _from_rows(heads: Sequence[str], rows: Sequence[Sequence[Any]], faults: list[Fault]) -> ResultsTable | None:
    texts = [(line, tuple(map(_text, cells))) for line, cells in enumerate(rows, 2)]
    told = repr([tuple(heads), *(cells for _line, cells in texts)])
    digest = hashlib.sha256(told.encode()).hexdigest()
    return _checked("table", [(1, tuple(head.strip() for head in heads)), *texts], ",", digest, faults)


def _text(value: Any) -> str:  # noqa: ANN401  any cell of a DataFrame
    if value is None or value != value or str(value) == "<NA>":  # NaN, NaT and pandas' NA stand for nothing there
        return ""
    plain = value.item() if hasattr(value, "item") else value
    return repr(plain) if isinstance(plain, float) else str(plain).strip()


def _checked(
    name: str, rows: Sequence[tuple[int, tuple[str, ...]]], delimiter: str, digest: str, faults: list[Fault]
) -> ResultsTable | None:
    if len(rows) < 2:
        remedy = "The first line names the columns, such as `temperature [degC]`; each further line is a trial"
        faults.append(Fault(name, 0, "", "holds no results" if rows else "is empty", remedy))
        return None
    heads, good = rows[0][1], list[tuple[int, tuple[str, ...]]]()
    for place, head in enumerate(heads, 1):
        if head and head in heads[: place - 1]:
            faults.append(Fault(name, rows[0][0], f"column {place}", f"{head!r} heads two columns", "Leave one out"))
    for line, cells in rows[1:]:
        extra = len(cells) - len(heads)
        if extra > 0 and any(cells[len(heads) :]):
            comma = ": decimal commas? Write 3.5, or quote such cells" if delimiter == "," else ": look at its quotes"
            problem = f"has {len(cells)} cells where {len(heads)} columns are named{comma}"
            faults.append(Fault(name, line, "", problem))
            continue
        good.append((line, (*cells[: len(heads)], *("",) * -extra)))
    return ResultsTable(name, heads, tuple(good), digest)
