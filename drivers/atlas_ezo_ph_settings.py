"""Settings of the EZO-pH circuit; imports nothing heavy, so that files can be checked without ophyd."""

from __future__ import annotations

from typing import ClassVar, Literal

from pydantic import Field

from autolab.drivers.atlas_ezo_settings import CompensatedSettings


class PHSettings(CompensatedSettings):
    """How an EZO-pH circuit and its electrode are read."""

    instruments: ClassVar[str] = "Atlas Scientific EZO-pH, pH"
    checked_with: ClassVar[tuple[str, ...]] = (
        "ezo-driver 0.8.0 (simulator)",
        "labmcp-atlas-ezo 0.1.2 (simulator)",
        "labmcp-atlas-ezo 0.1.2 (driver)",
    )
    from_memory: ClassVar[tuple[str, ...]] = ("what a circuit does with calibration points out of order",)

    within_pH: float = Field(  # noqa: N815  the quantity's symbol
        default=0.01, gt=0, le=1, description="readings agree when they lie within so much"
    )
    extended_range: bool = Field(
        default=False, description="read -1.6 to 15.6 in place of 0 to 14; older firmware cannot"
    )
    limits: dict[Literal["pH"], tuple[float, float]] = Field(
        default_factory=dict, description="lowest and highest pH; a reading outside is an alarm"
    )
