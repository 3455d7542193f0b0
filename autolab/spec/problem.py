"""A campaign file's space, objectives and outcome constraints as the model's objects."""

from __future__ import annotations

import csv
import math
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from autolab.model.candidates import Candidates
from autolab.model.constraints import Linear
from autolab.model.cost import Cost
from autolab.model.names import RESERVED
from autolab.model.nonlinear import Nonlinear, stated
from autolab.model.objectives import Objective, OutcomeConstraint, check_room
from autolab.model.parameters import Categorical, Integer, Mixture, Ordinal, Parameter, Real
from autolab.model.problem import Problem
from autolab.model.space import Space
from autolab.spec import campaign_model as file
from autolab.spec.findings import Findings, one_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from autolab.model.trial import Value


def build_problem(model: file.CampaignModel, findings: Findings, folder: Path) -> Problem | None:
    """Return the problem, or None with every fault noted.

    Args:
        model: The validated file.
        findings: Collects the faults.
        folder: Where paths in the file begin.
    """
    space = build_space(model.space, findings, folder)
    objectives = [_objective(name, one, findings) for name, one in model.objectives.items()]
    limits = _outcome_constraints(model.outcome_constraints, findings)
    if space is None or None in objectives or limits is None:
        return None
    if not _apart(space, model, findings) or not _known(space, model, findings):
        return None
    cost = None if model.cost is None else Cost(base=model.cost.base, change=model.cost.change, unit=model.cost.unit)
    with findings.at(("objectives",)):
        wanted = [one for one in objectives if one is not None]
        return Problem(space, wanted, limits, same_in_batch=model.same_in_batch, cost=cost)
    return None


def _known(space: Space | Candidates, model: file.CampaignModel, findings: Findings) -> bool:
    """Note names in `same_in_batch` and `cost` that nothing of the space has, or that stand there twice."""
    known = True
    named: list[tuple[tuple[str | int, ...], str]]
    named = [(("same_in_batch", i), name) for i, name in enumerate(model.same_in_batch)]
    named += [(("cost", "change", name), name) for name in (model.cost.change if model.cost is not None else ())]
    for key, name in named:
        if name not in space.names:
            findings.add(key, f"there is no parameter {name!r}", one_of(name, space.names))
            known = False
        elif key[0] == "same_in_batch" and name in model.same_in_batch[: int(key[1])]:
            findings.add(key, f"{name!r} stands here twice", "Remove one")
            known = False
    return known


def build_space(model: file.SpaceModel, findings: Findings, folder: Path) -> Space | Candidates | None:
    """Return the space, or None with every fault noted."""
    if model.candidates is not None:
        return _candidates(model, findings, folder)
    if not model.parameters:
        example = "`rate: {type: real, bounds: [0.5, 15], unit: mL/min}`"
        findings.add(("space",), "nothing varies: the space has no parameter", f"Add at least one, such as {example}")
        return None
    parameters = [build_parameter(name, one, findings) for name, one in model.parameters.items()]
    known = [one for one in parameters if one is not None]
    complete = len(known) == len(parameters) and not _named_twice(known, model, findings)
    constraints = _constraints(model.constraints, known, findings, complete=complete)
    if not complete or constraints is None:
        return None
    with findings.at(("space", "constraints") if constraints else ("space",)):
        return Space(known, constraints)
    return None


def build_parameter(name: str, model: object, findings: Findings) -> Parameter | None:
    """Return one parameter, or None with its fault noted."""
    with findings.at(("space", name)):
        match model:
            case file.RealModel(bounds=[low, high], unit=unit, log=log):
                return Real(name, low, high, unit=unit, log=log)
            case file.IntegerModel(bounds=[low, high], unit=unit):
                return Integer(name, int(low), int(high), unit=unit)
            case file.OrdinalModel(values=values, unit=unit):
                return Ordinal(name, tuple(values), unit=unit)
            case file.CategoricalModel(values=labels, descriptors=table):
                return Categorical(name, tuple(labels), descriptors=_descriptors(labels, table))
            case file.MixtureModel(names=names, total=total, bounds=bounds, at_most=at_most):
                return Mixture(tuple(names), total=total, bounds=bounds, at_most=at_most)
    return None


def _descriptors(
    labels: Sequence[Value], table: Mapping[str, Mapping[str, float]] | None
) -> dict[Value, Mapping[str, float]] | None:
    if table is None:
        return None
    as_written = {str(label): label for label in labels}  # a key of a file is a text, the label may be a number
    return {as_written.get(key, key): row for key, row in table.items()}


def _named_twice(parameters: Sequence[Parameter], model: file.SpaceModel, findings: Findings) -> bool:
    """Note a name that two parameters (or a mixture's components) share."""
    seen: dict[str, str] = {}
    twice = False
    for label, parameter in zip(model.parameters, parameters, strict=False):
        for name in parameter.names if isinstance(parameter, Mixture) else (parameter.name,):
            if name in seen:
                problem = f"{name!r} names more than one parameter (also in space.{seen[name]})"
                findings.add(("space", label), problem, "Give each its own name")
                twice = True
            seen.setdefault(name, label)
    return twice


def _constraints(
    texts: Sequence[str], parameters: Sequence[Parameter], findings: Findings, *, complete: bool
) -> list[Linear | Nonlinear] | None:
    """Return the constraints; names are checked only where all parameters are known."""
    numeric, labels = _numeric(parameters)
    found: list[Linear | Nonlinear] = []
    for index, text in enumerate(texts):
        key = ("space", "constraints", index)
        with findings.at(key):
            constraint = stated(text)
            names = constraint.coefficients if isinstance(constraint, Linear) else constraint.names
            unknown = [name for name in names if name not in numeric] if complete else []
            for name in unknown:
                if name in labels:
                    findings.add(
                        key, f"{text!r}: {name!r} is categorical and has no number to calculate with", "Remove it"
                    )
                else:
                    findings.add(key, f"{text!r}: there is no parameter {name!r}", one_of(name, numeric))
            found += [] if unknown else [constraint]
    return found if len(found) == len(texts) else None


def _numeric(parameters: Sequence[Parameter]) -> tuple[list[str], list[str]]:
    numeric: list[str] = []
    labels: list[str] = []
    for parameter in parameters:
        if isinstance(parameter, Mixture):
            numeric += parameter.names
        elif isinstance(parameter, Categorical):
            labels.append(parameter.name)
        else:
            numeric.append(parameter.name)
    return numeric, labels


def _candidates(model: file.SpaceModel, findings: Findings, folder: Path) -> Candidates | None:
    key = ("space", "candidates")
    beside = [*model.parameters, *(["constraints"] if model.constraints else [])]
    for name in beside:
        findings.add(("space", name), f"{name!r} cannot stand beside `candidates`", "Keep one of the two")
    table: Any = model.candidates
    if isinstance(table, str):
        table = read_table(folder / table, table, findings)
        if table is None:
            return None
    with findings.at(key):
        found = Candidates(table)
        return None if beside else found
    return None


def read_table(path: Path, told: str, findings: Findings) -> dict[str, list[Value]] | None:
    """Read a CSV file with a header; a column of numbers becomes numbers."""
    key = ("space", "candidates")
    try:
        with path.open(encoding="utf-8-sig", newline="") as stream:
            header, *rows = [row for row in csv.reader(stream) if row] or [[]]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        findings.add(key, f"{told!r} cannot be read: {error}", "Give a CSV file (UTF-8) beside this file")
        return None
    for number, row in enumerate(rows, 2):
        if len(row) != len(header):
            problem = f"{told!r}, row {number}: {len(row)} cells under a header of {len(header)}"
            findings.add(key, problem, "Fill or remove the row")
            return None
    if len(set(header)) < len(header):
        findings.add(key, f"{told!r}: two columns have one name: {header!r}", "Give each column its own name")
        return None
    columns = list(zip(*rows, strict=True)) or [()] * len(header)
    return {name.strip(): _column(values) for name, values in zip(header, columns, strict=True)}


def _column(texts: Sequence[str]) -> list[Value]:
    for kind in (int, float):
        try:
            numbers: list[Value] = [kind(text) for text in texts]
        except ValueError:
            continue
        if all(math.isfinite(float(number)) for number in numbers):
            return numbers
    return [text.strip() for text in texts]


def _objective(name: str, model: file.ObjectiveModel, findings: Findings) -> Objective | None:
    with findings.at(("objectives", name)):
        return Objective(name, model.goal, target=model.target, unit=model.unit)
    return None


def _outcome_constraints(model: Mapping[str, str | list[str]], findings: Findings) -> list[OutcomeConstraint] | None:
    found: list[OutcomeConstraint] = []
    for name, given in model.items():
        found += limits_on(name, given, ("outcome_constraints", name), findings)
    return None if findings.under(("outcome_constraints",)) else found


def limits_on(
    name: str, given: str | list[str], key: tuple[str | int, ...], findings: Findings
) -> list[OutcomeConstraint]:
    """Return the limits that a text or several at `key` state on a quantity, with every fault noted."""
    found: list[OutcomeConstraint] = []
    for index, text in enumerate([given] if isinstance(given, str) else given):
        with findings.at(key if isinstance(given, str) else (*key, index)):
            found.append(OutcomeConstraint.parse(text, name=name))
    with findings.at(key):
        check_room(found)
    return found


def _apart(space: Space | Candidates, model: file.CampaignModel, findings: Findings) -> bool:
    """Note outcomes that carry a parameter's name."""
    apart = True
    for section in ("objectives", "outcome_constraints"):
        for name in getattr(model, section):
            if name in space.names:
                findings.add((section, name), f"{name!r} is a parameter and cannot be an outcome too", "Rename one")
                apart = False
            if name in RESERVED:
                apart = False
    return apart
