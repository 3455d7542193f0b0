"""The part of a space where keys have one value: the encoding of the whole, and no other point."""

import pickle

import numpy as np
import pytest

from autolab.model.errors import EmptySpace, InvalidSpace, OutsideSpace
from autolab.model.parameters import Categorical, Integer, Mixture, Ordinal, Real
from autolab.model.space import Space
from autolab.model.trial import Value

WHOLE = Space(
    [
        Real("T", 20, 120),
        Real("rate", 0.01, 10, log=True),
        Integer("k", 1, 9),
        Ordinal("vial", [1, 2.5, 7]),
        Categorical("solvent", ["water", "DMSO", 7], {"water": {"p": 1}, "DMSO": {"p": 0.4}, 7: {"p": 0.1}}),
        Mixture(["a", "b", "c"], at_most=2, bounds={"a": (0.1, 0.8)}),
    ],
    ["T + 10*k <= 150", "a + 0.1*vial <= 0.9"],
)
VALUES: dict[str, Value] = {"T": 80, "rate": 0.3, "k": 3.0, "vial": 2.5, "solvent": "DMSO", "a": 0.25}


@pytest.mark.parametrize("name", list(VALUES))
def test_one_value_and_the_columns_of_the_whole(name: str) -> None:
    part = WHOLE.narrowed({name: VALUES[name]})
    points = part.sample(30, 1)
    assert len(points) == 30
    assert {point[name] for point in points} == {VALUES[name]}
    assert part.columns == WHOLE.columns
    assert part.names == WHOLE.names
    np.testing.assert_array_equal(part.encode(points), WHOLE.encode(points))
    assert [part.key(point) for point in points] == [WHOLE.key(point) for point in points]
    for point in [*points, *part.decode(2 * np.random.default_rng(0).random((20, len(part.columns))) - 0.5)]:
        assert point[name] == VALUES[name]
        assert part.faults(point) == []
        assert WHOLE.faults(point) == []


def test_values_keep_the_kind_that_the_axis_gives_them() -> None:
    (point,) = WHOLE.narrowed({"T": 80, "k": 3.0, "vial": 1.0}).sample(1, 0)
    assert [type(point[name]) for name in ("T", "k", "vial")] == [float, int, int]


def test_any_point_of_a_part_is_led_into_it() -> None:
    part = WHOLE.narrowed({"T": 80.0, "solvent": "DMSO"})
    (point,) = WHOLE.narrowed({"T": 30.0, "solvent": "water"}).sample(1, 0)
    assert not part.contains(point)
    assert part.faults(point) == [
        "T = 30.0 is not 80.0, at which it is held",
        "solvent = 'water' is not 'DMSO', at which it is held",
    ]
    assert part.snap(point) == {**point, "T": 80.0, "solvent": "DMSO"}


def test_all_values_make_one_point() -> None:
    (point,) = WHOLE.sample(1, 4)
    assert WHOLE.narrowed(point).sample(5, 0) == [point]


def test_a_part_of_a_part_is_narrower() -> None:
    part = WHOLE.narrowed({"T": 80.0}).narrowed({"k": 2})
    assert dict(part.held) == {"T": 80.0, "k": 2}
    assert part == WHOLE.narrowed({"k": 2, "T": 80.0}) != WHOLE
    assert pickle.loads(pickle.dumps(part)).sample(3, 0) == part.sample(3, 0)  # noqa: S301
    with pytest.raises(OutsideSpace, match="k = 3 is not 2, at which it is held"):
        part.narrowed({"k": 3})


def test_a_free_space_stays_a_box() -> None:
    box = Space([Real("x", 0, 1), Categorical("c", ["p", "q"])])
    part = box.narrowed({"c": "q"})
    assert part.is_box
    assert part.columns == ("x", "c=p", "c=q")
    assert part.encode([{"x": 0.5, "c": "q"}]).tolist() == [[0.5, 0.0, 1.0]]
    assert {point["c"] for point in part.sample(9, 0)} == {"q"}


def test_where_as_many_components_are_held_as_may_be_present_the_others_are_absent() -> None:
    part = WHOLE.narrowed({"a": 0.25, "b": 0.75})
    assert {(point["a"], point["b"], point["c"]) for point in part.sample(9, 0)} == {(0.25, 0.75, 0.0)}
    alone = Space([Mixture(["a", "b", "c"], at_most=2)]).narrowed({"a": 0.0})
    for point in alone.sample(9, 0):
        assert point["a"] == 0.0
        assert alone.contains(point)
    one = Space([Mixture(["a", "b", "c"], at_most=3)]).narrowed({"a": 0.4})
    assert {sum(value != 0 for value in point.values()) for point in one.sample(40, 0)} <= {2, 3}


def test_what_cannot_be_is_refused() -> None:
    with pytest.raises(InvalidSpace, match="there is no 'Temp' in the space: known: T, rate"):
        WHOLE.narrowed({"Temp": 30.0})
    with pytest.raises(OutsideSpace, match=r"cannot be narrowed: T = 130 is outside 20.0 to 120.0"):
        WHOLE.narrowed({"T": 130})
    with pytest.raises(OutsideSpace, match="'acetone' is not a category"):
        WHOLE.narrowed({"solvent": "acetone"})
    with pytest.raises(EmptySpace, match=r"there is no point with T = 120, k = 9 in the space: .*T \+ 10.0 \* k"):
        WHOLE.narrowed({"T": 120, "k": 9})
    with pytest.raises(EmptySpace, match=r"no point with x = 0.8 in the space: .*x \* y >= 0.5"):
        Space([Real("x", 0, 1), Real("y", 0, 0.6)], ["x * y >= 0.5", "x + y <= 1.5"]).narrowed({"x": 0.8})


def test_nothing_held_is_the_whole() -> None:
    assert WHOLE.narrowed({}) == WHOLE
