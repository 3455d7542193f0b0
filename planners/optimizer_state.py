"""The state of an optimizer in JSON: trials, points under way, and how many decisions were made."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import tempfile
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from autolab.model.candidates import Candidates
from autolab.model.errors import InputError
from autolab.model.trial import Trial, as_outcome

if TYPE_CHECKING:
    from autolab.model.problem import Problem

VERSION = 1


def saved(problem: Problem, seed: int, decisions: int, trials: Iterable[Trial]) -> dict[str, Any]:
    """Return the state as a mapping that JSON can hold."""
    state = {
        "autolab_optimizer": VERSION,
        "problem": digest(problem),
        "seed": seed,
        "decisions": decisions,
        "trials": [_row(trial) for trial in trials],
    }
    plainly: dict[str, Any] = json.loads(json.dumps(state, allow_nan=False, default=_of_numpy))
    return plainly


def _of_numpy(value: Any) -> Any:  # noqa: ANN401  whatever history holds
    if hasattr(value, "item"):
        return value.item()
    msg = f"{value!r} cannot be saved"
    raise TypeError(msg)


def digest(problem: Problem) -> str:
    """Return what tells problems apart: also tables of candidates of the same size."""
    found = hashlib.sha256(repr(problem).encode())
    if isinstance(problem.space, Candidates):
        for name in problem.space.names:
            column = problem.space.column(name)
            found.update(repr(column.tolist()).encode())
    return found.hexdigest()


def write(path: Path, state: Mapping[str, Any]) -> None:
    """Put a state in the place of a file in one step, once it is on the disk."""
    text = json.dumps(state, allow_nan=False)
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        Path(name).replace(path)
    except BaseException:
        with contextlib.suppress(OSError):
            Path(name).unlink()
        raise


def read(source: Mapping[str, Any] | str | Path, problem: Problem) -> tuple[int, int, list[Trial]]:
    """Return seed, number of decisions and trials of a state or a file.

    Raises:
        InputError: It is none, of a later version, or of another problem.
    """
    state = source if isinstance(source, Mapping) else _of_file(Path(source))
    version = state.get("autolab_optimizer")
    if version != VERSION:
        msg = f"this is no state of an optimizer that this version reads: its version is {version!r}, not {VERSION}"
        raise InputError(msg)
    if state.get("problem") != digest(problem):
        msg = "this state is of another problem: its space, objectives or outcome constraints are others"
        raise InputError(msg)
    try:
        trials = [_trial(number, row) for number, row in enumerate(state["trials"], 1)]
        return int(state["seed"]), int(state["decisions"]), trials
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        msg = f"the state is damaged: {type(error).__name__}: {error}"
        raise InputError(msg) from error


def _of_file(path: Path) -> Mapping[str, Any]:
    try:
        state = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        msg = f"{path} cannot be read: {error.strerror or error}"
        raise InputError(msg) from None
    except ValueError as error:
        msg = f"{path} is no state of an optimizer: {error}"
        raise InputError(msg) from None
    if not isinstance(state, Mapping):
        msg = f"{path} is no state of an optimizer: it holds a {type(state).__name__}"
        raise InputError(msg)
    return state


def _row(trial: Trial) -> dict[str, Any]:
    return {
        "point": dict(trial.point),
        "state": trial.state,
        "outcome": {name: [one.value, one.standard_error] for name, one in trial.outcome.items()},
        "reason": trial.reason,
        "source": trial.source,
        "fidelity": trial.fidelity,
        "invalidated": trial.invalidated,
        "info": dict(trial.info),
    }


def _trial(number: int, row: Mapping[str, Any]) -> Trial:
    outcome = as_outcome({name: (value, error) for name, (value, error) in row["outcome"].items()})
    told = {key: row[key] for key in ("state", "reason", "source", "fidelity", "invalidated", "info")}
    return Trial(number, dict(row["point"]), outcome=outcome, **told)
