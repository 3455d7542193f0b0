"""Each public class of the model as data, as YAML, and back."""

import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from autolab.journal.digest import digest
from autolab.loop.budget import Budget, Review
from autolab.model.actions import JSON
from autolab.model.candidates import Candidates
from autolab.model.constraints import Linear
from autolab.model.cost import Cost
from autolab.model.errors import Fault, InputError
from autolab.model.names import RESERVED
from autolab.model.nonlinear import Nonlinear
from autolab.model.objectives import Goal, Objective, OutcomeConstraint, check_room
from autolab.model.parameters import Categorical, Integer, Mixture, Ordinal, Real
from autolab.model.problem import Problem
from autolab.model.space import Space
from autolab.model.suggestion import Suggestion
from autolab.model.trial import Attempt, AttemptEnding, Measurement, Point, Trial, Value
from autolab.spec.document import parse_document
from autolab.spec.functions import Recorded
from autolab.spec.objects import Data, from_data, to_data
from autolab.spec.yaml_grammar import yaml_text

numbers = st.floats(-1e6, 1e6, allow_nan=False)
words = st.text(max_size=12)
names = st.from_regex(r"[a-zA-Z_][a-zA-Z0-9_]{0,8}", fullmatch=True).filter(lambda name: name not in RESERVED)
units = st.sampled_from(["", "mL/min", "°C", "%", "off", "1:30", "2024-01-31", "no"])
values = st.integers(-(2**53), 2**53) | numbers | words


@st.composite
def ranges(draw: st.DrawFn, low: float = -1e6) -> tuple[float, float]:
    start = draw(st.floats(low, 1e6))
    return start, start + draw(st.floats(1e-3, 1e6))


@st.composite
def reals(draw: st.DrawFn, name: st.SearchStrategy[str] = names) -> Real:
    log = draw(st.booleans())
    low, high = draw(ranges(1e-9) if log else ranges())
    return Real(draw(name), low, high, unit=draw(units), log=log)


@st.composite
def integers(draw: st.DrawFn, name: st.SearchStrategy[str] = names) -> Integer:
    low = draw(st.integers(-1000, 1000))
    return Integer(draw(name), low, low + draw(st.integers(1, 1000)), unit=draw(units))


@st.composite
def ordinals(draw: st.DrawFn, name: st.SearchStrategy[str] = names) -> Ordinal:
    found = draw(st.lists(numbers, min_size=2, max_size=5, unique=True))
    return Ordinal(draw(name), sorted(found), unit=draw(units))


@st.composite
def categoricals(draw: st.DrawFn, name: st.SearchStrategy[str] = names) -> Categorical:
    labels = draw(st.lists(words | st.integers(-9, 9), min_size=2, max_size=5, unique=True))
    if draw(st.booleans()):
        return Categorical(draw(name), labels)
    columns = draw(st.lists(words, min_size=1, max_size=3, unique=True))
    rows: dict[Value, dict[str, float]] = {
        label: {column: float(i + j) for j, column in enumerate(columns)} for i, label in enumerate(labels)
    }
    return Categorical(draw(name), labels, descriptors=rows)


@st.composite
def mixtures(draw: st.DrawFn) -> Mixture:
    parts = draw(st.lists(names, min_size=2, max_size=4, unique=True))
    total = draw(st.floats(0.1, 100))
    bounds = {parts[0]: (0.0, total / 2)} if draw(st.booleans()) else None
    at_most = draw(st.none() | st.integers(2, len(parts)))
    return Mixture(parts, total=total, bounds=bounds, at_most=at_most)


@st.composite
def linears(draw: st.DrawFn) -> Linear:
    weights = draw(st.dictionaries(names, numbers.filter(bool), min_size=1, max_size=3))
    return Linear(weights, draw(st.sampled_from(["<=", ">=", "=="])), draw(numbers))


def always(point: Point) -> float:
    return 1.0


def by_length(point: Point, previous: Point | None) -> float:
    return float(len(point))


@st.composite
def nonlinears(draw: st.DrawFn) -> Nonlinear:
    name, bound = draw(names), draw(numbers)
    return draw(st.sampled_from([Nonlinear(f"sqrt({name}) * {name} >= {bound!r}"), Nonlinear(always, "kept")]))


@st.composite
def costs(draw: st.DrawFn, name: st.SearchStrategy[str] = names) -> Cost:
    if draw(st.booleans()):
        return Cost(by_length, unit=draw(units))
    change = draw(st.dictionaries(name, st.floats(0, 1e6), max_size=2))
    return Cost(base=draw(st.floats(1e-3, 1e6)), change=change, unit=draw(units))


@st.composite
def spaces(draw: st.DrawFn) -> Space:
    kinds: list[Callable[..., st.SearchStrategy[Any]]] = [reals, integers, ordinals, categoricals]
    made = [draw(draw(st.sampled_from(kinds))(st.just(f"p{i}"))) for i in range(draw(st.integers(1, 3)))]
    made = [draw(reals(st.just("first"))), *made]
    bound = made[0].high
    bent = Nonlinear(f"abs(first) ** 1.5 <= {1 + 1.1 * max(abs(made[0].low), abs(bound)) ** 1.5!r}")
    every: list[Linear | Nonlinear] = [Linear({"first": 1.0}, "<=", bound), bent, Nonlinear(always)]
    return Space(made, [one for one in every if draw(st.booleans())])


@st.composite
def tables(draw: st.DrawFn) -> Candidates:
    columns = draw(st.lists(names, min_size=1, max_size=3, unique=True))
    rows = draw(st.lists(st.tuples(*[words | numbers] * len(columns)), min_size=1, max_size=4, unique=True))
    return Candidates({name: [row[i] for row in rows] for i, name in enumerate(columns)})


@st.composite
def objectives(draw: st.DrawFn, name: st.SearchStrategy[str] = names) -> Objective:
    goal: Goal = draw(st.sampled_from(["maximize", "minimize", "match"]))
    return Objective(draw(name), goal, target=draw(numbers) if goal == "match" else None, unit=draw(units))


@st.composite
def limits(draw: st.DrawFn, name: st.SearchStrategy[str] = names) -> OutcomeConstraint:
    return OutcomeConstraint(draw(name), draw(st.sampled_from(["<=", ">="])), draw(numbers))


def roomy(kept: list[OutcomeConstraint]) -> bool:
    """Return whether limits leave each quantity room."""
    try:
        check_room(kept)
    except InputError:
        return False
    return True


@st.composite
def problems(draw: st.DrawFn) -> Problem:
    goals = [draw(objectives(st.just(f"goal{i}"))) for i in range(draw(st.integers(1, 2)))]
    kept = draw(st.lists(limits(st.sampled_from(["cost", "seconds"])), max_size=2).filter(roomy))
    shared = draw(st.sampled_from([(), ("first",)]))
    cost = draw(st.none() | costs(st.just("first")))
    return Problem(draw(spaces()), goals, kept, same_in_batch=shared, cost=cost)


points = st.dictionaries(names, values, min_size=1, max_size=3)
infos = st.dictionaries(words, numbers | words | st.lists(numbers, max_size=2), max_size=2)


@st.composite
def measurements(draw: st.DrawFn) -> Measurement:
    return Measurement(draw(numbers), draw(st.none() | st.floats(0, 1e6)))


@st.composite
def attempts(draw: st.DrawFn) -> Attempt:
    ending: AttemptEnding | None = draw(st.sampled_from([None, "completed", "trial_failed", "lost"]))
    return Attempt(draw(st.integers(1, 9)), ending, draw(words), draw(numbers), draw(st.none() | numbers))


@st.composite
def trials(draw: st.DrawFn) -> Trial:
    outcome = draw(st.dictionaries(names, measurements(), max_size=2))
    trial = Trial.completed(draw(points), outcome, fidelity=draw(st.sampled_from(["physical", "virtual"])))
    return replace(
        trial,
        number=draw(st.integers(0, 99)),
        invalidated=draw(st.booleans()),
        reason=draw(words),
        attempts=tuple(draw(st.lists(attempts(), max_size=2))),
        info=draw(infos),
        better_than=tuple(draw(st.lists(st.integers(1, 99), max_size=2))),
    )


suggestions = st.builds(Suggestion, points, infos)
budgets = st.builds(
    Budget,
    st.none() | st.integers(1, 99),
    st.none() | st.floats(0.1, 99),
    st.integers(1, 9),
    st.dictionaries(words, st.floats(0.1, 999), max_size=2),
    st.lists(st.builds(OutcomeConstraint, names, st.sampled_from(["<=", ">="]), numbers), max_size=2),
)
reviews = st.builds(Review, st.sampled_from(["auto", "ask", "after"]), st.floats(0, 1e6))

KINDS: dict[str, st.SearchStrategy[Any]] = {
    "Real": reals(),
    "Integer": integers(),
    "Ordinal": ordinals(),
    "Categorical": categoricals(),
    "Mixture": mixtures(),
    "Linear": linears(),
    "Nonlinear": nonlinears(),
    "Cost": costs(),
    "Space": spaces(),
    "Candidates": tables(),
    "Objective": objectives(),
    "OutcomeConstraint": limits(),
    "Problem": problems(),
    "Suggestion": suggestions,
    "Measurement": measurements(),
    "Attempt": attempts(),
    "Trial": trials(),
    "Budget": budgets,
    "Review": reviews,
}


def through_yaml(data: Data) -> Mapping[str, JSON]:
    faults: list[Fault] = []
    document = parse_document(yaml_text(data), "f.yaml", faults)
    assert faults == []
    assert document is not None
    return document.data


@pytest.mark.parametrize("kind", KINDS)
@settings(max_examples=25, deadline=None)
@given(data=st.data())
def test_what_is_written_is_read_again(kind: str, data: st.DataObject) -> None:
    thing = data.draw(KINDS[kind])
    assert type(thing).__name__ == kind
    written = to_data(thing)
    for again in (written, json.loads(json.dumps(written, sort_keys=True)), through_yaml(written)):
        read = from_data(again)
        assert read == thing
        assert type(read) is type(thing)
        assert to_data(read) == written


@settings(max_examples=25, deadline=None)
@given(categoricals())
def test_the_order_of_descriptors_survives_sorting(categorical: Categorical) -> None:
    """The columns of the encoded cube follow it, and with them what a planner proposes."""
    again = from_data(json.loads(json.dumps(to_data(categorical), sort_keys=True)))
    assert np.array_equal(again.codes, categorical.codes)


def test_a_suggestion_keeps_its_info() -> None:
    again = from_data(to_data(Suggestion({"x": 1.0}, {"rule": "sobol", "gain": 0.5})))
    assert dict(again.info) == {"rule": "sobol", "gain": 0.5}


def test_a_problem_that_says_nothing_new_has_the_digest_that_journals_hold() -> None:
    problem = Problem(Space([Real("x", 0, 1)], ["2*x <= 1"]), [Objective("y")])
    assert set(to_data(problem)) == {"is", "space", "objectives", "outcome_constraints"}
    assert digest(to_data(problem)) == "sha256:966db6312ef6f155bff79ffc56bd9f2df3604593c224a908488f7236e811fdeb"
    table = Problem(Candidates({"a": [1, 2, 3.5], "b": ["x", "y", "z"]}), [Objective("y")])
    assert digest(to_data(table)) == "sha256:6818e3eff24f51b7626b5025e991fcd06c5fa62502a1591d636b7ea09d985e20"


def test_what_a_problem_says_of_constraints_batches_and_cost_is_pinned() -> None:
    def problem(text: str = "x * y <= 1", shared: tuple[str, ...] = ("x",), base: float = 2.0) -> Problem:
        space = Space([Real("x", 0, 1), Real("y", 0, 2)], [text])
        return Problem(space, [Objective("z")], same_in_batch=shared, cost=Cost(base=base, change={"x": 1}))

    pinned = digest(to_data(problem()))
    assert digest(to_data(problem("x*y<=1"))) == pinned
    others = [problem("x * y <= 1.5"), problem(shared=("y",)), problem(shared=()), problem(base=3.0)]
    assert pinned not in {digest(to_data(one)) for one in others}


def test_a_function_that_is_not_there_any_more_is_told_and_not_run() -> None:
    def local(point: Point) -> float:
        return 1 - float(point["x"])

    data = to_data(Nonlinear(local, text="half of it"))
    read = from_data(json.loads(json.dumps(data)))
    assert str(read) == "half of it"
    assert isinstance(read.function, Recorded)
    assert read.function.name.endswith("local")
    assert to_data(read) == data  # so that its digest stays
    assert Space([Real("x", 0, 1)], [read]).contains({"x": 0.9})


def test_a_function_that_says_something_else_now_is_another() -> None:
    data = to_data(Nonlinear(always))
    assert from_data(data).function is always
    changed = {**data, "function": {**data["function"], "source": "0" * 64}}  # type: ignore[dict-item]
    assert from_data(changed).function == Recorded(f"{__name__}:always", "0" * 64)
    built_in = {"name": "os:remove", "source": "no source"}
    assert from_data({**data, "function": built_in}).function == Recorded("os:remove", "no source")


def test_a_narrowed_space_is_not_written() -> None:
    with pytest.raises(TypeError, match=r"narrowed to .*write the whole one"):
        to_data(Space([Real("x", 0, 1), Real("y", 0, 1)]).narrowed({"x": 0.5}))


def test_numpy_numbers_become_plain() -> None:
    point: Any = {"x": np.float64(0.5), "n": np.int64(3)}
    data = to_data(Trial.completed(point, {"y": 1.0}))
    assert json.dumps(data["point"]) == '{"x": 0.5, "n": 3}'


def test_what_is_no_object_of_the_model_is_refused() -> None:
    with pytest.raises(TypeError, match="int is not an object of the model: Real, Integer"):
        to_data(7)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ({}, "must name its class under `is`, got None"),
        ({"is": "reel"}, "Did you mean 'real'"),
        ({"is": "real", "name": "x"}, "does not make a Real: .*missing"),
        ({"is": "real", "name": "x", "low": 1, "high": 2, "colour": 3}, "does not make a Real: .*colour"),
        ({"is": "real", "name": "x", "low": 2, "high": 1}, "low must be less than high"),
        ({"is": "space", "parameters": [7], "constraints": []}, "must name its class"),
        ({"is": "candidates", "columns": ["a", "b"], "rows": [[1]]}, "does not make a Candidates"),
        ({"is": "trial", "number": 1}, "does not make a Trial"),
    ],
)
def test_data_that_makes_no_object_is_refused(data: Data, message: str) -> None:
    with pytest.raises(InputError, match=message):
        from_data(data)
