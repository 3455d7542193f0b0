"""Settings of the EZO-RTD circuit; imports nothing heavy, so that files can be checked without ophyd."""

from __future__ import annotations

from typing import ClassVar, Literal

from pydantic import Field

from autolab.drivers.atlas_ezo_settings import EZOSettings


class RTDSettings(EZOSettings):
    """How an EZO-RTD circuit and its probe are read."""

    instruments: ClassVar[str] = "Atlas Scientific EZO-RTD, temperature"
    checked_with: ClassVar[tuple[str, ...]] = (
        "ezo-driver 0.8.0 (simulator)",
        "labmcp-atlas-ezo 0.1.2 (simulator)",
        "labmcp-atlas-ezo 0.1.2 (driver)",
    )
    from_memory: ClassVar[tuple[str, ...]] = ("that a missing probe reads -1023 in every scale",)

    within_C: float = Field(  # noqa: N815  the unit's symbol
        default=0.05, gt=0, le=10, description="readings agree when they lie within so much, degC"
    )
    limits: dict[Literal["temperature"], tuple[float, float]] = Field(
        default_factory=dict, description="lowest and highest temperature, degC; a reading outside is an alarm"
    )
