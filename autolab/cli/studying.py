"""`autolab study`."""

from __future__ import annotations

import sys
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from autolab.cli.console import complain, console, say, say_json
from autolab.cli.failures import WORK_FAILED, command
from autolab.cli.study_telling import Shown, say_comparison, versions_of
from autolab.cli.targets import AsJson
from autolab.model.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from autolab.spec.study_file import StudyFile
    from autolab.study.runs import Result
    from autolab.study.workers import Lost

BY_OPTIONS = Path("study.jsonl")


@command
def study(
    file: Annotated[Path | None, typer.Argument(metavar="[STUDY.yaml]", help="The study file.")] = None,
    planner: Annotated[
        list[str] | None, typer.Option("--planner", help="A planner; of a file's, this one alone. Repeat for more.")
    ] = None,
    problem: Annotated[
        list[str] | None, typer.Option("--problem", help="A problem; of a file's, this one alone. Repeat for more.")
    ] = None,
    seeds: Annotated[int | None, typer.Option(min=1, help="How often each; 20 without a file.")] = None,
    budget: Annotated[int | None, typer.Option(min=1, help="Without a file: trials, starts included.")] = None,
    batch: Annotated[int | None, typer.Option(min=1, help="Without a file: points asked for at once.")] = None,
    starts: Annotated[int | None, typer.Option(min=0, help="Without a file: points that all are given first.")] = None,
    data: Annotated[Path | None, typer.Option(help="Folder with the files of pools.")] = None,
    jobs: Annotated[int, typer.Option("--jobs", "-j", min=1, help="Processes.")] = 1,
    dask: Annotated[
        str | None, typer.Option(metavar="ADDRESS", help="A Dask scheduler, in place of processes.")
    ] = None,
    results: Annotated[
        Path | None, typer.Option(help="File that gets the results, and says what is done; beside the study file.")
    ] = None,
    also: Annotated[
        list[Path] | None, typer.Option(help="More results to compare with, such as those of other packages.")
    ] = None,
    against: Annotated[str | None, typer.Option(help="Planner that differences are taken from; the first.")] = None,
    figures: Annotated[Path | None, typer.Option(help="HTML file that gets the figures.")] = None,
    only_tell: Annotated[bool, typer.Option("--only-tell", help="Perform nothing: tell what there is.")] = False,
    as_json: AsJson = False,
) -> None:
    """Compare planners: each on each problem whose truth is known, with many seeds.

    What is finished is kept: the same command goes on after Ctrl-C or a kill, and at the end tells the table.
    """
    from autolab.study.results import ResultsFile
    from autolab.study.study import run_study

    loaded = _loaded(file, planner, problem, seeds, {"budget": budget, "batch": batch, "starts": starts}, data)
    kept = ResultsFile(results or (file.with_suffix(".jsonl") if file is not None else BY_OPTIONS))
    others = [one for path in also or [] for one in _existing(path)]
    lost: list[Lost] = []
    stopped = False
    if not only_tell:
        left = len(loaded.study.left(kept.read()))
        with Shown(len(loaded.study.runs), left, quiet=as_json) as shown:
            try:
                lost = run_study(loaded.study, kept, jobs=jobs, dask=dask, told=shown.show)
            except KeyboardInterrupt:
                stopped = True
    mine = loaded.study.of(kept.read())
    there = _joined(loaded, mine, others)
    _tell(loaded, there, against, figures, as_json=as_json)
    for one in lost:
        complain(f"lost: {one.run}: {one.reason}. The same command does it again")
    if stopped:
        complain(
            f"interrupted: {len(mine)} of {len(loaded.study.runs)} runs are in {kept.path}; the same command goes on"
        )
        raise KeyboardInterrupt
    if lost:
        raise typer.Exit(WORK_FAILED)


def _loaded(
    file: Path | None,
    planners: list[str] | None,
    problems: list[str] | None,
    seeds: int | None,
    asked: dict[str, int | None],
    data: Path | None,
) -> StudyFile:
    from autolab.spec.study_file import load_study, study_of

    given = {name: value for name, value in asked.items() if value is not None}
    if file is None:
        if not planners or not problems:
            msg = "give a study file, or at least one --planner and one --problem"
            raise InputError(msg)
        told: dict[str, Any] = {"autolab": 1, "name": "study", "seeds": 20 if seeds is None else seeds}
        told["planners"] = {name: {} for name in planners}
        told["problems"] = {name: {"budget": 30, **given} for name in problems}
        return study_of(told, data)
    if given:
        msg = f"--{next(iter(given))} belongs to a study without a file: write it into {file}"
        raise InputError(msg)
    return _chosen(load_study(file, data), planners, problems, seeds)


def _chosen(loaded: StudyFile, planners: list[str] | None, problems: list[str] | None, seeds: int | None) -> StudyFile:
    """Return the part of a study that the options choose."""
    from dataclasses import replace

    from autolab.model.names import did_you_mean

    whole = loaded.study
    for what, names, there in (
        ("planner", planners, [one.name for one in whole.planners]),
        ("problem", problems, [one.name for one in whole.problems]),
    ):
        for name in names or ():
            if name not in there:
                msg = f"the study has no {what} {name!r}: {did_you_mean(name, there)}"
                raise InputError(msg)
    part = replace(
        whole,
        planners=[one for one in whole.planners if not planners or one.name in planners],
        problems=[one for one in whole.problems if not problems or one.name in problems],
        seeds=whole.seeds if seeds is None else range(whole.seeds[0], whole.seeds[0] + seeds),
    )
    return replace(loaded, study=part)


def _joined(loaded: StudyFile, mine: list[Result], others: list[Result]) -> list[Result]:
    """Return a study's results and those of others on the same problems; a planner's name is one planner's."""
    settings = {one.setting for one in loaded.study.problems}
    names = {one.name for one in loaded.study.planners}
    more = {one.key: one for one in others if one.setting in settings and one.planner not in names}
    return [*mine, *more.values()]


def _existing(path: Path) -> list[Result]:
    from autolab.study.results import ResultsFile

    if not path.exists():
        msg = f"{path}: there is no such file. Give a results file of a study with --also"
        raise InputError(msg)
    return ResultsFile(path).read()


def _tell(
    loaded: StudyFile, results: Sequence[Result], against: str | None, figures: Path | None, *, as_json: bool
) -> None:
    from dataclasses import asdict

    from autolab.model.names import did_you_mean
    from autolab.study.comparison import compare

    names = list(dict.fromkeys(one.planner for one in results))
    if against is not None and results and against not in names:
        msg = f"there is no result of a planner {against!r}: {did_you_mean(against, names)}"
        raise InputError(msg)
    with console(error=True).status("counting") if not as_json and sys.stderr.isatty() else nullcontext():
        found = compare(results, against)
    if as_json:
        say_json({"study": loaded.name, **asdict(found), "versions": versions_of(results)})
    else:
        say_comparison(found, versions_of(results))
    if figures is not None and results:
        from autolab.plots.studies import page

        try:
            figures.write_text(page(results, against), encoding="utf-8")
        except OSError as error:
            msg = f"{figures} cannot be written: {error.strerror or error}"
            raise InputError(msg) from None
        if not as_json:
            say(f"Figures: {figures}")
