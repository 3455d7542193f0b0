"""Settings of Julabo circulators; imports nothing heavy, so that files can be checked without ophyd."""

from __future__ import annotations

from typing import ClassVar, Literal

from pydantic import Field

from autolab.drivers.thermostat_settings import ThermostatSettings
from autolab.model.roles import Role


class CirculatorSettings(ThermostatSettings):
    """How a Julabo circulator is talked to, and when a temperature counts as reached."""

    role: ClassVar[Role] = "circulator"
    instruments: ClassVar[str] = "Julabo circulators: FP50-MH (v1); FP50-HP, FP52-SL, CORIO, MAGIO, DYNEO (v2)"
    checked_with: ClassVar[tuple[str, ...]] = (
        "julabo 2.3.0 (simulator)",
        "labmcp-julabo 0.1.2 (simulator)",
        "labmcp-julabo 0.1.2 (driver)",
        "lewis 1.4.0 (driver)",
    )
    from_memory: ClassVar[tuple[str, ...]] = (
        "a circulator in an alarm has stopped by itself",
        "a refused command is told by STATUS once",
    )

    dialect: Literal["v1", "v2"] = Field(
        default="v2",
        description="v1: external sensor IN_PV_01, limits IN_SP_01 and 02; v2: external sensor IN_PV_02, limits IN_SP_03 and 04",
    )
    sensor: Literal["internal", "external"] = Field(
        default="internal", description="which temperature is waited for; say at its panel which one it controls"
    )
    tells_limits: bool = Field(
        default=True, description="whether it tells its limits; false for CORIO CD and FPW55-SL, which do not"
    )
    lower_case: bool = Field(default=False, description="send commands in small letters, as newer manuals show them")
    version: str | None = Field(
        default=None, description="a part of what it must answer to VERSION", examples=["JULABO"]
    )
