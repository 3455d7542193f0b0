"""What a notebook shows of a campaign: always something, never an error."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import autolab as al
from autolab.report.card import card
from autolab.report.sparkline import sparkline

Make = Callable[..., al.Campaign]


@pytest.fixture
def make(tmp_path: Path) -> Make:
    def campaign(
        evaluate: Callable[[Any], Any] = lambda p: {"y": (p["x"], 0.1), "cost": p["x"]}, **how: Any
    ) -> al.Campaign:
        problem = al.Problem(al.Space([al.Real("x", 0, 1, unit="mL")]), [al.Objective("y", unit="g")], ["cost <= 0.6"])
        settings: dict[str, Any] = {
            "planner": al.planners.Sobol(),
            "journal": tmp_path / "card.sqlite",
            "name": "tale",
        } | how
        return al.Campaign(problem, evaluate=evaluate, **settings)

    return campaign


def html(campaign: al.Campaign) -> str:
    return campaign._repr_html_()


def test_before_the_first_trial(make: Make) -> None:
    told = html(make())

    assert "<b>tale</b> <small>on a function: not begun</small>" in told
    assert "Maximize <b>y</b> (in g)." in told
    assert "Keep <b>cost</b> at most 0.6." in told
    assert "<svg" not in told


def test_after_some_trials(make: Make) -> None:
    campaign = make()
    campaign.run(6, progress=False)
    best = campaign.best
    assert isinstance(best, al.Trial)
    told = html(campaign)

    assert f"Best, trial {best.number}: y <b>{best.outcome['y'].value:.2f} ± 0.20 g</b>" in told
    assert "stopped: the budget of 6 trials is used up" in told
    assert told.count("<svg") == 1


def test_where_all_trials_fail(make: Make) -> None:
    def evaluate(_point: Any) -> Any:
        raise al.TrialFailed("<b>no</b>")

    campaign = make(evaluate, budget=al.Budget(failure_streak=99))
    campaign.run(3, progress=False)

    assert "3 failed" in html(campaign)
    assert "No trial is feasible yet." in html(campaign)


def test_a_damaged_journal_is_told(make: Make, tmp_path: Path) -> None:
    (tmp_path / "card.sqlite").write_bytes(b"this is no journal" * 100)

    assert re.search(r"<b>tale</b><br>Journal\w+: ", html(make()))


def test_names_are_no_markup(make: Make) -> None:
    told = html(make(name="<script>alert(1)</script>"))

    assert "<script>" not in told
    assert "&lt;script&gt;" in told


def test_a_pareto_set() -> None:
    from autolab.journal.views import History

    problem = al.Problem(al.Space([al.Real("x", 0, 1)]), [al.Objective("p"), al.Objective("q")])
    trials = tuple(
        al.Trial(i, {"x": 0.5}, "completed", {"p": al.Measurement(p), "q": al.Measurement(2 - p)})
        for i, p in enumerate((0.5, 1.0), 1)
    )

    assert "Pareto set: trials 1, 2." in card("tale", problem, History(1, trials=trials), "virtual")


# -- the small picture


def numbered(*values: float | None) -> list[al.Trial]:
    made = []
    for i, value in enumerate(values, 1):
        outcome = {"y": al.Measurement(value)} if value is not None else {}
        made.append(al.Trial(i, {"x": 0.5}, "failed" if value is None else "completed", outcome))
    return made


PROBLEM = al.Problem(al.Space([al.Real("x", 0, 1)]), [al.Objective("y")])


def test_the_picture_marks_each_trial() -> None:
    drawn = sparkline(PROBLEM, numbered(1.0, None, 3.0, 2.0))

    assert drawn.count("<circle") == 3
    assert drawn.count("l6,6m0,-6l-6,6") == 1
    assert 'aria-label="y of 3 trials, from 1 to 3"' in drawn
    heights = {float(one) for one in re.findall(r'cy="([\d.]+)"', drawn)}
    assert (min(heights), max(heights)) == (14.0, 126.0)


def test_the_line_is_the_best_so_far() -> None:
    (line,) = re.findall(
        r'<path d="(M\d[^"]*)" fill="none" stroke="#1f2937"', sparkline(PROBLEM, numbered(1.0, 3.0, 2.0))
    )

    assert line == "M62.0,126.0H254.0V14.0H446.0V14.0H446.0"


@pytest.mark.parametrize("values", [(), (None,)])
def test_without_a_value_there_is_no_picture(values: tuple[None, ...]) -> None:
    assert sparkline(PROBLEM, numbered(*values)) == ""


def test_one_value_is_drawn() -> None:
    assert sparkline(PROBLEM, numbered(2.0)).count("<circle") == 1


# -- what is printed


def test_results_are_printed_in_words(make: Make) -> None:
    campaign = make(lambda _: {"y": (2.0, 0.1), "cost": 0.5})
    result = campaign.run(1, progress=False)

    assert str(result) == "1 completed, 0 failed or rejected; stopped: the budget of 1 trials is used up"
    assert re.fullmatch(
        r"trial 1 \(completed\): x = 0\.\d+ -> cost = 0\.5, y = 2 \(standard error 0\.1\)", str(campaign.best)
    )


def test_trials_are_printed_in_words() -> None:
    done = al.Trial.completed({"x": 1, "s": "wet"}, {"y": 0.123456})

    assert str(done) == "trial (completed): x = 1, s = wet -> y = 0.1235"
    assert str(done.invalidate("dry")) == "trial (completed, invalidated): x = 1, s = wet -> y = 0.1235: dry"
    assert str(al.Trial.failed({"x": 1.0}, "it boiled")) == "trial (failed): x = 1: it boiled"


# -- figures and report by the campaign


def test_figures_by_name(make: Make) -> None:
    campaign = make()
    campaign.run(3, progress=False)

    assert campaign.plot().layout.yaxis.title.text == "y (g)"
    assert campaign.plot("parameters").layout.xaxis.title.text == "x (mL)"


def test_a_figure_that_is_not_there(make: Make) -> None:
    with pytest.raises(al.InputError, match="there is no figure 'progres': did you mean 'progress'"):
        make().plot("progres")


def test_figures_before_the_first_trial(make: Make) -> None:
    assert len(make().plot("progress").data) == 0
    with pytest.raises(al.AutolabError, match="no model is trusted before 3 trials"):
        make().plot("surface")


@pytest.mark.slow  # it fits a model
def test_the_surface(make: Make) -> None:
    campaign = make()
    campaign.run(5, progress=False)
    names = {one.name for one in campaign.plot("surface").data}

    assert {"expected, with 95 % band", "best, as measured"} <= names


def test_the_report_of_a_campaign(make: Make, tmp_path: Path) -> None:
    campaign = make()
    campaign.run(2, progress=False)
    path = campaign.report(tmp_path / "r.html")

    assert "<title>tale: campaign report</title>" in path.read_text(encoding="utf-8")


def test_the_report_of_a_campaign_that_has_not_begun(make: Make, tmp_path: Path) -> None:
    with pytest.raises(al.InputError, match=r"card\.sqlite"):
        make().report(tmp_path / "r.html")
