"""`autolab init`."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from autolab.cli.console import say, say_json
from autolab.cli.failures import command
from autolab.cli.targets import AsJson
from autolab.model.errors import InputError

if TYPE_CHECKING:
    from importlib.resources.abc import Traversable

Template = Literal["function", "virtual", "physical"]
SCHEMAS = ".autolab"
ENDING = ".template"
"""Of templates that no tool may take for what they will be."""
NEXT: dict[Template, str] = {
    "function": "python campaign.py",
    "virtual": "autolab check campaign.yaml, autolab rehearse campaign.yaml, autolab run campaign.yaml",
    "physical": "fill in the addresses in lab.yaml; autolab check campaign.yaml, autolab rehearse campaign.yaml",
}


@command
def init(
    folder: Annotated[Path, typer.Argument(help="Where to write; made if it is not there.")],
    template: Annotated[Template, typer.Option(help="What kind of campaign.")] = "virtual",
    as_json: AsJson = False,
) -> None:
    """Write a small project that works: campaign, lab, README, and schemas for editors. Nothing is overwritten."""
    written = write_project(folder, template)
    if as_json:
        say_json({"template": template, "files": [str(path) for path in written]})
        return
    for path in written:
        say(f"wrote {path}")
    say(f"Next, in {folder}: {NEXT[template]}")


def write_project(folder: Path, template: Template) -> list[Path]:
    """Write a template's files and return them.

    Raises:
        InputError: One is there already, or the folder cannot be written; then nothing is written.
    """
    texts = {folder / name: text for name, text in _texts(template).items()}
    if folder.exists() and not folder.is_dir():
        msg = f"{folder} is a file: name a folder"
        raise InputError(msg)
    there = [str(path) for path in texts if path.exists()]
    if there:
        msg = f"{', '.join(there)}: there already, and nothing was written. Name another folder, or move them away"
        raise InputError(msg)
    try:
        for path, text in texts.items():
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8", newline="\n")
    except OSError as error:
        msg = f"{folder}: cannot be written: {error.strerror or error}. Name a folder that you may write to"
        raise InputError(msg) from error
    return list(texts)


def _texts(template: Template) -> dict[str, str]:
    """Return the texts of the files, by their path in the folder."""
    home = files("autolab") / "templates"
    found = {one.name.removesuffix(ENDING): _text(one) for one in (home / template).iterdir() if one.is_file()}
    found[".gitignore"] = _text(home / f"gitignore{ENDING}")
    if "campaign.yaml" in found:
        from autolab.spec.schema import schema_text

        found |= {f"{SCHEMAS}/{kind}.schema.json": schema_text(kind) for kind in ("campaign", "lab")}
    return dict(sorted(found.items()))


def _text(file: Traversable) -> str:
    return file.read_text(encoding="utf-8")
