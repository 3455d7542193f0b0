"""What the columns of a table of past results mean."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from autolab.model.errors import Fault
from autolab.model.names import did_you_mean
from autolab.model.units import Conversion, conversion, same_unit

if TYPE_CHECKING:
    from autolab.spec.results_table import ResultsTable

Part = Literal["parameter", "outcome", "error", "record"]
RECORD = ("state", "reason", "invalidated", "fidelity", "source")
"""Columns of an export that say what became of a trial."""
LEFT_OUT = ("trial", "attempts", "started", "ended", "started_at", "ended_at")
"""Columns of an export that say nothing to another campaign."""
SE = "_se"
_HEAD = re.compile(r"(?P<name>[^\[\]()]*?)\s*(?:\[(?P<square>[^\]]*)\]|\((?P<round>[^)]*)\))\s*")


@dataclass(frozen=True)
class Known:
    """What may be measured and what may vary, with units.

    Attributes:
        parameters: Name -> unit.
        outcomes: Name -> unit; those of the problem and what the protocol measures besides.
        needed: Outcomes without which a planner learns nothing.
    """

    parameters: Mapping[str, str]
    outcomes: Mapping[str, str]
    needed: Sequence[str]

    def part(self, name: str) -> Part | None:
        """Return what a name stands for; None for an unknown one."""
        if name in self.parameters:
            return "parameter"
        if name in self.outcomes:
            return "outcome"
        if name.endswith(SE) and name.removesuffix(SE) in self.outcomes:
            return "error"
        return "record" if name in RECORD else None


@dataclass(frozen=True)
class Column:
    """One column that is used.

    Attributes:
        place: From 0.
        head: As written.
        part: What it is.
        name: Of the parameter or outcome (for an error: of its outcome).
        conversion: What brings its values to the problem's unit; None where they have it.
    """

    place: int
    head: str
    part: Part
    name: str
    conversion: Conversion | None = None

    @property
    def key(self) -> str:
        """What faults call it."""
        return f"column {self.place + 1} ({self.head})"


def head_of(text: str) -> tuple[str, str | None]:
    """Return name and unit of a column's head; None where it tells no unit.

    >>> head_of("temperature [degC]"), head_of("rate (mL/min)"), head_of("pH")
    (('temperature', 'degC'), ('rate', 'mL/min'), ('pH', None))
    """
    found = _HEAD.fullmatch(text)
    if found is None or not found["name"]:
        return text, None
    return found["name"], found["square"] if found["square"] is not None else found["round"]


def columns_of(
    table: ResultsTable, known: Known, renamed: Mapping[str, str], convert: bool, faults: list[Fault]
) -> list[Column]:
    """Return the columns that are used, with the faults of all heads noted.

    Args:
        table: Its heads count, and its name.
        known: What heads may name.
        renamed: Head (or its name) -> what it means; empty to leave the column out.
        convert: Convert units where that is known, instead of noting a fault.
        faults: Those found are added.
    """
    reader = _Heads(table, known, renamed, convert, faults)
    columns = [column for place in range(len(table.heads)) if (column := reader.column(place)) is not None]
    reader.check(columns)
    return columns


class _Heads:
    def __init__(
        self, table: ResultsTable, known: Known, renamed: Mapping[str, str], convert: bool, faults: list[Fault]
    ) -> None:
        self._table, self._known, self._convert, self._faults = table, known, convert, faults
        self._renamed, self._used = dict(renamed), set[str]()
        self._units = {name: unit for text in table.heads for name, unit in [self._meant(text)] if unit is not None}

    def column(self, place: int) -> Column | None:
        head = self._table.heads[place]
        name, unit = self._meant(head)
        if not name:
            if not head and any(cells[place] for _line, cells in self._table.rows):
                self._add(f"column {place + 1}", "has values and no name", "Name it, or leave it out")
            return None
        part = self._known.part(name)
        where = f"column {place + 1} ({head})"
        if part is None:
            if name not in LEFT_OUT:
                self._add(where, f"nothing is called {name!r}", self._remedy(name, head))
            return None
        meant = name.removesuffix(SE) if part == "error" else name
        if part == "record":
            return Column(place, head, part, meant)
        unit = self._units.get(meant) if part == "error" and unit is None else unit
        return Column(place, head, part, meant, self._conversion(where, meant, unit))

    def _meant(self, head: str) -> tuple[str, str | None]:
        """Return name and unit of a head, as it is renamed."""
        if self._known.part(head) is not None and head not in self._renamed:
            return head, None  # a name may hold brackets itself
        name, unit = head_of(head)
        key = head if head in self._renamed else name
        if key not in self._renamed:
            return name, unit
        self._used.add(key)
        new = self._renamed[key].strip()
        if self._known.part(new) is not None:
            return new, unit
        renamed, told = head_of(new)
        return renamed, unit if told is None else told

    def _remedy(self, name: str, head: str) -> str:
        names = [*self._known.parameters, *self._known.outcomes]
        hint = did_you_mean(name, names)
        return f'{hint[0].upper()}{hint[1:]}. Say --map "{head}=NAME", or --map "{head}=" to leave it out'

    def _conversion(self, where: str, name: str, unit: str | None) -> Conversion | None:
        wanted = self._known.parameters.get(name, self._known.outcomes.get(name, ""))
        if unit is None or same_unit(unit, wanted):
            return None
        way = conversion(unit, wanted)
        problem = f"is in {unit!r}, and the problem has {name} in {wanted or 'no unit'!r}"
        if way is None:
            told = f"{name} [{wanted}]" if wanted else name
            self._add(where, problem, f"No conversion is known: convert the column and name it `{told}`")
        elif not self._convert:
            self._add(where, problem, f"Convert it ({way}), or say --convert to have it done and recorded")
        return way

    def check(self, columns: Sequence[Column]) -> None:
        """Note what is missing, twice there, or renamed in vain."""
        for key in self._renamed:
            if key not in self._used:
                self._add("", f"there is no column {key!r} to be renamed", did_you_mean(key, self._table.heads))
        seen: dict[tuple[str, str], Column] = {}
        for column in columns:
            first = seen.setdefault((column.part, column.name), column)
            if first is not column and first.head != column.head:
                self._add(column.key, f"means {column.name!r}, as column {first.place + 1} does", "Leave one out")
        there = {column.name for column in columns if column.part in ("parameter", "outcome")}
        for name, unit in self._known.parameters.items():
            if name not in there:
                self._missing("parameter", name, unit)
        failures = any(column.name == "reason" for column in columns)
        for name in self._known.needed:
            if name not in there and not (failures and not there & set(self._known.needed)):
                self._missing("outcome", name, self._known.outcomes.get(name, ""))
        for column in columns:
            if column.part == "error" and column.name not in there:
                self._add(column.key, f"is the standard error of {column.name!r}, which has no column", "Add it")

    def _missing(self, what: str, name: str, unit: str) -> None:
        told = f"{name} [{unit}]" if unit else name
        self._add("", f"no column holds the {what} {name!r}", f'Add `{told}`, or say which it is: --map "HEAD={name}"')

    def _add(self, key: str, problem: str, remedy: str = "") -> None:
        self._faults.append(Fault(self._table.name, 1, key, problem, remedy))
