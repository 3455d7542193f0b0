"""The script that measures transfer: its sources are what it says, and a short run keeps its aims."""

import importlib.util
import itertools
import sys
from pathlib import Path
from types import ModuleType

import numpy as np
import pandas as pd
import pytest

from autolab.model.trial import Trial
from autolab.planners.bayes import Bayes


@pytest.fixture
def script() -> ModuleType:
    path = Path(__file__).parents[2] / "benchmarks" / "planners" / "transfer.py"
    spec = importlib.util.spec_from_file_location("transfer_script", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["transfer_script"] = module  # its dataclasses look themselves up
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A table of two bases, three ligands, one solvent, three concentrations and temperatures."""
    rows = [
        (b, lig, "S", c, t, 10.0 * i + 5 * j + 100 * c + t / 10)
        for (i, b), (j, lig), c, t in itertools.product(
            enumerate(["B1", "B2"]), enumerate(["L1", "L2", "L3"]), (0.05, 0.1, 0.15), (90, 105, 120)
        )
    ]
    heads = ["Base_SMILES", "Ligand_SMILES", "Solvent_SMILES", "Concentration", "Temp_C", "yield"]
    table = pd.DataFrame(rows, columns=heads)
    table["Solvent_SMILES"] = "S"
    twice = table.assign(Solvent_SMILES="T", **{"yield": table["yield"] + 1})
    pd.concat([table, twice]).to_csv(tmp_path / "direct_arylation.csv", index=False)
    return tmp_path


def values(trials: list[Trial]) -> list[float]:
    return [next(iter(trial.outcome.values())).value for trial in trials]


def test_the_table_is_asked_at_one_temperature_and_known_at_two(script: ModuleType, folder: Path) -> None:
    case = script.arylation(folder)
    assert len(case.problem.space) == 36
    assert "temperature" not in case.problem.space.names
    known = case.sources["same"](1)
    assert len(known) == 72
    assert {trial.source for trial in known} == {"prior"}
    assert {trial.info["campaign"] for trial in case.sources["two"](1)} == {90, 120}
    first = case.problem.space.point(0)
    twins = [trial for trial in known if trial.point == first]
    assert np.mean(values(twins)) == pytest.approx(case.truth(first))


def test_misleading_sources_hold_the_same_outcomes_elsewhere(script: ModuleType, folder: Path) -> None:
    case = script.arylation(folder)
    same = case.sources["same"](1)
    shuffled, negated, moved = (case.sources[name](2) for name in ("shuffled", "negated", "relabelled"))
    assert sorted(values(shuffled)) == sorted(values(same))
    assert values(shuffled) != values(same)
    assert np.corrcoef(values(negated), values(same))[0, 1] == pytest.approx(-1)
    assert values(moved) == values(same)
    assert [trial.point for trial in moved] != [trial.point for trial in same]


def test_functions_have_sources_alike_and_mirrored(script: ModuleType) -> None:
    case = script.function("branin", 60, 60)
    same = case.sources["same"](3)
    truth = [case.truth(trial.point) for trial in same]
    assert np.corrcoef(values(same), truth)[0, 1] > 0.8
    assert np.corrcoef(values(case.sources["relabelled"](3)), truth)[0, 1] < 0.8
    assert values(case.sources["same"](3)) == values(same) != values(case.sources["same"](4))


def test_a_ratio_has_an_interval_by_pairs(script: ModuleType) -> None:
    assert script.ratio([5, 10, 15], [10, 20, 30]) == (0.5, 0.5, 0.5)
    found, low, high = script.ratio([5, 10, 30], [10, 20, 15])
    assert low < found == 1.0 < high


def test_a_useful_past_saves_experiments_and_noise_costs_none(script: ModuleType) -> None:
    case, seeds = script.function("hartmann6", 100, 60), range(3)
    without = [case.trials(Bayes(), None, seed) for seed in seeds]
    assert sum(case.trials(Bayes(), "same", seed) for seed in seeds) <= 0.8 * sum(without)
    assert sum(case.trials(Bayes(), "shuffled", seed) for seed in seeds) <= 1.2 * sum(without)
