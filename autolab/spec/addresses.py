"""Addresses files: where the simulators of a virtual lab, served by another process, can be reached."""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field

from autolab.drivers.addresses import Address
from autolab.model.errors import Fault, FaultyFile
from autolab.spec.document import read_document
from autolab.spec.explain import validate
from autolab.spec.findings import Findings
from autolab.spec.grammar import FileModel, Number, Whole


class AddressesModel(FileModel):
    """Where simulated instruments answer; written by `autolab simulate`."""

    simulated: Literal[True] = Field(examples=[True])
    """Always true: real instruments' addresses stand in the lab file."""
    pid: Annotated[Whole, Field(gt=0)] = Field(examples=[4711])
    """Process that serves them."""
    speed: Annotated[Number, Field(gt=0)] = Field(1.0, examples=[60])
    """Lab seconds a wall second."""
    instruments: Annotated[dict[str, str], Field(min_length=1)] = Field(examples=[{"balance": "serial:///dev/pts/4"}])
    """Instrument -> address."""


def load_addresses(path: Path | str) -> AddressesModel:
    """Read an addresses file.

    Raises:
        FaultyFile: With all its faults.
    """
    faults: list[Fault] = []
    document = read_document(path, faults)
    model = None
    if document is not None:
        findings = Findings(document, faults)
        model = validate(AddressesModel, document.data, findings)
        for name, address in model.instruments.items() if model else ():
            with findings.at(("instruments", name)):
                Address.parse(address)
    if faults or model is None:
        raise FaultyFile(faults)
    return model


def write_addresses(path: Path | str, instruments: Mapping[str, str], *, pid: int, speed: float = 1.0) -> None:
    """Write an addresses file in one step: a reader sees all of it or nothing."""
    path = Path(path)
    model = AddressesModel(simulated=True, pid=pid, speed=speed, instruments=dict(instruments))
    handle, beside = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    with os.fdopen(handle, "w", encoding="utf-8") as stream:
        stream.write(json.dumps(model.model_dump(), indent=2) + "\n")
    Path(beside).replace(path)
