"""What a campaign was asked to do, in words."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from autolab.model.candidates import Candidates
from autolab.model.parameters import Categorical, Integer, Mixture, Ordinal, Real
from autolab.plots.style import shown, unit_text
from autolab.report.markup import Cell, Html, bullets, paragraph, section, table, text
from autolab.report.values import count, with_unit

if TYPE_CHECKING:
    from autolab.model.objectives import Objective, OutcomeConstraint
    from autolab.model.parameters import Component, Parameter
    from autolab.model.problem import Problem
    from autolab.model.space import Space
    from autolab.report.facts import Facts

SIGNS = {"<=": "at most", ">=": "at least"}


def goal(facts: Facts) -> Html:
    """Return the section that says what to reach, and by varying what."""
    problem = facts.problem
    if problem is None:
        told = paragraph("The journal does not tell what this campaign was asked to do.", "note")
        return section("goal", "Goal", told)
    wanted = bullets(goal_words(problem, facts.units))
    target = _target(facts)
    return section("goal", "Goal", wanted, target, "<h3>What may vary</h3>\n", _space(problem))


def goal_words(problem: Problem, units: Mapping[str, str]) -> list[Html]:
    """Return each thing to reach, and each to keep, as a sentence."""
    told = [_objective(one, units.get(one.name, "")) for one in problem.objectives]
    return told + [_limit(one, units.get(one.name, "")) for one in problem.outcome_constraints]


def _objective(one: Objective, unit: str) -> Html:
    if one.target is not None:
        return f"Bring <b>{text(one.name)}</b> to {text(with_unit(one.target, unit))}."
    told = f" (in {text(unit_text(unit))})" if unit else ""
    return f"{one.goal.capitalize()} <b>{text(one.name)}</b>{told}."


def _limit(one: OutcomeConstraint, unit: str) -> Html:
    return f"Keep <b>{text(one.name)}</b> {SIGNS[one.side]} {text(with_unit(one.bound, unit))}."


def _target(facts: Facts) -> Html:
    if not facts.target:
        return ""
    told = " and ".join(f"{text(one.name)} {text(one.side)} {text(shown(one.bound))}" for one in facts.target)
    return paragraph(f"The campaign is content, and stops, with a feasible trial of {told}.")


def _space(problem: Problem) -> Html:
    space = problem.space
    if isinstance(space, Candidates):
        names = ", ".join(text(name) for name in space.names)
        return paragraph(f"A table of {count(len(space), 'candidate')}, each with {names}; nothing else may be tried.")
    rows = [row for one in space.parameters for row in _rows(one)]
    what = table("Parameters of the space", ["parameter", "kind", "may be"], rows)
    return what + _constraints(space)


def _constraints(space: Space) -> Html:
    told = [f"<code>{text(one)}</code>" for one in space.constraints]
    return paragraph("Besides, every point keeps:") + bullets(told) if told else ""


def _rows(one: Parameter) -> list[list[Cell | str]]:
    if isinstance(one, Mixture):
        most = f", at most {one.at_most} present" if one.at_most is not None else ""
        kind = f"part of a mixture with total {shown(one.total)}{most}"
        return [[part.name, kind, _component(part)] for part in one.components]
    if isinstance(one, Categorical):
        return [[one.name, "choice", ", ".join(map(str, one.values))]]
    if isinstance(one, Ordinal):
        return [[one.name, "ordered values", f"{', '.join(map(shown, one.values))} {unit_text(one.unit)}".rstrip()]]
    kind = "whole number" if isinstance(one, Integer) else "number, on a logarithmic scale" if one.log else "number"
    return [[one.name, kind, _range(one)]]


def _range(one: Real | Integer) -> str:
    return f"{shown(one.low)} to {with_unit(one.high, one.unit)}"


def _component(part: Component) -> str:
    told = f"{shown(part.low)} to {shown(part.high)}"
    return f"absent, or {told}" if part.optional and part.low > 0 else told
