"""What a campaign found: the recommended point or the Pareto set, and how sure that is."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

from autolab.loop.display import duration
from autolab.plots.marks import WIDE, measured_text
from autolab.plots.style import shown, unit_text
from autolab.report.goal import SIGNS
from autolab.report.markup import Cell, Html, bullets, heading, pairs, paragraph, section, table, text
from autolab.report.values import column, count, in_order, outcome_cell, point_words, value_cell, with_unit

if TYPE_CHECKING:
    from autolab.model.objectives import OutcomeConstraint
    from autolab.model.problem import Problem
    from autolab.model.trial import Trial
    from autolab.planners.prediction import Prediction
    from autolab.report.facts import Facts

NAMES = {"virtual": "simulated", "physical": "performed on hardware", "function": "evaluated by a function"}


def result(facts: Facts, expected: Sequence[Prediction]) -> Html:
    """Return the section of the result.

    Args:
        facts: The campaign.
        expected: What the model expects at each trial of the best, in their order; empty without a model.
    """
    problem = facts.problem
    front = problem.front(facts.trials) if problem is not None else []
    if problem is None or not front:
        return section("result", "Result", paragraph(_nothing(facts), "note"), _state(facts))
    if len(problem.objectives) > 1:
        return section("result", "Result", _set(facts, problem, front, expected), _state(facts))
    return section("result", "Result", _one(facts, problem, front[0], expected), _state(facts))


def _nothing(facts: Facts) -> Html:
    done = sum(trial.usable for trial in facts.trials)
    if not facts.trials:
        return "Nothing was tried yet."
    if not done:
        return f"None of {count(len(facts.trials), 'trial')} is completed yet."
    return f"None of {count(done, 'completed trial')} keeps every outcome constraint, so no point can be recommended."


def _state(facts: Facts) -> Html:
    stop = facts.history.stopped
    if not facts.history.campaign:
        return ""
    if stop is None:
        return paragraph("The campaign is not over: this is how it stood when the report was made.", "note")
    detail = f": {text(stop.detail)}" if stop.detail else ""
    return paragraph(f"The run stopped (<code>{text(stop.reason)}</code>){detail}.")


def _one(facts: Facts, problem: Problem, best: Trial, expected: Sequence[Prediction]) -> Html:
    objective = problem.objectives[0]
    unit = facts.units.get(objective.name, "")
    value = best.outcome[objective.name]
    simulated = f" ({NAMES[facts.kind]})"
    told = (
        f'<p class="headline">{text(objective.name)} <strong>{text(measured_text(value, unit))}</strong>'
        f"<small>{text(simulated)}</small></p>\n"
    )
    told += paragraph(f"Recommended point, trial {best.number}: {point_words(problem, best.point, facts.units)}.")
    return (
        told
        + _outcome(facts, problem, best, expected)
        + heading("How sure is this?")
        + bullets(_sure(facts, problem, best, expected))
    )


def _outcome(facts: Facts, problem: Problem, best: Trial, expected: Sequence[Prediction]) -> Html:
    """Return a table of all that was measured at the best point beside what the model expects there."""
    rows: list[list[Cell | str]] = []
    for name, value in in_order(problem, best.outcome):
        unit = facts.units.get(name, "")
        limits = [one for one in problem.outcome_constraints if one.name == name]
        believed = _expected(expected[0], name, unit) if expected and name in expected[0].mean else ""
        kept = ", ".join(
            f"{SIGNS[one.side]} {shown(one.bound)}: {'kept' if one.holds(value.value) else 'broken'}" for one in limits
        )
        rows.append([name, measured_text(value, unit), believed, kept])
    columns = ["quantity", "measured (95 % interval)", "the model expects there (95 %)", "bound"]
    return table(f"Outcome of trial {best.number}", columns, rows)


def _expected(one: Prediction, name: str, unit: str) -> str:
    low, high = one.interval(name)
    return f"{shown(one.mean[name])} ({shown(low)} to {shown(high)}) {unit_text(unit)}".rstrip()


def _sure(facts: Facts, problem: Problem, best: Trial, expected: Sequence[Prediction]) -> list[Html]:
    told = [_errors(problem, best), _runner_up(facts, problem, best), _last_gain(facts, problem, best)]
    if expected:
        told.append(_fair(facts, problem, best, expected[0]))
        told += [_holding(one, expected[0]) for one in problem.outcome_constraints if one.name in expected[0].mean]
    return [one for one in told if one]


def _errors(problem: Problem, best: Trial) -> Html:
    if best.outcome[problem.objectives[0].name].standard_error is None:
        return "The error of the measurement is not known: repeat the point to learn it."
    return ""


def _runner_up(facts: Facts, problem: Problem, best: Trial) -> Html:
    objective = problem.objectives[0]
    second = problem.front([trial for trial in facts.trials if trial.number != best.number])
    if not second:
        return "No other trial keeps every outcome constraint, so nothing can be compared with it."
    one, other = best.outcome[objective.name], second[0].outcome[objective.name]
    gap = abs(objective.utility(one.value) - objective.utility(other.value))
    unit = facts.units.get(objective.name, "")
    lead = f"It leads the next best, trial {second[0].number}, by {text(with_unit(gap, unit))}"
    error = math.hypot(one.standard_error or 0.0, other.standard_error or 0.0)
    if not error:
        return f"{lead}."
    if gap > WIDE * error:
        return f"{lead}: more than the errors of measuring explain (95 %)."
    return f"{lead}: less than the errors of measuring explain, so the two may well be equal."


def _last_gain(facts: Facts, problem: Problem, best: Trial) -> Html:
    since = sum(trial.usable for trial in facts.trials if trial.number > best.number)
    return (
        f"{count(since, 'completed trial')} since then did no better."
        if since
        else "It is the latest result: more trials may well do better."
    )


def _fair(facts: Facts, problem: Problem, best: Trial, one: Prediction) -> Html:
    name = problem.objectives[0].name
    inside = one.interval(name)[0] <= best.outcome[name].value <= one.interval(name)[1]
    told = f"The model of all trials expects {text(_expected(one, name, facts.units.get(name, '')))} there, "
    if inside:
        return f"{told}which agrees with what was measured."
    return f"{told}and what was measured lies outside: the best of many noisy results flatters, so trust the model's figure more."


def _holding(limit: OutcomeConstraint, one: Prediction) -> Html:
    """Return how probable it is, by the model, that a bound is kept there."""
    gap = one.mean[limit.name] - limit.bound
    z = (-gap if limit.side == "<=" else gap) / max(one.deviation[limit.name], 1e-12)
    chance = 0.5 * math.erfc(-z / math.sqrt(2))
    told = "more than 99.9" if chance > 0.999 else f"{100 * chance:.3g}"
    return f"That {text(limit.name)} keeps its bound there has a probability of {told} % by the model."


def _set(facts: Facts, problem: Problem, front: Sequence[Trial], expected: Sequence[Prediction]) -> Html:
    names = [*problem.space.names, *problem.outcome_names]
    columns = ["trial", *(column(name, facts.units) for name in names)]
    columns += [f"{one.name}: the model expects" for one in problem.objectives] if expected else []
    rows: list[list[Cell | str]] = []
    for i, trial in enumerate(front):
        row: list[Cell | str] = [Cell(str(trial.number), trial.number)]
        row += [value_cell(problem, trial, name) for name in problem.space.names]
        row += [outcome_cell(trial, name) for name in problem.outcome_names]
        row += [_expected(expected[i], one.name, "") for one in problem.objectives] if expected else []
        rows.append(row)
    told = (
        f"{count(len(front), 'trial')} of which none is better than another in every objective ({NAMES[facts.kind]}):"
    )
    return paragraph(told) + table("Pareto set (± 95 %)", columns, rows, sortable=True)


def summary(facts: Facts) -> Html:
    """Return the counts that stand at the top of a report."""
    trials, history = facts.trials, facts.history
    states = {state: sum(trial.state == state for trial in trials) for state in dict.fromkeys(t.state for t in trials)}
    told = ", ".join(f"{number} {state}" for state, number in states.items()) or "none yet"
    items = [("trials", text(told)), ("lab time", text(duration(history.last_lab_time)))]
    if facts.before:
        items.append(("known before", text(count(len(facts.before), "trial"))))
    wrong = sum(trial.invalidated for trial in trials)
    return pairs([*items, ("invalidated", str(wrong))] if wrong else items)
