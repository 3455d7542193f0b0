"""Settings of Zaber stages; imports nothing heavy, so that files can be checked without ophyd."""

from __future__ import annotations

from typing import ClassVar, Literal

from pydantic import Field

from autolab.drivers.settings import DriverSettings
from autolab.model.roles import Role


class StageSettings(DriverSettings):
    """How a Zaber stage moves."""

    instruments: ClassVar[str] = "Zaber stages and actuators with the ASCII protocol (X, A and T series, one axis each)"
    checked_with: ClassVar[tuple[str, ...]] = ("zaber.serial 0.9.1 (simulator)", "zaber-motion 10.3.0 (simulator)")
    from_memory: ClassVar[tuple[str, ...]] = (
        "units of `maxspeed` (1.6384 per microstep/s)",
        "what an axis without reference position rejects",
        "that a command with a wrong checksum is not answered",
        "that `warnings clear` clears a stall",
    )
    role: ClassVar[Role] = "stage"

    microstep_um: float = Field(
        gt=0, le=1000, description="size of a microstep, um: in the data sheet of the stage", examples=[0.047625]
    )
    axis: int = Field(default=1, ge=1, le=9, description="number of the axis at its controller")
    serial_number: int | None = Field(default=None, description="serial number that it must tell; null for any")
    speed_mm_s: float | None = Field(
        default=None, gt=0, description="speed of moves, mm/s; null for the one that is set at the stage"
    )
    tolerance_mm: float = Field(default=0.005, gt=0, description="a position is reached when it is so near, mm")
    timeout_s: float = Field(default=120.0, gt=0, description="a move that takes longer is stopped, s of lab time")
    poll_s: float = Field(default=0.1, gt=0, description="between two looks during a move, s of lab time")
    checksum: bool = Field(
        default=True, description="send a checksum with each command; a checksum in a reply is always checked"
    )
    limits: dict[Literal["position"], tuple[float, float]] = Field(
        default_factory=dict, description="lowest and highest position, mm"
    )
