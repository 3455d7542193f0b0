"""All trials of a campaign as a table that sorts."""

from __future__ import annotations

from typing import TYPE_CHECKING

from autolab.report.markup import Cell, Html, paragraph, section, table, text
from autolab.report.values import column, outcome_cell, value_cell

if TYPE_CHECKING:
    from autolab.model.trial import Trial
    from autolab.report.facts import Facts


def trials_table(facts: Facts) -> Html:
    """Return the section of all trials: point, outcome, state, attempts, reason."""
    if not facts.trials:
        return section("trials", "Trials", paragraph("Nothing was tried yet.", "note"))
    names = facts.problem.space.names if facts.problem is not None else tuple(sorted(_keys(facts.trials, "point")))
    wanted = facts.problem.outcome_names if facts.problem is not None else ()
    quantities = dict.fromkeys([*wanted, *_keys(facts.trials, "outcome")])
    columns = [
        "trial",
        "state",
        *(column(name, facts.units) for name in [*names, *quantities]),
        "attempts",
        "reason",
        "rule",
    ]
    front = {trial.number for trial in facts.problem.front(facts.trials)} if facts.problem is not None else set()
    rows = [_row(facts, trial, names, tuple(quantities), best=trial.number in front) for trial in facts.trials]
    kinds = [_kind(trial, best=trial.number in front) for trial in facts.trials]
    told = paragraph("Press a heading to sort. ★ marks the best; ± is a 95 % interval.")
    return section("trials", "Trials", told, table("All trials", columns, rows, kinds=kinds, sortable=True))


def _keys(trials: tuple[Trial, ...], what: str) -> dict[str, None]:
    return dict.fromkeys(name for trial in trials for name in getattr(trial, what))


def _kind(trial: Trial, *, best: bool) -> str:
    if best:
        return "best"
    return "wrong" if trial.invalidated else trial.state


def _row(
    facts: Facts, trial: Trial, names: tuple[str, ...], quantities: tuple[str, ...], *, best: bool
) -> list[Cell | str]:
    state = f"{trial.state}, invalidated" if trial.invalidated else trial.state
    rule = str(trial.info.get("rule") or "")
    fallback = trial.info.get("fallback")
    return [
        Cell(f"{trial.number}{' ★' if best else ''}", trial.number),
        state,
        *(value_cell(facts.problem, trial, name) for name in names),
        *(outcome_cell(trial, name) for name in quantities),
        Cell(str(len(trial.attempts)), len(trial.attempts)),
        Cell(f'<span class="reason">{text(trial.reason)}</span>', trial.reason),
        Cell(text(f"{rule} (instead of the model: {fallback})" if fallback else rule), rule),
    ]
