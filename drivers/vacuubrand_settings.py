"""Settings of Vacuubrand vacuum controllers; imports nothing heavy."""

from __future__ import annotations

from typing import ClassVar, Literal, Self

from pydantic import Field, model_validator

from autolab.drivers.settings import DriverSettings, dwell_within
from autolab.model.roles import Role


class CVC3000Settings(DriverSettings):
    """How a vacuum controller evacuates and vents."""

    instruments: ClassVar[str] = "Vacuubrand CVC 3000 vacuum controller"
    checked_with: ClassVar[tuple[str, ...]] = ("flowchem 1.1.6 (simulator)",)
    from_memory: ClassVar[tuple[str, ...]] = (
        "ECHO is taken while remote is off",
        "after power-up remote and echo are off and nothing runs",
    )
    role: ClassVar[Role] = "pressure_controller"

    tolerance_bar: float = Field(
        default=0.005, gt=0, le=0.1, description="a pressure is reached when it is so near, bar"
    )
    dwell_s: float = Field(default=10.0, ge=0, description="and stays so near for so long, s of lab time")
    timeout_s: float = Field(
        default=1800.0, gt=0, description="a pressure that is not reached within so long is an alarm, s of lab time"
    )
    vented_bar: float = Field(
        default=0.95, gt=0, le=1.06, description="the vessel counts as vented from this pressure on, bar"
    )
    vent_s: float = Field(
        default=300.0, gt=0, description="a vessel that is not vented within so long is an alarm, s of lab time"
    )
    poll_s: float = Field(default=2.0, gt=0, description="between two looks at the pressure, s of lab time")
    firmware: str | None = Field(
        default=None, description="version that it must tell, as it tells it; by default any CVC 3000"
    )
    limits: dict[Literal["pressure"], tuple[float, float]] = Field(
        default_factory=dict, description="lowest and highest set pressure, bar"
    )

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        dwell_within(self.dwell_s, self.timeout_s)
        return self
