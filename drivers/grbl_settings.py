"""Settings of gantries with a GRBL controller; imports nothing heavy."""

from __future__ import annotations

from typing import ClassVar

from pydantic import Field

from autolab.drivers.gantry_settings import GantryBaseSettings


class GantrySettings(GantryBaseSettings):
    """How a gantry with a GRBL 1.1 controller moves."""

    instruments: ClassVar[str] = "gantries and CNC machines with a GRBL 1.1 controller"
    checked_with: ClassVar[tuple[str, ...]] = ("pygrbl_streamer 1.0.5 (simulator)", "grbl-link 0.1.4 (simulator)")
    from_memory: ClassVar[tuple[str, ...]] = ("the order in which homing goes for its switches",)

    homing: bool = Field(
        default=True, description="the machine has homing switches; false: its zero is where it was switched on"
    )
