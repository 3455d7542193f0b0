"""The script that runs other packages: what they are told, what they are asked, and that it goes on."""

from __future__ import annotations

import importlib.util
import json
import math
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import yaml

from autolab.model.candidates import Candidates
from autolab.model.objectives import Objective, OutcomeConstraint
from autolab.model.parameters import Categorical, Integer, Mixture, Ordinal, Real
from autolab.model.problem import Problem
from autolab.model.space import Space
from autolab.model.trial import Outcome, Trial, as_outcome
from autolab.spec.study_file import load_study, study_of
from autolab.study.cases import NAMES
from autolab.study.results import ResultsFile

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "benchmarks" / "planners"


@pytest.fixture(scope="module")
def peers() -> Iterator[ModuleType]:
    """Load the script as a module."""
    spec = importlib.util.spec_from_file_location("peers", FOLDER / "peers.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["peers"] = module
    spec.loader.exec_module(module)
    yield module
    del sys.modules["peers"]


@pytest.fixture
def noted(peers: ModuleType) -> Any:
    """Return a package that notes what it hears, and asks for what `asks` holds."""

    class Noted(peers.Peer):  # type: ignore[name-defined,misc]  # loaded above
        def __init__(self) -> None:
            super().__init__()
            self.heard: list[Any] = []
            self.asks: list[dict[str, Any]] = []

        def begin(self, seed: int) -> None:
            self.heard.append(("begin", seed))

        def tell(self, point: dict[str, Any], outcome: Outcome | None) -> None:
            self.heard.append((point, None if outcome is None else outcome["y"].value))

        def ask(self, n: int) -> list[dict[str, Any]]:
            return [self.asks.pop(0) for _ in range(n)]

        def lands(self, asked: dict[str, Any], point: dict[str, Any]) -> None:
            self.heard.append(("lands", asked, point))

    return Noted()


POOL = Problem(Candidates({"x": [0.0, 1.0, 2.0, 3.0], "c": ["p", "p", "q", "q"]}), [Objective("y")])
BOX = Problem(Space([Real("x", 0, 1), Integer("k", 1, 9)]), [Objective("y")])


def test_it_is_told_what_is_new_and_then_asked(noted: Any) -> None:
    first = [Trial.completed({"x": 0.5, "k": 2}, {"y": 1.0}), Trial.failed({"x": 0.1, "k": 3}, "clogged")]
    noted.asks = [{"x": 0.25, "k": 4}, {"x": 0.75, "k": 5}]
    (found,) = noted.suggest(BOX, first, n=1, seed=7)
    noted.suggest(BOX, [*first, Trial.completed(found, {"y": 2.0})], n=1, seed=8)

    told = [one for one in noted.heard if one[0] != "lands"]
    assert dict(found) == {"x": 0.25, "k": 4}
    assert told == [("begin", 7), ({"x": 0.5, "k": 2}, 1.0), ({"x": 0.1, "k": 3}, None), ({"x": 0.25, "k": 4}, 2.0)]


def test_another_history_begins_anew(noted: Any) -> None:
    noted.asks = [{"x": 0.25, "k": 4}] * 2
    noted.suggest(BOX, [Trial.completed({"x": 0.5, "k": 2}, {"y": 1.0})], n=1, seed=7)
    noted.suggest(BOX, [Trial.completed({"x": 0.6, "k": 2}, {"y": 1.0})], n=1, seed=8)

    assert [one for one in noted.heard if one[0] == "begin"] == [("begin", 7), ("begin", 8)]


def test_a_box_lands_on_the_nearest_candidate_that_is_not_tried(noted: Any) -> None:
    noted.asks = [{"x": 1.1, "c": "p"}, {"x": 0.9, "c": "p"}, {"x": 1.0, "c": "p"}]
    tried = [Trial.completed({"x": 0.0, "c": "p"}, {"y": 1.0})]
    found = noted.suggest(POOL, tried, n=3, seed=1)

    assert [one["x"] for one in found] == [1.0, 2.0, 3.0]
    assert ("lands", {"x": 1.1, "c": "p"}, {"x": 1.0, "c": "p"}) in noted.heard


def test_numbers_land_in_the_space(noted: Any) -> None:
    noted.asks = [{"x": 1.0 + 1e-12, "k": 4.2}]
    (found,) = noted.suggest(BOX, [], n=1, seed=1)

    assert dict(found) == {"x": 1.0, "k": 4}


class Distributions:
    """A stand-in for those of Optuna."""

    class FloatDistribution:
        def __init__(self, low: float, high: float, log: bool = False) -> None:
            self.told = (low, high, log)

    class IntDistribution:
        def __init__(self, low: int, high: int) -> None:
            self.told = (low, high)

    class CategoricalDistribution:
        def __init__(self, choices: list[Any]) -> None:
            self.told = tuple(choices)


def test_optunas_values_mean_points_and_back(peers: ModuleType) -> None:
    space = Space(
        [
            Mixture(["a", "b", "s"], total=2.0),
            Ordinal("v", [1, 5, 9]),
            Categorical("c", ["p", "q"]),
            Real("r", 1, 10, log=True),
        ]
    )
    optuna = peers.OptunaTPE()
    optuna.problem = Problem(space, [Objective("y")])
    optuna._optuna = type("Optuna", (), {"distributions": Distributions})
    optuna._distributions = optuna._declared()
    assert {name: one.told for name, one in optuna._distributions.items()} == {
        **dict.fromkeys(["a", "b", "s"], (0.0, 1.0, False)),
        "v": (0, 2),
        "c": ("p", "q"),
        "r": (1.0, 10.0, True),
    }
    for point in space.sample(20, 1):
        again = optuna._point(optuna._values(point))
        assert space.key(again) == space.key(point)
    draws = optuna._point({"a": math.exp(-1), "b": math.exp(-3), "s": 1.0, "v": 2, "c": "q", "r": 2.0})
    assert draws == pytest.approx({"a": 0.5, "b": 1.5, "s": 0.0, "v": 9, "c": "q", "r": 2.0}, abs=1e-9)


def test_baybe_is_told_the_worst_where_it_has_no_way_to_be_told(peers: ModuleType) -> None:
    told: list[Any] = []
    baybe = peers.BayBE()
    baybe.problem = Problem(BOX.space, [Objective("y", "minimize")])
    baybe._values = []
    baybe._pandas = type("Pandas", (), {"DataFrame": staticmethod(lambda rows: rows[0])})
    baybe._campaign = type("Campaign", (), {"add_measurements": staticmethod(told.append)})
    point = {"x": 0.5, "k": 1}
    for outcome in (None, as_outcome({"y": 3.0}), as_outcome({"y": 1.0}), None):
        baybe.tell(point, outcome)

    assert [one["y"] for one in told] == [3.0, 1.0, 3.0]  # of the first failure nothing can be told yet


class Client:
    """A stand-in for that of Ax: it notes what it is told, and proposes what `next` holds."""

    def __init__(self) -> None:
        self.heard: list[Any] = []
        self.next: dict[int, dict[str, Any]] = {}

    def __getattr__(self, name: str) -> Any:
        def note(**told: Any) -> Any:
            self.heard.append((name, told))
            return {"get_next_trials": self.next, "attach_trial": 40}.get(name)

        return note


@pytest.fixture
def ax(peers: ModuleType, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Return a function that begins a problem with the stand-in: a pair of the peer and its client."""
    client = Client()
    api = type("Api", (), {"Client": staticmethod(lambda random_seed: client)})
    configs = type("Configs", (), {f"{one}ParameterConfig": dict for one in ("Range", "Choice")})
    modules = {"ax.api.client": api, "ax.api.configs": configs}
    monkeypatch.setattr(peers.importlib, "import_module", modules.__getitem__)
    monkeypatch.setattr(peers.logging, "disable", lambda level: None)

    def begin(problem: Problem) -> tuple[Any, Client]:
        peer = peers.Ax()
        peer.problem = problem
        peer.begin(3)
        return peer, client

    return begin


def test_ax_has_a_mixture_without_its_last_component(ax: Any) -> None:
    space = Space(
        [Mixture(["a", "b", "s"], bounds={"s": (0.2, 0.8)}), Ordinal("v", [1, 5]), Categorical("c", ["p", "q"])]
    )
    problem = Problem(space, [Objective("y"), Objective("z", "minimize")], [OutcomeConstraint("cost", "<=", 0.9)])
    _, client = ax(problem)
    (_, experiment), (_, optimization) = client.heard

    assert [(one["name"], one.get("bounds", one.get("values"))) for one in experiment["parameters"]] == [
        ("a", (0.0, 1.0)),
        ("b", (0.0, 1.0)),
        ("v", [1.0, 5.0]),
        ("c", ["p", "q"]),
    ]
    assert experiment["parameter_constraints"] == ["a + b <= 0.8", "a + b >= 0.19999999999999996"]
    assert optimization == {"objective": "y, -z", "outcome_constraints": ["cost <= 0.9"]}


def test_ax_is_told_its_own_trial_or_a_new_one(ax: Any) -> None:
    peer, client = ax(BOX)
    client.next = {5: {"x": 0.25, "k": 4}}
    (asked,) = peer.ask(1)
    peer.lands(asked, {"x": 0.25, "k": 4})
    peer.tell({"x": 0.25, "k": 4}, as_outcome({"y": (2.0, 0.1)}))
    peer.tell({"x": 0.5, "k": 2}, as_outcome({"y": 1.0}))
    peer.tell({"x": 0.6, "k": 2}, None)

    assert client.heard[3:] == [
        ("complete_trial", {"trial_index": 5, "raw_data": {"y": (2.0, 0.1)}}),
        ("attach_trial", {"parameters": {"x": 0.5, "k": 2}}),
        ("complete_trial", {"trial_index": 40, "raw_data": {"y": 1.0}}),
        ("attach_trial", {"parameters": {"x": 0.6, "k": 2}}),
        ("mark_trial_failed", {"trial_index": 40}),
    ]


def test_ax_leaves_a_point_beside_the_pool_alone(ax: Any) -> None:
    peer, client = ax(POOL)
    client.next = {0: {"x": 1.1, "c": "p"}}
    (asked,) = peer.ask(1)
    peer.lands(asked, {"x": 1.0, "c": "p"})
    peer.tell({"x": 1.0, "c": "p"}, as_outcome({"y": 1.0}))

    assert [name for name, _ in client.heard[3:]] == ["mark_trial_abandoned", "attach_trial", "complete_trial"]


def test_a_study_has_peers_in_place_of_its_planners(peers: ModuleType) -> None:
    study = peers.study_for(FOLDER / "small.yaml", ["random", "ax"], None, 2, ["branin"])
    own = load_study_of("branin", 20)

    assert [one.name for one in study.planners] == ["random", "ax"]
    assert [one.setting for one in study.problems] == [own.problems[0].setting]
    assert list(study.seeds) == [0, 1]


def load_study_of(problem: str, budget: int) -> Any:
    told: Any = {"autolab": 1, "name": "x", "planners": {"random": {}}, "problems": {problem: {"budget": budget}}}
    return study_of(told).study


def test_the_script_runs_and_goes_on(tmp_path: Path) -> None:
    results = tmp_path / "peers.jsonl"
    command = [sys.executable, str(FOLDER / "peers.py"), str(FOLDER / "small.yaml"), "--peers", "random"]
    command += ["--problems", "branin", "--seeds", "2", "--results", str(results)]
    first = subprocess.run(command, capture_output=True, text=True, check=True, timeout=120)
    again = subprocess.run(command, capture_output=True, text=True, check=True, timeout=120)

    assert [line.split(":")[0] for line in first.stdout.splitlines()] == [
        "branin, random, seed 0",
        "branin, random, seed 1",
    ]
    assert again.stdout == ""
    assert len(ResultsFile(results).read()) == 2


def test_the_study_of_all_problems_has_all_of_them() -> None:
    told = yaml.safe_load((FOLDER / "all.yaml").read_text(encoding="utf-8"))

    assert set(told["problems"]) == set(NAMES)
    assert told["first_seed"] >= 1000
    assert told["seeds"] >= 50


def test_the_small_study_is_without_fault_but_for_the_data(tmp_path: Path) -> None:
    told = yaml.safe_load((FOLDER / "small.yaml").read_text(encoding="utf-8"))
    told["problems"].pop("p3ht")
    path = tmp_path / "small.yaml"
    path.write_text(json.dumps(told), encoding="utf-8")

    assert len(load_study(path).study.runs) == 18


@pytest.mark.skipif(not (FOLDER / "peers.jsonl").exists(), reason="no traces are kept")
def test_the_traces_that_are_kept_are_whole() -> None:
    results = ResultsFile(FOLDER / "peers.jsonl").read()

    assert results
    for one in results:
        assert len(one.score) == one.setting.budget or one.error
        assert one.planner == "random" or {"ax-platform", "baybe", "optuna"} & set(one.versions)
