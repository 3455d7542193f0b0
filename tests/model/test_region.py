"""Spaces with nonlinear constraints: every point keeps them, whatever asked for it."""

import math
import pickle

import numpy as np
import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from autolab.model.errors import EmptySpace, InvalidSpace, OutsideSpace
from autolab.model.nonlinear import Nonlinear
from autolab.model.parameters import Categorical, Integer, Mixture, Ordinal, Parameter, Real
from autolab.model.ranges import TOLERANCE
from autolab.model.space import Space
from autolab.model.trial import Point

slow = settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large]
)
DISC = Space([Real("x", -1, 1), Real("y", -1, 1)], ["x**2 + y**2 <= 1"])
RING = Space([Real("x", -1, 1), Real("y", -1, 1)], ["x**2 + y**2 <= 0.5001", "x**2 + y**2 >= 0.5"])
BLEND = Space(
    [Mixture(["a", "b", "c"], at_most=2), Real("T", 20, 50, log=True), Integer("k", 1, 9)],
    ["T + 20*a <= 55", "a * b * k >= 0.2", "sqrt(T) * c <= 3"],
)


def by_solvent(point: Point) -> float:
    return float(point["x"]) - 0.5 if point["solvent"] == "water" else 0.1 - float(point["x"])


CHOICE = Space(
    [Categorical("solvent", ["water", "DMSO"]), Ordinal("v", [1, 2, 5]), Real("x", 0, 1)],
    [Nonlinear(by_solvent, text="what dissolves")],
)
SPACES = {"disc": DISC, "ring": RING, "blend": BLEND, "choice": CHOICE}


@pytest.fixture(params=list(SPACES))
def space(request: pytest.FixtureRequest) -> Space:
    return SPACES[request.param]


def holds(constraint: Nonlinear, point: Point) -> bool:
    """Return whether a point keeps a constraint, by Python's own arithmetic."""
    if constraint.function is not None:
        return constraint.function(point) >= -TOLERANCE
    left, relation, right = constraint.text.partition("<=" if "<=" in constraint.text else ">=")
    names = {**vars(math), "abs": abs, "min": min, "max": max, **point}
    try:
        low, high = (eval(side, {"__builtins__": {}}, names) for side in (left, right))  # noqa: S307  texts of this file
    except (ValueError, ZeroDivisionError, OverflowError):
        return False
    slack = TOLERANCE * max(1.0, abs(low), abs(high))
    return bool(low <= high + slack if relation == "<=" else low >= high - slack)


def check(space: Space, points: list[dict[str, float | int | str]]) -> None:
    for point in points:
        assert space.faults(point) == []
        assert all(holds(one, point) for one in space.nonlinear)
    assert space.allows(points).all()
    assert len({space.key(point) for point in points}) == len(points)


# -- drawing


def test_samples_are_inside_distinct_and_the_same_for_a_seed(space: Space) -> None:
    points = space.sample(40, 3)
    assert len(points) == 40
    check(space, points)
    assert points == space.sample(40, 3) != space.sample(40, 4)
    assert Space(space.parameters, space.constraints).sample(40, 3) == points


def test_samples_of_a_disc_are_even_over_it() -> None:
    points = DISC.sample(4000, 0)
    radii = np.array([math.hypot(float(point["x"]), float(point["y"])) for point in points])
    for share in (0.25, 0.5, 0.75):  # of the area, which grows with the square of the radius
        assert (radii**2 <= share).mean() == pytest.approx(share, abs=0.03)


def test_a_thin_ring_is_found_and_covered_all_round() -> None:
    angles = [math.atan2(float(point["y"]), float(point["x"])) for point in RING.sample(300, 0)]
    counts, _ = np.histogram(angles, bins=8, range=(-math.pi, math.pi))
    assert counts.min() >= 15  # even would be 37


def test_a_needle_is_found_in_a_haystack() -> None:
    space = Space([Real("x", 0, 1), Real("y", 0, 1), Real("z", 0, 1)], ["(x-0.3)**2 + (y-0.2)**2 + (z-0.7)**2 <= 1e-6"])
    points = space.sample(20, 1)
    assert len(points) == 20
    check(space, points)


def test_each_choice_that_is_allowed_occurs() -> None:
    assert {(point["solvent"], point["v"]) for point in CHOICE.sample(60, 0)} == {
        (solvent, v) for solvent in ("water", "DMSO") for v in (1, 2, 5)
    }


def test_a_grid_is_counted_out() -> None:
    space = Space([Integer("i", 1, 30), Integer("j", 1, 30), Categorical("s", ["u", "v"])], ["i * j <= 12"])
    wanted = {(i, j, s) for i in range(1, 31) for j in range(1, 31) for s in "uv" if i * j <= 12}
    found = space.sample(1000, 5)
    assert {(point["i"], point["j"], point["s"]) for point in found} == wanted
    assert len(found) == len(wanted)
    assert len(space.sample(7, 5)) == 7


def test_the_grid_of_a_mixture_is_counted_out_too() -> None:
    space = Space([Integer("i", 0, 6), Integer("j", 0, 6)], ["i + j == 6", "i * j >= 8"])
    assert {(point["i"], point["j"]) for point in space.sample(99, 0)} == {(2, 4), (3, 3), (4, 2)}


# -- judging


def test_faults_name_the_constraint_and_by_how_much() -> None:
    assert DISC.faults({"x": 1.0, "y": 1.0}) == ["x ** 2 + y ** 2 <= 1 is missed by 1"]
    assert DISC.contains({"x": 0.6, "y": 0.8})  # on the rim, but for rounding
    assert not DISC.contains({"x": 0.6, "y": 0.8 + 1e-8})
    with pytest.raises(OutsideSpace, match=r"\{'x': 1.0, 'y': 0.5\} is not in the space: x \*\* 2 .* missed by 0.25"):
        DISC.check({"x": 1.0, "y": 0.5})


def test_bounds_are_told_before_formulas_are_asked() -> None:
    space = Space([Real("x", 0, 1)], ["sqrt(x) <= 0.5"])
    assert space.faults({"x": -1.0}) == ["x = -1.0 is outside 0.0 to 1.0"]


def test_where_a_formula_is_not_defined_nothing_is_allowed() -> None:
    space = Space([Real("c", 0, 10)], ["log10(c) <= 0"])
    assert not space.contains({"c": 0.0})
    assert space.allows([{"c": 0.0}, {"c": 0.5}, {"c": 2.0}]).tolist() == [False, True, False]
    with pytest.raises(OutsideSpace, match=r"log10\(c\) <= 0 has no value: the formula is not defined here"):
        space.check({"c": 0.0})


def test_where_a_function_raises_nothing_is_allowed_and_the_check_says_why() -> None:
    def picky(point: Point) -> float:
        if float(point["x"]) > 0.5:
            msg = "out of the table"
            raise LookupError(msg)
        return 1.0

    space = Space([Real("x", 0, 1)], [Nonlinear(picky)])
    check(space, space.sample(50, 0))
    with pytest.raises(OutsideSpace, match=r"\{'x': 0.75\} .*: picky has no value: LookupError: out of the table"):
        space.check({"x": 0.75})
    assert space.snap({"x": 0.75})["x"] == pytest.approx(0.5)


def test_many_encoded_points_are_judged_at_once() -> None:
    rng = np.random.default_rng(0)
    encoded = rng.random((500, 2))
    inside = ((2 * encoded - 1) ** 2).sum(axis=1) <= 1
    assert DISC.allows_encoded(encoded).tolist() == inside.tolist()
    assert DISC.allows([]).tolist() == []
    grid = Space([Integer("k", 0, 10)], ["k**2 <= 6.5"])
    assert grid.allows_encoded(np.array([[0.2], [0.25], [0.26]])).tolist() == [True, True, False]  # not rounded
    assert Space([Real("x", 0, 1)]).allows([{"x": 5.0}]).tolist() == [True]


# -- the nearest


def test_the_nearest_point_of_a_disc_is_on_its_rim() -> None:
    for x, y in ((1.0, 1.0), (0.9, -0.7), (-1.0, 0.3)):
        found = DISC.snap({"x": x, "y": y})
        assert math.hypot(float(found["x"]), float(found["y"])) == pytest.approx(1.0)
        gap = math.hypot(float(found["x"]) - x, float(found["y"]) - y)
        assert gap <= 1.5 * (math.hypot(x, y) - 1) + 0.05  # near, if not the nearest: the way leads to a known point


def test_a_point_that_is_allowed_stays_where_it_is(space: Space) -> None:
    for point in space.sample(10, 7):
        assert space.snap(point) == pytest.approx(point)


def test_decoding_lands_inside_from_anywhere(space: Space) -> None:
    wild = 3 * np.random.default_rng(0).random((60, len(space.columns))) - 1
    for point in space.decode(wild):
        check(space, [point])


# -- declaring


def test_linear_and_nonlinear_constraints_are_told_apart() -> None:
    assert [str(one) for one in BLEND.nonlinear] == ["a * b * k >= 0.2", "sqrt(T) * c <= 3"]
    assert len(BLEND.rows) == 2
    assert (DISC.coupling, DISC.is_box) == (None, False)
    assert Space([Real("x", 0, 1)]).is_box
    assert not Space([Mixture(["a", "b"])]).is_box


@pytest.mark.parametrize(
    ("constraints", "told"),
    [
        (["x * z <= 1"], "'x \\* z <= 1': there is no 'z': known: x, s"),
        (["x * s <= 1"], "'s' is categorical and has no number to calculate with"),
        ([7], "must be a Linear, a Nonlinear or a text .* got 7"),
    ],
)
def test_a_constraint_on_what_is_no_number_is_refused(constraints: list[str], told: str) -> None:
    with pytest.raises(InvalidSpace, match=told):
        Space([Real("x", 0, 1), Categorical("s", [1, 2])], constraints)


@pytest.mark.parametrize(
    ("parameters", "constraints", "told"),
    [
        (
            [Real("x", 0, 1)],
            ["x**2 >= 2"],
            r"of \d+ points tried, 3648 of them at random, none keeps: x \*\* 2 >= 2\. W",
        ),
        ([Integer("k", 0, 5)], ["k**2 >= 26"], "of all points of the space none keeps: k .. 2 >= 26"),
        ([Real("x", 0, 1), Real("y", 0, 1)], ["x*y >= 0.5", "x + y <= 1.2"], "none keeps: x . y >= 0.5. Widen"),
        (
            [Real("x", 0, 1)],
            [Nonlinear(lambda point: float(point["q"]), "wrong")],
            "wrong has no value at .*: KeyError: 'q'",
        ),
        ([Real("x", 0, 1)], ["1 / (x - x) >= 0"], "none keeps"),
    ],
)
def test_a_space_where_nothing_is_found_says_how_many_were_tried(
    parameters: list[Parameter], constraints: list[str], told: str
) -> None:
    with pytest.raises(EmptySpace, match=told):
        Space(parameters, constraints)


@pytest.mark.parametrize("name", ["disc", "ring", "blend", "choice"])
def test_equality_and_pickling(name: str) -> None:
    space = SPACES[name]
    again = pickle.loads(pickle.dumps(space))  # noqa: S301
    assert again == space
    assert hash(again) == hash(space)
    assert again.sample(5, 0) == space.sample(5, 0)
    assert space != Space(space.parameters)


# -- random spaces


@st.composite
def spaces(draw: st.DrawFn) -> Space:
    """A space of axes of every kind, with constraints of both kinds through a known point."""
    made: list[Parameter] = []
    for i in range(draw(st.integers(1, 3))):
        low = draw(st.integers(-3, 3))
        kinds: list[Parameter] = [
            Real(f"p{i}", low, low + draw(st.floats(0.5, 20))),
            Real(f"p{i}", 10.0**low, 10.0 ** (low + 2), log=True),
            Integer(f"p{i}", low, low + draw(st.integers(1, 9))),
            Ordinal(f"p{i}", [low, low + 0.5, low + 3]),
            Categorical(f"p{i}", ["u", "v", "w"]),
        ]
        made.append(draw(st.sampled_from(kinds)))
    if draw(st.booleans()):
        bounds = {"m0": (draw(st.sampled_from([0.0, 0.1])), 0.8)}
        made.append(Mixture(["m0", "m1", "m2"], bounds=bounds, at_most=draw(st.sampled_from([None, 2]))))
    plain = Space(made)
    (inside,) = plain.sample(1, draw(st.integers(0, 99)))
    numbers = [axis.name for axis in plain.axes if not isinstance(axis, Categorical)]
    assume(numbers)
    constraints: list[str] = []
    if draw(st.booleans()):
        bound = sum(float(inside[name]) for name in numbers) + draw(st.sampled_from([0.0, 0.5]))
        constraints.append(f"{' + '.join(numbers)} <= {bound!r}")
    for _ in range(draw(st.integers(1, 2))):
        names = draw(st.lists(st.sampled_from(numbers), min_size=1, max_size=3, unique=True))
        formula = draw(st.sampled_from([" + ".join(f"{n}**2" for n in names), f"abs({' * '.join(names)})"]))
        known = eval(formula, {"__builtins__": {}, "abs": abs}, dict(inside))  # noqa: S307  made here
        relation, sign = draw(st.sampled_from([("<=", 1), (">=", -1)]))
        slack = draw(st.sampled_from([0.05, 0.5])) * max(1.0, abs(known))
        constraints.append(f"{formula} {relation} {known + sign * slack!r}")
    return Space(made, constraints)  # `inside` is in it; with such slack it is found


@slow
@given(spaces(), st.integers(0, 2**53))
def test_samples_keep_every_constraint(space: Space, seed: int) -> None:
    points = space.sample(6, seed)
    assert 1 <= len(points) <= 6
    check(space, points)


@slow
@given(spaces(), st.integers(0, 2**32))
def test_whatever_is_decoded_keeps_every_constraint(space: Space, seed: int) -> None:
    rng = np.random.default_rng(seed)
    for point in space.decode(2 * rng.random((3, len(space.columns))) - 0.5):
        check(space, [point])
    points = space.sample(4, seed)
    for point, back in zip(points, space.decode(space.encode(points)), strict=True):
        np.testing.assert_allclose(space.encode([back]), space.encode([point]), atol=1e-6)


@slow
@given(spaces(), st.integers(0, 2**32), st.data())
def test_a_narrowed_space_keeps_them_too(space: Space, seed: int, data: st.DataObject) -> None:
    (point,) = space.sample(1, seed)
    names = data.draw(st.lists(st.sampled_from(space.names), min_size=1, max_size=2, unique=True))
    part = space.narrowed({name: point[name] for name in names})
    assert part.columns == space.columns
    assert part.contains(point)
    found = part.sample(4, seed)
    assert found
    check(space, found)
    check(part, found)
    for one in [*found, *part.decode(np.random.default_rng(seed).random((3, len(space.columns))))]:
        assert all(one[name] == point[name] for name in names)
        assert space.faults(one) == []
    np.testing.assert_array_equal(part.encode(found), space.encode(found))
    assert [part.key(one) for one in found] == [space.key(one) for one in found]
