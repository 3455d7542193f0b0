"""Planners in the plans of bluesky-adaptive and blop, on a real RunEngine with simulated devices."""

from __future__ import annotations

import importlib
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

from autolab.model.objectives import Objective, OutcomeConstraint
from autolab.model.parameters import Integer, Mixture, Real
from autolab.model.problem import Problem
from autolab.model.space import Space
from autolab.model.trial import Trial
from autolab.planners.forest import Forest
from autolab.planners.from_optimizer import FromOptimizer
from autolab.planners.optimizer import PlannerOptimizer, as_optimizer
from autolab.planners.sobol import Sobol

PACKAGES = ["bluesky_adaptive", "blop"]
SPACE = Space([Real("x1", -5, 5), Real("x2", -5, 5)])
PROBLEM = Problem(SPACE, [Objective("himmelblau", "minimize")])


@pytest.fixture(params=PACKAGES)
def package(request: pytest.FixtureRequest) -> ModuleType:
    reason = f"needs {request.param}: see tests/planners/test_third_party.py"
    module: ModuleType = pytest.importorskip(request.param, reason=reason)
    return module


@pytest.fixture
def contract(package: ModuleType) -> ModuleType:
    return importlib.import_module(f"{package.__name__}.protocols")


@pytest.fixture
def plans(package: ModuleType) -> ModuleType:
    return importlib.import_module(f"{package.__name__}.plans")


@pytest.fixture(scope="module")
def engine() -> Any:
    from bluesky.run_engine import RunEngine

    return RunEngine({}, context_managers=[])


class Motor:
    """A movable that arrives at once, and that can be read."""

    parent = None

    def __init__(self, name: str) -> None:
        self.name, self.at = name, 0.0

    @property
    def hints(self) -> dict[str, Any]:
        return {"fields": [self.name]}

    def set(self, value: float) -> Any:
        from ophyd.sim import NullStatus

        self.at = value
        return NullStatus()

    def read(self) -> dict[str, Any]:
        return {self.name: {"value": self.at, "timestamp": 0.0}}

    def describe(self) -> dict[str, Any]:
        return {self.name: {"source": "simulated", "dtype": "number", "shape": []}}


def himmelblau(point: Mapping[str, Any]) -> float:
    return float((point["x1"] ** 2 + point["x2"] - 11) ** 2 + (point["x1"] + point["x2"] ** 2 - 7) ** 2)


class Evaluation:
    """What the acquisition gave, noted."""

    def __init__(self, trouble: int | None = None) -> None:
        self.calls, self.trouble = 0, trouble
        self.seen: list[dict[str, Any]] = []

    def __call__(self, uid: Any, suggestions: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
        self.calls += 1
        if self.calls == self.trouble:
            msg = "the detector was full"
            raise RuntimeError(msg)
        self.seen += [dict(one) for one in suggestions]
        return [{"_id": one["_id"], "himmelblau": himmelblau(one)} for one in suggestions]


def problem_of(contract: ModuleType, optimizer: Any, evaluation: Any) -> Any:
    motors = [Motor("x1"), Motor("x2")]
    return contract.OptimizationProblem(
        optimizer=optimizer, actuators=motors, sensors=[], evaluation_function=evaluation
    )


def test_it_meets_the_contract(contract: ModuleType) -> None:
    plain = as_optimizer(PROBLEM, Sobol(), seed=1)
    stopping = as_optimizer(PROBLEM, Sobol(), seed=1, stop=lambda problem, trials: None)

    for name in ("Optimizer", "CanRegisterSuggestions", "TrialFaultAware", "Checkpointable"):
        assert isinstance(plain, getattr(contract, name)), name
    assert not isinstance(plain, contract.SupportsStoppingCriteria)
    assert isinstance(stopping, contract.SupportsStoppingCriteria)
    assert contract.ID_KEY == "_id"


def test_a_plan_optimizes(contract: ModuleType, plans: ModuleType, engine: Any, tmp_path: Path) -> None:
    optimizer = as_optimizer(PROBLEM, Forest(), seed=3, checkpoint=tmp_path / "state.json")
    evaluation = Evaluation()
    documents: list[tuple[str, Mapping[str, Any]]] = []
    asked = problem_of(contract, optimizer, evaluation)
    plan = plans.optimize(asked, iterations=6, n_points=2, checkpoint_interval=3)
    engine(plan, lambda name, document: documents.append((name, document)))

    assert [trial.state for trial in optimizer.trials] == ["completed"] * 12
    assert [dict(trial.point) for trial in optimizer.trials] == [
        {key: value for key, value in one.items() if key != "_id"} for one in sorted(evaluation.seen, key=_id)
    ]
    ((number, point, outcome),) = optimizer.get_best_points()
    assert outcome == {"himmelblau": min(himmelblau(one) for one in evaluation.seen)}
    assert himmelblau(point) == outcome["himmelblau"]
    assert {trial.info["rule"] for trial in optimizer.trials} == {"design", "improvement"}
    (own,) = [d["uid"] for name, d in documents if name == "start" and d.get("plan_name") == "optimize"]
    descriptors = {d["uid"] for name, d in documents if name == "descriptor" and d["run_start"] == own}
    events = [d["data"] for name, d in documents if name == "event" and d["descriptor"] in descriptors]
    assert {int(one["suggestion_ids"]) for one in events} == set(range(1, 13))
    assert number in {int(one["suggestion_ids"]) for one in events}

    again = as_optimizer(PROBLEM, Forest(), seed=99, checkpoint=tmp_path / "state.json")
    again.restore()
    assert again.trials == optimizer.trials
    assert again.suggest(2) == optimizer.suggest(2)


def _id(one: Mapping[str, Any]) -> int:
    return int(one["_id"])


def test_a_plan_that_fails_tells_it(contract: ModuleType, plans: ModuleType, engine: Any) -> None:
    optimizer = as_optimizer(PROBLEM, Sobol(), seed=3)
    with pytest.raises(RuntimeError, match="the detector was full"):
        engine(plans.optimize(problem_of(contract, optimizer, Evaluation(trouble=2)), iterations=3, n_points=2))

    assert [trial.state for trial in optimizer.trials] == ["completed"] * 2 + ["failed"] * 2
    assert not optimizer.pending


def test_a_plan_without_end_stops_by_the_rule(contract: ModuleType, plans: ModuleType, engine: Any) -> None:
    def enough(problem: Problem, trials: Sequence[Trial]) -> str | None:
        return "five are enough" if len(trials) >= 5 else None

    stopping = as_optimizer(PROBLEM, Sobol(), seed=3, stop=enough)
    engine(plans.optimize(problem_of(contract, stopping, Evaluation()), iterations=None))
    assert len(stopping.trials) == 5

    endless = as_optimizer(PROBLEM, Sobol(), seed=3)
    with pytest.raises(ValueError, match="SupportsStoppingCriteria"):
        engine(plans.optimize(problem_of(contract, endless, Evaluation()), iterations=None))
    assert not endless.trials


def test_points_of_a_person_and_a_baseline(contract: ModuleType, plans: ModuleType, engine: Any) -> None:
    optimizer = as_optimizer(PROBLEM, Sobol(), seed=3)
    asked = problem_of(contract, optimizer, Evaluation())
    engine(plans.sample_suggestions(asked, [{"x1": 3.0, "x2": 2.0}, {"x1": 0.0, "x2": 0.0}]))
    engine(plans.acquire_baseline(asked))

    assert [(trial.state, trial.source) for trial in optimizer.trials] == [
        ("completed", "campaign"),
        ("completed", "campaign"),
        ("completed", "import"),
    ]
    assert optimizer.get_best_points() == [(1, {"x1": 3.0, "x2": 2.0}, {"himmelblau": 0.0})]


def test_the_stub_goes_to_the_best(package: ModuleType, contract: ModuleType, engine: Any) -> None:
    stubs = importlib.import_module(f"{package.__name__}.plan_stubs")
    optimizer = as_optimizer(PROBLEM, Sobol(), seed=3)
    optimizer.ingest([{"x1": 1.5, "x2": -2.5, "himmelblau": 0.1}, {"x1": 4.0, "x2": 4.0, "himmelblau": 9.0}])
    motors = [Motor("x1"), Motor("x2")]
    engine(stubs.navigate_to_best(motors, optimizer))

    assert [one.at for one in motors] == [1.5, -2.5]


def test_a_whole_run_can_be_one(contract: ModuleType, plans: ModuleType, engine: Any) -> None:
    optimizer = as_optimizer(PROBLEM, Sobol(), seed=3)
    engine(plans.optimize_in_run(problem_of(contract, optimizer, Evaluation()), iterations=2, n_points=3))

    assert [trial.state for trial in optimizer.trials] == ["completed"] * 6


def test_mixtures_and_constraints_hold_in_plans(contract: ModuleType, plans: ModuleType, engine: Any) -> None:
    space = Space([Mixture(["x1", "x2", "s"]), Integer("k", 1, 3)], ["x1 + 0.1*k <= 0.6"])
    problem = Problem(space, [Objective("himmelblau", "minimize")], [OutcomeConstraint("himmelblau", "<=", 1e9)])
    optimizer = as_optimizer(problem, Sobol(), seed=3)
    motors = [Motor(name) for name in space.names]
    asked = contract.OptimizationProblem(
        optimizer=optimizer, actuators=motors, sensors=[], evaluation_function=Evaluation()
    )
    engine(plans.optimize(asked, iterations=2, n_points=4))

    assert all(space.contains(trial.point) for trial in optimizer.trials)
    assert len({space.key(trial.point) for trial in optimizer.trials}) == 8


# -- their optimizers in autolab's loop


def make_ax(problem: Problem, seed: int) -> Any:
    """Return bluesky-adaptive's own optimizer, on Ax."""
    number = importlib.import_module("ax.api.configs").RangeParameterConfig
    made = importlib.import_module("bluesky_adaptive.ax.optimizer").AxOptimizer(
        [number(name=name, bounds=(-5.0, 5.0), parameter_type="float") for name in problem.space.names],
        objective="-himmelblau",
        client_kwargs={"random_seed": seed},
    )
    made.ax_client.configure_generation_strategy(initialize_with_center=False, initialization_random_seed=seed)
    return made


@pytest.mark.slow
def test_their_optimizer_is_a_planner() -> None:
    pytest.importorskip("bluesky_adaptive", reason="needs bluesky-adaptive")
    pytest.importorskip("ax", reason="needs ax-platform: pip install 'autolab-sdl[ax]'")
    planner = FromOptimizer(make_ax)
    history = [Trial.completed(one, {"himmelblau": (himmelblau(one), 0.1)}) for one in SPACE.sample(8, 0)]
    history.append(Trial.failed({"x1": 0.0, "x2": 0.0}, "clogged"))
    found = planner.suggest(PROBLEM, history, n=2, pending=[{"x1": 1.0, "x2": 1.0}], seed=5)

    assert found == planner.suggest(PROBLEM, history, n=2, pending=[{"x1": 1.0, "x2": 1.0}], seed=5)
    assert len({SPACE.key(one) for one in found}) == 2
    assert all(dict(one.info) == {"rule": "optimizer"} for one in found)


def test_a_planner_that_became_an_optimizer_is_a_planner_again() -> None:
    planner = FromOptimizer(lambda problem, seed: as_optimizer(problem, Forest(), seed=seed))
    history = [Trial.completed(one, {"himmelblau": himmelblau(one)}) for one in SPACE.sample(8, 0)]
    (found,) = planner.suggest(PROBLEM, history, n=1, seed=5)

    assert SPACE.contains(found)
    assert dict(found.info) == {"rule": "optimizer"}


def test_state_can_be_read_by_people(tmp_path: Path) -> None:
    optimizer = PlannerOptimizer(PROBLEM, Sobol(), seed=1, checkpoint=tmp_path / "state.json")
    optimizer.suggest()
    optimizer.checkpoint()
    state = json.loads((tmp_path / "state.json").read_text(encoding="utf-8"))
    assert SimpleNamespace(**state).trials[0]["state"] == "running"
