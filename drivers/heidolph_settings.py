"""Settings of Heidolph hotplate stirrers; imports nothing heavy, so that files can be checked without ophyd."""

from __future__ import annotations

from typing import ClassVar

from pydantic import Field

from autolab.drivers.hotplate_settings import HotplateSettings


class HeiConnectSettings(HotplateSettings):
    """How a Heidolph MR Hei-Connect heats and stirs."""

    instruments: ClassVar[str] = "Heidolph MR Hei-Connect hotplate stirrer"
    checked_with: ClassVar[tuple[str, ...]] = ("flowchem 1.1.6 (simulator)", "flowchem 1.1.6 (driver)")
    from_memory: ClassVar[tuple[str, ...]] = (
        "what PC Err does to heater and motor",
        "ranges of set points",
    )

    link_watch: bool = Field(
        default=True, description="have the plate stop by itself when the computer is silent for 10 s"
    )
    firmware: str | None = Field(
        default=None, description="refuse a plate with other firmware; by default any is taken"
    )
