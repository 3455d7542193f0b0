"""Campaign files: from YAML to all that a campaign is made of, with every fault of it and of its lab file."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from autolab.lab.declaration import LabDeclaration
from autolab.loop.budget import Review
from autolab.model.errors import AutolabError, Fault, FaultyFile
from autolab.model.problem import Problem
from autolab.spec.campaign_model import AfterModel, CampaignModel
from autolab.spec.document import read_document
from autolab.spec.explain import validate
from autolab.spec.findings import Findings
from autolab.spec.fitting import build_budget, fit
from autolab.spec.lab import read_lab
from autolab.spec.plugged import build_planner, build_protocol
from autolab.spec.problem import build_problem, build_space
from autolab.spec.salvage import sound_parts
from autolab.spec.version import readable

if TYPE_CHECKING:
    from autolab.loop.budget import Budget
    from autolab.model.actions import JSON
    from autolab.model.contracts import Planner, Procedure


@dataclass(frozen=True)
class CampaignFile:
    """A campaign file that has no fault, as objects.

    Attributes:
        path: Of the file, as given.
        planner: Ready to be asked.
        batch: Points proposed at once.
        protocol: Ready to perform attempts.
        roles: Role in the protocol -> instrument in the lab.
        lab: None where the protocol needs no instrument.
        lab_path: Of the lab file; None without one.
        notify: `{"command": ..., "webhook": ..., "on": [...]}`: whom to tell of what; None for nobody.
        notes: What is no fault, and worth knowing.
    """

    path: Path
    name: str
    seed: int
    problem: Problem
    planner: Planner
    batch: int
    protocol: Procedure
    roles: Mapping[str, str]
    lab: LabDeclaration | None
    lab_path: Path | None
    budget: Budget
    review: Review
    notify: Mapping[str, JSON] | None
    notes: tuple[str, ...] = ()

    @property
    def journal_path(self) -> Path:
        """Where its journal lies unless another place is asked for: beside the file, named after it."""
        return self.path.with_suffix(".sqlite")


def load_campaign(path: Path | str) -> CampaignFile:
    """Read and check a campaign file and the lab file that it names.

    Raises:
        FaultyFile: With all faults of both files, each with file, line, key, value and remedy.
    """
    faults: list[Fault] = []
    loaded = _load(Path(path), faults)
    if faults or loaded is None:
        order = list(dict.fromkeys(fault.file for fault in faults))
        raise FaultyFile(sorted(faults, key=lambda fault: (order.index(fault.file), fault.line)))
    return loaded


def faulty_planner(path: Path | str, error: AutolabError) -> FaultyFile:
    """Return the fault of a campaign file whose planner, once made and asked, refuses the problem."""
    faults: list[Fault] = []
    document = read_document(path, faults)
    if document is not None:
        Findings(document, faults).add(("planner",), str(error))
    return FaultyFile(faults)


def _load(path: Path, faults: list[Fault]) -> CampaignFile | None:
    document = read_document(path, faults)
    if document is None:
        return None
    findings = Findings(document, faults)
    if not readable(document.data, findings):
        return None
    model = validate(CampaignModel, document.data, findings)
    lab_path = _lab_path(path, document.data)
    lab = read_lab(lab_path, faults) if lab_path is not None else None
    if model is None:
        _check_sound_parts(document.data, lab, findings, path.parent)
        return None
    problem = build_problem(model, findings, path.parent)
    planner = build_planner(model.planner, findings)
    protocol = build_protocol(model.protocol, lab, problem, findings)
    if lab_path is None and model.protocol.with_:
        findings.add(("lab",), "is missing, and the protocol needs instruments", "Add `lab:` with the lab file's path")
    budget = build_budget(model.budget, lab, problem, protocol, findings)
    notes = fit(model.protocol, lab, problem, protocol, findings)
    if model.same_in_batch and model.planner.batch == 1:
        notes.append("same_in_batch: a batch is one point here. Set `planner.batch`, or remove it")
    if faults or problem is None or planner is None or protocol is None or budget is None:
        return None
    return CampaignFile(
        path=path,
        name=model.name,
        seed=model.seed,
        problem=problem,
        planner=planner,
        batch=model.planner.batch,
        protocol=protocol,
        roles=dict(model.protocol.with_),
        lab=lab,
        lab_path=lab_path,
        budget=budget,
        review=_review(model.review),
        notify=model.notify.model_dump() if model.notify else None,
        notes=tuple(notes),
    )


def _check_sound_parts(data: Mapping[str, JSON], lab: LabDeclaration | None, findings: Findings, folder: Path) -> None:
    """Note what is wrong in the meaning of the parts that are right in themselves."""
    parts = sound_parts(data)
    problem = None
    if {"space", "objectives", "outcome_constraints"} <= parts.keys():
        problem = build_problem(CampaignModel.model_construct(**parts), findings, folder)
    elif "space" in parts:
        build_space(parts["space"], findings, folder)
    if "planner" in parts:
        build_planner(parts["planner"], findings)
    protocol = build_protocol(parts["protocol"], lab, problem, findings) if "protocol" in parts else None
    if "budget" in parts:
        build_budget(parts["budget"], lab, problem, protocol, findings)
    if protocol is not None:
        fit(parts["protocol"], lab, problem, protocol, findings)


def _lab_path(path: Path, data: Mapping[str, JSON]) -> Path | None:
    """Return the lab file's path also where other parts of the campaign file are faulty."""
    given = data.get("lab")
    return path.parent / given if isinstance(given, str) and given else None


def _review(model: str | AfterModel) -> Review:
    if isinstance(model, AfterModel):
        return Review("after", model.after)
    return Review("ask") if model == "ask" else Review("auto")
