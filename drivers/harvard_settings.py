"""Settings of Harvard Apparatus and KDS syringe pumps; imports nothing heavy, so that files can be checked without ophyd."""

from __future__ import annotations

from typing import ClassVar, Final

from pydantic import Field

from autolab.drivers.settings import CountingPumpSettings, area_cm2

STEP_CM: Final = 2.54 / 24 / (400 * 16 * 2.4)
"""One step of the motor, cm of travel: 24 threads per inch, 400 steps a turn in 16, pulleys 2.4:1 (its `metrics`)."""
_SLOWEST: Final = 60 * STEP_CM / 27.0  # plunger, cm/min: one step in 27 s (its `metrics`)
_FASTEST: Final = 60 * STEP_CM / 26e-6  # plunger, cm/min: one step in 26 us (its `metrics`)


class Elite11Settings(CountingPumpSettings):
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
    force: int | None = Field(
        default=None,
        ge=1,
        le=100,
        description="force on the syringe, percent (30 for small glass, 50 for small plastic); by default as the pump has it",
    )
    model: str | None = Field(
        default=None,
        description="what the pump's name must contain; by default ELITE or LEGATO",
        examples=["PHD ULTRA"],
    )

    @property
    def step_mL(self) -> float:  # noqa: N802  the unit's symbol
        """Volume of one step of the motor, mL."""
        return area_cm2(self.syringe_mm) * STEP_CM

    @property
    def rate_range(self) -> tuple[float, float]:
        """Lowest and highest rate for this syringe, mL/min; the pump has the last word (`irate lim`)."""
        area = area_cm2(self.syringe_mm)
        return area * _SLOWEST, self.max_rate or area * _FASTEST
