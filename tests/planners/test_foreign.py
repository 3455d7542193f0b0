"""Packages as planners: told the whole history at each call, asked, brought into the space, and forgotten."""

from __future__ import annotations

import logging
import random
import warnings
from functools import partial
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from autolab.model.candidates import Candidates
from autolab.model.cost import Cost
from autolab.model.errors import InputError, MissingExtra, PlannerError
from autolab.model.objectives import Objective, OutcomeConstraint
from autolab.model.parameters import Categorical, Integer, Mixture, Ordinal, Parameter, Real
from autolab.model.problem import Problem
from autolab.model.space import Space
from autolab.model.suggestion import Suggestion
from autolab.model.trial import Outcome, Point, Trial, Value
from autolab.planners.foreign import Session, loaded, propose, quiet, standard

BOX = Problem(Space([Real("x", 0, 1), Integer("k", 1, 9), Categorical("c", ["p", "q"])]), [Objective("y")])
HEARD: list[Any] = []


class Noted(Session):
    """A package that notes what it hears, and asks for what it is set to."""

    def __init__(self, problem: Problem, seed: int, asks: Any = None) -> None:
        super().__init__(problem)
        HEARD[:] = [("begin", seed)]
        self._asks = asks

    def tell(self, point: Point, outcome: Outcome | None) -> None:
        HEARD.append((dict(point), None if outcome is None else outcome["y"].value))
        if outcome is not None and outcome["y"].standard_error is not None:
            self.ignored["standard errors"] = None

    def wait(self, point: Point) -> None:
        HEARD.append((dict(point), "wait"))

    def ask(self, n: int) -> list[dict[str, Any]]:
        if isinstance(self._asks, Exception):
            raise self._asks
        if self._asks is not None:
            return list(self._asks)
        return [{"x": random.random(), "k": 9 * np.random.rand(), "c": "q"} for _ in range(n)]  # noqa: NPY002


def ask(history: list[Trial], n: int = 1, asks: Any = None, seed: int = 7, **more: Any) -> list[Suggestion]:
    begin = partial(Noted, asks=asks)
    return propose("noted", Noted, begin, BOX, history, n=n, pending=more.get("pending", ()), seed=seed)


def done(x: float, y: Any = 1.0) -> Trial:
    return Trial.completed({"x": x, "k": 2, "c": "p"}, {"y": y})


GOOD: dict[str, Value] = {"x": 0.25, "k": 4, "c": "q"}


def test_it_is_told_every_trial_in_order_and_then_what_is_under_way() -> None:
    history = [
        done(0.1, 5.0),
        Trial(0, {"x": 0.2, "k": 2, "c": "p"}, "running"),
        Trial.failed({"x": 0.3, "k": 2, "c": "p"}, "clogged"),
        done(0.4).invalidate("spilled"),
        Trial(0, {"x": 0.5, "k": 2, "c": "p"}, "rejected"),
    ]
    pending: list[Point] = [{"x": 0.2, "k": 2, "c": "p"}, {"x": 0.6, "k": 3.0, "c": "p"}]
    ask(history, asks=[GOOD], pending=pending)

    assert HEARD[1:] == [
        ({"x": 0.1, "k": 2, "c": "p"}, 5.0),
        ({"x": 0.3, "k": 2, "c": "p"}, None),
        ({"x": 0.5, "k": 2, "c": "p"}, None),
        ({"x": 0.2, "k": 2, "c": "p"}, "wait"),
        ({"x": 0.6, "k": 3, "c": "p"}, "wait"),
    ]
    assert isinstance(HEARD[-1][0]["k"], int)


def test_what_it_cannot_be_told_is_counted_and_named() -> None:
    history = [
        done(0.1, (1.0, 0.2)),
        done(1.7),
        Trial.completed({"x": 0.1, "k": 2, "c": "unheard of"}, {"y": 1.0}),
        Trial.completed({"x": 0.1, "k": 2.5, "c": "p"}, {"y": 1.0}),
        Trial.completed({"other": 1.0}, {"y": 1.0}),
        Trial.completed({"x": 0.3, "k": 2, "c": "p"}, {"z": 1.0}),
        Trial(0, {"x": 0.4, "k": 2, "c": "p"}, "abandoned"),
    ]
    (found,) = ask(history, asks=[GOOD])

    assert [one[1] for one in HEARD[1:]] == [1.0]
    assert dict(found.info) == {"rule": "noted", "ignored": ["standard errors"], "left_out": 6}
    assert dict(found) == GOOD


def test_the_same_arguments_give_the_same_points_and_other_seeds_others() -> None:
    first, again, other = (ask([done(0.1)], 3, seed=seed) for seed in (2**53 - 1, 2**53 - 1, 5))
    assert first == again != other
    assert HEARD[0] == ("begin", 6)  # moved on by what is taken
    assert first != ask([done(0.1), done(0.2)], 3, seed=2**53 - 1)


def state() -> list[Any]:
    theirs: Any = np.random.get_state()  # noqa: NPY002
    return [random.getstate(), theirs[1].tolist(), torch.get_rng_state().tolist()]


def test_nothing_is_disturbed() -> None:
    random.seed(1)
    np.random.seed(1)  # noqa: NPY002
    torch.manual_seed(1)
    before = state()
    talker = logging.getLogger("optuna.something")
    talker.setLevel(logging.INFO)
    filters = list(warnings.filters)
    ask([done(0.1)], 3)

    assert state() == before
    assert talker.level == logging.INFO
    assert warnings.filters == filters


def test_chatter_is_kept_back(caplog: pytest.LogCaptureFixture) -> None:
    talker = logging.getLogger("optuna.chatter")
    talker.setLevel(logging.INFO)
    with quiet(["optuna"]):
        talker.info("a trial")
        talker.error("trouble")
    talker.info("again")
    assert [one.message for one in caplog.records] == ["trouble", "again"]


def test_points_are_brought_into_the_space_and_apart() -> None:
    found = ask([done(0.5)], 3, asks=[{"x": 1.0 + 1e-13, "k": np.float64(3.0), "c": "p"}, {**GOOD, "k": 4.4}, GOOD])
    assert [dict(one) for one in found[:2]] == [{"x": 1.0, "k": 3, "c": "p"}, GOOD]
    assert "asked" not in found[0].info
    assert found[1].info["asked"] == {"x": 0.25, "k": 4.4, "c": "q"}
    assert dict(found[2]) != GOOD
    assert found[2].info["asked"] == GOOD
    BOX.space.check(found[2])


NUMBERS: dict[str, Parameter] = {
    "real": Real("n", -1.0, 2.0),
    "log": Real("n", 0.01, 10.0, log=True),
    "integer": Integer("n", 0, 7),
    "ordinal": Ordinal("n", [1, 2, 5]),
}


@st.composite
def spaces(draw: st.DrawFn) -> Space:
    parameters = [NUMBERS[draw(st.sampled_from(list(NUMBERS)))]]
    constraints = ["n <= 1.7"] if draw(st.booleans()) else []
    if draw(st.booleans()):
        parameters.append(Categorical("c", ["u", "v"]))
    if draw(st.booleans()):
        most = draw(st.sampled_from([None, 1, 2]))
        parameters.append(
            Mixture(["a", "b", "s"], bounds={"a": (draw(st.sampled_from([0.0, 0.1])), 0.7)}, at_most=most)
        )
        constraints += draw(st.sampled_from([[], ["b + 0.5*s <= 0.9"], ["a + 0.01*n <= 0.5", "b >= 0.2*s"]]))
    return Space(parameters, constraints)


@pytest.mark.slow
@settings(max_examples=25)
@given(space=spaces(), seed=st.integers(0, 2**53 - 1), many=st.booleans())
def test_whatever_is_asked_for_every_constraint_is_kept(space: Space, seed: int, many: bool) -> None:
    """A package that asks for points far outside, and for the same ones again and again."""
    rng = np.random.default_rng(seed)
    asked = [
        {axis.name: "u" if isinstance(axis, Categorical) else float(rng.normal(0.5, 2)) for axis in space.axes}
        for _ in range(2)
    ]
    room = min(len(space.sample(12, seed)), 4)
    problem, taken = Problem(space, [Objective("y")]), space.sample(12, seed)[room:][:4]
    history = [Trial.completed(one, {"y": 1.0}) for one in taken]
    begin = partial(Noted, asks=(asked * 4)[: room if many else 1])
    found = propose("noted", Noted, begin, problem, history, n=room, pending=(), seed=seed)

    assert len(found) == room
    assert not [fault for one in found for fault in space.faults(one)]
    keys = {space.key(one) for one in found}
    assert len(keys) == room
    assert not keys & {space.key(one) for one in taken}


def test_more_than_asked_for_is_cut() -> None:
    assert len(ask([], 1, asks=[GOOD, {**GOOD, "k": 5}])) == 1


def test_fewer_are_filled_up() -> None:
    found = ask([done(0.5)], 3, asks=[GOOD])
    assert dict(found[0]) == GOOD
    assert [dict(one.info) for one in found[1:]] == [
        {"rule": "design", "fallback": "noted asked for 1 of 3 points"}
    ] * 2
    assert len({BOX.space.key(one) for one in found}) == 3


@pytest.mark.parametrize(
    ("asks", "why"),
    [
        (RuntimeError("not positive definite"), "RuntimeError: not positive definite"),
        ([{**GOOD, "x": float("nan")}], "ValueError: the point"),
        ([{**GOOD, "c": "unheard of"}], "ValueError: the point"),
        ([{"x": 0.5}], "KeyError: 'k'"),
    ],
)
def test_trouble_ends_in_a_design_that_says_why(asks: Any, why: str, caplog: pytest.LogCaptureFixture) -> None:
    (found,) = ask([done(0.5)], asks=asks)
    assert found.info["rule"] == "design"
    assert found.info["fallback"].startswith(why)
    assert "noted could not propose" in caplog.text


@pytest.mark.parametrize("error", [InputError("it has no such thing"), PlannerError("none left")])
def test_what_is_meant_for_a_person_gets_through(error: Exception) -> None:
    with pytest.raises(type(error), match=str(error)):
        ask([], asks=error)


def test_a_used_up_space_is_told() -> None:
    pool = Problem(Candidates({"u": [1, 2]}), [Objective("y")])
    begin = partial(Noted, asks=[{"u": 1.0}, {"u": 1.0}, {"u": 2.0}])
    history = [Trial.completed({"u": 1}, {"y": 1.0})]
    with pytest.raises(PlannerError, match=r"2 distinct points were asked for and the space has 1 left"):
        propose("noted", Noted, begin, pool, history, n=2, pending=(), seed=1)


def test_less_than_one_point_is_refused() -> None:
    with pytest.raises(ValueError, match="n must be 1 or more, got 0"):
        ask([], 0)


def test_a_missing_package_is_told() -> None:
    with pytest.raises(MissingExtra, match=r"planner X needs the package nowhere .*pip install 'autolab-sdl\[x\]'"):
        loaded("nowhere_at_all", "X", "nowhere", "x")


def test_points_get_the_types_of_their_parameters() -> None:
    point = standard(BOX.space, {"x": 1, "k": 3.0, "c": "p"})
    assert point == {"x": 1.0, "k": 3, "c": "p"}
    assert [type(value) for value in point.values()] == [float, int, str]
    assert standard(BOX.space, {"x": 1 + 1e-10, "k": 3, "c": "p"}) == {"x": 1.0, "k": 3, "c": "p"}
    assert standard(Candidates({"u": [1, 2]}), {"u": 1.0}) == {"u": 1}
    assert standard(Candidates({"u": [1, 2]}), {"u": [1]}) is None  # type: ignore[dict-item]  # on purpose


def test_a_session_says_what_it_must_do() -> None:
    bare = Session(Problem(BOX.space, [Objective("y")], [OutcomeConstraint("z", "<=", 1)]))
    bare.prepare()
    bare.lands(GOOD)
    for call in (lambda: bare.tell(GOOD, None), lambda: bare.wait(GOOD), lambda: bare.ask(1)):
        with pytest.raises(NotImplementedError):
            call()


def test_a_batch_shares_what_it_must_and_learns_from_everything() -> None:
    problem = Problem(BOX.space, BOX.objectives, same_in_batch=["k", "c"])
    asks = [GOOD, {"x": 0.75, "k": 8.0, "c": "p"}]
    begin = partial(Noted, asks=asks)
    found = propose("noted", Noted, begin, problem, [done(0.1), done(0.3)], n=3, pending=(), seed=7)

    assert [one[1] for one in HEARD[1:]] == [1.0, 1.0]  # also from points that are not alike
    assert [dict(one) for one in found[:2]] == [GOOD, {"x": 0.75, "k": 4, "c": "q"}]
    assert found[1].info["asked"] == asks[1]
    assert (found[2]["k"], found[2]["c"], found[2].info["rule"]) == (4, "q", "design")


def test_a_batch_for_which_too_few_are_alike_is_a_design() -> None:
    pool = Problem(Candidates({"u": [1, 2, 3, 4], "t": [1, 2, 2, 2]}), [Objective("y")], same_in_batch=["t"])
    begin = partial(Noted, asks=[{"u": 1.0, "t": 1.0}, {"u": 2.0, "t": 2.0}])
    found = propose("noted", Noted, begin, pool, [], n=2, pending=(), seed=1)

    assert [one["t"] for one in found] == [2, 2]
    assert found[0].info["fallback"] == "too few points are left of those that noted asked for"


def test_a_batch_comes_in_the_order_that_costs_least() -> None:
    problem = Problem(BOX.space, BOX.objectives, cost=Cost(change={"k": 1.0}))
    begin = partial(Noted, asks=[{**GOOD, "k": k} for k in (9, 2, 7)])
    found = propose("noted", Noted, begin, problem, [done(0.1)], n=3, pending=(), seed=7)
    assert [one["k"] for one in found] == [2, 7, 9]  # the lab is at 2
