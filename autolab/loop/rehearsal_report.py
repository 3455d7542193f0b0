"""A rehearsal as tables, for terminals, notebooks and plain text."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from typing import TYPE_CHECKING

from autolab.loop.display import duration, number

if TYPE_CHECKING:
    from autolab.loop.rehearsal import Rehearsal, SeedRun
    from autolab.model.objectives import Objective

SHOWN = (1, 2, 5, 10, 15, 20, 30, 40, 50, 75, 100, 150, 200, 300, 500)
"""Trials at which the progress is told, besides the last."""


@dataclass(frozen=True)
class Table:
    """A table to be shown.

    Attributes:
        title: Above it.
        columns: Heads.
        rows: Cells, as texts.
    """

    title: str
    columns: Sequence[str]
    rows: Sequence[Sequence[str]]


def tables(rehearsal: Rehearsal) -> list[Table]:
    """Return the tables that have something to tell."""
    shown = [_runs(rehearsal), _phases(rehearsal), _stocks(rehearsal)]
    shown += [_progress(rehearsal, objective) for objective in rehearsal.objectives]
    shown += [_counts("Failed attempts", rehearsal.failures), _counts("Forbidden by limits", rehearsal.violations)]
    return [table for table in shown if table.rows]


def _counts(title: str, counted: Sequence[object]) -> Table:
    rows = [[str(getattr(one, "count", "")), str(getattr(one, "example", ""))] for one in counted]
    return Table(title, ["times", "for example"], rows)


def headline(rehearsal: Rehearsal) -> str:
    """Return in one line what the campaign will take."""
    mean, low, high = rehearsal.whole_seconds
    trials = f"{rehearsal.planned} trials" if rehearsal.planned else "the whole budget"
    about = "about " if rehearsal.shortened else ""
    spread = f" ({duration(low)} to {duration(high)})" if high > low else ""
    return f"{trials}: {about}{duration(mean)} of lab time{spread}, {len(rehearsal.runs)} seed(s)"


def _runs(rehearsal: Rehearsal) -> Table:
    columns = ["seed", "ended", "completed", "failed", "lab time", *(_head(one) for one in rehearsal.objectives)]
    rows = [
        [
            str(run.seed),
            run.reason,
            str(run.completed),
            str(run.failed),
            duration(run.lab_seconds),
            *(_final(run, one.name) for one in rehearsal.objectives),
        ]
        for run in rehearsal.runs
    ]
    return Table("Runs", columns, rows)


def _head(objective: Objective) -> str:
    return f"best {objective.name}{f' ({objective.unit})' if objective.unit else ''}"


def _final(run: SeedRun, name: str) -> str:
    row = run.best.get(name, ())
    return number(row[-1]) if row and row[-1] is not None else "none feasible"


def _phases(rehearsal: Rehearsal) -> Table:
    mean, sd = rehearsal.trial_seconds
    rows = [
        [name, duration(each[0]), duration(each[1]), f"{100 * each[0] / mean:.0f} %" if mean else ""]
        for name, each in rehearsal.phases.items()
    ]
    if mean:
        rows.append(["a trial", duration(mean), duration(sd), "100 %"])
    return Table("Lab time of a trial, by phase", ["phase", "mean", "sd", "share"], rows)


def _stocks(rehearsal: Rehearsal) -> Table:
    rows = [
        [
            need.stock,
            f"{need.per_trial:.1f} mL",
            f"{need.whole:.0f} mL",
            "" if need.loaded is None else f"{need.loaded:g} mL",
            "exceeds" if need.problem else "enough" if need.loaded is not None else "not told",
        ]
        for need in rehearsal.needs
    ]
    return Table("Stocks", ["stock", "a trial", "whole campaign", "loaded", "loads"], rows)


def _progress(rehearsal: Rehearsal, objective: Objective) -> Table:
    spread = rehearsal.progress(objective.name)
    last = spread[-1].trial if spread else 0
    rows = [
        [str(one.trial), number(one.median), number(one.low), number(one.high), f"{one.seeds} of {len(rehearsal.runs)}"]
        for one in spread
        if one.trial in SHOWN or one.trial == last
    ]
    unit = f", {objective.unit}" if objective.unit else ""
    return Table(
        f"Best feasible {objective.name} so far{unit}", ["after trial", "median", "least", "most", "seeds"], rows
    )


def verdicts(rehearsal: Rehearsal) -> list[str]:
    """Return what speaks against the campaign, or that nothing does, in lines that a person can act on."""
    if rehearsal.problems:
        return [f"cannot be done as declared: {one}" for one in rehearsal.problems]
    return ["nothing speaks against it"] if rehearsal.runs else ["nothing was rehearsed"]


def loads(rehearsal: Rehearsal) -> list[str]:
    """Return what to load, one line a stock."""
    return [need.verdict if need.problem else f"loads: {need.verdict}" for need in rehearsal.needs]


def as_text(rehearsal: Rehearsal) -> str:
    """Return it as plain text."""
    lines = [f"Rehearsal of {rehearsal.name}", headline(rehearsal)]
    for table in tables(rehearsal):
        widths = [max(map(len, column)) for column in zip(table.columns, *table.rows, strict=True)]
        lines += ["", table.title]
        for row in (table.columns, *table.rows):
            lines.append("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())
    return "\n".join([*lines, "", *loads(rehearsal), *rehearsal.notes, *verdicts(rehearsal)])


_CELL = "padding:2px 12px 2px 0;text-align:left;border-bottom:1px solid #d8dde4"


def as_html(rehearsal: Rehearsal) -> str:
    """Return it as HTML for a notebook; everything in it that people wrote is escaped."""
    parts = [f"<h3>Rehearsal of {escape(rehearsal.name)}</h3><p>{escape(headline(rehearsal))}</p>"]
    colour = "#006400" if rehearsal.ok else "#b00020"
    parts += [f'<p style="color:{colour}"><b>{escape(line)}</b></p>' for line in verdicts(rehearsal)]
    notes = [*loads(rehearsal), *rehearsal.notes]
    if notes:
        parts.append("<ul>" + "".join(f"<li>{escape(note)}</li>" for note in notes) + "</ul>")
    parts += [_table_html(table) for table in tables(rehearsal)]
    return f"<div>{''.join(parts)}</div>"


def _table_html(table: Table) -> str:
    head = "".join(f'<th scope="col" style="{_CELL}">{escape(one)}</th>' for one in table.columns)
    cells = [[f'<td style="{_CELL}">{escape(cell)}</td>' for cell in row] for row in table.rows]
    rows = "".join(f"<tr>{''.join(row)}</tr>" for row in cells)
    caption = f'<caption style="text-align:left;font-weight:bold;padding:8px 0">{escape(table.title)}</caption>'
    return (
        f'<table style="border-collapse:collapse">{caption}<thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table>'
    )
