"""Whether the parts of a campaign fit together: what its budget and its protocol ask of the lab."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from autolab.loop.budget import Budget
from autolab.model.facts import LabFacts
from autolab.spec.document import dotted
from autolab.spec.findings import one_of
from autolab.spec.problem import limits_on

if TYPE_CHECKING:
    from autolab.lab.declaration import LabDeclaration
    from autolab.model.contracts import Procedure
    from autolab.model.objectives import OutcomeConstraint
    from autolab.model.problem import Problem
    from autolab.spec.campaign_model import BudgetModel, ProtocolModel
    from autolab.spec.findings import Findings


def build_budget(
    model: BudgetModel,
    lab: LabDeclaration | None,
    problem: Problem | None,
    protocol: Procedure | None,
    findings: Findings,
) -> Budget | None:
    """Return the budget, or None with every fault noted.

    Args:
        model: What the file says.
        lab: Where its file could be read.
        problem: Where it could be built.
        protocol: Where it could be built; its `outcomes` say what a target may name.
        findings: Collects the faults.
    """
    good = lab is None or _unsure(findings) or _known_stocks(model, lab, findings)
    target = _target(model, problem, protocol, findings)
    if not good or target is None or not _one_objective(model, problem, findings):
        return None
    return Budget(model.trials, model.hours, model.failure_streak, model.consumables, target, model.gain, model.regret)


def _one_objective(model: BudgetModel, problem: Problem | None, findings: Findings) -> bool:
    several = problem is not None and len(problem.objectives) > 1
    wrong = [rule for rule in ("gain", "regret") if several and getattr(model, rule) is not None]
    for rule in wrong:
        told = "there are several objectives, and it is in the unit of one"
        findings.add(("budget", rule), told, "Remove it, or keep one objective")
    return not wrong


def _unsure(findings: Findings) -> bool:
    """Return whether the lab's stocks or who draws from them have faults, of which others would only follow."""
    return any(fault.key.startswith("stocks") or fault.key.endswith(".stock") for fault in findings.faults)


def _known_stocks(model: BudgetModel, lab: LabDeclaration, findings: Findings) -> bool:
    unknown = [name for name in model.consumables if name not in lab.stocks]
    for name in unknown:
        remedy = one_of(name, lab.stocks) if lab.stocks else "Declare it among the lab file's `stocks`"
        findings.add(("budget", "consumables", name), f"the lab has no stock {name!r}", remedy)
    return not unknown


def _target(
    model: BudgetModel, problem: Problem | None, protocol: Procedure | None, findings: Findings
) -> list[OutcomeConstraint] | None:
    measured: Any = getattr(protocol, "outcomes", None) or {}
    known = list(dict.fromkeys((*(problem.outcome_names if problem is not None else ()), *measured)))
    found: list[OutcomeConstraint] = []
    for name, given in model.target.items():
        key = ("budget", "target", name)
        if problem is not None and protocol is not None and name not in known:
            findings.add(key, f"nothing measures {name!r}", one_of(name, known))
        found += limits_on(name, given, key, findings)
    return None if findings.under(("budget", "target")) else found


def fit(
    model: ProtocolModel,
    lab: LabDeclaration | None,
    problem: Problem | None,
    protocol: Procedure | None,
    findings: Findings,
) -> list[str]:
    """Let the protocol say what the lab cannot do: faults are noted, and what is no fault is returned."""
    asked = getattr(protocol, "lab_faults", None)
    if asked is None or lab is None or problem is None or findings.under(("protocol",)) or _unsure(findings):
        return []
    notes = []
    with findings.at(("protocol",)):
        for remark in asked(problem, facts_of(lab, model.with_)):
            if remark.fatal:
                findings.add(remark.key, remark.problem, remark.remedy)
            else:
                notes.append(f"{dotted(remark.key)}: {remark.problem}. {remark.remedy}".rstrip(". "))
    return notes


def facts_of(lab: LabDeclaration, roles: Mapping[str, str]) -> LabFacts:
    """Return a lab as a protocol sees it.

    Args:
        lab: Its declaration.
        roles: Role in the protocol -> instrument of the lab, dotted for a component.
    """
    owners = {role: name.partition(".")[0] for role, name in roles.items()}
    vessels = lab.virtual.vessels if lab.virtual is not None else {}
    volumes = {name: vessel.get("volume_mL") for name, vessel in vessels.items()}
    return LabFacts(
        stocks=lab.stocks_of(owners),
        settings={role: lab.instruments[name].settings for role, name in owners.items() if name in lab.instruments},
        places={role: _places(lab, name) for role, name in owners.items() if name in lab.plumbing},
        vessels={
            name: float(volume)
            for name, volume in volumes.items()
            if isinstance(volume, int | float) and not isinstance(volume, bool)
        },
    )


def _places(lab: LabDeclaration, name: str) -> tuple[str, ...]:
    place = lab.plumbing[name]
    return (place,) if isinstance(place, str) else place
