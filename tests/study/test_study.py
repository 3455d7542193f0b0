"""Studies: what is to do, what is done, and going on after any end; here, in processes, on a cluster."""

from __future__ import annotations

import importlib.util
import multiprocessing
import sys
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from autolab.model.errors import InputError, MissingExtra
from autolab.model.problem import Problem
from autolab.model.suggestion import Suggestion
from autolab.model.trial import Trial
from autolab.study.baseline import Random
from autolab.study.cases import make_case
from autolab.study.results import ResultsFile
from autolab.study.runs import Result, Run, perform
from autolab.study.study import Ask, Entrant, Study, run_study
from autolab.study.workers import Lost, here, in_processes

DYING = """
import os
from dataclasses import dataclass

from autolab.model.suggestion import Suggestion


@dataclass(frozen=True)
class Dying:
    seeds: tuple = ()

    def suggest(self, problem, history, *, n, pending=(), seed):
        if seed in self.seeds or not self.seeds:
            os._exit(7)
        return [Suggestion(point, {}) for point in problem.space.sample(n, seed)]


class Unreadable(Dying):
    def __reduce__(self):
        return (print_nothing, ("a planner that cannot be made again",))


def print_nothing(text):
    raise ValueError(text)
"""


@pytest.fixture
def file(tmp_path: Path) -> ResultsFile:
    return ResultsFile(tmp_path / "study.jsonl")


def known(result: Result) -> tuple[str, int, tuple[float | None, ...]]:
    return result.planner, result.seed, tuple(Result.from_line(result.to_line()).score)  # as a file keeps it


def test_runs_go_seed_by_seed(study: Study) -> None:
    assert [(run.seed, run.planner) for run in study.runs][:4] == [(0, "up"), (0, "from 3"), (1, "up"), (1, "from 3")]
    assert len({run.key for run in study.runs}) == 6


def test_everything_is_done_once(study: Study, file: ResultsFile) -> None:
    told: list[Result | Lost] = []
    assert run_study(study, file, told=told.append) == []

    assert len(told) == len(file.read()) == 6
    assert study.left(file.read()) == []
    assert run_study(study, file, told=told.append) == []
    assert len(told) == 6


def test_it_goes_on_where_it_was_stopped(study: Study, file: ResultsFile) -> None:
    whole = ResultsFile(file.path.with_name("whole.jsonl"))
    run_study(study, whole)
    seen: list[Result | Lost] = []

    def stop(one: Result | Lost) -> None:
        seen.append(one)
        if len(seen) == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run_study(study, file, told=stop)
    assert len(file.read()) == 2  # on disk before it is told
    run_study(study, file, told=seen.append)
    assert len(seen) == 6
    assert [known(one) for one in study.of(file.read())] == [known(one) for one in study.of(whole.read())]


def test_a_study_that_grew_does_what_is_new(study: Study, file: ResultsFile) -> None:
    run_study(study, file)
    told: list[Any] = []
    run_study(replace(study, seeds=[0, 1, 2, 3]), file, told=told.append)

    assert [one.seed for one in told] == [3, 3]


def test_results_of_other_settings_stay_and_do_not_count(study: Study, file: ResultsFile, case: Any) -> None:
    run_study(study, file)
    other = replace(study, problems=[Ask("squares", case, budget=5, starts=2)])
    run_study(other, file)

    assert len(file.read()) == 12
    assert {one.setting.budget for one in study.of(file.read())} == {6}


def test_a_file_in_use_is_left_alone(study: Study, file: ResultsFile) -> None:
    with file.owned(), pytest.raises(InputError, match="another study is adding to it"):
        run_study(study, file)
    assert file.read() == []


@pytest.mark.parametrize(
    ("changes", "what"),
    [
        ({"planners": []}, "planners"),
        ({"problems": []}, "problems"),
        ({"seeds": []}, "seeds"),
        ({"seeds": [1, 1]}, "seeds"),
    ],
)
def test_a_study_needs_something_to_do(study: Study, changes: dict[str, Any], what: str) -> None:
    with pytest.raises(InputError, match=f"a study needs at least one of its {what}, each once"):
        replace(study, **changes)


def test_names_are_told_apart(study: Study, case: Any) -> None:
    with pytest.raises(InputError, match="each once, got up, up"):
        replace(study, planners=[study.planners[0]] * 2)
    with pytest.raises(InputError, match="budget must be more than starts"):
        replace(study, problems=[Ask("squares", case, budget=2, starts=2)])


def test_here_is_in_order(study: Study) -> None:
    assert [known(one) for one in here(study.runs) if isinstance(one, Result)] == [
        known(perform(one)) for one in study.runs
    ]


# -- processes


@pytest.fixture
def branin() -> Study:
    return Study([Entrant("random", Random())], [Ask("branin", make_case("branin"), budget=8)], range(6))


@pytest.mark.slow
def test_processes_give_what_one_gives(branin: Study, file: ResultsFile) -> None:
    assert run_study(branin, file, jobs=2) == []

    found = [known(one) for one in branin.of(file.read())]
    assert found == [known(perform(run)) for run in branin.runs]
    assert multiprocessing.active_children() == []


@pytest.mark.slow
def test_ending_early_ends_the_processes(branin: Study) -> None:
    ends = in_processes(branin.runs, 2)
    assert isinstance(next(ends), Result)
    assert multiprocessing.active_children()
    ends.close()  # type: ignore[attr-defined]  # it is a generator

    assert multiprocessing.active_children() == []


@pytest.fixture
def dying(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Return a module that processes can import too: they are told where this one looks."""
    (tmp_path / "dying_planners.py").write_text(DYING, encoding="utf-8")
    monkeypatch.syspath_prepend(str(tmp_path))
    import dying_planners  # type: ignore[import-not-found]  # made here

    yield dying_planners
    sys.modules.pop("dying_planners")


@pytest.mark.slow
def test_a_process_that_dies_loses_its_run_alone(branin: Study, file: ResultsFile, dying: Any) -> None:
    from autolab.model.seeds import decision_seed

    planner = Entrant("dying", dying.Dying((decision_seed(2, 3),)))
    study = replace(branin, planners=[planner, *branin.planners], seeds=range(4))
    lost = run_study(study, file, jobs=2)

    assert [(str(one.run), one.reason) for one in lost] == [
        ("branin, dying, seed 2", "its process ended with exit code 7")
    ]
    assert len(file.read()) == 7
    assert [str(run) for run in study.left(file.read())] == ["branin, dying, seed 2"]
    assert multiprocessing.active_children() == []


@pytest.mark.slow
def test_a_planner_that_no_process_can_make(branin: Study, file: ResultsFile, dying: Any) -> None:
    study = replace(branin, planners=[Entrant("unreadable", dying.Unreadable())], seeds=[0])
    lost = run_study(study, file, jobs=2)

    assert len(lost) == 1
    assert file.read() == []


# -- a cluster


def test_without_dask_the_command_to_install_it_is_told(
    study: Study, file: ResultsFile, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "distributed", None)

    with pytest.raises(MissingExtra, match=r"pip install 'autolab-sdl\[dask\]'"):
        run_study(study, file, dask="tcp://127.0.0.1:1")
    assert file.read() == []


class Future:
    """What a stand-in for a cluster gives at once."""

    def __init__(self, run: Run) -> None:
        self.run = run

    def result(self) -> Result:
        if self.run.seed == 1:
            raise RuntimeError("the worker is gone")
        return perform(self.run)


@dataclass
class Cluster:
    """A stand-in for `distributed`: what is asked of it is as its documentation has it."""

    asked: list[Any]

    def Client(self, address: str, *, timeout: int) -> Cluster:  # noqa: N802  dask's name
        if not address.startswith("tcp://"):
            raise ValueError("unknown address scheme")
        self.asked.append(address)
        return self

    def submit(self, function: Any, run: Run, *, pure: bool, priority: int) -> Future:
        assert function is perform
        assert not pure  # equal runs of another study must not be answered from memory
        self.asked.append(priority)
        return Future(run)

    def as_completed(self, futures: Sequence[Future]) -> Sequence[Future]:
        return list(reversed(futures))

    def cancel(self, futures: Sequence[Future]) -> None:
        self.asked.append(("cancelled", len(futures)))

    def close(self) -> None:
        self.asked.append("closed")


@pytest.fixture
def cluster(monkeypatch: pytest.MonkeyPatch) -> Cluster:
    made = Cluster([])
    monkeypatch.setitem(sys.modules, "distributed", made)
    return made


def test_runs_on_a_cluster(study: Study, file: ResultsFile, cluster: Cluster) -> None:
    lost = run_study(study, file, dask="tcp://10.0.0.5:8786")

    assert {one.seed for one in file.read()} == {0, 2}
    assert [one.reason for one in lost] == ["RuntimeError: the worker is gone"] * 2
    assert cluster.asked == ["tcp://10.0.0.5:8786", 0, -1, -2, -3, -4, -5, "closed"]


def test_ending_early_takes_runs_back(study: Study, file: ResultsFile, cluster: Cluster) -> None:
    def stop(one: object) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run_study(study, file, dask="tcp://10.0.0.5:8786", told=stop)
    assert cluster.asked[-2:] == [("cancelled", 5), "closed"]


def test_nobody_answers(study: Study, file: ResultsFile, cluster: Cluster) -> None:
    with pytest.raises(InputError, match=r"no Dask scheduler answers at 'nowhere': unknown .*`dask scheduler`"):
        run_study(study, file, dask="nowhere")


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")  # what dask warns of is its own affair
@pytest.mark.skipif(importlib.util.find_spec("distributed") is None, reason="dask is an extra")
def test_a_real_cluster(branin: Study, file: ResultsFile) -> None:
    from distributed import LocalCluster  # type: ignore[import-not-found,unused-ignore]  # an extra

    with LocalCluster(  # type: ignore[no-untyped-call,unused-ignore]  # likewise
        n_workers=2, threads_per_worker=1, processes=True, dashboard_address=None, host="127.0.0.1"
    ) as real:
        assert run_study(branin, file, dask=real.scheduler_address) == []
    assert [known(one) for one in branin.of(file.read())] == [known(perform(run)) for run in branin.runs]


def test_a_planner_may_use_what_it_is_given(case: Any, file: ResultsFile) -> None:
    class Following:
        """Goes one above the best measured."""

        def suggest(self, problem: Problem, history: Sequence[Trial], **how: Any) -> list[Suggestion]:
            best = max((trial.outcome["y"].value for trial in history if trial.usable), default=-1.0)
            return [Suggestion({"k": min(9, round(best**0.5) + 1 if best >= 0 else 0)}, {})]

    study = Study([Entrant("following", Following())], [Ask("squares", case, budget=5)], [0])
    run_study(study, file)

    assert file.read()[0].score == [0.0, 1.0, 4.0, 9.0, 16.0]
