"""Settings of Harvard Apparatus and KDS syringe pumps; imports nothing heavy, so that files can be checked without ophyd."""

from __future__ import annotations

from typing import ClassVar, Final, Literal

from pydantic import Field, model_validator

from autolab.drivers.settings import SyringePumpSettings, area_cm2

STEP_CM: Final = 2.54 / 24 / (400 * 16 * 2.4)
"""One step of the motor, cm of travel: 24 threads per inch, 400 steps a turn in 16, pulleys 2.4:1 (its `metrics`)."""
_SLOWEST: Final = 60 * STEP_CM / 27.0  # plunger, cm/min: one step in 27 s (its `metrics`)
_FASTEST: Final = 60 * STEP_CM / 26e-6  # plunger, cm/min: one step in 26 us (its `metrics`)


class Elite11Settings(SyringePumpSettings):
    """How a Harvard Apparatus Pump 11 Elite (or KDS Legato) and its syringe are set up."""

    instruments: ClassVar[str] = "Harvard Apparatus Pump 11 Elite, KDS Legato; pump chain commands, 0..99 on one chain"
    checked_with: ClassVar[tuple[str, ...]] = (
        "flowchem 1.1.6 (simulator)",
        "python-syringe-pump 0.2.1 (simulator)",
    )
    from_memory: ClassVar[tuple[str, ...]] = (
        "counters, target and polling mode are lost with power",
        "`stp` clears a stall",
        "a target counts from where its counter was cleared",
        "the name that a Legato gives",
    )

    syringe_mm: float = Field(ge=0.1, le=33, description="inner diameter of the syringe, mm", examples=[14.43])
    refill: Literal["check_valve", "none"] = Field(
        default="none",
        description="check_valve: drawing in refills from the stock, pushing goes to the outlet; none: one line for both",
    )
    force: int | None = Field(
        default=None,
        ge=1,
        le=100,
        description="force on the syringe, percent (30 for small glass, 50 for small plastic); by default as the pump has it",
    )
    max_rate: float | None = Field(
        default=None, gt=0, description="highest rate, mL/min; by default the pump's for this syringe"
    )
    model: str | None = Field(
        default=None,
        description="what the pump's name must contain; by default ELITE or LEGATO",
        examples=["PHD ULTRA"],
    )
    limits: dict[Literal["rate", "volume"], tuple[float, float]] = Field(
        default_factory=dict, description="lowest and highest rate (mL/min) and volume (mL) of one command"
    )

    @model_validator(mode="after")
    def _consistent(self) -> Elite11Settings:
        for quantity, (low, high) in self.limits.items():
            if low < 0:
                msg = f"limits of {quantity} must be 0 <= low <= high, got [{low:g}, {high:g}]"
                raise ValueError(msg)
        return self

    @property
    def step_mL(self) -> float:  # noqa: N802  the unit's symbol
        """Volume of one step of the motor, mL."""
        return area_cm2(self.syringe_mm) * STEP_CM

    @property
    def rate_range(self) -> tuple[float, float]:
        """Lowest and highest rate for this syringe, mL/min; the pump has the last word (`irate lim`)."""
        area = area_cm2(self.syringe_mm)
        return area * _SLOWEST, self.max_rate or area * _FASTEST
