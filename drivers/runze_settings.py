"""Settings of Runze valves; imports nothing heavy, so that files can be checked without ophyd."""

from __future__ import annotations

from typing import ClassVar

from pydantic import Field

from autolab.drivers.rotary_valve_settings import Place, RotaryValveSettings


class ValveSettings(RotaryValveSettings):
    """How a Runze valve is set up."""

    instruments: ClassVar[str] = (
        "Runze SV-06 selector valves (6, 8, 10, 12, 16 ports), and the valve of a Smart SY-01 pump"
    )
    checked_with: ClassVar[tuple[str, ...]] = ("flowchem 1.1.6 (simulator)", "matterlab-valves 1.2.1 (simulator)")
    from_memory: ClassVar[tuple[str, ...]] = (
        "what it tells of its port while it turns and where it is homed",
        "how its version is written",
        "the way of 0xA4",
    )

    positions: int = Field(ge=2, le=32, description="how many ports the head has", examples=[6, 10])
    device_address: int = Field(
        default=0, ge=0, le=0x7F, description="its address; the bus number of the lab file's address has precedence"
    )

    @property
    def places(self) -> tuple[Place, ...]:
        """Every position that it has; `home` connects no port."""
        return (*range(1, self.positions + 1), "home")
