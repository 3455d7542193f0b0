"""Fixtures for the loop room: short dosing campaigns on a virtual lab, to be disturbed at a chosen moment."""

import importlib.util
import os
import sys
import threading
from collections.abc import Callable, Coroutine
from dataclasses import asdict
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from autolab.campaign import Campaign
from autolab.journal.events import Event
from autolab.journal.journal import Journal
from autolab.journal.reading import JournalReader
from autolab.journal.replay import replay
from autolab.loop.progress import Progress, RunResult
from autolab.planners.sobol import Sobol
from autolab.protocols.gravimetric import Gravimetric

EXAMPLE = Path(__file__).parents[2] / "examples" / "dosing" / "campaign.yaml"
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


class Dosing(Campaign):
    """The dosing campaign in a short form, whose bench, engine and switch a test can reach.

    Attributes:
        bench: The virtual lab of the last run.
        executor: Of the last run; it has the engine, the lab, the clock and the switch.
        shown: All progress of all runs.
        when_ready: Called when the executor is made, before it starts.
    """

    bench: Any = None
    executor: Any = None
    matching: ModuleType  # proof_of_kills: compares what flowed with what is journaled

    def __init__(self, *args: Any, **keywords: Any) -> None:
        super().__init__(*args, **keywords)
        self.shown: list[Progress] = []
        self.when_ready: list[Act] = []
        self._benches: list[Any] = []
        self._arranged: list[Callable[[Progress], None]] = []

    def go(self, trials: int | None = None, **how: Any) -> RunResult:
        """Run, disturbed as was arranged; without waiting for people, unless told to."""
        return self.run(trials, **{"wait": False, "progress": self._show, **how})

    def during(self, text: str, act: Act, *, nth: int = 1, after: float = 2.0) -> None:
        """Arrange for `act` on the clock's loop, `after` so many s of lab time in the nth action that begins with `text`."""
        left = nth

        def look(progress: Progress) -> None:
            nonlocal left
            if progress.kind == "action" and progress.text.startswith(text):
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
        switch, before, handled = self.executor.switch, self.executor.switch.level, threading.Event()
        held = self.executor.clock.hold()
        held.__enter__()

        def note(level: int) -> None:
            if level > before:
                handled.set()

        def send() -> None:
            with switch.listener(note):  # after the engine's own
                os.kill(os.getpid(), number)
                handled.wait(10)
            held.__exit__(None, None, None)

        threading.Thread(target=send).start()

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


@pytest.fixture
def dosing(tmp_path: Path, matching: ModuleType) -> Callable[..., Any]:
    """Return a function that makes a short dosing campaign; keywords replace its attributes."""

    def make(journal: str = "journal.sqlite", *, protocol: Any = None, **attributes: Any) -> Dosing:
        campaign = Dosing.from_file(EXAMPLE, journal=tmp_path / journal)
        campaign.matching = matching
        campaign.protocol = protocol or Gravimetric(repeats=2, rest_s=5.0)
        campaign.planner = Sobol()
        for name, value in attributes.items():
            assert hasattr(campaign, name), name
            setattr(campaign, name, value)
        return campaign

    return make


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
