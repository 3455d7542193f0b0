"""What a journal tells about its last campaign, gathered once for all parts of a report."""

from __future__ import annotations

import importlib
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, cast

from autolab.journal.history import fold
from autolab.journal.reading import JournalReader
from autolab.loop.consumption import consumption
from autolab.loop.phases import phases_of
from autolab.model.errors import InputError
from autolab.model.objectives import OutcomeConstraint
from autolab.plots.style import units_of
from autolab.report.drawing import predictor_of
from autolab.spec.objects import from_data

if TYPE_CHECKING:
    from pathlib import Path

    from autolab.journal.events import Event
    from autolab.journal.history import History
    from autolab.model.problem import Problem
    from autolab.model.trial import Trial
    from autolab.planners.prediction import Predict


@dataclass(frozen=True)
class Facts:
    """A campaign as its journal tells it.

    Attributes:
        path: Of the journal.
        history: Folded.
        problem: None where the journal tells none.
        events: Of the campaign opened last, in order.
        drawn: Stock -> mL drawn; empty where the lab has none.
    """

    path: Path
    history: History
    problem: Problem | None
    events: tuple[Event, ...]
    drawn: Mapping[str, float]

    @classmethod
    def read(cls, path: str | Path) -> Facts:
        """Read a journal, also one that is being written: what was committed by now.

        Raises:
            JournalRefused: There is none, or it cannot be read.
        """
        with JournalReader.open(path) as reader:
            events, where = tuple(reader.events()), reader.path
        history = fold(events)
        own = tuple(event for event in events if event.campaign == history.campaign)
        return cls(where, history, _problem(history), own, _drawn(history, events))

    @property
    def name(self) -> str:
        """Of the campaign."""
        return str(self.history.opened.get("name") or self.path.stem)

    @property
    def trials(self) -> tuple[Trial, ...]:
        """Of the campaign, in order."""
        return self.history.trials

    @property
    def before(self) -> tuple[Trial, ...]:
        """Imported trials and those of campaigns that this one supersedes."""
        return self.history.inherited + self.history.imported

    @cached_property
    def declaration(self) -> Mapping[str, Any]:
        """What was declared, with the changes that were accepted since."""
        declared = dict(self.history.opened.get("declaration") or {})
        for event in self.of("change_accepted"):
            declared |= cast("Mapping[str, Any]", event.body.get("declaration") or {})
        return declared

    @cached_property
    def settings(self) -> Mapping[str, Any]:
        """Budget, review and the like, as they were amended last."""
        told = dict(self.history.opened.get("settings") or {})
        for event in self.of("amended"):
            told |= {key: cast("Mapping[str, Any]", change).get("new") for key, change in event.body.items()}
        return told

    @cached_property
    def target(self) -> tuple[OutcomeConstraint, ...]:
        """What the campaign is content with."""
        wanted = (self.settings.get("budget") or {}).get("target") or ()
        try:
            return tuple(OutcomeConstraint(one["name"], one["side"], one["bound"]) for one in wanted)
        except (InputError, KeyError, TypeError):
            return ()

    @cached_property
    def units(self) -> dict[str, str]:
        """Unit of each key of a point and of each quantity, where it is known."""
        told = self.settings.get("units") or _outcomes(self.declaration)
        return units_of(self.problem, told) if self.problem is not None else {}

    @property
    def kind(self) -> str:
        """Who performed the trials: `function`, `virtual` or `physical`."""
        if self.history.campaign and self.declaration.get("lab") is None:
            return "function"
        return self.history.fidelity

    def of(self, *kinds: str) -> list[Event]:
        """Return the campaign's events of these kinds."""
        return [event for event in self.events if event.kind in kinds]

    @cached_property
    def endings(self) -> Counter[str]:
        """How many attempts ended in which way; `under way` for those that have not."""
        return Counter(attempt.ending or "under way" for trial in self.trials for attempt in trial.attempts)

    @cached_property
    def phases(self) -> dict[str, list[float]]:
        """Phase -> seconds of lab time in each attempt that told it, in the order in which they came first."""
        found: dict[str, list[float]] = {}
        for event in self.of("attempt_ended"):
            for name, seconds in phases_of(event.body).items():
                found.setdefault(name, []).append(seconds)
        return found

    def predictor(self) -> Predict:
        """Return what the campaign's planner expects; where it does not say, the default planner's model.

        Raises:
            PlannerError: Too few trials for a model, or none fits.
            InputError: The journal tells no problem.
        """
        if self.problem is None:
            msg = f"the journal {self.path} does not tell its problem"
            raise InputError(msg)
        planner = planner_of(self.declaration.get("planner") or {})
        return predictor_of(planner, self.problem, self.history.usable_history())


def _problem(history: History) -> Problem | None:
    declared = history.opened.get("declaration") or {}
    try:
        return cast("Problem", from_data(declared["problem"]))
    except (InputError, KeyError, TypeError):
        return None


def _drawn(history: History, events: Sequence[Event]) -> dict[str, float]:
    from autolab.lab.declaration import LabDeclaration

    declared = (history.opened.get("declaration") or {}).get("lab")
    try:
        lab = LabDeclaration.from_json(declared) if declared else None
    except (InputError, TypeError, ValueError, KeyError):
        return {}
    return consumption(events, lab) if lab is not None else {}


def planner_of(declared: Mapping[str, Any]) -> Any:  # noqa: ANN401  a Planner, or None
    """Return the planner that a journal names, or None where it is not installed."""
    thing = _named(declared)
    try:
        return thing(**declared.get("with", {})) if callable(thing) else None
    except (TypeError, ValueError, InputError):
        return None


def _outcomes(declaration: Mapping[str, Any]) -> dict[str, str]:
    """Return quantity -> unit, as the class of the protocol tells where it is installed."""
    outcomes = getattr(_named(declaration.get("protocol") or {}), "outcomes", None)
    return {str(name): str(unit) for name, unit in outcomes.items()} if isinstance(outcomes, Mapping) else {}


def _named(declared: Mapping[str, Any]) -> Any:  # noqa: ANN401  whatever goes by the name
    """Return what `module:name` stands for; None where it cannot be had."""
    module, _, name = str(declared.get("use", "")).partition(":")
    try:
        return getattr(importlib.import_module(module), name)
    except (ImportError, AttributeError, ValueError):
        return None
