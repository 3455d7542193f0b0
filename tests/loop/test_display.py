"""What a running campaign shows."""

import io

from rich.console import Console

from autolab.loop.display import Display
from autolab.loop.progress import Progress
from autolab.model.objectives import Objective
from autolab.model.parameters import Real
from autolab.model.problem import Problem
from autolab.model.space import Space

PROBLEM = Problem(Space([Real("x", 0, 1)]), [Objective("error", "minimize", unit="%")])
STEPS = [
    Progress("attempt", "attempt 1 at x = 0.5", 3, 2, 30, {"error": 0.61, "seconds": 69.0}, 600.0),
    Progress("action", "dosing: Dispense(volume=1.0)", lab_time=660.0, of=30),
    Progress("trial", "error = 0.5 [%]", 3, 3, 30, {"error": 0.5, "seconds": 60.0}, 1200.0),
]


def shown(*, terminal: bool, quiet: bool = False) -> str:
    stream = io.StringIO()
    console = Console(file=stream, force_terminal=terminal, width=120, color_system=None)
    with Display(PROBLEM, quiet=quiet, on=console) as display:
        for step in STEPS:
            display.show(step)
    return stream.getvalue()


def test_plain_lines_where_there_is_no_terminal() -> None:
    assert shown(terminal=False).splitlines() == [
        "[2/30] 0:10:00 trial 3, attempt: attempt 1 at x = 0.5",
        "[3/30] 0:20:00 trial 3, trial: error = 0.5 [%]; best error 0.5 %",
    ]


def test_a_terminal_has_a_live_panel_and_keeps_the_trials() -> None:
    text = shown(terminal=True)
    assert "3 of 30 trials" in text
    assert "best error 0.5 %" in text
    assert "lab time 0:20:00" in text
    assert "last  trial 3: error = 0.5 [%]" in text
    assert "[3/30] 0:20:00 trial 3, trial: error = 0.5 [%]" in text
    assert "attempt: attempt 1" not in text


def test_quiet_shows_nothing() -> None:
    assert shown(terminal=False, quiet=True) == shown(terminal=True, quiet=True) == ""


def test_an_action_does_not_reset_the_count() -> None:
    display = Display(PROBLEM, on=Console(file=io.StringIO()))
    for step in STEPS[:2]:
        display.show(step)
    console = Console(file=io.StringIO(), width=120, record=True)
    console.print(display._panel())
    text = console.export_text()
    assert "2 of 30 trials" in text
    assert "now   dosing: Dispense(volume=1.0)" in text


def test_without_a_budget_and_without_a_problem() -> None:
    stream = io.StringIO()
    display = Display(on=Console(file=stream, width=120))
    display.show(Progress("trial", "y = 1", 1, 1, None, {"y": 1.0}, 5.0))
    assert stream.getvalue() == "[1] 5 s trial 1, trial: y = 1; best y 1\n"


def test_a_phase_stands_before_what_is_done_in_it_and_makes_no_line() -> None:
    stream = io.StringIO()
    display = Display(PROBLEM, on=Console(file=stream, width=120))
    for step in (STEPS[0], Progress("phase", "phase: dose", lab_time=610.0), STEPS[1]):
        display.show(step)
    console = Console(file=io.StringIO(), width=120, record=True)
    console.print(display._panel())
    assert "now   phase: dose, dosing: Dispense(volume=1.0)" in console.export_text()
    assert len(stream.getvalue().splitlines()) == 1


def test_the_next_attempt_begins_without_the_last_ones_phase() -> None:
    display = Display(PROBLEM, on=Console(file=io.StringIO(), width=120))
    for step in (Progress("phase", "phase: dose"), STEPS[0], STEPS[1]):
        display.show(step)
    console = Console(file=io.StringIO(), width=120, record=True)
    console.print(display._panel())
    assert "now   dosing: Dispense(volume=1.0)" in console.export_text()
