import numpy as np

from autolab.model.objectives import Objective, OutcomeConstraint
from autolab.model.parameters import Categorical, Real
from autolab.model.problem import Problem
from autolab.model.space import Space
from autolab.model.trial import Trial
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
    assert evidence.left_out == 3  # no cost measured, abandoned, unknown category
    assert sorted(round(10 * float(key[0])) for key in evidence.taken) == [1, 2, 3, 5, 6, 7, 8, 9, 20]
    assert evidence.known.shape == (7, 3)


def test_no_history_has_empty_tables_of_the_right_width() -> None:
    evidence = gather(PROBLEM, [], [])
    assert (evidence.x.shape, evidence.y.shape, evidence.failed.shape) == ((0, 3), (0, 2), (0, 3))
    assert evidence.known.shape == (0, 3)
    assert evidence.taken == frozenset()
