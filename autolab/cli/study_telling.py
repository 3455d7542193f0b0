"""What `autolab study` shows: progress, and the tables at the end."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from autolab.cli.console import console, say, say_table

if TYPE_CHECKING:
    from collections.abc import Sequence
    from types import TracebackType
    from typing import Self

    from autolab.study.comparison import Comparison, Row
    from autolab.study.intervals import Interval
    from autolab.study.runs import Result
    from autolab.study.workers import Lost


class Shown:
    """Progress on standard error: a bar on a terminal, a line for each run elsewhere."""

    def __init__(self, total: int, left: int, *, quiet: bool) -> None:
        self._total, self._done, self._quiet = total, total - left, quiet
        self._bar: Any = None
        self._task: Any = None
        self._console = console(error=True)

    def __enter__(self) -> Self:
        if not self._quiet and self._done:
            self._console.print(f"{self._done} of {self._total} runs are done already", markup=False)
        if not self._quiet and self._console.is_terminal:
            from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

            columns = (BarColumn(), MofNCompleteColumn(), TimeRemainingColumn(), TextColumn("{task.description}"))
            self._bar = Progress(*columns, console=self._console, transient=True)
            self._task = self._bar.add_task("", total=self._total, completed=self._done)
            self._bar.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if self._bar is not None:
            self._bar.stop()

    def show(self, end: Result | Lost) -> None:
        """Count one finished or lost run, and tell it."""
        self._done += 1
        line = _line(end)
        if self._bar is not None:
            self._bar.update(self._task, completed=self._done, description=line)
        elif not self._quiet:
            self._console.print(f"[{self._done}/{self._total}] {line}", markup=False, soft_wrap=True)


def _line(end: Result | Lost) -> str:
    from autolab.study.workers import Lost

    if isinstance(end, Lost):
        return f"{end.run}: lost, {end.reason}"
    best = "nothing that counts" if end.best is None else f"best {end.best:.4g}"
    ended = f"; ended early: {end.error}" if end.error else ""
    return f"{end.setting.problem}, {end.planner}, seed {end.seed}: {best}, {sum(end.seconds):.1f} s{ended}"


def say_comparison(found: Comparison, versions: dict[str, list[str]]) -> None:
    """Print how well the planners did, what they cost, and how they rank.

    Args:
        found: What the results say.
        versions: As `versions_of`; more than one of a planner are told.
    """
    if not found.rows:
        say("no run is finished yet")
        return
    title = "means over seeds, with 95 % bootstrap intervals (* : one side of 0)"
    columns = ["problem", "planner", "seeds", "best", "quality", "area", f"area less {found.against}"]
    rows: list[list[object]] = [
        [
            row.problem,
            row.planner,
            row.seeds,
            _shown(row.best, 5),
            _shown(row.quality),
            _shown(row.area),
            _shown(row.difference, mark=True),
        ]
        for row in found.rows
    ]
    say_table(columns, rows, title=title)
    say_table(
        ["problem", "planner", "top 5 %", "AF", "EF", "s a call", "MB", "notes"],
        [[row.problem, row.planner, *_costs(row)] for row in found.rows],
    )
    if found.ranks:
        ordered = sorted(found.ranks.items(), key=lambda pair: pair[1].value)
        say_table(["planner", "mean rank by area"], [[name, _shown(rank)] for name, rank in ordered])
    for planner, some in versions.items():
        if len(some) > 1:
            say(f"{planner}: results of {len(some)} versions are mixed: {'; '.join(some)}", style="yellow")


def _costs(row: Row) -> list[object]:
    notes = [f"{row.errors} ended early"] if row.errors else []
    notes += [f"{row.fallbacks} fallbacks"] if row.fallbacks else []
    return [
        _shown(row.share),
        _shown(row.acceleration),
        _shown(row.enhancement),
        None if row.seconds is None else f"{row.seconds:.2g}",
        None if row.memory_MB is None else f"{row.memory_MB:.0f}",
        ", ".join(notes),
    ]


def _shown(one: Interval | None, digits: int = 3, *, mark: bool = False) -> str | None:
    if one is None:
        return None
    star = " *" if mark and one.apart_from_zero else ""
    if one.low is None or one.high is None:
        return f"{one.value:.{digits}g}"
    return f"{one.value:.{digits}g} ({one.low:.{digits}g} to {one.high:.{digits}g}){star}"


def versions_of(results: Sequence[Result]) -> dict[str, list[str]]:
    """Return planner -> the different sets of versions its results were made with."""
    found: dict[str, dict[str, None]] = {}
    for one in results:
        told = ", ".join(f"{name} {value}" for name, value in sorted(one.versions.items()) if value)
        found.setdefault(one.planner, {})[told] = None
    return {planner: list(some) for planner, some in found.items()}
