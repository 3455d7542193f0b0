"""What every design keeps: its points, once each, whatever the calls they come in."""

import json
import pickle
import typing
from collections.abc import Sequence

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from autolab import planners
from autolab.model.candidates import Candidates
from autolab.model.contracts import Planner
from autolab.model.errors import DesignUnfit, DesignUsedUp, InputError, PlannerError
from autolab.model.objectives import Objective
from autolab.model.parameters import Categorical, Integer, Mixture, Ordinal, Real
from autolab.model.problem import Problem
from autolab.model.space import Space
from autolab.model.suggestion import Suggestion
from autolab.model.trial import Trial
from autolab.planners.factorial import Factorial, PlackettBurman
from autolab.planners.lhs import LatinHypercube
from autolab.planners.optimal import DOptimal, IOptimal
from autolab.planners.response_surface import BoxBehnken, CentralComposite
from autolab.planners.simplex import SimplexCentroid, SimplexLattice
from autolab.planners.spread import FarthestPoint, KMedoids

BOX = Problem(Space([Real("x", 0, 1), Real("rate", 0.01, 10, log=True)]), [Objective("y")])
MIXTURE = Problem(
    Space(
        [Mixture(["a", "b", "s"], bounds={"s": [0.1, 0.7]}), Real("T", 20, 50, log=True)],
        ["2*s <= 1.2", "T + 20*a <= 55"],
    ),
    [Objective("y")],
)
POOL = Problem(Candidates({"u": [i / 29 for i in range(30)], "w": ["e", "f", "g"] * 10}), [Objective("y")])
NUMBERS = Problem(Space([Real("x", 0, 1), Real("rate", 0.01, 10, log=True), Integer("k", 1, 9)]), [Objective("y")])
BLENDS = Problem(
    Space([Mixture(["a", "b", "c"], total=5.0, bounds={"a": (0.5, 5)}), Real("T", 20, 60)]), [Objective("y")]
)
FIXED: dict[str, tuple[Planner, Problem, int]] = {
    "factorial": (Factorial(), NUMBERS, 8),
    "fraction": (Factorial(resolution=3), NUMBERS, 4),
    "plackett_burman": (PlackettBurman(), NUMBERS, 4),
    "central_composite": (CentralComposite(), NUMBERS, 15),
    "box_behnken": (BoxBehnken(), NUMBERS, 13),
    "simplex_lattice": (SimplexLattice(), BLENDS, 12),
    "simplex_centroid": (SimplexCentroid(), BLENDS, 14),
    "lhs": (LatinHypercube(runs=9), NUMBERS, 9),
    "lhs of a pool": (LatinHypercube(runs=9), POOL, 9),
    "lhs of a mixture": (LatinHypercube(runs=5), MIXTURE, 5),
    "d_optimal": (DOptimal(runs=12), NUMBERS, 12),
    "i_optimal": (IOptimal("linear", runs=6), BLENDS, 6),
}


def completed(points: Sequence[Suggestion]) -> list[Trial]:
    return [Trial.completed(one.point, {"y": 1.0}) for one in points]


def keys(problem: Problem, points: Sequence[Suggestion | Trial]) -> set[object]:
    return {problem.space.key(one.point) for one in points}


@pytest.fixture(params=list(FIXED))
def fixed(request: pytest.FixtureRequest) -> tuple[Planner, Problem, int]:
    return FIXED[request.param]


def test_a_design_has_its_runs_and_no_more(fixed: tuple[Planner, Problem, int]) -> None:
    planner, problem, runs = fixed
    found = planner.suggest(problem, [], n=runs, seed=3)
    assert len(keys(problem, found)) == len(found) == runs
    for one in found:
        problem.space.check(one)
        json.dumps(dict(one.info), allow_nan=False)
    with pytest.raises(DesignUsedUp, match=rf"{runs + 1} distinct points were asked for .* has {runs} of its") as told:
        planner.suggest(problem, [], n=runs + 1, seed=3)
    assert told.value.left == runs
    assert pickle.loads(pickle.dumps(told.value)).left == runs  # noqa: S301  made here
    with pytest.raises(DesignUsedUp, match=r"0 of its .* It is done"):
        planner.suggest(problem, completed(found), n=1, seed=4)
    assert issubclass(DesignUsedUp, PlannerError)


def test_the_calls_of_a_campaign_give_each_run_once(fixed: tuple[Planner, Problem, int]) -> None:
    planner, problem, runs = fixed
    history: list[Trial] = []
    for call in range(runs):  # another seed at each call, as a campaign has it
        (one,) = planner.suggest(problem, history, n=1, seed=call)
        assert problem.space.contains(one)
        history += completed([one])
    assert len(keys(problem, history)) == runs
    with pytest.raises(DesignUsedUp):
        planner.suggest(problem, history, n=1, seed=runs)


@pytest.mark.parametrize("name", [name for name in FIXED if "optimal" not in name])
def test_calls_of_one_seed_go_on_in_the_same_design(name: str) -> None:
    planner, problem, runs = FIXED[name]
    whole = planner.suggest(problem, [], n=runs, seed=5)
    first = planner.suggest(problem, [], n=2, seed=5)
    second = planner.suggest(problem, completed(first), n=1, pending=[], seed=5)
    rest = planner.suggest(problem, completed(first), n=runs - 3, pending=[dict(one) for one in second], seed=5)
    assert [*first, *second, *rest] == whole


def test_what_is_pending_or_failed_is_not_given_again_and_what_is_invalidated_is(
    fixed: tuple[Planner, Problem, int],
) -> None:
    planner, problem, runs = fixed
    whole = planner.suggest(problem, [], n=runs, seed=1)
    failed = [Trial.failed(one.point, "clogged") for one in whole[: runs - 1]]
    assert keys(problem, planner.suggest(problem, failed, n=1, seed=1)).isdisjoint(keys(problem, failed))
    with pytest.raises(DesignUsedUp):
        planner.suggest(problem, failed, n=1, pending=[whole[-1].point], seed=1)
    wrong = [one.invalidate("spilled") for one in completed(whole)]
    assert planner.suggest(problem, wrong, n=runs, seed=1) == whole


def test_the_fixed_designs_are_the_same_whatever_the_seed() -> None:
    for name in ("factorial", "plackett_burman", "box_behnken", "simplex_lattice"):
        planner, problem, runs = FIXED[name]
        orders = [planner.suggest(problem, [], n=runs, seed=seed) for seed in (1, 1, 2)]
        assert orders[0] == orders[1] != orders[2]
        assert keys(problem, orders[0]) == keys(problem, orders[2])


@pytest.mark.parametrize("n", [0, -1])
def test_less_than_one_point_is_refused(n: int, fixed: tuple[Planner, Problem, int]) -> None:
    planner, problem, _ = fixed
    with pytest.raises(ValueError, match=f"n must be 1 or more, got {n}"):
        planner.suggest(problem, [], n=n, seed=1)


# -- what does not fit

CLASSICAL: list[Planner] = [Factorial(), Factorial(resolution=3), PlackettBurman(), CentralComposite(), BoxBehnken()]


@pytest.mark.parametrize("planner", CLASSICAL, ids=str)
def test_classical_designs_refuse_mixtures_and_pools_and_say_what_fits(planner: Planner) -> None:
    with pytest.raises(DesignUnfit, match=r"component 'a' of a mixture .*simplex_lattice.*d_optimal"):
        planner.suggest(MIXTURE, [], n=1, seed=1)
    with pytest.raises(DesignUnfit, match=r"table of candidates .*d_optimal, lhs, k_medoids"):
        planner.suggest(POOL, [], n=1, seed=1)


@pytest.mark.parametrize("planner", [Factorial(resolution=3), *CLASSICAL[2:]], ids=str)
def test_balanced_designs_refuse_constraints_that_a_run_violates_and_take_those_that_none_does(
    planner: Planner,
) -> None:
    axes = [Real("x", 0, 1), Real("y", 0, 1), Real("z", 0, 1)]
    tight = Problem(Space(axes, ["x + y + z <= 1.4"]), [Objective("q")])
    with pytest.raises(DesignUnfit, match=r"its run \{.*x \+ y \+ z <= 1.4 is missed by .*d_optimal"):
        planner.suggest(tight, [], n=1, seed=1)
    loose = Problem(Space(axes, ["x + y + z <= 3"]), [Objective("q")])
    free = Problem(Space(axes), [Objective("q")])
    assert planner.suggest(loose, [], n=4, seed=1) == planner.suggest(free, [], n=4, seed=1)


@pytest.mark.parametrize("planner", [SimplexLattice(), SimplexCentroid()], ids=str)
def test_simplex_designs_need_a_mixture_without_upper_bounds(planner: Planner) -> None:
    for problem in (BOX, POOL):
        with pytest.raises(DesignUnfit, match="needs a mixture and the space declares none; factorial"):
            planner.suggest(problem, [], n=1, seed=1)
    bounded = Problem(Space([Mixture(["a", "b"], bounds={"a": (0, 0.6)})]), [Objective("y")])
    with pytest.raises(DesignUnfit, match=r"a = 1.0 is outside 0.0 to 0.6; d_optimal"):
        planner.suggest(bounded, [], n=1, seed=1)
    tied = Problem(Space([Mixture(["a", "b"])], ["a <= 0.8"]), [Objective("y")])
    with pytest.raises(DesignUnfit, match=r"a <= 0.8 is missed by 0.2; d_optimal"):
        planner.suggest(tied, [], n=1, seed=1)


def test_axes_that_a_design_has_no_levels_for_are_told() -> None:
    planner: Planner
    few = Problem(Space([Integer("k", 1, 2), Real("x", 0, 1), Real("z", 0, 1)]), [Objective("y")])
    for planner in (CentralComposite(), BoxBehnken()):
        with pytest.raises(DesignUnfit, match=r"has 3 levels, and 'k' too few values for them; d_optimal"):
            planner.suggest(few, [], n=1, seed=1)
    labels = Problem(Space([Categorical("c", list("pqr")), Real("x", 0, 1), Real("z", 0, 1)]), [Objective("y")])
    told: list[tuple[Planner, str]] = [(PlackettBurman(), "exactly 2 labels"), (CentralComposite(), "numbers alone")]
    for planner, wanted in told:
        with pytest.raises(DesignUnfit, match=rf"{wanted}, and 'c' has 3 labels"):
            planner.suggest(labels, [], n=1, seed=1)
    one = Problem(Space([Real("x", 0, 1)]), [Objective("y")])
    fewest: list[tuple[Planner, int]] = [(PlackettBurman(), 2), (CentralComposite(), 2), (BoxBehnken(), 3)]
    for planner, least in fewest:
        with pytest.raises(DesignUnfit, match=rf"at least {least} factors and the space has 1"):
            planner.suggest(one, [], n=1, seed=1)


def test_a_design_too_large_to_lay_out_is_told() -> None:
    planner: Planner
    many = Problem(Space([Real(f"x{i}", 0, 1) for i in range(40)]), [Objective("y")])
    for planner in (Factorial(), CentralComposite()):
        with pytest.raises(DesignUnfit, match=rf"{2**40} runs here, more than 100000"):
            planner.suggest(many, [], n=1, seed=1)
    twenty = Problem(Space([Real(f"x{i}", 0, 1) for i in range(20)]), [Objective("y")])
    for planner in (Factorial(resolution=19), CentralComposite()):
        with pytest.raises(DesignUnfit, match=r"has \d+ runs here, more than 100000; take fewer levels, a fraction"):
            planner.suggest(twenty, [], n=1, seed=1)
    assert len(PlackettBurman().suggest(many, [], n=48, seed=1)) == 48
    blend = Problem(Space([Mixture([f"x{i}" for i in range(30)])]), [Objective("y")])
    with pytest.raises(DesignUnfit, match=r"simplex_centroid has 1073741823 runs here"):
        SimplexCentroid().suggest(blend, [], n=1, seed=1)
    assert len(SimplexCentroid(up_to=2).suggest(blend, [], n=465, seed=1)) == 465


# -- settings

WRONG: list[tuple[type[Planner], dict[str, object], str]] = [
    (Factorial, {"levels": 1}, "levels must be a whole number of at least 2, got 1"),
    (Factorial, {"levels": {"x": 1}}, "levels of 'x' must be a whole number of at least 2, got 1"),
    (Factorial, {"resolution": 2}, "resolution must be a whole number of at least 3, got 2"),
    (Factorial, {"resolution": 3, "levels": 3}, "a fraction has two levels"),
    (CentralComposite, {"face": "outside"}, "face must be one of faced, inscribed, got 'outside'"),
    (SimplexLattice, {"degree": 0}, "degree must be a whole number of at least 1, got 0"),
    (SimplexCentroid, {"up_to": True}, "up_to must be a whole number of at least 1, got True"),
    (LatinHypercube, {"runs": 2.5}, "runs must be a whole number of at least 1, got 2.5"),
    (DOptimal, {"model": "cubic"}, "model must be one of linear, interactions, quadratic, got 'cubic'"),
    (IOptimal, {"runs": 0}, "runs must be a whole number of at least 1, got 0"),
]


@pytest.mark.parametrize(("kind", "given", "told"), WRONG)
def test_wrong_settings_are_refused(kind: type[Planner], given: dict[str, object], told: str) -> None:
    with pytest.raises(InputError, match=told):
        kind(**given)


def test_levels_of_unknown_parameters_are_refused() -> None:
    with pytest.raises(InputError, match=r"levels: there is no 'rat'"):
        Factorial(levels={"rat": 3}).suggest(NUMBERS, [], n=1, seed=1)


MADE_WITH_SOMETHING = {"FromOptimizer", "as_optimizer"}


@pytest.mark.parametrize("name", [name for name in planners.__all__ if name not in MADE_WITH_SOMETHING])
def test_every_planner_tells_what_its_options_are(name: str) -> None:
    kind = getattr(planners, name)
    assert kind.__name__ == name
    assert isinstance(kind(), Planner)
    assert kind() == kind()
    assert hash(kind()) == hash(kind())
    assert set(typing.get_type_hints(kind)) >= set(kind.__dataclass_fields__)


def test_there_is_no_other_planner() -> None:
    assert dir(planners) == planners.__all__
    with pytest.raises(AttributeError, match="has no attribute 'Nobody'"):
        planners.Nobody  # noqa: B018  asked for on purpose


# -- honesty


def axis(name: str, kind: str) -> Real | Integer | Ordinal | Categorical:
    known: dict[str, Real | Integer | Ordinal | Categorical] = {
        "real": Real(name, -1.0, 2.0),
        "log": Real(name, 0.01, 10.0, log=True),
        "integer": Integer(name, 0, 7),
        "ordinal": Ordinal(name, [1, 2, 5]),
        "choice": Categorical(name, ["u", "v", "w"]),
    }
    return known[kind]


@st.composite
def spaces(draw: st.DrawFn) -> Space:
    kinds = draw(st.lists(st.sampled_from(["real", "log", "integer", "ordinal", "choice"]), min_size=1, max_size=3))
    parameters: list[Real | Integer | Ordinal | Categorical | Mixture] = []
    parameters += [axis(f"p{i}", kind) for i, kind in enumerate(kinds)]
    constraints: list[str] = []
    numbers = [i for i, kind in enumerate(kinds) if kind != "choice"]
    if draw(st.booleans()):
        low, most = draw(st.sampled_from([0.0, 0.1])), 2 if draw(st.booleans()) else None
        parameters.append(Mixture(["a", "b", "c"], bounds={"a": (low, 0.7)}, at_most=most))
        constraints.append(f"b + 0.5*c <= {draw(st.floats(0.6, 1.0))}")
    if draw(st.booleans()) and numbers:
        constraints.append(" + ".join(f"p{i}" for i in numbers) + f" <= {draw(st.floats(3.2, 8.0))}")
    if draw(st.booleans()) and numbers:
        constraints.append(" + ".join(f"p{i}**2" for i in numbers) + f" <= {draw(st.floats(5.0, 60.0))}")
    return Space(parameters, constraints)


@pytest.mark.slow
@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(space=spaces(), seed=st.integers(0, 2**53 - 1), kind=st.sampled_from(["lhs", "d", "i", "medoids", "farthest"]))
def test_every_point_keeps_every_constraint_and_is_new(space: Space, seed: int, kind: str) -> None:
    planners_by_kind: dict[str, Planner] = {
        "lhs": LatinHypercube(runs=12),
        "d": DOptimal("linear"),
        "i": IOptimal("interactions"),
        "medoids": KMedoids(),
        "farthest": FarthestPoint(),
    }
    planner = planners_by_kind[kind]
    problem = Problem(space, [Objective("y")])
    seen: list[Trial] = []
    for call in range(3):
        room = len(space.sample(len(seen) + 2, 0)) - len(seen)
        if room < 2:
            return
        found = planner.suggest(problem, seen, n=2, seed=seed + call)
        for one in found:
            assert space.faults(one) == []
        seen += completed(found)
        assert len(keys(problem, seen)) == len(seen)


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(space=spaces(), seed=st.integers(0, 2**53 - 1), which=st.integers(0, 6))
def test_a_classical_design_keeps_every_constraint_or_says_that_it_does_not_fit(
    space: Space, seed: int, which: int
) -> None:
    every: list[Planner] = [*CLASSICAL, SimplexLattice(3), SimplexCentroid()]
    planner = every[which]
    problem = Problem(space, [Objective("y")])
    try:
        found = planner.suggest(problem, [], n=1, seed=seed)
    except DesignUnfit:
        return
    runs = int(found[0].info["runs"])
    whole = planner.suggest(problem, [], n=runs, seed=seed)
    assert len(keys(problem, whole)) == runs
    assert all(space.faults(one) == [] for one in whole)
