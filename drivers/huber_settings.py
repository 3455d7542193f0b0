"""Settings of Huber thermostats; imports nothing heavy, so that files can be checked without ophyd."""

from __future__ import annotations

from typing import ClassVar, Literal

from pydantic import Field

from autolab.drivers.thermostat_settings import ThermostatSettings
from autolab.model.roles import Role


class CirculatorSettings(ThermostatSettings):
    """How a Huber thermostat is talked to, and when a temperature counts as reached."""

    role: ClassVar[Role] = "circulator"
    instruments: ClassVar[str] = (
        "Huber thermostats and chillers that take PB commands: Pilot ONE, Unistat, Ministat, Petite Fleur"
    )
    checked_with: ClassVar[tuple[str, ...]] = ("flowchem 1.1.6 (simulator)",)
    from_memory: ClassVar[tuple[str, ...]] = (
        "which bits of the status word are counted from its low end",
        "an error stops it",
        "a set point outside its limits is cut to them",
    )

    sensor: Literal["internal", "process"] = Field(
        default="internal", description="which temperature is waited for: the bath, or the process probe"
    )
    serial_number: int | None = Field(
        default=None, description="serial number that it must have, as `identify` tells it", examples=[123456]
    )
