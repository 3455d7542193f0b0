"""Campaign: the one stateful object; thin, it joins the rooms."""

from __future__ import annotations

import asyncio
import os
import shutil
import socket
import tempfile
import weakref
from contextlib import ExitStack
from dataclasses import asdict, replace
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
from autolab.loop.enough import Enough
from autolab.loop.function_executor import FunctionExecutor
from autolab.loop.interrupts import StopSwitch, signals
from autolab.loop.notify import Notifier, journaled
from autolab.loop.pace import pace
from autolab.loop.people import People
from autolab.loop.phases import PHASE
from autolab.loop.pinning import Declared, OnChange, pin, settings_of
from autolab.loop.progress import Progress, tell
from autolab.loop.provenance import source_of, versions, who
from autolab.loop.record import Record
from autolab.loop.supplies import Supplies
from autolab.loop.table import table
from autolab.model.clock import Clock, Mode
from autolab.model.errors import InputError
from autolab.model.seeds import decision_seed

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    import pandas as pd

    from autolab.journal.history import History
    from autolab.lab.declaration import LabDeclaration
    from autolab.loop.executor import Executor
    from autolab.loop.function_executor import Evaluate
    from autolab.loop.progress import Kind, RunResult, Watcher
    from autolab.loop.rehearsal import Rehearsal
    from autolab.model.actions import JSON
    from autolab.model.contracts import Planner, Procedure
    from autolab.model.problem import Problem
    from autolab.model.trial import Fidelity, Trial
    from autolab.planners.explanation import Explanation
    from autolab.spec.campaign_file import CampaignFile
    from autolab.spec.results import Results


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
        wire_log: File to which all that passes over the ports is appended; None for none.
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
        self.wire_log: Path | None = None
        self._time = time
        self.journal_path = Path(journal) if journal is not None else self._scratch() / "journal.sqlite"
        self._enough(self.budget)  # so is a rule that does not fit
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
        budget = self.budget if trials is None else replace(self.budget, trials=trials)
        by = by or who()
        with ExitStack() as stack:
            watcher = self._watcher(progress, stack)
            clock = self._clock()
            stack.callback(clock.close)
            journal = Journal.open(self.journal_path, durable=durable, now=clock.now)
            stack.callback(journal.close)
            clock.resume_at(journal.history.last_lab_time)
            pin(journal, self._declared(budget), on_change, by)
            journal.append("owned", {"pid": os.getpid(), "host": socket.gethostname(), "by": by, "clock": repr(clock)})
            record = Record(journal)
            self._switch = switch = StopSwitch()
            stack.callback(setattr, self, "_switch", None)
            stack.enter_context(signals(switch))

            def told(text: str) -> None:
                kind: Kind = "phase" if text.startswith(PHASE) else "action"
                tell(watcher, Progress(kind, text, lab_time=clock.now(), of=budget.trials))

            def ask(text: str) -> None:
                tell(watcher, Progress("question", text, lab_time=clock.now(), of=budget.trials))

            people = People(ask)
            executor = self._executor(clock, record, switch, told, by if reset_interlocks else "")
            people.attach(getattr(executor, "instruments", ()))
            stack.callback(executor.close)
            clerk = Clerk(record, switch, people)
            loop = ClosedLoop(
                decider=Decider(
                    self.problem, self.planner, _fallback_planner(), self.seed, switch.raising, self._enough(budget)
                ),
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
                supplies=self._supplies(budget, journal, executor),
            )
            with clerk.watching():
                return loop.run()

    def rehearse(
        self,
        seeds: int | Sequence[int] = 3,
        trials: int | None = None,
        *,
        progress: Watcher | bool = True,
        evaluate: Evaluate | None = None,
    ) -> Rehearsal:
        """Run the campaign on the virtual lab in virtual time, from the start, once a seed; its journal is not touched.

        Bottles do not run dry in a rehearsal: it measures what the campaign needs. A campaign of a plain function
        calls that function; `evaluate` can stand in for it.

        Args:
            seeds: So many, from the campaign's own on; or which.
            trials: A seed at most, in place of the budget's.
            progress: See `run`.
            evaluate: Called in place of the campaign's own function, where that is slow or moves something.

        Raises:
            InputError: There is no virtual lab, or no end to the trials.
        """
        from autolab.loop.rehearsing import Rehearsed, check_seeds, rehearse, unlimited

        if evaluate is not None and self.evaluate is None:
            msg = "evaluate= stands in for a campaign's function, and this one runs on a lab: leave it out"
            raise InputError(msg)
        function = evaluate or self.evaluate
        what = Rehearsed(self.name, self.problem, self.budget, trials, check_seeds(seeds, self.seed), self.lab)
        lab, budget = unlimited(what)

        def run(seed: int, journal: Path, watcher: Watcher) -> RunResult:
            once = Campaign(
                self.problem,
                planner=self.planner,
                protocol=self.protocol,
                roles=self.roles,
                lab=lab,
                evaluate=function,
                journal=journal,
                name=self.name,
                seed=seed,
                budget=budget,
                batch=self.batch,
            )
            return once.run(trials, progress=watcher, wait=False, durable=False)

        with Display(self.problem, quiet=progress is False) as shown:
            return rehearse(what, run, shown.show if isinstance(progress, bool) else progress)

    def export(
        self,
        trials: str | Path | None = None,
        *,
        documents: str | Path | None = None,
        events: str | Path | None = None,
        everything: bool = False,
        force: bool = False,
    ) -> list[Path]:
        """Write trials (CSV), bluesky documents and events (JSON Lines) into files, and return these.

        Args:
            trials: File; `-` for standard output, as for the others.
            documents: File, each line `[name, document]`.
            events: File.
            everything: Imported and inherited trials, too.
            force: Replace files that are there.

        Raises:
            InputError: Nothing is asked for, or a file is there already or cannot be written.
        """
        from autolab.loop.export import export

        paths = [None if one is None else Path(one) for one in (trials, documents, events)]
        names = dict(zip(("trials", "documents", "events"), paths, strict=True))
        return export(self.journal_path, problem=self.problem, **names, force=force, everything=everything)

    def import_trials(
        self,
        source: str | Path | pd.DataFrame | Sequence[Mapping[str, Any]],
        *,
        renamed: Mapping[str, str] | None = None,
        fidelity: Fidelity | None = None,
        convert: bool = False,
        keep_outside: bool = False,
        again: bool = False,
        dry_run: bool = False,
        by: str | None = None,
    ) -> Results:
        """Bring past results in, as knowledge for the planner; nothing, where anything is wrong with them.

        Args:
            source: A CSV file as `export` writes it or anybody's, a DataFrame, or a list of dicts.
            renamed: Head of a column -> what it means, such as `{"T": "temperature [K]"}`; empty to leave it out.
            fidelity: Where they were measured; by a column `fidelity`, else physical, when None.
            convert: Convert known units, decimal commas and sums of mixtures, and record that.
            keep_outside: Take points outside of the space, too.
            again: Take rows that are known already, too.
            dry_run: Only check.
            by: Who does it; user@host when None.

        Raises:
            FaultyFile: All that is wrong with the table.
            JournalRefused: The campaign is running now, or the journal is another one's.
        """
        from autolab.loop.bringing_in import bring_in
        from autolab.spec.results import Options, read_results

        options = Options(dict(renamed or {}), fidelity, convert, keep_outside, again)
        measured = dict(getattr(self.protocol, "outcomes", None) or {})
        known = self.history.usable_history() if self.journal_path.exists() else ()
        results = read_results(source, self.problem, measured, options, known)
        if not dry_run and results.trials:
            with Journal.open(self.journal_path) as journal:
                known = journal.history.usable_history()  # nobody can add to it any more
                results = read_results(source, self.problem, measured, options, known)
                bring_in(journal, self._declared(), results.trials, results.told(), by or who())
        return results

    def stop(self) -> None:
        """End a run that goes on in another thread, gently; again: at once."""
        if self._switch is not None:
            self._switch.raise_to(self._switch.level + 1, "stop_requested", "stop() was called")

    def check(self) -> list[str]:
        """Check what can be checked without connecting to anything, and return notes for a person.

        Raises:
            InputError: The planner refuses the problem: a setting is wrong.
            DesignUnfit: Its design does not fit the space.
        """
        self.planner.suggest(self.problem, [], n=1, seed=decision_seed(self.seed, 0))
        notes = [f"{len(self.problem.space.names)} parameters, {len(self.problem.objectives)} objective(s)"]
        if self.lab is not None:
            notes.append(f"{len(self.lab.instruments)} instruments, {'physical' if self.physical else 'virtual'} lab")
        return [*notes, *(self._from.notes if self._from is not None else ())]

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
        best = self.problem.best(self.history.trials) if self.journal_path.exists() else None
        return [self._ordered(trial) for trial in best] if isinstance(best, list) else best and self._ordered(best)

    def plot(self, what: str = "progress") -> Any:  # noqa: ANN401  a plotly Figure: plotly ships no types
        """Return a figure, for a notebook or `figure.write_html`.

        Args:
            what: `progress` (each trial and the best so far), `parameters` (objectives against what was varied) or
                `surface` (what the planner's model believes around the best point).

        Raises:
            InputError: No such figure, or no completed trial to draw the surface around.
            PlannerError: Too few trials for a model.
        """
        from autolab.report.drawing import draw

        return draw(what, self.problem, self._history_now(), self.planner, self._units(), self.budget)

    def explain(self, trial: int | Trial, *, folds: int = 10) -> Explanation:
        """Return why the planner chose a trial's point, by what it was shown then.

        Args:
            trial: Its number, or the trial itself.
            folds: Of the cross-validation of the planner's model; 0 to leave it out, which is faster.

        Raises:
            InputError: The campaign has no such trial.
            JournalRefused: It has not begun, or its journal cannot be read.
        """
        from autolab.journal.situation import situation
        from autolab.planners.explanation import explain_plainly

        number = trial if isinstance(trial, int) else trial.number
        with JournalReader.open(self.journal_path) as reader:
            then = situation(reader, number)
        asked: Any = self.planner
        if then.fallback is None and hasattr(asked, "explain"):
            explained: Explanation = asked.explain(
                self.problem, then.history, then.point, pending=then.pending, seed=then.seed, folds=folds
            )
            return explained
        stood_in = f"the planner failed and another stood in: {then.fallback}"
        because = f"as {type(asked).__name__} chose it" if then.fallback is None else stood_in
        return explain_plainly(self.problem, then.history, then.point, rule=then.rule, because=because)

    def report(self, path: str | Path = "report.html") -> Path:
        """Write one HTML file that tells all of the campaign, complete in itself; return where it is.

        Args:
            path: The file; a report that is there is written anew, another file is left alone.

        Raises:
            InputError: Another file is there, or it cannot be written.
            JournalRefused: The campaign has not begun, or its journal cannot be read.
        """
        from autolab.report import write_report

        return write_report(self.journal_path, path)

    def _ordered(self, trial: Trial) -> Trial:
        """Return a trial with its point in the order of the space; journals sort by name."""
        return replace(trial, point={name: trial.point[name] for name in self.problem.space.names})

    def _history_now(self) -> History:
        from autolab.journal.views import History

        return self.history if self.journal_path.exists() else History()

    def _units(self) -> dict[str, str]:
        return dict(getattr(self.protocol, "outcomes", None) or {})

    def _repr_html_(self) -> str:
        """Return goal, state, best trial and progress for a notebook; never fails."""
        from autolab.report.card import safe_card

        kind = "function" if self.evaluate is not None else "physical" if self.physical else "virtual"
        return safe_card(self.name, self.problem, self._history_now, kind, self._units)

    def _watcher(self, progress: Watcher | bool, stack: ExitStack) -> Watcher:
        shown = stack.enter_context(Display(self.problem, quiet=progress is False)).show
        watcher = shown if isinstance(progress, bool) else progress
        if self._from is None or not self._from.notify:
            return watcher
        told: dict[str, Any] = dict(self._from.notify)
        notifier = Notifier(watcher, self.name, **told)
        stack.callback(notifier.close)  # comes last: the lab is safe before anybody is waited for
        return notifier.watch

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
        lab = Lab.build(
            self.lab,
            clock=clock,
            bench=bench,
            addresses=self.addresses,
            physical=self.physical,
            wire_log=self.wire_log,
        )
        roles = self.roles or {role: role for role in self.protocol.needs}
        return LabExecutor(lab, self.protocol, roles, record, clock, switch, told, reset_interlocks=reset_by)

    def _supplies(self, budget: Budget, journal: Journal, executor: Executor) -> Supplies | None:
        if self.lab is None or not self.lab.stocks:
            return None
        roles = getattr(executor, "roles", self.roles)
        return Supplies(self.lab, budget.consumables, journal, self.protocol, roles, getattr(executor, "lab", None))

    def _enough(self, budget: Budget) -> Enough | None:
        wanted = budget.gain is not None or budget.regret is not None
        return Enough(budget, self.problem, self.planner) if wanted else None

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

    def _declared(self, budget: Budget | None = None) -> Declared:
        parts = self._parts()
        digests = {part: digest(content) for part, content in parts.items()}
        digests["protocol source"] = source_of(self.protocol, self.evaluate)
        settings: dict[str, JSON] = {
            "budget": asdict(budget or self.budget),
            "review": asdict(self.review),
            "notify": journaled(self._from.notify if self._from is not None else None),
            "loaded_mL": {**self.lab.loaded} if self.lab is not None else {},
            "units": dict(getattr(self.protocol, "outcomes", None) or {}),
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
