"""Settings of the gravimetric protocol; imports nothing heavy, so that files can be checked quickly."""

from __future__ import annotations

from pydantic import Field, model_validator

from autolab.protocols.protocol import Settings


class GravimetricSettings(Settings):
    """How doses are made and weighed; `rate`, `suck_back` and `dwell` hold unless the point sets them."""

    target_mL: float = Field(1.0, gt=0, le=100, description="volume of a dose, mL")  # noqa: N815  the unit's symbol
    density: float = Field(0.9982, gt=0.1, lt=20, description="of the liquid, g/mL; water at 20 degC unless said")
    repeats: int = Field(5, ge=2, le=100, description="doses of one attempt")
    rate: float = Field(5.0, gt=0, description="of dosing, mL/min")
    suck_back: float = Field(0.0, ge=0, le=500, description="drawn back after each dose, uL")
    dwell: float = Field(5.0, ge=0, le=600, description="waited after each dose for the last drop, s")
    suck_back_rate: float = Field(2.0, gt=0, description="of drawing back, mL/min")
    nozzle_uL: float | None = Field(  # noqa: N815  the unit's symbol
        None, ge=0, description="most that comes back from the nozzle before the outlet's check valve closes, uL"
    )
    prime_mL: float = Field(0.3, ge=0, description="dosed, not counted, before the first dose, mL")  # noqa: N815  the unit's symbol
    vessel_mL: float = Field(100.0, gt=0, description="what the vessel on the balance holds, mL")  # noqa: N815  the unit's symbol
    residue_g: float = Field(0.5, gt=0, description="what may be left in the vessel when it counts as empty, g")
    refill_rate: float = Field(3.0, gt=0, description="of refilling the dosing pump, mL/min")
    waste_rate: float = Field(20.0, gt=0, description="of emptying the vessel, mL/min")
    rest_s: float = Field(75.0, ge=0, description="between a dose and its weighing, for the vessel to come to rest, s")
    settle_g: float = Field(0.002, gt=0, description="weighings that agree to this are settled, g")
    settle_s: float = Field(60.0, gt=0, description="longest wait for a settled weighing, s")

    @model_validator(mode="after")
    def _fits(self) -> GravimetricSettings:
        total = self.prime_mL + self.repeats * self.target_mL
        if total > self.vessel_mL:
            msg = (
                f"{self.repeats} doses of {self.target_mL:g} mL and {self.prime_mL:g} mL of priming make {total:g} mL, "
                f"more than the vessel holds (vessel_mL {self.vessel_mL:g}): fewer repeats or a smaller target"
            )
            raise ValueError(msg)
        return self
