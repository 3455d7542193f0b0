"""The script that runs other packages: what they are told, what they are asked, and that it goes on."""

from __future__ import annotations

import importlib.util
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest
import yaml

from autolab.model.candidates import Candidates
from autolab.model.objectives import Objective
from autolab.model.parameters import Integer, Real
from autolab.model.problem import Problem
from autolab.model.space import Space
from autolab.model.trial import Outcome, Trial
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

        def begin(self, problem: Problem, seed: int) -> Any:
            self.heard.append(("begin", seed))
            return self

        def tell(self, point: dict[str, Any], outcome: Outcome | None) -> None:
            self.heard.append((point, None if outcome is None else outcome["y"].value))

        def ask(self, n: int) -> list[dict[str, Any]]:
            return [self.asks.pop(0) for _ in range(n)]

        def lands(self, point: dict[str, Any]) -> None:
            self.heard.append(("lands", point))

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
    assert [one[1]["x"] for one in noted.heard if one[0] == "lands"] == [1.0, 2.0, 3.0]


def test_numbers_land_in_the_space(noted: Any) -> None:
    noted.asks = [{"x": 1.0 + 1e-12, "k": 4.2}]
    (found,) = noted.suggest(BOX, [], n=1, seed=1)

    assert dict(found) == {"x": 1.0, "k": 4}


def test_the_peers_are_sessions_of_the_planners(peers: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    begun: list[Any] = []
    for name in ("AxSession", "BayBESession", "OptunaSession"):
        monkeypatch.setattr(peers, name, lambda *told, name=name: begun.append((name, *told[1:])))
    settings, quiet = SimpleNamespace(random_seed=None), SimpleNamespace(set_verbosity=lambda level: None, ERROR=40)
    modules = {"baybe.settings": SimpleNamespace(active_settings=settings), "optuna": SimpleNamespace(logging=quiet)}
    monkeypatch.setattr(peers.importlib, "import_module", modules.__getitem__)
    monkeypatch.setattr(peers.logging, "disable", lambda level: None)
    for kind in (peers.Ax, peers.BayBE, peers.OptunaGP, peers.OptunaTPE):
        kind().begin(BOX, 3)

    assert begun == [
        ("AxSession", 3),
        ("BayBESession", 3, "worst"),
        ("OptunaSession", 3, "gp"),
        ("OptunaSession", 3, "tpe"),
    ]
    assert settings.random_seed == 3


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
