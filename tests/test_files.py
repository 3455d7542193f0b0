"""What no file of the project may hold: traces of the machines and errands that it was made with."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
FORBIDDEN = {
    "a path of one machine": r"/(work|root)/",
    "a registry or a mirror": r"https?://(?!pypi\.org|127\.0\.0\.1)[\w.-]*(pypi|artifactory|nexus|proxy|mirror)[\w.-]*",
    "an errand": r"(?i)\b(this|our|my|the) (issue|ticket|brief)\b|\bissue #?\d+\b|\bthis session\b|\bsub-?agents?\b",
    "a merge conflict": r"^(<{7}|>{7}) ",
}
BIGGEST = 200_000  # bytes
TRACES = {"benchmarks/planners/peers.jsonl": 2_000_000}  # runs of other packages: hours of work
PICTURES = frozenset({".png"})


def tracked() -> list[Path]:
    """Return the project's text files: those under version control, and new ones that are not ignored."""
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"],
        cwd=ROOT,
        capture_output=True,
        check=False,
    )
    if listed.returncode:
        pytest.skip("no working tree of git here")
    paths = [ROOT / name for name in listed.stdout.decode().split("\0") if name]
    return [
        path
        for path in paths
        if path.is_file() and not path.is_symlink() and path != Path(__file__) and path.suffix not in PICTURES
    ]


@pytest.mark.parametrize("what", FORBIDDEN)
def test_no_file_holds(what: str) -> None:
    pattern = re.compile(FORBIDDEN[what], re.MULTILINE)
    found = [
        f"{path.relative_to(ROOT)}: {match[0]}"
        for path in tracked()
        for match in pattern.finditer(path.read_text(encoding="utf-8"))
    ]

    assert found == []


@pytest.mark.parametrize(
    ("what", "text"),
    [
        ("a path of one machine", "see /work/main"),
        ("a registry or a mirror", "https://pypi.mirror.example/simple"),
        ("an errand", "as issue 12 asks"),
        ("a merge conflict", "<<<<<<< HEAD"),
    ],
)
def test_it_would_be_found(what: str, text: str) -> None:
    assert re.search(FORBIDDEN[what], text, re.MULTILINE)


def test_files_are_small_and_end_with_a_newline() -> None:
    files = tracked()

    assert len(files) > 200
    assert [
        str(path) for path in files if path.stat().st_size > TRACES.get(path.relative_to(ROOT).as_posix(), BIGGEST)
    ] == []
    assert [str(path) for path in files if path.stat().st_size and not path.read_bytes().endswith(b"\n")] == []
