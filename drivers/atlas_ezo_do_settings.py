"""Settings of the EZO-DO circuit; imports nothing heavy, so that files can be checked without ophyd."""

from __future__ import annotations

from typing import ClassVar, Literal

from pydantic import Field, field_validator

from autolab.drivers.atlas_ezo_settings import COMPENSATION, CompensatedSettings, within_percent

Output = Literal["mg", "%"]
"""What a reading may hold, in its order: mg/L, percent of saturation."""
OUTPUTS: tuple[Output, ...] = ("mg", "%")


class DOSettings(CompensatedSettings):
    """How an EZO-DO circuit and its probe are set up."""

    instruments: ClassVar[str] = "Atlas Scientific EZO-DO, dissolved oxygen"
    checked_with: ClassVar[tuple[str, ...]] = (
        "ezo-driver 0.8.0 (simulator)",
        "labmcp-atlas-ezo 0.1.2 (simulator)",
        "labmcp-atlas-ezo 0.1.2 (driver)",
    )
    from_memory: ClassVar[tuple[str, ...]] = ("ranges of the compensations",)

    within_percent: float = within_percent()
    within_mg_L: float = Field(  # noqa: N815  the unit's symbol
        default=0.05, ge=0, description="readings that lie within so much (mg/L, or percent) agree in any case"
    )
    temperature_compensation_C: float = Field(  # noqa: N815  the unit's symbol
        default=20.0,
        gt=COMPENSATION[0],
        lt=COMPENSATION[1],
        description="temperature of the liquid, which mg/L depends on, degC; the circuit measures none",
    )
    salinity_PSU: float = Field(  # noqa: N815  the unit's symbol
        default=0.0, ge=0, le=100, description="salinity of the liquid, which mg/L depends on, PSU (ppt)"
    )
    pressure_bar: float = Field(
        default=1.013, ge=0.2, le=10, description="pressure of the air, which the saturation depends on, bar"
    )
    outputs: tuple[Output, ...] = Field(
        default=("mg",), min_length=1, description="what a reading holds: mg (mg/L), % (percent of saturation), or both"
    )
    limits: dict[Literal["oxygen", "saturation"], tuple[float, float]] = Field(
        default_factory=dict,
        description="lowest and highest oxygen (mg/L) and saturation (%); a reading outside is an alarm",
    )

    @field_validator("outputs")
    @classmethod
    def _in_order(cls, outputs: tuple[Output, ...]) -> tuple[Output, ...]:
        if len(set(outputs)) != len(outputs):
            msg = f"must hold each of {', '.join(OUTPUTS)} at most once, got {list(outputs)}"
            raise ValueError(msg)
        return tuple(output for output in OUTPUTS if output in outputs)
