"""Measured tables as cases, and the names of all cases."""

from __future__ import annotations

import os
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from autolab.model.candidates import Candidates
from autolab.model.errors import InputError
from autolab.model.parameters import Categorical, Ordinal
from autolab.model.space import Space
from autolab.study.cases import FREE, NAMES, check_name, make_case, needs_data, noisy
from autolab.study.pools import Replicates, Table, pool
from autolab.study.sources import SOURCES


def test_replicates_are_averaged(data: Path) -> None:
    case = pool("crossed_barrel", data)
    point = {"n": 6, "theta": 25, "r": 1.5, "t": 0.7}

    assert isinstance(case.problem.space, Candidates)
    assert len(case.problem.space) == 4
    assert case.truth(point) == {"toughness": 86.0}
    assert case.high == 106.0
    assert case.top == {(8, 25, 1.5, 0.7)}


def test_the_median_is_of_the_means(data: Path) -> None:
    assert pool("crossed_barrel", data).low == pytest.approx(np.median([61, 86, 81, 106]))


def test_a_table_without_a_head_and_to_minimize(data: Path) -> None:
    case = pool("photo_wf3", data)

    assert case.problem.space.names == ("mat_1", "mat_2", "mat_3", "mat_4")
    assert case.minimized
    assert case.high == 0.0
    assert case.top == {(0.3, 0.7, 0.0, 0.0)}


def test_the_best_20th_of_a_pool(tmp_path: Path) -> None:
    rows = "".join(f"{i / 100},{1 - i / 100},0.0,0.0,{i}\n" for i in range(41))
    (tmp_path / "olympus_photo_wf3.csv").write_text(rows, encoding="utf-8")

    assert sorted(key[0] for key in pool("photo_wf3", tmp_path).top) == [0.0, 0.01, 0.02]  # 3 of 41: rounded up


def test_a_factorial_is_a_product_of_choices(data: Path) -> None:
    case = pool("direct_arylation", data)
    space = case.problem.space

    assert isinstance(space, Space)
    assert [type(axis) for axis in space.axes] == [Categorical] * 3 + [Ordinal] * 2
    assert space.columns == (
        *("base=B1", "base=B2", "ligand=L1", "ligand=L2", "ligand=L3", "solvent=S1", "solvent=S2"),
        *("concentration", "temperature"),
    )
    points = space.sample(48, 0)
    assert sorted(case.truth(point)["percent"] for point in points) == [float(i) for i in range(48)]
    assert len(case.top) == 3
    assert case.shares(points)[-1] == 1.0


def test_descriptors_that_say_something_new_are_kept(data: Path) -> None:
    case = pool("direct_arylation_dft", data)

    assert isinstance(case.problem.space, Space)
    assert case.problem.space.columns == (
        *("base.size", "ligand.size", "ligand.kink", "solvent.size"),
        *("concentration", "temperature"),
    )
    assert case.problem.space.names == pool("direct_arylation", data).problem.space.names


def test_a_factorial_that_is_not_whole_is_refused(data: Path) -> None:
    path = data / "direct_arylation.csv"
    path.write_text("\n".join(path.read_text(encoding="utf-8").splitlines()[:-1]) + "\n", encoding="utf-8")

    with pytest.raises(InputError, match="47 points are measured of 48 combinations"):
        pool("direct_arylation", data)


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"agnp.csv cannot be read: No such file .*Give the folder .* --data"):
        pool("agnp", tmp_path)


def test_a_file_that_is_no_table(tmp_path: Path) -> None:
    (tmp_path / "agnp.csv").write_bytes(b"\xff\xfe\x00")

    with pytest.raises(InputError, match=r"agnp.csv cannot be read"):
        pool("agnp", tmp_path)


@pytest.mark.parametrize(
    ("row", "told"),
    [
        ("9,9,9,9,inf", r"crossed_barrel.csv:\d+: column 'toughness': 'inf' is no finite number"),
        ("9,9,9,9,n.d.", r"crossed_barrel.csv:\d+: column 'toughness': 'n.d.' is no finite number"),
        ("abc,9,9,9,9", r"crossed_barrel.csv:\d+: column 'n': 'abc' is no finite number"),
    ],
)
def test_a_cell_that_is_no_number_is_told_with_its_line(row: str, told: str, data: Path) -> None:
    path = data / "crossed_barrel.csv"
    text = path.read_text(encoding="utf-8") + row + "\n"
    path.write_text(text, encoding="utf-8")

    with pytest.raises(InputError, match=told.replace(r"\d+", str(len(text.splitlines())))):
        pool("crossed_barrel", data)


def test_a_column_that_is_not_there(data: Path) -> None:
    (data / "crossed_barrel.csv").write_text("n,theta,r,toughness\n1,2,3,4\n", encoding="utf-8")

    with pytest.raises(InputError, match="there is no column t; it has n, theta, r, toughness"):
        pool("crossed_barrel", data)


def test_descriptors_must_describe_each_label(data: Path) -> None:
    path = data / "direct_arylation_base_dft.csv"
    path.write_text("base_SMILES,size\nB1,1\n", encoding="utf-8")

    with pytest.raises(InputError, match="it must describe each of B1, B2 in a column that ends with _SMILES"):
        pool("direct_arylation_dft", data)


def test_the_identity_follows_the_data(data: Path) -> None:
    before = pool("crossed_barrel", data).identity
    assert pool("crossed_barrel", data).identity == before
    path = data / "crossed_barrel.csv"
    path.write_text(path.read_text(encoding="utf-8") + "9,9,9,9,9\n", encoding="utf-8")
    assert pool("crossed_barrel", data).identity != before
    described = pool("direct_arylation_dft", data).identity
    (data / "direct_arylation_base_dft.csv").write_text("base_SMILES,size\nB1,1\nB2,4\n", encoding="utf-8")
    assert pool("direct_arylation_dft", data).identity != described


def test_a_replicate_is_drawn_and_its_error_told(data: Path) -> None:
    case = make_case("crossed_barrel", data, "replicates", told=True)
    point = {"n": 6, "theta": 25, "r": 1.5, "t": 0.7}
    seen = [case.perform(point, 0, number).outcome["toughness"] for number in range(1, 31)]

    assert {one.value for one in seen} == {85.0, 87.0}
    assert [one.standard_error for one in seen] == pytest.approx([float(np.std([85, 87], ddof=1))] * 30)
    assert case.identity.endswith("+replicates+errors")


def test_a_point_measured_once_has_the_error_of_the_others() -> None:
    table = Table(("k",), "y", {(1,): (1.0, 3.0), (2,): (5.0,), (3,): (4.0, 4.0)})
    outcome = Replicates(table, told=True)({"k": 2}, {"y": 5.0}, np.random.default_rng(0))

    told: Any = outcome["y"]
    assert told == (5.0, pytest.approx(1.0))  # the root of the mean of the variances 2 and 0
    alone = Replicates(Table(("k",), "y", {(2,): (5.0,)}), told=True)
    assert alone({"k": 2}, {"y": 5.0}, np.random.default_rng(0))["y"] == (5.0, 0.0)
    assert Replicates(table)({"k": 2}, {"y": 5.0}, np.random.default_rng(0))["y"] == (5.0, None)


def test_noise_that_cannot_be(data: Path) -> None:
    with pytest.raises(InputError, match="'photo_wf3' has no replicates"):
        make_case("photo_wf3", data, "replicates")
    with pytest.raises(InputError, match="'branin' has no replicates"):
        make_case("branin", noise="replicates")
    with pytest.raises(InputError, match="0 or more, or `replicates`, got -1"):
        make_case("branin", noise=-1)
    with pytest.raises(InputError, match="has no noise, so there is no error to tell"):
        make_case("branin", told=True)


def test_noise_changes_the_identity() -> None:
    branin = make_case("branin")
    made = [branin, noisy(branin, 0.5), noisy(branin, 0.5, told=True), noisy(branin, 1.0)]

    assert len({one.identity for one in made}) == 4
    assert noisy(branin, 0.0) is branin


def test_names() -> None:
    assert len(NAMES) == len(set(NAMES)) == 17
    assert [name for name in NAMES if needs_data(name)] == list(SOURCES)
    with pytest.raises(InputError, match="no problem is called 'brannin': did you mean 'branin'"):
        check_name("brannin")
    with pytest.raises(InputError, match=r"'p3ht' is read from p3ht.csv: give its folder with --data"):
        make_case("p3ht")


@pytest.mark.parametrize("name", FREE)
def test_a_case_goes_by_its_name(name: str) -> None:
    case = make_case(name)

    assert case.name == name
    assert pickle.loads(pickle.dumps(case)) == case  # noqa: S301  our own


FIGURES = {"crossed_barrel": (600, 46.711), "p3ht": (178, 838.31), "agnp": (164, -0.14836), "suzuki": (3696, 100.0)}


@pytest.mark.skipif("AUTOLAB_DATA" not in os.environ, reason="AUTOLAB_DATA names no folder with the measured tables")
@pytest.mark.parametrize("name", SOURCES)
def test_the_measured_tables(name: str) -> None:
    case = make_case(name, Path(os.environ["AUTOLAB_DATA"]))
    size, best = FIGURES.get(name, (0, case.high))

    assert case.high == pytest.approx(best, rel=1e-4)
    assert not size or len(case.truth.values) == size  # type: ignore[attr-defined]  # a Table
    for point in case.starts(5, 0):
        assert case.perform(point, 0, 1).state == "completed"
