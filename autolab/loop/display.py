"""What a running campaign shows: a live panel on a terminal, plain lines elsewhere."""

from __future__ import annotations

import sys
import threading
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping
    from types import TracebackType
    from typing import Self

    from rich.console import Console, RenderableType

    from autolab.loop.progress import Progress

PIPED_WIDTH = 160
"""Columns where there is no terminal to ask."""

DOINGS = frozenset({"phase", "action"})
"""Kinds that tell what instruments do: only a live panel has room for them."""

LASTING = frozenset({"trial", "question", "review", "stopped"})
"""Kinds that stay on the screen; the others only say what goes on now."""


class Display:
    """Shows the progress of a run.

    Args:
        problem: For names and units of the objectives; None shows values as they come.
        quiet: Show nothing.
        on: Console to be used; standard error by default, so that standard output holds results only.
    """

    def __init__(self, problem: Any = None, *, quiet: bool = False, on: Console | None = None) -> None:  # noqa: ANN401  a Problem
        self._units = {one.name: one.unit for one in problem.objectives} if problem is not None else None
        self._quiet, self._console = quiet, on or _console()
        self._lock = threading.Lock()
        self._live: Any = None
        self._done = 0
        self._of: int | None = None
        self._trial: int | None = None
        self._best = self._last = self._now = self._phase = ""
        self._lab_time = 0.0
        self._stocks = ""

    def __enter__(self) -> Self:
        if not self._quiet and self._console.is_terminal:
            from rich.live import Live

            self._live = Live(get_renderable=self._panel, console=self._console, refresh_per_second=4, transient=True)
            self._live.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if self._live is not None:
            self._live.stop()

    def show(self, progress: Progress) -> None:
        """Take one step in; any thread may call this."""
        with self._lock:
            self._take(progress)
        if self._quiet or (self._live is not None and progress.kind not in LASTING):
            return
        if progress.kind not in DOINGS:
            self._print(self._line(progress))

    def _take(self, progress: Progress) -> None:
        self._lab_time = max(self._lab_time, progress.lab_time)
        if progress.kind == "phase":
            self._phase = progress.text
        self._now = f"{self._phase}, {progress.text}" if progress.kind == "action" and self._phase else progress.text
        if progress.kind in DOINGS:  # tells of one instrument and knows nothing of the campaign
            return
        self._phase = ""
        self._stocks = stocks_text(progress.drawn)
        self._done, self._of = progress.done, progress.of
        self._trial = progress.trial or self._trial
        self._best = self._values(progress.best)
        if progress.kind == "trial":
            self._last = f"trial {progress.trial}: {progress.text}"

    def _values(self, best: Any) -> str:  # noqa: ANN401  a mapping of numbers
        shown = {name: value for name, value in best.items() if self._units is None or name in self._units}
        units = self._units or {}
        return ", ".join(f"{name} {number(value)} {units.get(name, '')}".rstrip() for name, value in shown.items())

    def _line(self, progress: Progress) -> str:
        count = f"[{self._done}/{self._of}]" if self._of else f"[{self._done}]"
        trial = f"trial {progress.trial}, " if progress.trial and progress.kind in {"trial", "attempt"} else ""
        best = f"; best {self._best}" if self._best and progress.kind == "trial" else ""
        drawn = f"; drawn {self._stocks}" if self._stocks and progress.kind == "stopped" else ""
        return f"{count} {duration(self._lab_time)} {trial}{progress.kind}: {progress.text}{best}{drawn}"

    def _print(self, line: str) -> None:
        self._console.print(line, markup=False, soft_wrap=True)

    def _panel(self) -> RenderableType:
        from rich.console import Group
        from rich.progress_bar import ProgressBar
        from rich.table import Table
        from rich.text import Text

        with self._lock:
            of = f" of {self._of}" if self._of else ""
            head = Table.grid(padding=(0, 2))
            head.add_row(
                Text(f"{self._done}{of} trials"),
                ProgressBar(total=self._of or 1, completed=self._done if self._of else 0, width=30),
                Text(f"best {self._best}" if self._best else "no result yet"),
                Text(f"lab time {duration(self._lab_time)}"),
            )
            rows: list[RenderableType] = [head]
            rows += [Text(f"drawn {self._stocks}", overflow="ellipsis", no_wrap=True)] if self._stocks else []
            rows += [Text(f"last  {self._last}", overflow="ellipsis", no_wrap=True)] if self._last else []
            rows += [Text(f"now   {self._now}", overflow="ellipsis", no_wrap=True)] if self._now else []
            return Group(*rows)


def _console() -> Console:
    from rich.console import Console

    return Console(file=sys.stderr, width=None if sys.stderr.isatty() else PIPED_WIDTH, highlight=False, emoji=False)


def stocks_text(drawn: Mapping[str, tuple[float, float | None]]) -> str:
    """Return what was drawn from bottles as people read it.

    Args:
        drawn: Stock -> (mL drawn, mL loaded or None).

    >>> stocks_text({"PC": (103.25, 500.0), "rinse": (12.0, None)})
    'PC 103 of 500 mL, rinse 12 mL'
    """
    return ", ".join(
        f"{name} {volume:.3g} mL" if loaded is None else f"{name} {volume:.3g} of {loaded:.4g} mL"
        for name, (volume, loaded) in drawn.items()
    )


def duration(seconds: float) -> str:
    """Return a time span as people read it.

    >>> duration(59.6), duration(3725), duration(200_000)
    ('60 s', '1:02:05', '2 d 7:33:20')
    """
    if seconds < 60:
        return f"{seconds:.0f} s"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    days, hours = divmod(hours, 24)
    clock = f"{hours}:{minutes:02}:{rest:02}"
    return f"{days} d {clock}" if days else clock


def number(value: object) -> str:
    """Return a value of a point or an outcome as people read it.

    >>> number(0.123456789), number(3), number("water")
    ('0.1235', '3', 'water')
    """
    return f"{value:.4g}" if isinstance(value, float) else str(value)
