"""Settings of Ismatec peristaltic pumps; imports nothing heavy, so that files can be checked without ophyd."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from autolab.drivers.settings import DriverSettings, not_negative
from autolab.model.roles import Role

ChannelName = Literal["ch1", "ch2", "ch3", "ch4"]


class ChannelSettings(BaseModel):
    """One channel and its hose."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    tubing_mm: float | None = Field(
        default=None,
        ge=0.13,
        le=3.17,
        description="inner diameter of the hose, mm, one that the pump knows; by default as the pump has it",
    )
    dispense: Literal["cw", "ccw"] = Field(
        default="cw", description="direction of the rollers that pushes out: clockwise or counter-clockwise"
    )


class RegloICCSettings(DriverSettings):
    """How an Ismatec Reglo ICC and its channels are set up."""

    instruments: ClassVar[str] = "Ismatec Reglo ICC, 1 to 4 channels, with channel addressing (USB or RS-232)"
    checked_with: ClassVar[tuple[str, ...]] = ("ismatec 1.5.2 (simulator)",)
    from_memory: ClassVar[tuple[str, ...]] = (
        "`:` and `W` are about one channel",
        "form of events behind `^U1|` and `^X1|`",
        "what was not saved by `*` is lost with power",
    )
    role: ClassVar[Literal[""]] = ""
    components: ClassVar[Mapping[str, Role]] = {"ch1": "pump", "ch2": "pump", "ch3": "pump", "ch4": "pump"}

    channels: dict[ChannelName, ChannelSettings] = Field(
        default_factory=dict, description="what is known of channels: `ch1: {tubing_mm: 1.52, dispense: cw}`"
    )
    serial_number: str | None = Field(
        default=None, description="that it must tell; by default any", examples=["A123456789"]
    )
    poll_s: float = Field(
        default=0.5, gt=0, description="between two looks whether a channel has stopped, s of lab time"
    )
    watch_s: float = Field(
        default=15.0, gt=0, description="between two looks while it has to move anyway, s of lab time"
    )
    limits: dict[Literal["rate", "volume"], tuple[float, float]] = Field(
        default_factory=dict,
        description="lowest and highest rate (mL/min) and volume (mL) of one command, all channels",
    )

    @model_validator(mode="after")
    def _consistent(self) -> RegloICCSettings:
        not_negative(self.limits)
        return self

    def of(self, channel: ChannelName) -> ChannelSettings:
        """Return what is known of a channel."""
        return self.channels.get(channel, ChannelSettings())
