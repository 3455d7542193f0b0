"""The notebooks among the examples run from their first cell to their last, and are committed without what they print.

They run in a temporary copy of the examples, in a kernel of this environment, as a reader would run them.
"""

from __future__ import annotations

import json
import re
import shutil
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[1]
NOTEBOOKS = [
    path.relative_to(ROOT)
    for path in sorted((ROOT / "examples").rglob("*.ipynb"))
    if ".ipynb_checkpoints" not in path.parts
]
SECONDS = 120  # a cell; a whole notebook takes less than a minute on two idle cores
OF_A_MACHINE = re.compile(r"/home/|/Users/|/tmp/|/mnt/|[A-Za-z]:\\|file://|localhost")
BETWEEN_RUNS = frozenset({"collapsed", "execution", "ExecuteTime"})
"""Metadata of a cell that tell when or how it was run."""

names = pytest.mark.parametrize("name", NOTEBOOKS, ids=lambda name: name.as_posix())


def cells_of(path: Path) -> list[dict[str, Any]]:
    cells: list[dict[str, Any]] = json.loads(path.read_text(encoding="utf-8"))["cells"]
    return cells


def traces(notebook: Mapping[str, Any]) -> list[str]:
    """Return what of a run, or of a machine, a notebook still shows."""
    found = []
    for number, cell in enumerate(notebook["cells"], 1):
        text = "".join(cell["source"])
        if cell["cell_type"] == "code":
            found += [f"cell {number} has outputs"] if cell["outputs"] else []
            found += [f"cell {number} was run"] if cell["execution_count"] is not None else []
        found += [f"cell {number} keeps {name!r}" for name in sorted(BETWEEN_RUNS & set(cell["metadata"]))]
        found += [f"cell {number} names {one!r}" for one in OF_A_MACHINE.findall(text)]
    kernel = notebook["metadata"]["kernelspec"]["name"]
    found += [f"it wants the kernel {kernel!r}"] if kernel != "python3" else []
    found += ["it tells the version of a Python"] if "version" in notebook["metadata"]["language_info"] else []
    return found


def test_there_are_notebooks() -> None:
    assert [name.as_posix() for name in NOTEBOOKS] == [
        "examples/electrolyte/electrolyte.ipynb",
        "examples/without_a_lab.ipynb",
    ]


@names
def test_a_notebook_carries_nothing_of_a_run(name: Path) -> None:
    assert traces(json.loads((ROOT / name).read_text(encoding="utf-8"))) == []


@names
def test_a_notebook_teaches(name: Path) -> None:
    cells = cells_of(ROOT / name)
    kinds = [cell["cell_type"] for cell in cells]
    longest = max(len(cell["source"]) for cell in cells if cell["cell_type"] == "code")

    assert kinds[0] == "markdown", "begin by saying what it is about"
    assert kinds[-1] == "markdown", "end by saying where to go"
    assert kinds.count("markdown") >= kinds.count("code") / 2
    assert longest <= 25, "a code cell is too long to be read at a glance"
    assert len({cell["id"] for cell in cells}) == len(cells)


@names
def test_files_that_a_notebook_names_exist(name: Path) -> None:
    text = "".join("".join(cell["source"]) for cell in cells_of(ROOT / name) if cell["cell_type"] == "markdown")
    named = re.findall(r"`([\w./]+\.(?:md|py|ipynb))`", text)

    assert named
    for one in named:
        assert (ROOT / one).exists() or (ROOT / name.parent / one).exists(), one


def clean() -> dict[str, Any]:
    """Return a notebook that shows nothing of a run."""
    code: dict[str, Any] = {
        "cell_type": "code",
        "execution_count": None,
        "metadata": {},
        "outputs": [],
        "source": ["1 + 1"],
    }
    metadata = {"kernelspec": {"name": "python3"}, "language_info": {"name": "python"}}
    return {"cells": [{"cell_type": "markdown", "metadata": {}, "source": ["# One"]}, code], "metadata": metadata}


def test_a_clean_notebook_shows_nothing() -> None:
    assert traces(clean()) == []


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"outputs": [{"output_type": "stream", "text": "2"}]}, "cell 2 has outputs"),
        ({"execution_count": 4}, "cell 2 was run"),
        ({"metadata": {"execution": {}}}, "cell 2 keeps 'execution'"),
        ({"source": ["open('/home/me/x.csv')"]}, "cell 2 names '/home/'"),
        ({"source": ["open('C:\\\\x.csv')"]}, r"cell 2 names 'C:\\'"),
    ],
)
def test_traces_of_a_run_are_found(change: dict[str, Any], told: str) -> None:
    notebook = clean()
    notebook["cells"][1] |= change

    assert traces(notebook) == [told]


def test_another_kernel_is_found() -> None:
    notebook = clean()
    notebook["metadata"] = {"kernelspec": {"name": "venv"}, "language_info": {"version": "3.11.2"}}

    assert traces(notebook) == ["it wants the kernel 'venv'", "it tells the version of a Python"]


def execute(path: Path) -> list[dict[str, Any]]:
    """Run a notebook in its folder, as a reader would, and return its cells with what they printed."""
    import nbformat
    from nbclient import NotebookClient

    notebook = nbformat.read(path, as_version=4)  # type: ignore[no-untyped-call]  # nbformat ships no types
    resources = {"metadata": {"path": str(path.parent)}}
    NotebookClient(notebook, timeout=SECONDS, kernel_name="python3", resources=resources).execute()
    return [dict(cell) for cell in notebook["cells"]]


@pytest.fixture
def own_kernel(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Let `python3` be the Python of these tests, whatever kernels a person has, and keep that person's folders out."""
    kernel = tmp_path / "jupyter" / "kernels" / "python3"
    kernel.mkdir(parents=True)
    command = [sys.executable, "-m", "ipykernel_launcher", "-f", "{connection_file}"]
    (kernel / "kernel.json").write_text(
        json.dumps({"argv": command, "display_name": "Python 3", "language": "python"}), encoding="utf-8"
    )
    for variable, folder in [("JUPYTER_PATH", "jupyter"), ("JUPYTER_RUNTIME_DIR", "run"), ("IPYTHONDIR", "ipython")]:
        monkeypatch.setenv(variable, str(tmp_path / folder))
    return kernel


@pytest.mark.slow
@pytest.mark.filterwarnings(
    "ignore:Proactor event loop does not implement:RuntimeWarning"
)  # zmq on Windows: it goes on
@names
def test_a_notebook_runs(name: Path, tmp_path: Path, own_kernel: Path) -> None:
    unwanted = shutil.ignore_patterns("__pycache__", ".ipynb_checkpoints", "*.sqlite*", "*.lock")
    shutil.copytree(ROOT / "examples", tmp_path / "examples", ignore=unwanted)

    cells = execute(tmp_path / name)

    assert own_kernel.exists()
    outputs = [output for cell in cells if cell["cell_type"] == "code" for output in cell["outputs"]]
    kinds = {kind for output in outputs for kind in output.get("data", ())}
    told = "".join(output["text"] for output in outputs if output["output_type"] == "stream")
    assert {"text/html", "application/vnd.plotly.v1+json"} <= kinds, "a table, and a figure"
    assert re.search(r"^\d\d completed, \d failed or rejected; stopped: the budget", told, re.MULTILINE)
    assert [output for output in outputs if output.get("name") == "stderr"] == [], "nothing is warned of"


@pytest.mark.slow
@pytest.mark.filterwarnings(
    "ignore:Proactor event loop does not implement:RuntimeWarning"
)  # zmq on Windows: it goes on
def test_a_cell_that_fails_is_told(tmp_path: Path, own_kernel: Path) -> None:
    from nbclient.exceptions import CellExecutionError

    notebook = clean() | {"nbformat": 4, "nbformat_minor": 4}
    notebook["cells"][1]["source"] = ["1 / 0"]
    (tmp_path / "broken.ipynb").write_text(json.dumps(notebook), encoding="utf-8")

    assert own_kernel.exists()
    with pytest.raises(CellExecutionError, match="ZeroDivisionError"):
        execute(tmp_path / "broken.ipynb")
