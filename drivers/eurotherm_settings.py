"""Settings of Eurotherm controllers; imports nothing heavy, so that files can be checked without ophyd."""

from __future__ import annotations

from typing import ClassVar

from pydantic import Field

from autolab.drivers.thermostat_settings import ThermostatSettings
from autolab.model.roles import Role


class ControllerSettings(ThermostatSettings):
    """How an Eurotherm controller is talked to by EI-Bisynch, and when a temperature counts as reached."""

    role: ClassVar[Role] = "heater"
    instruments: ClassVar[str] = "Eurotherm 800, 900, 2200 and 2400 controllers set to EI-Bisynch"
    checked_with: ClassVar[tuple[str, ...]] = ("nomad-camels-driver-eurotherm-bisynch 0.1.0 (simulator)",)
    from_memory: ClassVar[tuple[str, ...]] = (
        "9600 7E1",
        "EOT answers a mnemonic that there is not",
        "numbers of errors in EE",
        "a set point outside LS..HS is not acknowledged",
    )

    off_C: float = Field(  # noqa: N815  the unit's symbol
        default=0.0,
        description="set point that is off: nothing on this wire switches it off, so there must be nothing to heat for, degC",
    )
    off_s: float = Field(
        default=60.0, gt=0, description="output that is not 0 so long after it was set off is an alarm, s of lab time"
    )
    decimals: int = Field(default=1, ge=0, le=2, description="decimals of its display, with which set points are sent")
    identity: str | None = Field(
        default=None, description="what it must answer to II, such as >2480; null to take any", examples=[">2480"]
    )
    tolerance_C: float = Field(  # noqa: N815  the unit's symbol
        default=0.5, gt=0, le=20, description="a temperature is reached when it is so near, degC"
    )
