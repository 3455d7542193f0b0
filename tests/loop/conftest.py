"""Fixtures for the loop room: short campaigns on virtual labs, to be disturbed at a chosen moment."""

import importlib.util
import os
import sys
import threading
from collections.abc import Callable, Coroutine
from copy import deepcopy
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import yaml

from autolab.campaign import Campaign
from autolab.journal.events import Event
from autolab.journal.journal import Journal
from autolab.journal.reading import JournalReader
from autolab.journal.replay import replay
from autolab.journal.requests import request
from autolab.loop.phases import PHASE
from autolab.loop.progress import Progress, RunResult
from autolab.model.suggestion import Suggestion
from autolab.planners.sobol import Sobol
from autolab.protocols.formulation import Formulation
from autolab.protocols.gravimetric import Gravimetric

EXAMPLES = Path(__file__).parents[2] / "examples"
ELECTROLYTE = EXAMPLES / "electrolyte"
SHORT: dict[str, Any] = {
    "planner": {"use": "sobol"},
    "budget": {"trials": 2, "failure_streak": 2},
    "space.temperature.bounds": [25, 30],
    "protocol.replicates": 2,
    "protocol.mix_s": 20,
    "protocol.equilibrate_s": 10,
}
"""What makes trials of the electrolyte bench short."""
Act = Callable[[], object]


@pytest.fixture(scope="session")
def load_script() -> Callable[[str], ModuleType]:
    """Return a function that imports a script of this folder by its name."""

    def load(name: str) -> ModuleType:
        spec = importlib.util.spec_from_file_location(name, Path(__file__).parent / f"{name}.py")
        assert spec is not None
        assert spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        sys.modules[name] = module  # dataclasses look their module up
        spec.loader.exec_module(module)
        return module

    return load


class Disturbed(Campaign):
    """A campaign whose bench, engine and switch a test can reach.

    Attributes:
        bench: The virtual lab of the last run.
        executor: Of the last run; it has the engine, the lab, the clock and the switch.
        shown: All progress of all runs.
        when_ready: Called when the executor is made, before it starts.
        durable: Whether each fact is on disk before the next step.
    """

    bench: Any = None
    executor: Any = None
    durable = True
    matching: ModuleType  # proof_of_kills: compares what flowed with what is journaled

    def __init__(self, *args: Any, **keywords: Any) -> None:
        super().__init__(*args, **keywords)
        self.shown: list[Progress] = []
        self.when_ready: list[Act] = []
        self._benches: list[Any] = []
        self._arranged: list[Callable[[Progress], None]] = []
        self._phase = ""

    def go(self, trials: int | None = None, **how: Any) -> RunResult:
        """Run, disturbed as was arranged; without waiting for people, unless told to."""
        return self.run(trials, **{"wait": False, "progress": self._show, "durable": self.durable, **how})

    def during(self, text: str, act: Act, *, nth: int = 1, after: float = 2.0, within: str = "") -> None:
        """Arrange for `act` on the clock's loop, `after` so many s of lab time in the nth action that begins with `text`.

        A text that begins with `phase: ` means a phase instead. Only what happens in the phase `within` is counted.
        """
        left = nth

        def look(progress: Progress) -> None:
            nonlocal left
            doing = progress.kind in ("action", "phase") and progress.text.startswith(text)
            if doing and within in ("", self._phase):
                left -= 1
                if left == 0:
                    self.executor.clock.loop.call_later(after, act)

        self._arranged.append(look)

    def on(self, kind: str, act: Act) -> None:
        """Arrange for `act` when the first progress of a kind is told."""
        waiting = [True]

        def look(progress: Progress) -> None:
            if waiting and progress.kind == kind:
                waiting.clear()
                act()

        self._arranged.append(look)

    def spawn(self, coroutine: Callable[[], Coroutine[Any, Any, Any]]) -> Act:
        """Return what starts a coroutine as a task on the loop: the way to pause, abort or halt in virtual time."""
        return lambda: self.executor.clock.loop.create_task(coroutine())

    def send_signal(self, number: int) -> None:
        """Send this process a signal, virtual time held until it was handled."""
        self._ask(lambda: os.kill(os.getpid(), number))

    def request_stop(self) -> None:
        """Ask for a stop as other processes do, virtual time held until the clerk has seen it."""
        self._ask(lambda: request(self.journal_path, "stop", by="ada@lab-pc"))

    def _ask(self, ask: Act) -> None:
        switch, before, noticed = self.executor.switch, self.executor.switch.level, threading.Event()
        held = self.executor.clock.hold()
        held.__enter__()

        def note(level: int) -> None:
            if level > before:
                noticed.set()

        def in_between() -> None:
            with switch.listener(note):  # after the engine's own
                ask()
                noticed.wait(10)
            held.__exit__(None, None, None)

        threading.Thread(target=in_between).start()

    def events(self, *kinds: Any, epoch: int | None = None) -> list[Event]:
        """Return what is journaled, of some kinds and of one ownership where that is said."""
        with JournalReader.open(self.journal_path) as reader:
            found = list(reader.events(kinds=list(kinds) or None))
        return [event for event in found if epoch in (None, event.epoch)]

    def broken_promises(self) -> list[str]:
        """Return, in words, where this campaign is not as it must be after every run, whatever became of it."""
        broken = [f"{name} is not safe" for name, safe in self.bench.is_safe().items() if not safe]
        history = self.history
        asked = {(question.trial, question.attempt, question.action) for question in history.questions}
        broken += [f"{action} is open" for action in history.open_actions if action[:3] not in asked]
        broken += [
            f"attempt of trial {trial.number} has no end"
            for trial in history.trials
            if trial.attempts and trial.attempts[-1].ending is None
        ]
        for epoch, bench in enumerate(self._benches, 1):
            flowed = [asdict(entry) for entry in bench.ledger]
            broken += self.matching.unmatched(flowed, self.matching.moved(self.events(epoch=epoch)))
        with JournalReader.open(self.journal_path) as reader:
            checks = replay(reader, self.problem, self.planner)
        return broken + [f"decision {one.decision}: {one.how}" for one in checks if one.status == "different"]

    def _show(self, progress: Progress) -> None:
        self.shown.append(progress)
        if progress.kind == "phase":
            self._phase = progress.text.removeprefix(PHASE)
        for look in tuple(self._arranged):
            look(progress)

    def _bench(self, clock: Any) -> Any:
        self.bench = super()._bench(clock)
        self._benches.append(self.bench)
        return self.bench

    def _executor(self, *args: Any) -> Any:
        self.executor = super()._executor(*args)
        for act in self.when_ready:
            act()
        return self.executor


@pytest.fixture(scope="session")
def matching(load_script: Callable[[str], ModuleType]) -> ModuleType:
    """Return the script that compares what flowed with what is journaled."""
    return load_script("proof_of_kills")


@pytest.fixture(scope="session")
def write_electrolyte() -> Callable[..., Path]:
    """Return a function that writes the electrolyte bench's two files, in a short form, and returns the campaign's.

    After the folder come what replaces which part of them, by dotted key.
    """

    def write(folder: Path, lab: dict[str, Any] | None = None, campaign: dict[str, Any] | None = None) -> Path:
        for name, changed in (("lab", {**(lab or {})}), ("campaign", {**SHORT, **(campaign or {})})):
            told = yaml.safe_load((ELECTROLYTE / f"{name}.yaml").read_text("utf-8"))
            for key, value in changed.items():
                *way, last = key.split(".")
                place = told
                for step in way:
                    place = place.setdefault(step, {})
                place[last] = deepcopy(value)
            (folder / f"{name}.yaml").write_text(yaml.safe_dump(told, sort_keys=False), "utf-8")
        return folder / "campaign.yaml"

    return write


@pytest.fixture
def electrolyte_files(tmp_path: Path, write_electrolyte: Callable[..., Path]) -> Callable[..., Path]:
    """Return `write_electrolyte` for the folder of this test."""
    return partial(write_electrolyte, tmp_path)


@pytest.fixture
def disturbed(matching: ModuleType) -> Callable[..., Any]:
    """Return a function that reads a campaign file as a campaign whose bench a test can reach."""

    def read(path: Path, **how: Any) -> Disturbed:
        campaign = Disturbed.from_file(path, **how)
        campaign.matching = matching
        return campaign

    return read


@pytest.fixture
def dosing(tmp_path: Path, disturbed: Callable[..., Any]) -> Callable[..., Any]:
    """Return a function that makes a short dosing campaign; keywords replace its attributes."""

    def make(journal: str = "journal.sqlite", *, protocol: Any = None, **attributes: Any) -> Disturbed:
        campaign = disturbed(EXAMPLES / "dosing" / "campaign.yaml", journal=tmp_path / journal)
        short = protocol or Gravimetric(repeats=2, rest_s=5.0)
        return changed(campaign, **{"planner": Sobol(), "protocol": short, **attributes})

    return make


@dataclass(frozen=True)
class Listed:
    """Proposes known points one after the other, at once: to draw from a mixture takes as long as to perform a trial."""

    points: tuple[tuple[float, ...], ...] = ((0.3, 0.15, 0.15, 0.4, 26.0), (0.1, 0.1, 0.2, 0.6, 28.0))

    def suggest(self, problem: Any, history: Any, *, n: int, pending: Any = (), seed: int) -> list[Suggestion]:
        """Return the next `n` points."""
        known = len(history) + len(pending)
        chosen = self.points[known : known + n]
        return [Suggestion(dict(zip(problem.space.names, point, strict=True))) for point in chosen]


@pytest.fixture
def formulating(
    tmp_path: Path,
    electrolyte_files: Callable[..., Path],
    disturbed: Callable[..., Any],
) -> Callable[..., Any]:
    """Return a function that makes a campaign of two short trials on the electrolyte bench; keywords replace attributes.

    No power is cut in these tests: its journal does not wait for the disk.
    `kind` makes the protocol of the settings: a subclass of `Formulation`, say.
    """
    file = electrolyte_files()

    def make(
        journal: str = "journal.sqlite", *, kind: Callable[..., Any] = Formulation, **attributes: Any
    ) -> Disturbed:
        campaign = disturbed(file, journal=tmp_path / journal)
        protocol = kind(**campaign.protocol.settings.model_dump())
        return changed(campaign, **{"planner": Listed(), "protocol": protocol, "durable": False, **attributes})

    return make


def changed(campaign: Disturbed, **attributes: Any) -> Disturbed:
    """Set attributes that a campaign has."""
    for name, value in attributes.items():
        assert hasattr(campaign, name), name
        setattr(campaign, name, value)
    return campaign


@pytest.fixture
def on_commit(monkeypatch: pytest.MonkeyPatch) -> Callable[[Callable[[int], None]], None]:
    """Return a function that has every journal opened from now on call a hook before each commit, with its number."""

    def install(hook: Callable[[int], None]) -> None:
        opened = Journal.open

        def open_hooked(*args: Any, **keywords: Any) -> Journal:
            journal = opened(*args, **keywords)
            journal.before_commit = hook
            return journal

        monkeypatch.setattr(Journal, "open", open_hooked)

    return install
