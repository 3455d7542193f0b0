"""`Preference`: what is learned from comparisons alone, what is asked next, and that it is pure."""

import json
import logging
import subprocess
import sys
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from itertools import combinations
from typing import Any

import numpy as np
import pytest

from autolab.model.candidates import Candidates
from autolab.model.cost import Cost
from autolab.model.errors import InputError, OutsideSpace, PlannerError
from autolab.model.objectives import Objective
from autolab.model.parameters import Categorical, Real
from autolab.model.problem import Problem
from autolab.model.space import Space
from autolab.model.trial import Point, Source, Trial
from autolab.planners.comparisons import comparisons
from autolab.planners.preference import Preference

SQUARE = Problem(Space([Real("x", 0, 1), Real("y", 0, 1)]), [Objective("seen")])
LINE = Problem(Space([Real("x", 0, 1)]), [Objective("seen")])
Words = Iterable[tuple[int, int]]


def on_a_line(*places: float, words: Words = ()) -> list[Trial]:
    return said([Trial.completed({"x": x}, {}, number=i) for i, x in enumerate(places, 1)], words)


def said(history: Sequence[Trial], words: Words) -> list[Trial]:
    """Return a history with words added: numbers of the better and the worse trial, which are their places from 1."""
    told = list(history)
    for better, worse in words:
        told[better - 1], told[worse - 1] = told[better - 1].preferred_to(told[worse - 1])
    return told


def judged(history: Sequence[Trial], utility: Callable[[Point], float], pairs: Words) -> list[Trial]:
    """Return a history after somebody who sees a utility has compared pairs of trials."""
    of = {trial.number: utility(trial.point) for trial in history}
    return said(history, [(one, two) if of[one] > of[two] else (two, one) for one, two in pairs])


# -- what was said


def test_words_become_rows_the_better_first() -> None:
    history = on_a_line(0.1, 0.5, 0.9, words=[(2, 1), (3, 1), (2, 3)])
    told = comparisons(LINE, history)
    assert sorted(map(tuple, told.pairs.tolist())) == [(1, 0), (1, 2), (2, 0)]
    assert told.rows.tolist() == [0, 1, 2]
    assert told.trials == tuple(history)


def test_words_about_trials_that_count_for_nothing_are_left_out() -> None:
    good = on_a_line(0.1, 0.5, 0.9, words=[(2, 1), (3, 1), (2, 3)])
    wrong = [*good[:2], good[2].invalidate("spilled")]
    assert comparisons(LINE, wrong).pairs.tolist() == [[1, 0]]
    far = [good[0], replace(good[1], point={"x": 1e6}), good[2]]
    assert comparisons(LINE, far).pairs.tolist() == [[1, 0]]  # the third against the first
    unheard = [replace(good[0], better_than=(7,)), *good[1:]]
    assert len(comparisons(LINE, unheard).pairs) == 3


def test_two_trials_of_one_point_are_not_told_apart_by_it() -> None:
    assert comparisons(LINE, on_a_line(0.5, 0.5, words=[(2, 1)])).pairs.tolist() == []
    twice = comparisons(LINE, on_a_line(0.5, 0.5, 0.1, words=[(1, 3), (3, 2)]))
    assert twice.pairs.tolist() == [[0, 2], [2, 1]]


@pytest.mark.parametrize("words", [[(1, 2)], [(2, 1)]])
def test_numbers_count_within_a_campaign(words: Words) -> None:
    """Each of several campaigns has a trial 1."""
    sources: list[tuple[Source, float]] = [("prior", 0.1), ("prior", 0.3), ("campaign", 0.5)]
    history = [replace(trial, source=source) for source, x in sources for trial in on_a_line(x, x + 0.1, words=words)]
    pairs = [[0, 1], [2, 3], [4, 5]] if words == [(1, 2)] else [[1, 0], [3, 2], [5, 4]]
    assert comparisons(LINE, history).pairs.tolist() == pairs


def test_what_was_measured_does_not_matter() -> None:
    history = on_a_line(0.0, 0.3, 0.6, 1.0, words=[(2, 1), (2, 3), (3, 4)])
    measured = [replace(one, outcome=Trial.completed({}, {"seen": i * 1e6}).outcome) for i, one in enumerate(history)]
    assert Preference().suggest(LINE, history, n=2, seed=1) == Preference().suggest(LINE, measured, n=2, seed=1)


# -- which rule


def rule(history: Sequence[Trial], planner: Preference = Preference(), problem: Problem = LINE) -> str:  # noqa: B008  it is frozen
    (found,) = planner.suggest(problem, history, n=1, seed=1)
    assert "fallback" not in found.info
    return str(found.info["rule"])


def test_a_model_needs_trials_and_comparisons() -> None:
    words = [(2, 1), (2, 3), (3, 1)]
    assert rule([]) == "design"
    assert rule(on_a_line(0.1, 0.5, 0.9, words=words[:2])) == "design"
    assert rule(on_a_line(0.1, 0.5, 0.9, words=words)) == "preference"
    assert rule(on_a_line(0.1, 0.5, 0.9, words=words), Preference(initial=4)) == "design"
    failed = Trial.failed({"x": 0.95}, "cracked")
    assert rule([*on_a_line(0.1, 0.5, 0.9, words=words), failed], Preference(initial=4)) == "preference"


@pytest.mark.parametrize("initial", [1, 0, True])
def test_a_setting_that_makes_no_sense_is_refused(initial: int) -> None:
    with pytest.raises(InputError, match="initial must be a whole number of at least 2"):
        Preference(initial)


def test_explanations_are_plain() -> None:
    few = on_a_line(0.1, 0.5, words=[(2, 1)])
    told = Preference().explain(LINE, few, {"x": 0.4}, seed=1)
    assert (told.rule, told.prediction) == ("design", None)
    assert (
        "before 3 trials and 3 comparisons among 3 of them; there are 2 trials and 1 comparison among" in told.because
    )
    many = on_a_line(0.1, 0.5, 0.9, words=[(2, 1), (2, 3), (3, 1)])
    told = Preference().explain(LINE, many, {"x": 0.4}, seed=1)
    assert told.rule == "preference"
    assert told.because == "the point whose utility is expected to gain most, by 3 comparisons among 3 trials"
    assert told.nearest[0].trial == many[1]
    with pytest.raises(OutsideSpace):
        Preference().explain(LINE, many, {"z": 0.4}, seed=1)


def test_numerical_trouble_ends_no_campaign(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    from autolab.planners import utility

    def fail(*_: object, **_options: object) -> None:
        msg = "not positive definite"
        raise FloatingPointError(msg)

    monkeypatch.setattr(utility, "fit_gpytorch_mll_scipy", fail)
    history = on_a_line(0.1, 0.5, 0.9, 0.7, words=[(2, 1), (2, 3), (3, 1)])
    with caplog.at_level(logging.CRITICAL, logger="autolab"):
        (found,) = Preference().suggest(LINE, history, n=1, seed=1)
        pair = Preference().question(LINE, history, seed=1)
        with pytest.raises(PlannerError, match="no model fits the 3 comparisons: FloatingPointError"):
            Preference().ranked(LINE, history, seed=1)
    assert found.info == {"rule": "design", "fallback": "FloatingPointError: not positive definite"}
    assert pair == (history[0], history[3])


# -- what is learned


def test_it_looks_where_people_point() -> None:
    history = judged(
        on_a_line(0.05, 0.25, 0.5, 0.75, 0.95), lambda p: -abs(float(p["x"]) - 0.4), combinations(range(1, 6), 2)
    )
    (found,) = Preference().suggest(LINE, history, n=1, seed=1)
    assert 0.26 < float(found["x"]) < 0.5
    assert Preference().ranked(LINE, history, seed=1)[0].number == 3


def test_a_batch_spreads_and_is_new() -> None:
    history = judged(
        on_a_line(0.05, 0.25, 0.5, 0.75, 0.95), lambda p: -abs(float(p["x"]) - 0.4), combinations(range(1, 6), 2)
    )
    found = Preference().suggest(LINE, history, n=3, pending=[{"x": 0.36}], seed=1)
    places = sorted([0.36, *(float(one["x"]) for one in found)])
    assert min(np.diff(places)) > 0.005


def test_a_trial_that_nobody_has_compared_counts_as_under_way() -> None:
    pairs = [(i, i + 1) for i in range(1, 5)]
    history = judged(on_a_line(0.05, 0.25, 0.5, 0.75, 0.95), lambda p: -abs(float(p["x"]) - 0.4), pairs)
    (first,) = Preference().suggest(LINE, history, n=1, seed=1)
    new = Trial.completed(first.point, {}, number=6)
    (second,) = Preference().suggest(LINE, [*history, new], n=1, seed=1)
    (beside,) = Preference().suggest(LINE, history, n=1, pending=[first.point], seed=1)
    assert abs(float(second["x"]) - float(first["x"])) > 0.03
    assert float(second["x"]) == pytest.approx(float(beside["x"]), abs=0.03)


def test_failures_teach() -> None:
    """People like it best where it cracks."""
    places = [0.0, 0.1, 0.2, 0.3, 0.4, 0.5]
    history = judged(on_a_line(*places), lambda p: float(p["x"]), [(i, i + 1) for i in range(1, 6)])
    failed = [Trial.failed({"x": x}, "cracked") for x in (0.7, 0.8, 0.9, 1.0)]
    (bold,) = Preference().suggest(LINE, history, n=1, seed=1)
    (careful,) = Preference().suggest(LINE, [*history, *failed], n=1, seed=1)
    assert float(bold["x"]) > 0.7 > float(careful["x"]) > 0.4
    assert 0.3 < careful.info["success"] < 1
    assert "success" not in bold.info


def test_what_a_trial_costs_counts() -> None:
    """It is better at either end; to leave the oven that is in now costs much."""
    problem = Problem(
        Space([Categorical("oven", ["p", "q"]), Real("x", 0, 1)]),
        [Objective("seen")],
        cost=Cost(change={"oven": 1000.0}, base=1.0),
    )
    points = [{"oven": oven, "x": x} for oven in ("p", "q") for x in (0.0, 0.5, 1.0)]
    history = judged(
        [Trial.completed(p, {}, number=i) for i, p in enumerate(points, 1)],
        lambda p: float(p["x"]),
        [(1, 2), (2, 3), (4, 5), (5, 6), (3, 5)],
    )
    for last in ("p", "q"):
        (found,) = Preference().suggest(problem, [*history, Trial.failed({"oven": last, "x": 0.1}, "off")], n=1, seed=1)
        assert found["oven"] == last
        assert found.info["cost"] == 1


def test_contradictory_words_do_no_harm_and_the_last_one_counts() -> None:
    ring = on_a_line(0.1, 0.5, 0.9, 0.3, words=[(1, 2), (2, 3), (3, 1), (4, 1)])
    assert rule(ring) == "preference"
    before = on_a_line(0.1, 0.5, 0.9, words=[(1, 2), (2, 3), (1, 3)])
    after = said(before, [(2, 1), (3, 2), (3, 1)])
    assert [trial.number for trial in Preference().ranked(LINE, before, seed=1)] == [1, 2, 3]
    assert [trial.number for trial in Preference().ranked(LINE, after, seed=1)] == [3, 2, 1]
    fresh = on_a_line(0.1, 0.5, 0.9, words=[(2, 1), (3, 2), (3, 1)])
    assert Preference().suggest(LINE, after, n=1, seed=1) == Preference().suggest(LINE, fresh, n=1, seed=1)


def test_a_person_who_errs_now_and_then_is_understood() -> None:
    """Of 45 words about 10 trials each tenth is wrong: the best three are still among the first five."""
    history = on_a_line(*np.linspace(0, 1, 10).tolist())
    pairs = list(combinations(range(1, 11), 2))
    told = judged(history, lambda p: -abs(float(p["x"]) - 0.6), pairs)
    slips = [(worse, better.number) for better in told for worse in better.better_than][::10]
    ranked = [trial.number for trial in Preference().ranked(LINE, said(told, slips), seed=1)]
    assert {6, 7, 8} & set(ranked[:5]) >= {6, 7}


def test_ranking_needs_a_word() -> None:
    with pytest.raises(PlannerError, match="no two completed trials were compared"):
        Preference().ranked(LINE, on_a_line(0.1, 0.5), seed=1)


@pytest.mark.slow
def test_the_best_of_a_hidden_utility_is_found_by_words_alone() -> None:
    """12 trials, two questions a trial: what they lack of the best is a fraction of what 12 random points lack."""
    lacks, random = [], []
    for seed in range(2):
        best = np.random.default_rng(seed).uniform(0.15, 0.85, 2)

        def gloss(point: Point, best: Any = best) -> float:
            return -float(((float(point["x"]) - best[0]) ** 2) + 2 * (float(point["y"]) - best[1]) ** 2)

        history: list[Trial] = []
        for number in range(1, 13):
            (found,) = Preference().suggest(SQUARE, history, n=1, seed=100 * seed + number)
            history.append(Trial.completed(found.point, {}, number=number))
            for _ in range(2):
                pair = Preference().question(SQUARE, history, seed=seed)
                if pair is not None:
                    history = judged(history, gloss, [(pair[0].number, pair[1].number)])
        lacks.append(-gloss(Preference().ranked(SQUARE, history, seed=seed)[0].point))
        drawn = np.array([gloss(point) for point in SQUARE.space.sample(12 * 200, seed)]).reshape(200, 12)
        random.append(-float(drawn.max(axis=1).mean()))
    assert sum(lacks) < 0.25 * sum(random), (lacks, random)


# -- what is asked


def test_the_first_question_is_about_the_first_two() -> None:
    history = on_a_line(0.1, 0.5, 0.9)
    assert Preference().question(LINE, history, seed=1) == (history[0], history[1])
    assert Preference().question(LINE, history[:1], seed=1) is None


def test_the_new_trial_is_asked_about_against_the_best() -> None:
    history = judged(
        on_a_line(0.0, 0.2, 0.4, 0.6, 1.0, 0.5), lambda p: -abs(float(p["x"]) - 0.45), combinations(range(1, 6), 2)
    )
    pair = Preference().question(LINE, history, seed=1)
    assert pair is not None
    assert [trial.number for trial in pair] == [3, 6]


def test_each_pair_is_asked_about_once_and_then_nothing() -> None:
    history, asked = on_a_line(0.1, 0.4, 0.6, 0.9), []
    while (pair := Preference().question(LINE, history, seed=1)) is not None:
        asked.append((pair[0].number, pair[1].number))
        history = judged(history, lambda p: float(p["x"]), asked[-1:])
    assert sorted(asked) == list(combinations(range(1, 5), 2))


def test_nobody_is_asked_about_trials_that_cannot_be_compared() -> None:
    good, gone = on_a_line(0.1, 0.5), on_a_line(0.3)[0].invalidate("spilled")
    others = [
        replace(good[0], number=0),
        replace(good[0], number=5, source="prior"),
        replace(gone, number=4),
        Trial(3, {"x": 0.7}, "running"),
    ]
    assert Preference().question(LINE, [good[0], *others], seed=1) is None
    assert Preference().question(LINE, [*good, *others], seed=1) == (good[0], good[1])
    assert Preference().question(LINE, on_a_line(0.5, 0.5), seed=1) is None


# -- purity


CODE = """
import json, sys
import numpy as np
np.random.seed(5)
from autolab.model.trial import Trial
from autolab.planners.preference import Preference
from autolab.spec.objects import from_data
told = json.loads(sys.stdin.read())
problem, history = from_data(told["problem"]), [from_data(one) for one in told["history"]]
found = Preference().suggest(problem, history, n=2, seed=5)
pair = Preference().question(problem, history, seed=5)
print(json.dumps([[one.point for one in found], [one.number for one in pair]]))
"""


@pytest.mark.slow
def test_other_processes_propose_and_ask_the_same() -> None:
    from autolab.spec.objects import to_data

    pool = Problem(Candidates({"u": [i / 29 for i in range(30)], "w": ["e", "f", "g"] * 10}), [Objective("seen")])
    for problem in (SQUARE, pool):
        points = problem.space.sample(7, 0)
        made = [Trial.completed(point, {}, number=i) for i, point in enumerate(points, 1)]
        history = judged(made, lambda p: float(next(iter(p.values()))), [(i, i + 1) for i in range(1, 7)])
        state: Any = np.random.get_state()  # noqa: NPY002  it must not be touched
        found = Preference().suggest(problem, history, n=2, seed=5)
        pair = Preference().question(problem, history, seed=5)
        after: Any = np.random.get_state()  # noqa: NPY002
        assert (after[1] == state[1]).all()
        assert after[2] == state[2]
        assert pair is not None
        told = json.dumps({"problem": to_data(problem), "history": [to_data(one) for one in history]})
        done = subprocess.run([sys.executable, "-c", CODE], input=told, capture_output=True, text=True, check=True)
        assert json.loads(done.stdout) == [[one.point for one in found], [one.number for one in pair]]
        assert [one.info["rule"] for one in found] == ["preference"] * 2


def test_torch_is_loaded_only_for_a_model() -> None:
    code = (
        "import sys, autolab as al\n"
        "problem = al.Problem(al.Space([al.Real('x', 0, 1)]), al.Objective('y'))\n"
        "al.planners.Preference().suggest(problem, [], n=2, seed=1)\n"
        "assert 'torch' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
