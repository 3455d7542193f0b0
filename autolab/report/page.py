"""The report: one HTML file that holds all it needs, and asks nobody for anything."""

from __future__ import annotations

import os
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Final

from autolab.loop.provenance import versions
from autolab.model.errors import AutolabError, InputError
from autolab.report.deeds import deeds, open_words
from autolab.report.dress import CSS, SCRIPT
from autolab.report.facts import Facts
from autolab.report.figures import model_section, parameters_section, progress_section
from autolab.report.goal import goal
from autolab.report.markup import Html, text
from autolab.report.provenance import provenance
from autolab.report.result import result, summary
from autolab.report.trials import trials_table

if TYPE_CHECKING:
    from autolab.planners.prediction import Predict, Prediction

MARK: Final = '<meta name="generator" content="autolab">'
"""What tells a report from other files: it may be written anew."""

POLICY: Final = (
    "default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; img-src data: blob:; "
    "base-uri 'none'; form-action 'none'"
)
"""What a browser lets the file do: nothing beyond itself."""

BADGES: Final = {"virtual": "SIMULATED", "physical": "PHYSICAL", "function": "FUNCTION"}
TITLES: Final = {
    "result": "Result",
    "goal": "Goal",
    "progress": "Progress",
    "parameters": "Where it looked",
    "model": "Model",
    "trials": "Trials",
    "deeds": "Actions and failures",
    "provenance": "Provenance",
}


def report(journal: str | Path) -> Html:
    """Return the report of a journal's last campaign, also of one that runs, or has not begun.

    Raises:
        JournalRefused: There is no journal, or it cannot be read.
    """
    facts = Facts.read(journal)
    predict, why = _model(facts)
    expected = _expected(facts, predict)
    sections = {
        "result": result(facts, expected),
        "goal": goal(facts),
        "progress": progress_section(facts),
        "parameters": parameters_section(facts),
        "model": model_section(facts, predict, why),
        "trials": trials_table(facts),
        "deeds": deeds(facts),
        "provenance": provenance(facts),
    }
    return _page(facts, {name: told for name, told in sections.items() if told})


def write_report(journal: str | Path, out: str | Path | None = None) -> Path:
    """Write the report of a journal's last campaign, whole or not at all; return where it is.

    Args:
        journal: The journal's file.
        out: The file to be written; beside the journal, with the ending `.html`, when None.

    Raises:
        InputError: The file is there and is no report, or it cannot be written.
        JournalRefused: There is no journal, or it cannot be read.
    """
    path = Path(out) if out is not None else Path(journal).with_suffix(".html")
    _check_place(path)
    told = report(journal)
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        part.write_text(told, encoding="utf-8", newline="\n")
        part.replace(path)
    except OSError as error:
        msg = f"{path}: the report cannot be written: {error.strerror or error}. Name another place with -o"
        raise InputError(msg) from error
    finally:
        part.unlink(missing_ok=True)
    return path


def _check_place(path: Path) -> None:
    if path.is_dir():
        msg = f"{path} is a folder: name a file, such as {path / 'report.html'}"
        raise InputError(msg)
    if not path.parent.is_dir():
        msg = f"{path}: there is no folder {path.parent}. Make it, or name another place"
        raise InputError(msg)
    if path.exists():
        with path.open("rb") as stream:
            begins = stream.read(2000)
        if MARK.encode() not in begins:
            msg = f"{path} is there already and is no report of autolab: it is left as it is. Name another file with -o"
            raise InputError(msg)


def _model(facts: Facts) -> tuple[Predict | None, str]:
    """Return the model, or None and why there is none."""
    try:
        return facts.predictor(), ""
    except AutolabError as error:
        return None, str(error)
    except Exception as error:  # a planner of somebody else's may fail in any way; the report must not
        return None, f"the planner's model failed: {type(error).__name__}: {error}"


def _expected(facts: Facts, predict: Predict | None) -> Sequence[Prediction]:
    front = facts.problem.front(facts.trials) if facts.problem is not None else []
    if predict is None or not front:
        return ()
    try:
        return predict([trial.point for trial in front])
    except (AutolabError, ValueError, ArithmeticError):
        return ()


def _page(facts: Facts, sections: dict[str, Html]) -> Html:
    from plotly.offline import get_plotlyjs

    links = "".join(f'<li><a href="#{name}">{text(TITLES[name])}</a></li>' for name in sections)
    made = datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC")
    drawn = f"<script>{get_plotlyjs()}</script>\n" if 'class="plot"' in "".join(sections.values()) else ""
    return f"""<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
{MARK}
<meta http-equiv="Content-Security-Policy" content="{POLICY}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{text(facts.name)}: campaign report</title>
<link rel="icon" href="data:,">
<style>{CSS}</style>
</head>
<body>
<header>
<span class="badge {facts.kind}">{BADGES[facts.kind]}</span>
<h1>{text(facts.name)}</h1>
{summary(facts)}<p class="made">Made {made} by autolab {text(versions()["autolab-sdl"] or "")}.</p>
<nav aria-label="Sections"><ul>{links}</ul></nav>
</header>
<main>
{open_words(facts)}{"".join(sections.values())}</main>
<footer><p>One file, complete in itself. All times of attempts are lab time; dates are UTC.</p>
<noscript><p>The figures need JavaScript; all numbers are in the tables.</p></noscript></footer>
{drawn}<script>{SCRIPT}</script>
</body>
</html>
"""
