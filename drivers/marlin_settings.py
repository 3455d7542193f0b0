"""Settings of gantries with a Marlin controller; imports nothing heavy."""

from __future__ import annotations

from typing import ClassVar

from pydantic import Field

from autolab.drivers.gantry_settings import GantryBaseSettings


class GantrySettings(GantryBaseSettings):
    """How a gantry with a Marlin controller moves."""

    instruments: ClassVar[str] = "gantries and printers with Marlin 1.1 or 2, and firmware that speaks like it"
    checked_with: ClassVar[tuple[str, ...]] = ("marlin-host 0.2.1 (simulator)", "OctoPrint 1.11.8 (driver)")
    from_memory: ClassVar[tuple[str, ...]] = (
        "that targets outside the travel are clipped silently",
        "what a killed controller says",
        "that motors are released after a time, with the reference",
    )

    homing: bool = Field(
        default=True,
        description="refuse places until the machine was homed; false: its zero is where it was switched on",
    )
