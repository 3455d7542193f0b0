"""The lab file, declared once: validation, documentation and JSON Schema come from here."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Discriminator, Field, Tag

from autolab.spec.grammar import FileModel, Limits, Number, OpenFileModel, Scalar, shape


class InstrumentModel(OpenFileModel):
    """One instrument; further keys are its driver's own settings."""

    driver: str = Field(examples=["new_era.NE1000"])
    """Key of a driver."""
    address: str = Field(examples=["serial:///dev/ttyUSB0?bus=1"])
    """Where it is connected: `serial://COM4`, `serial:///dev/ttyUSB0?bus=1`, `tcp://host:port`. Not pinned."""
    limits: dict[str, Limits] = Field(default_factory=dict, examples=[{"rate": [0.01, 20]}])
    """Quantity or component -> [least, greatest] value; narrows the driver's own limits, in the same unit."""
    safe: dict[str, Scalar] = Field(default_factory=dict, examples=[{"heater": "off"}])
    """Component -> what makes it safe. `on` and `off` are texts here."""


class InterlockModel(FileModel):
    """A condition that stops everything until a person resets it: a second line, not the safety system."""

    if_: str = Field(alias="if", examples=["plate.heater > 65"])
    """`instrument.signal`, one of `>`, `>=`, `<`, `<=`, and a number in the signal's unit."""
    then: Literal["make_safe"] = Field("make_safe", examples=["make_safe"])
    """What is done."""


Places = Annotated[
    Annotated[str, Tag("<text>")] | Annotated[list[str], Field(min_length=2, max_length=2), Tag("<list>")],
    Discriminator(shape),
]


class VirtualModel(OpenFileModel):
    """What answers in the virtual lab; further keys are the world's own settings."""

    world: str = Field(examples=["dosing"])
    """Key of a world: the simulated physics."""
    vessels: dict[str, dict[str, Any]] = Field(default_factory=dict, examples=[{"beaker": {"volume_mL": 100}}])
    """Vessel -> what the world must know of it."""
    noise: Annotated[Number, Field(ge=0)] = Field(1.0, examples=[1.0])
    """Scales all randomness of the world; 0 for none."""


class LabModel(FileModel):
    """A lab: named instruments, what they are joined to, and how it is made safe."""

    autolab: Literal[1] = Field(examples=[1])
    """Version of this file's grammar."""
    instruments: Annotated[dict[str, InstrumentModel], Field(min_length=1)] = Field(
        examples=[{"balance": {"driver": "mettler_toledo.Balance", "address": "serial://COM4"}}]
    )
    """The instruments by name."""
    plumbing: dict[str, Places] = Field(default_factory=dict, examples=[{"waste": ["beaker", "drain"]}])
    """Instrument -> the vessel it is joined to, or [from, to]."""
    interlocks: list[InterlockModel] = Field(default_factory=list, examples=[[{"if": "balance.weight >= 190"}]])
    """Conditions that stop everything."""
    safe_order: list[str] = Field(default_factory=list, examples=[["dosing", "waste"]])
    """Instruments in the order in which they are made safe; the others come after."""
    virtual: VirtualModel | None = Field(None, examples=[{"world": "dosing"}])
    """What answers in the virtual lab; without it there is only the physical one."""
