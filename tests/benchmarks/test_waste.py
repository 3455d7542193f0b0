"""The script that counts trials wasted on failures: what it keeps, and what it reads."""

from __future__ import annotations

import importlib
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from autolab.study.baseline import Random

FOLDER = Path(__file__).parents[2] / "benchmarks" / "planners"


@pytest.fixture(scope="module")
def waste() -> Iterator[Any]:
    """Load the script as a module, with those beside it."""
    sys.path.insert(0, str(FOLDER))
    yield importlib.import_module("waste")
    sys.path.remove(str(FOLDER))
    for name in ("waste", "trouble", "peers"):
        sys.modules.pop(name, None)


def test_failures_are_numbered_as_they_come(waste: Any) -> None:
    case = waste.failing_cases("branin")["cells"]
    found = waste.campaign("branin", "cells", case, 3, Random())
    trials = waste.run(case, 3, 40, Random())
    assert found.wasted == sum(trial.state == "failed" for trial in trials) > 0
    assert all(trials[number - 1].state == "failed" for number in found.failed)


def test_what_fails_before_arrival_is_told_apart(waste: Any) -> None:
    one = waste.Campaign("branin", "ball", 1000, 40, (2, 9, 10, 30), 10)
    assert (one.wasted, one.wasted_before) == (4, 2)


def test_what_is_kept_is_read_with_its_versions(waste: Any) -> None:
    kept = waste.kept(waste.RESULTS)
    assert {
        ("branin", form, seed, 40) for form in ("half-space", "ball", "cells") for seed in range(1000, 1008)
    } <= set(kept)
    lines = [json.loads(line) for line in waste.RESULTS.read_text(encoding="utf-8").splitlines()]
    assert {one["versions"]["ax-platform"] for one in lines} == {"1.3.1"}


def test_only_what_is_lacking_is_asked(waste: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(waste, "AxViability", Random)
    monkeypatch.setattr(waste.importlib.metadata, "version", lambda _: "1")
    results = tmp_path / "waste.jsonl"
    waste.ask(["branin"], range(1), results)
    first = results.read_text(encoding="utf-8").splitlines()
    waste.ask(["branin"], range(2), results)
    then = results.read_text(encoding="utf-8").splitlines()
    assert (len(first), len(then)) == (3, 6)
    assert then[:3] == first
