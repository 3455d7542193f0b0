"""Settings of the formulation protocol; imports nothing heavy, so that files can be checked quickly."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, field_validator, model_validator

from autolab.protocols.protocol import Settings

FIXED_NEEDS = {
    "rinse": "pump",
    "transfer": "pump",
    "waste": "pump",
    "balance": "balance",
    "heater": "heater",
    "stirrer": "stirrer",
    "cell": "sensor",
}
"""Roles that every formulation needs, besides its stocks."""

TAKEN = (*FIXED_NEEDS, "temperature", "conductivity", "cost", "stocks", "now")
"""What a stock cannot be called."""

Range = tuple[float, float]


class FormulationSettings(Settings):
    """What is mixed, how much of it, and how it is moved, warmed and measured.

    The rates suit a syringe of 26.7 mm on a pump that makes 28 mL/min with it.
    """

    stocks: tuple[str, ...] = Field(
        min_length=1,
        max_length=20,
        description="the mixture's components: each is a role that a pump plays, and a parameter (volume fraction)",
        examples=[["ec_emc", "pc", "emc", "salt"]],
    )
    batch_mL: float = Field(8.0, gt=0, le=1000, description="what is mixed in an attempt, mL")  # noqa: N815  the unit's symbol
    composition: dict[str, Range] = Field(
        default_factory=dict,
        description="allowed range by species: mass fraction of the solvent, or mol per kg of solvent of a salt",
        examples=[{"EC": [0, 0.6], "LiPF6": [0.28, 2.3]}],
    )
    temperature: float = Field(25.0, ge=-50, le=300, description="of the cell unless the point sets it, degC")
    replicates: int = Field(3, ge=2, le=50, description="measurements of an attempt, for their standard error")

    smallest_mL: float = Field(0.04, gt=0, description="smallest dose that the pumps make well, mL")  # noqa: N815  the unit's symbol
    small_doses: Literal["round", "refuse"] = Field(
        "round",
        description="a smaller dose is rounded to none or to the smallest one, whichever is nearer; or it is refused",
    )
    tolerance_percent: float = Field(3.0, gt=0, le=50, description="a dose may weigh so much more or less, % of it")
    tolerance_g: float = Field(0.03, gt=0, description="or so much, where that is more, g")

    mixer_mL: float = Field(20.0, gt=0, description="what the mixing vessel on the balance holds, mL")  # noqa: N815  the unit's symbol
    cell_mL: float = Field(20.0, gt=0, description="what the cell on the hotplate holds, mL")  # noqa: N815  the unit's symbol
    immersion_mL: float = Field(5.0, ge=0, description="what must be in the cell for the probe to be covered, mL")  # noqa: N815  the unit's symbol
    residue_g: float = Field(0.3, gt=0, description="what may be left in the mixing vessel when it counts as empty, g")
    air_mL: float = Field(3.0, ge=0, description="drawn after the liquid and pushed behind it to clear the lines, mL")  # noqa: N815  the unit's symbol

    dose_rate: float = Field(12.0, gt=0, description="of dosing, mL/min")
    refill_rate: float = Field(15.0, gt=0, description="of refilling pumps from their bottles, mL/min")
    rinse_rate: float = Field(20.0, gt=0, description="of dosing the rinse liquid, mL/min")
    transfer_rate: float = Field(20.0, gt=0, description="from the mixing vessel to the cell, mL/min")
    waste_rate: float = Field(20.0, gt=0, description="from the cell to the drain, mL/min")

    rest_s: float = Field(5.0, ge=0, description="between a movement and its weighing, s")
    settle_g: float = Field(0.005, gt=0, description="weighings that agree to this are settled, g")
    settle_s: float = Field(60.0, gt=0, description="longest wait for a settled weighing, s")

    stir_rpm: float = Field(400.0, gt=0, description="speed of the stirrer, 1/min")
    mix_s: float = Field(90.0, ge=0, description="least time of stirring while the cell is warmed, s")
    equilibrate_s: float = Field(60.0, ge=0, description="waited when the temperature is reached, s")
    replicate_s: float = Field(15.0, ge=0, description="between two measurements, s")
    noise_percent: float = Field(0.3, gt=0, description="standard deviation of one measurement, % of it")
    noise_mS_cm: float = Field(0.005, gt=0, description="and at least this, mS/cm")  # noqa: N815  the unit's symbol
    series: int = Field(2, ge=1, le=10, description="series measured before a trend is called the probe's drift")

    rinse_mL: float = Field(6.0, gt=0, description="of one rinse, mL")  # noqa: N815  the unit's symbol
    rinses: int = Field(1, ge=1, description="least number of rinses after an attempt")
    max_rinses: int = Field(4, ge=1, le=20, description="rinses after which the cell must be clean")
    rinse_s: float = Field(20.0, ge=0, description="stirred before a rinse is measured, s")
    clean_mS_cm: float = Field(0.2, gt=0, description="a rinse that conducts no more leaves a clean cell, mS/cm")  # noqa: N815  the unit's symbol

    @field_validator("stocks")
    @classmethod
    def _names(cls, names: tuple[str, ...]) -> tuple[str, ...]:
        for name in names:
            if not name.isidentifier():
                msg = f"{name!r} cannot name a stock's role: use letters, digits and _, such as 'ec_emc'"
                raise ValueError(msg)
            if name in TAKEN:
                msg = f"{name!r} means something else here: call the stock's role '{name}_stock', say"
                raise ValueError(msg)
        if len(set(names)) < len(names):
            msg = f"each stock once, got {list(names)}"
            raise ValueError(msg)
        return names

    @field_validator("composition")
    @classmethod
    def _ranges(cls, composition: dict[str, Range]) -> dict[str, Range]:
        for species, (low, high) in composition.items():
            if not 0 <= low <= high:
                msg = f"{species}: a range is [low, high] with 0 <= low <= high, got [{low:g}, {high:g}]"
                raise ValueError(msg)
        return composition

    @model_validator(mode="after")
    def _fits(self) -> FormulationSettings:
        for what in ("batch_mL", "rinse_mL"):
            volume = getattr(self, what)
            for vessel in ("mixer_mL", "cell_mL"):
                if volume > getattr(self, vessel):
                    msg = f"{what} {volume:g} does not fit: {vessel} is {getattr(self, vessel):g}"
                    raise ValueError(msg)
            if volume < self.immersion_mL:
                msg = f"{what} {volume:g} would not cover the probe: immersion_mL is {self.immersion_mL:g}"
                raise ValueError(msg)
        if self.rinses > self.max_rinses:
            msg = f"rinses {self.rinses} is more than max_rinses {self.max_rinses}"
            raise ValueError(msg)
        if self.smallest_mL > self.batch_mL:
            msg = f"smallest_mL {self.smallest_mL:g} is more than the batch (batch_mL {self.batch_mL:g})"
            raise ValueError(msg)
        return self
