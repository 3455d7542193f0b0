import math
from typing import Any

import pytest

from autolab.model.candidates import Candidates
from autolab.model.errors import InputError
from autolab.model.objectives import Objective, OutcomeConstraint
from autolab.model.parameters import Real
from autolab.model.problem import Problem
from autolab.model.space import Space
from autolab.model.trial import Trial, as_outcome

SPACE = Space([Real("x", 0, 1)])


def done(**values: float) -> Trial:
    return Trial.completed({"x": 0.5}, values)


@pytest.mark.parametrize(
    ("fields", "told"),
    [
        ({"goal": "max"}, "goal must be 'maximize', 'minimize' or 'match', got 'max'"),
        ({"goal": "match"}, "'match' needs a target"),
        ({"target": 3.0}, "no other goal has one, got 3.0"),
        ({"goal": "match", "target": math.nan}, "target must be a finite number, got nan"),
        ({"goal": "match", "target": "7"}, None),
        ({"goal": "match", "target": "seven"}, "got 'seven'"),
    ],
)
def test_an_objective_is_checked_when_made(fields: dict[str, object], told: str | None) -> None:
    if told is None:
        assert Objective("ph", **fields).target == 7.0  # type: ignore[arg-type]
        return
    with pytest.raises(InputError, match=told):
        Objective("ph", **fields)  # type: ignore[arg-type]


def test_names_are_checked() -> None:
    with pytest.raises(InputError, match="cannot name an objective"):
        Objective("my yield")
    with pytest.raises(InputError, match="cannot name an outcome constraint"):
        OutcomeConstraint("a b", "<=", 1)


def test_utility_is_more_where_the_goal_is_nearer() -> None:
    assert Objective("y").utility(2.0) == 2.0
    assert Objective("y", "minimize").utility(2.0) == -2.0
    match = Objective("y", "match", target=5.0)
    assert match.utility(5.0) == 0.0 > match.utility(4.0) == match.utility(6.0) == -1.0


@pytest.mark.parametrize(
    ("text", "name", "expected"),
    [
        ("<= 0.9", "cost", OutcomeConstraint("cost", "<=", 0.9)),
        ("cost>=-1e-3", None, OutcomeConstraint("cost", ">=", -0.001)),
        (" cost <= 2 ", "cost", OutcomeConstraint("cost", "<=", 2)),
    ],
)
def test_text_states_an_outcome_constraint(text: str, name: str | None, expected: OutcomeConstraint) -> None:
    assert OutcomeConstraint.parse(text, name) == expected
    assert OutcomeConstraint.parse(str(expected)) == expected


@pytest.mark.parametrize(
    ("text", "name"),
    [("<= 0.9", None), ("< 0.9", "cost"), ("time <= 1", "cost"), ("== 1", "c"), ("<= x", "c"), ("", "c")],
)
def test_text_that_states_no_bound_is_refused(text: str, name: str | None) -> None:
    with pytest.raises(InputError, match="cannot be read; write it like"):
        OutcomeConstraint.parse(text, name)


def test_a_bound_includes_itself() -> None:
    assert OutcomeConstraint("c", "<=", 1).holds(1.0)
    assert not OutcomeConstraint("c", "<=", 1).holds(1.0001)
    assert OutcomeConstraint("c", ">=", 1).holds(1.0)
    assert not OutcomeConstraint("c", ">=", 1).holds(0.9999)
    with pytest.raises(InputError, match="bound must be a finite number, got inf"):
        OutcomeConstraint("c", "<=", math.inf)
    with pytest.raises(InputError, match="write '<=' or '>=', got '<'"):
        OutcomeConstraint("c", "<", 1)  # type: ignore[arg-type]


def test_a_problem_is_checked_when_made() -> None:
    with pytest.raises(InputError, match=r"'c': no value lies between c >= 2.0 and c <= 1.0; to match .* a target"):
        Problem(SPACE, Objective("y"), ["c <= 1", "d >= 3", "c <= 4", "c >= 0", "c >= 2"])
    with pytest.raises(InputError, match="at least one objective"):
        Problem(SPACE, [])
    with pytest.raises(InputError, match="'y' names more than one objective"):
        Problem(SPACE, [Objective("y"), Objective("y", "minimize")])
    with pytest.raises(InputError, match="'x' is a parameter and cannot be an outcome"):
        Problem(SPACE, [Objective("x")])
    with pytest.raises(InputError, match="'a' is a parameter"):
        Problem(Candidates({"a": [1, 2]}), [Objective("y")], ["a <= 1"])


@pytest.mark.parametrize(
    ("space", "objectives", "cost", "told"),
    [
        (SPACE, "y", None, r"an objective is an Objective, got 'y'; make one"),
        (SPACE, [Objective("y"), "z"], None, r"got 'z'"),
        ([Real("x", 0, 1)], Objective("y"), None, r"a problem needs a Space or Candidates, got \[Real"),
        (SPACE, Objective("y"), lambda _, __: 1.0, r"the cost of a problem is a Cost, got <function"),
    ],
)
def test_what_is_no_part_of_a_problem_is_refused(space: Any, objectives: Any, cost: Any, told: str) -> None:
    with pytest.raises(InputError, match=told):
        Problem(space, objectives, cost=cost)


def test_a_problem_takes_a_bare_objective_and_texts() -> None:
    problem = Problem(SPACE, Objective("y"), ["cost <= 1", "y >= 0"])
    assert problem.objectives == (Objective("y"),)
    assert problem.outcome_constraints == (OutcomeConstraint("cost", "<=", 1), OutcomeConstraint("y", ">=", 0))
    assert problem.outcome_names == ("y", "cost")


def test_feasible_needs_every_constrained_quantity() -> None:
    problem = Problem(SPACE, [Objective("y")], [OutcomeConstraint("cost", "<=", 1)])
    assert problem.feasible(as_outcome({"y": 0, "cost": 1}))
    assert not problem.feasible(as_outcome({"y": 0, "cost": 1.1}))
    assert not problem.feasible(as_outcome({"y": 0}))
    assert problem.missing(as_outcome({"z": 0})) == ["y", "cost"]


def test_the_best_trial_is_usable_and_feasible() -> None:
    problem = Problem(SPACE, [Objective("y")], [OutcomeConstraint("cost", "<=", 1)])
    good, dear, wrong = done(y=2, cost=0.5), done(y=9, cost=2), done(y=8, cost=0.1).invalidate("spilled")
    assert problem.best([]) is None
    assert problem.best([dear, wrong]) is None
    assert problem.best([done(y=1, cost=0), good, dear, wrong, Trial.failed({"x": 0}, "clog"), done(y=3)]) is good
    first, second = done(y=2, cost=0), done(y=2, cost=0)
    assert problem.best([first, second]) is first


@pytest.mark.parametrize(
    ("objective", "best"),
    [(Objective("y"), 9.0), (Objective("y", "minimize"), -4.0), (Objective("y", "match", target=2.2), 2.0)],
)
def test_goals_choose_the_best(objective: Objective, best: float) -> None:
    trials = [done(y=value) for value in (-4.0, 2.0, 9.0)]
    (found,) = Problem(SPACE, [objective]).front(trials)
    assert found.outcome["y"].value == best


def test_several_objectives_have_a_pareto_set() -> None:
    problem = Problem(SPACE, [Objective("y"), Objective("t", "minimize")])
    a, b, c, d = done(y=1, t=1), done(y=2, t=2), done(y=1, t=2), done(y=2, t=2)
    assert problem.best([a, b, c, d]) == [a, b, d]
    assert problem.best([]) == []
    assert problem.front([c]) == [c]
