"""Study files: from YAML to a study, with every fault at once."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from autolab.lab import plugins
from autolab.model.candidates import Candidates
from autolab.model.errors import Fault, FaultyFile
from autolab.spec.document import Document, read_document
from autolab.spec.explain import validate
from autolab.spec.findings import Findings
from autolab.spec.plugged import make_planner
from autolab.spec.study_model import AskModel, EntrantModel, StudyModel
from autolab.spec.version import readable
from autolab.study.baseline import Random
from autolab.study.cases import NAMES, make_case, needs_data
from autolab.study.study import Ask, Entrant, Study

if TYPE_CHECKING:
    from autolab.model.actions import JSON

BUILT_IN = {"random": Random}
"""Planners that a study has besides those that are installed."""


@dataclass(frozen=True)
class StudyFile:
    """A study file that has no fault, as objects."""

    name: str
    study: Study


def load_study(path: Path | str, data: Path | None = None) -> StudyFile:
    """Read and check a study file.

    Args:
        path: Of the file.
        data: Folder with the files of pools, in place of the file's own.

    Raises:
        FaultyFile: With all faults, each with file, line, key, value and remedy.
    """
    faults: list[Fault] = []
    document = read_document(path, faults)
    return _built(document, data, Path(path).parent, faults)


def study_of(data: Mapping[str, JSON], folder: Path | None = None, told: str = "the options") -> StudyFile:
    """Return the study that a mapping tells, as a file would.

    Args:
        data: As a study file has it.
        folder: Folder with the files of pools, in place of its own.
        told: What faults call it.

    Raises:
        FaultyFile: With all faults.
    """
    return _built(Document(told, data, {(): 0}), folder, Path(), [])


def _built(document: Document | None, data: Path | None, folder: Path, faults: list[Fault]) -> StudyFile:
    found = None
    if document is not None:
        findings = Findings(document, faults)
        if readable(document.data, findings):
            found = _checked(document.data, findings, data, folder)
    if faults or found is None:
        raise FaultyFile(sorted(faults, key=lambda fault: fault.line))
    return found


def _checked(told: Mapping[str, JSON], findings: Findings, data: Path | None, folder: Path) -> StudyFile | None:
    model = validate(StudyModel, told, findings)
    if model is None:
        _check_names(told, findings)
        return None
    if data is None and model.data is not None:
        data = folder / model.data
    planners = [_entrant(name, one, findings) for name, one in model.planners.items()]
    problems = [_ask(name, one, findings, data) for name, one in model.problems.items()]
    if findings.faults:
        return None
    seeds = range(model.first_seed, model.first_seed + model.seeds)
    return StudyFile(
        model.name,
        Study([one for one in planners if one is not None], [one for one in problems if one is not None], seeds),
    )


def _check_names(told: Mapping[str, JSON], findings: Findings) -> None:
    """Note unknown planners and problems also where the file's shape is wrong elsewhere."""
    for section, what, allowed in (("planners", "planner", _planners()), ("problems", "problem", NAMES)):
        given = told.get(section)
        for name, one in given.items() if isinstance(given, dict) else ():
            use = one.get("use") or name if isinstance(one, dict) else None
            if isinstance(use, str) and use not in allowed:
                _unknown(findings, (section, name), one, what, use, allowed)


def _unknown(findings: Findings, key: tuple[str, ...], one: Any, what: str, use: str, allowed: Any) -> None:  # noqa: ANN401  a file's data
    given = isinstance(one, dict) and one.get("use") is not None
    findings.unknown((*key, "use") if given else key, what, use, allowed)


def _planners() -> list[str]:
    return sorted({*plugins.names("planners"), *BUILT_IN})


def _entrant(name: str, model: EntrantModel, findings: Findings) -> Entrant | None:
    use, key = model.use or name, ("planners", name)
    if use not in _planners():
        _unknown(findings, key, {"use": model.use}, "planner", use, _planners())
        return None
    made: Any = None
    with findings.at(key):
        made = plugins.resolve("planners", use) if use in plugins.names("planners") else BUILT_IN[use]
    planner = None if made is None else make_planner(made, use, model.settings, findings, key)
    return None if planner is None else Entrant(name, planner, {"use": use, "with": model.settings})


def _ask(name: str, model: AskModel, findings: Findings, data: Path | None) -> Ask | None:
    use, key = model.use or name, ("problems", name)
    if use not in NAMES:
        _unknown(findings, key, {"use": model.use}, "problem", use, NAMES)
        return None
    if needs_data(use) and data is None:
        findings.add(key, f"the problem {use!r} is read from a folder of data", "Add `data:` with it, or say --data")
        return None
    with findings.at(key):
        case = make_case(use, data, model.noise, told=model.errors)
        if isinstance(case.problem.space, Candidates) and model.budget > len(case.problem.space):
            problem = f"a budget of {model.budget} is more than the {len(case.problem.space)} candidates there are"
            findings.add((*key, "budget"), problem, "Lower it")
        return Ask(name, case, model.budget, model.batch, model.starts)
    return None
