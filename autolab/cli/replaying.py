"""`autolab replay`."""

from __future__ import annotations

import importlib
from collections import Counter
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from autolab.cli.console import say, say_json, say_table
from autolab.cli.failures import WORK_FAILED, command
from autolab.cli.targets import FILES, AsJson, Target, journal_of, problem_of
from autolab.model.errors import InputError

if TYPE_CHECKING:
    from autolab.journal.history import History
    from autolab.model.contracts import Planner
    from autolab.model.problem import Problem


@command
def replay(target: Target = Path("campaign.yaml"), as_json: AsJson = False) -> None:
    """Make every recorded decision again from the journal before it, and compare."""
    from autolab.journal.history import fold
    from autolab.journal.reading import JournalReader
    from autolab.journal.replay import replay as replayed

    path = journal_of(target)
    with JournalReader.open(path) as reader:
        problem, planner = _asked(target, fold(reader.events()))
        checks = replayed(reader, problem, planner)
    counts = Counter(check.status for check in checks)
    if as_json:
        say_json({"journal": str(path), "counts": dict(counts), "decisions": [asdict(check) for check in checks]})
    else:
        rows = [[one.decision, ", ".join(map(str, one.trials)), one.status, one.how] for one in checks]
        say_table(["decision", "trials", "replay", "how"], rows)
        say(", ".join(f"{count} {status}" for status, count in counts.items()) or "no decision was made yet")
    if counts["different"]:
        raise typer.Exit(WORK_FAILED)


def _asked(target: Path, history: History) -> tuple[Problem, Planner]:
    """Return problem and planner: of the campaign file if one is given, else as the journal tells them."""
    if target.suffix.lower() in FILES:
        from autolab.spec.campaign_file import load_campaign

        file = load_campaign(target)
        return file.problem, file.planner
    problem = problem_of(history)
    planner = planner_of(history)
    if problem is None or planner is None:
        msg = f"{target} does not tell its problem and planner: give the campaign file instead"
        raise InputError(msg)
    return problem, planner


def planner_of(history: History) -> Any:  # noqa: ANN401  a Planner, or None
    """Return the planner as the journal itself tells it, or None where it does not or it is not installed."""
    declared = (history.opened.get("declaration") or {}).get("planner") or {}
    module, _, name = str(declared.get("use", "")).partition(":")
    try:
        return getattr(importlib.import_module(module), name)(**declared.get("with", {}))
    except (ImportError, AttributeError, TypeError, ValueError, InputError):
        return None
