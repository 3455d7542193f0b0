"""Journals written by hand, fact by fact, so that each report has something known to tell."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from html.parser import HTMLParser
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from typing import Any

import pytest

from autolab.journal.digest import digest
from autolab.journal.journal import Journal
from autolab.model.objectives import Objective, OutcomeConstraint
from autolab.model.parameters import Real
from autolab.model.problem import Problem
from autolab.model.space import Space
from autolab.spec.objects import to_data

PROBLEM = Problem(
    Space([Real("x", 0, 1, unit="mL"), Real("t", 20, 50, unit="degC")]),
    [Objective("y", "maximize", unit="mS/cm")],
    [OutcomeConstraint("cost", "<=", 0.9)],
)
LAB = {
    "instruments": {"pump": {"driver": "new_era.NE1000", "stock": "water", "syringe_mm": 10.0, "volume_mL": 5}},
    "stocks": {"water": {"solvents": {"H2O": 1.0}, "density": 1.0, "price_per_mL": 0.5}},
}


@dataclass
class Clock:
    """Lab time of a story, s."""

    now: float = 0.0


class Story:
    """Writes a journal.

    Args:
        journal: Open.
        clock: What the journal takes lab time from.
    """

    def __init__(self, journal: Journal, clock: Clock) -> None:
        self.journal, self.clock, self.number = journal, clock, 0

    def opened(self, problem: Problem = PROBLEM, **body: Any) -> None:
        declaration = {
            "problem": to_data(problem),
            "planner": {"use": "autolab.planners.bayes:Bayes", "with": {"initial": body.pop("initial", 9)}},
            "protocol": None,
            "lab": body.pop("lab", None),
        }
        told = {"name": "tale", "seed": 7, "fidelity": "virtual", "declaration": declaration, "supersedes": None}
        told |= {"digests": {"problem": digest("problem")}, "settings": {}, "versions": {"numpy": "2.0"}}
        self.journal.append("opened", told | body)
        self.journal.append("owned", {"pid": 1, "host": "bench", "by": "ada@bench", "clock": "Clock('virtual')"})

    def decided(self, point: Mapping[str, Any], **info: Any) -> int:
        suggestion = {"point": dict(point), "info": {"rule": "sobol", **info}}
        self.number += 1
        body = {"decision": self.number - 1, "seed": 1, "n": 1, "asked": {"history": 0, "pending": []}}
        self.journal.append("decided", body | {"suggestions": [suggestion], "trials": [self.number], "fallback": None})
        self.journal.append("reviewed", {"verdict": "approved", "by": "autolab", "why": ""}, trial=self.number)
        return self.number

    def attempt(self, trial: int, attempt: int = 1) -> None:
        self.journal.append("attempt_started", {"recover": False, "slot": 0}, trial=trial, attempt=attempt)

    def ended(self, trial: int, ending: str, reason: str = "", attempt: int = 1, **body: Any) -> None:
        self.clock.now += 60
        told = {"ending": ending, "reason": reason, **body}
        self.journal.append("attempt_ended", told, trial=trial, attempt=attempt)

    def completed(self, point: Mapping[str, Any], outcome: Mapping[str, Any], **body: Any) -> int:
        trial = self.decided(point)
        self.attempt(trial)
        self.ended(trial, "completed", **body)
        self.journal.append("observed", {"outcome": dict(outcome)}, trial=trial)
        return trial

    def failed(self, point: Mapping[str, Any], reason: str) -> int:
        trial = self.decided(point)
        self.attempt(trial)
        self.ended(trial, "trial_failed", reason)
        self.journal.append("trial_failed", {"reason": reason}, trial=trial)
        return trial

    def stopped(self, reason: str = "budget_trials", detail: str = "the budget is used up") -> None:
        self.journal.append("stopped", {"reason": reason, "detail": detail})


@pytest.fixture
def journal_path(tmp_path: Path) -> Path:
    return tmp_path / "tale.sqlite"


@pytest.fixture
def tell(journal_path: Path) -> Callable[[], Any]:
    """Return what opens a journal to be written by hand: `with tell() as story`."""

    @contextmanager
    def telling() -> Iterator[Story]:
        clock = Clock()
        with Journal.open(journal_path, durable=False, now=lambda: clock.now) as journal:
            yield Story(journal, clock)

    return telling


@pytest.fixture
def usual(tell: Any, journal_path: Path) -> Path:
    """Return a journal with a good trial, one that costs too much, a failure and a better trial, on a virtual lab."""
    with tell() as story:
        story.opened(lab=LAB)
        story.completed(
            {"x": 0.2, "t": 25.0}, {"y": [2.0, 0.1], "cost": [0.5, None]}, phases={"dose": 30.0, "weigh": 10.0}
        )
        story.completed(
            {"x": 0.9, "t": 30.0}, {"y": [9.0, 0.1], "cost": [1.5, None]}, phases={"dose": 50.0, "weigh": 10.0}
        )
        story.failed({"x": 0.4, "t": 50.0}, "it clogged")
        story.completed({"x": 0.6, "t": 40.0}, {"y": [3.0, 0.1], "cost": [0.8, None]})
        story.stopped()
    return journal_path


class Page(HTMLParser):
    """What stands in a page: elements with their attributes, and text by section.

    Args:
        told: HTML.
    """

    def __init__(self, told: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.scripts: list[str] = []
        self.sections: dict[str, str] = {"": ""}
        self._within, self._quiet = "", ""
        self.feed(told)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        if tag == "section":
            self._within = str(dict(attrs)["id"])
            self.sections[self._within] = ""
        if tag in {"script", "style"}:
            self._quiet = tag
        if tag in {"td", "th", "p", "li", "dd", "dt", "tr", "h2", "h3"}:
            self.sections[self._within] += " "

    def handle_endtag(self, tag: str) -> None:
        if tag == self._quiet:
            self._quiet = ""
        if tag == "section":
            self._within = ""

    def handle_data(self, data: str) -> None:
        if self._quiet == "script":
            self.scripts.append(data)
        elif not self._quiet:
            self.sections[self._within] += data

    def text(self, section: str) -> str:
        """Return a section's text with single blanks."""
        return " ".join(self.sections[section].split())


@pytest.fixture
def lab() -> dict[str, Any]:
    """Return a lab with one pump that was filled from a stock."""
    return LAB


@pytest.fixture
def read() -> Callable[[str], Page]:
    """Return what takes a page apart."""
    return Page


@pytest.fixture(scope="session")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """Return a Chromium with an open page."""
    spec = spec_from_file_location("report_browser", Path(__file__).with_name("browser.py"))
    assert spec is not None
    assert spec.loader is not None
    module = module_from_spec(spec)
    sys.modules[spec.name] = module  # dataclasses look their module up
    spec.loader.exec_module(module)
    if module.chromium() is None:
        pytest.skip("no Chromium on the path: `apt-get install chromium` brings it")
    with module.Browser(tmp_path_factory.mktemp("chromium")) as one:
        yield one
