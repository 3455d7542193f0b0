"""What `autolab study` shows: a bar or lines, tables, and remarks."""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import Any

import pytest
from rich.console import Console

from autolab.cli import study_telling
from autolab.cli.study_telling import Shown, say_comparison, versions_of
from autolab.study.baseline import Random
from autolab.study.cases import make_case
from autolab.study.comparison import Comparison, Row
from autolab.study.intervals import Interval
from autolab.study.runs import Result, Run, Setting
from autolab.study.workers import Lost

SETTING = Setting("branin", "branin", 3)


def result(**changes: Any) -> Result:
    settings: dict[str, Any] = {"score": [-1.5, -1.0, -0.51239], "low": -2.0, "high": 0.0, "minimized": True}
    return Result("bayes", {}, SETTING, 7, **{**settings, "seconds": [0.5, 0.25], **changes})


Terminal = Callable[[bool], io.StringIO]


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch) -> Terminal:
    """Return a function that puts a terminal, or a pipe, in the place of standard error and returns what it gets."""

    def put(there: bool) -> io.StringIO:
        stream = io.StringIO()
        made = Console(file=stream, force_terminal=there, width=160, highlight=False)
        monkeypatch.setattr(study_telling, "console", lambda error=False: made)
        return stream

    return put


def test_a_pipe_gets_a_line_for_each_run(terminal: Terminal) -> None:
    stream = terminal(False)
    with Shown(4, 2, quiet=False) as shown:
        shown.show(result())
        shown.show(result(score=[None], error="PlannerError: nothing is left"))

    assert stream.getvalue().splitlines() == [
        "2 of 4 runs are done already",
        "[3/4] branin, bayes, seed 7: best 0.5124, 0.8 s",
        "[4/4] branin, bayes, seed 7: nothing that counts, 0.8 s; ended early: PlannerError: nothing is left",
    ]


def test_a_lost_run_is_told(terminal: Terminal) -> None:
    stream = terminal(False)
    case = make_case("branin")
    with Shown(1, 1, quiet=False) as shown:
        shown.show(Lost(Run("random", {}, SETTING, 0, Random(), case), "its process ended with exit code -9"))

    assert stream.getvalue() == "[1/1] branin, random, seed 0: lost, its process ended with exit code -9\n"


def test_a_terminal_gets_a_bar_that_goes_away(terminal: Terminal) -> None:
    stream = terminal(True)
    with Shown(4, 4, quiet=False) as shown:
        shown.show(result())
        shown._bar.refresh()

    assert "1/4" in stream.getvalue()
    assert "branin, bayes, seed 7: best 0.5124" in stream.getvalue()
    assert "[1/4]" not in stream.getvalue()


@pytest.mark.parametrize("there", [True, False])
def test_quiet_is_quiet(terminal: Terminal, there: bool) -> None:
    stream = terminal(there)
    with Shown(4, 2, quiet=True) as shown:
        shown.show(result())

    assert stream.getvalue() == ""


def row(**changes: Any) -> Row:
    settings: dict[str, Any] = {
        "problem": "p3ht",
        "planner": "bayes",
        "seeds": 20,
        "best": Interval(793.0, 770.35, 838.31),
        "minimized": False,
        "quality": Interval(0.93, 0.9, 1.0),
        "area": Interval(0.6, 0.5, 0.7),
        "share": Interval(0.444),
        "difference": Interval(0.1, 0.05, 0.15),
        "acceleration": Interval(1.5, 1.2, 2.0),
        "enhancement": None,
        "seconds": 0.1234,
        "memory_MB": 420.4,
        "errors": 0,
        "fallbacks": 0,
    }
    return Row(**{**settings, **changes})


def cells(text: str, first: str) -> list[list[str]]:
    """Return the cells of all lines that begin with a word."""
    return [
        [cell for cell in line.strip().split("  ") if cell]
        for line in text.splitlines()
        if line.strip().startswith(first)
    ]


def test_the_tables(capsys: pytest.CaptureFixture[str]) -> None:
    say_comparison(Comparison((row(),), {}, "random"), {})
    quality, cost = cells(capsys.readouterr().out, "p3ht")

    assert [one.strip() for one in quality] == [
        "p3ht",
        "bayes",
        "20",
        "793 (770.35 to 838.31)",
        "0.93 (0.9 to 1)",
        "0.6 (0.5 to 0.7)",
        "0.1 (0.05 to 0.15) *",
    ]
    assert [one.strip() for one in cost] == ["p3ht", "bayes", "0.444", "1.5 (1.2 to 2)", "0.12", "420"]


def test_a_difference_that_may_be_chance_has_no_star(capsys: pytest.CaptureFixture[str]) -> None:
    say_comparison(Comparison((row(difference=Interval(0.1, -0.05, 0.15)),), {}, "random"), {})

    assert "0.1 (-0.05 to 0.15)" in (told := capsys.readouterr().out)
    assert "0.15) *" not in told


def test_trouble_stands_in_the_notes(capsys: pytest.CaptureFixture[str]) -> None:
    say_comparison(Comparison((row(errors=2, fallbacks=5, best=None, memory_MB=None, seconds=None),), {}, "x"), {})

    assert "2 ended early, 5 fallbacks" in capsys.readouterr().out


def test_ranks_are_in_order(capsys: pytest.CaptureFixture[str]) -> None:
    ranks = {"a": Interval(2.5, 2.0, 3.0), "b": Interval(1.0)}
    say_comparison(Comparison((row(),), ranks, "a"), {})
    lines = capsys.readouterr().out.splitlines()

    assert [line.split() for line in lines if line.strip().startswith(("a ", "b "))] == [
        ["b", "1"],
        ["a", "2.5", "(2", "to", "3)"],
    ]


def test_versions_that_differ_are_told(capsys: pytest.CaptureFixture[str]) -> None:
    results = [result(versions={"numpy": "2.0", "source": "a"}), result(versions={"numpy": "2.1", "source": "a"})]
    told = versions_of([*results, *results])
    say_comparison(Comparison((row(),), {}, "x"), told)

    assert told == {"bayes": ["numpy 2.0, source a", "numpy 2.1, source a"]}
    assert "bayes: results of 2 versions are mixed: numpy 2.0, source a; numpy 2.1, source a" in capsys.readouterr().out
