"""JSON Schema of the files, from the models that check them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel

from autolab.spec.addresses import AddressesModel
from autolab.spec.campaign_model import CampaignModel
from autolab.spec.lab_model import LabModel

FileKind = Literal["campaign", "lab", "addresses"]
MODELS: dict[FileKind, type[BaseModel]] = {"campaign": CampaignModel, "lab": LabModel, "addresses": AddressesModel}


def schema(kind: FileKind) -> dict[str, Any]:
    """Return the JSON Schema (draft 2020-12) of a kind of file.

    >>> schema("lab")["required"]
    ['autolab', 'instruments']
    """
    head = {"$schema": "https://json-schema.org/draft/2020-12/schema"}
    return head | MODELS[kind].model_json_schema(by_alias=True)


def schema_text(kind: FileKind) -> str:
    """Return the JSON Schema as the text of its file."""
    return json.dumps(schema(kind), indent=2, ensure_ascii=False) + "\n"


def write_schemas(folder: Path) -> list[Path]:
    """Write `<kind>.schema.json` for each kind of file and return the paths."""
    folder.mkdir(parents=True, exist_ok=True)
    written = []
    for kind in MODELS:
        path = folder / f"{kind}.schema.json"
        path.write_text(schema_text(kind), encoding="utf-8", newline="\n")
        written.append(path)
    return written
