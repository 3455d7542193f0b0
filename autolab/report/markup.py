"""Pieces of HTML. Every text goes through `text`, so that no name or reason can become markup."""

from __future__ import annotations

import html
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

Html = str
"""Text that is HTML already."""


def text(value: object) -> Html:
    """Return a text as HTML shows it letter by letter.

    >>> text("<script>")
    '&lt;script&gt;'
    """
    return html.escape(str(value), quote=True)


def section(name: str, title: str, *parts: Html) -> Html:
    """Return a section with its heading; `name` is its anchor."""
    return f'<section id="{text(name)}"><h2>{text(title)}</h2>\n{"".join(parts)}</section>\n'


def heading(title: str) -> Html:
    """Return a heading within a section."""
    return f"<h3>{text(title)}</h3>\n"


def paragraph(told: Html, kind: str = "") -> Html:
    """Return a paragraph; what is told is HTML already."""
    return f"<p{_class(kind)}>{told}</p>\n"


def bullets(items: Iterable[Html]) -> Html:
    """Return a list; empty without items."""
    told = "".join(f"<li>{item}</li>" for item in items)
    return f"<ul>{told}</ul>\n" if told else ""


def pairs(items: Mapping[str, Html] | Iterable[tuple[str, Html]]) -> Html:
    """Return names with what they stand for."""
    rows = items.items() if isinstance(items, Mapping) else items
    return f"<dl>{''.join(f'<div><dt>{text(name)}</dt><dd>{told}</dd></div>' for name, told in rows)}</dl>\n"


@dataclass(frozen=True)
class Cell:
    """One cell of a table.

    Attributes:
        shown: HTML.
        sort: What it is sorted by; what is shown when None.
    """

    shown: Html
    sort: float | str | None = None


NOTHING: Final = Cell("", "")


def number_cell(value: float | None, shown: str) -> Cell:
    """Return the cell of a number; empty for None."""
    return NOTHING if value is None else Cell(text(shown), value)


def table(
    caption: str,
    columns: Sequence[str],
    rows: Sequence[Sequence[Cell | str]],
    *,
    kinds: Sequence[str] = (),
    sortable: bool = False,
) -> Html:
    """Return a table in a box of its own that scrolls where it is too wide.

    Args:
        caption: What the table shows.
        columns: Headings.
        rows: Cells; a text is escaped.
        kinds: Class of each row.
        sortable: Whether a click on a heading sorts.
    """
    heads = "".join(_head(name, sortable, _numeric(i, rows)) for i, name in enumerate(columns))
    body = "".join(
        f"<tr{_class(kind)}>{''.join(map(_cell, row))}</tr>\n"
        for row, kind in zip(rows, [*kinds, *[""] * (len(rows) - len(kinds))], strict=True)
    )
    return (
        f'<div class="box" role="region" tabindex="0" aria-label="{text(caption)}">'
        f"<table{_class('sortable' if sortable else '')}><caption>{text(caption)}</caption>"
        f"<thead><tr>{heads}</tr></thead><tbody>{body}</tbody></table></div>\n"
    )


def _head(name: str, sortable: bool, numeric: bool) -> Html:
    told = f'<button type="button">{text(name)}</button>' if sortable else text(name)
    kind = _class("number" if numeric else "")
    return f'<th scope="col"{kind}>{told}</th>'


def _numeric(i: int, rows: Sequence[Sequence[Cell | str]]) -> bool:
    """Return whether a column holds numbers, and empty cells perhaps."""
    found = [cell.sort for row in rows if isinstance(cell := row[i], Cell) and cell != NOTHING]
    return bool(found) and all(isinstance(one, int | float) for one in found)


def _class(kind: str) -> Html:
    return f' class="{text(kind)}"' if kind else ""


def _cell(cell: Cell | str) -> Html:
    if isinstance(cell, str):
        return f"<td>{text(cell)}</td>"
    if cell.sort is None:
        return f"<td>{cell.shown}</td>"
    numeric = ' class="number"' if isinstance(cell.sort, int | float) else ""
    return f'<td{numeric} data-sort="{text(cell.sort)}">{cell.shown}</td>'
