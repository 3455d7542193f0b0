"""Study files: what they declare, and every fault of them at once with its line."""

from __future__ import annotations

from pathlib import Path

import pytest

from autolab.model.errors import FaultyFile
from autolab.planners.bayes import Bayes
from autolab.spec.study_file import load_study, study_of
from autolab.study.baseline import Random

GOOD = """\
autolab: 1
name: defaults
planners:
  bayes: {}
  careful: {use: bayes, initial: 12}
  random: {}
problems:
  branin: {budget: 30}
  noisy: {use: branin, budget: 20, batch: 4, starts: 0, noise: 0.5, errors: true}
seeds: 5
first_seed: 100
"""

FAULTS = [
    # (old, new), line, key, problem, remedy
    (("autolab: 1", "autolab: 2"), 1, "autolab", "version 2", "newer autolab"),
    (("autolab: 1\n", ""), 1, "autolab", "is missing", "Add `autolab:`"),
    (("name: defaults", "name: 7"), 2, "name", "must be a text, got 7", "Quote it"),
    (("name: defaults", "nmae: x"), 2, "nmae", "unknown key 'nmae'", "Did you mean 'name'"),
    (("  bayes: {}", "  bays: {}"), 4, "planners.bays", "unknown planner 'bays'", "Did you mean 'bayes'"),
    (("use: bayes", "use: bays"), 5, "planners.careful.use", "unknown planner 'bays'", "random, repeating"),
    (("initial: 12", "inital: 12"), 5, "planners.careful.inital", "no option 'inital'", "Did you mean 'initial'"),
    (("initial: 12", "initial: 1"), 5, "planners.careful.initial", "at least 2, got 1", ""),
    (("initial: 12", "initial: many"), 5, "planners.careful.initial", "got 'many'", ""),
    (("  random: {}", "  random: 7"), 6, "planners.random", "must be a mapping", ""),
    (("  random: {}", "  random: {speed: 3}"), 6, "planners.random.speed", "no option 'speed'", ""),
    (("  branin:", "  brannin:"), 8, "problems.brannin", "unknown problem 'brannin'", "Did you mean 'branin'"),
    (("  branin:", "  p3ht:"), 8, "problems.p3ht", "is read from a folder of data", "--data"),
    (("branin: {budget: 30}", "branin: {}"), 8, "problems.branin.budget", "is missing", "Add `budget:`"),
    (("budget: 30", "budget: 2"), 8, "problems.branin.budget", "leaves nothing to propose after 2 starts", "Raise it"),
    (("budget: 30", "budget: 2.5"), 8, "problems.branin.budget", "must be a whole number, got 2.5", ""),
    (("use: branin", "use: brannin"), 9, "problems.noisy.use", "unknown problem 'brannin'", "Did you mean"),
    (("batch: 4", "batch: 0"), 9, "problems.noisy.batch", "at least 1, got 0", ""),
    (("starts: 0", "starts: -1"), 9, "problems.noisy.starts", "at least 0, got -1", ""),
    (("noise: 0.5", "noise: -1"), 9, "problems.noisy.noise", "at least 0, got -1", ""),
    (("noise: 0.5", "noise: loud"), 9, "problems.noisy.noise", "got 'loud'", "replicates"),
    (("noise: 0.5", "noise: replicates"), 9, "problems.noisy", "has no replicates", "standard deviation"),
    (("noise: 0.5, ", ""), 9, "problems.noisy", "no noise, so there is no error to tell", "leave `errors` out"),
    (("seeds: 5", "seeds: 0"), 10, "seeds", "at least 1, got 0", ""),
    (("first_seed: 100", "first_seed: -1"), 11, "first_seed", "at least 0, got -1", ""),
    (("  noisy:", "  noisy:\n    extra: 1\n  other:"), 9, "problems.noisy", "", ""),
]


def written(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "study.yaml"
    path.write_text(text, encoding="utf-8")
    return path


def test_a_good_file(tmp_path: Path) -> None:
    loaded = load_study(written(tmp_path, GOOD))
    study = loaded.study

    assert loaded.name == "defaults"
    assert {one.name: one.planner for one in study.planners} == {
        "bayes": Bayes(),
        "careful": Bayes(initial=12),
        "random": Random(),
    }
    assert study.planners[1].declared == {"use": "bayes", "with": {"initial": 12}}
    assert [(one.budget, one.batch, one.starts) for one in study.problems] == [(30, 1, 2), (20, 4, 0)]
    assert [one.setting.case for one in study.problems] == ["branin", "branin+0.5+errors"]
    assert list(study.seeds) == [100, 101, 102, 103, 104]


@pytest.mark.parametrize(("change", "line", "key", "problem", "remedy"), FAULTS)
def test_a_fault(tmp_path: Path, change: tuple[str, str], line: int, key: str, problem: str, remedy: str) -> None:
    assert change[0] in GOOD
    path = written(tmp_path, GOOD.replace(*change, 1))
    with pytest.raises(FaultyFile) as caught:
        load_study(path)

    found = [one for one in caught.value.faults if one.key.startswith(key)]
    assert [(one.file, one.line) for one in found[:1]] == [(str(path), line)]
    assert problem in found[0].problem
    assert remedy in found[0].remedy + found[0].problem


def test_all_faults_at_once(tmp_path: Path) -> None:
    text = GOOD.replace("use: bayes", "use: bays").replace("budget: 30", "budget: 1").replace("use: branin", "use: b")
    with pytest.raises(FaultyFile) as caught:
        load_study(written(tmp_path, text.replace("seeds: 5", "seeds: no")))

    assert [(one.line, one.key) for one in caught.value.faults] == [
        (5, "planners.careful.use"),
        (8, "problems.branin.budget"),
        (9, "problems.noisy.use"),
        (10, "seeds"),
    ]


def test_what_is_wrong_in_meaning_is_told_at_once_too(tmp_path: Path) -> None:
    text = (
        GOOD.replace("initial: 12", "initial: 1").replace("noise: 0.5", "noise: replicates").replace("{}", "{x: 1}", 1)
    )
    with pytest.raises(FaultyFile) as caught:
        load_study(written(tmp_path, text))

    assert [one.key for one in caught.value.faults] == [
        "planners.bayes.x",
        "planners.careful.initial",
        "problems.noisy",
    ]


def test_no_yaml_and_no_file(tmp_path: Path) -> None:
    with pytest.raises(FaultyFile, match="a tab is used as indentation"):
        load_study(written(tmp_path, "autolab: 1\nplanners:\n\tbayes: {}\n"))
    with pytest.raises(FaultyFile, match="cannot be read"):
        load_study(tmp_path / "none.yaml")


def photo(folder: Path) -> None:
    rows = "".join(f"{i / 10},{1 - i / 10},0.0,0.0,{(i - 3) ** 2}\n" for i in range(11))
    (folder / "olympus_photo_wf3.csv").write_text(rows, encoding="utf-8")


def test_data_lies_relative_to_the_file_or_where_it_is_said(tmp_path: Path) -> None:
    (tmp_path / "tables").mkdir()
    photo(tmp_path / "tables")
    text = GOOD.replace("branin: {budget: 30}", "photo_wf3: {budget: 8}")
    path = written(tmp_path, text + "data: tables\n")

    assert load_study(path).study.problems[0].case.high == 0.0
    assert load_study(written(tmp_path, text), tmp_path / "tables").study.problems[0].case.high == 0.0
    with pytest.raises(FaultyFile, match=r"study.yaml:8: problems.photo_wf3: .*olympus_photo_wf3.csv cannot be read"):
        load_study(path, tmp_path)


def test_more_trials_than_candidates(tmp_path: Path) -> None:
    photo(tmp_path)
    text = GOOD.replace("branin: {budget: 30}", "photo_wf3: {budget: 12}")
    with pytest.raises(FaultyFile, match=r"photo_wf3.budget: a budget of 12 is more than the 11 candidates"):
        load_study(written(tmp_path, text), tmp_path)


def test_options_are_told_without_lines() -> None:
    told = {"autolab": 1, "name": "study", "planners": {"random": {}}, "problems": {"brannin": {"budget": 30}}}
    with pytest.raises(FaultyFile, match=r"^the options: problems.brannin: unknown problem 'brannin'"):
        study_of(told)  # type: ignore[arg-type]  # JSON
    told["problems"] = {"branin": {"budget": 30}}
    assert len(study_of(told).study.runs) == 20  # type: ignore[arg-type]  # JSON
