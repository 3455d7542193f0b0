"""The planner that learns nothing."""

from __future__ import annotations

import numpy as np
import pytest

from autolab.model.candidates import Candidates
from autolab.model.contracts import Planner
from autolab.model.errors import PlannerError
from autolab.model.objectives import Objective
from autolab.model.parameters import Integer, Real
from autolab.model.problem import Problem
from autolab.model.space import Space
from autolab.model.trial import Trial
from autolab.study.baseline import Random

FEW = Problem(Space([Integer("k", 1, 6)]), [Objective("y")])


def test_it_is_a_planner() -> None:
    assert isinstance(Random(), Planner)


def test_points_are_even_over_the_space() -> None:
    problem = Problem(Space([Real("x", 0, 1)]), [Objective("y")])
    x = [float(one["x"]) for one in Random().suggest(problem, [], n=2000, seed=1)]

    assert np.histogram(x, 4, (0, 1))[0] == pytest.approx([500] * 4, abs=90)


def test_tried_and_pending_points_are_left_out() -> None:
    history = [
        Trial.completed({"k": 1}, {"y": 1.0}),
        Trial.failed({"k": 2}, "clogged"),
        Trial.completed({"z": 1}, {"y": 1}),
    ]
    wrong = Trial.completed({"k": 3}, {"y": 1.0}).invalidate("spilled")
    found = Random().suggest(FEW, [*history, wrong], n=3, pending=[{"k": 4}], seed=1)

    assert sorted(int(one["k"]) for one in found) == [3, 5, 6]
    assert {one.info["rule"] for one in found} == {"random"}


def test_the_seed_decides() -> None:
    found = [Random().suggest(FEW, [], n=4, seed=seed) for seed in (1, 1, 2)]

    assert found[0] == found[1] != found[2]


def test_what_is_used_up_is_told() -> None:
    pool = Problem(Candidates({"k": [1, 2]}), [Objective("y")])
    with pytest.raises(PlannerError, match=r"2 distinct points were asked for and the space has 1 left \(1 are tried"):
        Random().suggest(pool, [Trial.completed({"k": 1}, {"y": 1.0})], n=2, seed=1)
    with pytest.raises(ValueError, match="n must be 1 or more, got 0"):
        Random().suggest(pool, [], n=0, seed=1)
