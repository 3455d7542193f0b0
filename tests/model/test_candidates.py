import math
import pickle

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
