"""A virtual campaign killed at a commit goes on as the unbroken one: the short form of `proof_of_commits.py`."""

import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

pytestmark = [pytest.mark.slow, pytest.mark.skipif(sys.platform == "win32", reason="it forks")]

TRIALS = 2


@pytest.fixture(scope="module")
def proof(load_script: Callable[[str], ModuleType]) -> ModuleType:
    return load_script("proof_of_commits")


@pytest.fixture(scope="module")
def unbroken(proof: ModuleType, tmp_path_factory: pytest.TempPathFactory) -> tuple[int, list[Any]]:
    journal = tmp_path_factory.mktemp("unbroken") / "journal.sqlite"
    return proof.commits(journal, TRIALS), proof.trajectory(journal)


@pytest.mark.parametrize("share", [0.0, 0.03, 0.08, 0.2, 0.35, 0.5, 0.56, 0.7, 0.85, 1.0])
@pytest.mark.parametrize("moment", ["before", "after"])
def test_a_kill_at_any_commit_changes_nothing(
    moment: str, share: float, proof: ModuleType, unbroken: tuple[int, list[Any]], tmp_path: Path
) -> None:
    commits, expected = unbroken
    journal = tmp_path / "journal.sqlite"
    proof.killed_at(1 + round(share * (commits - 1)), moment, journal, TRIALS)
    assert proof.trajectory(journal) == expected


@pytest.fixture(scope="module")
def formulated(proof: ModuleType, tmp_path_factory: pytest.TempPathFactory) -> tuple[int, list[Any]]:
    journal = tmp_path_factory.mktemp("formulated") / "journal.sqlite"
    return proof.commits(journal, 1, "electrolyte"), proof.trajectory(journal)


@pytest.mark.parametrize(
    ("moment", "share"),
    [
        ("before", 0.02),
        ("after", 0.2),
        ("before", 0.45),
        ("after", 0.55),
        ("after", 0.67),
        ("before", 0.74),
        ("after", 0.98),
    ],
)
def test_a_kill_at_any_commit_of_a_formulation_changes_nothing(
    moment: str, share: float, proof: ModuleType, formulated: tuple[int, list[Any]], tmp_path: Path
) -> None:
    commits, expected = formulated
    journal = tmp_path / "journal.sqlite"
    proof.killed_at(1 + round(share * (commits - 1)), moment, journal, 1, "electrolyte")
    assert proof.trajectory(journal) == expected
