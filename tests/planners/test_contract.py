"""The contract of planners: one class of tests that every planner inherits."""

import importlib.util
import json
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass, replace

import pytest

from autolab.model.candidates import Candidates
from autolab.model.contracts import Planner
from autolab.model.errors import AutolabError, PlannerError
from autolab.model.objectives import Objective, OutcomeConstraint
from autolab.model.parameters import Categorical, Integer, Mixture, Ordinal, Real
from autolab.model.problem import Problem
from autolab.model.space import Space
from autolab.model.suggestion import Suggestion
from autolab.model.trial import Point, Trial
from autolab.planners.active import Learn, LevelSet
from autolab.planners.ax import Ax
from autolab.planners.baybe import BayBE
from autolab.planners.bayes import Bayes
from autolab.planners.forest import Forest
from autolab.planners.lhs import LatinHypercube
from autolab.planners.optimal import DOptimal, IOptimal
from autolab.planners.optuna import Optuna
from autolab.planners.preference import Preference
from autolab.planners.repeating import Repeating
from autolab.planners.sobol import Sobol
from autolab.planners.spread import FarthestPoint, KMedoids

BOX = Problem(Space([Real("x", 0, 1), Real("rate", 0.01, 10, log=True)]), [Objective("y")])
MIXTURE = Problem(
    Space(
        [Mixture(["a", "b", "s"], bounds={"s": [0.1, 0.7]}), Real("T", 20, 50, log=True)],
        ["2*s <= 1.2", "T + 20*a <= 55"],
    ),
    [Objective("y")],
    [OutcomeConstraint("cost", "<=", 0.9)],
)
MIXED = Problem(
    Space(
        [Real("x", 0, 1), Integer("k", 1, 9), Ordinal("v", [1, 2, 5]), Categorical("c", ["p", "q", "r"])],
        ["x + 0.1*k <= 1.4"],
    ),
    [Objective("y", "match", target=1.0), Objective("cost", "minimize")],
)
CHOOSE = Problem(Space([Mixture(list("abcd"), at_most=2, bounds={"a": (0.1, 0.8)})]), [Objective("y", "minimize")])
POOL = Problem(Candidates({"u": [i / 29 for i in range(30)], "w": ["e", "f", "g"] * 10}), [Objective("y")])
BENT = Problem(
    Space(
        [Real("x", 0, 1), Real("y", 0, 1), Integer("k", 1, 9)],
        ["x**2 + y**2 <= 1", "x * y * k >= 0.2", "x + 0.1*k <= 1.4"],
    ),
    [Objective("z")],
)
PROBLEMS = {"box": BOX, "mixture": MIXTURE, "mixed": MIXED, "choose": CHOOSE, "bent": BENT, "pool": POOL}


def measured(problem: Problem, point: Point) -> dict[str, float]:
    numbers = [float(value) for value in point.values() if not isinstance(value, str)]
    values = {"z": sum(numbers), "y": sum((i + 1) * x for i, x in enumerate(numbers)) / 10, "cost": sum(numbers) / 20}
    return {name: values[name] for name in problem.outcome_names}


def trials(problem: Problem, n: int, *, seed: int = 0) -> list[Trial]:
    return [Trial.completed(point, measured(problem, point)) for point in problem.space.sample(n, seed)]


def keys(problem: Problem, points: list[Suggestion] | list[Trial]) -> set[object]:
    return {problem.space.key(one.point) for one in points}


class PlannerContract:
    """What every planner must keep. Subclass it and set `planner`."""

    planner: Planner

    @pytest.fixture(params=list(PROBLEMS))
    def problem(self, request: pytest.FixtureRequest) -> Problem:
        return PROBLEMS[request.param]

    def check(self, problem: Problem, found: list[Suggestion], n: int) -> None:
        assert len(found) == n
        assert len(keys(problem, found)) == n
        for suggestion in found:
            problem.space.check(suggestion)
            assert suggestion.info["rule"]
            assert "fallback" not in suggestion.info
            json.dumps(dict(suggestion.info), allow_nan=False)

    def test_it_is_a_planner(self) -> None:
        assert isinstance(self.planner, Planner)
        assert self.planner == type(self.planner)()

    def test_an_empty_history_gives_a_design(self, problem: Problem) -> None:
        self.check(problem, self.planner.suggest(problem, [], n=5, seed=1), 5)

    def test_a_history_gives_points_that_are_new(self, problem: Problem) -> None:
        history = trials(problem, 12)
        found = self.planner.suggest(problem, history, n=3, seed=1)
        self.check(problem, found, 3)
        assert not keys(problem, found) & keys(problem, history)

    def test_pending_points_are_not_proposed_again(self, problem: Problem) -> None:
        history = trials(problem, 12)
        first = self.planner.suggest(problem, history, n=2, seed=1)
        second = self.planner.suggest(problem, history, n=2, pending=[dict(one) for one in first], seed=1)
        self.check(problem, second, 2)
        assert not keys(problem, first) & keys(problem, second)
        under_way = [Trial(0, one.point, "running") for one in first]
        assert self.planner.suggest(problem, [*history, *under_way], n=2, seed=1) == second

    def test_failures_do_no_harm(self, problem: Problem) -> None:
        points = problem.space.sample(16, 0)
        history = [Trial.completed(p, measured(problem, p)) for p in points[:12]]
        history += [Trial.failed(p, "clogged") for p in points[12:]]
        found = self.planner.suggest(problem, history, n=1, seed=1)
        self.check(problem, found, 1)
        assert not keys(problem, found) & keys(problem, history)

    def test_nothing_but_failures_gives_a_design(self, problem: Problem) -> None:
        history = [Trial.failed(p, "clogged") for p in problem.space.sample(12, 0)]
        found = self.planner.suggest(problem, history, n=2, seed=1)
        self.check(problem, found, 2)
        assert not keys(problem, found) & keys(problem, history)

    def test_an_invalidated_trial_counts_for_nothing(self, problem: Problem) -> None:
        history = trials(problem, 11)
        wrong = Trial.completed(problem.space.sample(12, 5)[-1], dict.fromkeys(problem.outcome_names, 1e9)).invalidate(
            "spilled"
        )
        with_it = self.planner.suggest(problem, [*history, wrong], n=1, seed=1)
        assert with_it == self.planner.suggest(problem, history, n=1, seed=1)

    def test_the_seed_decides_the_design(self, problem: Problem) -> None:
        found = [self.planner.suggest(problem, [], n=4, seed=seed) for seed in (1, 1, 2**53 - 1)]
        assert found[0] == found[1]
        assert found[0] != found[2]

    def test_arguments_are_left_as_they_were(self) -> None:
        history = trials(BOX, 8)
        pending: list[Point] = [{"x": 0.5, "rate": 1.0}]
        copies = (list(history), [dict(one) for one in pending])
        self.planner.suggest(BOX, history, n=1, pending=pending, seed=1)
        assert (history, pending) == copies

    def test_points_outside_the_space_and_unknown_categories_do_no_harm(self) -> None:
        history = trials(MIXED, 12)
        good = dict(history[0].point)
        odd: list[Point] = [{**good, "x": 1.7}, {**good, "c": "unheard of"}, {"other": 1.0}]
        odd_trials = [Trial.completed(p, {"y": 1.0, "cost": 1.0}) for p in odd]
        self.check(MIXED, self.planner.suggest(MIXED, [*history, *odd_trials], n=1, seed=1), 1)

    def test_an_outcome_that_lacks_a_quantity_does_no_harm(self) -> None:
        history = [*trials(MIXTURE, 10), Trial.completed(MIXTURE.space.sample(1, 9)[0], {"y": 1.0})]
        self.check(MIXTURE, self.planner.suggest(MIXTURE, history, n=1, seed=1), 1)

    def test_exactly_what_is_left_is_proposed_and_not_more(self) -> None:
        problem = Problem(Space([Integer("k", 1, 4), Categorical("c", ["p", "q"])]), [Objective("y")])
        history = [Trial.completed(p, {"y": float(i)}) for i, p in enumerate(problem.space.sample(5, 0))]
        found = self.planner.suggest(problem, history, n=3, seed=1)
        self.check(problem, found, 3)
        assert not keys(problem, found) & keys(problem, history)
        with pytest.raises(PlannerError, match=r"4 distinct points were asked for and the space has 3 left \(5 are"):
            self.planner.suggest(problem, history, n=4, seed=1)

    def test_an_exhausted_pool_is_told(self) -> None:
        pool = Problem(Candidates({"u": [1, 2, 3, 4, 5]}), [Objective("y")])
        history = [Trial.completed(p, {"y": 1.0}) for p in pool.space.sample(5, 0)]
        with pytest.raises(PlannerError, match="the space has 0 left"):
            self.planner.suggest(pool, history, n=1, seed=1)
        assert issubclass(PlannerError, AutolabError)

    @pytest.mark.parametrize("n", [0, -1])
    def test_less_than_one_point_is_refused(self, n: int) -> None:
        with pytest.raises(ValueError, match=f"n must be 1 or more, got {n}"):
            self.planner.suggest(BOX, [], n=n, seed=1)

    def test_another_process_proposes_the_same(self) -> None:
        here = {
            name: [s.point for s in self.planner.suggest(p, trials(p, 12), n=2, seed=5)] for name, p in PROBLEMS.items()
        }
        kind = type(self.planner)
        code = (
            "import importlib.util, json, sys\n"
            f"spec = importlib.util.spec_from_file_location('contract', {__file__!r})\n"
            "m = importlib.util.module_from_spec(spec); sys.modules['contract'] = m; spec.loader.exec_module(m)\n"
            f"from {kind.__module__} import {kind.__name__} as P\n"
            "print(json.dumps({k: [s.point for s in P().suggest(p, m.trials(p, 12), n=2, seed=5)]\n"
            "    for k, p in reversed(list(m.PROBLEMS.items()))}))"
        )
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
        assert json.loads(done.stdout) == here


class TestSobol(PlannerContract):
    planner = Sobol()


@pytest.mark.slow
class TestBayes(PlannerContract):
    planner = Bayes()


class TestLatinHypercube(PlannerContract):
    planner = LatinHypercube()


class TestPreference(PlannerContract):
    """While nothing is compared it makes designs."""

    planner = Preference()


@dataclass(frozen=True)
class Judged:
    """`Preference`, told of each completed trial whether the one before it is better: what `measured` makes of a point."""

    def suggest(
        self, problem: Problem, history: Sequence[Trial], *, n: int, pending: Sequence[Point] = (), seed: int
    ) -> list[Suggestion]:
        told = [replace(trial, number=number) for number, trial in enumerate(history, 1)]
        for i in range(1, len(told)):
            if told[i - 1].usable and told[i].usable:
                better, worse = sorted((i - 1, i), key=lambda place: -_seen(told[place].point))
                told[better], told[worse] = told[better].preferred_to(told[worse])
        return Preference().suggest(problem, told, n=n, pending=pending, seed=seed)


def _seen(point: Point) -> float:
    return sum((i + 1) * float(x) for i, x in enumerate(point.values()) if not isinstance(x, str))


@pytest.mark.slow
class TestPreferenceOfComparedTrials(PlannerContract):
    planner = Judged()

    def test_the_model_is_asked(self, problem: Problem) -> None:
        history = trials(problem, 12)
        found = self.planner.suggest(problem, history, n=2, seed=1)
        assert [one.info["rule"] for one in found] == ["preference"] * 2
        assert found[0].info["comparisons"] == 11
        assert found == self.planner.suggest(problem, history, n=2, seed=1)

    def test_another_process_proposes_the_same(self) -> None:
        """Tried in test_preference.py."""


class Chosen(PlannerContract):
    """Of a planner that chooses the best points of a pool: where the pool is a table, any seed finds the same."""

    def test_the_seed_decides_the_design(self, problem: Problem) -> None:
        found = [self.planner.suggest(problem, [], n=4, seed=seed) for seed in (1, 1, 2**53 - 1)]
        assert found[0] == found[1]
        if isinstance(problem.space, Candidates):
            assert found[0] == found[2]


class TestKMedoids(Chosen):
    planner = KMedoids()


class TestFarthestPoint(Chosen):
    planner = FarthestPoint()


class TestDOptimal(Chosen):
    planner = DOptimal()


class TestIOptimal(Chosen):
    planner = IOptimal()


@pytest.mark.slow
class TestForest(PlannerContract):
    planner = Forest()


@pytest.mark.slow
class TestForestOfRandomTrees(PlannerContract):
    planner = Forest(kind="random")

    def test_it_is_a_planner(self) -> None:
        assert isinstance(self.planner, Planner)

    def test_another_process_proposes_the_same(self) -> None:
        """Tried with the default kind of trees."""


@pytest.mark.slow
class TestLevelSet(PlannerContract):
    planner = LevelSet()


@pytest.mark.slow
class TestLearn(PlannerContract):
    planner = Learn()


@pytest.mark.slow
class TestRepeating(PlannerContract):
    """Without noise it repeats nothing, and keeps the whole contract."""

    planner = Repeating()


# -- of other people's packages, where they are installed


def needs(package: str, extra: str) -> pytest.MarkDecorator:
    absent = importlib.util.find_spec(package) is None
    return pytest.mark.skipif(absent, reason=f"needs {package}: pip install 'autolab-sdl[{extra}]'")


class Slow(PlannerContract):
    """Of a package that takes ten seconds for a mixture, and minutes for goals over numbers and choices together."""

    @pytest.fixture(params=["box", "pool"])
    def problem(self, request: pytest.FixtureRequest) -> Problem:
        return PROBLEMS[request.param]

    @pytest.mark.parametrize("name", ["mixture", "choose"])
    def test_mixtures_keep_their_constraints(self, name: str) -> None:
        problem = PROBLEMS[name]
        self.check(problem, self.planner.suggest(problem, [], n=3, seed=1), 3)
        self.check(problem, self.planner.suggest(problem, trials(problem, 8), n=1, seed=1), 1)

    def test_points_outside_the_space_and_unknown_categories_do_no_harm(self) -> None:
        odd: list[Point] = [{"x": 1.7, "rate": 1.0}, {"x": 0.5, "rate": "unheard of"}, {"other": 1.0}]
        history = [*trials(BOX, 8), *(Trial.completed(p, {"y": 1.0}) for p in odd)]
        (found,) = self.planner.suggest(BOX, history, n=1, seed=1)
        self.check(BOX, [found], 1)
        assert found.info["left_out"] == 3

    def test_another_process_proposes_the_same(self) -> None:
        here = [s.point for s in self.planner.suggest(BOX, trials(BOX, 8), n=2, seed=5)]
        kind = type(self.planner)
        code = (
            "import importlib.util, json, sys\n"
            f"spec = importlib.util.spec_from_file_location('contract', {__file__!r})\n"
            "m = importlib.util.module_from_spec(spec); sys.modules['contract'] = m; spec.loader.exec_module(m)\n"
            f"from {kind.__module__} import {kind.__name__} as P\n"
            "print(json.dumps([s.point for s in P().suggest(m.BOX, m.trials(m.BOX, 8), n=2, seed=5)]))"
        )
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
        assert json.loads(done.stdout) == here


@pytest.mark.slow
@needs("ax", "ax")
class TestAx(Slow):
    planner = Ax()


@pytest.mark.slow
@needs("baybe", "baybe")
class TestBayBE(Slow):
    planner = BayBE("worst")

    def test_it_is_a_planner(self) -> None:
        assert isinstance(self.planner, Planner)


@pytest.mark.slow
@needs("optuna", "optuna")
class TestOptunaGP(PlannerContract):
    planner = Optuna()


@pytest.mark.slow
@needs("optuna", "optuna")
class TestOptunaTPE(PlannerContract):
    planner = Optuna("tpe")

    def test_it_is_a_planner(self) -> None:
        assert isinstance(self.planner, Planner)

    def test_another_process_proposes_the_same(self) -> None:
        """Tried with the default sampler."""
