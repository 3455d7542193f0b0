"""Past results: from a table that anybody made to trials that a planner can learn from, with every fault at once."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from autolab.model.candidates import Candidates
from autolab.model.errors import Fault, FaultyFile
from autolab.model.parameters import Categorical, Integer, Mixture
from autolab.model.trial import FINAL, Trial
from autolab.spec.results_columns import Column, Known, columns_of
from autolab.spec.results_table import ResultsTable, read_table

if TYPE_CHECKING:
    from autolab.model.actions import JSON
    from autolab.model.problem import Problem
    from autolab.model.trial import Fidelity, Value

ROUNDED = 0.02
"""By what share a mixture's sum may be off and be taken as rounding (where conversion is asked for)."""
_COMMA = re.compile(r"[-+]?\d+,\d+([eE][-+]?\d+)?")
_NOTHING = frozenset({"nan", "na", "n/a", "none", "null", "-", "?"})


@dataclass(frozen=True)
class Options:
    """How a table is to be taken.

    Attributes:
        renamed: Head -> what it means; empty to leave the column out.
        fidelity: Of all rows; None for what a column `fidelity` says, else physical.
        convert: Convert units, decimal commas and sums of mixtures where that is known, and say so.
        keep_outside: Take points that are out of bounds as knowledge.
        again: Take rows that are known already.
    """

    renamed: Mapping[str, str] = field(default_factory=dict)
    fidelity: Fidelity | None = None
    convert: bool = False
    keep_outside: bool = False
    again: bool = False


@dataclass(frozen=True)
class Results:
    """What a table held.

    Attributes:
        name: Of the file.
        digest: SHA-256 of its content.
        trials: Completed and failed ones.
        skipped: Rows that no planner learns from, in words.
        converted: Column -> what was done to it.
        outside: Places in `trials` of points outside the space, from 0.
    """

    name: str
    digest: str
    trials: tuple[Trial, ...]
    skipped: tuple[str, ...] = ()
    converted: Mapping[str, str] = field(default_factory=dict)
    outside: tuple[int, ...] = ()

    def told(self) -> dict[str, JSON]:
        """Return what the record says of them besides the trials themselves."""
        return {
            "from": self.name,
            "digest": self.digest,
            "skipped": list(self.skipped),
            "converted": dict(self.converted),
            "outside": list(self.outside),
        }


def known_of(problem: Problem, measured: Mapping[str, str]) -> Known:
    """Return what a table may name: the problem's parameters and outcomes, and what the protocol measures besides."""
    parameters = dict.fromkeys(problem.space.names, "")
    parameters |= {axis.name: getattr(axis, "unit", "") for axis in getattr(problem.space, "axes", ())}
    outcomes = dict.fromkeys(problem.outcome_names, "") | dict(measured)
    outcomes |= {objective.name: objective.unit for objective in problem.objectives if objective.unit}
    return Known(parameters, outcomes, problem.outcome_names)


def read_results(
    source: Any,  # noqa: ANN401  a path, a DataFrame or rows
    problem: Problem,
    measured: Mapping[str, str],
    options: Options,
    history: Iterable[Trial] = (),
) -> Results:
    """Return the trials of a table.

    Args:
        source: Path of a CSV file, a DataFrame, or a list of dicts.
        problem: They are to be knowledge for.
        measured: Outcome -> unit, as the protocol tells them.
        options: How it is taken.
        history: Trials that are known already.

    Raises:
        FaultyFile: With all its faults.
    """
    faults: list[Fault] = []
    table = read_table(source, faults)
    if table is None:
        raise FaultyFile(faults)
    columns = columns_of(table, known_of(problem, measured), options.renamed, options.convert, faults)
    rows = _Rows(table, columns, problem, options, faults)
    rows.read(history)
    if faults:
        raise FaultyFile(sorted(faults, key=lambda fault: fault.line))
    return Results(
        table.name, table.digest, tuple(rows.trials), tuple(rows.skipped), rows.converted, tuple(rows.outside)
    )


class _Rows:
    """Reads row by row; what is wrong goes into `faults`."""

    def __init__(
        self,
        table: ResultsTable,
        columns: Sequence[Column],
        problem: Problem,
        options: Options,
        faults: list[Fault],
    ) -> None:
        self._table, self._problem, self._options, self._faults = table, problem, options, faults
        self._columns = columns
        self._axes = {axis.name: axis for axis in getattr(problem.space, "axes", ())}
        self._complete = {one.name for one in columns if one.part == "parameter"} >= set(problem.space.names)
        self._line = 0
        self.trials: list[Trial] = []
        self.skipped: list[str] = []
        self.outside: list[int] = []
        self.converted = {one.head: str(one.conversion) for one in columns if one.conversion is not None}
        self._seen: dict[object, str] = {}

    def read(self, history: Iterable[Trial]) -> None:
        """Read all rows; `history` is what is known already."""
        for trial in history:
            if self._comparable(trial):
                self._seen.setdefault(self._key(trial), f"trial {trial.number}" if trial.number else "an import")
        for line, cells in self._table.rows:
            self._line, before = line, len(self._faults)
            made, outside = self._trial(cells)
            if made is None or len(self._faults) > before or not self._complete:
                continue
            if self._is_new(made):
                self.outside += [len(self.trials)] if outside else []
                self.trials.append(made)

    def _trial(self, cells: Sequence[str]) -> tuple[Trial | None, bool]:
        record = {column.name: cells[column.place] for column in self._columns if column.part == "record"}
        state, reason = record.get("state", "").lower(), record.get("reason", "")
        if self._is_skipped(state, record.get("invalidated", "").lower()):
            return None, False
        before = len(self._faults)
        point = self._point(cells)
        outside = len(self._faults) == before and self._complete and self._check(point)
        outcome = self._outcome(cells)
        fidelity = self._fidelity(record.get("fidelity", "").lower())
        if outcome and reason and state != "completed":
            problem = f"has an outcome, and a reason why it failed: {reason!r}"
            self._add("", problem, "Leave one of them empty, or add a column `state` that says completed or failed")
        elif not outcome and not reason and len(self._faults) == before:
            self._add("", "has neither an outcome nor a reason", "Say in a column `reason` why the trial failed")
        if len(self._faults) > before:
            return None, False
        if outcome and state != "failed":
            return Trial.completed(point, outcome, fidelity=fidelity), outside
        return Trial.failed(point, reason or "told as failed", fidelity=fidelity), outside

    def _is_skipped(self, state: str, invalidated: str) -> bool:
        if invalidated in ("true", "1", "yes"):
            self.skipped.append(f"line {self._line}: it was invalidated")
            return True
        if state in ("", "completed", "failed"):
            return False
        known = (*FINAL, "proposed", "in_review", "approved", "running", "held")
        if state in known:
            self.skipped.append(f"line {self._line}: it is {state}")
            return True
        self._add("state", f"{state!r} is no state of a trial", "Write completed or failed, or leave it empty")
        return True

    def _fidelity(self, told: str) -> Fidelity:
        if self._options.fidelity is not None:
            return self._options.fidelity
        if told == "virtual":
            return "virtual"
        if told not in ("", "physical"):
            self._add("fidelity", f"{told!r} is neither physical nor virtual", "Correct it, or say --fidelity")
        return "physical"

    # -- the point

    def _point(self, cells: Sequence[str]) -> dict[str, Value]:
        point: dict[str, Value] = {}
        for column in self._columns:
            if column.part == "parameter":
                value = self._value(column, cells[column.place])
                if value is not None:
                    point[column.name] = value
        return {name: point[name] for name in self._problem.space.names if name in point}

    def _value(self, column: Column, text: str) -> Value | None:
        labels = self._labels(column.name)
        if labels is not None:
            return self._label(column, text, labels)
        number = self._number(column, text, "a point needs all its parameters")
        axis = self._axes.get(column.name)
        return int(number) if number is not None and isinstance(axis, Integer) and number == int(number) else number

    def _labels(self, name: str) -> Sequence[Value] | None:
        axis, space = self._axes.get(name), self._problem.space
        if isinstance(axis, Categorical):
            return axis.values
        if isinstance(space, Candidates):
            values = space.table[name]
            return values if any(isinstance(value, str) for value in values) else None
        return None

    def _label(self, column: Column, text: str, labels: Sequence[Value]) -> Value | None:
        number = _float(text)
        for label in labels:
            if str(label) == text or (number is not None and not isinstance(label, str) and label == number):
                return label
        allowed = ", ".join(map(str, dict.fromkeys(labels)))
        self._add(column.key, f"{text!r} is none of its labels" if text else "is empty", f"Allowed: {allowed[:200]}")
        return None

    def _number(self, column: Column, text: str, why: str) -> float | None:
        value = _float(text)
        if value is None and _COMMA.fullmatch(text):
            if not self._options.convert:
                dotted = text.replace(",", ".")
                self._add(column.key, f"{text!r} has a decimal comma", f"Write {dotted}, or say --convert")
                return None
            self.converted.setdefault(column.head, "decimal commas")
            value = _float(text.replace(",", "."))
        if value is None or not math.isfinite(value):
            empty = not text or text.lower() in _NOTHING
            self._add(column.key, f"{text!r} is no finite number" if text else "is empty", why if empty else "")
            return None
        if column.conversion is None:
            return value
        return column.conversion.error(value) if column.part == "error" else column.conversion(value)

    def _check(self, point: dict[str, Value]) -> bool:
        """Note what is wrong with a point, and return whether it is outside of the space and kept all the same."""
        space = self._problem.space
        if not self._add_up(point):
            return False
        faults = space.faults(point)
        if not faults:
            return False
        if not isinstance(space, Candidates) and self._options.keep_outside and not self._unlearnable(point):
            return True
        for fault in faults:
            column = next((one.key for one in self._columns if fault.startswith(f"{one.name} = ")), "")
            if isinstance(space, Candidates):
                remedy = "Only candidates of the table can be chosen, and learnt from"
            elif self._unlearnable(point):
                remedy = "No model can take it in: correct it or leave the row out"
            else:
                remedy = "Correct it, leave the row out, or say --keep-outside to keep such points as knowledge"
            self._add(column, fault, remedy)
        return False

    def _unlearnable(self, point: Mapping[str, Value]) -> bool:
        """Return whether a point cannot be encoded sensibly: negative amounts, or a logarithm of nothing."""
        mixed = {name for one in self._mixtures() for name in one.names}
        return any(
            (name in mixed and float(value) < 0) or (getattr(self._axes[name], "log", False) and float(value) <= 0)
            for name, value in point.items()
            if not isinstance(self._axes[name], Categorical)
        )

    def _mixtures(self) -> list[Mixture]:
        return [one for one in getattr(self._problem.space, "parameters", ()) if isinstance(one, Mixture)]

    def _add_up(self, point: dict[str, Value]) -> bool:
        """Bring mixtures to their totals where they are off by rounding or told in percent; return whether all are."""
        good = True
        for mixture in self._mixtures():
            amounts = {name: float(point[name]) for name in mixture.names}
            total = math.fsum(amounts.values())
            if math.isclose(total, mixture.total, rel_tol=1e-9):
                continue
            percent = math.isclose(total, 100 * mixture.total, rel_tol=ROUNDED)
            known = percent or math.isclose(total, mixture.total, rel_tol=ROUNDED)
            if known and self._options.convert:
                point |= {name: amount * mixture.total / total for name, amount in amounts.items()}
                told = ", ".join(mixture.names)
                self.converted[told] = f"scaled to add up to {mixture.total:g}{' from percent' if percent else ''}"
                continue
            good = False
            what = "percent?" if percent else "rounded?" if known else "a component is missing or wrong"
            remedy = "Correct them, or say --convert to have them scaled and recorded" if known else "Correct them"
            self._add("", f"{' + '.join(mixture.names)} = {total:.6g} instead of {mixture.total:g}: {what}", remedy)
        return good

    # -- the outcome

    def _outcome(self, cells: Sequence[str]) -> dict[str, tuple[float, float | None]]:
        texts = {
            (one.part, one.name): (one, cells[one.place]) for one in self._columns if one.part in ("outcome", "error")
        }
        measured = {name: told for (part, name), told in texts.items() if part == "outcome"}
        told = [text for name, (_one, text) in measured.items() if name in self._problem.outcome_names]
        if not any(text and text.lower() not in _NOTHING for text in told):
            return {}
        outcome = {}
        for name, (column, text) in measured.items():
            if not text and name not in self._problem.outcome_names:
                continue
            value = self._number(
                column, text, "Give it; or empty all outcomes and say in `reason` why the trial failed"
            )
            if value is not None:
                outcome[name] = (value, self._error(texts.get(("error", name))))
        return outcome

    def _error(self, told: tuple[Column, str] | None) -> float | None:
        if told is None or not told[1]:
            return None
        error = self._number(told[0], told[1], "")
        if error is not None and error < 0:
            self._add(
                told[0].key, f"{told[1]!r} is negative", "A standard error is 0 or more; leave it empty if unknown"
            )
        return error

    # -- what is known already

    def _is_new(self, trial: Trial) -> bool:
        first = self._seen.setdefault(self._key(trial), f"line {self._line}")
        if first == f"line {self._line}" or self._options.again:
            return True
        self._add(
            "",
            f"is known already: the same point and result as {first}",
            "Leave it out, or say --again if it was repeated",
        )
        return False

    def _comparable(self, trial: Trial) -> bool:
        return set(trial.point) == set(self._problem.space.names) and trial.state in ("completed", "failed")

    def _key(self, trial: Trial) -> object:
        values = tuple(
            value if isinstance(value, str) else float(f"{value:.9g}")
            for value in (trial.point[name] for name in self._problem.space.names)
        )
        names = self._problem.outcome_names
        told = tuple(float(f"{trial.outcome[name].value:.9g}") for name in names if name in trial.outcome)
        return values, told or trial.reason

    def _add(self, key: str, problem: str, remedy: str = "") -> None:
        self._faults.append(Fault(self._table.name, self._line, key, problem, remedy))


def _float(text: str) -> float | None:
    try:
        return float(text) if "_" not in text else None
    except ValueError:
        return None
