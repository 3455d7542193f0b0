"""Settings of instruments behind EPICS; imports nothing heavy, so that files can be checked without ophyd or EPICS."""

from __future__ import annotations

from typing import ClassVar, Literal

from pydantic import Field

from autolab.drivers.settings import DriverSettings
from autolab.model.roles import Role


class EpicsSettings(DriverSettings):
    """What all instruments behind Channel Access need to know."""

    on_wire: ClassVar[bool] = False

    unit: str | None = Field(
        default=None, description="unit that it must tell (EGU); by default any, and numbers mean what it says"
    )
    connect_s: float = Field(default=5.0, gt=0, description="so long its names are looked for, s of wall time")
    reply_s: float = Field(default=3.0, gt=0, description="so long an answer may take, s of wall time")
    timeout_s: float = Field(
        default=120.0, gt=0, description="a value that is not reached within so long is an alarm, s of lab time"
    )
    poll_s: float = Field(default=0.2, gt=0, description="between two looks, s of lab time")


class MotorSettings(EpicsSettings):
    """How a motor record is used."""

    role: ClassVar[Role] = "stage"
    instruments: ClassVar[str] = "any axis behind an EPICS motor record"
    checked_with: ClassVar[tuple[str, ...]] = ("caproto 1.3.0 fake_motor_record (driver)",)
    from_memory: ClassVar[tuple[str, ...]] = (
        "that equal soft limits are none",
        "what a record does that refuses (LVIO)",
    )

    tolerance: float = Field(default=0.01, gt=0, description="a position is reached when it is so near, in its unit")
    settle_s: float = Field(
        default=1.0, ge=0, description="a motor that says so long that it is done is, s of lab time"
    )
    limits: dict[Literal["position"], tuple[float, float]] = Field(
        default_factory=dict, description="lowest and highest position, in its unit; beside its own soft limits"
    )


class PVSettings(EpicsSettings):
    """How a process variable is used."""

    role: ClassVar[Role] = "sensor"
    instruments: ClassVar[str] = "any number or text behind EPICS Channel Access"
    checked_with: ClassVar[tuple[str, ...]] = ("caproto 1.3.0 fake_motor_record (driver)",)

    kind: Literal["number", "text"] = Field(default="number", description="what it holds")
    write: Literal["no", "absolute", "once"] = Field(
        default="no",
        description="no: it is read only; absolute: a set point, which can be written again; once: writing it does something each time",
    )
    readback: str | None = Field(
        default=None, description="name of another variable that tells what came of a set point; by default itself"
    )
    tolerance: float = Field(default=1e-6, ge=0, description="a number is reached when it is so near, in its unit")
    safe_value: float | str | None = Field(
        default=None, description="what making safe writes; null: it leaves the value as it is"
    )
    limits: dict[Literal["value"], tuple[float, float]] = Field(
        default_factory=dict, description="lowest and highest number that may be written, in its unit"
    )
