"""Settings of IKA hotplate stirrers; imports nothing heavy, so that files can be checked without ophyd."""

from __future__ import annotations

from typing import ClassVar, Literal

from pydantic import Field

from autolab.drivers.hotplate_settings import HotplateSettings


class RCTSettings(HotplateSettings):
    """How an IKA hotplate stirrer (RCT digital, C-MAG HS7) heats and stirs."""

    instruments: ClassVar[str] = "IKA hotplate stirrers: RCT digital, C-MAG HS7"
    checked_with: ClassVar[tuple[str, ...]] = (
        "ika 2.0.3 (simulator)",
        "labmcp-ika 0.1.1 (simulator)",
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

    @property
    def guarded(self) -> bool:
        """Whether a watchdog is wanted."""
        return self.watchdog != "off" and self.watchdog_s is not None
