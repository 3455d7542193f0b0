"""What BayBE is told and asked: with stand-ins for its parts, and with BayBE itself where it is installed."""

from __future__ import annotations

import importlib.util
from types import SimpleNamespace
from typing import Any

import pandas as pd
import pytest

from autolab.model.candidates import Candidates
from autolab.model.errors import InputError, MissingExtra
from autolab.model.objectives import Objective
from autolab.model.parameters import Categorical, Integer, Mixture, Ordinal, Real
from autolab.model.problem import Problem
from autolab.model.space import Space
from autolab.model.trial import Trial, as_outcome
from autolab.planners import baybe as module
from autolab.planners.baybe import LARGEST, BayBE, BayBESession

needs_baybe = pytest.mark.skipif(
    importlib.util.find_spec("baybe") is None, reason="needs baybe: pip install 'autolab-sdl[baybe]'"
)
BOX = Problem(Space([Real("x", 0, 1), Integer("k", 1, 9)]), [Objective("y", "minimize")])


class Part:
    """A stand-in for a module of BayBE: each of its classes keeps what it is made with."""

    def __init__(self) -> None:
        self.made: list[tuple[str, tuple[Any, ...], dict[str, Any]]] = []

    def __getattr__(self, name: str) -> Any:
        def make(*told: Any, **more: Any) -> Any:
            self.made.append((name, told, more))
            return (name, *told)

        make.match_absolute = lambda *told, **more: ("match", *told, more)  # type: ignore[attr-defined]  # made here
        make.from_product = lambda *told: ("product", *told)  # type: ignore[attr-defined]  # made here
        make.from_dataframe = lambda *told: ("table", *told)  # type: ignore[attr-defined]  # made here
        return make


class Campaign:
    """A stand-in for a campaign: it notes what it is told, and recommends what `next` holds."""

    def __init__(self, space: Any, objective: Any, **more: Any) -> None:
        self.space, self.objective, self.more = space, objective, more
        self.heard: list[Any] = []
        self.next: list[dict[str, Any]] = []

    def add_measurements(self, frame: pd.DataFrame) -> None:
        self.heard.append(("add", frame.to_dict("records")))

    def recommend(self, batch_size: int, **more: Any) -> pd.DataFrame:
        self.heard.append(("recommend", batch_size, {name: f.to_dict("records") for name, f in more.items()}))
        return pd.DataFrame(self.next)


@pytest.fixture
def begin(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Return a function that begins a problem with the stand-ins: a pair of session and campaign."""
    part = Part()
    modules = {f"baybe.{name}": part for name in ("parameters", "constraints", "searchspace", "targets", "objectives")}
    modules |= {"baybe.campaign": SimpleNamespace(Campaign=Campaign), "pandas": pd}  # type: ignore[dict-item]  # stand-ins
    monkeypatch.setattr(BayBESession, "prepare", lambda *_: None)
    monkeypatch.setattr(module, "importlib", SimpleNamespace(import_module=modules.__getitem__))

    def session(problem: Problem, **more: Any) -> tuple[BayBESession, Any]:
        made = BayBESession(problem, 3, **more)
        return made, made._campaign

    return session


def test_it_is_told_the_worst_where_it_has_no_way_to_be_told(begin: Any) -> None:
    session, campaign = begin(BOX)
    point = {"x": 0.5, "k": 1}
    for outcome in (None, as_outcome({"y": 3.0}), as_outcome({"y": (1.0, 0.1)}), None):
        session.tell(point, outcome)
    campaign.next = [{"x": 0.25, "k": 4.0}]

    assert session.ask(1) == [{"x": 0.25, "k": 4.0}]
    rows = campaign.heard[0][1]
    assert [one["y"] for one in rows] == [3.0, 1.0, 3.0]  # of the first failure nothing can be told yet
    assert rows[0] == {"x": 0.5, "k": 1.0, "y": 3.0}
    assert list(session.ignored) == ["standard errors"]


def test_a_result_that_breaks_a_constraint_is_told_as_the_worst(begin: Any) -> None:
    problem = Problem(BOX.space, [Objective("y"), Objective("z", "match", target=2.0)], ["cost <= 1"])
    session, campaign = begin(problem, breaches="worst")
    told = [(1.0, 2.5, 2.0), (5.0, 2.1, 0.0), (4.0, 5.0, 0.0), (9.0, 2.0, 2.0)]
    for y, z, cost in told:
        session.tell({"x": 0.5, "k": 1}, as_outcome({"y": y, "z": z, "cost": cost}))
    campaign.next = [{"x": 0.25, "k": 4.0}]
    session.ask(1)

    assert [(one["y"], one["z"]) for one in campaign.heard[0][1]] == [(1.0, 2.5), (5.0, 2.1), (4.0, 5.0), (4.0, 5.0)]
    assert campaign.objective == (
        "ParetoObjective",
        (("NumericalTarget", "y"), ("match", "z", {"match_value": 2.0})),
    )


def test_what_is_under_way_is_told_when_it_is_asked(begin: Any) -> None:
    session, campaign = begin(BOX)
    session.wait({"x": 0.5, "k": 1})
    campaign.next = [{"x": 0.25, "k": 4.0}]
    session.ask(2)
    session.ask(1)

    assert campaign.heard == [
        ("recommend", 2, {"pending_experiments": [{"x": 0.5, "k": 1.0}]}),
        ("recommend", 1, {"pending_experiments": [{"x": 0.5, "k": 1.0}]}),
    ]


def test_parameters_and_constraints_become_its_own(begin: Any) -> None:
    space = Space(
        [
            Mixture(["a", "b", "s", "t"], at_most=2, bounds={"a": (0.1, 0.8)}),
            Real("r", 1, 10, log=True),
            Integer("k", 1, 3),
            Ordinal("v", [1, 5]),
            Categorical("c", ["p", "q"], descriptors={"p": {"d": 1}, "q": {"d": 2}}),
            Categorical("l", [1, "1"]),
        ],
        ["b + 2*a <= 1.5", "k + v <= 6", "r + k <= 12"],
    )
    session, campaign = begin(Problem(space, [Objective("y")]))
    _, parameters, constraints = campaign.space

    assert [one[:2] for one in parameters] == [
        *(("NumericalContinuousParameter", name) for name in ("a", "b", "s", "t", "r")),
        ("NumericalDiscreteParameter", "k"),
        ("NumericalDiscreteParameter", "v"),
        ("CustomDiscreteParameter", "c"),
        ("CategoricalParameter", "l"),
    ]
    assert parameters[0][2] == (0.0, 0.8)
    assert parameters[7][2].to_dict("index") == {"p": {"d": 1.0}, "q": {"d": 2.0}}
    assert parameters[8][2] == ["0: 1", "1: 1"]
    assert constraints[0] == ("ContinuousLinearConstraint", ["a", "b", "s", "t"], "=", [1.0] * 4, 1.0)
    assert constraints[1] == ("ContinuousLinearConstraint", ["b", "a"], "<=", [1.0, 2.0], 1.5)
    assert constraints[2][:2] == ("DiscreteCustomConstraint", ["k", "v"])
    assert constraints[2][2](pd.DataFrame({"k": [1, 1, 2], "v": [1, 5, 5]})).tolist() == [True, True, False]
    assert constraints[3] == ("ContinuousCardinalityConstraint", ["a", "b", "s", "t"])
    assert list(session.ignored) == ["the logarithmic scale of r", "r + k <= 12.0"]


def test_a_fixed_component_counts_in_sums(begin: Any) -> None:
    space = Space([Mixture(["a", "b", "s"], bounds={"s": (0.25, 0.25)})])
    session, campaign = begin(Problem(space, [Objective("y")]))
    campaign.next = [{"a": 0.25, "b": 0.5}]

    assert campaign.space[2] == [("ContinuousLinearConstraint", ["a", "b"], "=", [1.0, 1.0], 0.75)]
    assert session.ask(1) == [{"a": 0.25, "b": 0.5, "s": 0.25}]


def test_a_table_stays_one(begin: Any) -> None:
    pool = Candidates({"x": [0.0, 1.0, 1.0], "c": ["p", "p", "q"], "one": [7] * 3})
    session, campaign = begin(Problem(pool, [Objective("y")]), anew=True)
    kind, frame, parameters = campaign.space

    assert (kind, parameters) == (
        "table",
        [("NumericalDiscreteParameter", "x", [0.0, 1.0]), ("CategoricalParameter", "c", ["p", "q"])],
    )
    assert frame.to_dict("list") == {"x": [0.0, 1.0, 1.0], "c": ["p", "p", "q"]}
    assert campaign.more == {
        "allow_recommending_already_measured": False,
        "allow_recommending_pending_experiments": False,
    }
    campaign.next = [{"x": 1.0, "c": "q"}]
    assert session.ask(1) == [{"x": 1.0, "c": "q", "one": 7}]


@pytest.mark.parametrize("anew", [True, False])
def test_what_is_continuous_may_be_tried_again(begin: Any, anew: bool) -> None:
    _, campaign = begin(BOX, anew=anew)
    assert campaign.more == {}


def test_outcome_constraints_are_refused_unless_told_otherwise(begin: Any) -> None:
    problem = Problem(BOX.space, [Objective("y")], ["cost <= 1"])
    with pytest.raises(InputError, match=r"BayBE knows no outcome constraints, and the problem has cost <= 1.0: take"):
        begin(problem)
    begin(problem, breaches="worst")
    with pytest.raises(InputError, match="breaches must be 'refuse' or 'worst', got 'ignore'"):
        BayBE("ignore")  # type: ignore[arg-type]  # on purpose


def test_too_many_combinations_are_refused(begin: Any) -> None:
    space = Space([Integer("k", 1, LARGEST), Categorical("c", ["p", "q"]), Real("x", 0, 1)])
    with pytest.raises(InputError, match="holds every combination of k, c in memory and searches each: 500000 are"):
        begin(Problem(space, [Objective("y")]))
    begin(Problem(Space([Integer("k", 1, 99), Real("x", 0, 1)]), [Objective("y")]))


@pytest.mark.skipif(importlib.util.find_spec("baybe") is not None, reason="BayBE is installed")
def test_without_the_extra_it_says_how_to_get_it() -> None:
    with pytest.raises(MissingExtra, match=r"planner BayBE needs the package baybe .*'autolab-sdl\[baybe\]'"):
        BayBE().suggest(BOX, [], n=1, seed=1)


@needs_baybe
@pytest.mark.slow
def test_it_comes_near_the_optimum() -> None:
    problem = Problem(Space([Real("x", 0, 1), Real("z", 0, 1)]), [Objective("y", "minimize")])
    history: list[Trial] = []
    for i in range(14):
        (found,) = BayBE().suggest(problem, history, n=1, seed=i)
        y = (float(found["x"]) - 0.3) ** 2 + (float(found["z"]) - 0.7) ** 2
        history.append(Trial.completed(found.point, {"y": y}))
        assert dict(found.info) == {"rule": "baybe"}
    assert min(trial.outcome["y"].value for trial in history) < 2e-3


@needs_baybe
@pytest.mark.slow
def test_it_knows_every_part_of_a_space_that_it_is_told() -> None:
    """With whole numbers, a filter on them, descriptors and two goals, one of them to match."""
    space = Space(
        [
            Integer("k", 1, 4),
            Ordinal("v", [1, 2, 5]),
            Categorical("c", ["p", "q"], descriptors={"p": {"d": 1}, "q": {"d": 2}}),
            Categorical("l", [1, "1", 2.5]),
        ],
        ["k + v <= 6"],
    )
    problem = Problem(space, [Objective("y", "match", target=3.0), Objective("z", "minimize")])
    history = [Trial.completed(p, {"y": float(p["k"]), "z": float(p["v"])}) for p in space.sample(6, 0)]
    found = BayBE().suggest(problem, history, n=2, pending=space.sample(7, 0)[6:], seed=1)
    assert all(space.contains(one) for one in found)
    assert all(dict(one.info) == {"rule": "baybe"} for one in found)
