"""Running commands in this process, on copies of the dosing example."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

EXAMPLE = Path(__file__).parents[2] / "examples" / "dosing"

Autolab = Callable[..., Result]


@pytest.fixture
def autolab() -> Autolab:
    """Return a function that runs the command line."""
    from autolab.cli.app import app

    def run(*arguments: object, given: str | None = None) -> Result:
        return CliRunner().invoke(app, [str(one) for one in arguments], input=given)

    return run


@pytest.fixture
def files(tmp_path: Path) -> Path:
    """Return a folder with a copy of the example's campaign and lab."""
    for name in ("campaign.yaml", "lab.yaml"):
        shutil.copy(EXAMPLE / name, tmp_path / name)
    return tmp_path


@pytest.fixture(scope="session")
def performed(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Result]:
    """Run two trials once, and return the folder and what the command said."""
    from autolab.cli.app import app

    folder = tmp_path_factory.mktemp("performed")
    for name in ("campaign.yaml", "lab.yaml"):
        shutil.copy(EXAMPLE / name, folder / name)
    return folder, CliRunner().invoke(app, ["run", str(folder / "campaign.yaml"), "--trials", "2"])


@pytest.fixture
def done(performed: tuple[Path, Result], tmp_path: Path) -> Path:
    """Return a copy of the folder of a campaign that has performed two trials."""
    return Path(shutil.copytree(performed[0], tmp_path / "done"))
