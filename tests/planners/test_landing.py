"""From the point that is asked for to one that can be tried."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from autolab.model.candidates import Candidates
from autolab.model.parameters import Categorical, Integer, Mixture, Real
from autolab.model.space import Space
from autolab.model.trial import Value
from autolab.planners.landing import land

POOL = Candidates({"x": [0.0, 1.0, 2.0, 3.0], "c": ["p", "p", "q", "q"]})
BOX = Space([Real("x", 0, 1), Integer("k", 1, 9)])
MIXED = Space(
    [Mixture(["a", "b", "c"], at_most=2, bounds={"a": (0.1, 0.7)}), Integer("k", 0, 5), Categorical("m", ["u", "v"])],
    ["b + 0.1*k <= 0.8"],
)


def test_of_a_table_the_nearest_that_is_free() -> None:
    taken = {(1.0, "p")}
    assert land(POOL, {"x": 1.1, "c": "p"}, set(), 0) == {"x": 1.0, "c": "p"}
    assert land(POOL, {"x": 1.1, "c": "p"}, taken, 0) == {"x": 0.0, "c": "p"}
    assert land(POOL, {"x": 9.0, "c": "q"}, {(3.0, "q")}, 0) == {"x": 2.0, "c": "q"}
    assert land(POOL, {"x": 1.1, "c": "p"}, set(map(POOL.key, POOL.points)), 0) is None


def test_numbers_come_into_the_space() -> None:
    assert land(BOX, {"x": 1.0 + 1e-12, "k": 4.2}, set(), 0) == {"x": 1.0, "k": 4}


def test_a_taken_point_gives_way_to_one_nearby() -> None:
    asked = {"x": 0.5, "k": 5}
    found = land(BOX, asked, {BOX.key(asked)}, 0)
    assert found is not None
    assert found != asked
    assert np.abs(BOX.encode([found]) - BOX.encode([asked])).max() < 0.1
    assert land(BOX, asked, {BOX.key(asked)}, 0) == found


def test_of_few_points_the_last_one_is_found() -> None:
    space = Space([Integer("k", 1, 4), Categorical("c", ["p", "q"])])
    points = space.sample(99, 0)
    for free in points:
        taken = {space.key(one) for one in points if one != free}
        assert land(space, points[0], taken, 3) == free
    assert land(space, points[0], {space.key(one) for one in points}, 3) is None


@settings(max_examples=40)
@given(
    a=st.floats(-1, 2), b=st.floats(-1, 2), c=st.floats(-1, 2), k=st.floats(-3, 9), m=st.sampled_from(["u", "v"]),
    seed=st.integers(0, 2**53),
)  # fmt: skip
def test_landing_keeps_every_constraint(a: float, b: float, c: float, k: float, m: str, seed: int) -> None:
    asked, taken = {"a": a, "b": b, "c": c, "k": k, "m": m}, set[tuple[Value, ...]]()
    for _ in range(3):
        found = land(MIXED, asked, taken, seed)
        assert found is not None
        assert not MIXED.faults(found)
        assert MIXED.key(found) not in taken
        taken.add(MIXED.key(found))
