"""Settings of Modbus temperature controllers; imports nothing heavy, so that files can be checked without ophyd."""

from __future__ import annotations

from typing import ClassVar, Literal

from pydantic import Field

from autolab.drivers.thermostat_settings import ThermostatSettings
from autolab.model.roles import Role


class ControllerSettings(ThermostatSettings):
    """Which controller it is, how Modbus is framed, and when a temperature counts as reached."""

    role: ClassVar[Role] = "heater"
    instruments: ClassVar[str] = (
        "any temperature controller with Modbus; maps come along for Eurotherm 2400 and Watlow PM"
    )
    checked_with: ClassVar[tuple[str, ...]] = (
        "minimalmodbus 2.1.1 (simulator)",
        "pymodbus 3.16.1 (simulator)",
        "pymodbus 3.16.1 (driver)",
    )
    from_memory: ClassVar[tuple[str, ...]] = (
        "Eurotherm 2400: identity in registers 121 and 122, 0 and 1 in 273",
        "Watlow PM: 10 and 54 in 1880",
    )

    map: str = Field(
        description="register map: one that comes along, or a path to your own, ending in .yaml",
        examples=["eurotherm_2400"],
    )
    framing: Literal["rtu", "tcp"] = Field(
        default="rtu", description="rtu: on a serial line, or a plain tunnel of one; tcp: Modbus TCP, with its header"
    )
    identity: tuple[int, ...] | None = Field(
        default=None, description="what the map's mark must hold, register by register; null to take any"
    )
    tolerance_C: float = Field(  # noqa: N815  the unit's symbol
        default=0.5, gt=0, le=20, description="a temperature is reached when it is so near, degC"
    )
