"""The results file: only added to, whole after a kill, owned by one study at a time."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from autolab.model.errors import InputError
from autolab.study.results import ResultsFile
from autolab.study.runs import Result

Made = Callable[..., Result]


@pytest.fixture
def file(tmp_path: Path) -> ResultsFile:
    return ResultsFile(tmp_path / "study.jsonl")


def test_what_is_added_is_read(file: ResultsFile, result: Made) -> None:
    assert file.read() == []
    for seed in range(3):
        file.add(result("a", seed, [0.5, 0.6]))

    assert [one.seed for one in file.read()] == [0, 1, 2]
    assert file.path.read_bytes().count(b"\n") == 3


@pytest.mark.parametrize("kept", [1, 20, -3])
def test_a_line_that_was_cut_off_is_done_again(file: ResultsFile, result: Made, kept: int) -> None:
    file.add(result("a", 0, [0.5]))
    whole = file.path.read_text(encoding="utf-8")
    file.path.write_text(whole + result("a", 1, [0.5]).to_line()[:kept], encoding="utf-8")
    assert [one.seed for one in file.read()] == [0]

    if kept > 1:  # of a single character nobody can say what it was
        file.add(result("a", 1, [0.5]))
        assert [one.seed for one in file.read()] == [0, 1]


def test_every_way_to_be_cut_off(file: ResultsFile, result: Made) -> None:
    line = result("a", 1, [0.5]).to_line()
    for kept in range(len(line)):
        file.path.write_text(result("a", 0, [0.5]).to_line() + "\n" + line[:kept], encoding="utf-8")
        assert [one.seed for one in file.read()] == [0]


def test_after_every_way_to_be_cut_off_more_can_be_added(file: ResultsFile, result: Made) -> None:
    whole = result("a", 1, [0.5]).to_line()
    for kept in range(1, len(whole) + 1):
        file.path.write_text(result("a", 0, [0.5]).to_line() + "\n" + whole[:kept], encoding="utf-8")
        file.add(result("a", 2, [0.5]))
        assert [one.seed for one in file.read()] == ([0, 1, 2] if kept == len(whole) else [0, 2])


def test_a_result_twice_counts_once(file: ResultsFile, result: Made) -> None:
    file.add(result("a", 0, [0.5]))
    file.add(result("a", 0, [0.7]))

    assert [one.score for one in file.read()] == [[0.5]]


def test_another_file_is_refused(file: ResultsFile) -> None:
    file.path.write_text("trial,y\n1,2\n", encoding="utf-8")

    with pytest.raises(InputError, match=r"study.jsonl:1: no result of a study: .*Give the results file of a study"):
        file.read()


def test_a_folder_is_no_file(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="cannot be read"):
        ResultsFile(tmp_path).read()


def test_one_study_at_a_time(file: ResultsFile) -> None:
    with file.owned(), pytest.raises(InputError, match="another study is adding to it"), ResultsFile(file.path).owned():
        pass
    with ResultsFile(file.path).owned():
        pass
    assert list(file.path.parent.iterdir()) == []


@pytest.mark.skipif(sys.platform == "win32" or os.geteuid() == 0, reason="nothing is forbidden here")
def test_a_folder_that_cannot_be_written(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    with pytest.raises(InputError, match="cannot be written"), ResultsFile(tmp_path / "study.jsonl").owned():
        pass


def test_a_folder_that_is_not_there_is_made(tmp_path: Path, result: Made) -> None:
    with ResultsFile(tmp_path / "none" / "study.jsonl").owned() as file:
        file.add(result("a", 0, [0.5]))

    assert len(file.read()) == 1


@pytest.mark.skipif(sys.platform != "linux", reason="files are limited in size by a limit that Linux has")
def test_a_full_disk_is_told_and_loses_nothing(file: ResultsFile, result: Made) -> None:
    import resource

    file.add(result("a", 0, [0.5]))
    size = file.path.stat().st_size
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size + 20, before[1]))  # Python ignores the signal and gets an error
    try:
        with pytest.raises(InputError, match=r"cannot be written: .*\. The runs that are in it stay; .* goes on"):
            file.add(result("a", 1, [0.5]))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)

    assert [one.seed for one in file.read()] == [0]
    file.add(result("a", 1, [0.5]))
    assert [one.seed for one in file.read()] == [0, 1]
