"""What the points of a batch must share, kept by the planners that learn."""

import itertools
from collections.abc import Sequence

import numpy as np
import pytest

from autolab.model.candidates import Candidates
from autolab.model.contracts import Planner
from autolab.model.cost import Cost
from autolab.model.errors import BatchTooLarge
from autolab.model.objectives import Objective
from autolab.model.parameters import Categorical, Integer, Mixture, Ordinal, Real
from autolab.model.problem import Problem
from autolab.model.space import Space
from autolab.model.suggestion import Suggestion
from autolab.model.trial import Point, Trial
from autolab.planners.active import Learn, LevelSet
from autolab.planners.bayes import Bayes
from autolab.planners.forest import Forest
from autolab.planners.preference import Preference
from autolab.planners.repeating import Repeating

pytestmark = pytest.mark.slow  # it fits models

BOX = Problem(
    Space([Real("T", 20, 120), Real("rate", 0.1, 10, log=True), Categorical("s", ["u", "v", "w"])]),
    Objective("y"),
    same_in_batch=["T"],
)
TIED = Problem(
    Space(
        [Real("T", 20, 120), Mixture(["a", "b", "c"], at_most=2), Integer("k", 1, 5), Categorical("s", ["u", "v"])],
        ["T + 100*a <= 160", "a * b * k <= 0.6"],
    ),
    Objective("y"),
    same_in_batch=["T", "s"],
)
POOL = Problem(
    Candidates({"T": [20, 50, 80] * 8, "x": [i / 23 for i in range(24)], "s": ["u", "v"] * 12}),
    Objective("y"),
    same_in_batch=["T"],
)
PROBLEMS = {"box": BOX, "tied": TIED, "pool": POOL}
PLANNERS: dict[str, Planner] = {
    "bayes": Bayes(),
    "forest": Forest(trees=20),
    "levels": LevelSet("y", 2.0),
    "learn": Learn(),
    "repeating": Repeating(),
    "preference": Preference(),
}


def trials(problem: Problem, points: Sequence[Point]) -> list[Trial]:
    x = problem.space.encode(points)
    made = [
        Trial.completed(dict(p), {"y": float(np.sin(4 * row.sum()) + row[0])}, number=number)
        for number, (p, row) in enumerate(zip(points, x, strict=True), 1)
    ]
    for i in range(1, len(made)):  # and what a person says who sees the same
        better, worse = sorted((i - 1, i), key=lambda place: -made[place].outcome["y"].value)
        made[better], made[worse] = made[better].preferred_to(made[worse])
    return made


def check(problem: Problem, found: Sequence[Suggestion], n: int, history: Sequence[Trial]) -> None:
    keys = {problem.space.key(one) for one in found}
    assert len(found) == len(keys) == n
    assert keys.isdisjoint(problem.space.key(trial.point) for trial in history)
    assert len({tuple(one[name] for name in problem.same_in_batch) for one in found}) == 1
    for one in found:
        assert problem.space.faults(one) == []
        assert "fallback" not in one.info


@pytest.mark.parametrize("problem", PROBLEMS.values(), ids=PROBLEMS)
@pytest.mark.parametrize("planner", PLANNERS.values(), ids=PLANNERS)
def test_the_points_of_a_batch_share_what_they_must(planner: Planner, problem: Problem) -> None:
    history = trials(problem, problem.space.sample(17, 1))
    for known in (history[:1], history):  # before there is a model, and with one
        found = planner.suggest(problem, known, n=4, seed=2)
        check(problem, found, 4, known)
    assert found[0].info["rule"] not in {"design", "sobol"}
    assert found == planner.suggest(problem, history, n=4, seed=2)


@pytest.mark.parametrize("planner", PLANNERS.values(), ids=PLANNERS)
def test_the_first_point_is_the_one_it_would_choose_alone(planner: Planner) -> None:
    history = trials(BOX, BOX.space.sample(17, 1))
    (alone,) = planner.suggest(BOX.within(BOX.space), history, n=1, seed=3)
    assert planner.suggest(BOX, history, n=3, seed=3)[0] == alone


def test_batches_follow_the_best_value_of_what_is_shared() -> None:
    # the best temperature is 80; of each plate the points then differ in rate
    problem = Problem(
        Space([Ordinal("T", [20, 40, 60, 80, 100]), Real("rate", 0, 1)]), Objective("y"), same_in_batch=["T"]
    )
    history: list[Trial] = []
    for call in range(6):
        found = Bayes().suggest(problem, history, n=3, seed=call)
        check(problem, found, 3, history)
        history += [
            Trial.completed(p.point, {"y": -(((float(p["T"]) - 80) / 40) ** 2) - (float(p["rate"]) - 0.4) ** 2})
            for p in found
        ]
    assert [trial.point["T"] for trial in history[-3:]] == [80] * 3
    assert max(trial.outcome["y"].value for trial in history) > -0.01


def test_a_repeat_may_share_too() -> None:
    pool = Problem(
        Candidates({"T": [20, 30] * 8, "x": [i / 15 for i in range(16)]}), Objective("y"), same_in_batch=["T"]
    )
    history = [
        Trial.completed(pool.space.sample(16, 0)[i], {"y": (5.0 if i in (3, 8) else 0.1 * i, 1.0)}) for i in range(9)
    ]
    found = Repeating().suggest(pool, history, n=2, seed=0)
    assert len({one["T"] for one in found}) == 1
    assert len({pool.space.key(one) for one in found}) == 2


@pytest.mark.parametrize("planner", PLANNERS.values(), ids=PLANNERS)
def test_too_large_a_batch_is_refused(planner: Planner) -> None:
    history = trials(POOL, POOL.space.sample(17, 1))
    with pytest.raises(BatchTooLarge, match="distinct points with the same T"):
        planner.suggest(POOL, history, n=7, seed=0)


def test_what_is_shared_may_be_dear_and_what_differs_is_ordered() -> None:
    problem = Problem(BOX.space, BOX.objectives, same_in_batch=["T"], cost=Cost(change={"T": 9.0, "s": 2.0}))
    history = trials(problem, problem.space.sample(6, 0))
    found = Bayes().suggest(problem, history, n=4, seed=0)
    check(problem, found, 4, history)
    assert problem.cost is not None
    labels = [one["s"] for one in found]
    assert sum(a != b for a, b in itertools.pairwise(labels)) == len(set(labels)) - 1
    for one, before in zip(found[1:], found, strict=False):
        assert one.info["cost"] == pytest.approx(float(problem.cost.of([one], before.point)[0]))
