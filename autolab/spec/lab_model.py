"""The lab file, declared once: validation, documentation and JSON Schema come from here."""

from __future__ import annotations

import datetime
import re
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Discriminator, Field, Tag, model_validator

from autolab.model.stocks import MOLAR_MASS
from autolab.spec.findings import one_of
from autolab.spec.grammar import FileModel, Limits, Number, OpenFileModel, Range, Scalar, Whole, shape, wrong

_EXACTLY = 1e-6  # mass fractions add up to 1 this closely


def _solvents(shares: dict[str, float]) -> dict[str, float]:
    for name in shares:
        if name in MOLAR_MASS:
            raise wrong(f"{name!r} is a salt, got {shares[name]:g}", f"Write `salts: {{{name}: <mol/kg>}}`", name)
    total = sum(shares.values())
    if abs(total - 1) > _EXACTLY:
        told = ", ".join(f"{name} {share:g}" for name, share in shares.items())
        raise wrong(f"mass fractions must add up to 1, not {total:g} ({told})", "Correct one of them")
    return shares


def _salts(amounts: dict[str, float]) -> dict[str, float]:
    for name in amounts:
        if name not in MOLAR_MASS:
            raise wrong(f"unknown salt {name!r}", one_of(name, MOLAR_MASS), name)
    return amounts


Share = Annotated[Number, Field(ge=0, le=1)]
Amount = Annotated[Number, Field(ge=0)]


class StockModel(FileModel):
    """A solution of known composition that pumps draw from a bottle."""

    solvents: Annotated[dict[str, Share], Field(min_length=1), AfterValidator(_solvents)] = Field(
        examples=[{"EC": 0.5, "EMC": 0.5}]
    )
    """Solvent -> mass fraction of the solvent; they add up to 1."""
    salts: Annotated[dict[str, Amount], AfterValidator(_salts)] = Field(default_factory=dict, examples=[{"LiPF6": 2.0}])
    """Salt -> mol per kg of solvent."""
    density: Annotated[Number, Field(gt=0.2, lt=5)] = Field(examples=[1.142])
    """Of the solution at room temperature, g/mL."""
    price_per_mL: Amount = Field(0.0, examples=[0.45])  # noqa: N815  the unit's symbol
    """What 1 mL costs, in the lab's currency."""
    loaded_mL: Amount | None = Field(None, examples=[500])  # noqa: N815  the unit's symbol
    """What was loaded since the campaign began, mL; raise it when more is loaded. Not pinned."""

    @model_validator(mode="after")
    def _apart(self) -> StockModel:
        both = [name for name in self.salts if name in self.solvents]
        if both:
            raise wrong(f"{both[0]!r} cannot be both solvent and salt", "Remove one of the two", "salts", both[0])
        return self


def _day(text: str) -> str:
    try:
        datetime.date.fromisoformat(text)
    except ValueError:
        raise wrong(f"{text!r} is no day", "Write it as `2026-11-03`") from None
    return text


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
    calibrated: Annotated[str, AfterValidator(_day)] | None = Field(None, examples=["2026-11-03"])
    """Day of its last calibration; `autolab lab doctor` tells its age. Not pinned."""
    calibrate_every_days: Annotated[Number, Field(gt=0)] | None = Field(None, examples=[90])
    """How long a calibration lasts; after that the doctor calls it overdue. Not pinned."""


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


Count = Annotated[Whole, Field(ge=1)]


def _expression(text: str) -> str:
    try:
        re.compile(text)
    except re.error as error:
        raise wrong(f"{text!r} is no regular expression: {error}", "Write one as Python's `re` takes it") from None
    return text


class FaultModel(FileModel):
    """Something that goes wrong in the virtual lab, and when; several conditions must all hold."""

    kind: Literal[
        "late",
        "drop",
        "truncate",
        "garble",
        "duplicate",
        "hang",
        "disconnect",
        "unheard",
        "power_cycle",
        "stuck",
        "frozen",
        "drift",
    ] = Field(examples=["drop"])
    """What happens: to a reply (`late` to `duplicate`), the line (`hang`, `disconnect`, `unheard`) or the apparatus."""
    instrument: str | None = Field(None, examples=["pump"])
    """To which instrument; by default to all."""
    nth: Count | None = Field(None, examples=[3])
    """At this operation, once: a reply, or for `unheard`, `power_cycle` and the apparatus a command."""
    every: Count | None = Field(None, examples=[100])
    """At each so many-th operation."""
    window: Range | None = Field(None, examples=[[3600, 7200]])
    """Only within these lab times since the virtual lab was made, s."""
    matches: Annotated[str, AfterValidator(_expression)] | None = Field(None, examples=["RUN"])
    """Only where the command holds this regular expression."""
    probability: Annotated[Number, Field(ge=0, le=1)] | None = Field(None, examples=[0.01])
    """Of each operation; drawn from the campaign's seed, the same each time."""
    times: Count | None = Field(None, examples=[1])
    """How often at most."""
    seconds: Amount | None = Field(None, examples=[2.5])
    """How much later a reply is, or for how long it lasts, s of lab time."""
    amount: Number | None = Field(None, examples=[0.05])
    """Of a `drift`: share of the value an hour."""


class VirtualModel(OpenFileModel):
    """What answers in the virtual lab; further keys are the world's own settings."""

    world: str = Field(examples=["dosing"])
    """Key of a world: the simulated physics."""
    vessels: dict[str, dict[str, Any]] = Field(default_factory=dict, examples=[{"beaker": {"volume_mL": 100}}])
    """Vessel -> what the world must know of it."""
    noise: Annotated[Number, Field(ge=0)] = Field(1.0, examples=[1.0])
    """Scales all randomness of the world; 0 for none."""
    faults: list[FaultModel] | None = Field(None, examples=[[{"kind": "drop", "instrument": "pump", "nth": 3}]])
    """What goes wrong, to rehearse it."""


class LabModel(FileModel):
    """A lab: named instruments, what they are joined to, and how it is made safe."""

    autolab: Literal[1] = Field(examples=[1])
    """Version of this file's grammar."""
    instruments: Annotated[dict[str, InstrumentModel], Field(min_length=1)] = Field(
        examples=[{"balance": {"driver": "mettler_toledo.Balance", "address": "serial://COM4"}}]
    )
    """The instruments by name."""
    plumbing: dict[str, Places] = Field(default_factory=dict, examples=[{"waste": ["beaker", "drain"]}])
    """Instrument -> the vessel that it is joined to or stands at, or [from, to]."""
    interlocks: list[InterlockModel] = Field(default_factory=list, examples=[[{"if": "balance.weight >= 190"}]])
    """Conditions that stop everything."""
    stocks: dict[str, StockModel] = Field(
        default_factory=dict, examples=[{"PC": {"solvents": {"PC": 1.0}, "density": 1.205, "loaded_mL": 500}}]
    )
    """Solutions by the names that pumps give as their `stock`. What is no solution of known composition stays out."""
    safe_order: list[str] = Field(default_factory=list, examples=[["dosing", "waste"]])
    """Instruments in the order in which they are made safe; the others come after."""
    virtual: VirtualModel | None = Field(None, examples=[{"world": "dosing"}])
    """What answers in the virtual lab; without it there is only the physical one."""
