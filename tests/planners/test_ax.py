"""What Ax is told and asked: with a stand-in for its client, and with Ax itself where it is installed."""

from __future__ import annotations

import importlib
import importlib.util
from types import SimpleNamespace
from typing import Any

import pytest

from autolab.model.candidates import Candidates
from autolab.model.errors import MissingExtra
from autolab.model.objectives import Objective, OutcomeConstraint
from autolab.model.parameters import Categorical, Integer, Mixture, Ordinal, Real
from autolab.model.problem import Problem
from autolab.model.space import Space
from autolab.model.trial import Trial, as_outcome
from autolab.planners import ax as module
from autolab.planners.ax import Ax, AxSession

needs_ax = pytest.mark.skipif(
    importlib.util.find_spec("ax") is None, reason="needs ax-platform: pip install 'autolab-sdl[ax]'"
)
POOL = Problem(Candidates({"x": [0.0, 1.0, 2.0, 3.0], "c": ["p", "p", "q", "q"], "one": [7] * 4}), [Objective("y")])
BOX = Problem(Space([Real("x", 0, 1), Integer("k", 1, 9)]), [Objective("y")])


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
def begin(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Return a function that begins a problem with the stand-in: a pair of the session and its client."""
    client = Client()
    modules = {
        "ax.api.client": SimpleNamespace(Client=lambda random_seed: client),
        "ax.api.configs": SimpleNamespace(RangeParameterConfig=dict, ChoiceParameterConfig=dict),
    }
    monkeypatch.setattr(AxSession, "prepare", lambda *_: None)
    monkeypatch.setattr(module, "importlib", SimpleNamespace(import_module=modules.__getitem__))

    def made(problem: Problem, **more: Any) -> tuple[AxSession, Client]:
        return AxSession(problem, 3, **more), client

    return made


def declared(client: Client) -> list[Any]:
    return [(one["name"], one.get("bounds", one.get("values"))) for one in client.heard[0][1]["parameters"]]


def test_a_mixture_goes_without_its_last_component(begin: Any) -> None:
    space = Space(
        [Mixture(["a", "b", "s"], bounds={"s": (0.2, 0.8)}), Ordinal("v", [1, 5]), Categorical("c", ["p", "q"])]
    )
    problem = Problem(space, [Objective("y"), Objective("z", "minimize")], [OutcomeConstraint("cost", "<=", 0.9)])
    _, client = begin(problem)

    assert declared(client) == [("p0", (0.0, 1.0)), ("p1", (0.0, 1.0)), ("p2", [1.0, 5.0]), ("p3", ["p", "q"])]
    assert client.heard[0][1]["parameter_constraints"] == [
        "-1.0*p0 + -1.0*p1 <= -0.19999999999999996",
        "1.0*p0 + 1.0*p1 <= 0.8",
    ]
    assert client.heard[1][1] == {"objective": "m0, -m1", "outcome_constraints": ["m2 <= 0.9"]}


def test_what_a_constraint_weighs_is_linear_there(begin: Any) -> None:
    space = Space([Real("x", 0.1, 1, log=True), Real("z", 0.1, 1, log=True), Ordinal("v", [1, 2, 5])], ["v + 3*x <= 5"])
    _, client = begin(Problem(space, [Objective("y")]))

    parameters = client.heard[0][1]["parameters"]
    assert [one.get("scaling") for one in parameters] == [None, "log", None]
    assert parameters[2]["bounds"] == (1.0, 5.0)
    assert client.heard[0][1]["parameter_constraints"] == ["1.0*p2 + 3.0*p0 <= 5.0"]


def test_a_table_is_a_box_of_what_varies(begin: Any) -> None:
    session, client = begin(POOL)
    client.next = {0: {"p0": 1.1, "p1": "p"}}

    assert declared(client) == [("p0", (0.0, 3.0)), ("p1", ["p", "q"])]
    assert session.ask(1) == [{"x": 1.1, "c": "p", "one": 7}]


def test_labels_of_any_kind_are_texts_and_come_back(begin: Any) -> None:
    problem = Problem(Space([Categorical("c", [1, "1", 2.5])]), [Objective("y")])
    session, client = begin(problem)
    client.next = {0: {"p0": "0: 1"}, 1: {"p0": "1: 1"}}
    session.wait({"c": 2.5})

    assert session.ask(2) == [{"c": 1}, {"c": "1"}]
    assert client.heard[2] == ("attach_trial", {"parameters": {"p0": "2: 2.5"}})


def test_it_is_told_its_own_trial_or_a_new_one(begin: Any) -> None:
    session, client = begin(BOX)
    client.next = {5: {"p0": 0.25, "p1": 4}}
    session.ask(1)
    session.lands({"x": 0.25, "k": 4})
    session.tell({"x": 0.25, "k": 4}, as_outcome({"y": (2.0, 0.1)}))
    session.tell({"x": 0.5, "k": 2}, as_outcome({"y": 1.0}))
    session.tell({"x": 0.6, "k": 2}, None)

    assert client.heard[3:] == [
        ("complete_trial", {"trial_index": 5, "raw_data": {"m0": (2.0, 0.1)}}),
        ("attach_trial", {"parameters": {"p0": 0.5, "p1": 2}}),
        ("complete_trial", {"trial_index": 40, "raw_data": {"m0": 1.0}}),
        ("attach_trial", {"parameters": {"p0": 0.6, "p1": 2}}),
        ("mark_trial_failed", {"trial_index": 40}),
    ]


def test_a_point_beside_the_pool_is_left_alone(begin: Any) -> None:
    session, client = begin(POOL)
    client.next = {0: {"p0": 1.1, "p1": "p"}}
    session.ask(1)
    session.lands({"x": 1.0, "c": "p", "one": 7})
    session.tell({"x": 1.0, "c": "p", "one": 7}, as_outcome({"y": 1.0}))

    assert [name for name, _ in client.heard[3:]] == ["mark_trial_abandoned", "attach_trial", "complete_trial"]


def test_a_goal_that_has_a_bound_too_is_told_by_two_names(begin: Any) -> None:
    match = Objective("y", "match", target=7.0)
    session, client = begin(Problem(BOX.space, [match], ["y >= 6"]))
    session.tell({"x": 0.5, "k": 2}, as_outcome({"y": (6.5, 0.1)}))

    assert client.heard[1][1] == {"objective": "-m0", "outcome_constraints": ["m0b >= 6.0"]}
    assert client.heard[-1][1]["raw_data"] == {"m0": (0.5, 0.1), "m0b": (6.5, 0.1)}
    _, client = begin(Problem(BOX.space, [Objective("y"), Objective("z")], ["y >= 6"]))
    assert client.heard[-1][1] == {"objective": "m0, m1", "outcome_constraints": ["m0 >= 6.0"]}


@pytest.mark.parametrize("trials", [0, 2])
def test_rebuilt_it_goes_on_where_its_trials_end(begin: Any, trials: int) -> None:
    session, client = begin(BOX, rebuilt=True)
    for i in range(trials):
        session.wait({"x": i / 5, "k": 2})
    session.ask(2)

    name, told = client.heard[-2]
    assert name == "configure_generation_strategy"
    assert told["initialize_with_center"] is (trials == 0)
    assert told["initialization_random_seed"] == 3


@pytest.mark.skipif(importlib.util.find_spec("ax") is not None, reason="Ax is installed")
def test_without_the_extra_it_says_how_to_get_it() -> None:
    with pytest.raises(MissingExtra, match=r"planner Ax needs the package ax-platform .*'autolab-sdl\[ax\]'"):
        Ax().suggest(BOX, [], n=1, seed=1)


@needs_ax
@pytest.mark.slow
def test_it_comes_near_the_optimum() -> None:
    problem = Problem(Space([Real("x", 0, 1), Real("z", 0, 1)]), [Objective("y", "minimize")])
    history: list[Trial] = []
    for i in range(14):
        (found,) = Ax().suggest(problem, history, n=1, seed=i)
        y = (float(found["x"]) - 0.3) ** 2 + (float(found["z"]) - 0.7) ** 2
        history.append(Trial.completed(found.point, {"y": y}))
    assert min(trial.outcome["y"].value for trial in history) < 2e-3
    assert all(trial.info.get("fallback") is None for trial in history)


@needs_ax
@pytest.mark.slow
def test_it_keeps_off_what_breaks_a_constraint() -> None:
    """The best of what is allowed lies at the border x = 0.5."""
    problem = Problem(Space([Real("x", 0, 1)]), [Objective("y")], ["cost <= 0.5"])
    history = [
        Trial.completed({"x": x}, {"y": (x, 1e-3), "cost": (x, 1e-3)}) for x in (0.05, 0.2, 0.35, 0.65, 0.8, 0.95)
    ]
    (found,) = Ax().suggest(problem, history, n=1, seed=1)
    assert 0.4 < float(found["x"]) < 0.6


@needs_ax
@pytest.mark.slow
@pytest.mark.parametrize(
    "limits", [["q >= 0.3", "q <= 1.5"], ["q <= 0.9"], ["y >= 0.1"], ["q >= 0.3"], ["y >= 0.1", "y <= 1.5", "q >= 0.2"]]
)
def test_objectives_may_be_bounded_on_either_side(limits: list[str]) -> None:
    problem = Problem(BOX.space, [Objective("y", "minimize"), Objective("q")], limits)
    history = [
        Trial.completed(point, {"y": float(point["x"]) + float(point["k"]) / 9, "q": 2 * float(point["x"])})
        for point in BOX.space.sample(8, seed=1)
    ]
    (one,) = Ax().suggest(problem, history, n=1, seed=1)
    assert one.info["rule"] == "ax"


@needs_ax
@pytest.mark.slow
def test_names_that_mean_something_to_its_algebra_do_no_harm() -> None:
    problem = Problem(Space([Mixture(["E", "I", "pi"]), Real("S", 0, 1)]), [Objective("N"), Objective("beta")])
    history = [Trial.completed(p, {"N": float(p["E"]), "beta": float(p["S"])}) for p in problem.space.sample(6, 0)]
    found = Ax().suggest(problem, history, n=1, seed=1)
    assert dict(found[0].info)["rule"] == "ax"
