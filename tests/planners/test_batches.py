"""What a batch shares, and the order in which it costs least; for every planner that goes through `as_batch`."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from autolab.model.candidates import Candidates
from autolab.model.contracts import Planner
from autolab.model.cost import Cost
from autolab.model.errors import BatchTooLarge, DesignUsedUp, InputError, PlannerError
from autolab.model.objectives import Objective
from autolab.model.parameters import Categorical, Integer, Mixture, Ordinal, Parameter, Real
from autolab.model.problem import Problem
from autolab.model.space import Space
from autolab.model.suggestion import Suggestion
from autolab.model.trial import Point, Trial, Value
from autolab.planners.batches import as_batch, in_order, previous_of, together
from autolab.planners.bayes import Bayes
from autolab.planners.factorial import Factorial, PlackettBurman
from autolab.planners.forest import Forest
from autolab.planners.lhs import LatinHypercube
from autolab.planners.optimal import DOptimal, IOptimal
from autolab.planners.response_surface import BoxBehnken, CentralComposite
from autolab.planners.simplex import SimplexCentroid, SimplexLattice
from autolab.planners.sobol import Sobol
from autolab.planners.spread import FarthestPoint, KMedoids

PLANNERS: list[Planner] = [
    Sobol(),
    LatinHypercube(),
    LatinHypercube(runs=30),
    DOptimal("linear"),
    IOptimal("linear"),
    KMedoids(),
    FarthestPoint(),
]
BOX = Problem(
    Space([Real("T", 20, 120), Real("rate", 0.1, 10, log=True), Categorical("s", ["u", "v", "w"])]),
    Objective("y"),
    same_in_batch=["T"],
)
TIED = Problem(
    Space(
        [Real("T", 20, 120), Mixture(["a", "b", "c"], at_most=2), Integer("k", 1, 5), Categorical("s", ["u", "v"])],
        ["T + 100*a <= 160", "a * b * k <= 0.6"],
    ),
    Objective("y"),
    same_in_batch=["T", "s"],
)
POOL = Problem(
    Candidates({"T": [20, 50, 80] * 8, "x": [i / 23 for i in range(24)], "s": ["u", "v"] * 12}),
    Objective("y"),
    same_in_batch=["T"],
)
PROBLEMS = {"box": BOX, "tied": TIED, "pool": POOL}


def trials(points: Sequence[Point]) -> list[Trial]:
    return [Trial.completed(dict(point), {"y": float(i % 5)}) for i, point in enumerate(points)]


def as_many(planner: Planner, problem: Problem, history: Sequence[Trial], n: int, *, seed: int) -> list[Suggestion]:
    """Return `n` points or as many as are left, as a campaign asks for them."""
    try:
        return planner.suggest(problem, history, n=n, seed=seed)
    except DesignUsedUp as told:
        left = told.left
    assert 0 <= left < n
    return planner.suggest(problem, history, n=left, seed=seed) if left else []


def shared(problem: Problem, points: Sequence[Suggestion]) -> set[tuple[object, ...]]:
    return {tuple(point[name] for name in problem.same_in_batch) for point in points}


def check(problem: Problem, found: Sequence[Suggestion], n: int, history: Sequence[Trial] = ()) -> None:
    keys = {problem.space.key(one) for one in found}
    assert len(found) == len(keys) == n
    assert keys.isdisjoint(problem.space.key(trial.point) for trial in history)
    assert len(shared(problem, found)) == 1
    for one in found:
        assert problem.space.faults(one) == []


@pytest.mark.parametrize("name", ["box", "pool", pytest.param("tied", marks=pytest.mark.slow)])
@pytest.mark.parametrize("planner", PLANNERS, ids=str)
def test_the_points_of_a_batch_share_what_they_must(planner: Planner, name: str) -> None:
    problem = PROBLEMS[name]
    history = trials(problem.space.sample(6, 1))
    for known in ([], history):
        found = planner.suggest(problem, known, n=4, seed=2)
        check(problem, found, 4, known)
        assert found == planner.suggest(problem, known, n=4, seed=2)


@pytest.mark.parametrize("name", list(PROBLEMS))
def test_a_planner_that_learns_can_be_asked_from_outside(name: str) -> None:
    problem = PROBLEMS[name]
    history = trials(problem.space.sample(14, 1))
    found = together(Forest(trees=20).suggest, problem, history, n=4, seed=2)
    check(problem, found, 4, history)
    assert {one.info["rule"] for one in found} == {"improvement"}


@pytest.mark.slow
@pytest.mark.parametrize("name", list(PROBLEMS))
def test_so_can_bayes(name: str) -> None:
    problem = PROBLEMS[name]
    history = trials(problem.space.sample(14, 1))
    found = together(Bayes().suggest, problem, history, n=4, seed=2)
    check(problem, found, 4, history)
    assert all("fallback" not in one.info for one in found)


def test_one_point_and_a_problem_that_shares_nothing_are_as_ever() -> None:
    free = Problem(BOX.space, BOX.objectives)
    for planner in PLANNERS:
        assert planner.suggest(BOX, [], n=1, seed=5) == planner.suggest(free, [], n=1, seed=5)
    assert len({point["T"] for point in Sobol().suggest(free, [], n=4, seed=5)}) == 4


def test_the_first_point_is_the_planners_own_choice() -> None:
    free = Problem(BOX.space, BOX.objectives)
    (alone,) = KMedoids().suggest(free, [], n=1, seed=3)
    assert KMedoids().suggest(BOX, [], n=3, seed=3)[0] == alone


def test_calls_differ_in_what_their_points_share() -> None:
    history: list[Trial] = []
    for call in range(4):
        history += trials(Sobol().suggest(BOX, history, n=3, seed=call))
    assert len({trial.point["T"] for trial in history}) == 4


def test_pending_points_need_not_share_it() -> None:
    pending: list[Point] = [{"T": 33.0, "rate": 1.0, "s": "u"}]
    found = Sobol().suggest(BOX, [], n=3, pending=pending, seed=1)
    check(BOX, found, 3)
    assert found[0]["T"] != 33.0


def test_less_than_one_point_is_refused() -> None:
    with pytest.raises(ValueError, match="n must be 1 or more, got 0"):
        Sobol().suggest(BOX, [], n=0, seed=1)


# -- where a value has too few points


def test_the_next_value_is_taken_where_one_has_too_few_points_left() -> None:
    few = Problem(
        Candidates({"T": [20] * 2 + [30] * 5 + [90] * 5, "x": list(range(12))}), Objective("y"), same_in_batch="T"
    )

    @dataclass(frozen=True)
    class FirstOfAll:
        @as_batch
        def suggest(
            self, problem: Problem, history: Sequence[Trial], *, n: int, pending: Sequence[Point] = (), seed: int
        ) -> list[Suggestion]:
            del history, pending, seed
            assert isinstance(problem.space, Candidates)
            return [Suggestion(point, {"rule": "first"}) for point in problem.space.points[:n]]

    found = FirstOfAll().suggest(few, [], n=4, seed=0)
    assert [point["x"] for point in found] == [2, 3, 4, 5]  # at 30, which is nearer to 20 than 90 is


@pytest.mark.parametrize("planner", [Sobol(), KMedoids(), LatinHypercube()], ids=str)
def test_a_space_is_used_up_batch_by_batch_and_then_says_what_is_left(planner: Planner) -> None:
    space = Space([Ordinal("T", [20, 60, 90]), Integer("k", 1, 3), Categorical("s", ["u", "v"])])
    problem = Problem(space, Objective("y"), same_in_batch=["T"])
    history: list[Trial] = []
    for call in range(3):
        found = planner.suggest(problem, history, n=4, seed=call)
        check(problem, found, 4, history)
        history += trials(found)
    with pytest.raises(
        BatchTooLarge, match=r"4 distinct points with the same T .* more than 2 left \(12 points"
    ) as told:
        planner.suggest(problem, history, n=4, seed=3)
    assert told.value.left == 2
    found = planner.suggest(problem, history, n=2, seed=3)
    check(problem, found, 2, history)
    assert issubclass(BatchTooLarge, DesignUsedUp)  # a campaign then asks for as many as are left
    assert issubclass(BatchTooLarge, PlannerError)


@pytest.mark.parametrize("constraint", ["2*k + 3*m == 12", "abs(2*k + 3*m - 12) <= 0.1"])
def test_what_no_constraint_ties_is_counted_once(constraint: str, monkeypatch: pytest.MonkeyPatch) -> None:
    space = Space([Integer("k", 0, 6), Integer("m", 0, 6), Real("T", 20, 120)], [constraint])  # k, m: 0 4, 3 2, 6 0
    problem = Problem(space, Objective("y"), same_in_batch=["T"])
    asked: list[Mapping[str, Value]] = []
    narrowed = Space.narrowed

    def noted(self: Space, values: Mapping[str, Value]) -> Space:
        asked.append(values)
        return narrowed(self, values)

    monkeypatch.setattr(Space, "narrowed", noted)
    with pytest.raises(BatchTooLarge, match="more than 3 left") as told:
        Sobol().suggest(problem, [], n=4, seed=0)
    assert told.value.left == 3
    assert len(asked) <= 2  # of 128 temperatures that could be tried
    check(problem, Sobol().suggest(problem, [], n=3, seed=0), 3, [])


def test_a_table_is_used_up_too() -> None:
    history: list[Trial] = []
    for call in range(6):
        found = KMedoids().suggest(POOL, history, n=4, seed=call)
        check(POOL, found, 4, history)
        history += trials(found)
    with pytest.raises(PlannerError, match="the space has 0 left"):
        KMedoids().suggest(POOL, history, n=4, seed=9)
    with pytest.raises(BatchTooLarge, match="more than 8 left"):
        KMedoids().suggest(POOL, [], n=9, seed=9)


def test_a_design_of_so_many_runs_says_how_many_of_them_are_left() -> None:
    planner = LatinHypercube(runs=6)
    history = trials(planner.suggest(BOX, [], n=4, seed=0))
    with pytest.raises(DesignUsedUp) as told:
        planner.suggest(BOX, history, n=4, seed=1)
    assert told.value.left == 2
    check(BOX, planner.suggest(BOX, history, n=2, seed=1), 2, history)


def test_shared_keys_must_be_of_the_space() -> None:
    with pytest.raises(InputError, match="same_in_batch: there is no 'Temp' in the space"):
        Problem(BOX.space, Objective("y"), same_in_batch=["Temp"])
    with pytest.raises(InputError, match="'T' names more than one key of same_in_batch"):
        Problem(BOX.space, Objective("y"), same_in_batch=["T", "T"])
    assert Problem(BOX.space, Objective("y"), same_in_batch="T") == Problem(
        BOX.space, Objective("y"), same_in_batch=["T"]
    )


# -- fixed designs

NUMBERS = Problem(
    Space([Real("T", 20, 120), Real("rate", 0.1, 10, log=True), Integer("k", 1, 9)]),
    Objective("y"),
    same_in_batch=["T"],
)
BLENDS = Problem(Space([Mixture(["a", "b", "c"]), Real("T", 20, 60)]), Objective("y"), same_in_batch=["T"])
FIXED: dict[str, tuple[Planner, Problem]] = {
    "factorial": (Factorial(levels=3), NUMBERS),
    "fraction": (Factorial(resolution=3), NUMBERS),
    "plackett_burman": (PlackettBurman(), NUMBERS),
    "central_composite": (CentralComposite(), NUMBERS),
    "box_behnken": (BoxBehnken(), NUMBERS),
    "simplex_lattice": (SimplexLattice(3), BLENDS),
    "simplex_centroid": (SimplexCentroid(), BLENDS),
}


@pytest.mark.parametrize("name", list(FIXED))
def test_a_fixed_design_is_run_plot_by_plot(name: str) -> None:
    planner, problem = FIXED[name]
    free = Problem(problem.space, problem.objectives)
    history: list[Trial] = []
    batches = 0
    while True:
        found = as_many(planner, problem, history, 2, seed=batches)
        if not found:
            break
        whole = found
        check(problem, found, len(found), history)
        history += trials(found)
        batches += 1
    runs = int(whole[0].info["runs"])
    whole = planner.suggest(free, [], n=runs, seed=0)
    done_keys = {problem.space.key(trial.point) for trial in history}
    assert done_keys <= {problem.space.key(one) for one in whole}
    assert len(done_keys) == runs


def test_a_fixed_design_without_so_many_runs_of_one_value_says_what_to_do() -> None:
    with pytest.raises(
        BatchTooLarge, match=r"3 distinct .* design factorial has at most 2 left of one T\. Ask for 2"
    ) as e:
        Factorial(resolution=3).suggest(NUMBERS, [], n=3, seed=0)
    assert e.value.left == 2


# -- cost

DEAR = Problem(BOX.space, Objective("y"), cost=Cost(change={"T": 10.0, "s": 1.0}))


@pytest.mark.parametrize(
    "planner", [*PLANNERS[:2], KMedoids(), Factorial(levels=2)], ids=lambda one: str(one).partition("(")[0]
)
def test_the_points_come_in_the_order_of_little_change(planner: Planner) -> None:
    free = Problem(DEAR.space, DEAR.objectives)
    history = trials([{"T": 119.0, "rate": 1.0, "s": "w"}])
    found = planner.suggest(DEAR, history, n=6, seed=4)
    unordered = planner.suggest(free, history, n=6, seed=4)
    assert sorted(repr(one.point) for one in found) == sorted(repr(one.point) for one in unordered)
    assert DEAR.cost is not None
    befores = [history[0].point, *(one.point for one in found)]
    for one, before in zip(found, befores, strict=False):
        assert one.info["cost"] == DEAR.cost.of([one], before)[0]
    assert total(DEAR.cost, found, history[0].point) <= total(DEAR.cost, unordered, history[0].point)
    assert found == in_order(DEAR, history, [], unordered)
    assert found != unordered


def total(cost: Cost, points: Sequence[Point], previous: Point) -> float:
    steps = zip([previous, *points[:-1]], points, strict=True)
    return sum(float(cost.of([point], before)[0]) for before, point in steps)


def test_without_a_cost_the_order_stays() -> None:
    found = Sobol().suggest(Problem(BOX.space, Objective("y")), [], n=5, seed=0)
    assert in_order(Problem(BOX.space, Objective("y")), [], [], found) == found
    assert in_order(DEAR, [], [], []) == []


def test_the_point_before_is_where_the_lab_will_have_been_last() -> None:
    one, two = {"x": 1.0}, {"x": 2.0}
    assert previous_of([], []) is None
    assert previous_of([Trial.completed(one, {"y": 1}), Trial.failed(two, "clogged")], []) == two
    assert previous_of([Trial.completed(one, {"y": 1}), Trial(2, two, "rejected")], []) == one
    assert previous_of([Trial.completed(one, {"y": 1}), Trial.completed(two, {"y": 1}, source="prior")], []) == one
    assert previous_of([Trial.completed(one, {"y": 1}).invalidate("spilled")], []) == one
    assert previous_of([Trial.completed(one, {"y": 1})], [one, two]) == two
    assert previous_of([Trial(2, two, "abandoned")], []) is None


def test_a_cost_that_cannot_be_told_is_an_error_of_input() -> None:
    problem = Problem(BOX.space, Objective("y"), cost=Cost(lambda point, before: 0.0))
    with pytest.raises(InputError, match=r"must be a positive number, got 0\.0"):
        Sobol().suggest(problem, [], n=2, seed=0)


# -- honesty


@st.composite
def problems(draw: st.DrawFn) -> Problem:
    kinds: list[Parameter] = [Real("T", 20, 120), Ordinal("T", [20, 60, 90]), Categorical("T", ["hot", "cold"])]
    space = Space(
        [
            draw(st.sampled_from(kinds)),
            Real("x", 0, 1),
            Integer("k", 1, 6),
            *([Mixture(["a", "b", "c"], at_most=draw(st.sampled_from([None, 2])))] if draw(st.booleans()) else []),
        ],
        draw(st.sampled_from([[], ["x * k <= 2"], ["x + 0.1*k <= 1", "(x-0.5)**2 + 0.01*k**2 <= 0.3"]])),
    )
    names = draw(st.lists(st.sampled_from(space.names), min_size=1, max_size=2, unique=True))
    return Problem(
        space, Objective("y"), same_in_batch=names, cost=draw(st.sampled_from([None, Cost(change={"x": 2})]))
    )


@pytest.mark.slow
@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(problems(), st.integers(0, 2**53 - 1), st.integers(0, len(PLANNERS) - 1), st.integers(2, 4))
def test_every_batch_is_inside_new_and_shares_its_values(problem: Problem, seed: int, which: int, n: int) -> None:
    history: list[Trial] = []
    for call in range(2):
        found = as_many(PLANNERS[which], problem, history, n, seed=seed)
        check(problem, found, len(found), history)
        history += trials(found)
        assert len(history) >= call + 1
