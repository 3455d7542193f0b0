import itertools
import pickle
import subprocess
import sys

import numpy as np
import pytest

from autolab.model.constraints import Linear
from autolab.model.errors import EmptySpace, InvalidSpace, OutsideSpace
from autolab.model.parameters import Categorical, Integer, Mixture, Ordinal, Parameter, Real
from autolab.model.space import Space
from autolab.model.trial import Point

ELECTROLYTE = Space(
    [Mixture(["ec", "pc", "emc", "salt"], bounds={"salt": [0.2, 0.8]}), Real("temperature", 20, 50, unit="degC")],
    constraints=["2.0 * salt <= 1.2", "temperature + 20 * pc <= 55"],
)
MIXED = Space(
    [
        Real("x", 0, 1),
        Real("rate", 0.01, 10, log=True),
        Integer("k", 0, 20),
        Ordinal("vial", [1, 2.5, 7]),
        Categorical("solvent", ["water", "DMSO"]),
    ],
    ["k + vial == 10.5", "x + 0.1 * rate <= 0.8", "x >= 0.05 * k"],
)
CHOOSE = Space(
    [Mixture(list("abcdef"), at_most=3, bounds=dict.fromkeys("abcdef", (0.1, 0.6))), Integer("n", 1, 5)],
    ["a + b >= 0.2", "n - 10*c <= 3"],
)
SPACES = [ELECTROLYTE, MIXED, CHOOSE]


# -- declaring


def test_names_columns_and_axes_unfold_mixtures_and_categories() -> None:
    assert ELECTROLYTE.names == ("ec", "pc", "emc", "salt", "temperature")
    assert MIXED.columns == ("x", "rate", "k", "vial", "solvent=water", "solvent=DMSO")
    assert Space([Categorical("c", ["a", "b"], {"a": {"p": 1}, "b": {"p": 2}})]).columns == ("c.p",)
    assert MIXED.constraints[0] == Linear({"k": 1, "vial": 1}, "==", 10.5)


@pytest.mark.parametrize(
    ("parameters", "constraints", "told"),
    [
        ([], [], "at least one parameter"),
        ([Real("x", 0, 1), Integer("x", 0, 1)], [], "'x' names more than one parameter"),
        ([Real("x", 0, 1), Mixture(["x", "y"])], [], "'x' names more than one parameter"),
        ([Real("rate", 0, 1)], ["rat <= 1"], "there is no 'rat': did you mean 'rate'"),
        ([Real("x", 0, 1), Categorical("c", ["a", "b"])], ["x + c <= 1"], "'c' is categorical"),
        ([Real("x", 0, 1)], ["x @ x <= 1"], "not allowed"),
    ],
)
def test_a_space_that_makes_no_sense_is_refused(parameters: list[Parameter], constraints: list[str], told: str) -> None:
    with pytest.raises(InvalidSpace, match=told):
        Space(parameters, constraints)


@pytest.mark.parametrize(
    ("parameters", "constraints", "told"),
    [
        ([Real("x", 0, 1)], ["x >= 2"], r"satisfies: x >= 2.0 \(within"),
        (
            [Real("x", 0, 1), Real("y", 0, 1)],
            ["y <= 0.9", "x + y <= 1", "x + y >= 1.5"],
            r": x \+ y <= 1.0; x \+ y >= 1.5 \(",
        ),
        ([Integer("x", 0, 3), Integer("y", 0, 3)], ["2*x - 2*y == 1"], "== 1.0"),
        ([Ordinal("v", [1, 4]), Real("x", 0, 1)], ["v + x == 3"], "v . x == 3.0"),
        ([Mixture(["a", "b"], bounds={"a": (0, 0.4), "b": (0, 0.5)})], [], r"a \+ b == 1.0"),
        ([Mixture(["a", "b", "c"], bounds=dict.fromkeys("abc", (0, 0.4)), at_most=2)], [], "== 1.0"),
        (
            [Mixture(["a", "b", "c"], at_most=1)],
            ["a + b >= 0.5", "c >= 0.1"],
            r": a \+ b >= 0.5; c >= 0.1; at most 1 of a, b, c \(",
        ),
        ([Mixture(["a", "b"], bounds={"a": (0.6, 1), "b": (0.6, 1)})], [], r"a \+ b == 1.0"),
    ],
)
def test_an_empty_space_names_what_contradicts(parameters: list[Parameter], constraints: list[str], told: str) -> None:
    with pytest.raises(EmptySpace, match=told):
        Space(parameters, constraints)


def test_emptiness_agrees_with_trying_every_point() -> None:
    rng = np.random.default_rng(0)
    seen = {True: 0, False: 0}
    points = np.array(list(itertools.product([0, 1, 2], [0, 1, 2, 3], [1, 2.5])))
    for trial in range(60):
        weights, bounds = rng.integers(-3, 4, (2, 3)), rng.integers(-6, 7, 2).astype(float)
        if trial % 3 == 0:  # chance alone makes few that are not empty
            bounds = weights @ points[rng.integers(len(points))]
        texts = [
            " + ".join(f"{w} * {name}" for w, name in zip(row, "xyz", strict=True)) + f" == {bound}"
            for row, bound in zip(weights, bounds, strict=True)
        ]
        texts = [text for text, row in zip(texts, weights, strict=True) if row.any()]
        rows = [row.any() for row in weights]
        exists = bool((points @ weights[rows].T == bounds[rows]).all(axis=1).any())
        seen[exists] += 1
        parameters: list[Parameter] = [Integer("x", 0, 2), Integer("y", 0, 3), Ordinal("z", [1, 2.5])]
        if exists:
            Space(parameters, texts)
        else:
            with pytest.raises(EmptySpace):
                Space(parameters, texts)
    assert min(seen.values()) > 5


def test_a_space_compares_pickles_and_hashes_by_what_it_declares() -> None:
    for space in SPACES:
        space.sample(3, seed=0)
        again = pickle.loads(pickle.dumps(space))  # noqa: S301
        assert again == space
        assert hash(again) == hash(space)
        assert again.sample(3, seed=0) == space.sample(3, seed=0)


def test_declaring_needs_no_slow_import() -> None:
    code = (
        "import sys\n"
        "from autolab.model.space import Space\nfrom autolab.model.parameters import Mixture, Real\n"
        "Space([Mixture(['a', 'b', 's'], bounds={'s': (0.2, 0.8)}), Real('T', 20, 50)], ['2*s <= 1.2', 'T + 20*a <= 55'])\n"
        "print([m for m in ('scipy.optimize', 'torch', 'pandas', 'bluesky') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


# -- points


def test_every_fault_of_a_point_is_told() -> None:
    faults = MIXED.faults({"x": 2.0, "rate": 1.0, "k": 1.5, "vial": 1, "solvnt": "water"})
    assert len(faults) == 4
    assert "solvent is missing" in faults[0]
    assert "did you mean 'solvent'" in faults[1]
    with pytest.raises(OutsideSpace, match=r"x = 2\.0 is outside.*k = 1\.5 is not a whole number"):
        MIXED.check({"x": 2.0, "rate": 1.0, "k": 1.5, "vial": 1, "solvent": "water"})


def test_constraints_and_totals_are_part_of_being_inside() -> None:
    point = {"ec": 0.3, "pc": 0.2, "emc": 0.1, "salt": 0.4, "temperature": 30.0}
    assert ELECTROLYTE.contains(point)
    ELECTROLYTE.check(point)
    assert ELECTROLYTE.faults({**point, "ec": 0.4}) == ["ec + pc + emc + salt == 1.0 is missed by 0.1"]
    assert ELECTROLYTE.contains({**point, "ec": 0.3 + 5e-10})
    assert not ELECTROLYTE.contains({**point, "ec": 0.3 + 5e-9})
    assert "2.0 * salt <= 1.2 is missed by 0.2" in ELECTROLYTE.faults({**point, "salt": 0.7, "ec": 0.0})


def test_at_most_counts_present_components_and_absent_ones_may_be_below_their_bound() -> None:
    absent = dict.fromkeys("abcdef", 0.0)
    assert CHOOSE.contains({**absent, "a": 0.5, "d": 0.5, "n": 1})
    faults = CHOOSE.faults({**absent, "a": 0.25, "b": 0.25, "c": 0.25, "d": 0.25, "n": 1})
    assert faults == ["at most 3 of a, b, c, d, e, f may be present, not 4"]
    assert not CHOOSE.contains({**absent, "a": 0.05, "b": 0.35, "d": 0.6, "n": 1})


def test_a_key_is_equal_for_the_same_experiment_only() -> None:
    space = Space([Real("x", 0, 1000), Integer("k", 0, 3), Categorical("c", ["a", "b"])])
    point: Point = {"x": 0.1 + 0.2, "k": 2, "c": "a"}
    assert space.key(point) == space.key({"c": "a", "k": 2.0, "x": 0.3})
    assert space.key({**point, "x": -0.0}) == space.key({**point, "x": 0.0})
    assert space.key(point) != space.key({**point, "x": 0.301})
    assert space.key(point) != space.key({**point, "c": "b"})


def test_a_key_on_a_logarithmic_axis_tells_low_decades_apart() -> None:
    space = Space([Real("k", 1e-13, 1.0, log=True)])
    assert space.key({"k": 1e-12}) != space.key({"k": 1.001e-12})
    assert space.key({"k": 1e-12}) == space.key({"k": 1e-12 * (1 + 1e-12)})
    low = sum(float(point["k"]) < 5e-10 for point in space.sample(100, seed=0))
    assert 15 < low < 45  # 28 % of the decades
    assert space.decode(space.encode([{"k": 5e-12}])) == [{"k": pytest.approx(5e-12)}]
    assert space.snap({"k": 5e-12}) == {"k": 5e-12}  # near to the end of the range, and decades away from it


def test_a_key_of_a_listed_number_forgives_its_last_bits() -> None:
    space = Space([Ordinal("a", [0.1, 0.2, 0.1 + 0.2])])
    assert space.key({"a": 0.3}) == space.key({"a": 0.1 + 0.2})
    assert space.contains({"a": 0.3})
    assert not space.contains({"a": 0.3 + 1e-12})


def test_a_narrow_range_is_a_range_all_the_same() -> None:
    space = Space([Real("x", 0, 1e-18)])
    assert len({float(point["x"]) for point in space.sample(5, seed=0)}) == 5
    assert not space.contains({"x": 2e-18})


# -- sampling


@pytest.mark.parametrize("space", SPACES)
def test_samples_are_inside_distinct_and_depend_on_the_seed_alone(space: Space) -> None:
    points = space.sample(40, seed=3)
    assert len({space.key(point) for point in points}) == 40
    for point in points:
        space.check(point)
        assert list(point) == list(space.names)
    assert points == space.sample(40, seed=3)
    assert points != space.sample(40, seed=4)


def test_values_have_the_types_that_users_expect() -> None:
    (point,) = MIXED.sample(1, seed=0)
    assert [type(value) for value in point.values()] == [float, float, int, float, str]
    assert type(Space([Ordinal("v", [1, 2])]).sample(1, seed=0)[0]["v"]) is int


def test_a_small_space_yields_all_of_its_points_and_no_more() -> None:
    space = Space([Integer("a", 0, 2), Categorical("c", ["p", "q"])])
    assert len(space.sample(100, seed=0)) == 6
    seven = Space([Integer(name, 0, 99) for name in "abcdefg"], [" + ".join("abcdefg") + " == 2"])
    points = seven.sample(1000, seed=0)
    assert len(points) == 28  # C(8, 6)
    assert all(sum(point.values()) == 2 for point in points)  # type: ignore[arg-type]


def test_a_single_point_and_a_fixed_component_are_no_special_case() -> None:
    single = Space([Real("x", 0, 1), Real("y", 0, 1)], ["x + y <= 0"])
    assert single.sample(5, seed=0) == [{"x": 0.0, "y": 0.0}]
    fixed = Space([Mixture(["a", "b", "c"], bounds={"a": (0.3, 0.3)})])
    for point in fixed.sample(10, seed=0):
        assert point["a"] == 0.3
        fixed.check(point)
    assert fixed.encode(fixed.sample(2, seed=0))[:, 0].tolist() == [0.0, 0.0]
    one = Space([Mixture(["a", "b"], bounds={"a": (0.25, 1), "b": (0.75, 1)})])
    assert one.sample(3, seed=0) == [{"a": 0.25, "b": 0.75}]


def test_few_feasible_points_in_a_vast_grid_are_found_without_trial_and_error() -> None:
    names = [f"k{i}" for i in range(8)]
    space = Space([Integer(name, 0, 1000) for name in names], [" + ".join(names) + " == 7999"])
    points = space.sample(8, seed=1)
    assert sorted(sorted(point.values()) for point in points) == [[999, *[1000] * 7]] * 8


def test_a_free_parameter_beside_constraints_is_spread_over_its_range() -> None:
    space = Space([Mixture(["a", "b"]), Real("rate", 1e-3, 1e3, log=True)])
    rates = np.log10([float(point["rate"]) for point in space.sample(400, seed=0)])
    assert abs(rates.mean()) < 0.35
    assert rates.std() == pytest.approx(6 / np.sqrt(12), rel=0.1)


# -- encoding


@pytest.mark.parametrize("space", SPACES)
def test_points_come_back_from_the_encoded_cube(space: Space) -> None:
    points = space.sample(25, seed=5)
    encoded = space.encode(points)
    assert encoded.shape == (25, len(space.columns))
    assert ((encoded >= -1e-12) & (encoded <= 1 + 1e-12)).all()
    for point, back in zip(points, space.decode(encoded), strict=True):
        assert space.key(back) == space.key(point)
        space.check(back)


@pytest.mark.parametrize("space", SPACES)
def test_any_numbers_decode_to_points_of_the_space(space: Space) -> None:
    for point in space.decode(3 * np.random.default_rng(0).random((25, len(space.columns))) - 1):
        space.check(point)


def test_a_decoded_point_is_the_nearest_one() -> None:
    space = Space([Real("x", 0, 1), Real("y", 0, 1)], ["x + y <= 1"])
    assert space.decode(np.array([[1.0, 1.0]]))[0] == pytest.approx({"x": 0.5, "y": 0.5})
    assert space.decode(np.array([[1.2, -0.3]]))[0] == pytest.approx({"x": 1.0, "y": 0.0})
    mixture = Space([Mixture(["a", "b", "c"])])
    assert mixture.decode(np.array([[0.5, 0.5, 0.3]]))[0] == pytest.approx({"a": 0.4, "b": 0.4, "c": 0.2})


def test_choices_that_cannot_stand_are_changed_by_as_little_as_possible() -> None:
    space = Space([Integer("a", 0, 10), Integer("b", 0, 10)], ["a + b == 10"])
    (point,) = space.decode(np.array([[0.3, 0.6]]))
    assert point["a"] + point["b"] == 10  # type: ignore[operator]
    assert abs(point["a"] - 3) + abs(point["b"] - 6) == 1  # type: ignore[operator]


def test_the_largest_components_stay_when_some_must_go() -> None:
    space = Space([Mixture(["a", "b", "c"], at_most=2)])
    (point,) = space.decode(np.array([[0.5, 0.1, 0.4]]))
    assert point == pytest.approx({"a": 0.55, "b": 0.0, "c": 0.45})
    assert point["b"] == 0.0


def test_what_cannot_be_encoded_or_decoded_is_told() -> None:
    space = Space([Real("x", 0, 1), Categorical("c", ["a", "b"])])
    with pytest.raises(OutsideSpace, match="c = 'z' is not a category"):
        space.encode([{"x": 1, "c": "z"}])
    with pytest.raises(OutsideSpace, match="x is missing"):
        space.encode([{"c": "a"}])
    with pytest.raises(ValueError, match=r"n x 3 finite numbers, got shape \(1, 2\)"):
        space.decode(np.zeros((1, 2)))
    with pytest.raises(ValueError, match="finite"):
        space.decode(np.full((1, 3), np.nan))


def test_a_point_outside_the_bounds_lies_outside_the_cube() -> None:
    assert Space([Real("x", 0, 1)]).encode([{"x": 1.5}])[0, 0] == 1.5


def test_what_only_rounding_keeps_from_a_bound_is_the_bound() -> None:
    space = Space([Mixture(["a", "b", "c"], total=1), Real("t", 25, 50)])
    point = space.snap({"a": 2.2e-16, "b": 0.4, "c": 0.6 - 2.2e-16, "t": 50 - 1e-12})
    assert (point["a"], point["t"]) == (0.0, 50)
    assert space.snap({"a": 1e-6, "b": 0.4, "c": 0.6 - 1e-6, "t": 30.0})["a"] == pytest.approx(1e-6)
