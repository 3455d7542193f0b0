import itertools

import numpy as np
import pytest

from autolab.model.candidates import Candidates
from autolab.model.objectives import Objective
from autolab.model.problem import Problem
from autolab.model.trial import Trial
from autolab.planners.spread import FarthestPoint, KMedoids, medoids

NONE = np.zeros((0, 2))


def clusters(seed: int) -> tuple[np.ndarray[tuple[int, int], np.dtype[np.float64]], list[int]]:
    rng = np.random.default_rng(seed)
    centres = np.array([[0.0, 0.0], [1.0, 0.0], [0.0, 1.0], [1.0, 1.0]])
    points = np.vstack([centre + rng.normal(0, 0.05, size=(10, 2)) for centre in centres])
    return points, [i // 10 for i in range(40)]


def cost(points: np.ndarray[tuple[int, int], np.dtype[np.float64]], chosen: tuple[int, ...] | list[int]) -> float:
    return float(np.linalg.norm(points[:, None] - points[list(chosen)][None], axis=2).min(axis=1).sum())


@pytest.mark.parametrize("seed", range(4))
def test_one_medoid_lies_amid_each_cluster(seed: int) -> None:
    points, labels = clusters(seed)
    chosen = medoids(points, 4, NONE)
    assert sorted(labels[i] for i in chosen) == [0, 1, 2, 3]
    for i in chosen:  # none of its cluster would serve better
        own = [j for j in range(40) if labels[j] == labels[i]]
        costs = {j: float(np.linalg.norm(points[own] - points[j], axis=1).sum()) for j in own}
        assert costs[i] == pytest.approx(min(costs.values()))


@pytest.mark.parametrize("seed", range(6))
def test_no_exchange_betters_the_medoids_and_they_come_near_the_best(seed: int) -> None:
    points = np.random.default_rng(seed).random((14, 2))
    chosen = medoids(points, 3, NONE)
    ours = cost(points, chosen)
    for i, j in itertools.product(range(3), range(14)):
        if j not in chosen:
            assert cost(points, [*chosen[:i], j, *chosen[i + 1 :]]) >= ours * (1 - 1e-8)
    best = min(cost(points, some) for some in itertools.combinations(range(14), 3))
    assert ours <= 1.1 * best


def test_clusters_that_were_tried_are_stood_for() -> None:
    points, labels = clusters(0)
    known = points[[0, 10]]
    assert sorted(labels[i] for i in medoids(points, 2, known)) == [2, 3]


def pool(points: np.ndarray[tuple[int, int], np.dtype[np.float64]]) -> Problem:
    return Problem(Candidates({"u": list(points[:, 0]), "v": list(points[:, 1])}), [Objective("y")])


def test_a_pool_is_stood_for_call_by_call() -> None:
    points, labels = clusters(3)
    problem = pool(points)
    history: list[Trial] = []
    for call in range(4):
        (one,) = KMedoids().suggest(problem, history, n=1, seed=call)
        history.append(Trial.completed(one.point, {"y": 0.0}))
    assert isinstance(problem.space, Candidates)
    places = [problem.space.place(trial.point) for trial in history]
    assert sorted(labels[i] for i in places if i is not None) == [0, 1, 2, 3]


@pytest.mark.parametrize("planner", [KMedoids(), FarthestPoint()], ids=str)
def test_a_large_pool_is_stood_for_by_a_part_of_it(planner: KMedoids | FarthestPoint) -> None:
    rng = np.random.default_rng(0)
    problem = pool(rng.random((60_000, 2)))
    found = [planner.suggest(problem, [], n=4, seed=seed) for seed in (1, 1, 2)]
    assert found[0] == found[1] != found[2]
    quarters = {(float(one["u"]) > 0.5, float(one["v"]) > 0.5) for one in found[0]}
    assert len(quarters) >= 3


@pytest.mark.parametrize("seed", range(4))
def test_farthest_points_cover_at_most_twice_as_badly_as_the_best(seed: int) -> None:
    points = np.random.default_rng(seed).random((12, 2))
    problem = pool(points)
    assert isinstance(problem.space, Candidates)
    encoded = problem.space.encoded
    found = problem.space.encode([one.point for one in FarthestPoint().suggest(problem, [], n=4, seed=1)])

    def radius(chosen: np.ndarray[tuple[int, int], np.dtype[np.float64]]) -> float:
        return float(np.linalg.norm(encoded[:, None] - chosen[None], axis=2).min(axis=1).max())

    best = min(radius(encoded[list(some)]) for some in itertools.combinations(range(12), 4))
    assert radius(found) <= 2 * best + 1e-12
