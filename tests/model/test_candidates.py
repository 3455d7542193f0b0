import math
import pickle
import time
import tracemalloc
from typing import Any

import numpy as np
import pandas as pd
import pytest

from autolab.model.candidates import Candidates
from autolab.model.errors import EmptySpace, InvalidSpace, OutsideSpace

ROWS = [{"solvent": "water", "ph": 3}, {"solvent": "DMSO", "ph": 7}, {"solvent": "water", "ph": 5}]


def test_rows_columns_and_a_data_frame_give_the_same_table() -> None:
    rows = Candidates(ROWS)
    columns = Candidates({"solvent": ["water", "DMSO", "water"], "ph": np.array([3, 7, 5])})
    frame = Candidates(pd.DataFrame(ROWS))
    assert rows == columns == frame
    assert len({hash(rows), hash(columns), hash(frame)}) == 1
    assert rows.table == {"solvent": ("water", "DMSO", "water"), "ph": (3, 7, 5)}
    assert rows.points == tuple(ROWS)
    assert type(columns.points[0]["ph"]) is int
    assert pickle.loads(pickle.dumps(rows)) == rows  # noqa: S301


@pytest.mark.parametrize(
    ("table", "error", "told"),
    [
        ([], EmptySpace, "has no row"),
        ({"a": []}, EmptySpace, "has no row"),
        ({}, InvalidSpace, "has no column"),
        ({"a": [1, 2], "b": [1]}, InvalidSpace, "of one length, got a: 2, b: 1"),
        ([{"a": 1}, {"b": 1}], InvalidSpace, r"candidate 2 must have the keys \['a'\]"),
        ({"a": [1, math.nan]}, InvalidSpace, "candidate 2: 'a' must be a finite number or a text, got nan"),
        ({"a": [1, None]}, InvalidSpace, "got None"),
        ({"a": [1, True]}, InvalidSpace, "got True"),
        ({"a": [1, 2, 1]}, InvalidSpace, r"given twice: {'a': 1}"),
        ({"state": [1]}, InvalidSpace, "reserved for the table of trials"),
        ({" ": [1]}, InvalidSpace, "must have a name"),
        ("abc", InvalidSpace, "list of dicts, a dict of columns or a DataFrame, got str"),
        ([1, 2], InvalidSpace, "list of dicts"),
        (7, InvalidSpace, "got int"),
    ],
)
def test_a_table_that_makes_no_sense_is_refused(table: object, error: type[Exception], told: str) -> None:
    with pytest.raises(error, match=told):
        Candidates(table)  # type: ignore[arg-type]


def test_columns_of_numbers_are_scaled_and_texts_become_one_hot() -> None:
    pool = Candidates({"solvent": ["water", "DMSO", "EtOH"], "ph": [3, 7, 5], "fixed": [2, 2, 2]})
    assert pool.columns == ("solvent=water", "solvent=DMSO", "solvent=EtOH", "ph", "fixed")
    np.testing.assert_allclose(
        pool.encoded, np.array([[1, 0, 0, 0, 0], [0, 1, 0, 1, 0], [0, 0, 1, 0.5, 0]], dtype=float)
    )
    assert pool.decode(pool.encoded) == list(pool.points)
    assert pool.decode(np.array([[0.1, 0.6, 0, 0.8, 0]])) == [pool.points[1]]
    with pytest.raises(ValueError, match="n x 5"):
        pool.decode(np.zeros((1, 4)))


def test_only_rows_of_the_table_are_inside() -> None:
    pool = Candidates(ROWS)
    assert pool.contains({"ph": 3.0, "solvent": "water"})
    assert pool.place({"ph": 5, "solvent": "water"}) == 2
    assert pool.place({"ph": 5, "solvent": "DMSO"}) is None
    with pytest.raises(OutsideSpace, match="it is not one of the 3 candidates"):
        pool.check({"solvent": "DMSO", "ph": 3})
    assert "did you mean 'solvent'" in " ".join(pool.faults({"solvet": "DMSO", "ph": 3}))
    with pytest.raises(OutsideSpace, match="'solvent' is missing or none of the table's"):
        pool.encode([{"solvent": "acetone", "ph": 3}])


def test_samples_are_distinct_rows_and_all_when_asked_for_more() -> None:
    pool = Candidates({"a": list(range(20))})
    points = pool.sample(7, seed=1)
    assert points == pool.sample(7, seed=1) != pool.sample(7, seed=2)
    assert len({pool.key(point) for point in points}) == 7
    assert sorted(point["a"] for point in pool.sample(99, seed=0)) == list(range(20))
    points[0]["a"] = -1
    assert pool.contains(pool.sample(1, seed=1)[0])


# -- large tables, and parts of them


def test_values_keep_their_kind() -> None:
    pool = Candidates({"i": [1, 2], "f": np.array([1.0, 2.5]), "s": ["1", "2"], "mixed": ["x", 2]})
    assert pool.point(1) == {"i": 2, "f": 2.5, "s": "2", "mixed": 2}
    assert [type(value) for value in pool.point(1).values()] == [int, float, str, int]
    assert pool.columns == ("i", "f", "s=1", "s=2", "mixed=x", "mixed=2")
    assert pool.column("f").tolist() == [1.0, 2.5]
    assert pool.column("mixed").tolist() == ["x", 2]
    assert pool.table["i"] == (1, 2)
    assert pool.table == {"i": (1, 2), "f": (1.0, 2.5), "s": ("1", "2"), "mixed": ("x", 2)}
    assert (list(pool.table), repr(pool.table)) == (list(pool.names), "<columns i, f, s, mixed>")


def test_numbers_are_found_whatever_their_kind_and_nothing_else_is() -> None:
    pool = Candidates({"i": [1, 2, 3], "f": [0.5, 1.0, 2.0], "s": ["a", "b", "1"]})
    assert pool.place({"i": 2.0, "f": 1, "s": "b"}) == 1
    from_numpy: dict[str, Any] = {"i": np.int64(3), "f": np.float64(2), "s": "1"}
    assert pool.place(from_numpy) == 2
    strange: list[object] = [2.5, "2", None, [2], math.nan, math.inf, 10**30, {}]
    for value in strange:
        assert pool.place({"i": value, "f": 1.0, "s": "b"}) is None  # type: ignore[dict-item]
        assert not pool.contains({"i": 2, "f": value, "s": "b"})
        assert not pool.contains({"i": 2, "f": 1.0, "s": value})


def test_a_number_is_found_that_differs_in_its_last_bits() -> None:
    pool = Candidates({"f": [0.1, 0.2, 0.1 + 0.2, 0.4]})
    assert pool.place({"f": 0.3}) == 2
    assert pool.key({"f": 0.3}) == pool.key(pool.point(2))
    assert pool.place({"f": 0.3 + 1e-12}) is None
    close = Candidates({"f": [0.3, 0.1 + 0.2]})  # both are listed: then they are two
    assert [close.place(point) for point in close.points] == [0, 1]
    assert close.key(close.point(0)) != close.key(close.point(1))


def test_numbers_that_an_array_would_round_are_refused_or_kept() -> None:
    large = 2**53
    pool = Candidates({"id": [large, large + 1, large + 2]})
    assert pool.place({"id": large + 1}) == 1
    with pytest.raises(InvalidSpace, match=f"'id' of the candidates: {large + 1} is too large .*; quote it"):
        Candidates({"id": [0.5, large + 1]})
    with pytest.raises(InvalidSpace, match="too large"):
        Candidates({"id": [1, 2**70]})


def test_points_are_a_sequence_made_on_demand() -> None:
    pool = Candidates({"a": list(range(5)), "b": list("vwxyz")})
    assert len(pool.points) == 5
    assert pool.points[-1] == {"a": 4, "b": "z"}
    assert pool.points[1:3] == [{"a": 1, "b": "w"}, {"a": 2, "b": "x"}]
    assert pool.points == list(pool.points) != list(pool.points)[:4]
    assert (pool.points == 5, pool.points == "vwxyz") == (False, False)
    assert {"a": 2, "b": "x"} in pool.points
    with pytest.raises(IndexError):
        pool.points[5]
    pool.points[0]["a"] = -1
    assert pool.points[0]["a"] == 0
    assert repr(pool) == "Candidates(5 of a, b)"


def test_rows_of_keys_and_all_others() -> None:
    pool = Candidates({"a": list(range(10)), "b": ["x", "y"] * 5})
    keys = [pool.key(pool.point(i)) for i in (7, 2, 7)]
    assert pool.rows([*keys, (3, "x"), (99, "x")]).tolist() == [2, 7]
    assert pool.rows_without(frozenset(keys)).tolist() == [0, 1, 3, 4, 5, 6, 8, 9]
    assert pool.rows([]).tolist() == []
    assert pool.points_of(pool.rows(keys)) == [{"a": 2, "b": "x"}, {"a": 7, "b": "y"}]


def test_a_part_is_encoded_as_the_whole() -> None:
    pool = Candidates({"T": [20, 20, 80, 80, 50], "s": ["u", "v", "u", "w", "w"], "x": [1, 2, 3, 4, 5]})
    part = pool.narrowed({"T": 80.0})
    assert part.points == [pool.point(2), pool.point(3)]
    assert part.columns == pool.columns
    np.testing.assert_array_equal(part.encoded, pool.encoded[2:4])
    assert part.place(pool.point(3)) == 1
    assert part.place(pool.point(0)) is None
    assert part != Candidates(list(part.points))  # the same points, encoded in another way
    assert pickle.loads(pickle.dumps(part)) == part  # noqa: S301
    assert part.narrowed({"s": "w"}).points == [pool.point(3)]
    assert part.span("T") == 60.0
    assert pool.span("s") is None
    with pytest.raises(EmptySpace, match=r"none of the 5 candidates has T = 21, s = 'u'"):
        pool.narrowed({"T": 21, "s": "u"})
    with pytest.raises(InvalidSpace, match="there is no column 'Temp'"):
        pool.narrowed({"Temp": 20})


def test_rows_that_are_alike_have_one_number() -> None:
    pool = Candidates({"T": [20, 20, 80, 80], "s": ["u", "v", "u", "u"], "x": [1, 2, 3, 4]})
    assert pool.alike(["T", "s"]).tolist() == [0, 1, 2, 2]
    assert pool.having({"T": 20, "s": "v"}).tolist() == [False, True, False, False]


def test_the_first_row_that_repeats_another_is_named() -> None:
    with pytest.raises(InvalidSpace, match=r"given twice: {'a': 3, 'b': 'y'}; leave one out"):
        Candidates({"a": [1, 3, 2, 3, 2], "b": ["x", "y", "x", "y", "x"]})


def test_many_columns_of_many_values_are_told_apart() -> None:
    """Codes of a row multiply beyond 64 bits here."""
    rng = np.random.default_rng(0)
    table: dict[str, Any] = {f"c{i}": rng.random(2000) for i in range(9)}
    pool = Candidates(table)
    assert [pool.place(pool.point(i)) for i in (0, 7, 1999)] == [0, 7, 1999]
    moved = {**pool.point(7), "c4": 2.0}
    assert pool.place(moved) is None
    table["c8"] = table["c8"].copy()
    for values in table.values():
        values[1999] = values[3]
    with pytest.raises(InvalidSpace, match="given twice"):
        Candidates(table)


@pytest.mark.slow
def test_a_million_rows_take_seconds_and_little_memory() -> None:
    n, rng = 10**6, np.random.default_rng(0)
    table: dict[str, Any] = {name: rng.random(n) for name in "abcd"}
    table["e"] = [f"label {i}" for i in rng.integers(0, 20, n).tolist()]
    table["f"] = rng.integers(0, 100, n)
    tracemalloc.start()
    start = time.perf_counter()
    pool = Candidates(table)
    assert pool.encoded.shape == (n, 25)
    keys = frozenset(pool.key(point) for point in pool.sample(5000, 1))
    assert len(pool.rows_without(keys)) == n - 5000
    assert pool.place(pool.point(n - 1)) == n - 1
    seconds, (_, peak) = time.perf_counter() - start, tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert seconds < 30  # 3 on an idle machine
    assert peak < 1e9
