"""Runs: what a planner is asked, what is kept, and that it is the same anywhere."""

from __future__ import annotations

import json
import sys
import warnings
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest

from autolab.model.errors import DesignUnfit, InputError, MissingExtra
from autolab.model.problem import Problem
from autolab.model.seeds import decision_seed
from autolab.model.suggestion import Suggestion
from autolab.model.trial import Point, Trial
from autolab.study import memory
from autolab.study.baseline import Random
from autolab.study.case import Case, Noisy
from autolab.study.runs import Result, Run, Setting, perform, source_of, versions
from autolab.study.workers import Lost, here

UP: list[Any] = [{"k": k} for k in range(10)]


@dataclass
class Scripted:
    """Proposes what is written, and remembers what it was asked (in a copy: hence the shared list)."""

    script: Sequence[Any]
    asked: list[tuple[int, int, int]] = field(default_factory=list)

    def __deepcopy__(self, memo: object) -> Scripted:
        return Scripted(self.script, self.asked)

    def suggest(
        self, problem: Problem, history: Sequence[Trial], *, n: int, pending: Sequence[Point] = (), seed: int
    ) -> list[Suggestion]:
        self.asked.append((len(history), n, seed))
        found = self.script[len(history) : len(history) + n]
        for one in found:
            if isinstance(one, Exception):
                raise one
        return [one if isinstance(one, Suggestion) else Suggestion(one, {"rule": "script"}) for one in found]


def run(case: Case, planner: Any, budget: int = 5, **more: Any) -> Run:
    seed = more.pop("seed", 3)
    return Run("one", {"use": "one"}, Setting("squares", "squares", budget, **more), seed, planner, case)


def test_a_run(case: Case) -> None:
    result = perform(run(case, Scripted(UP)))

    assert result.score == [0.0, 1.0, 4.0, 9.0, 16.0]
    assert (result.low, result.high, result.best, result.error, result.failed) == (0.0, 81.0, 16.0, "", 0)
    assert len(result.seconds) == 5
    assert all(second >= 0 for second in result.seconds)


def test_starts_come_first_and_are_not_timed(case: Case) -> None:
    planner = Scripted(UP)
    result = perform(run(case, planner, budget=6, starts=4))

    starts = case.scores(case.starts(4, 3))
    assert list(result.score[:4]) == starts
    assert [asked[:2] for asked in planner.asked] == [(4, 1), (5, 1)]
    assert len(result.seconds) == 2


def test_batches_and_what_is_left_for_the_last(case: Case) -> None:
    planner = Scripted(UP)
    perform(run(case, planner, budget=7, batch=3))

    assert [asked[:2] for asked in planner.asked] == [(0, 3), (3, 3), (6, 1)]


def test_seeds_are_derived_and_differ(case: Case) -> None:
    planner = Scripted(UP)
    perform(run(case, planner, budget=3))

    assert [asked[2] for asked in planner.asked] == [decision_seed(3, i) for i in (1, 2, 3)]


def test_failures_are_counted_and_the_planner_goes_on(case: Case) -> None:
    result = perform(run(case, Scripted([{"k": 7}, {"k": 2}, {"k": 7}]), budget=3))

    assert (result.score, result.failed, result.error) == ([None, 4.0, 4.0], 2, "")


def test_a_planner_that_raises_ends_its_run(case: Case) -> None:
    result = perform(run(case, Scripted([{"k": 2}, RuntimeError("singular"), {"k": 3}])))

    assert (result.score, result.error) == ([4.0], "RuntimeError: singular")


def test_a_planner_that_refuses_the_problem_has_no_result(case: Case) -> None:
    for refusal in (MissingExtra("run  pip install 'autolab-sdl[ax]'"), DesignUnfit("it needs a mixture")):
        with pytest.raises(type(refusal)):
            perform(run(case, Scripted([*UP[:2], refusal]), starts=2))
        (lost,) = here([run(case, Scripted([*UP[:2], refusal]), starts=2)])
        assert isinstance(lost, Lost)
        assert lost.reason == f"{type(refusal).__name__}: {refusal}"
        later = perform(run(case, Scripted([*UP[:3], refusal]), starts=2))  # it worked once: what it found counts
        assert later.error == lost.reason


def test_a_point_outside_the_space_ends_the_run(case: Case) -> None:
    result = perform(run(case, Scripted([{"k": 2}, {"k": 12}])))

    assert result.score == [4.0]
    assert result.error.startswith("OutsideSpace: the point {'k': 12} is not in the space")


def test_a_planner_that_proposes_nothing_ends_its_run(case: Case) -> None:
    assert perform(run(case, Scripted([{"k": 1}]))).error == "the planner proposed nothing"


def test_more_than_was_asked_for_is_left_aside(case: Case) -> None:
    class Generous(Scripted):
        def suggest(self, problem: Problem, history: Sequence[Trial], **how: Any) -> list[Suggestion]:
            return super().suggest(problem, history, **{**how, "n": 4})

        def __deepcopy__(self, memo: object) -> Scripted:
            return self

    assert perform(run(case, Generous(UP), budget=2)).score == [0.0, 1.0]


def test_fallbacks_are_counted(case: Case) -> None:
    fallen = Suggestion({"k": 5}, {"rule": "design", "fallback": "singular"})

    assert perform(run(case, Scripted([{"k": 1}, fallen]), budget=2)).fallbacks == 1


def test_the_planner_sees_noise_and_the_score_is_true(case: Case) -> None:
    seen: list[float] = []

    class Watching(Scripted):
        def suggest(self, problem: Problem, history: Sequence[Trial], **how: Any) -> list[Suggestion]:
            seen.extend(trial.outcome["y"].value for trial in history[-1:])
            return super().suggest(problem, history, **how)

        def __deepcopy__(self, memo: object) -> Scripted:
            return self

    result = perform(run(replace(case, measure=Noisy(0.3)), Watching(UP), budget=4))
    assert result.score == [0.0, 1.0, 4.0, 9.0]
    assert seen == pytest.approx([0.0, 1.0, 4.0], abs=1.5)
    assert seen != [0.0, 1.0, 4.0]


def test_a_planner_with_a_memory_begins_anew_in_each_run(case: Case) -> None:
    @dataclass
    class Remembering:
        calls: int = 0

        def suggest(self, problem: Problem, history: Sequence[Trial], **how: Any) -> list[Suggestion]:
            self.calls += 1
            return [Suggestion({"k": self.calls}, {})]

    planner = Remembering()
    assert [perform(run(case, planner, budget=2)).score for _ in range(2)] == [[1.0, 4.0]] * 2
    assert planner.calls == 0


def test_a_planner_that_warns_is_no_planner_that_fails(case: Case) -> None:
    class Warning_(Scripted):  # noqa: N801
        def suggest(self, problem: Problem, history: Sequence[Trial], **how: Any) -> list[Suggestion]:
            warnings.warn("the fit stopped at its limit", RuntimeWarning, stacklevel=1)
            return super().suggest(problem, history, **how)

        def __deepcopy__(self, memo: object) -> Scripted:
            return self

    assert perform(run(case, Warning_(UP), budget=2)).error == ""


def test_the_same_run_gives_the_same_scores(case: Case) -> None:
    found = [perform(run(case, Random(), seed=seed)).score for seed in (1, 1, 2)]

    assert found[0] == found[1] != found[2]


def test_the_planner_has_one_thread(case: Case) -> None:
    import torch

    seen: list[int] = []

    class Counting(Scripted):
        def suggest(self, problem: Problem, history: Sequence[Trial], **how: Any) -> list[Suggestion]:
            seen.append(torch.get_num_threads())
            return super().suggest(problem, history, **how)

        def __deepcopy__(self, memo: object) -> Scripted:
            return self

    before = torch.get_num_threads()
    try:
        torch.set_num_threads(2)
        perform(run(case, Counting(UP), budget=1))
        assert (seen, torch.get_num_threads()) == ([1], 2)
    finally:
        torch.set_num_threads(before)


# -- lines and keys


def test_a_result_goes_into_a_line_and_back(pool: Case) -> None:
    result = perform(run(pool, Scripted([{"k": 7}, {"k": 9}]), budget=2))
    line = result.to_line()

    assert "\n" not in line
    again = Result.from_line(line)
    assert again.key == result.key == run(pool, Scripted([]), budget=2).key
    assert (list(again.score), list(again.share)) == ([None, 81.0], [0.0, 0.5])
    assert again.setting == result.setting
    assert again.versions == result.versions


def test_numbers_are_kept_to_seven_digits(result: Any) -> None:
    assert json.loads(result("a", 0, [1 / 3]).to_line())["score"] == [0.3333333]


def test_a_newer_result_may_tell_more(result: Any) -> None:
    told = json.loads(result("a", 0, [0.5]).to_line()) | {"colour": "green"}

    assert Result.from_line(json.dumps(told)).score == [0.5]


@pytest.mark.parametrize("line", ["", "{", "[]", "7", '{"planner": "a"}', '{"setting": {"budget": 3}}'])
def test_a_line_that_is_no_result(line: str) -> None:
    with pytest.raises(InputError, match="no result of a study"):
        Result.from_line(line)


@pytest.mark.parametrize(
    "changed",
    [
        {"planner": "two"},
        {"declared": {"use": "one", "with": {"initial": 4}}},
        {"seed": 4},
        {"setting": Setting("squares", "squares", 6)},
        {"setting": Setting("squares", "squares#1", 5)},
        {"setting": Setting("squares", "squares", 5, batch=2)},
        {"setting": Setting("squares", "squares", 5, starts=1)},
    ],
)
def test_what_makes_another_run(case: Case, changed: dict[str, Any]) -> None:
    one = run(case, Random())

    assert replace(one, **changed).key != one.key
    assert str(one) == "squares, one, seed 3"


@pytest.mark.parametrize(("budget", "batch", "starts"), [(3, 1, 3), (3, 0, 0), (3, 1, -1), (0, 1, 0)])
def test_settings_that_cannot_be(budget: int, batch: int, starts: int) -> None:
    with pytest.raises(InputError, match="problem 'p': budget must be more than starts"):
        Setting("p", "p", budget, batch, starts)


@pytest.mark.parametrize(
    ("minimized", "score", "best"), [(True, [-3.0], 3.0), (False, [3.0], 3.0), (True, [None], None)]
)
def test_the_best_as_people_read_it(
    result: Any,
    minimized: bool,
    score: list[float | None],
    best: float | None,
) -> None:
    assert result("a", 0, score, minimized=minimized).best == best


def test_versions_tell_what_decides() -> None:
    assert {"python", "platform", "numpy", "torch", "botorch"} <= set(versions())
    assert "typer" in versions("typer")
    assert "no-such-package" not in versions("no-such-package")


def test_the_source_is_that_of_the_planners_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(tmp_path))
    (tmp_path / "odd_planner.py").write_text("class Odd: ...\n", encoding="utf-8")
    import odd_planner  # type: ignore[import-not-found]  # made here

    before = source_of(odd_planner.Odd)
    source_of.cache_clear()
    (tmp_path / "beside.py").write_text("x = 1\n", encoding="utf-8")
    assert len(before) == 12
    assert source_of(odd_planner.Odd) != before
    assert source_of(int) == ""


# -- memory


def test_memory_is_that_of_the_system() -> None:
    found = memory.peak_megabytes()

    assert found is None or 20 < found < 100_000


def test_memory_as_linux_tells_it(tmp_path: Path) -> None:
    (tmp_path / "status").write_text("Name:\tpython\nVmHWM:\t   20480 kB\n", encoding="ascii")

    assert memory.peak_megabytes(tmp_path / "status") == 20.0
    assert memory.start_anew(tmp_path)
    assert (tmp_path / "clear_refs").read_text(encoding="ascii") == "5"


def test_memory_elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert not memory.start_anew(tmp_path / "nothing")
    assert (memory.peak_megabytes(tmp_path / "nothing") or 1) > 0
    monkeypatch.setitem(sys.modules, "resource", None)
    assert memory.peak_megabytes(tmp_path / "nothing") is None
