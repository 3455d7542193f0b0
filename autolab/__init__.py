"""Autonomous laboratories: declare what may vary, rehearse, propose, perform, record, and go round again."""

from __future__ import annotations

import importlib
import os
from typing import TYPE_CHECKING, Any

# ophyd chooses its control layer when it is imported, and opens sockets and threads where it finds one for EPICS. autolab
# needs none before a lab file names an instrument behind EPICS; who wants it sooner sets this, or imports ophyd first.
os.environ.setdefault("OPHYD_CONTROL_LAYER", "dummy")

if TYPE_CHECKING:
    from autolab import planners
    from autolab.campaign import Campaign
    from autolab.loop.budget import Budget, Review
    from autolab.model.candidates import Candidates
    from autolab.model.constraints import Linear
    from autolab.model.cost import Cost
    from autolab.model.errors import AutolabError, InputError, TrialFailed
    from autolab.model.nonlinear import Nonlinear
    from autolab.model.objectives import Objective, OutcomeConstraint
    from autolab.model.parameters import Categorical, Integer, Mixture, Ordinal, Real
    from autolab.model.problem import Problem
    from autolab.model.space import Space
    from autolab.model.suggestion import Suggestion
    from autolab.model.trial import Measurement, Trial

# Loaded when first used, so that `import autolab` stays light.
_HOMES = {
    "AutolabError": "autolab.model.errors",
    "Budget": "autolab.loop.budget",
    "Campaign": "autolab.campaign",
    "Candidates": "autolab.model.candidates",
    "Categorical": "autolab.model.parameters",
    "Cost": "autolab.model.cost",
    "InputError": "autolab.model.errors",
    "Integer": "autolab.model.parameters",
    "Linear": "autolab.model.constraints",
    "Measurement": "autolab.model.trial",
    "Mixture": "autolab.model.parameters",
    "Nonlinear": "autolab.model.nonlinear",
    "Objective": "autolab.model.objectives",
    "Ordinal": "autolab.model.parameters",
    "OutcomeConstraint": "autolab.model.objectives",
    "Problem": "autolab.model.problem",
    "Real": "autolab.model.parameters",
    "Review": "autolab.loop.budget",
    "Space": "autolab.model.space",
    "Suggestion": "autolab.model.suggestion",
    "Trial": "autolab.model.trial",
    "TrialFailed": "autolab.model.errors",
}
_ROOMS = ("planners",)

__all__ = [
    "AutolabError",
    "Budget",
    "Campaign",
    "Candidates",
    "Categorical",
    "Cost",
    "InputError",
    "Integer",
    "Linear",
    "Measurement",
    "Mixture",
    "Nonlinear",
    "Objective",
    "Ordinal",
    "OutcomeConstraint",
    "Problem",
    "Real",
    "Review",
    "Space",
    "Suggestion",
    "Trial",
    "TrialFailed",
    "load",
    "planners",
]


def load(path: str, **options: Any) -> Campaign:  # noqa: ANN401  the options of Campaign.from_file
    """Read a campaign file and the lab file that it names; see `Campaign.from_file` for the options."""
    from autolab.campaign import Campaign

    return Campaign.from_file(path, **options)


def __getattr__(name: str) -> Any:  # noqa: ANN401  whatever the name stands for
    if name in _ROOMS:
        return importlib.import_module(f"autolab.{name}")
    if name in _HOMES:
        return getattr(importlib.import_module(_HOMES[name]), name)
    msg = f"module 'autolab' has no attribute {name!r}"
    raise AttributeError(msg)


def __dir__() -> list[str]:
    return sorted(__all__)
