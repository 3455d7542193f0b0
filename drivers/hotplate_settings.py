"""Settings of hotplate stirrers, whoever made them; imports nothing heavy, so that files can be checked without ophyd."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar, Literal, Self

from pydantic import Field, model_validator

from autolab.drivers.settings import DriverSettings, dwell_within
from autolab.model.roles import Role


class HotplateSettings(DriverSettings):
    """How a hotplate stirrer heats and stirs."""

    role: ClassVar[Literal[""]] = ""
    components: ClassVar[Mapping[str, Role]] = {"heater": "heater", "stirrer": "stirrer"}

    sensor: Literal["external", "plate"] = Field(
        default="external",
        description="which temperature is controlled and read back: the external probe in the liquid, or the plate",
    )
    tolerance_C: float = Field(  # noqa: N815  the unit's symbol
        default=0.5, gt=0, le=20, description="a temperature is reached when it is so near, degC"
    )
    dwell_s: float = Field(default=30.0, ge=0, description="and stays so near for so long, s of lab time")
    timeout_s: float = Field(
        default=3600.0, gt=0, description="a temperature that is not reached within so long is an alarm, s of lab time"
    )
    tolerance_rpm: float = Field(
        default=10.0, gt=0, description="a speed is reached when it is so near, rpm; or within 2 percent"
    )
    spin_s: float = Field(
        default=60.0, gt=0, description="a speed that is not reached within so long is an alarm, s of lab time"
    )
    poll_s: float = Field(default=5.0, gt=0, description="between two looks near the end of a change, s of lab time")
    watch_s: float = Field(
        default=30.0, gt=0, le=600, description="between two looks while anything is on, s of lab time"
    )
    limits: dict[Literal["heater", "stirrer"], tuple[float, float]] = Field(
        default_factory=dict, description="lowest and highest set point of heater (degC) and stirrer (rpm)"
    )

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        dwell_within(self.dwell_s, self.timeout_s)
        return self
