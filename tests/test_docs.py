"""Every code block of README and docs runs: what is shown is what happens.

A page's blocks run in order in one folder with a copy of the examples. What stands after the language says more:

| fence | what is done |
|---|---|
| `python` | runs; all of a page share one namespace |
| `python file=NAME`, `text file=NAME` | is written to that file, as a person would do |
| `text output` | is what the block before prints (`...` stands for anything) |
| `yaml`, `json` | is parsed: a part of a file |
| `yaml campaign`, `yaml lab` | is a whole file and must have no fault; with `file=NAME` it is written there too |
| `console` | each `$ command` runs and must exit with 0; what is shown must be printed (`...` stands for anything) |
| `console exit=N` | the last command exits with N |
| `... numbers=vary` | any number may stand where the page shows one: results of simulated physics, times |
| `text` | is not run |

A command that ends with `&` goes on until the page is done; what is shown below it is waited for. `kill -9 %N` ends the
Nth of them.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[1]
PAGES = [
    *(ROOT / name for name in ("README.md", "CONTRIBUTING.md", "CHANGELOG.md")),
    *sorted((ROOT / "docs").rglob("*.md")),
]
FENCE = re.compile(r"^```(?P<info>[^\n`]*)\n(?P<text>.*?)^```$", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"!?\[[^\]]*\]\((?P<to>[^)\s]+)\)")
HEADING = re.compile(r"^#+ +(.+)$", re.MULTILINE)
NUMBER = re.compile(r"(?<![\w.])[-+]?\d+([.:]\d+)*(e[-+]?\d+)?")
SECONDS = 60

SHELL = """
import contextlib, io, json, sys, traceback
names = {"__name__": "__main__"}
for line in sys.stdin:
    told, printed = json.loads(line), io.StringIO()
    error = ""
    with contextlib.redirect_stdout(printed):
        try:
            exec(compile(told["code"], told["place"], "exec"), names)
        except BaseException:
            error = traceback.format_exc()
    print(json.dumps({"printed": printed.getvalue(), "error": error}), flush=True)
"""


@dataclass(frozen=True)
class Block:
    page: Path
    line: int
    language: str
    notes: tuple[str, ...]
    text: str

    @property
    def place(self) -> str:
        return f"{self.page.relative_to(ROOT).as_posix()}:{self.line}"

    def option(self, name: str) -> str | None:
        return next((note.partition("=")[2] for note in self.notes if note.startswith(f"{name}=")), None)


def blocks(page: Path) -> Iterator[Block]:
    text = page.read_text(encoding="utf-8")
    for found in FENCE.finditer(text):
        language, *notes = found["info"].split() or [""]
        yield Block(page, text.count("\n", 0, found.start()) + 1, language, tuple(notes), found["text"])


class Visit:
    """What a reader of one page does, in a folder of his own."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.printed = folder, ""
        here = str(Path(sys.executable).parent)
        self.variables = {**os.environ, "PATH": f"{here}{os.pathsep}{os.environ['PATH']}", "COLUMNS": "160"}
        self._python: subprocess.Popen[str] | None = None
        self._background: list[subprocess.Popen[str]] = []

    def close(self) -> None:
        for process in (*self._background, *([self._python] if self._python else [])):
            process.terminate()
            process.wait(30)
            for stream in (process.stdin, process.stdout):
                if stream is not None:
                    stream.close()

    def do(self, block: Block) -> None:
        name = block.option("file")
        if name is not None:
            (self.folder / name).parent.mkdir(exist_ok=True)
            (self.folder / name).write_text(block.text, encoding="utf-8")
        if block.language == "python" and name is None:
            self.python(block)
        elif block.language == "console":
            self.console(block)
        elif block.language == "yaml":
            self.yaml(block, self.folder / (name or f"block-{block.line}.yaml"))
        elif block.language == "json":
            json.loads(block.text)
        elif "output" in block.notes:
            assert_printed(block.text, self.printed, block.place, vary=block.option("numbers") == "vary")

    def python(self, block: Block) -> None:
        if self._python is None:
            self._python = self._started([sys.executable, "-c", SHELL], stderr=subprocess.DEVNULL)
        assert self._python.stdin is not None
        assert self._python.stdout is not None
        self._python.stdin.write(json.dumps({"code": block.text, "place": block.place}) + "\n")
        self._python.stdin.flush()
        told = json.loads(within(SECONDS, self._python.stdout.readline, self._python))
        assert told["error"] == "", f"{block.place}\n{told['error']}"
        self.printed = told["printed"]

    def yaml(self, block: Block, path: Path) -> None:
        from autolab.spec.campaign_file import load_campaign
        from autolab.spec.lab import load_lab

        assert yaml.safe_load(block.text) is not None, block.place
        path.write_text(block.text, encoding="utf-8")
        if "campaign" in block.notes:
            load_campaign(path)
        elif "lab" in block.notes:
            load_lab(path)

    def console(self, block: Block) -> None:
        commands = list(commands_of(block.text))
        for place, (command, shown) in enumerate(commands):
            last = place == len(commands) - 1
            if command.endswith("&"):
                self._begin(command, shown, block)
                continue
            if command.startswith("kill -9 %"):
                killed = self._background[int(command.removeprefix("kill -9 %")) - 1]
                killed.kill()
                killed.wait(10)
                continue
            ran = subprocess.run(  # noqa: S602  our own pages
                command,
                shell=True,
                cwd=self.folder,
                env=self.variables,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                check=False,
                timeout=SECONDS,
            )
            wanted = int(block.option("exit") or 0) if last else 0
            assert ran.returncode == wanted, f"{block.place}: {command}\n{ran.stdout}"
            if shown:
                vary = block.option("numbers") == "vary"
                assert_printed(shown, ran.stdout, f"{block.place}: {command}", vary=vary)

    def _begin(self, command: str, shown: str, block: Block) -> None:
        process = self._started(command.removesuffix("&").split())
        self._background.append(process)
        assert process.stdout is not None
        printed = "".join(within(SECONDS, process.stdout.readline, process) for _line in shown.splitlines())
        assert_printed(shown, printed, f"{block.place}: {command}", vary=block.option("numbers") == "vary")

    def _started(self, command: list[str], stderr: int = subprocess.STDOUT) -> subprocess.Popen[str]:
        program = shutil.which(command[0], path=self.variables["PATH"])
        assert program is not None, command[0]
        return subprocess.Popen(
            [program, *command[1:]],
            cwd=self.folder,
            env=self.variables,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=stderr,
            text=True,
        )


def commands_of(text: str) -> Iterator[tuple[str, str]]:
    """Yield each command and what is shown below it."""
    for part in re.split(r"^\$ ", text, flags=re.MULTILINE)[1:]:
        command, shown = re.fullmatch(r"((?:[^\n]*\\\n)*[^\n]*)\n?(.*)", part, re.DOTALL).groups()  # type: ignore[union-attr]
        yield command.replace("\\\n", " "), shown


def within(seconds: float, read: Callable[[], str], process: subprocess.Popen[str]) -> str:
    """Return what `read` returns, and end the process where that takes too long."""
    timer = threading.Timer(seconds, process.kill)
    timer.start()
    try:
        return read()
    finally:
        timer.cancel()


def assert_printed(shown: str, printed: str, place: str, *, vary: bool = False) -> None:
    """Compare what a page shows with what was printed; blanks at line ends and empty lines do not count."""
    pattern = r"[\s\S]*?".join(re.escape(part) for part in plain(shown, vary).split("..."))
    assert re.fullmatch(pattern, plain(printed, vary)), f"{place} shows\n{shown}\nbut this was printed\n{printed}"


def plain(text: str, vary: bool) -> str:
    """Return a text without what does not count; with `vary`, numbers as `#` and widths of tables as one blank."""
    text = "\n".join(line.rstrip() for line in text.splitlines() if line.strip())
    if not vary:
        return text
    return re.sub(r"(?m)^ | +$", "", re.sub(r"[ ─]+", " ", NUMBER.sub("#", text)))


def runs(page: Path) -> object:
    """Return a page as a parameter of a test: those that run commands take seconds."""
    slow = any(block.language == "console" for block in blocks(page))
    return pytest.param(page, marks=[pytest.mark.slow] if slow else [], id=page.relative_to(ROOT).as_posix())


@pytest.mark.skipif(sys.platform == "win32", reason="the pages show a POSIX shell")
@pytest.mark.parametrize("page", [runs(page) for page in PAGES])
def test_page(page: Path, tmp_path: Path) -> None:
    shutil.copytree(ROOT / "examples", tmp_path / "examples", ignore=shutil.ignore_patterns("__pycache__", "*.sqlite*"))
    visit = Visit(tmp_path)
    try:
        for block in blocks(page):
            visit.do(block)
    finally:
        visit.close()


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_blocks_say_what_they_are(page: Path) -> None:
    text = page.read_text(encoding="utf-8")

    assert text.count("```") == 2 * len(list(blocks(page))), "a fence is not closed, or not at the margin"
    for block in blocks(page):
        assert block.language in {"python", "yaml", "json", "console", "text"}, block.place
        assert all(re.fullmatch(r"output|campaign|lab|numbers=vary|(file|exit)=\S+", note) for note in block.notes), (
            block.place
        )


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_links_lead_somewhere(page: Path) -> None:
    outside = FENCE.sub("", page.read_text(encoding="utf-8"))
    for found in LINK.finditer(outside):
        path, _, anchor = found["to"].partition("#")
        if "://" in path:
            continue
        target = (page.parent / path).resolve() if path else page
        assert target.exists(), f"{page.relative_to(ROOT)}: {found['to']}"
        if anchor:
            assert anchor in anchors(target), f"{page.relative_to(ROOT)}: {found['to']}"


def anchors(page: Path) -> set[str]:
    """Return the anchors of a page's headings, as GitHub makes them."""
    headings = HEADING.findall(FENCE.sub("", page.read_text(encoding="utf-8")))
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def test_every_page_can_be_reached() -> None:
    reached, new = set[Path](), {ROOT / "README.md"}
    while new:
        page = new.pop()
        reached.add(page)
        for found in LINK.finditer(page.read_text(encoding="utf-8")):
            target = (page.parent / found["to"].partition("#")[0]).resolve()
            if target.suffix == ".md" and target.exists() and target not in reached:
                new.add(target)

    assert [page.relative_to(ROOT).as_posix() for page in PAGES if page not in reached] == []


@pytest.mark.parametrize(
    ("shown", "printed", "same"),
    [
        ("a\nb\n", "a\n\nb  \n", True),
        ("a ... c\n", "a b\nb c\n", True),
        ("...\nlast\n", "first\nsecond\nlast\n", True),
        ("a\n", "a\nb\n", False),
        ("3 trials\n", "4 trials\n", False),
        ("a ... c\n", "a b\n", False),
    ],
)
def test_comparing(shown: str, printed: str, same: bool) -> None:
    if same:
        assert_printed(shown, printed, "here")
    else:
        with pytest.raises(AssertionError, match="here shows"):
            assert_printed(shown, printed, "here")


def test_comparing_what_varies() -> None:
    assert_printed(" 3   4.77 ± 0.15 \n ──── \n", " 12  -0.3e-5 ± 1\n  ─\n", "here", vary=True)
    with pytest.raises(AssertionError, match="here shows"):
        assert_printed("3 trials\n", "4 attempts\n", "here", vary=True)


def test_finding_commands() -> None:
    text = "$ one \\\n  two\nshown\n\nmore\n$ three\n"

    assert list(commands_of(text)) == [("one    two", "shown\n\nmore\n"), ("three", "")]
