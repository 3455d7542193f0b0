"""Past results from a table: what is taken, and every fault of it with line, column and remedy."""

import math
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autolab.model.candidates import Candidates
from autolab.model.errors import Fault, FaultyFile
from autolab.model.objectives import Objective
from autolab.model.parameters import Categorical, Integer, Mixture, Real
from autolab.model.problem import Problem
from autolab.model.space import Space
from autolab.model.trial import Trial
from autolab.spec.results import Options, Results, read_results

PROBLEM = Problem(
    Space(
        [
            Mixture(["pc", "emc"], bounds={"pc": (0.2, 0.8)}),
            Real("temperature", 20, 50, unit="degC"),
            Integer("repeats", 1, 9),
            Categorical("salt", ["LiPF6", "LiTFSI"]),
        ]
    ),
    [Objective("conductivity", unit="mS/cm")],
    ["cost <= 0.9"],
)
MEASURED = {"conductivity": "mS/cm", "cost": "", "viscosity": "mPa*s"}
HEAD = "pc,emc,temperature [degC],repeats,salt,conductivity [mS/cm],conductivity_se [mS/cm],cost,reason"
GOOD = "0.25,0.75,25,3,LiPF6,9.3,0.1,0.8,"

Read = Callable[..., Results]


@pytest.fixture
def read(tmp_path: Path) -> Read:
    """Return a function that reads lines as a file, with options by name."""

    def run(*lines: str, problem: Problem = PROBLEM, history: Any = (), **options: Any) -> Results:
        path = tmp_path / "results.csv"
        path.write_text("\n".join(lines) + "\n", encoding="utf-8")
        return read_results(path, problem, MEASURED, Options(**options), history)

    return run


@pytest.fixture
def faults(read: Read) -> Callable[..., list[Fault]]:
    """Return a function that reads lines and returns the faults, at least one."""

    def run(*lines: str, **options: Any) -> list[Fault]:
        with pytest.raises(FaultyFile) as caught:
            read(*lines, **options)
        return list(caught.value.faults)

    return run


Faults = Callable[..., list[Fault]]


def row(**other: object) -> str:
    """Return the good row with other cells, by the names of their columns."""
    names = [head.partition(" ")[0] for head in HEAD.split(",")]
    cells = dict(zip(names, GOOD.split(","), strict=True)) | {name: str(value) for name, value in other.items()}
    assert list(cells) == names
    return ",".join(cells.values())


def test_a_row_becomes_a_completed_trial(read: Read) -> None:
    (trial,) = read(HEAD, GOOD).trials
    assert dict(trial.point) == {"pc": 0.25, "emc": 0.75, "temperature": 25.0, "repeats": 3, "salt": "LiPF6"}
    assert isinstance(trial.point["repeats"], int)
    assert (trial.outcome["conductivity"].value, trial.outcome["conductivity"].standard_error) == (9.3, 0.1)
    assert trial.outcome["cost"].standard_error is None
    assert (trial.state, trial.source, trial.fidelity) == ("completed", "import", "physical")


def test_a_reason_makes_a_failed_trial(read: Read) -> None:
    (trial,) = read(HEAD, "0.25,0.75,25,3,LiPF6,,,,it froze").trials
    assert (trial.state, trial.reason) == ("failed", "it froze")


@pytest.mark.parametrize(
    "head",
    ["temperature", "temperature [degC]", "temperature (degC)", "temperature [°C]", "temperature(C)", " temperature "],
)
def test_ways_to_write_a_head(read: Read, head: str) -> None:
    (trial,) = read(HEAD.replace("temperature [degC]", head), GOOD).trials
    assert trial.point["temperature"] == 25.0


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_ways_to_part_cells(read: Read, delimiter: str) -> None:
    assert len(read(HEAD.replace(",", delimiter), GOOD.replace(",", delimiter)).trials) == 1


def test_a_byte_order_mark_and_empty_lines_do_not_matter(read: Read) -> None:
    assert len(read("\ufeff" + HEAD, "", GOOD, ",,,,,,,,").trials) == 1


def test_what_an_export_says_besides_is_understood(read: Read) -> None:
    head = f"trial,source,fidelity,state,invalidated,{HEAD},attempts,started [s],ended [s],started_at,ended_at"
    lines = [
        f"1,campaign,virtual,completed,false,{GOOD},1,0.0,60.0,2026-01-01T00:00:00+00:00,",
        f"2,campaign,virtual,completed,true,{row(temperature=26)},1,,,,",
        f"3,campaign,virtual,rejected,false,{row(conductivity='', conductivity_se='', cost='', reason='no')},0,,,,",
        f"4,campaign,virtual,failed,false,{row(conductivity='', conductivity_se='', cost='', reason='froze')},1,,,,",
    ]
    results = read(head, *lines)
    assert [(trial.state, trial.fidelity) for trial in results.trials] == [
        ("completed", "virtual"),
        ("failed", "virtual"),
    ]
    assert results.skipped == ("line 3: it was invalidated", "line 4: it is rejected")


def test_the_fidelity_that_is_said_counts(read: Read) -> None:
    head, line = f"fidelity,{HEAD}", f"virtual,{GOOD}"
    assert read(head, line).trials[0].fidelity == "virtual"
    assert read(head, line, fidelity="physical").trials[0].fidelity == "physical"


def test_what_the_protocol_measures_besides_is_kept_where_it_is_there(read: Read) -> None:
    results = read(f"{HEAD},viscosity [mPa*s]", f"{GOOD},3.5", f"{row(temperature=30)},")
    assert [trial.outcome["viscosity"].value for trial in results.trials if "viscosity" in trial.outcome] == [3.5]


def test_columns_are_renamed_and_left_out(read: Read) -> None:
    head = HEAD.replace("temperature [degC]", "T").replace("reason", "notes")
    results = read(head, GOOD + "sunny", renamed={"T": "temperature", "notes": ""})
    assert results.trials[0].point["temperature"] == 25.0


def test_a_new_name_may_tell_the_unit(read: Read, faults: Faults) -> None:
    head, line = HEAD.replace("temperature [degC]", "T"), row(temperature=298.15)
    (fault,) = faults(head, line, renamed={"T": "temperature [K]"})
    assert "is in 'K'" in fault.problem
    results = read(head, line, renamed={"T": "temperature [K]"}, convert=True)
    assert results.trials[0].point["temperature"] == 25.0
    assert results.converted == {"T": "degC = K - 273.15"}


@pytest.mark.parametrize(
    ("old", "head", "cells", "name", "value"),
    [
        ("temperature [degC]", "temperature [K]", {"temperature": 298.15}, "temperature", 25.0),
        ("conductivity [mS/cm]", "conductivity [uS/cm]", {"conductivity": 9300}, "conductivity", 9.3),
        ("conductivity [mS/cm]", "conductivity (S/m)", {"conductivity": 0.93}, "conductivity", 9.3),
        ("pc,emc", "pc [%],emc [%]", {"pc": 25, "emc": 75}, "pc", 0.25),
    ],
)
def test_units_are_converted_when_asked_and_never_silently(
    read: Read, faults: Faults, old: str, head: str, cells: dict[str, object], name: str, value: float
) -> None:
    heads = HEAD.replace(old, head, 1)
    found = faults(heads, row(**cells))
    assert all("--convert" in fault.remedy for fault in found if fault.line == 1)
    assert any("has" in fault.problem and "is in" in fault.problem for fault in found)
    trial = read(heads, row(**cells), convert=True).trials[0]
    told = trial.outcome[name].value if name in trial.outcome else trial.point[name]
    assert told == value


def test_a_standard_error_goes_along_with_its_value(read: Read) -> None:
    head = HEAD.replace("conductivity [mS/cm],conductivity_se [mS/cm]", "conductivity [uS/cm],conductivity_se")
    trial = read(head, row(conductivity=9300, conductivity_se=100), convert=True).trials[0]
    assert (trial.outcome["conductivity"].value, trial.outcome["conductivity"].standard_error) == (9.3, 0.1)


def test_a_unit_without_a_known_way_is_told(faults: Faults) -> None:
    (fault,) = faults(HEAD.replace("temperature [degC]", "temperature [mV]"), GOOD, convert=True)
    assert (fault.line, fault.key) == (1, "column 3 (temperature [mV])")
    assert fault.problem == "is in 'mV', and the problem has temperature in 'degC'"
    assert "No conversion is known: convert the column and name it `temperature [degC]`" in fault.remedy


@pytest.mark.parametrize(
    ("cells", "key", "problem", "remedy"),
    [
        ({"temperature": ""}, "column 3 (temperature [degC])", "is empty", "needs all its parameters"),
        ({"temperature": "nan"}, "column 3 (temperature [degC])", "'nan' is no finite number", "needs all"),
        ({"temperature": "warm"}, "column 3 (temperature [degC])", "'warm' is no finite number", ""),
        ({"temperature": "inf"}, "column 3 (temperature [degC])", "'inf' is no finite number", ""),
        ({"temperature": "1_0"}, "column 3 (temperature [degC])", "'1_0' is no finite number", ""),
        ({"temperature": 60}, "column 3 (temperature [degC])", "outside 20.0 to 50.0 degC", "--keep-outside"),
        ({"repeats": 2.5}, "column 4 (repeats)", "is not a whole number", "--keep-outside"),
        ({"salt": "LiPF"}, "column 5 (salt)", "'LiPF' is none of its labels", "Allowed: LiPF6, LiTFSI"),
        ({"salt": ""}, "column 5 (salt)", "is empty", "Allowed: LiPF6, LiTFSI"),
        ({"pc": 0.1, "emc": 0.9}, "column 1 (pc)", "pc = 0.1 is outside 0.2 to 0.8", "--keep-outside"),
        ({"pc": 0.3}, "", "pc + emc = 1.05 instead of 1: a component is missing or wrong", "Correct them"),
        ({"pc": 0.251}, "", "pc + emc = 1.001 instead of 1: rounded?", "--convert"),
        ({"pc": 25, "emc": 75}, "", "pc + emc = 100 instead of 1: percent?", "--convert"),
        ({"conductivity": ""}, "column 6 (conductivity [mS/cm])", "is empty", "say in `reason` why"),
        ({"conductivity": "NaN"}, "column 6 (conductivity [mS/cm])", "'NaN' is no finite", "say in `reason` why"),
        ({"cost": ""}, "column 8 (cost)", "is empty", "say in `reason` why the trial failed"),
        ({"conductivity_se": -0.1}, "column 7 (conductivity_se [mS/cm])", "'-0.1' is negative", "0 or more"),
        ({"conductivity": "", "cost": ""}, "", "neither an outcome nor a reason", "Say in a column `reason`"),
        ({"conductivity": "nan", "cost": "nan"}, "", "neither an outcome nor a reason", "Say in a column `reason`"),
        ({"reason": "odd"}, "", "has an outcome, and a reason why it failed: 'odd'", "add a column `state`"),
    ],
)
def test_a_wrong_row(faults: Faults, cells: dict[str, object], key: str, problem: str, remedy: str) -> None:
    (fault,) = faults(HEAD, GOOD, row(**cells))
    assert (fault.file.rpartition("/")[2], fault.line, fault.key) == ("results.csv", 3, key)
    assert problem in fault.problem
    assert remedy in fault.remedy


def test_decimal_commas_are_told_and_taken_when_asked(read: Read, faults: Faults) -> None:
    lines = [HEAD.replace(",", ";"), "0,25;0,75;25;3;LiPF6;9,3;;0,8;"]
    found = faults(*lines)
    assert [fault.key for fault in found] == [
        "column 1 (pc)",
        "column 2 (emc)",
        "column 6 (conductivity [mS/cm])",
        "column 8 (cost)",
    ]
    assert all("decimal comma" in fault.problem for fault in found)
    assert "Write 9.3, or say --convert" in found[2].remedy
    results = read(*lines, convert=True)
    assert results.trials[0].outcome["conductivity"].value == 9.3
    assert results.converted["pc"] == "decimal commas"


def test_a_row_with_too_many_cells_may_have_decimal_commas(faults: Faults) -> None:
    (fault,) = faults(HEAD, "0,25,0,75,25,3,LiPF6,9,3,0,8,")
    assert (fault.line, fault.problem) == (
        2,
        "has 12 cells where 9 columns are named: decimal commas? Write 3.5, or quote such cells",
    )


@pytest.mark.parametrize(
    ("heads", "key", "problem", "remedy"),
    [
        (HEAD.replace("salt", "slat"), "column 5 (slat)", "nothing is called 'slat'", "Did you mean 'salt'?"),
        (HEAD.replace("salt", "slat"), "", "no column holds the parameter 'salt'", '--map "HEAD=salt"'),
        (HEAD.replace("cost", "price"), "", "no column holds the outcome 'cost'", "Add `cost`"),
        (HEAD.replace("cost", ""), "column 8", "has values and no name", "Name it"),
        (HEAD.replace("cost", "pc"), "column 8", "'pc' heads two columns", "Leave one out"),
        (HEAD.replace("cost", "pc [%]"), "column 8 (pc [%])", "means 'pc', as column 1 does", "Leave one out"),
        (HEAD.replace("cost", "viscosity_se"), "column 8 (viscosity_se)", "which has no column", "Add it"),
    ],
)
def test_wrong_heads(faults: Faults, heads: str, key: str, problem: str, remedy: str) -> None:
    found = [fault for fault in faults(heads, GOOD) if fault.key == key and problem in fault.problem]
    assert len(found) == 1
    assert found[0].line == 1
    assert remedy in found[0].remedy


def test_renaming_what_is_not_there(faults: Faults) -> None:
    (fault,) = faults(HEAD, GOOD, renamed={"Temp": "temperature"})
    assert "no column 'Temp' to be renamed" in fault.problem


def test_all_faults_are_told_at_once_by_line(faults: Faults) -> None:
    found = faults(HEAD, row(temperature=99), row(salt="x", repeats=""), row(conductivity="", cost=""), GOOD)
    assert [fault.line for fault in found] == [2, 3, 3, 4]


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (b"", "is empty"),
        (b"pc,emc\n", "holds no results"),
        ("pc\n\u00e4".encode("utf-16"), "is not UTF-8 text"),
        (b'pc,emc\n"0.25,0.75\n', "is no CSV from here on"),
    ],
)
def test_files_that_are_no_tables(tmp_path: Path, content: bytes, problem: str) -> None:
    path = tmp_path / "odd.csv"
    path.write_bytes(content)
    with pytest.raises(FaultyFile, match=problem):
        read_results(path, PROBLEM, MEASURED, Options())


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(FaultyFile, match=r"absent\.csv: cannot be read: No such file"):
        read_results(tmp_path / "absent.csv", PROBLEM, MEASURED, Options())


def test_what_is_no_table() -> None:
    with pytest.raises(FaultyFile, match="int is no table"):
        read_results(3, PROBLEM, MEASURED, Options())


def test_lines_are_counted_over_cells_of_several_lines(faults: Faults) -> None:
    found = faults(HEAD, '0.25,0.75,25,3,LiPF6,,,,"it\nfroze"', row(temperature=99))
    assert [fault.line for fault in found] == [4]


def test_points_outside_are_kept_when_asked(read: Read) -> None:
    results = read(HEAD, GOOD, row(temperature=60), row(pc=0.1, emc=0.9), keep_outside=True)
    assert results.outside == (1, 2)
    assert results.trials[1].point["temperature"] == 60.0


def test_what_no_model_can_take_in_is_never_kept(faults: Faults) -> None:
    found = faults(HEAD, row(pc=-0.5, emc=1.5), keep_outside=True)
    assert [fault.problem.partition(" is")[0] for fault in found] == ["pc = -0.5", "emc = 1.5"]
    assert all("No model can take it in" in fault.remedy for fault in found)
    log = Problem(Space([Real("rate", 0.1, 10, log=True)]), [Objective("y")])
    (fault,) = faults("rate,y", "0,1", problem=log, keep_outside=True)
    assert "No model can take it in" in fault.remedy


@pytest.mark.parametrize("cells", [{"pc": 0.251}, {"pc": 25, "emc": 75.1}])
def test_mixtures_are_scaled_when_asked(read: Read, cells: dict[str, object]) -> None:
    results = read(HEAD, row(**cells), convert=True)
    point = results.trials[0].point
    assert math.fsum([float(point["pc"]), float(point["emc"])]) == pytest.approx(1.0, abs=1e-12)
    assert "scaled to add up to 1" in results.converted["pc, emc"]


def test_what_is_known_already_is_refused(read: Read, faults: Faults) -> None:
    history = read(HEAD, GOOD).trials
    (fault,) = faults(HEAD, row(temperature=26), GOOD, history=history)
    assert (fault.line, fault.problem) == (3, "is known already: the same point and result as an import")
    assert "--again" in fault.remedy
    assert len(read(HEAD, GOOD, history=history, again=True).trials) == 1


def test_a_row_twice_in_the_file_is_refused(faults: Faults) -> None:
    (fault,) = faults(HEAD, GOOD, GOOD)
    assert (fault.line, fault.problem) == (3, "is known already: the same point and result as line 2")


def test_a_repeat_with_another_result_is_another_trial(read: Read) -> None:
    assert len(read(HEAD, GOOD, row(conductivity=9.4)).trials) == 2


def test_a_table_of_candidates(read: Read, faults: Faults) -> None:
    pool = Problem(Candidates({"solvent": ["water", "DMSO"], "boiling": [100.0, 189.0]}), [Objective("y")])
    assert dict(read("solvent,boiling,y", "DMSO,189,2", problem=pool).trials[0].point) == {
        "solvent": "DMSO",
        "boiling": 189.0,
    }
    (fault,) = faults("solvent,boiling,y", "DMSO,100,2", problem=pool, keep_outside=True)
    assert "not one of the 2 candidates" in fault.problem


def test_a_data_frame_and_rows_say_the_same_as_a_file() -> None:
    import pandas as pd

    rows: list[Mapping[str, object]] = [
        {"x": 0.5, "y": 2.0, "y_se": 0.1, "reason": None},
        {"x": 0.6, "y": float("nan"), "y_se": None, "reason": "it froze"},
    ]
    problem = Problem(Space([Real("x", 0, 1)]), [Objective("y")])
    for source in (rows, pd.DataFrame(rows)):
        first, second = read_results(source, problem, {}, Options()).trials
        assert (first.outcome["y"].value, first.outcome["y"].standard_error) == (2.0, 0.1)
        assert (second.state, second.reason) == ("failed", "it froze")


@given(st.lists(st.tuples(st.floats(0, 1), st.floats(-1e9, 1e9)), min_size=1, unique=True))
def test_numbers_come_back_as_they_were(pairs: list[tuple[float, float]]) -> None:
    problem = Problem(Space([Real("x", 0, 1)]), [Objective("y")])
    rows = [{"x": x, "y": y} for x, y in pairs]
    found = read_results(rows, problem, {}, Options(again=True)).trials
    assert [(trial.point["x"], trial.outcome["y"].value) for trial in found] == pairs
    assert isinstance(found[0], Trial)
