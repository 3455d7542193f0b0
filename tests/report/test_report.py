"""The report tells what the journal holds, from the journal alone, whatever state it is in."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from autolab.model.candidates import Candidates
from autolab.model.errors import InputError, JournalRefused
from autolab.model.objectives import Objective
from autolab.model.parameters import Categorical, Integer, Mixture, Ordinal, Real
from autolab.model.problem import Problem
from autolab.model.roles import Dispense, command_to_json
from autolab.model.space import Space
from autolab.report import report, write_report

Read = Callable[[str], Any]


@pytest.fixture
def page(usual: Path, read: Read) -> Any:
    return read(report(usual))


def test_sections_in_order(page: Any) -> None:
    assert list(page.sections)[1:] == [
        "result",
        "goal",
        "progress",
        "parameters",
        "model",
        "trials",
        "deeds",
        "provenance",
    ]


def test_the_result_is_the_best_feasible_trial(page: Any) -> None:
    told = page.text("result")

    assert "y 3.00 ± 0.20 mS/cm (simulated)" in told
    assert "Recommended point, trial 4: x = 0.6 mL, t = 40 °C." in told  # no-break spaces count as blanks
    assert "cost 0.8 at most 0.9: kept" in told
    assert "It leads the next best, trial 1, by 1 mS/cm: more than the errors of measuring explain (95 %)." in told
    assert "It is the latest result" in told
    assert "The run stopped (budget_trials): the budget is used up." in told


def test_the_goal_in_words(page: Any) -> None:
    told = page.text("goal")

    assert "Maximize y (in mS/cm). Keep cost at most 0.9." in told
    assert "x number 0 to 1 mL" in told
    assert "t number 20 to 50 °C" in told


def test_all_trials_are_in_the_table(page: Any) -> None:
    told = page.text("trials")

    assert "trial state x (mL) t (°C) y (mS/cm) cost attempts reason rule" in told
    assert "1 completed 0.2 25 2.00 ± 0.20 0.5 1 sobol" in told
    assert "3 failed 0.4 50 1 it clogged sobol" in told
    assert "4 ★ completed 0.6 40 3.00 ± 0.20 0.8 1 sobol" in told


def test_deeds(page: Any) -> None:
    told = page.text("deeds")

    assert "completed 3" in told
    assert "the experiment failed 1" in told
    assert "it clogged 1 3" in told
    assert "dose 40 s 30 s 50 s 80 %" in told
    assert "weigh 10 s 10 s 10 s 20 %" in told


def test_provenance(page: Any, usual: Path) -> None:
    told = page.text("provenance")

    assert "SIMULATED: a virtual lab answered, no hardware moved" in told
    assert f"journal {usual}" in told
    assert "seed 7" in told
    assert "ada@bench bench 1 Clock('virtual')" in told
    assert "numpy 2.0" in told
    assert "problem sha256:" in told


@pytest.mark.parametrize(
    ("how", "badge", "words"),
    [
        ({"fidelity": "physical", "lab": {"instruments": {}}}, "PHYSICAL", "PHYSICAL: hardware performed these trials"),
        ({"fidelity": "physical", "lab": None}, "FUNCTION", "A FUNCTION was evaluated"),
    ],
)
def test_who_performed_the_trials(tell: Any, journal_path: Path, read: Read, how: Any, badge: str, words: str) -> None:
    with tell() as story:
        story.opened(**how)
    page = read(report(journal_path))

    assert page.text("").startswith(f"tale: campaign report {badge} tale")
    assert words in page.text("provenance")


@pytest.mark.slow  # it fits a model
def test_the_model_is_told(tell: Any, journal_path: Path, read: Read) -> None:
    with tell() as story:
        story.opened(initial=4)
        for x, t in ((0.1, 20.0), (0.4, 30.0), (0.6, 40.0), (0.9, 50.0)):
            story.completed({"x": x, "t": t}, {"y": [2 * x, 0.01], "cost": [0.5 + 0.1 * x, 0.01]})
    page = read(report(journal_path))

    assert "Each panel moves one parameter from the best point" in page.text("model")
    assert "plot-model" in {attrs.get("data-plot") for _, attrs in page.elements}
    assert re.search(r"The model of all trials expects 1\.\d+ \(1\.\d+ to 1\.\d+\) mS/cm there", page.text("result"))
    assert "That cost keeps its bound there has a probability of more than 99.9 %" in page.text("result")


def test_a_planner_that_fails_leaves_the_report_whole(tell: Any, journal_path: Path, read: Read) -> None:
    with tell() as story:
        story.opened(initial=2)
        story.completed({"x": 0.2, "t": 25.0}, {"y": [2.0, 0.1], "cost": [0.5, None]})
        story.completed({"x": 0.3, "t": 25.0}, {"y": [2.5, 0.1], "cost": [0.5, None]})
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("autolab.planners.bayes.predictor", _fails)
            page = read(report(journal_path))

    assert "There are no slices: the planner's model failed: ArithmeticError: oh" in page.text("model")


def _fails(*_: object) -> None:
    raise ArithmeticError("oh")


def test_no_model_no_slices(tell: Any, journal_path: Path, read: Read) -> None:
    with tell() as story:
        story.opened()
        story.completed({"x": 0.2, "t": 25.0}, {"y": [2.0, 0.1], "cost": [0.5, None]})
    page = read(report(journal_path))

    assert "There are no slices: no model is trusted before 9 trials, 2 of them completed" in page.text("model")
    assert "there are 1 completed and 0 failed" in page.text("model")
    assert "No other trial keeps every outcome constraint" in page.text("result")


def test_an_unfinished_campaign_says_so(tell: Any, journal_path: Path, read: Read) -> None:
    with tell() as story:
        story.opened()
        trial = story.decided({"x": 0.2, "t": 25.0})
        story.attempt(trial)
        told = read(report(journal_path))  # the journal is in use

    assert "The campaign is not over" in told.text("result")
    assert "None of 1 trial is completed yet." in told.text("result")
    assert "1 running" in told.text("trials") or "1 running" in told.text("")
    assert "under way 1" in told.text("deeds")


def test_a_campaign_without_a_trial(tell: Any, journal_path: Path, read: Read) -> None:
    with tell() as story:
        story.opened()
    page = read(report(journal_path))

    assert "Nothing was tried yet." in page.text("result")
    assert "progress" not in page.sections
    assert "plotly.js v" not in "".join(page.scripts)


def test_an_empty_journal(tell: Any, journal_path: Path, read: Read) -> None:
    with tell():
        pass
    page = read(report(journal_path))

    assert "The journal does not tell what this campaign was asked to do." in page.text("goal")
    assert "Nothing was tried yet." in page.text("trials")


def test_a_journal_whose_problem_cannot_be_read(tell: Any, journal_path: Path, read: Read) -> None:
    with tell() as story:
        story.opened(declaration={"problem": {"is": "riddle"}})
        story.completed({"x": 0.2}, {"y": [2.0, 0.1]})
    page = read(report(journal_path))

    assert "1 completed 0.2 2.00 ± 0.20 1 sobol" in page.text("trials")


def test_no_feasible_trial(tell: Any, journal_path: Path, read: Read) -> None:
    with tell() as story:
        story.opened()
        story.completed({"x": 0.2, "t": 25.0}, {"y": [2.0, 0.1], "cost": [1.5, None]})

    assert "None of 1 completed trial keeps every outcome constraint" in read(report(journal_path)).text("result")


def test_a_pareto_set(tell: Any, journal_path: Path, read: Read) -> None:
    problem = Problem(Space([Real("x", 0, 1)]), [Objective("up"), Objective("down", "minimize", unit="s")])
    with tell() as story:
        story.opened(problem)
        for x, up, down in ((0.1, 1.0, 1.0), (0.2, 2.0, 3.0), (0.3, 1.5, 4.0)):
            story.completed({"x": x}, {"up": [up, None], "down": [down, None]})
    told = read(report(journal_path)).text("result")

    assert "2 trials of which none is better than another in every objective" in told
    assert "1 0.1 1 1" in told
    assert "2 0.2 2 3" in told
    assert "0.3" not in told


def test_equal_results_are_called_equal(tell: Any, journal_path: Path, read: Read) -> None:
    with tell() as story:
        story.opened()
        for y in (2.0, 2.1, 1.9):
            story.completed({"x": y / 3, "t": 25.0}, {"y": [y, 0.1], "cost": [0.5, None]})
    told = read(report(journal_path)).text("result")

    assert "less than the errors of measuring explain, so the two may well be equal" in told
    assert "1 completed trial since then did no better." in told


def test_an_unknown_error_is_told(tell: Any, journal_path: Path, read: Read) -> None:
    with tell() as story:
        story.opened()
        story.completed({"x": 0.5, "t": 25.0}, {"y": [2.0, None], "cost": [0.5, None]})

    assert "The error of the measurement is not known" in read(report(journal_path)).text("result")


def test_questions_and_who_answered(tell: Any, journal_path: Path, read: Read) -> None:
    place = {"trial": 1, "attempt": 1, "action": 1}
    intent: dict[str, Any] = {"instrument": "pump", "verb": "set", "value": None, "action_class": "once", "context": {}}
    question = {"id": "1.1.1", "text": "did it happen?", "choices": ["happened", "did_not"]}
    with tell() as story:
        story.opened()
        trial = story.decided({"x": 0.2, "t": 25.0})
        story.attempt(trial)
        story.journal.append("intent", intent, **place)
        story.journal.append("outcome", {"status": "in_doubt", "result": {}, "error": "no reply"}, **place)
        story.journal.append("held", {"question": question}, **place)
        waiting = read(report(journal_path))
        settled: dict[str, Any] = {
            "verdict": "not",
            "amount": None,
            "result": {},
            "by": "ada@bench",
            "why": "the beaker is dry",
        }
        story.journal.append("settled", settled, **place)
        answer = {
            "question": "1.1.1",
            "choice": "did_not",
            "then": "redo",
            "by": "ada@bench",
            "why": "the beaker is dry",
        }
        story.journal.append("answered", answer, **place)
        over = read(report(journal_path))

    assert "1 matter for a person Question 1.1.1: did it happen?" in waiting.text("")
    assert "did it happen? open" in waiting.text("deeds")
    assert "did it happen? did_not, redo ada@bench the beaker is dry" in over.text("deeds")
    assert "1.1.1 not ada@bench the beaker is dry" in over.text("deeds")
    assert "pump set 1 0 0 1" in over.text("deeds")
    assert "for a person" not in over.text("")


def test_what_people_found_better(tell: Any, journal_path: Path, read: Read) -> None:
    with tell() as story:
        story.opened()
        for x in (0.2, 0.4):
            story.completed({"x": x, "t": 25.0}, {"y": 1.0, "cost": 0.5})
        assert "compared" not in read(report(journal_path)).text("deeds")
        story.journal.append("preferred", {"worse": 1, "by": "ada@bench", "why": "no streaks"}, trial=2)
    assert "2 1 ada@bench no streaks" in read(report(journal_path)).text("deeds")


def test_interlocks(tell: Any, journal_path: Path, read: Read) -> None:
    with tell() as story:
        story.opened()
        story.journal.append("interlock", {"name": "plate.heater > 65", "state": "tripped", "why": "66.1"})
    page = read(report(journal_path))

    assert "plate.heater > 65 tripped 66.1" in page.text("deeds")
    assert "Interlock plate.heater > 65 is tripped." in page.text("")


def test_consumption(tell: Any, journal_path: Path, read: Read, lab: dict[str, Any]) -> None:
    place = {"trial": 1, "attempt": 1, "action": 1}
    value = command_to_json(Dispense(2.0, 1.0))
    with tell() as story:
        story.opened(lab=lab, settings={"loaded_mL": {"water": 500.0}})
        trial = story.decided({"x": 0.2, "t": 25.0})
        story.attempt(trial)
        intent = {"instrument": "pump", "verb": "set", "value": value, "action_class": "queryable", "context": {}}
        story.journal.append("intent", intent, **place)
        story.journal.append("outcome", {"status": "done", "result": {}, "error": None}, **place)
    told = read(report(journal_path)).text("deeds")

    assert "water 2 500 2 1" in told
    assert "In all 1 at the stocks' prices." in told


def test_amendments_and_accepted_changes(tell: Any, journal_path: Path, read: Read) -> None:
    with tell() as story:
        story.opened()
        story.journal.append("amended", {"budget": {"old": {"trials": 3}, "new": {"trials": 9}}})
        changes = {"problem": {"old": "aaa", "new": "bbb"}}
        story.journal.append("change_accepted", {"changes": changes, "by": "ada", "declaration": {}})
    told = read(report(journal_path)).text("provenance")

    assert 'amended budget {"trials": 3} {"trials": 9}' in told
    assert "change_accepted problem aaa bbb" in told


def test_the_target_is_told(tell: Any, journal_path: Path, read: Read) -> None:
    budget = {"target": [{"name": "y", "side": ">=", "bound": 14.0}]}
    with tell() as story:
        story.opened(settings={"budget": budget})

    assert "The campaign is content, and stops, with a feasible trial of y >= 14." in read(report(journal_path)).text(
        "goal"
    )


def test_invalidated_trials_are_struck_out(tell: Any, journal_path: Path, read: Read) -> None:
    with tell() as story:
        story.opened()
        trial = story.completed({"x": 0.5, "t": 25.0}, {"y": [2.0, None], "cost": [0.5, None]})
        story.journal.append("invalidated", {"by": "ada", "why": "wrong bottle"}, trial=trial)
    page = read(report(journal_path))

    assert "completed, invalidated" in page.text("trials")
    assert "wrong bottle" in page.text("trials")
    assert ("tr", {"class": "wrong"}) in page.elements
    assert "invalidated 1" in page.text("")


def test_every_kind_of_space_in_words(tell: Any, journal_path: Path, read: Read) -> None:
    mixture = Mixture(["p", "q", "r"], total=2, bounds={"p": [0.5, 1.5]}, at_most=2)
    numbers = (Real("a", 1, 100, log=True), Integer("b", 1, 5), Ordinal("c", [1, 2.5], unit="mL"))
    space = Space([*numbers, Categorical("d", ["wet", "dry"]), mixture], ["b <= 4"])
    with tell() as story:
        story.opened(Problem(space, [Objective("y", "match", target=7.0, unit="pH")]))
    told = read(report(journal_path)).text("goal")

    assert "Bring y to 7 pH." in told
    assert "a number, on a logarithmic scale 1 to 100" in told
    assert "b whole number 1 to 5" in told
    assert "c ordered values 1, 2.5 mL" in told
    assert "d choice wet, dry" in told
    assert "p part of a mixture with total 2, at most 2 present absent, or 0.5 to 1.5" in told
    assert "Besides, every point keeps: b <= 4" in told


def test_units_that_only_the_protocol_knows(tell: Any, journal_path: Path, read: Read) -> None:
    with tell() as story:
        story.opened(settings={"units": {"cost": "EUR/mL"}})
        story.completed({"x": 0.2, "t": 25.0}, {"y": [2.0, 0.1], "cost": [0.5, None]})
    page = read(report(journal_path))

    assert "Keep cost at most 0.9 EUR/mL." in page.text("goal")
    assert "cost (EUR/mL)" in page.text("trials")


def test_a_table_of_candidates(tell: Any, journal_path: Path, read: Read) -> None:
    with tell() as story:
        story.opened(Problem(Candidates({"name": ["p", "q"], "size": [1.0, 2.0]}), [Objective("y")]))
        story.completed({"name": "p", "size": 1.0}, {"y": [2.0, None]})
    page = read(report(journal_path))

    assert "A table of 2 candidates, each with name, size" in page.text("goal")
    assert "1 ★ completed p 1 2" in page.text("trials")


# -- the file


def test_it_asks_nobody_for_anything(usual: Path, read: Read) -> None:
    page = read(report(usual))
    addresses = [
        value for _, attrs in page.elements for key, value in attrs.items() if key in {"src", "href", "action"}
    ]

    assert [one for one in addresses if not str(one).startswith(("#", "data:"))] == []
    policy = next(
        attrs["content"] for tag, attrs in page.elements if attrs.get("http-equiv") == "Content-Security-Policy"
    )
    assert policy.startswith("default-src 'none';")


def test_plotly_is_there_once(usual: Path) -> None:
    from plotly.offline import get_plotlyjs

    assert report(usual).count(get_plotlyjs()) == 1


def test_figures_and_tables_can_be_read_without_eyes(page: Any) -> None:
    plots = [attrs for _, attrs in page.elements if attrs.get("class") == "plot"]
    boxes = [attrs for _, attrs in page.elements if attrs.get("class") == "box"]

    assert all(attrs["role"] == "img" and attrs["aria-label"] for attrs in plots)
    assert "best feasible y from 2 (trial 1) to 3 mS/cm after 4 trials" in str(plots[0]["aria-label"])
    assert all(attrs["tabindex"] == "0" and attrs["aria-label"] for attrs in boxes)
    assert sum(tag == "caption" for tag, _ in page.elements) == sum(tag == "table" for tag, _ in page.elements)
    assert [tag for tag, _ in page.elements].count("h1") == 1


def test_anchors_lead_somewhere(page: Any) -> None:
    links = {str(attrs["href"])[1:] for tag, attrs in page.elements if tag == "a"}

    assert links == set(page.sections) - {""}


EVIL = "<script>alert('x')</script><img src=x onerror=alert(1)>\"'&</td>\u2028"


def test_hostile_texts_stay_texts(tell: Any, journal_path: Path, read: Read) -> None:
    problem = Problem(Candidates({EVIL: ["</script><b>", "q"], "size": [1.0, 2.0]}), [Objective("y", unit=EVIL)])
    with tell() as story:
        story.opened(problem, name=EVIL, versions={EVIL: EVIL}, digests={EVIL: EVIL}, fidelity="virtual")
        story.completed({EVIL: "</script><b>", "size": 1.0}, {"y": [2.0, 0.1], EVIL: [1.0, None]})
        story.failed({EVIL: "q", "size": 2.0}, EVIL)
        story.journal.append("interlock", {"name": EVIL, "state": "tripped", "why": EVIL})
        story.stopped("error", EVIL)
    told = report(journal_path)
    page = read(told)
    tags = {tag for tag, _ in page.elements}

    assert "img" not in tags
    assert not [one for _, attrs in page.elements for one in attrs if one.startswith("on")]
    plain = len(re.findall("<script", told))
    assert plain == told.count("</script>") == sum(tag == "script" for tag, _ in page.elements)
    assert "alert('x')" in page.text("trials")


# -- writing it


def test_it_is_written_beside_the_journal(usual: Path) -> None:
    path = write_report(usual)

    assert path == usual.with_suffix(".html")
    assert path.read_text(encoding="utf-8").startswith("<!DOCTYPE html>")
    assert [one.name for one in path.parent.iterdir() if "part" in one.name] == []


def test_a_report_is_written_anew(usual: Path, tmp_path: Path) -> None:
    path = write_report(usual, tmp_path / "r.html")
    before = path.read_text(encoding="utf-8")[:300]
    path.write_text(before, encoding="utf-8")
    write_report(usual, path)

    assert len(path.read_text(encoding="utf-8")) > 1_000_000


def test_another_file_is_left_alone(usual: Path, tmp_path: Path) -> None:
    path = tmp_path / "campaign.yaml"
    path.write_text("mine", encoding="utf-8")

    with pytest.raises(InputError, match=r"campaign\.yaml is there already and is no report"):
        write_report(usual, path)
    assert path.read_text(encoding="utf-8") == "mine"


def test_places_that_do_not_do(usual: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"is a folder: name a file, such as .*report\.html"):
        write_report(usual, tmp_path)
    with pytest.raises(InputError, match=r"there is no folder .*nowhere"):
        write_report(usual, tmp_path / "nowhere" / "r.html")


def test_what_is_no_journal(tmp_path: Path) -> None:
    with pytest.raises(JournalRefused):
        report(tmp_path / "none.sqlite")


def test_hundreds_of_trials(tell: Any, journal_path: Path, monkeypatch: pytest.MonkeyPatch, read: Read) -> None:
    from autolab.model.errors import PlannerError
    from autolab.report.facts import Facts

    def none(_facts: Facts) -> Any:
        raise PlannerError("not asked here")

    monkeypatch.setattr(Facts, "predictor", none)
    with tell() as story:
        story.opened()
        for i in range(300):
            story.completed({"x": i / 300, "t": 25.0}, {"y": [float(i), 0.1], "cost": [0.5, None]})
    page = read(report(journal_path))

    assert page.text("trials").count("completed") == 300
    assert "There are no slices: not asked here." in page.text("model")
