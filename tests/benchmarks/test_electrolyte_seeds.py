"""The benchmark over seeds: it judges by the truth, goes on where it was stopped, and counts rightly."""

from __future__ import annotations

import importlib.util
import json
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import asdict, replace
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).parents[2]
EXAMPLE = ROOT / "examples" / "electrolyte" / "campaign.yaml"


@pytest.fixture(scope="module")
def seeds() -> Iterator[ModuleType]:
    """Load the script as a module."""
    spec = importlib.util.spec_from_file_location("electrolyte_seeds", ROOT / "benchmarks" / "electrolyte_seeds.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["electrolyte_seeds"] = module
    spec.loader.exec_module(module)
    yield module
    del sys.modules["electrolyte_seeds"]


@pytest.fixture
def row(seeds: ModuleType) -> Any:
    task = seeds.Task("direct", "random", 1, 6, 0.01, "0123456789ab")
    return seeds.Row(task, 12.5, 0.99, 0.995, 6, 0.0, 0.5, 0.1, {"salt": 0.4})


# --- counting -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("hits", "of", "low", "high"),
    [(0, 10, 0.0, 0.2775), (10, 10, 0.7225, 1.0), (18, 20, 0.6990, 0.9721), (5, 10, 0.2366, 0.7634)],
)
def test_wilson_s_interval(seeds: ModuleType, hits: int, of: int, low: float, high: float) -> None:
    assert seeds.wilson(hits, of) == pytest.approx((low, high), abs=1e-4)


def test_the_table_counts_those_that_reach_98_percent(seeds: ModuleType, row: Any) -> None:
    rows = [
        replace(row, task=replace(row.task, seed=seed), share=share) for seed, share in enumerate((0.98, 0.9799, 1.0))
    ]
    head, _, line = seeds.table(rows).splitlines()
    cells = dict(zip((c.strip() for c in head.split("|")), (c.strip() for c in line.split("|")), strict=True))

    assert cells["planner"] == "random"
    assert cells["seeds"] == "3"
    assert cells[">= 98% of the optimum"] == "2"
    assert cells["95 % interval"] == "21% to 94%"
    assert cells["worst"] == "98.0%"


# --- running --------------------------------------------------------------------------------------------------------


def test_a_campaign_is_judged_by_the_truth(seeds: ModuleType) -> None:
    task = seeds.Task("direct", "random", 3, 8, 0.01, "")
    told = seeds.perform(task, EXAMPLE)
    true = seeds.truth(EXAMPLE)

    assert told.completed == 8
    assert told.value == true.value(told.point) > 0.0
    assert told.share == pytest.approx(told.value / true.optimum()[1]["conductivity"])
    assert told.share <= told.best <= 1.0
    assert told.hours == 0.0


def test_the_same_seed_finds_the_same(seeds: ModuleType) -> None:
    one, again, other = (
        seeds.perform(seeds.Task("direct", "random", seed, 6, 0.01, ""), EXAMPLE).point for seed in (1, 1, 2)
    )

    assert one == again != other


def test_readings_scatter_as_told_and_costs_do_not(seeds: ModuleType) -> None:
    true = seeds.truth(EXAMPLE)
    point = {"ec_emc": 0.4, "pc": 0.1, "emc": 0.1, "salt": 0.4, "temperature": 40.0}
    evaluate = seeds.measured(true, 0.01, 5)
    outcomes = [evaluate(point) for _ in range(400)]
    expected = true.outcome(point)
    errors = [told["conductivity"][0] / expected["conductivity"] - 1.0 for told in outcomes]

    assert {told["cost"] for told in outcomes} == {expected["cost"]}
    assert sum(errors) / 400 == pytest.approx(0.0, abs=1e-3)
    assert (sum(error**2 for error in errors) / 400) ** 0.5 == pytest.approx(0.01 / 3**0.5, rel=0.15)


def test_without_noise_readings_are_the_truth(seeds: ModuleType) -> None:
    true = seeds.truth(EXAMPLE)
    point = true.optimum()[0]

    value, error = seeds.measured(true, 0.0, 1)(point)["conductivity"]

    assert value == pytest.approx(true.value(point))
    assert error == pytest.approx(0.0, abs=1e-12)  # of equal readings, but for rounding


@pytest.mark.slow
def test_two_processes_tell_all_campaigns(seeds: ModuleType, tmp_path: Path) -> None:
    results = tmp_path / "results.jsonl"
    asked = ["--direct", "--seeds", "2", "--trials", "4", "--planners", "sobol", "random", "--results", str(results)]
    done = subprocess.run([sys.executable, str(seeds.__file__), *asked], capture_output=True, text=True, check=False)

    assert done.returncode == 0, done.stderr
    assert len(seeds.known(results)) == 4
    assert "true optimum: 12.6" in done.stdout
    assert "[4/4]" in done.stderr


# --- going on -------------------------------------------------------------------------------------------------------


def test_a_row_survives_its_file(seeds: ModuleType, row: Any, tmp_path: Path) -> None:
    results = tmp_path / "results.jsonl"
    results.write_text(json.dumps(asdict(row)) + '\n{"task": {"mode": "dir', encoding="utf-8")

    assert seeds.known(results) == {row.task: row}
    assert seeds.known(tmp_path / "none.jsonl") == {}


def test_what_is_known_is_not_run_again(
    seeds: ModuleType, row: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    results, ran = tmp_path / "results.jsonl", []

    def work(tasks: list[Any], path: Path, jobs: int) -> Iterator[Any]:
        ran.append([(task.planner, task.seed) for task in tasks])
        yield from (replace(row, task=task) for task in tasks)

    monkeypatch.setattr(seeds, "work", work)
    asked = ["--direct", "--planners", "random", "--trials", "6", "--results", str(results), "--seeds"]
    seeds.main([*asked, "2"])
    with results.open("a", encoding="utf-8") as file:
        file.write('{"cut off')
    seeds.main([*asked, "3"])
    seeds.main([*asked, "3"])

    assert ran == [[("random", 1), ("random", 2)], [("random", 3)], []]
    assert len(seeds.known(results)) == 3
    assert "| random | 3 | 3 |" in capsys.readouterr().out


def test_other_files_are_other_campaigns(seeds: ModuleType, tmp_path: Path) -> None:
    text = (EXAMPLE.parent / "lab.yaml").read_text(encoding="utf-8")
    (tmp_path / "lab.yaml").write_text(text, encoding="utf-8")
    copy = tmp_path / "campaign.yaml"
    copy.write_text("# a comment\n" + EXAMPLE.read_text(encoding="utf-8"), encoding="utf-8")
    same = seeds.digest(copy)
    lab = yaml.safe_load(text)
    lab["stocks"]["PC"]["price_per_mL"] = 0.41
    (tmp_path / "lab.yaml").write_text(yaml.safe_dump(lab), encoding="utf-8")

    assert same == seeds.digest(EXAMPLE)
    assert seeds.digest(copy) != same
