import time
import tracemalloc
from typing import Any

import numpy as np
import pytest

from autolab.model.objectives import Objective, OutcomeConstraint
from autolab.model.parameters import Categorical, Real
from autolab.model.problem import Problem
from autolab.model.space import Space
from autolab.model.trial import Trial, Value
from autolab.planners.bayes import Bayes
from autolab.planners.evidence import gather

PROBLEM = Problem(
    Space([Real("x", 0, 10), Categorical("c", ["p", "q"])]), [Objective("y")], [OutcomeConstraint("cost", "<=", 1)]
)


def point(x: float, c: str = "p") -> dict[str, float | int | str]:
    return {"x": x, "c": c}


def test_history_is_sorted_by_what_it_teaches() -> None:
    history = [
        Trial.completed(point(1), {"cost": 0.5, "y": (3.0, 0.1), "other": 9}),
        Trial.completed(point(2, "q"), {"cost": (0.7, 0.2), "y": 4.0}),
        Trial.completed(point(3), {"y": 4.0}),
        Trial.completed(point(4), {"y": 1.0, "cost": 1.0}).invalidate("spilled"),
        Trial.failed(point(5), "clogged"),
        Trial(6, point(6), "rejected"),
        Trial(7, point(7), "running"),
        Trial(8, point(8), "abandoned"),
        Trial.completed(point(20), {"y": 5.0, "cost": 0.0}),
        Trial.completed(point(1, "unheard of"), {"y": 5.0, "cost": 0.0}),
    ]
    evidence = gather(PROBLEM, history, [point(9), point(7), {"x": 1.0}])
    np.testing.assert_allclose(evidence.x, [[0.1, 1.0, 0.0], [0.2, 0.0, 1.0], [2.0, 1.0, 0.0]])
    np.testing.assert_allclose(evidence.y, [[3.0, 0.5], [4.0, 0.7], [5.0, 0.0]])
    np.testing.assert_allclose(evidence.error, [[0.1, np.nan], [np.nan, 0.2], [np.nan, np.nan]])
    np.testing.assert_allclose(evidence.failed[:, 0], [0.5, 0.6])
    np.testing.assert_allclose(evidence.pending[:, 0], [0.9, 0.7])
    assert evidence.streak == 0
    assert gather(PROBLEM, history[:6], []).streak == 2  # the invalidated one before them counts for nothing
    assert evidence.left_out == 4  # no cost measured, abandoned, unknown category; a pending point without one
    assert sorted(round(10 * float(key[0])) for key in evidence.taken) == [1, 2, 3, 5, 6, 7, 8, 9, 20]
    assert evidence.known.shape == (7, 3)


def test_no_history_has_empty_tables_of_the_right_width() -> None:
    evidence = gather(PROBLEM, [], [])
    assert (evidence.x.shape, evidence.y.shape, evidence.failed.shape) == ((0, 3), (0, 2), (0, 3))
    assert evidence.known.shape == (0, 3)
    assert evidence.taken == frozenset()


# -- many trials


def parabola(n: int, seed: int = 0, failed: int = 0) -> tuple[Problem, list[Trial]]:
    """Return `n` trials of a function whose best is at 0.31, 0.72 and 0.5, and some that failed."""
    problem = Problem(Space([Real(name, 0, 1) for name in "abc"]), [Objective("y")])
    x = np.random.default_rng(seed).random((n + failed, 3))
    values = 10 - ((x - [0.31, 0.72, 0.5]) ** 2).sum(axis=1)
    points = [dict(zip("abc", row, strict=True)) for row in x.tolist()]
    done = [Trial.completed(p, {"y": float(v)}) for p, v in zip(points[:n], values, strict=False)]
    return problem, done + [Trial.failed(p, "clogged") for p in points[n:]]


def test_of_many_trials_the_best_and_some_others_make_the_model() -> None:
    problem, history = parabola(3000, failed=900)
    evidence = gather(problem, history, [])
    assert (len(evidence.x), len(evidence.y), len(evidence.error), len(evidence.points)) == (1200,) * 4
    assert (len(evidence.failed), evidence.aside) == (600, 1800 + 300)
    values = np.array([trial.outcome["y"].value for trial in history[:3000]])
    assert np.sort(evidence.y[:, 0])[-300:] == pytest.approx(np.sort(values)[-300:])
    # the others are drawn evenly from the rest
    rest = np.sort(values)[:-300]
    assert np.sort(evidence.y[:, 0])[:900].mean() == pytest.approx(rest.mean(), abs=0.03)
    np.testing.assert_allclose(evidence.x, problem.space.encode(evidence.points))
    order = {problem.space.key(trial.point): i for i, trial in enumerate(history)}
    places = [order[problem.space.key(point)] for point in evidence.points]
    assert places == sorted(places)
    assert evidence.y[:, 0] == pytest.approx(values[places])
    assert len(evidence.taken) == 3900
    assert evidence.not_used == {"aside": 2100}


def test_the_same_trials_are_always_taken_and_as_few_as_there_are() -> None:
    problem, history = parabola(1300)
    first, again = (gather(problem, history, []) for _ in range(2))
    np.testing.assert_array_equal(first.x, again.x)
    assert gather(problem, history[:1200], []).aside == 0
    assert gather(problem, history[:1200], []).not_used == {}


def test_of_several_objectives_the_best_of_each_are_kept() -> None:
    space = Space([Real("x", 0, 1)])
    problem = Problem(space, [Objective("y"), Objective("z", "minimize"), Objective("t", "match", target=0.5)])
    x = np.random.default_rng(0).random(5000).tolist()
    history = [Trial.completed({"x": v}, {"y": v, "z": v, "t": v}) for v in x]
    kept = gather(problem, history, []).x[:, 0]
    assert len(kept) == 1200
    for worth in (np.array(x), -np.array(x), -np.abs(np.array(x) - 0.5)):
        assert set(np.array(x)[np.argsort(-worth)[:100]]) <= set(kept)


@pytest.mark.slow
def test_ten_thousand_trials_cost_seconds_and_little_memory() -> None:
    problem, history = parabola(10_000)
    begun = time.process_time()
    tracemalloc.start()
    (one,) = Bayes().suggest(problem, history, n=1, seed=0)
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert time.process_time() - begun < 60  # of computing, also where memory is watched
    assert most < 500e6
    assert one.info["rule"] == "improvement"
    assert one.info["aside"] == 8800
    assert [one[name] for name in "abc"] == pytest.approx([0.31, 0.72, 0.5], abs=0.03)
    assert problem.space.key(one) not in gather(problem, history, []).taken


@pytest.mark.parametrize(
    ("values", "costs", "stall"),
    [
        ([1.0, 3.0, 2.0, 2.5], [0, 0, 0, 0], 2),
        ([1.0, 3.0, 2.0, 2.5], [0, 9, 0, 0], 0),  # the best breaks the constraint
        ([1.0, 3.0, 3.0], [0, 0, 0], 1),  # as good is not better
        ([1.0, 3.0, 3.0002, 3.0004], [0, 0, 0, 0], 2),  # nor what is better by a hair
        ([1.0, 3.0, 3.0005, 3.1], [0, 0, 0, 0], 0),
        ([1.0, 2.0], [9, 9], 1),
        ([], [], 0),
    ],
)
def test_it_is_counted_how_long_nothing_got_better(values: list[float], costs: list[float], stall: int) -> None:
    history = [
        Trial.completed(point(i), {"y": y, "cost": cost}) for i, (y, cost) in enumerate(zip(values, costs, strict=True))
    ]
    assert gather(PROBLEM, [*history, Trial.failed(point(9), "clogged")], []).stall == stall
    several = Problem(PROBLEM.space, [Objective("y"), Objective("cost", "minimize")])
    assert gather(several, history, []).stall == 0


def told(name: str, space: Space, trials: int = 9) -> list[Any]:
    """Return what `Bayes` tells after 3 to all of the trials, each worse than the one before."""
    problem = Problem(space, [Objective("y")])
    history = [Trial.completed(p, {"y": 9.0 - i}) for i, p in enumerate(space.sample(trials, 0))]
    asked = range(3, trials + 1)
    return [Bayes().suggest(problem, history[:n], n=1, seed=0)[0].info.get(name) for n in asked]


def test_once_nothing_gets_better_every_second_point_is_by_another_model() -> None:
    two = Space([Real("x", 0, 1), Real("z", 0, 1)])
    assert told("supposed", two) == [None, "matern, broad", None, "matern, broad", None, "matern, broad", None]
    assert told("margin", two) == [None] * 7


def test_among_labels_every_second_point_is_to_surpass_the_best_by_two_deviations() -> None:
    labels = Space([Categorical("a", list("pqrs")), Categorical("b", list("pqrs"))])
    sizes: dict[Value, dict[str, float]] = {"p": {"size": 1.0}, "q": {"size": 2.0}, "r": {"size": 4.0}}
    described = Space([Categorical("a", list("pqr"), descriptors=sizes), Categorical("b", list("pqr"))])
    for space in (labels, described):
        margins = told("margin", space, 6)
        expected = [2 * float(np.std([9.0 - i for i in range(n)], ddof=1)) for n in (4, 6)]
        assert margins == [None, pytest.approx(expected[0]), None, pytest.approx(expected[1])]
        assert told("supposed", space, 6) == [None] * 4
