"""A journal's content for other programs: trials as CSV, documents and events as JSON Lines.

Only read: the journal may be in use meanwhile, and what is written is what it held when that was begun.
"""

from __future__ import annotations

import contextlib
import csv
import json
import os
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, TYPE_CHECKING, Final

from autolab.journal.history import fold
from autolab.journal.reading import JournalReader
from autolab.loop.pinning import settings_in_force
from autolab.model.errors import InputError

if TYPE_CHECKING:
    from autolab.journal.events import Event
    from autolab.journal.history import History
    from autolab.model.problem import Problem
    from autolab.model.trial import Trial

BEFORE: Final = ("trial", "source", "fidelity", "state", "invalidated")
AFTER: Final = ("attempts", "reason", "started [s]", "ended [s]", "started_at", "ended_at")
STANDARD_OUTPUT: Final = Path("-")
Rows = Callable[[JournalReader, IO[str]], None]


@dataclass(frozen=True)
class Names:
    """What columns are called.

    Attributes:
        parameters: In the space's order.
        outcomes: Those of the problem first.
        units: By name; without those that have none.
    """

    parameters: Sequence[str]
    outcomes: Sequence[str]
    units: Mapping[str, str]

    def head(self, name: str, tail: str = "") -> str:
        """Return the head of a column: `temperature [degC]`, `conductivity_se [mS/cm]`."""
        unit = self.units.get(name, "")
        return f"{name}{tail} [{unit}]" if unit else f"{name}{tail}"


def names_of(problem: Problem | None, measured: Mapping[str, str], trials: Sequence[Trial]) -> Names:
    """Return the names of columns for trials.

    Args:
        problem: Of the campaign; None where the journal does not tell it.
        measured: Outcome -> unit, as the protocol tells them.
        trials: What they are made of besides.
    """
    parameters = list(problem.space.names) if problem is not None else []
    parameters += [name for trial in trials for name in trial.point if name not in parameters]
    outcomes = list(problem.outcome_names) if problem is not None else []
    outcomes += [name for trial in trials for name in trial.outcome]
    units = {name: unit for name, unit in measured.items() if unit}
    if problem is not None:
        axes = getattr(problem.space, "axes", ())
        units |= {axis.name: unit for axis in axes if (unit := getattr(axis, "unit", ""))}
        units |= {objective.name: objective.unit for objective in problem.objectives if objective.unit}
    return Names(tuple(dict.fromkeys(parameters)), tuple(dict.fromkeys(outcomes)), units)


def export(
    journal: Path,
    *,
    problem: Problem | None,
    trials: Path | None = None,
    documents: Path | None = None,
    events: Path | None = None,
    force: bool = False,
    everything: bool = False,
) -> list[Path]:
    """Write what is asked for, and return the files.

    Args:
        journal: May be in use.
        problem: Gives names and units; None for what the trials themselves tell.
        trials: CSV of the trials; `-` for standard output, as for the others.
        documents: JSON Lines of bluesky documents, each `[name, document]`.
        events: JSON Lines of the events.
        force: Replace files that are there.
        everything: Trials that were imported or inherited, and documents of superseded campaigns, too.

    Raises:
        InputError: Nothing is asked for, or a file is there, or cannot be written.
        JournalRefused: There is no such journal.
    """
    asked: dict[Path, Rows] = {}
    for path, rows in (
        (trials, _trial_rows(problem, everything)),
        (documents, _document_rows(everything)),
        (events, _event_rows),
    ):
        if path in asked:
            msg = f"{path} is asked for twice: give each export a file of its own"
            raise InputError(msg)
        if path is not None:
            asked[path] = rows
    _check(list(asked), force)
    with JournalReader.open(journal) as reader:
        for path, rows in asked.items():
            with _written(path) as stream:
                rows(reader, stream)
    return list(asked)


def _check(paths: Sequence[Path], force: bool) -> None:
    if not paths:
        msg = (
            "say what to export: --trials FILE.csv, --documents FILE.jsonl, --events FILE.jsonl (- for standard output)"
        )
        raise InputError(msg)
    there = [str(path) for path in paths if path != STANDARD_OUTPUT and path.exists()]
    if there and not force:
        msg = f"{', '.join(there)}: there already, and nothing was written. Name another file, or say --force to replace it"
        raise InputError(msg)


@contextlib.contextmanager
def _written(path: Path) -> Iterator[IO[str]]:
    """Give a stream whose content takes the file's place only when it is whole.

    Raises:
        InputError: The file cannot be written.
    """
    if path == STANDARD_OUTPUT:
        yield sys.stdout
        sys.stdout.flush()
        return
    try:
        handle, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    except OSError as error:
        raise _unwritable(path, error) from error
    try:
        with os.fdopen(handle, "w", encoding="utf-8", newline="") as stream:
            yield stream
        Path(name).chmod(0o666 & ~_umask())
        Path(name).replace(path)
    except OSError as error:
        raise _unwritable(path, error) from error
    finally:
        Path(name).unlink(missing_ok=True)


def _umask() -> int:
    now = os.umask(0o022)  # the only way to read it
    os.umask(now)
    return now


def _unwritable(path: Path, error: OSError) -> InputError:
    return InputError(
        f"{path}: cannot be written: {error.strerror or error}. Name a file in a folder that you may write to"
    )


def _trial_rows(problem: Problem | None, everything: bool) -> Rows:
    def write(reader: JournalReader, stream: IO[str]) -> None:
        found = list(reader.events())
        history = fold(found)
        units = settings_in_force(reader, history.campaign).get("units")
        measured = {name: str(unit) for name, unit in units.items()} if isinstance(units, dict) else {}
        names = names_of(problem, measured, _chosen(history, everything))
        writer = csv.writer(stream, lineterminator="\n")
        writer.writerow(heads(names))
        times = _wall_times(found, history.campaign)
        for trial in _chosen(history, everything):
            writer.writerow(row(trial, names, times))

    return write


def _chosen(history: History, everything: bool) -> tuple[Trial, ...]:
    return (*history.inherited, *history.imported, *history.trials) if everything else history.trials


def heads(names: Names) -> list[str]:
    """Return the heads of the columns of a CSV of trials."""
    outcomes = [head for name in names.outcomes for head in (names.head(name), names.head(name, "_se"))]
    return [*BEFORE, *map(names.head, names.parameters), *outcomes, *AFTER]


def row(trial: Trial, names: Names, times: Mapping[int, tuple[float, float | None]]) -> list[object]:
    """Return a trial's cells; numbers as they can be read back without loss."""
    cells: list[object] = [trial.number, trial.source, trial.fidelity, trial.state, str(trial.invalidated).lower()]
    cells += [trial.point.get(name, "") for name in names.parameters]
    for name in names.outcomes:
        measured = trial.outcome.get(name)
        cells += ["", ""] if measured is None else [measured.value, measured.standard_error]
    begun, over = (trial.attempts[0].started, trial.attempts[-1].ended) if trial.attempts else ("", "")
    own = trial.source == "campaign"  # times of another campaign's trials are on another clock
    wall = [_iso(one) for one in times.get(trial.number, ())] if own else []
    return [*cells, len(trial.attempts), trial.reason, *((begun, over) if own else ("", "")), *(wall or ["", ""])]


def _wall_times(events: Sequence[Event], campaign: int) -> dict[int, tuple[float, float | None]]:
    """Return when the first attempt of each trial began and the last ended, s since 1970; None while it goes on."""
    times: dict[int, tuple[float, float | None]] = {}
    for event in events:
        if event.campaign != campaign or event.trial is None:
            continue
        if event.kind == "attempt_started":
            times[event.trial] = (times.get(event.trial, (event.wall_time, None))[0], None)
        elif event.kind == "attempt_ended":
            times[event.trial] = (times[event.trial][0], event.wall_time)
    return times


def _iso(seconds: float | None) -> str:
    return "" if seconds is None else datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds")


def _document_rows(everything: bool) -> Rows:
    def write(reader: JournalReader, stream: IO[str]) -> None:
        for stored in reader.documents(campaign=None if everything else reader.campaign):
            stream.write(json.dumps([stored.name, stored.document], ensure_ascii=False) + "\n")

    return write


def _event_rows(reader: JournalReader, stream: IO[str]) -> None:
    for event in reader.events():
        stream.write(json.dumps(asdict(event), ensure_ascii=False) + "\n")
