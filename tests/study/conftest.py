"""Small cases and planners whose runs are known by hand."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

from autolab.model.candidates import Candidates
from autolab.model.errors import TrialFailed
from autolab.model.objectives import Objective
from autolab.model.parameters import Integer
from autolab.model.problem import Problem
from autolab.model.space import Space
from autolab.model.suggestion import Suggestion
from autolab.model.trial import Point, Trial
from autolab.study.case import Case
from autolab.study.runs import Result, Setting
from autolab.study.study import Ask, Entrant, Study


@dataclass(frozen=True)
class Squared:
    """`k` squared; 7 fails."""

    def __call__(self, point: Point) -> dict[str, float]:
        if point["k"] == 7:
            raise TrialFailed("the seventh clogs")
        return {"y": float(point["k"]) ** 2}


@dataclass(frozen=True)
class Upwards:
    """Proposes 0, 1, 2, ... in the order of the space, whatever was measured."""

    first: int = 0

    def suggest(
        self, problem: Problem, history: Sequence[Trial], *, n: int, pending: Sequence[Point] = (), seed: int
    ) -> list[Suggestion]:
        tried = {trial.point["k"] for trial in history}
        free = [k for k in range(self.first, 100) if k not in tried]
        return [Suggestion({"k": k}, {"rule": "upwards"}) for k in free[:n]]


def squares(**changes: object) -> Case:
    """Return the case of `k` squared for 0 to 9, to maximize: 0 is worth 0, 81 is worth 1."""
    settings: dict[str, object] = {
        "name": "squares",
        "problem": Problem(Space([Integer("k", 0, 9)]), [Objective("y")]),
        "truth": Squared(),
        "low": 0.0,
        "high": 81.0,
        **changes,
    }
    return Case(**settings)  # type: ignore[arg-type]  # changes are given by name


@pytest.fixture
def case() -> Case:
    return squares()


@pytest.fixture
def pool() -> Case:
    """Return the squares as a pool whose best are 9 and 8."""
    problem = Problem(Candidates({"k": list(range(10))}), [Objective("y")])
    return squares(problem=problem, top=frozenset({(9,), (8,)}))


@pytest.fixture
def study(case: Case) -> Study:
    planners = [Entrant("up", Upwards()), Entrant("from 3", Upwards(3), {"first": 3})]
    return Study(planners, [Ask("squares", case, budget=6, starts=2)], [0, 1, 2])


Made = Callable[..., Result]


@pytest.fixture
def result() -> Made:
    """Return a function that makes a result: the budget is the length of the score."""

    def make(planner: str, seed: int, score: Sequence[float | None], **changes: object) -> Result:
        setting = Setting(
            str(changes.pop("problem", "p")), "case", len(score), starts=int(str(changes.pop("starts", 0)))
        )
        settings: dict[str, object] = {"low": 0.0, "high": 1.0, "seconds": [0.5], "memory_MB": 100.0, **changes}
        return Result(planner, {}, setting, seed, score, **settings)  # type: ignore[arg-type]  # changes are given by name

    return make


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """Return a folder with small tables in the shapes of the measured ones."""
    folder = tmp_path / "data"
    folder.mkdir()
    rows = [(n, theta, 1.5, 0.7, 10.0 * n + theta + extra) for n in (6, 8) for theta in (0, 25) for extra in (0.0, 2.0)]
    text = "n,theta,r,t,toughness\n" + "".join(",".join(map(str, row)) + "\n" for row in rows)
    (folder / "crossed_barrel.csv").write_text(text, encoding="utf-8")
    olympus = "".join(f"{i / 10},{1 - i / 10},0.0,0.0,{(i - 3) ** 2 / 10}\n" for i in range(11))
    (folder / "olympus_photo_wf3.csv").write_text(olympus, encoding="utf-8")
    head = "entry,Base_SMILES,Ligand_SMILES,Solvent_SMILES,Concentration,Temp_C,yield\n"
    combinations = [
        (base, ligand, solvent, c, t)
        for base in ("B1", "B2")
        for ligand in ("L1", "L2", "L3")
        for solvent in ("S1", "S2")
        for c in (0.1, 0.057)
        for t in (90, 105)
    ]
    lines = [",".join(map(str, (i, *one, float(i)))) for i, one in enumerate(combinations)]
    (folder / "direct_arylation.csv").write_text(head + "\n".join(lines) + "\n", encoding="utf-8")
    described = {"base": ("base", 2), "ligand": ("ligand-boltzmann", 3), "solvent": ("solvent", 2)}
    for key, (name, labels) in described.items():
        lines = [f"{key}_SMILES,name,flat,size,twice_size,size_MEAN,kink"]
        lines += [f"{key[0].upper()}{i},x{i},5,{i},{2 * i},{-i},{(i - 2) ** 2}" for i in range(1, labels + 1)]
        (folder / f"direct_arylation_{name}_dft.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    return folder
