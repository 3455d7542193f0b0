"""Settings of Atlas Scientific EZO circuits; imports nothing heavy, so that files can be checked without ophyd."""

from __future__ import annotations

from typing import ClassVar, Literal

from pydantic import Field, field_validator

from autolab.drivers.settings import DriverSettings
from autolab.model.roles import Role

Output = Literal["EC", "TDS", "S", "SG"]
"""What an EZO-EC can put into a reading, in the order in which it does: conductivity, dissolved solids, salinity,
relative density."""
OUTPUTS: tuple[Output, ...] = ("EC", "TDS", "S", "SG")


class EZOSettings(DriverSettings):
    """How the circuits of the family are read: common to all of them."""

    role: ClassVar[Role] = "sensor"

    stability: Literal["stable", "immediate"] = Field(
        default="stable",
        description="stable: read until readings agree; immediate: take one reading",
    )
    agreeing: int = Field(default=3, ge=2, le=100, description="so many readings in a row must agree")
    timeout_s: float = Field(
        default=60.0, gt=0, le=3600, description="after that the last reading is taken, with stable = false, s"
    )
    readings_s: float = Field(default=1.0, ge=0, le=600, description="from one reading to the next, s of lab time")
    device_name: str | None = Field(
        default=None, description="refuse a circuit that was given another name; by default any is taken"
    )


COMPENSATION = (-20.0, 200.0)
"""Temperatures between which a circuit is told to compensate, degC."""


class CompensatedSettings(EZOSettings):
    """Of circuits that compensate for a temperature."""

    temperature_compensation_C: float = Field(  # noqa: N815  the unit's symbol
        default=25.0, gt=COMPENSATION[0], lt=COMPENSATION[1], description="temperature for which it compensates, degC"
    )


def within_percent(default: float = 0.5) -> float:
    """Return the setting of circuits whose readings agree within a part of themselves."""
    field: float = Field(default, ge=0, le=50, description="they agree when they lie within so much of their mean, %")
    return field


class ECSettings(CompensatedSettings):
    """How an EZO-EC conductivity circuit and its probe are set up."""

    instruments: ClassVar[str] = "Atlas Scientific EZO-EC, conductivity"
    checked_with: ClassVar[tuple[str, ...]] = ("ezo-driver 0.8.0 (simulator)",)
    from_memory: ClassVar[tuple[str, ...]] = ("numbers of the datasheet",)

    within_percent: float = within_percent()
    cell_constant: float = Field(
        default=1.0, ge=0.1, le=10, description="constant K of the probe, 1/cm", examples=[0.1, 1.0, 10.0]
    )
    temperature_compensation_C: float = Field(  # noqa: N815  the unit's symbol
        default=25.0,
        gt=COMPENSATION[0],
        lt=COMPENSATION[1],
        description="the circuit converts readings from this temperature to 25 degC as for water; 25: it leaves them alone",
    )
    outputs: tuple[Output, ...] = Field(
        default=("EC",), description="what a reading holds: EC, and any of TDS, S (salinity), SG (relative density)"
    )
    tds_factor: float = Field(
        default=0.54,
        ge=0.01,
        le=1.0,
        description="dissolved solids per conductivity, ppm per uS/cm; used with TDS only",
    )
    within_mS_cm: float = Field(  # noqa: N815  the unit's symbol
        default=0.002, ge=0, description="readings that lie within so much agree in any case, mS/cm"
    )
    limits: dict[Literal["conductivity"], tuple[float, float]] = Field(
        default_factory=dict, description="lowest and highest conductivity, mS/cm; a reading outside is an alarm"
    )

    @field_validator("outputs")
    @classmethod
    def _with_conductivity(cls, outputs: tuple[Output, ...]) -> tuple[Output, ...]:
        if "EC" not in outputs or len(set(outputs)) != len(outputs):
            msg = f"must hold EC, and each of {', '.join(OUTPUTS)} at most once, got {list(outputs)}"
            raise ValueError(msg)
        return tuple(output for output in OUTPUTS if output in outputs)
