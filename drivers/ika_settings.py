"""Settings of IKA hotplate stirrers; imports nothing heavy, so that files can be checked without ophyd."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar, Literal

from pydantic import Field, model_validator

from autolab.drivers.settings import DriverSettings
from autolab.model.roles import Role


class RCTSettings(DriverSettings):
    """How an IKA hotplate stirrer (RCT digital, C-MAG HS7) heats and stirs."""

    instruments: ClassVar[str] = "IKA hotplate stirrers: RCT digital, C-MAG HS7"
    checked_with: ClassVar[tuple[str, ...]] = (
        "ika 2.0.3 (simulator)",
        "labmcp-ika 0.1.1 (simulator)",
    )
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
    watchdog: Literal["off", "stop", "fallback"] = Field(
        default="stop",
        description="what the plate does by itself when the computer falls silent: nothing, switch off, or go to the fallback set points",
    )
    watchdog_s: float | None = Field(
        default=300.0, ge=20, le=1500, description="silence after which it does so, s; null for no watchdog"
    )
    fallback_C: float = Field(default=25.0, ge=0, description="temperature to fall back to, degC")  # noqa: N815  the unit's symbol
    fallback_rpm: float = Field(default=100.0, ge=0, description="speed to fall back to, rpm")
    model: str | None = Field(
        default=None, description="name that it must give; by default RCT digital or C-MAG HS7", examples=["RCT basic"]
    )
    limits: dict[Literal["heater", "stirrer"], tuple[float, float]] = Field(
        default_factory=dict, description="lowest and highest set point of heater (degC) and stirrer (rpm)"
    )

    @model_validator(mode="after")
    def _consistent(self) -> RCTSettings:
        if self.dwell_s >= self.timeout_s:
            msg = f"dwell_s {self.dwell_s:g} must be less than timeout_s {self.timeout_s:g}"
            raise ValueError(msg)
        return self

    @property
    def guarded(self) -> bool:
        """Whether a watchdog is wanted."""
        return self.watchdog != "off" and self.watchdog_s is not None
