"""What ships: the declared packages are those of the tree, and the wheel holds and runs all of them."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tomllib
import zipfile
from email.parser import Parser
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
LINKED = ("drivers", "planners", "protocols", "simulators")
SHIPPED = ("autolab", *LINKED, "pyproject.toml", "README.md", "LICENSE")

IMPORT_ALL = """
import importlib, sys
import autolab
for name in sys.argv[1:]:
    module = importlib.import_module(name)
    print(name, getattr(module, "__file__"))
"""


def tree() -> dict[str, Path]:
    """Return name and source of every module, as they import."""
    found: dict[str, Path] = {}
    for package, folder in _folders().items():
        for path in sorted(folder.glob("*.py")):
            found[package if path.stem == "__init__" else f"{package}.{path.stem}"] = path
    return found


def _folders() -> dict[str, Path]:
    inside = [path.parent for path in (ROOT / "autolab").rglob("__init__.py") if not _through_a_link(path)]
    folders = {".".join(folder.relative_to(ROOT).parts): folder for folder in sorted(inside)}
    for name in LINKED:
        for path in sorted((ROOT / name).rglob("__init__.py")):
            folders[".".join(("autolab", *path.parent.relative_to(ROOT).parts))] = path.parent
    return folders


def _through_a_link(path: Path) -> bool:
    return path.relative_to(ROOT).parts[1] in LINKED


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build the wheel from a copy of the sources, unpack it, and return the folder."""
    folder = tmp_path_factory.mktemp("wheel")
    source = folder / "source"
    source.mkdir()
    for name in SHIPPED:
        _copy(ROOT / name, source / name)
    build = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(folder), str(source)]
    built = subprocess.run(build, capture_output=True, text=True, check=False, timeout=120)
    assert built.returncode == 0, built.stdout + built.stderr
    with zipfile.ZipFile(next(folder.glob("*.whl"))) as wheel:
        wheel.extractall(folder / "site")
    return folder / "site"


def _copy(path: Path, to: Path) -> None:
    if path.is_dir():
        shutil.copytree(path, to, symlinks=True, ignore=shutil.ignore_patterns("__pycache__"))
    else:
        shutil.copy(path, to)


def test_declared_packages_are_those_of_the_tree() -> None:
    assert sorted(PROJECT["tool"]["setuptools"]["packages"]) == sorted(_folders())


def test_each_link_has_its_package_dir() -> None:
    declared = PROJECT["tool"]["setuptools"]["package-dir"]

    assert declared == {"autolab": "autolab", **{f"autolab.{name}": name for name in LINKED}}


@pytest.mark.skipif(sys.platform == "win32", reason="a checkout without links has text files in their place")
def test_links_are_relative_and_lead_to_their_folders() -> None:
    links = {path.name: path.readlink() for path in (ROOT / "autolab").iterdir() if path.is_symlink()}

    assert links == {name: Path("..", name) for name in LINKED}


def test_every_folder_with_modules_is_a_package() -> None:
    folders = {path.parent for name in ("autolab", *LINKED) for path in (ROOT / name).rglob("*.py")}

    assert [folder for folder in sorted(folders) if not (folder / "__init__.py").exists()] == []


def test_the_wheel_holds_the_tree(site: Path) -> None:
    shipped = {path.relative_to(site).as_posix() for path in (site / "autolab").rglob("*") if path.is_file()}
    expected = {_in_wheel(name, path) for name, path in tree().items()}

    templates = {
        path.relative_to(ROOT).as_posix() for path in (ROOT / "autolab" / "templates").rglob("*") if path.is_file()
    }
    maps = {f"autolab/drivers/modbus_maps/{path.name}" for path in (ROOT / "drivers/modbus_maps").glob("*.yaml")}
    assert shipped == expected | templates | maps | {"autolab/py.typed"}


def _in_wheel(name: str, path: Path) -> str:
    place = name.replace(".", "/")
    return f"{place}/__init__.py" if path.stem == "__init__" else f"{place}.py"


def test_the_wheel_tells_who_it_is(site: Path) -> None:
    (info,) = site.glob("*.dist-info")
    told = Parser().parsestr((info / "METADATA").read_text(encoding="utf-8"))

    assert (told["Name"], told["License-Expression"]) == ("autolab-sdl", "BSD-3-Clause")
    assert str(told.get_payload()).startswith("# autolab")
    assert (info / "licenses" / "LICENSE").exists()
    assert "autolab = autolab.cli:main" in (info / "entry_points.txt").read_text(encoding="utf-8")


@pytest.mark.slow
def test_every_module_imports_from_the_wheel(site: Path, tmp_path: Path) -> None:
    names = [name for name in tree() if name != "autolab.__main__"]
    lines = _from_wheel(site, tmp_path, "-c", IMPORT_ALL, *names).splitlines()

    assert [line.partition(" ")[0] for line in lines] == names
    assert [line for line in lines if not line.partition(" ")[2].startswith(str(site))] == []


def test_the_command_line_runs_from_the_wheel(site: Path, tmp_path: Path) -> None:
    shutil.copytree(ROOT / "examples" / "dosing", tmp_path / "dosing")

    told = _from_wheel(site, tmp_path, "-m", "autolab", "check", "dosing/campaign.yaml")

    assert told.startswith("dosing/campaign.yaml: no fault found")


def _from_wheel(site: Path, folder: Path, *arguments: str) -> str:
    """Run Python where the unpacked wheel comes before the installed library, and return what it printed."""
    found = {**os.environ, "PYTHONPATH": str(site), "PYTHONDONTWRITEBYTECODE": "1"}
    ran = subprocess.run(
        [sys.executable, *arguments], cwd=folder, env=found, capture_output=True, text=True, check=False, timeout=120
    )
    assert ran.returncode == 0, ran.stderr
    return ran.stdout
