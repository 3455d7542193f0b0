"""`Forest`: expected improvement on decision trees. For large categorical problems, and as a second opinion."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from autolab.model.candidates import Candidates
from autolab.model.errors import AutolabError, InputError, PlannerError
from autolab.model.suggestion import Suggestion
from autolab.planners.batches import as_batch
from autolab.planners.checks import check_initial
from autolab.planners.designs import designed, fallback
from autolab.planners.evidence import gather
from autolab.planners.explaining import explain
from autolab.planners.explanation import Explanation, explain_plainly
from autolab.planners.gains import Gains
from autolab.planners.isolation import isolated
from autolab.planners.prediction import Prediction
from autolab.planners.trees import Array, Kind, Trees

if TYPE_CHECKING:
    from autolab.model.problem import Problem
    from autolab.model.space import Space
    from autolab.model.trial import Point, Trial, Value
    from autolab.planners.evidence import Evidence
    from autolab.planners.prediction import Predict

log = logging.getLogger(__name__)

_POOL = 1024
_POOL_OF_CANDIDATES = 20_000
_BEST, _NEAR = 3, 48


@dataclass(frozen=True)
class Forest:
    """Expected improvement by a forest, over points drawn from the space and around the best trials; pure.

    One objective: in closed form. Several: one improvement of a Chebyshev sum with
    weights drawn anew for each point (ParEGO, Knowles 2006). Outcome constraints and failures weigh it by their
    probability. Points of a batch: each counts those before it, and those pending, as measured with the value
    expected (kriging believer). No torch: it loads and answers fast.

    Attributes:
        initial: Trials (completed or failed) before the forest is trusted; None for twice the number of keys of a
            point, but 4 to 16.
        kind: `extra` or `random`: see `trees.Trees`. On the reaction table that was tried the former found more.
        trees: Of each forest.
    """

    initial: int | None = None
    kind: Kind = "extra"
    trees: int = 100

    def __post_init__(self) -> None:
        check_initial(self.initial)
        if self.kind not in {"random", "extra"}:
            msg = f"kind must be 'random' or 'extra', got {self.kind!r}"
            raise InputError(msg)
        if isinstance(self.trees, bool) or self.trees < 10:
            msg = f"a forest needs at least 10 trees to tell how unsure it is, got {self.trees!r}"
            raise InputError(msg)

    @as_batch
    def suggest(
        self, problem: Problem, history: Sequence[Trial], *, n: int, pending: Sequence[Point] = (), seed: int
    ) -> list[Suggestion]:
        """Return `n` distinct points.

        Raises:
            PlannerError: Fewer than `n` points are left in the space.
            ValueError: `n` is less than 1.
        """
        evidence = gather(problem, history, pending)
        pool = [] if self._too_few(problem, evidence) else _pool(problem, evidence, n, seed)
        if len(pool) < n:  # too few trials, or too few points: the design says so
            return designed(problem, evidence, n, seed, {})
        try:
            with isolated(seed):
                return self._chosen(problem, evidence, pool, n, seed)
        except AutolabError:
            raise
        except Exception as error:  # numerical trouble must not end a campaign
            log.warning("the forest could not propose; a space-filling point is taken instead", exc_info=True)
            return designed(problem, evidence, n, seed, fallback(error))

    def _chosen(
        self, problem: Problem, evidence: Evidence, pool: Sequence[Point], n: int, seed: int
    ) -> list[Suggestion]:
        """Return the points of a pool by which most is to be gained, one after another."""
        encoded, chosen, gained = problem.space.encode(pool), list[int](), list[float]()
        for i in range(n):
            gains = self._gains(problem, evidence, encoded[chosen], seed + i)
            chosen.append(next(int(place) for place in gains.order(encoded) if place not in chosen))
            gained.append(float(gains.of(encoded[chosen[-1:]])[0]))
        told = _predictions(problem, self._fitted(evidence), [pool[place] for place in chosen])
        return [
            Suggestion(one.point, {**_info(problem, one, gain), **evidence.not_used})
            for one, gain in zip(told, gained, strict=True)
        ]

    def predict(self, problem: Problem, history: Sequence[Trial], points: Sequence[Point]) -> list[Prediction]:
        """Return what the forest expects at `points`, in their order.

        Raises:
            PlannerError: Too few trials for a forest.
            OutsideSpace: A point lacks a key, or names an unknown category.
        """
        return self.predictor(problem, history)(points)

    def predictor(self, problem: Problem, history: Sequence[Trial]) -> Predict:
        """Fit once, for many questions: `predict` is `predictor(problem, history)(points)`.

        Raises:
            PlannerError: Too few trials for a forest.
        """
        evidence = gather(problem, history, ())
        if self._too_few(problem, evidence):
            raise PlannerError(self._untrusted(problem, evidence))
        trees = self._fitted(evidence)
        return lambda points: _predictions(problem, trees, points)

    def explain(
        self,
        problem: Problem,
        history: Sequence[Trial],
        point: Point,
        *,
        pending: Sequence[Point] = (),
        seed: int,
        folds: int = 10,
    ) -> Explanation:
        """Return why `suggest`, given the same, would choose a point, or would not: as `Bayes.explain`.

        For several objectives the `gain` is that of the first point of a batch: each has weights of its own.

        Args:
            problem: Goals and outcome constraints.
            history: As given to `suggest`.
            point: Any point that can be encoded.
            pending: As given to `suggest`.
            seed: As given to `suggest`.
            folds: Of the cross-validation; 0 to leave it out.

        Raises:
            OutsideSpace: The point lacks a key, or names an unknown category.
        """
        evidence = gather(problem, history, pending)
        encoded = problem.space.encode([point])
        if self._too_few(problem, evidence):
            return explain_plainly(problem, history, point, rule="design", because=self._untrusted(problem, evidence))
        gains = self._gains(problem, evidence, encoded[:0], seed)
        return explain(
            problem,
            history,
            point,
            rule=_rule(problem),
            gain=float(gains.of(encoded)[0]),
            predict=self.predictor(problem, history),
            predictor=self.predictor,
            folds=folds,
            seed=seed,
        )

    def _gains(self, problem: Problem, evidence: Evidence, chosen: Array, seed: int) -> Gains:
        """Return what is to be gained, once pending points and those chosen before are believed to be as expected."""
        trees = self._fitted(evidence)
        waiting = np.vstack([evidence.pending, chosen])
        if len(waiting):
            believed = replace(
                evidence,
                x=np.vstack([evidence.x, waiting]),
                y=np.vstack([evidence.y, trees.predict(waiting)[0]]),
                error=np.vstack([evidence.error, np.full((len(waiting), evidence.y.shape[1]), np.nan)]),
            )
            trees = self._fitted(believed)
        return Gains(problem, evidence, trees, seed)

    def _fitted(self, evidence: Evidence) -> Trees:
        """Return the forests. They are drawn by one seed: what is expected must not depend on the decision's."""
        with isolated(0):
            return Trees(evidence, self.kind, self.trees, 0)

    def _too_few(self, problem: Problem, evidence: Evidence) -> bool:
        return len(evidence.x) < 2 or len(evidence.x) + len(evidence.failed) < self._enough(problem)

    def _enough(self, problem: Problem) -> int:
        return self.initial if self.initial is not None else min(max(2 * len(problem.space.names), 4), 16)

    def _untrusted(self, problem: Problem, evidence: Evidence) -> str:
        return (
            f"no forest is trusted before {self._enough(problem)} trials, 2 of them completed; "
            f"there are {len(evidence.x)} completed and {len(evidence.failed)} failed or rejected ones"
        )


def _rule(problem: Problem) -> str:
    return "improvement" if len(problem.objectives) == 1 else "scalarized"


def _info(problem: Problem, told: Prediction, gain: float) -> dict[str, Any]:
    predicted = {
        name: dict(zip(("mean", "low", "high"), (told.mean[name], *told.interval(name)), strict=True))
        for name in problem.outcome_names
    }
    success = {} if told.success is None else {"success": told.success}
    return {"rule": _rule(problem), "predicted": predicted, "gain": gain, **success}


def _predictions(problem: Problem, trees: Trees, points: Sequence[Point]) -> list[Prediction]:
    if not points:
        return []
    encoded = problem.space.encode(points)
    means, deviations = trees.predict(encoded)
    success = trees.success(encoded)
    names = problem.outcome_names
    return [
        Prediction(
            dict(point),
            dict(zip(names, map(float, means[i]), strict=True)),
            dict(zip(names, map(float, deviations[i]), strict=True)),
            None if success is None else float(success[i]),
        )
        for i, point in enumerate(points)
    ]


def _pool(problem: Problem, evidence: Evidence, n: int, seed: int) -> list[dict[str, Value]]:
    """Return distinct points of the space that are not taken: drawn, and one or two changes away from the best."""
    space = problem.space
    size = (_POOL_OF_CANDIDATES if isinstance(space, Candidates) else _POOL + n) + len(evidence.taken)
    drawn = space.sample(size, seed)
    near = [] if isinstance(space, Candidates) or len(drawn) < size else _near(problem, space, evidence, drawn, seed)
    fresh = {key: point for point in [*drawn, *near] if (key := space.key(point)) not in evidence.taken}
    return list(fresh.values())


def _near(
    problem: Problem, space: Space, evidence: Evidence, drawn: Sequence[Point], seed: int
) -> list[dict[str, Value]]:
    """Return points like the best trials, but for one or two values taken from points drawn at random."""
    rng = np.random.default_rng(seed)
    worth = _ranks(problem, evidence)
    best = [evidence.points[i] for i in np.argsort(-worth, kind="stable")[:_BEST] if space.contains(evidence.points[i])]
    moved = []
    for point in best:
        for _ in range(_NEAR):
            names = rng.choice(space.names, size=min(int(rng.integers(1, 3)), len(space.names)), replace=False)
            other = drawn[int(rng.integers(len(drawn)))]
            moved.append(space.snap({**point, **{str(name): other[str(name)] for name in names}}))
    return moved


def _ranks(problem: Problem, evidence: Evidence) -> Array:
    """Return `n`: the sum of each trial's ranks by the objectives, more is better."""
    columns = [
        [objective.utility(float(value)) for value in evidence.y[:, i]]
        for i, objective in enumerate(problem.objectives)
    ]
    return np.asarray(np.argsort(np.argsort(columns, axis=1), axis=1).sum(axis=0), dtype=float)
