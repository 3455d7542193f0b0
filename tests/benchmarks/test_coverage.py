"""The script that measures coverage reads tables as it says."""

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import numpy as np
import pandas as pd
import pytest


@pytest.fixture
def script() -> ModuleType:
    path = Path(__file__).parents[2] / "benchmarks" / "planners" / "coverage.py"
    spec = importlib.util.spec_from_file_location("coverage_script", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["coverage_script"] = module  # its dataclasses look themselves up
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    x = np.repeat(np.linspace(0, 1, 20), 3)
    y = np.sin(5 * x) + np.tile([-0.1, 0.0, 0.1], 20)
    pd.DataFrame({"entry": range(60), "x": x, "c": "p", "y": y}).to_csv(tmp_path / "t.csv", index=False)
    return tmp_path


def test_replicates_become_a_mean_and_its_error(script: ModuleType, folder: Path) -> None:
    problem, rows = script.read(script.Table("t.csv", "y", ("entry",)), folder)
    assert (problem.space.names, len(rows)) == (("x", "c"), 20)
    np.testing.assert_allclose(rows["mean"], np.sin(5 * rows["x"]), atol=1e-12)
    np.testing.assert_allclose(rows["error"], 0.1 / np.sqrt(3))


def test_errors_are_told_or_not(script: ModuleType, folder: Path) -> None:
    problem, rows = script.read(script.Table("t.csv", "y", ("entry",)), folder)
    told = script.trials(rows, problem, 8, 0, told=True)
    silent = script.trials(rows, problem, 99, 0, told=False)
    assert (len(told), len(silent)) == (8, 20)
    assert all(one.outcome["measured"].standard_error for one in told)
    assert not any(one.outcome["measured"].standard_error for one in silent)
    assert told[0].point == silent[0].point


@pytest.mark.slow
def test_it_prints_a_row_a_table_and_model(
    script: ModuleType, folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(script, "TABLES", (script.Table("t.csv", "y", ("entry",)),))
    monkeypatch.setattr(sys, "argv", ["coverage.py", str(folder), "--trials", "12", "--seeds", "1"])
    script.main()
    rows = [line.split("|") for line in capsys.readouterr().out.splitlines() if line.startswith("| t ")]
    assert [(row[2].strip(), row[3].strip()) for row in rows] == [
        ("bayes", "no"),
        ("bayes", "yes"),
        ("forest", "no"),
        ("forest", "yes"),
    ]
    assert all(0 <= float(row[4]) <= 1 for row in rows)
