"""What commands are about: a journal, named by itself or by its campaign file."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from autolab.model.errors import InputError

if TYPE_CHECKING:
    from autolab.journal.history import History
    from autolab.journal.reading import JournalReader

Target = Annotated[Path, typer.Argument(metavar="CAMPAIGN|JOURNAL", help="A campaign file, or its journal (.sqlite).")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON instead of text.")]

FILES = (".yaml", ".yml", ".json")


def journal_of(target: Path) -> Path:
    """Return the journal that a person means.

    Raises:
        InputError: There is none.
    """
    path = target.with_suffix(".sqlite") if target.suffix.lower() in FILES else target
    if target.exists() and path.exists():
        return path
    if not target.exists():
        msg = f"{target}: there is no such file. Give a campaign file or its journal"
    else:
        msg = f"{path}: this campaign has no journal yet. Start it with `autolab run {target}`, or give its journal"
    raise InputError(msg)


def running(reader: JournalReader, history: History) -> bool | None:
    """Return whether the owner of a journal is at work now; None where that cannot be known from this machine."""
    import socket

    owner = reader.owner()
    if owner is None or history.stopped is not None:
        return False
    if owner["host"] != socket.gethostname():
        return None
    return _locked(reader.path) if sys.platform == "win32" else _alive(owner["pid"])


def _alive(pid: int) -> bool:
    import os

    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    try:  # where nobody waits for dead children, as in a container without an init, a killed process stays as a zombie
        return ") Z " not in Path(f"/proc/{pid}/stat").read_text(encoding="ascii", errors="replace")
    except OSError:
        return True


def _locked(path: Path) -> bool:
    """Return whether somebody holds the lock: Windows has no harmless way to ask for a process."""
    import filelock

    beside = path.with_name(f"{path.name}.lock")
    if not beside.exists():
        return False
    try:
        with filelock.FileLock(beside, timeout=0):
            return False
    except filelock.Timeout:
        return True


def myself() -> str:
    """Return who asks, as `user@host`."""
    import getpass
    import socket

    try:
        user = getpass.getuser()
    except (OSError, KeyError):
        user = "unknown"
    return f"{user}@{socket.gethostname()}"


def problem_of(history: History) -> Any:  # noqa: ANN401  a Problem, or None
    """Return the problem as the journal itself tells it, or None where it does not."""
    from autolab.spec.objects import from_data

    declared = history.opened.get("declaration") or {}
    try:
        return from_data(declared["problem"])
    except (KeyError, InputError):
        return None
