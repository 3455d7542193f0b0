"""What the settings of all mass flow controllers have in common; imports nothing heavy."""

from __future__ import annotations

from typing import ClassVar, Literal, Self

from pydantic import Field, model_validator

from autolab.drivers.settings import DriverSettings, dwell_within
from autolab.model.roles import Role


class GasFlowSettings(DriverSettings):
    """When a flow has arrived, and which apparatus is taken."""

    role: ClassVar[Role] = "flow_controller"

    tolerance_percent: float = Field(
        default=1.0, gt=0, le=20, description="a flow is reached when it is so near, percent of full scale"
    )
    dwell_s: float = Field(default=2.0, ge=0, description="and stays so near for so long, s of lab time")
    timeout_s: float = Field(
        default=60.0, gt=0, description="a flow that is not reached within so long is an alarm, s of lab time"
    )
    poll_s: float = Field(default=0.5, gt=0, description="between two looks at the flow, s of lab time")
    serial_number: str | None = Field(default=None, description="refuse every other apparatus; by default any is taken")
    limits: dict[Literal["flow"], tuple[float, float]] = Field(
        default_factory=dict, description="lowest and highest flow, mL/min; closing is always allowed"
    )

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        dwell_within(self.dwell_s, self.timeout_s)
        return self
