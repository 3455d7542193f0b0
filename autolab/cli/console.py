"""Printing: tables and texts through rich, JSON and machine-read lines plainly."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rich.console import Console

PIPED_WIDTH = 160
"""Columns where there is no terminal to ask: tables in files and pipes need not be folded at 80."""


def console(*, error: bool = False) -> Console:
    """Return a console on standard output, or on standard error."""
    from rich.console import Console

    stream = sys.stderr if error else sys.stdout
    width = None if stream.isatty() else PIPED_WIDTH
    return Console(file=stream, width=width, highlight=False, emoji=False)


def say(text: str = "", style: str | None = None) -> None:
    """Print a text as it is: brackets are no markup, and long lines are left to the terminal."""
    console().print(text, style=style, markup=False, soft_wrap=True)


def complain(text: str) -> None:
    """Print a text to standard error."""
    console(error=True).print(text, style="red", markup=False, soft_wrap=True)


def say_json(data: Any) -> None:  # noqa: ANN401  whatever JSON can hold
    """Print data as JSON and nothing else."""
    sys.stdout.write(json.dumps(data, indent=2, ensure_ascii=False, default=str) + "\n")
    sys.stdout.flush()


def say_line(text: str) -> None:
    """Print a line that other programs read, at once."""
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


def say_table(columns: Sequence[str], rows: Iterable[Sequence[object]], title: str | None = None) -> None:
    """Print a table; empty cells for None."""
    from rich import box
    from rich.table import Table
    from rich.text import Text

    table = Table(title=title, box=box.SIMPLE_HEAD, title_justify="left", pad_edge=False)
    for column in columns:
        table.add_column(column, overflow="fold")
    for row in rows:
        table.add_row(*(Text("" if cell is None else str(cell)) for cell in row))
    console().print(table)
