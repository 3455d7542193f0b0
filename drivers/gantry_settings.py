"""What the settings of all gantries have in common; imports nothing heavy."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar, Literal

from pydantic import Field

from autolab.drivers.settings import DriverSettings
from autolab.model.roles import Role


class GantryBaseSettings(DriverSettings):
    """How a gantry of three axes moves."""

    role: ClassVar[Literal[""]] = ""
    components: ClassVar[Mapping[str, Role]] = {"x": "stage", "y": "stage", "z": "stage"}

    speed_mm_s: float = Field(default=10.0, gt=0, description="speed of moves, mm/s; the controller may allow less")
    tolerance_mm: float = Field(default=0.02, gt=0, description="a position is reached when it is so near, mm")
    timeout_s: float = Field(default=120.0, gt=0, description="a move that takes longer is stopped, s of lab time")
    home_timeout_s: float = Field(default=180.0, gt=0, description="likewise for homing, s of lab time")
    poll_s: float = Field(default=0.25, ge=0.2, description="between two looks during a move, s of lab time")
    boot_s: float = Field(
        default=2.0,
        ge=0,
        le=30,
        description="time that the board may need to start, as many do when a port is opened, s",
    )
    limits: dict[Literal["x", "y", "z"], tuple[float, float]] = Field(
        default_factory=dict, description="lowest and highest position of each axis, mm"
    )
