"""`autolab study`: from options or a file, going on, what it tells, and being interrupted or killed."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import Result as Outcome

from autolab.study.results import ResultsFile
from autolab.study.runs import Run

Autolab = Callable[..., Outcome]

STUDY = """\
autolab: 1
name: two
planners:
  sobol: {}
  random: {}
problems:
  branin: {budget: 6}
  hartmann6: {budget: 5, starts: 1}
seeds: 2
"""


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "two.yaml").write_text(STUDY, encoding="utf-8")
    return tmp_path


def test_a_file(autolab: Autolab, here: Path) -> None:
    done = autolab("study", "two.yaml")

    assert done.exit_code == 0
    assert "[8/8] hartmann6, random, seed 1: best" in done.stderr
    assert len(ResultsFile(here / "two.jsonl").read()) == 8
    rows = [
        line.split()[:3] for line in done.stdout.splitlines() if line.split()[1:3] in (["sobol", "2"], ["random", "2"])
    ]
    assert rows == [[problem, planner, "2"] for problem in ("branin", "hartmann6") for planner in ("sobol", "random")]
    assert "area less sobol" in done.stdout
    assert "mean rank by area" in done.stdout
    assert "versions are mixed" not in done.stdout


def test_again_there_is_nothing_to_do(autolab: Autolab, here: Path) -> None:
    first = autolab("study", "two.yaml", "--seeds", "1")
    again = autolab("study", "two.yaml", "--seeds", "1")
    more = autolab("study", "two.yaml")

    assert again.stdout == first.stdout
    assert again.stderr.strip() == "4 of 4 runs are done already"
    assert more.stderr.splitlines()[0] == "4 of 8 runs are done already"
    assert more.stderr.count("seed 1") == 4
    assert "seed 0" not in more.stderr


def test_options_choose_of_a_file(autolab: Autolab, here: Path) -> None:
    done = autolab("study", "two.yaml", "--planner", "random", "--problem", "branin", "--json")

    told = json.loads(done.stdout)
    assert [(row["problem"], row["planner"], row["seeds"]) for row in told["rows"]] == [("branin", "random", 2)]
    assert (told["study"], told["against"], told["ranks"]) == ("two", "random", {})


def test_options_alone(autolab: Autolab, here: Path) -> None:
    done = autolab(
        "study",
        *[
            "--planner",
            "random",
            "--problem",
            "branin",
            "--seeds",
            "2",
            "--budget",
            "7",
            "--batch",
            "3",
            "--starts",
            "1",
        ],
    )

    assert done.exit_code == 0
    (setting,) = {one.setting for one in ResultsFile(here / "study.jsonl").read()}
    assert (setting.budget, setting.batch, setting.starts) == (7, 3, 1)


def test_json_has_all_figures(autolab: Autolab, here: Path) -> None:
    done = autolab("study", "two.yaml", "--against", "random", "--json")
    told = json.loads(done.stdout)
    row = told["rows"][0]

    assert done.stderr == ""
    assert told["against"] == "random"
    assert row["difference"]["low"] <= row["difference"]["value"] <= row["difference"]["high"]
    assert row["acceleration"]["value"] > 0
    assert row["seconds"] > 0
    assert row["errors"] == 0
    assert "numpy" in told["versions"]["sobol"][0]


def test_telling_without_performing(autolab: Autolab, here: Path) -> None:
    nothing = autolab("study", "two.yaml", "--only-tell")
    assert (nothing.exit_code, nothing.stdout.strip()) == (0, "no run is finished yet")
    assert not (here / "two.jsonl").exists()
    autolab("study", "two.yaml", "--seeds", "1", "--problem", "branin")
    some = autolab("study", "two.yaml", "--only-tell")
    assert "branin" in some.stdout
    assert "hartmann6" not in some.stdout


def test_results_of_others_stand_beside(autolab: Autolab, here: Path) -> None:
    autolab("study", "two.yaml")
    peers = here / "peers.jsonl"
    text = (here / "two.jsonl").read_text(encoding="utf-8")
    peers.write_text(
        text.replace('{"planner": "sobol"', '{"planner": "peer"').replace("branin", "other"), encoding="utf-8"
    )
    done = autolab("study", "two.yaml", "--also", "peers.jsonl", "--json")
    rows = [(row["problem"], row["planner"]) for row in json.loads(done.stdout)["rows"]]

    assert ("hartmann6", "peer") in rows
    assert not [row for row in rows if row[0] == "other"]  # no problem of this study


def test_mixed_versions_are_told(autolab: Autolab, here: Path) -> None:
    autolab("study", "two.yaml")
    path = here / "two.jsonl"
    first, rest = path.read_text(encoding="utf-8").split("\n", 1)
    path.write_text(first.replace('"source": "', '"source": "f00') + "\n" + rest, encoding="utf-8")

    assert "sobol: results of 2 versions are mixed" in autolab("study", "two.yaml").stdout


def test_figures(autolab: Autolab, here: Path) -> None:
    done = autolab("study", "two.yaml", "--figures", "two.html")

    assert "Figures: two.html" in done.stdout
    page = (here / "two.html").read_text(encoding="utf-8")
    assert "hartmann6" in page
    assert 'src="http' not in page  # complete in itself


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ([], "give a study file, or at least one --planner and one --problem"),
        (["--planner", "bayes"], "give a study file, or at least one --planner and one --problem"),
        (["--planner", "bays", "--problem", "branin"], "the options: planners.bays: unknown planner 'bays'"),
        (
            ["--planner", "bayes", "--problem", "p3ht"],
            "is read from a folder of data. Add `data:` with it, or say --data",
        ),
        (["--planner", "bayes", "--problem", "p3ht", "--data", "."], "p3ht.csv cannot be read"),
        (["two.yaml", "--budget", "7"], "--budget belongs to a study without a file: write it into two.yaml"),
        (["two.yaml", "--planner", "bayes"], "the study has no planner 'bayes'"),
        (["two.yaml", "--problem", "brannin"], "the study has no problem 'brannin': did you mean 'branin'"),
        (["two.yaml", "--seeds", "1", "--against", "bayes"], "there is no result of a planner 'bayes'"),
        (["two.yaml", "--also", "none.jsonl"], "none.jsonl: there is no such file"),
        (["two.yaml", "--also", "two.yaml"], "two.yaml:1: no result of a study"),
        (["two.yaml", "--seeds", "1", "--figures", "no/where.html"], "no/where.html cannot be written"),
        (["none.yaml"], "none.yaml: cannot be read"),
    ],
)
def test_what_is_wrong_with_the_input(autolab: Autolab, here: Path, options: list[str], message: str) -> None:
    done = autolab("study", *options)

    assert done.exit_code == 2
    assert message in done.stderr
    assert "Traceback" not in done.stderr


def test_without_dask(autolab: Autolab, here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "distributed", None)
    done = autolab("study", "two.yaml", "--dask", "tcp://127.0.0.1:8786")

    assert done.exit_code == 2
    assert "pip install 'autolab-sdl[dask]'" in done.stderr


def test_a_lost_run_is_told_and_done_again(autolab: Autolab, here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from autolab.study import workers

    monkeypatch.setattr(
        workers, "here", lambda runs: iter([workers.Lost(runs[0], "its process ended with exit code -9")])
    )
    done = autolab("study", "two.yaml")
    assert done.exit_code == 1
    assert "[1/8] branin, sobol, seed 0: lost, its process ended with exit code -9" in done.stderr
    assert (
        "lost: branin, sobol, seed 0: its process ended with exit code -9. The same command does it again"
        in done.stderr
    )
    monkeypatch.undo()
    monkeypatch.chdir(here)
    assert autolab("study", "two.yaml").exit_code == 0


def test_ctrl_c_keeps_what_is_finished(autolab: Autolab, here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from autolab.study import workers

    whole = workers.here

    def interrupted(runs: list[Run]) -> object:
        yield from whole(runs[:3])
        raise KeyboardInterrupt

    monkeypatch.setattr(workers, "here", interrupted)
    done = autolab("study", "two.yaml")

    assert done.exit_code == 130
    assert "branin" in done.stdout
    assert "interrupted: 3 of 8 runs are in two.jsonl; the same command goes on" in done.stderr


MANY = ["study", "--planner", "random", "--problem", "branin", "--seeds", "400", "--budget", "10", "--jobs", "2"]


def started(here: Path, seeds: int = 400) -> subprocess.Popen[str]:
    """Return a study under way that has finished a run."""
    process = subprocess.Popen(
        [sys.executable, "-m", "autolab", *(str(seeds) if word == "400" else word for word in MANY)],
        cwd=here,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONUNBUFFERED": "1"},
    )
    assert process.stderr is not None
    assert process.stderr.readline().startswith(f"[1/{seeds}]")
    return process


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="no such signals there")
def test_killed_and_started_again_it_goes_on(autolab: Autolab, here: Path) -> None:
    process = started(here)
    process.kill()
    process.communicate(timeout=60)
    before = len(ResultsFile(here / "study.jsonl").read())
    done = autolab(*MANY[:-2])

    assert 1 <= before < 400
    assert done.exit_code == 0
    assert done.stderr.startswith(f"{before} of 400 runs are done already")
    lines = (here / "study.jsonl").read_text(encoding="utf-8").splitlines()
    assert sorted(json.loads(line)["seed"] for line in lines if line.endswith("}")) == list(range(400))


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="no such signals there")
def test_an_interrupt_ends_it_with_all_its_processes(here: Path) -> None:
    process = started(here, seeds=5000)  # so many that none but the signal ends it
    process.send_signal(signal.SIGINT)
    _, told = process.communicate(timeout=60)  # ends when no process holds the pipe any more

    assert process.returncode == 130
    assert "the same command goes on" in told
    assert "Traceback" not in told
    assert ResultsFile(here / "study.jsonl").read()
