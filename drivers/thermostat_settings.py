"""Settings that circulators and temperature controllers have in common; imports nothing heavy."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, model_validator

from autolab.drivers.settings import DriverSettings, dwell_within


class ThermostatSettings(DriverSettings):
    """When a temperature counts as reached, and how long that may take."""

    tolerance_C: float = Field(  # noqa: N815  the unit's symbol
        default=0.2, gt=0, le=20, description="a temperature is reached when it is so near, degC"
    )
    dwell_s: float = Field(default=60.0, ge=0, description="and stays so near for so long, s of lab time")
    timeout_s: float = Field(
        default=7200.0, gt=0, description="a temperature that is not reached within so long is an alarm, s of lab time"
    )
    poll_s: float = Field(default=5.0, gt=0, le=600, description="between two looks near the target, s of lab time")
    limits: dict[Literal["temperature"], tuple[float, float]] = Field(
        default_factory=dict, description="lowest and highest set point, degC"
    )

    @model_validator(mode="after")
    def _consistent(self) -> ThermostatSettings:
        dwell_within(self.dwell_s, self.timeout_s)
        return self
