"""What importing costs, and that every module can be imported where there is no POSIX."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
ROOMS = ("drivers", "planners", "protocols", "simulators")
POSIX_ONLY = ("fcntl", "grp", "posix_ipc", "pty", "pwd", "resource", "syslog", "termios", "tty")
HEAVY = ("bluesky", "botorch", "event_model", "matplotlib", "ophyd", "pandas", "scipy", "torch")

# Third parties first: some look for POSIX modules themselves, well or badly, and it is our modules that are examined.
WITHOUT_POSIX = """
import importlib, sys
import bluesky.run_engine, botorch, filelock, ophyd, pandas, rich.live, scipy.optimize, serial, typer

class NoPosix:
    def find_spec(self, name, path=None, target=None):
        if name in hidden:
            raise ModuleNotFoundError(f"No module named {name!r}: hidden by a test", name=name)

hidden = sys.argv[1].split(",")
for name in hidden:
    sys.modules.pop(name, None)
sys.meta_path.insert(0, NoPosix())
for name in sys.argv[2:]:
    try:
        importlib.import_module(name)
    except BaseException as error:
        print(f"{name}: {type(error).__name__}: {error}")
"""


def modules() -> Iterator[str]:
    """Yield the name of every module of the library."""
    for folder in ("autolab", *ROOMS):
        for path in sorted((ROOT / folder).rglob("*.py")):
            parts = path.relative_to(ROOT).with_suffix("").parts
            if folder == "autolab" and len(parts) > 1 and parts[1] in ROOMS:
                continue  # links: they are taken by their real path
            name = ".".join(parts if folder == "autolab" else ("autolab", *parts))
            if name != "autolab.__main__":  # it runs the command line
                yield name.removesuffix(".__init__")


def python(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, *arguments], capture_output=True, text=True, check=True, timeout=120)


def test_there_are_modules_of_every_room() -> None:
    found = list(modules())

    assert {"autolab", "autolab.campaign", "autolab.drivers.new_era", "autolab.model.space"} <= set(found)
    assert len(found) == len(set(found)) > 100


@pytest.mark.slow
def test_every_module_imports_without_posix() -> None:
    assert python("-c", WITHOUT_POSIX, ",".join(POSIX_ONLY), *modules()).stdout == ""


@pytest.mark.slow
def test_the_hiding_hides() -> None:
    assert "pty: ModuleNotFoundError" in python("-c", WITHOUT_POSIX, ",".join(POSIX_ONLY), "pty").stdout


@pytest.mark.parametrize(
    "arguments",
    [
        ("-c", "import autolab"),
        ("-c", "import autolab; autolab.Space, autolab.Problem, autolab.planners.Bayes"),
        ("-m", "autolab", "--help"),
    ],
    ids=["import", "declare", "help"],
)
def test_light(arguments: tuple[str, ...]) -> None:
    assert _loaded(*arguments).isdisjoint(HEAVY)


def test_checking_loads_no_instruments() -> None:
    loaded = _loaded("-m", "autolab", "check", str(ROOT / "examples" / "dosing" / "campaign.yaml"))

    assert loaded.isdisjoint(HEAVY)


def test_a_heavy_import_would_be_seen() -> None:
    assert "pandas" in _loaded("-c", "import autolab, pandas")


def _loaded(*arguments: str) -> set[str]:
    """Return the top-level packages that a command imports."""
    lines = python("-X", "importtime", *arguments).stderr.splitlines()
    return {line.rpartition("|")[2].strip().partition(".")[0] for line in lines if line.startswith("import time:")}
