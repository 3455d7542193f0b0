"""Settings of New Era syringe pumps; imports nothing heavy, so that files can be checked without ophyd."""

from __future__ import annotations

import math
from typing import ClassVar, Final, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from autolab.model.roles import Role

_FASTEST: Final = (
    5.1005  # plunger, cm/min: general knowledge of the NE-1000, agrees with its 1699 mL/h in a 60 mL syringe
)
_SLOWEST: Final = 0.004205 / 60  # plunger, cm/min: general knowledge, agrees with 0.73 uL/h in a 1 mL syringe


class NE1000Settings(BaseModel):
    """How a New Era NE-1000 (or WPI Aladdin AL-1000) and its syringe are set up."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    role: ClassVar[Role] = "pump"

    syringe_mm: float = Field(ge=0.1, le=80, description="inner diameter of the syringe, mm", examples=[14.5])
    volume_mL: float = Field(gt=0, le=9999, description="capacity of the syringe, mL", examples=[10.0])  # noqa: N815  the unit's symbol
    contents_mL: float = Field(default=0.0, ge=0, description="what the syringe holds at the very first start, mL")  # noqa: N815  the unit's symbol
    stock: str | None = Field(default=None, description="what it draws from, as the lab's plumbing calls it")
    refill: Literal["check_valve", "none"] = Field(
        default="none",
        description="check_valve: drawing in refills from the stock, pushing goes to the outlet; none: one line for both",
    )
    max_rate: float | None = Field(
        default=None, gt=0, description="highest rate, mL/min; by default the pump's for this syringe"
    )
    reversed: bool = Field(default=False, description="the syringe is mounted so that the pump's INF draws in")
    poll_s: float = Field(
        default=0.5, gt=0, description="between two looks whether the pump has stopped, s of lab time"
    )
    watch_s: float = Field(
        default=15.0, gt=0, description="between two looks while it has to move anyway, s of lab time"
    )
    limits: dict[Literal["rate", "volume"], tuple[float, float]] = Field(
        default_factory=dict, description="lowest and highest rate (mL/min) and volume (mL) of one command"
    )

    @model_validator(mode="after")
    def _consistent(self) -> NE1000Settings:
        if self.contents_mL > self.volume_mL:
            msg = f"contents_mL {self.contents_mL:g} is more than the syringe holds (volume_mL {self.volume_mL:g})"
            raise ValueError(msg)
        for quantity, (low, high) in self.limits.items():
            if not 0 <= low <= high:
                msg = f"limits of {quantity} must be 0 <= low <= high, got [{low:g}, {high:g}]"
                raise ValueError(msg)
        return self

    @property
    def area_cm2(self) -> float:
        """Cross-section of the syringe, cm^2."""
        return math.pi / 4 * (self.syringe_mm / 10) ** 2

    @property
    def rate_range(self) -> tuple[float, float]:
        """Lowest and highest rate for this syringe, mL/min; the pump has the last word (`?OOR`)."""
        return self.area_cm2 * _SLOWEST, self.max_rate or self.area_cm2 * _FASTEST
