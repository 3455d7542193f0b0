"""What Optuna is told and asked: with stand-ins for its parts, and with Optuna itself where it is installed."""

from __future__ import annotations

import importlib.util
import math
from types import SimpleNamespace
from typing import Any

import pytest

from autolab.model.candidates import Candidates
from autolab.model.errors import InputError, MissingExtra
from autolab.model.objectives import Objective
from autolab.model.parameters import Categorical, Integer, Mixture, Ordinal, Real
from autolab.model.problem import Problem
from autolab.model.space import Space
from autolab.model.trial import Trial, as_outcome
from autolab.planners import optuna as module
from autolab.planners.optuna import Optuna, OptunaSession

needs_optuna = pytest.mark.skipif(
    importlib.util.find_spec("optuna") is None, reason="needs optuna: pip install 'autolab-sdl[optuna]'"
)
SPACE = Space(
    [
        Mixture(["a", "b", "s"], total=2.0),
        Ordinal("v", [1, 5, 9]),
        Categorical("c", ["p", "q"]),
        Real("r", 1, 10, log=True),
        Integer("k", 0, 3),
    ]
)
POINT = {"a": 0.5, "b": 0.5, "s": 1.0, "v": 5, "c": "q", "r": 2.0, "k": 1}


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


class Study:
    """A stand-in for a study: it notes what it is told, and asks for what `next` holds."""

    def __init__(self) -> None:
        self.heard: list[Any] = []
        self.next: list[Any] = []

    def add_trial(self, trial: Any) -> None:
        self.heard.append(("add", trial))

    def tell(self, trial: Any, values: Any = None, state: Any = None) -> None:
        self.heard.append(("tell", trial.number, values, state))

    def ask(self, distributions: Any) -> Any:
        return self.next.pop(0)


@pytest.fixture
def begin(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Return a function that begins a problem with the stand-ins: a triple of session, study and how it was made."""
    study, made = Study(), SimpleNamespace(told={})

    def create_study(**told: Any) -> Study:
        made.told = told
        return study

    optuna = SimpleNamespace(
        distributions=Distributions,
        samplers=SimpleNamespace(GPSampler=lambda seed: ("gp", seed), TPESampler=lambda seed: ("tpe", seed)),
        create_study=create_study,
        trial=SimpleNamespace(
            create_trial=lambda **told: told, TrialState=SimpleNamespace(FAIL="fail", COMPLETE="done", RUNNING="runs")
        ),
    )
    monkeypatch.setattr(OptunaSession, "prepare", lambda *_: None)
    monkeypatch.setattr(module, "importlib", SimpleNamespace(import_module={"optuna": optuna}.__getitem__))

    def session(problem: Problem, sampler: Any = "gp") -> tuple[OptunaSession, Study, Any]:
        return OptunaSession(problem, 3, sampler), study, made

    return session


def test_the_sampler_is_chosen() -> None:
    assert Optuna() == Optuna("gp")
    with pytest.raises(InputError, match="sampler must be 'gp' or 'tpe', got 'cma'"):
        Optuna("cma")  # type: ignore[arg-type]  # on purpose


def test_values_mean_points_and_back(begin: Any) -> None:
    session, _, made = begin(Problem(SPACE, [Objective("y"), Objective("z", "minimize")]), "tpe")
    assert made.told == {"sampler": ("tpe", 3), "directions": ["maximize", "minimize"]}
    assert {name: one.told for name, one in session._distributions.items()} == {
        **dict.fromkeys(["a", "b", "s"], (0.0, 1.0, False)),
        "v": (0, 2),
        "c": ("p", "q"),
        "r": (1.0, 10.0, True),
        "k": (0, 3),
    }
    for point in SPACE.sample(20, 1):
        assert SPACE.key(SPACE.snap(session._meant(session._values(point)))) == SPACE.key(point)
    given = {"a": math.exp(-1), "b": math.exp(-3), "s": 1.0, "v": 2, "c": "q", "r": 2.0, "k": 0}
    expected = {"a": 0.5, "b": 1.5, "s": 0.0, "v": 9, "c": "q", "r": 2.0, "k": 0}
    assert session._meant(given) == pytest.approx(expected, abs=1e-9)


def test_draws_of_nothing_but_ones_do_no_harm(begin: Any) -> None:
    session, _, _ = begin(Problem(SPACE, [Objective("y")]))
    found = session._meant({"a": 1.0, "b": 1.0, "s": 1.0, "v": 0, "c": "p", "r": 1.0, "k": 0})
    assert math.isfinite(found["a"])


def test_what_became_of_points_is_added(begin: Any) -> None:
    goals = [Objective("y", "match", target=7.0), Objective("z")]
    session, study, made = begin(Problem(SPACE, goals, ["cost <= 1", "z >= 2"]))
    session.tell(POINT, as_outcome({"y": (6.0, 0.1), "z": 3.0, "cost": 1.5}))
    session.tell(POINT, None)
    session.wait(POINT)

    assert made.told["directions"] == ["minimize", "maximize"]
    assert [(told["state"], told.get("values"), told.get("constraints")) for _, told in study.heard] == [
        ("done", [1.0, 3.0], {"cost0": 0.5, "z1": -1.0}),
        ("fail", None, None),
        ("runs", None, None),
    ]
    assert study.heard[0][1]["params"] == session._values(POINT)
    assert list(session.ignored) == ["standard errors"]


class Open(SimpleNamespace):
    def set_constraint(self, name: str, value: float) -> None:
        self.limits = {**getattr(self, "limits", {}), name: value}


def test_a_trial_of_its_own_is_told_where_its_point_is_measured(begin: Any) -> None:
    session, study, _ = begin(Problem(SPACE, [Objective("y")], ["cost <= 1"]))
    trial = Open(number=4, params=session._values(POINT))
    study.next = [trial]
    (asked,) = session.ask(1)
    session.lands(SPACE.snap(asked))
    session.tell(SPACE.snap(asked), as_outcome({"y": 3.0, "cost": 0.5}))

    assert study.heard == [("tell", 4, [3.0], "done")]
    assert trial.limits == {"cost0": -0.5}


def test_one_beside_a_table_fails(begin: Any) -> None:
    pool = Problem(Candidates({"x": [0.0, 1.0, 2.0], "one": [7, 7, 7]}), [Objective("y")])
    session, study, _ = begin(pool)
    study.next = [Open(number=4, params={"x": 1.1}), Open(number=5, params={"x": 2.0})]
    assert session.ask(2) == [{"x": 1.1, "one": 7}, {"x": 2.0, "one": 7}]
    session.lands({"x": 1.0, "one": 7})
    session.lands({"x": 2.0, "one": 7})
    session.tell({"x": 2.0, "one": 7}, as_outcome({"y": 3.0}))

    assert study.heard == [("tell", 4, None, "fail"), ("tell", 5, [3.0], "done")]


@pytest.mark.skipif(importlib.util.find_spec("optuna") is not None, reason="Optuna is installed")
def test_without_the_extra_it_says_how_to_get_it() -> None:
    with pytest.raises(MissingExtra, match=r"planner Optuna needs the package optuna .*'autolab-sdl\[optuna\]'"):
        Optuna().suggest(Problem(SPACE, [Objective("y")]), [], n=1, seed=1)


@needs_optuna
@pytest.mark.slow
@pytest.mark.parametrize(("sampler", "near"), [("gp", 2e-3), ("tpe", 5e-2)])
def test_it_comes_near_the_optimum(sampler: Any, near: float) -> None:
    problem = Problem(Space([Real("x", 0, 1), Real("z", 0, 1)]), [Objective("y", "minimize")])
    history: list[Trial] = []
    for i in range(25):
        (found,) = Optuna(sampler).suggest(problem, history, n=1, seed=i)
        y = (float(found["x"]) - 0.3) ** 2 + (float(found["z"]) - 0.7) ** 2
        history.append(Trial.completed(found.point, {"y": y}))
        assert dict(found.info) == {"rule": f"optuna_{sampler}"}
    assert min(trial.outcome["y"].value for trial in history) < near


@needs_optuna
@pytest.mark.slow
def test_it_keeps_off_what_breaks_a_constraint() -> None:
    """The best of what is allowed lies at the border x = 0.5."""
    problem = Problem(Space([Real("x", 0, 1)]), [Objective("y")], ["cost <= 0.5"])
    history = [Trial.completed({"x": i / 12}, {"y": i / 12, "cost": i / 12}) for i in range(13)]
    (found,) = Optuna().suggest(problem, history, n=1, seed=1)
    assert 0.4 < float(found["x"]) < 0.6
