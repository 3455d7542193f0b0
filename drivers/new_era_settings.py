"""Settings of New Era syringe pumps; imports nothing heavy, so that files can be checked without ophyd."""

from __future__ import annotations

from typing import ClassVar, Final

from pydantic import Field

from autolab.drivers.settings import CountingPumpSettings, area_cm2

_FASTEST: Final = (
    5.1005  # plunger, cm/min: general knowledge of the NE-1000, agrees with its 1699 mL/h in a 60 mL syringe
)
_SLOWEST: Final = 0.004205 / 60  # plunger, cm/min: general knowledge, agrees with 0.73 uL/h in a 1 mL syringe


class NE1000Settings(CountingPumpSettings):
    """How a New Era NE-1000 (or WPI Aladdin AL-1000) and its syringe are set up."""

    instruments: ClassVar[str] = "New Era NE-1000 family, WPI Aladdin AL-1000; basic protocol, 0..99 on one bus"
    checked_with: ClassVar[tuple[str, ...]] = (
        "nesp-lib 2.0.0 (simulator)",
        "labmcp-new-era 0.1.2 (simulator)",
        "yaqd-new-era 2022.1.0 (simulator)",
    )
    from_memory: ClassVar[tuple[str, ...]] = ("slowest and fastest plunger speed",)

    syringe_mm: float = Field(ge=0.1, le=80, description="inner diameter of the syringe, mm", examples=[14.5])
    reversed: bool = Field(default=False, description="the syringe is mounted so that the pump's INF draws in")

    @property
    def area_cm2(self) -> float:
        """Cross-section of the syringe, cm^2."""
        return area_cm2(self.syringe_mm)

    @property
    def rate_range(self) -> tuple[float, float]:
        """Lowest and highest rate for this syringe, mL/min; the pump has the last word (`?OOR`)."""
        return self.area_cm2 * _SLOWEST, self.max_rate or self.area_cm2 * _FASTEST
