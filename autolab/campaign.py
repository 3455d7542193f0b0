"""Campaign: the one stateful object; thin, it joins the rooms."""

from __future__ import annotations

import asyncio
import os
import shutil
import socket
import tempfile
import weakref
from contextlib import ExitStack
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from autolab.journal.digest import digest
from autolab.journal.history import fold
from autolab.journal.journal import Journal
from autolab.journal.reading import JournalReader
from autolab.loop.budget import Budget, Review
from autolab.loop.clerk import Clerk
from autolab.loop.closed_loop import ClosedLoop
from autolab.loop.deciding import Decider
from autolab.loop.display import Display
from autolab.loop.function_executor import FunctionExecutor
from autolab.loop.interrupts import StopSwitch, signals
from autolab.loop.notify import notifying
from autolab.loop.pace import pace
from autolab.loop.pinning import Declared, OnChange, pin, settings_of
from autolab.loop.progress import Progress, tell
from autolab.loop.provenance import source_of, versions, who
from autolab.loop.record import Record
from autolab.loop.table import table
from autolab.model.clock import Clock, Mode
from autolab.model.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    import pandas as pd

    from autolab.journal.history import History
    from autolab.lab.declaration import LabDeclaration
    from autolab.loop.executor import Executor
    from autolab.loop.function_executor import Evaluate
    from autolab.loop.progress import RunResult, Watcher
    from autolab.model.actions import JSON
    from autolab.model.contracts import Planner, Procedure
    from autolab.model.problem import Problem
    from autolab.model.trial import Fidelity, Trial
    from autolab.spec.campaign_file import CampaignFile


class Campaign:
    """A problem, a planner, and a lab or a function that performs trials, with a journal that survives.

    Args:
        problem: What may vary and what to reach.
        planner: Proposes points; Bayes when None.
        protocol: The lab procedure; needs `lab`.
        roles: Role name in the protocol -> instrument in the lab; each role its own name when None.
        lab: The lab's declaration.
        evaluate: A plain function instead of protocol and lab: point -> outcome.
        journal: File of the record; when None, one that lives as long as this object.
        name: Of the campaign.
        seed: Everything random derives from it.
        budget: When to stop.
        review: Who approves a point.
        batch: Points a decision.
        time: `virtual`, `real`, or `x60` for lab time 60 times faster; by the lab when None.
        physical: Whether the lab file's own addresses are used: hardware moves.
        addresses: Addresses of a separate simulator process, by instrument.

    Raises:
        InputError: What is given does not fit together.
    """

    def __init__(
        self,
        problem: Problem,
        *,
        planner: Planner | None = None,
        protocol: Procedure | None = None,
        roles: Mapping[str, str] | None = None,
        lab: LabDeclaration | None = None,
        evaluate: Evaluate | None = None,
        journal: str | Path | None = None,
        name: str = "campaign",
        seed: int = 0,
        budget: Budget | None = None,
        review: Review | None = None,
        batch: int = 1,
        time: str | None = None,
        physical: bool = False,
        addresses: Mapping[str, str] | None = None,
    ) -> None:
        if (evaluate is None) == (lab is None) or (protocol is None) != (lab is None):
            msg = "a campaign needs either evaluate=f, or both protocol= and lab="
            raise InputError(msg)
        self.problem, self.name, self.seed, self.batch = problem, name, seed, batch
        self.planner: Planner = planner if planner is not None else _default_planner()
        self.protocol, self.lab, self.evaluate = protocol, lab, evaluate
        self.roles = dict(roles or {})
        self.budget, self.review = budget or Budget(), review or Review()
        self.physical, self.addresses = physical, addresses
        self._time = time
        self.journal_path = Path(journal) if journal is not None else self._scratch() / "journal.sqlite"
        self._from: CampaignFile | None = None
        self._switch: StopSwitch | None = None
        self._pace()  # a wrong time= is told now

    @classmethod
    def from_file(
        cls,
        path: str | Path,
        *,
        addresses: str | Path | None = None,
        physical: bool = False,
        journal: str | Path | None = None,
        time: str | None = None,
    ) -> Self:
        """Read a campaign file and the lab file that it names.

        Args:
            path: The campaign file.
            addresses: File that `autolab simulate` wrote; its instruments answer instead of a virtual lab in here.
            physical: Use the lab file's own addresses: hardware moves.
            journal: File of the record; beside the campaign file when None.
            time: See the class.

        Raises:
            FaultyFile: All faults of both files.
        """
        from autolab.spec.addresses import load_addresses
        from autolab.spec.campaign_file import load_campaign

        file = load_campaign(path)
        served = load_addresses(addresses) if addresses is not None else None
        campaign = cls(
            file.problem,
            planner=file.planner,
            protocol=file.protocol,
            roles=file.roles,
            lab=file.lab,
            journal=journal if journal is not None else file.journal_path,
            name=file.name,
            seed=file.seed,
            budget=file.budget,
            review=file.review,
            batch=file.batch,
            time=time if served is None or time is not None else f"x{served.speed:g}",
            physical=physical,
            addresses=None if served is None else served.instruments,
        )
        campaign._from = file
        return campaign

    def run(
        self,
        trials: int | None = None,
        *,
        progress: Watcher | bool = True,
        on_change: OnChange = "refuse",
        by: str | None = None,
        wait: bool = True,
        durable: bool = True,
        reset_interlocks: bool = False,
    ) -> RunResult:
        """Run until a budget, a person or a fault ends it; go on where the journal ends.

        Args:
            trials: Trials in all, in place of the budget's.
            progress: Is told what happens; True shows it on standard error, False shows nothing.
            on_change: When the journal pins another problem, planner, protocol or lab: refuse, accept, or supersede.
            by: Who runs it; user@host when None.
            wait: Whether to wait for people when only they can go on.
            reset_interlocks: A person has looked at the lab and removed the cause of a tripped interlock.
            durable: Whether each fact is on disk before the next step; only a rehearsal may do without.

        Raises:
            JournalRefused: The journal is locked, newer, unwritable, or of another campaign.
            LabNotReady: One report for all instruments that are not ready.
        """
        budget = self.budget if trials is None else Budget(trials, self.budget.hours, self.budget.failure_streak)
        by = by or who()
        with ExitStack() as stack:
            watcher = self._watcher(progress, stack)
            clock = self._clock()
            stack.callback(clock.close)
            journal = Journal.open(self.journal_path, durable=durable, now=clock.now)
            stack.callback(journal.close)
            clock.resume_at(journal.history.last_lab_time)
            pin(journal, self._declared(), on_change, by)
            journal.append("owned", {"pid": os.getpid(), "host": socket.gethostname(), "by": by, "clock": repr(clock)})
            record = Record(journal)
            self._switch = switch = StopSwitch()
            stack.callback(setattr, self, "_switch", None)
            stack.enter_context(signals(switch))

            def told(text: str) -> None:
                tell(watcher, Progress("action", text, lab_time=clock.now(), of=budget.trials))

            executor = self._executor(clock, record, switch, told, by if reset_interlocks else "")
            stack.callback(executor.close)
            clerk = Clerk(record, switch)
            loop = ClosedLoop(
                decider=Decider(self.problem, self.planner, _fallback_planner(), self.seed, switch.raising),
                executor=executor,
                record=record,
                clerk=clerk,
                switch=switch,
                budget=budget,
                review=self.review,
                batch=self.batch,
                wait=wait,
                watcher=watcher,
                now=clock.now,
                skip=_skipping(clock) if clock.mode == "virtual" else None,
            )
            with clerk.watching():
                return loop.run()

    def stop(self) -> None:
        """End a run that goes on in another thread, gently; again: at once."""
        if self._switch is not None:
            self._switch.raise_to(self._switch.level + 1, "stop_requested", "stop() was called")

    def check(self) -> list[str]:
        """Check what can be checked without connecting to anything, and return notes for a person."""
        notes = [f"{len(self.problem.space.names)} parameters, {len(self.problem.objectives)} objective(s)"]
        if self.lab is not None:
            notes.append(f"{len(self.lab.instruments)} instruments, {'physical' if self.physical else 'virtual'} lab")
        return notes

    @property
    def history(self) -> History:
        """The campaign as the journal tells it."""
        with JournalReader.open(self.journal_path) as reader:
            return fold(reader.events())

    @property
    def trials(self) -> pd.DataFrame:
        """All trials, one a row: number, state, the point, the outcome with standard errors, attempts, reason."""
        trials = self.history.trials if self.journal_path.exists() else ()
        return table(trials, self.problem.space.names)

    @property
    def best(self) -> Trial | list[Trial] | None:
        """The best feasible trial, or the Pareto set where there are several objectives."""
        return self.problem.best(self.history.trials) if self.journal_path.exists() else None

    def _watcher(self, progress: Watcher | bool, stack: ExitStack) -> Watcher:
        shown = stack.enter_context(Display(self.problem, quiet=progress is False)).show
        watcher = shown if isinstance(progress, bool) else progress
        command = self._from.notify.get("command") if self._from is not None and self._from.notify else None
        return notifying(watcher, str(command)) if command else watcher

    def _executor(
        self, clock: Clock, record: Record, switch: StopSwitch, told: Callable[[str], None], reset_by: str
    ) -> Executor:
        if self.evaluate is not None:
            return FunctionExecutor(self.evaluate, self.problem.outcome_names, switch)
        from autolab.lab.lab import Lab
        from autolab.loop.lab_executor import LabExecutor

        if self.lab is None or self.protocol is None:  # excluded by __init__; said again for the type checker
            msg = "a campaign on a lab needs lab= and protocol="
            raise InputError(msg)
        bench = self._bench(clock) if self.addresses is None and not self.physical else None
        lab = Lab.build(self.lab, clock=clock, bench=bench, addresses=self.addresses, physical=self.physical)
        roles = self.roles or {role: role for role in self.protocol.needs}
        return LabExecutor(lab, self.protocol, roles, record, clock, switch, told, reset_interlocks=reset_by)

    def _bench(self, clock: Clock) -> Any:  # noqa: ANN401  a simulators' Bench
        from autolab.simulators.bench import Bench

        if self.lab is None:
            return None
        return Bench(self.lab.to_json(addresses=True), clock=clock, seed=self.seed)

    def _clock(self) -> Clock:
        mode, scale = self._pace()
        return Clock(mode, scale=scale)

    def _pace(self) -> tuple[Mode, float]:
        simulated = self.addresses is not None
        in_process = self.lab is not None and not simulated and not self.physical
        return pace(self._time, in_process=in_process, simulated=simulated, physical=self.physical)

    def _declared(self) -> Declared:
        parts = self._parts()
        digests = {part: digest(content) for part, content in parts.items()}
        digests["protocol source"] = source_of(self.protocol, self.evaluate)
        settings: dict[str, JSON] = {
            "budget": asdict(self.budget),
            "review": asdict(self.review),
            "notify": dict(self._from.notify) if self._from is not None and self._from.notify else None,
        }
        fidelity: Fidelity = "physical" if self.physical or self.evaluate is not None else "virtual"
        return Declared(self.name, self.seed, fidelity, digests, parts, settings, versions())

    def _parts(self) -> dict[str, JSON]:
        from autolab.spec.objects import to_data

        lab: JSON = None if self.lab is None else self.lab.to_json(addresses=False)
        return {
            "problem": to_data(self.problem),
            "planner": settings_of(self.planner),
            "protocol": settings_of(self.protocol) if self.protocol is not None else None,
            "roles": dict(self.roles),
            "lab": lab,
            "seed": self.seed,
            "batch": self.batch,
        }

    def _scratch(self) -> Path:
        """Make a folder that lives as long as this object."""
        folder = tempfile.mkdtemp(prefix="autolab-")
        weakref.finalize(self, shutil.rmtree, folder, ignore_errors=True)
        return Path(folder)


def _default_planner() -> Planner:
    from autolab.planners.bayes import Bayes

    return Bayes()


def _fallback_planner() -> Planner:
    from autolab.planners.sobol import Sobol

    return Sobol()


def _skipping(clock: Clock) -> Callable[[float], None]:
    return lambda seconds: clock.run(asyncio.sleep(seconds))
